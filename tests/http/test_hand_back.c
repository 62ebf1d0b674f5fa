/* A database that goes to and fro between this program and PicoShare: what we leave obeys
 * database.md 7 and has nothing of section 4; what PicoShare does to it meanwhile (its statements
 * of section 5.2, through the sqlite3 program) is understood; and what its schema allows but it
 * cannot read does not trouble us. */
#include "api.h"
#include "harness.h"
#include "picoshare/base/digest.h"
#include "support/old_database.h"
#include <string.h>

#define HASH_OF(id) "SELECT lower(hex(sha256)) FROM ext_files WHERE id = '" id "'"

static void open_server(struct server *s, const char *dir)
{
    char db[256];
    (void)snprintf(db, sizeof db, "%s/store.db", dir);
    server_start(s, &(struct server_options){.dir = dir, .db = db});
    server_sign_in(s);
}

static void guest_upload(const struct server *s, const char *link, const char *name,
                         const char *text)
{
    char path[64];
    struct response r;
    (void)snprintf(path, sizeof path, "/api/guest/%s", link);
    const struct part parts[] = {{.name = "file", .filename = name, .text = text}, {.name = NULL}};
    http_do(s, &(struct request){.method = "POST", .path = path, .parts = parts}, &r);
    assert_int_equal(r.status, 200);
    response_done(&r);
}

/* Uses everything that writes, and leaves two owner's files, one guest's, and their history. */
static void use(const struct server *s, char first[ID_CHARS + 1], char large[ID_CHARS + 1])
{
    char link[LINK_CHARS + 1];
    struct response r;
    upload_text(s, "first.txt", "text/plain", "the first", first);
    upload_bytes(s, "large.bin", 7, 3 * CHUNK_BYTES + 5, large);
    api_call(s, "POST", "/api/guest-links",
             "{\"urlExpirationTime\":\"" NEVER "\",\"fileLifetime\":\"24h\"}", &r);
    assert_int_equal(r.status, 200);
    expect_id(&r, LINK_CHARS, link);
    response_done(&r);
    guest_upload(s, link, "guest.txt", "from a guest");
    expect_download(s, large, 7, 3 * CHUNK_BYTES + 5);
    api_expect(s, "PUT", "/api/settings", "{\"defaultNeverExpire\":true}", 200, "");
    api_expect(s, "PUT", "/api/settings", "{\"defaultExpirationDays\":9}", 200, "");
}

/* Each query counts what may not be there (database.md 4 and 7). */
static void expect_readable_by_picoshare(const struct server *s)
{
#define BAD_TIME(column)                                                                           \
    "(" column " IS NULL OR " column " NOT GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T"      \
    "[0-9][0-9]:[0-9][0-9]:[0-9][0-9]Z' OR datetime(" column ") IS NULL"                           \
    " OR datetime(" column ") < datetime('2022-02-20'))"
    static const char *const queries[] = {
        "SELECT (SELECT user_version FROM pragma_user_version) <> 15",
        "SELECT 5 - count(*) FROM pragma_table_list WHERE schema = 'main' AND strict AND name IN"
        " ('entries', 'entries_data', 'guest_links', 'downloads', 'settings')",
        "SELECT count(*) FROM sqlite_schema WHERE type IN ('trigger', 'view')",
        "SELECT count(*) FROM pragma_foreign_key_check",
        "SELECT (SELECT count(*) FROM settings WHERE id = 1 AND (default_expiration_in_days"
        " BETWEEN 1 AND 3650 OR default_expiration_in_days = 36500)) <> 1",
        "SELECT count(*) FROM entries WHERE " BAD_TIME("upload_time"),
        "SELECT count(*) FROM entries WHERE " BAD_TIME("expiration_time"),
        "SELECT count(*) FROM guest_links WHERE " BAD_TIME("creation_time"),
        "SELECT count(*) FROM guest_links WHERE " BAD_TIME("url_expiration_time"),
        "SELECT count(*) FROM downloads WHERE " BAD_TIME("download_timestamp"),
        "SELECT count(*) FROM downloads WHERE client_ip IS NULL OR user_agent IS NULL",
        "SELECT count(*) FROM guest_links WHERE label IS NULL OR file_expiration_time IS NULL",
        "SELECT count(*) FROM guest_links WHERE file_expiration_time NOT IN"
        " ('24h0m0s', '720h0m0s', '876000h0m0s')",
        "SELECT count(*) FROM entries WHERE guest_link_id IS NOT NULL AND guest_link_id NOT IN"
        " (SELECT id FROM guest_links)",
        "SELECT count(*) FROM entries WHERE note = '' OR length(CAST(filename AS BLOB)) NOT BETWEEN"
        " 1 AND 255 OR length(id) <> 10",
        "SELECT count(*) FROM entries_data WHERE id NOT IN (SELECT id FROM entries)",
        "SELECT count(*) FROM entries WHERE id NOT IN (SELECT id FROM entries_data)",
        /* from 0 on without a gap; full but for the last, which is not empty. Two of old_files have
         * rows of 10 bytes. */
        "SELECT count(*) FROM (SELECT 1 FROM entries_data GROUP BY id HAVING min(chunk_index) <> 0"
        " OR max(chunk_index) <> count(*) - 1)",
        "SELECT count(*) FROM entries_data AS d WHERE length(chunk) = 0 OR length(chunk) > 327680"
        " OR (length(chunk) <> iif(id IN ('23456789e2', '234567E245'), 10, 327680) AND chunk_index "
        "<>"
        " (SELECT max(chunk_index) FROM entries_data WHERE id = d.id))",
    };
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        if (db_int(s, queries[i]) != 0) {
            fail_msg("%s", queries[i]);
        }
    }
    expect_db(s, "ok", "PRAGMA integrity_check");
}

static void test_there_and_back(void **state)
{
    (void)state;
    char dir[200];
    char first[ID_CHARS + 1];
    char large[ID_CHARS + 1];
    struct server s;
    harness_new_dir(dir, sizeof dir);
    open_server(&s, dir);
    use(&s, first, large);
    server_end(&s);
    expect_readable_by_picoshare(&s);

    /* PicoShare: deletes a file that has a history, adds one of two chunks, deletes the link. */
    db_change(
        &s,
        "PRAGMA foreign_keys = ON; BEGIN; DELETE FROM downloads WHERE entry_id = '%s';"
        "DELETE FROM entries_data WHERE id = '%s'; DELETE FROM entries WHERE id = '%s'; COMMIT",
        large, large, large);
    db_change(&s, "INSERT INTO entries_data (id, chunk_index, chunk) VALUES"
                  " ('2345678923', 0, zeroblob(327680)); INSERT INTO entries_data"
                  " (id, chunk_index, chunk) VALUES ('2345678923', 1, CAST('end' AS BLOB));"
                  "INSERT INTO entries (id, filename, content_type, upload_time, expiration_time,"
                  " guest_link_id, note) VALUES ('2345678923', 'theirs.bin', '',"
                  " '2026-07-14T19:20:01Z', '" NEVER "', NULL, NULL);"
                  "INSERT INTO downloads (entry_id, download_timestamp, client_ip, user_agent)"
                  " VALUES ('2345678923', '2026-07-14T19:21:01Z', '192.0.2.7', '')");
    db_change(&s, "BEGIN; UPDATE entries SET guest_link_id = NULL WHERE guest_link_id IS NOT NULL;"
                  "DELETE FROM guest_links; COMMIT;"
                  "UPDATE settings SET default_expiration_in_days = 36500 WHERE id = 1");

    open_server(&s, dir);
    struct response r;
    char path[32];
    (void)snprintf(path, sizeof path, "/-%s", large);
    http_get(&s, path, &r);
    assert_int_equal(r.status, 404);
    response_done(&r);
    assert_true(
        db_wait(&s, "SELECT count(*) FROM ext_files WHERE id NOT IN (SELECT id FROM entries)", 0));
    http_do(&s, &(struct request){.path = "/-2345678923", .hash = true, .discard = true}, &r);
    assert_int_equal(r.status, 200);
    assert_int_equal(r.body_bytes, 327680 + 3);
    /* Its size and digest are found out in the background. */
    assert_true(db_wait(&s,
                        "SELECT count(*) FROM ext_files WHERE id = '2345678923' AND"
                        " size = 327683 AND length(sha256) = 32",
                        1));
    char hex[2 * SHA256_BYTES + 1];
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", r.sha256[i]);
    }
    response_done(&r);
    expect_db(&s, hex, HASH_OF("2345678923"));
    http_do(&s, &(struct request){.path = "/", .auth = AUTH_COOKIE}, &r);
    assert_non_null(strstr(response_text(&r), " selected>Never<"));
    response_done(&r);
    (void)snprintf(path, sizeof path, "/-%s", first);
    http_get(&s, path, &r);
    expect_answer(&r, 200, "the first");
    response_done(&r);
    server_end(&s);
    expect_readable_by_picoshare(&s);
}

/* ---- from a database of PicoShare's, and back to it -------------------------------------------
 */

#define THEIRS "theRs23456" /* a file that PicoShare stores meanwhile, of two rows */

/* PicoShare's reads (database.md 5.2): all that its pages show can be read. */
static void expect_picoshare_reads(const struct server *s)
{
    char entries[24];
    (void)snprintf(entries, sizeof entries, "%lld", (long long)db_entries(s));
    /* the list of files */
    expect_db(s, entries,
              "SELECT count(*) FROM (SELECT e.id, e.filename, e.content_type, e.upload_time,"
              " e.expiration_time, e.note, c.bytes FROM entries AS e INNER JOIN"
              " (SELECT id, sum(length(chunk)) AS bytes FROM entries_data GROUP BY id) AS c"
              " ON c.id = e.id WHERE c.bytes > 0)");
    /* the length of a file from its first and last row, as it is served */
    expect_db(s, "0",
              "SELECT count(*) FROM entries AS e WHERE (SELECT sum(length(chunk)) FROM entries_data"
              " WHERE id = e.id) <> (SELECT d.chunk_index * (SELECT length(chunk) FROM entries_data"
              " WHERE id = e.id AND chunk_index = 0) + length(d.chunk) FROM entries_data AS d"
              " WHERE d.id = e.id ORDER BY d.chunk_index DESC LIMIT 1)");
    /* guest links with the files that came through them */
    expect_db(s, "0",
              "SELECT count(*) FROM entries AS e LEFT JOIN guest_links AS g ON g.id ="
              " e.guest_link_id WHERE e.guest_link_id IS NOT NULL AND g.id IS NULL");
    /* the history, newest first */
    expect_db(s, OLD_DOWNLOADED,
              "SELECT min(t) FROM (SELECT download_timestamp AS t FROM downloads WHERE entry_id ="
              " 'bBcCdDeEfF' ORDER BY download_timestamp DESC)");
}

/* And what it writes: a file, its edit, a download, a link's switch, settings; a file goes. */
static void write_as_picoshare(const struct server *s, const char *gone)
{
    db_change(s, "INSERT INTO entries_data (id, chunk_index, chunk) VALUES ('" THEIRS
                 "', 0, zeroblob(327680)), ('" THEIRS "', 1, CAST('end' AS BLOB));"
                 "INSERT INTO entries (id, filename, content_type, upload_time, expiration_time,"
                 " guest_link_id, note) VALUES ('" THEIRS "', 'theirs.bin', '',"
                 " '2026-07-14T19:20:01Z', '" NEVER "', '" OLD_LINK "', NULL)");
    db_change(s, "UPDATE entries SET filename = 'theirs.txt', note = 'edited', expiration_time ="
                 " '" NEVER "' WHERE id = '" THEIRS "'");
    db_change(s, "INSERT INTO downloads (entry_id, download_timestamp, client_ip, user_agent)"
                 " VALUES ('" THEIRS "', '2026-07-14T19:21:01Z', '192.0.2.7', '')");
    db_change(s, "UPDATE guest_links SET is_disabled = 1 - is_disabled WHERE id = '" OLD_LINK "';"
                 "UPDATE settings SET default_expiration_in_days = 36500 WHERE id = 1");
    db_change(
        s,
        "PRAGMA foreign_keys = ON; BEGIN; DELETE FROM downloads WHERE entry_id = '%s';"
        "DELETE FROM entries_data WHERE id = '%s'; DELETE FROM entries WHERE id = '%s'; COMMIT",
        gone, gone, gone);
}

static void expect_status(const struct server *s, const char *id, int status, int64_t bytes)
{
    char path[32];
    struct response r;
    (void)snprintf(path, sizeof path, "/-%s", id);
    http_do(s, &(struct request){.path = path, .discard = true}, &r);
    assert_int_equal(r.status, status);
    assert_true(bytes < 0 || r.body_bytes == bytes);
    response_done(&r);
}

static void expect_old_contents(const struct server *s, const struct old_file *file)
{
    char path[32];
    struct response r;
    (void)snprintf(path, sizeof path, "/-%s", file->id);
    http_get(s, path, &r);
    char *bytes = old_file_bytes(file);
    assert_int_equal(r.status, 200);
    assert_int_equal(r.body.len, file->size);
    assert_memory_equal(r.body.ptr, bytes, file->size);
    free(bytes);
    response_done(&r);
}

static void convert(const struct server *s)
{
    struct run_result r;
    const char *const argv[] = {run_binary(), "convert", "-db", s->db, NULL};
    run_program(argv, NULL, &r);
    if (r.code != 0) {
        fail_msg("%d %s", r.code, buf_str(&r.err));
    }
    run_done(&r);
}

static void there_and_back_from(int layout, bool converts)
{
    char dir[200];
    char db[256];
    char first[ID_CHARS + 1];
    char large[ID_CHARS + 1];
    struct server s;
    harness_new_dir(dir, sizeof dir);
    (void)snprintf(db, sizeof db, "%s/store.db", dir);
    old_database_make(db, &(struct old_database){.layout = layout, .journal_mode = "WAL"});
    open_server(&s, dir);
    use(&s, first, large);
    api_expect(&s, "PUT", "/api/entry/bBcCdDeEfF",
               "{\"filename\":\"edited.bin\",\"expiration\":\"\",\"note\":\"ours\"}", 200, NULL);
    link_switch(&s, OLD_LINK, layout >= 10 ? "enable" : "disable");
    file_delete(&s, "aaaaaaaaaa");
    assert_true(db_wait_no_orphans(&s));
    server_end(&s);
    if (converts) {
        convert(&s);
    }
    expect_db(&s, converts ? "16384|2" : "4096|0",
              "SELECT * FROM pragma_page_size, pragma_auto_vacuum");

    expect_readable_by_picoshare(&s);
    expect_picoshare_reads(&s);
    expect_db(&s, "edited.bin|ours", "SELECT filename, note FROM entries WHERE id = 'bBcCdDeEfF'");
    write_as_picoshare(&s, large);
    expect_readable_by_picoshare(&s);
    expect_picoshare_reads(&s);

    open_server(&s, dir);
    expect_status(&s, large, 404, -1);
    expect_status(&s, "aaaaaaaaaa", 404, -1);
    expect_status(&s, first, 200, (int64_t)strlen("the first"));
    expect_status(&s, THEIRS, 200, 327680 + 3);
    for (size_t i = 1; i < ARRAY_LEN(old_files); i++) {
        expect_old_contents(&s, &old_files[i]);
    }
    assert_true(db_wait(&s, "SELECT count(*) FROM ext_files WHERE id = '" THEIRS "'", 1));
    server_end(&s);
    expect_readable_by_picoshare(&s);
}

static void test_from_picoshare_and_back(void **state)
{
    static const int layouts[] = {7, 8, 14, OLD_NEWEST}; /* since there is a history */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
        there_and_back_from(layouts[i], false);
        there_and_back_from(layouts[i], true);
    }
}

/* What version 15 allows although PicoShare cannot read it (database.md 4): one case a row. */
static void test_what_picoshare_cannot_read(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        const char *path; /* answered with 200 afterwards, as the owner */
        const char *part; /* of the page */
    } cases[] = {
        {"UPDATE entries SET expiration_time = NULL", "/-aaaaaaaaaa", "text"},
        {"UPDATE entries SET expiration_time = NULL", "/files", "a.txt"},
        {"UPDATE entries SET expiration_time = NULL", "/information", "Disk Usage"},
        {"UPDATE entries SET upload_time = '2025-01-01 00:00:00'", "/files", "2025-01-01"},
        {"UPDATE entries SET upload_time = '2025-01-01 00:00:00'", "/files/aaaaaaaaaa/info",
         "a.txt"},
        {"UPDATE guest_links SET label = NULL", "/guest-links", "unnamed"},
        {"UPDATE guest_links SET label = NULL", "/-aaaaaaaaaa", "text"},
        {"UPDATE guest_links SET url_expiration_time = NULL", "/guest-links", "Never"},
        {"UPDATE guest_links SET url_expiration_time = NULL", "/g/abcdefgh23456789", "Upload"},
        {"UPDATE guest_links SET file_expiration_time = '5m'", "/guest-links", "Joe"},
        {"UPDATE guest_links SET file_expiration_time = 'x'", "/-aaaaaaaaaa", "text"},
        {"UPDATE entries SET guest_link_id = 'ABCDEFGH23456789'", "/-aaaaaaaaaa", "text"},
        {"UPDATE entries SET guest_link_id = 'ABCDEFGH23456789'", "/files/aaaaaaaaaa/info",
         "a.txt"},
        {"UPDATE entries SET guest_link_id = ''", "/files/aaaaaaaaaa/info", "You"},
        {"UPDATE downloads SET client_ip = NULL, user_agent = NULL", "/files/aaaaaaaaaa/downloads",
         "2026-07-14"},
        {"UPDATE settings SET default_expiration_in_days = NULL", "/", "30 days"},
        {"UPDATE settings SET default_expiration_in_days = 70000", "/settings", "Settings"},
        {"DELETE FROM settings", "/", "30 days"},
        {"UPDATE entries_data SET chunk = x''", "/files", "a.txt"},
        {"DELETE FROM entries_data", "/files", "Nothing here yet."},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char dir[200];
        struct server s;
        struct response r;
        harness_new_dir(dir, sizeof dir);
        open_server(&s, dir); /* makes the tables */
        server_end(&s);
        db_change(&s,
                  "INSERT INTO guest_links VALUES ('abcdefgh23456789', 'Joe', NULL, NULL,"
                  " '2026-07-14T19:20:01Z', '" NEVER "', '24h0m0s', 0);"
                  "INSERT INTO entries_data VALUES ('aaaaaaaaaa', 0, CAST('text' AS BLOB));"
                  "INSERT INTO entries VALUES ('aaaaaaaaaa', 'a.txt', 'text/plain',"
                  " '2026-07-14T19:20:01Z', '" NEVER "', 'abcdefgh23456789', NULL);"
                  "INSERT INTO downloads VALUES ('aaaaaaaaaa', '2026-07-14T19:20:01Z', '192.0.2.7',"
                  " ''); %s",
                  cases[i].sql);
        open_server(&s, dir);
        http_do(&s, &(struct request){.path = cases[i].path, .auth = AUTH_COOKIE}, &r);
        if (r.status != 200 || strstr(response_text(&r), cases[i].part) == NULL) {
            fail_msg("%s: %s: %d %s", cases[i].sql, cases[i].path, r.status, response_text(&r));
        }
        response_done(&r);
        server_end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_from_picoshare_and_back),
        cmocka_unit_test(test_what_picoshare_cannot_read),
    };
    return harness_main(tests, NULL, NULL);
}
