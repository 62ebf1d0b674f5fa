/* forwarded.h — the Forwarded header (RFC 7239) and its elder relatives, as far as they name
 * clients. Pure: no I/O, no allocation but in the given buffer. Thread-safe. */
#ifndef PICOSHARE_TEXT_FORWARDED_H
#define PICOSHARE_TEXT_FORWARDED_H

#include "picoshare/base/buf.h"
#include "picoshare/base/slice.h"

/* "192.0.2.7:80", "[2001:db8::1]:80" and "[2001:db8::1]" without port and brackets; anything else
 * as it is. Borrowed from the node. */
struct slice forwarded_address(struct slice node);

/* Appends the addresses of all "for" parameters, in their order, with ", " between them: the form
 * of X-Forwarded-For. Ports, brackets and quotes are dropped; a node without an address ("unknown",
 * "_hidden") stands as it is, an element without "for" as "unknown". */
void forwarded_add_clients(struct slice value, struct buf *out);

#endif
