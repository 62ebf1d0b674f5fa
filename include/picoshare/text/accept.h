/* accept.h — which of the media types that we can send a client likes best.
 *
 * Pure and thread-safe; nothing is allocated.
 * Source: RFC 9110 §12.5.1. The most specific element that matches a type gives its weight. Our
 * types are named without parameters; an element with parameters matches too, but counts less than
 * the same element without. Elements that are malformed are skipped. */
#ifndef PICOSHARE_TEXT_ACCEPT_H
#define PICOSHARE_TEXT_ACCEPT_H

#include "picoshare/base/slice.h"
#include <stddef.h>

/* Index of the type ("text/html", in lower case) with the highest weight, the first of several; n
 * when none is acceptable; 0 when the header names nothing at all (absent or empty). */
size_t accept_best(struct slice header, const char *const *types, size_t n);

#endif
