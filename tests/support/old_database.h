/* old_database.h — writes databases as every PicoShare has left them behind.
 *
 * The layouts are those of database.md, section 6, made from its tables: the columns of each
 * version, its missing and misled foreign keys, 4096-byte pages, no auto_vacuum. The files in them
 * are old_files; each test damages them further with SQL of its own. A failure to write one fails
 * the running test. All functions are inline, since each test is a program of one source file. */
#ifndef TESTS_SUPPORT_OLD_DATABASE_H
#define TESTS_SUPPORT_OLD_DATABASE_H

#include "picoshare/base/check.h"
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Layouts are called by user_version but for these two, which have none. */
enum { OLD_0_1 = -1, OLD_1_0 = 0, OLD_NEWEST = 15 };

#define OLD_NEVER "2999-12-31T00:00:00Z"
#define OLD_LINK "guestLinkZZ23456"
#define OLD_CREATED "2023-05-06T07:08:09Z"
#define OLD_DOWNLOADED "2023-06-07T08:09:10Z"

struct old_file {
    const char *id, *filename, *content_type, *upload_time, *expiration_time;
    const char *link, *note; /* since versions 3 and 4 */
    size_t size, chunk_bytes;
};

/* Each was downloaded once (since version 7). In the order of upload. */
static const struct old_file old_files[] = {
    {"aaaaaaaaaa", "plain.txt", "text/plain", "2022-02-20T00:00:00Z", OLD_NEVER, NULL, NULL, 1000,
     327680},
    {"bBcCdDeEfF", "large.bin", "application/octet-stream", "2022-06-01T12:00:00Z",
     "2040-05-06T07:08:09Z", OLD_LINK, "a note", 2 * 327680 + 17, 327680},
    /* exactly full chunks; an id that is a number */
    {"2345678923", "full.png", "image/png", "2023-01-01T00:00:01Z", OLD_NEVER, OLD_LINK, NULL,
     2 * 327680, 327680},
    /* chunks of another size; ids that are numbers to SQLite, an integer one and a real one */
    {"23456789e2", "na\xc3\xafve \xe2\x98\x83.txt", "", "2023-01-01T00:00:02Z", OLD_NEVER, NULL,
     "it's \"quoted\"", 95, 10},
    {"234567E245", "real", "text/html; charset=utf-8", "2025-07-28T13:45:10Z", OLD_NEVER, NULL,
     NULL, 20, 10},
};

struct old_database {
    int layout;
    const char *journal_mode; /* NULL: DELETE */
    bool log_kept;            /* with WAL: the rows are in the log, as after a crash */
    bool empty;               /* no rows, but for those of `sql` */
    const char *sql;          /* run last; NULL: nothing */
};

/* The contents; owned by the caller. */
static inline char *old_file_bytes(const struct old_file *file)
{
    char *bytes = malloc(file->size);
    assert_non_null(bytes);
    uint32_t state = (uint32_t)(file - old_files) + 1;
    for (size_t i = 0; i < file->size; i++) {
        state = state * 1664525 + 1013904223;
        bytes[i] = (char)(state >> 24);
    }
    return bytes;
}

static inline void old_run(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("%s: %s", sql, message);
    }
}

/* ---- tables ---- */

#define OLD_TS(column)                                                                             \
    "CHECK (datetime(" column ") IS NOT NULL AND datetime(" column ") >= datetime('2022-02-20'))"
#define OLD_TS_OR_NULL(column) "CHECK (" column " IS NULL OR datetime(" column ") IS NOT NULL)"

static inline void old_make_entries(sqlite3 *db, int layout)
{
    if (layout == OLD_0_1) {
        old_run(db, "CREATE TABLE entries (id TEXT PRIMARY KEY, filename TEXT, upload_time TEXT,"
                    " expiration_time TEXT, data BLOB)");
    } else if (layout <= 2) {
        old_run(db, "CREATE TABLE entries (id TEXT PRIMARY KEY, filename TEXT, content_type TEXT,"
                    " upload_time TEXT, expiration_time TEXT)");
    } else if (layout < OLD_NEWEST) {
        old_run(db,
                "CREATE TABLE entries (id TEXT PRIMARY KEY, filename TEXT NOT NULL,"
                " content_type TEXT NOT NULL, upload_time TEXT NOT NULL, expiration_time TEXT,"
                " guest_link_id TEXT, FOREIGN KEY (guest_link_id) REFERENCES guest_links (id))");
    } else {
        old_run(
            db,
            "CREATE TABLE entries (id TEXT PRIMARY KEY, filename TEXT NOT NULL,"
            " content_type TEXT NOT NULL, upload_time TEXT NOT NULL " OLD_TS(
                "upload_time") ", expiration_time TEXT " OLD_TS_OR_NULL("expiration_time") ", "
                                                                                           "guest_"
                                                                                           "link_"
                                                                                           "id "
                                                                                           "TEXT, "
                                                                                           "note "
                                                                                           "TEXT) "
                                                                                           "STRICT;"
                                                                                           "CREATE "
                                                                                           "INDEX "
                                                                                           "idx_"
                                                                                           "entries"
                                                                                           "_guest_"
                                                                                           "link_"
                                                                                           "id ON "
                                                                                           "entries"
                                                                                           " ("
                                                                                           "guest_"
                                                                                           "link_"
                                                                                           "id)");
    }
    if (layout >= 4 && layout < OLD_NEWEST) {
        old_run(db, "ALTER TABLE entries ADD COLUMN note TEXT");
    }
}

static inline void old_make_entries_data(sqlite3 *db, int layout)
{
    if (layout == OLD_NEWEST) {
        old_run(db, "CREATE TABLE entries_data (id TEXT NOT NULL,"
                    " chunk_index INTEGER NOT NULL CHECK (chunk_index >= 0), chunk BLOB NOT NULL,"
                    " PRIMARY KEY (id, chunk_index)) STRICT");
    } else if (layout != OLD_0_1 && layout != 1) {
        /* The foreign key followed a table that was renamed and dropped, until it was mended. */
        bool misled = layout >= 3 && layout <= 11;
        char sql[256];
        (void)snprintf(sql, sizeof sql,
                       "CREATE TABLE entries_data (id TEXT, chunk_index INTEGER, chunk BLOB,"
                       " FOREIGN KEY (id) REFERENCES %s (id))",
                       misled ? "\"old_entries\"" : "entries");
        old_run(db, sql);
    }
    if ((layout >= 5 && layout <= 11) || layout == OLD_NEWEST) {
        old_run(db, "CREATE INDEX idx_entries_data_length ON entries_data (id, length(chunk))");
    }
}

static inline void old_make_guest_links(sqlite3 *db, int layout)
{
    if (layout >= 3 && layout <= 7) {
        old_run(db, "CREATE TABLE guest_links (id TEXT PRIMARY KEY, label TEXT,"
                    " max_file_bytes INTEGER, max_file_uploads INTEGER,"
                    " creation_time TEXT NOT NULL, expiration_time TEXT)");
    } else if (layout >= 8 && layout < OLD_NEWEST) {
        old_run(db, "CREATE TABLE guest_links (id TEXT PRIMARY KEY, label TEXT,"
                    " max_file_bytes INTEGER, max_file_uploads INTEGER,"
                    " creation_time TEXT NOT NULL, url_expiration_time TEXT);"
                    "ALTER TABLE guest_links ADD COLUMN file_expiration_time TEXT");
    } else if (layout == OLD_NEWEST) {
        old_run(db, "CREATE TABLE guest_links (id TEXT PRIMARY KEY,"
                    " label TEXT CHECK (label IS NULL OR length(label) <= 200),"
                    " max_file_bytes INTEGER CHECK (max_file_bytes IS NULL OR max_file_bytes > 0),"
                    " max_file_uploads INTEGER"
                    " CHECK (max_file_uploads IS NULL OR max_file_uploads > 0),"
                    " creation_time TEXT NOT NULL " OLD_TS("creation_time") ", url_expiration_time "
                                                                            "TEXT " OLD_TS_OR_NULL(
                                                                                "url_expiration_"
                                                                                "time") ", "
                                                                                        "file_"
                                                                                        "expiration"
                                                                                        "_time "
                                                                                        "TEXT,"
                                                                                        " is_"
                                                                                        "disabled "
                                                                                        "INTEGER "
                                                                                        "NOT NULL "
                                                                                        "DEFAULT 0 "
                                                                                        "CHECK "
                                                                                        "(is_"
                                                                                        "disabled "
                                                                                        "IN (0, "
                                                                                        "1)))"
                                                                                        " STRICT");
    }
    if (layout >= 10 && layout < OLD_NEWEST) {
        old_run(db, "ALTER TABLE guest_links ADD COLUMN is_disabled INTEGER DEFAULT 0");
    }
}

static inline void old_make_others(sqlite3 *db, int layout)
{
    if (layout >= 6 && layout < OLD_NEWEST) {
        old_run(db, "CREATE TABLE settings (id INTEGER PRIMARY KEY,"
                    " default_expiration_in_days INTEGER);");
    }
    if (layout >= 7 && layout < OLD_NEWEST) {
        char sql[256];
        (void)snprintf(sql, sizeof sql,
                       "CREATE TABLE downloads (entry_id %s, download_timestamp TEXT,"
                       " client_ip TEXT, user_agent TEXT,"
                       " FOREIGN KEY (entry_id) REFERENCES entries (id))",
                       layout <= 10 ? "INTEGER" : "TEXT");
        old_run(db, sql);
    }
    if (layout == OLD_NEWEST) {
        old_run(
            db,
            "CREATE TABLE settings (id INTEGER PRIMARY KEY CHECK (id = 1),"
            " default_expiration_in_days INTEGER CHECK (default_expiration_in_days IS NULL"
            " OR default_expiration_in_days >= 0)) STRICT;"
            "CREATE TABLE downloads (entry_id TEXT NOT NULL,"
            " download_timestamp TEXT NOT NULL " OLD_TS(
                "download_timestamp") ", client_ip TEXT, user_agent TEXT,"
                                      " FOREIGN KEY (entry_id) REFERENCES entries (id)) STRICT");
    }
}

/* ---- rows ---- */

/* Runs a statement made with sqlite3_mprintf, and frees it. */
static inline void old_run_made(sqlite3 *db, char *sql)
{
    assert_non_null(sql);
    old_run(db, sql);
    sqlite3_free(sql);
}

static inline void old_add_chunks(sqlite3 *db, const struct old_file *file)
{
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(
        sqlite3_prepare_v2(db, "INSERT INTO entries_data VALUES (?, ?, ?)", -1, &stmt, NULL),
        SQLITE_OK);
    char *bytes = old_file_bytes(file);
    for (size_t pos = 0; pos < file->size; pos += file->chunk_bytes) {
        size_t left = file->size - pos;
        size_t len = left < file->chunk_bytes ? left : file->chunk_bytes;
        sqlite3_bind_text(stmt, 1, file->id, -1, SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 2, (sqlite3_int64)(pos / file->chunk_bytes));
        sqlite3_bind_blob64(stmt, 3, bytes + pos, len, SQLITE_STATIC);
        assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
        assert_int_equal(sqlite3_reset(stmt), SQLITE_OK);
    }
    free(bytes);
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
}

static inline void old_add_file(sqlite3 *db, int layout, const struct old_file *file)
{
    old_run_made(db, sqlite3_mprintf("INSERT INTO entries (id, filename, content_type, upload_time,"
                                     " expiration_time) VALUES (%Q, %Q, %Q, %Q, %Q)",
                                     file->id, file->filename, file->content_type,
                                     file->upload_time, file->expiration_time));
    if (layout >= 3) {
        old_run_made(db, sqlite3_mprintf("UPDATE entries SET guest_link_id = %Q WHERE id = %Q",
                                         file->link, file->id));
    }
    if (layout >= 4) {
        old_run_made(db, sqlite3_mprintf("UPDATE entries SET note = %Q WHERE id = %Q", file->note,
                                         file->id));
    }
    if (layout >= 7) {
        old_run_made(db, sqlite3_mprintf("INSERT INTO downloads VALUES (%Q, '" OLD_DOWNLOADED "'"
                                         ", '192.0.2.7', 'agent of ' || %Q)",
                                         file->id, file->filename));
    }
    if (layout != 1) {
        old_add_chunks(db, file);
    }
}

static inline void old_add_rows(sqlite3 *db, int layout)
{
    if (layout == OLD_0_1) {
        old_run(db, "INSERT INTO entries VALUES ('aaaaaaaaaa', 'plain.txt', '" OLD_CREATED
                    "', '" OLD_NEVER "', x'6162')");
        return;
    }
    if (layout >= 3) {
        old_run_made(db, sqlite3_mprintf("INSERT INTO guest_links (id, label, max_file_bytes,"
                                         " max_file_uploads, creation_time, %s) VALUES ('" OLD_LINK
                                         "', 'a label', 1048576, NULL, '" OLD_CREATED
                                         "', '" OLD_NEVER "')",
                                         layout <= 7 ? "expiration_time" : "url_expiration_time"));
    }
    if (layout >= 8) {
        old_run(db, "UPDATE guest_links SET file_expiration_time = '720h0m0s'");
    }
    if (layout >= 10) {
        old_run(db, "UPDATE guest_links SET is_disabled = 1");
    }
    if (layout >= 6) {
        old_run(db, "INSERT INTO settings VALUES (1, 14)");
    }
    for (size_t i = 0; i < ARRAY_LEN(old_files); i++) {
        old_add_file(db, layout, &old_files[i]);
    }
}

/* ---- files ---- */

static inline void old_copy(const char *from, const char *to)
{
    char block[65536];
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");
    assert_non_null(in);
    assert_non_null(out);
    for (size_t len = fread(block, 1, sizeof block, in); len > 0;
         len = fread(block, 1, sizeof block, in)) {
        assert_int_equal(fwrite(block, 1, len, out), len);
    }
    assert_int_equal(fclose(in), 0);
    assert_int_equal(fclose(out), 0);
}

/* Copies database and log while somebody has them open: what a power failure leaves. */
static inline void old_copy_live(const char *live, const char *path)
{
    char live_log[600];
    char log[600];
    (void)snprintf(live_log, sizeof live_log, "%s-wal", live);
    (void)snprintf(log, sizeof log, "%s-wal", path);
    old_copy(live, path);
    old_copy(live_log, log);
}

static inline void old_database_make(const char *path, const struct old_database *old)
{
    char live[512];
    (void)snprintf(live, sizeof live, "%s%s", path, old->log_kept ? ".live" : "");
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(live, &db), SQLITE_OK);
    old_run_made(db, sqlite3_mprintf("PRAGMA page_size = 4096; PRAGMA auto_vacuum = NONE;"
                                     "PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0;"
                                     "PRAGMA journal_mode = %s; PRAGMA user_version = %d;",
                                     old->journal_mode != NULL ? old->journal_mode : "DELETE",
                                     old->layout > 0 ? old->layout : 0));
    old_run(db, "BEGIN");
    old_make_guest_links(db, old->layout);
    old_make_entries(db, old->layout);
    old_make_entries_data(db, old->layout);
    old_make_others(db, old->layout);
    if (!old->empty) {
        old_add_rows(db, old->layout);
    }
    old_run(db, "COMMIT");
    if (old->sql != NULL) {
        old_run(db, old->sql);
    }
    if (old->log_kept) {
        old_copy_live(live, path);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    if (old->log_kept) {
        assert_int_equal(unlink(live), 0);
    }
}

#endif
