/* metrics.c — GET /metrics: what the program counts, and the figures of the moment, for Prometheus
 * and its relatives. Who asks for OpenMetrics gets it, others Prometheus' older text format, which
 * is what its tools read. For the owner, or at an address of its own. */
#include "picoshare/base/metrics.h"
#include "figures.h"
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/text/accept.h"

static void add_gauges(const struct figures *figures, enum metrics_format format, struct buf *out)
{
    const struct store_figures *store = &figures->store;
    const struct {
        const char *name;
        const char *unit;
        const char *help;
        int64_t value;
    } gauges[] = {
        {"picoshare_http_connections", "", "Open connections, idle ones too.",
         (int64_t)figures->server.connections},
        {"picoshare_http_running_requests", "", "Requests that have not ended, this one too.",
         (int64_t)figures->server.requests},
        {"picoshare_running_uploads", "", "Uploads that have not ended.",
         (int64_t)figures->uploads},
        {"picoshare_chunk_buffers", "", "Chunk buffers of uploads in use.",
         (int64_t)figures->buffers_used},
        {"picoshare_chunk_buffers_limit", "", "Chunk buffers that there are.",
         (int64_t)figures->buffers_total},
        {"picoshare_files", "", "Files stored.", store->files},
        {"picoshare_files_size_bytes", "bytes", "Their contents.", store->upload_bytes},
        {"picoshare_damaged_files", "", "Files that were found to be damaged.", store->damaged},
        {"picoshare_sessions", "", "Sessions of the owner that have not expired.", store->sessions},
        {"picoshare_database_size_bytes", "bytes", "The database's files, log and index too.",
         store->files_bytes},
        {"picoshare_database_log_bytes", "bytes", "The write-ahead log in use.",
         figures->log_bytes},
        {"picoshare_database_page_size_bytes", "bytes", "One page of the database.",
         store->page_bytes},
        {"picoshare_database_pages", "", "Pages of the database.", store->pages},
        {"picoshare_database_free_pages", "", "Of them, those that nothing is in.",
         store->free_pages},
        {"picoshare_disk_size_bytes", "bytes", "The file system that the database is in.",
         store->disk_total},
        {"picoshare_disk_used_bytes", "bytes", "Of it, what is in use or kept for root.",
         store->disk_used},
        {"picoshare_sandbox_complete", "", "1: everything of the sandbox is active.",
         figures->sandbox_complete},
        {"process_resident_memory_bytes", "bytes", "Memory in use, shared libraries too.",
         figures->memory.resident},
        {"process_start_time_seconds", "seconds", "When the server was started, since 1970.",
         figures->started},
    };
    for (size_t i = 0; i < ARRAY_LEN(gauges); i++) {
        metrics_add_gauge(out, format, gauges[i].name, gauges[i].unit, gauges[i].help,
                          gauges[i].value);
    }
}

static void print(const struct figures *figures, enum metrics_format format, struct buf *out)
{
    metrics_print(out, format);
    add_gauges(figures, format, out);
    metrics_add_info(out, format, "picoshare_build", "This program.", "version", figures->version,
                     "revision", figures->revision, NULL);
    metrics_add_info(out, format, "picoshare_sandbox", "What of the sandbox is active.", "active",
                     figures->sandbox, NULL);
    metrics_end(out, format);
}

static void end(struct request *request)
{
    static const char *const types[] = {
        [METRICS_TEXT] = "text/plain", [METRICS_OPENMETRICS] = "application/openmetrics-text"};
    static const char *const content_types[] = {
        [METRICS_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
        [METRICS_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8"};
    size_t liked = accept_best(request_header(request, "Accept"), types, ARRAY_LEN(types));
    enum metrics_format format = liked == METRICS_OPENMETRICS ? METRICS_OPENMETRICS : METRICS_TEXT;
    struct figures figures;
    err_t err = figures_collect(request, &figures);
    if (err != ERR_OK) {
        answer_failure(request, err, "failed to read the system's figures");
        return;
    }
    struct buf text;
    buf_init(&text, (size_t)64 * KIB);
    print(&figures, format, &text);
    struct response *response = response_new(200);
    response_header(response, "Content-Type", content_types[format]);
    response_header(response, "Cache-Control", "no-store");
    response_body_take(response, &text);
    buf_done(&text);
    request_answer(request, response);
}

const struct request_handler handler_metrics = {.end = end};
