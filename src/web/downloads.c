/* downloads.c — GET and HEAD of /-ID and /!ID (http-api.md 10 with improvements.md).
 *
 * First the file is found and the headers decide what is sent; a request that counts as a download
 * is recorded and waits for that; then the answer goes out, whose body is a list of pieces: ranges
 * of the file and, for multipart/byteranges, the lines between them. A row that is missing breaks
 * the connection: wrong bytes are never sent. */
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/log.h"
#include "picoshare/base/mem.h"
#include "picoshare/core/download.h"
#include "picoshare/core/rules.h"
#include "picoshare/text/conditional.h"
#include "picoshare/text/disposition.h"
#include "picoshare/text/http_date.h"
#include "picoshare/text/mime.h"
#include "picoshare/text/range.h"
#include "picoshare/text/repr_digest.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { MAX_PIECES = 2 * RANGE_MAX_PARTS + 1, BOUNDARY_LEN = 40, ETAG_BYTES = 64 };

/* Either text or a range of the file. */
struct piece {
    struct slice text;
    struct byte_range range;
    int64_t size;
};

struct body {
    struct download *download; /* owned */
    struct piece pieces[MAX_PIECES];
    size_t pieces_count;
    int64_t size;
    struct buf text; /* what the text pieces point to */
};

struct sender {
    struct request *request;
    struct download *download; /* owned, until the body takes it */
    char etag[ETAG_BYTES];
    enum condition condition;
    struct range_set ranges;
    struct store_record_download record;
    char user_agent[512];
    bool recording;
    _Atomic bool recorded;
};

/* ---- the body ---- */

static err_t read_body(void *arg, int64_t pos, char *bytes, size_t max, size_t *ret_len)
{
    struct body *body = arg;
    const struct piece *piece = body->pieces;
    while (pos >= piece->size) {
        pos -= piece->size;
        piece++;
        check(piece < body->pieces + body->pieces_count);
    }
    int64_t rest = piece->size - pos;
    size_t len = rest < (int64_t)max ? (size_t)rest : max;
    if (piece->text.len > 0) {
        memcpy(bytes, piece->text.ptr + pos, len);
        *ret_len = len;
        return ERR_OK;
    }
    err_t err = download_read(body->download, piece->range.first + pos, bytes, len, ret_len);
    if (err != ERR_OK) {
        log_event(err == ERR_NOTFOUND ? LOG_INFO : LOG_ERROR, "download broken off", "id",
                  download_entry(body->download)->id, "error", err_name(err), NULL);
    }
    return err;
}

static void free_body(void *arg)
{
    struct body *body = arg;
    download_close(body->download);
    buf_done(&body->text);
    mem_free(body);
}

static void add_piece(struct body *body, struct piece piece)
{
    check(body->pieces_count < MAX_PIECES);
    body->pieces[body->pieces_count++] = piece;
    body->size += piece.size;
}

static void add_range(struct body *body, struct byte_range range)
{
    add_piece(body, (struct piece){.range = range, .size = range.last - range.first + 1});
}

/* Parts of multipart/byteranges (RFC 9110 §14.6) around the ranges. */
static err_t add_parts(struct body *body, const struct range_set *ranges, const char *type,
                       const char *boundary)
{
    int64_t file_size = download_entry(body->download)->size;
    size_t ends[RANGE_MAX_PARTS + 1];
    for (size_t i = 0; i < ranges->n; i++) {
        buf_addf(&body->text,
                 "%s--%s\r\nContent-Range: bytes %" PRId64 "-%" PRId64 "/%" PRId64
                 "\r\nContent-Type: %s\r\n\r\n",
                 i > 0 ? "\r\n" : "", boundary, ranges->r[i].first, ranges->r[i].last, file_size,
                 type);
        ends[i] = body->text.len;
    }
    buf_addf(&body->text, "\r\n--%s--\r\n", boundary);
    ends[ranges->n] = body->text.len;
    size_t start = 0;
    for (size_t i = 0; i <= ranges->n; i++) {
        struct slice text = slice_of(buf_str(&body->text) + start, ends[i] - start);
        add_piece(body, (struct piece){.text = text, .size = (int64_t)text.len});
        if (i < ranges->n) {
            add_range(body, ranges->r[i]);
        }
        start = ends[i];
    }
    return buf_err(&body->text);
}

/* ---- headers ---- */

static void add_common_headers(const struct sender *s, struct response *response)
{
    const struct store_entry *entry = download_entry(s->download);
    char flag[8];
    bool attachment = request_query_get(s->request, "download", flag, sizeof flag) == ERR_OK &&
                      strcmp(flag, "1") == 0;
    struct buf disposition;
    buf_init(&disposition, (size_t)4 * KIB);
    disposition_print(&disposition, attachment, entry->filename);
    response_header(response, "Content-Security-Policy", "sandbox");
    response_header(response, "X-Content-Type-Options", "nosniff");
    response_header(response, "Referrer-Policy", "no-referrer");
    response_header(response, "Cache-Control", "private, no-cache");
    /* Only another program stores names that long. */
    response_header(response, "Content-Disposition",
                    buf_err(&disposition) == ERR_OK ? buf_str(&disposition) : "inline");
    buf_done(&disposition);
}

static void add_validators(const struct sender *s, struct response *response)
{
    char date[HTTP_DATE_SIZE];
    http_date_print(download_entry(s->download)->upload_time, date);
    response_header(response, "Last-Modified", date);
    response_header(response, "ETag", s->etag);
}

/* Of the whole file, as it is stored: nothing is sent in gzip. */
static void add_digest(const struct sender *s, struct response *response)
{
    const struct store_entry *entry = download_entry(s->download);
    char value[REPR_DIGEST_SIZE];
    if (entry->has_sha256) {
        repr_digest_print(entry->sha256, value);
        response_header(response, "Repr-Digest", value);
    }
}

static const char *content_type(const struct sender *s)
{
    const struct store_entry *entry = download_entry(s->download);
    return mime_for_download(entry->content_type, entry->filename);
}

/* ---- deciding ---- */

static void decide(struct sender *s)
{
    const struct store_entry *entry = download_entry(s->download);
    /* The bytes of an id never change, so the id is a strong validator. */
    (void)snprintf(s->etag, sizeof s->etag, "\"%s-%" PRIx64 "\"", entry->id, entry->size);
    struct conditional conditions = {
        .if_match = request_header(s->request, "If-Match"),
        .if_none_match = request_header(s->request, "If-None-Match"),
        .if_modified_since = request_header(s->request, "If-Modified-Since"),
        .if_unmodified_since = request_header(s->request, "If-Unmodified-Since"),
        .if_range = request_header(s->request, "If-Range"),
    };
    struct slice etag = slice_str(s->etag);
    s->condition = conditional_check(&conditions, etag, entry->upload_time);
    s->ranges.kind = RANGE_NONE;
    /* A Range means something for GET only (RFC 9110 §14.2). */
    if (!request_is_head(s->request) &&
        conditional_range_applies(&conditions, etag, entry->upload_time)) {
        range_parse(request_header(s->request, "Range"), entry->size, &s->ranges);
    }
}

static bool counts_as_download(const struct sender *s)
{
    if (request_is_head(s->request) || s->condition == CONDITION_FAILED) {
        return false;
    }
    if (s->condition == CONDITION_NOT_MODIFIED || s->ranges.kind == RANGE_NONE) {
        return true;
    }
    return (s->ranges.kind == RANGE_ONE || s->ranges.kind == RANGE_MANY) &&
           s->ranges.r[0].first == 0;
}

/* ---- answering ---- */

static void answer_unsatisfiable(struct sender *s)
{
    bool invalid = s->ranges.kind == RANGE_INVALID;
    struct response *response = error_response(
        s->request, 416, invalid ? "invalid range" : "invalid range: failed to overlap");
    if (!wants_html(s->request)) { /* a page must not be saved under the file's name */
        add_common_headers(s, response);
    }
    if (!invalid) {
        char value[48];
        (void)snprintf(value, sizeof value, "bytes */%" PRId64, download_entry(s->download)->size);
        response_header(response, "Content-Range", value);
    }
    request_answer(s->request, response);
}

static void add_content_range(const struct sender *s, struct response *response)
{
    char value[80];
    (void)snprintf(value, sizeof value, "bytes %" PRId64 "-%" PRId64 "/%" PRId64,
                   s->ranges.r[0].first, s->ranges.r[0].last, download_entry(s->download)->size);
    response_header(response, "Content-Range", value);
}

static err_t make_body(struct sender *s, struct response *response, struct body *body)
{
    char boundary[BOUNDARY_LEN + 1];
    char type[BOUNDARY_LEN + 64];
    switch (s->ranges.kind) {
    case RANGE_ONE:
        add_range(body, s->ranges.r[0]);
        add_content_range(s, response);
        break;
    case RANGE_MANY: {
        err_t err = rng_text(app_of(s->request)->rng, "0123456789abcdef", BOUNDARY_LEN, boundary);
        if (err == ERR_OK) {
            err = add_parts(body, &s->ranges, content_type(s), boundary);
        }
        if (err != ERR_OK) {
            return err;
        }
        (void)snprintf(type, sizeof type, "multipart/byteranges; boundary=%s", boundary);
        response_header(response, "Content-Type", type);
        break;
    }
    default:
        add_range(body, (struct byte_range){0, download_entry(s->download)->size - 1});
        break;
    }
    if (response_status(response) != 304) {
        response_header(response, "Content-Type", content_type(s));
        response_header(response, "Accept-Ranges", "bytes");
    }
    return ERR_OK;
}

static void answer_unavailable(struct request *request, err_t err)
{
    answer_error(request, status_of(err),
                 err == ERR_NOTFOUND ? "entry not found" : "failed to retrieve entry");
}

/* The file, or ranges of it, or, for 304, what is known of it. */
static void answer_contents(struct sender *s, int status)
{
    struct body *body = mem_alloc(1, sizeof *body);
    struct response *response = response_new(status);
    if (body == NULL || response == NULL) {
        mem_free(body);
        response_free(response);
        answer_error(s->request, 503, "out of memory");
        return;
    }
    buf_init(&body->text, (size_t)(RANGE_MAX_PARTS + 1) * (MAX_CONTENT_TYPE_BYTES + KIB));
    add_common_headers(s, response);
    add_validators(s, response);
    if (status != 304) {
        add_digest(s, response);
    }
    body->download = s->download;
    err_t err = make_body(s, response, body);
    s->download = NULL; /* the response owns it now */
    response_body_reader(response, body->size, read_body, free_body, body);
    if (err == ERR_OK && status != 304 && !request_is_head(s->request)) {
        err = response_read_short(response);
    }
    if (err != ERR_OK) {
        response_free(response);
        answer_unavailable(s->request, err);
        return;
    }
    request_answer(s->request, response);
}

static void answer(struct sender *s)
{
    if (s->condition == CONDITION_FAILED) {
        struct response *response = response_new(412);
        add_common_headers(s, response);
        add_validators(s, response);
        request_answer(s->request, response);
    } else if (s->condition == CONDITION_NOT_MODIFIED) {
        s->ranges.kind = RANGE_NONE;
        answer_contents(s, 304);
    } else if (s->ranges.kind == RANGE_INVALID || s->ranges.kind == RANGE_UNSATISFIABLE) {
        answer_unsatisfiable(s);
    } else {
        answer_contents(s, s->ranges.kind == RANGE_NONE ? 200 : 206);
    }
}

/* ---- the handler ---- */

static void on_recorded(struct store_job *job)
{
    struct sender *s = job->owner;
    atomic_store(&s->recorded, true);
    request_wake(s->request);
}

static void start_recording(struct sender *s)
{
    store_record_download_init(&s->record);
    memcpy(s->record.entry_id, download_entry(s->download)->id, sizeof s->record.entry_id);
    s->record.time = clock_now_s(app_of(s->request)->clock);
    s->record.client_ip = request_client(s->request);
    s->record.user_agent = s->user_agent;
    s->record.job.owner = s;
    s->record.job.done = on_recorded;
    s->recording = true;
    store_submit(app_of(s->request)->store, &s->record.job);
    request_wait(s->request);
}

/* Whether the browser says that a page of ours wants to run the file, or be styled by it. Ours
 * never do: who made one has got markup into it, or wants to leave a service worker behind. */
static bool would_run(const struct request *request)
{
    static const char *const uses[] = {"script",       "style",         "worker",
                                       "sharedworker", "serviceworker", "audioworklet",
                                       "xslt",         "paintworklet",  "manifest"};
    if (!slice_eq(request_header(request, "Sec-Fetch-Site"), SLICE("same-origin"))) {
        return false;
    }
    struct slice use = request_header(request, "Sec-Fetch-Dest");
    for (size_t i = 0; i < ARRAY_LEN(uses); i++) {
        if (slice_eq(use, slice_str(uses[i]))) {
            return true;
        }
    }
    return false;
}

static bool find_file(struct sender *s)
{
    char id[ENTRY_ID_LEN + 1];
    if (!take_entry_id(s->request, "bad entry ID: ", id)) {
        return false;
    }
    err_t err = download_open(app_of(s->request)->store, id, clock_now_s(app_of(s->request)->clock),
                              &s->download);
    if (err != ERR_OK && err != ERR_NOTFOUND) {
        log_event(LOG_ERROR, "download failed", "id", id, "error", err_name(err), NULL);
    }
    if (err != ERR_OK) {
        answer_unavailable(s->request, err);
    }
    return s->download != NULL;
}

static void end(struct request *request)
{
    struct sender *s = request_state(request);
    if (s == NULL) {
        s = mem_alloc(1, sizeof *s);
        if (s == NULL) {
            answer_error(request, 503, "out of memory");
            return;
        }
        s->request = request;
        request_set_state(request, s);
        request_copy_header(request, "User-Agent", s->user_agent, sizeof s->user_agent);
        if (would_run(request)) {
            answer_error(request, 403, "stored files are no part of this site");
            return;
        }
        if (!find_file(s)) {
            return;
        }
        decide(s);
        if (counts_as_download(s)) {
            start_recording(s);
            return;
        }
    }
    if (s->recording && !atomic_load(&s->recorded)) {
        request_wait(request);
        return;
    }
    if (s->recording && s->record.job.result != ERR_OK) {
        log_event(LOG_WARN, "download not recorded", "id", s->record.entry_id, "error",
                  err_name(s->record.job.result), NULL);
    }
    answer(s);
}

static void close_sender(struct request *request)
{
    struct sender *s = request_state(request);
    if (s != NULL) {
        check(!s->recording || atomic_load(&s->recorded));
        download_close(s->download);
        mem_free(s);
    }
}

const struct request_handler handler_download = {.end = end, .close = close_sender};
