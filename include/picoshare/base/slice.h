/* slice.h — a borrowed run of bytes: a pointer and a length, no terminator, no ownership.
 * Whoever hands one out says how long it stays valid. Thread-safe: values only. */
#ifndef PICOSHARE_BASE_SLICE_H
#define PICOSHARE_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *ptr; /* may be NULL when len is 0 */
    size_t len;
};

/* For string literals only. */
#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})

/* The bytes of a C string, borrowed; NULL gives the empty slice. */
static inline struct slice slice_str(const char *s)
{
    return (struct slice){s, s != NULL ? strlen(s) : 0};
}

static inline struct slice slice_of(const void *ptr, size_t len)
{
    return (struct slice){ptr, len};
}

/* The rest after the first n bytes; n must not exceed the length. Nothing is added to a NULL: not
 * even 0 may be. */
static inline struct slice slice_skip(struct slice s, size_t n)
{
    return (struct slice){n > 0 ? s.ptr + n : s.ptr, s.len - n};
}

bool slice_eq(struct slice a, struct slice b);
/* ASCII letters compare without case. */
bool slice_eq_nocase(struct slice a, struct slice b);
bool slice_starts(struct slice s, struct slice prefix);
/* Whether each of its bytes stands in `allowed`; true for the empty slice. */
bool slice_has_only(struct slice s, const char *allowed);
/* Index of the first byte c, or s.len when there is none. */
size_t slice_find(struct slice s, char c);
/* Without the blanks and tabs (OWS of RFC 9110 §5.6.3) at either end. */
struct slice slice_trim(struct slice s);
/* Copies into dst as a C string. False, and dst is "", when it does not fit or holds a NUL. */
bool slice_copy(struct slice s, char *dst, size_t dst_size);

#endif
