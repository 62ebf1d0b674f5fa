/* GET /healthz, and "picoshare health", by which a supervisor or a container engine asks. */
#include "api.h"

static void expect_health(const struct server *s, int status, const char *text)
{
    struct response r;
    http_get(s, "/healthz", &r);
    expect_answer(&r, status, text);
    assert_string_equal(response_header(&r, "Cache-Control"), "no-store");
    assert_true(response_has(&r, "Content-Type", "text/plain"));
    response_done(&r);
}

/* For everybody; what it says is about the database, too. */
static void test_page(void **state)
{
    const struct server *s = *state;
    expect_health(s, 200, "ok\n");
    db_change(s, "ALTER TABLE settings RENAME TO settings_away");
    expect_health(s, 503, "the database cannot be read\n");
    db_change(s, "ALTER TABLE settings_away RENAME TO settings");
    expect_health(s, 200, "ok\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page),
    };
    return harness_main(tests, server_group_setup, server_group_teardown);
}
