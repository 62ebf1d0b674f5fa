/* writer.c — the one thread that changes the database.
 *
 * Jobs wait in three lanes: urgent before bulk, and a slice of idle work when nothing else waits,
 * but at least every SLICE_EVERY_MS. All jobs at hand share one transaction (group commit), so that
 * a hundred small uploads cost a handful of flushes and several chunks one write of the b-tree's
 * inner pages; a few chunks wait a moment for the next ones. There are no savepoints: they would
 * need statement journals. A transaction that fails is rolled back and its jobs are tried again one
 * by one, so that only the culprit fails.
 *
 * synchronous is NORMAL while only chunks are written and FULL for a transaction with a durable
 * job: its one flush of the log covers every earlier frame too.
 *
 * After a flush that failed nothing is changed until flush.c has seen to the log.
 *
 * The write-ahead log is kept short here and nowhere else: see limits.h, WAL_…. A log that a
 * foreign reader pins above WAL_REFUSE_BYTES makes appends fail with ERR_BUSY (files.c). */
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/base/metrics.h"
#include <string.h>

static void list_push(struct job_list *list, struct store_job *job)
{
    job->next = NULL;
    if (list->tail != NULL) {
        list->tail->next = job;
    } else {
        list->head = job;
    }
    list->tail = job;
}

static struct store_job *list_pop(struct job_list *list)
{
    struct store_job *job = list->head;
    if (job != NULL) {
        list->head = job->next;
        if (list->head == NULL) {
            list->tail = NULL;
        }
        job->next = NULL;
    }
    return job;
}

void store_submit(struct store *store, struct store_job *job)
{
    check(job->run != NULL && job->done != NULL);
    check(!job->outside || job->lane == STORE_IDLE); /* those run one at a time */
    lock_take(&store->lock);
    list_push(&store->lanes[job->lane], job);
    check(pthread_cond_signal(&store->work) == 0);
    lock_give(&store->lock);
}

/* ---- transactions ---- */

static err_t set_flushing(struct store *store, bool flushing)
{
    if (store->flushing == flushing) {
        return ERR_OK;
    }
    err_t err = conn_exec(&store->writer,
                          flushing ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    if (err == ERR_OK) {
        store->flushing = flushing;
    }
    return err;
}

static const char roll_back_sql[] = "ROLLBACK";

err_t writer_prepare_roll_back(struct store *store)
{
    struct query q = query_start(&store->writer, roll_back_sql);
    return query_end(&q);
}

void writer_roll_back(struct store *store)
{
    if (sqlite3_get_autocommit(store->writer.db) == 0) {
        err_t err = conn_run(&store->writer, roll_back_sql); /* prepared: it needs no memory */
        (void)err;
    }
    check(sqlite3_get_autocommit(store->writer.db) != 0);
}

/* The outcome of a job that changed nothing leaves the transaction as good as it was. */
static bool spoils_transaction(err_t err)
{
    return err != ERR_OK && err != ERR_NOTFOUND && err != ERR_INVALID && err != ERR_BUSY &&
           err != ERR_AUTH;
}

/* ERR_BUSY: another program has the database locked, and BUSY_TIMEOUT_MS were not enough. */
static err_t begin(struct store *store, const struct store_job *jobs)
{
    bool durable = false;
    for (const struct store_job *job = jobs; job != NULL; job = job->next) {
        durable = durable || job->durable;
    }
    store->logged_since_commit = 0;
    err_t err = flush_regain_trust(store);
    if (err == ERR_OK) {
        err = set_flushing(store, durable);
    }
    return err == ERR_OK ? conn_run(&store->writer, "BEGIN IMMEDIATE") : err;
}

/* Runs the jobs in one transaction, which has begun. On an error nothing of any of them has
 * happened. */
static err_t run_together(struct store *store, struct store_job *jobs)
{
    err_t err = ERR_OK;
    for (struct store_job *job = jobs; job != NULL && err == ERR_OK; job = job->next) {
        job->again = false;
        job->result = job->run(store, job);
        err = spoils_transaction(job->result) ? job->result : ERR_OK;
    }
    if (err == ERR_OK) {
        err = conn_run(&store->writer, "COMMIT");
        if (err != ERR_OK) {
            flush_note_failure(store);
        }
    }
    if (err != ERR_OK) {
        writer_roll_back(store);
    }
    return err;
}

/* ---- the log ---- */

static int on_commit(void *arg, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    struct store *store = arg;
    enum { FRAME_HEADER_BYTES = 24 }; /* SQLite's file format, chapter 4.1 */
    atomic_store(&store->wal_bytes, (int64_t)pages * (store->page_bytes + FRAME_HEADER_BYTES));
    return SQLITE_OK;
}

void writer_watch_commits(struct store *store)
{
    (void)sqlite3_wal_hook(store->writer.db, on_commit, store);
}

/* As much of the log as readers allow; without room in the database the reserve may give some. */
static void copy_log(struct store *store, bool wait, bool may_use_reserve)
{
    int log_frames = 0;
    int copied = 0;
    int mode = wait ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE;
    sqlite3 *db = store->writer.db;
    int64_t began_ns = clock_mono_ns(store->clock);
    int rc = sqlite3_wal_checkpoint_v2(db, NULL, mode, &log_frames, &copied);
    if (query_err(db, rc) == ERR_FULL && may_use_reserve && disk_release_reserve(store)) {
        rc = sqlite3_wal_checkpoint_v2(db, NULL, mode, &log_frames, &copied);
    }
    metrics_count_checkpoint(clock_mono_ns(store->clock) - began_ns);
    if (rc == SQLITE_OK && log_frames == copied) {
        /* The next transaction starts the log from its beginning, or says otherwise. */
        atomic_store(&store->wal_bytes, 0);
    } else if (rc != SQLITE_OK) {
        flush_note_failure(store);
    }
}

static void checkpoint(struct store *store)
{
    int64_t bytes = store_wal_bytes(store);
    store->log_is_due = store->log_is_due && bytes > 0 && !store->foreign_checkpoints;
    bool needed = bytes >= store->log_soft_bytes || store->log_is_due;
    if (store->foreign_checkpoints || store->distrusted || !needed) {
        return;
    }
    bool wait = bytes >= WAL_HARD_BYTES && clock_mono_ms(store->clock) >= store->next_blocking_ms;
    copy_log(store, wait, true);
    if (wait && store_wal_bytes(store) > 0) {
        store->next_blocking_ms = clock_mono_ms(store->clock) + 2 * BUSY_TIMEOUT_MS;
    }
}

/* For a job that found the disk full: whether trying again may help, since the log begins anew or
 * the reserve was given up, which is not for those that only take room. */
static bool make_room(struct store *store, bool takes_room)
{
    if (store->distrusted) {
        return false;
    }
    bool logged = store_wal_bytes(store) > 0;
    if (logged && !store->foreign_checkpoints) {
        copy_log(store, false, !takes_room);
    }
    return (logged && store_wal_bytes(store) == 0) || (!takes_room && disk_release_reserve(store));
}

/* ---- batches ---- */

static void fail_all(struct store_job *jobs, err_t err)
{
    for (struct store_job *job = jobs; job != NULL; job = job->next) {
        job->result = err;
        job->again = false;
    }
}

/* In a transaction of its own, which has begun. A full disk may have room left for the log to be
 * copied; then it is tried again. */
static void run_alone(struct store *store, struct store_job *job)
{
    err_t err = run_together(store, job);
    if (err == ERR_FULL && make_room(store, job->takes_room)) {
        err = begin(store, job);
        if (err == ERR_OK) {
            job->rerun = true;
            err = run_together(store, job);
        }
    }
    job->rerun = false;
    if (err != ERR_OK) {
        fail_all(job, err);
    }
}

static void run_one_by_one(struct store *store, struct store_job *jobs)
{
    err_t begun = ERR_OK;
    for (struct store_job *job = jobs, *next = NULL; job != NULL; job = next) {
        next = job->next;
        job->next = NULL;
        if (begun == ERR_OK) {
            begun = begin(store, job);
        }
        if (begun == ERR_OK) {
            run_alone(store, job);
        } else {
            fail_all(job, begun);
        }
        job->next = next;
    }
}

static void run_batch(struct store *store, struct store_job *jobs)
{
    if (jobs->outside) {
        jobs->again = false;
        jobs->result = jobs->run(store, jobs);
        return;
    }
    err_t err = begin(store, jobs);
    if (err != ERR_OK) {
        fail_all(jobs, err); /* waiting again for each of them would help nobody */
        return;
    }
    if (jobs->next == NULL) {
        run_alone(store, jobs);
    } else if (run_together(store, jobs) != ERR_OK) {
        run_one_by_one(store, jobs);
    }
}

/* ---- the thread ---- */

/* Takes what may share the next transaction; NULL when no such job waits. The first job of either
 * lane always fits, so that neither can keep the other waiting. Lock held. */
static struct store_job *take_batch(struct store *store)
{
    struct job_list batch = {NULL, NULL};
    size_t bytes = 0;
    for (int lane = STORE_URGENT; lane <= STORE_BULK; lane++) {
        struct job_list *list = &store->lanes[lane];
        for (size_t jobs = 0; list->head != NULL && jobs < BATCH_MAX_JOBS; jobs++) {
            if (jobs > 0 && bytes + list->head->bytes > BATCH_MAX_BYTES) {
                break;
            }
            bytes += list->head->bytes;
            list_push(&batch, list_pop(list));
        }
    }
    store->stored_since_slice += bytes;
    return batch.head;
}

static bool slice_due(const struct store *store)
{
    const struct store_job *job = store->lanes[STORE_IDLE].head;
    return job != NULL && (clock_mono_ms(store->clock) - store->last_slice_ms >= SLICE_EVERY_MS ||
                           (job->pace_bytes > 0 && store->stored_since_slice >= job->pace_bytes));
}

/* Whether nothing waits but chunks that had better share a transaction with the next ones, which
 * their senders have probably on the way. Lock held. */
static bool is_worth_waiting(const struct store *store)
{
    size_t bytes = 0;
    const struct store_job *job = store->lanes[STORE_BULK].head;
    for (; job != NULL && bytes < BATCH_WANTED_BYTES; job = job->next) {
        if (job->bytes < CHUNK_BYTES || job->durable) {
            return false;
        }
        bytes += job->bytes;
    }
    return bytes > 0 && bytes < BATCH_WANTED_BYTES && store->lanes[STORE_URGENT].head == NULL &&
           !store->stopping;
}

/* Waits for work and takes it; NULL when the store is closing and nothing is left. A log that is
 * due and that readers have kept from being copied is tried again meanwhile. */
static struct store_job *wait_for_jobs(struct store *store)
{
    lock_take(&store->lock);
    struct store_job *jobs = NULL;
    for (;;) {
        if (is_worth_waiting(store) && lock_cond_wait(&store->work, &store->lock, BATCH_WAIT_MS)) {
            continue;
        }
        if (!slice_due(store)) {
            jobs = take_batch(store);
        }
        if (jobs == NULL) {
            jobs = list_pop(&store->lanes[STORE_IDLE]);
        }
        if (jobs != NULL || store->stopping) {
            break;
        }
        if (!lock_cond_wait(&store->work, &store->lock, store->log_is_due ? LOG_EVERY_MS : -1)) {
            lock_give(&store->lock);
            checkpoint(store);
            lock_take(&store->lock);
        }
    }
    lock_give(&store->lock);
    return jobs;
}

/* Puts an idle job with more to do back; false when the store is closing. */
static bool resubmit(struct store *store, struct store_job *job)
{
    lock_take(&store->lock);
    bool open = !store->stopping;
    if (open) {
        list_push(&store->lanes[job->lane], job);
    }
    lock_give(&store->lock);
    return open;
}

static void finish(struct store *store, struct store_job *jobs)
{
    for (struct store_job *job = jobs, *next = NULL; job != NULL; job = next) {
        next = job->next; /* done() may free the job */
        job->next = NULL;
        store->log_is_due = store->log_is_due || job->result == ERR_FULL;
        if (job->result == ERR_OK && job->again) {
            if (resubmit(store, job)) {
                continue;
            }
            job->result = ERR_CLOSED;
        }
        if (job->end != NULL) {
            job->end(job);
        }
        job->done(job);
    }
}

static void *writer_main(void *arg)
{
    struct store *store = arg;
    (void)pthread_setname_np(pthread_self(), "writer");
    store->last_slice_ms = clock_mono_ms(store->clock);
    for (struct store_job *jobs = wait_for_jobs(store); jobs != NULL; jobs = wait_for_jobs(store)) {
        store->slice_until_ms = clock_mono_ms(store->clock) + SLICE_MS;
        run_batch(store, jobs);
        if (jobs->lane == STORE_IDLE) {
            store->last_slice_ms = clock_mono_ms(store->clock);
            store->stored_since_slice = 0;
        }
        finish(store, jobs);
        checkpoint(store);
        disk_keep_room(store);
    }
    return NULL;
}

bool writer_slice_over(const struct store *store)
{
    return clock_mono_ms(store->clock) >= store->slice_until_ms;
}

void writer_init(struct store *store)
{
    lock_init(&store->lock);
    lock_cond_init(&store->work);
}

err_t writer_start(struct store *store, struct err_info *ret_info)
{
    int error = pthread_create(&store->thread, NULL, writer_main, store);
    return error == 0
               ? ERR_OK
               : err_set(ret_info, ERR_NOMEM, "cannot start the writer: %s", strerror(error));
}

void writer_stop(struct store *store)
{
    lock_take(&store->lock);
    store->stopping = true;
    check(pthread_cond_signal(&store->work) == 0);
    lock_give(&store->lock);
    check(pthread_join(store->thread, NULL) == 0);
}

/* ---- waiting for a job ---- */

struct waiter {
    struct lock lock;
    pthread_cond_t cond;
    bool done;
};

static void wake_waiter(struct store_job *job)
{
    struct waiter *waiter = job->owner;
    lock_take(&waiter->lock);
    waiter->done = true;
    check(pthread_cond_signal(&waiter->cond) == 0);
    lock_give(&waiter->lock);
}

err_t store_run(struct store *store, struct store_job *job)
{
    struct waiter waiter = {.done = false};
    lock_init(&waiter.lock);
    lock_cond_init(&waiter.cond);
    /* cppcheck-suppress autoVariables ; nobody looks at the owner after done() */
    job->owner = &waiter;
    job->done = wake_waiter;
    store_submit(store, job);
    lock_take(&waiter.lock);
    while (!waiter.done) {
        (void)lock_cond_wait(&waiter.cond, &waiter.lock, -1);
    }
    lock_give(&waiter.lock);
    lock_done(&waiter.lock);
    return job->result;
}
