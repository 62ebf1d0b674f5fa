/* vacuum.c — gives free pages back in place, a slice at a time.
 *
 * Only files with auto_vacuum have the pointer map that moving pages takes; others can be converted
 * while no server has them (convert.c). A running server never writes the whole database anew. */
#include "internal.h"
#include "picoshare/base/check.h"

static err_t run_vacuum(struct store *store, struct store_job *job)
{
    struct store_vacuum *vacuum = CONTAINER_OF(job, struct store_vacuum, job);
    vacuum->pages_freed = job->rerun ? vacuum->begun : vacuum->pages_freed;
    vacuum->begun = vacuum->pages_freed;
    int64_t before = 0;
    if (store->can_convert || store->foreign_checkpoints) {
        return ERR_INVALID;
    }
    err_t err = conn_int(&store->writer, "PRAGMA freelist_count", &before);
    int64_t left = before;
    do {
        if (err == ERR_OK && left > 0) {
            err = conn_run(&store->writer, "PRAGMA incremental_vacuum(16)");
        }
        if (err == ERR_OK) {
            err = conn_int(&store->writer, "PRAGMA freelist_count", &left);
        }
    } while (err == ERR_OK && left > 0 && !writer_slice_over(store));
    if (err == ERR_OK) {
        vacuum->pages_freed += before - left;
        job->again = left > 0;
    }
    return err;
}

void store_vacuum_init(struct store_vacuum *vacuum)
{
    *vacuum = (struct store_vacuum){.job = {.run = run_vacuum, .lane = STORE_IDLE}};
}
