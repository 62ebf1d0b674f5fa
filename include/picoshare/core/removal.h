/* removal.h — deleting a file: done when nobody can see it any more; its rows go afterwards, in
 * slices that leave the others their turn, and after a crash with the next collection.
 *
 * Threads: as upload.h: the functions are called by one thread at a time, wake() by any thread, and
 * not after removal_close() has returned. Errors of the store. */
#ifndef PICOSHARE_CORE_REMOVAL_H
#define PICOSHARE_CORE_REMOVAL_H

#include "picoshare/store/store.h"

struct removal;

err_t removal_start(struct store *store, const char *id, void (*wake)(void *arg), void *wake_arg,
                    struct removal **ret_removal) MUST_CHECK;
/* Whether the outcome is known; ERR_OK also when there was no such file. */
bool removal_done(struct removal *removal, err_t *ret_result);
/* Lets go of it; it frees itself when the store no longer needs it. NULL is fine. */
void removal_close(struct removal *removal);

#endif
