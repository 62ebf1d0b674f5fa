#include "picoshare/text/base64.h"
#include <stdint.h>

static const char common[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static char digit_of(uint32_t value, enum base64_alphabet alphabet)
{
    if (value < sizeof common - 1) {
        return common[value];
    }
    if (alphabet == BASE64_STANDARD) {
        return value == 62 ? '+' : '/';
    }
    return value == 62 ? '-' : '_';
}

static int value_of(char c, enum base64_alphabet alphabet)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    if (c == digit_of(62, alphabet)) {
        return 62;
    }
    return c == digit_of(63, alphabet) ? 63 : -1;
}

err_t base64_decode(struct slice text, enum base64_alphabet alphabet, void *dst, size_t dst_size,
                    size_t *ret_len)
{
    if (text.len > 0 && text.len % 4 == 0) {
        for (int i = 0; i < 2 && text.ptr[text.len - 1] == '='; i++) {
            text.len--;
        }
    }
    if (text.len % 4 == 1) {
        return ERR_INVALID;
    }
    uint8_t *out = dst;
    size_t used = 0;
    uint32_t bits = 0; /* what is left over of earlier digits, in the low `count` bits */
    unsigned count = 0;
    for (size_t i = 0; i < text.len; i++) {
        int value = value_of(text.ptr[i], alphabet);
        if (value < 0) {
            return ERR_INVALID;
        }
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            if (used == dst_size) {
                return ERR_TOOBIG;
            }
            count -= 8;
            out[used++] = (uint8_t)(bits >> count);
            bits &= (1u << count) - 1;
        }
    }
    if (bits != 0) {
        return ERR_INVALID;
    }
    *ret_len = used;
    return ERR_OK;
}

void base64_encode(struct slice bytes, enum base64_alphabet alphabet, char *ret_text)
{
    char *at = ret_text;
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        bits = bits << 8 | (unsigned char)bytes.ptr[i];
        count += 8;
        while (count >= 6) {
            count -= 6;
            *at++ = digit_of(bits >> count & 63, alphabet);
        }
    }
    if (count > 0) {
        *at++ = digit_of(bits << (6 - count) & 63, alphabet);
    }
    while (alphabet == BASE64_STANDARD && (at - ret_text) % 4 != 0) {
        *at++ = '=';
    }
    *at = '\0';
}
