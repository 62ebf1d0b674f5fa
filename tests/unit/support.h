/* support.h — what several unit tests need: a directory of their own, a clock and random bytes that
 * obey, an open store, and plain SQL on its file through a second connection.
 *
 * Every helper fails the running test when something goes wrong, so its callers do not check. All
 * functions are inline, since each test is a program of one source file. */
#ifndef TESTS_UNIT_SUPPORT_H
#define TESTS_UNIT_SUPPORT_H

#include "picoshare/base/check.h"
#include "picoshare/base/clock.h"
#include "picoshare/base/rng.h"
#include "picoshare/store/store.h"
#include "scale.h"
#include <dirent.h>
#include <semaphore.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- how much ---- */

/* Many tries in a row: all of them, fewer with PICOSHARE_TEST_SCALE=small, and fewest where that
 * meets a sanitizer, with which each takes many times as long. */
static inline int64_t scaled(int64_t full, int64_t small, int64_t sanitized)
{
    if (!is_small_scale()) {
        return full;
    }
    return SANITIZED ? sanitized : small;
}

/* ---- time ---- */

enum { TEST_NOW_S = 1767225600 }; /* 2026-01-01T00:00:00Z */

struct fake_clock {
    struct clock clock;
    _Atomic int64_t now_s;
    _Atomic int64_t mono_ms;
    _Atomic int64_t step_ms; /* the monotonic clock moves on by this with every look at it */
};

static inline int64_t fake_now_ns(const struct clock *clock)
{
    struct fake_clock *fake = CONTAINER_OF(clock, struct fake_clock, clock);
    return fake->now_s * 1000000000;
}

static inline int64_t fake_mono_ns(const struct clock *clock)
{
    struct fake_clock *fake = CONTAINER_OF(clock, struct fake_clock, clock);
    return 1000000 * atomic_fetch_add(&fake->mono_ms, fake->step_ms);
}

static inline void fake_clock_init(struct fake_clock *fake)
{
    fake->clock = (struct clock){fake_now_ns, fake_mono_ns};
    fake->now_s = TEST_NOW_S;
    fake->mono_ms = 1000000;
    fake->step_ms = 0;
}

static inline void sleep_ms(long ms)
{
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&pause, NULL);
}

/* ---- random bytes ---- */

struct fake_rng {
    struct rng rng;
    _Atomic uint64_t position; /* the same position gives the same bytes again */
    _Atomic bool broken;       /* fill fails with ERR_IO */
};

static inline uint8_t fake_byte(uint64_t position)
{
    uint64_t z = (position + 1) * UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint8_t)(z >> 56);
}

static inline err_t fake_fill(const struct rng *rng, void *bytes, size_t len)
{
    struct fake_rng *fake = CONTAINER_OF(rng, struct fake_rng, rng);
    if (fake->broken) {
        return ERR_IO;
    }
    uint64_t start = atomic_fetch_add(&fake->position, len);
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)bytes)[i] = fake_byte(start + i);
    }
    return ERR_OK;
}

static inline void fake_rng_init(struct fake_rng *fake)
{
    fake->rng = (struct rng){fake_fill};
    fake->position = 0;
    fake->broken = false;
}

/* Contents for a file: different at every position and for every seed. Owned by the caller. */
static inline char *make_bytes(uint64_t seed, size_t len)
{
    char *bytes = malloc(len + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (char)fake_byte(seed << 32 | i);
    }
    return bytes;
}

/* ---- files ---- */

enum { TEST_PATH_BYTES = 256 };

static inline void temp_dir_make(char ret_dir[TEST_PATH_BYTES])
{
    const char *parent = getenv("TMPDIR");
    (void)snprintf(ret_dir, TEST_PATH_BYTES, "%s/picoshare-unit-XXXXXX",
                   parent != NULL ? parent : "/tmp");
    assert_non_null(mkdtemp(ret_dir));
}

/* Removes a directory of plain files. */
static inline void temp_dir_remove(const char *dir)
{
    DIR *list = opendir(dir);
    assert_non_null(list);
    for (struct dirent *item = readdir(list); item != NULL; item = readdir(list)) {
        if (strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0) {
            assert_int_equal(unlinkat(dirfd(list), item->d_name, 0), 0);
        }
    }
    assert_int_equal(closedir(list), 0);
    assert_int_equal(rmdir(dir), 0);
}

/* All bytes of a file; owned by the caller. */
static inline char *read_file(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    assert_true(size >= 0);
    rewind(file);
    char *bytes = malloc((size_t)size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, (size_t)size, file), size);
    assert_int_equal(fclose(file), 0);
    *ret_len = (size_t)size;
    return bytes;
}

/* ---- SQL beside the store ---- */

static inline sqlite3 *sql_open(const char *path)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_busy_timeout(db, 5000), SQLITE_OK);
    return db;
}

/* Runs statements; parameters as in sqlite3_mprintf (%Q quotes). */
static inline void sql_run(const char *path, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *sql = sqlite3_vmprintf(fmt, args);
    va_end(args);
    sqlite3 *db = sql_open(path);
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("%s: %s", sql, message);
    }
    sqlite3_free(sql);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The first value of the first row as text: "-" when there is no row or the value is NULL. */
static inline void sql_ask(const char *path, char *ret_text, size_t size, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *sql = sqlite3_vmprintf(fmt, args);
    va_end(args);
    sqlite3 *db = sql_open(path);
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    }
    const char *text = NULL;
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        text = (const char *)sqlite3_column_text(stmt, 0);
    }
    (void)snprintf(ret_text, size, "%s", text != NULL ? text : "-");
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    sqlite3_free(sql);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static inline void assert_sql_(const char *path, const char *sql, const char *want,
                               const char *file, int line)
{
    char text[512];
    sql_ask(path, text, sizeof text, "%s", sql);
    if (strcmp(text, want) != 0) {
        print_error("%s: \"%s\", not \"%s\"\n", sql, text, want);
        _fail(file, line);
    }
}

/* The query's first value is this text. */
#define assert_sql(path, sql, want) assert_sql_(path, sql, want, __FILE__, __LINE__)

/* The file is a sound database. */
static inline void assert_sound(const char *path)
{
    assert_sql(path, "PRAGMA integrity_check", "ok");
    assert_sql(path, "SELECT count(*) FROM pragma_foreign_key_check", "0");
}

/* ---- a store ---- */

struct fixture {
    char dir[TEST_PATH_BYTES];
    char path[TEST_PATH_BYTES + 16];
    struct fake_clock clock;
    struct fake_rng rng;
    struct store_options options;
    struct store *store;
};

static inline void fixture_open(struct fixture *fix)
{
    struct err_info info = {""};
    err_t err = store_open(&fix->options, &fix->store, &info);
    if (err != ERR_OK) {
        fail_msg("store_open: %s: %s", err_name(err), info.text);
    }
}

static inline void fixture_close(struct fixture *fix)
{
    store_close(TAKE(fix->store));
}

static inline void fixture_reopen(struct fixture *fix)
{
    fixture_close(fix);
    fixture_open(fix);
}

/* A directory and options for a store that is not open yet. */
static inline int fixture_prepare(void **state)
{
    struct fixture *fix = calloc(1, sizeof *fix);
    assert_non_null(fix);
    temp_dir_make(fix->dir);
    (void)snprintf(fix->path, sizeof fix->path, "%s/store.db", fix->dir);
    fake_clock_init(&fix->clock);
    fake_rng_init(&fix->rng);
    fix->options = (struct store_options){.path = fix->path, .clock = &fix->clock.clock};
    *state = fix;
    return 0;
}

static inline int fixture_setup(void **state)
{
    (void)fixture_prepare(state);
    fixture_open(*state);
    return 0;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *fix = *state;
    fixture_close(fix);
    temp_dir_remove(fix->dir);
    free(fix);
    return 0;
}

#define fixture_test(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

/* ---- the writer ---- */

/* A job that holds the writer up, so that others gather behind it. */
struct gate {
    struct store_job job;
    sem_t entered, open, left;
};

static inline err_t run_gate(struct store *store, struct store_job *job)
{
    (void)store;
    struct gate *gate = job->owner;
    assert_int_equal(sem_post(&gate->entered), 0);
    while (sem_wait(&gate->open) != 0) {
    }
    return ERR_OK;
}

static inline void done_gate(struct store_job *job)
{
    struct gate *gate = job->owner;
    assert_int_equal(sem_post(&gate->left), 0);
}

static inline void gate_shut(struct gate *gate, struct store *store)
{
    assert_int_equal(sem_init(&gate->entered, 0, 0), 0);
    assert_int_equal(sem_init(&gate->open, 0, 0), 0);
    assert_int_equal(sem_init(&gate->left, 0, 0), 0);
    gate->job =
        (struct store_job){.run = run_gate, .done = done_gate, .owner = gate, .lane = STORE_URGENT};
    store_submit(store, &gate->job);
    assert_int_equal(sem_wait(&gate->entered), 0);
}

static inline void gate_open(struct gate *gate)
{
    assert_int_equal(sem_post(&gate->open), 0);
    assert_int_equal(sem_wait(&gate->left), 0);
}

static inline err_t run_nothing(struct store *store, struct store_job *job)
{
    (void)store;
    (void)job;
    return ERR_OK;
}

/* Returns when every job submitted before has run; an idle one, once at least. */
static inline void gate_settle(struct store *store)
{
    static const enum store_lane lanes[] = {STORE_URGENT, STORE_BULK, STORE_IDLE};
    for (size_t i = 0; i < ARRAY_LEN(lanes); i++) {
        struct store_job job = {.run = run_nothing, .lane = lanes[i]};
        assert_int_equal(store_run(store, &job), ERR_OK);
    }
}

/* ---- files in the store ---- */

static inline err_t append_chunk(struct store *store, struct store_draft *draft, int64_t index,
                                 const void *bytes, size_t len)
{
    struct store_append append;
    store_append_init(&append);
    append.draft = draft;
    append.chunk_index = index;
    append.bytes = bytes;
    append.len = len;
    return store_run(store, &append.job);
}

static inline err_t publish_files(struct store *store, const struct store_new_file *files,
                                  size_t count, int64_t upload_time, int64_t expiration_time)
{
    struct store_publish publish;
    store_publish_init(&publish);
    publish.files = files;
    publish.files_count = count;
    publish.upload_time = upload_time;
    publish.expiration_time = expiration_time;
    return store_run(store, &publish.job);
}

/* Stores a visible file in chunks of the given size, the last one with the publish job. */
static inline void store_file(struct store *store, const char *id, const char *bytes, size_t len,
                              size_t chunk_bytes, int64_t upload_time, int64_t expiration_time)
{
    struct store_draft draft;
    store_draft_init(&draft, id);
    struct store_new_file file = {
        .draft = &draft, .filename = id, .content_type = "text/plain", .size = (int64_t)len};
    size_t pos = 0;
    for (; len - pos > chunk_bytes; pos += chunk_bytes) {
        assert_int_equal(append_chunk(store, &draft, file.chunks++, bytes + pos, chunk_bytes),
                         ERR_OK);
    }
    file.last_chunk = slice_of(bytes + pos, len - pos);
    file.chunks++;
    assert_int_equal(sha256_of(slice_of(bytes, len), file.sha256), ERR_OK);
    assert_int_equal(publish_files(store, &file, 1, upload_time, expiration_time), ERR_OK);
}

static inline bool file_exists(struct store *store, const char *id)
{
    struct store_entry entry;
    err_t err = store_find_entry(store, id, &entry);
    assert_true(err == ERR_OK || err == ERR_NOTFOUND);
    if (err == ERR_OK) {
        store_entry_done(&entry);
    }
    return err == ERR_OK;
}

/* The stored file is these bytes, in the way its reader sees it. */
static inline void assert_file(struct store *store, const char *id, const char *bytes, size_t len)
{
    struct store_entry entry;
    assert_int_equal(store_find_entry(store, id, &entry), ERR_OK);
    assert_int_equal(entry.size, len);
    enum { STEP = 65536 }; /* the most that one read may ask for */
    char *block = malloc(STEP);
    assert_non_null(block);
    for (size_t pos = 0; pos < len;) {
        size_t offset = pos % entry.chunk_bytes;
        size_t row =
            entry.chunk_bytes < len - (pos - offset) ? entry.chunk_bytes : len - (pos - offset);
        size_t n = row - offset < STEP ? row - offset : STEP;
        assert_int_equal(
            store_read_chunk(store, id, (int64_t)(pos / entry.chunk_bytes), row, offset, block, n),
            ERR_OK);
        assert_memory_equal(block, bytes + pos, n);
        pos += n;
    }
    free(block);
    store_entry_done(&entry);
}

#endif
