/* flush.c — what follows a flush that failed.
 *
 * When the disk refuses what the system had promised to write, the system says so once, to one
 * flush, and takes the refused pages for written: the next flush succeeds without them. A file that
 * is read still shows them, until memory is short or the machine stops. So neither a second try nor
 * what the file holds proves anything, and a commit after it, flushed and answered with 200, could
 * hang on earlier frames of the log that never reached the disk; the next start would find the log
 * broken off before it. (docs/decisions/0009-after-a-failed-flush.md)
 *
 * Therefore nothing is changed from then on until three things are done. A small transaction takes
 * the place of the one that failed, which must not be found in the log later. The whole log is
 * written once more, so that the system has to write it again, and flushed: now it is on the disk
 * as it is read. And all connections are opened anew: SQLite then reads the log frame by frame with
 * its checksums, keeps what is whole, and forgets which pages it had copied into the database, so
 * that the next checkpoint copies them all again. What had been acknowledged was flushed before the
 * failure, so it is whole; chunks of running uploads may be missing, which their publishing
 * notices.
 *
 * The process may also end in between, or be killed. So the log that a start finds is written once
 * more, too, before anything is based on it. */
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/base/mem.h"
#include <stdio.h>

enum { STEP_BYTES = 64 * KIB }; /* SQLite writes less than 128 KiB in one go */

static void tell(const struct store *store, enum store_event event)
{
    if (store->event != NULL) {
        store->event(event);
    }
}

void flush_note_failure(struct store *store)
{
    int rc = sqlite3_extended_errcode(store->writer.db);
    if ((rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC) && !store->distrusted) {
        store->distrusted = true;
        tell(store, STORE_DISTRUSTED);
    }
}

/* ---- the log ---- */

static err_t is_logged(struct conn *conn, bool *ret_logged)
{
    struct query q = query_start(conn, "PRAGMA main.journal_mode");
    *ret_logged = query_row(&q) && slice_eq(query_column_text(&q, 0), SLICE("wal"));
    return query_end(&q);
}

static int rewrite(sqlite3_file *file, char *bytes)
{
    sqlite3_int64 size = 0;
    int rc = file->pMethods->xFileSize(file, &size);
    for (sqlite3_int64 pos = 0; pos < size && rc == SQLITE_OK; pos += STEP_BYTES) {
        int n = size - pos < STEP_BYTES ? (int)(size - pos) : STEP_BYTES;
        rc = file->pMethods->xRead(file, bytes, n, pos);
        if (rc == SQLITE_OK) {
            rc = file->pMethods->xWrite(file, bytes, n, pos);
        }
    }
    return rc == SQLITE_OK && size > 0 ? file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) : rc;
}

/* In a transaction, so that no other process writes to the log meanwhile. */
static err_t rewrite_log(struct conn *conn)
{
    sqlite3_file *file = NULL;
    int rc = sqlite3_file_control(conn->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
    if (rc != SQLITE_OK || file == NULL || file->pMethods == NULL) {
        return query_err(conn->db, rc);
    }
    CLEANUP(mem_freep) char *bytes = mem_alloc(1, STEP_BYTES);
    return bytes != NULL ? query_err(conn->db, rewrite(file, bytes)) : ERR_NOMEM;
}

err_t flush_log_again(struct conn *conn)
{
    bool logged = false;
    err_t err = is_logged(conn, &logged);
    if (err != ERR_OK || !logged) {
        return err;
    }
    err = conn_exec(conn, "BEGIN IMMEDIATE");
    if (err != ERR_OK) {
        return err;
    }
    err = rewrite_log(conn);
    err_t end = conn_exec(conn, "ROLLBACK");
    return err != ERR_OK ? err : end;
}

/* ---- trust ---- */

/* The failed transaction stands in the log behind the last good one, complete with its commit. A
 * new one is written over it. The version is what it was before. */
static err_t overwrite_failed(struct store *store)
{
    char sql[64];
    (void)snprintf(sql, sizeof sql, "BEGIN IMMEDIATE; PRAGMA user_version = %d; COMMIT",
                   SCHEMA_VERSION);
    err_t err = conn_exec(&store->writer, sql);
    if (store->writer.db != NULL) {
        writer_roll_back(store);
    }
    return err;
}

err_t flush_regain_trust(struct store *store)
{
    if (!store->distrusted) {
        return ERR_OK;
    }
    err_t err = ERR_OK;
    if (store->writer.db != NULL) {
        err = overwrite_failed(store);
        if (err == ERR_OK) {
            err = flush_log_again(&store->writer);
        }
    }
    if (err == ERR_OK) {
        err = store_reconnect(store);
    }
    if (err == ERR_OK) {
        store->distrusted = false;
        tell(store, STORE_TRUSTED);
    }
    return err;
}
