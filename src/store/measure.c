/* measure.c — which files have no recorded digest, because another program stored them. */
#include "internal.h"
#include "picoshare/base/check.h"
#include <string.h>

enum { FILES_AT_ONCE = 500 }; /* looked at in one view of the database: a millisecond or so */

/* What is nobody's id is passed over: of another length, or with a NUL. */
#define FILES_AFTER(lacks)                                                                         \
    "SELECT e.id, " lacks " FROM entries AS e LEFT JOIN ext_files AS f ON f.id = e.id"             \
    " WHERE e.id > ? AND length(CAST(e.id AS BLOB)) = ? AND instr(e.id, char(0)) = 0"              \
    " ORDER BY e.id LIMIT ?"

/* Goes on from id to the first file that lacks it, or by FILES_AT_ONCE. ERR_NOTFOUND: to the end.
 */
static err_t look_on(struct conn *conn, bool sizes_only, char id[ENTRY_ID_LEN + 1], bool *ret_found)
{
    struct query q = query_start(conn, sizes_only ? FILES_AFTER("f.id IS NULL")
                                                  : FILES_AFTER("f.sha256 IS NULL"));
    query_bind_text(&q, id);
    query_bind_int(&q, ENTRY_ID_LEN);
    query_bind_int(&q, FILES_AT_ONCE);
    int rows = 0;
    *ret_found = false;
    while (!*ret_found && query_row(&q)) {
        rows++;
        struct slice text = query_column_text(&q, 0);
        if (text.len != ENTRY_ID_LEN) {
            q.rc = SQLITE_NOMEM;
            break;
        }
        check(slice_copy(text, id, ENTRY_ID_LEN + 1));
        *ret_found = query_column_int(&q, 1) != 0;
    }
    err_t err = query_end(&q);
    return err == ERR_OK && !*ret_found && rows < FILES_AT_ONCE ? ERR_NOTFOUND : err;
}

err_t store_next_unmeasured(struct store *store, const char *after, bool sizes_only,
                            char ret_id[ENTRY_ID_LEN + 1])
{
    char id[ENTRY_ID_LEN + 1];
    bool found = false;
    err_t err = ERR_OK;
    check(slice_copy(slice_str(after), id, sizeof id));
    while (err == ERR_OK && !found) {
        struct conn *conn = reader_take(store);
        err = look_on(conn, sizes_only, id, &found);
        reader_give(store, conn);
    }
    if (err == ERR_OK) {
        memcpy(ret_id, id, sizeof id);
    }
    return err;
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
