/* service.h — what a service manager gives to the program, and what it wants to hear: the protocols
 * of sd_listen_fds(3) and sd_notify(3), which are an environment and a datagram.
 *
 * Both functions that look at the environment belong to the main thread, before the sandbox, which
 * allows no new sockets. service_tell() may be called by any thread. */
#ifndef PICOSHARE_SYS_SERVICE_H
#define PICOSHARE_SYS_SERVICE_H

#include "picoshare/base/err.h"
#include <stdbool.h>

/* The listening socket that was opened for this process: the caller's; -1: none was. It is
 * non-blocking and closed by exec. ERR_INVALID: there are several, or it does not listen for TCP.
 */
err_t service_take_socket(int *ret_fd, struct err_info *ret_info) MUST_CHECK;

struct service {
    int fd;       /* -1: nobody listens */
    bool watched; /* "WATCHDOG=1" must come now and then */
};

/* ERR_INVALID, ERR_IO: somebody seems to listen, but cannot be reached. */
err_t service_open(struct service *ret_service, struct err_info *ret_info) MUST_CHECK;
/* Lines as in sd_notify(3), "READY=1". What cannot be delivered is lost. */
void service_tell(const struct service *service, const char *lines);
void service_close(struct service *service);

#endif
