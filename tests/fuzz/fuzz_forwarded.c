/* The input is a Forwarded header.
 * Properties: what comes out is bounded by the input and the number of its elements, and is what
 * stood in it, or "unknown"; an element in front of the input is always the first one, and one
 * behind it, as a proxy adds it, the last one. Only quotes of the input that do not end can swallow
 * that, and then the last one is no client at all: nobody names himself. */
#include "fuzz.h"
#include "picoshare/base/buf.h"
#include "picoshare/base/check.h"
#include "picoshare/text/forwarded.h"

enum { PER_ELEMENT = sizeof "unknown, " - 1 };

static const char mark[] = "192.0.2.77";

/* The clients of the input between two texts. */
static void list_clients(const char *before, struct slice value, const char *after, struct buf *out)
{
    struct buf whole;
    buf_init(&whole, value.len + 64);
    buf_add_str(&whole, before);
    buf_add_slice(&whole, value);
    buf_add_str(&whole, after);
    check(buf_err(&whole) == ERR_OK);
    forwarded_add_clients(buf_slice(&whole), out);
    check(buf_err(out) == ERR_OK);
    buf_done(&whole);
}

static size_t count(struct slice value, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < value.len; i++) {
        n += value.ptr[i] == c;
    }
    return n;
}

static bool has(struct slice value, struct slice part)
{
    return part.len == 0 || memmem(value.ptr, value.len, part.ptr, part.len) != NULL;
}

/* Each client but "unknown" is a piece of the input; a comma within one is a comma of the input. */
static void check_pieces(struct slice value, struct slice out)
{
    while (out.len > 0) {
        size_t end = 0;
        while (end + 1 < out.len && memcmp(out.ptr + end, ", ", 2) != 0) {
            end++;
        }
        end = end + 1 < out.len ? end : out.len;
        struct slice client = {out.ptr, end};
        check(slice_eq(client, SLICE("unknown")) || has(value, client));
        out = slice_skip(out, end < out.len ? end + 2 : end);
    }
}

/* What stands behind the last comma, as proxy_client() reads the list. */
static struct slice last_of(struct slice clients)
{
    size_t start = clients.len;
    while (start > 0 && clients.ptr[start - 1] != ',') {
        start--;
    }
    return slice_trim(slice_skip(clients, start));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice value = slice_of(data, size);
    size_t elements = count(value, ',') + 1;
    struct buf plain;
    buf_init(&plain, size + elements * PER_ELEMENT);
    list_clients("", value, "", &plain);
    check((plain.len == 0) == (size == 0) || has(value, SLICE("=")));
    check_pieces(value, buf_slice(&plain));

    struct buf longer;
    buf_init(&longer, size + (elements + 1) * PER_ELEMENT + sizeof mark);
    list_clients("for=192.0.2.77,", value, "", &longer);
    check(strncmp(buf_str(&longer), mark, sizeof mark - 1) == 0);
    size_t rest = longer.len - (sizeof mark - 1);
    check(size == 0 ? rest == 0 : rest == plain.len + 2);
    check(size == 0 ||
          memcmp(buf_str(&longer) + sizeof mark - 1 + 2, buf_str(&plain), plain.len) == 0);

    buf_clear(&longer);
    list_clients("", value, ",for=192.0.2.77", &longer);
    struct slice last = last_of(buf_slice(&longer));
    check(slice_eq(last, slice_str(mark)) ||
          (has(value, SLICE("\"")) &&
           (slice_eq(last, SLICE("unknown")) || slice_eq(last, SLICE("for=192.0.2.77")) ||
            has(last, SLICE("\"")))));
    buf_done(&longer);
    buf_done(&plain);
    return 0;
}
