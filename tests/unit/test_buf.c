#include "picoshare/base/buf.h"
#include "picoshare/base/mem.h"
#include "support.h"

static void test_empty(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    assert_string_equal(buf_str(&b), "");
    assert_int_equal(buf_slice(&b).len, 0);
    assert_non_null(buf_slice(&b).ptr);
    assert_int_equal(buf_err(&b), ERR_OK);
    buf_done(&b);
}

static void test_appends(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    buf_add_str(&b, "one ");
    buf_add(&b, "two\0 ", 5);
    buf_add_slice(&b, SLICE("three "));
    buf_add_slice(&b, (struct slice){NULL, 0});
    buf_add_char(&b, '4');
    buf_addf(&b, " %s-%d", "five", 5);
    assert_int_equal(buf_err(&b), ERR_OK);
    static const char want[] = "one two\0 three 4 five-5";
    assert_int_equal(b.len, sizeof want - 1);
    assert_memory_equal(buf_str(&b), want, sizeof want); /* with the NUL */
    buf_done(&b);
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        uint64_t n;
        const char *want;
    } cases[] = {
        {0, "0"}, {9, "9"}, {10, "10"}, {327680, "327680"}, {UINT64_MAX, "18446744073709551615"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b;
        buf_init(&b, 20);
        buf_add_u64(&b, cases[i].n);
        assert_int_equal(buf_err(&b), ERR_OK);
        assert_string_equal(buf_str(&b), cases[i].want);
        buf_done(&b);
    }
}

static void test_maximum_is_exact(void **state)
{
    (void)state;
    for (size_t max = 0; max < 600; max++) {
        struct buf b;
        buf_init(&b, max);
        for (size_t i = 0; i < max; i++) {
            buf_add_char(&b, 'x');
        }
        assert_int_equal(buf_err(&b), ERR_OK);
        assert_int_equal(b.len, max);
        buf_add_char(&b, 'y');
        assert_int_equal(buf_err(&b), ERR_TOOBIG);
        assert_int_equal(b.len, max);
        assert_int_equal(strlen(buf_str(&b)), max);
        buf_done(&b);
    }
}

/* An append is done whole or not at all, and none follows one that failed. */
static void test_failure_sticks(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 8);
    buf_add_str(&b, "12345");
    buf_addf(&b, "%d", 6789);
    buf_add_str(&b, "6");
    assert_int_equal(buf_err(&b), ERR_TOOBIG);
    assert_string_equal(buf_str(&b), "12345");
    buf_clear(&b);
    assert_int_equal(buf_err(&b), ERR_OK);
    assert_string_equal(buf_str(&b), "");
    buf_add_str(&b, "12345678");
    assert_int_equal(buf_err(&b), ERR_OK);
    buf_done(&b);
    assert_string_equal(buf_str(&b), "");
    buf_add_str(&b, "again");
    assert_string_equal(buf_str(&b), "again");
    buf_done(&b);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100000);
    buf_add_str(&b, "kept");
    mem_fail_after(0);
    for (int i = 0; i < 1000; i++) {
        buf_add_str(&b, "more");
    }
    mem_fail_after(-1);
    assert_int_equal(buf_err(&b), ERR_NOMEM);
    assert_memory_equal(buf_str(&b), "kept", 4);
    buf_add_str(&b, "late");
    assert_int_equal(buf_err(&b), ERR_NOMEM);
    buf_done(&b);
}

static void test_given_bytes(void **state)
{
    (void)state;
    struct buf b;
    char bytes[10];
    mem_fail_after(0);
    buf_init_in(&b, bytes, sizeof bytes);
    assert_string_equal(buf_str(&b), "");
    buf_add_str(&b, "012345678");
    assert_int_equal(buf_err(&b), ERR_OK);
    assert_string_equal(buf_str(&b), "012345678");
    buf_add_char(&b, '9');
    mem_fail_after(-1);
    assert_int_equal(buf_err(&b), ERR_TOOBIG);
    assert_string_equal(bytes, "012345678");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),          cmocka_unit_test(test_appends),
        cmocka_unit_test(test_numbers),        cmocka_unit_test(test_maximum_is_exact),
        cmocka_unit_test(test_failure_sticks), cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_given_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
