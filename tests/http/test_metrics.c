/* GET /metrics: its format (OpenMetrics 1.0), what is counted, and who may look, at the server's
 * own address and at the one for watching. */
#include "api.h"
#include "routes.h"
#include <stdlib.h>
#include <unistd.h>

#define CONTENT_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* As Prometheus asks. */
static const char *const accept_openmetrics[] = {
    "Accept: application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
    "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    NULL};

/* ---- a strict parser ------------------------------------------------------------------------- */

enum { MAX_SAMPLES = 400, MAX_FAMILIES = 60, SERIES_BYTES = 160 };

struct metrics {
    size_t count;
    struct sample {
        char series[SERIES_BYTES]; /* name and labels, as printed */
        double value;
    } samples[MAX_SAMPLES];
    size_t families_count;
    char families[MAX_FAMILIES][SERIES_BYTES];
    struct buf stamped; /* with a time after every sample, as "promtool tsdb" wants it */
};

static const char *line_of(const char *text, char *ret_line, size_t size)
{
    const char *end = strchr(text, '\n');
    assert_non_null(end);
    assert_true(slice_copy(slice_of(text, (size_t)(end - text)), ret_line, size));
    assert_true(ret_line[0] != '\0' && strpbrk(ret_line, "\r\t") == NULL);
    return end + 1;
}

static size_t name_len(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
    size_t len = strspn(text, letters);
    assert_in_range(len, 1, SERIES_BYTES - 20);
    return len;
}

static bool has_suffix(const char *text, const char *suffix)
{
    size_t len = strlen(text);
    return len >= strlen(suffix) && strcmp(text + len - strlen(suffix), suffix) == 0;
}

struct family {
    char name[SERIES_BYTES];
    char type[16];
    /* of a histogram, the series that is being read */
    double last_bound;
    double last_count;
};

/* "# TYPE name type", perhaps "# UNIT name unit", "# HELP name text": in this order. */
static const char *parse_family(struct metrics *m, const char *text, struct family *ret_family)
{
    char line[1024];
    char unit[32] = "";
    char wanted[SERIES_BYTES + 20];
    struct family *f = ret_family;
    memset(f, 0, sizeof *f);
    text = line_of(text, line, sizeof line);
    assert_memory_equal(line, "# TYPE ", 7);
    size_t len = name_len(line + 7);
    assert_true(slice_copy(slice_of(line + 7, len), f->name, sizeof f->name));
    assert_int_equal(line[7 + len], ' ');
    assert_true(slice_copy(slice_str(line + 8 + len), f->type, sizeof f->type));
    for (size_t i = 0; i < m->families_count; i++) {
        assert_string_not_equal(m->families[i], f->name);
    }
    assert_true(m->families_count < MAX_FAMILIES);
    memcpy(m->families[m->families_count++], f->name, sizeof f->name);

    text = line_of(text, line, sizeof line);
    snprintf(wanted, sizeof wanted, "# UNIT %s ", f->name);
    if (strncmp(line, wanted, strlen(wanted)) == 0) {
        snprintf(unit, sizeof unit, "_%s", line + strlen(wanted));
        text = line_of(text, line, sizeof line);
    }
    assert_int_equal(unit[0] != '\0',
                     has_suffix(f->name, "_bytes") || has_suffix(f->name, "_seconds"));
    assert_true(has_suffix(f->name, unit));
    snprintf(wanted, sizeof wanted, "# HELP %s ", f->name);
    assert_memory_equal(line, wanted, strlen(wanted));
    assert_true(has_suffix(line, ".") && strchr(line, '\\') == NULL);

    return text;
}

/* The labels from '{' on; returns what comes after '}'. */
static const char *parse_labels(const char *at)
{
    do {
        at++;
        at += name_len(at);
        assert_memory_equal(at, "=\"", 2);
        for (at += 2; *at != '"'; at++) {
            assert_true(*at != '\0' && *at != '\\');
        }
        at++;
    } while (*at == ',');
    assert_int_equal(*at, '}');
    return at + 1;
}

/* The suffix that a sample of this type has, or "" for none. */
static void check_suffix(struct family *f, const char *suffix, const char *series, double value)
{
    const char *bound = strstr(series, "le=\"");
    if (strcmp(f->type, "counter") == 0) {
        assert_string_equal(suffix, "_total");
    } else if (strcmp(f->type, "gauge") == 0) {
        assert_string_equal(suffix, "");
    } else if (strcmp(f->type, "info") == 0) {
        assert_string_equal(suffix, "_info");
        assert_true(value == 1);
    } else if (strcmp(f->type, "histogram") == 0 && strcmp(suffix, "_bucket") == 0) {
        assert_non_null(bound);
        double le = strtod(bound + 4, NULL); /* +Inf too */
        assert_true(le > f->last_bound && value >= f->last_count);
        f->last_bound = le;
        f->last_count = value;
    } else if (strcmp(f->type, "histogram") == 0 && strcmp(suffix, "_count") == 0) {
        assert_true(__builtin_isinf(f->last_bound) && value == f->last_count);
        f->last_bound = 0;
        f->last_count = 0;
    } else {
        assert_string_equal(f->type, "histogram");
        assert_string_equal(suffix, "_sum");
    }
}

static const char *parse_sample(struct metrics *m, const char *text, struct family *f)
{
    char line[1024];
    char name[SERIES_BYTES];
    assert_true(m->count < MAX_SAMPLES);
    struct sample *sample = &m->samples[m->count++];
    text = line_of(text, line, sizeof line);
    size_t len = name_len(line);
    assert_true(slice_copy(slice_of(line, len), name, sizeof name));
    assert_memory_equal(name, f->name, strlen(f->name));
    const char *at = line[len] == '{' ? parse_labels(line + len) : line + len;
    assert_int_equal(*at, ' ');
    assert_true(
        slice_copy(slice_of(line, (size_t)(at - line)), sample->series, sizeof sample->series));
    char *end = NULL;
    sample->value = strtod(at + 1, &end);
    assert_true(end > at + 1 && *end == '\0' && at[1] >= '0' && at[1] <= '9');
    check_suffix(f, name + strlen(f->name), sample->series, sample->value);
    for (size_t i = 0; i + 1 < m->count; i++) {
        assert_string_not_equal(m->samples[i].series, sample->series);
    }
    buf_addf(&m->stamped, "%s 1700000000\n", line);
    return text;
}

static void parse(const char *text, struct metrics *m)
{
    struct family family = {.name = ""};
    m->count = 0;
    m->families_count = 0;
    buf_init(&m->stamped, 65536);
    while (strcmp(text, "# EOF\n") != 0) {
        const char *begin = text;
        if (text[0] == '#') {
            text = parse_family(m, text, &family);
            buf_add(&m->stamped, begin, (size_t)(text - begin));
            assert_true(text[0] != '#'); /* a family has a sample */
        } else {
            text = parse_sample(m, text, &family);
        }
    }
    buf_add_str(&m->stamped, text);
}

static void metrics_done(struct metrics *m)
{
    buf_done(&m->stamped);
    free(m);
}

/* Asks as the owner, or at the other address. To be given to metrics_done(). */
static struct metrics *scrape(const struct server *s, enum auth auth)
{
    struct metrics *m = malloc(sizeof *m);
    struct response r;
    assert_non_null(m);
    http_do(s, &(struct request){.path = "/metrics", .auth = auth, .headers = accept_openmetrics},
            &r);
    expect_answer(&r, 200, NULL);
    assert_string_equal(response_header(&r, "Content-Type"), CONTENT_TYPE);
    assert_string_equal(response_header(&r, "Cache-Control"), "no-store");
    parse(response_text(&r), m);
    response_done(&r);
    return m;
}

static double value_of(const struct metrics *m, const char *series)
{
    for (size_t i = 0; i < m->count; i++) {
        if (strcmp(m->samples[i].series, series) == 0) {
            return m->samples[i].value;
        }
    }
    fail_msg("no %s", series);
    return 0;
}

/* ---- the format ------------------------------------------------------------------------------ */

/* What Prometheus itself thinks of it. */
static void test_promtool(void **state)
{
    struct server *s = *state;
    char dir[200];
    char path[256];
    char command[700];
    struct run_result r;
    static const char *const version[] = {"promtool", "--version", NULL};
    run_program(version, NULL, &r);
    int code = r.code;
    run_done(&r);
    if (code != 0) {
        print_message("[  SKIP    ] promtool is not here (Debian's package prometheus)\n");
        skip();
    }
    struct metrics *m = scrape(s, AUTH_BASIC);
    harness_new_dir(dir, sizeof dir);
    struct response text;
    http_do(s, &(struct request){.path = "/metrics", .auth = AUTH_BASIC}, &text);
    expect_header(&text, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    snprintf(path, sizeof path, "%s/text", dir);
    harness_write_file(path, response_text(&text));
    response_done(&text);
    snprintf(path, sizeof path, "%s/stamped", dir);
    harness_write_file(path, buf_str(&m->stamped));
    snprintf(command, sizeof command,
             "cd '%s' && promtool check metrics <text &&"
             " promtool tsdb create-blocks-from openmetrics stamped blocks",
             dir);
    const char *const argv[] = {"sh", "-c", command, NULL};
    run_program(argv, NULL, &r);
    if (r.code != 0) {
        fail_msg("exit code %d: %s%s\n%s", r.code, buf_str(&r.out), buf_str(&r.err),
                 buf_str(&m->stamped));
    }
    run_done(&r);
    metrics_done(m);
}

/* Figures of the moment agree with those that the owner sees elsewhere. */
static void test_gauges(void **state)
{
    struct server *s = *state;
    struct metrics *m = scrape(s, AUTH_BASIC);
    assert_true(value_of(m, "picoshare_files") == (double)db_entries(s));
    assert_true(value_of(m, "picoshare_chunk_buffers_limit") == 51);
    assert_true(value_of(m, "picoshare_http_connections") >= 1);
    assert_true(value_of(m, "picoshare_http_running_requests") >= 1);
    assert_true(value_of(m, "picoshare_database_size_bytes") > 0);
    assert_true(value_of(m, "picoshare_database_page_size_bytes") == 16384);
    assert_true(value_of(m, "process_resident_memory_bytes") > 1000000);
    double started = value_of(m, "process_start_time_seconds");
    assert_true(started > (double)time(NULL) - 1000 && started <= (double)time(NULL));
    metrics_done(m);
}

/* ---- what is counted ------------------------------------------------------------------------- */

/* Waits until the series has grown by this since `before`: an answer may be here before its request
 * has ended there. Fails when it grows by more, or not within HANG_SECONDS. */
static void expect_growth(const struct server *s, const struct metrics *before, const char *series,
                          double growth)
{
    double was = value_of(before, series);
    double is = was;
    int64_t end = harness_now_ms() + HANG_SECONDS * INT64_C(1000);
    do {
        struct metrics *m = scrape(s, AUTH_BASIC);
        is = value_of(m, series);
        metrics_done(m);
    } while (is < was + growth && harness_now_ms() < end);
    if (is != was + growth) {
        fail_msg("%s: from %.9g to %.9g, not by %.9g", series, was, is, growth);
    }
}

#define REQUESTS(route, code) "picoshare_http_requests_total{route=\"" route "\",code=\"" code "\"}"
#define DURATIONS(route) "picoshare_http_request_duration_seconds_count{route=\"" route "\"}"

static void test_requests(void **state)
{
    static const struct {
        const char *path;
        const char *method;
        enum auth auth;
        int status;
        const char *series;
        const char *durations;
    } cases[] = {
        {"/login", "GET", AUTH_NONE, 200, REQUESTS("page", "2xx"), DURATIONS("page")},
        {"/files", "HEAD", AUTH_BASIC, 200, REQUESTS("page", "2xx"), DURATIONS("page")},
        {"/css/style.css", "GET", AUTH_NONE, 200, REQUESTS("asset", "2xx"), DURATIONS("asset")},
        {"/api/system", "GET", AUTH_NONE, 401, REQUESTS("api", "4xx"), DURATIONS("api")},
        {"/api/system", "GET", AUTH_BASIC, 200, REQUESTS("api", "2xx"), DURATIONS("api")},
        {"/-hR87apiUCj", "GET", AUTH_NONE, 404, REQUESTS("download", "4xx"), DURATIONS("download")},
        {"/nowhere", "GET", AUTH_NONE, 404, REQUESTS("other", "4xx"), DURATIONS("other")},
        {"//login", "GET", AUTH_NONE, 301, REQUESTS("other", "3xx"), DURATIONS("other")},
        {"/healthz?", "POST", AUTH_NONE, 405, REQUESTS("other", "4xx"), DURATIONS("other")},
        {"/metrics", "GET", AUTH_NONE, 401, REQUESTS("watch", "4xx"), NULL},
        {"/api/upload/x", "PUT", AUTH_NONE, 401, REQUESTS("upload", "4xx"), DURATIONS("upload")},
    };
    struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct metrics *before = scrape(s, AUTH_BASIC);
        enum { TIMES = 3 };
        for (int n = 0; n < TIMES; n++) {
            struct response r;
            http_do(s,
                    &(struct request){
                        .path = cases[i].path, .method = cases[i].method, .auth = cases[i].auth},
                    &r);
            expect_answer(&r, cases[i].status, NULL);
            response_done(&r);
        }
        expect_growth(s, before, cases[i].series, TIMES);
        if (cases[i].durations != NULL) { /* that of "watch" grows with every look */
            expect_growth(s, before, cases[i].durations, TIMES);
        }
        metrics_done(before);
    }
}

static void test_bytes(void **state)
{
    enum { BYTES = 1000001 }; /* too many to be read ahead of the headers */
    struct server *s = *state;
    char id[ID_CHARS + 1];
    char path[32];
    struct response r;
    struct metrics *before = scrape(s, AUTH_BASIC);
    upload_bytes(s, "a.bin", 7, BYTES, id);
    expect_growth(s, before, "picoshare_http_received_bytes_total", BYTES);
    metrics_done(before);

    before = scrape(s, AUTH_BASIC);
    expect_download(s, id, 7, BYTES);
    snprintf(path, sizeof path, "/-%s", id);
    http_do(s, &(struct request){.path = path, .method = "HEAD"}, &r);
    expect_answer(&r, 200, "");
    response_done(&r);
    http_do(
        s, &(struct request){.path = "/metrics", .auth = AUTH_BASIC, .headers = accept_openmetrics},
        &r);
    struct metrics *after = malloc(sizeof *after);
    assert_non_null(after);
    parse(response_text(&r), after);
    /* The look before was sent, too, and was as long as this one but for some digits. */
    double sent = value_of(after, "picoshare_http_sent_bytes_total") -
                  value_of(before, "picoshare_http_sent_bytes_total") - (double)r.body.len;
    assert_true(sent > BYTES - 200 && sent < BYTES + 200);
    response_done(&r);
    metrics_done(before);
    metrics_done(after);
}

#define UPLOADS(outcome) "picoshare_uploads_total{outcome=\"" outcome "\"}"

static void upload_and_leave(const struct server *s)
{
    struct raw *c = malloc(sizeof *c);
    char head[400];
    assert_non_null(c);
    assert_true(raw_open(s, c));
    snprintf(head, sizeof head,
             "PUT /api/upload/a.bin HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\n"
             "Content-Length: 1000000\r\n\r\n",
             s->cookie);
    assert_true(raw_text(c, head));
    assert_true(raw_gen(c, 7, 0, 400000));
    raw_close(c);
    free(c);
}

static void test_uploads(void **state)
{
    struct server *s = *state;
    char id[ID_CHARS + 1];
    struct response r;
    struct metrics *before = scrape(s, AUTH_BASIC);
    upload_text(s, "a.txt", "text/plain", "text", id);
    upload_bytes(s, "a.bin", 7, 1, id);
    for (int i = 0; i < 3; i++) {
        http_do(s,
                &(struct request){.path = "/api/upload/a.txt?expiration=yesterday",
                                  .method = "PUT",
                                  .auth = AUTH_COOKIE,
                                  .bytes = 100},
                &r);
        assert_int_equal(r.status, 400);
        response_done(&r);
    }
    upload_and_leave(s);
    expect_growth(s, before, UPLOADS("stored"), 2);
    expect_growth(s, before, UPLOADS("refused"), 3);
    expect_growth(s, before, UPLOADS("aborted"), 1);
    expect_growth(s, before, REQUESTS("upload", "2xx"), 2);
    expect_growth(s, before, REQUESTS("upload", "4xx"), 4); /* with the one who left */
    metrics_done(before);
}

/* The log is copied at 8 MiB. */
static void test_checkpoints(void **state)
{
    static const char series[] = "picoshare_database_checkpoint_duration_seconds_count";
    struct server *s = *state;
    char id[ID_CHARS + 1];
    struct metrics *before = scrape(s, AUTH_BASIC);
    upload_bytes(s, "large.bin", 8, 20000000, id);
    struct metrics *after = scrape(s, AUTH_BASIC);
    assert_true(value_of(after, series) > value_of(before, series));
    assert_true(value_of(after, "picoshare_database_log_bytes") < 20000000);
    assert_true(value_of(after, "picoshare_files") == value_of(before, "picoshare_files") + 1);
    metrics_done(before);
    metrics_done(after);
}

/* ---- who may look ---------------------------------------------------------------------------- */

static void expect_refused(const struct server *s, const char *const *headers, int status)
{
    struct response r;
    http_do(s, &(struct request){.path = "/metrics", .headers = headers}, &r);
    expect_answer(&r, status, NULL);
    expect_no_part(&r, "picoshare_");
    response_done(&r);
}

static void test_sign_in(void **state)
{
    static const char *const browser[] = {"Accept: text/html", NULL};
    static const char *const wrong[] = {"Authorization: Basic Ondyb25n", NULL};
    struct server *s = *state;
    expect_refused(s, NULL, 401);
    expect_refused(s, browser, 401);
    expect_refused(s, wrong, 401);
    metrics_done(scrape(s, AUTH_COOKIE));
    metrics_done(scrape(s, AUTH_BASIC));
}

/* No name of a file, no id and no secret is in it, whatever happened before. */
static void test_secrets(void **state)
{
    struct server *s = *state;
    char link[LINK_CHARS + 1];
    char path[64];
    struct response r;
    link_create(s, &(struct guest_link){.lifetime = INFINITE}, link);
    snprintf(path, sizeof path, "/api/guest/%s/unheard-of.txt", link);
    http_do(s, &(struct request){.path = path, .method = "PUT", .bytes = 10}, &r);
    expect_answer(&r, 200, NULL);
    response_done(&r);
    http_do(s, &(struct request){.path = "/metrics", .auth = AUTH_BASIC}, &r);
    expect_answer(&r, 200, NULL);
    expect_no_part(&r, link);
    expect_no_part(&r, "unheard-of");
    expect_no_part(&r, HARNESS_SECRET);
    expect_no_part(&r, s->cookie + strlen("sharedSecret="));
    response_done(&r);
}

/* ---- the address for watching ---------------------------------------------------------------- */

/* The same server there; the port is in its log. */
static struct server at_own_address(const struct server *s)
{
    static const char said[] = "port=\"";
    struct server own = *s;
    struct buf log;
    harness_read_file(s->log, &log);
    const char *line = strstr(buf_str(&log), "msg=\"serving metrics\"");
    const char *port = line != NULL ? strstr(line, said) : NULL;
    assert_non_null(port);
    own.port = 0;
    for (port += sizeof said - 1; *port != '"'; port++) {
        own.port = 10 * own.port + (*port - '0');
    }
    buf_done(&log);
    return own;
}

static void expect_not_there(const struct server *own, const char *method, const char *path)
{
    static const char *const none[] = {NULL};
    struct response r;
    http_do(own,
            &(struct request){.path = path, .method = method, .auth = AUTH_COOKIE, .headers = none},
            &r);
    if (r.status != 404 || r.body.len > 300) {
        fail_msg("%s %s: %d\n%s", method, path, r.status, response_text(&r));
    }
    response_done(&r);
}

static void expect_there(const struct server *own)
{
    struct response r;
    metrics_done(scrape(own, AUTH_NONE));
    http_get(own, "/healthz", &r);
    expect_answer(&r, 200, "ok\n");
    response_done(&r);
}

static void test_own_address(void **state)
{
    static const char *const args[] = {"-metrics-address", "127.0.0.1:0", NULL};
    struct known_route routes[MAX_ROUTES];
    struct server s;
    (void)state;
    server_start(&s, &(struct server_options){.args = args});
    server_sign_in(&s);
    struct server own = at_own_address(&s);
    assert_int_not_equal(own.port, s.port);
    expect_there(&own);
    size_t count = read_routes(routes);
    size_t others = 0;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(routes[i].path, "/metrics") != 0 && strcmp(routes[i].path, "/healthz") != 0) {
            expect_not_there(&own, routes[i].method, routes[i].path);
            others++;
        }
    }
    assert_int_equal(others, count - 2);
    expect_not_there(&own, "GET", "/css/style.css");
    expect_not_there(&own, "GET", "/nowhere");
    expect_not_there(&own, "OPTIONS", "/api/auth");
    expect_there(&own);
    expect_refused(&s, NULL, 401); /* the other one still asks */
    metrics_done(scrape(&s, AUTH_COOKIE));
    server_end(&s);
    struct response r;
    http_get(&own, "/healthz", &r);
    assert_int_equal(r.status, 0);
    response_done(&r);
}

/* When everybody else is told to come back later, the figures are still to be had. */
static void test_crowd(void **state)
{
    enum { CROWD = 968 }; /* above the soft limit of 960 connections, below the hard one */
    static const char *const args[] = {"-metrics-address", "127.0.0.1:0", NULL};
    (void)state;
    struct server s;
    struct response r;
    server_start(&s, &(struct server_options){.args = args});
    struct server own = at_own_address(&s);
    struct raw *crowd = calloc(CROWD, sizeof *crowd);
    assert_non_null(crowd);
    for (size_t i = 0; i < CROWD; i++) {
        assert_true(raw_open(&s, &crowd[i]));
    }
    http_get(&s, "/login", &r);
    expect_answer(&r, 503, NULL);
    response_done(&r);
    /* The workers, which count them, may need a moment. */
    double connections = 0;
    for (int i = 0; i < HANG_SECONDS * 10 && connections <= CROWD; i++) {
        struct metrics *m = scrape(&own, AUTH_NONE);
        connections = value_of(m, "picoshare_http_connections");
        metrics_done(m);
        harness_sleep_ms(100);
    }
    assert_true(connections > CROWD);
    for (size_t i = 0; i < CROWD; i++) {
        raw_close(&crowd[i]);
    }
    free(crowd);
    server_end(&s);
}

/* Without the option nobody gets in without a passphrase, and only where it is told to does it
 * listen: not at other addresses of the machine. */
static void test_only_there(void **state)
{
    static const char *const env[] = {"PS_METRICS_ADDRESS=127.0.0.9:0", NULL};
    struct server s;
    (void)state;
    server_start(&s, &(struct server_options){.env = env});
    struct server own = at_own_address(&s);
    struct response r;
    http_get(&own, "/metrics", &r);
    assert_int_equal(r.status, 0); /* 127.0.0.1 */
    response_done(&r);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.9:%d", own.port);
    const char *const argv[] = {run_binary(), "health", "-url", url, NULL};
    struct run_result result;
    run_program(argv, NULL, &result);
    assert_int_equal(result.code, 0);
    run_done(&result);
    server_end(&s);
}

static void test_bad_address(void **state)
{
    static const struct {
        const char *address;
        int code;
        const char *word;
    } cases[] = {
        {"9101", 2, "not an address and a port"},
        {"127.0.0.1", 2, "not an address and a port"},
        {"127.0.0.1:", 2, "not an address and a port"},
        {"127.0.0.1:65536", 2, "not an address and a port"},
        {"::1:9101", 2, "not an address and a port"},
        {"localhost:9101", 1, "not a numeric address"},
        {"[::g]:9101", 1, "not a numeric address: ::g"},
    };
    struct server *s = *state;
    char db[256];
    char dir[200];
    harness_new_dir(dir, sizeof dir);
    snprintf(db, sizeof db, "%s/store.db", dir);
    for (size_t i = 0; i <= ARRAY_LEN(cases); i++) {
        char used[64];
        snprintf(used, sizeof used, "127.0.0.1:%d", s->port);
        bool last = i == ARRAY_LEN(cases); /* somebody else listens there */
        const char *const argv[] = {
            run_binary(), "-db", db, "-metrics-address", last ? used : cases[i].address, NULL};
        static const char *const env[] = {"PORT=0", "PS_SHARED_SECRET=" HARNESS_SECRET, NULL};
        struct run_result r;
        run_program(argv, env, &r);
        assert_int_equal(r.code, last ? 1 : cases[i].code);
        assert_non_null(strstr(buf_str(&r.err), last ? "is in use" : cases[i].word));
        run_done(&r);
    }
    assert_int_not_equal(access(db, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_promtool),    cmocka_unit_test(test_gauges),
        cmocka_unit_test(test_requests),    cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_uploads),     cmocka_unit_test(test_checkpoints),
        cmocka_unit_test(test_sign_in),     cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_own_address), cmocka_unit_test(test_only_there),
        cmocka_unit_test(test_crowd),       cmocka_unit_test(test_bad_address),
    };
    return harness_main(tests, owner_group_setup, server_group_teardown);
}
