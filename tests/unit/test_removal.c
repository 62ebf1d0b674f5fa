#include "fault_vfs.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/mem.h"
#include "picoshare/core/removal.h"
#include "store_support.h"
#include <pthread.h>

#define ID "abcdefghij"
#define ID2 "klmnopqrst"

enum { PATIENCE_S = 60 }; /* longer than any wait here, on a busy machine */

/* ---- who waits for a removal ---- */

struct waiter {
    struct removal *removal;
    sem_t woken;
    _Atomic int wakes;
    _Atomic bool closed;
    enum fault_kind break_disk; /* when it is woken */
};

static void wake_waiter(void *arg)
{
    struct waiter *waiter = arg;
    check(!waiter->closed);
    waiter->wakes++;
    if (waiter->break_disk != FAULT_NONE) {
        fault_set(waiter->break_disk, 0, true);
    }
    check(sem_post(&waiter->woken) == 0);
}

static err_t waiter_start(struct waiter *waiter, struct store *store, const char *id)
{
    waiter->removal = NULL;
    waiter->wakes = 0;
    waiter->closed = false;
    check(sem_init(&waiter->woken, 0, 0) == 0);
    return removal_start(store, id, wake_waiter, waiter, &waiter->removal);
}

/* Waits for the outcome. */
static err_t waiter_await(struct waiter *waiter)
{
    struct timespec until;
    check(clock_gettime(CLOCK_REALTIME, &until) == 0);
    until.tv_sec += PATIENCE_S;
    err_t result = ERR_INTERNAL;
    while (!removal_done(waiter->removal, &result)) {
        check(sem_timedwait(&waiter->woken, &until) == 0);
    }
    return result;
}

static void waiter_close(struct waiter *waiter)
{
    removal_close(TAKE(waiter->removal));
    waiter->closed = true;
}

/* ---- what is left ---- */

static void assert_nothing_left(struct fixture *fix)
{
    assert_sql(fix->path,
               "SELECT (SELECT count(*) FROM entries) || (SELECT count(*) FROM entries_data) ||"
               " (SELECT count(*) FROM downloads) || (SELECT count(*) FROM ext_files)",
               "0000");
}

/* The rows of a removed file are the last that goes of it. */
static void await_purged(struct fixture *fix, const char *id)
{
    char rows[24] = "";
    for (int i = 0; i < PATIENCE_S * 100 && strcmp(rows, "0") != 0; i++) {
        sleep_ms(i > 0 ? 10 : 0);
        sql_ask(fix->path, rows, sizeof rows, "SELECT count(*) FROM entries_data WHERE id = %Q",
                id);
    }
    assert_string_equal(rows, "0");
}

/* A file with a history too long for one job, in some rows. */
static void make_file(struct fixture *fix, const char *id)
{
    char bytes[64];
    memset(bytes, 'x', sizeof bytes);
    store_file(fix->store, id, bytes, sizeof bytes, 2, TEST_NOW_S, NEVER_S);
    add_history(fix->path, id, 2500, TEST_NOW_S);
}

/* ---- the tests ---- */

static void test_done_and_gone(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, ID2, "stays", 5, 5, TEST_NOW_S, NEVER_S);
    make_file(fix, ID);
    struct waiter waiter = {.break_disk = FAULT_NONE};
    struct gate gate;
    gate_shut(&gate, fix->store);
    assert_int_equal(waiter_start(&waiter, fix->store, ID), ERR_OK);
    err_t result = ERR_INTERNAL;
    bool done = removal_done(waiter.removal, &result);
    int wakes = waiter.wakes;
    gate_open(&gate);
    assert_false(done);
    assert_int_equal(wakes, 0);
    assert_int_equal(waiter_await(&waiter), ERR_OK);
    struct store_entry entry;
    if (store_find_entry(fix->store, ID, &entry) == ERR_OK) {
        assert_true(entry.expiration_time <= TEST_NOW_S);
        store_entry_done(&entry);
    }
    /* The rows go on their own, whether somebody still looks or not. */
    await_purged(fix, ID);
    assert_sql(fix->path,
               "SELECT (SELECT group_concat(id) FROM entries) || (SELECT count(*) FROM downloads)",
               ID2 "0");
    assert_int_equal(waiter.wakes, 1);
    assert_true(removal_done(waiter.removal, &result));
    assert_int_equal(result, ERR_OK);
    waiter_close(&waiter);
    assert_file(fix->store, ID2, "stays", 5);
    assert_sound(fix->path);
}

static void test_unknown(void **state)
{
    struct fixture *fix = *state;
    static const char *const ids[] = {"BBBBBBBBBB", ""};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct waiter waiter = {.break_disk = FAULT_NONE};
        assert_int_equal(waiter_start(&waiter, fix->store, ids[i]), ERR_OK);
        assert_int_equal(waiter_await(&waiter), ERR_OK);
        waiter_close(&waiter);
    }
    removal_close(NULL);
}

/* The client that asked has gone: the file goes all the same, and nobody is woken. */
static void test_close_before_done(void **state)
{
    struct fixture *fix = *state;
    make_file(fix, ID);
    struct waiter waiter = {.break_disk = FAULT_NONE};
    struct gate gate;
    gate_shut(&gate, fix->store);
    assert_int_equal(waiter_start(&waiter, fix->store, ID), ERR_OK);
    waiter_close(&waiter);
    gate_open(&gate);
    await_purged(fix, ID);
    assert_nothing_left(fix);
    assert_int_equal(waiter.wakes, 0);
}

/* It closes when it knows, while the rows are still there. */
static void test_close_before_purge(void **state)
{
    struct fixture *fix = *state;
    make_file(fix, ID);
    fix->clock.step_ms = SLICE_MS / 2; /* many slices */
    struct waiter waiter = {.break_disk = FAULT_NONE};
    assert_int_equal(waiter_start(&waiter, fix->store, ID), ERR_OK);
    err_t result = waiter_await(&waiter);
    waiter_close(&waiter);
    fix->clock.step_ms = 0;
    assert_int_equal(result, ERR_OK);
    await_purged(fix, ID);
    assert_nothing_left(fix);
}

/* Twice at the same time: one of them finds nothing, which is fine. */
static void test_twice(void **state)
{
    struct fixture *fix = *state;
    make_file(fix, ID);
    struct waiter waiters[2] = {{.break_disk = FAULT_NONE}, {.break_disk = FAULT_NONE}};
    for (size_t i = 0; i < ARRAY_LEN(waiters); i++) {
        assert_int_equal(waiter_start(&waiters[i], fix->store, ID), ERR_OK);
    }
    for (size_t i = 0; i < ARRAY_LEN(waiters); i++) {
        assert_int_equal(waiter_await(&waiters[i]), ERR_OK);
        waiter_close(&waiters[i]);
    }
    await_purged(fix, ID);
    assert_nothing_left(fix);
}

static void test_no_wake(void **state)
{
    struct fixture *fix = *state;
    make_file(fix, ID);
    struct removal *removal = NULL;
    err_t result = ERR_INTERNAL;
    assert_int_equal(removal_start(fix->store, ID, NULL, NULL, &removal), ERR_OK);
    for (int i = 0; i < PATIENCE_S * 1000 && !removal_done(removal, &result); i++) {
        sleep_ms(1);
    }
    assert_true(removal_done(removal, &result));
    assert_int_equal(result, ERR_OK);
    removal_close(removal);
    await_purged(fix, ID);
    assert_nothing_left(fix);
}

/* A disk that refuses: the file is as it was. */
static void test_store_fails(void **state)
{
    static const struct {
        enum fault_kind kind;
        err_t err;
    } cases[] = {{FAULT_FULL, ERR_FULL}, {FAULT_IO, ERR_IO}};
    struct fixture *fix = *state;
    make_file(fix, ID);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct waiter waiter = {.break_disk = FAULT_NONE};
        fault_set(cases[i].kind, 0, true);
        err_t started = waiter_start(&waiter, fix->store, ID);
        err_t result = started == ERR_OK ? waiter_await(&waiter) : started;
        fault_lift();
        gate_settle(fix->store); /* nothing is purged */
        assert_int_equal(result, cases[i].err);
        assert_int_equal(waiter.wakes, 1);
        waiter_close(&waiter);
        struct store_entry entry;
        assert_int_equal(store_find_entry(fix->store, ID, &entry), ERR_OK);
        assert_int_equal(entry.expiration_time, NEVER_S);
        assert_int_equal(entry.size, 64);
        store_entry_done(&entry);
        assert_sql(fix->path, "SELECT count(*) FROM downloads", "2500");
        assert_sql(fix->path, "SELECT count(*) FROM entries_data", "32");
    }
    /* Whoever closes at once leaves nothing either. */
    struct waiter waiter = {.break_disk = FAULT_NONE};
    struct gate gate;
    gate_shut(&gate, fix->store);
    assert_int_equal(waiter_start(&waiter, fix->store, ID), ERR_OK);
    waiter_close(&waiter);
    fault_set(FAULT_IO, 0, true);
    gate_open(&gate);
    gate_settle(fix->store);
    fault_lift();
    assert_true(file_exists(fix->store, ID));
    assert_int_equal(waiter_start(&waiter, fix->store, ID), ERR_OK);
    assert_int_equal(waiter_await(&waiter), ERR_OK);
    waiter_close(&waiter);
    await_purged(fix, ID);
    assert_nothing_left(fix);
}

/* The disk breaks when the file is gone and its rows are not: the next collection takes them. */
static void test_purge_fails(void **state)
{
    struct fixture *fix = *state;
    static const enum fault_kind kinds[] = {FAULT_FULL, FAULT_IO};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        make_file(fix, ID);
        struct waiter waiter = {.break_disk = kinds[i]};
        assert_int_equal(waiter_start(&waiter, fix->store, ID), ERR_OK);
        err_t result = waiter_await(&waiter);
        waiter_close(&waiter);
        for (int k = 0; k < PATIENCE_S * 100 && fault.failures == 0; k++) {
            sleep_ms(10);
        }
        /* The purge has come back when another job of its lane has had its turn. */
        struct store_job job = {.run = run_nothing, .lane = STORE_IDLE};
        err_t ran = store_run(fix->store, &job);
        fault_lift();
        /* Unless a flush has failed, and nothing may be changed. */
        assert_true(ran == ERR_OK || ran == ERR_IO || ran == ERR_FULL);
        assert_int_equal(result, ERR_OK);
        assert_true(fault.failures > 0);
        assert_sql(fix->path, "SELECT count(*) FROM entries_data", "32");
        assert_sql(fix->path, "SELECT unixepoch(expiration_time) < 1767225600 FROM entries", "1");
        collect_all(fix->store);
        assert_nothing_left(fix);
    }
}

static void test_no_memory(void **state)
{
    struct fixture *fix = *state;
    make_file(fix, ID);
    struct removal *removal = NULL;
    mem_fail_after(0);
    err_t err = removal_start(fix->store, ID, NULL, NULL, &removal);
    mem_fail_after(-1);
    assert_int_equal(err, ERR_NOMEM);
    assert_null(removal);
    gate_settle(fix->store);
    assert_true(file_exists(fix->store, ID));
}

/* A program that stops frees every removal, however far it has come. */
static void test_store_closes(void **state)
{
    struct fixture *fix = *state;
    enum { FILES = 6 };
    char ids[FILES][ENTRY_ID_LEN + 1];
    for (int i = 0; i < FILES; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "file%06d", i);
        make_file(fix, ids[i]);
    }
    fix->clock.step_ms = SLICE_MS / 2;
    struct waiter waiters[FILES] = {{.break_disk = FAULT_NONE}};
    for (int i = 0; i < FILES; i++) {
        assert_int_equal(waiter_start(&waiters[i], fix->store, ids[i]), ERR_OK);
        if (i % 2 == 0) {
            waiter_close(&waiters[i]);
        }
    }
    fixture_close(fix); /* nobody frees a removal but itself: a leak would be seen */
    fix->clock.step_ms = 0;
    for (int i = 1; i < FILES; i += 2) {
        err_t result = ERR_INTERNAL;
        assert_true(removal_done(waiters[i].removal, &result));
        assert_int_equal(result, ERR_OK);
        waiter_close(&waiters[i]);
    }
    fixture_open(fix);
    collect_all(fix->store);
    assert_nothing_left(fix);
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 15 };

struct remover {
    struct fixture *fix;
    int number;
};

static void thread_id(char id[ENTRY_ID_LEN + 1], int number, int round)
{
    (void)snprintf(id, ENTRY_ID_LEN + 1, "t%dr%07d", number, round);
}

/* Runs in a thread, where cmocka's asserts may not be used. */
static void *remover_main(void *arg)
{
    struct remover *remover = arg;
    for (int round = 0; round < ROUNDS; round++) {
        char id[ENTRY_ID_LEN + 1];
        thread_id(id, remover->number, round);
        struct waiter waiter = {.break_disk = FAULT_NONE};
        check(waiter_start(&waiter, remover->fix->store, id) == ERR_OK);
        if ((round + remover->number) % 3 != 0) {
            check(waiter_await(&waiter) == ERR_OK);
        }
        waiter_close(&waiter);
        if (round % 2 == 0) {
            sleep_ms(1);
        }
        struct store_entry entry;
        if (store_find_entry(remover->fix->store, id, &entry) == ERR_OK) {
            store_entry_done(&entry);
        }
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct fixture *fix = *state;
    for (int i = 0; i < THREADS; i++) {
        for (int round = 0; round < ROUNDS; round++) {
            char id[ENTRY_ID_LEN + 1];
            thread_id(id, i, round);
            store_file(fix->store, id, "0123456789", 10, 1, TEST_NOW_S, NEVER_S);
        }
    }
    pthread_t threads[THREADS];
    struct remover removers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        removers[i] = (struct remover){fix, i};
        assert_int_equal(pthread_create(&threads[i], NULL, remover_main, &removers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        for (int round = 0; round < ROUNDS; round++) {
            char id[ENTRY_ID_LEN + 1];
            thread_id(id, i, round);
            await_purged(fix, id);
        }
    }
    assert_nothing_left(fix);
    assert_sound(fix->path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_done_and_gone),
        fixture_test(test_unknown),
        fixture_test(test_close_before_done),
        fixture_test(test_close_before_purge),
        fixture_test(test_twice),
        fixture_test(test_no_wake),
        fault_test(test_store_fails),
        fault_test(test_purge_fails),
        fixture_test(test_no_memory),
        fixture_test(test_store_closes),
        fault_test(test_threads),
    };
    return cmocka_run_group_tests(tests, fault_vfs_setup, NULL);
}
