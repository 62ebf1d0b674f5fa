/* pages.c — the start page and the login page (web-ui.md 5 to 7). */
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/core/rules.h"
#include "picoshare/text/timestamp.h"
#include "templates.h"
#include <stdio.h>
#include <string.h>

/* ---- / ---- */

/* The lifetimes to choose from, the default selected, and Custom (web-ui.md 7). */
static void render_upload_page(int64_t default_days, int64_t now, struct buf *page)
{
    struct lifetime_choice choices[USUAL_LIFETIMES + 1];
    struct option_view options[ARRAY_LEN(choices) + 1];
    size_t n = 0;
    bool is_usual = false;
    for (size_t i = 0; i < USUAL_LIFETIMES; i++) {
        make_choice(&choices[n++], usual_days[i], now);
        is_usual = is_usual || usual_days[i] == default_days;
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
            answer_unreadable(request, err, NULL, "failed to read settings from database");
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
    render_login_page(request, next, "", "", &page);
    answer_page(request, 200, &page);
    buf_done(&page);
}

const struct request_handler handler_login_page = {.end = end_login};
