/* mem.h — the only place that asks for memory.
 *
 * Everything here returns zeroed memory or NULL; nothing aborts. Tests can make the n-th
 * allocation fail (mem_fail_after), which is why no other file may call malloc.
 * Thread-safe. Memory is owned by the caller and given back with mem_free. */
#ifndef PICOSHARE_BASE_MEM_H
#define PICOSHARE_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed memory for n objects of the given size; NULL when there is none or n * size overflows. */
void *mem_alloc(size_t n, size_t size) __attribute__((warn_unused_result));
/* Like realloc: the first bytes keep their values, the rest is not zeroed. */
void *mem_resize(void *ptr, size_t size) __attribute__((warn_unused_result));
/* A copy as a C string. */
char *mem_dup(const void *bytes, size_t len) __attribute__((warn_unused_result));
void mem_free(void *ptr);
/* For CLEANUP(mem_freep) on a pointer variable of any type. */
void mem_freep(void *ptr_to_ptr);

/* Fault seam: after `count` more successful allocations, every one fails until it is called again;
 * a negative count (the start value) never fails. Tests only. */
void mem_fail_after(int64_t count);

#endif
