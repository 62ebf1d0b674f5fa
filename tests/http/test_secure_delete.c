/* What a deletion leaves in the database's file, with -secure-delete and without
 * (docs/database.md). A pattern is planted in a file's contents, name and note; the program is
 * stopped after the deletion, which copies the log into the file and removes it. */
#include "api.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATTERN "planted-7f3a9c-contents-"
#define NAME "planted-7f3a9c-name.txt"
#define NOTE "planted-7f3a9c-note"

enum { REPEATS = 100000 }; /* 2.4 MB: several chunk rows */

/* How often the file holds the text; it may be large, and holds zeros. Not by memmem: to a
 * sanitizer each call of it touches all that is left. */
static size_t count_in_file(const char *path, const char *text)
{
    struct buf bytes;
    size_t len = strlen(text);
    size_t count = 0;
    harness_read_file(path, &bytes);
    const char *end = bytes.ptr + bytes.len;
    const char *at = bytes.ptr;
    while ((at = memchr(at, text[0], (size_t)(end - at))) != NULL && (size_t)(end - at) >= len) {
        bool found = memcmp(at, text, len) == 0;
        count += found;
        at += found ? len : 1;
    }
    buf_done(&bytes);
    return count;
}

static void upload_pattern(const struct server *s, char ret_id[ID_CHARS + 1])
{
    size_t size = REPEATS * strlen(PATTERN);
    char *text = malloc(size + 1);
    assert_non_null(text);
    for (size_t i = 0; i < REPEATS; i++) {
        memcpy(text + i * strlen(PATTERN), PATTERN, strlen(PATTERN));
    }
    text[size] = '\0';
    struct response r;
    const struct part parts[] = {
        {.name = "file", .filename = NAME, .text = text}, {.name = "note", .text = NOTE}, {0}};
    http_do(s,
            &(struct request){
                .method = "POST", .path = "/api/entry", .auth = AUTH_BASIC, .parts = parts},
            &r);
    free(text);
    expect_answer(&r, 200, NULL);
    assert_true(response_id(&r, ret_id));
    response_done(&r);
}

/* Uploads, looks that everything is in the file, deletes; then the counts of what is left. */
static void upload_and_delete(const char *const *args, const char *const *env, char ret_db[256],
                              size_t *ret_contents, size_t *ret_words)
{
    struct server s;
    char kept[ID_CHARS + 1];
    char id[ID_CHARS + 1];
    char path[64];
    char wal[300];
    struct response r;
    server_start(&s, &(struct server_options){.args = args, .env = env});
    upload_text(&s, "kept.txt", NULL, "dummy data", kept);
    upload_pattern(&s, id);
    server_end(&s);
    assert_in_range(count_in_file(s.db, PATTERN), REPEATS * 99 / 100, REPEATS); /* some are split */
    assert_int_not_equal(count_in_file(s.db, NAME), 0);

    char dir[200];
    snprintf(dir, sizeof dir, "%s", s.dir);
    server_start(&s, &(struct server_options){.args = args, .env = env, .dir = dir});
    snprintf(path, sizeof path, "/api/entry/%s", id);
    http_do(&s, &(struct request){.method = "DELETE", .path = path, .auth = AUTH_BASIC}, &r);
    expect_answer(&r, 200, NULL);
    response_done(&r);
    assert_true(db_wait_no_orphans(&s));
    server_end(&s);
    snprintf(wal, sizeof wal, "%s-wal", s.db);
    assert_int_equal(access(wal, F_OK), -1);
    *ret_contents = count_in_file(s.db, PATTERN);
    *ret_words = count_in_file(s.db, NAME) + count_in_file(s.db, NOTE);
    assert_int_equal(db_entries(&s), 1);
    snprintf(ret_db, sizeof s.db, "%s", s.db);
}

/* Contents stay in free pages, until the statement of docs/database.md; a name and a note are
 * overwritten with the rows they stand in. */
static void test_without(void **state)
{
    (void)state;
    size_t contents = 0;
    size_t words = 0;
    char db[256];
    upload_and_delete(NULL, NULL, db, &contents, &words);
    assert_in_range(contents, REPEATS / 2, REPEATS);
    assert_int_equal(words, 0);
    const char *const argv[] = {"sqlite3", db, "PRAGMA secure_delete=ON; VACUUM", NULL};
    struct run_result run;
    run_program(argv, NULL, &run);
    assert_int_equal(run.code, 0);
    run_done(&run);
    assert_int_equal(count_in_file(db, PATTERN), 0);
}

static void test_with(void **state)
{
    static const char *const forms[][2] = {{"-secure-delete"}, {"--secure-delete"}, {NULL}};
    static const char *const env[] = {"PS_SECURE_DELETE=1", NULL};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        size_t contents = 0;
        size_t words = 0;
        char db[256];
        upload_and_delete(forms[i], forms[i][0] == NULL ? env : NULL, db, &contents, &words);
        assert_int_equal(contents, 0);
        assert_int_equal(words, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without),
        cmocka_unit_test(test_with),
    };
    return harness_main(tests, NULL, NULL);
}
