/* Signing in and out, Basic credentials, the cookie, cross-site requests (http-api.md 2.5 and 5,
 * improvements.md "Sign-in"). */
#include "harness.h"
#include "picoshare/text/base64.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

/* What PicoShare derives from "dummypass" (http-api.md 5.1). */
#define PICOSHARE_COOKIE "sharedSecret=UCQFMP+cEuALJzR+D6KX+7kLmMAkeOc3HsOCyvGOmmU="

static void login(const struct server *s, const char *body, struct response *r)
{
    http_do(s, &(struct request){.method = "POST", .path = "/api/auth", .text = body}, r);
}

static void get_files(const struct server *s, const char *header, struct response *r)
{
    const char *const headers[] = {header, NULL};
    http_do(s, &(struct request){.path = "/files", .headers = headers}, r);
}

/* ---- POST /api/auth -------------------------------------------------------------------------- */

static void test_bodies(void **state)
{
    static const struct {
        const char *body;
        int status;
        const char *text;
    } cases[] = {
        {"{\"sharedSecretKey\":\"dummypass\"}", 200, ""},
        {" \n{ \"sharedSecretKey\" : \"dummy\\u0070ass\" }\n", 200, ""},
        {"{\"sharedsecretkey\":\"dummypass\"}", 200, ""},
        {"{\"SHAREDSECRETKEY\":\"dummypass\"}", 200, ""},
        {"{\"other\":[1,{}],\"sharedSecretKey\":\"dummypass\"}", 200, ""},
        {"{\"sharedSecretKey\":\"wrong\",\"sharedSecretKey\":\"dummypass\"}", 200, ""},
        {"{\"sharedSecretKey\":\"dummypass\"} trailing garbage", 200, ""},
        {"{\"sharedSecretKey\":\"dummypass\"}{", 200, ""},
        {"", 400, "malformed request\n"},
        {"{", 400, "malformed request\n"},
        {"not json", 400, "malformed request\n"},
        {"{\"sharedSecretKey\":5}", 400, "malformed request\n"},
        {"{\"sharedSecretKey\":[\"dummypass\"]}", 400, "malformed request\n"},
        {"{\"sharedSecretKey\":true}", 400, "malformed request\n"},
        {"[]", 400, "malformed request\n"},
        {"5", 400, "malformed request\n"},
        {"{}", 400, "invalid shared secret\n"},
        {"null", 400, NULL}, /* no member, or no object: both may be said */
        {"{\"sharedSecretKey\":null}", 400, "invalid shared secret\n"},
        {"{\"sharedSecretKey\":\"\"}", 400, "invalid shared secret\n"},
        {"{\"sharedSecretKey\":\"wrong\"}", 401, "incorrect shared secret\n"},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response r;
        login(s, cases[i].body, &r);
        if (r.status != cases[i].status) {
            fail_msg("%s: %d %s", cases[i].body, r.status, response_text(&r));
        }
        expect_answer(&r, cases[i].status, cases[i].text);
        if (r.status == 200) {
            assert_non_null(response_header(&r, "Set-Cookie"));
        } else {
            assert_null(response_header(&r, "Set-Cookie"));
        }
        response_done(&r);
    }
}

/* A body of MAX_JSON_BYTES is read, a longer one is not. */
static void test_body_limit(void **state)
{
    enum { LIMIT = 64 * 1024 };
    const struct server *s = *state;
    char *body = malloc(LIMIT + 2);
    assert_non_null(body);
    memset(body, ' ', LIMIT + 1);
    static const char json[] = "{\"sharedSecretKey\":\"dummypass\"}";
    memcpy(body, json, sizeof json - 1);
    body[LIMIT] = '\0';
    struct response r;
    login(s, body, &r);
    expect_answer(&r, 200, "");
    response_done(&r);
    body[LIMIT] = ' ';
    body[LIMIT + 1] = '\0';
    login(s, body, &r);
    expect_answer(&r, 413, NULL);
    response_done(&r);
    free(body);
}

/* How many have something to read: an answer, or the end of the connection. */
static int answered(const struct raw *conns, int count)
{
    int ready = 0;
    for (int i = 0; i < count; i++) {
        struct pollfd fd = {.fd = conns[i].fd, .events = POLLIN};
        ready += poll(&fd, 1, 0) == 1;
    }
    return ready;
}

/* Strangers that send large bodies slowly take no memory beyond their budget, and nobody's place:
 * an ordinary sign-in is no large body. */
static void test_stalled_bodies(void **state)
{
    enum {
        CONNS = 40,
        SENT_BYTES = 60000,
        MAX_LARGE_BODIES = 16, /* base/limits.h, whose names collide with the harness's */
    };
    const struct server *s = *state;
    struct raw *conns = calloc(CONNS, sizeof *conns);
    char *body = malloc(SENT_BYTES);
    assert_true(conns != NULL && body != NULL);
    memset(body, ' ', SENT_BYTES);
    char head[200];
    snprintf(head, sizeof head,
             "POST /api/auth HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n",
             SENT_BYTES + 1);
    for (int i = 0; i < CONNS; i++) {
        assert_true(raw_open(s, &conns[i]));
        assert_true(raw_text(&conns[i], head));
        (void)raw_send(&conns[i], body, SENT_BYTES); /* may be cut short by the refusal */
    }
    int64_t end = harness_now_ms() + HANG_SECONDS * 1000;
    while (answered(conns, CONNS) < CONNS - MAX_LARGE_BODIES && harness_now_ms() < end) {
        harness_sleep_ms(20);
    }
    struct response r;
    login(s, "{\"sharedSecretKey\":\"dummypass\"}", &r);
    expect_answer(&r, 200, "");
    response_done(&r);
    static const char json[] = "{\"sharedSecretKey\":\"dummypass\"}";
    memcpy(body, json, sizeof json - 1);
    body[SENT_BYTES - 1] = '\0';
    login(s, body, &r);
    expect_answer(&r, 503, NULL);
    response_done(&r);
    assert_int_equal(answered(conns, CONNS), CONNS - MAX_LARGE_BODIES);
    for (int i = 0; i < CONNS; i++) {
        if (answered(&conns[i], 1) == 1) {
            /* cut without an answer when it never goes on */
            assert_true(raw_answer(&conns[i], false, &r) == RAW_CLOSED || r.status == 503);
            response_done(&r);
        }
        raw_close(&conns[i]);
    }
    free(conns);
    /* The places of those that went away are free again. */
    int status = 0;
    while (status != 200 && harness_now_ms() < end) {
        login(s, body, &r);
        status = r.status;
        response_done(&r);
    }
    assert_int_equal(status, 200);
    free(body);
}

/* ---- the cookie ------------------------------------------------------------------------------ */

static void test_cookie(void **state)
{
    const struct server *s = *state;
    char values[2][100];
    for (int i = 0; i < 2; i++) {
        struct response r;
        login(s, "{\"sharedSecretKey\":\"dummypass\"}", &r);
        expect_answer(&r, 200, "");
        const char *cookie = response_header(&r, "Set-Cookie");
        assert_non_null(cookie);
        assert_int_equal(strncmp(cookie, "sharedSecret=", 13), 0);
        size_t len = strcspn(cookie + 13, ";");
        assert_true(len >= 43 && len < sizeof values[i]); /* 256 bits in base64 or longer */
        snprintf(values[i], sizeof values[i], "%.*s", (int)len, cookie + 13);
        assert_non_null(strstr(cookie, "; HttpOnly"));
        assert_non_null(strstr(cookie, "; SameSite=Lax"));
        assert_non_null(strstr(cookie, "; Path=/"));
        assert_non_null(strstr(cookie, "; Max-Age=2592000"));
        assert_null(strstr(cookie, "Secure"));
        assert_null(strstr(cookie, "Domain"));
        response_done(&r);
    }
    assert_string_not_equal(values[0], values[1]);
    assert_null(strstr(PICOSHARE_COOKIE, values[0]));
}

/* Token of the cookie: its 32 bytes, and their SHA-256 in capital hexadecimal digits. */
static void read_token(const struct server *s, uint8_t ret_bytes[SHA256_BYTES],
                       char ret_hex[2 * SHA256_BYTES + 1])
{
    uint8_t digest[SHA256_BYTES];
    size_t len = 0;
    struct slice text = slice_str(s->cookie + strlen("sharedSecret="));
    assert_int_equal(base64_decode(text, BASE64_URL, ret_bytes, SHA256_BYTES, &len), ERR_OK);
    assert_int_equal(len, SHA256_BYTES);
    assert_int_equal(sha256_of(slice_of(ret_bytes, len), digest), ERR_OK);
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        snprintf(ret_hex + 2 * i, 3, "%02X", digest[i]);
    }
}

/* The database knows the SHA-256 of the token, and nowhere the token. */
static void test_token_is_not_stored(void **state)
{
    const struct server *s = *state;
    const char *text = s->cookie + strlen("sharedSecret=");
    uint8_t token[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    read_token(s, token, hex);
    const char *const files[] = {"", "-wal"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char path[300];
        struct buf bytes;
        snprintf(path, sizeof path, "%s%s", s->db, files[i]);
        harness_read_file(path, &bytes);
        assert_int_equal(buf_err(&bytes), ERR_OK);
        assert_null(memmem(bytes.ptr, bytes.len, text, strlen(text)));
        assert_null(memmem(bytes.ptr, bytes.len, token, sizeof token));
        buf_done(&bytes);
    }
    char sql[300];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM ext_sessions WHERE hex(token_sha256) = '%s' AND"
             " expires - last_used = 30 * 86400",
             hex);
    assert_int_equal(db_int(s, sql), 1);
}

static void test_cookie_opens(void **state)
{
    const struct server *s = *state;
    char good[300];
    char among_others[400];
    char longer[301];
    char other_name[300];
    snprintf(good, sizeof good, "Cookie: %s", s->cookie);
    snprintf(among_others, sizeof among_others, "Cookie: a=b; %s; c=\"d\"", s->cookie);
    snprintf(longer, sizeof longer, "%sx", good);
    snprintf(other_name, sizeof other_name, "Cookie: x%s", s->cookie);
    const struct {
        const char *header;
        int status;
    } cases[] = {
        {good, 200},
        {among_others, 200},
        {longer, 401},
        {other_name, 401},
        {"Cookie:", 401},
        {"Cookie: sharedSecret=", 401},
        {"Cookie: sharedSecret=not-base64!", 401},
        {"Cookie: " PICOSHARE_COOKIE, 401},
        {"Cookie: sharedSecret=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 401},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response r;
        get_files(s, cases[i].header, &r);
        if (r.status != cases[i].status) {
            fail_msg("%s: %d", cases[i].header, r.status);
        }
        response_done(&r);
    }
}

/* Cookies may come in several lines (RFC 9113 §8.2.3 lets proxies split them). */
static void test_cookie_lines(void **state)
{
    const struct server *s = *state;
    char good[300];
    snprintf(good, sizeof good, "Cookie: %s", s->cookie);
    const struct {
        const char *lines[3];
        int status;
    } cases[] = {
        {{"Cookie: a=b", good}, 200},
        {{good, "Cookie: a=b"}, 200},
        {{"Cookie: a=b; c=d", "Cookie:", good}, 200},
        {{"Cookie: sharedSecret=wrong", good}, 401}, /* the first of that name */
        {{"Cookie: a=b", "Cookie: c=d"}, 401},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response r;
        const char *const headers[] = {cases[i].lines[0], cases[i].lines[1], cases[i].lines[2],
                                       NULL};
        http_do(s, &(struct request){.path = "/files", .headers = headers}, &r);
        if (r.status != cases[i].status) {
            fail_msg("%s, %s: %d", headers[0], headers[1], r.status);
        }
        response_done(&r);
    }
}

static void test_log_out(void **state)
{
    const struct server *s = *state;
    struct server other = *s;
    server_sign_in(&other);
    int64_t sessions = db_int(s, "SELECT count(*) FROM ext_sessions");
    struct response r;
    struct request out = {.method = "DELETE", .path = "/api/auth", .auth = AUTH_COOKIE};
    http_do(&other, &out, &r);
    expect_answer(&r, 200, "");
    const char *cookie = response_header(&r, "Set-Cookie");
    assert_non_null(cookie);
    assert_int_equal(strncmp(cookie, "sharedSecret=;", 14), 0);
    assert_non_null(strstr(cookie, "; Max-Age=0"));
    assert_non_null(strstr(cookie, "; HttpOnly"));
    assert_non_null(strstr(cookie, "; Path=/"));
    response_done(&r);
    assert_int_equal(db_int(s, "SELECT count(*) FROM ext_sessions"), sessions - 1);

    http_do(&other, &(struct request){.path = "/files", .auth = AUTH_COOKIE}, &r);
    expect_answer(&r, 401, "Authentication required\n");
    response_done(&r);
    http_do(s, &(struct request){.path = "/files", .auth = AUTH_COOKIE}, &r);
    expect_answer(&r, 200, NULL);
    response_done(&r);

    out.auth = AUTH_NONE;
    http_do(s, &out, &r);
    expect_answer(&r, 200, "");
    assert_non_null(response_header(&r, "Set-Cookie"));
    response_done(&r);
}

/* A session whose time is over opens nothing. */
static void test_expired_session(void **state)
{
    const struct server *s = *state;
    struct server other = *s;
    server_sign_in(&other);
    char out[8];
    char sql[300];
    uint8_t token[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    read_token(&other, token, hex);
    snprintf(sql, sizeof sql,
             "UPDATE ext_sessions SET expires = strftime('%%s', 'now') - 1 WHERE"
             " hex(token_sha256) = '%s'",
             hex);
    db_text(s, sql, out, sizeof out);
    struct response r;
    http_do(&other, &(struct request){.path = "/files", .auth = AUTH_COOKIE}, &r);
    expect_answer(&r, 401, "Authentication required\n");
    response_done(&r);
}

static void test_secure_behind_proxy(void **state)
{
    static const struct {
        const char *env[3];
        const char *proto;
        bool secure;
    } cases[] = {
        {{"PS_BEHIND_PROXY=1"}, "X-Forwarded-Proto: https", true},
        {{"PS_BEHIND_PROXY=1"}, "X-Forwarded-Proto: http", false},
        {{"PS_BEHIND_PROXY=1"}, "X-Other: https", false},
        {{"PS_BEHIND_PROXY=false"}, "X-Forwarded-Proto: https", false},
        {{"PS_BEHIND_PROXY="}, "X-Forwarded-Proto: https", false},
        {{"PS_BEHIND_PROXY=1", "PS_TRUSTED_PROXIES=192.0.2.0/24"},
         "X-Forwarded-Proto: https",
         false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct server s;
        server_start(&s, &(struct server_options){.env = cases[i].env});
        const char *const headers[] = {cases[i].proto, NULL};
        struct response r;
        http_do(&s,
                &(struct request){.method = "POST",
                                  .path = "/api/auth",
                                  .headers = headers,
                                  .text = "{\"sharedSecretKey\":\"dummypass\"}"},
                &r);
        expect_answer(&r, 200, "");
        if (response_has(&r, "Set-Cookie", "; Secure") != cases[i].secure) {
            fail_msg("case %zu: %s", i, response_header(&r, "Set-Cookie"));
        }
        response_done(&r);
        server_end(&s);
    }
}

/* ---- Basic ----------------------------------------------------------------------------------- */

static void test_basic(void **state)
{
    static const struct {
        const char *header;
        int status;
    } cases[] = {
        {"Authorization: Basic OmR1bW15cGFzcw==", 200},         /* :dummypass */
        {"Authorization: basic YW55Ym9keTpkdW1teXBhc3M=", 200}, /* anybody:dummypass */
        {"Authorization: Basic ZHVtbXlwYXNzOg==", 401},         /* dummypass: */
        {"Authorization: Basic Ondyb25n", 401},                 /* :wrong */
        {"Authorization: Basic ZHVtbXlwYXNz", 401},             /* dummypass, no colon */
        {"Authorization: Basic !!!", 401},
        {"Authorization: Basic", 401},
        {"Authorization: Bearer dummypass", 401},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response r;
        get_files(s, cases[i].header, &r);
        if (r.status != cases[i].status) {
            fail_msg("%s: %d", cases[i].header, r.status);
        }
        assert_int_equal(cases[i].status == 200, response_header(&r, "Set-Cookie") == NULL);
        response_done(&r);
    }
}

/* ---- without a session ------------------------------------------------------------------------
 */

static void test_protected(void **state)
{
    static const struct {
        const char *method;
        const char *path;
        const char *accept;
        const char *location; /* NULL: 401 */
    } cases[] = {
        {"GET", "/files", "Accept: */*", NULL},
        {"GET", "/files", "Accept:", NULL},
        {"GET", "/files", "Accept: application/json", NULL},
        {"GET", "/files", "Accept: text/html,application/xhtml+xml,*/*;q=0.8",
         "/login?next=%2Ffiles"},
        {"GET", "/files", "Accept: text/html;q=0.4,application/json;q=0.9", NULL},
        {"GET", "/files", "Accept: application/problem+json, text/html;q=0.9", NULL},
        {"GET", "/files?a=b&c=d", "Accept: text/html", "/login?next=%2Ffiles%3Fa%3Db%26c%3Dd"},
        {"HEAD", "/files", "Accept: text/html", "/login?next=%2Ffiles"},
        {"POST", "/api/entry", "Accept: text/html", NULL},
        {"PUT", "/api/upload/a.txt", "Accept: */*", NULL},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *const headers[] = {cases[i].accept, NULL};
        struct response r;
        http_do(
            s,
            &(struct request){.method = cases[i].method, .path = cases[i].path, .headers = headers},
            &r);
        if (cases[i].location != NULL) {
            expect_answer(&r, 303, NULL);
            const char *location = response_header(&r, "Location");
            if (location == NULL || strcmp(location, cases[i].location) != 0) {
                fail_msg("%s: Location: %s", cases[i].path, location);
            }
        } else {
            expect_answer(&r, 401, NULL);
            assert_true(response_has(&r, "Set-Cookie", "sharedSecret=;"));
            assert_true(response_has(&r, "Set-Cookie", "Max-Age=0"));
            if (strstr(cases[i].accept, "*/*") != NULL) {
                expect_answer(&r, 401, "Authentication required\n");
                assert_string_equal(response_header(&r, "Content-Type"),
                                    "text/plain; charset=utf-8");
            }
        }
        response_done(&r);
    }
}

/* The way back does not fit into a header when every byte of it takes three: then it is left out.
 */
static void test_target_too_long_to_return(void **state)
{
    enum { QUERY_BYTES = 6000 };
    static const char line[] = "GET /files?";
    static const char rest[] =
        " HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n";
    const struct server *s = *state;
    char text[sizeof line + QUERY_BYTES + sizeof rest];
    memcpy(text, line, sizeof line - 1);
    memset(text + sizeof line - 1, 0xff, QUERY_BYTES);
    memcpy(text + sizeof line - 1 + QUERY_BYTES, rest, sizeof rest);
    struct response r;
    bool closed;
    size_t len = sizeof line - 1 + QUERY_BYTES + sizeof rest - 1;
    assert_int_equal(raw_exchange(s, text, len, &r, &closed), RAW_OK);
    expect_answer(&r, 303, NULL);
    assert_string_equal(response_header(&r, "Location"), "/login");
    response_done(&r);
}

/* ---- other sites ----------------------------------------------------------------------------- */

static void test_cross_site(void **state)
{
    const struct server *s = *state;
    char own[64];
    char own_name[64];
    char other_port[64];
    snprintf(own, sizeof own, "Origin: http://127.0.0.1:%d", s->port);
    snprintf(own_name, sizeof own_name, "Origin: http://localhost:%d", s->port);
    snprintf(other_port, sizeof other_port, "Origin: http://127.0.0.1:%d", s->port ^ 1);
    const struct {
        const char *one;
        const char *two;
        bool refused;
    } cases[] = {
        {NULL, NULL, false},
        {"Sec-Fetch-Site: same-origin", NULL, false},
        {"Sec-Fetch-Site: none", NULL, false},
        {"Sec-Fetch-Site: same-site", NULL, true},
        {"Sec-Fetch-Site: cross-site", NULL, true},
        {"Sec-Fetch-Site: nonsense", NULL, true},
        {"Sec-Fetch-Site: same-origin", "Origin: https://evil.example", false},
        {"Sec-Fetch-Site: cross-site", own, true},
        {own, NULL, false},
        {own_name, NULL, true},
        {other_port, NULL, true},
        {"Origin: https://evil.example", NULL, true},
        {"Origin: null", NULL, true},
        {"Origin: https://evil.example", "X-Forwarded-Host: evil.example", true},
    };
    static const struct {
        const char *method;
        const char *path;
        const char *body;
    } requests[] = {
        {"PUT", "/api/upload/a.txt", "dummy bytes"},
        {"POST", "/api/auth", "{\"sharedSecretKey\":\"dummypass\"}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases) * ARRAY_LEN(requests); i++) {
        const char *const headers[] = {cases[i / 2].one, cases[i / 2].two, NULL};
        int64_t entries = db_entries(s);
        struct response r;
        http_do(s,
                &(struct request){.method = requests[i % 2].method,
                                  .path = requests[i % 2].path,
                                  .auth = AUTH_COOKIE,
                                  .headers = headers,
                                  .text = requests[i % 2].body},
                &r);
        int status = cases[i / 2].refused ? 403 : 200;
        if (r.status != status) {
            fail_msg("%s, %s: %d instead of %d", requests[i % 2].path,
                     headers[0] != NULL ? headers[0] : "", r.status, status);
        }
        assert_true(!cases[i / 2].refused || db_entries(s) == entries);
        response_done(&r);
    }
    /* a link on another site may lead here */
    static const char *const link[] = {"Sec-Fetch-Site: cross-site", NULL};
    struct response r;
    http_do(s, &(struct request){.path = "/files", .auth = AUTH_COOKIE, .headers = link}, &r);
    expect_answer(&r, 200, NULL);
    response_done(&r);
    /* and a signed-in browser is not signed out from there */
    http_do(s,
            &(struct request){
                .method = "DELETE", .path = "/api/auth", .auth = AUTH_COOKIE, .headers = link},
            &r);
    expect_answer(&r, 403, NULL);
    response_done(&r);
    http_do(s, &(struct request){.path = "/files", .auth = AUTH_COOKIE}, &r);
    expect_answer(&r, 200, NULL);
    response_done(&r);
}

static void test_public_url(void **state)
{
    static const char *const env[] = {"PS_PUBLIC_URL=https://share.example", NULL};
    static const char *const headers[] = {"Origin: https://share.example", "Accept: text/plain",
                                          NULL};
    (void)state;
    struct server s;
    server_start(&s, &(struct server_options){.env = env});
    struct response r;
    http_do(&s,
            &(struct request){.method = "PUT",
                              .path = "/api/upload/a.txt",
                              .auth = AUTH_BASIC,
                              .headers = headers,
                              .text = "dummy bytes"},
            &r);
    expect_answer(&r, 200, NULL);
    assert_int_equal(strncmp(response_text(&r), "https://share.example/-", 23), 0);
    response_done(&r);
    server_end(&s);
}

/* The name that the browser knows the server by is in X-Forwarded-Host, if a proxy says so. */
static void test_forwarded_host(void **state)
{
    static const char *const proxy[] = {"PS_BEHIND_PROXY=1", NULL};
    static const struct {
        const char *const *env;
        int status;
    } cases[] = {{proxy, 200}, {NULL, 403}};
    static const char *const headers[] = {"X-Forwarded-Host: share.example",
                                          "Origin: http://share.example", NULL};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct server s;
        server_start(&s, &(struct server_options){.env = cases[i].env});
        struct response r;
        http_do(&s,
                &(struct request){.method = "POST",
                                  .path = "/api/auth",
                                  .headers = headers,
                                  .text = "{\"sharedSecretKey\":\"dummypass\"}"},
                &r);
        expect_answer(&r, cases[i].status, NULL);
        response_done(&r);
        server_end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_body_limit),
        cmocka_unit_test(test_cookie),
        cmocka_unit_test(test_token_is_not_stored),
        cmocka_unit_test(test_cookie_opens),
        cmocka_unit_test(test_cookie_lines),
        cmocka_unit_test(test_log_out),
        cmocka_unit_test(test_expired_session),
        cmocka_unit_test(test_secure_behind_proxy),
        cmocka_unit_test(test_basic),
        cmocka_unit_test(test_protected),
        cmocka_unit_test(test_cross_site),
        cmocka_unit_test(test_public_url),
        cmocka_unit_test(test_stalled_bodies),
        cmocka_unit_test(test_target_too_long_to_return),
        cmocka_unit_test(test_forwarded_host),
    };
    return harness_main(tests, server_group_setup, server_group_teardown);
}
