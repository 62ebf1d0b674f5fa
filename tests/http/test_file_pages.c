/* The pages about one file: statuses, texts, what they show of a file, escaping, the history's
 * pages (web-ui.md 9, 11, 12; http-api.md 13). */
#include "api.h"
#include <stdio.h>
#include <stdlib.h>

#define HTML "Accept: text/html,application/xhtml+xml,*/*;q=0.8"

static const char *const browser[] = {HTML, NULL};

static const struct page {
    const char *name;
    const char *title;
    const char *h1;
} pages[] = {
    {"info", "<title>PicoShare - File Information</title>", "<h1>File Information</h1>"},
    {"edit", "<title>PicoShare - Edit</title>", "<h1>Edit File</h1>"},
    {"confirm-delete", "<title>PicoShare - Delete</title>", "<h1>Delete File</h1>"},
    {"downloads", "<title>PicoShare - Downloads</title>", "<h1>Downloads</h1>"},
};

static void path_of(const char *id, const char *name, char ret_path[200])
{
    assert_true(snprintf(ret_path, 200, "/files/%s/%s", id, name) < 200);
}

/* Asks for a page of a file as the owner. */
static void get(const struct server *s, const char *id, const char *name, struct response *r)
{
    char path[200];
    path_of(id, name, path);
    http_do(s, &(struct request){.path = path, .auth = AUTH_COOKIE}, r);
}

/* Gets a page, expecting 200 and all of the parts. */
static void expect_page(const struct server *s, const char *id, const char *name,
                        const char *const *parts)
{
    struct response r;
    get(s, id, name, &r);
    expect_answer(&r, 200, NULL);
    for (size_t i = 0; parts[i] != NULL; i++) {
        expect_part(&r, parts[i]);
    }
    response_done(&r);
}

static void add_download(const struct server *s, const char *id, const char *time, const char *ip,
                         const char *agent)
{
    db_change(s, "INSERT INTO downloads VALUES ('%s', '%s', '%s', '%s')", id, time, ip, agent);
}

/* ---- statuses -------------------------------------------------------------------------------- */

static void test_statuses(void **state)
{
    const struct server *s = *state;
    char expired[ID_CHARS + 1];
    upload_text(s, "expired.txt", NULL, "dummy data", expired);
    db_change(s, "UPDATE entries SET expiration_time = '2024-01-01T00:00:00Z' WHERE id = '%s'",
              expired);
    const struct {
        const char *id;
        int status;
        const char *text;
    } cases[] = {
        {"abc", 400, "bad entry ID: entry ID (abc) has invalid length: got 3, want 10\n"},
        {"AAAAAAAAAAA", 400,
         "bad entry ID: entry ID (AAAAAAAAAAA) has invalid length: got 11, want 10\n"},
        {"AAAAAAAAA0", 400, "bad entry ID: entry ID (AAAAAAAAA0) contains invalid character: 48\n"},
        {"%3Cb%3EAAAAAAA", 400,
         "bad entry ID: entry ID (<b>AAAAAAA) contains invalid character: 60\n"},
        {"ZZZZZZZZZZ", 404, "entry not found\n"},
        {expired, 404, "entry not found\n"},
    };
    for (size_t p = 0; p < ARRAY_LEN(pages); p++) {
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            struct response r;
            char path[200];
            path_of(cases[i].id, pages[p].name, path);
            http_do(s, &(struct request){.path = path, .auth = AUTH_COOKIE}, &r);
            expect_answer(&r, cases[i].status, cases[i].text);
            expect_header(&r, "Content-Type", "text/plain; charset=utf-8");
            response_done(&r);
            http_do(s, &(struct request){.path = path, .auth = AUTH_COOKIE, .headers = browser},
                    &r);
            expect_answer(&r, cases[i].status, NULL);
            expect_header(&r, "Content-Type", "text/html; charset=utf-8");
            expect_no_part(&r, "<b>AAAAAAA");
            response_done(&r);
            http_do(s, &(struct request){.path = path}, &r); /* 401 comes first */
            expect_answer(&r, 401, "Authentication required\n");
            response_done(&r);
        }
    }
}

static void test_signing_in(void **state)
{
    const struct server *s = *state;
    char id[ID_CHARS + 1];
    upload_text(s, "private.txt", NULL, "dummy data", id);
    for (size_t p = 0; p < ARRAY_LEN(pages); p++) {
        struct response r;
        char path[200];
        char location[240];
        path_of(id, pages[p].name, path);
        http_do(s, &(struct request){.path = path, .headers = browser}, &r);
        expect_answer(&r, 303, NULL);
        (void)snprintf(location, sizeof location, "/login?next=%%2Ffiles%%2F%s%%2F%s", id,
                       pages[p].name);
        expect_header(&r, "Location", location);
        assert_null(strstr(response_text(&r), "private.txt"));
        response_done(&r);
    }
}

static void test_methods(void **state)
{
    const struct server *s = *state;
    char id[ID_CHARS + 1];
    upload_text(s, "methods.txt", NULL, "dummy data", id);
    for (size_t p = 0; p < ARRAY_LEN(pages); p++) {
        struct response got;
        struct response r;
        char path[200];
        path_of(id, pages[p].name, path);
        get(s, id, pages[p].name, &got);
        expect_answer(&got, 200, NULL);
        http_do(s, &(struct request){.method = "HEAD", .path = path, .auth = AUTH_COOKIE}, &r);
        expect_answer(&r, 200, "");
        expect_header(&r, "Content-Length", response_header(&got, "Content-Length"));
        expect_header(&r, "Content-Type", "text/html; charset=utf-8");
        response_done(&r);
        response_done(&got);
        http_do(s,
                &(struct request){.method = "POST", .path = path, .auth = AUTH_COOKIE, .text = ""},
                &r);
        expect_answer(&r, 405, NULL);
        assert_true(response_has(&r, "Allow", "GET"));
        response_done(&r);
        (void)snprintf(path, sizeof path, "/files/%s/%s/", id, pages[p].name);
        http_do(s, &(struct request){.path = path, .auth = AUTH_COOKIE}, &r);
        expect_answer(&r, 404, "404 page not found\n");
        response_done(&r);
    }
}

static void test_headers(void **state)
{
    const struct server *s = *state;
    char id[ID_CHARS + 1];
    upload_text(s, "headers.txt", NULL, "dummy data", id);
    for (size_t p = 0; p < ARRAY_LEN(pages); p++) {
        struct response r;
        get(s, id, pages[p].name, &r);
        expect_answer(&r, 200, NULL);
        expect_header(&r, "Content-Type", "text/html; charset=utf-8");
        expect_header(&r, "X-Content-Type-Options", "nosniff");
        expect_header(&r, "Referrer-Policy", "same-origin");
        expect_header(&r, "Cache-Control", "no-store");
        assert_true(response_has(&r, "Content-Security-Policy", "default-src 'self';"));
        assert_false(response_has(&r, "Content-Security-Policy", "unsafe"));
        expect_part(&r, pages[p].title);
        expect_part(&r, pages[p].h1);
        expect_part(&r, "headers.txt");
        expect_no_part(&r, " style=");
        expect_no_part(&r, " onclick=");
        response_done(&r);
    }
}

/* ---- what they show -------------------------------------------------------------------------- */

static void test_information(void **state)
{
    const struct server *s = *state;
    char id[ID_CHARS + 1];
    char links[200];
    char history[200];
    upload_text(s, "facts.txt", NULL, "123456789012345678901234", id);
    db_change(s,
              "UPDATE entries SET upload_time = '2026-07-14T19:20:01Z',"
              " expiration_time = '2999-12-31T00:00:00Z', note = 'for Ann' WHERE id = '%s'",
              id);
    add_download(s, id, "2026-07-15T00:00:00Z", "192.0.2.1", "curl/8.0");
    add_download(s, id, "2026-07-15T00:01:00Z", "192.0.2.1", "curl/8.0");
    (void)snprintf(links, sizeof links, "<upload-links file-id=\"%s\" filename=\"facts.txt\">", id);
    (void)snprintf(history, sizeof history,
                   "<div class=\"value\">2 (<a href=\"/files/%s/downloads\">History</a>)</div>",
                   id);
    const char *const parts[] = {
        links,
        "<h2>Filename</h2>\n<div class=\"value\">facts.txt</div>",
        "<h2>Size</h2>\n<div class=\"value\">24 B</div>",
        "<h2>Expires</h2>\n<div class=\"value\">Never</div>",
        "<h2>Downloads</h2>\n",
        history,
        "<h2>Note</h2>\n<div class=\"value\">for Ann</div>",
        "<h2>Uploaded by</h2>\n<div class=\"value\">You</div>",
        "id=\"upload-timestamp\" datetime=\"2026-07-14T19:20:01Z\">2026-07-14T19:20:01Z</time>",
        "<h2>SHA-256</h2>",
        "id=\"close-btn\"",
        NULL,
    };
    expect_page(s, id, "info", parts);

    db_change(s, "UPDATE entries SET expiration_time = NULL, note = NULL WHERE id = '%s'", id);
    static const char *const without[] = {
        "<h2>Expires</h2>\n<div class=\"value\">Never</div>",
        "<h2>Note</h2>\n<div class=\"value\">None</div>",
        NULL,
    };
    expect_page(s, id, "info", without);
    db_change(s,
              "UPDATE entries SET expiration_time = strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ', 'now',"
              " '+7 days', '+1 hour') WHERE id = '%s'",
              id);
    static const char *const week[] = {" (7 days)</div>", NULL};
    expect_page(s, id, "info", week);
}

static void test_guest_file(void **state)
{
    const struct server *s = *state;
    char id[ID_CHARS + 1];
    upload_text(s, "from a guest.txt", NULL, "dummy data", id);
    db_change(s,
              "INSERT INTO guest_links VALUES ('abcdefgh23456789', 'Ann & \"Joe\"', NULL, NULL,"
              " '2026-01-01T00:00:00Z', '2999-12-31T00:00:00Z', '876000h0m0s', 0);"
              "UPDATE entries SET guest_link_id = 'abcdefgh23456789' WHERE id = '%s'",
              id);
    static const char *const labelled[] = {
        "Guest link: <a href=\"/g/abcdefgh23456789\"><bdi>Ann &amp; &quot;Joe&quot;</bdi></a>",
        NULL,
    };
    static const char *const unlabelled[] = {
        "Guest link: <a href=\"/g/abcdefgh23456789\"><bdi>abcdefgh23456789</bdi></a>",
        NULL,
    };
    expect_page(s, id, "info", labelled);
    db_change(s, "UPDATE guest_links SET label = ''");
    expect_page(s, id, "info", unlabelled);
    db_change(s, "UPDATE guest_links SET label = NULL");
    expect_page(s, id, "info", unlabelled);
    db_change(s, "DELETE FROM guest_links"); /* as a damaged database may have it */
    expect_page(s, id, "info", unlabelled);
}

static void test_edit_form(void **state)
{
    static const char soon[] = "Less than an hour is left";
    const struct server *s = *state;
    char id[ID_CHARS + 1];
    char form[100];
    char delete_link[200];
    struct response r;
    upload_text(s, "form.txt", NULL, "dummy data", id);
    db_change(s,
              "UPDATE entries SET expiration_time = '2039-05-06T07:08:09Z', note = 'for Ann'"
              " WHERE id = '%s'",
              id);
    (void)snprintf(form, sizeof form, "data-entry-id=\"%s\"", id);
    (void)snprintf(delete_link, sizeof delete_link, "role=\"button\" href=\"/files/%s/%s\"", id,
                   "confirm-delete");
    const char *const parts[] = {
        form,
        delete_link,
        "<input type=\"text\" id=\"filename\" value=\"form.txt\"",
        "<input type=\"checkbox\" id=\"expire-checkbox\" checked>",
        "<expiration-picker id=\"expiration-picker\" value=\"2039-05-06T07:08:09Z\">",
        "<input type=\"text\" id=\"note\" value=\"for Ann\"",
        "<button id=\"cancel-btn\"",
        "type=\"submit\">Save</button>",
        NULL,
    };
    expect_page(s, id, "edit", parts);

    db_change(s,
              "UPDATE entries SET expiration_time = '2999-12-31T00:00:00Z', note = NULL WHERE"
              " id = '%s'",
              id);
    get(s, id, "edit", &r);
    expect_answer(&r, 200, NULL);
    expect_part(&r, "id=\"expire-checkbox\">");
    expect_part(&r, "<expiration-picker id=\"expiration-picker\" disabled>");
    expect_part(&r, "id=\"note\" value=\"\"");
    expect_no_part(&r, soon);
    response_done(&r);

    /* what the server would not take again, and what it would */
    static const struct {
        const char *left;
        bool soon;
    } cases[] = {{"+59 minutes", true}, {"+63 minutes", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        db_change(s,
                  "UPDATE entries SET expiration_time = strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ', 'now',"
                  " '%s') WHERE id = '%s'",
                  cases[i].left, id);
        get(s, id, "edit", &r);
        expect_answer(&r, 200, NULL);
        assert_int_equal(strstr(response_text(&r), soon) != NULL, cases[i].soon);
        response_done(&r);
    }
}

static void test_delete_form(void **state)
{
    const struct server *s = *state;
    char id[ID_CHARS + 1];
    char field[100];
    char cancel[100];
    upload_text(s, "delete me.txt", NULL, "dummy data", id);
    (void)snprintf(field, sizeof field, "<input type=\"hidden\" name=\"entry-id\" value=\"%s\">",
                   id);
    (void)snprintf(cancel, sizeof cancel, "href=\"/files/%s/edit\">Cancel</a>", id);
    const char *const parts[] = {
        "id=\"delete-form\"", field, cancel, "class=\"filename\"><bdi>delete me.txt</bdi>",
        "id=\"delete-btn\"",  NULL,
    };
    expect_page(s, id, "confirm-delete", parts);
}

/* ---- history --------------------------------------------------------------------------------- */

static int count_of(const struct response *r, const char *part)
{
    int count = 0;
    for (const char *at = response_text(r); (at = strstr(at, part)) != NULL; at += strlen(part)) {
        count++;
    }
    return count;
}

static void test_history(void **state)
{
    static const char *const never[] = {"No downloads yet.", "id=\"close-btn\"", NULL};
    const struct server *s = *state;
    char id[ID_CHARS + 1];
    struct response r;
    upload_text(s, "history.txt", NULL, "dummy data", id);
    expect_page(s, id, "downloads", never);
    get(s, id, "downloads", &r);
    expect_no_part(&r, "<table");
    expect_no_part(&r, "unique-ips-only");
    response_done(&r);

    add_download(s, id, "2026-07-14T10:00:00Z", "192.0.2.1", "curl/7.88.1");
    add_download(s, id, "2026-07-14T12:00:00Z", "2001:db8::1", "");
    add_download(
        s, id, "2026-07-14T11:00:00Z", "192.0.2.1",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0");
    db_change(s, "INSERT INTO downloads VALUES ('%s', '2026-07-14T09:00:00Z', NULL, NULL)", id);
    static const char *const all[] = {
        "<h2 class=\"subtitle\">history.txt</h2>",
        "id=\"unique-ips-only\" name=\"unique\" value=\"true\" autocomplete=\"off\">",
        ">4</td>\n<td role=\"cell\" class=\"download-time\"><time "
        "datetime=\"2026-07-14T12:00:00Z\">"
        "2026-07-14T12:00:00Z</time></td>\n<td role=\"cell\" class=\"cell-address\">2001:db8::1<",
        ">3</td>\n<td role=\"cell\" class=\"download-time\"><time "
        "datetime=\"2026-07-14T11:00:00Z\">",
        "<td role=\"cell\" class=\"cell-agent\">Firefox</td>\n"
        "<td role=\"cell\" class=\"cell-agent\">Windows</td>",
        ">2</td>\n<td role=\"cell\" class=\"download-time\"><time "
        "datetime=\"2026-07-14T10:00:00Z\">",
        "<td role=\"cell\" class=\"cell-agent\">curl</td>\n"
        "<td role=\"cell\" class=\"cell-agent\"></td>",
        ">1</td>\n<td role=\"cell\" class=\"download-time\"><time "
        "datetime=\"2026-07-14T09:00:00Z\">",
        NULL,
    };
    expect_page(s, id, "downloads", all);
    expect_page(s, id, "downloads?unique=TRUE", all);
    expect_page(s, id, "downloads?unique=1", all);

    get(s, id, "downloads?unique=true", &r);
    expect_answer(&r, 200, NULL);
    assert_int_equal(count_of(&r, "<tr"), 1 + 3);
    expect_part(&r, "autocomplete=\"off\" checked>");
    expect_part(&r, ">2</td>\n<td role=\"cell\" class=\"download-time\">"
                    "<time datetime=\"2026-07-14T11:00:00Z\">");
    expect_no_part(&r, "2026-07-14T10:00:00Z");
    response_done(&r);
}

/* 250 rows, numbered upwards with time; each of 125 addresses twice. */
static void test_history_pages(void **state)
{
    static const struct {
        const char *query;
        int rows;
        const char *first; /* number of the first row */
        const char *newer; /* query of the link, NULL: none */
        const char *older;
    } cases[] = {
        {"", 100, "250", NULL, "?page=2"},
        {"?page=1", 100, "250", NULL, "?page=2"},
        {"?page=2", 100, "150", "?page=1", "?page=3"},
        {"?page=3", 50, "50", "?page=2", NULL},
        {"?page=4", 50, "50", "?page=2", NULL},
        {"?page=2147483647", 50, "50", "?page=2", NULL},
        {"?page=2147483648", 100, "250", NULL, "?page=2"},
        {"?page=99999999999999999999999999", 100, "250", NULL, "?page=2"},
        {"?page=0", 100, "250", NULL, "?page=2"},
        {"?page=-1", 100, "250", NULL, "?page=2"},
        {"?page=two", 100, "250", NULL, "?page=2"},
        {"?unique=true", 100, "125", NULL, "?unique=true&amp;page=2"},
        {"?unique=true&page=2", 25, "25", "?unique=true&amp;page=1", NULL},
        {"?page=3&unique=true", 25, "25", "?unique=true&amp;page=1", NULL},
    };
    const struct server *s = *state;
    char id[ID_CHARS + 1];
    upload_text(s, "pages.txt", NULL, "dummy data", id);
    db_change(s,
              "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 250)"
              " INSERT INTO downloads SELECT '%s',"
              " strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ', '2026-01-01', '+' || i || ' minutes'),"
              " '192.0.2.' || (i %% 125), 'agent' || i || '/1.0' FROM n",
              id);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char name[64];
        char part[128];
        struct response r;
        (void)snprintf(name, sizeof name, "downloads%s", cases[i].query);
        get(s, id, name, &r);
        expect_answer(&r, 200, NULL);
        assert_int_equal(count_of(&r, "<tr"), 1 + cases[i].rows);
        const char *cell = strstr(response_text(&r), "class=\"cell-number\">");
        assert_non_null(cell);
        (void)snprintf(part, sizeof part, "class=\"cell-number\">%s</td>", cases[i].first);
        assert_memory_equal(cell, part, strlen(part));
        assert_int_equal(count_of(&r, ">Newer</a>"), cases[i].newer != NULL);
        assert_int_equal(count_of(&r, ">Older</a>"), cases[i].older != NULL);
        if (cases[i].newer != NULL) {
            (void)snprintf(part, sizeof part, "downloads%s\">Newer</a>", cases[i].newer);
            expect_part(&r, part);
        }
        if (cases[i].older != NULL) {
            (void)snprintf(part, sizeof part, "downloads%s\">Older</a>", cases[i].older);
            expect_part(&r, part);
        }
        response_done(&r);
    }
}

/* The longest page there can be still fits the limit. */
static void test_longest_page(void **state)
{
    const struct server *s = *state;
    char id[ID_CHARS + 1];
    struct response r;
    upload_text(s, "longest.txt", NULL, "dummy data", id);
    db_change(
        s,
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 201),"
        " quotes(q) AS (SELECT replace(hex(zeroblob(500)), '0', '\"'))"
        " INSERT INTO downloads SELECT '%s', '2026-01-01T00:00:00Z', q, q || q FROM n, quotes",
        id);
    get(s, id, "downloads?page=2", &r);
    expect_answer(&r, 200, NULL);
    assert_int_equal(count_of(&r, "<tr"), 101);
    expect_part(&r, "</html>");
    response_done(&r);
}

/* ---- escaping -------------------------------------------------------------------------------- */

/* As PicoShare, or a hand at the database, may have stored it. */
static void test_planted(void **state)
{
    static const char *const planted[] = {
        "<script>alert(1)</script>",
        "\"><svg onload=alert(2)>",
        "'' onmouseover=alert(3) x=''", /* two quotes are one in SQL */
        "</title><img src=x onerror=alert(4)>",
        "{{ .Secret }}<!-- & -->",
        "\xe2\x80\xaegnp.exe\xe2\x80\xac",
    };
    static const char *const never[] = {"<script>alert", "<svg on", "' on", "<img", "<!--", "& "};
    static const char *const names[] = {"info", "edit", "confirm-delete", "downloads"};
    const struct server *s = *state;
    char id[ID_CHARS + 1];
    upload_text(s, "planted.txt", NULL, "dummy data", id);
    db_change(s,
              "INSERT INTO guest_links VALUES ('bcdefghi23456789', '', NULL, NULL,"
              " '2026-01-01T00:00:00Z', '2999-12-31T00:00:00Z', '876000h0m0s', 0);"
              "UPDATE entries SET guest_link_id = 'bcdefghi23456789' WHERE id = '%s'",
              id);
    for (size_t i = 0; i < ARRAY_LEN(planted); i++) {
        const char *text = planted[i];
        db_change(s,
                  "UPDATE entries SET filename = '%s', note = '%s' WHERE id = '%s';"
                  "UPDATE guest_links SET label = '%s';"
                  "DELETE FROM downloads WHERE entry_id = '%s'",
                  text, text, id, text, id);
        add_download(s, id, "2026-07-14T10:00:00Z", text, text);
        for (size_t n = 0; n < ARRAY_LEN(names); n++) {
            struct response r;
            get(s, id, names[n], &r);
            expect_answer(&r, 200, NULL);
            for (size_t k = 0; k < ARRAY_LEN(never); k++) {
                expect_no_part(&r, never[k]);
            }
            response_done(&r);
        }
    }
    /* A direction that a name sets ends with the name. */
    static const char *const isolated[] = {"<bdi>\xe2\x80\xaegnp.exe\xe2\x80\xac</bdi></strong>?",
                                           NULL};
    expect_page(s, id, "confirm-delete", isolated);
    db_change(s, "UPDATE entries SET filename = '<a&b>' WHERE id = '%s'", id);
    static const char *const escaped[] = {"filename=\"&lt;a&amp;b&gt;\"",
                                          "<div class=\"value\">&lt;a&amp;b&gt;</div>", NULL};
    expect_page(s, id, "info", escaped);
}

/* ---- failures -------------------------------------------------------------------------------- */

static void expect_failure(const struct server *s, const char *id, const char *name,
                           const char *text)
{
    struct response r;
    get(s, id, name, &r);
    expect_answer(&r, 500, text);
    response_done(&r);
}

static void test_broken_database(void **state)
{
    (void)state;
    struct server s;
    char id[ID_CHARS + 1];
    server_start(&s, NULL);
    server_sign_in(&s);
    upload_text(&s, "broken.txt", NULL, "dummy data", id);
    db_change(&s, "UPDATE entries SET guest_link_id = 'abcdefgh23456789'");
    db_change(&s, "DROP TABLE downloads");
    expect_failure(&s, id, "info", "failed to retrieve downloads\n");
    expect_failure(&s, id, "downloads", "failed to retrieve downloads\n");
    db_change(&s, "DROP TABLE guest_links");
    expect_failure(&s, id, "info", "failed to retrieve entry\n");
    db_change(&s, "DROP TABLE entries");
    for (size_t p = 0; p < ARRAY_LEN(pages); p++) {
        expect_failure(&s, id, pages[p].name, "failed to retrieve entry\n");
    }
    server_kill(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statuses),        cmocka_unit_test(test_signing_in),
        cmocka_unit_test(test_methods),         cmocka_unit_test(test_headers),
        cmocka_unit_test(test_information),     cmocka_unit_test(test_guest_file),
        cmocka_unit_test(test_edit_form),       cmocka_unit_test(test_delete_form),
        cmocka_unit_test(test_history),         cmocka_unit_test(test_history_pages),
        cmocka_unit_test(test_longest_page),    cmocka_unit_test(test_planted),
        cmocka_unit_test(test_broken_database),
    };
    return harness_main(tests, server_group_setup, server_group_teardown);
}
