/* Databases of every older PicoShare: what was in them is there afterwards, in the form of version
 * 15, or the file is refused and not a byte of it has changed. */
#include "fault_vfs.h"
#include "picoshare/base/limits.h"
#include "support.h"
#include "support/old_database.h"
#include <inttypes.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

/* How a file lies there when the program starts. */
static const struct lying {
    const char *name, *journal_mode;
    bool log_kept;
} lyings[] = {
    {"rollback journal", "DELETE", false},
    {"log, closed", "WAL", false},
    {"log with the rows in it", "WAL", true},
};

static void make(const struct fixture *fix, int layout, const struct lying *lying, const char *sql)
{
    old_database_make(fix->path, &(struct old_database){.layout = layout,
                                                        .journal_mode = lying->journal_mode,
                                                        .log_kept = lying->log_kept,
                                                        .sql = sql});
}

/* The database with its log and journal. */
static void remove_database(const struct fixture *fix)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        char name[TEST_PATH_BYTES + 32];
        (void)snprintf(name, sizeof name, "%s%s", fix->path, suffixes[i]);
        (void)unlink(name);
    }
}

/* Whether this case is left out. ThreadSanitizer looks for races between few threads that do the
 * same in every case, and takes two minutes for all of them: every fifth will do, which still has
 * every layout and every way to lie there. The other builds leave nothing out. */
static bool left_out(void)
{
#ifdef __SANITIZE_THREAD__
    static int cases;
    return cases++ % 5 != 0;
#else
    return false;
#endif
}

/* Opens it, saying which case failed. */
static void open_case(struct fixture *fix, const char *what)
{
    struct err_info info = {""};
    err_t err = store_open(&fix->options, &fix->store, &info);
    if (err != ERR_OK) {
        fail_msg("%s: %s: %s", what, err_name(err), info.text);
    }
}

/* ---- what was there is there ---- */

static void assert_text(const char *what, const char *got, const char *want)
{
    if (strcmp(got, want) != 0) {
        fail_msg("%s: %s, not %s", what, got, want);
    }
}

static void assert_entry_row(const struct fixture *fix, int layout, const struct old_file *file)
{
    char got[1024];
    sql_ask(fix->path, got, sizeof got,
            "SELECT quote(filename) || quote(content_type) || quote(upload_time) ||"
            " quote(expiration_time) || quote(guest_link_id) || quote(note) FROM entries"
            " WHERE id = %Q",
            file->id);
    char *want = sqlite3_mprintf("%Q%Q%Q%Q%Q%Q", file->filename, file->content_type,
                                 file->upload_time, file->expiration_time,
                                 layout >= 3 ? file->link : NULL, layout >= 4 ? file->note : NULL);
    assert_text(file->id, got, want);
    sqlite3_free(want);
}

static void assert_history_row(const struct fixture *fix, int layout, const struct old_file *file)
{
    char got[1024];
    sql_ask(fix->path, got, sizeof got,
            "SELECT group_concat(typeof(entry_id) || '|' || download_timestamp || '|' || client_ip"
            " || '|' || user_agent) FROM downloads WHERE entry_id = %Q",
            file->id);
    char want[512];
    (void)snprintf(want, sizeof want, "text|" OLD_DOWNLOADED "|192.0.2.7|agent of %s",
                   file->filename);
    assert_text(file->id, got, layout >= 7 ? want : "-");
}

static void assert_contents(const struct fixture *fix, int layout, const struct old_file *file)
{
    if (layout == 1) {
        assert_false(file_exists(fix->store, file->id)); /* there was no data yet */
        return;
    }
    char *bytes = old_file_bytes(file);
    assert_file(fix->store, file->id, bytes, file->size);
    free(bytes);
}

/* Every row that was written is there, and no other. */
static void assert_rows(const struct fixture *fix, int layout)
{
    int64_t chunks = 0;
    for (size_t i = 0; i < ARRAY_LEN(old_files); i++) {
        assert_entry_row(fix, layout, &old_files[i]);
        assert_history_row(fix, layout, &old_files[i]);
        assert_contents(fix, layout, &old_files[i]);
        chunks += (int64_t)((old_files[i].size - 1) / old_files[i].chunk_bytes + 1);
    }
    char counts[64];
    (void)snprintf(counts, sizeof counts, "%zu/%" PRId64 "/%d/%zu", ARRAY_LEN(old_files),
                   layout != 1 ? chunks : 0, layout >= 3 ? 1 : 0,
                   layout >= 7 ? ARRAY_LEN(old_files) : 0);
    assert_sql(fix->path,
               "SELECT (SELECT count(*) FROM entries) || '/' || (SELECT count(*) FROM entries_data)"
               " || '/' || (SELECT count(*) FROM guest_links) || '/' ||"
               " (SELECT count(*) FROM downloads)",
               counts);
    char link[256];
    (void)snprintf(link, sizeof link,
                   "'" OLD_LINK "''a label'1048576NULL'" OLD_CREATED "''" OLD_NEVER "''%s'%d",
                   layout >= 8 ? "720h0m0s" : "876000h0m0s", layout >= 10 ? 1 : 0);
    assert_sql(fix->path,
               "SELECT quote(id) || quote(label) || quote(max_file_bytes) ||"
               " quote(max_file_uploads) || quote(creation_time) || quote(url_expiration_time) ||"
               " quote(file_expiration_time) || quote(is_disabled) FROM guest_links",
               layout >= 3 ? link : "-");
    assert_sql(fix->path,
               "SELECT group_concat(id || '/' || default_expiration_in_days) FROM settings",
               layout >= 6 ? "1/14" : "1/30");
}

/* Every table and index, word by word, as one line. Owned by the caller. */
static char *schema_text(const char *path)
{
    enum { MAX_SCHEMA_BYTES = 16384 };
    char *text = malloc(MAX_SCHEMA_BYTES);
    assert_non_null(text);
    sql_ask(path, text, MAX_SCHEMA_BYTES,
            "SELECT group_concat(type || ' ' || name || ' ' || tbl_name || ' ' ||"
            " coalesce(sql, '')) FROM (SELECT * FROM sqlite_schema ORDER BY name)");
    return text;
}

static bool count_entry(void *arg, const struct store_entry *entry, const struct store_place *place)
{
    (void)entry;
    (void)place;
    ++*(size_t *)arg;
    return true;
}

static size_t count_listed(struct store *store, enum store_sort sort)
{
    const struct store_listing listing = {.sort = sort, .now = TEST_NOW_S, .max_rows = 1000};
    struct store_place last;
    bool more = true;
    size_t listed = 0;
    assert_int_equal(store_list_entries(store, &listing, count_entry, &listed, &last, &more),
                     ERR_OK);
    assert_false(more);
    return listed;
}

/* The store does with it what it does with its own. */
static void assert_usable(struct fixture *fix, int layout)
{
    static const enum store_sort sorts[] = {STORE_BY_UPLOADED, STORE_BY_NAME, STORE_BY_EXPIRES};
    for (size_t i = 0; i < ARRAY_LEN(sorts); i++) {
        assert_int_equal(count_listed(fix->store, sorts[i]),
                         layout != 1 ? ARRAY_LEN(old_files) : 0);
    }
    store_file(fix->store, "newnewnewn", "0123456", 7, 5, TEST_NOW_S, TEST_NOW_S + 10);
    assert_file(fix->store, "newnewnewn", "0123456", 7);
    fix->clock.now_s = TEST_NOW_S + 11;
    struct store_collect collect;
    store_collect_init(&collect);
    assert_int_equal(store_run(fix->store, &collect.job), ERR_OK);
    assert_int_equal(collect.entries_removed, 1);
    assert_int_equal(collect.orphans_removed, 1); /* the rows of the one that expired */
    fix->clock.now_s = TEST_NOW_S;
}

static void assert_upgraded(struct fixture *fix, int layout, const char *fresh_schema)
{
    assert_rows(fix, layout);
    char *schema = schema_text(fix->path);
    assert_text("schema", schema, fresh_schema);
    free(schema);
    assert_sql(fix->path, "PRAGMA user_version", "15");
    assert_sql(fix->path, "PRAGMA journal_mode", "wal");
    assert_sql(fix->path, "PRAGMA page_size", "4096");
    assert_sound(fix->path);
}

static char *fresh_schema(struct fixture *fix)
{
    fixture_open(fix);
    assert_int_equal(store_upgraded_from(fix->store), -1);
    fixture_close(fix);
    char *schema = schema_text(fix->path);
    remove_database(fix);
    return schema;
}

static void test_every_layout(void **state)
{
    struct fixture *fix = *state;
    char *schema = fresh_schema(fix);
    for (int layout = OLD_1_0; layout < OLD_NEWEST; layout++) {
        for (size_t i = 0; i < ARRAY_LEN(lyings); i++) {
            if (left_out()) {
                continue;
            }
            char what[64];
            (void)snprintf(what, sizeof what, "version %d, %s", layout, lyings[i].name);
            make(fix, layout, &lyings[i], NULL);
            open_case(fix, what);
            assert_int_equal(store_upgraded_from(fix->store), layout);
            assert_upgraded(fix, layout, schema);
            assert_usable(fix, layout);
            /* Once is enough. */
            fixture_reopen(fix);
            assert_int_equal(store_upgraded_from(fix->store), -1);
            assert_upgraded(fix, layout, schema);
            fixture_close(fix);
            remove_database(fix);
        }
    }
    free(schema);
}

/* Nothing but the empty tables. */
static void test_without_rows(void **state)
{
    struct fixture *fix = *state;
    char *schema = fresh_schema(fix);
    for (int layout = OLD_1_0; layout < OLD_NEWEST; layout++) {
        old_database_make(fix->path, &(struct old_database){.layout = layout, .empty = true});
        open_case(fix, "without rows");
        char *upgraded = schema_text(fix->path);
        assert_text("schema", upgraded, schema);
        free(upgraded);
        assert_sql(fix->path, "SELECT group_concat(default_expiration_in_days) FROM settings",
                   "30");
        fixture_close(fix);
        assert_sound(fix->path);
        remove_database(fix);
    }
    free(schema);
}

#define EXTRAS                                                                                     \
    "SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema WHERE name LIKE 'ext%%'"       \
    " ORDER BY name)"

/* Version 15 is opened as it is: no row is written. */
static void test_newest_layout_is_left_alone(void **state)
{
    struct fixture *fix = *state;
    char fresh_extras[512];
    fixture_open(fix);
    sql_ask(fix->path, fresh_extras, sizeof fresh_extras, EXTRAS);
    fixture_close(fix);
    remove_database(fix);
    for (size_t i = 0; i < ARRAY_LEN(lyings); i++) {
        make(fix, OLD_NEWEST, &lyings[i], NULL);
        open_case(fix, lyings[i].name);
        assert_int_equal(store_upgraded_from(fix->store), -1);
        assert_rows(fix, OLD_NEWEST);
        assert_usable(fix, OLD_NEWEST);
        char extras[512];
        sql_ask(fix->path, extras, sizeof extras, EXTRAS);
        assert_text("extra tables", extras, fresh_extras);
        fixture_close(fix);
        assert_sound(fix->path);
        remove_database(fix);
    }
}

/* ---- what is repaired ---- */

#define FIRST "'aaaaaaaaaa'"
#define SET_UPLOAD(time) "UPDATE entries SET upload_time = '" time "' WHERE id = " FIRST
#define UPLOAD_TIME "SELECT upload_time FROM entries WHERE id = " FIRST
#define COUNT_OF(table) "SELECT count(*) FROM " table

static const struct repair {
    int from, to; /* the layouts it is tried in */
    const char *sql, *question, *want;
} repairs[] = {
    /* times that SQLite can read */
    {0, 14, SET_UPLOAD("2023-01-01T23:59:59.9999Z"), UPLOAD_TIME, "2023-01-01T23:59:59Z"},
    {0, 0, SET_UPLOAD("2023-01-01T00:00:00.123456789Z"), UPLOAD_TIME, "2023-01-01T00:00:00Z"},
    {0, 0, SET_UPLOAD("2023-01-01T01:00:00.99999+02:00"), UPLOAD_TIME, "2022-12-31T23:00:00Z"},
    {0, 14, SET_UPLOAD("2022-12-31T22:30:00-02:00"), UPLOAD_TIME, "2023-01-01T00:30:00Z"},
    {0, 0, SET_UPLOAD("2023-01-01 00:00:00"), UPLOAD_TIME, "2023-01-01T00:00:00Z"},
    {0, 0, SET_UPLOAD("2023-01-01T10:20"), UPLOAD_TIME, "2023-01-01T10:20:00Z"},
    {0, 0, SET_UPLOAD("2023-01-01"), UPLOAD_TIME, "2023-01-01T00:00:00Z"},
    {0, 0, SET_UPLOAD("2023-02-31T00:00:00Z"), UPLOAD_TIME, "2023-03-03T00:00:00Z"},
    {0, 0, SET_UPLOAD("2022-02-20T00:00:00Z"), UPLOAD_TIME, "2022-02-20T00:00:00Z"},
    {0, 0, SET_UPLOAD("9999-12-31T23:59:59Z"), UPLOAD_TIME, "9999-12-31T23:59:59Z"},
    {0, 14, "UPDATE entries SET expiration_time = '2040-01-01 10:00:00.5 +01:00' WHERE id = " FIRST,
     "SELECT expiration_time FROM entries WHERE id = " FIRST, "2040-01-01T09:00:00Z"},
    {3, 14, "UPDATE guest_links SET creation_time = '2023-01-01 00:00:00'",
     "SELECT creation_time FROM guest_links", "2023-01-01T00:00:00Z"},
    {3, 7, "UPDATE guest_links SET expiration_time = '2040-01-01 00:00:00'",
     "SELECT url_expiration_time FROM guest_links", "2040-01-01T00:00:00Z"},
    {8, 14, "UPDATE guest_links SET url_expiration_time = '2040-01-01 00:00:00'",
     "SELECT url_expiration_time FROM guest_links", "2040-01-01T00:00:00Z"},
    {7, 14, "UPDATE downloads SET download_timestamp = '2023-01-01 00:00:00.9'",
     "SELECT group_concat(DISTINCT download_timestamp) FROM downloads", "2023-01-01T00:00:00Z"},
    /* what is missing and can only mean one thing */
    {0, 2, "UPDATE entries SET content_type = NULL",
     "SELECT group_concat(DISTINCT quote(content_type)) FROM entries", "''"},
    {0, 14, "UPDATE entries SET expiration_time = NULL",
     "SELECT group_concat(DISTINCT expiration_time) FROM entries", OLD_NEVER},
    {3, 14, "UPDATE guest_links SET label = NULL", "SELECT quote(label) FROM guest_links", "''"},
    {3, 7, "UPDATE guest_links SET expiration_time = NULL",
     "SELECT url_expiration_time FROM guest_links", OLD_NEVER},
    {8, 14, "UPDATE guest_links SET url_expiration_time = NULL",
     "SELECT url_expiration_time FROM guest_links", OLD_NEVER},
    {8, 14, "UPDATE guest_links SET file_expiration_time = NULL",
     "SELECT file_expiration_time FROM guest_links", "876000h0m0s"},
    {7, 14, "UPDATE downloads SET client_ip = NULL, user_agent = NULL",
     "SELECT group_concat(DISTINCT quote(client_ip) || quote(user_agent)) FROM downloads", "''''"},
    /* links to nothing */
    {3, 14, "UPDATE entries SET guest_link_id = '' WHERE id = " FIRST,
     "SELECT quote(guest_link_id) FROM entries WHERE id = " FIRST, "NULL"},
    {3, 14,
     "INSERT INTO guest_links (id, creation_time) VALUES ('', '" OLD_CREATED "');"
     "UPDATE entries SET guest_link_id = '' WHERE id = " FIRST,
     "SELECT quote(guest_link_id) FROM entries WHERE id = " FIRST, "NULL"},
    {3, 14, "DELETE FROM guest_links",
     "SELECT group_concat(DISTINCT quote(guest_link_id)) FROM entries", "NULL"},
    /* the settings */
    {6, 14, "DELETE FROM settings",
     "SELECT group_concat(id || '/' ||"
     " default_expiration_in_days) FROM settings",
     "1/30"},
    {6, 14, "UPDATE settings SET default_expiration_in_days = NULL",
     "SELECT default_expiration_in_days FROM settings", "30"},
    {6, 6, "UPDATE settings SET default_expiration_in_days = -1",
     "SELECT default_expiration_in_days FROM settings", "30"},
    {6, 6, "UPDATE settings SET default_expiration_in_days = 65536",
     "SELECT default_expiration_in_days FROM settings", "30"},
    {6, 6, "UPDATE settings SET default_expiration_in_days = 65535",
     "SELECT default_expiration_in_days FROM settings", "65535"},
    {6, 6, "UPDATE settings SET default_expiration_in_days = 0",
     "SELECT default_expiration_in_days FROM settings", "0"},
    {6, 6, "UPDATE settings SET default_expiration_in_days = 'soon'",
     "SELECT default_expiration_in_days FROM settings", "30"},
    {6, 6, "UPDATE settings SET default_expiration_in_days = 0.5",
     "SELECT default_expiration_in_days FROM settings", "30"},
    {6, 14, "INSERT INTO settings VALUES (2, 7)",
     "SELECT group_concat(default_expiration_in_days) FROM settings", "14"},
    /* rows of nothing, with whatever is wrong about them */
    {7, 14,
     "INSERT INTO downloads VALUES ('gonegonego', 'never', NULL, x'00'),"
     " (NULL, NULL, NULL, NULL), ('2345678924', '', '', ''), ('222e3', '', '', '')",
     COUNT_OF("downloads"), "5"},
    {7, 14, "DELETE FROM entries WHERE id = " FIRST, COUNT_OF("downloads"), "4"},
    {2, 14,
     "INSERT INTO entries_data VALUES ('gonegonego', 0, x'00'), ('gonegonego', 0, x'00'),"
     " ('gonegonego', NULL, NULL), (NULL, 0, x'00')",
     COUNT_OF("entries_data"), "18"},
    {2, 14, "DELETE FROM entries WHERE id = " FIRST, COUNT_OF("entries_data"), "17"},
    /* chunk rows */
    {2, 14,
     "INSERT INTO entries_data VALUES (" FIRST ", 1, x''), (" FIRST ", 1, ''),"
     " (" FIRST ", 0, x'')",
     COUNT_OF("entries_data"), "18"},
    {2, 14, "UPDATE entries_data SET chunk = 'na\xc3\xafve' WHERE id = " FIRST,
     "SELECT hex(chunk) FROM entries_data WHERE id = " FIRST, "6E61C3AF7665"},
    /* ids that look like numbers beyond all numbers: one file can be told, two cannot */
    {7, 10,
     "INSERT INTO entries (id, filename, content_type, upload_time)"
     " VALUES ('2e34567892', 'f', '', '" OLD_CREATED "');"
     "INSERT INTO downloads VALUES ('2e34567892', '" OLD_CREATED "', '', '')",
     "SELECT count(*) FROM downloads WHERE entry_id = '2e34567892'", "1"},
    {7, 10,
     "INSERT INTO entries (id, filename, content_type, upload_time)"
     " VALUES ('2e34567892', 'f', '', '" OLD_CREATED "'),"
     " ('3e34567892', 'f', '', '" OLD_CREATED "');"
     "INSERT INTO downloads VALUES ('2e34567892', '" OLD_CREATED "', '', '')",
     COUNT_OF("downloads"), "5"},
    {7, 10,
     "INSERT INTO entries (id, filename, content_type, upload_time)"
     " VALUES ('22e3456789', 'f', '', '" OLD_CREATED "'),"
     " ('22E3', 'f', '', '" OLD_CREATED "'), ('e222222222', 'f', '', '" OLD_CREATED "'),"
     " ('22222e222e', 'f', '', '" OLD_CREATED "'), ('2e22e22222', 'f', '', '" OLD_CREATED "');"
     "INSERT INTO downloads SELECT id, '" OLD_CREATED "', '', '' FROM entries"
     " WHERE filename = 'f'",
     "SELECT group_concat(entry_id) FROM (SELECT entry_id FROM downloads WHERE user_agent = ''"
     " ORDER BY entry_id)",
     "22222e222e,22E3,22e3456789,2e22e22222,e222222222"},
    /* the last digits of a number were read on another machine */
    {7, 10,
     "UPDATE downloads SET entry_id = entry_id * 1.0000000000000004"
     " WHERE typeof(entry_id) = 'real'",
     "SELECT count(*) FROM downloads WHERE entry_id = '234567E245'", "1"},
    /* names have no case */
    {2, 14, "ALTER TABLE entries RENAME TO names; ALTER TABLE names RENAME TO ENTRIES",
     COUNT_OF("entries"), "5"},
    /* what others have put beside */
    {0, 14,
     "CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER);"
     "INSERT INTO _litestream_seq VALUES (1, 77)",
     "SELECT seq FROM _litestream_seq", "77"},
    {0, 14, "CREATE VIEW names AS SELECT id, filename FROM entries", COUNT_OF("names"), "5"},
    {3, 14, "CREATE INDEX idx_entries_guest_link_id ON entries (guest_link_id)",
     COUNT_OF("sqlite_schema WHERE name = 'idx_entries_guest_link_id'"), "1"},
};

static void test_repairs(void **state)
{
    struct fixture *fix = *state;
    for (size_t i = 0; i < ARRAY_LEN(repairs); i++) {
        for (int layout = repairs[i].from; layout <= repairs[i].to; layout++) {
            if (layout == 1 || left_out()) {
                continue; /* 1 has no data rows to damage; else as 2 */
            }
            make(fix, layout, &lyings[0], repairs[i].sql);
            open_case(fix, repairs[i].sql);
            char got[256];
            sql_ask(fix->path, got, sizeof got, "%s", repairs[i].question);
            if (strcmp(got, repairs[i].want) != 0) {
                fail_msg("version %d, %s: %s is %s, not %s", layout, repairs[i].sql,
                         repairs[i].question, got, repairs[i].want);
            }
            fixture_close(fix);
            assert_sound(fix->path);
            remove_database(fix);
        }
    }
}

/* ---- what is refused ---- */

/* The bytes of the database and of its log. */
struct bytes {
    char *main, *log;
    size_t main_len, log_len;
};

static struct bytes take_bytes(const struct fixture *fix)
{
    struct bytes bytes = {.main = NULL};
    char log[TEST_PATH_BYTES + 32];
    (void)snprintf(log, sizeof log, "%s-wal", fix->path);
    bytes.main = read_file(fix->path, &bytes.main_len);
    if (access(log, F_OK) == 0) {
        bytes.log = read_file(log, &bytes.log_len);
    }
    return bytes;
}

static bool same_bytes(const struct bytes *a, const struct bytes *b)
{
    return a->main_len == b->main_len && memcmp(a->main, b->main, a->main_len) == 0 &&
           a->log_len == b->log_len && (a->log_len == 0 || memcmp(a->log, b->log, a->log_len) == 0);
}

static void free_bytes(struct bytes *bytes)
{
    free(bytes->main);
    free(bytes->log);
}

/* The file is refused with a line that has this in it, and stays as it is. */
static void assert_refused(struct fixture *fix, err_t want, const char *line, const char *what)
{
    struct bytes before = take_bytes(fix);
    struct err_info info = {""};
    err_t err = store_open(&fix->options, &fix->store, &info);
    struct bytes after = take_bytes(fix);
    bool same = same_bytes(&before, &after);
    free_bytes(&before);
    free_bytes(&after);
    if (err != want || strstr(info.text, line) == NULL || strstr(info.text, fix->path) == NULL ||
        strchr(info.text, '\n') != NULL) {
        fail_msg("%s: %s: %s", what, err_name(err), info.text);
    }
    assert_null(fix->store);
    if (!same) {
        fail_msg("%s: the refused file has changed", what);
    }
}

#define ROW(table, column) "cannot be upgraded: table " table ", rowid 1, column " column " "
#define ADD_ENTRY(id, name, type, uploaded, expires)                                               \
    "INSERT INTO entries (id, filename, content_type, upload_time, expiration_time) VALUES"        \
    " (" id ", " name ", " type ", " uploaded ", " expires ")"
#define GOOD_ENTRY                                                                                 \
    "INSERT INTO entries (id, filename, content_type, upload_time) VALUES ('goodgoodgo', 'f', ''," \
    " '" OLD_CREATED "');"
#define TIME_SQL "'" OLD_CREATED "'"

static const struct refusal {
    int from, to; /* the layouts it is tried in; they have no other rows */
    const char *sql, *line;
} refusals[] = {
    /* times */
    {0, 14, ADD_ENTRY("'a'", "'f'", "''", "'yesterday'", "NULL"), ROW("entries", "upload_time")},
    {0, 2, ADD_ENTRY("'a'", "'f'", "''", "NULL", "NULL"), ROW("entries", "upload_time")},
    {0, 0, ADD_ENTRY("'a'", "'f'", "''", "''", "NULL"), ROW("entries", "upload_time")},
    {0, 0, ADD_ENTRY("'a'", "'f'", "''", "'now'", "NULL"), ROW("entries", "upload_time")},
    {0, 0, ADD_ENTRY("'a'", "'f'", "''", "'2459946.5'", "NULL"), ROW("entries", "upload_time")},
    {0, 0, ADD_ENTRY("'a'", "'f'", "''", "x'00'", "NULL"), ROW("entries", "upload_time")},
    {0, 0, ADD_ENTRY("'a'", "'f'", "''", "'2023-01-01T10:20.5'", "NULL"),
     ROW("entries", "upload_time")},
    {0, 0, ADD_ENTRY("'a'", "'f'", "''", "'2023-13-01T00:00:00Z'", "NULL"),
     ROW("entries", "upload_time")},
    {0, 14, ADD_ENTRY("'a'", "'f'", "''", "'2022-02-19T23:59:59.999Z'", "NULL"),
     ROW("entries", "upload_time")},
    {0, 14, ADD_ENTRY("'a'", "'f'", "''", TIME_SQL, "'0001-01-01T00:00:00Z'"),
     ROW("entries", "expiration_time")},
    {0, 0, ADD_ENTRY("'a'", "'f'", "''", TIME_SQL, "'10000-01-01T00:00:00Z'"),
     ROW("entries", "expiration_time")},
    {0, 0, ADD_ENTRY("'a'", "'f'", "''", TIME_SQL, "'9999-12-31T23:59:59-00:01'"),
     ROW("entries", "expiration_time")},
    {0, 0, ADD_ENTRY("'a'", "'f'", "''", TIME_SQL, "''"), ROW("entries", "expiration_time")},
    /* the rest of an entry */
    {0, 14, ADD_ENTRY("NULL", "'f'", "''", TIME_SQL, "NULL"), ROW("entries", "id")},
    {0, 0, ADD_ENTRY("x'61'", "'f'", "''", TIME_SQL, "NULL"), ROW("entries", "id")},
    {0, 2, ADD_ENTRY("'a'", "NULL", "''", TIME_SQL, "NULL"), ROW("entries", "filename")},
    {0, 14, ADD_ENTRY("'a'", "x'66'", "''", TIME_SQL, "NULL"), ROW("entries", "filename")},
    {0, 14, ADD_ENTRY("'a'", "'f'", "x'66'", TIME_SQL, "NULL"), ROW("entries", "content_type")},
    {4, 14, GOOD_ENTRY "UPDATE entries SET note = x'6e'", ROW("entries", "note")},
    /* chunk rows of a file */
    {2, 14, GOOD_ENTRY "INSERT INTO entries_data VALUES ('goodgoodgo', NULL, x'00')",
     ROW("entries_data", "chunk_index")},
    {2, 14, GOOD_ENTRY "INSERT INTO entries_data VALUES ('goodgoodgo', -1, x'00')",
     ROW("entries_data", "chunk_index")},
    {2, 2, GOOD_ENTRY "INSERT INTO entries_data VALUES ('goodgoodgo', 'x', x'00')",
     ROW("entries_data", "chunk_index")},
    {2, 2, GOOD_ENTRY "INSERT INTO entries_data VALUES ('goodgoodgo', 0.5, x'00')",
     ROW("entries_data", "chunk_index")},
    {2, 14, GOOD_ENTRY "INSERT INTO entries_data VALUES ('goodgoodgo', 0, NULL)",
     ROW("entries_data", "chunk")},
    {2, 2, GOOD_ENTRY "INSERT INTO entries_data VALUES ('goodgoodgo', 0, 7)",
     ROW("entries_data", "chunk")},
    {2, 14,
     GOOD_ENTRY "INSERT INTO entries_data VALUES ('goodgoodgo', 5, x'00'),"
                " ('goodgoodgo', 5, x'01')",
     ROW("entries_data", "chunk_index")},
    /* guest links */
    {3, 14, "INSERT INTO guest_links (id, creation_time) VALUES (NULL, " TIME_SQL ")",
     ROW("guest_links", "id")},
    {3, 14,
     "INSERT INTO guest_links (id, creation_time, label) VALUES ('g', " TIME_SQL
     ", printf('%.201c', 'x'))",
     ROW("guest_links", "label")},
    {3, 14,
     "INSERT INTO guest_links (id, creation_time, max_file_bytes) VALUES ('g', " TIME_SQL ", 0)",
     ROW("guest_links", "max_file_bytes")},
    {3, 3,
     "INSERT INTO guest_links (id, creation_time, max_file_bytes) VALUES ('g', " TIME_SQL
     ", 'many')",
     ROW("guest_links", "max_file_bytes")},
    {3, 14,
     "INSERT INTO guest_links (id, creation_time, max_file_uploads) VALUES ('g', " TIME_SQL ", -1)",
     ROW("guest_links", "max_file_uploads")},
    {3, 14, "INSERT INTO guest_links (id, creation_time) VALUES ('g', '')",
     ROW("guest_links", "creation_time")},
    {3, 7,
     "INSERT INTO guest_links (id, creation_time, expiration_time) VALUES ('g', " TIME_SQL
     ", 'later')",
     ROW("guest_links", "url_expiration_time")},
    {8, 14,
     "INSERT INTO guest_links (id, creation_time, url_expiration_time) VALUES ('g', " TIME_SQL
     ", 'later')",
     ROW("guest_links", "url_expiration_time")},
    {8, 14,
     "INSERT INTO guest_links (id, creation_time, file_expiration_time) VALUES ('g', " TIME_SQL
     ", x'00')",
     ROW("guest_links", "file_expiration_time")},
    {10, 14,
     "INSERT INTO guest_links (id, creation_time, is_disabled) VALUES ('g', " TIME_SQL ", 2)",
     ROW("guest_links", "is_disabled")},
    {10, 14,
     "INSERT INTO guest_links (id, creation_time, is_disabled) VALUES ('g', " TIME_SQL ", NULL)",
     ROW("guest_links", "is_disabled")},
    /* history of a file */
    {7, 14, GOOD_ENTRY "INSERT INTO downloads VALUES ('goodgoodgo', NULL, '', '')",
     ROW("downloads", "download_timestamp")},
    {7, 14, GOOD_ENTRY "INSERT INTO downloads VALUES ('goodgoodgo', " TIME_SQL ", x'00', '')",
     ROW("downloads", "client_ip")},
    {7, 14, GOOD_ENTRY "INSERT INTO downloads VALUES ('goodgoodgo', " TIME_SQL ", '', x'00')",
     ROW("downloads", "user_agent")},
    /* what is nobody's */
    {0, 14, "ALTER TABLE entries ADD COLUMN colour TEXT", "table entries has other columns"},
    {2, 14, "ALTER TABLE entries_data ADD COLUMN colour TEXT",
     "table entries_data has other columns"},
    {3, 14, "ALTER TABLE guest_links DROP COLUMN label", "table guest_links has other columns"},
    {7, 14, "ALTER TABLE downloads RENAME COLUMN client_ip TO ip",
     "table downloads has other columns"},
    {6, 14, "ALTER TABLE settings DROP COLUMN default_expiration_in_days",
     "table settings has other columns"},
    {0, 14, "ALTER TABLE entries RENAME TO files", "it has no table entries"},
    {0, 14, "ALTER TABLE entries RENAME TO files; CREATE VIEW entries AS SELECT * FROM files",
     "table entries has other columns"},
    {6, 14,
     "DROP TABLE settings; CREATE TABLE settings (id INTEGER PRIMARY KEY,"
     " default_expiration_in_days INTEGER) WITHOUT ROWID",
     "table settings has other columns"},
    {3, 14, "PRAGMA user_version = 16", "has version 16; this program reads versions up to 15"},
    {3, 14, "PRAGMA user_version = -3", "has version -3"},
    {3, 14, "PRAGMA user_version = 2147483647", "has version 2147483647"},
};

static void test_refusals(void **state)
{
    struct fixture *fix = *state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        for (int layout = refusals[i].from; layout <= refusals[i].to; layout++) {
            for (size_t j = 0; j < ARRAY_LEN(lyings) && layout != 1; j++) {
                if (left_out()) {
                    continue;
                }
                old_database_make(fix->path,
                                  &(struct old_database){.layout = layout,
                                                         .journal_mode = lyings[j].journal_mode,
                                                         .log_kept = lyings[j].log_kept,
                                                         .empty = true,
                                                         .sql = refusals[i].sql});
                assert_refused(fix, ERR_INVALID, refusals[i].line, refusals[i].sql);
                remove_database(fix);
            }
        }
    }
}

static bool is_long(struct slice text)
{
    return slice_eq(text, SLICE("876000h0m0s")) || slice_eq(text, SLICE("25h"));
}

/* What a lifetime is, is not the store's to know: somebody else says whether one will do. */
static void test_refuses_lifetimes(void **state)
{
    static const char sql[] = "INSERT INTO guest_links (id, creation_time, file_expiration_time)"
                              " VALUES ('g', " TIME_SQL ", NULL), ('h', " TIME_SQL ", '25h'),"
                              " ('i', " TIME_SQL ", '23h'), ('j', " TIME_SQL ", '22h')";
    struct fixture *fix = *state;
    fix->options.lifetime_ok = is_long;
    for (int layout = 8; layout <= 14; layout++) {
        for (size_t i = 0; i < ARRAY_LEN(lyings); i++) {
            old_database_make(fix->path,
                              &(struct old_database){.layout = layout,
                                                     .journal_mode = lyings[i].journal_mode,
                                                     .log_kept = lyings[i].log_kept,
                                                     .empty = true,
                                                     .sql = sql});
            assert_refused(fix, ERR_INVALID,
                           "cannot be upgraded: table guest_links, rowid 3, column"
                           " file_expiration_time holds no lifetime of 24 hours or more",
                           lyings[i].name);
            sql_run(fix->path, "UPDATE guest_links SET file_expiration_time = '25h'");
            open_case(fix, lyings[i].name);
            fixture_close(fix);
            remove_database(fix);
        }
    }
}

static void test_refuses_0_1(void **state)
{
    struct fixture *fix = *state;
    for (size_t i = 0; i < ARRAY_LEN(lyings); i++) {
        make(fix, OLD_0_1, &lyings[i], NULL);
        assert_refused(fix, ERR_INVALID, "was made by PicoShare 0.1 and cannot be upgraded",
                       lyings[i].name);
        remove_database(fix);
    }
}

/* The line names the row that is wrong, not the first one. */
static void test_refusal_names_the_row(void **state)
{
    struct fixture *fix = *state;
    make(fix, 8, &lyings[2], "UPDATE downloads SET download_timestamp = 'x' WHERE rowid >= 3");
    assert_refused(fix, ERR_INVALID, "table downloads, rowid 3, column download_timestamp", "rows");
    /* Mended as the line says, it opens. */
    sql_run(fix->path, "DELETE FROM downloads WHERE rowid >= 3");
    fixture_open(fix);
    assert_sql(fix->path, "SELECT count(*) FROM downloads", "2");
}

/* Somebody else has it open: they would be surprised, and their upload cut in two. */
static void test_refuses_while_it_is_open(void **state)
{
    struct fixture *fix = *state;
    make(fix, 8, &lyings[2], NULL);
    sqlite3 *other = sql_open(fix->path);
    old_run(other, "SELECT count(*) FROM entries");
    assert_refused(fix, ERR_BUSY, "another program has it open", "open");
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    fixture_open(fix);
    assert_rows(fix, 8);
}

/* Without a log its readers can be seen only while they read. */
static void test_refuses_while_it_is_read(void **state)
{
    struct fixture *fix = *state;
    make(fix, 8, &lyings[0], NULL);
    sqlite3 *other = sql_open(fix->path);
    old_run(other, "BEGIN; SELECT count(*) FROM entries");
    assert_refused(fix, ERR_BUSY, "another program has it open", "read");
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    fixture_open(fix);
    assert_rows(fix, 8);
}

/* Only tables that are not PicoShare's can break a foreign key here. */
static void test_checks_foreign_keys(void **state)
{
    struct fixture *fix = *state;
    make(fix, 8, &lyings[1],
         "CREATE TABLE favourites (id TEXT REFERENCES entries (id));"
         "INSERT INTO favourites VALUES ('aaaaaaaaaa'), ('gonegonego')");
    struct err_info info = {""};
    assert_int_equal(store_open(&fix->options, &fix->store, &info), ERR_CORRUPT);
    assert_non_null(strstr(info.text, "rows of table favourites refer to nothing"));
    assert_sql(fix->path, "PRAGMA user_version", "8");
    assert_sql(fix->path, "PRAGMA journal_mode", "wal");
    sql_run(fix->path, "DELETE FROM favourites WHERE id = 'gonegonego'");
    fixture_open(fix);
    assert_rows(fix, 8);
    assert_sql(fix->path, "SELECT group_concat(id) FROM favourites", "aaaaaaaaaa");
}

/* Makes the database seem so large: a hole in a file has no blocks. False when that cannot be. */
static bool inflate(const struct fixture *fix, uint64_t bytes)
{
    uint64_t pages = bytes / 4096;
    FILE *file = fopen(fix->path, "r+b");
    assert_non_null(file);
    if (pages >= UINT32_MAX / 2 || ftruncate(fileno(file), (off_t)pages * 4096) != 0) {
        print_message("[  SKIP    ] no hole of %" PRIu64 " pages can be made here\n", pages);
        assert_int_equal(fclose(file), 0);
        return false;
    }
    uint8_t count[4]; /* the size in pages, file format 1.3.7 */
    for (int i = 0; i < 4; i++) {
        count[i] = (uint8_t)(pages >> (24 - 8 * i));
    }
    assert_int_equal(fseek(file, 28, SEEK_SET), 0);
    assert_int_equal(fwrite(count, 1, 4, file), 4);
    assert_int_equal(fclose(file), 0);
    return true;
}

static void assert_no_room(struct fixture *fix)
{
    struct stat before;
    struct stat after;
    struct err_info info = {""};
    assert_int_equal(stat(fix->path, &before), 0);
    assert_int_equal(store_open(&fix->options, &fix->store, &info), ERR_FULL);
    assert_non_null(strstr(info.text, "MiB of free space, and there are"));
    assert_int_equal(stat(fix->path, &after), 0);
    assert_int_equal(after.st_size, before.st_size);
    assert_int_equal(after.st_mtim.tv_sec, before.st_mtim.tv_sec);
    assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
}

/* Larger than what the disk has left; beside Litestream half of that is too much. */
static void test_refuses_without_room(void **state)
{
    struct fixture *fix = *state;
    struct statvfs fs;
    assert_int_equal(statvfs(fix->dir, &fs), 0);
    uint64_t left = (uint64_t)fs.f_bavail * fs.f_frsize;
    make(fix, 8, &lyings[0], NULL);
    if (inflate(fix, left + 4 * MIB)) {
        assert_no_room(fix);
    }
    remove_database(fix);
    make(fix, 8, &lyings[1], NULL);
    fix->options.foreign_checkpoints = true;
    if (inflate(fix, left / 10 * 6)) {
        assert_no_room(fix);
    }
}

/* ---- beside Litestream ---- */

/* It reads all the time and lives on the log, which is not left, copied or removed. */
static void test_beside_a_reader_of_the_log(void **state)
{
    struct fixture *fix = *state;
    make(fix, 8, &lyings[2], NULL);
    sqlite3 *other = sql_open(fix->path);
    old_run(other, "BEGIN; SELECT count(*) FROM entries");
    fix->options.foreign_checkpoints = true;
    fixture_open(fix);
    assert_int_equal(store_upgraded_from(fix->store), 8);
    assert_rows(fix, 8);
    fixture_close(fix);
    old_run(other, "COMMIT");
    char log[TEST_PATH_BYTES + 32];
    struct stat st;
    (void)snprintf(log, sizeof log, "%s-wal", fix->path);
    assert_int_equal(stat(log, &st), 0);
    assert_true(st.st_size > 1000000);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    fixture_open(fix);
    assert_rows(fix, 8);
    assert_sound(fix->path);
}

/* More than a thousand pages, which SQLite would copy into the database unasked. */
#define MUCH                                                                                       \
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 15)"                 \
    " INSERT INTO entries_data SELECT 'aaaaaaaaaa', i, zeroblob(327680) FROM n;"

/* Nothing but the log is written, whether the upgrade succeeds or not. */
static void test_beside_litestream_the_log_grows_only(void **state)
{
    struct fixture *fix = *state;
    static const char broken[] = MUCH "CREATE TABLE favourites (id TEXT REFERENCES entries (id));"
                                      "INSERT INTO favourites VALUES ('gonegonego')";
    fix->options.foreign_checkpoints = true;
    for (int fails = 0; fails <= 1; fails++) {
        make(fix, 8, &lyings[2], fails ? broken : MUCH);
        struct bytes before = take_bytes(fix);
        struct store *store = NULL;
        assert_int_equal(store_open(&fix->options, &store, NULL), fails ? ERR_CORRUPT : ERR_OK);
        store_close(store);
        struct bytes after = take_bytes(fix);
        assert_int_equal(after.main_len, before.main_len);
        assert_memory_equal(after.main, before.main, before.main_len);
        assert_true(after.log_len > before.log_len);
        free_bytes(&before);
        free_bytes(&after);
        assert_sql(fix->path, "PRAGMA user_version", fails ? "8" : "15");
        remove_database(fix);
    }
}

/* ---- disks that fail, power that fails ---- */

/* A hash of every old row, to tell that none has changed. */
static void old_rows_text(const char *path, char ret_text[512])
{
    sql_ask(path, ret_text, 512,
            "SELECT (SELECT user_version FROM pragma_user_version) || (SELECT group_concat(name)"
            " FROM (SELECT name FROM sqlite_schema ORDER BY name)) || (SELECT count(*) || '/' ||"
            " sum(length(chunk)) || '/' || group_concat(DISTINCT hex(substr(chunk, 1, 4)))"
            " FROM (SELECT * FROM entries_data ORDER BY id, chunk_index)) ||"
            " (SELECT group_concat(entry_id) FROM downloads)");
}

/* A few small rows: every operation of the upgrade is to fail once. */
static void make_small(const struct fixture *fix, const struct lying *lying)
{
    old_database_make(
        fix->path,
        &(struct old_database){
            .layout = 8,
            .journal_mode = lying->journal_mode,
            .log_kept = lying->log_kept,
            .empty = true,
            .sql = "INSERT INTO entries (id, filename, content_type, upload_time) VALUES"
                   " ('aaaaaaaaaa', 'f', '', '2023-01-01 00:00:00'),"
                   " ('2345678923', 'g', '', '2023-01-01 00:00:00');"
                   "INSERT INTO entries_data VALUES ('aaaaaaaaaa', 0, x'616263'),"
                   " ('aaaaaaaaaa', 1, x'64'), ('2345678923', 0, zeroblob(30000));"
                   "INSERT INTO downloads VALUES ('2345678923', '" OLD_CREATED "', '', '')"});
}

static void assert_small(struct fixture *fix)
{
    assert_file(fix->store, "aaaaaaaaaa", "abcd", 4);
    assert_sql(fix->path, "SELECT sum(length(chunk)) FROM entries_data", "30004");
    assert_sql(fix->path, "SELECT entry_id FROM downloads", "2345678923");
    assert_sql(fix->path, "SELECT group_concat(DISTINCT upload_time) FROM entries",
               "2023-01-01T00:00:00Z");
    assert_sql(fix->path, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'old%'", "0");
}

/* One start with a fault; true when the fault was met. */
static bool start_with_fault(struct fixture *fix, const char *before, enum fault_kind kind,
                             int64_t n, bool lasting)
{
    char after[512];
    fault_set(kind, n, lasting);
    struct err_info info = {""};
    err_t err = store_open(&fix->options, &fix->store, &info);
    bool met = fault.failures > 0;
    fault_lift();
    if (err == ERR_OK) {
        fixture_close(fix);
        return met;
    }
    if (!met || (err != ERR_IO && (err != ERR_FULL || kind != FAULT_FULL)) ||
        strchr(info.text, '\n') != NULL || strstr(info.text, fix->path) == NULL ||
        strstr(info.text, "disk") == NULL) {
        fail_msg("operation %" PRId64 ": %s: %s", n, err_name(err), info.text);
    }
    /* Once the old tables are gone the upgrade is done, and another step has failed. */
    old_rows_text(fix->path, after);
    if (strncmp(after, "15", 2) != 0) {
        assert_string_equal(after, before);
    }
    assert_sql(fix->path, "PRAGMA integrity_check", "ok");
    return true;
}

static void sweep(struct fixture *fix, const struct lying *lying, enum fault_kind kind,
                  bool lasting)
{
    static int64_t sweeps;
    const int64_t stride = scaled(1, 7, 29); /* in other places each time */
    char before[512];
    make_small(fix, lying);
    old_rows_text(fix->path, before);
    remove_database(fix);
    bool met = true;
    int failed = 0;
    for (int64_t n = sweeps++ % stride; met; n += stride * (lasting ? 3 : 1)) {
        assert_true(n < 2000);
        make_small(fix, lying);
        met = start_with_fault(fix, before, kind, n, lasting);
        failed += met ? 1 : 0;
        fixture_open(fix);
        assert_small(fix);
        fixture_close(fix);
        assert_sound(fix->path);
        remove_database(fix);
    }
    assert_true(failed > 20 / stride);
}

static void test_faults(void **state)
{
    struct fixture *fix = *state;
    for (size_t i = 0; i < ARRAY_LEN(lyings); i++) {
        for (int kind = FAULT_FULL; kind <= FAULT_IO; kind++) {
            sweep(fix, &lyings[i], (enum fault_kind)kind, false);
            sweep(fix, &lyings[i], (enum fault_kind)kind, true);
        }
    }
}

/* A file of many chunks, the rest as always. */
static void make_large(const struct fixture *fix, int64_t chunks)
{
    make(fix, 8, &lyings[1], NULL);
    sql_run(fix->path,
            "PRAGMA synchronous = OFF; INSERT INTO entries (id, filename, content_type,"
            " upload_time) VALUES ('llllllllll', 'f', '', '" OLD_CREATED "');"
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %lld)"
            " INSERT INTO entries_data SELECT 'llllllllll', i, randomblob(327680) FROM n",
            chunks);
}

static void remove_large(const struct fixture *fix)
{
    sql_run(fix->path, "DELETE FROM entries_data WHERE id = 'llllllllll';"
                       "DELETE FROM entries WHERE id = 'llllllllll'");
}

static int64_t file_size(const struct fixture *fix, const char *suffix)
{
    char name[TEST_PATH_BYTES + 32];
    struct stat st;
    (void)snprintf(name, sizeof name, "%s%s", fix->path, suffix);
    return stat(name, &st) == 0 ? (int64_t)st.st_size : -1;
}

static int die_at_commit(sqlite3_vfs *vfs, const char *name, int sync)
{
    static const char suffix[] = "-journal";
    size_t len = strlen(name);
    if (len > strlen(suffix) && strcmp(name + len - strlen(suffix), suffix) == 0) {
        (void)kill(getpid(), SIGKILL);
    }
    return fault.real->xDelete(vfs, name, sync);
}

/* Opens the store in another process that dies at once when the file has grown so far; with 0, when
 * all is written and the journal is to go, which is the commit. */
static void die_in_upgrade(struct fixture *fix, int64_t grown)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit size = {.rlim_cur = (rlim_t)(file_size(fix, "") + grown),
                              .rlim_max = RLIM_INFINITY};
        struct rlimit core = {0, 0};
        bool ready = setrlimit(RLIMIT_CORE, &core) == 0 &&
                     (grown == 0 || setrlimit(RLIMIT_FSIZE, &size) == 0);
        if (grown == 0) {
            fault.vfs.xDelete = die_at_commit;
        }
        _exit(ready && store_open(&fix->options, &fix->store, NULL) == ERR_OK ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), grown == 0 ? SIGKILL : SIGXFSZ);
    assert_true(file_size(fix, "-journal") > 0);
}

static void test_killed_in_the_middle(void **state)
{
    struct fixture *fix = *state;
    enum { CHUNKS = 60, STEPS = 5 };
    for (int64_t step = 0; step < 2 * STEPS; step++) {
        make_large(fix, CHUNKS);
        char before[512];
        char after[512];
        old_rows_text(fix->path, before);
        die_in_upgrade(fix, step / 2 * CHUNKS * CHUNK_BYTES / STEPS);
        if (step % 2 == 0) {
            /* Any reader finds the old database again. */
            old_rows_text(fix->path, after);
            assert_string_equal(after, before);
            assert_sql(fix->path, "PRAGMA integrity_check", "ok");
        }
        fixture_open(fix);
        assert_int_equal(store_upgraded_from(fix->store), 8);
        assert_sql(fix->path, "SELECT count(*) FROM entries_data WHERE id = 'llllllllll'", "60");
        remove_large(fix);
        assert_rows(fix, 8);
        fixture_close(fix);
        assert_sound(fix->path);
        remove_database(fix);
    }
}

/* However much is copied, little of it is in memory, and each page is written once: not to the
 * journal, to the log, to be sorted or to be blanked too. */
static void test_memory_and_writes(void **state)
{
    struct fixture *fix = *state;
    make_large(fix, 200); /* 65 MB */
    int64_t size = file_size(fix, "");
    (void)sqlite3_memory_highwater(1);
    fault_set(FAULT_IO, INT32_MAX, false); /* counts */
    fixture_open(fix);
    assert_true(sqlite3_memory_highwater(0) < 8 * MIB);
    assert_in_range(INT32_MAX - fault.allowed, size / 4096, size / 4096 * 5 / 4);
    fault_lift();
    remove_large(fix);
    assert_rows(fix, 8);
    fixture_close(fix);
    assert_true(file_size(fix, "") < 2 * size + 4 * MIB);
}

/* ---- times in version 15 that only SQLite can read ---- */

static bool keep_id(void *arg, const struct store_entry *entry, const struct store_place *place)
{
    (void)place;
    assert_true(slice_copy(slice_str(entry->id), arg, ENTRY_ID_LEN + 1));
    return true;
}

/* Page by page, one file a page: each comes once. */
static void assert_listed_in_pages(struct store *store, const char *const *ids, size_t count)
{
    struct store_listing listing = {
        .sort = STORE_BY_UPLOADED, .descending = true, .now = TEST_NOW_S, .max_rows = 1};
    for (size_t i = 0; i <= count; i++) {
        struct store_place last;
        bool more = false;
        char id[ENTRY_ID_LEN + 1] = "";
        assert_int_equal(store_list_entries(store, &listing, keep_id, id, &last, &more), ERR_OK);
        assert_string_equal(id, i < count ? ids[i] : "");
        listing.place = last;
    }
}

static void test_newest_layout_with_odd_times(void **state)
{
    struct fixture *fix = *state;
    /* It is 2026-01-01T00:00:00Z. */
    make(fix, OLD_NEWEST, &lyings[1],
         "DELETE FROM downloads; DELETE FROM entries; DELETE FROM entries_data;"
         "INSERT INTO entries (id, filename, content_type, upload_time, expiration_time) VALUES"
         " ('aaaaaaaaaa', 'spaces', '', '2025-01-01 10:00:00', '2026-01-01 00:00:01'),"
         " ('bbbbbbbbbb', 'offset', '', '2025-01-02T11:00:00+02:00', '2026-01-01T01:00:00+02:00'),"
         " ('cccccccccc', 'fraction', '', '2025-01-03T10:30:00.75Z', '2026-01-01T00:00:01.5Z'),"
         " ('dddddddddd', 'expired', '', '2025-01-04T10:45:00Z', '2025-12-31 23:59:59'),"
         " ('eeeeeeeeee', 'plain', '', '2025-01-05T10:50:00Z', NULL);"
         "INSERT INTO entries_data SELECT id, 0, CAST(filename AS BLOB) FROM entries");
    fixture_open(fix);
    assert_file(fix->store, "aaaaaaaaaa", "spaces", 6);
    assert_file(fix->store, "bbbbbbbbbb", "offset", 6);
    struct store_collect collect;
    store_collect_init(&collect);
    assert_int_equal(store_run(fix->store, &collect.job), ERR_OK);
    assert_sql(fix->path, "SELECT group_concat(id) FROM (SELECT id FROM entries ORDER BY id)",
               "aaaaaaaaaa,cccccccccc,eeeeeeeeee");
    assert_sql(fix->path, "SELECT upload_time FROM entries WHERE id = 'aaaaaaaaaa'",
               "2025-01-01 10:00:00"); /* as it was */
    static const char *const ids[] = {"eeeeeeeeee", "cccccccccc", "aaaaaaaaaa"};
    assert_listed_in_pages(fix->store, ids, ARRAY_LEN(ids));
}

#define prepared_test(name)                                                                        \
    cmocka_unit_test_setup_teardown(name, fault_fixture_prepare, fault_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        prepared_test(test_every_layout),
        prepared_test(test_without_rows),
        prepared_test(test_newest_layout_is_left_alone),
        prepared_test(test_repairs),
        prepared_test(test_refusals),
        prepared_test(test_refuses_lifetimes),
        prepared_test(test_refuses_0_1),
        prepared_test(test_refusal_names_the_row),
        prepared_test(test_refuses_while_it_is_open),
        prepared_test(test_refuses_while_it_is_read),
        prepared_test(test_refuses_without_room),
        prepared_test(test_checks_foreign_keys),
        prepared_test(test_beside_a_reader_of_the_log),
        prepared_test(test_beside_litestream_the_log_grows_only),
        prepared_test(test_faults),
        prepared_test(test_killed_in_the_middle),
        prepared_test(test_memory_and_writes),
        prepared_test(test_newest_layout_with_odd_times),
    };
    return cmocka_run_group_tests(tests, fault_vfs_setup, NULL);
}
