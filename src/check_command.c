#include "check_command.h"
#include "picoshare/base/check.h"
#include "picoshare/base/clock.h"
#include "picoshare/store/verify.h"
#include "picoshare/text/size.h"
#include "picoshare/text/utf8.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PROGRESS_EVERY_MS = 250 };

static const char usage[] =
    "Usage: picoshare check [-quick] [FILE]\n"
    "Looks whether a database is whole, and changes nothing. FILE is the database, or a copy of\n"
    "one, that no server has open (default: $PS_DB, or data/store.db). Looked at are SQLite's own\n"
    "structures, the references between tables, the chunk rows of each file, and the bytes of\n"
    "each file whose SHA-256 was recorded.\n\n"
    "  -quick  do not read the contents of files or compare indexes with their tables\n"
    "  -help  print this and exit\n\n"
    "Prints a line for each damage. Exit codes: 0 all is whole, 1 there is damage, 2 it could not\n"
    "be checked.\n";

struct checking {
    const char *path;
    bool quick;
    bool shows_progress;
    struct verifier *verifier;
    struct verify_counts counts;
    int64_t findings; /* of the database as such */
    int64_t files;
    int64_t bytes; /* that the files have */
    int64_t damaged;
    int64_t undigested; /* sound files without a digest */
    int64_t next_progress_ms;
};

/* ---- printing ---- */

/* What a terminal would obey, or what changes the order of what is read: controls of both kinds,
 * marks of direction, ends of lines. */
static bool is_printable(uint32_t c)
{
    return c >= 0x20 && !(c >= 0x7f && c <= 0x9f) && c != 0x061c && c != 0x200e && c != 0x200f &&
           !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069) && c != 0xfeff;
}

/* Other people's text, with everything else than printable characters as \xNN. */
static void print_text(FILE *out, struct slice text)
{
    while (text.len > 0) {
        struct slice rest = text;
        uint32_t c = 0;
        bool good = utf8_next(&rest, &c) && is_printable(c);
        size_t len = text.len - rest.len;
        for (size_t i = 0; i < len; i++) {
            if (good && c != '"' && c != '\\') {
                (void)fputc(text.ptr[i], out);
            } else if (good) {
                (void)fprintf(out, "\\%c", text.ptr[i]);
            } else {
                (void)fprintf(out, "\\x%02x", (unsigned)(unsigned char)text.ptr[i]);
            }
        }
        text = rest;
    }
}

static void clear_progress(const struct checking *checking)
{
    if (checking->shows_progress) {
        (void)fputs("\r\033[K", stderr);
        (void)fflush(stderr);
    }
}

static void show_progress(struct checking *checking)
{
    int64_t now = clock_mono_ms(&clock_system);
    if (!checking->shows_progress || now < checking->next_progress_ms) {
        return;
    }
    checking->next_progress_ms = now + PROGRESS_EVERY_MS;
    char read[SIZE_TEXT_SIZE];
    size_print(verifier_bytes(checking->verifier), read);
    (void)fprintf(stderr, "\r\033[Kfile %" PRId64 " of %" PRId64 ", %s read", checking->files + 1,
                  checking->counts.files, read);
    (void)fflush(stderr);
}

static void report_line(void *arg, const char *line)
{
    struct checking *checking = arg;
    checking->findings++;
    clear_progress(checking);
    (void)fputs("damaged: database: ", stdout);
    print_text(stdout, slice_str(line));
    (void)fputc('\n', stdout);
}

static void report_file(struct checking *checking, const struct verify_result *result)
{
    char text[VERIFY_TEXT_SIZE];
    verify_describe(result, text);
    clear_progress(checking);
    (void)fputs("damaged: ", stdout);
    print_text(stdout, result->id);
    (void)fputs(" \"", stdout);
    print_text(stdout, result->filename);
    (void)fprintf(stdout, "\": %s\n", text);
}

static void print_sum(const struct checking *checking)
{
    char size[SIZE_TEXT_SIZE];
    size_print(checking->bytes, size);
    clear_progress(checking);
    if (checking->counts.orphan_rows > 0) {
        (void)printf("note: %" PRId64 " chunk rows belong to no file, as uploads that were cut off"
                     " leave them; the server removes them\n",
                     checking->counts.orphan_rows);
    }
    if (checking->undigested > 0 && !checking->quick) {
        (void)printf("note: the bytes of %" PRId64 " files could not be compared, as no SHA-256 of"
                     " them is recorded; their rows fit together\n",
                     checking->undigested);
    }
    if (checking->quick) {
        (void)printf("note: contents were not compared with their SHA-256\n");
    }
    if (checking->damaged + checking->findings == 0) {
        (void)printf("%s: %" PRId64 " files of %s, no damage\n", checking->path, checking->files,
                     size);
    } else {
        (void)printf("%s: %" PRId64 " files of %s, damaged files: %" PRId64
                     ", findings in the database itself: %" PRId64 "\n",
                     checking->path, checking->files, size, checking->damaged, checking->findings);
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
    if (checking->shows_progress) {
        (void)fputs("structure of the database", stderr);
        (void)fflush(stderr);
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
        (void)err_set(&info, err, "checking %s failed: %s", checking->path, err_name(err));
        verifier_free(TAKE(checking->verifier));
    }
    if (err != ERR_OK) {
        clear_progress(checking);
        (void)fprintf(stderr, "picoshare: %s%s\n", info.text,
                      err == ERR_BUSY ? "; check a copy of it, or stop the server" : "");
        return CHECK_FAILED;
    }
    print_sum(checking);
    return checking->damaged + checking->findings == 0 ? CHECK_CLEAN : CHECK_DAMAGED;
}

int check_command(int argc, char **argv)
{
    const char *db = getenv("PS_DB");
    struct checking checking = {
        .path = db != NULL && db[0] != '\0' ? db : "data/store.db",
        .shows_progress = isatty(STDERR_FILENO) == 1,
    };
    int files = 0;
    for (int i = 1; i < argc; i++) {
        struct slice flag = slice_str(argv[i]);
        flag = slice_starts(flag, SLICE("--")) ? slice_skip(flag, 1) : flag;
        if (slice_eq(flag, SLICE("-help")) || slice_eq(flag, SLICE("-h"))) {
            (void)fputs(usage, stdout);
            return CHECK_CLEAN;
        }
        if (slice_eq(flag, SLICE("-quick"))) {
            checking.quick = true;
        } else if (argv[i][0] != '\0' && argv[i][0] != '-' && files++ == 0) {
            checking.path = argv[i];
        } else {
            (void)fprintf(stderr, "picoshare check: what is %s?\n%s", argv[i], usage);
            return CHECK_FAILED;
        }
    }
    int code = run(&checking);
    /* Who reads the output must not take half of it for all of it. */
    return fflush(stdout) == 0 && ferror(stdout) == 0 ? code : CHECK_FAILED;
}
