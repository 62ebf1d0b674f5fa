#include "picoshare/base/utf8.h"

/* Number of continuation bytes that the first byte announces, its own bits of the character, and
 * the lowest character that needs this length. False: no character begins with that byte. */
static bool read_first(unsigned char byte, size_t *ret_more, uint32_t *ret_bits,
                       uint32_t *ret_lowest)
{
    if (byte < 0x80) {
        *ret_more = 0;
        *ret_bits = byte;
        *ret_lowest = 0;
    } else if (byte >= 0xc0 && byte < 0xe0) {
        *ret_more = 1;
        *ret_bits = byte & 0x1f;
        *ret_lowest = 0x80;
    } else if (byte >= 0xe0 && byte < 0xf0) {
        *ret_more = 2;
        *ret_bits = byte & 0x0f;
        *ret_lowest = 0x800;
    } else if (byte >= 0xf0 && byte < 0xf8) {
        *ret_more = 3;
        *ret_bits = byte & 0x07;
        *ret_lowest = 0x10000;
    } else {
        return false;
    }
    return true;
}

/* Length of the character at the front, or 0 when there is none. */
static size_t read_char(struct slice s, uint32_t *ret_char)
{
    size_t more = 0;
    uint32_t c = 0;
    uint32_t lowest = 0;
    if (!read_first((unsigned char)s.ptr[0], &more, &c, &lowest) || more >= s.len) {
        return 0;
    }
    for (size_t i = 1; i <= more; i++) {
        unsigned char byte = (unsigned char)s.ptr[i];
        if ((byte & 0xc0) != 0x80) {
            return 0;
        }
        c = c << 6 | (byte & 0x3f);
    }
    if (c < lowest || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return 0;
    }
    *ret_char = c;
    return more + 1;
}

bool utf8_next(struct slice *rest, uint32_t *ret_char)
{
    size_t len = read_char(*rest, ret_char);
    if (len == 0) {
        *ret_char = UTF8_REPLACEMENT;
        *rest = slice_skip(*rest, 1);
        return false;
    }
    *rest = slice_skip(*rest, len);
    return true;
}

bool utf8_is_valid(struct slice s)
{
    while (s.len > 0) {
        uint32_t c = 0;
        if (!utf8_next(&s, &c)) {
            return false;
        }
    }
    return true;
}
