#include "picoshare/base/mem.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static _Atomic int64_t fail_after = -1;

void mem_fail_after(int64_t count)
{
    atomic_store(&fail_after, count);
}

static bool must_fail(void)
{
    int64_t left = atomic_load_explicit(&fail_after, memory_order_relaxed);
    if (left < 0) {
        return false;
    }
    if (left == 0) {
        return true;
    }
    atomic_fetch_sub(&fail_after, 1);
    return false;
}

void *mem_alloc(size_t n, size_t size)
{
    return must_fail() ? NULL : calloc(n, size);
}

void *mem_resize(void *ptr, size_t size)
{
    return must_fail() ? NULL : realloc(ptr, size);
}

char *mem_dup(const void *bytes, size_t len)
{
    char *copy = mem_alloc(len + 1, 1);
    if (copy != NULL && len > 0) {
        memcpy(copy, bytes, len);
    }
    return copy;
}

void mem_free(void *ptr)
{
    free(ptr);
}

void mem_freep(void *ptr_to_ptr)
{
    void *ptr = NULL;
    memcpy(&ptr, ptr_to_ptr, sizeof ptr);
    free(ptr);
}
