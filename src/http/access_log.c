/* access_log.c — Apache's common log format, as PicoShare writes it (http-api.md 15). */
#include "internal.h"
#include "picoshare/base/limits.h"
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

static void add_escaped(struct buf *line, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\') {
            buf_addf(line, "\\%c", c);
        } else if (c < 0x20 || c >= 0x7f) {
            buf_addf(line, "\\x%02x", c);
        } else {
            buf_add_char(line, *p);
        }
    }
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
    add_escaped(&line, request->method);
    buf_add_char(&line, ' ');
    add_escaped(&line, request->raw_target);
    buf_addf(&line, " %s\" %d %" PRId64 "\n", request->version, request->status, request->sent);
    if (buf_err(&line) == ERR_OK) {
        ssize_t written = write(STDOUT_FILENO, buf_str(&line), line.len);
        (void)written; /* a full disk must not stop the server */
    }
    buf_done(&line);
}
