/* internal.h — what the files of http/ share.
 * Lock order: server.lock is the only lock here; nothing else is taken while it is held, except by
 * libmicrohttpd inside MHD_resume_connection. */
#ifndef PICOSHARE_HTTP_INTERNAL_H
#define PICOSHARE_HTTP_INTERNAL_H

#include "picoshare/base/list.h"
#include "picoshare/base/lock.h"
#include "picoshare/base/metrics.h"
#include "picoshare/http/pace.h"
#include "picoshare/http/router.h"
#include "picoshare/http/server.h"
#include "picoshare/text/client_name.h"
#include "picoshare/text/target.h"
#include "response.h"
#include <microhttpd.h>
#include <stdatomic.h>
#include <sys/socket.h>

/* A connection, from accept to close. Guarded by server.lock, but for its request. */
struct connection {
    struct list all;
    int fd;
    bool for_metrics;               /* it came to the address that is for them; constant */
    bool begun;                     /* a worker has it */
    struct request *request;        /* begun, and not ended; or NULL. The worker's changes */
    bool busy;                      /* a request's headers are complete and it has not ended */
    bool had_request;               /* at least one has ended: it is kept alive */
    bool ended;                     /* no further request is read from it */
    int64_t since_ms;               /* when it was accepted, or its last request ended */
    char client[CLIENT_NAME_BYTES]; /* whose share it counts towards; "": a trusted proxy's */
};

enum request_phase {
    REQUEST_NEW,      /* begin has not been called */
    REQUEST_BODY,     /* headers are there, the body may be arriving */
    REQUEST_DRAINING, /* the answer is known, the rest of the body is swallowed */
    REQUEST_COMPLETE, /* the body has ended */
    REQUEST_QUEUED    /* the answer is with libmicrohttpd, or was sent raw */
};

/* Whose the answer is (request.c). */
enum answer_state {
    ANSWER_HELD,    /* the worker's, if there is one */
    ANSWER_OFFERED, /* a refusal, while the body is swallowed: that of whoever takes it */
    ANSWER_TAKEN    /* it is being written to the socket, or has been */
};

/* How a worker that suspends and a thread that wakes agree: whoever comes second resumes. */
enum wait_state { WAIT_RUNNING, WAIT_SUSPENDED, WAIT_WOKEN };

/* As much as a proxy's may have; ours are sixteen hexadecimal digits. */
enum { REQUEST_ID_BYTES = 64 };

struct request {
    uint32_t magic;
    struct server *server;
    struct MHD_Connection *mhd;
    struct list all; /* guarded by server.lock */
    struct connection *connection;
    int fd;

    char id[REQUEST_ID_BYTES + 1];
    char *raw_target;            /* owned */
    const char *received_target; /* where libmicrohttpd has it; what stands there changes */
    struct target target;
    const char *method;  /* libmicrohttpd's, for the request's life */
    const char *version; /* likewise */
    char client[PROXY_ADDRESS_BYTES];
    bool https;
    bool https_links;
    struct slice forwarded_host; /* named by a trusted proxy; ptr NULL: none */
    int64_t started_ns;          /* on the wall */
    int64_t started_mono_ns;     /* on the clock that never jumps */
    int64_t content_length;      /* -1: chunked */

    _Atomic int phase; /* enum request_phase; written by the worker, read by the reaper */
    const struct route *route;
    enum metrics_purpose purpose;
    const struct request_handler *handler; /* set: its close must be called */
    struct slice params[ROUTE_MAX_PARAMS];
    void *state;
    int64_t notes[REQUEST_NOTES];
    bool answered;
    struct response *answer; /* not queued yet; owned. NULL although answered: no memory */
    bool wants_wait;
    int64_t drained; /* bytes swallowed */

    _Atomic int answer_state;
    _Atomic int wait_state;
    _Atomic int64_t received;       /* bytes of the body */
    _Atomic int64_t drain_since_ms; /* 0: not draining */
    _Atomic int64_t given_up_ms;    /* when request_give_up() was called first; 0: not yet */
    _Atomic int64_t at_work_ms;     /* since when the worker is with it; 0: it is not */

    /* the reaper's, guarded by server.lock */
    struct pace pace; /* of receiving; once the answer is on its way, of sending */
    bool is_sending;

    /* for the access log: of whoever has the answer */
    int status;
    _Atomic int64_t sent; /* bytes of the answer's body that the worker has handed on */
};

struct server {
    struct MHD_Daemon *daemon;
    const struct clock *clock;
    const struct proxy_config *proxy;
    void *app;
    void (*begin)(struct request *request);
    struct response *(*refuse)(struct request *request, int status, const char *text);
    int listen_fd;
    int metrics_fd; /* -1: none */
    uint64_t id_seed;
    _Atomic uint64_t id_count;
    pthread_t acceptor;
    int acceptor_end_fd;      /* readable: the acceptor ends */
    _Atomic int large_blocks; /* downloads that have one */
    _Atomic bool stopping;    /* no new connections; those there are have their last request */
    _Atomic bool cutting;     /* running ones end now */

    struct lock lock;
    struct list requests;
    size_t requests_count;
    struct list connections;
    size_t connections_count;
    size_t begun_count; /* of them, those that a worker has */
    pthread_cond_t request_ended;
};

enum { REQUEST_MAGIC = 0x72657175 };

/* framing.c — NULL when the request is well-formed, else why not; sets content_length. */
const char *framing_check(struct request *request, int *ret_status);

/* address.c — the address as text, IPv4 also when it came as IPv6; "" for other families. */
void address_print(const struct sockaddr *address, char ret_text[PROXY_ADDRESS_BYTES]);

/* connections.c — one that was just accepted; NULL: it is refused, or there is no memory. The
 * address is borrowed. */
struct connection *connection_new(struct server *server, int fd, const struct sockaddr *address,
                                  bool for_metrics);
/* Whether there are as many as there may be. */
bool connections_are_all(struct server *server);
/* A worker has it from now on; NULL: as above. */
struct connection *connection_begin(struct server *server, int fd, const struct sockaddr *address);
void connection_free(struct server *server, struct connection *connection);
/* Ends those that wait too long for a request; server.lock held. */
void connections_tick(struct server *server, int64_t now, bool scarce);
/* While the server stops: lets go of those that no request runs on, but of a new one only after
 * FIRST_REQUEST_MS. Whether a request may still come on one. server.lock held. */
bool connections_await_requests(struct server *server, int64_t now);
/* Whether there are too many connections to answer this request. */
bool server_is_crowded(struct server *server, const struct connection *connection);

/* acceptor.c — starts to take connections, once there is a daemon: 0 or an errno. Its end comes
 * after server.stopping; then the listening socket is nobody's. */
int acceptor_start(struct server *server);
void acceptor_stop(struct server *server);

/* request.c — libmicrohttpd's callbacks for one request. */
struct request *request_new(struct server *server, struct MHD_Connection *mhd, const char *target);
enum MHD_Result request_step(struct request *request, const char *method, const char *version,
                             const char *data, size_t *data_size);
void request_end(struct request *request);
/* Whether the client has closed its side, or reset the connection. libmicrohttpd watches edges and
 * takes a short read for the end of what is there, so it may miss an end that came together with
 * data; of a suspended connection it watches nothing. While the request is listed. */
bool request_client_left(const struct request *request);
/* Sends the refusal of a body that is being swallowed, unless somebody has; false: nothing was to
 * be sent. The worker, or another thread under server.lock. */
bool request_send_raw(struct request *request);

/* access_log.c — one line on stdout (http-api.md 15). */
void access_log(const struct request *request);

#endif
