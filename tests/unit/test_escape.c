#include "picoshare/base/check.h"
#include "picoshare/base/escape.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_characters(void **state)
{
    (void)state;
    static const struct {
        struct slice text;
        const char *escaped;
    } cases[] = {
        {{"a~ ", 3}, "a~ "},
        {{"\"\\'", 3}, "\\\"\\\\'"},
        {{"\0\t\n\x1b\x7f", 5}, "\\x00\\x09\\x0a\\x1b\\x7f"},
        {{"\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", 8}, "\\xc2\\x80\\xc2\\x9b\\xc2\\x9f\xc2\xa0"},
        {{"\xd8\x9c\xd8\x9d", 4}, "\\xd8\\x9c\xd8\x9d"},
        {{"\xe2\x80\x8d\xe2\x80\x8e\xe2\x80\x8f\xe2\x80\x90", 12},
         "\xe2\x80\x8d\\xe2\\x80\\x8e\\xe2\\x80\\x8f\xe2\x80\x90"},
        {{"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xaa\xe2\x80\xae\xe2\x80\xaf", 15},
         "\xe2\x80\xa7\\xe2\\x80\\xa8\\xe2\\x80\\xaa\\xe2\\x80\\xae\xe2\x80\xaf"},
        {{"\xe2\x81\xa5\xe2\x81\xa6\xe2\x81\xa9\xe2\x81\xaa", 12},
         "\xe2\x81\xa5\\xe2\\x81\\xa6\\xe2\\x81\\xa9\xe2\x81\xaa"},
        {{"\xef\xbb\xbf\xef\xbb\xbe", 6}, "\\xef\\xbb\\xbf\xef\xbb\xbe"},
        {{"\xf0\x9f\x98\x80", 4}, "\xf0\x9f\x98\x80"},
        {{"\x9b\xff\xe2\x80", 4}, "\\x9b\\xff\\xe2\\x80"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice rest = cases[i].text;
        char all[128] = "";
        size_t used = 0;
        while (rest.len > 0) {
            char one[ESCAPED_SIZE];
            escape_next(&rest, one);
            assert_true(slice_copy(slice_str(one), all + used, sizeof all - used));
            used += strlen(one);
        }
        assert_string_equal(all, cases[i].escaped);
    }
}

/* The same characters are escaped; test_log.c has more of them. */
static void test_json(void **state)
{
    (void)state;
    static const struct {
        struct slice text;
        const char *escaped;
    } cases[] = {
        {{"a", 1}, "a"},
        {{"\0", 1}, "\\u0000"},
        {{"\"", 1}, "\\u0022"},
        {{"\xe2\x80\xa8", 3}, "\\u2028"},
        {{"\xef\xbb\xbf", 3}, "\\ufeff"},
        {{"\xf0\x9f\x98\x80", 4}, "\xf0\x9f\x98\x80"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice rest = cases[i].text;
        char one[ESCAPED_SIZE];
        escape_next_json(&rest, one);
        assert_int_equal(rest.len, 0);
        assert_string_equal(one, cases[i].escaped);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
