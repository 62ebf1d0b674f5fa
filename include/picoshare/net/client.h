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
    const char *url;        /* scheme, host and port: "http://localhost:4001" */
    const char *passphrase; /* the owner's; NULL: nobody signs in */
    int64_t time_out_ms;    /* to connect; client_ask(): for all of it */
};

/* Copies the options. ERR_NOTFOUND: libcurl is not here. ERR_INVALID: not a URL of a server. */
err_t client_open(const struct client_options *options, struct client **ret_client,
                  struct err_info *ret_info) MUST_CHECK;
void client_close(struct client *client);

/* Sends a request without a body ("GET", "/api/system"). ret_text, which the caller has
 * initialised, receives the answer's body up to its maximum; more is ERR_TOOBIG. */
err_t client_ask(struct client *client, const char *method, const char *path, int *ret_status,
                 struct buf *ret_text, struct err_info *ret_info) MUST_CHECK;

/* Where a long answer goes. Both functions end the request by returning false. */
struct client_sink {
    /* The next bytes of the body of a 200; total is its length, -1 when the server does not say. */
    bool (*take)(void *arg, struct slice bytes, int64_t total);
    /* Called at least once a second, also while nothing comes. NULL: not needed. */
    bool (*tick)(void *arg);
    void *arg;
};

/* As client_ask(), for an answer that may be long and long in coming: the body of a 200 goes to the
 * sink, that of another status to ret_text. ERR_OK for a 200: all of it has been taken. */
err_t client_fetch(struct client *client, const char *method, const char *path,
                   const struct client_sink *sink, int *ret_status, struct buf *ret_text,
                   struct err_info *ret_info) MUST_CHECK;

#endif
