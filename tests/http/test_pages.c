/* Pages and embedded files: status, type, title, security headers, escaping, caching
 * (web-ui.md 1 and 8, http-api.md 4, 11, 13, improvements.md "page headers"). */
#include "api.h"
#include <stdio.h>
#include <stdlib.h>

static void get(const struct server *s, enum auth auth, const char *path,
                const char *const *headers, struct response *r)
{
    http_do(s, &(struct request){.path = path, .auth = auth, .headers = headers}, r);
}

/* ---- pages ----------------------------------------------------------------------------------- */

static const struct page {
    const char *path;
    bool signed_in;
    const char *title;
    const char *h1;
} pages[] = {
    {"/", false, "<title>PicoShare</title>", "What is PicoShare?"},
    {"/", true, "<title>PicoShare - Upload</title>", "Upload"},
    {"/login", false, "<title>PicoShare - Log in</title>", "Log In"},
    {"/login", true, "<title>PicoShare - Log in</title>", "Log In"},
    {"/login?next=%2Ffiles", false, "<title>PicoShare - Log in</title>", "Log In"},
    {"/files", true, "<title>PicoShare - Files</title>", "Files"},
};

static void expect_policy(const struct response *r)
{
    static const char *const directives[] = {
        "default-src 'self'", "script-src 'self'",    "frame-ancestors 'none'", "base-uri 'none'",
        "form-action 'self'", "img-src 'self' data:", "media-src 'self' data:",
    };
    const char *policy = response_header(r, "Content-Security-Policy");
    assert_non_null(policy);
    for (size_t i = 0; i < ARRAY_LEN(directives); i++) {
        if (strstr(policy, directives[i]) == NULL) {
            fail_msg("no %s in %s", directives[i], policy);
        }
    }
    assert_null(strstr(policy, "unsafe"));
    assert_null(strchr(policy, '*'));
}

static void test_pages(void **state)
{
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        struct response r;
        get(s, pages[i].signed_in ? AUTH_COOKIE : AUTH_NONE, pages[i].path, NULL, &r);
        expect_answer(&r, 200, NULL);
        expect_header(&r, "Content-Type", "text/html; charset=utf-8");
        expect_header(&r, "X-Content-Type-Options", "nosniff");
        expect_header(&r, "Referrer-Policy", "same-origin");
        expect_policy(&r);
        if (pages[i].signed_in) {
            expect_header(&r, "Cache-Control", "no-store");
        }
        const char *text = response_text(&r);
        if (strstr(text, pages[i].title) == NULL) {
            fail_msg("%s: no %s", pages[i].path, pages[i].title);
        }
        const char *h1 = strstr(text, "<h1");
        assert_non_null(h1);
        h1 = strchr(h1, '>') + 1;
        h1 += strspn(h1, " \n");
        assert_int_equal(strncmp(h1, pages[i].h1, strlen(pages[i].h1)), 0);
        assert_null(strstr(h1, "<h1"));
        assert_int_equal(strncasecmp(text, "<!doctype html>", 15), 0);
        assert_non_null(strstr(text, "<html lang=\"en\""));
        assert_non_null(strstr(text, "viewport"));
        assert_non_null(strstr(text, "</html>"));
        /* nothing inline that the policy would stop, nothing from elsewhere */
        static const char *const never[] = {
            " style=\"", " onclick=", " onload=", "javascript:", "<style", "src=\"http", "@import"};
        for (size_t n = 0; n < ARRAY_LEN(never); n++) {
            if (strstr(text, never[n]) != NULL) {
                fail_msg("%s: has %s", pages[i].path, never[n]);
            }
        }
        const char *other = pages[i].signed_in ? "/login" : "navbar-log-out";
        assert_true(strcmp(pages[i].path, "/") != 0 || strstr(text, other) == NULL);
        response_done(&r);
    }
}

static void test_form_controls(void **state)
{
    static const struct {
        const char *path;
        const char *part;
    } cases[] = {
        {"/login", "id=\"auth-form\""},
        {"/login", "id=\"secret\""},
        {"/login", "value=\"Authenticate\""},
        {"/", "id=\"upload-form\""},
        {"/", "id=\"expiration-select\""},
        {"/", "id=\"pastebox\""},
        {"/", "id=\"note\""},
        {"/", "id=\"upload-progress-bar\""},
        {"/", "id=\"result-links\""},
        {"/", "id=\"error-message\""},
        {"/", "value=\"2999-12-31T00:00:00Z\""},
        {"/files", "<table"},
        {"/files", "id=\"navbar-log-out\""},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response r;
        get(s, AUTH_COOKIE, cases[i].path, NULL, &r);
        expect_answer(&r, 200, NULL);
        if (strstr(response_text(&r), cases[i].part) == NULL) {
            fail_msg("%s: no %s", cases[i].path, cases[i].part);
        }
        response_done(&r);
    }
}

/* Only local paths survive in the form that leads back after logging in. */
static void test_next_is_local(void **state)
{
    static const char *const evil[] = {
        "/login?next=https%3A%2F%2Fevil.example%2F", "/login?next=%2F%2Fevil.example%2F",
        "/login?next=%2F%5Cevil.example%2F", "/login?next=evil.example",
        "/login?next=%2Ffiles%22%3E%3Cb%3Eevil.example"};
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(evil); i++) {
        struct response r;
        get(s, AUTH_NONE, evil[i], NULL, &r);
        expect_answer(&r, 200, NULL);
        assert_null(strstr(response_text(&r), "//evil.example"));
        assert_null(strstr(response_text(&r), "\\evil.example"));
        assert_null(strstr(response_text(&r), "=\"evil.example"));
        assert_null(strstr(response_text(&r), "<b>evil"));
        response_done(&r);
    }
}

/* ---- escaping -------------------------------------------------------------------------------- */

static void test_planted_markup(void **state)
{
    static const struct {
        const char *name;
        const char *note;
    } cases[] = {
        {"<img src=x onerror=alert(1)>.txt", "<b onmouseover=alert(2)>bold"},
        {"\"><svg onload=alert(3)>.txt", "'\"><svg onload=alert(4)>"},
        {"'-alert(5)-'.txt", "{{ .Secret }} & <!-- x -->"},
        {"javascript:alert(6)", "javascript:alert(7)"},
    };
    static const char *const never[] = {"<img src=x",         "<b onm", "<svg on", "<!-- x",
                                        "href=\"javascript:", "& <"};
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct part parts[] = {
            {.name = "file", .filename = cases[i].name, .text = "dummy data"},
            {.name = "note", .text = cases[i].note},
            {0}};
        struct response r;
        http_do(s,
                &(struct request){
                    .method = "POST", .path = "/api/entry", .auth = AUTH_COOKIE, .parts = parts},
                &r);
        expect_answer(&r, 200, NULL);
        response_done(&r);
    }
    struct response r;
    get(s, AUTH_COOKIE, "/files", NULL, &r);
    expect_answer(&r, 200, NULL);
    for (size_t i = 0; i < ARRAY_LEN(never); i++) {
        if (strstr(response_text(&r), never[i]) != NULL) {
            fail_msg("'%s' stands on the page", never[i]);
        }
    }
    assert_non_null(strstr(response_text(&r), "&lt;img src=x onerror=alert(1)&gt;.txt"));
    assert_non_null(strstr(response_text(&r), "&lt;b onmouseover=alert(2)&gt;bold"));
    response_done(&r);
}

/* ---- the list -------------------------------------------------------------------------------- */

static void test_list(void **state)
{
    const struct server *s = *state;
    char older[ID_CHARS + 1];
    char newer[ID_CHARS + 1];
    char expired[ID_CHARS + 1];
    char sql[200];
    char out[8];
    struct response r;
    upload_text(s, "list-older.txt", NULL, "123456789012345678901234", older);
    upload_text(s, "list-newer.txt", NULL, "dummy data", newer);
    upload_text(s, "list-expired.txt", NULL, "dummy data", expired);
    snprintf(sql, sizeof sql,
             "UPDATE entries SET upload_time = '2023-05-06T07:08:09Z', expiration_time ="
             " '2999-12-31T00:00:00Z' WHERE id = '%s'",
             older);
    db_text(s, sql, out, sizeof out);
    snprintf(sql, sizeof sql,
             "UPDATE entries SET expiration_time = '2024-01-01T00:00:00Z' WHERE id = '%s'",
             expired);
    db_text(s, sql, out, sizeof out);
    get(s, AUTH_COOKIE, "/files", NULL, &r);
    expect_answer(&r, 200, NULL);
    const char *text = response_text(&r);
    const char *first = strstr(text, "list-newer.txt");
    const char *second = strstr(text, "list-older.txt");
    assert_true(first != NULL && second != NULL && first < second);
    assert_null(strstr(text, "list-expired.txt"));
    char link[64];
    snprintf(link, sizeof link, "href=\"/-%s\"", older);
    assert_non_null(strstr(text, link));
    assert_non_null(strstr(second, "24 B"));
    assert_non_null(strstr(second, "2023-05-06"));
    assert_non_null(strstr(second, "Never"));
    assert_non_null(strstr(text, "(30 days)"));
    response_done(&r);
}

/* ---- embedded files -------------------------------------------------------------------------- */

/* The next href="..." or src="..." of an embedded file after *at; false at the end. */
static bool next_asset(const char **at, char *ret_path, size_t size)
{
    static const char *const marks[] = {"href=\"/", "src=\"/"};
    for (const char *p = *at; *p != '\0'; p++) {
        for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
            size_t len = strlen(marks[i]);
            if (strncmp(p, marks[i], len) != 0) {
                continue;
            }
            size_t path = strcspn(p + len - 1, "\"");
            const char *dot = memchr(p + len - 1, '.', path);
            if (dot != NULL && slice_copy(slice_of(p + len - 1, path), ret_path, size)) {
                *at = p + len;
                return true;
            }
        }
    }
    return false;
}

static const char *asset_type(const char *path)
{
    static const char *const types[][2] = {
        {".css", "text/css"},  {".js", "text/javascript"},
        {".png", "image/png"}, {".svg", "image/svg+xml"},
        {".ico", "image/"},    {".webmanifest", ""},
        {".xml", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        const char *end = strrchr(path, '.');
        if (end != NULL && strncmp(end, types[i][0], strlen(types[i][0])) == 0) {
            return types[i][1];
        }
    }
    return "";
}

/* True when it has a gzip form. */
static bool expect_asset(const struct server *s, const char *path)
{
    struct response plain;
    struct response r;
    get(s, AUTH_NONE, path, NULL, &plain);
    if (plain.status != 200) {
        fail_msg("%s: %d", path, plain.status);
    }
    expect_answer(&plain, 200, NULL);
    assert_null(response_header(&plain, "Content-Encoding"));
    assert_true(response_has(&plain, "Content-Type", asset_type(path)));
    assert_true(response_has(&plain, "Cache-Control", "max-age="));
    expect_header(&plain, "X-Content-Type-Options", "nosniff");
    const char *etag = response_header(&plain, "ETag");
    assert_non_null(etag);

    char match[200];
    snprintf(match, sizeof match, "If-None-Match: %s", etag);
    const char *const headers[] = {match, NULL};
    get(s, AUTH_NONE, path, headers, &r);
    expect_answer(&r, 304, "");
    assert_non_null(response_header(&r, "ETag"));
    response_done(&r);
    static const char *const other[] = {"If-None-Match: \"other\"", NULL};
    get(s, AUTH_NONE, path, other, &r);
    expect_answer(&r, 200, NULL);
    response_done(&r);

    http_do(s, &(struct request){.path = path, .decode = true}, &r);
    expect_answer(&r, 200, NULL);
    bool zipped = response_header(&r, "Content-Encoding") != NULL;
    if (zipped) {
        expect_header(&r, "Content-Encoding", "gzip");
        assert_true(response_has(&r, "Vary", "Accept-Encoding"));
        assert_true(response_has(&plain, "Vary", "Accept-Encoding"));
        const char *zipped_etag = response_header(&r, "ETag");
        assert_non_null(zipped_etag);
        assert_string_not_equal(zipped_etag, etag); /* RFC 9110 8.8.3.3 */
        snprintf(match, sizeof match, "If-None-Match: %s", zipped_etag);
        const char *const both[] = {match, "Accept-Encoding: gzip", NULL};
        struct response again;
        get(s, AUTH_NONE, path, both, &again);
        expect_answer(&again, 304, "");
        response_done(&again);
    }
    assert_int_equal(r.body.len, plain.body.len);
    assert_memory_equal(r.body.ptr, plain.body.ptr, plain.body.len);
    response_done(&r);

    static const char *const refuse[] = {"Accept-Encoding: gzip;q=0", NULL};
    get(s, AUTH_NONE, path, refuse, &r);
    expect_answer(&r, 200, NULL);
    assert_null(response_header(&r, "Content-Encoding"));
    response_done(&r);

    http_do(s, &(struct request){.method = "HEAD", .path = path}, &r);
    expect_answer(&r, 200, "");
    expect_header(&r, "ETag", etag);
    expect_header(&r, "Content-Length", response_header(&plain, "Content-Length"));
    response_done(&r);
    http_do(s, &(struct request){.method = "POST", .path = path, .text = ""}, &r);
    expect_answer(&r, 405, NULL);
    assert_true(response_has(&r, "Allow", "GET"));
    response_done(&r);
    response_done(&plain);
    return zipped;
}

static void test_assets(void **state)
{
    const struct server *s = *state;
    int css = 0;
    int js = 0;
    int zipped = 0;
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        struct response r;
        char path[200];
        get(s, pages[i].signed_in ? AUTH_COOKIE : AUTH_NONE, pages[i].path, NULL, &r);
        const char *at = response_text(&r);
        while (next_asset(&at, path, sizeof path)) {
            css += strstr(path, ".css") != NULL;
            js += strstr(path, ".js") != NULL;
            zipped += expect_asset(s, path);
        }
        response_done(&r);
    }
    assert_true(css >= 3 && js >= 3 && zipped >= 3);
}

static void test_assets_stay_inside(void **state)
{
    static const char *const paths[] = {
        "/css/", "/css", "/js/", "/js/%2e%2e%2fx", "/js/../js", "/css/..%2f..%2fetc%2fpasswd"};
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct response r;
        get(s, AUTH_NONE, paths[i], NULL, &r);
        if (r.status != 404 && r.status != 400 && r.status != 301) {
            fail_msg("%s: %d", paths[i], r.status);
        }
        response_done(&r);
    }
}

/* ---- forms without a script -------------------------------------------------------------------
 */

static const char *const browser[] = {"Accept: text/html,application/xhtml+xml,*/*;q=0.8",
                                      "Content-Type: application/x-www-form-urlencoded", NULL};

static void test_login_form(void **state)
{
    static const struct {
        const char *body;
        int status;
        const char *location;
    } cases[] = {
        {"sharedSecretKey=dummypass", 303, "/"},
        {"sharedSecretKey=dummypass&next=", 303, "/"},
        {"next=%2Ffiles%3Fa%3Db&sharedSecretKey=dummypass", 303, "/files?a=b"},
        {"sharedSecretKey=dummypass&next=https%3A%2F%2Fevil.example%2F", 303, "/"},
        {"sharedSecretKey=dummypass&next=%2F%2Fevil.example%2F", 303, "/"},
        {"sharedSecretKey=dummypass&next=%2F%5Cevil.example%2F", 303, "/"},
        {"sharedSecretKey=dummypass&next=%2F%09%2Fevil.example", 303, "/"},
        {"sharedSecretKey=wrong&next=%2Ffiles", 401, NULL},
        {"sharedSecretKey=", 400, NULL},
        {"", 400, NULL},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response r;
        http_do(s,
                &(struct request){
                    .method = "POST", .path = "/login", .headers = browser, .text = cases[i].body},
                &r);
        if (r.status != cases[i].status) {
            fail_msg("%s: %d", cases[i].body, r.status);
        }
        if (cases[i].location != NULL) {
            expect_header(&r, "Location", cases[i].location);
            assert_true(response_has(&r, "Set-Cookie", "sharedSecret="));
        } else {
            expect_header(&r, "Content-Type", "text/html; charset=utf-8");
            assert_non_null(strstr(response_text(&r), "id=\"auth-form\""));
            assert_null(response_header(&r, "Set-Cookie"));
            assert_non_null(strstr(response_text(&r), "Check the passphrase, then try again."));
        }
        response_done(&r);
    }
}

/* Who has tried too often learns how long to wait. */
static void test_login_form_throttled(void **state)
{
    enum { MOST_ATTEMPTS = 20 };
    (void)state;
    struct server s;
    struct response r;
    int status = 401;
    server_start(&s, NULL);
    for (int i = 0; i < MOST_ATTEMPTS && status == 401; i++) {
        http_do(&s,
                &(struct request){.method = "POST",
                                  .path = "/login",
                                  .headers = browser,
                                  .text = "sharedSecretKey=wrong"},
                &r);
        status = r.status;
        if (status == 429) {
            const char *seconds = response_header(&r, "Retry-After");
            char advice[64];
            assert_non_null(seconds);
            (void)snprintf(advice, sizeof advice, "Wait %s second%s, then try again.", seconds,
                           strcmp(seconds, "1") == 0 ? "" : "s");
            assert_non_null(strstr(response_text(&r), advice));
            assert_non_null(strstr(response_text(&r), "id=\"auth-form\""));
        }
        response_done(&r);
    }
    assert_int_equal(status, 429);
    server_end(&s);
}

static void test_upload_form(void **state)
{
    static const char *const html[] = {"Accept: text/html,application/xhtml+xml,*/*;q=0.8", NULL};
    const struct server *s = *state;
    const struct part parts[] = {
        {.name = "file", .filename = "from a <form>.txt", .text = "dummy data"},
        {.name = "expiration", .text = "2040-01-01T00:00:00Z"},
        {.name = "note", .text = "from a form"},
        {0}};
    struct response r;
    struct request q = {
        .method = "POST", .path = "/upload", .auth = AUTH_COOKIE, .headers = html, .parts = parts};
    http_do(s, &q, &r);
    expect_answer(&r, 200, NULL);
    expect_header(&r, "Content-Type", "text/html; charset=utf-8");
    assert_non_null(strstr(response_text(&r), "Upload complete!"));
    assert_non_null(strstr(response_text(&r), "from a &lt;form&gt;.txt"));
    char link[64];
    snprintf(link, sizeof link, "href=\"http://127.0.0.1:%d/-", s->port);
    const char *id = strstr(response_text(&r), link);
    assert_non_null(id);
    char path[16];
    snprintf(path, sizeof path, "/-%.10s", id + strlen(link));
    char edit[64];
    snprintf(edit, sizeof edit, " id=\"edit-btn\" href=\"/files/%.10s/edit\"", path + 2);
    assert_non_null(strstr(response_text(&r), edit));
    response_done(&r);
    struct response file;
    http_get(s, path, &file);
    expect_answer(&file, 200, "dummy data");
    response_done(&file);
    char sql[200];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM entries WHERE id = '%s' AND note = 'from a form' AND"
             " expiration_time = '2040-01-01T00:00:00Z'",
             path + 2);
    assert_int_equal(db_int(s, sql), 1);

    const struct part late[] = {{.name = "file", .filename = "a.txt", .text = "dummy data"},
                                {.name = "expiration", .text = "2024-01-01T00:00:00Z"},
                                {0}};
    int64_t entries = db_entries(s);
    q.parts = late;
    http_do(s, &q, &r);
    expect_answer(&r, 400, NULL);
    expect_header(&r, "Content-Type", "text/html; charset=utf-8");
    assert_non_null(strstr(response_text(&r), "at least one hour in the future"));
    response_done(&r);
    assert_int_equal(db_entries(s), entries);
    assert_true(db_wait_no_orphans(s));
    q.auth = AUTH_NONE;
    http_do(s, &q, &r);
    expect_answer(&r, 401, NULL);
    response_done(&r);
}

/* ---- errors as pages --------------------------------------------------------------------------
 */

static void test_error_page(void **state)
{
    static const char *const html[] = {"Accept: text/html,application/xhtml+xml,*/*;q=0.8", NULL};
    const struct server *s = *state;
    struct response r;
    get(s, AUTH_NONE, "/-ZZZZZZZZZZ", html, &r);
    expect_answer(&r, 404, NULL);
    expect_header(&r, "Content-Type", "text/html; charset=utf-8");
    assert_non_null(strstr(response_text(&r), "entry not found"));
    assert_non_null(strstr(response_text(&r), "</html>"));
    assert_non_null(response_header(&r, "Content-Security-Policy"));
    response_done(&r);
    get(s, AUTH_NONE, "/-%3Cb%3Ebold%3C", html, &r);
    expect_answer(&r, 400, NULL);
    assert_null(strstr(response_text(&r), "<b>bold"));
    response_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_form_controls),
        cmocka_unit_test(test_next_is_local),
        cmocka_unit_test(test_planted_markup),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_assets),
        cmocka_unit_test(test_assets_stay_inside),
        cmocka_unit_test(test_login_form),
        cmocka_unit_test(test_login_form_throttled),
        cmocka_unit_test(test_upload_form),
        cmocka_unit_test(test_error_page),
    };
    return harness_main(tests, server_group_setup, server_group_teardown);
}
