/* Range requests on a file of several chunk rows, byte by byte against the generator
 * (RFC 9110 14, http-api.md 10.4, improvements.md). */
#include "harness.h"
#include "picoshare/base/num.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    SEED = 5,
    SIZE = 4 * CHUNK_BYTES + 1000, /* five rows, the last one short */
    READ_BYTES = 65536,            /* the server reads rows in pieces of this size */
};

struct file {
    struct server server;
    char path[32];
};

static int setup(void **state)
{
    struct file *f = calloc(1, sizeof *f);
    char id[ID_CHARS + 1];
    if (f == NULL) {
        return 1;
    }
    *state = f;
    server_start(&f->server, NULL);
    upload_bytes(&f->server, "ranges.bin", SEED, SIZE, id);
    snprintf(f->path, sizeof f->path, "/-%s", id);
    return 0;
}

static int teardown(void **state)
{
    struct file *f = *state;
    int code = server_stop(&f->server);
    free(f);
    return code;
}

static void get_range(const struct file *f, const char *method, const char *range,
                      struct response *r)
{
    char header[1200];
    snprintf(header, sizeof header, "Range: %s", range);
    const char *const headers[] = {header, NULL};
    http_do(&f->server, &(struct request){.method = method, .path = f->path, .headers = headers},
            r);
}

/* A 206 with exactly the bytes first..last. */
static void expect_range(const struct file *f, const char *range, int64_t first, int64_t last)
{
    struct response r;
    char content_range[100];
    char length[32];
    get_range(f, NULL, range, &r);
    if (r.status != 206) {
        fail_msg("%s: %d", range, r.status);
    }
    expect_answer(&r, 206, NULL);
    snprintf(content_range, sizeof content_range, "bytes %lld-%lld/%d", (long long)first,
             (long long)last, SIZE);
    snprintf(length, sizeof length, "%lld", (long long)(last - first + 1));
    assert_string_equal(response_header(&r, "Content-Range"), content_range);
    assert_string_equal(response_header(&r, "Content-Length"), length);
    assert_string_equal(response_header(&r, "Content-Type"), "application/octet-stream");
    assert_string_equal(response_header(&r, "Content-Security-Policy"), "sandbox");
    assert_int_equal(r.body.len, last - first + 1);
    assert_true(gen_matches(SEED, first, r.body.ptr, r.body.len));
    response_done(&r);
}

static void test_borders(void **state)
{
    static const int64_t borders[] = {0,
                                      READ_BYTES,
                                      CHUNK_BYTES,
                                      CHUNK_BYTES + READ_BYTES,
                                      2 * CHUNK_BYTES,
                                      3 * CHUNK_BYTES,
                                      4 * CHUNK_BYTES,
                                      SIZE};
    const struct file *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(borders); i++) {
        for (int64_t before = 0; before <= 2; before++) {
            for (int64_t after = -1; after <= 1; after++) {
                int64_t first = borders[i] - before;
                int64_t last = borders[i] + after;
                if (first < 0 || last < first || last >= SIZE) {
                    continue;
                }
                char range[100];
                snprintf(range, sizeof range, "bytes=%lld-%lld", (long long)first, (long long)last);
                expect_range(f, range, first, last);
            }
        }
        if (borders[i] < SIZE) {
            char range[100];
            snprintf(range, sizeof range, "bytes=%lld-", (long long)borders[i]);
            expect_range(f, range, borders[i], SIZE - 1);
        }
        if (borders[i] > 0) {
            char range[100];
            snprintf(range, sizeof range, "bytes=-%lld", (long long)borders[i]);
            expect_range(f, range, SIZE - borders[i], SIZE - 1);
        }
        /* from each border to each later one: whole rows and runs of rows */
        for (size_t k = i + 1; k < ARRAY_LEN(borders); k++) {
            char range[100];
            snprintf(range, sizeof range, "bytes=%lld-%lld", (long long)borders[i],
                     (long long)borders[k] - 1);
            expect_range(f, range, borders[i], borders[k] - 1);
        }
    }
}

static void test_forms(void **state)
{
    static const struct {
        const char *range;
        int64_t first;
        int64_t last;
    } cases[] = {
        {"bytes=0-0", 0, 0},
        {"bytes=5-", 5, SIZE - 1},
        {"bytes=-1", SIZE - 1, SIZE - 1},
        {"bytes=-99999999999", 0, SIZE - 1},
        {"bytes=10-99999999999", 10, SIZE - 1},
        {"bytes= 3-4", 3, 4},
        {"bytes=3-4 ", 3, 4},
        {"bytes=,3-4", 3, 4},
        {"bytes=3-4,99999999-", 3, 4},
    };
    const struct file *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        expect_range(f, cases[i].range, cases[i].first, cases[i].last);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *range;
        bool sized; /* with Content-Range */
    } cases[] = {
        {"bytes=9999999-", true},
        {"bytes=1311720-", true},
        {"bytes=9999999-99999999", true},
        {"bytes=-0", true},
        {"bytes=-0,9999999-", true},
        {"bytes=5-2", false},
        {"bytes=-", false},
        {"bytes=--1", false},
        {"bytes=a-b", false},
        {"bytes=1-2-3", false},
        {"bytes=1", false},
        {"bytes=99999999999999999999-", false},
    };
    const struct file *f = *state;
    char size[64];
    snprintf(size, sizeof size, "bytes */%d", SIZE);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response r;
        bool sized = cases[i].sized;
        get_range(f, NULL, cases[i].range, &r);
        if (r.status != 416) {
            fail_msg("%s: %d", cases[i].range, r.status);
        }
        expect_answer(&r, 416, sized ? "invalid range: failed to overlap\n" : "invalid range\n");
        assert_string_equal(response_header(&r, "Content-Type"), "text/plain; charset=utf-8");
        assert_string_equal(response_header(&r, "Content-Security-Policy"), "sandbox");
        if (sized) {
            assert_string_equal(response_header(&r, "Content-Range"), size);
        } else {
            assert_null(response_header(&r, "Content-Range"));
        }
        response_done(&r);
    }
}

static void test_ignored(void **state)
{
    static const char *const cases[] = {
        "items=0-3",
        "bytes",
        "bytes=",
        "bytes=,",
        "0-3",
        /* 17 ranges are more than anybody needs */
        "bytes=0-0,2-2,4-4,6-6,8-8,0-1,2-3,4-5,6-7,8-9,0-2,2-4,4-6,6-8,8-10,1-1,3-3",
        /* together more than the file */
        "bytes=0-1311719,0-10",
    };
    const struct file *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response r;
        get_range(f, NULL, cases[i], &r);
        if (r.status != 200) {
            fail_msg("%s: %d", cases[i], r.status);
        }
        expect_answer(&r, 200, NULL);
        assert_int_equal(r.body.len, SIZE);
        assert_true(gen_matches(SEED, 0, r.body.ptr, r.body.len));
        assert_null(response_header(&r, "Content-Range"));
        response_done(&r);
    }
}

/* ---- several ranges -------------------------------------------------------------------------- */

/* What is left of the body after it must begin with text. */
static void eat(struct slice *body, const char *text)
{
    assert_true(slice_starts(*body, slice_str(text)));
    *body = slice_skip(*body, strlen(text));
}

static void expect_many(const struct file *f, const int64_t (*ranges)[2], size_t n)
{
    struct buf header;
    buf_init(&header, 1000);
    buf_add_str(&header, "bytes=");
    for (size_t i = 0; i < n; i++) {
        buf_addf(&header, "%s%lld-%lld", i > 0 ? "," : "", (long long)ranges[i][0],
                 (long long)ranges[i][1]);
    }
    struct response r;
    get_range(f, NULL, buf_str(&header), &r);
    expect_answer(&r, 206, NULL);
    static const char type[] = "multipart/byteranges; boundary=";
    const char *got = response_header(&r, "Content-Type");
    assert_non_null(got);
    assert_int_equal(strncmp(got, type, sizeof type - 1), 0);
    char boundary[100];
    snprintf(boundary, sizeof boundary, "--%s", got + sizeof type - 1);
    assert_null(response_header(&r, "Content-Range"));
    int64_t length = -1;
    assert_int_equal(
        num_parse_i64(slice_str(response_header(&r, "Content-Length")), 0, INT64_MAX, &length),
        ERR_OK);
    assert_int_equal(length, r.body.len);

    struct slice body = buf_slice(&r.body);
    for (size_t i = 0; i < n; i++) {
        char line[100];
        if (i > 0) {
            eat(&body, "\r\n");
        }
        eat(&body, boundary);
        snprintf(line, sizeof line, "\r\nContent-Range: bytes %lld-%lld/%d\r\n",
                 (long long)ranges[i][0], (long long)ranges[i][1], SIZE);
        eat(&body, line);
        eat(&body, "Content-Type: application/octet-stream\r\n\r\n");
        size_t len = (size_t)(ranges[i][1] - ranges[i][0] + 1);
        assert_true(body.len >= len);
        assert_true(gen_matches(SEED, ranges[i][0], body.ptr, len));
        body = slice_skip(body, len);
    }
    eat(&body, "\r\n");
    eat(&body, boundary);
    eat(&body, "--\r\n");
    assert_int_equal(body.len, 0);
    response_done(&r);
    buf_done(&header);
}

static void test_many(void **state)
{
    const struct file *f = *state;
    static const int64_t two[][2] = {{0, 0}, {5, 6}};
    static const int64_t backwards[][2] = {{SIZE - 3, SIZE - 1}, {0, 9}};
    static const int64_t overlapping[][2] = {{10, 500}, {100, 600}, {100, 100}};
    static const int64_t borders[][2] = {{CHUNK_BYTES - 1, CHUNK_BYTES},
                                         {2 * CHUNK_BYTES - 100, 2 * CHUNK_BYTES + 99},
                                         {3 * CHUNK_BYTES - 70000, 3 * CHUNK_BYTES + 70000},
                                         {4 * CHUNK_BYTES, SIZE - 1}};
    expect_many(f, two, ARRAY_LEN(two));
    expect_many(f, backwards, ARRAY_LEN(backwards));
    expect_many(f, overlapping, ARRAY_LEN(overlapping));
    expect_many(f, borders, ARRAY_LEN(borders));
    int64_t sixteen[16][2];
    for (int64_t i = 0; i < 16; i++) {
        sixteen[i][0] = i * 80000;
        sixteen[i][1] = i * 80000 + 20000;
    }
    expect_many(f, (const int64_t(*)[2])sixteen, ARRAY_LEN(sixteen));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_borders), cmocka_unit_test(test_forms),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_ignored),
        cmocka_unit_test(test_many),
    };
    return harness_main(tests, setup, teardown);
}
