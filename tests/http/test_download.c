/* Downloads: headers, ids, expiry, conditions, history, damaged files (http-api.md 10,
 * behaviours.md 8, improvements.md). */
#include "api.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { SEED = 11 };

static void path_of(const char *id, const char *rest, char *ret_path, size_t size)
{
    snprintf(ret_path, size, "/-%s%s", id, rest);
}

static void do_get(const struct server *s, const char *method, const char *path,
                   const char *const *headers, struct response *r)
{
    http_do(s, &(struct request){.method = method, .path = path, .headers = headers}, r);
}

/* ---- headers --------------------------------------------------------------------------------- */

static void expect_file_headers(const struct response *r)
{
    expect_header(r, "Content-Security-Policy", "sandbox");
    expect_header(r, "X-Content-Type-Options", "nosniff");
    expect_header(r, "Referrer-Policy", "no-referrer");
    expect_header(r, "Cache-Control", "private, no-cache");
    expect_header(r, "Accept-Ranges", "bytes");
    const char *etag = response_header(r, "ETag");
    assert_non_null(etag);
    assert_int_equal(etag[0], '"');
    assert_int_equal(etag[strlen(etag) - 1], '"');
    assert_true(response_has(r, "Last-Modified", " GMT"));
    assert_null(response_header(r, "Server"));
    assert_non_null(response_header(r, "Date"));
}

static void test_types(void **state)
{
    static const struct {
        const char *name;
        const char *stored;
        const char *sent;
    } cases[] = {
        {"test.txt", "text/plain;charset=utf-8", "text/plain;charset=utf-8"},
        {"test.mp3", "audio/mpeg", "audio/mpeg"},
        {"test0.mp3", "", "audio/mpeg"},
        {"test.mp4", "video/mp4", "video/mp4"},
        {"test0.mp4", "application/octet-stream", "video/mp4"},
        {"payload.html", "text/html", "text/html"},
        {"notes.TXT", "", "text/plain; charset=utf-8"},
        {"archive.tar.gz", "", "application/gzip"},
        {"clip.webm", "", "video/webm"},
        {"README", "", "application/octet-stream"},
        {"data.unknown-extension", "application/octet-stream", "application/octet-stream"},
        {"odd.txt", "x-odd/type; a=\"b\"", "x-odd/type; a=\"b\""},
    };
    static const char *const methods[] = {"GET", "HEAD"};
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char id[ID_CHARS + 1];
        char disposition[200];
        upload_text(s, cases[i].name, cases[i].stored, "dummy data", id);
        snprintf(disposition, sizeof disposition, "inline; filename=\"%s\"", cases[i].name);
        const char *const forms[] = {"/-%s",       "/-%s/", "/-%s/name.txt",
                                     "/-%s/a/b/c", "/!%s",  "/!%s/other"};
        for (size_t f = 0; f < ARRAY_LEN(forms) * ARRAY_LEN(methods); f++) {
            bool head = f % 2 == 1;
            char path[64];
            struct buf text;
            buf_init(&text, sizeof path - 1);
            buf_add(&text, forms[f / 2], 2);
            buf_add_str(&text, id);
            buf_add_str(&text, forms[f / 2] + 4);
            snprintf(path, sizeof path, "%s", buf_str(&text));
            buf_done(&text);
            struct response r;
            do_get(s, methods[f % 2], path, NULL, &r);
            expect_answer(&r, 200, head ? "" : "dummy data");
            expect_file_headers(&r);
            expect_header(&r, "Content-Type", cases[i].sent);
            expect_header(&r, "Content-Length", "10");
            assert_true(response_has(&r, "Content-Disposition", disposition));
            response_done(&r);
        }
    }
}

static void test_disposition(void **state)
{
    static const struct {
        const char *put; /* percent-encoded name */
        const char *ext; /* expected filename*, NULL when there is nothing to encode */
        const char *never;
    } cases[] = {
        {"plain.txt", NULL, "filename*"},
        {"na%C3%AFve.txt", "filename*=UTF-8''na%C3%AFve.txt", "\xc3\xaf"},
        {"quote%22d.txt", "filename*=UTF-8''quote%22d.txt", "quote\"d"},
        {"%E2%82%AC%20rates.txt", "filename*=UTF-8''%E2%82%AC%20rates.txt", "\xe2\x82"},
    };
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char id[ID_CHARS + 1];
        char path[64];
        struct response r;
        upload_bytes(s, cases[i].put, SEED, 10, id);
        for (int download = 0; download < 2; download++) {
            path_of(id, download ? "/x?download=1" : "", path, sizeof path);
            http_get(s, path, &r);
            expect_answer(&r, 200, NULL);
            const char *value = response_header(&r, "Content-Disposition");
            assert_non_null(value);
            const char *start = download ? "attachment; filename=\"" : "inline; filename=\"";
            assert_int_equal(strncmp(value, start, strlen(start)), 0);
            assert_true(cases[i].ext == NULL || strstr(value, cases[i].ext) != NULL);
            assert_null(strstr(value, cases[i].never));
            response_done(&r);
        }
    }
}

/* ---- ids ------------------------------------------------------------------------------------- */

static void test_ids(void **state)
{
    static const struct {
        const char *id;
        int status;
        const char *text;
    } cases[] = {
        {"ZZZZZZZZZZ", 404, "entry not found\n"},
        {"short", 400, "bad entry ID: entry ID (short) has invalid length: got 5, want 10\n"},
        {"AAAAAAAAAAA", 400,
         "bad entry ID: entry ID (AAAAAAAAAAA) has invalid length: got 11, want 10\n"},
        {"AAAAAAAAA0", 400, "bad entry ID: entry ID (AAAAAAAAA0) contains invalid character: 48\n"},
        {"AAAAAAAAAl", 400,
         "bad entry ID: entry ID (AAAAAAAAAl) contains invalid character: 108\n"},
        {"IAAAAAAAAA", 400, "bad entry ID: entry ID (IAAAAAAAAA) contains invalid character: 73\n"},
        {"AAAAAA.AAA", 400, "bad entry ID: entry ID (AAAAAA.AAA) contains invalid character: 46\n"},
    };
    static const char *const forms[] = {"/-", "/!"};
    static const char *const ends[] = {"", "/name.txt"};
    const struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t f = 0; f < 4; f++) {
            char path[80];
            struct response r;
            snprintf(path, sizeof path, "%s%s%s", forms[f / 2], cases[i].id, ends[f % 2]);
            http_get(s, path, &r);
            expect_answer(&r, cases[i].status, cases[i].text);
            expect_header(&r, "Content-Type", "text/plain; charset=utf-8");
            expect_header(&r, "X-Content-Type-Options", "nosniff");
            expect_header(&r, "Content-Security-Policy", "sandbox");
            response_done(&r);
            do_get(s, "HEAD", path, NULL, &r);
            expect_answer(&r, cases[i].status, "");
            response_done(&r);
        }
    }
    struct response r;
    http_get(s, "/-", &r);
    expect_answer(&r, 404, "404 page not found\n");
    response_done(&r);
}

static void test_expired(void **state)
{
    const struct server *s = *state;
    char id[ID_CHARS + 1];
    char path[32];
    char sql[200];
    struct response r;
    upload_text(s, "soon.txt", NULL, "dummy data", id);
    path_of(id, "", path, sizeof path);
    http_get(s, path, &r);
    expect_answer(&r, 200, "dummy data");
    response_done(&r);
    snprintf(sql, sizeof sql,
             "UPDATE entries SET expiration_time = strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ', 'now',"
             " '-1 seconds') WHERE id = '%s'",
             id);
    char out[8];
    db_text(s, sql, out, sizeof out);
    http_get(s, path, &r);
    expect_answer(&r, 404, "entry not found\n");
    response_done(&r);
    do_get(s, "HEAD", path, NULL, &r);
    expect_answer(&r, 404, "");
    response_done(&r);
}

/* ---- conditions ------------------------------------------------------------------------------ */

static void test_conditions(void **state)
{
    const struct server *s = *state;
    char id[ID_CHARS + 1];
    char path[32];
    struct response r;
    upload_text(s, "a.txt", "text/plain", "dummy data", id);
    path_of(id, "", path, sizeof path);
    http_get(s, path, &r);
    char etag[200];
    char modified[64];
    snprintf(etag, sizeof etag, "%s", response_header(&r, "ETag"));
    snprintf(modified, sizeof modified, "%s", response_header(&r, "Last-Modified"));
    response_done(&r);

    /* %E is the entity tag, %M the modification date */
    static const struct {
        const char *one;
        const char *two;
        int status;
    } cases[] = {
        {"If-None-Match: %E", NULL, 304},
        {"If-None-Match: W/%E", NULL, 304},
        {"If-None-Match: *", NULL, 304},
        {"If-None-Match: \"x\", %E", NULL, 304},
        {"If-None-Match: \"x\"", NULL, 200},
        {"If-None-Match: \"x\"", "If-Modified-Since: %M", 200},
        {"If-Modified-Since: %M", NULL, 304},
        {"If-Modified-Since: Fri, 01 Jan 2038 00:00:00 GMT", NULL, 304},
        {"If-Modified-Since: Sat, 01 Jan 2022 00:00:00 GMT", NULL, 200},
        {"If-Modified-Since: not a date", NULL, 200},
        {"If-Match: %E", NULL, 200},
        {"If-Match: *", NULL, 200},
        {"If-Match: \"x\", %E", NULL, 200},
        {"If-Match: \"x\"", NULL, 412},
        {"If-Match: W/%E", NULL, 412},
        {"If-Match: %E", "If-Unmodified-Since: Sat, 01 Jan 2022 00:00:00 GMT", 200},
        {"If-Unmodified-Since: %M", NULL, 200},
        {"If-Unmodified-Since: Sat, 01 Jan 2022 00:00:00 GMT", NULL, 412},
        {"If-Unmodified-Since: not a date", NULL, 200},
        {"If-Match: %E", "If-None-Match: %E", 304},
        {"If-Match: \"x\"", "If-None-Match: %E", 412},
        {"Range: bytes=0-3", "If-Range: %E", 206},
        {"Range: bytes=0-3", "If-Range: W/%E", 200},
        {"Range: bytes=0-3", "If-Range: \"x\"", 200},
        {"Range: bytes=0-3", "If-Range: %M", 206},
        {"Range: bytes=0-3", "If-Range: Sat, 01 Jan 2022 00:00:00 GMT", 200},
        {"Range: bytes=0-3", "If-None-Match: %E", 304},
        {"Range: bytes=0-3", "If-Match: \"x\"", 412},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf lines[2];
        const char *const texts[] = {cases[i].one, cases[i].two};
        const char *headers[3] = {NULL};
        for (size_t k = 0; k < 2; k++) {
            buf_init(&lines[k], 500);
            for (const char *p = texts[k]; p != NULL && *p != '\0'; p++) {
                if (*p == '%') {
                    buf_add_str(&lines[k], *++p == 'E' ? etag : modified);
                } else {
                    buf_add_char(&lines[k], *p);
                }
            }
            headers[k] = lines[k].len > 0 ? buf_str(&lines[k]) : NULL;
        }
        for (int head = 0; head < 2; head++) {
            do_get(s, head ? "HEAD" : "GET", path, headers, &r);
            /* a range has no meaning for HEAD (RFC 9110 14.2) */
            int status = head && cases[i].status == 206 ? 200 : cases[i].status;
            if (r.status != status) {
                fail_msg("%s / %s: %d instead of %d", headers[0],
                         headers[1] != NULL ? headers[1] : "", r.status, status);
            }
            assert_true(r.complete);
            const char *text = head                     ? ""
                               : cases[i].status == 200 ? "dummy data"
                               : cases[i].status == 206 ? "dumm"
                                                        : "";
            assert_string_equal(response_text(&r), text);
            if (r.status == 304) {
                expect_header(&r, "ETag", etag);
                expect_header(&r, "Content-Security-Policy", "sandbox");
                assert_null(response_header(&r, "Content-Type"));
            }
            response_done(&r);
        }
        buf_done(&lines[0]);
        buf_done(&lines[1]);
    }
}

/* ---- Repr-Digest (RFC 9530) ------------------------------------------------------------------ */

/* RFC 4648 §4, bit by bit, so as not to ask the code under test. */
static void plain_base64(const uint8_t *bytes, size_t len, char *ret_text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = 0;
    for (size_t bit = 0; bit < 8 * len; bit += 6) {
        unsigned value = 0;
        for (size_t i = bit; i < bit + 6; i++) {
            bool is_set = i < 8 * len && (bytes[i / 8] & (0x80U >> i % 8)) != 0;
            value = 2 * value + (is_set ? 1U : 0U);
        }
        ret_text[n++] = digits[value];
    }
    while (n % 4 != 0) {
        ret_text[n++] = '=';
    }
    ret_text[n] = '\0';
}

static void test_digest(void **state)
{
    static const struct {
        const char *method;
        const char *header;
        int status;
        bool has_digest;
    } cases[] = {
        {"GET", NULL, 200, true},
        {"HEAD", NULL, 200, true},
        {"GET", "Range: bytes=7-9", 206, true},
        {"GET", "Range: bytes=0-1,5-6", 206, true},
        {"GET", "Range: bytes=99999999-", 416, false},
        {"GET", "If-None-Match: *", 304, false},
        {"GET", "If-Match: \"other\"", 412, false},
    };
    const struct server *s = *state;
    char id[ID_CHARS + 1];
    char path[40];
    char base64[64];
    char value[80];
    uint8_t sha256[SHA256_BYTES];
    struct response r;
    upload_bytes(s, "digest.bin", SEED, CHUNK_BYTES + 5, id);
    path_of(id, "", path, sizeof path);
    gen_sha256(SEED, CHUNK_BYTES + 5, sha256);
    plain_base64(sha256, sizeof sha256, base64);
    snprintf(value, sizeof value, "sha-256=:%s:", base64);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *const headers[] = {cases[i].header, NULL};
        do_get(s, cases[i].method, path, headers, &r);
        assert_int_equal(r.status, cases[i].status);
        if (cases[i].has_digest) {
            expect_header(&r, "Repr-Digest", value);
        } else {
            assert_null(response_header(&r, "Repr-Digest"));
        }
        response_done(&r);
    }
    /* Nobody has read it yet: another program stored it. */
    db_change(s, "UPDATE ext_files SET sha256 = NULL WHERE id = '%s'", id);
    http_get(s, path, &r);
    assert_int_equal(r.status, 200);
    assert_null(response_header(&r, "Repr-Digest"));
    response_done(&r);
}

/* Two files with the same bytes may share a tag; different bytes may not. */
static void test_etag(void **state)
{
    const struct server *s = *state;
    char etags[2][200];
    for (int i = 0; i < 2; i++) {
        char id[ID_CHARS + 1];
        char path[32];
        struct response r;
        upload_text(s, "a.txt", NULL, i == 0 ? "dummy data" : "other data", id);
        path_of(id, "", path, sizeof path);
        http_get(s, path, &r);
        snprintf(etags[i], sizeof etags[i], "%s", response_header(&r, "ETag"));
        response_done(&r);
        http_get(s, path, &r);
        expect_header(&r, "ETag", etags[i]);
        response_done(&r);
    }
    assert_string_not_equal(etags[0], etags[1]);
}

/* ---- what others wrote ----------------------------------------------------------------------- */

/* An entry with chunks of five bytes, as another program may have written it (database.md 3.4). */
static void test_foreign_rows(void **state)
{
    const struct server *s = *state;
    char out[8];
    db_text(s,
            "BEGIN;"
            "INSERT INTO entries_data VALUES ('AAAAAAAA22', 0, CAST('hello' AS BLOB)),"
            " ('AAAAAAAA22', 1, CAST(', wor' AS BLOB)), ('AAAAAAAA22', 2, CAST('ld!' AS BLOB));"
            "INSERT INTO entries VALUES ('AAAAAAAA22', 'test0.mp3', '', '2023-01-01T00:00:00Z',"
            " '2999-12-31T00:00:00Z', NULL, NULL);"
            "COMMIT",
            out, sizeof out);
    struct response r;
    http_get(s, "/-AAAAAAAA22", &r);
    expect_answer(&r, 200, "hello, world!");
    expect_header(&r, "Content-Length", "13");
    expect_header(&r, "Content-Type", "audio/mpeg");
    expect_header(&r, "Last-Modified", "Sun, 01 Jan 2023 00:00:00 GMT");
    response_done(&r);
    static const char *const range[] = {"Range: bytes=3-11", NULL};
    do_get(s, "GET", "/-AAAAAAAA22", range, &r);
    expect_answer(&r, 206, "lo, world");
    response_done(&r);
    db_text(s,
            "INSERT INTO entries VALUES ('AAAAAAAA23', 'empty', '', '2023-01-01T00:00:00Z',"
            " '2999-12-31T00:00:00Z', NULL, NULL)",
            out, sizeof out);
    http_get(s, "/-AAAAAAAA23", &r);
    expect_answer(&r, 404, "entry not found\n");
    response_done(&r);
    db_text(s, "DELETE FROM entries WHERE id = 'AAAAAAAA23'", out, sizeof out);
}

/* A chunk row is missing: the transfer breaks off there, or does not begin where all of it was read
 * first, and no wrong byte arrives. */
static void test_missing_chunk(void **state)
{
    enum { BYTES = 5 * CHUNK_BYTES };
    const struct server *s = *state;
    char id[ID_CHARS + 1];
    char path[32];
    char sql[200];
    char out[8];
    upload_bytes(s, "damaged.bin", SEED, BYTES, id);
    path_of(id, "", path, sizeof path);
    snprintf(sql, sizeof sql, "DELETE FROM entries_data WHERE id = '%s' AND chunk_index = 2", id);
    db_text(s, sql, out, sizeof out);

    struct response r;
    struct request q = {.path = path, .discard = true, .compare = true, .expect_seed = SEED};
    http_do(s, &q, &r);
    assert_int_equal(r.status, 200);
    assert_false(r.complete);
    assert_true(r.equal);
    assert_true(r.body_bytes <= 2 * CHUNK_BYTES);
    response_done(&r);

    static const struct {
        const char *range;
        int64_t first;
        int64_t len; /* 0: it cannot be read */
    } cases[] = {
        {"Range: bytes=0-655359", 0, 2 * CHUNK_BYTES},
        {"Range: bytes=983040-", 3 * CHUNK_BYTES, 2 * CHUNK_BYTES},
        {"Range: bytes=655360-655369", 2 * CHUNK_BYTES, 0},
        {"Range: bytes=655350-655369", 2 * CHUNK_BYTES - 10, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *const headers[] = {cases[i].range, NULL};
        q.headers = headers;
        q.expect_offset = cases[i].first;
        http_do(s, &q, &r);
        if (cases[i].len > 0) {
            expect_answer(&r, 206, NULL);
            assert_true(r.equal);
            assert_int_equal(r.body_bytes, cases[i].len);
        } else {
            assert_int_equal(r.status, 500);
        }
        response_done(&r);
    }
}

/* A file that is deleted after it was found is not there, as far as that can still be said; it is
 * no damage. The trigger deletes it in the moment its download is recorded. */
static void test_deleted_before_reading(void **state)
{
    const struct server *s = *state;
    char id[ID_CHARS + 1];
    char path[32];
    char sql[500];
    char out[8];
    upload_bytes(s, "short-lived.bin", SEED, 1000, id);
    path_of(id, "", path, sizeof path);
    snprintf(sql, sizeof sql,
             "CREATE TRIGGER deletes AFTER INSERT ON downloads WHEN NEW.entry_id = '%s' BEGIN"
             " DELETE FROM downloads WHERE entry_id = '%s';"
             " DELETE FROM ext_files WHERE id = '%s';"
             " DELETE FROM entries WHERE id = '%s';"
             " DELETE FROM entries_data WHERE id = '%s'; END",
             id, id, id, id, id);
    db_text(s, sql, out, sizeof out);
    struct response r;
    http_get(s, path, &r);
    expect_answer(&r, 404, "entry not found\n");
    response_done(&r);
    db_text(s, "DROP TRIGGER deletes", out, sizeof out);
}

/* ---- history --------------------------------------------------------------------------------- */

static int64_t downloads_of(const struct server *s, const char *id)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM downloads WHERE entry_id = '%s'", id);
    return db_int(s, sql);
}

static void expect_downloads(const struct server *s, const char *id, int64_t count)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM downloads WHERE entry_id = '%s'", id);
    if (!db_wait(s, sql, count)) {
        fail_msg("%lld rows of history instead of %lld", (long long)downloads_of(s, id),
                 (long long)count);
    }
}

static void test_history(void **state)
{
    static const struct {
        const char *method;
        const char *header;
        int status;
        int counts;
    } cases[] = {
        {"HEAD", NULL, 200, 0},
        {"GET", "If-Match: \"x\"", 412, 0},
        {"GET", "Range: bytes=100-", 416, 0},
        {"GET", "Range: bytes=1-", 206, 0},
        {"GET", "Range: bytes=5-6,8-9", 206, 0},
        {"GET", NULL, 200, 1},
        {"GET", "Range: bytes=0-3", 206, 1},
        {"GET", "Range: bytes=-10", 206, 1},
        {"GET", "If-None-Match: *", 304, 1},
    };
    const struct server *s = *state;
    char id[ID_CHARS + 1];
    char path[32];
    int64_t count = 0;
    upload_text(s, "a.txt", NULL, "dummy data", id);
    path_of(id, "", path, sizeof path);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char agent[64];
        snprintf(agent, sizeof agent, "User-Agent: agent-%zu", i); /* a client of its own */
        const char *const headers[] = {agent, cases[i].header, NULL};
        struct response r;
        do_get(s, cases[i].method, path, headers, &r);
        assert_int_equal(r.status, cases[i].status);
        response_done(&r);
        count += cases[i].counts;
        expect_downloads(s, id, count);
        if (cases[i].counts > 0) { /* the same client again, at once: a player probes */
            do_get(s, cases[i].method, path, headers, &r);
            response_done(&r);
        }
    }
    /* Rows are written in order, so a last one of another client shows that no other came. */
    static const char *const last[] = {"User-Agent:", NULL};
    struct response r;
    do_get(s, "GET", path, last, &r);
    expect_answer(&r, 200, "dummy data");
    response_done(&r);
    expect_downloads(s, id, count + 1);

    char sql[300];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM downloads WHERE entry_id = '%s' AND client_ip = '127.0.0.1' AND"
             " length(download_timestamp) = 20 AND"
             " abs(julianday('now') - julianday(download_timestamp)) < 0.01 AND"
             " user_agent IN ('agent-5', 'agent-6', 'agent-7', 'agent-8', '')",
             id);
    assert_int_equal(db_int(s, sql), count + 1);
}

/* The row is there before the body has ended. */
static void test_history_before_end(void **state)
{
    enum { BYTES = 40 * 1000 * 1000 };
    const struct server *s = *state;
    char id[ID_CHARS + 1];
    char head[200];
    upload_bytes(s, "long.bin", SEED, BYTES, id);
    struct raw *c = malloc(sizeof *c);
    assert_non_null(c);
    assert_true(raw_open(s, c));
    snprintf(head, sizeof head, "GET /-%s HTTP/1.1\r\nHost: localhost\r\n\r\n", id);
    assert_true(raw_text(c, head));
    expect_downloads(s, id, 1); /* nothing of the answer has been read yet */
    raw_abort(c);
    free(c);
    expect_download(s, id, SEED, BYTES);
}

/* Behind a proxy: of several X-Forwarded-For lines the last one is the proxy's own word. */
static void test_history_behind_proxy(void **state)
{
    static const char *const env[] = {"PS_BEHIND_PROXY=1", NULL};
    static const char *const headers[] = {"X-Forwarded-For: 9.9.9.9",
                                          "X-Forwarded-For: 203.0.113.7", NULL};
    (void)state;
    struct server s;
    server_start(&s, &(struct server_options){.env = env});
    char id[ID_CHARS + 1];
    char path[32];
    char ip[64];
    struct response r;
    upload_text(&s, "a.txt", NULL, "dummy data", id);
    path_of(id, "", path, sizeof path);
    do_get(&s, "GET", path, headers, &r);
    expect_answer(&r, 200, "dummy data");
    response_done(&r);
    expect_downloads(&s, id, 1);
    db_text(&s, "SELECT client_ip FROM downloads", ip, sizeof ip);
    assert_string_equal(ip, "203.0.113.7");
    server_end(&s);
}

/* ---- requests with a body -------------------------------------------------------------------- */

/* The deadline for reading a body that nobody wants is none for taking the answer. */
static void test_body_and_slow_reader(void **state)
{
    enum { BYTES = 10 * 1000 * 1000, FIRST_BYTES = 1024, PAUSE_MS = 3000 };
    const struct server *s = *state;
    char id[ID_CHARS + 1];
    char head[200];
    upload_bytes(s, "slow.bin", SEED, BYTES, id);
    struct raw *c = malloc(sizeof *c);
    assert_non_null(c);
    assert_true(raw_open(s, c));
    int small = 64 * 1024; /* so that most of the file waits in the server */
    assert_int_equal(setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    snprintf(head, sizeof head,
             "GET /-%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx", id);
    assert_true(raw_text(c, head));
    ssize_t n = recv(c->fd, c->data, FIRST_BYTES, MSG_WAITALL);
    assert_int_equal(n, FIRST_BYTES);
    c->end = FIRST_BYTES;
    harness_sleep_ms(PAUSE_MS);
    struct response r;
    assert_int_equal(raw_answer(c, false, &r), RAW_OK);
    expect_answer(&r, 200, NULL);
    assert_int_equal(r.body_bytes, BYTES);
    assert_true(gen_matches(SEED, 0, r.body.ptr, r.body.len));
    response_done(&r);
    raw_close(c);
    free(c);
}

/* What a browser says of a file that a page of this site would run (https://w3c.github.io/
 * webappsec-fetch-metadata). Other sites run it in their own name. */
static void test_part_of_the_site(void **state)
{
    static const struct {
        const char *site;
        const char *use;
        int status;
    } cases[] = {
        {"same-origin", "script", 403},
        {"same-origin", "style", 403},
        {"same-origin", "serviceworker", 403},
        {"same-origin", "sharedworker", 403},
        {"same-origin", "worker", 403},
        {"same-origin", "xslt", 403},
        {"same-origin", "manifest", 403},
        {"same-origin", "document", 200},
        {"same-origin", "iframe", 200},
        {"same-origin", "image", 200},
        {"same-origin", "video", 200},
        {"same-origin", "empty", 200},
        {"none", "document", 200},
        {"cross-site", "document", 200},
        {"cross-site", "script", 200},
    };
    const struct server *s = *state;
    char id[ID_CHARS + 1];
    char path[ID_CHARS + 3];
    upload_text(s, "a.js", "text/javascript", "dummy data", id);
    (void)snprintf(path, sizeof path, "/-%s", id);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char site[64];
        char use[64];
        (void)snprintf(site, sizeof site, "Sec-Fetch-Site: %s", cases[i].site);
        (void)snprintf(use, sizeof use, "Sec-Fetch-Dest: %s", cases[i].use);
        const char *const headers[] = {site, use, NULL};
        struct response r;
        http_do(s, &(struct request){.path = path, .headers = headers}, &r);
        if (r.status != cases[i].status ||
            !response_has(&r, "Content-Security-Policy", "sandbox")) {
            fail_msg("%s, %s: %d", cases[i].site, cases[i].use, r.status);
        }
        response_done(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_part_of_the_site),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_disposition),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_expired),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_etag),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_foreign_rows),
        cmocka_unit_test(test_missing_chunk),
        cmocka_unit_test(test_deleted_before_reading),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_history_before_end),
        cmocka_unit_test(test_history_behind_proxy),
        cmocka_unit_test(test_body_and_slow_reader),
    };
    return harness_main(tests, server_group_setup, server_group_teardown);
}
