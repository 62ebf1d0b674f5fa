#include "health_command.h"
#include "options.h"
#include "picoshare/base/buf.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/slice.h"
#include "picoshare/net/client.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TIME_OUT_MS = 5000, /* a server that takes longer for one row is not well */
    URL_SIZE = 256,
};

static const char usage[] =
    "Usage: picoshare health [-url URL | options]\n"
    "Asks a running server whether it answers and can read its database.\n\n"
    "  -url URL  scheme, host and port of the server, http://localhost:4001\n"
    "  -help  print this and exit\n\n"
    "Without -url it is the server on this machine that has the same options and environment\n"
    "(PORT, PS_ADDRESS). Exit codes: 0 it is well, 1 it is not; then a line says why.\n";

static bool is_flag(const char *arg, const char *name)
{
    struct slice flag = slice_str(arg);
    flag = slice_starts(flag, SLICE("--")) ? slice_skip(flag, 1) : flag;
    return slice_eq(flag, slice_str(name));
}

/* Of the server that these options would start. An address that means all of them is connected to
 * as this machine. */
static bool find_url(int argc, char **argv, char ret_url[URL_SIZE])
{
    static struct options options; /* too large for the stack */
    if (options_parse(argc, argv, &options) != OPTIONS_RUN) {
        return false;
    }
    const char *address = options.address != NULL ? options.address : "127.0.0.1";
    bool v6 = strchr(address, ':') != NULL;
    int len = snprintf(ret_url, URL_SIZE, "http://%s%s%s:%u", v6 ? "[" : "", address, v6 ? "]" : "",
                       options.port);
    return len > 0 && len < URL_SIZE;
}

static err_t ask(const char *url, int *ret_status, struct buf *ret_text, struct err_info *ret_info)
{
    const struct client_options options = {.url = url, .time_out_ms = TIME_OUT_MS};
    struct client *client = NULL;
    err_t err = client_open(&options, &client, ret_info);
    if (err == ERR_OK) {
        err = client_ask(client, "GET", "/healthz", ret_status, ret_text, ret_info);
        client_close(client);
    }
    return err;
}

int health_command(int argc, char **argv)
{
    char found[URL_SIZE];
    const char *url = found;
    if (argc > 1 && (is_flag(argv[1], "-help") || is_flag(argv[1], "-h"))) {
        (void)fputs(usage, stdout);
        return EXIT_SUCCESS;
    }
    if (argc == 3 && is_flag(argv[1], "-url")) {
        url = argv[2];
    } else if (!find_url(argc, argv, found)) {
        return EXIT_FAILURE;
    }
    struct err_info info = {.text = ""};
    int status = 0;
    struct buf text;
    buf_init(&text, KIB);
    err_t err = ask(url, &status, &text, &info);
    buf_done(&text);
    if (err != ERR_OK) {
        (void)fprintf(stderr, "picoshare: %s\n", info.text);
    } else if (status != 200) {
        (void)fprintf(stderr, "picoshare: %s answers with status %d\n", url, status);
    }
    return err == ERR_OK && status == 200 ? EXIT_SUCCESS : EXIT_FAILURE;
}
