#include "picoshare/base/buf.h"
#include "picoshare/base/check.h"
#include "picoshare/text/range.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void check_kind(const char *header, int64_t size, enum range_kind want)
{
    struct range_set set;
    range_parse(slice_str(header), size, &set);
    if (set.kind != want) {
        fail_msg("\"%s\" of %lld: kind %d, want %d", header, (long long)size, set.kind, want);
    }
    if (want != RANGE_ONE && want != RANGE_MANY) {
        assert_int_equal(set.n, 0);
    }
}

static void test_one_range(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        int64_t size;
        int64_t first;
        int64_t last;
    } cases[] = {
        {"bytes=0-0", 10, 0, 0},
        {"bytes=0-9", 10, 0, 9},
        {"bytes=2-5", 10, 2, 5},
        {"bytes=9-9", 10, 9, 9},
        {"bytes=5-", 10, 5, 9},
        {"bytes=0-", 10, 0, 9},
        {"bytes=0-0", 1, 0, 0},
        {"bytes=3-100", 10, 3, 9},
        {"bytes=3-9223372036854775807", 10, 3, 9},
        {"bytes=-3", 10, 7, 9},
        {"bytes=-10", 10, 0, 9},
        {"bytes=-11", 10, 0, 9},
        {"bytes=-9223372036854775807", 10, 0, 9},
        {"bytes= 2 - 5 ", 10, 2, 5},
        {"bytes=\t2-5\t", 10, 2, 5},
        {" bytes=2-5", 10, 2, 5},
        {"bytes=,2-5,", 10, 2, 5},
        {"bytes=002-005", 10, 2, 5},
        {"Bytes=2-5", 10, 2, 5},
        {"BYTES=2-5", 10, 2, 5},
        {"bytes=20-30,2-5", 10, 2, 5},
        {"bytes=2-5,-0", 10, 2, 5},
        {"bytes=9223372036854775806-", INT64_MAX, INT64_MAX - 1, INT64_MAX - 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        check_kind(cases[i].header, cases[i].size, RANGE_ONE);
        struct range_set set;
        range_parse(slice_str(cases[i].header), cases[i].size, &set);
        assert_int_equal(set.n, 1);
        assert_int_equal(set.r[0].first, cases[i].first);
        assert_int_equal(set.r[0].last, cases[i].last);
    }
}

static void test_many_ranges_keep_their_order(void **state)
{
    (void)state;
    struct range_set set;
    range_parse(SLICE("bytes=7-8, 0-1 ,20-30,-2"), 10, &set);
    assert_int_equal(set.kind, RANGE_MANY);
    assert_int_equal(set.n, 3);
    static const struct byte_range want[] = {{7, 8}, {0, 1}, {8, 9}};
    assert_memory_equal(set.r, want, sizeof want);
}

static void test_whole_body(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "",         "bytes",     "bytes 0-1",     "0-1",         "items=0-1",
        "bytes =1", "xbytes=0-", "bytes=",        "bytes=,",     "bytes= , ,",
        "=0-1",     "=",         "bytes=0-9,0-0", "bytes=0-,1-", "bytes=-6,-5",
    };
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        check_kind(headers[i], 10, RANGE_NONE);
    }
    struct range_set set;
    range_parse((struct slice){NULL, 0}, 10, &set);
    assert_int_equal(set.kind, RANGE_NONE);
}

static void test_invalid(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "bytes=-",      "bytes=--1",       "bytes=a-b",
        "bytes=1",      "bytes=5-2",       "bytes=0-x",
        "bytes=x-1",    "bytes=+1-2",      "bytes=1-+2",
        "bytes=-+2",    "bytes=1-2-3",     "bytes=1 2-3",
        "bytes=0x1-2",  "bytes=0-1,x",     "bytes=20-30,x",
        "bytes=1;2",    "bytes=20-x",      "bytes=20-15",
        "bytes==0-1",   "bytes=bytes=0-1", "bytes=0-9223372036854775808",
        "bytes=1-2 -3", "bytes=\n1-2",     "bytes=99999999999999999999-",
    };
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        check_kind(headers[i], 10, RANGE_INVALID);
    }
}

static void test_unsatisfiable(void **state)
{
    (void)state;
    check_kind("bytes=10-", 10, RANGE_UNSATISFIABLE);
    check_kind("bytes=10-10", 10, RANGE_UNSATISFIABLE);
    check_kind("bytes=11-20,30-", 10, RANGE_UNSATISFIABLE);
    check_kind("bytes=-0", 10, RANGE_UNSATISFIABLE);
    check_kind("bytes=9223372036854775807-", 10, RANGE_UNSATISFIABLE);
    check_kind("bytes=0-", 0, RANGE_UNSATISFIABLE);
    check_kind("bytes=-1", 0, RANGE_UNSATISFIABLE);
    check_kind("bytes=-0", 0, RANGE_UNSATISFIABLE);
}

static void test_number_of_ranges(void **state)
{
    (void)state;
    struct buf header;
    buf_init(&header, 256);
    buf_add_str(&header, "bytes=0-0");
    for (int i = 2; i <= RANGE_MAX_PARTS; i++) {
        buf_add_str(&header, ",0-0");
    }
    check_kind(buf_str(&header), 100, RANGE_MANY);
    struct range_set set;
    range_parse(buf_slice(&header), 100, &set);
    assert_int_equal(set.n, RANGE_MAX_PARTS);
    buf_add_str(&header, ",0-0");
    check_kind(buf_str(&header), 100, RANGE_NONE);
    buf_add_str(&header, ",x");
    check_kind(buf_str(&header), 100, RANGE_INVALID);
    assert_int_equal(buf_err(&header), ERR_OK);
    buf_done(&header);
}

static void test_bytes_asked_for(void **state)
{
    (void)state;
    check_kind("bytes=0-4,5-9", 10, RANGE_MANY);
    check_kind("bytes=0-4,0-4", 10, RANGE_MANY);
    check_kind("bytes=0-4,4-9", 10, RANGE_NONE);
    /* The sum must not overflow. */
    check_kind("bytes=0-,0-,0-", INT64_MAX, RANGE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_range),       cmocka_unit_test(test_many_ranges_keep_their_order),
        cmocka_unit_test(test_whole_body),      cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_unsatisfiable),   cmocka_unit_test(test_number_of_ranges),
        cmocka_unit_test(test_bytes_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
