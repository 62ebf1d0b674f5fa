#include "picoshare/base/clock.h"
#include "picoshare/base/check.h"
#include <time.h>

static int64_t read_ns(clockid_t id)
{
    struct timespec ts;
    check(clock_gettime(id, &ts) == 0);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t system_now_ns(const struct clock *clock)
{
    (void)clock;
    return read_ns(CLOCK_REALTIME);
}

static int64_t system_mono_ns(const struct clock *clock)
{
    (void)clock;
    return read_ns(CLOCK_MONOTONIC);
}

const struct clock clock_system = {system_now_ns, system_mono_ns};

int64_t clock_now_s(const struct clock *clock)
{
    int64_t ns = clock_now_ns(clock);
    int64_t s = ns / 1000000000;
    return ns % 1000000000 < 0 ? s - 1 : s;
}
