/* uploads.c — uploads of the owner: POST /api/entry, POST /upload (multipart), PUT /api/upload/NAME
 * (raw body); and of guests: POST /api/guest/ID, POST /g/ID, PUT /api/guest/ID/NAME.
 *
 * Everything that the headers can decide is decided in begin: the expiration, the boundary, a place
 * in the upload budget. Bytes of files go straight from the parser's events into the upload; the
 * few text fields are kept in bounded buffers. The end publishes, waits for the store, and answers
 * with the ids.
 *
 * A note that cannot be stored is told last (http-api.md 6.1, row 7): also one that is known to be
 * wrong before the body waits until a file with a good name has a first byte, or the body its end.
 */
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/log.h"
#include "picoshare/base/mem.h"
#include "picoshare/base/metrics.h"
#include "picoshare/base/num.h"
#include "picoshare/core/guest_links.h"
#include "picoshare/core/rules.h"
#include "picoshare/text/accept.h"
#include "picoshare/text/multipart.h"
#include "picoshare/text/percent.h"
#include "templates.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

_Static_assert((int)MAX_CONTENT_TYPE_BYTES >= (int)MULTIPART_MAX_HEADER_BYTES,
               "the type of any part can be stored");

enum part { PART_OTHER, PART_FILE, PART_NOTE, PART_EXPIRATION };

struct receiver {
    struct request *request;
    struct upload *upload;
    bool is_form; /* POST /upload: fields instead of a query, a page as the answer */
    bool is_multipart;
    struct multipart parser;
    int64_t received; /* bytes of the body */
    enum part part;
    const char *wrong_name; /* of the current file: why it is refused, if it is not empty */
    struct buf note;
    struct buf expiration;  /* the form's field */
    bool has_note;          /* from the query or else a field: a later one does not count */
    bool has_expiration;    /* from a field, likewise */
    const char *wrong_note; /* why the note is refused, as far as that is known */
    int64_t expires;
    bool is_guest;
    struct store_guest_link link; /* the guest's; owned */
    bool publishing;
};

static void refuse(struct receiver *r, int status, const char *text)
{
    if (r->upload != NULL) {
        upload_return_places(r->upload); /* before the client knows, and tries again */
    }
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

/* What a guest link refuses; false: it is something else. */
static bool refuse_by_link(struct receiver *r, err_t err)
{
    switch (err) {
    case ERR_AUTH:
        refuse(r, 401, "Guest link is no longer active");
        return true;
    case ERR_NOTFOUND:
        refuse(r, 404, "Invalid guest link ID");
        return true;
    case ERR_TOOBIG:
        refuse(r, 413, "invalid request: http: request body too large");
        return true;
    default:
        return false;
    }
}

/* What the upload depends on could not be read. */
static void refuse_unread(struct receiver *r, err_t err, const char *text)
{
    log_failure(err, text);
    refuse(r, status_of(err), text);
}

static void refuse_store(struct receiver *r, err_t err)
{
    if (r->is_guest && refuse_by_link(r, err)) {
        return;
    }
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

/* The expiration a guest asks for, which may be nothing, within what the link allows. */
static bool set_guest_expiration(struct receiver *r, struct slice text)
{
    struct buf message;
    buf_init(&message, KIB);
    buf_add_str(&message, "Invalid expiration: ");
    err_t err = guest_link_expiration(&r->link, text, clock_now_ns(app_of(r->request)->clock),
                                      &r->expires, &message);
    if (err == ERR_INVALID) {
        refuse(r, 400, buf_str(&message));
    } else if (err != ERR_OK) {
        refuse_unread(r, err, "Failed to retrieve guest link");
    }
    buf_done(&message);
    return err == ERR_OK;
}

static bool set_expiration(struct receiver *r, struct slice text)
{
    if (r->is_guest) {
        return set_guest_expiration(r, text);
    }
    const char *wrong =
        rules_expiration(text, clock_now_ns(app_of(r->request)->clock), &r->expires);
    if (wrong != NULL) {
        char message[160];
        (void)snprintf(message, sizeof message, "Invalid expiration URL parameter: %s", wrong);
        refuse(r, 400, message);
    }
    return wrong == NULL;
}

/* An absent expiration is the default of the settings, a guest's the latest possible. */
static bool read_expiration(struct receiver *r)
{
    char expiration[64];
    err_t err = request_query_get(r->request, "expiration", expiration, sizeof expiration);
    if (err == ERR_NOTFOUND && !r->is_guest) {
        err = default_expiration(r);
        if (err != ERR_OK) {
            refuse_unread(r, err, "failed to read settings from database");
        }
        return err == ERR_OK;
    }
    if (err == ERR_NOTFOUND) {
        expiration[0] = '\0';
    }
    return set_expiration(r, err == ERR_OK || err == ERR_NOTFOUND ? slice_str(expiration)
                                                                  : SLICE("too long"));
}

/* NULL when the note may be stored. */
static const char *check_note(const struct receiver *r, struct slice note)
{
    const char *wrong = rules_note(note);
    if (wrong == NULL && memchr(note.ptr, '\0', note.len) != NULL) {
        wrong = "illegal characters in note";
    }
    if (wrong == NULL && r->is_guest && note.len > 0) {
        wrong = "guest uploads cannot have file notes";
    }
    return wrong;
}

static void read_note(struct receiver *r)
{
    char note[NOTE_MAX_BYTES + 2]; /* one more than allowed is enough to be refused */
    err_t err = request_query_get(r->request, "note", note, sizeof note);
    r->has_note = err != ERR_NOTFOUND;
    if (err == ERR_OK) {
        r->wrong_note = check_note(r, slice_str(note));
        buf_add_str(&r->note, note);
    } else if (err == ERR_INVALID) {
        r->wrong_note = "illegal characters in note";
    } else if (r->has_note) {
        r->wrong_note = "note is too long";
    }
}

static bool read_query(struct receiver *r)
{
    read_note(r);
    return read_expiration(r);
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

/* Whether the announced length alone proves that some file is larger than the link allows. */
static bool is_too_large(const struct receiver *r)
{
    int64_t files = r->is_multipart ? MAX_FILES_PER_UPLOAD : 1;
    int64_t left = guest_link_files_left(&r->link);
    int64_t most = 0;
    if (left >= 0 && left < files) {
        files = left;
    }
    if (r->link.max_file_bytes == 0 || !num_mul_i64(r->link.max_file_bytes, files, &most) ||
        !num_add_i64(most, r->is_multipart ? MAX_FORM_OVERHEAD_BYTES : 0, &most)) {
        return false;
    }
    return request_content_length(r->request) > most;
}

static bool take_place(struct receiver *r)
{
    struct upload_guest guest = {
        .link_id = r->link.id,
        .max_file_bytes = r->link.max_file_bytes,
        .files_left = guest_link_files_left(&r->link),
    };
    err_t err = r->is_guest && is_too_large(r) ? ERR_TOOBIG : ERR_OK;
    if (err == ERR_OK) {
        err = upload_begin(app_of(r->request)->uploads, request_client(r->request),
                           r->is_guest ? &guest : NULL, request_wake, r->request, &r->upload);
    }
    if (err != ERR_OK) {
        refuse_store(r, err);
        return false;
    }
    upload_on_give_up(r->upload, request_give_up);
    return true;
}

/* The link, if it is there and lets anything through (http-api.md 7, rows 1 to 4). */
static bool find_link(struct receiver *r)
{
    char id[GUEST_LINK_ID_LEN + 1];
    if (!take_guest_link_id(r->request, "Invalid guest link ID: ", id)) {
        return false;
    }
    struct app *app = app_of(r->request);
    err_t err = store_find_guest_link(app->store, id, &r->link);
    if (err != ERR_OK) {
        refuse_unread(r, err,
                      err == ERR_NOTFOUND ? "Invalid guest link ID"
                                          : "Failed to retrieve guest link");
        return false;
    }
    int64_t left = guest_link_files_left(&r->link);
    if (!guest_link_is_active(&r->link, clock_now_s(app->clock)) ||
        (left >= 0 && uploads_places_held(app->uploads, id) >= left)) {
        refuse(r, 401, "Guest link is no longer active");
        return false;
    }
    return true;
}

static void begin_form(struct receiver *r)
{
    char boundary[MULTIPART_MAX_BOUNDARY + 1];
    const char *reason = "";
    if (!read_query(r)) {
        return;
    }
    r->is_multipart = true;
    if (multipart_boundary(request_header(r->request, "Content-Type"), boundary, &reason) !=
            ERR_OK ||
        multipart_init(&r->parser, boundary) != ERR_OK) {
        refuse_body(r, reason);
        return;
    }
    (void)take_place(r);
}

static void begin_owner_form(struct request *request)
{
    struct receiver *r = new_receiver(request);
    if (r != NULL) {
        begin_form(r);
    }
}

static void begin_guest_form(struct request *request)
{
    struct receiver *r = new_receiver(request);
    if (r != NULL) {
        r->is_guest = true;
        if (find_link(r)) {
            begin_form(r);
        }
    }
}

/* A name that cannot be is told only when the file has contents: that it has none comes first. */
static void start_file(struct receiver *r, struct slice name, struct slice type)
{
    r->wrong_name = rules_filename(name);
    if (r->wrong_name != NULL) {
        return;
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
}

/* name_param: which parameter of the route is the file's name. */
static void begin_plain(struct receiver *r, size_t name_param)
{
    if (!read_query(r)) {
        return;
    }
    char name[FILENAME_MAX_BYTES + 2];
    if (request_param(r->request, name_param, name, sizeof name) == ERR_INVALID) {
        refuse_body(r, "illegal characters in filename");
        return;
    }
    if (request_content_length(r->request) == 0) {
        refuse_body(r, "file must be non-empty");
        return;
    }
    if (take_place(r)) {
        start_file(r, slice_str(name), request_header(r->request, "Content-Type"));
    }
}

static void begin_owner_plain(struct request *request)
{
    struct receiver *r = new_receiver(request);
    if (r != NULL) {
        begin_plain(r, 0);
    }
}

static void begin_guest_plain(struct request *request)
{
    struct receiver *r = new_receiver(request);
    if (r != NULL) {
        r->is_guest = true;
        if (find_link(r)) {
            begin_plain(r, 1);
        }
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
        start_file(r, slice_str(filename), slice_str(multipart_content_type(&r->parser)));
    } else if (slice_eq(name, SLICE("note")) && !r->has_note) {
        r->part = PART_NOTE;
        r->has_note = true;
    } else if (slice_eq(name, SLICE("expiration")) && r->is_form && !r->has_expiration) {
        r->part = PART_EXPIRATION;
        r->has_expiration = true;
    }
}

/* Returns how many bytes were taken; fewer when the upload waits or has failed. */
static size_t write_file(struct receiver *r, struct slice bytes)
{
    const char *wrong = r->wrong_name != NULL ? r->wrong_name : r->wrong_note;
    if (wrong == NULL) {
        return upload_write(r->upload, bytes);
    }
    refuse_body(r, wrong);
    return bytes.len;
}

static void add_to_field(struct receiver *r, struct buf *field, struct slice bytes)
{
    buf_add_slice(field, bytes);
    err_t err = buf_err(field);
    if (err == ERR_TOOBIG && field == &r->note) {
        r->wrong_note = "note is too long"; /* told when it is its turn; the rest is of no use */
        r->part = PART_OTHER;
    } else if (err == ERR_TOOBIG) {
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
        taken = write_file(r, bytes);
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
    err_t err = r->wrong_name == NULL ? upload_end_file(r->upload) : ERR_INVALID;
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
        int64_t overhead = r->received + (int64_t)(given - in.len) - upload_bytes(r->upload);
        if (overhead > MAX_FORM_OVERHEAD_BYTES) {
            refuse_body(r, "multipart: message too large");
            break;
        }
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
    size_t taken = r->is_multipart ? receive_form(r, bytes) : write_file(r, bytes);
    r->received += (int64_t)taken;
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
    if (r->wrong_note == NULL) {
        r->wrong_note = check_note(r, buf_slice(&r->note));
    }
    if (r->wrong_note != NULL) {
        refuse_body(r, r->wrong_note);
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

/* "http://host/-ID" of each file, in a line of its own. */
static void answer_links(struct receiver *r, struct response *response, struct buf *body)
{
    for (size_t i = 0; i < upload_files_count(r->upload); i++) {
        add_short_url(r->request, upload_file_id(r->upload, i), body);
        buf_add_str(body, r->is_guest ? "\r\n" : "\n");
    }
    response_header(response, "Content-Type",
                    r->is_guest ? "text/plain" : "text/plain; charset=utf-8");
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
        add_short_url(r->request, upload_file_id(r->upload, i), brief);
        add_full_url(r->request, upload_file_id(r->upload, i), upload_file_name(r->upload, i),
                     full);
        links[i] = (struct link_view){.filename = upload_file_name(r->upload, i),
                                      .full_url = buf_str(full),
                                      .short_url = buf_str(brief),
                                      .edit_id = r->is_guest ? NULL : upload_file_id(r->upload, i)};
    }
    if (links != NULL && urls != NULL) {
        char again[sizeof "/g/" + GUEST_LINK_ID_LEN] = "/";
        if (r->is_guest) {
            (void)snprintf(again, sizeof again, "/g/%s", r->link.id);
        }
        struct upload_result_page view = {
            .head = {.title = "PicoShare - Upload",
                     .signed_in = !r->is_guest || auth_is_owner(r->request),
                     .active = r->is_guest ? NAV_NONE : NAV_UPLOAD},
            .links = links,
            .link_count = n,
            .again = again,
        };
        template_upload_result(&page, &view);
        answer_page(r->request, 200, &page);
    } else {
        answer_error(r->request, 503,
                     "out of memory: the files are stored, their links are not shown");
    }
    for (size_t i = 0; urls != NULL && i < 2 * n; i++) {
        buf_done(&urls[i]);
    }
    buf_done(&page);
    mem_free(urls);
    mem_free(links);
}

/* The owner gets JSON unless the client prefers text; a guest gets text unless it says JSON and
 * nothing else (http-api.md 7). */
static bool wants_links(const struct receiver *r)
{
    static const char *const types[] = {"application/json", "text/plain"};
    struct slice accept = request_header(r->request, "Accept");
    if (r->is_guest) {
        return !slice_eq(accept, SLICE("application/json"));
    }
    return accept_best(accept, types, ARRAY_LEN(types)) == 1;
}

static void answer_ids(struct receiver *r)
{
    if (r->is_form) {
        answer_result_page(r);
        return;
    }
    struct response *response = response_new(200);
    struct buf body;
    buf_init(&body, (size_t)64 * KIB);
    if (wants_links(r)) {
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

static enum metrics_upload outcome(const struct request *request, const struct receiver *r)
{
    if (r != NULL && r->publishing && upload_published(r->upload) &&
        upload_error(r->upload) == ERR_OK) {
        return METRICS_STORED;
    }
    return request_answered(request) ? METRICS_REFUSED : METRICS_ABORTED;
}

static void close_receiver(struct request *request)
{
    struct receiver *r = request_state(request);
    metrics_count_upload(outcome(request, r));
    if (r != NULL) {
        upload_close(r->upload);
        store_guest_link_done(&r->link);
        buf_done(&r->note);
        buf_done(&r->expiration);
        mem_free(r);
    }
}

const struct request_handler handler_upload_form = {begin_owner_form, receive, end, close_receiver};
const struct request_handler handler_upload_plain = {begin_owner_plain, receive, end,
                                                     close_receiver};
const struct request_handler handler_guest_form = {begin_guest_form, receive, end, close_receiver};
const struct request_handler handler_guest_plain = {begin_guest_plain, receive, end,
                                                    close_receiver};
