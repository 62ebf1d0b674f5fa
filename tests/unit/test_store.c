#include "picoshare/base/limits.h"
#include "picoshare/base/mem.h"
#include "picoshare/base/num.h"
#include "support.h"

#define ID "abcdefghij"
#define ID2 "klmnopqrst"
#define ID3 "uvwxyzABCD"

/* ---- storing and reading ---- */

static void assert_rows(const struct fixture *fix, const char *want)
{
    assert_sql(fix->path,
               "SELECT group_concat(chunk_index || ':' || CAST(chunk AS TEXT)) FROM"
               " (SELECT * FROM entries_data ORDER BY chunk_index)",
               want);
}

static void test_rows_of_a_file(void **state)
{
    struct fixture *fix = *state;
    static const struct {
        const char *bytes;
        size_t chunk_bytes;
        const char *rows;
    } cases[] = {
        {"hello, world!", 25, "0:hello, world!"},
        {"01234", 5, "0:01234"},
        {"0123456", 5, "0:01234,1:56"},
        {"0123456789", 5, "0:01234,1:56789"},
        {"x", 1, "0:x"},
        {"abc", 1, "0:a,1:b,2:c"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t len = strlen(cases[i].bytes);
        store_file(fix->store, ID, cases[i].bytes, len, cases[i].chunk_bytes, TEST_NOW_S, NEVER_S);
        assert_rows(fix, cases[i].rows);
        assert_file(fix->store, ID, cases[i].bytes, len);
        sql_run(fix->path, "DELETE FROM entries; DELETE FROM entries_data");
    }
}

static void test_sizes_round_the_chunk(void **state)
{
    struct fixture *fix = *state;
    static const size_t sizes[] = {
        1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES + 12345};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        char *bytes = make_bytes(i, sizes[i]);
        char id[ENTRY_ID_LEN + 1];
        (void)snprintf(id, sizeof id, "size%06zu", i);
        store_file(fix->store, id, bytes, sizes[i], CHUNK_BYTES, TEST_NOW_S, NEVER_S);
        assert_file(fix->store, id, bytes, sizes[i]);
        fixture_reopen(fix);
        assert_file(fix->store, id, bytes, sizes[i]);
        free(bytes);
    }
    assert_sound(fix->path);
}

/* Columns exactly as PicoShare reads them. */
static void test_columns_of_an_entry(void **state)
{
    struct fixture *fix = *state;
    struct store_draft draft;
    store_draft_init(&draft, "0123456789"); /* all digits, and still a text */
    struct store_new_file file = {.draft = &draft,
                                  .filename = "\xc3\xa4 'quoted'\".txt",
                                  .content_type = "",
                                  .size = 3,
                                  .chunks = 1,
                                  .last_chunk = SLICE("abc")};
    assert_int_equal(sha256_of(SLICE("abc"), file.sha256), ERR_OK);
    struct store_publish publish;
    store_publish_init(&publish);
    publish.files = &file;
    publish.files_count = 1;
    publish.upload_time = TEST_NOW_S + 3723;
    publish.expiration_time = TEST_NOW_S + 86400 + 59;
    publish.note = "a note";
    publish.guest_link_id = "0123456789abcdef";
    assert_int_equal(store_run(fix->store, &publish.job), ERR_NOTFOUND); /* no such link */
    char label[] = "";
    const struct store_guest_link link = {.id = "0123456789abcdef",
                                          .label = label,
                                          .creation_time = TEST_NOW_S,
                                          .url_expiration_time = NEVER_S,
                                          .file_lifetime = "24h0m0s"};
    struct store_create_guest_link create;
    store_create_guest_link_init(&create);
    create.link = &link;
    assert_int_equal(store_run(fix->store, &create.job), ERR_OK);
    assert_int_equal(store_run(fix->store, &publish.job), ERR_OK);
    static const struct {
        const char *sql, *want;
    } cases[] = {
        {"SELECT typeof(id) || ' ' || id FROM entries", "text 0123456789"},
        {"SELECT filename FROM entries", "\xc3\xa4 'quoted'\".txt"},
        {"SELECT typeof(content_type) || content_type FROM entries", "text"},
        {"SELECT upload_time FROM entries", "2026-01-01T01:02:03Z"},
        {"SELECT expiration_time FROM entries", "2026-01-02T00:00:59Z"},
        {"SELECT guest_link_id FROM entries", "0123456789abcdef"},
        {"SELECT note FROM entries", "a note"},
        {"SELECT typeof(id) || ' ' || typeof(chunk) FROM entries_data", "text blob"},
        {"SELECT size || ' ' || lower(hex(sha256)) FROM ext_files WHERE id = '0123456789'",
         "3 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_sql(fix->path, cases[i].sql, cases[i].want);
    }
    struct store_entry entry;
    assert_int_equal(store_find_entry(fix->store, "0123456789", &entry), ERR_OK);
    assert_string_equal(entry.id, "0123456789");
    assert_string_equal(entry.filename, file.filename);
    assert_string_equal(entry.content_type, "");
    assert_string_equal(entry.note, "a note");
    assert_int_equal(entry.upload_time, publish.upload_time);
    assert_int_equal(entry.expiration_time, publish.expiration_time);
    assert_int_equal(entry.size, 3);
    assert_true(entry.has_sha256);
    assert_memory_equal(entry.sha256, file.sha256, SHA256_BYTES);
    store_entry_done(&entry);
    assert_null(entry.filename);
}

static void test_never_and_no_note(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, ID, "x", 1, 5, TEST_NOW_S, NEVER_S);
    assert_sql(fix->path, "SELECT expiration_time FROM entries", "2999-12-31T00:00:00Z");
    assert_sql(fix->path, "SELECT typeof(note) || ' ' || typeof(guest_link_id) FROM entries",
               "null null");
    struct store_entry entry;
    assert_int_equal(store_find_entry(fix->store, ID, &entry), ERR_OK);
    assert_int_equal(entry.expiration_time, NEVER_S);
    assert_null(entry.note);
    store_entry_done(&entry);
}

/* A draft is nowhere to be seen. */
static void test_invisible_until_published(void **state)
{
    struct fixture *fix = *state;
    struct store_draft draft;
    store_draft_init(&draft, ID);
    assert_int_equal(append_chunk(fix->store, &draft, 0, "abc", 3), ERR_OK);
    assert_false(file_exists(fix->store, ID));
    struct store_new_file file = {
        .draft = &draft, .filename = "f", .content_type = "", .size = 3, .chunks = 1};
    assert_int_equal(publish_files(fix->store, &file, 1, TEST_NOW_S, NEVER_S), ERR_OK);
    assert_file(fix->store, ID, "abc", 3);
}

/* ---- all or none ---- */

static void test_publish_incomplete(void **state)
{
    struct fixture *fix = *state;
    static const struct {
        int64_t appended[3]; /* indexes; -1: none */
        int64_t chunks;
        const char *last;
        err_t want;
    } cases[] = {
        {{-1, -1, -1}, 1, "", ERR_INTERNAL}, {{-1, -1, -1}, 0, "", ERR_INTERNAL},
        {{0, -1, -1}, 2, "", ERR_INTERNAL},  {{1, -1, -1}, 1, "", ERR_INTERNAL},
        {{0, 2, -1}, 2, "", ERR_INTERNAL},   {{0, 2, -1}, 3, "", ERR_INTERNAL},
        {{0, 1, 2}, 2, "", ERR_INTERNAL},    {{0, -1, -1}, 3, "z", ERR_INTERNAL},
        {{1, 2, -1}, 4, "z", ERR_INTERNAL},  {{0, 1, -1}, 2, "z", ERR_EXISTS},
        {{0, 1, -1}, 3, "z", ERR_OK},        {{0, 1, 2}, 3, "", ERR_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct store_draft draft;
        char id[ENTRY_ID_LEN + 1];
        (void)snprintf(id, sizeof id, "case%06zu", i);
        store_draft_init(&draft, id);
        for (size_t k = 0; k < 3 && cases[i].appended[k] >= 0; k++) {
            assert_int_equal(append_chunk(fix->store, &draft, cases[i].appended[k], "a", 1),
                             ERR_OK);
        }
        struct store_new_file file = {.draft = &draft,
                                      .filename = "f",
                                      .content_type = "",
                                      .chunks = cases[i].chunks,
                                      .last_chunk = slice_str(cases[i].last)};
        err_t err = publish_files(fix->store, &file, 1, TEST_NOW_S, NEVER_S);
        if (err != cases[i].want || file_exists(fix->store, id) != (err == ERR_OK)) {
            fail_msg("case %zu: %s", i, err_name(err));
        }
        struct store_discard discard;
        store_discard_init(&discard);
        discard.draft = &draft;
        if (err != ERR_OK) {
            assert_int_equal(store_run(fix->store, &discard.job), ERR_OK);
        }
    }
    assert_sql(fix->path, "SELECT count(*) FROM entries_data", "6"); /* of the last two */
}

static void test_publish_several(void **state)
{
    struct fixture *fix = *state;
    static const char *const ids[] = {ID, ID2, ID3};
    struct store_draft drafts[3];
    struct store_new_file files[3];
    for (size_t i = 0; i < 3; i++) {
        store_draft_init(&drafts[i], ids[i]);
        files[i] = (struct store_new_file){.draft = &drafts[i],
                                           .filename = ids[i],
                                           .content_type = "",
                                           .size = 2,
                                           .chunks = 2,
                                           .last_chunk = SLICE("y")};
    }
    assert_int_equal(append_chunk(fix->store, &drafts[0], 0, "a", 1), ERR_OK);
    assert_int_equal(append_chunk(fix->store, &drafts[2], 0, "c", 1), ERR_OK);
    /* The second one's first chunk is missing: none of the three appears, nor their last chunks. */
    assert_int_equal(publish_files(fix->store, files, 3, TEST_NOW_S, NEVER_S), ERR_INTERNAL);
    for (size_t i = 0; i < 3; i++) {
        assert_false(file_exists(fix->store, ids[i]));
    }
    assert_sql(fix->path, "SELECT count(*) FROM entries", "0");
    assert_sql(fix->path, "SELECT count(*) FROM ext_files", "0");
    assert_sql(fix->path, "SELECT count(*) FROM entries_data", "2");
    assert_int_equal(append_chunk(fix->store, &drafts[1], 0, "b", 1), ERR_OK);
    assert_int_equal(publish_files(fix->store, files, 3, TEST_NOW_S, NEVER_S), ERR_OK);
    assert_file(fix->store, ID, "ay", 2);
    assert_file(fix->store, ID2, "by", 2);
    assert_file(fix->store, ID3, "cy", 2);
}

static void test_ids_are_taken_once(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, ID, "first", 5, 5, TEST_NOW_S, NEVER_S);
    struct store_draft draft;
    store_draft_init(&draft, ID);
    assert_int_equal(append_chunk(fix->store, &draft, 0, "z", 1), ERR_EXISTS);
    /* Nor any other row: it would become part of the file. */
    assert_int_equal(append_chunk(fix->store, &draft, 1, "z", 1), ERR_EXISTS);
    assert_file(fix->store, ID, "first", 5);
    struct store_new_file file = {.draft = &draft,
                                  .filename = "f",
                                  .content_type = "",
                                  .size = 1,
                                  .chunks = 1,
                                  .last_chunk = SLICE("z")};
    assert_int_equal(publish_files(fix->store, &file, 1, TEST_NOW_S, NEVER_S), ERR_EXISTS);
    assert_file(fix->store, ID, "first", 5);
    /* An unlucky draft that is given up takes no rows of the file that has its id. */
    struct store_discard discard;
    store_discard_init(&discard);
    discard.draft = &draft;
    assert_int_equal(store_run(fix->store, &discard.job), ERR_OK);
    assert_file(fix->store, ID, "first", 5);
}

/* The same of two drafts: the one that came later fails, and leaves the other alone. */
static void test_ids_of_drafts(void **state)
{
    struct fixture *fix = *state;
    struct store_draft drafts[2];
    store_draft_init(&drafts[0], ID);
    store_draft_init(&drafts[1], ID);
    assert_int_equal(append_chunk(fix->store, &drafts[0], 0, "ab", 2), ERR_OK);
    assert_int_equal(append_chunk(fix->store, &drafts[1], 0, "z", 1), ERR_EXISTS);
    assert_int_equal(append_chunk(fix->store, &drafts[1], 1, "z", 1), ERR_EXISTS);
    struct store_discard discard;
    store_discard_init(&discard);
    discard.draft = &drafts[1];
    assert_int_equal(store_run(fix->store, &discard.job), ERR_OK);
    assert_int_equal(append_chunk(fix->store, &drafts[0], 1, "cd", 2), ERR_OK);
    struct store_new_file file = {
        .draft = &drafts[0], .filename = "f", .content_type = "", .size = 4, .chunks = 2};
    assert_int_equal(publish_files(fix->store, &file, 1, TEST_NOW_S, NEVER_S), ERR_OK);
    assert_file(fix->store, ID, "abcd", 4);
}

static void test_discard(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, ID2, "kept", 4, 1, TEST_NOW_S, NEVER_S);
    struct store_draft draft;
    store_draft_init(&draft, ID);
    for (int64_t i = 0; i < 50; i++) {
        assert_int_equal(append_chunk(fix->store, &draft, i, "abc", 3), ERR_OK);
    }
    assert_sql(fix->path, "SELECT count(*) FROM entries_data WHERE id = '" ID "'", "50");
    fix->clock.step_ms = SLICE_MS / 2; /* so that it takes many slices */
    struct store_discard discard;
    store_discard_init(&discard);
    discard.draft = &draft;
    assert_int_equal(store_run(fix->store, &discard.job), ERR_OK);
    assert_sql(fix->path, "SELECT count(*) FROM entries_data WHERE id = '" ID "'", "0");
    assert_file(fix->store, ID2, "kept", 4);
    /* Once more, with nothing to do. */
    store_discard_init(&discard);
    discard.draft = &draft;
    assert_int_equal(store_run(fix->store, &discard.job), ERR_OK);
}

/* ---- reading ---- */

static void test_read_chunk(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, ID, "0123456", 7, 5, TEST_NOW_S, NEVER_S);
    static const struct {
        const char *id;
        int64_t index;
        size_t row_bytes, offset, len;
        err_t err;
        const char *want;
    } cases[] = {
        {ID, 0, 5, 0, 5, ERR_OK, "01234"},     {ID, 0, 5, 4, 1, ERR_OK, "4"},
        {ID, 0, 5, 1, 3, ERR_OK, "123"},       {ID, 1, 2, 0, 2, ERR_OK, "56"},
        {ID, 1, 2, 1, 1, ERR_OK, "6"},         {ID, 0, 5, 5, 0, ERR_OK, ""},
        {ID, 0, 6, 0, 6, ERR_CORRUPT, NULL},   {ID, 0, 6, 0, 1, ERR_CORRUPT, NULL},
        {ID, 0, 4, 0, 1, ERR_CORRUPT, NULL},   {ID, 1, 5, 0, 2, ERR_CORRUPT, NULL},
        {ID, 1, 5, 2, 3, ERR_CORRUPT, NULL},   {ID, 1, 1000001, 1000000, 1, ERR_CORRUPT, NULL},
        {ID, 2, 1, 0, 1, ERR_NOTFOUND, NULL},  {ID, -1, 1, 0, 1, ERR_NOTFOUND, NULL},
        {ID2, 0, 1, 0, 1, ERR_NOTFOUND, NULL}, {"", 0, 1, 0, 1, ERR_NOTFOUND, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char got[8] = "zzzzzzz";
        err_t err = store_read_chunk(fix->store, cases[i].id, cases[i].index, cases[i].row_bytes,
                                     cases[i].offset, got, cases[i].len);
        if (err != cases[i].err ||
            (err == ERR_OK && memcmp(got, cases[i].want, cases[i].len) != 0)) {
            fail_msg("case %zu: %s", i, err_name(err));
        }
        assert_int_equal(got[cases[i].len], 'z');
    }
}

/* The rows may come from any writer (database.md 3.4). */
static void test_foreign_layouts(void **state)
{
    struct fixture *fix = *state;
    static const struct {
        const char *rows; /* of entries_data, for the id */
        err_t err;
        int64_t size;
        size_t chunk_bytes;
    } cases[] = {
        {"(?,0,zeroblob(7))", ERR_OK, 7, 7},
        {"(?,0,zeroblob(4096)),(?,1,zeroblob(4096)),(?,2,zeroblob(100))", ERR_OK, 8292, 4096},
        {"(?,1,zeroblob(5)),(?,0,zeroblob(5))", ERR_OK, 10, 5},
        {"(?,0,zeroblob(1000000)),(?,1,zeroblob(1))", ERR_OK, 1000001, 1000000},
        /* a hole is only found when it is read */
        {"(?,0,zeroblob(5)),(?,2,zeroblob(3))", ERR_OK, 13, 5},
        {NULL, ERR_NOTFOUND, 0, 0},
        {"(?,0,x'')", ERR_CORRUPT, 0, 0},
        {"(?,0,x''),(?,1,x'')", ERR_CORRUPT, 0, 0},
        {"(?,0,zeroblob(5)),(?,1,x'')", ERR_CORRUPT, 0, 0},
        {"(?,0,x''),(?,1,zeroblob(5))", ERR_CORRUPT, 0, 0},
        {"(?,0,zeroblob(5)),(?,1,zeroblob(6))", ERR_CORRUPT, 0, 0},
        {"(?,1,zeroblob(5))", ERR_CORRUPT, 0, 0},
        {"(?,0,zeroblob(5)),(?,9223372036854775807,zeroblob(5))", ERR_CORRUPT, 0, 0},
        /* 2^63 bytes, one too many */
        {"(?,0,zeroblob(2)),(?,4611686018427387903,zeroblob(2))", ERR_CORRUPT, 0, 0},
        {"(?,0,zeroblob(2)),(?,4611686018427387903,zeroblob(1))", ERR_OK, INT64_MAX, 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char id[ENTRY_ID_LEN + 1];
        (void)snprintf(id, sizeof id, "case%06zu", i);
        sql_run(fix->path,
                "INSERT INTO entries (id, filename, content_type, upload_time)"
                " VALUES (%Q, 'f', '', '2024-01-01T00:00:00Z')",
                id);
        if (cases[i].rows != NULL) {
            sqlite3 *db = sql_open(fix->path);
            char *sql = sqlite3_mprintf("INSERT INTO entries_data VALUES %s", cases[i].rows);
            sqlite3_stmt *stmt = NULL;
            assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
            for (int k = 1; k <= sqlite3_bind_parameter_count(stmt); k++) {
                assert_int_equal(sqlite3_bind_text(stmt, k, id, -1, SQLITE_STATIC), SQLITE_OK);
            }
            assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
            assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
            sqlite3_free(sql);
            assert_int_equal(sqlite3_close(db), SQLITE_OK);
        }
        struct store_entry entry;
        err_t err = store_find_entry(fix->store, id, &entry);
        if (err != cases[i].err) {
            fail_msg("%s: %s", cases[i].rows, err_name(err));
        }
        if (err == ERR_OK) {
            assert_int_equal(entry.size, cases[i].size);
            assert_int_equal(entry.chunk_bytes, cases[i].chunk_bytes);
            assert_false(entry.has_sha256);
            store_entry_done(&entry);
        }
    }
}

static void test_foreign_values(void **state)
{
    struct fixture *fix = *state;
    static const struct {
        const char *upload, *expiration; /* as SQL */
        int64_t upload_s, expiration_s;
    } cases[] = {
        {"'2026-01-01T00:00:00Z'", "'2026-01-01T01:00:00Z'", TEST_NOW_S, TEST_NOW_S + 3600},
        {"'2026-01-01 00:00:00'", "NULL", TEST_NOW_S, NEVER_S},
        {"'2026-01-01T02:00:00+02:00'", "'2999-12-31T00:00:00Z'", TEST_NOW_S, NEVER_S},
        {"'2026-01-01T00:00:00.999Z'", "'9999-12-31T23:59:59Z'", TEST_NOW_S, 253402300799},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        sql_run(fix->path,
                "DELETE FROM entries; INSERT INTO entries VALUES (%Q, 'f', 't', %s, %s, '', '');"
                "INSERT OR IGNORE INTO entries_data VALUES (%Q, 0, x'00')",
                ID, cases[i].upload, cases[i].expiration, ID);
        struct store_entry entry;
        assert_int_equal(store_find_entry(fix->store, ID, &entry), ERR_OK);
        assert_int_equal(entry.upload_time, cases[i].upload_s);
        assert_int_equal(entry.expiration_time, cases[i].expiration_s);
        assert_string_equal(entry.note, "");
        store_entry_done(&entry);
    }
}

static void test_find_unknown(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, ID, "x", 1, 5, TEST_NOW_S, NEVER_S);
    static const char *const ids[] = {"",           "abcdefghi",  "abcdefghijk",
                                      "ABCDEFGHIJ", "abcdefghi%", "'; --"};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        assert_false(file_exists(fix->store, ids[i]));
    }
    assert_true(file_exists(fix->store, ID));
    /* Whether it has expired is not the store's business. */
    store_file(fix->store, ID2, "x", 1, 5, TEST_NOW_S - 100, TEST_NOW_S - 50);
    assert_true(file_exists(fix->store, ID2));
}

static void test_find_no_memory(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, ID, "x", 1, 5, TEST_NOW_S, NEVER_S);
    sql_run(fix->path, "UPDATE entries SET note = 'n'");
    int64_t n = 0;
    err_t err = ERR_NOMEM;
    for (; err == ERR_NOMEM; n++) {
        struct store_entry entry = {.filename = NULL};
        mem_fail_after(n);
        err = store_find_entry(fix->store, ID, &entry);
        mem_fail_after(-1);
        assert_true(err == ERR_OK || err == ERR_NOMEM);
        assert_int_equal(entry.filename != NULL, err == ERR_OK);
        store_entry_done(&entry);
    }
    assert_true(n >= 4); /* three strings */
}

/* ---- settings, meta, sessions, history ---- */

static void test_default_days(void **state)
{
    struct fixture *fix = *state;
    static const struct {
        const char *sql;
        int64_t days;
    } cases[] = {
        {"SELECT 1", 30},
        {"UPDATE settings SET default_expiration_in_days = 7", 7},
        {"UPDATE settings SET default_expiration_in_days = 36500", 36500},
        {"UPDATE settings SET default_expiration_in_days = NULL", 30},
        {"DELETE FROM settings", 30},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        sql_run(fix->path, "%s", cases[i].sql);
        int64_t days = 0;
        assert_int_equal(store_default_days(fix->store, &days), ERR_OK);
        assert_int_equal(days, cases[i].days);
    }
}

static void set_meta(struct store *store, const char *key, const char *value)
{
    struct store_set_meta set;
    store_set_meta_init(&set);
    set.key = key;
    set.value = value;
    assert_int_equal(store_run(store, &set.job), ERR_OK);
}

static void test_meta(void **state)
{
    struct fixture *fix = *state;
    char value[6] = "zzzzz";
    assert_int_equal(store_get_meta(fix->store, "key", value, sizeof value), ERR_NOTFOUND);
    set_meta(fix->store, "key", "one");
    set_meta(fix->store, "other", "two");
    assert_int_equal(store_get_meta(fix->store, "key", value, sizeof value), ERR_OK);
    assert_string_equal(value, "one");
    set_meta(fix->store, "key", "12345");
    fixture_reopen(fix);
    assert_int_equal(store_get_meta(fix->store, "key", value, sizeof value), ERR_OK);
    assert_string_equal(value, "12345");
    set_meta(fix->store, "key", "123456");
    assert_int_equal(store_get_meta(fix->store, "key", value, sizeof value), ERR_TOOBIG);
    assert_int_equal(store_get_meta(fix->store, "other", value, sizeof value), ERR_OK);
    assert_string_equal(value, "two");
}

static err_t change_session(struct store *store, enum store_session_change change, uint8_t token,
                            int64_t now, int64_t expires)
{
    struct store_change_session job;
    store_change_session_init(&job);
    job.change = change;
    memset(job.token_sha256, token, SHA256_BYTES);
    job.now = now;
    job.expires = expires;
    job.client_ip = "192.0.2.1";
    job.user_agent = "agent";
    return store_run(store, &job.job);
}

static err_t find_session(struct store *store, uint8_t token, struct store_session *ret_session)
{
    uint8_t sha256[SHA256_BYTES];
    memset(sha256, token, sizeof sha256);
    return store_find_session(store, sha256, ret_session);
}

static void test_sessions(void **state)
{
    struct fixture *fix = *state;
    struct store_session session;
    assert_int_equal(find_session(fix->store, 1, &session), ERR_NOTFOUND);
    for (uint8_t i = 1; i <= 3; i++) {
        assert_int_equal(change_session(fix->store, STORE_SESSION_CREATE, i, 100 * i, 1000 * i),
                         ERR_OK);
    }
    assert_int_equal(change_session(fix->store, STORE_SESSION_CREATE, 1, 5, 5), ERR_EXISTS);
    assert_int_equal(find_session(fix->store, 1, &session), ERR_OK);
    assert_int_equal(session.last_used, 100);
    assert_int_equal(session.expires, 1000);
    assert_int_equal(session.token_sha256[31], 1);
    assert_sql(fix->path,
               "SELECT created || client_ip || user_agent FROM ext_sessions"
               " WHERE expires = 2000",
               "200192.0.2.1agent");
    assert_int_equal(change_session(fix->store, STORE_SESSION_TOUCH, 1, 150, 1500), ERR_OK);
    assert_int_equal(find_session(fix->store, 1, &session), ERR_OK);
    assert_int_equal(session.last_used, 150);
    assert_int_equal(session.expires, 1500);
    assert_int_equal(find_session(fix->store, 2, &session), ERR_OK);
    assert_int_equal(session.last_used, 200);
    assert_int_equal(change_session(fix->store, STORE_SESSION_DELETE, 2, 0, 0), ERR_OK);
    assert_int_equal(find_session(fix->store, 2, &session), ERR_NOTFOUND);
    assert_int_equal(find_session(fix->store, 3, &session), ERR_OK);
    /* Neither of these brings one to life. */
    assert_int_equal(change_session(fix->store, STORE_SESSION_DELETE, 2, 0, 0), ERR_OK);
    assert_int_equal(change_session(fix->store, STORE_SESSION_TOUCH, 2, 1, 1), ERR_OK);
    assert_int_equal(find_session(fix->store, 2, &session), ERR_NOTFOUND);
    fixture_reopen(fix);
    assert_int_equal(find_session(fix->store, 3, &session), ERR_OK);
    assert_int_equal(change_session(fix->store, STORE_SESSION_DELETE_ALL, 0, 0, 0), ERR_OK);
    assert_sql(fix->path, "SELECT count(*) FROM ext_sessions", "0");
    assert_int_equal(change_session(fix->store, (enum store_session_change)77, 0, 0, 0),
                     ERR_INTERNAL);
}

static void test_download_history(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, ID, "x", 1, 5, TEST_NOW_S, NEVER_S);
    store_file(fix->store, ID2, "x", 1, 5, TEST_NOW_S, NEVER_S);
    static const struct {
        const char *id;
        int64_t at; /* seconds from now */
        const char *ip, *agent;
        bool counts;
    } cases[] = {
        {ID, 0, "192.0.2.1", "curl", true},
        {ID, 0, "192.0.2.1", "curl", false},
        {ID, 29, "192.0.2.1", "curl", false},
        {ID, 29, "192.0.2.2", "curl", true},
        {ID, 29, "192.0.2.1", "", true},
        {ID2, 29, "192.0.2.1", "curl", true},
        /* what did not count starts no new time */
        {ID, 30, "192.0.2.1", "curl", true},
        {ID, 59, "192.0.2.1", "curl", false},
        {ID, 60, "192.0.2.1", "curl", true},
        {"nosuchfile", 0, "192.0.2.1", "curl", false},
    };
    int count = 0;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct store_record_download record;
        store_record_download_init(&record);
        assert_true(slice_copy(slice_str(cases[i].id), record.entry_id, sizeof record.entry_id));
        record.time = TEST_NOW_S + cases[i].at;
        record.client_ip = cases[i].ip;
        record.user_agent = cases[i].agent;
        assert_int_equal(store_run(fix->store, &record.job), ERR_OK);
        count += cases[i].counts;
        char want[16];
        (void)snprintf(want, sizeof want, "%d", count);
        assert_sql(fix->path, "SELECT count(*) FROM downloads", want);
    }
    assert_sql(fix->path,
               "SELECT group_concat(entry_id || ' ' || download_timestamp || ' ' || client_ip ||"
               " ' ' || user_agent) FROM (SELECT * FROM downloads ORDER BY rowid LIMIT 1)",
               ID " 2026-01-01T00:00:00Z 192.0.2.1 curl");
    assert_sound(fix->path);
}

static void record_download(struct store *store, const char *id, int64_t time, const char *agent)
{
    struct store_record_download record;
    store_record_download_init(&record);
    assert_true(slice_copy(slice_str(id), record.entry_id, sizeof record.entry_id));
    record.time = time;
    record.client_ip = "192.0.2.1";
    record.user_agent = agent;
    assert_int_equal(store_run(store, &record.job), ERR_OK);
}

/* The oldest downloads of a file go when there are too many, and those of no other file. */
static void test_download_history_is_bounded(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, ID, "x", 1, 5, TEST_NOW_S, NEVER_S);
    store_file(fix->store, ID2, "x", 1, 5, TEST_NOW_S, NEVER_S);
    record_download(fix->store, ID2, TEST_NOW_S - 100000, "other");
    sql_run(fix->path,
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
            " INSERT INTO downloads (entry_id, download_timestamp, client_ip, user_agent)"
            " SELECT '" ID "', strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ', %d - i, 'unixepoch'),"
            " '192.0.2.1', 'old' || i FROM n",
            HISTORY_MAX_ROWS + 200, TEST_NOW_S);
    for (int i = 0; i < HISTORY_PRUNE_EVERY; i++) {
        char agent[16];
        (void)snprintf(agent, sizeof agent, "new%d", i);
        record_download(fix->store, ID, TEST_NOW_S + i, agent);
    }
    char text[32];
    sql_ask(fix->path, text, sizeof text,
            "SELECT count(*) FROM downloads WHERE entry_id = '" ID "'");
    uint64_t rows = 0;
    assert_int_equal(num_parse_u64(slice_str(text), HISTORY_MAX_ROWS,
                                   HISTORY_MAX_ROWS + HISTORY_PRUNE_EVERY, &rows),
                     ERR_OK);
    char want[32];
    (void)snprintf(want, sizeof want, "%d", HISTORY_PRUNE_EVERY);
    assert_sql(fix->path, "SELECT count(*) FROM downloads WHERE user_agent LIKE 'new%'", want);
    /* What is left of the rest is its newer end, without a gap. */
    (void)snprintf(want, sizeof want, "1 %d", (int)rows - HISTORY_PRUNE_EVERY);
    assert_sql(fix->path,
               "SELECT min(i) || ' ' || max(i) FROM (SELECT CAST(substr(user_agent, 4) AS INTEGER)"
               " AS i FROM downloads WHERE user_agent LIKE 'old%')",
               want);
    assert_sql(fix->path, "SELECT user_agent FROM downloads WHERE entry_id = '" ID2 "'", "other");
}

/* The owner may want fewer of them, or more: a short history is never longer than that. */
static void test_download_history_of_a_chosen_length(void **state)
{
    enum { ROWS = 3 };
    struct fixture *fix = *state;
    store_file(fix->store, ID, "x", 1, 5, TEST_NOW_S, NEVER_S);
    fix->options.history_rows = ROWS;
    fixture_reopen(fix);
    for (int i = 0; i < 2 * ROWS; i++) {
        char agent[16];
        (void)snprintf(agent, sizeof agent, "agent%d", i);
        record_download(fix->store, ID, TEST_NOW_S + i, agent);
    }
    assert_sql(fix->path,
               "SELECT group_concat(user_agent) FROM (SELECT user_agent FROM downloads"
               " ORDER BY download_timestamp)",
               "agent3,agent4,agent5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_rows_of_a_file),
        fixture_test(test_sizes_round_the_chunk),
        fixture_test(test_columns_of_an_entry),
        fixture_test(test_never_and_no_note),
        fixture_test(test_invisible_until_published),
        fixture_test(test_publish_incomplete),
        fixture_test(test_publish_several),
        fixture_test(test_ids_are_taken_once),
        fixture_test(test_ids_of_drafts),
        fixture_test(test_discard),
        fixture_test(test_read_chunk),
        fixture_test(test_foreign_layouts),
        fixture_test(test_foreign_values),
        fixture_test(test_find_unknown),
        fixture_test(test_find_no_memory),
        fixture_test(test_default_days),
        fixture_test(test_meta),
        fixture_test(test_sessions),
        fixture_test(test_download_history),
        fixture_test(test_download_history_is_bounded),
        fixture_test(test_download_history_of_a_chosen_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
