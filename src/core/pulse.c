#include "picoshare/core/pulse.h"
#include "picoshare/base/mem.h"
#include <stdatomic.h>

struct pulse {
    struct store *store;
    struct store_job job; /* the store's while `asked` */
    _Atomic bool asked;
};

static err_t do_nothing(struct store *store, struct store_job *job)
{
    (void)store;
    (void)job;
    return ERR_OK;
}

static void on_done(struct store_job *job)
{
    struct pulse *pulse = job->owner;
    atomic_store(&pulse->asked, false);
}

err_t pulse_new(struct store *store, struct pulse **ret_pulse)
{
    struct pulse *pulse = mem_alloc(1, sizeof *pulse);
    if (pulse == NULL) {
        return ERR_NOMEM;
    }
    pulse->store = store;
    *ret_pulse = pulse;
    return ERR_OK;
}

void pulse_free(struct pulse *pulse)
{
    mem_free(pulse);
}

bool pulse_beats(struct pulse *pulse)
{
    if (atomic_load(&pulse->asked)) {
        return false;
    }
    pulse->job = (struct store_job){
        .run = do_nothing, .done = on_done, .owner = pulse, .lane = STORE_IDLE, .outside = true};
    atomic_store(&pulse->asked, true);
    store_submit(pulse->store, &pulse->job);
    return true;
}
