#include "health_command.h"
#include "flags.h"
#include "options.h"
#include "picoshare/base/buf.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/net/client.h"
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIME_OUT_MS = 5000 }; /* a server that takes longer for one row is not well */

struct asking {
    const char *url;     /* NULL: of the next two */
    const char *address; /* NULL: of this machine */
    uint16_t port;
};

static const struct flag known[] = {
    {"url", NULL, FLAG_TEXT, offsetof(struct asking, url),
     "URL  of the server (default http://ADDRESS:N)"},
    {"port", "PORT", FLAG_PORT, offsetof(struct asking, port), "N  its port (default 4001)"},
    {"address", "PS_ADDRESS", FLAG_TEXT, offsetof(struct asking, address),
     "ADDRESS  where it listens (default 127.0.0.1)"},
};

static void print_help(FILE *out)
{
    (void)fputs("Usage: picoshare health [options]\n"
                "Asks a running server whether it answers and can read its database.\n\n",
                out);
    flags_print(known, ARRAY_LEN(known), out);
    (void)fputs("\nExit codes: 0 it is well, 1 it is not; then a line says why.\n", out);
}

static err_t ask(const char *url, int *ret_status, struct err_info *ret_info)
{
    const struct client_options options = {.url = url, .time_out_ms = TIME_OUT_MS};
    struct client *client = NULL;
    struct buf text;
    buf_init(&text, KIB);
    err_t err = client_open(&options, &client, ret_info);
    if (err == ERR_OK) {
        err = client_ask(client, "GET", "/healthz", ret_status, &text, ret_info);
        client_close(client);
    }
    buf_done(&text);
    return err;
}

int health_command(int argc, char **argv)
{
    const struct flags flags = {.known = known, .count = ARRAY_LEN(known), .help = print_help};
    struct asking asking = {.port = OPTIONS_PORT};
    const char *operand = NULL;
    switch (flags_parse(&flags, argc, argv, &asking, &operand, 0)) {
    case FLAGS_SHOWN:
        return EXIT_SUCCESS;
    case FLAGS_MISUSED: /* container engines keep 2 for themselves */
        return EXIT_FAILURE;
    case FLAGS_RUN:
        break;
    }
    char made[256];
    const char *address = asking.address != NULL ? asking.address : "127.0.0.1";
    bool v6 = strchr(address, ':') != NULL;
    (void)snprintf(made, sizeof made, "http://%s%s%s:%u", v6 ? "[" : "", address, v6 ? "]" : "",
                   asking.port);
    const char *url = asking.url != NULL ? asking.url : made;
    struct err_info info = {.text = ""};
    int status = 0;
    err_t err = ask(url, &status, &info);
    if (err != ERR_OK) {
        (void)fprintf(stderr, "picoshare: %s\n", info.text);
    } else if (status != 200) {
        (void)fprintf(stderr, "picoshare: %s answers with status %d\n", url, status);
    }
    return err == ERR_OK && status == 200 ? EXIT_SUCCESS : EXIT_FAILURE;
}
