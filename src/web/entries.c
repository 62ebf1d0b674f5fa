/* entries.c — PUT and DELETE /api/entry/{id} (http-api.md 6.2, 6.3). */
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/base/log.h"
#include "picoshare/base/mem.h"
#include "picoshare/core/removal.h"
#include "picoshare/core/rules.h"

/* ---- editing ---- */

struct edit {
    struct call call;
    struct store_edit job;
    struct json_body *body; /* what the job's texts point into */
};

static void begin_edit(struct request *request)
{
    char id[ENTRY_ID_LEN + 1];
    if (!take_entry_id(request, "bad entry ID: ", id)) {
        return;
    }
    struct edit *edit = call_begin(request, sizeof *edit);
    if (edit != NULL) {
        store_edit_init(&edit->job);
        memcpy(edit->job.id, id, sizeof id);
    }
}

/* Members as they are checked: all types first, then name, expiration, note. */
static err_t read_edit(struct edit *edit, struct buf *reason)
{
    const char *filename = "";
    const char *expiration = "";
    const char *note = "";
    err_t err = json_body_read(&edit->call.body, &edit->body, reason);
    if (err != ERR_OK) {
        return err;
    }
    if (!json_body_text(edit->body, "filename", &filename, reason) ||
        !json_body_text(edit->body, "expiration", &expiration, reason) ||
        !json_body_text(edit->body, "note", &note, reason)) {
        return ERR_INVALID;
    }
    const char *wrong = rules_filename(slice_str(filename));
    edit->job.filename = filename;
    edit->job.expiration_time = NEVER_S;
    if (wrong == NULL && expiration[0] != '\0') {
        wrong =
            rules_expiration(slice_str(expiration), clock_now_ns(app_of(edit->call.request)->clock),
                             &edit->job.expiration_time);
    }
    if (wrong == NULL) {
        wrong = rules_note(slice_str(note));
    }
    edit->job.note = note[0] != '\0' ? note : NULL;
    if (wrong != NULL) {
        buf_add_str(reason, wrong);
    }
    return wrong == NULL ? ERR_OK : ERR_INVALID;
}

static void answer_edit(struct edit *edit)
{
    err_t err = edit->call.result;
    if (err == ERR_OK) {
        log_event(LOG_INFO, "file edited", "id", edit->job.id, NULL);
        answer_empty(edit->call.request, 200);
    } else if (err == ERR_NOTFOUND) {
        answer_error(edit->call.request, 404, "Invalid entry ID");
    } else {
        answer_failure(edit->call.request, err, "Failed to save new entry data");
    }
}

static void end_edit(struct request *request)
{
    struct edit *edit = request_state(request);
    if (edit->call.submitted) {
        if (call_finished(&edit->call)) {
            answer_edit(edit);
        }
        return;
    }
    struct buf reason;
    buf_init(&reason, KIB);
    buf_add_str(&reason, "Bad request: ");
    err_t err = read_edit(edit, &reason);
    if (err == ERR_OK) {
        call_submit(&edit->call, &edit->job.job);
    } else {
        answer_unreadable_body(request, err, &reason);
    }
    buf_done(&reason);
}

static void close_edit(struct request *request)
{
    struct edit *edit = request_state(request);
    if (edit != NULL) {
        json_body_free(edit->body);
    }
    call_close(request);
}

const struct request_handler handler_edit_entry = {begin_edit, call_receive, end_edit, close_edit};

/* ---- deleting ---- */

static void refuse_delete(struct request *request, err_t err)
{
    log_event(LOG_ERROR, "file not deleted", "error", err_name(err), NULL);
    answer_error(request, status_of(err), "failed to delete entry");
}

static void end_delete(struct request *request)
{
    struct removal *removal = request_state(request);
    char id[ENTRY_ID_LEN + 1];
    err_t err = ERR_OK;
    if (!take_entry_id(request, "bad entry ID: ", id)) {
        return;
    }
    if (removal == NULL) {
        err = removal_start(app_of(request)->store, id, request_wake, request, &removal);
        request_set_state(request, removal);
        if (err != ERR_OK) {
            refuse_delete(request, err);
        } else {
            request_wait(request);
        }
    } else if (!removal_done(removal, &err)) {
        request_wait(request);
    } else if (err != ERR_OK) {
        refuse_delete(request, err);
    } else {
        log_event(LOG_INFO, "file deleted", "id", id, NULL);
        answer_empty(request, 200);
    }
}

static void close_delete(struct request *request)
{
    removal_close(request_state(request));
}

const struct request_handler handler_delete_entry = {NULL, NULL, end_delete, close_delete};
