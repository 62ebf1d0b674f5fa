/* Guessing the passphrase of the real program: how many guesses are looked at, who counts as one
 * client, and that the owner gets in all the same (docs/decisions/0006-sign-in-throttle.md). How
 * many may be looked at is computed from the time that the test has really taken. */
#include "harness.h"
#include "picoshare/base/num.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    /* base/limits.h, whose names collide with the harness's */
    FREE_ATTEMPTS = 5,
    MAX_WAIT_S = 900,
    TOTAL_FAILURES = 100,
    ALARM_WAIT_S = 60,
    CLIENTS = 1024,
    THREADS = 16,
};

#define LOCALHOST "127.0.0.1"
#define OWNER "127.0.0.2" /* another address that needs no configuration on Linux */
#define TOO_MANY "too many wrong passphrases, try again later"
#define BROWSER "Accept: text/html,application/xhtml+xml,*/*;q=0.8"

static const char *const behind_proxy[] = {"PS_BEHIND_PROXY=1", NULL};
static const struct server_options proxied = {.env = behind_proxy};

/* ---- one attempt ----------------------------------------------------------------------------- */

enum way { WAY_JSON, WAY_FORM, WAY_BASIC, WAYS };

static const int opens[WAYS] = {200, 303, 200}; /* what a right passphrase is answered with */

struct verdict {
    int status;            /* 0: no answer */
    int64_t retry_after_s; /* -1: nothing was said */
};

/* headers: further lines, each with its line end. */
static void print_attempt(enum way way, bool right, const char *headers, char *text, size_t size)
{
    char body[100];
    switch (way) {
    case WAY_JSON:
        snprintf(body, sizeof body, "{\"sharedSecretKey\":\"%s\"}",
                 right ? HARNESS_SECRET : "wrong");
        snprintf(text, size,
                 "POST /api/auth HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n%s",
                 headers, strlen(body), body);
        break;
    case WAY_FORM:
        snprintf(body, sizeof body, "next=%%2F&sharedSecretKey=%s",
                 right ? HARNESS_SECRET : "wrong");
        snprintf(text, size,
                 "POST /login HTTP/1.1\r\nHost: localhost\r\n%s"
                 "Content-Type: application/x-www-form-urlencoded\r\n"
                 "Content-Length: %zu\r\n\r\n%s",
                 headers, strlen(body), body);
        break;
    default: /* ":dummypass" and ":wrong" */
        snprintf(text, size,
                 "GET /api/system HTTP/1.1\r\nHost: localhost\r\n%sAuthorization: Basic %s\r\n\r\n",
                 headers, right ? "OmR1bW15cGFzcw==" : "Ondyb25n");
        break;
    }
}

static int64_t retry_after(const struct response *r)
{
    const char *value = response_header(r, "Retry-After");
    int64_t seconds = -1;
    if (value != NULL && num_parse_i64(slice_str(value), 0, INT64_MAX, &seconds) != ERR_OK) {
        return 0; /* no positive number: not what anybody accepts */
    }
    return seconds;
}

/* May be called from any thread. */
static struct verdict attempt(struct raw *c, enum way way, bool right, const char *headers)
{
    char text[1024];
    struct response r;
    struct verdict verdict = {.status = 0, .retry_after_s = -1};
    print_attempt(way, right, headers, text, sizeof text);
    if (!raw_text(c, text)) {
        return verdict;
    }
    if (raw_answer(c, false, &r) == RAW_OK) {
        verdict = (struct verdict){r.status, retry_after(&r)};
    }
    response_done(&r);
    return verdict;
}

/* An attempt on a connection of its own. */
static struct verdict attempt_from(const struct server *s, const char *address, enum way way,
                                   bool right, const char *headers)
{
    struct verdict verdict = {.status = 0, .retry_after_s = -1};
    struct raw *c = malloc(sizeof *c);
    if (c != NULL && raw_open_from(s, address, c)) {
        verdict = attempt(c, way, right, headers);
        raw_close(c);
    }
    free(c);
    return verdict;
}

/* The same through a proxy, which tells the client's address. */
static struct verdict attempt_of(const struct server *s, const char *client, enum way way,
                                 bool right)
{
    char headers[200];
    snprintf(headers, sizeof headers, "X-Forwarded-For: %s\r\n", client);
    return attempt_from(s, LOCALHOST, way, right, headers);
}

static bool was_looked_at(struct verdict verdict)
{
    return verdict.status == 401 && verdict.retry_after_s < 0;
}

static bool was_refused(struct verdict verdict)
{
    return verdict.status == 429 && verdict.retry_after_s >= 1 &&
           verdict.retry_after_s <= MAX_WAIT_S;
}

#define expect_looked_at(v) expect_verdict((v), 401, __LINE__)
#define expect_refused(v) expect_verdict((v), 429, __LINE__)

static void expect_verdict(struct verdict verdict, int status, int line)
{
    if (status == 401 ? !was_looked_at(verdict) : !was_refused(verdict)) {
        fail_msg("line %d: %d with Retry-After %lld instead of %d", line, verdict.status,
                 (long long)verdict.retry_after_s, status);
    }
}

/* ---- many attempts --------------------------------------------------------------------------- */

/* How many of one client's guesses may be looked at in this time: the free ones, one that opens a
 * wait of a second, one after it that opens a wait of two, … */
static int most_looked_at(int64_t elapsed_ms)
{
    int attempts = FREE_ATTEMPTS + 1;
    int64_t wait_ms = 1000;
    for (int64_t at = wait_ms; at <= elapsed_ms; at += wait_ms) {
        attempts++;
        wait_ms = 2 * wait_ms < 1000 * MAX_WAIT_S ? 2 * wait_ms : 1000 * MAX_WAIT_S;
    }
    return attempts;
}

struct flood {
    const struct server *server;
    const char *from;                                         /* an address of this machine */
    void (*print_headers)(int n, char *headers, size_t size); /* of the n-th; NULL: none */
    int attempts;
    int at_once;  /* of them, as quickly as possible; the others … */
    int pause_ms; /* … with this pause after each, so that some waits pass */
    pthread_t threads[THREADS];
    int64_t began_ms;
    _Atomic int next;
    _Atomic int looked_at;
    _Atomic int refused;
    _Atomic int others; /* any other answer, or none */
};

static void flood_once(struct flood *flood, struct raw *c, int n)
{
    char headers[400] = "";
    if (flood->print_headers != NULL) {
        flood->print_headers(n, headers, sizeof headers);
    }
    struct verdict verdict = attempt(c, (enum way)(n % WAYS), false, headers);
    if (was_looked_at(verdict)) {
        flood->looked_at++;
    } else if (was_refused(verdict)) {
        flood->refused++;
    } else {
        flood->others++;
    }
}

static void *run_flood(void *arg)
{
    struct flood *flood = arg;
    struct raw *c = malloc(sizeof *c);
    if (c == NULL || !raw_open_from(flood->server, flood->from, c)) {
        flood->others++;
    } else {
        for (int n = flood->next++; n < flood->attempts; n = flood->next++) {
            flood_once(flood, c, n);
            harness_sleep_ms(n < flood->at_once ? 0 : flood->pause_ms);
        }
        raw_close(c);
    }
    free(c);
    return NULL;
}

static void start_flood(struct flood *flood)
{
    flood->began_ms = harness_now_ms();
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&flood->threads[i], NULL, run_flood, flood), 0);
    }
}

/* How often the log tells of a wrong passphrase of this client. */
static int logged(const struct server *s, const char *client)
{
    char line[100];
    struct buf log;
    int count = 0;
    snprintf(line, sizeof line, "msg=\"wrong passphrase\" client=\"%s\" ", client);
    harness_read_file(s->log, &log);
    for (const char *at = strstr(buf_str(&log), line); at != NULL; at = strstr(at + 1, line)) {
        count++;
    }
    buf_done(&log);
    return count;
}

/* Waits for its end. What was looked at is no more than one client may have; it is what the log
 * tells of, all under the given address. */
static void end_flood(struct flood *flood, const char *client)
{
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(flood->threads[i], NULL);
    }
    int64_t elapsed_ms = harness_now_ms() - flood->began_ms;
    int allowed = most_looked_at(elapsed_ms + 1);
    print_message("[  FLOOD   ] %d attempts in %lld ms: %d looked at, %d allowed, %d refused\n",
                  flood->attempts, (long long)elapsed_ms, flood->looked_at, allowed,
                  flood->refused);
    assert_int_equal(flood->others, 0);
    assert_int_equal(flood->looked_at + flood->refused, flood->attempts);
    assert_in_range(flood->looked_at, FREE_ATTEMPTS + 1, allowed);
    if (client != NULL) {
        assert_int_equal(logged(flood->server, client), flood->looked_at);
    }
}

/* ---- one address ----------------------------------------------------------------------------- */

/* What the owner does while another address is guessing; counts what does not work. */
static int use_as_owner(const struct server *s)
{
    int failures = 0;
    for (int way = 0; way < WAYS; way++) {
        failures += attempt_from(s, OWNER, (enum way)way, true, "").status != opens[way];
    }
    return failures;
}

/* What somebody who is signed in does at the very address that is guessing. */
static int use_session(const struct server *s)
{
    struct response r;
    http_do(s, &(struct request){.path = "/files", .auth = AUTH_COOKIE}, &r);
    int failures = r.status != 200;
    response_done(&r);
    http_do(s,
            &(struct request){
                .method = "PUT", .path = "/api/upload/a.txt", .auth = AUTH_COOKIE, .text = "x"},
            &r);
    failures += r.status != 200;
    response_done(&r);
    return failures;
}

static void test_ten_thousand(void **state)
{
    (void)state;
    static struct server s;
    static struct flood flood;
    server_start(&s, NULL);
    server_sign_in(&s);
    flood = (struct flood){.server = &s, .from = LOCALHOST, .at_once = 1000, .pause_ms = 16};
    flood.attempts = (int)harness_scale("wrong passphrases", 10000, 2000);
    start_flood(&flood);
    int rounds = 0;
    int failures = 0;
    do {
        failures += use_as_owner(&s) + use_session(&s);
        rounds++;
        harness_sleep_ms(20);
    } while (flood.next < flood.attempts && flood.others == 0);
    end_flood(&flood, LOCALHOST);
    print_message("[  FLOOD   ] meanwhile %d times the owner and a session\n", rounds);
    assert_int_equal(failures, 0);
    assert_int_equal(logged(&s, OWNER), 0);
    server_end(&s);
}

/* Guesses, waiting as told, until so many have been looked at. When the last one was sent. */
static int64_t guess(const struct server *s, const char *from, int times)
{
    int64_t sent_ms = 0;
    while (times > 0) {
        sent_ms = harness_now_ms();
        struct verdict verdict = attempt_from(s, from, WAY_JSON, false, "");
        if (was_looked_at(verdict)) {
            times--;
        } else {
            expect_refused(verdict);
            harness_sleep_ms(1000 * verdict.retry_after_s);
        }
    }
    return sent_ms;
}

/* A right passphrase does not end the wait, nothing prolongs it, and after it the owner is in. */
static void test_right_one_waits(void **state)
{
    enum { GUESSES = FREE_ATTEMPTS + 3, WAIT_MS = 4000, TRIES = 30 };
    (void)state;
    struct server s;
    server_start(&s, NULL);
    int64_t until_ms = guess(&s, LOCALHOST, GUESSES) + WAIT_MS;
    struct verdict verdict = {.retry_after_s = 1};
    for (int i = 0; i < TRIES; i++) {
        verdict = attempt_from(&s, LOCALHOST, (enum way)(i % WAYS), i >= WAYS, "");
        int64_t left_ms = until_ms - harness_now_ms();
        if (left_ms <= 0) {
            print_message("[  SLOW    ] only %d of %d tries fell into the wait\n", i, TRIES);
            break;
        }
        expect_refused(verdict);
        assert_in_range(verdict.retry_after_s, (left_ms + 999) / 1000, WAIT_MS / 1000);
    }
    assert_int_equal(logged(&s, LOCALHOST), GUESSES);
    if (verdict.status == 429) {
        harness_sleep_ms(1000 * verdict.retry_after_s);
        verdict = attempt_from(&s, LOCALHOST, WAY_JSON, true, "");
        assert_int_equal(verdict.status, 200);
    }
    server_end(&s);
}

/* Whoever gets in has all attempts again, and is charged nothing for having got in. */
static void test_success_forgets(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, NULL);
    for (int way = 0; way < WAYS; way++) {
        for (int i = 0; i < FREE_ATTEMPTS; i++) {
            expect_looked_at(attempt_from(&s, LOCALHOST, (enum way)way, false, ""));
        }
        for (int i = 0; i < 2 * FREE_ATTEMPTS; i++) {
            struct verdict verdict = attempt_from(&s, LOCALHOST, (enum way)way, true, "");
            assert_int_equal(verdict.status, opens[way]);
        }
    }
    for (int i = 0; i <= FREE_ATTEMPTS; i++) {
        expect_looked_at(attempt_from(&s, LOCALHOST, WAY_JSON, false, ""));
    }
    server_end(&s);
}

/* What holds no passphrase is no guess. */
static void test_bad_bodies_do_not_count(void **state)
{
    enum { ROUNDS = 4 };
    static const struct {
        const char *path;
        const char *body;
        int status;
    } cases[] = {
        {"/api/auth", "", 400},
        {"/api/auth", "{", 400},
        {"/api/auth", "[]", 400},
        {"/api/auth", "{}", 400},
        {"/api/auth", "{\"sharedSecretKey\":5}", 400},
        {"/api/auth", "{\"sharedSecretKey\":\"\"}", 400},
        {"/login", "", 400},
        {"/login", "sharedSecretKey=", 400},
        {"/login", "next=%2Ffiles", 400},
        {"/login", "sharedSecretKey=%zz", 400},
    };
    static const char *const headers[] = {
        "Authorization: Basic !!!", "Authorization: Basic ZHVtbXlwYXNz", /* no colon */
        "Authorization: Bearer dummypass", "Cookie: sharedSecret=wrong"};
    (void)state;
    struct server s;
    struct response r;
    server_start(&s, NULL);
    for (size_t i = 0; i < ROUNDS * ARRAY_LEN(cases); i++) {
        size_t k = i % ARRAY_LEN(cases);
        http_do(&s,
                &(struct request){.method = "POST", .path = cases[k].path, .text = cases[k].body},
                &r);
        expect_answer(&r, cases[k].status, NULL);
        response_done(&r);
    }
    for (size_t i = 0; i < ROUNDS * ARRAY_LEN(headers); i++) {
        const char *const one[] = {headers[i % ARRAY_LEN(headers)], NULL};
        http_do(&s, &(struct request){.path = "/api/system", .headers = one}, &r);
        expect_answer(&r, 401, NULL);
        assert_null(response_header(&r, "Retry-After"));
        response_done(&r);
    }
    assert_int_equal(logged(&s, LOCALHOST), 0);
    for (int i = 0; i <= FREE_ATTEMPTS; i++) {
        expect_looked_at(attempt_from(&s, LOCALHOST, (enum way)(i % WAYS), false, ""));
    }
    server_end(&s);
}

/* ---- who is one client ----------------------------------------------------------------------- */

/* In front of what a proxy adds, or in place of it: an address that changes with every attempt. */
static void print_forged(int n, char *headers, size_t size)
{
    snprintf(headers, size,
             "X-Forwarded-For: 198.51.%d.%d\r\nX-Real-IP: 198.51.%d.%d\r\n"
             "Forwarded: for=198.51.%d.%d\r\n",
             n / 250, n % 250, n / 250, n % 250, n / 250, n % 250);
}

/* The same through a proxy that appends the real one, in the same line or in one of its own. */
static void print_forged_and_real(int n, char *headers, size_t size)
{
    snprintf(headers, size,
             "X-Real-IP: 198.51.%d.%d\r\nForwarded: for=198.51.%d.%d\r\n"
             "X-Forwarded-For: 198.51.%d.%d%s203.0.113.7\r\n",
             n / 250, n % 250, n / 250, n % 250, n / 250, n % 250,
             n % 2 == 0 ? ", " : "\r\nX-Forwarded-For: ");
}

/* The same in the header that took the place of X-Forwarded-For. */
static void print_forwarded(int n, char *headers, size_t size)
{
    snprintf(headers, size, "Forwarded: for=198.51.%d.%d;proto=http%sfor=203.0.113.7\r\n", n / 250,
             n % 250, n % 2 == 0 ? ", " : "\r\nForwarded: ");
}

/* A quote that swallows what the proxy appends: then nobody knows better than the socket. */
static void print_swallowing(int n, char *headers, size_t size)
{
    static const char *const quotes[] = {"for=\"", "for=198.51.100.1;host=\"",
                                         "for=198.51.100.1, for=\"x\\"};
    snprintf(headers, size, "Forwarded: for=198.51.%d.%d;%s%d, for=203.0.113.7\r\n", n / 250,
             n % 250, quotes[n % 3], n);
}

/* Addresses that one subscriber has. */
static void print_neighbour(int n, char *headers, size_t size)
{
    snprintf(headers, size, "X-Forwarded-For: 2001:db8:1:2:%x:%x:%x:%x\r\n", n * 7 % 0xffff,
             n * 11 % 0xffff, n % 3, n);
}

static void flood_with(const struct server_options *options,
                       void (*print_headers)(int n, char *headers, size_t size), const char *client,
                       struct server *ret_server)
{
    static struct flood flood;
    server_start(ret_server, options);
    flood = (struct flood){
        .server = ret_server, .from = LOCALHOST, .print_headers = print_headers, .attempts = 1000};
    start_flood(&flood);
    end_flood(&flood, client);
}

static void test_forged_without_proxy(void **state)
{
    (void)state;
    static struct server s;
    flood_with(NULL, print_forged, LOCALHOST, &s);
    assert_int_equal(use_as_owner(&s), 0);
    server_end(&s);
}

static void test_forged_behind_proxy(void **state)
{
    (void)state;
    static struct server s;
    flood_with(&proxied, print_forged_and_real, "203.0.113.7", &s);
    for (int way = 0; way < WAYS; way++) {
        assert_int_equal(attempt_of(&s, "203.0.113.8", (enum way)way, true).status, opens[way]);
    }
    server_end(&s);
}

static void test_forged_forwarded(void **state)
{
    (void)state;
    static struct server s;
    flood_with(&proxied, print_forwarded, "203.0.113.7", &s);
    server_end(&s);
    flood_with(&proxied, print_swallowing, LOCALHOST, &s);
    server_end(&s);
}

/* Nor does it help to claim to be the owner: the proxy's word comes last. */
static void test_forged_as_owner(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, &proxied);
    for (int i = 0; i <= FREE_ATTEMPTS; i++) {
        expect_looked_at(attempt_of(&s, "203.0.113.8, 203.0.113.7", WAY_JSON, false));
    }
    for (int i = 0; i <= FREE_ATTEMPTS; i++) {
        expect_looked_at(attempt_of(&s, "203.0.113.8", WAY_JSON, false));
    }
    server_end(&s);
}

static void test_ipv6_neighbours(void **state)
{
    (void)state;
    static struct server s;
    flood_with(&proxied, print_neighbour, NULL, &s);
    /* whoever has another network is somebody else */
    expect_looked_at(attempt_of(&s, "2001:db8:1:3::1", WAY_JSON, false));
    assert_int_equal(attempt_of(&s, "2001:db8:1:3::2", WAY_JSON, true).status, 200);
    server_end(&s);
}

/* ---- many addresses -------------------------------------------------------------------------- */

/* Wrong passphrases of so many clients, one each, all of them looked at. */
static void fail_from_many(const struct server *s, int network, int clients)
{
    struct raw *c = malloc(sizeof *c);
    assert_non_null(c);
    assert_true(raw_open_from(s, LOCALHOST, c));
    for (int i = 0; i < clients; i++) {
        char headers[100];
        snprintf(headers, sizeof headers, "X-Forwarded-For: 198.%d.%d.%d\r\n", network, i / 250,
                 i % 250);
        expect_looked_at(attempt(c, (enum way)(i % WAYS), false, headers));
    }
    raw_close(c);
    free(c);
}

static void expect_owner_gets_in(const struct server *s, int network)
{
    char address[32];
    for (int way = 0; way < WAYS; way++) {
        snprintf(address, sizeof address, "192.0.2.%d", WAYS * network + way);
        assert_int_equal(attempt_of(s, address, (enum way)way, true).status, opens[way]);
    }
}

/* An attack from everywhere makes everybody's second mistake costly, and shuts nobody out. */
static void test_alarm(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, &proxied);
    server_sign_in(&s);
    expect_looked_at(attempt_of(&s, "203.0.113.7", WAY_JSON, false));
    for (int i = 0; i <= FREE_ATTEMPTS; i++) { /* nothing yet */
        expect_looked_at(attempt_of(&s, "203.0.113.6", WAY_JSON, false));
    }
    fail_from_many(&s, 51, TOTAL_FAILURES);

    int64_t began_ms = harness_now_ms();
    expect_looked_at(attempt_of(&s, "203.0.113.7", WAY_JSON, false));
    struct verdict verdict = attempt_of(&s, "203.0.113.7", WAY_FORM, true);
    expect_refused(verdict);
    int64_t elapsed_s = (harness_now_ms() - began_ms + 999) / 1000;
    assert_in_range(verdict.retry_after_s, ALARM_WAIT_S - elapsed_s, ALARM_WAIT_S);

    expect_owner_gets_in(&s, 0);
    expect_looked_at(attempt_of(&s, "192.0.2.200", WAY_JSON, false)); /* mistyped once */
    assert_int_equal(attempt_of(&s, "192.0.2.200", WAY_JSON, true).status, 200);
    assert_int_equal(use_session(&s), 0);
    server_end(&s);
}

/* More clients than are remembered. */
static void test_crowd(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, &proxied);
    server_sign_in(&s);
    fail_from_many(&s, 51, CLIENTS + 100);
    expect_owner_gets_in(&s, 0);
    assert_int_equal(use_session(&s), 0);
    server_end(&s);
}

/* ---- how it is said -------------------------------------------------------------------------- */

/* A server behind a proxy where this client waits for a minute. */
static void start_with_waiting(struct server *s, const char *client)
{
    server_start(s, &proxied);
    fail_from_many(s, 51, TOTAL_FAILURES + 1);
    expect_looked_at(attempt_of(s, client, WAY_JSON, false));
    expect_looked_at(attempt_of(s, client, WAY_JSON, false));
}

struct refusal {
    const char *method;
    const char *path;
    const char *body;
    const char *authorization; /* NULL: none */
    const char *accept;
    const char *type; /* of the answer */
    const char *part; /* of its body */
};

static void expect_refusal(const struct server *s, const struct refusal *want)
{
    const char *const headers[] = {"X-Forwarded-For: 203.0.113.7", want->accept,
                                   want->authorization, NULL};
    struct response r;
    http_do(s,
            &(struct request){
                .method = want->method, .path = want->path, .headers = headers, .text = want->body},
            &r);
    expect_answer(&r, 429, NULL);
    assert_in_range(retry_after(&r), 1, ALARM_WAIT_S);
    assert_null(response_header(&r, "Set-Cookie"));
    assert_string_equal(response_header(&r, "Content-Type"), want->type);
    if (strstr(response_text(&r), want->part) == NULL) {
        fail_msg("%s %s: no %s in\n%s", want->method, want->path, want->part, response_text(&r));
    }
    response_done(&r);
}

static void test_refusals(void **state)
{
    static const char form[] = "sharedSecretKey=" HARNESS_SECRET "&next=%2Fguest-links";
    static const char json[] = "{\"sharedSecretKey\":\"" HARNESS_SECRET "\"}";
    static const char basic[] = "Authorization: Basic OmR1bW15cGFzcw==";
    static const char html[] = "text/html; charset=utf-8";
    static const char plain[] = "text/plain; charset=utf-8";
    static const struct refusal refusals[] = {
        {"POST", "/login", form, NULL, BROWSER, html, TOO_MANY},
        {"POST", "/login", form, NULL, BROWSER, html, "<form id=\"auth-form\""},
        {"POST", "/login", form, NULL, BROWSER, html, "value=\"/guest-links\""},
        {"POST", "/login", form, NULL, "Accept: */*", plain, TOO_MANY "\n"},
        {"POST", "/api/auth", json, NULL, "Accept: */*", plain, TOO_MANY "\n"},
        {"POST", "/api/auth", json, NULL, "Accept: application/json", "application/problem+json",
         "\"detail\":\"" TOO_MANY "\""},
        {"GET", "/files", NULL, basic, BROWSER, html, TOO_MANY},
        {"GET", "/files", NULL, basic, "Accept: */*", plain, TOO_MANY "\n"},
        {"PUT", "/api/upload/a.txt", "a file", basic, "Accept: */*", plain, TOO_MANY "\n"},
        {"DELETE", "/api/sessions", NULL, basic, "Accept: */*", plain, TOO_MANY "\n"},
    };
    (void)state;
    struct server s;
    start_with_waiting(&s, "203.0.113.7");
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        expect_refusal(&s, &refusals[i]);
    }
    assert_int_equal(db_entries(&s), 0);
    server_end(&s);
}

/* Who waits is not shut out of what needs no passphrase. */
static void test_strangers_are_served(void **state)
{
    static const struct {
        const char *path;
        int status;
    } cases[] = {{"/", 200}, {"/login", 200}, {"/css/style.css", 200}, {"/files", 303}};
    static const char *const headers[] = {"X-Forwarded-For: 203.0.113.7", BROWSER, NULL};
    (void)state;
    struct server s;
    struct response r;
    char id[ID_CHARS + 1];
    char path[32];
    start_with_waiting(&s, "203.0.113.7");
    upload_text(&s, "a.txt", "text/plain", "dummy data", id);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        http_do(&s, &(struct request){.path = cases[i].path, .headers = headers}, &r);
        expect_answer(&r, cases[i].status, NULL);
        response_done(&r);
    }
    snprintf(path, sizeof path, "/-%s", id);
    http_do(&s, &(struct request){.path = path, .headers = headers}, &r);
    expect_answer(&r, 200, "dummy data");
    response_done(&r);
    server_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ten_thousand),
        cmocka_unit_test(test_right_one_waits),
        cmocka_unit_test(test_success_forgets),
        cmocka_unit_test(test_bad_bodies_do_not_count),
        cmocka_unit_test(test_forged_without_proxy),
        cmocka_unit_test(test_forged_behind_proxy),
        cmocka_unit_test(test_forged_forwarded),
        cmocka_unit_test(test_forged_as_owner),
        cmocka_unit_test(test_ipv6_neighbours),
        cmocka_unit_test(test_alarm),
        cmocka_unit_test(test_crowd),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_strangers_are_served),
    };
    return harness_main(tests, NULL, NULL);
}
