/* Accept headers (RFC 9110 §12.5.1).
 *
 * The header is read again for every type of ours: there are two or three, and it saves a table of
 * elements, which would need a limit. Commas and semicolons inside quoted strings do not count. */
#include "picoshare/text/accept.h"
#include "picoshare/text/params.h"
#include <stdbool.h>

enum { FULL_WEIGHT = 1000 }; /* q=1; weights have three decimals */

struct element {
    struct slice type;
    struct slice subtype;
    bool has_params; /* other than q */
    int weight;      /* 0 to FULL_WEIGHT */
};

/* Index of the first c outside quoted strings, or s.len. */
static size_t find_unquoted(struct slice s, char c)
{
    bool quoted = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"') {
            quoted = !quoted;
        } else if (quoted && s.ptr[i] == '\\') {
            i++;
        } else if (!quoted && s.ptr[i] == c) {
            return i;
        }
    }
    return s.len;
}

/* Takes what stands before the separator off the front, and the separator. */
static struct slice take(struct slice *rest, char separator)
{
    size_t end = find_unquoted(*rest, separator);
    struct slice piece = slice_trim(slice_of(rest->ptr, end));
    *rest = slice_skip(*rest, end < rest->len ? end + 1 : end);
    return piece;
}

static bool is_quoted(struct slice s)
{
    return s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"';
}

/* "0", "1", "0.5", "1.000": at most three decimals, at most 1. */
static bool read_weight(struct slice s, int *ret_weight)
{
    if (s.len < 1 || s.len > 5 || (s.ptr[0] != '0' && s.ptr[0] != '1') ||
        (s.len > 1 && s.ptr[1] != '.')) {
        return false;
    }
    int weight = (s.ptr[0] - '0') * FULL_WEIGHT;
    int scale = FULL_WEIGHT / 10;
    for (size_t i = 2; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
        weight += (s.ptr[i] - '0') * scale;
        scale /= 10;
    }
    *ret_weight = weight;
    return weight <= FULL_WEIGHT;
}

static bool read_element(struct slice text, struct element *ret_element)
{
    struct slice range = take(&text, ';');
    size_t slash = slice_find(range, '/');
    if (slash == range.len) {
        return false;
    }
    struct element e = {.type = slice_of(range.ptr, slash),
                        .subtype = slice_skip(range, slash + 1),
                        .weight = FULL_WEIGHT};
    bool any_type = slice_eq(e.type, SLICE("*"));
    if (!param_is_token(e.type) || !param_is_token(e.subtype) ||
        (any_type && !slice_eq(e.subtype, SLICE("*")))) {
        return false;
    }
    bool weighted = false;
    while (text.len > 0) {
        struct slice param = take(&text, ';');
        if (param.len == 0) {
            continue;
        }
        size_t equals = slice_find(param, '=');
        struct slice name = slice_of(param.ptr, equals);
        if (equals == param.len || !param_is_token(name)) {
            return false;
        }
        struct slice value = slice_skip(param, equals + 1);
        if (slice_eq_nocase(name, SLICE("q"))) {
            if (weighted || !read_weight(value, &e.weight)) {
                return false;
            }
            weighted = true;
        } else if (param_is_token(value) || is_quoted(value)) {
            e.has_params = true;
        } else {
            return false;
        }
    }
    *ret_element = e;
    return true;
}

/* How closely the element names the type: 0 is not at all. */
static int closeness(const struct element *e, struct slice type)
{
    size_t slash = slice_find(type, '/');
    int level = 0;
    if (slice_eq(e->type, SLICE("*"))) {
        level = 1;
    } else if (!slice_eq_nocase(e->type, slice_of(type.ptr, slash))) {
        return 0;
    } else if (slice_eq(e->subtype, SLICE("*"))) {
        level = 2;
    } else if (!slice_eq_nocase(e->subtype, slice_skip(type, slash + 1))) {
        return 0;
    } else {
        level = 3;
    }
    return 2 * level - (e->has_params ? 1 : 0);
}

/* The weight the header gives the type; -1 when it has no element at all. */
static int weight_of(struct slice header, struct slice type)
{
    int weight = -1;
    int closest = 0;
    while (header.len > 0) {
        struct element e;
        if (!read_element(take(&header, ','), &e)) {
            continue;
        }
        int rank = closeness(&e, type);
        if (weight < 0) {
            weight = 0;
        }
        if (rank > closest || (rank > 0 && rank == closest && e.weight > weight)) {
            closest = rank;
            weight = e.weight;
        }
    }
    return weight;
}

size_t accept_best(struct slice header, const char *const *types, size_t n)
{
    size_t best = n;
    int best_weight = 0;
    for (size_t i = 0; i < n; i++) {
        int weight = weight_of(header, slice_str(types[i]));
        if (weight < 0) {
            return 0;
        }
        if (weight > best_weight) {
            best = i;
            best_weight = weight;
        }
    }
    return best;
}
