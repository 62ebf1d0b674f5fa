/* memory_use.h — how much memory the process uses: found out by sys/memory.h, shown by web/.
 * Bytes; -1: not known here. Plain data. */
#ifndef PICOSHARE_BASE_MEMORY_USE_H
#define PICOSHARE_BASE_MEMORY_USE_H

#include <stdint.h>

struct memory_files; /* sys/memory.h: where it is found out */

struct memory_use {
    int64_t resident;      /* of the process, shared libraries included (VmRSS) */
    int64_t resident_peak; /* VmHWM */
    int64_t anonymous;     /* of it, what belongs to no file (RssAnon) */
    /* of the control group, which is what a memory limit is about: */
    int64_t group;            /* everything charged to it */
    int64_t group_page_cache; /* of it, cached file contents; given back when memory is short */
    int64_t group_limit;      /* -1 also when there is none */
};

#endif
