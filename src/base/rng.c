#include "picoshare/base/rng.h"
#include "picoshare/base/check.h"
#include <limits.h>
#include <openssl/rand.h>
#include <stdint.h>
#include <string.h>

static err_t system_fill(const struct rng *rng, void *bytes, size_t len)
{
    (void)rng;
    check(len <= INT_MAX);
    /* The system's own generator gives since the start. What may lack is memory, for the state that
     * libcrypto keeps for each thread. */
    return RAND_bytes(bytes, (int)len) == 1 ? ERR_OK : ERR_NOMEM;
}

const struct rng rng_system = {system_fill};

err_t rng_text(const struct rng *rng, const char *alphabet, size_t len, char *ret_text)
{
    size_t letters = strlen(alphabet);
    check(letters >= 2 && letters <= 256);
    /* Bytes at or above the largest multiple of `letters` are drawn again: the rest is uniform. */
    size_t limit = 256 - 256 % letters;
    for (size_t i = 0; i < len;) {
        uint8_t byte = 0;
        err_t err = rng_fill(rng, &byte, 1);
        if (err != ERR_OK) {
            return err;
        }
        if (byte < limit) {
            ret_text[i++] = alphabet[byte % letters];
        }
    }
    ret_text[len] = '\0';
    return ERR_OK;
}
