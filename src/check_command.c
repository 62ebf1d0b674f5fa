#include "check_command.h"
#include "flags.h"
#include "options.h"
#include "picoshare/base/check.h"
#include "picoshare/base/escape.h"
#include "picoshare/store/verify.h"
#include "picoshare/text/size.h"
#include "progress.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct request {
    const char *path;
    bool quick;
};

static const struct flag known[] = {
    {"quick", NULL, FLAG_SWITCH, offsetof(struct request, quick),
     "do not read the contents of files or compare indexes with their tables"},
};

static void print_help(FILE *out)
{
    (void)fputs(
        "Usage: picoshare check [-quick] [FILE]\n"
        "Looks whether a database is whole, and changes nothing. FILE is the database, or a\n"
        "copy of one, that no server has open (default: $PS_DB, or data/store.db). Looked at\n"
        "are SQLite's own structures, the references between tables, the chunk rows of each\n"
        "file, and the bytes of each file whose SHA-256 was recorded.\n\n",
        out);
    flags_print(known, ARRAY_LEN(known), out);
    (void)fputs(
        "\nPrints a line for each damage. Exit codes: 0 all is whole, 1 there is damage, 2 it\n"
        "could not be checked.\n",
        out);
}

struct checking {
    const char *path;
    const char *name; /* as people know it */
    bool quick;
    FILE *out;
    struct progress progress;
    struct verifier *verifier;
    struct verify_counts counts;
    int64_t findings; /* of the database as such */
    int64_t files;
    int64_t bytes; /* that the files have */
    int64_t damaged;
    int64_t undigested; /* sound files without a digest */
};

/* ---- printing ---- */

/* Other people's text. */
static void print_text(FILE *out, struct slice text)
{
    while (text.len > 0) {
        char escaped[ESCAPED_SIZE];
        escape_next(&text, escaped);
        (void)fputs(escaped, out);
    }
}

static void show_progress(struct checking *checking)
{
    if (progress_due(&checking->progress)) {
        char read[SIZE_TEXT_SIZE];
        size_print(verifier_bytes(checking->verifier), read);
        progress_show(&checking->progress, "checking: file %" PRId64 " of %" PRId64 ", %s read",
                      checking->files + 1, checking->counts.files, read);
    }
}

static void report_line(void *arg, const char *line)
{
    struct checking *checking = arg;
    checking->findings++;
    progress_clear(&checking->progress);
    (void)fputs("damaged: database: ", checking->out);
    print_text(checking->out, slice_str(line));
    (void)fputc('\n', checking->out);
}

static void report_file(struct checking *checking, const struct verify_result *result)
{
    char text[VERIFY_TEXT_SIZE];
    verify_describe(result, text);
    progress_clear(&checking->progress);
    (void)fputs("damaged: ", checking->out);
    print_text(checking->out, result->id);
    (void)fputs(" \"", checking->out);
    print_text(checking->out, result->filename);
    (void)fprintf(checking->out, "\": %s\n", text);
}

static void print_sum(const struct checking *checking)
{
    char size[SIZE_TEXT_SIZE];
    size_print(checking->bytes, size);
    progress_clear(&checking->progress);
    if (checking->counts.orphan_rows > 0) {
        (void)fprintf(checking->out,
                      "note: %" PRId64 " chunk rows belong to no file, as uploads that were cut off"
                      " leave them; the server removes them\n",
                      checking->counts.orphan_rows);
    }
    if (checking->undigested > 0 && !checking->quick) {
        (void)fprintf(checking->out,
                      "note: the bytes of %" PRId64 " files could not be compared, as no SHA-256 of"
                      " them is recorded; their rows fit together\n",
                      checking->undigested);
    }
    if (checking->quick) {
        (void)fprintf(checking->out, "note: contents were not compared with their SHA-256\n");
    }
    if (checking->damaged + checking->findings == 0) {
        (void)fprintf(checking->out, "%s: %" PRId64 " files of %s, no damage\n", checking->name,
                      checking->files, size);
    } else {
        (void)fprintf(checking->out,
                      "%s: %" PRId64 " files of %s, damaged files: %" PRId64
                      ", findings in the database itself: %" PRId64 "\n",
                      checking->name, checking->files, size, checking->damaged, checking->findings);
    }
}

/* ---- checking ---- */

static void count_file(struct checking *checking, const struct verify_result *result)
{
    checking->files++;
    checking->bytes += result->size;
    if (result->flaw != VERIFY_SOUND) {
        checking->damaged++;
        report_file(checking, result);
    } else if (!result->has_digest) {
        checking->undigested++;
    }
}

static err_t check_files(struct checking *checking)
{
    err_t err = ERR_OK;
    while (err == ERR_OK) {
        bool done = false;
        struct verify_result result;
        show_progress(checking);
        err = verifier_step(checking->verifier, &done, &result);
        if (err == ERR_OK && done) {
            count_file(checking, &result);
        }
    }
    return err == ERR_NOTFOUND ? ERR_OK : err;
}

/* Damage is no error: it is counted. */
static err_t check_all(struct checking *checking)
{
    if (progress_due(&checking->progress)) {
        progress_show(&checking->progress, "checking the structure of the database");
    }
    err_t err = verifier_database(checking->verifier, report_line, checking);
    if (err == ERR_OK) {
        err = verifier_count(checking->verifier, &checking->counts);
    }
    if (err == ERR_OK) {
        err = check_files(checking);
    }
    if (err == ERR_CORRUPT || err == ERR_IO) {
        report_line(checking, "the table of files cannot be read to its end");
        err = ERR_OK;
    }
    return err;
}

static int run(struct checking *checking)
{
    struct err_info info = {.text = ""};
    err_t err = verifier_open(checking->path, checking->quick, &checking->verifier, &info);
    if (err == ERR_CORRUPT) {
        report_line(checking, info.text);
        return CHECK_DAMAGED;
    }
    if (err == ERR_OK) {
        err = check_all(checking);
        (void)err_set(&info, err, "checking %s failed: %s", checking->name, err_name(err));
        verifier_free(TAKE(checking->verifier));
    }
    if (err != ERR_OK) {
        progress_clear(&checking->progress);
        (void)fprintf(stderr, "picoshare: %s%s\n", info.text,
                      err == ERR_BUSY ? "; check a copy of it, or stop the server" : "");
        return CHECK_FAILED;
    }
    print_sum(checking);
    return checking->damaged + checking->findings == 0 ? CHECK_CLEAN : CHECK_DAMAGED;
}

int check_file(const char *path, const char *name, bool quick, FILE *out)
{
    struct checking checking = {.path = path, .name = name, .quick = quick, .out = out};
    progress_init(&checking.progress, true);
    int code = run(&checking);
    /* Who reads the output must not take half of it for all of it. */
    return fflush(out) == 0 && ferror(out) == 0 ? code : CHECK_FAILED;
}

int check_command(int argc, char **argv)
{
    const struct flags flags = {.known = known, .count = ARRAY_LEN(known), .help = print_help};
    const char *db = getenv("PS_DB");
    struct request request = {.quick = false};
    switch (flags_parse(&flags, argc, argv, &request, &request.path, 1)) {
    case FLAGS_SHOWN:
        return CHECK_CLEAN;
    case FLAGS_MISUSED:
        return CHECK_FAILED;
    case FLAGS_RUN:
        break;
    }
    if (request.path == NULL) {
        request.path = db != NULL && db[0] != '\0' ? db : OPTIONS_DB;
    }
    return check_file(request.path, request.path, request.quick, stdout);
}
