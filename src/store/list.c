/* list.c — the list of files in any order, a page at a time.
 *
 * Every order has an index on its key and the id, so a page is read from where the last one ended
 * and costs its own rows only. A search looks at row after row of that order and stops after
 * max_rows of them; the caller may go on from there. */
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/base/num.h"
#include <string.h>

/* The rows of one order in one direction: `from` names entries AS e and ext_files AS f, ?1 and ?2
 * are the place, ?3 is now. A file without a chunk row is none (database.md 4). */
#define ROWS(from, key, compare, direction)                                                        \
    "SELECT " ENTRY_COLUMNS ", " key " FROM " from " WHERE (" key ", e.id) " compare " (?1, ?2)"   \
    " AND (e.expiration_time IS NULL OR unixepoch(e.expiration_time) > ?3)"                        \
    " AND EXISTS (SELECT 1 FROM entries_data AS d WHERE d.id = e.id)"                              \
    " ORDER BY " key " " direction ", e.id " direction

#define BOTH(from, key)                                                                            \
    {                                                                                              \
        ROWS(from, key, ">", "ASC"), ROWS(from, key, "<", "DESC")                                  \
    }

#define BY_ENTRY "entries AS e LEFT JOIN ext_files AS f ON f.id = e.id"
#define BY_FILE "ext_files AS f CROSS JOIN entries AS e ON e.id = f.id"

static const char *const rows_sql[][2] = {
    [STORE_BY_UPLOADED] = BOTH(BY_ENTRY, "e.upload_time"),
    [STORE_BY_NAME] = BOTH(BY_ENTRY, "e.filename COLLATE NOCASE"),
    [STORE_BY_SIZE] = BOTH(BY_FILE, "f.size"),
    [STORE_BY_EXPIRES] = BOTH(BY_ENTRY, "ifnull(e.expiration_time, '2999-12-31T00:00:00Z')"),
};

/* A listing that begins at an end begins before every row: numbers sort before texts, the empty
 * text before other texts, and blobs after all of them. */
static void bind_place(struct query *q, const struct store_listing *listing, bool downwards)
{
    const struct store_place *place = &listing->place;
    int64_t size = INT64_MIN;
    bool at_end = place->id[0] == '\0';
    if (at_end && downwards) {
        query_bind_blob(q, "", 0);
    } else if (listing->sort == STORE_BY_SIZE) {
        /* What is no size is the beginning. */
        err_t err = at_end ? ERR_OK : num_parse_i64(slice_str(place->key), 0, INT64_MAX, &size);
        query_bind_int(q, err == ERR_OK ? size : INT64_MIN);
    } else {
        query_bind_text(q, at_end ? "" : place->key);
    }
    query_bind_text(q, place->id);
}

static bool matches(const struct store_entry *entry, const char *search)
{
    return search == NULL || search[0] == '\0' || strcasestr(entry->filename, search) != NULL ||
           (entry->note != NULL && strcasestr(entry->note, search) != NULL);
}

static void read_place(struct query *q, const struct store_entry *entry, struct store_place *place)
{
    /* A longer key is cut: rows that differ only beyond it may come twice or not at all. */
    struct slice key = query_column_text(q, ENTRY_COLUMNS_COUNT);
    key.len = key.len < STORE_KEY_BYTES ? key.len : STORE_KEY_BYTES - 1;
    if (!slice_copy(key, place->key, sizeof place->key)) {
        place->key[0] = '\0';
    }
    memcpy(place->id, entry->id, sizeof place->id);
}

/* Reads the current row; false when it failed or `each` wants no more. */
static bool list_row(struct query *q, const struct store_listing *listing,
                     bool (*each)(void *arg, const struct store_entry *entry,
                                  const struct store_place *place),
                     void *arg, struct store_place *last, err_t *err)
{
    struct store_entry entry;
    bool sized = !query_column_null(q, ENTRY_SIZE_COLUMN);
    files_read_entry(q, &entry);
    bool more = q->rc == SQLITE_ROW;
    if (more) {
        read_place(q, &entry, last);
        if (matches(&entry, listing->search)) {
            if (!sized) {
                *err = files_read_layout(q->conn, &entry);
                *err = *err == ERR_CORRUPT ? ERR_OK : *err; /* must not hide the others */
            }
            more = *err == ERR_OK && each(arg, &entry, last);
        }
    }
    store_entry_done(&entry);
    return more;
}

err_t store_list_entries(struct store *store, const struct store_listing *listing,
                         bool (*each)(void *arg, const struct store_entry *entry,
                                      const struct store_place *place),
                         void *arg, struct store_place *ret_last, bool *ret_more)
{
    bool downwards = listing->descending != listing->backwards;
    *ret_last = listing->place;
    *ret_more = false;
    struct conn *conn = reader_take(store);
    struct query q = query_start(conn, rows_sql[listing->sort][downwards ? 1 : 0]);
    bind_place(&q, listing, downwards);
    query_bind_int(&q, listing->now);
    err_t err = ERR_OK;
    size_t rows = 0;
    while (query_row(&q)) {
        *ret_more = rows++ == listing->max_rows;
        if (*ret_more || !list_row(&q, listing, each, arg, ret_last, &err)) {
            break;
        }
    }
    err_t end = query_end(&q);
    reader_give(store, conn);
    return end != ERR_OK ? end : err;
}
