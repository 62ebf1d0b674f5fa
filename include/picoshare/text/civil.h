/* civil.h — dates of the Gregorian calendar (extended to all years) and counts of days and seconds
 * since 1970-01-01T00:00:00Z.
 *
 * Pure arithmetic on int64_t: no time zone, no leap second, no libc time, no locale. Thread-safe.
 */
#ifndef PICOSHARE_TEXT_CIVIL_H
#define PICOSHARE_TEXT_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

enum { SECONDS_PER_DAY = 86400 };

/* The years that four digits can write, as seconds since 1970: 0000-01-01T00:00:00Z to
 * 9999-12-31T23:59:59Z. */
#define CIVIL_MIN_UNIX INT64_C(-62167219200)
#define CIVIL_MAX_UNIX INT64_C(253402300799)

struct civil {
    int64_t year;
    int month; /* 1 to 12 */
    int day;   /* 1 to civil_days_in_month() */
    int hour;
    int minute;
    int second;
};

int civil_days_in_month(int64_t year, int month);

/* Days since 1970-01-01 of a date whose month and day are in range; years of up to 15 digits. */
int64_t civil_to_days(int64_t year, int month, int day);
/* The date; hour, minute and second become 0. Any number of days that int64_t seconds can hold. */
void civil_from_days(int64_t days, struct civil *ret_date);
/* 0 is Sunday, 6 is Saturday. */
int civil_weekday(int64_t days);

/* The whole days in a number of seconds, rounded down. */
int64_t civil_days_of_unix(int64_t unix_s);
/* A second of 60 is the first one of the next minute. */
int64_t civil_to_unix(const struct civil *c);
void civil_from_unix(int64_t unix_s, struct civil *ret_civil);

#endif
