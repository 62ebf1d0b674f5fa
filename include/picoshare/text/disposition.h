/* disposition.h — the value of a Content-Disposition header, read and printed.
 *
 * Reading (RFC 7578 §4.2, RFC 2183, contract http-api.md 6.1): type, name and filename. A filename*
 * (RFC 8187, UTF-8 or ISO-8859-1) wins over filename; other parameters are ignored. Refused are a
 * parameter that we read and that comes twice (which one counts would be a guess), broken quoting,
 * controls outside quotes, a filename* of another charset, with a broken percent sequence or with a
 * NUL. A plain filename is stored as it is: "%22" stays "%22". Printing (improvements.md, RFC
 * 6266): see disposition_print.
 *
 * Pure: no I/O, no allocation but in the caller's buf, thread-safe. Slices are borrowed from the
 * parsed value. The text may hold any byte but NUL: what a file may be called is decided by core/.
 */
#ifndef PICOSHARE_TEXT_DISPOSITION_H
#define PICOSHARE_TEXT_DISPOSITION_H

#include "picoshare/base/buf.h"
#include "picoshare/base/err.h"
#include "picoshare/base/slice.h"
#include <stdbool.h>
#include <stddef.h>

enum disposition_form {
    DISPOSITION_ABSENT,
    DISPOSITION_PLAIN,  /* unquoted: the bytes are the text */
    DISPOSITION_QUOTED, /* what stood between the quotes, escapes not resolved */
    DISPOSITION_UTF8,   /* filename*: percent sequences are UTF-8 */
    DISPOSITION_LATIN1, /* filename*: percent sequences are ISO-8859-1 */
};

/* A parameter as it stands in the header; disposition_decode gives the text. */
struct disposition_value {
    enum disposition_form form;
    struct slice raw;
};

struct disposition {
    struct slice type; /* "form-data"; letters in either case */
    struct disposition_value name;
    struct disposition_value filename;
};

/* ERR_EXISTS: name, filename or filename* comes twice. ERR_INVALID: broken in another way. */
err_t disposition_parse(struct slice value, struct disposition *ret_disposition) MUST_CHECK;

/* Writes the text as a C string and gives its length, which is at most raw.len: no decoding makes
 * text longer. dst has room for raw.len + 1 bytes and may be the very memory of raw. */
size_t disposition_decode(struct disposition_value value, char *dst);

/* The part of a path after its last slash, slashes at the end not counted: "a/b.txt" -> "b.txt",
 * "/x/" -> "x". Nothing but slashes gives "/", which the file name rules refuse. Backslashes do not
 * separate. Cuts path in place; the result points into it. */
char *disposition_base_name(char *path);

/* `inline; filename="..."`, as every client understands it: an ASCII fallback, with "_" for each
 * character that is not ASCII and for quotes, backslashes, percent signs and controls; and, only
 * when there was one of those, filename* with the exact bytes. A name that is not UTF-8, which
 * older databases may hold, has the fallback alone. For any filename the output is printable ASCII.
 * Failures stay in the buf. */
void disposition_print(struct buf *out, bool attachment, const char *filename);

#endif
