/* progress.h — how far something is, on stderr: one line that changes, for a terminal; for a log a
 * line now and then. One thread. */
#ifndef PICOSHARE_PROGRESS_H
#define PICOSHARE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool terminal;
    bool quiet;      /* nothing but on a terminal */
    int64_t next_ms; /* nothing is shown before */
    /* Since progress_begin(). */
    bool timed;
    int64_t begun_ms;
    int64_t begun_bytes;
};

void progress_init(struct progress *progress, bool quiet);
/* Whether it is time to show something: progress_show() does so even when it is not. */
bool progress_due(struct progress *progress);
void progress_show(struct progress *progress, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* From here on, with so many bytes done already, speed and time left are shown as well. */
void progress_begin(struct progress *progress, int64_t done);
/* "copying: 40 %, 1.20 GB of 3.00 GB", with a bar on a terminal, when it is time; total is -1 when
 * it is not known. */
void progress_show_bytes(struct progress *progress, const char *what, int64_t done, int64_t total);
/* Leaves a terminal's line empty, for other output. */
void progress_clear(const struct progress *progress);

#endif
