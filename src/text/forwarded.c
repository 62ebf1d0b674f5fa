#include "picoshare/text/forwarded.h"
#include <stdbool.h>
#include <string.h>

/* Takes what stands before the next separator that is not within quotes. False: a quote is open at
 * its end. */
static bool take_until(struct slice *rest, char separator, struct slice *ret_taken)
{
    bool quoted = false;
    size_t len = 0;
    while (len < rest->len && (quoted || rest->ptr[len] != separator)) {
        if (rest->ptr[len] == '"') {
            quoted = !quoted;
        } else if (quoted && rest->ptr[len] == '\\' && len + 1 < rest->len) {
            len++;
        }
        len++;
    }
    *ret_taken = slice_trim(slice_of(rest->ptr, len));
    *rest = slice_skip(*rest, len < rest->len ? len + 1 : len);
    return !quoted;
}

static struct slice unquote(struct slice s)
{
    if (s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"') {
        return slice_of(s.ptr + 1, s.len - 2); /* no address needs an escape */
    }
    return s;
}

struct slice forwarded_address(struct slice node)
{
    if (node.len > 0 && node.ptr[0] == '[') {
        node = slice_skip(node, 1);
        node.len = slice_find(node, ']');
        return node;
    }
    size_t colon = slice_find(node, ':');
    bool one_colon =
        colon < node.len && slice_find(slice_skip(node, colon + 1), ':') == node.len - colon - 1;
    if (one_colon) {
        node.len = colon;
    }
    return node;
}

/* The client that one element names. */
static struct slice client_of(struct slice element)
{
    while (element.len > 0) {
        struct slice pair;
        (void)take_until(&element, ';', &pair);
        size_t equals = slice_find(pair, '=');
        if (equals < pair.len &&
            slice_eq_nocase(slice_trim(slice_of(pair.ptr, equals)), SLICE("for"))) {
            return forwarded_address(unquote(slice_trim(slice_skip(pair, equals + 1))));
        }
    }
    return SLICE("unknown");
}

void forwarded_add_clients(struct slice value, struct buf *out)
{
    for (bool first = true; value.len > 0; first = false) {
        struct slice element;
        /* What an open quote has swallowed may be what the proxy has added to its client's header:
         * such an element names nobody, or the client could name itself. */
        bool closed = take_until(&value, ',', &element);
        if (!first) {
            buf_add_str(out, ", ");
        }
        buf_add_slice(out, closed ? client_of(element) : SLICE("unknown"));
    }
}
