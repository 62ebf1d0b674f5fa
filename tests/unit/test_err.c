#include "picoshare/base/err.h"
#include "support.h"

static void test_names(void **state)
{
    (void)state;
    for (int i = ERR_OK; i <= ERR_INTERNAL; i++) {
        const char *name = err_name((err_t)i);
        assert_string_not_equal(name, "unknown");
        for (int k = ERR_OK; k < i; k++) {
            assert_string_not_equal(name, err_name((err_t)k));
        }
    }
    assert_string_equal(err_name((err_t)(ERR_INTERNAL + 1)), "unknown");
}

static void test_set(void **state)
{
    (void)state;
    struct err_info info = {""};
    assert_int_equal(err_set(&info, ERR_IO, "%s:%d", "file", 7), ERR_IO);
    assert_string_equal(info.text, "file:7");
    assert_int_equal(err_set(&info, ERR_FULL, "%1000s", "x"), ERR_FULL);
    assert_int_equal(strlen(info.text), sizeof info.text - 1);
    assert_int_equal(err_set(NULL, ERR_BUSY, "%s", "nobody listens"), ERR_BUSY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
