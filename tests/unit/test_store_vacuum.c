#include "fault_vfs.h"
#include "picoshare/base/limits.h"
#include "store_support.h"
#include <sys/stat.h>

#define KEPT "keptkept22"

enum { FILE_BYTES = 2 * 1024 * 1024, KEPT_BYTES = 300000 };

static int64_t file_bytes(const struct fixture *fix)
{
    struct stat st;
    assert_int_equal(stat(fix->path, &st), 0);
    return st.st_size;
}

static int64_t pragma(const struct fixture *fix, const char *name)
{
    char text[24];
    sql_ask(fix->path, text, sizeof text, "PRAGMA %s", name);
    int64_t value = 0;
    for (const char *p = text; *p != '\0'; p++) {
        assert_in_range(*p, '0', '9');
        value = value * 10 + (*p - '0');
    }
    return value;
}

/* Stores files, of which one stays, and removes the others: free pages, also in the middle. */
static void make_free_pages(struct fixture *fix)
{
    char *bytes = make_bytes(1, FILE_BYTES);
    store_file(fix->store, "before2222", bytes, FILE_BYTES, CHUNK_BYTES, TEST_NOW_S, NEVER_S);
    store_file(fix->store, KEPT, bytes, KEPT_BYTES, CHUNK_BYTES, TEST_NOW_S, NEVER_S);
    store_file(fix->store, "after22222", bytes, FILE_BYTES, CHUNK_BYTES, TEST_NOW_S, NEVER_S);
    static const char *const ids[] = {"before2222", "after22222"};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        assert_int_equal(remove_file(fix->store, ids[i]), ERR_OK);
        assert_int_equal(purge_file(fix->store, ids[i]), ERR_OK);
    }
    free(bytes);
}

static void assert_kept(struct fixture *fix)
{
    char *bytes = make_bytes(1, FILE_BYTES);
    assert_file(fix->store, KEPT, bytes, KEPT_BYTES);
    free(bytes);
    assert_sound(fix->path);
}

static err_t vacuum(struct fixture *fix, int64_t *ret_freed)
{
    struct store_vacuum job;
    store_vacuum_init(&job);
    err_t err = store_run(fix->store, &job.job);
    *ret_freed = job.pages_freed;
    return err;
}

/* As PicoShare makes them, or with mode 1. */
static void set_auto_vacuum(struct fixture *fix, int mode)
{
    fixture_close(fix);
    sql_run(fix->path, "PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = %d; VACUUM", mode);
    fixture_open(fix);
}

static void test_file_shrinks(void **state)
{
    struct fixture *fix = *state;
    make_free_pages(fix);
    fixture_reopen(fix); /* what is in the log comes into the file */
    int64_t page = pragma(fix, "page_size");
    int64_t before = file_bytes(fix);
    int64_t free_pages = pragma(fix, "freelist_count");
    assert_true(free_pages * page >= 2 * FILE_BYTES);
    int64_t freed = -1;
    assert_int_equal(vacuum(fix, &freed), ERR_OK);
    assert_int_equal(freed, free_pages);
    assert_int_equal(pragma(fix, "freelist_count"), 0);
    assert_kept(fix);
    fixture_reopen(fix);
    /* Pages of the pointer map may go on top. */
    assert_true(file_bytes(fix) <= before - freed * page);
    assert_true(file_bytes(fix) < 2 * KEPT_BYTES + 100000);
    assert_kept(fix);
    /* Nothing is left to do. */
    assert_int_equal(vacuum(fix, &freed), ERR_OK);
    assert_int_equal(freed, 0);
    /* The file grows again as needed. */
    store_file(fix->store, "after22222", "new", 3, 5, TEST_NOW_S, NEVER_S);
    assert_file(fix->store, "after22222", "new", 3);
    assert_kept(fix);
}

static void test_new_file(void **state)
{
    struct fixture *fix = *state;
    int64_t freed = -1;
    assert_int_equal(vacuum(fix, &freed), ERR_OK);
    assert_int_equal(freed, 0);
}

/* A little at a time, and others get their turn in between. */
static void test_slices(void **state)
{
    struct fixture *fix = *state;
    make_free_pages(fix);
    fix->clock.step_ms = SLICE_MS / 2; /* a slice is over when the clock is looked at again */
    struct turns turns;
    turns_start(&turns, fix->store);
    int64_t freed = 0;
    err_t err = vacuum(fix, &freed);
    int64_t taken = turns_stop(&turns);
    fix->clock.step_ms = 0;
    assert_int_equal(err, ERR_OK);
    assert_true(freed * pragma(fix, "page_size") >= 2 * FILE_BYTES);
    assert_true(taken >= freed / 16);
    assert_int_equal(pragma(fix, "freelist_count"), 0);
    assert_kept(fix);
}

/* However slow the machine is: each slice gives something back. */
static void test_always_gets_on(void **state)
{
    struct fixture *fix = *state;
    make_free_pages(fix);
    struct store_vacuum job;
    store_vacuum_init(&job);
    bool done = gets_on_under_load(fix, &job.job);
    assert_true(done);
}

static void test_close_in_the_middle(void **state)
{
    struct fixture *fix = *state;
    make_free_pages(fix);
    fix->clock.step_ms = SLICE_MS / 2;
    struct store_vacuum job;
    struct pending pending;
    store_vacuum_init(&job);
    pending_submit(&pending, fix->store, &job.job);
    fixture_close(fix);
    fix->clock.step_ms = 0;
    assert_true(pending.done);
    if (job.job.result != ERR_OK) { /* or it was quicker than we were */
        assert_int_equal(job.job.result, ERR_CLOSED);
    }
    fixture_open(fix);
    assert_kept(fix);
    int64_t freed = 0;
    assert_int_equal(vacuum(fix, &freed), ERR_OK);
    assert_int_equal(pragma(fix, "freelist_count"), 0);
}

static void assert_nothing_done(struct fixture *fix)
{
    int64_t free_pages = pragma(fix, "freelist_count");
    int64_t pages = pragma(fix, "page_count");
    int64_t freed = -1;
    assert_true(free_pages > 0);
    assert_int_equal(vacuum(fix, &freed), ERR_INVALID);
    assert_int_equal(freed, 0);
    assert_int_equal(pragma(fix, "freelist_count"), free_pages);
    assert_int_equal(pragma(fix, "page_count"), pages);
    assert_kept(fix);
}

static void test_without_auto_vacuum(void **state)
{
    struct fixture *fix = *state;
    set_auto_vacuum(fix, 0);
    make_free_pages(fix);
    assert_nothing_done(fix);
}

static void test_beside_litestream(void **state)
{
    struct fixture *fix = *state;
    make_free_pages(fix);
    fixture_close(fix);
    fix->options.foreign_checkpoints = true;
    fixture_open(fix);
    assert_nothing_done(fix);
}

/* With auto_vacuum=FULL every commit gives its pages back itself. */
static void test_full_auto_vacuum(void **state)
{
    struct fixture *fix = *state;
    set_auto_vacuum(fix, 1);
    make_free_pages(fix);
    int64_t freed = -1;
    assert_int_equal(vacuum(fix, &freed), ERR_OK);
    assert_int_equal(freed, 0);
    assert_int_equal(pragma(fix, "freelist_count"), 0);
    assert_kept(fix);
}

/* A program that reads meanwhile keeps its view, and the pages it sees; when it has ended, the file
 * shrinks without anybody asking for something. */
static void test_beside_a_reader(void **state)
{
    enum { WAIT_MS = 30000 };
    struct fixture *fix = *state;
    make_free_pages(fix);
    fixture_reopen(fix); /* what is in the log comes into the file */
    sqlite3 *db = sql_open(fix->path);
    assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM entries", NULL, NULL, NULL),
                     SQLITE_OK);
    int64_t freed = 0;
    assert_int_equal(vacuum(fix, &freed), ERR_OK);
    assert_true(freed > 0);
    assert_true(file_bytes(fix) >= 2 * FILE_BYTES);
    assert_int_equal(
        sqlite3_exec(db, "SELECT sum(length(chunk)) FROM entries_data; COMMIT", NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    for (int waited_ms = 0; file_bytes(fix) >= 2 * FILE_BYTES; waited_ms += 10) {
        assert_true(waited_ms < WAIT_MS);
        sleep_ms(10);
    }
    assert_kept(fix);
}

static void test_failing_disk(void **state)
{
    static const struct {
        enum fault_kind kind;
        err_t err;
    } cases[] = {{FAULT_FULL, ERR_FULL}, {FAULT_IO, ERR_IO}};
    struct fixture *fix = *state;
    make_free_pages(fix);
    int64_t free_pages = pragma(fix, "freelist_count");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t freed = 0;
        fault_set(cases[i].kind, 0, true);
        err_t err = vacuum(fix, &freed);
        fault_lift();
        assert_int_equal(err, cases[i].err);
        assert_int_equal(pragma(fix, "freelist_count"), free_pages);
        assert_kept(fix);
    }
    int64_t freed = 0;
    assert_int_equal(vacuum(fix, &freed), ERR_OK);
    assert_int_equal(freed, free_pages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_file_shrinks),
        fixture_test(test_new_file),
        fixture_test(test_slices),
        fixture_test(test_always_gets_on),
        fixture_test(test_close_in_the_middle),
        fixture_test(test_without_auto_vacuum),
        fixture_test(test_beside_litestream),
        fixture_test(test_full_auto_vacuum),
        fixture_test(test_beside_a_reader),
        fault_test(test_failing_disk),
    };
    return cmocka_run_group_tests(tests, fault_vfs_setup, NULL);
}
