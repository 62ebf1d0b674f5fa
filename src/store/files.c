/* files.c — files as rows: chunks while they arrive, the entry that makes them visible, reading.
 *
 * A file is visible when its row in entries is; its chunks are stored before, by append jobs in
 * transactions of their own. Until then it is a draft: listed in store.drafts from its first row
 * on, so that a collection leaves its rows alone. What a crash leaves of drafts has no entry, and
 * the collection at the next start removes it.
 *
 * Reading takes at most LARGE_BLOCK_BYTES of one row through an incremental blob handle, since a
 * SELECT of the column would bring the whole row into memory. The row is looked up for every read,
 * within the same read transaction: a row number kept longer could come to mean another file. */
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/base/mem.h"
#include "picoshare/base/num.h"
#include <string.h>

/* ---- drafts ---- */

void store_draft_init(struct store_draft *draft, const char *id)
{
    check(slice_copy(slice_str(id), draft->id, sizeof draft->id));
    list_init(&draft->running);
    draft->owns_rows = false;
}

bool files_is_draft(const struct store *store, struct slice id)
{
    LIST_EACH(draft, &store->drafts, const struct store_draft, running)
    {
        if (slice_eq(slice_str(draft->id), id)) {
            return true;
        }
    }
    return false;
}

/* Before its first row: the draft becomes the owner of its id, if that names no other file. */
static err_t claim_id(struct store *store, struct store_draft *draft)
{
    if (draft->owns_rows) {
        return ERR_OK;
    }
    struct query q =
        query_start(&store->writer, "SELECT EXISTS (SELECT 1 FROM entries WHERE id = ?1)"
                                    " OR EXISTS (SELECT 1 FROM entries_data WHERE id = ?1)");
    query_bind_text(&q, draft->id);
    bool taken = query_row(&q) && query_column_int(&q, 0) != 0;
    err_t err = query_end(&q);
    if (err == ERR_OK && !taken) {
        draft->owns_rows = true;
        list_add(&store->drafts, &draft->running);
    }
    return err == ERR_OK && taken ? ERR_EXISTS : err;
}

/* ---- append ---- */

static err_t insert_chunk(struct store *store, const char *id, int64_t index, const void *bytes,
                          size_t len)
{
    err_t err = disk_check_room(store, len);
    if (err != ERR_OK) {
        return err;
    }
    struct query q = query_start(
        &store->writer, "INSERT INTO entries_data (id, chunk_index, chunk) VALUES (?, ?, ?)");
    query_bind_text(&q, id);
    query_bind_int(&q, index);
    query_bind_blob(&q, bytes, len);
    return query_finish(&q);
}

/* A reader of another program keeps it from being shortened. */
static bool log_is_too_long(const struct store *store)
{
    return !store->foreign_checkpoints && store_wal_bytes(store) > WAL_REFUSE_BYTES;
}

static err_t run_append(struct store *store, struct store_job *job)
{
    struct store_append *append = CONTAINER_OF(job, struct store_append, job);
    err_t err = claim_id(store, append->draft);
    if (err != ERR_OK) {
        return err;
    }
    if (log_is_too_long(store)) {
        return ERR_BUSY;
    }
    return insert_chunk(store, append->draft->id, append->chunk_index, append->bytes, append->len);
}

void store_append_init(struct store_append *append)
{
    *append =
        (struct store_append){.job = {.run = run_append, .lane = STORE_BULK, .takes_room = true}};
}

/* ---- publish ---- */

/* ERR_INTERNAL unless the file has exactly its chunk rows: an append may have failed. */
static err_t check_chunks(struct store *store, const struct store_new_file *file)
{
    struct query q = query_start(
        &store->writer, "SELECT count(*), max(chunk_index) FROM entries_data WHERE id = ?");
    query_bind_text(&q, file->draft->id);
    bool complete = query_row(&q) && query_column_int(&q, 0) == file->chunks &&
                    query_column_int(&q, 1) == file->chunks - 1;
    err_t err = query_end(&q);
    return err != ERR_OK || complete ? err : ERR_INTERNAL;
}

static err_t publish_file(struct store *store, const struct store_publish *publish,
                          const struct store_new_file *file)
{
    err_t err = ERR_OK;
    if (file->last_chunk.len > 0) {
        err = insert_chunk(store, file->draft->id, file->chunks - 1, file->last_chunk.ptr,
                           file->last_chunk.len);
    }
    if (err == ERR_OK) {
        err = check_chunks(store, file);
    }
    if (err != ERR_OK) {
        return err;
    }
    struct query q = query_start(
        &store->writer,
        "INSERT INTO entries (id, filename, content_type, upload_time, expiration_time,"
        " guest_link_id, note) VALUES (?, ?, ?, " TIME_TEXT("?") ", " TIME_TEXT("?") ", ?, ?)");
    query_bind_text(&q, file->draft->id);
    query_bind_text(&q, file->filename);
    query_bind_text(&q, file->content_type);
    query_bind_int(&q, publish->upload_time);
    query_bind_int(&q, publish->expiration_time);
    query_bind_text(&q, publish->guest_link_id);
    query_bind_text(&q, publish->note);
    err = query_finish(&q);
    if (err != ERR_OK) {
        return err;
    }
    q = query_start(&store->writer, "INSERT INTO ext_files (id, size, sha256) VALUES (?, ?, ?)"
                                    " ON CONFLICT (id) DO UPDATE SET"
                                    " size = excluded.size, sha256 = excluded.sha256");
    query_bind_text(&q, file->draft->id);
    query_bind_int(&q, file->size);
    query_bind_blob(&q, file->sha256, SHA256_BYTES);
    return query_finish(&q);
}

static err_t run_publish(struct store *store, struct store_job *job)
{
    struct store_publish *publish = CONTAINER_OF(job, struct store_publish, job);
    if (log_is_too_long(store)) {
        return ERR_BUSY; /* before the first change: this code does not roll back */
    }
    if (publish->guest_link_id != NULL) {
        err_t err = guest_link_check_room(store, publish->guest_link_id, publish->files_count);
        if (err != ERR_OK) {
            return err;
        }
    }
    for (size_t i = 0; i < publish->files_count; i++) {
        err_t err = publish_file(store, publish, &publish->files[i]);
        if (err != ERR_OK) {
            return err;
        }
    }
    for (size_t i = 0; i < publish->files_count; i++) {
        list_remove(&publish->files[i].draft->running);
    }
    return ERR_OK;
}

void store_publish_init(struct store_publish *publish)
{
    *publish =
        (struct store_publish){.job = {.run = run_publish, .durable = true, .takes_room = true}};
}

/* ---- reading ---- */

void store_entry_done(struct store_entry *entry)
{
    mem_free(entry->filename);
    mem_free(entry->content_type);
    mem_free(entry->note);
    *entry = (struct store_entry){.filename = NULL};
}

void files_read_entry(struct query *q, struct store_entry *entry)
{
    *entry = (struct store_entry){.expiration_time = NEVER_S};
    if (!slice_copy(query_column_text(q, 0), entry->id, sizeof entry->id)) {
        q->rc = SQLITE_CORRUPT;
        return;
    }
    entry->filename = query_column_dup(q, 1);
    entry->content_type = query_column_dup(q, 2);
    if (!query_column_null(q, 3)) {
        entry->note = query_column_dup(q, 3);
    }
    entry->upload_time = query_column_int(q, 4);
    if (!query_column_null(q, 5)) {
        entry->expiration_time = query_column_int(q, 5);
    }
    entry->size = query_column_int(q, ENTRY_SIZE_COLUMN);
    entry->recorded_size = query_column_null(q, ENTRY_SIZE_COLUMN) ? -1 : entry->size;
    struct slice sha256 = query_column_blob(q, 7);
    if (sha256.len == SHA256_BYTES) {
        entry->has_sha256 = true;
        memcpy(entry->sha256, sha256.ptr, SHA256_BYTES);
    }
    /* What is no id of a link is nobody's link. */
    (void)slice_copy(query_column_text(q, 8), entry->guest_link_id, sizeof entry->guest_link_id);
    entry->damaged = query_column_int(q, 9) != 0;
}

err_t files_read_layout(struct conn *conn, struct store_entry *entry)
{
    struct query q =
        query_start(conn, "SELECT chunk_index, length(chunk),"
                          " (SELECT length(chunk) FROM entries_data WHERE id = ?1 AND"
                          " chunk_index = 0)"
                          " FROM entries_data WHERE id = ?1 ORDER BY chunk_index DESC LIMIT 1");
    query_bind_text(&q, entry->id);
    err_t err = ERR_NOTFOUND;
    if (query_row(&q)) {
        int64_t last_index = query_column_int(&q, 0);
        int64_t last_bytes = query_column_int(&q, 1);
        int64_t chunk_bytes = query_column_int(&q, 2);
        int64_t full = 0;
        err = ERR_CORRUPT;
        if (chunk_bytes > 0 && last_bytes > 0 && last_bytes <= chunk_bytes &&
            num_mul_i64(last_index, chunk_bytes, &full) &&
            num_add_i64(full, last_bytes, &entry->size)) {
            entry->chunk_bytes = (size_t)chunk_bytes;
            err = ERR_OK;
        }
    }
    err_t end = query_end(&q);
    return end != ERR_OK ? end : err;
}

err_t files_judge_layout(struct conn *conn, struct store_entry *entry)
{
    err_t err = files_read_layout(conn, entry);
    bool had_contents = entry->recorded_size >= 0 || entry->damaged;
    if (err == ERR_CORRUPT || (err == ERR_NOTFOUND && had_contents)) {
        entry->size = entry->recorded_size;
        entry->damaged = true;
        err = ERR_OK;
    } else if (err == ERR_OK && entry->recorded_size >= 0 && entry->recorded_size != entry->size) {
        entry->size = entry->recorded_size;
        entry->damaged = true;
    }
    return err;
}

static err_t find_entry(struct conn *conn, const char *id,
                        err_t (*read_layout)(struct conn *conn, struct store_entry *entry),
                        struct store_entry *entry)
{
    struct query q = query_start(conn, "SELECT " ENTRY_COLUMNS " FROM entries AS e"
                                       " LEFT JOIN ext_files AS f ON f.id = e.id WHERE e.id = ?");
    query_bind_text(&q, id);
    err_t err = ERR_NOTFOUND;
    if (query_row(&q)) {
        files_read_entry(&q, entry);
        /* In the same view of the database: the file may be being deleted. */
        err = read_layout(conn, entry);
    }
    err_t end = query_end(&q);
    err = end != ERR_OK ? end : err;
    if (err != ERR_OK) {
        store_entry_done(entry);
    }
    return err;
}

err_t store_find_entry(struct store *store, const char *id, struct store_entry *ret_entry)
{
    *ret_entry = (struct store_entry){.filename = NULL};
    struct conn *conn = reader_take(store);
    err_t err = find_entry(conn, id, files_read_layout, ret_entry);
    reader_give(store, conn);
    return err;
}

err_t store_describe_entry(struct store *store, const char *id, struct store_entry *ret_entry)
{
    *ret_entry = (struct store_entry){.filename = NULL};
    struct conn *conn = reader_take(store);
    err_t err = find_entry(conn, id, files_judge_layout, ret_entry);
    reader_give(store, conn);
    return err;
}

static err_t read_blob(struct conn *conn, int64_t rowid, const struct files_part *part, void *bytes)
{
    sqlite3_blob *blob = NULL;
    int rc = sqlite3_blob_open(conn->db, "main", "entries_data", "chunk", rowid, 0, &blob);
    /* The row is there, so its value is a number or none. */
    err_t err = rc == SQLITE_ERROR ? ERR_CORRUPT : query_err(conn->db, rc);
    if (err == ERR_OK) {
        if ((size_t)sqlite3_blob_bytes(blob) != part->row_bytes) {
            err = ERR_CORRUPT;
        } else {
            rc = sqlite3_blob_read(blob, bytes, (int)part->len, (int)part->offset);
            err = query_err(conn->db, rc);
        }
    }
    (void)sqlite3_blob_close(blob);
    return err;
}

err_t files_read_part(struct conn *conn, const struct files_part *part, void *ret_bytes)
{
    check(part->len <= LARGE_BLOCK_BYTES && part->row_bytes <= INT32_MAX &&
          part->offset <= part->row_bytes && part->len <= part->row_bytes - part->offset);
    struct query q =
        query_start(conn, "SELECT rowid FROM entries_data WHERE id = ? AND chunk_index = ?");
    query_bind_text(&q, part->id);
    query_bind_int(&q, part->chunk_index);
    err_t err = ERR_NOTFOUND;
    if (query_row(&q)) {
        /* The statement stays open meanwhile, and with it the view of the database it began. */
        err = read_blob(conn, query_column_int(&q, 0), part, ret_bytes);
    }
    err_t end = query_end(&q);
    return end != ERR_OK ? end : err;
}

err_t store_read_chunk(struct store *store, const char *id, int64_t chunk_index, size_t row_bytes,
                       size_t offset, void *ret_bytes, size_t len)
{
    const struct files_part part = {id, chunk_index, row_bytes, offset, len};
    struct conn *conn = reader_take(store);
    err_t err = files_read_part(conn, &part, ret_bytes);
    reader_give(store, conn);
    return err;
}
