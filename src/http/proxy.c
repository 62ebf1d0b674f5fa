#include "picoshare/http/proxy.h"
#include "picoshare/base/num.h"
#include "picoshare/text/forwarded.h"
#include <arpa/inet.h>

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* IPv4 or IPv6 as 16 bytes; *ret_v4 tells which it was. */
static bool parse_address(struct slice text, uint8_t ret_address[16], bool *ret_v4)
{
    char copy[PROXY_ADDRESS_BYTES];
    if (!slice_copy(text, copy, sizeof copy)) {
        return false;
    }
    if (inet_pton(AF_INET, copy, ret_address + 12) == 1) {
        memcpy(ret_address, v4_prefix, sizeof v4_prefix);
        *ret_v4 = true;
        return true;
    }
    *ret_v4 = false;
    return inet_pton(AF_INET6, copy, ret_address) == 1;
}

static err_t add_network(struct proxy_config *config, struct slice text)
{
    if (config->count == PROXY_MAX_NETWORKS) {
        return ERR_INVALID;
    }
    struct proxy_network *network = &config->networks[config->count];
    struct slice address = {text.ptr, slice_find(text, '/')};
    bool v4 = false;
    if (!parse_address(address, network->address, &v4)) {
        return ERR_INVALID;
    }
    uint64_t bits = v4 ? 32 : 128;
    if (address.len < text.len &&
        num_parse_u64(slice_skip(text, address.len + 1), 0, bits, &bits) != ERR_OK) {
        return ERR_INVALID;
    }
    network->prefix = (unsigned)bits + (v4 ? 96 : 0);
    config->count++;
    return ERR_OK;
}

static err_t add_private_networks(struct proxy_config *config)
{
    static const char *const networks[] = {
        "127.0.0.0/8",    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
        "169.254.0.0/16", "::1",        "fc00::/7",      "fe80::/10",
    };
    err_t err = ERR_OK;
    for (size_t i = 0; i < sizeof networks / sizeof networks[0] && err == ERR_OK; i++) {
        err = add_network(config, slice_str(networks[i]));
    }
    return err;
}

/* Takes the next word between commas and blanks off the front; empty at the end. */
static struct slice next_word(struct slice *rest)
{
    while (rest->len > 0 && strchr(", \t\n", rest->ptr[0]) != NULL) {
        *rest = slice_skip(*rest, 1);
    }
    size_t len = 0;
    while (len < rest->len && strchr(", \t\n", rest->ptr[len]) == NULL) {
        len++;
    }
    struct slice word = {rest->ptr, len};
    *rest = slice_skip(*rest, len);
    return word;
}

err_t proxy_parse(struct slice list, struct proxy_config *ret_config)
{
    struct proxy_config config = {.count = 0};
    for (struct slice word = next_word(&list); word.len > 0; word = next_word(&list)) {
        err_t err = slice_eq(word, SLICE("private")) ? add_private_networks(&config)
                                                     : add_network(&config, word);
        if (err != ERR_OK) {
            return err;
        }
    }
    *ret_config = config;
    return ERR_OK;
}

static bool in_network(const struct proxy_network *network, const uint8_t address[16])
{
    unsigned whole = network->prefix / 8;
    unsigned rest = network->prefix % 8;
    if (memcmp(network->address, address, whole) != 0) {
        return false;
    }
    return rest == 0 || ((network->address[whole] ^ address[whole]) >> (8 - rest)) == 0;
}

bool proxy_trusts(const struct proxy_config *config, struct slice address)
{
    uint8_t bytes[16];
    bool v4 = false;
    if (!parse_address(address, bytes, &v4)) {
        return false;
    }
    for (size_t i = 0; i < config->count; i++) {
        if (in_network(&config->networks[i], bytes)) {
            return true;
        }
    }
    return false;
}

bool proxy_client(const struct proxy_config *config, struct slice forwarded_for,
                  char ret_address[PROXY_ADDRESS_BYTES])
{
    bool found = false;
    for (bool trusted = true; trusted && forwarded_for.len > 0;) {
        size_t start = forwarded_for.len;
        while (start > 0 && forwarded_for.ptr[start - 1] != ',') {
            start--;
        }
        struct slice word = forwarded_address(slice_trim(slice_skip(forwarded_for, start)));
        uint8_t bytes[16];
        bool v4 = false;
        if (!parse_address(word, bytes, &v4)) {
            return found;
        }
        found = slice_copy(word, ret_address, PROXY_ADDRESS_BYTES);
        trusted = proxy_trusts(config, word);
        forwarded_for.len = start > 0 ? start - 1 : 0;
    }
    return found;
}
