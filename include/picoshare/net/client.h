/* client.h — requests to a running server, for the commands that talk to one.
 *
 * Blocking. A client is used by one thread at a time; its functions may be called again from the
 * callbacks of client_fetch(). Redirects are not followed and no proxy is used, not even one that
 * the environment names: the passphrase goes to the server that was named, and nowhere else.
 * libcurl is loaded when a client is opened (docs/decisions/0012-libcurl-when-needed.md).
 * Errors: ERR_IO: no server, or no whole answer; ERR_CLOSED: a callback wanted no more. ret_info
 * has a line for people. An answer of any status is ERR_OK. */
#ifndef PICOSHARE_NET_CLIENT_H
#define PICOSHARE_NET_CLIENT_H

#include "picoshare/base/buf.h"
#include "picoshare/base/err.h"
#include "picoshare/base/slice.h"
#include <stdbool.h>
#include <stdint.h>

struct client;

struct client_options {
    const char *url;        /* what all paths begin with: "http://localhost:4001" */
    const char *passphrase; /* the owner's; NULL: nobody signs in */
    int64_t time_out_ms;    /* to connect; client_ask(): for all of it */
};

/* Copies the options. ERR_NOTFOUND: libcurl is not here. ERR_INVALID: not a URL of a server, or one
 * with a passphrase in it, which others would see. */
err_t client_open(const struct client_options *options, struct client **ret_client,
                  struct err_info *ret_info) MUST_CHECK;
void client_close(struct client *client);

/* Sends a request without a body ("GET", "/api/system"). ret_text, which the caller has
 * initialised, receives the answer's body up to its maximum; more is ERR_TOOBIG. */
err_t client_ask(struct client *client, const char *method, const char *path, int *ret_status,
                 struct buf *ret_text, struct err_info *ret_info) MUST_CHECK;

/* An answer whose headers are there; it lasts as long as the callback that gets it. */
struct client_answer;
int client_answer_status(const struct client_answer *answer);
/* The value of the first header of that name; NULL: there is none. Foreign text. */
const char *client_answer_header(const struct client_answer *answer, const char *name);

/* Where a long answer goes. All functions end the request by returning false. */
struct client_sink {
    /* Called once, before anything of the body, for an answer of any status. NULL: not needed. */
    bool (*begin)(void *arg, const struct client_answer *answer);
    /* The next bytes of the body of a 200 or 206; total is its length, -1 when the server does not
     * say. */
    bool (*take)(void *arg, struct slice bytes, int64_t total);
    /* Called at least once a second, also while nothing comes. NULL: not needed. */
    bool (*tick)(void *arg);
    void *arg;
};

/* Where a body that is sent comes from. */
struct client_source {
    /* Writes the next bytes, at most max, and gives their count; 0: the end. False ends the
     * request. */
    bool (*give)(void *arg, char *bytes, size_t max, size_t *ret_len);
    void *arg;
    int64_t length; /* -1: not known */
};

struct client_request {
    const char *method;
    const char *path;                   /* with its query */
    const char *const *headers;         /* "Name: value", NULL at the end; NULL: none */
    const struct client_source *source; /* NULL: no body */
    int64_t bytes_per_s;                /* at most, either way; 0: as fast as it goes */
    int64_t idle_s; /* nothing comes and nothing goes for so long: it ends; 0: never */
};

/* For bodies that may be long and long in coming: that of a 200 or 206 goes to the sink, that of
 * another status to ret_text, as with client_ask(), and all of it without a sink. ERR_OK for a 200
 * or 206: all of it has been taken. */
err_t client_fetch(struct client *client, const struct client_request *request,
                   const struct client_sink *sink, int *ret_status, struct buf *ret_text,
                   struct err_info *ret_info) MUST_CHECK;

#endif
