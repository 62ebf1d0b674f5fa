/* framing.c — what makes a request unambiguous (RFC 9112 §3.2, §6.3), checked in the first call.
 *
 * libmicrohttpd takes the first of two Content-Length headers, accepts Transfer-Encoding beside
 * Content-Length and a missing Host, lets control characters pass, and waits for ever on codings it
 * does not know. A proxy in front may read such a request differently, so all of them are refused.
 */
#include "internal.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/num.h"
#include "picoshare/text/header_value.h"
#include "picoshare/text/params.h"

struct seen {
    int hosts, lengths, codings;
    size_t bytes;
    struct slice length;
    bool chunked;
    bool bad;
};

/* libmicrohttpd 0.9.75 appends a folded line to the name of its header, not to the value. */
static bool is_folded(struct slice name, struct slice of)
{
    return name.len > of.len && slice_eq_nocase(slice_of(name.ptr, of.len), of);
}

static bool is_wrong(struct slice name, struct slice value)
{
    return !param_is_token(name) || !header_value_is_valid(slice_trim(value)) ||
           is_folded(name, SLICE("Content-Length")) || is_folded(name, SLICE("Transfer-Encoding"));
}

static enum MHD_Result look(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_len,
                            const char *value, size_t value_len)
{
    (void)kind;
    struct seen *seen = arg;
    struct slice key = slice_of(name, name_len);
    struct slice text = slice_of(value, value_len);
    seen->bytes += key.len + text.len + 4;
    seen->bad = seen->bad || is_wrong(key, text);
    if (slice_eq_nocase(key, SLICE("Host"))) {
        seen->hosts++;
    } else if (slice_eq_nocase(key, SLICE("Content-Length"))) {
        seen->lengths++;
        seen->length = slice_trim(text);
    } else if (slice_eq_nocase(key, SLICE("Transfer-Encoding"))) {
        seen->codings++;
        seen->chunked = slice_eq_nocase(slice_trim(text), SLICE("chunked"));
    }
    return MHD_YES;
}

const char *framing_check(struct request *request, int *ret_status)
{
    struct seen seen = {.hosts = 0};
    (void)MHD_get_connection_values_n(request->mhd, MHD_HEADER_KIND, look, &seen);
    *ret_status = 400;
    if (seen.bytes > MAX_HEADER_BYTES) {
        *ret_status = 431;
        return "request headers are too large";
    }
    if (strlen(request->raw_target) > MAX_TARGET_BYTES) {
        *ret_status = 414;
        return "request target is too long";
    }
    if (seen.bad) {
        return "malformed header";
    }
    bool http11 = strcmp(request->version, "HTTP/1.1") == 0;
    if (seen.hosts > 1 || (http11 && seen.hosts == 0)) {
        return "exactly one Host header is required";
    }
    if (seen.lengths > 1 || seen.codings > 1 || (seen.lengths > 0 && seen.codings > 0)) {
        return "ambiguous message length";
    }
    if (seen.codings > 0 && (!seen.chunked || !http11)) {
        return "unsupported transfer coding";
    }
    request->content_length = seen.codings > 0 ? -1 : 0;
    if (seen.lengths > 0 &&
        num_parse_i64(seen.length, 0, INT64_MAX, &request->content_length) != ERR_OK) {
        request->content_length = 0;
        return "malformed Content-Length";
    }
    if (target_split(slice_str(request->raw_target), &request->target) != ERR_OK) {
        return "malformed request target";
    }
    return NULL;
}
