#include "picoshare/core/backup.h"
#include "picoshare/base/check.h"
#include "picoshare/base/lock.h"
#include "picoshare/base/mem.h"
#include <unistd.h>

struct backup {
    struct store *store;
    struct lock lock; /* guards step; holder and job are the writer's while it is BACKUP_COPYING */
    enum backup_step step;
    struct backup_holder holder;
    struct store_backup job;
};

err_t backup_new(struct store *store, struct backup **ret_backup)
{
    struct backup *backup = mem_alloc(1, sizeof *backup);
    if (backup == NULL) {
        return ERR_NOMEM;
    }
    backup->store = store;
    lock_init(&backup->lock);
    *ret_backup = backup;
    return ERR_OK;
}

void backup_free(struct backup *backup)
{
    if (backup != NULL) {
        check(backup->step == BACKUP_IDLE);
        lock_done(&backup->lock);
        mem_free(backup);
    }
}

/* From here on the holder may end it, and another begin: nothing is touched afterwards. */
static void on_done(struct store_job *job)
{
    struct backup *backup = job->owner;
    struct backup_holder holder = backup->holder;
    lock_take(&backup->lock);
    backup->step = BACKUP_SENDING;
    lock_give(&backup->lock);
    holder.wake(holder.arg);
}

err_t backup_start(struct backup *backup, const struct backup_holder *holder)
{
    lock_take(&backup->lock);
    bool free = backup->step == BACKUP_IDLE;
    if (free) {
        backup->step = BACKUP_COPYING;
        backup->holder = *holder;
        store_backup_init(&backup->job, holder->is_wanted, holder->arg);
        backup->job.job.owner = backup;
        backup->job.job.done = on_done;
    }
    lock_give(&backup->lock);
    if (!free) {
        return ERR_EXISTS;
    }
    store_submit(backup->store, &backup->job.job);
    return ERR_OK;
}

bool backup_copied(struct backup *backup, err_t *ret_result, int64_t *ret_bytes)
{
    lock_take(&backup->lock);
    bool copied = backup->step == BACKUP_SENDING;
    if (copied) {
        *ret_result = backup->job.job.result;
        *ret_bytes = backup->job.bytes_total;
    }
    lock_give(&backup->lock);
    return copied;
}

size_t backup_read(const struct backup *backup, int64_t pos, void *ret_bytes, size_t max)
{
    ssize_t n = pread(backup->job.fd, ret_bytes, max, (off_t)pos);
    return n > 0 ? (size_t)n : 0;
}

void backup_end(struct backup *backup)
{
    if (backup->job.fd >= 0) {
        (void)close(backup->job.fd);
    }
    lock_take(&backup->lock);
    check(backup->step == BACKUP_SENDING);
    backup->step = BACKUP_IDLE;
    lock_give(&backup->lock);
}

void backup_state(struct backup *backup, struct backup_state *ret_state)
{
    lock_take(&backup->lock);
    *ret_state = (struct backup_state){.step = backup->step};
    if (backup->step != BACKUP_IDLE) {
        ret_state->bytes_done = backup->job.bytes_done;
        ret_state->bytes_total = backup->job.bytes_total;
    }
    lock_give(&backup->lock);
}
