/* client_support.h — what the tests of "picoshare upload" and "picoshare download" share: a server
 * with a directory beside it, commands run there by a shell, and a server that says what the test
 * wants. Main thread; functions are inline for the reason that api.h gives. */
#ifndef PICOSHARE_TESTS_HTTP_CLIENT_SUPPORT_H
#define PICOSHARE_TESTS_HTTP_CLIENT_SUPPORT_H

#include "api.h"
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SEED = 61, SCRIPT_BYTES = 2048 };

struct place {
    struct server server;
    char dir[200]; /* where commands are run */
    char url[64];
};

static inline void place_find_server(struct place *p)
{
    snprintf(p->url, sizeof p->url, "http://127.0.0.1:%d", p->server.port);
}

static inline int place_setup(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return 1;
    }
    *state = p;
    server_start(&p->server, NULL);
    server_sign_in(&p->server);
    place_find_server(p);
    return 0;
}

static inline int place_teardown(void **state)
{
    struct place *p = *state;
    int code = server_stop(&p->server);
    free(p);
    return code;
}

/* A new directory for each test. */
static inline struct place *place_begin(void **state)
{
    struct place *p = *state;
    harness_new_dir(p->dir, sizeof p->dir);
    return p;
}

/* ---- commands -------------------------------------------------------------------------------- */

/* The environment of a script: $P is the program, $U the server's URL; the passphrase is set. */
struct script_env {
    char program[600];
    char url[100];
    const char *list[4];
};

static inline void script_env(const struct place *p, struct script_env *ret)
{
    snprintf(ret->program, sizeof ret->program, "P=%s", run_binary());
    snprintf(ret->url, sizeof ret->url, "U=%s", p->url);
    ret->list[0] = ret->program;
    ret->list[1] = ret->url;
    ret->list[2] = "PS_SHARED_SECRET=" HARNESS_SECRET;
    ret->list[3] = NULL;
}

/* Runs a script of the shell in the directory: its exit code, a part of what it prints ("" for
 * anything), and of what it says on stderr. ret_out: all that it printed; NULL: not wanted. */
#define expect_run(p, code, out, err, ret_out, ...)                                                \
    expect_run_(__LINE__, p, code, out, err, ret_out, __VA_ARGS__)

__attribute__((format(printf, 7, 8))) static inline void
expect_run_(int line, const struct place *p, int code, const char *out, const char *err,
            char ret_out[SCRIPT_BYTES], const char *fmt, ...)
{
    char script[SCRIPT_BYTES];
    struct script_env env;
    struct run_result r;
    int used = snprintf(script, sizeof script, "cd %s || exit 99; ", p->dir);
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(script + used, sizeof script - (size_t)used, fmt, args);
    va_end(args);
    assert_in_range(len, 1, sizeof script - (size_t)used - 1);
    script_env(p, &env);
    run_program((const char *const[]){"/bin/sh", "-c", script, NULL}, env.list, &r);
    if (r.code != code || strstr(buf_str(&r.out), out) == NULL ||
        strstr(buf_str(&r.err), err) == NULL) {
        fail_msg("line %d: %s\nexit code %d, not %d, or no '%s' or '%s' in\n%s%s", line, script,
                 r.code, code, out, err, buf_str(&r.out), buf_str(&r.err));
    }
    if (ret_out != NULL) {
        snprintf(ret_out, SCRIPT_BYTES, "%s", buf_str(&r.out));
        ret_out[strcspn(ret_out, "\n")] = '\0';
    }
    run_done(&r);
}

/* Starts one that goes on; what it prints goes to files out and err. */
static inline pid_t start_script(const struct place *p, const char *script)
{
    struct script_env env;
    script_env(p, &env);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        bool ok = chdir(p->dir) == 0 && freopen("out", "w", stdout) != NULL &&
                  freopen("err", "w", stderr) != NULL;
        for (size_t i = 0; ok && env.list[i] != NULL; i++) {
            ok = putenv((char *)(uintptr_t)env.list[i]) == 0;
        }
        if (ok) {
            execl("/bin/sh", "sh", "-c", script, (char *)NULL);
        }
        _exit(99);
    }
    return pid;
}

static inline int end_of(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- files ----------------------------------------------------------------------------------- */

static inline void path_in(const struct place *p, const char *name, char ret_path[300])
{
    snprintf(ret_path, 300, "%s/%s", p->dir, name);
}

static inline void write_file(const struct place *p, const char *name, uint64_t seed, int64_t bytes)
{
    char path[300];
    char block[65536];
    path_in(p, name, path);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    for (int64_t at = 0; at < bytes;) {
        size_t len = bytes - at < (int64_t)sizeof block ? (size_t)(bytes - at) : sizeof block;
        gen_fill(seed, at, block, len);
        assert_int_equal(fwrite(block, 1, len, out), len);
        at += (int64_t)len;
    }
    assert_int_equal(fclose(out), 0);
}

/* -1: there is none. */
static inline int64_t file_size(const struct place *p, const char *name)
{
    char path[300];
    struct stat st;
    path_in(p, name, path);
    return lstat(path, &st) == 0 ? (int64_t)st.st_size : -1;
}

static inline void wait_for_size(const struct place *p, const char *name, int64_t bytes)
{
    int64_t end = harness_now_ms() + HANG_SECONDS * 1000;
    while (file_size(p, name) < bytes) {
        if (harness_now_ms() > end) {
            fail_msg("%s has %lld bytes", name, (long long)file_size(p, name));
        }
        harness_sleep_ms(5);
    }
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* A member of an object that a command printed, read by SQLite. */
static inline void expect_member(const struct place *p, const char *json, const char *name,
                                 const char *expected)
{
    char *sql = sqlite3_mprintf("SELECT json_extract(%Q, '$.%s')", json, name);
    assert_non_null(sql);
    expect_db(&p->server, expected, "%s", sql);
    sqlite3_free(sql);
}

/* ---- a server that says what the test wants -------------------------------------------------- */

enum { MAX_ANSWERS = 8, MAX_HEARD = 65536 };

struct fake {
    int fd;
    int port;
    pthread_t thread;
    const char *answers[MAX_ANSWERS + 1]; /* one for each connection; NULL at the end */
    char heard[MAX_HEARD];                /* the heads of the requests; after fake_stop() */
    size_t heard_len;
    int served;
};

/* How long a request is, as far as it is there; 0: its head is not. */
static inline size_t fake_length(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strstr(text, "Content-Length: ");
    size_t body = 0;
    if (end == NULL) {
        return 0;
    }
    end += 4;
    if (strstr(text, "Transfer-Encoding: chunked") != NULL) {
        const char *last = strstr(end, "0\r\n\r\n");
        return last != NULL ? (size_t)(last - text) + 5 : 0;
    }
    for (length += length != NULL ? 16 : 0; length != NULL && *length >= '0' && *length <= '9';) {
        body = 10 * body + (size_t)(*length++ - '0');
    }
    return (size_t)(end - text) + body;
}

/* Reads a request with its body; its head is kept. */
static inline void fake_hear(struct fake *f, int fd)
{
    char text[16384] = "";
    size_t len = 0;
    bool continued = false;
    while (fake_length(text) == 0 || len < fake_length(text)) {
        ssize_t n = recv(fd, text + len, sizeof text - 1 - len, 0);
        if (n <= 0) {
            return;
        }
        len += (size_t)n;
        text[len] = '\0';
        if (!continued && strstr(text, "Expect: ") != NULL) {
            continued = send(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL) == 25;
        }
    }
    size_t head = (size_t)(strstr(text, "\r\n\r\n") - text) + 4;
    if (f->heard_len + head < sizeof f->heard) {
        memcpy(f->heard + f->heard_len, text, head);
        f->heard_len += head;
    }
}

static inline void *fake_main(void *arg)
{
    struct fake *f = arg;
    while (f->answers[f->served] != NULL) {
        struct pollfd wait = {.fd = f->fd, .events = POLLIN};
        int fd = poll(&wait, 1, HANG_SECONDS * 1000) == 1 ? accept(f->fd, NULL, NULL) : -1;
        if (fd < 0) {
            break; /* fake_stop() has had enough, or nobody came */
        }
        fake_hear(f, fd);
        const char *answer = f->answers[f->served++];
        (void)send(fd, answer, strlen(answer), MSG_NOSIGNAL);
        (void)shutdown(fd, SHUT_WR);
        close(fd);
    }
    return NULL;
}

/* The answers are whole, head and body; their connections are closed after them. */
static inline void fake_start(struct fake *f, const char *const *answers)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    memset(f, 0, sizeof *f);
    for (size_t i = 0; answers[i] != NULL; i++) {
        assert_in_range(i, 0, MAX_ANSWERS - 1);
        f->answers[i] = answers[i];
    }
    f->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(f->fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(f->fd, 8), 0);
    assert_int_equal(getsockname(f->fd, (struct sockaddr *)&address, &len), 0);
    f->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&f->thread, NULL, fake_main, f), 0);
}

/* Ends it, and gives how many requests it has answered. */
static inline int fake_stop(struct fake *f)
{
    (void)shutdown(f->fd, SHUT_RDWR);
    assert_int_equal(pthread_join(f->thread, NULL), 0);
    close(f->fd);
    return f->served;
}

#endif
