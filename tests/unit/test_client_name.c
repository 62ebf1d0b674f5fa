#include "picoshare/text/client_name.h"
#include "support.h"

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        const char *name;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"},
        {"2001:db8:1:2::", "2001:db8:1:2::"},
        {"2001:db8:1:3::1", "2001:db8:1:3::"},
        {"::1", "::"},
        {"fe80::1%eth0", "fe80::1%eth0"},
        {"", ""},
        {"no address", "no address"},
        {"2001:0db8:1111:2222:3333:4444:5555:6666%an-interface-with-a-long-name",
         "2001:0db8:1111:2222:3333:4444:5555:6666%an-in"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char name[CLIENT_NAME_BYTES];
        memset(name, 'x', sizeof name);
        client_name(cases[i].address, name);
        assert_string_equal(name, cases[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
