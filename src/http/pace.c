#include "picoshare/http/pace.h"

void pace_start(struct pace *pace, int64_t now_ms, int64_t bytes)
{
    *pace = (struct pace){.since_ms = now_ms, .bytes = bytes};
}

bool pace_is_slow(struct pace *pace, int64_t now_ms, int64_t bytes, int64_t window_ms,
                  int64_t min_per_s)
{
    int64_t ms = now_ms - pace->since_ms;
    if (ms < window_ms) {
        return false;
    }
    int64_t moved = bytes - pace->bytes;
    pace_start(pace, now_ms, bytes);
    return moved * 1000 < min_per_s * ms;
}
