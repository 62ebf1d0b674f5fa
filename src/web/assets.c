/* assets.c — the files packed into the program. */
#include "internal.h"
#include "picoshare/text/accept.h"
#include "picoshare/text/conditional.h"
#include "picoshare/web/asset.h"

static bool takes_gzip(struct slice accept_encoding)
{
    while (accept_encoding.len > 0) {
        struct slice item = {accept_encoding.ptr, slice_find(accept_encoding, ',')};
        accept_encoding =
            slice_skip(accept_encoding, item.len < accept_encoding.len ? item.len + 1 : item.len);
        /* With a weight ("gzip;q=0") the plain form is the safe choice. */
        if (slice_eq_nocase(slice_trim(item), SLICE("gzip"))) {
            return true;
        }
    }
    return false;
}

static void end(struct request *request)
{
    const struct asset *asset = asset_find(request_raw_path(request));
    if (asset == NULL) {
        answer_error(request, 404, "404 page not found");
        return;
    }
    bool gzip = asset->gzip.len > 0 && takes_gzip(request_header(request, "Accept-Encoding"));
    const char *etag = gzip ? asset->gzip_etag : asset->etag;
    struct conditional conditions = {
        .if_match = request_header(request, "If-Match"),
        .if_none_match = request_header(request, "If-None-Match"),
    };
    enum condition condition = conditional_check(&conditions, slice_str(etag), -1);
    int status = condition == CONDITION_PASS ? 200 : condition == CONDITION_FAILED ? 412 : 304;
    struct response *response = response_new(status);
    response_header(response, "ETag", etag);
    response_header(response, "Cache-Control", "max-age=3600");
    response_header(response, "X-Content-Type-Options", "nosniff");
    if (asset->gzip.len > 0) {
        response_header(response, "Vary", "Accept-Encoding");
    }
    if (status == 200) {
        response_header(response, "Content-Type", asset->content_type);
    }
    if (status != 412) {
        if (gzip) {
            response_header(response, "Content-Encoding", "gzip");
        }
        response_body_static(response, gzip ? asset->gzip : asset->bytes);
    }
    request_answer(request, response);
}

const struct request_handler handler_asset = {.end = end};
