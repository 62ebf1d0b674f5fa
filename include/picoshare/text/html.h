/* html.h — text inside HTML.
 *
 * Thread-safe; allocates only through the given buffer, whose error the caller checks at the end.
 * Good for element content and for attribute values in quotes; not for scripts, styles or
 * addresses. Source: HTML Living Standard §13.3 (and ' for attributes in single quotes). */
#ifndef PICOSHARE_TEXT_HTML_H
#define PICOSHARE_TEXT_HTML_H

#include "picoshare/base/buf.h"

/* Appends s with & < > " ' as character references. */
void html_escape(struct buf *out, const char *s);

#endif
