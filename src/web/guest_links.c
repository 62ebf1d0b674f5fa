/* guest_links.c — creating, deleting, enabling and disabling guest links (http-api.md 8), and
 * PUT /api/guest-links/{id}/restore, which takes a deletion back. */
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/base/log.h"
#include "picoshare/base/mem.h"
#include "picoshare/base/num.h"
#include "picoshare/core/rules.h"
#include "picoshare/text/duration.h"
#include <stdio.h>

/* ---- creating ---- */

struct creation {
    struct call call;
    struct store_guest_link link;
    struct store_create_guest_link job;
};

static void begin_create(struct request *request)
{
    (void)call_begin(request, sizeof(struct creation));
}

struct wish {
    const char *label;
    const char *url_expiration;
    const char *lifetime;
    int64_t max_bytes;
    int64_t max_uploads;
    bool limits_bytes;
    bool limits_uploads;
};

static bool read_members(const struct json_body *body, struct wish *wish, struct buf *reason)
{
    return json_body_text(body, "label", &wish->label, reason) &&
           json_body_text(body, "urlExpirationTime", &wish->url_expiration, reason) &&
           json_body_text(body, "fileLifetime", &wish->lifetime, reason) &&
           json_body_int(body, "maxFileBytes", INT64_MIN, INT64_MAX, &wish->max_bytes,
                         &wish->limits_bytes, reason) &&
           json_body_int(body, "maxFileUploads", INT64_MIN, INT64_MAX, &wish->max_uploads,
                         &wish->limits_uploads, reason);
}

/* The text of the first rule that is broken, in the order of http-api.md 8.1. */
static const char *check_wish(const struct wish *wish, int64_t now_ns,
                              struct store_guest_link *link)
{
    int64_t lifetime = 0;
    const char *wrong = rules_label(slice_str(wish->label));
    if (wrong == NULL) {
        wrong =
            rules_expiration(slice_str(wish->url_expiration), now_ns, &link->url_expiration_time);
    }
    if (wrong == NULL) {
        wrong = rules_file_lifetime(slice_str(wish->lifetime), &lifetime);
    }
    if (wrong == NULL && wish->limits_bytes) {
        wrong = rules_guest_max_bytes(wish->max_bytes);
    }
    if (wrong == NULL && wish->limits_uploads) {
        wrong = rules_guest_max_uploads(wish->max_uploads);
    }
    duration_print(lifetime, link->file_lifetime);
    link->max_file_bytes = wish->max_bytes;
    link->max_file_uploads = wish->max_uploads;
    return wrong;
}

static err_t read_creation(struct creation *creation, struct buf *reason)
{
    struct app *app = app_of(creation->call.request);
    struct wish wish = {.label = "", .url_expiration = "", .lifetime = ""};
    struct json_body *body = NULL;
    err_t err = json_body_read(&creation->call.body, &body, reason);
    if (err != ERR_OK) {
        return err;
    }
    bool ok = read_members(body, &wish, reason);
    const char *wrong = ok ? check_wish(&wish, clock_now_ns(app->clock), &creation->link) : NULL;
    if (wrong != NULL) {
        buf_add_str(reason, wrong);
    }
    err = ok && wrong == NULL ? ERR_OK : ERR_INVALID;
    if (err == ERR_OK) {
        creation->link.creation_time = clock_now_s(app->clock);
        creation->link.label = mem_dup(wish.label, strlen(wish.label));
        err = creation->link.label == NULL
                  ? ERR_NOMEM
                  : rng_text(app->rng, rules_id_alphabet, GUEST_LINK_ID_LEN, creation->link.id);
    }
    json_body_free(body);
    return err;
}

static void answer_creation(struct creation *creation)
{
    struct request *request = creation->call.request;
    if (creation->call.result != ERR_OK) {
        answer_failure(request, creation->call.result, "Failed to save guest link");
        return;
    }
    log_event(LOG_INFO, "guest link created", NULL);
    char json[GUEST_LINK_ID_LEN + 16];
    int len = snprintf(json, sizeof json, "{\"id\":\"%s\"}\n", creation->link.id);
    struct response *response = response_new(200);
    response_header(response, "Content-Type", "application/json");
    response_body_copy(response, slice_of(json, (size_t)len));
    request_answer(request, response);
}

static void end_create(struct request *request)
{
    struct creation *creation = request_state(request);
    if (creation->call.submitted) {
        if (call_finished(&creation->call)) {
            answer_creation(creation);
        }
        return;
    }
    struct buf reason;
    buf_init(&reason, KIB);
    buf_add_str(&reason, "Invalid request: ");
    err_t err = read_creation(creation, &reason);
    if (err == ERR_OK) {
        store_create_guest_link_init(&creation->job);
        creation->job.link = &creation->link;
        call_submit(&creation->call, &creation->job.job);
    } else {
        answer_unreadable_body(request, err, &reason);
    }
    buf_done(&reason);
}

static void close_create(struct request *request)
{
    struct creation *creation = request_state(request);
    if (creation != NULL) {
        store_guest_link_done(&creation->link);
    }
    call_close(request);
}

const struct request_handler handler_create_link = {begin_create, call_receive, end_create,
                                                    close_create};

/* ---- changing ---- */

struct change {
    struct call call;
    struct store_change_guest_link job;
};

static void begin_change(struct request *request, enum store_guest_link_change what)
{
    char id[GUEST_LINK_ID_LEN + 1];
    if (!take_guest_link_id(request, "Invalid guest link ID: ", id)) {
        return;
    }
    struct change *change = call_begin(request, sizeof *change);
    if (change != NULL) {
        store_change_guest_link_init(&change->job);
        change->job.change = what;
        memcpy(change->job.id, id, sizeof id);
    }
}

static void begin_delete(struct request *request)
{
    begin_change(request, STORE_GUEST_LINK_DELETE);
}

static void begin_enable(struct request *request)
{
    begin_change(request, STORE_GUEST_LINK_ENABLE);
}

static void begin_disable(struct request *request)
{
    begin_change(request, STORE_GUEST_LINK_DISABLE);
}

static void begin_restore(struct request *request)
{
    begin_change(request, STORE_GUEST_LINK_RESTORE);
}

/* What happened, or did not, by enum store_guest_link_change. */
static const struct {
    const char *done;
    const char *failed;
} change_texts[] = {
    [STORE_GUEST_LINK_DELETE] = {"guest link deleted", "Failed to delete guest link"},
    [STORE_GUEST_LINK_ENABLE] = {"guest link enabled", "Failed to change guest link enabled state"},
    [STORE_GUEST_LINK_DISABLE] = {"guest link disabled",
                                  "Failed to change guest link enabled state"},
    [STORE_GUEST_LINK_RESTORE] = {"guest link restored", "Failed to restore guest link"},
};

static void answer_unchanged(struct change *change)
{
    struct request *request = change->call.request;
    bool restoring = change->job.change == STORE_GUEST_LINK_RESTORE;
    char text[112];
    if (change->call.result == ERR_NOTFOUND) {
        (void)snprintf(text, sizeof text, "Guest link with ID %s not found: %s", change->job.id,
                       restoring ? "it was not deleted, or too long ago" : "no such guest link");
        answer_error(request, 404, text);
    } else if (change->call.result == ERR_EXISTS) {
        (void)snprintf(text, sizeof text, "Guest link with ID %s is there already", change->job.id);
        answer_error(request, 409, text);
    } else {
        answer_failure(request, change->call.result, change_texts[change->job.change].failed);
    }
}

/* What is being uploaded through a link that was deleted or disabled ends. */
static void answer_changed(struct change *change)
{
    struct request *request = change->call.request;
    bool deleted = change->job.change == STORE_GUEST_LINK_DELETE;
    if (deleted || change->job.change == STORE_GUEST_LINK_DISABLE) {
        uploads_stop_guest(app_of(request)->uploads, change->job.id,
                           deleted ? ERR_NOTFOUND : ERR_AUTH);
    }
    log_event(LOG_INFO, change_texts[change->job.change].done, NULL);
    answer_empty(request, deleted ? 200 : 204);
}

static void end_change(struct request *request)
{
    struct change *change = request_state(request);
    if (!change->call.submitted) {
        call_submit(&change->call, &change->job.job);
    } else if (!call_finished(&change->call)) {
        return;
    } else if (change->call.result == ERR_OK) {
        answer_changed(change);
    } else {
        answer_unchanged(change);
    }
}

const struct request_handler handler_delete_link = {begin_delete, NULL, end_change, call_close};
const struct request_handler handler_enable_link = {begin_enable, NULL, end_change, call_close};
const struct request_handler handler_disable_link = {begin_disable, NULL, end_change, call_close};
const struct request_handler handler_restore_link = {begin_restore, NULL, end_change, call_close};
