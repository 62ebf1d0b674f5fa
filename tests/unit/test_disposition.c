#include "picoshare/base/check.h"
#include "picoshare/text/disposition.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ROOM = 256 };

/* Decodes twice, in place the second time; NULL expects an absent value. */
static void expect_text(struct disposition_value value, const char *expected)
{
    char text[ROOM];
    size_t len = disposition_decode(value, text);
    assert_int_equal(len, strlen(text));
    if (expected == NULL) {
        assert_int_equal(value.form, DISPOSITION_ABSENT);
        assert_int_equal(len, 0);
        return;
    }
    assert_int_not_equal(value.form, DISPOSITION_ABSENT);
    assert_string_equal(text, expected);
    char raw[ROOM];
    assert_true(slice_copy(value.raw, raw, sizeof raw));
    value.raw.ptr = raw;
    assert_int_equal(disposition_decode(value, raw), len);
    assert_string_equal(raw, expected);
}

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *type;
        const char *name;
        const char *filename;
    } cases[] = {
        {"form-data", "form-data", NULL, NULL},
        {"form-data; name=\"file\"", "form-data", "file", NULL},
        {"form-data; name=\"file\"; filename=\"\"", "form-data", "file", ""},
        {"form-data; name=\"\"; filename=\"a b.txt\"", "form-data", "", "a b.txt"},
        {"form-data; name=\"f\"; filename=\"a;b=c, (d).txt\"", "form-data", "f", "a;b=c, (d).txt"},
        /* as browsers, curl and Python send quotes and line ends */
        {"form-data; name=f; filename=\"%22a%0D%0Ab%22\"", "form-data", "f", "%22a%0D%0Ab%22"},
        /* as Go and curl --form-escape do */
        {"form-data; name=f; filename=\"\\\"a\\\\b\\\"\"", "form-data", "f", "\"a\\b\""},
        {"form-data; name=f; filename=\"C:\\dir\\name.txt\"", "form-data", "f",
         "C:\\dir\\name.txt"},
        {"form-data; name=f; filename=\"\xC3\xBC.txt\"", "form-data", "f", "\xC3\xBC.txt"},
        {"form-data; name=f; filename=\"\a\t\v\x1B\x7F\"", "form-data", "f", "\a\t\v\x1B\x7F"},
        {"form-data; name=f; filename=\"\xFC.txt\"", "form-data", "f", "\xFC.txt"},
        {"form-data; name=f; filename=a/b.txt", "form-data", "f", "a/b.txt"},
        {"Form-Data ;NAME=f ;FileName = x; ;other=1; Other=2;", "Form-Data", "f", "x"},
        {"attachment; filename=\"x\"; filename*=UTF-8''%e2%82%ac%20rates", "attachment", NULL,
         "\xE2\x82\xAC rates"},
        {"inline; filename*=utf-8'en'a!'()*b; filename=no", "inline", NULL, "a!'()*b"},
        {"inline; filename*=\"UTF-8''a%22b%0a\"", "inline", NULL, "a\"b\n"},
        {"inline; filename*=iso-8859-1''%A3%80+a%ff", "inline", NULL, "\xC2\xA3\xC2\x80+a\xC3\xBF"},
        {"inline; filename*=UTF-8''; filename=x", "inline", NULL, ""},
        {"inline; filename*=UTF-8''%ff", "inline", NULL, "\xFF"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct disposition d;
        assert_int_equal(disposition_parse(slice_str(cases[i].value), &d), ERR_OK);
        assert_true(slice_eq(d.type, slice_str(cases[i].type)));
        expect_text(d.name, cases[i].name);
        expect_text(d.filename, cases[i].filename);
    }
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        err_t err;
    } cases[] = {
        {"", ERR_INVALID},
        {"; name=f", ERR_INVALID},
        {"form data; name=f", ERR_INVALID},
        {"form-data, name=f", ERR_INVALID},
        {"form-data name=f", ERR_INVALID},
        {"form-data; name", ERR_INVALID},
        {"form-data; name=", ERR_INVALID},
        {"form-data; name=\"f", ERR_INVALID},
        {"form-data; name=\"f\" filename=x", ERR_INVALID},
        {"form-data; name=\"f\\\"", ERR_INVALID},
        {"form-data; name=f\x1B", ERR_INVALID},
        {"form-data\x1B; name=f", ERR_INVALID},
        {"form-data; name=\x1B\"f\"", ERR_INVALID},
        {"form-data; name=\"f\n\"", ERR_INVALID},
        {"form-data; name=\"a\r\nb\"", ERR_INVALID},
        {"form-data; name=f; name=f", ERR_EXISTS},
        {"form-data; name=f; filename=a; FILENAME=b", ERR_EXISTS},
        {"form-data; name=f; filename*=UTF-8''a; filename*=UTF-8''a", ERR_EXISTS},
        {"form-data; filename*=a", ERR_INVALID},
        {"form-data; filename*=UTF-8'a", ERR_INVALID},
        {"form-data; filename*=UTF-16''a", ERR_INVALID},
        {"form-data; filename*=''a", ERR_INVALID},
        {"form-data; filename*=UTF-8''a%", ERR_INVALID},
        {"form-data; filename*=UTF-8''a%4", ERR_INVALID},
        {"form-data; filename*=UTF-8''a%4g", ERR_INVALID},
        {"form-data; filename*=UTF-8''a%00", ERR_INVALID},
        {"form-data; filename*=UTF-8''\xC3\xBC", ERR_INVALID},
        {"form-data; filename*=iso-8859-1''\xFC", ERR_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct disposition d;
        assert_int_equal(disposition_parse(slice_str(cases[i].value), &d), cases[i].err);
    }
    struct disposition d;
    assert_int_equal(disposition_parse(SLICE("form-data; name=\"\0\""), &d), ERR_INVALID);
}

static void test_base_name(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *base;
    } cases[] = {
        {"", ""},
        {"a", "a"},
        {"a/b.txt", "b.txt"},
        {"/x/", "x"},
        {"/a//b///", "b"},
        {"/", "/"},
        {"///", "/"},
        {"..", ".."},
        {"../../x", "x"},
        {"a/..", ".."},
        {"C:\\dir\\n", "C:\\dir\\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char path[ROOM];
        assert_true(slice_copy(slice_str(cases[i].path), path, sizeof path));
        assert_string_equal(disposition_base_name(path), cases[i].base);
    }
}

static void test_print(void **state)
{
    (void)state;
    static const struct {
        const char *filename;
        const char *value; /* after the type */
    } cases[] = {
        {"test.txt", "filename=\"test.txt\""},
        {"a b;c='d', (e)/f.txt", "filename=\"a b;c='d', (e)/f.txt\""},
        {"", "filename=\"\""},
        {"a\"b", "filename=\"a_b\"; filename*=UTF-8''a%22b"},
        {"a\\b", "filename=\"a_b\"; filename*=UTF-8''a%5Cb"},
        {"100%.txt", "filename=\"100_.txt\"; filename*=UTF-8''100%25.txt"},
        {"Gr\xC3\xBC\xC3\x9F"
         "e \xE2\x82\xAC\xF0\x9F\x98\x80.txt",
         "filename=\"Gr__e __.txt\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%E2%82%AC%F0%9F%98%80.txt"},
        {"a\r\nX: y\x7F", "filename=\"a__X: y_\"; filename*=UTF-8''a%0D%0AX%3A%20y%7F"},
        {"*'()!\xC2\xA0", "filename=\"*'()!_\"; filename*=UTF-8''%2A%27%28%29%21%C2%A0"},
        {"a\xFF\x80z", "filename=\"a__z\""}, /* not UTF-8, so nothing can say so */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out;
        buf_init(&out, 1024);
        disposition_print(&out, false, cases[i].filename);
        assert_int_equal(buf_err(&out), ERR_OK);
        assert_true(slice_starts(buf_slice(&out), SLICE("inline; ")));
        assert_string_equal(buf_str(&out) + strlen("inline; "), cases[i].value);
        buf_clear(&out);
        disposition_print(&out, true, cases[i].filename);
        assert_int_equal(buf_err(&out), ERR_OK);
        assert_true(slice_starts(buf_slice(&out), SLICE("attachment; ")));
        assert_string_equal(buf_str(&out) + strlen("attachment; "), cases[i].value);
        buf_done(&out);
    }
}

static void test_print_too_big(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 30);
    disposition_print(&out, false, "a name that is too long for this");
    assert_int_equal(buf_err(&out), ERR_TOOBIG);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),         cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_base_name),     cmocka_unit_test(test_print),
        cmocka_unit_test(test_print_too_big),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
