/* The owner's sessions beyond signing in and out (test_auth.c): what is noted of them, how they are
 * prolonged and ended, what a new passphrase does to them; and GET /api/system, which only the
 * owner sees (improvements.md, Sign-in). */
#include "api.h"
#include "picoshare/base/num.h"
#include "picoshare/text/base64.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    LIFETIME_S = 30 * DAY_S,
    TOUCH_S = 3600, /* base/limits.h, whose names collide with the harness's */
    HANDLE_CHARS = 16,
    OWNERS = 3,
};

/* ---- asking ---------------------------------------------------------------------------------- */

/* The same server with a session of its own. */
static struct server sign_in(const struct server *s)
{
    struct server other = *s;
    server_sign_in(&other);
    return other;
}

static void expect_session(const struct server *s, bool alive)
{
    struct response r;
    http_do(s, &(struct request){.path = "/files", .auth = AUTH_COOKIE}, &r);
    expect_answer(&r, alive ? 200 : 401, NULL);
    response_done(&r);
}

static void expect_sessions(struct server *owners, bool alive)
{
    for (size_t i = 0; i < OWNERS; i++) {
        expect_session(&owners[i], alive);
    }
}

static int64_t count_sessions(const struct server *s)
{
    return db_int(s, "SELECT count(*) FROM ext_sessions");
}

static bool clears_cookie(const struct response *r)
{
    return response_has(r, "Set-Cookie", "sharedSecret=;") &&
           response_has(r, "Set-Cookie", "Max-Age=0");
}

/* The handle of its session: the beginning of the SHA-256 of the token in the cookie. */
static void handle_of(const struct server *s, char ret_handle[HANDLE_CHARS + 1])
{
    uint8_t token[SHA256_BYTES];
    uint8_t digest[SHA256_BYTES];
    size_t len = 0;
    struct slice text = slice_str(s->cookie + strlen("sharedSecret="));
    assert_int_equal(base64_decode(text, BASE64_URL, token, sizeof token, &len), ERR_OK);
    assert_int_equal(sha256_of(slice_of(token, len), digest), ERR_OK);
    for (size_t i = 0; i < HANDLE_CHARS / 2; i++) {
        snprintf(ret_handle + 2 * i, 3, "%02x", digest[i]);
    }
}

static void end_one(const struct server *s, enum auth auth, const char *handle, struct response *r)
{
    char path[200];
    snprintf(path, sizeof path, "/api/sessions/%s", handle);
    http_do(s, &(struct request){.method = "DELETE", .path = path, .auth = auth}, r);
}

static void end_all(const struct server *s, enum auth auth, struct response *r)
{
    http_do(s, &(struct request){.method = "DELETE", .path = "/api/sessions", .auth = auth}, r);
}

/* ---- what is noted --------------------------------------------------------------------------- */

static void sign_in_as(const struct server *s, const char *user_agent)
{
    char header[2200];
    snprintf(header, sizeof header, "User-Agent:%s%s", user_agent[0] != '\0' ? " " : "",
             user_agent);
    const char *const headers[] = {header, NULL};
    struct response r;
    http_do(s,
            &(struct request){.method = "POST",
                              .path = "/api/auth",
                              .headers = headers,
                              .text = "{\"sharedSecretKey\":\"" HARNESS_SECRET "\"}"},
            &r);
    expect_answer(&r, 200, "");
    response_done(&r);
}

static void test_what_is_noted(void **state)
{
    enum { LONG = 2000, KEPT = 511 };
    const struct server *s = *state;
    char long_agent[LONG + 1];
    char text[1100];
    char expected[1100];
    memset(long_agent, 'a', LONG);
    long_agent[LONG] = '\0';
    const char *const agents[] = {"dummy/1.0 (it's \"quoted\")", "", long_agent};
    for (size_t i = 0; i < ARRAY_LEN(agents); i++) {
        db_change(s, "DELETE FROM ext_sessions");
        sign_in_as(s, agents[i]);
        db_text(s,
                "SELECT client_ip || ' ' || user_agent || ' ' || (expires - created) || ' '"
                " || (created = last_used) || ' ' || (abs(created - unixepoch('now')) < 600)"
                " FROM ext_sessions",
                text, sizeof text);
        snprintf(expected, sizeof expected, "127.0.0.1 %.*s %d 1 1", (int)KEPT, agents[i],
                 LIFETIME_S);
        assert_string_equal(text, expected);
    }
}

/* A use after an hour prolongs session and cookie; one before does not. */
static void test_prolonged(void **state)
{
    const struct server *s = *state;
    struct server owner = sign_in(s);
    static const struct {
        int age_s;
        bool prolongs;
    } cases[] = {{TOUCH_S - 600, false}, {TOUCH_S + 600, true}, {LIFETIME_S - 600, true}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char cookie[400];
        struct response r;
        db_change(s,
                  "UPDATE ext_sessions SET last_used = unixepoch('now') - %d,"
                  " expires = unixepoch('now') - %d + %d",
                  cases[i].age_s, cases[i].age_s, LIFETIME_S);
        http_do(&owner, &(struct request){.path = "/files", .auth = AUTH_COOKIE}, &r);
        expect_answer(&r, 200, NULL);
        snprintf(cookie, sizeof cookie, "%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax",
                 owner.cookie, LIFETIME_S);
        const char *got = response_header(&r, "Set-Cookie");
        assert_string_equal(got != NULL ? got : "", cases[i].prolongs ? cookie : "");
        response_done(&r);
        static const char prolonged[] = "SELECT count(*) FROM ext_sessions WHERE"
                                        " expires = last_used + 30 * 86400"
                                        " AND last_used > unixepoch('now') - 600";
        assert_true(db_wait(s, prolonged, cases[i].prolongs ? 1 : 0));
    }
    db_change(s, "UPDATE ext_sessions SET last_used = 1, expires = unixepoch('now') - 1");
    expect_session(&owner, false);
    expect_session(&owner, false); /* nor has that prolonged it */
}

/* ---- ending one ------------------------------------------------------------------------------ */

static void test_end_another(void **state)
{
    const struct server *s = *state;
    struct server mine = sign_in(s);
    struct server other = sign_in(s);
    char handle[HANDLE_CHARS + 1];
    struct response r;
    int64_t before = count_sessions(s);
    handle_of(&other, handle);
    end_one(&mine, AUTH_COOKIE, handle, &r);
    expect_answer(&r, 200, "");
    assert_null(response_header(&r, "Set-Cookie"));
    response_done(&r);
    assert_int_equal(count_sessions(s), before - 1);
    expect_session(&other, false);
    expect_session(&mine, true);
    end_one(&mine, AUTH_COOKIE, handle, &r); /* it has gone */
    expect_answer(&r, 404, "no such session\n");
    response_done(&r);
}

static void test_end_own(void **state)
{
    const struct server *s = *state;
    struct server other = sign_in(s);
    struct server mine = sign_in(s);
    char handle[HANDLE_CHARS + 1];
    struct response r;
    handle_of(&mine, handle);
    end_one(&mine, AUTH_COOKIE, handle, &r);
    expect_answer(&r, 200, "");
    assert_true(clears_cookie(&r));
    response_done(&r);
    expect_session(&mine, false);
    expect_session(&other, true);
}

static void test_end_unknown(void **state)
{
    static const char *const handles[] = {
        "0123456789abcdef",
        "x",
        "0123456789abcde",
        "0123456789abcdef0",
        "%25",
        "%27%20OR%201=1--",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    };
    const struct server *s = *state;
    struct server mine = sign_in(s);
    int64_t before = count_sessions(s);
    char handle[HANDLE_CHARS + 1];
    struct response r;
    for (size_t i = 0; i < ARRAY_LEN(handles); i++) {
        end_one(&mine, AUTH_COOKIE, handles[i], &r);
        expect_answer(&r, 404, "no such session\n");
        response_done(&r);
    }
    handle_of(&mine, handle);
    handle[HANDLE_CHARS - 1] = '\0'; /* the beginning of one */
    end_one(&mine, AUTH_COOKIE, handle, &r);
    expect_answer(&r, 404, "no such session\n");
    response_done(&r);
    assert_int_equal(count_sessions(s), before);
    expect_session(&mine, true);
}

/* ---- ending all ------------------------------------------------------------------------------ */

static void test_end_all(void **state)
{
    const struct server *s = *state;
    static const enum auth ways[] = {AUTH_COOKIE, AUTH_BASIC};
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct server owners[OWNERS] = {sign_in(s), sign_in(s), sign_in(s)};
        struct response r;
        expect_sessions(owners, true);
        end_all(&owners[0], ways[i], &r);
        expect_answer(&r, 200, "");
        assert_int_equal(clears_cookie(&r), ways[i] == AUTH_COOKIE);
        response_done(&r);
        assert_int_equal(count_sessions(s), 0);
        expect_sessions(owners, false);
        struct server again = sign_in(s);
        expect_session(&again, true);
    }
}

/* Neither a stranger nor another site ends sessions. */
static void test_only_the_owner_ends(void **state)
{
    static const char *const foreign[] = {"Sec-Fetch-Site: cross-site", NULL};
    static const char *const origin[] = {"Origin: https://evil.example", NULL};
    static const struct {
        enum auth auth;
        const char *const *headers;
        int status;
    } cases[] = {{AUTH_NONE, NULL, 401}, {AUTH_COOKIE, foreign, 403}, {AUTH_COOKIE, origin, 403}};
    const struct server *s = *state;
    struct server mine = sign_in(s);
    char handle[HANDLE_CHARS + 1];
    char one[100];
    handle_of(&mine, handle);
    snprintf(one, sizeof one, "/api/sessions/%s", handle);
    const char *const paths[] = {"/api/sessions", one};
    for (size_t i = 0; i < ARRAY_LEN(cases) * ARRAY_LEN(paths); i++) {
        struct response r;
        http_do(&mine,
                &(struct request){.method = "DELETE",
                                  .path = paths[i % 2],
                                  .auth = cases[i / 2].auth,
                                  .headers = cases[i / 2].headers},
                &r);
        expect_answer(&r, cases[i / 2].status, NULL);
        response_done(&r);
    }
    expect_session(&mine, true);
}

/* ---- a new passphrase ------------------------------------------------------------------------ */

static void restart(struct server *s, const char *env)
{
    const char *const vars[] = {env, NULL};
    struct server old = *s;
    server_end(s);
    server_start(s, &(struct server_options){.dir = old.dir, .env = vars});
    memcpy(s->cookie, old.cookie, sizeof s->cookie);
}

static void expect_passphrase(struct server *s, const char *passphrase, int status)
{
    struct response r;
    snprintf(s->secret, sizeof s->secret, "%s", passphrase);
    http_do(s, &(struct request){.path = "/api/system", .auth = AUTH_BASIC}, &r);
    expect_answer(&r, status, NULL);
    response_done(&r);
}

static void test_new_passphrase(void **state)
{
    static const char other[] = "PS_SHARED_SECRET=another passphrase";
    (void)state;
    struct server s;
    server_start(&s, NULL);
    server_sign_in(&s);
    restart(&s, NULL);
    expect_session(&s, true); /* the same one: nothing changes */

    restart(&s, other);
    expect_session(&s, false);
    assert_int_equal(count_sessions(&s), 0);
    expect_passphrase(&s, HARNESS_SECRET, 401);
    expect_passphrase(&s, "another passphrase", 200);
    struct server old = s;
    server_sign_in(&s);
    restart(&s, other);
    expect_session(&s, true);

    restart(&s, NULL); /* back again: neither session is */
    expect_session(&s, false);
    memcpy(s.cookie, old.cookie, sizeof s.cookie);
    expect_session(&s, false);
    expect_passphrase(&s, HARNESS_SECRET, 200);
    server_end(&s);
}

/* What has expired does not stay for ever. */
static void test_expired_rows_go(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, NULL);
    server_sign_in(&s);
    struct server expired = sign_in(&s);
    char handle[HANDLE_CHARS + 1];
    handle_of(&expired, handle);
    db_change(&s,
              "UPDATE ext_sessions SET expires = unixepoch('now') - 1"
              " WHERE hex(token_sha256) LIKE '%s%%'",
              handle);
    restart(&s, NULL);
    assert_true(db_wait(&s, "SELECT count(*) FROM ext_sessions", 1));
    expect_session(&s, true);
    server_end(&s);
}

/* ---- GET /api/system ------------------------------------------------------------------------- */

static const char *const numbers[] = {
    "uptimeSeconds",
    "files",
    "uploadBytes",
    "sessions",
    "databaseFilesBytes",
    "logBytes",
    "pageBytes",
    "pages",
    "freePages",
    "pagesGivenBack",
    "diskTotalBytes",
    "diskUsedBytes",
    "residentBytes",
    "residentPeakBytes",
    "anonymousBytes",
    "groupBytes",
    "groupPageCacheBytes",
    "groupLimitBytes",
    "damagedFiles",
    "connections",
    "requests",
    "uploads",
    "chunkBuffersUsed",
    "chunkBuffers",
    "chunkBufferBytes",
};

/* The value of a member, which stands there once; a number that is null is -1. */
static int64_t number_of(const struct response *r, const char *name)
{
    char member[64];
    int64_t value = -1;
    snprintf(member, sizeof member, "\"%s\":", name);
    const char *at = strstr(response_text(r), member);
    if (at == NULL || strstr(at + 1, member) != NULL) {
        fail_msg("%s is not there once: %s", name, response_text(r));
    }
    at += strlen(member);
    if (strncmp(at, "null", 4) != 0) {
        struct slice digits = slice_of(at, strcspn(at, ",}"));
        assert_int_equal(num_parse_i64(digits, 0, INT64_MAX, &value), ERR_OK);
    }
    return value;
}

static void get_system(const struct server *s, const char *method, struct response *r)
{
    http_do(s, &(struct request){.method = method, .path = "/api/system", .auth = AUTH_COOKIE}, r);
}

/* A request ends a moment after its client has the answer. */
static void get_system_at_rest(const struct server *s, struct response *r)
{
    for (int64_t waited_ms = 0;; waited_ms += 20) {
        get_system(s, "GET", r);
        if (number_of(r, "uploads") == 0 || waited_ms > HANG_SECONDS * 1000) {
            return;
        }
        response_done(r);
        harness_sleep_ms(20);
    }
}

static void test_system(void **state)
{
    enum { BYTES = 400000 };
    const struct server *s = *state;
    struct server owner = sign_in(s);
    char id[ID_CHARS + 1];
    struct response r;
    get_system(&owner, "GET", &r);
    expect_answer(&r, 200, NULL);
    assert_string_equal(response_header(&r, "Content-Type"), "application/json");
    assert_string_equal(response_header(&r, "Cache-Control"), "no-store");
    int64_t files = number_of(&r, "files");
    int64_t bytes = number_of(&r, "uploadBytes");
    response_done(&r);

    upload_bytes(s, "a.bin", 1, BYTES, id);
    get_system_at_rest(&owner, &r);
    size_t members = 0;
    for (const char *at = response_text(&r); (at = strstr(at, "\":")) != NULL; at++) {
        members++;
    }
    /* and of the build three, sandbox, canShrink, canConvert, upkeep, of damage four */
    assert_int_equal(members, ARRAY_LEN(numbers) + 11);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        (void)number_of(&r, numbers[i]);
    }
    assert_int_equal(strncmp(response_text(&r), "{\"version\":\"", 12), 0);
    assert_non_null(strstr(response_text(&r), ",\"canShrink\":true,\"canConvert\":false,"));
    assert_string_equal(response_text(&r) + r.body.len - 2, "}\n");
    assert_int_equal(number_of(&r, "files"), files + 1);
    assert_int_equal(number_of(&r, "uploadBytes"), bytes + BYTES);
    assert_int_equal(number_of(&r, "pageBytes"), db_int(s, "PRAGMA page_size"));
    assert_int_equal(number_of(&r, "chunkBufferBytes"), CHUNK_BYTES);
    assert_int_equal(number_of(&r, "uploads"), 0);
    assert_int_equal(number_of(&r, "chunkBuffersUsed"), 0);
    assert_in_range(number_of(&r, "chunkBuffers"), 1, 1000);
    assert_in_range(number_of(&r, "connections"), 1, 1000);
    assert_in_range(number_of(&r, "requests"), 1, 1000);
    assert_in_range(number_of(&r, "residentBytes"), 1 << 20, 1 << 30);
    assert_in_range(number_of(&r, "residentPeakBytes"), number_of(&r, "residentBytes"), 1 << 30);
    assert_in_range(number_of(&r, "diskUsedBytes"), 1, number_of(&r, "diskTotalBytes"));
    assert_true(number_of(&r, "databaseFilesBytes") >= BYTES);
    response_done(&r);
}

static void test_system_routes(void **state)
{
    const struct server *s = *state;
    struct server owner = sign_in(s);
    struct response r;
    get_system(&owner, "HEAD", &r);
    expect_answer(&r, 200, "");
    assert_string_equal(response_header(&r, "Content-Type"), "application/json");
    response_done(&r);
    get_system(&owner, "DELETE", &r);
    expect_answer(&r, 405, NULL);
    assert_true(response_has(&r, "Allow", "GET"));
    response_done(&r);
    http_do(&owner, &(struct request){.path = "/api/sessions", .auth = AUTH_COOKIE}, &r);
    expect_answer(&r, 405, NULL);
    assert_true(response_has(&r, "Allow", "DELETE"));
    response_done(&r);

    static const char *const browser[] = {"Accept: text/html", NULL};
    http_do(s, &(struct request){.path = "/api/system", .headers = browser}, &r);
    expect_answer(&r, 401, NULL); /* an API: nobody is sent to the login page */
    response_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_noted),       cmocka_unit_test(test_prolonged),
        cmocka_unit_test(test_end_another),         cmocka_unit_test(test_end_own),
        cmocka_unit_test(test_end_unknown),         cmocka_unit_test(test_end_all),
        cmocka_unit_test(test_only_the_owner_ends), cmocka_unit_test(test_new_passphrase),
        cmocka_unit_test(test_expired_rows_go),     cmocka_unit_test(test_system),
        cmocka_unit_test(test_system_routes),
    };
    return harness_main(tests, server_group_setup, server_group_teardown);
}
