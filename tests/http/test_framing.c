/* Requests as no browser sends them, on plain sockets: each is answered and closed, none hangs;
 * and what every route says to HEAD, OPTIONS and a wrong method (improvements.md "framing",
 * "limits"; http-api.md 2; RFC 9112 3.2, 6.1, 6.3). */
#include "harness.h"
#include <stdio.h>
#include <stdlib.h>

#define HOST "Host: localhost\r\n"
/* for requests that are wrong, but whose end is beyond doubt */
#define CLOSE "Connection: close\r\n"

static void test_refused(void **state)
{
    static const struct {
        const char *what;
        const char *text;
    } cases[] = {
        {"two lengths",
         "POST /api/auth HTTP/1.1\r\n" HOST "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"},
        {"the same length twice",
         "POST /api/auth HTTP/1.1\r\n" HOST "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"},
        {"a list of lengths", "POST /api/auth HTTP/1.1\r\n" HOST "Content-Length: 2, 2\r\n\r\n{}"},
        {"a signed length", "POST /api/auth HTTP/1.1\r\n" HOST "Content-Length: +2\r\n\r\n{}"},
        {"a negative length", "POST /api/auth HTTP/1.1\r\n" HOST "Content-Length: -2\r\n\r\n{}"},
        {"both framings", "POST /api/auth HTTP/1.1\r\n" HOST
                          "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"
                          "0\r\n\r\n"},
        {"both framings on GET",
         "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n"
         "\r\n"},
        {"another coding", "POST /api/auth HTTP/1.1\r\n" HOST
                           "Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"},
        {"only another coding",
         "POST /api/auth HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n"},
        {"identity", "POST /api/auth HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n"},
        {"two codings", "POST /api/auth HTTP/1.1\r\n" HOST
                        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n"
                        "{}\r\n0\r\n\r\n"},
        {"no host", "GET / HTTP/1.1\r\n\r\n"},
        {"two hosts", "GET / HTTP/1.1\r\n" HOST "Host: other\r\n\r\n"},
        {"another host in the target", "GET http://other/login HTTP/1.1\r\n" HOST "\r\n"},
        {"another port in the target", "GET http://localhost:81/login HTTP/1.1\r\n" HOST "\r\n"},
        {"a longer host in the target", "GET http://localhost.example/ HTTP/1.1\r\n" HOST "\r\n"},
        {"a user in the target", "GET http://localhost@other/login HTTP/1.1\r\n" HOST "\r\n"},
        {"a user in the target, the host itself",
         "GET http://user@localhost/login HTTP/1.1\r\n" HOST "\r\n"},
        {"the same host twice", "GET / HTTP/1.1\r\n" HOST HOST "\r\n"},
        {"NUL in the target", "GET /login%00.txt HTTP/1.1\r\n" HOST "\r\n"},
        {"NUL in the query", "GET /login?a=%00 HTTP/1.1\r\n" HOST "\r\n"},
        {"NUL in an id", "GET /-AAAAAAAAAA%00 HTTP/1.1\r\n" HOST "\r\n"},
        {"slash in an id", "GET /-AAAA%2FAAAAA HTTP/1.1\r\n" HOST CLOSE "\r\n"},
        {"slash in an old id", "GET /!AAAA%2fAAAAA HTTP/1.1\r\n" HOST CLOSE "\r\n"},
        {"broken escape", "GET /%zz HTTP/1.1\r\n" HOST CLOSE "\r\n"},
        {"a broken header", "GET / HTTP/1.1\r\n" HOST "no colon here\r\n\r\n"},
        {"a blank before the colon", "GET / HTTP/1.1\r\n" HOST "X : y\r\n\r\n"},
        {"a length with a blank before the colon",
         "POST /api/auth HTTP/1.1\r\n" HOST "Content-Length : 2\r\n\r\n{}"},
        {"a name that is no token", "GET / HTTP/1.1\r\n" HOST "X(y): z\r\n" CLOSE "\r\n"},
        {"a control character", "GET / HTTP/1.1\r\n" HOST "X: a\x01z\r\n\r\n"},
        {"a bare carriage return", "GET / HTTP/1.1\r\n" HOST "X: a\rY: z\r\n\r\n"},
        {"a length behind a bare carriage return",
         "POST /api/auth HTTP/1.1\r\n" HOST "X: x\rContent-Length: 2\r\n\r\n{}"},
        {"a folded length", "POST /api/auth HTTP/1.1\r\n" HOST "Content-Length:\r\n 2\r\n\r\n{}"},
        {"a folded coding", "POST /api/auth HTTP/1.1\r\n" HOST
                            "Content-Length: 2\r\nTransfer-Encoding:\r\n chunked\r\n\r\n{}"},
        {"a length with a vertical tab", "POST /api/auth HTTP/1.1\r\n" HOST "Content-Length: \x0b"
                                         "2\r\n\r\n{}"},
        {"a hexadecimal length",
         "POST /api/auth HTTP/1.1\r\n" HOST "Content-Length: 0x2\r\n\r\n{}"},
        {"a length that is too large",
         "POST /api/auth HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551618\r\n\r\n{}"},
        {"a quoted coding",
         "POST /api/auth HTTP/1.1\r\n" HOST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"},
        {"chunks of HTTP/1.0",
         "PUT /api/upload/a.txt HTTP/1.0\r\nAuthorization: Basic OmR1bW15cGFzcw==\r\n"
         "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"},
        {"a chunk whose size is too large",
         "POST /api/auth HTTP/1.1\r\n" HOST
         "Transfer-Encoding: chunked\r\n\r\n10000000000000002\r\n{}\r\n0\r\n\r\n"},
        {"a chunk with a signed size", "POST /api/auth HTTP/1.1\r\n" HOST
                                       "Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n"},
        {"a chunk without its line end",
         "POST /api/auth HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}0\r\n\r\n"},
        {"not HTTP", "\x16\x03\x01\x02\r\n\r\n"},
        {"an upload with two lengths",
         "PUT /api/upload/a.txt HTTP/1.1\r\n" HOST
         "Authorization: Basic OmR1bW15cGFzcw==\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\n"
         "hi"},
        {"an upload with a broken chunk",
         "PUT /api/upload/a.txt HTTP/1.1\r\n" HOST
         "Authorization: Basic OmR1bW15cGFzcw==\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhi"},
    };
    const struct server *s = *state;
    int64_t entries = db_entries(s);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response r;
        bool closed;
        enum raw_end end = raw_exchange(s, cases[i].text, strlen(cases[i].text), &r, &closed);
        bool large = r.status == 413 && strstr(cases[i].what, "too large") != NULL;
        if (end == RAW_OK && r.status != 400 && !large) {
            fail_msg("%s: %d", cases[i].what, r.status);
        }
        /* what is no HTTP at all need not be answered in HTTP */
        bool silent = end == RAW_CLOSED && strstr(cases[i].what, "not HTTP") != NULL;
        if ((end != RAW_OK || !closed) && !silent) {
            fail_msg("%s: end %d, status %d, %s", cases[i].what, (int)end, r.status,
                     closed ? "closed" : "left open");
        }
        response_done(&r);
    }
    assert_int_equal(db_entries(s), entries);
    assert_true(db_wait_no_orphans(s));
}

/* What libmicrohttpd would cut or glue together, so that a proxy in front may have read something
 * else. */
static void test_hidden_bytes(void **state)
{
#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }
    static const struct {
        const char *what;
        struct slice text;
    } cases[] = {
        {"a folded line that is a token",
         TEXT("GET /login HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n")},
        {"a folded line in the middle",
         TEXT("GET /login HTTP/1.1\r\nX: a\r\n\tb c\r\n" HOST "\r\n")},
        {"an empty folded line", TEXT("GET /login HTTP/1.1\r\n" HOST "X: a\r\n \r\n\r\n")},
        {"a folded line at the beginning", TEXT("GET /login HTTP/1.1\r\n X: y\r\n" HOST "\r\n")},
        {"two folded lines",
         TEXT("GET /login HTTP/1.1\r\n" HOST "X: a\r\n b\r\n c\r\nY: z\r\n\r\n")},
        {"a NUL in a value", TEXT("GET /login HTTP/1.1\r\nX: a\0b\r\n" HOST "\r\n")},
        {"a NUL in the host", TEXT("GET /login HTTP/1.1\r\nHost: localhost\0.example\r\n\r\n")},
        {"a NUL in the last value", TEXT("GET /login HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n")},
        {"several NULs", TEXT("GET /login HTTP/1.1\r\n" HOST "X: a\0\0\0\0\0b\r\n\r\n")},
        {"a NUL before the blanks", TEXT("GET /login HTTP/1.1\r\n" HOST "X: a\0 b\r\n\r\n")},
        {"a NUL in a name", TEXT("GET /login HTTP/1.1\r\n" HOST "X\0Y: z\r\n\r\n")},
        {"a NUL in the target", TEXT("GET /login\0x HTTP/1.1\r\n" HOST "\r\n")},
        {"a NUL in the query", TEXT("GET /login?a\0x HTTP/1.1\r\n" HOST "\r\n")},
        {"a NUL in the method", TEXT("GET\0X /login HTTP/1.1\r\n" HOST "\r\n")},
        {"a NUL in the version", TEXT("GET /login HTTP/1.1\0x\r\n" HOST "\r\n")},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response r;
        bool closed;
        enum raw_end end = raw_exchange(s, cases[i].text.ptr, cases[i].text.len, &r, &closed);
        /* libmicrohttpd 1.0 takes such a first line for no HTTP at all */
        bool in_first_line = cases[i].text.ptr[strcspn(cases[i].text.ptr, "\r")] == '\0';
        bool silent = end == RAW_CLOSED && in_first_line;
        if ((end != RAW_OK || r.status != 400 || !closed) && !silent) {
            fail_msg("%s: end %d, status %d, %s", cases[i].what, (int)end, r.status,
                     closed ? "closed" : "left open");
        }
        response_done(&r);
    }
}

/* However the bytes come, they are the same request. */
static void expect_accepted_in_bytes(const struct server *s, const char *text, int status)
{
    struct response r;
    struct raw *c = calloc(1, sizeof *c);
    assert_non_null(c);
    assert_true(raw_open(s, c));
    for (size_t n = 0; text[n] != '\0'; n++) {
        assert_true(raw_send(c, text + n, 1));
    }
    enum raw_end end = raw_answer(c, false, &r);
    if (end != RAW_OK || r.status != status) {
        fail_msg("in bytes: %.40s: end %d, status %d", text, (int)end, r.status);
    }
    response_done(&r);
    raw_close(c);
    free(c);
}

/* The forms that look odd but are right. (Chunk extensions and lines that end with a line feed
 * alone are not among them: libmicrohttpd 0.9.75 takes them, 1.0 refuses them, which it may, and no
 * client of ours sends any.) */
static void test_accepted(void **state)
{
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        {"GET /login HTTP/1.0\r\n\r\n", 200},
        {"GET http://localhost/login HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", 200},
        {"GET http://LOCALHOST/login HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", 200},
        {"GET http://localhost/login HTTP/1.0\r\n\r\n", 200},
        {"GET /login HTTP/1.1\r\nA: \r\nB:\r\nHost:  localhost \t\r\nConnection: "
         "close\r\nC:\r\n\r\n",
         200},
        {"GET /login?a=1&b=%32+3&a HTTP/1.1\r\n" HOST
         "Connection: close\r\nCookie: a=1; b=\"2\"; c\r\nCookie: a=2\r\n\r\n",
         200},
        {"GET /%6Cogin HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", 200},
        {"GET /login? HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", 200},
        {"GET /login HTTP/1.1\r\nhost:localhost\r\nConnection: close\r\n\r\n", 200},
        {"POST /api/auth HTTP/1.1\r\n" HOST "Connection: close\r\n"
         "Transfer-Encoding: Chunked\r\n\r\n1f\r\n{\"sharedSecretKey\":\"dummypass\"}\r\n"
         "0\r\nTrailer: x\r\n\r\n",
         200},
        {"\r\nGET /login HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", 200},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response r;
        bool closed;
        enum raw_end end = raw_exchange(s, cases[i].text, strlen(cases[i].text), &r, &closed);
        if (end != RAW_OK || r.status != cases[i].status || !closed) {
            fail_msg("%.40s: end %d, status %d", cases[i].text, (int)end, r.status);
        }
        response_done(&r);
        expect_accepted_in_bytes(s, cases[i].text, cases[i].status);
    }
}

/* What libmicrohttpd makes lists of fills a connection's pool sooner than its bytes: it is answered
 * or closed, and nothing of it is left, so that the server can stop. */
static void test_many_small_things(void **state)
{
    enum { MANY = 1200 };
    static const struct {
        const char *begin;
        const char *each;
        const char *end;
        int status; /* 0: closed without an answer is right as well */
    } cases[] = {
        {"GET /login?a=1", "&a=1", " HTTP/1.1\r\n" HOST CLOSE "\r\n", 200},
        {"GET /login HTTP/1.1\r\n" HOST CLOSE "Cookie: a=1", "; a=1", "\r\n\r\n", 0},
        {"GET /login HTTP/1.1\r\n" HOST CLOSE, "X: y\r\n", "\r\n", 431},
        {"POST /api/auth HTTP/1.1\r\n" HOST CLOSE "Transfer-Encoding: chunked\r\n\r\n0\r\n",
         "X: y\r\n", "\r\n", 431},
    };
    (void)state;
    struct server s;
    server_start(&s, &(struct server_options){0});
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf text;
        buf_init(&text, 1 << 20);
        buf_add_str(&text, cases[i].begin);
        for (int n = 0; n < MANY; n++) {
            buf_add_str(&text, cases[i].each);
        }
        buf_add_str(&text, cases[i].end);
        assert_int_equal(buf_err(&text), ERR_OK);
        struct response r;
        bool closed;
        enum raw_end end = raw_exchange(&s, text.ptr, text.len, &r, &closed);
        bool silent = cases[i].status == 0 && end == RAW_CLOSED;
        if (!silent &&
            (end != RAW_OK || !closed || (cases[i].status != 0 && r.status != cases[i].status))) {
            fail_msg("%s: end %d, status %d", cases[i].each, (int)end, r.status);
        }
        response_done(&r);
        buf_done(&text);
    }
    server_end(&s);
}

/* A body that is compressed is not taken for what it is not. */
static void test_content_coding(void **state)
{
    static const char *const gzip[] = {"Content-Encoding: gzip", NULL};
    static const char *const identity[] = {"Content-Encoding: Identity", NULL};
    const struct server *s = *state;
    int64_t entries = db_entries(s);
    struct request put = {.method = "PUT",
                          .path = "/api/upload/a.gz",
                          .auth = AUTH_COOKIE,
                          .headers = gzip,
                          .text = "\x1f\x8b"};
    struct response r;
    http_do(s, &put, &r);
    expect_answer(&r, 415, "unsupported content coding\n");
    response_done(&r);
    assert_int_equal(db_entries(s), entries);
    put.headers = identity;
    http_do(s, &put, &r);
    expect_answer(&r, 200, NULL);
    response_done(&r);
    http_do(s, &(struct request){.path = "/login", .headers = gzip}, &r);
    expect_answer(&r, 200, NULL);
    response_done(&r);
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void test_limits(void **state)
{
    static const struct {
        size_t target;  /* bytes of the target */
        size_t headers; /* bytes of one header's value */
        size_t lines;   /* how often */
        int status;
    } cases[] = {
        {8000, 0, 0, 200},   {8193, 0, 0, 414},   {12000, 0, 0, 414}, {20000, 0, 0, 414},
        {100000, 0, 0, 414}, {6, 14000, 1, 200},  {6, 16500, 1, 431}, {6, 1000, 17, 431},
        {6, 40000, 1, 431},  {6, 1000, 100, 431},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf text;
        buf_init(&text, 1 << 20);
        buf_add_str(&text, "GET /login?");
        for (size_t n = strlen("/login?"); n < cases[i].target; n++) {
            buf_add_char(&text, 'a');
        }
        buf_add_str(&text, " HTTP/1.1\r\n" HOST "Connection: close\r\n");
        for (size_t line = 0; line < cases[i].lines; line++) {
            buf_addf(&text, "X-Long-%zu: ", line);
            for (size_t n = 0; n < cases[i].headers; n++) {
                buf_add_char(&text, 'b');
            }
            buf_add_str(&text, "\r\n");
        }
        buf_add_str(&text, "\r\n");
        assert_int_equal(buf_err(&text), ERR_OK);
        struct response r;
        bool closed;
        enum raw_end end = raw_exchange(s, text.ptr, text.len, &r, &closed);
        if (end != RAW_OK || r.status != cases[i].status || !closed) {
            fail_msg("target %zu, %zu headers of %zu: end %d, status %d, %s", cases[i].target,
                     cases[i].lines, cases[i].headers, (int)end, r.status,
                     closed ? "closed" : "left open");
        }
        response_done(&r);
        buf_done(&text);
    }
}

/* ---- routes and methods ---------------------------------------------------------------------- */

static void test_methods(void **state)
{
    static const struct {
        const char *path;
        const char *allow; /* every method that must be named */
        int get;           /* signed in; 0: not allowed */
    } routes[] = {
        {"/", "GET HEAD OPTIONS", 200},
        {"/login", "GET HEAD OPTIONS", 200},
        {"/files", "GET HEAD OPTIONS", 200},
        {"/-ZZZZZZZZZZ", "GET HEAD OPTIONS", 404},
        {"/!ZZZZZZZZZZ/name", "GET HEAD OPTIONS", 404},
        {"/api/auth", "POST DELETE OPTIONS", 0},
        {"/api/entry", "POST OPTIONS", 0},
        {"/api/upload/a.txt", "PUT OPTIONS", 0},
    };
    static const char *const methods[] = {"GET",    "HEAD",  "POST",   "PUT",
                                          "DELETE", "PATCH", "OPTIONS"};
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        struct response get = {0};
        for (size_t m = 0; m < ARRAY_LEN(methods); m++) {
            const char *named = strstr(routes[i].allow, methods[m]);
            bool own = named != NULL &&
                       (strcmp(methods[m], "GET") == 0 || strcmp(methods[m], "HEAD") == 0);
            bool options = strcmp(methods[m], "OPTIONS") == 0;
            struct response r;
            if (named != NULL && !own && !options) {
                continue; /* other tests use it */
            }
            /* /login takes a form by POST as well */
            if (strcmp(routes[i].path, "/login") == 0 && strcmp(methods[m], "POST") == 0) {
                continue;
            }
            http_do(s,
                    &(struct request){
                        .method = methods[m], .path = routes[i].path, .auth = AUTH_COOKIE},
                    &r);
            if (own) {
                if (r.status != routes[i].get) {
                    fail_msg("%s %s: %d", methods[m], routes[i].path, r.status);
                }
                if (m == 0) {
                    get = r;
                    continue;
                }
                assert_int_equal(r.body.len, 0);
                static const char *const same[] = {"Content-Type", "Content-Length",
                                                   "Cache-Control", "X-Content-Type-Options"};
                for (size_t h = 0; h < ARRAY_LEN(same); h++) {
                    const char *a = response_header(&get, same[h]);
                    const char *b = response_header(&r, same[h]);
                    assert_int_equal(a == NULL, b == NULL);
                    assert_true(a == NULL || strcmp(a, b) == 0);
                }
            } else {
                if (options ? r.status != 200 && r.status != 204 : r.status != 405) {
                    fail_msg("%s %s: %d", methods[m], routes[i].path, r.status);
                }
                const char *allow = response_header(&r, "Allow");
                assert_non_null(allow);
                char list[200];
                snprintf(list, sizeof list, "%s", routes[i].allow);
                char *rest = list;
                for (char *word; (word = strsep(&rest, " ")) != NULL;) {
                    if (strstr(allow, word) == NULL) {
                        fail_msg("%s %s: Allow: %s", methods[m], routes[i].path, allow);
                    }
                }
            }
            response_done(&r);
        }
        if (routes[i].get != 0) {
            response_done(&get);
        }
    }
}

/* A wrong method is told apart before anybody is asked who they are. */
static void test_method_before_sign_in(void **state)
{
    const struct server *s = *state;
    struct response r;
    http_do(s, &(struct request){.method = "POST", .path = "/files", .text = ""}, &r);
    expect_answer(&r, 405, NULL);
    response_done(&r);
    http_do(s, &(struct request){.method = "GET", .path = "/api/entry"}, &r);
    expect_answer(&r, 405, NULL);
    response_done(&r);
}

static void test_unknown_paths(void **state)
{
    static const char *const paths[] = {"/nothing",      "/files/",     "/login/", "/api/entry/",
                                        "/api",          "/api/",       "/-",      "/!",
                                        "/css/none.css", "/js/none.js", "/Files",  "/index.html"};
    static const char *const methods[] = {"GET", "HEAD", "POST", "DELETE", "OPTIONS"};
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        for (size_t m = 0; m < ARRAY_LEN(methods); m++) {
            bool asset = strstr(paths[i], "none.") != NULL;
            if (asset && m >= 2) {
                continue; /* the prefix is a route of its own */
            }
            struct response r;
            http_do(s,
                    &(struct request){.method = methods[m], .path = paths[i], .auth = AUTH_COOKIE},
                    &r);
            if (r.status != 404) {
                fail_msg("%s %s: %d", methods[m], paths[i], r.status);
            }
            expect_answer(&r, 404, m == 1 ? "" : "404 page not found\n");
            assert_string_equal(response_header(&r, "Content-Type"), "text/plain; charset=utf-8");
            assert_string_equal(response_header(&r, "X-Content-Type-Options"), "nosniff");
            response_done(&r);
        }
    }
}

static void test_path_cleaning(void **state)
{
    static const struct {
        const char *path;
        const char *location;
    } cases[] = {
        {"//files", "/files"},
        {"/files/../login", "/login"},
        {"/./login", "/login"},
        {"/login//", "/login/"},
        {"/a/b/../../files?x=1&y=%2F", "/files?x=1&y=%2F"},
        {"/..//files", "/files"},
        {"//evil.example/files", "/evil.example/files"},
        {"/%2e%2e/files", "/files"},
        {"/.", "/"},
    };
    static const char *const methods[] = {"GET", "HEAD", "POST"};
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases) * ARRAY_LEN(methods); i++) {
        struct response r;
        http_do(s, &(struct request){.method = methods[i % 3], .path = cases[i / 3].path}, &r);
        const char *location = response_header(&r, "Location");
        if (r.status != 301 || location == NULL || strcmp(location, cases[i / 3].location) != 0) {
            fail_msg("%s %s: %d, Location: %s", methods[i % 3], cases[i / 3].path, r.status,
                     location != NULL ? location : "(none)");
        }
        response_done(&r);
    }
}

/* A request that libmicrohttpd refuses for two reasons at once, it forgets without a word: a Cookie
 * that it has no room to take apart, and no Host or a length that is none. Such a request must not
 * stay in our books, where it would keep the server from stopping. */
static void test_forgotten(void **state)
{
    static const char *const others[] = {"", "Content-Length: x\r\n",
                                         HOST "Content-Length: 1\r\nContent-Length: x\r\n"};
    const struct server *s = *state;
    char *text = malloc(32768);
    struct raw *c = malloc(sizeof *c);
    assert_true(text != NULL && c != NULL);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        for (int cookie = 14000; cookie <= 31000; cookie += 1700) {
            int len = snprintf(text, 32768, "POST / HTTP/1.1\r\n%sCookie: a=%0*d\r\n\r\n",
                               others[i], cookie, 0);
            assert_true(raw_open(s, c) && raw_send(c, text, (size_t)len));
            assert_true(raw_wait_closed(c));
            raw_close(c);
        }
    }
    free(c);
    free(text);
    struct response r;
    http_do(s, &(struct request){.path = "/api/system", .auth = AUTH_BASIC}, &r);
    expect_answer(&r, 200, NULL);
    if (strstr(response_text(&r), "\"requests\":1,") == NULL) {
        fail_msg("more than this request is running: %s", response_text(&r));
    }
    response_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),        cmocka_unit_test(test_hidden_bytes),
        cmocka_unit_test(test_accepted),       cmocka_unit_test(test_many_small_things),
        cmocka_unit_test(test_content_coding), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_methods),        cmocka_unit_test(test_method_before_sign_in),
        cmocka_unit_test(test_unknown_paths),  cmocka_unit_test(test_path_cleaning),
        cmocka_unit_test(test_forgotten),
    };
    return harness_main(tests, server_group_setup, server_group_teardown);
}
