/* Uploads in all forms: what is accepted, what is refused and with which words, and that nothing
 * of a refused or broken upload stays (http-api.md 6.1, behaviours.md 1, improvements.md). */
#include "harness.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define FUTURE "/api/entry?expiration=2040-01-01T00:00:00Z"
#define BAD_FORMAT                                                                                 \
    "Invalid expiration URL parameter: unrecognized format for expiration time, must be in "       \
    "2006-01-02T15:04:05Z07:00 format\n"
#define TOO_SOON                                                                                   \
    "Invalid expiration URL parameter: expire time must be at least one hour in the future\n"

enum { SEED = 7, LONG_NOTE_BYTES = 500 };

static const char *const accept_text[] = {"Accept: text/plain", NULL};

/* A POST of the parts to path with Basic credentials. */
static void post(const struct server *s, const char *path, const char *const *headers,
                 const struct part *parts, struct response *r)
{
    http_do(
        s,
        &(struct request){
            .method = "POST", .path = path, .auth = AUTH_BASIC, .headers = headers, .parts = parts},
        r);
}

/* A form that was written by hand. */
static void post_text(const struct server *s, const char *const *headers, const char *body,
                      struct response *r)
{
    http_do(s,
            &(struct request){.method = "POST",
                              .path = FUTURE,
                              .auth = AUTH_COOKIE,
                              .headers = headers,
                              .text = body},
            r);
}

static void put(const struct server *s, const char *path, const char *const *headers,
                const char *text, struct response *r)
{
    http_do(
        s,
        &(struct request){
            .method = "PUT", .path = path, .auth = AUTH_BASIC, .headers = headers, .text = text},
        r);
}

/* One column of the entry. */
static void entry_column(const struct server *s, const char *id, const char *column, char *ret,
                         size_t size)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT ifnull(%s, '(null)') FROM entries WHERE id = '%s'", column,
             id);
    db_text(s, sql, ret, size);
}

static void expect_column(const struct server *s, const char *id, const char *column,
                          const char *value)
{
    char text[1024];
    entry_column(s, id, column, text, sizeof text);
    assert_string_equal(text, value);
}

/* The chunk rows are those of database.md 3.4. */
static void expect_rows(const struct server *s, const char *id, int64_t bytes)
{
    char sql[400];
    snprintf(sql, sizeof sql,
             "SELECT count(*), sum(length(chunk)), min(chunk_index), max(chunk_index),"
             " (SELECT count(*) FROM entries_data WHERE id = '%s' AND length(chunk) <> %d),"
             " (SELECT length(chunk) FROM entries_data WHERE id = '%s'"
             "  ORDER BY chunk_index DESC LIMIT 1)"
             " FROM entries_data WHERE id = '%s'",
             id, CHUNK_BYTES, id, id);
    int64_t rows = (bytes + CHUNK_BYTES - 1) / CHUNK_BYTES;
    int64_t last = bytes - (rows - 1) * CHUNK_BYTES;
    char expected[200];
    snprintf(expected, sizeof expected, "%lld|%lld|0|%lld|%d|%lld", (long long)rows,
             (long long)bytes, (long long)rows - 1, last != CHUNK_BYTES, (long long)last);
    char got[200];
    db_text(s, sql, got, sizeof got);
    assert_string_equal(got, expected);
}

/* ---- sizes ----------------------------------------------------------------------------------- */

enum form { MULTIPART, MULTIPART_CHUNKED, RAW, RAW_CHUNKED, FORMS };

static void upload_form(const struct server *s, enum form form, int64_t bytes,
                        const char *const *headers, char id[ID_CHARS + 1])
{
    const struct part parts[] = {
        {.name = "file", .filename = "data.bin", .seed = SEED, .bytes = bytes}, {0}};
    struct request q = {.auth = AUTH_BASIC,
                        .headers = headers,
                        .chunked = form == MULTIPART_CHUNKED || form == RAW_CHUNKED};
    if (form == MULTIPART || form == MULTIPART_CHUNKED) {
        q.method = "POST";
        q.path = FUTURE;
        q.parts = parts;
    } else {
        q.method = "PUT";
        q.path = "/api/upload/data.bin?expiration=2040-01-01T00:00:00Z";
        q.seed = SEED;
        q.bytes = bytes;
    }
    struct response r;
    http_do(s, &q, &r);
    expect_answer(&r, 200, NULL);
    assert_string_equal(response_header(&r, "Content-Type"), "application/json");
    assert_true(response_id(&r, id));
    assert_string_equal(response_text(&r) + strlen("{\"id\":\"") + ID_CHARS, "\"}\n");
    response_done(&r);
}

static void test_sizes(void **state)
{
    static const int64_t sizes[] = {
        1, 2, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 10 * 1000 * 1000};
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        for (enum form form = MULTIPART; form < FORMS; form++) {
            char id[ID_CHARS + 1];
            upload_form(s, form, sizes[i], NULL, id);
            expect_rows(s, id, sizes[i]);
            expect_column(s, id, "filename", "data.bin");
            expect_column(s, id, "expiration_time", "2040-01-01T00:00:00Z");
            expect_download(s, id, SEED, sizes[i]);
        }
    }
    assert_int_equal(db_int(s, "PRAGMA user_version"), 15);
}

static void test_expect_continue(void **state)
{
    static const char *const with[] = {"Expect: 100-continue", NULL};
    static const char *const without[] = {"Expect:", NULL};
    const struct server *s = *state;
    for (enum form form = MULTIPART; form < FORMS; form++) {
        char id[ID_CHARS + 1];
        upload_form(s, form, 5000, with, id);
        expect_download(s, id, SEED, 5000);
        upload_form(s, form, 3 * 1000 * 1000, without, id);
        expect_download(s, id, SEED, 3 * 1000 * 1000);
    }
}

/* Every way to cut a request into network pieces stores the same bytes. */
static void test_body_in_small_pieces(void **state)
{
    static const char body[] = "--B\r\nContent-Disposition: form-data; name=\"file\"; "
                               "filename=\"pieces.txt\"\r\n\r\nhello\r\n-\r\n--Bx world\r\n"
                               "--B--\r\n";
    const struct server *s = *state;
    for (size_t piece = 1; piece < 40; piece += 6) {
        struct raw *c = malloc(sizeof *c);
        assert_non_null(c);
        assert_true(raw_open(s, c));
        char head[600];
        snprintf(head, sizeof head,
                 "POST " FUTURE " HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\n"
                 "Content-Type: multipart/form-data; boundary=B\r\nContent-Length: %zu\r\n\r\n",
                 s->cookie, sizeof body - 1);
        assert_true(raw_text(c, head));
        for (size_t at = 0; at < sizeof body - 1; at += piece) {
            size_t n = sizeof body - 1 - at < piece ? sizeof body - 1 - at : piece;
            assert_true(raw_send(c, body + at, n));
            harness_sleep_ms(1);
        }
        struct response r;
        char id[ID_CHARS + 1];
        assert_int_equal(raw_answer(c, false, &r), RAW_OK);
        expect_upload(&r, id);
        raw_close(c);
        free(c);
        char path[32];
        snprintf(path, sizeof path, "/-%s", id);
        http_get(s, path, &r);
        expect_answer(&r, 200, "hello\r\n-\r\n--Bx world");
        response_done(&r);
    }
}

/* ---- what is stored -------------------------------------------------------------------------- */

static void test_note(void **state)
{
    static const struct {
        const char *query;
        const char *field;
        const char *stored;
    } cases[] = {
        {"", "My latest track", "My latest track"},
        {"", "", "(null)"},
        {"", NULL, "(null)"},
        {"&note=from%20the+query", "from the form", "from the query"},
        {"&note=", "from the form", "(null)"},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int note_first = 0; note_first < 2; note_first++) {
            const struct part file = {
                .name = "file", .filename = "dummyimage.png", .text = "dummy bytes"};
            const struct part note = {.name = cases[i].field != NULL ? "note" : "other",
                                      .text = cases[i].field != NULL ? cases[i].field : "x"};
            const struct part parts[] = {note_first ? note : file, note_first ? file : note, {0}};
            char path[200];
            snprintf(path, sizeof path, FUTURE "%s", cases[i].query);
            struct response r;
            char id[ID_CHARS + 1];
            post(s, path, NULL, parts, &r);
            expect_upload(&r, id);
            expect_column(s, id, "note", cases[i].stored);
            expect_column(s, id, "filename", "dummyimage.png");
            expect_column(s, id, "content_type", "application/octet-stream");
            expect_column(s, id, "guest_link_id", "(null)");
        }
    }
}

/* Of two notes the first counts, whatever is wrong with the second. */
static void test_second_note(void **state)
{
    static const char *const firsts[] = {"the first", ""};
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(firsts); i++) {
        const struct part parts[] = {{.name = "note", .text = firsts[i]},
                                     {.name = "file", .filename = "a.txt", .text = "dummy bytes"},
                                     {.name = "note", .text = "null"},
                                     {0}};
        struct response r;
        char id[ID_CHARS + 1];
        post(s, FUTURE, NULL, parts, &r);
        expect_upload(&r, id);
        expect_column(s, id, "note", firsts[i][0] != '\0' ? firsts[i] : "(null)");
    }
    const struct part wrong_first[] = {{.name = "note", .text = "null"},
                                       {.name = "note", .text = "the second"},
                                       {.name = "file", .filename = "a.txt", .text = "dummy bytes"},
                                       {0}};
    struct response r;
    post(s, FUTURE, NULL, wrong_first, &r);
    expect_answer(&r, 400, "invalid request: value of 'null' is not allowed\n");
    response_done(&r);
}

/* Fields and files that nobody asked for are ignored, up to the 10 MiB that PicoShare takes. */
static void test_unknown_parts(void **state)
{
    enum { ROOM = 10 * 1024 * 1024 };
    static const struct part others[] = {
        {.name = "other", .seed = SEED, .bytes = 3 * 1000 * 1000},
        {.name = "other", .filename = "other.bin", .seed = SEED, .bytes = 3 * 1000 * 1000},
        {.name = "other", .filename = "other.bin", .seed = SEED, .bytes = ROOM},
        {.name = "file", .seed = SEED, .bytes = ROOM},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        for (int first = 0; first < 2; first++) {
            const struct part file = {.name = "file", .filename = "a.txt", .text = "dummy bytes"};
            const struct part parts[] = {first ? others[i] : file, first ? file : others[i], {0}};
            struct response r;
            char id[ID_CHARS + 1];
            post(s, FUTURE, NULL, parts, &r);
            expect_upload(&r, id);
            expect_rows(s, id, 11);
        }
    }
}

/* A part that is no field of the form is skipped like an unknown field, whatever it calls itself.
 */
static void test_parts_that_are_no_fields(void **state)
{
    static const char *const headers[] = {
        "",
        "Content-Type: text/plain\r\n",
        "Content-Disposition: attachment; name=\"file\"; filename=\"b.txt\"\r\n",
        "Content-Disposition: attachment; name=\"note\"\r\n",
        "Content-Disposition: form-data; filename=\"b.txt\"\r\n",
    };
    static const char *const type[] = {"Content-Type: multipart/form-data; boundary=B", NULL};
    static const char file[] = "--B\r\nContent-Disposition: form-data; name=\"file\";"
                               " filename=\"a.txt\"\r\n\r\ndummy bytes\r\n";
    const struct server *s = *state;
    int64_t before = db_entries(s);
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        for (int files = 0; files < 2; files++) {
            char body[1000];
            char id[ID_CHARS + 1];
            struct response r;
            snprintf(body, sizeof body, "--B\r\n%s\r\nnull\r\n%s--B\r\n%s\r\nnull\r\n--B--\r\n",
                     headers[i], files ? file : "", headers[i]);
            post_text(s, type, body, &r);
            expect_answer(&r, files ? 200 : 400,
                          files ? NULL : "invalid request: http: no such file\n");
            assert_true(response_id(&r, id) == (files == 1));
            response_done(&r);
            if (files) {
                expect_column(s, id, "filename", "a.txt");
                expect_column(s, id, "note", "(null)");
                expect_rows(s, id, 11);
            }
        }
    }
    assert_int_equal(db_entries(s), before + (int64_t)ARRAY_LEN(headers));
}

static void test_expiration_stored(void **state)
{
    static const struct {
        const char *query;
        const char *stored;
    } cases[] = {
        {"?expiration=2040-01-01T00:00:00Z", "2040-01-01T00:00:00Z"},
        {"?expiration=2999-12-31T00:00:00Z", "2999-12-31T00:00:00Z"},
        {"?expiration=2040-01-01T00:00:00.999Z", "2040-01-01T00:00:00Z"},
        {"?expiration=2040-01-01T02:00:00%2B02:00", "2040-01-01T00:00:00Z"},
        {"?expiration=2039-12-31T19%3A00%3A00-05:00", "2040-01-01T00:00:00Z"},
        {"?expiration=2040-01-01T00:00:00Z&expiration=bad", "2040-01-01T00:00:00Z"},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char path[200];
        char id[ID_CHARS + 1];
        struct response r;
        snprintf(path, sizeof path, "/api/upload/a.txt%s", cases[i].query);
        put(s, path, NULL, "dummy bytes", &r);
        expect_upload(&r, id);
        expect_column(s, id, "expiration_time", cases[i].stored);
    }
}

/* Absent: the default of the settings, 30 days in a new database (improvements.md). */
static void test_expiration_absent(void **state)
{
    const struct server *s = *state;
    char id[ID_CHARS + 1];
    upload_text(s, "a.txt", NULL, "dummy bytes", id);
    char sql[300];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM entries WHERE id = '%s' AND length(expiration_time) = 20 AND"
             " abs(julianday(expiration_time) - julianday(upload_time) - 30) < 0.001 AND"
             " abs(julianday('now') - julianday(upload_time)) < 0.01",
             id);
    assert_int_equal(db_int(s, sql), 1);
    upload_bytes(s, "a.txt", SEED, 10, id);
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM entries WHERE id = '%s' AND"
             " abs(julianday(expiration_time) - julianday('now') - 30) < 0.01",
             id);
    assert_int_equal(db_int(s, sql), 1);
}

static void test_names_and_types(void **state)
{
    static const struct {
        const char *headers; /* of the file part */
        const char *name;
        const char *type;
    } cases[] = {
        {"name=\"file\"; filename=\"plain.txt\"\r\nContent-Type: text/plain;charset=utf-8",
         "plain.txt", "text/plain;charset=utf-8"},
        {"name=\"file\"; filename=\"no-type.mp3\"", "no-type.mp3", ""},
        {"name=\"file\"; filename=\"a/b/c.txt\"", "c.txt", ""},
        {"name=\"file\"; filename=\".bashrc\"", ".bashrc", ""},
        {"name=file; filename=token.txt", "token.txt", ""},
        {"name=\"file\"; filename=\"quote%22d.txt\"", "quote%22d.txt", ""},
        {"name=\"file\"; filename=\"na\xc3\xafve.txt\"", "na\xc3\xafve.txt", ""},
        {"name=\"file\"; filename*=UTF-8''%e2%82%ac%20rates.txt", "\xe2\x82\xac rates.txt", ""},
    };
    const struct server *s = *state;
    static const char *const type[] = {"Content-Type: multipart/form-data; boundary=\"x y\"", NULL};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char body[1000];
        snprintf(body, sizeof body,
                 "preamble\r\n--x y\r\nContent-Disposition: form-data; %s\r\n\r\ndummy bytes\r\n"
                 "--x y--\r\nepilogue",
                 cases[i].headers);
        struct response r;
        char id[ID_CHARS + 1];
        post_text(s, type, body, &r);
        expect_upload(&r, id);
        expect_column(s, id, "filename", cases[i].name);
        expect_column(s, id, "content_type", cases[i].type);
        expect_rows(s, id, 11);
    }
}

static void test_put_names_and_types(void **state)
{
    static const struct {
        const char *path;
        const char *header;
        const char *name;
        const char *type;
    } cases[] = {
        {"/api/upload/song.mp3", "Content-Type: audio/mpeg", "song.mp3", "audio/mpeg"},
        {"/api/upload/na%C3%AFve%20file.txt", "Content-Type:", "na\xc3\xafve file.txt", ""},
        {"/api/upload/100%25.txt?note=half%20full", "Content-Type:", "100%.txt", ""},
        {"/api/upload/a+b.txt", "Content-Type: text/plain; charset=utf-8", "a+b.txt",
         "text/plain; charset=utf-8"},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *const headers[] = {cases[i].header, NULL};
        struct response r;
        char id[ID_CHARS + 1];
        put(s, cases[i].path, headers, "dummy bytes", &r);
        expect_upload(&r, id);
        expect_column(s, id, "filename", cases[i].name);
        expect_column(s, id, "content_type", cases[i].type);
        expect_column(s, id, "note", strchr(cases[i].path, '?') != NULL ? "half full" : "(null)");
    }
}

/* A media type as long as a part's header can hold is stored as it is, and sent with the file. */
static void test_long_type(void **state)
{
    enum { TYPE_BYTES = 4000, COOKIE_BYTES = 12000 };
    static const char form[] =
        "--B\r\nContent-Disposition: form-data; name=file; filename=a.mp3\r\n"
        "Content-Type: %s\r\n\r\ndummy bytes\r\n--B--\r\n";
    static const char *const headers[] = {"Content-Type: multipart/form-data; boundary=B", NULL};
    const struct server *s = *state;
    char type[TYPE_BYTES + 1] = "text/";
    memset(type + strlen(type), 'x', sizeof type - 1 - strlen(type));
    type[TYPE_BYTES] = '\0';
    char body[TYPE_BYTES + sizeof form];
    snprintf(body, sizeof body, form, type);
    struct response r;
    char id[ID_CHARS + 1];
    char path[32];
    post_text(s, headers, body, &r);
    expect_upload(&r, id);
    char sql[100];
    snprintf(sql, sizeof sql, "SELECT length(content_type) FROM entries WHERE id = '%s'", id);
    assert_int_equal(db_int(s, sql), TYPE_BYTES);

    /* beside headers of the request that take almost all of their own room */
    char cookie[COOKIE_BYTES + sizeof "Cookie: "] = "Cookie: ";
    memset(cookie + strlen(cookie), 'c', COOKIE_BYTES);
    cookie[sizeof cookie - 1] = '\0';
    const char *const large[] = {cookie, NULL};
    snprintf(path, sizeof path, "/-%s", id);
    http_do(s, &(struct request){.path = path, .headers = large}, &r);
    expect_answer(&r, 200, "dummy bytes");
    assert_string_equal(response_header(&r, "Content-Type"), type);
    response_done(&r);
    const char *const ranges[] = {"Range: bytes=0-0,2-2,4-4,6-6,8-8,10-10", NULL};
    http_do(s, &(struct request){.path = path, .headers = ranges}, &r);
    expect_answer(&r, 206, NULL);
    assert_true(r.body_bytes > (int64_t)6 * TYPE_BYTES);
    assert_non_null(strstr(response_text(&r), type));
    response_done(&r);
}

/* A longer one, of a raw body, is none that could be sent again: the name decides. */
static void test_put_long_type(void **state)
{
    enum { TYPE_BYTES = 4097 };
    static const char name[] = "Content-Type: text/";
    const struct server *s = *state;
    char header[sizeof name + TYPE_BYTES];
    size_t len = sizeof name - 1 - strlen("text/") + TYPE_BYTES;
    memset(header, 'x', len);
    memcpy(header, name, sizeof name - 1);
    header[len] = '\0';
    const char *const headers[] = {header, NULL};
    struct response r;
    char id[ID_CHARS + 1];
    char path[32];
    put(s, "/api/upload/song.mp3", headers, "dummy bytes", &r);
    expect_upload(&r, id);
    expect_column(s, id, "content_type", "");
    snprintf(path, sizeof path, "/-%s", id);
    http_get(s, path, &r);
    expect_answer(&r, 200, "dummy bytes");
    assert_string_equal(response_header(&r, "Content-Type"), "audio/mpeg");
    response_done(&r);
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void test_answer_as_text(void **state)
{
    static const struct {
        const char *accept;
        bool text;
    } cases[] = {
        {"Accept: text/plain", true},
        {"Accept: text/plain, */*;q=0.1", true},
        {"Accept: application/json;q=0.5, text/plain", true},
        {"Accept: */*", false},
        {"Accept: application/json", false},
        {"Accept: text/plain;q=0.5, application/json", false},
        {"Accept:", false},
    };
    const struct server *s = *state;
    const struct part parts[] = {{.name = "file", .filename = "a.txt", .text = "dummy bytes"}, {0}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *const headers[] = {cases[i].accept, NULL};
        for (int form = 0; form < 2; form++) {
            struct response r;
            char id[ID_CHARS + 1];
            if (form == 0) {
                post(s, FUTURE, headers, parts, &r);
            } else {
                put(s, "/api/upload/a.txt", headers, "dummy bytes", &r);
            }
            expect_answer(&r, 200, NULL);
            if (!cases[i].text) {
                assert_string_equal(response_header(&r, "Content-Type"), "application/json");
                assert_true(response_id(&r, id));
            } else {
                char start[64];
                int n = snprintf(start, sizeof start, "http://127.0.0.1:%d/-", s->port);
                assert_int_equal(strncmp(response_text(&r), start, (size_t)n), 0);
                assert_int_equal(r.body.len, (size_t)n + ID_CHARS + 1);
                assert_int_equal(response_text(&r)[n + ID_CHARS], '\n');
                assert_true(response_has(&r, "Content-Type", "text/plain"));
                char path[32];
                snprintf(path, sizeof path, "/-%.10s", response_text(&r) + n);
                struct response file;
                http_get(s, path, &file);
                expect_answer(&file, 200, "dummy bytes");
                response_done(&file);
            }
            response_done(&r);
        }
    }
}

static void test_several_files(void **state)
{
    const struct server *s = *state;
    const struct part parts[] = {
        {.name = "file", .filename = "one.txt", .text = "first"},
        {.name = "note", .text = "for all"},
        {.name = "file", .filename = "two.txt", .text = "second"},
        {.name = "file", .filename = "three.bin", .seed = SEED, .bytes = 700000},
        {0}};
    static const char *const names[] = {"one.txt", "two.txt", "three.bin"};
    struct response r;
    char id[ID_CHARS + 1];
    post(s, FUTURE, NULL, parts, &r);
    expect_answer(&r, 200, NULL);
    assert_true(response_id(&r, id));
    const char *ids = strstr(response_text(&r), "\"ids\":[\"");
    assert_non_null(ids);
    ids += strlen("\"ids\":[\"");
    assert_int_equal(strncmp(ids, id, ID_CHARS), 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++, ids += ID_CHARS + 3) {
        snprintf(id, sizeof id, "%.10s", ids);
        expect_column(s, id, "filename", names[i]);
        expect_column(s, id, "note", "for all");
    }
    assert_string_equal(ids - 2, "]}\n");
    expect_download(s, id, SEED, 700000);
    response_done(&r);

    post(s, FUTURE, accept_text, parts, &r);
    expect_answer(&r, 200, NULL);
    int lines = 0;
    for (const char *p = response_text(&r); (p = strchr(p, '\n')) != NULL; p++) {
        lines++;
    }
    assert_int_equal(lines, 3);
    response_done(&r);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void expect_nothing_new(const struct server *s, int64_t entries_before)
{
    assert_int_equal(db_entries(s), entries_before);
    assert_true(db_wait_no_orphans(s));
}

static void test_refused_expiration(void **state)
{
    static const struct {
        const char *query;
        const char *text;
    } cases[] = {
        {"?expiration=", BAD_FORMAT},
        {"?expiration=invalid-expiration-date", BAD_FORMAT},
        {"?expiration=%zz", BAD_FORMAT},
        {"?expiration=2040-01-01T00:00:00Z;x", BAD_FORMAT},
        {"?expiration=2040-01-01", BAD_FORMAT},
        {"?expiration=2040-01-01%2000:00:00Z", BAD_FORMAT},
        {"?expiration=2040-01-01T00:00:00+02:00", BAD_FORMAT}, /* the + is a blank */
        {"?expiration=2040-01-01t00:00:00z", BAD_FORMAT},
        {"?expiration=2040-13-01T00:00:00Z", BAD_FORMAT},
        {"?expiration=2040-02-30T00:00:00Z", BAD_FORMAT},
        {"?expiration=2040-01-01T00:00:60Z", BAD_FORMAT},
        {"?expiration=2040-01-01T00:00:00Zx", BAD_FORMAT},
        {"?expiration=2024-01-01T00:00:00Z", TOO_SOON},
    };
    const struct server *s = *state;
    int64_t before = db_entries(s);
    const struct part parts[] = {{.name = "file", .filename = "dummy.png", .text = "dummy bytes"},
                                 {.name = "note", .text = ""},
                                 {0}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char path[200];
        struct response r;
        snprintf(path, sizeof path, "/api/entry%s", cases[i].query);
        post(s, path, NULL, parts, &r);
        expect_answer(&r, 400, cases[i].text);
        assert_string_equal(response_header(&r, "Content-Type"), "text/plain; charset=utf-8");
        assert_string_equal(response_header(&r, "X-Content-Type-Options"), "nosniff");
        response_done(&r);
        snprintf(path, sizeof path, "/api/upload/dummy.png%s", cases[i].query);
        put(s, path, NULL, "dummy bytes", &r);
        expect_answer(&r, 400, cases[i].text);
        response_done(&r);
    }
    expect_nothing_new(s, before);
}

static void test_refused_name(void **state)
{
    static char too_long[4 * 255 + 1];
    static const struct {
        const char *name;
        const char *text;
    } cases[] = {
        {".", "invalid request: filename cannot begin with dots\n"},
        {"..", "invalid request: filename cannot begin with dots\n"},
        {"..a", "invalid request: filename cannot begin with dots\n"},
        {"back\\slash", "invalid request: illegal characters in filename\n"},
        {"bell\a", "invalid request: illegal characters in filename\n"},
        {"vertical\v", "invalid request: illegal characters in filename\n"},
        {"feed\f", "invalid request: illegal characters in filename\n"},
        {"tab\t", "invalid request: illegal characters in filename\n"},
        {"escape\x1b", "invalid request: illegal characters in filename\n"},
        {"del\x7f", "invalid request: illegal characters in filename\n"},
        {"latin1-\xe9", "invalid request: illegal characters in filename\n"},
        {too_long, "invalid request: filename too long\n"},
    };
    const struct server *s = *state;
    int64_t before = db_entries(s);
    static const char *const type[] = {"Content-Type: multipart/form-data; boundary=B", NULL};
    memset(too_long, 'A', 256);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char body[1000];
        char name[600];
        size_t n = 0;
        for (const char *p = cases[i].name; *p != '\0'; p++) {
            if (*p == '\\') {
                name[n++] = '\\';
            }
            name[n++] = *p;
        }
        name[n] = '\0';
        snprintf(body, sizeof body,
                 "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n\r\n"
                 "dummy bytes\r\n--B--\r\n",
                 name);
        struct response r;
        http_do(s,
                &(struct request){.method = "POST",
                                  .path = FUTURE,
                                  .auth = AUTH_BASIC,
                                  .headers = type,
                                  .text = body},
                &r);
        expect_answer(&r, 400, cases[i].text);
        response_done(&r);

        char path[1200] = "/api/upload/";
        size_t len = strlen(path);
        for (const char *p = cases[i].name; *p != '\0'; p++) {
            len += (size_t)snprintf(path + len, sizeof path - len, "%%%02X", (unsigned char)*p);
        }
        if (strcmp(cases[i].name, ".") != 0 && strcmp(cases[i].name, "..") != 0) {
            put(s, path, NULL, "dummy bytes", &r);
            expect_answer(&r, 400, cases[i].text);
            response_done(&r);
        }
    }
    expect_nothing_new(s, before);
}

static void test_refused_note(void **state)
{
    static char too_long[LONG_NOTE_BYTES + 2];
    static const struct {
        const char *note;
        const char *text;
    } cases[] = {
        {too_long, "invalid request: note is too long\n"},
        {"null", "invalid request: value of 'null' is not allowed\n"},
        {"undefined", "invalid request: value of 'undefined' is not allowed\n"},
        {"<script>alert(1)</script>", "invalid request: note must not contain HTML tags\n"},
        {"x < iframe\t>", "invalid request: note must not contain HTML tags\n"},
    };
    const struct server *s = *state;
    int64_t before = db_entries(s);
    memset(too_long, 'A', LONG_NOTE_BYTES + 1);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int note_first = 0; note_first < 2; note_first++) {
            const struct part file = {
                .name = "file", .filename = "dummyimage.png", .text = "dummy bytes"};
            const struct part note = {.name = "note", .text = cases[i].note};
            const struct part parts[] = {note_first ? note : file, note_first ? file : note, {0}};
            struct response r;
            post(s, FUTURE, NULL, parts, &r);
            expect_answer(&r, 400, cases[i].text);
            response_done(&r);
        }
    }
    struct response r;
    put(s, "/api/upload/a.txt?note=null", NULL, "dummy bytes", &r);
    expect_answer(&r, 400, "invalid request: value of 'null' is not allowed\n");
    response_done(&r);
    expect_nothing_new(s, before);

    char note[LONG_NOTE_BYTES + 1];
    memset(note, 'A', LONG_NOTE_BYTES);
    note[LONG_NOTE_BYTES] = '\0';
    const struct part parts[] = {{.name = "file", .filename = "a.txt", .text = "dummy bytes"},
                                 {.name = "note", .text = note},
                                 {0}};
    post(s, FUTURE, NULL, parts, &r);
    expect_answer(&r, 200, NULL);
    response_done(&r);
}

static void test_note_with_nul(void **state)
{
    static const char body[] =
        "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n"
        "dummy bytes\r\n"
        "--B\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\n"
        "before\0after\r\n--B--\r\n";
    const struct server *s = *state;
    int64_t before = db_entries(s);
    char text[1200];
    int head = snprintf(text, sizeof text,
                        "POST " FUTURE " HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\n"
                        "Connection: close\r\nContent-Type: multipart/form-data; boundary=B\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        s->cookie, sizeof body - 1);
    assert_true(head > 0 && (size_t)head + sizeof body <= sizeof text);
    memcpy(text + head, body, sizeof body - 1);
    struct response r;
    bool closed;
    assert_int_equal(raw_exchange(s, text, (size_t)head + sizeof body - 1, &r, &closed), RAW_OK);
    expect_answer(&r, 400, NULL);
    assert_int_equal(strncmp(response_text(&r), "invalid request: ", 17), 0);
    response_done(&r);
    expect_nothing_new(s, before);
}

static void test_refused_file(void **state)
{
    const struct server *s = *state;
    int64_t before = db_entries(s);
    const struct part empty[] = {{.name = "file", .filename = "dummy.png", .text = ""}, {0}};
    const struct part no_name[] = {{.name = "file", .text = "dummy bytes"}, {0}};
    const struct part no_file[] = {
        {.name = "other", .filename = "dummy.png", .text = "dummy bytes"}, {0}};
    const struct part only_note[] = {{.name = "note", .text = "hello"}, {0}};
    struct response r;
    post(s, FUTURE, NULL, empty, &r);
    expect_answer(&r, 400, "invalid request: file must be non-empty\n");
    response_done(&r);
    const struct part *const without[] = {no_name, no_file, only_note};
    for (size_t i = 0; i < ARRAY_LEN(without); i++) {
        post(s, FUTURE, NULL, without[i], &r);
        expect_answer(&r, 400, "invalid request: http: no such file\n");
        response_done(&r);
    }
    http_do(s,
            &(struct request){
                .method = "PUT", .path = "/api/upload/a.txt", .auth = AUTH_BASIC, .text = ""},
            &r);
    expect_answer(&r, 400, "invalid request: file must be non-empty\n");
    response_done(&r);
    put(s, "/api/upload/", NULL, "dummy bytes", &r);
    expect_answer(&r, 400, "invalid request: filename must be non-empty\n");
    response_done(&r);
    expect_nothing_new(s, before);
}

/* All or nothing: the good files before the bad one go again. */
static void test_refused_second_file(void **state)
{
    const struct server *s = *state;
    int64_t before = db_entries(s);
    const struct part bad[] = {{.name = "file", .filename = "..", .text = "dummy bytes"},
                               {.name = "file", .filename = "empty.txt", .text = ""},
                               {.name = "note", .text = "null"}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const struct part parts[] = {
            {.name = "file", .filename = "one.bin", .seed = SEED, .bytes = 1000000},
            {.name = "file", .filename = "two.txt", .text = "second"},
            bad[i],
            {0}};
        struct response r;
        post(s, FUTURE, NULL, parts, &r);
        expect_answer(&r, 400, NULL);
        response_done(&r);
    }
    expect_nothing_new(s, before);
}

static void test_broken_multipart(void **state)
{
    static const struct {
        const char *type;
        const char *body;
    } cases[] = {
        {"Content-Type: application/json", "{}"},
        {"Content-Type:", "hello"},
        {"Content-Type: multipart/form-data", "--B\r\n"},
        {"Content-Type: multipart/form-data; boundary=", "--\r\n"},
        {"Content-Type: multipart/form-data; boundary=B", "no boundary at all"},
        {"Content-Type: multipart/form-data; boundary=C",
         "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n"
         "--B--\r\n"},
        {"Content-Type: multipart/form-data; boundary=B",
         "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx"},
        {"Content-Type: multipart/form-data; boundary=B",
         "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n"
         "--B"},
        {"Content-Type: multipart/form-data; boundary=B",
         "--B\r\nContent-Disposition: form-data; name=\"file\"; fil"},
    };
    const struct server *s = *state;
    int64_t before = db_entries(s);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *const headers[] = {cases[i].type, NULL};
        struct response r;
        http_do(s,
                &(struct request){.method = "POST",
                                  .path = FUTURE,
                                  .auth = AUTH_BASIC,
                                  .headers = headers,
                                  .text = cases[i].body},
                &r);
        expect_answer(&r, 400, NULL);
        assert_int_equal(strncmp(response_text(&r), "invalid request: ", 17), 0);
        assert_true(r.body.len > 20);
        response_done(&r);
    }
    expect_nothing_new(s, before);
}

static void test_problem_json(void **state)
{
    static const char *const accepts[] = {"Accept: application/json",
                                          "Accept: application/problem+json"};
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(accepts); i++) {
        const char *const headers[] = {accepts[i], NULL};
        struct response r;
        put(s, "/api/upload/a.txt?note=null", headers, "dummy bytes", &r);
        expect_answer(&r, 400, NULL);
        assert_true(response_has(&r, "Content-Type", "application/problem+json"));
        assert_non_null(strstr(response_text(&r), "\"status\":400"));
        assert_non_null(strstr(response_text(&r), "\"detail\":\"invalid request: value of 'null' "
                                                  "is not allowed\""));
        response_done(&r);
    }
}

static void test_signed_out(void **state)
{
    const struct server *s = *state;
    int64_t before = db_entries(s);
    const struct part parts[] = {{.name = "file", .filename = "a.txt", .text = "dummy bytes"}, {0}};
    struct response r;
    http_do(s, &(struct request){.method = "POST", .path = FUTURE, .parts = parts}, &r);
    expect_answer(&r, 401, "Authentication required\n");
    response_done(&r);
    http_do(s,
            &(struct request){.method = "PUT", .path = "/api/upload/a.txt", .text = "dummy bytes"},
            &r);
    expect_answer(&r, 401, "Authentication required\n");
    response_done(&r);
    expect_nothing_new(s, before);
}

/* ---- clients that give up -------------------------------------------------------------------- */

enum { DEAD_BYTES = 4 * 1000 * 1000 }; /* 12 full chunk rows and a part of one */

static void start_upload(const struct server *s, struct raw *c, enum form form)
{
    static const char part_head[] =
        "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"dead.bin\"\r\n\r\n";
    char head[600];
    bool chunked = form == MULTIPART_CHUNKED || form == RAW_CHUNKED;
    bool multipart = form == MULTIPART || form == MULTIPART_CHUNKED;
    char length[64];
    snprintf(length, sizeof length, "Content-Length: %zu",
             DEAD_BYTES + (multipart ? sizeof part_head - 1 + strlen("\r\n--B--\r\n") : 0));
    snprintf(head, sizeof head,
             "%s HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\n"
             "Content-Type: multipart/form-data; boundary=B\r\n%s\r\n\r\n",
             multipart ? "POST " FUTURE : "PUT /api/upload/dead.bin", s->cookie,
             chunked ? "Transfer-Encoding: chunked" : length);
    assert_true(raw_open(s, c));
    assert_true(raw_text(c, head));
    if (chunked) {
        snprintf(head, sizeof head, "%x\r\n",
                 (unsigned)(DEAD_BYTES + (multipart ? sizeof part_head - 1 : 0)));
        assert_true(raw_text(c, head));
    }
    if (multipart) {
        assert_true(raw_text(c, part_head));
    }
}

static void test_client_dies(void **state)
{
    const struct server *s = *state;
    int64_t before = db_entries(s);
    struct raw *c = malloc(sizeof *c);
    assert_non_null(c);
    for (int tenth = 0; tenth <= 10; tenth++) {
        for (enum form form = MULTIPART; form < FORMS; form++) {
            if (tenth == 10 && form == RAW) {
                continue; /* that upload is whole */
            }
            start_upload(s, c, form);
            assert_true(raw_gen(c, SEED, 0, (int64_t)DEAD_BYTES / 10 * tenth));
            if (tenth % 2 == 0) {
                raw_close(c);
            } else {
                raw_abort(c);
            }
        }
    }
    free(c);
    expect_nothing_new(s, before);
    char id[ID_CHARS + 1];
    upload_bytes(s, "after.bin", SEED, CHUNK_BYTES + 1, id);
    expect_download(s, id, SEED, CHUNK_BYTES + 1);
}

/* The client says goodbye (FIN) but keeps listening. */
static void test_body_ends_early(void **state)
{
    const struct server *s = *state;
    int64_t before = db_entries(s);
    struct raw *c = malloc(sizeof *c);
    assert_non_null(c);
    for (enum form form = MULTIPART; form < FORMS; form++) {
        start_upload(s, c, form);
        assert_true(raw_gen(c, SEED, 0, DEAD_BYTES / 2));
        assert_int_equal(shutdown(c->fd, SHUT_WR), 0);
        struct response r;
        enum raw_end end = raw_answer(c, false, &r);
        assert_true(end == RAW_CLOSED || (end == RAW_OK && r.status == 400));
        response_done(&r);
        raw_close(c);
    }
    free(c);
    expect_nothing_new(s, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_expect_continue),
        cmocka_unit_test(test_body_in_small_pieces),
        cmocka_unit_test(test_note),
        cmocka_unit_test(test_second_note),
        cmocka_unit_test(test_unknown_parts),
        cmocka_unit_test(test_parts_that_are_no_fields),
        cmocka_unit_test(test_expiration_stored),
        cmocka_unit_test(test_expiration_absent),
        cmocka_unit_test(test_names_and_types),
        cmocka_unit_test(test_put_names_and_types),
        cmocka_unit_test(test_long_type),
        cmocka_unit_test(test_put_long_type),
        cmocka_unit_test(test_answer_as_text),
        cmocka_unit_test(test_several_files),
        cmocka_unit_test(test_refused_expiration),
        cmocka_unit_test(test_refused_name),
        cmocka_unit_test(test_refused_note),
        cmocka_unit_test(test_note_with_nul),
        cmocka_unit_test(test_refused_file),
        cmocka_unit_test(test_refused_second_file),
        cmocka_unit_test(test_broken_multipart),
        cmocka_unit_test(test_problem_json),
        cmocka_unit_test(test_signed_out),
        cmocka_unit_test(test_client_dies),
        cmocka_unit_test(test_body_ends_early),
    };
    return harness_main(tests, server_group_setup, server_group_teardown);
}
