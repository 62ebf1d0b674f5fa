#include "picoshare/http/router.h"
#include "support.h"

static void test_match(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *path;
        const char *first, *second; /* the parameters; NULL: none */
        bool match;
    } cases[] = {
        {"/", "/", NULL, NULL, true},
        {"/", "", NULL, NULL, false},
        {"/", "//", NULL, NULL, false},
        {"/files", "/files", NULL, NULL, true},
        {"/files", "/files/", NULL, NULL, false},
        {"/files", "/file", NULL, NULL, false},
        {"/files", "/Files", NULL, NULL, false},
        {"/files", "files", NULL, NULL, false},
        /* escapes of letters are the letters */
        {"/files", "/%66il%65s", NULL, NULL, true},
        {"/files", "/%46iles", NULL, NULL, false},
        {"/files", "/files%", NULL, NULL, false},
        {"/files", "/file%7", NULL, NULL, false},
        {"/files", "/file%7x", NULL, NULL, false},
        {"/files", "/files%00", NULL, NULL, false},
        /* a plus is a plus, in a path */
        {"/a b", "/a+b", NULL, NULL, false},
        {"/a b", "/a%20b", NULL, NULL, true},
        /* an escaped slash is none, wherever it stands */
        {"/a/b", "/a%2Fb", NULL, NULL, false},
        {"/a/b", "/a%2fb", NULL, NULL, false},
        {"/a/b", "%2Fa/b", NULL, NULL, false},
        {"/-{}", "/-abc", "abc", NULL, true},
        {"/-{}", "/-", NULL, NULL, false},
        {"/-{}", "/%2Dabc", "abc", NULL, true},
        {"/-{}", "/-abc/", NULL, NULL, false},
        {"/-{}", "/-a%2Fb", "a%2Fb", NULL, true},
        {"/-{}", "/-a%zz", "a%zz", NULL, true},
        {"/-{}/{}", "/-abc/name.txt", "abc", "name.txt", true},
        {"/-{}/{}", "/-abc/a%2Fb", "abc", "a%2Fb", true},
        {"/-{}/{}", "/-abc/", NULL, NULL, false},
        {"/-{}/{}", "/-abc", NULL, NULL, false},
        {"/-{}/{}", "/-abc/a/b", NULL, NULL, false},
        {"/api/{}/edit", "/api/x/edit", "x", NULL, true},
        {"/api/{}/edit", "/api//edit", NULL, NULL, false},
        {"/api/{}/edit", "/api/x/edit2", NULL, NULL, false},
        {"/js/*", "/js/", NULL, NULL, true},
        {"/js/*", "/js/a/b/c", NULL, NULL, true},
        {"/js/*", "/js", NULL, NULL, false},
        {"/-{}/*", "/-abc/a/b", "abc", NULL, true},
        {"*", "", NULL, NULL, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice params[ROUTE_MAX_PARAMS] = {{NULL, 0}, {NULL, 0}};
        bool match = router_match(cases[i].pattern, slice_str(cases[i].path), params);
        if (match != cases[i].match) {
            fail_msg("%s with %s", cases[i].pattern, cases[i].path);
        }
        if (match) {
            assert_true(slice_eq(params[0], slice_str(cases[i].first)));
            assert_true(slice_eq(params[1], slice_str(cases[i].second)));
        }
    }
}

/* A path is not ended by a NUL, and a byte behind its end counts for nothing. */
static void test_match_unterminated(void **state)
{
    (void)state;
    struct slice params[ROUTE_MAX_PARAMS];
    assert_true(router_match("/ab", slice_of("/abc", 3), params));
    assert_false(router_match("/abc", slice_of("/abc", 3), params));
    assert_false(router_match("/a", slice_of("/%61", 3), params));
    assert_true(router_match("/-{}", slice_of("/-abc/d", 5), params));
    assert_true(slice_eq(params[0], SLICE("abc")));
}

static const struct route routes[] = {
    {"GET", "/", 1, NULL},
    {"POST", "/api/entry", 2, NULL},
    {"GET", "/api/entry/{}", 3, NULL},
    {"PUT", "/api/entry/{}", 4, NULL},
    {"DELETE", "/api/entry/{}", 5, NULL},
    {"GET", "/api/entry/{}", 6, NULL},
    {"GET", "/-{}", 7, NULL},
    {"GET", "/-{}/*", 8, NULL},
    {"GET", "/-special", 9, NULL},
};

static void test_find(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path;
        unsigned flags;    /* of the route; 0: none */
        const char *allow; /* when there is none */
    } cases[] = {
        {"GET", "/", 1, ""},
        {"HEAD", "/", 1, ""},
        {"POST", "/", 0, "GET, HEAD, OPTIONS"},
        {"OPTIONS", "/", 0, "GET, HEAD, OPTIONS"},
        {"get", "/", 0, "GET, HEAD, OPTIONS"},
        {"POST", "/api/entry", 2, ""},
        {"GET", "/api/entry", 0, "POST, OPTIONS"},
        /* only a GET route answers HEAD */
        {"HEAD", "/api/entry", 0, "POST, OPTIONS"},
        {"GET", "/api/entry/x", 3, ""}, /* the first of two */
        {"DELETE", "/api/entry/x", 5, ""},
        {"PATCH", "/api/entry/x", 0, "GET, HEAD, PUT, DELETE, OPTIONS"},
        {"GET", "/-special", 7, ""},
        {"GET", "/-x/y", 8, ""},
        {"GET", "/-x%2Fy", 7, ""},
        {"GET", "/nowhere", 0, ""},
        {"OPTIONS", "/nowhere", 0, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice params[ROUTE_MAX_PARAMS];
        struct buf allow;
        buf_init(&allow, 100);
        const struct route *route = router_find(routes, ARRAY_LEN(routes), cases[i].method,
                                                slice_str(cases[i].path), params, &allow);
        if ((route != NULL ? route->flags : 0) != cases[i].flags) {
            fail_msg("%s %s", cases[i].method, cases[i].path);
        }
        if (route == NULL) {
            assert_int_equal(buf_err(&allow), ERR_OK);
            assert_string_equal(buf_str(&allow), cases[i].allow);
        }
        buf_done(&allow);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_match_unterminated),
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
