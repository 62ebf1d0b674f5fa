#include "picoshare/core/pulse.h"
#include "store_support.h"

enum { PATIENCE_MS = 60 * 1000 };

static struct pulse *make_pulse(struct fixture *fix)
{
    struct pulse *pulse = NULL;
    assert_int_equal(pulse_new(fix->store, &pulse), ERR_OK);
    return pulse;
}

static void await_beat(struct pulse *pulse)
{
    for (int ms = 0; !pulse_beats(pulse); ms++) {
        assert_true(ms < PATIENCE_MS);
        sleep_ms(1);
    }
}

/* Again and again, and beside somebody who always has something urgent. */
static void test_beats(void **state)
{
    struct fixture *fix = *state;
    struct pulse *pulse = make_pulse(fix);
    assert_true(pulse_beats(pulse)); /* nothing was asked yet */
    await_beat(pulse);
    await_beat(pulse);
    struct turns turns;
    fix->clock.step_ms = 1;
    turns_start(&turns, fix->store);
    await_beat(pulse);
    await_beat(pulse);
    assert_true(turns_stop(&turns) > 0);
    fixture_close(fix);
    pulse_free(pulse);
}

static void test_writer_is_kept(void **state)
{
    enum { WHILE_MS = 200 };
    struct fixture *fix = *state;
    struct pulse *pulse = make_pulse(fix);
    struct gate gate;
    gate_shut(&gate, fix->store);
    assert_true(pulse_beats(pulse)); /* asked now, and not answered */
    sleep_ms(WHILE_MS);
    assert_false(pulse_beats(pulse));
    gate_open(&gate);
    await_beat(pulse);
    fixture_close(fix); /* answers what was asked */
    pulse_free(pulse);
}

/* Another program has the database: that is no reason to start again. */
static void test_locked(void **state)
{
    struct fixture *fix = *state;
    struct pulse *pulse = make_pulse(fix);
    sqlite3 *db = sql_open(fix->path);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    await_beat(pulse);
    await_beat(pulse);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    fixture_close(fix);
    pulse_free(pulse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_beats),
        fixture_test(test_writer_is_kept),
        fixture_test(test_locked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
