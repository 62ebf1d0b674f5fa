/* login.c — signing in and out: POST and DELETE /api/auth, and POST /login for browsers without
 * JavaScript (http-api.md 5.2, 5.3; improvements.md, Sign-in). */
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/mem.h"
#include "picoshare/text/target.h"
#include "templates.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct login {
    struct call call;
    bool form; /* POST /login */
    char next[MAX_TARGET_BYTES + 1];
    char user_agent[512];
    struct store_change_session job;
    char token[SESSION_TOKEN_LEN + 1];
};

static void begin(struct request *request)
{
    struct login *login = call_begin(request, sizeof *login);
    if (login != NULL) {
        login->form = (request_route(request)->flags & ROUTE_PAGE) != 0;
        request_copy_header(request, "User-Agent", login->user_agent, sizeof login->user_agent);
    }
}

static void close_login(struct request *request)
{
    struct login *login = request_state(request);
    if (login != NULL) {
        digest_wipe(login->token, sizeof login->token);
    }
    call_close(request);
}

/* ---- what was sent ---- */

void render_login_page(struct request *request, const char *next, const char *error,
                       const char *advice, struct buf *out)
{
    struct login_page view = {
        .head = {.title = "PicoShare - Log in",
                 .signed_in = auth_is_owner(request),
                 .active = NAV_LOG_IN},
        .next = auth_local_path(next) ? next : "",
        .error = error,
        .advice = advice,
    };
    template_login(out, &view);
}

/* As login.js says it. */
static void print_advice(const struct request *request, int status, char *ret_text, size_t size)
{
    if (status == 429) {
        int64_t seconds = auth_retry_after_s(request);
        (void)snprintf(ret_text, size, "Wait %" PRId64 " second%s, then try again.", seconds,
                       seconds == 1 ? "" : "s");
    } else {
        (void)snprintf(ret_text, size, "%s",
                       status < 500 ? "Check the passphrase, then try again." : "Try again.");
    }
}

static struct response *refusal(struct login *login, int status, const char *text)
{
    if (!login->form || !wants_html(login->call.request)) {
        return error_response(login->call.request, status, text);
    }
    char advice[64];
    print_advice(login->call.request, status, advice, sizeof advice);
    struct buf page;
    buf_init(&page, MAX_PAGE_BYTES);
    render_login_page(login->call.request, login->next, text, advice, &page);
    struct response *response = page_response(status, &page);
    buf_done(&page);
    return response;
}

static void refuse(struct login *login, int status, const char *text)
{
    struct response *response = refusal(login, status, text);
    if (status == 429) {
        auth_refuse_throttled(login->call.request, response);
    } else {
        request_answer(login->call.request, response);
    }
}

static bool check_secret(struct login *login, const char *secret)
{
    if (secret[0] == '\0') {
        refuse(login, 400, "invalid shared secret");
        return false;
    }
    err_t err = auth_check_passphrase(login->call.request, slice_str(secret));
    if (err == ERR_AUTH && auth_retry_after_s(login->call.request) > 0) {
        refuse(login, 429, TOO_MANY_ATTEMPTS);
    } else if (err == ERR_AUTH) {
        refuse(login, 401, "incorrect shared secret");
    } else if (err != ERR_OK) {
        refuse(login, status_of(err), err_name(err));
    }
    return err == ERR_OK;
}

static bool check_json(struct login *login)
{
    struct buf reason; /* not told: the answer is PicoShare's */
    buf_init(&reason, KIB);
    struct json_body *body = NULL;
    err_t err = json_body_read(&login->call.body, &body, &reason);
    const char *secret = "";
    bool ok = false;
    if (err == ERR_OK && !json_body_text(body, "sharedSecretKey", &secret, &reason)) {
        err = ERR_INVALID;
    }
    if (err != ERR_OK) {
        refuse(login, status_of(err), err == ERR_INVALID ? "malformed request" : err_name(err));
    } else {
        ok = check_secret(login, secret);
    }
    json_body_free(body);
    buf_done(&reason);
    return ok;
}

static bool check_form(struct login *login)
{
    char secret[2 * KIB];
    struct slice body = buf_slice(&login->call.body);
    if (target_query_get(body, "next", login->next, sizeof login->next) != ERR_OK) {
        login->next[0] = '\0';
    }
    if (target_query_get(body, "sharedSecretKey", secret, sizeof secret) != ERR_OK) {
        secret[0] = '\0';
    }
    bool ok = check_secret(login, secret);
    digest_wipe(secret, sizeof secret);
    return ok;
}

/* ---- in ---- */

static void refuse_session(struct login *login, err_t err)
{
    log_failure(err, "failed to create session");
    refuse(login, status_of(err), "failed to create session");
}

static void start_session(struct login *login)
{
    struct app *app = app_of(login->call.request);
    err_t err = sessions_prepare_login(app->sessions, request_client(login->call.request),
                                       login->user_agent, &login->job, login->token);
    if (err != ERR_OK) {
        refuse_session(login, err);
        return;
    }
    call_submit(&login->call, &login->job.job);
}

static void answer_session(struct login *login)
{
    err_t err = login->call.result;
    if (err != ERR_OK) {
        refuse_session(login, err);
        return;
    }
    struct response *response = response_new(login->form ? 303 : 200);
    auth_set_cookie(login->call.request, slice_str(login->token), response);
    response_header(response, "Cache-Control", "no-store");
    if (login->form) {
        response_header(response, "Location", auth_local_path(login->next) ? login->next : "/");
    }
    request_answer(login->call.request, response);
}

static void end(struct request *request)
{
    struct login *login = request_state(request);
    if (login->call.submitted) {
        if (call_finished(&login->call)) {
            answer_session(login);
        }
    } else if (login->form ? check_form(login) : check_json(login)) {
        start_session(login);
    }
}

const struct request_handler handler_log_in = {begin, call_receive, end, close_login};

/* ---- out ---- */

struct logout {
    struct call call;
    struct store_change_session job;
};

static void begin_log_out(struct request *request)
{
    (void)call_begin(request, sizeof(struct logout));
}

static void end_log_out(struct request *request)
{
    struct logout *logout = request_state(request);
    struct slice token;
    if (logout->call.submitted) {
        if (!call_finished(&logout->call)) {
            return;
        }
        if (logout->call.result != ERR_OK) {
            log_failure(logout->call.result, "failed to end session");
            answer_error(request, status_of(logout->call.result), "failed to end session");
            return;
        }
    } else if (auth_token(request, &token) &&
               sessions_prepare_logout(token, &logout->job) == ERR_OK) {
        call_submit(&logout->call, &logout->job.job);
        return;
    }
    struct response *response = response_new(200);
    auth_clear_cookie(response);
    request_answer(request, response);
}

const struct request_handler handler_log_out = {begin_log_out, NULL, end_log_out, call_close};
