/* range.h — the Range header of a request, applied to a body of known size.
 *
 * Pure and thread-safe; nothing is allocated, the header is borrowed for the call.
 * Source: RFC 9110 §14.1 and §14.2, and PicoShare's answers: a malformed set of byte ranges is
 * refused rather than ignored, an unknown unit is ignored. Ranges come back in the order asked,
 * clamped to the body, none of them empty; overlapping ones are kept apart. */
#ifndef PICOSHARE_TEXT_RANGE_H
#define PICOSHARE_TEXT_RANGE_H

#include "picoshare/base/slice.h"
#include <stddef.h>
#include <stdint.h>

/* Players and readers of documents ask for a handful; more is asked by attackers only. */
enum { RANGE_MAX_PARTS = 16 };

enum range_kind {
    RANGE_NONE,         /* send the whole body: 200 */
    RANGE_ONE,          /* send r[0]: 206 with Content-Range */
    RANGE_MANY,         /* send r[0] to r[n - 1]: 206 as multipart/byteranges */
    RANGE_INVALID,      /* 416 without Content-Range, text "invalid range" */
    RANGE_UNSATISFIABLE /* 416 with Content-Range, text "invalid range: failed to overlap" */
};

struct byte_range {
    int64_t first;
    int64_t last; /* inclusive, so never less than first */
};

struct range_set {
    enum range_kind kind;
    size_t n; /* 1 for RANGE_ONE, 2 and more for RANGE_MANY, else 0 */
    struct byte_range r[RANGE_MAX_PARTS];
};

/* The header's value (empty when there was none) for a body of `size` bytes, size >= 0. */
void range_parse(struct slice header, int64_t size, struct range_set *ret_set);

#endif
