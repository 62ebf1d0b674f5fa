/* store.h — the database file: entries, their contents in chunk rows, guest links, sessions,
 * settings, history.
 *
 * Knows no HTTP and shows no SQLite type. The file follows database.md; what PicoShare has no place
 * for stands in extra tables (docs/database.md).
 *
 * Threads: reads (store_find_…, store_read_…, store_list_…) may be called from any thread, take a
 * few microseconds and hold nothing open afterwards. Every change is a job for the one writer
 * thread: fill in a job, store_submit() it, and its done() is called on the writer thread after the
 * change is committed (or has failed). Jobs of one lane keep their order. A job and everything it
 * points to is borrowed from store_submit() until done(). Several jobs share one transaction; if it
 * fails, each is tried again alone.
 *
 * Errors: ERR_FULL, ERR_IO, ERR_CORRUPT, ERR_NOMEM and ERR_BUSY come from below and may come from
 * anything here; others are named where they can happen. Times are whole seconds since 1970. */
#ifndef PICOSHARE_STORE_STORE_H
#define PICOSHARE_STORE_STORE_H

#include "picoshare/base/clock.h"
#include "picoshare/base/digest.h"
#include "picoshare/base/err.h"
#include "picoshare/base/format.h"
#include "picoshare/base/list.h"
#include "picoshare/base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

/* What somebody should hear of, though every job tells its own result. */
enum store_event {
    /* The system could not bring changes to the disk. Until STORE_TRUSTED every job fails with
     * ERR_IO or ERR_FULL, and reading goes on. */
    STORE_DISTRUSTED,
    STORE_TRUSTED, /* the log was written and flushed again: changes are stored again */
};

struct store_options {
    const char *path;          /* the database file; its directory exists */
    const struct clock *clock; /* borrowed for the store's life */
    /* Name of an SQLite VFS, borrowed for the store's life; NULL is the system's. For tests. */
    const char *vfs;
    void (*event)(enum store_event event); /* on the writer thread; NULL: nobody listens */
    /* Something else (Litestream) checkpoints the log: never do it here. */
    bool foreign_checkpoints;
    /* Whether a guest link's file lifetime is one that its users can do with; an upgrade refuses a
     * file with another one. NULL: none is looked at. */
    bool (*lifetime_ok)(struct slice text);
    int64_t history_rows; /* downloads of a file that are kept; 0: HISTORY_MAX_ROWS */
    /* From here on the log is copied into the database; 0: WAL_SOFT_BYTES. A seam for tests. */
    int64_t log_bytes;
    bool secure_delete; /* overwrite what is deleted (docs/database.md says at what price) */
};

/* Draws the seed of SQLite's random numbers from /dev/urandom, which the sandbox hides later.
 * Before the first store is opened. */
void store_prepare(void);

/* Opens or creates the database, upgrades one of an older PicoShare, brings the extra tables up to
 * date and starts the writer thread. ERR_INVALID: it is no database of ours, of a version that is
 * not understood, or with rows that cannot be upgraded; the file is untouched. ERR_FULL, ERR_BUSY:
 * no room for an upgrade, or another process has the file: one of ours always, any during an
 * upgrade. *ret_info says in one line what is wrong. */
err_t store_open(const struct store_options *options, struct store **ret_store,
                 struct err_info *ret_info) MUST_CHECK;
/* Runs every job that was submitted, then stops the writer and closes. NULL is fine. */
void store_close(struct store *store);
/* The version that the database had before it was upgraded at this start, or -1. */
int64_t store_upgraded_from(const struct store *store);
/* Whether the file lacks the map of its pages that shrinking takes (convert.h). Any thread. */
bool store_can_convert(const struct store *store);

/* Keeps all servers from a database file, for who is going to put another in its place. ERR_BUSY:
 * this program or another one has it open. *ret_fd is to be closed afterwards, on an error too
 * unless it is left alone. */
err_t store_claim(const char *path, int *ret_fd, struct err_info *ret_info) MUST_CHECK;

/* ---- jobs ------------------------------------------------------------------------------------ */

enum store_lane {
    STORE_URGENT, /* small changes somebody waits for: they go first */
    STORE_BULK,   /* chunks of uploads */
    STORE_IDLE,   /* background work in slices of SLICE_MS */
};

struct store_job {
    struct store_job *next; /* the store's */
    err_t (*run)(struct store *store, struct store_job *job);
    /* The store's: right before done(), also when it was never run. */
    void (*end)(struct store_job *job);
    void (*done)(struct store_job *job); /* on the writer thread; may free or reuse the job */
    void *owner;                         /* the submitter's, for done() */
    size_t bytes;                        /* of file contents it stores: limits a transaction */
    enum store_lane lane;
    bool takes_room; /* for good: it is not what the reserve of a full disk is for */
    bool outside;    /* it runs in no transaction; idle jobs only */
    /* Set by an idle job that must keep up with uploads: its next slice is due when so many bytes
     * of file contents have been stored, if that is sooner. 0: it need not. */
    size_t pace_bytes;
    bool durable; /* done() is called after the change has reached the disk */
    bool rerun;   /* the store's: the last run was rolled back, and this one takes its place */
    bool again;   /* set by an idle job that has more to do: it is run again later */
    err_t result; /* valid in done() */
};

void store_submit(struct store *store, struct store_job *job);
/* Submits and waits until the job is done; for start-up and tests, never for HTTP workers. */
err_t store_run(struct store *store, struct store_job *job) MUST_CHECK;

/* ---- storing a file -------------------------------------------------------------------------- */

/* A file that is being stored and not visible yet. Embedded in the submitter's object; alive from
 * store_draft_init() until its publish or discard job is done. */
struct store_draft {
    char id[ENTRY_ID_LEN + 1];
    /* the writer's: */
    struct list running; /* among the uploads that a collection must spare */
    bool owns_rows;      /* the rows with this id, if any, are the draft's */
};

void store_draft_init(struct store_draft *draft, const char *id);

/* Adds one chunk row. Lane: bulk. Chunks of a draft must be submitted in order. ERR_EXISTS: the id
 * names another file. ERR_BUSY also when a foreign reader keeps the log from being shortened. */
struct store_append {
    struct store_job job;
    struct store_draft *draft;
    int64_t chunk_index;
    const void *bytes;
    size_t len;
};
void store_append_init(struct store_append *append);

/* One file of a publish job. The strings are borrowed. */
struct store_new_file {
    struct store_draft *draft;
    const char *filename;
    const char *content_type;
    int64_t size;
    uint8_t sha256[SHA256_BYTES];
    int64_t chunks; /* rows, the last chunk included */
    /* The last chunk, when it has not been appended; len 0: it has. */
    struct slice last_chunk;
};

/* Makes files visible, all or none, durably. ERR_INTERNAL: a chunk row is missing. Through a guest
 * link: ERR_NOTFOUND when it is gone, ERR_AUTH when it is disabled or takes fewer files.
 * The caller sets the lane: urgent only when no append of these files is still queued. */
struct store_publish {
    struct store_job job;
    const struct store_new_file *files;
    size_t files_count;
    int64_t upload_time;
    int64_t expiration_time;   /* or NEVER_S */
    const char *note;          /* NULL: none */
    const char *guest_link_id; /* NULL: uploaded by the owner */
};
void store_publish_init(struct store_publish *publish);

/* Removes the rows of a draft, in slices. Lane: idle, but never before appends that are queued. */
struct store_discard {
    struct store_job job;
    struct store_draft *draft;
};
void store_discard_init(struct store_discard *discard);

/* ---- reading files --------------------------------------------------------------------------- */

/* What is known of a file. Owns its strings; free with store_entry_done(). */
struct store_entry {
    char id[ENTRY_ID_LEN + 1];
    char *filename;
    char *content_type;
    char *note;                                /* NULL: none */
    char guest_link_id[GUEST_LINK_ID_LEN + 1]; /* "": uploaded by the owner */
    int64_t upload_time;
    int64_t expiration_time; /* NEVER_S also when none is stored */
    int64_t size;            /* bytes */
    size_t chunk_bytes;      /* of every chunk but the last */
    int64_t recorded_size;   /* what it had when it was stored or measured; -1: not known */
    bool has_sha256;
    uint8_t sha256[SHA256_BYTES];
    bool damaged; /* it was found to be (store_note_damage), or is by the look of its rows */
};

/* ERR_NOTFOUND: no such entry, or one without any data. ERR_CORRUPT: its rows do not fit together.
 * Expired entries are found. */
err_t store_find_entry(struct store *store, const char *id,
                       struct store_entry *ret_entry) MUST_CHECK;

/* The same for who does not read it, such as its owner who wants to be rid of it: a damaged file is
 * found, too, with the recorded size, or -1, when its rows do not tell. One without any data is
 * found if it is known to have had some: its size is recorded, or it was found to be damaged. */
err_t store_describe_entry(struct store *store, const char *id,
                           struct store_entry *ret_entry) MUST_CHECK;
void store_entry_done(struct store_entry *entry);

/* Exactly len bytes (at most LARGE_BLOCK_BYTES) of one chunk row, from the given offset in it.
 * ERR_NOTFOUND: the row is missing. ERR_CORRUPT: it does not hold row_bytes bytes, so that it is
 * not the one that was stored. */
err_t store_read_chunk(struct store *store, const char *id, int64_t chunk_index, size_t row_bytes,
                       size_t offset, void *ret_bytes, size_t len) MUST_CHECK;

/* ---- the list of files ----------------------------------------------------------------------- */

enum store_sort { STORE_BY_UPLOADED, STORE_BY_NAME, STORE_BY_SIZE, STORE_BY_EXPIRES };

/* A place between two files of a sorted list: right after, or before, the file with this key (the
 * text of what the list is sorted by) and id. The file itself may have gone meanwhile. */
enum { STORE_KEY_BYTES = 256 }; /* a file name of 255 bytes is the longest */
struct store_place {
    char key[STORE_KEY_BYTES];
    char id[ENTRY_ID_LEN + 1]; /* "": the beginning of the list, or its end */
};

struct store_listing {
    enum store_sort sort; /* names without regard to the case of ASCII letters */
    bool descending;
    bool backwards;           /* from the place towards the beginning: rows come in that order */
    struct store_place place; /* where to begin */
    const char *search;       /* a part of name or note, case as above; NULL or "": all files */
    int64_t now;              /* expired files are left out */
    size_t max_rows;          /* looked at, whether they are given out or not */
};

/* Calls `each` for the files of a list, row by row, with the place of each; both are borrowed for
 * the call. Stops when it returns false. *ret_last is the last row looked at, and *ret_more tells
 * that max_rows ended it. chunk_bytes and sha256 of the entry are not filled in; its size is -1
 * when it is not recorded and its rows do not tell. A list by size lacks files whose size is not
 * recorded yet (store_next_unmeasured). It costs the rows it looks at, however long the list is:
 * those given out, expired ones between them, and what a search passes over. */
err_t store_list_entries(struct store *store, const struct store_listing *listing,
                         bool (*each)(void *arg, const struct store_entry *entry,
                                      const struct store_place *place),
                         void *arg, struct store_place *ret_last, bool *ret_more) MUST_CHECK;

/* ---- changing files -------------------------------------------------------------------------- */

/* A new name, expiry and note. Lane: urgent. ERR_NOTFOUND: no such entry. */
struct store_edit {
    struct store_job job;
    char id[ENTRY_ID_LEN + 1];
    const char *filename;
    int64_t expiration_time; /* or NEVER_S */
    const char *note;        /* NULL: none */
};
void store_edit_init(struct store_edit *edit);

/* Makes a file disappear; ERR_OK also when there is none. Lane: urgent. What would take longer
 * than one job (its chunk rows, a very long history) stays for store_purge: until then, and after
 * a crash until the next collection, it takes room but nobody sees it. */
struct store_remove {
    struct store_job job;
    char id[ENTRY_ID_LEN + 1];
};
void store_remove_init(struct store_remove *remove);

/* Takes away what store_remove has left. Lane: idle. */
struct store_purge {
    struct store_job job;
    char id[ENTRY_ID_LEN + 1];
};
void store_purge_init(struct store_purge *purge);

/* ---- guest links ----------------------------------------------------------------------------- */

struct store_guest_link {
    char id[GUEST_LINK_ID_LEN + 1];
    char *label;              /* "" when it has none; owned, free with store_guest_link_done() */
    int64_t max_file_bytes;   /* 0: any */
    int64_t max_file_uploads; /* 0: any number */
    int64_t creation_time;
    int64_t url_expiration_time; /* NEVER_S also when none is stored */
    char file_lifetime[48];      /* duration text, "720h0m0s" */
    bool disabled;
    int64_t uploads; /* files that exist and came through it */
};

/* ERR_NOTFOUND: no such link. */
err_t store_find_guest_link(struct store *store, const char *id,
                            struct store_guest_link *ret_link) MUST_CHECK;
void store_guest_link_done(struct store_guest_link *link);

/* Calls `each` for at most `limit` links, newest first, after skipping `offset`; the link is
 * borrowed for the call. Stops early when it returns false. */
err_t store_list_guest_links(struct store *store, size_t offset, size_t limit,
                             bool (*each)(void *arg, const struct store_guest_link *link),
                             void *arg) MUST_CHECK;

/* Lane: urgent. `link` is borrowed; its uploads are not looked at. */
struct store_create_guest_link {
    struct store_job job;
    const struct store_guest_link *link;
};
void store_create_guest_link_init(struct store_create_guest_link *create);

enum store_guest_link_change {
    STORE_GUEST_LINK_DELETE, /* ERR_OK also when there is none; its files become the owner's */
    STORE_GUEST_LINK_ENABLE, /* ERR_NOTFOUND: no such link */
    STORE_GUEST_LINK_DISABLE,
    /* Takes a deletion back, with the files that still exist. ERR_NOTFOUND: it was not deleted, or
     * more than UNDO_S ago. ERR_EXISTS: there is such a link. */
    STORE_GUEST_LINK_RESTORE,
};

/* Lane: urgent. */
struct store_change_guest_link {
    struct store_job job;
    enum store_guest_link_change change;
    char id[GUEST_LINK_ID_LEN + 1];
};
void store_change_guest_link_init(struct store_change_guest_link *change);

/* ---- settings -------------------------------------------------------------------------------- */

/* The default lifetime of the settings page in days, at most NEVER_DAYS. */
err_t store_default_days(struct store *store, int64_t *ret_days) MUST_CHECK;

/* Lane: urgent. */
struct store_set_default_days {
    struct store_job job;
    int64_t days;
};
void store_set_default_days_init(struct store_set_default_days *set);

/* ---- download history ------------------------------------------------------------------------ */

/* One row; the strings are borrowed for the call that gives it out, never NULL. */
struct store_download {
    int64_t time;
    const char *client_ip;
    const char *user_agent;
};

/* How many rows store_list_downloads() would give without a limit. */
err_t store_count_downloads(struct store *store, const char *entry_id, bool unique_clients,
                            int64_t *ret_count) MUST_CHECK;
/* At most `limit` rows of a file, newest first, after skipping `offset`; with unique_clients only
 * the newest of each address. Stops early when `each` returns false. */
err_t store_list_downloads(struct store *store, const char *entry_id, bool unique_clients,
                           size_t offset, size_t limit,
                           bool (*each)(void *arg, const struct store_download *download),
                           void *arg) MUST_CHECK;

/* Adds a row, unless the same client started the same download less than DOWNLOAD_REPEAT_S ago.
 * Lane: urgent. */
struct store_record_download {
    struct store_job job;
    char entry_id[ENTRY_ID_LEN + 1];
    int64_t time;
    const char *client_ip;
    const char *user_agent;
};
void store_record_download_init(struct store_record_download *record);

/* ---- sessions -------------------------------------------------------------------------------- */

struct store_session {
    uint8_t token_sha256[SHA256_BYTES];
    int64_t last_used;
    int64_t expires;
};

/* ERR_NOTFOUND: unknown. Expired sessions are found. */
err_t store_find_session(struct store *store, const uint8_t token_sha256[SHA256_BYTES],
                         struct store_session *ret_session) MUST_CHECK;

/* What the owner is shown of a session. The handle names it, but opens nothing: it is the beginning
 * of the token's hash. Strings are borrowed for the call that gives it out. */
enum { STORE_HANDLE_LEN = 16 };
struct store_session_view {
    char handle[STORE_HANDLE_LEN + 1]; /* lower-case hexadecimal */
    int64_t created;
    int64_t last_used;
    int64_t expires;
    const char *client_ip;
    const char *user_agent;
};

/* Calls `each` for at most `limit` sessions that have not expired, the last used first. Stops when
 * it returns false. */
err_t store_list_sessions(struct store *store, int64_t now, size_t limit,
                          bool (*each)(void *arg, const struct store_session_view *session),
                          void *arg) MUST_CHECK;

enum store_session_change {
    STORE_SESSION_CREATE,
    STORE_SESSION_TOUCH, /* a new last use and expiry */
    STORE_SESSION_DELETE,
    STORE_SESSION_DELETE_BY_HANDLE, /* ERR_NOTFOUND: no such session */
    STORE_SESSION_DELETE_ALL,
};

/* Changes the sessions. Lane: urgent. */
struct store_change_session {
    struct store_job job;
    enum store_session_change change;
    uint8_t token_sha256[SHA256_BYTES];
    char handle[STORE_HANDLE_LEN + 1]; /* delete by handle only */
    int64_t now;
    int64_t expires;
    const char *client_ip;  /* create only */
    const char *user_agent; /* create only */
};
void store_change_session_init(struct store_change_session *change);

/* A small value of ours that survives restarts (extra table ext_meta). */
err_t store_get_meta(struct store *store, const char *key, char *ret_value, size_t size) MUST_CHECK;

struct store_set_meta {
    struct store_job job;
    const char *key;
    const char *value;
};
void store_set_meta_init(struct store_set_meta *set);

/* ---- sizes and digests of files that another program stored --------------------------------- */

/* The first file after the given id ("" is the beginning) whose digest, or with sizes_only whose
 * size, is not recorded. ERR_NOTFOUND: none is left. */
err_t store_next_unmeasured(struct store *store, const char *after, bool sizes_only,
                            char ret_id[ENTRY_ID_LEN + 1]) MUST_CHECK;

/* Records them, if the file still exists. Lane: urgent. */
struct store_measure {
    struct store_job job;
    char id[ENTRY_ID_LEN + 1];
    int64_t size;
    bool has_sha256;
    uint8_t sha256[SHA256_BYTES];
};
void store_measure_init(struct store_measure *measure);

/* ---- damage that was found --------------------------------------------------------------------
 */

err_t store_is_damage_noted(struct store *store, const char *id, bool *ret_noted) MUST_CHECK;

/* Notes that a file, if it still exists, is damaged, or that it is not any more. Lane: urgent. */
struct store_note_damage {
    struct store_job job;
    char id[ENTRY_ID_LEN + 1];
    const char *text; /* what is wrong; NULL: nothing */
};
void store_note_damage_init(struct store_note_damage *note);

/* ---- collection ------------------------------------------------------------------------------ */

/* Removes expired entries with their history, then chunk rows that belong to nothing (but never
 * those of a running upload), then expired sessions and what is kept of guest links deleted long
 * ago. Lane: idle. Counts are valid in done(). */
struct store_collect {
    struct store_job job;
    int64_t entries_removed;
    int64_t orphans_removed; /* files whose rows belonged to nothing */
    /* the writer's: where the next slice goes on, and where the last one began */
    struct store_collect_place {
        int step;
        char at[64];
        char removing[64];
        int64_t rowid;
        int64_t entries_removed;
        int64_t orphans_removed;
    } place, begun;
};
void store_collect_init(struct store_collect *collect);

/* Gives free pages at the end of the file back to the file system, in slices. Lane: idle.
 * ERR_INVALID: the file was made without auto_vacuum, and beside Litestream: nothing is done. */
struct store_vacuum {
    struct store_job job;
    int64_t pages_freed;
    int64_t begun; /* the writer's: pages_freed when the last slice began */
};
void store_vacuum_init(struct store_vacuum *vacuum);

/* ---- backup ---------------------------------------------------------------------------------- */

struct copying; /* the writer's */

/* Copies the whole database, as it is when the job is done, to a file that has no name, beside it.
 * One at a time. Lane: idle. ERR_FULL: there is no room for it. ERR_CLOSED: it was not wanted any
 * more. ERR_BUSY: another program changes the database all the time. */
struct store_backup {
    struct store_job job;
    /* Asked before each slice, on the writer thread. */
    bool (*is_wanted)(void *arg);
    void *arg;
    int fd; /* in done(): the copy, to be read and closed by its owner; -1: there is none */
    _Atomic int64_t bytes_done, bytes_total; /* any thread; after done() the copy's size */
    struct copying *copying;
    bool lost; /* the connection that was copied from has been closed; the writer's */
};
void store_backup_init(struct store_backup *backup, bool (*is_wanted)(void *arg), void *arg);

/* ---- figures --------------------------------------------------------------------------------- */

/* Bytes of the write-ahead log that are in use. Any thread. */
int64_t store_wal_bytes(const struct store *store);

/* What the database takes (database.md 7, end). All in bytes but for pages. */
struct store_figures {
    int64_t files;        /* entries; expired ones count until they are collected */
    int64_t upload_bytes; /* their contents */
    int64_t damaged;      /* files that were found to be */
    int64_t sessions;     /* that have not expired */
    int64_t files_bytes;  /* every file whose path begins with the database's: log and index too */
    int64_t disk_total;
    int64_t disk_used; /* blocks kept for root count as used */
    int64_t page_bytes;
    int64_t pages;
    int64_t free_pages; /* within the file, for later uploads */
    bool can_shrink;    /* store_vacuum can give free pages back */
    bool can_convert;   /* as store_can_convert() */
};
err_t store_figures(struct store *store, struct store_figures *ret_figures) MUST_CHECK;

#endif
