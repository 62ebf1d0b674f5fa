#include "picoshare/base/check.h"
#include "picoshare/base/utf8.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_characters(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        uint32_t c;
    } cases[] = {
        {"a", 'a'},
        {"\x7f", 0x7f},
        {"\xC2\x80", 0x80},
        {"\xC3\x96", 0xD6},
        {"\xDF\xBF", 0x7FF},
        {"\xE0\xA0\x80", 0x800},
        {"\xE4\xBD\xA0", 0x4F60},
        {"\xED\x9F\xBF", 0xD7FF},
        {"\xEE\x80\x80", 0xE000},
        {"\xEF\xBF\xBD", 0xFFFD},
        {"\xEF\xBF\xBF", 0xFFFF},
        {"\xF0\x90\x80\x80", 0x10000},
        {"\xF0\x9F\x98\x80", 0x1F600},
        {"\xF4\x8F\xBF\xBF", 0x10FFFF},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice rest = slice_str(cases[i].bytes);
        uint32_t c = 0;
        assert_true(utf8_next(&rest, &c));
        assert_int_equal(c, cases[i].c);
        assert_int_equal(rest.len, 0);
        assert_true(utf8_is_valid(slice_str(cases[i].bytes)));
    }
}

static void test_no_characters(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "\x80",
        "\xBF",
        "\xC3",
        "\xC3(",
        "\xC0\x80",
        "\xC1\xBF",
        "\xE0\x80\x80",
        "\xE0\x9F\xBF",
        "\xE4\xBD",
        "\xE4\xBD(",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xF0\x9F\x98",
        "\xF0\x80\x80\x80",
        "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xF8\x88\x80\x80\x80",
        "\xFE",
        "\xFF",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct slice rest = slice_str(texts[i]);
        uint32_t c = 0;
        assert_false(utf8_next(&rest, &c));
        assert_int_equal(c, UTF8_REPLACEMENT);
        assert_ptr_equal(rest.ptr, texts[i] + 1);
        assert_false(utf8_is_valid(slice_str(texts[i])));
    }
}

static void test_texts(void **state)
{
    (void)state;
    assert_true(utf8_is_valid(SLICE("")));
    assert_true(utf8_is_valid((struct slice){NULL, 0}));
    assert_true(utf8_is_valid(SLICE("a\0\xC3\x96z")));
    assert_false(utf8_is_valid(SLICE("abc\xC3")));
    assert_false(utf8_is_valid(SLICE("\xFF"
                                     "abc")));
    struct slice rest = SLICE("a\xC3z");
    uint32_t c = 0;
    assert_true(utf8_next(&rest, &c));
    assert_false(utf8_next(&rest, &c));
    assert_true(utf8_next(&rest, &c));
    assert_int_equal(c, 'z');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_no_characters),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
