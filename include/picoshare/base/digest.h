/* digest.h — SHA-256 (FIPS 180-4), PBKDF2 (RFC 8018) and comparison in constant time, over
 * libcrypto. A struct sha256 is owned by one thread at a time; the rest is thread-safe. */
#ifndef PICOSHARE_BASE_DIGEST_H
#define PICOSHARE_BASE_DIGEST_H

#include "picoshare/base/err.h"
#include "picoshare/base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32 };

struct sha256; /* a running digest */

err_t sha256_new(struct sha256 **ret_hash) MUST_CHECK; /* owned by the caller */
void sha256_free(struct sha256 *hash);
err_t sha256_add(struct sha256 *hash, const void *bytes, size_t len) MUST_CHECK;
/* The digest of all that was added. The object may only be freed afterwards. */
err_t sha256_finish(struct sha256 *hash, uint8_t ret_digest[SHA256_BYTES]) MUST_CHECK;
/* Reads libcrypto's configuration, which the sandbox hides later. Main thread, before others start;
 * the only function here that looks at files. */
err_t digest_prepare(void) MUST_CHECK;
/* The digest of one piece. */
err_t sha256_of(struct slice bytes, uint8_t ret_digest[SHA256_BYTES]) MUST_CHECK;

/* PBKDF2-HMAC-SHA256. */
err_t digest_pbkdf2(struct slice secret, struct slice salt, int rounds,
                    uint8_t ret_key[SHA256_BYTES]) MUST_CHECK;

/* Lower-case hexadecimal as a C string of 2 * len characters. */
void digest_print_hex(const uint8_t *bytes, size_t len, char *ret_text);

/* True when both have the same len bytes; takes the same time wherever they differ. */
bool digest_equal(const void *a, const void *b, size_t len);
/* Overwrites a secret in a way that the compiler keeps. */
void digest_wipe(void *secret, size_t len);

#endif
