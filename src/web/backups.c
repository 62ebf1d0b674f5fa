/* backups.c — for the owner: a copy of the whole database (POST /api/system/backup), and how far it
 * is (GET).
 *
 * One request is one backup: it waits until the copy is complete, and its answer is the copy. So a
 * client that leaves takes its backup with it. While the copying goes on nothing is sent, and a
 * connection that waits is not watched: the writer asks before each slice whether the client is
 * still there. */
#include "internal.h"
#include "picoshare/base/log.h"
#include "picoshare/core/backup.h"
#include "picoshare/text/size.h"
#include <inttypes.h>
#include <stdio.h>

/* ---- how far it is ---- */

static const char *const step_names[] = {
    [BACKUP_IDLE] = "idle",
    [BACKUP_COPYING] = "copying",
    [BACKUP_SENDING] = "sending",
};

static void end_state(struct request *request)
{
    struct backup_state state;
    backup_state(app_of(request)->backup, &state);
    char json[128];
    (void)snprintf(json, sizeof json,
                   "{\"state\":\"%s\",\"bytesDone\":%" PRId64 ",\"bytesTotal\":%" PRId64 "}",
                   step_names[state.step], state.bytes_done, state.bytes_total);
    struct response *response = response_new(200);
    response_header(response, "Content-Type", "application/json");
    response_header(response, "Cache-Control", "no-store");
    response_body_copy(response, slice_str(json));
    request_answer(request, response);
}

const struct request_handler handler_backup_state = {.end = end_state};

/* ---- the copy ---- */

static bool is_wanted(void *arg)
{
    return request_is_wanted(arg);
}

/* The request's state says whether it is the holder: the app's backup, or NULL. */
static void start_backup(struct request *request)
{
    struct backup *backup = app_of(request)->backup;
    err_t err = backup_start(
        backup,
        &(struct backup_holder){.is_wanted = is_wanted, .wake = request_wake, .arg = request});
    if (err != ERR_OK) {
        answer_error(request, 409, "a backup is running already");
        return;
    }
    request_set_state(request, backup);
    request_wait(request);
}

static void refuse_backup(struct request *request, err_t err)
{
    struct backup_state state;
    char text[160];
    char size[SIZE_TEXT_SIZE];
    backup_state(app_of(request)->backup, &state);
    if (err == ERR_FULL) {
        size_print(state.bytes_total, size);
        (void)snprintf(text, sizeof text,
                       "no room for the copy of %s that is made beside the database", size);
        answer_error(request, 507, text);
    } else if (err == ERR_BUSY) {
        answer_error(request, 503, "another program changes the database all the time");
    } else {
        answer_failure(request, err, "failed to copy the database");
    }
}

static err_t read_copy(void *arg, int64_t pos, char *bytes, size_t max, size_t *ret_len)
{
    *ret_len = backup_read(arg, pos, bytes, max);
    return *ret_len > 0 ? ERR_OK : ERR_IO;
}

static void end_copy(void *arg)
{
    backup_end(arg);
}

static void send_backup(struct request *request, int64_t bytes)
{
    char size[24];
    (void)snprintf(size, sizeof size, "%" PRId64, bytes);
    log_event(LOG_INFO, "database copied", "bytes", size, "client", request_client(request), NULL);
    struct response *response = response_new(200);
    response_header(response, "Content-Type", "application/vnd.sqlite3");
    response_header(response, "Content-Disposition",
                    "attachment; filename=\"picoshare-backup.db\"");
    response_header(response, "Cache-Control", "no-store");
    struct backup *backup = request_state(request);
    request_set_state(request, NULL); /* the response has it now */
    response_body_reader(response, bytes, read_copy, end_copy, backup);
    request_answer(request, response);
}

static void end_backup(struct request *request)
{
    struct backup *backup = request_state(request);
    err_t result = ERR_OK;
    int64_t bytes = 0;
    if (backup == NULL) {
        start_backup(request);
    } else if (!backup_copied(backup, &result, &bytes)) {
        request_wait(request);
    } else if (result != ERR_OK) {
        refuse_backup(request, result);
    } else {
        send_backup(request, bytes);
    }
}

static void close_backup(struct request *request)
{
    struct backup *backup = request_state(request);
    if (backup != NULL) {
        backup_end(backup);
    }
}

const struct request_handler handler_backup = {.end = end_backup, .close = close_backup};
