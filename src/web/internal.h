/* internal.h — what the files of web/ share: the handlers, and how they answer. */
#ifndef PICOSHARE_WEB_INTERNAL_H
#define PICOSHARE_WEB_INTERNAL_H

#include "picoshare/base/buf.h"
#include "picoshare/base/limits.h"
#include "picoshare/http/router.h"
#include "picoshare/text/civil.h"
#include "picoshare/text/duration.h"
#include "picoshare/text/timestamp.h"
#include "picoshare/web/app.h"
#include "picoshare/web/pages.h"

/* What a route wants beyond its method and pattern (http-api.md 3). */
enum route_flags {
    ROUTE_OWNER = 1,    /* only for the owner */
    ROUTE_PAGE = 2,     /* a page: page headers, errors as pages for browsers */
    ROUTE_DOWNLOAD = 4, /* file contents: CSP sandbox */
    ROUTE_UPGRADE = 8,  /* visitors are sent to HTTPS when their proxy says they came without */
    ROUTE_UPLOAD = 16,  /* counted as uploads, whichever other flags there are; … */
    ROUTE_WATCH = 32,   /* … and as questions of whoever watches the server */
};

struct app *app_of(const struct request *request);
/* Whether the request is more than a question: neither GET nor HEAD. */
bool changes_something(const struct request *request);

/* ---- answer.c ---- */

/* An error: plain text as PicoShare sends it, problem+json (RFC 9457) or a page, as the client
 * prefers; with the headers of the route's group. 503 carries Retry-After. */
void answer_error(struct request *request, int status, const char *text);
/* The same as a response, to add headers to. */
struct response *error_response(struct request *request, int status, const char *text);
/* A line in the log for an error that is this program's or the disk's fault: 500 and 507. */
void log_failure(err_t err, const char *text);
/* A change that the store refused: status_of(err), "TEXT: error", and log_failure(). */
void answer_failure(struct request *request, err_t err, const char *text);
/* A page that cannot be shown: status_of(err), the text as it is, and a line in the log. id: of the
 * file that the page is about, or NULL. */
void answer_unreadable(struct request *request, err_t err, const char *id, const char *text);
/* A body that is of no use: 400 and the reason when that is the client's fault. */
void answer_unreadable_body(struct request *request, err_t err, const struct buf *reason);
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
/* When a file expires that lives this many days from now on (database.md 3.2). */
int64_t expiry_after(int64_t days, int64_t now);
/* Whether the client is a browser that wants a page. */
bool wants_html(const struct request *request);
/* '?' and the query as it was sent, if there is one. */
void add_query(const struct request *request, struct buf *out);
/* "http://host" of the links we print: the public URL, or what the client asked for. */
void add_base_url(const struct request *request, struct buf *out);
/* The short link of a file, or the one with its name. */
void add_short_url(const struct request *request, const char *id, struct buf *out);
void add_full_url(const struct request *request, const char *id, const char *filename,
                  struct buf *out);
/* Sends a visitor who came without HTTPS there, if the proxy says so (http-api.md 14.2). */
bool redirect_to_https(struct request *request);

/* ---- auth.c ---- */

/* Whether the owner asks. ERR_AUTH: not. Other errors: the store could not be asked. */
err_t auth_check(struct request *request) MUST_CHECK;
bool auth_is_owner(struct request *request);
/* Takes whoever asks for a stranger, without a look at what they show. */
void auth_assume_stranger(struct request *request);
/* Whether this is the passphrase. ERR_AUTH: it is not, or the client has tried too often, and must
 * wait auth_retry_after_s() seconds (0: it need not). ERR_NOMEM: nothing is known, nor charged. */
err_t auth_check_passphrase(struct request *request, struct slice passphrase) MUST_CHECK;
int64_t auth_retry_after_s(const struct request *request);
#define TOO_MANY_ATTEMPTS "too many wrong passphrases, try again later"
/* Answers with the response, a 429, and how long to wait. */
void auth_refuse_throttled(struct request *request, struct response *response);
/* The session token in the client's cookie, borrowed; false: it sends none. */
bool auth_token(const struct request *request, struct slice *ret_token);
/* Gives the session's cookie to the client; _prolong only when the session has been prolonged. */
void auth_set_cookie(const struct request *request, struct slice token, struct response *response);
void auth_prolong_cookie(const struct request *request, struct response *response);
/* Makes the client forget its session. */
void auth_clear_cookie(struct response *response);
/* 401, or for a browser on a page the way to the login page. */
void auth_refuse(struct request *request);
/* Whether a changing request comes from our own pages or from no page at all. */
bool auth_same_origin(const struct request *request);
/* Only paths of this server are followed after logging in: a slash, not two, no backslash. */
bool auth_local_path(const char *path);

/* ---- formats.c ---- */

enum { EXPIRY_TEXT_SIZE = 64 };
/* Whole days, rounded to the nearest, halves to even; negative when `to` is the earlier. */
int64_t days_between(int64_t from, int64_t to);
/* When a file expires: "Never", or the day in the server's time zone and how many are left. */
void print_expiry(int64_t expires, int64_t now, char ret_text[EXPIRY_TEXT_SIZE]);

/* The lifetimes that every page offers: 1 day, 7 days, 30 days, 1 year, for ever. */
enum { USUAL_LIFETIMES = 5 };
extern const int64_t usual_days[USUAL_LIFETIMES];
/* A lifetime to choose from. */
struct lifetime_choice {
    int64_t days; /* NEVER_DAYS: never */
    char label[DURATION_NAME_SIZE];
    char value[TIMESTAMP_SIZE]; /* when it ends */
};
void make_choice(struct lifetime_choice *choice, int64_t days, int64_t now);

/* ---- ids.c ---- */

/* The id that is the first parameter of the route. False: answered with 400, "PREFIX" and what is
 * wrong with it (http-api.md 12.6). */
bool take_entry_id(struct request *request, const char *prefix, char ret_id[ENTRY_ID_LEN + 1]);
bool take_guest_link_id(struct request *request, const char *prefix,
                        char ret_id[GUEST_LINK_ID_LEN + 1]);

/* ---- call.c ---- */

/* A request with a small body, or none, that becomes one job of the store. Embedded in the
 * handler's state as its first member; memory from mem_alloc. */
struct call {
    struct request *request;
    struct buf body;
    bool large; /* holds one of MAX_LARGE_BODIES */
    bool submitted;
    _Atomic bool done;
    err_t result; /* the job's, once call_finished() */
};

/* Allocates a state of the given size, which begins with a struct call, and makes it the
 * request's. NULL, and answered: no memory, or the body is announced to be too large. */
void *call_begin(struct request *request, size_t size);
/* For request_handler.data: collects the body. */
size_t call_receive(struct request *request, struct slice bytes);
/* Hands the job to the store; end() is called again when it is done. */
void call_submit(struct call *call, struct store_job *job);
/* In end(): true when the job is done; otherwise waits. Only after call_submit(). */
bool call_finished(struct call *call);
/* For request_handler.close: frees body and state. */
void call_close(struct request *request);

/* ---- json_body.c: the JSON of requests, as leniently as http-api.md 2.5 says ---- */

struct json_body;

/* Once, before the first: the parser's hashes get a seed that nobody can guess. */
void json_body_prepare(void);
/* ERR_INVALID: ret_reason says why (the empty body is "EOF"); ERR_NOMEM. Free with
 * json_body_free(). */
err_t json_body_read(const struct buf *text, struct json_body **ret_body,
                     struct buf *ret_reason) MUST_CHECK;
void json_body_free(struct json_body *body);
/* A member that is absent or null leaves *ret_value alone and *ret_given false (NULL: do not
 * tell). False: of another type or out of range, and ret_reason says so. The text is borrowed. */
bool json_body_text(const struct json_body *body, const char *name, const char **ret_value,
                    struct buf *ret_reason);
bool json_body_bool(const struct json_body *body, const char *name, bool *ret_value,
                    struct buf *ret_reason);
bool json_body_int(const struct json_body *body, const char *name, int64_t min, int64_t max,
                   int64_t *ret_value, bool *ret_given, struct buf *ret_reason);

/* ---- handlers ---- */

extern const struct request_handler handler_asset;      /* assets.c */
extern const struct request_handler handler_log_in;     /* login.c: POST /api/auth, /login */
extern const struct request_handler handler_log_out;    /* login.c */
extern const struct request_handler handler_login_page; /* pages.c */
extern const struct request_handler handler_start_page; /* pages.c */
extern const struct request_handler handler_files_page; /* file_list.c */
extern const struct request_handler handler_file_info;  /* file_pages.c, the next three too */
extern const struct request_handler handler_file_edit;
extern const struct request_handler handler_file_delete;
extern const struct request_handler handler_file_downloads;
extern const struct request_handler handler_upload_form;  /* uploads.c: multipart */
extern const struct request_handler handler_upload_plain; /* uploads.c: raw body */
extern const struct request_handler handler_guest_form;   /* uploads.c: multipart */
extern const struct request_handler handler_guest_plain;  /* uploads.c: raw body */
extern const struct request_handler handler_download;     /* downloads.c */
extern const struct request_handler handler_edit_entry;   /* entries.c */
extern const struct request_handler handler_delete_entry; /* entries.c */
extern const struct request_handler handler_create_link;  /* guest_links.c */
extern const struct request_handler handler_delete_link;  /* guest_links.c */
extern const struct request_handler handler_enable_link;  /* guest_links.c */
extern const struct request_handler handler_disable_link; /* guest_links.c */
extern const struct request_handler handler_restore_link; /* guest_links.c */
extern const struct request_handler handler_settings;     /* settings.c: PUT */

extern const struct request_handler handler_guest_links_page; /* guest_pages.c: /guest-links */
extern const struct request_handler handler_guest_link_form;  /* guest_pages.c */
extern const struct request_handler handler_guest_page;       /* guest_pages.c: /g/{id} */
extern const struct request_handler handler_settings_page;    /* system_pages.c */
extern const struct request_handler handler_information_page; /* system_pages.c */

extern const struct request_handler handler_figures;      /* system_api.c */
extern const struct request_handler handler_reclaim;      /* system_api.c */
extern const struct request_handler handler_backup;       /* backups.c: POST */
extern const struct request_handler handler_backup_state; /* backups.c: GET */
extern const struct request_handler handler_end_session;  /* system_api.c */
extern const struct request_handler handler_end_sessions; /* system_api.c */
extern const struct request_handler handler_health;       /* health.c */
extern const struct request_handler handler_metrics;      /* metrics.c */

/* login.c: the login page, with what went wrong and what to do ("" for nothing). */
void render_login_page(struct request *request, const char *next, const char *error,
                       const char *advice, struct buf *out);

#endif
