/* system_pages.c — /settings and /information (web-ui.md 10.3, 10.4). */
#include "figures.h"
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/text/size.h"
#include "picoshare/text/user_agent.h"
#include "templates.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- /settings ---- */

/* "Never" has no number of its own: it shows this one, switched off. */
enum { SHOWN_FOR_NEVER = 30, DAYS_PER_YEAR = 365 };

static void render_settings(int64_t days, struct buf *page)
{
    bool forever = days >= NEVER_DAYS;
    bool in_years = !forever && days % DAYS_PER_YEAR == 0;
    int64_t shown = forever ? SHOWN_FOR_NEVER : days;
    struct settings_page view = {
        .head = {.title = "PicoShare - Settings", .signed_in = true, .active = NAV_SETTINGS},
        .forever = forever,
        .number = in_years ? days / DAYS_PER_YEAR : shown,
        .in_years = in_years,
    };
    template_settings(page, &view);
}

static void end_settings(struct request *request)
{
    int64_t days = 0;
    err_t err = store_default_days(app_of(request)->store, &days);
    if (err != ERR_OK) {
        answer_failure(request, err, "failed to read settings from database");
        return;
    }
    struct buf page;
    buf_init(&page, MAX_PAGE_BYTES);
    render_settings(days, &page);
    answer_page(request, 200, &page);
    buf_done(&page);
}

const struct request_handler handler_settings_page = {.end = end_settings};

/* ---- /information ---- */

/* Enough to find one among them; to be rid of more they can be ended all at once. */
enum { MAX_LISTED_SESSIONS = 100 };

static int percent_of(int64_t part, int64_t whole)
{
    return whole > 0 ? (int)(100.0 * (double)part / (double)whole + 0.5) : 0;
}

/* "" for what is not known. */
static void print_known_size(int64_t bytes, char ret_text[SIZE_TEXT_SIZE])
{
    ret_text[0] = '\0';
    if (bytes >= 0) {
        size_print(bytes, ret_text);
    }
}

/* In the largest unit of which there is one. */
static void print_uptime(int64_t seconds, char *ret_text, size_t size)
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{SECONDS_PER_DAY, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(units) && seconds < units[i].seconds) {
        i++;
    }
    int64_t count = seconds / units[i].seconds;
    (void)snprintf(ret_text, size, "%" PRId64 " %s%s", count, units[i].name, count == 1 ? "" : "s");
}

/* What needs no text made of it. */
static struct information_page plain_figures(const struct figures *figures)
{
    const struct store_figures *store = &figures->store;
    return (struct information_page){
        .head = {.title = "PicoShare - System Information",
                 .signed_in = true,
                 .active = NAV_INFORMATION},
        .disk_used = store->disk_used,
        .disk_total = store->disk_total,
        .disk_percent = percent_of(store->disk_used, store->disk_total),
        .can_shrink = store->can_shrink,
        .can_convert = store->can_convert,
        .reclaims = figures->upkeep.step == UPKEEP_RECLAIMING,
        .version = figures->version,
        .revision = figures->revision,
        .commit_time = figures->commit_time,
        .sandbox = figures->sandbox,
        .files = store->files,
        .free_pages = store->free_pages,
        .checks = figures->scrub.on,
        .checking = figures->scrub.running,
        .damaged = store->damaged,
        .checked_id = figures->scrub.last_id,
        .uploads = (int64_t)figures->uploads,
        .buffers_used = (int64_t)figures->buffers_used,
        .buffers_total = (int64_t)figures->buffers_total,
        .connections = (int64_t)figures->server.connections,
        .requests = (int64_t)figures->server.requests,
    };
}

/* Everything but the sessions. */
static void render_figures(const struct figures *figures, struct buf *page)
{
    const struct store_figures *store = &figures->store;
    const struct memory_use *memory = &figures->memory;
    struct information_page view = plain_figures(figures);
    const struct {
        const char **text;
        int64_t bytes;
    } sizes[] = {
        {&view.disk_used_size, store->disk_used},
        {&view.disk_total_size, store->disk_total},
        {&view.upload_size, store->upload_bytes},
        {&view.database_size, store->files_bytes},
        {&view.free_size, store->free_pages * store->page_bytes},
        {&view.log_size, figures->log_bytes},
        {&view.resident_size, memory->resident},
        {&view.resident_peak_size, memory->resident_peak},
        {&view.anonymous_size, memory->anonymous},
        {&view.group_size, memory->group},
        {&view.group_page_cache_size, memory->group_page_cache},
        {&view.group_limit_size, memory->group_limit},
        {&view.buffer_size, (int64_t)figures->buffer_bytes},
    };
    char texts[ARRAY_LEN(sizes)][SIZE_TEXT_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        print_known_size(sizes[i].bytes, texts[i]);
        *sizes[i].text = texts[i];
    }
    char uptime[32];
    print_uptime(figures->uptime_s, uptime, sizeof uptime);
    view.uptime = uptime;
    char checked_time[TIMESTAMP_SIZE];
    char checked_all[TIMESTAMP_SIZE];
    figures_print_time(figures->scrub.last_time, checked_time);
    figures_print_time(figures->scrub.round_ended, checked_all);
    view.checked_time = checked_time;
    view.checked_all = checked_all;
    template_information_begin(page, &view);
}

struct session_list {
    struct buf *page;
    char own[STORE_HANDLE_LEN + 1]; /* "": the client has no session */
    size_t count;
    bool more;
};

static bool add_session(void *arg, const struct store_session_view *session)
{
    struct session_list *list = arg;
    if (list->count == MAX_LISTED_SESSIONS) {
        list->more = true;
        return false;
    }
    char created[TIMESTAMP_SIZE];
    char last_used[TIMESTAMP_SIZE];
    char browser[USER_AGENT_BROWSER_SIZE];
    char platform[USER_AGENT_PLATFORM_SIZE];
    timestamp_print(session->created, created);
    timestamp_print(session->last_used, last_used);
    user_agent_names(slice_str(session->user_agent), browser, platform);
    struct session_view view = {
        .handle = session->handle,
        .created = created,
        .last_used = last_used,
        .client_ip = session->client_ip,
        .browser = browser,
        .platform = platform,
        .own = strcmp(session->handle, list->own) == 0,
    };
    template_information_session(list->page, &view);
    list->count++;
    return buf_err(list->page) == ERR_OK;
}

static err_t render_sessions(const struct request *request, struct buf *page)
{
    struct app *app = app_of(request);
    struct session_list list = {.page = page};
    struct slice token;
    if (auth_token(request, &token)) {
        (void)sessions_handle(token, list.own); /* no handle equals "" */
    }
    err_t err = store_list_sessions(app->store, clock_now_s(app->clock), MAX_LISTED_SESSIONS + 1,
                                    add_session, &list);
    template_information_end(page, list.count, list.more);
    return err != ERR_OK ? err : buf_err(page);
}

static void end_information(struct request *request)
{
    struct figures figures;
    struct buf page;
    buf_init(&page, MAX_PAGE_BYTES);
    err_t err = figures_collect(request, &figures);
    if (err == ERR_OK) {
        render_figures(&figures, &page);
        err = render_sessions(request, &page);
    }
    if (err == ERR_OK) {
        answer_page(request, 200, &page);
    } else {
        answer_failure(request, err, "failed to check available space");
    }
    buf_done(&page);
}

const struct request_handler handler_information_page = {.end = end_information};
