#include "picoshare/sys/process.h"
#include "picoshare/base/limits.h"
#include <malloc.h>
#include <sys/resource.h>

void process_tune_memory(void)
{
    /* Few arenas: each keeps what its threads freed. A fixed threshold, above the 328 kB that
     * SQLite allocates per chunk row: by default every such allocation is mapped and unmapped, and
     * the threshold then creeps up, which makes memory use depend on history. */
    (void)mallopt(M_ARENA_MAX, 2);
    (void)mallopt(M_MMAP_THRESHOLD, 4 * MIB);
    (void)mallopt(M_TRIM_THRESHOLD, 1 * MIB);
}

err_t process_raise_file_limit(void)
{
    enum { OTHER_FILES = 64 }; /* database, logs, epoll, pipes of the workers */
    const rlim_t needed = MAX_CONNECTIONS + OTHER_FILES;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return ERR_IO;
    }
    if (limit.rlim_cur >= needed) {
        return ERR_OK;
    }
    limit.rlim_cur = limit.rlim_max < needed ? limit.rlim_max : needed;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return ERR_IO;
    }
    return limit.rlim_cur < needed ? ERR_TOOBIG : ERR_OK;
}
