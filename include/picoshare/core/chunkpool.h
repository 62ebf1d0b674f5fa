/* chunkpool.h — the upload budget: a fixed number of chunk buffers for all uploads together.
 *
 * A user takes a buffer, or is put in line and woken with a buffer set aside for it. No client
 * (text/client_name.h) may hold more than CLIENT_MAX_BUFFERS, so one client cannot stop the others;
 * in line, whose client holds the least comes first. OWNER_BUFFERS are not for guests, so however
 * many they are they cannot stop the owner; a guest at the owner's address, which may be that of a
 * proxy, is another client.
 * The memory is one mapping that becomes resident as buffers are used, the same ones first, and is
 * given back to the system by chunkpool_trim() when nobody uses it.
 * Thread-safe. A struct chunk_user is owned by its upload and alive between _join and _leave. */
#ifndef PICOSHARE_CORE_CHUNKPOOL_H
#define PICOSHARE_CORE_CHUNKPOOL_H

#include "picoshare/base/err.h"
#include "picoshare/base/list.h"
#include "picoshare/text/client_name.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chunkpool;

struct chunk_user {
    char client[CLIENT_NAME_BYTES];
    bool is_guest;
    void (*wake)(struct chunk_user *user); /* called by any thread, with the pool's lock held */
    /* the pool's: */
    struct list all;
    size_t held;
    bool is_taker;  /* has had a buffer */
    void *ready;    /* a buffer set aside for it */
    bool waiting;   /* in line */
    uint64_t place; /* its place in the line: lowest first */
    int64_t waiting_since_ms;
};

err_t chunkpool_new(size_t buffers, struct chunkpool **ret_pool) MUST_CHECK;
/* All users must have left. NULL is fine. */
void chunkpool_free(struct chunkpool *pool);

/* client: the address whose share the user's buffers count towards. */
void chunkpool_join(struct chunkpool *pool, struct chunk_user *user, const char *client,
                    bool is_guest, void (*wake)(struct chunk_user *user));
/* Wants no more buffers: leaves the line, and gives back what was set aside. */
void chunkpool_quit_line(struct chunkpool *pool, struct chunk_user *user);
/* Leaves the line too. Every buffer must have been given back. */
void chunkpool_leave(struct chunkpool *pool, struct chunk_user *user);

/* A buffer of CHUNK_BYTES; or NULL, and user->wake is called once when trying again will work. */
void *chunkpool_take(struct chunkpool *pool, struct chunk_user *user, int64_t now_ms);
void chunkpool_give(struct chunkpool *pool, struct chunk_user *user, void *buffer);

/* Buffers that one user should hold at the most now: those who have ever had some share
 * LONG_UPLOAD_BUFFERS, but have no fewer than FAIR_BUFFERS each. */
size_t chunkpool_share(struct chunkpool *pool);

/* Whether the user has been in line since before the given time. */
bool chunkpool_waits_since(struct chunkpool *pool, const struct chunk_user *user, int64_t ms);

/* Whether the waiting user could have one of the holder's buffers, were it given back. */
bool chunkpool_would_help(struct chunkpool *pool, const struct chunk_user *holder,
                          const struct chunk_user *waiter);

/* Buffers in use or set aside. */
size_t chunkpool_used(struct chunkpool *pool);
/* Gives unused memory back to the system if no buffer is in use. */
void chunkpool_trim(struct chunkpool *pool);

#endif
