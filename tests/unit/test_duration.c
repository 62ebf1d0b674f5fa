#include "picoshare/base/check.h"
#include "picoshare/text/duration.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_of_days(void **state)
{
    (void)state;
    static const struct {
        int64_t days;
        int64_t ns;
    } cases[] = {
        {1, DURATION_DAY},
        {30, 30 * DURATION_DAY},
        {36499, DURATION_INFINITE - DURATION_DAY},
        {36500, DURATION_INFINITE},
        {36501, DURATION_INFINITE},
        {INT64_MAX, DURATION_INFINITE},
        {0, 0},
        {-1, 0},
        {INT64_MIN, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(duration_of_days(cases[i].days), cases[i].ns);
    }
}

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {"0", 0},
        {"+0", 0},
        {"-0", 0},
        {"0s", 0},
        {"24h", DURATION_DAY},
        {"24h0m0s", DURATION_DAY},
        {"1.5h", 90 * 60 * DURATION_SECOND},
        {"720h30m", 30 * DURATION_DAY + 1800 * DURATION_SECOND},
        {"876000h0m0s", DURATION_INFINITE},
        {"+1h", DURATION_HOUR},
        {"-1h30m", -90 * 60 * DURATION_SECOND},
        {"1h1h", 2 * DURATION_HOUR},
        {"1s1h", DURATION_HOUR + DURATION_SECOND},
        {".5s", 500000000},
        {"1.s", DURATION_SECOND},
        {"1ns", 1},
        {"1us", 1000},
        {"1\xC2\xB5s", 1000},
        {"1\xCE\xBCs", 1000},
        {"1ms", 1000000},
        {"1m", 60 * DURATION_SECOND},
        {"1.9ns", 1},
        {"0.000000001s", 1},
        {"0.0000000009s", 0},
        {"0.33333333333333333333h", 1199999999999},
        {"1.0000000000000000000000000001h", DURATION_HOUR},
        {"36h0m0.5s", 36 * DURATION_HOUR + 500000000},
        {"007h", 7 * DURATION_HOUR},
        {"9223372036854775807ns", INT64_MAX},
        {"2562047h47m16.854775807s", INT64_MAX},
        {"-2562047h47m16.854775807s", -INT64_MAX},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ns = -7;
        if (duration_parse(slice_str(cases[i].text), &ns) != ERR_OK || ns != cases[i].ns) {
            fail_msg("\"%s\": %lld", cases[i].text, (long long)ns);
        }
    }
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        err_t err;
    } cases[] = {
        {NULL, ERR_INVALID},
        {"", ERR_INVALID},
        {"+", ERR_INVALID},
        {"-", ERR_INVALID},
        {"banana", ERR_INVALID},
        {"h", ERR_INVALID},
        {"1", ERR_INVALID},
        {"00", ERR_INVALID},
        {"3600", ERR_INVALID},
        {".", ERR_INVALID},
        {".h", ERR_INVALID},
        {"1d", ERR_INVALID},
        {"1w", ERR_INVALID},
        {"1y", ERR_INVALID},
        {"1H", ERR_INVALID},
        {"1 h", ERR_INVALID},
        {" 1h", ERR_INVALID},
        {"1h ", ERR_INVALID},
        {"1h 1m", ERR_INVALID},
        {"1h-1m", ERR_INVALID},
        {"--1h", ERR_INVALID},
        {"+-1h", ERR_INVALID},
        {"1.2.3h", ERR_INVALID},
        {"1,5h", ERR_INVALID},
        {"1h1", ERR_INVALID},
        {"1hm", ERR_INVALID},
        {"0x1h", ERR_INVALID},
        {"1e3s", ERR_INVALID},
        {"1\xC2s", ERR_INVALID},
        {"9223372036854775808ns", ERR_TOOBIG},
        {"99999999999999999999ns", ERR_TOOBIG},
        {"2562048h", ERR_TOOBIG},
        {"2562047h47m16.854775808s", ERR_TOOBIG},
        {"2562047.9h", ERR_TOOBIG},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ns = -7;
        err_t err = duration_parse(slice_str(cases[i].text), &ns);
        if (err != cases[i].err || ns != -7) {
            fail_msg("row %zu (%s): %s", i, cases[i].text, err_name(err));
        }
    }
}

static void test_print(void **state)
{
    (void)state;
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {DURATION_DAY, "24h0m0s"},
        {7 * DURATION_DAY, "168h0m0s"},
        {30 * DURATION_DAY, "720h0m0s"},
        {365 * DURATION_DAY, "8760h0m0s"},
        {3650 * DURATION_DAY, "87600h0m0s"},
        {DURATION_INFINITE, "876000h0m0s"},
        {36 * DURATION_HOUR + 500000000, "36h0m0.5s"},
        {24 * DURATION_HOUR + 30 * 60 * DURATION_SECOND, "24h30m0s"},
        {DURATION_DAY + 59 * DURATION_SECOND + 1, "24h0m59.000000001s"},
        {DURATION_DAY + 120000000, "24h0m0.12s"},
        {0, "0h0m0s"},
        {-DURATION_DAY, "-24h0m0s"},
        {INT64_MAX, "2562047h47m16.854775807s"},
        {INT64_MIN, "-2562047h47m16.854775808s"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[DURATION_TEXT_SIZE];
        duration_print(cases[i].ns, text);
        assert_string_equal(text, cases[i].text);
        int64_t back = 0;
        if (cases[i].ns != INT64_MIN) {
            assert_int_equal(duration_parse(slice_str(text), &back), ERR_OK);
            assert_int_equal(back, cases[i].ns);
        }
    }
}

static void test_print_name(void **state)
{
    (void)state;
    static const struct {
        int64_t ns;
        const char *name;
    } cases[] = {
        {DURATION_DAY, "1 day"},
        {7 * DURATION_DAY, "7 days"},
        {30 * DURATION_DAY, "30 days"},
        {364 * DURATION_DAY, "364 days"},
        {365 * DURATION_DAY, "1 year"},
        {366 * DURATION_DAY, "366 days"},
        {3650 * DURATION_DAY, "10 years"},
        {DURATION_INFINITE, "Never"},
        {DURATION_INFINITE + DURATION_DAY, "36501 days"},
        {DURATION_INFINITE + 1, "100 years"},
        {2 * DURATION_DAY - 1, "1 day"},
        {DURATION_DAY - 1, "0 year"},
        {0, "0 year"},
        {INT64_MAX, "106751 days"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char name[DURATION_NAME_SIZE];
        duration_print_name(cases[i].ns, name);
        assert_string_equal(name, cases[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_days),       cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_refuses), cmocka_unit_test(test_print),
        cmocka_unit_test(test_print_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
