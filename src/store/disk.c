/* disk.c — is there room for another chunk?
 *
 * A write-ahead log on a full disk is a trap: the log cannot be copied into the database, which
 * would have to grow, so it cannot start again from its beginning, and then not even a delete can
 * be logged. Chunks are therefore refused a little earlier: there must be room to log the chunk, to
 * copy all that is in the log into the database, and DISK_RESERVE_BYTES to log its removal.
 * Free pages of the database and the part of the log that will be written over count as room. */
#include "internal.h"
#include "picoshare/base/check.h"
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

static int64_t log_file_bytes(const struct store *store)
{
    struct stat st;
    return stat(store->log_path, &st) == 0 ? (int64_t)st.st_size : 0;
}

static int64_t positive(int64_t n)
{
    return n > 0 ? n : 0;
}

err_t disk_check_room(struct store *store, size_t len)
{
    struct statvfs fs;
    if (statvfs(store->path, &fs) != 0) {
        return ERR_OK; /* not a question worth failing for: SQLite will say */
    }
    int64_t left = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
    if (left >= DISK_AMPLE_BYTES) {
        return ERR_OK;
    }
    int64_t free_pages = 0;
    err_t err = conn_int(&store->writer, "PRAGMA freelist_count", &free_pages);
    store->logged_since_commit += (int64_t)len;
    int64_t in_log = store_wal_bytes(store) + store->logged_since_commit;
    int64_t log_grows = positive(in_log - log_file_bytes(store));
    int64_t database_grows = positive(in_log - free_pages * store->page_bytes);
    if (err == ERR_OK && left < log_grows + database_grows + DISK_RESERVE_BYTES) {
        err = ERR_FULL;
    }
    return err;
}
