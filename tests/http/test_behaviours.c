/* The tables of behaviours.md that can be seen over HTTP, section by section and case by case, with
 * what improvements.md overrides. The server has the real clock, so the dates of section 4 are
 * moved to where they stand in relation to now; where the clock of a table does not matter, its
 * dates are simply far away. */
#include "api.h"

#define LINK "abcdefgh23456789"
#define A20 "AAAAAAAAAAAAAAAAAAAA"
#define LABEL_200 A20 A20 A20 A20 A20 A20 A20 A20 A20 A20

enum { NOTE_BYTES = 500 };

static void delete_everything(const struct server *s)
{
    db_change(s, "BEGIN; DELETE FROM downloads; DELETE FROM entries; DELETE FROM entries_data;"
                 "DELETE FROM guest_links; COMMIT");
}

static void expect_contents(const struct server *s, const char *id, const char *text)
{
    char path[32];
    struct response r;
    snprintf(path, sizeof path, "/-%s", id);
    http_get(s, path, &r);
    expect_answer(&r, 200, text);
    response_done(&r);
}

static int64_t now_s(void)
{
    return (int64_t)time(NULL);
}

/* ---- 1. POST /api/entry ---------------------------------------------------------------------- */

static void test_1_upload(void **state)
{
    static char long_note[NOTE_BYTES + 2];
    static const struct {
        const char *name;
        const char *contents;
        const char *expiration;
        const char *note;
        int status;
    } cases[] = {
        {"dummyimage.png", "dummy bytes", "2040-01-01T00:00:00Z", "", 200},
        {"dummyimage.png", "dummy bytes", "2040-01-01T00:00:00Z", "for my friends", 200},
        {"dummyimage.png", "dummy bytes", "2040-01-01T00:00:00Z", long_note, 400},
        {".", "dummy bytes", "2040-01-01T00:00:00Z", "", 400},
        {"dummy.png", "", "2040-01-01T00:00:00Z", "", 400},
        {"dummy.png", "dummy bytes", "2024-01-01T00:00:00Z", "", 400},
        {"dummy.png", "dummy bytes", "invalid-expiration-date", "", 400},
    };
    const struct server *s = *state;
    memset(long_note, 'A', NOTE_BYTES + 1);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct part parts[] = {
            {.name = "file", .filename = cases[i].name, .text = cases[i].contents},
            {.name = "note", .text = cases[i].note},
            {0}};
        int64_t before = db_entries(s);
        char path[100];
        char id[ID_CHARS + 1];
        struct response r;
        snprintf(path, sizeof path, "/api/entry?expiration=%s", cases[i].expiration);
        http_do(
            s,
            &(struct request){.method = "POST", .path = path, .auth = AUTH_COOKIE, .parts = parts},
            &r);
        expect_answer(&r, cases[i].status, NULL);
        if (cases[i].status == 200) {
            char expected[200];
            expect_id(&r, ID_CHARS, id);
            snprintf(expected, sizeof expected, "%s|%s|%s", cases[i].name, cases[i].expiration,
                     cases[i].note);
            expect_db(s, expected,
                      "SELECT filename, expiration_time, ifnull(note, '') FROM entries"
                      " WHERE id = '%s'",
                      id);
            expect_contents(s, id, cases[i].contents);
        }
        response_done(&r);
        assert_int_equal(db_entries(s), before + (cases[i].status == 200));
    }
    assert_true(db_wait_no_orphans(s));
}

/* ---- 2. PUT /api/entry/{id} ------------------------------------------------------------------ */

static void put_original(const struct server *s, const char *expires)
{
    delete_everything(s);
    db_change(s,
              "INSERT INTO entries_data VALUES ('AAAAAAAAAA', 0, CAST('dummy data' AS BLOB));"
              "INSERT INTO entries VALUES ('AAAAAAAAAA', 'original-filename.mp3', 'audio/mpeg',"
              " '2023-01-01T00:00:00Z', '%s', NULL, NULL)",
              expires);
}

static void edit(const struct server *s, const char *id, const char *json, int status)
{
    static const char *const type[] = {"Content-Type: text/json", NULL};
    char path[64];
    struct response r;
    snprintf(path, sizeof path, "/api/entry/%s", id);
    http_do(s,
            &(struct request){
                .method = "PUT", .path = path, .auth = AUTH_COOKIE, .headers = type, .text = json},
            &r);
    expect_answer(&r, status, NULL);
    response_done(&r);
}

static void test_2_edit(void **state)
{
    static const char unchanged[] = "AAAAAAAAAA|original-filename.mp3|audio/mpeg|"
                                    "2023-01-01T00:00:00Z|2039-12-15T21:52:33Z||-";
    static const struct {
        const char *id;
        const char *json;
        int status;
        const char *row;
    } cases[] = {
        {"AAAAAAAAAA",
         "{\"filename\":\"cool-song.mp3\",\"expiration\":\"2040-01-02T01:02:03Z\","
         "\"note\":\"My latest track\"}",
         200,
         "AAAAAAAAAA|cool-song.mp3|audio/mpeg|2023-01-01T00:00:00Z|2040-01-02T01:02:03Z||"
         "My latest track"},
        {"AAAAAAAAAA", "{\"filename\":\"cool-song.mp3\",\"note\":\"My latest track\"}", 200,
         "AAAAAAAAAA|cool-song.mp3|audio/mpeg|2023-01-01T00:00:00Z|" NEVER "||My latest track"},
        {"AAAAAAAAAA",
         "{\"filename\":\"\",\"expiration\":\"2040-01-02T01:02:03Z\",\"note\":\"My latest track\"}",
         400, unchanged},
        {"AAAAAAAAAA",
         "{\"filename\":\"cool-song.mp3\",\"expiration\":\"2040-01-02T01:02:03Z\","
         "\"note\":\"<script>alert(1)</script>\"}",
         400, unchanged},
        {"BBBBBBBBBB",
         "{\"filename\":\"cool-song.mp3\",\"expiration\":\"2040-01-02T01:02:03Z\","
         "\"note\":\"My latest track\"}",
         404, unchanged},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        put_original(s, "2039-12-15T21:52:33Z");
        edit(s, cases[i].id, cases[i].json, cases[i].status);
        expect_db(s, cases[i].row,
                  "SELECT id, filename, content_type, upload_time, expiration_time,"
                  " ifnull(guest_link_id, ''), ifnull(note, '-') FROM entries");
        expect_contents(s, "AAAAAAAAAA", "dummy data");
    }
    /* The table's own date has passed meanwhile, and what has expired is gone (improvements.md). */
    put_original(s, "2024-12-15T21:52:33Z");
    edit(s, "AAAAAAAAAA", "{\"filename\":\"cool-song.mp3\"}", 404);
    expect_db(s, "original-filename.mp3|2024-12-15T21:52:33Z",
              "SELECT filename, expiration_time FROM entries");
    delete_everything(s);
}

/* ---- 3. DELETE /api/entry/{id} --------------------------------------------------------------- */

static void test_3_delete(void **state)
{
    const struct server *s = *state;
    delete_everything(s);
    db_change(s, "INSERT INTO entries_data VALUES ('hR87apiUCj', 0, CAST('dummy data' AS BLOB));"
                 "INSERT INTO entries VALUES ('hR87apiUCj', 'a.txt', '', '2023-01-01T00:00:00Z',"
                 " '" NEVER "', NULL, NULL)");
    expect_contents(s, "hR87apiUCj",
                    "dummy data"); /* and a row of history, which must not hinder */
    api_expect(s, "DELETE", "/api/entry/hR87apiUCj", NULL, 200, "");
    expect_db(s, "0|0", "SELECT (SELECT count(*) FROM entries), (SELECT count(*) FROM downloads)");
    assert_true(db_wait_no_orphans(s));
    struct response r;
    http_get(s, "/-hR87apiUCj", &r);
    expect_answer(&r, 404, "entry not found\n");
    response_done(&r);
    api_expect(s, "DELETE", "/api/entry/hR87apiUCj", NULL, 200, "");
    api_expect(s, "DELETE", "/api/entry/invalid-entry-id", NULL, 400, NULL);
}

/* ---- 4. POST /api/guest/{id} ----------------------------------------------------------------- */

enum { NONE = -1, EMPTY = -2, FOREVER = -3 };

struct guest_case {
    const char *name;
    /* the link */
    int url_days; /* until it expires; FOREVER */
    const char *lifetime;
    bool disabled;
    int max_uploads; /* 0: any; files_before reference it already */
    int files_before;
    int max_bytes; /* 0: any */
    /* the request */
    const char *id;
    int days; /* expiration: days from now, NONE (no query), EMPTY, or FOREVER */
    const char *note;
    int status;
    int stored_days;
};

static const struct guest_case guest_cases[] = {
    {"valid, inf", 2194, INFINITE, false, 0, 0, 0, LINK, 2192, NULL, 200, 2192},
    {"link expired", -1, INFINITE, false, 0, 0, 0, LINK, 2192, NULL, 401, 0},
    {"link disabled", FOREVER, INFINITE, true, 0, 0, 0, LINK, 2192, NULL, 401, 0},
    {"id too long", 2194, INFINITE, false, 0, 0, 0, "i-am-an-invalid-guest-link", 2192, NULL, 400,
     0},
    {"id of forbidden characters", 2194, INFINITE, false, 0, 0, 0, "I0OI0OI0OI0OI0OI", 2192, NULL,
     400, 0},
    {"unknown id", 2194, INFINITE, false, 0, 0, 0, "doesntexistaaaaa", 2192, NULL, 404, 0},
    {"note sent", 2194, INFINITE, false, 0, 0, 0, LINK, 2192, "some note", 400, 0},
    {"empty note sent", 2194, INFINITE, false, 0, 0, 0, LINK, 2192, "", 200, 2192},
    {"count used up", 2194, INFINITE, false, 2, 2, 0, LINK, 2192, NULL, 401, 0},
    {"one place left", 2194, INFINITE, false, 2, 1, 0, LINK, 2192, NULL, 200, 2192},
    /* 400 with PicoShare */
    {"bytes exceeded", 2194, INFINITE, false, 0, 0, 1, LINK, 2192, NULL, 413, 0},
    {"1-day link, equal", 2194, "24h0m0s", false, 0, 0, 0, LINK, 1, NULL, 200, 1},
    {"365-day link, equal", 2194, "8760h0m0s", false, 0, 0, 0, LINK, 365, NULL, 200, 365},
    {"within limit", 2194, "720h0m0s", false, 0, 0, 0, LINK, 14, NULL, 200, 14},
    {"any date, inf", 2194, INFINITE, false, 0, 0, 0, LINK, 366, NULL, 200, 366},
    {"beyond limit", 2194, "168h0m0s", false, 0, 0, 0, LINK, 30, NULL, 400, 0},
    {"none given", 2194, "720h0m0s", false, 0, 0, 0, LINK, NONE, NULL, 200, 30},
    {"empty given", 2194, "720h0m0s", false, 0, 0, 0, LINK, EMPTY, NULL, 200, 30},
    {"none given, inf", 2194, INFINITE, false, 0, 0, 0, LINK, NONE, NULL, 200, FOREVER},
    {"empty given, inf", 2194, INFINITE, false, 0, 0, 0, LINK, EMPTY, NULL, 200, FOREVER},
};

static void put_link(const struct server *s, const struct guest_case *c)
{
    char expires[TIMESTAMP_SIZE] = NEVER;
    if (c->url_days != FOREVER) {
        timestamp_print(now_s() + (int64_t)c->url_days * DAY_S, expires);
    }
    delete_everything(s);
    db_change(s,
              "INSERT INTO guest_links VALUES ('" LINK "', '', nullif(%d, 0), nullif(%d, 0),"
              " '2024-01-01T00:00:00Z', '%s', '%s', %d)",
              c->max_bytes, c->max_uploads, expires, c->lifetime, c->disabled);
    for (int i = 0; i < c->files_before; i++) {
        db_change(s,
                  "INSERT INTO entries_data VALUES ('AAAAAAAA%c%c', 0, x'30');"
                  "INSERT INTO entries VALUES ('AAAAAAAA%c%c', 'a.txt', '', '2024-01-01T00:00:00Z',"
                  " '" NEVER "', '" LINK "', NULL)",
                  'A' + i, 'A', 'A' + i, 'A');
    }
}

/* Sends the case's request at the time `now`. */
static void guest_post(const struct server *s, const struct guest_case *c, int64_t now,
                       struct response *r)
{
    static const char *const accept[] = {"Accept: application/json", NULL};
    const struct part parts[] = {
        {.name = "file", .filename = "dummyimage.png", .text = "dummy bytes"},
        {.name = c->note != NULL ? "note" : NULL, .text = c->note},
        {0}};
    char path[200];
    char expiration[TIMESTAMP_SIZE] = "";
    if (c->days == FOREVER) {
        snprintf(expiration, sizeof expiration, "%s", NEVER);
    } else if (c->days >= 0) {
        timestamp_print(now + (int64_t)c->days * DAY_S, expiration);
    }
    snprintf(path, sizeof path, "/api/guest/%s%s%s", c->id, c->days != NONE ? "?expiration=" : "",
             expiration);
    http_do(s, &(struct request){.method = "POST", .path = path, .headers = accept, .parts = parts},
            r);
}

static void expect_stored(const struct server *s, const struct guest_case *c, const char *id,
                          int64_t from, int64_t to)
{
    char text[64];
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT expiration_time FROM entries WHERE id = '%s'", id);
    db_text(s, sql, text, sizeof text);
    int64_t expires = 0;
    int32_t ns = 0;
    assert_int_equal(timestamp_parse(slice_str(text), &expires, &ns), ERR_OK);
    if (c->stored_days == FOREVER) {
        assert_string_equal(text, NEVER);
    } else {
        int64_t ahead = (int64_t)c->stored_days * DAY_S;
        assert_true(expires >= from + ahead);
        assert_true(expires <= (c->days >= 0 ? from : to) + ahead);
    }
    expect_db(s, "dummyimage.png|" LINK "|-",
              "SELECT filename, guest_link_id, ifnull(note, '-') FROM entries WHERE id = '%s'", id);
    expect_contents(s, id, "dummy bytes");
}

static void test_4_guest_upload(void **state)
{
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(guest_cases); i++) {
        const struct guest_case *c = &guest_cases[i];
        struct response r;
        put_link(s, c);
        int64_t before = db_entries(s);
        int64_t from = now_s();
        guest_post(s, c, from, &r);
        if (r.status != c->status) {
            fail_msg("%s: %d %s", c->name, r.status, response_text(&r));
        }
        if (c->status == 200) {
            char id[ID_CHARS + 1];
            expect_id(&r, ID_CHARS, id);
            expect_stored(s, c, id, from, now_s());
        }
        response_done(&r);
        assert_int_equal(db_entries(s), before + (c->status == 200));
    }
    assert_true(db_wait_no_orphans(s));
}

static void test_4_1_guest_answer(void **state)
{
    static const struct {
        const char *accept;
        const char *type;
    } cases[] = {
        {"Accept:", "text/plain"},
        {"Accept: */*", "text/plain"},
        {"Accept: text/html", "text/plain"},
        {"Accept: application/json", "application/json"},
        /* and http-api.md 7: nothing but exactly that means JSON */
        {"Accept: application/json, text/plain", "text/plain"},
        {"Accept: application/json;q=1", "text/plain"},
        {"Accept: Application/JSON", "text/plain"},
    };
    static const struct part parts[] = {
        {.name = "file", .filename = "dummyimage.png", .text = "dummy bytes"}, {0}};
    const struct server *s = *state;
    put_link(s, &guest_cases[0]);
    for (size_t i = 0; i < ARRAY_LEN(cases) * 2; i++) {
        const char *const headers[] = {cases[i / 2].accept, NULL};
        const struct request form = {
            .method = "POST", .path = "/api/guest/" LINK, .headers = headers, .parts = parts};
        const struct request plain = {.method = "PUT",
                                      .path = "/api/guest/" LINK "/dummyimage.png",
                                      .headers = headers,
                                      .text = "dummy bytes"};
        struct response r;
        http_do(s, i % 2 == 0 ? &form : &plain, &r);
        expect_answer(&r, 200, NULL);
        expect_header(&r, "Content-Type", cases[i / 2].type);
        char id[ID_CHARS + 1];
        if (strcmp(cases[i / 2].type, "application/json") == 0) {
            expect_id(&r, ID_CHARS, id);
        } else {
            char start[64];
            int n = snprintf(start, sizeof start, "http://127.0.0.1:%d/-", s->port);
            assert_int_equal(r.body.len, (size_t)n + ID_CHARS + 2);
            assert_int_equal(strncmp(response_text(&r), start, (size_t)n), 0);
            assert_string_equal(response_text(&r) + n + ID_CHARS, "\r\n");
            snprintf(id, sizeof id, "%.10s", response_text(&r) + n);
        }
        response_done(&r);
        expect_contents(s, id, "dummy bytes");
    }
    delete_everything(s);
}

/* ---- 5. POST /api/guest-links ---------------------------------------------------------------- */

#define TIMES "\"urlExpirationTime\":\"2040-01-02T03:04:25Z\",\"fileLifetime\":\"876000h0m0s\""
#define NO_LIMITS "\"maxFileBytes\":null,\"maxFileUploads\":null"

static void create_link(const struct server *s, const char *json, struct response *r)
{
    static const char *const type[] = {"Content-Type: text/json", NULL};
    http_do(s,
            &(struct request){.method = "POST",
                              .path = "/api/guest-links",
                              .auth = AUTH_COOKIE,
                              .headers = type,
                              .text = json},
            r);
}

static void test_5_create_link(void **state)
{
    static const struct {
        const char *json;
        const char *row; /* label, expiry, lifetime, bytes, uploads, disabled */
    } cases[] = {
        {"{\"label\":null," TIMES "," NO_LIMITS "}", "|2040-01-02T03:04:25Z|876000h0m0s|-|-|0"},
        {"{\"label\":\"For my good pal, Maurice\"," TIMES
         ",\"maxFileBytes\":1048576,\"maxFileUploads\":1}",
         "For my good pal, Maurice|2040-01-02T03:04:25Z|876000h0m0s|1048576|1|0"},
        {"{\"label\":null,\"urlExpirationTime\":\"2040-01-02T03:04:25Z\",\"fileLifetime\":"
         "\"24h0m0s\"," NO_LIMITS "}",
         "|2040-01-02T03:04:25Z|24h0m0s|-|-|0"},
        {"{\"label\":null,\"urlExpirationTime\":\"2040-01-02T03:04:25Z\",\"fileLifetime\":"
         "\"720h0m0s\"," NO_LIMITS "}",
         "|2040-01-02T03:04:25Z|720h0m0s|-|-|0"},
        /* other ways to write the same, and the borders (http-api.md 8.1, 12) */
        {"{" TIMES "}", "|2040-01-02T03:04:25Z|876000h0m0s|-|-|0"},
        {"{\"label\":\"\"," TIMES "}", "|2040-01-02T03:04:25Z|876000h0m0s|-|-|0"},
        {"{\"label\":\"" LABEL_200 "\"," TIMES "}",
         LABEL_200 "|2040-01-02T03:04:25Z|876000h0m0s|-|-|0"},
        {"{\"urlExpirationTime\":\"" NEVER "\",\"fileLifetime\":\"36500h1.5m\"}",
         "|" NEVER "|36500h1m30s|-|-|0"},
        {"{\"urlExpirationTime\":\"2040-01-02T03:04:25.999+02:00\",\"fileLifetime\":\"30h0m0.5s\"}",
         "|2040-01-02T01:04:25Z|30h0m0.5s|-|-|0"},
        {"{" TIMES ",\"maxFileBytes\":9223372036854775807,\"maxFileUploads\":9223372036854775807}",
         "|2040-01-02T03:04:25Z|876000h0m0s|9223372036854775807|9223372036854775807|0"},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response r;
        char id[LINK_CHARS + 1];
        char sql[300];
        char created[64];
        int64_t from = now_s();
        create_link(s, cases[i].json, &r);
        expect_answer(&r, 200, NULL);
        expect_id(&r, LINK_CHARS, id);
        response_done(&r);
        expect_db(s, cases[i].row,
                  "SELECT label, url_expiration_time, file_expiration_time,"
                  " ifnull(max_file_bytes, '-'), ifnull(max_file_uploads, '-'), is_disabled"
                  " FROM guest_links WHERE id = '%s'",
                  id);
        snprintf(sql, sizeof sql, "SELECT creation_time FROM guest_links WHERE id = '%s'", id);
        db_text(s, sql, created, sizeof created);
        int64_t time = 0;
        int32_t ns = 0;
        assert_int_equal(timestamp_parse(slice_str(created), &time, &ns), ERR_OK);
        assert_int_equal(strlen(created), TIMESTAMP_SIZE - 1);
        assert_true(time >= from && time <= now_s());
        assert_int_equal(link_entries(s, id), 0);
    }
}

/* Each body is valid but for what is named. */
static void test_5_refused_link(void **state)
{
    static const struct {
        const char *what;
        const char *json;
    } cases[] = {
        {"empty body", ""},
        {"no members", "{}"},
        {"label is a number", "{\"label\":5," TIMES "," NO_LIMITS "}"},
        {"label of 201", "{\"label\":\"" LABEL_200 "A\"," TIMES "," NO_LIMITS "}"},
        {"no urlExpirationTime", "{\"label\":null,\"fileLifetime\":\"876000h0m0s\"," NO_LIMITS "}"},
        {"urlExpirationTime null",
         "{\"label\":null,\"urlExpirationTime\":null,\"fileLifetime\":\"876000h0m0s\"}"},
        {"urlExpirationTime is a number",
         "{\"label\":null,\"urlExpirationTime\":25,\"fileLifetime\":\"876000h0m0s\"," NO_LIMITS
         "}"},
        {"urlExpirationTime has passed", "{\"urlExpirationTime\":\"2024-01-01T00:00:00Z\","
                                         "\"fileLifetime\":\"876000h0m0s\"}"},
        {"no fileLifetime",
         "{\"label\":null,\"urlExpirationTime\":\"2040-01-02T03:04:25Z\"," NO_LIMITS "}"},
        {"fileLifetime is a number",
         "{\"urlExpirationTime\":\"2040-01-02T03:04:25Z\",\"fileLifetime\":24}"},
        {"fileLifetime below a day",
         "{\"urlExpirationTime\":\"2040-01-02T03:04:25Z\",\"fileLifetime\":\"23h59m59s\"}"},
        {"maxFileBytes -5", "{" TIMES ",\"maxFileBytes\":-5,\"maxFileUploads\":null}"},
        {"maxFileBytes 1.5", "{" TIMES ",\"maxFileBytes\":1.5,\"maxFileUploads\":null}"},
        {"maxFileBytes 1", "{" TIMES ",\"maxFileBytes\":1,\"maxFileUploads\":null}"},
        {"maxFileBytes 0", "{" TIMES ",\"maxFileBytes\":0,\"maxFileUploads\":null}"},
        {"maxFileBytes 1048575", "{" TIMES ",\"maxFileBytes\":1048575,\"maxFileUploads\":null}"},
        {"maxFileBytes text", "{" TIMES ",\"maxFileBytes\":\"1048576\",\"maxFileUploads\":null}"},
        {"maxFileBytes above 2^63-1",
         "{" TIMES ",\"maxFileBytes\":9223372036854775808,\"maxFileUploads\":null}"},
        {"maxFileUploads -5", "{" TIMES ",\"maxFileBytes\":null,\"maxFileUploads\":-5}"},
        {"maxFileUploads 1.5", "{" TIMES ",\"maxFileBytes\":null,\"maxFileUploads\":1.5}"},
        {"maxFileUploads 0", "{" TIMES ",\"maxFileBytes\":null,\"maxFileUploads\":0}"},
        {"maxFileUploads true", "{" TIMES ",\"maxFileBytes\":null,\"maxFileUploads\":true}"},
    };
    const struct server *s = *state;
    int64_t before = db_int(s, "SELECT count(*) FROM guest_links");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response r;
        create_link(s, cases[i].json, &r);
        if (r.status != 400) {
            fail_msg("%s: %d %s", cases[i].what, r.status, response_text(&r));
        }
        response_done(&r);
    }
    assert_int_equal(db_int(s, "SELECT count(*) FROM guest_links"), before);
}

/* ---- 6. other guest link endpoints ----------------------------------------------------------- */

static void test_6_change_link(void **state)
{
    static const struct {
        const char *method;
        const char *path;
        int disabled; /* before; -1: no such link */
        int status;
        const char *row; /* after: is_disabled; "": no such link */
    } cases[] = {
        {"DELETE", "/api/guest-links/" LINK, 0, 200, ""},
        {"DELETE", "/api/guest-links/" LINK, -1, 200, ""},
        {"DELETE", "/api/guest-links/" LINK, 1, 200, ""},
        {"DELETE", "/api/guest-links/i-am-an-invalid-link", 0, 400, "0"},
        {"PUT", "/api/guest-links/" LINK "/disable", 0, 204, "1"},
        {"PUT", "/api/guest-links/" LINK "/enable", 1, 204, "0"},
        {"PUT", "/api/guest-links/" LINK "/disable", 1, 204, "1"},
        {"PUT", "/api/guest-links/" LINK "/enable", 0, 204, "0"},
        {"PUT", "/api/guest-links/" LINK "/disable", -1, 404, ""},
        {"PUT", "/api/guest-links/" LINK "/enable", -1, 404, ""},
        {"PUT", "/api/guest-links/i-am-an-invalid-link/disable", 0, 400, "0"},
        {"PUT", "/api/guest-links/i-am-an-invalid-link/enable", 1, 400, "1"},
    };
    static const char other[] = "zzzzzzzz23456789|other|1048576|3|2024-01-01T00:00:00Z|"
                                "2040-01-01T00:00:00Z|24h0m0s|";
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool disabled = cases[i].disabled == 1;
        delete_everything(s);
        db_change(s,
                  "INSERT INTO guest_links VALUES ('zzzzzzzz23456789', 'other', 1048576, 3,"
                  " '2024-01-01T00:00:00Z', '2040-01-01T00:00:00Z', '24h0m0s', %d)",
                  disabled);
        if (cases[i].disabled >= 0) {
            db_change(s,
                      "INSERT INTO guest_links SELECT '" LINK "', 'label', 2000000, 7,"
                      " '2024-02-01T00:00:00Z', '2041-01-01T00:00:00Z', '48h0m0s', %d",
                      disabled);
        }
        api_expect(s, cases[i].method, cases[i].path, NULL, cases[i].status,
                   cases[i].status < 300 ? "" : NULL);
        char row[300] = "";
        if (cases[i].row[0] != '\0') {
            snprintf(row, sizeof row,
                     LINK "|label|2000000|7|2024-02-01T00:00:00Z|2041-01-01T00:00:00Z|48h0m0s|%s\n",
                     cases[i].row);
        }
        snprintf(row + strlen(row), sizeof row - strlen(row), "%s%d", other, disabled);
        expect_db(s, row, "SELECT * FROM guest_links ORDER BY id");
    }
    delete_everything(s);
}

/* What came through a deleted link stays, as the owner's (http-api.md 8.2). */
static void test_6_files_of_deleted_link(void **state)
{
    const struct server *s = *state;
    char id[ID_CHARS + 1];
    struct response r;
    put_link(s, &guest_cases[0]);
    guest_post(s, &guest_cases[0], now_s(), &r);
    expect_answer(&r, 200, NULL);
    expect_id(&r, ID_CHARS, id);
    response_done(&r);
    link_delete(s, LINK);
    expect_db(s, "dummyimage.png|-", "SELECT filename, ifnull(guest_link_id, '-') FROM entries");
    expect_contents(s, id, "dummy bytes");
    delete_everything(s);
}

/* ---- 7. PUT /api/settings -------------------------------------------------------------------- */

static void test_7_settings(void **state)
{
    static const struct {
        const char *json;
        int status;
        int days; /* stored; 0: as before */
    } cases[] = {
        {"{\"defaultExpirationDays\":7}", 200, 7},
        {"{\"defaultNeverExpire\":true}", 200, 36500},
        {"{\"defaultExpirationDays\":0}", 400, 0},
        {"{\"defaultExpirationDays\":\"7\"}", 400, 0},
        {"{\"someOtherMember\":7}", 400, 0},
        /* 9.2 */
        {"{\"defaultExpirationDays\":1,\"defaultNeverExpire\":false}", 200, 1},
        {"{\"defaultExpirationDays\":3650}", 200, 3650},
        {"{\"defaultExpirationDays\":3651}", 400, 0},
        {"{\"defaultExpirationDays\":5000,\"defaultNeverExpire\":true}", 200, 36500},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char days[16];
        db_change(s, "UPDATE settings SET default_expiration_in_days = 30");
        api_expect(s, "PUT", "/api/settings", cases[i].json, cases[i].status,
                   cases[i].status == 200 ? "" : NULL);
        snprintf(days, sizeof days, "1|%d", cases[i].days != 0 ? cases[i].days : 30);
        expect_db(s, days, "SELECT * FROM settings");
    }
    db_change(s, "UPDATE settings SET default_expiration_in_days = 30");
}

/* ---- 8. downloads ---------------------------------------------------------------------------- */

static void test_8_download(void **state)
{
    static const struct {
        const char *id;
        const char *name;
        const char *stored_type;
        const char *type;
    } cases[] = {
        {"TTTTTTTTTT", "test.txt", "text/plain;charset=utf-8", "text/plain;charset=utf-8"},
        {"AAAAAAAAAA", "test.mp3", "audio/mpeg", "audio/mpeg"},
        {"AAAAAAAA22", "test0.mp3", "", "audio/mpeg"},
        {"VVVVVVVVVV", "test.mp4", "video/mp4", "video/mp4"},
        {"VVVVVVVV22", "test0.mp4", "application/octet-stream", "video/mp4"},
        {"HHHHHHHHHH", "payload.html", "text/html", "text/html"},
    };
    static const char *const forms[] = {"/-%s", "/!%s", "/-%s/any-name", "/!%s/a/b/c"};
    const struct server *s = *state;
    delete_everything(s);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        db_change(s,
                  "INSERT INTO entries_data VALUES ('%s', 0, CAST('dummy data' AS BLOB));"
                  "INSERT INTO entries VALUES ('%s', '%s', '%s', '2023-01-01T00:00:00Z', '" NEVER
                  "', NULL, NULL)",
                  cases[i].id, cases[i].id, cases[i].name, cases[i].stored_type);
    }
    for (size_t i = 0; i < ARRAY_LEN(cases) * ARRAY_LEN(forms); i++) {
        const char *id = cases[i / ARRAY_LEN(forms)].id;
        const char *form = forms[i % ARRAY_LEN(forms)];
        char path[64];
        char disposition[64];
        struct response r;
        snprintf(path, sizeof path, "%.2s%s%s", form, id, form + strlen("/-%s"));
        http_get(s, path, &r);
        expect_answer(&r, 200, "dummy data");
        /* with a disposition type in front, see improvements.md */
        snprintf(disposition, sizeof disposition, "inline; filename=\"%s\"",
                 cases[i / ARRAY_LEN(forms)].name);
        expect_header(&r, "Content-Disposition", disposition);
        expect_header(&r, "Content-Type", cases[i / ARRAY_LEN(forms)].type);
        expect_header(&r, "Content-Security-Policy", "sandbox");
        response_done(&r);
    }
    struct response r;
    http_get(s, "/-ZZZZZZZZZZ", &r);
    expect_answer(&r, 404, NULL);
    response_done(&r);
    delete_everything(s);
}

/* ---- 10. authentication ---------------------------------------------------------------------- */

static void log_in(const struct server *s, const char *json, struct response *r)
{
    http_do(s, &(struct request){.method = "POST", .path = "/api/auth", .text = json}, r);
}

static int count_headers(const struct response *r, const char *name)
{
    int n = 0;
    for (size_t at = 0; at < r->head.len; at += strlen(r->head.ptr + at) + 1) {
        n += strncasecmp(r->head.ptr + at, name, strlen(name)) == 0 &&
             r->head.ptr[at + strlen(name)] == ':';
    }
    return n;
}

static void test_10_2_log_in(void **state)
{
    static const char *const env[] = {"PS_SHARED_SECRET=mysecret", NULL};
    static const struct {
        const char *json;
        int status;
    } cases[] = {
        {"{\"sharedSecretKey\":\"mysecret\"}", 200},
        {"{\"sharedSecretKey\":\"notmysecret\"}", 401},
        {"{\"sharedSecretKey\":\"\"}", 400},
        {"{\"sharedSecretKey\":\"mysecret", 400},
    };
    (void)state;
    struct server s;
    server_start(&s, &(struct server_options){.env = env, .no_secret = true});
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response r;
        log_in(&s, cases[i].json, &r);
        expect_answer(&r, cases[i].status, NULL);
        assert_int_equal(count_headers(&r, "Set-Cookie"), cases[i].status == 200);
        if (cases[i].status == 200) {
            const char *cookie = response_header(&r, "Set-Cookie");
            assert_int_equal(strncmp(cookie, "sharedSecret=", 13), 0);
            assert_true(strcspn(cookie, ";") > 13);
        }
        response_done(&r);
    }
    server_end(&s);
}

static void expect_files(const struct server *s, const char *cookie, int status)
{
    const char *const headers[] = {cookie, NULL};
    struct response r;
    http_do(s, &(struct request){.path = "/files", .headers = headers}, &r);
    if (r.status != status) {
        fail_msg("%s: %d", cookie, r.status);
    }
    response_done(&r);
}

static void test_10_3_check(void **state)
{
    static const char *const env[] = {"PS_SHARED_SECRET=othersecret", NULL};
    const struct server *s = *state;
    struct server other;
    server_start(&other, &(struct server_options){.env = env, .no_secret = true});
    snprintf(other.secret, sizeof other.secret, "othersecret");
    server_sign_in(&other);
    char own[300];
    char foreign[300];
    snprintf(own, sizeof own, "Cookie: %s", s->cookie);
    snprintf(foreign, sizeof foreign, "Cookie: %s", other.cookie);
    expect_files(s, own, 200);
    expect_files(s, "Cookie:", 401);
    expect_files(s, "Cookie: sharedSecret=", 401);
    expect_files(s, "Cookie: sharedSecret=not-base64!", 401);
    expect_files(s, foreign, 401);
    expect_files(&other, foreign, 200);
    expect_files(&other, own, 401);
    server_end(&other);
}

static void test_10_4_clear(void **state)
{
    static const struct {
        const char *method;
        const char *path;
        int status;
    } cases[] = {
        {"DELETE", "/api/auth", 200}, {"GET", "/files", 401}, {"PUT", "/api/settings", 401}};
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response r;
        http_do(s, &(struct request){.method = cases[i].method, .path = cases[i].path}, &r);
        expect_answer(&r, cases[i].status, NULL);
        assert_int_equal(count_headers(&r, "Set-Cookie"), 1);
        const char *cookie = response_header(&r, "Set-Cookie");
        assert_int_equal(strncmp(cookie, "sharedSecret=; ", 15), 0);
        assert_non_null(strstr(cookie, "; Max-Age=0"));
        assert_non_null(strstr(cookie, "; HttpOnly"));
        response_done(&r);
    }
}

/* ---- 11. storage ----------------------------------------------------------------------------- */

static void expect_list(const struct server *s, const char *part, bool there)
{
    struct response r;
    http_do(s, &(struct request){.path = "/files", .auth = AUTH_COOKIE}, &r);
    expect_answer(&r, 200, NULL);
    if ((strstr(response_text(&r), part) != NULL) != there) {
        fail_msg("%s%s in\n%s", there ? "no " : "", part, response_text(&r));
    }
    response_done(&r);
}

/* Of the file's page; the list does not show it. */
static void expect_downloads(const struct server *s, const char *id, const char *number)
{
    char path[64];
    struct response r;
    snprintf(path, sizeof path, "/files/%s/info", id);
    http_do(s, &(struct request){.path = path, .auth = AUTH_COOKIE}, &r);
    expect_answer(&r, 200, NULL);
    const char *at = strstr(response_text(&r), "Downloads</h2>");
    assert_non_null(at);
    at = strstr(at, "class=\"value\"");
    assert_non_null(at);
    at = strchr(at, '>');
    assert_non_null(at);
    at += 1 + strspn(at + 1, " \n");
    assert_int_equal(strncmp(at, number, strlen(number)), 0);
    response_done(&r);
}

static void test_11_1_store(void **state)
{
    const struct server *s = *state;
    static const char *const last_byte[] = {"Range: bytes=12-", NULL};
    static const struct part parts[] = {
        {.name = "file", .filename = "hello-thirteen.txt", .text = "hello, world!"}, {0}};
    char id[ID_CHARS + 1];
    char path[32];
    struct response r;
    delete_everything(s);
    http_do(s,
            &(struct request){.method = "POST",
                              .path = "/api/entry?expiration=2040-01-01T00:00:00Z",
                              .auth = AUTH_COOKIE,
                              .parts = parts},
            &r);
    expect_answer(&r, 200, NULL);
    expect_id(&r, ID_CHARS, id);
    response_done(&r);
    expect_list(s, "hello-thirteen.txt", true);
    expect_list(s, "13 B", true);
    expect_downloads(s, id, "0 ");
    expect_contents(s, id, "hello, world!");
    expect_downloads(s, id, "1 ");
    snprintf(path, sizeof path, "/-%s", id);
    http_do(s, &(struct request){.path = path, .headers = last_byte}, &r);
    expect_answer(&r, 206, "!");
    expect_header(&r, "Content-Range", "bytes 12-12/13");
    response_done(&r);
    file_delete(s, id);
    expect_list(s, "hello-thirteen.txt", false);
    expect_db(s, "0", "SELECT count(*) FROM entries");
}

static void put_entry(const struct server *s, const char *id, const char *expires)
{
    db_change(s,
              "INSERT INTO entries_data VALUES ('%s', 0, CAST('dummy data' AS BLOB));"
              "INSERT INTO entries VALUES ('%s', 'a.txt', '', '2023-01-01T00:00:00Z', '%s', NULL,"
              " NULL)",
              id, id, expires);
}

/* The collector runs at every start. */
static void test_11_3_collection(void **state)
{
    (void)state;
    struct server s;
    char dir[sizeof s.dir];
    char a_second_ago[TIMESTAMP_SIZE];
    char in_five_minutes[TIMESTAMP_SIZE];
    server_start(&s, NULL); /* with an empty database */
    snprintf(dir, sizeof dir, "%s", s.dir);
    server_end(&s);
    timestamp_print(now_s() - 1, a_second_ago);
    timestamp_print(now_s() + 300, in_five_minutes);
    put_entry(&s, "AAAAAAAAAA", "2024-01-01T00:00:00Z");
    db_change(&s, "INSERT INTO downloads VALUES ('AAAAAAAAAA', '2023-06-01T00:00:00Z', '192.0.2.1',"
                  " '')");
    put_entry(&s, "BBBBBBBBBB", "3000-01-01T00:00:00Z");
    put_entry(&s, "CCCCCCCCCC", NEVER);
    put_entry(&s, "DDDDDDDDDD", a_second_ago);
    put_entry(&s, "EEEEEEEEEE", in_five_minutes);
    server_start(&s, &(struct server_options){.dir = dir});
    server_sign_in(&s);
    assert_true(db_wait(&s, "SELECT count(*) FROM entries_data", 3));
    expect_db(&s, "BBBBBBBBBB,CCCCCCCCCC,EEEEEEEEEE|0",
              "SELECT group_concat(id), (SELECT count(*) FROM downloads) FROM"
              " (SELECT id FROM entries ORDER BY id)");
    expect_contents(&s, "BBBBBBBBBB", "dummy data");
    expect_contents(&s, "CCCCCCCCCC", "dummy data");
    expect_contents(&s, "EEEEEEEEEE", "dummy data");
    server_end(&s);

    db_change(&s, "DELETE FROM downloads; DELETE FROM entries; DELETE FROM entries_data");
    put_entry(&s, "AAAAAAAAAA", "4000-01-01T00:00:00Z");
    put_entry(&s, "BBBBBBBBBB", "3000-01-01T00:00:00Z");
    put_entry(&s, "CCCCCCCCCC", NEVER);
    put_entry(&s, "DDDDDDDDDD", "2024-01-01T00:00:00Z"); /* shows that it has run */
    server_start(&s, &(struct server_options){.dir = dir});
    assert_true(db_wait(&s, "SELECT count(*) FROM entries WHERE id = 'DDDDDDDDDD'", 0));
    expect_db(&s, "AAAAAAAAAA,BBBBBBBBBB,CCCCCCCCCC",
              "SELECT group_concat(id) FROM (SELECT id FROM entries ORDER BY id)");
    server_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_1_upload),
        cmocka_unit_test(test_2_edit),
        cmocka_unit_test(test_3_delete),
        cmocka_unit_test(test_4_guest_upload),
        cmocka_unit_test(test_4_1_guest_answer),
        cmocka_unit_test(test_5_create_link),
        cmocka_unit_test(test_5_refused_link),
        cmocka_unit_test(test_6_change_link),
        cmocka_unit_test(test_6_files_of_deleted_link),
        cmocka_unit_test(test_7_settings),
        cmocka_unit_test(test_8_download),
        cmocka_unit_test(test_10_2_log_in),
        cmocka_unit_test(test_10_3_check),
        cmocka_unit_test(test_10_4_clear),
        cmocka_unit_test(test_11_1_store),
        cmocka_unit_test(test_11_3_collection),
    };
    return harness_main(tests, server_group_setup, server_group_teardown);
}
