/* auth.c — who asks, and from where.
 *
 * The owner shows a session cookie or, in scripts, the passphrase by Basic authentication. A 401
 * carries no WWW-Authenticate: browsers would cover our login page with a dialog of their own. */
#include "internal.h"
#include "picoshare/base/digest.h"
#include "picoshare/base/limits.h"
#include "picoshare/text/basic_auth.h"
#include "picoshare/text/cookie.h"
#include "picoshare/text/percent.h"
#include <string.h>

err_t auth_check(const struct request *request)
{
    struct sessions *sessions = app_of(request)->sessions;
    struct slice token;
    if (cookie_get(request_header(request, "Cookie"), "sharedSecret", &token)) {
        err_t err = sessions_check(sessions, token);
        if (err != ERR_AUTH) {
            return err;
        }
    }
    struct basic_auth basic;
    err_t err = basic_auth_parse(request_header(request, "Authorization"), &basic);
    if (err == ERR_OK && !sessions_passphrase_ok(sessions, slice_str(basic.password))) {
        err = ERR_AUTH;
    }
    digest_wipe(&basic, sizeof basic);
    return err == ERR_OK ? ERR_OK : ERR_AUTH;
}

bool auth_is_owner(const struct request *request)
{
    return auth_check(request) == ERR_OK;
}

void auth_clear_cookie(struct response *response)
{
    response_header(response, "Set-Cookie",
                    "sharedSecret=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
}

void auth_refuse(struct request *request)
{
    bool reads = strcmp(request_method(request), "GET") == 0 || request_is_head(request);
    if ((request_route(request)->flags & ROUTE_PAGE) != 0 && reads && wants_html(request)) {
        struct buf next;
        struct buf location;
        buf_init(&next, MAX_TARGET_BYTES + 1);
        buf_init(&location, MAX_TARGET_BYTES);
        buf_add_slice(&next, request_raw_path(request));
        if (request_query(request).ptr != NULL) {
            buf_add_char(&next, '?');
            buf_add_slice(&next, request_query(request));
        }
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
