/* What clients are told whose request is refused before anybody looks at its route: a page for a
 * browser, problem+json for a program that prefers it, PicoShare's line of text for all others
 * (improvements.md: errors, limits). */
#include "harness.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define HOST "Host: localhost\r\n"
#define BROWSER "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n"
#define PROGRAM "Accept: application/json\r\n"

enum {
    KIB = 1024,
    MAX_TARGET_BYTES = 8 * KIB,
    MAX_HEADER_BYTES = 16 * KIB,
    CROWD = 968, /* above the soft limit of 960 connections, below the hard one */
};

/* How long the target or a header is made, and what comes of it. */
struct refusal {
    const char *target;
    size_t target_bytes; /* filled up with 'a'; 0: as it is */
    size_t header_bytes; /* of one header more */
    int status;
    const char *text; /* without the line feed */
    const char *heading;
    const char *advice;
};

static const struct refusal refusals[] = {
    {"/%zz", 0, 0, 400, "malformed request target", "Bad request", "Check the link"},
    {"/login?", MAX_TARGET_BYTES + 1, 0, 414, "request target is too long", "Address too long",
     "Check the link"},
    {"/login", 0, MAX_HEADER_BYTES, 431, "request headers are too large", "Request too large",
     "Delete the cookies of this site"},
};

static void print_request(const struct refusal *refusal, const char *accept, struct buf *out)
{
    buf_init(out, 1 << 20);
    buf_addf(out, "GET %s", refusal->target);
    for (size_t n = strlen(refusal->target); n < refusal->target_bytes; n++) {
        buf_add_char(out, 'a');
    }
    buf_addf(out, " HTTP/1.1\r\n" HOST "Connection: close\r\n%s", accept);
    if (refusal->header_bytes > 0) {
        buf_add_str(out, "X-Long: ");
        for (size_t n = 0; n < refusal->header_bytes; n++) {
            buf_add_char(out, 'b');
        }
        buf_add_str(out, "\r\n");
    }
    buf_add_str(out, "\r\n");
    assert_int_equal(buf_err(out), ERR_OK);
}

static void ask(const struct server *s, const struct refusal *refusal, const char *accept,
                struct response *ret)
{
    struct buf text;
    bool closed;
    print_request(refusal, accept, &text);
    assert_int_equal(raw_exchange(s, text.ptr, text.len, ret, &closed), RAW_OK);
    assert_true(closed);
    buf_done(&text);
}

static void expect_type(const struct response *r, const char *type)
{
    const char *got = response_header(r, "Content-Type");
    if (got == NULL || strcmp(got, type) != 0) {
        fail_msg("%s instead of %s:\n%s", got != NULL ? got : "(none)", type, response_text(r));
    }
}

static void expect_in_page(const struct response *r, const char *part)
{
    if (strstr(response_text(r), part) == NULL) {
        fail_msg("no %s in\n%s", part, response_text(r));
    }
}

static void expect_page(const struct response *r, const struct refusal *refusal)
{
    char heading[64];
    expect_answer(r, refusal->status, NULL);
    expect_type(r, "text/html; charset=utf-8");
    assert_true(response_has(r, "Content-Security-Policy", "default-src 'self'"));
    assert_string_equal(response_header(r, "Cache-Control"), "no-store");
    (void)snprintf(heading, sizeof heading, "<h1>%s</h1>", refusal->heading);
    expect_in_page(r, heading);
    expect_in_page(r, refusal->text);
    expect_in_page(r, refusal->advice);
    expect_in_page(r, "</html>");
}

static void expect_problem(const struct response *r, const struct refusal *refusal)
{
    char detail[96];
    expect_answer(r, refusal->status, NULL);
    expect_type(r, "application/problem+json");
    (void)snprintf(detail, sizeof detail, "\"detail\":\"%s\"", refusal->text);
    expect_in_page(r, detail);
}

static void expect_line(const struct response *r, const struct refusal *refusal)
{
    char line[96];
    (void)snprintf(line, sizeof line, "%s\n", refusal->text);
    expect_answer(r, refusal->status, line);
    expect_type(r, "text/plain; charset=utf-8");
}

static void test_before_routing(void **state)
{
    static const struct {
        const char *accept;
        void (*expect)(const struct response *r, const struct refusal *refusal);
    } clients[] = {
        {BROWSER, expect_page},
        {PROGRAM, expect_problem},
        {"Accept: */*\r\n", expect_line},
        {"", expect_line},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        for (size_t c = 0; c < ARRAY_LEN(clients); c++) {
            struct response r;
            ask(s, &refusals[i], clients[c].accept, &r);
            clients[c].expect(&r, &refusals[i]);
            response_done(&r);
        }
    }
}

/* Nobody looks at who asks: not even the owner's page shows more than a stranger's. */
static void test_shows_nothing_of_the_owner(void **state)
{
    const struct server *s = *state;
    char headers[512];
    struct response r;
    (void)snprintf(headers, sizeof headers, BROWSER "Cookie: %s\r\n", s->cookie);
    ask(s, &refusals[0], headers, &r);
    expect_page(&r, &refusals[0]);
    assert_null(strstr(response_text(&r), "navbar-log-out"));
    response_done(&r);
}

static void test_crowded(void **state)
{
    static const struct refusal busy = {
        "/", 0, 0, 503, "the server is busy, try again later", "Busy", "Wait a moment"};
    const struct server *s = *state;
    struct raw *crowd = calloc(CROWD, sizeof *crowd);
    assert_non_null(crowd);
    for (size_t i = 0; i < CROWD; i++) {
        assert_true(raw_open(s, &crowd[i]));
    }
    struct response r;
    ask(s, &busy, BROWSER, &r);
    expect_page(&r, &busy);
    assert_non_null(response_header(&r, "Retry-After"));
    response_done(&r);
    ask(s, &busy, PROGRAM, &r);
    expect_problem(&r, &busy);
    response_done(&r);
    ask(s, &busy, "", &r);
    expect_line(&r, &busy);
    response_done(&r);
    for (size_t i = 0; i < CROWD; i++) {
        raw_close(&crowd[i]);
    }
    free(crowd);
}

/* A form that is larger than any of ours. */
static void test_large_form(void **state)
{
    static const char *const browser[] = {"Accept: text/html", NULL};
    static const struct refusal large = {
        "/login", 0, 0, 413, "request body too large", "Too large", "Send less at once"};
    const struct server *s = *state;
    struct response r;
    http_do(s,
            &(struct request){.method = "POST",
                              .path = "/login",
                              .headers = browser,
                              .seed = 1,
                              .bytes = (int64_t)128 * KIB},
            &r);
    expect_page(&r, &large);
    response_done(&r);
}

/* As a proxy sends a large body: it looks at what has come when its socket takes no more. It must
 * be stopped, not reset, or it tells its client 502. */
static void test_sender_that_does_not_look(void **state)
{
    const struct server *s = *state;
    enum { MORE_THAN_IS_TAKEN = 200 * 1000 * 1000, STOPPED_MS = 300 };
    static const char bytes[64 * KIB];
    char text[200];
    struct raw c;
    struct response r;
    assert_true(raw_open(s, &c));
    (void)snprintf(text, sizeof text,
                   "PUT /api/upload/a HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n",
                   MORE_THAN_IS_TAKEN);
    assert_true(raw_text(&c, text));
    struct pollfd socket = {.fd = c.fd, .events = POLLOUT};
    int64_t taken = 0;
    while (poll(&socket, 1, STOPPED_MS) == 1) {
        ssize_t n = send(c.fd, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN) {
            fail_msg("after %lld bytes: %s", (long long)taken, strerror(errno));
        }
        taken += n > 0 ? n : 0;
        assert_true(taken < MORE_THAN_IS_TAKEN);
    }
    assert_int_equal(raw_answer(&c, false, &r), RAW_OK);
    expect_answer(&r, 401, NULL);
    response_done(&r);
    assert_true(raw_wait_closed(&c));
    raw_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_routing),
        cmocka_unit_test(test_shows_nothing_of_the_owner),
        cmocka_unit_test(test_crowded),
        cmocka_unit_test(test_large_form),
        cmocka_unit_test(test_sender_that_does_not_look),
    };
    return harness_main(tests, server_group_setup, server_group_teardown);
}
