#include "store_support.h"

static const char rows_sql[] = "SELECT group_concat(id || ' ' || size || ' ' ||"
                               " iif(sha256 IS NULL, '-', substr(lower(hex(sha256)), 1, 8)))"
                               " FROM (SELECT * FROM ext_files ORDER BY id)";

static void assert_next(struct fixture *fix, const char *after, bool sizes_only, const char *want)
{
    char id[ENTRY_ID_LEN + 1] = "?";
    err_t err = store_next_unmeasured(fix->store, after, sizes_only, id);
    if (want == NULL) {
        assert_int_equal(err, ERR_NOTFOUND);
        assert_string_equal(id, "?");
    } else {
        assert_int_equal(err, ERR_OK);
        assert_string_equal(id, want);
    }
}

/* digest: the byte that fills it; 0: none. */
static void measure(struct fixture *fix, const char *id, int64_t size, int digest)
{
    struct store_measure job;
    store_measure_init(&job);
    assert_true(slice_copy(slice_str(id), job.id, sizeof job.id));
    job.size = size;
    job.has_sha256 = digest != 0;
    memset(job.sha256, digest != 0 ? digest : 0xee, sizeof job.sha256);
    assert_int_equal(store_run(fix->store, &job.job), ERR_OK);
}

static void test_next(void **state)
{
    struct fixture *fix = *state;
    assert_next(fix, "", true, NULL);
    assert_next(fix, "", false, NULL);
    /* Our own files are measured; ids sort by their bytes. */
    store_file(fix->store, "AAAAAAAAAA", "x", 1, 5, TEST_NOW_S, NEVER_S);
    foreign_file(fix->path, "bbbbbbbbbb", "0123456", 7, 5, "2999-12-31T00:00:00Z");
    foreign_file(fix->path, "ZZZZZZZZZZ", "x", 1, 5, "2999-12-31T00:00:00Z");
    foreign_file(fix->path, "9999999999", "x", 1, 5, NULL);
    static const char *const order[] = {"9999999999", "ZZZZZZZZZZ", "bbbbbbbbbb", NULL};
    for (int sizes_only = 0; sizes_only <= 1; sizes_only++) {
        const char *after = "";
        for (size_t i = 0; i < ARRAY_LEN(order); i++) {
            assert_next(fix, after, sizes_only != 0, order[i]);
            after = order[i];
        }
        assert_next(fix, "AAAAAAAAAA", sizes_only != 0, "ZZZZZZZZZZ");
        assert_next(fix, "c", sizes_only != 0, NULL);
    }
    /* A size alone leaves the digest to be found out. */
    measure(fix, "ZZZZZZZZZZ", 1, 0);
    assert_next(fix, "9999999999", true, "bbbbbbbbbb");
    assert_next(fix, "9999999999", false, "ZZZZZZZZZZ");
    measure(fix, "ZZZZZZZZZZ", 1, 1);
    assert_next(fix, "9999999999", false, "bbbbbbbbbb");
    measure(fix, "9999999999", 1, 2);
    measure(fix, "bbbbbbbbbb", 7, 3);
    assert_next(fix, "", true, NULL);
    assert_next(fix, "", false, NULL);
    fixture_reopen(fix);
    assert_next(fix, "", false, NULL);
}

/* The place and the answer may stand in the same buffer. */
static void test_next_in_place(void **state)
{
    struct fixture *fix = *state;
    foreign_file(fix->path, "aaaaaaaaaa", "x", 1, 5, NULL);
    foreign_file(fix->path, "bbbbbbbbbb", "x", 1, 5, NULL);
    char id[ENTRY_ID_LEN + 1] = "";
    assert_int_equal(store_next_unmeasured(fix->store, id, true, id), ERR_OK);
    assert_string_equal(id, "aaaaaaaaaa");
    assert_int_equal(store_next_unmeasured(fix->store, id, true, id), ERR_OK);
    assert_string_equal(id, "bbbbbbbbbb");
    assert_int_equal(store_next_unmeasured(fix->store, id, true, id), ERR_NOTFOUND);
    assert_string_equal(id, "bbbbbbbbbb");
}

/* However many files before it are measured, and where nothing comes after them. */
static void test_next_after_many(void **state)
{
    struct fixture *fix = *state;
    for (int files = 499; files <= 1001; files += files == 501 ? 498 : 1) {
        sql_run(fix->path,
                "DELETE FROM entries; DELETE FROM ext_files;"
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
                " INSERT INTO entries (id, filename, content_type, upload_time)"
                " SELECT printf('file%%06d', i), '', '', '2024-01-01T00:00:00Z' FROM n;"
                "INSERT INTO ext_files (id, size, sha256) SELECT id, 1, zeroblob(32) FROM entries",
                files);
        for (int sizes_only = 0; sizes_only <= 1; sizes_only++) {
            assert_next(fix, "", sizes_only != 0, NULL);
        }
        sql_run(fix->path, "INSERT INTO entries (id, filename, content_type, upload_time)"
                           " VALUES ('last000000', '', '', '2024-01-01T00:00:00Z')");
        for (int sizes_only = 0; sizes_only <= 1; sizes_only++) {
            assert_next(fix, "", sizes_only != 0, "last000000");
            assert_next(fix, "last000000", sizes_only != 0, NULL);
        }
    }
}

/* What is nobody's id is passed over, wherever it stands. */
static void test_strange_ids(void **state)
{
    struct fixture *fix = *state;
    sql_run(fix->path, "INSERT INTO entries (id, filename, content_type, upload_time)"
                       " SELECT column1, '', '', '2024-01-01T00:00:00Z' FROM (VALUES"
                       " (''), ('aaaaaaaaa'), ('aaaaaaaaaaa'), ('bbbbbbbbbb'),"
                       " ('cccccccccc' || char(0) || 'c'), (printf('d%%.99c', 'd')),"
                       " ('ddddd' || char(0) || 'dddd'), ('eeeeeeeeee'))");
    for (int sizes_only = 0; sizes_only <= 1; sizes_only++) {
        assert_next(fix, "", sizes_only != 0, "bbbbbbbbbb");
        assert_next(fix, "bbbbbbbbbb", sizes_only != 0, "eeeeeeeeee");
        assert_next(fix, "eeeeeeeeee", sizes_only != 0, NULL);
    }
}

static void test_record(void **state)
{
    struct fixture *fix = *state;
    foreign_file(fix->path, "aaaaaaaaaa", "0123456", 7, 5, NULL);
    foreign_file(fix->path, "bbbbbbbbbb", "01", 2, 5, NULL);
    static const struct {
        int64_t size;
        int digest;
        const char *rows;
    } steps[] = {
        {7, 0, "aaaaaaaaaa 7 -"},
        {8, 0, "aaaaaaaaaa 8 -"},
        {7, 0x11, "aaaaaaaaaa 7 11111111"},
        /* What is known is not forgotten … */
        {7, 0, "aaaaaaaaaa 7 11111111"},
        /* … but may be corrected. */
        {9, 0x22, "aaaaaaaaaa 9 22222222"},
    };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        measure(fix, "aaaaaaaaaa", steps[i].size, steps[i].digest);
        assert_sql(fix->path, rows_sql, steps[i].rows);
    }
    struct store_entry entry;
    assert_int_equal(store_find_entry(fix->store, "aaaaaaaaaa", &entry), ERR_OK);
    assert_true(entry.has_sha256);
    assert_int_equal(entry.sha256[0], 0x22);
    assert_int_equal(entry.size, 7); /* what the rows say */
    store_entry_done(&entry);
    assert_int_equal(store_find_entry(fix->store, "bbbbbbbbbb", &entry), ERR_OK);
    assert_false(entry.has_sha256);
    store_entry_done(&entry);
    measure(fix, "bbbbbbbbbb", 2, 0x33);
    assert_sql(fix->path, rows_sql, "aaaaaaaaaa 9 22222222,bbbbbbbbbb 2 33333333");
}

/* A file that goes while it is measured leaves nothing behind. */
static void test_record_of_nothing(void **state)
{
    struct fixture *fix = *state;
    measure(fix, "aaaaaaaaaa", 5, 0x11);
    assert_sql(fix->path, rows_sql, "-");
    foreign_file(fix->path, "aaaaaaaaaa", "0123456", 7, 5, NULL);
    measure(fix, "aaaaaaaaaa", 7, 0);
    assert_int_equal(remove_file(fix->store, "aaaaaaaaaa"), ERR_OK);
    measure(fix, "aaaaaaaaaa", 7, 0x11);
    assert_sql(fix->path, rows_sql, "-");
    assert_int_equal(purge_file(fix->store, "aaaaaaaaaa"), ERR_OK);
    measure(fix, "aaaaaaaaaa", 7, 0x11);
    assert_sql(fix->path, rows_sql, "-");
    assert_sound(fix->path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_next),
        fixture_test(test_next_in_place),
        fixture_test(test_next_after_many),
        fixture_test(test_strange_ids),
        fixture_test(test_record),
        fixture_test(test_record_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
