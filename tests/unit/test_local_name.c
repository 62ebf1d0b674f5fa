#include "picoshare/base/check.h"
#include "picoshare/text/local_name.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect(struct slice name, const char *expected)
{
    char got[LOCAL_NAME_SIZE];
    local_name_print(name, got);
    assert_string_equal(got, expected);
}

static void test_names(void **state)
{
    static const struct {
        const char *name;
        const char *local;
    } cases[] = {
        {"report.pdf", "report.pdf"},
        {"two words \xe2\x98\x83 \"x\".txt", "two words \xe2\x98\x83 \"x\".txt"},
        {"", "download"},
        {".", "_"},
        {"..", "_."},
        {".bashrc", "_bashrc"},
        {"-rf", "_rf"},
        {"a-b.c", "a-b.c"},
        {"../../etc/passwd", "_._.._etc_passwd"},
        {"/etc/passwd", "_etc_passwd"},
        {"C:\\dir\\x", "C:_dir_x"},
        {"a\nb\r\t\x1b[31m\x7f", "a_b___[31m_"},
        {"a\xc2\x9b"
         "b",
         "a_b"}, /* CSI as one character */
        {"exe.\xe2\x80\xae"
         "fdp",
         "exe._fdp"}, /* read from right to left */
        {"\xff\xfe", "__"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        expect(slice_str(cases[i].name), cases[i].local);
    }
    expect(SLICE("a\0b"), "a_b");
}

/* Cut between two characters, never in one. */
static void test_long_names(void **state)
{
    char name[1000];
    char got[LOCAL_NAME_SIZE];
    (void)state;
    memset(name, 'a', sizeof name);
    local_name_print(slice_of(name, sizeof name), got);
    assert_int_equal(strlen(got), 247);
    for (size_t i = 0; i + 1 < sizeof name; i += 2) {
        memcpy(name + i, "\xc3\xa9", 2);
    }
    local_name_print(slice_of(name, sizeof name), got);
    assert_int_equal(strlen(got), 246);
    assert_memory_equal(got, name, 246);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_long_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
