#include "fault_vfs.h"
#include "store_support.h"

#define LINK "abcdefgh23456789"
#define LINK2 "bcdefgh23456789a"
#define LINK3 "cdefgh23456789ab"
#define ID "abcdefghij"
#define ID2 "klmnopqrst"
#define ID3 "uvwxyzABCD"

/* ---- creating and finding ---- */

static void assert_same(const struct store_guest_link *got, const struct store_guest_link *want)
{
    assert_string_equal(got->id, want->id);
    assert_string_equal(got->label, want->label);
    assert_int_equal(got->max_file_bytes, want->max_file_bytes);
    assert_int_equal(got->max_file_uploads, want->max_file_uploads);
    assert_int_equal(got->creation_time, want->creation_time);
    assert_int_equal(got->url_expiration_time, want->url_expiration_time);
    assert_string_equal(got->file_lifetime, want->file_lifetime);
    assert_int_equal(got->disabled, want->disabled);
    assert_int_equal(got->uploads, want->uploads);
}

static void assert_link(struct store *store, const struct store_guest_link *want)
{
    struct store_guest_link link;
    assert_int_equal(store_find_guest_link(store, want->id, &link), ERR_OK);
    assert_same(&link, want);
    store_guest_link_done(&link);
    assert_null(link.label);
}

static int64_t uploads_of(struct store *store, const char *id)
{
    struct store_guest_link link;
    assert_int_equal(store_find_guest_link(store, id, &link), ERR_OK);
    int64_t uploads = link.uploads;
    store_guest_link_done(&link);
    return uploads;
}

static void test_create_and_find(void **state)
{
    struct fixture *fix = *state;
    char empty[] = "";
    char quoted[] = "\xc3\xa4 'quoted' \"%s\"\n";
    char longest[201];
    memset(longest, 'x', 200);
    longest[200] = '\0';
    const struct {
        struct store_guest_link link;
        const char *row; /* as PicoShare reads it */
    } cases[] = {
        {{.id = LINK,
          .label = empty,
          .creation_time = TEST_NOW_S,
          .url_expiration_time = NEVER_S,
          .file_lifetime = "876000h0m0s"},
         "abcdefgh23456789||-|-|2026-01-01T00:00:00Z|2999-12-31T00:00:00Z|876000h0m0s|0"},
        {{.id = LINK2,
          .label = quoted,
          .max_file_bytes = 1048576,
          .max_file_uploads = 1,
          .creation_time = TEST_NOW_S + 3723,
          .url_expiration_time = TEST_NOW_S + 86400,
          .file_lifetime = "24h0m0s",
          .disabled = true},
         "bcdefgh23456789a|\xc3\xa4 'quoted' \"%s\"\n|1048576|1|2026-01-01T01:02:03Z|"
         "2026-01-02T00:00:00Z|24h0m0s|1"},
        {{.id = LINK3,
          .label = longest,
          .max_file_bytes = INT64_MAX,
          .max_file_uploads = INT64_MAX,
          .creation_time = TEST_NOW_S,
          .url_expiration_time = INT64_C(253402300799),
          .file_lifetime = "2562047h47m16.854775807s"},
         NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(create_link(fix->store, &cases[i].link), ERR_OK);
    }
    fixture_reopen(fix);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_link(fix->store, &cases[i].link);
        char row[300];
        sql_ask(fix->path, row, sizeof row,
                "SELECT id || '|' || label || '|' || ifnull(max_file_bytes, '-') || '|' ||"
                " ifnull(max_file_uploads, '-') || '|' || creation_time || '|' ||"
                " url_expiration_time || '|' || file_expiration_time || '|' || is_disabled"
                " FROM guest_links WHERE id = %Q",
                cases[i].link.id);
        if (cases[i].row != NULL) {
            assert_string_equal(row, cases[i].row);
        }
    }
    assert_sound(fix->path);
}

static void test_find_unknown(void **state)
{
    struct fixture *fix = *state;
    static const char *const ids[] = {"", "bcdefgh23456789a", "ABCDEFGH23456789", "abcdefgh2345678",
                                      "abcdefgh23456789x"};
    add_link(fix->store, LINK, 0);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct store_guest_link link;
        assert_int_equal(store_find_guest_link(fix->store, ids[i], &link), ERR_NOTFOUND);
        assert_null(link.label);
        store_guest_link_done(&link);
    }
}

/* An id is given once; who fails does not take the others of the transaction along. */
static void test_create_twice(void **state)
{
    struct fixture *fix = *state;
    char one[] = "one";
    char two[] = "two";
    const struct store_guest_link links[] = {
        {.id = LINK, .label = one, .creation_time = TEST_NOW_S, .file_lifetime = "24h0m0s"},
        {.id = LINK, .label = two, .creation_time = TEST_NOW_S, .file_lifetime = "24h0m0s"},
        {.id = LINK2, .label = two, .creation_time = TEST_NOW_S, .file_lifetime = "24h0m0s"},
    };
    static const err_t want[] = {ERR_OK, ERR_EXISTS, ERR_OK};
    struct store_create_guest_link jobs[ARRAY_LEN(links)];
    struct pending pending[ARRAY_LEN(links)];
    struct gate gate;
    struct store_guest_link expiring[ARRAY_LEN(links)];
    gate_shut(&gate, fix->store);
    for (size_t i = 0; i < ARRAY_LEN(links); i++) {
        expiring[i] = links[i];
        expiring[i].url_expiration_time = NEVER_S;
        store_create_guest_link_init(&jobs[i]);
        jobs[i].link = &expiring[i];
        pending_submit(&pending[i], fix->store, &jobs[i].job);
    }
    gate_open(&gate);
    gate_settle(fix->store);
    for (size_t i = 0; i < ARRAY_LEN(links); i++) {
        assert_int_equal(jobs[i].job.result, want[i]);
    }
    assert_sql(fix->path, "SELECT group_concat(id || label) FROM guest_links",
               LINK "one," LINK2 "two");
}

/* NULLs that PicoShare may have left, and times it can read. */
static bool count_one(void *arg, const struct store_guest_link *link)
{
    (void)link;
    (*(size_t *)arg)++;
    return true;
}

static void test_foreign_values(void **state)
{
    struct fixture *fix = *state;
    sql_run(fix->path,
            "INSERT INTO guest_links (id, creation_time) VALUES (%Q, '2024-02-29T12:00:00Z');"
            "INSERT INTO guest_links VALUES (%Q, 'l', NULL, NULL, '2024-02-29T14:00:00+02:00',"
            " '2024-02-29T12:00:00.75Z', 'soon', 1)",
            LINK, LINK2);
    char empty[] = "";
    char label[] = "l";
    const struct store_guest_link bare = {.id = LINK,
                                          .label = empty,
                                          .creation_time = 1709208000,
                                          .url_expiration_time = NEVER_S,
                                          .file_lifetime = "876000h0m0s"};
    const struct store_guest_link odd = {.id = LINK2,
                                         .label = label,
                                         .creation_time = 1709208000,
                                         .url_expiration_time = 1709208000,
                                         .file_lifetime = "soon",
                                         .disabled = true};
    assert_link(fix->store, &bare);
    assert_link(fix->store, &odd);
    /* No id and no lifetime of ours is that long. */
    sql_run(fix->path,
            "INSERT INTO guest_links (id, creation_time) VALUES"
            " ('abcdefgh23456789x', '2024-02-29T12:00:00Z');"
            "INSERT INTO guest_links (id, creation_time, file_expiration_time) VALUES"
            " (%Q, '2024-02-29T12:00:00Z', printf('%%.60c', 'h'))",
            LINK3);
    struct store_guest_link link;
    assert_int_equal(store_find_guest_link(fix->store, "abcdefgh23456789x", &link), ERR_NOTFOUND);
    const struct store_guest_link endless = {.id = LINK3,
                                             .label = empty,
                                             .creation_time = 1709208000,
                                             .url_expiration_time = NEVER_S,
                                             .file_lifetime = ""};
    assert_link(fix->store, &endless);
    /* It does not hide the others. */
    size_t count = 0;
    assert_int_equal(store_list_guest_links(fix->store, 0, 10, count_one, &count), ERR_OK);
    assert_int_equal(count, 3);
}

/* ---- the list ---- */

struct seen {
    char ids[200];
    size_t count;
    size_t stop_after;
};

static bool see(void *arg, const struct store_guest_link *link)
{
    struct seen *seen = arg;
    size_t len = strlen(seen->ids);
    (void)snprintf(seen->ids + len, sizeof seen->ids - len, "%.1s%lld ", link->id,
                   (long long)link->uploads);
    return ++seen->count != seen->stop_after;
}

static void assert_list(struct fixture *fix, size_t offset, size_t limit, size_t stop_after,
                        const char *want)
{
    struct seen seen = {.stop_after = stop_after};
    assert_int_equal(store_list_guest_links(fix->store, offset, limit, see, &seen), ERR_OK);
    assert_string_equal(seen.ids, want);
}

static void test_list(void **state)
{
    struct fixture *fix = *state;
    assert_list(fix, 0, 10, 0, "");
    /* The newest first; of those made in the same second, the one made last. */
    static const struct {
        const char *id;
        int64_t created;
    } links[] = {{"aaaaaaaaaaaaaaaa", TEST_NOW_S + 5}, {"bbbbbbbbbbbbbbbb", TEST_NOW_S},
                 {"cccccccccccccccc", TEST_NOW_S + 9}, {"dddddddddddddddd", TEST_NOW_S + 5},
                 {"eeeeeeeeeeeeeeee", TEST_NOW_S + 5}, {"ffffffffffffffff", TEST_NOW_S + 1}};
    for (size_t i = 0; i < ARRAY_LEN(links); i++) {
        char label[] = "";
        struct store_guest_link link = {.label = label,
                                        .creation_time = links[i].created,
                                        .url_expiration_time = NEVER_S,
                                        .file_lifetime = "24h0m0s"};
        memcpy(link.id, links[i].id, sizeof link.id);
        assert_int_equal(create_link(fix->store, &link), ERR_OK);
    }
    static const struct {
        size_t offset, limit, stop_after;
        const char *want;
    } cases[] = {
        {0, 10, 0, "c0 e0 d0 a0 f0 b0 "},
        {0, 6, 0, "c0 e0 d0 a0 f0 b0 "},
        {0, 5, 0, "c0 e0 d0 a0 f0 "},
        {0, 1, 0, "c0 "},
        {0, 0, 0, ""},
        {1, 2, 0, "e0 d0 "},
        {5, 2, 0, "b0 "},
        {6, 2, 0, ""},
        {100, 100, 0, ""},
        {0, 10, 1, "c0 "},
        {0, 10, 3, "c0 e0 d0 "},
        {2, 10, 2, "d0 a0 "},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_list(fix, cases[i].offset, cases[i].limit, cases[i].stop_after, cases[i].want);
    }
}

static bool see_label(void *arg, const struct store_guest_link *link)
{
    assert_same(link, arg);
    return true;
}

/* The list knows everything that a search for the link finds. */
static void test_list_is_complete(void **state)
{
    struct fixture *fix = *state;
    char label[] = "label";
    struct store_guest_link link = {.id = LINK,
                                    .label = label,
                                    .max_file_bytes = 5000000,
                                    .max_file_uploads = 7,
                                    .creation_time = TEST_NOW_S,
                                    .url_expiration_time = TEST_NOW_S + 3600,
                                    .file_lifetime = "720h0m0s",
                                    .disabled = true};
    assert_int_equal(create_link(fix->store, &link), ERR_OK);
    assert_int_equal(store_list_guest_links(fix->store, 0, 10, see_label, &link), ERR_OK);
}

/* ---- changing ---- */

static void test_enable_and_disable(void **state)
{
    struct fixture *fix = *state;
    char label[] = "label";
    struct store_guest_link link = {.id = LINK,
                                    .label = label,
                                    .max_file_uploads = 3,
                                    .creation_time = TEST_NOW_S,
                                    .url_expiration_time = TEST_NOW_S + 3600,
                                    .file_lifetime = "720h0m0s"};
    assert_int_equal(create_link(fix->store, &link), ERR_OK);
    add_link(fix->store, LINK2, 0);
    static const bool disable[] = {false, true, true, false, false};
    for (size_t i = 0; i < ARRAY_LEN(disable); i++) {
        assert_int_equal(
            change_link(fix->store, LINK,
                        disable[i] ? STORE_GUEST_LINK_DISABLE : STORE_GUEST_LINK_ENABLE),
            ERR_OK);
        link.disabled = disable[i];
        assert_link(fix->store, &link);
        assert_sql(fix->path, "SELECT is_disabled FROM guest_links WHERE id = '" LINK2 "'", "0");
    }
    assert_int_equal(change_link(fix->store, LINK3, STORE_GUEST_LINK_DISABLE), ERR_NOTFOUND);
    assert_int_equal(change_link(fix->store, LINK3, STORE_GUEST_LINK_ENABLE), ERR_NOTFOUND);
    assert_sql(fix->path, "SELECT sum(is_disabled) || ' ' || count(*) FROM guest_links", "0 2");
}

/* ---- publishing through a link ---- */

/* One file, or several: their ids follow each other in the alphabet. */
static err_t publish_through(struct store *store, const char *link_id, const char *id, size_t files)
{
    struct store_draft drafts[8];
    struct store_new_file new_files[8];
    assert_true(files <= ARRAY_LEN(drafts));
    for (size_t i = 0; i < files; i++) {
        char file_id[ENTRY_ID_LEN + 1];
        memcpy(file_id, id, sizeof file_id);
        file_id[0] = (char)(file_id[0] + (char)i);
        store_draft_init(&drafts[i], file_id);
        new_files[i] = (struct store_new_file){.draft = &drafts[i],
                                               .filename = "f",
                                               .content_type = "",
                                               .size = 3,
                                               .chunks = 1,
                                               .last_chunk = SLICE("abc")};
    }
    struct store_publish publish;
    store_publish_init(&publish);
    publish.files = new_files;
    publish.files_count = files;
    publish.upload_time = TEST_NOW_S;
    publish.expiration_time = NEVER_S;
    publish.guest_link_id = link_id;
    return store_run(store, &publish.job);
}

static void test_publish_limits(void **state)
{
    struct fixture *fix = *state;
    static const struct {
        int64_t max; /* 0: any */
        size_t there;
        size_t files;
        err_t want;
    } cases[] = {
        {0, 0, 1, ERR_OK},   {0, 3, 5, ERR_OK},   {1, 0, 1, ERR_OK},         {1, 0, 2, ERR_AUTH},
        {1, 1, 1, ERR_AUTH}, {2, 1, 1, ERR_OK},   {2, 1, 2, ERR_AUTH},       {2, 0, 2, ERR_OK},
        {2, 2, 1, ERR_AUTH}, {2, 3, 1, ERR_AUTH}, {5, 2, 3, ERR_OK},         {5, 2, 4, ERR_AUTH},
        {8, 0, 8, ERR_OK},   {7, 0, 8, ERR_AUTH}, {INT64_MAX, 2, 4, ERR_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        add_link(fix->store, LINK, 0);
        if (cases[i].there > 0) {
            assert_int_equal(publish_through(fix->store, LINK, "0000000000", cases[i].there),
                             ERR_OK);
        }
        if (cases[i].max > 0) {
            sql_run(fix->path, "UPDATE guest_links SET max_file_uploads = %lld",
                    (long long)cases[i].max);
        }
        err_t err = publish_through(fix->store, LINK, "A000000000", cases[i].files);
        if (err != cases[i].want) {
            fail_msg("case %zu: %s", i, err_name(err));
        }
        size_t stored = cases[i].there + (err == ERR_OK ? cases[i].files : 0);
        assert_int_equal(uploads_of(fix->store, LINK), stored);
        char text[24];
        (void)snprintf(text, sizeof text, "%zu %zu", stored, stored);
        assert_sql(fix->path,
                   "SELECT (SELECT count(*) FROM entries) || ' ' ||"
                   " (SELECT count(DISTINCT id) FROM entries_data)",
                   text);
        sql_run(fix->path, "DELETE FROM entries; DELETE FROM entries_data;"
                           "DELETE FROM ext_files; DELETE FROM guest_links");
    }
}

static void test_publish_refused(void **state)
{
    struct fixture *fix = *state;
    assert_int_equal(publish_through(fix->store, LINK, ID, 1), ERR_NOTFOUND);
    add_link(fix->store, LINK, 0);
    assert_int_equal(publish_through(fix->store, "ABCDEFGH23456789", ID, 1), ERR_NOTFOUND);
    assert_int_equal(change_link(fix->store, LINK, STORE_GUEST_LINK_DISABLE), ERR_OK);
    assert_int_equal(publish_through(fix->store, LINK, ID, 1), ERR_AUTH);
    assert_sql(fix->path, "SELECT count(*) FROM entries_data", "0");
    assert_int_equal(change_link(fix->store, LINK, STORE_GUEST_LINK_ENABLE), ERR_OK);
    assert_int_equal(publish_through(fix->store, LINK, ID, 1), ERR_OK);
    struct store_entry entry;
    assert_int_equal(store_find_entry(fix->store, ID, &entry), ERR_OK);
    assert_string_equal(entry.guest_link_id, LINK);
    store_entry_done(&entry);
    /* A link that only PicoShare can have written takes files too. */
    sql_run(fix->path,
            "INSERT INTO guest_links (id, creation_time) VALUES (%Q, '2024-02-29T12:00:00Z')",
            LINK2);
    assert_int_equal(publish_through(fix->store, LINK2, ID2, 1), ERR_OK);
}

/* A refused upload has rows that can be given up as usual. */
static void test_refused_rows_are_discarded(void **state)
{
    struct fixture *fix = *state;
    add_link(fix->store, LINK, 1);
    assert_int_equal(publish_through(fix->store, LINK, ID, 1), ERR_OK);
    struct store_draft draft;
    store_draft_init(&draft, ID2);
    assert_int_equal(append_chunk(fix->store, &draft, 0, "01234", 5), ERR_OK);
    struct store_new_file file = {
        .draft = &draft, .filename = "f", .content_type = "", .size = 5, .chunks = 1};
    struct store_publish publish;
    store_publish_init(&publish);
    publish.files = &file;
    publish.files_count = 1;
    publish.upload_time = TEST_NOW_S;
    publish.expiration_time = NEVER_S;
    publish.guest_link_id = LINK;
    assert_int_equal(store_run(fix->store, &publish.job), ERR_AUTH);
    assert_false(file_exists(fix->store, ID2));
    struct store_discard discard;
    store_discard_init(&discard);
    discard.draft = &draft;
    assert_int_equal(store_run(fix->store, &discard.job), ERR_OK);
    assert_sql(fix->path, "SELECT group_concat(DISTINCT id) FROM entries_data", ID);
}

/* Publishes and changes of the link that share one transaction, in the order they were asked for.
 */
struct together {
    struct store_publish publish[3];
    struct store_change_guest_link change;
    struct store_draft drafts[3];
    struct store_new_file files[3];
    struct pending pending[4];
    struct gate gate;
};

static void together_publish(struct together *t, struct store *store, size_t i, const char *id)
{
    store_draft_init(&t->drafts[i], id);
    t->files[i] = (struct store_new_file){.draft = &t->drafts[i],
                                          .filename = "f",
                                          .content_type = "",
                                          .size = 3,
                                          .chunks = 1,
                                          .last_chunk = SLICE("abc")};
    store_publish_init(&t->publish[i]);
    t->publish[i].files = &t->files[i];
    t->publish[i].files_count = 1;
    t->publish[i].upload_time = TEST_NOW_S;
    t->publish[i].expiration_time = NEVER_S;
    t->publish[i].guest_link_id = LINK;
    pending_submit(&t->pending[i], store, &t->publish[i].job);
}

static void together_change(struct together *t, struct store *store,
                            enum store_guest_link_change what)
{
    store_change_guest_link_init(&t->change);
    t->change.change = what;
    memcpy(t->change.id, LINK, sizeof t->change.id);
    pending_submit(&t->pending[3], store, &t->change.job);
}

/* Two, three want the last place. */
static void test_last_place(void **state)
{
    struct fixture *fix = *state;
    add_link(fix->store, LINK, 2);
    assert_int_equal(publish_through(fix->store, LINK, "0000000000", 1), ERR_OK);
    struct together t;
    gate_shut(&t.gate, fix->store);
    together_publish(&t, fix->store, 0, ID);
    together_publish(&t, fix->store, 1, ID2);
    together_publish(&t, fix->store, 2, ID3);
    gate_open(&t.gate);
    gate_settle(fix->store);
    assert_int_equal(t.publish[0].job.result, ERR_OK);
    assert_int_equal(t.publish[1].job.result, ERR_AUTH);
    assert_int_equal(t.publish[2].job.result, ERR_AUTH);
    assert_true(file_exists(fix->store, ID));
    assert_int_equal(uploads_of(fix->store, LINK), 2);
    /* When a file goes there is a place again. */
    assert_int_equal(remove_file(fix->store, ID), ERR_OK);
    assert_int_equal(uploads_of(fix->store, LINK), 1);
    assert_int_equal(publish_through(fix->store, LINK, ID2, 1), ERR_OK);
    assert_sound(fix->path);
}

static void test_change_between_publishes(void **state)
{
    struct fixture *fix = *state;
    static const struct {
        enum store_guest_link_change change;
        err_t after;
    } cases[] = {{STORE_GUEST_LINK_DISABLE, ERR_AUTH},
                 {STORE_GUEST_LINK_DELETE, ERR_NOTFOUND},
                 {STORE_GUEST_LINK_ENABLE, ERR_OK}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        add_link(fix->store, LINK, 0);
        struct together t;
        gate_shut(&t.gate, fix->store);
        together_publish(&t, fix->store, 0, ID);
        together_change(&t, fix->store, cases[i].change);
        together_publish(&t, fix->store, 1, ID2);
        gate_open(&t.gate);
        gate_settle(fix->store);
        assert_int_equal(t.publish[0].job.result, ERR_OK);
        assert_int_equal(t.change.job.result, ERR_OK);
        assert_int_equal(t.publish[1].job.result, cases[i].after);
        struct store_entry entry;
        assert_int_equal(store_find_entry(fix->store, ID, &entry), ERR_OK);
        assert_string_equal(entry.guest_link_id,
                            cases[i].change == STORE_GUEST_LINK_DELETE ? "" : LINK);
        store_entry_done(&entry);
        assert_int_equal(file_exists(fix->store, ID2), cases[i].after == ERR_OK);
        sql_run(fix->path, "DELETE FROM entries; DELETE FROM entries_data;"
                           "DELETE FROM ext_files; DELETE FROM guest_links");
    }
}

/* Only files that exist and came through this link count. */
static void test_uploads(void **state)
{
    struct fixture *fix = *state;
    add_link(fix->store, LINK, 0);
    add_link(fix->store, LINK2, 0);
    add_link(fix->store, LINK3, 0);
    assert_int_equal(publish_through(fix->store, LINK, "A000000000", 3), ERR_OK);
    assert_int_equal(publish_through(fix->store, LINK2, "a000000000", 1), ERR_OK);
    store_file(fix->store, ID, "mine", 4, 5, TEST_NOW_S, NEVER_S);
    assert_int_equal(uploads_of(fix->store, LINK), 3);
    assert_int_equal(uploads_of(fix->store, LINK2), 1);
    assert_int_equal(uploads_of(fix->store, LINK3), 0);
    assert_int_equal(remove_file(fix->store, "B000000000"), ERR_OK);
    assert_int_equal(uploads_of(fix->store, LINK), 2);
    assert_list(fix, 0, 10, 0, "c0 b1 a2 ");
    /* An expired file is gone, collected or not. */
    sql_run(fix->path, "UPDATE entries SET expiration_time = '2025-01-01T00:00:00Z'"
                       " WHERE id = 'A000000000'");
    assert_int_equal(uploads_of(fix->store, LINK), 1);
    collect_all(fix->store);
    assert_int_equal(uploads_of(fix->store, LINK), 1);
}

static void test_delete(void **state)
{
    struct fixture *fix = *state;
    add_link(fix->store, LINK, 0);
    add_link(fix->store, LINK2, 0);
    assert_int_equal(publish_through(fix->store, LINK, "A000000000", 3), ERR_OK);
    assert_int_equal(publish_through(fix->store, LINK2, "a000000000", 1), ERR_OK);
    assert_int_equal(change_link(fix->store, LINK, STORE_GUEST_LINK_DELETE), ERR_OK);
    assert_sql(fix->path, "SELECT group_concat(id) FROM guest_links", LINK2);
    assert_sql(fix->path,
               "SELECT group_concat(id || ' ' || typeof(guest_link_id)) FROM"
               " (SELECT * FROM entries ORDER BY id)",
               "A000000000 null,B000000000 null,C000000000 null,a000000000 text");
    assert_file(fix->store, "B000000000", "abc", 3);
    struct store_guest_link link;
    assert_int_equal(store_find_guest_link(fix->store, LINK, &link), ERR_NOTFOUND);
    assert_int_equal(uploads_of(fix->store, LINK2), 1);
    assert_int_equal(change_link(fix->store, LINK, STORE_GUEST_LINK_DELETE), ERR_OK);
    assert_int_equal(change_link(fix->store, "ABCDEFGH23456789", STORE_GUEST_LINK_DELETE), ERR_OK);
    assert_list(fix, 0, 10, 0, "b1 ");
    /* A new link may have the old id; the files stay the owner's. */
    add_link(fix->store, LINK, 0);
    assert_int_equal(uploads_of(fix->store, LINK), 0);
}

/* ---- taking a deletion back ---- */

#define COPIES                                                                                     \
    "SELECT (SELECT count(*) FROM ext_deleted_guest_links) || ' ' ||"                              \
    " (SELECT count(*) FROM ext_deleted_guest_files)"

static void test_restore(void **state)
{
    struct fixture *fix = *state;
    char label[] = "for Ann";
    struct store_guest_link link = {.id = LINK,
                                    .label = label,
                                    .max_file_bytes = 1048576,
                                    .max_file_uploads = 9,
                                    .creation_time = TEST_NOW_S - 3,
                                    .url_expiration_time = TEST_NOW_S + 86400,
                                    .file_lifetime = "24h0m0s",
                                    .disabled = false};
    assert_int_equal(create_link(fix->store, &link), ERR_OK);
    add_link(fix->store, LINK2, 0);
    assert_int_equal(publish_through(fix->store, LINK, "A000000000", 3), ERR_OK);
    assert_int_equal(publish_through(fix->store, LINK2, "a000000000", 1), ERR_OK);
    char place[24];
    sql_ask(fix->path, place, sizeof place, "SELECT rowid FROM guest_links WHERE id = %Q", LINK);
    store_file(fix->store, ID, "mine", 4, 5, TEST_NOW_S, NEVER_S);
    assert_int_equal(change_link(fix->store, LINK, STORE_GUEST_LINK_DISABLE), ERR_OK);
    assert_int_equal(change_link(fix->store, LINK, STORE_GUEST_LINK_DELETE), ERR_OK);
    struct store_guest_link found;
    assert_int_equal(store_find_guest_link(fix->store, LINK, &found), ERR_NOTFOUND);
    assert_sql(fix->path, "SELECT count(*) FROM entries WHERE guest_link_id IS NULL", "4");
    assert_int_equal(publish_through(fix->store, LINK, ID2, 1), ERR_NOTFOUND);
    /* Deleting it once more does not lose it, nor does a start. */
    assert_int_equal(change_link(fix->store, LINK, STORE_GUEST_LINK_DELETE), ERR_OK);
    fixture_reopen(fix);
    assert_int_equal(remove_file(fix->store, "B000000000"), ERR_OK);

    assert_int_equal(change_link(fix->store, LINK, STORE_GUEST_LINK_RESTORE), ERR_OK);
    link.disabled = true;
    link.uploads = 2;
    assert_link(fix->store, &link);
    assert_sql(fix->path,
               "SELECT group_concat(id || ' ' || ifnull(guest_link_id, '-')) FROM"
               " (SELECT * FROM entries ORDER BY id)",
               "A000000000 " LINK ",C000000000 " LINK ",a000000000 " LINK2 "," ID " -");
    assert_sql(fix->path, "SELECT rowid FROM guest_links WHERE id = '" LINK "'", place);
    assert_sql(fix->path, COPIES, "0 0");
    assert_int_equal(change_link(fix->store, LINK, STORE_GUEST_LINK_RESTORE), ERR_NOTFOUND);
    assert_sound(fix->path);

    /* Its place in the list may have been taken. */
    assert_int_equal(change_link(fix->store, LINK, STORE_GUEST_LINK_DELETE), ERR_OK);
    sql_run(fix->path, "UPDATE guest_links SET rowid = %s WHERE id = %Q", place, LINK2);
    assert_int_equal(change_link(fix->store, LINK, STORE_GUEST_LINK_RESTORE), ERR_OK);
    assert_int_equal(uploads_of(fix->store, LINK), 2);
}

static void test_restore_refused(void **state)
{
    struct fixture *fix = *state;
    assert_int_equal(change_link(fix->store, LINK, STORE_GUEST_LINK_RESTORE), ERR_NOTFOUND);
    add_link(fix->store, LINK, 0);
    assert_int_equal(change_link(fix->store, LINK, STORE_GUEST_LINK_RESTORE), ERR_NOTFOUND);
    assert_int_equal(publish_through(fix->store, LINK, ID, 1), ERR_OK);
    assert_int_equal(change_link(fix->store, LINK, STORE_GUEST_LINK_DELETE), ERR_OK);
    /* Another link has the id meanwhile: neither gets the other's files. */
    add_link(fix->store, LINK, 3);
    assert_int_equal(change_link(fix->store, LINK, STORE_GUEST_LINK_RESTORE), ERR_EXISTS);
    assert_int_equal(uploads_of(fix->store, LINK), 0);
    assert_int_equal(change_link(fix->store, LINK, STORE_GUEST_LINK_DELETE), ERR_OK);
    assert_int_equal(change_link(fix->store, LINK, STORE_GUEST_LINK_RESTORE), ERR_OK);
    struct store_guest_link link;
    assert_int_equal(store_find_guest_link(fix->store, LINK, &link), ERR_OK);
    assert_int_equal(link.max_file_uploads, 3);
    assert_int_equal(link.uploads, 0);
    store_guest_link_done(&link);
}

/* A copy serves for ten minutes; the next deletion, or a collection, drops it. */
static void test_copies_end(void **state)
{
    struct fixture *fix = *state;
    for (int collecting = 0; collecting < 2; collecting++) {
        add_link(fix->store, LINK, 0);
        add_link(fix->store, LINK2, 0);
        assert_int_equal(publish_through(fix->store, LINK, ID, 1), ERR_OK);
        assert_int_equal(change_link(fix->store, LINK, STORE_GUEST_LINK_DELETE), ERR_OK);
        fix->clock.now_s += UNDO_S - 1;
        collect_all(fix->store);
        assert_sql(fix->path, COPIES, "1 1");
        fix->clock.now_s += 1;
        assert_int_equal(change_link(fix->store, LINK, STORE_GUEST_LINK_RESTORE), ERR_NOTFOUND);
        assert_sql(fix->path, COPIES, "1 1");
        if (collecting) {
            collect_all(fix->store);
            assert_sql(fix->path, COPIES, "0 0");
        } else {
            assert_int_equal(change_link(fix->store, LINK2, STORE_GUEST_LINK_DELETE), ERR_OK);
            assert_sql(fix->path, COPIES, "1 0");
        }
        assert_file(fix->store, ID, "abc", 3);
        sql_run(fix->path, "DELETE FROM entries; DELETE FROM entries_data; DELETE FROM ext_files;"
                           "DELETE FROM guest_links; DELETE FROM ext_deleted_guest_links");
    }
}

/* ---- failures ---- */

static void test_failing_disk(void **state)
{
    static const struct {
        enum fault_kind kind;
        err_t err;
    } cases[] = {{FAULT_FULL, ERR_FULL}, {FAULT_IO, ERR_IO}};
    struct fixture *fix = *state;
    char label[] = "";
    const struct store_guest_link link = {.id = LINK2,
                                          .label = label,
                                          .creation_time = TEST_NOW_S,
                                          .url_expiration_time = NEVER_S,
                                          .file_lifetime = "24h0m0s"};
    add_link(fix->store, LINK, 0);
    assert_int_equal(publish_through(fix->store, LINK, ID, 1), ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        fault_set(cases[i].kind, 0, true);
        err_t created = create_link(fix->store, &link);
        err_t disabled = change_link(fix->store, LINK, STORE_GUEST_LINK_DISABLE);
        err_t deleted = change_link(fix->store, LINK, STORE_GUEST_LINK_DELETE);
        fault_lift();
        assert_int_equal(created, cases[i].err);
        assert_int_equal(disabled, cases[i].err);
        assert_int_equal(deleted, cases[i].err);
        assert_sql(fix->path, "SELECT group_concat(id || is_disabled) FROM guest_links", LINK "0");
        assert_int_equal(uploads_of(fix->store, LINK), 1);
    }
    fault.syncs = 0;
    assert_int_equal(create_link(fix->store, &link), ERR_OK);
    assert_true(fault.syncs > 0);
    fault.syncs = 0;
    assert_int_equal(change_link(fix->store, LINK, STORE_GUEST_LINK_DISABLE), ERR_OK);
    assert_true(fault.syncs > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_create_and_find),
        fixture_test(test_find_unknown),
        fixture_test(test_create_twice),
        fixture_test(test_foreign_values),
        fixture_test(test_list),
        fixture_test(test_list_is_complete),
        fixture_test(test_enable_and_disable),
        fixture_test(test_publish_limits),
        fixture_test(test_publish_refused),
        fixture_test(test_refused_rows_are_discarded),
        fixture_test(test_last_place),
        fixture_test(test_change_between_publishes),
        fixture_test(test_uploads),
        fixture_test(test_delete),
        fixture_test(test_restore),
        fixture_test(test_restore_refused),
        fixture_test(test_copies_end),
        fault_test(test_failing_disk),
    };
    return cmocka_run_group_tests(tests, fault_vfs_setup, NULL);
}
