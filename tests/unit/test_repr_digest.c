#include "picoshare/base/check.h"
#include "picoshare/text/repr_digest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define OF_NOTHING "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

static void test_print_and_parse(void **state)
{
    (void)state;
    uint8_t digest[SHA256_BYTES];
    uint8_t read[SHA256_BYTES];
    char value[REPR_DIGEST_SIZE];
    assert_int_equal(sha256_of(slice_str(""), digest), ERR_OK);
    repr_digest_print(digest, value);
    assert_string_equal(value, "sha-256=:" OF_NOTHING ":");
    assert_true(repr_digest_parse(slice_str(value), read));
    assert_memory_equal(read, digest, sizeof digest);
}

static void test_others_beside(void **state)
{
    (void)state;
    uint8_t read[SHA256_BYTES];
    assert_true(repr_digest_parse(
        slice_str("sha-512=:AAAA:,\tsha-256=:" OF_NOTHING ":;q=1, unixsum=:AA==:"), read));
    assert_int_equal(read[0], 0xe3);
}

static void test_malformed(void **state)
{
    static const char *const values[] = {
        NULL,
        "",
        ",",
        "sha-256",
        "sha-256=",
        "sha-256=::",
        "sha-256=:AAAA:",
        "SHA-256=:" OF_NOTHING ":",
        "sha-512=:" OF_NOTHING ":",
        "sha-256=:" OF_NOTHING OF_NOTHING ":",
        "sha-256=:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855:",
        "sha-256=: " OF_NOTHING ":",
    };
    uint8_t read[SHA256_BYTES];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        if (repr_digest_parse(slice_str(values[i]), read)) {
            fail_msg("%s", values[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_print_and_parse),
        cmocka_unit_test(test_others_beside),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
