#include "picoshare/base/buf.h"
#include "picoshare/http/proxy.h"
#include "support.h"

static struct proxy_config parse(const char *list)
{
    struct proxy_config config;
    if (proxy_parse(slice_str(list), &config) != ERR_OK) {
        fail_msg("%s", list);
    }
    return config;
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const char *const lists[] = {
        "localhost",
        "10.0.0",
        "10.0.0.1.2",
        "10.0.0.256",
        "10.0.0.1/33",
        "10.0.0.1/",
        "10.0.0.1/-1",
        "10.0.0.1/8/8",
        "10.0.0.1/ 8",
        "/8",
        "::1/129",
        "::1/",
        ":::",
        "[::1]",
        "fe80::1%eth0",
        "10.0.0.1:80",
        "10.0.0.1;::1",
        "Private",
        "private/8",
        "10.0.0.1, x",
        "010.0.0.1",
        "1::2::3",
        "12345::",
        "10.0.0.1/8x",
        "1111:2222:3333:4444:5555:6666:123.123.123.1234",
    };
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        struct proxy_config config = {.count = 77};
        if (proxy_parse(slice_str(lists[i]), &config) != ERR_INVALID || config.count != 77) {
            fail_msg("%s", lists[i]);
        }
    }
}

static void test_parse_counts(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        size_t count;
    } cases[] = {
        {"", 0},
        {" ,\t, ", 0},
        {"10.0.0.1", 1},
        {"10.0.0.1,::1", 2},
        {"10.0.0.1 ::1", 2},
        {",10.0.0.1,,::1\n,", 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(parse(cases[i].list).count, cases[i].count);
    }
    struct buf list;
    buf_init(&list, 1000);
    for (int i = 0; i < PROXY_MAX_NETWORKS; i++) {
        buf_addf(&list, "10.0.0.%d ", i);
    }
    struct proxy_config config = parse(buf_str(&list));
    assert_int_equal(config.count, PROXY_MAX_NETWORKS);
    buf_add_str(&list, "10.0.1.0");
    assert_int_equal(proxy_parse(buf_slice(&list), &config), ERR_INVALID);
    buf_done(&list);
}

static void test_trusts(void **state)
{
    (void)state;
    static const struct {
        const char *list, *address;
        bool trusted;
    } cases[] = {
        {"", "127.0.0.1", false},
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.6", false},
        {"192.0.2.7", "::ffff:192.0.2.7", true},
        {"192.0.2.7", "::192.0.2.7", false},
        {"::ffff:192.0.2.7", "192.0.2.7", true},
        {"::ffff:192.0.2.0/120", "192.0.2.255", true},
        {"::ffff:192.0.2.0/120", "192.0.3.0", false},
        /* the bits behind the prefix do not count, in the list neither */
        {"192.0.2.77/24", "192.0.2.0", true},
        {"192.0.2.77/24", "192.0.2.255", true},
        {"192.0.2.77/24", "192.0.3.0", false},
        {"192.0.2.77/24", "192.0.1.255", false},
        {"192.0.2.128/25", "192.0.2.128", true},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.6/31", "192.0.2.7", true},
        {"192.0.2.6/31", "192.0.2.5", false},
        {"192.0.2.6/31", "192.0.2.8", false},
        {"128.0.0.0/1", "255.255.255.255", true},
        {"128.0.0.0/1", "127.255.255.255", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "203.0.113.9", true},
        {"2001:db8::/32", "2001:db8:ffff::1", true},
        {"2001:db8::/32", "2001:db9::", false},
        {"2001:db8::/33", "2001:db8:7fff::", true},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"2001:db8::1", "2001:0DB8:0:0:0:0:0:1", true},
        {"2001:db8::1/127", "2001:db8::", true},
        {"2001:db8::1/127", "2001:db8::2", false},
        {"private", "127.255.255.255", true},
        {"private", "128.0.0.0", false},
        {"private", "10.255.255.255", true},
        {"private", "11.0.0.0", false},
        {"private", "9.255.255.255", false},
        {"private", "172.15.255.255", false},
        {"private", "172.16.0.0", true},
        {"private", "172.31.255.255", true},
        {"private", "172.32.0.0", false},
        {"private", "192.167.255.255", false},
        {"private", "192.168.0.0", true},
        {"private", "192.169.0.0", false},
        {"private", "169.254.1.1", true},
        {"private", "169.253.1.1", false},
        {"private", "::ffff:10.1.2.3", true},
        {"private", "::ffff:8.8.8.8", false},
        {"private", "::1", true},
        {"private", "::", false},
        {"private", "::2", false},
        {"private", "fbff:ffff::", false},
        {"private", "fc00::", true},
        {"private", "fdff:ffff::", true},
        {"private", "fe00::", false},
        {"private", "fe80::1", true},
        {"private", "febf::1", true},
        {"private", "fec0::1", false},
        {"private 203.0.113.0/24", "203.0.113.9", true},
        /* what is no address is not trusted */
        {"0.0.0.0/0 ::/0", "", false},
        {"0.0.0.0/0 ::/0", "localhost", false},
        {"0.0.0.0/0 ::/0", "10.0.0.1:80", false},
        {"0.0.0.0/0 ::/0", " 10.0.0.1", false},
        {"0.0.0.0/0 ::/0", "unix:", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct proxy_config config = parse(cases[i].list);
        if (proxy_trusts(&config, slice_str(cases[i].address)) != cases[i].trusted) {
            fail_msg("%s in %s", cases[i].address, cases[i].list);
        }
    }
    struct proxy_config everything = parse("::/0");
    assert_false(proxy_trusts(&everything, slice_of("10.0.0.1\0", 9)));
}

static void test_client(void **state)
{
    (void)state;
    static const struct {
        const char *forwarded;
        const char *client; /* NULL: false */
    } cases[] = {
        {"203.0.113.9", "203.0.113.9"},
        {" 203.0.113.9\t", "203.0.113.9"},
        {"2001:db8::1", "2001:db8::1"},
        /* the right-most that is not trusted: what stands left of it anybody may have written */
        {"198.51.100.1, 203.0.113.9", "203.0.113.9"},
        {"198.51.100.1, 203.0.113.9, 10.0.0.1", "203.0.113.9"},
        {"198.51.100.1,203.0.113.9,10.0.0.1 , 192.168.1.1", "203.0.113.9"},
        {"10.9.9.9, 203.0.113.9, ::ffff:10.0.0.1", "203.0.113.9"},
        {"junk, 203.0.113.9", "203.0.113.9"},
        {"203.0.113.9, 2001:db8::1, ::1", "2001:db8::1"},
        /* all trusted: the left-most */
        {"10.0.0.1", "10.0.0.1"},
        {"10.0.0.3, 10.0.0.2, 10.0.0.1", "10.0.0.3"},
        /* the port is dropped, and the brackets that set it off */
        {"203.0.113.9:4711", "203.0.113.9"},
        {"[2001:db8::1]:4711", "2001:db8::1"},
        {"[2001:db8::1]", "2001:db8::1"},
        {"2001:db8::1:4711", "2001:db8::1:4711"}, /* without brackets all of it is the address */
        {"198.51.100.1, 203.0.113.9:1, 10.0.0.1:4711, [::1]:80", "203.0.113.9"},
        {"203.0.113.9:1, [2001:db8::1]:2, [fd00::1]", "2001:db8::1"},
        {"203.0.113.9, :4711", NULL},
        {"203.0.113.9, [10.0.0.1", "203.0.113.9"},
        {"203.0.113.9, []:80", NULL},
        {"203.0.113.9, [junk]:80", NULL},
        {"203.0.113.9, 203.0.113.8:80:80", NULL},
        /* as far as addresses go */
        {"junk, 10.0.0.1", "10.0.0.1"},
        {"", NULL},
        {" ", NULL},
        {",", NULL},
        {"203.0.113.9,", NULL},
        {"203.0.113.9, junk", NULL},
        {"203.0.113.9 198.51.100.1", NULL},
        {"\"203.0.113.9\"", NULL},
        {"unknown", NULL},
        {"1111:2222:3333:4444:5555:6666:123.123.123.1234567", NULL},
    };
    struct proxy_config config = parse("private");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char client[PROXY_ADDRESS_BYTES] = "";
        bool found = proxy_client(&config, slice_str(cases[i].forwarded), client);
        if (found != (cases[i].client != NULL) || (found && strcmp(client, cases[i].client) != 0)) {
            fail_msg("\"%s\" gives \"%s\"", cases[i].forwarded, client);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_parse_counts),
        cmocka_unit_test(test_trusts),
        cmocka_unit_test(test_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
