#include "picoshare/base/log.h"
#include "picoshare/base/buf.h"
#include "picoshare/base/clock.h"
#include "picoshare/base/escape.h"
#include <stdarg.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096 }; /* longer events are cut: a log line is for a person */

static _Atomic int max_level = LOG_INFO;
static _Atomic int line_format = LOG_LOGFMT;
static _Thread_local const char *request_id;

void log_set_level(enum log_level level)
{
    atomic_store(&max_level, (int)level);
}

void log_set_format(enum log_format format)
{
    atomic_store(&line_format, (int)format);
}

void log_set_request(const char *id)
{
    request_id = id;
}

/* ---- logfmt: what does not fit is cut off ---- */

static void add_value(struct buf *line, const char *value)
{
    buf_add_char(line, '"');
    for (struct slice rest = slice_str(value); rest.len > 0;) {
        char escaped[ESCAPED_SIZE];
        escape_next(&rest, escaped);
        buf_add_str(line, escaped);
    }
    buf_add_char(line, '"');
}

static void add_pair(struct buf *line, const char *key, const char *value)
{
    buf_addf(line, "%s%s=", line->len > 0 ? " " : "", key);
    add_value(line, value);
}

static void add_head(struct buf *line, const char *time, const char *level)
{
    buf_addf(line, "time=%s level=%s", time, level);
}

/* ---- JSON: what does not fit is left out, so that the line can be read ---- */

static bool has_room(const struct buf *line, size_t bytes)
{
    return line->len + bytes + strlen("\"}") <= line->max;
}

static void add_json_pair(struct buf *line, const char *key, const char *value)
{
    if (!has_room(line, strlen(key) + strlen(",\"\":\""))) {
        return;
    }
    buf_addf(line, "%s\"%s\":\"", line->len > 1 ? "," : "", key);
    for (struct slice rest = slice_str(value); rest.len > 0;) {
        char escaped[ESCAPED_SIZE];
        escape_next_json(&rest, escaped);
        if (!has_room(line, strlen(escaped))) {
            break;
        }
        buf_add_str(line, escaped);
    }
    buf_add_char(line, '"');
}

static void add_json_head(struct buf *line, const char *time, const char *level)
{
    buf_add_char(line, '{');
    add_json_pair(line, "time", time);
    add_json_pair(line, "level", level);
}

/* ---- an event ---- */

static void print_time(char *ret_text, size_t size)
{
    time_t now = (time_t)clock_now_s(&clock_system);
    struct tm tm;
    if (gmtime_r(&now, &tm) != NULL) {
        (void)strftime(ret_text, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
    }
}

void log_event(enum log_level level, const char *msg, ...)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    if ((int)level > atomic_load_explicit(&max_level, memory_order_relaxed)) {
        return;
    }
    char time[sizeof "2026-01-01T00:00:00Z"] = "";
    print_time(time, sizeof time);
    bool json = atomic_load_explicit(&line_format, memory_order_relaxed) == LOG_JSON;
    void (*add)(struct buf *, const char *, const char *) = json ? add_json_pair : add_pair;
    char bytes[LINE_MAX_BYTES + 1]; /* lack of memory is what some events tell of */
    struct buf line;
    buf_init_in(&line, bytes, sizeof bytes);
    (json ? add_json_head : add_head)(&line, time, names[level]);
    add(&line, "msg", msg);
    va_list args;
    va_start(args, msg);
    for (const char *key = va_arg(args, const char *); key != NULL;
         key = va_arg(args, const char *)) {
        add(&line, key, va_arg(args, const char *));
    }
    va_end(args);
    if (request_id != NULL) {
        add(&line, "request", request_id);
    }
    if (json) {
        buf_add_char(&line, '}');
    }
    bytes[line.len] = '\n';
    ssize_t written = write(STDERR_FILENO, bytes, line.len + 1);
    (void)written; /* there is nowhere left to complain */
}
