/* convert.c — the whole database once more, in a file with a map of its pages.
 *
 * SQLite's VACUUM INTO makes the copy: page by page, without a log or a journal, since nobody will
 * miss a copy that is broken off; with larger pages and the map (auto_vacuum), which must be there
 * from the first page on. Then the new file is looked at as if somebody else had made it: it is
 * flushed, read from the disk again, and every row of every table is compared with the old one.
 *
 * The swap has one step that counts. The old file gets its second name while it still has the
 * first, and the new one is renamed over the first: at no moment does the name lead to nothing,
 * which a server would take for a wish to begin anew. Each step is on the disk before the next.
 *
 * Who else might have the database open: a server of ours has the lock of store.c; whoever is in
 * the write-ahead log (PicoShare, Litestream) has SQLite's, without which the log cannot be left;
 * and who comes later finds the file locked until the swap. */
#include "picoshare/store/convert.h"
#include "internal.h"
#include "picoshare/base/check.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_SUFFIX ".converting"
#define KEPT_SUFFIX ".before-convert"

enum { OPCODES_PER_LOOK = 64 }; /* of SQLite's machine between two looks at the progress */

struct conversion {
    const struct convert_options *options;
    struct err_info *info;
    struct conn old, new;
    int lock_fd; /* -1: none */
    enum convert_step step;
    int64_t total;    /* pages that the step reads, or bytes that it compares */
    int64_t compared; /* of these bytes */
    struct stat st;   /* of the old file */
    char path[PATH_MAX];
    char copy[CONVERT_NAME_SIZE]; /* "": none was begun */
    char kept[CONVERT_NAME_SIZE];
};

static void add_suffix(const char *path, const char *suffix, char ret_name[CONVERT_NAME_SIZE])
{
    check(snprintf(ret_name, CONVERT_NAME_SIZE, "%s%s", path, suffix) < CONVERT_NAME_SIZE);
}

/* Whatever SQLite has to say, unless something was said already. */
static err_t fail(struct conversion *cv, err_t err, const struct conn *conn, const char *doing)
{
    if (err != ERR_OK && cv->info->text[0] == '\0') {
        (void)err_set(cv->info, err, "%s %s: %s", doing, cv->options->path,
                      conn->db != NULL ? sqlite3_errmsg(conn->db) : err_name(err));
    }
    return err;
}

static err_t fail_system(struct conversion *cv, const char *doing, const char *path)
{
    err_t err = errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
    return err_set(cv->info, err, "cannot %s %s: %s", doing, path, strerror(errno));
}

/* ---- leftovers ---- */

static bool is_same_file(const char *one, const char *other)
{
    struct stat a;
    struct stat b;
    return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

void convert_remove_leftovers(const char *path)
{
    static const char *const copies[] = {COPY_SUFFIX "-journal", COPY_SUFFIX "-wal",
                                         COPY_SUFFIX "-shm", COPY_SUFFIX};
    char name[CONVERT_NAME_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(copies); i++) {
        add_suffix(path, copies[i], name);
        (void)unlink(name);
    }
    add_suffix(path, KEPT_SUFFIX, name);
    if (is_same_file(path, name)) {
        (void)unlink(name);
    }
}

/* ---- opening ---- */

static err_t open_file(struct conversion *cv, const char *path, struct conn *conn)
{
    int rc = sqlite3_open_v2(path, &conn->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                             cv->options->vfs);
    err_t err = query_err(conn->db, rc);
    if (err == ERR_OK) {
        err = query_err(conn->db, sqlite3_busy_timeout(conn->db, BUSY_TIMEOUT_MS));
    }
    if (err == ERR_OK) {
        err = conn_exec(conn, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
                              "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -2048");
    }
    return fail(cv, err, conn, "cannot open database");
}

static err_t find_names(struct conversion *cv)
{
    if (realpath(cv->options->path, cv->path) == NULL) {
        return fail_system(cv, "open database", cv->options->path);
    }
    add_suffix(cv->path, KEPT_SUFFIX, cv->kept);
    return ERR_OK;
}

/* Whether there is anything to do: with either kind of auto_vacuum there is not. */
static err_t open_old(struct conversion *cv, bool *ret_needed)
{
    int64_t auto_vacuum = 0;
    err_t err = find_names(cv);
    if (err == ERR_OK) {
        err = open_file(cv, cv->path, &cv->old);
    }
    if (err == ERR_OK) {
        err = lock_opened(&cv->old, &cv->lock_fd, cv->info);
    }
    if (err == ERR_OK) {
        convert_remove_leftovers(cv->path);
        err = schema_check_current(&cv->old, cv->options->path, cv->info);
    }
    if (err == ERR_OK) {
        err = fail(cv, conn_int(&cv->old, "PRAGMA auto_vacuum", &auto_vacuum), &cv->old,
                   "cannot read database");
    }
    *ret_needed = auto_vacuum == 0;
    if (cv->old.db != NULL && (err != ERR_OK || auto_vacuum != 0)) {
        schema_leave_untouched(&cv->old);
    }
    return err;
}

/* Leaves the log, which only who is alone can do, and keeps everybody out from here on. */
static err_t be_alone(struct conversion *cv)
{
    err_t err = flush_log_again(&cv->old);
    if (err == ERR_OK) {
        err = conn_exec(&cv->old, "PRAGMA main.journal_mode = DELETE;"
                                  "PRAGMA main.locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT");
    }
    if (err == ERR_BUSY) {
        return err_set(cv->info, err, "another program has database %s open", cv->options->path);
    }
    return fail(cv, err, &cv->old, "cannot copy the log into database");
}

/* ---- copying ---- */

/* Rows are packed into pages of another size, and every thousandth page or so is one of the map: a
 * part in 200 in practice. */
static err_t check_room(struct conversion *cv)
{
    int64_t used = 0;
    err_t err = conn_int(&cv->old,
                         "SELECT page_size * (page_count - freelist_count)"
                         " FROM pragma_page_size, pragma_page_count, pragma_freelist_count",
                         &used);
    if (err != ERR_OK) {
        return fail(cv, err, &cv->old, "cannot read database");
    }
    int64_t need = used + used / 32 + DISK_RESERVE_BYTES;
    int64_t left = disk_bytes_left(cv->path);
    if (left >= 0 && left < need) {
        return err_set(cv->info, ERR_FULL,
                       "converting database %s needs %" PRId64 " MiB of free space beside it, and"
                       " there are %" PRId64 " MiB",
                       cv->options->path, need / MIB + 1, left / MIB);
    }
    return ERR_OK;
}

/* An empty file for SQLite to fill, which belongs to whom the old one belongs to. Whether the file
 * system can do what the swap needs is found out before any work. */
static err_t begin_copy(struct conversion *cv)
{
    if (access(cv->kept, F_OK) == 0) {
        return err_set(cv->info, ERR_EXISTS,
                       "the database of an earlier conversion is still there: move or remove %s",
                       cv->kept);
    }
    if (stat(cv->path, &cv->st) != 0) {
        return fail_system(cv, "look at", cv->path);
    }
    add_suffix(cv->path, COPY_SUFFIX, cv->copy);
    int fd = open(cv->copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        err_t err = fail_system(cv, "create", cv->copy);
        cv->copy[0] = '\0';
        return err;
    }
    bool ok = fchown(fd, cv->st.st_uid, cv->st.st_gid) == 0 &&
              fchmod(fd, cv->st.st_mode & 0777) == 0 && link(cv->copy, cv->kept) == 0 &&
              unlink(cv->kept) == 0;
    err_t err = ok ? ERR_OK : fail_system(cv, "give owner and names of the database to", cv->copy);
    (void)close(fd);
    return err;
}

/* Pages that the connection has read since it was asked last with `again`. */
static int64_t pages_read(const struct conn *conn, bool again)
{
    int now = 0;
    int high = 0;
    (void)sqlite3_db_status(conn->db, SQLITE_DBSTATUS_CACHE_MISS, &now, &high, again);
    return now;
}

static int report(void *arg)
{
    struct conversion *cv = arg;
    int64_t done = cv->compared; /* SQLite 3.45 and later does not count the pages of long values */
    if (cv->step != CONVERT_COMPARING) {
        done = pages_read(cv->step == CONVERT_COPYING ? &cv->old : &cv->new, false);
    }
    int64_t percent = cv->total > 0 ? 100 * done / cv->total : 0;
    cv->options->progress(cv->options->arg, cv->step, percent < 100 ? (int)percent : 100);
    return 0;
}

static err_t begin_step(struct conversion *cv, enum convert_step step)
{
    static const char pages[] = "SELECT page_count - freelist_count"
                                " FROM pragma_page_count, pragma_freelist_count";
    static const char bytes[] = "SELECT (page_count - freelist_count) * page_size"
                                " FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    struct conn *conn = step == CONVERT_CHECKING ? &cv->new : &cv->old;
    cv->step = step;
    err_t err = conn_int(conn, step == CONVERT_COMPARING ? bytes : pages, &cv->total);
    if (err != ERR_OK) {
        return fail(cv, err, conn, "cannot read database");
    }
    (void)pages_read(conn, true);
    sqlite3_progress_handler(conn->db, OPCODES_PER_LOOK, report, cv);
    (void)report(cv);
    return ERR_OK;
}

static err_t copy(struct conversion *cv)
{
    err_t err = begin_step(cv, CONVERT_COPYING);
    char *sql = sqlite3_mprintf("PRAGMA main.page_size = 16384; PRAGMA auto_vacuum = INCREMENTAL;"
                                "VACUUM main INTO %Q",
                                cv->copy);
    if (err == ERR_OK) {
        err = sql != NULL ? conn_exec(&cv->old, sql) : ERR_NOMEM;
    }
    sqlite3_free(sql);
    return fail(cv, err, &cv->old, "cannot copy database");
}

/* Onto the disk, and out of the cache, so that what is read next comes from there. */
static err_t flush(struct conversion *cv, const char *path, int flags)
{
    int fd = open(path, flags | O_RDONLY | O_CLOEXEC);
    /* Some file systems know no flush of a directory (EINVAL): they go without. */
    if (fd < 0 || (fsync(fd) != 0 && (errno != EINVAL || flags != O_DIRECTORY))) {
        err_t err = fail_system(cv, "flush", path);
        if (fd >= 0) {
            (void)close(fd);
        }
        return err;
    }
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    (void)close(fd);
    return ERR_OK;
}

/* ---- looking at the copy ---- */

static err_t refuse_copy(struct conversion *cv, const char *what, struct slice where)
{
    return err_set(cv->info, ERR_INTERNAL,
                   "the copy of database %s is not what it should be: %s%.*s; the database is as"
                   " it was, \"picoshare check\" says whether it is whole",
                   cv->options->path, what, (int)where.len, where.ptr);
}

static err_t check_structure(struct conversion *cv)
{
    err_t err = begin_step(cv, CONVERT_CHECKING);
    if (err != ERR_OK) {
        return err;
    }
    struct query q = query_start(&cv->new, "PRAGMA integrity_check(1)");
    if (query_row(&q)) {
        struct slice text = query_column_text(&q, 0);
        err = slice_eq(text, SLICE("ok")) ? ERR_OK : refuse_copy(cv, "", text);
    }
    err_t end = query_end(&q);
    int64_t shrinks = 0;
    if (err == ERR_OK && end == ERR_OK) {
        end = conn_int(&cv->new,
                       "SELECT page_size = 16384 AND auto_vacuum = 2"
                       " FROM pragma_page_size, pragma_auto_vacuum",
                       &shrinks);
        err = shrinks || end != ERR_OK ? ERR_OK : refuse_copy(cv, "kind of file", SLICE(""));
    }
    return err != ERR_OK ? err : fail(cv, end, &cv->new, "cannot read the copy of database");
}

static uint64_t bits_of(double value)
{
    uint64_t bits = 0;
    _Static_assert(sizeof bits == sizeof value, "a double of another size");
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static bool is_same_value(struct conversion *cv, sqlite3_stmt *old, sqlite3_stmt *new, int column)
{
    int type = sqlite3_column_type(old, column);
    if (type != sqlite3_column_type(new, column)) {
        return false;
    }
    if (type == SQLITE_INTEGER) {
        return sqlite3_column_int64(old, column) == sqlite3_column_int64(new, column);
    }
    if (type == SQLITE_FLOAT) {
        return bits_of(sqlite3_column_double(old, column)) ==
               bits_of(sqlite3_column_double(new, column));
    }
    const void *a = sqlite3_column_blob(old, column);
    const void *b = sqlite3_column_blob(new, column);
    int len = sqlite3_column_bytes(old, column);
    cv->compared += len;
    return len == sqlite3_column_bytes(new, column) && (len == 0 || memcmp(a, b, (size_t)len) == 0);
}

/* Runs both to the end, or to the first difference. */
static err_t compare_results(struct conversion *cv, sqlite3_stmt *old, sqlite3_stmt *new,
                             bool *ret_same)
{
    *ret_same = true;
    for (;;) {
        int rc = sqlite3_step(old);
        int new_rc = sqlite3_step(new);
        if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
            return fail(cv, query_err(cv->old.db, rc), &cv->old, "cannot read database");
        }
        if (new_rc != SQLITE_ROW && new_rc != SQLITE_DONE) {
            return fail(cv, query_err(cv->new.db, new_rc), &cv->new,
                        "cannot read the copy of database");
        }
        *ret_same = rc == new_rc;
        for (int i = 0; rc == SQLITE_ROW && *ret_same && i < sqlite3_column_count(old); i++) {
            *ret_same = is_same_value(cv, old, new, i);
        }
        if (rc == SQLITE_DONE || !*ret_same) {
            return ERR_OK;
        }
        (void)report(cv);
    }
}

static err_t compare(struct conversion *cv, const char *sql, struct slice what)
{
    sqlite3_stmt *old = NULL;
    sqlite3_stmt *new = NULL;
    bool same = false;
    err_t err = query_err(cv->old.db, sqlite3_prepare_v2(cv->old.db, sql, -1, &old, NULL));
    (void)fail(cv, err, &cv->old, "cannot read database");
    if (err == ERR_OK) {
        err = query_err(cv->new.db, sqlite3_prepare_v2(cv->new.db, sql, -1, &new, NULL));
        (void)fail(cv, err, &cv->new, "cannot read the copy of database");
    }
    if (err == ERR_OK) {
        err = compare_results(cv, old, new, &same);
    }
    (void)sqlite3_finalize(old);
    (void)sqlite3_finalize(new);
    return err != ERR_OK || same ? err : refuse_copy(cv, "other rows in ", what);
}

/* The texts of tables and indexes, the numbers in the header, and the rows of each table in the
 * order in which the file has them. */
static err_t compare_all(struct conversion *cv)
{
    static const char *const alike[] = {
        "SELECT type, name, tbl_name, sql FROM main.sqlite_schema ORDER BY type, name",
        "SELECT * FROM pragma_user_version, pragma_application_id, pragma_encoding",
    };
    err_t err = begin_step(cv, CONVERT_COMPARING);
    for (size_t i = 0; i < ARRAY_LEN(alike) && err == ERR_OK; i++) {
        err = compare(cv, alike[i], SLICE("its description"));
    }
    if (err != ERR_OK) {
        return err;
    }
    struct query q =
        query_start(&cv->old, "SELECT format('SELECT %s* FROM main.\"%w\" NOT INDEXED',"
                              " iif(wr, '', 'rowid, '), name), name FROM pragma_table_list"
                              " WHERE schema = 'main' AND type IN ('table', 'shadow')"
                              " AND name <> 'sqlite_schema'");
    while (err == ERR_OK && query_row(&q)) {
        err = compare(cv, query_column_text(&q, 0).ptr, query_column_text(&q, 1));
    }
    err_t end = query_end(&q);
    return err != ERR_OK ? err : fail(cv, end, &cv->old, "cannot read database");
}

/* ---- the swap ---- */

static err_t finish_copy(struct conversion *cv)
{
    err_t err = flush(cv, cv->copy, 0);
    if (err == ERR_OK) {
        err = open_file(cv, cv->copy, &cv->new);
    }
    if (err == ERR_OK) {
        err = check_structure(cv);
    }
    if (err == ERR_OK) {
        err = compare_all(cv);
    }
    if (err == ERR_OK) {
        err = fail(cv, conn_exec(&cv->new, "PRAGMA journal_mode = WAL"), &cv->new,
                   "cannot finish the copy of database");
    }
    conn_close(&cv->new); /* before a descriptor of the file is closed: see store.c */
    return err == ERR_OK ? flush(cv, cv->copy, 0) : err;
}

static err_t swap(struct conversion *cv)
{
    char directory[PATH_MAX];
    memcpy(directory, cv->path, sizeof directory);
    strrchr(directory, '/')[1] = '\0'; /* the path is an absolute one */
    if (link(cv->path, cv->kept) != 0) {
        return fail_system(cv, "make", cv->kept);
    }
    err_t err = flush(cv, directory, O_DIRECTORY);
    if (err == ERR_OK && rename(cv->copy, cv->path) != 0) {
        err = fail_system(cv, "rename", cv->copy);
    }
    if (err != ERR_OK) {
        return err;
    }
    cv->copy[0] = '\0';
    return flush(cv, directory, O_DIRECTORY);
}

static err_t convert(struct conversion *cv, struct convert_result *ret_result)
{
    struct stat st;
    err_t err = be_alone(cv);
    if (err == ERR_OK) {
        err = check_room(cv);
    }
    if (err == ERR_OK) {
        err = begin_copy(cv);
    }
    if (err == ERR_OK) {
        err = copy(cv);
    }
    if (err == ERR_OK) {
        err = finish_copy(cv);
    }
    if (err == ERR_OK) {
        err = swap(cv);
    }
    if (err == ERR_OK) {
        ret_result->bytes_before = cv->st.st_size;
        ret_result->bytes_after = stat(cv->path, &st) == 0 ? st.st_size : 0;
    }
    return err;
}

err_t convert_database(const struct convert_options *options, struct convert_result *ret_result,
                       struct err_info *ret_info)
{
    struct err_info info = {""};
    struct conversion cv = {.options = options, .info = &info, .lock_fd = -1};
    struct convert_result result = {.needed = false};
    err_t err = open_old(&cv, &result.needed);
    if (err == ERR_OK && result.needed) {
        err = convert(&cv, &result);
    }
    conn_close(&cv.new);
    conn_close(&cv.old);
    if (cv.copy[0] != '\0') {
        convert_remove_leftovers(cv.path);
    }
    if (cv.lock_fd >= 0) {
        (void)close(cv.lock_fd); /* after the last connection: see store.c */
    }
    if (err != ERR_OK) {
        return err_set(ret_info, err, "%s", info.text);
    }
    if (access(cv.kept, F_OK) == 0) {
        memcpy(result.kept, cv.kept, sizeof result.kept);
    }
    *ret_result = result;
    return ERR_OK;
}
