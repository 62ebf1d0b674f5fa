/* The conversion of PicoShare's databases: what was there is there, in a file that can shrink, and
 * after any failure of the disk in the old one. */
#include "fault_vfs.h"
#include "picoshare/base/limits.h"
#include "picoshare/store/convert.h"
#include "picoshare/store/verify.h"
#include "support.h"
#include "support/old_database.h"
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/stat.h>

/* Every kind of value, in tables that only another program makes. */
static const char extras[] =
    "CREATE TABLE ext_any (a, b); INSERT INTO ext_any VALUES (NULL, 1), (0.1, -0.0), (x'', ''),"
    " (x'00ff', 'a' || char(0) || 'b'), (9223372036854775807, 1e308);"
    "CREATE TABLE \"a \"\"name\" (k TEXT, v, PRIMARY KEY (v, k)) WITHOUT ROWID;"
    "INSERT INTO \"a \"\"name\" VALUES ('k', 1), ('j', 2);"
    "CREATE TABLE counted (n INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO counted VALUES (7);"
    "DELETE FROM entries_data WHERE id = 'aaaaaaaaaa';" /* free pages, rowids with gaps */
    "INSERT INTO downloads SELECT entry_id, download_timestamp, client_ip, user_agent FROM"
    " downloads; DELETE FROM downloads WHERE rowid % 2 = 0";

struct progress {
    int calls;
    int last[CONVERT_STEPS]; /* percent; -1: the step did not begin */
    enum convert_step step;
    bool went_back;
};

static void note_progress(void *arg, enum convert_step step, int percent)
{
    struct progress *progress = arg;
    assert_in_range(percent, 0, 100);
    progress->went_back =
        progress->went_back || step < progress->step || (progress->last[step] > percent);
    progress->step = step;
    progress->last[step] = percent;
    progress->calls++;
}

static err_t convert_with(const struct fixture *fix, struct progress *progress,
                          struct convert_result *ret_result, struct err_info *ret_info)
{
    *progress = (struct progress){.last = {-1, -1, -1}};
    *ret_info = (struct err_info){""};
    const struct convert_options options = {
        .path = fix->path,
        .vfs = fix->options.vfs,
        .progress = note_progress,
        .arg = progress,
    };
    return convert_database(&options, ret_result, ret_info);
}

static void convert(const struct fixture *fix, struct convert_result *ret_result)
{
    struct progress progress;
    struct err_info info;
    err_t err = convert_with(fix, &progress, ret_result, &info);
    if (err != ERR_OK) {
        fail_msg("%s: %s", err_name(err), info.text);
    }
}

static void expect_failure(const struct fixture *fix, err_t err, const char *text)
{
    struct progress progress;
    struct convert_result result;
    struct err_info info;
    err_t got = convert_with(fix, &progress, &result, &info);
    if (got != err || strstr(info.text, text) == NULL) {
        fail_msg("%s: %s", err_name(got), info.text);
    }
}

static void make(const struct fixture *fix, const char *journal_mode, bool log_kept,
                 const char *sql)
{
    old_database_make(fix->path, &(struct old_database){.layout = OLD_NEWEST,
                                                        .journal_mode = journal_mode,
                                                        .log_kept = log_kept,
                                                        .sql = sql});
}

/* All rows of a database with their rowids, and what describes them, as one text; owned by the
 * caller. */
static char *dump(const char *path)
{
    sqlite3 *db = sql_open(path);
    sqlite3_stmt *stmt = NULL;
    sqlite3_str *text = sqlite3_str_new(db);
    static const char tables[] =
        "SELECT 'SELECT ' || iif(wr, '', 'rowid, ') || (SELECT group_concat('quote(\"' ||"
        " replace(name, '\"', '\"\"') || '\")', ' || '','' || ') FROM pragma_table_info(t.name)) ||"
        " ' FROM \"' || replace(name, '\"', '\"\"') || '\"', name FROM pragma_table_list AS t"
        " WHERE schema = 'main' AND name <> 'sqlite_schema' ORDER BY name";
    static const char *const heads[] = {
        "SELECT type, name || coalesce(sql, '') FROM sqlite_schema ORDER BY type, name",
        "SELECT user_version, application_id FROM pragma_user_version, pragma_application_id"};
    char *queries[32] = {NULL};
    size_t count = 0;
    for (; count < ARRAY_LEN(heads); count++) {
        queries[count] = sqlite3_mprintf("%s", heads[count]);
    }
    assert_int_equal(sqlite3_prepare_v2(db, tables, -1, &stmt, NULL), SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW && count < ARRAY_LEN(queries)) {
        bool has_rowid = strstr((const char *)sqlite3_column_text(stmt, 0), "rowid, ") != NULL;
        queries[count++] = sqlite3_mprintf("%s%s", sqlite3_column_text(stmt, 0),
                                           has_rowid ? " ORDER BY rowid" : "");
    }
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(sqlite3_prepare_v2(db, queries[i], -1, &stmt, NULL), SQLITE_OK);
        while (sqlite3_step(stmt) == SQLITE_ROW) {
            for (int c = 0; c < sqlite3_column_count(stmt); c++) {
                sqlite3_str_appendf(text, "%s|", sqlite3_column_text(stmt, c));
            }
            sqlite3_str_appendchar(text, 1, '\n');
        }
        assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
        sqlite3_free(queries[i]);
    }
    char *dumped = sqlite3_str_finish(text);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_non_null(dumped);
    return dumped;
}

static void name_beside(const struct fixture *fix, const char *suffix,
                        char ret_name[TEST_PATH_BYTES + 32])
{
    (void)snprintf(ret_name, TEST_PATH_BYTES + 32, "%s%s", fix->path, suffix);
}

static bool is_beside(const struct fixture *fix, const char *suffix)
{
    char name[TEST_PATH_BYTES + 32];
    name_beside(fix, suffix, name);
    return access(name, F_OK) == 0;
}

static void assert_no_leftovers(const struct fixture *fix, bool kept)
{
    static const char *const suffixes[] = {".converting", ".converting-journal", ".converting-wal",
                                           ".converting-shm"};
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        if (is_beside(fix, suffixes[i])) {
            fail_msg("%s is left", suffixes[i]);
        }
    }
    assert_int_equal(is_beside(fix, ".before-convert"), kept);
}

static void remove_all(const struct fixture *fix)
{
    static const char *const suffixes[] = {"",         "-wal",     "-shm",
                                           "-journal", "-reserve", ".before-convert"};
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        char name[TEST_PATH_BYTES + 32];
        name_beside(fix, suffixes[i], name);
        (void)unlink(name);
    }
}

/* ---- what comes out -------------------------------------------------------------------------- */

static void assert_converted(const struct fixture *fix, const char *before)
{
    char kept[TEST_PATH_BYTES + 32];
    name_beside(fix, ".before-convert", kept);
    assert_no_leftovers(fix, true);
    assert_sql(fix->path, "PRAGMA page_size", "16384");
    assert_sql(fix->path, "PRAGMA auto_vacuum", "2");
    assert_sql(fix->path, "PRAGMA journal_mode", "wal");
    assert_sql(fix->path, "PRAGMA integrity_check", "ok");
    assert_sql(fix->path, "PRAGMA freelist_count", "0");
    char *after = dump(fix->path);
    char *old = dump(kept);
    assert_string_equal(after, before);
    assert_string_equal(old, before);
    sqlite3_free(after);
    sqlite3_free(old);
}

static void test_everything_is_there(void **state)
{
    static const struct {
        const char *journal_mode;
        bool log_kept;
    } lyings[] = {{"DELETE", false}, {"WAL", false}, {"WAL", true}};
    struct fixture *fix = *state;
    for (size_t i = 0; i < ARRAY_LEN(lyings); i++) {
        struct convert_result result;
        make(fix, lyings[i].journal_mode, lyings[i].log_kept, i > 0 ? extras : NULL);
        char *before = dump(fix->path);
        convert(fix, &result);
        assert_true(result.needed);
        assert_true(result.bytes_before > 0 && result.bytes_after > 0);
        assert_int_equal(strcmp(result.kept + strlen(result.kept) - strlen(".before-convert"),
                                ".before-convert"),
                         0);
        assert_converted(fix, before);
        sqlite3_free(before);
        remove_all(fix);
    }
}

static void test_the_store_works_on(void **state)
{
    struct fixture *fix = *state;
    struct convert_result result;
    make(fix, "WAL", false, NULL);
    fixture_open(fix); /* our tables */
    fixture_close(fix);
    convert(fix, &result);
    fixture_open(fix);
    assert_false(store_can_convert(fix->store));
    for (size_t i = 0; i < ARRAY_LEN(old_files); i++) {
        char *bytes = old_file_bytes(&old_files[i]);
        assert_file(fix->store, old_files[i].id, bytes, old_files[i].size);
        free(bytes);
    }
    fixture_close(fix);
    /* Again: nothing to do, and it says where the old one is. */
    struct convert_result again;
    convert(fix, &again);
    assert_false(again.needed);
    assert_string_equal(again.kept, result.kept);
    assert_int_equal(unlink(result.kept), 0);
    convert(fix, &again);
    assert_false(again.needed);
    assert_string_equal(again.kept, "");
}

static void test_owner_and_mode(void **state)
{
    struct fixture *fix = *state;
    struct convert_result result;
    struct stat st;
    make(fix, "DELETE", false, NULL);
    bool is_root = geteuid() == 0;
    assert_int_equal(chmod(fix->path, 0640), 0);
    assert_true(!is_root || chown(fix->path, 4711, 4712) == 0);
    mode_t mask = umask(0077);
    convert(fix, &result);
    umask(mask);
    assert_int_equal(stat(fix->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_true(!is_root || (st.st_uid == 4711 && st.st_gid == 4712));
}

static void test_through_a_link(void **state)
{
    struct fixture *fix = *state;
    struct progress progress;
    struct convert_result result;
    struct err_info info;
    char link[TEST_PATH_BYTES + 32];
    make(fix, "WAL", false, NULL);
    name_beside(fix, "-link", link);
    assert_int_equal(symlink("store.db", link), 0);
    const struct convert_options options = {
        .path = link, .progress = note_progress, .arg = &progress};
    progress = (struct progress){.calls = 0};
    assert_int_equal(convert_database(&options, &result, &info), ERR_OK);
    struct stat st;
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_sql(fix->path, "PRAGMA auto_vacuum", "2");
}

static void test_progress(void **state)
{
    struct fixture *fix = *state;
    struct progress progress;
    struct convert_result result;
    struct err_info info;
    make(fix, "WAL", false,
         "WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 60)"
         " INSERT INTO entries_data SELECT 'bBcCdDeEfF', i, randomblob(100000) FROM n");
    assert_int_equal(convert_with(fix, &progress, &result, &info), ERR_OK);
    assert_false(progress.went_back);
    for (size_t i = 0; i < CONVERT_STEPS; i++) {
        assert_in_range(progress.last[i], 90, 100);
    }
    assert_true(progress.calls > 60);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void test_open_elsewhere(void **state)
{
    struct fixture *fix = *state;
    make(fix, "WAL", false, NULL);
    char *before = dump(fix->path);
    sqlite3 *db = sql_open(fix->path); /* as PicoShare has it: in the log */
    assert_int_equal(sqlite3_exec(db, "SELECT count(*) FROM entries", NULL, NULL, NULL), SQLITE_OK);
    expect_failure(fix, ERR_BUSY, "another program has database");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    /* A server of ours. */
    int fd = open(fix->path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    expect_failure(fix, ERR_BUSY, "is in use by another process");
    close(fd);
    char *after = dump(fix->path);
    assert_string_equal(after, before);
    sqlite3_free(before);
    sqlite3_free(after);
    assert_no_leftovers(fix, false);
}

static void test_kept_already(void **state)
{
    struct fixture *fix = *state;
    char name[TEST_PATH_BYTES + 32];
    make(fix, "WAL", false, NULL);
    name_beside(fix, ".before-convert", name);
    old_copy(fix->path, name);
    expect_failure(fix, ERR_EXISTS, "of an earlier conversion is still there");
    assert_no_leftovers(fix, true);
    assert_sql(fix->path, "PRAGMA auto_vacuum", "0");
}

static void test_other_files(void **state)
{
    struct fixture *fix = *state;
    expect_failure(fix, ERR_IO, "No such file or directory");
    assert_false(is_beside(fix, ""));
    old_database_make(fix->path, &(struct old_database){.layout = 14});
    expect_failure(fix, ERR_INVALID, "is upgraded when the server starts with it");
    remove_all(fix);
    FILE *file = fopen(fix->path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++) {
        (void)fputs("this is no database at all\n", file);
    }
    assert_int_equal(fclose(file), 0);
    expect_failure(fix, ERR_CORRUPT, "not a database");
    assert_no_leftovers(fix, false);
}

/* A page in the middle is not what it was: SQLite, or the comparison, notices. */
static void test_damaged(void **state)
{
    struct fixture *fix = *state;
    make(fix, "DELETE", false, NULL);
    int fd = open(fix->path, O_WRONLY | O_CLOEXEC);
    char page[32];
    char root[24];
    sql_ask(fix->path, root, sizeof root,
            "SELECT rootpage FROM sqlite_schema WHERE name = 'entries_data'");
    long long number = 0;
    for (const char *p = root; *p != '\0'; p++) {
        number = number * 10 + (*p - '0');
    }
    memset(page, 0xee, sizeof page);
    assert_int_equal(pwrite(fd, page, sizeof page, (number - 1) * 4096), sizeof page);
    close(fd);
    expect_failure(fix, ERR_CORRUPT, "malformed");
    assert_no_leftovers(fix, false);
}

/* ---- broken off ------------------------------------------------------------------------------ */

/* What a kill leaves: half a copy, and a second name for the old file. Both the server's start and
 * the next conversion are rid of it. */
static void make_leftovers(const struct fixture *fix)
{
    static const char *const suffixes[] = {".converting", ".converting-journal", ".converting-wal",
                                           ".converting-shm"};
    char name[TEST_PATH_BYTES + 32];
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        name_beside(fix, suffixes[i], name);
        FILE *file = fopen(name, "w");
        assert_non_null(file);
        assert_true(fputs("half of it", file) >= 0);
        assert_int_equal(fclose(file), 0);
    }
    name_beside(fix, ".before-convert", name);
    assert_int_equal(link(fix->path, name), 0);
}

static void test_leftovers(void **state)
{
    struct fixture *fix = *state;
    struct convert_result result;
    make(fix, "WAL", false, NULL);
    char *before = dump(fix->path);
    make_leftovers(fix);
    convert(fix, &result);
    assert_converted(fix, before);
    sqlite3_free(before);
    remove_all(fix);

    make(fix, "WAL", false, NULL);
    make_leftovers(fix);
    fixture_open(fix);
    assert_no_leftovers(fix, false);
    assert_true(store_can_convert(fix->store));
    fixture_close(fix);
}

/* The server leaves alone what is the owner's: the old database. */
static void test_kept_beside_a_server(void **state)
{
    struct fixture *fix = *state;
    struct convert_result result;
    make(fix, "WAL", false, NULL);
    convert(fix, &result);
    fixture_open(fix);
    fixture_close(fix);
    assert_true(is_beside(fix, ".before-convert"));
}

/* With every fault at the first change of a file, the second, and so on until it passes. */
static void test_failing_disk(void **state)
{
    static const struct {
        enum fault_kind kind;
        bool lasting, syncs_only;
        const char *name;
    } cases[] = {{FAULT_FULL, false, false, "full once"},
                 {FAULT_FULL, true, false, "full"},
                 {FAULT_IO, false, false, "broken once"},
                 {FAULT_IO, true, false, "broken"},
                 {FAULT_IO, true, true, "no flush"}};
    enum { ENOUGH = 5000 };
    struct fixture *fix = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        make(fix, "WAL", true, NULL);
        char *before = dump(fix->path);
        err_t err = ERR_IO;
        int64_t n = 0;
        for (; err != ERR_OK && n < ENOUGH; n++) {
            struct progress progress;
            struct convert_result result;
            struct err_info info;
            fault_set(cases[i].kind, n, cases[i].lasting);
            fault.syncs_only = cases[i].syncs_only;
            err = convert_with(fix, &progress, &result, &info);
            bool met = fault.failures > 0;
            fault_lift();
            if (err == ERR_OK) {
                break; /* with a fault that SQLite could do without, or without one */
            }
            if (!met || (err != ERR_IO && (err != ERR_FULL || cases[i].kind != FAULT_FULL)) ||
                info.text[0] == '\0') {
                fail_msg("%s after %" PRId64 ": %s: %s", cases[i].name, n, err_name(err),
                         info.text);
            }
            assert_no_leftovers(fix, false);
            char *after = dump(fix->path);
            assert_string_equal(after, before);
            sqlite3_free(after);
        }
        assert_int_equal(err, ERR_OK);
        assert_true(n > 0);
        assert_converted(fix, before);
        sqlite3_free(before);
        remove_all(fix);
    }
}

/* A copy that is not what it should be is noticed, whatever is wrong with it. */
static struct spoiling {
    int64_t at; /* the write to the copy that is spoilt; -1: none */
    int64_t writes;
    bool met;
} spoiling;

static void *open_spoilt(const char *name, int flags)
{
    (void)flags;
    return strstr(name, ".converting") != NULL && strstr(name, "-journal") == NULL &&
                   strstr(name, "-wal") == NULL
               ? &spoiling
               : NULL;
}

static int spoil(void *file, const void *bytes, int len, int64_t pos)
{
    (void)file;
    (void)pos;
    if (spoiling.writes++ == spoiling.at && len > 8000) {
        spoiling.met = true;
        ((char *)(uintptr_t)bytes)[8000] ^= 1; /* in the buffer that is written next */
    }
    return SQLITE_OK;
}

static int spoil_nothing(void *file, int64_t size)
{
    (void)file;
    (void)size;
    return SQLITE_OK;
}

static int sync_nothing(void *file)
{
    (void)file;
    return SQLITE_OK;
}

static int remove_nothing(const char *name, bool sync_directory)
{
    (void)name;
    (void)sync_directory;
    return SQLITE_OK;
}

static void test_wrong_copy(void **state)
{
    static const struct fault_watch watch = {open_spoilt, spoil, spoil_nothing, sync_nothing,
                                             remove_nothing};
    struct fixture *fix = *state;
    int noticed = 0;
    make(fix, "DELETE", false, NULL);
    char *before = dump(fix->path);
    fault.watch = &watch;
    for (spoiling.at = 0; spoiling.at < 40; spoiling.at++) {
        struct progress progress;
        struct convert_result result;
        struct err_info info;
        spoiling.writes = 0;
        spoiling.met = false;
        err_t err = convert_with(fix, &progress, &result, &info);
        if (err == ERR_OK) {
            /* The byte was one of no meaning, or written again later: nothing is lost. */
            char *after = dump(fix->path);
            assert_string_equal(after, before);
            sqlite3_free(after);
            assert_int_equal(rename(result.kept, fix->path), 0);
        } else {
            assert_true(spoiling.met);
            assert_true(err == ERR_INTERNAL || err == ERR_CORRUPT);
            noticed++;
        }
        assert_no_leftovers(fix, false);
    }
    fault.watch = NULL;
    sqlite3_free(before);
    assert_true(noticed > 10);
}

int main(void)
{
#define prepared(name) cmocka_unit_test_setup_teardown(name, fixture_prepare, fixture_teardown)
#define prepared_fault(name)                                                                       \
    cmocka_unit_test_setup_teardown(name, fault_fixture_prepare, fault_fixture_teardown)
    const struct CMUnitTest tests[] = {
        prepared(test_everything_is_there),
        prepared(test_the_store_works_on),
        prepared(test_owner_and_mode),
        prepared(test_through_a_link),
        prepared(test_progress),
        prepared(test_open_elsewhere),
        prepared(test_kept_already),
        prepared(test_other_files),
        prepared(test_damaged),
        prepared(test_leftovers),
        prepared(test_kept_beside_a_server),
        prepared_fault(test_failing_disk),
        prepared_fault(test_wrong_copy),
    };
    return cmocka_run_group_tests(tests, fault_vfs_setup, NULL);
}
