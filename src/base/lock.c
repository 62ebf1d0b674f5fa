#include "picoshare/base/lock.h"
#include "picoshare/base/check.h"
#include <errno.h>
#include <time.h>

void lock_init(struct lock *lock)
{
    check(pthread_mutex_init(&lock->mutex, NULL) == 0);
    lock->held = false;
}

void lock_done(struct lock *lock)
{
    check(pthread_mutex_destroy(&lock->mutex) == 0);
}

void lock_take(struct lock *lock)
{
    check(pthread_mutex_lock(&lock->mutex) == 0);
    lock->owner = pthread_self();
    lock->held = true;
}

void lock_give(struct lock *lock)
{
    lock_assert_held(lock);
    lock->held = false;
    check(pthread_mutex_unlock(&lock->mutex) == 0);
}

void lock_assert_held(const struct lock *lock)
{
    check(lock->held && pthread_equal(lock->owner, pthread_self()));
}

void lock_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    check(pthread_condattr_init(&attr) == 0);
    check(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    check(pthread_cond_init(cond, &attr) == 0);
    check(pthread_condattr_destroy(&attr) == 0);
}

bool lock_cond_wait(pthread_cond_t *cond, struct lock *lock, int64_t timeout_ms)
{
    lock_assert_held(lock);
    lock->held = false;
    int rc = 0;
    if (timeout_ms < 0) {
        rc = pthread_cond_wait(cond, &lock->mutex);
    } else {
        struct timespec until;
        check(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
        until.tv_sec += timeout_ms / 1000;
        until.tv_nsec += timeout_ms % 1000 * 1000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
        rc = pthread_cond_timedwait(cond, &lock->mutex, &until);
    }
    check(rc == 0 || rc == ETIMEDOUT);
    lock->owner = pthread_self();
    lock->held = true;
    return rc == 0;
}
