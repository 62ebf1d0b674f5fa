/* rng.h — random bytes enter the program here, so that tests can repeat themselves.
 * Borrowed like a clock; callable from any thread. */
#ifndef PICOSHARE_BASE_RNG_H
#define PICOSHARE_BASE_RNG_H

#include "picoshare/base/err.h"
#include <stddef.h>

struct rng {
    err_t (*fill)(const struct rng *rng, void *bytes, size_t len) MUST_CHECK;
};

/* libcrypto's generator, seeded by the operating system. ERR_NOMEM is all that can go wrong. */
extern const struct rng rng_system;

static inline err_t rng_fill(const struct rng *rng, void *bytes, size_t len)
{
    return rng->fill(rng, bytes, len);
}

/* len characters drawn uniformly from the alphabet (2 to 256 distinct characters), and a NUL:
 * ret_text has room for len + 1. */
err_t rng_text(const struct rng *rng, const char *alphabet, size_t len, char *ret_text) MUST_CHECK;

#endif
