#include "picoshare/core/upkeep.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/lock.h"
#include "picoshare/base/mem.h"

struct upkeep {
    struct store *store;
    const struct clock *clock;
    bool reclaims;
    void (*report)(const struct upkeep_report *report);

    struct lock lock; /* guards the rest; what a job holds is the writer's meanwhile */
    enum upkeep_step step;
    bool reclaim_wanted; /* when the collection has ended */
    int64_t next_ms;     /* of the schedule */
    int64_t pages_freed;
    struct store_collect collect;
    struct store_vacuum vacuum;
};

static void on_reclaimed(struct store_job *job)
{
    struct upkeep *upkeep = job->owner;
    const struct upkeep_report report = {
        .step = UPKEEP_RECLAIMING,
        .result = job->result,
        .pages_freed = upkeep->vacuum.pages_freed,
    };
    lock_take(&upkeep->lock);
    upkeep->step = UPKEEP_IDLE;
    upkeep->pages_freed = report.pages_freed;
    lock_give(&upkeep->lock);
    upkeep->report(&report);
}

static void on_collected(struct store_job *job)
{
    struct upkeep *upkeep = job->owner;
    const struct upkeep_report report = {
        .step = UPKEEP_COLLECTING,
        .result = job->result,
        .expired = upkeep->collect.entries_removed,
        .orphans = upkeep->collect.orphans_removed,
    };
    lock_take(&upkeep->lock);
    bool reclaim = upkeep->reclaim_wanted && job->result == ERR_OK;
    upkeep->reclaim_wanted = false;
    upkeep->step = reclaim ? UPKEEP_RECLAIMING : UPKEEP_IDLE;
    if (reclaim) {
        store_vacuum_init(&upkeep->vacuum);
        upkeep->vacuum.job.owner = upkeep;
        upkeep->vacuum.job.done = on_reclaimed;
    }
    lock_give(&upkeep->lock);
    upkeep->report(&report);
    if (reclaim) {
        store_submit(upkeep->store, &upkeep->vacuum.job);
    }
}

err_t upkeep_new(struct store *store, const struct clock *clock, bool reclaims,
                 void (*report)(const struct upkeep_report *report), struct upkeep **ret_upkeep)
{
    struct upkeep *upkeep = mem_alloc(1, sizeof *upkeep);
    if (upkeep == NULL) {
        return ERR_NOMEM;
    }
    upkeep->store = store;
    upkeep->clock = clock;
    upkeep->reclaims = reclaims;
    upkeep->report = report;
    upkeep->next_ms = clock_mono_ms(clock); /* the first one at the start */
    lock_init(&upkeep->lock);
    *ret_upkeep = upkeep;
    return ERR_OK;
}

void upkeep_free(struct upkeep *upkeep)
{
    if (upkeep != NULL) {
        lock_done(&upkeep->lock);
        mem_free(upkeep);
    }
}

/* Starts a run unless there is one; lock held. True: upkeep->collect is to be submitted. */
static bool begin(struct upkeep *upkeep)
{
    if (upkeep->step != UPKEEP_IDLE) {
        return false;
    }
    upkeep->step = UPKEEP_COLLECTING;
    upkeep->pages_freed = 0;
    store_collect_init(&upkeep->collect);
    upkeep->collect.job.owner = upkeep;
    upkeep->collect.job.done = on_collected;
    return true;
}

void upkeep_tick(struct upkeep *upkeep)
{
    int64_t now = clock_mono_ms(upkeep->clock);
    bool begun = false;
    lock_take(&upkeep->lock);
    if (now >= upkeep->next_ms) {
        upkeep->next_ms = now + INT64_C(1000) * COLLECT_EVERY_S;
        begun = begin(upkeep);
        upkeep->reclaim_wanted = upkeep->reclaim_wanted || (begun && upkeep->reclaims);
    }
    lock_give(&upkeep->lock);
    if (begun) {
        store_submit(upkeep->store, &upkeep->collect.job);
    }
}

void upkeep_reclaim(struct upkeep *upkeep)
{
    lock_take(&upkeep->lock);
    bool begun = begin(upkeep);
    upkeep->reclaim_wanted = upkeep->step == UPKEEP_COLLECTING;
    lock_give(&upkeep->lock);
    if (begun) {
        store_submit(upkeep->store, &upkeep->collect.job);
    }
}

void upkeep_state(struct upkeep *upkeep, struct upkeep_state *ret_state)
{
    lock_take(&upkeep->lock);
    *ret_state = (struct upkeep_state){.step = upkeep->step, .pages_freed = upkeep->pages_freed};
    lock_give(&upkeep->lock);
}
