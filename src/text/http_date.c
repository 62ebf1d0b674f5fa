#include "picoshare/text/http_date.h"
#include "picoshare/base/check.h"
#include "picoshare/text/civil.h"
#include "picoshare/text/digits.h"

/* The lengths of "Sun, 06 Nov 1994 08:49:37 GMT", of "06-Nov-94 08:49:37 GMT" (which follows the
 * weekday of the RFC 850 form), and of "Sun Nov  6 08:49:37 1994". */
enum { FIXDATE_LEN = 29, RFC850_LEN = 22, ASCTIME_LEN = 24, NAME_LEN = 3 };

static const char *const weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static bool is_weekday(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(weekdays); i++) {
        struct slice full = slice_str(weekdays[i]);
        if (slice_eq(name, full)) {
            return true;
        }
    }
    return false;
}

static bool is_short_weekday(const char *at)
{
    for (size_t i = 0; i < ARRAY_LEN(weekdays); i++) {
        if (memcmp(at, weekdays[i], NAME_LEN) == 0) {
            return true;
        }
    }
    return false;
}

static bool read_month(const char *at, int *ret_month)
{
    for (int i = 0; i < 12; i++) {
        if (memcmp(at, month_names + (size_t)i * NAME_LEN, NAME_LEN) == 0) {
            *ret_month = i + 1;
            return true;
        }
    }
    return false;
}

/* "08:49:37"; 60 is a leap second. */
static bool read_time(const char *at, struct civil *c)
{
    return digits_read(at, 2, &c->hour) && at[2] == ':' && digits_read(at + 3, 2, &c->minute) &&
           at[5] == ':' && digits_read(at + 6, 2, &c->second) && c->hour <= 23 && c->minute <= 59 &&
           c->second <= 60;
}

static bool has(const char *at, const char *text)
{
    return memcmp(at, text, strlen(text)) == 0;
}

static bool read_fixdate(const char *at, struct civil *c)
{
    int year = 0;
    bool ok = is_short_weekday(at) && has(at + 3, ", ") && digits_read(at + 5, 2, &c->day) &&
              at[7] == ' ' && read_month(at + 8, &c->month) && at[11] == ' ' &&
              digits_read(at + 12, 4, &year) && at[16] == ' ' && read_time(at + 17, c) &&
              has(at + 25, " GMT");
    c->year = year;
    return ok;
}

static bool read_rfc850(const char *at, struct civil *c)
{
    int year = 0;
    bool ok = digits_read(at, 2, &c->day) && at[2] == '-' && read_month(at + 3, &c->month) &&
              at[6] == '-' && digits_read(at + 7, 2, &year) && at[9] == ' ' &&
              read_time(at + 10, c) && has(at + 18, " GMT");
    c->year = year >= 69 ? 1900 + year : 2000 + year;
    return ok;
}

static bool read_asctime(const char *at, struct civil *c)
{
    int year = 0;
    bool day_ok = at[8] == ' ' ? digits_read(at + 9, 1, &c->day) : digits_read(at + 8, 2, &c->day);
    bool ok = day_ok && is_short_weekday(at) && at[3] == ' ' && read_month(at + 4, &c->month) &&
              at[7] == ' ' && at[10] == ' ' && read_time(at + 11, c) && at[19] == ' ' &&
              digits_read(at + 20, 4, &year);
    c->year = year;
    return ok;
}

static bool read_any(struct slice text, struct civil *c)
{
    size_t comma = slice_find(text, ',');
    if (comma == text.len) {
        return text.len == ASCTIME_LEN && read_asctime(text.ptr, c);
    }
    if (comma == NAME_LEN) {
        return text.len == FIXDATE_LEN && read_fixdate(text.ptr, c);
    }
    return text.len == comma + 2 + RFC850_LEN && is_weekday(slice_of(text.ptr, comma)) &&
           text.ptr[comma + 1] == ' ' && read_rfc850(text.ptr + comma + 2, c);
}

err_t http_date_parse(struct slice text, int64_t *ret_unix_s)
{
    struct civil c = {0};
    if (!read_any(text, &c) || c.day < 1 || c.day > civil_days_in_month(c.year, c.month)) {
        return ERR_INVALID;
    }
    *ret_unix_s = civil_to_unix(&c);
    return ERR_OK;
}

static char *put(char *at, const char *text, size_t len)
{
    memcpy(at, text, len);
    return at + len;
}

void http_date_print(int64_t unix_s, char ret_text[HTTP_DATE_SIZE])
{
    int64_t s = unix_s < CIVIL_MIN_UNIX   ? CIVIL_MIN_UNIX
                : unix_s > CIVIL_MAX_UNIX ? CIVIL_MAX_UNIX
                                          : unix_s;
    struct civil c;
    civil_from_unix(s, &c);
    char *at = put(ret_text, weekdays[civil_weekday(civil_days_of_unix(s))], NAME_LEN);
    at = put(at, ", ", 2);
    at = digits_write(at, c.day, 2);
    at = put(at, " ", 1);
    at = put(at, month_names + (size_t)(c.month - 1) * NAME_LEN, NAME_LEN);
    at = put(at, " ", 1);
    at = digits_write(at, (int)c.year, 4);
    at = put(at, " ", 1);
    at = digits_write(at, c.hour, 2);
    at = put(at, ":", 1);
    at = digits_write(at, c.minute, 2);
    at = put(at, ":", 1);
    at = digits_write(at, c.second, 2);
    at = put(at, " GMT", 5);
    check(at == ret_text + HTTP_DATE_SIZE);
}
