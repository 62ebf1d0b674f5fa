/* internal.h — what the files of store/ share: the store itself and its connections.
 * Lock order: store.lock and store.readers_lock are never held together. */
#ifndef PICOSHARE_STORE_INTERNAL_H
#define PICOSHARE_STORE_INTERNAL_H

#include "picoshare/base/limits.h"
#include "picoshare/base/lock.h"
#include "picoshare/store/store.h"
#include "query.h"
#include <stdatomic.h>

enum { STORE_LANES = STORE_IDLE + 1 };

/* A parameter in seconds since 1970 as the text that is stored (database.md 3.1). */
#define TIME_TEXT(param) "strftime('%Y-%m-%dT%H:%M:%SZ', " param ", 'unixepoch')"

/* Of a row of entries: an expired file is gone, whether it has been collected or not. `now` is a
 * parameter in seconds since 1970. */
#define IS_UNEXPIRED(now) "(expiration_time IS NULL OR unixepoch(expiration_time) > " now ")"

struct job_list {
    struct store_job *head, *tail;
};

struct store {
    const struct clock *clock;
    char *path;      /* of the database */
    const char *vfs; /* as in store_options */
    void (*event)(enum store_event event);
    int lock_fd;    /* keeps other processes of ours out; -1: not open */
    char *log_path; /* of its write-ahead log */
    char *reserve_path;
    char *copy_path; /* where a copy of the database has its name for a moment */
    bool foreign_checkpoints;
    bool secure_delete;
    int64_t history_rows;   /* downloads of a file that are kept */
    int64_t log_soft_bytes; /* as WAL_SOFT_BYTES, or less … */
    int64_t log_kept_bytes; /* … and as WAL_KEPT_BYTES */
    int64_t page_bytes;
    int64_t upgraded_from; /* as store_upgraded_from() */
    bool can_convert;      /* as store_can_convert() */

    struct lock lock; /* guards lanes and stopping */
    pthread_cond_t work;
    struct job_list lanes[STORE_LANES];
    bool stopping;

    pthread_t thread;
    /* Owned by the writer thread from here … */
    struct conn writer;
    bool flushing;               /* the connection is at synchronous=FULL */
    struct list drafts;          /* running uploads that have rows */
    struct store_backup *backup; /* the one that copies from the connection, or NULL */
    int64_t slice_until_ms;      /* end of the running slice of background work */
    int64_t last_slice_ms;
    size_t stored_since_slice;   /* bytes of file contents, of jobs since then */
    int64_t logged_since_commit; /* bytes of chunks in the running transaction */
    bool distrusted;             /* a flush has failed (flush.c) */
    int64_t reserve_bytes;       /* of the reserve; 0: there is none */
    int64_t next_reserve_ms;     /* none is made before this */
    bool log_is_due;             /* to be copied, short as it may be: that makes room on the disk */
    int64_t next_blocking_ms;    /* no waiting for foreign readers before this */
    _Atomic int64_t wal_bytes;   /* read by any thread */
    /* … to here. */

    struct lock readers_lock; /* guards readers_free */
    pthread_cond_t reader_free;
    struct conn readers[STORE_READERS];
    struct conn *readers_free[STORE_READERS];
    size_t readers_free_count;
};

/* PicoShare's (database.md), which a current file has as its user_version. */
enum { SCHEMA_VERSION = 15 };

/* schema.c — creates the tables of a new file, upgrades an old one, adds ours. *ret_upgraded_from:
 * as store_upgraded_from(). */
err_t schema_prepare(struct conn *conn, const struct store_options *options,
                     int64_t *ret_upgraded_from, struct err_info *ret_info) MUST_CHECK;
/* All tables and indexes of a new file, empty, in the running transaction. */
err_t schema_create_tables(struct conn *conn) MUST_CHECK;
/* ERR_INVALID: it is no database of version 15. It is only read. */
err_t schema_check_current(struct conn *conn, const char *path,
                           struct err_info *ret_info) MUST_CHECK;
/* A refused file keeps its log: closing the connection will not copy it into the database. */
void schema_leave_untouched(struct conn *conn);

/* upgrade.c — from any older version. On an error the data is as it was; on ERR_INVALID, and on
 * ERR_FULL when it was known before, so is every byte. Always says why. */
err_t upgrade_to_15(struct conn *conn, const struct store_options *options,
                    struct err_info *ret_info) MUST_CHECK;

/* writer.c */
void writer_init(struct store *store);
err_t writer_start(struct store *store, struct err_info *ret_info) MUST_CHECK;
/* Runs what is queued, then ends the thread. */
void writer_stop(struct store *store);
/* Whether the running slice of background work has used up its time. Writer thread. */
bool writer_slice_over(const struct store *store);

/* Looks on at the commits of the writer's connection, which is a new one. */
void writer_watch_commits(struct store *store);
/* So that writer_roll_back() needs no memory, of which there may be none. */
err_t writer_prepare_roll_back(struct store *store) MUST_CHECK;
/* Ends the transaction that is open, if one is. */
void writer_roll_back(struct store *store);

/* flush.c — what follows a flush that failed. Writer thread, or before it starts. */
/* Looks at the last error of the connection, right after a commit or a checkpoint has failed. */
void flush_note_failure(struct store *store);
/* Without distrust, ERR_OK. Otherwise tries to end it; on an error nothing may be changed. */
err_t flush_regain_trust(struct store *store) MUST_CHECK;
/* Writes the log of this connection once more, byte by byte, and flushes it; does nothing when
 * there is none. No transaction is open. */
err_t flush_log_again(struct conn *conn) MUST_CHECK;

/* disk.c — the room that is kept for a full disk: in the log, and in the reserve. Writer thread, or
 * before it starts. */
/* How much that is to be here, which sets the limits of the log. */
void disk_set_limits(struct store *store, int64_t log_bytes);
/* Before anything is read: gives the reserve of an earlier start up if there is no room to start.
 */
void disk_start(struct store *store);
/* Makes what is missing and has room; the log is there. */
void disk_keep_room(struct store *store);
/* Gives the reserve up; false when there is none. */
bool disk_release_reserve(struct store *store);
/* disk.c — bytes that anybody may take where that file is; negative: not known, which is no reason
 * to fail, since SQLite will say. */
int64_t disk_bytes_left(const char *path);
/* disk.c — ERR_FULL when a chunk of that size had better not be stored. Writer thread. */
err_t disk_check_room(struct store *store, size_t len) MUST_CHECK;
/* ERR_FULL: a file of so many bytes would leave less than what uploads need to go on for a while.
 */
err_t disk_check_copy(const struct store *store, int64_t bytes) MUST_CHECK;

/* guest_links.c — whether files may still be stored through a link; as store_publish. */
err_t guest_link_check_room(struct store *store, const char *id, size_t files) MUST_CHECK;

/* guest_links.c — drops what is kept of links that were deleted more than UNDO_S ago. */
err_t guest_links_forget_deleted(struct store *store) MUST_CHECK;

/* backup.c — ends the copying, which fails at its next slice, so that the connection can be closed.
 */
void backup_lose(struct store *store);

/* store.c — the lock that keeps other processes of ours out of a database: LOCK_EX for who changes
 * it, LOCK_SH for who looks at a file that nobody changes. *ret_fd, unless it is left alone, is to
 * be closed after the last connection, on an error too. ERR_BUSY: another process has it. */
err_t lock_database(const char *path, int operation, int *ret_fd,
                    struct err_info *ret_info) MUST_CHECK;

/* store.c — the same (LOCK_EX) for the database that the connection has open. ERR_BUSY also: its
 * name leads to another file by now (convert.c). */
err_t lock_opened(struct conn *conn, int *ret_fd, struct err_info *ret_info) MUST_CHECK;

/* convert.c — removes what a conversion that was broken off has left beside the database. The
 * caller has the lock of lock_opened(). */
void convert_remove_leftovers(const char *path);

/* store.c — closes all connections and opens them again, once no reader is in use, so that SQLite
 * reads the log anew. On an error some are closed, and everything on them fails with ERR_IO. */
err_t store_reconnect(struct store *store) MUST_CHECK;

/* store.c — a read-only connection for a moment; waits for one to become free. */
struct conn *reader_take(struct store *store);
void reader_give(struct store *store, struct conn *conn);

/* remove.c — deletes an entry: first its history, at most so many rows of it; then what else names
 * it, but not its chunk rows. Not *ret_done: history is left, and so is the entry. */
err_t remove_entry(struct store *store, const char *id, int64_t history_rows,
                   bool *ret_done) MUST_CHECK;
enum { HISTORY_STEP = 200 }; /* rows between two looks at the clock: less than a millisecond */
/* remove.c — deletes the chunk rows of an id without an entry until the slice is over; *ret_done
 * when none is left. */
err_t remove_chunks(struct store *store, const char *id, bool *ret_done) MUST_CHECK;
/* files.c — what a query selects of entries AS e and ext_files AS f, and how it is read; everything
 * but chunk_bytes. A size that is not recorded is 0. */
#define ENTRY_COLUMNS                                                                              \
    "e.id, e.filename, e.content_type, e.note, unixepoch(e.upload_time),"                          \
    " unixepoch(e.expiration_time), f.size, f.sha256, e.guest_link_id,"                            \
    " EXISTS (SELECT 1 FROM ext_damaged AS x WHERE x.id = e.id)"
enum { ENTRY_SIZE_COLUMN = 6 };
void files_read_entry(struct query *q, struct store_entry *entry);
/* files.c — size and chunk_bytes, which follow from the first and the last chunk row (database.md
 * 3.4), whatever wrote them. ERR_NOTFOUND: there are no rows. ERR_CORRUPT: they do not fit. */
err_t files_read_layout(struct conn *conn, struct store_entry *entry) MUST_CHECK;
/* files.c — the same for who can do without: a file whose rows do not tell is damaged, and its size
 * is the recorded one or -1. ERR_NOTFOUND: nothing shows that it ever had contents. */
err_t files_judge_layout(struct conn *conn, struct store_entry *entry) MUST_CHECK;

/* files.c — reads a part of a chunk row; as store_read_chunk(). */
struct files_part {
    const char *id;
    int64_t chunk_index;
    size_t row_bytes; /* of the whole row, at most 2 GiB */
    size_t offset, len;
};
err_t files_read_part(struct conn *conn, const struct files_part *part, void *ret_bytes) MUST_CHECK;

/* files.c — whether the id is that of a running upload. Writer thread. */
bool files_is_draft(const struct store *store, struct slice id);

#endif
