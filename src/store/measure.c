/* measure.c — which files have no recorded digest, because another program stored them. */
#include "internal.h"
#include "picoshare/base/check.h"

#define UNMEASURED(condition)                                                                      \
    "SELECT e.id FROM entries AS e LEFT JOIN ext_files AS f ON f.id = e.id"                        \
    " WHERE e.id > ? AND " condition " AND length(CAST(e.id AS BLOB)) = ? ORDER BY e.id LIMIT 1"

err_t store_next_unmeasured(struct store *store, const char *after, bool sizes_only,
                            char ret_id[STORE_ENTRY_ID_LEN + 1])
{
    struct conn *conn = reader_take(store);
    struct query q =
        query_start(conn, sizes_only ? UNMEASURED("f.id IS NULL") : UNMEASURED("f.sha256 IS NULL"));
    query_bind_text(&q, after);
    query_bind_int(&q, STORE_ENTRY_ID_LEN);
    bool found =
        query_row(&q) && slice_copy(query_column_text(&q, 0), ret_id, STORE_ENTRY_ID_LEN + 1);
    err_t err = query_end(&q);
    reader_give(store, conn);
    return err != ERR_OK || found ? err : ERR_NOTFOUND;
}

static err_t run_measure(struct store *store, struct store_job *job)
{
    struct store_measure *measure = CONTAINER_OF(job, struct store_measure, job);
    struct query q =
        query_start(&store->writer, "INSERT INTO ext_files (id, size, sha256)"
                                    " SELECT ?1, ?2, ?3 WHERE EXISTS"
                                    " (SELECT 1 FROM entries WHERE id = ?1)"
                                    " ON CONFLICT (id) DO UPDATE SET size = excluded.size,"
                                    " sha256 = ifnull(excluded.sha256, sha256)");
    query_bind_text(&q, measure->id);
    query_bind_int(&q, measure->size);
    query_bind_blob(&q, measure->has_sha256 ? measure->sha256 : NULL, SHA256_BYTES);
    return query_finish(&q);
}

void store_measure_init(struct store_measure *measure)
{
    *measure = (struct store_measure){.job = {.run = run_measure}};
}
