/* collect.c — removes what has expired and what belongs to nothing, a slice at a time.
 *
 * Step by step: expired entries (with their history; their chunks then belong to nothing), files
 * whose chunks belong to nothing, what is recorded of files that another program has deleted,
 * expired sessions, old copies of deleted guest links. Entries are walked by rowid and chunk rows
 * by id, one index seek per file, so a slice costs the same in a large database as in a small one.
 */
#include "internal.h"
#include "picoshare/base/check.h"
#include <string.h>

enum step { STEP_ENTRIES, STEP_ORPHANS, STEP_EXTRAS, STEP_SESSIONS, STEP_DELETED_LINKS, STEP_END };

/* A damaged table can give its rows in any order, and a walk of it would not end: what comes next
 * must be more than what was before, or it is ERR_CORRUPT. */

/* Looks at up to ENTRIES_AT_ONCE entries after place->rowid. */
static err_t collect_entries(struct store *store, struct store_collect_place *place)
{
    enum { ENTRIES_AT_ONCE = 500 };
    char expired[sizeof place->at] = "";
    int64_t last = place->rowid;
    int64_t seen = 0;
    struct query q =
        query_start(&store->writer, "SELECT rowid, id, expiration_time IS NOT NULL AND"
                                    " unixepoch(expiration_time) < ?"
                                    " FROM entries WHERE rowid > ? ORDER BY rowid LIMIT ?");
    query_bind_int(&q, clock_now_s(store->clock));
    query_bind_int(&q, place->rowid);
    query_bind_int(&q, ENTRIES_AT_ONCE);
    while (expired[0] == '\0' && query_row(&q)) {
        seen++;
        if (query_column_int(&q, 0) <= last) {
            q.rc = SQLITE_CORRUPT;
            break;
        }
        last = query_column_int(&q, 0);
        if (query_column_int(&q, 2) != 0 &&
            !slice_copy(query_column_text(&q, 1), expired, sizeof expired)) {
            expired[0] = '\0'; /* not an id of anybody's: leave it alone */
        }
    }
    err_t err = query_end(&q);
    bool done = true;
    if (err == ERR_OK && expired[0] != '\0') {
        err = remove_entry(store, expired, HISTORY_STEP, &done);
        place->entries_removed += done ? 1 : 0;
    }
    place->rowid = done ? last : last - 1; /* the same entry again: its history is long */
    if (seen == 0) {
        place->step = STEP_ORPHANS;
    }
    return err;
}

/* Looks at the file of the next chunk row after place->at. */
static err_t collect_orphan(struct store *store, struct store_collect_place *place)
{
    /* Longer ids are nobody's; they are left alone. */
    struct query q = query_start(
        &store->writer, "SELECT id, EXISTS (SELECT 1 FROM entries AS e WHERE e.id = d.id)"
                        " FROM entries_data AS d WHERE id > ? AND length(CAST(id AS BLOB)) < ?"
                        " ORDER BY id LIMIT 1");
    query_bind_text(&q, place->at);
    query_bind_int(&q, (int64_t)sizeof place->at);
    bool found = query_row(&q);
    bool orphan = false;
    char id[sizeof place->at] = "";
    if (found) {
        struct slice text = query_column_text(&q, 0);
        orphan = slice_copy(text, id, sizeof id) && query_column_int(&q, 1) == 0 &&
                 !files_is_draft(store, text);
        found = id[0] != '\0';
    }
    err_t err = query_end(&q);
    if (err == ERR_OK && found && strcmp(id, place->at) <= 0) {
        err = ERR_CORRUPT;
    }
    if (err != ERR_OK || !found) {
        place->step = STEP_EXTRAS;
        place->at[0] = '\0';
        return err;
    }
    bool done = true;
    if (orphan) {
        /* It may take several slices; it counts once. */
        place->orphans_removed += strcmp(id, place->removing) != 0 ? 1 : 0;
        memcpy(place->removing, id, sizeof id);
        err = remove_chunks(store, id, &done);
    }
    if (done) {
        memcpy(place->at, id, sizeof id);
    }
    return err;
}

/* Looks at the records of up to EXTRAS_AT_ONCE files after place->at. That of a file
 * whose rows are lost stays, as the sign that there were some (files.c). */
static err_t collect_extras(struct store *store, struct store_collect_place *place)
{
    enum { EXTRAS_AT_ONCE = 500 };
    char last[sizeof place->at] = "";
    bool found = false;
    struct query q =
        query_start(&store->writer, "SELECT max(id) FROM (SELECT id FROM ext_files WHERE id > ?"
                                    " AND length(CAST(id AS BLOB)) < ? ORDER BY id LIMIT ?)");
    query_bind_text(&q, place->at);
    query_bind_int(&q, (int64_t)sizeof last);
    query_bind_int(&q, EXTRAS_AT_ONCE);
    found =
        query_row(&q) && slice_copy(query_column_text(&q, 0), last, sizeof last) && last[0] != '\0';
    err_t err = query_end(&q);
    if (err == ERR_OK && found && strcmp(last, place->at) <= 0) {
        err = ERR_CORRUPT;
    }
    if (err != ERR_OK || !found) {
        place->step = STEP_SESSIONS;
        return err == ERR_OK ? conn_run(&store->writer, "DELETE FROM ext_damaged WHERE id NOT IN"
                                                        " (SELECT id FROM entries)")
                             : err;
    }
    q = query_start(&store->writer,
                    "DELETE FROM ext_files WHERE id > ? AND id <= ? AND"
                    " NOT EXISTS (SELECT 1 FROM entries AS e WHERE e.id = ext_files.id)");
    query_bind_text(&q, place->at);
    query_bind_text(&q, last);
    memcpy(place->at, last, sizeof last);
    return query_finish(&q);
}

static err_t collect_sessions(struct store *store, struct store_collect_place *place)
{
    struct query q = query_start(&store->writer, "DELETE FROM ext_sessions WHERE expires <= ?");
    query_bind_int(&q, clock_now_s(store->clock));
    place->step = STEP_DELETED_LINKS;
    return query_finish(&q);
}

static err_t run_collect(struct store *store, struct store_job *job)
{
    struct store_collect *collect = CONTAINER_OF(job, struct store_collect, job);
    struct store_collect_place *place = &collect->place;
    if (job->rerun) {
        *place = collect->begun;
    } else {
        collect->begun = *place;
    }
    err_t err = ERR_OK;
    do {
        switch (place->step) {
        case STEP_ENTRIES:
            err = collect_entries(store, place);
            break;
        case STEP_ORPHANS:
            err = collect_orphan(store, place);
            break;
        case STEP_EXTRAS:
            err = collect_extras(store, place);
            break;
        case STEP_SESSIONS:
            err = collect_sessions(store, place);
            break;
        case STEP_DELETED_LINKS:
            err = guest_links_forget_deleted(store);
            place->step = STEP_END;
            break;
        default:
            return ERR_INTERNAL;
        }
    } while (err == ERR_OK && place->step != STEP_END && !writer_slice_over(store));
    collect->entries_removed = place->entries_removed;
    collect->orphans_removed = place->orphans_removed;
    job->again = err == ERR_OK && place->step != STEP_END;
    return err;
}

void store_collect_init(struct store_collect *collect)
{
    *collect = (struct store_collect){.job = {.run = run_collect, .lane = STORE_IDLE}};
}
