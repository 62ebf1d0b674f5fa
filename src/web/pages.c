/* pages.c — the HTML pages (web-ui.md). */
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/mem.h"
#include "picoshare/base/num.h"
#include "picoshare/core/rules.h"
#include "picoshare/text/size.h"
#include "picoshare/text/timestamp.h"
#include "templates.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- / ---- */

struct choice {
    int64_t days; /* NEVER_DAYS: never */
    char label[24];
    char value[TIMESTAMP_SIZE];
};

static void make_choice(struct choice *choice, int64_t days, int64_t now)
{
    choice->days = days;
    timestamp_print(expiry_after(days, now), choice->value);
    int64_t years = days % 365 == 0 ? days / 365 : 0;
    if (days == NEVER_DAYS) {
        (void)snprintf(choice->label, sizeof choice->label, "Never");
    } else if (years > 0) {
        (void)snprintf(choice->label, sizeof choice->label, "%" PRId64 " year%s", years,
                       years > 1 ? "s" : "");
    } else {
        (void)snprintf(choice->label, sizeof choice->label, "%" PRId64 " day%s", days,
                       days > 1 ? "s" : "");
    }
}

/* The lifetimes to choose from, the default selected, and Custom (web-ui.md 7). */
static void render_upload_page(int64_t default_days, int64_t now, struct buf *page)
{
    static const int64_t usual[] = {1, 7, 30, 365, NEVER_DAYS};
    struct choice choices[ARRAY_LEN(usual) + 1];
    struct option_view options[ARRAY_LEN(choices) + 1];
    size_t n = 0;
    bool is_usual = false;
    for (size_t i = 0; i < ARRAY_LEN(usual); i++) {
        make_choice(&choices[n++], usual[i], now);
        is_usual = is_usual || usual[i] == default_days;
    }
    if (!is_usual) {
        make_choice(&choices[n++], default_days, now);
    }
    for (size_t i = 0; i < n; i++) {
        options[i] = (struct option_view){.value = choices[i].value,
                                          .label = choices[i].label,
                                          .selected = choices[i].days == default_days};
    }
    options[n++] = (struct option_view){.value = "", .label = "Custom"};
    struct upload_page view = {
        .head = {.title = "PicoShare - Upload", .signed_in = true, .active = NAV_UPLOAD},
        .action = "/upload",
        .expirations = options,
        .expiration_count = n,
    };
    template_upload(page, &view);
}

static void end_start(struct request *request)
{
    struct app *app = app_of(request);
    struct buf page;
    buf_init(&page, MAX_PAGE_BYTES);
    if (!auth_is_owner(request)) {
        struct landing_page view = {.head = {.title = "PicoShare"}};
        template_landing(&page, &view);
        answer_page(request, 200, &page);
    } else {
        int64_t days = 0;
        err_t err = store_default_days(app->store, &days);
        if (err == ERR_OK) {
            render_upload_page(days, clock_now_s(app->clock), &page);
            answer_page(request, 200, &page);
        } else {
            answer_error(request, status_of(err), "failed to read settings from database");
        }
    }
    buf_done(&page);
}

const struct request_handler handler_start_page = {.end = end_start};

/* ---- /login ---- */

static void end_login(struct request *request)
{
    char next[MAX_TARGET_BYTES + 1];
    if (request_query_get(request, "next", next, sizeof next) != ERR_OK) {
        next[0] = '\0';
    }
    struct buf page;
    buf_init(&page, MAX_PAGE_BYTES);
    render_login_page(request, next, "", &page);
    answer_page(request, 200, &page);
    buf_done(&page);
}

const struct request_handler handler_login_page = {.end = end_login};

/* ---- /files ---- */

enum { FILES_PER_PAGE = 50 };

struct file_row {
    struct file_row_view view;
    char id[STORE_ENTRY_ID_LEN + 1];
    char size[SIZE_TEXT_SIZE];
    char uploaded[TIMESTAMP_DATE_SIZE];
    char expires[EXPIRY_TEXT_SIZE];
    int64_t upload_time;
};

struct file_list {
    struct file_row rows[FILES_PER_PAGE];
    struct file_row_view views[FILES_PER_PAGE];
    size_t count;
    bool more;
    int64_t now;
    bool failed; /* no memory */
};

static bool add_row(void *arg, const struct store_entry *entry)
{
    struct file_list *list = arg;
    if (list->count == FILES_PER_PAGE) {
        list->more = true;
        return false;
    }
    struct file_row *row = &list->rows[list->count];
    memcpy(row->id, entry->id, sizeof row->id);
    row->upload_time = entry->upload_time;
    size_print(entry->size, row->size);
    timestamp_print_date(entry->upload_time, row->uploaded);
    print_expiry(entry->expiration_time, list->now, row->expires);
    char *filename = mem_dup(entry->filename, strlen(entry->filename));
    char *note = mem_dup(entry->note, entry->note != NULL ? strlen(entry->note) : 0);
    list->views[list->count++] = (struct file_row_view){
        .id = row->id,
        .filename = filename,
        .note = note,
        .size = row->size,
        .uploaded = row->uploaded,
        .expires = row->expires,
    };
    list->failed = list->failed || filename == NULL || note == NULL;
    return !list->failed;
}

static void free_rows(struct file_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mem_free((void *)(uintptr_t)list->views[i].filename);
        mem_free((void *)(uintptr_t)list->views[i].note);
    }
}

/* "?after=TIME-ID": the last file of the page before. Anything else is the beginning. */
static struct store_cursor read_cursor(const struct request *request)
{
    struct store_cursor cursor = {.upload_time = 0};
    char after[48];
    struct slice text;
    if (request_query_get(request, "after", after, sizeof after) != ERR_OK) {
        return cursor;
    }
    text = slice_str(after);
    struct slice time = {text.ptr, slice_find(text, '-')};
    if (time.len == text.len ||
        num_parse_i64(time, 0, STORE_NEVER, &cursor.upload_time) != ERR_OK ||
        !slice_copy(slice_skip(text, time.len + 1), cursor.id, sizeof cursor.id)) {
        cursor = (struct store_cursor){.upload_time = 0};
    }
    return cursor;
}

static void render_files(const struct file_list *list, bool first, struct buf *page)
{
    char older[64] = "";
    if (list->more) {
        const struct file_row *last = &list->rows[list->count - 1];
        (void)snprintf(older, sizeof older, "?after=%" PRId64 "-%s", last->upload_time, last->id);
    }
    struct files_page view = {
        .head = {.title = "PicoShare - Files", .signed_in = true, .active = NAV_FILES},
        .rows = list->views,
        .row_count = list->count,
        .first = first,
        .older_query = list->more ? older : NULL,
    };
    template_files(page, &view);
}

static void end_files(struct request *request)
{
    struct app *app = app_of(request);
    struct store_cursor after = read_cursor(request);
    struct file_list *list = mem_alloc(1, sizeof *list);
    err_t err = list != NULL ? ERR_OK : ERR_NOMEM;
    struct buf page;
    buf_init(&page, MAX_PAGE_BYTES);
    if (err == ERR_OK) {
        list->now = clock_now_s(app->clock);
        err = store_list_entries(app->store, &after, list->now, FILES_PER_PAGE + 1, add_row, list);
        err = err == ERR_OK && list->failed ? ERR_NOMEM : err;
    }
    if (err == ERR_OK) {
        render_files(list, after.id[0] == '\0', &page);
        answer_page(request, 200, &page);
    } else {
        answer_error(request, status_of(err), "failed to retrieve file index");
    }
    if (list != NULL) {
        free_rows(list);
    }
    mem_free(list);
    buf_done(&page);
}

const struct request_handler handler_files_page = {.end = end_files};
