/* adopt.c — connections that do not come by the listening socket. The server itself has none, so
 * this file is no part of the program. */
#include "internal.h"
#include <netinet/in.h>

bool server_adopt(struct server *server, int fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return MHD_add_connection(server->daemon, fd, (const struct sockaddr *)&address,
                              sizeof address) == MHD_YES;
}
