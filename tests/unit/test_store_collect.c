#include "picoshare/base/limits.h"
#include "picoshare/base/num.h"
#include "support.h"
#include <fcntl.h>

static void collect(struct fixture *fix, int64_t entries, int64_t orphans)
{
    struct store_collect job;
    store_collect_init(&job);
    assert_int_equal(store_run(fix->store, &job.job), ERR_OK);
    assert_int_equal(job.entries_removed, entries);
    assert_int_equal(job.orphans_removed, orphans);
}

static void assert_entries(const struct fixture *fix, const char *want)
{
    assert_sql(fix->path, "SELECT group_concat(id) FROM (SELECT id FROM entries ORDER BY id)",
               want);
}

static void record_download(struct fixture *fix, const char *id)
{
    struct store_record_download record;
    store_record_download_init(&record);
    assert_true(slice_copy(slice_str(id), record.entry_id, sizeof record.entry_id));
    record.time = TEST_NOW_S;
    record.client_ip = "192.0.2.1";
    record.user_agent = "";
    assert_int_equal(store_run(fix->store, &record.job), ERR_OK);
}

static void test_empty(void **state)
{
    struct fixture *fix = *state;
    collect(fix, 0, 0);
    assert_sound(fix->path);
}

enum { Y2024 = 1704067200 };
#define Y3000 INT64_C(32503680000)
#define Y4000 INT64_C(64060588800)

static void test_expired_entries(void **state)
{
    struct fixture *fix = *state;
    static const struct {
        const char *id;
        int64_t expires;
    } files[] = {
        {"a", Y2024},
        {"b", Y3000},
        {"c", NEVER_S},
        {"d", TEST_NOW_S - 1},
        {"e", TEST_NOW_S + 300},
        {"f", TEST_NOW_S}, /* strictly less */
    };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        store_file(fix->store, files[i].id, "0123456", 7, 5, TEST_NOW_S - 1000, files[i].expires);
        record_download(fix, files[i].id);
    }
    sql_run(fix->path, "INSERT INTO entries (id, filename, content_type, upload_time) VALUES"
                       " ('g', 'f', '', '2024-01-01T00:00:00Z');"
                       "INSERT INTO entries_data VALUES ('g', 0, x'00')");
    collect(fix, 2, 2);
    assert_entries(fix, "b,c,e,f,g");
    assert_sql(fix->path,
               "SELECT group_concat(id || chunk_index) FROM"
               " (SELECT * FROM entries_data ORDER BY id, chunk_index)",
               "b0,b1,c0,c1,e0,e1,f0,f1,g0");
    assert_sql(fix->path,
               "SELECT group_concat(entry_id) FROM (SELECT entry_id FROM downloads"
               " ORDER BY entry_id)",
               "b,c,e,f");
    assert_sql(fix->path, "SELECT group_concat(id) FROM ext_files", "b,c,e,f");
    assert_sound(fix->path);
    assert_file(fix->store, "b", "0123456", 7);
    fix->clock.now_s++;
    collect(fix, 1, 1);
    assert_entries(fix, "b,c,e,g");
}

static void test_nothing_has_expired(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, "a", "x", 1, 5, TEST_NOW_S, Y4000);
    store_file(fix->store, "b", "x", 1, 5, TEST_NOW_S, Y3000);
    store_file(fix->store, "c", "x", 1, 5, TEST_NOW_S, NEVER_S);
    collect(fix, 0, 0);
    assert_entries(fix, "a,b,c");
}

/* Rows of nothing go; those of running uploads stay until they are given up. */
static void test_orphans_and_drafts(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, "mmmmmmmmmm", "kept", 4, 1, TEST_NOW_S, NEVER_S);
    sql_run(fix->path, "INSERT INTO entries_data VALUES ('0000000000', 0, x'00'),"
                       " ('aaaaaaaaaa', 0, x'00'), ('aaaaaaaaaa', 7, x'00'),"
                       " ('nnnnnnnnnn', 5, x'00'), ('zzzzzzzzzz', 0, x'')");
    struct store_draft drafts[3];
    static const char *const ids[] = {"bbbbbbbbbb", "oooooooooo", "yyyyyyyyyy"};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        store_draft_init(&drafts[i], ids[i]);
        assert_int_equal(append_chunk(fix->store, &drafts[i], 0, "draft", 5), ERR_OK);
        assert_int_equal(append_chunk(fix->store, &drafts[i], 1, "draft", 5), ERR_OK);
    }
    collect(fix, 0, 4);
    assert_sql(fix->path,
               "SELECT group_concat(id) FROM (SELECT DISTINCT id FROM entries_data"
               " ORDER BY id)",
               "bbbbbbbbbb,mmmmmmmmmm,oooooooooo,yyyyyyyyyy");
    /* One is published, one given up; the third goes on. */
    struct store_new_file file = {
        .draft = &drafts[0], .filename = "f", .content_type = "", .size = 10, .chunks = 2};
    assert_int_equal(publish_files(fix->store, &file, 1, TEST_NOW_S, NEVER_S), ERR_OK);
    struct store_discard discard;
    store_discard_init(&discard);
    discard.draft = &drafts[1];
    assert_int_equal(store_run(fix->store, &discard.job), ERR_OK);
    collect(fix, 0, 0);
    assert_int_equal(append_chunk(fix->store, &drafts[2], 2, "draft", 5), ERR_OK);
    file.draft = &drafts[2];
    file.chunks = 3;
    assert_int_equal(publish_files(fix->store, &file, 1, TEST_NOW_S, NEVER_S), ERR_OK);
    collect(fix, 0, 0);
    assert_entries(fix, "bbbbbbbbbb,mmmmmmmmmm,yyyyyyyyyy");
    assert_file(fix->store, "yyyyyyyyyy", "draftdraftdraft", 15);
    assert_sound(fix->path);
}

/* A crash leaves the rows of a draft; the program that starts next knows of no draft. */
static void test_what_a_crash_leaves(void **state)
{
    struct fixture *fix = *state;
    struct store_draft draft;
    store_draft_init(&draft, "abcdefghij");
    assert_int_equal(append_chunk(fix->store, &draft, 0, "draft", 5), ERR_OK);
    fixture_reopen(fix);
    assert_sql(fix->path, "SELECT count(*) FROM entries_data", "1");
    collect(fix, 0, 1);
    assert_sql(fix->path, "SELECT count(*) FROM entries_data", "0");
}

/* What no program of ours writes must not stop the collection of the rest. */
static void test_strange_ids(void **state)
{
    struct fixture *fix = *state;
    sql_run(fix->path,
            "INSERT INTO entries_data VALUES ('a', 0, x'00'), (printf('b%%.100c', 'b'), 0, x'00'),"
            " ('c', 0, x'00');"
            "INSERT INTO entries (id, filename, content_type, upload_time, expiration_time) VALUES"
            " (printf('d%%.100c', 'd'), '', '', '2024-01-01T00:00:00Z', '2024-01-01T00:00:00Z'),"
            " ('e', '', '', '2024-01-01T00:00:00Z', '2024-01-01T00:00:00Z')");
    struct store_collect job;
    store_collect_init(&job);
    assert_int_equal(store_run(fix->store, &job.job), ERR_OK);
    assert_sql(fix->path, "SELECT count(*) FROM entries WHERE id = 'e'", "0");
    assert_sql(fix->path, "SELECT count(*) FROM entries_data WHERE id IN ('a', 'c')", "0");
}

static void test_sessions(void **state)
{
    struct fixture *fix = *state;
    for (int64_t i = -1; i <= 1; i++) {
        struct store_change_session job;
        store_change_session_init(&job);
        job.change = STORE_SESSION_CREATE;
        memset(job.token_sha256, (int)i + 5, SHA256_BYTES);
        job.now = TEST_NOW_S - 10;
        job.expires = TEST_NOW_S + i;
        job.client_ip = job.user_agent = "";
        assert_int_equal(store_run(fix->store, &job.job), ERR_OK);
    }
    collect(fix, 0, 0);
    assert_sql(fix->path, "SELECT group_concat(expires) FROM ext_sessions", "1767225601");
}

/* ---- in slices ---- */

struct urgent {
    struct store_job job;
    _Atomic size_t runs;
    _Atomic bool stop;
    struct store *store;
};

static err_t run_urgent(struct store *store, struct store_job *job)
{
    (void)store;
    CONTAINER_OF(job, struct urgent, job)->runs++;
    return ERR_OK;
}

static void submit_again(struct store_job *job)
{
    struct urgent *urgent = job->owner;
    if (!urgent->stop) {
        store_submit(urgent->store, &urgent->job);
    }
}

static void test_many_rows_in_slices(void **state)
{
    struct fixture *fix = *state;
    enum { ENTRIES = 300, CHUNKS = 4, ORPHANS = 60 };
    sql_run(fix->path,
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
            " INSERT INTO entries (id, filename, content_type, upload_time, expiration_time)"
            " SELECT printf('%%010d', i), 'f', '', '2024-01-01T00:00:00Z',"
            " iif(i %% 3 = 0, '2025-01-01T00:00:00Z', '2999-12-31T00:00:00Z') FROM n;"
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
            " INSERT INTO entries_data SELECT printf('%%010d', i / %d), i %% %d, zeroblob(10)"
            " FROM n",
            ENTRIES - 1, (ENTRIES + ORPHANS) * CHUNKS - 1, CHUNKS, CHUNKS);
    /* Each look at the clock ends a slice, and somebody else always has something to do. */
    fix->clock.step_ms = SLICE_MS;
    struct urgent urgent = {.store = fix->store};
    urgent.job = (struct store_job){
        .run = run_urgent, .done = submit_again, .owner = &urgent, .lane = STORE_URGENT};
    store_submit(fix->store, &urgent.job);
    struct store_collect job;
    store_collect_init(&job);
    err_t err = store_run(fix->store, &job.job);
    urgent.stop = true;
    size_t runs = urgent.runs;
    fixture_reopen(fix);
    assert_int_equal(err, ERR_OK);
    assert_int_equal(job.entries_removed, ENTRIES / 3);
    assert_int_equal(job.orphans_removed, ENTRIES / 3 + ORPHANS);
    assert_sql(fix->path, "SELECT count(*) FROM entries", "200");
    assert_sql(fix->path, "SELECT count(*) FROM entries_data", "800");
    assert_sql(fix->path,
               "SELECT count(*) FROM entries_data AS d WHERE NOT EXISTS"
               " (SELECT 1 FROM entries AS e WHERE e.id = d.id)",
               "0");
    /* 640 rows to be removed, one at a time. */
    assert_true(runs >= 640);
    assert_sound(fix->path);
}

static void note_done(struct store_job *job)
{
    *(_Atomic bool *)job->owner = true;
}

/* A program that stops does not wait for the end of a collection. */
static void test_close_in_the_middle(void **state)
{
    struct fixture *fix = *state;
    sql_run(fix->path,
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999)"
            " INSERT INTO entries_data SELECT printf('%%010d', i), 0, x'00' FROM n");
    fix->clock.step_ms = SLICE_MS;
    _Atomic bool done = false;
    struct store_collect job;
    store_collect_init(&job);
    job.job.owner = &done;
    job.job.done = note_done;
    store_submit(fix->store, &job.job);
    fixture_close(fix);
    assert_true(done);
    if (job.job.result != ERR_OK) { /* or it was quicker than we were */
        assert_int_equal(job.job.result, ERR_CLOSED);
    }
    assert_sound(fix->path);
    fix->clock.step_ms = 0;
    fixture_open(fix);
    collect(fix, 0, 1000 - job.orphans_removed);
    assert_sql(fix->path, "SELECT count(*) FROM entries_data", "0");
}

/* Turns the row number of the second row on a table's only page into 0. */
static void number_second_row_0(const char *path, const char *table)
{
    enum { CELLS_AT = 8, PAYLOAD_BYTES_BYTES = 1 };
    char text[32];
    sql_ask(path, text, sizeof text, "SELECT rootpage FROM sqlite_schema WHERE name = '%s'", table);
    int64_t page = 0;
    int64_t page_bytes = 0;
    assert_int_equal(num_parse_i64(slice_str(text), 2, 1000, &page), ERR_OK);
    sql_ask(path, text, sizeof text, "PRAGMA page_size");
    assert_int_equal(num_parse_i64(slice_str(text), 512, 65536, &page_bytes), ERR_OK);
    int fd = open(path, O_RDWR);
    off_t start = (off_t)((page - 1) * page_bytes);
    uint8_t cell[2];
    assert_int_equal(pread(fd, cell, 2, start + CELLS_AT + 2), 2);
    off_t rowid_at = start + cell[0] * 256 + cell[1] + PAYLOAD_BYTES_BYTES;
    uint8_t rowid = 0;
    assert_int_equal(pread(fd, &rowid, 1, rowid_at), 1);
    assert_int_equal(rowid, 2);
    rowid = 0;
    assert_int_equal(pwrite(fd, &rowid, 1, rowid_at), 1);
    assert_int_equal(close(fd), 0);
}

/* In a damaged table rows need not ascend: the walk must end all the same. */
static void test_rows_out_of_order(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, "a", "0", 1, 5, TEST_NOW_S, NEVER_S);
    store_file(fix->store, "b", "0", 1, 5, TEST_NOW_S, NEVER_S);
    fixture_close(fix);
    number_second_row_0(fix->path, "entries");
    fixture_open(fix);
    struct store_collect job;
    store_collect_init(&job);
    assert_int_equal(store_run(fix->store, &job.job), ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_empty),
        fixture_test(test_expired_entries),
        fixture_test(test_nothing_has_expired),
        fixture_test(test_orphans_and_drafts),
        fixture_test(test_what_a_crash_leaves),
        fixture_test(test_strange_ids),
        fixture_test(test_sessions),
        fixture_test(test_many_rows_in_slices),
        fixture_test(test_close_in_the_middle),
        fixture_test(test_rows_out_of_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
