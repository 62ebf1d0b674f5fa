/* settings.c — the one row of settings. */
#include "internal.h"
#include "picoshare/base/check.h"

err_t store_default_days(struct store *store, int64_t *ret_days)
{
    struct conn *conn = reader_take(store);
    struct query q =
        query_start(conn, "SELECT default_expiration_in_days FROM settings WHERE id = 1");
    enum { USUAL_DAYS = 30 };
    int64_t days = USUAL_DAYS;
    if (query_row(&q) && !query_column_null(&q, 0) && query_column_int(&q, 0) > 0) {
        days = query_column_int(&q, 0);
    }
    days = days < NEVER_DAYS ? days : NEVER_DAYS; /* another program may have stored anything */
    err_t err = query_end(&q);
    reader_give(store, conn);
    if (err == ERR_OK) {
        *ret_days = days;
    }
    return err;
}

static err_t run_set(struct store *store, struct store_job *job)
{
    struct store_set_default_days *set = CONTAINER_OF(job, struct store_set_default_days, job);
    struct query q = query_start(
        &store->writer, "INSERT INTO settings (id, default_expiration_in_days)"
                        " VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET"
                        " default_expiration_in_days = excluded.default_expiration_in_days");
    query_bind_int(&q, set->days);
    return query_finish(&q);
}

void store_set_default_days_init(struct store_set_default_days *set)
{
    *set = (struct store_set_default_days){.job = {.run = run_set, .durable = true}};
}
