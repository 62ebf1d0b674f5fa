/* timestamp.h — points in time as the API and the database write them: RFC 3339 in UTC.
 *
 * Pure and thread-safe.
 * Source: RFC 3339 §5.6 with upper-case T and Z, a fraction of any length, no second 60. The offset
 * is applied; a result outside the years 0 to 9999 of UTC is refused, since the database cannot
 * hold it. */
#ifndef PICOSHARE_TEXT_TIMESTAMP_H
#define PICOSHARE_TEXT_TIMESTAMP_H

#include "picoshare/base/err.h"
#include "picoshare/base/slice.h"
#include <stdint.h>

enum {
    TIMESTAMP_SIZE = 21,     /* "2006-01-02T15:04:05Z" and a NUL */
    TIMESTAMP_DATE_SIZE = 11 /* "2006-01-02" and a NUL */
};

/* Seconds since 1970 and the nanoseconds (0 to 999,999,999) after them; further digits of the
 * fraction are dropped. */
err_t timestamp_parse(struct slice text, int64_t *ret_unix_s, int32_t *ret_ns) MUST_CHECK;

/* YYYY-MM-DDTHH:MM:SSZ and YYYY-MM-DD, both in UTC. What lies outside the years 0 to 9999 is
 * written as the nearest end of them. */
void timestamp_print(int64_t unix_s, char ret_text[TIMESTAMP_SIZE]);
void timestamp_print_date(int64_t unix_s, char ret_text[TIMESTAMP_DATE_SIZE]);

#endif
