/* server.h — the listening socket and libmicrohttpd's workers.
 *
 * server_start() to server_stop() is called by the main thread; the workers call the application's
 * begin for every request. server_tick() belongs to the maintenance thread. */
#ifndef PICOSHARE_HTTP_SERVER_H
#define PICOSHARE_HTTP_SERVER_H

#include "picoshare/base/clock.h"
#include "picoshare/base/err.h"
#include "picoshare/base/rng.h"
#include "picoshare/http/proxy.h"
#include "picoshare/http/request.h"
#include <stdint.h>

struct server;

struct server_options {
    int fd;                           /* of server_bind() or listening; the server's from now on */
    int metrics_fd;                   /* likewise: see request_is_for_metrics(); -1: none */
    const struct rng *rng;            /* borrowed for the call */
    const struct clock *clock;        /* borrowed */
    const struct proxy_config *proxy; /* borrowed; trusts nobody when empty */
    void *app;
    /* Finds the route (request_set_route, and its begin is called then) or answers. */
    void (*begin)(struct request *request);
    /* The answer to a request that is refused before its begin: it is malformed or too long, or
     * there is no time for it. Its headers can be asked for, but not its target. */
    struct response *(*refuse)(struct request *request, int status, const char *text);
};

/* A socket with its address, which nobody can connect to yet: numeric, NULL is all of IPv4 and
 * IPv6; port 0 is one that the system chooses. ERR_EXISTS: the port is in use. */
err_t server_bind(const char *address, uint16_t port, int *ret_fd,
                  struct err_info *ret_info) MUST_CHECK;
/* Listens. ERR_EXISTS: another program has taken the port meanwhile. The sockets are the caller's
 * again when this fails. ret_info says in one line what is wrong. */
err_t server_start(const struct server_options *options, struct server **ret_server,
                   struct err_info *ret_info) MUST_CHECK;
/* Until server_stop(). */
uint16_t server_port(const struct server *server);
uint16_t server_metrics_port(const struct server *server); /* 0: there is none */

struct server_figures {
    size_t connections; /* open, idle ones too */
    size_t requests;    /* running */
};
/* Any thread. */
void server_figures(struct server *server, struct server_figures *ret_figures);

/* Whether a worker has been with one request for longer than STUCK_MS. Waiting for the client or
 * the writer does not count, nor what libmicrohttpd does between its calls. */
bool server_is_stuck(struct server *server);

/* Serves a connected stream socket, one end of a socket pair for example, as if its client had come
 * from 127.0.0.1. Takes the descriptor, also when it fails. A seam for tests. */
bool server_adopt(struct server *server, int fd) MUST_CHECK;

/* Once a second: answers refused bodies that have stalled, cuts connections that are too slow
 * (limits.h) or whose client has left. */
void server_tick(struct server *server);

/* Takes no more connections, and only closes the listening socket: whoever else has it goes on.
 * Who is connected gets the answer to the request that runs or is on its way; running ones have
 * SHUTDOWN_GRACE_MS, then what is left is cut and the workers end. True when nothing had to be cut.
 * The store must still be running. */
bool server_stop(struct server *server);
void server_free(struct server *server);

#endif
