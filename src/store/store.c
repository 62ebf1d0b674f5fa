/* store.c — opening and closing, and the pool of read-only connections.
 *
 * A reader is taken for one short read and given back; there are as many as HTTP workers, so that
 * nobody waits for one. The write-ahead log makes them independent of the writer.
 *
 * One process has a database at a time: the running uploads that a collection must spare are known
 * to the process that receives them, and to no other. SQLite's own locks come and go with
 * transactions, so the file is locked as a whole (flock), which no reader of another program
 * notices. The lock is on a descriptor of our own. Closing any descriptor of a file drops all of
 * SQLite's locks (POSIX's, which belong to the process), so this one is closed after the last
 * connection. */
#include "internal.h"
#include "picoshare/base/buf.h"
#include "picoshare/base/check.h"
#include "picoshare/base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* Settings of every connection. Temporary files would have to live beside the database, since the
 * sandbox allows no other place; trusted_schema=OFF keeps a prepared file from running functions.
 */
static const char common_pragmas[] = "PRAGMA foreign_keys = ON;"
                                     "PRAGMA temp_store = FILE;"
                                     "PRAGMA trusted_schema = OFF;";

/* SQLite turns kibibytes into pages when it is told, and does not do so again when the page size
 * changes: so this comes after the page size is settled. */
static err_t set_cache(struct conn *conn, int kib)
{
    char pragma[64];
    (void)snprintf(pragma, sizeof pragma, "PRAGMA cache_size = -%d", kib);
    return conn_exec(conn, pragma);
}

static err_t open_conn(const struct store_options *options, int flags, struct conn *ret_conn,
                       struct err_info *ret_info)
{
    *ret_conn = (struct conn){0};
    int rc = sqlite3_open_v2(options->path, &ret_conn->db,
                             flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, options->vfs);
    err_t err = query_err(ret_conn->db, rc);
    if (err == ERR_OK) {
        rc = sqlite3_busy_timeout(ret_conn->db, BUSY_TIMEOUT_MS);
        err = query_err(ret_conn->db, rc);
    }
    if (err == ERR_OK) {
        err = conn_exec(ret_conn, common_pragmas);
    }
    if (err != ERR_OK) {
        return err_set(ret_info, err, "cannot open database %s: %s", options->path,
                       ret_conn->db != NULL ? sqlite3_errmsg(ret_conn->db) : err_name(err));
    }
    return ERR_OK;
}

/* A file system that knows no such lock goes without. */
err_t lock_database(const char *path, int operation, int *ret_fd, struct err_info *ret_info)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_set(ret_info, ERR_IO, "cannot open database %s: %s", path, strerror(errno));
    }
    *ret_fd = fd;
    if (flock(fd, operation | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        return err_set(ret_info, ERR_BUSY, "database %s is in use by another process", path);
    }
    return ERR_OK;
}

/* Programs that know nothing of that lock hold one of SQLite's on a part of the file, beyond any
 * page, as long as they have a database with a log open (SQLite, os.h, PENDING_BYTE). */
err_t store_claim(const char *path, int *ret_fd, struct err_info *ret_info)
{
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0x40000000, .l_len = 512};
    err_t err = lock_database(path, LOCK_EX, ret_fd, ret_info);
    if (err == ERR_OK && fcntl(*ret_fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK) {
        err = err_set(ret_info, ERR_BUSY, "database %s is in use by process %d", path,
                      (int)lock.l_pid);
    }
    return err;
}

err_t lock_opened(struct conn *conn, int *ret_fd, struct err_info *ret_info)
{
    const char *path = sqlite3_db_filename(conn->db, "main");
    int moved = 0;
    err_t err = lock_database(path, LOCK_EX, ret_fd, ret_info);
    if (err == ERR_OK) {
        (void)sqlite3_file_control(conn->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    }
    return moved == 0 ? err
                      : err_set(ret_info, ERR_BUSY,
                                "database %s was replaced just now; start again", path);
}

/* Whoever closes the last connection copies the log into the database, unless it is told not to. */
static void keep_log_on_close(struct conn *conn)
{
    if (conn->db != NULL) {
        (void)sqlite3_db_config(conn->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    }
}

/* The settings of the writer's connection, whose tables are there. */
static err_t set_up_writer(struct store *store)
{
    struct conn *conn = &store->writer;
    /* What one statement may have to take back is kept in memory: a temporary file would find no
     * room on a full disk, and not even a delete would pass. Sorting is not what the writer does.
     */
    err_t err = conn_exec(conn, "PRAGMA temp_store = MEMORY");
    if (err != ERR_OK) {
        return err;
    }
    /* The log's file is kept at a size once it has shrunk; checkpoints are the writer's own. */
    char pragmas[192];
    (void)snprintf(pragmas, sizeof pragmas,
                   "PRAGMA secure_delete = %s; PRAGMA wal_autocheckpoint = 0;"
                   "PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = %" PRId64,
                   store->secure_delete ? "ON" : "FAST", store->log_kept_bytes);
    err = conn_exec(conn, pragmas);
    if (err == ERR_OK) {
        err = set_cache(conn, WRITER_CACHE_KIB);
    }
    if (err == ERR_OK) {
        err = writer_prepare_roll_back(store);
    }
    if (err == ERR_OK) {
        store->flushing = false;
        writer_watch_commits(store);
    }
    return err;
}

static err_t open_writer(const struct store_options *options, struct store *store,
                         struct err_info *ret_info)
{
    struct conn *conn = &store->writer;
    err_t err = open_conn(options, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, conn, ret_info);
    if (err == ERR_OK) {
        /* Before anything is read or changed. */
        err = lock_opened(conn, &store->lock_fd, ret_info);
    }
    if (err == ERR_OK && options->foreign_checkpoints) {
        keep_log_on_close(conn);
    }
    if (err == ERR_OK) {
        convert_remove_leftovers(sqlite3_db_filename(conn->db, "main"));
        disk_set_limits(store, options->log_bytes);
        disk_start(store);
        err = schema_prepare(conn, options, &store->upgraded_from, ret_info);
    }
    if (err != ERR_OK) {
        return err;
    }
    int64_t auto_vacuum = 0;
    err = conn_int(conn, "PRAGMA auto_vacuum", &auto_vacuum);
    store->can_convert = auto_vacuum == 0;
    if (err == ERR_OK) {
        /* Here and not with every connection: other threads read it. */
        err = conn_int(conn, "PRAGMA page_size", &store->page_bytes);
    }
    if (err == ERR_OK) {
        err = set_up_writer(store);
    }
    return err == ERR_OK ? ERR_OK
                         : err_set(ret_info, err, "cannot set up database %s: %s", options->path,
                                   sqlite3_errmsg(conn->db));
}

static err_t open_reader(const struct store_options *options, struct conn *conn,
                         struct err_info *ret_info)
{
    err_t err = open_conn(options, SQLITE_OPEN_READONLY, conn, ret_info);
    if (err != ERR_OK) {
        return err;
    }
    err = set_cache(conn, READER_CACHE_KIB);
    return err == ERR_OK ? ERR_OK
                         : err_set(ret_info, err, "cannot set up database %s: %s", options->path,
                                   sqlite3_errmsg(conn->db));
}

static err_t open_readers(const struct store_options *options, struct store *store,
                          struct err_info *ret_info)
{
    for (size_t i = 0; i < STORE_READERS; i++) {
        err_t err = open_reader(options, &store->readers[i], ret_info);
        if (err != ERR_OK) {
            return err;
        }
        store->readers_free[store->readers_free_count++] = &store->readers[i];
    }
    return ERR_OK;
}

/* SQLite puts temporary files where this points, for the whole process. */
static err_t set_temp_directory(const char *path)
{
    if (sqlite3_temp_directory != NULL) {
        return ERR_OK;
    }
    const char *slash = strrchr(path, '/');
    sqlite3_temp_directory =
        slash == NULL ? sqlite3_mprintf(".")
                      : sqlite3_mprintf("%.*s", slash == path ? 1 : (int)(slash - path), path);
    return sqlite3_temp_directory != NULL ? ERR_OK : ERR_NOMEM;
}

static err_t path_beside(const char *path, const char *suffix, char **ret_path)
{
    struct buf text;
    buf_init(&text, PATH_MAX);
    buf_addf(&text, "%s%s", path, suffix);
    err_t err = buf_err(&text);
    if (err == ERR_OK) {
        *ret_path = mem_dup(buf_str(&text), text.len);
        err = *ret_path != NULL ? ERR_OK : ERR_NOMEM;
    }
    buf_done(&text);
    return err;
}

static err_t copy_paths(struct store *store, const char *path)
{
    store->path = mem_dup(path, strlen(path));
    err_t err = store->path != NULL ? ERR_OK : ERR_NOMEM;
    if (err == ERR_OK) {
        err = path_beside(path, "-wal", &store->log_path);
    }
    if (err == ERR_OK) {
        err = path_beside(path, "-reserve", &store->reserve_path);
    }
    if (err == ERR_OK) {
        err = path_beside(path, "-copying", &store->copy_path);
    }
    return err;
}

static err_t prepare_paths(struct store *store, const char *path, struct err_info *ret_info)
{
    err_t err = copy_paths(store, path);
    if (err == ERR_OK) {
        err = set_temp_directory(path);
    }
    return err == ERR_OK
               ? ERR_OK
               : err_set(ret_info, err, "cannot open database %s: %s", path, err_name(err));
}

static void close_all(struct store *store)
{
    for (size_t i = 0; i < STORE_READERS; i++) {
        conn_close(&store->readers[i]);
    }
    if (store->distrusted) {
        keep_log_on_close(&store->writer); /* what it holds may not be on the disk */
    }
    conn_close(&store->writer); /* last: it checkpoints, and the log goes */
}

static void free_store(struct store *store)
{
    close_all(store);
    if (store->lock_fd >= 0) {
        (void)close(store->lock_fd);
    }
    lock_done(&store->lock);
    lock_done(&store->readers_lock);
    mem_free(store->path);
    mem_free(store->log_path);
    mem_free(store->reserve_path);
    mem_free(store->copy_path);
    mem_free(store);
}

void store_prepare(void)
{
    uint8_t drawn[8];
    sqlite3_randomness(sizeof drawn, drawn);
}

err_t store_open(const struct store_options *options, struct store **ret_store,
                 struct err_info *ret_info)
{
    struct store *store = mem_alloc(1, sizeof *store);
    if (store == NULL) {
        return err_set(ret_info, ERR_NOMEM, "no memory for the database");
    }
    store->lock_fd = -1;
    store->clock = options->clock;
    store->vfs = options->vfs;
    store->event = options->event;
    store->foreign_checkpoints = options->foreign_checkpoints;
    store->secure_delete = options->secure_delete;
    store->history_rows = options->history_rows > 0 ? options->history_rows : HISTORY_MAX_ROWS;
    lock_init(&store->readers_lock);
    lock_cond_init(&store->reader_free);
    list_init(&store->drafts);
    writer_init(store);
    err_t err = prepare_paths(store, options->path, ret_info);
    if (err == ERR_OK) {
        err = open_writer(options, store, ret_info);
    }
    if (err == ERR_OK) {
        err = open_readers(options, store, ret_info);
    }
    if (err == ERR_OK) {
        store->next_reserve_ms = clock_mono_ms(store->clock);
        disk_keep_room(store);
        err = writer_start(store, ret_info);
    }
    if (err != ERR_OK) {
        free_store(store);
        return err;
    }
    *ret_store = store;
    return ERR_OK;
}

void store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    writer_stop(store);
    check(store->readers_free_count == STORE_READERS);
    free_store(store);
}

err_t store_reconnect(struct store *store)
{
    const struct store_options options = {.path = store->path, .vfs = store->vfs};
    for (size_t i = 0; i < STORE_READERS; i++) {
        (void)reader_take(store);
    }
    backup_lose(store);
    close_all(store);
    err_t err = open_conn(&options, SQLITE_OPEN_READWRITE, &store->writer, NULL);
    if (err == ERR_OK && store->foreign_checkpoints) {
        keep_log_on_close(&store->writer);
    }
    if (err == ERR_OK) {
        err = set_up_writer(store);
    }
    for (size_t i = 0; i < STORE_READERS && err == ERR_OK; i++) {
        err = open_reader(&options, &store->readers[i], NULL);
    }
    if (err != ERR_OK) {
        close_all(store);
    }
    for (size_t i = 0; i < STORE_READERS; i++) {
        reader_give(store, &store->readers[i]);
    }
    return err;
}

int64_t store_upgraded_from(const struct store *store)
{
    return store->upgraded_from;
}

bool store_can_convert(const struct store *store)
{
    return store->can_convert;
}

struct conn *reader_take(struct store *store)
{
    lock_take(&store->readers_lock);
    while (store->readers_free_count == 0) {
        (void)lock_cond_wait(&store->reader_free, &store->readers_lock, -1);
    }
    struct conn *conn = store->readers_free[--store->readers_free_count];
    lock_give(&store->readers_lock);
    return conn;
}

void reader_give(struct store *store, struct conn *conn)
{
    lock_take(&store->readers_lock);
    store->readers_free[store->readers_free_count++] = conn;
    check(pthread_cond_signal(&store->reader_free) == 0);
    lock_give(&store->readers_lock);
}

int64_t store_wal_bytes(const struct store *store)
{
    return atomic_load_explicit(&store->wal_bytes, memory_order_relaxed);
}
