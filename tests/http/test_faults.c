/* Any failure leaves order, seen from outside: calls of the system and for memory fail in the
 * running program, the first of an operation, the second, the third, until it passes; once, and
 * from there on (preload/faults.h). Always there is an answer that fits (for lack of memory the
 * connection may be closed instead, since libmicrohttpd needs some too), what was answered with 200
 * is there, of what was not nothing is to be seen, and when the fault is gone the next request
 * works. The store alone is tried in unit/test_store_faults, with every operation.
 * PICOSHARE_FAULTS_EACH=PATTERN tries each call, in the tests of that name ("*": in all). */
#include "api.h"
#include "picoshare/base/num.h"
#include "preload/faults.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SIZE = 2 * CHUNK_BYTES + 44640, SMALL_SIZE = 3000, MAX_KEPT = 200, MAX_STEP = 100000 };

#define PRELOAD "LD_PRELOAD=" PICOSHARE_FAULTS
#define BESIDE_ASAN "ASAN_OPTIONS=verify_asan_link_order=0" /* it wants to be the first library */

static const struct fault_kind {
    const char *name;
    uint32_t kinds;
    int error;
    int status; /* what is answered */
} kinds[] = {
    {"failing write", FAULT_WRITE, EIO, 500}, {"full disk", FAULT_WRITE | FAULT_SIZE, ENOSPC, 507},
    {"failing flush", FAULT_FLUSH, EIO, 500}, {"failing change of size", FAULT_SIZE, EIO, 500},
    {"failing read", FAULT_READ, EIO, 500},   {"no memory", FAULT_MEMORY, ENOMEM, 503},
};

struct file {
    char id[ID_CHARS + 1];
    char name[32];
    uint64_t seed;
    int64_t bytes;
};

static struct sweep {
    struct server server;
    struct faults *faults;
    char variable[300]; /* FAULTS_FILE=... */
    char link[LINK_CHARS + 1];
    struct file kept[MAX_KEPT]; /* to be there in the end */
    size_t kept_count;
    bool each; /* call is made to fail, not one in a stride */
    int64_t fineness;
    int64_t files; /* that there are, before the operation */
    uint64_t made; /* names and contents differ */

    const struct fault_kind *kind;
    char what[128];     /* of the running try, for messages */
    struct file target; /* of the running operation */
} sweep;

/* ---- faults ---------------------------------------------------------------------------------- */

static void map_faults(void)
{
    char dir[200];
    char path[256];
    harness_new_dir(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/faults", dir);
    snprintf(sweep.variable, sizeof sweep.variable, "FAULTS_FILE=%s", path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, sizeof *sweep.faults), 0);
    sweep.faults = mmap(NULL, sizeof *sweep.faults, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(sweep.faults != MAP_FAILED);
    close(fd);
}

static void lift_fault(void)
{
    atomic_store(&sweep.faults->kinds, 0);
    atomic_store(&sweep.faults->removal_ms, 0);
}

static void set_fault(const struct fault_kind *kind, int64_t n, bool lasting)
{
    lift_fault();
    sweep.faults->error = kind->error;
    sweep.faults->lasting = lasting;
    sweep.faults->allowed = n;
    sweep.faults->met = 0;
    sweep.faults->kinds = kind->kinds;
}

/* Whether the answer is one for this fault. */
static void expect_failure(const struct response *r)
{
    bool closed = r->status <= 100 && strstr(r->error, "timed out") == NULL;
    if (sweep.faults->met == 0 ||
        (r->status != sweep.kind->status && !(closed && sweep.kind->kinds == FAULT_MEMORY))) {
        fail_msg("%s: %d %s %s", sweep.what, r->status, r->error, response_text(r));
    }
    if (r->status == 503) {
        assert_non_null(response_header(r, "Retry-After"));
    }
}

/* ---- files ----------------------------------------------------------------------------------- */

static void send_file(const char *link, int64_t bytes, struct file *ret_file, struct response *ret)
{
    char path[100];
    sweep.made++;
    *ret_file = (struct file){.seed = sweep.made, .bytes = bytes};
    snprintf(ret_file->name, sizeof ret_file->name, "f%d.bin", (int)sweep.made);
    snprintf(path, sizeof path, "/api/%s%s/%s", link != NULL ? "guest/" : "upload",
             link != NULL ? link : "", ret_file->name);
    static const char *const json[] = {"Accept: application/json", NULL};
    http_do(&sweep.server,
            &(struct request){.method = "PUT",
                              .path = path,
                              .auth = link != NULL ? AUTH_NONE : AUTH_COOKIE,
                              .headers = json,
                              .seed = ret_file->seed,
                              .bytes = bytes},
            ret);
}

static void get_file(const struct file *file, struct response *ret)
{
    char path[32];
    snprintf(path, sizeof path, "/-%s", file->id);
    http_do(&sweep.server,
            &(struct request){.path = path,
                              .auth = AUTH_COOKIE, /* not recorded in its history */
                              .discard = true,
                              .compare = true,
                              .expect_seed = file->seed},
            ret);
}

static void expect_whole(const struct file *file)
{
    struct response r;
    get_file(file, &r);
    if (r.status != 200 || !r.complete || !r.equal || r.body_bytes != file->bytes) {
        fail_msg("%s: %s: %d, %lld bytes, %s", sweep.what, file->name, r.status,
                 (long long)r.body_bytes, r.equal ? "cut" : "wrong");
    }
    response_done(&r);
}

static void make_file(struct file *ret_file)
{
    struct response r;
    send_file(NULL, SIZE, ret_file, &r);
    if (r.status != 200) {
        fail_msg("%s, and then: %d %s %s", sweep.what, r.status, r.error, response_text(&r));
    }
    expect_upload(&r, ret_file->id);
}

static void delete_file(const struct file *file)
{
    char path[40];
    snprintf(path, sizeof path, "/api/entry/%s", file->id);
    api_expect(&sweep.server, "DELETE", path, NULL, 200, "");
}

/* Whether the list has a file of that name; its id stands in the link. */
static bool find_listed(const char *name, char ret_id[ID_CHARS + 1])
{
    char link[64];
    char path[64];
    struct response r;
    snprintf(path, sizeof path, "/files?q=%s", name);
    api_call(&sweep.server, "GET", path, NULL, &r);
    expect_answer(&r, 200, NULL);
    snprintf(link, sizeof link, "\">%s</a>", name);
    const char *found = strstr(response_text(&r), link);
    if (found != NULL) {
        assert_true(found - response_text(&r) > ID_CHARS);
        snprintf(ret_id, ID_CHARS + 1, "%.*s", ID_CHARS, found - ID_CHARS);
    }
    response_done(&r);
    return found != NULL;
}

/* A member of /api/system that is a number. */
static int64_t figure(const char *name)
{
    struct response r;
    char member[64];
    snprintf(member, sizeof member, "\"%s\":", name);
    api_call(&sweep.server, "GET", "/api/system", NULL, &r);
    expect_answer(&r, 200, NULL);
    const char *at = strstr(response_text(&r), member);
    assert_non_null(at);
    int64_t value = -1;
    struct slice number = slice_str(at + strlen(member));
    number.len = slice_find(number, ',');
    assert_int_equal(num_parse_i64(number, 0, INT64_MAX, &value), ERR_OK);
    response_done(&r);
    return value;
}

static bool upkeep_is_idle(void)
{
    struct response r;
    api_call(&sweep.server, "GET", "/api/system", NULL, &r);
    bool idle = r.status == 200 && strstr(response_text(&r), "\"upkeep\":\"idle\"") != NULL;
    response_done(&r);
    return idle;
}

static void wait_for_upkeep(int64_t ms)
{
    int64_t end = harness_now_ms() + ms;
    while (!upkeep_is_idle()) {
        if (harness_now_ms() > end) {
            fail_msg("%s: the collection does not end", sweep.what);
        }
        harness_sleep_ms(2);
    }
}

/* ---- operations: each runs with a fault, lifts it, and looks at what has become of it ---------
 */

/* An upload that was answered. One that failed for lack of memory may have done so when all was
 * stored but the answer. */
static void look_at_upload(struct file *file, struct response *r)
{
    bool stored = r->status == 200 && r->complete;
    if (stored) {
        assert_true(response_id(r, file->id));
    } else {
        expect_failure(r);
    }
    char id[ID_CHARS + 1];
    bool listed = find_listed(file->name, id);
    if (stored && !listed) {
        fail_msg("%s: answered with 200 and not there", sweep.what);
    }
    if (!stored && listed && sweep.kind->kinds != FAULT_MEMORY) {
        fail_msg("%s: answered with %d and there", sweep.what, r->status);
    }
    if (listed) {
        memcpy(file->id, id, sizeof id);
        expect_whole(file);
        delete_file(file);
    }
    response_done(r);
}

static void upload(void)
{
    struct response r;
    send_file(NULL, SIZE, &sweep.target, &r);
    lift_fault();
    look_at_upload(&sweep.target, &r);
}

static void upload_small(void)
{
    struct response r;
    send_file(NULL, SMALL_SIZE, &sweep.target, &r);
    lift_fault();
    look_at_upload(&sweep.target, &r);
}

static void upload_form(void)
{
    sweep.made++;
    struct file *file = &sweep.target;
    *file = (struct file){.seed = sweep.made, .bytes = SIZE};
    snprintf(file->name, sizeof file->name, "f%d.bin", (int)sweep.made);
    const struct part parts[] = {
        {.name = "note", .text = "a note"},
        {.name = "file", .filename = file->name, .seed = file->seed, .bytes = file->bytes},
        {0}};
    struct response r;
    http_do(&sweep.server,
            &(struct request){
                .method = "POST", .path = "/api/entry", .auth = AUTH_COOKIE, .parts = parts},
            &r);
    lift_fault();
    look_at_upload(file, &r);
}

static void upload_as_guest(void)
{
    struct response r;
    send_file(sweep.link, SIZE, &sweep.target, &r);
    lift_fault();
    look_at_upload(&sweep.target, &r);
}

static void make_target(void)
{
    make_file(&sweep.target);
}

static void edit(void)
{
    char id[ID_CHARS + 1];
    char path[40];
    char json[64];
    char name[32];
    struct response r;
    struct file *file = &sweep.target;
    snprintf(path, sizeof path, "/api/entry/%s", file->id);
    snprintf(name, sizeof name, "e%d.bin", (int)sweep.made);
    snprintf(json, sizeof json, "{\"filename\":\"%s\"}", name);
    api_call(&sweep.server, "PUT", path, json, &r);
    lift_fault();
    if (r.status != 200) {
        expect_failure(&r);
    }
    bool edited = find_listed(name, id);
    bool old = find_listed(file->name, id);
    if (edited == old || (r.status == 200 && !edited) ||
        (r.status != 200 && edited && sweep.kind->kinds != FAULT_MEMORY)) {
        fail_msg("%s: %d, and it is%s edited", sweep.what, r.status, edited ? "" : " not");
    }
    response_done(&r);
    expect_whole(file);
    delete_file(file);
}

static void delete (void)
{
    char path[40];
    char id[ID_CHARS + 1];
    struct response r;
    const struct file *file = &sweep.target;
    snprintf(path, sizeof path, "/api/entry/%s", file->id);
    api_call(&sweep.server, "DELETE", path, NULL, &r);
    lift_fault();
    bool deleted = r.status == 200;
    if (!deleted) {
        expect_failure(&r);
    }
    bool listed = find_listed(file->name, id);
    if (deleted == listed && (deleted || sweep.kind->kinds != FAULT_MEMORY)) {
        fail_msg("%s: %d, and it is%s there", sweep.what, r.status, listed ? "" : " not");
    }
    response_done(&r);
    if (listed) {
        expect_whole(file);
        delete_file(file);
    }
    get_file(file, &r);
    assert_int_equal(r.status, 404);
    response_done(&r);
}

static void make_free_pages(void)
{
    make_file(&sweep.target);
    delete_file(&sweep.target);
    wait_for_upkeep(HANG_SECONDS * 1000);
}

static void reclaim(void)
{
    struct response r;
    api_call(&sweep.server, "POST", "/api/system/reclaim", NULL, &r);
    if (r.status == 202) {
        /* Long enough for the work to begin; with a fault that lasts the question may fail. */
        for (int i = 0; i < 10 && !upkeep_is_idle(); i++) {
            harness_sleep_ms(2);
        }
    }
    lift_fault();
    if (r.status != 202) {
        expect_failure(&r);
    }
    response_done(&r);
    wait_for_upkeep(HANG_SECONDS * 1000);
    api_expect(&sweep.server, "POST", "/api/system/reclaim", NULL, 202, "");
    wait_for_upkeep(HANG_SECONDS * 1000);
    assert_int_equal(figure("freePages"), 0);
}

static void download(void)
{
    struct response r;
    get_file(&sweep.target, &r);
    lift_fault();
    if (!r.equal && r.status == 200) {
        fail_msg("%s: wrong bytes", sweep.what);
    }
    bool whole = r.status == 200 && r.complete && r.body_bytes == SIZE;
    bool cut = r.status == 200 && !r.complete && strstr(r.error, "timed out") == NULL;
    if (!whole && !cut) {
        expect_failure(&r);
    }
    assert_true(whole || sweep.faults->met > 0);
    response_done(&r);
    expect_whole(&sweep.target);
    delete_file(&sweep.target);
}

static void sign_in(void)
{
    struct response r;
    char body[100];
    snprintf(body, sizeof body, "{\"sharedSecretKey\":\"%s\"}", HARNESS_SECRET);
    http_do(&sweep.server, &(struct request){.method = "POST", .path = "/api/auth", .text = body},
            &r);
    lift_fault();
    if (r.status != 200) {
        expect_failure(&r);
        response_done(&r);
        return;
    }
    const char *cookie = response_header(&r, "Set-Cookie");
    assert_non_null(cookie);
    char header[300];
    const char *const headers[] = {header, NULL};
    snprintf(header, sizeof header, "Cookie: %.*s", (int)strcspn(cookie, ";"), cookie);
    response_done(&r);
    http_do(&sweep.server, &(struct request){.path = "/api/system", .headers = headers}, &r);
    expect_answer(&r, 200, NULL);
    response_done(&r);
    http_do(&sweep.server,
            &(struct request){.method = "DELETE", .path = "/api/auth", .headers = headers}, &r);
    expect_answer(&r, 200, NULL);
    response_done(&r);
}

/* Who shows the passphrase with the question, and a page, which is not half of one. */
static void get_page(const char *path, const char *part)
{
    struct response r;
    http_do(&sweep.server, &(struct request){.path = path, .auth = AUTH_BASIC}, &r);
    lift_fault();
    if (r.status != 200) {
        expect_failure(&r);
    } else if (!r.complete && sweep.kind->kinds != FAULT_MEMORY) {
        fail_msg("%s: broken off", sweep.what);
    } else if (r.complete && strstr(response_text(&r), part) == NULL) {
        fail_msg("%s: no %s in\n%s", sweep.what, part, response_text(&r));
    }
    response_done(&r);
}

static void list(void)
{
    get_page("/files", "</html>");
}

static void information(void)
{
    char path[40];
    char link[64];
    const struct file *file = &sweep.target;
    snprintf(path, sizeof path, "/files/%s/info", file->id);
    snprintf(link, sizeof link, "/-%s/%s", file->id, file->name);
    get_page(path, link);
    delete_file(file);
}

static const struct operation {
    const char *name;
    void (*prepare)(void); /* NULL: nothing */
    void (*run)(void);
    uint32_t without; /* kinds of faults that it does not meet */
} operations[] = {
    {"upload", NULL, upload, 0},
    {"small upload", NULL, upload_small, 0},
    {"form upload", NULL, upload_form, 0},
    {"guest upload", NULL, upload_as_guest, 0},
    {"edit", make_target, edit, 0},
    {"delete", make_target, delete, 0},
    {"reclaim", make_free_pages, reclaim, 0},
    {"download", make_target, download, FAULT_WRITE | FAULT_SIZE | FAULT_FLUSH},
    {"sign-in", NULL, sign_in, 0},
    {"list", NULL, list, FAULT_WRITE | FAULT_SIZE | FAULT_FLUSH},
    {"information", make_target, information, FAULT_WRITE | FAULT_SIZE | FAULT_FLUSH},
};

/* ---- the sweep ------------------------------------------------------------------------------- */

/* In the same directory, for the same owner, when it is not the first time. */
static void start(void)
{
    const char *const env[] = {PRELOAD, BESIDE_ASAN, sweep.variable, NULL};
    static const char *const args[] = {"-check-rate", "0", NULL};
    const struct server before = sweep.server;
    const char *dir = before.dir[0] != '\0' ? before.dir : NULL;
    server_start(&sweep.server, &(struct server_options){.args = args, .env = env, .dir = dir});
    memcpy(sweep.server.cookie, before.cookie, sizeof before.cookie);
}

static void expect_order(bool keep)
{
    struct file next;
    make_file(&next);
    expect_whole(&next);
    assert_int_equal(figure("files"), sweep.files + 1);
    if (keep && sweep.kept_count < MAX_KEPT) {
        sweep.kept[sweep.kept_count++] = next;
    } else {
        delete_file(&next);
    }
}

/* True when the fault was met. */
static bool try_once(const struct operation *op, int64_t n, bool lasting)
{
    snprintf(sweep.what, sizeof sweep.what, "%s, %s, %s at call %d", op->name, sweep.kind->name,
             lasting ? "lasting" : "once", (int)n);
    sweep.files = figure("files");
    if (op->prepare != NULL) {
        op->prepare();
    }
    set_fault(sweep.kind, n, lasting);
    op->run();
    bool met = sweep.faults->met > 0;
    expect_order(n == 0);
    return met;
}

/* The first calls one by one, later ones in strides that grow; or all. */
static int64_t next_step(int64_t n)
{
    return n + 1 + (sweep.each ? 0 : n / sweep.fineness);
}

static void sweep_operation(const struct operation *op)
{
    int met = 0;
    for (int lasting = 0; lasting <= 1; lasting++) {
        for (int64_t n = 0; try_once(op, n, lasting != 0); n = next_step(n)) {
            assert_true(n < MAX_STEP);
            met++;
        }
    }
    print_message("%s, %s: failed at %d places\n", op->name, sweep.kind->name, met);
}

static void check_database(void)
{
    char text[64];
    const char *const argv[] = {run_binary(), "check", sweep.server.db, NULL};
    struct run_result r;
    server_end(&sweep.server);
    run_program(argv, NULL, &r);
    if (r.code != 0) {
        fail_msg("picoshare check: %s%s", buf_str(&r.out), buf_str(&r.err));
    }
    run_done(&r);
    db_text(&sweep.server, "PRAGMA integrity_check", text, sizeof text);
    assert_string_equal(text, "ok");
}

static void sweep_kind(const struct fault_kind *kind)
{
    sweep.kind = kind;
    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        if ((operations[i].without & kind->kinds) == 0) {
            sweep_operation(&operations[i]);
        }
    }
    snprintf(sweep.what, sizeof sweep.what, "after the %s", kind->name);
    check_database();
    start();
    for (size_t i = 0; i < sweep.kept_count; i++) {
        expect_whole(&sweep.kept[i]);
    }
    assert_true(db_wait_no_orphans(&sweep.server));
}

static void test_failing_write(void **state)
{
    (void)state;
    sweep_kind(&kinds[0]);
}

static void test_full_disk(void **state)
{
    (void)state;
    sweep_kind(&kinds[1]);
}

static void test_failing_flush(void **state)
{
    (void)state;
    sweep_kind(&kinds[2]);
}

static void test_failing_change_of_size(void **state)
{
    (void)state;
    sweep_kind(&kinds[3]);
}

static void test_failing_read(void **state)
{
    (void)state;
    sweep_kind(&kinds[4]);
}

static void skip_when_sanitized(void)
{
    if (SANITIZED) {
        print_message("[  SKIP    ] memory does not fail: the sanitizer has its own allocator\n");
        skip();
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    skip_when_sanitized();
    sweep_kind(&kinds[5]);
}

/* ---- a start without memory ------------------------------------------------------------------ */

static int lines_with(const char *text, const char *part)
{
    int lines = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++) {
        lines++;
    }
    return lines;
}

/* It ended: with one line that says why. Of a thread the system says EAGAIN. */
static void expect_clean_end(const struct server *s, int code)
{
    struct buf text;
    harness_read_file(s->log, &text);
    if (code != EXIT_FAILURE || lines_with(buf_str(&text), "level=error") != 1 ||
        (strstr(buf_str(&text), "memory") == NULL &&
         strstr(buf_str(&text), strerror(EAGAIN)) == NULL)) {
        fail_msg("%s: ended with %d: %s", sweep.what, code, buf_str(&text));
    }
    buf_done(&text);
}

/* True when the fault was met. */
static bool start_once(const char *dir, int64_t n, bool lasting)
{
    const char *const env[] = {PRELOAD, sweep.variable, NULL};
    struct server s;
    int code = 0;
    snprintf(sweep.what, sizeof sweep.what, "start, no memory, %s at call %d",
             lasting ? "lasting" : "once", (int)n);
    /* Without memory for its first use libcrypto 3.0 ends the program with a null pointer. */
    sweep.faults->spares_crypto = 1;
    set_fault(sweep.kind, n, lasting);
    bool listens = server_try_start(&s, &(struct server_options){.dir = dir, .env = env}, &code);
    lift_fault();
    sweep.faults->spares_crypto = 0;
    bool met = sweep.faults->met > 0;
    if (listens) {
        char id[ID_CHARS + 1];
        upload_bytes(&s, "a.bin", 1, SMALL_SIZE, id);
        expect_download(&s, id, 1, SMALL_SIZE);
        server_end(&s);
    } else {
        assert_true(met);
        expect_clean_end(&s, code);
    }
    return met;
}

static void test_start_without_memory(void **state)
{
    (void)state;
    skip_when_sanitized();
    char dir[200];
    int met = 0;
    harness_new_dir(dir, sizeof dir);
    sweep.kind = &kinds[5];
    for (int lasting = 0; lasting <= 1; lasting++) {
        for (int64_t n = 0; start_once(dir, n, lasting != 0); n = next_step(n)) {
            assert_true(n < MAX_STEP);
            met++;
        }
    }
    print_message("start, no memory: failed at %d places\n", met);
    assert_true(met > 0);
}

/* ---- a stop that comes between two steps of a worker ---- */

struct visitors {
    struct server server;
    _Atomic bool end;
};

static void *visit(void *arg)
{
    struct visitors *visitors = arg;
    while (!atomic_load(&visitors->end)) {
        struct raw *c = calloc(1, sizeof *c);
        struct response r;
        if (raw_open(&visitors->server, c)) {
            if (raw_text(c, "GET /login HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")) {
                (void)raw_answer(c, false, &r);
                response_done(&r);
            }
            raw_close(c);
        }
        free(c);
    }
    return NULL;
}

/* libmicrohttpd's own way to stop listening may end the process with abort(). */
static void test_stop_among_visitors(void **state)
{
    enum { VISITORS = 4, ROUNDS = 5, REMOVAL_MS = 5 };
    (void)state;
    const char *const env[] = {PRELOAD, BESIDE_ASAN, sweep.variable, NULL};
    for (int round = 0; round < ROUNDS; round++) {
        static struct visitors visitors;
        pthread_t threads[VISITORS];
        server_start(&visitors.server, &(struct server_options){.env = env});
        sweep.faults->removal_ms = REMOVAL_MS;
        visitors.end = false;
        for (size_t i = 0; i < VISITORS; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, visit, &visitors), 0);
        }
        harness_sleep_ms(20);
        struct server stopped = visitors.server;
        int code = server_stop(&stopped);
        atomic_store(&visitors.end, true);
        for (size_t i = 0; i < VISITORS; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        }
        assert_int_equal(code, 0);
    }
}

/* ---- */

static int setup(void **state)
{
    (void)state;
    sweep.fineness = harness_scale("the strides are a part of the way: one in", 10, 3);
    map_faults();
    start();
    server_sign_in(&sweep.server);
    link_create(&sweep.server, &(struct guest_link){0}, sweep.link);
    wait_for_upkeep(HANG_SECONDS * 1000);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    server_end(&sweep.server);
    return 0;
}

/* What a test that failed has left behind is no part of the next one. */
static int clean_up(void **state)
{
    (void)state;
    lift_fault();
    return 0;
}

int main(void)
{
    const char *pattern = getenv("PICOSHARE_FAULTS_EACH");
    if (pattern != NULL) {
        sweep.each = true;
        cmocka_set_test_filter(pattern);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_failing_write, clean_up),
        cmocka_unit_test_teardown(test_full_disk, clean_up),
        cmocka_unit_test_teardown(test_failing_flush, clean_up),
        cmocka_unit_test_teardown(test_failing_change_of_size, clean_up),
        cmocka_unit_test_teardown(test_failing_read, clean_up),
        cmocka_unit_test_teardown(test_no_memory, clean_up),
        cmocka_unit_test_teardown(test_start_without_memory, clean_up),
        cmocka_unit_test_teardown(test_stop_among_visitors, clean_up),
    };
    return harness_main(tests, setup, teardown);
}
