#include "picoshare/base/mem.h"
#include "support.h"

static void test_alloc_is_zeroed(void **state)
{
    (void)state;
    static const char zeros[4096];
    for (int i = 0; i < 10; i++) {
        char *bytes = mem_alloc(4, 1024);
        assert_non_null(bytes);
        assert_memory_equal(bytes, zeros, sizeof zeros);
        memset(bytes, 'x', sizeof zeros); /* the next one may get this memory */
        mem_free(bytes);
    }
}

/* Sanitizers end a program that asks for too much, unless they are told not to. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void test_alloc_overflow(void **state)
{
    (void)state;
    /* Kept from the compiler, which would warn of it. */
    volatile size_t half = SIZE_MAX / 2;
    assert_null(mem_alloc(half, 3));
}

static void test_resize_and_dup(void **state)
{
    (void)state;
    char *bytes = mem_resize(NULL, 4);
    assert_non_null(bytes);
    memcpy(bytes, "abc", 4);
    bytes = mem_resize(bytes, 100000);
    assert_non_null(bytes);
    assert_string_equal(bytes, "abc");
    char *copy = mem_dup(bytes, 2);
    assert_string_equal(copy, "ab");
    mem_free(copy);
    copy = mem_dup(NULL, 0);
    assert_string_equal(copy, "");
    mem_free(copy);
    mem_free(bytes);
    mem_free(NULL);
}

static void test_cleanup(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        /* What is not freed at the end of this block is a leak that the sanitizer reports. */
        CLEANUP(mem_freep) char *bytes = i == 0 ? mem_alloc(1, 10) : NULL;
        assert_int_equal(bytes != NULL, i == 0);
    }
}

static void test_fail_after(void **state)
{
    (void)state;
    mem_fail_after(2);
    void *first = mem_alloc(1, 1);
    char *second = mem_dup("x", 1);
    void *third = mem_alloc(1, 1);
    char *fourth = mem_dup("x", 1);
    void *resized = mem_resize(first, 10);
    mem_fail_after(-1);
    void *later = mem_alloc(1, 1);
    assert_non_null(first);
    assert_non_null(second);
    assert_null(third);
    assert_null(fourth);
    assert_null(resized); /* and first is still there to be freed */
    assert_non_null(later);
    mem_free(first);
    mem_free(second);
    mem_free(later);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc_is_zeroed), cmocka_unit_test(test_alloc_overflow),
        cmocka_unit_test(test_resize_and_dup),  cmocka_unit_test(test_cleanup),
        cmocka_unit_test(test_fail_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
