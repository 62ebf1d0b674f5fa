#include "picoshare/base/check.h"
#include "picoshare/text/header_value.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_valid(void **state)
{
    (void)state;
    static const char *const values[] = {
        "", "a", "text/plain; charset=utf-8", "a\tb", "a b", "~!\"#", "\xC3\xB6", "\x80\xff",
    };
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        assert_true(header_value_is_valid(slice_str(values[i])));
    }
    assert_true(header_value_is_valid((struct slice){NULL, 0}));
}

static void test_invalid(void **state)
{
    (void)state;
    static const char *const values[] = {" ", "\t", " a", "a ", "\ta", "a\t", "a\r\nb: c", "a\n"};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        assert_false(header_value_is_valid(slice_str(values[i])));
    }
}

static void test_every_byte_inside(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        char value[3] = {'a', (char)byte, 'b'};
        bool control = (byte < 0x20 && byte != '\t') || byte == 0x7f;
        assert_int_equal(header_value_is_valid(slice_of(value, 3)), !control);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_every_byte_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
