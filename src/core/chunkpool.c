/* chunkpool.c — a buffer goes back to whoever in line may have it and whose client holds the least;
 * among equals, who came first. It is handed over under the lock (chunk_user.ready), so that a
 * newcomer cannot take it away from somebody who has waited. With at most MAX_UPLOADS users a walk
 * over the list is cheap. */
#include "picoshare/core/chunkpool.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/lock.h"
#include "picoshare/base/mem.h"
#include <string.h>
#include <sys/mman.h>

struct chunkpool {
    struct lock lock; /* guards everything below */
    char *memory;
    size_t buffers;
    void **free; /* a stack: the buffer used last is taken first */
    size_t free_count;
    struct list users;
    uint64_t next_place;
    bool touched; /* since the last trim */
};

err_t chunkpool_new(size_t buffers, struct chunkpool **ret_pool)
{
    struct chunkpool *pool = mem_alloc(1, sizeof *pool);
    if (pool == NULL) {
        return ERR_NOMEM;
    }
    lock_init(&pool->lock);
    list_init(&pool->users);
    pool->buffers = buffers;
    pool->free = mem_alloc(buffers, sizeof *pool->free);
    pool->memory = mmap(NULL, buffers * CHUNK_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pool->free == NULL || pool->memory == MAP_FAILED) {
        chunkpool_free(pool);
        return ERR_NOMEM;
    }
    /* Last on the stack is the first buffer of the mapping. */
    for (size_t i = buffers; i > 0; i--) {
        pool->free[pool->free_count++] = pool->memory + (i - 1) * CHUNK_BYTES;
    }
    *ret_pool = pool;
    return ERR_OK;
}

void chunkpool_free(struct chunkpool *pool)
{
    if (pool == NULL) {
        return;
    }
    check(list_is_empty(&pool->users));
    if (pool->memory != NULL && pool->memory != MAP_FAILED) {
        check(munmap(pool->memory, pool->buffers * CHUNK_BYTES) == 0);
    }
    mem_free(pool->free);
    lock_done(&pool->lock);
    mem_free(pool);
}

void chunkpool_join(struct chunkpool *pool, struct chunk_user *user, const char *client,
                    bool is_guest, void (*wake)(struct chunk_user *user))
{
    *user = (struct chunk_user){.is_guest = is_guest, .wake = wake};
    client_name(client, user->client);
    lock_take(&pool->lock);
    list_add(&pool->users, &user->all);
    lock_give(&pool->lock);
}

static bool same_client(const struct chunk_user *a, const struct chunk_user *b)
{
    return a->is_guest == b->is_guest && strcmp(a->client, b->client) == 0;
}

/* Buffers of all users of the same client, those set aside included. */
static size_t held_by_client(const struct chunkpool *pool, const struct chunk_user *user)
{
    size_t held = 0;
    LIST_EACH(u, &pool->users, const struct chunk_user, all)
    {
        held += same_client(u, user) ? u->held : 0;
    }
    return held;
}

/* Given what is free and what the user's client holds. */
static bool may_have(const struct chunk_user *user, size_t free_count, size_t held)
{
    return free_count > (user->is_guest ? OWNER_BUFFERS : 0) && held < CLIENT_MAX_BUFFERS;
}

static bool may_take(const struct chunkpool *pool, const struct chunk_user *user)
{
    return may_have(user, pool->free_count, held_by_client(pool, user));
}

static void *pop(struct chunkpool *pool, struct chunk_user *user)
{
    user->held++;
    user->is_taker = true;
    pool->touched = true;
    return pool->free[--pool->free_count];
}

/* Who of those in line is next; NULL: none may have a buffer. */
static struct chunk_user *first_in_line(const struct chunkpool *pool)
{
    struct chunk_user *first = NULL;
    size_t least = 0;
    LIST_EACH(u, &pool->users, struct chunk_user, all)
    {
        if (!u->waiting) {
            continue;
        }
        size_t held = held_by_client(pool, u);
        bool before = first == NULL || held < least || (held == least && u->place < first->place);
        if (before && may_have(u, pool->free_count, held)) {
            first = u;
            least = held;
        }
    }
    return first;
}

/* Hands free buffers to those in line. */
static void serve_line(struct chunkpool *pool)
{
    for (;;) {
        struct chunk_user *first = first_in_line(pool);
        if (first == NULL) {
            return;
        }
        first->waiting = false;
        first->ready = pop(pool, first);
        first->wake(first);
    }
}

static void put_back(struct chunkpool *pool, struct chunk_user *user, void *buffer)
{
    check(user->held > 0);
    user->held--;
    pool->free[pool->free_count++] = buffer;
}

void chunkpool_quit_line(struct chunkpool *pool, struct chunk_user *user)
{
    lock_take(&pool->lock);
    user->waiting = false;
    if (user->ready != NULL) {
        put_back(pool, user, TAKE(user->ready));
        serve_line(pool);
    }
    lock_give(&pool->lock);
}

void chunkpool_leave(struct chunkpool *pool, struct chunk_user *user)
{
    chunkpool_quit_line(pool, user);
    lock_take(&pool->lock);
    check(user->held == 0);
    list_remove(&user->all);
    lock_give(&pool->lock);
}

void *chunkpool_take(struct chunkpool *pool, struct chunk_user *user, int64_t now_ms)
{
    lock_take(&pool->lock);
    void *buffer = NULL;
    if (user->ready != NULL) {
        buffer = TAKE(user->ready);
    } else if (!user->waiting && may_take(pool, user)) {
        buffer = pop(pool, user);
    } else if (!user->waiting) {
        user->waiting = true;
        user->waiting_since_ms = now_ms;
        user->place = pool->next_place++;
    }
    lock_give(&pool->lock);
    return buffer;
}

void chunkpool_give(struct chunkpool *pool, struct chunk_user *user, void *buffer)
{
    lock_take(&pool->lock);
    put_back(pool, user, buffer);
    serve_line(pool);
    lock_give(&pool->lock);
}

size_t chunkpool_share(struct chunkpool *pool)
{
    size_t takers = 0;
    lock_take(&pool->lock);
    LIST_EACH(u, &pool->users, const struct chunk_user, all)
    {
        takers += u->is_taker;
    }
    lock_give(&pool->lock);
    size_t share = takers > 0 ? LONG_UPLOAD_BUFFERS / takers : LONG_UPLOAD_BUFFERS;
    return share > FAIR_BUFFERS ? share : FAIR_BUFFERS;
}

bool chunkpool_waits_since(struct chunkpool *pool, const struct chunk_user *user, int64_t ms)
{
    lock_take(&pool->lock);
    bool waits = user->waiting && user->waiting_since_ms <= ms;
    lock_give(&pool->lock);
    return waits;
}

bool chunkpool_would_help(struct chunkpool *pool, const struct chunk_user *holder,
                          const struct chunk_user *waiter)
{
    lock_take(&pool->lock);
    size_t held = held_by_client(pool, waiter) - (same_client(holder, waiter) ? 1 : 0);
    bool would =
        holder->held > 0 && waiter->waiting && may_have(waiter, pool->free_count + 1, held);
    lock_give(&pool->lock);
    return would;
}

size_t chunkpool_used(struct chunkpool *pool)
{
    lock_take(&pool->lock);
    size_t used = pool->buffers - pool->free_count;
    lock_give(&pool->lock);
    return used;
}

void chunkpool_trim(struct chunkpool *pool)
{
    lock_take(&pool->lock);
    if (pool->touched && pool->free_count == pool->buffers) {
        (void)madvise(pool->memory, pool->buffers * CHUNK_BYTES, MADV_DONTNEED);
        pool->touched = false;
    }
    lock_give(&pool->lock);
}
