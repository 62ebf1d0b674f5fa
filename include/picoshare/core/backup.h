/* backup.h — the one copy of the database that may be made at a time, and who has it.
 *
 * backup_start() makes the caller its holder, until backup_end(). The copying is done by the
 * writer (store.h); afterwards the holder reads the copy, which is gone with backup_end().
 *
 * Threads: the holder's functions by one thread at a time, backup_state() by any; is_wanted() and
 * wake() are called by the writer thread until the copying has ended. */
#ifndef PICOSHARE_CORE_BACKUP_H
#define PICOSHARE_CORE_BACKUP_H

#include "picoshare/store/store.h"

struct backup;

err_t backup_new(struct store *store, struct backup **ret_backup) MUST_CHECK;
/* After the store was closed. NULL is fine. */
void backup_free(struct backup *backup);

/* What the holder is asked, and told; with arg. */
struct backup_holder {
    bool (*is_wanted)(void *arg); /* false: the copying may end, with ERR_CLOSED */
    void (*wake)(void *arg);      /* the copying has ended */
    void *arg;
};
/* ERR_EXISTS: somebody else has it. */
err_t backup_start(struct backup *backup, const struct backup_holder *holder) MUST_CHECK;
/* Whether the copying has ended; how, as store_backup says it; and the copy's size. */
bool backup_copied(struct backup *backup, err_t *ret_result, int64_t *ret_bytes);
/* Bytes of the copy from pos on, at most max; 0: there are none, or it cannot be read. */
size_t backup_read(const struct backup *backup, int64_t pos, void *ret_bytes, size_t max);
/* Not while it is copied. The next one may start. */
void backup_end(struct backup *backup);

enum backup_step { BACKUP_IDLE, BACKUP_COPYING, BACKUP_SENDING };
struct backup_state {
    enum backup_step step;
    int64_t bytes_done; /* that are copied */
    int64_t bytes_total;
};
void backup_state(struct backup *backup, struct backup_state *ret_state);

#endif
