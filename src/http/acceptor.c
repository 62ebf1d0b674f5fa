/* acceptor.c — the thread that takes new connections from the listening sockets and hands them to
 * libmicrohttpd's workers.
 *
 * The workers could do that, but could not be stopped from it safely: MHD_quiesce_daemon(), up to
 * 1.0 at least, ends the process with abort() when a worker notices it at the same moment
 * (decisions/0015). */
#include "internal.h"
#include "picoshare/base/check.h"
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { RETRY_MS = 20 };

/* Takes fd. */
static bool hand_on(struct server *server, int fd, const struct sockaddr *address, socklen_t len,
                    bool for_metrics)
{
    struct connection *connection = connection_new(server, fd, address, for_metrics);
    if (connection == NULL) {
        (void)close(fd);
        return false;
    }
    if (MHD_add_connection(server->daemon, fd, address, len) != MHD_YES) { /* it has closed fd */
        connection_free(server, connection);
        return false;
    }
    return true; /* the connection may have ended already */
}

/* False: there is no room for a connection now; more may wait in the system's queue. */
static bool accept_waiting(struct server *server, int listen_fd, bool for_metrics)
{
    while (!atomic_load(&server->stopping)) {
        if (connections_are_all(server)) {
            return false;
        }
        struct sockaddr_storage address;
        socklen_t len = sizeof address;
        int fd =
            accept4(listen_fd, (struct sockaddr *)&address, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            return errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM;
        }
        (void)hand_on(server, fd, (const struct sockaddr *)&address, len, for_metrics);
    }
    return true;
}

static void *acceptor_main(void *arg)
{
    struct server *server = arg;
    (void)pthread_setname_np(pthread_self(), "acceptor");
    struct pollfd fds[] = {{.fd = server->acceptor_end_fd, .events = POLLIN},
                           {.fd = server->listen_fd, .events = POLLIN},
                           {.fd = server->metrics_fd, .events = POLLIN}}; /* -1: not looked at */
    while (!atomic_load(&server->stopping)) {
        bool has_room =
            accept_waiting(server, server->listen_fd, false) &&
            (server->metrics_fd < 0 || accept_waiting(server, server->metrics_fd, true));
        (void)poll(fds, has_room ? ARRAY_LEN(fds) : 1, has_room ? -1 : RETRY_MS);
    }
    return NULL;
}

int acceptor_start(struct server *server)
{
    server->acceptor_end_fd = eventfd(0, EFD_CLOEXEC);
    if (server->acceptor_end_fd < 0) {
        return errno;
    }
    int error = pthread_create(&server->acceptor, NULL, acceptor_main, server);
    if (error != 0) {
        (void)close(server->acceptor_end_fd);
    }
    return error;
}

void acceptor_stop(struct server *server)
{
    check(atomic_load(&server->stopping));
    check(eventfd_write(server->acceptor_end_fd, 1) == 0);
    check(pthread_join(server->acceptor, NULL) == 0);
    (void)close(server->acceptor_end_fd);
}

bool server_adopt(struct server *server, int fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return hand_on(server, fd, (const struct sockaddr *)&address, sizeof address, false);
}
