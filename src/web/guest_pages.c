/* guest_pages.c — guest links: the owner's list and form, and the page that guests open
 * (web-ui.md 7, 10.1, 10.2). */
#include "internal.h"
#include "picoshare/core/guest_links.h"
#include "picoshare/text/size.h"
#include "templates.h"
#include <inttypes.h>
#include <stdio.h>

static struct page_head head_of(const char *title)
{
    return (struct page_head){.title = title, .signed_in = true, .active = NAV_GUEST_LINKS};
}

/* ---- /guest-links ---- */

enum {
    /* Far more than anybody keeps an eye on; a page of it still opens in a moment. */
    MAX_LISTED_LINKS = 1000,
    /* Enough for that many with the longest labels, escaped. */
    LINKS_PAGE_BYTES = 4 * MIB,
    COUNT_TEXT_SIZE = 48,
    DISTANCE_TEXT_SIZE = 40,
};

struct link_list {
    struct buf *page;
    int64_t now;
    size_t count;
    bool more;
};

/* The day, and how far it is away: " (7 days)"; "Never", and nothing. */
static void print_link_expiry(int64_t expires, int64_t now, char ret_day[TIMESTAMP_DATE_SIZE],
                              char ret_distance[DISTANCE_TEXT_SIZE])
{
    if (expires == NEVER_S) {
        (void)snprintf(ret_day, TIMESTAMP_DATE_SIZE, "Never");
        ret_distance[0] = '\0';
        return;
    }
    int64_t days = days_between(now, expires);
    timestamp_print_date(expires, ret_day);
    (void)snprintf(ret_distance, DISTANCE_TEXT_SIZE, " (%" PRId64 " days%s)",
                   days < 0 ? -days : days, expires <= now ? " ago" : "");
}

static void print_lifetime(const struct store_guest_link *link, char ret_text[DURATION_NAME_SIZE])
{
    int64_t lifetime = 0;
    if (guest_link_lifetime(link, &lifetime) == ERR_OK) {
        duration_print_name(lifetime, ret_text);
    } else {
        (void)snprintf(ret_text, DURATION_NAME_SIZE, "Unknown");
    }
}

static void print_max_size(const struct store_guest_link *link, char ret_text[SIZE_TEXT_SIZE])
{
    if (link->max_file_bytes > 0) {
        size_print(link->max_file_bytes, ret_text);
    } else {
        (void)snprintf(ret_text, SIZE_TEXT_SIZE, "Unlimited");
    }
}

static void print_uploads(const struct store_guest_link *link, char ret_text[COUNT_TEXT_SIZE])
{
    if (link->max_file_uploads > 0) {
        (void)snprintf(ret_text, COUNT_TEXT_SIZE, "%" PRId64 " / %" PRId64, link->uploads,
                       link->max_file_uploads);
    } else {
        (void)snprintf(ret_text, COUNT_TEXT_SIZE, "%" PRId64 " / Unlimited", link->uploads);
    }
}

static const char *state_name(const struct store_guest_link *link, int64_t now)
{
    static const char *const names[] = {"", "Disabled", "Expired", "Used up"};
    return names[guest_link_state(link, now)];
}

static bool add_row(void *arg, const struct store_guest_link *link)
{
    struct link_list *list = arg;
    if (list->count == MAX_LISTED_LINKS) {
        list->more = true;
        return false;
    }
    char created[TIMESTAMP_DATE_SIZE];
    char link_expires[TIMESTAMP_DATE_SIZE];
    char distance[DISTANCE_TEXT_SIZE];
    char files_expire[DURATION_NAME_SIZE];
    char max_size[SIZE_TEXT_SIZE];
    char uploads[COUNT_TEXT_SIZE];
    struct store_guest_link enabled = *link;
    enabled.disabled = false;
    timestamp_print_date(link->creation_time, created);
    print_link_expiry(link->url_expiration_time, list->now, link_expires, distance);
    print_lifetime(link, files_expire);
    print_max_size(link, max_size);
    print_uploads(link, uploads);
    struct guest_link_view view = {
        .id = link->id,
        .label = link->label,
        .created = created,
        .link_expires = link_expires,
        .link_expires_in = distance,
        .files_expire = files_expire,
        .max_size = max_size,
        .uploads = uploads,
        .disabled = link->disabled,
        .state = state_name(link, list->now),
        .spent = state_name(&enabled, list->now),
    };
    template_guest_links_row(list->page, &view);
    list->count++;
    return buf_err(list->page) == ERR_OK;
}

static void end_list(struct request *request)
{
    struct app *app = app_of(request);
    struct page_head head = head_of("PicoShare - Guest Links");
    struct buf page;
    buf_init(&page, LINKS_PAGE_BYTES);
    struct link_list list = {.page = &page, .now = clock_now_s(app->clock)};
    template_guest_links_begin(&page, &head);
    err_t err = store_list_guest_links(app->store, 0, MAX_LISTED_LINKS + 1, add_row, &list);
    template_guest_links_end(&page, list.count, list.more);
    if (err == ERR_OK) {
        err = buf_err(&page);
    }
    if (err == ERR_OK) {
        answer_page(request, 200, &page);
    } else {
        answer_unreadable(request, err, NULL, "Failed to retrieve guest links");
    }
    buf_done(&page);
}

const struct request_handler handler_guest_links_page = {.end = end_list};

/* ---- /guest-links/new ---- */

/* The same day and time of the next year; the 28th of February after a 29th. */
static int64_t next_year(int64_t now)
{
    struct civil time;
    civil_from_unix(now, &time);
    time.year++;
    int last = civil_days_in_month(time.year, time.month);
    time.day = time.day < last ? time.day : last;
    return civil_to_unix(&time);
}

static void render_form(int64_t now, struct buf *page)
{
    struct lifetime_choice choices[USUAL_LIFETIMES];
    char lifetimes[USUAL_LIFETIMES][DURATION_TEXT_SIZE];
    struct option_view link_options[USUAL_LIFETIMES];
    struct option_view file_options[USUAL_LIFETIMES];
    for (size_t i = 0; i < USUAL_LIFETIMES; i++) {
        struct lifetime_choice *choice = &choices[i];
        make_choice(choice, usual_days[i], now);
        if (choice->days == 365) {
            timestamp_print(next_year(now), choice->value);
        }
        duration_print(duration_of_days(choice->days), lifetimes[i]);
        bool selected = choice->days == NEVER_DAYS;
        link_options[i] = (struct option_view){choice->value, choice->label, selected};
        file_options[i] = (struct option_view){lifetimes[i], choice->label, selected};
    }
    struct guest_link_new_page view = {
        .head = head_of("PicoShare - New Guest Link"),
        .link_options = link_options,
        .file_options = file_options,
        .option_count = USUAL_LIFETIMES,
    };
    template_guest_link_new(page, &view);
}

static void end_form(struct request *request)
{
    struct buf page;
    buf_init(&page, MAX_PAGE_BYTES);
    render_form(clock_now_s(app_of(request)->clock), &page);
    answer_page(request, 200, &page);
    buf_done(&page);
}

const struct request_handler handler_guest_link_form = {.end = end_form};

/* ---- /g/{id} ---- */

static void answer_inactive(struct request *request, enum guest_link_state state)
{
    static const char *const reasons[] = {"", "it is disabled", "it has expired",
                                          "it has received as many files as it takes"};
    struct guest_inactive_page view = {
        .head = {.title = "PicoShare - Guest Link Inactive", .signed_in = auth_is_owner(request)},
        .reason = reasons[state],
        .remedy = state == GUEST_LINK_DISABLED ? "enable it" : "make a new one",
    };
    struct buf page;
    buf_init(&page, MAX_PAGE_BYTES);
    template_guest_inactive(&page, &view);
    answer_page(request, 200, &page);
    buf_done(&page);
}

/* Whether files may live as long as that. For ever is more than any number of years. */
static bool allows(int64_t lifetime, int64_t days)
{
    return days == NEVER_DAYS ? lifetime == DURATION_INFINITE : duration_of_days(days) <= lifetime;
}

static void render_upload(const struct store_guest_link *link, int64_t lifetime, int64_t now,
                          bool signed_in, struct buf *page)
{
    struct lifetime_choice choices[USUAL_LIFETIMES];
    struct option_view options[USUAL_LIFETIMES];
    size_t n = 0;
    for (size_t i = 0; i < USUAL_LIFETIMES; i++) {
        if (allows(lifetime, usual_days[i])) {
            make_choice(&choices[n], usual_days[i], now);
            options[n] = (struct option_view){
                .value = choices[n].value,
                .label = choices[n].label,
                .selected = duration_of_days(usual_days[i]) == lifetime,
            };
            n++;
        }
    }
    char action[sizeof "/g/" + GUEST_LINK_ID_LEN];
    char max_bytes[24];
    char max_size[SIZE_TEXT_SIZE];
    bool limited = link->max_file_bytes > 0;
    (void)snprintf(action, sizeof action, "/g/%s", link->id);
    (void)snprintf(max_bytes, sizeof max_bytes, "%" PRId64, link->max_file_bytes);
    print_max_size(link, max_size);
    struct upload_page view = {
        .head = {.title = "PicoShare - Upload", .signed_in = signed_in},
        .action = action,
        .expirations = options,
        .expiration_count = n,
        .guest_link_id = link->id,
        .guest_max_bytes = limited ? max_bytes : NULL,
        .guest_max_size = limited ? max_size : NULL,
        .guest_files_left = guest_link_files_left(link),
    };
    template_upload(page, &view);
}

static void answer_upload(struct request *request, const struct store_guest_link *link)
{
    int64_t lifetime = 0;
    err_t err = guest_link_lifetime(link, &lifetime);
    if (err != ERR_OK) {
        answer_unreadable(request, err, NULL, "Failed to retrieve guest link");
        return;
    }
    struct buf page;
    buf_init(&page, MAX_PAGE_BYTES);
    render_upload(link, lifetime, clock_now_s(app_of(request)->clock), auth_is_owner(request),
                  &page);
    answer_page(request, 200, &page);
    buf_done(&page);
}

static void end_guest(struct request *request)
{
    char id[GUEST_LINK_ID_LEN + 1];
    if (!take_guest_link_id(request, "Invalid guest link ID: ", id)) {
        return;
    }
    struct app *app = app_of(request);
    struct store_guest_link link;
    err_t err = store_find_guest_link(app->store, id, &link);
    if (err == ERR_NOTFOUND) {
        answer_error(request, 404, "Invalid guest link ID");
    } else if (err != ERR_OK) {
        answer_unreadable(request, err, NULL, "Failed to retrieve guest link");
    } else {
        enum guest_link_state state = guest_link_state(&link, clock_now_s(app->clock));
        if (state == GUEST_LINK_ACTIVE) {
            answer_upload(request, &link);
        } else {
            answer_inactive(request, state);
        }
        store_guest_link_done(&link);
    }
}

const struct request_handler handler_guest_page = {.end = end_guest};
