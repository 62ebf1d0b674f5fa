/* verify.c — looks at files as they are stored, row by row, a step at a time.
 *
 * A step is either a look at the next chunk row (its number, type and length stand at its
 * beginning, so its contents are not read) or a block of contents for the digest. Nothing is
 * remembered of rows but what the next one is compared with.
 *
 * In a running store somebody may delete the file meanwhile. Its entry goes first and its rows only
 * afterwards (remove.c), and an entry appears after all its rows (files.c). So a flaw is one only
 * if the entry is still there after it was seen.
 *
 * A database that no server has is opened for reading only, with the shared form of the lock that a
 * server takes: none can start meanwhile, but several may look. Without a log beside it nothing can
 * be changing it, and SQLite is told so (immutable): it then makes no log and no index of one, and
 * a file on a read-only disk will do. */
#include "picoshare/store/verify.h"
#include "internal.h"
#include "picoshare/base/buf.h"
#include "picoshare/base/check.h"
#include "picoshare/base/mem.h"
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { MAX_ID_BYTES = 64 };

struct verifier {
    struct store *store; /* NULL: `own` is the connection */
    struct conn own;
    int lock_fd; /* -1: none */
    bool quick;
    int64_t bytes;

    int64_t rowid; /* of the entry looked at last, or now */
    bool in_file;
    bool has_id;
    char id[MAX_ID_BYTES];
    char *filename; /* owned, with its length, since it may be anybody's */
    size_t filename_len;
    int64_t recorded_size; /* -1: not known */
    bool has_sha256;
    uint8_t sha256[SHA256_BYTES];
    struct sha256 *hash; /* NULL: contents are not read */

    int64_t row;                     /* the next chunk row, or the one that is being read */
    int64_t row_bytes;               /* of the one that is being read … */
    int64_t row_pos;                 /* … and how far; the same: none is */
    int64_t first_bytes, last_bytes; /* of the first row, and of the one before `row` */
    int64_t size;                    /* of all rows before `row` */
    uint8_t block[DOWNLOAD_BLOCK_BYTES];
};

static struct conn *conn_take(struct verifier *verifier)
{
    return verifier->store != NULL ? reader_take(verifier->store) : &verifier->own;
}

static void conn_give(struct verifier *verifier, struct conn *conn)
{
    if (verifier->store != NULL) {
        reader_give(verifier->store, conn);
    }
}

static void close_file(struct verifier *verifier)
{
    mem_free(TAKE(verifier->filename));
    sha256_free(TAKE(verifier->hash));
    verifier->in_file = false;
}

/* ---- opening ---- */

static err_t new_verifier(struct verifier **ret_verifier)
{
    struct verifier *verifier = mem_alloc(1, sizeof *verifier);
    if (verifier == NULL) {
        return ERR_NOMEM;
    }
    verifier->lock_fd = -1;
    *ret_verifier = verifier;
    return ERR_OK;
}

err_t verifier_new(struct store *store, int64_t rowid, struct verifier **ret_verifier)
{
    err_t err = new_verifier(ret_verifier);
    if (err == ERR_OK) {
        (*ret_verifier)->store = store;
        (*ret_verifier)->rowid = rowid;
    }
    return err;
}

void verifier_free(struct verifier *verifier)
{
    if (verifier != NULL) {
        close_file(verifier);
        conn_close(&verifier->own);
        if (verifier->lock_fd >= 0) {
            (void)close(verifier->lock_fd); /* after the connection: see store.c */
        }
        mem_free(verifier);
    }
}

static bool has_beside(const char *path, const char *suffix)
{
    char name[PATH_MAX];
    int len = snprintf(name, sizeof name, "%s%s", path, suffix);
    return len > 0 && (size_t)len < sizeof name && access(name, F_OK) == 0;
}

/* As SQLite wants a file's name with options: what could mean something else is written as %XX. */
static void add_uri(struct buf *uri, const char *path, bool immutable)
{
    buf_add_str(uri, path[0] == '/' ? "file://" : "file:"); /* "file://x/y" is y on the host x */
    for (const char *p = path; *p != '\0'; p++) {
        if (strchr("?#%", *p) != NULL) {
            buf_addf(uri, "%%%02X", (unsigned)(unsigned char)*p);
        } else {
            buf_add_char(uri, *p);
        }
    }
    buf_add_str(uri, immutable ? "?immutable=1" : "");
}

static err_t open_to_read(struct verifier *verifier, const char *path)
{
    struct buf uri;
    buf_init(&uri, (size_t)4 * PATH_MAX);
    add_uri(&uri, path, !has_beside(path, "-wal") && !has_beside(path, "-journal"));
    err_t err = buf_err(&uri);
    if (err == ERR_OK) {
        int rc = sqlite3_open_v2(buf_str(&uri), &verifier->own.db,
                                 SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX |
                                     SQLITE_OPEN_EXRESCODE,
                                 NULL);
        err = query_err(verifier->own.db, rc);
    }
    buf_done(&uri);
    if (err == ERR_OK) {
        err = query_err(verifier->own.db, sqlite3_busy_timeout(verifier->own.db, BUSY_TIMEOUT_MS));
    }
    /* Nothing is written, not even beside the file; what is compared is the same all the time. */
    return err != ERR_OK ? err
                         : conn_exec(&verifier->own, "PRAGMA trusted_schema = OFF;"
                                                     "PRAGMA temp_store = MEMORY;"
                                                     "PRAGMA cell_size_check = ON;"
                                                     "PRAGMA cache_size = -2048; BEGIN");
}

/* A file that this program has never opened has no digests: an empty table says so. */
static err_t find_extras(struct conn *conn)
{
    int64_t there = 0;
    err_t err =
        conn_int(conn, "SELECT count(*) FROM main.sqlite_schema WHERE name = 'ext_files'", &there);
    return err != ERR_OK || there != 0
               ? err
               : conn_exec(conn, "CREATE TEMP TABLE ext_files (id TEXT PRIMARY KEY, size, sha256)");
}

err_t verifier_open(const char *path, bool quick, struct verifier **ret_verifier,
                    struct err_info *ret_info)
{
    struct verifier *verifier = NULL;
    err_t err = new_verifier(&verifier);
    if (err != ERR_OK) {
        return err_set(ret_info, err, "no memory");
    }
    verifier->quick = quick;
    err = lock_database(path, LOCK_SH, &verifier->lock_fd, ret_info);
    if (err == ERR_OK) {
        err = open_to_read(verifier, path);
        if (err != ERR_OK) {
            /* A file of another kind is refused like a database of another kind. */
            err = sqlite3_errcode(verifier->own.db) == SQLITE_NOTADB ? ERR_INVALID : err;
            (void)err_set(ret_info, err, "cannot open database %s: %s", path,
                          verifier->own.db != NULL ? sqlite3_errmsg(verifier->own.db)
                                                   : err_name(err));
        }
    }
    if (err == ERR_OK) {
        err = schema_check_current(&verifier->own, path, ret_info);
    }
    if (err == ERR_OK) {
        err = find_extras(&verifier->own);
        if (err != ERR_OK) {
            (void)err_set(ret_info, err, "cannot read database %s: %s", path,
                          sqlite3_errmsg(verifier->own.db));
        }
    }
    if (err != ERR_OK) {
        verifier_free(verifier);
        return err;
    }
    *ret_verifier = verifier;
    return ERR_OK;
}

/* ---- files ---- */

static err_t read_file(struct query *q, struct verifier *verifier)
{
    struct slice filename = query_column_text(q, 2);
    struct slice sha256 = query_column_blob(q, 4);
    verifier->rowid = query_column_int(q, 0);
    verifier->has_id = slice_copy(query_column_text(q, 1), verifier->id, sizeof verifier->id);
    verifier->filename = mem_dup(filename.ptr, filename.len);
    verifier->filename_len = filename.len;
    verifier->recorded_size = query_column_null(q, 3) ? -1 : query_column_int(q, 3);
    verifier->has_sha256 = sha256.len == SHA256_BYTES;
    if (verifier->has_sha256) {
        memcpy(verifier->sha256, sha256.ptr, SHA256_BYTES);
    }
    return verifier->filename != NULL ? ERR_OK : ERR_NOMEM;
}

static err_t open_next(struct verifier *verifier)
{
    struct conn *conn = conn_take(verifier);
    struct query q = query_start(conn, "SELECT e.rowid, e.id, e.filename, f.size, f.sha256"
                                       " FROM entries AS e LEFT JOIN ext_files AS f ON f.id = e.id"
                                       " WHERE e.rowid > ? ORDER BY e.rowid LIMIT 1");
    query_bind_int(&q, verifier->rowid);
    bool found = query_row(&q);
    if (found && query_column_int(&q, 0) <= verifier->rowid) {
        q.rc = SQLITE_CORRUPT; /* no walk of such a table would end */
        found = false;
    }
    err_t err = found ? read_file(&q, verifier) : ERR_NOTFOUND;
    err_t end = query_end(&q);
    conn_give(verifier, conn);
    err = end != ERR_OK ? end : err;
    if (err == ERR_OK && verifier->has_sha256 && !verifier->quick) {
        err = sha256_new(&verifier->hash);
    }
    if (err != ERR_OK) {
        close_file(verifier);
        verifier->rowid = err == ERR_NOTFOUND ? 0 : verifier->rowid;
        return err;
    }
    verifier->in_file = true;
    verifier->row = verifier->row_bytes = verifier->row_pos = 0;
    verifier->first_bytes = verifier->last_bytes = verifier->size = 0;
    return ERR_OK;
}

/* Whether the file that is being looked at still exists. */
static err_t is_there(struct verifier *verifier, bool *ret_there)
{
    struct conn *conn = conn_take(verifier);
    struct query q = query_start(conn, "SELECT 1 FROM entries WHERE rowid = ? AND id = ?");
    query_bind_int(&q, verifier->rowid);
    query_bind_text(&q, verifier->id);
    *ret_there = query_row(&q);
    err_t err = query_end(&q);
    conn_give(verifier, conn);
    return err;
}

static void set_flaw(struct verify_result *result, enum verify_flaw flaw, int64_t row, int64_t got,
                     int64_t want)
{
    result->flaw = flaw;
    result->row = row;
    result->got = got;
    result->want = want;
}

/* At the end of the rows. */
static err_t judge_whole(struct verifier *verifier, struct verify_result *result)
{
    uint8_t sha256[SHA256_BYTES];
    if (verifier->row == 0) {
        set_flaw(result, VERIFY_NO_ROWS, 0, 0, 0);
    } else if (verifier->recorded_size >= 0 && verifier->recorded_size != verifier->size) {
        set_flaw(result, VERIFY_SIZE, 0, verifier->size, verifier->recorded_size);
    } else if (verifier->hash != NULL) {
        err_t err = sha256_finish(verifier->hash, sha256);
        if (err != ERR_OK) {
            return err;
        }
        if (!digest_equal(sha256, verifier->sha256, sizeof sha256)) {
            set_flaw(result, VERIFY_DIGEST, 0, 0, 0);
        }
    }
    return ERR_OK;
}

/* A row as it was found: `bytes` is -1 when it holds none. */
static void judge_row(struct verifier *verifier, int64_t number, int64_t bytes,
                      struct verify_result *result)
{
    int64_t row = verifier->row;
    if (number < row) {
        set_flaw(result, VERIFY_NO_NUMBER, number, 0, 0);
    } else if (number > row) {
        set_flaw(result, VERIFY_MISSING, row, 0, 0);
    } else if (bytes < 0) {
        set_flaw(result, VERIFY_TYPE, row, 0, 0);
    } else if (row > 0 && verifier->last_bytes != verifier->first_bytes) {
        set_flaw(result, VERIFY_LENGTH, row - 1, verifier->last_bytes, verifier->first_bytes);
    } else if (bytes == 0 || (row > 0 && bytes > verifier->first_bytes)) {
        set_flaw(result, VERIFY_LENGTH, row, bytes, row > 0 ? verifier->first_bytes : CHUNK_BYTES);
    }
}

static void end_row(struct verifier *verifier)
{
    if (verifier->row == 0) {
        verifier->first_bytes = verifier->row_bytes;
    }
    verifier->last_bytes = verifier->row_bytes;
    verifier->size += verifier->row_bytes;
    verifier->row_pos = verifier->row_bytes;
    verifier->row++;
}

/* Only the beginning of a row tells its type and the length of its bytes; that of a text would take
 * all of it. */
static err_t look_at_row(struct verifier *verifier, bool *ret_end, struct verify_result *result)
{
    struct conn *conn = conn_take(verifier);
    struct query q =
        query_start(conn, "SELECT chunk_index,"
                          " CASE typeof(chunk) WHEN 'blob' THEN length(chunk) ELSE -1 END"
                          " FROM entries_data WHERE id = ? AND chunk_index >= ?"
                          " ORDER BY chunk_index LIMIT 1");
    query_bind_text(&q, verifier->id);
    query_bind_int(&q, verifier->row > 0 ? verifier->row : INT64_MIN);
    bool found = query_row(&q);
    int64_t number = found ? query_column_int(&q, 0) : 0;
    int64_t bytes = found ? query_column_int(&q, 1) : 0;
    err_t err = query_end(&q);
    conn_give(verifier, conn);
    *ret_end = err == ERR_OK && !found;
    if (err != ERR_OK || !found) {
        return err;
    }
    judge_row(verifier, number, bytes, result);
    if (result->flaw == VERIFY_SOUND) {
        verifier->row_bytes = bytes;
        verifier->row_pos = 0;
        if (verifier->hash == NULL) {
            end_row(verifier);
        }
    }
    return ERR_OK;
}

static err_t read_block(struct verifier *verifier, struct verify_result *result)
{
    int64_t left = verifier->row_bytes - verifier->row_pos;
    size_t len = left < DOWNLOAD_BLOCK_BYTES ? (size_t)left : DOWNLOAD_BLOCK_BYTES;
    const struct files_part part = {
        .id = verifier->id,
        .chunk_index = verifier->row,
        .row_bytes = (size_t)verifier->row_bytes,
        .offset = (size_t)verifier->row_pos,
        .len = len,
    };
    struct conn *conn = conn_take(verifier);
    err_t err = files_read_part(conn, &part, verifier->block);
    conn_give(verifier, conn);
    if (err == ERR_NOTFOUND) {
        set_flaw(result, VERIFY_MISSING, verifier->row, 0, 0); /* or gone with its file */
        return ERR_OK;
    }
    if (err == ERR_OK) {
        err = sha256_add(verifier->hash, verifier->block, len);
    }
    if (err == ERR_OK) {
        verifier->bytes += (int64_t)len;
        verifier->row_pos += (int64_t)len;
        if (verifier->row_pos == verifier->row_bytes) {
            end_row(verifier);
        }
    }
    return err;
}

/* One step in a file: *ret_end when its result is known. */
static err_t step_in_file(struct verifier *verifier, bool *ret_end, struct verify_result *result)
{
    if (!verifier->has_id) {
        set_flaw(result, VERIFY_BAD_ID, 0, 0, 0);
        *ret_end = true;
        return ERR_OK;
    }
    bool end = false;
    err_t err = verifier->row_pos < verifier->row_bytes ? read_block(verifier, result)
                                                        : look_at_row(verifier, &end, result);
    if (err == ERR_OK && end) {
        err = judge_whole(verifier, result);
    }
    if (err == ERR_CORRUPT || err == ERR_IO) {
        set_flaw(result, VERIFY_UNREADABLE, verifier->row, 0, 0);
        err = ERR_OK;
    }
    *ret_end = end || result->flaw != VERIFY_SOUND;
    return err;
}

err_t verifier_step(struct verifier *verifier, bool *ret_done, struct verify_result *ret_result)
{
    *ret_done = false;
    if (!verifier->in_file) {
        close_file(verifier); /* whose result was borrowed */
        return open_next(verifier);
    }
    bool end = false;
    struct verify_result result = {.flaw = VERIFY_SOUND};
    err_t err = step_in_file(verifier, &end, &result);
    bool there = true;
    if (err == ERR_OK && result.flaw != VERIFY_SOUND && verifier->has_id) {
        err = is_there(verifier, &there);
    }
    if (err != ERR_OK) {
        verifier->in_file = false; /* on with the next one */
        return err;
    }
    if (end) {
        verifier->in_file = false;
        *ret_done = there;
        result.rowid = verifier->rowid;
        result.id = slice_str(verifier->id);
        result.filename = slice_of(verifier->filename, verifier->filename_len);
        result.size = verifier->size;
        result.has_digest = verifier->has_sha256;
        *ret_result = result;
    }
    return ERR_OK;
}

int64_t verifier_bytes(const struct verifier *verifier)
{
    return verifier->bytes;
}

void verify_describe(const struct verify_result *result, char ret_text[VERIFY_TEXT_SIZE])
{
    int64_t row = result->row;
    int64_t got = result->got;
    int64_t want = result->want;
    const size_t size = VERIFY_TEXT_SIZE;
    switch (result->flaw) {
    case VERIFY_SOUND:
        (void)snprintf(ret_text, size, "sound");
        break;
    case VERIFY_BAD_ID:
        (void)snprintf(ret_text, size, "its id is none that a file can have");
        break;
    case VERIFY_NO_ROWS:
        (void)snprintf(ret_text, size, "all chunk rows are missing");
        break;
    case VERIFY_MISSING:
        (void)snprintf(ret_text, size, "chunk row %" PRId64 " is missing", row);
        break;
    case VERIFY_NO_NUMBER:
        (void)snprintf(ret_text, size, "there is a chunk row %" PRId64, row);
        break;
    case VERIFY_TYPE:
        (void)snprintf(ret_text, size, "chunk row %" PRId64 " holds no bytes", row);
        break;
    case VERIFY_LENGTH:
        (void)snprintf(ret_text, size,
                       "chunk row %" PRId64 " has %" PRId64 " bytes instead of %" PRId64, row, got,
                       want);
        break;
    case VERIFY_SIZE:
        (void)snprintf(ret_text, size, "it has %" PRId64 " bytes instead of %" PRId64, got, want);
        break;
    case VERIFY_DIGEST:
        (void)snprintf(ret_text, size, "its bytes do not have the recorded SHA-256");
        break;
    case VERIFY_UNREADABLE:
        (void)snprintf(ret_text, size, "chunk row %" PRId64 " cannot be read", row);
        break;
    }
}

/* ---- the database as such ---- */

struct lines {
    void (*each)(void *arg, const char *line);
    void *arg;
};

static void say(const struct lines *lines, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void say(const struct lines *lines, const char *fmt, ...)
{
    char line[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    lines->each(lines->arg, line);
}

/* What SQLite finds of its own structures, and of types and constraints. */
static err_t check_structure(struct verifier *verifier, const struct lines *lines)
{
    struct query q = query_start(&verifier->own, verifier->quick ? "PRAGMA main.quick_check"
                                                                 : "PRAGMA main.integrity_check");
    while (query_row(&q)) {
        struct slice text = query_column_text(&q, 0);
        if (!slice_eq(text, SLICE("ok"))) {
            say(lines, "%.*s", (int)text.len, text.ptr);
        }
    }
    err_t err = query_end(&q);
    if (err == ERR_CORRUPT || err == ERR_IO) {
        say(lines, "%s", sqlite3_errmsg(verifier->own.db));
        err = ERR_OK;
    }
    return err;
}

static const struct reference {
    const char *count, *text;
} references[] = {
    {"SELECT count(*) FROM downloads AS d WHERE NOT EXISTS"
     " (SELECT 1 FROM entries AS e WHERE e.id = d.entry_id)",
     "rows of the download history belong to no file"},
    {"SELECT count(*) FROM entries AS e WHERE guest_link_id <> '' AND NOT EXISTS"
     " (SELECT 1 FROM guest_links AS g WHERE g.id = e.guest_link_id)",
     "files belong to guest links that are not there"},
    /* Whoever deletes a file deletes its entry and its rows in one transaction, or, as we do, entry
     * and digest: rows and digest without an entry are those of a file that was lost. */
    {"SELECT count(*) FROM ext_files AS f WHERE NOT EXISTS"
     " (SELECT 1 FROM entries AS e WHERE e.id = f.id) AND EXISTS"
     " (SELECT 1 FROM entries_data AS d WHERE d.id = f.id)",
     "files have contents and a recorded size, but no entry"},
    {"SELECT count(*) <> 1 FROM settings WHERE id = 1", "settings row is missing"},
};

static err_t check_references(struct verifier *verifier, const struct lines *lines)
{
    err_t err = ERR_OK;
    for (size_t i = 0; i < ARRAY_LEN(references) && err == ERR_OK; i++) {
        int64_t count = 0;
        err = conn_int(&verifier->own, references[i].count, &count);
        if (err == ERR_OK && count > 0) {
            say(lines, "%" PRId64 " %s", count, references[i].text);
        } else if (err == ERR_CORRUPT || err == ERR_IO) {
            say(lines, "references cannot be read: %s", sqlite3_errmsg(verifier->own.db));
            err = ERR_OK;
        }
    }
    return err;
}

err_t verifier_database(struct verifier *verifier, void (*each)(void *arg, const char *line),
                        void *arg)
{
    check(verifier->store == NULL);
    const struct lines lines = {each, arg};
    err_t err = check_structure(verifier, &lines);
    return err == ERR_OK ? check_references(verifier, &lines) : err;
}

err_t verifier_count(struct verifier *verifier, struct verify_counts *ret_counts)
{
    check(verifier->store == NULL);
    struct verify_counts counts = {0};
    err_t err = conn_int(&verifier->own, "SELECT count(*) FROM entries", &counts.files);
    if (err == ERR_OK) {
        err = conn_int(&verifier->own,
                       "SELECT count(*) FROM entries_data AS d WHERE NOT EXISTS"
                       " (SELECT 1 FROM entries AS e WHERE e.id = d.id)",
                       &counts.orphan_rows);
    }
    if (err == ERR_OK) {
        *ret_counts = counts;
    }
    return err;
}
