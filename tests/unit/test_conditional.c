#include "picoshare/base/check.h"
#include "picoshare/text/conditional.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ETAG "\"v1\""
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define AT "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT"

enum { MODIFIED = 784111777 };

struct row {
    const char *if_match;
    const char *if_unmodified_since;
    const char *if_none_match;
    const char *if_modified_since;
    enum condition want;
};

static void check_rows(const struct row *rows, size_t n, struct slice etag, int64_t last_modified)
{
    for (size_t i = 0; i < n; i++) {
        struct conditional c = {
            .if_match = slice_str(rows[i].if_match),
            .if_unmodified_since = slice_str(rows[i].if_unmodified_since),
            .if_none_match = slice_str(rows[i].if_none_match),
            .if_modified_since = slice_str(rows[i].if_modified_since),
        };
        enum condition got = conditional_check(&c, etag, last_modified);
        if (got != rows[i].want) {
            fail_msg("row %zu: %d, want %d", i, got, rows[i].want);
        }
    }
}

static void test_with_etag_and_date(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {NULL, NULL, NULL, NULL, CONDITION_PASS},
        {"", "", "", "", CONDITION_PASS},
        /* If-Match: strong comparison */
        {ETAG, NULL, NULL, NULL, CONDITION_PASS},
        {"*", NULL, NULL, NULL, CONDITION_PASS},
        {"\"x\", " ETAG, NULL, NULL, NULL, CONDITION_PASS},
        {" ,, \"x\" ,\t" ETAG " ", NULL, NULL, NULL, CONDITION_PASS},
        {"\"\"," ETAG, NULL, NULL, NULL, CONDITION_PASS},
        {"\"x\", *", NULL, NULL, NULL, CONDITION_PASS},
        {"\"x\"", NULL, NULL, NULL, CONDITION_FAILED},
        {"W/" ETAG, NULL, NULL, NULL, CONDITION_FAILED},
        {"W/" ETAG ", " ETAG, NULL, NULL, NULL, CONDITION_PASS},
        {"v1", NULL, NULL, NULL, CONDITION_FAILED},
        {"\"v1", NULL, NULL, NULL, CONDITION_FAILED},
        {"\"v 1\", " ETAG, NULL, NULL, NULL, CONDITION_FAILED},
        {"junk, " ETAG, NULL, NULL, NULL, CONDITION_FAILED},
        {",", NULL, NULL, NULL, CONDITION_FAILED},
        {"w/" ETAG, NULL, NULL, NULL, CONDITION_FAILED},
        /* If-Unmodified-Since, only without If-Match */
        {NULL, BEFORE, NULL, NULL, CONDITION_FAILED},
        {NULL, AT, NULL, NULL, CONDITION_PASS},
        {NULL, AFTER, NULL, NULL, CONDITION_PASS},
        {NULL, " " BEFORE " ", NULL, NULL, CONDITION_FAILED},
        {NULL, "yesterday", NULL, NULL, CONDITION_PASS},
        {ETAG, BEFORE, NULL, NULL, CONDITION_PASS},
        /* If-None-Match: weak comparison */
        {NULL, NULL, ETAG, NULL, CONDITION_NOT_MODIFIED},
        {NULL, NULL, "W/" ETAG, NULL, CONDITION_NOT_MODIFIED},
        {NULL, NULL, "\"a\", W/\"b\", W/" ETAG, NULL, CONDITION_NOT_MODIFIED},
        {NULL, NULL, "*", NULL, CONDITION_NOT_MODIFIED},
        {NULL, NULL, "\"x\"", NULL, CONDITION_PASS},
        {NULL, NULL, "\"v1", NULL, CONDITION_PASS},
        {NULL, NULL, "\"x\" junk " ETAG, NULL, CONDITION_PASS},
        {NULL, NULL, "\"V1\"", NULL, CONDITION_PASS},
        /* If-Modified-Since, only without If-None-Match */
        {NULL, NULL, NULL, BEFORE, CONDITION_PASS},
        {NULL, NULL, NULL, AT, CONDITION_NOT_MODIFIED},
        {NULL, NULL, NULL, AFTER, CONDITION_NOT_MODIFIED},
        {NULL, NULL, NULL, "Sunday, 06-Nov-94 08:49:37 GMT", CONDITION_NOT_MODIFIED},
        {NULL, NULL, NULL, "Sun Nov  6 08:49:37 1994", CONDITION_NOT_MODIFIED},
        {NULL, NULL, NULL, "1994-11-06", CONDITION_PASS},
        {NULL, NULL, "\"x\"", AT, CONDITION_PASS},
        /* 412 comes before 304 */
        {"\"x\"", NULL, ETAG, NULL, CONDITION_FAILED},
        {NULL, BEFORE, NULL, AT, CONDITION_FAILED},
        {ETAG, NULL, ETAG, NULL, CONDITION_NOT_MODIFIED},
    };
    check_rows(rows, ARRAY_LEN(rows), SLICE(ETAG), MODIFIED);
}

static void test_without_etag(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {ETAG, NULL, NULL, NULL, CONDITION_FAILED},
        {"*", NULL, NULL, NULL, CONDITION_PASS},
        {"\"\"", NULL, NULL, NULL, CONDITION_FAILED},
        {NULL, NULL, ETAG, NULL, CONDITION_PASS},
        {NULL, NULL, ETAG, AT, CONDITION_PASS},
        {NULL, NULL, "*", NULL, CONDITION_NOT_MODIFIED},
    };
    check_rows(rows, ARRAY_LEN(rows), SLICE(""), MODIFIED);
}

static void test_without_date(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {NULL, BEFORE, NULL, NULL, CONDITION_PASS},
        {NULL, NULL, NULL, AFTER, CONDITION_PASS},
        {NULL, NULL, ETAG, NULL, CONDITION_NOT_MODIFIED},
    };
    check_rows(rows, ARRAY_LEN(rows), SLICE(ETAG), -1);
}

static void test_modified_in_1970(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {NULL, NULL, NULL, "Thu, 01 Jan 1970 00:00:00 GMT", CONDITION_NOT_MODIFIED},
        {NULL, NULL, NULL, "Wed, 31 Dec 1969 23:59:59 GMT", CONDITION_PASS},
    };
    check_rows(rows, ARRAY_LEN(rows), SLICE(ETAG), 0);
}

static void test_if_range(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *etag;
        int64_t last_modified;
        bool want;
    } cases[] = {
        {NULL, ETAG, MODIFIED, true},
        {"", ETAG, MODIFIED, true},
        {ETAG, ETAG, MODIFIED, true},
        {" " ETAG " ", ETAG, MODIFIED, true},
        {"\"x\"", ETAG, MODIFIED, false},
        {"W/" ETAG, ETAG, MODIFIED, false},
        {"*", ETAG, MODIFIED, false},
        {"\"v1", ETAG, MODIFIED, false},
        {ETAG ", " ETAG, ETAG, MODIFIED, false},
        {ETAG, "", MODIFIED, false},
        {AT, ETAG, MODIFIED, true},
        {BEFORE, ETAG, MODIFIED, false},
        {AFTER, ETAG, MODIFIED, false},
        {AT, ETAG, -1, false},
        {"now", ETAG, MODIFIED, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct conditional c = {.if_range = slice_str(cases[i].value)};
        bool got = conditional_range_applies(&c, slice_str(cases[i].etag), cases[i].last_modified);
        if (got != cases[i].want) {
            fail_msg("row %zu: %d", i, got);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_with_etag_and_date), cmocka_unit_test(test_without_etag),
        cmocka_unit_test(test_without_date),       cmocka_unit_test(test_modified_in_1970),
        cmocka_unit_test(test_if_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
