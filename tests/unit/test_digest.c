#include "picoshare/base/digest.h"
#include "picoshare/base/mem.h"
#include "support.h"

static void assert_hex(const uint8_t *bytes, const char *want)
{
    char hex[2 * SHA256_BYTES + 1];
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    }
    assert_string_equal(hex, want);
}

/* Examples of FIPS 180 and the empty message. */
static const struct {
    const char *text;
    const char *want;
} sha256_cases[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void test_sha256(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sha256_cases); i++) {
        uint8_t digest[SHA256_BYTES];
        struct slice text = slice_str(sha256_cases[i].text);
        assert_int_equal(sha256_of(text, digest), ERR_OK);
        assert_hex(digest, sha256_cases[i].want);
        for (size_t cut = 0; cut <= text.len; cut++) {
            struct sha256 *hash = NULL;
            assert_int_equal(sha256_new(&hash), ERR_OK);
            assert_int_equal(sha256_add(hash, text.ptr, cut), ERR_OK);
            assert_int_equal(sha256_add(hash, text.ptr + cut, text.len - cut), ERR_OK);
            assert_int_equal(sha256_finish(hash, digest), ERR_OK);
            sha256_free(hash);
            assert_hex(digest, sha256_cases[i].want);
        }
    }
    sha256_free(NULL);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct sha256 *hash = NULL;
    mem_fail_after(0);
    err_t err = sha256_new(&hash);
    mem_fail_after(-1);
    assert_int_equal(err, ERR_NOMEM);
    assert_null(hash);
}

/* RFC 7914, chapter 11, cut to the first 32 bytes: blocks of PBKDF2 are independent. */
static void test_pbkdf2(void **state)
{
    (void)state;
    uint8_t key[SHA256_BYTES];
    assert_int_equal(digest_pbkdf2(SLICE("passwd"), SLICE("salt"), 1, key), ERR_OK);
    assert_hex(key, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc");
    assert_int_equal(digest_pbkdf2(SLICE("Password"), SLICE("NaCl"), 80000, key), ERR_OK);
    assert_hex(key, "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56");
}

static void test_equal_and_wipe(void **state)
{
    (void)state;
    char a[] = "0123456789";
    char b[] = "0123456789";
    assert_true(digest_equal(a, b, sizeof a));
    assert_true(digest_equal(a, b, 0));
    for (size_t i = 0; i < sizeof a; i++) {
        b[i] ^= 1;
        assert_false(digest_equal(a, b, sizeof a));
        b[i] ^= 1;
    }
    static const char zeros[sizeof a];
    digest_wipe(a, sizeof a);
    assert_memory_equal(a, zeros, sizeof a);
}

static void test_hex(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x00, 0x0f, 0xa5, 0xff};
    char text[2 * sizeof bytes + 1];
    digest_print_hex(bytes, sizeof bytes, text);
    assert_string_equal(text, "000fa5ff");
    digest_print_hex(bytes, 0, text);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256), cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_pbkdf2), cmocka_unit_test(test_equal_and_wipe),
        cmocka_unit_test(test_hex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
