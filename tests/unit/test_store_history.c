#include "store_support.h"

#define ID "abcdefghij"
#define ID2 "klmnopqrst"

/* ---- what a list gives ---- */

struct seen {
    char text[600];
    size_t count;
    size_t stop_after;
};

/* "seconds after TEST_NOW_S/address/agent " */
static bool see(void *arg, const struct store_download *download)
{
    struct seen *seen = arg;
    size_t len = strlen(seen->text);
    (void)snprintf(seen->text + len, sizeof seen->text - len, "%lld/%s/%s ",
                   (long long)(download->time - TEST_NOW_S), download->client_ip,
                   download->user_agent);
    return ++seen->count != seen->stop_after;
}

static void assert_list(struct fixture *fix, bool unique, size_t offset, size_t limit,
                        size_t stop_after, const char *want)
{
    struct seen seen = {.stop_after = stop_after};
    assert_int_equal(store_list_downloads(fix->store, ID, unique, offset, limit, see, &seen),
                     ERR_OK);
    assert_string_equal(seen.text, want);
}

static void assert_counts(struct fixture *fix, const char *id, int64_t all, int64_t unique)
{
    int64_t count = -1;
    assert_int_equal(store_count_downloads(fix->store, id, false, &count), ERR_OK);
    assert_int_equal(count, all);
    assert_int_equal(store_count_downloads(fix->store, id, true, &count), ERR_OK);
    assert_int_equal(count, unique);
}

static void add_row(struct fixture *fix, const char *id, int64_t second, const char *client,
                    const char *agent)
{
    sql_run(fix->path,
            "INSERT INTO downloads VALUES (%Q, strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ', %lld,"
            " 'unixepoch'), %Q, %Q)",
            id, (long long)(TEST_NOW_S + second), client, agent);
}

static int setup(void **state)
{
    (void)fixture_setup(state);
    struct fixture *fix = *state;
    store_file(fix->store, ID, "x", 1, 5, TEST_NOW_S, NEVER_S);
    store_file(fix->store, ID2, "x", 1, 5, TEST_NOW_S, NEVER_S);
    return 0;
}

/* ---- the tests ---- */

static void test_empty(void **state)
{
    struct fixture *fix = *state;
    assert_counts(fix, ID, 0, 0);
    assert_counts(fix, "BBBBBBBBBB", 0, 0);
    assert_list(fix, false, 0, 100, 0, "");
    assert_list(fix, true, 0, 100, 0, "");
    add_row(fix, ID2, 0, "1", "other");
    assert_counts(fix, ID, 0, 0);
    assert_list(fix, false, 0, 100, 0, "");
    assert_list(fix, true, 0, 100, 0, "");
}

static void test_order_and_pages(void **state)
{
    struct fixture *fix = *state;
    static const struct {
        int64_t second;
        const char *client, *agent;
    } rows[] = {{5, "a", "1"}, {9, "b", "2"}, {1, "a", "3"}, {7, "a", "4"}, {8, "c", "5"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        add_row(fix, ID, rows[i].second, rows[i].client, rows[i].agent);
        add_row(fix, ID2, 100, "z", "not asked for");
    }
    assert_counts(fix, ID, 5, 3);
    static const struct {
        bool unique;
        size_t offset, limit, stop_after;
        const char *want;
    } cases[] = {
        {false, 0, 100, 0, "9/b/2 8/c/5 7/a/4 5/a/1 1/a/3 "},
        {false, 0, 5, 0, "9/b/2 8/c/5 7/a/4 5/a/1 1/a/3 "},
        {false, 0, 4, 0, "9/b/2 8/c/5 7/a/4 5/a/1 "},
        {false, 0, 1, 0, "9/b/2 "},
        {false, 0, 0, 0, ""},
        {false, 3, 1, 0, "5/a/1 "},
        {false, 3, 100, 0, "5/a/1 1/a/3 "},
        {false, 4, 100, 0, "1/a/3 "},
        {false, 5, 100, 0, ""},
        {false, 500, 100, 0, ""},
        {false, 0, 100, 1, "9/b/2 "},
        {false, 1, 100, 2, "8/c/5 7/a/4 "},
        /* Of each address the newest, with what belongs to it. */
        {true, 0, 100, 0, "9/b/2 8/c/5 7/a/4 "},
        {true, 0, 3, 0, "9/b/2 8/c/5 7/a/4 "},
        {true, 0, 2, 0, "9/b/2 8/c/5 "},
        {true, 0, 0, 0, ""},
        {true, 1, 1, 0, "8/c/5 "},
        {true, 2, 5, 0, "7/a/4 "},
        {true, 3, 5, 0, ""},
        {true, 0, 100, 1, "9/b/2 "},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_list(fix, cases[i].unique, cases[i].offset, cases[i].limit, cases[i].stop_after,
                    cases[i].want);
    }
}

/* Rows of the same second: the one recorded last is the newest. Pages do not overlap. */
static void test_ties(void **state)
{
    struct fixture *fix = *state;
    add_row(fix, ID, 5, "a", "1");
    add_row(fix, ID, 5, "b", "2");
    add_row(fix, ID, 6, "c", "3");
    add_row(fix, ID, 5, "c", "4");
    add_row(fix, ID, 5, "a", "5");
    assert_list(fix, false, 0, 100, 0, "6/c/3 5/a/5 5/c/4 5/b/2 5/a/1 ");
    static const char *const pages[] = {"6/c/3 5/a/5 ", "5/c/4 5/b/2 ", "5/a/1 "};
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        assert_list(fix, false, 2 * i, 2, 0, pages[i]);
    }
    static const char *const clients[] = {"6/c/3 ", "5/a/", "5/b/2 "};
    struct seen all = {.stop_after = 0};
    assert_int_equal(store_list_downloads(fix->store, ID, true, 0, 100, see, &all), ERR_OK);
    assert_int_equal(all.count, ARRAY_LEN(clients));
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        struct seen one = {.stop_after = 0};
        assert_int_equal(store_list_downloads(fix->store, ID, true, i, 1, see, &one), ERR_OK);
        assert_int_equal(one.count, 1);
        assert_non_null(strstr(all.text, one.text));
        assert_int_equal(strncmp(one.text, clients[i], strlen(clients[i])), 0);
    }
}

/* The same client twice in a second, with two agents: the list of all and the list of clients agree
 * on which is the newest. */
static void test_tie_of_one_client(void **state)
{
    struct fixture *fix = *state;
    add_row(fix, ID, 5, "a", "first");
    add_row(fix, ID, 5, "a", "second");
    assert_list(fix, false, 0, 1, 0, "5/a/second ");
    assert_list(fix, true, 0, 1, 0, "5/a/second ");
}

/* What PicoShare's schema allows: no address, no agent. */
static void test_null_columns(void **state)
{
    struct fixture *fix = *state;
    add_row(fix, ID, 1, NULL, NULL);
    add_row(fix, ID, 2, "", "agent");
    add_row(fix, ID, 3, NULL, "");
    add_row(fix, ID, 4, "a", NULL);
    assert_counts(fix, ID, 4, 2);
    assert_list(fix, false, 0, 100, 0, "4/a/ 3// 2//agent 1// ");
    assert_list(fix, true, 0, 100, 0, "4/a/ 3// ");
}

/* Times as another program may have written them sort by their text, as PicoShare does it. */
static void test_foreign_times(void **state)
{
    struct fixture *fix = *state;
    sql_run(fix->path, "INSERT INTO downloads VALUES"
                       " ('" ID "', '2026-01-01T00:00:02.5Z', 'a', ''),"
                       " ('" ID "', '2026-01-01T00:00:01Z', 'b', '')");
    assert_list(fix, false, 0, 100, 0, "2/a/ 1/b/ ");
    assert_list(fix, true, 0, 100, 0, "2/a/ 1/b/ ");
}

/* What the job records is what the list gives. */
static void test_recorded(void **state)
{
    struct fixture *fix = *state;
    static const struct {
        int64_t second;
        const char *client, *agent;
    } rows[] = {{0, "192.0.2.1", "\xc3\xa4 agent"}, {1, "2001:db8::1", ""}, {40, "192.0.2.1", "b"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct store_record_download record;
        store_record_download_init(&record);
        memcpy(record.entry_id, ID, sizeof ID);
        record.time = TEST_NOW_S + rows[i].second;
        record.client_ip = rows[i].client;
        record.user_agent = rows[i].agent;
        assert_int_equal(store_run(fix->store, &record.job), ERR_OK);
    }
    assert_counts(fix, ID, 3, 2);
    assert_list(fix, false, 0, 100, 0, "40/192.0.2.1/b 1/2001:db8::1/ 0/192.0.2.1/\xc3\xa4 agent ");
    assert_list(fix, true, 0, 100, 0, "40/192.0.2.1/b 1/2001:db8::1/ ");
}

/* A list that is read while its file goes is the list of one moment. */
struct removing {
    struct store *store;
    int rows;
};

static bool remove_meanwhile(void *arg, const struct store_download *download)
{
    struct removing *removing = arg;
    (void)download;
    if (removing->rows++ == 0) {
        assert_int_equal(remove_file(removing->store, ID), ERR_OK);
    }
    return true;
}

static void test_list_of_a_moment(void **state)
{
    struct fixture *fix = *state;
    struct removing removing = {.store = fix->store};
    add_history(fix->path, ID, 50, TEST_NOW_S);
    assert_int_equal(
        store_list_downloads(fix->store, ID, false, 0, 100, remove_meanwhile, &removing), ERR_OK);
    assert_int_equal(removing.rows, 50);
    assert_counts(fix, ID, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_empty, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_order_and_pages, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_ties, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_tie_of_one_client, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_null_columns, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_foreign_times, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_recorded, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_list_of_a_moment, setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
