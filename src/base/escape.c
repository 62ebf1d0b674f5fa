#include "picoshare/base/escape.h"
#include "picoshare/base/utf8.h"
#include <stdio.h>

static bool is_printable(uint32_t c)
{
    return c >= 0x20 && !(c >= 0x7f && c <= 0x9f) && c != 0x061c && c != 0x200e && c != 0x200f &&
           !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069) && c != 0xfeff;
}

void escape_next(struct slice *rest, char ret_text[ESCAPED_SIZE])
{
    struct slice text = *rest;
    uint32_t c = 0;
    bool printable = utf8_next(rest, &c) && is_printable(c);
    size_t used = 0;
    if (printable && (c == '"' || c == '\\')) {
        ret_text[used++] = '\\';
    }
    for (size_t i = 0; i < text.len - rest->len; i++) {
        if (printable) {
            ret_text[used++] = text.ptr[i];
        } else {
            used += (size_t)snprintf(ret_text + used, ESCAPED_SIZE - used, "\\x%02x",
                                     (unsigned)(unsigned char)text.ptr[i]);
        }
    }
    ret_text[used] = '\0';
}

void escape_next_json(struct slice *rest, char ret_text[ESCAPED_SIZE])
{
    struct slice text = *rest;
    uint32_t c = 0;
    bool printable = utf8_next(rest, &c) && is_printable(c);
    if (printable && c != '"' && c != '\\') {
        (void)snprintf(ret_text, ESCAPED_SIZE, "%.*s", (int)(text.len - rest->len), text.ptr);
    } else {
        (void)snprintf(ret_text, ESCAPED_SIZE, "\\u%04x", (unsigned)c); /* all are below U+10000 */
    }
}
