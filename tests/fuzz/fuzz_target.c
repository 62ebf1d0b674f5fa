/* The input is the raw target of a request.
 * Properties: the parts of a target lie inside it, a decoded path encodes and decodes to itself, a
 * cleaned path is clean, stays clean, and its Location cannot leave this host. */
#include "fuzz.h"
#include "picoshare/base/buf.h"
#include "picoshare/base/check.h"
#include "picoshare/text/percent.h"
#include "picoshare/text/target.h"
#include <stdlib.h>

static char *decode(struct slice raw, bool *ret_encoded_slash)
{
    char *path = malloc(raw.len + 1);
    check(path != NULL);
    check(target_decode_path(raw, path, raw.len + 1, ret_encoded_slash) == ERR_OK);
    return path;
}

static void check_encoding(const char *path)
{
    struct buf encoded;
    buf_init(&encoded, 3 * strlen(path));
    percent_add_path(&encoded, slice_str(path));
    check(buf_err(&encoded) == ERR_OK);
    bool encoded_slash = true;
    char *again = decode(buf_slice(&encoded), &encoded_slash);
    check(strcmp(again, path) == 0 && !encoded_slash);
    free(again);
    buf_done(&encoded);
}

static void check_clean(char *path)
{
    size_t len = strlen(path);
    bool was_clean = target_is_clean(path);
    char *before = malloc(len + 1);
    check(before != NULL);
    memcpy(before, path, len + 1);
    target_clean_path(path);
    check(strlen(path) <= len && target_is_clean(path));
    check(was_clean == (strcmp(before, path) == 0));
    free(before);

    struct buf location;
    buf_init(&location, 3 * len);
    percent_add_path(&location, slice_str(path));
    const char *text = buf_str(&location);
    check(text[0] == '/' && text[1] != '/' && strpbrk(text, "\\\r\n\t ") == NULL);
    buf_done(&location);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice raw = slice_of(data, size);
    struct target target;
    if (target_split(raw, &target) != ERR_OK) {
        return 0;
    }
    check(target.path.len > 0 && target.path.ptr[0] == '/');
    check(slice_find(target.path, '?') == target.path.len);
    check(target.path.len + target.query.len <= size);
    if (target.query.ptr != NULL) {
        check(target.query.ptr > raw.ptr && target.query.ptr[-1] == '?');
        check(target.query.ptr + target.query.len == raw.ptr + raw.len);
    }
    bool encoded_slash = false;
    char *path = decode(target.path, &encoded_slash);
    check(strlen(path) <= target.path.len);
    check_encoding(path);
    check_clean(path);
    free(path);
    return 0;
}
