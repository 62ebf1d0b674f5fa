/* pulse.h — whether the store's writer still does its work: it is asked by a job that does nothing,
 * in no transaction, so neither a full disk nor a locked database stops the pulse.
 *
 * pulse_beats() belongs to one thread; pulse_free() comes after store_close(). */
#ifndef PICOSHARE_CORE_PULSE_H
#define PICOSHARE_CORE_PULSE_H

#include "picoshare/store/store.h"

struct pulse;

err_t pulse_new(struct store *store, struct pulse **ret_pulse) MUST_CHECK;
void pulse_free(struct pulse *pulse);

/* True: the writer has answered since the last call, or was not asked before; it is asked again. */
bool pulse_beats(struct pulse *pulse);

#endif
