#include "picoshare/base/check.h"
#include "picoshare/text/civil.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_known_days(void **state)
{
    (void)state;
    static const struct {
        int64_t year;
        int month;
        int day;
        int64_t days;
        int weekday;
    } cases[] = {
        {1970, 1, 1, 0, 4},         {1969, 12, 31, -1, 3},     {1970, 12, 31, 364, 4},
        {2000, 2, 29, 11016, 2},    {2000, 3, 1, 11017, 3},    {1900, 3, 1, -25508, 4},
        {1900, 2, 28, -25509, 3},   {1994, 11, 6, 9075, 0},    {2038, 1, 19, 24855, 2},
        {2999, 12, 31, 376199, 2},  {0, 1, 1, -719528, 6},     {0, 2, 29, -719469, 2},
        {9999, 12, 31, 2932896, 5}, {-1, 12, 31, -719529, 5},  {-400, 3, 1, -865565, 3},
        {10000, 1, 1, 2932897, 6},  {1600, 2, 29, -135081, 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t days = civil_to_days(cases[i].year, cases[i].month, cases[i].day);
        if (days != cases[i].days || civil_weekday(days) != cases[i].weekday) {
            fail_msg("row %zu: day %lld, weekday %d", i, (long long)days, civil_weekday(days));
        }
        struct civil c;
        civil_from_days(days, &c);
        assert_int_equal(c.year, cases[i].year);
        assert_int_equal(c.month, cases[i].month);
        assert_int_equal(c.day, cases[i].day);
    }
}

/* Every day of three eras follows the one before it, and comes back as the same number. */
static void test_every_day(void **state)
{
    (void)state;
    struct civil before;
    civil_from_days(-900001, &before);
    for (int64_t days = -900000; days <= 300000; days++) {
        struct civil c;
        civil_from_days(days, &c);
        bool next_day = c.day == before.day + 1 && c.month == before.month && c.year == before.year;
        bool month_over = before.day == civil_days_in_month(before.year, before.month);
        bool next_month = c.day == 1 && c.month == before.month + 1 && c.year == before.year;
        bool next_year =
            c.day == 1 && c.month == 1 && before.month == 12 && c.year == before.year + 1;
        if (!(month_over ? next_month || next_year : next_day) ||
            civil_to_days(c.year, c.month, c.day) != days) {
            fail_msg("day %lld is %lld-%d-%d", (long long)days, (long long)c.year, c.month, c.day);
        }
        before = c;
    }
}

static void test_days_in_month(void **state)
{
    (void)state;
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    for (int month = 1; month <= 12; month++) {
        assert_int_equal(civil_days_in_month(2023, month), lengths[month - 1]);
    }
    static const struct {
        int64_t year;
        int february;
    } years[] = {{2024, 29}, {1900, 28}, {2000, 29}, {2100, 28}, {0, 29}, {-4, 29}, {-1, 28}};
    for (size_t i = 0; i < ARRAY_LEN(years); i++) {
        assert_int_equal(civil_days_in_month(years[i].year, 2), years[i].february);
    }
}

static void test_seconds(void **state)
{
    (void)state;
    static const struct {
        int64_t unix_s;
        struct civil c;
    } cases[] = {
        {0, {1970, 1, 1, 0, 0, 0}},
        {-1, {1969, 12, 31, 23, 59, 59}},
        {784111777, {1994, 11, 6, 8, 49, 37}},
        {CIVIL_MIN_UNIX, {0, 1, 1, 0, 0, 0}},
        {CIVIL_MIN_UNIX - 1, {-1, 12, 31, 23, 59, 59}},
        {CIVIL_MAX_UNIX, {9999, 12, 31, 23, 59, 59}},
        {-86400, {1969, 12, 31, 0, 0, 0}},
        {86399, {1970, 1, 1, 23, 59, 59}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct civil c;
        civil_from_unix(cases[i].unix_s, &c);
        assert_int_equal(c.year, cases[i].c.year);
        assert_int_equal(c.month, cases[i].c.month);
        assert_int_equal(c.day, cases[i].c.day);
        assert_int_equal(c.hour, cases[i].c.hour);
        assert_int_equal(c.minute, cases[i].c.minute);
        assert_int_equal(c.second, cases[i].c.second);
        assert_int_equal(civil_to_unix(&c), cases[i].unix_s);
    }
    struct civil leap = {2016, 12, 31, 23, 59, 60};
    assert_int_equal(civil_to_unix(&leap), 1483228800);
    assert_int_equal(civil_days_of_unix(-1), -1);
    assert_int_equal(civil_days_of_unix(86400), 1);
}

static void test_the_ends_of_int64(void **state)
{
    (void)state;
    struct civil c;
    civil_from_unix(INT64_MAX, &c);
    assert_int_equal(c.year, 292277026596);
    assert_int_equal(civil_to_unix(&c), INT64_MAX);
    civil_from_unix(INT64_MIN, &c);
    assert_int_equal(c.year, -292277022657);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_days),        cmocka_unit_test(test_every_day),
        cmocka_unit_test(test_days_in_month),     cmocka_unit_test(test_seconds),
        cmocka_unit_test(test_the_ends_of_int64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
