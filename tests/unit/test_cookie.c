#include "picoshare/base/check.h"
#include "picoshare/text/cookie.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_get(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        const char *value; /* NULL: not found */
    } cases[] = {
        {"sharedSecret=abc", "abc"},
        {"a=1; sharedSecret=abc; b=2", "abc"},
        {"a=1;sharedSecret=abc;b=2", "abc"},
        {" \tsharedSecret = abc \t; b", "abc"},
        {"sharedSecret=first; sharedSecret=second", "first"},
        {"sharedSecret=", ""},
        {"sharedSecret=\"\"", ""},
        {"sharedSecret=\"abc\"", "abc"},
        {"sharedSecret=\"abc", "\"abc"},
        {"sharedSecret=\"", "\""},
        {"sharedSecret=a b", "a b"},
        {"sharedSecret=UCQFMP+cEuALJzR+D6KX+7kLmMAkeOc3HsOCyvGOmmU=",
         "UCQFMP+cEuALJzR+D6KX+7kLmMAkeOc3HsOCyvGOmmU="},
        {"sharedSecret; sharedSecret=x", "x"},
        {";;; =1;sharedSecret=x", "x"},
        {"a=\"x; sharedSecret=y\"", "y\""},
        {"", NULL},
        {";", NULL},
        {"sharedSecret", NULL},
        {"sharedsecret=abc", NULL},
        {"xsharedSecret=abc", NULL},
        {"sharedSecretx=abc", NULL},
        {"a=sharedSecret=abc", NULL},
        {"a=1, sharedSecret=abc", NULL},
        {"=sharedSecret", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice unchanged = SLICE("unchanged");
        struct slice value = unchanged;
        bool found = cookie_get(slice_str(cases[i].header), "sharedSecret", &value);
        struct slice want = cases[i].value != NULL ? slice_str(cases[i].value) : unchanged;
        if (found != (cases[i].value != NULL) || !slice_eq(value, want)) {
            fail_msg("\"%s\": %d \"%.*s\"", cases[i].header, found, (int)value.len, value.ptr);
        }
    }
    struct slice value;
    assert_false(cookie_get((struct slice){NULL, 0}, "a", &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_get)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
