/* rules.h — what names, notes, times and ids must look like, and what we say when they do not.
 *
 * Pure and thread-safe. A rule returns NULL when it holds, else a constant text for the client;
 * outputs are written only when it holds. The texts are part of the API: PicoShare's clients and
 * browser tests know them.
 * Source: PicoShare's validation rules; beyond them, file names may not hold control characters or
 * invalid UTF-8. Lengths count bytes. */
#ifndef PICOSHARE_CORE_RULES_H
#define PICOSHARE_CORE_RULES_H

#include "picoshare/base/buf.h"
#include "picoshare/base/err.h"
#include "picoshare/base/format.h"
#include "picoshare/base/slice.h"
#include <stdint.h>

/* The limits of PicoShare, which its database and pages are made for. */
enum {
    FILENAME_MAX_BYTES = 255, /* also what common file systems take */
    NOTE_MAX_BYTES = 500,
    LABEL_MAX_BYTES = 200,
    GUEST_MIN_FILE_BYTES = 1048576,
    DEFAULT_DAYS_MIN = 1,
    DEFAULT_DAYS_MAX = 3650,
    EXPIRATION_MIN_AHEAD_S = 3600
};

/* What ids are drawn from: letters and digits that cannot be taken for each other. */
extern const char rules_id_alphabet[];

const char *rules_filename(struct slice name);
/* The empty note is no note, and fine. */
const char *rules_note(struct slice note);
const char *rules_label(struct slice label);
/* An RFC 3339 time at least one hour after now; whole seconds come back, a fraction is dropped. */
const char *rules_expiration(struct slice text, int64_t now_ns, int64_t *ret_unix_s);
/* A duration of a day or more, in nanoseconds (see text/duration.h). */
const char *rules_file_lifetime(struct slice text, int64_t *ret_ns);
/* Days of the settings page. */
const char *rules_default_days(int64_t days);
/* Limits of a guest link, when it has them. */
const char *rules_guest_max_bytes(int64_t bytes);
const char *rules_guest_max_uploads(int64_t count);

/* ERR_INVALID, with the text for the client appended to ret_text, unless the id has the right
 * length and alphabet. The text quotes the id as it came, so it may only be sent as text/plain. */
err_t rules_check_entry_id(struct slice id, struct buf *ret_text) MUST_CHECK;
err_t rules_check_guest_link_id(struct slice id, struct buf *ret_text) MUST_CHECK;

#endif
