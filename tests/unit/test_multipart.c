/* Replays tests/data/multipart: bodies as browsers, curl, Python and Go send them, hand-written and
 * broken ones (where they are from: its README.md). For each: NAME.body, NAME.type (the
 * Content-Type value) and NAME.expect (the events, content as length and SHA-256; "cut" is the
 * content before an error). Every body must give the expected events in one piece, cut in two at
 * every place (a long one at PLACES places), byte by byte, and in random pieces with random
 * unreads. */
#include "picoshare/base/buf.h"
#include "picoshare/base/check.h"
#include "picoshare/base/digest.h"
#include "picoshare/text/multipart.h"
#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MAX_FILE = 1 << 16, RANDOM_RUNS = 100, PLACES = 1000, MIN_CASES = 240 };

/* ---- the log of one run ---------------------------------------------------------------------- */

struct log {
    struct buf text;
    struct buf content; /* of the current part */
};

static void log_init(struct log *log)
{
    buf_init(&log->text, MAX_FILE);
    buf_init(&log->content, MAX_FILE);
}

static void log_done(struct log *log)
{
    buf_done(&log->text);
    buf_done(&log->content);
}

static void log_content(struct log *log, const char *label)
{
    uint8_t digest[SHA256_BYTES];
    assert_int_equal(sha256_of(buf_slice(&log->content), digest), ERR_OK);
    buf_addf(&log->text, "%s: %zu\nsha256: ", label, log->content.len);
    for (size_t i = 0; i < sizeof digest; i++) {
        buf_addf(&log->text, "%02x", digest[i]);
    }
    buf_add_char(&log->text, '\n');
}

static void log_event(struct log *log, const struct multipart *mp, enum multipart_event event,
                      bool *in_part)
{
    switch (event) {
    case MULTIPART_PART:
        buf_addf(&log->text, "part\nname: %s\n", multipart_name(mp));
        if (multipart_filename(mp) != NULL) {
            buf_addf(&log->text, "filename: %s\n", multipart_filename(mp));
        }
        buf_addf(&log->text, "type: %s\n", multipart_content_type(mp));
        buf_clear(&log->content);
        *in_part = true;
        break;
    case MULTIPART_PART_END:
        log_content(log, "length");
        *in_part = false;
        break;
    case MULTIPART_END:
        buf_add_str(&log->text, "end\n");
        break;
    case MULTIPART_ERROR:
        if (*in_part) {
            log_content(log, "cut");
        }
        buf_addf(&log->text, "error: %" PRIu64 " %s\n", multipart_offset(mp), multipart_reason(mp));
        break;
    case MULTIPART_MORE:
    case MULTIPART_DATA:
        fail();
    }
}

/* ---- one run --------------------------------------------------------------------------------- */

struct how {
    size_t max_piece; /* pieces have 1 to this many bytes, but for the last one */
    size_t first;     /* the first one has this many instead, unless 0 */
    bool unread;      /* now and then */
    uint32_t seed;
};

static uint32_t next_random(uint32_t *seed) /* xorshift */
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static bool lies_in(struct slice inner, const void *outer, size_t outer_len)
{
    uintptr_t begin = (uintptr_t)inner.ptr;
    return begin >= (uintptr_t)outer && begin + inner.len <= (uintptr_t)outer + outer_len;
}

/* Feeds one piece in memory of its own, until it is used up, was left early after an unread, or
 * the body is broken. Gives the number of bytes taken. */
static enum multipart_event feed(struct multipart *mp, struct slice bytes, struct how *how,
                                 struct log *log, bool *in_part, size_t *ret_taken)
{
    char *piece = malloc(bytes.len + 1); /* never of size 0 */
    assert_non_null(piece);
    memcpy(piece, bytes.ptr, bytes.len);
    struct slice in = slice_of(piece, bytes.len);
    struct slice data = {NULL, 0};
    enum multipart_event event;
    bool leave = false;
    while (!leave && (event = multipart_next(mp, &in, &data)) != MULTIPART_MORE &&
           event != MULTIPART_ERROR) {
        if (event != MULTIPART_DATA) {
            log_event(log, mp, event, in_part);
            continue;
        }
        assert_true(*in_part);
        assert_true(data.len > 0);
        assert_true(lies_in(data, piece, bytes.len) || lies_in(data, mp, sizeof *mp));
        size_t back = 0;
        if (how->unread && next_random(&how->seed) % 4 != 0) {
            back = next_random(&how->seed) % (data.len + 1);
            size_t first = next_random(&how->seed) % (back + 1);
            leave = next_random(&how->seed) % 2 == 0;
            buf_add(&log->content, data.ptr, data.len - back);
            multipart_unread(mp, &in, first);
            multipart_unread(mp, &in, back - first);
        } else {
            buf_add_slice(&log->content, data);
        }
        assert_true(lies_in(in, piece, bytes.len));
    }
    *ret_taken = bytes.len - in.len;
    free(piece);
    if (leave) {
        return MULTIPART_DATA;
    }
    if (event == MULTIPART_MORE) {
        assert_int_equal(in.len, 0);
    }
    return event;
}

static void run(const char *boundary, struct slice body, struct how how, struct log *log)
{
    struct multipart mp;
    assert_int_equal(multipart_init(&mp, boundary), ERR_OK);
    bool in_part = false;
    enum multipart_event event = MULTIPART_DATA;
    size_t pos = 0;
    while (event == MULTIPART_DATA || (event == MULTIPART_MORE && pos < body.len)) {
        size_t n = body.len - pos;
        if (pos < how.first) {
            n = how.first - pos;
        } else if (how.max_piece < n) {
            n = next_random(&how.seed) % how.max_piece + 1;
        }
        size_t taken = 0;
        event = feed(&mp, slice_of(body.ptr + pos, n), &how, log, &in_part, &taken);
        pos += taken;
    }
    log_event(log, &mp, multipart_finish(&mp), &in_part);
    assert_int_equal(buf_err(&log->text), ERR_OK);
    assert_int_equal(buf_err(&log->content), ERR_OK);
}

static void expect_run(const char *name, const char *boundary, struct slice body, struct how how,
                       const char *expected)
{
    struct log log;
    log_init(&log);
    run(boundary, body, how, &log);
    if (strcmp(buf_str(&log.text), expected) != 0) {
        print_error("%s, first piece %zu, pieces of up to %zu bytes, unread %d, seed %" PRIu32 "\n",
                    name, how.first, how.max_piece, how.unread, how.seed);
    }
    assert_string_equal(buf_str(&log.text), expected);
    log_done(&log);
}

/* ---- the corpus ------------------------------------------------------------------------------ */

static struct slice read_file(const char *name, const char *suffix)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/data/multipart/%s%s", TEST_DATA, name, suffix);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *bytes = malloc(MAX_FILE);
    assert_non_null(bytes);
    size_t len = fread(bytes, 1, MAX_FILE - 1, file);
    assert_true(len < MAX_FILE - 1);
    bytes[len] = '\0';
    (void)fclose(file);
    return slice_of(bytes, len);
}

static void replay_case(const char *name)
{
    struct slice body = read_file(name, ".body");
    struct slice type = read_file(name, ".type");
    struct slice expected = read_file(name, ".expect");
    char boundary[MULTIPART_MAX_BOUNDARY + 1];
    const char *reason = NULL;
    assert_int_equal(multipart_boundary(type, boundary, &reason), ERR_OK);

    struct slice exact = {malloc(body.len + 1), body.len}; /* so that an overrun is seen */
    assert_non_null(exact.ptr);
    memcpy((char *)exact.ptr, body.ptr, body.len);
    expect_run(name, boundary, exact, (struct how){.max_piece = SIZE_MAX, .seed = 1}, expected.ptr);
    expect_run(name, boundary, exact, (struct how){.max_piece = 1, .seed = 1}, expected.ptr);
    expect_run(name, boundary, exact, (struct how){.max_piece = 1, .unread = true, .seed = 1},
               expected.ptr);
    for (size_t first = 1; first < exact.len; first += 1 + exact.len / PLACES) {
        struct how how = {.max_piece = SIZE_MAX, .first = first, .seed = 1};
        expect_run(name, boundary, exact, how, expected.ptr);
    }
    for (uint32_t i = 1; i <= RANDOM_RUNS; i++) {
        struct how how = {.max_piece = 1 + i * i / 4, .seed = i};
        expect_run(name, boundary, exact, how, expected.ptr);
        how.unread = true;
        expect_run(name, boundary, exact, how, expected.ptr);
    }
    free((char *)exact.ptr);
    free((char *)body.ptr);
    free((char *)type.ptr);
    free((char *)expected.ptr);
}

static void test_corpus(void **state)
{
    (void)state;
    DIR *dir = opendir(TEST_DATA "/data/multipart");
    assert_non_null(dir);
    int cases = 0;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char name[256];
        struct slice file = slice_str(entry->d_name);
        size_t stem = slice_find(file, '.');
        if (stem > 0 && slice_eq(slice_skip(file, stem), SLICE(".body"))) {
            assert_true(slice_copy(slice_of(file.ptr, stem), name, sizeof name));
            replay_case(name);
            cases++;
        }
    }
    (void)closedir(dir);
    assert_true(cases >= MIN_CASES);
}

/* ---- single rules ---------------------------------------------------------------------------- */

#define LONGEST "0123456789012345678901234567890123456789012345678901234567890123456789"
#define PART "--B\r\nContent-Disposition: form-data; name=x\r\n\r\n"

static const char not_multipart[] = "request Content-Type isn't multipart/form-data";
static const char no_boundary[] = "no multipart boundary param in Content-Type";

static void test_boundary(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        const char *boundary; /* NULL: refused */
        const char *reason;
    } cases[] = {
        {"multipart/form-data; boundary=abc", "abc", NULL},
        {"Multipart/Form-Data ; Charset=utf-8 ; BOUNDARY = \"a b\" ;", "a b", NULL},
        {"multipart/form-data;boundary=" LONGEST, LONGEST, NULL},
        {"multipart/form-data; boundary===_(x)=/:?", "==_(x)=/:?", NULL},
        {"multipart/form-data; boundary=*****", "*****", NULL},
        {"multipart/form-data; boundary=!#$%&*^`{|}~", "!#$%&*^`{|}~", NULL},
        {"multipart/form-data; boundary=\"'()+_,-./:=? x\"", "'()+_,-./:=? x", NULL},
        {"multipart/form-data; boundary=\"a;boundary=b\"", NULL, no_boundary},
        {"", NULL, not_multipart},
        {"multipart/mixed; boundary=abc", NULL, not_multipart},
        {"multipart/form-data2; boundary=abc", NULL, not_multipart},
        {"text/plain", NULL, not_multipart},
        {"multipart/form-data", NULL, no_boundary},
        {"multipart/form-data; boundary=", NULL, no_boundary},
        {"multipart/form-data; boundary=\"\"", NULL, no_boundary},
        {"multipart/form-data; boundary=\"abc ", NULL, no_boundary},
        {"multipart/form-data; boundary=\"abc \"", NULL, no_boundary},
        {"multipart/form-data; boundary=a\"b", NULL, no_boundary},
        {"multipart/form-data; boundary=\"a\\\"b\"", NULL, no_boundary},
        {"multipart/form-data; boundary=\"a<b\"", NULL, no_boundary},
        {"multipart/form-data; boundary=\"a\tb\"", NULL, no_boundary},
        {"multipart/form-data; boundary*=UTF-8''abc", NULL, no_boundary},
        {"multipart/form-data; boundary=\xC3\xA4", NULL, no_boundary},
        {"multipart/form-data; boundary=a; boundary=a", NULL, no_boundary},
        {"multipart/form-data; boundary=a; charset=x; Boundary=\"b\"", NULL, no_boundary},
        {"multipart/form-data; boundary=a; charset", NULL, no_boundary},
        {"multipart/form-data, text/plain; boundary=a", NULL, not_multipart},
        {"multipart/form-data; boundary=abc x", NULL, no_boundary},
        {"multipart/form-data; boundary=x" LONGEST, NULL, no_boundary},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char boundary[MULTIPART_MAX_BOUNDARY + 1] = "unchanged";
        const char *reason = NULL;
        err_t err = multipart_boundary(slice_str(cases[i].type), boundary, &reason);
        assert_int_equal(err, cases[i].boundary != NULL ? ERR_OK : ERR_INVALID);
        assert_string_equal(boundary, cases[i].boundary != NULL ? cases[i].boundary : "unchanged");
        if (cases[i].reason != NULL) {
            assert_string_equal(reason, cases[i].reason);
        }
    }
}

static void test_init_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a ", "a\r\nb", "x" LONGEST, "a\"b", NULL};
    struct multipart mp;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(multipart_init(&mp, bad[i]), ERR_INVALID);
    }
}

static void test_error_stays(void **state)
{
    (void)state;
    struct multipart mp;
    struct slice data;
    assert_int_equal(multipart_init(&mp, "B"), ERR_OK);
    struct slice in = SLICE("--B\r\nX");
    assert_int_equal(multipart_next(&mp, &in, &data), MULTIPART_MORE);
    in = SLICE("\n" PART "abc\r\n--B--\r\n");
    assert_int_equal(multipart_next(&mp, &in, &data), MULTIPART_ERROR);
    in = SLICE("");
    assert_int_equal(multipart_next(&mp, &in, &data), MULTIPART_ERROR);
    assert_int_equal(multipart_finish(&mp), MULTIPART_ERROR);
    assert_int_equal(multipart_offset(&mp), 6);
    assert_string_equal(multipart_reason(&mp), "multipart: header line ends with a bare LF");
}

/* Content that was held back as a possible delimiter is kept by the parser, not by the input. */
static void test_unread_held(void **state)
{
    (void)state;
    struct multipart mp;
    struct slice data;
    struct slice in = SLICE(PART "abc\r\n--B");
    assert_int_equal(multipart_init(&mp, "B"), ERR_OK);
    assert_int_equal(multipart_next(&mp, &in, &data), MULTIPART_PART);
    assert_int_equal(multipart_next(&mp, &in, &data), MULTIPART_DATA);
    assert_true(slice_eq(data, SLICE("abc")));
    assert_int_equal(multipart_next(&mp, &in, &data), MULTIPART_MORE);
    in = SLICE("-x");
    assert_int_equal(multipart_next(&mp, &in, &data), MULTIPART_DATA);
    assert_true(slice_eq(data, SLICE("\r\n--B-")));
    multipart_unread(&mp, &in, 4);
    assert_true(slice_eq(in, SLICE("x")));
    struct slice nothing = SLICE("");
    assert_int_equal(multipart_next(&mp, &nothing, &data), MULTIPART_DATA);
    assert_true(slice_eq(data, SLICE("--B-")));
    assert_int_equal(multipart_next(&mp, &nothing, &data), MULTIPART_MORE);
    assert_int_equal(multipart_next(&mp, &in, &data), MULTIPART_DATA);
    assert_true(slice_eq(data, SLICE("x")));
}

static void test_unread_input(void **state)
{
    (void)state;
    struct multipart mp;
    struct slice data;
    struct slice in = SLICE(PART "abcdef\r\n--B--");
    assert_int_equal(multipart_init(&mp, "B"), ERR_OK);
    assert_int_equal(multipart_next(&mp, &in, &data), MULTIPART_PART);
    assert_int_equal(multipart_next(&mp, &in, &data), MULTIPART_DATA);
    assert_true(slice_eq(data, SLICE("abcdef")));
    multipart_unread(&mp, &in, 2);
    assert_true(slice_eq(in, SLICE("ef\r\n--B--")));
    struct slice again = SLICE("ef\r\n--B-!"); /* elsewhere in memory, and no delimiter this time */
    assert_int_equal(multipart_next(&mp, &again, &data), MULTIPART_DATA);
    assert_true(slice_eq(data, SLICE("ef")));
    assert_int_equal(multipart_next(&mp, &again, &data), MULTIPART_DATA);
    assert_true(slice_eq(data, SLICE("\r\n--B-")));
    assert_int_equal(multipart_next(&mp, &again, &data), MULTIPART_DATA);
    assert_true(slice_eq(data, SLICE("!")));
    assert_int_equal(multipart_next(&mp, &again, &data), MULTIPART_MORE);
    assert_int_equal(multipart_finish(&mp), MULTIPART_ERROR);
    assert_int_equal(multipart_offset(&mp), sizeof(PART "abcdef\r\n--B-!") - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corpus),       cmocka_unit_test(test_boundary),
        cmocka_unit_test(test_init_refuses), cmocka_unit_test(test_error_stays),
        cmocka_unit_test(test_unread_held),  cmocka_unit_test(test_unread_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
