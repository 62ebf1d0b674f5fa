/* header_value.h — may these bytes be the value of an HTTP header that we send?
 *
 * Pure and thread-safe. Source: RFC 9110 §5.5: visible ASCII, blanks and tabs inside, bytes from
 * 0x80. No CR, LF, NUL or other control character, so that a stored text cannot begin a header of
 * its own; no blank at either end. The empty value is one. */
#ifndef PICOSHARE_TEXT_HEADER_VALUE_H
#define PICOSHARE_TEXT_HEADER_VALUE_H

#include "picoshare/base/slice.h"
#include <stdbool.h>

bool header_value_is_valid(struct slice value);

#endif
