/* upload_command.c — sends files, one after the other, each with a PUT whose body is the file as it
 * is (src/web/uploads.c), and then asks the server for the digest of what it has stored.
 *
 * Its answer is wanted as text: the link, or why not. The link is the server's own, so that one
 * with -public-url hands out links that work elsewhere, too. */
#include "upload_command.h"
#include "flags.h"
#include "options.h"
#include "passphrase.h"
#include "picoshare/base/check.h"
#include "picoshare/base/clock.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/mem.h"
#include "picoshare/base/num.h"
#include "picoshare/core/rules.h"
#include "picoshare/sys/process.h"
#include "picoshare/text/duration.h"
#include "picoshare/text/percent.h"
#include "picoshare/text/timestamp.h"
#include "transfer.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TIME_OUT_MS = 30 * 1000, MAX_URL_BYTES = 2048, MAX_PATH_BYTES = 4096 };

struct uploading {
    struct options options; /* secret_file is looked at */
    const char *to;
    const char *expires;
    const char *note;
    const char *name; /* instead of the file's own; NULL: that */
    int64_t bytes_per_s;
    bool json;
    const char **files; /* owned; NULL at the end */
    struct transfer transfer;

    char server[MAX_URL_BYTES];
    char guest_link[GUEST_LINK_ID_LEN + 1]; /* "": the owner uploads */

    /* The file that is sent. */
    int fd;
    const char *sent_name; /* what the server is told; borrowed */
    int64_t length;        /* -1: not known */
    int64_t sent;
    struct sha256 *hash; /* owned */
    uint8_t sha256[SHA256_BYTES];
    uint8_t stored_sha256[SHA256_BYTES];
    bool has_stored_sha256; /* the server has told it */
};

#define FIELD(name) offsetof(struct uploading, name)

static const struct flag known[] = {
    {"to", NULL, FLAG_TEXT, FIELD(to), "URL  of the server, or a guest link"},
    {"shared-secret-file", "PS_SHARED_SECRET_FILE", FLAG_TEXT, FIELD(options.secret_file),
     "PATH  file with the owner's passphrase"},
    {"secret-file", NULL, FLAG_TEXT, FIELD(options.secret_file), "PATH  the same"},
    {"expires", NULL, FLAG_TEXT, FIELD(expires),
     "WHEN  a time such as 2040-01-01T00:00:00Z, or a while: 12h, 7d; or never\n"
     "      (default: what is set on the server)"},
    {"note", NULL, FLAG_TEXT, FIELD(note), "TEXT  for the owner's list of files"},
    {"name", NULL, FLAG_TEXT, FIELD(name), "NAME  instead of the file's own; for - it is needed"},
    {"limit-rate", NULL, FLAG_BYTES, FIELD(bytes_per_s),
     "N  bytes a second at most; 500k and 2M are understood"},
    {"json", NULL, FLAG_SWITCH, FIELD(json), "print an object for each file instead of its link"},
};

static void print_help(FILE *out)
{
    (void)fputs("Usage: picoshare upload [options] FILE... -to URL\n"
                "Sends files to a running server and prints their links, each in a line. FILE may\n"
                "be - for standard input.\n\n",
                out);
    flags_print(known, ARRAY_LEN(known), out);
    (void)fputs(
        "\nThe passphrase comes from the file above, from PS_SHARED_SECRET, or is asked for\n"
        "at the terminal; a guest link needs none.\n",
        out);
    (void)fputs(transfer_codes_help, out);
}

static int misused(const char *text)
{
    (void)fprintf(stderr, "picoshare: %s\n", text);
    return TRANSFER_MISUSED;
}

/* ---- one file ---- */

static bool give(void *arg, char *bytes, size_t max, size_t *ret_len)
{
    struct uploading *u = arg;
    struct transfer *t = &u->transfer;
    int64_t left = u->length - u->sent;
    if (u->length >= 0 && (int64_t)max > left) {
        max = (size_t)left; /* it may grow meanwhile: what was announced is sent */
    }
    ssize_t n = read(u->fd, bytes, max);
    while (n < 0 && errno == EINTR) {
        n = read(u->fd, bytes, max);
    }
    if (n < 0) {
        (void)err_set(&t->info, ERR_IO, "cannot read it: %s", strerror(errno));
        return false;
    }
    if (n == 0 && max > 0 && u->length >= 0) {
        (void)err_set(&t->info, ERR_IO, "it became shorter while it was read");
        return false;
    }
    if (sha256_add(u->hash, bytes, (size_t)n) != ERR_OK) {
        (void)err_set(&t->info, ERR_NOMEM, "%s", err_name(ERR_NOMEM));
        return false;
    }
    u->sent += n;
    progress_show_bytes(&t->progress, t->printed_name, u->sent, u->length);
    *ret_len = (size_t)n;
    return true;
}

/* Before the first byte, and when all is sent again. */
static bool start_over(void *arg)
{
    struct uploading *u = arg;
    if (u->sent > 0 && (u->fd == STDIN_FILENO || lseek(u->fd, 0, SEEK_SET) != 0)) {
        return false; /* what came through a pipe is gone */
    }
    sha256_free(TAKE(u->hash));
    u->sent = 0;
    progress_begin(&u->transfer.progress, 0);
    return sha256_new(&u->hash) == ERR_OK;
}

static bool note_answer(void *arg, const struct client_answer *answer)
{
    struct uploading *u = arg;
    transfer_note_answer(&u->transfer, answer);
    return true;
}

/* The link is as good as any other text of the server's: short. */
static bool take_link(void *arg, struct slice bytes, int64_t total)
{
    (void)total;
    struct uploading *u = arg;
    buf_add_slice(&u->transfer.text, bytes);
    return true;
}

static bool note_digest(void *arg, const struct client_answer *answer)
{
    struct uploading *u = arg;
    u->has_stored_sha256 = transfer_digest(answer, u->stored_sha256);
    return true;
}

static int put_file(struct uploading *u)
{
    static const char *const headers[] = {"Accept: text/plain", NULL};
    const struct client_source source = {.give = give, .arg = u, .length = u->length};
    const struct client_sink sink = {.begin = note_answer, .take = take_link, .arg = u};
    char path[MAX_PATH_BYTES];
    struct buf out;
    buf_init_in(&out, path, sizeof path);
    buf_add_str(&out, u->guest_link[0] != '\0' ? "/api/guest/" : "/api/upload/");
    buf_addf(&out, "%s%s", u->guest_link, u->guest_link[0] != '\0' ? "/" : "");
    percent_add_component(&out, slice_str(u->sent_name));
    if (u->expires != NULL) {
        buf_add_str(&out, "?expiration=");
        percent_add_component(&out, slice_str(u->expires));
    }
    if (u->note != NULL) {
        buf_add_str(&out, u->expires != NULL ? "&note=" : "?note=");
        percent_add_component(&out, slice_str(u->note));
    }
    if (buf_err(&out) != ERR_OK) {
        return transfer_fail(&u->transfer, TRANSFER_MISUSED, "name and note are too long");
    }
    const struct client_request request = {
        .method = "PUT",
        .path = buf_str(&out),
        .headers = headers,
        .source = &source,
        .bytes_per_s = u->bytes_per_s,
        .idle_s = TRANSFER_IDLE_S,
    };
    int code = transfer_send(&u->transfer, &request, &sink, start_over);
    return code == TRANSFER_DONE && u->transfer.status != 200 ? transfer_refuse(&u->transfer)
                                                              : code;
}

/* The id at the end of the link that the server has answered; false: it is no such link. */
static bool read_link(struct uploading *u, char *ret_link, size_t size,
                      char ret_id[ENTRY_ID_LEN + 1])
{
    struct slice link = buf_slice(&u->transfer.text);
    link.len = strcspn(buf_str(&u->transfer.text), "\r\n");
    for (size_t i = 0; i < link.len; i++) {
        if (link.ptr[i] <= ' ' || link.ptr[i] > '~') {
            return false;
        }
    }
    struct buf reason;
    buf_init(&reason, KIB);
    bool is_link =
        link.len > ENTRY_ID_LEN + 2 && slice_starts(link, SLICE("http")) &&
        slice_eq(slice_of(link.ptr + link.len - ENTRY_ID_LEN - 2, 2), SLICE("/-")) &&
        rules_check_entry_id(slice_skip(link, link.len - ENTRY_ID_LEN), &reason) == ERR_OK &&
        slice_copy(link, ret_link, size) &&
        slice_copy(slice_skip(link, link.len - ENTRY_ID_LEN), ret_id, ENTRY_ID_LEN + 1);
    buf_done(&reason);
    return is_link;
}

/* Asks for the digest of what the server has stored; false: it does not tell. */
static bool ask_digest(struct uploading *u, const char *id)
{
    char path[ENTRY_ID_LEN + 3];
    int status = 0;
    (void)snprintf(path, sizeof path, "/-%s", id);
    const struct client_request request = {
        .method = "HEAD", .path = path, .idle_s = TRANSFER_IDLE_S};
    const struct client_sink sink = {.begin = note_digest, .take = take_link, .arg = u};
    u->has_stored_sha256 = false;
    return client_fetch(u->transfer.client, &request, &sink, &status, &u->transfer.text, NULL) ==
               ERR_OK &&
           status == 200 && u->has_stored_sha256;
}

static int report(struct uploading *u)
{
    char link[MAX_URL_BYTES];
    char id[ENTRY_ID_LEN + 1];
    char sha256[2 * SHA256_BYTES + 1];
    if (!read_link(u, link, sizeof link, id)) {
        return transfer_fail(&u->transfer, TRANSFER_REFUSED,
                             "the answer is no link: that is not a server of ours");
    }
    if (sha256_finish(u->hash, u->sha256) != ERR_OK) {
        return transfer_fail(&u->transfer, TRANSFER_MISUSED, err_name(ERR_NOMEM));
    }
    bool verified = ask_digest(u, id);
    if (verified && !digest_equal(u->sha256, u->stored_sha256, SHA256_BYTES)) {
        return transfer_fail(&u->transfer, TRANSFER_DAMAGED,
                             "what the server has stored is not what was sent");
    }
    progress_clear(&u->transfer.progress);
    if (!u->json) {
        (void)puts(link);
        return TRANSFER_DONE;
    }
    digest_print_hex(u->sha256, SHA256_BYTES, sha256);
    (void)fputs("{\"file\":", stdout);
    transfer_print_json(stdout, u->transfer.name);
    (void)fputs(",\"name\":", stdout);
    transfer_print_json(stdout, u->sent_name);
    (void)printf(",\"bytes\":%" PRId64 ",\"sha256\":\"%s\",\"verified\":%s,\"id\":\"%s\",\"url\":",
                 u->sent, sha256, verified ? "true" : "false", id);
    transfer_print_json(stdout, link);
    (void)fputs("}\n", stdout);
    return TRANSFER_DONE;
}

static int send_open_file(struct uploading *u)
{
    struct stat st;
    if (fstat(u->fd, &st) != 0 || S_ISDIR(st.st_mode)) {
        return transfer_fail(&u->transfer, TRANSFER_MISUSED, "it is a directory");
    }
    u->length = S_ISREG(st.st_mode) && u->fd != STDIN_FILENO ? st.st_size : -1;
    u->sent = 0;
    if (!start_over(u)) {
        return transfer_fail(&u->transfer, TRANSFER_MISUSED, err_name(ERR_NOMEM));
    }
    int code = put_file(u);
    return code == TRANSFER_DONE ? report(u) : code;
}

static int send_file(struct uploading *u, const char *file)
{
    bool is_stdin = strcmp(file, "-") == 0;
    const char *slash = strrchr(file, '/');
    transfer_set_name(&u->transfer, file);
    u->sent_name = u->name != NULL ? u->name : slash != NULL ? slash + 1 : file;
    u->fd = is_stdin ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    if (u->fd < 0) {
        char text[sizeof u->transfer.info.text];
        (void)snprintf(text, sizeof text, "cannot open it: %s", strerror(errno));
        return transfer_fail(&u->transfer, TRANSFER_MISUSED, text);
    }
    int code = send_open_file(u);
    sha256_free(TAKE(u->hash));
    if (!is_stdin) {
        (void)close(u->fd);
    }
    return code;
}

/* All of them, also when one is refused; but without a server, or the right to upload, no more.
 * The exit code is of the first that failed. */
static int send_files(struct uploading *u)
{
    int first = TRANSFER_DONE;
    for (size_t i = 0; u->files[i] != NULL; i++) {
        int code = send_file(u, u->files[i]);
        first = first == TRANSFER_DONE ? code : first;
        if (fflush(stdout) != 0) { /* who reads the links may not wait for the last one */
            return misused("cannot write to standard output");
        }
        if (code == TRANSFER_BROKEN || code == TRANSFER_SIGN_IN) {
            break;
        }
    }
    return first;
}

/* ---- before the first file ---- */

/* https://host/g/ID is the guest link ID of https://host. */
static bool read_url(struct uploading *u)
{
    struct slice url = slice_str(u->to);
    while (url.len > 0 && url.ptr[url.len - 1] == '/') {
        url.len--;
    }
    const size_t tail = strlen("/g/") + GUEST_LINK_ID_LEN;
    if (url.len > tail && slice_starts(slice_skip(url, url.len - tail), SLICE("/g/"))) {
        if (!slice_copy(slice_skip(url, url.len - GUEST_LINK_ID_LEN), u->guest_link,
                        sizeof u->guest_link)) {
            return false;
        }
        url.len -= tail;
    }
    return slice_copy(url, u->server, sizeof u->server);
}

/* "7d", "12h" and "never" as a time; anything else is for the server to judge. */
static void settle_expiration(struct uploading *u, char ret_text[TIMESTAMP_SIZE])
{
    struct slice text = slice_str(u->expires);
    int64_t days = 0;
    int64_t ns = 0;
    if (slice_eq(text, SLICE("never"))) {
        timestamp_print(NEVER_S, ret_text);
    } else if (text.len > 1 && text.ptr[text.len - 1] == 'd' &&
               num_parse_i64(slice_of(text.ptr, text.len - 1), 1, INT32_MAX, &days) == ERR_OK) {
        timestamp_print(clock_now_s(&clock_system) + days * 24 * 3600, ret_text);
    } else if (text.len > 0 && duration_parse(text, &ns) == ERR_OK) {
        timestamp_print(clock_now_s(&clock_system) + ns / DURATION_SECOND, ret_text);
    } else {
        return;
    }
    u->expires = ret_text;
}

static int check_arguments(struct uploading *u)
{
    if (u->to == NULL || u->files[0] == NULL) {
        print_help(stderr);
        return TRANSFER_MISUSED;
    }
    if (!read_url(u)) {
        return misused("the URL is too long");
    }
    if (u->name != NULL && u->files[1] != NULL) {
        return misused("-name is for one file");
    }
    for (size_t i = 0; u->files[i] != NULL; i++) {
        if (strcmp(u->files[i], "-") == 0 && u->name == NULL) {
            return misused("standard input needs a -name");
        }
    }
    return TRANSFER_DONE;
}

static err_t find_passphrase(struct uploading *u, struct err_info *ret_info)
{
    err_t err = options_read_passphrase(&u->options, ret_info);
    if (err == ERR_OK && u->options.passphrase[0] == '\0') {
        err = passphrase_ask(u->options.passphrase, sizeof u->options.passphrase, ret_info);
    }
    return err;
}

static err_t open_client(struct uploading *u, struct err_info *ret_info)
{
    bool is_guest = u->guest_link[0] != '\0';
    const struct client_options client_options = {
        .url = u->server,
        .passphrase = is_guest ? NULL : u->options.passphrase,
        .time_out_ms = TIME_OUT_MS,
    };
    err_t err = is_guest ? ERR_OK : find_passphrase(u, ret_info);
    if (err == ERR_OK) {
        err = client_open(&client_options, &u->transfer.client, ret_info);
    }
    digest_wipe(u->options.passphrase, sizeof u->options.passphrase);
    return err;
}

static int upload(struct uploading *u)
{
    struct err_info info = {.text = ""};
    char expires[TIMESTAMP_SIZE];
    int code = check_arguments(u);
    if (code != TRANSFER_DONE) {
        return code;
    }
    check(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    process_hide_memory();
    transfer_init(&u->transfer, u->json);
    settle_expiration(u, expires);
    code = open_client(u, &info) == ERR_OK ? send_files(u) : misused(info.text);
    transfer_done(&u->transfer);
    return code;
}

int upload_command(int argc, char **argv)
{
    static struct uploading uploading;
    struct uploading *u = &uploading;
    const struct flags flags = {.known = known, .count = ARRAY_LEN(known), .help = print_help};
    u->files = mem_alloc((size_t)argc + 1, sizeof *u->files);
    if (u->files == NULL) {
        return misused(err_name(ERR_NOMEM));
    }
    int code = TRANSFER_MISUSED;
    switch (flags_parse(&flags, argc, argv, u, u->files, (size_t)argc)) {
    case FLAGS_SHOWN:
        code = TRANSFER_DONE;
        break;
    case FLAGS_MISUSED:
        break;
    case FLAGS_RUN:
        code = upload(u);
        break;
    }
    mem_free(u->files);
    return code;
}
