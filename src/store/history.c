/* history.c — who downloaded what. */
#include "internal.h"
#include "picoshare/base/check.h"

/* Drops what is older than the newest rows of a file that are to be kept. */
static err_t prune(struct store *store, const char *entry_id)
{
    struct query q =
        query_start(&store->writer, "DELETE FROM downloads WHERE rowid IN"
                                    " (SELECT rowid FROM downloads WHERE entry_id = ?"
                                    " ORDER BY download_timestamp DESC LIMIT -1 OFFSET ?)");
    query_bind_text(&q, entry_id);
    query_bind_int(&q, store->history_rows);
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
                    " SELECT ?1, " TIME_TEXT(
                        "?2") ", ?3, ?4"
                              " WHERE EXISTS (SELECT 1 FROM entries WHERE id = ?1)"
                              " AND NOT EXISTS (SELECT 1 FROM downloads WHERE entry_id = ?1"
                              " AND download_timestamp > " TIME_TEXT(
                                  "?2 - ?5") " AND client_ip = ?3 AND user_agent = ?4)");
    query_bind_text(&q, record->entry_id);
    query_bind_int(&q, record->time);
    query_bind_text(&q, record->client_ip);
    query_bind_text(&q, record->user_agent);
    query_bind_int(&q, DOWNLOAD_REPEAT_S);
    err = query_finish(&q);
    /* Counting a long history each time would read all of it: now and then is enough. */
    bool due = store->history_rows < HISTORY_PRUNE_EVERY ||
               sqlite3_last_insert_rowid(store->writer.db) % HISTORY_PRUNE_EVERY == 0;
    if (err == ERR_OK && sqlite3_changes(store->writer.db) > 0 && due) {
        err = prune(store, record->entry_id);
    }
    return err;
}

void store_record_download_init(struct store_record_download *record)
{
    *record = (struct store_record_download){.job = {.run = run_record, .takes_room = true}};
}

err_t store_count_downloads(struct store *store, const char *entry_id, bool unique_clients,
                            int64_t *ret_count)
{
    struct conn *conn = reader_take(store);
    struct query q = query_start(
        conn, unique_clients
                  ? "SELECT count(DISTINCT ifnull(client_ip, '')) FROM downloads WHERE entry_id = ?"
                  : "SELECT count(*) FROM downloads WHERE entry_id = ?");
    query_bind_text(&q, entry_id);
    int64_t count = query_row(&q) ? query_column_int(&q, 0) : 0;
    err_t err = query_end(&q);
    reader_give(store, conn);
    if (err == ERR_OK) {
        *ret_count = count;
    }
    return err;
}

static const char all_sql[] =
    "SELECT unixepoch(download_timestamp), ifnull(client_ip, ''), ifnull(user_agent, '')"
    " FROM downloads WHERE entry_id = ? ORDER BY download_timestamp DESC, rowid DESC"
    " LIMIT ? OFFSET ?";
static const char unique_sql[] =
    "SELECT unixepoch(download_timestamp), client, agent FROM"
    " (SELECT download_timestamp, ifnull(client_ip, '') AS client, ifnull(user_agent, '') AS agent,"
    " rowid AS row_id, row_number() OVER (PARTITION BY ifnull(client_ip, '')"
    " ORDER BY download_timestamp DESC, rowid DESC) AS place FROM downloads WHERE entry_id = ?)"
    " WHERE place = 1 ORDER BY download_timestamp DESC, row_id DESC LIMIT ? OFFSET ?";

err_t store_list_downloads(struct store *store, const char *entry_id, bool unique_clients,
                           size_t offset, size_t limit,
                           bool (*each)(void *arg, const struct store_download *download),
                           void *arg)
{
    struct conn *conn = reader_take(store);
    struct query q = query_start(conn, unique_clients ? unique_sql : all_sql);
    query_bind_text(&q, entry_id);
    query_bind_int(&q, (int64_t)limit);
    query_bind_int(&q, (int64_t)offset);
    bool more = true;
    while (more && query_row(&q)) {
        struct store_download download = {
            .time = query_column_int(&q, 0),
            .client_ip = query_column_text(&q, 1).ptr,
            .user_agent = query_column_text(&q, 2).ptr,
        };
        /* A row whose text could not be brought into memory has none. */
        more = download.client_ip != NULL && download.user_agent != NULL && each(arg, &download);
    }
    err_t err = query_end(&q);
    reader_give(store, conn);
    return err;
}
