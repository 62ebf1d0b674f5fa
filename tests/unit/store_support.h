/* store_support.h — more for tests of the store: somebody who always has something urgent to do,
 * files and links as other programs leave them, and jobs in one line.
 *
 * As in support.h, a helper fails the running test when something goes wrong. */
#ifndef TESTS_UNIT_STORE_SUPPORT_H
#define TESTS_UNIT_STORE_SUPPORT_H

#include "picoshare/base/limits.h"
#include "support.h"

/* ---- somebody else ---- */

/* A job that is submitted again whenever it is done. */
struct turns {
    struct store_job job;
    struct store *store;
    sem_t ended;
    _Atomic int64_t taken;
    _Atomic bool stop;
};

static inline err_t run_turn(struct store *store, struct store_job *job)
{
    (void)store;
    CONTAINER_OF(job, struct turns, job)->taken++;
    return ERR_OK;
}

static inline void done_turn(struct store_job *job)
{
    struct turns *turns = job->owner;
    if (turns->stop) {
        check(sem_post(&turns->ended) == 0);
    } else {
        store_submit(turns->store, &turns->job);
    }
}

/* bytes: that it says it stores. */
static inline void turns_start_in(struct turns *turns, struct store *store, enum store_lane lane,
                                  size_t bytes)
{
    *turns = (struct turns){.store = store};
    assert_int_equal(sem_init(&turns->ended, 0, 0), 0);
    turns->job = (struct store_job){
        .run = run_turn, .done = done_turn, .owner = turns, .lane = lane, .bytes = bytes};
    store_submit(store, &turns->job);
}

static inline void turns_start(struct turns *turns, struct store *store)
{
    turns_start_in(turns, store, STORE_URGENT, 0);
}

/* Ends it and tells how many turns it had. */
static inline int64_t turns_stop(struct turns *turns)
{
    turns->stop = true;
    while (sem_wait(&turns->ended) != 0) {
    }
    return turns->taken;
}

/* A job whose end is only noted. */
struct pending {
    struct store_job *job;
    _Atomic bool done;
};

static inline void note_pending(struct store_job *job)
{
    ((struct pending *)job->owner)->done = true;
}

static inline void pending_submit(struct pending *pending, struct store *store,
                                  struct store_job *job)
{
    pending->job = job;
    pending->done = false;
    job->owner = pending;
    job->done = note_pending;
    store_submit(store, job);
}

/* Whether the idle job ends within many turns of an urgent one that always waits, while every slice
 * is over at the first look. Returns when it has ended. */
static inline bool gets_on_under_load(struct fixture *fix, struct store_job *job)
{
    enum { ENOUGH = 2000 };
    fix->clock.step_ms = SLICE_MS;
    struct pending pending;
    struct turns turns;
    turns_start(&turns, fix->store);
    pending_submit(&pending, fix->store, job);
    int64_t before = turns.taken;
    while (turns.taken - before < ENOUGH && !pending.done) {
        sleep_ms(1);
    }
    bool done = pending.done;
    (void)turns_stop(&turns);
    fix->clock.step_ms = 0;
    while (!pending.done) {
        sleep_ms(1);
    }
    return done;
}

/* ---- jobs ---- */

static inline err_t edit_file(struct store *store, const char *id, const char *filename,
                              int64_t expiration_time, const char *note)
{
    struct store_edit edit;
    store_edit_init(&edit);
    assert_true(slice_copy(slice_str(id), edit.id, sizeof edit.id));
    edit.filename = filename;
    edit.expiration_time = expiration_time;
    edit.note = note;
    return store_run(store, &edit.job);
}

static inline err_t remove_file(struct store *store, const char *id)
{
    struct store_remove job;
    store_remove_init(&job);
    assert_true(slice_copy(slice_str(id), job.id, sizeof job.id));
    return store_run(store, &job.job);
}

static inline err_t purge_file(struct store *store, const char *id)
{
    struct store_purge purge;
    store_purge_init(&purge);
    assert_true(slice_copy(slice_str(id), purge.id, sizeof purge.id));
    return store_run(store, &purge.job);
}

static inline void collect_all(struct store *store)
{
    struct store_collect collect;
    store_collect_init(&collect);
    assert_int_equal(store_run(store, &collect.job), ERR_OK);
}

/* Adds rows to a file's history, one a second up to the time given. */
static inline void add_history(const char *path, const char *id, int rows, int64_t last)
{
    sql_run(path,
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d - 1)"
            " INSERT INTO downloads SELECT %Q, strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ', %lld - i,"
            " 'unixepoch'), '192.0.2.1', 'agent' FROM n WHERE %d > 0",
            rows, id, (long long)last, rows);
}

/* ---- guest links ---- */

static inline err_t create_link(struct store *store, const struct store_guest_link *link)
{
    struct store_create_guest_link create;
    store_create_guest_link_init(&create);
    create.link = link;
    return store_run(store, &create.job);
}

/* A link that lets everything through, or this many files; 0: any number. */
static inline void add_link(struct store *store, const char *id, int64_t max_file_uploads)
{
    char label[] = "";
    struct store_guest_link link = {.label = label,
                                    .max_file_uploads = max_file_uploads,
                                    .creation_time = TEST_NOW_S,
                                    .url_expiration_time = NEVER_S,
                                    .file_lifetime = "876000h0m0s"};
    assert_true(slice_copy(slice_str(id), link.id, sizeof link.id));
    assert_int_equal(create_link(store, &link), ERR_OK);
}

static inline err_t change_link(struct store *store, const char *id,
                                enum store_guest_link_change what)
{
    struct store_change_guest_link change;
    store_change_guest_link_init(&change);
    change.change = what;
    assert_true(slice_copy(slice_str(id), change.id, sizeof change.id));
    return store_run(store, &change.job);
}

/* ---- what another program stored ---- */

/* A visible file in rows of the given size, of which nothing is recorded beside it. */
static inline void foreign_file(const char *path, const char *id, const char *bytes, size_t len,
                                size_t chunk_bytes, const char *expires)
{
    sqlite3 *db = sql_open(path);
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "INSERT INTO entries_data VALUES (?, ?, ?)", -1, &stmt, NULL),
        SQLITE_OK);
    for (size_t pos = 0; pos < len; pos += chunk_bytes) {
        size_t n = len - pos < chunk_bytes ? len - pos : chunk_bytes;
        assert_int_equal(sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC), SQLITE_OK);
        assert_int_equal(sqlite3_bind_int64(stmt, 2, (sqlite3_int64)(pos / chunk_bytes)),
                         SQLITE_OK);
        assert_int_equal(sqlite3_bind_blob64(stmt, 3, bytes + pos, n, SQLITE_STATIC), SQLITE_OK);
        assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
        assert_int_equal(sqlite3_reset(stmt), SQLITE_OK);
    }
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    char *sql = sqlite3_mprintf("INSERT INTO entries (id, filename, content_type, upload_time,"
                                " expiration_time) VALUES (%Q, 'f', '', '2025-01-01T00:00:00Z',"
                                " %Q); COMMIT",
                                id, expires);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_free(sql);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

#endif
