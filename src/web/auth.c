/* auth.c — who asks, and from where.
 *
 * The owner shows a session cookie or, in scripts, the passphrase by Basic authentication. Every
 * look at a passphrase is charged to the client's address first (core/throttle.h). A 401 carries no
 * WWW-Authenticate: browsers would cover our login page with a dialog of their own. */
#include "internal.h"
#include "picoshare/base/digest.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/log.h"
#include "picoshare/text/basic_auth.h"
#include "picoshare/text/cookie.h"
#include "picoshare/text/percent.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NOTE_VISITOR, NOTE_RETRY_AFTER_S, NOTE_ERROR };

/* What is known of who asks; it is found out once for a request. */
enum visitor {
    VISITOR_UNKNOWN,
    VISITOR_OWNER,
    VISITOR_PROLONGED,
    VISITOR_STRANGER,
    VISITOR_FAILED
};

err_t auth_check_passphrase(struct request *request, struct slice passphrase)
{
    struct app *app = app_of(request);
    uint8_t sha256[SHA256_BYTES];
    int64_t retry_after_s = 0;
    err_t err = sessions_hash_passphrase(passphrase, sha256);
    if (err != ERR_OK) {
        return err;
    }
    if (!throttle_enter(app->throttle, request_client(request), &retry_after_s)) {
        request_set_note(request, NOTE_RETRY_AFTER_S, retry_after_s);
        err = ERR_AUTH;
    } else if (!sessions_passphrase_ok(app->sessions, sha256)) {
        log_event(LOG_WARN, "wrong passphrase", "client", request_client(request), NULL);
        err = ERR_AUTH;
    } else {
        throttle_passed(app->throttle, request_client(request));
    }
    digest_wipe(sha256, sizeof sha256);
    return err;
}

int64_t auth_retry_after_s(const struct request *request)
{
    return request_note(request, NOTE_RETRY_AFTER_S);
}

static bool find_token(void *arg, struct slice cookies)
{
    struct slice *token = arg;
    return !cookie_get(cookies, "sharedSecret", token);
}

bool auth_token(const struct request *request, struct slice *ret_token)
{
    struct slice token = {NULL, 0};
    request_each_header(request, "Cookie", find_token, &token); /* one line, or one per cookie */
    if (token.ptr != NULL) {
        *ret_token = token;
    }
    return token.ptr != NULL;
}

static err_t check_basic(struct request *request)
{
    struct basic_auth basic;
    err_t err = ERR_AUTH;
    if (basic_auth_parse(request_header(request, "Authorization"), &basic) == ERR_OK) {
        err = auth_check_passphrase(request, slice_str(basic.password));
    }
    digest_wipe(&basic, sizeof basic);
    return err;
}

static enum visitor find_visitor(struct request *request)
{
    struct slice token;
    bool prolonged = false;
    err_t err = ERR_AUTH;
    if (auth_token(request, &token)) {
        err = sessions_check(app_of(request)->sessions, token, &prolonged);
    }
    if (err == ERR_AUTH) {
        err = check_basic(request);
    }
    if (err == ERR_OK) {
        return prolonged ? VISITOR_PROLONGED : VISITOR_OWNER;
    }
    request_set_note(request, NOTE_ERROR, err);
    return err == ERR_AUTH ? VISITOR_STRANGER : VISITOR_FAILED;
}

err_t auth_check(struct request *request)
{
    enum visitor visitor = (enum visitor)request_note(request, NOTE_VISITOR);
    if (visitor == VISITOR_UNKNOWN) {
        visitor = find_visitor(request);
        request_set_note(request, NOTE_VISITOR, visitor);
    }
    switch (visitor) {
    case VISITOR_OWNER:
    case VISITOR_PROLONGED:
        return ERR_OK;
    case VISITOR_FAILED:
        return (err_t)request_note(request, NOTE_ERROR);
    default:
        return ERR_AUTH;
    }
}

bool auth_is_owner(struct request *request)
{
    return auth_check(request) == ERR_OK;
}

void auth_assume_stranger(struct request *request)
{
    request_set_note(request, NOTE_VISITOR, VISITOR_STRANGER);
}

void auth_set_cookie(const struct request *request, struct slice token, struct response *response)
{
    char cookie[256];
    (void)snprintf(cookie, sizeof cookie,
                   "sharedSecret=%.*s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%s",
                   (int)token.len, token.ptr, (int)SESSION_LIFETIME_S,
                   request_is_https(request) ? "; Secure" : "");
    response_header(response, "Set-Cookie", cookie);
    digest_wipe(cookie, sizeof cookie);
}

void auth_prolong_cookie(const struct request *request, struct response *response)
{
    struct slice token;
    if (request_note(request, NOTE_VISITOR) == VISITOR_PROLONGED && auth_token(request, &token)) {
        auth_set_cookie(request, token, response);
    }
}

void auth_clear_cookie(struct response *response)
{
    response_header(response, "Set-Cookie",
                    "sharedSecret=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
}

void auth_refuse_throttled(struct request *request, struct response *response)
{
    char seconds[24];
    (void)snprintf(seconds, sizeof seconds, "%" PRId64, auth_retry_after_s(request));
    response_header(response, "Retry-After", seconds);
    request_answer(request, response);
}

void auth_refuse(struct request *request)
{
    if (auth_retry_after_s(request) > 0) {
        auth_refuse_throttled(request, error_response(request, 429, TOO_MANY_ATTEMPTS));
        return;
    }
    bool reads = strcmp(request_method(request), "GET") == 0 || request_is_head(request);
    if ((request_route(request)->flags & ROUTE_PAGE) != 0 && reads && wants_html(request)) {
        struct buf next;
        struct buf location;
        buf_init(&next, MAX_TARGET_BYTES + 1);
        buf_init(&location, MAX_TARGET_BYTES);
        buf_add_slice(&next, request_raw_path(request));
        add_query(request, &next);
        buf_add_str(&location, "/login?next=");
        percent_add_component(&location, buf_slice(&next));
        /* A target that grows too long when it is encoded is not worth coming back to. */
        answer_redirect(request, 303, buf_err(&location) == ERR_OK ? buf_str(&location) : "/login");
        buf_done(&next);
        buf_done(&location);
        return;
    }
    struct response *response = error_response(request, 401, "Authentication required");
    auth_clear_cookie(response);
    request_answer(request, response);
}

/* The host and port of an origin or URL ("https://host:port"), or nothing. */
static struct slice authority(struct slice url)
{
    for (size_t i = 0; i + 2 < url.len; i++) {
        if (memcmp(url.ptr + i, "://", 3) == 0) {
            struct slice rest = slice_skip(url, i + 3);
            return (struct slice){rest.ptr, slice_find(rest, '/')};
        }
    }
    return (struct slice){NULL, 0};
}

bool auth_same_origin(const struct request *request)
{
    struct slice site = request_header(request, "Sec-Fetch-Site");
    if (site.ptr != NULL) {
        return slice_eq(site, SLICE("same-origin")) || slice_eq(site, SLICE("none"));
    }
    struct slice origin = request_header(request, "Origin");
    if (origin.ptr == NULL) {
        return true; /* no browser: nothing to protect against */
    }
    struct slice host = authority(origin);
    if (host.len == 0) {
        return false;
    }
    struct slice public_host = authority(slice_str(app_of(request)->public_url));
    return slice_eq_nocase(host, request_host(request)) ||
           slice_eq_nocase(host, request_forwarded_host(request)) ||
           (public_host.len > 0 && slice_eq_nocase(host, public_host));
}

bool auth_local_path(const char *path)
{
    return path[0] == '/' && path[1] != '/' && strchr(path, '\\') == NULL &&
           strpbrk(path, "\r\n\t") == NULL;
}
