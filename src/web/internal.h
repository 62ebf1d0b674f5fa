/* internal.h — what the files of web/ share: the handlers, and how they answer. */
#ifndef PICOSHARE_WEB_INTERNAL_H
#define PICOSHARE_WEB_INTERNAL_H

#include "picoshare/base/buf.h"
#include "picoshare/base/limits.h"
#include "picoshare/http/router.h"
#include "picoshare/web/app.h"
#include "picoshare/web/pages.h"

/* What a route wants beyond its method and pattern (http-api.md 3). */
enum route_flags {
    ROUTE_OWNER = 1,    /* only for the owner */
    ROUTE_PAGE = 2,     /* a page: page headers, errors as pages for browsers */
    ROUTE_DOWNLOAD = 4, /* file contents: CSP sandbox */
};

struct app *app_of(const struct request *request);

/* ---- answer.c ---- */

/* An error: plain text as PicoShare sends it, problem+json (RFC 9457) or a page, as the client
 * prefers; with the headers of the route's group. 503 carries Retry-After. */
void answer_error(struct request *request, int status, const char *text);
/* The same as a response, to add headers to. */
struct response *error_response(const struct request *request, int status, const char *text);
/* A status without a body. */
void answer_empty(struct request *request, int status);
/* The limit of a page: 50 rows with names of 255 bytes, escaped, stay far below. */
enum { MAX_PAGE_BYTES = 512 * KIB };
/* HTML that was rendered into `page`, which is emptied. */
void answer_page(struct request *request, int status, struct buf *page);
struct response *page_response(int status, struct buf *page);
void answer_redirect(struct request *request, int status, const char *location);
/* The status for an error of the store or of a budget. */
int status_of(err_t err);
/* When a file expires that lives this many days from now on; 36500 is never (database.md 3.2). */
enum { SECONDS_PER_DAY = 86400, NEVER_DAYS = 36500 };
int64_t expiry_after(int64_t days, int64_t now);
/* Whether the client is a browser that wants a page. */
bool wants_html(const struct request *request);
/* "http://host" of the links we print: the public URL, or what the client asked for. */
void add_base_url(const struct request *request, struct buf *out);

/* ---- auth.c ---- */

/* Whether the owner asks. ERR_AUTH: not. Other errors: the store could not be asked. */
err_t auth_check(const struct request *request) MUST_CHECK;
bool auth_is_owner(const struct request *request);
/* Makes the client forget its session. */
void auth_clear_cookie(struct response *response);
/* 401, or for a browser on a page the way to the login page. */
void auth_refuse(struct request *request);
/* Whether a changing request comes from our own pages or from no page at all. */
bool auth_same_origin(const struct request *request);
/* Only paths of this server are followed after logging in: a slash, not two, no backslash. */
bool auth_local_path(const char *path);

/* ---- handlers ---- */

extern const struct request_handler handler_asset;        /* assets.c */
extern const struct request_handler handler_log_in;       /* login.c: POST /api/auth, /login */
extern const struct request_handler handler_log_out;      /* login.c */
extern const struct request_handler handler_login_page;   /* pages.c */
extern const struct request_handler handler_start_page;   /* pages.c */
extern const struct request_handler handler_files_page;   /* pages.c */
extern const struct request_handler handler_upload_form;  /* uploads.c: multipart */
extern const struct request_handler handler_upload_plain; /* uploads.c: raw body */
extern const struct request_handler handler_download;     /* downloads.c */

/* login.c: the login page, with what went wrong ("" for nothing). */
void render_login_page(const struct request *request, const char *next, const char *error,
                       struct buf *out);

#endif
