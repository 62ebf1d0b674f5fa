#include "picoshare/base/slice.h"
#include "support.h"

static const struct slice none = {NULL, 0};

static void test_equality(void **state)
{
    (void)state;
    static const struct {
        struct slice a, b;
        bool same, same_nocase;
    } cases[] = {
        {{NULL, 0}, {NULL, 0}, true, true},
        {{NULL, 0}, {"", 0}, true, true},
        {{"a", 1}, {"a", 1}, true, true},
        {{"a", 1}, {"b", 1}, false, false},
        {{"a", 1}, {"ab", 2}, false, false},
        {{"ab", 2}, {"a", 1}, false, false},
        {{"aZ", 2}, {"Az", 2}, false, true},
        {{"a\0b", 3}, {"a\0c", 3}, false, false},
        /* neighbours of the letters, and bytes that are no ASCII */
        {{"@", 1}, {"`", 1}, false, false},
        {{"[", 1}, {"{", 1}, false, false},
        {{"\xc4", 1}, {"\xe4", 1}, false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(slice_eq(cases[i].a, cases[i].b), cases[i].same);
        assert_int_equal(slice_eq_nocase(cases[i].a, cases[i].b), cases[i].same_nocase);
    }
}

static void test_prefix_and_find(void **state)
{
    (void)state;
    assert_true(slice_starts(SLICE("abc"), SLICE("ab")));
    assert_true(slice_starts(SLICE("abc"), SLICE("abc")));
    assert_true(slice_starts(SLICE("abc"), none));
    assert_true(slice_starts(none, none));
    assert_false(slice_starts(SLICE("abc"), SLICE("abcd")));
    assert_false(slice_starts(SLICE("abc"), SLICE("b")));
    assert_int_equal(slice_find(SLICE("abc"), 'a'), 0);
    assert_int_equal(slice_find(SLICE("abc"), 'c'), 2);
    assert_int_equal(slice_find(SLICE("abc"), 'x'), 3);
    assert_int_equal(slice_find(SLICE("a\0b"), 'b'), 2);
    assert_int_equal(slice_find(SLICE("ab"), '\0'), 2);
    assert_int_equal(slice_find(none, 'x'), 0);
    assert_true(slice_eq(slice_skip(SLICE("abc"), 2), SLICE("c")));
    assert_int_equal(slice_skip(SLICE("abc"), 3).len, 0);
    assert_null(slice_skip((struct slice){NULL, 0}, 0).ptr); /* what UBSan of clang looks at */
    assert_int_equal(slice_str(NULL).len, 0);
}

static void test_only(void **state)
{
    (void)state;
    assert_true(slice_has_only(SLICE("abba"), "ab"));
    assert_true(slice_has_only(none, "ab"));
    assert_true(slice_has_only(none, ""));
    assert_false(slice_has_only(SLICE("abc"), "ab"));
    assert_false(slice_has_only(SLICE("ca"), "ab"));
    assert_false(slice_has_only(SLICE("a\0b"), "ab")); /* the end of `allowed` is no part of it */
    assert_false(slice_has_only(SLICE("a"), ""));
}

static void test_trim(void **state)
{
    (void)state;
    static const struct {
        const char *in, *want;
    } cases[] = {
        {"", ""},           {" ", ""},   {" \t\t ", ""}, {"a", "a"},
        {"\ta b\t", "a b"}, {"a ", "a"}, {" a", "a"},    {"\na\r\n", "\na\r\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(slice_eq(slice_trim(slice_str(cases[i].in)), slice_str(cases[i].want)));
    }
    assert_int_equal(slice_trim(none).len, 0);
}

static void test_copy(void **state)
{
    (void)state;
    char dst[4] = "zzz";
    assert_true(slice_copy(SLICE("abc"), dst, sizeof dst));
    assert_string_equal(dst, "abc");
    assert_false(slice_copy(SLICE("abcd"), dst, sizeof dst));
    assert_string_equal(dst, "");
    assert_true(slice_copy(SLICE("ab"), dst, sizeof dst));
    assert_false(slice_copy(SLICE("a\0b"), dst, sizeof dst));
    assert_string_equal(dst, "");
    assert_true(slice_copy(none, dst, sizeof dst));
    assert_string_equal(dst, "");
    assert_true(slice_copy(none, dst, 1));
    assert_false(slice_copy(SLICE("a"), dst, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equality), cmocka_unit_test(test_prefix_and_find),
        cmocka_unit_test(test_only),     cmocka_unit_test(test_trim),
        cmocka_unit_test(test_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
