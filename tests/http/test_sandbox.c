/* The sandbox around the real program: what the kernel says of the process, that nothing of its
 * work needs what was taken away, wherever the database lies, and whose user it runs as
 * (docs/decisions/0010-sandbox.md). What the sandbox forbids is tried in unit/test_sandbox. */
#include "api.h"
#include <dirent.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEED = 61, SIZE = 3 * CHUNK_BYTES + 17 };

/* The rest of the line of /proc/PID/status that begins so. */
static void process_status(const struct server *s, const char *name, char *ret_text, size_t size)
{
    char path[64];
    struct buf text;
    snprintf(path, sizeof path, "/proc/%d/status", (int)s->pid);
    harness_read_file(path, &text);
    const char *line = strstr(buf_str(&text), name);
    assert_non_null(line);
    line += strlen(name);
    line += strspn(line, "\t ");
    snprintf(ret_text, size, "%.*s", (int)strcspn(line, "\n"), line);
    buf_done(&text);
}

static void expect_status(const struct server *s, const char *name, const char *expected)
{
    char got[128];
    process_status(s, name, got, sizeof got);
    if (strcmp(got, expected) != 0) {
        fail_msg("%s is %s, not %s", name, got, expected);
    }
}

/* Everything that touches the file system: chunks, the log, figures, pages, deleting, giving back.
 */
static void use_everything(const struct server *s)
{
    static const char *const pages[] = {"/",         "/files",       "/guest-links",
                                        "/settings", "/information", "/api/system"};
    char id[ID_CHARS + 1];
    char path[64];
    struct response r;
    upload_bytes(s, "a.bin", SEED, SIZE, id);
    expect_download(s, id, SEED, SIZE);
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        http_do(s, &(struct request){.path = pages[i], .auth = AUTH_BASIC}, &r);
        expect_answer(&r, 200, NULL);
        response_done(&r);
    }
    snprintf(path, sizeof path, "/api/entry/%s", id);
    http_do(s, &(struct request){.method = "DELETE", .path = path, .auth = AUTH_BASIC}, &r);
    expect_answer(&r, 200, NULL);
    response_done(&r);
    http_do(s,
            &(struct request){.method = "POST", .path = "/api/system/reclaim", .auth = AUTH_BASIC},
            &r);
    expect_answer(&r, 202, NULL);
    response_done(&r);
}

/* ---- on, and off ----------------------------------------------------------------------------- */

static void test_active(void **state)
{
    (void)state;
    struct server s;
    struct response r;
    char text[128] = "";
    server_start(&s, NULL);
    expect_status(&s, "NoNewPrivs:", "1");
    expect_status(&s, "Seccomp:", "2");
    if (geteuid() == 0) {
        expect_status(&s, "CapEff:", "0000000000000003"); /* CAP_CHOWN, CAP_DAC_OVERRIDE */
        expect_status(&s, "CapPrm:", "0000000000000003");
    }
    assert_true(server_said(&s, "msg=\"sandbox: no new privileges, "));
    assert_true(server_said(&s, ", seccomp"));
    if (!server_said(&s, "Landlock ABI ")) {
        print_message("[  SKIP    ] Landlock: this kernel has none\n");
        assert_true(server_said(&s, "no Landlock"));
    }
    http_do(&s, &(struct request){.path = "/api/system", .auth = AUTH_BASIC}, &r);
    expect_part(&r, "\"sandbox\":\"no new privileges, ");
    response_done(&r);
    http_do(&s, &(struct request){.path = "/information", .auth = AUTH_BASIC}, &r);
    expect_part(&r, "<li>Sandbox: no new privileges, ");
    response_done(&r);
    use_everything(&s);
    process_status(&s, "Threads:", text, sizeof text);
    assert_string_not_equal(text, "1"); /* the words above are of a process whose threads run */
    server_end(&s);
}

static void test_every_thread(void **state)
{
    (void)state;
    struct server s;
    char path[64];
    size_t threads = 0;
    server_start(&s, NULL);
    snprintf(path, sizeof path, "/proc/%d/task", (int)s.pid);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.') {
            continue;
        }
        char status[400];
        struct buf text;
        snprintf(status, sizeof status, "%s/%s/status", path, e->d_name);
        harness_read_file(status, &text);
        assert_non_null(strstr(buf_str(&text), "\nNoNewPrivs:\t1\n"));
        assert_non_null(strstr(buf_str(&text), "\nSeccomp:\t2\n"));
        buf_done(&text);
        threads++;
    }
    closedir(dir);
    assert_in_range(threads, 7, 16); /* main, writer, four workers, maintenance */
    server_end(&s);
}

static void test_off(void **state)
{
    static const char *const flags[][2] = {{"-no-sandbox"}, {"--no-sandbox"}, {NULL}};
    static const char *const env[] = {"PS_NO_SANDBOX=1", NULL};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        struct server s;
        struct response r;
        server_start(&s, &(struct server_options){.args = flags[i],
                                                  .env = flags[i][0] == NULL ? env : NULL});
        expect_status(&s, "NoNewPrivs:", "0");
        expect_status(&s, "Seccomp:", "0");
        assert_true(server_said(&s, "level=warn msg=\"sandbox: off\""));
        http_do(&s, &(struct request){.path = "/api/system", .auth = AUTH_BASIC}, &r);
        expect_part(&r, "\"sandbox\":\"off\"");
        response_done(&r);
        use_everything(&s);
        server_end(&s);
    }
}

/* ---- what is read before --------------------------------------------------------------------- */

/* The access log goes on in the zone's time; figures of memory are still found out. */
static void test_time_zone(void **state)
{
    static const char *const env[] = {"TZ=Asia/Kolkata", NULL}; /* no summer time: +0530 */
    (void)state;
    struct server s;
    struct response r;
    struct buf text;
    if (access("/usr/share/zoneinfo/Asia/Kolkata", R_OK) != 0) {
        print_message("[  SKIP    ] no time zones here (tzdata)\n");
        skip();
    }
    server_start(&s, &(struct server_options){.env = env});
    for (int i = 0; i < 2; i++) {
        http_do(&s, &(struct request){.path = "/api/system", .auth = AUTH_BASIC}, &r);
        expect_answer(&r, 200, NULL);
        assert_null(strstr(response_text(&r), "\"residentBytes\":null"));
        response_done(&r);
    }
    server_end(&s);
    harness_read_file(s.access, &text);
    assert_non_null(strstr(buf_str(&text), " +0530] "));
    assert_null(strstr(buf_str(&text), " +0000] "));
    buf_done(&text);
}

/* A script that runs the program under strace, which the server's process outlives by nothing. */
static void make_tracing_binary(const char *dir, char *ret_path, size_t size)
{
    char text[1000];
    snprintf(ret_path, size, "%s/traced", dir);
    snprintf(text, sizeof text, "#!/bin/sh\nexec strace -D -f -o %s/trace %s \"$@\"\n", dir,
             run_binary());
    harness_write_file(ret_path, text);
    assert_int_equal(chmod(ret_path, 0700), 0);
}

/* Known and harmless. clone3: the C library tries it first for every thread. overcommit_memory:
 * asked once by malloc, which then gives memory back in the way it does by default. */
static bool is_known_refusal(const char *line, const char *trace)
{
    /* strace breaks a line when another thread comes between a call and its answer. */
    bool broken = strstr(line, "<... openat resumed>") != NULL &&
                  strstr(trace, "overcommit_memory\", O_RDONLY|O_CLOEXEC <unfinished") != NULL;
    return broken || strstr(line, " clone3(") != NULL || strstr(line, " clone3 resumed>") != NULL ||
           strstr(line, "\"/proc/sys/vm/overcommit_memory\"") != NULL;
}

/* After the filter came, no call of the server is refused: the list is long enough. */
static void test_nothing_is_refused(void **state)
{
    (void)state;
    struct server s;
    char dir[200];
    char binary[256];
    char trace[256];
    struct buf text;
    const char *const strace[] = {"strace", "-o", "/dev/null", "true", NULL};
    struct run_result run;
    run_program(strace, NULL, &run);
    int code = run.code;
    run_done(&run);
    if (code != 0 || SANITIZED) {
        print_message("[  SKIP    ] %s\n", code != 0 ? "strace is not here, or may not trace"
                                                     : "sanitizers do not work under strace");
        skip();
    }
    harness_new_dir(dir, sizeof dir);
    make_tracing_binary(dir, binary, sizeof binary);
    const char *real = getenv("PICOSHARE_BINARY");
    char *kept = real != NULL ? strdup(real) : NULL;
    static const char *const args[] = {"-vacuum", NULL};
    assert_int_equal(setenv("PICOSHARE_BINARY", binary, 1), 0);
    server_start(&s, &(struct server_options){.args = args});
    assert_int_equal(
        kept != NULL ? setenv("PICOSHARE_BINARY", kept, 1) : unsetenv("PICOSHARE_BINARY"), 0);
    free(kept);
    server_sign_in(&s);
    use_everything(&s);
    server_end(&s);

    snprintf(trace, sizeof trace, "%s/trace", dir);
    int64_t end = harness_now_ms() + HANG_SECONDS * 1000;
    for (;;) { /* strace writes its last lines after the server's end */
        harness_read_file(trace, &text);
        bool complete = strstr(buf_str(&text), " +++ exited with 0 +++\n") != NULL;
        if (complete || harness_now_ms() > end) {
            break;
        }
        buf_done(&text);
        harness_sleep_ms(20);
    }
    const char *line = strstr(buf_str(&text), " seccomp(SECCOMP_SET_MODE_FILTER");
    assert_non_null(line);
    int refused = 0;
    int lines = 0;
    while ((line = strchr(line, '\n')) != NULL) {
        line++;
        char copy[300];
        snprintf(copy, sizeof copy, "%.*s", (int)strcspn(line, "\n"), line);
        lines++;
        if ((strstr(copy, "= -1 ENOSYS") != NULL || strstr(copy, "= -1 EPERM") != NULL ||
             strstr(copy, "= -1 EACCES") != NULL) &&
            !is_known_refusal(copy, buf_str(&text))) {
            print_error("refused: %s\n", copy);
            refused++;
        }
    }
    buf_done(&text);
    assert_true(lines > 500); /* that the trace is one of the whole run */
    assert_int_equal(refused, 0);
}

/* ---- where the database lies ------------------------------------------------------------------
 */

/* Two starts, so that an existing file is opened as well; -vacuum writes at the start. */
static void expect_working(const char *dir, const char *db)
{
    static const char *const args[] = {"-vacuum", NULL};
    for (int i = 0; i < 2; i++) {
        struct server s;
        char id[ID_CHARS + 1];
        server_start(&s, &(struct server_options){.dir = dir, .db = db, .args = args});
        upload_bytes(&s, "kept.bin", SEED, SIZE, id);
        use_everything(&s);
        expect_download(&s, id, SEED, SIZE);
        server_end(&s);
    }
}

static void test_relative_path(void **state)
{
    (void)state;
    char dir[200];
    char path[256];
    harness_new_dir(dir, sizeof dir);
    expect_working(dir, "store.db");
    expect_working(dir, "a/b/store.db");
    expect_working(dir, "./a/../c.db");
    snprintf(path, sizeof path, "%s/a/b/store.db", dir);
    assert_int_equal(access(path, R_OK), 0);
}

/* The log belongs beside the file, where the link leads, also when the file is not there yet. */
static void test_linked_database(void **state)
{
    (void)state;
    char dir[200];
    char real[256];
    char link[256];
    harness_new_dir(dir, sizeof dir);
    snprintf(real, sizeof real, "%s/real", dir);
    assert_int_equal(mkdir(real, 0700), 0);
    snprintf(link, sizeof link, "%s/link.db", dir);
    assert_int_equal(symlink("real/store.db", link), 0);
    expect_working(dir, link);
    snprintf(real, sizeof real, "%s/real/store.db", dir);
    assert_int_equal(access(real, R_OK), 0);

    snprintf(link, sizeof link, "%s/directory", dir);
    snprintf(real, sizeof real, "%s/real", dir);
    assert_int_equal(symlink(real, link), 0);
    snprintf(link, sizeof link, "%s/directory/other.db", dir);
    expect_working(dir, link);
    snprintf(real, sizeof real, "%s/real/other.db", dir);
    assert_int_equal(access(real, R_OK), 0);
}

static void test_database_in_root(void **state)
{
    (void)state;
    if (access("/", W_OK) != 0) {
        print_message("[  SKIP    ] / is not writable for this user\n");
        skip();
    }
    struct server s;
    char db[64];
    char companion[80];
    snprintf(db, sizeof db, "/picoshare-test-%d.db", (int)getpid());
    server_start(&s, &(struct server_options){.db = db});
    bool said =
        server_said(&s, "of no use: the database lies in /") || server_said(&s, "no Landlock");
    use_everything(&s);
    server_end(&s);
    snprintf(companion, sizeof companion, "%s-wal", db);
    (void)unlink(companion);
    assert_int_equal(unlink(db), 0);
    assert_true(said);
}

/* ---- whose process it is ----------------------------------------------------------------------
 */

static bool needs_root(void)
{
    if (geteuid() != 0) {
        print_message("[  SKIP    ] only root can start it as another user\n");
    }
    return geteuid() != 0;
}

static void test_root_is_warned(void **state)
{
    static const char *const args[] = {"-user", "root", NULL};
    (void)state;
    struct server s;
    server_start(&s, NULL);
    assert_int_equal(server_said(&s, "level=warn msg=\"running as root\""), geteuid() == 0);
    server_end(&s);
    if (needs_root()) {
        skip();
    }
    server_start(&s, &(struct server_options){.args = args});
    assert_false(server_said(&s, "running as root"));
    server_end(&s);
}

/* Whether users who own nothing of it may pass through every directory of a path. */
static bool others_reach(const char *path)
{
    char part[256];
    for (size_t len = strlen(path); len > 0; len--) {
        struct stat st;
        snprintf(part, sizeof part, "%.*s", (int)len, path);
        if (path[len] == '/' && (stat(part, &st) != 0 || (st.st_mode & S_IXOTH) == 0)) {
            print_message("[  SKIP    ] nobody may not pass through %s\n", part);
            return false;
        }
    }
    return true;
}

/* The port and the passphrase are root's to take, the database is the user's. */
static void test_user(void **state)
{
    static const char *const forms[] = {"-user=nobody", "--user=nobody"};
    (void)state;
    struct passwd *nobody = getpwnam("nobody");
    if (needs_root() || nobody == NULL) {
        skip();
    }
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct server s;
        struct stat st;
        char dir[200];
        char parent[200];
        char secret[256];
        char path[64];
        char ids[128];
        const char *const args[] = {forms[i], "-shared-secret-file", secret, NULL};
        harness_new_dir(dir, sizeof dir);
        snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(dir, '/') - dir), dir);
        snprintf(secret, sizeof secret, "%s/secret", parent);
        harness_write_file(secret, HARNESS_SECRET);
        assert_int_equal(chmod(secret, 0600), 0);
        assert_int_equal(chmod(parent, 0711), 0);
        assert_int_equal(chown(dir, nobody->pw_uid, nobody->pw_gid), 0);
        if (!others_reach(dir)) {
            skip();
        }
        server_start(&s, &(struct server_options){.dir = dir, .args = args});
        snprintf(ids, sizeof ids, "%u\t%u\t%u\t%u", nobody->pw_uid, nobody->pw_uid, nobody->pw_uid,
                 nobody->pw_uid);
        expect_status(&s, "Uid:", ids);
        expect_status(&s, "CapEff:", "0000000000000000");
        assert_false(server_said(&s, "running as root"));
        use_everything(&s);
        assert_int_equal(stat(s.db, &st), 0);
        assert_int_equal(st.st_uid, nobody->pw_uid);
        assert_int_equal(st.st_gid, nobody->pw_gid);
        snprintf(path, sizeof path, "/proc/%d/environ", (int)s.pid);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_uid, 0); /* the memory is hidden from the user's other processes */
        server_end(&s);
    }
}

static void test_user_errors(void **state)
{
    static const char *const env[] = {"PORT=0", "PS_SHARED_SECRET=x", NULL};
    (void)state;
    char dir[200];
    char db[256];
    struct run_result r;
    harness_new_dir(dir, sizeof dir);
    snprintf(db, sizeof db, "%s/store.db", dir);
    const char *const unknown[] = {run_binary(), "-db", db, "-user", "no-such-user", NULL};
    run_program(unknown, env, &r);
    assert_int_equal(r.code, 1);
    assert_non_null(strstr(buf_str(&r.err), "cannot become user no-such-user: no such user"));
    run_done(&r);
    assert_int_equal(access(db, F_OK), -1);
    if (needs_root()) {
        skip();
    }
    const char *const other[] = {"setpriv",
                                 "--reuid=65534",
                                 "--regid=65534",
                                 "--clear-groups",
                                 run_binary(),
                                 "-db",
                                 db,
                                 "-user",
                                 "root",
                                 NULL};
    run_program(other, env, &r);
    if (strstr(buf_str(&r.err), "setpriv: failed to execute") != NULL) {
        print_message("[  SKIP    ] nobody may not run %s\n", run_binary());
        run_done(&r);
        skip();
    }
    assert_int_equal(r.code, 1);
    assert_non_null(strstr(buf_str(&r.err), "cannot become user root: only root can"));
    run_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_active),
        cmocka_unit_test(test_every_thread),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_time_zone),
        cmocka_unit_test(test_nothing_is_refused),
        cmocka_unit_test(test_relative_path),
        cmocka_unit_test(test_linked_database),
        cmocka_unit_test(test_database_in_root),
        cmocka_unit_test(test_root_is_warned),
        cmocka_unit_test(test_user),
        cmocka_unit_test(test_user_errors),
    };
    return harness_main(tests, NULL, NULL);
}
