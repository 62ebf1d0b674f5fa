#include "picoshare/base/buf.h"
#include "picoshare/http/proxy.h"
#include "picoshare/text/forwarded.h"
#include "support.h"

static void assert_clients(struct slice value, const char *want)
{
    struct buf out;
    buf_init(&out, 1000);
    forwarded_add_clients(value, &out);
    assert_int_equal(buf_err(&out), ERR_OK);
    if (strcmp(buf_str(&out), want) != 0) {
        fail_msg("%.*s: \"%s\", not \"%s\"", (int)value.len, value.ptr, buf_str(&out), want);
    }
    buf_done(&out);
}

/* The examples of RFC 7239, sections 4, 6, 7 and 8. */
static void test_rfc(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *clients;
    } cases[] = {
        {"for=\"_gazonk\"", "_gazonk"},
        {"For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"},
        {"for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"},
        {"for=192.0.2.43, for=198.51.100.17", "192.0.2.43, 198.51.100.17"},
        {"for=_hidden, for=_SEVKISEK", "_hidden, _SEVKISEK"},
        {"for=192.0.2.43,for=\"[2001:db8:cafe::17]\",for=unknown",
         "192.0.2.43, 2001:db8:cafe::17, unknown"},
        {"for=192.0.2.43, for=\"[2001:db8:cafe::17]\", for=unknown",
         "192.0.2.43, 2001:db8:cafe::17, unknown"},
        {"for=192.0.2.43, for=\"[2001:db8:cafe::17]\"", "192.0.2.43, 2001:db8:cafe::17"},
        {"for=192.0.2.43,for=198.51.100.17;by=203.0.113.60;proto=http;host=example.com",
         "192.0.2.43, 198.51.100.17"},
        {"for=_hidden, for=_SEVKISEK;by=203.0.113.43", "_hidden, _SEVKISEK"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_clients(slice_str(cases[i].value), cases[i].clients);
    }
}

static void test_nodes(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *clients;
    } cases[] = {
        /* ports, with and without quotes */
        {"for=192.0.2.7:80", "192.0.2.7"},
        {"for=\"192.0.2.7:80\"", "192.0.2.7"},
        {"for=\"192.0.2.7:_port\"", "192.0.2.7"},
        {"for=\"192.0.2.7:\"", "192.0.2.7"},
        {"for=\"unknown:80\"", "unknown"},
        {"for=\"_hidden:80\"", "_hidden"},
        {"for=\"[::1]\"", "::1"},
        {"for=\"[::1]:8080\"", "::1"},
        {"for=\"[::ffff:192.0.2.7]:1\"", "::ffff:192.0.2.7"},
        {"for=\"[]\"", ""},
        {"for=\"[\"", ""},
        {"for=\"[2001:db8::1\"", "2001:db8::1"},
        /* an address of version 6 without its brackets keeps its colons */
        {"for=2001:db8::1", "2001:db8::1"},
        {"for=\"2001:db8::1\"", "2001:db8::1"},
        {"for=::1", "::1"},
        /* blanks */
        {" for=192.0.2.7 ", "192.0.2.7"},
        {"\tfor=192.0.2.7\t;\tproto=http", "192.0.2.7"},
        {"for = 192.0.2.7", "192.0.2.7"},
        {"for= \"192.0.2.7\" ", "192.0.2.7"},
        {"proto=http ; for=192.0.2.7 , by=x ;for=198.51.100.1", "192.0.2.7, 198.51.100.1"},
        /* which parameter it is */
        {"FOR=192.0.2.7", "192.0.2.7"},
        {"fOr=192.0.2.7", "192.0.2.7"},
        {"by=203.0.113.1", "unknown"},
        {"xfor=192.0.2.7", "unknown"},
        {"forx=192.0.2.7", "unknown"},
        {"for", "unknown"},
        {"for;for=192.0.2.7", "192.0.2.7"},
        {"192.0.2.7", "unknown"},
        {"=192.0.2.7", "unknown"},
        {"for=192.0.2.7;for=198.51.100.1", "192.0.2.7"}, /* once, says the RFC: the first */
        {"for=", ""},
        {"for=\"\"", ""},
        {"for==", "="},
        /* elements */
        {"", ""},
        {" ", "unknown"},
        {",", "unknown"},
        {",for=192.0.2.7", "unknown, 192.0.2.7"},
        {"for=192.0.2.7,", "192.0.2.7"},
        {"for=192.0.2.7,,for=198.51.100.1", "192.0.2.7, unknown, 198.51.100.1"},
        {"proto=https, for=192.0.2.7", "unknown, 192.0.2.7"},
        {"for=192.0.2.7;;", "192.0.2.7"},
        {";for=192.0.2.7", "192.0.2.7"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_clients(slice_str(cases[i].value), cases[i].clients);
    }
}

/* Separators within quotes separate nothing, whatever is escaped there. */
static void test_quotes(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *clients;
    } cases[] = {
        {"by=\"a,for=6.6.6.6\";for=192.0.2.7", "192.0.2.7"},
        {"by=\"a;for=6.6.6.6\";for=192.0.2.7", "192.0.2.7"},
        {"host=\"a\\\",for=6.6.6.6\", for=192.0.2.7", "unknown, 192.0.2.7"},
        {"host=\"a\\\\\",for=192.0.2.7", "unknown, 192.0.2.7"},
        {"host=\"\\\\\\\"\",for=192.0.2.7", "unknown, 192.0.2.7"},
        {"for=\"192.0.2.7\";host=\"x, y; z\"", "192.0.2.7"},
        /* no escape is needed in an address, so none is undone */
        {"for=\"192.0.2\\.7\"", "192.0.2\\.7"},
        {"\\,for=192.0.2.7", "unknown, 192.0.2.7"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_clients(slice_str(cases[i].value), cases[i].clients);
    }
}

/* Quotes that do not end swallow what stands behind them, which may be what a proxy has added to
 * its client's header: no client can be taken from such an element, or it could name itself. */
static void test_unbalanced_quotes(void **state)
{
    (void)state;
    static const char *const values[] = {
        "for=\"203.0.113.9",
        "for=203.0.113.9\"",
        "for=\"",
        "for=\"\\",
        "for=\"203.0.113.9\\\"",
        "host=\"x, for=203.0.113.9",
        "for=198.51.100.1, host=\"x, for=203.0.113.9",
        "for=\"198.51.100.1, for=203.0.113.9",
        "for=198.51.100.1;host=\", for=203.0.113.9",
        "for=198.51.100.1;host=\"\\\", for=203.0.113.9",
        "for=203.0.113.9, for=198.51.100.1;\"",
    };
    struct proxy_config config;
    assert_int_equal(proxy_parse(SLICE("private"), &config), ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        char client[PROXY_ADDRESS_BYTES] = "";
        struct buf list;
        buf_init(&list, 1000);
        forwarded_add_clients(slice_str(values[i]), &list);
        if (proxy_client(&config, buf_slice(&list), client)) {
            fail_msg("%s gives \"%s\"", values[i], client);
        }
        buf_done(&list);
    }
}

static void test_any_bytes(void **state)
{
    (void)state;
    assert_clients((struct slice){NULL, 0}, "");
    assert_clients(SLICE("for=\xff\xfe, for=192.0.2.7"), "\xff\xfe, 192.0.2.7");
    struct buf out;
    buf_init(&out, 100);
    forwarded_add_clients(slice_of("for=a\0b", 7), &out);
    assert_int_equal(out.len, 3);
    assert_memory_equal(buf_str(&out), "a\0b", 3);
    buf_done(&out);
}

/* As long as headers may be. */
static void test_long(void **state)
{
    (void)state;
    enum { ELEMENTS = 4000 };
    struct buf value;
    struct buf want;
    struct buf out;
    buf_init(&value, 100000);
    buf_init(&want, 100000);
    buf_init(&out, 100000);
    for (int i = 0; i < ELEMENTS; i++) {
        buf_addf(&value, "%sfor=\"1:%d\"", i > 0 ? "," : "", i);
        buf_addf(&want, "%s1", i > 0 ? ", " : "");
    }
    forwarded_add_clients(buf_slice(&value), &out);
    assert_string_equal(buf_str(&out), buf_str(&want));
    /* What was there stays in front. */
    buf_clear(&out);
    buf_add_str(&out, "before ");
    forwarded_add_clients(SLICE("for=a,for=b"), &out);
    assert_string_equal(buf_str(&out), "before a, b");
    buf_done(&out);
    /* The buffer's limit holds. */
    buf_init(&out, 10);
    forwarded_add_clients(buf_slice(&value), &out);
    assert_int_equal(buf_err(&out), ERR_TOOBIG);
    assert_true(out.len <= 10);
    buf_done(&out);
    /* Empty elements become longer, by no more than this. */
    buf_init(&out, 100000);
    char commas[1000];
    memset(commas, ',', sizeof commas);
    forwarded_add_clients(slice_of(commas, sizeof commas), &out);
    assert_int_equal(out.len, sizeof commas * (sizeof "unknown, " - 1) - 2);
    buf_done(&out);
    buf_done(&value);
    buf_done(&want);
}

/* What it is for: the address that proxy_client() picks. */
static void test_with_proxies(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *client; /* NULL: none */
    } cases[] = {
        {"for=203.0.113.9", "203.0.113.9"},
        {"for=\"203.0.113.9:4711\"", "203.0.113.9"},
        {"for=\"[2001:db8::1]:4711\"", "2001:db8::1"},
        {"for=198.51.100.1, for=203.0.113.9", "203.0.113.9"},
        {"for=198.51.100.1, for=203.0.113.9, for=10.0.0.1", "203.0.113.9"},
        {"for=198.51.100.1, for=203.0.113.9;by=10.0.0.2, for=\"[fd00::1]:80\"", "203.0.113.9"},
        {"for=10.0.0.9, for=10.0.0.1", "10.0.0.9"},
        {"for=203.0.113.9, for=unknown", NULL},
        {"for=203.0.113.9, for=_hidden, for=10.0.0.1", "10.0.0.1"},
        {"for=203.0.113.9, proto=https", NULL},
        {"for=unknown", NULL},
        {"proto=https", NULL},
        {"for=\"203.0.113.9", NULL},
        {"for=\"198.51.100.1, for=203.0.113.9\"", NULL},
    };
    struct proxy_config config;
    assert_int_equal(proxy_parse(SLICE("private"), &config), ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char client[PROXY_ADDRESS_BYTES] = "";
        struct buf list;
        buf_init(&list, 1000);
        forwarded_add_clients(slice_str(cases[i].value), &list);
        bool found = proxy_client(&config, buf_slice(&list), client);
        if (found != (cases[i].client != NULL) || (found && strcmp(client, cases[i].client) != 0)) {
            fail_msg("%s gives \"%s\"", cases[i].value, client);
        }
        buf_done(&list);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc),          cmocka_unit_test(test_nodes),
        cmocka_unit_test(test_quotes),       cmocka_unit_test(test_unbalanced_quotes),
        cmocka_unit_test(test_any_bytes),    cmocka_unit_test(test_long),
        cmocka_unit_test(test_with_proxies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
