/* history.c — who downloaded what. */
#include "internal.h"
#include "picoshare/base/check.h"

/* Drops what is older than the newest HISTORY_MAX_ROWS of a file. */
static err_t prune(struct store *store, const char *entry_id)
{
    struct query q =
        query_start(&store->writer, "DELETE FROM downloads WHERE rowid IN"
                                    " (SELECT rowid FROM downloads WHERE entry_id = ?"
                                    " ORDER BY download_timestamp DESC LIMIT -1 OFFSET ?)");
    query_bind_text(&q, entry_id);
    query_bind_int(&q, HISTORY_MAX_ROWS);
    return query_finish(&q);
}

static err_t run_record(struct store *store, struct store_job *job)
{
    struct store_record_download *record = CONTAINER_OF(job, struct store_record_download, job);
    /* Strangers write these rows: they must not take the last room on the disk. */
    err_t err = disk_check_room(store, 0);
    if (err != ERR_OK) {
        return err;
    }
    /* The entry may have gone meanwhile: then there is nothing to record. */
    struct query q =
        query_start(&store->writer,
                    "INSERT INTO downloads (entry_id, download_timestamp, client_ip, user_agent)"
                    " SELECT ?1, strftime('%Y-%m-%dT%H:%M:%SZ', ?2, 'unixepoch'), ?3, ?4"
                    " WHERE EXISTS (SELECT 1 FROM entries WHERE id = ?1)"
                    " AND NOT EXISTS (SELECT 1 FROM downloads WHERE entry_id = ?1"
                    " AND download_timestamp > strftime('%Y-%m-%dT%H:%M:%SZ', ?2 - ?5, 'unixepoch')"
                    " AND client_ip = ?3 AND user_agent = ?4)");
    query_bind_text(&q, record->entry_id);
    query_bind_int(&q, record->time);
    query_bind_text(&q, record->client_ip);
    query_bind_text(&q, record->user_agent);
    query_bind_int(&q, DOWNLOAD_REPEAT_S);
    err = query_finish(&q);
    /* Counting each time would read the whole history: now and then is enough. */
    if (err == ERR_OK && sqlite3_changes(store->writer.db) > 0 &&
        sqlite3_last_insert_rowid(store->writer.db) % HISTORY_PRUNE_EVERY == 0) {
        err = prune(store, record->entry_id);
    }
    return err;
}

void store_record_download_init(struct store_record_download *record)
{
    *record = (struct store_record_download){.job = {.run = run_record}};
}
