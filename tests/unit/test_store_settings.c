#include "fault_vfs.h"
#include "store_support.h"

static int64_t days_of(struct store *store)
{
    int64_t days = -1;
    assert_int_equal(store_default_days(store, &days), ERR_OK);
    return days;
}

static err_t set_days(struct store *store, int64_t days)
{
    struct store_set_default_days set;
    store_set_default_days_init(&set);
    set.days = days;
    return store_run(store, &set.job);
}

static void test_set(void **state)
{
    struct fixture *fix = *state;
    static const int64_t values[] = {7, 1, 3650, 36500, 30};
    assert_int_equal(days_of(fix->store), 30);
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        char text[40];
        assert_int_equal(set_days(fix->store, values[i]), ERR_OK);
        assert_int_equal(days_of(fix->store), values[i]);
        (void)snprintf(text, sizeof text, "1 %lld 1", (long long)values[i]);
        assert_sql(fix->path,
                   "SELECT id || ' ' || default_expiration_in_days || ' ' || count(*)"
                   " FROM settings",
                   text);
        fixture_reopen(fix);
        assert_int_equal(days_of(fix->store), values[i]);
    }
}

/* PicoShare only updates the row, and reads a missing one as nothing at all. */
static void test_missing_row(void **state)
{
    struct fixture *fix = *state;
    sql_run(fix->path, "DELETE FROM settings");
    assert_int_equal(days_of(fix->store), 30);
    fixture_reopen(fix);
    assert_int_equal(days_of(fix->store), 30);
    assert_int_equal(set_days(fix->store, 365), ERR_OK);
    assert_int_equal(days_of(fix->store), 365);
    assert_sql(fix->path, "SELECT id || ' ' || default_expiration_in_days FROM settings", "1 365");
}

static void test_no_value(void **state)
{
    struct fixture *fix = *state;
    sql_run(fix->path, "UPDATE settings SET default_expiration_in_days = NULL");
    assert_int_equal(days_of(fix->store), 30);
    assert_int_equal(set_days(fix->store, 5), ERR_OK);
    assert_int_equal(days_of(fix->store), 5);
    assert_sql(fix->path, "SELECT count(*) FROM settings", "1");
}

/* What the table refuses leaves the setting, and the rest of the transaction, as they are. */
static void test_refused_value(void **state)
{
    struct fixture *fix = *state;
    static const int64_t values[] = {9, -1, 8};
    struct store_set_default_days sets[ARRAY_LEN(values)];
    struct pending pending[ARRAY_LEN(values)];
    struct gate gate;
    gate_shut(&gate, fix->store);
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        store_set_default_days_init(&sets[i]);
        sets[i].days = values[i];
        pending_submit(&pending[i], fix->store, &sets[i].job);
    }
    gate_open(&gate);
    gate_settle(fix->store);
    assert_int_equal(sets[0].job.result, ERR_OK);
    assert_int_equal(sets[1].job.result, ERR_INTERNAL);
    assert_int_equal(sets[2].job.result, ERR_OK);
    assert_int_equal(days_of(fix->store), 8);
}

static void test_failing_disk(void **state)
{
    static const struct {
        enum fault_kind kind;
        err_t err;
    } cases[] = {{FAULT_FULL, ERR_FULL}, {FAULT_IO, ERR_IO}};
    struct fixture *fix = *state;
    assert_int_equal(set_days(fix->store, 5), ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        fault_set(cases[i].kind, 0, true);
        err_t err = set_days(fix->store, 7);
        fault_lift();
        assert_int_equal(err, cases[i].err);
        assert_int_equal(days_of(fix->store), 5);
    }
    fault.syncs = 0;
    assert_int_equal(set_days(fix->store, 7), ERR_OK);
    assert_true(fault.syncs > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_set),        fixture_test(test_missing_row),
        fixture_test(test_no_value),   fixture_test(test_refused_value),
        fault_test(test_failing_disk),
    };
    return cmocka_run_group_tests(tests, fault_vfs_setup, NULL);
}
