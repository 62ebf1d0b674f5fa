#include "fault_vfs.h"
#include "picoshare/base/mem.h"
#include "support.h"
#include <sys/stat.h>

/* ---- a new database ---- */

static void test_new_file(void **state)
{
    struct fixture *fix = *state;
    static const struct {
        const char *sql, *want;
    } cases[] = {
        {"PRAGMA page_size", "16384"},
        {"PRAGMA auto_vacuum", "2"}, /* incremental */
        {"PRAGMA journal_mode", "wal"},
        {"PRAGMA user_version", "15"},
        {"PRAGMA application_id", "0"},
        {"PRAGMA encoding", "UTF-8"},
        {"SELECT group_concat(name) FROM (SELECT name FROM pragma_table_list WHERE schema = 'main'"
         " AND name NOT LIKE 'ext_%' AND name NOT LIKE 'sqlite_%' ORDER BY name)",
         "downloads,entries,entries_data,guest_links,settings"},
        {"SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND NOT strict"
         " AND name NOT LIKE 'sqlite_%'",
         "0"},
        {"SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND wr"
         " AND name NOT LIKE 'ext_%'",
         "0"},
        {"SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema WHERE type = 'index' AND"
         " name NOT LIKE 'ext_%' AND name NOT LIKE 'sqlite_%' ORDER BY name)",
         "idx_entries_data_length,idx_entries_guest_link_id"},
        {"SELECT sql FROM sqlite_schema WHERE name = 'idx_entries_data_length'",
         "CREATE INDEX idx_entries_data_length ON entries_data (id, length(chunk))"},
        {"SELECT sql FROM sqlite_schema WHERE name = 'idx_entries_guest_link_id'",
         "CREATE INDEX idx_entries_guest_link_id ON entries (guest_link_id)"},
        {"SELECT count(*) FROM sqlite_schema WHERE type IN ('view', 'trigger')", "0"},
        {"SELECT group_concat(id || '/' || default_expiration_in_days) FROM settings", "1/30"},
        /* the only foreign key, and none of ours */
        {"SELECT group_concat(t.name || '.' || f.\"from\" || '>' || f.\"table\" || '.' || f.\"to\""
         " || ' ' || f.on_delete) FROM pragma_table_list AS t, pragma_foreign_key_list(t.name)"
         " AS f WHERE t.schema = 'main'",
         "downloads.entry_id>entries.id NO ACTION"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_sql(fix->path, cases[i].sql, cases[i].want);
    }
    assert_sound(fix->path);
}

/* Name, type, NOT NULL and place in the primary key of every column, in order (database.md 2). */
static void test_columns(void **state)
{
    struct fixture *fix = *state;
    static const struct {
        const char *table, *columns;
    } cases[] = {
        {"entries", "id TEXT 1 1,filename TEXT 1 0,content_type TEXT 1 0,upload_time TEXT 1 0,"
                    "expiration_time TEXT 0 0,guest_link_id TEXT 0 0,note TEXT 0 0"},
        {"entries_data", "id TEXT 1 1,chunk_index INTEGER 1 2,chunk BLOB 1 0"},
        {"guest_links", "id TEXT 1 1,label TEXT 0 0,max_file_bytes INTEGER 0 0,"
                        "max_file_uploads INTEGER 0 0,creation_time TEXT 1 0,"
                        "url_expiration_time TEXT 0 0,file_expiration_time TEXT 0 0,"
                        "is_disabled INTEGER 1 0"},
        {"downloads", "entry_id TEXT 1 0,download_timestamp TEXT 1 0,client_ip TEXT 0 0,"
                      "user_agent TEXT 0 0"},
        {"settings", "id INTEGER 1 1,default_expiration_in_days INTEGER 0 0"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char columns[512];
        sql_ask(fix->path, columns, sizeof columns,
                "SELECT group_concat(name || ' ' || type || ' ' || \"notnull\" || ' ' || pk)"
                " FROM pragma_table_info(%Q)",
                cases[i].table);
        assert_string_equal(columns, cases[i].columns);
    }
    assert_sql(fix->path,
               "SELECT dflt_value FROM pragma_table_info('guest_links') WHERE name ="
               " 'is_disabled'",
               "0");
}

/* What the checks of the tables let through. */
static void test_constraints(void **state)
{
    struct fixture *fix = *state;
    static const struct {
        const char *sql;
        bool allowed;
    } cases[] = {
        {"INSERT INTO entries VALUES ('a','f','','2022-02-20T00:00:00Z',NULL,NULL,NULL)", true},
        {"INSERT INTO entries VALUES ('a','f','','2024-01-01T00:00:00Z',NULL,NULL,NULL)", false},
        {"INSERT INTO entries VALUES ('b','f','','2024-01-01 00:00:00','2999-12-31T00:00:00Z',"
         "'x','n')",
         true},
        {"INSERT INTO entries VALUES ('c','f','','2022-02-19T23:59:59Z',NULL,NULL,NULL)", false},
        {"INSERT INTO entries VALUES ('c','f','','soon',NULL,NULL,NULL)", false},
        {"INSERT INTO entries VALUES ('c','f','','12024-01-01T00:00:00Z',NULL,NULL,NULL)", false},
        {"INSERT INTO entries VALUES ('c','f','','2024-01-01T00:00:00Z','',NULL,NULL)", false},
        {"INSERT INTO entries VALUES (NULL,'f','','2024-01-01T00:00:00Z',NULL,NULL,NULL)", false},
        {"INSERT INTO entries VALUES ('c',NULL,'','2024-01-01T00:00:00Z',NULL,NULL,NULL)", false},
        {"INSERT INTO entries VALUES ('c','f',NULL,'2024-01-01T00:00:00Z',NULL,NULL,NULL)", false},
        {"INSERT INTO entries VALUES ('c','f','',NULL,NULL,NULL,NULL)", false},
        {"INSERT INTO entries_data VALUES ('nobody',0,x'00')", true},
        {"INSERT INTO entries_data VALUES ('nobody',0,x'01')", false},
        {"INSERT INTO entries_data VALUES ('nobody',-1,x'01')", false},
        {"INSERT INTO entries_data VALUES ('nobody',1,'text')", false},
        {"INSERT INTO entries_data VALUES ('nobody',1,NULL)", false},
        {"INSERT INTO settings VALUES (2, 30)", false},
        {"UPDATE settings SET default_expiration_in_days = -1", false},
        {"UPDATE settings SET default_expiration_in_days = NULL", true},
        {"INSERT INTO downloads VALUES ('a','2024-01-01T00:00:00Z',NULL,NULL)", true},
        {"INSERT INTO downloads VALUES ('zz','2024-01-01T00:00:00Z','','')", false},
        {"INSERT INTO downloads VALUES ('a','2021-01-01T00:00:00Z','','')", false},
        {"DELETE FROM entries WHERE id = 'a'", false}, /* it has history */
        {"INSERT INTO guest_links (id, creation_time) VALUES ('g','2024-01-01T00:00:00Z')", true},
        {"UPDATE guest_links SET label = printf('%.200c', 'x')", true},
        {"UPDATE guest_links SET label = printf('%.201c', 'x')", false},
        {"UPDATE guest_links SET max_file_bytes = 0", false},
        {"UPDATE guest_links SET max_file_bytes = 1", true},
        {"UPDATE guest_links SET max_file_uploads = 0", false},
        {"UPDATE guest_links SET max_file_uploads = 1", true},
        {"UPDATE guest_links SET is_disabled = 2", false},
        {"UPDATE guest_links SET is_disabled = NULL", false},
        {"UPDATE guest_links SET url_expiration_time = 'never'", false},
    };
    sqlite3 *db = sql_open(fix->path);
    assert_int_equal(sqlite3_exec(db, "PRAGMA foreign_keys = ON", NULL, NULL, NULL), SQLITE_OK);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int rc = sqlite3_exec(db, cases[i].sql, NULL, NULL, NULL);
        if (rc != (cases[i].allowed ? SQLITE_OK : SQLITE_CONSTRAINT)) {
            fail_msg("%s: %s", cases[i].sql, sqlite3_errmsg(db));
        }
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The log is copied into the database and goes. */
static void test_close_leaves_one_file(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, "abcdefghij", "x", 1, 5, TEST_NOW_S, NEVER_S);
    fixture_close(fix);
    char name[TEST_PATH_BYTES + 32];
    struct stat st;
    (void)snprintf(name, sizeof name, "%s-wal", fix->path);
    assert_int_equal(stat(name, &st), -1);
    (void)snprintf(name, sizeof name, "%s-shm", fix->path);
    assert_int_equal(stat(name, &st), -1);
    assert_sound(fix->path);
    fixture_open(fix);
    assert_file(fix->store, "abcdefghij", "x", 1);
}

/* ---- an old database ---- */

static void test_reopen(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, "abcdefghij", "hello, world!", 13, 5, TEST_NOW_S, NEVER_S);
    sql_run(fix->path, "UPDATE settings SET default_expiration_in_days = 7");
    char before[8];
    sql_ask(fix->path, before, sizeof before, "PRAGMA schema_version");
    for (int i = 0; i < 3; i++) {
        fixture_reopen(fix);
        assert_file(fix->store, "abcdefghij", "hello, world!", 13);
        assert_sql(fix->path, "SELECT default_expiration_in_days FROM settings", "7");
        assert_sql(fix->path, "SELECT count(*) FROM ext_files", "1");
    }
    assert_sql(fix->path, "PRAGMA schema_version", before); /* no table was made again */
}

/* The tables as PicoShare has them: small pages, no auto_vacuum, none of our extras. */
static void make_foreign_file(const struct fixture *fix)
{
    sql_run(fix->path,
            "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL;"
            "CREATE TABLE entries (id TEXT PRIMARY KEY NOT NULL, filename TEXT NOT NULL,"
            " content_type TEXT NOT NULL, upload_time TEXT NOT NULL, expiration_time TEXT,"
            " guest_link_id TEXT, note TEXT) STRICT;"
            "CREATE TABLE entries_data (id TEXT NOT NULL, chunk_index INTEGER NOT NULL,"
            " chunk BLOB NOT NULL, PRIMARY KEY (id, chunk_index)) STRICT;"
            "CREATE TABLE guest_links (id TEXT PRIMARY KEY NOT NULL, label TEXT,"
            " max_file_bytes INTEGER, max_file_uploads INTEGER, creation_time TEXT NOT NULL,"
            " url_expiration_time TEXT, file_expiration_time TEXT,"
            " is_disabled INTEGER NOT NULL DEFAULT 0) STRICT;"
            "CREATE TABLE downloads (entry_id TEXT NOT NULL, download_timestamp TEXT NOT NULL,"
            " client_ip TEXT, user_agent TEXT, FOREIGN KEY (entry_id) REFERENCES entries (id))"
            " STRICT;"
            "CREATE TABLE settings (id INTEGER PRIMARY KEY NOT NULL,"
            " default_expiration_in_days INTEGER) STRICT;"
            "CREATE INDEX idx_entries_guest_link_id ON entries (guest_link_id);"
            "CREATE INDEX idx_entries_data_length ON entries_data (id, length(chunk));"
            "INSERT INTO settings VALUES (1, 36500);"
            "INSERT INTO entries VALUES ('abcdefghij', 'old.txt', 'text/plain',"
            " '2024-01-01T00:00:00Z', '2999-12-31T00:00:00Z', NULL, NULL);"
            "INSERT INTO entries_data VALUES ('abcdefghij', 0, x'6161'), ('abcdefghij', 1, x'62');"
            "PRAGMA user_version = 15");
}

static void test_foreign_file_is_opened_as_it_is(void **state)
{
    struct fixture *fix = *state;
    make_foreign_file(fix);
    fixture_open(fix);
    assert_file(fix->store, "abcdefghij", "aab", 3);
    int64_t days = 0;
    assert_int_equal(store_default_days(fix->store, &days), ERR_OK);
    assert_int_equal(days, 36500);
    store_file(fix->store, "klmnopqrst", "new", 3, 5, TEST_NOW_S, NEVER_S);
    assert_sql(fix->path, "PRAGMA page_size", "4096");
    assert_sql(fix->path, "PRAGMA auto_vacuum", "0");
    assert_sql(fix->path, "PRAGMA user_version", "15");
    assert_sql(fix->path, "SELECT group_concat(id) FROM (SELECT id FROM entries ORDER BY id)",
               "abcdefghij,klmnopqrst");
    assert_sql(fix->path, "SELECT count(*) FROM entries_data WHERE id = 'abcdefghij'", "2");
}

/* PicoShare deletes entries without knowing our tables: what we knew of them goes with the
 * collection. */
static void test_extras_are_reconciled(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, "abcdefghij", "a", 1, 5, TEST_NOW_S, NEVER_S);
    store_file(fix->store, "klmnopqrst", "b", 1, 5, TEST_NOW_S, NEVER_S);
    sql_run(fix->path, "DELETE FROM entries_data WHERE id = 'abcdefghij';"
                       "DELETE FROM entries WHERE id = 'abcdefghij'");
    sql_run(fix->path, "INSERT INTO ext_damaged SELECT id, 0, '' FROM ext_files");
    fixture_reopen(fix);
    struct store_collect collect;
    store_collect_init(&collect);
    assert_int_equal(store_run(fix->store, &collect.job), ERR_OK);
    assert_sql(fix->path, "SELECT group_concat(id) FROM ext_files", "klmnopqrst");
    assert_sql(fix->path, "SELECT group_concat(id) FROM ext_damaged", "klmnopqrst");
}

/* ---- what is no database of ours ---- */

static void assert_refused(struct fixture *fix, const char *what)
{
    size_t before_len = 0;
    char *before = read_file(fix->path, &before_len);
    struct err_info info = {""};
    struct store *store = NULL;
    err_t err = store_open(&fix->options, &store, &info);
    size_t after_len = 0;
    char *after = read_file(fix->path, &after_len);
    bool same = after_len == before_len && memcmp(before, after, before_len) == 0;
    free(before);
    free(after);
    assert_null(store);
    if (err != ERR_INVALID || !same) {
        fail_msg("%s: %s (%s), %s", what, err_name(err), info.text, same ? "untouched" : "changed");
    }
    assert_non_null(strstr(info.text, fix->path));
    assert_null(strchr(info.text, '\n'));
}

static void test_refuses_versions(void **state)
{
    struct fixture *fix = *state;
    static const char *const modes[] = {"DELETE", "WAL"};
    for (int version = 0; version <= 1000; version += version < 20 ? 1 : 980) {
        for (size_t i = 0; i < ARRAY_LEN(modes) && version != 15; i++) {
            sql_run(fix->path,
                    "PRAGMA journal_mode = %s; CREATE TABLE entries (id TEXT);"
                    "PRAGMA user_version = %d",
                    modes[i], version);
            char what[64];
            (void)snprintf(what, sizeof what, "version %d, %s", version, modes[i]);
            assert_refused(fix, what);
            assert_int_equal(unlink(fix->path), 0);
        }
    }
}

static void write_file(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void test_refuses_other_files(void **state)
{
    struct fixture *fix = *state;
    static const char text[] = "This is a text file and no database, whatever its name says. It is "
                               "longer than the header of a database, which has a hundred bytes.";
    write_file(fix->path, text, sizeof text);
    assert_refused(fix, "text");
    char *noise = make_bytes(1, 100000);
    write_file(fix->path, noise, 100000);
    assert_refused(fix, "noise");
    free(noise);
}

/* Another program's database may have any number in user_version, ours too. */
static void test_refuses_other_tables(void **state)
{
    struct fixture *fix = *state;
    sql_run(fix->path, "CREATE TABLE songs (name TEXT); PRAGMA user_version = 15");
    assert_refused(fix, "songs");
    assert_int_equal(unlink(fix->path), 0);
    sql_run(fix->path, "PRAGMA user_version = 15");
    assert_refused(fix, "version without tables");
}

static void test_refuses_places(void **state)
{
    struct fixture *fix = *state;
    struct store *store = NULL;
    struct err_info info = {""};
    fix->options.path = fix->dir;
    assert_int_not_equal(store_open(&fix->options, &store, &info), ERR_OK);
    assert_non_null(strstr(info.text, fix->dir));
    fix->options.path = "/nonexistent/store.db";
    info.text[0] = '\0';
    assert_int_equal(store_open(&fix->options, &store, &info), ERR_IO);
    assert_non_null(strstr(info.text, "/nonexistent/store.db"));
    assert_int_equal(store_open(&fix->options, &store, NULL), ERR_IO);
    assert_null(store);
}

static void test_no_memory(void **state)
{
    struct fixture *fix = *state;
    struct store *store = NULL;
    struct err_info info = {""};
    mem_fail_after(0);
    err_t err = store_open(&fix->options, &store, &info);
    mem_fail_after(-1);
    assert_int_equal(err, ERR_NOMEM);
    assert_null(store);
    fixture_open(fix);
}

/* ---- a disk that fails while the file is made ---- */

static void test_faults_at_creation(void **state)
{
    struct fixture *fix = *state;
    for (int kind = FAULT_FULL; kind <= FAULT_IO; kind++) {
        bool opened = false;
        for (int64_t n = 0; !opened; n++) {
            assert_true(n < 1000);
            fault_set((enum fault_kind)kind, n, true);
            struct err_info info = {""};
            err_t err = store_open(&fix->options, &fix->store, &info);
            bool failed = fault.failures > 0;
            fault_lift();
            if (err == ERR_OK) {
                fixture_close(fix);
                opened = !failed;
            } else {
                assert_true(failed);
                assert_true(err == ERR_IO || (kind == FAULT_FULL && err == ERR_FULL));
            }
            /* What it left is a database, or becomes one. */
            fixture_open(fix);
            assert_sql(fix->path, "SELECT group_concat(default_expiration_in_days) FROM settings",
                       "30");
            fixture_close(fix);
            assert_sound(fix->path);
            assert_int_equal(unlink(fix->path), 0);
        }
    }
    fixture_open(fix);
}

/* The file is new again and again: only its first page size decides. */
static void test_page_size_survives_a_failed_start(void **state)
{
    struct fixture *fix = *state;
    for (int64_t n = 0; n < 12; n++) {
        fault_set(FAULT_FULL, n, true);
        struct store *store = NULL;
        if (store_open(&fix->options, &store, NULL) == ERR_OK) {
            store_close(store);
        }
        fault_lift();
        fixture_open(fix);
        assert_sql(fix->path, "PRAGMA page_size", "16384");
        assert_sql(fix->path, "PRAGMA auto_vacuum", "2");
        fixture_close(fix);
        assert_int_equal(unlink(fix->path), 0);
    }
    fixture_open(fix);
}

#define prepared_test(name) cmocka_unit_test_setup_teardown(name, fixture_prepare, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_new_file),
        fixture_test(test_columns),
        fixture_test(test_constraints),
        fixture_test(test_close_leaves_one_file),
        fixture_test(test_reopen),
        prepared_test(test_foreign_file_is_opened_as_it_is),
        fixture_test(test_extras_are_reconciled),
        prepared_test(test_refuses_versions),
        prepared_test(test_refuses_other_files),
        prepared_test(test_refuses_other_tables),
        prepared_test(test_refuses_places),
        prepared_test(test_no_memory),
        cmocka_unit_test_setup_teardown(test_faults_at_creation, fault_fixture_prepare,
                                        fault_fixture_teardown),
        cmocka_unit_test_setup_teardown(test_page_size_survives_a_failed_start,
                                        fault_fixture_prepare, fault_fixture_teardown),
    };
    return cmocka_run_group_tests(tests, fault_vfs_setup, NULL);
}
