#include "picoshare/text/duration.h"
#include "picoshare/base/check.h"
#include "picoshare/base/num.h"
#include <stdio.h>

/* Decimals that are looked at: of an hour, the longest unit, the 13th is already worth less than a
 * nanosecond; 18 of them times an hour fit 128 bits easily. */
enum { MAX_DECIMALS = 18 };

static const struct {
    const char *name;
    int64_t ns;
} units[] = {
    {"ns", 1},           {"us", 1000},           {"\xC2\xB5s", 1000}, /* U+00B5, the micro sign */
    {"\xCE\xBCs", 1000}, /* U+03BC, the Greek letter mu */
    {"ms", 1000000},     {"s", DURATION_SECOND}, {"m", 60 * DURATION_SECOND}, {"h", DURATION_HOUR},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct slice take_digits(struct slice *rest)
{
    size_t len = 0;
    while (len < rest->len && is_digit(rest->ptr[len])) {
        len++;
    }
    struct slice digits = slice_of(rest->ptr, len);
    *rest = slice_skip(*rest, len);
    return digits;
}

/* The unit is everything up to the next number. 0: there is no such unit. */
static int64_t take_unit(struct slice *rest)
{
    size_t len = 0;
    while (len < rest->len && rest->ptr[len] != '.' && !is_digit(rest->ptr[len])) {
        len++;
    }
    struct slice name = slice_of(rest->ptr, len);
    *rest = slice_skip(*rest, len);
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (slice_eq(name, slice_str(units[i].name))) {
            return units[i].ns;
        }
    }
    return 0;
}

/* unit * 0.decimals, rounded down. */
static int64_t fraction_of(int64_t unit, struct slice decimals)
{
    unsigned __int128 value = 0;
    unsigned __int128 scale = 1;
    for (size_t i = 0; i < decimals.len && i < MAX_DECIMALS; i++) {
        value = value * 10 + (unsigned)(decimals.ptr[i] - '0');
        scale *= 10;
    }
    return (int64_t)((unsigned __int128)unit * value / scale);
}

/* Takes one number with its unit off the front. */
static err_t take_term(struct slice *rest, int64_t *ret_ns)
{
    struct slice whole = take_digits(rest);
    struct slice decimals = {NULL, 0};
    if (slice_starts(*rest, SLICE("."))) {
        *rest = slice_skip(*rest, 1);
        decimals = take_digits(rest);
    }
    int64_t unit = take_unit(rest);
    if (unit == 0 || whole.len + decimals.len == 0) {
        return ERR_INVALID;
    }
    int64_t count = 0;
    if (whole.len > 0) {
        err_t err = num_parse_i64(whole, 0, INT64_MAX, &count);
        if (err != ERR_OK) {
            return err;
        }
    }
    int64_t ns = 0;
    if (!num_mul_i64(count, unit, &ns) || !num_add_i64(ns, fraction_of(unit, decimals), &ns)) {
        return ERR_TOOBIG;
    }
    *ret_ns = ns;
    return ERR_OK;
}

int64_t duration_of_days(int64_t days)
{
    if (days >= NEVER_DAYS) {
        return DURATION_INFINITE;
    }
    return days > 0 ? days * DURATION_DAY : 0;
}

err_t duration_parse(struct slice text, int64_t *ret_ns)
{
    struct slice rest = text;
    bool negative = slice_starts(rest, SLICE("-"));
    if (negative || slice_starts(rest, SLICE("+"))) {
        rest = slice_skip(rest, 1);
    }
    if (rest.len == 0) {
        return ERR_INVALID;
    }
    if (slice_eq(rest, SLICE("0"))) {
        *ret_ns = 0;
        return ERR_OK;
    }
    int64_t sum = 0;
    while (rest.len > 0) {
        int64_t term = 0;
        err_t err = take_term(&rest, &term);
        if (err != ERR_OK) {
            return err;
        }
        if (!num_add_i64(sum, term, &sum)) {
            return ERR_TOOBIG;
        }
    }
    *ret_ns = negative ? -sum : sum;
    return ERR_OK;
}

void duration_print(int64_t ns, char ret_text[DURATION_TEXT_SIZE])
{
    uint64_t left = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    uint64_t fraction = left % (uint64_t)DURATION_SECOND;
    uint64_t seconds = left / (uint64_t)DURATION_SECOND;
    char decimals[11] = "";
    if (fraction != 0) {
        (void)snprintf(decimals, sizeof decimals, ".%09u", (unsigned)fraction);
        for (size_t last = sizeof decimals - 2; decimals[last] == '0'; last--) {
            decimals[last] = '\0';
        }
    }
    (void)snprintf(ret_text, DURATION_TEXT_SIZE, "%s%uh%um%u%ss", ns < 0 ? "-" : "",
                   (unsigned)(seconds / 3600), (unsigned)(seconds / 60 % 60),
                   (unsigned)(seconds % 60), decimals);
}

void duration_print_name(int64_t ns, char ret_text[DURATION_NAME_SIZE])
{
    check(ns >= 0);
    if (ns == DURATION_INFINITE) {
        (void)snprintf(ret_text, DURATION_NAME_SIZE, "Never");
        return;
    }
    int count = (int)(ns / DURATION_DAY);
    const char *unit = "day";
    if (count % 365 == 0) {
        count /= 365;
        unit = "year";
    }
    (void)snprintf(ret_text, DURATION_NAME_SIZE, "%d %s%s", count, unit, count > 1 ? "s" : "");
}
