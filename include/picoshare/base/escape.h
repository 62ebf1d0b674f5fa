/* escape.h — other people's text on a terminal, or in a log that is read on one.
 *
 * What a terminal would obey, what changes the order of what is read, and what ends a line stands
 * as \xNN, byte by byte: control characters of both kinds (C0 and C1), marks of direction
 * (UAX #9), U+2028 and U+2029, U+FEFF, and bytes that are no UTF-8. A backslash stands before '"'
 * and '\\', so that the text can stand in quotes. Pure and thread-safe. */
#ifndef PICOSHARE_BASE_ESCAPE_H
#define PICOSHARE_BASE_ESCAPE_H

#include "picoshare/base/slice.h"

enum { ESCAPED_SIZE = 4 * 4 + 1 }; /* four bytes of one character, and a NUL */

/* Takes one character off the front of *rest, which must not be empty, and prints it. */
void escape_next(struct slice *rest, char ret_text[ESCAPED_SIZE]);
/* The same for a JSON string (RFC 8259 7): \uNNNN for those characters, quotation mark and
 * backslash too, and U+FFFD in the place of each byte that is no UTF-8. */
void escape_next_json(struct slice *rest, char ret_text[ESCAPED_SIZE]);

#endif
