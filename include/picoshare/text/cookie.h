/* cookie.h — one value out of a Cookie header.
 *
 * Pure and thread-safe. The value is borrowed from the header.
 * Source: RFC 6265 §5.4, read leniently: pairs end at ';', blanks around names and values do not
 * count, a value in double quotes is given without them. The first pair of the name wins: user
 * agents send the cookie of the longest path first. */
#ifndef PICOSHARE_TEXT_COOKIE_H
#define PICOSHARE_TEXT_COOKIE_H

#include "picoshare/base/slice.h"
#include <stdbool.h>

/* False, with *ret_value unchanged, when there is no cookie of that name (case counts). */
bool cookie_get(struct slice header, const char *name, struct slice *ret_value);

#endif
