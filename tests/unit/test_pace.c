#include "picoshare/http/pace.h"
#include "support.h"

enum { WINDOW_MS = 60000, MIN_PER_S = 200, ENOUGH = 60 * MIN_PER_S };

static bool slow(struct pace *pace, int64_t now, int64_t bytes)
{
    return pace_is_slow(pace, now, bytes, WINDOW_MS, MIN_PER_S);
}

static void test_window(void **state)
{
    (void)state;
    struct pace pace;
    pace_start(&pace, 1000, 50);
    assert_false(slow(&pace, 1000, 50));
    assert_false(slow(&pace, 1000 + WINDOW_MS - 1, 50)); /* nothing came, but there is time left */
    assert_true(slow(&pace, 1000 + WINDOW_MS, 50 + ENOUGH - 1));
    /* The next window begins with what there was then. */
    assert_false(slow(&pace, 1001 + WINDOW_MS, 50 + ENOUGH - 1));
    assert_false(slow(&pace, 1000 + 2 * WINDOW_MS, 50 + 2 * ENOUGH - 1));
    assert_true(slow(&pace, 1000 + 3 * WINDOW_MS, 50 + 2 * ENOUGH - 1));
}

/* Looked at late, a window is longer and more must have come. */
static void test_looked_at_late(void **state)
{
    (void)state;
    struct pace pace;
    pace_start(&pace, 0, 0);
    assert_true(slow(&pace, 2 * WINDOW_MS, 2 * ENOUGH - 1));
    pace_start(&pace, 0, 0);
    assert_false(slow(&pace, 2 * WINDOW_MS, 2 * ENOUGH));
    pace_start(&pace, 0, 0);
    assert_true(slow(&pace, WINDOW_MS + 5, ENOUGH));
    assert_false(slow(&pace, 2 * WINDOW_MS + 10, ENOUGH + ENOUGH + 1));
}

/* A burst pays for the window it comes in, not for the next one. */
static void test_burst(void **state)
{
    (void)state;
    struct pace pace;
    pace_start(&pace, 0, 0);
    assert_false(slow(&pace, WINDOW_MS, INT64_C(1) << 40));
    assert_true(slow(&pace, 2 * WINDOW_MS, (INT64_C(1) << 40) + 1));
}

/* A shorter window, when that is what is asked for, looks at the same time. */
static void test_shorter(void **state)
{
    (void)state;
    struct pace pace;
    pace_start(&pace, 0, 0);
    assert_false(pace_is_slow(&pace, 70000, 0, 300000, 1024));
    assert_true(pace_is_slow(&pace, 70000, 0, 60000, 1024));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_looked_at_late),
        cmocka_unit_test(test_burst),
        cmocka_unit_test(test_shorter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
