#include "picoshare/text/cookie.h"

static struct slice without_quotes(struct slice value)
{
    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"') {
        return slice_of(value.ptr + 1, value.len - 2);
    }
    return value;
}

bool cookie_get(struct slice header, const char *name, struct slice *ret_value)
{
    struct slice rest = header;
    while (rest.len > 0) {
        struct slice pair = slice_of(rest.ptr, slice_find(rest, ';'));
        rest = slice_skip(rest, pair.len < rest.len ? pair.len + 1 : pair.len);
        size_t equals = slice_find(pair, '=');
        if (equals < pair.len &&
            slice_eq(slice_trim(slice_of(pair.ptr, equals)), slice_str(name))) {
            *ret_value = without_quotes(slice_trim(slice_skip(pair, equals + 1)));
            return true;
        }
    }
    return false;
}
