/* The program on databases that older PicoShares have left: files are served and listed, new ones
 * come in, and what is written is sound (improvements.md, "Database"). */
#include "harness.h"
#include "support/old_database.h"
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct place {
    char dir[200];
    char db[256];
};

static void make(struct place *ret_place, int layout, const char *journal_mode, bool log_kept,
                 const char *sql)
{
    harness_new_dir(ret_place->dir, sizeof ret_place->dir);
    snprintf(ret_place->db, sizeof ret_place->db, "%s/store.db", ret_place->dir);
    old_database_make(ret_place->db, &(struct old_database){.layout = layout,
                                                            .journal_mode = journal_mode,
                                                            .log_kept = log_kept,
                                                            .sql = sql});
}

static void start(struct server *s, const struct place *place)
{
    server_start(s, &(struct server_options){.dir = place->dir, .db = place->db});
    server_sign_in(s);
}

static int count_of(const char *text, const char *part)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, part)) != NULL; p += strlen(part)) {
        n++;
    }
    return n;
}

/* The log says once that there was an upgrade from this version; with -1: never. */
static void expect_upgrade_logged(const struct server *s, int from)
{
    struct buf log;
    char line[64];
    harness_read_file(s->log, &log);
    snprintf(line, sizeof line, "msg=\"upgraded the database\" from=\"%d\" to=\"15\"\n", from);
    assert_int_equal(count_of(buf_str(&log), "upgraded the database"), from >= 0 ? 1 : 0);
    assert_int_equal(count_of(buf_str(&log), line), from >= 0 ? 1 : 0);
    buf_done(&log);
}

static void expect_file(const struct server *s, const struct old_file *file)
{
    char path[32];
    struct response r;
    snprintf(path, sizeof path, "/-%s", file->id);
    http_get(s, path, &r);
    char *bytes = old_file_bytes(file);
    if (r.status != 200 || r.body.len != file->size || memcmp(r.body.ptr, bytes, file->size) != 0) {
        fail_msg("%s: status %d, %zu bytes", file->id, r.status, r.body.len);
    }
    free(bytes);
    const char *type = response_header(&r, "Content-Type");
    assert_non_null(type);
    /* The one without a type has a name that tells. */
    assert_string_equal(type, file->content_type[0] != '\0' ? file->content_type
                                                            : "text/plain; charset=utf-8");
    response_done(&r);
}

static void expect_files(const struct server *s)
{
    for (size_t i = 0; i < ARRAY_LEN(old_files); i++) {
        expect_file(s, &old_files[i]);
    }
}

/* Whether the page of all files has this text. */
static void expect_listed(const struct server *s, const char *text, bool listed)
{
    struct response r;
    http_do(s, &(struct request){.path = "/files", .auth = AUTH_COOKIE}, &r);
    assert_int_equal(r.status, 200);
    bool found = strstr(response_text(&r), text) != NULL;
    if (found != listed) {
        fail_msg("'%s' is %s", text, found ? "listed" : "not listed");
    }
    response_done(&r);
}

static void expect_sound(const struct server *s)
{
    char text[64];
    db_text(s, "PRAGMA integrity_check", text, sizeof text);
    assert_string_equal(text, "ok");
    assert_int_equal(db_int(s, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    assert_int_equal(db_int(s, "PRAGMA user_version"), 15);
}

/* Two runs on one database of that layout. */
static void try_layout(int layout, const char *journal_mode, bool log_kept)
{
    struct place place;
    struct server s;
    char id[ID_CHARS + 1];
    make(&place, layout, journal_mode, log_kept, NULL);
    start(&s, &place);
    expect_upgrade_logged(&s, layout < OLD_NEWEST ? layout : -1);
    expect_files(&s);
    for (size_t i = 0; i < ARRAY_LEN(old_files); i++) {
        expect_listed(&s, old_files[i].filename, true);
    }
    upload_text(&s, "new.txt", "text/plain", "something new", id);
    server_end(&s);
    expect_sound(&s);
    assert_int_equal(db_entries(&s), (int64_t)ARRAY_LEN(old_files) + 1);

    start(&s, &place);
    expect_upgrade_logged(&s, -1);
    expect_files(&s);
    expect_listed(&s, "new.txt", true);
    server_end(&s);
    expect_sound(&s);
}

static void test_every_layout(void **state)
{
    (void)state;
    for (int layout = OLD_1_0; layout <= OLD_NEWEST; layout++) {
        if (layout != 1) { /* had no contents yet */
            try_layout(layout, layout < 8 ? "DELETE" : "WAL", false);
        }
    }
}

/* As after a power failure: the rows are in the log. */
static void test_rows_in_the_log(void **state)
{
    static const int layouts[] = {OLD_1_0, 5, 8, 14, OLD_NEWEST};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
        try_layout(layouts[i], "WAL", true);
    }
}

/* A layout without contents: its entries are nobody's download, and everything else works. */
static void test_entries_without_contents(void **state)
{
    struct place place;
    struct server s;
    struct response r;
    char id[ID_CHARS + 1];
    (void)state;
    make(&place, 1, "DELETE", false, NULL);
    start(&s, &place);
    http_get(&s, "/-aaaaaaaaaa", &r);
    assert_int_equal(r.status, 404);
    response_done(&r);
    upload_text(&s, "new.txt", "text/plain", "something new", id);
    expect_listed(&s, "new.txt", true);
    expect_listed(&s, "plain.txt", false);
    server_end(&s);
    expect_sound(&s);
}

/* What belongs to nothing does not come along; the rest is repaired and served. */
static void test_damaged_rows(void **state)
{
    struct place place;
    struct server s;
    (void)state;
    make(&place, 8, "WAL", false,
         "INSERT INTO downloads VALUES ('gonegonego', '" OLD_CREATED "', '', '');"
         "INSERT INTO entries_data VALUES ('gonegonego', 0, x'00'), ('aaaaaaaaaa', 1, x'');"
         "UPDATE entries SET guest_link_id = 'gonegonegonegone' WHERE id = '2345678923';"
         "UPDATE entries SET upload_time = '2023-01-01 00:00:01.25' WHERE id = 'aaaaaaaaaa'");
    start(&s, &place);
    expect_files(&s);
    expect_listed(&s, "plain.txt", true);
    server_end(&s);
    expect_sound(&s);
    assert_int_equal(db_int(&s, "SELECT count(*) FROM entries_data WHERE length(chunk) = 0 OR"
                                " id NOT IN (SELECT id FROM entries)"),
                     0);
    assert_int_equal(db_int(&s, "SELECT count(*) FROM entries WHERE guest_link_id IS NOT NULL"), 1);
}

/* Version 15 keeps its rows, whatever form their times have; they mean what they mean. */
static void test_odd_times_of_the_newest_layout(void **state)
{
    struct place place;
    struct server s;
    struct response r;
    (void)state;
    make(&place, OLD_NEWEST, "WAL", false,
         "UPDATE entries SET upload_time = '2023-01-01 00:00:01.25',"
         " expiration_time = strftime('%Y-%m-%d %H:%M:%S', 'now', '+1 hour')"
         " WHERE id = 'aaaaaaaaaa';"
         /* an hour ago, two hours east of here */
         "UPDATE entries SET filename = 'gone.txt',"
         " expiration_time = strftime('%Y-%m-%dT%H:%M:%S+02:00', 'now', '+1 hour')"
         " WHERE id = 'bBcCdDeEfF'");
    start(&s, &place);
    expect_file(&s, &old_files[0]);
    expect_listed(&s, "plain.txt", true);
    expect_listed(&s, "gone.txt", false);
    http_get(&s, "/-bBcCdDeEfF", &r);
    assert_int_equal(r.status, 404);
    response_done(&r);
    assert_true(db_wait(&s, "SELECT count(*) FROM entries WHERE id = 'bBcCdDeEfF'", 0));
    assert_true(db_wait_no_orphans(&s));
    server_end(&s);
    expect_sound(&s);
    char text[64];
    db_text(&s, "SELECT upload_time FROM entries WHERE id = 'aaaaaaaaaa'", text, sizeof text);
    assert_string_equal(text, "2023-01-01 00:00:01.25");
}

/* It ends with 1 and one line, and the file is as it was. */
static void expect_refused(int layout, const char *sql, const char *why)
{
    struct place place;
    struct buf before;
    struct buf after;
    struct run_result r;
    make(&place, layout, "DELETE", false, sql);
    harness_read_file(place.db, &before);
    const char *argv[] = {run_binary(), "-db", place.db, NULL};
    const char *env[] = {"PORT=0", "PS_SHARED_SECRET=" HARNESS_SECRET, NULL};
    run_program(argv, env, &r);
    harness_read_file(place.db, &after);
    const char *line = strstr(buf_str(&r.err), "level=error");
    if (r.code != 1 || count_of(buf_str(&r.err), "level=error") != 1 || strstr(line, why) == NULL) {
        fail_msg("exit code %d, stderr: %s", r.code, buf_str(&r.err));
    }
    assert_true(before.len > 4096);
    assert_true(slice_eq(buf_slice(&before), buf_slice(&after)));
    run_done(&r);
    buf_done(&before);
    buf_done(&after);
}

static void test_refusals(void **state)
{
    (void)state;
    expect_refused(OLD_0_1, NULL, "was made by PicoShare 0.1 and cannot be upgraded");
    expect_refused(8, "UPDATE entries SET upload_time = 'yesterday' WHERE id = '234567E245'",
                   "table entries, rowid 5, column upload_time");
    static const char *const lifetimes[] = {"", "banana", "30", "23h59m59.9s", "-24h", "1d", "24H"};
    for (size_t i = 0; i < ARRAY_LEN(lifetimes); i++) {
        char sql[100];
        snprintf(sql, sizeof sql, "UPDATE guest_links SET file_expiration_time = '%s'",
                 lifetimes[i]);
        expect_refused(8, sql, "table guest_links, rowid 1, column file_expiration_time");
        expect_refused(14, sql, "table guest_links, rowid 1, column file_expiration_time");
    }
    expect_refused(OLD_NEWEST, "PRAGMA user_version = 16", "has version 16");
    expect_refused(8, "ALTER TABLE entries RENAME TO songs", "it has no table entries");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_layout),
        cmocka_unit_test(test_rows_in_the_log),
        cmocka_unit_test(test_entries_without_contents),
        cmocka_unit_test(test_damaged_rows),
        cmocka_unit_test(test_odd_times_of_the_newest_layout),
        cmocka_unit_test(test_refusals),
    };
    return harness_main(tests, NULL, NULL);
}
