/* params.h — the parameters of a header value: the `; name=value` list after the first word of
 * Content-Type and Content-Disposition (RFC 9110 §5.6.6, RFC 2183).
 *
 * Pure: no I/O, no allocation, thread-safe. Slices are borrowed from the input.
 * As lenient as real clients need: blanks around "=", empty parameters (";;"), and an unquoted
 * value of any bytes but blanks, controls, quotes and semicolons. Controls are refused, but for
 * those within quotes that end neither a line nor a C string: browsers send a file's name as it is,
 * so whoever reads the value decides. So do bytes above 0x7F pass, which is UTF-8. */
#ifndef PICOSHARE_TEXT_PARAMS_H
#define PICOSHARE_TEXT_PARAMS_H

#include "picoshare/base/err.h"
#include "picoshare/base/slice.h"
#include <stdbool.h>
#include <stddef.h>

struct param {
    struct slice name;
    struct slice raw; /* between the quotes when quoted, escapes not resolved */
    bool quoted;
};

/* A non-empty token of RFC 9110 §5.6.2. */
bool param_is_token(struct slice s);
/* A byte that no header value may hold: all controls but the tab. */
bool param_is_control(char c);
/* Takes the word before the first parameter off *rest: "form-data", "multipart/form-data". Blanks
 * around it are dropped. Not checked. */
struct slice param_first_word(struct slice *rest);
/* Takes one parameter off *rest. ERR_NOTFOUND: there is none left. ERR_INVALID: broken syntax. */
err_t param_next(struct slice *rest, struct param *ret_param) MUST_CHECK;
/* Resolves \" and \\ of a quoted value; any other backslash stands for itself, so that a path like
 * C:\dir\name keeps its bytes. Writes a C string and gives its length, which is at most raw.len.
 * dst has room for raw.len + 1 bytes and may be the very memory of raw. */
size_t param_unquote(struct slice raw, char *dst);

#endif
