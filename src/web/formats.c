/* formats.c — times as the pages show them (web-ui.md 8 and 12). */
#include "internal.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

int64_t days_between(int64_t from, int64_t to)
{
    /* The default rounding mode takes halves to even. */
    return llrint((double)(to - from) / SECONDS_PER_DAY);
}

const int64_t usual_days[USUAL_LIFETIMES] = {1, 7, 30, 365, NEVER_DAYS};

void make_choice(struct lifetime_choice *choice, int64_t days, int64_t now)
{
    choice->days = days;
    duration_print_name(duration_of_days(days), choice->label);
    timestamp_print(expiry_after(days, now), choice->value);
}

void print_expiry(int64_t expires, int64_t now, char ret_text[EXPIRY_TEXT_SIZE])
{
    time_t when = (time_t)expires;
    struct tm tm;
    if (expires == NEVER_S || localtime_r(&when, &tm) == NULL) {
        (void)snprintf(ret_text, EXPIRY_TEXT_SIZE, "Never");
        return;
    }
    (void)snprintf(ret_text, EXPIRY_TEXT_SIZE, "%04d-%02d-%02d (%" PRId64 " days)",
                   tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, days_between(now, expires));
}
