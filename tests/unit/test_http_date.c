#include "picoshare/base/check.h"
#include "picoshare/text/civil.h"
#include "picoshare/text/http_date.h"
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
    } cases[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
        {"Sun Nov  6 08:49:37 1994", 784111777},
        {"Wed Nov 16 08:49:37 1994", 784975777},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Wed, 31 Dec 1969 23:59:59 GMT", -1},
        {"Wednesday, 31-Dec-69 23:59:59 GMT", -1},
        {"Monday, 31-Dec-68 23:59:59 GMT", 3124223999},
        {"Tuesday, 29-Feb-00 00:00:00 GMT", 951782400},
        {"Sat, 01 Jan 0000 00:00:00 GMT", CIVIL_MIN_UNIX},
        {"Fri, 31 Dec 9999 23:59:59 GMT", CIVIL_MAX_UNIX},
        {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},
        /* a wrong weekday, but one */
        {"Mon, 06 Nov 1994 08:49:37 GMT", 784111777},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t unix_s = -7;
        if (http_date_parse(slice_str(cases[i].text), &unix_s) != ERR_OK ||
            unix_s != cases[i].unix_s) {
            fail_msg("\"%s\": %lld", cases[i].text, (long long)unix_s);
        }
    }
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "Sun",
        "Sun,",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 GM",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 gmt",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "Xxx, 06 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun,  6 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 29 Feb 1900 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT ",
        "Sun, 06 Nov 1994 08-49-37 GMT",
        "Sun, 06 Nov 1994 08:49:37+GMT",
        "Sunday, 06 Nov 94 08:49:37 GMT",
        "Sunda, 06-Nov-94 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunday,06-Nov-94 08:49:37 GMT ",
        "Sunday, 06-Nov-94 08:49:37 UTC",
        "Sunday, 32-Nov-94 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov 06 08:49:37 94",
        "Sun Nov  0 08:49:37 1994",
        "Sun Nov   08:49:37 1994 ",
        "Xxx Nov  6 08:49:37 1994",
        "1994-11-06T08:49:37Z",
        "784111777",
        ",",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        int64_t unix_s = -7;
        if (http_date_parse(slice_str(texts[i]), &unix_s) != ERR_INVALID || unix_s != -7) {
            fail_msg("\"%s\" was read as %lld", texts[i], (long long)unix_s);
        }
    }
}

/* A foreign character in any place of any form spoils it. */
static void test_every_character_counts(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    };
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        for (size_t at = 0; forms[i][at] != '\0'; at++) {
            char text[40];
            assert_true(slice_copy(slice_str(forms[i]), text, sizeof text));
            text[at] = '~';
            int64_t unix_s = -7;
            if (http_date_parse(slice_str(text), &unix_s) != ERR_INVALID) {
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
        {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
        {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {-1, "Wed, 31 Dec 1969 23:59:59 GMT"},
        {CIVIL_MIN_UNIX, "Sat, 01 Jan 0000 00:00:00 GMT"},
        {INT64_MIN, "Sat, 01 Jan 0000 00:00:00 GMT"},
        {CIVIL_MAX_UNIX, "Fri, 31 Dec 9999 23:59:59 GMT"},
        {INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[HTTP_DATE_SIZE];
        http_date_print(cases[i].unix_s, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    for (int64_t s = CIVIL_MIN_UNIX; s <= CIVIL_MAX_UNIX; s += 86400 * 97 + 3671) {
        char text[HTTP_DATE_SIZE];
        http_date_print(s, text);
        int64_t back = 0;
        assert_int_equal(http_date_parse(slice_str(text), &back), ERR_OK);
        assert_int_equal(back, s);
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
