#include "convert_command.h"
#include "flags.h"
#include "options.h"
#include "picoshare/base/check.h"
#include "picoshare/store/convert.h"
#include "picoshare/text/size.h"
#include "progress.h"
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum { MISUSED = 2 };

static const struct flag known[] = {
    {"db", "PS_DB", FLAG_TEXT, offsetof(struct options, db),
     "PATH  the database (default " OPTIONS_DB ")"},
};

static void print_help(FILE *out)
{
    (void)fputs(
        "Usage: picoshare convert [-db PATH]\n"
        "Makes a database that PicoShare has made able to give the space of deleted files back to\n"
        "the disk. Once is enough. Nobody may have it open: stop the server first, and whatever\n"
        "replicates the database. The disk needs room for the data once more: all of it is copied\n"
        "into a new file, which takes the place of the old one after every row was compared. The\n"
        "old one is kept.\n\n",
        out);
    flags_print(known, ARRAY_LEN(known), out);
    (void)fputs(
        "\nIt may be broken off at any time: the database is as it was, or converted. Exit codes:\n"
        "0 it is converted, now or before, 1 it could not be, and is as it was, 2 a wrong "
        "option.\n",
        out);
}

static void show_progress(void *arg, enum convert_step step, int percent)
{
    static const char *const names[CONVERT_STEPS] = {
        [CONVERT_COPYING] = "1 of 3, copying",
        [CONVERT_CHECKING] = "2 of 3, checking the new file",
        [CONVERT_COMPARING] = "3 of 3, comparing it with the old one",
    };
    struct progress *progress = arg;
    if (progress_due(progress)) {
        progress_show(progress, "%s: %d %%", names[step], percent);
    }
}

static void print_outcome(const char *path, const struct convert_result *result)
{
    char before[SIZE_TEXT_SIZE];
    char after[SIZE_TEXT_SIZE];
    size_print(result->bytes_before, before);
    size_print(result->bytes_after, after);
    if (result->needed) {
        (void)printf("%s: converted, every row compared; %s before, %s now\n", path, before, after);
    } else {
        (void)printf("%s: can give space back already, nothing was done\n", path);
    }
    if (result->kept[0] != '\0') {
        (void)printf("The old database is kept. When you are satisfied with the new one, remove it:"
                     " rm '%s'\n",
                     result->kept);
    }
}

static int run(const char *path)
{
    struct progress progress;
    progress_init(&progress, false);
    const struct convert_options options = {
        .path = path,
        .progress = show_progress,
        .arg = &progress,
    };
    struct convert_result result;
    struct err_info info = {.text = ""};
    err_t err = convert_database(&options, &result, &info);
    progress_clear(&progress);
    if (err != ERR_OK) {
        (void)fprintf(stderr, "picoshare: %s%s\n", info.text,
                      err == ERR_BUSY ? "; stop it first" : "");
        return EXIT_FAILURE;
    }
    print_outcome(path, &result);
    return fflush(stdout) == 0 && ferror(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int convert_command(int argc, char **argv)
{
    const struct flags flags = {.known = known, .count = ARRAY_LEN(known), .help = print_help};
    struct options options = {.db = OPTIONS_DB};
    const char *operand = NULL;
    switch (flags_parse(&flags, argc, argv, &options, &operand, 0)) {
    case FLAGS_SHOWN:
        return EXIT_SUCCESS;
    case FLAGS_MISUSED:
        return MISUSED;
    case FLAGS_RUN:
        break;
    }
    return run(options.db);
}
