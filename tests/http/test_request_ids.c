/* Every request has an id: the client gets it with the answer, and events on standard error, logfmt
 * or JSON, carry it. The access log stays as PicoShare writes it. */
#include "api.h"
#include <stdlib.h>
#include <unistd.h>

enum { OWN_ID_CHARS = 16, MAX_ID_CHARS = 64 };

static void copy_id(const struct response *r, char ret_id[MAX_ID_CHARS + 1])
{
    const char *id = response_header(r, "X-Request-Id");
    if (id == NULL) {
        fail_msg("no id with %d\n%s", r->status, response_text(r));
    }
    assert_true(slice_copy(slice_str(id), ret_id, MAX_ID_CHARS + 1));
}

static bool is_ours(const char *id)
{
    return strlen(id) == OWN_ID_CHARS && strspn(id, "0123456789abcdef") == OWN_ID_CHARS;
}

/* ---- answers --------------------------------------------------------------------------------- */

/* Whatever is answered: each time another one. */
static void test_answers(void **state)
{
    static const char *const paths[] = {"/login", "/css/style.css", "/-hR87apiUCj", "/nowhere",
                                        "//",     "/api/system",    "/healthz"};
    enum { ROUNDS = 20 };
    char ids[ROUNDS * ARRAY_LEN(paths)][MAX_ID_CHARS + 1];
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct response r;
        http_get(*state, paths[i % ARRAY_LEN(paths)], &r);
        copy_id(&r, ids[i]);
        response_done(&r);
        assert_true(is_ours(ids[i]));
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(ids[k], ids[i]);
        }
    }
}

/* A refusal that is written to the socket while the body still comes; and a malformed request. */
static void test_refusals(void **state)
{
    static const char *const texts[] = {
        "PUT /api/upload/a HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n",
        "GET /login HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct response r;
        char id[MAX_ID_CHARS + 1];
        bool closed = false;
        assert_int_equal(raw_exchange(*state, texts[i], strlen(texts[i]), &r, &closed), RAW_OK);
        assert_int_equal(r.status / 100, 4);
        copy_id(&r, id);
        assert_true(is_ours(id));
        response_done(&r);
    }
}

/* ---- a proxy's ------------------------------------------------------------------------------- */

/* Which id an answer has when the request came with these headers. */
static void ask_id(const struct server *s, const char *const *headers,
                   char ret_id[MAX_ID_CHARS + 1])
{
    struct response r;
    http_do(s, &(struct request){.path = "/login", .headers = headers}, &r);
    expect_answer(&r, 200, NULL);
    copy_id(&r, ret_id);
    response_done(&r);
}

#define X64 "0123456789abcdef0123456789ABCDEF0123456789abcdef-_.3456789abcdef"

static void test_trusted_proxy(void **state)
{
    static const struct {
        const char *headers[3];
        const char *id; /* NULL: one of ours */
    } cases[] = {
        {{"X-Request-Id: f1ce"}, "f1ce"},
        {{"x-request-id: 6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
         "6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
        {{"X-Request-Id: " X64}, X64},
        {{"X-Request-Id: first", "X-Request-Id: last"}, "last"}, /* the proxy's own */
        {{"X-Request-Id: " X64 "0"}, NULL},
        {{"X-Request-Id;"}, NULL},
        {{"X-Request-Id: a b"}, NULL},
        {{"X-Request-Id: a\"b"}, NULL},
        {{"X-Request-Id: a=b"}, NULL},
        {{"X-Request-Id: \xc3\xa4"}, NULL},
        {{NULL}, NULL},
    };
    static const char *const env[] = {"PS_BEHIND_PROXY=1", NULL};
    struct server s;
    char id[MAX_ID_CHARS + 1];
    server_start(&s, &(struct server_options){.env = env});
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ask_id(&s, cases[i].headers, id);
        if (cases[i].id != NULL ? strcmp(id, cases[i].id) != 0 : !is_ours(id)) {
            fail_msg("case %zu: %s", i, id);
        }
    }
    server_end(&s);
    ask_id(*state, cases[0].headers, id); /* here nobody is trusted */
    assert_true(is_ours(id));
}

/* ---- events ---------------------------------------------------------------------------------- */

/* Waits for a line of the log with both. */
static void expect_event(const struct server *s, const char *event, const char *request)
{
    int64_t end = harness_now_ms() + HANG_SECONDS * INT64_C(1000);
    for (bool found = false; !found;) {
        struct buf log;
        harness_read_file(s->log, &log);
        const char *at = strstr(buf_str(&log), event);
        size_t len = at != NULL ? strcspn(at, "\n") : 0;
        found = len > 0 && at[len] == '\n' && memmem(at, len, request, strlen(request)) != NULL;
        if (!found && harness_now_ms() > end) {
            fail_msg("no event %s with %s in\n%s", event, request, buf_str(&log));
        }
        buf_done(&log);
        harness_sleep_ms(5);
    }
}

static void mistype(const struct server *s, char ret_id[MAX_ID_CHARS + 1])
{
    static const char *const headers[] = {"Authorization: Basic Ondyb25n", NULL};
    struct response r;
    http_do(s, &(struct request){.path = "/api/system", .headers = headers}, &r);
    assert_int_equal(r.status, 401);
    copy_id(&r, ret_id);
    response_done(&r);
}

static void test_event(void **state)
{
    struct server *s = *state;
    char id[MAX_ID_CHARS + 1];
    char wanted[MAX_ID_CHARS + 20];
    mistype(s, id);
    snprintf(wanted, sizeof wanted, " request=\"%s\"", id);
    expect_event(s, "msg=\"wrong passphrase\"", wanted);
}

/* One that happens while the answer is on its way. */
static void test_event_of_an_answer(void **state)
{
    struct server *s = *state;
    char file[ID_CHARS + 1];
    char path[32];
    char id[MAX_ID_CHARS + 1];
    char wanted[MAX_ID_CHARS + 20];
    struct response r;
    upload_bytes(s, "a.bin", 5, 3 * CHUNK_BYTES, file);
    db_change(s, "DELETE FROM entries_data WHERE id = '%s' AND chunk_index = 1", file);
    snprintf(path, sizeof path, "/-%s", file);
    http_get(s, path, &r);
    assert_false(r.complete);
    copy_id(&r, id);
    response_done(&r);
    snprintf(wanted, sizeof wanted, " request=\"%s\"", id);
    expect_event(s, "msg=\"download broken off\"", wanted);
    struct buf log;
    harness_read_file(s->log, &log);
    const char *collected = strstr(buf_str(&log), "msg=\"collected\""); /* nobody's request */
    assert_non_null(collected);
    assert_null(memmem(collected, strcspn(collected, "\n"), "request", strlen("request")));
    buf_done(&log);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* Every line is an object of strings; unit/test_log.c looks closer. */
static void check_lines(const char *text)
{
    size_t lines = 0;
    for (; *text != '\0'; lines++) {
        size_t len = strcspn(text, "\n");
        bool object = len > 10 && text[len] == '\n' && strncmp(text, "{\"time\":\"", 9) == 0 &&
                      text[len - 2] == '"' && text[len - 1] == '}';
        if (!object) {
            fail_msg("not JSON: %.*s", (int)len, text);
        }
        text += len + 1;
    }
    assert_true(lines >= 4);
}

static void test_json(void **state)
{
    static const char *const args[] = {"-log-format", "json", NULL};
    static const char access_line[] = "\"GET /api/system HTTP/1.1\" 401 24\n";
    (void)state;
    struct server s;
    struct buf text;
    char id[MAX_ID_CHARS + 1];
    char wanted[MAX_ID_CHARS + 20];
    server_start(&s, &(struct server_options){.args = args});
    mistype(&s, id);
    snprintf(wanted, sizeof wanted, ",\"request\":\"%s\"}", id);
    expect_event(&s, "\"msg\":\"wrong passphrase\"", wanted);
    server_end(&s);
    harness_read_file(s.log, &text);
    check_lines(buf_str(&text));
    buf_done(&text);
    harness_read_file(s.access, &text);
    assert_non_null(strstr(buf_str(&text), access_line));
    assert_null(strstr(buf_str(&text), id));
    buf_done(&text);
}

static void test_bad_format(void **state)
{
    static const char *const env[] = {"PORT=0", "PS_LOG_FORMAT=yaml", NULL};
    const char *const argv[] = {run_binary(), NULL};
    struct run_result r;
    (void)state;
    run_program(argv, env, &r);
    assert_int_equal(r.code, 2);
    assert_non_null(strstr(buf_str(&r.err), "neither logfmt nor json: yaml"));
    run_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_trusted_proxy),
        cmocka_unit_test(test_event),
        cmocka_unit_test(test_event_of_an_answer),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_bad_format),
    };
    return harness_main(tests, owner_group_setup, server_group_teardown);
}
