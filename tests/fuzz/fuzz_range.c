/* The first eight bytes are the size of a body, the rest is a Range header.
 * Properties: parts lie in the body, none is empty, their number fits their kind, and the header
 * written from them is read as the same parts. */
#include "fuzz.h"
#include "picoshare/base/buf.h"
#include "picoshare/base/check.h"
#include "picoshare/text/range.h"

static void check_set(const struct range_set *set, int64_t size)
{
    switch (set->kind) {
    case RANGE_ONE:
        check(set->n == 1);
        break;
    case RANGE_MANY:
        check(set->n >= 2 && set->n <= RANGE_MAX_PARTS);
        break;
    case RANGE_NONE:
    case RANGE_INVALID:
    case RANGE_UNSATISFIABLE:
        check(set->n == 0);
        break;
    }
    int64_t left = size;
    for (size_t i = 0; i < set->n; i++) {
        check(set->r[i].first >= 0 && set->r[i].first <= set->r[i].last);
        check(set->r[i].last < size);
        int64_t len = set->r[i].last - set->r[i].first + 1;
        check(len <= left);
        left -= len;
    }
}

static void check_round_trip(const struct range_set *set, int64_t size)
{
    struct buf header;
    buf_init(&header, 1024); /* 16 parts of at most 40 characters */
    buf_add_str(&header, "bytes=");
    for (size_t i = 0; i < set->n; i++) {
        buf_add_u64(&header, (uint64_t)set->r[i].first);
        buf_add_char(&header, '-');
        buf_add_u64(&header, (uint64_t)set->r[i].last);
        buf_add_char(&header, ',');
    }
    check(buf_err(&header) == ERR_OK);
    struct range_set again;
    range_parse(buf_slice(&header), size, &again);
    check(again.kind == set->kind && again.n == set->n);
    check(memcmp(again.r, set->r, set->n * sizeof set->r[0]) == 0);
    buf_done(&header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t body = 0;
    if (size < sizeof body) {
        return 0;
    }
    memcpy(&body, data, sizeof body);
    body &= INT64_MAX;
    struct range_set set;
    range_parse(slice_of(data + sizeof body, size - sizeof body), body, &set);
    check_set(&set, body);
    if (set.n > 0) {
        check_round_trip(&set, body);
    }
    return 0;
}
