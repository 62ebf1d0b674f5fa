/* Counting days in "computational" years that begin on the first of March: the leap day is then
 * the last day of its year, and the lengths of the months follow 153 days in five months. Years are
 * grouped into eras of 400, which all have the same number of days. */
#include "picoshare/text/civil.h"

enum {
    DAYS_PER_YEAR = 365,
    DAYS_PER_4_YEARS = 4 * DAYS_PER_YEAR + 1,
    DAYS_PER_100_YEARS = 25 * DAYS_PER_4_YEARS - 1,
    DAYS_PER_ERA = 4 * DAYS_PER_100_YEARS + 1,
    DAYS_TO_1970 = 719468 /* from 0000-03-01 */
};

static int64_t floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return a % b < 0 ? q - 1 : q;
}

int civil_days_in_month(int64_t year, int month)
{
    if (month == 2) {
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        return leap ? 29 : 28;
    }
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

int64_t civil_to_days(int64_t year, int month, int day)
{
    int64_t march_year = month <= 2 ? year - 1 : year;
    int64_t era = floor_div(march_year, 400);
    int64_t year_of_era = march_year - era * 400;
    int64_t month_of_year = month <= 2 ? month + 9 : month - 3;
    int64_t day_of_year = (153 * month_of_year + 2) / 5 + day - 1;
    int64_t day_of_era =
        year_of_era * DAYS_PER_YEAR + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_1970;
}

void civil_from_days(int64_t days, struct civil *ret_date)
{
    int64_t since = days + DAYS_TO_1970;
    int64_t era = floor_div(since, DAYS_PER_ERA);
    int64_t day_of_era = since - era * DAYS_PER_ERA;
    /* Without the leap days before it, every year of the era has 365 days. */
    int64_t leap_days = day_of_era / (DAYS_PER_4_YEARS - 1) - day_of_era / DAYS_PER_100_YEARS +
                        day_of_era / (DAYS_PER_ERA - 1);
    int64_t year_of_era = (day_of_era - leap_days) / DAYS_PER_YEAR;
    int64_t day_of_year =
        day_of_era - (year_of_era * DAYS_PER_YEAR + year_of_era / 4 - year_of_era / 100);
    int64_t month_of_year = (5 * day_of_year + 2) / 153;
    int month = (int)(month_of_year < 10 ? month_of_year + 3 : month_of_year - 9);
    *ret_date = (struct civil){
        .year = era * 400 + year_of_era + (month <= 2 ? 1 : 0),
        .month = month,
        .day = (int)(day_of_year - (153 * month_of_year + 2) / 5 + 1),
    };
}

int civil_weekday(int64_t days)
{
    /* 1970-01-01 was a Thursday. */
    return (int)(days + 4 - floor_div(days + 4, 7) * 7);
}

int64_t civil_days_of_unix(int64_t unix_s)
{
    return floor_div(unix_s, SECONDS_PER_DAY);
}

int64_t civil_to_unix(const struct civil *c)
{
    return civil_to_days(c->year, c->month, c->day) * SECONDS_PER_DAY + c->hour * 3600 +
           c->minute * 60 + c->second;
}

void civil_from_unix(int64_t unix_s, struct civil *ret_civil)
{
    int64_t days = civil_days_of_unix(unix_s);
    civil_from_days(days, ret_civil);
    /* The remainder, without the product that could overflow near INT64_MIN. */
    int second_of_day = (int)(unix_s % SECONDS_PER_DAY);
    if (second_of_day < 0) {
        second_of_day += SECONDS_PER_DAY;
    }
    ret_civil->hour = second_of_day / 3600;
    ret_civil->minute = second_of_day / 60 % 60;
    ret_civil->second = second_of_day % 60;
}
