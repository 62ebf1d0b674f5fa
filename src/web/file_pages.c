/* file_pages.c — the pages about one file (web-ui.md 9; statuses and texts: http-api.md 13). */
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/base/mem.h"
#include "picoshare/base/num.h"
#include "picoshare/core/download.h"
#include "picoshare/core/rules.h"
#include "picoshare/text/size.h"
#include "picoshare/text/timestamp.h"
#include "picoshare/text/user_agent.h"
#include "templates.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The file that the path names, to be freed with store_entry_done(). False: answered. */
static bool find_file(struct request *request, struct store_entry *ret_entry)
{
    char id[ENTRY_ID_LEN + 1];
    if (!take_entry_id(request, "bad entry ID: ", id)) {
        return false;
    }
    struct app *app = app_of(request);
    err_t err = download_describe(app->store, id, clock_now_s(app->clock), ret_entry);
    if (err == ERR_NOTFOUND) {
        answer_error(request, 404, "entry not found");
    } else if (err != ERR_OK) {
        answer_unreadable(request, err, id, "failed to retrieve entry");
    }
    return err == ERR_OK;
}

static struct page_head head_of(const char *title)
{
    return (struct page_head){.title = title, .signed_in = true, .active = NAV_FILES};
}

static const char *note_of(const struct store_entry *entry)
{
    return entry->note != NULL ? entry->note : "";
}

/* ---- information ---- */

static void print_sha256(const struct store_entry *entry, char ret_text[2 * SHA256_BYTES + 1])
{
    ret_text[0] = '\0';
    if (entry->has_sha256) {
        digest_print_hex(entry->sha256, SHA256_BYTES, ret_text);
    }
}

static void print_size(int64_t bytes, char ret_text[SIZE_TEXT_SIZE])
{
    if (bytes >= 0) {
        size_print(bytes, ret_text);
    } else {
        (void)snprintf(ret_text, SIZE_TEXT_SIZE, "Unknown");
    }
}

static err_t render_info(const struct request *request, const struct store_entry *entry,
                         const struct store_guest_link *link, int64_t downloads, struct buf *page)
{
    struct buf full_url;
    struct buf short_url;
    char size[SIZE_TEXT_SIZE];
    char expires[EXPIRY_TEXT_SIZE];
    char upload_time[TIMESTAMP_SIZE];
    char sha256[2 * SHA256_BYTES + 1];
    print_size(entry->size, size);
    print_expiry(entry->expiration_time, clock_now_s(app_of(request)->clock), expires);
    timestamp_print(entry->upload_time, upload_time);
    print_sha256(entry, sha256);
    buf_init(&full_url, (size_t)4 * MAX_TARGET_BYTES);
    buf_init(&short_url, (size_t)4 * MAX_TARGET_BYTES);
    add_full_url(request, entry->id, entry->filename, &full_url);
    add_short_url(request, entry->id, &short_url);
    bool by_guest = entry->guest_link_id[0] != '\0';
    bool labelled = link->label != NULL && link->label[0] != '\0';
    struct file_info_page view = {
        .head = head_of("PicoShare - File Information"),
        .id = entry->id,
        .filename = entry->filename,
        .full_url = buf_str(&full_url),
        .short_url = buf_str(&short_url),
        .size = size,
        .expires = expires,
        .downloads = downloads,
        .note = note_of(entry),
        .guest_link_id = by_guest ? entry->guest_link_id : NULL,
        .guest_link_name = labelled ? link->label : entry->guest_link_id,
        .upload_time = upload_time,
        .sha256 = sha256,
        .damaged = entry->damaged,
    };
    template_file_info(page, &view);
    /* The link with a name that is too long is cut, and leads to the file all the same. */
    bool lacks_memory = buf_err(&full_url) == ERR_NOMEM || buf_err(&short_url) == ERR_NOMEM;
    buf_done(&short_url);
    buf_done(&full_url);
    return lacks_memory ? ERR_NOMEM : ERR_OK;
}

/* The link that a file came through; empty when the owner uploaded it, or when the link is gone. */
static err_t find_link(struct store *store, const struct store_entry *entry,
                       struct store_guest_link *ret_link)
{
    *ret_link = (struct store_guest_link){.label = NULL};
    if (entry->guest_link_id[0] == '\0') {
        return ERR_OK;
    }
    err_t err = store_find_guest_link(store, entry->guest_link_id, ret_link);
    return err == ERR_NOTFOUND ? ERR_OK : err;
}

static void answer_info(struct request *request, const struct store_entry *entry)
{
    struct app *app = app_of(request);
    struct store_guest_link link;
    int64_t downloads = 0;
    err_t err = find_link(app->store, entry, &link);
    if (err != ERR_OK) {
        answer_unreadable(request, err, entry->id, "failed to retrieve entry");
        return;
    }
    struct buf page;
    buf_init(&page, MAX_PAGE_BYTES);
    err = store_count_downloads(app->store, entry->id, false, &downloads);
    if (err == ERR_OK) {
        err = render_info(request, entry, &link, downloads, &page);
    }
    if (err == ERR_OK) {
        answer_page(request, 200, &page);
    } else {
        answer_unreadable(request, err, entry->id, "failed to retrieve downloads");
    }
    buf_done(&page);
    store_guest_link_done(&link);
}

static void end_info(struct request *request)
{
    struct store_entry entry;
    if (find_file(request, &entry)) {
        answer_info(request, &entry);
        store_entry_done(&entry);
    }
}

const struct request_handler handler_file_info = {.end = end_info};

/* ---- editing ---- */

static void render_edit(const struct store_entry *entry, int64_t now, struct buf *page)
{
    char expires[TIMESTAMP_SIZE];
    timestamp_print(entry->expiration_time, expires);
    struct file_edit_page view = {
        .head = head_of("PicoShare - Edit"),
        .id = entry->id,
        .filename = entry->filename,
        .note = note_of(entry),
        .expires = entry->expiration_time != NEVER_S ? expires : NULL,
        .expires_soon = entry->expiration_time - now <= EXPIRATION_MIN_AHEAD_S,
    };
    template_file_edit(page, &view);
}

static void end_edit(struct request *request)
{
    struct store_entry entry;
    if (find_file(request, &entry)) {
        struct buf page;
        buf_init(&page, MAX_PAGE_BYTES);
        render_edit(&entry, clock_now_s(app_of(request)->clock), &page);
        answer_page(request, 200, &page);
        buf_done(&page);
        store_entry_done(&entry);
    }
}

const struct request_handler handler_file_edit = {.end = end_edit};

/* ---- deleting ---- */

static void end_delete(struct request *request)
{
    struct store_entry entry;
    if (find_file(request, &entry)) {
        struct file_delete_page view = {
            .head = head_of("PicoShare - Delete"), .id = entry.id, .filename = entry.filename};
        struct buf page;
        buf_init(&page, MAX_PAGE_BYTES);
        template_file_delete(&page, &view);
        answer_page(request, 200, &page);
        buf_done(&page);
        store_entry_done(&entry);
    }
}

const struct request_handler handler_file_delete = {.end = end_delete};

/* ---- history ---- */

enum {
    /* As many as fit MAX_PAGE_BYTES with the longest names, escaped. */
    DOWNLOADS_PER_PAGE = 100,
    CLIENT_TEXT_SIZE = 64, /* IPv6 needs 46; what proxies have made PicoShare store is cut */
    PAGE_QUERY_SIZE = 48,
};

struct download_row {
    char time[TIMESTAMP_SIZE];
    char client_ip[CLIENT_TEXT_SIZE];
    char browser[USER_AGENT_BROWSER_SIZE];
    char platform[USER_AGENT_PLATFORM_SIZE];
};

/* One page of a history. */
struct history {
    struct download_row rows[DOWNLOADS_PER_PAGE];
    struct download_view views[DOWNLOADS_PER_PAGE];
    size_t count;
    bool unique;
    int64_t total; /* rows of all pages */
    int64_t page;  /* from 1 */
};

static bool add_download(void *arg, const struct store_download *download)
{
    struct history *history = arg;
    struct download_row *row = &history->rows[history->count];
    timestamp_print(download->time, row->time);
    (void)snprintf(row->client_ip, sizeof row->client_ip, "%s", download->client_ip);
    user_agent_names(slice_str(download->user_agent), row->browser, row->platform);
    history->views[history->count++] = (struct download_view){
        .time = row->time,
        .client_ip = row->client_ip,
        .browser = row->browser,
        .platform = row->platform,
    };
    return history->count < DOWNLOADS_PER_PAGE;
}

static int64_t offset_of(const struct history *history)
{
    return (history->page - 1) * DOWNLOADS_PER_PAGE;
}

/* "?unique=true&page=N"; a page that does not exist is the nearest one that does. */
static void read_query(const struct request *request, struct history *history)
{
    char text[24];
    history->unique = request_query_get(request, "unique", text, sizeof text) == ERR_OK &&
                      strcmp(text, "true") == 0;
    if (request_query_get(request, "page", text, sizeof text) != ERR_OK ||
        num_parse_i64(slice_str(text), 1, INT32_MAX, &history->page) != ERR_OK) {
        history->page = 1;
    }
}

static err_t read_history(struct store *store, const char *id, struct history *history)
{
    err_t err = store_count_downloads(store, id, history->unique, &history->total);
    int64_t last_page = (history->total + DOWNLOADS_PER_PAGE - 1) / DOWNLOADS_PER_PAGE;
    if (err != ERR_OK || last_page == 0) {
        return err;
    }
    history->page = history->page < last_page ? history->page : last_page;
    return store_list_downloads(store, id, history->unique, (size_t)offset_of(history),
                                DOWNLOADS_PER_PAGE, add_download, history);
}

static const char *page_query(const struct history *history, int64_t page,
                              char ret_query[PAGE_QUERY_SIZE])
{
    if (page < 1 || (page - 1) * DOWNLOADS_PER_PAGE >= history->total) {
        return NULL;
    }
    (void)snprintf(ret_query, PAGE_QUERY_SIZE, "?%spage=%" PRId64,
                   history->unique ? "unique=true&" : "", page);
    return ret_query;
}

static void render_downloads(const struct store_entry *entry, const struct history *history,
                             struct buf *page)
{
    char newer[PAGE_QUERY_SIZE];
    char older[PAGE_QUERY_SIZE];
    struct downloads_page view = {
        .head = head_of("PicoShare - Downloads"),
        .id = entry->id,
        .filename = entry->filename,
        .unique = history->unique,
        .rows = history->views,
        .row_count = history->count,
        .top = history->total - offset_of(history),
        .newer_query = page_query(history, history->page - 1, newer),
        .older_query = page_query(history, history->page + 1, older),
    };
    template_downloads(page, &view);
}

static void answer_downloads(struct request *request, const struct store_entry *entry)
{
    struct history *history = mem_alloc(1, sizeof *history);
    err_t err = ERR_NOMEM;
    if (history != NULL) {
        read_query(request, history);
        err = read_history(app_of(request)->store, entry->id, history);
    }
    if (err == ERR_OK) {
        struct buf page;
        buf_init(&page, MAX_PAGE_BYTES);
        render_downloads(entry, history, &page);
        answer_page(request, 200, &page);
        buf_done(&page);
    } else {
        answer_unreadable(request, err, entry->id, "failed to retrieve downloads");
    }
    mem_free(history);
}

static void end_downloads(struct request *request)
{
    struct store_entry entry;
    if (find_file(request, &entry)) {
        answer_downloads(request, &entry);
        store_entry_done(&entry);
    }
}

const struct request_handler handler_file_downloads = {.end = end_downloads};
