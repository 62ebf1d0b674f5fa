/* Pages of other sites cannot change anything: every route of the table that is more than a
 * question refuses what a browser sends for them, with the owner's session in it (improvements.md,
 * Sign-in). */
#include "api.h"
#include "routes.h"

static const char *const foreign[] = {
    "Sec-Fetch-Site: cross-site",
    "Sec-Fetch-Site: same-site",
    "Sec-Fetch-Site: nonsense",
    "Origin: https://evil.example",
    "Origin: http://localhost.evil.example",
    "Origin: null",
    "Origin: http://localhost:1", /* another port is another origin */
    "Origin: nonsense",
};

/* All that a request could change, as one line. */
static void read_state(const struct server *s, char *ret_text, size_t size)
{
    db_text(
        s,
        "SELECT (SELECT group_concat(id || filename || ifnull(expiration_time, 0)) FROM entries),"
        " (SELECT group_concat(id || is_disabled) FROM guest_links),"
        " (SELECT group_concat(default_expiration_in_days) FROM settings),"
        " (SELECT group_concat(hex(token_sha256)) FROM ext_sessions),"
        " (SELECT count(*) FROM entries_data)",
        ret_text, size);
}

static bool only_asks(const struct known_route *route)
{
    return strcmp(route->method, "GET") == 0;
}

static void test_every_route(void **state)
{
    const struct server *s = *state;
    struct known_route routes[MAX_ROUTES];
    size_t count = read_routes(routes);
    char before[2000];
    char after[2000];
    char id[ID_CHARS + 1];
    char link[LINK_CHARS + 1];
    size_t changing = 0;
    upload_text(s, "kept.txt", NULL, "dummy data", id);
    link_create(s, &(struct guest_link){0}, link);
    /* the ids that the routes are asked for exist */
    db_change(s, "PRAGMA foreign_keys = OFF; UPDATE entries SET id = 'hR87apiUCj';"
                 "UPDATE entries_data SET id = 'hR87apiUCj';"
                 "UPDATE ext_files SET id = 'hR87apiUCj';"
                 "UPDATE guest_links SET id = 'abcdefgh23456789'");
    read_state(s, before, sizeof before);
    for (size_t i = 0; i < count; i++) {
        if (only_asks(&routes[i])) {
            continue;
        }
        changing++;
        for (size_t k = 0; k < ARRAY_LEN(foreign); k++) {
            const char *const headers[] = {foreign[k], NULL};
            struct response r;
            http_do(s,
                    &(struct request){.method = routes[i].method,
                                      .path = routes[i].path,
                                      .auth = AUTH_COOKIE,
                                      .headers = headers,
                                      .text = "{}"},
                    &r);
            if (r.status != 403) {
                fail_msg("%s %s with \"%s\" is answered with %d", routes[i].method, routes[i].path,
                         foreign[k], r.status);
            }
            expect_answer(&r, 403, "cross-site request refused\n");
            response_done(&r);
        }
    }
    assert_in_range(changing, 19, MAX_ROUTES);
    read_state(s, after, sizeof after);
    assert_string_equal(after, before);
}

/* The same requests from our own pages, and from programs, are looked at. */
static void test_own_pages(void **state)
{
    const struct server *s = *state;
    struct known_route routes[MAX_ROUTES];
    size_t count = read_routes(routes);
    char origin[64];
    snprintf(origin, sizeof origin, "Origin: http://localhost:%d", s->port);
    const char *const own[] = {"Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: none", origin,
                               "X-Nothing: 1"};
    for (size_t i = 0; i < count; i++) {
        if (only_asks(&routes[i])) {
            continue;
        }
        for (size_t k = 0; k < ARRAY_LEN(own); k++) {
            char host[64];
            snprintf(host, sizeof host, "Host: localhost:%d", s->port);
            const char *const headers[] = {own[k], host, NULL};
            struct response r;
            http_do(s,
                    &(struct request){.method = routes[i].method,
                                      .path = routes[i].path,
                                      .auth = AUTH_BASIC,
                                      .headers = headers,
                                      .text = "{}"},
                    &r);
            if (r.status == 403 || r.status == 0) {
                fail_msg("%s %s with \"%s\" is answered with %d", routes[i].method, routes[i].path,
                         own[k], r.status);
            }
            response_done(&r);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_route),
        cmocka_unit_test(test_own_pages),
    };
    return harness_main(tests, server_group_setup, server_group_teardown);
}
