#include "picoshare/base/check.h"
#include "picoshare/text/percent.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_add(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *component;
        const char *path;
    } cases[] = {
        {"", "", ""},
        {"azAZ09-._~", "azAZ09-._~", "azAZ09-._~"},
        {"/a/b", "%2Fa%2Fb", "/a/b"},
        {"a b", "a%20b", "a%20b"},
        {"%2F", "%252F", "%252F"},
        {":@!$&'()*+,;=", "%3A%40%21%24%26%27%28%29%2A%2B%2C%3B%3D", ":@!$&'()*+,;="},
        {"?#[]", "%3F%23%5B%5D", "%3F%23%5B%5D"},
        {"\"<>\\^`{|}", "%22%3C%3E%5C%5E%60%7B%7C%7D", "%22%3C%3E%5C%5E%60%7B%7C%7D"},
        {"\xC3\xB6\x7f\r\n", "%C3%B6%7F%0D%0A", "%C3%B6%7F%0D%0A"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out;
        buf_init(&out, 64);
        percent_add_component(&out, slice_str(cases[i].text));
        assert_int_equal(buf_err(&out), ERR_OK);
        assert_string_equal(buf_str(&out), cases[i].component);
        buf_clear(&out);
        percent_add_path(&out, slice_str(cases[i].text));
        assert_string_equal(buf_str(&out), cases[i].path);
        buf_done(&out);
    }
}

static void test_add_nul_and_no_room(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 6);
    percent_add_path(&out, SLICE("\0\xff"));
    assert_int_equal(buf_err(&out), ERR_OK);
    assert_string_equal(buf_str(&out), "%00%FF");
    percent_add_component(&out, SLICE("a"));
    assert_int_equal(buf_err(&out), ERR_TOOBIG);
    buf_done(&out);
}

static void test_next(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool plus_is_space;
        int byte;
        size_t taken;
    } cases[] = {
        {"a", false, 'a', 1},   {"+", false, '+', 1},     {"+", true, ' ', 1},
        {"%2B", true, '+', 3},  {"%41x", false, 'A', 3},  {"%fF", false, 0xff, 3},
        {"%00", false, 0, 3},   {"\xff", false, 0xff, 1}, {"%", false, -1, 0},
        {"%4", false, -1, 0},   {"%4g", false, -1, 0},    {"%g4", false, -1, 0},
        {"%%41", false, -1, 0}, {"%+1", true, -1, 0},     {"% 1", false, -1, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice rest = slice_str(cases[i].text);
        int byte = percent_next(&rest, cases[i].plus_is_space);
        if (byte != cases[i].byte || rest.ptr != cases[i].text + cases[i].taken) {
            fail_msg("\"%s\": %d, %zu left", cases[i].text, byte, rest.len);
        }
    }
}

static void test_every_byte_comes_back(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        char c = (char)byte;
        struct buf out;
        buf_init(&out, 3);
        percent_add_component(&out, slice_of(&c, 1));
        struct slice rest = buf_slice(&out);
        assert_int_equal(percent_next(&rest, true), byte);
        assert_int_equal(rest.len, 0);
        buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add),
        cmocka_unit_test(test_add_nul_and_no_room),
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_every_byte_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
