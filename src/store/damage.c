/* damage.c — which files were found to be damaged (ext_damaged), so that each is reported once. */
#include "internal.h"
#include "picoshare/base/check.h"

err_t store_is_damage_noted(struct store *store, const char *id, bool *ret_noted)
{
    struct conn *conn = reader_take(store);
    struct query q = query_start(conn, "SELECT 1 FROM ext_damaged WHERE id = ?");
    query_bind_text(&q, id);
    *ret_noted = query_row(&q);
    err_t err = query_end(&q);
    reader_give(store, conn);
    return err;
}

static err_t run_note(struct store *store, struct store_job *job)
{
    struct store_note_damage *note = CONTAINER_OF(job, struct store_note_damage, job);
    struct query q;
    if (note->text == NULL) {
        q = query_start(&store->writer, "DELETE FROM ext_damaged WHERE id = ?");
        query_bind_text(&q, note->id);
        return query_finish(&q);
    }
    q = query_start(&store->writer,
                    "INSERT INTO ext_damaged (id, found, flaw) SELECT ?1, ?2, ?3"
                    " WHERE EXISTS (SELECT 1 FROM entries WHERE id = ?1) ON CONFLICT DO NOTHING");
    query_bind_text(&q, note->id);
    query_bind_int(&q, clock_now_s(store->clock));
    query_bind_text(&q, note->text);
    return query_finish(&q);
}

void store_note_damage_init(struct store_note_damage *note)
{
    *note = (struct store_note_damage){.job = {.run = run_note}};
}
