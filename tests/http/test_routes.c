/* A walk over the whole table of routes (http-api.md 3 and what improvements.md adds), written down
 * here a second time: methods, HEAD, sign-in, ids, prefixes, unknown and unclean paths, requests of
 * other sites, the way to HTTPS, and the policies that each group carries. */
#include "api.h"

#define LINK "abcdefgh23456789"
#define FILE_ID "hR87apiUCj"
#define BROWSER "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

enum group { API, STATIC, PAGE, OPEN, DOWNLOAD };

static const struct row {
    const char *path;
    const char *methods; /* without HEAD and OPTIONS */
    enum group group;
    bool owner;   /* only for the owner */
    bool figures; /* what it answers changes from one moment to the next */
} rows[] = {
    {"/api/auth", "POST DELETE", API, false, false},
    {"/api/entry", "POST", API, true, false},
    {"/api/entry/" FILE_ID, "PUT DELETE", API, true, false},
    {"/api/upload/", "PUT", API, true, false},
    {"/api/upload/a.txt", "PUT", API, true, false},
    {"/api/guest-links", "POST", API, true, false},
    {"/api/guest-links/" LINK, "DELETE", API, true, false},
    {"/api/guest-links/" LINK "/enable", "PUT", API, true, false},
    {"/api/guest-links/" LINK "/disable", "PUT", API, true, false},
    {"/api/settings", "PUT", API, true, false},
    {"/api/system", "GET", API, true, true},
    {"/healthz", "GET", API, false, false},
    {"/metrics", "GET", API, true, true},
    {"/api/system/reclaim", "POST", API, true, false},
    {"/api/sessions", "DELETE", API, true, false},
    {"/api/sessions/any", "DELETE", API, true, false},
    {"/api/guest/" LINK, "POST", API, false, false},
    {"/api/guest/" LINK "/a.txt", "PUT", API, false, false},
    {"/css/style.css", "GET", STATIC, false, false},
    {"/js/upload.js", "GET", STATIC, false, false},
    {"/android-chrome-192x192.png", "GET", STATIC, false, false},
    {"/android-chrome-384x384.png", "GET", STATIC, false, false},
    {"/apple-touch-icon.png", "GET", STATIC, false, false},
    {"/api/openapi.json", "GET", STATIC, false, false},
    {"/browserconfig.xml", "GET", STATIC, false, false},
    {"/favicon-16x16.png", "GET", STATIC, false, false},
    {"/favicon-32x32.png", "GET", STATIC, false, false},
    {"/favicon.ico", "GET", STATIC, false, false},
    {"/mstile-150x150.png", "GET", STATIC, false, false},
    {"/safari-pinned-tab.svg", "GET", STATIC, false, false},
    {"/site.webmanifest", "GET", STATIC, false, false},
    {"/information", "GET", PAGE, true, true},
    {"/files", "GET", PAGE, true, false},
    {"/files/" FILE_ID "/downloads", "GET", PAGE, true, false},
    {"/files/" FILE_ID "/edit", "GET", PAGE, true, false},
    {"/files/" FILE_ID "/info", "GET", PAGE, true, false},
    {"/files/" FILE_ID "/confirm-delete", "GET", PAGE, true, false},
    {"/guest-links", "GET", PAGE, true, false},
    {"/guest-links/new", "GET", PAGE, true, false},
    {"/settings", "GET", PAGE, true, false},
    {"/upload", "POST", PAGE, true, false},
    {"/login", "GET POST", OPEN, false, false},
    {"/g/" LINK, "GET POST", OPEN, false, false},
    {"/g/" LINK "/more/of/it", "GET", OPEN, false, false},
    {"/", "GET", OPEN, false, false},
    {"/-" FILE_ID, "GET", DOWNLOAD, false, false},
    {"/-" FILE_ID "/", "GET", DOWNLOAD, false, false},
    {"/-" FILE_ID "/a.txt", "GET", DOWNLOAD, false, false},
    {"/-" FILE_ID "/a/b/c", "GET", DOWNLOAD, false, false},
    {"/!" FILE_ID, "GET", DOWNLOAD, false, false},
    {"/!" FILE_ID "/a.txt", "GET", DOWNLOAD, false, false},
};

static const char *const all_methods[] = {"GET",    "HEAD",  "POST",    "PUT",
                                          "DELETE", "PATCH", "OPTIONS", "PROPFIND"};

/* One word of a list. */
static bool has_word(const char *list, const char *word, const char *separators)
{
    size_t len = strlen(word);
    for (list += strspn(list, separators); *list != '\0'; list += strspn(list, separators)) {
        size_t n = strcspn(list, separators);
        if (n == len && strncmp(list, word, n) == 0) {
            return true;
        }
        list += n;
    }
    return false;
}

static bool allows(const struct row *row, const char *method)
{
    return has_word(row->methods, strcmp(method, "HEAD") == 0 ? "GET" : method, " ");
}

static void ask(const struct server *s, const char *method, const char *path, enum auth auth,
                const char *header, struct response *r)
{
    const char *const headers[] = {header, NULL};
    http_do(s, &(struct request){.method = method, .path = path, .auth = auth, .headers = headers},
            r);
}

/* One file, one link, and nothing else. */
static int set_up(void **state)
{
    db_change(*state,
              "BEGIN; DELETE FROM downloads; DELETE FROM entries; DELETE FROM entries_data;"
              "DELETE FROM guest_links;"
              "INSERT INTO entries_data VALUES ('" FILE_ID "', 0, CAST('dummy data' AS BLOB));"
              "INSERT INTO entries VALUES ('" FILE_ID "', 'a.txt', 'text/plain',"
              " '2024-01-01T00:00:00Z', '2040-01-01T00:00:00Z', NULL, NULL);"
              "INSERT INTO guest_links VALUES ('" LINK "', '', NULL, NULL, '2024-01-01T00:00:00Z',"
              " '" NEVER "', '168h0m0s', 0); COMMIT");
    return 0;
}

static void expect_unchanged(const struct server *s)
{
    expect_db(s, "1|1|0|30",
              "SELECT (SELECT count(*) FROM entries WHERE filename = 'a.txt'),"
              " (SELECT count(*) FROM guest_links WHERE is_disabled = 0),"
              " (SELECT count(*) FROM entries WHERE filename <> 'a.txt'),"
              " (SELECT default_expiration_in_days FROM settings)");
}

/* ---- methods --------------------------------------------------------------------------------- */

static void expect_allow(const struct response *r, const struct row *row, const char *method)
{
    const char *allow = response_header(r, "Allow");
    if (allow == NULL) {
        fail_msg("%s %s: no Allow", method, row->path);
    }
    for (size_t m = 0; m < ARRAY_LEN(all_methods); m++) {
        bool expected = allows(row, all_methods[m]) || strcmp(all_methods[m], "OPTIONS") == 0;
        if (has_word(allow, all_methods[m], ", ") != expected) {
            fail_msg("%s %s: Allow: %s", method, row->path, allow);
        }
    }
}

/* A browser may be shown a page about it, everybody else gets nothing. */
static void expect_wrong_method(const struct server *s, const struct row *row, const char *method,
                                enum auth auth, const char *accept)
{
    int status = strcmp(method, "OPTIONS") == 0 ? 204 : 405;
    struct response r;
    ask(s, method, row->path, auth, accept, &r);
    if (r.status != status || !r.complete) {
        fail_msg("%s %s: %d %s", method, row->path, r.status, r.error);
    }
    if (strcmp(accept, BROWSER) == 0 && response_header(&r, "Content-Type") != NULL) {
        assert_true((r.body.len == 0) == (strcmp(method, "HEAD") == 0));
        assert_true(response_has(&r, "Content-Type", "text/html"));
        assert_true(response_has(&r, "Content-Security-Policy", "default-src 'self'"));
    } else {
        expect_answer(&r, status, "");
        assert_null(response_header(&r, "Content-Type"));
        assert_null(response_header(&r, "Content-Security-Policy"));
    }
    expect_allow(&r, row, method);
    assert_null(response_header(&r, "Set-Cookie"));
    response_done(&r);
}

/* A wrong method is told apart before anybody is asked who they are, and changes nothing. */
static void test_methods(void **state)
{
    static const char *const accepts[] = {"Accept: */*", BROWSER, "Accept: application/json"};
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows) * ARRAY_LEN(all_methods); i++) {
        const struct row *row = &rows[i / ARRAY_LEN(all_methods)];
        const char *method = all_methods[i % ARRAY_LEN(all_methods)];
        for (size_t a = 0; a < ARRAY_LEN(accepts) && !allows(row, method); a++) {
            expect_wrong_method(s, row, method, AUTH_NONE, accepts[a]);
            expect_wrong_method(s, row, method, AUTH_COOKIE, accepts[a]);
        }
    }
    expect_unchanged(s);
}

/* Methods are compared exactly. */
static void test_method_case(void **state)
{
    static const char text[] =
        "get /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    struct response r;
    bool closed;
    assert_int_equal(raw_exchange(*state, text, sizeof text - 1, &r, &closed), RAW_OK);
    expect_answer(&r, 405, "");
    response_done(&r);
}

static void expect_same_head(const struct row *row, const struct response *get,
                             const struct response *head)
{
    size_t lines[2] = {0, 0};
    for (size_t at = 0; at < get->head.len; at += strlen(get->head.ptr + at) + 1) {
        lines[0]++;
    }
    for (size_t at = 0; at < head->head.len; at += strlen(head->head.ptr + at) + 1) {
        const char *line = head->head.ptr + at;
        char name[100];
        lines[1]++;
        size_t len = strcspn(line, ":");
        if (line[len] == '\0' || strncasecmp(line, "Date:", 5) == 0 ||
            strncasecmp(line, "X-Request-Id:", 13) == 0 ||
            (row->figures && strncasecmp(line, "Content-Length:", 15) == 0)) {
            continue;
        }
        assert_true(slice_copy(slice_of(line, len), name, sizeof name));
        const char *in_get = response_header(get, name);
        if (in_get == NULL || strcmp(in_get, response_header(head, name)) != 0) {
            fail_msg("%s: %s with HEAD, %s with GET", row->path, line,
                     in_get != NULL ? in_get : "nothing");
        }
    }
    if (lines[0] != lines[1]) {
        fail_msg("%s: %zu lines with GET, %zu with HEAD", row->path, lines[0], lines[1]);
    }
}

/* As browser and not, signed in and not: whatever GET answers, HEAD answers without the body. */
static void test_head(void **state)
{
    static const char *const accepts[] = {"Accept: */*", BROWSER};
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows) * 4; i++) {
        const struct row *row = &rows[i / 4];
        enum auth auth = i % 2 == 0 ? AUTH_COOKIE : AUTH_NONE;
        struct response get;
        struct response head;
        if (!allows(row, "GET")) {
            continue;
        }
        ask(s, "GET", row->path, auth, accepts[i / 2 % 2], &get);
        ask(s, "HEAD", row->path, auth, accepts[i / 2 % 2], &head);
        bool refused = row->owner && auth == AUTH_NONE;
        if (refused == (get.status == 200) || get.status != head.status) {
            fail_msg("%s: %d with GET, %d with HEAD", row->path, get.status, head.status);
        }
        assert_true(get.complete && head.complete);
        assert_int_equal(head.body.len, 0);
        assert_true(get.body.len > 0 || get.status == 303);
        expect_same_head(row, &get, &head);
        response_done(&get);
        response_done(&head);
    }
}

/* ---- policies -------------------------------------------------------------------------------- */

/* http-api.md 3, "Headers per group", with the policy of improvements.md. */
static void test_policies(void **state)
{
    static const char *const parts[] = {"default-src 'self'",     "script-src 'self'",
                                        "img-src 'self' data:",   "media-src 'self' data:",
                                        "frame-ancestors 'none'", "base-uri 'none'",
                                        "form-action 'self'"};
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct response r;
        if (!allows(&rows[i], "GET")) {
            continue;
        }
        ask(s, "GET", rows[i].path, AUTH_COOKIE, BROWSER, &r);
        expect_answer(&r, 200, NULL);
        const char *csp = response_header(&r, "Content-Security-Policy");
        bool without = rows[i].group == STATIC || rows[i].group == API;
        assert_true(without == (csp == NULL));
        if (rows[i].group == DOWNLOAD) {
            assert_string_equal(csp, "sandbox");
        }
        if (rows[i].group == PAGE || rows[i].group == OPEN) {
            for (size_t p = 0; p < ARRAY_LEN(parts); p++) {
                assert_non_null(strstr(csp, parts[p]));
            }
            assert_null(strstr(csp, "unsafe"));
        }
        bool nosniff = response_has(&r, "X-Content-Type-Options", "nosniff");
        assert_true(nosniff || rows[i].group == API);
        response_done(&r);
    }
}

/* Errors of handlers carry the policy of the group in whatever form they come; an error that is
 * shown as a page carries the pages'. */
static void test_policies_of_errors(void **state)
{
    static const struct {
        const char *method;
        const char *path;
        int status;
        enum group group;
    } cases[] = {
        {"GET", "/files/ZZZZZZZZZZ/info", 404, PAGE},
        {"GET", "/files/bad/edit", 400, PAGE},
        {"POST", "/upload", 400, PAGE},
        {"POST", "/login", 400, OPEN},
        {"GET", "/g/doesntexistaaaaa", 404, OPEN},
        {"POST", "/g/doesntexistaaaaa", 404, OPEN},
        {"GET", "/-ZZZZZZZZZZ", 404, DOWNLOAD},
        {"GET", "/!bad/a.txt", 400, DOWNLOAD},
        {"DELETE", "/api/entry/bad", 400, API},
        {"GET", "/no/such/path", 404, STATIC},
    };
    static const char *const accepts[] = {"Accept: */*", "Accept: application/json", BROWSER};
    const struct server *s = *state;
    struct response page;
    http_get(s, "/login", &page);
    const char *page_policy = response_header(&page, "Content-Security-Policy");
    assert_non_null(page_policy);
    for (size_t i = 0; i < ARRAY_LEN(cases) * ARRAY_LEN(accepts); i++) {
        const char *accept = accepts[i % ARRAY_LEN(accepts)];
        enum group group = cases[i / ARRAY_LEN(accepts)].group;
        const char *path = cases[i / ARRAY_LEN(accepts)].path;
        struct response r;
        ask(s, cases[i / ARRAY_LEN(accepts)].method, path, AUTH_COOKIE, accept, &r);
        assert_int_equal(r.status, cases[i / ARRAY_LEN(accepts)].status);
        const char *policy = response_header(&r, "Content-Security-Policy");
        const char *expected = group == DOWNLOAD                ? "sandbox"
                               : group == PAGE || group == OPEN ? page_policy
                                                                : NULL;
        if (response_has(&r, "Content-Type", "text/html")) {
            expected = page_policy;
        }
        if ((policy == NULL) != (expected == NULL) ||
            (policy != NULL && strcmp(policy, expected) != 0)) {
            fail_msg("%s, %s: %s", path, accept, policy != NULL ? policy : "no policy");
        }
        response_done(&r);
    }
    response_done(&page);
}

/* ---- sign-in --------------------------------------------------------------------------------- */

/* "/login?next=" and the path, every byte but letters, digits and -._~ as an escape. */
static void login_of(const char *path, char *ret, size_t size)
{
    size_t len = (size_t)snprintf(ret, size, "/login?next=");
    for (; *path != '\0' && len + 4 < size; path++) {
        bool plain = (*path >= 'a' && *path <= 'z') || (*path >= 'A' && *path <= 'Z') ||
                     (*path >= '0' && *path <= '9') || strchr("-._~", *path) != NULL;
        len +=
            (size_t)snprintf(ret + len, size - len, plain ? "%c" : "%%%02X", (unsigned char)*path);
    }
}

static void expect_refusal(const struct server *s, const struct row *row, const char *method,
                           const char *accept, bool to_login)
{
    char path[100];
    char location[200];
    struct response r;
    snprintf(path, sizeof path, "%s?a=b&c=%%20", row->path);
    login_of(path, location, sizeof location);
    ask(s, method, path, AUTH_NONE, accept, &r);
    if (r.status != (to_login ? 303 : 401)) {
        fail_msg("%s %s, %s: %d", method, path, accept, r.status);
    }
    if (to_login) {
        assert_string_equal(response_header(&r, "Location"), location);
        assert_int_equal(r.body.len, 0);
    } else {
        bool head = strcmp(method, "HEAD") == 0;
        bool page = strcmp(accept, BROWSER) == 0 && row->group == PAGE;
        expect_answer(&r, 401, head ? "" : page ? NULL : "Authentication required\n");
        const char *cookie = response_header(&r, "Set-Cookie");
        assert_non_null(cookie);
        assert_int_equal(strncmp(cookie, "sharedSecret=; ", 15), 0);
        assert_non_null(strstr(cookie, "; Max-Age=0"));
        assert_true(page || response_has(&r, "Content-Type", "text/plain; charset=utf-8"));
        assert_true(page || response_header(&r, "Content-Security-Policy") == NULL);
    }
    response_done(&r);
}

static void test_sign_in(void **state)
{
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows) * ARRAY_LEN(all_methods); i++) {
        const struct row *row = &rows[i / ARRAY_LEN(all_methods)];
        const char *method = all_methods[i % ARRAY_LEN(all_methods)];
        bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
        if (allows(row, method) && row->owner) {
            expect_refusal(s, row, method, "Accept:", false);
            expect_refusal(s, row, method, "Accept: */*", false);
            expect_refusal(s, row, method, BROWSER, row->group == PAGE && reads);
        }
    }
    expect_unchanged(s);
}

/* ---- ids ------------------------------------------------------------------------------------- */

#define A10 "AAAAAAAAAA"
#define A60 A10 A10 A10 A10 A10 A10
#define E10 "%41%41%41%41%41%41%41%41%41%41"
#define E60 E10 E10 E10 E10 E10 E10

static const struct {
    const char *method;
    const char *before;
    const char *after;
    bool link; /* the id of a guest link */
} id_routes[] = {
    {"PUT", "/api/entry/", "", false},
    {"DELETE", "/api/entry/", "", false},
    {"GET", "/files/", "/downloads", false},
    {"GET", "/files/", "/edit", false},
    {"GET", "/files/", "/info", false},
    {"GET", "/files/", "/confirm-delete", false},
    {"GET", "/-", "", false},
    {"GET", "/-", "/name.txt", false},
    {"GET", "/!", "", false},
    {"DELETE", "/api/guest-links/", "", true},
    {"PUT", "/api/guest-links/", "/enable", true},
    {"PUT", "/api/guest-links/", "/disable", true},
    {"POST", "/api/guest/", "", true},
    {"PUT", "/api/guest/", "/a.txt", true},
    {"GET", "/g/", "", true},
    {"GET", "/g/", "/more", true},
    {"POST", "/g/", "", true},
};

#define BAD_LENGTH(id, n) "entry ID (" id ") has invalid length: got " n ", want 10\n"
#define BAD_LINK_LENGTH(id, n) "guest link ID (" id ") has invalid length: got " n ", want 16\n"
#define BAD_CHARACTER(id, c) "entry ID (" id ") contains invalid character: " c "\n"

static const struct {
    const char *id;
    const char *text;
} bad_entry_ids[] =
    {
        {"A", BAD_LENGTH("A", "1")},
        {"AAAAAAAAA", BAD_LENGTH("AAAAAAAAA", "9")},
        {"AAAAAAAAAAA", BAD_LENGTH("AAAAAAAAAAA", "11")},
        {LINK, BAD_LENGTH(LINK, "16")},
        {A60 A60, BAD_LENGTH(A60 A60, "120")},
        {E60, BAD_LENGTH(A60, "60")},
        {"%C3%96%C3%96%C3%96%C3%96%C3%96%C3%96",
         BAD_LENGTH("\xC3\x96\xC3\x96\xC3\x96\xC3\x96\xC3\x96"
                    "\xC3\x96",
                    "12")},
        {"AAAAAAAAA0", BAD_CHARACTER("AAAAAAAAA0", "48")},
        {"1AAAAAAAAA", BAD_CHARACTER("1AAAAAAAAA", "49")},
        {"AAAAlAAAAA", BAD_CHARACTER("AAAAlAAAAA", "108")},
        {"AAAAAAIAAA", BAD_CHARACTER("AAAAAAIAAA", "73")},
        {"AAAAAAOAA0", BAD_CHARACTER("AAAAAAOAA0", "79")},
        {"AAAAAAAAA.", BAD_CHARACTER("AAAAAAAAA.", "46")},
        {"AAAAA-AAAA", BAD_CHARACTER("AAAAA-AAAA", "45")},
        {"AAAAA_AAAA", BAD_CHARACTER("AAAAA_AAAA", "95")},
        {"AAAAA%20AAAA", BAD_CHARACTER("AAAAA AAAA", "32")},
        {"AAAA%2FAAAAA", BAD_CHARACTER("AAAA/AAAAA", "47")},
        {"AAAA%2fAAAAA", BAD_CHARACTER("AAAA/AAAAA", "47")},
        {"AAAAA%25AAAA", BAD_CHARACTER("AAAAA%AAAA", "37")},
        {"%3Cb%3EAAAAAAA", BAD_CHARACTER("<b>AAAAAAA", "60")},
        {"AAAAAAAA%C3%96", BAD_CHARACTER("AAAAAAAA\xC3\x96", "214")},
        {"AAAAAAAA\xC3\x96", BAD_CHARACTER("AAAAAAAA\xC3\x96", "214")},
        {"AAAAAA%F0%9F%98%80", BAD_CHARACTER("AAAAAA\xF0\x9F\x98\x80", "128512")},
        {"AAAAAAAAA%FF", BAD_CHARACTER("AAAAAAAAA\xFF", "65533")},
        {"AAAAAAAAA%0A", BAD_CHARACTER("AAAAAAAAA\n", "10")},
},
  bad_link_ids[] = {
      {"A", BAD_LINK_LENGTH("A", "1")},
      {FILE_ID, BAD_LINK_LENGTH(FILE_ID, "10")},
      {"i-am-an-invalid-link", BAD_LINK_LENGTH("i-am-an-invalid-link", "20")},
      {A60 A60, BAD_LINK_LENGTH(A60 A60, "120")},
      {E60, BAD_LINK_LENGTH(A60, "60")},
      {"I0OI0OI0OI0OI0OI", BAD_CHARACTER("I0OI0OI0OI0OI0OI", "I")},
      {"abcdefgh2345678l", BAD_CHARACTER("abcdefgh2345678l", "l")},
      {"abcdefgh2345678%2F", BAD_CHARACTER("abcdefgh2345678/", "/")},
      {"abcdefgh2345678%20", BAD_CHARACTER("abcdefgh2345678 ", " ")},
      {"abcdefgh2345678%25", BAD_CHARACTER("abcdefgh2345678%", "%")},
      {"%3Cscript%3Eabcdefgh", BAD_CHARACTER("<script>abcdefgh", "<")},
      {"abcdefgh234567%C3%96", BAD_CHARACTER("abcdefgh234567\xC3\x96", "\xC3\x96")},
      {"abcdefgh234567\xC3\x96", BAD_CHARACTER("abcdefgh234567\xC3\x96", "\xC3\x96")},
      {"abcdefgh2345678%FF", BAD_CHARACTER("abcdefgh2345678\xFF", "\xEF\xBF\xBD")},
};

static void expect_bad_id(const struct server *s, size_t route, const char *id, const char *text)
{
    char path[500];
    char expected[500];
    struct response r;
    bool link = id_routes[route].link;
    snprintf(path, sizeof path, "%s%s%s", id_routes[route].before, id, id_routes[route].after);
    snprintf(expected, sizeof expected, "%s%s",
             link ? "Invalid guest link ID: " : "bad entry ID: ", text);
    ask(s, id_routes[route].method, path, AUTH_COOKIE, "Accept: */*", &r);
    if (r.status != 400 || strcmp(response_text(&r), expected) != 0) {
        fail_msg("%s %s: %d %s; expected %s", id_routes[route].method, path, r.status,
                 response_text(&r), expected);
    }
    assert_string_equal(response_header(&r, "Content-Type"), "text/plain; charset=utf-8");
    assert_string_equal(response_header(&r, "X-Content-Type-Options"), "nosniff");
    response_done(&r);
}

static void test_bad_ids(void **state)
{
    const struct server *s = *state;
    for (size_t route = 0; route < ARRAY_LEN(id_routes); route++) {
        for (size_t i = 0; !id_routes[route].link && i < ARRAY_LEN(bad_entry_ids); i++) {
            expect_bad_id(s, route, bad_entry_ids[i].id, bad_entry_ids[i].text);
        }
        for (size_t i = 0; id_routes[route].link && i < ARRAY_LEN(bad_link_ids); i++) {
            expect_bad_id(s, route, bad_link_ids[i].id, bad_link_ids[i].text);
        }
    }
    expect_unchanged(s);
}

/* What is no path at all, or belongs to another route. */
static void test_broken_ids(void **state)
{
    static const struct {
        const char *id;
        int status;
    } cases[] = {
        {"AAAAAAAAA%00", 400}, {"%00", 400}, {"AAAAAAAA%4", 400}, {"AAAAAAA%zz", 400}, {"", 404}};
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(id_routes) * ARRAY_LEN(cases); i++) {
        size_t route = i / ARRAY_LEN(cases);
        const char *id = cases[i % ARRAY_LEN(cases)].id;
        char path[100];
        struct response r;
        if (id[0] == '\0' && id_routes[route].after[0] == '/') {
            continue; /* two slashes: that is cleaned */
        }
        snprintf(path, sizeof path, "%s%s%s", id_routes[route].before, id, id_routes[route].after);
        ask(s, id_routes[route].method, path, AUTH_COOKIE, "Accept: */*", &r);
        if (r.status != cases[i % ARRAY_LEN(cases)].status) {
            fail_msg("%s %s: %d", id_routes[route].method, path, r.status);
        }
        response_done(&r);
    }
    expect_unchanged(s);
}

/* An escaped character is the character. */
static void test_escaped_ids(void **state)
{
    static const struct {
        const char *path;
        const char *part;
    } cases[] = {
        {"/-%68R87apiUCj", "dummy data"},
        {"/%2Dh%5287apiUCj/x", "dummy data"},
        {"/%21hR87apiUCj", "dummy data"},
        {"/files/%68R87apiUCj/info", "File Information"},
        {"/%66iles/" FILE_ID "/%65dit", "Edit File"},
        {"/g/%61bcdefgh23456789", "upload-form"},
        {"/%67/" LINK "/%2F", "upload-form"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response r;
        ask(*state, "GET", cases[i].path, AUTH_COOKIE, BROWSER, &r);
        if (r.status != 200 || strstr(response_text(&r), cases[i].part) == NULL) {
            fail_msg("%s: %d %s", cases[i].path, r.status, response_text(&r));
        }
        response_done(&r);
    }
}

/* ---- paths that are no routes ---------------------------------------------------------------- */

static void test_unknown_paths(void **state)
{
    static const char *const paths[] = {
        "/nothing",
        "/index.html",
        "/Files",
        "/FILES",
        "/api",
        "/api/",
        "/api/debug/db/cleanup",
        "/api/debug/db/per-session",
        "/api/auth/",
        "/api/entry/",
        "/api/entry/" FILE_ID "/",
        "/api/entry/" FILE_ID "/more",
        "/api/guest",
        "/api/guest/",
        "/api/guest/" LINK "/a.txt/",
        "/api/guest/" LINK "/a/b",
        "/api/guest-links/",
        "/api/guest-links/" LINK "/",
        "/api/guest-links/" LINK "/toggle",
        "/api/guest-links/" LINK "/enable/",
        "/api/settings/",
        "/api/system/",
        "/api/sessions/",
        "/api/upload",
        "/api/upload/a/b",
        "/information/",
        "/files/",
        "/files/" FILE_ID,
        "/files/" FILE_ID "/",
        "/files/" FILE_ID "/info/",
        "/files/" FILE_ID "/other",
        "/files/" FILE_ID "/edit/more",
        "/guest-links/",
        "/guest-links/new/",
        "/guest-links/" LINK,
        "/settings/",
        "/login/",
        "/upload/",
        "/g",
        "/g/",
        "/-",
        "/-/",
        "/!",
        "/css",
        "/css/",
        "/js/",
        "/third-party/",
        "/css/style.css/",
        "/favicon.ico/",
        "/%2F",
        "/files%2F" FILE_ID "%2Finfo",
        "/api%2Fauth",
    };
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"};
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(paths) * ARRAY_LEN(methods) * 2; i++) {
        const char *path = paths[i / 2 / ARRAY_LEN(methods)];
        const char *method = methods[i / 2 % ARRAY_LEN(methods)];
        struct response r;
        ask(s, method, path, i % 2 == 0 ? AUTH_NONE : AUTH_COOKIE, "Accept: */*", &r);
        const char *text = strcmp(method, "HEAD") == 0 ? "" : "404 page not found\n";
        if (r.status != 404 || strcmp(response_text(&r), text) != 0) {
            fail_msg("%s %s: %d %s", method, path, r.status, response_text(&r));
        }
        assert_string_equal(response_header(&r, "Content-Type"), "text/plain; charset=utf-8");
        assert_string_equal(response_header(&r, "X-Content-Type-Options"), "nosniff");
        assert_null(response_header(&r, "Allow"));
        assert_null(response_header(&r, "Set-Cookie"));
        response_done(&r);
    }
    expect_unchanged(s);
}

/* http-api.md 2.1: for every method, before anything else. */
static void test_path_cleaning(void **state)
{
    static const char *const prefixes[] = {"/", "/.", "/x/..", "/../..", "/%2e", "//."};
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"};
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows) * ARRAY_LEN(prefixes) * ARRAY_LEN(methods); i++) {
        const char *method = methods[i % ARRAY_LEN(methods)];
        char query[100];
        char sent[200];
        struct response r;
        snprintf(query, sizeof query, "%s?a=/../b&c=%%2F",
                 rows[i / ARRAY_LEN(methods) / ARRAY_LEN(prefixes)].path);
        snprintf(sent, sizeof sent, "%s%s", prefixes[i / ARRAY_LEN(methods) % ARRAY_LEN(prefixes)],
                 query);
        ask(s, method, sent, AUTH_NONE, "Accept: */*", &r);
        const char *location = response_header(&r, "Location");
        if (r.status != 301 || location == NULL || strcmp(location, query) != 0) {
            fail_msg("%s %s: %d, Location: %s", method, sent, r.status, location);
        }
        response_done(&r);
    }
    expect_unchanged(s);
}

/* ---- other sites ----------------------------------------------------------------------------- */

static void test_cross_site(void **state)
{
    static const struct {
        const char *header;
        bool refused;
    } cases[] = {
        {"Sec-Fetch-Site: cross-site", true},   {"Sec-Fetch-Site: same-site", true},
        {"Origin: https://evil.example", true}, {"Origin: null", true},
        {"Sec-Fetch-Site: same-origin", false},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows) * ARRAY_LEN(all_methods) * ARRAY_LEN(cases); i++) {
        const struct row *row = &rows[i / ARRAY_LEN(cases) / ARRAY_LEN(all_methods)];
        const char *method = all_methods[i / ARRAY_LEN(cases) % ARRAY_LEN(all_methods)];
        bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
        if (!allows(row, method) || (!reads && !cases[i % ARRAY_LEN(cases)].refused)) {
            continue; /* what is not refused is done: other tests do it */
        }
        for (int signed_in = 0; signed_in < 2; signed_in++) {
            struct response r;
            ask(s, method, row->path, signed_in ? AUTH_COOKIE : AUTH_NONE,
                cases[i % ARRAY_LEN(cases)].header, &r);
            bool stranger = row->owner && !signed_in;
            bool right = reads ? r.status == (stranger ? 401 : 200)
                               : r.status == 403 || (stranger && r.status == 401);
            if (!right) {
                fail_msg("%s %s, %s: %d", method, row->path, cases[i % ARRAY_LEN(cases)].header,
                         r.status);
            }
            response_done(&r);
        }
    }
    expect_unchanged(s);
    struct response r; /* and nobody has been signed out */
    ask(s, "GET", "/files", AUTH_COOKIE, "Accept: */*", &r);
    expect_answer(&r, 200, NULL);
    response_done(&r);
}

/* From our own pages everything goes on: each change, once. */
static void test_same_site(void **state)
{
    static const struct {
        const char *method;
        const char *path;
        const char *text;
        int status;
    } cases[] = {
        {"PUT", "/api/settings", "{\"defaultExpirationDays\":30}", 200},
        {"POST", "/api/guest-links", "{}", 400},
        {"PUT", "/api/guest-links/" LINK "/disable", NULL, 204},
        {"PUT", "/api/guest-links/" LINK "/enable", NULL, 204},
        {"PUT", "/api/guest/" LINK "/b.txt", "dummy bytes", 200},
        {"POST", "/api/guest/" LINK, "no form", 400},
        {"POST", "/g/" LINK, "no form", 400},
        {"PUT", "/api/upload/b.txt", "dummy bytes", 200},
        {"POST", "/api/entry", "no form", 400},
        {"POST", "/upload", "no form", 400},
        {"PUT", "/api/entry/" FILE_ID, "{\"filename\":\"c.txt\"}", 200},
        {"DELETE", "/api/entry/" FILE_ID, NULL, 200},
        {"DELETE", "/api/guest-links/" LINK, NULL, 200},
        {"POST", "/api/auth", "{}", 400},
        {"POST", "/login", "sharedSecretKey=", 400},
    };
    const struct server *s = *state;
    char origin[64];
    snprintf(origin, sizeof origin, "Origin: http://127.0.0.1:%d", s->port);
    const char *const sources[][3] = {{"Sec-Fetch-Site: same-origin", origin, NULL},
                                      {"Sec-Fetch-Site: none", NULL, NULL},
                                      {origin, NULL, NULL}};
    for (size_t i = 0; i < ARRAY_LEN(sources) * ARRAY_LEN(cases); i++) {
        const char *const *headers = sources[i / ARRAY_LEN(cases)];
        size_t c = i % ARRAY_LEN(cases);
        struct response r;
        if (c == 0) {
            set_up(state);
        }
        http_do(s,
                &(struct request){.method = cases[c].method,
                                  .path = cases[c].path,
                                  .auth = AUTH_COOKIE,
                                  .headers = headers,
                                  .text = cases[c].text},
                &r);
        if (r.status != cases[c].status) {
            fail_msg("%s %s, %s: %d %s", cases[c].method, cases[c].path, headers[0], r.status,
                     response_text(&r));
        }
        response_done(&r);
    }
}

/* ---- HTTPS (http-api.md 14.2) ---------------------------------------------------------------- */

static void test_https_upgrade(void **state)
{
    static const char *const others[] = {"X-Forwarded-Proto: https", "X-Forwarded-Proto: HTTP",
                                         "X-Forwarded-Proto: http, https", "X-Other: http"};
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool upgraded = rows[i].group == OPEN || rows[i].group == DOWNLOAD;
        char path[100];
        char location[200];
        struct response r;
        if (!allows(&rows[i], "GET")) {
            continue;
        }
        snprintf(path, sizeof path, "%s?a=b&c=%%2F", rows[i].path);
        snprintf(location, sizeof location, "https://127.0.0.1:%d%s", s->port, path);
        ask(s, "GET", path, AUTH_COOKIE, "X-Forwarded-Proto: http", &r);
        if (r.status != (upgraded ? 301 : 200)) {
            fail_msg("%s: %d", path, r.status);
        }
        if (upgraded) {
            assert_string_equal(response_header(&r, "Location"), location);
            assert_null(response_header(&r, "Content-Security-Policy"));
        }
        response_done(&r);
        ask(s, "POST", path, AUTH_COOKIE, "X-Forwarded-Proto: http", &r);
        assert_true(r.status != 301); /* wrong methods, and forms, go their way */
        response_done(&r);
        for (size_t o = 0; o < ARRAY_LEN(others); o++) {
            ask(s, "GET", path, AUTH_COOKIE, others[o], &r);
            if (r.status != 200) {
                fail_msg("%s, %s: %d", path, others[o], r.status);
            }
            response_done(&r);
        }
    }
    expect_db(s, "0", "SELECT count(*) FROM downloads WHERE entry_id <> '" FILE_ID "'");
}

#define walk(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        walk(test_methods),       walk(test_method_case),        walk(test_head),
        walk(test_policies),      walk(test_policies_of_errors), walk(test_sign_in),
        walk(test_bad_ids),       walk(test_broken_ids),         walk(test_escaped_ids),
        walk(test_unknown_paths), walk(test_path_cleaning),      walk(test_cross_site),
        walk(test_same_site),     walk(test_https_upgrade),
    };
    return harness_main(tests, server_group_setup, server_group_teardown);
}
