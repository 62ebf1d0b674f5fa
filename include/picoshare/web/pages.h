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

/* The entry of the navigation bar that leads to the current page. */
enum nav_item { NAV_NONE, NAV_UPLOAD, NAV_FILES, NAV_LOG_IN };

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
    const char *next;  /* local path to go to afterwards, "" for the start page */
    const char *error; /* "" when nothing went wrong */
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
};

/* One file that a form without JavaScript has uploaded. */
struct link_view {
    const char *filename;
    const char *full_url; /* http://host/-ID/name */
    const char *short_url;
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

/* `/files`: one page of the list, newest first. */
struct files_page {
    struct page_head head;
    const struct file_row_view *rows;
    size_t row_count;
    bool first;              /* nothing newer than these rows exists */
    const char *older_query; /* "?after=..." of the next page; NULL when these are the last */
};

/* Any failure, for a browser. */
struct error_page {
    struct page_head head;
    int status;
    const char *heading; /* what happened, in a few words: "Not found" */
    const char *message; /* the same text that other clients get */
    const char *advice;  /* what to do now, "" when there is nothing to say */
};

#endif
