/* buf.h — a growing byte buffer with a mandatory maximum.
 *
 * An append that would pass the maximum, or finds no memory, fails and marks the buffer as failed;
 * later appends then do nothing, so a chain of appends needs one check at its end (buf_err).
 * A buffer is owned by one thread at a time. buf_done() frees it and leaves it empty and usable. */
#ifndef PICOSHARE_BASE_BUF_H
#define PICOSHARE_BASE_BUF_H

#include "picoshare/base/err.h"
#include "picoshare/base/slice.h"
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *ptr;  /* owned (but see buf_init_in); followed by a NUL byte when not NULL */
    size_t len; /* bytes in use, the NUL not counted */
    size_t cap;
    size_t max; /* len never exceeds it */
    err_t err;  /* the first failure, or ERR_OK */
};

void buf_init(struct buf *b, size_t max);
/* In the bytes given, borrowed, of which the last is for the NUL: it finds no memory wanting. Not
 * for buf_done(), nor to be kept longer than they are. */
void buf_init_in(struct buf *b, char *bytes, size_t size);
void buf_done(struct buf *b);
/* Empties it, keeps the memory, forgets a failure. */
void buf_clear(struct buf *b);

void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_add_slice(struct buf *b, struct slice s);
void buf_add_str(struct buf *b, const char *s);
void buf_add_char(struct buf *b, char c);
void buf_add_u64(struct buf *b, uint64_t n);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The first failure of any append: ERR_OK, ERR_TOOBIG or ERR_NOMEM. */
err_t buf_err(const struct buf *b) MUST_CHECK;
/* What is in it, borrowed until the next change; never NULL ("" when empty). */
const char *buf_str(const struct buf *b);
struct slice buf_slice(const struct buf *b);

#endif
