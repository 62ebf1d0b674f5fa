/* /files over HTTP: pages of 100,000 files and how they are linked, every order, searching, what
 * somebody may write into the address, escaping (web-ui.md 8; improvements.md, Pages). */
#include "api.h"
#include "picoshare/base/num.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    PAGE = 50,
    MANY = 100000,
    FEW = 130, /* two full pages and one that is not */
    MAX_PAGE_BYTES = 30000,
    LOOKED_AT = 20000, /* files that one page may look at */
    HREF_BYTES = 8192,
};

static const char *const sorts[] = {"uploaded", "name", "size", "expires"};

/* ---- files, put into the database of a server that does not run ------------------------------ */

/* Number n has the id n, is the n-th oldest (three a second) and has its other keys in no order;
 * half of the files never expire. */
static const char fill[] =
    "BEGIN;"
    "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d)"
    " INSERT INTO entries (id, filename, content_type, upload_time, expiration_time, note)"
    " SELECT printf('%%010d', i), printf('%%s-%%06d.jpg',"
    "   CASE i %% 2 WHEN 0 THEN 'photo' ELSE 'Photo' END, i * 7919 %% %d / 2), 'image/jpeg',"
    "  strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ', 1700000000 + i / 3, 'unixepoch'),"
    "  CASE i %% 2 WHEN 0 THEN '2999-12-31T00:00:00Z' ELSE"
    "   strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ', 4000000000 + i * 4241 %% %d / 2, 'unixepoch') END,"
    "  CASE i %% 10000 WHEN 37 THEN 'needle ' || i END FROM n;"
    "INSERT INTO entries_data SELECT id, 0, CAST('x' AS BLOB) FROM entries;"
    "INSERT INTO ext_files (id, size, sha256)" /* a digest, else it would be measured */
    " SELECT id, 1 + CAST(id AS INTEGER) * 1013 %% %d / 3, zeroblob(32) FROM entries;"
    "COMMIT";

/* A server with so many files, signed in. */
static void start_with(struct server *s, int count)
{
    struct server first;
    server_start(&first, NULL);
    server_end(&first);
    if (count > 0) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        db_change(&first, fill, count, count, count, count);
#pragma GCC diagnostic pop
    }
    /* Rows that no upload has made are damaged to the background check, which the pages would say.
     */
    static const char *const env[] = {"PS_CHECK_RATE=0", NULL};
    server_start(s, &(struct server_options){.dir = first.dir, .env = env});
    server_sign_in(s);
}

/* ---- a page ---------------------------------------------------------------------------------- */

struct page {
    struct response r;
    char ids[PAGE + 1][ID_CHARS + 1];
    size_t rows;
};

static void page_get(const struct server *s, const char *path, struct page *ret_page)
{
    *ret_page = (struct page){.rows = 0};
    http_do(s, &(struct request){.path = path, .auth = AUTH_COOKIE}, &ret_page->r);
    expect_answer(&ret_page->r, 200, NULL);
    static const char mark[] = "<td role=\"cell\"><a href=\"/-";
    const char *at = response_text(&ret_page->r);
    while ((at = strstr(at, mark)) != NULL) {
        assert_true(ret_page->rows < PAGE);
        at += sizeof mark - 1;
        (void)snprintf(ret_page->ids[ret_page->rows++], ID_CHARS + 1, "%s", at);
    }
}

static void page_done(struct page *page)
{
    response_done(&page->r);
}

/* The address behind the link with this text, unescaped; false when there is none. */
static bool page_link(const struct page *page, const char *text, char ret_path[HREF_BYTES])
{
    char mark[64];
    (void)snprintf(mark, sizeof mark, "\">%s</a>", text);
    const char *end = strstr(response_text(&page->r), mark);
    if (end == NULL) {
        return false;
    }
    const char *start = end;
    while (start[-1] != '"') {
        start--;
    }
    size_t len = 0;
    while (start < end) {
        assert_true(len + 1 < HREF_BYTES);
        ret_path[len++] = *start;
        start += strncmp(start, "&amp;", 5) == 0 ? 5 : 1;
    }
    ret_path[len] = '\0';
    return true;
}

/* Goes to the page behind a link, which must be there. */
static void page_follow(const struct server *s, struct page *page, const char *text)
{
    char path[HREF_BYTES];
    if (!page_link(page, text, path)) {
        fail_msg("no link %s in\n%s", text, response_text(&page->r));
    }
    page_done(page);
    page_get(s, path, page);
}

static void expect_links(const struct page *page, bool before, bool after)
{
    char path[HREF_BYTES];
    assert_int_equal(page_link(page, "First", path), before);
    assert_int_equal(page_link(page, "Previous", path), before);
    assert_int_equal(page_link(page, "Next", path), after);
    assert_int_equal(page_link(page, "Last", path), after);
}

/* ---- the order that is expected ---------------------------------------------------------------
 */

/* All ids, sorted by the database itself, in the order of the list. */
static char (*expected_order(const struct server *s, int count, size_t sort,
                             bool descending))[ID_CHARS + 1]
{
    static const char *const keys[] = {"upload_time", "lower(filename)", "size", "expiration_time"};
    const char *direction = descending ? "DESC" : "ASC";
    size_t size = (size_t)count * (ID_CHARS + 1);
    char *text = malloc(size);
    assert_non_null(text);
    char sql[400];
    (void)snprintf(sql, sizeof sql,
                   "SELECT group_concat(id) FROM (SELECT e.id AS id FROM entries AS e JOIN"
                   " ext_files USING (id) ORDER BY %s %s, e.id %s)",
                   keys[sort], direction, direction);
    db_text(s, sql, text, size);
    char(*ids)[ID_CHARS + 1] = (char(*)[ID_CHARS + 1]) text;
    for (int i = 0; i < count; i++) {
        ids[i][ID_CHARS] = '\0'; /* where the comma stood */
    }
    return ids;
}

static void expect_rows(const struct page *page, char (*ids)[ID_CHARS + 1], size_t rows)
{
    assert_int_equal(page->rows, rows);
    for (size_t i = 0; i < rows; i++) {
        assert_string_equal(page->ids[i], ids[i]);
    }
}

static void sorted_path(size_t sort, bool descending, char ret_path[64])
{
    (void)snprintf(ret_path, 64, "/files?sort=%s&order=%s", sorts[sort],
                   descending ? "desc" : "asc");
}

/* ---- few files --------------------------------------------------------------------------------
 */

/* Forwards by Next to the end; from Last by Previous to the beginning, which is a whole page. */
static void test_pages_of_few(void **state)
{
    (void)state;
    struct server s;
    start_with(&s, FEW);
    struct page page;
    char path[64];
    for (size_t way = 0; way < 2 * ARRAY_LEN(sorts); way++) {
        bool descending = way % 2 != 0;
        char(*ids)[ID_CHARS + 1] = expected_order(&s, FEW, way / 2, descending);
        sorted_path(way / 2, descending, path);
        page_get(&s, path, &page);
        expect_rows(&page, ids, PAGE);
        expect_links(&page, false, true);
        page_follow(&s, &page, "Next");
        expect_rows(&page, ids + PAGE, PAGE);
        expect_links(&page, true, true);
        page_follow(&s, &page, "Next");
        expect_rows(&page, ids + 2 * PAGE, FEW - 2 * PAGE);
        expect_links(&page, true, false);
        page_follow(&s, &page, "Previous");
        expect_rows(&page, ids + PAGE, PAGE);
        page_follow(&s, &page, "Last");
        expect_rows(&page, ids + FEW - PAGE, PAGE);
        expect_links(&page, true, false);
        page_follow(&s, &page, "Previous");
        expect_rows(&page, ids + FEW - 2 * PAGE, PAGE);
        expect_links(&page, true, true);
        page_follow(&s, &page, "Previous");
        expect_rows(&page, ids, PAGE);
        expect_links(&page, false, true);
        page_follow(&s, &page, "Next");
        page_follow(&s, &page, "First");
        expect_rows(&page, ids, PAGE);
        expect_links(&page, false, true);
        page_done(&page);
        free(ids);
    }
    server_end(&s);
}

/* A click sorts by another column, a second one turns the order round. */
static void test_headings(void **state)
{
    (void)state;
    struct server s;
    start_with(&s, FEW);
    struct page page;
    page_get(&s, "/files", &page);
    expect_part(&page.r, "scope=\"col\" aria-sort=\"descending\"><a class=\"sort\"");
    assert_null(strstr(strstr(response_text(&page.r), "aria-sort") + 1, "aria-sort"));
    static const struct {
        const char *heading;
        size_t sort;
        bool descending; /* at first */
    } columns[] = {
        {"Uploaded", 0, false}, {"Filename", 1, false}, {"Size", 2, true}, {"Expires", 3, true}};
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        for (int turn = 0; turn < 2; turn++) {
            bool descending = columns[i].descending != (turn != 0);
            char(*ids)[ID_CHARS + 1] = expected_order(&s, FEW, columns[i].sort, descending);
            page_follow(&s, &page, columns[i].heading);
            expect_rows(&page, ids, PAGE);
            expect_links(&page, false, true);
            expect_part(&page.r,
                        descending ? "aria-sort=\"descending\"" : "aria-sort=\"ascending\"");
            free(ids);
        }
    }
    page_done(&page);
    server_end(&s);
}

static void test_few_need_no_pages(void **state)
{
    (void)state;
    struct server s;
    start_with(&s, PAGE);
    struct page page;
    static const char *const paths[] = {"/files", "/files?last=1"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        page_get(&s, paths[i], &page);
        assert_int_equal(page.rows, PAGE);
        expect_no_part(&page.r, "class=\"pager\"");
        page_done(&page);
    }
    db_change(&s, "DELETE FROM entries WHERE id > '0000000000'");
    page_get(&s, "/files", &page);
    assert_int_equal(page.rows, 1);
    expect_part(&page.r, "role=\"search\"");
    page_done(&page);
    db_change(&s, "DELETE FROM entries");
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        page_get(&s, paths[i], &page);
        expect_part(&page.r, "Nothing here yet.");
        expect_part(&page.r, "<thead");
        expect_no_part(&page.r, "class=\"pager\"");
        expect_no_part(&page.r, "role=\"search\"");
        page_done(&page);
    }
    server_end(&s);
}

/* Files come and go while somebody looks at the list. */
static void test_changes_between_pages(void **state)
{
    (void)state;
    struct server s;
    start_with(&s, FEW);
    struct page page;
    page_get(&s, "/files", &page);
    assert_string_equal(page.ids[PAGE - 1], "0000000080");
    db_change(&s, "DELETE FROM entries WHERE id = '0000000080'");
    db_change(&s, "INSERT INTO entries (id, filename, content_type, upload_time)"
                  " VALUES ('newest', 'n', '', '2026-01-01T00:00:00Z')");
    page_follow(&s, &page, "Next");
    assert_string_equal(page.ids[0], "0000000079");
    db_change(&s, "DELETE FROM entries WHERE id < '0000000079'");
    page_done(&page);
    page_get(&s, "/files?after=0000000079&key=2023-11-14T22:13:46Z", &page);
    assert_int_equal(page.rows, 0);
    expect_part(&page.r, "Nothing more here.");
    char path[HREF_BYTES];
    assert_true(page_link(&page, "First", path));
    assert_false(page_link(&page, "Next", path));
    assert_false(page_link(&page, "Previous", path));
    page_done(&page);
    server_end(&s);
}

/* ---- what somebody may write into the address ---------------------------------------------------
 */

static void test_hostile_parameters(void **state)
{
    (void)state;
    struct server s;
    start_with(&s, FEW);
    struct page plain;
    page_get(&s, "/files", &plain);
    /* What makes no sense is as if it were not there. */
    static const char *const same[] = {
        "?",
        "?sort=x",
        "?sort=",
        "?sort=UPLOADED",
        "?sort=uploadeduploadeduploaded",
        "?order=sideways",
        "?order=",
        "?q=",
        "?q=++%20",
        "?q=%zz",
        "?after=0000000080",
        "?key=2023-11-14T22%3A13%3A46Z",
        "?after=&key=2023-11-14T22%3A13%3A46Z",
        "?before=&key=2023-11-14T22%3A13%3A46Z",
        "?after=00000000801&key=2023",
        "?before=0000000129&key=2023-11-14T22%3A14%3A03Z", /* nothing stands before it */
        "?last=lastlastlast",
    };
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        char path[300];
        struct page page;
        (void)snprintf(path, sizeof path, "/files%s", same[i]);
        page_get(&s, path, &page);
        if (strcmp(response_text(&page.r), response_text(&plain.r)) != 0) {
            fail_msg("%s differs", same[i]);
        }
        page_done(&page);
    }
    page_done(&plain);
    static const char *const refused[] = {"?q=%00", "?sort=%00", "?after=0000000080&key=%00",
                                          "?after=%00&key=2023"};
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        char path[100];
        struct response r;
        (void)snprintf(path, sizeof path, "/files%s", refused[i]);
        http_do(&s, &(struct request){.path = path, .auth = AUTH_COOKIE}, &r);
        expect_answer(&r, 400, NULL);
        response_done(&r);
    }
    static const struct {
        const char *query;
        const char *first; /* id of the first row; NULL: no row */
    } other[] = {
        {"?after=0000000080&key=2023-11-14T22%3A13%3A46Z&before=0000000010&key=2023", "0000000079"},
        {"?last=1&after=0000000080&key=2023-11-14T22%3A13%3A46Z", "0000000049"},
        {"?sort=size&order=asc&after=x&key=many", NULL},
        {"?sort=size&order=asc&after=x&key=99999999999999999999", NULL},
        {"?sort=size&order=asc&after=x&key=-5", "0000000000"},
        {"?after=x&key=0", NULL},
        {"?after=%27%3B--&key=%27+OR+1%3D1+--", NULL},
        {"?after=%FF%FE&key=%FF%FE", "0000000129"},
        {"?sort=name&after=%C3&key=PHOTO-000063.JPG", "0000000012"},
    };
    for (size_t i = 0; i < ARRAY_LEN(other); i++) {
        char path[300];
        struct page page;
        (void)snprintf(path, sizeof path, "/files%s", other[i].query);
        page_get(&s, path, &page);
        if (other[i].first == NULL ? page.rows > 0
                                   : page.rows == 0 || strcmp(page.ids[0], other[i].first) != 0) {
            fail_msg("%s begins with %s", path, page.rows > 0 ? page.ids[0] : "nothing");
        }
        page_done(&page);
    }
    server_end(&s);
}

static void test_huge_parameters(void **state)
{
    const struct server *s = *state;
    static const char *const names[] = {"q", "key", "after", "sort", "order", "last", "x"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct buf path;
        buf_init(&path, 20000);
        buf_addf(&path, "/files?after=0000000080&key=2&%s=", names[i]);
        while (path.len < 8000) {
            buf_add_str(&path, "%E2%82%AC");
        }
        struct response r;
        http_do(s, &(struct request){.path = buf_str(&path), .auth = AUTH_COOKIE}, &r);
        expect_answer(&r, 200, NULL);
        response_done(&r);
        while (path.len < 9000) {
            buf_add_str(&path, "%E2%82%AC");
        }
        http_do(s, &(struct request){.path = buf_str(&path), .auth = AUTH_COOKIE}, &r);
        expect_answer(&r, 414, NULL);
        response_done(&r);
        buf_done(&path);
    }
}

/* ---- escaping
 * ------------------------------------------------------------------------------------ */

/* 120 files with hostile names and notes: each stands on a page and in the links to the next. */
static void test_escaping(void **state)
{
    (void)state;
    struct server s;
    start_with(&s, 120);
    db_change(
        &s, "UPDATE entries SET filename = char(0x202e) || '\"><script>alert(' || id || ')</script>"
            "&amp;%%26?#+;' || char(0x2066),"
            " note = '''><img src=x onerror=alert(' || id || ')>'");
    static const char *const never[] = {"<script>alert", "\"><script", "<img", "'><", "&amp;%"};
    static const char *const paths[] = {
        "/files?sort=name&order=asc",
        "/files?sort=name&order=desc&q=%3Cscript%3E",
        "/files?sort=expires&order=asc&q=%22%3E%3Cscript%3E",
        "/files?q=%26amp%3B%25",
    };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct page page;
        page_get(&s, paths[i], &page);
        size_t rows = 0;
        for (int n = 0;; n++) {
            for (size_t k = 0; k < ARRAY_LEN(never); k++) {
                expect_no_part(&page.r, never[k]);
            }
            expect_part(&page.r, "&quot;&gt;&lt;script&gt;alert(");
            expect_part(&page.r, "&#39;&gt;&lt;img src=x onerror=alert(");
            rows += page.rows;
            char path[HREF_BYTES];
            if (!page_link(&page, "Next", path)) {
                assert_int_equal(n, 2);
                break;
            }
            assert_null(strpbrk(path, "<>\"' #"));
            page_follow(&s, &page, "Next");
        }
        assert_int_equal(rows, 120);
        page_done(&page);
    }

    struct page page;
    page_get(&s, "/files?q=%22%27%3E%3Cb%3E%26amp%3B%E2%80%AE", &page);
    expect_part(&page.r, "value=\"&quot;&#39;&gt;&lt;b&gt;&amp;amp;\xe2\x80\xae\"");
    expect_part(&page.r, "<bdi>&quot;&#39;&gt;&lt;b&gt;&amp;amp;\xe2\x80\xae</bdi>");
    expect_part(&page.r, "q=%22%27%3E%3Cb%3E%26amp%3B%E2%80%AE\">Size</a>");
    expect_no_part(&page.r, "<b>");
    page_done(&page);
    server_end(&s);
}

/* ---- who may see it, and how it is answered
 * -------------------------------------------------------- */

static void test_answers(void **state)
{
    const struct server *s = *state;
    static const char *const browser[] = {"Accept: text/html,*/*;q=0.8", NULL};
    struct response r;
    http_get(s, "/files?q=photo", &r);
    expect_answer(&r, 401, "Authentication required\n");
    response_done(&r);
    http_do(s, &(struct request){.path = "/files?q=photo", .headers = browser}, &r);
    expect_answer(&r, 303, NULL);
    assert_string_equal(response_header(&r, "Location"), "/login?next=%2Ffiles%3Fq%3Dphoto");
    response_done(&r);
    http_do(s, &(struct request){.method = "POST", .path = "/files", .auth = AUTH_COOKIE}, &r);
    expect_answer(&r, 405, NULL);
    assert_true(response_has(&r, "Allow", "GET"));
    response_done(&r);

    struct response head;
    http_do(s, &(struct request){.path = "/files", .auth = AUTH_COOKIE}, &r);
    http_do(s, &(struct request){.method = "HEAD", .path = "/files", .auth = AUTH_COOKIE}, &head);
    expect_answer(&r, 200, NULL);
    expect_answer(&head, 200, "");
    static const char *const names[] = {"Content-Length",         "Content-Type",
                                        "Cache-Control",          "Content-Security-Policy",
                                        "X-Content-Type-Options", "Referrer-Policy"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_non_null(response_header(&r, names[i]));
        assert_string_equal(response_header(&head, names[i]), response_header(&r, names[i]));
    }
    assert_string_equal(response_header(&r, "Cache-Control"), "no-store");
    response_done(&head);
    response_done(&r);
}

/* ---- 100,000 files
 * ---------------------------------------------------------------------------------- */

static int many_setup(void **state)
{
    struct server *s = calloc(1, sizeof *s);
    assert_non_null(s);
    *state = s;
    start_with(s, MANY);
    return 0;
}

static void test_first_page(void **state)
{
    const struct server *s = *state;
    struct page page;
    page_get(s, "/files", &page);
    assert_int_equal(page.rows, PAGE);
    assert_string_equal(page.ids[0], "0000099999");
    assert_in_range(page.r.body.len, 1, MAX_PAGE_BYTES);
    expect_links(&page, false, true);
    expect_part(&page.r, "role=\"search\"");
    page_done(&page);
}

/* Newest first, through all 2000 pages: every file once, in order. */
static void test_all_pages(void **state)
{
    const struct server *s = *state;
    struct page page;
    page_get(s, "/files", &page);
    uint64_t next = MANY;
    for (;;) {
        for (size_t i = 0; i < page.rows; i++) {
            uint64_t number = MANY;
            assert_int_equal(num_parse_u64(slice_str(page.ids[i]), 0, MANY - 1, &number), ERR_OK);
            assert_int_equal(number, --next);
        }
        char path[HREF_BYTES];
        if (!page_link(&page, "Next", path)) {
            break;
        }
        page_follow(s, &page, "Next");
    }
    assert_int_equal(next, 0);
    page_done(&page);
}

/* The first and the last pages of every order. */
static void test_both_ends(void **state)
{
    const struct server *s = *state;
    enum { PAGES = 3 };
    for (size_t way = 0; way < 2 * ARRAY_LEN(sorts); way++) {
        bool descending = way % 2 != 0;
        char(*ids)[ID_CHARS + 1] = expected_order(s, MANY, way / 2, descending);
        char path[64];
        struct page page;
        sorted_path(way / 2, descending, path);
        page_get(s, path, &page);
        for (size_t i = 0; i < PAGES; i++) {
            expect_rows(&page, ids + i * PAGE, PAGE);
            expect_links(&page, i > 0, true);
            assert_in_range(page.r.body.len, 1, MAX_PAGE_BYTES);
            page_follow(s, &page, "Next");
        }
        page_follow(s, &page, "Last");
        for (size_t i = 1; i <= PAGES; i++) {
            expect_rows(&page, ids + MANY - i * PAGE, PAGE);
            expect_links(&page, true, i > 1);
            page_follow(s, &page, "Previous");
        }
        page_done(&page);
        free(ids);
    }
}

static void expect_stopped(const struct page *page)
{
    char text[100];
    (void)snprintf(text, sizeof text, "Looked at %d files for this page%s.", LOOKED_AT,
                   page->rows == 0 ? ": nothing to show among them" : "");
    expect_part(&page->r, text);
}

/* Hits are far apart: it stops, says so, and goes on from there. */
static void test_search(void **state)
{
    const struct server *s = *state;
    struct page page;
    char path[HREF_BYTES];
    page_get(s, "/files?q=Photo-049999.JPG", &page); /* two names differ in case only */
    size_t hits = page.rows;
    int calls = 1;
    while (page_link(&page, "Look further", path)) {
        expect_stopped(&page);
        assert_false(page_link(&page, "Next", path));
        page_follow(s, &page, "Look further");
        hits += page.rows;
        calls++;
    }
    assert_int_equal(hits, 2);
    assert_int_equal(calls, MANY / LOOKED_AT);
    page_done(&page);

    /* In notes; ten of them, number 37 of every 10,000. */
    page_get(s, "/files?q=+NEEDLE+&order=asc", &page);
    assert_int_equal(page.rows, 2);
    assert_string_equal(page.ids[1], "0000010037");
    expect_part(&page.r, "value=\"NEEDLE\"");
    page_follow(s, &page, "Look further");
    assert_string_equal(page.ids[0], "0000020037");
    page_follow(s, &page, "Last");
    assert_int_equal(page.rows, 2); /* of the last 20,000 files */
    assert_string_equal(page.ids[0], "0000080037");
    page_follow(s, &page, "Look further"); /* towards the beginning */
    assert_int_equal(page.rows, 2);
    assert_string_equal(page.ids[0], "0000060037");
    page_follow(s, &page, "Next");
    assert_string_equal(page.ids[0], "0000080037");
    page_follow(s, &page, "Show all");
    assert_int_equal(page.rows, PAGE);
    assert_string_equal(page.ids[0], "0000000000");
    page_done(&page);
}

static void test_search_pages(void **state)
{
    const struct server *s = *state;
    struct page page;
    page_get(s, "/files?q=photo&sort=name&order=asc", &page);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(page.rows, PAGE);
        expect_links(&page, i > 0, true);
        expect_part(&page.r, "value=\"photo\"");
        page_follow(s, &page, "Next");
    }
    page_follow(s, &page, "Uploaded"); /* keeps the search */
    expect_part(&page.r, "value=\"photo\"");
    expect_links(&page, false, true);
    page_done(&page);
}

/* Nothing found; and nothing more. */
static void test_search_without_hits(void **state)
{
    const struct server *s = *state;
    struct page page;
    char path[HREF_BYTES];
    page_get(s, "/files?q=nowhere", &page);
    for (int i = 1; i < MANY / LOOKED_AT; i++) {
        assert_int_equal(page.rows, 0);
        expect_stopped(&page);
        expect_no_part(&page.r, "class=\"empty\"");
        assert_int_equal(page_link(&page, "First", path), i > 1);
        page_follow(s, &page, "Look further");
    }
    assert_false(page_link(&page, "Look further", path));
    expect_part(&page.r, "Nothing more here.");
    page_done(&page);
}

/* Many expired at once, and the next collection is hours away. */
static void test_expired(void **state)
{
    const struct server *s = *state;
    struct page page;
    db_change(s, "UPDATE entries SET expiration_time = '2024-01-01T00:00:00Z' WHERE id < '%010d'",
              LOOKED_AT + 10);
    page_get(s, "/files?sort=uploaded&order=asc", &page);
    assert_int_equal(page.rows, 0);
    expect_stopped(&page);
    page_follow(s, &page, "Look further");
    assert_int_equal(page.rows, PAGE);
    assert_string_equal(page.ids[0], "0000020010");
    page_follow(s, &page, "Last");
    assert_string_equal(page.ids[PAGE - 1], "0000099999");
    page_done(&page);
    page_get(s, "/files?sort=expires&order=desc&last=1", &page);
    assert_int_equal(page.rows, 0);
    page_follow(s, &page, "Look further");
    assert_int_equal(page.rows, PAGE);
    page_done(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages_of_few),
        cmocka_unit_test(test_headings),
        cmocka_unit_test(test_few_need_no_pages),
        cmocka_unit_test(test_changes_between_pages),
        cmocka_unit_test(test_hostile_parameters),
        cmocka_unit_test(test_escaping),
        cmocka_unit_test(test_first_page),
        cmocka_unit_test(test_huge_parameters),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_all_pages),
        cmocka_unit_test(test_both_ends),
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_search_pages),
        cmocka_unit_test(test_search_without_hits),
        cmocka_unit_test(test_expired), /* changes the files: the last one */
    };
    return harness_main(tests, many_setup, server_group_teardown);
}
