/* A full disk: the database lies on a small file system of its own. Nothing of a refused upload
 * stays, and when there is room again, uploads work again (improvements.md: disk full is 507).
 * Needs root, for mount; says so and skips otherwise. */
#include "harness.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    SEED = 23,
    LEFT_BYTES = 128 * 1024,    /* what the ballast leaves free */
    REFUSED_BYTES = 900 * 1000, /* does not fit, and is within the drain budget of 1 MiB */
};

struct disk {
    struct server server;
    char dir[200];
    bool mounted;
};

static int setup(void **state)
{
    struct disk *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return 1;
    }
    *state = d;
    harness_new_dir(d->dir, sizeof d->dir);
    char data[256];
    snprintf(data, sizeof data, "%s/data", d->dir);
    assert_int_equal(mkdir(data, 0755), 0);
    /* In a mount namespace of this process and its children, so that nothing stays mounted. */
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", data, "tmpfs", 0, "size=8m") != 0) {
        print_message("[  SKIP    ] cannot mount a small file system: %s\n", strerror(errno));
        return 0;
    }
    d->mounted = true;
    char db[300];
    snprintf(db, sizeof db, "%s/store.db", data);
    server_start(&d->server, &(struct server_options){.dir = d->dir, .db = db});
    return 0;
}

static int teardown(void **state)
{
    struct disk *d = *state;
    int code = 0;
    if (d->mounted) {
        char data[256];
        snprintf(data, sizeof data, "%s/data", d->dir);
        code = d->server.pid != 0 ? server_stop(&d->server) : 0;
        umount2(data, MNT_DETACH);
    }
    free(d);
    return code;
}

static struct disk *disk_of(void **state)
{
    struct disk *d = *state;
    if (!d->mounted) {
        skip();
    }
    return d;
}

/* Fills the file system but for LEFT_BYTES. */
static void fill(const struct disk *d, char *ret_path, size_t size)
{
    static const char zeros[4096];
    struct statvfs fs;
    snprintf(ret_path, size, "%s/data/ballast", d->dir);
    int fd = open(ret_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    while (statvfs(ret_path, &fs) == 0 && (int64_t)(fs.f_bavail * fs.f_bsize) > LEFT_BYTES) {
        if (write(fd, zeros, sizeof zeros) != sizeof zeros) {
            break;
        }
    }
    close(fd);
}

static int put(const struct disk *d, int64_t bytes, char *ret_id)
{
    struct response r;
    http_do(&d->server,
            &(struct request){.method = "PUT",
                              .path = "/api/upload/a.bin",
                              .auth = AUTH_BASIC,
                              .seed = SEED,
                              .bytes = bytes},
            &r);
    int status = r.status;
    if (status == 200) {
        assert_true(response_id(&r, ret_id));
    }
    response_done(&r);
    return status;
}

/* The log may need a moment to be copied and shortened. */
static void expect_upload_soon(const struct disk *d, int64_t bytes, char *ret_id)
{
    int64_t end = harness_now_ms() + HANG_SECONDS * 1000;
    int status;
    while ((status = put(d, bytes, ret_id)) != 200) {
        if (harness_now_ms() > end) {
            fail_msg("there is room again, and uploads still get %d", status);
        }
        harness_sleep_ms(200);
    }
    expect_download(&d->server, ret_id, SEED, bytes);
}

static void test_refused_with_507(void **state)
{
    const struct disk *d = disk_of(state);
    char kept[ID_CHARS + 1];
    char id[ID_CHARS + 1];
    char ballast[256];
    upload_bytes(&d->server, "kept.bin", SEED, 100000, kept);
    fill(d, ballast, sizeof ballast);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(put(d, REFUSED_BYTES, id), 507);
    }
    assert_int_equal(db_entries(&d->server), 1);
    expect_download(&d->server, kept, SEED, 100000);
    assert_int_equal(unlink(ballast), 0);
    expect_upload_soon(d, 4096, id);
    assert_true(db_wait_no_orphans(&d->server));
    assert_int_equal(db_entries(&d->server), 2);
}

/* The form of the upload page, as browsers send it when they run no scripts. */
static void test_page_of_507(void **state)
{
    static const char *const browser[] = {"Accept: text/html", NULL};
    const struct disk *d = disk_of(state);
    const struct part parts[] = {
        {.name = "file", .filename = "a.bin", .seed = SEED, .bytes = REFUSED_BYTES}, {0}};
    char ballast[256];
    struct response r;
    fill(d, ballast, sizeof ballast);
    http_do(&d->server,
            &(struct request){.method = "POST",
                              .path = "/upload",
                              .auth = AUTH_BASIC,
                              .headers = browser,
                              .parts = parts},
            &r);
    expect_answer(&r, 507, NULL);
    assert_string_equal(response_header(&r, "Content-Type"), "text/html; charset=utf-8");
    assert_non_null(strstr(response_text(&r), "<h1>Disk full</h1>"));
    assert_non_null(strstr(response_text(&r), "Make room"));
    response_done(&r);
    assert_int_equal(unlink(ballast), 0);
    assert_true(db_wait_no_orphans(&d->server));
}

/* Larger than the whole disk: the client may be cut off, but nothing of it stays. */
static void test_larger_than_disk(void **state)
{
    const struct disk *d = disk_of(state);
    char id[ID_CHARS + 1];
    int64_t before = db_entries(&d->server);
    for (int i = 0; i < 3; i++) {
        int status = put(d, 20 * 1000 * 1000, id);
        assert_true(status == 507 || status == 0);
        assert_int_equal(db_entries(&d->server), before);
    }
    expect_upload_soon(d, 100000, id);
    assert_true(db_wait_no_orphans(&d->server));
    expect_upload_soon(d, 1000000, id);
}

static void test_database_is_sound(void **state)
{
    const struct disk *d = disk_of(state);
    char text[64];
    db_text(&d->server, "PRAGMA integrity_check", text, sizeof text);
    assert_string_equal(text, "ok");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_with_507),
        cmocka_unit_test(test_page_of_507),
        cmocka_unit_test(test_larger_than_disk),
        cmocka_unit_test(test_database_is_sound),
    };
    return harness_main(tests, setup, teardown);
}
