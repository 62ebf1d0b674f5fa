/* answer.c — statuses, texts and the headers that go with them. */
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/log.h"
#include "picoshare/text/accept.h"
#include "picoshare/text/html.h"
#include "picoshare/text/percent.h"
#include "templates.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* No inline code or style of any kind, nothing from another host, no frames (improvements.md). */
static const char page_csp[] =
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " media-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/* Lack of memory passes, and what failed for it may be tried again: that is 503 (RFC 9110 15.6.4),
 * as when one of our own budgets is used up, and not 500, which says that something is broken. */
int status_of(err_t err)
{
    switch (err) {
    case ERR_FULL:
        return 507;
    case ERR_BUSY:
    case ERR_NOMEM:
    case ERR_CLOSED:
        return 503;
    case ERR_NOTFOUND:
        return 404;
    case ERR_AUTH:
        return 401;
    case ERR_INVALID:
        return 400;
    case ERR_TOOBIG:
        return 413;
    default:
        return 500;
    }
}

static const char *reason_phrase(int status)
{
    switch (status) {
    case 400:
        return "Bad request";
    case 401:
        return "No access";
    case 403:
        return "Not allowed";
    case 404:
        return "Not found";
    case 405:
        return "No page here";
    case 409:
        return "There already";
    case 413:
        return "Too large";
    case 414:
        return "Address too long";
    case 415:
        return "Encoding not supported";
    case 416:
        return "No such part";
    case 429:
        return "Too many attempts";
    case 431:
        return "Request too large";
    case 503:
        return "Busy";
    case 507:
        return "Disk full";
    default:
        return "Something went wrong";
    }
}

/* What is lost: a person who has sent something, or sees the server fail, wonders. */
static const char *losses(const struct request *request, int status)
{
    if (status >= 500) {
        return "Nothing that was stored before is lost. ";
    }
    return changes_something(request) ? "Nothing was stored or changed. " : "";
}

/* What to do. Without a route, and on those of guests, it must suit a stranger too. */
static const char *advice(const struct request *request, int status)
{
    const struct route *route = request_route(request);
    switch (status) {
    case 400:
        return changes_something(request)
                   ? "Go back, correct it, then try again."
                   : "Check the link: it may have been cut off or changed on its way here.";
    case 401:
        return route != NULL && (route->flags & ROUTE_OWNER) != 0
                   ? "Log in, then try again."
                   : "Ask whoever sent you the link for a new one.";
    case 403:
        return "A page of another site asked for this. If it was you who wanted it, begin at the"
               " start page.";
    case 404:
        return "Check the link. What it led to may have expired or been deleted.";
    case 405:
        return "Only forms and programs use this address. Begin at the start page.";
    case 413:
        return "Send less at once, or a smaller file.";
    case 414:
        return "Check the link: other text may have got into it.";
    case 416:
        return "Download the whole file again.";
    case 429:
        return "Wait before you try again: each wrong passphrase makes the wait longer.";
    case 431:
        return "Delete the cookies of this site in your browser, then try again.";
    case 503:
        return "Wait a moment, then try again.";
    case 507:
        return "Make room: delete files that are no longer needed, or ask the owner of this server"
               " to.";
    default:
        return "Try again. If it fails again, the server's log tells its owner more.";
    }
}

int64_t expiry_after(int64_t days, int64_t now)
{
    return days >= NEVER_DAYS ? NEVER_S : now + days * SECONDS_PER_DAY;
}

/* The forms of an error; a client that likes two of them equally gets the first. */
enum form { FORM_TEXT, FORM_HTML, FORM_PROBLEM, FORM_JSON };

static enum form liked_form(const struct request *request)
{
    static const char *const types[] = {[FORM_TEXT] = "text/plain",
                                        [FORM_HTML] = "text/html",
                                        [FORM_PROBLEM] = "application/problem+json",
                                        [FORM_JSON] = "application/json"};
    size_t best = accept_best(request_header(request, "Accept"), types, ARRAY_LEN(types));
    return best < ARRAY_LEN(types) ? (enum form)best : FORM_TEXT;
}

bool wants_html(const struct request *request)
{
    return liked_form(request) == FORM_HTML;
}

static bool wants_problem(const struct request *request)
{
    enum form form = liked_form(request);
    return form == FORM_PROBLEM || form == FORM_JSON;
}

static void add_page_headers(struct response *response)
{
    response_header(response, "Content-Security-Policy", page_csp);
    response_header(response, "X-Content-Type-Options", "nosniff");
    response_header(response, "Referrer-Policy", "same-origin");
    response_header(response, "Cache-Control", "no-store");
}

struct response *page_response(int status, struct buf *page)
{
    struct response *response = response_new(status);
    response_header(response, "Content-Type", "text/html; charset=utf-8");
    add_page_headers(response);
    response_body_take(response, page);
    return response;
}

void answer_page(struct request *request, int status, struct buf *page)
{
    struct response *response = page_response(status, page);
    auth_prolong_cookie(request, response);
    request_answer(request, response);
}

static struct response *error_page(struct request *request, int status, const char *text)
{
    char title[64];
    char what_now[256];
    (void)snprintf(title, sizeof title, "PicoShare - %s", reason_phrase(status));
    (void)snprintf(what_now, sizeof what_now, "%s%s", losses(request, status),
                   advice(request, status));
    struct error_page view = {
        .head = {.title = title, .signed_in = auth_is_owner(request), .active = NAV_NONE},
        .status = status,
        .heading = reason_phrase(status),
        .message = text,
        .advice = what_now,
    };
    struct buf page;
    buf_init(&page, MAX_PAGE_BYTES);
    template_error(&page, &view);
    struct response *response = page_response(status, &page);
    buf_done(&page);
    return response;
}

static struct response *problem(int status, const char *text)
{
    struct response *response = response_new(status);
    json_t *json = json_pack("{s:s, s:i, s:s}", "title", reason_phrase(status), "status", status,
                             "detail", text);
    char dump[2 * KIB]; /* our texts are short; what quotes a longer id stays plain text */
    size_t len = json_dumpb(json, dump, sizeof dump, JSON_COMPACT);
    if (len > 0 && len <= sizeof dump) {
        response_header(response, "Content-Type", "application/problem+json");
        response_header(response, "X-Content-Type-Options", "nosniff");
        response_body_copy(response, slice_of(dump, len));
    } else {
        response_add_text(response, text); /* not UTF-8, too long, or no memory */
    }
    json_decref(json);
    return response;
}

/* What a handler answers carries the policy of its group; what is answered before its turn comes (a
 * sign-in that is missing, the way to HTTPS) does not (http-api.md 3). */
static void add_group_policy(const struct request *request, struct response *response)
{
    const struct route *route = request_route(request);
    if (route == NULL || !request_handler_begun(request)) {
        return;
    }
    if ((route->flags & ROUTE_DOWNLOAD) != 0) {
        response_header(response, "Content-Security-Policy", "sandbox");
    } else if ((route->flags & ROUTE_PAGE) != 0) {
        response_header(response, "Content-Security-Policy", page_csp);
    }
}

struct response *error_response(struct request *request, int status, const char *text)
{
    const struct route *route = request_route(request);
    unsigned flags = route != NULL ? route->flags : ROUTE_PAGE;
    struct response *response = NULL;
    if ((flags & (ROUTE_PAGE | ROUTE_DOWNLOAD)) != 0 && wants_html(request)) {
        response = error_page(request, status, text); /* has its own policy */
    } else if (wants_problem(request)) {
        response = problem(status, text);
        add_group_policy(request, response);
    } else {
        response = response_new(status);
        response_add_text(response, text);
        add_group_policy(request, response);
    }
    if (status == 503) {
        response_retry_after(response);
    }
    return response;
}

void answer_error(struct request *request, int status, const char *text)
{
    request_answer(request, error_response(request, status, text));
}

void log_failure(err_t err, const char *text)
{
    int status = status_of(err);
    if (status == 500 || status == 507) {
        log_event(LOG_ERROR, text, "error", err_name(err), NULL);
    }
}

void answer_failure(struct request *request, err_t err, const char *text)
{
    char message[160];
    (void)snprintf(message, sizeof message, "%s: %s", text, err_name(err));
    log_failure(err, text);
    answer_error(request, status_of(err), message);
}

void answer_unreadable(struct request *request, err_t err, const char *id, const char *text)
{
    if (id != NULL) {
        log_event(LOG_ERROR, "page failed", "id", id, "error", err_name(err), NULL);
    } else {
        log_event(LOG_ERROR, "page failed", "error", err_name(err), NULL);
    }
    answer_error(request, status_of(err), text);
}

void answer_unreadable_body(struct request *request, err_t err, const struct buf *reason)
{
    answer_error(request, status_of(err), err == ERR_INVALID ? buf_str(reason) : err_name(err));
}

void answer_empty(struct request *request, int status)
{
    request_answer(request, response_new(status));
}

void answer_redirect(struct request *request, int status, const char *location)
{
    struct response *response = response_new(status);
    response_header(response, "Location", location);
    response_header(response, "Cache-Control", "no-store");
    request_answer(request, response);
}

/* A Host header that would be something else in a link, or in HTML, is not repeated. */
static bool host_is_plain(struct slice host)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  ".-_:[]%";
    return host.len > 0 && slice_has_only(host, allowed);
}

void add_query(const struct request *request, struct buf *out)
{
    if (request_query(request).ptr != NULL) {
        buf_add_char(out, '?');
        buf_add_slice(out, request_query(request));
    }
}

void add_base_url(const struct request *request, struct buf *out)
{
    const char *public_url = app_of(request)->public_url;
    if (public_url != NULL) {
        buf_add_str(out, public_url);
        return;
    }
    struct slice host = request_host(request);
    buf_add_str(out, request_has_https_links(request) ? "https://" : "http://");
    buf_add_slice(out, host_is_plain(host) ? host : SLICE("localhost"));
}

void add_short_url(const struct request *request, const char *id, struct buf *out)
{
    add_base_url(request, out);
    buf_add_str(out, "/-");
    buf_add_str(out, id);
}

void add_full_url(const struct request *request, const char *id, const char *filename,
                  struct buf *out)
{
    add_short_url(request, id, out);
    buf_add_char(out, '/');
    percent_add_component(out, slice_str(filename));
}

bool redirect_to_https(struct request *request)
{
    const char *public_url = app_of(request)->public_url;
    bool public_https = public_url != NULL && strncmp(public_url, "https://", 8) == 0;
    if (!slice_eq(request_header(request, "X-Forwarded-Proto"), SLICE("http")) ||
        (public_url != NULL && !public_https) || !host_is_plain(request_host(request))) {
        return false;
    }
    struct buf location;
    buf_init(&location, (size_t)2 * MAX_TARGET_BYTES);
    if (public_https) {
        buf_add_str(&location, public_url);
    } else {
        buf_add_str(&location, "https://");
        buf_add_slice(&location, request_host(request));
    }
    buf_add_slice(&location, request_raw_path(request));
    add_query(request, &location);
    struct buf body;
    buf_init(&body, (size_t)16 * MAX_TARGET_BYTES);
    buf_add_str(&body, "<a href=\"");
    html_escape(&body, buf_str(&location));
    buf_add_str(&body, "\">Moved Permanently</a>.\n");
    if (buf_err(&location) == ERR_OK) {
        struct response *response = response_new(301);
        response_header(response, "Location", buf_str(&location));
        response_header(response, "Content-Type", "text/html; charset=utf-8");
        response_header(response, "X-Content-Type-Options", "nosniff");
        response_body_take(response, &body);
        request_answer(request, response);
    } else {
        answer_error(request, 503, "out of memory");
    }
    buf_done(&body);
    buf_done(&location);
    return true;
}
