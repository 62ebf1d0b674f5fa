/* base64.h — Base64 in both alphabets.
 *
 * Pure and thread-safe; nothing is allocated.
 * Source: RFC 4648 §4 and §5. Decoding is strict: no blanks or line ends, no character of the other
 * alphabet, unused bits zero; padding is either complete or absent. So every text that is accepted
 * is one of the two spellings of its bytes. */
#ifndef PICOSHARE_TEXT_BASE64_H
#define PICOSHARE_TEXT_BASE64_H

#include "picoshare/base/err.h"
#include "picoshare/base/slice.h"
#include <stddef.h>

enum base64_alphabet {
    BASE64_STANDARD, /* "+/", written with padding */
    BASE64_URL       /* "-_", written without padding */
};

/* Room for the text of n bytes in either alphabet, with its NUL; a constant for constant n. */
#define BASE64_SIZE(n) (((n) + 2) / 3 * 4 + 1)

/* ERR_INVALID: not Base64. ERR_TOOBIG: more than dst_size bytes. */
err_t base64_decode(struct slice text, enum base64_alphabet alphabet, void *dst, size_t dst_size,
                    size_t *ret_len) MUST_CHECK;

/* Writes a C string of up to BASE64_SIZE(bytes.len) bytes. */
void base64_encode(struct slice bytes, enum base64_alphabet alphabet, char *ret_text);

#endif
