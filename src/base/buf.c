#include "picoshare/base/buf.h"
#include "picoshare/base/check.h"
#include "picoshare/base/mem.h"
#include <stdarg.h>
#include <stdio.h>

enum { FIRST_CAP = 256 };

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_init_in(struct buf *b, char *bytes, size_t size)
{
    check(size > 0);
    bytes[0] = '\0';
    *b = (struct buf){.ptr = bytes, .cap = size, .max = size - 1};
}

void buf_done(struct buf *b)
{
    mem_free(b->ptr);
    buf_init(b, b->max);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->err = ERR_OK;
    if (b->ptr != NULL) {
        b->ptr[0] = '\0';
    }
}

/* Makes room for `more` bytes and the NUL; false marks the buffer as failed. */
static bool reserve(struct buf *b, size_t more)
{
    if (b->err != ERR_OK) {
        return false;
    }
    if (more > b->max - b->len) {
        b->err = ERR_TOOBIG;
        return false;
    }
    size_t need = b->len + more + 1;
    if (need <= b->cap) {
        return true;
    }
    size_t cap = b->cap != 0 ? b->cap : FIRST_CAP;
    while (cap < need) {
        cap *= 2;
    }
    if (cap - 1 > b->max) {
        cap = b->max + 1; /* the maximum and the NUL */
    }
    char *ptr = mem_resize(b->ptr, cap);
    if (ptr == NULL) {
        b->err = ERR_NOMEM;
        return false;
    }
    b->ptr = ptr;
    b->cap = cap;
    return true;
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
    if (!reserve(b, len)) {
        return;
    }
    if (len > 0) {
        memcpy(b->ptr + b->len, bytes, len);
    }
    b->len += len;
    b->ptr[b->len] = '\0';
}

void buf_add_slice(struct buf *b, struct slice s)
{
    buf_add(b, s.ptr, s.len);
}

void buf_add_str(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_add_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_add_u64(struct buf *b, uint64_t n)
{
    char digits[20];
    size_t used = 0;
    do {
        digits[sizeof digits - ++used] = (char)('0' + n % 10);
        n /= 10;
    } while (n != 0);
    buf_add(b, digits + sizeof digits - used, used);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    check(len >= 0);
    if (!reserve(b, (size_t)len)) {
        return;
    }
    va_start(args, fmt);
    (void)vsnprintf(b->ptr + b->len, (size_t)len + 1, fmt, args);
    va_end(args);
    b->len += (size_t)len;
}

err_t buf_err(const struct buf *b)
{
    return b->err;
}

const char *buf_str(const struct buf *b)
{
    return b->ptr != NULL ? b->ptr : "";
}

struct slice buf_slice(const struct buf *b)
{
    return slice_of(buf_str(b), b->len);
}
