#include "picoshare/core/scrub.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/lock.h"
#include "picoshare/base/mem.h"
#include "picoshare/base/num.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The position is a value of ext_meta: the rowid of the file looked at last, 0 between two rounds,
 * and the end of the last round. */
#define POSITION_KEY "scrub"
enum { POSITION_SIZE = 48 };

struct scrub {
    struct store *store;
    const struct clock *clock;
    int64_t bytes_per_s;
    void (*report)(const struct scrub_report *report);

    struct verifier *verifier; /* NULL: between two rounds */
    int64_t rowid;             /* where the round begins, then where it is */
    int64_t files;             /* in it */
    int64_t saved_ms;          /* when the position was saved last */
    int64_t not_before_ms;     /* the next round */

    struct lock lock; /* guards state */
    struct scrub_state state;
};

/* ---- the position ---- */

struct saving {
    struct store_set_meta job;
    char value[POSITION_SIZE];
};

static void free_job(struct store_job *job)
{
    mem_free(job->owner); /* what was not stored is found again in the next round */
}

static void save_position(struct scrub *scrub)
{
    struct saving *saving = mem_alloc(1, sizeof *saving);
    scrub->saved_ms = clock_mono_ms(scrub->clock);
    if (saving == NULL) {
        return;
    }
    (void)snprintf(saving->value, sizeof saving->value, "%" PRId64 " %" PRId64, scrub->rowid,
                   scrub->state.round_ended);
    store_set_meta_init(&saving->job);
    saving->job.key = POSITION_KEY;
    saving->job.value = saving->value;
    saving->job.job.owner = saving;
    saving->job.job.done = free_job;
    saving->job.job.durable = false;
    store_submit(scrub->store, &saving->job.job);
}

/* None, or one that cannot be read: from the beginning. */
static err_t read_position(struct scrub *scrub)
{
    char value[POSITION_SIZE];
    err_t err = store_get_meta(scrub->store, POSITION_KEY, value, sizeof value);
    if (err != ERR_OK) {
        return err == ERR_NOTFOUND || err == ERR_TOOBIG ? ERR_OK : err;
    }
    struct slice text = slice_str(value);
    size_t blank = slice_find(text, ' ');
    if (blank == text.len ||
        num_parse_i64(slice_of(value, blank), 0, INT64_MAX, &scrub->rowid) != ERR_OK ||
        num_parse_i64(slice_skip(text, blank + 1), 0, INT64_MAX, &scrub->state.round_ended) !=
            ERR_OK) {
        scrub->rowid = 0;
        scrub->state.round_ended = 0;
    }
    return ERR_OK;
}

/* ---- what is found ---- */

struct noting {
    struct store_note_damage job;
    char text[VERIFY_TEXT_SIZE];
};

static void note(struct scrub *scrub, const char *id, const char *text)
{
    struct noting *noting = mem_alloc(1, sizeof *noting);
    if (noting == NULL) {
        return;
    }
    store_note_damage_init(&noting->job);
    (void)slice_copy(slice_str(id), noting->job.id, sizeof noting->job.id);
    if (text != NULL) {
        (void)slice_copy(slice_str(text), noting->text, sizeof noting->text);
        noting->job.text = noting->text;
    }
    noting->job.job.owner = noting;
    noting->job.job.done = free_job;
    store_submit(scrub->store, &noting->job.job);
}

static void take_result(struct scrub *scrub, const struct verify_result *result)
{
    char text[VERIFY_TEXT_SIZE];
    char id[ENTRY_ID_LEN + 1];
    bool noted = false;
    scrub->rowid = result->rowid;
    scrub->files++;
    if (!slice_copy(result->id, id, sizeof id) || id[0] == '\0' ||
        store_is_damage_noted(scrub->store, id, &noted) != ERR_OK) {
        return; /* nobody can ask for it */
    }
    lock_take(&scrub->lock);
    memcpy(scrub->state.last_id, id, sizeof id);
    scrub->state.last_time = clock_now_s(scrub->clock);
    lock_give(&scrub->lock);
    bool damaged = result->flaw != VERIFY_SOUND;
    if (damaged == noted) {
        return;
    }
    verify_describe(result, text);
    note(scrub, id, damaged ? text : NULL);
    const struct scrub_report report = {
        .event = damaged ? SCRUB_DAMAGED : SCRUB_WHOLE_AGAIN,
        .id = id,
        .filename = result->filename,
        .text = text,
    };
    scrub->report(&report);
}

/* ---- rounds ---- */

static void end_round(struct scrub *scrub, err_t err)
{
    const struct scrub_report report = {
        .event = err == ERR_OK ? SCRUB_ROUND : SCRUB_FAILED,
        .files = scrub->files,
        .result = err,
    };
    verifier_free(TAKE(scrub->verifier));
    scrub->rowid = 0;
    lock_take(&scrub->lock);
    scrub->state.running = false;
    if (err == ERR_OK) {
        scrub->state.round_ended = clock_now_s(scrub->clock);
    } else {
        scrub->not_before_ms = clock_mono_ms(scrub->clock) + SCRUB_RETRY_MS;
    }
    lock_give(&scrub->lock);
    save_position(scrub);
    scrub->report(&report);
}

/* A round that was interrupted goes on. A clock that was in the future once must not stop all later
 * rounds. */
static bool is_due(const struct scrub *scrub)
{
    int64_t ended = scrub->state.round_ended;
    int64_t now = clock_now_s(scrub->clock);
    if (clock_mono_ms(scrub->clock) < scrub->not_before_ms) {
        return false;
    }
    return scrub->rowid > 0 || ended == 0 || ended > now || now - ended >= SCRUB_EVERY_S;
}

static err_t begin_round(struct scrub *scrub)
{
    err_t err = verifier_new(scrub->store, scrub->rowid, &scrub->verifier);
    if (err == ERR_OK) {
        scrub->files = 0;
        scrub->saved_ms = clock_mono_ms(scrub->clock);
        lock_take(&scrub->lock);
        scrub->state.running = true;
        lock_give(&scrub->lock);
    }
    return err;
}

void scrub_work(struct scrub *scrub)
{
    int64_t until = clock_mono_ms(scrub->clock) + SCRUB_MS;
    if (scrub->bytes_per_s == 0 || (scrub->verifier == NULL && !is_due(scrub)) ||
        (scrub->verifier == NULL && begin_round(scrub) != ERR_OK)) {
        return;
    }
    int64_t enough = verifier_bytes(scrub->verifier) + scrub->bytes_per_s;
    err_t err = ERR_OK;
    while (err == ERR_OK && verifier_bytes(scrub->verifier) < enough &&
           clock_mono_ms(scrub->clock) < until) {
        bool done = false;
        struct verify_result result;
        err = verifier_step(scrub->verifier, &done, &result);
        if (err == ERR_OK && done) {
            take_result(scrub, &result);
        }
    }
    if (err == ERR_NOTFOUND || err == ERR_CORRUPT) {
        end_round(scrub, err == ERR_NOTFOUND ? ERR_OK : err);
    } else if (clock_mono_ms(scrub->clock) - scrub->saved_ms >= SCRUB_SAVE_MS) {
        save_position(scrub); /* after other errors it goes on with the next call */
    }
}

void scrub_state(struct scrub *scrub, struct scrub_state *ret_state)
{
    lock_take(&scrub->lock);
    *ret_state = scrub->state;
    lock_give(&scrub->lock);
}

err_t scrub_new(struct store *store, const struct clock *clock, int64_t bytes_per_s,
                void (*report)(const struct scrub_report *report), struct scrub **ret_scrub)
{
    struct scrub *scrub = mem_alloc(1, sizeof *scrub);
    if (scrub == NULL) {
        return ERR_NOMEM;
    }
    scrub->store = store;
    scrub->clock = clock;
    scrub->bytes_per_s = bytes_per_s;
    scrub->report = report;
    scrub->state.on = bytes_per_s > 0;
    scrub->not_before_ms = INT64_MIN;
    lock_init(&scrub->lock);
    err_t err = read_position(scrub);
    if (err != ERR_OK) {
        scrub_free(scrub);
        return err;
    }
    *ret_scrub = scrub;
    return ERR_OK;
}

void scrub_free(struct scrub *scrub)
{
    if (scrub != NULL) {
        verifier_free(scrub->verifier);
        lock_done(&scrub->lock);
        mem_free(scrub);
    }
}
