#include "fault_vfs.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/mem.h"
#include "picoshare/core/upkeep.h"
#include "store_support.h"

enum { PATIENCE_S = 60, MAX_REPORTS = 16, FILE_BYTES = 2 * MIB };

/* ---- what was reported ---- */

static struct upkeep_report reports[MAX_REPORTS];
static _Atomic size_t reports_count;

static void report(const struct upkeep_report *r)
{
    check(reports_count < MAX_REPORTS);
    reports[reports_count] = *r;
    reports_count++;
}

static void await_reports(size_t count)
{
    for (int i = 0; i < PATIENCE_S * 100 && reports_count < count; i++) {
        sleep_ms(10);
    }
    assert_int_equal(reports_count, count);
}

static struct upkeep *make_upkeep(struct fixture *fix, bool reclaims)
{
    struct upkeep *upkeep = NULL;
    reports_count = 0;
    assert_int_equal(upkeep_new(fix->store, &fix->clock.clock, reclaims, report, &upkeep), ERR_OK);
    return upkeep;
}

static void assert_idle(struct upkeep *upkeep, int64_t pages_freed)
{
    struct upkeep_state state;
    upkeep_state(upkeep, &state);
    assert_int_equal(state.step, UPKEEP_IDLE);
    assert_int_equal(state.pages_freed, pages_freed);
}

static void add_expired_file(struct fixture *fix)
{
    char *bytes = make_bytes(1, FILE_BYTES);
    store_file(fix->store, "expired222", bytes, FILE_BYTES, CHUNK_BYTES, TEST_NOW_S - 10,
               TEST_NOW_S - 5);
    free(bytes);
}

/* ---- the schedule ---- */

static void test_schedule(void **state)
{
    struct fixture *fix = *state;
    struct upkeep *upkeep = make_upkeep(fix, false);
    add_expired_file(fix);
    upkeep_tick(upkeep); /* the first run is at the start */
    await_reports(1);
    assert_int_equal(reports[0].step, UPKEEP_COLLECTING);
    assert_int_equal(reports[0].result, ERR_OK);
    assert_int_equal(reports[0].expired, 1);
    assert_idle(upkeep, 0);
    fix->clock.mono_ms += INT64_C(1000) * COLLECT_EVERY_S - 1;
    upkeep_tick(upkeep);
    fix->clock.mono_ms++;
    upkeep_tick(upkeep);
    await_reports(2); /* and not 3 */
    assert_int_equal(reports[1].expired, 0);
    fixture_close(fix);
    upkeep_free(upkeep);
}

static void test_schedule_with_reclaim(void **state)
{
    struct fixture *fix = *state;
    struct upkeep *upkeep = make_upkeep(fix, true);
    add_expired_file(fix);
    upkeep_tick(upkeep);
    await_reports(2);
    assert_int_equal(reports[0].expired, 1);
    assert_int_equal(reports[1].step, UPKEEP_RECLAIMING);
    assert_int_equal(reports[1].result, ERR_OK);
    assert_true(reports[1].pages_freed > 0);
    assert_idle(upkeep, reports[1].pages_freed);
    assert_sql(fix->path, "PRAGMA freelist_count", "0");
    fixture_close(fix);
    upkeep_free(upkeep);
}

/* ---- the owner asks ---- */

static void test_reclaim(void **state)
{
    struct fixture *fix = *state;
    struct upkeep *upkeep = make_upkeep(fix, false);
    add_expired_file(fix);
    struct gate gate;
    gate_shut(&gate, fix->store);
    upkeep_tick(upkeep);    /* a run that gives nothing back … */
    upkeep_reclaim(upkeep); /* … is made to, and another one … */
    upkeep_reclaim(upkeep); /* … does not begin meanwhile */
    gate_open(&gate);
    await_reports(2);
    assert_int_equal(reports[0].expired, 1);
    assert_true(reports[1].pages_freed > 0);
    upkeep_reclaim(upkeep);
    await_reports(4);
    assert_int_equal(reports[3].pages_freed, 0);
    assert_idle(upkeep, 0);
    fixture_close(fix);
    upkeep_free(upkeep);
}

static void test_foreign_file_is_left(void **state)
{
    struct fixture *fix = *state;
    fixture_close(fix);
    sql_run(fix->path, "PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = 0; VACUUM");
    fixture_open(fix);
    struct upkeep *upkeep = make_upkeep(fix, true);
    upkeep_tick(upkeep);
    await_reports(2);
    assert_int_equal(reports[1].result, ERR_INVALID);
    assert_idle(upkeep, 0);
    fixture_close(fix);
    upkeep_free(upkeep);
}

static void test_failed_collection_ends_the_run(void **state)
{
    struct fixture *fix = *state;
    struct upkeep *upkeep = make_upkeep(fix, true);
    add_expired_file(fix);
    fault_set(FAULT_IO, 0, true);
    upkeep_tick(upkeep);
    await_reports(1);
    fault_lift();
    assert_int_equal(reports[0].result, ERR_IO);
    assert_idle(upkeep, 0);
    upkeep_reclaim(upkeep); /* the next one works */
    await_reports(3);
    assert_int_equal(reports[1].expired, 1);
    fixture_close(fix);
    upkeep_free(upkeep);
}

static void test_no_memory(void **state)
{
    struct fixture *fix = *state;
    struct upkeep *upkeep = NULL;
    mem_fail_after(0);
    assert_int_equal(upkeep_new(fix->store, &fix->clock.clock, false, report, &upkeep), ERR_NOMEM);
    mem_fail_after(-1);
    upkeep_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_schedule),
        fixture_test(test_schedule_with_reclaim),
        fixture_test(test_reclaim),
        fixture_test(test_foreign_file_is_left),
        fault_test(test_failed_collection_ends_the_run),
        fixture_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, fault_vfs_setup, NULL);
}
