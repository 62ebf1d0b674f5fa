/* utf8.h — UTF-8, strictly: no overlong form, no surrogate, nothing above U+10FFFF.
 *
 * Pure and thread-safe. Source: RFC 3629 §4. */
#ifndef PICOSHARE_BASE_UTF8_H
#define PICOSHARE_BASE_UTF8_H

#include "picoshare/base/slice.h"
#include <stdbool.h>
#include <stdint.h>

/* What stands for a byte that belongs to no character. */
#define UTF8_REPLACEMENT UINT32_C(0xFFFD)

/* Takes one character off the front of *rest, which must not be empty. False when the bytes there
 * are no character: one byte is taken, and *ret_char is UTF8_REPLACEMENT. */
bool utf8_next(struct slice *rest, uint32_t *ret_char);

bool utf8_is_valid(struct slice s);

#endif
