/* framing.c — what makes a request unambiguous (RFC 9112 §3.2, §5.2, §6.3), checked in the first
 * call.
 *
 * libmicrohttpd takes the first of two Content-Length headers, accepts Transfer-Encoding beside
 * Content-Length and a missing Host, lets control characters pass, and waits for ever on codings it
 * does not know. A proxy in front may read such a request differently, so all of them are refused.
 *
 * Two things it hides from those who look at the headers only: 0.9.75 appends a folded line to the
 * name of its header, of which it makes a copy, and cuts at a NUL. (1.0 refuses both by itself.)
 * But method, target, version, names and values stand where they were received, in one piece of
 * memory that ends where MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE says. So it shows by what stands
 * between them, which may be nothing but what separates them. (A NUL right at the end of a value
 * passes.)
 *
 * A target in absolute-form that names another host than Host does is refused, too: RFC 9112 §3.2.2
 * lets the target win, §3.2 wants both to be the same, and a cache in front may take either. */
#include "internal.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/num.h"
#include "picoshare/text/header_value.h"
#include "picoshare/text/params.h"
#include <stdint.h>

/* Walks over the head of a request as it was received. */
struct head {
    const char *at; /* the end of what was looked at */
    const char *end;
    bool gapless; /* so far */
};

struct seen {
    struct head head;
    struct slice host;
    int hosts, lengths, codings;
    size_t bytes;
    struct slice length;
    bool chunked;
    bool bad;
};

/* libmicrohttpd has put NULs in the place of separators. */
static bool separates(char c)
{
    return c == '\0' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next part of the head, which has to follow the last one. */
static void walk_over(struct head *head, const char *part, size_t len)
{
    /* As numbers: a part that does not follow may stand anywhere. */
    uintptr_t from = (uintptr_t)part;
    if (from < (uintptr_t)head->at || from > (uintptr_t)head->end ||
        len > (uintptr_t)head->end - from) {
        head->gapless = false;
    }
    while (head->gapless && head->at < part) {
        head->gapless = separates(*head->at++);
    }
    head->at = part + len;
}

static bool is_wrong(struct slice name, struct slice value)
{
    return !param_is_token(name) || !header_value_is_valid(slice_trim(value));
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
    walk_over(&seen->head, name, name_len);
    walk_over(&seen->head, value, value_len);
    if (slice_eq_nocase(key, SLICE("Host"))) {
        seen->hosts++;
        seen->host = slice_trim(text);
    } else if (slice_eq_nocase(key, SLICE("Content-Length"))) {
        seen->lengths++;
        seen->length = slice_trim(text);
    } else if (slice_eq_nocase(key, SLICE("Transfer-Encoding"))) {
        seen->codings++;
        seen->chunked = slice_eq_nocase(slice_trim(text), SLICE("chunked"));
    }
    return MHD_YES;
}

/* The request line. */
static struct head begin_walk(const struct request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    struct head head = {.at = request->method, .end = request->method, .gapless = info != NULL};
    if (info != NULL) {
        head.end += info->header_size;
    }
    walk_over(&head, request->method, strlen(request->method));
    walk_over(&head, request->received_target, strlen(request->raw_target));
    walk_over(&head, request->version, strlen(request->version));
    return head;
}

const char *framing_check(struct request *request, int *ret_status)
{
    struct seen seen = {.head = begin_walk(request)};
    (void)MHD_get_connection_values_n(request->mhd, MHD_HEADER_KIND, look, &seen);
    walk_over(&seen.head, seen.head.end, 0);
    *ret_status = 400;
    if (seen.bytes > MAX_HEADER_BYTES) {
        *ret_status = 431;
        return "request headers are too large";
    }
    if (strlen(request->raw_target) > MAX_TARGET_BYTES) {
        *ret_status = 414;
        return "request target is too long";
    }
    if (seen.bad || !seen.head.gapless) {
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
    struct slice authority = request->target.authority;
    if (authority.ptr != NULL && seen.hosts > 0 && !slice_eq_nocase(authority, seen.host)) {
        return "request target and Host differ";
    }
    return NULL;
}
