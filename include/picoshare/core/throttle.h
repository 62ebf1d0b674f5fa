/* throttle.h — wrong passphrases cost time (improvements.md, Sign-in).
 *
 * Each attempt is charged before the passphrase is looked at, so that attempts at the same time
 * cannot all slip through; a right one gets its charge back. A client has SIGN_IN_FREE_ATTEMPTS,
 * then every attempt opens a wait of 1, 2, 4 … up to SIGN_IN_MAX_WAIT_S seconds. Attempts during a
 * wait are refused, whatever the passphrase, and do not lengthen it. When all clients together fail
 * often, each has fewer attempts and longer waits; but one that is not known yet always has one.
 * A client is an IPv4 address, the first 64 bits of an IPv6 address, or any other text by itself.
 * Bounds, and why it is made so: docs/decisions/0006-sign-in-throttle.md.
 * Thread-safe. The clock is borrowed for the object's life; only its monotonic time counts. */
#ifndef PICOSHARE_CORE_THROTTLE_H
#define PICOSHARE_CORE_THROTTLE_H

#include "picoshare/base/clock.h"
#include "picoshare/base/err.h"
#include <stdbool.h>
#include <stdint.h>

struct throttle;

err_t throttle_new(const struct clock *clock, struct throttle **ret_throttle) MUST_CHECK;
void throttle_free(struct throttle *throttle);

/* Charges an attempt. False: it may not be made, and the client must wait for ret_retry_after_s
 * seconds, at least one. address is the textual one; what is none counts as it stands. */
bool throttle_enter(struct throttle *throttle, const char *address,
                    int64_t *ret_retry_after_s) MUST_CHECK;

/* The passphrase was right: gives the charge of one throttle_enter() back and forgets the client's
 * failures. After a wrong one nothing is to be called. */
void throttle_passed(struct throttle *throttle, const char *address);

#endif
