/* Backups without room: the server's disk is full, or the client's. The database lies on a small
 * file system of its own. Needs root, for mount; says so and skips otherwise. */
#include "small_disk.h"

enum { KEPT_BYTES = 6000000, LEFT_BYTES = 3000000 };

static int setup(void **state)
{
    return disk_setup(state, "size=32m");
}

/* All that is stored is in the database: nothing but this takes more room by itself. */
static void fill(const struct disk *d, int64_t left)
{
    char counts[64];
    db_text(&d->server, "PRAGMA wal_checkpoint(PASSIVE)", counts, sizeof counts);
    disk_fill(d, left);
}

static void run_backup(const struct disk *d, const char *file, struct run_result *r)
{
    static const char *const env[] = {"PS_SHARED_SECRET=" HARNESS_SECRET, NULL};
    char url[64];
    snprintf(url, sizeof url, "http://localhost:%d", d->server.port);
    const char *const argv[] = {run_binary(), "backup", "-url", url, file, NULL};
    run_program(argv, env, r);
}

static void expect_backup(const struct disk *d, const char *file, int code, const char *part)
{
    struct run_result r;
    run_backup(d, file, &r);
    if (r.code != code || strstr(buf_str(&r.err), part) == NULL) {
        fail_msg("exit code %d, not %d, or no '%s' in %s", r.code, code, part, buf_str(&r.err));
    }
    run_done(&r);
}

/* It is refused before anything is copied, and takes nothing from uploads. */
static void test_no_room_at_the_server(void **state)
{
    const struct disk *d = disk_of(state);
    char id[ID_CHARS + 1];
    char file[300];
    upload_bytes(&d->server, "kept.bin", SEED, KEPT_BYTES, id);
    snprintf(file, sizeof file, "%s/backup.db", d->dir);
    fill(d, LEFT_BYTES);
    int64_t left = disk_left(d);
    expect_backup(d, file, 2, "(507): no room for the copy of ");
    assert_int_not_equal(access(file, F_OK), 0);
    assert_true(disk_left(d) >= left);
    assert_int_equal(put(d, 4096, id), 200);
    assert_int_equal(unlink(d->ballast), 0);
    expect_backup(d, file, 0, "no damage");
    assert_int_equal(unlink(file), 0);
}

/* The client writes to a file system that is smaller still. */
static void test_no_room_at_the_client(void **state)
{
    const struct disk *d = disk_of(state);
    char id[ID_CHARS + 1];
    char dir[250];
    char file[300];
    char partial[320];
    upload_bytes(&d->server, "kept.bin", SEED, KEPT_BYTES, id);
    snprintf(dir, sizeof dir, "%s/smaller", d->dir);
    snprintf(file, sizeof file, "%s/backup.db", dir);
    snprintf(partial, sizeof partial, "%s.partial", file);
    assert_int_equal(mkdir(dir, 0755), 0);
    assert_int_equal(mount("tmpfs", dir, "tmpfs", 0, "size=2m"), 0);
    expect_backup(d, file, 2, "No space left on device");
    assert_int_not_equal(access(file, F_OK), 0);
    assert_int_not_equal(access(partial, F_OK), 0);
    assert_int_equal(umount(dir), 0);
    expect_backup(d, file, 0, "no damage");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_room_at_the_server),
        cmocka_unit_test(test_no_room_at_the_client),
    };
    return harness_main(tests, setup, disk_teardown);
}
