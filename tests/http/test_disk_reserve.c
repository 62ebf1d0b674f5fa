/* A disk that somebody else has filled to the last byte: the owner can still sign in, look, delete
 * and rename, the room of what was deleted takes new uploads, and a restart changes nothing of it
 * (docs/database.md, Room). Needs root, for mount; says so and skips otherwise. */
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

enum { SEED = 29, FILE_BYTES = 4 * 1000 * 1000, RESERVE = 64 * 1024 * 1024 / 32 };

struct disk {
    struct server server;
    char dir[200];
    char ballast[256];
    char reserve[256];
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
    char db[300];
    snprintf(data, sizeof data, "%s/data", d->dir);
    snprintf(d->ballast, sizeof d->ballast, "%s/data/ballast", d->dir);
    snprintf(d->reserve, sizeof d->reserve, "%s/data/store.db-reserve", d->dir);
    snprintf(db, sizeof db, "%s/store.db", data);
    assert_int_equal(mkdir(data, 0755), 0);
    /* In a mount namespace of this process and its children, so that nothing stays mounted. */
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", data, "tmpfs", 0, "size=64m") != 0) {
        print_message("[  SKIP    ] cannot mount a small file system: %s\n", strerror(errno));
        return 0;
    }
    d->mounted = true;
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

/* Takes every byte that is left. */
static void fill(const struct disk *d)
{
    static const char zeros[4096];
    int fd = open(d->ballast, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    while (write(fd, zeros, sizeof zeros) > 0) {
    }
    close(fd);
    struct statvfs fs;
    assert_int_equal(statvfs(d->ballast, &fs), 0);
    assert_int_equal(fs.f_bavail, 0);
}

static int ask(const struct disk *d, const char *method, const char *path, const char *text)
{
    struct response r;
    http_do(&d->server,
            &(struct request){.method = method, .path = path, .auth = AUTH_BASIC, .text = text},
            &r);
    int status = r.status;
    response_done(&r);
    return status;
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

/* The rows of what was deleted go in slices. */
static void expect_upload_soon(const struct disk *d, int64_t bytes, char *ret_id)
{
    int64_t end = harness_now_ms() + HANG_SECONDS * 1000;
    int status = 0;
    while ((status = put(d, bytes, ret_id)) != 200) {
        if (harness_now_ms() > end) {
            fail_msg("there is room again, and uploads still get %d", status);
        }
        harness_sleep_ms(200);
    }
    expect_download(&d->server, ret_id, SEED, bytes);
}

static void expect_deleted(const struct disk *d, const char *id)
{
    char path[100];
    snprintf(path, sizeof path, "/api/entry/%s", id);
    assert_int_equal(ask(d, "DELETE", path, NULL), 200);
}

static int64_t blocks_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (int64_t)st.st_blocks * 512 : 0;
}

static void test_delete_on_a_full_disk(void **state)
{
    struct disk *d = disk_of(state);
    char first[ID_CHARS + 1];
    char second[ID_CHARS + 1];
    char third[ID_CHARS + 1];
    char id[ID_CHARS + 1];
    char path[64];
    upload_bytes(&d->server, "a.bin", SEED, FILE_BYTES, first);
    upload_bytes(&d->server, "b.bin", SEED, FILE_BYTES, second);
    upload_bytes(&d->server, "c.bin", SEED, FILE_BYTES, third);
    assert_true(blocks_of(d->reserve) >= RESERVE);
    fill(d);
    assert_int_equal(put(d, 900 * 1000, id), 507);
    /* More changes than the log has room for: it is copied into a database that cannot grow. */
    snprintf(path, sizeof path, "/api/entry/%s", second);
    for (int i = 0; i < 100; i++) {
        char body[64];
        snprintf(body, sizeof body, "{\"filename\":\"b%d.bin\"}", i);
        assert_int_equal(ask(d, "PUT", path, body), 200);
    }
    expect_deleted(d, first);
    expect_upload_soon(d, FILE_BYTES - 1000 * 1000, id);
    expect_download(&d->server, second, SEED, FILE_BYTES);
    assert_int_equal(db_entries(&d->server), 3);
}

/* It comes back with a change that finds room. */
static void await_reserve(const struct disk *d)
{
    char id[ID_CHARS + 1];
    int64_t end = harness_now_ms() + HANG_SECONDS * 1000;
    while (blocks_of(d->reserve) < RESERVE && harness_now_ms() < end) {
        harness_sleep_ms(500);
        expect_upload_soon(d, 1000, id);
    }
    assert_true(blocks_of(d->reserve) >= RESERVE);
}

static void test_restart_on_a_full_disk(void **state)
{
    struct disk *d = disk_of(state);
    char id[ID_CHARS + 1];
    char db[300];
    (void)unlink(d->ballast);
    await_reserve(d);
    fill(d);
    server_end(&d->server);
    fill(d);
    snprintf(db, sizeof db, "%s/data/store.db", d->dir);
    server_start(&d->server, &(struct server_options){.dir = d->dir, .db = db});
    char text[64];
    db_text(&d->server, "SELECT min(id) FROM entries", text, sizeof text);
    fill(d);
    expect_deleted(d, text);
    /* When there is room, all is as it was. */
    assert_int_equal(unlink(d->ballast), 0);
    expect_upload_soon(d, FILE_BYTES, id);
    await_reserve(d);
    char sound[64];
    db_text(&d->server, "PRAGMA integrity_check", sound, sizeof sound);
    assert_string_equal(sound, "ok");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delete_on_a_full_disk),
        cmocka_unit_test(test_restart_on_a_full_disk),
    };
    return harness_main(tests, setup, teardown);
}
