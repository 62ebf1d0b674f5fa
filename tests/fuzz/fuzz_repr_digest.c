/* The input is the value of the field Repr-Digest, which a server sends to "picoshare download".
 * Properties: a digest that is read is written so that it is read as the same, and stands in the
 * input as it is written, but for padding that may be missing. */
#include "fuzz.h"
#include "picoshare/base/check.h"
#include "picoshare/text/repr_digest.h"
#include <stdlib.h>
#include <string.h>

static bool holds(struct slice text, const char *part)
{
    return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of(data, size);
    uint8_t digest[SHA256_BYTES];
    uint8_t again[SHA256_BYTES];
    char value[REPR_DIGEST_SIZE];
    if (!repr_digest_parse(text, digest)) {
        return 0;
    }
    repr_digest_print(digest, value);
    check(repr_digest_parse(slice_str(value), again));
    check(memcmp(digest, again, sizeof digest) == 0);
    char *padding = strrchr(value, '=');
    check(padding != NULL);
    *padding = '\0';
    check(holds(text, value));
    return 0;
}
