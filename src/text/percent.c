#include "picoshare/text/percent.h"
#include "picoshare/base/num.h"

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void add_encoded(struct buf *out, struct slice s, const char *also_kept)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (is_unreserved(c) || (c != '\0' && strchr(also_kept, c) != NULL)) {
            buf_add_char(out, c);
        } else {
            unsigned char byte = (unsigned char)c;
            char escape[3] = {'%', hex[byte >> 4], hex[byte & 15]};
            buf_add(out, escape, sizeof escape);
        }
    }
}

void percent_add_component(struct buf *out, struct slice s)
{
    add_encoded(out, s, "");
}

void percent_add_path(struct buf *out, struct slice path)
{
    add_encoded(out, path, "/:@!$&'()*+,;=");
}

int percent_next(struct slice *rest, bool plus_is_space)
{
    char c = rest->ptr[0];
    if (c != '%') {
        *rest = slice_skip(*rest, 1);
        return c == '+' && plus_is_space ? ' ' : (unsigned char)c;
    }
    if (rest->len < 3) {
        return -1;
    }
    int high = num_hex_digit(rest->ptr[1]);
    int low = num_hex_digit(rest->ptr[2]);
    if (high < 0 || low < 0) {
        return -1;
    }
    *rest = slice_skip(*rest, 3);
    return high * 16 + low;
}
