/* upload.h — one or more files on their way from a client into the store.
 *
 * An upload takes bytes as they come, fills chunk buffers, hands full ones to the store's writer
 * while more arrive, and makes all its files visible at once when it is published. Closing an
 * upload that was not published removes its rows.
 *
 * Threads: the functions on one struct upload are called by one thread at a time (the request's
 * worker). wake() is called from any thread when something the upload waited for has happened: it
 * must only note the fact and return. It is not called after upload_close() has returned.
 *
 * Errors of the store (ERR_FULL, ERR_IO, …) stay: after the first one the upload takes no more
 * bytes and can only be closed. ERR_BUSY: a budget is used up; the client may try again later. */
#ifndef PICOSHARE_CORE_UPLOAD_H
#define PICOSHARE_CORE_UPLOAD_H

#include "picoshare/base/clock.h"
#include "picoshare/base/rng.h"
#include "picoshare/base/slice.h"
#include "picoshare/store/store.h"

struct uploads; /* all uploads of the program and their common budget */
struct upload;

err_t uploads_new(struct store *store, const struct clock *clock, const struct rng *rng,
                  struct uploads **ret_uploads) MUST_CHECK;
/* Waits for nobody: every upload must be closed, and the store's queue empty. NULL is fine. */
void uploads_free(struct uploads *uploads);
/* Once a second: uploads that have waited BUFFER_WAIT_MS for a buffer fail with ERR_BUSY; memory
 * that nobody uses goes back to the system. */
void uploads_tick(struct uploads *uploads);
/* Uploads that are not freed yet, and chunk buffers in use. */
size_t uploads_running(struct uploads *uploads);
size_t uploads_buffers_used(struct uploads *uploads);

/* client: the address whose share of the budget it uses. ERR_BUSY: MAX_UPLOADS are running. */
err_t upload_begin(struct uploads *uploads, const char *client, void (*wake)(void *arg),
                   void *wake_arg, struct upload **ret_upload) MUST_CHECK;

/* The next file; its bytes follow. The name has been checked. The strings are copied.
 * ERR_TOOBIG: MAX_FILES_PER_UPLOAD. */
err_t upload_start_file(struct upload *upload, struct slice filename,
                        struct slice content_type) MUST_CHECK;
/* Takes bytes of the file; returns how many. Fewer than given: the upload has failed, or the caller
 * waits for wake() and comes again with the rest. */
size_t upload_write(struct upload *upload, struct slice bytes);
/* The file is complete. ERR_INVALID: it has no bytes. */
err_t upload_end_file(struct upload *upload) MUST_CHECK;
/* The first failure, or ERR_OK. */
err_t upload_error(struct upload *upload) MUST_CHECK;

struct upload_details {
    int64_t expiration_time; /* or STORE_NEVER */
    const char *note;        /* NULL: none. Copied */
};

/* Makes all files visible, durably. Call it, wait for wake(), and ask upload_published(). */
err_t upload_publish(struct upload *upload, const struct upload_details *details) MUST_CHECK;
/* Whether the outcome of upload_publish() is known: it is upload_error(). */
bool upload_published(struct upload *upload);

/* Files started so far, and their ids: borrowed for the upload's life. */
size_t upload_files_count(const struct upload *upload);
const char *upload_file_id(const struct upload *upload, size_t index);
const char *upload_file_name(const struct upload *upload, size_t index);
/* Bytes taken so far, all files together. */
int64_t upload_bytes(const struct upload *upload);

/* Lets go of it; it frees itself when the store no longer needs it. NULL is fine. */
void upload_close(struct upload *upload);

#endif
