#include "picoshare/base/check.h"
#include "picoshare/text/base64.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* RFC 4648 §10, and bytes in which the alphabets differ. */
static const struct {
    const char *bytes;
    const char *standard;
    const char *url;
} vectors[] = {
    {"", "", ""},
    {"f", "Zg==", "Zg"},
    {"fo", "Zm8=", "Zm8"},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xfb\xef\xff", "++//", "--__"},
    {"\xff", "/w==", "_w"},
};

static void check_decodes(const char *text, enum base64_alphabet alphabet, const char *want)
{
    char bytes[16];
    size_t len = 99;
    if (base64_decode(slice_str(text), alphabet, bytes, sizeof bytes, &len) != ERR_OK ||
        !slice_eq(slice_of(bytes, len), slice_str(want))) {
        fail_msg("\"%s\" does not decode to \"%s\"", text, want);
    }
}

static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        char text[BASE64_SIZE(6)];
        base64_encode(slice_str(vectors[i].bytes), BASE64_STANDARD, text);
        assert_string_equal(text, vectors[i].standard);
        base64_encode(slice_str(vectors[i].bytes), BASE64_URL, text);
        assert_string_equal(text, vectors[i].url);
        check_decodes(vectors[i].standard, BASE64_STANDARD, vectors[i].bytes);
        check_decodes(vectors[i].url, BASE64_URL, vectors[i].bytes);
    }
    check_decodes("Zg", BASE64_STANDARD, "f");
    check_decodes("Zm8", BASE64_STANDARD, "fo");
    check_decodes("Zg==", BASE64_URL, "f");
    check_decodes("_w==", BASE64_URL, "\xff");
}

static void test_decode_refuses(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "A",     "=",     "==",       "====",     "A===",       "Zg=",   "Zg===",
        "Zg=g",  "Zm8==", "Zm9v=",    "Zm9v==",   "Zm9v====",   "Zm9vA", "Z=g=",
        "=Zg=",  "Zh==",  "Zh",       "Zm9=",     "Zm9",        "Zm 9v", "Zm9v\n",
        " Zm9v", "Zm-_",  "Zm9v!AAA", "Zm9vZ===", "Z\xC3\xB6g", "AA=A",  "Zm9vYg=",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        char bytes[16];
        size_t len = 99;
        if (base64_decode(slice_str(texts[i]), BASE64_STANDARD, bytes, sizeof bytes, &len) !=
                ERR_INVALID ||
            len != 99) {
            fail_msg("\"%s\" was accepted", texts[i]);
        }
    }
    char bytes[16];
    size_t len = 0;
    assert_int_equal(base64_decode(SLICE("++//"), BASE64_URL, bytes, sizeof bytes, &len),
                     ERR_INVALID);
    assert_int_equal(base64_decode(SLICE("Zm9\0"), BASE64_URL, bytes, sizeof bytes, &len),
                     ERR_INVALID);
}

static void test_decode_room(void **state)
{
    (void)state;
    char bytes[4] = {0, 0, 0, '#'};
    size_t len = 0;
    assert_int_equal(base64_decode(SLICE("Zm9v"), BASE64_STANDARD, bytes, 3, &len), ERR_OK);
    assert_int_equal(len, 3);
    assert_int_equal(base64_decode(SLICE("Zm9vYg=="), BASE64_STANDARD, bytes, 3, &len), ERR_TOOBIG);
    assert_int_equal(bytes[3], '#');
    assert_int_equal(base64_decode(SLICE(""), BASE64_STANDARD, bytes, 0, &len), ERR_OK);
    assert_int_equal(len, 0);
}

static void test_round_trip(void **state)
{
    (void)state;
    uint8_t bytes[65];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 151 + 7);
    }
    for (size_t len = 0; len <= sizeof bytes; len++) {
        for (int a = BASE64_STANDARD; a <= BASE64_URL; a++) {
            char text[BASE64_SIZE(sizeof bytes)];
            base64_encode(slice_of(bytes, len), (enum base64_alphabet)a, text);
            assert_true(strlen(text) < (size_t)BASE64_SIZE(len));
            uint8_t back[sizeof bytes];
            size_t back_len = 0;
            assert_int_equal(base64_decode(slice_str(text), (enum base64_alphabet)a, back,
                                           sizeof back, &back_len),
                             ERR_OK);
            assert_int_equal(back_len, len);
            assert_true(slice_eq(slice_of(back, back_len), slice_of(bytes, len)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_decode_refuses),
        cmocka_unit_test(test_decode_room),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
