/* The input is a Cookie header.
 * Properties: a value lies inside the header, without ';' and without blanks at its ends unless
 * quoted; a pair written in front of the input is the one that is found. */
#include "fuzz.h"
#include "picoshare/base/buf.h"
#include "picoshare/base/check.h"
#include "picoshare/text/cookie.h"

static void check_value(struct slice header, const char *name)
{
    struct slice value;
    if (!cookie_get(header, name, &value)) {
        return;
    }
    check(value.ptr > header.ptr && value.ptr + value.len <= header.ptr + header.len);
    check(slice_find(value, ';') == value.len);
    bool quoted = value.ptr[-1] == '"';
    check(quoted || slice_eq(slice_trim(value), value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct slice header = slice_of(data, size);
    check_value(header, "sharedSecret");
    check_value(header, "a");

    struct buf longer;
    buf_init(&longer, size + 32);
    buf_add_str(&longer, "sharedSecret=token; ");
    buf_add_slice(&longer, header);
    check(buf_err(&longer) == ERR_OK);
    struct slice value;
    check(cookie_get(buf_slice(&longer), "sharedSecret", &value));
    check(slice_eq(value, SLICE("token")));
    buf_done(&longer);
    return 0;
}
