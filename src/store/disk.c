/* disk.c — room on the disk: is there some for another chunk, and what is kept for a full one.
 *
 * A write-ahead log on a full disk is a trap: the log cannot be copied into the database, which
 * would have to grow, so it cannot start again from its beginning, and then not even a delete can
 * be logged. Two things keep a way out, whoever fills the disk. The log's file is made as large at
 * the start as it may become before it is copied, and stays so: what is logged finds its room. And
 * beside the database lies a file without content, the reserve, as large as what may be in the log.
 * When the log cannot be copied the reserve is removed, and then it can. It is made again when
 * there is room.
 *
 * Chunks are refused a little before the disk is full, and do not count on the reserve: there must
 * be room to log the chunk and to copy all that is in the log into the database, and there must be
 * DISK_RESERVE_BYTES, of the disk, the reserve or the database's free pages, for what comes on top.
 * Free pages of the database and the part of the log that will be written over count as room. */
#include "internal.h"
#include "picoshare/base/check.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int64_t log_file_bytes(const struct store *store)
{
    struct stat st;
    return stat(store->log_path, &st) == 0 ? (int64_t)st.st_size : 0;
}

int64_t disk_bytes_left(const char *path)
{
    struct statvfs fs;
    return statvfs(path, &fs) == 0 ? (int64_t)fs.f_bavail * (int64_t)fs.f_frsize : -1;
}

static int64_t positive(int64_t n)
{
    return n > 0 ? n : 0;
}

err_t disk_check_room(struct store *store, size_t len)
{
    int64_t left = disk_bytes_left(store->path);
    if (left < 0 || left >= DISK_AMPLE_BYTES) {
        return ERR_OK; /* not known is no reason to fail: SQLite will say */
    }
    int64_t free_pages = 0;
    err_t err = conn_int(&store->writer, "PRAGMA freelist_count", &free_pages);
    store->logged_since_commit += (int64_t)len;
    int64_t in_log = store_wal_bytes(store) + store->logged_since_commit;
    int64_t log_grows = positive(in_log - log_file_bytes(store));
    int64_t free_bytes = free_pages * store->page_bytes;
    int64_t database_grows = positive(in_log - free_bytes);
    int64_t need = log_grows + database_grows;
    int64_t kept = store->reserve_bytes + positive(free_bytes - in_log);
    if (err == ERR_OK && (left < need || left + kept < need + DISK_RESERVE_BYTES)) {
        err = ERR_FULL;
    }
    return err;
}

err_t disk_check_copy(const struct store *store, int64_t bytes)
{
    int64_t left = disk_bytes_left(store->path);
    int64_t kept = store->log_kept_bytes + DISK_RESERVE_BYTES;
    return left < 0 || left - kept >= bytes ? ERR_OK : ERR_FULL;
}

/* ---- what is kept ---- */

static int64_t at_most(int64_t n, int64_t limit)
{
    return n < limit ? n : limit;
}

void disk_set_limits(struct store *store, int64_t log_bytes)
{
    struct statvfs fs;
    int64_t kept = WAL_KEPT_BYTES;
    if (statvfs(store->path, &fs) == 0) {
        kept = at_most(kept, (int64_t)fs.f_blocks * (int64_t)fs.f_frsize / RESERVE_PART);
    }
    int64_t soft = log_bytes > 0 ? log_bytes : WAL_SOFT_BYTES;
    store->log_soft_bytes = at_most(soft, kept - kept / 5);
    store->log_kept_bytes = at_most(kept, soft + soft / 4);
}

/* Blocks of its own for all of a file up to this size. Not for one that others have open to write,
 * since some systems know no better than to write. */
static bool allocate(const char *path, int flags, int64_t size)
{
    int fd = open(path, flags | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        return false;
    }
    bool done = posix_fallocate(fd, 0, (off_t)size) == 0;
    (void)close(fd);
    return done;
}

static int64_t reserve_size(const struct store *store)
{
    return at_most(RESERVE_BYTES, store->log_kept_bytes);
}

/* Whether the file is there with all its blocks. */
static bool has_reserve(const struct store *store)
{
    enum { BLOCK_BYTES = 512 }; /* what st_blocks counts */
    struct stat st;
    return stat(store->reserve_path, &st) == 0 && S_ISREG(st.st_mode) &&
           (int64_t)st.st_blocks * BLOCK_BYTES >= reserve_size(store);
}

void disk_start(struct store *store)
{
    int64_t left = disk_bytes_left(store->path);
    if (left >= 0 && left < DISK_RESERVE_BYTES) {
        (void)unlink(store->reserve_path);
    }
}

static void keep_room_in_log(const struct store *store)
{
    /* Or as much of it as there is room for: the reserve that was given up to start. */
    int64_t size = log_file_bytes(store);
    int64_t target =
        at_most(store->log_kept_bytes, size + disk_bytes_left(store->path) - KIB * 256);
    if (!store->foreign_checkpoints && target > size) {
        /* Zeros are no frames, so SQLite sees no difference. */
        (void)allocate(store->log_path, 0, target);
    }
}

void disk_keep_room(struct store *store)
{
    int64_t now = clock_mono_ms(store->clock);
    if (store->reserve_bytes > 0 || now < store->next_reserve_ms) {
        return;
    }
    store->next_reserve_ms = now + RESERVE_EVERY_MS;
    keep_room_in_log(store);
    int64_t size = reserve_size(store);
    bool made = has_reserve(store);
    if (!made && disk_bytes_left(store->path) >= 2 * size + DISK_RESERVE_BYTES) {
        made = allocate(store->reserve_path, O_CREAT, size);
        if (!made) {
            (void)unlink(store->reserve_path);
        }
    }
    store->reserve_bytes = made ? size : 0;
}

bool disk_release_reserve(struct store *store)
{
    if (store->reserve_bytes == 0) {
        return false;
    }
    store->reserve_bytes = 0;
    store->next_reserve_ms = clock_mono_ms(store->clock) + RESERVE_EVERY_MS;
    return unlink(store->reserve_path) == 0;
}
