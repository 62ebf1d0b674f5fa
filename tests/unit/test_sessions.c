#include "picoshare/base/limits.h"
#include "picoshare/base/mem.h"
#include "picoshare/core/sessions.h"
#include "support.h"

static err_t check_token(struct sessions *sessions, struct slice token)
{
    bool prolonged = false;
    return sessions_check(sessions, token, &prolonged);
}

static struct sessions *start(struct fixture *fix, const char *passphrase)
{
    struct sessions *sessions = NULL;
    assert_int_equal(sessions_new(fix->store, &fix->clock.clock, &fix->rng.rng,
                                  slice_str(passphrase), &sessions),
                     ERR_OK);
    return sessions;
}

static void login(struct fixture *fix, struct sessions *sessions,
                  char ret_token[SESSION_TOKEN_LEN + 1])
{
    struct store_change_session job;
    assert_int_equal(sessions_prepare_login(sessions, "192.0.2.1", "agent", &job, ret_token),
                     ERR_OK);
    assert_int_equal(check_token(sessions, slice_str(ret_token)), ERR_AUTH); /* not yet */
    assert_int_equal(store_run(fix->store, &job.job), ERR_OK);
    assert_int_equal(check_token(sessions, slice_str(ret_token)), ERR_OK);
}

static bool passphrase_ok(const struct sessions *sessions, struct slice passphrase)
{
    uint8_t sha256[SHA256_BYTES];
    assert_int_equal(sessions_hash_passphrase(passphrase, sha256), ERR_OK);
    return sessions_passphrase_ok(sessions, sha256);
}

static void test_passphrase(void **state)
{
    struct fixture *fix = *state;
    static const char *const wrong[] = {"", "secre", "secrets", "Secret", " secret", "secret\n"};
    struct sessions *sessions = start(fix, "secret");
    assert_true(passphrase_ok(sessions, SLICE("secret")));
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_false(passphrase_ok(sessions, slice_str(wrong[i])));
    }
    assert_false(passphrase_ok(sessions, SLICE("secret\0")));
    assert_false(passphrase_ok(sessions, (struct slice){NULL, 0}));
    sessions_free(sessions);
    sessions_free(NULL);
}

static void test_login_and_logout(void **state)
{
    struct fixture *fix = *state;
    struct sessions *sessions = start(fix, "secret");
    char tokens[3][SESSION_TOKEN_LEN + 1];
    for (int i = 0; i < 3; i++) {
        login(fix, sessions, tokens[i]);
        assert_int_equal(strlen(tokens[i]), SESSION_TOKEN_LEN);
        assert_int_equal(strspn(tokens[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                           "0123456789-_"),
                         SESSION_TOKEN_LEN);
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(tokens[i], tokens[k]);
        }
    }
    assert_sql(fix->path, "SELECT count(*) FROM ext_sessions", "3");
    assert_sql(fix->path,
               "SELECT created || ' ' || last_used || ' ' || (expires - created) || ' ' ||"
               " client_ip || ' ' || user_agent FROM ext_sessions LIMIT 1",
               "1767225600 1767225600 2592000 192.0.2.1 agent");
    struct store_change_session job;
    assert_int_equal(sessions_prepare_logout(slice_str(tokens[1]), &job), ERR_OK);
    assert_int_equal(store_run(fix->store, &job.job), ERR_OK);
    assert_int_equal(check_token(sessions, slice_str(tokens[0])), ERR_OK);
    assert_int_equal(check_token(sessions, slice_str(tokens[1])), ERR_AUTH);
    assert_int_equal(check_token(sessions, slice_str(tokens[2])), ERR_OK);
    sessions_free(sessions);
}

/* The database alone signs nobody in: it holds neither tokens nor the passphrase. */
static void test_database_keeps_no_secret(void **state)
{
    struct fixture *fix = *state;
    struct sessions *sessions = start(fix, "a very secret passphrase");
    char token[SESSION_TOKEN_LEN + 1];
    login(fix, sessions, token);
    sessions_free(sessions);
    fixture_close(fix);
    size_t len = 0;
    char *bytes = read_file(fix->path, &len);
    assert_null(memmem(bytes, len, token, SESSION_TOKEN_LEN));
    assert_null(memmem(bytes, len, "a very secret", 13));
    uint8_t raw[32]; /* what the token encodes: the random bytes after the salt */
    for (size_t i = 0; i < sizeof raw; i++) {
        raw[i] = fake_byte(16 + i);
    }
    assert_null(memmem(bytes, len, raw, sizeof raw));
    uint8_t sha256[SHA256_BYTES];
    assert_int_equal(sha256_of(slice_of(raw, sizeof raw), sha256), ERR_OK);
    assert_non_null(memmem(bytes, len, sha256, sizeof sha256)); /* we looked at the right bytes */
    assert_int_equal(sha256_of(SLICE("a very secret passphrase"), sha256), ERR_OK);
    assert_null(memmem(bytes, len, sha256, sizeof sha256));
    free(bytes);
    fixture_open(fix);
}

static void test_malformed_tokens(void **state)
{
    struct fixture *fix = *state;
    struct sessions *sessions = start(fix, "secret");
    char token[SESSION_TOKEN_LEN + 1];
    login(fix, sessions, token);
    char variants[8][SESSION_TOKEN_LEN + 8];
    (void)snprintf(variants[0], sizeof variants[0], "%s", "");
    (void)snprintf(variants[1], sizeof variants[1], "%.42s", token);
    (void)snprintf(variants[2], sizeof variants[2], "%sA", token);
    (void)snprintf(variants[3], sizeof variants[3], "%s=", token);
    (void)snprintf(variants[4], sizeof variants[4], "%.42s=", token);
    (void)snprintf(variants[5], sizeof variants[5], "%.42s ", token);
    (void)snprintf(variants[6], sizeof variants[6], "%.42s\xc3", token);
    (void)snprintf(variants[7], sizeof variants[7], " %.42s", token);
    for (size_t i = 0; i < ARRAY_LEN(variants); i++) {
        struct store_change_session job;
        assert_int_equal(check_token(sessions, slice_str(variants[i])), ERR_AUTH);
        assert_int_equal(sessions_prepare_logout(slice_str(variants[i]), &job), ERR_INVALID);
    }
    assert_int_equal(check_token(sessions, (struct slice){NULL, 0}), ERR_AUTH);
    char nul[SESSION_TOKEN_LEN];
    memcpy(nul, token, sizeof nul);
    nul[20] = '\0';
    assert_int_equal(check_token(sessions, slice_of(nul, sizeof nul)), ERR_AUTH);
    /* Of the right form, and nobody's. */
    for (size_t i = 0; i < SESSION_TOKEN_LEN - 1; i++) {
        char other[SESSION_TOKEN_LEN + 1];
        memcpy(other, token, sizeof other);
        other[i] = other[i] == 'A' ? 'B' : 'A';
        assert_int_equal(check_token(sessions, slice_str(other)), ERR_AUTH);
    }
    sessions_free(sessions);
}

static void settle_and_assert_used(struct fixture *fix, int64_t last_used, int64_t expires)
{
    gate_settle(fix->store);
    char want[64];
    (void)snprintf(want, sizeof want, "%lld %lld", (long long)last_used, (long long)expires);
    assert_sql(fix->path, "SELECT last_used || ' ' || expires FROM ext_sessions", want);
}

static void test_expiry_and_touch(void **state)
{
    struct fixture *fix = *state;
    struct sessions *sessions = start(fix, "secret");
    char token[SESSION_TOKEN_LEN + 1];
    login(fix, sessions, token);
    const int64_t begin = TEST_NOW_S;
    settle_and_assert_used(fix, begin, begin + SESSION_LIFETIME_S);
    /* Used within the hour: nothing is written. */
    fix->clock.now_s = begin + SESSION_TOUCH_S - 1;
    assert_int_equal(check_token(sessions, slice_str(token)), ERR_OK);
    settle_and_assert_used(fix, begin, begin + SESSION_LIFETIME_S);
    /* Later: the thirty days begin anew. */
    int64_t touched = begin + SESSION_TOUCH_S;
    fix->clock.now_s = touched;
    assert_int_equal(check_token(sessions, slice_str(token)), ERR_OK);
    settle_and_assert_used(fix, touched, touched + SESSION_LIFETIME_S);
    fix->clock.now_s = touched + SESSION_LIFETIME_S - 1;
    assert_int_equal(check_token(sessions, slice_str(token)), ERR_OK);
    touched = fix->clock.now_s;
    settle_and_assert_used(fix, touched, touched + SESSION_LIFETIME_S);
    /* The end: no use of it brings it back. */
    fix->clock.now_s = touched + SESSION_LIFETIME_S;
    assert_int_equal(check_token(sessions, slice_str(token)), ERR_AUTH);
    settle_and_assert_used(fix, touched, touched + SESSION_LIFETIME_S);
    assert_int_equal(check_token(sessions, slice_str(token)), ERR_AUTH);
    sessions_free(sessions);
}

/* A touch that finds no memory is lost, and the session goes on. */
static void test_touch_without_memory(void **state)
{
    struct fixture *fix = *state;
    struct sessions *sessions = start(fix, "secret");
    char token[SESSION_TOKEN_LEN + 1];
    login(fix, sessions, token);
    fix->clock.now_s += SESSION_TOUCH_S;
    mem_fail_after(0);
    err_t err = check_token(sessions, slice_str(token));
    mem_fail_after(-1);
    assert_int_equal(err, ERR_OK);
    settle_and_assert_used(fix, TEST_NOW_S, TEST_NOW_S + SESSION_LIFETIME_S);
    sessions_free(sessions);
}

static void test_restart(void **state)
{
    struct fixture *fix = *state;
    struct sessions *sessions = start(fix, "secret");
    char token[SESSION_TOKEN_LEN + 1];
    login(fix, sessions, token);
    for (int i = 0; i < 2; i++) {
        sessions_free(sessions);
        fixture_reopen(fix);
        sessions = start(fix, "secret");
        assert_int_equal(check_token(sessions, slice_str(token)), ERR_OK);
    }
    sessions_free(sessions);
    fixture_reopen(fix);
    /* Another passphrase ends all sessions, and the old one does not bring them back. */
    sessions = start(fix, "another");
    assert_int_equal(check_token(sessions, slice_str(token)), ERR_AUTH);
    assert_false(passphrase_ok(sessions, SLICE("secret")));
    assert_true(passphrase_ok(sessions, SLICE("another")));
    sessions_free(sessions);
    sessions = start(fix, "secret");
    assert_int_equal(check_token(sessions, slice_str(token)), ERR_AUTH);
    sessions_free(sessions);
}

/* Whatever stands where the mark of the passphrase should be: sessions end, sign-in works. */
static void test_damaged_mark(void **state)
{
    struct fixture *fix = *state;
    char longest[200];
    memset(longest, 'A', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    const char *const marks[] = {"", ":", "junk", "AAAA:AAAA", "!!!:", longest};
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        struct sessions *sessions = start(fix, "secret");
        char token[SESSION_TOKEN_LEN + 1];
        login(fix, sessions, token);
        sessions_free(sessions);
        sql_run(fix->path, "UPDATE ext_meta SET value = %Q WHERE key = 'passphrase'", marks[i]);
        sessions = start(fix, "secret");
        assert_int_equal(check_token(sessions, slice_str(token)), ERR_AUTH);
        login(fix, sessions, token);
        sessions_free(sessions);
        sessions = start(fix, "secret");
        assert_int_equal(check_token(sessions, slice_str(token)), ERR_OK);
        sessions_free(sessions);
    }
}

/* The same passphrase gets another mark in another database. */
static void test_mark_is_salted(void **state)
{
    struct fixture *fix = *state;
    char marks[2][128];
    for (int i = 0; i < 2; i++) {
        sessions_free(start(fix, "secret"));
        assert_int_equal(store_get_meta(fix->store, "passphrase", marks[i], sizeof marks[i]),
                         ERR_OK);
        sql_run(fix->path, "DELETE FROM ext_meta WHERE key = 'passphrase'");
    }
    assert_string_not_equal(marks[0], marks[1]);
}

/* What an earlier caller left on the stack must not matter to a first start. */
static __attribute__((noinline)) void scribble_on_stack(void)
{
    volatile char bytes[32768];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = 'x';
    }
}

static void test_first_start(void **state)
{
    struct fixture *fix = *state;
    scribble_on_stack();
    sessions_free(start(fix, "secret"));
    assert_sql(fix->path, "SELECT count(*) FROM ext_meta WHERE key = 'passphrase'", "1");
}

static void test_failures(void **state)
{
    struct fixture *fix = *state;
    struct sessions *sessions = NULL;
    mem_fail_after(0);
    err_t err =
        sessions_new(fix->store, &fix->clock.clock, &fix->rng.rng, SLICE("secret"), &sessions);
    mem_fail_after(-1);
    assert_int_equal(err, ERR_NOMEM);
    fix->rng.broken = true;
    assert_int_equal(
        sessions_new(fix->store, &fix->clock.clock, &fix->rng.rng, SLICE("secret"), &sessions),
        ERR_IO);
    assert_null(sessions);
    fix->rng.broken = false;
    sessions = start(fix, "secret");
    fix->rng.broken = true;
    struct store_change_session job;
    char token[SESSION_TOKEN_LEN + 1];
    assert_int_equal(sessions_prepare_login(sessions, "", "", &job, token), ERR_IO);
    sessions_free(sessions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_passphrase),
        fixture_test(test_login_and_logout),
        fixture_test(test_database_keeps_no_secret),
        fixture_test(test_malformed_tokens),
        fixture_test(test_expiry_and_touch),
        fixture_test(test_touch_without_memory),
        fixture_test(test_restart),
        fixture_test(test_damaged_mark),
        fixture_test(test_mark_is_salted),
        fixture_test(test_first_start),
        fixture_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
