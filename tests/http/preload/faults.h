/* faults.h — what a test and the library preloaded into its server share: which calls fail.
 *
 * A file that both map. The test writes it while the server runs: first `kinds` 0, then the rest,
 * `kinds` last. Every member may be touched by any thread of either side. */
#ifndef PICOSHARE_TESTS_HTTP_PRELOAD_FAULTS_H
#define PICOSHARE_TESTS_HTTP_PRELOAD_FAULTS_H

#include <stdint.h>

enum {
    FAULT_WRITE = 1,  /* pwrite */
    FAULT_SIZE = 2,   /* ftruncate, fallocate, posix_fallocate */
    FAULT_FLUSH = 4,  /* fsync, fdatasync */
    FAULT_READ = 8,   /* pread */
    FAULT_MEMORY = 16 /* malloc, calloc, realloc: NULL */
};

struct faults {
    _Atomic uint32_t kinds;        /* of calls that are counted and fail; 0: none */
    _Atomic int32_t error;         /* errno of what fails */
    _Atomic int32_t lasting;       /* not 0: every later one fails too */
    _Atomic int32_t spares_crypto; /* not 0: libcrypto always gets its memory */
    _Atomic int32_t removal_ms;    /* so long waits an EPOLL_CTL_DEL of the main thread */
    _Atomic int64_t allowed;       /* calls that still succeed before the first failure */
    _Atomic int64_t met;           /* failures so far */
};

#endif
