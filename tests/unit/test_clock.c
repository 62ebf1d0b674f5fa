#include "picoshare/base/clock.h"
#include "support.h"

static int64_t fixed_ns;

static int64_t read_fixed(const struct clock *clock)
{
    (void)clock;
    return fixed_ns;
}

static void test_seconds_round_down(void **state)
{
    (void)state;
    static const struct {
        int64_t ns, s;
    } cases[] = {
        {0, 0},
        {999999999, 0},
        {1000000000, 1},
        {-1, -1},
        {-1000000000, -1},
        {-1000000001, -2},
        {INT64_MAX, 9223372036},
        {INT64_MIN, -9223372037},
    };
    const struct clock clock = {read_fixed, read_fixed};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        fixed_ns = cases[i].ns;
        assert_int_equal(clock_now_s(&clock), cases[i].s);
    }
}

static void test_system(void **state)
{
    (void)state;
    int64_t wall = clock_now_s(&clock_system);
    assert_true(llabs(wall - (int64_t)time(NULL)) <= 1);
    int64_t start = clock_mono_ms(&clock_system);
    sleep_ms(20);
    int64_t passed = clock_mono_ms(&clock_system) - start;
    assert_true(passed >= 19 && passed < 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seconds_round_down),
        cmocka_unit_test(test_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
