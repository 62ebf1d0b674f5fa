/* options.c — http-api.md 1 with improvements.md, Process.
 *
 * Every option is a flag and an environment variable (flags.h). The passphrase itself is never a
 * flag: other users see those. */
#include "options.h"
#include "flags.h"
#include "picoshare/base/check.h"
#include "picoshare/base/digest.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/num.h"
#include "picoshare/base/slice.h"
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIELD(name) offsetof(struct options, name)

static const struct flag known[] = {
    {"db", "PS_DB", FLAG_TEXT, FIELD(db), "PATH  the database file (default " OPTIONS_DB ")"},
    {"port", "PORT", FLAG_PORT, FIELD(port), "N  port to listen on (default 4001)"},
    {"address", "PS_ADDRESS", FLAG_TEXT, FIELD(address),
     "ADDRESS  numeric address to listen on (default: all)"},
    {"shared-secret-file", "PS_SHARED_SECRET_FILE", FLAG_TEXT, FIELD(secret_file),
     "PATH  file with the owner's passphrase"},
    {"behind-proxy", "PS_BEHIND_PROXY", FLAG_SWITCH, FIELD(behind_proxy),
     "believe forwarded headers from trusted proxies"},
    {"trusted-proxies", "PS_TRUSTED_PROXIES", FLAG_TEXT, FIELD(trusted_proxies),
     "LIST  addresses and networks of proxies (default with -behind-proxy: private)"},
    {"public-url", "PS_PUBLIC_URL", FLAG_TEXT, FIELD(public_url),
     "URL  scheme and host of the links that are handed out"},
    {"litestream", "LITESTREAM_BUCKET", FLAG_SWITCH, FIELD(foreign_checkpoints),
     "leave checkpoints of the log to Litestream"},
    {"history-rows", "PS_HISTORY_ROWS", FLAG_NUMBER, FIELD(history_rows),
     "N  downloads of a file that are remembered (default 10000)"},
    {"vacuum", "PS_VACUUM", FLAG_SWITCH, FIELD(vacuum),
     "give free pages back to the file system after each collection"},
    {"check-rate", "PS_CHECK_RATE", FLAG_RATE, FIELD(check_rate),
     "N  MB that are read each second to look for damage (default 2; 0: none)"},
    {"secure-delete", "PS_SECURE_DELETE", FLAG_SWITCH, FIELD(secure_delete),
     "overwrite what is deleted: slower, see docs/database.md"},
    {"user", "PS_USER", FLAG_TEXT, FIELD(user),
     "NAME  the user to become when started by root, before the database is opened"},
    {"no-sandbox", "PS_NO_SANDBOX", FLAG_SWITCH, FIELD(no_sandbox),
     "do not confine the process to the database's directory and the calls it needs"},
    {"metrics-address", "PS_METRICS_ADDRESS", FLAG_TEXT, FIELD(metrics_address),
     "ADDRESS:PORT  also listen there for /metrics and /healthz, without sign-in"},
    {"log-format", "PS_LOG_FORMAT", FLAG_TEXT, FIELD(log_format),
     "FORMAT  of events on standard error: logfmt (default) or json"},
    {"debug", "PS_DEBUG", FLAG_SWITCH, FIELD(debug), "log more"},
};

static void print_help(FILE *out)
{
    (void)fputs("Usage: picoshare [options]\n"
                "Serves files that people upload, from one SQLite database.\n\n"
                "       picoshare upload [options] FILE... -to URL\n"
                "Sends files to a running server.\n\n"
                "       picoshare download [options] URL\n"
                "Receives one, and looks whether it is whole.\n\n"
                "       picoshare check [-quick] [FILE]\n"
                "Looks whether a database that no server has open is whole.\n\n"
                "       picoshare backup [options] FILE|-\n"
                "Copies the database of a running server.\n\n"
                "       picoshare restore [options] BACKUP\n"
                "Puts a backup in the place of the database.\n\n"
                "       picoshare convert [-db PATH]\n"
                "Makes one of PicoShare's able to give space back to the disk.\n\n"
                "       picoshare health [options]\n"
                "Asks a running server whether it is well.\n\n"
                "Each of them tells more with -help.\n\n",
                out);
    flags_print(known, ARRAY_LEN(known), out);
    (void)fputs(
        "  -version  print the version and exit\n\n"
        "The passphrase comes from the file above or from PS_SHARED_SECRET. When neither is\n"
        "set, one is made, printed at every start, and kept beside the database.\n",
        out);
}

static bool settle_proxies(struct options *options)
{
    const char *list = options->trusted_proxies;
    if (list == NULL) {
        list = options->behind_proxy ? "private" : "";
    }
    if (proxy_parse(slice_str(list), &options->proxy) != ERR_OK) {
        (void)fprintf(stderr, "picoshare: not a list of addresses and networks: %s\n", list);
        return false;
    }
    return true;
}

/* Whether it can be a host with or without a port: what may stand in a name, an address, or an IPv6
 * address in brackets. */
static bool is_authority(struct slice host)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  ".-_:[]";
    return host.len > 0 && host.ptr[0] != ':' && slice_has_only(host, allowed);
}

/* "https://host/" is taken without its slash; more than scheme and host cannot stand before the
 * paths of links. */
static bool settle_public_url(struct options *options)
{
    struct slice url = slice_str(options->public_url);
    if (url.len == 0) {
        options->public_url = NULL;
        return true;
    }
    while (url.len > 0 && url.ptr[url.len - 1] == '/') {
        url.len--;
    }
    struct slice host = {NULL, 0};
    if (slice_starts(url, SLICE("https://"))) {
        host = slice_skip(url, strlen("https://"));
    } else if (slice_starts(url, SLICE("http://"))) {
        host = slice_skip(url, strlen("http://"));
    }
    if (!is_authority(host) ||
        !slice_copy(url, options->public_url_text, sizeof options->public_url_text)) {
        (void)fprintf(stderr, "picoshare: not a URL of scheme and host: %s\n", options->public_url);
        return false;
    }
    options->public_url = options->public_url_text;
    return true;
}

/* "127.0.0.1:9101", "[::1]:9101", or ":9101" for all addresses. */
static bool settle_metrics_address(struct options *options)
{
    if (options->metrics_address == NULL || options->metrics_address[0] == '\0') {
        options->metrics_address = NULL;
        return true;
    }
    const char *colon = strrchr(options->metrics_address, ':');
    struct slice host = slice_of(options->metrics_address,
                                 colon != NULL ? (size_t)(colon - options->metrics_address) : 0);
    bool bracketed = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (bracketed) {
        host = slice_of(host.ptr + 1, host.len - 2);
    }
    uint64_t port = 0;
    if (colon == NULL || (slice_find(host, ':') < host.len && !bracketed) ||
        !slice_copy(host, options->metrics_host, sizeof options->metrics_host) ||
        num_parse_u64(slice_str(colon + 1), 0, UINT16_MAX, &port) != ERR_OK) {
        (void)fprintf(stderr, "picoshare: not an address and a port: %s\n",
                      options->metrics_address);
        return false;
    }
    options->metrics_port = (uint16_t)port;
    return true;
}

static bool settle_log_format(struct options *options)
{
    bool json = strcmp(options->log_format, "json") == 0;
    if (!json && strcmp(options->log_format, "logfmt") != 0) {
        (void)fprintf(stderr, "picoshare: neither logfmt nor json: %s\n", options->log_format);
        return false;
    }
    options->log = json ? LOG_JSON : LOG_LOGFMT;
    return true;
}

enum flags_outcome options_parse(int argc, char **argv, struct options *ret_options)
{
    *ret_options = (struct options){.db = OPTIONS_DB,
                                    .port = OPTIONS_PORT,
                                    .log_format = "logfmt",
                                    .history_rows = HISTORY_MAX_ROWS,
                                    .check_rate = SCRUB_MB_PER_S};
    const struct flags flags = {.known = known, .count = ARRAY_LEN(known), .help = print_help};
    enum flags_outcome outcome = flags_parse(&flags, argc, argv, ret_options, NULL, 0);
    if (outcome != FLAGS_RUN) {
        return outcome;
    }
    bool settled = settle_proxies(ret_options) && settle_public_url(ret_options) &&
                   settle_metrics_address(ret_options) && settle_log_format(ret_options);
    return settled ? FLAGS_RUN : FLAGS_MISUSED;
}

/* ---- the directory ---- */

static err_t make_directories(char *path, struct err_info *ret_info)
{
    for (char *slash = strchr(path + 1, '/'); path[0] != '\0' && slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST) {
            return err_set(ret_info, ERR_IO, "cannot create directory %s: %s", path,
                           strerror(errno));
        }
        *slash = '/';
    }
    return ERR_OK;
}

/* The part of a path up to its last slash, as a directory. */
static void parent_of(const char *path, char ret_directory[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    int len = slash == path ? 1 : slash != NULL ? (int)(slash - path) : 1;
    (void)snprintf(ret_directory, PATH_MAX, "%.*s", len, slash != NULL ? path : ".");
}

/* Where a link at the end of the path leads, one step; false: it is no link, or one step too far.
 */
static bool follow(const char *path, char ret_target[PATH_MAX])
{
    char target[PATH_MAX];
    ssize_t len = readlink(path, target, sizeof target - 1);
    const char *slash = strrchr(path, '/');
    if (len <= 0 || len >= (ssize_t)sizeof target - 1) {
        return false;
    }
    target[len] = '\0';
    int directory = target[0] != '/' && slash != NULL ? (int)(slash - path) + 1 : 0;
    int size = snprintf(ret_target, PATH_MAX, "%.*s%s", directory, path, target);
    return size > 0 && size < PATH_MAX;
}

err_t options_make_directory(struct options *options, struct err_info *ret_info)
{
    enum { MAX_LINKS = 16 }; /* as many in a row are a mistake; SQLite will say so */
    char target[PATH_MAX];
    char directory[PATH_MAX];
    if (!slice_copy(slice_str(options->db), options->db_file, sizeof options->db_file)) {
        return err_set(ret_info, ERR_INVALID, "the path of the database is too long");
    }
    err_t err = make_directories(options->db_file, ret_info);
    if (err != ERR_OK) {
        return err;
    }
    for (int i = 0; i < MAX_LINKS && follow(options->db_file, target); i++) {
        memcpy(options->db_file, target, sizeof target);
    }
    parent_of(options->db_file, directory);
    if (access(directory, W_OK | X_OK) != 0 || realpath(directory, options->directory) == NULL) {
        return err_set(ret_info, ERR_IO, "cannot write to directory %s: %s", directory,
                       strerror(errno));
    }
    return ERR_OK;
}

/* ---- the passphrase ---- */

static err_t read_passphrase(const char *path, struct options *options, struct err_info *ret_info)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        err_t err = errno == ENOENT ? ERR_NOTFOUND : ERR_IO;
        return err_set(ret_info, err, "cannot read secret file %s: %s", path, strerror(errno));
    }
    char text[MAX_PASSPHRASE_BYTES + 3]; /* a line end, and one byte to see that it is too long */
    size_t len = 0;
    ssize_t n = 0;
    do { /* a pipe brings it in pieces */
        n = read(fd, text + len, sizeof text - len);
        len += n > 0 ? (size_t)n : 0;
    } while (n > 0 && len < sizeof text);
    int error = errno;
    (void)close(fd);
    if (n < 0) {
        return err_set(ret_info, ERR_IO, "cannot read secret file %s: %s", path, strerror(error));
    }
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r')) {
        len--;
    }
    bool fits = slice_copy(slice_of(text, len), options->passphrase, sizeof options->passphrase);
    digest_wipe(text, sizeof text);
    if (len == 0) {
        return err_set(ret_info, ERR_INVALID, "secret file %s is empty", path);
    }
    return fits ? ERR_OK
                : err_set(ret_info, ERR_INVALID, "secret file %s does not hold a passphrase", path);
}

static err_t write_passphrase(const char *path, const struct options *options,
                              struct err_info *ret_info)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return err_set(ret_info, ERR_IO, "cannot create secret file %s: %s", path, strerror(errno));
    }
    size_t len = strlen(options->passphrase);
    bool ok = write(fd, options->passphrase, len) == (ssize_t)len && write(fd, "\n", 1) == 1 &&
              fsync(fd) == 0;
    int error = errno;
    (void)close(fd);
    if (!ok) {
        (void)unlink(path); /* half a passphrase would lock the owner out */
        return err_set(ret_info, ERR_IO, "cannot write secret file %s: %s", path, strerror(error));
    }
    return ERR_OK;
}

static err_t make_passphrase(struct options *options, const struct rng *rng,
                             struct err_info *ret_info)
{
    /* Five groups of four from 31 letters and digits that look different: 99 bits. */
    static const char alphabet[] = "abcdefghjkmnpqrstuvwxyz23456789";
    char letters[21];
    err_t err = rng_text(rng, alphabet, sizeof letters - 1, letters);
    if (err != ERR_OK) {
        return err_set(ret_info, err, "no random numbers for a passphrase");
    }
    (void)snprintf(options->passphrase, sizeof options->passphrase, "%.4s-%.4s-%.4s-%.4s-%.4s",
                   letters, letters + 4, letters + 8, letters + 12, letters + 16);
    return write_passphrase(options->made_passphrase_file, options, ret_info);
}

err_t options_read_passphrase(struct options *options, struct err_info *ret_info)
{
    char *secret = getenv("PS_SHARED_SECRET");
    size_t len = secret != NULL ? strlen(secret) : 0;
    bool fits = len <= MAX_PASSPHRASE_BYTES;
    if (len > 0) {
        if (options->secret_file == NULL && fits) {
            memcpy(options->passphrase, secret, len + 1);
        }
        /* /proc shows this memory; a program that we started would inherit it. */
        digest_wipe(secret, len);
        (void)unsetenv("PS_SHARED_SECRET");
    }
    if (options->secret_file != NULL) {
        return read_passphrase(options->secret_file, options, ret_info);
    }
    return fits ? ERR_OK
                : err_set(ret_info, ERR_INVALID, "PS_SHARED_SECRET is longer than %d bytes",
                          (int)MAX_PASSPHRASE_BYTES);
}

/* Where a passphrase of ours is kept. */
static err_t name_made_file(struct options *options, struct err_info *ret_info)
{
    const char *slash = strrchr(options->db, '/');
    int directory_len = slash != NULL ? (int)(slash - options->db) + 1 : 0;
    int len = snprintf(options->made_passphrase_file, sizeof options->made_passphrase_file,
                       "%.*spassphrase", directory_len, options->db);
    if (len < 0 || (size_t)len >= sizeof options->made_passphrase_file) {
        return err_set(ret_info, ERR_INVALID, "the path of the database is too long");
    }
    return ERR_OK;
}

err_t options_keep_passphrase(struct options *options, const struct rng *rng,
                              struct err_info *ret_info)
{
    err_t err = name_made_file(options, ret_info);
    if (err == ERR_OK) {
        err = read_passphrase(options->made_passphrase_file, options, ret_info);
    }
    return err == ERR_NOTFOUND ? make_passphrase(options, rng, ret_info) : err;
}

err_t options_find_passphrase(struct options *options, struct err_info *ret_info)
{
    err_t err = options_read_passphrase(options, ret_info);
    if (err == ERR_OK && options->passphrase[0] == '\0') {
        err = name_made_file(options, ret_info);
        if (err == ERR_OK) {
            err = read_passphrase(options->made_passphrase_file, options, ret_info);
        }
        if (err == ERR_NOTFOUND) {
            (void)err_set(ret_info, err, "no passphrase is set, and none is kept in %s",
                          options->made_passphrase_file);
        }
    }
    return err;
}
