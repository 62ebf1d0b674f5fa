#include "picoshare/base/digest.h"
#include "picoshare/base/check.h"
#include "picoshare/base/mem.h"
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

struct sha256 {
    EVP_MD_CTX *ctx;
};

err_t sha256_new(struct sha256 **ret_hash)
{
    struct sha256 *hash = mem_alloc(1, sizeof *hash);
    if (hash == NULL) {
        return ERR_NOMEM;
    }
    hash->ctx = EVP_MD_CTX_new();
    if (hash->ctx == NULL || EVP_DigestInit_ex(hash->ctx, EVP_sha256(), NULL) != 1) {
        sha256_free(hash);
        return ERR_NOMEM;
    }
    *ret_hash = hash;
    return ERR_OK;
}

void sha256_free(struct sha256 *hash)
{
    if (hash != NULL) {
        EVP_MD_CTX_free(hash->ctx);
        mem_free(hash);
    }
}

err_t sha256_add(struct sha256 *hash, const void *bytes, size_t len)
{
    return EVP_DigestUpdate(hash->ctx, bytes, len) == 1 ? ERR_OK : ERR_INTERNAL;
}

err_t sha256_finish(struct sha256 *hash, uint8_t ret_digest[SHA256_BYTES])
{
    unsigned int len = 0;
    if (EVP_DigestFinal_ex(hash->ctx, ret_digest, &len) != 1) {
        return ERR_INTERNAL;
    }
    check(len == SHA256_BYTES);
    return ERR_OK;
}

err_t digest_prepare(void)
{
    uint8_t digest[SHA256_BYTES];
    bool ok = OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL) == 1;
    return ok ? sha256_of((struct slice){"", 0}, digest) : ERR_INTERNAL;
}

err_t sha256_of(struct slice bytes, uint8_t ret_digest[SHA256_BYTES])
{
    size_t len = 0;
    return EVP_Q_digest(NULL, "SHA256", NULL, bytes.ptr, bytes.len, ret_digest, &len) == 1
               ? ERR_OK
               : ERR_NOMEM;
}

err_t digest_pbkdf2(struct slice secret, struct slice salt, int rounds,
                    uint8_t ret_key[SHA256_BYTES])
{
    check(secret.len <= INT_MAX && salt.len <= INT_MAX);
    return PKCS5_PBKDF2_HMAC(secret.ptr, (int)secret.len, (const unsigned char *)salt.ptr,
                             (int)salt.len, rounds, EVP_sha256(), SHA256_BYTES, ret_key) == 1
               ? ERR_OK
               : ERR_NOMEM;
}

bool digest_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

void digest_wipe(void *secret, size_t len)
{
    OPENSSL_cleanse(secret, len);
}

void digest_print_hex(const uint8_t *bytes, size_t len, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        ret_text[2 * i] = digits[bytes[i] >> 4];
        ret_text[2 * i + 1] = digits[bytes[i] & 0xf];
    }
    ret_text[2 * len] = '\0';
}
