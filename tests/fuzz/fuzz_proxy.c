/* The input is a line with the list of trusted proxies, and an X-Forwarded-For header.
 * Properties: a client that comes out is an address that stood in the header; an address behind the
 * header that is not trusted is the client whatever stands before it; one that is trusted changes
 * nothing unless it is the only one; a trusted list means what it says for its own addresses. */
#include "fuzz.h"
#include "picoshare/base/buf.h"
#include "picoshare/base/check.h"
#include "picoshare/http/proxy.h"

static const char stranger[] = "203.0.113.77";

static bool is_address(const char *text)
{
    static struct proxy_config everybody;
    if (everybody.count == 0) {
        check(proxy_parse(SLICE("0.0.0.0/0, ::/0"), &everybody) == ERR_OK);
    }
    return proxy_trusts(&everybody, slice_str(text));
}

static bool client_behind(const struct proxy_config *config, struct slice list, const char *last,
                          char ret_client[PROXY_ADDRESS_BYTES])
{
    struct buf longer;
    buf_init(&longer, list.len + 64);
    buf_add_slice(&longer, list);
    buf_addf(&longer, "%s%s", list.len > 0 ? ", " : "", last);
    check(buf_err(&longer) == ERR_OK);
    bool found = proxy_client(config, buf_slice(&longer), ret_client);
    buf_done(&longer);
    return found;
}

static void check_client(const struct proxy_config *config, struct slice list)
{
    char client[PROXY_ADDRESS_BYTES] = "";
    bool found = proxy_client(config, list, client);
    if (found) {
        check(is_address(client));
        check(memmem(list.ptr, list.len, client, strlen(client)) != NULL);
    }
    char other[PROXY_ADDRESS_BYTES] = "";
    check(client_behind(config, list, stranger, other));
    if (!proxy_trusts(config, slice_str(stranger))) {
        check(strcmp(other, stranger) == 0);
    } else {
        check(strcmp(other, found ? client : stranger) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size);
    struct slice networks = slice_of(data, slice_find(input, '\n'));
    struct slice list = slice_skip(input, networks.len < size ? networks.len + 1 : networks.len);
    struct proxy_config config = {.count = 0};
    check_client(&config, list); /* trusts nobody */
    if (proxy_parse(networks, &config) != ERR_OK) {
        return 0;
    }
    check(config.count <= PROXY_MAX_NETWORKS);
    for (size_t i = 0; i < config.count; i++) {
        check(config.networks[i].prefix <= 128);
    }
    check_client(&config, list);
    return 0;
}
