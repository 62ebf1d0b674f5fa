#include "picoshare/text/conditional.h"
#include "picoshare/text/http_date.h"

enum etag_item { ETAG_END, ETAG_ANY, ETAG_STRONG, ETAG_WEAK };

/* What may stand between the quotes (RFC 9110 §8.8.3): visible characters and bytes from 0x80. */
static bool is_etag_byte(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte == 0x21 || (byte >= 0x23 && byte != 0x7f);
}

/* The next element of a list of entity tags, its quotes included. What is no entity tag ends the
 * list: there is no telling where the next one would begin. */
static enum etag_item next_etag(struct slice *list, struct slice *ret_etag)
{
    struct slice s = *list;
    while (s.len > 0 && (s.ptr[0] == ',' || s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s = slice_skip(s, 1);
    }
    if (slice_starts(s, SLICE("*"))) {
        *list = slice_skip(s, 1);
        return ETAG_ANY;
    }
    enum etag_item item = ETAG_STRONG;
    if (slice_starts(s, SLICE("W/"))) {
        item = ETAG_WEAK;
        s = slice_skip(s, 2);
    }
    if (!slice_starts(s, SLICE("\""))) {
        return ETAG_END;
    }
    size_t end = 1;
    while (end < s.len && is_etag_byte(s.ptr[end])) {
        end++;
    }
    if (end == s.len || s.ptr[end] != '"') {
        return ETAG_END;
    }
    *ret_etag = slice_of(s.ptr, end + 1);
    *list = slice_skip(s, end + 1);
    return item;
}

static bool list_matches(struct slice list, struct slice etag, bool weak_too)
{
    struct slice item;
    for (;;) {
        switch (next_etag(&list, &item)) {
        case ETAG_END:
            return false;
        case ETAG_ANY:
            return true;
        case ETAG_STRONG:
            if (slice_eq(item, etag)) {
                return true;
            }
            break;
        case ETAG_WEAK:
            if (weak_too && slice_eq(item, etag)) {
                return true;
            }
            break;
        }
    }
}

/* False when there is nothing to compare: no modification time, no header, or no date in it. */
static bool read_date(struct slice header, int64_t last_modified, int64_t *ret_unix_s)
{
    return last_modified >= 0 && header.len > 0 &&
           http_date_parse(slice_trim(header), ret_unix_s) == ERR_OK;
}

/* The order of the steps is that of RFC 9110 §13.2.2. */
enum condition conditional_check(const struct conditional *c, struct slice etag,
                                 int64_t last_modified)
{
    int64_t date = 0;
    if (c->if_match.len > 0) {
        if (!list_matches(c->if_match, etag, false)) {
            return CONDITION_FAILED;
        }
    } else if (read_date(c->if_unmodified_since, last_modified, &date) && last_modified > date) {
        return CONDITION_FAILED;
    }
    if (c->if_none_match.len > 0) {
        return list_matches(c->if_none_match, etag, true) ? CONDITION_NOT_MODIFIED : CONDITION_PASS;
    }
    if (read_date(c->if_modified_since, last_modified, &date) && last_modified <= date) {
        return CONDITION_NOT_MODIFIED;
    }
    return CONDITION_PASS;
}

bool conditional_range_applies(const struct conditional *c, struct slice etag,
                               int64_t last_modified)
{
    struct slice value = slice_trim(c->if_range);
    if (value.len == 0) {
        return true;
    }
    if (slice_starts(value, SLICE("\""))) {
        return slice_eq(value, etag);
    }
    int64_t date = 0;
    return read_date(value, last_modified, &date) && date == last_modified;
}
