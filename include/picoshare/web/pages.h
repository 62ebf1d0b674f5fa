/* pages.h — what each page shows: the view structs that templates/ take.
 *
 * Plain data, ready to print: texts are formatted by the caller and escaped by the template.
 * Everything is borrowed for the call that renders. Strings are never NULL unless it says so.
 * The functions template_NAME(struct buf *, const struct NAME_page *) are declared in the
 * generated header templates.h; a failure shows in the buffer's error.
 * Titles, headings and texts: web-ui.md 1 to 8, with improvements.md, Pages. */
#ifndef PICOSHARE_WEB_PAGES_H
#define PICOSHARE_WEB_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The entry of the navigation bar that leads to the current page. */
enum nav_item {
    NAV_NONE,
    NAV_UPLOAD,
    NAV_FILES,
    NAV_GUEST_LINKS,
    NAV_INFORMATION,
    NAV_SETTINGS,
    NAV_LOG_IN
};

struct page_head {
    const char *title; /* the document's, "PicoShare - Files" */
    bool signed_in;
    enum nav_item active;
};

/* `/` for visitors. */
struct landing_page {
    struct page_head head;
};

/* `/login`; also the answer to a failed POST /login. */
struct login_page {
    struct page_head head;
    const char *next;   /* local path to go to afterwards, "" for the start page */
    const char *error;  /* "" when nothing went wrong */
    const char *advice; /* what to do now; "" likewise */
};

/* One choice of a select element. */
struct option_view {
    const char *value; /* "" is the choice that needs a script, Custom */
    const char *label;
    bool selected;
};

/* `/` for the owner and `/g/{id}` for guests. */
struct upload_page {
    struct page_head head;
    const char *action; /* where the form goes without JavaScript: "/upload" */
    const struct option_view *expirations;
    size_t expiration_count;
    const char *guest_link_id;   /* NULL for the owner */
    const char *guest_max_bytes; /* in digits; NULL when the link sets no limit */
    const char *guest_max_size;  /* the same for people */
    int64_t guest_files_left;    /* 1 or more; -1: the link sets no limit */
};

/* One file that a form without JavaScript has uploaded. */
struct link_view {
    const char *filename;
    const char *full_url; /* http://host/-ID/name */
    const char *short_url;
    const char *edit_id; /* NULL for a guest, who cannot edit it */
};

/* The answer to POST /upload. */
struct upload_result_page {
    struct page_head head;
    const struct link_view *links;
    size_t link_count;
    const char *again; /* path of the page to upload more from */
};

struct file_row_view {
    const char *id;
    const char *filename;
    const char *note; /* "" when there is none */
    const char *size;
    const char *uploaded;
    const char *expires;
};

/* The heading of a column that the list can be sorted by. */
struct sort_view {
    const char *url;
    const char *order; /* "ascending" or "descending"; NULL: it is not sorted by this column */
};

/* `/files`: one page of the list. URLs are NULL where there is nothing to go to. */
struct files_page {
    struct page_head head;
    const struct file_row_view *rows;
    size_t row_count;
    struct sort_view by_name;
    struct sort_view by_size;
    struct sort_view by_uploaded;
    struct sort_view by_expires;
    const char *sort; /* for the search form to keep */
    const char *order;
    const char *search; /* "": none */
    bool searchable;    /* there is a file, or a search is on */
    const char *first_url;
    const char *previous_url;
    const char *next_url;
    const char *last_url;
    const char *go_on_url; /* it stopped after looking at … */
    int64_t looked_at;     /* … so many files */
    const char *all_url;   /* the same order without the search; never NULL */
};

/* `/files/{id}/info` */
struct file_info_page {
    struct page_head head;
    const char *id;
    const char *filename;
    const char *full_url; /* http://host/-ID/name */
    const char *short_url;
    const char *size;
    const char *expires;
    int64_t downloads;
    const char *note;          /* "" when there is none */
    const char *guest_link_id; /* NULL: uploaded by the owner */
    const char *guest_link_name;
    const char *upload_time; /* RFC 3339 */
    const char *sha256;      /* hexadecimal; "" when it is not known */
    bool damaged;
};

/* `/files/{id}/edit` */
struct file_edit_page {
    struct page_head head;
    const char *id;
    const char *filename;
    const char *note;    /* "" when there is none */
    const char *expires; /* RFC 3339; NULL: never */
    bool expires_soon;   /* too soon to be accepted again */
};

/* `/files/{id}/confirm-delete` */
struct file_delete_page {
    struct page_head head;
    const char *id;
    const char *filename;
};

struct download_view {
    const char *time; /* RFC 3339 */
    const char *client_ip;
    const char *browser;
    const char *platform;
};

/* `/files/{id}/downloads`: one page of the history, newest first. */
struct downloads_page {
    struct page_head head;
    const char *id;
    const char *filename;
    bool unique; /* only the newest of each address */
    const struct download_view *rows;
    size_t row_count;
    int64_t top;             /* number of the first row; they count down */
    const char *newer_query; /* "?page=1"; NULL when nothing is newer */
    const char *older_query; /* likewise */
};

/* One row of `/guest-links`, which is printed in parts: begin, row for each, end. */
struct guest_link_view {
    const char *id;
    const char *label; /* "" when it has none */
    const char *created;
    const char *link_expires;    /* the day */
    const char *link_expires_in; /* " (7 days)"; "" when it never does */
    const char *files_expire;
    const char *max_size;
    const char *uploads;
    bool disabled;
    const char *state; /* "" while it takes files; or "Disabled", "Expired", "Used up" */
    const char *spent; /* the same if it were enabled */
};

/* `/guest-links/new`: the same lifetimes, for the link and for the files. */
struct guest_link_new_page {
    struct page_head head;
    const struct option_view *link_options; /* when it ends, RFC 3339 */
    const struct option_view *file_options; /* how long they live */
    size_t option_count;                    /* of each */
};

/* `/g/{id}` when it takes no files. */
struct guest_inactive_page {
    struct page_head head;
    const char *reason; /* for the owner: "it is disabled" */
    const char *remedy; /* likewise: "enable it" */
};

/* `/settings` */
struct settings_page {
    struct page_head head;
    bool forever;
    int64_t number;
    bool in_years; /* the number counts years, not days */
};

/* `/information`, which is printed in parts: begin, session for each, end. Sizes are for people,
 * and "" when they are not known. */
struct information_page {
    struct page_head head;
    int64_t disk_used; /* bytes */
    int64_t disk_total;
    int disk_percent;
    const char *disk_used_size;
    const char *disk_total_size;
    const char *upload_size;
    const char *database_size;
    const char *free_size; /* within the database */
    bool can_shrink;
    bool can_convert;
    bool reclaims; /* at the moment */
    const char *version;
    const char *revision;      /* "" when it is not known */
    const char *commit_time;   /* likewise */
    const char *sandbox;       /* what of it is active, in words */
    const char *resident_size; /* memory, and its parts: see base/memory_use.h */
    const char *resident_peak_size;
    const char *anonymous_size;
    const char *group_size;
    const char *group_page_cache_size;
    const char *group_limit_size;
    int64_t files;
    int64_t free_pages;
    const char *log_size;
    bool checks;              /* looks for damage in the background … */
    bool checking;            /* … and does so now */
    int64_t damaged;          /* files that were found to be */
    const char *checked_id;   /* the file looked at last; "": none since the start */
    const char *checked_time; /* when; RFC 3339 */
    const char *checked_all;  /* when all had been looked at, likewise; "": never yet */
    const char *uptime;       /* "5 hours" */
    int64_t uploads;          /* running */
    int64_t buffers_used;
    int64_t buffers_total;
    const char *buffer_size;
    int64_t connections;
    int64_t requests; /* running */
};

/* A browser, or a script, that is signed in. */
struct session_view {
    const char *handle;
    const char *created;   /* RFC 3339 */
    const char *last_used; /* likewise */
    const char *client_ip;
    const char *browser;  /* "" when it is not known */
    const char *platform; /* likewise */
    bool own;             /* the one that asks */
};

/* Any failure, for a browser. */
struct error_page {
    struct page_head head;
    int status;
    const char *heading; /* what happened, in a few words: "Not found" */
    const char *message; /* the same text that other clients get, in small print */
    const char *advice;  /* what to do now, "" when there is nothing to say */
};

#endif
