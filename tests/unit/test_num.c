#include "picoshare/base/num.h"
#include "support.h"

static void test_parse_u64(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t min, max;
        err_t err;
        uint64_t want;
    } cases[] = {
        {"0", 0, 10, ERR_OK, 0},
        {"10", 0, 10, ERR_OK, 10},
        {"0010", 0, 10, ERR_OK, 10},
        {"11", 0, 10, ERR_TOOBIG, 0},
        {"4", 5, 10, ERR_TOOBIG, 0},
        {"5", 5, 5, ERR_OK, 5},
        {"18446744073709551615", 0, UINT64_MAX, ERR_OK, UINT64_MAX},
        {"18446744073709551616", 0, UINT64_MAX, ERR_TOOBIG, 0},
        {"99999999999999999999", 0, UINT64_MAX, ERR_TOOBIG, 0},
        /* wraps around twice on its way */
        {"184467440737095516160000000000000000000000001", 0, UINT64_MAX, ERR_TOOBIG, 0},
        {"99999999999999999999x", 0, UINT64_MAX, ERR_INVALID, 0},
        {"", 0, 10, ERR_INVALID, 0},
        {"-1", 0, 10, ERR_INVALID, 0},
        {"+1", 0, 10, ERR_INVALID, 0},
        {" 1", 0, 10, ERR_INVALID, 0},
        {"1 ", 0, 10, ERR_INVALID, 0},
        {"1.0", 0, 10, ERR_INVALID, 0},
        {"0x1", 0, 10, ERR_INVALID, 0},
        {"1e1", 0, 10, ERR_INVALID, 0},
        {"/", 0, 10, ERR_INVALID, 0},
        {":", 0, 10, ERR_INVALID, 0},
        {"\xd9\xa1", 0, 10, ERR_INVALID, 0}, /* ARABIC-INDIC DIGIT ONE */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t value = 77;
        err_t err = num_parse_u64(slice_str(cases[i].text), cases[i].min, cases[i].max, &value);
        if (err != cases[i].err || value != (err == ERR_OK ? cases[i].want : 77)) {
            fail_msg("\"%s\": %s, %llu", cases[i].text, err_name(err), (unsigned long long)value);
        }
    }
    uint64_t value = 0;
    assert_int_equal(num_parse_u64(SLICE("1\0"), 0, 10, &value), ERR_INVALID);
}

static void test_parse_i64(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t min, max;
        err_t err;
        int64_t want;
    } cases[] = {
        {"9223372036854775807", 0, INT64_MAX, ERR_OK, INT64_MAX},
        {"9223372036854775808", 0, INT64_MAX, ERR_TOOBIG, 0},
        {"0", -5, 5, ERR_OK, 0},
        {"5", -5, 5, ERR_OK, 5},
        {"-5", -5, 5, ERR_INVALID, 0},
        {"0", 1, 5, ERR_TOOBIG, 0},
        {"0", -5, -1, ERR_TOOBIG, 0},
        {"0", 0, -1, ERR_TOOBIG, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t value = 77;
        err_t err = num_parse_i64(slice_str(cases[i].text), cases[i].min, cases[i].max, &value);
        if (err != cases[i].err || value != (err == ERR_OK ? cases[i].want : 77)) {
            fail_msg("\"%s\" in %lld..%lld: %s", cases[i].text, (long long)cases[i].min,
                     (long long)cases[i].max, err_name(err));
        }
    }
}

static void test_arithmetic(void **state)
{
    (void)state;
    int64_t value = 77;
    assert_true(num_add_i64(INT64_MAX, INT64_MIN, &value));
    assert_int_equal(value, -1);
    value = 77;
    assert_false(num_add_i64(INT64_MAX, 1, &value));
    assert_false(num_add_i64(INT64_MIN, -1, &value));
    assert_false(num_mul_i64(INT64_MAX, 2, &value));
    assert_false(num_mul_i64(INT64_MIN, -1, &value));
    assert_int_equal(value, 77);
    assert_true(num_mul_i64(INT64_C(4294967296), INT64_C(2147483647), &value));
    assert_int_equal(value, INT64_C(9223372032559808512));
}

static void test_hex(void **state)
{
    (void)state;
    static const char digits[] = "0123456789abcdef";
    static const char upper[] = "0123456789ABCDEF";
    for (int c = 0; c < 256; c++) {
        const char *low = c != 0 ? strchr(digits, c) : NULL;
        const char *high = c != 0 ? strchr(upper, c) : NULL;
        int want = low != NULL ? (int)(low - digits) : high != NULL ? (int)(high - upper) : -1;
        assert_int_equal(num_hex_digit((char)c), want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_u64),
        cmocka_unit_test(test_parse_i64),
        cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_hex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
