#include "harness.h"
#include "picoshare/base/num.h"
#include <arpa/inet.h>
#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    KEEP_BODY_BYTES = 64 << 20, /* larger bodies are to be discarded or compared on the way */
    LOG_TAIL_BYTES = 6000,      /* what is shown of a server's log */
    MAX_ARGS = 24,
};

/* The run's own directory and how many directories it has: one run a process. */
static struct {
    char root[128];
    int dirs;
} run;

/* ---- the run ------------------------------------------------------------------------------- */

static void die(const char *what)
{
    perror(what);
    exit(2);
}

int64_t harness_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* When a wait that begins now has hung. */
static int64_t hang_limit(void)
{
    return harness_now_ms() + HANG_SECONDS * 1000;
}

void harness_sleep_ms(int64_t ms)
{
    struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&wait, NULL);
}

int64_t harness_scale(const char *what, int64_t full, int64_t small)
{
    if (!is_small_scale()) {
        return full;
    }
    print_message("[  SCALE   ] small: %s %lld instead of %lld\n", what, (long long)small,
                  (long long)full);
    return small;
}

bool harness_begin(void)
{
    const char *tmp = getenv("TMPDIR");
    int n = snprintf(run.root, sizeof run.root, "%s/picoshare-http-XXXXXX",
                     tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp");
    if (n < 0 || (size_t)n >= sizeof run.root || mkdtemp(run.root) == NULL) {
        die("temporary directory");
    }
    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return true;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void show_log(const char *path)
{
    struct buf text;
    harness_read_file(path, &text);
    if (text.len > 0) {
        size_t skip = text.len > LOG_TAIL_BYTES ? text.len - LOG_TAIL_BYTES : 0;
        fprintf(stderr, "---- %s\n%s", path, buf_str(&text) + skip);
    }
    buf_done(&text);
}

int harness_run(const char *name, int failed)
{
    if (failed != 0) {
        fprintf(stderr, "%s: what the servers said:\n", name);
        for (int i = 1; i <= run.dirs; i++) {
            char path[200];
            snprintf(path, sizeof path, "%s/%d/stderr", run.root, i);
            show_log(path);
        }
    }
    if (getenv("PICOSHARE_TEST_KEEP") != NULL) {
        fprintf(stderr, "kept: %s\n", run.root);
    } else {
        nftw(run.root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
    curl_global_cleanup();
    return failed != 0 ? 1 : 0;
}

void harness_new_dir(char *ret_dir, size_t size)
{
    int n = snprintf(ret_dir, size, "%s/%d", run.root, ++run.dirs);
    assert_true(n > 0 && (size_t)n < size);
    assert_int_equal(mkdir(ret_dir, 0755), 0);
}

static void read_fd(int fd, struct buf *text)
{
    char piece[16384];
    ssize_t n;
    while ((n = read(fd, piece, sizeof piece)) > 0) {
        buf_add(text, piece, (size_t)n);
    }
}

void harness_read_file(const char *path, struct buf *ret_text)
{
    buf_init(ret_text, KEEP_BODY_BYTES);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        read_fd(fd, ret_text);
        close(fd);
    }
}

void harness_write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* ---- programs ------------------------------------------------------------------------------ */

const char *run_binary(void)
{
    const char *path = getenv("PICOSHARE_BINARY");
    return path != NULL && path[0] != '\0' ? path : PICOSHARE_BINARY;
}

/* In the child: the environment without anything that steers the server, then the extra. */
static void child_environment(const char *const *env)
{
    static const char *const names[] = {"PORT",
                                        "LITESTREAM_BUCKET",
                                        "PS_SHARED_SECRET",
                                        "PS_SHARED_SECRET_FILE",
                                        "PS_BEHIND_PROXY",
                                        "PS_TRUSTED_PROXIES",
                                        "PS_PUBLIC_URL",
                                        "PS_HISTORY_ROWS",
                                        "PS_SECURE_DELETE",
                                        "PS_NO_SANDBOX",
                                        "PS_USER",
                                        "PS_METRICS_ADDRESS",
                                        "PS_LOG_FORMAT",
                                        "NOTIFY_SOCKET",
                                        "WATCHDOG_USEC",
                                        "WATCHDOG_PID",
                                        "LISTEN_FDS",
                                        "LISTEN_PID"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        unsetenv(names[i]);
    }
    setenv("TZ", "UTC", 1);
    for (; env != NULL && *env != NULL; env++) {
        putenv((char *)(uintptr_t)*env);
    }
}

/* In the child: as sd_listen_fds(3) has it. */
static bool hand_over(int listen_fd)
{
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    return dup2(listen_fd, 3) == 3 && fcntl(3, F_SETFD, 0) == 0 &&
           setenv("LISTEN_PID", pid, 1) == 0 && setenv("LISTEN_FDS", "1", 0) == 0;
}

static pid_t start_child(const char *const *argv, const char *const *env, const char *dir, int out,
                         int err, int listen_fd)
{
    pid_t pid = fork();
    if (pid != 0) {
        return pid;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_DFL);
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 ||
        (dir != NULL && chdir(dir) != 0)) {
        _exit(126);
    }
    child_environment(env);
    if (listen_fd > 0 && !hand_over(listen_fd)) {
        _exit(126);
    }
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    fprintf(stderr, "cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static int exit_code(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The child's exit code, or -1 after HANG_SECONDS: then it is killed. */
static int wait_child(pid_t pid)
{
    int64_t end = hang_limit();
    int status = 0;
    while (harness_now_ms() < end) {
        if (waitpid(pid, &status, WNOHANG) == pid) {
            return exit_code(status);
        }
        harness_sleep_ms(5);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return -1;
}

void run_program(const char *const *argv, const char *const *env, struct run_result *ret)
{
    FILE *out = tmpfile();
    FILE *err = tmpfile();
    if (out == NULL || err == NULL) {
        die("tmpfile");
    }
    pid_t pid = start_child(argv, env, NULL, fileno(out), fileno(err), 0);
    assert_true(pid > 0);
    ret->code = wait_child(pid);
    buf_init(&ret->out, KEEP_BODY_BYTES);
    buf_init(&ret->err, KEEP_BODY_BYTES);
    rewind(out);
    rewind(err);
    read_fd(fileno(out), &ret->out);
    read_fd(fileno(err), &ret->err);
    fclose(out);
    fclose(err);
}

void run_done(struct run_result *r)
{
    buf_done(&r->out);
    buf_done(&r->err);
}

/* ---- the server ---------------------------------------------------------------------------- */

/* The port in the line that tells the address; 0 while there is none. */
static int listening_port(const char *log)
{
    static const char url[] = "\"http://localhost:";
    struct buf text;
    harness_read_file(log, &text);
    int port = 0;
    const char *line = strstr(buf_str(&text), "\"listening\""); /* or JSON */
    const char *p = line != NULL ? strstr(line, url) : NULL;
    if (p != NULL) {
        for (p += sizeof url - 1; *p >= '0' && *p <= '9'; p++) {
            port = port * 10 + (*p - '0');
        }
        port = strncmp(p, "/\"", 2) == 0 ? port : 0;
    }
    buf_done(&text);
    return port;
}

/* False: it ended before, with that exit code. */
static bool wait_listening(struct server *s, int *ret_code)
{
    int64_t end = hang_limit();
    while ((s->port = listening_port(s->log)) == 0) {
        int status;
        if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
            s->pid = 0;
            *ret_code = exit_code(status);
            return false;
        }
        if (harness_now_ms() > end) {
            server_kill(s);
            fail_msg("the server does not listen");
        }
        harness_sleep_ms(5);
    }
    return true;
}

bool server_try_start(struct server *s, const struct server_options *options, int *ret_code)
{
    static const struct server_options none = {0};
    const struct server_options *o = options != NULL ? options : &none;
    memset(s, 0, sizeof *s);
    snprintf(s->secret, sizeof s->secret, "%s", HARNESS_SECRET);
    if (o->dir != NULL) {
        snprintf(s->dir, sizeof s->dir, "%s", o->dir);
    } else {
        harness_new_dir(s->dir, sizeof s->dir);
    }
    snprintf(s->db, sizeof s->db, "%s%s", o->db != NULL ? o->db : s->dir,
             o->db != NULL ? "" : "/store.db");
    snprintf(s->log, sizeof s->log, "%s/stderr", s->dir);
    snprintf(s->access, sizeof s->access, "%s/stdout", s->dir);

    const char *argv[MAX_ARGS + 4] = {run_binary(), "-db", s->db};
    const char *env[MAX_ARGS + 4] = {"PORT=0"};
    size_t args = 3;
    size_t vars = 1;
    if (!o->no_secret) {
        env[vars++] = "PS_SHARED_SECRET=" HARNESS_SECRET;
    }
    for (const char *const *p = o->args; p != NULL && *p != NULL && args < MAX_ARGS; p++) {
        argv[args++] = *p;
    }
    for (const char *const *p = o->env; p != NULL && *p != NULL && vars < MAX_ARGS; p++) {
        env[vars++] = *p;
    }
    int out = open(s->access, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int err = open(s->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(out >= 0 && err >= 0);
    s->pid = start_child(argv, env, s->dir, out, err, o->listen_fd);
    close(out);
    close(err);
    assert_true(s->pid > 0);
    return wait_listening(s, ret_code);
}

void server_start(struct server *s, const struct server_options *options)
{
    int code = 0;
    if (!server_try_start(s, options, &code)) {
        fail_msg("the server ended with %d before it listened", code);
    }
}

void server_start_again(struct server *s)
{
    char dir[sizeof s->dir];
    memcpy(dir, s->dir, sizeof dir);
    server_start(s, &(struct server_options){.dir = dir});
}

int server_signal(struct server *s, int signal_number)
{
    if (s->pid == 0) {
        fail_msg("the server has already ended");
    }
    kill(s->pid, signal_number);
    int code = wait_child(s->pid);
    s->pid = 0;
    if (code < 0) {
        fail_msg("the server does not stop");
    }
    return code;
}

int server_stop(struct server *s)
{
    return server_signal(s, SIGTERM);
}

void server_end(struct server *s)
{
    assert_int_equal(server_stop(s), 0);
}

void server_kill(struct server *s)
{
    if (s->pid != 0) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
        s->pid = 0;
    }
}

bool server_said(const struct server *s, const char *part)
{
    struct buf log;
    harness_read_file(s->log, &log);
    bool found = strstr(buf_str(&log), part) != NULL;
    buf_done(&log);
    return found;
}

void server_sign_in(struct server *s)
{
    char body[200];
    snprintf(body, sizeof body, "{\"sharedSecretKey\":\"%s\"}", s->secret);
    struct response r;
    http_do(s, &(struct request){.method = "POST", .path = "/api/auth", .text = body}, &r);
    expect_answer(&r, 200, "");
    const char *cookie = response_header(&r, "Set-Cookie");
    assert_non_null(cookie);
    snprintf(s->cookie, sizeof s->cookie, "%.*s", (int)strcspn(cookie, ";"), cookie);
    assert_int_equal(strncmp(s->cookie, "sharedSecret=", 13), 0);
    response_done(&r);
}

int server_group_setup(void **state)
{
    struct server *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return 1;
    }
    *state = s;
    server_start(s, NULL);
    server_sign_in(s);
    return 0;
}

int server_group_teardown(void **state)
{
    struct server *s = *state;
    int code = server_stop(s);
    free(s);
    if (code != 0) {
        print_error("the server ended with %d\n", code);
    }
    return code;
}

/* ---- the database -------------------------------------------------------------------------- */

struct rows {
    struct buf text;
    int count;
};

/* Lines of columns with '|' between them; NULL is nothing. */
static int add_row(void *arg, int columns, char **values, char **names)
{
    struct rows *rows = arg;
    (void)names;
    if (rows->count++ > 0) {
        buf_add_char(&rows->text, '\n');
    }
    for (int i = 0; i < columns; i++) {
        buf_add_str(&rows->text, i > 0 ? "|" : "");
        buf_add_str(&rows->text, values[i] != NULL ? values[i] : "");
    }
    return 0;
}

void db_text(const struct server *s, const char *sql, char *ret_text, size_t size)
{
    enum { BUSY_MS = 30000 };
    struct rows rows = {.count = 0};
    sqlite3 *db = NULL;
    buf_init(&rows.text, size);
    assert_int_equal(sqlite3_open_v2(s->db, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_timeout(db, BUSY_MS);
    if (sqlite3_exec(db, sql, add_row, &rows, NULL) != SQLITE_OK) {
        fail_msg("%s (%s)", sqlite3_errmsg(db), sql);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_true(slice_copy(buf_slice(&rows.text), ret_text, size));
    buf_done(&rows.text);
}

int64_t db_int(const struct server *s, const char *sql)
{
    char text[64];
    db_text(s, sql, text, sizeof text);
    int64_t value = -1;
    if (num_parse_i64(slice_str(text), 0, INT64_MAX, &value) != ERR_OK) {
        fail_msg("'%s' is no number (%s)", text, sql);
    }
    return value;
}

bool db_wait(const struct server *s, const char *sql, int64_t value)
{
    int64_t end = hang_limit();
    while (db_int(s, sql) != value) {
        if (harness_now_ms() > end) {
            return false;
        }
        harness_sleep_ms(100);
    }
    return true;
}

bool db_wait_no_orphans(const struct server *s)
{
    return db_wait(s, "SELECT count(*) FROM entries_data WHERE id NOT IN (SELECT id FROM entries)",
                   0);
}

int64_t db_entries(const struct server *s)
{
    return db_int(s, "SELECT count(*) FROM entries");
}

/* ---- generated bytes ------------------------------------------------------------------------- */

/* The i-th 8 bytes: the counter, mixed by three xor-shifts and two multiplications. */
static uint64_t gen_word(uint64_t seed, uint64_t i)
{
    uint64_t z = seed + (i + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void gen_fill(uint64_t seed, int64_t offset, void *bytes, size_t len)
{
    unsigned char *p = bytes;
    uint64_t at = (uint64_t)offset;
    for (; len > 0 && at % 8 != 0; len--, at++) {
        *p++ = (unsigned char)(gen_word(seed, at / 8) >> (at % 8 * 8));
    }
    for (; len >= 8; len -= 8, at += 8, p += 8) {
        uint64_t word = gen_word(seed, at / 8);
        memcpy(p, &word, 8);
    }
    for (; len > 0; len--, at++) {
        *p++ = (unsigned char)(gen_word(seed, at / 8) >> (at % 8 * 8));
    }
}

bool gen_matches(uint64_t seed, int64_t offset, const void *bytes, size_t len)
{
    char expected[8192];
    const char *p = bytes;
    while (len > 0) {
        size_t n = len < sizeof expected ? len : sizeof expected;
        gen_fill(seed, offset, expected, n);
        if (memcmp(p, expected, n) != 0) {
            return false;
        }
        p += n;
        len -= n;
        offset += (int64_t)n;
    }
    return true;
}

void gen_sha256(uint64_t seed, int64_t len, uint8_t ret_digest[SHA256_BYTES])
{
    char piece[65536];
    struct sha256 *hash;
    if (sha256_new(&hash) != ERR_OK) {
        die("sha256_new");
    }
    for (int64_t at = 0; at < len;) {
        size_t n = len - at < (int64_t)sizeof piece ? (size_t)(len - at) : sizeof piece;
        gen_fill(seed, at, piece, n);
        if (sha256_add(hash, piece, n) != ERR_OK) {
            die("sha256_add");
        }
        at += (int64_t)n;
    }
    if (sha256_finish(hash, ret_digest) != ERR_OK) {
        die("sha256_finish");
    }
    sha256_free(hash);
}

/* ---- requests through libcurl ---------------------------------------------------------------- */

struct source { /* a generated body on its way out */
    uint64_t seed;
    int64_t at;
    int64_t bytes;
};

struct sink { /* an answer on its way in */
    const struct request *q;
    struct response *r;
    struct sha256 *hash;
};

static size_t read_source(char *bytes, size_t size, size_t n, void *arg)
{
    struct source *source = arg;
    int64_t left = source->bytes - source->at;
    size_t len = left < (int64_t)(size * n) ? (size_t)left : size * n;
    gen_fill(source->seed, source->at, bytes, len);
    source->at += (int64_t)len;
    return len;
}

static int seek_source(void *arg, curl_off_t offset, int origin)
{
    struct source *source = arg;
    if (origin != SEEK_SET) {
        return CURL_SEEKFUNC_CANTSEEK;
    }
    source->at = offset;
    return CURL_SEEKFUNC_OK;
}

static void add_head_line(struct response *r, const char *line, size_t len)
{
    if (len > 5 && memcmp(line, "HTTP/", 5) == 0) {
        buf_clear(&r->head); /* the answers before the last one (100, 401) do not count */
    }
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r')) {
        len--;
    }
    buf_add(&r->head, line, len);
    buf_add_char(&r->head, '\0');
}

static size_t take_head(char *bytes, size_t size, size_t n, void *arg)
{
    struct sink *sink = arg;
    add_head_line(sink->r, bytes, size * n);
    return size * n;
}

static size_t take_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct sink *sink = arg;
    const struct request *q = sink->q;
    struct response *r = sink->r;
    size_t len = size * n;
    if (q->compare && r->equal) {
        r->equal = gen_matches(q->expect_seed, q->expect_offset + r->body_bytes, bytes, len);
    }
    if (sink->hash != NULL && sha256_add(sink->hash, bytes, len) != ERR_OK) {
        return 0;
    }
    if (!q->discard) {
        buf_add(&r->body, bytes, len);
    }
    r->body_bytes += (int64_t)len;
    return len;
}

static void set_body(CURL *curl, const struct request *q, struct source *source)
{
    if (q->text != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(q->text));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, q->text);
    } else if (q->bytes > 0) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_source);
        curl_easy_setopt(curl, CURLOPT_READDATA, source);
        curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, seek_source);
        curl_easy_setopt(curl, CURLOPT_SEEKDATA, source);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)(q->chunked ? -1 : q->bytes));
    }
}

static void add_part(curl_mime *mime, const struct part *p, struct source *source, bool chunked)
{
    curl_mimepart *part = curl_mime_addpart(mime);
    curl_mime_name(part, p->name);
    if (p->text != NULL) {
        curl_mime_data(part, p->text, CURL_ZERO_TERMINATED);
    } else {
        *source = (struct source){.seed = p->seed, .bytes = p->bytes};
        curl_mime_data_cb(part, chunked ? -1 : p->bytes, read_source, seek_source, NULL, source);
    }
    if (p->filename != NULL) {
        curl_mime_filename(part, p->filename);
        curl_mime_type(part, p->type != NULL ? p->type : "application/octet-stream");
    }
    if (p->type != NULL && p->type[0] == '\0') {
        curl_mime_type(part, NULL);
        curl_mime_headers(part, curl_slist_append(NULL, "Content-Type:"), 1);
    }
}

static void finish_hash(struct sink *sink)
{
    if (sink->hash != NULL) {
        if (sha256_finish(sink->hash, sink->r->sha256) != ERR_OK) {
            die("sha256_finish");
        }
        sha256_free(sink->hash);
    }
}

static void response_init(struct response *r)
{
    memset(r, 0, sizeof *r);
    buf_init(&r->head, 1 << 20);
    buf_init(&r->body, KEEP_BODY_BYTES);
    r->equal = true;
}

void http_do(const struct server *s, const struct request *q, struct response *ret)
{
    enum { MAX_PARTS = 40 };
    struct source body = {.seed = q->seed, .bytes = q->bytes};
    struct source parts[MAX_PARTS];
    struct sink sink = {.q = q, .r = ret};
    char url[12288];
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", s->port, q->path);
    response_init(ret);
    CURL *curl = curl_easy_init();
    if (curl == NULL || (q->hash && sha256_new(&sink.hash) != ERR_OK)) {
        die("request");
    }
    struct curl_slist *headers = NULL;
    for (const char *const *h = q->headers; h != NULL && *h != NULL; h++) {
        headers = curl_slist_append(headers, *h);
    }
    curl_mime *mime = NULL;
    set_body(curl, q, &body);
    if (q->parts != NULL) {
        mime = curl_mime_init(curl);
        for (size_t i = 0; q->parts[i].name != NULL && i < MAX_PARTS; i++) {
            add_part(mime, &q->parts[i], &parts[i], q->chunked);
        }
        curl_easy_setopt(curl, CURLOPT_MIMEPOST, mime);
    }
    if (q->method != NULL && strcmp(q->method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else if (q->method != NULL) {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, q->method);
    }
    if (q->auth == AUTH_COOKIE) {
        curl_easy_setopt(curl, CURLOPT_COOKIE, s->cookie);
    } else if (q->auth == AUTH_BASIC) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(curl, CURLOPT_USERNAME, "");
        curl_easy_setopt(curl, CURLOPT_PASSWORD, s->secret);
    }
    if (q->decode) {
        curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_REQUEST_TARGET, q->path); /* which libcurl would tidy up */
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)HANG_SECONDS);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)HANG_SECONDS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)q->time_out_s);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, ret->error);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_head);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &sink);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &sink);
    CURLcode code = curl_easy_perform(curl);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    ret->status = (int)status;
    ret->complete = code == CURLE_OK && ret->body.err == ERR_OK;
    if (code != CURLE_OK && ret->error[0] == '\0') {
        snprintf(ret->error, sizeof ret->error, "%s", curl_easy_strerror(code));
    }
    finish_hash(&sink);
    curl_mime_free(mime);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
}

void http_get(const struct server *s, const char *path, struct response *ret)
{
    http_do(s, &(struct request){.path = path}, ret);
}

void response_done(struct response *r)
{
    buf_done(&r->head);
    buf_done(&r->body);
}

const char *response_header(const struct response *r, const char *name)
{
    size_t len = strlen(name);
    for (size_t at = 0; at < r->head.len; at += strlen(r->head.ptr + at) + 1) {
        const char *line = r->head.ptr + at;
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            return line + len + 1 + strspn(line + len + 1, " \t");
        }
    }
    return NULL;
}

bool response_has(const struct response *r, const char *name, const char *part)
{
    const char *value = response_header(r, name);
    return value != NULL && strstr(value, part) != NULL;
}

const char *response_text(const struct response *r)
{
    return buf_str(&r->body);
}

bool response_id(const struct response *r, char ret_id[ID_CHARS + 1])
{
    static const char start[] = "{\"id\":\"";
    const char *text = response_text(r);
    if (strncmp(text, start, sizeof start - 1) != 0 ||
        strcspn(text + sizeof start - 1, "\"") != ID_CHARS) {
        return false;
    }
    return slice_copy(slice_of(text + sizeof start - 1, ID_CHARS), ret_id, ID_CHARS + 1);
}

void expect_answer(const struct response *r, int status, const char *text)
{
    if (r->status != status || !r->complete ||
        (text != NULL && strcmp(response_text(r), text) != 0)) {
        fail_msg("status %d%s, body '%.300s' (%s); expected %d '%s'", r->status,
                 r->complete ? "" : " (cut)", response_text(r), r->error, status,
                 text != NULL ? text : "...");
    }
}

void expect_upload(struct response *r, char ret_id[ID_CHARS + 1])
{
    expect_answer(r, 200, NULL);
    assert_true(response_id(r, ret_id));
    response_done(r);
}

void upload_text(const struct server *s, const char *name, const char *type, const char *text,
                 char ret_id[ID_CHARS + 1])
{
    const struct part parts[] = {{.name = "file", .filename = name, .type = type, .text = text},
                                 {0}};
    struct response r;
    http_do(s,
            &(struct request){
                .method = "POST", .path = "/api/entry", .auth = AUTH_BASIC, .parts = parts},
            &r);
    expect_upload(&r, ret_id);
}

void upload_bytes(const struct server *s, const char *name, uint64_t seed, int64_t bytes,
                  char ret_id[ID_CHARS + 1])
{
    char path[400];
    snprintf(path, sizeof path, "/api/upload/%s", name);
    struct response r;
    http_do(s,
            &(struct request){
                .method = "PUT", .path = path, .auth = AUTH_BASIC, .seed = seed, .bytes = bytes},
            &r);
    expect_upload(&r, ret_id);
}

void expect_download(const struct server *s, const char *id, uint64_t seed, int64_t bytes)
{
    char path[32];
    snprintf(path, sizeof path, "/-%s", id);
    struct response r;
    http_do(s,
            &(struct request){.path = path, .discard = true, .compare = true, .expect_seed = seed},
            &r);
    expect_answer(&r, 200, NULL);
    assert_int_equal(r.body_bytes, bytes);
    assert_true(r.equal);
    response_done(&r);
}

/* ---- plain sockets --------------------------------------------------------------------------- */

bool raw_open_from(const struct server *s, const char *address, struct raw *ret_raw)
{
    struct timeval limit = {.tv_sec = HANG_SECONDS};
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)s->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    ret_raw->start = ret_raw->end = 0;
    ret_raw->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (ret_raw->fd < 0) {
        return false;
    }
    setsockopt(ret_raw->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(ret_raw->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    setsockopt(ret_raw->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    bool bound = address == NULL || (inet_pton(AF_INET, address, &from.sin_addr) == 1 &&
                                     bind(ret_raw->fd, (struct sockaddr *)&from, sizeof from) == 0);
    if (bound && connect(ret_raw->fd, (struct sockaddr *)&to, sizeof to) == 0) {
        return true;
    }
    raw_close(ret_raw);
    return false;
}

bool raw_open(const struct server *s, struct raw *ret_raw)
{
    return raw_open_from(s, NULL, ret_raw);
}

void raw_close(struct raw *c)
{
    if (c->fd >= 0) {
        close(c->fd);
        c->fd = -1;
    }
}

void raw_abort(struct raw *c)
{
    struct linger linger = {.l_onoff = 1};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    raw_close(c);
}

/* The caller fails the test, in its own thread; this says why. */
static void say_hang(const char *what)
{
    print_error("after %d s %s\n", HANG_SECONDS, what);
}

bool raw_send(struct raw *c, const void *bytes, size_t len)
{
    const char *p = bytes;
    int64_t end = hang_limit();
    while (len > 0) {
        ssize_t n = send(c->fd, p, len, MSG_NOSIGNAL);
        if (n <= 0 || (harness_now_ms() >= end && (size_t)n < len)) {
            if (n > 0 || errno == EAGAIN || errno == EWOULDBLOCK) {
                say_hang("raw_send: the server has not taken all bytes");
            }
            return false;
        }
        p += n;
        len -= (size_t)n;
    }
    return true;
}

bool raw_text(struct raw *c, const char *text)
{
    return raw_send(c, text, strlen(text));
}

bool raw_gen(struct raw *c, uint64_t seed, int64_t offset, int64_t len)
{
    char piece[16384];
    while (len > 0) {
        size_t n = len < (int64_t)sizeof piece ? (size_t)len : sizeof piece;
        gen_fill(seed, offset, piece, n);
        if (!raw_send(c, piece, n)) {
            return false;
        }
        offset += (int64_t)n;
        len -= (int64_t)n;
    }
    return true;
}

/* More bytes into the empty window. limit_ms, of harness_now_ms, bounds the whole wait of which
 * this is a part: a byte now and then does not prolong it. */
static enum raw_end refill(struct raw *c, int64_t limit_ms)
{
    struct pollfd ready = {.fd = c->fd, .events = POLLIN};
    int64_t left = limit_ms - harness_now_ms();
    if (left <= 0 || poll(&ready, 1, (int)left) == 0) {
        return RAW_TIMEOUT;
    }
    ssize_t n = recv(c->fd, c->data, sizeof c->data, 0);
    if (n > 0) {
        c->start = 0;
        c->end = (size_t)n;
        return RAW_OK;
    }
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? RAW_TIMEOUT : RAW_CLOSED;
}

static enum raw_end read_line(struct raw *c, char *line, size_t size, int64_t limit_ms)
{
    size_t len = 0;
    for (;;) {
        if (c->start == c->end) {
            enum raw_end end = refill(c, limit_ms);
            if (end != RAW_OK) {
                return end;
            }
        }
        char ch = c->data[c->start++];
        if (ch == '\n') {
            line[len] = '\0';
            return RAW_OK;
        }
        if (ch != '\r') {
            if (len + 1 >= size) {
                return RAW_BROKEN;
            }
            line[len++] = ch;
        }
    }
}

/* len bytes of body, or with len < 0 all until the end of the connection. */
static enum raw_end read_body(struct raw *c, struct response *r, int64_t len, int64_t limit_ms)
{
    while (len != 0) {
        if (c->start == c->end) {
            enum raw_end end = refill(c, limit_ms);
            if (end != RAW_OK) {
                return end == RAW_CLOSED && len < 0 ? RAW_OK : end;
            }
        }
        size_t have = c->end - c->start;
        size_t n = len > 0 && (int64_t)have > len ? (size_t)len : have;
        buf_add(&r->body, c->data + c->start, n);
        r->body_bytes += (int64_t)n;
        c->start += n;
        if (len > 0) {
            len -= (int64_t)n;
        }
    }
    return RAW_OK;
}

static enum raw_end read_chunks(struct raw *c, struct response *r, int64_t limit_ms)
{
    char line[256];
    for (;;) {
        enum raw_end end = read_line(c, line, sizeof line, limit_ms);
        if (end != RAW_OK) {
            return end;
        }
        int64_t len = 0;
        if (num_hex_digit(line[0]) < 0) {
            return RAW_BROKEN;
        }
        for (const char *p = line; num_hex_digit(*p) >= 0 && len < INT32_MAX; p++) {
            len = len * 16 + num_hex_digit(*p);
        }
        if (len > 0 && (end = read_body(c, r, len, limit_ms)) != RAW_OK) {
            return end;
        }
        if ((end = read_line(c, line, sizeof line, limit_ms)) != RAW_OK || len == 0) {
            return end;
        }
    }
}

/* "HTTP/1.1 200 ..." */
static int status_of(const char *line)
{
    uint64_t status = 0;
    if (strncmp(line, "HTTP/1.", 7) != 0 || strlen(line) < 12 ||
        num_parse_u64(slice_of(line + 9, 3), 100, 599, &status) != ERR_OK) {
        return 0;
    }
    return (int)status;
}

static enum raw_end read_answer(struct raw *c, bool to_head, struct response *ret, int64_t limit_ms)
{
    char line[16384];
    do {
        enum raw_end end = read_line(c, line, sizeof line, limit_ms);
        if (end != RAW_OK) {
            return end;
        }
        add_head_line(ret, line, strlen(line));
    } while (line[0] != '\0');
    ret->status = status_of(buf_str(&ret->head));
    if (ret->status == 0) {
        return RAW_BROKEN;
    }
    const char *length = response_header(ret, "Content-Length");
    enum raw_end end = RAW_OK;
    if (to_head || ret->status < 200 || ret->status == 204 || ret->status == 304) {
        end = RAW_OK;
    } else if (response_has(ret, "Transfer-Encoding", "chunked")) {
        end = read_chunks(c, ret, limit_ms);
    } else if (length != NULL) {
        int64_t len;
        end = num_parse_i64(slice_str(length), 0, INT64_MAX, &len) == ERR_OK
                  ? read_body(c, ret, len, limit_ms)
                  : RAW_BROKEN;
    } else {
        end = read_body(c, ret, -1, limit_ms);
    }
    ret->complete = end == RAW_OK;
    return end;
}

enum raw_end raw_answer(struct raw *c, bool to_head, struct response *ret)
{
    response_init(ret);
    enum raw_end end = read_answer(c, to_head, ret, hang_limit());
    if (end == RAW_TIMEOUT) {
        say_hang("raw_answer: the answer is not complete");
    }
    return end;
}

bool raw_wait_closed(struct raw *c)
{
    int64_t limit_ms = hang_limit();
    enum raw_end end = RAW_OK;
    while (end == RAW_OK) {
        end = refill(c, limit_ms);
    }
    if (end == RAW_TIMEOUT) {
        say_hang("raw_wait_closed: the server has not closed the connection");
    }
    return end == RAW_CLOSED;
}

enum raw_end raw_exchange(const struct server *s, const char *text, size_t len,
                          struct response *ret, bool *ret_closed)
{
    struct raw *c = malloc(sizeof *c);
    if (c == NULL || !raw_open(s, c)) {
        die("connect");
    }
    *ret_closed = false;
    bool sent = raw_send(c, text, len);
    enum raw_end end = raw_answer(c, false, ret);
    if (end == RAW_OK || !sent) {
        *ret_closed = raw_wait_closed(c);
    }
    raw_close(c);
    free(c);
    return end;
}
