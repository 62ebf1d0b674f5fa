/* pace.h — whether bytes move too slowly, looked at now and then.
 * Pure. One thread at a time for each struct pace. */
#ifndef PICOSHARE_HTTP_PACE_H
#define PICOSHARE_HTTP_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
    int64_t since_ms; /* when the window began */
    int64_t bytes;    /* how many had moved by then */
};

/* The window begins now. */
void pace_start(struct pace *pace, int64_t now_ms, int64_t bytes);
/* Whether less than min_per_s moved on average in a window of at least window_ms; a window that is
 * complete ends, and the next one begins. */
bool pace_is_slow(struct pace *pace, int64_t now_ms, int64_t bytes, int64_t window_ms,
                  int64_t min_per_s);

#endif
