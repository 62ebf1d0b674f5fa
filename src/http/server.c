/* server.c — the daemon, the list of requests, and the order of stopping.
 *
 * Stopping: the listening socket goes first, and is only closed, since it may be systemd's, where
 * clients wait in its queue for the next start. Connections that were taken are served to the end:
 * idle ones are let go, the others get the answer to one more request. Running requests get their
 * time; then new body pieces are refused and the sockets shut down, which ends uploads cleanly;
 * suspended requests are resumed by the store and the upload budget as always. Only when no request
 * is left may MHD_stop_daemon() be called: it aborts the process when a connection is still
 * suspended. */
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/log.h"
#include "picoshare/base/mem.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- libmicrohttpd's callbacks ---- */

/* Nobody asks libmicrohttpd for the arguments of a query. It would make a list of them in the
 * connection's pool all the same, and 0.9.75 neither answers nor closes when they do not fit. The
 * target stands in that pool too, so it can be cut off there, once it has been copied. */
static void hide_query(const char *target)
{
    char *query = strchr((char *)(uintptr_t)target, '?');
    if (query != NULL) {
        query[1] = '\0';
    }
}

static void *on_target(void *arg, const char *target, struct MHD_Connection *mhd)
{
    struct request *request = request_new(arg, mhd, target);
    hide_query(target);
    return request;
}

static enum MHD_Result on_step(void *arg, struct MHD_Connection *mhd, const char *url,
                               const char *method, const char *version, const char *data,
                               size_t *data_size, void **request)
{
    (void)arg;
    (void)mhd;
    (void)url; /* decoded already: routing uses the raw target */
    return *request != NULL ? request_step(*request, method, version, data, data_size) : MHD_NO;
}

static void on_completed(void *arg, struct MHD_Connection *mhd, void **request,
                         enum MHD_RequestTerminationCode code)
{
    (void)arg;
    (void)mhd;
    (void)code;
    if (*request != NULL) {
        request_end(TAKE(*request));
    }
}

static void on_connection(void *arg, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct server *server = arg;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        int fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        *socket_context = connection_begin(
            server, fd,
            MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
    } else if (*socket_context != NULL) {
        struct connection *connection = TAKE(*socket_context);
        /* libmicrohttpd forgets a request that it refuses for two reasons at once, or whose cookie
         * has too many parts for its pool. Its connection is then closed: this is its end. */
        if (connection->request != NULL) {
            request_end(connection->request);
        }
        connection_free(server, connection);
    }
}

__attribute__((format(printf, 2, 0))) static void on_log(void *arg, const char *fmt, va_list args)
{
    (void)arg;
    char text[512];
    (void)vsnprintf(text, sizeof text, fmt, args);
    text[strcspn(text, "\n")] = '\0';
    log_event(LOG_DEBUG, "libmicrohttpd", "text", text, NULL);
}

/* ---- starting ---- */

/* The socket, or the negative errno of what failed. */
static int open_socket(const struct addrinfo *info)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -errno;
    }
    int on = 1;
    int off = 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (info->ai_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (bind(fd, info->ai_addr, info->ai_addrlen) != 0) {
        int error = errno;
        (void)close(fd);
        return -error;
    }
    return fd;
}

static err_t refuse_port(uint16_t port, int error, struct err_info *ret_info)
{
    return error == EADDRINUSE
               ? err_set(ret_info, ERR_EXISTS, "port %u is in use by another program", port)
               : err_set(ret_info, ERR_IO, "cannot listen on port %u: %s", port, strerror(error));
}

err_t server_bind(const char *address, uint16_t port, int *ret_fd, struct err_info *ret_info)
{
    char service[8];
    (void)snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                             .ai_socktype = SOCK_STREAM};
    /* All of IPv6 includes IPv4; a system without IPv6 gets IPv4 alone. */
    const char *const candidates[] = {address != NULL ? address : "::",
                                      address != NULL ? NULL : "0.0.0.0"};
    int fd = -EAFNOSUPPORT;
    for (size_t i = 0; i < ARRAY_LEN(candidates) && candidates[i] != NULL; i++) {
        struct addrinfo *info = NULL;
        int rc = getaddrinfo(candidates[i], service, &hints, &info);
        if (rc == EAI_MEMORY) {
            return err_set(ret_info, ERR_NOMEM, "cannot listen: out of memory");
        }
        if (rc != 0) {
            return err_set(ret_info, ERR_INVALID, "not a numeric address: %s", candidates[i]);
        }
        fd = open_socket(info);
        freeaddrinfo(info);
        if (fd != -EAFNOSUPPORT && fd != -EADDRNOTAVAIL) {
            break;
        }
    }
    if (fd < 0) {
        return refuse_port(port, -fd, ret_info);
    }
    *ret_fd = fd;
    return ERR_OK;
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof address;
    check(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    if (address.ss_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, &address, sizeof v6);
        return ntohs(v6.sin6_port);
    }
    struct sockaddr_in v4;
    memcpy(&v4, &address, sizeof v4);
    return ntohs(v4.sin_port);
}

static err_t start_listening(int fd, struct err_info *ret_info)
{
    return listen(fd, SOMAXCONN) == 0 ? ERR_OK : refuse_port(bound_port(fd), errno, ret_info);
}

err_t server_start(const struct server_options *options, struct server **ret_server,
                   struct err_info *ret_info)
{
    err_t err = start_listening(options->fd, ret_info);
    if (err == ERR_OK && options->metrics_fd >= 0) {
        err = start_listening(options->metrics_fd, ret_info);
    }
    if (err != ERR_OK) {
        return err;
    }
    struct server *server = mem_alloc(1, sizeof *server);
    if (server == NULL ||
        rng_fill(options->rng, &server->id_seed, sizeof server->id_seed) != ERR_OK) {
        mem_free(server);
        return err_set(ret_info, ERR_NOMEM, "no memory for the server");
    }
    server->clock = options->clock;
    server->proxy = options->proxy;
    server->app = options->app;
    server->begin = options->begin;
    server->refuse = options->refuse;
    lock_init(&server->lock);
    list_init(&server->requests);
    list_init(&server->connections);
    lock_cond_init(&server->request_ended);
    server->listen_fd = options->fd;
    server->metrics_fd = options->metrics_fd;
    _Static_assert(HTTP_WORKERS > 1, "libmicrohttpd silently makes no pool of one");
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
            MHD_USE_NO_LISTEN_SOCKET,
        0, NULL, NULL, on_step, server, MHD_OPTION_EXTERNAL_LOGGER, on_log, server,
        MHD_OPTION_THREAD_POOL_SIZE, (unsigned)HTTP_WORKERS, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)(HTTP_WORKERS * MAX_CONNECTIONS) /* the acceptor's limit comes first */,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_POOL_BYTES,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_END);
    int error = server->daemon == NULL ? errno : acceptor_start(server);
    if (error != 0) {
        if (server->daemon != NULL) {
            MHD_stop_daemon(server->daemon);
        }
        mem_free(server);
        return err_set(ret_info, ERR_IO, "cannot start the HTTP workers: %s", strerror(error));
    }
    *ret_server = server;
    return ERR_OK;
}

void server_figures(struct server *server, struct server_figures *ret_figures)
{
    lock_take(&server->lock);
    *ret_figures = (struct server_figures){
        .connections = server->begun_count,
        .requests = server->requests_count,
    };
    lock_give(&server->lock);
}

bool server_is_stuck(struct server *server)
{
    int64_t now = clock_mono_ms(server->clock);
    bool stuck = false;
    lock_take(&server->lock);
    LIST_EACH(r, &server->requests, struct request, all)
    {
        int64_t since = atomic_load(&r->at_work_ms);
        stuck = stuck || (since != 0 && now - since > STUCK_MS);
    }
    lock_give(&server->lock);
    return stuck;
}

uint16_t server_port(const struct server *server)
{
    return bound_port(server->listen_fd);
}

uint16_t server_metrics_port(const struct server *server)
{
    return server->metrics_fd >= 0 ? bound_port(server->metrics_fd) : 0;
}

/* ---- the reaper ---- */

static void cut(int fd)
{
    (void)shutdown(fd, SHUT_RDWR); /* the worker notices and cleans up */
}

/* Whether a body is still on its way from a client that waits for nothing of ours. */
static bool is_receiving(const struct request *request)
{
    return request->phase < REQUEST_COMPLETE && atomic_load(&request->wait_state) != WAIT_SUSPENDED;
}

/* Whether the body comes in too slowly, or the answer goes out so. */
static bool is_too_slow(struct request *request, int64_t now, bool scarce)
{
    bool sends = atomic_load(&request->phase) == REQUEST_QUEUED;
    int64_t bytes = atomic_load(sends ? &request->sent : &request->received);
    /* A side that waits for us: that is not held against it. */
    if (sends != request->is_sending || (!sends && !is_receiving(request))) {
        request->is_sending = sends;
        pace_start(&request->pace, now, bytes);
        return false;
    }
    return sends ? pace_is_slow(&request->pace, now, bytes,
                                scarce ? RATE_WINDOW_MS : DOWNLOAD_WINDOW_MS,
                                MIN_DOWNLOAD_BYTES_PER_S)
                 : pace_is_slow(&request->pace, now, bytes, RATE_WINDOW_MS, MIN_UPLOAD_BYTES_PER_S);
}

/* Whether it was given up and nobody came for the news. */
static bool is_given_up(struct request *request, int64_t now)
{
    int64_t since = atomic_load(&request->given_up_ms);
    return since != 0 && now - since > GIVEN_UP_MS && atomic_load(&request->phase) == REQUEST_BODY;
}

static bool is_hopeless(struct request *request, int64_t now, bool scarce)
{
    if (atomic_load(&request->server->cutting)) {
        return true;
    }
    int64_t drain_since = atomic_load(&request->drain_since_ms);
    int64_t drained_ms = drain_since != 0 ? now - drain_since : 0;
    if (drained_ms > DRAIN_ANSWER_MS && request_send_raw(request)) {
        return false; /* until the next look, so that the client can read it */
    }
    if (drained_ms > DRAIN_MAX_MS) {
        return true;
    }
    bool slow = is_too_slow(request, now, scarce);
    return slow ||
           (is_receiving(request) && (request_client_left(request) || is_given_up(request, now)));
}

void server_tick(struct server *server)
{
    int64_t now = clock_mono_ms(server->clock);
    lock_take(&server->lock);
    bool scarce = server->connections_count > SOFT_MAX_CONNECTIONS;
    LIST_EACH(r, &server->requests, struct request, all)
    {
        if (is_hopeless(r, now, scarce)) {
            cut(r->fd);
            if (atomic_load(&r->phase) == REQUEST_DRAINING) {
                request_wake(r); /* it may have stopped reading */
            }
        }
    }
    connections_tick(server, now, scarce);
    lock_give(&server->lock);
}

/* ---- stopping ---- */

/* No request is left, nor will one come; server.lock held. */
static bool is_idle(struct server *server)
{
    bool awaited = connections_await_requests(server, clock_mono_ms(server->clock));
    return !awaited && server->requests_count == 0;
}

/* Waits until then; goes on cutting the hopeless ones meanwhile. */
static bool wait_until_idle(struct server *server, int64_t timeout_ms)
{
    enum { TICK_MS = 50 };
    int64_t until = clock_mono_ms(server->clock) + timeout_ms;
    for (;;) {
        lock_take(&server->lock);
        bool idle = is_idle(server);
        if (!idle) {
            (void)lock_cond_wait(&server->request_ended, &server->lock, TICK_MS);
            idle = is_idle(server);
        }
        lock_give(&server->lock);
        if (idle || clock_mono_ms(server->clock) >= until) {
            return idle;
        }
        server_tick(server);
    }
}

bool server_stop(struct server *server)
{
    atomic_store(&server->stopping, true);
    acceptor_stop(server);
    (void)close(server->listen_fd);
    if (server->metrics_fd >= 0) {
        (void)close(server->metrics_fd);
    }
    bool in_time = wait_until_idle(server, SHUTDOWN_GRACE_MS);
    if (!in_time) {
        atomic_store(&server->cutting, true);
        server_tick(server);
        /* Whatever is suspended waits for the store, which works on, unless another program keeps
         * the database locked. */
        if (!wait_until_idle(server, 10 * SHUTDOWN_GRACE_MS)) {
            log_event(LOG_ERROR, "requests did not end", NULL);
            _exit(EXIT_FAILURE); /* what was acknowledged is on disk */
        }
    }
    MHD_stop_daemon(server->daemon);
    server->daemon = NULL;
    return in_time;
}

void server_free(struct server *server)
{
    if (server != NULL) {
        check(server->daemon == NULL);
        lock_done(&server->lock);
        mem_free(server);
    }
}
