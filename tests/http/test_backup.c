/* picoshare backup and restore, and the route behind them: round trips, refusals, clients and
 * servers that die in the middle, and what is left of it all: nothing. Under load:
 * test_small_jobs.c. On a full disk: test_backup_full.c. */
#include "api.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* More than sockets and pipes hold, so that a client that reads nothing keeps the server sending.
 */
enum { SEED = 41, SMALL = 3 * CHUNK_BYTES + 17, LARGE = 40000000 };

#define SECRET_ENV "PS_SHARED_SECRET=" HARNESS_SECRET

struct place {
    struct server server;
    char dir[200]; /* for backups */
    char file[256];
    char url[64];
};

static void place_start(struct place *p)
{
    memset(p, 0, sizeof *p);
    server_start(&p->server, NULL);
    harness_new_dir(p->dir, sizeof p->dir);
    snprintf(p->file, sizeof p->file, "%s/backup.db", p->dir);
    snprintf(p->url, sizeof p->url, "http://localhost:%d", p->server.port);
}

/* picoshare COMMAND …, at most four more arguments; with the passphrase in the environment. */
static void run_command(const char *command, const char *const args[4], struct run_result *r)
{
    static const char *const env[] = {SECRET_ENV, NULL};
    const char *const argv[] = {run_binary(), command, args[0], args[1], args[2], args[3], NULL};
    run_program(argv, env, r);
}

/* Its exit code, and a part of what it says. */
#define expect_command(code, part, command, ...)                                                   \
    expect_command_(__LINE__, code, part, command, (const char *const[4]){__VA_ARGS__})

static void expect_command_(int line, int code, const char *part, const char *command,
                            const char *const args[4])
{
    struct run_result r;
    run_command(command, args, &r);
    if (r.code != code ||
        (strstr(buf_str(&r.err), part) == NULL && strstr(buf_str(&r.out), part) == NULL)) {
        fail_msg("line %d: exit code %d, not %d, or no '%s' in\n%s%s", line, r.code, code, part,
                 buf_str(&r.out), buf_str(&r.err));
    }
    run_done(&r);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* How many names in a directory hold this. */
static int count_names(const char *dir, const char *part)
{
    DIR *list = opendir(dir);
    int count = 0;
    assert_non_null(list);
    for (struct dirent *item = readdir(list); item != NULL; item = readdir(list)) {
        count += item->d_name[0] != '.' && strstr(item->d_name, part) != NULL;
    }
    closedir(list);
    return count;
}

/* Files without a name that the server has open. */
static int count_nameless(const struct server *s)
{
    char path[300];
    char target[300];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)s->pid);
    DIR *list = opendir(path);
    int count = 0;
    assert_non_null(list);
    for (struct dirent *item = readdir(list); item != NULL; item = readdir(list)) {
        ssize_t len = readlinkat(dirfd(list), item->d_name, target, sizeof target - 1);
        target[len > 0 ? len : 0] = '\0';
        count += strstr(target, "-copying (deleted)") != NULL;
    }
    closedir(list);
    return count;
}

static void wait_for_state(const struct server *s, const char *state)
{
    int64_t end = harness_now_ms() + HANG_SECONDS * 1000;
    char part[32];
    snprintf(part, sizeof part, "{\"state\":\"%s\",", state);
    for (bool found = false; !found;) {
        struct response r;
        http_do(s, &(struct request){.path = "/api/system/backup", .auth = AUTH_BASIC}, &r);
        found = strstr(response_text(&r), part) != NULL;
        if (!found && harness_now_ms() > end) {
            fail_msg("not %s: %s", part, response_text(&r));
        }
        response_done(&r);
        harness_sleep_ms(found ? 0 : 5);
    }
}

/* As a script would ask for it; the client reads nothing of the answer. */
static void ask_and_wait(const struct server *s, struct raw *c)
{
    static const char ask[] = "POST /api/system/backup HTTP/1.1\r\nHost: localhost\r\n"
                              "Authorization: Basic OmR1bW15cGFzcw==\r\nContent-Length: 0\r\n\r\n";
    assert_true(raw_open(s, c));
    assert_true(raw_text(c, ask));
}

static int ask_status(const struct server *s, const char *const *headers, enum auth auth)
{
    struct response r;
    http_do(s,
            &(struct request){.method = "POST",
                              .path = "/api/system/backup",
                              .auth = auth,
                              .headers = headers,
                              .discard = true},
            &r);
    int status = r.status;
    response_done(&r);
    return status;
}

/* ---- there and back -------------------------------------------------------------------------- */

static void test_round_trip(void **state)
{
    (void)state;
    struct place p;
    struct server restored;
    char large[ID_CHARS + 1];
    char small[ID_CHARS + 1];
    char db[300];
    place_start(&p);
    upload_bytes(&p.server, "large.bin", SEED, LARGE, large);
    upload_bytes(&p.server, "small.bin", SEED + 1, SMALL, small);
    expect_download(&p.server, small, SEED + 1, SMALL);
    expect_command(0, "2 files of ", "backup", "--url", p.url, p.file);
    expect_command(0, "2 files of ", "check", p.file);
    assert_int_equal(count_names(p.dir, ""), 1);
    struct stat st;
    assert_int_equal(stat(p.file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    snprintf(db, sizeof db, "%s/new/store.db", p.dir);
    expect_command(0, "no damage", "restore", "-db", db, p.file);
    assert_int_equal(stat(db, &st), 0);
    char dir[300];
    snprintf(dir, sizeof dir, "%s/new", p.dir);
    assert_int_equal(count_names(dir, ""), 1);
    server_start(&restored, &(struct server_options){.dir = p.dir, .db = db});
    expect_download(&restored, large, SEED, LARGE);
    expect_download(&restored, small, SEED + 1, SMALL);
    expect_db(&restored, "2", "SELECT count(*) FROM downloads");
    server_end(&restored);
    assert_int_equal(count_nameless(&p.server), 0);
    assert_int_equal(count_names(p.server.dir, "copying"), 0);
    server_end(&p.server);
}

static void test_existing_file(void **state)
{
    (void)state;
    struct place p;
    struct buf text;
    place_start(&p);
    harness_write_file(p.file, "kept");
    expect_command(2, "exists already", "backup", "-url", p.url, p.file);
    harness_read_file(p.file, &text);
    assert_string_equal(buf_str(&text), "kept");
    buf_done(&text);
    expect_command(0, "no damage", "backup", "-force", "-url", p.url, p.file);
    expect_command(0, "no damage", "check", p.file);
    server_end(&p.server);
}

static void test_to_standard_output(void **state)
{
    (void)state;
    struct place p;
    struct run_result r;
    char command[700];
    char id[ID_CHARS + 1];
    place_start(&p);
    upload_bytes(&p.server, "a.bin", SEED, SMALL, id);
    snprintf(command, sizeof command, "%s backup -url %s - >%s", run_binary(), p.url, p.file);
    const char *const argv[] = {"/bin/sh", "-c", command, NULL};
    static const char *const env[] = {SECRET_ENV, NULL};
    run_program(argv, env, &r);
    assert_int_equal(r.code, 0);
    assert_non_null(strstr(buf_str(&r.err), "not checked"));
    run_done(&r);
    expect_command(0, "1 files of ", "check", p.file);
    server_end(&p.server);
}

static void test_passphrases(void **state)
{
    (void)state;
    struct server s;
    char url[64];
    char path[300];
    char made[300];
    struct run_result r;
    server_start(&s, &(struct server_options){.no_secret = true});
    snprintf(url, sizeof url, "http://localhost:%d", s.port);
    snprintf(made, sizeof made, "%s/passphrase", s.dir);
    static const char *const env[] = {"PS_SHARED_SECRET", NULL}; /* without it */
    const struct {
        const char *flag, *value;
        int code;
        const char *text;
    } cases[] = {
        {"-db", s.db, 0, "no damage"},
        {"-shared-secret-file", made, 0, "no damage"},
        {"-shared-secret-file", "/nowhere/secret", 2, "/nowhere/secret"},
        {"-db", "/nowhere/store.db", 2, "no passphrase is set"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(path, sizeof path, "%s/%zu.copy", s.dir, i);
        const char *const argv[] = {run_binary(),  "backup",       "-url", url,
                                    cases[i].flag, cases[i].value, path,   NULL};
        run_program(argv, env, &r);
        if (r.code != cases[i].code || strstr(buf_str(&r.err), cases[i].text) == NULL) {
            fail_msg("%s %s: %d, %s", cases[i].flag, cases[i].value, r.code, buf_str(&r.err));
        }
        run_done(&r);
        assert_int_equal(exists(path), cases[i].code == 0);
    }
    const char *const wrong[] = {run_binary(), "backup", "-url", url, path, NULL};
    static const char *const wrong_env[] = {"PS_SHARED_SECRET=wrong", NULL};
    run_program(wrong, wrong_env, &r);
    assert_int_equal(r.code, 2);
    assert_non_null(strstr(buf_str(&r.err), "(401): Authentication required"));
    run_done(&r);
    assert_false(exists(path));
    server_end(&s);
}

static void test_misuse(void **state)
{
    (void)state;
    expect_command(2, "Usage: picoshare backup", "backup", NULL);
    expect_command(2, "what is \"b\"", "backup", "a", "b");
    expect_command(2, "unknown option", "backup", "-passphrase", "x", "a");
    expect_command(2, "not the URL of a server", "backup", "-url", "localhost", "/nowhere/a");
    expect_command(2, "cannot write /nowhere/a", "backup", "-url", "http://localhost:1",
                   "/nowhere/a");
    expect_command(0, "Exit codes", "backup", "-help");
    expect_command(2, "Usage: picoshare restore", "restore", NULL);
    expect_command(0, "Exit codes", "restore", "-help");
    expect_command(2, "/nowhere/a", "restore", "-db", "/tmp/nowhere.db", "/nowhere/a");
}

/* ---- who may, and when ----------------------------------------------------------------------- */

static void test_refused(void **state)
{
    (void)state;
    static const char *const foreign[] = {"Origin: http://example.com", NULL};
    static const char *const site[] = {"Sec-Fetch-Site: cross-site", NULL};
    struct server s;
    server_start(&s, NULL);
    assert_int_equal(ask_status(&s, NULL, AUTH_NONE), 401);
    assert_int_equal(ask_status(&s, foreign, AUTH_BASIC), 403);
    assert_int_equal(ask_status(&s, site, AUTH_BASIC), 403);
    assert_int_equal(ask_status(&s, NULL, AUTH_BASIC), 200);
    struct response r;
    http_get(&s, "/api/system/backup", &r);
    expect_answer(&r, 401, NULL);
    response_done(&r);
    server_end(&s);
}

static void test_one_at_a_time(void **state)
{
    (void)state;
    struct place p;
    struct raw c;
    char id[ID_CHARS + 1];
    place_start(&p);
    upload_bytes(&p.server, "a.bin", SEED, LARGE, id);
    ask_and_wait(&p.server, &c);
    wait_for_state(&p.server, "sending");
    assert_int_equal(count_nameless(&p.server), 1);
    assert_int_equal(count_names(p.server.dir, "copying"), 0);
    assert_int_equal(ask_status(&p.server, NULL, AUTH_BASIC), 409);
    expect_command(2, "(409): a backup is running already", "backup", "-url", p.url, p.file);
    assert_false(exists(p.file));
    raw_close(&c);
    wait_for_state(&p.server, "idle");
    assert_int_equal(count_nameless(&p.server), 0);
    expect_command(0, "no damage", "backup", "-url", p.url, p.file);
    server_end(&p.server);
}

/* ---- who dies in the middle ------------------------------------------------------------------ */

/* Another program keeps the writer waiting, so that the copying has not begun. */
static pid_t hold_writer(const struct server *s)
{
    char command[700];
    snprintf(command, sizeof command, "(echo 'BEGIN IMMEDIATE; SELECT 1;'; sleep 600) | sqlite3 %s",
             s->db);
    int out[2];
    char byte;
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        dup2(out[1], STDOUT_FILENO);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    assert_true(pid > 0);
    setpgid(pid, pid);
    assert_int_equal(read(out[0], &byte, 1), 1);
    close(out[0]);
    close(out[1]);
    return pid;
}

static void let_writer_go(pid_t pid)
{
    assert_int_equal(kill(-pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* A backup is asked for, and waits behind a change that the held writer has in hand. Returns the
 * holder. */
static pid_t hold_backup(const struct server *s, const char *change, struct raw *ret_waiting,
                         struct raw *ret_backup)
{
    pid_t holder = hold_writer(s);
    assert_true(raw_open(s, ret_waiting));
    assert_true(raw_text(ret_waiting, change));
    harness_sleep_ms(100);
    ask_and_wait(s, ret_backup);
    wait_for_state(s, "copying");
    return holder;
}

static void test_client_gone_while_copying(void **state)
{
    (void)state;
    struct place p;
    struct raw waiting;
    struct raw c;
    char id[ID_CHARS + 1];
    place_start(&p);
    upload_bytes(&p.server, "a.bin", SEED, LARGE, id);
    pid_t holder = hold_backup(&p.server,
                               "PUT /api/settings HTTP/1.1\r\nHost: localhost\r\n"
                               "Authorization: Basic OmR1bW15cGFzcw==\r\nContent-Length: 58\r\n\r\n"
                               "{\"defaultExpirationDays\":100 ,\"defaultNeverExpire\":false }",
                               &waiting, &c);
    assert_int_equal(ask_status(&p.server, NULL, AUTH_BASIC), 409);
    raw_close(&c);
    let_writer_go(holder);
    wait_for_state(&p.server, "idle");
    raw_close(&waiting);
    expect_command(0, "no damage", "backup", "-url", p.url, p.file);
    struct buf log;
    harness_read_file(p.server.log, &log);
    const char *copied = strstr(buf_str(&log), "msg=\"database copied\"");
    assert_non_null(copied);
    assert_null(strstr(copied + 1, "msg=\"database copied\"")); /* the one above alone */
    buf_done(&log);
    assert_int_equal(count_nameless(&p.server), 0);
    server_end(&p.server);
}

static pid_t start_command(const struct place *p)
{
    pid_t pid = fork();
    if (pid == 0) {
        setenv("PS_SHARED_SECRET", HARNESS_SECRET, 1);
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDERR_FILENO);
        execl(run_binary(), "picoshare", "backup", "-url", p->url, p->file, (char *)NULL);
        _exit(127);
    }
    assert_true(pid > 0);
    return pid;
}

/* At different moments, by different signals: no file, and the next one works at once. */
static void test_killed_client(void **state)
{
    (void)state;
    static const int signals[] = {SIGKILL, SIGTERM, SIGINT};
    struct place p;
    char id[ID_CHARS + 1];
    int died = 0;
    place_start(&p);
    upload_bytes(&p.server, "a.bin", SEED, LARGE, id);
    for (int i = 0; i < 12; i++) {
        int status = 0;
        int signal = signals[i % 3];
        pid_t pid = start_command(&p);
        harness_sleep_ms(10 + 12 * i);
        assert_int_equal(kill(pid, signal), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (exists(p.file)) { /* it was quicker */
            assert_int_equal(unlink(p.file), 0);
            continue;
        }
        died++;
        assert_int_not_equal(status, 0);
        if (signal != SIGKILL && WIFEXITED(status)) {
            assert_int_equal(count_names(p.dir, ""), 0);
        }
        wait_for_state(&p.server, "idle");
        assert_int_equal(count_nameless(&p.server), 0);
    }
    print_message("[  KILLED  ] %d of 12 in the middle\n", died);
    assert_true(died > 0);
    expect_command(0, "no damage", "backup", "-url", p.url, p.file);
    assert_int_equal(count_names(p.dir, ""), 1);
    server_end(&p.server);
}

static void test_killed_server(void **state)
{
    (void)state;
    struct place p;
    struct raw c;
    char id[ID_CHARS + 1];
    int status = 0;
    place_start(&p);
    upload_bytes(&p.server, "a.bin", SEED, LARGE, id);
    pid_t pid = start_command(&p);
    harness_sleep_ms(40);
    server_kill(&p.server);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!exists(p.file)) { /* or the client had it all */
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 2);
        assert_int_equal(count_names(p.dir, ""), 0);
    }
    server_start_again(&p.server);
    snprintf(p.url, sizeof p.url, "http://localhost:%d", p.server.port);
    ask_and_wait(&p.server, &c);
    wait_for_state(&p.server, "sending"); /* for sure in the middle */
    server_kill(&p.server);
    raw_close(&c);
    assert_int_equal(count_names(p.server.dir, "copying"), 0);
    server_start_again(&p.server);
    snprintf(p.url, sizeof p.url, "http://localhost:%d", p.server.port);
    expect_command(0, "no damage", "backup", "-force", "-url", p.url, p.file);
    expect_download(&p.server, id, SEED, LARGE);
    server_end(&p.server);
}

/* A server that stops does not wait for a copy that has not begun. */
static void test_server_stops(void **state)
{
    (void)state;
    struct place p;
    struct raw c;
    struct raw waiting;
    struct response r;
    char id[ID_CHARS + 1];
    place_start(&p);
    upload_bytes(&p.server, "a.bin", SEED, LARGE, id);
    pid_t holder = hold_backup(&p.server,
                               "DELETE /api/entry/AAAAAAAAAA HTTP/1.1\r\nHost: localhost\r\n"
                               "Authorization: Basic OmR1bW15cGFzcw==\r\nContent-Length: 0\r\n\r\n",
                               &waiting, &c);
    assert_int_equal(kill(p.server.pid, SIGTERM), 0);
    harness_sleep_ms(200); /* no copy is wanted from now on */
    let_writer_go(holder);
    assert_int_equal(raw_answer(&c, false, &r), RAW_OK);
    expect_answer(&r, 503, NULL);
    response_done(&r);
    raw_close(&c);
    raw_close(&waiting);
    assert_int_equal(server_signal(&p.server, 0), 0);
}

/* ---- damage ---------------------------------------------------------------------------------- */

static void test_damaged_source(void **state)
{
    (void)state;
    struct place p;
    char id[ID_CHARS + 1];
    char damaged[300];
    char db[300];
    place_start(&p);
    upload_bytes(&p.server, "a.bin", SEED, SMALL, id);
    harness_write_file(p.file, "yesterday's");
    db_change(&p.server, "DELETE FROM entries_data WHERE chunk_index = 1");
    expect_command(1, "chunk row 1 is missing", "backup", "-force", "-url", p.url, p.file);
    snprintf(damaged, sizeof damaged, "%s.damaged", p.file);
    assert_true(exists(damaged));
    struct buf text;
    harness_read_file(p.file, &text);
    assert_string_equal(buf_str(&text), "yesterday's");
    buf_done(&text);
    expect_command(1, "chunk row 1 is missing", "check", damaged);
    snprintf(db, sizeof db, "%s/new.db", p.dir);
    expect_command(1, "chunk row 1 is missing", "restore", "-db", db, damaged);
    assert_int_equal(count_names(p.dir, "new"), 0);
    server_end(&p.server);
}

/* Bytes that change in a backup are noticed: those of a file by its digest. */
static void test_damaged_backup(void **state)
{
    (void)state;
    struct place p;
    char id[ID_CHARS + 1];
    char db[300];
    place_start(&p);
    upload_bytes(&p.server, "a.bin", SEED, SMALL, id);
    expect_command(0, "no damage", "backup", "-url", p.url, p.file);
    int fd = open(p.file, O_RDWR | O_CLOEXEC);
    struct stat st;
    char byte = 0;
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(pread(fd, &byte, 1, st.st_size - 50000), 1);
    byte = (char)(byte + 1);
    assert_int_equal(pwrite(fd, &byte, 1, st.st_size - 50000), 1);
    close(fd);
    expect_command(1, "do not have the recorded SHA-256", "check", p.file);
    snprintf(db, sizeof db, "%s/new.db", p.dir);
    expect_command(1, "do not have the recorded SHA-256", "restore", "-db", db, p.file);
    assert_int_equal(truncate(p.file, st.st_size / 2), 0);
    expect_command(1, "damaged", "restore", "-db", db, p.file);
    assert_int_equal(count_names(p.dir, "new"), 0);
    server_end(&p.server);
}

/* ---- in the place of another ----------------------------------------------------------------- */

static void test_restore_over(void **state)
{
    (void)state;
    struct place p;
    char backed[ID_CHARS + 1];
    char later[ID_CHARS + 1];
    char old[600];
    place_start(&p);
    upload_bytes(&p.server, "a.bin", SEED, SMALL, backed);
    expect_command(0, "no damage", "backup", "-url", p.url, p.file);
    upload_bytes(&p.server, "b.bin", SEED + 1, SMALL, later);
    expect_command(2, "in use by another process", "restore", "-force", "-db", p.server.db, p.file);
    expect_download(&p.server, later, SEED + 1, SMALL);
    server_kill(&p.server); /* its log stays */
    assert_int_equal(count_names(p.server.dir, "store.db-wal"), 1);
    expect_command(2, "-force keeps it", "restore", "-db", p.server.db, p.file);
    expect_command(2, "is no backup", "restore", "-db", p.file, p.server.db);
    expect_command(0, "is kept as", "restore", "-force", "-db", p.server.db, p.file);
    assert_int_equal(count_names(p.server.dir, ".replaced-"), 2); /* with its log */
    assert_int_equal(count_names(p.server.dir, "store.db-wal"), 0);
    assert_int_equal(count_names(p.server.dir, "store.db-shm"), 0);
    assert_int_equal(count_names(p.server.dir, "partial"), 0);
    server_start_again(&p.server);
    expect_download(&p.server, backed, SEED, SMALL);
    assert_int_equal(db_entries(&p.server), 1);
    server_end(&p.server);

    struct server kept = {.pid = 0};
    char name[300] = "";
    DIR *list = opendir(p.server.dir);
    assert_non_null(list);
    for (struct dirent *item = readdir(list); item != NULL; item = readdir(list)) {
        if (strstr(item->d_name, ".replaced-") != NULL && strstr(item->d_name, "-wal") == NULL) {
            snprintf(name, sizeof name, "%s", item->d_name);
        }
    }
    closedir(list);
    snprintf(old, sizeof old, "%s/%s", p.server.dir, name);
    snprintf(kept.db, sizeof kept.db, "%.255s", old);
    assert_int_equal(db_int(&kept, "SELECT count(*) FROM entries"), 2);
}

/* A program that takes no lock of ours but has the database open. */
static void test_restore_beside_another_program(void **state)
{
    (void)state;
    struct place p;
    place_start(&p);
    expect_command(0, "no damage", "backup", "-url", p.url, p.file);
    server_end(&p.server);
    pid_t holder = hold_writer(&p.server);
    expect_command(2, "in use by process", "restore", "-force", "-db", p.server.db, p.file);
    let_writer_go(holder);
    expect_command(0, "is kept as", "restore", "-force", "-db", p.server.db, p.file);
}

/* What lies about of a database that is gone would be taken for the new one's log. */
static void test_restore_beside_stale_log(void **state)
{
    (void)state;
    struct place p;
    char id[ID_CHARS + 1];
    place_start(&p);
    upload_bytes(&p.server, "a.bin", SEED, SMALL, id);
    expect_command(0, "no damage", "backup", "-url", p.url, p.file);
    server_kill(&p.server);
    assert_int_equal(unlink(p.server.db), 0);
    assert_int_equal(count_names(p.server.dir, "store.db-wal"), 1);
    expect_command(0, "no damage", "restore", "-db", p.server.db, p.file);
    assert_int_equal(count_names(p.server.dir, "store.db-wal"), 0);
    server_start_again(&p.server);
    expect_download(&p.server, id, SEED, SMALL);
    server_end(&p.server);
}

static pid_t start_restore(const char *db, const char *backup)
{
    pid_t pid = fork();
    if (pid == 0) {
        execl(run_binary(), "picoshare", "restore", "-db", db, backup, (char *)NULL);
        _exit(127);
    }
    assert_true(pid > 0);
    return pid;
}

/* To a pipe that somebody will read. */
static int open_pipe(const char *path)
{
    int64_t end = harness_now_ms() + HANG_SECONDS * 1000;
    int fd = -1;
    while ((fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)) < 0) {
        assert_true(harness_now_ms() < end);
        harness_sleep_ms(5);
    }
    assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
    return fd;
}

static void copy_into(int to, const char *path)
{
    char bytes[65536];
    int from = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(from >= 0);
    for (ssize_t n = read(from, bytes, sizeof bytes); n > 0; n = read(from, bytes, sizeof bytes)) {
        assert_int_equal(write(to, bytes, (size_t)n), n);
    }
    close(from);
}

/* There was no database, so nothing kept a server from it: the one that begins while the backup is
 * copied, which takes as long as the pipe does, stays. */
static void test_restore_where_another_begins(void **state)
{
    (void)state;
    struct place p;
    struct buf text;
    char pipe[300];
    char db[300];
    int status = 0;
    place_start(&p);
    expect_command(0, "no damage", "backup", "-url", p.url, p.file);
    server_end(&p.server);
    snprintf(pipe, sizeof pipe, "%s/pipe", p.dir);
    snprintf(db, sizeof db, "%s/new.db", p.dir);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    pid_t restore = start_restore(db, pipe);
    int fd = open_pipe(pipe);
    harness_write_file(db, "another");
    copy_into(fd, p.file);
    close(fd);
    assert_int_equal(waitpid(restore, &status, 0), restore);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 2);
    harness_read_file(db, &text);
    assert_string_equal(buf_str(&text), "another");
    buf_done(&text);
    assert_int_equal(count_names(p.dir, "partial"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_existing_file),
        cmocka_unit_test(test_to_standard_output),
        cmocka_unit_test(test_passphrases),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_client_gone_while_copying),
        cmocka_unit_test(test_killed_client),
        cmocka_unit_test(test_killed_server),
        cmocka_unit_test(test_server_stops),
        cmocka_unit_test(test_damaged_source),
        cmocka_unit_test(test_damaged_backup),
        cmocka_unit_test(test_restore_over),
        cmocka_unit_test(test_restore_beside_another_program),
        cmocka_unit_test(test_restore_beside_stale_log),
        cmocka_unit_test(test_restore_where_another_begins),
    };
    return harness_main(tests, NULL, NULL);
}
