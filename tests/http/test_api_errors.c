/* Every refusal of the API: its status, its text, and the order of the checks, since a request that
 * breaks two rules gets the text of the earlier one (http-api.md 2.5, 5 to 10, 12). Then what the
 * JSON of a request may look like, and the forms of an error.
 *
 * Texts that end with a line feed are the whole answer; the others are how it begins, where the
 * rest is a parser's or a database's own words. */
#include "api.h"
#include <stdlib.h>

#define LINK "abcdefgh23456789"
#define FILE_ID "AAAAAAAAAA"
#define FUTURE "?expiration=2040-01-01T00:00:00Z"
#define A10 "AAAAAAAAAA"
#define A50 A10 A10 A10 A10 A10
#define A201 A50 A50 A50 A50 "A"
#define A256 A201 A50 "AAAAA"
#define A501 A201 A201 A50 A10 A10 A10 A10 "AAAAAAAAA"
#define A4K A501 A501 A501 A501 A501 A501 A501 A501 A201
#define A8K A4K A4K /* more than a field may hold */

#define FORMAT                                                                                     \
    "unrecognized format for expiration time, must be in 2006-01-02T15:04:05Z07:00 format\n"
#define SOON "expire time must be at least one hour in the future\n"
#define NAME_EMPTY "filename must be non-empty\n"
#define NAME_LONG "filename too long\n"
#define NAME_DOTS "filename cannot begin with dots\n"
#define NAME_ILLEGAL "illegal characters in filename\n"
#define NOTE_LONG "note is too long\n"
#define NOTE_NULL "value of 'null' is not allowed\n"
#define NOTE_UNDEFINED "value of 'undefined' is not allowed\n"
#define NOTE_TAGS "note must not contain HTML tags\n"
#define LABEL_LONG "label too long - limit 200 characters\n"
#define LIFETIME_FORMAT                                                                            \
    "unrecognized format for file life time, must be in 1ns, 1us (or 1\xC2\xB5s), 1ms, 1s, 1m, "   \
    "1h format\n"
#define LIFETIME_SHORT "file lifetime must be at least 1 day\n"
#define BYTES_LOW "guest upload size limit must be at at least 1048576 bytes\n"
#define UPLOADS_LOW "guest upload count limit must be a positive number\n"

static bool text_fits(const char *got, const char *expected)
{
    size_t len = strlen(expected);
    bool whole = len > 0 && expected[len - 1] == '\n';
    return strncmp(got, expected, len) == 0 && (whole ? got[len] == '\0' : strlen(got) > len);
}

/* An error as every error looks (http-api.md 2.3). */
static void expect_error(const struct response *r, const char *what, int status, const char *text)
{
    const char *type = response_header(r, "Content-Type");
    const char *nosniff = response_header(r, "X-Content-Type-Options");
    if (r->status != status || !r->complete || !text_fits(response_text(r), text)) {
        fail_msg("%s: %d '%.300s'; expected %d '%s'", what, r->status, response_text(r), status,
                 text);
    }
    if (type == NULL || strcmp(type, "text/plain; charset=utf-8") != 0 || nosniff == NULL ||
        strcmp(nosniff, "nosniff") != 0) {
        fail_msg("%s: Content-Type: %s, X-Content-Type-Options: %s", what, type, nosniff);
    }
}

struct json_case {
    const char *json;
    int status;
    const char *text;
};

/* Sends each body as the owner and expects its error. */
static void expect_json_errors(const struct server *s, const char *method, const char *path,
                               const struct json_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct response r;
        char what[400];
        snprintf(what, sizeof what, "%s %s %.300s", method, path, cases[i].json);
        api_call(s, method, path, cases[i].json, &r);
        expect_error(&r, what, cases[i].status, cases[i].text);
        response_done(&r);
    }
}

/* ---- the database under test ----------------------------------------------------------------- */

/* One file, one link of each kind; every test begins with exactly these. */
static void put_rows(const struct server *s)
{
    db_change(
        s,
        "BEGIN; DELETE FROM downloads; DELETE FROM entries; DELETE FROM entries_data;"
        "DELETE FROM guest_links;"
        "UPDATE settings SET default_expiration_in_days = 30;"
        "INSERT INTO entries_data VALUES ('" FILE_ID "', 0, CAST('dummy' AS BLOB)),"
        " ('BBBBBBBBBB', 0, x'30');"
        "INSERT INTO entries VALUES ('" FILE_ID "', 'a.txt', 'text/plain',"
        " '2024-01-01T00:00:00Z', '2040-01-01T00:00:00Z', NULL, 'a note'),"
        " ('BBBBBBBBBB', 'b.txt', '', '2024-01-01T00:00:00Z', '" NEVER
        "', 'usedupgh23456789', NULL);"
        "INSERT INTO guest_links VALUES"
        " ('" LINK "', '', NULL, NULL, '2024-01-01T00:00:00Z', '" NEVER "', '168h0m0s', 0),"
        " ('disabJedgh234567', '', NULL, NULL, '2024-01-01T00:00:00Z', '" NEVER "', '168h0m0s', 1),"
        " ('expiredfgh234567', '', NULL, NULL, '2024-01-01T00:00:00Z',"
        "  '2024-02-01T00:00:00Z', '168h0m0s', 0),"
        " ('usedupgh23456789', '', NULL, 1, '2024-01-01T00:00:00Z', '" NEVER "', '168h0m0s', 0),"
        " ('smaJJJgh23456789', '', 1048576, NULL, '2024-01-01T00:00:00Z', '" NEVER
        "', '168h0m0s', 0); COMMIT");
}

static void state_of(const struct server *s, char *ret_text, size_t size)
{
    db_text(s,
            "SELECT group_concat(t, ';') FROM ("
            "SELECT id || filename || expiration_time || ifnull(note, '') AS t FROM entries"
            " UNION ALL SELECT id || is_disabled FROM guest_links"
            " UNION ALL SELECT default_expiration_in_days FROM settings ORDER BY 1)",
            ret_text, size);
}

static char rows_before[2048];

static int set_up(void **state)
{
    put_rows(*state);
    state_of(*state, rows_before, sizeof rows_before);
    return 0;
}

/* None of the requests that were refused has changed anything. */
static int check_rows(void **state)
{
    char rows[2048];
    state_of(*state, rows, sizeof rows);
    assert_string_equal(rows, rows_before);
    assert_true(db_wait_no_orphans(*state));
    return 0;
}

#define refusals_test(f) cmocka_unit_test_setup_teardown(f, set_up, check_rows)

/* ---- 5. signing in --------------------------------------------------------------------------- */

static void test_5_sign_in(void **state)
{
    static const struct json_case cases[] = {
        {"", 400, "malformed request\n"},
        {"{", 400, "malformed request\n"},
        {"hello", 400, "malformed request\n"},
        {"[]", 400, "malformed request\n"},
        {"\"dummypass\"", 400, "malformed request\n"},
        {"{\"sharedSecretKey\":5}", 400, "malformed request\n"},
        {"{\"sharedSecretKey\":{}}", 400, "malformed request\n"},
        {"{}", 400, "invalid shared secret\n"},
        {"{\"sharedSecretKey\":null}", 400, "invalid shared secret\n"},
        {"{\"sharedSecretKey\":\"\"}", 400, "invalid shared secret\n"},
        {"{\"sharedSecretKey\":\"wrong\"}", 401, "incorrect shared secret\n"},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response r;
        http_do(s, &(struct request){.method = "POST", .path = "/api/auth", .text = cases[i].json},
                &r);
        expect_error(&r, cases[i].json, cases[i].status, cases[i].text);
        assert_null(response_header(&r, "Set-Cookie"));
        response_done(&r);
    }
}

/* Who is asked before anything else about the request is looked at (http-api.md 5.4). */
static void test_5_not_signed_in(void **state)
{
    static const struct {
        const char *method;
        const char *path;
        const char *text;
    } cases[] = {
        {"POST", "/api/entry", "no form"},
        {"POST", "/api/entry?expiration=bad", "no form"},
        {"PUT", "/api/upload/a.txt?note=null", "dummy bytes"},
        {"PUT", "/api/entry/bad", "{"},
        {"PUT", "/api/entry/" FILE_ID, "{\"filename\":\"stolen.txt\"}"},
        {"DELETE", "/api/entry/bad", NULL},
        {"DELETE", "/api/entry/" FILE_ID, NULL},
        {"POST", "/api/guest-links", "{"},
        {"DELETE", "/api/guest-links/bad", NULL},
        {"DELETE", "/api/guest-links/" LINK, NULL},
        {"PUT", "/api/guest-links/bad/enable", NULL},
        {"PUT", "/api/guest-links/" LINK "/disable", NULL},
        {"PUT", "/api/guest-links/" LINK "/restore", NULL},
        {"PUT", "/api/settings", "{"},
        {"PUT", "/api/settings", "{\"defaultExpirationDays\":5}"},
        {"GET", "/files/bad/info", NULL},
        {"GET", "/settings", NULL},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response r;
        http_do(s,
                &(struct request){
                    .method = cases[i].method, .path = cases[i].path, .text = cases[i].text},
                &r);
        expect_error(&r, cases[i].path, 401, "Authentication required\n");
        assert_true(response_has(&r, "Set-Cookie", "sharedSecret=; "));
        assert_true(response_has(&r, "Set-Cookie", "Max-Age=0"));
        response_done(&r);
    }
}

/* ---- forms, for 6.1 and 7 -------------------------------------------------------------------- */

#define FORM_TYPE "Content-Type: multipart/form-data; boundary=B"
#define PART_OF(name, text)                                                                        \
    "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" name "\"\r\n\r\n" text     \
    "\r\n"
#define NOTE_OF(text) "--B\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\n" text "\r\n"
#define END "--B--\r\n"

struct form_case {
    const char *query;
    const char *type; /* NULL: FORM_TYPE */
    const char *body;
    int status;
    const char *text;
};

static void expect_form_error(const struct server *s, const char *path, enum auth auth,
                              const struct form_case *c)
{
    const char *const headers[] = {c->type != NULL ? c->type : FORM_TYPE, NULL};
    char target[300];
    char what[700];
    struct response r;
    snprintf(target, sizeof target, "%s%s", path, c->query);
    snprintf(what, sizeof what, "%s %.300s", target, c->body);
    http_do(
        s,
        &(struct request){
            .method = "POST", .path = target, .auth = auth, .headers = headers, .text = c->body},
        &r);
    expect_error(&r, what, c->status, c->text);
    response_done(&r);
}

/* The rows of the table in 6.1, alone. */
static void test_6_1_upload(void **state)
{
    static const struct form_case cases[] = {
        {"?expiration=", NULL, PART_OF("a", "x") END, 400,
         "Invalid expiration URL parameter: " FORMAT},
        {"?expiration=2040-01-01", NULL, PART_OF("a", "x") END, 400,
         "Invalid expiration URL parameter: " FORMAT},
        {"?expiration=2024-01-01T00:00:00Z", NULL, PART_OF("a", "x") END, 400,
         "Invalid expiration URL parameter: " SOON},
        {FUTURE, "Content-Type: text/plain", PART_OF("a", "x") END, 400, "invalid request: "},
        {FUTURE, "Content-Type:", PART_OF("a", "x") END, 400, "invalid request: "},
        {FUTURE, "Content-Type: multipart/form-data", PART_OF("a", "x") END, 400,
         "invalid request: "},
        {FUTURE, "Content-Type: multipart/form-data; boundary=C", PART_OF("a", "x") END, 400,
         "invalid request: "},
        {FUTURE, NULL, PART_OF("a", "x"), 400, "invalid request: "},
        {FUTURE, NULL, "", 400, "invalid request: "},
        {FUTURE, NULL, NOTE_OF("x") END, 400, "invalid request: http: no such file\n"},
        {FUTURE, NULL, PART_OF("", "x") END, 400, "invalid request: http: no such file\n"},
        {FUTURE, NULL, PART_OF("a", "") END, 400, "invalid request: file must be non-empty\n"},
        {FUTURE, NULL, PART_OF(".", "x") END, 400, "invalid request: " NAME_DOTS},
        {FUTURE, NULL, PART_OF("..a", "x") END, 400, "invalid request: " NAME_DOTS},
        {FUTURE, NULL, PART_OF("a\\\\b", "x") END, 400, "invalid request: " NAME_ILLEGAL},
        {FUTURE, NULL, PART_OF(A256, "x") END, 400, "invalid request: " NAME_LONG},
        {FUTURE, NULL, PART_OF("a", "x") NOTE_OF(A501) END, 400, "invalid request: " NOTE_LONG},
        {FUTURE, NULL, PART_OF("a", "x") NOTE_OF("null") END, 400, "invalid request: " NOTE_NULL},
        {FUTURE, NULL, PART_OF("a", "x") NOTE_OF("undefined") END, 400,
         "invalid request: " NOTE_UNDEFINED},
        {FUTURE, NULL, PART_OF("a", "x") NOTE_OF("<script>") END, 400,
         "invalid request: " NOTE_TAGS},
        {FUTURE "&note=null", NULL, PART_OF("a", "x") NOTE_OF("fine") END, 400,
         "invalid request: " NOTE_NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        expect_form_error(*state, "/api/entry", AUTH_COOKIE, &cases[i]);
    }
}

/* Two rules are broken. What stands in the headers is checked before the body, and the body as it
 * comes, so that the order is that of 6.1 for what stands in the same place. */
static void test_6_1_order(void **state)
{
    static const struct form_case cases[] = {
        /* 1, 2 before everything */
        {"?expiration=bad", "Content-Type: text/plain", "no form", 400,
         "Invalid expiration URL parameter: " FORMAT},
        {"?expiration=bad&note=null", NULL, PART_OF("..", "") END, 400,
         "Invalid expiration URL parameter: " FORMAT},
        {"?expiration=2024-01-01T00:00:00Z&note=null", NULL, "no form", 400,
         "Invalid expiration URL parameter: " SOON},
        {"?expiration=2024-01-01T00:00:00Z", NULL, NOTE_OF("null") END, 400,
         "Invalid expiration URL parameter: " SOON},
        /* 4 before 7 */
        {FUTURE, NULL, NOTE_OF("null") END, 400, "invalid request: http: no such file\n"},
        /* 5 before 6 */
        {FUTURE, NULL, PART_OF("..", "") END, 400, "invalid request: file must be non-empty\n"},
        /* 5 before 7, whichever part comes first */
        {FUTURE, NULL, PART_OF("a", "") NOTE_OF("null") END, 400,
         "invalid request: file must be non-empty\n"},
        {FUTURE, NULL, NOTE_OF("null") PART_OF("a", "") END, 400,
         "invalid request: file must be non-empty\n"},
        /* 6 before 7 */
        {FUTURE, NULL, PART_OF("..", "x") NOTE_OF("null") END, 400, "invalid request: " NAME_DOTS},
        {FUTURE, NULL, NOTE_OF(A501) PART_OF("a\\\\b", "x") END, 400,
         "invalid request: " NAME_ILLEGAL},
        /* 12.2 in its own order */
        {FUTURE, NULL, PART_OF(".." A256 "\\\\", "x") END, 400, "invalid request: " NAME_LONG},
        {FUTURE, NULL, PART_OF("..\\\\", "x") END, 400, "invalid request: " NAME_DOTS},
        /* 12.3 in its own order */
        {FUTURE, NULL, PART_OF("a", "x") NOTE_OF("<script>" A501) END, 400,
         "invalid request: " NOTE_LONG},
        /* 7 in the query after everything that can be wrong with the body */
        {FUTURE "&note=null", "Content-Type: text/plain", "no form", 400,
         "invalid request: request Content-Type isn't multipart/form-data\n"},
        {FUTURE "&note=null", NULL, "no form", 400, "invalid request: multipart: NextPart: EOF"},
        {FUTURE "&note=null", NULL, NOTE_OF("x") END, 400, "invalid request: http: no such file\n"},
        {FUTURE "&note=" A501, NULL, PART_OF("a", "") END, 400,
         "invalid request: file must be non-empty\n"},
        {FUTURE "&note=undefined", NULL, PART_OF("..", "x") END, 400,
         "invalid request: " NAME_DOTS},
        {FUTURE "&note=null", NULL, PART_OF("a", "x") PART_OF("b", ""), 400,
         "invalid request: " NOTE_NULL},
        {FUTURE, NULL, NOTE_OF(A8K) PART_OF("a", "") END, 400,
         "invalid request: file must be non-empty\n"},
        {FUTURE, NULL, NOTE_OF(A8K) PART_OF("..", "x") END, 400, "invalid request: " NAME_DOTS},
        {FUTURE, NULL, PART_OF("a", "x") NOTE_OF(A8K) END, 400, "invalid request: " NOTE_LONG},
        /* 3 before 7 */
        {FUTURE, NULL, PART_OF("a", "x") NOTE_OF("null"), 400, "invalid request: multipart"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        expect_form_error(*state, "/api/entry", AUTH_COOKIE, &cases[i]);
    }
}

/* PUT /api/upload/NAME: the same rules, the name in the path (improvements.md). */
static void test_6_1_plain_upload(void **state)
{
    static const struct {
        const char *path;
        const char *text;
        const char *error;
    } cases[] = {
        {"/api/upload/a.txt?expiration=", "x", "Invalid expiration URL parameter: " FORMAT},
        {"/api/upload/..a?expiration=bad", "x", "Invalid expiration URL parameter: " FORMAT},
        {"/api/upload/a.txt?expiration=2024-01-01T00:00:00Z&note=null", "",
         "Invalid expiration URL parameter: " SOON},
        {"/api/upload/a.txt" FUTURE, "", "invalid request: file must be non-empty\n"},
        {"/api/upload/..a" FUTURE, "", "invalid request: file must be non-empty\n"},
        {"/api/upload/..a" FUTURE, "x", "invalid request: " NAME_DOTS},
        {"/api/upload/a%5Cb" FUTURE, "x", "invalid request: " NAME_ILLEGAL},
        {"/api/upload/a%2Fb" FUTURE, "x", "invalid request: " NAME_ILLEGAL},
        {"/api/upload/a%07b" FUTURE, "x", "invalid request: " NAME_ILLEGAL},
        {"/api/upload/%FF" FUTURE, "x", "invalid request: " NAME_ILLEGAL},
        {"/api/upload/" A256 FUTURE, "x", "invalid request: " NAME_LONG},
        {"/api/upload/" FUTURE, "x", "invalid request: " NAME_EMPTY},
        {"/api/upload/a.txt" FUTURE "&note=null", "", "invalid request: file must be non-empty\n"},
        {"/api/upload/..a" FUTURE "&note=null", "x", "invalid request: " NAME_DOTS},
        {"/api/upload/a.txt" FUTURE "&note=undefined", "x", "invalid request: " NOTE_UNDEFINED},
        {"/api/upload/a.txt" FUTURE "&note=%3Cscript%3E", "x", "invalid request: " NOTE_TAGS},
        {"/api/upload/a.txt" FUTURE "&note=" A501, "x", "invalid request: " NOTE_LONG},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response r;
        api_call(s, "PUT", cases[i].path, cases[i].text, &r);
        expect_error(&r, cases[i].path, 400, cases[i].error);
        response_done(&r);
    }
}

/* ---- 6.2 and 6.3: one file ------------------------------------------------------------------- */

#define BAD_ID(id, n) "bad entry ID: entry ID (" id ") has invalid length: got " n ", want 10\n"

static void test_6_2_edit(void **state)
{
    static const struct json_case cases[] = {
        {"", 400, "Bad request: EOF\n"},
        {"  \r\n\t", 400, "Bad request: "},
        {"{", 400, "Bad request: "},
        {"[]", 400, "Bad request: "},
        {"{\"filename\":5}", 400, "Bad request: "},
        {"{\"filename\":\"a.txt\",\"expiration\":2040}", 400, "Bad request: "},
        {"{\"filename\":\"a.txt\",\"note\":true}", 400, "Bad request: "},
        {"{}", 400, "Bad request: " NAME_EMPTY},
        {"null", 400, "Bad request: " NAME_EMPTY},
        {"{\"filename\":null}", 400, "Bad request: " NAME_EMPTY},
        {"{\"filename\":\"\"}", 400, "Bad request: " NAME_EMPTY},
        {"{\"filename\":\"" A256 "\"}", 400, "Bad request: " NAME_LONG},
        {"{\"filename\":\".\"}", 400, "Bad request: " NAME_DOTS},
        {"{\"filename\":\"..\"}", 400, "Bad request: " NAME_DOTS},
        {"{\"filename\":\"a/b\"}", 400, "Bad request: " NAME_ILLEGAL},
        {"{\"filename\":\"a\\\\b\"}", 400, "Bad request: " NAME_ILLEGAL},
        {"{\"filename\":\"a\\tb\"}", 400, "Bad request: " NAME_ILLEGAL},
        {"{\"filename\":\"a\\u001b\"}", 400, "Bad request: " NAME_ILLEGAL},
        {"{\"filename\":\"a.txt\",\"expiration\":\"banana\"}", 400, "Bad request: " FORMAT},
        {"{\"filename\":\"a.txt\",\"expiration\":\" \"}", 400, "Bad request: " FORMAT},
        {"{\"filename\":\"a.txt\",\"expiration\":\"2040-01-01T00:00:00\"}", 400,
         "Bad request: " FORMAT},
        {"{\"filename\":\"a.txt\",\"expiration\":\"2024-01-01T00:00:00Z\"}", 400,
         "Bad request: " SOON},
        {"{\"filename\":\"a.txt\",\"note\":\"" A501 "\"}", 400, "Bad request: " NOTE_LONG},
        {"{\"filename\":\"a.txt\",\"note\":\"null\"}", 400, "Bad request: " NOTE_NULL},
        {"{\"filename\":\"a.txt\",\"note\":\"undefined\"}", 400, "Bad request: " NOTE_UNDEFINED},
        {"{\"filename\":\"a.txt\",\"note\":\"<\\n/iframe >\"}", 400, "Bad request: " NOTE_TAGS},
        /* types, then filename, expiration, note */
        {"{\"filename\":\"..\",\"expiration\":\"banana\",\"note\":5}", 400, "Bad request: note"},
        {"{\"filename\":\"..\",\"expiration\":\"banana\",\"note\":\"null\"}", 400,
         "Bad request: " NAME_DOTS},
        {"{\"note\":\"null\",\"expiration\":\"banana\",\"filename\":\"..\"}", 400,
         "Bad request: " NAME_DOTS},
        {"{\"filename\":\"a.txt\",\"expiration\":\"banana\",\"note\":\"null\"}", 400,
         "Bad request: " FORMAT},
        {"{\"filename\":\"a.txt\",\"expiration\":\"2024-01-01T00:00:00Z\",\"note\":\"null\"}", 400,
         "Bad request: " SOON},
    };
    static const struct json_case at_unknown[] = {
        {"{", 400, "Bad request: "},
        {"{\"filename\":\"\"}", 400, "Bad request: " NAME_EMPTY},
        {"{\"filename\":\"a.txt\",\"note\":\"null\"}", 400, "Bad request: " NOTE_NULL},
        {"{\"filename\":\"a.txt\"}", 404, "Invalid entry ID\n"},
    };
    static const struct json_case at_bad[] = {
        {"", 400, BAD_ID("invalid-entry-id", "16")},
        {"{", 400, BAD_ID("invalid-entry-id", "16")},
        {"{\"filename\":\"a.txt\"}", 400, BAD_ID("invalid-entry-id", "16")},
    };
    expect_json_errors(*state, "PUT", "/api/entry/" FILE_ID, cases, ARRAY_LEN(cases));
    expect_json_errors(*state, "PUT", "/api/entry/ZZZZZZZZZZ", at_unknown, ARRAY_LEN(at_unknown));
    expect_json_errors(*state, "PUT", "/api/entry/invalid-entry-id", at_bad, ARRAY_LEN(at_bad));
}

static void test_6_3_delete(void **state)
{
    static const struct json_case bad[] = {{NULL, 400, BAD_ID("bad", "3")}};
    static const struct json_case stranger[] = {
        {NULL, 400, "bad entry ID: entry ID (AAAAAAAAA0) contains invalid character: 48\n"}};
    expect_json_errors(*state, "DELETE", "/api/entry/bad", bad, 1);
    expect_json_errors(*state, "DELETE", "/api/entry/AAAAAAAAA0", stranger, 1);
    api_expect(*state, "DELETE", "/api/entry/ZZZZZZZZZZ", NULL, 200, "");
}

/* ---- 7. guest uploads ------------------------------------------------------------------------ */

#define INACTIVE "Guest link is no longer active\n"
#define BAD_LINK(id, n)                                                                            \
    "Invalid guest link ID: guest link ID (" id ") has invalid length: got " n ", want 16\n"

static void test_7_guest(void **state)
{
    static const struct {
        const char *id;
        struct form_case form;
    } cases[] = {
        {"bad", {"", NULL, PART_OF("a", "x") END, 400, BAD_LINK("bad", "3")}},
        {"abcdefghIJKLMNPQ",
         {"", NULL, PART_OF("a", "x") END, 400,
          "Invalid guest link ID: entry ID (abcdefghIJKLMNPQ) contains invalid character: I\n"}},
        {"doesntexistaaaaa", {"", NULL, PART_OF("a", "x") END, 404, "Invalid guest link ID\n"}},
        {"disabJedgh234567", {"", NULL, PART_OF("a", "x") END, 401, INACTIVE}},
        {"expiredfgh234567", {"", NULL, PART_OF("a", "x") END, 401, INACTIVE}},
        {"usedupgh23456789", {"", NULL, PART_OF("a", "x") END, 401, INACTIVE}},
        {LINK,
         {"?expiration=banana", NULL, PART_OF("a", "x") END, 400, "Invalid expiration: " FORMAT}},
        {LINK,
         {"?expiration=2024-01-01T00:00:00Z", NULL, PART_OF("a", "x") END, 400,
          "Invalid expiration: " SOON}},
        {LINK,
         {FUTURE, NULL, PART_OF("a", "x") END, 400,
          "Invalid expiration: requested expiration time of 2040-01-01 00:00:00 +0000 UTC is "
          "beyond guest link's limit: 2"}},
        {LINK, {"", "Content-Type: text/plain", "no form", 400, "invalid request: "}},
        {LINK, {"", NULL, PART_OF("a", "x"), 400, "invalid request: "}},
        {LINK, {"", NULL, END, 400, "invalid request: http: no such file\n"}},
        {LINK, {"", NULL, PART_OF("a", "") END, 400, "invalid request: file must be non-empty\n"}},
        {LINK, {"", NULL, PART_OF("..", "x") END, 400, "invalid request: " NAME_DOTS}},
        {LINK,
         {"", NULL, PART_OF("a", "x") NOTE_OF("null") END, 400, "invalid request: " NOTE_NULL}},
        {LINK,
         {"", NULL, PART_OF("a", "x") NOTE_OF("hello") END, 400,
          "invalid request: guest uploads cannot have file notes\n"}},
        {LINK,
         {"?note=hello", NULL, PART_OF("a", "x") END, 400,
          "invalid request: guest uploads cannot have file notes\n"}},
        /* the order: 1 and 2 before the link's state, that before 5 and 6, those before the body */
        {"bad", {"?expiration=banana", "Content-Type: text/plain", "", 400, BAD_LINK("bad", "3")}},
        {"doesntexistaaaaa",
         {"?expiration=banana", "Content-Type: text/plain", "", 404, "Invalid guest link ID\n"}},
        {"disabJedgh234567", {"?expiration=banana", "Content-Type: text/plain", "", 401, INACTIVE}},
        {"usedupgh23456789", {FUTURE "&note=hello", NULL, END, 401, INACTIVE}},
        {LINK,
         {"?expiration=banana&note=hello", "Content-Type: text/plain", "", 400,
          "Invalid expiration: " FORMAT}},
        {LINK, {FUTURE, "Content-Type: text/plain", "", 400, "Invalid expiration: requested "}},
        {LINK, {"", NULL, NOTE_OF("hello") END, 400, "invalid request: http: no such file\n"}},
        {LINK,
         {"?note=hello", "Content-Type: text/plain", "no form", 400,
          "invalid request: request Content-Type isn't multipart/form-data\n"}},
        {LINK, {"?note=hello", NULL, END, 400, "invalid request: http: no such file\n"}},
        {LINK,
         {"?note=hello", NULL, PART_OF("a", "") END, 400,
          "invalid request: file must be non-empty\n"}},
        {LINK, {"?note=hello", NULL, PART_OF("..", "x") END, 400, "invalid request: " NAME_DOTS}},
        {LINK,
         {"", NULL, NOTE_OF("hello") PART_OF("a", "") END, 400,
          "invalid request: file must be non-empty\n"}},
        {LINK,
         {"", NULL, NOTE_OF("hello") PART_OF("..", "x") END, 400, "invalid request: " NAME_DOTS}},
        {LINK,
         {"", NULL, PART_OF("a", "x") NOTE_OF("<script>") END, 400, "invalid request: " NOTE_TAGS}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char path[64];
        snprintf(path, sizeof path, "/api/guest/%s", cases[i].id);
        expect_form_error(*state, path, AUTH_NONE, &cases[i].form);
        /* the owner is a guest like any other */
        expect_form_error(*state, path, AUTH_COOKIE, &cases[i].form);
    }
}

static void test_7_plain_guest(void **state)
{
    static const struct {
        const char *path;
        const char *text;
        int status;
        const char *error;
    } cases[] = {
        {"/api/guest/bad/..a?expiration=banana", "x", 400, BAD_LINK("bad", "3")},
        {"/api/guest/doesntexistaaaaa/..a?expiration=banana", "x", 404, "Invalid guest link ID\n"},
        {"/api/guest/disabJedgh234567/..a?expiration=banana", "x", 401, INACTIVE},
        {"/api/guest/expiredfgh234567/a.txt", "x", 401, INACTIVE},
        {"/api/guest/usedupgh23456789/a.txt", "", 401, INACTIVE},
        {"/api/guest/" LINK "/..a?expiration=banana", "x", 400, "Invalid expiration: " FORMAT},
        {"/api/guest/" LINK "/..a" FUTURE, "x", 400, "Invalid expiration: requested "},
        {"/api/guest/" LINK "/..a", "x", 400, "invalid request: " NAME_DOTS},
        {"/api/guest/" LINK "/a%2Fb", "x", 400, "invalid request: " NAME_ILLEGAL},
        {"/api/guest/" LINK "/a.txt", "", 400, "invalid request: file must be non-empty\n"},
        {"/api/guest/" LINK "/a.txt?note=hello", "x", 400,
         "invalid request: guest uploads cannot have file notes\n"},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response r;
        http_do(s, &(struct request){.method = "PUT", .path = cases[i].path, .text = cases[i].text},
                &r);
        expect_error(&r, cases[i].path, cases[i].status, cases[i].error);
        response_done(&r);
    }
}

/* Row 7, which improvements.md gives another status. */
static void test_7_too_large(void **state)
{
    const struct server *s = *state;
    const struct part parts[] = {{.name = "file", .filename = "a.bin", .bytes = MIN_LINK_BYTES + 1},
                                 {0}};
    const struct request requests[] = {
        {.method = "POST", .path = "/api/guest/smaJJJgh23456789", .parts = parts},
        {.method = "PUT", .path = "/api/guest/smaJJJgh23456789/a", .bytes = MIN_LINK_BYTES + 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        struct response r;
        http_do(s, &requests[i], &r);
        expect_error(&r, requests[i].path, 413, "invalid request: ");
        assert_non_null(strstr(response_text(&r), "http: request body too large"));
        response_done(&r);
    }
}

/* ---- 8. guest links -------------------------------------------------------------------------- */

#define URL_TIME "\"urlExpirationTime\":\"2040-01-02T03:04:25Z\""
#define LIFETIME "\"fileLifetime\":\"24h\""

static void test_8_1_create(void **state)
{
    static const struct json_case cases[] = {
        {"", 400, "Invalid request: EOF\n"},
        {"\n", 400, "Invalid request: "},
        {"{", 400, "Invalid request: "},
        {"[" URL_TIME "]", 400, "Invalid request: "},
        {"[]", 400, "Invalid request: "},
        {"\"text\"", 400, "Invalid request: "},
        {"5", 400, "Invalid request: "},
        {"{\"label\":5," URL_TIME "," LIFETIME "}", 400, "Invalid request: "},
        {"{\"label\":\"" A201 "\"," URL_TIME "," LIFETIME "}", 400, "Invalid request: " LABEL_LONG},
        {"{}", 400, "Invalid request: " FORMAT},
        {"null", 400, "Invalid request: " FORMAT},
        {"{\"urlExpirationTime\":null," LIFETIME "}", 400, "Invalid request: " FORMAT},
        {"{\"urlExpirationTime\":\"banana\"," LIFETIME "}", 400, "Invalid request: " FORMAT},
        {"{\"expirationTime\":\"2040-01-02T03:04:25Z\"," LIFETIME "}", 400,
         "Invalid request: " FORMAT},
        {"{\"urlExpirationTime\":\"2024-01-01T00:00:00Z\"," LIFETIME "}", 400,
         "Invalid request: " SOON},
        {"{" URL_TIME "}", 400, "Invalid request: " LIFETIME_FORMAT},
        {"{" URL_TIME ",\"fileLifetime\":null}", 400, "Invalid request: " LIFETIME_FORMAT},
        {"{" URL_TIME ",\"fileLifetime\":\"\"}", 400, "Invalid request: " LIFETIME_FORMAT},
        {"{" URL_TIME ",\"fileLifetime\":\"30d\"}", 400, "Invalid request: " LIFETIME_FORMAT},
        {"{" URL_TIME ",\"fileLifetime\":\"24\"}", 400, "Invalid request: " LIFETIME_FORMAT},
        {"{" URL_TIME ",\"fileLifetime\":\"2562048h\"}", 400, "Invalid request: " LIFETIME_FORMAT},
        {"{" URL_TIME ",\"fileLifetime\":\"0\"}", 400, "Invalid request: " LIFETIME_SHORT},
        {"{" URL_TIME ",\"fileLifetime\":\"-48h\"}", 400, "Invalid request: " LIFETIME_SHORT},
        {"{" URL_TIME ",\"fileLifetime\":\"23h59m59.9s\"}", 400,
         "Invalid request: " LIFETIME_SHORT},
        {"{" URL_TIME "," LIFETIME ",\"maxFileBytes\":1048575}", 400,
         "Invalid request: " BYTES_LOW},
        {"{" URL_TIME "," LIFETIME ",\"maxFileBytes\":0}", 400, "Invalid request: " BYTES_LOW},
        {"{" URL_TIME "," LIFETIME ",\"maxFileBytes\":-1}", 400, "Invalid request: "},
        {"{" URL_TIME "," LIFETIME ",\"maxFileBytes\":\"1048576\"}", 400, "Invalid request: "},
        {"{" URL_TIME "," LIFETIME ",\"maxFileUploads\":0}", 400, "Invalid request: " UPLOADS_LOW},
        {"{" URL_TIME "," LIFETIME ",\"maxFileUploads\":-1}", 400, "Invalid request: " UPLOADS_LOW},
        {"{" URL_TIME "," LIFETIME ",\"maxFileUploads\":[1]}", 400, "Invalid request: "},
        /* types, then the members in the order of 8.1, not that of the body */
        {"{\"label\":\"" A201 "\",\"urlExpirationTime\":\"banana\",\"maxFileUploads\":\"1\"}", 400,
         "Invalid request: maxFileUploads"},
        {"{\"maxFileUploads\":0,\"maxFileBytes\":0,\"fileLifetime\":\"1h\","
         "\"urlExpirationTime\":\"banana\",\"label\":\"" A201 "\"}",
         400, "Invalid request: " LABEL_LONG},
        {"{\"maxFileUploads\":0,\"maxFileBytes\":0,\"fileLifetime\":\"1h\","
         "\"urlExpirationTime\":\"banana\"}",
         400, "Invalid request: " FORMAT},
        {"{\"maxFileUploads\":0,\"maxFileBytes\":0,\"fileLifetime\":\"1h\"," URL_TIME "}", 400,
         "Invalid request: " LIFETIME_SHORT},
        {"{\"maxFileUploads\":0,\"maxFileBytes\":0," LIFETIME "," URL_TIME "}", 400,
         "Invalid request: " BYTES_LOW},
    };
    expect_json_errors(*state, "POST", "/api/guest-links", cases, ARRAY_LEN(cases));
}

static void test_8_2_8_3_change(void **state)
{
    static const struct {
        const char *method;
        const char *path;
        int status;
        const char *text;
    } cases[] = {
        {"DELETE", "/api/guest-links/bad", 400, BAD_LINK("bad", "3")},
        {"DELETE", "/api/guest-links/abcdefgh0123456l", 400,
         "Invalid guest link ID: entry ID (abcdefgh0123456l) contains invalid character: 0\n"},
        {"PUT", "/api/guest-links/bad/enable", 400, BAD_LINK("bad", "3")},
        {"PUT", "/api/guest-links/bad/disable", 400, BAD_LINK("bad", "3")},
        {"PUT", "/api/guest-links/bad/restore", 400, BAD_LINK("bad", "3")},
        {"PUT", "/api/guest-links/doesntexistaaaaa/restore", 404,
         "Guest link with ID doesntexistaaaaa not found: it was not deleted, or too long ago\n"},
        {"PUT", "/api/guest-links/doesntexistaaaaa/enable", 404,
         "Guest link with ID doesntexistaaaaa not found: "},
        {"PUT", "/api/guest-links/doesntexistaaaaa/disable", 404,
         "Guest link with ID doesntexistaaaaa not found: "},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct json_case c = {NULL, cases[i].status, cases[i].text};
        expect_json_errors(*state, cases[i].method, cases[i].path, &c, 1);
    }
    api_expect(*state, "DELETE", "/api/guest-links/doesntexistaaaaa", NULL, 200, "");
}

/* ---- 9. settings ----------------------------------------------------------------------------- */

static void test_9_settings(void **state)
{
    static const char short_text[] = "Invalid request: file lifetime must be at least 1 days\n";
    static const char long_text[] = "Invalid request: file lifetime must be at most 10 years\n";
    static const struct json_case cases[] = {
        {"", 400, "Invalid request: EOF\n"},
        {"{", 400, "Invalid request: "},
        {"[]", 400, "Invalid request: "},
        {"{\"defaultExpirationDays\":\"7\"}", 400, "Invalid request: "},
        {"{\"defaultExpirationDays\":7.0}", 400, "Invalid request: "},
        {"{\"defaultExpirationDays\":7.5}", 400, "Invalid request: "},
        {"{\"defaultExpirationDays\":7e0}", 400, "Invalid request: "},
        {"{\"defaultExpirationDays\":-1}", 400, "Invalid request: "},
        {"{\"defaultExpirationDays\":65536}", 400, "Invalid request: "},
        {"{\"defaultExpirationDays\":18446744073709551623}", 400, "Invalid request: "},
        {"{\"defaultExpirationDays\":true}", 400, "Invalid request: "},
        {"{\"defaultNeverExpire\":1}", 400, "Invalid request: "},
        {"{\"defaultNeverExpire\":\"true\"}", 400, "Invalid request: "},
        {"{}", 400, short_text},
        {"null", 400, short_text},
        {"{\"defaultExpirationDays\":null}", 400, short_text},
        {"{\"defaultExpirationDays\":0}", 400, short_text},
        {"{\"defaultExpirationDays\":0,\"defaultNeverExpire\":false}", 400, short_text},
        {"{\"defaultNeverExpire\":null}", 400, short_text},
        {"{\"defaultExpirationDays\":3651}", 400, long_text},
        {"{\"defaultExpirationDays\":65535}", 400, long_text},
        /* ignored, but it must be a number of days all the same */
        {"{\"defaultExpirationDays\":65536,\"defaultNeverExpire\":true}", 400,
         "Invalid request: defaultExpirationDays"},
        {"{\"defaultExpirationDays\":\"x\",\"defaultNeverExpire\":true}", 400,
         "Invalid request: defaultExpirationDays"},
    };
    expect_json_errors(*state, "PUT", "/api/settings", cases, ARRAY_LEN(cases));
}

/* ---- 10. downloads --------------------------------------------------------------------------- */

static void test_10_downloads(void **state)
{
    static const struct {
        const char *id;
        int status;
        const char *text;
    } cases[] = {
        {"bad", 400, BAD_ID("bad", "3")},
        {"AAAAAAAAAl", 400,
         "bad entry ID: entry ID (AAAAAAAAAl) contains invalid character: 108\n"},
        {"ZZZZZZZZZZ", 404, "entry not found\n"},
        {"NNNNNNNNNN", 404, "entry not found\n"},
    };
    const struct server *s = *state;
    /* no rows of data */
    db_change(s, "INSERT INTO entries VALUES ('NNNNNNNNNN', 'a.txt', '', '2024-01-01T00:00:00Z',"
                 " '" NEVER "', NULL, NULL)");
    for (size_t i = 0; i < ARRAY_LEN(cases) * 2; i++) {
        char path[64];
        struct response r;
        snprintf(path, sizeof path, "/%c%s", i % 2 == 0 ? '-' : '!', cases[i / 2].id);
        http_get(s, path, &r);
        expect_error(&r, path, cases[i / 2].status, cases[i / 2].text);
        assert_true(response_has(&r, "Content-Security-Policy", "sandbox"));
        response_done(&r);
    }
    db_change(s, "DELETE FROM entries WHERE id = 'NNNNNNNNNN'");
}

/* ---- a database that fails ------------------------------------------------------------------- */

static void expect_failure(const struct server *s, const struct request *q, const char *text)
{
    struct request as_owner = *q;
    struct response r;
    as_owner.auth = AUTH_COOKIE;
    http_do(s, &as_owner, &r);
    expect_error(&r, q->path, 500, text);
    response_done(&r);
}

/* What a form may hold besides files is bounded: one field, and everything together. */
static void test_6_1_large_forms(void **state)
{
    enum { FIELD_BYTES = 8192, OVERHEAD_BYTES = 12 * 1024 * 1024 };
    const struct server *s = *state;
    static const struct {
        const char *name;
        int64_t bytes;
        const char *text;
    } cases[] = {
        {"note", FIELD_BYTES + 1, "invalid request: " NOTE_LONG},
        {"note", 100 * FIELD_BYTES, "invalid request: " NOTE_LONG},
        {"other", OVERHEAD_BYTES + 1, "invalid request: multipart: message too large\n"},
    };
    char *text = calloc(1, OVERHEAD_BYTES + 2);
    assert_non_null(text);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response r;
        memset(text, 'a', (size_t)cases[i].bytes);
        text[cases[i].bytes] = '\0';
        const struct part parts[] = {{.name = cases[i].name, .text = text},
                                     {.name = "file", .filename = "a.txt", .text = "x"},
                                     {.name = NULL}};
        http_do(
            s,
            &(struct request){
                .method = "POST", .path = "/api/entry" FUTURE, .auth = AUTH_COOKIE, .parts = parts},
            &r);
        expect_error(&r, cases[i].name, 400, cases[i].text);
        response_done(&r);
    }
    free(text);
}

/* The last row of every table, by taking the tables away. */
static void test_database_failures(void **state)
{
    static const char edit[] = "{\"filename\":\"a.txt\"}";
    static const char link[] = "{" URL_TIME "," LIFETIME "}";
    static const char *const form[] = {FORM_TYPE, NULL};
    static const struct {
        const char *table;
        struct request request;
        const char *text;
    } cases[] = {
        {"settings",
         {.method = "PUT", .path = "/api/settings", .text = "{\"defaultNeverExpire\":true}"},
         "Failed to save settings: "},
        {"settings",
         {.method = "PUT", .path = "/api/upload/a.txt", .text = "x"},
         "failed to read settings from database"},
        {"entries",
         {.method = "PUT", .path = "/api/entry/" FILE_ID, .text = edit},
         "Failed to save new entry data: "},
        {"entries",
         {.method = "DELETE", .path = "/api/entry/" FILE_ID},
         "failed to delete entry\n"},
        {"entries",
         {.method = "POST",
          .path = "/api/entry" FUTURE,
          .headers = form,
          .text = PART_OF("a", "x") END},
         "failed to insert file into database\n"},
        {"entries", {.path = "/-" FILE_ID}, "failed to retrieve entry\n"},
        {"entries", {.path = "/files"}, "failed to retrieve file index\n"},
        {"entries", {.path = "/files/" FILE_ID "/info"}, "failed to retrieve entry\n"},
        {"settings", {.path = "/settings"}, "failed to read settings from database: "},
        {"guest_links", {.path = "/guest-links"}, "Failed to retrieve guest links\n"},
        {"guest_links", {.path = "/g/" LINK}, "Failed to retrieve guest link\n"},
        {"guest_links",
         {.method = "POST",
          .path = "/api/guest/" LINK,
          .headers = form,
          .text = PART_OF("a", "x") END},
         "Failed to retrieve guest link\n"},
        {"guest_links",
         {.method = "POST", .path = "/api/guest-links", .text = link},
         "Failed to save guest link: "},
        {"guest_links",
         {.method = "DELETE", .path = "/api/guest-links/" LINK},
         "Failed to delete guest link: "},
        {"guest_links",
         {.method = "PUT", .path = "/api/guest-links/" LINK "/disable"},
         "Failed to change guest link enabled state: "},
    };
    (void)state;
    struct server s;
    server_start(&s, NULL);
    server_sign_in(&s);
    put_rows(&s);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        db_change(&s, "PRAGMA legacy_alter_table = ON; ALTER TABLE %s RENAME TO away",
                  cases[i].table);
        expect_failure(&s, &cases[i].request, cases[i].text);
        db_change(&s, "PRAGMA legacy_alter_table = ON; ALTER TABLE away RENAME TO %s",
                  cases[i].table);
    }
    /* and nothing is broken for good */
    api_expect(&s, "PUT", "/api/entry/" FILE_ID, edit, 200, "");
    api_expect(&s, "PUT", "/api/guest-links/" LINK "/disable", NULL, 204, "");
    api_expect(&s, "PUT", "/api/settings", "{\"defaultNeverExpire\":true}", 200, "");
    server_end(&s);
}

/* ---- 2.5: what the JSON of a request may look like ------------------------------------------- */

static void expect_filename(const struct server *s, const char *name)
{
    expect_db(s, name, "SELECT filename FROM entries WHERE id = '" FILE_ID "'");
}

static void test_json_content_types(void **state)
{
    static const char *const types[] = {
        "Content-Type: application/json",
        "Content-Type: application/json; charset=utf-8",
        "Content-Type: text/plain;charset=UTF-8",
        "Content-Type: text/json",
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Type: multipart/form-data; boundary=B",
        "Content-Type: multipart/form-data",
        "Content-Type: nonsense",
        "Content-Type:",
    };
    const struct server *s = *state;
    put_rows(s);
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        const char *const headers[] = {types[i], NULL};
        char json[64];
        char name[24];
        struct response r;
        snprintf(name, sizeof name, "name-%zu.txt", i);
        snprintf(json, sizeof json, "{\"filename\":\"%s\"}", name);
        for (int chunked = 0; chunked < 2; chunked++) {
            const char *const with_coding[] = {types[i], "Transfer-Encoding: chunked", NULL};
            http_do(s,
                    &(struct request){.method = "PUT",
                                      .path = "/api/entry/" FILE_ID,
                                      .auth = AUTH_COOKIE,
                                      .headers = chunked ? with_coding : headers,
                                      .text = json},
                    &r);
            expect_answer(&r, 200, "");
            assert_null(response_header(&r, "Content-Type"));
            response_done(&r);
        }
        expect_filename(s, name);
    }
}

/* What is taken, and which name the file has then. */
static void test_json_taken(void **state)
{
    static const struct {
        const char *json;
        const char *name;
    } cases[] = {
        /* what follows the value is ignored */
        {"{\"filename\":\"trailing-1\"} trailing", "trailing-1"},
        {"{\"filename\":\"trailing-2\"}{\"filename\":\"other\"}", "trailing-2"},
        {"{\"filename\":\"trailing-3\"}}", "trailing-3"},
        {"{\"filename\":\"trailing-4\"}\xff\xfe", "trailing-4"},
        {" \t\r\n{\t\"filename\"\n:\r\"blanks\" }  ", "blanks"},
        /* unknown members are ignored, whatever they hold */
        {"{\"x\":[{\"filename\":\"inner\"}],\"filename\":\"unknown-1\",\"\":{}}", "unknown-1"},
        {"{\"filename\":\"unknown-2\",\"x\":1.5e3,\"y\":-0,\"z\":[[],{},null,true]}", "unknown-2"},
        {"{\"filename\":\"unknown-3\",\"filenames\":5,\"file\":5,\" filename\":5}", "unknown-3"},
        {"{\"filename\":\"unknown-4\",\"x\":123456789012345678901234567890}", "unknown-4"},
        /* names match without case */
        {"{\"FILENAME\":\"case-1\"}", "case-1"},
        {"{\"fileName\":\"case-2\",\"NOTE\":null,\"Expiration\":\"2040-01-01T00:00:00Z\"}",
         "case-2"},
        {"{\"\\u0066ilename\":\"case-3\"}", "case-3"},
        /* the last of several wins, whatever their case */
        {"{\"filename\":\"first\",\"filename\":\"last-1\"}", "last-1"},
        {"{\"filename\":\"first\",\"Filename\":\"last-2\"}", "last-2"},
        {"{\"Filename\":\"first\",\"filename\":\"last-3\"}", "last-3"},
        /* null is as good as absent */
        {"{\"filename\":\"null-1\",\"note\":null,\"expiration\":null}", "null-1"},
        /* escapes, and text beyond ASCII */
        {"{\"filename\":\"\\u00e9\\u20ac\\ud83d\\ude00\\\"\"}", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98"
                                                                "\x80\""},
        {"{\"filename\":\"\xc3\xa9\xf0\x9f\x98\x80\"}", "\xc3\xa9\xf0\x9f\x98\x80"},
    };
    const struct server *s = *state;
    put_rows(s);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response r;
        api_call(s, "PUT", "/api/entry/" FILE_ID, cases[i].json, &r);
        if (r.status != 200) {
            fail_msg("%s: %d %s", cases[i].json, r.status, response_text(&r));
        }
        expect_answer(&r, 200, "");
        response_done(&r);
        expect_filename(s, cases[i].name);
    }
}

/* A null or absent member leaves nothing of the old values. */
static void test_json_null_members(void **state)
{
    static const char *const bodies[] = {
        "{\"filename\":\"a.txt\"}",
        "{\"filename\":\"a.txt\",\"note\":null,\"expiration\":null}",
        "{\"filename\":\"a.txt\",\"note\":\"\",\"expiration\":\"\"}",
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        put_rows(s);
        api_expect(s, "PUT", "/api/entry/" FILE_ID, bodies[i], 200, "");
        expect_db(
            s, "a.txt|" NEVER "|-",
            "SELECT filename, expiration_time, ifnull(note, '-') FROM entries WHERE id = '" FILE_ID
            "'");
    }
}

/* What is no JSON, or holds what no text of ours may hold. */
static void test_json_refused(void **state)
{
    static const struct json_case cases[] = {
        {"{\"filename\":\"a\",}", 400, "Bad request: "},
        {"{filename:\"a\"}", 400, "Bad request: "},
        {"{'filename':'a'}", 400, "Bad request: "},
        {"{\"filename\":\"a\"", 400, "Bad request: "},
        {"{\"filename\":\"a", 400, "Bad request: "},
        {"{\"filename\" \"a\"}", 400, "Bad request: "},
        {"{\"filename\":\"a\" \"note\":\"b\"}", 400, "Bad request: "},
        {"{\"filename\":\"a\nb\"}", 400, "Bad request: "}, /* a control character as it is */
        {"{\"filename\":\"a\\x41\"}", 400, "Bad request: "},
        {"{\"filename\":\"a\\u00g0\"}", 400, "Bad request: "},
        {"{\"filename\":\"a\\u0000b\"}", 400, "Bad request: "},
        {"{\"filename\":\"a\",\"note\":\"b\\u0000c\"}", 400, "Bad request: "},
        {"{\"filename\":\"a\\ud83d\"}", 400, "Bad request: "},
        {"{\"filename\":\"a\\ude00\"}", 400, "Bad request: "},
        {"{\"filename\":\"a\\ud83d\\u0041\"}", 400, "Bad request: "},
        {"{\"filename\":\"a\xff\"}", 400, "Bad request: "},
        {"{\"filename\":\"a\xc3\"}", 400, "Bad request: "},
        {"{\"filename\":\"a\xc0\xaf\"}", 400, "Bad request: "},
        {"{\"filename\":\"a\xed\xa0\x80\"}", 400, "Bad request: "},
        {"{\"filename\":\"a\",\"note\":\"b\xff\"}", 400, "Bad request: "},
        {"\xef\xbb\xbf{\"filename\":\"a\"}", 400, "Bad request: "},
        {"nul", 400, "Bad request: "},
        {"NaN", 400, "Bad request: "},
        {"true", 400, "Bad request: "},
        {"\"filename\"", 400, "Bad request: "},
        {"[{\"filename\":\"a\"}]", 400, "Bad request: "},
        {"}", 400, "Bad request: "},
        {",{\"filename\":\"a\"}", 400, "Bad request: "},
        {"filename=a.txt", 400, "Bad request: "},
    };
    expect_json_errors(*state, "PUT", "/api/entry/" FILE_ID, cases, ARRAY_LEN(cases));
}

/* NUL bytes in the body, which no C string can carry. */
static void test_json_nul_bytes(void **state)
{
    static const char bodies[][32] = {"{\"filename\":\"a\0b\"}", "{\"filename\":\0\"ab\"}",
                                      "\0\"filename\":\"ab\"}"};
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        enum { BODY_BYTES = 18 };
        char text[600];
        int head = snprintf(text, sizeof text,
                            "PUT /api/entry/" FILE_ID " HTTP/1.1\r\nHost: localhost\r\n"
                            "Cookie: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n",
                            s->cookie, BODY_BYTES);
        assert_in_range(head, 1, (int)sizeof text - BODY_BYTES);
        memcpy(text + head, bodies[i], BODY_BYTES);
        struct response r;
        bool closed;
        assert_int_equal(raw_exchange(s, text, (size_t)head + BODY_BYTES, &r, &closed), RAW_OK);
        expect_error(&r, "NUL", 400, "Bad request: ");
        response_done(&r);
    }
}

enum { LIMIT = 64 * 1024 };

/* A body of that many bytes in front of which JSON stands, the rest blanks; or nesting. */
static char *body_of(size_t bytes, const char *start, char filler)
{
    char *body = malloc(bytes + 1);
    assert_non_null(body);
    memset(body, filler, bytes);
    memcpy(body, start, strlen(start));
    body[bytes] = '\0';
    return body;
}

static void test_json_limit(void **state)
{
    static const struct {
        const char *method;
        const char *path;
        const char *json;
        const char *too_deep;
    } cases[] = {
        {"PUT", "/api/entry/" FILE_ID, "{\"filename\":\"a.txt\"}", "Bad request: "},
        {"POST", "/api/guest-links", "{" URL_TIME "," LIFETIME "}", "Invalid request: "},
        {"PUT", "/api/settings", "{\"defaultExpirationDays\":30}", "Invalid request: "},
    };
    const struct server *s = *state;
    put_rows(s);
    for (size_t i = 0; i < ARRAY_LEN(cases) * 2; i++) {
        const struct request request = {
            .method = cases[i / 2].method, .path = cases[i / 2].path, .auth = AUTH_COOKIE};
        static const char *const chunked[] = {"Transfer-Encoding: chunked", NULL};
        struct request q = request;
        struct response r;
        q.headers = i % 2 == 1 ? chunked : NULL;
        char *body = body_of(LIMIT, cases[i / 2].json, ' ');
        q.text = body;
        http_do(s, &q, &r);
        expect_answer(&r, 200, NULL);
        response_done(&r);
        free(body);
        q.text = body = body_of(LIMIT + 1, cases[i / 2].json, ' ');
        http_do(s, &q, &r);
        expect_error(&r, q.path, 413, "request body too large\n");
        response_done(&r);
        free(body);
        q.text = body = body_of(LIMIT, "[", '[');
        http_do(s, &q, &r);
        expect_error(&r, q.path, 400, cases[i / 2].too_deep);
        response_done(&r);
        free(body);
    }
}

/* Announced, and refused without waiting for it; 100-continue does not come. */
static void test_json_announced_too_large(void **state)
{
    static const char *const expect[] = {"Expect: 100-continue\r\n", ""};
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(expect); i++) {
        struct raw *c = malloc(sizeof *c);
        assert_non_null(c);
        char head[600];
        snprintf(head, sizeof head,
                 "PUT /api/settings HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\n%s"
                 "Content-Length: 104857600\r\n\r\n",
                 s->cookie, expect[i]);
        assert_true(raw_open(s, c));
        assert_true(raw_text(c, head));
        struct response r;
        assert_int_equal(raw_answer(c, false, &r), RAW_OK);
        expect_error(&r, expect[i], 413, "request body too large\n");
        response_done(&r);
        raw_close(c);
        free(c);
    }
}

/* ---- the forms of an error ------------------------------------------------------------------- */

enum form { PLAIN, PROBLEM, PAGE };

static void expect_form(const struct response *r, const char *what, enum form form, int status,
                        const char *text)
{
    static const char *const types[] = {"text/plain; charset=utf-8", "application/problem+json",
                                        "text/html; charset=utf-8"};
    const char *type = response_header(r, "Content-Type");
    char expected[400];
    if (r->status != status || type == NULL || strcmp(type, types[form]) != 0) {
        fail_msg("%s: %d %s %s", what, r->status, type, response_text(r));
    }
    assert_true(response_has(r, "X-Content-Type-Options", "nosniff"));
    if (form == PLAIN) {
        snprintf(expected, sizeof expected, "%s\n", text);
        assert_string_equal(response_text(r), expected);
    } else if (form == PROBLEM) {
        snprintf(expected, sizeof expected, "\"detail\":\"%s\"", text);
        assert_non_null(strstr(response_text(r), expected));
        snprintf(expected, sizeof expected, "\"status\":%d", status);
        assert_non_null(strstr(response_text(r), expected));
        assert_non_null(strstr(response_text(r), "\"title\":\""));
    } else {
        assert_non_null(strstr(response_text(r), text));
        assert_non_null(strstr(response_text(r), "<h1"));
    }
}

static void test_forms_of_errors(void **state)
{
    static const struct {
        const char *accept;
        enum form api;  /* on routes of the API */
        enum form page; /* on pages and downloads */
    } accepts[] = {
        {"Accept:", PLAIN, PLAIN},
        {"Accept: */*", PLAIN, PLAIN},
        {"Accept: text/plain", PLAIN, PLAIN},
        {"Accept: text/html", PLAIN, PAGE},
        {"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", PLAIN, PAGE},
        {"Accept: application/json", PROBLEM, PROBLEM},
        {"Accept: APPLICATION/JSON", PROBLEM, PROBLEM},
        {"Accept: application/problem+json", PROBLEM, PROBLEM},
        {"Accept: application/problem+json, application/json", PROBLEM, PROBLEM},
        {"Accept: text/plain;q=0.5, application/json", PROBLEM, PROBLEM},
        {"Accept: application/json;q=0.5, text/plain", PLAIN, PLAIN},
        {"Accept: application/json;q=0", PLAIN, PLAIN},
        {"Accept: application/json, */*;q=0.1", PROBLEM, PROBLEM},
        {"Accept: text/html;q=0.4,application/json;q=0.9", PROBLEM, PROBLEM},
        {"Accept: application/json;q=0.4,text/html;q=0.9", PLAIN, PAGE},
        {"Accept: text/html, application/json", PLAIN, PAGE},
        {"Accept: image/png", PLAIN, PLAIN},
        {"Accept: nonsense", PLAIN, PLAIN},
    };
    static const struct {
        const char *method;
        const char *path;
        const char *text;
        bool page;
        bool signed_out;
        int status;
        const char *error;
        const char *range;
    } cases[] = {
        {"PUT", "/api/settings", "{}", false, false, 400,
         "Invalid request: file lifetime must be at least 1 days", NULL},
        {"PUT", "/api/entry/ZZZZZZZZZZ", "{\"filename\":\"a\"}", false, false, 404,
         "Invalid entry ID", NULL},
        {"DELETE", "/api/entry/bad", NULL, false, false, 400,
         "bad entry ID: entry ID (bad) has invalid length: got 3, want 10", NULL},
        {"POST", "/api/guest-links", "", false, false, 400, "Invalid request: EOF", NULL},
        {"PUT", "/api/settings", "{}", false, true, 401, "Authentication required", NULL},
        {"POST", "/api/guest/doesntexistaaaaa", "", false, true, 404, "Invalid guest link ID",
         NULL},
        {"PUT", "/api/guest/" LINK "/..a", "x", false, true, 400,
         "invalid request: filename cannot begin with dots", NULL},
        {"GET", "/-ZZZZZZZZZZ", NULL, true, true, 404, "entry not found", NULL},
        {"GET", "/-" FILE_ID, NULL, true, true, 416, "invalid range", "Range: bytes=x"},
        {"GET", "/-" FILE_ID "?download=1", NULL, true, true, 416,
         "invalid range: failed to overlap", "Range: bytes=999999-"},
        {"GET", "/g/doesntexistaaaaa", NULL, true, true, 404, "Invalid guest link ID", NULL},
        {"GET", "/files/ZZZZZZZZZZ/info", NULL, true, false, 404, "entry not found", NULL},
        {"GET", "/no/such/path", NULL, true, true, 404, "404 page not found", NULL},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases) * ARRAY_LEN(accepts); i++) {
        size_t c = i / ARRAY_LEN(accepts);
        size_t a = i % ARRAY_LEN(accepts);
        const char *const headers[] = {accepts[a].accept, cases[c].range, NULL};
        char what[200];
        struct response r;
        snprintf(what, sizeof what, "%s %s, %s", cases[c].method, cases[c].path, accepts[a].accept);
        http_do(s,
                &(struct request){.method = cases[c].method,
                                  .path = cases[c].path,
                                  .auth = cases[c].signed_out ? AUTH_NONE : AUTH_COOKIE,
                                  .headers = headers,
                                  .text = cases[c].text},
                &r);
        expect_form(&r, what, cases[c].page ? accepts[a].page : accepts[a].api, cases[c].status,
                    cases[c].error);
        response_done(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        refusals_test(test_5_sign_in),
        refusals_test(test_5_not_signed_in),
        refusals_test(test_6_1_upload),
        refusals_test(test_6_1_order),
        refusals_test(test_6_1_plain_upload),
        refusals_test(test_6_1_large_forms),
        refusals_test(test_6_2_edit),
        refusals_test(test_6_3_delete),
        refusals_test(test_7_guest),
        refusals_test(test_7_plain_guest),
        refusals_test(test_7_too_large),
        refusals_test(test_8_1_create),
        refusals_test(test_8_2_8_3_change),
        refusals_test(test_9_settings),
        refusals_test(test_10_downloads),
        cmocka_unit_test(test_database_failures),
        cmocka_unit_test(test_json_content_types),
        cmocka_unit_test(test_json_taken),
        cmocka_unit_test(test_json_null_members),
        refusals_test(test_json_refused),
        refusals_test(test_json_nul_bytes),
        cmocka_unit_test(test_json_limit),
        refusals_test(test_json_announced_too_large),
        refusals_test(test_forms_of_errors),
    };
    return harness_main(tests, server_group_setup, server_group_teardown);
}
