#include "picoshare/base/check.h"
#include "picoshare/text/percent.h"
#include "picoshare/text/target.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_split(void **state)
{
    (void)state;
    static const struct {
        const char *raw;
        const char *path;
        const char *query; /* NULL: none */
    } cases[] = {
        {"/", "/", NULL},
        {"/-hR87apiUCj/a%20b.txt", "/-hR87apiUCj/a%20b.txt", NULL},
        {"/api/entry?expiration=x", "/api/entry", "expiration=x"},
        {"/a?", "/a", ""},
        {"/a?b?c", "/a", "b?c"},
        {"/?a=/b", "/", "a=/b"},
        {"//a/b", "//a/b", NULL},
        {"/a?b=%zz", "/a", "b=%zz"},
        {"/\xC3\xB6", "/\xC3\xB6", NULL},
        {"/a#b", "/a#b", NULL},
        {"/http://x/y", "/http://x/y", NULL},
        {"http://host/path?q", "/path", "q"},
        {"HTTPS://host:4001/path", "/path", NULL},
        {"http://host", "/", NULL},
        {"http://host?q=1", "/", "q=1"},
        {"http://host//x", "//x", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct target t;
        if (target_split(slice_str(cases[i].raw), &t) != ERR_OK) {
            fail_msg("\"%s\" was refused", cases[i].raw);
        }
        assert_true(slice_eq(t.path, slice_str(cases[i].path)));
        assert_true(slice_eq(t.query, slice_str(cases[i].query)));
        assert_int_equal(t.query.ptr == NULL, cases[i].query == NULL);
        bool absolute_form = cases[i].raw[0] != '/';
        assert_int_equal(t.authority.ptr != NULL, absolute_form);
        if (absolute_form) {
            bool with_port = strstr(cases[i].raw, ":4001") != NULL;
            assert_true(slice_eq(t.authority, with_port ? SLICE("host:4001") : SLICE("host")));
        }
    }
}

static void test_split_refuses(void **state)
{
    (void)state;
    static const char *const raws[] = {
        "",
        "*",
        "a",
        "?a",
        "host:443",
        "http:/x",
        "http:///x",
        "http://",
        "http://?a",
        "ftp://h/x",
        "http",
        "http:",
        "/a b",
        "/a\tb",
        "/a\r",
        "/a\n?b",
        "/a\x7f",
        "/a?b c",
        "/%",
        "/%1",
        "/%zz",
        "/a%2",
        "/%%20",
        "/%00",
        "/a?b=%00",
        "/%2x?b",
        "/a?%00",
        "http://h/%",
        "http://h/a b",
        "/a%0",
        "http://user@host/",
        "http://@host/",
    };
    for (size_t i = 0; i < ARRAY_LEN(raws); i++) {
        struct target t;
        if (target_split(slice_str(raws[i]), &t) != ERR_INVALID) {
            fail_msg("\"%s\" was accepted", raws[i]);
        }
    }
    struct target t;
    assert_int_equal(target_split(SLICE("/a\0b"), &t), ERR_INVALID);
    assert_int_equal(target_split((struct slice){NULL, 0}, &t), ERR_INVALID);
}

static void test_decode_path(void **state)
{
    (void)state;
    static const struct {
        const char *raw;
        const char *path;
        bool encoded_slash;
    } cases[] = {
        {"/", "/", false},
        {"/a%20b", "/a b", false},
        {"/a+b", "/a+b", false},
        {"/%41%6a%6A", "/Ajj", false},
        {"/a%2Fb", "/a/b", true},
        {"/a%2fb", "/a/b", true},
        {"/a%252Fb", "/a%2Fb", false},
        {"/%2e%2e/x", "/../x", false},
        {"/%C3%B6%ff", "/\xC3\xB6\xff", false},
        {"/%25", "/%", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char path[32];
        bool encoded_slash = !cases[i].encoded_slash;
        assert_int_equal(
            target_decode_path(slice_str(cases[i].raw), path, sizeof path, &encoded_slash), ERR_OK);
        assert_string_equal(path, cases[i].path);
        assert_int_equal(encoded_slash, cases[i].encoded_slash);
    }
}

static void test_decode_path_refuses(void **state)
{
    (void)state;
    static const char *const raws[] = {"",     "a",     "%2Fa", "/%",  "/%4",
                                       "/%g1", "/%1g",  "/%00", "/a%", "/%-1",
                                       "/% 1", "/a%00", "*",    "/%%", "http://host/"};
    for (size_t i = 0; i < ARRAY_LEN(raws); i++) {
        char path[32];
        bool encoded_slash = false;
        if (target_decode_path(slice_str(raws[i]), path, sizeof path, &encoded_slash) !=
            ERR_INVALID) {
            fail_msg("\"%s\" was accepted", raws[i]);
        }
    }
    char room[4];
    bool encoded_slash = false;
    assert_int_equal(target_decode_path(SLICE("/ab"), room, sizeof room, &encoded_slash), ERR_OK);
    assert_int_equal(target_decode_path(SLICE("/abc"), room, sizeof room, &encoded_slash),
                     ERR_TOOBIG);
    assert_int_equal(target_decode_path(SLICE("/%41%42"), room, sizeof room, &encoded_slash),
                     ERR_OK);
    assert_int_equal(target_decode_path(SLICE("/\0b"), room, sizeof room, &encoded_slash),
                     ERR_INVALID);
}

static void test_clean_path(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *clean; /* NULL: it is clean */
    } cases[] = {
        {"/", NULL},
        {"/a", NULL},
        {"/a/", NULL},
        {"/a/b.txt", NULL},
        {"/-ID/...", NULL},
        {"/.bashrc", NULL},
        {"/a..", NULL},
        {"/..a/b", NULL},
        {"//", "/"},
        {"///", "/"},
        {"//a", "/a"},
        {"/a//b", "/a/b"},
        {"/a//", "/a/"},
        {"/.", "/"},
        {"/./", "/"},
        {"/..", "/"},
        {"/../", "/"},
        {"/../../a", "/a"},
        {"/a/.", "/a"},
        {"/a/./", "/a/"},
        {"/a/./b", "/a/b"},
        {"/a/..", "/"},
        {"/a/../", "/"},
        {"/a/b/..", "/a"},
        {"/a/b/../", "/a/"},
        {"/a/b/../c", "/a/c"},
        {"/a/b/../../c/./d//", "/c/d/"},
        {"/a/../../b", "/b"},
        {"//evil.example/..//x", "/x"},
        {"/x/..//evil.example", "/evil.example"},
        {"/.//evil.example", "/evil.example"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(target_is_clean(cases[i].path), cases[i].clean == NULL);
        char path[64];
        assert_true(slice_copy(slice_str(cases[i].path), path, sizeof path));
        target_clean_path(path);
        assert_string_equal(path, cases[i].clean != NULL ? cases[i].clean : cases[i].path);
        assert_true(target_is_clean(path));
    }
    assert_false(target_is_clean(""));
    assert_false(target_is_clean("a/b"));
}

/* What a browser would take for the name of another host. */
static void test_location_stays_on_this_host(void **state)
{
    (void)state;
    static const char *const raws[] = {"//evil.example",        "/%2Fevil.example",
                                       "/%5Cevil.example",      "/.//\\evil.example",
                                       "/%2e%2e//evil.example", "/\t/evil.example"};
    for (size_t i = 0; i < ARRAY_LEN(raws); i++) {
        char path[64];
        bool encoded_slash = false;
        assert_int_equal(target_decode_path(slice_str(raws[i]), path, sizeof path, &encoded_slash),
                         ERR_OK);
        target_clean_path(path);
        struct buf location;
        buf_init(&location, 256);
        percent_add_path(&location, slice_str(path));
        assert_int_equal(buf_err(&location), ERR_OK);
        assert_int_equal(buf_str(&location)[0], '/');
        assert_null(strchr("/\\\t\n\r", buf_str(&location)[1]));
        buf_done(&location);
    }
}

static void test_query_get(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        err_t err;
        const char *value;
    } cases[] = {
        {"note=a", ERR_OK, "a"},
        {"x=1&note=a&y=2", ERR_OK, "a"},
        {"note=a&note=b", ERR_OK, "a"},
        {"note=", ERR_OK, ""},
        {"note", ERR_OK, ""},
        {"note&note=b", ERR_OK, ""},
        {"note=a=b", ERR_OK, "a=b"},
        {"note=a+b%20c", ERR_OK, "a b c"},
        {"note=%2B%26%3d%3B", ERR_OK, "+&=;"},
        {"n%6fte=a", ERR_OK, "a"},
        {"&&note=a&", ERR_OK, "a"},
        {"note=%C3%96", ERR_OK, "\xC3\x96"},
        {"note=a?b/c#d", ERR_OK, "a?b/c#d"},
        {"note=12345678901", ERR_OK, "12345678901"},
        {"note=%31234567890%31", ERR_OK, "12345678901"},
        {"", ERR_NOTFOUND, ""},
        {"&", ERR_NOTFOUND, ""},
        {"=a", ERR_NOTFOUND, ""},
        {"notes=a", ERR_NOTFOUND, ""},
        {"not=a", ERR_NOTFOUND, ""},
        {"Note=a", ERR_NOTFOUND, ""},
        {" note=a", ERR_NOTFOUND, ""},
        {"note+=a", ERR_NOTFOUND, ""},
        {"note=123456789012", ERR_TOOBIG, ""},
        {"note=123456789012&note=a", ERR_TOOBIG, ""},
        /* pairs that are not there */
        {"note=%zz", ERR_INVALID, ""},
        {"note=%4", ERR_INVALID, ""},
        {"note=a%", ERR_INVALID, ""},
        {"note=%zz&note=b", ERR_OK, "b"},
        {"%zz=a&note=b", ERR_OK, "b"},
        {"note=a;x=1", ERR_INVALID, ""},
        {"x;note=a", ERR_NOTFOUND, ""},
        {"note=a;b&note=c", ERR_OK, "c"},
        {"note=a%00b", ERR_INVALID, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char value[12] = "unchanged";
        err_t err = target_query_get(slice_str(cases[i].query), "note", value, sizeof value);
        if (err != cases[i].err || strcmp(value, cases[i].value) != 0) {
            fail_msg("\"%s\": %s, \"%s\"", cases[i].query, err_name(err), value);
        }
    }
    char value[12];
    assert_int_equal(target_query_get((struct slice){NULL, 0}, "a", value, sizeof value),
                     ERR_NOTFOUND);
    assert_int_equal(target_query_get(SLICE("a=\0b"), "a", value, sizeof value), ERR_INVALID);
    assert_int_equal(target_query_get(SLICE("a="), "a", value, 1), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),       cmocka_unit_test(test_split_refuses),
        cmocka_unit_test(test_decode_path), cmocka_unit_test(test_decode_path_refuses),
        cmocka_unit_test(test_clean_path),  cmocka_unit_test(test_location_stays_on_this_host),
        cmocka_unit_test(test_query_get),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
