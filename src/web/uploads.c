/* uploads.c — POST /api/entry, POST /upload (multipart) and PUT /api/upload/NAME (raw body).
 *
 * Everything that the headers can decide is decided in begin: the expiration, the note in the
 * query, the boundary, a place in the upload budget. Bytes of files go straight from the parser's
 * events into the upload; the few text fields are kept in bounded buffers. The end publishes, waits
 * for the store, and answers with the ids. */
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/log.h"
#include "picoshare/base/mem.h"
#include "picoshare/core/rules.h"
#include "picoshare/text/accept.h"
#include "picoshare/text/multipart.h"
#include "picoshare/text/percent.h"
#include "templates.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum part { PART_OTHER, PART_FILE, PART_NOTE, PART_EXPIRATION };

struct receiver {
    struct request *request;
    struct upload *upload;
    bool is_form; /* POST /upload: fields instead of a query, a page as the answer */
    bool is_multipart;
    struct multipart parser;
    enum part part;
    struct buf note;
    struct buf expiration; /* the form's field */
    bool note_in_query;
    int64_t expires;
    bool publishing;
};

static void refuse(struct receiver *r, int status, const char *text)
{
    answer_error(r->request, status, text);
}

/* "invalid request: …", as every failure of a body begins (http-api.md 6.1). */
static void refuse_body(struct receiver *r, const char *text)
{
    struct buf message;
    buf_init(&message, KIB);
    buf_addf(&message, "invalid request: %s", text);
    refuse(r, 400, buf_str(&message));
    buf_done(&message);
}

static void refuse_parse(struct receiver *r)
{
    char text[160];
    (void)snprintf(text, sizeof text, "%s (at byte %" PRIu64 ")", multipart_reason(&r->parser),
                   multipart_offset(&r->parser));
    refuse_body(r, text);
}

static void refuse_store(struct receiver *r, err_t err)
{
    int status = status_of(err);
    if (status == 500) {
        log_event(LOG_ERROR, "upload failed", "error", err_name(err), NULL);
    }
    refuse(r, status,
           err == ERR_FULL ? "the server's disk is full; nothing of this upload was stored"
           : status == 503 ? "the server is busy; nothing of this upload was stored"
                           : "failed to insert file into database");
}

/* ---- before the body ---- */

static err_t default_expiration(struct receiver *r)
{
    int64_t days = 0;
    err_t err = store_default_days(app_of(r->request)->store, &days);
    if (err == ERR_OK) {
        r->expires = expiry_after(days, clock_now_s(app_of(r->request)->clock));
    }
    return err;
}

static bool set_expiration(struct receiver *r, struct slice text)
{
    const char *wrong =
        rules_expiration(text, clock_now_ns(app_of(r->request)->clock), &r->expires);
    if (wrong != NULL) {
        char message[160];
        (void)snprintf(message, sizeof message, "Invalid expiration URL parameter: %s", wrong);
        refuse(r, 400, message);
    }
    return wrong == NULL;
}

/* The query's expiration and note; an absent expiration is the default of the settings. */
static bool read_query(struct receiver *r)
{
    char expiration[64];
    err_t err = request_query_get(r->request, "expiration", expiration, sizeof expiration);
    if (err == ERR_NOTFOUND) {
        err = default_expiration(r);
        if (err != ERR_OK) {
            refuse(r, status_of(err), "failed to read settings from database");
            return false;
        }
    } else if (!set_expiration(r, err == ERR_OK ? slice_str(expiration) : SLICE("too long"))) {
        return false;
    }
    char note[NOTE_MAX_BYTES + 2]; /* one more than allowed is enough to be refused */
    err = request_query_get(r->request, "note", note, sizeof note);
    if (err != ERR_NOTFOUND) {
        r->note_in_query = true;
        buf_add_str(&r->note, note);
        const char *wrong = err == ERR_TOOBIG ? "note is too long" : rules_note(slice_str(note));
        if (wrong != NULL) {
            refuse_body(r, wrong);
            return false;
        }
    }
    return true;
}

static struct receiver *new_receiver(struct request *request)
{
    struct receiver *r = mem_alloc(1, sizeof *r);
    if (r == NULL) {
        answer_error(request, 503, "out of memory");
        return NULL;
    }
    r->request = request;
    r->is_form = (request_route(request)->flags & ROUTE_PAGE) != 0;
    buf_init(&r->note, MAX_FIELD_BYTES);
    buf_init(&r->expiration, MAX_FIELD_BYTES);
    request_set_state(request, r);
    return r;
}

static bool take_place(struct receiver *r)
{
    err_t err = upload_begin(app_of(r->request)->uploads, request_client(r->request), request_wake,
                             r->request, &r->upload);
    if (err != ERR_OK) {
        refuse_store(r, err);
    }
    return err == ERR_OK;
}

static void begin_form(struct request *request)
{
    struct receiver *r = new_receiver(request);
    if (r == NULL || !read_query(r)) {
        return;
    }
    char boundary[MULTIPART_MAX_BOUNDARY + 1];
    const char *reason = "";
    r->is_multipart = true;
    if (multipart_boundary(request_header(request, "Content-Type"), boundary, &reason) != ERR_OK ||
        multipart_init(&r->parser, boundary) != ERR_OK) {
        refuse_body(r, reason);
        return;
    }
    (void)take_place(r);
}

static bool start_file(struct receiver *r, struct slice name, struct slice type)
{
    const char *wrong = rules_filename(name);
    if (wrong != NULL) {
        refuse_body(r, wrong);
        return false;
    }
    if (type.len > MAX_CONTENT_TYPE_BYTES) {
        type.len = 0;
    }
    err_t err = upload_start_file(r->upload, name, type);
    if (err == ERR_TOOBIG) {
        refuse_body(r, "too many files");
    } else if (err != ERR_OK) {
        refuse_store(r, err);
    }
    return err == ERR_OK;
}

static void begin_plain(struct request *request)
{
    struct receiver *r = new_receiver(request);
    if (r == NULL || !read_query(r)) {
        return;
    }
    char name[FILENAME_MAX_BYTES + 2];
    if (request_param(request, 0, name, sizeof name) == ERR_INVALID) {
        refuse_body(r, "illegal characters in filename");
        return;
    }
    if (request_content_length(request) == 0) {
        const char *wrong = rules_filename(slice_str(name));
        refuse_body(r, wrong != NULL ? wrong : "file must be non-empty");
        return;
    }
    if (take_place(r)) {
        (void)start_file(r, slice_str(name), request_header(request, "Content-Type"));
    }
}

/* ---- the body ---- */

static void part_begins(struct receiver *r)
{
    struct slice name = slice_str(multipart_name(&r->parser));
    const char *filename = multipart_filename(&r->parser);
    r->part = PART_OTHER;
    if (slice_eq(name, SLICE("file")) && filename != NULL && filename[0] != '\0') {
        r->part = PART_FILE;
        (void)start_file(r, slice_str(filename), slice_str(multipart_content_type(&r->parser)));
    } else if (slice_eq(name, SLICE("note")) && !r->note_in_query) {
        r->part = PART_NOTE;
        buf_clear(&r->note); /* the last one counts */
    } else if (slice_eq(name, SLICE("expiration")) && r->is_form) {
        r->part = PART_EXPIRATION;
        buf_clear(&r->expiration);
    }
}

static void add_to_field(struct receiver *r, struct buf *field, struct slice bytes)
{
    buf_add_slice(field, bytes);
    err_t err = buf_err(field);
    if (err == ERR_TOOBIG) {
        refuse_body(r, "multipart: message too large");
    } else if (err != ERR_OK) {
        refuse_store(r, err);
    }
}

/* Returns how many bytes were taken; fewer when the upload waits or has failed. */
static size_t part_data(struct receiver *r, struct slice bytes)
{
    size_t taken = bytes.len;
    switch (r->part) {
    case PART_FILE:
        taken = upload_write(r->upload, bytes);
        break;
    case PART_NOTE:
        add_to_field(r, &r->note, bytes);
        break;
    case PART_EXPIRATION:
        add_to_field(r, &r->expiration, bytes);
        break;
    case PART_OTHER:
        break;
    }
    return taken;
}

static void file_ends(struct receiver *r)
{
    err_t err = upload_end_file(r->upload);
    if (err == ERR_INVALID) {
        refuse_body(r, "file must be non-empty");
    } else if (err != ERR_OK) {
        refuse_store(r, err);
    }
}

static size_t receive_form(struct receiver *r, struct slice in)
{
    size_t given = in.len;
    while (!request_answered(r->request)) {
        struct slice bytes;
        switch (multipart_next(&r->parser, &in, &bytes)) {
        case MULTIPART_PART:
            part_begins(r);
            break;
        case MULTIPART_DATA: {
            size_t taken = part_data(r, bytes);
            if (taken < bytes.len) {
                multipart_unread(&r->parser, &in, bytes.len - taken);
                return given - in.len;
            }
            break;
        }
        case MULTIPART_PART_END:
            if (r->part == PART_FILE) {
                file_ends(r);
            }
            break;
        case MULTIPART_ERROR:
            refuse_parse(r);
            break;
        case MULTIPART_MORE:
        case MULTIPART_END:
            return given - in.len;
        }
    }
    return given - in.len;
}

static size_t receive(struct request *request, struct slice bytes)
{
    struct receiver *r = request_state(request);
    size_t taken = r->is_multipart ? receive_form(r, bytes) : upload_write(r->upload, bytes);
    err_t err = upload_error(r->upload);
    if (err != ERR_OK) {
        refuse_store(r, err);
    }
    return taken;
}

/* ---- the end ---- */

/* What can be said only now that the whole body is there. */
static bool body_is_complete(struct receiver *r)
{
    if (!r->is_multipart) {
        file_ends(r);
        return !request_answered(r->request);
    }
    if (multipart_finish(&r->parser) != MULTIPART_END) {
        refuse_parse(r);
        return false;
    }
    if (upload_files_count(r->upload) == 0) {
        refuse_body(r, "http: no such file");
        return false;
    }
    const char *wrong = rules_note(buf_slice(&r->note));
    if (wrong == NULL && strlen(buf_str(&r->note)) != r->note.len) {
        wrong = "illegal characters in note";
    }
    if (wrong != NULL) {
        refuse_body(r, wrong);
        return false;
    }
    /* A form without JavaScript sends an empty value for "Custom": that is the default. */
    return r->expiration.len == 0 || set_expiration(r, buf_slice(&r->expiration));
}

static void publish(struct receiver *r)
{
    struct upload_details details = {
        .expiration_time = r->expires,
        .note = r->note.len > 0 ? buf_str(&r->note) : NULL,
    };
    err_t err = upload_publish(r->upload, &details);
    if (err != ERR_OK) {
        refuse_store(r, err);
        return;
    }
    r->publishing = true;
    request_wait(r->request);
}

/* http://host/-ID */
static void add_short_url(const struct receiver *r, size_t index, struct buf *out)
{
    add_base_url(r->request, out);
    buf_add_str(out, "/-");
    buf_add_str(out, upload_file_id(r->upload, index));
}

static void answer_json(struct receiver *r, struct response *response, struct buf *body)
{
    size_t n = upload_files_count(r->upload);
    buf_addf(body, "{\"id\":\"%s\"", upload_file_id(r->upload, 0));
    for (size_t i = 0; n > 1 && i < n; i++) {
        buf_addf(body, "%s\"%s\"", i == 0 ? ",\"ids\":[" : ",", upload_file_id(r->upload, i));
    }
    buf_add_str(body, n > 1 ? "]}\n" : "}\n");
    response_header(response, "Content-Type", "application/json");
}

static void answer_links(struct receiver *r, struct response *response, struct buf *body)
{
    for (size_t i = 0; i < upload_files_count(r->upload); i++) {
        add_short_url(r, i, body);
        buf_add_char(body, '\n');
    }
    response_header(response, "Content-Type", "text/plain; charset=utf-8");
}

/* The page with the links, for a form without JavaScript. */
static void answer_result_page(struct receiver *r)
{
    size_t n = upload_files_count(r->upload);
    struct link_view *links = mem_alloc(n, sizeof *links);
    struct buf *urls = mem_alloc(2 * n, sizeof *urls);
    struct buf page;
    buf_init(&page, MAX_PAGE_BYTES);
    for (size_t i = 0; links != NULL && urls != NULL && i < n; i++) {
        struct buf *full = &urls[2 * i];
        struct buf *brief = &urls[2 * i + 1];
        buf_init(full, (size_t)4 * MAX_TARGET_BYTES);
        buf_init(brief, (size_t)4 * MAX_TARGET_BYTES);
        add_short_url(r, i, brief);
        buf_add_slice(full, buf_slice(brief));
        buf_add_char(full, '/');
        percent_add_component(full, slice_str(upload_file_name(r->upload, i)));
        links[i] = (struct link_view){.filename = upload_file_name(r->upload, i),
                                      .full_url = buf_str(full),
                                      .short_url = buf_str(brief)};
    }
    if (links != NULL && urls != NULL) {
        struct upload_result_page view = {
            .head = {.title = "PicoShare - Upload", .signed_in = true, .active = NAV_UPLOAD},
            .links = links,
            .link_count = n,
            .again = "/",
        };
        template_upload_result(&page, &view);
        answer_page(r->request, 200, &page);
    } else {
        refuse_store(r, ERR_NOMEM);
    }
    for (size_t i = 0; urls != NULL && i < 2 * n; i++) {
        buf_done(&urls[i]);
    }
    buf_done(&page);
    mem_free(urls);
    mem_free(links);
}

static void answer_ids(struct receiver *r)
{
    static const char *const types[] = {"application/json", "text/plain"};
    if (r->is_form) {
        answer_result_page(r);
        return;
    }
    size_t best = accept_best(request_header(r->request, "Accept"), types, ARRAY_LEN(types));
    struct response *response = response_new(200);
    struct buf body;
    buf_init(&body, (size_t)64 * KIB);
    if (best == 1) {
        answer_links(r, response, &body);
    } else {
        answer_json(r, response, &body);
    }
    response_body_take(response, &body);
    buf_done(&body);
    request_answer(r->request, response);
}

static void end(struct request *request)
{
    struct receiver *r = request_state(request);
    if (!r->publishing) {
        if (body_is_complete(r)) {
            publish(r);
        }
        return;
    }
    if (!upload_published(r->upload)) {
        request_wait(request);
        return;
    }
    err_t err = upload_error(r->upload);
    if (err != ERR_OK) {
        refuse_store(r, err);
    } else {
        answer_ids(r);
    }
}

static void close_receiver(struct request *request)
{
    struct receiver *r = request_state(request);
    if (r != NULL) {
        upload_close(r->upload);
        buf_done(&r->note);
        buf_done(&r->expiration);
        mem_free(r);
    }
}

const struct request_handler handler_upload_form = {begin_form, receive, end, close_receiver};
const struct request_handler handler_upload_plain = {begin_plain, receive, end, close_receiver};
