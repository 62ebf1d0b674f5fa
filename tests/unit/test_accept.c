#include "picoshare/base/check.h"
#include "picoshare/text/accept.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const char *const types[] = {"text/plain", "application/json", "text/html"};

enum { PLAIN, JSON, HTML, NO_TYPE };

static void test_best(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t want;
    } cases[] = {
        {NULL, PLAIN},
        {"", PLAIN},
        {" ", PLAIN},
        {", ,", PLAIN},
        {"*/*", PLAIN},
        {"text/plain", PLAIN},
        {"application/json", JSON},
        {"text/html", HTML},
        {"TEXT/HTML", HTML},
        {"image/png", NO_TYPE},
        {"image/png, */*;q=0.1", PLAIN},
        {"application/*", JSON},
        {"text/*", PLAIN},
        {"text/*;q=0.5, text/html", HTML},
        {"text/*, text/plain;q=0.1", HTML},
        {"*/*, text/plain;q=0", JSON},
        {"text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", HTML},
        {"application/json;q=0.5, text/html;q=0.4", JSON},
        {"text/html;q=0.5,application/json;q=0.5", JSON},
        {"application/json, text/plain", PLAIN},
        {"text/html;q=0.001", HTML},
        {"text/html;q=0", NO_TYPE},
        {"text/html;q=0.000, */*;q=0", NO_TYPE},
        {"text/html ; q=1.000", HTML},
        {"text/html;Q=0.2, application/json;q=0.3", JSON},
        {"text/html\t;\tq=0.2\t,\tapplication/json\t", JSON},
        /* parameters: less specific than none, more than a wildcard */
        {"text/html;charset=utf-8", HTML},
        {"text/html;level=1;q=0.3, text/html;q=0.7, application/json;q=0.5", HTML},
        {"text/html;level=1;q=0.1, text/*;q=0.9, text/plain;q=0.2, application/json;q=0.15", PLAIN},
        {"text/html;a=\"x,y;q=0\", application/json;q=0.5", HTML},
        {"text/html;a=\"x\\\",y\"", HTML},
        {"text/html;;q=0.5;", HTML},
        {"text/html;q=0.5;ext=1, application/json;q=0.6", JSON},
        /* the highest of equally specific ones */
        {"text/html;q=0.1, text/html;q=0.9, application/json;q=0.5", HTML},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t got = accept_best(slice_str(cases[i].header), types, ARRAY_LEN(types));
        if (got != cases[i].want) {
            fail_msg("\"%s\": %zu, want %zu", cases[i].header, got, cases[i].want);
        }
    }
}

static void test_malformed_elements_are_skipped(void **state)
{
    (void)state;
    static const char *const elements[] = {
        "text",
        "text/",
        "/html",
        "text//html",
        "*/html",
        "*",
        "text/html/x",
        "text html",
        "te(t/html",
        "text/html;q",
        "text/html;q=",
        "text/html;q=2",
        "text/html;q=1.1",
        "text/html;q=.5",
        "text/html;q=0,5;x",
        "text/html;q=-1",
        "text/html;q=0.5555",
        "text/html;q=00",
        "text/html;q=1.0000",
        "text/html;q=0x",
        "text/html;q= 0.5",
        "text/html;q =0.5",
        "text/html;q=\"0.5\"",
        "text/html;q=1;q=1",
        "text/html;a",
        "text/html;=b",
        "text/html;a=",
        "text/html;a=\"b",
        "text/html;a=b c",
        "text/html q=1",
        "text/html;q=1.00x",
        "text/html;q=10",
    };
    for (size_t i = 0; i < ARRAY_LEN(elements); i++) {
        char header[128];
        (void)snprintf(header, sizeof header, "application/json;q=0.1,%s", elements[i]);
        size_t got = accept_best(slice_str(header), types, ARRAY_LEN(types));
        if (got != JSON) {
            fail_msg("\"%s\": %zu", header, got);
        }
        /* A header that holds nothing else is as good as none. */
        if (strchr(elements[i], ',') == NULL) {
            assert_int_equal(accept_best(slice_str(elements[i]), types, ARRAY_LEN(types)), PLAIN);
        }
    }
}

static void test_one_type(void **state)
{
    (void)state;
    assert_int_equal(accept_best(SLICE("text/html"), types, 1), 1);
    assert_int_equal(accept_best(SLICE("text/plain"), types, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_best),
        cmocka_unit_test(test_malformed_elements_are_skipped),
        cmocka_unit_test(test_one_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
