/* settings.c — PUT /api/settings (http-api.md 9). */
#include "internal.h"
#include "picoshare/base/log.h"
#include "picoshare/core/rules.h"

struct settings {
    struct call call;
    struct store_set_default_days job;
};

static void begin(struct request *request)
{
    (void)call_begin(request, sizeof(struct settings));
}

static err_t read_settings(const struct settings *settings, int64_t *ret_days, struct buf *reason)
{
    bool never = false;
    int64_t days = 0;
    struct json_body *body = NULL;
    err_t err = json_body_read(&settings->call.body, &body, reason);
    if (err != ERR_OK) {
        return err;
    }
    bool ok = json_body_int(body, "defaultExpirationDays", 0, UINT16_MAX, &days, NULL, reason) &&
              json_body_bool(body, "defaultNeverExpire", &never, reason);
    json_body_free(body);
    const char *wrong = ok && !never ? rules_default_days(days) : NULL;
    if (wrong != NULL) {
        buf_add_str(reason, wrong);
    }
    *ret_days = never ? NEVER_DAYS : days;
    return ok && wrong == NULL ? ERR_OK : ERR_INVALID;
}

static void end(struct request *request)
{
    struct settings *settings = request_state(request);
    if (settings->call.submitted) {
        if (!call_finished(&settings->call)) {
            return;
        }
        if (settings->call.result == ERR_OK) {
            log_event(LOG_INFO, "settings saved", NULL);
            answer_empty(request, 200);
        } else {
            answer_failure(request, settings->call.result, "Failed to save settings");
        }
        return;
    }
    struct buf reason;
    buf_init(&reason, KIB);
    buf_add_str(&reason, "Invalid request: ");
    store_set_default_days_init(&settings->job);
    err_t err = read_settings(settings, &settings->job.days, &reason);
    if (err == ERR_OK) {
        call_submit(&settings->call, &settings->job.job);
    } else {
        answer_unreadable_body(request, err, &reason);
    }
    buf_done(&reason);
}

const struct request_handler handler_settings = {begin, call_receive, end, call_close};
