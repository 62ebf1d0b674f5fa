/* guest_links.c — the links that the owner hands out for uploads.
 *
 * A link that is deleted is gone, also for a PicoShare that opens the file; what there was of it
 * stays in two extra tables for a while, since it is deleted without a question. */
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/base/mem.h"

/* ---- reading ---- */

#define LINK_COLUMNS                                                                               \
    "g.id, g.label, ifnull(g.max_file_bytes, 0), ifnull(g.max_file_uploads, 0),"                   \
    " unixepoch(g.creation_time), unixepoch(g.url_expiration_time),"                               \
    " ifnull(g.file_expiration_time, '876000h0m0s'), g.is_disabled,"                               \
    " (SELECT count(*) FROM entries AS e WHERE e.guest_link_id = g.id AND " IS_UNEXPIRED("?1") ")"

void store_guest_link_done(struct store_guest_link *link)
{
    mem_free(link->label);
    *link = (struct store_guest_link){.label = NULL};
}

/* A lifetime that is longer than any that can be read is as good as unreadable: "". False: what is
 * stored as its id cannot be one. */
static bool read_link(struct query *q, struct store_guest_link *link)
{
    *link = (struct store_guest_link){.url_expiration_time = NEVER_S};
    if (!slice_copy(query_column_text(q, 0), link->id, sizeof link->id)) {
        return false;
    }
    if (!slice_copy(query_column_text(q, 6), link->file_lifetime, sizeof link->file_lifetime)) {
        link->file_lifetime[0] = '\0';
    }
    link->label = query_column_dup(q, 1);
    link->max_file_bytes = query_column_int(q, 2);
    link->max_file_uploads = query_column_int(q, 3);
    link->creation_time = query_column_int(q, 4);
    if (!query_column_null(q, 5)) {
        link->url_expiration_time = query_column_int(q, 5);
    }
    link->disabled = query_column_int(q, 7) != 0;
    link->uploads = query_column_int(q, 8);
    return true;
}

err_t store_find_guest_link(struct store *store, const char *id, struct store_guest_link *ret_link)
{
    *ret_link = (struct store_guest_link){.label = NULL};
    struct conn *conn = reader_take(store);
    struct query q =
        query_start(conn, "SELECT " LINK_COLUMNS " FROM guest_links AS g WHERE g.id = ?2");
    query_bind_int(&q, clock_now_s(store->clock));
    query_bind_text(&q, id);
    bool found = query_row(&q);
    if (found) {
        found = read_link(&q, ret_link);
    }
    err_t err = query_end(&q);
    reader_give(store, conn);
    if (err != ERR_OK) {
        store_guest_link_done(ret_link);
    }
    return err != ERR_OK || found ? err : ERR_NOTFOUND;
}

err_t store_list_guest_links(struct store *store, size_t offset, size_t limit,
                             bool (*each)(void *arg, const struct store_guest_link *link),
                             void *arg)
{
    struct conn *conn = reader_take(store);
    struct query q = query_start(conn, "SELECT " LINK_COLUMNS " FROM guest_links AS g"
                                       " ORDER BY g.creation_time DESC, g.rowid DESC"
                                       " LIMIT ?2 OFFSET ?3");
    query_bind_int(&q, clock_now_s(store->clock));
    query_bind_int(&q, (int64_t)limit);
    query_bind_int(&q, (int64_t)offset);
    bool more = true;
    while (more && query_row(&q)) {
        struct store_guest_link link;
        if (read_link(&q, &link)) {
            more = q.rc == SQLITE_ROW && each(arg, &link);
        }
        store_guest_link_done(&link);
    }
    err_t err = query_end(&q);
    reader_give(store, conn);
    return err;
}

err_t guest_link_check_room(struct store *store, const char *id, size_t files)
{
    struct query q = query_start(
        &store->writer,
        "SELECT is_disabled = 0 AND (max_file_uploads IS NULL OR max_file_uploads >= ?2 +"
        " (SELECT count(*) FROM entries WHERE guest_link_id = ?1 AND " IS_UNEXPIRED(
            "?3") "))"
                  " FROM guest_links WHERE id = ?1");
    query_bind_text(&q, id);
    query_bind_int(&q, (int64_t)files);
    query_bind_int(&q, clock_now_s(store->clock));
    err_t result = ERR_NOTFOUND;
    if (query_row(&q)) {
        result = query_column_int(&q, 0) != 0 ? ERR_OK : ERR_AUTH;
    }
    err_t err = query_end(&q);
    return err != ERR_OK ? err : result;
}

/* ---- creating ---- */

/* 0 stands for no limit, which the database writes as NULL. */
static err_t run_create(struct store *store, struct store_job *job)
{
    struct store_create_guest_link *create = CONTAINER_OF(job, struct store_create_guest_link, job);
    const struct store_guest_link *link = create->link;
    struct query q = query_start(
        &store->writer,
        "INSERT INTO guest_links (id, label, max_file_bytes, max_file_uploads, creation_time,"
        " url_expiration_time, file_expiration_time, is_disabled)"
        " VALUES (?, ?, nullif(?, 0), nullif(?, 0), " TIME_TEXT("?") ", " TIME_TEXT("?") ", ?, ?)");
    query_bind_text(&q, link->id);
    query_bind_text(&q, link->label);
    query_bind_int(&q, link->max_file_bytes);
    query_bind_int(&q, link->max_file_uploads);
    query_bind_int(&q, link->creation_time);
    query_bind_int(&q, link->url_expiration_time);
    query_bind_text(&q, link->file_lifetime);
    query_bind_int(&q, link->disabled ? 1 : 0);
    return query_finish(&q);
}

void store_create_guest_link_init(struct store_create_guest_link *create)
{
    *create = (struct store_create_guest_link){.job = {.run = run_create, .durable = true}};
}

/* ---- deleting, and taking it back ---- */

#define COPIED_COLUMNS                                                                             \
    "id, label, max_file_bytes, max_file_uploads, creation_time, url_expiration_time,"             \
    " file_expiration_time, is_disabled"

/* Runs a change whose only parameter is the id of a link. */
static err_t change_for(struct store *store, const char *sql, const char *id)
{
    struct query q = query_start(&store->writer, sql);
    query_bind_text(&q, id);
    return query_finish(&q);
}

static err_t change_all(struct store *store, const char *const *statements, size_t n,
                        const char *id)
{
    err_t err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < n; i++) {
        err = change_for(store, statements[i], id);
    }
    return err;
}

err_t guest_links_forget_deleted(struct store *store)
{
    struct query q =
        query_start(&store->writer, "DELETE FROM ext_deleted_guest_links WHERE deleted <= ?");
    query_bind_int(&q, clock_now_s(store->clock) - UNDO_S);
    err_t err = query_finish(&q);
    return err != ERR_OK
               ? err
               : conn_run(&store->writer, "DELETE FROM ext_deleted_guest_files WHERE link_id NOT IN"
                                          " (SELECT id FROM ext_deleted_guest_links)");
}

/* A link that does not exist leaves the copy of an earlier one alone. */
static err_t keep_copy(struct store *store, const char *id)
{
    static const char *const statements[] = {
        "DELETE FROM ext_deleted_guest_files WHERE link_id = ?1"
        " AND EXISTS (SELECT 1 FROM guest_links WHERE id = ?1)",
        ("INSERT INTO ext_deleted_guest_files (link_id, entry_id)"
         " SELECT guest_link_id, id FROM entries WHERE guest_link_id = ?1"
         " AND EXISTS (SELECT 1 FROM guest_links WHERE id = ?1)"),
    };
    err_t err = change_all(store, statements, ARRAY_LEN(statements), id);
    if (err != ERR_OK) {
        return err;
    }
    struct query q = query_start(&store->writer,
                                 "INSERT OR REPLACE INTO ext_deleted_guest_links (" COPIED_COLUMNS
                                 ", place, deleted) SELECT " COPIED_COLUMNS
                                 ", rowid, ? FROM guest_links WHERE id = ?");
    query_bind_int(&q, clock_now_s(store->clock));
    query_bind_text(&q, id);
    return query_finish(&q);
}

static err_t delete_link(struct store *store, const char *id)
{
    static const char *const statements[] = {
        "UPDATE entries SET guest_link_id = NULL WHERE guest_link_id = ?",
        "DELETE FROM guest_links WHERE id = ?",
    };
    err_t err = guest_links_forget_deleted(store);
    if (err == ERR_OK) {
        err = keep_copy(store, id);
    }
    return err != ERR_OK ? err : change_all(store, statements, ARRAY_LEN(statements), id);
}

/* Its rowid, by which links of one second are ordered, is given back too if it is still free. */
static err_t restore_link(struct store *store, const char *id)
{
    static const char *const statements[] = {
        ("UPDATE entries SET guest_link_id = ?1 WHERE guest_link_id IS NULL AND id IN"
         " (SELECT entry_id FROM ext_deleted_guest_files WHERE link_id = ?1)"),
        "DELETE FROM ext_deleted_guest_files WHERE link_id = ?",
        "DELETE FROM ext_deleted_guest_links WHERE id = ?",
    };
    struct query q = query_start(
        &store->writer,
        "INSERT INTO guest_links (rowid, " COPIED_COLUMNS ")"
        " SELECT iif(place IN (SELECT rowid FROM guest_links), NULL, place),"
        " " COPIED_COLUMNS " FROM ext_deleted_guest_links WHERE id = ? AND deleted > ?");
    query_bind_text(&q, id);
    query_bind_int(&q, clock_now_s(store->clock) - UNDO_S);
    err_t err = query_finish(&q);
    if (err == ERR_OK && sqlite3_changes(store->writer.db) == 0) {
        err = ERR_NOTFOUND;
    }
    return err != ERR_OK ? err : change_all(store, statements, ARRAY_LEN(statements), id);
}

/* ---- switching ---- */

static err_t switch_link(struct store *store, const char *id, bool disabled)
{
    struct query q =
        query_start(&store->writer, "UPDATE guest_links SET is_disabled = ? WHERE id = ?");
    query_bind_int(&q, disabled ? 1 : 0);
    query_bind_text(&q, id);
    err_t err = query_finish(&q);
    return err == ERR_OK && sqlite3_changes(store->writer.db) == 0 ? ERR_NOTFOUND : err;
}

static err_t run_change(struct store *store, struct store_job *job)
{
    struct store_change_guest_link *change = CONTAINER_OF(job, struct store_change_guest_link, job);
    switch (change->change) {
    case STORE_GUEST_LINK_DELETE:
        return delete_link(store, change->id);
    case STORE_GUEST_LINK_RESTORE:
        return restore_link(store, change->id);
    default:
        return switch_link(store, change->id, change->change == STORE_GUEST_LINK_DISABLE);
    }
}

void store_change_guest_link_init(struct store_change_guest_link *change)
{
    *change = (struct store_change_guest_link){.job = {.run = run_change, .durable = true}};
}
