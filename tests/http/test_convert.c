/* "picoshare convert" on databases that PicoShare has made: offered by the log and the system page,
 * refused while a server has the database or the disk has no room, and wherever it is killed the
 * next server has every file. */
#include "api.h"
#include "small_disk.h"
#include "support/old_database.h"
#include <dirent.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

enum { ROUNDS = 24, /* of killing */ ROW_BYTES = 250000 };

struct place {
    char dir[200];
    char db[256];
};

/* With so many rows of another file on top, 250 kB each. */
static void make_at(const char *db, int rows)
{
    char sql[400];
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
             " INSERT INTO entries_data SELECT 'zzzzzzzzzz', i - 1, randomblob(%d) FROM n;"
             "INSERT INTO entries VALUES ('zzzzzzzzzz', 'rows.bin', '', '" OLD_CREATED
             "', '" OLD_NEVER "', NULL, NULL)",
             rows, (int)ROW_BYTES);
    old_database_make(
        db, &(struct old_database){.layout = OLD_NEWEST, .journal_mode = "WAL", .sql = sql});
}

static void make(struct place *ret_place, int rows)
{
    harness_new_dir(ret_place->dir, sizeof ret_place->dir);
    snprintf(ret_place->db, sizeof ret_place->db, "%s/store.db", ret_place->dir);
    make_at(ret_place->db, rows);
}

static void start(struct server *s, const struct place *place)
{
    server_start(s, &(struct server_options){.dir = place->dir, .db = place->db});
    server_sign_in(s);
}

static void run_convert(const char *db, struct run_result *r)
{
    const char *const argv[] = {run_binary(), "convert", "-db", db, NULL};
    run_program(argv, NULL, r);
}

static void expect_run(const char *db, int code, const char *out, const char *err)
{
    struct run_result r;
    run_convert(db, &r);
    if (r.code != code || strstr(buf_str(&r.out), out) == NULL ||
        strstr(buf_str(&r.err), err) == NULL) {
        fail_msg("%d\n%s\n%s", r.code, buf_str(&r.out), buf_str(&r.err));
    }
    run_done(&r);
}

static bool is_there(const char *db, const char *suffix)
{
    char name[320];
    snprintf(name, sizeof name, "%s%s", db, suffix);
    return access(name, F_OK) == 0;
}

static void expect_old_files(const struct server *s, int rows)
{
    for (size_t i = 0; i < ARRAY_LEN(old_files); i++) {
        char path[32];
        struct response r;
        snprintf(path, sizeof path, "/-%s", old_files[i].id);
        http_get(s, path, &r);
        char *bytes = old_file_bytes(&old_files[i]);
        if (r.status != 200 || r.body.len != old_files[i].size ||
            memcmp(r.body.ptr, bytes, r.body.len) != 0) {
            fail_msg("%s: status %d, %zu bytes", path, r.status, r.body.len);
        }
        free(bytes);
        response_done(&r);
    }
    struct response r;
    http_do(s, &(struct request){.path = "/-zzzzzzzzzz", .discard = true}, &r);
    assert_int_equal(r.status, 200);
    assert_int_equal(r.body_bytes, (int64_t)rows * ROW_BYTES);
    response_done(&r);
}

/* ---- offered and done ------------------------------------------------------------------------ */

static void test_offered_and_done(void **state)
{
    (void)state;
    struct place place;
    struct server s;
    struct response r;
    make(&place, 8);
    start(&s, &place);
    assert_true(server_said(&s, "stop, run: picoshare convert -db PATH, start"));
    api_call(&s, "GET", "/information", NULL, &r);
    expect_part(&r, "picoshare convert -db PATH</code>");
    response_done(&r);
    api_call(&s, "GET", "/api/system", NULL, &r);
    expect_part(&r, ",\"canShrink\":false,\"canConvert\":true,");
    response_done(&r);
    expect_run(s.db, 1, "", "is in use by another process; stop it first\n");
    expect_old_files(&s, 8);
    server_end(&s);

    expect_run(s.db, 0, "When you are satisfied with the new one, remove it: rm '", "");
    expect_run(s.db, 0, "can give space back already, nothing was done", "");
    start(&s, &place);
    assert_false(server_said(&s, "picoshare convert"));
    expect_old_files(&s, 8);
    file_delete(&s, "zzzzzzzzzz");
    assert_true(db_wait_no_orphans(&s));
    api_expect(&s, "POST", "/api/system/reclaim", NULL, 202, "");
    assert_true(db_wait(&s, "PRAGMA freelist_count", 0));
    server_end(&s);
    assert_true(is_there(s.db, ".before-convert"));
    expect_db(&s, "ok", "PRAGMA integrity_check");
}

static void test_usage(void **state)
{
    (void)state;
    static const struct {
        const char *args[3];
        int code;
        const char *text;
    } cases[] = {
        {{"-help"}, 0, "Usage: picoshare convert [-db PATH]"},
        {{"--help"}, 0, "Usage: picoshare convert [-db PATH]"},
        {{"-db"}, 2, "option -db needs a value"},
        {{"store.db"}, 2, "what is \"store.db\"?"},
        {{"-db", "none.db"}, 1, "cannot open database none.db: No such file or directory"},
        {{"--db=none.db"}, 1, "cannot open database none.db: No such file or directory"},
    };
    static const char *const env[] = {"PS_DB=/none/at/all.db", NULL};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct run_result r;
        const char *const argv[] = {run_binary(), "convert", cases[i].args[0], cases[i].args[1],
                                    NULL};
        run_program(argv, env, &r);
        const char *said = buf_str(cases[i].code == 0 ? &r.out : &r.err);
        if (r.code != cases[i].code || strstr(said, cases[i].text) == NULL) {
            fail_msg("%s: %d %s", cases[i].args[0], r.code, said);
        }
        run_done(&r);
    }
    struct run_result r;
    const char *const argv[] = {run_binary(), "convert", NULL};
    run_program(argv, env, &r);
    assert_int_equal(r.code, 1);
    assert_non_null(strstr(buf_str(&r.err), "/none/at/all.db"));
    run_done(&r);
}

/* ---- killed ---------------------------------------------------------------------------------- */

static pid_t spawn_convert(const char *db)
{
    const char *const argv[] = {run_binary(), "convert", "-db", db, NULL};
    posix_spawn_file_actions_t files;
    pid_t pid = 0;
    assert_int_equal(posix_spawn_file_actions_init(&files), 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    assert_int_equal(
        posix_spawn(&pid, argv[0], &files, NULL, (char *const *)(uintptr_t)argv, environ), 0);
    posix_spawn_file_actions_destroy(&files);
    return pid;
}

static void restore(const char *base, const char *db)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-reserve", ".before-convert"};
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        char name[320];
        snprintf(name, sizeof name, "%s%s", db, suffixes[i]);
        (void)unlink(name);
    }
    old_copy(base, db);
}

/* At moments all over the time that it takes. Then a server starts, with everything, and nothing is
 * left over. */
static void test_killed(void **state)
{
    (void)state;
    enum { ROWS = 160, TENTHS = 10 };
    struct place place;
    char base[300];
    int status = 0;
    int killed = 0;
    make(&place, ROWS);
    snprintf(base, sizeof base, "%s/base", place.dir);
    old_copy(place.db, base);
    int64_t began = harness_now_ms();
    expect_run(place.db, 0, "converted", "");
    int64_t takes_ms = harness_now_ms() - began;
    for (int i = 0; killed < ROUNDS && i < 5 * ROUNDS; i++) {
        struct server s;
        restore(base, place.db);
        pid_t pid = spawn_convert(place.db);
        harness_sleep_ms(takes_ms * (i % TENTHS) / TENTHS);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        killed += WIFSIGNALED(status);
        takes_ms -= WIFSIGNALED(status) ? 0 : takes_ms / TENTHS; /* it was quicker than before */
        start(&s, &place);
        expect_old_files(&s, ROWS);
        bool is_new = db_int(&s, "PRAGMA auto_vacuum") == 2;
        assert_false(is_there(place.db, ".converting"));
        assert_false(is_there(place.db, ".converting-journal"));
        assert_int_equal(is_there(place.db, ".before-convert"), is_new);
        server_end(&s);
        expect_db(&s, "ok", "PRAGMA integrity_check");
    }
    print_message("[  KILLED  ] %d times; a whole one takes some %lld ms\n", killed,
                  (long long)takes_ms);
    assert_int_equal(killed, ROUNDS);
}

/* ---- a small disk ---------------------------------------------------------------------------- */

static int small_setup(void **state)
{
    return disk_setup(state, "size=48m");
}

static void test_no_room(void **state)
{
    enum { ROWS = 40 };
    struct disk *d = disk_of(state);
    const struct server_options options = {.dir = d->dir, .db = d->db};
    struct server *s = &d->server;
    server_end(s);
    assert_int_equal(unlink(d->db), 0);
    make_at(d->db, ROWS);
    disk_fill(d, ROWS * ROW_BYTES / 2);
    expect_run(d->db, 1, "", " MiB of free space beside it, and there are ");
    assert_false(is_there(d->db, ".converting"));
    assert_false(is_there(d->db, ".before-convert"));
    server_start(s, &options); /* as before */
    expect_old_files(s, ROWS);
    server_end(s);
    assert_int_equal(unlink(d->ballast), 0);
    expect_run(d->db, 0, "converted", "");
    server_start(s, &options);
    expect_old_files(s, ROWS);
    server_end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offered_and_done),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_killed),
        cmocka_unit_test_setup_teardown(test_no_room, small_setup, disk_teardown),
    };
    return harness_main(tests, NULL, NULL);
}
