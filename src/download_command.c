/* download_command.c — receives a file as FILE.partial, which becomes FILE when it is complete and
 * its digest is the one that the server gives (RFC 9530).
 *
 * First a HEAD tells name, size, entity tag and digest. A FILE.partial of an earlier attempt is
 * taken for the beginning of the same file, and only the rest is asked for, if the file is still
 * the one with that tag (If-Range, RFC 9110 §13.1.5). Whether it really was its beginning is what
 * the digest of the whole decides: if not, all of it is received again. So a server that gives no
 * digest is never resumed from (docs/decisions/0018-resumed-by-digest.md). */
#include "download_command.h"
#include "file.h"
#include "flags.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/num.h"
#include "picoshare/text/disposition.h"
#include "picoshare/text/local_name.h"
#include "transfer.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

enum { TIME_OUT_MS = 30 * 1000, MAX_ETAG_BYTES = 256, MAX_DISPOSITION_BYTES = 4096 };

struct downloading {
    const char *url;
    const char *out; /* NULL: named by the server */
    int64_t bytes_per_s;
    bool force;
    bool json;
    struct transfer transfer;
    bool to_stdout;
    char path[PATH_MAX];
    struct file file;

    /* What the server says of the file. */
    char name[LOCAL_NAME_SIZE];
    char etag[MAX_ETAG_BYTES]; /* "": none that can be used */
    int64_t size;              /* -1: not known */
    bool has_digest;
    uint8_t sha256[SHA256_BYTES];

    int64_t had; /* bytes of an earlier attempt */
    int64_t done;
    struct sha256 *hash; /* of those; owned */
};

#define FIELD(name) offsetof(struct downloading, name)

static const struct flag known[] = {
    {"o", NULL, FLAG_TEXT, FIELD(out),
     "FILE  instead of the name that the file has on the server; - is standard output"},
    {"force", NULL, FLAG_SWITCH, FIELD(force), "replace FILE if it exists"},
    {"limit-rate", NULL, FLAG_BYTES, FIELD(bytes_per_s),
     "N  bytes a second at most; 500k and 2M are understood"},
    {"json", NULL, FLAG_SWITCH, FIELD(json), "print an object instead of the file's name"},
};

static void print_help(FILE *out)
{
    (void)fputs("Usage: picoshare download [options] URL\n"
                "Receives a file into the current directory and prints its name. The file appears\n"
                "when it is complete and its digest is right; what an attempt that was ended has\n"
                "received stays as FILE.partial, and the next one goes on there.\n\n",
                out);
    flags_print(known, ARRAY_LEN(known), out);
    (void)fputs(transfer_codes_help, out);
}

/* Why it went no further on this side. */
static int fail_here(struct downloading *d)
{
    return transfer_fail(&d->transfer, TRANSFER_MISUSED, d->transfer.info.text);
}

/* ---- what the server says ---- */

static void note_name(struct downloading *d, const struct client_answer *answer)
{
    const char *value = client_answer_header(answer, "Content-Disposition");
    struct disposition disposition = {.filename = {.form = DISPOSITION_ABSENT}};
    char decoded[MAX_DISPOSITION_BYTES + 1] = "";
    size_t len = 0;
    if (value != NULL && strlen(value) <= MAX_DISPOSITION_BYTES &&
        disposition_parse(slice_str(value), &disposition) == ERR_OK) {
        len = disposition_decode(disposition.filename, decoded);
    }
    local_name_print(slice_of(decoded, len), d->name);
}

static void note_file(struct downloading *d, const struct client_answer *answer)
{
    const char *etag = client_answer_header(answer, "ETag");
    bool strong = etag != NULL && etag[0] == '"';
    (void)slice_copy(slice_str(strong ? etag : ""), d->etag, sizeof d->etag);
    d->has_digest = transfer_digest(answer, d->sha256);
}

static bool begin_look(void *arg, const struct client_answer *answer)
{
    struct downloading *d = arg;
    transfer_note_answer(&d->transfer, answer);
    if (client_answer_status(answer) == 200) {
        const char *length = client_answer_header(answer, "Content-Length");
        note_file(d, answer);
        note_name(d, answer);
        if (num_parse_i64(slice_str(length), 0, INT64_MAX, &d->size) != ERR_OK) {
            d->size = -1;
        }
    }
    return true;
}

/* A busy server is asked again: nothing has been taken from it yet. */
static bool again(void *arg)
{
    (void)arg;
    return true;
}

static bool take_nothing(void *arg, struct slice bytes, int64_t total)
{
    struct downloading *d = arg;
    (void)bytes, (void)total;
    (void)err_set(&d->transfer.info, ERR_INVALID, "the server does not tell of the file first");
    return false;
}

/* An answer to HEAD has no words: a refusal is asked for once more. */
static int look(struct downloading *d)
{
    static const char *const methods[] = {"HEAD", "GET"};
    const struct client_sink sink = {.begin = begin_look, .take = take_nothing, .arg = d};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        const struct client_request request = {
            .method = methods[i], .path = "", .idle_s = TRANSFER_IDLE_S};
        int code = transfer_send(&d->transfer, &request, &sink, i == 0 ? again : NULL);
        if (code != TRANSFER_DONE || d->transfer.status == 200) {
            return code;
        }
    }
    return transfer_refuse(&d->transfer);
}

/* ---- receiving ---- */

/* The bytes that are there count for nothing. */
static bool start_over(struct downloading *d)
{
    struct transfer *t = &d->transfer;
    sha256_free(TAKE(d->hash));
    d->had = 0;
    d->done = 0;
    if (sha256_new(&d->hash) != ERR_OK) {
        (void)err_set(&t->info, ERR_NOMEM, "%s", err_name(ERR_NOMEM));
        return false;
    }
    return d->to_stdout || file_restart(&d->file, &t->info) == ERR_OK;
}

static bool starts_at(const struct client_answer *answer, int64_t first)
{
    char expected[40];
    (void)snprintf(expected, sizeof expected, "bytes %" PRId64 "-", first);
    return slice_starts(slice_str(client_answer_header(answer, "Content-Range")),
                        slice_str(expected));
}

static bool begin_body(void *arg, const struct client_answer *answer)
{
    struct downloading *d = arg;
    int status = client_answer_status(answer);
    transfer_note_answer(&d->transfer, answer);
    if (status == 206 && !starts_at(answer, d->done)) {
        (void)err_set(&d->transfer.info, ERR_INVALID, "the server sends another part of the file");
        return false;
    }
    if (status == 200) { /* all of it, and it may be another file by now */
        note_file(d, answer);
        return start_over(d);
    }
    return true;
}

static bool take(void *arg, struct slice bytes, int64_t total)
{
    struct downloading *d = arg;
    struct transfer *t = &d->transfer;
    if (sha256_add(d->hash, bytes.ptr, bytes.len) != ERR_OK) {
        (void)err_set(&t->info, ERR_NOMEM, "%s", err_name(ERR_NOMEM));
        return false;
    }
    if (file_write(&d->file, bytes, &t->info) != ERR_OK) {
        return false;
    }
    d->done += (int64_t)bytes.len;
    progress_show_bytes(&t->progress, t->printed_name, d->done,
                        total >= 0 ? d->had + total : total);
    return true;
}

static int get(struct downloading *d)
{
    char range[64];
    char if_range[MAX_ETAG_BYTES + 16];
    const char *const headers[] = {range, d->etag[0] != '\0' ? if_range : NULL, NULL};
    const struct client_sink sink = {.begin = begin_body, .take = take, .arg = d};
    const struct client_request request = {
        .method = "GET",
        .path = "",
        .headers = d->done > 0 ? headers : NULL,
        .bytes_per_s = d->bytes_per_s,
        .idle_s = TRANSFER_IDLE_S,
    };
    (void)snprintf(range, sizeof range, "Range: bytes=%" PRId64 "-", d->done);
    (void)snprintf(if_range, sizeof if_range, "If-Range: %s", d->etag);
    progress_begin(&d->transfer.progress, d->done);
    int code = transfer_send(&d->transfer, &request, &sink, again);
    bool refused = d->transfer.status != 200 && d->transfer.status != 206;
    return code == TRANSFER_DONE && refused ? transfer_refuse(&d->transfer) : code;
}

/* ---- the file ---- */

/* Reads what an earlier attempt has left, which may be the beginning of the file. */
static bool read_partial(struct downloading *d)
{
    struct transfer *t = &d->transfer;
    char bytes[64 * KIB];
    ssize_t n = 0;
    while ((n = read(d->file.fd, bytes, sizeof bytes)) > 0) {
        if (sha256_add(d->hash, bytes, (size_t)n) != ERR_OK) {
            (void)err_set(&t->info, ERR_NOMEM, "%s", err_name(ERR_NOMEM));
            return false;
        }
        d->done += n;
        progress_show_bytes(&t->progress, "reading what is there", d->done, d->had);
    }
    if (n < 0) {
        (void)err_set(&t->info, ERR_IO, "cannot read %s: %s", d->file.partial, strerror(errno));
    }
    return n == 0;
}

static bool open_partial(struct downloading *d)
{
    int64_t had = 0;
    if (file_resume(&d->file, d->path, &had, &d->transfer.info) != ERR_OK) {
        return false;
    }
    if (had == 0 || !d->has_digest || had > d->size) {
        return start_over(d);
    }
    if (sha256_new(&d->hash) != ERR_OK) {
        (void)err_set(&d->transfer.info, ERR_NOMEM, "%s", err_name(ERR_NOMEM));
        return false;
    }
    d->had = had;
    return read_partial(d);
}

/* Whether the bytes are the ones that the server's digest is of; none: nobody knows. */
static bool is_right(struct downloading *d)
{
    uint8_t sha256[SHA256_BYTES];
    err_t err = sha256_finish(d->hash, sha256);
    return !d->has_digest || (err == ERR_OK && digest_equal(sha256, d->sha256, sizeof d->sha256));
}

/* Receives what is missing, and all of it when what was there does not belong to it. */
static int receive(struct downloading *d)
{
    int code = d->done == d->size && d->had > 0 ? TRANSFER_DONE : get(d);
    if (code != TRANSFER_DONE || is_right(d)) {
        return code;
    }
    if (d->had > 0) {
        progress_clear(&d->transfer.progress);
        (void)fprintf(stderr, "picoshare: %s: what was there is not its beginning; all over\n",
                      d->transfer.printed_name);
        if (!start_over(d)) {
            return fail_here(d);
        }
        code = get(d);
        if (code != TRANSFER_DONE || is_right(d)) {
            return code;
        }
    }
    file_drop(&d->file);
    return transfer_fail(&d->transfer, TRANSFER_DAMAGED,
                         d->to_stdout ? "what was written is wrong: its digest is not the server's"
                                      : "its digest is not the server's: it is damaged");
}

static void report(const struct downloading *d)
{
    char sha256[2 * SHA256_BYTES + 1];
    progress_clear(&d->transfer.progress);
    if (!d->has_digest) {
        (void)fprintf(stderr, "picoshare: %s: not checked, the server gives no digest\n",
                      d->transfer.printed_name);
    }
    if (!d->json) {
        (void)puts(d->path);
        return;
    }
    (void)fputs("{\"url\":", stdout);
    transfer_print_json(stdout, d->url);
    (void)fputs(",\"file\":", stdout);
    transfer_print_json(stdout, d->path);
    (void)printf(",\"bytes\":%" PRId64 ",\"resumed\":%" PRId64 ",\"verified\":%s", d->done, d->had,
                 d->has_digest ? "true" : "false");
    if (d->has_digest) {
        digest_print_hex(d->sha256, SHA256_BYTES, sha256);
        (void)printf(",\"sha256\":\"%s\"", sha256);
    }
    (void)fputs("}\n", stdout);
}

static int download_to_stdout(struct downloading *d)
{
    d->file = (struct file){.partial = "", .fd = STDOUT_FILENO};
    if (!start_over(d)) {
        return fail_here(d);
    }
    int code = receive(d);
    progress_clear(&d->transfer.progress);
    return code;
}

static int download_to_file(struct downloading *d)
{
    struct err_info *info = &d->transfer.info;
    const char *path = d->out != NULL ? d->out : d->name;
    if (!slice_copy(slice_str(path), d->path, sizeof d->path)) {
        (void)err_set(info, ERR_INVALID, "the name of the file is too long");
        return fail_here(d);
    }
    if (!d->force && file_exists(d->path)) {
        (void)err_set(info, ERR_EXISTS, "%s exists already; -force replaces it", d->path);
        return fail_here(d);
    }
    int code = open_partial(d) ? receive(d) : fail_here(d);
    if (code == TRANSFER_DONE && (file_flush(&d->file, info) != ERR_OK ||
                                  file_rename(&d->file, d->path, d->force, info) != ERR_OK)) {
        code = fail_here(d);
    }
    if (code == TRANSFER_DONE) {
        report(d);
    }
    if (d->done > 0) {
        file_leave(&d->file);
    } else {
        file_drop(&d->file);
    }
    return code;
}

static int download(struct downloading *d)
{
    const struct client_options client_options = {.url = d->url, .time_out_ms = TIME_OUT_MS};
    transfer_init(&d->transfer, d->json);
    transfer_set_name(&d->transfer, d->url);
    int code = TRANSFER_DONE;
    if (client_open(&client_options, &d->transfer.client, &d->transfer.info) != ERR_OK) {
        code = fail_here(d);
    } else {
        code = look(d);
    }
    if (code == TRANSFER_DONE) {
        transfer_set_name(&d->transfer, d->to_stdout || d->out == NULL ? d->name : d->out);
        code = d->to_stdout ? download_to_stdout(d) : download_to_file(d);
    }
    sha256_free(TAKE(d->hash));
    transfer_done(&d->transfer);
    if (fflush(stdout) != 0 && code == TRANSFER_DONE) {
        code = TRANSFER_MISUSED;
        (void)fputs("picoshare: cannot write to standard output\n", stderr);
    }
    return code;
}

int download_command(int argc, char **argv)
{
    static struct downloading downloading = {.file = {.fd = -1}, .size = -1};
    struct downloading *d = &downloading;
    const struct flags flags = {.known = known, .count = ARRAY_LEN(known), .help = print_help};
    switch (flags_parse(&flags, argc, argv, d, &d->url, 1)) {
    case FLAGS_SHOWN:
        return TRANSFER_DONE;
    case FLAGS_MISUSED:
        return TRANSFER_MISUSED;
    case FLAGS_RUN:
        break;
    }
    d->to_stdout = d->out != NULL && strcmp(d->out, "-") == 0;
    if (d->url == NULL) {
        print_help(stderr);
        return TRANSFER_MISUSED;
    }
    if (d->to_stdout && d->json) {
        (void)fputs("picoshare: -json and -o - both want standard output\n", stderr);
        return TRANSFER_MISUSED;
    }
    check(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    return download(d);
}
