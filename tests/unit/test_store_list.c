/* The list of files: every order both ways and page by page, what is left out, searching, and what
 * a page costs when there are 100,000 files. */
#include "picoshare/base/buf.h"
#include "picoshare/base/mem.h"
#include "support.h"

static const char *const sort_names[] = {"uploaded", "name", "size", "expires"};

/* ---- files ---- */

struct file {
    const char *id;
    const char *name;
    const char *note; /* NULL: none */
    const char *uploaded;
    const char *expires; /* NULL: none is stored */
    int64_t size;        /* as recorded; 0: not recorded */
};

/* As another program leaves it, with contents of one byte. */
static void add_file(const struct fixture *fix, const struct file *file)
{
    sql_run(fix->path,
            "INSERT INTO entries (id, filename, content_type, note, upload_time, expiration_time)"
            " VALUES (%Q, %Q, '', %Q, %Q, %Q);"
            "INSERT INTO entries_data (id, chunk_index, chunk) VALUES (%Q, 0, CAST('x' AS BLOB));"
            "INSERT INTO ext_files (id, size) SELECT %Q, %lld WHERE %lld > 0",
            file->id, file->name, file->note, file->uploaded, file->expires, file->id, file->id,
            file->size, file->size);
}

static void add_plain(const struct fixture *fix, const char *id, const char *name)
{
    add_file(fix, &(struct file){id, name, NULL, "2025-06-01T00:00:00Z", NULL, 7});
}

/* ---- reading ---- */

enum { MAX_IDS = 4000 };

/* What came, over several pages. */
struct walk {
    char ids[MAX_IDS][ENTRY_ID_LEN + 1];
    size_t count;
    size_t page_rows; /* a page has so many; 0: any number */
    size_t on_page;
    struct store_place place; /* of the last one */
    int64_t bytes;
};

static bool take_file(void *arg, const struct store_entry *entry, const struct store_place *place)
{
    struct walk *walk = arg;
    assert_true(walk->count < MAX_IDS);
    assert_string_equal(entry->id, place->id);
    assert_non_null(entry->filename);
    assert_non_null(entry->content_type);
    memcpy(walk->ids[walk->count++], entry->id, sizeof entry->id);
    walk->place = *place;
    walk->bytes += entry->size;
    return ++walk->on_page != walk->page_rows;
}

static struct store_listing all_by(enum store_sort sort)
{
    return (struct store_listing){.sort = sort, .now = TEST_NOW_S, .max_rows = MAX_IDS};
}

/* One call; true when it has looked at max_rows. */
static bool take_page(struct fixture *fix, const struct store_listing *listing, struct walk *walk,
                      struct store_place *ret_last)
{
    bool more = false;
    walk->on_page = 0;
    assert_int_equal(store_list_entries(fix->store, listing, take_file, walk, ret_last, &more),
                     ERR_OK);
    return more;
}

/* From the listing's place on, page by page, to the other end. */
static void walk_on(struct fixture *fix, struct store_listing listing, size_t page_rows,
                    struct walk *walk)
{
    *walk = (struct walk){.page_rows = page_rows};
    do {
        struct store_place last;
        assert_false(take_page(fix, &listing, walk, &last));
        listing.place = walk->place;
    } while (walk->on_page > 0);
}

static void join_ids(const struct walk *walk, bool reversed, struct buf *ret_text)
{
    buf_init(ret_text, (size_t)MAX_IDS * (ENTRY_ID_LEN + 1));
    for (size_t i = 0; i < walk->count; i++) {
        buf_add_str(ret_text, i > 0 ? "," : "");
        buf_add_str(ret_text, walk->ids[reversed ? walk->count - 1 - i : i]);
    }
    assert_int_equal(buf_err(ret_text), ERR_OK);
}

static void assert_ids(const struct walk *walk, bool reversed, const char *want)
{
    struct buf got;
    join_ids(walk, reversed, &got);
    assert_string_equal(buf_str(&got), want);
    buf_done(&got);
}

/* Both directions, forwards and backwards, give this ascending sequence, on pages of any size. */
static void assert_order(struct fixture *fix, enum store_sort sort, const char *want,
                         const size_t *page_rows, size_t pages)
{
    struct walk *walk = malloc(sizeof *walk);
    assert_non_null(walk);
    for (size_t i = 0; i < pages; i++) {
        for (int way = 0; way < 4; way++) {
            struct store_listing listing = all_by(sort);
            listing.descending = (way & 1) != 0;
            listing.backwards = (way & 2) != 0;
            walk_on(fix, listing, page_rows[i], walk);
            struct buf got;
            join_ids(walk, listing.descending != listing.backwards, &got);
            if (strcmp(buf_str(&got), want) != 0) {
                fail_msg("by %s%s%s, pages of %zu: %s, not %s", sort_names[sort],
                         listing.descending ? ", descending" : "",
                         listing.backwards ? ", backwards" : "", page_rows[i], buf_str(&got), want);
            }
            buf_done(&got);
        }
    }
    free(walk);
}

/* The files of one call, from the listing's place, in the order they come. */
static void assert_page(struct fixture *fix, const struct store_listing *listing, const char *want)
{
    struct walk *walk = calloc(1, sizeof *walk);
    struct store_place last;
    assert_non_null(walk);
    (void)take_page(fix, listing, walk, &last);
    assert_ids(walk, false, want);
    free(walk);
}

/* ---- orders ---- */

static const struct file files[] = {
    {"a", "b.txt", NULL, "2025-06-01T00:00:00Z", NULL, 100},
    {"b", "B.TXT", NULL, "2025-06-01T00:00:00Z", "2999-12-31T00:00:00Z", 9},
    {"c", "a", NULL, "2025-06-01 00:00:00", "2027-01-01T00:00:00Z", 100},
    {"d", "Z", NULL, "2025-06-01T00:00:00.5Z", "2027-01-01 00:00:00", 20},
    {"e", "_", NULL, "2025-06-01T01:00:00+01:00", "2027-01-01T00:00:00.25Z", 1000000000000},
    {"f", "", NULL, "2022-03-01T00:00:00Z", "2027-01-01T00:00:00Z", 1},
    {"g", "\x01 odd", NULL, "2025-06-02T00:00:00Z", "9999-12-31T23:59:59Z", 100},
    {"h", "\xff\xfe", NULL, "2025-05-31T23:59:59Z", NULL, 2},
    {"i", "%", NULL, "2025-06-01T00:00:00Z", "2026-01-01T00:00:01Z", 3},
    {"j", "\xc3\xa4", NULL, "2025-06-03T00:00:00Z", "2028-01-01T12:00:00+05:30", 5000},
};

/* By the text that is stored, letters without case, then by id. */
static const char *const orders[] = {
    [STORE_BY_UPLOADED] = "f,h,c,d,a,b,i,e,g,j",
    [STORE_BY_NAME] = "f,g,i,e,c,a,b,d,j,h",
    [STORE_BY_SIZE] = "f,h,i,b,d,a,c,g,j,e",
    [STORE_BY_EXPIRES] = "i,d,e,c,f,j,a,b,h,g",
};

static void add_files(const struct fixture *fix)
{
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        add_file(fix, &files[i]);
    }
}

static void test_orders(void **state)
{
    struct fixture *fix = *state;
    static const size_t page_rows[] = {1, 2, 3, 10, 11, 0};
    for (enum store_sort sort = STORE_BY_UPLOADED; sort <= STORE_BY_EXPIRES; sort++) {
        assert_order(fix, sort, "", page_rows, 1);
    }
    add_files(fix);
    for (enum store_sort sort = STORE_BY_UPLOADED; sort <= STORE_BY_EXPIRES; sort++) {
        assert_order(fix, sort, orders[sort], page_rows, ARRAY_LEN(page_rows));
    }
}

/* Names as long as they may be, different in their last byte only. */
static void test_long_names(void **state)
{
    struct fixture *fix = *state;
    static const char *const ids[] = {"c", "a", "b"};
    char name[STORE_KEY_BYTES];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        name[sizeof name - 2] = (char)('1' + i);
        add_plain(fix, ids[i], name);
    }
    static const size_t page_rows[] = {1, 2};
    assert_order(fix, STORE_BY_NAME, "c,a,b", page_rows, ARRAY_LEN(page_rows));
}

/* Longer names than PicoShare's, and a NUL, are listed; the walk ends. */
static void test_foreign_names(void **state)
{
    struct fixture *fix = *state;
    add_plain(fix, "a", "a");
    add_plain(fix, "z", "z");
    sql_run(fix->path, "INSERT INTO entries (id, filename, content_type, upload_time) VALUES"
                       " ('b', replace(hex(zeroblob(200)), '0', 'n'), '', '2025-06-01T00:00:00Z'),"
                       " ('c', CAST(x'6f006f' AS TEXT), '', '2025-06-01T00:00:00Z');"
                       "INSERT INTO entries_data SELECT id, 0, CAST('x' AS BLOB) FROM entries"
                       " WHERE id IN ('b', 'c')");
    struct store_listing listing = all_by(STORE_BY_NAME);
    assert_page(fix, &listing, "a,b,c,z");
    struct walk *walk = malloc(sizeof *walk);
    assert_non_null(walk);
    walk_on(fix, listing, 2, walk);
    assert_string_equal(walk->ids[walk->count - 1], "z");
    listing.descending = true;
    walk_on(fix, listing, 2, walk);
    assert_string_equal(walk->ids[walk->count - 1], "a");
    free(walk);
}

/* The place between two pages stays where it is when its file goes, and when others come. */
static void test_place_without_a_file(void **state)
{
    struct fixture *fix = *state;
    struct walk *walk = malloc(sizeof *walk);
    assert_non_null(walk);
    for (enum store_sort sort = STORE_BY_UPLOADED; sort <= STORE_BY_EXPIRES; sort++) {
        sql_run(fix->path, "DELETE FROM entries; DELETE FROM entries_data; DELETE FROM ext_files");
        add_files(fix);
        *walk = (struct walk){.page_rows = 6};
        struct store_listing listing = all_by(sort);
        struct store_place last;
        assert_false(take_page(fix, &listing, walk, &last));
        sql_run(fix->path, "DELETE FROM entries WHERE id = %Q", walk->place.id);
        listing.place = walk->place;
        assert_page(fix, &listing, strchr(orders[sort], ',') + 11); /* past five more */
        listing.backwards = true;
        walk_on(fix, listing, 2, walk);
        char before[32];
        (void)snprintf(before, sizeof before, "%.9s", orders[sort]);
        assert_ids(walk, true, before);
    }
    free(walk);
}

static void test_walk_of_many(void **state)
{
    struct fixture *fix = *state;
    static const char *const keys[] = {"+upload_time", "+filename COLLATE NOCASE", "+size",
                                       "ifnull(expiration_time, '2999-12-31T00:00:00Z') || ''"};
    static const size_t page_rows[] = {700};
    /* Keys in no order, each about three times; half of the files never expire. */
    sql_run(
        fix->path,
        "BEGIN;"
        "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2999)"
        " INSERT INTO entries (id, filename, content_type, upload_time, expiration_time)"
        " SELECT printf('%%04d', i * 7 %% 3000),"
        "  printf(CASE i %% 2 WHEN 0 THEN 'n%%d' ELSE 'N%%d' END, i * 4241 %% 3000 / 3), '',"
        "  strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ', 1750000000 - i * 1009 %% 3000 / 3, 'unixepoch'),"
        "  CASE i %% 2 WHEN 0 THEN strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ',"
        "   2000000000 + i * 1013 %% 3000 / 3, 'unixepoch') END FROM n;"
        "INSERT INTO entries_data SELECT id, 0, CAST('x' AS BLOB) FROM entries;"
        "INSERT INTO ext_files (id, size) SELECT id, 1 + id * 1019 %% 3000 / 3 FROM entries;"
        "COMMIT");
    for (enum store_sort sort = STORE_BY_UPLOADED; sort <= STORE_BY_EXPIRES; sort++) {
        enum { BYTES = 3000 * 5 };
        char *want = malloc(BYTES);
        assert_non_null(want);
        sql_ask(fix->path, want, BYTES,
                "SELECT group_concat(id) FROM (SELECT id FROM entries JOIN ext_files USING (id)"
                " ORDER BY %s, id)",
                keys[sort]);
        assert_order(fix, sort, want, page_rows, ARRAY_LEN(page_rows));
        free(want);
    }
}

static void test_stops(void **state)
{
    struct fixture *fix = *state;
    add_files(fix);
    struct walk *walk = calloc(1, sizeof *walk);
    assert_non_null(walk);
    struct store_listing listing = all_by(STORE_BY_NAME);
    struct store_place last;
    walk->page_rows = 2;
    assert_false(take_page(fix, &listing, walk, &last));
    assert_ids(walk, false, "f,g");
    assert_string_equal(last.id, "g");
    assert_string_equal(last.key, "\x01 odd");

    /* Exactly as many as there are: it has come to the end. */
    *walk = (struct walk){.count = 0};
    listing.max_rows = ARRAY_LEN(files);
    assert_false(take_page(fix, &listing, walk, &last));
    assert_int_equal(walk->count, ARRAY_LEN(files));

    *walk = (struct walk){.count = 0};
    listing.max_rows = 3;
    assert_true(take_page(fix, &listing, walk, &last));
    assert_ids(walk, false, "f,g,i");
    assert_string_equal(last.id, "i");

    *walk = (struct walk){.count = 0};
    listing.max_rows = 0;
    listing.place = last;
    assert_true(take_page(fix, &listing, walk, &last));
    assert_int_equal(walk->count, 0);
    assert_string_equal(last.id, "i");
    assert_string_equal(last.key, "%");
    free(walk);
}

/* ---- what is left out ---- */

static void test_left_out(void **state)
{
    struct fixture *fix = *state;
    add_plain(fix, "a", "a");
    add_plain(fix, "expired", "b");
    add_plain(fix, "now", "c");
    add_plain(fix, "soon", "d");
    add_plain(fix, "empty", "e");
    add_plain(fix, "emptied", "e");
    add_plain(fix, "elevenbytes", "f");
    add_plain(fix, "", "g");
    add_plain(fix, "z", "h");
    sql_run(fix->path,
            "UPDATE entries SET expiration_time = '2025-12-31T23:59:59Z' WHERE id = 'expired';"
            "UPDATE entries SET expiration_time = '2026-01-01T00:00:00Z' WHERE id = 'now';"
            "UPDATE entries SET expiration_time = '2026-01-01T00:00:01Z' WHERE id = 'soon';"
            "DELETE FROM entries_data WHERE id IN ('empty', 'emptied');"
            /* as the collection does, which would take the expired ones, too */
            "DELETE FROM ext_files WHERE id IN ('empty', 'emptied')");
    fixture_reopen(fix);
    static const size_t page_rows[] = {1, 2, 0};
    assert_order(fix, STORE_BY_UPLOADED, "a,soon,z", page_rows, ARRAY_LEN(page_rows));
    assert_order(fix, STORE_BY_NAME, "a,soon,z", page_rows, ARRAY_LEN(page_rows));
    assert_order(fix, STORE_BY_SIZE, "a,soon,z", page_rows, ARRAY_LEN(page_rows));
    assert_order(fix, STORE_BY_EXPIRES, "soon,a,z", page_rows, ARRAY_LEN(page_rows));

    /* They are looked at all the same: nobody waits for a thousand expired files. */
    struct walk *walk = calloc(1, sizeof *walk);
    assert_non_null(walk);
    struct store_listing listing = all_by(STORE_BY_NAME);
    listing.max_rows = 3;
    struct store_place last;
    assert_true(take_page(fix, &listing, walk, &last));
    assert_ids(walk, false, "a");
    assert_string_equal(last.id, "now");
    listing.place = last;
    assert_true(take_page(fix, &listing, walk, &last));
    assert_ids(walk, false, "a,soon");
    assert_string_equal(last.id, "empty");
    listing.place = last;
    assert_false(take_page(fix, &listing, walk, &last));
    assert_ids(walk, false, "a,soon,z");
    free(walk);
}

static void test_sizes(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, "known", "0123456789", 10, 4, TEST_NOW_S, NEVER_S);
    store_file(fix->store, "foreign", "01234", 5, 2, TEST_NOW_S, NEVER_S);
    store_file(fix->store, "damaged", "01234", 5, 2, TEST_NOW_S, NEVER_S);
    sql_run(fix->path, "DELETE FROM ext_files WHERE id IN ('foreign', 'damaged');"
                       "DELETE FROM entries_data WHERE id = 'damaged' AND chunk_index = 0");
    struct walk *walk = malloc(sizeof *walk);
    assert_non_null(walk);
    static const int64_t bytes[] = {-1, 5, 10};
    static const char *const ids[] = {"damaged", "foreign", "known"};
    struct store_listing listing = all_by(STORE_BY_NAME);
    struct store_place last;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        *walk = (struct walk){.page_rows = 1};
        assert_false(take_page(fix, &listing, walk, &last));
        assert_ids(walk, false, ids[i]);
        assert_int_equal(walk->bytes, bytes[i]);
        listing.place = walk->place;
    }
    static const size_t page_rows[] = {1, 0};
    assert_order(fix, STORE_BY_SIZE, "known", page_rows, ARRAY_LEN(page_rows));

    struct store_measure measure;
    store_measure_init(&measure);
    (void)snprintf(measure.id, sizeof measure.id, "foreign");
    measure.size = 5;
    assert_int_equal(store_run(fix->store, &measure.job), ERR_OK);
    assert_order(fix, STORE_BY_SIZE, "foreign,known", page_rows, ARRAY_LEN(page_rows));
    free(walk);
}

/* A place may come from an address that somebody typed. */
static void test_odd_places(void **state)
{
    struct fixture *fix = *state;
    add_files(fix);
    static const struct {
        enum store_sort sort;
        bool descending;
        struct store_place place;
        const char *want;
    } cases[] = {
        {STORE_BY_NAME, false, {"C", "x"}, "d,j,h"},
        {STORE_BY_NAME, false, {"b.txt", "a"}, "b,d,j,h"},
        {STORE_BY_NAME, false, {"b.txt", "zzzz"}, "d,j,h"},
        {STORE_BY_NAME, true, {"b.TXT", "b"}, "a,c,e,i,g,f"},
        {STORE_BY_NAME, false, {"\xff\xff", "x"}, ""},
        {STORE_BY_NAME, true, {"", "f"}, ""},
        {STORE_BY_SIZE, false, {"100", "b"}, "c,g,j,e"},
        {STORE_BY_SIZE, false, {"99.5", "b"}, "a,c,g,j,e"},
        {STORE_BY_SIZE, true, {"99999999999999999999", "b"}, "e,j,g,c,a,d,b,i,h,f"},
        {STORE_BY_SIZE, false, {"-1", "b"}, "f,h,i,b,d,a,c,g,j,e"},
        {STORE_BY_SIZE, false, {"many", "b"}, ""},
        {STORE_BY_UPLOADED, false, {"2025", "x"}, "h,c,d,a,b,i,e,g,j"},
        {STORE_BY_EXPIRES, true, {"2999-12-31T00:00:00Z", "b"}, "a,j,f,c,e,d,i"},
        /* Without an id it is the beginning, whatever the key. */
        {STORE_BY_SIZE, false, {"100", ""}, "f,h,i,b,d,a,c,g,j,e"},
        {STORE_BY_NAME, true, {"b", ""}, "h,j,d,b,a,c,e,i,g,f"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct store_listing listing = all_by(cases[i].sort);
        listing.descending = cases[i].descending;
        listing.place = cases[i].place;
        assert_page(fix, &listing, cases[i].want);
    }
}

/* ---- searching ---- */

static int compare_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void test_search(void **state)
{
    struct fixture *fix = *state;
    static const struct file searched[] = {
        {"a", "Holiday 100%.jpg", NULL, "2025-06-01T00:00:00Z", NULL, 1},
        {"b", "holiday_1000.jpg", "for Ann", "2025-06-01T00:00:00Z", NULL, 1},
        {"c", "report.pdf", "from the holiday", "2025-06-01T00:00:00Z", NULL, 1},
        {"d", "\xc3\x84rger", "50% of_it", "2025-06-01T00:00:00Z", NULL, 1},
        {"e", "gone holiday", NULL, "2025-06-01T00:00:00Z", "2025-12-31T00:00:00Z", 1},
    };
    static const struct {
        const char *search;
        const char *want;
    } cases[] = {
        {NULL, "a,b,c,d"},
        {"", "a,b,c,d"},
        {"holiday", "a,b,c"},
        {"HOLIDAY", "a,b,c"},
        {"ann", "b"},
        {"%", "a,d"},
        {"_", "b,d"},
        {"0%", "a,d"},
        {"100", "a,b"},
        {"h*y", ""},
        {"\xc3\x84", "d"},
        {"\xc3\xa4", ""}, /* only ASCII letters have two cases */
        {"report.pdf", "c"},
        {"report.pdff", ""},
        {"'; DROP TABLE entries; --", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(searched); i++) {
        add_file(fix, &searched[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (enum store_sort sort = STORE_BY_UPLOADED; sort <= STORE_BY_EXPIRES; sort++) {
            struct store_listing listing = all_by(sort);
            listing.search = cases[i].search;
            struct walk *walk = malloc(sizeof *walk);
            assert_non_null(walk);
            walk_on(fix, listing, 1, walk);
            qsort(walk->ids, walk->count, sizeof walk->ids[0], compare_ids);
            assert_ids(walk, false, cases[i].want);
            free(walk);
        }
    }
}

/* It looks at max_rows files and goes on from there. */
static void test_search_stops_and_goes_on(void **state)
{
    struct fixture *fix = *state;
    for (int i = 0; i < 20; i++) {
        char id[4];
        (void)snprintf(id, sizeof id, "%02d", i);
        add_plain(fix, id, i == 7 || i == 13 ? "needle" : "hay");
    }
    struct walk *walk = malloc(sizeof *walk);
    assert_non_null(walk);
    for (int way = 0; way < 2; way++) {
        struct store_listing listing = all_by(STORE_BY_UPLOADED);
        listing.descending = way != 0;
        listing.search = "NEEDLE";
        listing.max_rows = 6;
        *walk = (struct walk){.count = 0};
        static const char *const lasts[][4] = {{"05", "11", "17", "19"}, {"14", "08", "02", "00"}};
        for (int i = 0; i < 4; i++) {
            struct store_place last;
            bool more = take_page(fix, &listing, walk, &last);
            assert_int_equal(more, i < 3);
            assert_string_equal(last.id, lasts[way][i]);
            listing.place = last;
        }
        assert_ids(walk, way != 0, "07,13");
    }
    free(walk);
}

/* ---- no memory ---- */

static void test_no_memory(void **state)
{
    struct fixture *fix = *state;
    add_files(fix);
    struct walk *walk = malloc(sizeof *walk);
    assert_non_null(walk);
    struct store_listing listing = all_by(STORE_BY_NAME);
    err_t err = ERR_NOMEM;
    for (int64_t n = 0; err == ERR_NOMEM; n++) {
        struct store_place last;
        bool more;
        *walk = (struct walk){.count = 0};
        mem_fail_after(n);
        err = store_list_entries(fix->store, &listing, take_file, walk, &last, &more);
        mem_fail_after(-1);
        assert_int_equal(walk->count, n / 2); /* two strings each */
    }
    assert_int_equal(err, ERR_OK);
    assert_int_equal(walk->count, ARRAY_LEN(files));
    free(walk);
}

/* ---- what it costs ---- */

enum { PAGE = 50 };

static int many(void)
{
    return (int)scaled(100000, 100000, 10000);
}

/* The store's connections, as SQLite opens them. */
static struct {
    sqlite3 *db[8];
    size_t count;
} opened;

static int note_connection(sqlite3 *db, char **error, const struct sqlite3_api_routines *api)
{
    (void)error;
    (void)api;
    if (opened.count < ARRAY_LEN(opened.db)) {
        opened.db[opened.count++] = db;
    }
    return SQLITE_OK;
}

struct cost {
    int64_t steps; /* of SQLite's virtual machine */
    int64_t scans; /* rows read by going through a table or an index from its start */
    int64_t sorts;
};

/* What the reading connections have done since the last call. */
static struct cost take_cost(void)
{
    struct cost cost = {0};
    for (size_t i = 0; i < opened.count; i++) {
        sqlite3_stmt *stmt = NULL;
        if (sqlite3_db_readonly(opened.db[i], "main") != 1) {
            continue; /* the writer's */
        }
        while ((stmt = sqlite3_next_stmt(opened.db[i], stmt)) != NULL) {
            cost.steps += sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_VM_STEP, 1);
            cost.scans += sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1);
            cost.sorts += sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_SORT, 1) +
                          sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_AUTOINDEX, 1);
        }
    }
    return cost;
}

/* Half of the files have the same name, times and size; a tenth has expired. */
static int many_setup(void **state)
{
    (void)fixture_prepare(state);
    struct fixture *fix = *state;
    fixture_open(fix);
    fixture_close(fix);
    sql_run(fix->path,
            "BEGIN;"
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d)"
            " INSERT INTO entries (id, filename, content_type, upload_time, expiration_time)"
            " SELECT printf('%%010d', i * 7919 %% %d),"
            "  CASE i %% 2 WHEN 0 THEN 'm' ELSE printf('%%c%%d', 97 + i %% 26, i) END, '',"
            "  strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ',"
            "   1750000000 + (i %% 2) * (i * 4241 %% %d - %d / 2), 'unixepoch'),"
            "  CASE WHEN i %% 10 = 0 THEN '2025-12-31T00:00:00Z' WHEN i %% 2 = 0 THEN NULL ELSE"
            "   strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ', 1800000000 + i, 'unixepoch') END FROM n;"
            "INSERT INTO entries_data SELECT id, 0, CAST('x' AS BLOB) FROM entries;"
            "INSERT INTO ext_files (id, size) SELECT id,"
            "  CASE filename WHEN 'm' THEN %d / 2 ELSE 1 + CAST(id AS INTEGER) END FROM entries;"
            "COMMIT",
            many(), many(), many(), many(), many());
    opened.count = 0;
    assert_int_equal(sqlite3_auto_extension((void (*)(void))note_connection), SQLITE_OK);
    fixture_open(fix);
    assert_int_equal(sqlite3_cancel_auto_extension((void (*)(void))note_connection), 1);
    assert_true(opened.count >= 2);
    return 0;
}

static int many_teardown(void **state)
{
    opened.count = 0;
    return fixture_teardown(state);
}

/* A page of PAGE rows. */
static struct cost cost_of_page(struct fixture *fix, const struct store_listing *listing,
                                struct walk *walk)
{
    struct store_place last;
    *walk = (struct walk){.page_rows = PAGE};
    (void)take_cost();
    assert_false(take_page(fix, listing, walk, &last));
    assert_int_equal(walk->count, PAGE);
    return take_cost();
}

/* Some 60 steps for each row that it shows or passes over. */
static bool is_cheap(struct cost cost)
{
    return cost.scans == 0 && cost.sorts == 0 && cost.steps > PAGE &&
           cost.steps < (int64_t)PAGE * 200;
}

static void assert_cheap(struct cost cost, const struct store_listing *listing, const char *page)
{
    if (!is_cheap(cost)) {
        fail_msg("by %s%s, the %s page: %lld steps, %lld rows scanned, %lld sorts",
                 sort_names[listing->sort], listing->descending ? ", descending" : "", page,
                 (long long)cost.steps, (long long)cost.scans, (long long)cost.sorts);
    }
}

/* The place of a file in the middle of those that have the same key. */
static struct store_place middle_place(enum store_sort sort)
{
    char size[16];
    (void)snprintf(size, sizeof size, "%d", many() / 2);
    const char *const keys[] = {"2025-06-15T15:06:40Z", "m", size, "2999-12-31T00:00:00Z"};
    struct store_place place;
    (void)snprintf(place.id, sizeof place.id, "%010u", (unsigned)many() / 2);
    assert_true(slice_copy(slice_str(keys[sort]), place.key, sizeof place.key));
    return place;
}

static void test_cost_of_pages(void **state)
{
    struct fixture *fix = *state;
    struct walk *walk = malloc(sizeof *walk);
    assert_non_null(walk);
    for (enum store_sort sort = STORE_BY_UPLOADED; sort <= STORE_BY_EXPIRES; sort++) {
        for (int way = 0; way < 2; way++) {
            struct store_listing listing = all_by(sort);
            listing.descending = way != 0;
            if (sort == STORE_BY_EXPIRES) {
                listing.now = 0; /* those that have expired would all stand at one end */
            }
            assert_cheap(cost_of_page(fix, &listing, walk), &listing, "first");
            listing.place = walk->place;
            assert_cheap(cost_of_page(fix, &listing, walk), &listing, "second");
            listing.place = middle_place(sort);
            assert_cheap(cost_of_page(fix, &listing, walk), &listing, "middle");
            listing.backwards = true;
            assert_cheap(cost_of_page(fix, &listing, walk), &listing, "middle but one");
            listing.place = (struct store_place){.id = ""};
            assert_cheap(cost_of_page(fix, &listing, walk), &listing, "last");
            listing.place = walk->place;
            assert_cheap(cost_of_page(fix, &listing, walk), &listing, "last but one");
        }
    }
    free(walk);
}

/* Expired files and a search cost what max_rows allows. */
static void test_cost_of_looking(void **state)
{
    struct fixture *fix = *state;
    struct walk *walk = calloc(1, sizeof *walk);
    assert_non_null(walk);
    struct store_place last;
    struct store_listing listing = all_by(STORE_BY_EXPIRES);
    listing.max_rows = 1000;
    (void)take_cost();
    assert_true(take_page(fix, &listing, walk, &last));
    assert_int_equal(walk->count, 0);
    assert_in_range(take_cost().steps, 1000, 1000 * 50);
    listing = all_by(STORE_BY_NAME);
    listing.max_rows = 1000;
    listing.search = "nowhere";
    assert_true(take_page(fix, &listing, walk, &last));
    assert_int_equal(walk->count, 0);
    assert_in_range(take_cost().steps, 1000, 1000 * 50);
    free(walk);
}

/* The other way round: without its index an order is not cheap, so the tests above would tell. */
static void test_cost_without_indexes(void **state)
{
    struct fixture *fix = *state;
    static const char *const indexes[] = {
        [STORE_BY_UPLOADED] = "ext_entries_by_time",
        [STORE_BY_NAME] = "ext_entries_by_name",
        [STORE_BY_SIZE] = "ext_files_by_size",
        [STORE_BY_EXPIRES] = "ext_entries_by_expiry",
    };
    struct walk *walk = malloc(sizeof *walk);
    assert_non_null(walk);
    for (enum store_sort sort = STORE_BY_UPLOADED; sort <= STORE_BY_EXPIRES; sort++) {
        struct store_listing listing = all_by(sort);
        listing.now = 0;
        assert_true(is_cheap(cost_of_page(fix, &listing, walk)));
        sql_run(fix->path, "DROP INDEX %s", indexes[sort]);
        assert_false(is_cheap(cost_of_page(fix, &listing, walk)));
    }
    free(walk);
    fixture_reopen(fix); /* which makes them again */
    assert_sql(fix->path,
               "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name IN"
               " ('ext_entries_by_time', 'ext_entries_by_name', 'ext_files_by_size',"
               " 'ext_entries_by_expiry')",
               "4");
}

#define many_test(name) cmocka_unit_test_setup_teardown(name, many_setup, many_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_orders),
        fixture_test(test_long_names),
        fixture_test(test_foreign_names),
        fixture_test(test_place_without_a_file),
        fixture_test(test_walk_of_many),
        fixture_test(test_stops),
        fixture_test(test_left_out),
        fixture_test(test_sizes),
        fixture_test(test_odd_places),
        fixture_test(test_search),
        fixture_test(test_search_stops_and_goes_on),
        fixture_test(test_no_memory),
        many_test(test_cost_of_pages),
        many_test(test_cost_of_looking),
        many_test(test_cost_without_indexes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
