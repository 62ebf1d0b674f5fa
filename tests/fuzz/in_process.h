/* in_process.h — the whole server in the process of a fuzz target, but for its main().
 *
 * It stands on a small database in memory (/dev/shm), with a clock that only the target moves and a
 * generator that repeats itself, so an input does the same each time as far as threads allow. A
 * client is one end of a socket pair. After every input in_process_check() demands that the server
 * is in order: no request, no connection, no upload, no buffer, no chunk row without its entry.
 * Then it puts the database back as it was.
 *
 * The owner's session token is 43 times 'A'; the ids of what is stored are below. */
#ifndef PICOSHARE_TESTS_FUZZ_IN_PROCESS_H
#define PICOSHARE_TESTS_FUZZ_IN_PROCESS_H

#include "fuzz.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/log.h"
#include "picoshare/http/server.h"
#include "picoshare/web/app.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FILE_ID "abcdefghjk"       /* 15 bytes, a note, two downloads */
#define LINK_ID "abcdefghjkmnpqrs" /* takes files of up to 1 MiB */
#define SPENT_LINK_ID "bbbbbbbbbbbbbbbb"
#define SESSION_COOKIE "sharedSecret=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

enum {
    IN_PROCESS_NOW_S = 1784000000, /* 2026-07-14 */
    IN_PROCESS_HANG_MS = 20 * 1000 /* real time: a thread is stuck */
};

static struct in_process {
    struct app app;
    struct server *server;
    struct proxy_config proxy;
    sqlite3 *db; /* a second look at the database */
    int64_t data_version;
    char dir[64];
} in_process;

/* ---- the two seams ---- */

static _Atomic int64_t in_process_ms = 1000;
static _Atomic uint64_t in_process_random; /* 0: nothing but zeros */

static int64_t in_process_now_ns(const struct clock *clock)
{
    (void)clock;
    return INT64_C(1000000000) * IN_PROCESS_NOW_S;
}

static int64_t in_process_mono_ns(const struct clock *clock)
{
    (void)clock;
    return 1000000 * atomic_load(&in_process_ms);
}

static const struct clock in_process_clock = {in_process_now_ns, in_process_mono_ns};

static err_t in_process_fill(const struct rng *rng, void *bytes, size_t len)
{
    (void)rng;
    for (size_t i = 0; i < len; i++) {
        uint64_t n = atomic_load(&in_process_random);
        if (n != 0) {
            n = n * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            atomic_store(&in_process_random, n | 1);
        }
        ((uint8_t *)bytes)[i] = (uint8_t)(n >> 40);
    }
    return ERR_OK;
}

static const struct rng in_process_rng = {in_process_fill};

/* ---- the database ---- */

static void in_process_sql(const char *sql)
{
    char *error = NULL;
    int rc = sqlite3_exec(in_process.db, sql, NULL, NULL, &error);
    if (rc != SQLITE_OK) {
        (void)fprintf(stderr, "%s: %s\n", sql, error);
    }
    check(rc == SQLITE_OK);
}

static int64_t in_process_number(const char *sql)
{
    sqlite3_stmt *statement = NULL;
    check(sqlite3_prepare_v2(in_process.db, sql, -1, &statement, NULL) == SQLITE_OK);
    check(sqlite3_step(statement) == SQLITE_ROW);
    int64_t n = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    return n;
}

/* Every row as in the copy, table by table. */
static void in_process_restore(void)
{
    static const char *const tables[] = {
        "entries",
        "entries_data",
        "guest_links",
        "downloads",
        "settings",
        "ext_meta",
        "ext_files",
        "ext_sessions",
        "ext_deleted_guest_links",
        "ext_deleted_guest_files",
    };
    in_process_sql("BEGIN IMMEDIATE");
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        char sql[200];
        (void)snprintf(sql, sizeof sql,
                       "DELETE FROM main.%s; INSERT INTO main.%s SELECT * FROM copy.%s", tables[i],
                       tables[i], tables[i]);
        in_process_sql(sql);
    }
    in_process_sql("COMMIT");
    in_process.data_version = in_process_number("PRAGMA main.data_version");
}

static void in_process_fill_database(void)
{
    in_process_sql(
        "INSERT INTO entries VALUES ('" FILE_ID "', 'holiday.txt', 'text/plain',"
        " '2026-07-01T00:00:00Z', '2999-12-31T00:00:00Z', NULL, 'for Ann');"
        "INSERT INTO entries_data VALUES ('" FILE_ID "', 0, CAST('what is in it..' AS BLOB));"
        "INSERT INTO downloads VALUES"
        " ('" FILE_ID "', '2026-07-02T00:00:00Z', '192.0.2.1', 'curl/7.88.1'),"
        " ('" FILE_ID "', '2026-07-03T00:00:00Z', '2001:db8::1', 'Mozilla/5.0 Firefox/128.0');"
        "INSERT INTO guest_links VALUES"
        " ('" LINK_ID "', 'Ann', 1048576, 3, '2026-07-01T00:00:00Z', NULL, '168h0m0s', 0),"
        " ('" SPENT_LINK_ID "', NULL, NULL, NULL, '2026-07-01T00:00:00Z',"
        " '2026-07-02T00:00:00Z', NULL, 1);");
}

/* ---- start and end ---- */

static void in_process_ignore_report(const struct upkeep_report *report)
{
    (void)report;
}

static void in_process_no_memory(const struct memory_files *files, struct memory_use *ret_use)
{
    (void)files;
    *ret_use = (struct memory_use){0};
}

static void in_process_post(struct store_job *job)
{
    atomic_store((_Atomic bool *)job->owner, true);
}

static void in_process_log_in(void)
{
    struct store_change_session change;
    char token[SESSION_TOKEN_LEN + 1];
    check(sessions_prepare_login(in_process.app.sessions, "192.0.2.1", "fuzz", &change, token) ==
          ERR_OK);
    _Atomic bool done = false;
    change.job.owner = &done;
    change.job.done = in_process_post;
    store_submit(in_process.app.store, &change.job);
    while (!atomic_load(&done)) {
        (void)usleep(100);
    }
    check(change.job.result == ERR_OK);
}

static void in_process_path(const char *name, char ret_path[100])
{
    (void)snprintf(ret_path, 100, "%s/%s", in_process.dir, name);
}

static void in_process_stop(void)
{
    struct app *app = &in_process.app;
    check(server_stop(in_process.server));
    server_free(in_process.server);
    store_close(app->store);
    upkeep_free(app->upkeep);
    scrub_free(app->scrub);
    uploads_free(app->uploads);
    throttle_free(app->throttle);
    sessions_free(app->sessions);
    (void)sqlite3_close(in_process.db);
    static const char *const names[] = {"store.db", "store.db-wal", "store.db-shm", "copy.db"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[100];
        in_process_path(names[i], path);
        (void)unlink(path);
    }
    (void)rmdir(in_process.dir);
}

static void in_process_open_database(const char *path)
{
    check(sqlite3_open(path, &in_process.db) == SQLITE_OK);
    (void)sqlite3_busy_timeout(in_process.db, IN_PROCESS_HANG_MS);
    in_process_sql("PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF");
    in_process_fill_database();
    char sql[200];
    (void)snprintf(sql, sizeof sql, "VACUUM INTO '%s/copy.db'; ATTACH '%s/copy.db' AS copy",
                   in_process.dir, in_process.dir);
    in_process_sql(sql);
    in_process.data_version = in_process_number("PRAGMA main.data_version");
}

/* Once, before the first input. */
static void in_process_start(void)
{
    struct app *app = &in_process.app;
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    check(nowhere >= 0 && dup2(nowhere, STDOUT_FILENO) == STDOUT_FILENO); /* the access log */
    (void)close(nowhere);
    check(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    log_set_level((enum log_level)(LOG_ERROR + 1)); /* a target looks at answers, not at logs */
    (void)snprintf(in_process.dir, sizeof in_process.dir, "/dev/shm/picoshare-fuzz-XXXXXX");
    check(mkdtemp(in_process.dir) != NULL);
    char path[100];
    in_process_path("store.db", path);

    *app = (struct app){
        .clock = &in_process_clock,
        .rng = &in_process_rng,
        .measure_memory = in_process_no_memory,
        .sandbox = "off",
        .started = IN_PROCESS_NOW_S - 3600,
        .version = "1",
        .revision = "",
        .commit_time = "",
    };
    struct err_info info = {""};
    struct store_options store_options = {.path = path, .clock = app->clock};
    check(store_open(&store_options, &app->store, &info) == ERR_OK);
    check(sessions_new(app->store, app->clock, app->rng, SLICE("dummypass"), &app->sessions) ==
          ERR_OK);
    in_process_log_in();
    check(throttle_new(app->clock, &app->throttle) == ERR_OK);
    check(uploads_new(app->store, app->clock, app->rng, &app->uploads) == ERR_OK);
    check(upkeep_new(app->store, app->clock, false, in_process_ignore_report, &app->upkeep) ==
          ERR_OK);
    check(scrub_new(app->store, app->clock, 0, NULL, &app->scrub) == ERR_OK); /* switched off */
    in_process_open_database(path);
    check(proxy_parse(SLICE("private"), &in_process.proxy) == ERR_OK);
    struct server_options server_options = {
        .fd = -1,
        .metrics_fd = -1,
        .clock = app->clock,
        .rng = app->rng,
        .proxy = &in_process.proxy,
        .app = app,
        .begin = app_begin,
        .refuse = app_refuse,
    };
    check(server_bind("127.0.0.1", 0, &server_options.fd, &info) == ERR_OK);
    check(server_start(&server_options, &in_process.server, &info) == ERR_OK);
    check(atexit(in_process_stop) == 0);
}

/* ---- a client ---- */

static int in_process_connect(void)
{
    int fds[2];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
    check(server_adopt(in_process.server, fds[1]));
    return fds[0];
}

/* Real time, for what must not take for ever. */
static int64_t in_process_real_ms(void)
{
    return clock_mono_ms(&clock_system);
}

/* Takes what has come; false: the other side has closed. What came is added to *out, as much as
 * fits. */
static bool in_process_take(int fd, struct buf *out)
{
    static char bytes[64 * KIB];
    for (;;) {
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        if (n == 0) {
            return false;
        }
        size_t room = out->max - out->len;
        buf_add(out, bytes, (size_t)n < room ? (size_t)n : room);
    }
}

/* ---- afterwards ---- */

static bool in_process_at_rest(void)
{
    struct server_figures figures;
    server_figures(in_process.server, &figures);
    struct upkeep_state upkeep;
    upkeep_state(in_process.app.upkeep, &upkeep);
    return figures.requests == 0 && figures.connections == 0 &&
           uploads_running(in_process.app.uploads) == 0 && upkeep.step == UPKEEP_IDLE;
}

static bool in_process_has_orphans(void)
{
    return in_process_number("SELECT EXISTS (SELECT 1 FROM entries_data WHERE id NOT IN"
                             " (SELECT id FROM entries))") != 0;
}

/* What the maintenance thread does, which is not here. Libmicrohttpd misses a client's end now and
 * then (is_hopeless() in server.c): time must pass. */
static void in_process_tick(void)
{
    (void)atomic_fetch_add(&in_process_ms, 1000);
    server_tick(in_process.server);
    uploads_tick(in_process.app.uploads);
}

static void in_process_wait(bool (*reached)(void))
{
    int64_t start = in_process_real_ms();
    for (int64_t ticks = 1; !reached();) {
        int64_t waited = in_process_real_ms() - start;
        check(waited < IN_PROCESS_HANG_MS);
        if (waited >= 20 * ticks) {
            in_process_tick();
            ticks++;
        }
        (void)usleep(50);
    }
}

static bool in_process_no_orphans(void)
{
    return !in_process_has_orphans();
}

/* The client has closed. */
static void in_process_check(void)
{
    in_process_wait(in_process_at_rest);
    check(uploads_buffers_used(in_process.app.uploads) == 0);
    check(atomic_load(&in_process.app.large_bodies) == 0);
    if (in_process_number("PRAGMA main.data_version") != in_process.data_version) {
        in_process_wait(in_process_no_orphans);
        in_process_restore();
    }
    throttle_free(in_process.app.throttle);
    check(throttle_new(in_process.app.clock, &in_process.app.throttle) == ERR_OK);
}

#endif
