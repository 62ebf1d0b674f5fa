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
/* Once a second: uploads that have waited BUFFER_WAIT_MS for a buffer fail with ERR_BUSY, and so do
 * slow guests whose buffer somebody waits for (limits.h, STARVED_MS); memory that nobody uses goes
 * back to the system. */
void uploads_tick(struct uploads *uploads);
/* Uploads that are not freed yet, and chunk buffers in use. */
size_t uploads_running(struct uploads *uploads);
size_t uploads_buffers_used(struct uploads *uploads);

/* What a guest link still lets through. */
struct upload_guest {
    const char *link_id;    /* copied */
    int64_t max_file_bytes; /* 0: any. A file that grows beyond fails with ERR_TOOBIG */
    int64_t files_left;     /* by the files that exist already; negative: any number */
};

/* client: the address whose share of the budget it uses. guest: NULL for the owner. ERR_BUSY:
 * MAX_UPLOADS are running, or as many as guests, or this one, may have. ERR_AUTH: other uploads
 * through the link hold every place that is left; each holds one for every file it has begun, until
 * it is published or closed. The store has the last word when it publishes. */
err_t upload_begin(struct uploads *uploads, const char *client, const struct upload_guest *guest,
                   void (*wake)(void *arg), void *wake_arg, struct upload **ret_upload) MUST_CHECK;
/* give_up(wake_arg) will be called as wake() is, before it, when another thread has made the upload
 * fail: its client may be silent, so that nobody comes to look for the error. */
void upload_on_give_up(struct upload *upload, void (*give_up)(void *arg));
/* Places that running uploads hold of a guest link. */
int64_t uploads_places_held(struct uploads *uploads, const char *link_id);
/* Makes the running uploads through a guest link fail with err, but for those that are being
 * published: their outcome is the store's. */
void uploads_stop_guest(struct uploads *uploads, const char *link_id, err_t err);

/* Gives its places of the guest link back, before upload_close() does: it will not be published. */
void upload_return_places(struct upload *upload);

/* The next file; its bytes follow. The name has been checked. The strings are copied.
 * ERR_TOOBIG: MAX_FILES_PER_UPLOAD. ERR_AUTH: the guest link takes no more files. */
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
    int64_t expiration_time; /* or NEVER_S */
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
