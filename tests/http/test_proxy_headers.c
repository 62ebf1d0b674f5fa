/* What is believed of a proxy, and what follows from it: the client in the log and the history, the
 * scheme of links and cookies, the upgrade to HTTPS (improvements.md, Proxy; http-api.md 14); the
 * public URL; how long a session lasts (improvements.md, Sign-in). */
#include "api.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LINK "abcdefgh23456789"
#define HTML "Accept: text/html,application/xhtml+xml,*/*;q=0.8"

enum { MAX_HEADERS = 5 };

static const char *const behind_proxy[] = {"PS_BEHIND_PROXY=1", NULL};

/* ---- asking ---------------------------------------------------------------------------------- */

static void add_link(const struct server *s)
{
    db_change(s,
              "INSERT INTO guest_links VALUES ('" LINK "', '', NULL, NULL, '2026-01-02T03:04:05Z',"
              " '2999-12-31T00:00:00Z', '876000h0m0s', 0)");
}

/* The client in the line of the access log that has this mark in its target. */
static void logged_client(const struct server *s, const char *mark, char ret_client[64])
{
    int64_t end = harness_now_ms() + INT64_C(1000) * HANG_SECONDS;
    for (;;) {
        struct buf text;
        harness_read_file(s->access, &text);
        const char *at = strstr(buf_str(&text), mark);
        if (at != NULL && strchr(at, '\n') != NULL) {
            while (at > buf_str(&text) && at[-1] != '\n') {
                at--;
            }
            assert_true(slice_copy(slice_of(at, strcspn(at, " ")), ret_client, 64));
            buf_done(&text);
            return;
        }
        buf_done(&text);
        if (harness_now_ms() > end) {
            fail_msg("no line with %s in the access log", mark);
        }
        harness_sleep_ms(5);
    }
}

static int next_mark;

/* GETs a page with these headers; gives the client that was logged. */
static void ask_client(const struct server *s, const char *const *headers, char ret_client[64])
{
    char path[40];
    char mark[64];
    struct response r;
    (void)snprintf(path, sizeof path, "/login?mark=%d", ++next_mark);
    (void)snprintf(mark, sizeof mark, "\"GET %s HTTP/1.1\"", path);
    http_do(s, &(struct request){.path = path, .headers = headers}, &r);
    expect_answer(&r, 200, NULL);
    response_done(&r);
    logged_client(s, mark, ret_client);
}

static void expect_client(const struct server *s, const char *const *headers, const char *want)
{
    char client[64];
    ask_client(s, headers, client);
    if (strcmp(client, want) != 0) {
        fail_msg("%s: %s instead of %s", headers[0] != NULL ? headers[0] : "no header", client,
                 want);
    }
}

/* ---- whether there is a proxy ---------------------------------------------------------------- */

static void test_switch(void **state)
{
    static const char *const headers[] = {"X-Forwarded-For: 203.0.113.9", NULL};
    static const struct {
        const char *env[3];
        const char *args[3];
        bool on;
    } cases[] = {
        {{NULL}, {NULL}, false},
        {{"PS_BEHIND_PROXY="}, {NULL}, false},
        {{"PS_BEHIND_PROXY=0"}, {NULL}, false},
        {{"PS_BEHIND_PROXY=false"}, {NULL}, false},
        {{"PS_BEHIND_PROXY=no"}, {NULL}, false},
        {{"PS_BEHIND_PROXY=No"}, {NULL}, false},
        {{"PS_BEHIND_PROXY=FALSE"}, {NULL}, false},
        {{"PS_BEHIND_PROXY=1"}, {NULL}, true},
        {{"PS_BEHIND_PROXY=true"}, {NULL}, true},
        {{"PS_BEHIND_PROXY=yes"}, {NULL}, true},
        {{"PS_BEHIND_PROXY=00"}, {NULL}, true},
        {{NULL}, {"-behind-proxy"}, true},
        {{NULL}, {"--behind-proxy=true"}, true},
        {{"PS_BEHIND_PROXY=1"}, {"-behind-proxy=false"}, false}, /* the flag wins */
        /* Who names proxies has some. */
        {{"PS_TRUSTED_PROXIES=127.0.0.1"}, {NULL}, true},
        {{NULL}, {"-trusted-proxies", "127.0.0.0/8"}, true},
        {{"PS_TRUSTED_PROXIES=192.0.2.1"}, {NULL}, false},
        {{"PS_BEHIND_PROXY=1", "PS_TRUSTED_PROXIES=192.0.2.1"}, {NULL}, false},
        {{"PS_BEHIND_PROXY=1", "PS_TRUSTED_PROXIES="}, {NULL}, true}, /* as if not set */
        {{"PS_BEHIND_PROXY=1"}, {"-trusted-proxies", ""}, false},     /* nobody */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct server s;
        char client[64];
        server_start(&s, &(struct server_options){.env = cases[i].env, .args = cases[i].args});
        ask_client(&s, headers, client);
        server_end(&s);
        if (strcmp(client, cases[i].on ? "203.0.113.9" : "127.0.0.1") != 0) {
            fail_msg("case %zu: %s", i, client);
        }
    }
}

static void test_bad_list(void **state)
{
    static const char *const lists[] = {"PS_TRUSTED_PROXIES=proxy.example",
                                        "PS_TRUSTED_PROXIES=10.0.0.0/33",
                                        "PS_TRUSTED_PROXIES=127.0.0.1, ::1, x"};
    (void)state;
    char dir[200];
    char db[256];
    harness_new_dir(dir, sizeof dir);
    (void)snprintf(db, sizeof db, "%s/store.db", dir);
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        const char *const argv[] = {run_binary(), "-db", db, NULL};
        const char *const env[] = {"PORT=0", "PS_SHARED_SECRET=" HARNESS_SECRET, lists[i], NULL};
        struct run_result r;
        run_program(argv, env, &r);
        assert_int_equal(r.code, 2);
        assert_non_null(strstr(buf_str(&r.err), "not a list of addresses and networks"));
        run_done(&r);
    }
    assert_int_not_equal(access(db, F_OK), 0);
}

/* ---- who the client is ----------------------------------------------------------------------- */

/* In the access log, and in the history of a file. */
static void test_chains(void **state)
{
    static const struct {
        const char *headers[MAX_HEADERS - 1];
        const char *client;
    } cases[] = {
        {{NULL}, "127.0.0.1"},
        {{"X-Forwarded-For: 203.0.113.9"}, "203.0.113.9"},
        {{"X-Forwarded-For: 2001:db8::9"}, "2001:db8::9"},
        /* the right-most that is not trusted, with and without blanks */
        {{"X-Forwarded-For: 198.51.100.1, 203.0.113.9"}, "203.0.113.9"},
        {{"X-Forwarded-For: 198.51.100.1,203.0.113.9"}, "203.0.113.9"},
        {{"X-Forwarded-For: 198.51.100.1 ,\t203.0.113.9"}, "203.0.113.9"},
        {{"X-Forwarded-For: 198.51.100.1,203.0.113.9,10.0.0.1, 192.168.7.7"}, "203.0.113.9"},
        {{"X-Forwarded-For: 198.51.100.1, 2001:db8::9, fd00::1"}, "2001:db8::9"},
        {{"X-Forwarded-For: 127.0.0.1, 203.0.113.9"}, "203.0.113.9"},
        {{"X-Forwarded-For: 10.0.0.9, 10.0.0.1"}, "10.0.0.9"}, /* all trusted: the first */
        {{"X-Forwarded-For: junk, 203.0.113.9"}, "203.0.113.9"},
        /* nothing that could be an address */
        {{"X-Forwarded-For: 203.0.113.9, junk"}, "127.0.0.1"},
        {{"X-Forwarded-For: 203.0.113.9:4711"}, "203.0.113.9"}, /* without the port */
        {{"X-Forwarded-For: [2001:db8::9]:4711"}, "2001:db8::9"},
        {{"X-Forwarded-For: [2001:db8::9]"}, "2001:db8::9"},
        {{"X-Forwarded-For: 198.51.100.1:5, 203.0.113.9:4711, 10.0.0.1:80"}, "203.0.113.9"},
        {{"X-Real-IP: 203.0.113.9:4711"}, "203.0.113.9"},
        {{"X-Real-IP: [2001:db8::9]:4711"}, "2001:db8::9"},
        {{"X-Forwarded-For: 203.0.113.9 - - [x] \"GET / HTTP/1.1\" 200"}, "127.0.0.1"},
        {{"X-Forwarded-For: unknown"}, "127.0.0.1"},
        {{"X-Forwarded-For;"}, "127.0.0.1"}, /* empty */
        /* of several lines the last one */
        {{"X-Forwarded-For: 198.51.100.1", "X-Forwarded-For: 203.0.113.9"}, "203.0.113.9"},
        {{"x-forwarded-for: 203.0.113.9"}, "203.0.113.9"},
        {{"X-Real-IP: 203.0.113.9"}, "203.0.113.9"},
        {{"X-Real-IP: 2001:db8::9"}, "2001:db8::9"},
        {{"X-Real-IP: junk"}, "127.0.0.1"},
        {{"Forwarded: for=203.0.113.9"}, "203.0.113.9"},
        {{"Forwarded: for=\"[2001:db8::9]:4711\";proto=https;by=203.0.113.1"}, "2001:db8::9"},
        {{"Forwarded: for=198.51.100.1, for=203.0.113.9;by=10.0.0.1, for=10.0.0.1"}, "203.0.113.9"},
        {{"Forwarded: For=\"203.0.113.9:80\""}, "203.0.113.9"},
        {{"Forwarded: for=203.0.113.9, for=_hidden"}, "127.0.0.1"},
        {{"Forwarded: for=203.0.113.9, proto=https"}, "127.0.0.1"},
        {{"Forwarded: for=unknown"}, "127.0.0.1"},
        {{"Forwarded: proto=https"}, "127.0.0.1"},
        /* which header counts */
        {{"X-Real-IP: 198.51.100.1", "X-Forwarded-For: 203.0.113.9"}, "203.0.113.9"},
        {{"Forwarded: for=198.51.100.1", "X-Forwarded-For: 203.0.113.9"}, "203.0.113.9"},
        {{"Forwarded: for=198.51.100.1", "X-Real-IP: 203.0.113.9"}, "203.0.113.9"},
        {{"Forwarded: for=198.51.100.1", "X-Forwarded-For: junk", "X-Real-IP: 198.51.100.2"},
         "127.0.0.1"},
    };
    (void)state;
    struct server s;
    char id[ID_CHARS + 1];
    server_start(&s, &(struct server_options){.env = behind_proxy});
    upload_text(&s, "a.txt", NULL, "dummy data", id);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *headers[MAX_HEADERS + 1] = {NULL};
        char agent[64];
        char path[64];
        char sql[200];
        char client[64];
        struct response r;
        size_t n = 0;
        while (n < MAX_HEADERS - 1 && cases[i].headers[n] != NULL) {
            headers[n] = cases[i].headers[n];
            n++;
        }
        (void)snprintf(agent, sizeof agent, "User-Agent: case %zu.", i);
        headers[n] = agent;
        (void)snprintf(path, sizeof path, "/-%s?mark=c%zu.", id, i);
        http_do(&s, &(struct request){.path = path, .headers = headers}, &r);
        expect_answer(&r, 200, "dummy data");
        response_done(&r);
        (void)snprintf(sql, sizeof sql, "SELECT client_ip FROM downloads WHERE user_agent = '%s'",
                       agent + strlen("User-Agent: "));
        db_text(&s, sql, client, sizeof client);
        if (strcmp(client, cases[i].client) != 0) {
            fail_msg("%s: %s in the history instead of %s",
                     cases[i].headers[0] != NULL ? cases[i].headers[0] : "no header", client,
                     cases[i].client);
        }
        logged_client(&s, strchr(path, '?'), client);
        assert_string_equal(client, cases[i].client);
    }
    server_end(&s);
}

/* A client cannot open quotes to swallow what a proxy adds behind, and name itself. */
static void test_swallowed_element(void **state)
{
    static const char *const headers[] = {"Forwarded: for=198.51.100.1;host=\", for=203.0.113.9",
                                          NULL};
    (void)state;
    struct server s;
    char client[64];
    server_start(&s, &(struct server_options){.env = behind_proxy});
    ask_client(&s, headers, client);
    server_end(&s);
    assert_string_equal(client, "127.0.0.1");
}

/* As long as headers may be, and still the right-most. */
static void test_long_chain(void **state)
{
    (void)state;
    struct server s;
    struct buf line;
    buf_init(&line, 16384);
    server_start(&s, &(struct server_options){.env = behind_proxy});
    buf_add_str(&line, "X-Forwarded-For: 198.51.100.1");
    for (int i = 0; i < 800; i++) {
        buf_addf(&line, ", 10.0.%d.%d", i / 200, i % 200);
    }
    const char *headers[] = {buf_str(&line), NULL};
    expect_client(&s, headers, "198.51.100.1");
    buf_clear(&line);
    buf_add_str(&line, "Forwarded: for=198.51.100.1");
    for (int i = 0; i < 500; i++) {
        buf_addf(&line, ",for=\"10.0.%d.%d:1\"", i / 200, i % 200);
    }
    headers[0] = buf_str(&line);
    expect_client(&s, headers, "198.51.100.1");
    /* Elements that become longer than they were. */
    buf_clear(&line);
    buf_add_str(&line, "Forwarded: for=203.0.113.9;by=10.0.0.1");
    for (int i = 0; i < 10000; i++) {
        buf_add_char(&line, ',');
    }
    headers[0] = buf_str(&line);
    expect_client(&s, headers, "127.0.0.1");
    buf_done(&line);
    server_end(&s);
}

/* Whoever is not on the list is the client itself, whatever it says. */
static void test_untrusted_peer(void **state)
{
    static const char *const env[] = {"PS_BEHIND_PROXY=1",
                                      "PS_TRUSTED_PROXIES=192.0.2.0/24, 2001:db8::/32", NULL};
    static const char *const lines[] = {"X-Forwarded-For: 203.0.113.9", "X-Real-IP: 203.0.113.9",
                                        "Forwarded: for=203.0.113.9", "X-Forwarded-For: 192.0.2.1"};
    (void)state;
    struct server s;
    server_start(&s, &(struct server_options){.env = env});
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        const char *const headers[] = {lines[i], NULL};
        expect_client(&s, headers, "127.0.0.1");
    }
    server_end(&s);
}

/* Only those on the list are passed over, private networks or not. */
static void test_own_list(void **state)
{
    static const char *const env[] = {"PS_TRUSTED_PROXIES=127.0.0.1 203.0.113.0/24", NULL};
    static const struct {
        const char *line;
        const char *client;
    } cases[] = {
        {"X-Forwarded-For: 198.51.100.1, 10.0.0.1", "10.0.0.1"},
        {"X-Forwarded-For: 198.51.100.1, 10.0.0.1, 203.0.113.9", "10.0.0.1"},
        {"X-Forwarded-For: 198.51.100.1, 203.0.113.9, 127.0.0.1", "198.51.100.1"},
        {"X-Forwarded-For: 198.51.100.1, 127.0.0.2", "127.0.0.2"},
    };
    (void)state;
    struct server s;
    server_start(&s, &(struct server_options){.env = env});
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *const headers[] = {cases[i].line, NULL};
        expect_client(&s, headers, cases[i].client);
    }
    server_end(&s);
}

/* ---- the scheme ------------------------------------------------------------------------------ */

static bool signs_in_secure(const struct server *s, bool form, const char *const *headers)
{
    struct response r;
    http_do(s,
            &(struct request){.method = "POST",
                              .path = form ? "/login" : "/api/auth",
                              .headers = headers,
                              .text = form ? "sharedSecretKey=" HARNESS_SECRET
                                           : "{\"sharedSecretKey\":\"" HARNESS_SECRET "\"}"},
            &r);
    expect_answer(&r, form ? 303 : 200, "");
    const char *cookie = response_header(&r, "Set-Cookie");
    assert_non_null(cookie);
    bool secure = strstr(cookie, "; Secure") != NULL;
    response_done(&r);
    return secure;
}

/* The cookie is for HTTPS only when the client came that way. */
static void test_secure_cookie(void **state)
{
    static const struct {
        const char *headers[3];
        bool secure;
    } cases[] = {
        {{NULL}, false},
        {{"X-Forwarded-Proto: https"}, true},
        {{"X-Forwarded-Proto: HTTPS"}, true},
        {{"x-forwarded-proto: https"}, true},
        {{"X-Forwarded-Proto: http"}, false},
        {{"X-Forwarded-Proto: httpss"}, false},
        {{"X-Forwarded-Proto;"}, false},
        {{"X-Forwarded-Proto: https", "X-Forwarded-Proto: http"}, false},
        {{"X-Forwarded-Proto: http", "X-Forwarded-Proto: https"}, true},
        {{"Forwarded: for=203.0.113.9;proto=https"}, false},
    };
    static const char *const untrusted[] = {"PS_BEHIND_PROXY=1", "PS_TRUSTED_PROXIES=192.0.2.1",
                                            NULL};
    static const char *const https[] = {"X-Forwarded-Proto: https", NULL};
    (void)state;
    struct server s;
    server_start(&s, &(struct server_options){.env = behind_proxy});
    for (size_t i = 0; i < 2 * ARRAY_LEN(cases); i++) {
        if (signs_in_secure(&s, i % 2 == 1, cases[i / 2].headers) != cases[i / 2].secure) {
            fail_msg("case %zu", i / 2);
        }
    }
    server_end(&s);
    server_start(&s, &(struct server_options){.env = untrusted});
    assert_false(signs_in_secure(&s, false, https));
    assert_false(signs_in_secure(&s, true, https));
    server_end(&s);
}

/* The address is kept with the session too. */
static void test_session_address(void **state)
{
    static const char *const headers[] = {"X-Forwarded-For: 203.0.113.9, 10.0.0.1", NULL};
    (void)state;
    struct server s;
    char client[64];
    server_start(&s, &(struct server_options){.env = behind_proxy});
    (void)signs_in_secure(&s, false, headers);
    db_text(&s, "SELECT client_ip FROM ext_sessions", client, sizeof client);
    assert_string_equal(client, "203.0.113.9");
    server_end(&s);
}

/* What a guest and the owner's curl are told: "SCHEME://HOST/-ID". */
static void expect_link(const struct server *s, bool guest, const char *const *headers,
                        const char *want)
{
    static const struct part parts[] = {
        {.name = "file", .filename = "a.txt", .text = "dummy bytes"}, {0}};
    struct response r;
    http_do(s,
            &(struct request){.method = "POST",
                              .path = guest ? "/api/guest/" LINK : "/api/entry",
                              .auth = guest ? AUTH_NONE : AUTH_BASIC,
                              .headers = headers,
                              .parts = parts},
            &r);
    expect_answer(&r, 200, NULL);
    const char *text = response_text(&r);
    size_t len = strlen(want);
    if (strncmp(text, want, len) != 0 || strncmp(text + len, "/-", 2) != 0 ||
        strlen(text) != len + 2 + ID_CHARS + (guest ? 2 : 1)) {
        fail_msg("%s: %s instead of %s", headers[2] != NULL ? headers[2] : "no header", text, want);
    }
    response_done(&r);
}

static void test_scheme_of_links(void **state)
{
    static const char *const none[] = {NULL};
    static const char *const untrusted[] = {"PS_BEHIND_PROXY=1", "PS_TRUSTED_PROXIES=192.0.2.1",
                                            NULL};
    static const char *const public_https[] = {"PS_BEHIND_PROXY=1",
                                               "PS_PUBLIC_URL=https://public.example", NULL};
    static const char *const public_http[] = {"PS_BEHIND_PROXY=1",
                                              "PS_PUBLIC_URL=http://public.example:8080", NULL};
    static const struct {
        const char *const *env;
        const char *proto;
        const char *link;
    } cases[] = {
        {none, NULL, "http://share.example"},
        {none, "X-Forwarded-Proto: https", "http://share.example"},
        /* behind a proxy that does not say, most come by HTTPS */
        {behind_proxy, NULL, "https://share.example"},
        {behind_proxy, "X-Forwarded-Proto: https", "https://share.example"},
        {behind_proxy, "X-Forwarded-Proto: HTTPS", "https://share.example"},
        {behind_proxy, "X-Forwarded-Proto: http", "http://share.example"},
        {behind_proxy, "X-Forwarded-Host: other.example", "https://share.example"},
        {untrusted, NULL, "http://share.example"},
        {untrusted, "X-Forwarded-Proto: https", "http://share.example"},
        {public_https, NULL, "https://public.example"},
        {public_https, "X-Forwarded-Proto: http", "https://public.example"},
        {public_http, NULL, "http://public.example:8080"},
        {public_http, "X-Forwarded-Proto: https", "http://public.example:8080"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *const headers[] = {"Host: share.example", "Accept: text/plain", cases[i].proto,
                                       NULL};
        struct server s;
        server_start(&s, &(struct server_options){.env = cases[i].env});
        add_link(&s);
        expect_link(&s, true, headers, cases[i].link);
        expect_link(&s, false, headers, cases[i].link);
        server_end(&s);
    }
}

static void test_host_of_links(void **state)
{
    static const struct {
        const char *host;
        const char *link;
    } cases[] = {
        {"Host: share.example:8080", "http://share.example:8080"},
        {"Host: [2001:db8::1]:8080", "http://[2001:db8::1]:8080"},
        {"Host: SHARE.example", "http://SHARE.example"},
        {"Host: a\"><script>", "http://localhost"},
        {"Host: a/b", "http://localhost"},
    };
    (void)state;
    struct server s;
    server_start(&s, NULL);
    add_link(&s);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *const headers[] = {cases[i].host, "Accept: text/plain", NULL, NULL};
        struct response r;
        http_do(&s, &(struct request){.path = "/", .headers = headers}, &r);
        bool refused = r.status == 400; /* before anything else is asked */
        response_done(&r);
        if (!refused) {
            expect_link(&s, true, headers, cases[i].link);
        }
        assert_true(!refused || strcmp(cases[i].link, "http://localhost") == 0);
    }
    server_end(&s);
}

/* The page that answers a form without JavaScript has the same links. */
static void test_links_on_the_result_page(void **state)
{
    static const char *const env[] = {"PS_PUBLIC_URL=https://public.example/", NULL};
    static const struct part parts[] = {
        {.name = "file", .filename = "a b.txt", .text = "dummy bytes"}, {0}};
    (void)state;
    struct server s;
    struct response r;
    server_start(&s, &(struct server_options){.env = env});
    server_sign_in(&s);
    http_do(
        &s,
        &(struct request){.method = "POST", .path = "/upload", .auth = AUTH_COOKIE, .parts = parts},
        &r);
    expect_answer(&r, 200, NULL);
    char id[ID_CHARS + 1];
    char url[100];
    db_text(&s, "SELECT id FROM entries", id, sizeof id);
    (void)snprintf(url, sizeof url, "https://public.example/-%s", id);
    assert_non_null(strstr(response_text(&r), url));
    (void)snprintf(url, sizeof url, "https://public.example/-%s/a%%20b.txt", id);
    assert_non_null(strstr(response_text(&r), url));
    assert_null(strstr(response_text(&r), "http://127.0.0.1"));
    response_done(&r);
    server_end(&s);
}

/* ---- the way to HTTPS ------------------------------------------------------------------------ */

struct upgrade {
    const char *path; /* @: an id */
    bool upgraded;
    int status; /* otherwise */
};

static const struct upgrade upgrades[] = {
    {"/", true, 200},
    {"/?a=b&c=%2F", true, 200},
    {"/?", true, 200},
    {"/login", true, 200},
    {"/login?next=%2Ffiles", true, 200},
    {"/-@", true, 200},
    {"/-@/name.txt?download=1", true, 200},
    {"/-@/a%20b/%C3%A4", true, 200},
    {"/!@", true, 200},
    {"/!@/name.txt", true, 200},
    {"/-BBBBBBBBBB", true, 404},
    {"/-short", true, 400},
    {"/g/" LINK, true, 200},
    {"/g/" LINK "/x?y", true, 200},
    {"/g/bcdefgh23456789a", true, 404},
    {"/files", false, 401},
    {"/files/@/info", false, 401},
    {"/settings", false, 401},
    {"/information", false, 401},
    {"/guest-links", false, 401},
    {"/api/system", false, 401},
    {"/favicon.ico", false, 200},
    {"/nothing", false, 404},
    {"/g/", false, 404},
    {"/-", false, 404},
};

/* The path with an id for its '@'. */
static void path_for(const char *pattern, const char *id, char ret_path[100])
{
    size_t len = strcspn(pattern, "@");
    bool has_id = pattern[len] == '@';
    (void)snprintf(ret_path, 100, "%.*s%s%s", (int)len, pattern, has_id ? id : "",
                   has_id ? pattern + len + 1 : "");
}

static void expect_upgrade(const struct server *s, const char *method, const char *path,
                           const char *base)
{
    static const char *const headers[] = {"X-Forwarded-Proto: http", "Host: share.example:8080",
                                          NULL};
    char location[200];
    struct response r;
    http_do(s, &(struct request){.method = method, .path = path, .headers = headers}, &r);
    expect_answer(&r, 301, NULL);
    (void)snprintf(location, sizeof location, "%s%s", base, path);
    expect_header(&r, "Location", location);
    assert_null(response_header(&r, "Content-Security-Policy"));
    assert_null(response_header(&r, "Set-Cookie"));
    if (method == NULL) {
        expect_header(&r, "Content-Type", "text/html; charset=utf-8");
        assert_non_null(strstr(response_text(&r), "<a href=\"https://"));
    }
    response_done(&r);
}

static void test_upgrade(void **state)
{
    static const char *const proto[] = {"X-Forwarded-Proto: http", "Host: share.example:8080",
                                        NULL};
    (void)state;
    struct server s;
    char id[ID_CHARS + 1];
    server_start(&s, NULL); /* whether there is a proxy or not */
    add_link(&s);
    upload_text(&s, "a.txt", NULL, "dummy data", id);
    for (size_t i = 0; i < ARRAY_LEN(upgrades); i++) {
        char path[100];
        struct response r;
        path_for(upgrades[i].path, id, path);
        if (upgrades[i].upgraded) {
            expect_upgrade(&s, NULL, path, "https://share.example:8080");
            expect_upgrade(&s, "HEAD", path, "https://share.example:8080");
        } else {
            http_do(&s, &(struct request){.path = path, .headers = proto}, &r);
            expect_answer(&r, upgrades[i].status, NULL);
            response_done(&r);
        }
    }
    /* A download that was sent elsewhere is none. */
    assert_int_equal(db_int(&s, "SELECT count(*) FROM downloads"), 0);
    server_end(&s);
}

/* Nothing but "http" says that. */
static void test_upgrade_exact_value(void **state)
{
    static const char *const protos[] = {
        "X-Forwarded-Proto: https", "X-Forwarded-Proto: HTTP", "X-Forwarded-Proto: http, https",
        "X-Forwarded-Proto: httpx", "X-Forwarded-Proto;",      "X-Forwarded-Scheme: http",
        "Forwarded: proto=http"};
    (void)state;
    struct server s;
    char id[ID_CHARS + 1];
    server_start(&s, &(struct server_options){.env = behind_proxy});
    add_link(&s);
    upload_text(&s, "a.txt", NULL, "dummy data", id);
    for (size_t i = 0; i < ARRAY_LEN(protos) * ARRAY_LEN(upgrades); i++) {
        const struct upgrade *u = &upgrades[i % ARRAY_LEN(upgrades)];
        const char *const headers[] = {protos[i / ARRAY_LEN(upgrades)], NULL};
        char path[100];
        struct response r;
        path_for(u->path, id, path);
        http_do(&s, &(struct request){.path = path, .headers = headers}, &r);
        if (r.status != u->status) {
            fail_msg("%s, %s: %d instead of %d", path, headers[0], r.status, u->status);
        }
        response_done(&r);
    }
    server_end(&s);
}

/* Only reading is sent elsewhere: a form's contents would be lost. */
static void test_upgrade_only_reads(void **state)
{
    static const char *const proto[] = {"X-Forwarded-Proto: http", NULL};
    (void)state;
    struct server s;
    server_start(&s, &(struct server_options){.env = behind_proxy});
    assert_false(signs_in_secure(&s, true, proto));
    assert_false(signs_in_secure(&s, false, proto));
    struct response r;
    http_do(&s, &(struct request){.method = "POST", .path = "/", .headers = proto, .text = ""}, &r);
    expect_answer(&r, 405, "");
    response_done(&r);
    server_end(&s);
}

/* The public URL is where the server is: no upgrade to anything else. */
static void test_upgrade_and_public_url(void **state)
{
    static const char *const https[] = {"PS_PUBLIC_URL=https://public.example", NULL};
    static const char *const http[] = {"PS_PUBLIC_URL=http://public.example", NULL};
    static const char *const proto[] = {"X-Forwarded-Proto: http", NULL};
    (void)state;
    struct server s;
    char id[ID_CHARS + 1];
    server_start(&s, &(struct server_options){.env = https});
    add_link(&s);
    upload_text(&s, "a.txt", NULL, "dummy data", id);
    for (size_t i = 0; i < ARRAY_LEN(upgrades); i++) {
        char path[100];
        path_for(upgrades[i].path, id, path);
        if (upgrades[i].upgraded) {
            expect_upgrade(&s, NULL, path, "https://public.example");
        }
    }
    server_end(&s);
    server_start(&s, &(struct server_options){.env = http});
    add_link(&s);
    upload_text(&s, "a.txt", NULL, "dummy data", id);
    for (size_t i = 0; i < ARRAY_LEN(upgrades); i++) {
        char path[100];
        struct response r;
        path_for(upgrades[i].path, id, path);
        http_do(&s, &(struct request){.path = path, .headers = proto}, &r);
        expect_answer(&r, upgrades[i].status, NULL);
        response_done(&r);
    }
    server_end(&s);
}

/* ---- how long a session lasts ---------------------------------------------------------------- */

/* As if the sessions had been used last so long ago. */
static void age_sessions(const struct server *s, int seconds)
{
    db_change(s,
              "UPDATE ext_sessions SET last_used = strftime('%%s', 'now') - %d,"
              " expires = strftime('%%s', 'now') - %d + 30 * 86400",
              seconds, seconds);
}

static void await_touched(const struct server *s)
{
    assert_true(db_wait(s,
                        "SELECT count(*) FROM ext_sessions WHERE last_used >"
                        " strftime('%s', 'now') - 600 AND expires = last_used + 30 * 86400",
                        1));
}

static void get_page(const struct server *s, const char *path, const char *header,
                     struct response *r)
{
    const char *const headers[] = {HTML, header, NULL};
    http_do(s, &(struct request){.path = path, .auth = AUTH_COOKIE, .headers = headers}, r);
}

/* Pages prolong the cookie along with the session, once an hour. */
static void test_cookie_is_renewed(void **state)
{
    static const char *const paths[] = {"/",
                                        "/files",
                                        "/settings",
                                        "/guest-links",
                                        "/guest-links/new",
                                        "/information",
                                        "/login",
                                        "/files/@/info",
                                        "/files/@/edit",
                                        "/files/@/downloads",
                                        "/files/@/confirm-delete"};
    (void)state;
    struct server s;
    char id[ID_CHARS + 1];
    char want[400];
    server_start(&s, &(struct server_options){.env = behind_proxy});
    upload_text(&s, "a.txt", NULL, "dummy data", id);
    server_sign_in(&s);
    (void)snprintf(want, sizeof want, "%s; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax",
                   s.cookie);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        char path[100];
        struct response r;
        path_for(paths[i], id, path);
        age_sessions(&s, 3700);
        get_page(&s, path, NULL, &r);
        expect_answer(&r, 200, NULL);
        expect_header(&r, "Set-Cookie", want);
        response_done(&r);
        await_touched(&s);
        get_page(&s, path, NULL, &r);
        expect_answer(&r, 200, NULL);
        assert_null(response_header(&r, "Set-Cookie"));
        response_done(&r);
    }
    /* Not yet. */
    age_sessions(&s, 3000);
    struct response r;
    get_page(&s, "/files", NULL, &r);
    expect_answer(&r, 200, NULL);
    assert_null(response_header(&r, "Set-Cookie"));
    response_done(&r);
    /* By HTTPS it stays a cookie of HTTPS. */
    age_sessions(&s, 3700);
    get_page(&s, "/files", "X-Forwarded-Proto: https", &r);
    expect_answer(&r, 200, NULL);
    char secure[sizeof want + 10];
    (void)snprintf(secure, sizeof secure, "%s; Secure", want);
    expect_header(&r, "Set-Cookie", secure);
    response_done(&r);
    await_touched(&s);
    /* A download asks for no session, and keeps none alive. */
    char path[32];
    age_sessions(&s, 3700);
    (void)snprintf(path, sizeof path, "/-%s", id);
    get_page(&s, path, NULL, &r);
    expect_answer(&r, 200, NULL);
    assert_null(response_header(&r, "Set-Cookie"));
    response_done(&r);
    assert_int_equal(db_int(&s, "SELECT strftime('%s', 'now') - last_used > 3000"
                                " FROM ext_sessions"),
                     1);
    server_end(&s);
}

/* A stranger, and somebody with the passphrase in every request, get no cookie with a page. */
static void test_nobody_elses_cookie(void **state)
{
    static const char *const headers[] = {HTML, NULL};
    (void)state;
    struct server s;
    struct response r;
    server_start(&s, NULL);
    server_sign_in(&s);
    age_sessions(&s, 3700);
    http_do(&s, &(struct request){.path = "/", .headers = headers}, &r);
    expect_answer(&r, 200, NULL);
    assert_null(response_header(&r, "Set-Cookie"));
    response_done(&r);
    http_do(&s, &(struct request){.path = "/files", .auth = AUTH_BASIC, .headers = headers}, &r);
    expect_answer(&r, 200, NULL);
    assert_null(response_header(&r, "Set-Cookie"));
    response_done(&r);
    server_end(&s);
}

static void expect_signed_out(const struct server *s)
{
    struct response r;
    http_do(s, &(struct request){.path = "/files", .auth = AUTH_COOKIE}, &r);
    expect_answer(&r, 401, "Authentication required\n");
    expect_header(&r, "Set-Cookie", "sharedSecret=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    response_done(&r);
    get_page(s, "/", NULL, &r); /* an open page, as strangers see it */
    expect_answer(&r, 200, NULL);
    assert_null(strstr(response_text(&r), "Log Out"));
    assert_null(response_header(&r, "Set-Cookie"));
    response_done(&r);
}

static void expect_signed_in(const struct server *s)
{
    struct response r;
    http_do(s, &(struct request){.path = "/files", .auth = AUTH_COOKIE}, &r);
    expect_answer(&r, 200, NULL);
    response_done(&r);
}

/* Thirty days after its last use. */
static void test_session_expires(void **state)
{
    enum { DAY = 86400 };
    (void)state;
    struct server s;
    server_start(&s, NULL);
    server_sign_in(&s);
    age_sessions(&s, 30 * DAY - 100);
    expect_signed_in(&s); /* which is a use */
    await_touched(&s);
    age_sessions(&s, 30 * DAY + 1);
    expect_signed_out(&s);
    assert_int_equal(db_int(&s, "SELECT last_used < strftime('%s', 'now') - 2592000"
                                " FROM ext_sessions"),
                     1); /* a try is no use */
    server_end(&s);
}

static void test_session_ends_at_log_out(void **state)
{
    (void)state;
    struct server s;
    struct response r;
    server_start(&s, NULL);
    server_sign_in(&s);
    struct server other = s;
    server_sign_in(&other);
    age_sessions(&s, 3700);
    http_do(&s, &(struct request){.method = "DELETE", .path = "/api/auth", .auth = AUTH_COOKIE},
            &r);
    expect_answer(&r, 200, "");
    expect_header(&r, "Set-Cookie", "sharedSecret=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    response_done(&r);
    expect_signed_out(&s);
    expect_signed_in(&other);
    assert_int_equal(db_int(&s, "SELECT count(*) FROM ext_sessions"), 1);
    server_end(&s);
}

/* It outlives the program, but not the passphrase. */
static void test_session_and_passphrase(void **state)
{
    static const char *const other_secret[] = {"PS_SHARED_SECRET=another one", NULL};
    (void)state;
    struct server s;
    char cookie[sizeof s.cookie];
    server_start(&s, NULL);
    server_sign_in(&s);
    memcpy(cookie, s.cookie, sizeof cookie);
    server_end(&s);
    char dir[sizeof s.dir];
    memcpy(dir, s.dir, sizeof dir);
    server_start(&s, &(struct server_options){.dir = dir});
    memcpy(s.cookie, cookie, sizeof cookie);
    expect_signed_in(&s);
    server_end(&s);
    server_start(&s, &(struct server_options){.dir = dir, .no_secret = true, .env = other_secret});
    memcpy(s.cookie, cookie, sizeof cookie);
    assert_int_equal(db_int(&s, "SELECT count(*) FROM ext_sessions"), 0);
    expect_signed_out(&s);
    server_end(&s);
    server_start(&s, &(struct server_options){.dir = dir}); /* nor does the old one bring it back */
    memcpy(s.cookie, cookie, sizeof cookie);
    expect_signed_out(&s);
    server_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_switch),
        cmocka_unit_test(test_bad_list),
        cmocka_unit_test(test_chains),
        cmocka_unit_test(test_swallowed_element),
        cmocka_unit_test(test_long_chain),
        cmocka_unit_test(test_untrusted_peer),
        cmocka_unit_test(test_own_list),
        cmocka_unit_test(test_secure_cookie),
        cmocka_unit_test(test_session_address),
        cmocka_unit_test(test_scheme_of_links),
        cmocka_unit_test(test_host_of_links),
        cmocka_unit_test(test_links_on_the_result_page),
        cmocka_unit_test(test_upgrade),
        cmocka_unit_test(test_upgrade_exact_value),
        cmocka_unit_test(test_upgrade_only_reads),
        cmocka_unit_test(test_upgrade_and_public_url),
        cmocka_unit_test(test_cookie_is_renewed),
        cmocka_unit_test(test_nobody_elses_cookie),
        cmocka_unit_test(test_session_expires),
        cmocka_unit_test(test_session_ends_at_log_out),
        cmocka_unit_test(test_session_and_passphrase),
    };
    return harness_main(tests, NULL, NULL);
}
