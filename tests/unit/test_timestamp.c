#include "picoshare/base/check.h"
#include "picoshare/base/format.h"
#include "picoshare/text/civil.h"
#include "picoshare/text/timestamp.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t unix_s;
        int32_t ns;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0, 0},
        {"2999-12-31T00:00:00Z", NEVER_S, 0},
        {"2029-09-03T00:00:00.000Z", 1883088000, 0},
        {"2029-09-03T00:00:00.5Z", 1883088000, 500000000},
        {"2029-09-03T00:00:00.123456789Z", 1883088000, 123456789},
        {"2029-09-03T00:00:00.1234567899999999999999Z", 1883088000, 123456789},
        {"2029-09-03T00:00:00.000000001Z", 1883088000, 1},
        {"2029-09-03T02:30:00+02:30", 1883088000, 0},
        {"2029-09-02T14:00:00.25-10:00", 1883088000, 250000000},
        {"2029-09-03T00:00:00-00:00", 1883088000, 0},
        {"2029-09-03T23:59:00+23:59", 1883088000, 0},
        {"2024-02-29T12:00:00Z", 1709208000, 0},
        {"1969-12-31T23:59:59.9Z", -1, 900000000},
        {"0000-01-01T00:00:00Z", CIVIL_MIN_UNIX, 0},
        {"9999-12-31T23:59:59.999999999Z", CIVIL_MAX_UNIX, 999999999},
        {"0000-01-01T01:00:00+01:00", CIVIL_MIN_UNIX, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t unix_s = -7;
        int32_t ns = -7;
        if (timestamp_parse(slice_str(cases[i].text), &unix_s, &ns) != ERR_OK ||
            unix_s != cases[i].unix_s || ns != cases[i].ns) {
            fail_msg("\"%s\": %lld %d", cases[i].text, (long long)unix_s, (int)ns);
        }
    }
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "banana",
        "2025-01-01",
        "2025-01-01T00:00:00",
        "2025-01-01 00:00:00Z",
        "2025-01-01t00:00:00Z",
        "2025-01-01T00:00:00z",
        "2025-01-01T0:00:00Z",
        "2025-01-01T00:00Z",
        "2025-01-01T24:00:00Z",
        "2025-01-01T00:60:00Z",
        "2025-01-01T00:00:60Z",
        "2016-12-31T23:59:60Z",
        "2025-00-01T00:00:00Z",
        "2025-13-01T00:00:00Z",
        "2025-01-00T00:00:00Z",
        "2025-01-32T00:00:00Z",
        "2025-02-29T00:00:00Z",
        "2025-04-31T00:00:00Z",
        "2025-01-01T00:00:00.Z",
        "2025-01-01T00:00:00,5Z",
        "2025-01-01T00:00:00.5",
        "2025-01-01T00:00:00.-5Z",
        "2025-01-01T00:00:00Z ",
        " 2025-01-01T00:00:00Z",
        "2025-01-01T00:00:00ZZ",
        "2025-01-01T00:00:00+0100",
        "2025-01-01T00:00:00+01",
        "2025-01-01T00:00:00+1:00",
        "2025-01-01T00:00:00 01:00",
        "2025-01-01T00:00:00+24:00",
        "2025-01-01T00:00:00+01:60",
        "2025-01-01T00:00:00+01:00Z",
        "2025-01-01T00:00:00+01-00",
        "+2025-01-01T00:00:00Z",
        "-001-01-01T00:00:00Z",
        "12025-01-01T00:00:00Z",
        "2025-1-1T00:00:00Z",
        "20250101T000000Z",
        "2025-01-01T00-00-00Z",
        "9999-12-31T23:59:59-00:01",
        "0000-01-01T00:00:00+00:01",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        int64_t unix_s = -7;
        int32_t ns = -7;
        if (timestamp_parse(slice_str(texts[i]), &unix_s, &ns) != ERR_INVALID || unix_s != -7 ||
            ns != -7) {
            fail_msg("\"%s\" was read as %lld", texts[i], (long long)unix_s);
        }
    }
}

/* A foreign character in any place spoils it. */
static void test_every_character_counts(void **state)
{
    (void)state;
    static const char *const forms[] = {"2029-09-03T12:34:56Z", "2029-09-03T12:34:56.789+02:30"};
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        for (size_t at = 0; forms[i][at] != '\0'; at++) {
            char text[40];
            assert_true(slice_copy(slice_str(forms[i]), text, sizeof text));
            text[at] = '~';
            int64_t unix_s = -7;
            int32_t ns = -7;
            if (timestamp_parse(slice_str(text), &unix_s, &ns) != ERR_INVALID) {
                fail_msg("\"%s\" was accepted", text);
            }
        }
    }
}

static void test_print(void **state)
{
    (void)state;
    static const struct {
        int64_t unix_s;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00Z"},
        {NEVER_S, "2999-12-31T00:00:00Z"},
        {1709251199, "2024-02-29T23:59:59Z"},
        {-1, "1969-12-31T23:59:59Z"},
        {CIVIL_MIN_UNIX, "0000-01-01T00:00:00Z"},
        {CIVIL_MAX_UNIX, "9999-12-31T23:59:59Z"},
        {INT64_MIN, "0000-01-01T00:00:00Z"},
        {INT64_MAX, "9999-12-31T23:59:59Z"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[TIMESTAMP_SIZE];
        timestamp_print(cases[i].unix_s, text);
        assert_string_equal(text, cases[i].text);
        char date[TIMESTAMP_DATE_SIZE];
        timestamp_print_date(cases[i].unix_s, date);
        assert_memory_equal(date, cases[i].text, TIMESTAMP_DATE_SIZE - 1);
        assert_int_equal(date[TIMESTAMP_DATE_SIZE - 1], '\0');
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    for (int64_t s = CIVIL_MIN_UNIX; s <= CIVIL_MAX_UNIX; s += 86400 * 101 + 7919) {
        char text[TIMESTAMP_SIZE];
        timestamp_print(s, text);
        int64_t back = 0;
        int32_t ns = -1;
        assert_int_equal(timestamp_parse(slice_str(text), &back, &ns), ERR_OK);
        assert_int_equal(back, s);
        assert_int_equal(ns, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_every_character_counts),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
