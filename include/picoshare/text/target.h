/* target.h — the target of a request as it stands in the request line, before any decoding.
 *
 * Routing works on these raw bytes, so that an encoded slash or NUL cannot pass for something else.
 * Slices given back are borrowed: they point into the target that was given (or to constants).
 * Pure and thread-safe. Errors: ERR_INVALID for 400, ERR_TOOBIG when the given room is too small.
 * Source: RFC 9112 §3.2, RFC 3986 §2.1; WHATWG URL §5.1 for forms. */
#ifndef PICOSHARE_TEXT_TARGET_H
#define PICOSHARE_TEXT_TARGET_H

#include "picoshare/base/err.h"
#include "picoshare/base/slice.h"
#include <stdbool.h>
#include <stddef.h>

struct target {
    struct slice path;      /* still encoded; begins with '/' */
    struct slice query;     /* still encoded, without the '?'; ptr NULL when there is no '?' */
    struct slice authority; /* host and port of the absolute-form; ptr NULL in the origin-form */
};

/* Origin-form, or absolute-form (http, https), whose scheme is dropped. Refused are other forms,
 * users in the authority, blanks, control characters, broken escapes in the path, and "%00"
 * anywhere. */
err_t target_split(struct slice raw, struct target *ret_target) MUST_CHECK;

/* The decoded path as a C string; strlen(raw_path) + 1 bytes are always enough. Also tells whether
 * a slash was encoded ("%2F"): no id holds one, so a route with an id answers 400.
 * ERR_INVALID: not beginning with '/', a broken escape, "%00". */
err_t target_decode_path(struct slice raw_path, char *dst, size_t dst_size,
                         bool *ret_encoded_slash) MUST_CHECK;

/* A decoded path is clean when it begins with '/', has no empty segment but the last, and no
 * segment "." or "..". Others are answered with a redirect to the clean form. */
bool target_is_clean(const char *path);
/* Makes a decoded path that begins with '/' clean, in place. A slash at the end stays. The result
 * begins with exactly one '/', so that percent_add_path() of it can be a Location: it cannot name
 * another host. */
void target_clean_path(char *path);

/* The first value of a parameter in a query, or in the body of a form
 * (application/x-www-form-urlencoded): '+' is a blank, %XX a byte. An absent value ("a" in "a&b=")
 * is an empty one. Pairs that hold a broken escape, "%00", or a raw ';' count as not there, which
 * is how PicoShare sees them.
 * ERR_NOTFOUND: no such parameter. ERR_INVALID: only pairs of that name that do not count.
 * ERR_TOOBIG: its value needs more than dst_size - 1 bytes. On
 * failure dst is "". */
err_t target_query_get(struct slice query, const char *name, char *dst, size_t dst_size) MUST_CHECK;

#endif
