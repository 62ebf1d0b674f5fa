/* Connections that are used again, answers to uploads that are refused early, and stalled clients
 * that must not be in anybody's way (architecture.md, libmicrohttpd facts and memory). */
#include "harness.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { SEED = 3, GETS = 1000 };

static struct raw *open_raw(const struct server *s)
{
    struct raw *c = malloc(sizeof *c);
    assert_non_null(c);
    assert_true(raw_open(s, c));
    return c;
}

static void close_raw(struct raw *c)
{
    raw_close(c);
    free(c);
}

/* ---- one connection, many requests ------------------------------------------------------------
 */

static void test_thousand_gets(void **state)
{
    const struct server *s = *state;
    char id[ID_CHARS + 1];
    char download[200];
    char page[400];
    char head[400];
    upload_text(s, "a.txt", "text/plain", "dummy data", id);
    snprintf(download, sizeof download, "GET /-%s HTTP/1.1\r\nHost: localhost\r\n\r\n", id);
    snprintf(page, sizeof page, "GET /files HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\n\r\n",
             s->cookie);
    snprintf(head, sizeof head, "HEAD /-%s HTTP/1.1\r\nHost: localhost\r\n\r\n", id);
    const char *const texts[] = {download, page, head};
    struct raw *c = open_raw(s);
    for (int i = 0; i < GETS; i++) {
        struct response r;
        assert_true(raw_text(c, texts[i % 3]));
        enum raw_end end = raw_answer(c, i % 3 == 2, &r);
        if (end != RAW_OK || r.status != 200) {
            fail_msg("request %d: end %d, status %d", i, (int)end, r.status);
        }
        if (i % 3 == 0) {
            assert_string_equal(response_text(&r), "dummy data");
        } else if (i % 3 == 1) {
            assert_non_null(strstr(response_text(&r), "</html>"));
        }
        response_done(&r);
    }
    close_raw(c);
}

/* Every kind of complete request leaves the connection open. */
static void test_every_answer_keeps_alive(void **state)
{
    const struct server *s = *state;
    static const char json[] = "{\"sharedSecretKey\":\"dummypass\"}";
    char login[300];
    char put[400];
    char post[800];
    static const char form[] = "--B\r\nContent-Disposition: form-data; name=\"file\"; "
                               "filename=\"a.txt\"\r\n\r\ndummy data\r\n--B--\r\n";
    snprintf(login, sizeof login,
             "POST /api/auth HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(json), json);
    snprintf(put, sizeof put,
             "PUT /api/upload/a.txt HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\n"
             "Content-Length: 10\r\n\r\ndummy data",
             s->cookie);
    snprintf(post, sizeof post,
             "POST /api/entry HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\nContent-Type: "
             "multipart/form-data; boundary=B\r\nContent-Length: %zu\r\n\r\n%s",
             s->cookie, strlen(form), form);
    const struct {
        const char *text;
        int status;
    } cases[] = {
        {"GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n", 200},
        {"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
        {"GET /files HTTP/1.1\r\nHost: localhost\r\n\r\n", 401},
        {"GET /-ZZZZZZZZZZ HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
        {"GET /-Z HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"DELETE /files HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
        {"OPTIONS /files HTTP/1.1\r\nHost: localhost\r\n\r\n", 204},
        {"GET //login HTTP/1.1\r\nHost: localhost\r\n\r\n", 301},
        {login, 200},
        {put, 200},
        {post, 200},
        {"GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n", 200},
    };
    struct raw *c = open_raw(s);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response r;
        if (!raw_text(c, cases[i].text)) {
            fail_msg("the connection was closed before: %.40s", cases[i].text);
        }
        enum raw_end end = raw_answer(c, false, &r);
        bool ok = r.status == cases[i].status || (r.status == 200 && cases[i].status == 204);
        if (end != RAW_OK || !ok) {
            fail_msg("%.40s: end %d, status %d", cases[i].text, (int)end, r.status);
        }
        response_done(&r);
    }
    close_raw(c);
}

/* Requests sent before the answer to the first one has come are answered in order. */
static void test_pipelined(void **state)
{
    const struct server *s = *state;
    struct raw *c = open_raw(s);
    static const char three[] = "GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n"
                                "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
                                "GET /-Z HTTP/1.1\r\nHost: localhost\r\n\r\n";
    static const int statuses[] = {200, 404, 400};
    assert_true(raw_text(c, three));
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        struct response r;
        assert_int_equal(raw_answer(c, false, &r), RAW_OK);
        assert_int_equal(r.status, statuses[i]);
        response_done(&r);
    }
    close_raw(c);
}

/* ---- refused before the body ------------------------------------------------------------------
 */

#define REFUSAL_END "\r\n\r\nAuthentication required\n"

/* Sends as fast as the server takes it and reads whatever comes meanwhile, until the refusal is
 * there or the server closes. ret_text is what was received. */
static void send_and_listen(struct raw *c, int64_t bytes, struct buf *ret_text)
{
    char piece[16384];
    int64_t sent = 0;
    int64_t end = harness_now_ms() + HANG_SECONDS * 1000;
    bool sending = true;
    buf_init(ret_text, 1 << 20);
    gen_fill(SEED, 0, piece, sizeof piece);
    assert_int_equal(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
    while (strstr(buf_str(ret_text), REFUSAL_END) == NULL) {
        if (harness_now_ms() > end) {
            fail_msg("no end after %lld of %lld bytes", (long long)sent, (long long)bytes);
        }
        struct pollfd p = {.fd = c->fd, .events = (short)(POLLIN | (sending ? POLLOUT : 0))};
        if (poll(&p, 1, 1000) <= 0) {
            continue;
        }
        if ((p.revents & (POLLIN | POLLERR | POLLHUP)) != 0) {
            ssize_t n = recv(c->fd, c->data, sizeof c->data, 0);
            if (n == 0 || (n < 0 && errno != EAGAIN)) {
                return;
            }
            if (n > 0) {
                buf_add(ret_text, c->data, (size_t)n);
            }
        }
        if (sending && (p.revents & POLLOUT) != 0) {
            size_t n = bytes - sent < (int64_t)sizeof piece ? (size_t)(bytes - sent) : sizeof piece;
            ssize_t done = send(c->fd, piece, n, MSG_NOSIGNAL);
            sent += done > 0 ? done : 0;
            sending = sent < bytes && (done >= 0 || errno == EAGAIN);
        }
    }
}

/* The refusal arrives, whether the body is within the drain budget of 1 MiB or far beyond it. */
static void test_refused_upload(void **state)
{
    static const int64_t sizes[] = {1000, 500 * 1000, 5 * 1000 * 1000, 500 * 1000 * 1000};
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        char head[300];
        struct buf text;
        struct raw *c = open_raw(s);
        snprintf(
            head, sizeof head,
            "PUT /api/upload/a.bin HTTP/1.1\r\nHost: localhost\r\nContent-Length: %lld\r\n\r\n",
            (long long)sizes[i]);
        assert_true(raw_text(c, head));
        send_and_listen(c, sizes[i], &text);
        if (strncmp(buf_str(&text), "HTTP/1.1 401 ", 13) != 0 ||
            strstr(buf_str(&text), REFUSAL_END) == NULL) {
            fail_msg("%lld bytes: '%.200s'", (long long)sizes[i], buf_str(&text));
        }
        buf_done(&text);
        close_raw(c);
    }
}

/* A body that is refused, of which only the beginning comes. */
struct stalled {
    const char *target;
    bool signed_in;
    const char *headers;
    const char *start; /* of the body */
    const char *line;  /* the answer's first */
    const char *text;  /* and its last */
};

static const struct stalled stalled[] = {
    {"PUT /api/upload/a.bin", false, "Content-Length: 1000", "", "HTTP/1.1 401 ", REFUSAL_END},
    {"PUT /api/upload/a.bin", false, "Content-Length: 1000", "0123456789", "HTTP/1.1 401 ",
     REFUSAL_END},
    {"PUT /api/upload/a.bin", false, "Transfer-Encoding: chunked", "a\r\n0123456789\r\n",
     "HTTP/1.1 401 ", REFUSAL_END},
    /* refused in its middle */
    {"POST /api/entry", true,
     "Content-Type: multipart/form-data; boundary=B\r\nContent-Length: 1000",
     "--B\r\nContent-Disposition: form-data; name=file; filename=\"..\"\r\n\r\nx", "HTTP/1.1 400 ",
     "\r\n\r\ninvalid request: filename cannot begin with dots\n"},
};

static void stall_refused(const struct server *s, const struct stalled *what, struct raw *c)
{
    char head[500];
    assert_true(raw_open(s, c));
    snprintf(head, sizeof head, "%s HTTP/1.1\r\nHost: localhost\r\n%s: %s\r\n%s\r\n\r\n%s",
             what->target, what->signed_in ? "Cookie" : "X-Cookie", s->cookie, what->headers,
             what->start);
    assert_true(raw_text(c, head));
}

/* Everything up to the end of the connection is one answer, this one. */
static void expect_one_answer(struct raw *c, const struct stalled *what)
{
    struct buf text;
    buf_init(&text, 1 << 16);
    for (ssize_t n; (n = recv(c->fd, c->data, sizeof c->data, 0)) > 0;) {
        buf_add(&text, c->data, (size_t)n);
    }
    const char *end = strstr(buf_str(&text), what->text);
    if (strncmp(buf_str(&text), what->line, strlen(what->line)) != 0 || end == NULL ||
        end[strlen(what->text)] != '\0') {
        fail_msg("'%s'", buf_str(&text));
    }
    buf_done(&text);
}

/* Whose sender stops in the middle of the body gets the answer, too, and soon. */
static void test_refused_upload_stalls(void **state)
{
    enum { SOON_MS = 6000 };
    const struct server *s = *state;
    struct raw *all = calloc(ARRAY_LEN(stalled), sizeof *all);
    assert_non_null(all);
    int64_t start = harness_now_ms();
    for (size_t i = 0; i < ARRAY_LEN(stalled); i++) {
        stall_refused(s, &stalled[i], &all[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(stalled); i++) {
        expect_one_answer(&all[i], &stalled[i]);
        raw_close(&all[i]);
    }
    assert_true(harness_now_ms() - start < SOON_MS);
    free(all);
    struct buf log;
    harness_read_file(s->access, &log);
    assert_null(strstr(buf_str(&log), "\" 499 "));
    buf_done(&log);
}

/* Bodies that end just when the server loses its patience: each is answered once, by whoever it is
 * in the server. */
static void test_refused_upload_ends_late(void **state)
{
    enum { MANY = 200, FIRST_MS = 900, APART_MS = 7, WITH_LENGTH = 1 };
    const struct server *s = *state;
    const struct stalled *what = &stalled[WITH_LENGTH];
    struct raw *all = calloc(MANY, sizeof *all);
    assert_non_null(all);
    for (int i = 0; i < MANY; i++) {
        stall_refused(s, what, &all[i]);
    }
    harness_sleep_ms(FIRST_MS);
    for (int i = 0; i < MANY; i++) {
        (void)raw_gen(&all[i], SEED, 0, 990); /* it may be cut already */
        harness_sleep_ms(APART_MS);
    }
    for (int i = 0; i < MANY; i++) {
        (void)shutdown(all[i].fd, SHUT_WR); /* so that a connection that is kept ends */
        expect_one_answer(&all[i], what);
        raw_close(&all[i]);
    }
    free(all);
}

/* A client that asks first is told no, without being invited to send. */
static void test_refused_before_continue(void **state)
{
    const struct server *s = *state;
    struct raw *c = open_raw(s);
    struct response r;
    assert_true(raw_text(c, "PUT /api/upload/a.bin HTTP/1.1\r\nHost: localhost\r\n"
                            "Content-Length: 50000000\r\nExpect: 100-continue\r\n\r\n"));
    assert_int_equal(raw_answer(c, false, &r), RAW_OK);
    assert_int_equal(r.status, 401);
    response_done(&r);
    close_raw(c);
}

static void test_invited_to_continue(void **state)
{
    const struct server *s = *state;
    char head[500];
    struct raw *c = open_raw(s);
    struct response r;
    snprintf(head, sizeof head,
             "PUT /api/upload/a.bin HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\n"
             "Content-Length: 10\r\nExpect: 100-continue\r\n\r\n",
             s->cookie);
    assert_true(raw_text(c, head));
    assert_int_equal(raw_answer(c, false, &r), RAW_OK);
    assert_int_equal(r.status, 100);
    response_done(&r);
    assert_true(raw_text(c, "dummy data"));
    assert_int_equal(raw_answer(c, false, &r), RAW_OK);
    expect_answer(&r, 200, NULL);
    response_done(&r);
    close_raw(c);
}

/* ---- stalled clients --------------------------------------------------------------------------
 */

static void stall(const struct server *s, struct raw *c, bool multipart)
{
    char head[600];
    assert_true(raw_open(s, c));
    snprintf(head, sizeof head,
             "%s HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\n"
             "Content-Type: multipart/form-data; boundary=B\r\nContent-Length: 10000000\r\n\r\n%s",
             multipart ? "POST /api/entry" : "PUT /api/upload/stalled.bin", s->cookie,
             multipart ? "--B\r\nContent-Disposition: form-data; name=\"file\"; "
                         "filename=\"stalled.bin\"\r\n\r\n"
                       : "");
    assert_true(raw_text(c, head));
    assert_true(raw_gen(c, SEED, 0, 1000));
}

static void test_stalled_uploads(void **state)
{
    enum { STALLED = 60, PROMPT_SECONDS = 10 };
    const struct server *s = *state;
    int64_t entries = db_entries(s);
    struct raw *all = calloc(STALLED, sizeof *all);
    assert_non_null(all);
    for (int i = 0; i < STALLED; i++) {
        stall(s, &all[i], i % 2 == 0);
    }
    static const int64_t sizes[] = {4096, 2 * 1000 * 1000};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct response r;
        char id[ID_CHARS + 1];
        http_do(s,
                &(struct request){.method = "PUT",
                                  .path = "/api/upload/prompt.bin",
                                  .auth = AUTH_COOKIE,
                                  .seed = SEED,
                                  .bytes = sizes[i],
                                  .time_out_s = PROMPT_SECONDS},
                &r);
        expect_upload(&r, id);
        expect_download(s, id, SEED, sizes[i]);
    }
    struct response r;
    http_do(s,
            &(struct request){.path = "/files", .auth = AUTH_COOKIE, .time_out_s = PROMPT_SECONDS},
            &r);
    expect_answer(&r, 200, NULL);
    response_done(&r);
    for (int i = 0; i < STALLED; i++) {
        raw_close(&all[i]);
    }
    free(all);
    assert_true(db_wait_no_orphans(s));
    assert_int_equal(db_entries(s), entries + (int64_t)ARRAY_LEN(sizes));
}

/* Connections that only sit there, with half a request or none. */
static void test_idle_connections(void **state)
{
    enum { IDLE = 200 };
    const struct server *s = *state;
    struct raw *all = calloc(IDLE, sizeof *all);
    assert_non_null(all);
    for (int i = 0; i < IDLE; i++) {
        assert_true(raw_open(s, &all[i]));
        assert_true(i % 2 == 0 || raw_text(&all[i], "GET /login HTTP/1.1\r\nHo"));
    }
    char id[ID_CHARS + 1];
    upload_bytes(s, "meanwhile.bin", SEED, 1000000, id);
    expect_download(s, id, SEED, 1000000);
    for (int i = 1; i < IDLE; i += 2) {
        struct response r;
        assert_true(raw_text(&all[i], "st: localhost\r\n\r\n"));
        assert_int_equal(raw_answer(&all[i], false, &r), RAW_OK);
        assert_int_equal(r.status, 200);
        response_done(&r);
    }
    for (int i = 0; i < IDLE; i++) {
        raw_close(&all[i]);
    }
    free(all);
}

/* Slow readers: the download stops when they do, and goes on when they do. */
static void test_slow_reader(void **state)
{
    enum { READERS = 20, BYTES = 20 * 1000 * 1000 };
    const struct server *s = *state;
    char id[ID_CHARS + 1];
    char head[200];
    upload_bytes(s, "slow.bin", SEED, BYTES, id);
    snprintf(head, sizeof head, "GET /-%s HTTP/1.1\r\nHost: localhost\r\n\r\n", id);
    struct raw *all = calloc(READERS, sizeof *all);
    assert_non_null(all);
    for (int i = 0; i < READERS; i++) {
        assert_true(raw_open(s, &all[i]));
        assert_true(raw_text(&all[i], head));
    }
    upload_bytes(s, "meanwhile.bin", SEED, 1000000, id);
    expect_download(s, id, SEED, 1000000);
    for (int i = 0; i < READERS; i++) {
        struct response r;
        assert_int_equal(raw_answer(&all[i], false, &r), RAW_OK);
        assert_int_equal(r.body.len, BYTES);
        assert_true(gen_matches(SEED, 0, r.body.ptr, r.body.len));
        response_done(&r);
        raw_close(&all[i]);
    }
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thousand_gets),
        cmocka_unit_test(test_every_answer_keeps_alive),
        cmocka_unit_test(test_pipelined),
        cmocka_unit_test(test_refused_upload),
        cmocka_unit_test(test_refused_upload_stalls),
        cmocka_unit_test(test_refused_upload_ends_late),
        cmocka_unit_test(test_refused_before_continue),
        cmocka_unit_test(test_invited_to_continue),
        cmocka_unit_test(test_stalled_uploads),
        cmocka_unit_test(test_idle_connections),
        cmocka_unit_test(test_slow_reader),
    };
    return harness_main(tests, server_group_setup, server_group_teardown);
}
