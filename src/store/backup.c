/* backup.c — a copy of the database while it is in use, a slice at a time.
 *
 * SQLite copies page by page. What the connection that is copied from changes meanwhile it changes
 * in the copy, too, page for page, so that the copy is that of one moment: the one at which it is
 * complete. What another connection changes makes it begin again, and while files are uploaded it
 * would never end. So it is the writer's connection that is copied from; the copying is a job that
 * runs between transactions, since SQLite refuses it within one. No snapshot is held between two
 * slices: the log is copied into the database as always.
 *
 * The copy lies beside the database, in a file whose name is removed as soon as it is open: however
 * the process ends, nothing of it is left. Its room is taken at once, before anything is copied. It
 * needs no journal and no flush, since a copy that is not complete is of no use to anybody.
 *
 * Other work goes on, with nine tenths of the writer's time, as beside any background work. But a
 * database that grows as quickly as it is copied would never be copied to its end. So for every two
 * bytes that are copied one may be stored: uploads that are quicker than that wait for the disk a
 * little more often. A slice in which the clock leaves no room for that takes longer. */
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    /* Copied between two looks at the clock: less than a millisecond, or some on a slow disk. */
    STEP_BYTES = 256 * KIB,
    /* The copy's changed pages; it writes what does not fit. */
    COPY_CACHE_PAGES = 16,
    /* How often another program may make it begin again before it is given up. */
    MAX_RESTARTS = 16,
};

struct copying {
    struct store *store;
    sqlite3 *copy;
    sqlite3_backup *backup;
    int restarts;
};

/* ---- the file ---- */

static err_t error_of_errno(void)
{
    return errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
}

/* File systems that cannot take room ahead go without. */
static err_t take_room(int fd, int64_t bytes)
{
    return fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)bytes) == 0 || error_of_errno() != ERR_FULL
               ? ERR_OK
               : ERR_FULL;
}

/* Opens it, for SQLite and for us, and removes its name. */
static err_t make_file(struct store *store, struct store_backup *backup)
{
    struct copying *copying = backup->copying;
    (void)unlink(store->copy_path); /* a process that was killed right here left it */
    int rc = sqlite3_open_v2(store->copy_path, &copying->copy,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                 SQLITE_OPEN_EXRESCODE,
                             store->vfs);
    err_t err = query_err(copying->copy, rc);
    if (err == ERR_OK) {
        backup->fd = open(store->copy_path, O_RDWR | O_CLOEXEC);
        err = backup->fd >= 0 ? ERR_OK : error_of_errno();
    }
    (void)unlink(store->copy_path);
    return err;
}

static err_t set_up_copy(struct copying *copying)
{
    char pragmas[128];
    (void)snprintf(pragmas, sizeof pragmas,
                   "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
                   "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = %d",
                   (int)COPY_CACHE_PAGES);
    int rc = sqlite3_exec(copying->copy, pragmas, NULL, NULL, NULL);
    return query_err(copying->copy, rc);
}

/* ---- the job ---- */

static err_t start(struct store *store, struct store_backup *backup)
{
    int64_t pages = 0;
    err_t err = flush_regain_trust(store);
    if (err == ERR_OK) {
        err = conn_int(&store->writer, "PRAGMA page_count", &pages);
    }
    if (err == ERR_OK) {
        backup->bytes_total = pages * store->page_bytes;
        err = disk_check_copy(store, backup->bytes_total);
    }
    if (err == ERR_OK) {
        backup->copying = mem_alloc(1, sizeof *backup->copying);
        err = backup->copying != NULL ? ERR_OK : ERR_NOMEM;
    }
    if (err == ERR_OK) {
        backup->copying->store = store;
        store->backup = backup;
        store->stored_since_slice = 0; /* what is in the database already does not count */
        err = make_file(store, backup);
    }
    if (err == ERR_OK) {
        err = take_room(backup->fd, backup->bytes_total);
    }
    if (err == ERR_OK) {
        err = set_up_copy(backup->copying);
    }
    if (err == ERR_OK) {
        struct copying *copying = backup->copying;
        copying->backup = sqlite3_backup_init(copying->copy, "main", store->writer.db, "main");
        err = copying->backup != NULL
                  ? ERR_OK
                  : query_err(copying->copy, sqlite3_extended_errcode(copying->copy));
    }
    return err;
}

/* Notes how far it is. Each slice copies something, so one that gets no farther than the last one
 * has begun again. False: that was too often. */
static bool note_progress(struct store *store, struct store_backup *backup)
{
    struct copying *copying = backup->copying;
    int64_t total = sqlite3_backup_pagecount(copying->backup) * store->page_bytes;
    int64_t done = total - sqlite3_backup_remaining(copying->backup) * store->page_bytes;
    copying->restarts += done <= backup->bytes_done;
    backup->bytes_done = done;
    backup->bytes_total = total;
    return copying->restarts <= MAX_RESTARTS;
}

static err_t copy_slice(struct store *store, struct store_backup *backup)
{
    struct copying *copying = backup->copying;
    int64_t pages = STEP_BYTES / store->page_bytes;
    size_t copied = 0;
    bool over = false;
    int rc = SQLITE_OK;
    do {
        rc = sqlite3_backup_step(copying->backup, pages > 0 ? (int)pages : 1);
        /* The disk takes what was copied, as we go. Otherwise the system would collect it, and make
         * whoever writes next wait for all of it. */
        (void)sync_file_range(backup->fd, 0, 0,
                              SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE);
        copied += STEP_BYTES;
        if (!over) {
            backup->job.pace_bytes = copied / 2; /* what is made up for later does not count */
        }
        over = writer_slice_over(store);
    } while (rc == SQLITE_OK && (!over || copied < 2 * store->stored_since_slice));
    if (rc == SQLITE_OK && !note_progress(store, backup)) {
        return ERR_BUSY;
    }
    backup->job.again = rc == SQLITE_OK;
    return query_err(copying->copy, rc);
}

static err_t run_backup(struct store *store, struct store_job *job)
{
    struct store_backup *backup = CONTAINER_OF(job, struct store_backup, job);
    if (!backup->is_wanted(backup->arg)) {
        return ERR_CLOSED;
    }
    if (backup->lost) {
        return ERR_IO;
    }
    err_t err = ERR_OK;
    if (backup->copying == NULL) {
        err = start(store, backup);
    } else if (store->distrusted) {
        err = ERR_IO; /* what is read may never reach the disk */
    }
    return err == ERR_OK ? copy_slice(store, backup) : err;
}

static void stop(struct store_backup *backup)
{
    struct copying *copying = TAKE(backup->copying);
    if (copying != NULL) {
        copying->store->backup = NULL;
        (void)sqlite3_backup_finish(copying->backup);
        check(sqlite3_close(copying->copy) == SQLITE_OK);
        mem_free(copying);
    }
}

void backup_lose(struct store *store)
{
    if (store->backup != NULL) {
        store->backup->lost = true;
        stop(store->backup);
    }
}

/* Closes the copy, so that all of it is in the file; on an error the file goes, too. */
static void end_backup(struct store_job *job)
{
    struct store_backup *backup = CONTAINER_OF(job, struct store_backup, job);
    stop(backup);
    struct stat st;
    if (job->result == ERR_OK && fstat(backup->fd, &st) != 0) {
        job->result = ERR_IO;
    }
    if (job->result == ERR_OK) {
        backup->bytes_total = (int64_t)st.st_size;
        backup->bytes_done = (int64_t)st.st_size;
    } else if (backup->fd >= 0) {
        (void)close(backup->fd);
        backup->fd = -1;
    }
}

void store_backup_init(struct store_backup *backup, bool (*is_wanted)(void *arg), void *arg)
{
    *backup = (struct store_backup){
        .job = {.run = run_backup, .end = end_backup, .lane = STORE_IDLE, .outside = true},
        .is_wanted = is_wanted,
        .arg = arg,
        .fd = -1,
    };
}
