/* Small changes and pages beside large jobs: they go first (architecture.md, Threads). Nothing is
 * measured in seconds: the uploads go on until the small jobs are done, so that one which had to
 * wait for them would never end; and rows of a deleted file are still there when later jobs are
 * done. */
#include "harness.h"
#include "picoshare/base/num.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    UPLOADS = 8,
    TIMES = 20, /* each small job */
    SEED = 500,
    PIECE_BYTES = 65536,
    SMALL_BYTES = 10000,
    TIME_OUT_S = 10, /* a small job that takes longer hangs */
};

#define UPLOAD_MAX_BYTES (INT64_C(512) << 20)

/* Signed in; clients are told apart by X-Forwarded-For. dir: an existing one, or NULL. */
static void start(struct server *s, const char *dir)
{
    static const char *const env[] = {"PS_BEHIND_PROXY=1", NULL};
    server_start(s, &(struct server_options){.env = env, .dir = dir});
    server_sign_in(s);
}

/* ---- large uploads --------------------------------------------------------------------------- */

/* An upload that goes on until it is told to end, or has become too large. */
struct upload {
    const struct server *server;
    const _Atomic bool *enough;
    pthread_t thread;
    int number;
    _Atomic bool running; /* sending as quickly as the server takes it */
    /* results */
    int64_t bytes;
    int status;
    char id[ID_CHARS + 1];
};

struct load {
    struct upload uploads[UPLOADS];
    _Atomic bool enough;
};

/* Each from an address of its own, since one may not have all buffers. */
static bool send_upload(struct upload *u, struct raw *c)
{
    char text[500];
    snprintf(text, sizeof text,
             "PUT /api/upload/large-%d.bin HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\n"
             "X-Forwarded-For: 192.0.2.%d\r\nTransfer-Encoding: chunked\r\n\r\n",
             u->number, u->server->cookie, u->number);
    bool ok = raw_text(c, text);
    u->running = ok;
    snprintf(text, sizeof text, "%x\r\n", (unsigned)PIECE_BYTES);
    while (ok && !*u->enough && u->bytes < UPLOAD_MAX_BYTES) {
        ok = raw_text(c, text) && raw_gen(c, SEED + (uint64_t)u->number, u->bytes, PIECE_BYTES) &&
             raw_text(c, "\r\n");
        u->bytes += PIECE_BYTES;
    }
    u->running = false;
    return ok && raw_text(c, "0\r\n\r\n");
}

static void *run_upload(void *arg)
{
    struct upload *u = arg;
    struct raw *c = malloc(sizeof *c);
    if (c != NULL && raw_open(u->server, c)) {
        struct response r;
        if (send_upload(u, c) && raw_answer(c, false, &r) == RAW_OK) {
            u->status = response_id(&r, u->id) ? r.status : 0;
            response_done(&r);
        }
        raw_close(c);
    }
    free(c);
    return NULL;
}

static int running(const struct load *load)
{
    int count = 0;
    for (size_t i = 0; i < UPLOADS; i++) {
        count += load->uploads[i].running;
    }
    return count;
}

/* A number of GET /api/system. */
static int64_t figure(const struct server *s, const char *name)
{
    char member[64];
    struct response r;
    int64_t value = -1;
    snprintf(member, sizeof member, "\"%s\":", name);
    http_do(
        s,
        &(struct request){.path = "/api/system", .auth = AUTH_COOKIE, .time_out_s = HANG_SECONDS},
        &r);
    const char *at = strstr(response_text(&r), member);
    if (at != NULL) {
        at += strlen(member);
        struct slice digits = slice_of(at, strspn(at, "0123456789"));
        value = num_parse_i64(digits, 0, INT64_MAX, &value) == ERR_OK ? value : -1;
    }
    response_done(&r);
    return value;
}

/* Returns when every upload holds chunk buffers. */
static void start_load(struct load *load, const struct server *s)
{
    *load = (struct load){.enough = false};
    for (int i = 0; i < UPLOADS; i++) {
        struct upload *u = &load->uploads[i];
        *u = (struct upload){.server = s, .number = i, .enough = &load->enough};
        assert_int_equal(pthread_create(&u->thread, NULL, run_upload, u), 0);
    }
    int64_t end = harness_now_ms() + HANG_SECONDS * 1000;
    while (running(load) < UPLOADS || figure(s, "chunkBuffersUsed") < UPLOADS) {
        if (harness_now_ms() > end) {
            fail_msg("%d of %d uploads run", running(load), UPLOADS);
        }
    }
}

static void end_load(struct load *load)
{
    load->enough = true;
    for (size_t i = 0; i < UPLOADS; i++) {
        pthread_join(load->uploads[i].thread, NULL);
    }
}

/* What was stored is what was sent. */
static void expect_load_stored(const struct load *load, const struct server *s)
{
    int64_t total = 0;
    for (size_t i = 0; i < UPLOADS; i++) {
        const struct upload *u = &load->uploads[i];
        if (u->status != 200) {
            fail_msg("upload %zu: %d after %lld bytes", i, u->status, (long long)u->bytes);
        }
        expect_download(s, u->id, SEED + (uint64_t)i, u->bytes);
        total += u->bytes;
    }
    print_message("[  LOAD    ] %lld MB in %d uploads\n", (long long)(total / 1000000), UPLOADS);
}

/* ---- small jobs ------------------------------------------------------------------------------ */

enum kind { SETTINGS, EDIT, DELETE, GUEST_LINK, FILES_PAGE, START_PAGE, SMALL_UPLOAD, KINDS };

static const char *const kind_names[KINDS] = {
    "settings change", "edit", "delete", "guest link", "GET /files", "GET /", "small upload"};

struct outcome {
    int status;  /* 0: none in time */
    int running; /* uploads, when it was done */
    int64_t ms;
};

struct jobs {
    char ids[TIMES][ID_CHARS + 1]; /* small files: number n is edited, then deleted */
    struct outcome outcomes[KINDS][TIMES];
    int64_t most_buffers; /* of uploads, in use between two jobs */
};

/* The path of a request that changes something, and its JSON or "". */
static void print_job(enum kind kind, int n, const char *id, char path[64], char body[200])
{
    body[0] = '\0';
    switch (kind) {
    case SETTINGS:
        snprintf(path, 64, "/api/settings");
        snprintf(body, 200, "{\"defaultExpirationDays\":%d,\"defaultNeverExpire\":false}", 100 + n);
        break;
    case EDIT:
        snprintf(path, 64, "/api/entry/%s", id);
        snprintf(body, 200, "{\"filename\":\"edited-%d.bin\",\"expiration\":\"\",\"note\":\"\"}",
                 n);
        break;
    case DELETE:
        snprintf(path, 64, "/api/entry/%s", id);
        break;
    case GUEST_LINK:
        snprintf(path, 64, "/api/guest-links");
        snprintf(body, 200,
                 "{\"label\":\"%d\",\"urlExpirationTime\":\"2999-12-31T00:00:00Z\","
                 "\"fileLifetime\":\"24h0m0s\"}",
                 n);
        break;
    case SMALL_UPLOAD:
        snprintf(path, 64, "/api/upload/small-%d.bin", n);
        break;
    default:
        snprintf(path, 64, "%s", kind == FILES_PAGE ? "/files" : "/");
        break;
    }
}

static struct outcome do_job(const struct server *s, enum kind kind, int n, const char *id)
{
    static const char *const methods[KINDS] = {"PUT", "PUT", "DELETE", "POST", "GET", "GET", "PUT"};
    char path[64];
    char body[200];
    struct response r;
    print_job(kind, n, id, path, body);
    struct request q = {.method = methods[kind],
                        .path = path,
                        .auth = AUTH_COOKIE,
                        .text = body[0] != '\0' ? body : NULL,
                        .seed = SEED,
                        .bytes = kind == SMALL_UPLOAD ? SMALL_BYTES : 0,
                        .time_out_s = TIME_OUT_S};
    int64_t began_ms = harness_now_ms();
    http_do(s, &q, &r);
    struct outcome outcome = {.status = r.complete ? r.status : 0,
                              .ms = harness_now_ms() - began_ms};
    response_done(&r);
    return outcome;
}

static void do_jobs(const struct server *s, const struct load *load, struct jobs *jobs)
{
    for (int n = 0; n < TIMES; n++) {
        for (int kind = 0; kind < KINDS; kind++) {
            struct outcome *outcome = &jobs->outcomes[kind][n];
            *outcome = do_job(s, (enum kind)kind, n, jobs->ids[n]);
            outcome->running = running(load);
        }
        int64_t buffers = figure(s, "chunkBuffersUsed");
        jobs->most_buffers = buffers > jobs->most_buffers ? buffers : jobs->most_buffers;
    }
}

static void expect_jobs_done(const struct server *s, const struct jobs *jobs)
{
    for (int kind = 0; kind < KINDS; kind++) {
        int64_t slowest_ms = 0;
        for (int n = 0; n < TIMES; n++) {
            const struct outcome *outcome = &jobs->outcomes[kind][n];
            if (outcome->status != 200 || outcome->running != UPLOADS) {
                fail_msg("%s, number %d: %d after %lld ms, and %d uploads were running",
                         kind_names[kind], n, outcome->status, (long long)outcome->ms,
                         outcome->running);
            }
            slowest_ms = outcome->ms > slowest_ms ? outcome->ms : slowest_ms;
        }
        print_message("[  SLOWEST ] %s: %lld ms\n", kind_names[kind], (long long)slowest_ms);
    }
    print_message("[  LOAD    ] up to %lld chunk buffers in use\n", (long long)jobs->most_buffers);
    assert_int_equal(db_int(s, "SELECT count(*) FROM guest_links"), TIMES);
    assert_int_equal(db_int(s, "SELECT default_expiration_in_days FROM settings"), 100 + TIMES - 1);
    for (int n = 0; n < TIMES; n++) {
        char sql[200];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM entries WHERE id = '%s'", jobs->ids[n]);
        assert_int_equal(db_int(s, sql), 0);
    }
}

static void test_beside_uploads(void **state)
{
    (void)state;
    static struct server s;
    static struct load load;
    static struct jobs jobs;
    start(&s, NULL);
    for (int n = 0; n < TIMES; n++) {
        upload_bytes(&s, "small.bin", SEED, SMALL_BYTES, jobs.ids[n]);
    }
    start_load(&load, &s);
    do_jobs(&s, &load, &jobs);
    end_load(&load);
    expect_jobs_done(&s, &jobs);
    expect_load_stored(&load, &s);
    assert_true(db_wait_no_orphans(&s));
    assert_int_equal(db_entries(&s), TIMES + UPLOADS);
    server_end(&s);
}

/* ---- a backup is made ------------------------------------------------------------------------ */

static bool backup_is_idle(const struct server *s)
{
    struct response r;
    http_do(s, &(struct request){.path = "/api/system/backup", .auth = AUTH_COOKIE}, &r);
    bool idle = strstr(response_text(&r), "\"idle\"") != NULL;
    response_done(&r);
    return idle;
}

static pid_t start_backup(const struct server *s, const char *file)
{
    char url[64];
    snprintf(url, sizeof url, "http://localhost:%d", s->port);
    pid_t pid = fork();
    if (pid == 0) {
        setenv("PS_SHARED_SECRET", HARNESS_SECRET, 1);
        execl(run_binary(), "picoshare", "backup", "-url", url, file, (char *)NULL);
        _exit(127);
    }
    assert_true(pid > 0);
    return pid;
}

/* It ends although the database grows all the time, no small job waits for its end, and the copy is
 * whole. */
static void test_beside_backup(void **state)
{
    (void)state;
    static const enum kind kinds[] = {SETTINGS, FILES_PAGE, SMALL_UPLOAD};
    static struct server s;
    static struct load load;
    struct outcome slowest = {.ms = 0};
    char file[300];
    char id[ID_CHARS + 1];
    int jobs = 0;
    int code = 0;
    start(&s, NULL);
    snprintf(file, sizeof file, "%s/backup.db", s.dir);
    upload_bytes(&s, "first.bin", SEED, harness_scale("bytes before", 200000000, 50000000), id);
    start_load(&load, &s);
    pid_t pid = start_backup(&s, file);
    while (backup_is_idle(&s)) {
        assert_int_equal(waitpid(pid, &code, WNOHANG), 0);
    }
    int64_t began_ms = harness_now_ms();
    while (!backup_is_idle(&s)) {
        struct outcome outcome = do_job(&s, kinds[jobs % 3], jobs % TIMES, NULL);
        assert_int_equal(outcome.status, 200);
        slowest = outcome.ms > slowest.ms ? outcome : slowest;
        jobs++;
    }
    int64_t took_ms = harness_now_ms() - began_ms;
    int still_running = running(&load);
    end_load(&load);
    assert_int_equal(waitpid(pid, &code, 0), pid);
    print_message("[  BACKUP  ] %lld ms; %d small jobs meanwhile, the slowest took %lld ms\n",
                  (long long)took_ms, jobs, (long long)slowest.ms);
    assert_int_equal(code, 0);
    assert_int_equal(still_running, UPLOADS);
    assert_true(jobs >= 10);
    assert_true(slowest.ms < took_ms);
    struct server copy = {.pid = 0};
    snprintf(copy.db, sizeof copy.db, "%.250s", file);
    assert_int_equal(db_int(&copy, "SELECT count(*) FROM entries WHERE filename = 'first.bin'"), 1);
    expect_load_stored(&load, &s);
    server_end(&s);
}

/* ---- a large file goes ----------------------------------------------------------------------- */

/* A server whose file was made by another program, with small pages: what is deleted there goes
 * slowly, because each page of it has to be read. */
static void start_with_small_pages(struct server *s)
{
    struct server first;
    char out[16];
    start(&first, NULL);
    server_end(&first);
    db_text(&first,
            "PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; PRAGMA page_size = 1024;"
            " VACUUM",
            out, sizeof out);
    start(s, first.dir);
    assert_int_equal(db_int(s, "PRAGMA page_size"), 1024);
}

static int64_t rows_of(const struct server *s, const char *id)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM entries_data WHERE id = '%s'", id);
    return db_int(s, sql);
}

/* Jobs that are done while rows of the file are still there. */
static int count_jobs_before_rows_go(const struct server *s, const char *id,
                                     struct outcome outcomes[2][TIMES])
{
    int count = 0;
    for (int n = 0; n < TIMES; n++) {
        outcomes[0][n] = do_job(s, SETTINGS, n, NULL);
        outcomes[1][n] = do_job(s, SMALL_UPLOAD, n, NULL);
        count += rows_of(s, id) > 0;
    }
    return count;
}

static void test_beside_large_delete(void **state)
{
    (void)state;
    static struct server s;
    static struct load load;
    static struct outcome outcomes[2][TIMES];
    char id[ID_CHARS + 1];
    char path[32];
    int64_t bytes =
        harness_scale("bytes of the deleted file", 300 * 1000 * 1000, 100 * 1000 * 1000);
    start_with_small_pages(&s);
    upload_bytes(&s, "large.bin", SEED, bytes, id);
    assert_int_equal(rows_of(&s, id), (bytes + CHUNK_BYTES - 1) / CHUNK_BYTES);
    start_load(&load, &s);
    int64_t began_ms = harness_now_ms();
    struct outcome deletion = do_job(&s, DELETE, 0, id);
    int jobs = count_jobs_before_rows_go(&s, id, outcomes);
    int64_t took_ms = harness_now_ms() - began_ms;
    end_load(&load);
    print_message(
        "[  DELETE  ] answered after %lld ms; %d of %d pairs of jobs, in %lld ms, before the"
        " rows had gone\n",
        (long long)deletion.ms, jobs, TIMES, (long long)took_ms);
    assert_int_equal(deletion.status, 200);
    for (int n = 0; n < TIMES; n++) {
        assert_int_equal(outcomes[0][n].status, 200);
        assert_int_equal(outcomes[1][n].status, 200);
    }
    assert_true(jobs >= 1);
    struct response r;
    snprintf(path, sizeof path, "/-%s", id);
    http_get(&s, path, &r);
    expect_answer(&r, 404, NULL);
    response_done(&r);
    assert_true(db_wait_no_orphans(&s));
    assert_int_equal(rows_of(&s, id), 0);
    expect_load_stored(&load, &s);
    assert_int_equal(db_entries(&s), TIMES + UPLOADS);
    server_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beside_uploads),
        cmocka_unit_test(test_beside_backup),
        cmocka_unit_test(test_beside_large_delete),
    };
    return harness_main(tests, NULL, NULL);
}
