/* repr_digest.h — the field Repr-Digest: the digest of a whole file, also where a part of it is
 * sent.
 *
 * Pure and thread-safe. Only SHA-256 is written and read.
 * Source: RFC 9530 §3; its value is a dictionary of byte sequences (RFC 8941 §3.2, §3.3.5). */
#ifndef PICOSHARE_TEXT_REPR_DIGEST_H
#define PICOSHARE_TEXT_REPR_DIGEST_H

#include "picoshare/base/digest.h"
#include "picoshare/base/slice.h"
#include "picoshare/text/base64.h"
#include <stdbool.h>

enum { REPR_DIGEST_SIZE = sizeof "sha-256=::" + BASE64_SIZE(SHA256_BYTES) - 1 };

/* Writes a C string. */
void repr_digest_print(const uint8_t sha256[SHA256_BYTES], char ret_value[REPR_DIGEST_SIZE]);

/* False: there is none of SHA-256, or it is malformed. */
bool repr_digest_parse(struct slice value, uint8_t ret_sha256[SHA256_BYTES]) MUST_CHECK;

#endif
