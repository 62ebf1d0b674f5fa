/* small_disk.h — a server whose database lies on a small file system of its own, and what fills it.
 * Needs root, for mount: says so and skips otherwise. */
#ifndef PICOSHARE_TESTS_HTTP_SMALL_DISK_H
#define PICOSHARE_TESTS_HTTP_SMALL_DISK_H

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

enum { SEED = 23 };

struct disk {
    struct server server;
    char dir[200];
    char data[256]; /* where it is mounted */
    char db[300];
    char ballast[300];
    bool mounted;
};

/* For a group setup; size: as mount says it, "size=8m". */
static inline int disk_setup(void **state, const char *size)
{
    struct disk *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return 1;
    }
    *state = d;
    harness_new_dir(d->dir, sizeof d->dir);
    snprintf(d->data, sizeof d->data, "%s/data", d->dir);
    snprintf(d->db, sizeof d->db, "%s/store.db", d->data);
    snprintf(d->ballast, sizeof d->ballast, "%s/ballast", d->data);
    assert_int_equal(mkdir(d->data, 0755), 0);
    /* In a mount namespace of this process and its children, so that nothing stays mounted. */
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", d->data, "tmpfs", 0, size) != 0) {
        print_message("[  SKIP    ] cannot mount a small file system: %s\n", strerror(errno));
        return 0;
    }
    d->mounted = true;
    server_start(&d->server, &(struct server_options){.dir = d->dir, .db = d->db});
    return 0;
}

static inline int disk_teardown(void **state)
{
    struct disk *d = *state;
    int code = 0;
    if (d->mounted) {
        code = d->server.pid != 0 ? server_stop(&d->server) : 0;
        umount2(d->data, MNT_DETACH);
    }
    free(d);
    return code;
}

static inline struct disk *disk_of(void **state)
{
    struct disk *d = *state;
    if (!d->mounted) {
        skip();
    }
    return d;
}

static inline int64_t disk_left(const struct disk *d)
{
    struct statvfs fs;
    assert_int_equal(statvfs(d->data, &fs), 0);
    return (int64_t)(fs.f_bavail * fs.f_bsize);
}

/* Fills the file system with the ballast until no more than `left` bytes are free. */
static inline void disk_fill(const struct disk *d, int64_t left)
{
    static const char zeros[4096];
    int fd = open(d->ballast, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    while (disk_left(d) > left && write(fd, zeros, sizeof zeros) > 0) {
    }
    close(fd);
}

static inline int put(const struct disk *d, int64_t bytes, char *ret_id)
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

/* The log may need a moment to be copied, and the rows of what was deleted go in slices. */
static inline void expect_upload_soon(const struct disk *d, int64_t bytes, char *ret_id)
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

#endif
