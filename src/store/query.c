#include "query.h"
#include "picoshare/base/check.h"
#include "picoshare/base/mem.h"
#include <errno.h>

err_t query_err(sqlite3 *db, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ERR_OK;
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    case SQLITE_FULL:
        return ERR_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_BUSY;
    case SQLITE_CONSTRAINT:
        /* The others guard what this program writes itself. */
        return rc == SQLITE_CONSTRAINT_PRIMARYKEY || rc == SQLITE_CONSTRAINT_UNIQUE ? ERR_EXISTS
                                                                                    : ERR_INTERNAL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_CORRUPT;
    case SQLITE_IOERR:
        if (rc == SQLITE_IOERR_NOMEM) {
            return ERR_NOMEM;
        }
        /* fall through */
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
        /* The shared-memory file reports a full disk as an I/O error. */
        return db != NULL && sqlite3_system_errno(db) == ENOSPC ? ERR_FULL : ERR_IO;
    default:
        return ERR_INTERNAL;
    }
}

void conn_close(struct conn *conn)
{
    for (size_t i = 0; i < conn->kept_count; i++) {
        (void)sqlite3_finalize(conn->kept[i].stmt);
    }
    check(sqlite3_close(conn->db) == SQLITE_OK);
    *conn = (struct conn){0};
}

err_t conn_exec(struct conn *conn, const char *sql)
{
    if (conn->db == NULL) {
        return ERR_IO;
    }
    return query_err(conn->db, sqlite3_exec(conn->db, sql, NULL, NULL, NULL));
}

err_t conn_run(struct conn *conn, const char *sql)
{
    struct query q = query_start(conn, sql);
    return query_finish(&q);
}

err_t conn_int(struct conn *conn, const char *sql, int64_t *ret_value)
{
    struct query q = query_start(conn, sql);
    int64_t value = query_row(&q) ? query_column_int(&q, 0) : 0;
    err_t err = query_end(&q);
    if (err == ERR_OK) {
        *ret_value = value;
    }
    return err;
}

struct query query_start(struct conn *conn, const char *sql)
{
    struct query q = {.conn = conn, .next_param = 1, .rc = SQLITE_OK};
    for (size_t i = 0; i < conn->kept_count; i++) {
        if (conn->kept[i].sql == sql) {
            q.stmt = conn->kept[i].stmt;
            return q;
        }
    }
    if (conn->db == NULL) {
        q.rc = SQLITE_IOERR;
        return q;
    }
    check(conn->kept_count < MAX_STATEMENTS);
    q.rc = sqlite3_prepare_v3(conn->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &q.stmt, NULL);
    if (q.rc == SQLITE_OK) {
        conn->kept[conn->kept_count].sql = sql;
        conn->kept[conn->kept_count].stmt = q.stmt;
        conn->kept_count++;
    }
    return q;
}

void query_bind_int(struct query *q, int64_t value)
{
    if (q->rc == SQLITE_OK) {
        q->rc = sqlite3_bind_int64(q->stmt, q->next_param++, value);
    }
}

void query_bind_text(struct query *q, const char *text)
{
    if (q->rc == SQLITE_OK) {
        q->rc = sqlite3_bind_text(q->stmt, q->next_param++, text, -1, SQLITE_STATIC);
    }
}

void query_bind_blob(struct query *q, const void *bytes, size_t len)
{
    if (q->rc == SQLITE_OK) {
        q->rc = sqlite3_bind_blob64(q->stmt, q->next_param++, bytes, len, SQLITE_STATIC);
    }
}

bool query_row(struct query *q)
{
    if (q->rc != SQLITE_OK && q->rc != SQLITE_ROW) {
        return false;
    }
    q->rc = sqlite3_step(q->stmt);
    return q->rc == SQLITE_ROW;
}

err_t query_end(struct query *q)
{
    err_t err = query_err(q->conn->db, q->rc);
    if (q->stmt != NULL) {
        (void)sqlite3_reset(q->stmt);
        (void)sqlite3_clear_bindings(q->stmt);
        q->stmt = NULL;
    }
    return err;
}

err_t query_finish(struct query *q)
{
    while (query_row(q)) {
    }
    return query_end(q);
}

int64_t query_column_int(struct query *q, int column)
{
    return sqlite3_column_int64(q->stmt, column);
}

bool query_column_null(struct query *q, int column)
{
    return sqlite3_column_type(q->stmt, column) == SQLITE_NULL;
}

struct slice query_column_text(struct query *q, int column)
{
    const unsigned char *text = sqlite3_column_text(q->stmt, column);
    return slice_of(text, (size_t)sqlite3_column_bytes(q->stmt, column));
}

struct slice query_column_blob(struct query *q, int column)
{
    const void *bytes = sqlite3_column_blob(q->stmt, column);
    return slice_of(bytes, (size_t)sqlite3_column_bytes(q->stmt, column));
}

char *query_column_dup(struct query *q, int column)
{
    struct slice text = query_column_text(q, column);
    char *copy = mem_dup(text.ptr, text.len);
    if (copy == NULL) {
        q->rc = SQLITE_NOMEM;
    }
    return copy;
}
