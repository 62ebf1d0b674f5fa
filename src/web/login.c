/* login.c — signing in and out: POST and DELETE /api/auth, and POST /login for browsers without
 * JavaScript (http-api.md 5.2, 5.3; improvements.md, Sign-in). */
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/mem.h"
#include "picoshare/text/cookie.h"
#include "picoshare/text/target.h"
#include "templates.h"
#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct login {
    struct request *request;
    bool form; /* POST /login */
    struct buf body;
    bool large; /* one of MAX_LARGE_BODIES */
    char next[MAX_TARGET_BYTES + 1];
    char user_agent[512];
    struct store_change_session job;
    bool submitted;
    _Atomic bool done;
    char token[SESSION_TOKEN_LEN + 1];
};

static void on_stored(struct store_job *job)
{
    struct login *login = job->owner;
    atomic_store(&login->done, true);
    request_wake(login->request);
}

static struct login *new_login(struct request *request)
{
    struct login *login = mem_alloc(1, sizeof *login);
    if (login == NULL) {
        answer_error(request, 503, "out of memory");
        return NULL;
    }
    login->request = request;
    login->form = (request_route(request)->flags & ROUTE_PAGE) != 0;
    buf_init(&login->body, MAX_JSON_BYTES);
    request_copy_header(request, "User-Agent", login->user_agent, sizeof login->user_agent);
    request_set_state(request, login);
    return login;
}

static void close_login(struct request *request)
{
    struct login *login = request_state(request);
    if (login != NULL) {
        check(!login->submitted || atomic_load(&login->done));
        if (login->body.ptr != NULL) {
            digest_wipe(login->body.ptr, login->body.cap);
        }
        buf_done(&login->body);
        if (login->large) {
            atomic_fetch_sub(&app_of(request)->large_bodies, 1);
        }
        digest_wipe(login->token, sizeof login->token);
        mem_free(login);
    }
}

static void begin(struct request *request)
{
    struct login *login = new_login(request);
    if (login != NULL && request_content_length(request) > MAX_JSON_BYTES) {
        answer_error(request, 413, "request body too large");
    }
}

static size_t receive(struct request *request, struct slice bytes)
{
    struct login *login = request_state(request);
    if (!login->large && login->body.len + bytes.len > SMALL_JSON_BYTES) {
        login->large = true;
        if (atomic_fetch_add(&app_of(request)->large_bodies, 1) >= MAX_LARGE_BODIES) {
            answer_error(request, 503, "the server is busy");
            return bytes.len;
        }
    }
    buf_add_slice(&login->body, bytes);
    err_t err = buf_err(&login->body);
    if (err != ERR_OK) {
        answer_error(request, status_of(err),
                     err == ERR_TOOBIG ? "request body too large" : "out of memory");
    }
    return bytes.len;
}

/* ---- what was sent ---- */

void render_login_page(const struct request *request, const char *next, const char *error,
                       struct buf *out)
{
    struct login_page view = {
        .head = {.title = "PicoShare - Log in",
                 .signed_in = auth_is_owner(request),
                 .active = NAV_LOG_IN},
        .next = auth_local_path(next) ? next : "",
        .error = error,
    };
    template_login(out, &view);
}

static void refuse(struct login *login, int status, const char *text)
{
    if (!login->form || !wants_html(login->request)) {
        answer_error(login->request, status, text);
        return;
    }
    struct buf page;
    buf_init(&page, MAX_PAGE_BYTES);
    render_login_page(login->request, login->next, text, &page);
    answer_page(login->request, status, &page);
    buf_done(&page);
}

/* The member of a JSON object, names without case, the last one wins (http-api.md 2.5). Borrowed;
 * NULL: absent or null. ERR_INVALID: no object, or not a string. */
static err_t string_member(const json_t *json, const char *name, const char **ret_text)
{
    if (!json_is_object(json)) {
        return ERR_INVALID;
    }
    const char *text = NULL;
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)(uintptr_t)json, key, value)
    {
        if (!slice_eq_nocase(slice_str(key), slice_str(name))) {
            continue;
        }
        if (!json_is_string(value) && !json_is_null(value)) {
            return ERR_INVALID;
        }
        text = json_string_value(value);
    }
    *ret_text = text;
    return ERR_OK;
}

static bool check_json(struct login *login)
{
    json_t *json = json_loadb(buf_str(&login->body), login->body.len,
                              JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY, NULL);
    const char *secret = NULL;
    bool ok = false;
    if (json == NULL || string_member(json, "sharedSecretKey", &secret) != ERR_OK) {
        refuse(login, 400, "malformed request");
    } else if (secret == NULL || secret[0] == '\0') {
        refuse(login, 400, "invalid shared secret");
    } else if (!sessions_passphrase_ok(app_of(login->request)->sessions, slice_str(secret))) {
        refuse(login, 401, "incorrect shared secret");
    } else {
        ok = true;
    }
    json_decref(json);
    return ok;
}

static bool check_form(struct login *login)
{
    char secret[2 * KIB];
    struct slice body = buf_slice(&login->body);
    if (target_query_get(body, "next", login->next, sizeof login->next) != ERR_OK) {
        login->next[0] = '\0';
    }
    bool ok = false;
    if (target_query_get(body, "sharedSecretKey", secret, sizeof secret) != ERR_OK ||
        secret[0] == '\0') {
        refuse(login, 400, "invalid shared secret");
    } else if (!sessions_passphrase_ok(app_of(login->request)->sessions, slice_str(secret))) {
        refuse(login, 401, "incorrect shared secret");
    } else {
        ok = true;
    }
    digest_wipe(secret, sizeof secret);
    return ok;
}

/* ---- in ---- */

static void start_session(struct login *login)
{
    struct app *app = app_of(login->request);
    err_t err = sessions_prepare_login(app->sessions, request_client(login->request),
                                       login->user_agent, &login->job, login->token);
    if (err != ERR_OK) {
        refuse(login, status_of(err), "failed to create session");
        return;
    }
    login->job.job.owner = login;
    login->job.job.done = on_stored;
    login->submitted = true;
    store_submit(app->store, &login->job.job);
    request_wait(login->request);
}

static void answer_session(struct login *login)
{
    err_t err = login->job.job.result;
    if (err != ERR_OK) {
        refuse(login, status_of(err), "failed to create session");
        return;
    }
    char cookie[256];
    (void)snprintf(cookie, sizeof cookie,
                   "sharedSecret=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%s", login->token,
                   (int)SESSION_LIFETIME_S, request_is_https(login->request) ? "; Secure" : "");
    struct response *response = response_new(login->form ? 303 : 200);
    response_header(response, "Set-Cookie", cookie);
    response_header(response, "Cache-Control", "no-store");
    if (login->form) {
        response_header(response, "Location", auth_local_path(login->next) ? login->next : "/");
    }
    digest_wipe(cookie, sizeof cookie);
    request_answer(login->request, response);
}

static void end(struct request *request)
{
    struct login *login = request_state(request);
    if (!login->submitted) {
        if (login->form ? check_form(login) : check_json(login)) {
            start_session(login);
        }
    } else if (atomic_load(&login->done)) {
        answer_session(login);
    } else {
        request_wait(request);
    }
}

const struct request_handler handler_log_in = {begin, receive, end, close_login};

/* ---- out ---- */

static void begin_log_out(struct request *request)
{
    (void)new_login(request);
}

static bool submit_log_out(struct login *login)
{
    struct slice token;
    if (!cookie_get(request_header(login->request, "Cookie"), "sharedSecret", &token) ||
        sessions_prepare_logout(token, &login->job) != ERR_OK) {
        return false;
    }
    login->job.job.owner = login;
    login->job.job.done = on_stored;
    login->submitted = true;
    store_submit(app_of(login->request)->store, &login->job.job);
    return true;
}

static void end_log_out(struct request *request)
{
    struct login *login = request_state(request);
    if (!login->submitted && submit_log_out(login)) {
        request_wait(request);
        return;
    }
    if (login->submitted && !atomic_load(&login->done)) {
        request_wait(request);
        return;
    }
    if (login->submitted && login->job.job.result != ERR_OK) {
        answer_error(request, status_of(login->job.job.result), "failed to end session");
        return;
    }
    struct response *response = response_new(200);
    auth_clear_cookie(response);
    request_answer(request, response);
}

const struct request_handler handler_log_out = {begin_log_out, NULL, end_log_out, close_login};
