#include "picoshare/base/check.h"
#include "picoshare/text/params.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void expect_param(struct slice *rest, const char *name, const char *raw, bool quoted)
{
    struct param param;
    assert_int_equal(param_next(rest, &param), ERR_OK);
    assert_true(slice_eq(param.name, slice_str(name)));
    assert_true(slice_eq(param.raw, slice_str(raw)));
    assert_int_equal(param.quoted, quoted);
}

static void test_list(void **state)
{
    (void)state;
    struct slice rest = SLICE(
        " form-data ; a=1;B = \"x;\\\"y=\\\\\" ;; c=/.=\xC3\xA4'\t;d=\"\";e=\"C:\\d\\n\"; ; ");
    assert_true(slice_eq(param_first_word(&rest), SLICE("form-data")));
    expect_param(&rest, "a", "1", false);
    expect_param(&rest, "B", "x;\\\"y=\\\\", true);
    expect_param(&rest, "c", "/.=\xC3\xA4'", false);
    expect_param(&rest, "d", "", true);
    expect_param(&rest, "e", "C:\\d\\n", true);
    struct param param;
    assert_int_equal(param_next(&rest, &param), ERR_NOTFOUND);
    assert_int_equal(param_next(&rest, &param), ERR_NOTFOUND);
}

static void test_first_word_alone(void **state)
{
    (void)state;
    static const char *const values[] = {"", ";", " ; ;;"};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        struct slice rest = slice_str(values[i]);
        struct param param;
        assert_int_equal(param_first_word(&rest).len, 0);
        assert_int_equal(param_next(&rest, &param), ERR_NOTFOUND);
    }
}

static void test_broken(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        size_t len; /* 0: a C string */
    } cases[] = {
        {"a=1", 0},    {";a", 0},        {";a=", 0},           {";=1", 0},       {";a=;b=1", 0},
        {";a=\"", 0},  {";a=\"\\\"", 0}, {";a=x\x01", 0},      {";a=x\"", 0},    {";a=x\x7F", 0},
        {";a b=1", 0}, {";a==\"", 0},    {";\xC3=1", 0},       {";a=\"\0\"", 6}, {";a=x\0y", 6},
        {"x", 0},      {";a=\nb", 0},    {";a=\"x\r\ny\"", 0}, {";\"a\"=b", 0},  {";a=\"\\\"\"", 5},
        {";a\0=b", 5},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice rest = slice_str(cases[i].list);
        if (cases[i].len != 0) {
            rest.len = cases[i].len;
        }
        struct param param;
        assert_int_equal(param_next(&rest, &param), ERR_INVALID);
    }
    struct slice rest = SLICE(";a=\"x\"y");
    expect_param(&rest, "a", "x", true);
    struct param param;
    assert_int_equal(param_next(&rest, &param), ERR_INVALID);
}

static void test_unquote(void **state)
{
    (void)state;
    static const struct {
        const char *raw;
        const char *text;
    } cases[] = {
        {"", ""},           {"plain", "plain"},       {"a\\\"b", "a\"b"},
        {"a\\\\b", "a\\b"}, {"C:\\d\\n", "C:\\d\\n"}, {"\\\\\\\"\\\\", "\\\"\\"},
        {"end\\", "end\\"}, {"%22", "%22"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[64];
        assert_int_equal(param_unquote(slice_str(cases[i].raw), text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
        char in_place[64];
        assert_true(slice_copy(slice_str(cases[i].raw), in_place, sizeof in_place));
        (void)param_unquote(slice_str(in_place), in_place);
        assert_string_equal(in_place, cases[i].text);
    }
}

static void test_classes(void **state)
{
    (void)state;
    assert_true(param_is_token(SLICE("Content-Type!#$%&'*+.^_`|~09")));
    assert_false(param_is_token(SLICE("")));
    assert_false(param_is_token(SLICE("a b")));
    assert_false(param_is_token(SLICE("a\0b")));
    assert_false(param_is_token(SLICE("a(b")));
    assert_false(param_is_token(SLICE("\xC3\xA4")));
    assert_true(param_is_control('\0'));
    assert_true(param_is_control('\n'));
    assert_true(param_is_control('\x1F'));
    assert_true(param_is_control('\x7F'));
    assert_false(param_is_control('\t'));
    assert_false(param_is_control(' '));
    assert_false(param_is_control('\x80'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),    cmocka_unit_test(test_first_word_alone),
        cmocka_unit_test(test_broken),  cmocka_unit_test(test_unquote),
        cmocka_unit_test(test_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
