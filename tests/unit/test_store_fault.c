/* A disk that is full or broken: what fails says so, nothing half-done can be seen, and when the
 * fault is gone everything works as if nothing had happened. */
#include "fault_vfs.h"
#include "picoshare/base/limits.h"
#include "store_support.h"
#include <pthread.h>

enum { CHUNKS = 5, LAST = 1000, SIZE = CHUNKS * CHUNK_BYTES + LAST };

static bool is_fault(enum fault_kind kind, err_t err)
{
    return kind == FAULT_FULL ? err == ERR_FULL || err == ERR_IO : err == ERR_IO;
}

/* Stores one large file as an upload does; the first failure ends it. */
static err_t store_large(struct store *store, struct store_draft *draft, const char *bytes)
{
    struct store_new_file file = {.draft = draft,
                                  .filename = "large",
                                  .content_type = "",
                                  .size = SIZE,
                                  .chunks = CHUNKS + 1,
                                  .last_chunk = slice_of(bytes + CHUNKS * CHUNK_BYTES, LAST)};
    err_t err = ERR_OK;
    for (int64_t i = 0; i < CHUNKS && err == ERR_OK; i++) {
        err = append_chunk(store, draft, i, bytes + i * CHUNK_BYTES, CHUNK_BYTES);
    }
    return err == ERR_OK ? publish_files(store, &file, 1, TEST_NOW_S, NEVER_S) : err;
}

static err_t discard_draft(struct store *store, struct store_draft *draft)
{
    struct store_discard discard;
    store_discard_init(&discard);
    discard.draft = draft;
    return store_run(store, &discard.job);
}

static void test_full_disk(void **state)
{
    struct fixture *fix = *state;
    char *bytes = make_bytes(1, SIZE);
    store_file(fix->store, "before", "still here", 10, 4, TEST_NOW_S, NEVER_S);
    fault_set(FAULT_FULL, 0, true);
    struct store_draft draft;
    store_draft_init(&draft, "abcdefghij");
    assert_int_equal(append_chunk(fix->store, &draft, 0, bytes, CHUNK_BYTES), ERR_FULL);
    struct store_new_file file = {.draft = &draft,
                                  .filename = "f",
                                  .content_type = "",
                                  .size = 1,
                                  .chunks = 1,
                                  .last_chunk = SLICE("x")};
    assert_int_equal(publish_files(fix->store, &file, 1, TEST_NOW_S, NEVER_S), ERR_FULL);
    assert_false(file_exists(fix->store, "abcdefghij"));
    assert_file(fix->store, "before", "still here", 10); /* reading needs no space */
    fault_lift();
    assert_int_equal(store_large(fix->store, &draft, bytes), ERR_OK);
    assert_file(fix->store, "abcdefghij", bytes, SIZE);
    assert_sound(fix->path);
    free(bytes);
}

static void test_failing_sync(void **state)
{
    struct fixture *fix = *state;
    struct store_draft draft;
    store_draft_init(&draft, "abcdefghij");
    assert_int_equal(append_chunk(fix->store, &draft, 0, "ab", 2), ERR_OK);
    fault_set(FAULT_IO, 0, true);
    fault.syncs_only = true;
    /* A chunk needs no flush and goes in; what promises to last does not. */
    assert_int_equal(append_chunk(fix->store, &draft, 1, "cd", 2), ERR_OK);
    struct store_new_file file = {
        .draft = &draft, .filename = "f", .content_type = "", .size = 4, .chunks = 2};
    assert_int_equal(publish_files(fix->store, &file, 1, TEST_NOW_S, NEVER_S), ERR_IO);
    assert_false(file_exists(fix->store, "abcdefghij"));
    fault_lift();
    assert_false(file_exists(fix->store, "abcdefghij"));
    assert_int_equal(publish_files(fix->store, &file, 1, TEST_NOW_S, NEVER_S), ERR_OK);
    assert_file(fix->store, "abcdefghij", "abcd", 4);
    fixture_reopen(fix);
    assert_file(fix->store, "abcdefghij", "abcd", 4);
    assert_sound(fix->path);
}

static _Atomic int distrusted_events;
static _Atomic int trusted_events;

static void count_event(enum store_event event)
{
    if (event == STORE_DISTRUSTED) {
        distrusted_events++;
    } else {
        trusted_events++;
    }
}

/* After a flush that failed nothing is promised until the log has been written again. */
static void test_nothing_is_promised_after_a_failed_sync(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, "before", "still here", 10, 4, TEST_NOW_S, NEVER_S);
    fixture_close(fix);
    fix->options.event = count_event;
    fixture_open(fix);
    distrusted_events = 0;
    trusted_events = 0;
    fault_set(FAULT_IO, 0, true);
    fault.syncs_only = true;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(remove_file(fix->store, "before"), ERR_IO);
        assert_int_equal(distrusted_events, 1); /* said once */
        struct store_draft draft;
        store_draft_init(&draft, "abcdefghij");
        assert_int_equal(append_chunk(fix->store, &draft, 0, "ab", 2), ERR_IO);
        assert_file(fix->store, "before", "still here", 10); /* reading goes on */
    }
    assert_int_equal(trusted_events, 0);
    fault_lift();
    assert_int_equal(edit_file(fix->store, "before", "new name", NEVER_S, NULL), ERR_OK);
    assert_int_equal(trusted_events, 1);
    assert_int_equal(distrusted_events, 1);
    fixture_reopen(fix);
    assert_file(fix->store, "before", "still here", 10);
    assert_sql(fix->path, "SELECT filename FROM entries", "new name");
    assert_sound(fix->path);
}

static _Atomic bool asks_for_figures;

/* Whether all answers were right. */
static void *ask_for_figures(void *arg)
{
    struct fixture *fix = arg;
    bool right = true;
    while (asks_for_figures) {
        struct store_figures figures;
        right = store_figures(fix->store, &figures) == ERR_OK && figures.page_bytes == 16384 &&
                figures.files == 1 && right;
    }
    return right ? fix : NULL;
}

/* Other threads read while all connections are opened again (ThreadSanitizer looks on). */
static void test_figures_after_a_failed_sync(void **state)
{
    struct fixture *fix = *state;
    pthread_t thread;
    void *right = NULL;
    int opened_again = 0;
    store_file(fix->store, "before", "still here", 10, 4, TEST_NOW_S, NEVER_S);
    asks_for_figures = true;
    assert_int_equal(pthread_create(&thread, NULL, ask_for_figures, fix), 0);
    for (int i = 0; i < 20; i++) {
        fault_set(FAULT_IO, 0, false);
        fault.syncs_only = true;
        bool failed = edit_file(fix->store, "before", "wrong", NEVER_S, NULL) == ERR_IO;
        fault_lift();
        opened_again += failed && edit_file(fix->store, "before", "right", NEVER_S, NULL) == ERR_OK;
    }
    asks_for_figures = false;
    assert_int_equal(pthread_join(thread, &right), 0);
    assert_int_equal(opened_again, 20);
    assert_non_null(right);
}

/* The disk breaks while the connections are opened again: reading fails, too, and all is well when
 * it is gone. */
static void test_failures_after_a_failed_sync(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, "before", "still here", 10, 4, TEST_NOW_S, NEVER_S);
    for (int64_t n = 0; n < 60; n++) {
        fault_set(FAULT_IO, 0, false);
        fault.syncs_only = true;
        assert_int_equal(edit_file(fix->store, "before", "wrong", NEVER_S, NULL), ERR_IO);
        fault_set(FAULT_IO, n, true); /* writes, too */
        err_t err = edit_file(fix->store, "before", "right", NEVER_S, NULL);
        assert_true(err == ERR_OK || err == ERR_IO);
        fault_lift();
        assert_int_equal(edit_file(fix->store, "before", "right", NEVER_S, NULL), ERR_OK);
        assert_file(fix->store, "before", "still here", 10);
    }
    assert_sound(fix->path);
}

/* Every operation of an upload fails once, or from there on, with either fault. */
static void sweep(struct fixture *fix, enum fault_kind kind, bool lasting)
{
    char *bytes = make_bytes(2, SIZE);
    bool reached_end = false;
    int met = 0;
    int failed = 0;
    for (int64_t n = 0; !reached_end; n += n < 40 ? 1 : scaled(7, 7, 28)) {
        assert_true(n < 3000);
        char id[ENTRY_ID_LEN + 1];
        (void)snprintf(id, sizeof id, "n%09d", (int)n);
        struct store_draft draft;
        store_draft_init(&draft, id);
        fault_set(kind, n, lasting);
        err_t err = store_large(fix->store, &draft, bytes);
        reached_end = fault.failures == 0;
        met += !reached_end;
        if (err == ERR_OK) {
            fault_lift();
            assert_file(fix->store, id, bytes, SIZE);
        } else {
            assert_true(fault.failures > 0 && is_fault(kind, err));
            assert_false(file_exists(fix->store, id));
            fault_lift();
            assert_false(file_exists(fix->store, id));
            /* Some chunks may have been stored; giving up removes them, a second try works. */
            assert_int_equal(discard_draft(fix->store, &draft), ERR_OK);
            assert_int_equal(store_large(fix->store, &draft, bytes), ERR_OK);
            assert_file(fix->store, id, bytes, SIZE);
            failed++;
        }
        sql_run(fix->path, "DELETE FROM ext_files; DELETE FROM entries; DELETE FROM entries_data");
    }
    assert_true(met >= 20);
    /* What finds a disk full that is no longer so is tried again, and passes. */
    assert_true(failed >= 20 || (kind == FAULT_FULL && !lasting));
    free(bytes);
    assert_sound(fix->path);
    fixture_reopen(fix);
    assert_sound(fix->path);
}

static void test_sweep_full_once(void **state)
{
    sweep(*state, FAULT_FULL, false);
}

static void test_sweep_full_lasting(void **state)
{
    sweep(*state, FAULT_FULL, true);
}

static void test_sweep_io_once(void **state)
{
    sweep(*state, FAULT_IO, false);
}

static void test_sweep_io_lasting(void **state)
{
    sweep(*state, FAULT_IO, true);
}

/* Removing under a full disk fails and can be done again. */
static void test_collect_on_a_full_disk(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, "expired", "0123456", 7, 5, TEST_NOW_S - 100, TEST_NOW_S - 1);
    store_file(fix->store, "kept", "0123456", 7, 5, TEST_NOW_S - 100, NEVER_S);
    fix->clock.step_ms = SLICE_MS; /* there is more to do when the first slice fails */
    fault_set(FAULT_FULL, 0, true);
    struct store_collect job;
    store_collect_init(&job);
    assert_int_equal(store_run(fix->store, &job.job), ERR_FULL);
    fault_lift();
    assert_sql(fix->path, "SELECT count(*) FROM entries", "2");
    assert_sql(fix->path, "SELECT count(*) FROM entries_data", "4");
    store_collect_init(&job);
    assert_int_equal(store_run(fix->store, &job.job), ERR_OK);
    assert_int_equal(job.entries_removed, 1);
    assert_sql(fix->path, "SELECT group_concat(id) FROM entries", "kept");
    assert_sql(fix->path, "SELECT count(*) FROM entries_data", "2");
}

/* Closing with a broken disk loses nothing that was promised. */
static void test_close_on_a_broken_disk(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, "abcdefghij", "0123456", 7, 5, TEST_NOW_S, NEVER_S);
    fault_set(FAULT_IO, 0, true);
    fixture_close(fix);
    fault_lift();
    fixture_open(fix);
    assert_file(fix->store, "abcdefghij", "0123456", 7);
    assert_sound(fix->path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fault_test(test_full_disk),
        fault_test(test_failing_sync),
        fault_test(test_nothing_is_promised_after_a_failed_sync),
        fault_test(test_figures_after_a_failed_sync),
        fault_test(test_failures_after_a_failed_sync),
        fault_test(test_sweep_full_once),
        fault_test(test_sweep_full_lasting),
        fault_test(test_sweep_io_once),
        fault_test(test_sweep_io_lasting),
        fault_test(test_collect_on_a_full_disk),
        fault_test(test_close_on_a_broken_disk),
    };
    return cmocka_run_group_tests(tests, fault_vfs_setup, NULL);
}
