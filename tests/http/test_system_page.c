/* The system information page: statuses, figures, the sessions it lists; and the pages that
 * browsers get for errors (web-ui.md 10.4, http-api.md 13). Ending sessions is in test_sessions.c.
 */
#include "api.h"
#include "picoshare/base/num.h"
#include "picoshare/text/size.h"

#define HTML "Accept: text/html,application/xhtml+xml,*/*;q=0.8"
#define WAITS_MS 20

static const char *const browser[] = {HTML, NULL};

static void get_page(const struct server *s, struct response *r)
{
    http_do(s, &(struct request){.path = "/information", .auth = AUTH_COOKIE}, r);
    expect_answer(r, 200, NULL);
}

static bool has(const struct response *r, const char *part)
{
    return strstr(response_text(r), part) != NULL;
}

static size_t count_parts(const struct response *r, const char *part)
{
    size_t count = 0;
    for (const char *at = response_text(r); (at = strstr(at, part)) != NULL; at++) {
        count++;
    }
    return count;
}

/* Asks until the page has the part. */
static void wait_for_part(const struct server *s, const char *part)
{
    int64_t end = harness_now_ms() + HANG_SECONDS * 1000;
    for (;;) {
        struct response r;
        get_page(s, &r);
        bool found = has(&r, part);
        if (!found && harness_now_ms() > end) {
            expect_part(&r, part);
        }
        response_done(&r);
        if (found) {
            return;
        }
        harness_sleep_ms(WAITS_MS);
    }
}

/* ---- statuses -------------------------------------------------------------------------------- */

static void test_headers(void **state)
{
    const struct server *s = *state;
    struct response r;
    struct response head;
    get_page(s, &r);
    expect_header(&r, "Content-Type", "text/html; charset=utf-8");
    expect_header(&r, "Cache-Control", "no-store");
    expect_header(&r, "X-Content-Type-Options", "nosniff");
    expect_header(&r, "Referrer-Policy", "same-origin");
    const char *policy = response_header(&r, "Content-Security-Policy");
    assert_non_null(policy);
    assert_null(strstr(policy, "unsafe"));
    http_do(s, &(struct request){.method = "HEAD", .path = "/information", .auth = AUTH_COOKIE},
            &head);
    expect_answer(&head, 200, "");
    expect_header(&head, "Content-Security-Policy", policy);
    expect_header(&head, "Cache-Control", "no-store");
    response_done(&head);
    response_done(&r);
}

static void test_signing_in(void **state)
{
    const struct server *s = *state;
    struct response r;
    http_get(s, "/information", &r);
    expect_answer(&r, 401, "Authentication required\n");
    response_done(&r);
    http_do(s, &(struct request){.path = "/information", .headers = browser}, &r);
    expect_answer(&r, 303, NULL);
    expect_header(&r, "Location", "/login?next=%2Finformation");
    response_done(&r);
}

static void test_unreadable(void **state)
{
    (void)state;
    struct server s;
    struct response r;
    char moved[240];
    server_start(&s, NULL);
    server_sign_in(&s);
    snprintf(moved, sizeof moved, "%s-moved", s.dir);
    assert_int_equal(rename(s.dir, moved), 0);
    http_do(&s, &(struct request){.path = "/information", .auth = AUTH_COOKIE}, &r);
    struct response page;
    http_do(&s, &(struct request){.path = "/information", .auth = AUTH_COOKIE, .headers = browser},
            &page);
    assert_int_equal(rename(moved, s.dir), 0);
    expect_answer(&r, 500, NULL);
    assert_int_equal(strncmp(response_text(&r), "failed to check available space: ", 33), 0);
    expect_header(&r, "Content-Type", "text/plain; charset=utf-8");
    response_done(&r);
    expect_answer(&page, 500, NULL);
    expect_part(&page, "<h1>Something went wrong</h1>");
    expect_part(&page, "failed to check available space");
    expect_part(&page, "<p>Nothing that was stored before is lost. Try again.");
    expect_part(&page, "id=\"navbar-log-out\"");
    response_done(&page);
    get_page(&s, &r);
    response_done(&r);
    server_end(&s);
}

/* ---- figures --------------------------------------------------------------------------------- */

/* Whether the JSON has a number of that name, and not null. */
static bool is_known(const struct response *json, const char *name)
{
    char mark[64];
    snprintf(mark, sizeof mark, "\"%s\":", name);
    const char *at = strstr(response_text(json), mark);
    assert_non_null(at);
    at += strlen(mark);
    return *at >= '0' && *at <= '9';
}

/* What the JSON does not know is left out, everything else is there. */
static void test_same_figures(void **state)
{
    static const struct {
        const char *name; /* in the JSON */
        const char *part;
    } lines[] = {
        {"residentBytes", "Resident memory: "},
        {"residentPeakBytes", " at the most so far"},
        {"anonymousBytes", "Of it, data of the program: "},
        {"groupBytes", "Charged to the control group: "},
        {"groupPageCacheBytes", "Of it, page cache: "},
        {"files", "Number of files: "},
        {"logBytes", "Write-ahead log: "},
        {"freePages", "Free pages: "},
        {"uptimeSeconds", "Running for "},
        {"uploads", "Uploads running: 0<"},
        {"chunkBuffers", "Chunk buffers in use: 0 of 51, 320.00 kB each"},
        {"connections", "Open connections: "},
        {"requests", "Requests running: "},
    };
    const struct server *s = *state;
    struct response json;
    struct response page;
    api_call(s, "GET", "/api/system", NULL, &json);
    expect_answer(&json, 200, NULL);
    get_page(s, &page);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        if (is_known(&json, lines[i].name)) {
            expect_part(&page, lines[i].part);
        } else {
            expect_no_part(&page, lines[i].part);
        }
    }
    const char *group = strstr(response_text(&page), "Charged to the control group: ");
    if (group != NULL) {
        const char *limit = strstr(group, "B of ");
        bool has_limit = limit != NULL && limit < strchr(group, '\n');
        assert_int_equal(has_limit, is_known(&json, "groupLimitBytes"));
    }
    response_done(&page);
    response_done(&json);
}

/* A text of the JSON; "" for null. */
static void text_of(const struct response *json, const char *name, char ret_text[64])
{
    char mark[64];
    snprintf(mark, sizeof mark, "\"%s\":", name);
    const char *at = strstr(response_text(json), mark);
    assert_non_null(at);
    at += strlen(mark);
    size_t len = *at == '"' ? strcspn(at + 1, "\"") : 0;
    assert_true(len > 0 || strncmp(at, "null", 4) == 0);
    assert_true(slice_copy(slice_of(at + 1, len), ret_text, 64));
}

static void test_same_build(void **state)
{
    static const struct {
        const char *name; /* in the JSON */
        const char *part;
    } lines[] = {
        {"version", "Version: "}, {"revision", "Revision: "}, {"commitTime", "Built at: "}};
    const struct server *s = *state;
    struct response json;
    struct response page;
    api_call(s, "GET", "/api/system", NULL, &json);
    get_page(s, &page);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        char text[64];
        char line[96];
        text_of(&json, lines[i].name, text);
        snprintf(line, sizeof line, "%s%s%s", lines[i].part, text, text[0] != '\0' ? "<" : "");
        assert_int_equal(has(&page, line), text[0] != '\0');
    }
    response_done(&page);
    response_done(&json);
}

static int64_t sessions_of(const struct server *s)
{
    struct response json;
    api_call(s, "GET", "/api/system", NULL, &json);
    int64_t sessions = json_number(&json, "sessions");
    response_done(&json);
    return sessions;
}

/* Those that have not expired. */
static void test_session_count(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, NULL);
    server_sign_in(&s);
    assert_int_equal(sessions_of(&s), 1);
    server_sign_in(&s);
    assert_int_equal(sessions_of(&s), 2);
    db_change(&s, "INSERT INTO ext_sessions VALUES (zeroblob(32), 1, 1, 1, '', '')");
    assert_int_equal(sessions_of(&s), 2);
    server_end(&s);
}

static void expect_free_pages(const struct server *s)
{
    struct response json;
    struct response r;
    char size[SIZE_TEXT_SIZE];
    char line[80];
    api_call(s, "GET", "/api/system", NULL, &json);
    get_page(s, &r);
    int64_t pages = json_number(&json, "freePages");
    size_print(pages * json_number(&json, "pageBytes"), size);
    snprintf(line, sizeof line, "Free pages: %lld (%s), which", (long long)pages, size);
    expect_part(&r, line);
    response_done(&r);
    response_done(&json);
}

/* "1 second", "2 seconds", "1 minute" … */
static void test_uptime(void **state)
{
    static const char mark[] = "Running for ";
    const struct server *s = *state;
    char unit[16] = "";
    int64_t count = 0;
    while (count < 2) {
        struct response r;
        get_page(s, &r);
        const char *at = strstr(response_text(&r), mark);
        assert_non_null(at);
        at += strlen(mark);
        size_t digits = strcspn(at, " ");
        assert_int_equal(num_parse_i64(slice_of(at, digits), 0, INT64_MAX, &count), ERR_OK);
        at += digits + 1;
        assert_true(slice_copy(slice_of(at, strcspn(at, "<")), unit, sizeof unit));
        response_done(&r);
        bool ends_with_s = unit[strlen(unit) - 1] == 's';
        assert_int_equal(ends_with_s, count != 1);
        assert_true(strncmp(unit, "second", 6) == 0 || strncmp(unit, "minute", 6) == 0);
        harness_sleep_ms(WAITS_MS);
    }
}

static void test_files(void **state)
{
    enum { BYTES = 1024 * 1024 };
    (void)state;
    struct server s;
    struct response r;
    char id[ID_CHARS + 1];
    server_start(&s, NULL);
    server_sign_in(&s);
    get_page(&s, &r);
    expect_part(&r, "Number of files: 0<");
    expect_part(&r, "Upload data: 0 B<");
    expect_part(&r, "Free pages: 0 (0 B)<");
    response_done(&r);
    upload_bytes(&s, "a.bin", 1, BYTES, id);
    get_page(&s, &r);
    expect_part(&r, "Number of files: 1<");
    expect_part(&r, "Upload data: 1.00 MB<");
    response_done(&r);
    file_delete(&s, id);
    wait_for_part(&s, "), which could be given back to the disk<");
    assert_true(db_wait_no_orphans(&s));
    expect_free_pages(&s);
    get_page(&s, &r);
    expect_part(&r, "Number of files: 0<");
    expect_part(&r, "started with the option");
    expect_no_part(&r, "does not shrink");
    response_done(&r);
    server_end(&s);
}

/* The owner gives free pages back, and sees it happen. */
static void test_reclaim(void **state)
{
    (void)state;
    struct server s;
    struct response r;
    char id[ID_CHARS + 1];
    server_start(&s, NULL);
    server_sign_in(&s);
    upload_bytes(&s, "a.bin", 1, 5000000, id);
    file_delete(&s, id);
    wait_for_part(&s, "), which could be given back to the disk<");
    assert_true(db_wait_no_orphans(&s));
    api_expect(&s, "POST", "/api/system/reclaim", NULL, 202, "");
    wait_for_part(&s, "Free pages: 0 (0 B)<");
    bool idle = false;
    for (int64_t waited_ms = 0; !idle && waited_ms < HANG_SECONDS * 1000; waited_ms += WAITS_MS) {
        harness_sleep_ms(WAITS_MS);
        api_call(&s, "GET", "/api/system", NULL, &r);
        idle = strstr(response_text(&r), "\"upkeep\":\"idle\"") != NULL;
        assert_true(!idle || json_number(&r, "pagesGivenBack") > 5000000 / 16384);
        response_done(&r);
    }
    assert_true(idle);
    server_end(&s);
}

/* The program does not take pages from under Litestream. */
static void test_beside_litestream(void **state)
{
    (void)state;
    static const char *const env[] = {"LITESTREAM_BUCKET=dummy", NULL};
    struct server s;
    struct response r;
    char id[ID_CHARS + 1];
    server_start(&s, &(struct server_options){.env = env});
    server_sign_in(&s);
    upload_bytes(&s, "a.bin", 1, 1000000, id);
    file_delete(&s, id);
    wait_for_part(&s, "), for later uploads<");
    get_page(&s, &r);
    expect_part(&r, "Beside Litestream it does not shrink");
    expect_no_part(&r, "started with the option");
    expect_no_part(&r, "picoshare convert");
    response_done(&r);
    api_call(&s, "GET", "/api/system", NULL, &r);
    assert_non_null(strstr(response_text(&r), ",\"canShrink\":false,"));
    assert_non_null(strstr(response_text(&r), ",\"upkeep\":\"idle\","));
    response_done(&r);
    api_expect(&s, "POST", "/api/system/reclaim", NULL, 409,
               "this database cannot give pages back in place\n");
    server_end(&s);
}

static void test_running_upload(void **state)
{
    enum { BYTES = 500000, SENT = 100000 };
    const struct server *s = *state;
    struct raw c;
    char head[512];
    snprintf(head, sizeof head,
             "PUT /api/upload/a.bin HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\n"
             "Content-Length: %d\r\n\r\n",
             s->cookie, BYTES);
    assert_true(raw_open(s, &c));
    assert_true(raw_text(&c, head));
    assert_true(raw_gen(&c, 1, 0, SENT));
    wait_for_part(s, "Uploads running: 1<");
    wait_for_part(s, "Chunk buffers in use: 1 of 51");
    wait_for_part(s, "Requests running: 2, ");
    raw_close(&c);
    wait_for_part(s, "Uploads running: 0<");
    wait_for_part(s, "Chunk buffers in use: 0 of 51");
}

/* ---- sessions -------------------------------------------------------------------------------- */

static void add_session(const struct server *s, const char *token, const char *client_ip,
                        const char *user_agent)
{
    db_change(s,
              "INSERT INTO ext_sessions (token_sha256, created, last_used, expires, client_ip,"
              " user_agent) VALUES (x'%s', 1700000000, 1700003600, unixepoch('now') + 3600, '%s',"
              " '%s')",
              token, client_ip, user_agent);
}

#define TOKEN(byte)                                                                                \
    byte byte byte byte byte byte byte byte byte byte byte byte byte byte byte byte byte byte byte \
        byte byte byte byte byte byte byte byte byte byte byte byte byte

static void test_sessions(void **state)
{
    const struct server *s = *state;
    struct response r;
    add_session(s, TOKEN("ab"), "192.0.2.7",
                "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0");
    add_session(s, TOKEN("cd"), "192.0.2.8", "");
    db_change(s, "INSERT INTO ext_sessions SELECT x'" TOKEN(
                     "ef") "', created, last_used, unixepoch('now') - 1, '192.0.2.9', ''"
                           " FROM ext_sessions LIMIT 1");
    get_page(s, &r);
    assert_int_equal(count_parts(&r, "<li class=\"session\">"), 3);
    assert_int_equal(count_parts(&r, "(this one)"), 1);
    assert_int_equal(count_parts(&r, " data-ends-own"), 2); /* and that which ends all */
    expect_part(&r, "<bdi>Firefox</bdi> on Linux</strong>");
    expect_part(&r, "From <bdi>192.0.2.7</bdi>. Logged in <time datetime=\"2023-11-14T22:13:20Z\">"
                    "2023-11-14T22:13:20Z</time>, last used"
                    " <time datetime=\"2023-11-14T23:13:20Z\">2023-11-14T23:13:20Z</time>.");
    expect_part(&r, "data-path=\"/api/sessions/abababababababab\" aria-describedby=");
    expect_part(&r, "<bdi>Unknown browser</bdi></strong>");
    expect_no_part(&r, "192.0.2.9"); /* it has expired */
    const char *own = strstr(response_text(&r), "(this one)");
    const char *other = strstr(response_text(&r), "192.0.2.7");
    assert_true(own < other); /* the last used comes first */
    response_done(&r);

    http_do(s, &(struct request){.path = "/information", .auth = AUTH_BASIC}, &r);
    expect_answer(&r, 200, NULL);
    expect_no_part(&r, "(this one)");
    response_done(&r);

    api_expect(s, "DELETE", "/api/sessions/abababababababab", NULL, 200, "");
    get_page(s, &r);
    expect_no_part(&r, "192.0.2.7");
    response_done(&r);
    api_expect(s, "DELETE", "/api/sessions/cdcdcdcdcdcdcdcd", NULL, 200, "");
}

static void test_no_session(void **state)
{
    (void)state;
    struct server s;
    struct response r;
    server_start(&s, NULL);
    http_do(&s, &(struct request){.path = "/information", .auth = AUTH_BASIC}, &r);
    expect_answer(&r, 200, NULL);
    expect_part(&r, "Nobody is logged in with a browser.");
    expect_no_part(&r, "End all sessions");
    response_done(&r);
    server_end(&s);
}

/* Markup, quotes and letters that turn the direction stay text. */
static void test_planted_markup(void **state)
{
    const struct server *s = *state;
    struct response r;
    add_session(s, TOKEN("01"), "<script>alert(1)</script>", "<script>alert(2)</script>");
    add_session(s, TOKEN("02"), "\"><b>bold", "\" onclick=\"x & ''");
    add_session(s, TOKEN("03"), "192.0.2.1",
                "\xe2\x80\xae"
                "dummy");
    get_page(s, &r);
    expect_no_part(&r, "<script>alert");
    expect_no_part(&r, "<b>");
    expect_no_part(&r, "\" onclick");
    expect_part(&r, "From <bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>.");
    expect_part(&r, "From <bdi>&quot;&gt;&lt;b&gt;bold</bdi>.");
    expect_part(&r, "<bdi>\xe2\x80\xae"
                    "dummy</bdi>");
    response_done(&r);
    db_change(s, "DELETE FROM ext_sessions WHERE created = 1700000000");
}

static void test_many_sessions(void **state)
{
    enum { LISTED = 100 };
    (void)state;
    struct server s;
    struct response r;
    server_start(&s, NULL);
    server_sign_in(&s);
    /* Names as long as they are kept, of characters that take the most room on the page. */
    db_change(&s,
              "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
              " INSERT INTO ext_sessions SELECT randomblob(32), 1700000000, 1700000000 - i,"
              " unixepoch('now') + 3600, '192.0.2.' || i, printf('%%.*c', 511, '\"') FROM n",
              LISTED - 1);
    get_page(&s, &r);
    assert_int_equal(count_parts(&r, "<li class=\"session\">"), LISTED);
    expect_no_part(&r, "that were used last");
    response_done(&r);
    add_session(&s, TOKEN("ab"), "192.0.2.200", "dummy");
    get_page(&s, &r);
    assert_int_equal(count_parts(&r, "<li class=\"session\">"), LISTED);
    expect_part(&r, "These are the 100 that were used last.");
    expect_part(&r, "192.0.2.200<");
    expect_no_part(&r, "192.0.2.99<"); /* the one that was used longest ago */
    expect_part(&r, "</html>");
    response_done(&r);
    server_end(&s);
}

/* ---- error pages ----------------------------------------------------------------------------- */

/* One answer as a browser gets it. */
struct failing {
    const char *method;
    const char *path;
    const char *header; /* one more; NULL: none */
    int status;
    const char *title;
    const char *advice;
};

static void expect_error_page(const struct server *s, const struct failing *f)
{
    const struct part parts[] = {{.name = "file", .filename = "a.txt", .text = "dummy data"}, {0}};
    const char *const headers[] = {HTML, f->header, NULL};
    bool posts = strcmp(f->method, "POST") == 0;
    char title[80];
    struct response r;
    http_do(s,
            &(struct request){.method = f->method,
                              .path = f->path,
                              .headers = headers,
                              .parts = posts ? parts : NULL},
            &r);
    expect_answer(&r, f->status, NULL);
    expect_header(&r, "Content-Type", "text/html; charset=utf-8");
    expect_header(&r, "Cache-Control", "no-store");
    assert_non_null(response_header(&r, "Content-Security-Policy"));
    snprintf(title, sizeof title, "<title>PicoShare - %s</title>", f->title);
    expect_part(&r, title);
    expect_part(&r, "</html>");
    expect_part(&r, f->advice);
    if (!posts) {
        expect_no_part(&r, "Nothing was stored");
    }
    response_done(&r);
}

static void test_error_pages(void **state)
{
    static const struct failing cases[] = {
        {"GET", "/no-such-page", NULL, 404, "Not found",
         "<p>Check the link. What it led to may have expired or been deleted.</p>"},
        {"GET", "/-ZZZZZZZZZZ", NULL, 404, "Not found", "<p>Check the link."},
        {"GET", "/g/ZZZZZZZZZZZZZZZZ", NULL, 404, "Not found", "<p>Check the link."},
        {"GET", "/-short", NULL, 400, "Bad request", "<p>Check the link: it may have been cut off"},
        {"GET", "/upload", NULL, 405, "No page here", "<p>Only forms and programs"},
        {"GET", "/api/auth", NULL, 405, "No page here", "<p>Only forms and programs"},
        {"POST", "/upload", NULL, 401, "No access",
         "<p>Nothing was stored or changed. Log in, then try again.</p>"},
        {"POST", "/upload", "Sec-Fetch-Site: cross-site", 403, "Not allowed",
         "<p>Nothing was stored or changed. A page of another site asked for this."},
        {"POST", "/g/ZZZZZZZZZZZZZZZZ", NULL, 404, "Not found",
         "<p>Nothing was stored or changed. Check the link."},
        {"POST", "/g/short", NULL, 400, "Bad request",
         "<p>Nothing was stored or changed. Go back, correct it"},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        expect_error_page(s, &cases[i]);
    }
}

/* A guest cannot log in. */
static void test_guest_error_pages(void **state)
{
    const struct server *s = *state;
    char id[LINK_CHARS + 1];
    char path[40];
    link_create(s, &(struct guest_link){.max_bytes = MIN_LINK_BYTES}, id);
    snprintf(path, sizeof path, "/g/%s", id);
    const struct part large[] = {
        {.name = "file", .filename = "a.bin", .seed = 1, .bytes = MIN_LINK_BYTES + 1}, {0}};
    struct response r;
    http_do(s,
            &(struct request){.method = "POST", .path = path, .headers = browser, .parts = large},
            &r);
    expect_answer(&r, 413, NULL);
    expect_part(&r, "<title>PicoShare - Too large</title>");
    expect_part(&r, "<p>Nothing was stored or changed. Send less at once, or a smaller file.</p>");
    response_done(&r);
    assert_int_equal(link_entries(s, id), 0);
    link_switch(s, id, "disable");
    expect_error_page(s, &(struct failing){"POST", path, NULL, 401, "No access",
                                           "<p>Nothing was stored or changed. Ask whoever sent you"
                                           " the link for a new one.</p>"});
    link_delete(s, id);
}

/* Only those who look at a page get one: programs get what PicoShare answers. */
static void test_wrong_method_without_page(void **state)
{
    static const char *const accepts[] = {"Accept: */*", "Accept: application/json", "Accept:"};
    const struct server *s = *state;
    struct response r;
    for (size_t i = 0; i < ARRAY_LEN(accepts); i++) {
        const char *const headers[] = {accepts[i], NULL};
        http_do(s, &(struct request){.path = "/upload", .headers = headers}, &r);
        expect_answer(&r, 405, "");
        expect_header(&r, "Allow", "POST, OPTIONS");
        response_done(&r);
    }
    http_do(s, &(struct request){.path = "/upload", .headers = browser}, &r);
    expect_answer(&r, 405, NULL);
    expect_header(&r, "Allow", "POST, OPTIONS");
    response_done(&r);
    http_do(s, &(struct request){.method = "OPTIONS", .path = "/upload", .headers = browser}, &r);
    expect_answer(&r, 204, "");
    response_done(&r);
}

/* Cleaning makes the path longer than what is taken: each of these needs three characters. */
static void test_too_long(void **state)
{
    enum { SIGNS = 3000 };
    const struct server *s = *state;
    char path[SIGNS + 3] = "//";
    memset(path + 2, '<', SIGNS);
    path[SIGNS + 2] = '\0';
    expect_error_page(s, &(struct failing){"GET", path, NULL, 414, "Address too long",
                                           "<p>Check the link: other text may have got into it."});
}

static void test_throttled(void **state)
{
    enum { MOST_ATTEMPTS = 20 };
    static const char *const headers[] = {HTML, "Authorization: Basic Ondyb25n", NULL};
    (void)state;
    struct server s;
    struct response r;
    int status = 303;
    server_start(&s, NULL);
    for (int i = 0; i < MOST_ATTEMPTS && status == 303; i++) {
        http_do(&s, &(struct request){.path = "/files", .headers = headers}, &r);
        status = r.status;
        if (status == 429) {
            assert_non_null(response_header(&r, "Retry-After"));
            expect_part(&r, "<title>PicoShare - Too many attempts</title>");
            expect_part(&r, "<p>Wait before you try again: each wrong passphrase");
        }
        response_done(&r);
    }
    assert_int_equal(status, 429);
    server_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_signing_in),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_same_figures),
        cmocka_unit_test(test_same_build),
        cmocka_unit_test(test_session_count),
        cmocka_unit_test(test_uptime),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_reclaim),
        cmocka_unit_test(test_beside_litestream),
        cmocka_unit_test(test_running_upload),
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_no_session),
        cmocka_unit_test(test_planted_markup),
        cmocka_unit_test(test_many_sessions),
        cmocka_unit_test(test_error_pages),
        cmocka_unit_test(test_guest_error_pages),
        cmocka_unit_test(test_wrong_method_without_page),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_throttled),
    };
    return harness_main(tests, server_group_setup, server_group_teardown);
}
