/* schema.c — the tables of database.md, version 15, and the extra tables of this program.
 *
 * user_version stays PicoShare's, so that it can open the file again; the version of the extra
 * tables is a row of ext_meta. The extra tables have no foreign keys and no triggers: PicoShare
 * deletes entries without knowing them, and the collection, which runs at every start, removes what
 * it left behind: a start takes as long with many files as with none. */
#include "internal.h"
#include <inttypes.h>
#include <sys/stat.h>

/* clang-format off */
#define TS(column)                                                                                 \
    "CHECK (datetime(" column ") IS NOT NULL AND datetime(" column ") >= datetime('2022-02-20'))"
#define TS_OR_NULL(column)                                                                         \
    "CHECK (" column " IS NULL OR (datetime(" column ") IS NOT NULL AND "                          \
    "datetime(" column ") >= datetime('2022-02-20')))"

static const char create_tables[] =
    "CREATE TABLE entries ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " filename TEXT NOT NULL,"
    " content_type TEXT NOT NULL,"
    " upload_time TEXT NOT NULL " TS("upload_time") ","
    " expiration_time TEXT " TS_OR_NULL("expiration_time") ","
    " guest_link_id TEXT,"
    " note TEXT"
    ") STRICT;"
    "CREATE TABLE entries_data ("
    " id TEXT NOT NULL,"
    " chunk_index INTEGER NOT NULL CHECK (chunk_index >= 0),"
    " chunk BLOB NOT NULL,"
    " PRIMARY KEY (id, chunk_index)"
    ") STRICT;"
    "CREATE TABLE guest_links ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " label TEXT CHECK (label IS NULL OR length(label) <= 200),"
    " max_file_bytes INTEGER CHECK (max_file_bytes IS NULL OR max_file_bytes > 0),"
    " max_file_uploads INTEGER CHECK (max_file_uploads IS NULL OR max_file_uploads > 0),"
    " creation_time TEXT NOT NULL " TS("creation_time") ","
    " url_expiration_time TEXT " TS_OR_NULL("url_expiration_time") ","
    " file_expiration_time TEXT,"
    " is_disabled INTEGER NOT NULL DEFAULT 0 CHECK (is_disabled IN (0, 1))"
    ") STRICT;"
    "CREATE TABLE downloads ("
    " entry_id TEXT NOT NULL,"
    " download_timestamp TEXT NOT NULL " TS("download_timestamp") ","
    " client_ip TEXT,"
    " user_agent TEXT,"
    " FOREIGN KEY (entry_id) REFERENCES entries (id)"
    ") STRICT;"
    "CREATE TABLE settings ("
    " id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),"
    " default_expiration_in_days INTEGER"
    " CHECK (default_expiration_in_days IS NULL OR default_expiration_in_days >= 0)"
    ") STRICT;"
    "INSERT INTO settings (id, default_expiration_in_days) VALUES (1, 30);"
    "CREATE INDEX idx_entries_guest_link_id ON entries (guest_link_id);"
    "CREATE INDEX idx_entries_data_length ON entries_data (id, length(chunk));"
    "PRAGMA user_version = 15;";

static const char create_extras[] =
    "CREATE TABLE IF NOT EXISTS ext_meta ("
    " key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS ext_files ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " size INTEGER NOT NULL,"
    " sha256 BLOB CHECK (length(sha256) = 32)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS ext_sessions ("
    " token_sha256 BLOB PRIMARY KEY NOT NULL CHECK (length(token_sha256) = 32),"
    " created INTEGER NOT NULL,"
    " last_used INTEGER NOT NULL,"
    " expires INTEGER NOT NULL,"
    " client_ip TEXT NOT NULL,"
    " user_agent TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS ext_deleted_guest_links ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " label TEXT,"
    " max_file_bytes INTEGER,"
    " max_file_uploads INTEGER,"
    " creation_time TEXT NOT NULL,"
    " url_expiration_time TEXT,"
    " file_expiration_time TEXT,"
    " is_disabled INTEGER NOT NULL,"
    " place INTEGER NOT NULL,"
    " deleted INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS ext_deleted_guest_files ("
    " link_id TEXT NOT NULL,"
    " entry_id TEXT NOT NULL,"
    " PRIMARY KEY (link_id, entry_id)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS ext_damaged ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " found INTEGER NOT NULL,"
    " flaw TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS ext_downloads_by_entry"
    " ON downloads (entry_id, download_timestamp);"
    "CREATE INDEX IF NOT EXISTS ext_entries_by_time ON entries (upload_time, id);"
    "CREATE INDEX IF NOT EXISTS ext_entries_by_name ON entries (filename COLLATE NOCASE, id);"
    "CREATE INDEX IF NOT EXISTS ext_entries_by_expiry"
    " ON entries (ifnull(expiration_time, '2999-12-31T00:00:00Z'), id);"
    "CREATE INDEX IF NOT EXISTS ext_files_by_size ON ext_files (size, id);"
    "INSERT INTO ext_meta (key, value) VALUES ('version', '1') ON CONFLICT DO NOTHING;";
/* clang-format on */

err_t schema_create_tables(struct conn *conn)
{
    err_t err = conn_exec(conn, create_tables);
    return err == ERR_OK ? conn_exec(conn, create_extras) : err;
}

static err_t set_up_tables(struct conn *conn, const char *path, bool is_new,
                           struct err_info *ret_info)
{
    err_t err = conn_exec(conn, "BEGIN IMMEDIATE");
    if (err == ERR_OK) {
        err = is_new ? schema_create_tables(conn) : conn_exec(conn, create_extras);
    }
    if (err == ERR_OK) {
        err = conn_exec(conn, "COMMIT");
    }
    if (err != ERR_OK) {
        (void)err_set(ret_info, err, "cannot set up database %s: %s", path,
                      sqlite3_errmsg(conn->db));
        (void)sqlite3_exec(conn->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return err;
}

void schema_leave_untouched(struct conn *conn)
{
    struct stat st;
    const char *path = sqlite3_db_filename(conn->db, "main");
    if (path != NULL && stat(sqlite3_filename_wal(path), &st) == 0 && st.st_size > 0) {
        (void)sqlite3_db_config(conn->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    }
}

enum database { DATABASE_NEW, DATABASE_OLD, DATABASE_CURRENT };

/* What the file is; it is only read. */
static err_t recognise(struct conn *conn, const char *path, enum database *ret_database,
                       int64_t *ret_version, struct err_info *ret_info)
{
    int64_t version = 0;
    int64_t tables = 0;
    int64_t known = 0;
    err_t err = conn_int(conn, "PRAGMA user_version", &version);
    if (err == ERR_OK) {
        err = conn_int(conn, "SELECT count(*) FROM sqlite_schema", &tables);
    }
    if (err == ERR_OK) {
        err = conn_int(conn,
                       "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN"
                       " ('entries', 'entries_data', 'guest_links', 'downloads', 'settings')",
                       &known);
    }
    if (err != ERR_OK) {
        /* A file of another kind is refused like a database of another kind. */
        err = sqlite3_errcode(conn->db) == SQLITE_NOTADB ? ERR_INVALID : err;
        return err_set(ret_info, err, "cannot read database %s: %s", path,
                       sqlite3_errmsg(conn->db));
    }
    if (version < 0 || version > SCHEMA_VERSION) {
        return err_set(ret_info, ERR_INVALID,
                       "database %s has version %" PRId64 "; this program reads versions up to %d:"
                       " use a newer one",
                       path, version, SCHEMA_VERSION);
    }
    if (version == SCHEMA_VERSION && known != 5) {
        return err_set(ret_info, ERR_INVALID, "database %s belongs to another program", path);
    }
    *ret_version = version;
    *ret_database = version == SCHEMA_VERSION     ? DATABASE_CURRENT
                    : version == 0 && tables == 0 ? DATABASE_NEW
                                                  : DATABASE_OLD;
    return ERR_OK;
}

err_t schema_check_current(struct conn *conn, const char *path, struct err_info *ret_info)
{
    enum database database = DATABASE_NEW;
    int64_t version = 0;
    err_t err = recognise(conn, path, &database, &version, ret_info);
    if (err == ERR_OK && database == DATABASE_NEW) {
        return err_set(ret_info, ERR_INVALID, "database %s is empty", path);
    }
    if (err == ERR_OK && database == DATABASE_OLD) {
        return err_set(ret_info, ERR_INVALID,
                       "database %s has version %" PRId64 ", not %d; one of an older PicoShare is"
                       " upgraded when the server starts with it",
                       path, version, SCHEMA_VERSION);
    }
    return err;
}

err_t schema_prepare(struct conn *conn, const struct store_options *options,
                     int64_t *ret_upgraded_from, struct err_info *ret_info)
{
    enum database database = DATABASE_NEW;
    int64_t version = 0;
    err_t err = recognise(conn, options->path, &database, &version, ret_info);
    if (err != ERR_OK) {
        schema_leave_untouched(conn);
        return err;
    }
    if (database == DATABASE_CURRENT) {
        err = flush_log_again(conn);
        if (err != ERR_OK) {
            return err_set(ret_info, err, "cannot write the log of database %s to the disk: %s",
                           options->path, err_name(err));
        }
    }
    if (database == DATABASE_OLD) {
        err = upgrade_to_15(conn, options, ret_info);
        if (err != ERR_OK) {
            return err;
        }
    }
    if (database == DATABASE_NEW) {
        /* Both only take effect while the file is empty. */
        err = conn_exec(conn, "PRAGMA page_size = 16384; PRAGMA auto_vacuum = INCREMENTAL");
    }
    if (err == ERR_OK) {
        err = conn_exec(conn, "PRAGMA journal_mode = WAL");
    }
    if (err != ERR_OK) {
        return err_set(ret_info, err, "cannot set up database %s: %s", options->path,
                       sqlite3_errmsg(conn->db));
    }
    *ret_upgraded_from = database == DATABASE_OLD ? version : -1;
    return set_up_tables(conn, options->path, database == DATABASE_NEW, ret_info);
}
