/* proxy.h — whom to believe about the client's address and scheme.
 *
 * Forwarded headers count only when the connection comes from a trusted address (improvements.md,
 * Proxy). Immutable after proxy_parse(): thread-safe. */
#ifndef PICOSHARE_HTTP_PROXY_H
#define PICOSHARE_HTTP_PROXY_H

#include "picoshare/base/err.h"
#include "picoshare/base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PROXY_MAX_NETWORKS = 32, /* more is a mistake: name a larger network */
    PROXY_ADDRESS_BYTES = 46 /* INET6_ADDRSTRLEN */
};

struct proxy_network {
    uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
    unsigned prefix;     /* bits that count, 0 to 128 */
};

struct proxy_config {
    struct proxy_network networks[PROXY_MAX_NETWORKS];
    size_t count;
};

/* Addresses and networks (a.b.c.d, a.b.c.d/n, IPv6 likewise) between commas or blanks; the word
 * "private" stands for loopback, private, link-local and unique local networks. ERR_INVALID. */
err_t proxy_parse(struct slice list, struct proxy_config *ret_config) MUST_CHECK;

bool proxy_trusts(const struct proxy_config *config, struct slice address);

/* The right-most address of an X-Forwarded-For value that is not trusted itself; the left-most one
 * when all are. Each may come with a port, and IPv6 in brackets. What stands left of something that
 * is no address is not looked at. False when that leaves nothing. */
bool proxy_client(const struct proxy_config *config, struct slice forwarded_for,
                  char ret_address[PROXY_ADDRESS_BYTES]);

#endif
