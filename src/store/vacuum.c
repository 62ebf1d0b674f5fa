/* vacuum.c — gives free pages back in place, a slice at a time.
 *
 * Only files with auto_vacuum have the pointer map that moving pages takes; others can be converted
 * while no server has them (convert.c). A running server never writes the whole database anew. */
#include "internal.h"
#include "picoshare/base/check.h"

/* A page that is given back costs at most two in the log, one that takes its place and one that
 * refers to it. The part of the log's file that is kept free for one transaction (disk.c) is a
 * fifth of it: a slice stays in half of that, so that it finds its room on a full disk. */
static bool slice_is_large(const struct store *store, int64_t pages)
{
    return pages * store->page_bytes * 2 >= store->log_kept_bytes / 10;
}

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
            err = conn_run(&store->writer, "PRAGMA incremental_vacuum(4)");
        }
        if (err == ERR_OK) {
            err = conn_int(&store->writer, "PRAGMA freelist_count", &left);
        }
    } while (err == ERR_OK && left > 0 && !writer_slice_over(store) &&
             !slice_is_large(store, before - left));
    if (err == ERR_OK) {
        vacuum->pages_freed += before - left;
        job->again = left > 0;
        /* The file is cut off when the log is copied. */
        store->log_is_due = store->log_is_due || (left == 0 && before > 0);
    }
    return err;
}

void store_vacuum_init(struct store_vacuum *vacuum)
{
    *vacuum = (struct store_vacuum){.job = {.run = run_vacuum, .lane = STORE_IDLE}};
}
