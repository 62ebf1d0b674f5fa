#include "internal.h"
#include <arpa/inet.h>
#include <netinet/in.h>

void address_print(const struct sockaddr *address, char ret_text[PROXY_ADDRESS_BYTES])
{
    ret_text[0] = '\0';
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        (void)inet_ntop(AF_INET, &v4.sin_addr, ret_text, PROXY_ADDRESS_BYTES);
    } else if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
            (void)inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, ret_text, PROXY_ADDRESS_BYTES);
        } else {
            (void)inet_ntop(AF_INET6, &v6.sin6_addr, ret_text, PROXY_ADDRESS_BYTES);
        }
    }
}
