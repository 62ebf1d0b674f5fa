#include "fault_vfs.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/mem.h"
#include "picoshare/core/measurer.h"
#include "store_support.h"

#define NEVER_TEXT "2999-12-31T00:00:00Z"

/* A measurer with a clock of its own: the store's writer looks at the other one. */
struct measuring {
    struct fixture *fix;
    struct fake_clock clock;
    struct measurer *measurer;
};

static void measuring_start(struct measuring *m, struct fixture *fix)
{
    m->fix = fix;
    fake_clock_init(&m->clock);
    assert_int_equal(measurer_new(fix->store, &m->clock.clock, &m->measurer), ERR_OK);
}

static void measuring_end(struct measuring *m)
{
    measurer_free(TAKE(m->measurer));
    gate_settle(m->fix->store); /* what it has recorded is stored */
}

/* Works to the end, which must come without a failure. */
static void measure_all(struct fixture *fix, int64_t want_digests)
{
    struct measuring m;
    measuring_start(&m, fix);
    err_t err = ERR_OK;
    while (err == ERR_OK) {
        err = measurer_work(m.measurer, 1000);
    }
    assert_int_equal(err, ERR_NOTFOUND);
    assert_int_equal(measurer_work(m.measurer, 1000), ERR_NOTFOUND);
    assert_int_equal(measurer_digests(m.measurer), want_digests);
    measuring_end(&m);
}

static void assert_measured(struct fixture *fix, const char *id, const char *bytes, size_t len)
{
    struct store_entry entry;
    uint8_t digest[SHA256_BYTES];
    char size[24];
    assert_int_equal(store_find_entry(fix->store, id, &entry), ERR_OK);
    assert_int_equal(sha256_of(slice_of(bytes, len), digest), ERR_OK);
    assert_true(entry.has_sha256);
    assert_memory_equal(entry.sha256, digest, sizeof digest);
    store_entry_done(&entry);
    sql_ask(fix->path, size, sizeof size, "SELECT size = %lld FROM ext_files WHERE id = %Q",
            (long long)len, id);
    assert_string_equal(size, "1");
}

static int64_t count_rows(struct fixture *fix, const char *condition)
{
    char text[24];
    sql_ask(fix->path, text, sizeof text, "SELECT count(*) FROM ext_files WHERE %s", condition);
    int64_t value = 0;
    for (const char *p = text; *p != '\0'; p++) {
        value = value * 10 + (*p - '0');
    }
    return value;
}

/* ---- what it finds out ---- */

static const struct {
    const char *id;
    size_t len;
    size_t chunk_bytes;
} layouts[] = {
    {"aaaaaaaaaa", 1, 327680},       {"bbbbbbbbbb", 13, 5},
    {"cccccccccc", 15, 5},           {"dddddddddd", 5, 5},
    {"eeeeeeeeee", 10, 1},           {"ffffffffff", 327680, 327680},
    {"gggggggggg", 655360, 327680},  {"hhhhhhhhhh", 700001, 327680},
    {"iiiiiiiiii", 200000, 65536},   {"jjjjjjjjjj", 200000, 65537},
    {"kkkkkkkkkk", 131072, 65536},   {"mmmmmmmmmm", 200000, 65535},
    {"nnnnnnnnnn", 1000000, 999999},
};

static void make_layouts(struct fixture *fix)
{
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
        char *bytes = make_bytes(i, layouts[i].len);
        foreign_file(fix->path, layouts[i].id, bytes, layouts[i].len, layouts[i].chunk_bytes,
                     i % 2 == 0 ? NEVER_TEXT : NULL);
        free(bytes);
    }
}

static void assert_layouts_measured(struct fixture *fix)
{
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
        char *bytes = make_bytes(i, layouts[i].len);
        assert_measured(fix, layouts[i].id, bytes, layouts[i].len);
        free(bytes);
    }
}

static void test_layouts(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, "0000000000", "ours", 4, 5, TEST_NOW_S, NEVER_S);
    make_layouts(fix);
    measure_all(fix, ARRAY_LEN(layouts));
    assert_layouts_measured(fix);
    assert_measured(fix, "0000000000", "ours", 4);
    /* All is known: now and after the next start. */
    measure_all(fix, 0);
    fixture_reopen(fix);
    measure_all(fix, 0);
    assert_layouts_measured(fix);
    assert_sound(fix->path);
}

static void test_nothing_to_do(void **state)
{
    struct fixture *fix = *state;
    measure_all(fix, 0);
    store_file(fix->store, "0000000000", "ours", 4, 5, TEST_NOW_S, NEVER_S);
    measure_all(fix, 0);
    measurer_free(NULL);
}

/* Who knows a size already wants the digest only. */
static void test_sizes_are_known(void **state)
{
    struct fixture *fix = *state;
    make_layouts(fix);
    sql_run(fix->path, "INSERT INTO ext_files (id, size) VALUES ('bbbbbbbbbb', 13),"
                       " ('hhhhhhhhhh', 700001)");
    measure_all(fix, ARRAY_LEN(layouts));
    assert_layouts_measured(fix);
}

/* Rows that have gone since the size was found out. */
static void test_other_size_than_recorded(void **state)
{
    struct fixture *fix = *state;
    foreign_file(fix->path, "aaaaaaaaaa", "0123456789", 10, 5, NULL);
    sql_run(fix->path, "INSERT INTO ext_files (id, size) VALUES ('aaaaaaaaaa', 11)");
    struct measuring m;
    measuring_start(&m, fix);
    assert_int_equal(measurer_work(m.measurer, 1000), ERR_CORRUPT);
    assert_string_equal(measurer_file(m.measurer), "aaaaaaaaaa");
    assert_int_equal(measurer_work(m.measurer, 1000), ERR_NOTFOUND);
    assert_int_equal(measurer_digests(m.measurer), 0);
    measuring_end(&m);
}

/* All sizes come before the first digest: they make the lists complete. */
static void test_sizes_first(void **state)
{
    struct fixture *fix = *state;
    make_layouts(fix);
    struct measuring m;
    measuring_start(&m, fix);
    m.clock.step_ms = 1;
    err_t err = ERR_OK;
    int64_t calls = 0;
    while (err == ERR_OK && measurer_digests(m.measurer) == 0) {
        err = measurer_work(m.measurer, 2);
        calls++;
    }
    gate_settle(fix->store);
    assert_int_equal(err, ERR_OK);
    assert_true(calls > (int64_t)ARRAY_LEN(layouts)); /* there were many looks at the clock */
    assert_int_equal(count_rows(fix, "sha256 IS NOT NULL"), 1);
    assert_int_equal(count_rows(fix, "1"), ARRAY_LEN(layouts));
    measuring_end(&m);
}

/* Files that come meanwhile are ours, and known; those that go leave nothing. */
static void test_changes_meanwhile(void **state)
{
    struct fixture *fix = *state;
    make_layouts(fix);
    struct measuring m;
    measuring_start(&m, fix);
    m.clock.step_ms = 1;
    err_t err = ERR_OK;
    for (int i = 0; err == ERR_OK; i++) {
        err = measurer_work(m.measurer, 2);
        if (i == 3) {
            store_file(fix->store, "zzzzzzzzzz", "ours", 4, 5, TEST_NOW_S, NEVER_S);
            assert_int_equal(remove_file(fix->store, "gggggggggg"), ERR_OK);
            assert_int_equal(purge_file(fix->store, "gggggggggg"), ERR_OK);
            assert_int_equal(edit_file(fix->store, "hhhhhhhhhh", "renamed", NEVER_S, NULL), ERR_OK);
        }
    }
    assert_int_equal(err, ERR_NOTFOUND);
    assert_int_equal(measurer_digests(m.measurer), ARRAY_LEN(layouts) - 1);
    measuring_end(&m);
    assert_int_equal(count_rows(fix, "id = 'gggggggggg'"), 0);
    assert_int_equal(count_rows(fix, "sha256 IS NULL"), 0);
    char *bytes = make_bytes(7, 700001);
    assert_measured(fix, "hhhhhhhhhh", bytes, 700001);
    free(bytes);
}

/* A file that its owner deletes is not damaged, though its rows go while they are read. */
static void test_deleted_meanwhile(void **state)
{
    struct fixture *fix = *state;
    enum { LEN = 20 * DOWNLOAD_BLOCK_BYTES };
    char *bytes = make_bytes(1, LEN);
    foreign_file(fix->path, "aaaaaaaaaa", bytes, LEN, DOWNLOAD_BLOCK_BYTES, NULL);
    foreign_file(fix->path, "bbbbbbbbbb", bytes, 5, 5, NULL);
    struct measuring m;
    measuring_start(&m, fix);
    m.clock.step_ms = 1;
    err_t err = ERR_OK;
    for (int i = 0; i < 4; i++) {
        err = measurer_work(m.measurer, 4); /* two or three steps of some twenty-five */
        assert_int_equal(err, ERR_OK);
    }
    assert_string_equal(measurer_file(m.measurer), "aaaaaaaaaa");
    assert_int_equal(remove_file(fix->store, "aaaaaaaaaa"), ERR_OK);
    assert_int_equal(purge_file(fix->store, "aaaaaaaaaa"), ERR_OK);
    bool damaged = false;
    while (err == ERR_OK || err == ERR_CORRUPT) {
        err = measurer_work(m.measurer, 4);
        damaged = damaged || err == ERR_CORRUPT;
    }
    assert_int_equal(err, ERR_NOTFOUND);
    measuring_end(&m);
    assert_measured(fix, "bbbbbbbbbb", bytes, 5);
    assert_int_equal(count_rows(fix, "1"), 1);
    free(bytes);
    assert_false(damaged);
}

/* ---- what it leaves out ---- */

static void test_expired_and_empty(void **state)
{
    struct fixture *fix = *state;
    foreign_file(fix->path, "aaaaaaaaaa", "0123456", 7, 5, "2025-12-31T23:59:59Z");
    foreign_file(fix->path, "bbbbbbbbbb", "0123456", 7, 5, "2026-01-01T00:00:00Z");
    foreign_file(fix->path, "cccccccccc", "0123456", 7, 5, "2026-01-01T00:00:01Z");
    foreign_file(fix->path, "dddddddddd", "", 0, 5, NULL);
    foreign_file(fix->path, "eeeeeeeeee", "0123456", 7, 5, NULL);
    measure_all(fix, 2);
    assert_sql(fix->path, "SELECT group_concat(id) FROM ext_files", "cccccccccc,eeeeeeeeee");
}

/* Damaged in every way; the others are measured all the same. Each is reported once. */
static void test_damaged(void **state)
{
    struct fixture *fix = *state;
    static const struct {
        const char *id;
        const char *damage;
        bool size_is_known; /* the layout can be read */
    } files[] = {
        {"bbbbbbbbbb", "DELETE FROM entries_data WHERE id = 'bbbbbbbbbb' AND chunk_index = 1",
         true},
        {"cccccccccc",
         "UPDATE entries_data SET chunk = x'3031' WHERE id = 'cccccccccc' AND chunk_index = 1",
         true},
        {"dddddddddd",
         "UPDATE entries_data SET chunk = x'' WHERE id = 'dddddddddd' AND chunk_index = 2", false},
        {"eeeeeeeeee", "DELETE FROM entries_data WHERE id = 'eeeeeeeeee' AND chunk_index = 0",
         false},
        {"ffffffffff",
         "UPDATE entries_data SET chunk = zeroblob(6) WHERE id = 'ffffffffff' AND chunk_index = 2",
         false},
        {"gggggggggg",
         "UPDATE entries_data SET chunk = x'' WHERE id = 'gggggggggg' AND chunk_index = 0", false},
    };
    foreign_file(fix->path, "aaaaaaaaaa", "0123456789ab", 12, 5, NULL);
    foreign_file(fix->path, "dddddddddz", "0123456789ab", 12, 5, NULL);
    foreign_file(fix->path, "zzzzzzzzzz", "0123456789ab", 12, 5, NULL);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        foreign_file(fix->path, files[i].id, "0123456789ab", 12, 5, NULL);
        sql_run(fix->path, "%s", files[i].damage);
    }
    struct measuring m;
    measuring_start(&m, fix);
    int reports[ARRAY_LEN(files)] = {0};
    err_t err = ERR_OK;
    while (err == ERR_OK || err == ERR_CORRUPT) {
        err = measurer_work(m.measurer, 1000);
        for (size_t i = 0; err == ERR_CORRUPT && i < ARRAY_LEN(files); i++) {
            reports[i] += strcmp(measurer_file(m.measurer), files[i].id) == 0;
        }
    }
    assert_int_equal(err, ERR_NOTFOUND);
    assert_int_equal(measurer_digests(m.measurer), 3);
    measuring_end(&m);
    static const char *const sound[] = {"aaaaaaaaaa", "dddddddddz", "zzzzzzzzzz"};
    for (size_t i = 0; i < ARRAY_LEN(sound); i++) {
        assert_measured(fix, sound[i], "0123456789ab", 12);
    }
    assert_int_equal(count_rows(fix, "sha256 IS NOT NULL"), 3);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char condition[64];
        (void)snprintf(condition, sizeof condition, "id = '%s'", files[i].id);
        assert_int_equal(count_rows(fix, condition), files[i].size_is_known);
        assert_true(reports[i] > 0);
    }
    /* "Skipped until the next start" */
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        if (reports[i] != 1) {
            fail_msg("%s: reported %d times", files[i].id, reports[i]);
        }
    }
}

/* ---- how much it takes ---- */

static void test_budget(void **state)
{
    struct fixture *fix = *state;
    enum { BLOCKS = 100, BUDGET = 10 };
    char *bytes = make_bytes(1, (size_t)BLOCKS * DOWNLOAD_BLOCK_BYTES);
    foreign_file(fix->path, "aaaaaaaaaa", bytes, (size_t)BLOCKS * DOWNLOAD_BLOCK_BYTES, CHUNK_BYTES,
                 NULL);
    struct measuring m;
    measuring_start(&m, fix);
    m.clock.step_ms = 1; /* every block takes a millisecond */
    /* No time, no work. */
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(measurer_work(m.measurer, 0), ERR_OK);
    }
    assert_string_equal(measurer_file(m.measurer), "");
    int64_t calls = 0;
    err_t err = ERR_OK;
    while (err == ERR_OK) {
        int64_t before = m.clock.mono_ms;
        err = measurer_work(m.measurer, BUDGET);
        calls++;
        assert_true(m.clock.mono_ms - before <= BUDGET + 2);
    }
    assert_int_equal(err, ERR_NOTFOUND);
    assert_in_range(calls, BLOCKS / BUDGET, 3 * BLOCKS / BUDGET);
    measuring_end(&m);
    assert_measured(fix, "aaaaaaaaaa", bytes, (size_t)BLOCKS * DOWNLOAD_BLOCK_BYTES);
    free(bytes);
}

/* The program stops in the middle of a file: nothing is half known, and the next start goes on. */
static void test_stop_in_the_middle(void **state)
{
    struct fixture *fix = *state;
    enum { LEN = 10 * DOWNLOAD_BLOCK_BYTES };
    char *bytes = make_bytes(1, LEN);
    foreign_file(fix->path, "aaaaaaaaaa", bytes, LEN, CHUNK_BYTES, NULL);
    foreign_file(fix->path, "bbbbbbbbbb", bytes, LEN, 50000, NULL);
    for (int64_t budget = 1; budget <= 12; budget++) {
        struct measuring m;
        measuring_start(&m, fix);
        m.clock.step_ms = 1;
        assert_int_equal(measurer_work(m.measurer, budget), ERR_OK);
        assert_int_equal(measurer_digests(m.measurer), 0);
        measuring_end(&m);
        assert_int_equal(count_rows(fix, "sha256 IS NOT NULL"), 0);
    }
    fixture_reopen(fix);
    measure_all(fix, 2);
    assert_measured(fix, "aaaaaaaaaa", bytes, LEN);
    assert_measured(fix, "bbbbbbbbbb", bytes, LEN);
    free(bytes);
}

/* ---- failures ---- */

static void test_no_memory(void **state)
{
    struct fixture *fix = *state;
    struct measurer *measurer = NULL;
    mem_fail_after(0);
    err_t err = measurer_new(fix->store, &fix->clock.clock, &measurer);
    mem_fail_after(-1);
    assert_int_equal(err, ERR_NOMEM);
    foreign_file(fix->path, "aaaaaaaaaa", "0123456789ab", 12, 5, NULL);
    foreign_file(fix->path, "bbbbbbbbbb", "0123456789ab", 12, 5, NULL);
    foreign_file(fix->path, "cccccccccc", "0123456789ab", 12, 5, NULL);
    /* Each allocation fails once; the file that it meets is skipped, until the next start. */
    int64_t n = 0;
    for (bool complete = false; !complete; n++) {
        struct measuring m;
        measuring_start(&m, fix);
        mem_fail_after(n);
        err_t first = measurer_work(m.measurer, 1000);
        mem_fail_after(-1);
        assert_true(first == ERR_NOMEM || first == ERR_NOTFOUND);
        err = first;
        while (err != ERR_NOTFOUND) {
            err = measurer_work(m.measurer, 1000);
            assert_true(err == ERR_OK || err == ERR_NOTFOUND);
        }
        int64_t digests = measurer_digests(m.measurer);
        assert_in_range(digests, first == ERR_NOTFOUND ? 3 : 2, 3);
        measuring_end(&m);
        assert_int_equal(count_rows(fix, "sha256 IS NOT NULL"), digests);
        sql_run(fix->path, "DELETE FROM ext_files");
        complete = first == ERR_NOTFOUND;
    }
    assert_true(n > 10);
}

/* What cannot be stored now is found out again after the next start. */
static void test_failing_disk(void **state)
{
    struct fixture *fix = *state;
    make_layouts(fix);
    static const enum fault_kind kinds[] = {FAULT_FULL, FAULT_IO};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct measuring m;
        measuring_start(&m, fix);
        fault_set(kinds[i], 0, true);
        err_t err = ERR_OK;
        while (err == ERR_OK) {
            err = measurer_work(m.measurer, 1000);
        }
        gate_settle(fix->store);
        fault_lift();
        measuring_end(&m);
        assert_int_equal(err, ERR_NOTFOUND);
        assert_int_equal(count_rows(fix, "1"), 0);
    }
    measure_all(fix, ARRAY_LEN(layouts));
    assert_layouts_measured(fix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_layouts),
        fixture_test(test_nothing_to_do),
        fixture_test(test_sizes_are_known),
        fixture_test(test_other_size_than_recorded),
        fixture_test(test_sizes_first),
        fixture_test(test_changes_meanwhile),
        fixture_test(test_deleted_meanwhile),
        fixture_test(test_expired_and_empty),
        fixture_test(test_damaged),
        fixture_test(test_budget),
        fixture_test(test_stop_in_the_middle),
        fixture_test(test_no_memory),
        fault_test(test_failing_disk),
    };
    return cmocka_run_group_tests(tests, fault_vfs_setup, NULL);
}
