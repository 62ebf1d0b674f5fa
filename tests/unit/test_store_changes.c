#include "fault_vfs.h"
#include "picoshare/base/limits.h"
#include "store_support.h"
#include <pthread.h>

#define ID "abcdefghij"
#define ID2 "klmnopqrst"
#define ID3 "uvwxyzABCD"

/* ---- editing ---- */

static void assert_entry(struct store *store, const char *id, const char *filename,
                         int64_t expiration_time, const char *note)
{
    struct store_entry entry;
    assert_int_equal(store_find_entry(store, id, &entry), ERR_OK);
    assert_string_equal(entry.filename, filename);
    assert_int_equal(entry.expiration_time, expiration_time);
    assert_int_equal(entry.note != NULL, note != NULL);
    if (note != NULL) {
        assert_string_equal(entry.note, note);
    }
    store_entry_done(&entry);
}

static void test_edit_values(void **state)
{
    struct fixture *fix = *state;
    char long_name[256];
    char long_note[501];
    memset(long_name, 'n', sizeof long_name - 1);
    memset(long_note, 'x', sizeof long_note - 1);
    long_name[255] = long_note[500] = '\0';
    const struct {
        const char *filename;
        int64_t expires;
        const char *note;
        const char *expires_text;
    } cases[] = {
        {"new.txt", TEST_NOW_S + 3600, "a note", "2026-01-01T01:00:00Z"},
        {"new.txt", NEVER_S, NULL, "2999-12-31T00:00:00Z"},
        {"\xc3\xa4 'quoted' \"%s\" ; --", TEST_NOW_S + 1, "line\nline", "2026-01-01T00:00:01Z"},
        {long_name, INT64_C(253402300799), long_note, "9999-12-31T23:59:59Z"},
        {"x", NEVER_S - 1, "", "2999-12-30T23:59:59Z"},
    };
    store_file(fix->store, ID, "0123456", 7, 5, TEST_NOW_S - 9, TEST_NOW_S + 50);
    store_file(fix->store, ID2, "other", 5, 5, TEST_NOW_S - 9, TEST_NOW_S + 50);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(
            edit_file(fix->store, ID, cases[i].filename, cases[i].expires, cases[i].note), ERR_OK);
        assert_entry(fix->store, ID, cases[i].filename, cases[i].expires, cases[i].note);
        assert_sql(fix->path, "SELECT expiration_time FROM entries WHERE id = '" ID "'",
                   cases[i].expires_text);
        assert_sql(fix->path, "SELECT typeof(note) FROM entries WHERE id = '" ID "'",
                   cases[i].note != NULL ? "text" : "null");
    }
    assert_entry(fix->store, ID2, ID2, TEST_NOW_S + 50, NULL);
    assert_sound(fix->path);
}

/* Everything else stays as it was. */
static void test_edit_keeps_the_rest(void **state)
{
    static const char rest[] = "SELECT id || content_type || upload_time || guest_link_id ||"
                               " (SELECT size || hex(sha256) FROM ext_files)  FROM entries";
    struct fixture *fix = *state;
    char before[200];
    store_file(fix->store, ID, "0123456", 7, 5, TEST_NOW_S - 9, NEVER_S);
    add_link(fix->store, "abcdefgh23456789", 0);
    sql_run(fix->path, "UPDATE entries SET guest_link_id = 'abcdefgh23456789'");
    sql_ask(fix->path, before, sizeof before, rest);
    assert_int_equal(edit_file(fix->store, ID, "new.txt", TEST_NOW_S + 3600, "note"), ERR_OK);
    assert_sql(fix->path, rest, before);
    assert_file(fix->store, ID, "0123456", 7);
    fixture_reopen(fix);
    assert_entry(fix->store, ID, "new.txt", TEST_NOW_S + 3600, "note");
}

static void test_edit_not_found(void **state)
{
    static const char all[] = "SELECT group_concat(id || filename || ifnull(expiration_time, '-')"
                              " || ifnull(note, '-')) FROM (SELECT * FROM entries ORDER BY id)";
    struct fixture *fix = *state;
    char before[500];
    store_file(fix->store, ID, "x", 1, 5, TEST_NOW_S - 9, TEST_NOW_S);
    store_file(fix->store, ID2, "x", 1, 5, TEST_NOW_S - 9, TEST_NOW_S - 1);
    store_file(fix->store, ID3, "x", 1, 5, TEST_NOW_S - 9, TEST_NOW_S + 1);
    sql_ask(fix->path, before, sizeof before, all);
    static const char *const ids[] = {"BBBBBBBBBB", "", "ABCDEFGHIJ", ID, ID2};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        if (edit_file(fix->store, ids[i], "n", NEVER_S, "n") != ERR_NOTFOUND) {
            fail_msg("\"%s\"", ids[i]);
        }
    }
    assert_sql(fix->path, all, before);
    /* One with a second to live is there; one without any expiry has all the time. */
    assert_int_equal(edit_file(fix->store, ID3, "last", TEST_NOW_S + 1, NULL), ERR_OK);
    sql_run(fix->path, "UPDATE entries SET expiration_time = NULL WHERE id = '" ID "'");
    assert_int_equal(edit_file(fix->store, ID, "back", TEST_NOW_S + 5, NULL), ERR_OK);
    assert_entry(fix->store, ID, "back", TEST_NOW_S + 5, NULL);
    fix->clock.now_s++;
    assert_int_equal(edit_file(fix->store, ID3, "gone", NEVER_S, NULL), ERR_NOTFOUND);
}

/* One that finds nothing does not spoil the transaction for the others. */
static void test_edits_in_one_transaction(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, ID, "x", 1, 5, TEST_NOW_S, NEVER_S);
    static const char *const ids[] = {ID, "BBBBBBBBBB", ID, "CCCCCCCCCC"};
    struct store_edit edits[ARRAY_LEN(ids)];
    struct pending pending[ARRAY_LEN(ids)];
    struct gate gate;
    gate_shut(&gate, fix->store);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        store_edit_init(&edits[i]);
        memcpy(edits[i].id, ids[i], sizeof edits[i].id);
        edits[i].filename = i == 0 ? "first" : "second";
        edits[i].expiration_time = NEVER_S;
        pending_submit(&pending[i], fix->store, &edits[i].job);
    }
    gate_open(&gate);
    gate_settle(fix->store);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        assert_true(pending[i].done);
        assert_int_equal(edits[i].job.result, i % 2 == 0 ? ERR_OK : ERR_NOTFOUND);
    }
    assert_entry(fix->store, ID, "second", NEVER_S, NULL);
}

/* ---- removing ---- */

static void assert_count(const struct fixture *fix, const char *table, const char *id, int64_t want)
{
    char sql[200];
    char text[24];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s WHERE %s = '%s'", table,
                   strcmp(table, "downloads") == 0 ? "entry_id" : "id", id);
    (void)snprintf(text, sizeof text, "%lld", (long long)want);
    assert_sql(fix->path, sql, text);
}

static void assert_nothing_left(const struct fixture *fix, const char *id)
{
    static const char *const tables[] = {"entries", "entries_data", "downloads", "ext_files"};
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        assert_count(fix, tables[i], id, 0);
    }
    assert_sound(fix->path);
}

static bool count_row(void *arg, const struct store_entry *entry, const struct store_place *place)
{
    (void)entry;
    (void)place;
    (*(int *)arg)++;
    return true;
}

static int listed_files(struct fixture *fix)
{
    struct store_listing listing = {.now = fix->clock.now_s, .max_rows = 1000};
    struct store_place last;
    bool more = false;
    int rows = 0;
    assert_int_equal(store_list_entries(fix->store, &listing, count_row, &rows, &last, &more),
                     ERR_OK);
    return rows;
}

/* Neither found, or found as expired, nor listed, nor edited. */
static void assert_invisible(struct fixture *fix, const char *id, int listed)
{
    struct store_entry entry;
    err_t err = store_find_entry(fix->store, id, &entry);
    if (err == ERR_OK) {
        assert_true(entry.expiration_time <= fix->clock.now_s);
        store_entry_done(&entry);
    } else {
        assert_int_equal(err, ERR_NOTFOUND);
    }
    assert_int_equal(edit_file(fix->store, id, "n", NEVER_S, NULL), ERR_NOTFOUND);
    assert_int_equal(listed_files(fix), listed);
}

static void test_remove(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, ID, "0123456", 7, 2, TEST_NOW_S, NEVER_S);
    store_file(fix->store, ID2, "0123456", 7, 2, TEST_NOW_S, NEVER_S);
    add_history(fix->path, ID, 3, TEST_NOW_S);
    add_history(fix->path, ID2, 3, TEST_NOW_S);
    assert_int_equal(listed_files(fix), 2);
    assert_int_equal(remove_file(fix->store, ID), ERR_OK);
    assert_invisible(fix, ID, 1);
    assert_false(file_exists(fix->store, ID));
    assert_count(fix, "entries", ID, 0);
    assert_count(fix, "downloads", ID, 0);
    assert_count(fix, "ext_files", ID, 0);
    assert_int_equal(purge_file(fix->store, ID), ERR_OK);
    assert_nothing_left(fix, ID);
    assert_count(fix, "downloads", ID2, 3);
    assert_count(fix, "entries_data", ID2, 4);
    assert_file(fix->store, ID2, "0123456", 7);
    /* Again, and never there. */
    static const char *const ids[] = {ID, "BBBBBBBBBB", ""};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        assert_int_equal(remove_file(fix->store, ids[i]), ERR_OK);
        assert_int_equal(purge_file(fix->store, ids[i]), ERR_OK);
    }
    assert_file(fix->store, ID2, "0123456", 7);
    /* The id is free again. */
    store_file(fix->store, ID, "new", 3, 5, TEST_NOW_S, NEVER_S);
    assert_file(fix->store, ID, "new", 3);
}

/* Whose download is still to be recorded when the file goes. */
static void test_remove_before_record(void **state)
{
    struct fixture *fix = *state;
    static const int rows[] = {0, 2500};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        store_file(fix->store, ID, "x", 1, 5, TEST_NOW_S, NEVER_S);
        add_history(fix->path, ID, rows[i], TEST_NOW_S - 100);
        assert_int_equal(remove_file(fix->store, ID), ERR_OK);
        struct store_record_download record;
        store_record_download_init(&record);
        memcpy(record.entry_id, ID, sizeof ID);
        record.time = TEST_NOW_S;
        record.client_ip = record.user_agent = "";
        assert_int_equal(store_run(fix->store, &record.job), ERR_OK);
        assert_int_equal(purge_file(fix->store, ID), ERR_OK);
        assert_nothing_left(fix, ID);
    }
}

/* Histories around what one job takes, up to the longest: gone from sight at once. */
static void test_remove_long_history(void **state)
{
    struct fixture *fix = *state;
    static const int rows[] = {1, 1999, 2000, 2001, 4000, HISTORY_MAX_ROWS};
    store_file(fix->store, ID2, "other", 5, 5, TEST_NOW_S, NEVER_S);
    add_history(fix->path, ID2, 10, TEST_NOW_S);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        store_file(fix->store, ID, "0123456", 7, 2, TEST_NOW_S, NEVER_S);
        add_history(fix->path, ID, rows[i], TEST_NOW_S);
        assert_int_equal(listed_files(fix), 2);
        assert_int_equal(remove_file(fix->store, ID), ERR_OK);
        assert_invisible(fix, ID, 1);
        assert_int_equal(remove_file(fix->store, ID), ERR_OK); /* an impatient owner */
        assert_invisible(fix, ID, 1);
        assert_int_equal(purge_file(fix->store, ID), ERR_OK);
        assert_nothing_left(fix, ID);
        assert_count(fix, "downloads", ID2, 10);
        assert_file(fix->store, ID2, "other", 5);
    }
}

/* What is left is taken away a little at a time, and others get their turn in between. */
static void test_purge_in_slices(void **state)
{
    struct fixture *fix = *state;
    enum { LEFT = HISTORY_MAX_ROWS - 2000, CHUNKS = 50 };
    char *bytes = make_bytes(1, CHUNKS);
    store_file(fix->store, ID, bytes, CHUNKS, 1, TEST_NOW_S, NEVER_S);
    free(bytes);
    add_history(fix->path, ID, HISTORY_MAX_ROWS, TEST_NOW_S);
    assert_int_equal(remove_file(fix->store, ID), ERR_OK);
    assert_count(fix, "downloads", ID, LEFT);
    fix->clock.step_ms = SLICE_MS / 2; /* a slice is over when the clock is looked at again */
    struct turns turns;
    turns_start(&turns, fix->store);
    err_t err = purge_file(fix->store, ID);
    int64_t taken = turns_stop(&turns);
    fix->clock.step_ms = 0;
    assert_int_equal(err, ERR_OK);
    assert_nothing_left(fix, ID);
    /* No more than 200 rows of history or a few chunk rows between two turns. */
    assert_true(taken >= LEFT / 200 + CHUNKS / 4);
}

/* However slow the machine is: each slice takes something away. */
static void test_purge_always_gets_on(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, ID, "0123456", 7, 1, TEST_NOW_S, NEVER_S);
    add_history(fix->path, ID, 2500, TEST_NOW_S);
    assert_int_equal(remove_file(fix->store, ID), ERR_OK);
    struct store_purge purge;
    store_purge_init(&purge);
    memcpy(purge.id, ID, sizeof ID);
    bool done = gets_on_under_load(fix, &purge.job);
    assert_nothing_left(fix, ID);
    assert_true(done);
}

/* The program ends between the two jobs: the next start's collection finds what is left. */
static void test_crash_between(void **state)
{
    struct fixture *fix = *state;
    static const int rows[] = {0, 5, 2001, HISTORY_MAX_ROWS};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        store_file(fix->store, ID, "0123456", 7, 2, TEST_NOW_S, NEVER_S);
        store_file(fix->store, ID2, "other", 5, 5, TEST_NOW_S, NEVER_S);
        add_history(fix->path, ID, rows[i], TEST_NOW_S);
        assert_int_equal(remove_file(fix->store, ID), ERR_OK);
        fixture_reopen(fix);
        assert_count(fix, "entries_data", ID, 4);
        assert_invisible(fix, ID, 1);
        collect_all(fix->store);
        assert_nothing_left(fix, ID);
        assert_file(fix->store, ID2, "other", 5);
        assert_int_equal(remove_file(fix->store, ID2), ERR_OK);
        assert_int_equal(purge_file(fix->store, ID2), ERR_OK);
    }
}

/* Or it ends in the middle of the second one. */
static void test_close_while_purging(void **state)
{
    struct fixture *fix = *state;
    enum { CHUNKS = 400 };
    char *bytes = make_bytes(1, CHUNKS);
    store_file(fix->store, ID, bytes, CHUNKS, 1, TEST_NOW_S, NEVER_S);
    free(bytes);
    add_history(fix->path, ID, 3000, TEST_NOW_S);
    assert_int_equal(remove_file(fix->store, ID), ERR_OK);
    fix->clock.step_ms = SLICE_MS / 2;
    struct store_purge purge;
    struct pending pending;
    store_purge_init(&purge);
    memcpy(purge.id, ID, sizeof ID);
    pending_submit(&pending, fix->store, &purge.job);
    fixture_close(fix);
    assert_true(pending.done);
    if (purge.job.result != ERR_OK) { /* or it was quicker than we were */
        assert_int_equal(purge.job.result, ERR_CLOSED);
    }
    fix->clock.step_ms = 0;
    fixture_open(fix);
    collect_all(fix->store);
    assert_nothing_left(fix, ID);
}

/* ---- what a purge may not touch ---- */

static void test_purge_spares_visible(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, ID, "0123456", 7, 2, TEST_NOW_S, NEVER_S);
    store_file(fix->store, ID2, "0123456", 7, 2, TEST_NOW_S, TEST_NOW_S + 1);
    store_file(fix->store, ID3, "0123456", 7, 2, TEST_NOW_S, NEVER_S);
    sql_run(fix->path, "UPDATE entries SET expiration_time = NULL WHERE id = '" ID3 "'");
    static const char *const ids[] = {ID, ID2, ID3};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        add_history(fix->path, ids[i], 3, TEST_NOW_S);
        assert_int_equal(purge_file(fix->store, ids[i]), ERR_OK);
        assert_count(fix, "downloads", ids[i], 3);
        assert_count(fix, "ext_files", ids[i], 1);
        assert_file(fix->store, ids[i], "0123456", 7);
    }
    assert_int_equal(listed_files(fix), 3);
    /* The second it expires, it is nobody's. */
    fix->clock.now_s++;
    assert_int_equal(purge_file(fix->store, ID2), ERR_OK);
    assert_nothing_left(fix, ID2);
}

/* Rows of a running upload are not what a removal has left. */
static void test_purge_spares_drafts(void **state)
{
    struct fixture *fix = *state;
    struct store_draft draft;
    store_draft_init(&draft, ID);
    assert_int_equal(append_chunk(fix->store, &draft, 0, "01234", 5), ERR_OK);
    assert_int_equal(remove_file(fix->store, ID), ERR_OK);
    err_t err = purge_file(fix->store, ID);
    struct store_new_file file = {
        .draft = &draft, .filename = "f", .content_type = "", .size = 5, .chunks = 1};
    err_t published = publish_files(fix->store, &file, 1, TEST_NOW_S, NEVER_S);
    if (published != ERR_OK) { /* the draft is part of the store's list until it is discarded */
        struct store_discard discard;
        store_discard_init(&discard);
        discard.draft = &draft;
        assert_int_equal(store_run(fix->store, &discard.job), ERR_OK);
    }
    assert_int_equal(err, ERR_OK);
    assert_int_equal(published, ERR_OK);
    assert_file(fix->store, ID, "01234", 5);
}

/* ---- beside readers ---- */

enum { READ_CHUNKS = 40 };

struct reader {
    struct store *store;
    const char *bytes;
    _Atomic bool stop;
    _Atomic int64_t reads;
    _Atomic int64_t gone;
};

/* Runs in a thread, where cmocka's asserts may not be used. */
static void *reader_main(void *arg)
{
    struct reader *reader = arg;
    char got[100];
    for (int64_t i = 0; !reader->stop; i++) {
        int64_t chunk = i % READ_CHUNKS;
        err_t err = store_read_chunk(reader->store, ID, chunk, sizeof got, 0, got, sizeof got);
        if (err == ERR_OK) {
            check(memcmp(got, reader->bytes + chunk * (int64_t)sizeof got, sizeof got) == 0);
            reader->reads++;
        } else {
            check(err == ERR_NOTFOUND);
            reader->gone++;
        }
    }
    return NULL;
}

/* Whoever reads gets the right bytes or none. */
static void test_remove_while_reading(void **state)
{
    struct fixture *fix = *state;
    char *bytes = make_bytes(1, (size_t)READ_CHUNKS * 100);
    store_file(fix->store, ID, bytes, (size_t)READ_CHUNKS * 100, 100, TEST_NOW_S, NEVER_S);
    add_history(fix->path, ID, 3000, TEST_NOW_S);
    struct reader reader = {.store = fix->store, .bytes = bytes};
    pthread_t threads[2];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, reader_main, &reader), 0);
    }
    while (reader.reads < 100) {
        sleep_ms(1);
    }
    err_t removed = remove_file(fix->store, ID);
    err_t purged = purge_file(fix->store, ID);
    while (reader.gone < 100) {
        sleep_ms(1);
    }
    reader.stop = true;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    free(bytes);
    assert_int_equal(removed, ERR_OK);
    assert_int_equal(purged, ERR_OK);
    assert_nothing_left(fix, ID);
}

/* A program that reads at its leisure keeps its view, and nobody waits for it. */
static void test_remove_beside_a_long_read(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, ID, "0123456", 7, 2, TEST_NOW_S, NEVER_S);
    sqlite3 *db = sql_open(fix->path);
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT chunk FROM entries_data ORDER BY chunk_index",
                                        -1, &stmt, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_int_equal(remove_file(fix->store, ID), ERR_OK);
    assert_int_equal(purge_file(fix->store, ID), ERR_OK);
    assert_false(file_exists(fix->store, ID));
    int rows = 1;
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        rows++;
    }
    assert_int_equal(rows, 4);
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_nothing_left(fix, ID);
}

/* ---- durability and failures ---- */

/* The answer to an edit or a removal may be given: it has reached the disk. */
static void test_durable(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, ID, "x", 1, 5, TEST_NOW_S, NEVER_S);
    fault.syncs = 0;
    assert_int_equal(edit_file(fix->store, ID, "new", NEVER_S, NULL), ERR_OK);
    assert_true(fault.syncs > 0);
    fault.syncs = 0;
    assert_int_equal(remove_file(fix->store, ID), ERR_OK);
    assert_true(fault.syncs > 0);
    fault.syncs = 0;
    assert_int_equal(purge_file(fix->store, ID), ERR_OK);
    assert_int_equal(fault.syncs, 0); /* nobody waits for it */
}

static void test_failing_disk(void **state)
{
    static const struct {
        enum fault_kind kind;
        err_t err;
    } cases[] = {{FAULT_FULL, ERR_FULL}, {FAULT_IO, ERR_IO}};
    struct fixture *fix = *state;
    store_file(fix->store, ID, "0123456", 7, 2, TEST_NOW_S, NEVER_S);
    add_history(fix->path, ID, 2500, TEST_NOW_S);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        fault_set(cases[i].kind, 0, true);
        err_t edited = edit_file(fix->store, ID, "new", TEST_NOW_S + 3600, "note");
        err_t removed = remove_file(fix->store, ID);
        fault_lift();
        assert_int_equal(edited, cases[i].err);
        assert_int_equal(removed, cases[i].err);
        assert_entry(fix->store, ID, ID, NEVER_S, NULL);
        assert_count(fix, "downloads", ID, 2500);
        assert_file(fix->store, ID, "0123456", 7);
    }
    assert_int_equal(remove_file(fix->store, ID), ERR_OK);
    fault_set(FAULT_IO, 0, true);
    err_t purged = purge_file(fix->store, ID);
    fault_lift();
    assert_int_equal(purged, ERR_IO);
    assert_invisible(fix, ID, 0);
    assert_count(fix, "entries_data", ID, 4);
    collect_all(fix->store);
    assert_nothing_left(fix, ID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_edit_values),
        fixture_test(test_edit_keeps_the_rest),
        fixture_test(test_edit_not_found),
        fixture_test(test_edits_in_one_transaction),
        fixture_test(test_remove),
        fixture_test(test_remove_before_record),
        fixture_test(test_remove_long_history),
        fixture_test(test_purge_in_slices),
        fixture_test(test_purge_always_gets_on),
        fixture_test(test_crash_between),
        fixture_test(test_close_while_purging),
        fixture_test(test_purge_spares_visible),
        fixture_test(test_purge_spares_drafts),
        fixture_test(test_remove_while_reading),
        fixture_test(test_remove_beside_a_long_read),
        fault_test(test_durable),
        fault_test(test_failing_disk),
    };
    return cmocka_run_group_tests(tests, fault_vfs_setup, NULL);
}
