/* backup_command.c — asks the server for a copy, receives it, checks it, and then gives it its
 * name.
 *
 * The server makes the copy while the request waits and sends nothing meanwhile
 * (src/web/backups.c), so how far it is is asked for beside it, once a second. */
#include "backup_command.h"
#include "check_command.h"
#include "file.h"
#include "flags.h"
#include "options.h"
#include "picoshare/base/check.h"
#include "picoshare/base/digest.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/num.h"
#include "picoshare/net/client.h"
#include "picoshare/sys/process.h"
#include "picoshare/text/size.h"
#include "progress.h"
#include <signal.h>
#include <unistd.h>

enum { TIME_OUT_MS = 30 * 1000, MAX_TEXT_BYTES = 64 * KIB };

struct backing_up {
    struct options options; /* db, port and secret_file are looked at */
    const char *url;
    const char *name; /* of the file, or "-" */
    bool force;
    struct client *client;
    struct file file; /* or standard output */
    struct progress progress;
    int64_t received;
    struct err_info info; /* why it cannot be written */
};

#define FIELD(name) offsetof(struct backing_up, name)

static const struct flag known[] = {
    {"url", NULL, FLAG_TEXT, FIELD(url), "URL  of the server (default http://localhost:PORT)"},
    {"port", "PORT", FLAG_PORT, FIELD(options.port), "N  the server's port (default 4001)"},
    {"db", "PS_DB", FLAG_TEXT, FIELD(options.db),
     "PATH  the server's database, beside which a passphrase may be kept (default " OPTIONS_DB ")"},
    {"shared-secret-file", "PS_SHARED_SECRET_FILE", FLAG_TEXT, FIELD(options.secret_file),
     "PATH  file with the owner's passphrase"},
    {"force", NULL, FLAG_SWITCH, FIELD(force), "replace FILE if it exists"},
};

static void print_help(FILE *out)
{
    (void)fputs(
        "Usage: picoshare backup [options] FILE|-\n"
        "Copies the database of a running server to FILE, which appears when the copy is complete\n"
        "and was found to be whole, or to standard output, unchecked. The server goes on serving;\n"
        "it needs as much room beside its database as that takes, for the time of the backup.\n\n",
        out);
    flags_print(known, ARRAY_LEN(known), out);
    (void)fputs(
        "\nThe passphrase comes from the file above, from PS_SHARED_SECRET, or from the file\n"
        "that the server keeps beside its database.\n\n"
        "Exit codes: 0 it is made, 1 the copy has damage and is kept as FILE.damaged, 2 there\n"
        "is none.\n",
        out);
}

static int fail(const struct backing_up *b, const char *text)
{
    progress_clear(&b->progress);
    (void)fprintf(stderr, "picoshare: %s\n", text);
    return BACKUP_FAILED;
}

/* ---- receiving ---- */

static bool take(void *arg, struct slice bytes, int64_t total)
{
    struct backing_up *b = arg;
    if (file_write(&b->file, bytes, &b->info) != ERR_OK) {
        return false;
    }
    b->received += (int64_t)bytes.len;
    progress_show_bytes(&b->progress, "receiving", b->received, total);
    return true;
}

/* The number of a JSON object of the server's; 0: there is none. */
static int64_t number_in(const char *json, const char *name)
{
    const char *at = strstr(json, name);
    int64_t value = 0;
    if (at != NULL) {
        at += strlen(name);
        err_t err = num_parse_i64(slice_of(at, strspn(at, "0123456789")), 0, INT64_MAX, &value);
        value = err == ERR_OK ? value : 0;
    }
    return value;
}

/* While nothing comes. Whether the server answers does not matter here. */
static bool tick(void *arg)
{
    struct backing_up *b = arg;
    if (b->received > 0 || !progress_due(&b->progress)) {
        return true;
    }
    struct buf text;
    int status = 0;
    buf_init(&text, MAX_TEXT_BYTES);
    err_t err = client_ask(b->client, "GET", "/api/system/backup", &status, &text, NULL);
    if (err == ERR_OK && status == 200) {
        b->progress.next_ms = 0;
        progress_show_bytes(&b->progress, "the server copies",
                            number_in(buf_str(&text), "\"bytesDone\":"),
                            number_in(buf_str(&text), "\"bytesTotal\":"));
    }
    buf_done(&text);
    return true;
}

static int receive(struct backing_up *b)
{
    const struct client_request request = {.method = "POST", .path = "/api/system/backup"};
    const struct client_sink sink = {.take = take, .tick = tick, .arg = b};
    struct err_info info = {.text = ""};
    struct buf text;
    int status = 0;
    int code = BACKUP_MADE;
    buf_init(&text, MAX_TEXT_BYTES);
    err_t err = client_fetch(b->client, &request, &sink, &status, &text, &info);
    if (err != ERR_OK) {
        code = fail(b, b->info.text[0] != '\0' ? b->info.text : info.text);
    } else if (status != 200) {
        char line[sizeof info.text];
        struct slice first = slice_of(buf_str(&text), strcspn(buf_str(&text), "\r\n"));
        (void)snprintf(line, sizeof line, "the server refuses (%d): %.*s", status, (int)first.len,
                       first.ptr);
        code = fail(b, line);
    }
    buf_done(&text);
    return code;
}

/* ---- the file ---- */

static int keep(struct backing_up *b)
{
    char damaged[PATH_MAX];
    if (file_flush(&b->file, &b->info) != ERR_OK) {
        return fail(b, b->info.text);
    }
    progress_clear(&b->progress);
    int code = check_file(b->file.partial, b->name, false, stderr);
    if (code == CHECK_FAILED) {
        return BACKUP_FAILED;
    }
    if (code == CHECK_DAMAGED) {
        (void)snprintf(damaged, sizeof damaged, "%s.damaged", b->name);
        if (file_rename(&b->file, damaged, true, &b->info) != ERR_OK) {
            return fail(b, b->info.text);
        }
        (void)fprintf(stderr, "picoshare: the copy has damage and is kept as %s\n", damaged);
        return BACKUP_DAMAGED;
    }
    return file_rename(&b->file, b->name, b->force, &b->info) == ERR_OK ? BACKUP_MADE
                                                                        : fail(b, b->info.text);
}

static int make(struct backing_up *b)
{
    bool to_stdout = strcmp(b->name, "-") == 0;
    if (to_stdout && isatty(STDOUT_FILENO) == 1) {
        return fail(b, "a backup is nothing for a terminal");
    }
    if (!to_stdout && !b->force && file_exists(b->name)) {
        (void)err_set(&b->info, ERR_EXISTS, "%s exists already; -force replaces it", b->name);
        return fail(b, b->info.text);
    }
    if (to_stdout) {
        b->file = (struct file){.partial = "", .fd = STDOUT_FILENO};
    } else if (file_create(&b->file, b->name, &b->info) != ERR_OK) {
        return fail(b, b->info.text);
    }
    int code = receive(b);
    if (code == BACKUP_MADE && !to_stdout) {
        code = keep(b);
    } else if (code == BACKUP_MADE) {
        char size[SIZE_TEXT_SIZE];
        size_print(b->received, size);
        progress_clear(&b->progress);
        (void)fprintf(stderr, "%s, not checked: picoshare check does that\n", size);
    }
    file_drop(&b->file);
    return code;
}

int backup_command(int argc, char **argv)
{
    static struct backing_up backing_up = {.file = {.fd = -1}};
    struct backing_up *b = &backing_up;
    const struct flags flags = {.known = known, .count = ARRAY_LEN(known), .help = print_help};
    b->options = (struct options){.db = OPTIONS_DB, .port = OPTIONS_PORT};
    progress_init(&b->progress, false);
    switch (flags_parse(&flags, argc, argv, b, &b->name, 1)) {
    case FLAGS_SHOWN:
        return BACKUP_MADE;
    case FLAGS_MISUSED:
        return BACKUP_FAILED;
    case FLAGS_RUN:
        break;
    }
    if (b->name == NULL) {
        print_help(stderr);
        return BACKUP_FAILED;
    }
    check(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    process_hide_memory();
    char url[64];
    (void)snprintf(url, sizeof url, "http://localhost:%u", b->options.port);
    if (options_find_passphrase(&b->options, &b->info) != ERR_OK) {
        return fail(b, b->info.text);
    }
    const struct client_options client_options = {
        .url = b->url != NULL ? b->url : url,
        .passphrase = b->options.passphrase,
        .time_out_ms = TIME_OUT_MS,
    };
    err_t err = client_open(&client_options, &b->client, &b->info);
    digest_wipe(b->options.passphrase, sizeof b->options.passphrase);
    if (err != ERR_OK) {
        return fail(b, b->info.text);
    }
    int code = make(b);
    client_close(b->client);
    return code;
}
