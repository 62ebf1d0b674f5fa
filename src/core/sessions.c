/* sessions.c — a token is looked up by its SHA-256, so the database gives none away, and the lookup
 * needs no comparison in constant time: who could guess at hashes could guess at tokens.
 *
 * Whether the passphrase has changed since the last start is known from a salted, slow hash of it
 * in ext_meta. */
#include "picoshare/core/sessions.h"
#include "picoshare/base/buf.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/mem.h"
#include "picoshare/text/base64.h"
#include <string.h>

enum {
    TOKEN_BYTES = 32,
    SALT_BYTES = 16,
    PASSPHRASE_ROUNDS = 100000, /* about 30 ms, once per start */
};

struct sessions {
    struct store *store;
    const struct clock *clock;
    const struct rng *rng;
    uint8_t passphrase_sha256[SHA256_BYTES];
};

/* ---- the passphrase ---- */

/* "salt:key", both in Base64. */
struct passphrase_mark {
    uint8_t salt[SALT_BYTES];
    char text[BASE64_SIZE(SALT_BYTES) + BASE64_SIZE(SHA256_BYTES)];
};

static err_t make_mark(struct slice passphrase, struct passphrase_mark *mark)
{
    uint8_t key[SHA256_BYTES];
    err_t err = digest_pbkdf2(passphrase, slice_of(mark->salt, SALT_BYTES), PASSPHRASE_ROUNDS, key);
    if (err != ERR_OK) {
        return err;
    }
    base64_encode(slice_of(mark->salt, SALT_BYTES), BASE64_URL, mark->text);
    size_t len = strlen(mark->text);
    mark->text[len] = ':';
    base64_encode(slice_of(key, sizeof key), BASE64_URL, mark->text + len + 1);
    return ERR_OK;
}

/* The salt of a stored mark; false when it is damaged. */
static bool read_salt(const char *stored, uint8_t ret_salt[SALT_BYTES])
{
    struct slice salt = slice_str(stored);
    salt.len = slice_find(salt, ':');
    size_t len = 0;
    return base64_decode(salt, BASE64_URL, ret_salt, SALT_BYTES, &len) == ERR_OK &&
           len == SALT_BYTES;
}

static err_t passphrase_is_known(struct store *store, struct slice passphrase, bool *ret_known)
{
    struct passphrase_mark mark;
    char stored[sizeof mark.text];
    err_t err = store_get_meta(store, "passphrase", stored, sizeof stored);
    *ret_known = false;
    if (err == ERR_NOTFOUND || err == ERR_TOOBIG) {
        return ERR_OK;
    }
    if (err != ERR_OK || !read_salt(stored, mark.salt)) {
        return err;
    }
    err = make_mark(passphrase, &mark);
    size_t len = strlen(mark.text);
    *ret_known = err == ERR_OK && strlen(stored) == len && digest_equal(mark.text, stored, len);
    return err;
}

static err_t remember_passphrase(struct sessions *sessions, struct slice passphrase)
{
    struct passphrase_mark mark;
    err_t err = rng_fill(sessions->rng, mark.salt, SALT_BYTES);
    if (err == ERR_OK) {
        err = make_mark(passphrase, &mark);
    }
    if (err == ERR_OK) {
        struct store_change_session change;
        store_change_session_init(&change);
        change.change = STORE_SESSION_DELETE_ALL;
        err = store_run(sessions->store, &change.job);
    }
    if (err == ERR_OK) {
        struct store_set_meta set;
        store_set_meta_init(&set);
        set.key = "passphrase";
        set.value = mark.text;
        err = store_run(sessions->store, &set.job);
    }
    return err;
}

err_t sessions_new(struct store *store, const struct clock *clock, const struct rng *rng,
                   struct slice passphrase, struct sessions **ret_sessions)
{
    struct sessions *sessions = mem_alloc(1, sizeof *sessions);
    if (sessions == NULL) {
        return ERR_NOMEM;
    }
    sessions->store = store;
    sessions->clock = clock;
    sessions->rng = rng;
    bool known = false;
    err_t err = sha256_of(passphrase, sessions->passphrase_sha256);
    if (err == ERR_OK) {
        err = passphrase_is_known(store, passphrase, &known);
    }
    if (err == ERR_OK && !known) {
        err = remember_passphrase(sessions, passphrase);
    }
    if (err != ERR_OK) {
        sessions_free(sessions);
        return err;
    }
    *ret_sessions = sessions;
    return ERR_OK;
}

void sessions_free(struct sessions *sessions)
{
    if (sessions != NULL) {
        digest_wipe(sessions->passphrase_sha256, sizeof sessions->passphrase_sha256);
        mem_free(sessions);
    }
}

err_t sessions_hash_passphrase(struct slice passphrase, uint8_t ret_sha256[SHA256_BYTES])
{
    return sha256_of(passphrase, ret_sha256);
}

bool sessions_passphrase_ok(const struct sessions *sessions, const uint8_t sha256[SHA256_BYTES])
{
    return digest_equal(sha256, sessions->passphrase_sha256, SHA256_BYTES);
}

/* ---- tokens ---- */

static err_t hash_token(struct slice token, uint8_t ret_sha256[SHA256_BYTES])
{
    uint8_t bytes[TOKEN_BYTES];
    size_t len = 0;
    if (token.len != SESSION_TOKEN_LEN ||
        base64_decode(token, BASE64_URL, bytes, sizeof bytes, &len) != ERR_OK ||
        len != TOKEN_BYTES) {
        return ERR_INVALID;
    }
    return sha256_of(slice_of(bytes, len), ret_sha256);
}

static void free_touch(struct store_job *job)
{
    /* A lost touch costs an hour of a session's thirty days. */
    mem_free(job->owner);
}

static void touch(struct sessions *sessions, const struct store_session *session, int64_t now)
{
    struct store_change_session *change = mem_alloc(1, sizeof *change);
    if (change == NULL) {
        return;
    }
    store_change_session_init(change);
    change->change = STORE_SESSION_TOUCH;
    memcpy(change->token_sha256, session->token_sha256, SHA256_BYTES);
    change->now = now;
    change->expires = now + SESSION_LIFETIME_S;
    change->job.owner = change;
    change->job.done = free_touch;
    store_submit(sessions->store, &change->job);
}

err_t sessions_check(struct sessions *sessions, struct slice token, bool *ret_prolonged)
{
    *ret_prolonged = false;
    uint8_t sha256[SHA256_BYTES];
    err_t err = hash_token(token, sha256);
    if (err != ERR_OK) {
        return err == ERR_INVALID ? ERR_AUTH : err;
    }
    struct store_session session;
    err = store_find_session(sessions->store, sha256, &session);
    if (err != ERR_OK) {
        return err == ERR_NOTFOUND ? ERR_AUTH : err;
    }
    int64_t now = clock_now_s(sessions->clock);
    if (session.expires <= now) {
        return ERR_AUTH;
    }
    if (now - session.last_used >= SESSION_TOUCH_S) {
        touch(sessions, &session, now);
        *ret_prolonged = true;
    }
    return ERR_OK;
}

err_t sessions_prepare_login(struct sessions *sessions, const char *client_ip,
                             const char *user_agent, struct store_change_session *ret_job,
                             char ret_token[SESSION_TOKEN_LEN + 1])
{
    uint8_t bytes[TOKEN_BYTES];
    err_t err = rng_fill(sessions->rng, bytes, sizeof bytes);
    if (err != ERR_OK) {
        return err;
    }
    struct store_change_session job;
    store_change_session_init(&job);
    err = sha256_of(slice_of(bytes, sizeof bytes), job.token_sha256);
    if (err != ERR_OK) {
        return err;
    }
    base64_encode(slice_of(bytes, sizeof bytes), BASE64_URL, ret_token);
    job.change = STORE_SESSION_CREATE;
    job.now = clock_now_s(sessions->clock);
    job.expires = job.now + SESSION_LIFETIME_S;
    job.client_ip = client_ip;
    job.user_agent = user_agent;
    *ret_job = job;
    return ERR_OK;
}

err_t sessions_prepare_logout(struct slice token, struct store_change_session *ret_job)
{
    struct store_change_session job;
    store_change_session_init(&job);
    job.change = STORE_SESSION_DELETE;
    err_t err = hash_token(token, job.token_sha256);
    if (err == ERR_OK) {
        *ret_job = job;
    }
    return err;
}

bool sessions_handle(struct slice token, char ret_handle[STORE_HANDLE_LEN + 1])
{
    uint8_t sha256[SHA256_BYTES];
    if (hash_token(token, sha256) != ERR_OK) {
        return false;
    }
    digest_print_hex(sha256, STORE_HANDLE_LEN / 2, ret_handle);
    return true;
}
