#include "picoshare/text/repr_digest.h"
#include <stdio.h>

static const char name[] = "sha-256=:";

void repr_digest_print(const uint8_t sha256[SHA256_BYTES], char ret_value[REPR_DIGEST_SIZE])
{
    char base64[BASE64_SIZE(SHA256_BYTES)];
    base64_encode(slice_of(sha256, SHA256_BYTES), BASE64_STANDARD, base64);
    (void)snprintf(ret_value, REPR_DIGEST_SIZE, "%s%s:", name, base64);
}

bool repr_digest_parse(struct slice value, uint8_t ret_sha256[SHA256_BYTES])
{
    while (value.len > 0) { /* a list whose members hold no comma */
        size_t comma = slice_find(value, ',');
        struct slice member = slice_trim(slice_of(value.ptr, comma));
        size_t len = 0;
        value = slice_skip(value, comma < value.len ? comma + 1 : comma);
        if (!slice_starts(member, slice_str(name))) {
            continue;
        }
        member = slice_skip(member, sizeof name - 1);
        member.len = slice_find(member, ':');
        return base64_decode(member, BASE64_STANDARD, ret_sha256, SHA256_BYTES, &len) == ERR_OK &&
               len == SHA256_BYTES;
    }
    return false;
}
