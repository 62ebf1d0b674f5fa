/* raw_insert — the floor under the upload speed: the rows of one upload, inserted as fast as
 * SQLite takes them, with the server's schema and settings but without network, parser, digest or
 * threads.
 *
 *     bench_raw_insert DATABASE BYTES [CHUNKS_PER_TRANSACTION]
 *
 * prints "bytes seconds cpu_seconds" for the time from the first row to the durable commit of the
 * entry. The store prepares the database, which may be one of PicoShare's. Chunk rows are committed
 * under synchronous=NORMAL, a passive checkpoint follows each WAL_SOFT_BYTES of log, and the entry
 * is published under FULL, as in src/store/writer.c. */
#include "picoshare/base/clock.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/num.h"
#include "picoshare/base/rng.h"
#include "picoshare/store/store.h"
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* As many chunks as the server waits for. */
enum { DEFAULT_CHUNKS_PER_TRANSACTION = BATCH_WANTED_BYTES / CHUNK_BYTES, PATTERNS = 16 };

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static void exec(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        die(sql, sqlite3_errmsg(db));
    }
}

static void make_database(const char *path)
{
    struct store *store;
    struct err_info info = {""};
    const struct store_options options = {.path = path, .clock = &clock_system};
    if (store_open(&options, &store, &info) != ERR_OK) {
        die(path, info.text);
    }
    store_close(store);
}

static sqlite3 *open_database(const char *path)
{
    sqlite3 *db;
    if (sqlite3_open(path, &db) != SQLITE_OK) {
        die(path, sqlite3_errmsg(db));
    }
    char pragmas[300];
    snprintf(pragmas, sizeof pragmas,
             "PRAGMA foreign_keys = ON; PRAGMA temp_store = FILE; PRAGMA trusted_schema = OFF;"
             "PRAGMA cache_size = -%d; PRAGMA secure_delete = FAST; PRAGMA wal_autocheckpoint = 0;"
             "PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = %d",
             (int)WRITER_CACHE_KIB, (int)WAL_SOFT_BYTES);
    exec(db, pragmas);
    return db;
}

struct run {
    sqlite3 *db;
    sqlite3_stmt *insert;
    char *patterns; /* PATTERNS random chunks, so that nothing is made during the measurement */
    int64_t page_bytes;
    int64_t wal_bytes;
};

static int on_commit(void *arg, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    struct run *run = arg;
    run->wal_bytes = pages * run->page_bytes;
    return SQLITE_OK;
}

static void insert_chunk(struct run *run, int64_t index, int len)
{
    const char *bytes = run->patterns + index % PATTERNS * CHUNK_BYTES;
    if (sqlite3_bind_int64(run->insert, 1, index) != SQLITE_OK ||
        sqlite3_bind_blob(run->insert, 2, bytes, len, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_step(run->insert) != SQLITE_DONE || sqlite3_reset(run->insert) != SQLITE_OK) {
        die("insert", sqlite3_errmsg(run->db));
    }
}

static void insert_all(struct run *run, int64_t bytes, int64_t chunks_per_transaction)
{
    int64_t chunks = (bytes + CHUNK_BYTES - 1) / CHUNK_BYTES;
    for (int64_t i = 0; i < chunks;) {
        exec(run->db, "BEGIN IMMEDIATE");
        for (int64_t n = 0; n < chunks_per_transaction && i < chunks; n++, i++) {
            int64_t left = bytes - i * CHUNK_BYTES;
            insert_chunk(run, i, left < CHUNK_BYTES ? (int)left : CHUNK_BYTES);
        }
        exec(run->db, "COMMIT");
        if (run->wal_bytes >= WAL_SOFT_BYTES) {
            sqlite3_wal_checkpoint_v2(run->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
            run->wal_bytes = 0;
        }
    }
    exec(run->db, "PRAGMA synchronous = FULL");
    exec(run->db, "INSERT INTO entries (id, filename, content_type, upload_time, expiration_time)"
                  " VALUES ('AAAAAAAAAA', 'raw.bin', '', '2024-01-01T00:00:00Z',"
                  " '2999-12-31T00:00:00Z')");
}

static double seconds(void)
{
    return (double)clock_now_ns(&clock_system) / 1e9;
}

int main(int argc, char **argv)
{
    int64_t bytes;
    int64_t per_transaction = DEFAULT_CHUNKS_PER_TRANSACTION;
    if (argc < 3 || num_parse_i64(slice_str(argv[2]), 1, INT64_MAX, &bytes) != ERR_OK ||
        (argc > 3 && num_parse_i64(slice_str(argv[3]), 1, 1000, &per_transaction) != ERR_OK)) {
        die("usage", "bench_raw_insert DATABASE BYTES [CHUNKS_PER_TRANSACTION]");
    }
    make_database(argv[1]);
    struct run run = {.db = open_database(argv[1]), .patterns = malloc(PATTERNS * CHUNK_BYTES)};
    if (run.patterns == NULL ||
        rng_fill(&rng_system, run.patterns, (size_t)PATTERNS * CHUNK_BYTES) != ERR_OK) {
        die("patterns", "no memory or no random bytes");
    }
    sqlite3_stmt *page_size;
    if (sqlite3_prepare_v2(run.db, "PRAGMA page_size", -1, &page_size, NULL) != SQLITE_OK ||
        sqlite3_step(page_size) != SQLITE_ROW ||
        sqlite3_prepare_v2(run.db,
                           "INSERT INTO entries_data (id, chunk_index, chunk)"
                           " VALUES ('AAAAAAAAAA', ?, ?)",
                           -1, &run.insert, NULL) != SQLITE_OK) {
        die("prepare", sqlite3_errmsg(run.db));
    }
    run.page_bytes = sqlite3_column_int64(page_size, 0);
    sqlite3_finalize(page_size);
    sqlite3_wal_hook(run.db, on_commit, &run);

    double start = seconds();
    clock_t start_cpu = clock();
    insert_all(&run, bytes, per_transaction);
    printf("%lld %.6f %.6f\n", (long long)bytes, seconds() - start,
           (double)(clock() - start_cpu) / CLOCKS_PER_SEC);

    sqlite3_finalize(run.insert);
    sqlite3_close(run.db);
    free(run.patterns);
    return 0;
}
