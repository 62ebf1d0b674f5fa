/* The program under a service manager: its messages, its watchdog, a socket that outlives it, and
 * restarts that nobody notices (docs/decisions/0016). */
#include "harness.h"
#include "picoshare/base/num.h"
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SEED = 29, FILE_BYTES = 1000000, RESTARTS = 10, MAX_MESSAGE = 200 };

/* ---- messages ---- */

struct manager {
    int fd;
    char variable[160]; /* that names it */
};

static void open_manager(bool is_abstract, struct manager *ret)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char dir[200];
    harness_new_dir(dir, sizeof dir);
    int len = snprintf(address.sun_path, sizeof address.sun_path, "%s%s/notify",
                       is_abstract ? "@" : "", dir);
    assert_true(len > 0 && (size_t)len < sizeof address.sun_path);
    snprintf(ret->variable, sizeof ret->variable, "NOTIFY_SOCKET=%s", address.sun_path);
    if (is_abstract) {
        address.sun_path[0] = '\0';
    }
    ret->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(ret->fd >= 0);
    assert_int_equal(bind(ret->fd, (const struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)),
                     0);
}

/* The next message within this time; false: none came. */
static bool next_message(const struct manager *m, int ms, char ret_text[MAX_MESSAGE])
{
    struct pollfd in = {.fd = m->fd, .events = POLLIN};
    ret_text[0] = '\0';
    if (poll(&in, 1, ms) != 1) {
        return false;
    }
    ssize_t len = recv(m->fd, ret_text, MAX_MESSAGE - 1, 0);
    assert_true(len > 0);
    ret_text[len] = '\0';
    return true;
}

static void expect_message(const struct manager *m, const char *line)
{
    char text[MAX_MESSAGE];
    do {
        if (!next_message(m, HANG_SECONDS * 1000, text)) {
            fail_msg("not said: %s", line);
        }
    } while (strncmp(text, line, strlen(line)) != 0);
}

static void forget_messages(const struct manager *m)
{
    char text[MAX_MESSAGE];
    while (next_message(m, 0, text)) {
    }
}

/* It is ready when it listens, not before; and says that it stops. Without a watchdog, no more. */
static void test_messages(void **state)
{
    (void)state;
    for (int is_abstract = 0; is_abstract <= 1; is_abstract++) {
        struct manager m;
        struct server s;
        char text[MAX_MESSAGE];
        open_manager(is_abstract != 0, &m);
        const char *const env[] = {m.variable, NULL};
        server_start(&s, &(struct server_options){.env = env});
        assert_true(next_message(&m, HANG_SECONDS * 1000, text));
        assert_string_equal(text, "READY=1\nSTATUS=Serving files");
        struct response r;
        http_get(&s, "/healthz", &r);
        expect_answer(&r, 200, "ok\n");
        response_done(&r);
        assert_false(next_message(&m, 1500, text));
        server_end(&s);
        assert_true(next_message(&m, 0, text));
        assert_string_equal(text, "STOPPING=1\nSTATUS=Letting requests end");
        close(m.fd);
    }
}

/* Whoever was started from a terminal of a service that is gone. */
static void test_nobody_listens(void **state)
{
    static const char *const variables[] = {"NOTIFY_SOCKET=/nowhere/notify", "NOTIFY_SOCKET=notify",
                                            "NOTIFY_SOCKET=@picoshare/nobody"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        const char *const env[] = {variables[i], "WATCHDOG_USEC=1000000", NULL};
        struct server s;
        server_start(&s, &(struct server_options){.env = env});
        server_end(&s);
        assert_true(server_said(&s, "level=warn msg=\""));
        assert_true(server_said(&s, "NOTIFY_SOCKET"));
    }
}

/* ---- the watchdog ---- */

static pid_t find_thread(const struct server *s, const char *name)
{
    char path[300];
    int64_t found = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)s->pid);
    DIR *tasks = opendir(path);
    assert_non_null(tasks);
    for (struct dirent *task = readdir(tasks); task != NULL; task = readdir(tasks)) {
        struct buf text;
        snprintf(path, sizeof path, "/proc/%d/task/%s/comm", (int)s->pid, task->d_name);
        harness_read_file(path, &text);
        if (strncmp(buf_str(&text), name, strlen(name)) == 0) {
            assert_int_equal(num_parse_i64(slice_str(task->d_name), 1, INT32_MAX, &found), ERR_OK);
        }
        buf_done(&text);
    }
    closedir(tasks);
    return (pid_t)found;
}

/* Holds one thread of the server, as a debugger would; false: that is not allowed here. */
static bool hold(pid_t thread)
{
    int status = 0;
    return ptrace(PTRACE_SEIZE, thread, NULL, NULL) == 0 &&
           ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) == 0 &&
           waitpid(thread, &status, __WALL) == thread;
}

/* Fed while all is well, and not while the writer does not come back. */
static void test_watchdog(void **state)
{
    enum { WHILE_MS = 6000 };
    (void)state;
    struct manager m;
    struct server s;
    char text[MAX_MESSAGE];
    open_manager(false, &m);
    const char *const env[] = {m.variable, "WATCHDOG_USEC=10000000", NULL};
    server_start(&s, &(struct server_options){.env = env});
    expect_message(&m, "WATCHDOG=1");
    expect_message(&m, "WATCHDOG=1");
    expect_message(&m, "WATCHDOG=1");
    pid_t writer = find_thread(&s, "writer");
    assert_true(writer > 0);
    if (!hold(writer)) {
        server_end(&s);
        close(m.fd);
        print_message("[  SKIP    ] a thread cannot be held here: %s\n", strerror(errno));
        skip();
    }
    forget_messages(&m);
    int fed = 0;
    for (int64_t end = harness_now_ms() + WHILE_MS; harness_now_ms() < end;) {
        fed += next_message(&m, 500, text);
    }
    assert_true(fed <= 1); /* it may just have answered */
    assert_int_equal(ptrace(PTRACE_DETACH, writer, NULL, NULL), 0);
    expect_message(&m, "WATCHDOG=1");
    expect_message(&m, "WATCHDOG=1");
    server_end(&s);
    close(m.fd);
}

/* ---- a socket that is handed over ---- */

static int open_listener(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, SOMAXCONN), 0);
    return fd;
}

static void expect_refused(int listen_fd, const char *const *env, const char *word)
{
    struct server s;
    int code = 0;
    assert_false(
        server_try_start(&s, &(struct server_options){.listen_fd = listen_fd, .env = env}, &code));
    assert_int_equal(code, 1);
    if (!server_said(&s, word)) {
        fail_msg("not said: %s", word);
    }
}

static void test_bad_sockets(void **state)
{
    static const char *const two[] = {"LISTEN_FDS=2", NULL};
    (void)state;
    int fd = open_listener();
    expect_refused(fd, two, "only one socket");
    close(fd);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    expect_refused(fd, NULL, "does not listen for TCP");
    close(fd);
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    expect_refused(fd, NULL, "does not listen for TCP");
    close(fd);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(listen(fd, 1), -1); /* it has no address */
    expect_refused(fd, NULL, "does not listen for TCP");
    close(fd);
}

/* What was meant for another process, a parent perhaps, is not looked at. */
static void test_not_for_us(void **state)
{
    static const char *const env[] = {"LISTEN_PID=1", "LISTEN_FDS=1", NULL};
    (void)state;
    struct server s;
    struct response r;
    server_start(&s, &(struct server_options){.env = env});
    http_get(&s, "/healthz", &r);
    expect_answer(&r, 200, "ok\n");
    response_done(&r);
    server_end(&s);
}

/* ---- stopping ---- */

/* Until nobody is let in any more: what is asked from then on is told that it was the last. */
static bool wait_stopping(const struct server *s)
{
    int64_t end = harness_now_ms() + HANG_SECONDS * 1000;
    bool stops = false;
    struct raw *probe = malloc(sizeof *probe);
    assert_non_null(probe);
    while (!stops && harness_now_ms() < end) {
        stops = !raw_open(s, probe);
        if (!stops) {
            raw_abort(probe);
            harness_sleep_ms(2);
        }
    }
    free(probe);
    return stops;
}

static const char request_text[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

/* A request of which so much is sent before the server stops, and the rest right after: it is
 * answered, and told that it was the last one. False: this machine was too busy to be quick, which
 * counts for a connection on which nothing was sent. */
static bool is_answered_at_last(size_t sent, struct raw *c)
{
    enum { QUICK_MS = 700 }; /* of FIRST_REQUEST_MS */
    struct server s;
    struct response r;
    server_start(&s, NULL);
    int64_t start = harness_now_ms();
    assert_true(raw_open(&s, c));
    assert_true(raw_send(c, request_text, sent));
    http_get(&s, "/healthz", &r); /* the one before it has been accepted, then */
    response_done(&r);
    kill(s.pid, SIGTERM);
    assert_true(wait_stopping(&s));
    bool was_sent = raw_text(c, request_text + sent);
    bool quick = sent > 0 || harness_now_ms() - start < QUICK_MS;
    if (quick) {
        assert_true(was_sent);
        assert_int_equal(raw_answer(c, false, &r), RAW_OK);
        expect_answer(&r, 200, "ok\n");
        assert_true(response_has(&r, "Connection", "close"));
        response_done(&r);
        assert_true(raw_wait_closed(c));
    }
    raw_close(c);
    int code = server_signal(&s, 0);
    assert_true(!quick || code == 0);
    return quick;
}

/* Who connected in the last moment, and who had begun a request. */
static void test_last_request(void **state)
{
    enum { TRIES = 20 };
    static const size_t sent[] = {0, 30};
    (void)state;
    struct raw *c = malloc(sizeof *c);
    assert_non_null(c);
    for (size_t i = 0; i < ARRAY_LEN(sent); i++) {
        int tries = 0;
        while (!is_answered_at_last(sent[i], c)) {
            assert_true(++tries < TRIES);
        }
    }
    free(c);
}

/* Browsers connect in advance; that keeps nobody from stopping, and is no request that was cut. */
static void test_nothing_asked(void **state)
{
    (void)state;
    struct server s;
    struct raw *c = malloc(sizeof *c);
    assert_non_null(c);
    server_start(&s, NULL);
    assert_true(raw_open(&s, c));
    server_end(&s);
    assert_true(raw_wait_closed(c));
    raw_close(c);
    free(c);
}

/* ---- restarts ---- */

struct client {
    struct server server; /* a copy: the port stays */
    const char *path;     /* to be got; NULL: uploads */
    bool keeps;           /* its connection */
    pthread_t thread;
    int64_t answered;
    int64_t again; /* requests on a kept connection that had just been closed */
    char failure[300];
};

static _Atomic bool is_over;

static bool ask_once(struct client *client, struct response *ret)
{
    const struct request get = {.path = client->path,
                                .compare = true,
                                .expect_seed = SEED,
                                .discard = true,
                                .time_out_s = HANG_SECONDS};
    const struct request put = {.method = "PUT",
                                .path = "/api/upload/a.bin",
                                .auth = AUTH_BASIC,
                                .seed = SEED,
                                .bytes = FILE_BYTES};
    http_do(&client->server, client->path != NULL ? &get : &put, ret);
    return ret->complete && ret->status == 200 && (client->path == NULL || ret->equal);
}

static void *use_new_connections(void *arg)
{
    struct client *client = arg;
    while (!atomic_load(&is_over) && client->failure[0] == '\0') {
        struct response r;
        if (ask_once(client, &r)) {
            client->answered++;
        } else {
            snprintf(client->failure, sizeof client->failure, "%s: status %d, %s",
                     client->path != NULL ? "GET" : "PUT", r.status, r.error);
        }
        response_done(&r);
    }
    return NULL;
}

/* As browsers do: a kept connection may be closed at any time, then a new one is made; on a new one
 * nothing may fail. */
static void *keep_connection(void *arg)
{
    struct client *client = arg;
    struct raw *c = calloc(1, sizeof *c);
    bool is_open = false;
    bool is_used = false;
    while (!atomic_load(&is_over) && client->failure[0] == '\0') {
        struct response r = {.status = 0};
        bool was_used = is_open && is_used;
        is_open = is_open || raw_open(&client->server, c);
        enum raw_end end = RAW_BROKEN;
        if (is_open && raw_text(c, request_text)) {
            end = raw_answer(c, false, &r);
        }
        if (end == RAW_OK && r.status == 200) {
            client->answered++;
            is_used = !response_has(&r, "Connection", "close");
        } else if (was_used && r.status == 0) {
            client->again++;
            is_used = false;
        } else {
            snprintf(client->failure, sizeof client->failure, "kept: end %d, status %d", (int)end,
                     r.status);
        }
        if (is_open && !is_used) {
            raw_close(c);
            is_open = false;
        }
        if (end != RAW_BROKEN) {
            response_done(&r);
        }
    }
    if (is_open) {
        raw_close(c);
    }
    free(c);
    return NULL;
}

/* While clients come all the time, and some are in the middle of something, the program is started
 * again and again on the same socket: none of them is refused, cut off, or answered with an error.
 */
static void test_restarts(void **state)
{
    (void)state;
    struct server s;
    struct client clients[5] = {{.keeps = false}};
    char id[ID_CHARS + 1];
    char path[40];
    int fd = open_listener();
    server_start(&s, &(struct server_options){.listen_fd = fd});
    upload_bytes(&s, "a.bin", SEED, FILE_BYTES, id);
    snprintf(path, sizeof path, "/-%s", id);
    atomic_store(&is_over, false);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        clients[i] = (struct client){.server = s, .path = i < 2 ? path : NULL, .keeps = i == 4};
        assert_int_equal(pthread_create(&clients[i].thread, NULL,
                                        clients[i].keeps ? keep_connection : use_new_connections,
                                        &clients[i]),
                         0);
    }
    int bad_ends = 0;
    for (int i = 0; i < RESTARTS; i++) {
        struct server next;
        harness_sleep_ms(200);
        bad_ends += server_stop(&s) != 0;
        server_start(&next, &(struct server_options){.listen_fd = fd, .dir = s.dir});
        assert_int_equal(next.port, s.port);
        s = next;
    }
    atomic_store(&is_over, true);
    int64_t answered = 0;
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        pthread_join(clients[i].thread, NULL);
        answered += clients[i].answered;
        if (clients[i].failure[0] != '\0' || clients[i].answered < RESTARTS) {
            fail_msg("client %zu: %lld answers, %s", i, (long long)clients[i].answered,
                     clients[i].failure);
        }
    }
    print_message("%d restarts: %lld requests, none failed; a kept connection was closed %lld"
                  " times\n",
                  (int)RESTARTS, (long long)answered, (long long)clients[4].again);
    assert_int_equal(bad_ends, 0);
    assert_true(db_wait_no_orphans(&s));
    assert_int_equal(db_entries(&s), clients[2].answered + clients[3].answered + 1);
    server_end(&s);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),      cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_watchdog),      cmocka_unit_test(test_bad_sockets),
        cmocka_unit_test(test_not_for_us),    cmocka_unit_test(test_last_request),
        cmocka_unit_test(test_nothing_asked), cmocka_unit_test(test_restarts),
    };
    return harness_main(tests, NULL, NULL);
}
