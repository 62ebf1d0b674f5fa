#include "progress.h"
#include "picoshare/base/clock.h"
#include "picoshare/text/size.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TERMINAL_EVERY_MS = 250, LOG_EVERY_MS = 10 * 1000, BAR_CHARS = 20 };
enum { SPEED_AFTER_MS = 500, MAX_LEFT_S = 100 * 3600, SPEED_SIZE = 64 };

/* A line that is too long ends at the right margin: the next one could not clear it otherwise. */
#define WRAP_OFF "\033[?7l"
#define WRAP_ON "\033[?7h"

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
    (void)fputs(progress->terminal ? WRAP_OFF : "", stderr);
    (void)vfprintf(stderr, fmt, args);
    (void)fputs(progress->terminal ? WRAP_ON : "\n", stderr);
    va_end(args);
    (void)fflush(stderr);
}

void progress_begin(struct progress *progress, int64_t done)
{
    progress->timed = true;
    progress->begun_ms = clock_mono_ms(&clock_system);
    progress->begun_bytes = done;
}

/* ", 12.00 MB/s, 1:05 left"; "" before there is something to say. */
static void print_speed(const struct progress *progress, int64_t done, int64_t total,
                        char ret_text[SPEED_SIZE])
{
    int64_t ms = clock_mono_ms(&clock_system) - progress->begun_ms;
    int64_t moved = done - progress->begun_bytes;
    ret_text[0] = '\0';
    if (!progress->timed || ms < SPEED_AFTER_MS || moved <= 0) {
        return;
    }
    char speed[SIZE_TEXT_SIZE];
    double per_s = (double)moved * 1000 / (double)ms;
    size_print((int64_t)per_s, speed);
    int used = snprintf(ret_text, SPEED_SIZE, ", %s/s", speed);
    double left_s = (double)(total - done) / per_s;
    if (left_s >= 0 && left_s < MAX_LEFT_S) {
        int left = (int)left_s;
        (void)snprintf(ret_text + used, SPEED_SIZE - (size_t)used, ", %d:%02d:%02d left",
                       left / 3600, left / 60 % 60, left % 60);
    }
}

void progress_show_bytes(struct progress *progress, const char *what, int64_t done, int64_t total)
{
    if (!progress_due(progress)) {
        return;
    }
    char speed[SPEED_SIZE];
    char done_text[SIZE_TEXT_SIZE];
    char total_text[SIZE_TEXT_SIZE];
    size_print(done, done_text);
    size_print(total, total_text);
    print_speed(progress, done, total, speed);
    double share = done < total ? (double)done / (double)total : 1;
    int percent = (int)(share * 100);
    if (total < 0) {
        progress_show(progress, "%s: %s%s", what, done_text, speed);
    } else if (progress->terminal) { /* what it is comes last: that may be cut off */
        char bar[BAR_CHARS + 1];
        memset(bar, '.', BAR_CHARS);
        memset(bar, '#', (size_t)(share * BAR_CHARS));
        bar[BAR_CHARS] = '\0';
        progress_show(progress, "%s %d %%, %s of %s%s: %s", bar, percent, done_text, total_text,
                      speed, what);
    } else {
        progress_show(progress, "%s: %d %%, %s of %s%s", what, percent, done_text, total_text,
                      speed);
    }
}

void progress_clear(const struct progress *progress)
{
    if (progress->terminal) {
        (void)fputs("\r\033[K", stderr);
        (void)fflush(stderr);
    }
}
