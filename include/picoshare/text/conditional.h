/* conditional.h — the preconditions of a request for something that exists.
 *
 * Pure and thread-safe; the slices are borrowed for the call.
 * Source: RFC 9110 §13. An empty header counts as absent, a list of entity tags is read up to the
 * first element that is none, a date that cannot be read is ignored. */
#ifndef PICOSHARE_TEXT_CONDITIONAL_H
#define PICOSHARE_TEXT_CONDITIONAL_H

#include "picoshare/base/slice.h"
#include <stdbool.h>
#include <stdint.h>

/* Values of the headers of the same names; ptr NULL: absent. */
struct conditional {
    struct slice if_match;
    struct slice if_none_match;
    struct slice if_modified_since;
    struct slice if_unmodified_since;
    struct slice if_range;
};

enum condition {
    CONDITION_PASS,         /* answer as if there were no condition */
    CONDITION_NOT_MODIFIED, /* 304 */
    CONDITION_FAILED        /* 412 */
};

/* For GET and HEAD. The etag is a strong one with its quotes, or empty when there is none;
 * last_modified is in seconds since 1970, or negative when there is none. */
enum condition conditional_check(const struct conditional *c, struct slice etag,
                                 int64_t last_modified);

/* Whether a Range header counts: If-Range is absent or names what we have now. */
bool conditional_range_applies(const struct conditional *c, struct slice etag,
                               int64_t last_modified);

#endif
