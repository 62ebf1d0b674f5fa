#include "picoshare/base/limits.h"
#include "picoshare/base/mem.h"
#include "picoshare/core/download.h"
#include "store_support.h"
#include <pthread.h>

#define ID "abcdefghij"

static struct download *open_download(struct fixture *fix)
{
    struct download *download = NULL;
    assert_int_equal(download_open(fix->store, ID, TEST_NOW_S, &download), ERR_OK);
    return download;
}

static void test_open(void **state)
{
    struct fixture *fix = *state;
    static const struct {
        int64_t expires, now;
        err_t want;
    } cases[] = {
        {NEVER_S, TEST_NOW_S, ERR_OK},
        {TEST_NOW_S + 1, TEST_NOW_S, ERR_OK},
        {TEST_NOW_S, TEST_NOW_S - 1, ERR_OK},
        {TEST_NOW_S, TEST_NOW_S, ERR_NOTFOUND}, /* gone the second it expires */
        {TEST_NOW_S - 1, TEST_NOW_S, ERR_NOTFOUND},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        store_file(fix->store, ID, "0123456", 7, 5, TEST_NOW_S - 100, cases[i].expires);
        struct download *download = NULL;
        assert_int_equal(download_open(fix->store, ID, cases[i].now, &download), cases[i].want);
        assert_int_equal(download != NULL, cases[i].want == ERR_OK);
        if (download != NULL) {
            assert_string_equal(download_entry(download)->id, ID);
            assert_int_equal(download_entry(download)->size, 7);
            assert_int_equal(download_entry(download)->expiration_time, cases[i].expires);
        }
        download_close(download);
        sql_run(fix->path, "DELETE FROM entries; DELETE FROM entries_data");
    }
    struct download *download = NULL;
    assert_int_equal(download_open(fix->store, ID, TEST_NOW_S, &download), ERR_NOTFOUND);
    assert_int_equal(download_open(fix->store, "", TEST_NOW_S, &download), ERR_NOTFOUND);
    assert_null(download);
    download_close(NULL);
}

/* Files of every length up to three chunks, read from every position with every limit. */
static void test_every_position(void **state)
{
    struct fixture *fix = *state;
    static const char bytes[] = "hello, world!!!";
    enum { LEN = sizeof bytes - 1, CHUNK = 5 };
    for (size_t size = 1; size <= LEN; size++) {
        store_file(fix->store, ID, bytes, size, CHUNK, TEST_NOW_S, NEVER_S);
        struct download *download = open_download(fix);
        for (size_t pos = 0; pos < size; pos++) {
            for (size_t max = 1; max <= size + 1; max++) {
                size_t want = CHUNK - pos % CHUNK; /* never across the end of a chunk */
                want = want < size - pos ? want : size - pos;
                want = want < max ? want : max;
                char got[LEN + 2];
                memset(got, '#', sizeof got);
                size_t len = 0;
                assert_int_equal(download_read(download, (int64_t)pos, got, max, &len), ERR_OK);
                assert_int_equal(len, want);
                assert_memory_equal(got, bytes + pos, len);
                assert_int_equal(got[len], '#');
            }
        }
        download_close(download);
        sql_run(fix->path, "DELETE FROM entries; DELETE FROM entries_data");
    }
}

/* Blocks as the server asks for them, from positions round the borders of chunks and blocks. */
static void test_large_file(void **state)
{
    struct fixture *fix = *state;
    enum { LEN = 3 * CHUNK_BYTES + 1000 };
    char *bytes = make_bytes(1, LEN);
    char *got = malloc(2 * LEN);
    assert_non_null(got);
    store_file(fix->store, ID, bytes, LEN, CHUNK_BYTES, TEST_NOW_S, NEVER_S);
    struct download *download = open_download(fix);
    static const size_t starts[] = {0,
                                    1,
                                    DOWNLOAD_BLOCK_BYTES - 1,
                                    DOWNLOAD_BLOCK_BYTES,
                                    CHUNK_BYTES - 1,
                                    CHUNK_BYTES,
                                    CHUNK_BYTES + 1,
                                    3 * CHUNK_BYTES - 1,
                                    3 * CHUNK_BYTES,
                                    LEN - 1};
    static const size_t blocks[] = {1000, DOWNLOAD_BLOCK_BYTES, LARGE_BLOCK_BYTES, SIZE_MAX};
    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        for (size_t k = 0; k < ARRAY_LEN(blocks); k++) {
            for (size_t pos = starts[i]; pos < LEN;) {
                size_t len = 0;
                assert_int_equal(download_read(download, (int64_t)pos, got + pos, blocks[k], &len),
                                 ERR_OK);
                assert_in_range(len, 1, LARGE_BLOCK_BYTES);
                pos += len;
            }
            assert_memory_equal(got + starts[i], bytes + starts[i], LEN - starts[i]);
            memset(got, 0, LEN);
        }
    }
    download_close(download);
    free(got);
    free(bytes);
}

/* A database that has lost rows: what is there can be read, and no wrong byte is ever given out. */
static void test_damaged_files(void **state)
{
    struct fixture *fix = *state;
    static const struct {
        const char *damage;
        const char *want; /* what each position gives: its byte, or '!' */
    } cases[] = {
        {"DELETE FROM entries_data WHERE chunk_index = 1", "01234!!!!!abcde56"},
        {"DELETE FROM entries_data WHERE chunk_index = 0", "!!!!!56789abcde56"},
        {"DELETE FROM entries_data", "!!!!!!!!!!!!!!!!!"},
        {"UPDATE entries_data SET chunk = x'3939' WHERE chunk_index = 1", "01234!!!!!abcde56"},
        {"UPDATE entries_data SET chunk = zeroblob(6) WHERE chunk_index = 1", "01234!!!!!abcde56"},
        {"UPDATE entries_data SET chunk = x'393939' WHERE chunk_index = 3", "0123456789abcde!!"},
        {"UPDATE entries_data SET chunk = x'' WHERE chunk_index = 3", "0123456789abcde!!"},
        {"UPDATE entries_data SET chunk_index = 9 WHERE chunk_index = 2", "0123456789!!!!!56"},
    };
    enum { LEN = 17 };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        store_file(fix->store, ID, "0123456789abcde56", LEN, 5, TEST_NOW_S, NEVER_S);
        struct download *download = open_download(fix);
        sql_run(fix->path, "%s", cases[i].damage);
        for (int64_t pos = 0; pos < LEN; pos++) {
            char got = '#';
            size_t len = 77;
            err_t err = download_read(download, pos, &got, 1, &len);
            if (cases[i].want[pos] == '!') {
                assert_int_equal(err, ERR_CORRUPT);
                assert_int_equal(len, 77);
            } else {
                assert_int_equal(err, ERR_OK);
                assert_int_equal(got, cases[i].want[pos]);
            }
        }
        download_close(download);
        sql_run(fix->path, "DELETE FROM entries; DELETE FROM entries_data");
    }
}

/* A row shorter than it should be gives nothing of itself when more is asked for. */
static void test_short_row_in_one_read(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, ID, "0123456789ab", 12, 5, TEST_NOW_S, NEVER_S);
    sql_run(fix->path, "UPDATE entries_data SET chunk = x'3939' WHERE chunk_index = 1");
    struct download *download = open_download(fix);
    char got[8];
    size_t len = 0;
    assert_int_equal(download_read(download, 5, got, sizeof got, &len), ERR_CORRUPT);
    download_close(download);
}

/* Rows that are missing at the end leave a file that fits together, but is none. */
static void test_end_is_missing(void **state)
{
    struct fixture *fix = *state;
    struct download *download = NULL;
    store_file(fix->store, ID, "0123456789", 10, 5, TEST_NOW_S, NEVER_S);
    sql_run(fix->path, "DELETE FROM entries_data WHERE chunk_index = 1");
    assert_int_equal(download_open(fix->store, ID, TEST_NOW_S, &download), ERR_CORRUPT);
    assert_null(download);
    /* What another program stored has no size beside it until it is measured. */
    sql_run(fix->path, "DELETE FROM ext_files");
    assert_int_equal(download_open(fix->store, ID, TEST_NOW_S, &download), ERR_OK);
    assert_int_equal(download_entry(download)->size, 5);
    download_close(download);
}

/* ---- deleting meanwhile ---- */

/* A row that went with its file is no damage. */
static void test_deleted_between_reads(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, ID, "0123456789", 10, 5, TEST_NOW_S, NEVER_S);
    struct download *download = open_download(fix);
    char got[8];
    size_t len = 0;
    assert_int_equal(download_read(download, 0, got, sizeof got, &len), ERR_OK);
    assert_int_equal(remove_file(fix->store, ID), ERR_OK);
    assert_int_equal(purge_file(fix->store, ID), ERR_OK);
    assert_int_equal(download_read(download, 5, got, sizeof got, &len), ERR_NOTFOUND);
    download_close(download);
}

enum { DELETIONS = 100 };

struct opener {
    struct store *store;
    _Atomic bool stop;
    int64_t opened, gone, damaged;
};

/* Runs in a thread, where cmocka's asserts may not be used. */
static void *opener_main(void *arg)
{
    struct opener *opener = arg;
    while (!opener->stop) {
        struct download *download = NULL;
        err_t err = download_open(opener->store, ID, TEST_NOW_S, &download);
        opener->opened += err == ERR_OK;
        opener->gone += err == ERR_NOTFOUND;
        opener->damaged += err == ERR_CORRUPT;
        download_close(download);
    }
    return NULL;
}

/* A file is there or it is not: one that is just being deleted does not seem damaged. */
static void test_deleted_meanwhile(void **state)
{
    struct fixture *fix = *state;
    struct opener openers[2];
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++) {
        openers[i] = (struct opener){.store = fix->store};
        assert_int_equal(pthread_create(&threads[i], NULL, opener_main, &openers[i]), 0);
    }
    for (int i = 0; i < DELETIONS; i++) {
        store_file(fix->store, ID, "0123456789", 10, 1, TEST_NOW_S, NEVER_S);
        assert_int_equal(remove_file(fix->store, ID), ERR_OK);
        assert_int_equal(purge_file(fix->store, ID), ERR_OK);
    }
    for (size_t i = 0; i < 2; i++) {
        openers[i].stop = true;
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_true(openers[0].gone + openers[1].gone > 0);
    assert_int_equal(openers[0].damaged + openers[1].damaged, 0);
}

static void test_no_memory(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, ID, "x", 1, 5, TEST_NOW_S, NEVER_S);
    err_t err = ERR_NOMEM;
    int64_t n = 0;
    for (; err == ERR_NOMEM; n++) {
        struct download *download = NULL;
        mem_fail_after(n);
        err = download_open(fix->store, ID, TEST_NOW_S, &download);
        mem_fail_after(-1);
        assert_int_equal(download != NULL, err == ERR_OK);
        download_close(download);
    }
    assert_int_equal(err, ERR_OK);
    assert_int_equal(n, 4); /* itself and two strings */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_open),
        fixture_test(test_every_position),
        fixture_test(test_large_file),
        fixture_test(test_damaged_files),
        fixture_test(test_short_row_in_one_read),
        fixture_test(test_end_is_missing),
        fixture_test(test_deleted_between_reads),
        fixture_test(test_deleted_meanwhile),
        fixture_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
