/* The pages of guest links, settings and the system: statuses, texts, what they show of what is
 * stored, escaping (web-ui.md 7, 10, 12; http-api.md 12.7, 13). */
#include "api.h"
#include "picoshare/base/num.h"
#include <stdio.h>
#include <stdlib.h>

#define HTML "Accept: text/html,application/xhtml+xml,*/*;q=0.8"
#define NEVER "2999-12-31T00:00:00Z"

static const char *const browser[] = {HTML, NULL};

static const struct page {
    const char *path;
    const char *title;
    const char *h1;
} pages[] = {
    {"/guest-links", "<title>PicoShare - Guest Links</title>", "<h1>Guest Links</h1>"},
    {"/guest-links/new", "<title>PicoShare - New Guest Link</title>", "<h1>Create Guest Link</h1>"},
    {"/settings", "<title>PicoShare - Settings</title>", "<h1>Settings</h1>"},
    {"/information", "<title>PicoShare - System Information</title>",
     "<h1>System Information</h1>"},
};

/* ---- asking ---------------------------------------------------------------------------------- */

static void get(const struct server *s, enum auth auth, const char *path, struct response *r)
{
    http_do(s, &(struct request){.path = path, .auth = auth, .headers = browser}, r);
}

/* What is stored of a link, as SQL expressions; NULL is an ordinary value. */
struct link {
    const char *id;
    const char *label;
    const char *max_bytes;
    const char *max_uploads;
    const char *created;
    const char *expires;
    const char *lifetime;
    bool disabled;
};

static const char *sql_or(const char *value, const char *otherwise)
{
    return value != NULL ? value : otherwise;
}

static void add_link(const struct server *s, const struct link *link)
{
    db_change(s, "INSERT INTO guest_links VALUES ('%s', %s, %s, %s, %s, %s, %s, %d)", link->id,
              sql_or(link->label, "''"), sql_or(link->max_bytes, "NULL"),
              sql_or(link->max_uploads, "NULL"), sql_or(link->created, "'2026-01-02T03:04:05Z'"),
              sql_or(link->expires, "'" NEVER "'"), sql_or(link->lifetime, "'876000h0m0s'"),
              link->disabled);
}

static void drop_links(const struct server *s)
{
    db_change(s, "UPDATE entries SET guest_link_id = NULL; DELETE FROM guest_links");
}

static void guest_path(const char *id, char ret_path[64])
{
    assert_true(snprintf(ret_path, 64, "/g/%s", id) < 64);
}

/* A file through a link. */
static void guest_upload(const struct server *s, const char *id)
{
    static const struct part parts[] = {
        {.name = "file", .filename = "guest.txt", .text = "0123456789"}, {0}};
    static const char *const json[] = {"Accept: application/json", NULL};
    char path[64];
    struct response r;
    assert_true(snprintf(path, sizeof path, "/api/guest/%s", id) < 64);
    http_do(s, &(struct request){.method = "POST", .path = path, .headers = json, .parts = parts},
            &r);
    expect_answer(&r, 200, NULL);
    response_done(&r);
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* The row of a link, from "<tr" on to the end of the page; NULL: there is none. */
static const char *row_of(const struct response *r, const char *id)
{
    char mark[256];
    (void)snprintf(mark, sizeof mark, "pico-link-id=\"%s\"", id);
    const char *at = strstr(response_text(r), mark);
    while (at != NULL && at > response_text(r) && strncmp(at, "<tr", 3) != 0) {
        at--;
    }
    return at;
}

static bool row_has(const char *row, const char *part)
{
    const char *end = strstr(row, "</tr>");
    const char *at = strstr(row, part);
    assert_non_null(end);
    return at != NULL && at < end;
}

/* What a browser shows of the n-th cell. */
static void cell_text(const char *row, int n, char ret_text[512])
{
    const char *at = row;
    size_t len = 0;
    bool tag = true;
    for (int i = 0; i <= n; i++) {
        at = strstr(at + 1, "<td");
        assert_non_null(at);
    }
    const char *end = strstr(at, "</td>");
    assert_non_null(end);
    for (; at < end; at++) {
        if (*at == '<' || *at == '>') {
            tag = *at == '<';
        } else if (!tag) {
            assert_true(len < 511);
            ret_text[len++] = *at;
        }
    }
    ret_text[len] = '\0';
}

static void expect_cell(const char *row, int n, const char *text)
{
    char got[512];
    cell_text(row, n, got);
    assert_string_equal(got, text);
}

/* ---- what all pages have in common ----------------------------------------------------------- */

static void expect_page(const struct server *s, const struct page *page)
{
    struct response r;
    struct response head;
    http_do(s, &(struct request){.path = page->path, .auth = AUTH_COOKIE}, &r);
    expect_answer(&r, 200, NULL);
    expect_header(&r, "Content-Type", "text/html; charset=utf-8");
    expect_header(&r, "X-Content-Type-Options", "nosniff");
    expect_header(&r, "Referrer-Policy", "same-origin");
    expect_header(&r, "Cache-Control", "no-store");
    assert_true(response_has(&r, "Content-Security-Policy", "default-src 'self'"));
    expect_part(&r, page->title);
    expect_part(&r, page->h1);
    expect_part(&r, "</html>");
    expect_no_part(&r, " style=\"");
    expect_no_part(&r, "<script>");
    http_do(s, &(struct request){.method = "HEAD", .path = page->path, .auth = AUTH_COOKIE}, &head);
    expect_answer(&head, 200, "");
    expect_header(&head, "Content-Type", "text/html; charset=utf-8");
    response_done(&head);
    response_done(&r);
}

static void test_pages(void **state)
{
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        expect_page(s, &pages[i]);
    }
}

/* The way into each page, and which entry of the menu is the current one. */
static void test_menu(void **state)
{
    static const char *const current[] = {
        "href=\"/guest-links\" aria-current=\"page\"",
        "href=\"/guest-links\" aria-current=\"page\"",
        "href=\"/settings\" aria-current=\"page\"",
        "href=\"/information\" aria-current=\"page\"",
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        struct response r;
        get(s, AUTH_COOKIE, pages[i].path, &r);
        expect_answer(&r, 200, NULL);
        expect_part(&r, current[i]);
        const char *first = strstr(response_text(&r), "aria-current");
        assert_null(strstr(first + 1, "aria-current"));
        response_done(&r);
    }
}

static void test_only_for_the_owner(void **state)
{
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        struct response r;
        char login[64];
        http_do(s, &(struct request){.path = pages[i].path}, &r);
        expect_answer(&r, 401, "Authentication required\n");
        response_done(&r);
        get(s, AUTH_NONE, pages[i].path, &r);
        expect_answer(&r, 303, "");
        (void)snprintf(login, sizeof login, "/login?next=%%2F%s",
                       strcmp(pages[i].path, "/guest-links/new") == 0 ? "guest-links%2Fnew"
                                                                      : pages[i].path + 1);
        expect_header(&r, "Location", login);
        response_done(&r);
        http_do(s, &(struct request){.method = "POST", .path = pages[i].path, .text = ""}, &r);
        expect_answer(&r, 405, "");
        assert_true(response_has(&r, "Allow", "GET"));
        response_done(&r);
    }
}

/* ---- the list -------------------------------------------------------------------------------- */

static void test_empty_list(void **state)
{
    const struct server *s = *state;
    struct response r;
    drop_links(s);
    get(s, AUTH_COOKIE, "/guest-links", &r);
    expect_answer(&r, 200, NULL);
    expect_part(&r, "No guest links yet.");
    expect_part(&r, "id=\"no-links\" class=\"empty\"");
    expect_part(&r, "role=\"button\" href=\"/guest-links/new\">Create new</a>");
    expect_no_part(&r, "pico-link-id");
    response_done(&r);
}

static void test_cells(void **state)
{
    static const struct {
        struct link link;
        const char *cells[6];
        const char *state; /* NULL: active */
    } cases[] = {
        {{.id = "AAAAAAAAAAAAAAAA", .label = "'For Joe'"},
         {"For Joe", "2026-01-02", "Never", "Never", "Unlimited", "0 / Unlimited"},
         NULL},
        {{.id = "BBBBBBBBBBBBBBBB",
          .max_bytes = "52428800",
          .max_uploads = "5",
          .expires = "'2024-02-29T23:59:59Z'",
          .lifetime = "'168h0m0s'"},
         {"unnamed", "2026-01-02", NULL, "7 days", "50.00 MB", "0 / 5"},
         "Expired"},
        {{.id = "CCCCCCCCCCCCCCCC",
          .max_bytes = "1048576",
          .max_uploads = "1",
          .lifetime = "'8760h0m0s'",
          .disabled = true},
         {"unnamed", "2026-01-02", "Never", "1 year", "1.00 MB", "0 / 1"},
         "Disabled"},
        {{.id = "DDDDDDDDDDDDDDDD",
          .max_bytes = "9223372036854775807",
          .max_uploads = "9223372036854775807",
          .created = "'2022-02-21T23:59:59Z'",
          .lifetime = "'36h30m0.5s'"},
         {"unnamed", "2022-02-21", "Never", "1 day", "8.00 EB", "0 / 9223372036854775807"},
         NULL},
        {{.id = "EEEEEEEEEEEEEEEE", .lifetime = "'soon'"},
         {"unnamed", "2026-01-02", "Never", "Unknown", "Unlimited", "0 / Unlimited"},
         NULL},
        {{.id = "FFFFFFFFFFFFFFFF", .label = "NULL", .expires = "NULL", .lifetime = "NULL"},
         {"unnamed", "2026-01-02", "Never", "Never", "Unlimited", "0 / Unlimited"},
         NULL},
    };
    const struct server *s = *state;
    struct response r;
    drop_links(s);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        add_link(s, &cases[i].link);
    }
    get(s, AUTH_COOKIE, "/guest-links", &r);
    expect_answer(&r, 200, NULL);
    expect_part(&r, "id=\"no-links\" class=\"empty d-none\"");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *id = cases[i].link.id;
        const char *row = row_of(&r, id);
        assert_non_null(row);
        for (int n = 0; n < 6; n++) {
            if (cases[i].cells[n] != NULL) {
                expect_cell(row, n, cases[i].cells[n]);
            }
        }
        char href[40];
        (void)snprintf(href, sizeof href, "href=\"/g/%s\"", id);
        bool inactive = cases[i].state != NULL;
        char badge[40];
        (void)snprintf(badge, sizeof badge, "class=\"badge\">%s</span>",
                       inactive ? cases[i].state : "");
        assert_true(row_has(row, badge));
        assert_int_equal(row_has(row, href), !inactive);
        assert_int_equal(row_has(row, "class=\"inactive\""), inactive);
        assert_int_equal(row_has(row, "data-spent"), inactive && !cases[i].link.disabled);
        assert_int_equal(row_has(row, "aria-label=\"Enable\""), cases[i].link.disabled);
        assert_int_equal(row_has(row, "aria-label=\"Disable\""), !cases[i].link.disabled);
        assert_true(row_has(row, ">Copy</button>") && row_has(row, ">Delete</button>"));
    }
    response_done(&r);
}

/* How far away the end of a link is, to the nearest day; the date is UTC's. */
static void test_days(void **state)
{
    static const struct {
        const char *offset;
        const char *days;
    } cases[] = {{"+11 hours", "0 days"},       {"+25 hours", "1 days"},
                 {"+35 hours", "1 days"},       {"+37 hours", "2 days"},
                 {"+7 days", "7 days"},         {"+365 days", "365 days"},
                 {"-1 minute", "0 days ago"},   {"-13 hours", "1 days ago"},
                 {"-400 days", "400 days ago"}, {"+365242 days", "365242 days"}};
    const struct server *s = *state;
    char ids[ARRAY_LEN(cases)][20];
    struct response r;
    drop_links(s);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char expires[120];
        (void)snprintf(ids[i], sizeof ids[i], "AAAAAAAAAAAAAAA%c", "ABCDEFGHJK"[i]);
        (void)snprintf(expires, sizeof expires, "strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ', 'now', '%s')",
                       cases[i].offset);
        add_link(s, &(struct link){.id = ids[i], .expires = expires});
    }
    get(s, AUTH_COOKIE, "/guest-links", &r);
    expect_answer(&r, 200, NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char date[16];
        char sql[320];
        char expected[64];
        (void)snprintf(sql, sizeof sql,
                       "SELECT substr(url_expiration_time, 1, 10) FROM guest_links WHERE id = '%s'",
                       ids[i]);
        db_text(s, sql, date, sizeof date);
        (void)snprintf(expected, sizeof expected, "%s (%s)", date, cases[i].days);
        const char *row = row_of(&r, ids[i]);
        assert_non_null(row);
        expect_cell(row, 2, expected);
        assert_int_equal(row_has(row, "data-spent"), cases[i].offset[0] == '-');
    }
    response_done(&r);
}

static void test_order_and_uploads(void **state)
{
    const struct server *s = *state;
    struct response r;
    drop_links(s);
    add_link(s, &(struct link){.id = "AAAAAAAAAAAAAAAA", .created = "'2026-01-02T00:00:00Z'"});
    add_link(s, &(struct link){.id = "BBBBBBBBBBBBBBBB",
                               .created = "'2026-01-03T00:00:00Z'",
                               .max_uploads = "2"});
    add_link(s, &(struct link){.id = "CCCCCCCCCCCCCCCC", .created = "'2026-01-01T00:00:00Z'"});
    guest_upload(s, "BBBBBBBBBBBBBBBB");
    get(s, AUTH_COOKIE, "/guest-links", &r);
    const char *newest = row_of(&r, "BBBBBBBBBBBBBBBB");
    const char *middle = row_of(&r, "AAAAAAAAAAAAAAAA");
    const char *oldest = row_of(&r, "CCCCCCCCCCCCCCCC");
    assert_true(newest != NULL && newest < middle && middle < oldest);
    expect_cell(newest, 5, "1 / 2");
    assert_false(row_has(newest, "data-spent"));
    response_done(&r);

    guest_upload(s, "BBBBBBBBBBBBBBBB");
    get(s, AUTH_COOKIE, "/guest-links", &r);
    newest = row_of(&r, "BBBBBBBBBBBBBBBB");
    expect_cell(newest, 5, "2 / 2");
    assert_true(row_has(newest, "data-spent") && row_has(newest, "class=\"inactive\""));
    assert_true(row_has(newest, "aria-label=\"Disable\"")); /* it is not disabled */
    response_done(&r);
}

/* A page of a thousand links, with the longest labels that can be stored, and no more than that. */
static void test_many_links(void **state)
{
    const struct server *s = *state;
    struct response r;
    drop_links(s);
    db_change(s, "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
                 " INSERT INTO guest_links SELECT 'AAAAAAAAAAAAA' || char(65 + i / 100,"
                 " 97 + i / 10 %% 10, 97 + i %% 10), replace(hex(zeroblob(100)), '0', '\"'), NULL,"
                 " NULL, strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ', 1700000000 + i, 'unixepoch'), '" NEVER
                 "', '24h0m0s', 0 FROM n");
    get(s, AUTH_COOKIE, "/guest-links", &r);
    expect_answer(&r, 200, NULL);
    int rows = 0;
    for (const char *at = response_text(&r); (at = strstr(at, "data-action=\"copy\"")) != NULL;
         at++) {
        rows++;
    }
    assert_int_equal(rows, 1000);
    expect_part(&r, "These are the newest 1000 links.");
    assert_non_null(row_of(&r, "AAAAAAAAAAAAAKaa"));
    assert_null(row_of(&r, "AAAAAAAAAAAAAAaa")); /* the oldest */
    response_done(&r);
    db_change(s, "DELETE FROM guest_links WHERE id = 'AAAAAAAAAAAAAAaa'");
    get(s, AUTH_COOKIE, "/guest-links", &r);
    expect_no_part(&r, "These are the newest");
    response_done(&r);
    drop_links(s);
}

static void test_planted_markup(void **state)
{
    static const char bidi[] = "\xe2\x80\xae"
                               "evil\xe2\x80\xac";
    const struct server *s = *state;
    char label[120];
    struct response r;
    drop_links(s);
    add_link(s, &(struct link){.id = "AAAAAAAAAAAAAAAA",
                               .label = "'<script>alert(1)</script>'",
                               .lifetime = "'<b onclick=alert(2)>'"});
    add_link(s, &(struct link){.id = "BBBBBBBBBBBBBBBB",
                               .label = "'\"''><img src=x onerror=alert(3)> &amp;'"});
    (void)snprintf(label, sizeof label, "'%s'", bidi);
    add_link(s, &(struct link){.id = "CCCCCCCCCCCCCCCC", .label = label});
    get(s, AUTH_COOKIE, "/guest-links", &r);
    expect_answer(&r, 200, NULL);
    expect_no_part(&r, "<script>");
    expect_no_part(&r, "<img");
    expect_no_part(&r, "<b ");
    expect_part(&r, "&lt;script&gt;alert(1)&lt;/script&gt;");
    expect_part(&r, "&quot;&#39;&gt;&lt;img src=x onerror=alert(3)&gt; &amp;amp;");
    /* what turns the direction of text ends with its own element */
    (void)snprintf(label, sizeof label, "<bdi id=\"name-CCCCCCCCCCCCCCCC\">%s</bdi>", bidi);
    expect_part(&r, label);
    response_done(&r);

    /* a guest sees nothing of the label */
    get(s, AUTH_NONE, "/g/BBBBBBBBBBBBBBBB", &r);
    expect_answer(&r, 200, NULL);
    expect_no_part(&r, "onerror");
    response_done(&r);
}

/* ---- the form -------------------------------------------------------------------------------- */

/* The value of the option with this text, after the mark. */
static void option_value(const struct response *r, const char *mark, const char *text,
                         char ret_value[64])
{
    char end[64];
    const char *at = strstr(response_text(r), mark);
    assert_non_null(at);
    (void)snprintf(end, sizeof end, ">%s</option>", text);
    const char *option = strstr(at, end);
    assert_non_null(option);
    while (strncmp(option, "value=\"", 7) != 0) {
        option--;
        assert_true(option > at);
    }
    option += 7;
    assert_true(slice_copy(slice_of(option, strcspn(option, "\"")), ret_value, 64));
}

static void test_form(void **state)
{
    static const struct {
        const char *label;
        const char *lifetime;
        const char *modifier; /* of SQLite's date functions */
    } cases[] = {
        {"1 day", "24h0m0s", "+1 day"},      {"7 days", "168h0m0s", "+7 days"},
        {"30 days", "720h0m0s", "+30 days"}, {"1 year", "8760h0m0s", "+1 year"},
        {"Never", "876000h0m0s", NULL},
    };
    static const char *const controls[] = {
        "id=\"create-guest-link-form\"",
        "<label for=\"label\">Label (optional)</label>",
        "placeholder=\"For Joe at ExampleCo\"",
        "<label for=\"expiration-select\">Guest Link Expires</label>",
        "<label for=\"file-expiration-select\">Guest Files Expire</label>",
        "<label for=\"max-file-size\">Max file size (optional)</label>",
        "id=\"max-file-size\" min=\"1\"",
        "<label for=\"file-upload-limit\">Upload limit (optional)</label>",
        "id=\"file-upload-limit\" min=\"1\"",
        "<option value=\"" NEVER "\" selected>Never</option>",
        "<option value=\"876000h0m0s\" selected>Never</option>",
        "type=\"submit\">Create</button>",
    };
    const struct server *s = *state;
    struct response r;
    get(s, AUTH_COOKIE, "/guest-links/new", &r);
    expect_answer(&r, 200, NULL);
    for (size_t i = 0; i < ARRAY_LEN(controls); i++) {
        expect_part(&r, controls[i]);
    }
    expect_no_part(&r, "maxlength"); /* the server says that a label is too long */
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char value[64];
        char sql[320];
        option_value(&r, "id=\"file-expiration-select\"", cases[i].label, value);
        assert_string_equal(value, cases[i].lifetime);
        option_value(&r, "id=\"expiration-select\"", cases[i].label, value);
        if (cases[i].modifier != NULL) {
            (void)snprintf(sql, sizeof sql,
                           "SELECT abs(strftime('%%s', '%s') - strftime('%%s', 'now', '%s')) < 60",
                           value, cases[i].modifier);
            assert_int_equal(db_int(s, sql), 1);
        }
    }
    response_done(&r);
}

/* ---- the guests' page ------------------------------------------------------------------------ */

static void test_guest_statuses(void **state)
{
    static const struct {
        const char *path;
        int status;
        const char *text;
    } cases[] = {
        {"/g/abc", 400,
         "Invalid guest link ID: guest link ID (abc) has invalid length: got 3,"
         " want 16\n"},
        {"/g/AAAAAAAAAAAAAAA0", 400,
         "Invalid guest link ID: entry ID (AAAAAAAAAAAAAAA0) contains invalid character: 0\n"},
        {"/g/%3Cb%3EAAAAAAAAAAAAA", 400,
         "Invalid guest link ID: entry ID (<b>AAAAAAAAAAAAA) contains invalid character: <\n"},
        {"/g/ZZZZZZZZZZZZZZZZ", 404, "Invalid guest link ID\n"},
        {"/g/ZZZZZZZZZZZZZZZZ/", 404, "Invalid guest link ID\n"},
        {"/g/", 404, "404 page not found\n"},
        {"/g", 404, "404 page not found\n"},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response r;
        http_do(s, &(struct request){.path = cases[i].path}, &r);
        expect_answer(&r, cases[i].status, cases[i].text);
        expect_header(&r, "Content-Type", "text/plain; charset=utf-8");
        response_done(&r);
        get(s, AUTH_NONE, cases[i].path, &r);
        expect_answer(&r, cases[i].status, NULL);
        expect_header(&r, "Content-Type", "text/html; charset=utf-8");
        expect_no_part(&r, "<b>AAA");
        response_done(&r);
    }
}

static void test_guest_page(void **state)
{
    const struct server *s = *state;
    struct response r;
    drop_links(s);
    add_link(s, &(struct link){.id = "AAAAAAAAAAAAAAAA", .label = "'secret label'"});
    add_link(s,
             &(struct link){.id = "BBBBBBBBBBBBBBBB", .max_bytes = "52428800", .max_uploads = "2"});
    static const char *const paths[] = {"/g/AAAAAAAAAAAAAAAA", "/g/AAAAAAAAAAAAAAAA/",
                                        "/g/AAAAAAAAAAAAAAAA/and/more?x=y"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        const struct page page = {paths[i], "<title>PicoShare - Upload</title>", "<h1>Upload</h1>"};
        expect_page(s, &page);
    }
    get(s, AUTH_NONE, "/g/AAAAAAAAAAAAAAAA", &r);
    expect_answer(&r, 200, NULL);
    expect_part(&r, "method=\"post\" action=\"/g/AAAAAAAAAAAAAAAA\"");
    expect_part(&r, "id=\"guest-link-metadata\">{\"id\":\"AAAAAAAAAAAAAAAA\","
                    "\"maxFileBytes\":null}</script>");
    expect_part(&r, "class=\"file-input\"");
    expect_part(&r, "href=\"/login\""); /* the menu of visitors */
    expect_no_part(&r, "id=\"note\"");
    expect_no_part(&r, "secret label");
    expect_no_part(&r, "Each may have up to");
    expect_no_part(&r, "This link takes");
    response_done(&r);

    get(s, AUTH_COOKIE, "/g/BBBBBBBBBBBBBBBB", &r);
    expect_answer(&r, 200, NULL);
    expect_part(&r, "\"maxFileBytes\":52428800}");
    expect_part(&r, "Each may have up to 50.00 MB.");
    expect_part(&r, "This link takes 2 more.");
    expect_part(&r, "navbar-log-out");
    expect_no_part(&r, "id=\"note\"");
    response_done(&r);
    guest_upload(s, "BBBBBBBBBBBBBBBB");
    get(s, AUTH_NONE, "/g/BBBBBBBBBBBBBBBB", &r);
    expect_part(&r, "This link takes one more.");
    response_done(&r);
}

/* The options' texts in their order, the selected one with a star. */
static void list_options(const struct response *r, char ret_list[256])
{
    const char *at = strstr(response_text(r), "<option");
    ret_list[0] = '\0';
    for (; at != NULL; at = strstr(at + 1, "<option")) {
        const char *text = strchr(at, '>') + 1;
        bool selected = memmem(at, (size_t)(text - at), " selected>", 10) != NULL;
        size_t len = strlen(ret_list);
        (void)snprintf(ret_list + len, 256 - len, "%s%.*s%s", len > 0 ? "," : "",
                       (int)strcspn(text, "<"), text, selected ? "*" : "");
    }
}

static void test_guest_expirations(void **state)
{
    static const struct {
        const char *lifetime;
        const char *options;
    } cases[] = {
        {"'876000h0m0s'", "1 day,7 days,30 days,1 year,Never*"},
        {"NULL", "1 day,7 days,30 days,1 year,Never*"},
        {"'8760h0m0s'", "1 day,7 days,30 days,1 year*"},
        {"'720h0m0s'", "1 day,7 days,30 days*"},
        {"'168h0m0s'", "1 day,7 days*"},
        {"'24h0m0s'", "1 day*"},
        {"'24h0m1s'", "1 day"},
        {"'120h0m0s'", "1 day"},
        {"'719h59m59s'", "1 day,7 days"},
        {"'875999h0m0s'", "1 day,7 days,30 days,1 year"},
        /* longer than for ever, yet not for ever: that would be refused */
        {"'876001h0m0s'", "1 day,7 days,30 days,1 year"},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char options[256];
        struct response r;
        drop_links(s);
        add_link(s, &(struct link){.id = "AAAAAAAAAAAAAAAA", .lifetime = cases[i].lifetime});
        get(s, AUTH_NONE, "/g/AAAAAAAAAAAAAAAA", &r);
        expect_answer(&r, 200, NULL);
        list_options(&r, options);
        assert_string_equal(options, cases[i].options);
        response_done(&r);
    }
}

static void expect_inactive(const struct server *s, const char *id, bool inactive)
{
    char path[64];
    struct response r;
    guest_path(id, path);
    get(s, AUTH_NONE, path, &r);
    expect_answer(&r, 200, NULL);
    if (inactive) {
        expect_part(&r, "<title>PicoShare - Guest Link Inactive</title>");
        expect_part(&r, "<h1>Guest Link Inactive</h1>");
        expect_part(&r, "role=\"alert\"");
        expect_no_part(&r, "file-input");
        expect_no_part(&r, "upload-form");
        expect_no_part(&r, "/guest-links");
    } else {
        expect_part(&r, "<h1>Upload</h1>");
    }
    response_done(&r);
}

static void test_inactive(void **state)
{
    const struct server *s = *state;
    struct response r;
    drop_links(s);
    add_link(s, &(struct link){.id = "AAAAAAAAAAAAAAAA", .disabled = true});
    add_link(s, &(struct link){.id = "BBBBBBBBBBBBBBBB", .expires = "'2024-01-01T00:00:00Z'"});
    add_link(s, &(struct link){.id = "CCCCCCCCCCCCCCCC", .max_uploads = "1"});
    expect_inactive(s, "AAAAAAAAAAAAAAAA", true);
    expect_inactive(s, "BBBBBBBBBBBBBBBB", true);
    expect_inactive(s, "CCCCCCCCCCCCCCCC", false);
    guest_upload(s, "CCCCCCCCCCCCCCCC");
    expect_inactive(s, "CCCCCCCCCCCCCCCC", true);
    /* what is gone counts no longer */
    db_change(s,
              "UPDATE entries SET guest_link_id = NULL WHERE guest_link_id = 'CCCCCCCCCCCCCCCC'");
    expect_inactive(s, "CCCCCCCCCCCCCCCC", false);

    get(s, AUTH_COOKIE, "/g/AAAAAAAAAAAAAAAA", &r);
    expect_answer(&r, 200, NULL);
    expect_part(&r, "it is disabled.");
    expect_part(&r, "in the <a href=\"/guest-links\">list of guest links</a> you can enable it.");
    expect_no_part(&r, "Ask the owner");
    response_done(&r);
    get(s, AUTH_COOKIE, "/g/BBBBBBBBBBBBBBBB", &r);
    expect_part(&r, "it has expired.");
    expect_part(&r, "you can make a new one.");
    response_done(&r);
}

static void expect_guest_status(const struct server *s, const char *id, int status)
{
    char path[64];
    struct response r;
    guest_path(id, path);
    get(s, AUTH_NONE, path, &r);
    expect_answer(&r, status, NULL);
    response_done(&r);
}

/* What was deleted can be brought back for ten minutes; meanwhile it is gone for everybody. */
static void test_restore(void **state)
{
#define RESTORED "DDDDDDDDDDDDDDDD"
    static const char restore[] = "/api/guest-links/" RESTORED "/restore";
    static const char *const foreign[] = {"Sec-Fetch-Site: cross-site", NULL};
    const struct server *s = *state;
    struct response r;
    drop_links(s);
    add_link(s, &(struct link){.id = RESTORED, .max_uploads = "2"});
    guest_upload(s, RESTORED);
    api_expect(s, "PUT", restore, NULL, 404,
               "Guest link with ID " RESTORED " not found: it was not deleted, or too long ago\n");
    link_delete(s, RESTORED);
    expect_guest_status(s, RESTORED, 404);
    assert_int_equal(link_entries(s, RESTORED), 0);

    http_do(s,
            &(struct request){
                .method = "PUT", .path = restore, .auth = AUTH_COOKIE, .headers = foreign},
            &r);
    expect_answer(&r, 403, "cross-site request refused\n");
    response_done(&r);
    api_expect(s, "PUT", restore, NULL, 204, "");
    expect_guest_status(s, RESTORED, 200);
    assert_int_equal(link_entries(s, RESTORED), 1);
    guest_upload(s, RESTORED);
    assert_int_equal(link_entries(s, RESTORED), 2);

    link_delete(s, RESTORED);
    add_link(s, &(struct link){.id = RESTORED});
    api_expect(s, "PUT", restore, NULL, 409, "Guest link with ID " RESTORED " is there already\n");
    drop_links(s);
    db_change(s, "UPDATE ext_deleted_guest_links SET deleted = deleted - 601");
    api_expect(s, "PUT", restore, NULL, 404, NULL);
    expect_guest_status(s, RESTORED, 404);
}

static void test_guest_form(void **state)
{
    const struct server *s = *state;
    const struct part parts[] = {
        {.name = "file", .filename = "from a <form>.txt", .text = "dummy data"},
        {.name = "expiration", .text = "2040-01-01T00:00:00Z"},
        {0}};
    struct response r;
    drop_links(s);
    add_link(s, &(struct link){.id = "AAAAAAAAAAAAAAAA"});
    http_do(
        s,
        &(struct request){
            .method = "POST", .path = "/g/AAAAAAAAAAAAAAAA", .headers = browser, .parts = parts},
        &r);
    expect_answer(&r, 200, NULL);
    expect_part(&r, "Upload complete!");
    expect_part(&r, "from a &lt;form&gt;.txt");
    expect_part(&r, "href=\"/g/AAAAAAAAAAAAAAAA\">Upload Another</a>");
    expect_no_part(&r, "/edit\"");
    response_done(&r);
    assert_int_equal(db_int(s, "SELECT count(*) FROM entries WHERE guest_link_id ="
                               " 'AAAAAAAAAAAAAAAA' AND expiration_time = '2040-01-01T00:00:00Z'"),
                     1);
}

/* Visitors whose proxy says that they came without HTTPS are sent there; the owner's pages not. */
static void test_upgrade(void **state)
{
    static const char *const plain[] = {"X-Forwarded-Proto: http", "Host: share.example", NULL};
    const struct server *s = *state;
    struct response r;
    http_do(s, &(struct request){.path = "/g/AAAAAAAAAAAAAAAA?x=1", .headers = plain}, &r);
    expect_answer(&r, 301, NULL);
    expect_header(&r, "Location", "https://share.example/g/AAAAAAAAAAAAAAAA?x=1");
    response_done(&r);
    http_do(s, &(struct request){.path = "/guest-links", .auth = AUTH_COOKIE, .headers = plain},
            &r);
    expect_answer(&r, 200, NULL);
    response_done(&r);
}

/* ---- settings -------------------------------------------------------------------------------- */

static void test_settings(void **state)
{
    static const struct {
        int days;
        const char *number;
        const char *unit;
        bool forever;
    } cases[] = {
        {30, "max=\"3650\" value=\"30\"", "<option value=\"days\" selected>Days", false},
        {1, "max=\"3650\" value=\"1\"", "<option value=\"days\" selected>Days", false},
        {364, "max=\"3650\" value=\"364\"", "<option value=\"days\" selected>Days", false},
        {365, "max=\"10\" value=\"1\"", "<option value=\"years\" selected>Years", false},
        {366, "max=\"3650\" value=\"366\"", "<option value=\"days\" selected>Days", false},
        {3650, "max=\"10\" value=\"10\"", "<option value=\"years\" selected>Years", false},
        {36500, "max=\"3650\" value=\"30\"", "<option value=\"days\" selected>Days", true},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char body[80];
        struct response r;
        (void)snprintf(body, sizeof body,
                       cases[i].forever ? "{\"defaultNeverExpire\":true}"
                                        : "{\"defaultExpirationDays\":%d}",
                       cases[i].days);
        http_do(s,
                &(struct request){
                    .method = "PUT", .path = "/api/settings", .auth = AUTH_COOKIE, .text = body},
                &r);
        expect_answer(&r, 200, "");
        response_done(&r);
        get(s, AUTH_COOKIE, "/settings", &r);
        expect_answer(&r, 200, NULL);
        expect_part(&r, cases[i].number);
        expect_part(&r, cases[i].unit);
        expect_part(&r, "<button class=\"button\" type=\"submit\" disabled>Save</button>");
        expect_part(&r, cases[i].forever ? "id=\"store-forever-checkbox\" checked>"
                                         : "id=\"store-forever-checkbox\">");
        expect_part(&r, cases[i].forever ? "required disabled>" : "required>");
        expect_part(&r, cases[i].forever ? "id=\"time-unit\" disabled>" : "id=\"time-unit\">");
        response_done(&r);
    }
}

/* ---- system ---------------------------------------------------------------------------------- */

static uint64_t number_at(const char *text)
{
    uint64_t number = 0;
    struct slice digits = slice_of(text, strspn(text, "0123456789"));
    assert_int_equal(num_parse_u64(digits, 0, UINT64_MAX, &number), ERR_OK);
    return number;
}

static void test_information(void **state)
{
    const struct server *s = *state;
    const char *const argv[] = {run_binary(), "--version", NULL};
    char id[ID_CHARS + 1];
    char stored[64];
    struct run_result version;
    struct response r;
    run_program(argv, NULL, &version);
    assert_int_equal(version.code, 0);
    const char *number = strpbrk(buf_str(&version.out), "0123456789");
    assert_non_null(number);
    char line[80];
    (void)snprintf(line, sizeof line, "<li>Version: %.*s</li>", (int)strcspn(number, " \n"),
                   number);
    run_done(&version);

    upload_bytes(s, "one.bin", 1, 3 << 20, id);
    int64_t bytes = db_int(s, "SELECT sum(length(chunk)) FROM entries_data");
    assert_in_range(bytes, 3 << 20, 4 << 20);
    (void)snprintf(stored, sizeof stored, "<li>Upload data: %.2f MB</li>",
                   (double)bytes / (1 << 20));
    get(s, AUTH_COOKIE, "/information", &r);
    expect_answer(&r, 200, NULL);
    expect_part(&r, line);
    expect_part(&r, stored);
    expect_part(&r, "<h2>Disk Usage</h2>");
    expect_part(&r, "<h2>PicoShare Version</h2>");
    expect_part(&r, "id=\"file-size-information\"");
    expect_part(&r, "class=\"notification\"");
    expect_part(&r, "-vacuum</code>, the program does so each time");
    expect_no_part(&r, "picoshare convert");

    const char *bar = strstr(response_text(&r), "<progress aria-label=\"Disk usage\" value=\"");
    assert_non_null(bar);
    const char *value = strstr(bar, "value=\"") + 7;
    const char *max = strstr(bar, "max=\"") + 5;
    const char *usage = strstr(response_text(&r), "<li>Server disk usage: ");
    assert_non_null(usage);
    uint64_t used = number_at(value);
    uint64_t total = number_at(max);
    assert_true(used > 0 && used <= total);
    uint64_t percent = number_at(strchr(usage, '(') + 1);
    assert_int_equal(percent, (uint64_t)(100.0 * (double)used / (double)total + 0.5));
    assert_non_null(strstr(usage, "%) used of "));
    response_done(&r);
}

/* A database that cannot give pages back in place, as PicoShare makes them. */
static void test_information_without_auto_vacuum(void **state)
{
    (void)state;
    struct server s;
    struct response r;
    server_start(&s, &(struct server_options){0});
    server_end(&s);
    db_change(&s, "PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = 0; VACUUM");
    char dir[sizeof s.dir];
    memcpy(dir, s.dir, sizeof dir);
    server_start(&s, &(struct server_options){.dir = dir});
    server_sign_in(&s);
    get(&s, AUTH_COOKIE, "/information", &r);
    expect_answer(&r, 200, NULL);
    expect_part(&r, "picoshare convert -db PATH</code>");
    expect_part(&r, "It cannot shrink before it is converted");
    response_done(&r);
    server_end(&s);
}

/* ---- what cannot be read --------------------------------------------------------------------- */

static void test_unreadable(void **state)
{
    (void)state;
    struct server s;
    struct response r;
    server_start(&s, &(struct server_options){0});
    server_sign_in(&s);
    add_link(&s, &(struct link){.id = "AAAAAAAAAAAAAAAA", .lifetime = "'soon'"});
    http_do(&s, &(struct request){.path = "/g/AAAAAAAAAAAAAAAA"}, &r);
    expect_answer(&r, 500, "Failed to retrieve guest link\n");
    response_done(&r);

    /* the directory is gone: nothing can be measured there */
    char moved[220];
    (void)snprintf(moved, sizeof moved, "%s.moved", s.dir);
    assert_int_equal(rename(s.dir, moved), 0);
    http_do(&s, &(struct request){.path = "/information", .auth = AUTH_COOKIE}, &r);
    assert_int_equal(rename(moved, s.dir), 0);
    expect_answer(&r, 500, NULL);
    expect_part(&r, "failed to check available space: ");
    response_done(&r);

    db_change(&s, "DROP TABLE guest_links; DROP TABLE settings");
    http_do(&s, &(struct request){.path = "/guest-links", .auth = AUTH_COOKIE}, &r);
    expect_answer(&r, 500, "Failed to retrieve guest links\n");
    response_done(&r);
    http_do(&s, &(struct request){.path = "/g/AAAAAAAAAAAAAAAA"}, &r);
    expect_answer(&r, 500, "Failed to retrieve guest link\n");
    response_done(&r);
    http_do(&s, &(struct request){.path = "/settings", .auth = AUTH_COOKIE}, &r);
    expect_answer(&r, 500, NULL);
    expect_part(&r, "failed to read settings from database: ");
    response_done(&r);
    server_end(&s);
}

/* Dates are UTC's, wherever the server stands: here it is always a day that differs from UTC's for
 * most of the day. */
static int setup(void **state)
{
    static const char *const env[] = {"TZ=Pacific/Kiritimati", NULL};
    static struct server s;
    server_start(&s, &(struct server_options){.env = env});
    server_sign_in(&s);
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    server_end(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_menu),
        cmocka_unit_test(test_only_for_the_owner),
        cmocka_unit_test(test_empty_list),
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_days),
        cmocka_unit_test(test_order_and_uploads),
        cmocka_unit_test(test_many_links),
        cmocka_unit_test(test_planted_markup),
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_guest_statuses),
        cmocka_unit_test(test_guest_page),
        cmocka_unit_test(test_guest_expirations),
        cmocka_unit_test(test_inactive),
        cmocka_unit_test(test_restore),
        cmocka_unit_test(test_guest_form),
        cmocka_unit_test(test_upgrade),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_information),
        cmocka_unit_test(test_information_without_auto_vacuum),
        cmocka_unit_test(test_unreadable),
    };
    return harness_main(tests, setup, teardown);
}
