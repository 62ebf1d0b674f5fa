/* lock.h — a mutex that knows who holds it, so that "the lock is held" can be a check().
 * Copying one is not allowed. Lock order: docs/ARCHITECTURE.md, chapter Threads. */
#ifndef PICOSHARE_BASE_LOCK_H
#define PICOSHARE_BASE_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct lock {
    pthread_mutex_t mutex;
    pthread_t owner;
    bool held; /* written and read by the holder only, but for lock_assert_held */
};

void lock_init(struct lock *lock);
void lock_done(struct lock *lock);
void lock_take(struct lock *lock);
void lock_give(struct lock *lock);
void lock_assert_held(const struct lock *lock);

/* A condition variable on the monotonic clock. */
void lock_cond_init(pthread_cond_t *cond);
/* Waits with the lock held; timeout_ms < 0 waits without end. False when the time is over. */
bool lock_cond_wait(pthread_cond_t *cond, struct lock *lock, int64_t timeout_ms);

#endif
