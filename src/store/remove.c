/* remove.c — how files and drafts go: at once for everybody who asks, row by row for the disk.
 *
 * A chunk row frees twenty pages and a gigabyte has three thousand of them, so rows are deleted in
 * slices, in between which others get their turn. The entry goes first; what a crash leaves has
 * none, and the collection finds it. Only a history that is too long for one job makes it the other
 * way round, since downloads refers to entries: such a file expires at once and is deleted later.
 */
#include "internal.h"
#include "picoshare/base/check.h"

enum { HISTORY_AT_ONCE = 2000 }; /* rows that are deleted while a client waits: some ms */

static err_t delete_by_id(struct conn *conn, const char *sql, const char *id)
{
    struct query q = query_start(conn, sql);
    query_bind_text(&q, id);
    return query_finish(&q);
}

err_t remove_entry(struct store *store, const char *id, int64_t history_rows, bool *ret_done)
{
    /* downloads refers to entries, so it goes first (database.md 7.6). */
    struct query q =
        query_start(&store->writer, "DELETE FROM downloads WHERE rowid IN"
                                    " (SELECT rowid FROM downloads WHERE entry_id = ? LIMIT ?)");
    query_bind_text(&q, id);
    query_bind_int(&q, history_rows);
    err_t err = query_finish(&q);
    *ret_done = sqlite3_changes(store->writer.db) < history_rows;
    if (err == ERR_OK && *ret_done) {
        err = delete_by_id(&store->writer, "DELETE FROM ext_files WHERE id = ?", id);
    }
    if (err == ERR_OK && *ret_done) {
        err = delete_by_id(&store->writer, "DELETE FROM ext_damaged WHERE id = ?", id);
    }
    if (err == ERR_OK && *ret_done) {
        err = delete_by_id(&store->writer, "DELETE FROM entries WHERE id = ?", id);
    }
    return err;
}

err_t remove_chunks(struct store *store, const char *id, bool *ret_done)
{
    bool done = false;
    do {
        /* One row at a time: it frees twenty pages, and the slice is looked at in between. Never
         * those of a visible file, which a draft with the same id could name. */
        struct query q =
            query_start(&store->writer, "DELETE FROM entries_data WHERE rowid ="
                                        " (SELECT rowid FROM entries_data WHERE id = ?1 LIMIT 1)"
                                        " AND NOT EXISTS (SELECT 1 FROM entries WHERE id = ?1)");
        query_bind_text(&q, id);
        err_t err = query_finish(&q);
        if (err != ERR_OK) {
            return err;
        }
        done = sqlite3_changes(store->writer.db) == 0;
    } while (!done && !writer_slice_over(store));
    *ret_done = done;
    return ERR_OK;
}

/* ---- a file ---- */

static err_t run_remove(struct store *store, struct store_job *job)
{
    struct store_remove *remove = CONTAINER_OF(job, struct store_remove, job);
    bool done = false;
    err_t err = remove_entry(store, remove->id, HISTORY_AT_ONCE, &done);
    if (err == ERR_OK && !done) {
        err = delete_by_id(
            &store->writer,
            "UPDATE entries SET expiration_time = '2022-02-20T00:00:00Z' WHERE id = ?", remove->id);
    }
    return err;
}

void store_remove_init(struct store_remove *remove)
{
    *remove = (struct store_remove){.job = {.run = run_remove, .durable = true}};
}

static err_t is_visible(struct store *store, const char *id, bool *ret_visible)
{
    struct query q =
        query_start(&store->writer,
                    "SELECT EXISTS (SELECT 1 FROM entries WHERE id = ? AND " IS_UNEXPIRED("?") ")");
    query_bind_text(&q, id);
    query_bind_int(&q, clock_now_s(store->clock));
    *ret_visible = query_row(&q) && query_column_int(&q, 0) != 0;
    return query_end(&q);
}

static err_t run_purge(struct store *store, struct store_job *job)
{
    struct store_purge *purge = CONTAINER_OF(job, struct store_purge, job);
    bool spared = false;
    bool done = false;
    err_t err = is_visible(store, purge->id, &spared);
    if (err != ERR_OK || spared || files_is_draft(store, slice_str(purge->id))) {
        return err;
    }
    do {
        err = remove_entry(store, purge->id, HISTORY_STEP, &done);
    } while (err == ERR_OK && !done && !writer_slice_over(store));
    if (err == ERR_OK && done) {
        err = remove_chunks(store, purge->id, &done);
    }
    job->again = err == ERR_OK && !done;
    return err;
}

void store_purge_init(struct store_purge *purge)
{
    *purge = (struct store_purge){.job = {.run = run_purge, .lane = STORE_IDLE}};
}

/* ---- a draft ---- */

static err_t run_discard(struct store *store, struct store_job *job)
{
    struct store_discard *discard = CONTAINER_OF(job, struct store_discard, job);
    list_remove(&discard->draft->running); /* from now on a collection may remove its rows too */
    bool done = !discard->draft->owns_rows;
    err_t err = done ? ERR_OK : remove_chunks(store, discard->draft->id, &done);
    job->again = err == ERR_OK && !done;
    return err;
}

/* The submitter may free it, even if no transaction could be begun for the job. */
static void forget_draft(struct store_job *job)
{
    list_remove(&CONTAINER_OF(job, struct store_discard, job)->draft->running);
}

void store_discard_init(struct store_discard *discard)
{
    *discard = (struct store_discard){
        .job = {.run = run_discard, .end = forget_draft, .lane = STORE_IDLE}};
}
