#include "picoshare/core/measurer.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/mem.h"
#include "picoshare/core/download.h"
#include <string.h>

enum stage { STAGE_SIZES, STAGE_DIGESTS, STAGE_END };

struct measurer {
    struct store *store;
    const struct clock *clock;
    enum stage stage;
    char at[ENTRY_ID_LEN + 1]; /* the file looked at last, or now */
    struct download *file;     /* NULL: between two files */
    struct sha256 *hash;
    int64_t pos;
    int64_t digests;
    char block[DOWNLOAD_BLOCK_BYTES];
};

err_t measurer_new(struct store *store, const struct clock *clock, struct measurer **ret_measurer)
{
    struct measurer *measurer = mem_alloc(1, sizeof *measurer);
    if (measurer == NULL) {
        return ERR_NOMEM;
    }
    measurer->store = store;
    measurer->clock = clock;
    *ret_measurer = measurer;
    return ERR_OK;
}

static void close_file(struct measurer *measurer)
{
    download_close(TAKE(measurer->file));
    sha256_free(TAKE(measurer->hash));
}

void measurer_free(struct measurer *measurer)
{
    if (measurer != NULL) {
        close_file(measurer);
        mem_free(measurer);
    }
}

static void free_job(struct store_job *job)
{
    /* What could not be recorded is found out again after the next start. */
    mem_free(job->owner);
}

static err_t record(struct measurer *measurer, bool has_sha256)
{
    struct store_measure *job = mem_alloc(1, sizeof *job);
    if (job == NULL) {
        return ERR_NOMEM;
    }
    store_measure_init(job);
    memcpy(job->id, measurer->at, sizeof job->id);
    job->size = download_entry(measurer->file)->size;
    job->has_sha256 = has_sha256;
    err_t err = has_sha256 ? sha256_finish(measurer->hash, job->sha256) : ERR_OK;
    if (err != ERR_OK) {
        mem_free(job);
        return err;
    }
    job->job.owner = job;
    job->job.done = free_job;
    store_submit(measurer->store, &job->job);
    measurer->digests += has_sha256 ? 1 : 0;
    return ERR_OK;
}

/* Opens the next file without a size or digest; at the end of the stage begins the next one. */
static err_t open_next(struct measurer *measurer)
{
    bool sizes_only = measurer->stage == STAGE_SIZES;
    err_t err = store_next_unmeasured(measurer->store, measurer->at, sizes_only, measurer->at);
    if (err == ERR_NOTFOUND) {
        measurer->at[0] = '\0';
        measurer->stage = sizes_only ? STAGE_DIGESTS : STAGE_END;
        return ERR_OK;
    }
    measurer->pos = 0;
    if (err == ERR_OK) {
        err = download_open(measurer->store, measurer->at, clock_now_s(measurer->clock),
                            &measurer->file);
        if (err == ERR_NOTFOUND) {
            return ERR_OK; /* expired, or without contents */
        }
    }
    if (err == ERR_OK && !sizes_only) {
        err = sha256_new(&measurer->hash);
    }
    return err;
}

/* A row that is missing because the file has been deleted meanwhile is no damage. */
static err_t judge_damage(struct measurer *measurer)
{
    struct store_entry entry;
    err_t err = store_find_entry(measurer->store, measurer->at, &entry);
    store_entry_done(&entry);
    return err == ERR_OK ? ERR_CORRUPT : err;
}

static err_t hash_block(struct measurer *measurer)
{
    size_t len = 0;
    err_t err =
        download_read(measurer->file, measurer->pos, measurer->block, sizeof measurer->block, &len);
    if (err == ERR_OK) {
        err = sha256_add(measurer->hash, measurer->block, len);
        measurer->pos += (int64_t)len;
    }
    return err;
}

static err_t step(struct measurer *measurer)
{
    if (measurer->file == NULL) {
        return open_next(measurer);
    }
    bool complete =
        measurer->stage == STAGE_SIZES || measurer->pos == download_entry(measurer->file)->size;
    if (!complete) {
        return hash_block(measurer);
    }
    err_t err = record(measurer, measurer->stage == STAGE_DIGESTS);
    close_file(measurer);
    return err;
}

err_t measurer_work(struct measurer *measurer, int64_t budget_ms)
{
    int64_t until = clock_mono_ms(measurer->clock) + budget_ms;
    while (measurer->stage != STAGE_END && clock_mono_ms(measurer->clock) < until) {
        err_t err = step(measurer);
        if (err == ERR_CORRUPT && measurer->file != NULL) {
            err = judge_damage(measurer);
        }
        if (err != ERR_OK) {
            close_file(measurer); /* on with the next one */
        }
        bool passed_over = err == ERR_NOTFOUND ||
                           /* what has no size is reported when its digest is looked for */
                           (err == ERR_CORRUPT && measurer->stage == STAGE_SIZES);
        if (err != ERR_OK && !passed_over) {
            return err;
        }
    }
    return measurer->stage == STAGE_END ? ERR_NOTFOUND : ERR_OK;
}

const char *measurer_file(const struct measurer *measurer)
{
    return measurer->at;
}

int64_t measurer_digests(const struct measurer *measurer)
{
    return measurer->digests;
}
