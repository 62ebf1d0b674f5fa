#include "picoshare/text/timestamp.h"
#include "picoshare/text/civil.h"
#include "picoshare/text/digits.h"

enum {
    SECONDS_LEN = 19, /* "2006-01-02T15:04:05" */
    OFFSET_LEN = 6,   /* "+01:00" */
    NS_DIGITS = 9
};

static bool read_seconds(const char *at, struct civil *c)
{
    int year = 0;
    bool ok = digits_read(at, 4, &year) && at[4] == '-' && digits_read(at + 5, 2, &c->month) &&
              at[7] == '-' && digits_read(at + 8, 2, &c->day) && at[10] == 'T' &&
              digits_read(at + 11, 2, &c->hour) && at[13] == ':' &&
              digits_read(at + 14, 2, &c->minute) && at[16] == ':' &&
              digits_read(at + 17, 2, &c->second);
    c->year = year;
    return ok && c->month >= 1 && c->month <= 12 && c->day >= 1 &&
           c->day <= civil_days_in_month(c->year, c->month) && c->hour <= 23 && c->minute <= 59 &&
           c->second <= 59;
}

/* Takes ".123" off the front, when it is there. */
static bool take_fraction(struct slice *rest, int32_t *ret_ns)
{
    *ret_ns = 0;
    if (!slice_starts(*rest, SLICE("."))) {
        return true;
    }
    size_t digits = 0;
    int32_t ns = 0;
    while (digits + 1 < rest->len && rest->ptr[digits + 1] >= '0' && rest->ptr[digits + 1] <= '9') {
        if (digits < NS_DIGITS) {
            ns = ns * 10 + (rest->ptr[digits + 1] - '0');
        }
        digits++;
    }
    for (size_t i = digits; i < NS_DIGITS; i++) {
        ns *= 10;
    }
    *ret_ns = ns;
    *rest = slice_skip(*rest, digits + 1);
    return digits > 0;
}

/* "Z" or "+01:00": what is to be subtracted to get UTC. */
static bool read_offset(struct slice s, int *ret_seconds)
{
    if (slice_eq(s, SLICE("Z"))) {
        *ret_seconds = 0;
        return true;
    }
    int hours = 0;
    int minutes = 0;
    if (s.len != OFFSET_LEN || (s.ptr[0] != '+' && s.ptr[0] != '-') || s.ptr[3] != ':' ||
        !digits_read(s.ptr + 1, 2, &hours) || !digits_read(s.ptr + 4, 2, &minutes) || hours > 23 ||
        minutes > 59) {
        return false;
    }
    int seconds = hours * 3600 + minutes * 60;
    *ret_seconds = s.ptr[0] == '-' ? -seconds : seconds;
    return true;
}

err_t timestamp_parse(struct slice text, int64_t *ret_unix_s, int32_t *ret_ns)
{
    struct civil c = {0};
    if (text.len < SECONDS_LEN || !read_seconds(text.ptr, &c)) {
        return ERR_INVALID;
    }
    struct slice rest = slice_skip(text, SECONDS_LEN);
    int32_t ns = 0;
    int offset = 0;
    if (!take_fraction(&rest, &ns) || !read_offset(rest, &offset)) {
        return ERR_INVALID;
    }
    int64_t unix_s = civil_to_unix(&c) - offset;
    if (unix_s < CIVIL_MIN_UNIX || unix_s > CIVIL_MAX_UNIX) {
        return ERR_INVALID;
    }
    *ret_unix_s = unix_s;
    *ret_ns = ns;
    return ERR_OK;
}

static char *write_date(char *at, const struct civil *c)
{
    at = digits_write(at, (int)c->year, 4);
    *at++ = '-';
    at = digits_write(at, c->month, 2);
    *at++ = '-';
    return digits_write(at, c->day, 2);
}

static void clamped_civil(int64_t unix_s, struct civil *ret_civil)
{
    civil_from_unix(unix_s < CIVIL_MIN_UNIX   ? CIVIL_MIN_UNIX
                    : unix_s > CIVIL_MAX_UNIX ? CIVIL_MAX_UNIX
                                              : unix_s,
                    ret_civil);
}

void timestamp_print(int64_t unix_s, char ret_text[TIMESTAMP_SIZE])
{
    struct civil c;
    clamped_civil(unix_s, &c);
    char *at = write_date(ret_text, &c);
    *at++ = 'T';
    at = digits_write(at, c.hour, 2);
    *at++ = ':';
    at = digits_write(at, c.minute, 2);
    *at++ = ':';
    at = digits_write(at, c.second, 2);
    *at++ = 'Z';
    *at = '\0';
}

void timestamp_print_date(int64_t unix_s, char ret_text[TIMESTAMP_DATE_SIZE])
{
    struct civil c;
    clamped_civil(unix_s, &c);
    *write_date(ret_text, &c) = '\0';
}
