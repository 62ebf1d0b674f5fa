/* The flags of the release build, read from the binary by binutils: nothing here runs it. A build
 * of another kind is skipped. */
#include "harness.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Whether the tests were built beside a release binary, and look at that one. */
static void need_release(void)
{
    if (!BUILD_IS_RELEASE || strcmp(run_binary(), PICOSHARE_BINARY) != 0) {
        print_message("[  SKIP    ] not a release build\n");
        skip();
    }
}

/* What a tool of binutils says of the binary. */
static void ask(const char *tool, const char *option, struct buf *ret_text)
{
    const char *const argv[] = {tool, "--wide", option, run_binary(), NULL};
    struct run_result r;
    run_program(argv, NULL, &r);
    if (r.code != 0) {
        fail_msg("%s %s ended with %d: %s", tool, option, r.code, buf_str(&r.err));
    }
    buf_done(&r.err);
    *ret_text = r.out;
}

static bool has_line(const struct buf *text, const char *name, const char *part)
{
    for (const char *at = buf_str(text); (at = strstr(at, name)) != NULL; at++) {
        const char *found = strstr(at, part);
        if (found != NULL && (size_t)(found - at) < strcspn(at, "\n")) {
            return true;
        }
    }
    return false;
}

static void test_position_independent(void **state)
{
    (void)state;
    struct buf text;
    need_release();
    ask("readelf", "--file-header", &text);
    assert_true(has_line(&text, "Type:", "DYN"));
    buf_done(&text);
    ask("readelf", "--dynamic", &text);
    assert_true(has_line(&text, "FLAGS_1", "PIE"));
    assert_null(strstr(buf_str(&text), "TEXTREL"));
    assert_null(strstr(buf_str(&text), "RPATH"));
    assert_null(strstr(buf_str(&text), "RUNPATH"));
    buf_done(&text);
}

/* Relocations are done at the start, and what they fill is read-only afterwards. */
static void test_read_only_relocations(void **state)
{
    (void)state;
    struct buf text;
    need_release();
    ask("readelf", "--dynamic", &text);
    assert_true(has_line(&text, "FLAGS_1", "NOW"));
    buf_done(&text);
    ask("readelf", "--program-headers", &text);
    assert_true(has_line(&text, "GNU_RELRO", "R "));
    buf_done(&text);
}

static void test_no_writable_code(void **state)
{
    (void)state;
    struct buf text;
    need_release();
    ask("readelf", "--program-headers", &text);
    assert_true(has_line(&text, "GNU_STACK", " RW "));
    assert_null(strstr(buf_str(&text), " RWE "));
    buf_done(&text);
}

static void test_checked_calls(void **state)
{
    static const char *const names[] = {"__stack_chk_fail", "__snprintf_chk", "__vsnprintf_chk"};
    (void)state;
    struct buf text;
    need_release();
    ask("readelf", "--dyn-syms", &text);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strstr(buf_str(&text), names[i]) == NULL) {
            fail_msg("the binary does not call %s", names[i]);
        }
    }
    buf_done(&text);
}

/* What cannot be told from the binary: the command of every file of ours names it. */
static void test_flags(void **state)
{
    static const char *const flags[] = {
        "-fstack-protector-strong", "-fstack-clash-protection", "-D_FORTIFY_SOURCE=3", "-fPIE",
#ifdef __x86_64__
        "-fcf-protection",
#endif
    };
    (void)state;
    struct buf text;
    size_t files = 0;
    need_release();
    harness_read_file(PICOSHARE_COMMANDS, &text);
    for (const char *at = buf_str(&text); (at = strstr(at, "\"command\":")) != NULL;) {
        size_t len = strcspn(at, "\n");
        char command[4096];
        assert_in_range(len, 1, sizeof command - 1);
        snprintf(command, sizeof command, "%.*s", (int)len, at);
        at += len;
        if (strstr(command, "/src/") == NULL || strstr(command, "/src/tools/") != NULL) {
            continue;
        }
        files++;
        for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
            if (strstr(command, flags[i]) == NULL) {
                fail_msg("%s is missing: %s", flags[i], command);
            }
        }
    }
    buf_done(&text);
    assert_in_range(files, 80, 1000);
}

/* Large frames are touched page by page, so that none reaches over the guard page. */
static void test_stack_probes(void **state)
{
    (void)state;
#ifdef __x86_64__
    struct buf text;
    need_release();
    ask("objdump", "--disassemble", &text);
    assert_non_null(strstr(buf_str(&text), "$0x0,(%rsp)"));
    buf_done(&text);
#else
    print_message("[  SKIP    ] the probes of this processor are not known\n");
    skip();
#endif
}

/* Indirect jumps may only land where one is expected. Debian's own start files are without the
 * marks, so the binary as a whole is not noted as having them, and glibc does not switch the check
 * on; with start files that have them it does. */
static void test_control_flow(void **state)
{
    (void)state;
#ifdef __x86_64__
    struct buf text;
    need_release();
    ask("objdump", "--disassemble", &text);
    size_t marks = 0;
    for (const char *at = buf_str(&text); (at = strstr(at, "endbr64")) != NULL; at++) {
        marks++;
    }
    buf_done(&text);
    assert_in_range(marks, 300, 100000);
#else
    print_message("[  SKIP    ] -fcf-protection is for x86\n");
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_position_independent),
        cmocka_unit_test(test_read_only_relocations),
        cmocka_unit_test(test_no_writable_code),
        cmocka_unit_test(test_checked_calls),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_stack_probes),
        cmocka_unit_test(test_control_flow),
    };
    return harness_main(tests, NULL, NULL);
}
