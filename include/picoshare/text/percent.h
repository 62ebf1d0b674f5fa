/* percent.h — percent-encoding of bytes in addresses, both ways.
 *
 * Thread-safe; allocates only through the given buffer, whose error the caller checks at the end.
 * Source: RFC 3986 §2. */
#ifndef PICOSHARE_TEXT_PERCENT_H
#define PICOSHARE_TEXT_PERCENT_H

#include "picoshare/base/buf.h"
#include "picoshare/base/slice.h"
#include <stdbool.h>

/* For one segment of a path, or a name or value in a query: only letters, digits and "-._~" stay.
 * A segment "." or ".." is a matter of the caller: no encoding hides it. */
void percent_add_component(struct buf *out, struct slice s);
/* For a whole path: '/' and the other characters that a segment may hold (":@!$&'()*+,;=") stay
 * too. */
void percent_add_path(struct buf *out, struct slice path);

/* Takes one encoded byte off the front of *rest, which must not be empty, and returns it decoded
 * (0 to 255), or -1 for a broken escape. With plus_is_space a '+' is a blank, as in forms. */
int percent_next(struct slice *rest, bool plus_is_space);

#endif
