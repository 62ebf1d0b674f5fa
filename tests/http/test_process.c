/* The program as a process: options, secrets, start, stop, crash (http-api.md 1, improvements.md
 * "Process"). */
#include "harness.h"
#include <dirent.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEED = 17, MAX_ARGS = 8 };

/* Runs the binary with these arguments, which is expected to end by itself. */
static void run_args(const char *const *args, const char *const *env, struct run_result *r)
{
    const char *argv[MAX_ARGS + 2] = {run_binary()};
    for (size_t i = 0; args[i] != NULL && i < MAX_ARGS; i++) {
        argv[i + 1] = args[i];
    }
    run_program(argv, env, r);
}

static int count(const char *text, const char *part)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, part)) != NULL; p += strlen(part)) {
        n++;
    }
    return n;
}

/* It ends with 1 and says why in one line that contains word. */
static void expect_fatal(const char *const *args, const char *const *env, const char *word)
{
    struct run_result r;
    run_args(args, env, &r);
    const char *err = buf_str(&r.err);
    const char *line = strstr(err, "level=error");
    if (r.code != 1 || count(err, "level=error") != 1 || strstr(line, word) == NULL) {
        fail_msg("exit code %d, stderr: %s", r.code, err);
    }
    run_done(&r);
}

/* ---- options --------------------------------------------------------------------------------- */

static void test_help_and_version(void **state)
{
    static const char *const helps[] = {"--help", "-help", "-h"};
    static const char *const versions[] = {"--version", "-version"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(helps); i++) {
        const char *const args[] = {helps[i], NULL};
        struct run_result r;
        run_args(args, NULL, &r);
        assert_int_equal(r.code, 0);
        assert_true(strstr(buf_str(&r.out), "-db") != NULL || strstr(buf_str(&r.err), "-db"));
        run_done(&r);
    }
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        const char *const args[] = {versions[i], NULL};
        struct run_result r;
        run_args(args, NULL, &r);
        assert_int_equal(r.code, 0);
        assert_true(r.out.len > 3 && strpbrk(buf_str(&r.out), "0123456789") != NULL);
        assert_int_equal(count(buf_str(&r.out), "\n"), 1);
        run_done(&r);
    }
}

static void test_bad_options(void **state)
{
    static const char *const cases[][3] = {{"--no-such-flag"}, {"-x"}, {"-db"}, {"--db"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct run_result r;
        run_args(cases[i], NULL, &r);
        assert_int_equal(r.code, 2);
        assert_non_null(strstr(buf_str(&r.err), cases[i][0] + 1));
        run_done(&r);
    }
}

static void test_bad_port(void **state)
{
    static const char *const ports[] = {"PORT=abc", "PORT=65536", "PORT=-1", "PORT=80x"};
    char dir[200];
    char db[256];
    (void)state;
    harness_new_dir(dir, sizeof dir);
    snprintf(db, sizeof db, "%s/store.db", dir);
    for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
        const char *const args[] = {"-db", db, NULL};
        const char *const env[] = {ports[i], "PS_SHARED_SECRET=x", NULL};
        struct run_result r;
        run_args(args, env, &r);
        assert_true(r.code == 1 || r.code == 2);
        assert_non_null(strcasestr(buf_str(&r.err), "port"));
        run_done(&r);
    }
}

/* Links are this and a path: more than scheme and host, or less, is a mistake. */
static void test_bad_public_url(void **state)
{
    static const char *const urls[] = {"example.org",
                                       "https://",
                                       "https:///",
                                       "ftp://example.org",
                                       "https://example.org/files",
                                       "https://example.org?x",
                                       "https://example.org#x",
                                       "https://a b",
                                       "https://example.org ",
                                       "https://example.org\t",
                                       "https://user@example.org",
                                       "https://ex\"ample.org",
                                       "https://<b>",
                                       "https://example%2Eorg",
                                       "https://ex\xc3\xa4mple.org",
                                       "https://:8080"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        const char *const args[] = {"-public-url", urls[i], NULL};
        struct run_result r;
        run_args(args, NULL, &r);
        assert_int_equal(r.code, 2);
        assert_non_null(strstr(buf_str(&r.err), urls[i]));
        run_done(&r);
    }
}

/* How many downloads are remembered is a number from 1 on. */
static void test_bad_history_rows(void **state)
{
    static const char *const numbers[] = {"0",   "-1",  "+5",   "ten",
                                          "1e4", "10 ", "0x10", "9223372036854775808"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        const char *const args[] = {"-history-rows", numbers[i], NULL};
        struct run_result r;
        run_args(args, NULL, &r);
        assert_int_equal(r.code, 2);
        assert_non_null(strstr(buf_str(&r.err), "history-rows"));
        assert_non_null(strstr(buf_str(&r.err), numbers[i]));
        run_done(&r);
    }
}

/* Only the newest ones stay, and the flag wins over the variable. */
static void test_history_rows(void **state)
{
    static const char *const env[] = {"PS_HISTORY_ROWS=3", NULL};
    static const char *const args[] = {"-history-rows", "2", NULL};
    (void)state;
    for (int64_t rows = 3; rows >= 2; rows--) {
        struct server s;
        char id[ID_CHARS + 1];
        char path[40];
        server_start(&s, &(struct server_options){.env = env, .args = rows == 2 ? args : NULL});
        upload_text(&s, "a.txt", NULL, "dummy data", id);
        snprintf(path, sizeof path, "/-%s", id);
        for (int i = 0; i < 5; i++) {
            char agent[32];
            struct response r;
            snprintf(agent, sizeof agent, "User-Agent: a%d", i);
            const char *const headers[] = {agent, NULL};
            http_do(&s, &(struct request){.path = path, .headers = headers}, &r);
            expect_answer(&r, 200, "dummy data");
            response_done(&r);
        }
        assert_int_equal(db_int(&s, "SELECT count(*) FROM downloads"), rows);
        assert_int_equal(db_int(&s, "SELECT count(*) FROM downloads WHERE user_agent = 'a4'"), 1);
        assert_int_equal(db_int(&s, "SELECT count(*) FROM downloads WHERE user_agent = 'a0'"), 0);
        server_end(&s);
    }
}

/* -db=PATH and --db PATH mean the same, and the directory is made with its parents. */
static void test_db_path(void **state)
{
    (void)state;
    char dir[200];
    harness_new_dir(dir, sizeof dir);
    char db[256];
    snprintf(db, sizeof db, "%s/a/b/c/files.db", dir);
    struct server s;
    server_start(&s, &(struct server_options){.db = db});
    assert_int_equal(access(db, R_OK), 0);
    char id[ID_CHARS + 1];
    upload_text(&s, "a.txt", NULL, "dummy data", id);
    server_end(&s);

    char flag[300];
    snprintf(flag, sizeof flag, "--db=%s/d/files.db", dir);
    const char *const args[] = {flag, NULL}; /* the last -db counts */
    server_start(&s, &(struct server_options){.args = args});
    snprintf(db, sizeof db, "%s/d/files.db", dir);
    assert_int_equal(access(db, R_OK), 0);
    server_end(&s);
}

/* ---- start-up that must fail ------------------------------------------------------------------
 */

static void test_port_in_use(void **state)
{
    (void)state;
    struct server s;
    char dir[200];
    char db[256];
    char port[32];
    char number[16];
    server_start(&s, NULL);
    harness_new_dir(dir, sizeof dir);
    snprintf(db, sizeof db, "%s/store.db", dir);
    snprintf(port, sizeof port, "PORT=%d", s.port);
    snprintf(number, sizeof number, "%d", s.port);
    const char *const args[] = {"-db", db, NULL};
    const char *const env[] = {port, "PS_SHARED_SECRET=x", NULL};
    expect_fatal(args, env, number);
    struct response r;
    http_get(&s, "/login", &r);
    expect_answer(&r, 200, NULL);
    response_done(&r);
    server_end(&s);
}

/* A second server on the same database ends at once: its first collection would take the rows of
 * uploads that run in the other one. */
static void test_database_in_use(void **state)
{
    static const char *const env[] = {"PORT=0", "PS_SHARED_SECRET=x", NULL};
    (void)state;
    struct server s;
    char id[ID_CHARS + 1];
    char link[300];
    server_start(&s, NULL);
    upload_bytes(&s, "a.bin", SEED, 3 * CHUNK_BYTES, id);
    const char *const args[] = {"-db", s.db, NULL};
    expect_fatal(args, env, "is in use by another process");
    snprintf(link, sizeof link, "%s/other.db", s.dir); /* by another name */
    assert_int_equal(symlink(s.db, link), 0);
    const char *const by_link[] = {"-db", link, NULL};
    expect_fatal(by_link, env, "is in use by another process");

    /* the first one is none the worse */
    expect_download(&s, id, SEED, 3 * CHUNK_BYTES);
    upload_text(&s, "a.txt", NULL, "dummy data", id);
    db_text(&s, "PRAGMA integrity_check", link, sizeof link);
    assert_string_equal(link, "ok");
    server_kill(&s); /* whatever ends it, the next one may have it */
    struct server next;
    server_start(&next, &(struct server_options){.db = s.db});
    assert_int_equal(db_entries(&next), 2);
    server_end(&next);
}

static void test_bad_places(void **state)
{
    (void)state;
    char dir[200];
    char file[256];
    char db[300];
    harness_new_dir(dir, sizeof dir);
    snprintf(file, sizeof file, "%s/file", dir);
    harness_write_file(file, "this is no database, but long enough to look at: "
                             "----------------------------------------------------------------");
    static const char *const env[] = {"PORT=0", "PS_SHARED_SECRET=x", NULL};
    snprintf(db, sizeof db, "%s/sub/store.db", file);
    const char *const below_file[] = {"-db", db, NULL};
    expect_fatal(below_file, env, file);
    const char *const no_database[] = {"-db", file, NULL};
    expect_fatal(no_database, env, file);
    const char *const not_writable[] = {"-db", "/proc/picoshare/store.db", NULL};
    expect_fatal(not_writable, env, "/proc/picoshare");
    const char *const directory[] = {"-db", dir, NULL};
    expect_fatal(directory, env, dir);
}

/* A directory that exists and may not be written to; root may write anywhere, so the server is
 * started as nobody. */
static void test_read_only_directory(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("[  SKIP    ] needs root to start the server as another user\n");
        skip();
    }
    char dir[200];
    char db[256];
    struct run_result r;
    harness_new_dir(dir, sizeof dir);
    snprintf(db, sizeof db, "%s/store.db", dir);
    const char *const argv[] = {
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", run_binary(), "-db", db,
        NULL};
    const char *const env[] = {"PORT=0", "PS_SHARED_SECRET=x", NULL};
    char parent[200];
    snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(dir, '/') - dir), dir);
    assert_int_equal(chmod(parent, 0711), 0);
    run_program(argv, env, &r);
    if (strstr(buf_str(&r.err), "setpriv: failed to execute") != NULL) {
        print_message("[  SKIP    ] nobody may not run %s\n", run_binary());
        run_done(&r);
        skip();
    }
    if (r.code != 1 || count(buf_str(&r.err), "level=error") != 1) {
        fail_msg("exit code %d, stderr: %s", r.code, buf_str(&r.err));
    }
    run_done(&r);
}

/* A later version is refused and left as it is. */
static void test_newer_database(void **state)
{
    (void)state;
    struct server s;
    char out[16];
    server_start(&s, NULL);
    server_end(&s);
    db_text(&s, "PRAGMA user_version = 16", out, sizeof out);
    const char *const args[] = {"-db", s.db, NULL};
    static const char *const env[] = {"PORT=0", "PS_SHARED_SECRET=x", NULL};
    expect_fatal(args, env, "16");
    assert_int_equal(db_int(&s, "PRAGMA user_version"), 16);
}

/* ---- the passphrase ---------------------------------------------------------------------------
 */

static int sign_in_status(const struct server *s, const char *secret)
{
    char body[400];
    struct response r;
    snprintf(body, sizeof body, "{\"sharedSecretKey\":\"%s\"}", secret);
    http_do(s, &(struct request){.method = "POST", .path = "/api/auth", .text = body}, &r);
    int status = r.status;
    response_done(&r);
    return status;
}

static void test_secret_file(void **state)
{
    static const struct {
        const char *contents;
        const char *secret; /* as JSON; NULL: it must not start */
    } cases[] = {
        {"from file", "from file"},
        {"from file\n", "from file"},
        {"from file\r\n\n", "from file"},
        {" from file \n", " from file "},
        {"\n", NULL},
        {"", NULL},
    };
    (void)state;
    char dir[200];
    char file[256];
    char var[300];
    harness_new_dir(dir, sizeof dir);
    snprintf(file, sizeof file, "%s/secret", dir);
    snprintf(var, sizeof var, "PS_SHARED_SECRET_FILE=%s", file);
    const char *const env[] = {var, NULL}; /* beside PS_SHARED_SECRET, over which it wins */
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        harness_write_file(file, cases[i].contents);
        if (cases[i].secret == NULL) {
            char db[256];
            snprintf(db, sizeof db, "%s/store.db", dir);
            const char *const args[] = {"-db", db, NULL};
            const char *const all[] = {var, "PORT=0", "PS_SHARED_SECRET=x", NULL};
            expect_fatal(args, all, file);
            continue;
        }
        struct server s;
        server_start(&s, &(struct server_options){.env = env});
        assert_int_equal(sign_in_status(&s, cases[i].secret), 200);
        assert_int_equal(sign_in_status(&s, HARNESS_SECRET), 401);
        server_end(&s);
    }
}

static void test_unreadable_secret_file(void **state)
{
    (void)state;
    char dir[200];
    char db[256];
    harness_new_dir(dir, sizeof dir);
    snprintf(db, sizeof db, "%s/store.db", dir);
    const char *const args[] = {"-db", db, NULL};
    static const char *const missing[] = {"PS_SHARED_SECRET_FILE=/no/such/secret", "PORT=0",
                                          "PS_SHARED_SECRET=x", NULL};
    expect_fatal(args, missing, "/no/such/secret");
    static const char *const directory[] = {"PS_SHARED_SECRET_FILE=/etc", "PORT=0", NULL};
    expect_fatal(args, directory, "/etc");
}

/* The file beside the database that only its owner may read, and what is in it. */
static void find_passphrase(const struct server *s, char *ret_name, char *ret_secret, size_t size)
{
    DIR *dir = opendir(s->dir);
    assert_non_null(dir);
    int found = 0;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        char path[600];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", s->dir, e->d_name);
        if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || (st.st_mode & 0777) != 0600 ||
            strncmp(e->d_name, "store.db-", 9) == 0 || strcmp(e->d_name, "store.db") == 0) {
            continue;
        }
        struct buf text;
        harness_read_file(path, &text);
        snprintf(ret_secret, size, "%.*s", (int)strcspn(buf_str(&text), "\r\n"), buf_str(&text));
        snprintf(ret_name, size, "%s", e->d_name);
        buf_done(&text);
        found++;
    }
    closedir(dir);
    assert_int_equal(found, 1);
    assert_true(strlen(ret_secret) >= 12);
}

static void expect_printed(const struct server *s, const char *text)
{
    struct buf err;
    struct buf out;
    harness_read_file(s->log, &err);
    harness_read_file(s->access, &out);
    assert_true(strstr(buf_str(&err), text) != NULL || strstr(buf_str(&out), text) != NULL);
    buf_done(&err);
    buf_done(&out);
}

static void test_random_passphrase(void **state)
{
    (void)state;
    struct server s;
    char name[300];
    char secret[300];
    char again[300];
    server_start(&s, &(struct server_options){.no_secret = true});
    find_passphrase(&s, name, secret, sizeof secret);
    expect_printed(&s, secret);
    expect_printed(&s, name);
    assert_int_equal(sign_in_status(&s, secret), 200);
    assert_int_equal(sign_in_status(&s, HARNESS_SECRET), 401);
    server_end(&s);

    char dir[200];
    snprintf(dir, sizeof dir, "%s", s.dir);
    server_start(&s, &(struct server_options){.no_secret = true, .dir = dir});
    find_passphrase(&s, name, again, sizeof again);
    assert_string_equal(again, secret);
    expect_printed(&s, secret);
    assert_int_equal(sign_in_status(&s, secret), 200);
    server_end(&s);

    server_start(&s, &(struct server_options){.no_secret = true});
    find_passphrase(&s, name, again, sizeof again);
    assert_string_not_equal(again, secret);
    server_end(&s);
}

/* ---- listening --------------------------------------------------------------------------------
 */

static void test_listens_on_ipv6(void **state)
{
    (void)state;
    struct server s;
    struct sockaddr_in6 addr = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    server_start(&s, NULL);
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    addr.sin6_port = htons((uint16_t)s.port);
    if (fd < 0 || (bind(fd,
                        (struct sockaddr *)&(struct sockaddr_in6){
                            .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT},
                        sizeof addr) != 0)) {
        print_message("[  SKIP    ] this machine has no IPv6\n");
        server_end(&s);
        skip();
    }
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    static const char get[] = "GET /login HTTP/1.0\r\n\r\n";
    char answer[16] = "";
    assert_int_equal(send(fd, get, sizeof get - 1, 0), sizeof get - 1);
    assert_int_equal(recv(fd, answer, 12, MSG_WAITALL), 12);
    assert_string_equal(answer + 8, " 200");
    close(fd);
    server_end(&s);
}

/* ---- stopping ---------------------------------------------------------------------------------
 */

static struct raw *begin_upload(const struct server *s, int64_t bytes)
{
    struct raw *c = malloc(sizeof *c);
    assert_non_null(c);
    assert_true(raw_open(s, c));
    assert_true(raw_text(c, "PUT /api/upload/unfinished.bin HTTP/1.1\r\nHost: localhost\r\n"
                            "Authorization: Basic OmR1bW15cGFzcw==\r\n"
                            "Content-Length: 10000000\r\n\r\n"));
    assert_true(raw_gen(c, SEED, 0, bytes));
    return c;
}

/* Chunk rows of the unfinished upload are in the database. */
static bool wait_for_rows(const struct server *s)
{
    int64_t end = harness_now_ms() + HANG_SECONDS * 1000;
    while (db_int(s, "SELECT count(*) FROM entries_data WHERE id NOT IN (SELECT id FROM"
                     " entries)") == 0) {
        if (harness_now_ms() > end) {
            return false;
        }
        harness_sleep_ms(50);
    }
    return true;
}

static void expect_only(const struct server *s, const char *id)
{
    assert_true(db_wait_no_orphans(s));
    assert_int_equal(db_entries(s), 1);
    char check[64];
    db_text(s, "PRAGMA integrity_check", check, sizeof check);
    assert_string_equal(check, "ok");
    expect_download(s, id, SEED, 1000000);
}

static void test_stop_during_upload(void **state)
{
    enum { GRACE_SECONDS = 5, MARGIN_SECONDS = 25 };
    static const int signals[] = {SIGTERM, SIGINT};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        struct server s;
        char id[ID_CHARS + 1];
        server_start(&s, NULL);
        upload_bytes(&s, "kept.bin", SEED, 1000000, id);
        struct raw *c = begin_upload(&s, 5000000);
        assert_true(wait_for_rows(&s));
        int64_t start = harness_now_ms();
        int code = server_signal(&s, signals[i]);
        assert_true(code == 0 || code == 1);
        assert_true(harness_now_ms() - start < (GRACE_SECONDS + MARGIN_SECONDS) * 1000);
        assert_true(raw_wait_closed(c));
        raw_close(c);
        free(c);
        server_start_again(&s);
        expect_only(&s, id);
        server_end(&s);
    }
}

/* Without anybody connected, and with idle connections, the end is immediate and clean. */
static void test_stop_when_idle(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, NULL);
    struct raw *c = malloc(sizeof *c);
    assert_non_null(c);
    assert_true(raw_open(&s, c));
    struct response r;
    assert_true(raw_text(c, "GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert_int_equal(raw_answer(c, false, &r), RAW_OK);
    response_done(&r);
    server_end(&s);
    assert_true(raw_wait_closed(c));
    raw_close(c);
    free(c);
    char wal[300];
    struct stat st;
    snprintf(wal, sizeof wal, "%s-wal", s.db);
    assert_true(stat(wal, &st) != 0 || st.st_size == 0);
}

/* An upload that finishes within the grace time is kept and answered. */
static void test_stop_lets_upload_finish(void **state)
{
    enum { PUT_BYTES = 10000000 };
    (void)state;
    struct server s;
    server_start(&s, NULL);
    struct raw *c = begin_upload(&s, 5000000);
    assert_true(wait_for_rows(&s));
    kill(s.pid, SIGTERM);
    harness_sleep_ms(300);
    bool sent = raw_gen(c, SEED, 5000000, PUT_BYTES - 5000000);
    struct response r;
    char id[ID_CHARS + 1] = "";
    enum raw_end end = raw_answer(c, false, &r);
    bool kept = sent && end == RAW_OK && r.status == 200 && response_id(&r, id);
    response_done(&r);
    raw_close(c);
    free(c);
    int code = server_signal(&s, 0);
    assert_true(code == 0 || code == 1);
    server_start_again(&s);
    assert_true(db_wait_no_orphans(&s));
    assert_int_equal(db_entries(&s), kept ? 1 : 0);
    if (kept) {
        expect_download(&s, id, SEED, PUT_BYTES);
    }
    server_end(&s);
}

static void test_killed_during_upload(void **state)
{
    (void)state;
    struct server s;
    char id[ID_CHARS + 1];
    server_start(&s, NULL);
    upload_bytes(&s, "kept.bin", SEED, 1000000, id);
    struct raw *c = begin_upload(&s, 5000000);
    assert_true(wait_for_rows(&s));
    server_kill(&s);
    raw_close(c);
    free(c);
    server_start_again(&s);
    expect_only(&s, id);
    server_end(&s);
}

/* A session survives a restart; an expired file does not survive the next start. */
static void test_restart(void **state)
{
    (void)state;
    struct server s;
    char id[ID_CHARS + 1];
    char out[16];
    server_start(&s, NULL);
    server_sign_in(&s);
    upload_bytes(&s, "kept.bin", SEED, 1000000, id);
    upload_bytes(&s, "expired.bin", SEED, 1000000, out);
    struct server old = s;
    server_end(&s);
    char sql[200];
    snprintf(sql, sizeof sql,
             "UPDATE entries SET expiration_time = '2024-01-01T00:00:00Z' WHERE id = '%s'", out);
    db_text(&old, sql, out, sizeof out);
    server_start(&s, &(struct server_options){.dir = old.dir});
    snprintf(s.cookie, sizeof s.cookie, "%s", old.cookie);
    struct response r;
    http_do(&s, &(struct request){.path = "/files", .auth = AUTH_COOKIE}, &r);
    expect_answer(&r, 200, NULL);
    response_done(&r);
    assert_true(db_wait(&s, "SELECT count(*) FROM entries", 1));
    expect_only(&s, id);
    server_end(&s);
}

/* ---- the access log ---------------------------------------------------------------------------
 */

static void test_access_log(void **state)
{
    (void)state;
    struct server s;
    struct response r;
    server_start(&s, NULL);
    http_get(&s, "/nothing?a=%22", &r);
    expect_answer(&r, 404, NULL);
    size_t bytes = r.body.len;
    response_done(&r);
    server_end(&s);
    struct buf log;
    char line[100];
    harness_read_file(s.access, &log);
    snprintf(line, sizeof line, " +0000] \"GET /nothing?a=%%22 HTTP/1.1\" 404 %zu\n", bytes);
    if (strncmp(buf_str(&log), "127.0.0.1 - - [", 15) != 0 || strstr(buf_str(&log), line) == NULL) {
        fail_msg("access log: %s", buf_str(&log));
    }
    buf_done(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help_and_version),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_bad_port),
        cmocka_unit_test(test_bad_history_rows),
        cmocka_unit_test(test_history_rows),
        cmocka_unit_test(test_bad_public_url),
        cmocka_unit_test(test_db_path),
        cmocka_unit_test(test_port_in_use),
        cmocka_unit_test(test_database_in_use),
        cmocka_unit_test(test_bad_places),
        cmocka_unit_test(test_read_only_directory),
        cmocka_unit_test(test_newer_database),
        cmocka_unit_test(test_secret_file),
        cmocka_unit_test(test_unreadable_secret_file),
        cmocka_unit_test(test_random_passphrase),
        cmocka_unit_test(test_listens_on_ipv6),
        cmocka_unit_test(test_stop_during_upload),
        cmocka_unit_test(test_stop_when_idle),
        cmocka_unit_test(test_stop_lets_upload_finish),
        cmocka_unit_test(test_killed_during_upload),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_access_log),
    };
    return harness_main(tests, NULL, NULL);
}
