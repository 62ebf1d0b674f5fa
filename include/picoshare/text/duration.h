/* duration.h — lifetimes of files, as PicoShare's API and database write them: "720h0m0s".
 *
 * Pure and thread-safe. Durations are nanoseconds in int64_t (up to about 292 years).
 * Source: the syntax of Go's time.ParseDuration: an optional sign, then numbers with an optional
 * fraction and a unit (h m s ms us µs ns), or a plain 0. What is finer than a nanosecond is
 * dropped. */
#ifndef PICOSHARE_TEXT_DURATION_H
#define PICOSHARE_TEXT_DURATION_H

#include "picoshare/base/err.h"
#include "picoshare/base/format.h"
#include "picoshare/base/slice.h"
#include <stdint.h>

#define DURATION_SECOND INT64_C(1000000000)
#define DURATION_HOUR (3600 * DURATION_SECOND)
#define DURATION_DAY (24 * DURATION_HOUR)
/* The lifetime that PicoShare calls infinite. */
#define DURATION_INFINITE (NEVER_DAYS * DURATION_DAY)

enum {
    DURATION_TEXT_SIZE = 32, /* "-2562047h47m16.854775807s" is the longest */
    DURATION_NAME_SIZE = 16  /* "106751 days" is the longest */
};

/* Whole days; NEVER_DAYS and more are DURATION_INFINITE, less than none is 0. */
int64_t duration_of_days(int64_t days);

/* ERR_INVALID: not that syntax. ERR_TOOBIG: more than int64_t can hold. */
err_t duration_parse(struct slice text, int64_t *ret_ns) MUST_CHECK;

/* Hours, minutes and seconds, all three always: "24h0m0s", "36h0m0.5s". */
void duration_print(int64_t ns, char ret_text[DURATION_TEXT_SIZE]);

/* What people read: "Never" (DURATION_INFINITE), "7 days", "1 year". Whole days, rounded down, as
 * years when they divide by 365; so a lifetime under a day is "0 year", as in PicoShare. ns >= 0.
 */
void duration_print_name(int64_t ns, char ret_text[DURATION_NAME_SIZE]);

#endif
