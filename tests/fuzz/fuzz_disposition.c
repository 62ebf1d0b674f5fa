/* The input is taken as a Content-Disposition value, as a path and as a file name.
 * Properties: decoded text is never longer than its raw form and the same when decoded in place; a
 * printed name is printable ASCII, and reading it gives the name back. */
#include "fuzz.h"
#include "picoshare/base/check.h"
#include "picoshare/base/utf8.h"
#include "picoshare/text/disposition.h"
#include <stdlib.h>

static void check_decode(struct disposition_value value)
{
    char *text = malloc(value.raw.len + 1);
    char *in_place = malloc(value.raw.len + 1);
    check(text != NULL && in_place != NULL);
    size_t len = disposition_decode(value, text);
    check(len <= value.raw.len && strlen(text) == len);
    if (value.raw.len > 0) {
        memcpy(in_place, value.raw.ptr, value.raw.len);
    }
    value.raw.ptr = in_place;
    check(disposition_decode(value, in_place) == len);
    check(memcmp(text, in_place, len + 1) == 0);
    free(text);
    free(in_place);
}

static void check_parse(struct slice value)
{
    struct disposition d;
    err_t err = disposition_parse(value, &d);
    check(err == ERR_OK || err == ERR_INVALID || err == ERR_EXISTS);
    if (err == ERR_OK) {
        check(d.type.len > 0);
        check_decode(d.name);
        check_decode(d.filename);
    }
}

static void check_base_name(const char *text)
{
    size_t len = strlen(text);
    char *path = malloc(len + 1);
    check(path != NULL);
    memcpy(path, text, len + 1);
    const char *base = disposition_base_name(path);
    check(base >= path && base + strlen(base) <= path + len);
    check(strchr(base, '/') == NULL || strcmp(base, "/") == 0);
    check((*base == '\0') == (len == 0));
    free(path);
}

static void check_round_trip(const char *filename, bool attachment)
{
    struct buf out;
    buf_init(&out, SIZE_MAX / 2);
    disposition_print(&out, attachment, filename);
    check(buf_err(&out) == ERR_OK);
    for (size_t i = 0; i < out.len; i++) {
        check(out.ptr[i] >= ' ' && out.ptr[i] <= '~');
    }
    struct disposition d;
    check(disposition_parse(buf_slice(&out), &d) == ERR_OK);
    check(slice_eq(d.type, attachment ? SLICE("attachment") : SLICE("inline")));
    char *text = malloc(d.filename.raw.len + 1);
    check(text != NULL && d.filename.form != DISPOSITION_ABSENT);
    (void)disposition_decode(d.filename, text);
    check(!utf8_is_valid(slice_str(filename)) || strcmp(text, filename) == 0);
    free(text);
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_parse(slice_of(data, size));
    char *text = malloc(size + 1);
    check(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    check_base_name(text);
    check_round_trip(text, size % 2 == 0);
    free(text);
    return 0;
}
