#include "picoshare/core/removal.h"
#include "picoshare/base/check.h"
#include "picoshare/base/lock.h"
#include "picoshare/base/mem.h"

struct removal {
    struct store *store;
    struct store_remove remove;
    struct store_purge purge;

    struct lock lock; /* guards the rest */
    void (*wake)(void *arg);
    void *wake_arg;
    bool done;
    err_t result;
    unsigned users; /* the caller, and the jobs at the store */
};

static void leave(struct removal *removal)
{
    lock_take(&removal->lock);
    bool last = --removal->users == 0;
    lock_give(&removal->lock);
    if (last) {
        lock_done(&removal->lock);
        mem_free(removal);
    }
}

static void on_purged(struct store_job *job)
{
    /* A failure leaves rows that nobody sees, which the next collection removes. */
    leave(job->owner);
}

static void on_removed(struct store_job *job)
{
    struct removal *removal = job->owner;
    err_t result = job->result;
    lock_take(&removal->lock);
    removal->done = true;
    removal->result = result;
    if (removal->wake != NULL) {
        removal->wake(removal->wake_arg);
    }
    lock_give(&removal->lock);
    if (result == ERR_OK) {
        store_submit(removal->store, &removal->purge.job);
    } else {
        leave(removal);
    }
}

err_t removal_start(struct store *store, const char *id, void (*wake)(void *arg), void *wake_arg,
                    struct removal **ret_removal)
{
    struct removal *removal = mem_alloc(1, sizeof *removal);
    if (removal == NULL) {
        return ERR_NOMEM;
    }
    removal->store = store;
    removal->wake = wake;
    removal->wake_arg = wake_arg;
    removal->users = 2;
    lock_init(&removal->lock);
    store_remove_init(&removal->remove);
    check(slice_copy(slice_str(id), removal->remove.id, sizeof removal->remove.id));
    removal->remove.job.owner = removal;
    removal->remove.job.done = on_removed;
    store_purge_init(&removal->purge);
    memcpy(removal->purge.id, removal->remove.id, sizeof removal->purge.id);
    removal->purge.job.owner = removal;
    removal->purge.job.done = on_purged;
    store_submit(store, &removal->remove.job);
    *ret_removal = removal;
    return ERR_OK;
}

bool removal_done(struct removal *removal, err_t *ret_result)
{
    lock_take(&removal->lock);
    bool done = removal->done;
    *ret_result = removal->result;
    lock_give(&removal->lock);
    return done;
}

void removal_close(struct removal *removal)
{
    if (removal == NULL) {
        return;
    }
    lock_take(&removal->lock);
    removal->wake = NULL;
    lock_give(&removal->lock);
    leave(removal);
}
