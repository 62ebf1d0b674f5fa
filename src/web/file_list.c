/* file_list.c — /files: the list of files, in any order, a page at a time (web-ui.md 8).
 *
 *     /files?sort=name&order=asc&q=part&after=ID&key=KEY
 *
 * A page begins after (or ends before) the file with this id and key; KEY is the text that the list
 * is sorted by, so that the place stays when the file goes. What is missing or makes no sense is
 * the default: newest first, from the beginning. */
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/mem.h"
#include "picoshare/text/percent.h"
#include "picoshare/text/size.h"
#include "picoshare/text/timestamp.h"
#include "templates.h"
#include <string.h>

enum { SEARCH_BYTES = 256 };

static const char *const sort_names[] = {
    [STORE_BY_UPLOADED] = "uploaded",
    [STORE_BY_NAME] = "name",
    [STORE_BY_SIZE] = "size",
    [STORE_BY_EXPIRES] = "expires",
};

/* What was asked for. */
struct wish {
    enum store_sort sort;
    bool descending;
    bool backwards;
    bool from_end; /* backwards from the end of the list */
    struct store_place place;
    char search[SEARCH_BYTES];
};

struct row {
    char id[STORE_ENTRY_ID_LEN + 1];
    char *filename;
    char *note;
    char size[SIZE_TEXT_SIZE];
    char uploaded[TIMESTAMP_DATE_SIZE];
    char expires[EXPIRY_TEXT_SIZE];
    struct store_place place;
};

struct file_list {
    struct wish wish;
    int64_t now;
    struct row rows[FILES_PER_PAGE];
    struct file_row_view views[FILES_PER_PAGE];
    size_t count;
    bool full;               /* there are more rows in the direction of reading */
    bool gave_up;            /* the search stopped early, at … */
    struct store_place last; /* … the last row looked at */
    bool failed;             /* no memory */
    struct buf urls;         /* of links, each ended by NUL */
};

/* ---- what was asked for ---- */

static enum store_sort read_sort(const struct request *request)
{
    char name[16];
    if (request_query_get(request, "sort", name, sizeof name) == ERR_OK) {
        for (size_t i = 0; i < ARRAY_LEN(sort_names); i++) {
            if (strcmp(name, sort_names[i]) == 0) {
                return (enum store_sort)i;
            }
        }
    }
    return STORE_BY_UPLOADED;
}

/* Names begin with A, everything else with the most recent, largest, latest. */
static bool is_descending(enum store_sort sort)
{
    return sort != STORE_BY_NAME;
}

static void read_wish(const struct request *request, struct wish *wish)
{
    char text[16];
    *wish = (struct wish){.sort = read_sort(request)};
    wish->descending = is_descending(wish->sort);
    if (request_query_get(request, "order", text, sizeof text) == ERR_OK) {
        wish->descending = strcmp(text, "desc") == 0;
    }
    if (request_query_get(request, "q", wish->search, sizeof wish->search) != ERR_OK) {
        wish->search[0] = '\0';
    }
    wish->from_end = request_query_get(request, "last", text, sizeof text) == ERR_OK;
    wish->backwards = wish->from_end;
    struct store_place *place = &wish->place;
    if (request_query_get(request, "key", place->key, sizeof place->key) != ERR_OK ||
        wish->from_end) {
        return;
    }
    if (request_query_get(request, "after", place->id, sizeof place->id) == ERR_OK) {
        return;
    }
    wish->backwards = request_query_get(request, "before", place->id, sizeof place->id) == ERR_OK;
    if (!wish->backwards) {
        *place = (struct store_place){.id = ""};
    }
}

/* ---- reading ---- */

static bool add_row(void *arg, const struct store_entry *entry, const struct store_place *place)
{
    struct file_list *list = arg;
    if (list->count == FILES_PER_PAGE) {
        list->full = true;
        return false;
    }
    struct row *row = &list->rows[list->count++];
    memcpy(row->id, entry->id, sizeof row->id);
    row->place = *place;
    size_print(entry->size, row->size);
    timestamp_print_date(entry->upload_time, row->uploaded);
    print_expiry(entry->expiration_time, list->now, row->expires);
    row->filename = mem_dup(entry->filename, strlen(entry->filename));
    row->note = mem_dup(entry->note, entry->note != NULL ? strlen(entry->note) : 0);
    list->failed = row->filename == NULL || row->note == NULL;
    return !list->failed;
}

static void clear_rows(struct file_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mem_free(TAKE(list->rows[i].filename));
        mem_free(TAKE(list->rows[i].note));
    }
    list->count = 0;
    list->full = false;
}

static err_t read_rows(struct store *store, struct file_list *list)
{
    const struct wish *wish = &list->wish;
    bool searching = wish->search[0] != '\0';
    struct store_listing listing = {
        .sort = wish->sort,
        .descending = wish->descending,
        .backwards = wish->backwards,
        .place = wish->place,
        .search = wish->search,
        .now = list->now,
        .max_rows = searching ? SEARCH_MAX_ROWS : FILES_PER_PAGE + 1,
    };
    err_t err = store_list_entries(store, &listing, add_row, list, &list->last, &list->gave_up);
    list->gave_up = list->gave_up && searching;
    return err == ERR_OK && list->failed ? ERR_NOMEM : err;
}

static err_t read_page(struct store *store, struct file_list *list)
{
    err_t err = read_rows(store, list);
    if (err == ERR_OK && list->wish.backwards && !list->wish.from_end && !list->full &&
        !list->gave_up) {
        /* It reached the beginning: then it is the first page, and a whole one. */
        clear_rows(list);
        list->wish.backwards = false;
        list->wish.place = (struct store_place){.id = ""};
        err = read_rows(store, list);
    }
    return err;
}

/* ---- links ---- */

struct link {
    enum store_sort sort;
    bool descending;
    const char *direction; /* "after", "before", "last", or NULL: the first page */
    const struct store_place *place;
};

static void add_param(struct buf *out, char separator, const char *name, const char *value)
{
    buf_add_char(out, separator);
    buf_add_str(out, name);
    buf_add_char(out, '=');
    percent_add_component(out, slice_str(value));
}

/* The link's place in list->urls; the addresses are settled when all links have been written. */
static size_t add_link(struct file_list *list, const struct link *link)
{
    struct buf *out = &list->urls;
    size_t at = out->len;
    buf_add_str(out, "/files");
    add_param(out, '?', "sort", sort_names[link->sort]);
    add_param(out, '&', "order", link->descending ? "desc" : "asc");
    if (list->wish.search[0] != '\0') {
        add_param(out, '&', "q", list->wish.search);
    }
    if (link->direction != NULL) {
        add_param(out, '&', link->direction, link->place != NULL ? link->place->id : "1");
    }
    if (link->place != NULL) {
        add_param(out, '&', "key", link->place->key);
    }
    buf_add_char(out, '\0');
    return at;
}

/* ---- showing ---- */

static void make_views(struct file_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct row *row = &list->rows[list->wish.backwards ? list->count - 1 - i : i];
        list->views[i] = (struct file_row_view){
            .id = row->id,
            .filename = row->filename,
            .note = row->note,
            .size = row->size,
            .uploaded = row->uploaded,
            .expires = row->expires,
        };
    }
}

/* Which of the links to other pages there are. */
struct pager {
    size_t first, previous, next, last, go_on;
    bool has_previous, has_next;
};

static void make_pager(struct file_list *list, struct pager *pager)
{
    const struct wish *wish = &list->wish;
    bool from_start = !wish->backwards && wish->place.id[0] == '\0';
    struct link link = {.sort = wish->sort, .descending = wish->descending};
    pager->has_previous = list->count > 0 && (wish->backwards ? list->full : !from_start);
    pager->has_next = list->count > 0 && (wish->backwards ? !wish->from_end : list->full);
    pager->first = add_link(list, &link);
    link.direction = "last";
    pager->last = add_link(list, &link);
    if (list->count > 0) {
        const struct row *one = &list->rows[0];
        const struct row *other = &list->rows[list->count - 1];
        link.direction = "before";
        link.place = wish->backwards ? &other->place : &one->place;
        pager->previous = add_link(list, &link);
        link.direction = "after";
        link.place = wish->backwards ? &one->place : &other->place;
        pager->next = add_link(list, &link);
    }
    link.direction = wish->backwards ? "before" : "after";
    link.place = &list->last;
    pager->go_on = add_link(list, &link);
}

static void render(struct file_list *list, struct buf *page)
{
    const struct wish *wish = &list->wish;
    size_t sort_links[ARRAY_LEN(sort_names)];
    struct sort_view sorts[ARRAY_LEN(sort_names)];
    for (size_t i = 0; i < ARRAY_LEN(sort_names); i++) {
        bool current = wish->sort == i;
        sort_links[i] = add_link(
            list, &(struct link){.sort = (enum store_sort)i,
                                 .descending = current ? !wish->descending
                                                       : is_descending((enum store_sort)i)});
    }
    struct pager pager = {.first = 0};
    make_pager(list, &pager);
    make_views(list);
    const char *urls = buf_str(&list->urls);
    for (size_t i = 0; i < ARRAY_LEN(sort_names); i++) {
        sorts[i].url = urls + sort_links[i];
        sorts[i].order = wish->sort != i ? NULL : wish->descending ? "descending" : "ascending";
    }
    bool other_pages = pager.has_previous || pager.has_next;
    struct files_page view = {
        .head = {.title = "PicoShare - Files", .signed_in = true, .active = NAV_FILES},
        .rows = list->views,
        .row_count = list->count,
        .by_name = sorts[STORE_BY_NAME],
        .by_size = sorts[STORE_BY_SIZE],
        .by_uploaded = sorts[STORE_BY_UPLOADED],
        .by_expires = sorts[STORE_BY_EXPIRES],
        .sort = sort_names[wish->sort],
        .order = wish->descending ? "desc" : "asc",
        .search = wish->search,
        .searchable = other_pages || wish->search[0] != '\0',
        .first_url = pager.has_previous ? urls + pager.first : NULL,
        .previous_url = pager.has_previous ? urls + pager.previous : NULL,
        .next_url = pager.has_next ? urls + pager.next : NULL,
        .last_url = pager.has_next ? urls + pager.last : NULL,
        .go_on_url = list->gave_up ? urls + pager.go_on : NULL,
        .looked_at = SEARCH_MAX_ROWS,
        .all_url = "/files",
        .is_first = !wish->backwards && wish->place.id[0] == '\0',
    };
    if (buf_err(&list->urls) == ERR_OK) {
        template_files(page, &view);
    }
}

static void end(struct request *request)
{
    struct app *app = app_of(request);
    struct file_list *list = mem_alloc(1, sizeof *list);
    if (list == NULL) {
        answer_error(request, 503, "out of memory");
        return;
    }
    struct buf page;
    buf_init(&page, MAX_PAGE_BYTES);
    buf_init(&list->urls, (size_t)64 * KIB);
    list->now = clock_now_s(app->clock);
    read_wish(request, &list->wish);
    err_t err = read_page(app->store, list);
    if (err == ERR_OK) {
        render(list, &page);
        answer_page(request, 200, &page);
    } else {
        answer_error(request, status_of(err), "failed to retrieve file index");
    }
    clear_rows(list);
    buf_done(&list->urls);
    buf_done(&page);
    mem_free(list);
}

const struct request_handler handler_files_page = {.end = end};
