#include "picoshare/base/check.h"
#include "picoshare/text/size.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_print(void **state)
{
    (void)state;
    static const struct {
        int64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},
        {-1, "0 B"},
        {INT64_MIN, "0 B"},
        {24, "24 B"},
        {1023, "1023 B"},
        {1024, "1.00 kB"},
        {1536, "1.50 kB"},
        {1030, "1.01 kB"},
        {10240, "10.00 kB"},
        {1048575, "1024.00 kB"},
        {1048576, "1.00 MB"},
        {52428800, "50.00 MB"},
        {647495680, "617.50 MB"},
        {INT64_C(1) << 30, "1.00 GB"},
        {INT64_C(3) << 39, "1.50 TB"},
        {INT64_C(1) << 50, "1.00 PB"},
        {(INT64_C(1) << 60) - (INT64_C(1) << 50), "1023.00 PB"},
        {INT64_C(1) << 60, "1.00 EB"},
        {INT64_MAX, "8.00 EB"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[SIZE_TEXT_SIZE];
        size_print(cases[i].bytes, text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_print)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
