/* clock.h — time enters the program here, so that tests decide what time it is.
 * A clock is borrowed by every object that gets one, for that object's whole life. Its functions
 * must be callable from any thread. */
#ifndef PICOSHARE_BASE_CLOCK_H
#define PICOSHARE_BASE_CLOCK_H

#include <stdint.h>

struct clock {
    /* Nanoseconds since 1970-01-01T00:00:00Z, as the wall shows it; may jump. */
    int64_t (*now_ns)(const struct clock *clock);
    /* Nanoseconds on a clock that never jumps and starts anywhere. */
    int64_t (*mono_ns)(const struct clock *clock);
};

/* The clocks of the operating system. */
extern const struct clock clock_system;

static inline int64_t clock_now_ns(const struct clock *clock)
{
    return clock->now_ns(clock);
}

/* Whole seconds since 1970, rounded down. */
int64_t clock_now_s(const struct clock *clock);

static inline int64_t clock_mono_ns(const struct clock *clock)
{
    return clock->mono_ns(clock);
}

static inline int64_t clock_mono_ms(const struct clock *clock)
{
    return clock_mono_ns(clock) / 1000000;
}

#endif
