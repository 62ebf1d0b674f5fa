#include "picoshare/core/guest_links.h"
#include "picoshare/text/duration.h"
#include "picoshare/text/timestamp.h"
#include "support.h"

#define FORMAT_TEXT                                                                                \
    "unrecognized format for expiration time, must be in 2006-01-02T15:04:05Z07:00 format"
#define SOON_TEXT "expire time must be at least one hour in the future"
#define BEYOND(asked, limit)                                                                       \
    "requested expiration time of " asked " +0000 UTC is beyond guest link's limit: " limit        \
    " +0000 UTC"

static int64_t at(const char *text)
{
    int64_t unix_s = 0;
    int32_t ns = 0;
    assert_int_equal(timestamp_parse(slice_str(text), &unix_s, &ns), ERR_OK);
    return unix_s;
}

static struct store_guest_link link_of(const char *lifetime)
{
    struct store_guest_link link = {.id = "abcdefgh23456789", .url_expiration_time = NEVER_S};
    assert_true(slice_copy(slice_str(lifetime), link.file_lifetime, sizeof link.file_lifetime));
    return link;
}

/* ---- which links are active (http-api.md 12.7) ---- */

static void test_state(void **state)
{
    (void)state;
    static const struct {
        bool disabled;
        int64_t expires;
        int64_t max, uploads;
        enum guest_link_state state;
    } cases[] = {
        {false, NEVER_S, 0, 0, GUEST_LINK_ACTIVE},
        {false, NEVER_S, 0, 1000000, GUEST_LINK_ACTIVE},
        {true, NEVER_S, 0, 0, GUEST_LINK_DISABLED},
        /* its own expiry: "not past" it */
        {false, TEST_NOW_S + 1, 0, 0, GUEST_LINK_ACTIVE},
        {false, TEST_NOW_S - 1, 0, 0, GUEST_LINK_EXPIRED},
        {false, 0, 0, 0, GUEST_LINK_EXPIRED},
        {true, TEST_NOW_S + 1, 0, 0, GUEST_LINK_DISABLED},
        /* used up */
        {false, NEVER_S, 1, 0, GUEST_LINK_ACTIVE},
        {false, NEVER_S, 1, 1, GUEST_LINK_USED_UP},
        {false, NEVER_S, 2, 1, GUEST_LINK_ACTIVE},
        {false, NEVER_S, 2, 2, GUEST_LINK_USED_UP},
        {false, NEVER_S, 2, 3, GUEST_LINK_USED_UP},
        {false, NEVER_S, INT64_MAX, INT64_MAX - 1, GUEST_LINK_ACTIVE},
        {true, TEST_NOW_S - 1, 1, 1, GUEST_LINK_DISABLED},
        {false, TEST_NOW_S - 1, 1, 0, GUEST_LINK_EXPIRED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct store_guest_link link = link_of("24h0m0s");
        link.disabled = cases[i].disabled;
        link.url_expiration_time = cases[i].expires;
        link.max_file_uploads = cases[i].max;
        link.uploads = cases[i].uploads;
        if (guest_link_state(&link, TEST_NOW_S) != cases[i].state ||
            guest_link_is_active(&link, TEST_NOW_S) != (cases[i].state == GUEST_LINK_ACTIVE)) {
            fail_msg("case %zu", i);
        }
    }
    /* "Never" is no date: it does not come. The day before it is one. */
    struct store_guest_link link = link_of("24h0m0s");
    assert_true(guest_link_is_active(&link, NEVER_S));
    assert_true(guest_link_is_active(&link, NEVER_S + 1000));
    link.url_expiration_time = NEVER_S - 86400;
    assert_false(guest_link_is_active(&link, NEVER_S));
}

/* ---- how long files may live ---- */

static void test_lifetime(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ns; /* -1: damaged */
    } cases[] = {
        {"24h0m0s", DURATION_DAY},
        {"24h", DURATION_DAY},
        {"1440m", DURATION_DAY},
        {"168h0m0s", 7 * DURATION_DAY},
        {"36h30m0.5s", 36 * DURATION_HOUR + 1800 * DURATION_SECOND + DURATION_SECOND / 2},
        {"8760h0m0s", 365 * DURATION_DAY},
        {"876000h0m0s", DURATION_INFINITE},
        {"875999h59m59s", DURATION_INFINITE - DURATION_SECOND},
        {"876000h0m1s", DURATION_INFINITE + DURATION_SECOND},
        {"2562047h47m16.854775807s", INT64_MAX},
        {"", -1},
        {"soon", -1},
        {"720", -1},
        {"30d", -1},
        {"0", -1},
        {"23h59m59.999999999s", -1},
        {"-24h0m0s", -1},
        {"2562047h47m17s", -1},
        {"99999999999999999999h", -1},
        {"24h0m0s ", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct store_guest_link link = link_of(cases[i].text);
        int64_t ns = -7;
        err_t err = guest_link_lifetime(&link, &ns);
        if (err != (cases[i].ns < 0 ? ERR_CORRUPT : ERR_OK) ||
            ns != (cases[i].ns < 0 ? -7 : cases[i].ns)) {
            fail_msg("\"%s\": %s, %lld", cases[i].text, err_name(err), (long long)ns);
        }
        /* Then nothing can be said about an expiration either, not even about a wrong one. */
        if (cases[i].ns < 0) {
            struct buf text;
            int64_t expires = -7;
            buf_init(&text, 1000);
            static const char *const asked[] = {"", "2030-01-01T00:00:00Z", "junk"};
            for (size_t k = 0; k < ARRAY_LEN(asked); k++) {
                assert_int_equal(guest_link_expiration(&link, slice_str(asked[k]),
                                                       TEST_NOW_S * INT64_C(1000000000), &expires,
                                                       &text),
                                 ERR_CORRUPT);
            }
            assert_int_equal(expires, -7);
            assert_string_equal(buf_str(&text), "");
            buf_done(&text);
        }
    }
}

/* ---- when a guest's file expires ---- */

struct expiry_case {
    const char *lifetime;
    const char *now;
    const char *asked;
    const char *expires; /* NULL: refused with this text */
    const char *text;
};

static void check_expiry(const struct expiry_case *c, int64_t extra_ns)
{
    struct store_guest_link link = link_of(c->lifetime);
    struct buf text;
    int64_t expires = -7;
    buf_init(&text, 1000);
    buf_add_str(&text, "Said: ");
    err_t err = guest_link_expiration(&link, slice_str(c->asked),
                                      at(c->now) * DURATION_SECOND + extra_ns, &expires, &text);
    if (err != (c->expires != NULL ? ERR_OK : ERR_INVALID) ||
        expires != (c->expires != NULL ? at(c->expires) : -7)) {
        fail_msg("%s, %s, %s: %s, %lld", c->lifetime, c->now, c->asked, err_name(err),
                 (long long)expires);
    }
    assert_int_equal(strncmp(buf_str(&text), "Said: ", 6), 0);
    assert_string_equal(buf_str(&text) + 6, c->expires != NULL ? "" : c->text);
    buf_done(&text);
}

/* The rows of behaviours.md 4 that are about the expiration. */
static void test_contract(void **state)
{
    (void)state;
    static const struct expiry_case cases[] = {
        {"876000h0m0s", "2024-01-01T00:00:00Z", "2030-01-01T00:00:00Z", "2030-01-01T00:00:00Z", ""},
        {"24h0m0s", "2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z", "2024-01-02T00:00:00Z", ""},
        {"8760h0m0s", "2023-01-01T00:00:00Z", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z", ""},
        {"720h0m0s", "2024-01-01T00:00:00Z", "2024-01-15T00:00:00Z", "2024-01-15T00:00:00Z", ""},
        {"876000h0m0s", "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z", "2025-01-01T00:00:00Z", ""},
        {"168h0m0s", "2024-01-01T00:00:00Z", "2024-01-31T00:00:00Z", NULL,
         BEYOND("2024-01-31 00:00:00", "2024-01-08 00:00:00")},
        {"720h0m0s", "2024-01-01T00:00:00Z", "", "2024-01-31T00:00:00Z", ""},
        {"876000h0m0s", "2024-01-01T00:00:00Z", "", "2999-12-31T00:00:00Z", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        check_expiry(&cases[i], 0);
    }
}

static void test_bounds(void **state)
{
    (void)state;
    static const struct expiry_case cases[] = {
        /* to the second, in both directions */
        {"24h0m0s", "2024-01-01T00:00:00Z", "2024-01-02T00:00:01Z", NULL,
         BEYOND("2024-01-02 00:00:01", "2024-01-02 00:00:00")},
        {"24h0m0s", "2024-01-01T00:00:00Z", "2024-01-01T23:59:59Z", "2024-01-01T23:59:59Z", ""},
        {"24h0m0s", "2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z", "2024-01-01T01:00:00Z", ""},
        {"24h0m0s", "2024-01-01T00:00:00Z", "2024-01-01T00:59:59.999Z", NULL, SOON_TEXT},
        /* an offset is applied, a fraction dropped, before anything is compared */
        {"24h0m0s", "2024-01-01T00:00:00Z", "2024-01-02T05:30:00+05:30", "2024-01-02T00:00:00Z",
         ""},
        {"24h0m0s", "2024-01-01T00:00:00Z", "2024-01-01T19:00:01-05:00", NULL,
         BEYOND("2024-01-02 00:00:01", "2024-01-02 00:00:00")},
        {"24h0m0s", "2024-01-01T00:00:00Z", "2024-01-02T00:00:00.999Z", "2024-01-02T00:00:00Z", ""},
        /* a lifetime's fraction of a second */
        {"24h0m0.999s", "2024-01-01T00:00:00Z", "", "2024-01-02T00:00:00Z", ""},
        /* for ever has an end, which is not a date */
        {"876000h0m0s", "2024-01-01T00:00:00Z", "2999-12-31T00:00:00Z", "2999-12-31T00:00:00Z", ""},
        {"876000h0m0s", "2024-01-01T00:00:00Z", "2999-12-31T00:00:01Z", NULL,
         BEYOND("2999-12-31 00:00:01", "2999-12-31 00:00:00")},
        {"876000h0m0s", "2024-01-01T00:00:00Z", "9999-12-31T23:59:59Z", NULL,
         BEYOND("9999-12-31 23:59:59", "2999-12-31 00:00:00")},
        /* almost for ever, and longer than for ever, are dates */
        {"875999h59m59s", "2024-01-01T00:00:00Z", "", "2123-12-07T23:59:59Z", ""},
        {"876000h0m1s", "2024-01-01T00:00:00Z", "", "2123-12-08T00:00:01Z", ""},
        {"876000h0m1s", "2024-01-01T00:00:00Z", "2999-12-31T00:00:00Z", NULL,
         BEYOND("2999-12-31 00:00:00", "2123-12-08 00:00:01")},
        /* no time at all */
        {"720h0m0s", "2024-01-01T00:00:00Z", "banana", NULL, FORMAT_TEXT},
        {"720h0m0s", "2024-01-01T00:00:00Z", " ", NULL, FORMAT_TEXT},
        {"720h0m0s", "2024-01-01T00:00:00Z", "2024-01-15", NULL, FORMAT_TEXT},
        {"720h0m0s", "2024-01-01T00:00:00Z", "2023-01-15T00:00:00Z", NULL, SOON_TEXT},
        {"876000h0m0s", "2024-01-01T00:00:00Z", "banana", NULL, FORMAT_TEXT},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        check_expiry(&cases[i], 0);
    }
}

/* The clock's fraction of a second: an hour ahead counts it, the link's limit does not. */
static void test_fraction_of_now(void **state)
{
    (void)state;
    static const struct expiry_case cases[] = {
        {"24h0m0s", "2024-01-01T00:00:00Z", "", "2024-01-02T00:00:00Z", ""},
        {"24h0m0s", "2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z", "2024-01-02T00:00:00Z", ""},
        {"24h0m0s", "2024-01-01T00:00:00Z", "2024-01-02T00:00:01Z", NULL,
         BEYOND("2024-01-02 00:00:01", "2024-01-02 00:00:00")},
        {"24h0m0s", "2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z", NULL, SOON_TEXT},
        {"24h0m0s", "2024-01-01T00:00:00Z", "2024-01-01T01:00:01Z", "2024-01-01T01:00:01Z", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        check_expiry(&cases[i], 1);
        check_expiry(&cases[i], 999999999);
    }
}

/* A text that does not fit is cut by its buffer, and the answer stays the same. */
static void test_small_buffer(void **state)
{
    (void)state;
    struct store_guest_link link = link_of("24h0m0s");
    struct buf text;
    int64_t expires = -7;
    buf_init(&text, 5);
    assert_int_equal(guest_link_expiration(&link, SLICE("2030-01-01T00:00:00Z"),
                                           TEST_NOW_S * INT64_C(1000000000), &expires, &text),
                     ERR_INVALID);
    assert_int_equal(buf_err(&text), ERR_TOOBIG);
    assert_int_equal(expires, -7);
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state),           cmocka_unit_test(test_lifetime),
        cmocka_unit_test(test_contract),        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_fraction_of_now), cmocka_unit_test(test_small_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
