/* Free pages are given back while the program goes on: with progress to be seen, in a log that
 * stays short, without room that would be needed for a copy, beside other requests, and on a full
 * disk.
 */
#include "api.h"
#include "small_disk.h"

struct figures {
    int64_t free_pages, page_bytes, log_bytes, files_bytes, given_back;
    bool gives_back, idle;
};

static void read_figures(const struct server *s, struct figures *ret)
{
    struct response r;
    api_call(s, "GET", "/api/system", NULL, &r);
    expect_answer(&r, 200, NULL);
    *ret = (struct figures){
        .free_pages = json_number(&r, "freePages"),
        .page_bytes = json_number(&r, "pageBytes"),
        .log_bytes = json_number(&r, "logBytes"),
        .files_bytes = json_number(&r, "databaseFilesBytes"),
        .given_back = json_number(&r, "pagesGivenBack"),
        .gives_back = strstr(response_text(&r), "\"upkeep\":\"giving pages back\"") != NULL,
        .idle = strstr(response_text(&r), "\"upkeep\":\"idle\"") != NULL,
    };
    response_done(&r);
}

static int64_t wait_idle(const struct server *s)
{
    int64_t end = harness_now_ms() + HANG_SECONDS * 1000;
    struct figures now;
    read_figures(s, &now);
    while (!now.idle) {
        assert_true(harness_now_ms() < end);
        harness_sleep_ms(20);
        read_figures(s, &now);
    }
    return now.free_pages;
}

/* The file itself, as soon as the log is copied. */
static void expect_shrunk(const char *db, int64_t below)
{
    int64_t end = harness_now_ms() + HANG_SECONDS * 1000;
    struct stat st;
    assert_int_equal(stat(db, &st), 0);
    while (st.st_size >= below) {
        if (harness_now_ms() > end) {
            fail_msg("the file still has %lld bytes", (long long)st.st_size);
        }
        harness_sleep_ms(20);
        assert_int_equal(stat(db, &st), 0);
    }
}

/* ---- beside requests ------------------------------------------------------------------------- */

/* The log is copied from here on even if somebody has to wait for it, and what goes beyond it is
 * one transaction (limits.h: WAL_HARD_BYTES, BATCH_MAX_BYTES). */
enum { LOG_BYTES = 32 * 1024 * 1024 + 5 * CHUNK_BYTES };

struct seen {
    int steps;     /* times that there were fewer free pages than before */
    int beside;    /* rounds of requests that were done while pages were given back */
    bool page;     /* the page said so */
    int64_t log;   /* the most bytes in it */
    int64_t files; /* the most bytes of all files */
};

static void do_requests(const struct server *s, const char *kept, int64_t bytes, int n)
{
    char json[100];
    char id[ID_CHARS + 1];
    snprintf(json, sizeof json, "{\"defaultExpirationDays\":%d,\"defaultNeverExpire\":false}",
             1 + n % 100);
    api_expect(s, "PUT", "/api/settings", json, 200, "");
    api_expect(s, "GET", "/files", NULL, 200, NULL);
    upload_bytes(s, "small.bin", SEED, 10000, id);
    expect_download(s, kept, SEED, bytes);
    file_delete(s, id);
}

static void look_on(const struct server *s, const char *kept, int64_t bytes, struct seen *seen)
{
    struct figures now;
    struct figures before;
    read_figures(s, &before);
    for (int n = 0; !before.idle; n++) {
        struct response r;
        do_requests(s, kept, bytes, n);
        api_call(s, "GET", "/information", NULL, &r);
        seen->page = seen->page || strstr(response_text(&r), "which are being given back") != NULL;
        response_done(&r);
        read_figures(s, &now);
        seen->beside += now.gives_back;
        seen->steps += now.free_pages < before.free_pages;
        seen->log = now.log_bytes > seen->log ? now.log_bytes : seen->log;
        seen->files = now.files_bytes > seen->files ? now.files_bytes : seen->files;
        before = now;
    }
}

static void test_beside_requests(void **state)
{
    (void)state;
    enum { KEPT_BYTES = 2000000 };
    struct server s;
    struct figures full;
    char large[ID_CHARS + 1];
    char kept[ID_CHARS + 1];
    int64_t bytes = harness_scale("bytes of the deleted file", INT64_C(600) * 1000 * 1000,
                                  INT64_C(150) * 1000 * 1000);
    server_start(&s, NULL);
    server_sign_in(&s);
    upload_bytes(&s, "large.bin", SEED, bytes, large);
    upload_bytes(&s, "kept.bin", SEED, KEPT_BYTES, kept);
    file_delete(&s, large);
    assert_true(db_wait_no_orphans(&s));
    (void)wait_idle(&s);
    read_figures(&s, &full);
    assert_true(full.free_pages * full.page_bytes > bytes);

    struct seen seen = {.steps = 0};
    api_expect(&s, "POST", "/api/system/reclaim", NULL, 202, "");
    look_on(&s, kept, KEPT_BYTES, &seen);
    print_message("[  SEEN    ] %d steps, %d rounds of requests, log %lld kB, files %lld of %lld MB"
                  " at the most\n",
                  seen.steps, seen.beside, (long long)seen.log / 1000,
                  (long long)seen.files / 1000000, (long long)full.files_bytes / 1000000);
    assert_true(seen.steps >= 2);
    assert_true(seen.beside >= 1);
    assert_true(seen.page);
    assert_true(seen.log <= LOG_BYTES);
    assert_true(seen.files <= full.files_bytes + LOG_BYTES);
    expect_download(&s, kept, SEED, KEPT_BYTES);
    expect_shrunk(s.db, bytes / 10);
    server_end(&s);
    expect_db(&s, "ok", "PRAGMA integrity_check");
}

/* ---- on a full disk -------------------------------------------------------------------------- */

static int small_setup(void **state)
{
    return disk_setup(state, "size=64m");
}

static void test_full_disk(void **state)
{
    enum { LARGE_BYTES = 30000000, KEPT_BYTES = 2000000 };
    struct disk *d = disk_of(state);
    struct server *s = &d->server;
    char large[ID_CHARS + 1];
    char kept[ID_CHARS + 1];
    char again[ID_CHARS + 1];
    server_sign_in(s);
    upload_bytes(s, "large.bin", SEED, LARGE_BYTES, large);
    upload_bytes(s, "kept.bin", SEED, KEPT_BYTES, kept);
    file_delete(s, large);
    assert_true(db_wait_no_orphans(s));
    (void)wait_idle(s);
    disk_fill(d, 0);
    assert_true(disk_left(d) < 8192);
    api_expect(s, "POST", "/api/system/reclaim", NULL, 202, "");
    assert_int_equal(wait_idle(s), 0);
    expect_shrunk(s->db, 2 * KEPT_BYTES);
    assert_true(disk_left(d) > LARGE_BYTES * 3 / 4);
    expect_download(s, kept, SEED, KEPT_BYTES);
    expect_upload_soon(d, KEPT_BYTES, again);
    expect_db(s, "ok", "PRAGMA integrity_check");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beside_requests),
        cmocka_unit_test_setup_teardown(test_full_disk, small_setup, disk_teardown),
    };
    return harness_main(tests, NULL, NULL);
}
