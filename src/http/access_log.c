/* access_log.c — Apache's common log format, as PicoShare writes it (http-api.md 15), but for the
 * ids of guest links. Who knows one may upload, and a log is read by more people than that: only
 * its first characters are written, enough for the owner to tell links apart. The id of a file
 * stays: it is what the log is asked for, and whoever has it can only download that file. */
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/text/percent.h"
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

static void add_escaped(struct buf *line, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\') {
            buf_addf(line, "\\%c", c);
        } else if (c < 0x20 || c >= 0x7f) {
            buf_addf(line, "\\x%02x", c);
        } else {
            buf_add_char(line, text.ptr[i]);
        }
    }
}

static bool is_segment(struct slice segment, const char *name)
{
    for (; segment.len > 0 && *name != '\0'; name++) {
        if (percent_next(&segment, false) != (unsigned char)*name) {
            return false;
        }
    }
    return segment.len == 0 && *name == '\0';
}

/* Whether an id comes after this segment of a path. Targets are logged as they were sent, so what
 * the answer may have been a redirection for counts, too: /g//ID and /g/x/../ID. */
static bool is_before_id(struct slice segment, bool was_before)
{
    if (segment.len == 0 || is_segment(segment, ".")) {
        return was_before;
    }
    return is_segment(segment, "g") || is_segment(segment, "guest") ||
           is_segment(segment, "guest-links") || is_segment(segment, "..");
}

static void add_target(struct buf *line, const char *target)
{
    enum { SHOWN_CHARS = 4 }; /* twelve of 57 letters are left to guess, 70 bits */
    check(target != NULL);
    struct slice all = slice_str(target);
    struct slice path = {all.ptr, slice_find(all, '?')};
    struct slice query = slice_skip(all, path.len);
    bool before_id = false;
    for (;;) {
        struct slice segment = {path.ptr, slice_find(path, '/')};
        path = slice_skip(path, segment.len);
        bool hide = before_id && segment.len > SHOWN_CHARS;
        add_escaped(line, (struct slice){segment.ptr, hide ? (size_t)SHOWN_CHARS : segment.len});
        buf_add_str(line, hide ? "***" : "");
        if (path.len == 0) {
            break;
        }
        buf_add_char(line, '/');
        path = slice_skip(path, 1);
        before_id = is_before_id(segment, before_id);
    }
    add_escaped(line, query);
}

void access_log(const struct request *request)
{
    char when[64] = "";
    time_t started = (time_t)(request->started_ns / 1000000000);
    struct tm tm;
    if (localtime_r(&started, &tm) != NULL) {
        (void)strftime(when, sizeof when, "%d/%b/%Y:%H:%M:%S %z", &tm);
    }
    struct buf line;
    buf_init(&line, (size_t)4 * MAX_TARGET_BYTES + KIB);
    buf_addf(&line, "%s - - [%s] \"", request->client, when);
    add_escaped(&line, slice_str(request->method));
    buf_add_char(&line, ' ');
    add_target(&line, request->raw_target);
    buf_addf(&line, " %s\" %d %" PRId64 "\n", request->version, request->status, request->sent);
    if (buf_err(&line) == ERR_OK) {
        ssize_t written = write(STDOUT_FILENO, buf_str(&line), line.len);
        (void)written; /* a full disk must not stop the server */
    }
    buf_done(&line);
}
