/* sessions.c — who is signed in, and the small values of ext_meta. */
#include "internal.h"
#include "picoshare/base/check.h"
#include <string.h>

err_t store_find_session(struct store *store, const uint8_t token_sha256[SHA256_BYTES],
                         struct store_session *ret_session)
{
    struct conn *conn = reader_take(store);
    struct query q =
        query_start(conn, "SELECT last_used, expires FROM ext_sessions WHERE token_sha256 = ?");
    query_bind_blob(&q, token_sha256, SHA256_BYTES);
    struct store_session session = {.expires = 0};
    bool found = query_row(&q);
    if (found) {
        memcpy(session.token_sha256, token_sha256, SHA256_BYTES);
        session.last_used = query_column_int(&q, 0);
        session.expires = query_column_int(&q, 1);
    }
    err_t err = query_end(&q);
    reader_give(store, conn);
    if (err == ERR_OK && found) {
        *ret_session = session;
    }
    return err != ERR_OK || found ? err : ERR_NOTFOUND;
}

err_t store_list_sessions(struct store *store, int64_t now, size_t limit,
                          bool (*each)(void *arg, const struct store_session_view *session),
                          void *arg)
{
    struct conn *conn = reader_take(store);
    struct query q = query_start(conn, "SELECT lower(hex(substr(token_sha256, 1, 8))), created,"
                                       " last_used, expires, client_ip, user_agent"
                                       " FROM ext_sessions WHERE expires > ?"
                                       " ORDER BY last_used DESC, token_sha256 LIMIT ?");
    query_bind_int(&q, now);
    query_bind_int(&q, (int64_t)limit);
    bool more = true;
    while (more && query_row(&q)) {
        struct store_session_view view = {
            .created = query_column_int(&q, 1),
            .last_used = query_column_int(&q, 2),
            .expires = query_column_int(&q, 3),
            .client_ip = query_column_text(&q, 4).ptr,
            .user_agent = query_column_text(&q, 5).ptr,
        };
        more = slice_copy(query_column_text(&q, 0), view.handle, sizeof view.handle) &&
               view.client_ip != NULL && view.user_agent != NULL && each(arg, &view);
    }
    err_t err = query_end(&q);
    reader_give(store, conn);
    return err;
}

static err_t delete_by_handle(struct store *store, const char *handle)
{
    struct query q =
        query_start(&store->writer,
                    "DELETE FROM ext_sessions WHERE lower(hex(substr(token_sha256, 1, 8))) = ?");
    query_bind_text(&q, handle);
    err_t err = query_finish(&q);
    return err == ERR_OK && sqlite3_changes(store->writer.db) == 0 ? ERR_NOTFOUND : err;
}

static err_t create_session(struct store *store, const struct store_change_session *change)
{
    struct query q =
        query_start(&store->writer, "INSERT INTO ext_sessions (token_sha256, created, last_used,"
                                    " expires, client_ip, user_agent)"
                                    " VALUES (?1, ?2, ?2, ?3, ?4, ?5)");
    query_bind_blob(&q, change->token_sha256, SHA256_BYTES);
    query_bind_int(&q, change->now);
    query_bind_int(&q, change->expires);
    query_bind_text(&q, change->client_ip);
    query_bind_text(&q, change->user_agent);
    return query_finish(&q);
}

static err_t run_change(struct store *store, struct store_job *job)
{
    struct store_change_session *change = CONTAINER_OF(job, struct store_change_session, job);
    struct query q;
    switch (change->change) {
    case STORE_SESSION_CREATE:
        return create_session(store, change);
    case STORE_SESSION_TOUCH:
        q = query_start(&store->writer, "UPDATE ext_sessions SET last_used = ?2, expires = ?3"
                                        " WHERE token_sha256 = ?1");
        query_bind_blob(&q, change->token_sha256, SHA256_BYTES);
        query_bind_int(&q, change->now);
        query_bind_int(&q, change->expires);
        return query_finish(&q);
    case STORE_SESSION_DELETE:
        q = query_start(&store->writer, "DELETE FROM ext_sessions WHERE token_sha256 = ?");
        query_bind_blob(&q, change->token_sha256, SHA256_BYTES);
        return query_finish(&q);
    case STORE_SESSION_DELETE_BY_HANDLE:
        return delete_by_handle(store, change->handle);
    case STORE_SESSION_DELETE_ALL:
        return conn_run(&store->writer, "DELETE FROM ext_sessions");
    }
    return ERR_INTERNAL;
}

void store_change_session_init(struct store_change_session *change)
{
    /* Durable: a session that was ended must not come back after a power cut. */
    *change = (struct store_change_session){.job = {.run = run_change, .durable = true}};
}

err_t store_get_meta(struct store *store, const char *key, char *ret_value, size_t size)
{
    struct conn *conn = reader_take(store);
    struct query q = query_start(conn, "SELECT value FROM ext_meta WHERE key = ?");
    query_bind_text(&q, key);
    err_t found = ERR_NOTFOUND;
    if (query_row(&q)) {
        found = slice_copy(query_column_text(&q, 0), ret_value, size) ? ERR_OK : ERR_TOOBIG;
    }
    err_t err = query_end(&q);
    reader_give(store, conn);
    return err != ERR_OK ? err : found;
}

static err_t run_set_meta(struct store *store, struct store_job *job)
{
    struct store_set_meta *set = CONTAINER_OF(job, struct store_set_meta, job);
    struct query q =
        query_start(&store->writer, "INSERT INTO ext_meta (key, value) VALUES (?, ?)"
                                    " ON CONFLICT (key) DO UPDATE SET value = excluded.value");
    query_bind_text(&q, set->key);
    query_bind_text(&q, set->value);
    return query_finish(&q);
}

void store_set_meta_init(struct store_set_meta *set)
{
    *set = (struct store_set_meta){.job = {.run = run_set_meta, .durable = true}};
}
