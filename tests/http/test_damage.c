/* Damaged databases: wrong bytes are never served, "picoshare check" and the background check say
 * which file it is, and nothing that is whole is called damaged. */
#include "api.h"
#include "support/old_database.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEED = 23, LAST_BYTES = 1000, ROWS = 5, BYTES = (ROWS - 1) * CHUNK_BYTES + LAST_BYTES };

/* ---- making damage --------------------------------------------------------------------------- */

/* The table as it is forgets its types and constraints, or knows them again. */
static void set_strict(const struct server *s, bool strict)
{
    db_change(s,
              "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql ="
              " replace(replace(sql, '%s', '%s'), '%s', '%s') WHERE name = 'entries_data'",
              strict ? "chunk BLOB," : "chunk BLOB NOT NULL,",
              strict ? "chunk BLOB NOT NULL," : "chunk BLOB,",
              strict ? "(id, chunk_index) )" : "(id, chunk_index)) STRICT",
              strict ? "(id, chunk_index)) STRICT" : "(id, chunk_index) )");
}

static const char *const damages[] = {
    "DELETE FROM entries_data",
    "UPDATE entries_data SET chunk = substr(chunk, 1, length(chunk) - 1)",
    "UPDATE entries_data SET chunk = CAST(chunk || x'78' AS BLOB)",
    "UPDATE entries_data SET chunk = x''",
    "UPDATE entries_data SET chunk = NULL",
    "UPDATE entries_data SET chunk = 'text'",
    "UPDATE entries_data SET chunk = 17",
};

static void damage_row(const struct server *s, const char *id, int row, const char *damage)
{
    set_strict(s, false);
    db_change(s, "%s WHERE id = '%s' AND chunk_index = %d", damage, id, row);
    set_strict(s, true);
}

/* ---- downloads ------------------------------------------------------------------------------- */

struct asking {
    const struct server *s;
    char path[32];
    int row; /* that is damaged */
};

/* Bytes first to last; whole: without a Range. */
static void expect_no_wrong_byte(const struct asking *a, int64_t first, int64_t last, bool whole)
{
    char range[64];
    const char *const headers[] = {range, NULL};
    struct response r;
    snprintf(range, sizeof range, "Range: bytes=%lld-%lld", (long long)first, (long long)last);
    struct request q = {.path = a->path,
                        .headers = whole ? NULL : headers,
                        .discard = true,
                        .compare = true,
                        .expect_seed = SEED,
                        .expect_offset = first};
    http_do(a->s, &q, &r);
    bool touches = first / CHUNK_BYTES <= a->row && a->row <= last / CHUNK_BYTES;
    if (r.status != 500) {
        assert_int_equal(r.status, whole ? 200 : 206);
        assert_true(r.equal); /* what came is right, … */
        if (r.complete != !touches || (r.complete && r.body_bytes != last - first + 1)) {
            fail_msg("row %d, bytes %lld to %lld: %s after %lld bytes", a->row, (long long)first,
                     (long long)last, r.complete ? "complete" : "broken off",
                     (long long)r.body_bytes);
        }
    }
    response_done(&r);
}

/* A part before the damaged row, if there is one, and one in it. */
static void expect_no_whole_parts(const struct asking *a)
{
    char range[96];
    const char *const headers[] = {range, NULL};
    struct response r;
    snprintf(range, sizeof range, "Range: bytes=0-9,%d-%d", a->row * CHUNK_BYTES + 100,
             a->row * CHUNK_BYTES + 199);
    http_do(a->s, &(struct request){.path = a->path, .headers = headers}, &r);
    if (r.status != 500) {
        assert_int_equal(r.status, 206);
        assert_false(r.complete);
    }
    response_done(&r);
}

static void expect_head(const struct asking *a)
{
    struct response r;
    http_do(a->s, &(struct request){.method = "HEAD", .path = a->path}, &r);
    if (r.status != 500) {
        char length[24];
        snprintf(length, sizeof length, "%d", (int)BYTES);
        expect_answer(&r, 200, "");
        expect_header(&r, "Content-Length", length);
    }
    response_done(&r);
}

static void expect_logged(const struct server *s, const char *key, const char *value)
{
    struct buf log;
    char mark[64];
    buf_init(&log, 1 << 24);
    harness_read_file(s->log, &log);
    snprintf(mark, sizeof mark, " %s=\"%s\"", key, value);
    const char *line = strstr(buf_str(&log), mark);
    if (line == NULL) {
        fail_msg("no %s in the log", mark);
    }
    while (line > buf_str(&log) && line[-1] != '\n') {
        line--;
    }
    assert_non_null(strstr(line, "level=error"));
    buf_done(&log);
}

static void test_downloads(void **state)
{
    static const int rows[] = {0, 2, ROWS - 1};
    const struct server *s = *state;
    for (size_t d = 0; d < ARRAY_LEN(damages); d++) {
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            struct asking a = {.s = s, .row = rows[i]};
            char id[ID_CHARS + 1];
            int64_t from = (int64_t)rows[i] * CHUNK_BYTES;
            upload_bytes(s, "damaged.bin", SEED, BYTES, id);
            damage_row(s, id, rows[i], damages[d]);
            snprintf(a.path, sizeof a.path, "/-%s", id);
            expect_no_wrong_byte(&a, 0, BYTES - 1, true);
            expect_no_wrong_byte(&a, 0, BYTES - 1, false);
            expect_no_wrong_byte(&a, from + 10, from + 19, false);
            expect_no_wrong_byte(&a, CHUNK_BYTES + 5, CHUNK_BYTES + 70000, false);
            expect_no_wrong_byte(&a, BYTES - 1, BYTES - 1, false);
            expect_no_whole_parts(&a);
            expect_head(&a);
            expect_logged(s, "id", id);
            db_change(s, "DELETE FROM downloads; DELETE FROM entries; DELETE FROM entries_data");
        }
    }
}

/* ---- the log --------------------------------------------------------------------------------- */

static void expect_500_and_logged(const struct server *s, const struct request *q)
{
    struct response r;
    http_do(s, q, &r);
    expect_answer(&r, 500, NULL);
    assert_non_null(response_header(&r, "X-Request-Id"));
    expect_logged(s, "request", response_header(&r, "X-Request-Id"));
    response_done(&r);
}

static int count_in_log(const struct server *s, const char *part)
{
    struct buf log;
    int count = 0;
    buf_init(&log, 1 << 24);
    harness_read_file(s->log, &log);
    for (const char *at = buf_str(&log); (at = strstr(at, part)) != NULL; at++) {
        count++;
    }
    buf_done(&log);
    return count;
}

/* Whatever cannot be read, the log has the cause under the request's id (docs/http.md, Errors). */
static void test_failures_are_logged(void **state)
{
    (void)state;
    struct server s;
    char id[LINK_CHARS + 1];
    char guest_path[64];
    const struct request start = {.path = "/", .auth = AUTH_COOKIE};
    const struct request list = {.path = "/files?sort=size", .auth = AUTH_COOKIE};
    const struct request put = {
        .method = "PUT", .path = "/api/upload/a", .auth = AUTH_COOKIE, .text = "x"};
    const struct request put_as_guest = {.method = "PUT", .path = guest_path, .text = "x"};
    const struct request log_in = {
        .method = "POST",
        .path = "/api/auth",
        .text = "{\"sharedSecretKey\":\"" HARNESS_SECRET "\"}",
    };
    const struct request log_out = {.method = "DELETE", .path = "/api/auth", .auth = AUTH_COOKIE};
    server_start(&s, &(struct server_options){0});
    server_sign_in(&s);
    link_create(&s, &(struct guest_link){0}, id);
    snprintf(guest_path, sizeof guest_path, "/api/guest/%s/a", id);
    db_change(&s, "ALTER TABLE settings RENAME TO lost_settings");
    expect_500_and_logged(&s, &start);
    expect_500_and_logged(&s, &put);
    db_change(&s, "UPDATE guest_links SET file_expiration_time = 'a while'");
    expect_500_and_logged(&s, &put_as_guest);
    db_change(&s, "ALTER TABLE guest_links RENAME TO lost_links");
    expect_500_and_logged(&s, &put_as_guest);
    db_change(&s, "ALTER TABLE ext_files RENAME TO lost_files");
    expect_500_and_logged(&s, &list);
    db_change(&s, "ALTER TABLE ext_sessions RENAME TO lost_sessions");
    expect_500_and_logged(&s, &list);
    expect_500_and_logged(&s, &log_in);
    expect_500_and_logged(&s, &log_out);
    server_end(&s);
}

static void test_deletions_are_logged_when_done(void **state)
{
    (void)state;
    struct server s;
    char id[ID_CHARS + 1];
    char path[40];
    server_start(&s, &(struct server_options){0});
    server_sign_in(&s);
    upload_text(&s, "a.txt", NULL, "x", id);
    snprintf(path, sizeof path, "/api/entry/%s", id);
    db_change(&s, "ALTER TABLE downloads RENAME TO lost_downloads");
    expect_500_and_logged(&s,
                          &(struct request){.method = "DELETE", .path = path, .auth = AUTH_COOKIE});
    assert_int_equal(count_in_log(&s, "\"file deleted\""), 0);
    db_change(&s, "ALTER TABLE lost_downloads RENAME TO downloads");
    file_delete(&s, id);
    assert_int_equal(count_in_log(&s, "\"file deleted\""), 1);
    server_end(&s);
}

/* ---- picoshare check ------------------------------------------------------------------------- */

static void run_check(const char *db, const char *flag, struct run_result *r)
{
    const char *const argv[] = {run_binary(), "check", flag != NULL ? flag : db,
                                flag != NULL ? db : NULL, NULL};
    run_program(argv, NULL, r);
}

/* Exit code, and a part of what it says. */
static void expect_verdict(const char *db, const char *flag, int code, const char *part)
{
    struct run_result r;
    run_check(db, flag, &r);
    const char *text = code == 2 ? buf_str(&r.err) : buf_str(&r.out);
    if (r.code != code || strstr(text, part) == NULL || (code == 2 ? r.out : r.err).len > 0) {
        fail_msg("%s: exit code %d, not %d, or no '%s' in\n%s%s", db, r.code, code, part,
                 buf_str(&r.out), buf_str(&r.err));
    }
    run_done(&r);
}

static void make_server(struct server *s)
{
    static const char *const args[] = {"-check-rate", "0", NULL};
    server_start(s, &(struct server_options){.args = args});
}

static void start_again(struct server *s, const char *const *args)
{
    char dir[sizeof s->dir];
    memcpy(dir, s->dir, sizeof dir);
    server_start(s, &(struct server_options){.args = args, .dir = dir});
}

static void file_sha256(const char *path, uint8_t ret_digest[SHA256_BYTES])
{
    struct buf bytes;
    buf_init(&bytes, 1 << 26);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    char block[65536];
    for (ssize_t n = read(fd, block, sizeof block); n > 0; n = read(fd, block, sizeof block)) {
        buf_add(&bytes, block, (size_t)n);
    }
    close(fd);
    assert_int_equal(sha256_of(buf_slice(&bytes), ret_digest), ERR_OK);
    buf_done(&bytes);
}

static bool exists_beside(const struct server *s, const char *suffix)
{
    char path[300];
    snprintf(path, sizeof path, "%s%s", s->db, suffix);
    return access(path, F_OK) == 0;
}

static void test_check_of_a_whole_database(void **state)
{
    (void)state;
    struct server s;
    char id[ID_CHARS + 1];
    uint8_t before[SHA256_BYTES];
    uint8_t after[SHA256_BYTES];
    make_server(&s);
    upload_bytes(&s, "one.bin", SEED, BYTES, id);
    upload_bytes(&s, "two.bin", SEED, 2 * CHUNK_BYTES, id);
    upload_text(&s, "three.txt", NULL, "x", id);
    expect_verdict(s.db, NULL, 2, "in use by another process");
    server_end(&s);
    file_sha256(s.db, before);
    expect_verdict(s.db, NULL, 0, "3 files of 1.88 MB, no damage");
    expect_verdict(s.db, "-quick", 0, "not compared");
    expect_verdict(s.db, "--quick", 0, "3 files of 1.88 MB, no damage");
    file_sha256(s.db, after);
    assert_memory_equal(before, after, sizeof after);
    assert_false(exists_beside(&s, "-wal") || exists_beside(&s, "-shm"));

    /* What a server that was killed has left: the log is a part of it, and so are the rows of an
     * upload that was cut off. */
    start_again(&s, NULL);
    upload_text(&s, "four.txt", NULL, "x", id);
    db_change(&s, "INSERT INTO entries_data VALUES ('cutOff2222', 0, x'00')");
    server_kill(&s);
    assert_true(exists_beside(&s, "-wal"));
    expect_verdict(s.db, NULL, 0, "4 files of 1.88 MB, no damage");
    expect_verdict(s.db, NULL, 0, "note: 1 chunk rows belong to no file");
}

static void test_check_finds(void **state)
{
    static const struct {
        const char *damage; /* %s: the id */
        const char *text;
        bool quick; /* it can be seen without reading contents */
    } cases[] = {
        {"DELETE FROM entries_data WHERE id = '%s' AND chunk_index = 0", "chunk row 0 is missing",
         true},
        {"DELETE FROM entries_data WHERE id = '%s' AND chunk_index = 2", "chunk row 2 is missing",
         true},
        {"DELETE FROM entries_data WHERE id = '%s' AND chunk_index = 4",
         "it has 1310720 bytes instead of 1311720", true},
        {"DELETE FROM entries_data WHERE id = '%s'", "all chunk rows are missing", true},
        {"UPDATE entries_data SET chunk = substr(chunk, 2) WHERE id = '%s' AND chunk_index = 1",
         "chunk row 1 has 327679 bytes instead of 327680", true},
        {"UPDATE entries_data SET chunk = zeroblob(327681) WHERE id = '%s' AND chunk_index = 1",
         "chunk row 1 has 327681 bytes instead of 327680", true},
        {"UPDATE entries_data SET chunk = x'' WHERE id = '%s' AND chunk_index = 3",
         "chunk row 3 has 0 bytes instead of 327680", true},
        {"UPDATE entries_data SET chunk = zeroblob(999) WHERE id = '%s' AND chunk_index = 4",
         "it has 1311719 bytes instead of 1311720", true},
        {"UPDATE entries_data SET chunk = zeroblob(327680) WHERE id = '%s' AND chunk_index = 3",
         "its bytes do not have the recorded SHA-256", false},
        {"UPDATE entries_data SET chunk_index = 7 WHERE id = '%s' AND chunk_index = 4",
         "chunk row 4 is missing", true},
    };
    (void)state;
    struct server s;
    char whole[ID_CHARS + 1];
    char id[ARRAY_LEN(cases)][ID_CHARS + 1];
    make_server(&s);
    upload_bytes(&s, "whole.bin", SEED, BYTES, whole);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char sql[200];
        struct buf text;
        buf_init(&text, sizeof sql - 1);
        upload_bytes(&s, "damaged.bin", SEED, BYTES, id[i]);
        const char *at = strstr(cases[i].damage, "%s");
        buf_add(&text, cases[i].damage, (size_t)(at - cases[i].damage));
        buf_add_str(&text, id[i]);
        buf_add_str(&text, at + 2);
        db_change(&s, "%s", buf_str(&text));
        buf_done(&text);
    }
    server_end(&s);
    for (int quick = 0; quick < 2; quick++) {
        struct run_result r;
        run_check(s.db, quick ? "-quick" : NULL, &r);
        assert_int_equal(r.code, 1);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            char line[200];
            snprintf(line, sizeof line, "damaged: %s \"damaged.bin\": %s\n", id[i], cases[i].text);
            if ((strstr(buf_str(&r.out), line) != NULL) != (!quick || cases[i].quick)) {
                fail_msg("'%s' in\n%s", line, buf_str(&r.out));
            }
        }
        assert_null(strstr(buf_str(&r.out), whole));
        assert_non_null(
            strstr(buf_str(&r.out), quick ? "damaged files: 9," : "damaged files: 10,"));
        run_done(&r);
    }
}

/* Names are other people's: a terminal must not obey them. */
static void test_check_escapes_names(void **state)
{
    (void)state;
    struct server s;
    char id[ID_CHARS + 1];
    make_server(&s);
    upload_text(&s, "x", NULL, "x", id);
    db_change(&s, "UPDATE entries SET filename = 'a' || char(27, 10, 0x9b, 0x202e) ||"
                  " CAST(x'ff' AS TEXT) || '\"\\' || char(0xe4); DELETE FROM entries_data");
    server_end(&s);
    struct run_result r;
    run_check(s.db, NULL, &r);
    assert_int_equal(r.code, 1);
    assert_non_null(strstr(buf_str(&r.out), " \"a\\x1b\\x0a\\xc2\\x9b\\xe2\\x80\\xae\\xff\\\"\\\\"
                                            "\xc3\xa4\": all chunk rows are missing\n"));
    run_done(&r);
}

/* A type, an index, a reference that SQLite or we find wrong, and pages that are gone. */
static void test_check_of_the_database_itself(void **state)
{
    (void)state;
    struct server s;
    char id[ID_CHARS + 1];
    make_server(&s);
    upload_bytes(&s, "lost.bin", SEED, BYTES, id);
    db_change(&s, "DELETE FROM entries");
    upload_bytes(&s, "x.bin", SEED, BYTES, id);
    damage_row(&s, id, 2, "UPDATE entries_data SET chunk = NULL");
    db_change(&s, "PRAGMA foreign_keys = OFF; INSERT INTO downloads VALUES"
                  " ('nobody2222', '2026-01-01T00:00:00Z', '', '');"
                  "UPDATE entries SET guest_link_id = 'nobodysLink22222'");
    server_end(&s);
    expect_verdict(s.db, NULL, 1, "damaged: database: NULL value in entries_data.chunk\n");
    expect_verdict(s.db, NULL, 1, "chunk row 2 holds no bytes\n");
    expect_verdict(s.db, NULL, 1, "1 rows of the download history belong to no file\n");
    expect_verdict(s.db, NULL, 1, "1 files belong to guest links that are not there\n");
    expect_verdict(s.db, NULL, 1, "1 files have contents and a recorded size, but no entry\n");
    expect_verdict(s.db, NULL, 1, "damaged files: 1, findings in the database itself: 4\n");

    struct stat st;
    assert_int_equal(stat(s.db, &st), 0);
    assert_int_equal(truncate(s.db, st.st_size / 2 / 16384 * 16384), 0);
    expect_verdict(s.db, NULL, 1, "damaged: ");
}

/* What PicoShare stored has no digest: its rows are looked at. */
static void test_check_without_digests(void **state)
{
    (void)state;
    struct server s;
    char id[ID_CHARS + 1];
    make_server(&s);
    upload_bytes(&s, "x.bin", SEED, BYTES, id);
    server_end(&s);
    db_change(&s, "DROP TABLE ext_files");
    expect_verdict(s.db, NULL, 0, "the bytes of 1 files could not be compared");
    db_change(&s, "DELETE FROM entries_data WHERE chunk_index = 1");
    expect_verdict(s.db, NULL, 1, "chunk row 1 is missing");
}

static void test_check_cannot_run(void **state)
{
    (void)state;
    char dir[200];
    char path[256];
    harness_new_dir(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/a file?#%%20.db", dir);
    expect_verdict(path, NULL, 2, "No such file");
    harness_write_file(path, "");
    expect_verdict(path, NULL, 2, "is empty");
    harness_write_file(path, "This is no database, whatever it is called, since it has no pages.");
    expect_verdict(path, NULL, 2, "is not a database");
    expect_verdict(path, "-no-such-flag", 2, "unknown option: -no-such-flag");
    const struct {
        int layout;
        const char *sql, *text;
    } cases[] = {
        {OLD_NEWEST, "PRAGMA user_version = 16", "has version 16"},
        {8, NULL, "has version 8, not 15"},
        {OLD_1_0, NULL, "has version 0, not 15"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(unlink(path), 0);
        old_database_make(path,
                          &(struct old_database){.layout = cases[i].layout, .sql = cases[i].sql});
        expect_verdict(path, NULL, 2, cases[i].text);
    }
    assert_int_equal(unlink(path), 0);
    old_database_make(path, &(struct old_database){.layout = OLD_NEWEST});
    expect_verdict(path, NULL, 0, "no damage");
    static const char *const help[] = {"check", "--help", NULL};
    const char *const argv[] = {run_binary(), help[0], help[1], NULL};
    struct run_result r;
    run_program(argv, NULL, &r);
    assert_int_equal(r.code, 0);
    assert_non_null(strstr(buf_str(&r.out), "picoshare check"));
    run_done(&r);
}

/* ---- in the background ----------------------------------------------------------------------- */

static void wait_for_figure(const struct server *s, const char *part)
{
    int64_t end = harness_now_ms() + HANG_SECONDS * 1000;
    for (bool found = false; !found; harness_sleep_ms(50)) {
        struct response r;
        http_do(s, &(struct request){.path = "/api/system", .auth = AUTH_BASIC}, &r);
        expect_answer(&r, 200, NULL);
        found = strstr(response_text(&r), part) != NULL;
        if (!found && harness_now_ms() > end) {
            expect_part(&r, part);
        }
        response_done(&r);
    }
}

static void wait_for_log(const struct server *s, const char *part)
{
    int64_t end = harness_now_ms() + HANG_SECONDS * 1000;
    while (count_in_log(s, part) == 0) {
        assert_true(harness_now_ms() < end);
        harness_sleep_ms(20);
    }
}

static void restart(struct server *s, const char *const *args)
{
    server_end(s);
    db_change(s, "DELETE FROM ext_meta WHERE key = 'scrub'"); /* a new round at once */
    start_again(s, args);
}

static void test_background(void **state)
{
    static const char *const args[] = {"-check-rate", "1000", NULL};
    static const char damaged_line[] = "level=error msg=\"file is damaged\"";
    (void)state;
    struct server s;
    struct response r;
    char whole[ID_CHARS + 1];
    char bad[ID_CHARS + 1];
    char part[200];
    server_start(&s, &(struct server_options){.args = args});
    upload_bytes(&s, "whole.bin", SEED, BYTES, whole);
    upload_bytes(&s, "bad.bin", SEED, BYTES, bad);
    db_change(&s,
              "UPDATE entries_data SET chunk = zeroblob(%d) WHERE id = '%s' AND"
              " chunk_index = 4",
              LAST_BYTES, bad);
    restart(&s, args);
    wait_for_figure(&s, "\"damagedFiles\":1");
    wait_for_figure(&s, "\"check\":\"waiting\"");
    assert_int_equal(count_in_log(&s, damaged_line), 1);
    snprintf(part, sizeof part, "id=\"%s\" name=\"bad.bin\" reason=\"its bytes do not have", bad);
    assert_int_equal(count_in_log(&s, part), 1);
    snprintf(part, sizeof part, "\"checkedLastId\":\"%s\"", bad);
    wait_for_figure(&s, part);
    http_do(&s, &(struct request){.path = "/information", .auth = AUTH_BASIC}, &r);
    expect_part(&r, "<strong>Damaged files: 1</strong>");
    expect_part(&r, "All files were looked at by <time");
    response_done(&r);

    restart(&s, args); /* it is known already */
    wait_for_figure(&s, part);
    wait_for_figure(&s, "\"check\":\"waiting\"");
    wait_for_figure(&s, "\"damagedFiles\":1");
    assert_int_equal(count_in_log(&s, damaged_line), 0);

    snprintf(part, sizeof part, "/api/entry/%s", bad);
    http_do(&s, &(struct request){.method = "DELETE", .path = part, .auth = AUTH_BASIC}, &r);
    assert_int_equal(r.status, 200);
    response_done(&r);
    wait_for_figure(&s, "\"damagedFiles\":0");
    server_end(&s);
}

static void test_background_off(void **state)
{
    static const char *const args[] = {"-check-rate", "0", NULL};
    (void)state;
    struct server s;
    struct response r;
    server_start(&s, &(struct server_options){.args = args});
    wait_for_figure(&s, "\"check\":\"off\",\"checkedLastId\":null,\"checkedLastTime\":null,"
                        "\"checkedAllTime\":null,\"damagedFiles\":0");
    http_do(&s, &(struct request){.path = "/information", .auth = AUTH_BASIC}, &r);
    expect_part(&r, "Looking for damage is turned off");
    expect_part(&r, "Damaged files: none found");
    response_done(&r);
    server_end(&s);
}

/* ---- the owner's pages ----------------------------------------------------------------------- */

struct damaged_file {
    const char *name;
    const char *damage; /* SQL */
    const char *size;   /* on the information page, … */
    const char *listed; /* … and in the list, which knows what was noted */
    char id[ID_CHARS + 1];
};

static void get_page(const struct server *s, const char *id, const char *page, struct response *ret)
{
    char path[64];
    snprintf(path, sizeof path, "/files/%s/%s", id, page);
    http_do(s, &(struct request){.path = path, .auth = AUTH_COOKIE}, ret);
}

/* size NULL: it is not in the list. */
static void expect_listed(const struct server *s, const char *name, const char *size)
{
    char row[200];
    struct response r;
    http_do(s, &(struct request){.path = "/files", .auth = AUTH_COOKIE}, &r);
    expect_answer(&r, 200, NULL);
    snprintf(row, sizeof row, ">%s</a></td>\n<td role=\"cell\"></td>\n<td role=\"cell\">%s%s", name,
             size != NULL ? size : "", size != NULL ? "</td>" : "");
    if (size != NULL) {
        expect_part(&r, row);
    } else {
        expect_no_part(&r, row);
    }
    response_done(&r);
}

static void expect_shown_as_damaged(const struct server *s, const struct damaged_file *file)
{
    static const char *const pages[] = {"info", "edit", "downloads", "confirm-delete"};
    char part[64];
    struct response r;
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        get_page(s, file->id, pages[i], &r);
        expect_answer(&r, 200, NULL);
        expect_part(&r, file->name);
        if (i == 0) {
            expect_part(&r, "This file is damaged");
            snprintf(part, sizeof part, "<div class=\"value\">%s</div>", file->size);
            expect_part(&r, part);
        }
        response_done(&r);
    }
    expect_listed(s, file->name, file->listed);
}

static void expect_not_served(const struct server *s, const struct damaged_file *file, int status)
{
    char path[16];
    struct response r;
    snprintf(path, sizeof path, "/-%s", file->id);
    http_get(s, path, &r);
    expect_answer(&r, status, NULL);
    response_done(&r);
}

static void expect_can_be_deleted(const struct server *s, const struct damaged_file *file)
{
    char path[40];
    struct response r;
    snprintf(path, sizeof path, "/api/entry/%s", file->id);
    api_expect(s, "PUT", path, "{\"filename\":\"renamed.bin\"}", 200, "");
    file_delete(s, file->id);
    get_page(s, file->id, "info", &r);
    expect_answer(&r, 404, NULL);
    response_done(&r);
    expect_listed(s, "renamed.bin", NULL);
}

/* They say that it is damaged and let the owner delete it, also after a collection. */
static void test_pages_of_damaged_files(void **state)
{
#define ID_OF(name) "(SELECT id FROM entries WHERE filename = '" name "')"
#define NOTE(name) "INSERT INTO ext_damaged VALUES (" ID_OF(name) ", 1, 'its rows')"
    static struct damaged_file files[] = {
        {"first.bin", "DELETE FROM entries_data WHERE chunk_index = 0 AND id = " ID_OF("first.bin"),
         "1.25 MB", "1.25 MB", ""},
        {"all.bin", "DELETE FROM entries_data WHERE id = " ID_OF("all.bin"), "1.25 MB", "1.25 MB",
         ""},
        {"last.bin",
         "DELETE FROM entries_data WHERE chunk_index = 4 AND id = " ID_OF("last.bin") ";" NOTE(
             "last.bin"),
         "1.25 MB", "1.25 MB (damaged)", ""},
        {"foreign.bin",
         "DELETE FROM entries_data WHERE chunk_index = 0 AND id = " ID_OF(
             "foreign.bin") ";"
                            "DELETE FROM ext_files WHERE id = " ID_OF("foreign.bin"),
         "Unknown", "Damaged", ""},
        {"noted.bin",
         "DELETE FROM entries_data WHERE id = " ID_OF(
             "noted.bin") ";"
                          "DELETE FROM ext_files WHERE id = " ID_OF("noted.bin") ";" NOTE(
                              "noted.bin"),
         "Unknown", "Damaged", ""},
    };
    static const char *const args[] = {"-check-rate", "0", NULL};
    (void)state;
    struct server s;
    struct response r;
    char whole[ID_CHARS + 1];
    make_server(&s);
    server_sign_in(&s);
    upload_bytes(&s, "whole.bin", SEED, BYTES, whole);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        upload_bytes(&s, files[i].name, SEED, BYTES, files[i].id);
        db_change(&s, "%s", files[i].damage);
    }
    for (int starts = 1; starts <= 2; starts++) {
        for (size_t i = 0; i < ARRAY_LEN(files); i++) {
            expect_shown_as_damaged(&s, &files[i]);
            /* Without any row it is no file for those who download. */
            bool empty =
                strcmp(files[i].name, "all.bin") == 0 || strcmp(files[i].name, "noted.bin") == 0;
            expect_not_served(&s, &files[i], empty ? 404 : 500);
        }
        get_page(&s, whole, "info", &r);
        expect_answer(&r, 200, NULL);
        expect_no_part(&r, "damaged");
        response_done(&r);
        expect_listed(&s, "whole.bin", "1.25 MB");
        if (starts == 1) {
            server_end(&s);
            start_again(&s, args);
            server_sign_in(&s);
            wait_for_log(&s, "msg=\"collected\"");
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        expect_can_be_deleted(&s, &files[i]);
    }
    server_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_downloads),
        cmocka_unit_test(test_failures_are_logged),
        cmocka_unit_test(test_deletions_are_logged_when_done),
        cmocka_unit_test(test_check_of_a_whole_database),
        cmocka_unit_test(test_check_finds),
        cmocka_unit_test(test_check_escapes_names),
        cmocka_unit_test(test_check_of_the_database_itself),
        cmocka_unit_test(test_check_without_digests),
        cmocka_unit_test(test_check_cannot_run),
        cmocka_unit_test(test_background),
        cmocka_unit_test(test_background_off),
        cmocka_unit_test(test_pages_of_damaged_files),
    };
    return harness_main(tests, server_group_setup, server_group_teardown);
}
