/* Range headers (RFC 9110 §14).
 *
 * The whole header is read before anything is decided, so that the answer does not depend on the
 * order of the ranges: one malformed range refuses the set. A range that holds no byte of the body
 * is dropped; only when nothing else was asked does that become 416. Sets that cost more to send
 * than the body, by their number or by their bytes, are answered with the body. */
#include "picoshare/text/range.h"
#include "picoshare/base/check.h"
#include "picoshare/base/num.h"

enum spec { SPEC_OK, SPEC_EMPTY, SPEC_MALFORMED };

static bool parse_position(struct slice s, int64_t *ret_position)
{
    return num_parse_i64(s, 0, INT64_MAX, ret_position) == ERR_OK;
}

/* One "a-b", "a-" or "-n". SPEC_EMPTY: well-formed, but without a byte of this body. */
static enum spec parse_spec(struct slice spec, int64_t size, struct byte_range *ret_range)
{
    size_t dash = slice_find(spec, '-');
    if (dash == spec.len) {
        return SPEC_MALFORMED;
    }
    struct slice left = slice_trim(slice_of(spec.ptr, dash));
    struct slice right = slice_trim(slice_skip(spec, dash + 1));
    int64_t first = 0;
    int64_t last = size - 1;
    if (left.len == 0) {
        int64_t suffix = 0;
        if (!parse_position(right, &suffix)) {
            return SPEC_MALFORMED;
        }
        first = suffix < size ? size - suffix : 0;
    } else {
        if (!parse_position(left, &first)) {
            return SPEC_MALFORMED;
        }
        if (right.len > 0) {
            int64_t asked = 0;
            if (!parse_position(right, &asked) || asked < first) {
                return SPEC_MALFORMED;
            }
            last = asked < last ? asked : last;
        }
    }
    *ret_range = (struct byte_range){first, last};
    return first <= last ? SPEC_OK : SPEC_EMPTY;
}

static bool longer_than(const struct range_set *set, int64_t size)
{
    int64_t sum = 0;
    for (size_t i = 0; i < set->n; i++) {
        if (!num_add_i64(sum, set->r[i].last - set->r[i].first + 1, &sum)) {
            return true;
        }
    }
    return sum > size;
}

static struct range_set without_ranges(enum range_kind kind)
{
    return (struct range_set){.kind = kind};
}

void range_parse(struct slice header, int64_t size, struct range_set *ret_set)
{
    check(size >= 0);
    struct slice rest = slice_trim(header);
    size_t equals = slice_find(rest, '=');
    if (equals == rest.len || !slice_eq_nocase(slice_of(rest.ptr, equals), SLICE("bytes"))) {
        *ret_set = without_ranges(RANGE_NONE);
        return;
    }
    struct range_set set = without_ranges(RANGE_NONE);
    size_t asked = 0;
    for (size_t end = equals; end < rest.len;) {
        rest = slice_skip(rest, end + 1);
        end = slice_find(rest, ',');
        struct slice spec = slice_trim(slice_of(rest.ptr, end));
        if (spec.len == 0) {
            continue;
        }
        asked++;
        struct byte_range range;
        enum spec kind = parse_spec(spec, size, &range);
        if (kind == SPEC_MALFORMED) {
            *ret_set = without_ranges(RANGE_INVALID);
            return;
        }
        if (kind == SPEC_OK && set.n < RANGE_MAX_PARTS) {
            set.r[set.n++] = range;
        }
    }
    if (asked == 0 || asked > RANGE_MAX_PARTS || longer_than(&set, size)) {
        *ret_set = without_ranges(RANGE_NONE);
        return;
    }
    set.kind = set.n == 0 ? RANGE_UNSATISFIABLE : set.n == 1 ? RANGE_ONE : RANGE_MANY;
    *ret_set = set;
}
