#include "picoshare/base/limits.h"
#include "picoshare/base/mem.h"
#include "picoshare/core/chunkpool.h"
#include "support.h"
#include <pthread.h>

struct guest {
    struct chunk_user user;
    _Atomic int wakes;
};

static void note_wake(struct chunk_user *user)
{
    CONTAINER_OF(user, struct guest, user)->wakes++;
}

static void join(struct chunkpool *pool, struct guest *guest, const char *client)
{
    guest->wakes = 0;
    chunkpool_join(pool, &guest->user, client, false, note_wake);
}

static void join_guest(struct chunkpool *pool, struct guest *guest, const char *client)
{
    guest->wakes = 0;
    chunkpool_join(pool, &guest->user, client, true, note_wake);
}

static struct chunkpool *new_pool(size_t buffers)
{
    struct chunkpool *pool = NULL;
    assert_int_equal(chunkpool_new(buffers, &pool), ERR_OK);
    assert_int_equal(chunkpool_used(pool), 0);
    return pool;
}

static void test_budget(void **state)
{
    (void)state;
    struct chunkpool *pool = new_pool(4);
    struct guest guest;
    join(pool, &guest, "a");
    char *buffers[4];
    for (int i = 0; i < 4; i++) {
        buffers[i] = chunkpool_take(pool, &guest.user, 0);
        assert_non_null(buffers[i]);
        assert_int_equal(chunkpool_used(pool), i + 1);
        memset(buffers[i], 'a' + i, CHUNK_BYTES);
    }
    assert_null(chunkpool_take(pool, &guest.user, 0));
    for (int i = 0; i < 4; i++) {
        /* Each is whole and its own. */
        assert_int_equal(buffers[i][0], 'a' + i);
        assert_int_equal(buffers[i][CHUNK_BYTES - 1], 'a' + i);
    }
    assert_int_equal(guest.wakes, 0);
    chunkpool_give(pool, &guest.user, buffers[3]);
    assert_int_equal(guest.wakes, 1); /* it was in line itself */
    assert_int_equal(chunkpool_used(pool), 4);
    assert_ptr_equal(chunkpool_take(pool, &guest.user, 0), buffers[3]);
    for (int i = 0; i < 4; i++) {
        chunkpool_give(pool, &guest.user, buffers[i]);
    }
    assert_int_equal(chunkpool_used(pool), 0);
    assert_int_equal(guest.wakes, 1);
    chunkpool_leave(pool, &guest.user);
    chunkpool_free(pool);
}

/* The buffer used last is taken first, so that few of them become resident. */
static void test_reuse(void **state)
{
    (void)state;
    struct chunkpool *pool = new_pool(10);
    struct guest guest;
    join(pool, &guest, "a");
    void *first = chunkpool_take(pool, &guest.user, 0);
    void *second = chunkpool_take(pool, &guest.user, 0);
    chunkpool_give(pool, &guest.user, first);
    assert_ptr_equal(chunkpool_take(pool, &guest.user, 0), first);
    chunkpool_give(pool, &guest.user, second);
    chunkpool_give(pool, &guest.user, first);
    assert_ptr_equal(chunkpool_take(pool, &guest.user, 0), first);
    chunkpool_give(pool, &guest.user, first);
    chunkpool_leave(pool, &guest.user);
    chunkpool_free(pool);
}

static void test_first_come_first_served(void **state)
{
    (void)state;
    struct chunkpool *pool = new_pool(1);
    struct guest holder;
    struct guest line[3];
    struct guest newcomer;
    join(pool, &holder, "h");
    void *buffer = chunkpool_take(pool, &holder.user, 0);
    /* They join in another order than they get in line. */
    for (int i = 0; i < 3; i++) {
        join(pool, &line[i], "x");
    }
    static const int order[] = {1, 2, 0};
    for (int i = 0; i < 3; i++) {
        assert_null(chunkpool_take(pool, &line[order[i]].user, 0));
    }
    assert_null(chunkpool_take(pool, &line[1].user, 0)); /* asking again does not lose the place */
    join(pool, &newcomer, "n");
    chunkpool_give(pool, &holder.user, buffer);
    for (int i = 0; i < 3; i++) {
        struct guest *served = &line[order[i]];
        /* Set aside for one of them: it is in use, and a newcomer cannot take it away. */
        assert_int_equal(chunkpool_used(pool), 1);
        assert_int_equal(served->wakes, 1);
        for (int k = i + 1; k < 3; k++) {
            assert_int_equal(line[order[k]].wakes, 0);
            assert_null(chunkpool_take(pool, &line[order[k]].user, 0));
        }
        assert_null(chunkpool_take(pool, &newcomer.user, 0));
        assert_ptr_equal(chunkpool_take(pool, &served->user, 0), buffer);
        chunkpool_give(pool, &served->user, buffer);
    }
    assert_int_equal(newcomer.wakes, 1);
    assert_ptr_equal(chunkpool_take(pool, &newcomer.user, 0), buffer);
    chunkpool_give(pool, &newcomer.user, buffer);
    assert_int_equal(chunkpool_used(pool), 0);
    chunkpool_leave(pool, &holder.user);
    chunkpool_leave(pool, &newcomer.user);
    for (int i = 0; i < 3; i++) {
        chunkpool_leave(pool, &line[i].user);
    }
    chunkpool_free(pool);
}

static void test_share_of_a_client(void **state)
{
    (void)state;
    enum { BUFFERS = CLIENT_MAX_BUFFERS + 2 };
    struct chunkpool *pool = new_pool(BUFFERS);
    /* One client with two uploads, and others. */
    struct guest greedy[2];
    struct guest other;
    struct guest third;
    join(pool, &greedy[0], "192.0.2.1");
    join(pool, &greedy[1], "192.0.2.1");
    join(pool, &other, "192.0.2.10"); /* not the same, though it begins like it */
    join(pool, &third, "192.0.2.3");
    void *taken[CLIENT_MAX_BUFFERS];
    for (int i = 0; i < CLIENT_MAX_BUFFERS; i++) {
        taken[i] = chunkpool_take(pool, &greedy[i % 2].user, 0);
        assert_non_null(taken[i]);
    }
    assert_null(chunkpool_take(pool, &greedy[0].user, 0));
    assert_null(chunkpool_take(pool, &greedy[1].user, 0));
    void *others[2];
    others[0] = chunkpool_take(pool, &other.user, 0);
    others[1] = chunkpool_take(pool, &other.user, 0);
    assert_true(others[0] != NULL && others[1] != NULL);
    assert_null(chunkpool_take(pool, &third.user, 0));
    /* A free buffer passes over those who have their share, though they came first. */
    chunkpool_give(pool, &other.user, others[1]);
    assert_int_equal(greedy[0].wakes + greedy[1].wakes, 0);
    assert_int_equal(third.wakes, 1);
    assert_ptr_equal(chunkpool_take(pool, &third.user, 0), others[1]);
    chunkpool_give(pool, &third.user, others[1]);
    assert_int_equal(greedy[0].wakes + greedy[1].wakes, 0);
    assert_int_equal(chunkpool_used(pool), BUFFERS - 1);
    /* One of its own that comes back serves its next; what is set aside counts too. */
    chunkpool_give(pool, &greedy[1].user, taken[1]);
    assert_int_equal(greedy[0].wakes, 1);
    assert_int_equal(greedy[1].wakes, 0);
    taken[1] = chunkpool_take(pool, &greedy[0].user, 0);
    assert_non_null(taken[1]);
    chunkpool_give(pool, &greedy[0].user, taken[1]);
    assert_int_equal(greedy[1].wakes, 1);
    taken[1] = chunkpool_take(pool, &greedy[1].user, 0);
    assert_non_null(taken[1]);
    for (int i = 0; i < CLIENT_MAX_BUFFERS; i++) {
        chunkpool_give(pool, &greedy[i % 2].user, taken[i]);
    }
    chunkpool_give(pool, &other.user, others[0]);
    assert_int_equal(chunkpool_used(pool), 0);
    chunkpool_leave(pool, &greedy[0].user);
    chunkpool_leave(pool, &greedy[1].user);
    chunkpool_leave(pool, &other.user);
    chunkpool_leave(pool, &third.user);
    chunkpool_free(pool);
}

/* Of several in line the next is whose client holds the least. */
static void test_least_first(void **state)
{
    (void)state;
    struct chunkpool *pool = new_pool(3);
    struct guest rich;
    struct guest greedy;
    struct guest poor;
    void *buffers[3];
    join(pool, &rich, "r");
    join(pool, &greedy, "r");
    join(pool, &poor, "p");
    for (int i = 0; i < 3; i++) {
        buffers[i] = chunkpool_take(pool, &rich.user, 0);
    }
    assert_null(chunkpool_take(pool, &greedy.user, 0)); /* first in line */
    assert_null(chunkpool_take(pool, &poor.user, 0));
    chunkpool_give(pool, &rich.user, buffers[0]);
    assert_int_equal(greedy.wakes, 0);
    assert_int_equal(poor.wakes, 1);
    chunkpool_give(pool, &rich.user, buffers[1]);
    assert_int_equal(greedy.wakes, 1);
    chunkpool_leave(pool, &poor.user);
    chunkpool_leave(pool, &greedy.user);
    chunkpool_give(pool, &rich.user, buffers[2]);
    chunkpool_leave(pool, &rich.user);
    chunkpool_free(pool);
}

/* Guests at any number of addresses leave some to the owner, also when they wait. */
static void test_owners_reserve(void **state)
{
    (void)state;
    enum { FOR_GUESTS = 3, BUFFERS = FOR_GUESTS + OWNER_BUFFERS };
    struct chunkpool *pool = new_pool(BUFFERS);
    struct guest guests[FOR_GUESTS + 1];
    struct guest owner;
    void *buffers[BUFFERS];
    char name[2] = "a";
    for (int i = 0; i <= FOR_GUESTS; i++, name[0]++) {
        join_guest(pool, &guests[i], name);
        buffers[i] = chunkpool_take(pool, &guests[i].user, 0);
        assert_int_equal(buffers[i] != NULL, i < FOR_GUESTS);
    }
    join(pool, &owner, "a"); /* at the address of a guest */
    for (int i = FOR_GUESTS; i < BUFFERS; i++) {
        buffers[i] = chunkpool_take(pool, &owner.user, 0);
        assert_non_null(buffers[i]);
    }
    assert_null(chunkpool_take(pool, &owner.user, 0));
    /* What a guest gives back is the owner's, who came later. */
    assert_false(chunkpool_would_help(pool, &guests[0].user, &guests[FOR_GUESTS].user));
    assert_true(chunkpool_would_help(pool, &guests[0].user, &owner.user));
    chunkpool_give(pool, &guests[0].user, buffers[0]);
    assert_int_equal(guests[FOR_GUESTS].wakes, 0);
    assert_int_equal(owner.wakes, 1);
    chunkpool_give(pool, &owner.user, chunkpool_take(pool, &owner.user, 0));
    for (int i = FOR_GUESTS; i < BUFFERS; i++) {
        assert_int_equal(guests[FOR_GUESTS].wakes, 0);
        chunkpool_give(pool, &owner.user, buffers[i]);
    }
    assert_int_equal(guests[FOR_GUESTS].wakes, 1);
    for (int i = 0; i <= FOR_GUESTS; i++) {
        if (i == 1 || i == 2) {
            chunkpool_give(pool, &guests[i].user, buffers[i]);
        }
        chunkpool_leave(pool, &guests[i].user);
    }
    chunkpool_leave(pool, &owner.user);
    assert_int_equal(chunkpool_used(pool), 0);
    chunkpool_free(pool);
}

/* Whose buffer somebody in line could use. */
static void test_would_help(void **state)
{
    (void)state;
    enum { BUFFERS = CLIENT_MAX_BUFFERS + 2 };
    struct chunkpool *pool = new_pool(BUFFERS);
    struct guest full;
    struct guest waiter;
    struct guest other;
    void *buffers[CLIENT_MAX_BUFFERS];
    join(pool, &full, "2001:db8::1");
    join(pool, &waiter, "2001:db8::2"); /* the same network, so the same client */
    join(pool, &other, "2001:db8:0:1::1");
    for (size_t i = 0; i < CLIENT_MAX_BUFFERS; i++) {
        buffers[i] = chunkpool_take(pool, &full.user, 0);
    }
    void *others = chunkpool_take(pool, &other.user, 0);
    assert_false(chunkpool_would_help(pool, &full.user, &waiter.user)); /* it does not wait */
    assert_null(chunkpool_take(pool, &waiter.user, 0));
    assert_true(chunkpool_would_help(pool, &full.user, &waiter.user));
    assert_false(chunkpool_would_help(pool, &other.user, &waiter.user));
    assert_false(chunkpool_would_help(pool, &waiter.user, &waiter.user)); /* it holds none */
    chunkpool_leave(pool, &waiter.user);
    for (size_t i = 0; i < CLIENT_MAX_BUFFERS; i++) {
        chunkpool_give(pool, &full.user, buffers[i]);
    }
    chunkpool_give(pool, &other.user, others);
    chunkpool_leave(pool, &full.user);
    chunkpool_leave(pool, &other.user);
    chunkpool_free(pool);
}

static void test_leave(void **state)
{
    (void)state;
    struct chunkpool *pool = new_pool(1);
    struct guest holder;
    struct guest line[3];
    join(pool, &holder, "h");
    void *buffer = chunkpool_take(pool, &holder.user, 0);
    for (int i = 0; i < 3; i++) {
        join(pool, &line[i], "x");
        assert_null(chunkpool_take(pool, &line[i].user, 0));
    }
    /* In line: the next one moves up. */
    chunkpool_leave(pool, &line[0].user);
    chunkpool_give(pool, &holder.user, buffer);
    assert_int_equal(line[0].wakes, 0);
    assert_int_equal(line[1].wakes, 1);
    /* With a buffer set aside: it goes to the next one. */
    assert_int_equal(line[2].wakes, 0);
    chunkpool_leave(pool, &line[1].user);
    assert_int_equal(line[2].wakes, 1);
    assert_int_equal(chunkpool_used(pool), 1);
    chunkpool_leave(pool, &line[2].user);
    assert_int_equal(chunkpool_used(pool), 0);
    chunkpool_leave(pool, &holder.user);
    chunkpool_free(pool);
}

static void test_waits_since(void **state)
{
    (void)state;
    struct chunkpool *pool = new_pool(1);
    struct guest holder;
    struct guest waiter;
    join(pool, &holder, "h");
    join(pool, &waiter, "w");
    void *buffer = chunkpool_take(pool, &holder.user, 1000);
    assert_false(chunkpool_waits_since(pool, &holder.user, 5000));
    assert_null(chunkpool_take(pool, &waiter.user, 2000));
    assert_null(chunkpool_take(pool, &waiter.user, 3000)); /* the first time counts */
    assert_false(chunkpool_waits_since(pool, &waiter.user, 1999));
    assert_true(chunkpool_waits_since(pool, &waiter.user, 2000));
    chunkpool_give(pool, &holder.user, buffer);
    assert_false(chunkpool_waits_since(pool, &waiter.user, 9000));
    chunkpool_leave(pool, &waiter.user);
    chunkpool_leave(pool, &holder.user);
    chunkpool_free(pool);
}

static void test_trim(void **state)
{
    (void)state;
    struct chunkpool *pool = new_pool(2);
    struct guest guest;
    join(pool, &guest, "a");
    chunkpool_trim(pool);
    char *first = chunkpool_take(pool, &guest.user, 0);
    char *second = chunkpool_take(pool, &guest.user, 0);
    memset(first, 'x', CHUNK_BYTES);
    memset(second, 'y', CHUNK_BYTES);
    chunkpool_give(pool, &guest.user, second);
    chunkpool_trim(pool); /* one is in use: nothing happens */
    assert_int_equal(first[CHUNK_BYTES - 1], 'x');
    assert_int_equal(second[CHUNK_BYTES - 1], 'y');
    chunkpool_give(pool, &guest.user, first);
    chunkpool_trim(pool);
    char *again = chunkpool_take(pool, &guest.user, 0);
    assert_int_equal(again[0], 0); /* fresh memory of the system */
    assert_int_equal(again[CHUNK_BYTES - 1], 0);
    memset(again, 'z', CHUNK_BYTES);
    chunkpool_give(pool, &guest.user, again);
    chunkpool_leave(pool, &guest.user);
    chunkpool_free(pool);
}

static void test_long_client_name(void **state)
{
    (void)state;
    struct chunkpool *pool = new_pool(1);
    struct guest guest;
    join(pool, &guest, "2001:0db8:1111:2222:3333:4444:5555:6666%an-interface-with-a-long-name");
    assert_int_equal(strlen(guest.user.client), CLIENT_NAME_BYTES - 1);
    chunkpool_leave(pool, &guest.user);
    chunkpool_free(pool);
}

static void test_no_memory(void **state)
{
    (void)state;
    for (int64_t n = 0; n < 2; n++) {
        struct chunkpool *pool = NULL;
        mem_fail_after(n);
        err_t err = chunkpool_new(3, &pool);
        mem_fail_after(-1);
        assert_int_equal(err, ERR_NOMEM);
        assert_null(pool);
    }
    chunkpool_free(NULL);
}

/* ---- threads ---- */

enum { THREADS = 6, ROUNDS = 3000, SHARED = 4 };

struct worker {
    struct chunkpool *pool;
    struct guest guest;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool woken;
    int number;
};

static void wake_worker(struct chunk_user *user)
{
    struct worker *worker = CONTAINER_OF(user, struct worker, guest.user);
    check(pthread_mutex_lock(&worker->mutex) == 0);
    worker->woken = true;
    check(pthread_cond_signal(&worker->cond) == 0);
    check(pthread_mutex_unlock(&worker->mutex) == 0);
}

/* A buffer, however long it takes: a wake that is lost hangs the test. */
static char *take_waiting(struct worker *worker)
{
    char *buffer = chunkpool_take(worker->pool, &worker->guest.user, 0);
    while (buffer == NULL) {
        check(pthread_mutex_lock(&worker->mutex) == 0);
        while (!worker->woken) {
            check(pthread_cond_wait(&worker->cond, &worker->mutex) == 0);
        }
        worker->woken = false;
        check(pthread_mutex_unlock(&worker->mutex) == 0);
        buffer = chunkpool_take(worker->pool, &worker->guest.user, 0);
        check(buffer != NULL); /* it was promised */
    }
    return buffer;
}

static void *worker_main(void *arg)
{
    struct worker *worker = arg;
    char client[2] = {(char)('a' + worker->number % 3), '\0'};
    for (int round = 0; round < ROUNDS; round++) {
        if (round % 100 == 0) {
            if (round > 0) {
                chunkpool_leave(worker->pool, &worker->guest.user);
            }
            chunkpool_join(worker->pool, &worker->guest.user, client, false, wake_worker);
        }
        char *buffer = take_waiting(worker);
        buffer[0] = (char)worker->number; /* TSan sees two owners at once */
        buffer[CHUNK_BYTES - 1] = (char)round;
        check(chunkpool_used(worker->pool) <= SHARED);
        check(buffer[0] == (char)worker->number && buffer[CHUNK_BYTES - 1] == (char)round);
        chunkpool_give(worker->pool, &worker->guest.user, buffer);
    }
    chunkpool_leave(worker->pool, &worker->guest.user);
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct chunkpool *pool = new_pool(SHARED);
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.pool = pool, .number = i};
        assert_int_equal(pthread_mutex_init(&workers[i].mutex, NULL), 0);
        assert_int_equal(pthread_cond_init(&workers[i].cond, NULL), 0);
        assert_int_equal(pthread_create(&threads[i], NULL, worker_main, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(chunkpool_used(pool), 0);
    chunkpool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_reuse),
        cmocka_unit_test(test_first_come_first_served),
        cmocka_unit_test(test_share_of_a_client),
        cmocka_unit_test(test_least_first),
        cmocka_unit_test(test_owners_reserve),
        cmocka_unit_test(test_would_help),
        cmocka_unit_test(test_leave),
        cmocka_unit_test(test_waits_since),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_long_client_name),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
