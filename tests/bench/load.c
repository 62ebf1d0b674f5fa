/* load — requests over plain sockets, as fast as the server answers, on 127.0.0.1.
 *
 *     bench_load post  PORT CONNECTIONS TOTAL BYTES PATH [HEADER]...   uploads of random bytes
 *     bench_load get   PORT CONNECTIONS TOTAL PATH [HEADER]...
 *     bench_load first PORT CONNECTIONS TOTAL PATH [HEADER]...  hangs up at the first byte, and
 *                            rests until the server has noticed
 *     bench_load range PORT TOTAL FILE_BYTES RANGE_BYTES PATH [HEADER]...  one connection, random
 *
 * Connections are kept alive. Prints one JSON object: how many were answered with a success and how
 * many not, the seconds for all of them, and of the single requests the milliseconds from the first
 * byte sent to the last one received, and to the first one of the body. A client of our own and not
 * libcurl, because it must cost little beside what it measures. */
#include "picoshare/base/clock.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/num.h"
#include "picoshare/base/rng.h"
#include "picoshare/base/slice.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MAX_THREADS = 256,
    HEAD_BYTES = 16 * KIB,
    BODY_BYTES = 256 * KIB,
    TIMEOUT_S = 120,
    REST_MS = 10
};
#define BOUNDARY "----benchmarkboundary"

enum kind { POST, GET, FIRST, RANGE };
static const char *const kinds[] = {"post", "get", "first", "range"};

static struct {
    enum kind kind;
    uint16_t port;
    int64_t connections;
    int64_t total;
    int64_t bytes; /* of one upload or one range */
    int64_t file_bytes;
    const char *path;
    char headers[HEAD_BYTES];
} plan;

static atomic_int_least64_t next_request;
static atomic_int_least64_t failed;
static double *whole_ms; /* by request; negative: it failed */
static double *first_ms;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "bench_load: %s\n", what);
    exit(1);
}

static double now_ms(void)
{
    return (double)clock_now_ns(&clock_system) / 1e6;
}

/* ---- one connection ---- */

struct client {
    int fd; /* -1: none */
    char head[HEAD_BYTES];
    char *request; /* head and body, to be sent in one go */
    size_t request_len;
    uint64_t random;
};

static bool dial(struct client *c)
{
    const struct timeval timeout = {.tv_sec = TIMEOUT_S};
    const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(plan.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        return false;
    }
    (void)setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return connect(c->fd, (struct sockaddr *)&address, sizeof address) == 0;
}

static bool send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

struct answer {
    int status;
    bool closes;
    double first_ms; /* when the first byte of the body came */
};

/* Reads one answer with a Content-Length and throws its body away; FIRST reads its beginning. */
static bool receive(struct client *c, struct answer *answer)
{
    static _Thread_local char body[BODY_BYTES];
    size_t len = 0;
    char *end = NULL;
    while (end == NULL) {
        ssize_t n = recv(c->fd, c->head + len, sizeof c->head - 1 - len, 0);
        if (n <= 0) {
            return false;
        }
        len += (size_t)n;
        c->head[len] = '\0';
        end = strstr(c->head, "\r\n\r\n");
    }
    size_t body_len = len - (size_t)(end + 4 - c->head);
    answer->first_ms = body_len > 0 ? now_ms() : 0;
    end[2] = '\0';
    answer->closes = strcasestr(c->head, "\r\nconnection: close") != NULL;
    const char *length = strcasestr(c->head, "\r\ncontent-length: ");
    int64_t status = 0;
    int64_t left = 0;
    if (length != NULL) {
        length += strlen("\r\ncontent-length: ");
    }
    if (num_parse_i64(slice_of(c->head + 9, 3), 100, 599, &status) != ERR_OK || length == NULL ||
        num_parse_i64(slice_of(length, strcspn(length, "\r")), 0, INT64_MAX, &left) != ERR_OK) {
        return false;
    }
    answer->status = (int)status;
    left -= (int64_t)body_len;
    while (left > 0 && (plan.kind != FIRST || answer->first_ms == 0)) {
        ssize_t n = recv(c->fd, body, left < BODY_BYTES ? (size_t)left : BODY_BYTES, 0);
        if (n <= 0) {
            return false;
        }
        if (answer->first_ms == 0) {
            answer->first_ms = now_ms();
        }
        left -= n;
    }
    answer->closes = answer->closes || plan.kind == FIRST;
    return left == 0 || plan.kind == FIRST;
}

/* ---- requests ---- */

static uint64_t next_random(uint64_t *state) /* xorshift: only spread is needed */
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void make_post(struct client *c, int64_t number)
{
    static const char start[] = "--" BOUNDARY "\r\n"
                                "Content-Disposition: form-data; name=\"file\"; filename=\"bench-";
    static const char tail[] = "\r\n--" BOUNDARY "--\r\n";
    char part[512];
    int part_len = snprintf(part, sizeof part, "%s%lld.bin\"\r\n\r\n", start, (long long)number);
    size_t size = HEAD_BYTES + (size_t)plan.bytes + sizeof part + sizeof tail;
    if (c->request == NULL && (c->request = malloc(size)) == NULL) {
        die("no memory");
    }
    int64_t body_len = part_len + plan.bytes + (int64_t)strlen(tail);
    int len = snprintf(c->request, HEAD_BYTES,
                       "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s"
                       "Content-Type: multipart/form-data; boundary=" BOUNDARY "\r\n"
                       "Content-Length: %lld\r\n\r\n%s",
                       plan.path, plan.port, plan.headers, (long long)body_len, part);
    char *bytes = c->request + len;
    for (int64_t i = 0; i + 8 <= plan.bytes; i += 8) {
        uint64_t word = next_random(&c->random);
        memcpy(bytes + i, &word, sizeof word);
    }
    memcpy(bytes + plan.bytes, tail, strlen(tail));
    c->request_len = (size_t)len + (size_t)plan.bytes + strlen(tail);
}

static void make_get(struct client *c)
{
    char range[80] = "";
    if (plan.kind == RANGE) {
        int64_t most = plan.file_bytes - plan.bytes;
        int64_t from = (int64_t)(next_random(&c->random) % (uint64_t)(most + 1));
        (void)snprintf(range, sizeof range, "Range: bytes=%lld-%lld\r\n", (long long)from,
                       (long long)(from + plan.bytes - 1));
    }
    if (c->request == NULL && (c->request = malloc(HEAD_BYTES)) == NULL) {
        die("no memory");
    }
    c->request_len = (size_t)snprintf(c->request, HEAD_BYTES,
                                      "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s%s\r\n",
                                      plan.path, plan.port, plan.headers, range);
}

static void ask(struct client *c, int64_t number)
{
    struct answer answer = {.status = 0};
    if (plan.kind == POST) {
        make_post(c, number);
    } else {
        make_get(c);
    }
    double start = now_ms();
    bool good = (c->fd >= 0 || dial(c)) && send_all(c->fd, c->request, c->request_len) &&
                receive(c, &answer);
    whole_ms[number] = good && answer.status / 100 == 2 ? now_ms() - start : -1;
    first_ms[number] = answer.first_ms - start;
    if (whole_ms[number] < 0) {
        atomic_fetch_add(&failed, 1);
    }
    if (c->fd >= 0 && (!good || answer.closes)) {
        (void)close(c->fd);
        c->fd = -1;
    }
    if (plan.kind == FIRST) {
        (void)nanosleep(&(struct timespec){.tv_nsec = REST_MS * 1000000L}, NULL);
    }
}

static void *client_main(void *arg)
{
    (void)arg;
    struct client *c = calloc(1, sizeof *c);
    if (c == NULL || rng_fill(&rng_system, &c->random, sizeof c->random) != ERR_OK) {
        die("no memory or no random bytes");
    }
    c->fd = -1;
    c->random |= 1;
    for (;;) {
        int64_t number = atomic_fetch_add(&next_request, 1);
        if (number >= plan.total) {
            break;
        }
        ask(c, number);
    }
    if (c->fd >= 0) {
        (void)close(c->fd);
    }
    free(c->request);
    free(c);
    return NULL;
}

/* ---- the sum ---- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_percentiles(const char *name, double *ms)
{
    int64_t good = 0;
    for (int64_t i = 0; i < plan.total; i++) {
        if (whole_ms[i] >= 0) {
            ms[good++] = ms[i];
        }
    }
    qsort(ms, (size_t)good, sizeof *ms, compare);
    static const struct {
        const char *name;
        double part;
    } marks[] = {{"p50", 0.5}, {"p99", 0.99}, {"max", 1}};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        double value = good > 0 ? ms[(int64_t)((double)(good - 1) * marks[i].part + 0.5)] : 0;
        printf(", \"%s_%s_ms\": %.4f", name, marks[i].name, value);
    }
}

static int64_t number(const char *text)
{
    int64_t value = 0;
    if (text == NULL || num_parse_i64(slice_str(text), 0, INT64_MAX, &value) != ERR_OK) {
        die("a number is missing or wrong");
    }
    return value;
}

static void read_plan(char **argv)
{
    char **arg = argv + 1;
    const char *kind = *arg != NULL ? *arg++ : "";
    while (strcmp(kind, kinds[plan.kind]) != 0) {
        if (plan.kind++ == RANGE) {
            die("usage: bench_load post|get|first|range PORT …, see the head of its source");
        }
    }
    plan.port = (uint16_t)number(*arg++);
    plan.connections = plan.kind == RANGE ? 1 : number(*arg++);
    plan.total = number(*arg++);
    plan.file_bytes = plan.kind == RANGE ? number(*arg++) : 0;
    plan.bytes = plan.kind == POST || plan.kind == RANGE ? number(*arg++) : 0;
    plan.path = *arg;
    if (plan.path == NULL || plan.connections < 1 || plan.connections > MAX_THREADS ||
        (plan.kind == RANGE && plan.bytes > plan.file_bytes)) {
        die("the path is missing, or a number out of range");
    }
    size_t len = 0;
    while (*++arg != NULL) {
        len += (size_t)snprintf(plan.headers + len, sizeof plan.headers - len, "%s\r\n", *arg);
        if (len >= sizeof plan.headers) {
            die("too many headers");
        }
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    read_plan(argv);
    whole_ms = calloc((size_t)plan.total + 1, sizeof *whole_ms);
    first_ms = calloc((size_t)plan.total + 1, sizeof *first_ms);
    if (whole_ms == NULL || first_ms == NULL) {
        die("no memory");
    }
    pthread_t threads[MAX_THREADS];
    double start = now_ms();
    for (int64_t i = 0; i < plan.connections; i++) {
        if (pthread_create(&threads[i], NULL, client_main, NULL) != 0) {
            die("no thread");
        }
    }
    for (int64_t i = 0; i < plan.connections; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    double seconds = (now_ms() - start) / 1000;
    printf("{\"ok\": %lld, \"failed\": %lld, \"seconds\": %.6f",
           (long long)(plan.total - atomic_load(&failed)), (long long)atomic_load(&failed),
           seconds);
    print_percentiles("first", first_ms);
    print_percentiles("whole", whole_ms);
    printf("}\n");
    free(whole_ms);
    free(first_ms);
    return atomic_load(&failed) > 0;
}
