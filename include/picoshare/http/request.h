/* request.h — one request, as handlers see it: headers first, then its body piece by piece, then
 * its end. Nothing of libmicrohttpd shows here.
 *
 * A handler's functions are called by one worker at a time, in this order:
 *     begin  once, when the headers are there. Whatever they can decide is decided here.
 *     data   for every piece of the body, as long as there is no answer.
 *     end    when the body is complete (at once when there is none) and there is no answer: it
 *            answers, or calls request_wait() and is called again after request_wake().
 *     close  once, at last, when begin was called: frees the handler's state. The answer has been
 *            sent, or the client has gone.
 * An answer given before the body has ended is a refusal: the rest is read on within the drain
 * budget (limits.h), so that the client gets to see the answer.
 *
 * Strings and slices given out are borrowed until close() returns, unless they say otherwise. */
#ifndef PICOSHARE_HTTP_REQUEST_H
#define PICOSHARE_HTTP_REQUEST_H

#include "picoshare/base/err.h"
#include "picoshare/base/metrics.h"
#include "picoshare/base/slice.h"
#include "picoshare/http/response.h"
#include <stdbool.h>
#include <stdint.h>

struct request;

struct request_handler {
    void (*begin)(struct request *request); /* NULL: nothing to decide */
    /* Returns how many bytes it took. Fewer: it waits for request_wake() and gets the rest then.
     * NULL: a body is of no interest. */
    size_t (*data)(struct request *request, struct slice bytes);
    void (*end)(struct request *request);
    void (*close)(struct request *request); /* NULL: nothing to free */
};

/* ---- what the client said ---- */

const char *request_method(const struct request *request);
bool request_is_head(const struct request *request);
/* The path as sent, still encoded; and the query, without '?', ptr NULL when there is none. */
struct slice request_raw_path(const struct request *request);
struct slice request_query(const struct request *request);
/* The first value of a query parameter, as target_query_get(). */
err_t request_query_get(const struct request *request, const char *name, char *dst,
                        size_t dst_size) MUST_CHECK;
/* The first header of that name, without case; ptr NULL when there is none. */
struct slice request_header(const struct request *request, const char *name);
/* Calls `each` for every header of that name, in their order, until it returns false. */
void request_each_header(const struct request *request, const char *name,
                         bool (*each)(void *arg, struct slice value), void *arg);
/* The first one as a C string, cut to fit; "" when there is none. */
void request_copy_header(const struct request *request, const char *name, char *dst,
                         size_t dst_size);
/* The n-th {} of the route, decoded. ERR_TOOBIG, ERR_INVALID (a NUL). */
err_t request_param(const struct request *request, size_t n, char *dst, size_t dst_size) MUST_CHECK;
/* As it was sent. */
struct slice request_param_raw(const struct request *request, size_t n);
/* The body's length, or -1 when it comes in chunks; 0 also when there is none. */
int64_t request_content_length(const struct request *request);

/* The client's address, as text without port; the one a trusted proxy names. */
const char *request_client(const struct request *request);
/* Whether it came to the address for watching, server_options.metrics_fd: nobody signs in there. */
bool request_is_for_metrics(const struct request *request);
bool request_is_https(const struct request *request);
/* Whether links for the client begin with https: also behind a trusted proxy that does not tell the
 * scheme (http-api.md 7). */
bool request_has_https_links(const struct request *request);
struct slice request_host(const struct request *request);
/* The host that the client named to a trusted proxy; ptr NULL when there is none. */
struct slice request_forwarded_host(const struct request *request);

/* ---- state ---- */

/* One pointer of the handler's. */
void request_set_state(struct request *request, void *state);
void *request_state(const struct request *request);
/* A few numbers of the layer above, 0 at first. */
enum { REQUEST_NOTES = 3 };
void request_set_note(struct request *request, size_t n, int64_t value);
int64_t request_note(const struct request *request, size_t n);
void *request_app(const struct request *request); /* server_options.app */
struct server;
struct server *request_server(const struct request *request);

/* In server_options.begin: the route, which errors are answered by; and then, if it is the
 * handler's turn, its begin. From there on its other functions are called. */
struct route;
void request_set_route(struct request *request, const struct route *route,
                       const struct slice *params);
void request_begin_handler(struct request *request);
/* What it is counted as; METRICS_OTHER unless this is called. */
void request_set_purpose(struct request *request, enum metrics_purpose purpose);
bool request_handler_begun(const struct request *request);
const struct route *request_route(const struct request *request); /* NULL: none yet */

/* ---- answering ---- */

/* Takes the response; the first answer counts, a later one is dropped. */
void request_answer(struct request *request, struct response *response);
bool request_answered(const struct request *request);
/* In end(): sleep until request_wake(). */
void request_wait(struct request *request);
/* From any thread: something that the handler waits for may have happened. Spurious calls are
 * harmless, so a handler looks at its own state when it is called. Not after close(). arg is the
 * struct request, so that this can be a callback. */
void request_wake(void *arg);
/* From any thread, between request_wait() and request_wake(): whether somebody waits for the
 * answer. False when the client has closed the connection or reset it, and when the server is
 * stopping. */
bool request_is_wanted(const struct request *request);
/* As request_wake(): what the body is for has failed. The handler says so when the next piece of it
 * comes; if none does, the connection is cut. */
void request_give_up(void *arg);

#endif
