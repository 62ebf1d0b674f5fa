/* query.h — one connection and its prepared statements, with errors that stick.
 *
 * A query goes  query_start → query_bind_…, in order → query_row, query_column_… → query_end.
 * The first failure makes the rest do nothing, and query_end() returns it. Statements are kept per
 * connection, found by the address of their SQL text, which must be a constant.
 * A connection is used by one thread at a time. */
#ifndef PICOSHARE_STORE_QUERY_H
#define PICOSHARE_STORE_QUERY_H

#include "picoshare/base/err.h"
#include "picoshare/base/slice.h"
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/* The writer's connection has most: some sixty, when it has upgraded the file and done everything
 * since. One too many would end the program. */
enum { MAX_STATEMENTS = 96 };

struct conn {
    sqlite3 *db; /* NULL: it could not be opened again, and all queries fail with ERR_IO */
    struct {
        const char *sql;
        sqlite3_stmt *stmt;
    } kept[MAX_STATEMENTS];
    size_t kept_count;
};

struct query {
    struct conn *conn;
    sqlite3_stmt *stmt;
    int next_param;
    int rc;
};

/* The code of this program for a failed SQLite call on db (NULL is allowed). */
err_t query_err(sqlite3 *db, int rc);

void conn_close(struct conn *conn);
/* One or more statements without parameters or results. */
err_t conn_exec(struct conn *conn, const char *sql) MUST_CHECK;

/* The same for one statement that is kept prepared. */
err_t conn_run(struct conn *conn, const char *sql) MUST_CHECK;

/* The first column of the first row of such a statement; 0 when there is none. */
err_t conn_int(struct conn *conn, const char *sql, int64_t *ret_value) MUST_CHECK;

struct query query_start(struct conn *conn, const char *sql);
void query_bind_int(struct query *q, int64_t value);
/* Text and blobs are borrowed until query_end(); NULL binds NULL. */
void query_bind_text(struct query *q, const char *text);
void query_bind_blob(struct query *q, const void *bytes, size_t len);
/* Runs to the next row: true when there is one. */
bool query_row(struct query *q);
/* Ends it: a query that was not read to its end is given up. */
err_t query_end(struct query *q) MUST_CHECK;
/* For changes: runs it, ends it. */
err_t query_finish(struct query *q) MUST_CHECK;

int64_t query_column_int(struct query *q, int column);
bool query_column_null(struct query *q, int column);
/* Borrowed until the next step; a NULL column is the empty slice. */
struct slice query_column_text(struct query *q, int column);
struct slice query_column_blob(struct query *q, int column);
/* A copy, owned by the caller; NULL marks the query as failed for lack of memory. */
char *query_column_dup(struct query *q, int column);

#endif
