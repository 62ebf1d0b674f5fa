/* The input is five lines: If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since and
 * If-Range.
 * Properties: only what is in a header can make its condition hold: our entity tag in front of a
 * list is always found, and a list that names neither it nor "*" never matches; without any header
 * everything passes; a Range counts for exactly our tag. */
#include "fuzz.h"
#include "picoshare/base/buf.h"
#include "picoshare/base/check.h"
#include "picoshare/text/conditional.h"

static const int64_t modified = 784111777; /* 1994-11-06T08:49:37Z */

static struct slice next_line(struct slice *rest)
{
    struct slice line = slice_of(rest->ptr, slice_find(*rest, '\n'));
    *rest = slice_skip(*rest, line.len < rest->len ? line.len + 1 : line.len);
    return line;
}

static bool may_match(struct slice list, struct slice etag)
{
    return slice_find(list, '*') < list.len ||
           (list.len > 0 && memmem(list.ptr, list.len, etag.ptr, etag.len) != NULL);
}

/* Our tag and a comma in front of the list. */
static void put_first(struct buf *list, struct slice etag, struct slice rest)
{
    buf_init(list, etag.len + 1 + rest.len);
    buf_add_slice(list, etag);
    buf_add_char(list, ',');
    buf_add_slice(list, rest);
    check(buf_err(list) == ERR_OK);
}

static void check_lists(struct slice list, struct slice etag)
{
    struct conditional match = {.if_match = list};
    struct conditional none_match = {.if_none_match = list};
    enum condition of_match = conditional_check(&match, etag, modified);
    enum condition of_none_match = conditional_check(&none_match, etag, modified);
    check(of_match == CONDITION_PASS || of_match == CONDITION_FAILED);
    check(of_none_match == CONDITION_PASS || of_none_match == CONDITION_NOT_MODIFIED);
    if (list.len == 0) {
        check(of_match == CONDITION_PASS && of_none_match == CONDITION_PASS);
    } else if (!may_match(list, etag)) {
        check(of_match == CONDITION_FAILED && of_none_match == CONDITION_PASS);
    } else if (of_match == CONDITION_PASS) { /* a strong match is a weak one, too */
        check(of_none_match == CONDITION_NOT_MODIFIED);
    }
    struct buf first;
    put_first(&first, etag, list);
    match.if_match = buf_slice(&first);
    none_match.if_none_match = buf_slice(&first);
    check(conditional_check(&match, etag, modified) == CONDITION_PASS);
    check(conditional_check(&none_match, etag, modified) == CONDITION_NOT_MODIFIED);
    buf_done(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice etag = SLICE("\"tag-1\"");
    struct slice rest = slice_of(data, size);
    struct conditional c;
    c.if_match = next_line(&rest);
    c.if_none_match = next_line(&rest);
    c.if_modified_since = next_line(&rest);
    c.if_unmodified_since = next_line(&rest);
    c.if_range = next_line(&rest);

    enum condition all = conditional_check(&c, etag, modified);
    check(all == CONDITION_PASS || all == CONDITION_NOT_MODIFIED || all == CONDITION_FAILED);
    check_lists(c.if_match, etag);
    check_lists(c.if_none_match, etag);

    struct conditional dates = {.if_modified_since = c.if_modified_since,
                                .if_unmodified_since = c.if_unmodified_since};
    check(conditional_check(&dates, etag, -1) == CONDITION_PASS); /* nothing to compare with */
    if (c.if_modified_since.len == 0) {
        check(conditional_check(&dates, etag, modified) != CONDITION_NOT_MODIFIED);
    }

    bool applies = conditional_range_applies(&c, etag, -1);
    struct slice wanted = slice_trim(c.if_range);
    check(applies == (wanted.len == 0 || slice_eq(wanted, etag)));
    return 0;
}
