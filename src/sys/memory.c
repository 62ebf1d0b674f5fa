#include "picoshare/sys/memory.h"
#include "picoshare/base/limits.h"
#include <malloc.h>

void memory_tune(void)
{
    /* Few arenas: each keeps what its threads freed. A fixed threshold, above the 328 kB that
     * SQLite allocates per chunk row: by default every such allocation is mapped and unmapped, and
     * the threshold then creeps up, which makes memory use depend on history. */
    (void)mallopt(M_ARENA_MAX, 2);
    (void)mallopt(M_MMAP_THRESHOLD, 4 * MIB);
    (void)mallopt(M_TRIM_THRESHOLD, 1 * MIB);
}
