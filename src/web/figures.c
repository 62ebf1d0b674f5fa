#include "figures.h"
#include "internal.h"
#include "picoshare/base/limits.h"
#include <inttypes.h>

static const char *const step_names[] = {
    [UPKEEP_IDLE] = "idle",
    [UPKEEP_COLLECTING] = "collecting",
    [UPKEEP_RECLAIMING] = "giving pages back",
};

err_t figures_collect(const struct request *request, struct figures *ret_figures)
{
    struct app *app = app_of(request);
    *ret_figures = (struct figures){
        .version = app->version,
        .revision = app->revision,
        .commit_time = app->commit_time,
        .sandbox = app->sandbox,
        .sandbox_complete = app->sandbox_complete,
        .started = app->started,
        .uptime_s = clock_now_s(app->clock) - app->started,
        .log_bytes = store_wal_bytes(app->store),
        .uploads = uploads_running(app->uploads),
        .buffers_used = uploads_buffers_used(app->uploads),
        .buffers_total = CHUNK_BUFFERS,
        .buffer_bytes = CHUNK_BYTES,
    };
    server_figures(request_server(request), &ret_figures->server);
    upkeep_state(app->upkeep, &ret_figures->upkeep);
    scrub_state(app->scrub, &ret_figures->scrub);
    app->measure_memory(app->memory_files, &ret_figures->memory);
    return store_figures(app->store, &ret_figures->store);
}

static void add(struct buf *out, const char *name, int64_t value)
{
    buf_addf(out, ",\"%s\":", name);
    if (value < 0) {
        buf_add_str(out, "null");
    } else {
        buf_addf(out, "%" PRId64, value);
    }
}

static void add_text(struct buf *out, const char *name, const char *text)
{
    if (text[0] == '\0') {
        buf_addf(out, ",\"%s\":null", name);
    } else {
        buf_addf(out, ",\"%s\":\"%s\"", name, text);
    }
}

void figures_print_time(int64_t unix_s, char ret_text[TIMESTAMP_SIZE])
{
    ret_text[0] = '\0';
    if (unix_s > 0) {
        timestamp_print(unix_s, ret_text);
    }
}

static void add_time(struct buf *out, const char *name, int64_t unix_s)
{
    char text[TIMESTAMP_SIZE];
    figures_print_time(unix_s, text);
    add_text(out, name, text);
}

static const char *check_name(const struct scrub_state *scrub)
{
    return !scrub->on ? "off" : scrub->running ? "running" : "waiting";
}

/* Names are ours and need no escapes; neither does what is known of the build. */
void figures_add_json(const struct figures *figures, struct buf *out)
{
    const struct store_figures *store = &figures->store;
    const struct memory_use *memory = &figures->memory;
    buf_addf(out, "{\"version\":\"%s\"", figures->version);
    add_text(out, "revision", figures->revision);
    add_text(out, "commitTime", figures->commit_time);
    add_text(out, "sandbox", figures->sandbox);
    add(out, "uptimeSeconds", figures->uptime_s);
    add(out, "files", store->files);
    add(out, "uploadBytes", store->upload_bytes);
    add(out, "sessions", store->sessions);
    add(out, "databaseFilesBytes", store->files_bytes);
    add(out, "logBytes", figures->log_bytes);
    add(out, "pageBytes", store->page_bytes);
    add(out, "pages", store->pages);
    add(out, "freePages", store->free_pages);
    buf_addf(out, ",\"canShrink\":%s", store->can_shrink ? "true" : "false");
    buf_addf(out, ",\"canConvert\":%s", store->can_convert ? "true" : "false");
    buf_addf(out, ",\"upkeep\":\"%s\"", step_names[figures->upkeep.step]);
    add(out, "pagesGivenBack", figures->upkeep.pages_freed);
    add_text(out, "check", check_name(&figures->scrub));
    add_text(out, "checkedLastId", figures->scrub.last_id);
    add_time(out, "checkedLastTime", figures->scrub.last_time);
    add_time(out, "checkedAllTime", figures->scrub.round_ended);
    add(out, "damagedFiles", store->damaged);
    add(out, "diskTotalBytes", store->disk_total);
    add(out, "diskUsedBytes", store->disk_used);
    add(out, "residentBytes", memory->resident);
    add(out, "residentPeakBytes", memory->resident_peak);
    add(out, "anonymousBytes", memory->anonymous);
    add(out, "groupBytes", memory->group);
    add(out, "groupPageCacheBytes", memory->group_page_cache);
    add(out, "groupLimitBytes", memory->group_limit);
    add(out, "connections", (int64_t)figures->server.connections);
    add(out, "requests", (int64_t)figures->server.requests);
    add(out, "uploads", (int64_t)figures->uploads);
    add(out, "chunkBuffersUsed", (int64_t)figures->buffers_used);
    add(out, "chunkBuffers", (int64_t)figures->buffers_total);
    add(out, "chunkBufferBytes", (int64_t)figures->buffer_bytes);
    buf_add_str(out, "}\n");
}
