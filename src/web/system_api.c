/* system_api.c — for the owner: figures as JSON (GET /api/system), giving free pages back
 * (POST /api/system/reclaim), and ending sessions (DELETE /api/sessions,
 * DELETE /api/sessions/{handle}). */
#include "figures.h"
#include "internal.h"
#include "picoshare/base/log.h"

/* ---- figures ---- */

static void end_figures(struct request *request)
{
    struct figures figures;
    err_t err = figures_collect(request, &figures);
    if (err != ERR_OK) {
        answer_failure(request, err, "failed to read the system's figures");
        return;
    }
    struct buf json;
    buf_init(&json, (size_t)4 * KIB);
    figures_add_json(&figures, &json);
    struct response *response = response_new(200);
    response_header(response, "Content-Type", "application/json");
    response_header(response, "Cache-Control", "no-store");
    response_body_take(response, &json);
    buf_done(&json);
    request_answer(request, response);
}

const struct request_handler handler_figures = {.end = end_figures};

/* ---- free pages ---- */

/* It takes a while: the figures tell how far it is. */
static void end_reclaim(struct request *request)
{
    struct app *app = app_of(request);
    struct store_figures figures;
    err_t err = store_figures(app->store, &figures);
    if (err != ERR_OK) {
        answer_failure(request, err, "failed to read the system's figures");
    } else if (!figures.can_shrink) {
        answer_error(request, 409, "this database cannot give pages back in place");
    } else {
        upkeep_reclaim(app->upkeep);
        answer_empty(request, 202);
    }
}

const struct request_handler handler_reclaim = {.end = end_reclaim};

/* ---- sessions ---- */

struct ending {
    struct call call;
    struct store_change_session job;
    bool all;
};

static void begin_ending(struct request *request, bool all)
{
    struct ending *ending = call_begin(request, sizeof *ending);
    if (ending == NULL) {
        return;
    }
    ending->all = all;
    store_change_session_init(&ending->job);
    ending->job.change = all ? STORE_SESSION_DELETE_ALL : STORE_SESSION_DELETE_BY_HANDLE;
    if (!all &&
        request_param(request, 0, ending->job.handle, sizeof ending->job.handle) != ERR_OK) {
        answer_error(request, 404, "no such session");
    }
}

static void begin_one(struct request *request)
{
    begin_ending(request, false);
}

static void begin_all(struct request *request)
{
    begin_ending(request, true);
}

/* Whether the client's own session was among those that ended. */
static bool is_own(const struct ending *ending)
{
    char handle[STORE_HANDLE_LEN + 1];
    struct slice token;
    return auth_token(ending->call.request, &token) &&
           (ending->all || (sessions_handle(token, handle) &&
                            slice_eq(slice_str(handle), slice_str(ending->job.handle))));
}

static void end_ending(struct request *request)
{
    struct ending *ending = request_state(request);
    if (!ending->call.submitted) {
        call_submit(&ending->call, &ending->job.job);
    } else if (!call_finished(&ending->call)) {
        return;
    } else if (ending->call.result == ERR_NOTFOUND) {
        answer_error(request, 404, "no such session");
    } else if (ending->call.result != ERR_OK) {
        answer_failure(request, ending->call.result, "failed to end session");
    } else {
        log_event(LOG_INFO, ending->all ? "all sessions ended" : "session ended", NULL);
        struct response *response = response_new(200);
        if (is_own(ending)) {
            auth_clear_cookie(response);
        }
        request_answer(request, response);
    }
}

const struct request_handler handler_end_session = {begin_one, NULL, end_ending, call_close};
const struct request_handler handler_end_sessions = {begin_all, NULL, end_ending, call_close};
