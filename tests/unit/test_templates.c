/* The template compiler, and the pages that it made. */
#include "picoshare/base/check.h"
#include "run_program.h"
#include "templates.h"
#include <glob.h>
#include <strings.h>

/* ---- the compiler -----------------------------------------------------------------------------
 */

/* Compiles a template in the current directory; returns the compiler's exit code. */
static int compile(const char *template)
{
    char tool[PATH_MAX];
    tool_path("template_compiler", tool);
    write_file("page.html", template, strlen(template));
    const char *const argv[] = {tool, "out.c", "out.h", "page.html", NULL};
    return run(argv, NULL, NULL, "errors");
}

static void expect_output(const char *template, const char *code, const char *header)
{
    assert_int_equal(compile(template), 0);
    char *text = read_file("out.c", NULL);
    if (strstr(text, code) == NULL) {
        fail_msg("expected\n%s\nin\n%s", code, text);
    }
    free(text);
    text = read_file("out.h", NULL);
    if (strstr(text, header) == NULL) {
        fail_msg("expected\n%s\nin\n%s", header, text);
    }
    free(text);
}

static void test_tags(void **state)
{
    (void)state;
    static const struct {
        const char *tag;
        const char *code;
    } cases[] = {
        {"{{ s }}", "#line 2 \"page.html\"\n    html_escape(out, s);\n"},
        {"{{ a ? \"}\" : s }}", "    html_escape(out, a ? \"}\" : s);\n"},
        {"{{int a + 1}}", "    buf_addf(out, \"%lld\", (long long)+(a + 1));\n"},
        {"{{url s}}", "    percent_add_component(out, slice_str(s));\n"},
        {"{{if a > 1}}x{{end}}", "    if (a > 1) {\n"},
        {"{{if a}}x{{else}}y{{end}}", "    } else {\n"},
        {"{{for (int i = 0; i < a; i++)}}x{{end}}", "    for (int i = 0; i < a; i++) {\n"},
        {"{{call other()}}", "    template_other(out);\n"},
        {"{{call other(a, s)}}", "    template_other(out, a, s);\n"},
        {"{{# two\nlines }}{{ s }}", "#line 3 \"page.html\"\n    html_escape(out, s);\n"},
        {"{ { } }", "\"{ { } }\","},
        {"\"\\\xc3\xb6"
         "1",
         "\"\\\"\\\\\\303\\2661\",\n            5);"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char template[256];
        (void)snprintf(template, sizeof template, "{{template t(const char *s, int a)}}\n%s",
                       cases[i].tag);
        expect_output(template, cases[i].code,
                      "void template_t(struct buf *out, const char *s, int a);\n");
    }
    expect_output("{{template a()}}x{{template b()}}y", "template_b(struct buf *out)\n{\n",
                  "void template_a(struct buf *out);\nvoid template_b(struct buf *out);\n");
}

static void test_white_space(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *code;
    } cases[] = {
        {"\n\n  <p>\n\n    a  b\n  </p>\n", "\"<p>\\na  b\\n</p>\\n\""},
        {"<pre>\n\n  a\n</pre>\n  b", "\"<pre>\\n\\n  a\\n</pre>\\nb\""},
        {"<textarea>\n  a</textarea>\n  b", "\"<textarea>\\n  a</textarea>\\nb\""},
        {"<prefix>\n  a", "\"<prefix>\\na\""},
        /* the blank between "a" and "c" stays when the branch is not taken */
        {"a{{if x}}\n  b\n{{end}}\n  c", "    }\n    buf_add(out,\n            \"\\nc\""},
        {"a\n{{if x}}\n  b\n{{end}}\n  c", "    }\n    buf_add(out,\n            \"c\""},
        {"\n{{for (;;)}}\n  a{{end}}", "\"\\na\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char template[256];
        (void)snprintf(template, sizeof template, "{{template t(int x)}}%s", cases[i].text);
        expect_output(template, cases[i].code, "template_t");
    }
}

static void test_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *template;
        const char *message;
    } cases[] = {
        {"", "page.html:1: no {{template ...}} in this file\n"},
        {"\n<p>", "page.html:2: text before the first {{template ...}}\n"},
        {"{{ s }}", "page.html:1: {{}} before the first {{template ...}}\n"},
        {"{{template t}}", "page.html:1: expected NAME(...) instead of \"t\"\n"},
        {"{{template 1t()}}", "page.html:1: expected NAME(...) instead of \"1t()\"\n"},
        {"{{template}}", "page.html:1: {{template}} needs something\n"},
        {"{{template t()}}\n\n{{what x}}", "page.html:3: unknown tag \"what x\"\n"},
        {"{{template t()}}{{!x}}", "page.html:1: unknown tag \"!x\"\n"},
        {"{{template t()}}{{ }}", "page.html:1: {{}} needs something\n"},
        {"{{template t()}}{{if}}", "page.html:1: {{if}} needs something\n"},
        {"{{template t()}}{{if x}}{{end x}}", "page.html:1: {{end}} takes nothing\n"},
        {"{{template t()}}{{call x}}", "page.html:1: expected NAME(...) instead of \"x\"\n"},
        {"{{template t()}}{{for x}}", "page.html:1: expected {{for (...)}}\n"},
        {"{{template t()}}\n{{end}}", "page.html:2: {{end}} without {{if}} or {{for}}\n"},
        {"{{template t()}}{{else}}", "page.html:1: {{else}} without {{if}}\n"},
        {"{{template t()}}{{for (;;)}}{{else}}", "page.html:1: {{else}} without {{if}}\n"},
        {"{{template t()}}{{if x}}{{else}}{{else}}", "page.html:1: {{else}} without {{if}}\n"},
        {"{{template t()}}\n{{if x}}\n\n", "page.html:2: this block has no {{end}}\n"},
        {"{{template t()}}\n{{if x}}\n{{template u()}}",
         "page.html:2: this block has no {{end}}\n"},
        {"{{template t()}}\n<p>\n{{ x", "page.html:3: this tag has no }}\n"},
        {"{{template t()}}\n{{ x\n}}", "page.html:2: this tag has no }}\n"},
        {"{{template t()}}\n{{# x", "page.html:2: this tag has no }}\n"},
        {"{{template t()}}\n<pre>", "page.html:2: the template ends before </pre>\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(compile(cases[i].template), 1);
        char *message = read_file("errors", NULL);
        assert_string_equal(message, cases[i].message);
        free(message);
        assert_int_equal(access("out.c", F_OK), -1); /* nothing half done is left */
        assert_int_equal(access("out.h", F_OK), -1);
    }
}

/* Whatever others call a tag that prints without escaping, there is none. */
static void test_nothing_unescaped(void **state)
{
    (void)state;
    static const char *const tags[] = {
        "{{raw s}}",   "{{html s}}",  "{{safe s}}",     "{{text s}}",   "{{print s}}",
        "{{{ s }}}",   "{{& s}}",     "{{&s}}",         "{{- s }}",     "{{= s }}",
        "{{!! s !!}}", "{{@html s}}", "{{unescape s}}", "{{string s}}", "{{include s}}"};
    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        char template[128];
        (void)snprintf(template, sizeof template, "{{template t(const char *s)}}%s", tags[i]);
        if (compile(template) == 0) {
            /* It may be taken for an expression, which is escaped: then C says what is wrong. */
            char *text = read_file("out.c", NULL);
            if (strstr(text, "html_escape(out, ") == NULL) {
                fail_msg("%s became\n%s", tags[i], text);
            }
            free(text);
        }
    }
}

/* ---- our templates: where a tag that prints may stand ------------------------------------------
 */

/* Where the text is in HTML, as far as it matters here. */
struct place {
    bool in_tag;  /* between < and > */
    char quote;   /* of the attribute's value it is in; 0: none */
    bool in_code; /* in a script or style element, where escaping for HTML does not help */
};

static void go_on(struct place *place, const char *at)
{
    if (place->quote != 0) {
        place->quote = *at == place->quote ? 0 : place->quote;
    } else if (place->in_tag) {
        place->quote = *at == '"' || *at == '\'' ? *at : 0;
        place->in_tag = *at != '>';
    } else if (*at == '<') {
        place->in_tag = true;
        if (strncasecmp(at, "<script", 7) == 0 || strncasecmp(at, "<style", 6) == 0) {
            place->in_code = true;
        } else if (strncasecmp(at, "</script", 8) == 0 || strncasecmp(at, "</style", 7) == 0) {
            place->in_code = false;
        }
    }
}

/* Values that may stand in code, where escaping for HTML does not help: none that anybody can
 * choose. The id has been found by an address that was checked for letters and digits; the other is
 * a number. */
static bool is_harmless(const char *tag)
{
    static const char *const values[] = {"{{ p->guest_link_id }}", "{{ p->guest_max_bytes }}"};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        if (strncmp(tag, values[i], strlen(values[i])) == 0) {
            return true;
        }
    }
    return false;
}

static bool prints(const char *tag)
{
    return strncmp(tag, "{{ ", 3) == 0 || strncmp(tag, "{{int ", 6) == 0 ||
           strncmp(tag, "{{url ", 6) == 0;
}

/* Returns how many tags print something. */
static size_t check_template(const char *path)
{
    char *text = read_file(path, NULL);
    struct place place = {.in_tag = false};
    size_t count = 0;
    for (const char *at = text; *at != '\0';) {
        if (strncmp(at, "{{", 2) != 0) {
            go_on(&place, at++);
            continue;
        }
        if (prints(at)) {
            count++;
            if (place.in_tag ? place.quote == 0 : place.in_code && !is_harmless(at)) {
                fail_msg("%s: neither in text nor between quotes: %.60s", path, at);
            }
        }
        at = strstr(at, "}}");
        assert_non_null(at);
        at += 2;
    }
    free(text);
    return count;
}

static void test_places_of_values(void **state)
{
    (void)state;
    glob_t found;
    size_t count = 0;
    assert_int_equal(glob(TEST_DATA "/../templates/*.html", 0, NULL, &found), 0);
    assert_true(found.gl_pathc > 10);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        count += check_template(found.gl_pathv[i]);
    }
    assert_true(count > 100);
    globfree(&found);
}

static void test_nesting_limit(void **state)
{
    (void)state;
    char template[1024] = "{{template t(int x)}}";
    size_t len = strlen(template);
    for (int i = 0; i < 17; i++) {
        len += (size_t)snprintf(template + len, sizeof template - len, "{{if x}}");
    }
    assert_int_equal(compile(template), 1);
    char *message = read_file("errors", NULL);
    assert_string_equal(message, "page.html:1: blocks are nested more than 16 deep\n");
    free(message);
}

static void test_usage(void **state)
{
    (void)state;
    char tool[PATH_MAX];
    tool_path("template_compiler", tool);
    const char *const few[] = {tool, "out.c", "out.h", NULL};
    const char *const missing[] = {tool, "out.c", "out.h", "nowhere.html", NULL};
    assert_int_equal(run(few, NULL, NULL, NULL), 2);
    assert_int_equal(run(missing, NULL, NULL, "errors"), 1);
    char *message = read_file("errors", NULL);
    assert_non_null(strstr(message, "nowhere.html: No such file"));
    free(message);
}

/* ---- the pages --------------------------------------------------------------------------------
 */

enum { PAGE_MAX = 64 * 1024 };

static const struct page_head signed_in = {"PicoShare - Test", true, NAV_FILES};
static const struct page_head signed_out = {"PicoShare - Test", false, NAV_NONE};

static void expect(const struct buf *page, const char *part)
{
    assert_int_equal(buf_err(page), ERR_OK);
    if (strstr(buf_str(page), part) == NULL) {
        fail_msg("expected\n%s\nin\n%s", part, buf_str(page));
    }
}

static void expect_not(const struct buf *page, const char *part)
{
    assert_int_equal(buf_err(page), ERR_OK);
    if (strstr(buf_str(page), part) != NULL) {
        fail_msg("did not expect\n%s\nin\n%s", part, buf_str(page));
    }
}

static void test_menu(void **state)
{
    (void)state;
    struct buf page;
    buf_init(&page, PAGE_MAX);
    template_landing(&page, &(struct landing_page){.head = signed_out});
    expect(&page, "<title>PicoShare - Test</title>");
    expect(&page, "<h1>What is PicoShare?</h1>");
    expect(&page, "<a role=\"menuitem\" href=\"/login\">Log In</a>");
    expect_not(&page, "navbar-log-out");
    expect_not(&page, "href=\"/files\"");

    buf_clear(&page);
    const struct sort_view sort = {"/files", NULL};
    template_files(&page, &(struct files_page){.head = signed_in,
                                               .by_name = sort,
                                               .by_size = sort,
                                               .by_uploaded = sort,
                                               .by_expires = sort,
                                               .search = "",
                                               .all_url = "/files"});
    expect(&page, "<a role=\"menuitem\" href=\"/files\" aria-current=\"page\">Files</a>");
    expect(&page, "<a role=\"menuitem\" href=\"/\">Upload</a>");
    expect(&page,
           "<button id=\"navbar-log-out\" type=\"button\" role=\"menuitem\">Log Out</button>");
    expect_not(&page, "href=\"/login\"");
    buf_done(&page);
}

static void test_login(void **state)
{
    (void)state;
    struct buf page;
    buf_init(&page, PAGE_MAX);
    template_login(&page, &(struct login_page){
                              .head = signed_out, .next = "/a\"><b>", .error = "", .advice = ""});
    expect(&page, "name=\"next\" value=\"/a&quot;&gt;&lt;b&gt;\"");
    expect(&page, "class=\"notice notice-error d-none\"");
    expect(&page, "<p id=\"error-advice\" class=\"d-none\"></p>");
    buf_clear(&page);
    template_login(&page,
                   &(struct login_page){
                       .head = signed_out, .next = "", .error = "no & no", .advice = "Wait."});
    expect(&page, "<p id=\"error-advice\">Wait.</p>");
    expect(&page, "class=\"notice notice-error\"");
    expect(&page, "<p id=\"error-message\">no &amp; no</p>");
    buf_done(&page);
}

static void test_upload(void **state)
{
    (void)state;
    static const struct option_view options[] = {
        {"2040-01-01T00:00:00Z", "1 day", false},
        {"2040-01-07T00:00:00Z", "7 days", true},
        {"", "Custom", false},
    };
    struct upload_page view = {
        .head = signed_in,
        .action = "/upload",
        .expirations = options,
        .expiration_count = ARRAY_LEN(options),
    };
    struct buf page;
    buf_init(&page, PAGE_MAX);
    template_upload(&page, &view);
    expect(&page, "method=\"post\" action=\"/upload\" enctype=\"multipart/form-data\"");
    expect(&page, "<option value=\"2040-01-01T00:00:00Z\">1 day</option>");
    expect(&page, "<option value=\"2040-01-07T00:00:00Z\" selected>7 days</option>");
    expect(&page, "<option value=\"\" disabled>Custom</option>");
    expect(&page, "id=\"note\" name=\"note\"");
    expect_not(&page, "guest-link-metadata");

    view.guest_link_id = "abcdefgh23456789";
    buf_clear(&page);
    template_upload(&page, &view);
    expect(&page, "{\"id\":\"abcdefgh23456789\",\"maxFileBytes\":null}</script>");
    expect_not(&page, "id=\"note\"");

    view.guest_max_bytes = "1048576";
    buf_clear(&page);
    template_upload(&page, &view);
    expect(&page, "{\"id\":\"abcdefgh23456789\",\"maxFileBytes\":1048576}</script>");
    buf_done(&page);
}

static void test_upload_result(void **state)
{
    (void)state;
    static const struct link_view links[] = {
        {"a<b", "http://h/-AAAAAAAAAA/a%3Cb", "http://h/-AAAAAAAAAA", "AAAAAAAAAA"},
        {"c", "http://h/-BBBBBBBBBB/c", "http://h/-BBBBBBBBBB", NULL},
    };
    struct buf page;
    buf_init(&page, PAGE_MAX);
    template_upload_result(&page, &(struct upload_result_page){.head = signed_in,
                                                               .links = links,
                                                               .link_count = ARRAY_LEN(links),
                                                               .again = "/"});
    expect(&page, "<h2 id=\"file-0\"><bdi>a&lt;b</bdi></h2>");
    expect(&page, "<a href=\"http://h/-AAAAAAAAAA/a%3Cb\">http://h/-AAAAAAAAAA/a%3Cb</a>");
    expect(&page, "<a href=\"http://h/-BBBBBBBBBB\">http://h/-BBBBBBBBBB</a>");
    expect(&page, " href=\"/files/AAAAAAAAAA/edit\" aria-describedby=\"file-0\">Edit</a>");
    expect_not(&page, "/files/BBBBBBBBBB/edit");
    buf_done(&page);
}

static void test_files(void **state)
{
    (void)state;
    static const struct file_row_view rows[] = {
        {"AAAAAAAAAA", "<script>.txt", "for \"Joe\"", "24 B", "2026-07-14", "Never"},
        {"BBBBBBBBBB", "b", "", "1.00 kB", "2026-07-13", "2026-08-12 (30 days)"},
    };
    struct files_page view = {
        .head = signed_in,
        .rows = rows,
        .row_count = ARRAY_LEN(rows),
        .by_name = {"/files?sort=name&order=asc", NULL},
        .by_size = {"/files?sort=size&order=desc", NULL},
        .by_uploaded = {"/files?sort=uploaded&order=asc", "descending"},
        .by_expires = {"/files?sort=expires&order=desc", NULL},
        .sort = "uploaded",
        .order = "desc",
        .search = "",
        .searchable = true,
        .next_url = "/files?after=BBBBBBBBBB",
        .last_url = "/files?last=1",
        .all_url = "/files",
    };
    struct buf page;
    buf_init(&page, PAGE_MAX);
    template_files(&page, &view);
    expect(&page, "test-data-filename=\"&lt;script&gt;.txt\"");
    expect(&page, "<td role=\"cell\"><a href=\"/-AAAAAAAAAA\">&lt;script&gt;.txt</a></td>\n"
                  "<td role=\"cell\">for &quot;Joe&quot;</td>\n");
    expect(&page, "<td role=\"cell\"><a href=\"/-BBBBBBBBBB\">b</a></td>\n<td role=\"cell\"></td>");
    expect(&page, "pico-entry-id=\"BBBBBBBBBB\" aria-label=\"Copy\"");
    expect(&page, "href=\"/files/BBBBBBBBBB/info\" aria-label=\"Information\"");
    expect(&page, "href=\"/files/BBBBBBBBBB/edit\" aria-label=\"Edit\"");
    expect(&page, "aria-sort=\"descending\"><a class=\"sort\""
                  " href=\"/files?sort=uploaded&amp;order=asc\">Uploaded</a></th>");
    expect(&page, "rel=\"next\" href=\"/files?after=BBBBBBBBBB\">Next</a>");
    expect(&page, "href=\"/files?last=1\">Last</a>");
    expect_not(&page, ">Previous</a>");
    expect_not(&page, "class=\"empty\"");

    view.next_url = NULL;
    view.last_url = NULL;
    view.first_url = "/files?sort=uploaded";
    view.previous_url = "/files?before=AAAAAAAAAA";
    view.search = "\"<b>";
    view.go_on_url = "/files?after=x&q=y";
    view.looked_at = 20000;
    buf_clear(&page);
    template_files(&page, &view);
    expect(&page, "href=\"/files?sort=uploaded\">First</a>");
    expect(&page, "rel=\"prev\" href=\"/files?before=AAAAAAAAAA\">Previous</a>");
    expect(&page, "value=\"&quot;&lt;b&gt;\"");
    expect(&page, "Looked at 20000 files for this page.</p>");
    expect(&page, "href=\"/files?after=x&amp;q=y\">Look further</a>");
    expect_not(&page, ">Next</a>");

    view.row_count = 0;
    buf_clear(&page);
    template_files(&page, &view);
    expect(&page, "Looked at 20000 files for this page: nothing to show among them.</p>");
    expect_not(&page, "class=\"empty\"");

    view.go_on_url = NULL;
    buf_clear(&page);
    template_files(&page, &view);
    expect(&page, "Nothing more here.");
    expect(&page, "href=\"/files\">Show all</a>");
    expect(&page, "href=\"/files?sort=uploaded\">First</a>");

    view.first_url = NULL;
    buf_clear(&page);
    template_files(&page, &view);
    expect(&page, "No file has &ldquo;<bdi>&quot;&lt;b&gt;</bdi>&rdquo; in its name or note.");

    view.search = "";
    view.previous_url = NULL;
    view.searchable = false;
    buf_clear(&page);
    template_files(&page, &view);
    expect(&page, "Nothing here yet.");
    expect_not(&page, "class=\"pager\"");
    expect_not(&page, "role=\"search\"");
    buf_done(&page);
}

static void test_error(void **state)
{
    (void)state;
    struct error_page view = {.head = signed_out,
                              .status = 404,
                              .heading = "Not found",
                              .message = "a < b",
                              .advice = ""};
    struct buf page;
    buf_init(&page, PAGE_MAX);
    template_error(&page, &view);
    expect(&page, "<p class=\"status\">404</p>\n<h1>Not found</h1>\n<p class=\"hint\">The server "
                  "says: a &lt; b</p>\n"
                  "<p><a class=\"button");
    view.advice = "Try again.";
    buf_clear(&page);
    template_error(&page, &view);
    expect(&page, "<h1>Not found</h1>\n<p>Try again.</p>\n<p class=\"hint\">The server says:");
    buf_done(&page);
}

static void test_no_room(void **state)
{
    (void)state;
    struct buf page;
    buf_init(&page, 1000);
    template_landing(&page, &(struct landing_page){.head = signed_out});
    assert_int_equal(buf_err(&page), ERR_TOOBIG);
    buf_done(&page);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(test_tags),
        IN_DIRECTORY(test_white_space),
        IN_DIRECTORY(test_mistakes),
        IN_DIRECTORY(test_nothing_unescaped),
        cmocka_unit_test(test_places_of_values),
        IN_DIRECTORY(test_nesting_limit),
        IN_DIRECTORY(test_usage),
        cmocka_unit_test(test_menu),
        cmocka_unit_test(test_login),
        cmocka_unit_test(test_upload),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_upload_result),
        cmocka_unit_test(test_error),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
