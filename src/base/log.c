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

void log_set_level(enum log_level level)
{
    atomic_store(&max_level, (int)level);
}

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

void log_event(enum log_level level, const char *msg, ...)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    if ((int)level > atomic_load_explicit(&max_level, memory_order_relaxed)) {
        return;
    }
    char bytes[LINE_MAX_BYTES + 1]; /* lack of memory is what some events tell of */
    struct buf line;
    buf_init_in(&line, bytes, sizeof bytes);
    time_t now = (time_t)clock_now_s(&clock_system);
    struct tm tm;
    if (gmtime_r(&now, &tm) != NULL) {
        buf_addf(&line, "time=%04d-%02d-%02dT%02d:%02d:%02dZ ", tm.tm_year + 1900, tm.tm_mon + 1,
                 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    }
    buf_addf(&line, "level=%s msg=", names[level]);
    add_value(&line, msg);
    va_list args;
    va_start(args, msg);
    for (const char *key = va_arg(args, const char *); key != NULL;
         key = va_arg(args, const char *)) {
        buf_addf(&line, " %s=", key);
        add_value(&line, va_arg(args, const char *));
    }
    va_end(args);
    /* What does not fit is cut off. */
    bytes[line.len] = '\n';
    ssize_t written = write(STDERR_FILENO, bytes, line.len + 1);
    (void)written; /* there is nowhere left to complain */
}
