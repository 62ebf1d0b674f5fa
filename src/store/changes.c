/* changes.c — editing what is known of a file. */
#include "internal.h"
#include "picoshare/base/check.h"

static err_t run_edit(struct store *store, struct store_job *job)
{
    struct store_edit *edit = CONTAINER_OF(job, struct store_edit, job);
    struct query q =
        query_start(&store->writer,
                    "UPDATE entries SET filename = ?2, note = ?4,"
                    " expiration_time = " TIME_TEXT("?3") " WHERE id = ?1 AND " IS_UNEXPIRED("?5"));
    query_bind_text(&q, edit->id);
    query_bind_text(&q, edit->filename);
    query_bind_int(&q, edit->expiration_time);
    query_bind_text(&q, edit->note);
    query_bind_int(&q, clock_now_s(store->clock));
    err_t err = query_finish(&q);
    return err == ERR_OK && sqlite3_changes(store->writer.db) == 0 ? ERR_NOTFOUND : err;
}

void store_edit_init(struct store_edit *edit)
{
    *edit = (struct store_edit){.job = {.run = run_edit, .durable = true}};
}
