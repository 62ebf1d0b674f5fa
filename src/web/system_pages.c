/* system_pages.c — /settings and /information (web-ui.md 10.3, 10.4). */
#include "internal.h"
#include "picoshare/text/size.h"
#include "templates.h"

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

static int percent_of(int64_t part, int64_t whole)
{
    return whole > 0 ? (int)(100.0 * (double)part / (double)whole + 0.5) : 0;
}

static void render_information(const struct app *app, const struct store_figures *figures,
                               struct buf *page)
{
    char disk_used[SIZE_TEXT_SIZE];
    char disk_total[SIZE_TEXT_SIZE];
    char upload[SIZE_TEXT_SIZE];
    char database[SIZE_TEXT_SIZE];
    char unused[SIZE_TEXT_SIZE];
    size_print(figures->disk_used, disk_used);
    size_print(figures->disk_total, disk_total);
    size_print(figures->upload_bytes, upload);
    size_print(figures->files_bytes, database);
    size_print(figures->free_pages * figures->page_bytes, unused);
    struct information_page view = {
        .head = {.title = "PicoShare - System Information",
                 .signed_in = true,
                 .active = NAV_INFORMATION},
        .disk_used = figures->disk_used,
        .disk_total = figures->disk_total,
        .disk_percent = percent_of(figures->disk_used, figures->disk_total),
        .disk_used_size = disk_used,
        .disk_total_size = disk_total,
        .upload_size = upload,
        .database_size = database,
        .free_size = unused,
        .can_shrink = figures->can_shrink,
        .version = app->version,
        .revision = app->revision,
        .commit_time = app->commit_time,
    };
    template_information(page, &view);
}

static void end_information(struct request *request)
{
    struct app *app = app_of(request);
    struct store_figures figures;
    err_t err = store_figures(app->store, &figures);
    if (err != ERR_OK) {
        answer_failure(request, err, "failed to check available space");
        return;
    }
    struct buf page;
    buf_init(&page, MAX_PAGE_BYTES);
    render_information(app, &figures, &page);
    answer_page(request, 200, &page);
    buf_done(&page);
}

const struct request_handler handler_information_page = {.end = end_information};
