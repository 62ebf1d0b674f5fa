#include "picoshare/text/client_name.h"
#include "picoshare/base/check.h"
#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

enum {
    IPV6_BYTES = 16,
    NETWORK_BYTES = 8, /* of an IPv6 address */
};

static void copy_name(const char *src, char dst[CLIENT_NAME_BYTES])
{
    size_t len = strnlen(src, CLIENT_NAME_BYTES - 1);
    memcpy(dst, src, len);
    dst[len] = '\0';
}

void client_name(const char *address, char ret_name[CLIENT_NAME_BYTES])
{
    struct in6_addr v6;
    if (inet_pton(AF_INET6, address, &v6) != 1) {
        copy_name(address, ret_name);
        return;
    }
    if (IN6_IS_ADDR_V4MAPPED(&v6)) {
        const uint8_t *v4 = v6.s6_addr + IPV6_BYTES - sizeof(struct in_addr);
        check(inet_ntop(AF_INET, v4, ret_name, CLIENT_NAME_BYTES) != NULL);
        return;
    }
    memset(v6.s6_addr + NETWORK_BYTES, 0, IPV6_BYTES - NETWORK_BYTES);
    check(inet_ntop(AF_INET6, &v6, ret_name, CLIENT_NAME_BYTES) != NULL);
}
