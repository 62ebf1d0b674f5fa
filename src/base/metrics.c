#include "picoshare/base/metrics.h"
#include "picoshare/base/check.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>

/* From an answer out of memory to an hour of a slow download; the last one is without end. */
static const struct {
    int64_t ns;
    const char *le; /* in seconds, as OpenMetrics writes numbers */
} bounds[] = {
    {INT64_C(1000000), "0.001"},      {INT64_C(5000000), "0.005"},
    {INT64_C(25000000), "0.025"},     {INT64_C(100000000), "0.1"},
    {INT64_C(500000000), "0.5"},      {INT64_C(2500000000), "2.5"},
    {INT64_C(10000000000), "10.0"},   {INT64_C(60000000000), "60.0"},
    {INT64_C(600000000000), "600.0"}, {INT64_MAX, "+Inf"},
};

struct histogram {
    _Atomic uint64_t counts[ARRAY_LEN(bounds)]; /* each without those of the lower bounds */
    _Atomic uint64_t ns;
};

enum { FIRST_CLASS = 2, STATUS_CLASSES = 4 }; /* 2xx to 5xx */

static struct {
    _Atomic uint64_t requests[METRICS_PURPOSES][STATUS_CLASSES];
    struct histogram durations[METRICS_PURPOSES];
    _Atomic uint64_t received;
    _Atomic uint64_t sent;
    _Atomic uint64_t uploads[METRICS_UPLOADS];
    struct histogram checkpoints;
} table;

static const char *const purpose_names[METRICS_PURPOSES] = {
    [METRICS_OTHER] = "other", [METRICS_PAGE] = "page",     [METRICS_ASSET] = "asset",
    [METRICS_API] = "api",     [METRICS_UPLOAD] = "upload", [METRICS_DOWNLOAD] = "download",
    [METRICS_WATCH] = "watch",
};

static const char *const upload_names[METRICS_UPLOADS] = {
    [METRICS_STORED] = "stored",
    [METRICS_REFUSED] = "refused",
    [METRICS_ABORTED] = "aborted",
};

/* ---- counting ---- */

static void add(_Atomic uint64_t *counter, int64_t n)
{
    atomic_fetch_add_explicit(counter, (uint64_t)n, memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void observe(struct histogram *histogram, int64_t ns)
{
    size_t i = 0;
    while (ns > bounds[i].ns) {
        i++;
    }
    add(&histogram->counts[i], 1);
    add(&histogram->ns, ns);
}

void metrics_count_request(enum metrics_purpose purpose, int status, int64_t ns)
{
    int class = status / 100 - FIRST_CLASS;
    check(class >= 0 && class < STATUS_CLASSES);
    add(&table.requests[purpose][class], 1);
    observe(&table.durations[purpose], ns);
}

void metrics_count_received(int64_t bytes)
{
    add(&table.received, bytes);
}

void metrics_count_sent(int64_t bytes)
{
    add(&table.sent, bytes);
}

void metrics_count_upload(enum metrics_upload outcome)
{
    add(&table.uploads[outcome], 1);
}

void metrics_count_checkpoint(int64_t ns)
{
    observe(&table.checkpoints, ns);
}

/* ---- printing ---- */

/* What a family is in either format, and what its samples have at the end of their name:
 * OpenMetrics leaves that away from the family's, and has a type for facts. */
struct kind {
    const char *name;
    const char *text_name;
    const char *suffix;
};

static const struct kind counters = {"counter", "counter", "_total"};
static const struct kind gauges = {"gauge", "gauge", ""};
static const struct kind histograms = {"histogram", "histogram", ""};
static const struct kind infos = {"info", "gauge", "_info"};

static void add_family(struct buf *out, enum metrics_format format, const char *name,
                       const struct kind *kind, const char *unit, const char *help)
{
    if (format == METRICS_TEXT) {
        buf_addf(out, "# HELP %s%s %s\n", name, kind->suffix, help);
        buf_addf(out, "# TYPE %s%s %s\n", name, kind->suffix, kind->text_name);
        return;
    }
    buf_addf(out, "# TYPE %s %s\n", name, kind->name);
    if (unit[0] != '\0') {
        buf_addf(out, "# UNIT %s %s\n", name, unit);
    }
    buf_addf(out, "# HELP %s %s\n", name, help);
}

static void add_counter(struct buf *out, enum metrics_format format, const char *name,
                        const char *unit, const char *help, const _Atomic uint64_t *counter)
{
    add_family(out, format, name, &counters, unit, help);
    buf_addf(out, "%s_total %" PRIu64 "\n", name, get(counter));
}

/* label: name="value", or "" for none. */
static void add_histogram(struct buf *out, const char *name, const char *label,
                          const struct histogram *histogram)
{
    bool labelled = label[0] != '\0';
    uint64_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
        count += get(&histogram->counts[i]);
        buf_addf(out, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", name, label, labelled ? "," : "",
                 bounds[i].le, count);
    }
    uint64_t ns = get(&histogram->ns);
    const char *open = labelled ? "{" : "";
    const char *close = labelled ? "}" : "";
    buf_addf(out, "%s_count%s%s%s %" PRIu64 "\n", name, open, label, close, count);
    buf_addf(out, "%s_sum%s%s%s %" PRIu64 ".%09" PRIu64 "\n", name, open, label, close,
             ns / 1000000000, ns % 1000000000);
}

static void add_requests(struct buf *out, enum metrics_format format)
{
    add_family(out, format, "picoshare_http_requests", &counters, "",
               "Requests that have ended, by what they were for and the first digit of the status;"
               " 4xx has those whose client left.");
    for (size_t i = 0; i < METRICS_PURPOSES; i++) {
        for (size_t k = 0; k < STATUS_CLASSES; k++) {
            buf_addf(out,
                     "picoshare_http_requests_total{route=\"%s\",code=\"%zuxx\"} %" PRIu64 "\n",
                     purpose_names[i], k + FIRST_CLASS, get(&table.requests[i][k]));
        }
    }
}

static void add_durations(struct buf *out, enum metrics_format format)
{
    static const char name[] = "picoshare_http_request_duration_seconds";
    add_family(out, format, name, &histograms, "seconds",
               "Time from a request's first line to the end of its answer.");
    for (size_t i = 0; i < METRICS_PURPOSES; i++) {
        char label[32];
        struct buf text;
        buf_init_in(&text, label, sizeof label);
        buf_addf(&text, "route=\"%s\"", purpose_names[i]);
        add_histogram(out, name, label, &table.durations[i]);
    }
}

static void add_uploads(struct buf *out, enum metrics_format format)
{
    add_family(out, format, "picoshare_uploads", &counters, "",
               "Uploads by outcome; without sign-in there was none, only a request.");
    for (size_t i = 0; i < METRICS_UPLOADS; i++) {
        buf_addf(out, "picoshare_uploads_total{outcome=\"%s\"} %" PRIu64 "\n", upload_names[i],
                 get(&table.uploads[i]));
    }
}

void metrics_print(struct buf *out, enum metrics_format format)
{
    static const char checkpoints[] = "picoshare_database_checkpoint_duration_seconds";
    add_requests(out, format);
    add_durations(out, format);
    add_counter(out, format, "picoshare_http_received_bytes", "bytes", "Bytes of requests' bodies.",
                &table.received);
    add_counter(out, format, "picoshare_http_sent_bytes", "bytes", "Bytes of answers' bodies.",
                &table.sent);
    add_uploads(out, format);
    add_family(out, format, checkpoints, &histograms, "seconds",
               "Time to copy the write-ahead log into the database.");
    add_histogram(out, checkpoints, "", &table.checkpoints);
}

void metrics_add_gauge(struct buf *out, enum metrics_format format, const char *name,
                       const char *unit, const char *help, int64_t value)
{
    if (value >= 0) {
        add_family(out, format, name, &gauges, unit, help);
        buf_addf(out, "%s %" PRId64 "\n", name, value);
    }
}

static void add_label_value(struct buf *out, const char *value)
{
    for (; *value != '\0'; value++) {
        if (*value == '\n') {
            buf_add_str(out, "\\n");
        } else {
            buf_add_str(out, *value == '"' || *value == '\\' ? "\\" : "");
            buf_add_char(out, *value);
        }
    }
}

void metrics_add_info(struct buf *out, enum metrics_format format, const char *name,
                      const char *help, ...)
{
    add_family(out, format, name, &infos, "", help);
    buf_addf(out, "%s_info{", name);
    va_list args;
    va_start(args, help);
    const char *separator = "";
    for (const char *label = va_arg(args, const char *); label != NULL;
         label = va_arg(args, const char *)) {
        buf_addf(out, "%s%s=\"", separator, label);
        add_label_value(out, va_arg(args, const char *));
        buf_add_char(out, '"');
        separator = ",";
    }
    va_end(args);
    buf_add_str(out, "} 1\n");
}

void metrics_end(struct buf *out, enum metrics_format format)
{
    buf_add_str(out, format == METRICS_OPENMETRICS ? "# EOF\n" : "");
}
