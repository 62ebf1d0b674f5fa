/* history.c — who downloaded what. */
#include "internal.h"
#include "picoshare/base/check.h"

static err_t run_record(struct store *store, struct store_job *job)
{
    struct store_record_download *record = CONTAINER_OF(job, struct store_record_download, job);
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
    return query_finish(&q);
}

void store_record_download_init(struct store_record_download *record)
{
    *record = (struct store_record_download){.job = {.run = run_record}};
}
