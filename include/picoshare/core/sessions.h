/* sessions.h — the owner: one passphrase, and the sessions it opened.
 *
 * A session is a random 256-bit token that its client keeps in a cookie; the store keeps its
 * SHA-256 (improvements.md, Sign-in). It ends SESSION_LIFETIME_S after its last use, when it is
 * logged out, and when the passphrase changes.
 * Thread-safe: the object does not change after sessions_new(). */
#ifndef PICOSHARE_CORE_SESSIONS_H
#define PICOSHARE_CORE_SESSIONS_H

#include "picoshare/base/digest.h"
#include "picoshare/base/rng.h"
#include "picoshare/base/slice.h"
#include "picoshare/store/store.h"

enum { SESSION_TOKEN_LEN = 43 }; /* 32 bytes in unpadded base64url */

struct sessions;

/* Ends all sessions when the passphrase is not the one of the last start. The store's writer must
 * be running. */
err_t sessions_new(struct store *store, const struct clock *clock, const struct rng *rng,
                   struct slice passphrase, struct sessions **ret_sessions) MUST_CHECK;
void sessions_free(struct sessions *sessions);

/* What a passphrase is compared by; ERR_NOMEM. */
err_t sessions_hash_passphrase(struct slice passphrase,
                               uint8_t ret_sha256[SHA256_BYTES]) MUST_CHECK;
/* Compares in constant time. */
bool sessions_passphrase_ok(const struct sessions *sessions, const uint8_t sha256[SHA256_BYTES]);

/* Whether the token is that of a running session; notes its use now and then, which prolongs it and
 * sets *ret_prolonged: the client's cookie should then be prolonged too.
 * ERR_AUTH: it is not. Other errors: the store could not be asked. */
err_t sessions_check(struct sessions *sessions, struct slice token, bool *ret_prolonged) MUST_CHECK;

/* Prepares the job that stores a new session; the caller sets owner and done, submits it, and hands
 * the token out when it has succeeded. client_ip and user_agent are borrowed until then. */
err_t sessions_prepare_login(struct sessions *sessions, const char *client_ip,
                             const char *user_agent, struct store_change_session *ret_job,
                             char ret_token[SESSION_TOKEN_LEN + 1]) MUST_CHECK;
/* The same for ending one; ERR_INVALID: that cannot be a token. */
err_t sessions_prepare_logout(struct slice token, struct store_change_session *ret_job) MUST_CHECK;

/* The handle (store_session_view) of a token's session; false: that cannot be a token. */
bool sessions_handle(struct slice token, char ret_handle[STORE_HANDLE_LEN + 1]);

#endif
