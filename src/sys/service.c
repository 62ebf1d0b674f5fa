#include "picoshare/sys/service.h"
#include "picoshare/base/num.h"
#include "picoshare/base/slice.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* The number in a variable; 0: there is none. */
static int64_t number_in(const char *variable)
{
    const char *text = getenv(variable);
    int64_t value = 0;
    return text != NULL && num_parse_i64(slice_str(text), 0, INT64_MAX, &value) == ERR_OK ? value
                                                                                          : 0;
}

/* ---- sockets ---- */

static int option_of(int fd, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : -1;
}

static bool listens_for_tcp(int fd)
{
    int family = option_of(fd, SO_DOMAIN);
    return (family == AF_INET || family == AF_INET6) && option_of(fd, SO_TYPE) == SOCK_STREAM &&
           option_of(fd, SO_ACCEPTCONN) == 1;
}

err_t service_take_socket(int *ret_fd, struct err_info *ret_info)
{
    enum { FIRST_FD = 3 }; /* SD_LISTEN_FDS_START */
    int64_t count = number_in("LISTEN_PID") == getpid() ? number_in("LISTEN_FDS") : 0;
    *ret_fd = -1;
    if (count == 0) {
        return ERR_OK;
    }
    if (count > 1) {
        return err_set(ret_info, ERR_INVALID, "LISTEN_FDS: only one socket can be used");
    }
    if (!listens_for_tcp(FIRST_FD)) {
        return err_set(ret_info, ERR_INVALID, "LISTEN_FDS: this socket does not listen for TCP");
    }
    int flags = fcntl(FIRST_FD, F_GETFL);
    if (flags < 0 || fcntl(FIRST_FD, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(FIRST_FD, F_SETFD, FD_CLOEXEC) != 0) {
        return err_set(ret_info, ERR_IO, "LISTEN_FDS: %s", strerror(errno));
    }
    *ret_fd = FIRST_FD;
    return ERR_OK;
}

/* ---- messages ---- */

/* False: it is no address of a socket. A leading @ stands for the NUL of an abstract one. */
static bool make_address(const char *path, struct sockaddr_un *ret_address, socklen_t *ret_len)
{
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || len >= sizeof ret_address->sun_path) {
        return false;
    }
    memcpy(ret_address->sun_path, path, len);
    bool is_abstract = path[0] == '@';
    if (is_abstract) {
        ret_address->sun_path[0] = '\0';
    }
    *ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (is_abstract ? 0 : 1));
    return true;
}

/* Connected, since the sandbox lets nobody be found later; it waits a while for room, never for
 * ever. The socket, or the negative errno of what failed. */
static int connect_to(const struct sockaddr_un *address, socklen_t len)
{
    const struct timeval patience = {.tv_sec = 5};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0 ||
        connect(fd, (const struct sockaddr *)address, len) != 0) {
        int error = errno;
        (void)close(fd);
        return -error;
    }
    return fd;
}

err_t service_open(struct service *ret_service, struct err_info *ret_info)
{
    *ret_service = (struct service){.fd = -1};
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    socklen_t len = 0;
    if (path == NULL || path[0] == '\0') {
        return ERR_OK;
    }
    if (!make_address(path, &address, &len)) {
        return err_set(ret_info, ERR_INVALID, "NOTIFY_SOCKET is not a socket's address: %s", path);
    }
    int fd = connect_to(&address, len);
    if (fd < 0) {
        return err_set(ret_info, ERR_IO, "cannot reach NOTIFY_SOCKET %s: %s", path, strerror(-fd));
    }
    int64_t pid = number_in("WATCHDOG_PID");
    ret_service->fd = fd;
    ret_service->watched = number_in("WATCHDOG_USEC") > 0 && (pid == 0 || pid == getpid());
    return ERR_OK;
}

void service_tell(const struct service *service, const char *lines)
{
    if (service->fd >= 0) {
        (void)send(service->fd, lines, strlen(lines), MSG_NOSIGNAL);
    }
}

void service_close(struct service *service)
{
    if (service->fd >= 0) {
        (void)close(service->fd);
        service->fd = -1;
    }
}
