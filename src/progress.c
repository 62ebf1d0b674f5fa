#include "progress.h"
#include "picoshare/base/clock.h"
#include "picoshare/text/size.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TERMINAL_EVERY_MS = 250, LOG_EVERY_MS = 10 * 1000, BAR_CHARS = 30 };

void progress_init(struct progress *progress, bool quiet)
{
    *progress = (struct progress){.terminal = isatty(STDERR_FILENO) == 1, .quiet = quiet};
    if (!progress->terminal) { /* what is over sooner needs no word */
        progress->next_ms = clock_mono_ms(&clock_system) + LOG_EVERY_MS;
    }
}

bool progress_due(struct progress *progress)
{
    int64_t now = clock_mono_ms(&clock_system);
    if (now < progress->next_ms || (progress->quiet && !progress->terminal)) {
        return false;
    }
    progress->next_ms = now + (progress->terminal ? TERMINAL_EVERY_MS : LOG_EVERY_MS);
    return true;
}

void progress_show(struct progress *progress, const char *fmt, ...)
{
    if (progress->quiet && !progress->terminal) {
        return;
    }
    progress_clear(progress);
    va_list args;
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
    if (!progress->terminal) {
        (void)fputc('\n', stderr);
    }
    (void)fflush(stderr);
}

void progress_show_bytes(struct progress *progress, const char *what, int64_t done, int64_t total)
{
    if (!progress_due(progress)) {
        return;
    }
    char bar[BAR_CHARS + 1];
    char done_text[SIZE_TEXT_SIZE];
    char total_text[SIZE_TEXT_SIZE];
    double share = done < total ? (double)done / (double)total : 1;
    memset(bar, '.', BAR_CHARS);
    memset(bar, '#', (size_t)(share * BAR_CHARS));
    bar[BAR_CHARS] = '\0';
    size_print(done, done_text);
    size_print(total, total_text);
    progress_show(progress, "%s%s%s: %d %%, %s of %s", progress->terminal ? bar : "",
                  progress->terminal ? " " : "", what, (int)(share * 100), done_text, total_text);
}

void progress_clear(const struct progress *progress)
{
    if (progress->terminal) {
        (void)fputs("\r\033[K", stderr);
        (void)fflush(stderr);
    }
}
