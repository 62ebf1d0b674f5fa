#include "store_support.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define ID "abcdefghij"
#define ID2 "klmnopqrst"
#define ID3 "uvwxyzABCD"

static struct store_figures figures_of(struct fixture *fix)
{
    struct store_figures figures;
    assert_int_equal(store_figures(fix->store, &figures), ERR_OK);
    return figures;
}

static int64_t size_of(const struct fixture *fix, const char *name)
{
    char path[TEST_PATH_BYTES + 64];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/%s", fix->dir, name);
    return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

static int64_t database_bytes(const struct fixture *fix)
{
    return size_of(fix, "store.db") + size_of(fix, "store.db-wal") + size_of(fix, "store.db-shm") +
           size_of(fix, "store.db-reserve");
}

static void write_bytes(const struct fixture *fix, const char *name, size_t len)
{
    char path[TEST_PATH_BYTES + 64];
    (void)snprintf(path, sizeof path, "%s/%s", fix->dir, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(fputc('x', file), 'x');
    }
    assert_int_equal(fclose(file), 0);
}

static void test_numbers(void **state)
{
    struct fixture *fix = *state;
    struct store_figures figures = figures_of(fix);
    assert_int_equal(figures.files, 0);
    assert_int_equal(figures.upload_bytes, 0);
    assert_int_equal(figures.page_bytes, 16384);
    assert_true(figures.can_shrink);
    assert_false(figures.can_convert);
    char *bytes = make_bytes(1, 400000);
    store_file(fix->store, ID, bytes, 400000, 100000, TEST_NOW_S, NEVER_S);
    store_file(fix->store, ID2, bytes, 5, 5, TEST_NOW_S, TEST_NOW_S + 60);
    store_file(fix->store, ID3, bytes, 1, 5, TEST_NOW_S, NEVER_S);
    free(bytes);
    figures = figures_of(fix);
    assert_int_equal(figures.files, 3);
    assert_int_equal(figures.upload_bytes, 400006);
    assert_int_equal(figures.files_bytes, database_bytes(fix));
    char pages[24];
    (void)snprintf(pages, sizeof pages, "%lld", (long long)figures.pages);
    assert_sql(fix->path, "PRAGMA page_count", pages);
    assert_true(figures.pages * figures.page_bytes >= figures.upload_bytes);
    assert_int_equal(figures.free_pages, 0);
    /* A file that goes leaves free pages. */
    assert_int_equal(remove_file(fix->store, ID), ERR_OK);
    assert_int_equal(purge_file(fix->store, ID), ERR_OK);
    figures = figures_of(fix);
    assert_int_equal(figures.files, 2);
    assert_int_equal(figures.upload_bytes, 6);
    assert_true(figures.free_pages * figures.page_bytes >= 390000);
    assert_true(figures.free_pages < figures.pages);
    fixture_reopen(fix); /* the log goes, the numbers stay */
    struct store_figures again = figures_of(fix);
    assert_int_equal(again.files, 2);
    assert_int_equal(again.upload_bytes, 6);
    assert_int_equal(again.pages, figures.pages);
    assert_int_equal(again.free_pages, figures.free_pages);
    assert_int_equal(size_of(fix, "store.db"), again.pages * again.page_bytes);
    assert_int_equal(again.files_bytes, database_bytes(fix));
}

/* Expired files take room until they are collected. */
static void test_expired_count_until_collected(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, ID, "0123456", 7, 5, TEST_NOW_S, TEST_NOW_S + 60);
    store_file(fix->store, ID2, "01", 2, 5, TEST_NOW_S, NEVER_S);
    assert_int_equal(figures_of(fix).files, 2);
    sql_run(fix->path, "INSERT INTO entries (id, filename, content_type, upload_time) VALUES"
                       " ('" ID3 "', '', '', '2026-01-01T00:00:00Z')");
    assert_int_equal(figures_of(fix).upload_bytes, 9);
    assert_int_equal(figures_of(fix).files, 3);
    fix->clock.now_s += 60;
    assert_int_equal(figures_of(fix).files, 3);
    fix->clock.now_s++;
    collect_all(fix->store);
    assert_int_equal(figures_of(fix).upload_bytes, 2);
    assert_int_equal(figures_of(fix).files, 2);
}

/* Every file whose path begins with the database's, and no other. */
static void test_files_beside(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, ID, "0123456", 7, 5, TEST_NOW_S, NEVER_S);
    int64_t before = figures_of(fix).files_bytes;
    assert_int_equal(before, database_bytes(fix));
    write_bytes(fix, "other-file.db", 200);
    write_bytes(fix, "store.d", 300);
    write_bytes(fix, "a-store.db", 400);
    write_bytes(fix, "Store.db-wal", 500);
    assert_int_equal(figures_of(fix).files_bytes, before);
    write_bytes(fix, "store.db-journal", 1000);
    write_bytes(fix, "store.db.backup", 20000);
    write_bytes(fix, "store.db2", 0);
    assert_int_equal(figures_of(fix).files_bytes, before + 21000);
    /* A name that leads nowhere takes no room. */
    char path[TEST_PATH_BYTES + 64];
    (void)snprintf(path, sizeof path, "%s/store.db-lost", fix->dir);
    assert_int_equal(symlink("nowhere", path), 0);
    assert_int_equal(figures_of(fix).files_bytes, before + 21000);
}

/* Other programs use the disk too: what it says lies between two looks. */
static void test_disk(void **state)
{
    struct fixture *fix = *state;
    bool between = false;
    for (int i = 0; i < 100 && !between; i++) {
        struct statvfs one;
        struct statvfs two;
        assert_int_equal(statvfs(fix->path, &one), 0);
        struct store_figures figures = figures_of(fix);
        assert_int_equal(statvfs(fix->path, &two), 0);
        int64_t unit = (int64_t)one.f_frsize;
        assert_int_equal(figures.disk_total, (int64_t)one.f_blocks * unit);
        between = one.f_bfree == two.f_bfree &&
                  figures.disk_used == (int64_t)(one.f_blocks - one.f_bfree) * unit;
        assert_true(figures.disk_used >= 0 && figures.disk_used <= figures.disk_total);
        sleep_ms(between ? 0 : 10);
    }
    assert_true(between);
}

/* Files of another program whose size is not recorded yet are files all the same. */
static void test_unmeasured(void **state)
{
    struct fixture *fix = *state;
    foreign_file(fix->path, ID, "0123456", 7, 5, NULL);
    assert_int_equal(figures_of(fix).files, 1);
    assert_int_equal(figures_of(fix).upload_bytes, 0);
    struct store_measure job;
    store_measure_init(&job);
    memcpy(job.id, ID, sizeof ID);
    job.size = 7;
    assert_int_equal(store_run(fix->store, &job.job), ERR_OK);
    assert_int_equal(figures_of(fix).upload_bytes, 7);
}

/* As PicoShare makes it: smaller pages, no pointer map. */
static void test_without_auto_vacuum(void **state)
{
    struct fixture *fix = *state;
    fixture_close(fix);
    sql_run(fix->path, "PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = 0;"
                       "PRAGMA page_size = 4096; VACUUM");
    fixture_open(fix);
    struct store_figures figures = figures_of(fix);
    assert_false(figures.can_shrink);
    assert_true(figures.can_convert);
    assert_int_equal(figures.page_bytes, 4096);
    assert_int_equal(figures.pages * 4096, size_of(fix, "store.db"));
}

/* Beside Litestream the file is not shrunk in place either. */
static void test_beside_litestream(void **state)
{
    struct fixture *fix = *state;
    fixture_close(fix);
    fix->options.foreign_checkpoints = true;
    fixture_open(fix);
    assert_false(figures_of(fix).can_shrink);
    assert_false(figures_of(fix).can_convert);
}

/* A database in the directory where the program was started. */
static void test_no_directory_in_path(void **state)
{
    struct fixture *fix = *state;
    int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(here >= 0);
    assert_int_equal(chdir(fix->dir), 0);
    fix->options.path = "store.db";
    fixture_open(fix);
    write_bytes(fix, "other-file.db", 200);
    store_file(fix->store, ID, "0123456", 7, 5, TEST_NOW_S, NEVER_S);
    struct store_figures figures = figures_of(fix);
    int64_t want = database_bytes(fix);
    fixture_close(fix);
    assert_int_equal(fchdir(here), 0);
    assert_int_equal(close(here), 0);
    assert_int_equal(figures.files_bytes, want);
    assert_int_equal(figures.files, 1);
    assert_true(figures.disk_total > 0);
}

static void test_directory_is_gone(void **state)
{
    struct fixture *fix = *state;
    char moved[TEST_PATH_BYTES + 8];
    (void)snprintf(moved, sizeof moved, "%s-moved", fix->dir);
    assert_int_equal(rename(fix->dir, moved), 0);
    struct store_figures figures = {.files = 77};
    err_t err = store_figures(fix->store, &figures);
    assert_int_equal(rename(moved, fix->dir), 0);
    assert_int_equal(err, ERR_IO);
    assert_int_equal(figures.files, 77);
    assert_int_equal(figures_of(fix).files, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_numbers),
        fixture_test(test_expired_count_until_collected),
        fixture_test(test_files_beside),
        fixture_test(test_disk),
        fixture_test(test_unmeasured),
        fixture_test(test_without_auto_vacuum),
        fixture_test(test_beside_litestream),
        cmocka_unit_test_setup_teardown(test_no_directory_in_path, fixture_prepare,
                                        fixture_teardown),
        fixture_test(test_directory_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
