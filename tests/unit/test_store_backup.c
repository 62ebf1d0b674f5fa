/* A copy of a database in use: that of one moment, made in slices, with nothing left of it however
 * it ends. Faults of disk and memory one by one are in test_store_faults.c. */
#include "fault_vfs.h"
#include "store_support.h"
#include <fcntl.h>
#include <sys/stat.h>

#define KEPT "keptkept22"
#define LATER "laterlate2"

/* More than what is copied between two looks at the clock. */
enum { KEPT_BYTES = 5 * 1024 * 1024, LATER_BYTES = 700000 };

/* Who wants it, and what happens between the slices: on the writer thread, outside transactions. */
struct wish {
    struct fixture *fix;
    int64_t slices;
    int64_t until;         /* it is not wanted from this slice on; 0: always */
    int64_t changes_until; /* another program changes the database before each slice up to this */
    const struct turns *beside;            /* who has turns between them; */
    int64_t turns_at_first, turns_at_last; /* how many before the first slice and before the last */
    bool holds; /* the writer stops before the second slice: see copy_until_held() */
    sem_t held, go_on;
};

static bool is_wanted(void *arg)
{
    struct wish *wish = arg;
    wish->slices++;
    if (wish->beside != NULL) {
        wish->turns_at_last = wish->beside->taken;
        wish->turns_at_first = wish->slices == 1 ? wish->turns_at_last : wish->turns_at_first;
    }
    if (wish->slices <= wish->changes_until) {
        sql_run(wish->fix->path, "UPDATE settings SET default_expiration_in_days = %d",
                (int)wish->slices);
    }
    if (wish->holds && wish->slices == 2) {
        assert_int_equal(sem_post(&wish->held), 0);
        while (sem_wait(&wish->go_on) != 0) {
        }
    }
    return wish->until == 0 || wish->slices < wish->until;
}

static void store_kept(struct fixture *fix)
{
    char *bytes = make_bytes(1, KEPT_BYTES);
    store_file(fix->store, KEPT, bytes, KEPT_BYTES, CHUNK_BYTES, TEST_NOW_S, NEVER_S);
    free(bytes);
}

static err_t back_up(struct fixture *fix, struct wish *wish, struct store_backup *ret_backup)
{
    wish->fix = fix;
    store_backup_init(ret_backup, is_wanted, wish);
    return store_run(fix->store, &ret_backup->job);
}

/* Copies one slice and holds the writer there, so that the jobs which are submitted until let_go()
 * run before the third slice. */
static void copy_until_held(struct fixture *fix, struct wish *wish, struct store_backup *backup,
                            struct pending *copying)
{
    *wish = (struct wish){.fix = fix, .holds = true};
    assert_int_equal(sem_init(&wish->held, 0, 0), 0);
    assert_int_equal(sem_init(&wish->go_on, 0, 0), 0);
    fix->clock.step_ms = SLICE_MS; /* a slice is over when the clock is looked at again */
    store_backup_init(backup, is_wanted, wish);
    pending_submit(copying, fix->store, &backup->job);
    while (sem_wait(&wish->held) != 0) {
    }
}

static void let_go(struct fixture *fix, struct wish *wish, struct pending *copying)
{
    assert_int_equal(sem_post(&wish->go_on), 0);
    while (!copying->done) {
        sleep_ms(1);
    }
    fix->clock.step_ms = 0;
    assert_true(wish->slices > 2); /* or nothing was in the middle */
}

/* A file of one chunk that is published without waiting for it. */
struct publishing {
    struct store_draft draft;
    struct store_new_file file;
    struct store_publish job;
    struct pending pending;
};

static void publish_soon(struct fixture *fix, struct publishing *p, const char *id,
                         struct slice bytes)
{
    store_draft_init(&p->draft, id);
    p->file = (struct store_new_file){.draft = &p->draft,
                                      .filename = "f",
                                      .content_type = "",
                                      .size = (int64_t)bytes.len,
                                      .chunks = 1,
                                      .last_chunk = bytes};
    store_publish_init(&p->job);
    p->job.files = &p->file;
    p->job.files_count = 1;
    p->job.upload_time = TEST_NOW_S;
    p->job.expiration_time = NEVER_S;
    p->job.job.lane = STORE_URGENT;
    pending_submit(&p->pending, fix->store, &p->job.job);
}

/* Only the store's own files are there. */
static void assert_nothing_left(const struct fixture *fix)
{
    DIR *list = opendir(fix->dir);
    assert_non_null(list);
    for (struct dirent *item = readdir(list); item != NULL; item = readdir(list)) {
        if (strstr(item->d_name, "copying") != NULL) {
            fail_msg("%s is left", item->d_name);
        }
    }
    assert_int_equal(closedir(list), 0);
}

/* Opens the copy as the database of another store. */
static void open_copy(struct fixture *fix, struct store_backup *backup, struct fixture *ret_copy)
{
    struct stat st;
    assert_true(backup->fd >= 0);
    assert_int_equal(fstat(backup->fd, &st), 0);
    assert_int_equal(st.st_size, backup->bytes_total);
    assert_int_equal(st.st_size, backup->bytes_done);
    assert_int_equal(st.st_nlink, 0);
    *ret_copy = (struct fixture){.options = fix->options};
    temp_dir_make(ret_copy->dir);
    (void)snprintf(ret_copy->path, sizeof ret_copy->path, "%s/store.db", ret_copy->dir);
    ret_copy->options.path = ret_copy->path;
    ret_copy->options.vfs = NULL;
    int fd = open(ret_copy->path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    char block[65536];
    ssize_t n = 0;
    while ((n = read(backup->fd, block, sizeof block)) > 0) {
        assert_int_equal(write(fd, block, (size_t)n), n);
    }
    assert_int_equal(n, 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(backup->fd), 0);
    assert_sound(ret_copy->path);
    fixture_open(ret_copy);
    char *bytes = make_bytes(1, KEPT_BYTES);
    assert_file(ret_copy->store, KEPT, bytes, KEPT_BYTES);
    free(bytes);
}

static void close_copy(struct fixture *copy)
{
    fixture_close(copy);
    temp_dir_remove(copy->dir);
}

static void assert_backs_up(struct fixture *fix)
{
    struct wish wish = {.until = 0};
    struct store_backup backup;
    struct fixture copy;
    assert_int_equal(back_up(fix, &wish, &backup), ERR_OK);
    open_copy(fix, &backup, &copy);
    close_copy(&copy);
    assert_nothing_left(fix);
}

static void test_copy(void **state)
{
    struct fixture *fix = *state;
    store_kept(fix);
    assert_backs_up(fix);
    assert_backs_up(fix);
}

/* As PicoShare makes them. */
static void test_small_pages(void **state)
{
    struct fixture *fix = *state;
    fixture_close(fix);
    sql_run(fix->path, "PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = 0;"
                       "PRAGMA page_size = 4096; VACUUM");
    fixture_open(fix);
    store_kept(fix);
    assert_backs_up(fix);
}

/* A little at a time, and others get their turn in between; and it gets on however many they are.
 */
static void test_slices(void **state)
{
    struct fixture *fix = *state;
    struct wish wish = {.fix = fix};
    struct store_backup backup;
    store_kept(fix);
    store_backup_init(&backup, is_wanted, &wish);
    assert_true(gets_on_under_load(fix, &backup.job));
    assert_int_equal(backup.job.result, ERR_OK);
    assert_true(wish.slices >= KEPT_BYTES / (256 * KIB));
    assert_int_equal(close(backup.fd), 0);
}

/* However slow the machine is: for each byte that is stored two are copied. */
static void test_keeps_up(void **state)
{
    struct fixture *fix = *state;
    store_kept(fix);
    fix->clock.step_ms = SLICE_MS; /* a slice is over when the clock is looked at again */
    struct store_backup backup;
    struct turns turns;
    struct wish wish = {.beside = &turns};
    turns_start_in(&turns, fix->store, STORE_BULK, BATCH_MAX_BYTES);
    assert_int_equal(back_up(fix, &wish, &backup), ERR_OK);
    (void)turns_stop(&turns);
    fix->clock.step_ms = 0;
    assert_true(wish.slices > 1);
    /* The last slice has still to make up for the last turn. */
    int64_t made_up = wish.turns_at_last - wish.turns_at_first - 1;
    assert_true(made_up * BATCH_MAX_BYTES * 2 <= backup.bytes_total);
    assert_int_equal(close(backup.fd), 0);
}

/* What is stored and deleted meanwhile is so in the copy: it is that of its end. */
static void test_changes_meanwhile(void **state)
{
    struct fixture *fix = *state;
    struct wish wish;
    struct store_backup backup;
    struct pending copying;
    struct pending removing;
    struct publishing later;
    struct store_remove removal;
    struct fixture copy;
    char *bytes = make_bytes(2, LATER_BYTES);
    store_file(fix->store, "goinggoing", bytes, LATER_BYTES, CHUNK_BYTES, TEST_NOW_S, NEVER_S);
    store_kept(fix);
    store_remove_init(&removal);
    assert_true(slice_copy(SLICE("goinggoing"), removal.id, sizeof removal.id));

    copy_until_held(fix, &wish, &backup, &copying);
    pending_submit(&removing, fix->store, &removal.job);
    publish_soon(fix, &later, LATER, slice_of(bytes, LATER_BYTES));
    let_go(fix, &wish, &copying);
    assert_int_equal(removal.job.result, ERR_OK);
    assert_int_equal(later.job.job.result, ERR_OK);
    assert_int_equal(backup.job.result, ERR_OK);
    open_copy(fix, &backup, &copy);
    assert_file(copy.store, LATER, bytes, LATER_BYTES);
    assert_false(file_exists(copy.store, "goinggoing"));
    close_copy(&copy);
    free(bytes);
}

static void test_not_wanted(void **state)
{
    struct fixture *fix = *state;
    store_kept(fix);
    for (int64_t until = 1; until <= 3; until++) {
        fix->clock.step_ms = SLICE_MS;
        struct wish wish = {.until = until};
        struct store_backup backup;
        assert_int_equal(back_up(fix, &wish, &backup), ERR_CLOSED);
        fix->clock.step_ms = 0;
        assert_int_equal(wish.slices, until);
        assert_int_equal(backup.fd, -1);
        assert_nothing_left(fix);
    }
    assert_backs_up(fix);
}

static void test_close_in_the_middle(void **state)
{
    struct fixture *fix = *state;
    store_kept(fix);
    fix->clock.step_ms = SLICE_MS;
    struct wish wish = {.fix = fix};
    struct store_backup backup;
    struct pending pending;
    store_backup_init(&backup, is_wanted, &wish);
    pending_submit(&pending, fix->store, &backup.job);
    fixture_close(fix);
    fix->clock.step_ms = 0;
    assert_true(pending.done);
    if (backup.job.result != ERR_OK) { /* or it was quicker than we were */
        assert_int_equal(backup.job.result, ERR_CLOSED);
        assert_int_equal(backup.fd, -1);
    } else {
        assert_int_equal(close(backup.fd), 0);
    }
    fixture_open(fix);
    assert_nothing_left(fix);
    assert_backs_up(fix);
}

/* A process that was killed while the name was there left a file. */
static void test_left_by_a_killed_process(void **state)
{
    struct fixture *fix = *state;
    char path[TEST_PATH_BYTES + 32];
    store_kept(fix);
    (void)snprintf(path, sizeof path, "%s-copying", fix->path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("no database", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_backs_up(fix);
}

static err_t back_up_beside_foreign_writer(struct fixture *fix, int64_t changes,
                                           struct store_backup *backup)
{
    struct wish wish = {.changes_until = changes};
    fix->clock.step_ms = SLICE_MS;
    err_t err = back_up(fix, &wish, backup);
    fix->clock.step_ms = 0;
    return err;
}

/* Its changes make the copying begin again: it is right in the end, or given up. */
static void test_foreign_writer(void **state)
{
    struct fixture *fix = *state;
    struct store_backup backup;
    struct fixture copy;
    store_kept(fix);
    assert_int_equal(back_up_beside_foreign_writer(fix, 5, &backup), ERR_OK);
    open_copy(fix, &backup, &copy);
    assert_sql(copy.path, "SELECT default_expiration_in_days FROM settings", "5");
    close_copy(&copy);
    assert_int_equal(back_up_beside_foreign_writer(fix, INT64_MAX, &backup), ERR_BUSY);
    assert_int_equal(backup.fd, -1);
    assert_nothing_left(fix);
    assert_backs_up(fix);
}

/* After a flush that failed the connections are opened anew, also the one that is copied from. */
static void test_failing_flush(void **state)
{
    struct fixture *fix = *state;
    struct wish wish;
    struct store_backup backup;
    struct pending copying;
    struct publishing two[2]; /* tried together, which fails, and then one by one */
    store_kept(fix);
    copy_until_held(fix, &wish, &backup, &copying);
    publish_soon(fix, &two[0], "abcdefghij", SLICE("abc"));
    publish_soon(fix, &two[1], LATER, SLICE("abc"));
    fault_set(FAULT_IO, 0, false);
    fault.syncs_only = true;
    let_go(fix, &wish, &copying);
    assert_int_equal(fault.failures, 1);
    assert_int_equal(backup.job.result, ERR_IO);
    assert_int_equal(backup.fd, -1);
    assert_nothing_left(fix);
    assert_int_equal(two[0].job.job.result, ERR_OK);
    assert_int_equal(two[1].job.job.result, ERR_OK);
    assert_backs_up(fix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_copy),
        fixture_test(test_small_pages),
        fixture_test(test_slices),
        fixture_test(test_keeps_up),
        fixture_test(test_changes_meanwhile),
        fixture_test(test_not_wanted),
        fixture_test(test_close_in_the_middle),
        fixture_test(test_left_by_a_killed_process),
        fixture_test(test_foreign_writer),
        fault_test(test_failing_flush),
    };
    return cmocka_run_group_tests(tests, fault_vfs_setup, NULL);
}
