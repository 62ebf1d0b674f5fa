/* upkeep.h — removes what has expired or belongs to nothing, and gives free pages back to the file
 * system: at the start, every COLLECT_EVERY_S, and whenever the owner asks.
 *
 * A run is a collection and, where it is wanted, giving pages back; both are slices of idle work of
 * the store, so others hardly notice. There is one run at a time. Reports come on the store's
 * writer thread when a step has ended. All functions may be called by any thread; upkeep_free()
 * after store_close(), which ends a run. http-api.md 16; improvements.md, Process. */
#ifndef PICOSHARE_CORE_UPKEEP_H
#define PICOSHARE_CORE_UPKEEP_H

#include "picoshare/store/store.h"

struct upkeep;

enum upkeep_step { UPKEEP_IDLE, UPKEEP_COLLECTING, UPKEEP_RECLAIMING };

struct upkeep_report {
    enum upkeep_step step; /* that has ended */
    err_t result;          /* as of store_collect or store_vacuum */
    int64_t expired;       /* files */
    int64_t orphans;       /* files whose rows belonged to nothing */
    int64_t pages_freed;
};

struct upkeep_state {
    enum upkeep_step step;
    int64_t pages_freed; /* by this run, or by the last one */
};

/* reclaims: runs on schedule give pages back, too. */
err_t upkeep_new(struct store *store, const struct clock *clock, bool reclaims,
                 void (*report)(const struct upkeep_report *report),
                 struct upkeep **ret_upkeep) MUST_CHECK;
void upkeep_free(struct upkeep *upkeep);

/* To be called now and then: starts a run when it is time. */
void upkeep_tick(struct upkeep *upkeep);
/* Starts a run that gives pages back, or makes the present one do so. */
void upkeep_reclaim(struct upkeep *upkeep);
void upkeep_state(struct upkeep *upkeep, struct upkeep_state *ret_state);

#endif
