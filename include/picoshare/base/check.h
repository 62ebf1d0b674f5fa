/* check.h — what must be true, and who cleans up.
 *
 * check() stays on in release builds: a broken invariant ends the process at once, the service
 * manager starts it again, and SQLite makes that safe. It is for our own mistakes, never for
 * foreign input. Objects that cross a void pointer carry a magic number, checked on arrival and
 * cleared when they are freed. */
#ifndef PICOSHARE_BASE_CHECK_H
#define PICOSHARE_BASE_CHECK_H

#include <stdint.h>

#define check(cond)                                                                                \
    do {                                                                                           \
        if (__builtin_expect(!(cond), 0)) {                                                        \
            check_failed(#cond, __FILE__, __LINE__);                                               \
        }                                                                                          \
    } while (0)

_Noreturn void check_failed(const char *cond, const char *file, int line);

/* Moves ownership out of a pointer variable: yields its value and leaves NULL. */
#define TAKE(ptr)                                                                                  \
    ({                                                                                             \
        __typeof__(ptr) taken_ = (ptr);                                                            \
        (ptr) = NULL;                                                                              \
        taken_;                                                                                    \
    })

/* A local variable that calls fn(&variable) when it leaves its scope. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* The object of which `member` at `ptr` is a part. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
