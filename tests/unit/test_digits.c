#include "picoshare/base/check.h"
#include "picoshare/text/digits.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t width;
        bool ok;
        int value;
    } cases[] = {
        {"7", 1, true, 7},         {"07", 2, true, 7},   {"1994", 4, true, 1994},
        {"1994", 2, true, 19},     {"0000", 4, true, 0}, {"999999999", 9, true, 999999999},
        {" 7", 2, false, 0},       {"+7", 2, false, 0},  {"-7", 2, false, 0},
        {"7x", 2, false, 0},       {"7", 2, false, 0},   {"", 1, false, 0},
        {"\xD9\xA1", 2, false, 0}, {"/0", 2, false, 0},  {":0", 2, false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int value = -1;
        bool ok = digits_read(cases[i].text, cases[i].width, &value);
        if (ok != cases[i].ok || value != (ok ? cases[i].value : -1)) {
            fail_msg("\"%s\": %d %d", cases[i].text, ok, value);
        }
    }
}

static void test_write(void **state)
{
    (void)state;
    static const struct {
        int value;
        size_t width;
        const char *text;
    } cases[] = {
        {0, 1, "0"}, {7, 2, "07"}, {1994, 4, "1994"}, {5, 4, "0005"}, {1994, 2, "94"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[16] = "###############";
        char *end = digits_write(text, cases[i].value, cases[i].width);
        assert_ptr_equal(end, text + cases[i].width);
        assert_int_equal(*end, '#');
        assert_memory_equal(text, cases[i].text, cases[i].width);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_read), cmocka_unit_test(test_write)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
