#include "convert_command.h"
#include "picoshare/base/check.h"
#include "picoshare/base/slice.h"
#include "picoshare/store/convert.h"
#include "picoshare/text/size.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MISUSED = 2, PLAIN_EVERY_PERCENT = 10, BAR_CHARS = 40 };

static const char usage[] =
    "Usage: picoshare convert [-db PATH]\n"
    "Makes a database that PicoShare has made able to give the space of deleted files back to the\n"
    "disk. Once is enough. Nobody may have it open: stop the server first, and whatever "
    "replicates\n"
    "the database. The disk needs room for the data once more: all of it is copied into a new "
    "file,\n"
    "which takes the place of the old one after every row was compared. The old one is kept.\n\n"
    "  -db PATH  the database (default: $PS_DB, or data/store.db)\n"
    "  -help  print this and exit\n\n"
    "It may be broken off at any time: the database is as it was, or converted. Exit codes: 0 it\n"
    "is converted, now or before, 1 it could not be, and is as it was, 2 a wrong option.\n";

struct converting {
    bool on_terminal;
    enum convert_step step; /* that was shown last, */
    int percent;            /* and this; -1: nothing was */
};

static void show_bar(const char *name, int percent)
{
    char bar[BAR_CHARS + 1];
    for (int i = 0; i < BAR_CHARS; i++) {
        bar[i] = i < percent * BAR_CHARS / 100 ? '#' : '.';
    }
    bar[BAR_CHARS] = '\0';
    (void)fprintf(stderr, "\r\033[K%s [%s] %d %%", name, bar, percent);
}

static void show_progress(void *arg, enum convert_step step, int percent)
{
    static const char *const names[CONVERT_STEPS] = {
        [CONVERT_COPYING] = "1 of 3, copying:",
        [CONVERT_CHECKING] = "2 of 3, checking the new file:",
        [CONVERT_COMPARING] = "3 of 3, comparing it with the old one:",
    };
    struct converting *converting = arg;
    bool begins = converting->percent < 0 || step != converting->step;
    int advance = converting->on_terminal ? 1 : PLAIN_EVERY_PERCENT;
    if (!begins && percent < converting->percent + advance) {
        return;
    }
    converting->step = step;
    converting->percent = percent - percent % advance;
    if (converting->on_terminal) {
        show_bar(names[step], percent);
    } else {
        (void)fprintf(stderr, "%s %d %%\n", names[step], converting->percent);
    }
    (void)fflush(stderr);
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
    struct converting converting = {.on_terminal = isatty(STDERR_FILENO) == 1, .percent = -1};
    const struct convert_options options = {
        .path = path,
        .progress = show_progress,
        .arg = &converting,
    };
    struct convert_result result;
    struct err_info info = {.text = ""};
    err_t err = convert_database(&options, &result, &info);
    if (converting.on_terminal && converting.percent >= 0) {
        (void)fputs("\r\033[K", stderr);
    }
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
    const char *db = getenv("PS_DB");
    const char *path = db != NULL && db[0] != '\0' ? db : "data/store.db";
    for (int i = 1; i < argc; i++) {
        struct slice flag = slice_str(argv[i]);
        flag = slice_starts(flag, SLICE("--")) ? slice_skip(flag, 1) : flag;
        if (slice_eq(flag, SLICE("-help")) || slice_eq(flag, SLICE("-h"))) {
            (void)fputs(usage, stdout);
            return EXIT_SUCCESS;
        }
        if (slice_eq(flag, SLICE("-db")) && i + 1 < argc) {
            path = argv[++i];
        } else if (slice_starts(flag, SLICE("-db=")) && flag.len > strlen("-db=")) {
            path = flag.ptr + strlen("-db=");
        } else {
            (void)fprintf(stderr, "picoshare convert: what is %s?\n%s", argv[i], usage);
            return MISUSED;
        }
    }
    return run(path);
}
