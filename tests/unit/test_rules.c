#include "picoshare/base/check.h"
#include "picoshare/core/rules.h"
#include "picoshare/text/duration.h"
#include "picoshare/text/timestamp.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define A50 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define A200 A50 A50 A50 A50
#define A255 A200 A50 "AAAAA"
#define O10 "\xC3\x96\xC3\x96\xC3\x96\xC3\x96\xC3\x96\xC3\x96\xC3\x96\xC3\x96\xC3\x96\xC3\x96"
#define O50 O10 O10 O10 O10 O10
#define O250 O50 O50 O50 O50 O50

static const char empty_name[] = "filename must be non-empty";
static const char long_name[] = "filename too long";
static const char dots[] = "filename cannot begin with dots";
static const char illegal[] = "illegal characters in filename";

static void check_text(const char *input, const char *got, const char *want)
{
    if (got == NULL && want == NULL) {
        return;
    }
    if (got == NULL || want == NULL || strcmp(got, want) != 0) {
        fail_msg("\"%s\": %s, want %s", input, got != NULL ? got : "accepted",
                 want != NULL ? want : "accepted");
    }
}

static void test_filename(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *want;
    } cases[] = {
        {"dummy.png", NULL},
        {A255, NULL},
        {".bashrc", NULL},
        {".a..b", NULL},
        {"a b (1) \"quoted\" <x> & 'y' %22.txt", NULL},
        {"\xE4\xBD\xA0\xE5\xA5\xBD \xF0\x9F\x98\x80.txt", NULL},
        {"", empty_name},
        {A255 "A", long_name},
        {O250 "\xC3\x96\xC3\x96\xC3\x96\xC3\x96\xC3\x96", long_name}, /* 255 characters */
        {"..\\" A255, long_name},
        {".", dots},
        {"..", dots},
        {".....", dots},
        {"..a", dots},
        {"../a", dots},
        {"filename\\with\\backslashes.png", illegal},
        {"filename/with/forward/slashes.png", illegal},
        {"./a", illegal},
        {"a\x07", illegal},
        {"a\x08", illegal},
        {"a\tb", illegal},
        {"a\nb", illegal},
        {"a\vb", illegal},
        {"a\fb", illegal},
        {"a\rb", illegal},
        {"a\x01", illegal},
        {"\x1b[2J", illegal},
        {"a\x7f", illegal},
        {"a\xC2\x85", illegal},
        {"a\xC2\x9F", illegal},
        {"a\xC2\xA0", NULL},
        {"a\xFF.txt", illegal},
        {"a\xC3", illegal},
        {"\xED\xA0\x80", illegal},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        check_text(cases[i].name, rules_filename(slice_str(cases[i].name)), cases[i].want);
    }
    check_text("with NUL", rules_filename(SLICE("a\0b")), illegal);
}

static void test_note(void **state)
{
    (void)state;
    static const char long_note[] = "note is too long";
    static const char tags[] = "note must not contain HTML tags";
    static const struct {
        const char *note;
        const char *want;
    } cases[] = {
        {"Shared with my college group", NULL},
        {A200 A200 A50 A50, NULL},
        {O250, NULL},
        {"", NULL},
        {"nullable", NULL},
        {"Null", NULL},
        {"a < b > c", NULL},
        {"<b>bold</b>", NULL},
        {"<script", NULL},
        {"script>", NULL},
        {"<script src='x'>", NULL},
        {"<SCRIPT>", NULL},
        {"<scripts>", NULL},
        {"</ script>", NULL},
        {"< / script >", NULL},
        {"<//script>", NULL},
        {"<\vscript>", NULL},
        {A200 A200 A50 A50 "A", long_note},
        {O250 O250, long_note},
        {"null", "value of 'null' is not allowed"},
        {"undefined", "value of 'undefined' is not allowed"},
        {"<script>alert(1)</script>", tags},
        {"x </script>", tags},
        {"< \n\tscript \f\r\n>alert(1)</ \n\tscript\t>", tags},
        {"<\n/script\t>", tags},
        {"<iframe></iframe>", tags},
        {"<\t\niframe\t \n></\n iframe >", tags},
        {"<<script>", tags},
        {"< <b> </iframe >", tags},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        check_text(cases[i].note, rules_note(slice_str(cases[i].note)), cases[i].want);
    }
    check_text("absent", rules_note((struct slice){NULL, 0}), NULL);
}

static void test_label(void **state)
{
    (void)state;
    check_text("ordinary", rules_label(SLICE("For my good pal, Maurice")), NULL);
    check_text("", rules_label(SLICE("")), NULL);
    check_text("200", rules_label(SLICE(A200)), NULL);
    check_text("201", rules_label(SLICE(A200 "A")), "label too long - limit 200 characters");
    check_text("202 bytes", rules_label(SLICE(O50 O50 "\xC3\x96")),
               "label too long - limit 200 characters");
}

/* 2024-06-01T00:00:00Z */
#define NOW_NS (INT64_C(1717200000) * 1000000000)

static void test_expiration(void **state)
{
    (void)state;
    static const char format[] = "unrecognized format for expiration time, must be in "
                                 "2006-01-02T15:04:05Z07:00 format";
    static const char soon[] = "expire time must be at least one hour in the future";
    static const struct {
        const char *text;
        int64_t now_ns;
        const char *want;
        int64_t unix_s;
    } cases[] = {
        {"2025-01-01T00:00:00Z", NOW_NS, NULL, 1735689600},
        {"2025-01-01T00:00:00.999Z", NOW_NS, NULL, 1735689600},
        {"2025-01-01T02:00:00+02:00", NOW_NS, NULL, 1735689600},
        {"2999-12-31T00:00:00Z", NOW_NS, NULL, NEVER_S},
        {"9999-12-31T23:59:59Z", NOW_NS, NULL, 253402300799},
        {"2024-01-01T00:00:00Z", NOW_NS, soon, 0},
        {"0000-01-01T00:00:00Z", NOW_NS, soon, 0},
        {"", NOW_NS, format, 0},
        {"banana", NOW_NS, format, 0},
        {"2025-01-01", NOW_NS, format, 0},
        {"9999-12-31T23:59:59-01:00", NOW_NS, format, 0},
        /* exactly one hour, to the nanosecond */
        {"2024-06-01T01:00:00Z", NOW_NS, NULL, 1717203600},
        {"2024-06-01T00:59:59.999999999Z", NOW_NS, soon, 0},
        {"2024-06-01T01:00:00Z", NOW_NS + 1, soon, 0},
        {"2024-06-01T01:00:00.5Z", NOW_NS + 500000000, NULL, 1717203600},
        {"2024-06-01T01:00:00.5Z", NOW_NS + 500000001, soon, 0},
        {"2024-06-01T01:00:01Z", NOW_NS + 999999999, NULL, 1717203601},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t unix_s = -7;
        check_text(cases[i].text,
                   rules_expiration(slice_str(cases[i].text), cases[i].now_ns, &unix_s),
                   cases[i].want);
        assert_int_equal(unix_s, cases[i].want == NULL ? cases[i].unix_s : -7);
    }
}

static void test_file_lifetime(void **state)
{
    (void)state;
    static const char format[] = "unrecognized format for file life time, must be in "
                                 "1ns, 1us (or 1\xC2\xB5s), 1ms, 1s, 1m, 1h format";
    static const char brief[] = "file lifetime must be at least 1 day";
    static const struct {
        const char *text;
        const char *want;
        int64_t ns;
    } cases[] = {
        {"24h", NULL, DURATION_DAY},
        {"720h0m0s", NULL, 30 * DURATION_DAY},
        {"876000h0m0s", NULL, DURATION_INFINITE},
        {"2562047h", NULL, 2562047 * DURATION_HOUR},
        {"23h59m59.999999999s", brief, 0},
        {"0", brief, 0},
        {"-48h", brief, 0},
        {"", format, 0},
        {"30d", format, 0},
        {"24", format, 0},
        {"9999999h", format, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ns = -7;
        check_text(cases[i].text, rules_file_lifetime(slice_str(cases[i].text), &ns),
                   cases[i].want);
        assert_int_equal(ns, cases[i].want == NULL ? cases[i].ns : -7);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    check_text("7", rules_default_days(7), NULL);
    check_text("1", rules_default_days(1), NULL);
    check_text("3650", rules_default_days(3650), NULL);
    check_text("0", rules_default_days(0), "file lifetime must be at least 1 days");
    check_text("-1", rules_default_days(-1), "file lifetime must be at least 1 days");
    check_text("3651", rules_default_days(3651), "file lifetime must be at most 10 years");
    check_text("1 MiB", rules_guest_max_bytes(1048576), NULL);
    check_text("2^63-1", rules_guest_max_bytes(INT64_MAX), NULL);
    check_text("1048575", rules_guest_max_bytes(1048575),
               "guest upload size limit must be at at least 1048576 bytes");
    check_text("1", rules_guest_max_uploads(1), NULL);
    check_text("0", rules_guest_max_uploads(0),
               "guest upload count limit must be a positive number");
    check_text("-1", rules_guest_max_uploads(-1),
               "guest upload count limit must be a positive number");
}

static void test_alphabet(void **state)
{
    (void)state;
    assert_int_equal(strlen(rules_id_alphabet), 57);
    static const char left_out[] = "lIO01";
    for (int c = 1; c < 256; c++) {
        bool alphanumeric =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        bool want = alphanumeric && strchr(left_out, c) == NULL;
        assert_int_equal(strchr(rules_id_alphabet, c) != NULL, want);
    }
}

static void test_ids(void **state)
{
    (void)state;
    static const struct {
        struct slice id;
        const char *entry; /* what entry ids get, NULL: accepted */
        const char *guest;
    } cases[] = {
        {SLICE("hR87apiUCj"), NULL,
         "guest link ID (hR87apiUCj) has invalid length: got 10, want 16"},
        {SLICE("abcdefgh23456789"),
         "entry ID (abcdefgh23456789) has invalid length: got 16, want 10", NULL},
        {SLICE(""), "entry ID () has invalid length: got 0, want 10",
         "guest link ID () has invalid length: got 0, want 16"},
        {SLICE("TTTTTTTTTl"), "entry ID (TTTTTTTTTl) contains invalid character: 108",
         "guest link ID (TTTTTTTTTl) has invalid length: got 10, want 16"},
        {SLICE("TTT0TTTTT1"), "entry ID (TTT0TTTTT1) contains invalid character: 48",
         "guest link ID (TTT0TTTTT1) has invalid length: got 10, want 16"},
        {SLICE("abcdefghIJKLMNPQ"),
         "entry ID (abcdefghIJKLMNPQ) has invalid length: got 16, want 10",
         "entry ID (abcdefghIJKLMNPQ) contains invalid character: I"},
        {SLICE("12345678\xC3\x96"), "entry ID (12345678\xC3\x96) contains invalid character: 49",
         "guest link ID (12345678\xC3\x96) has invalid length: got 10, want 16"},
        {SLICE("TTTTTTTT\xC3\x96"), "entry ID (TTTTTTTT\xC3\x96) contains invalid character: 214",
         "guest link ID (TTTTTTTT\xC3\x96) has invalid length: got 10, want 16"},
        {SLICE("TTTTTTTTT\xFF"), "entry ID (TTTTTTTTT\xFF) contains invalid character: 65533",
         "guest link ID (TTTTTTTTT\xFF) has invalid length: got 10, want 16"},
        {SLICE("abcdefgh234567\xC3\x96"),
         "entry ID (abcdefgh234567\xC3\x96) has invalid length: got 16, want 10",
         "entry ID (abcdefgh234567\xC3\x96) contains invalid character: \xC3\x96"},
        {SLICE("abcdefgh2345678\xFF"),
         "entry ID (abcdefgh2345678\xFF) has invalid length: got 16, want 10",
         "entry ID (abcdefgh2345678\xFF) contains invalid character: \xEF\xBF\xBD"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf text;
        buf_init(&text, 256);
        assert_int_equal(rules_check_entry_id(cases[i].id, &text),
                         cases[i].entry == NULL ? ERR_OK : ERR_INVALID);
        assert_string_equal(buf_str(&text), cases[i].entry == NULL ? "" : cases[i].entry);
        buf_clear(&text);
        assert_int_equal(rules_check_guest_link_id(cases[i].id, &text),
                         cases[i].guest == NULL ? ERR_OK : ERR_INVALID);
        assert_string_equal(buf_str(&text), cases[i].guest == NULL ? "" : cases[i].guest);
        buf_done(&text);
    }
    struct buf text;
    buf_init(&text, 256);
    assert_int_equal(rules_check_entry_id(SLICE("TTTTTTTTT\0"), &text), ERR_INVALID);
    buf_done(&text);
    /* A text that finds no room does not turn a bad id into a good one. */
    buf_init(&text, 4);
    assert_int_equal(rules_check_entry_id(SLICE("x"), &text), ERR_INVALID);
    assert_int_equal(buf_err(&text), ERR_TOOBIG);
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filename),      cmocka_unit_test(test_note),
        cmocka_unit_test(test_label),         cmocka_unit_test(test_expiration),
        cmocka_unit_test(test_file_lifetime), cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_alphabet),      cmocka_unit_test(test_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
