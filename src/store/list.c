/* list.c — the list of files in any order, a page at a time.
 *
 * Every order has an index on its key and the id. The rows beyond a place are read as two ranges of
 * it: those with the place's key and an id beyond its own, then those with a key beyond. (SQLite
 * reads a single comparison, (key, id) > (?1, ?2), from the beginning of the index where the key is
 * an expression or has a collation.) So a page costs the rows it looks at, however many files stand
 * before it or share its key. It looks at more than it shows: expired files stay until the next
 * collection, and a search takes row after row. All of them count towards max_rows, therefore what
 * is known only elsewhere, the size and whether there are contents, is asked for last. */
#include "internal.h"
#include <string.h>

/* One range; ?1 and ?2 are the place. */
#define RANGE(from, key, where, order)                                                             \
    "SELECT e.rowid, e.id, " key ", e.filename, e.note, unixepoch(e.expiration_time) FROM " from   \
    " WHERE " where " ORDER BY " order
enum { ROWID_COLUMN, ID_COLUMN, KEY_COLUMN, NAME_COLUMN, NOTE_COLUMN, EXPIRATION_COLUMN };

enum range { SAME_KEY, BEYOND_KEY, RANGES };
#define BOTH_RANGES(from, key, id, beyond, direction)                                              \
    {                                                                                              \
        [SAME_KEY] = RANGE(from, key, key " = ?1 AND " id " " beyond " ?2", id " " direction),     \
        [BEYOND_KEY] =                                                                             \
            RANGE(from, key, key " " beyond " ?1", key " " direction ", " id " " direction),       \
    }

#define BOTH_WAYS(from, key, id)                                                                   \
    {                                                                                              \
        BOTH_RANGES(from, key, id, ">", "ASC"), BOTH_RANGES(from, key, id, "<", "DESC")            \
    }

#define ENTRIES "entries AS e"
#define FILES "ext_files AS f CROSS JOIN entries AS e ON e.id = f.id"

static const char *const ranges_sql[][2][RANGES] = {
    [STORE_BY_UPLOADED] = BOTH_WAYS(ENTRIES, "e.upload_time", "e.id"),
    [STORE_BY_NAME] = BOTH_WAYS(ENTRIES, "e.filename COLLATE NOCASE", "e.id"),
    [STORE_BY_SIZE] = BOTH_WAYS(FILES, "f.size", "f.id"),
    [STORE_BY_EXPIRES] =
        BOTH_WAYS(ENTRIES, "ifnull(e.expiration_time, '2999-12-31T00:00:00Z')", "e.id"),
};

/* A listing from an end begins before every row: numbers sort before texts, the empty text before
 * other texts, and blobs after all of them. */
static void bind_place(struct query *q, const struct store_listing *listing, bool downwards,
                       enum range range)
{
    const struct store_place *place = &listing->place;
    bool at_end = place->id[0] == '\0';
    if (at_end && downwards) {
        query_bind_blob(q, "", 0);
    } else if (at_end && listing->sort == STORE_BY_SIZE) {
        query_bind_int(q, INT64_MIN);
    } else {
        query_bind_text(q, at_end ? "" : place->key); /* SQLite makes a number of it for a size */
    }
    if (range == SAME_KEY) {
        query_bind_text(q, place->id);
    }
}

/* One call of store_list_entries(). */
struct reading {
    const struct store_listing *listing;
    bool (*each)(void *arg, const struct store_entry *entry, const struct store_place *place);
    void *arg;
    struct store_place *last; /* of the row looked at last */
    size_t rows;              /* looked at */
    bool ended;               /* by `each` or by max_rows, … */
    bool more;                /* … which was it */
};

/* The row's place becomes the last one; false when nobody can ask for its id. */
static bool read_place(struct query *q, struct store_place *last)
{
    struct slice id = query_column_text(q, ID_COLUMN);
    struct store_place place;
    if (id.len == 0 || !slice_copy(id, place.id, sizeof place.id)) {
        return false;
    }
    /* Longer than any of PicoShare's, or with a NUL: it is cut, and rows that differ only beyond
     * may come twice or not at all. */
    struct slice key = query_column_text(q, KEY_COLUMN);
    key.len = slice_find(key, '\0');
    key.len = key.len < sizeof place.key ? key.len : sizeof place.key - 1;
    (void)slice_copy(key, place.key, sizeof place.key);
    /* cppcheck-suppress uninitvar ; slice_copy fills both members */
    *last = place;
    return true;
}

static bool column_contains(struct query *q, int column, const char *part)
{
    const char *text = query_column_text(q, column).ptr;
    return text != NULL && strcasestr(text, part) != NULL;
}

static bool is_wanted(struct query *q, const struct store_listing *listing)
{
    const char *search = listing->search;
    if (!query_column_null(q, EXPIRATION_COLUMN) &&
        query_column_int(q, EXPIRATION_COLUMN) <= listing->now) {
        return false;
    }
    return search == NULL || search[0] == '\0' || column_contains(q, NAME_COLUMN, search) ||
           column_contains(q, NOTE_COLUMN, search);
}

/* ERR_NOTFOUND: it has no chunk row and never had one that we know of, so it is no file
 * (database.md 4). One whose size is recorded had some: its rows are not looked at. In a long list
 * the look would cost as much as all the rest, since ids, and so the pages of an index on them,
 * have nothing to do with the order. */
static err_t read_file(struct conn *conn, int64_t rowid, struct store_entry *entry)
{
    *entry = (struct store_entry){.filename = NULL};
    struct query q = query_start(conn, "SELECT " ENTRY_COLUMNS
                                       " FROM entries AS e LEFT JOIN ext_files AS f ON f.id = e.id"
                                       " WHERE e.rowid = ?");
    query_bind_int(&q, rowid);
    bool found = query_row(&q);
    bool sized = found && !query_column_null(&q, ENTRY_SIZE_COLUMN);
    if (found) {
        files_read_entry(&q, entry);
    }
    err_t err = query_end(&q);
    if (err == ERR_OK && found && !sized) {
        err = files_judge_layout(conn, entry);
    }
    return err == ERR_OK && !found ? ERR_NOTFOUND : err;
}

static err_t list_row(struct query *q, struct reading *reading)
{
    if (!read_place(q, reading->last) || !is_wanted(q, reading->listing)) {
        return ERR_OK;
    }
    struct store_entry entry;
    err_t err = read_file(q->conn, query_column_int(q, ROWID_COLUMN), &entry);
    if (err == ERR_OK) {
        reading->ended = !reading->each(reading->arg, &entry, reading->last);
    }
    store_entry_done(&entry);
    return err == ERR_NOTFOUND ? ERR_OK : err;
}

static err_t list_range(struct conn *conn, enum range range, struct reading *reading)
{
    const struct store_listing *listing = reading->listing;
    bool downwards = listing->descending != listing->backwards;
    struct query q = query_start(conn, ranges_sql[listing->sort][downwards][range]);
    bind_place(&q, listing, downwards, range);
    err_t err = ERR_OK;
    while (err == ERR_OK && !reading->ended && query_row(&q)) {
        reading->more = reading->rows++ == listing->max_rows;
        reading->ended = reading->more;
        if (!reading->ended) {
            err = list_row(&q, reading);
        }
    }
    err_t end = query_end(&q);
    return end != ERR_OK ? end : err;
}

err_t store_list_entries(struct store *store, const struct store_listing *listing,
                         bool (*each)(void *arg, const struct store_entry *entry,
                                      const struct store_place *place),
                         void *arg, struct store_place *ret_last, bool *ret_more)
{
    *ret_last = listing->place;
    struct reading reading = {.listing = listing, .each = each, .arg = arg, .last = ret_last};
    struct conn *conn = reader_take(store);
    err_t err = ERR_OK;
    for (enum range range = SAME_KEY; range < RANGES && err == ERR_OK && !reading.ended; range++) {
        err = list_range(conn, range, &reading);
    }
    reader_give(store, conn);
    *ret_more = reading.more;
    return err;
}
