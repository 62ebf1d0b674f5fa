/* routes.c — the table of routes, and what is checked before a handler sees a request. */
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/text/percent.h"
#include "picoshare/text/target.h"
#include "picoshare/web/asset.h"
#include <string.h>

/* The first ones are all that there is at the address for watching. */
enum { WATCH_ROUTES = 2 };

static const struct route routes[] = {
    {"GET", "/healthz", ROUTE_WATCH, &handler_health},
    {"GET", "/metrics", ROUTE_OWNER | ROUTE_WATCH, &handler_metrics},
    {"POST", "/api/auth", 0, &handler_log_in},
    {"DELETE", "/api/auth", 0, &handler_log_out},
    {"POST", "/api/entry", ROUTE_OWNER | ROUTE_UPLOAD, &handler_upload_form},
    {"PUT", "/api/entry/{}", ROUTE_OWNER, &handler_edit_entry},
    {"DELETE", "/api/entry/{}", ROUTE_OWNER, &handler_delete_entry},
    {"POST", "/api/guest-links", ROUTE_OWNER, &handler_create_link},
    {"DELETE", "/api/guest-links/{}", ROUTE_OWNER, &handler_delete_link},
    {"PUT", "/api/guest-links/{}/enable", ROUTE_OWNER, &handler_enable_link},
    {"PUT", "/api/guest-links/{}/disable", ROUTE_OWNER, &handler_disable_link},
    {"PUT", "/api/guest-links/{}/restore", ROUTE_OWNER, &handler_restore_link},
    {"PUT", "/api/settings", ROUTE_OWNER, &handler_settings},
    {"GET", "/api/system", ROUTE_OWNER, &handler_figures},
    {"POST", "/api/system/reclaim", ROUTE_OWNER, &handler_reclaim},
    {"POST", "/api/system/backup", ROUTE_OWNER, &handler_backup},
    {"GET", "/api/system/backup", ROUTE_OWNER, &handler_backup_state},
    {"DELETE", "/api/sessions", ROUTE_OWNER, &handler_end_sessions},
    {"DELETE", "/api/sessions/{}", ROUTE_OWNER, &handler_end_session},
    {"POST", "/api/guest/{}", ROUTE_UPLOAD, &handler_guest_form},
    {"PUT", "/api/guest/{}/{}", ROUTE_UPLOAD, &handler_guest_plain},
    {"PUT", "/api/upload/{}", ROUTE_OWNER | ROUTE_UPLOAD, &handler_upload_plain},
    {"PUT", "/api/upload/", ROUTE_OWNER | ROUTE_UPLOAD, &handler_upload_plain},
    {"GET", "/information", ROUTE_OWNER | ROUTE_PAGE, &handler_information_page},
    {"GET", "/files", ROUTE_OWNER | ROUTE_PAGE, &handler_files_page},
    {"GET", "/files/{}/downloads", ROUTE_OWNER | ROUTE_PAGE, &handler_file_downloads},
    {"GET", "/files/{}/edit", ROUTE_OWNER | ROUTE_PAGE, &handler_file_edit},
    {"GET", "/files/{}/info", ROUTE_OWNER | ROUTE_PAGE, &handler_file_info},
    {"GET", "/files/{}/confirm-delete", ROUTE_OWNER | ROUTE_PAGE, &handler_file_delete},
    {"GET", "/guest-links", ROUTE_OWNER | ROUTE_PAGE, &handler_guest_links_page},
    {"GET", "/guest-links/new", ROUTE_OWNER | ROUTE_PAGE, &handler_guest_link_form},
    {"GET", "/settings", ROUTE_OWNER | ROUTE_PAGE, &handler_settings_page},
    {"GET", "/login", ROUTE_PAGE | ROUTE_UPGRADE, &handler_login_page},
    {"POST", "/login", ROUTE_PAGE, &handler_log_in},
    {"POST", "/upload", ROUTE_OWNER | ROUTE_PAGE | ROUTE_UPLOAD, &handler_upload_form},
    {"GET", "/g/{}*", ROUTE_PAGE | ROUTE_UPGRADE, &handler_guest_page},
    {"POST", "/g/{}", ROUTE_PAGE | ROUTE_UPLOAD, &handler_guest_form},
    {"GET", "/", ROUTE_PAGE | ROUTE_UPGRADE, &handler_start_page},
    {"GET", "/-{}*", ROUTE_DOWNLOAD | ROUTE_UPGRADE, &handler_download},
    {"GET", "/!{}*", ROUTE_DOWNLOAD | ROUTE_UPGRADE, &handler_download},
};

static const struct route asset_route = {"GET", "*", 0, &handler_asset};

struct app *app_of(const struct request *request)
{
    return request_app(request);
}

static bool is_method(const struct request *request, const char *method)
{
    return strcmp(request_method(request), method) == 0;
}

/* Double slashes and dot segments are answered with the clean path (http-api.md 2.1). */
static bool redirect_unclean(struct request *request)
{
    char path[MAX_TARGET_BYTES + 1];
    bool encoded_slash = false;
    if (target_decode_path(request_raw_path(request), path, sizeof path, &encoded_slash) !=
        ERR_OK) {
        answer_error(request, 400, "malformed request target");
        return true;
    }
    if (encoded_slash || target_is_clean(path)) {
        return false;
    }
    target_clean_path(path);
    struct buf location;
    buf_init(&location, MAX_TARGET_BYTES);
    percent_add_path(&location, slice_str(path));
    add_query(request, &location);
    if (buf_err(&location) == ERR_OK) {
        answer_redirect(request, 301, buf_str(&location));
    } else {
        answer_error(request, 414, "request target is too long");
    }
    buf_done(&location);
    return true;
}

/* PicoShare answers with nothing; a person who looks at an address for forms is told so. */
static struct response *wrong_method(struct request *request)
{
    if (is_method(request, "OPTIONS")) {
        return response_new(204);
    }
    return wants_html(request) ? error_response(request, 405, "This address shows nothing.")
                               : response_new(405);
}

static const struct route *find_route(struct request *request,
                                      struct slice params[ROUTE_MAX_PARAMS])
{
    struct buf allow;
    buf_init(&allow, KIB);
    const struct route *route = NULL;
    if (request_is_for_metrics(request)) {
        route = router_find(routes, WATCH_ROUTES, request_method(request),
                            request_raw_path(request), params, &allow);
    } else if (asset_find(request_raw_path(request)) != NULL) {
        route = router_find(&asset_route, 1, request_method(request), request_raw_path(request),
                            params, &allow);
    } else {
        route = router_find(routes, ARRAY_LEN(routes), request_method(request),
                            request_raw_path(request), params, &allow);
    }
    if (route == NULL && allow.len == 0) {
        answer_error(request, 404, "404 page not found");
    } else if (route == NULL) {
        struct response *response = wrong_method(request);
        response_header(response, "Allow", buf_str(&allow));
        request_answer(request, response);
    }
    buf_done(&allow);
    return route;
}

static enum metrics_purpose purpose_of(const struct route *route)
{
    static const struct {
        unsigned flag;
        enum metrics_purpose purpose;
    } purposes[] = {{ROUTE_WATCH, METRICS_WATCH},
                    {ROUTE_UPLOAD, METRICS_UPLOAD},
                    {ROUTE_DOWNLOAD, METRICS_DOWNLOAD},
                    {ROUTE_PAGE, METRICS_PAGE}};
    for (size_t i = 0; i < ARRAY_LEN(purposes); i++) {
        if ((route->flags & purposes[i].flag) != 0) {
            return purposes[i].purpose;
        }
    }
    return route == &asset_route ? METRICS_ASSET : METRICS_API;
}

bool changes_something(const struct request *request)
{
    return !is_method(request, "GET") && !is_method(request, "HEAD");
}

void app_prepare(void)
{
    json_body_prepare();
}

/* No body is decoded: of a compressed one, what is stored would not be what was meant. */
static bool is_encoded(const struct request *request)
{
    struct slice coding = slice_trim(request_header(request, "Content-Encoding"));
    return coding.len > 0 && !slice_eq_nocase(coding, SLICE("identity"));
}

void app_begin(struct request *request)
{
    struct slice params[ROUTE_MAX_PARAMS] = {{NULL, 0}};
    if (redirect_unclean(request)) {
        return;
    }
    const struct route *route = find_route(request, params);
    if (route == NULL) {
        return;
    }
    request_set_route(request, route, params);
    request_set_purpose(request, purpose_of(route));
    if ((route->flags & ROUTE_UPGRADE) != 0 && redirect_to_https(request)) {
        return;
    }
    if (changes_something(request) && !auth_same_origin(request)) {
        answer_error(request, 403, "cross-site request refused");
        return;
    }
    if (changes_something(request) && is_encoded(request)) {
        answer_error(request, 415, "unsupported content coding");
        return;
    }
    if ((route->flags & ROUTE_OWNER) != 0 && !request_is_for_metrics(request)) {
        err_t err = auth_check(request);
        if (err == ERR_AUTH) {
            auth_refuse(request);
            return;
        }
        if (err != ERR_OK) {
            log_failure(err, "failed to read session");
            answer_error(request, status_of(err), "failed to read session");
            return;
        }
    }
    request_begin_handler(request);
}

struct response *app_refuse(struct request *request, int status, const char *text)
{
    /* It may be malformed, and its client's address is not known for certain yet; or the server has
     * no time, not even for a look at its session. */
    auth_assume_stranger(request);
    return error_response(request, status, text);
}
