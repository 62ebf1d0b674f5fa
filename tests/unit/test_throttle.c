#include "picoshare/base/limits.h"
#include "picoshare/base/mem.h"
#include "picoshare/core/throttle.h"
#include "support.h"
#include <pthread.h>
#include <string.h>

enum {
    SECOND = 1000,
    HOUR = 3600 * SECOND,
    WINDOW = SIGN_IN_TOTAL_WINDOW_S * SECOND,
};

struct gatekeeper {
    struct fake_clock clock;
    struct throttle *throttle;
};

static int setup(void **state)
{
    struct gatekeeper *g = calloc(1, sizeof *g);
    assert_non_null(g);
    fake_clock_init(&g->clock);
    assert_int_equal(throttle_new(&g->clock.clock, &g->throttle), ERR_OK);
    *state = g;
    return 0;
}

static int teardown(void **state)
{
    struct gatekeeper *g = *state;
    throttle_free(g->throttle);
    free(g);
    return 0;
}

#define throttle_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void pass_time(struct gatekeeper *g, int64_t ms)
{
    g->clock.mono_ms += ms;
}

/* The seconds that the client must wait; 0: the attempt was made. */
static int64_t attempt(struct gatekeeper *g, const char *client)
{
    int64_t retry_after_s = -7;
    if (throttle_enter(g->throttle, client, &retry_after_s)) {
        assert_int_equal(retry_after_s, -7);
        return 0;
    }
    assert_true(retry_after_s > 0);
    return retry_after_s;
}

/* Wrong attempts that must all be let through. */
static void try_wrong(struct gatekeeper *g, const char *client, int times)
{
    for (int i = 0; i < times; i++) {
        assert_int_equal(attempt(g, client), 0);
    }
}

/* The i-th of many addresses. */
static const char *address(int i)
{
    static char text[32];
    (void)snprintf(text, sizeof text, "10.%d.%d.%d", i >> 16 & 255, i >> 8 & 255, i & 255);
    return text;
}

/* So many failures of clients that are not seen again in a test. */
static void try_wrong_elsewhere(struct gatekeeper *g, int times)
{
    for (int i = 0; i < times; i++) {
        try_wrong(g, address(1 << 16 | i), 1);
    }
}

/* ---- one client ---- */

static void test_schedule(void **state)
{
    struct gatekeeper *g = *state;
    static const int waits[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900};
    try_wrong(g, "192.0.2.1", SIGN_IN_FREE_ATTEMPTS);
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        try_wrong(g, "192.0.2.1", 1);
        assert_int_equal(attempt(g, "192.0.2.1"), waits[i]);
        pass_time(g, waits[i] * SECOND - 1);
        assert_int_equal(attempt(g, "192.0.2.1"), 1); /* being refused has not lengthened it */
        pass_time(g, 1);
    }
    assert_int_equal(attempt(g, "192.0.2.2"), 0); /* nobody else waits */
}

static void test_rounds_up(void **state)
{
    struct gatekeeper *g = *state;
    static const struct {
        int64_t step_ms;
        int64_t wait_s;
    } cases[] = {{0, 4}, {1, 4}, {999, 3}, {1, 3}, {1998, 2}, {1, 1}, {999, 1}, {1, 0}};
    try_wrong(g, "client", SIGN_IN_FREE_ATTEMPTS + 1);
    pass_time(g, 1 * SECOND);
    try_wrong(g, "client", 1);
    pass_time(g, 2 * SECOND);
    try_wrong(g, "client", 1);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        pass_time(g, cases[i].step_ms);
        assert_int_equal(attempt(g, "client"), cases[i].wait_s);
    }
}

/* Ten thousand attempts within an hour: 5 free ones, 10 after waits that sum up to 1023 s, the one
 * that opens the first, and 2 more after 900 s each. */
static void test_stubborn_client(void **state)
{
    struct gatekeeper *g = *state;
    int made = 0;
    for (int i = 0; i < 10000; i++) {
        made += attempt(g, "192.0.2.1") == 0;
        pass_time(g, 360);
    }
    assert_int_equal(made, SIGN_IN_FREE_ATTEMPTS + 1 + 10 + 2);
}

/* A client gains little by staying away until it is forgotten, whenever it does so. */
static void test_patient_client(void **state)
{
    struct gatekeeper *g = *state;
    enum { HOURS = 1000, MOST_PER_HOUR = 13 };
    for (int burst = 1; burst <= 16; burst++) {
        int made = 0;
        int64_t end = g->clock.mono_ms + (int64_t)HOURS * HOUR;
        while (g->clock.mono_ms < end) {
            for (int i = 0; i < burst; i++) {
                pass_time(g, attempt(g, "192.0.2.1") * SECOND);
                made += attempt(g, "192.0.2.1") == 0;
            }
            pass_time(g, attempt(g, "192.0.2.1") * SECOND + HOUR);
        }
        assert_in_range(made, HOURS / 2, HOURS * MOST_PER_HOUR);
        pass_time(g, 2 * HOUR);
    }
}

static void test_forgets(void **state)
{
    struct gatekeeper *g = *state;
    /* An hour after the last failure, … */
    try_wrong(g, "a", SIGN_IN_FREE_ATTEMPTS);
    pass_time(g, HOUR - 1);
    try_wrong(g, "a", 1);
    assert_int_equal(attempt(g, "a"), 1);
    /* … or after the end of the wait that it has opened. */
    pass_time(g, 1 * SECOND + HOUR - 1);
    try_wrong(g, "a", 1);
    assert_int_equal(attempt(g, "a"), 2);
    pass_time(g, 2 * SECOND + HOUR);
    try_wrong(g, "a", SIGN_IN_FREE_ATTEMPTS + 1);
    assert_int_equal(attempt(g, "a"), 1);
}

static void test_success_forgives(void **state)
{
    struct gatekeeper *g = *state;
    try_wrong(g, "a", SIGN_IN_FREE_ATTEMPTS + 1);
    try_wrong(g, "b", SIGN_IN_FREE_ATTEMPTS + 1);
    pass_time(g, 1 * SECOND);
    assert_int_equal(attempt(g, "a"), 0);
    throttle_passed(g->throttle, "a");
    try_wrong(g, "a", SIGN_IN_FREE_ATTEMPTS + 1);
    assert_int_equal(attempt(g, "a"), 1);
    try_wrong(g, "b", 1);
    assert_int_equal(attempt(g, "b"), 2); /* only its own client's failures */
}

/* A client that knows the passphrase never waits. */
static void test_right_ones_are_free(void **state)
{
    struct gatekeeper *g = *state;
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(attempt(g, "a"), 0);
        throttle_passed(g->throttle, "a");
    }
    try_wrong(g, "b", SIGN_IN_FREE_ATTEMPTS + 1);
    assert_int_equal(attempt(g, "b"), 1);
}

/* ---- who a client is ---- */

static void test_clients(void **state)
{
    struct gatekeeper *g = *state;
    static const struct {
        const char *a;
        const char *b;
        bool same;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.1", "::ffff:192.0.2.1", true},
        {"192.0.2.1", "::FFFF:c000:201", true},
        {"192.0.2.1", "::ffff:192.0.2.2", false},
        {"192.0.2.1", "::192.0.2.1", false},
        {"2001:db8:0:1::1", "2001:db8:0:1::2", true},
        {"2001:db8:0:1::1", "2001:0DB8:0:1:ffff:ffff:ffff:ffff", true},
        {"2001:db8:0:1::1", "2001:db8:0:2::1", false},
        {"2001:db8:0:1::1", "2001:db8:1:1::1", false},
        {"::1", "::2", true},
        {"::1", "127.0.0.1", false},
        {"fe80::1%eth0", "fe80::1%eth0", true},
        {"fe80::1%eth0", "fe80::1%eth1", false},
        {"unknown", "unknown", true},
        {"unknown", "somebody", false},
        {"", "", true},
        {"", "unknown", false},
        /* cut to the longest that an address can be */
        {"0123456789012345678901234567890123456789012345678",
         "0123456789012345678901234567890123456789012345679", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        try_wrong(g, cases[i].a, SIGN_IN_FREE_ATTEMPTS + 1);
        if ((attempt(g, cases[i].b) == 1) != cases[i].same) {
            fail_msg("\"%s\" and \"%s\"", cases[i].a, cases[i].b);
        }
        pass_time(g, 2 * HOUR);
        /* The same holds for being forgiven. */
        try_wrong(g, cases[i].a, SIGN_IN_FREE_ATTEMPTS + 1);
        throttle_passed(g->throttle, cases[i].b);
        assert_int_equal(attempt(g, cases[i].a) == 0, cases[i].same);
        pass_time(g, 2 * HOUR);
    }
}

/* ---- all clients together ---- */

static void test_alarm(void **state)
{
    struct gatekeeper *g = *state;
    try_wrong_elsewhere(g, SIGN_IN_TOTAL_FAILURES - 1);
    try_wrong(g, "a", 2); /* the second finds 100 failures: not more than allowed */
    assert_int_equal(attempt(g, "a"), 0);
    assert_int_equal(attempt(g, "a"), 120); /* its third is the second that costs */
    /* Who is not known gets in at its first attempt, … */
    for (int i = 0; i < 50; i++) {
        assert_int_equal(attempt(g, "owner"), 0);
        throttle_passed(g->throttle, "owner");
    }
    /* … and waits for its third. */
    static const int waits[] = {60, 120, 240, 480, 900, 900};
    try_wrong(g, "b", SIGN_IN_ALARM_FREE_ATTEMPTS);
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        pass_time(g, WINDOW); /* calm: without more failures the alarm would be over */
        try_wrong_elsewhere(g, SIGN_IN_TOTAL_FAILURES + 1);
        try_wrong(g, "b", 1);
        assert_int_equal(attempt(g, "b"), waits[i]);
        pass_time(g, waits[i] * SECOND);
    }
}

static void test_alarm_ends(void **state)
{
    struct gatekeeper *g = *state;
    try_wrong_elsewhere(g, SIGN_IN_TOTAL_FAILURES + 1);
    pass_time(g, WINDOW - WINDOW / 10 - 1);
    try_wrong(g, "a", 2);
    assert_int_equal(attempt(g, "a"), 60);
    pass_time(g, WINDOW / 10 + 1);
    try_wrong(g, "a", SIGN_IN_FREE_ATTEMPTS - 2); /* the rest of its free ones */
    try_wrong(g, "b", SIGN_IN_FREE_ATTEMPTS + 1);
    assert_int_equal(attempt(g, "b"), 1);
}

/* A right attempt is taken off the total, even when a minute has ended meanwhile. */
static void test_right_ones_raise_no_alarm(void **state)
{
    struct gatekeeper *g = *state;
    for (int i = 0; i < 2 * SIGN_IN_TOTAL_FAILURES; i++) {
        assert_int_equal(attempt(g, address(i)), 0);
        pass_time(g, WINDOW / 10 / 2);
        throttle_passed(g->throttle, address(i));
    }
    try_wrong_elsewhere(g, SIGN_IN_TOTAL_FAILURES - 1);
    try_wrong(g, "a", 2); /* the 100th and 101st failure */
    assert_int_equal(attempt(g, "a"), 0);
    assert_int_equal(attempt(g, "a"), 120);
    pass_time(g, WINDOW);
    /* More right ones than failures do not count below nothing. */
    try_wrong_elsewhere(g, 1);
    for (int i = 0; i < SIGN_IN_TOTAL_FAILURES; i++) {
        throttle_passed(g->throttle, "nobody");
    }
    try_wrong_elsewhere(g, SIGN_IN_TOTAL_FAILURES + 1);
    try_wrong(g, "b", 2);
    assert_int_equal(attempt(g, "b"), 60);
}

/* A thousand addresses for an hour: each has one attempt and one more, then waits of 60, 120, 240,
 * 480, 900, 900 and 900 s. The alarm ends during the last two waits; as many as it takes to raise
 * it again then have the wait of a calm time, and one attempt more. */
static void test_thousand_clients(void **state)
{
    struct gatekeeper *g = *state;
    enum { CLIENTS = 1000, STEP = 10 };
    int made = 0;
    for (int s = 0; s < 3600; s += STEP) {
        for (int i = 0; i < CLIENTS; i++) {
            made += attempt(g, address(i)) == 0;
        }
        for (int i = 0; s == 0 && i < CLIENTS; i++) {
            made += attempt(g, address(i)) == 0;
        }
        assert_int_equal(attempt(g, "owner"), 0);
        throttle_passed(g->throttle, "owner");
        pass_time(g, STEP * SECOND);
    }
    assert_int_equal(made, 8 * CLIENTS + 2 * (SIGN_IN_TOTAL_FAILURES + 1));
}

/* ---- a full table ---- */

/* Whether the table still holds the client, which has one failure; needs an alarm. */
static bool is_known(struct gatekeeper *g, const char *client)
{
    try_wrong(g, client, 1);
    return attempt(g, client) == 60;
}

static void test_full_table(void **state)
{
    struct gatekeeper *g = *state;
    for (int i = 0; i < SIGN_IN_CLIENTS; i++) {
        try_wrong(g, address(i), 1);
        pass_time(g, 1);
    }
    try_wrong(g, address(0), 1); /* waits now, and so stays longer than number 1 */
    assert_int_equal(attempt(g, address(0)), 60);
    try_wrong(g, "newcomer", 1);
    assert_true(is_known(g, "newcomer"));
    assert_true(is_known(g, address(2)));
    assert_true(is_known(g, address(SIGN_IN_CLIENTS - 1)));
    assert_int_equal(attempt(g, address(0)), 60);
    assert_false(is_known(g, address(1)));
}

static void test_full_of_waiting(void **state)
{
    struct gatekeeper *g = *state;
    try_wrong_elsewhere(g, SIGN_IN_TOTAL_FAILURES + 1);
    try_wrong(g, "long", 2);
    pass_time(g, 60 * SECOND);
    try_wrong(g, "long", 1); /* waits for 120 s, and failed longest ago */
    for (int i = 1; i < SIGN_IN_CLIENTS; i++) {
        pass_time(g, 1);
        try_wrong(g, address(i), 2);
    }
    try_wrong(g, "newcomer", 1);
    assert_int_equal(attempt(g, address(2)), 59); /* a second has passed */
    assert_int_equal(attempt(g, "long"), 119);
    assert_int_equal(attempt(g, address(1)), 0); /* in place of the newcomer, who did not wait */
    assert_int_equal(attempt(g, address(2)), 59);
}

/* ---- threads ---- */

enum { THREADS = 8, ROUNDS = 2000 };

struct crowd {
    struct gatekeeper *g;
    _Atomic int next;
    _Atomic int made;
};

static void *guess(void *arg)
{
    struct crowd *crowd = arg;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t retry_after_s = 0;
        crowd->made += throttle_enter(crowd->g->throttle, "192.0.2.1", &retry_after_s);
    }
    return NULL;
}

static void *sign_in(void *arg)
{
    struct crowd *crowd = arg;
    char client[16];
    (void)snprintf(client, sizeof client, "10.0.0.%d", crowd->next++);
    for (int i = 0; i < ROUNDS; i++) {
        int64_t retry_after_s = 0;
        if (throttle_enter(crowd->g->throttle, client, &retry_after_s)) {
            crowd->made++;
            throttle_passed(crowd->g->throttle, client);
        }
    }
    return NULL;
}

static int made_by(struct gatekeeper *g, void *(*run)(void *))
{
    struct crowd crowd = {.g = g};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run, &crowd), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    return crowd.made;
}

/* However many ask at the same time, as many get in as one after the other. */
static void test_threads(void **state)
{
    struct gatekeeper *g = *state;
    assert_int_equal(made_by(g, guess), SIGN_IN_FREE_ATTEMPTS + 1);
    assert_int_equal(made_by(g, guess), 0);
    pass_time(g, 1 * SECOND);
    assert_int_equal(made_by(g, guess), 1);
    assert_int_equal(made_by(g, sign_in), THREADS * ROUNDS);
    /* The total holds those seven failures, nothing of those who signed in. */
    try_wrong_elsewhere(g, SIGN_IN_TOTAL_FAILURES - 7 - 1);
    try_wrong(g, "a", 2);
    assert_int_equal(attempt(g, "a"), 0);
    assert_int_equal(attempt(g, "a"), 120);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct throttle *throttle = NULL;
    mem_fail_after(0);
    err_t err = throttle_new(&clock_system, &throttle);
    mem_fail_after(-1);
    assert_int_equal(err, ERR_NOMEM);
    assert_null(throttle);
    throttle_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        throttle_test(test_schedule),
        throttle_test(test_rounds_up),
        throttle_test(test_stubborn_client),
        throttle_test(test_patient_client),
        throttle_test(test_forgets),
        throttle_test(test_success_forgives),
        throttle_test(test_right_ones_are_free),
        throttle_test(test_clients),
        throttle_test(test_alarm),
        throttle_test(test_alarm_ends),
        throttle_test(test_right_ones_raise_no_alarm),
        throttle_test(test_thousand_clients),
        throttle_test(test_full_table),
        throttle_test(test_full_of_waiting),
        throttle_test(test_threads),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
