#include "picoshare/base/limits.h"
#include "picoshare/base/mem.h"
#include "picoshare/base/num.h"
#include "picoshare/core/scrub.h"
#include "store_support.h"
#include <fcntl.h>
#include <unistd.h>

enum { RATE = 4 * DOWNLOAD_BLOCK_BYTES, MAX_EVENTS = 32, ENOUGH_CALLS = 2000 };

/* ---- what was reported ---- */

static struct {
    enum scrub_event event;
    char id[ENTRY_ID_LEN + 1];
    char text[VERIFY_TEXT_SIZE];
    int64_t files;
} events[MAX_EVENTS];
static size_t events_count;

static void report(const struct scrub_report *r)
{
    check(events_count < MAX_EVENTS);
    events[events_count].event = r->event;
    events[events_count].files = r->files;
    events[events_count].id[0] = events[events_count].text[0] = '\0';
    if (r->id != NULL) {
        (void)slice_copy(slice_str(r->id), events[events_count].id, sizeof events->id);
        (void)slice_copy(slice_str(r->text), events[events_count].text, sizeof events->text);
    }
    events_count++;
}

static void expect_event(size_t i, enum scrub_event event, const char *id, const char *text)
{
    assert_true(i < events_count);
    assert_int_equal(events[i].event, event);
    assert_string_equal(events[i].id, id);
    assert_string_equal(events[i].text, text);
}

/* ---- scrubs ---- */

static struct scrub *start(struct fixture *fix, struct fake_clock *clock)
{
    struct scrub *scrub = NULL;
    events_count = 0;
    assert_int_equal(scrub_new(fix->store, &clock->clock, RATE, report, &scrub), ERR_OK);
    return scrub;
}

static void stop(struct fixture *fix, struct scrub *scrub)
{
    gate_settle(fix->store); /* what it has noted is stored */
    scrub_free(scrub);
}

static struct scrub_state state_of(struct scrub *scrub)
{
    struct scrub_state state;
    scrub_state(scrub, &state);
    return state;
}

/* Works until a round has ended; how many calls that took. */
static int finish_round(struct fixture *fix, struct scrub *scrub)
{
    int calls = 0;
    size_t before = events_count;
    for (bool ended = false; !ended && calls < ENOUGH_CALLS; calls++) {
        scrub_work(scrub);
        for (size_t i = before; i < events_count; i++) {
            ended = ended || events[i].event == SCRUB_ROUND || events[i].event == SCRUB_FAILED;
        }
    }
    assert_true(calls < ENOUGH_CALLS);
    gate_settle(fix->store);
    return calls;
}

static void add_file(struct fixture *fix, const char *id, size_t len)
{
    char *bytes = make_bytes(7, len);
    store_file(fix->store, id, bytes, len, CHUNK_BYTES, TEST_NOW_S, NEVER_S);
    free(bytes);
}

/* ---- rounds ---- */

static void test_rounds(void **state)
{
    struct fixture *fix = *state;
    struct fake_clock clock;
    fake_clock_init(&clock);
    add_file(fix, "aaaaaaaaaa", 1000);
    add_file(fix, "bbbbbbbbbb", 2000);
    struct scrub *scrub = start(fix, &clock);
    assert_true(state_of(scrub).on);
    assert_false(state_of(scrub).running);
    assert_string_equal(state_of(scrub).last_id, "");
    (void)finish_round(fix, scrub);
    assert_int_equal(events_count, 1);
    assert_int_equal(events[0].files, 2);
    struct scrub_state s = state_of(scrub);
    assert_false(s.running);
    assert_string_equal(s.last_id, "bbbbbbbbbb");
    assert_int_equal(s.last_time, clock_now_s(&clock.clock));
    assert_int_equal(s.round_ended, clock_now_s(&clock.clock));
    /* Then it rests, also over a restart, … */
    scrub_work(scrub);
    assert_int_equal(events_count, 1);
    stop(fix, scrub);
    fixture_reopen(fix);
    scrub = start(fix, &clock);
    assert_int_equal(state_of(scrub).round_ended, clock_now_s(&clock.clock));
    scrub_work(scrub);
    assert_int_equal(events_count, 0);
    clock.now_s += SCRUB_EVERY_S - 1;
    scrub_work(scrub);
    assert_int_equal(events_count, 0);
    /* … until it is time. */
    clock.now_s += 1;
    (void)finish_round(fix, scrub);
    assert_int_equal(events[0].files, 2);
    /* A clock that goes back does not stop it for ever. */
    clock.now_s -= 400 * INT64_C(86400);
    (void)finish_round(fix, scrub);
    assert_int_equal(events_count, 2);
    stop(fix, scrub);
}

static void test_turned_off(void **state)
{
    struct fixture *fix = *state;
    struct scrub *scrub = NULL;
    events_count = 0;
    add_file(fix, "aaaaaaaaaa", 1000);
    assert_int_equal(scrub_new(fix->store, &fix->clock.clock, 0, report, &scrub), ERR_OK);
    for (int i = 0; i < 10; i++) {
        scrub_work(scrub);
    }
    assert_false(state_of(scrub).on);
    assert_int_equal(events_count, 0);
    scrub_free(scrub);
    scrub_free(NULL);
}

/* ---- how much it takes ---- */

static void test_rate(void **state)
{
    struct fixture *fix = *state;
    struct fake_clock clock;
    fake_clock_init(&clock);
    add_file(fix, "aaaaaaaaaa", 40 * RATE);
    struct scrub *scrub = start(fix, &clock);
    int calls = finish_round(fix, scrub);
    assert_in_range(calls, 40, 52); /* whole blocks of rows of five: a call may stop short of one */
    stop(fix, scrub);
}

/* On a slow disk the time is what counts. */
static void test_time(void **state)
{
    struct fixture *fix = *state;
    struct fake_clock clock;
    fake_clock_init(&clock);
    add_file(fix, "aaaaaaaaaa", 3 * RATE);
    struct scrub *scrub = start(fix, &clock);
    clock.step_ms = SCRUB_MS / 2;
    int calls = 0;
    while (events_count == 0 && calls < ENOUGH_CALLS) {
        int64_t before = clock.mono_ms;
        scrub_work(scrub);
        assert_true(clock.mono_ms - before <= 3 * SCRUB_MS);
        calls++;
    }
    assert_in_range(calls, 6, ENOUGH_CALLS - 1);
    stop(fix, scrub);
}

/* A restart goes on where the last position was saved. */
static void test_goes_on(void **state)
{
    struct fixture *fix = *state;
    struct fake_clock clock;
    fake_clock_init(&clock);
    for (int i = 0; i < 20; i++) {
        char id[] = "aaaaaaaaaa";
        id[9] = (char)('a' + i);
        add_file(fix, id, RATE);
    }
    struct scrub *scrub = start(fix, &clock);
    for (int i = 0; i < 12; i++) {
        scrub_work(scrub);
    }
    clock.mono_ms += SCRUB_SAVE_MS;
    scrub_work(scrub);
    assert_true(state_of(scrub).running);
    assert_int_equal(events_count, 0);
    stop(fix, scrub);
    fixture_reopen(fix);
    scrub = start(fix, &clock);
    (void)finish_round(fix, scrub);
    assert_in_range(events[0].files, 1, 14);
    stop(fix, scrub);
}

/* ---- what it finds ---- */

static void test_damage_is_reported_once(void **state)
{
    struct fixture *fix = *state;
    struct fake_clock clock;
    fake_clock_init(&clock);
    add_file(fix, "aaaaaaaaaa", 1000);
    add_file(fix, "bbbbbbbbbb", 1000);
    sql_run(fix->path, "UPDATE entries_data SET chunk = zeroblob(1000) WHERE id = 'aaaaaaaaaa'");
    struct scrub *scrub = start(fix, &clock);
    (void)finish_round(fix, scrub);
    assert_int_equal(events_count, 2);
    expect_event(0, SCRUB_DAMAGED, "aaaaaaaaaa", "its bytes do not have the recorded SHA-256");
    struct store_figures figures;
    assert_int_equal(store_figures(fix->store, &figures), ERR_OK);
    assert_int_equal(figures.damaged, 1);
    /* Not in the next round, but when it is whole again. */
    clock.now_s += SCRUB_EVERY_S;
    (void)finish_round(fix, scrub);
    assert_int_equal(events_count, 3);
    char *bytes = make_bytes(7, 1000);
    sql_run(fix->path, "DELETE FROM entries_data WHERE id = 'aaaaaaaaaa';"
                       "INSERT INTO entries_data SELECT 'aaaaaaaaaa', 0, chunk FROM entries_data"
                       " WHERE id = 'bbbbbbbbbb'");
    free(bytes);
    clock.now_s += SCRUB_EVERY_S;
    (void)finish_round(fix, scrub);
    assert_int_equal(events_count, 5);
    assert_int_equal(events[3].event, SCRUB_WHOLE_AGAIN);
    assert_string_equal(events[3].id, "aaaaaaaaaa");
    assert_int_equal(store_figures(fix->store, &figures), ERR_OK);
    assert_int_equal(figures.damaged, 0);
    stop(fix, scrub);
}

/* With the file its damage goes. */
static void test_damaged_file_is_deleted(void **state)
{
    struct fixture *fix = *state;
    struct fake_clock clock;
    fake_clock_init(&clock);
    add_file(fix, "aaaaaaaaaa", 1000);
    sql_run(fix->path, "DELETE FROM entries_data");
    struct scrub *scrub = start(fix, &clock);
    (void)finish_round(fix, scrub);
    expect_event(0, SCRUB_DAMAGED, "aaaaaaaaaa", "all chunk rows are missing");
    assert_sql(fix->path, "SELECT group_concat(id || ' ' || flaw) FROM ext_damaged",
               "aaaaaaaaaa all chunk rows are missing");
    assert_int_equal(remove_file(fix->store, "aaaaaaaaaa"), ERR_OK);
    assert_sql(fix->path, "SELECT count(*) FROM ext_damaged", "0");
    stop(fix, scrub);
}

/* Files come and go while they are looked at, at every step: no false alarm. */
static void test_changes_meanwhile(void **state)
{
    struct fixture *fix = *state;
    enum { LEN = 3 * CHUNK_BYTES };
    for (int steps = 0; steps < 30; steps++) {
        struct verifier *verifier = NULL;
        struct verify_result result;
        bool done = false;
        add_file(fix, "aaaaaaaaaa", LEN);
        add_file(fix, "bbbbbbbbbb", 10);
        assert_int_equal(verifier_new(fix->store, 0, &verifier), ERR_OK);
        for (int i = 0; i < steps && !done; i++) {
            assert_int_equal(verifier_step(verifier, &done, &result), ERR_OK);
        }
        assert_int_equal(remove_file(fix->store, "aaaaaaaaaa"), ERR_OK);
        assert_int_equal(purge_file(fix->store, "aaaaaaaaaa"), ERR_OK);
        add_file(fix, "cccccccccc", 10);
        int others = 0;
        err_t err = ERR_OK;
        while (err == ERR_OK) {
            err = verifier_step(verifier, &done, &result);
            if (err == ERR_OK && done) {
                assert_int_equal(result.flaw, VERIFY_SOUND);
                others += result.size == 10;
            }
        }
        assert_int_equal(err, ERR_NOTFOUND);
        assert_int_equal(others, 2);
        verifier_free(verifier);
        assert_int_equal(remove_file(fix->store, "bbbbbbbbbb"), ERR_OK);
        assert_int_equal(remove_file(fix->store, "cccccccccc"), ERR_OK);
        collect_all(fix->store);
    }
}

/* The file goes, and at once another one has its rowid. */
static void test_rowid_is_used_again(void **state)
{
    struct fixture *fix = *state;
    struct verifier *verifier = NULL;
    struct verify_result result;
    bool done = false;
    add_file(fix, "aaaaaaaaaa", 3 * CHUNK_BYTES);
    assert_int_equal(verifier_new(fix->store, 0, &verifier), ERR_OK);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(verifier_step(verifier, &done, &result), ERR_OK);
    }
    assert_int_equal(remove_file(fix->store, "aaaaaaaaaa"), ERR_OK);
    collect_all(fix->store);
    add_file(fix, "bbbbbbbbbb", 10);
    assert_sql(fix->path, "SELECT rowid FROM entries", "1");
    err_t err = ERR_OK;
    while (err == ERR_OK) {
        err = verifier_step(verifier, &done, &result);
        assert_false(err == ERR_OK && done && result.flaw != VERIFY_SOUND);
    }
    assert_int_equal(err, ERR_NOTFOUND);
    verifier_free(verifier);
}

/* ---- failures ---- */

static void test_no_memory(void **state)
{
    struct fixture *fix = *state;
    struct fake_clock clock;
    struct scrub *scrub = NULL;
    fake_clock_init(&clock);
    add_file(fix, "aaaaaaaaaa", 1000);
    mem_fail_after(0);
    err_t err = scrub_new(fix->store, &clock.clock, RATE, report, &scrub);
    mem_fail_after(-1);
    assert_int_equal(err, ERR_NOMEM);
    int64_t n = 0;
    for (bool complete = false; !complete; n++) {
        scrub = start(fix, &clock);
        mem_fail_after(n);
        scrub_work(scrub);
        mem_fail_after(-1);
        complete = events_count == 1;
        gate_settle(fix->store);
        sql_run(fix->path, "DELETE FROM ext_meta WHERE key = 'scrub'");
        if (!complete) {
            (void)finish_round(fix, scrub); /* it goes on */
        }
        stop(fix, scrub);
        sql_run(fix->path, "DELETE FROM ext_meta WHERE key = 'scrub'");
    }
    assert_true(n > 2);
}

/* The table of files cannot be read: that is said once an hour, and no round has been. */
static void test_table_is_damaged(void **state)
{
    struct fixture *fix = *state;
    struct fake_clock clock;
    char page[24];
    int64_t number = 0;
    fake_clock_init(&clock);
    add_file(fix, "aaaaaaaaaa", 1000);
    sql_ask(fix->path, page, sizeof page, "%s",
            "SELECT rootpage FROM sqlite_schema WHERE name = 'entries'");
    assert_int_equal(num_parse_i64(slice_str(page), 1, 1000, &number), ERR_OK);
    sql_run(fix->path, "PRAGMA wal_checkpoint(TRUNCATE)");
    store_close(TAKE(fix->store));
    int fd = open(fix->path, O_WRONLY);
    assert_true(fd >= 0);
    static const char junk[16384] = "junk";
    assert_int_equal(pwrite(fd, junk, sizeof junk, (number - 1) * 16384), sizeof junk);
    assert_int_equal(close(fd), 0);
    fixture_open(fix);
    struct scrub *scrub = start(fix, &clock);
    (void)finish_round(fix, scrub);
    assert_int_equal(events_count, 1);
    assert_int_equal(events[0].event, SCRUB_FAILED);
    assert_int_equal(state_of(scrub).round_ended, 0);
    for (int i = 0; i < 100; i++) {
        scrub_work(scrub);
    }
    assert_int_equal(events_count, 1);
    clock.mono_ms += SCRUB_RETRY_MS;
    (void)finish_round(fix, scrub);
    assert_int_equal(events_count, 2);
    stop(fix, scrub);
}

/* A position that nobody can have written is none. */
static void test_bad_position(void **state)
{
    struct fixture *fix = *state;
    static const char *const values[] = {"",
                                         "x",
                                         "1",
                                         "-1 5",
                                         "1 -5",
                                         "1 5 6",
                                         "5x 6",
                                         "99999999999999999999 1",
                                         "1111111111111111111111111111111111111111111111111111 1"};
    struct fake_clock clock;
    fake_clock_init(&clock);
    add_file(fix, "aaaaaaaaaa", 1000);
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        sql_run(fix->path, "INSERT OR REPLACE INTO ext_meta VALUES ('scrub', %Q)", values[i]);
        struct scrub *scrub = start(fix, &clock);
        assert_int_equal(state_of(scrub).round_ended, 0);
        (void)finish_round(fix, scrub);
        assert_int_equal(events[0].files, 1);
        stop(fix, scrub);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_rounds),
        fixture_test(test_turned_off),
        fixture_test(test_rate),
        fixture_test(test_time),
        fixture_test(test_goes_on),
        fixture_test(test_damage_is_reported_once),
        fixture_test(test_damaged_file_is_deleted),
        fixture_test(test_changes_meanwhile),
        fixture_test(test_rowid_is_used_again),
        fixture_test(test_no_memory),
        fixture_test(test_table_is_damaged),
        fixture_test(test_bad_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
