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
#include <stdio.h>
#include <string.h>

/* What the search field takes: 255 UTF-16 units of at most three bytes. */
enum { SEARCH_BYTES = 255 * 3 + 1 };

static const char *const sort_names[] = {
    [STORE_BY_UPLOADED] = "uploaded",
    [STORE_BY_NAME] = "name",
    [STORE_BY_SIZE] = "size",
    [STORE_BY_EXPIRES] = "expires",
};

/* Of the text in the column of sizes. */
enum { LISTED_SIZE_BYTES = SIZE_TEXT_SIZE + sizeof " (damaged)" };

/* What was asked for. */
struct wish {
    enum store_sort sort;
    bool descending;
    bool backwards; /* from the end of the list, when there is no place */
    struct store_place place;
    char search[SEARCH_BYTES];
};

struct row {
    char id[ENTRY_ID_LEN + 1];
    char *filename;
    char *note;
    char size[LISTED_SIZE_BYTES];
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
    bool gave_up;            /* it has looked at enough rows: the last one was … */
    struct store_place last; /* … here */
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

static bool read_descending(const struct request *request, enum store_sort sort)
{
    char order[8];
    if (request_query_get(request, "order", order, sizeof order) == ERR_OK) {
        if (strcmp(order, "asc") == 0) {
            return false;
        }
        if (strcmp(order, "desc") == 0) {
            return true;
        }
    }
    return is_descending(sort);
}

/* Without the blanks around it, which keyboards of telephones add. */
static void read_search(const struct request *request, char ret_search[SEARCH_BYTES])
{
    char text[SEARCH_BYTES];
    if (request_query_get(request, "q", text, sizeof text) != ERR_OK) {
        text[0] = '\0';
    }
    check(slice_copy(slice_trim(slice_str(text)), ret_search, SEARCH_BYTES));
}

static bool read_place(const struct request *request, const char *direction,
                       struct store_place *place)
{
    if (request_query_get(request, direction, place->id, sizeof place->id) == ERR_OK &&
        place->id[0] != '\0' &&
        request_query_get(request, "key", place->key, sizeof place->key) == ERR_OK) {
        return true;
    }
    *place = (struct store_place){.id = ""};
    return false;
}

static void read_wish(const struct request *request, struct wish *wish)
{
    char last[8];
    *wish = (struct wish){.sort = read_sort(request)};
    wish->descending = read_descending(request, wish->sort);
    read_search(request, wish->search);
    wish->backwards = request_query_get(request, "last", last, sizeof last) == ERR_OK;
    if (!wish->backwards && !read_place(request, "after", &wish->place)) {
        wish->backwards = read_place(request, "before", &wish->place);
    }
}

/* ---- reading ---- */

static void print_listed_size(const struct store_entry *entry, char ret_text[LISTED_SIZE_BYTES])
{
    char size[SIZE_TEXT_SIZE];
    size_print(entry->size, size);
    (void)snprintf(ret_text, LISTED_SIZE_BYTES, "%s%s", entry->size >= 0 ? size : "Damaged",
                   entry->size >= 0 && entry->damaged ? " (damaged)" : "");
}

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
    print_listed_size(entry, row->size);
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
    struct store_listing listing = {
        .sort = wish->sort,
        .descending = wish->descending,
        .backwards = wish->backwards,
        .place = wish->place,
        .search = wish->search,
        .now = list->now,
        .max_rows = LIST_MAX_ROWS,
    };
    err_t err = store_list_entries(store, &listing, add_row, list, &list->last, &list->gave_up);
    return err == ERR_OK && list->failed ? ERR_NOMEM : err;
}

/* Whether nothing stands before these rows, or behind them. */
static bool is_start(const struct file_list *list)
{
    const struct wish *wish = &list->wish;
    return wish->backwards ? !list->full && !list->gave_up : wish->place.id[0] == '\0';
}

static bool is_end(const struct file_list *list)
{
    const struct wish *wish = &list->wish;
    return wish->backwards ? wish->place.id[0] == '\0' : !list->full && !list->gave_up;
}

static err_t read_page(struct store *store, struct file_list *list)
{
    err_t err = read_rows(store, list);
    /* The first page is a whole one, from wherever it is reached. Not in a search: it might stop
     * before it comes to these rows again. */
    if (err == ERR_OK && list->wish.backwards && is_start(list) && !is_end(list) &&
        list->wish.search[0] == '\0') {
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
    bool all;              /* without the search */
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
    if (list->wish.search[0] != '\0' && !link->all) {
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

/* Where the links to other pages stand in list->urls. */
struct pager {
    size_t first, previous, next, last, go_on, all;
};

static void make_pager(struct file_list *list, struct pager *pager)
{
    const struct wish *wish = &list->wish;
    struct link link = {.sort = wish->sort, .descending = wish->descending};
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
    pager->all = add_link(
        list, &(struct link){.sort = wish->sort, .descending = wish->descending, .all = true});
}

static err_t render(struct file_list *list, struct buf *page)
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
        /* cppcheck-suppress uninitvar ; the loop above fills all of them */
        sorts[i].url = urls + sort_links[i];
        sorts[i].order = wish->sort != i ? NULL : wish->descending ? "descending" : "ascending";
    }
    bool start = is_start(list);
    bool end = is_end(list);
    bool previous = !start && list->count > 0 && !(wish->backwards && list->gave_up);
    bool next = !end && list->count > 0 && !(!wish->backwards && list->gave_up);
    struct files_page view = {
        .head = {.title = "PicoShare - Files", .signed_in = true, .active = NAV_FILES},
        .rows = list->views,
        .row_count = list->count,
        /* cppcheck-suppress uninitvar ; as above */
        .by_name = sorts[STORE_BY_NAME],
        .by_size = sorts[STORE_BY_SIZE],
        .by_uploaded = sorts[STORE_BY_UPLOADED],
        .by_expires = sorts[STORE_BY_EXPIRES],
        .sort = sort_names[wish->sort],
        .order = wish->descending ? "desc" : "asc",
        .search = wish->search,
        .searchable = list->count > 0 || !start || !end || wish->search[0] != '\0',
        .first_url = start ? NULL : urls + pager.first,
        .previous_url = previous ? urls + pager.previous : NULL,
        .next_url = next ? urls + pager.next : NULL,
        .last_url = end ? NULL : urls + pager.last,
        .go_on_url = list->gave_up ? urls + pager.go_on : NULL,
        .looked_at = LIST_MAX_ROWS,
        .all_url = urls + pager.all,
    };
    if (buf_err(&list->urls) == ERR_OK) {
        template_files(page, &view);
    }
    return buf_err(&list->urls);
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
        err = render(list, &page);
    }
    if (err == ERR_OK) {
        answer_page(request, 200, &page);
    } else {
        answer_unreadable(request, err, NULL, "failed to retrieve file index");
    }
    clear_rows(list);
    buf_done(&list->urls);
    buf_done(&page);
    mem_free(list);
}

const struct request_handler handler_files_page = {.end = end};
