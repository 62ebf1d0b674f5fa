/* The passphrase, session tokens and guest links show up nowhere but where they belong: not in what
 * the program writes, not in what /proc tells of it, and not in a core (SECURITY.md). */
#include "api.h"
#include "picoshare/text/base64.h"
#include "routes.h"
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLANTED "tr0ub4dor-planted-passphrase"
#define MISTYPED "tr0ub4dor-planted-passphrasf" /* as good as the right one for who finds it */
#define WRONG_TOKEN "c2VjcmV0LXRva2VuLW9mLXNvbWVib2R5LWVsc2UtMDE"

static bool holds(const struct buf *text, const char *needle)
{
    return text->len > 0 && memmem(text->ptr, text->len, needle, strlen(needle)) != NULL;
}

static void expect_none(const char *what, const struct buf *text, const char *const *needles)
{
    for (; *needles != NULL; needles++) {
        if (holds(text, *needles)) {
            fail_msg("%s holds \"%s\"", what, *needles);
        }
    }
}

static void expect_none_in_file(const char *path, const char *const *needles)
{
    struct buf text;
    harness_read_file(path, &text);
    expect_none(path, &text, needles);
    buf_done(&text);
}

static void start_planted(struct server *s, const char *const *args)
{
    static const char *const env[] = {"PS_SHARED_SECRET=" PLANTED, NULL};
    server_start(s, &(struct server_options){.args = args, .env = env});
    snprintf(s->secret, sizeof s->secret, "%s", PLANTED);
}

/* ---- what it writes -------------------------------------------------------------------------- */

static void basic(const char *passphrase, char *ret_header, size_t size)
{
    char plain[128];
    char encoded[200];
    snprintf(plain, sizeof plain, ":%s", passphrase);
    base64_encode(slice_str(plain), BASE64_STANDARD, encoded);
    snprintf(ret_header, size, "Authorization: Basic %s", encoded);
}

/* The answers must not repeat what was sent either. */
static void ask(const struct server *s, const struct known_route *route, const char *header,
                const char *body, const char *const *needles)
{
    const char *const headers[] = {header, NULL};
    struct response r;
    http_do(s,
            &(struct request){.method = route->method,
                              .path = route->path,
                              .headers = headers,
                              .text = strcmp(route->method, "GET") == 0 ? NULL : body},
            &r);
    assert_int_not_equal(r.status, 0);
    expect_none(route->path, &r.body, needles);
    response_done(&r);
}

static void test_logs(void **state)
{
    static const char *const debug[] = {"-debug", NULL};
    static const char *const bodies[] = {"{\"sharedSecretKey\":\"" MISTYPED "\"}",
                                         "{\"sharedSecretKey\":\"" PLANTED "\"",
                                         "{\"sharedSecretKey\":[\"" PLANTED "\"]}",
                                         "sharedSecretKey=" MISTYPED "&next=%2F", ("\x01" PLANTED)};
    (void)state;
    struct server s;
    char right[256];
    char wrong[256];
    char cookie[300];
    struct known_route routes[MAX_ROUTES];
    size_t count = read_routes(routes);
    start_planted(&s, debug);
    server_sign_in(&s);
    basic(PLANTED, right, sizeof right);
    basic(MISTYPED, wrong, sizeof wrong);
    snprintf(cookie, sizeof cookie, "Cookie: %s", s.cookie);
    const char *const headers[] = {right, wrong, cookie, "Cookie: sharedSecret=" WRONG_TOKEN,
                                   "Authorization: Bearer " PLANTED};
    const char *const needles[] = {PLANTED,
                                   MISTYPED,
                                   WRONG_TOKEN,
                                   s.cookie + strlen("sharedSecret="),
                                   right + strlen("Authorization: Basic "),
                                   wrong + strlen("Authorization: Basic "),
                                   NULL};
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < ARRAY_LEN(headers); k++) {
            ask(&s, &routes[i], headers[k], bodies[(i + k) % ARRAY_LEN(bodies)], needles);
        }
    }
    server_end(&s);
    expect_none_in_file(s.log, needles);
    expect_none_in_file(s.access, needles);
    static const char *const seen[] = {"wrong passphrase", NULL}; /* it was written about */
    struct buf text;
    harness_read_file(s.log, &text);
    assert_true(holds(&text, seen[0]));
    buf_done(&text);
}

/* Guest links are written with their first characters only, whichever way they are asked for. */
static void test_guest_links_in_the_log(void **state)
{
    static const char *const paths[] = {"/g/%s",
                                        "/g/%s/",
                                        "/g/%s?x=1",
                                        "/g/%s)",
                                        "//g/%s",
                                        "/g//%s",
                                        "/g/./%s",
                                        "/g/x/../%s",
                                        "/%%67/%s",
                                        "/files/../g/%s",
                                        "/guest-links/%s",
                                        "/api/guest/%s",
                                        "/api/guest/%s/name.txt",
                                        "/api/guest-links/%s",
                                        "/api/guest-links/%s/enable",
                                        "/api/guest-links/%s/nothing"};
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "OPTIONS"};
    (void)state;
    struct server s;
    struct buf text;
    char link[LINK_CHARS + 1];
    char id[ID_CHARS + 1];
    char shown[32];
    start_planted(&s, NULL);
    server_sign_in(&s);
    link_create(&s, &(struct guest_link){0}, link);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        for (size_t k = 0; k < ARRAY_LEN(methods); k++) {
            char path[128];
            struct response r;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(path, sizeof path, paths[i], link);
#pragma GCC diagnostic pop
            http_do(&s, &(struct request){.method = methods[k], .path = path, .text = "x"}, &r);
            assert_int_not_equal(r.status, 0);
            response_done(&r);
        }
    }
    link_switch(&s, link, "disable");
    link_delete(&s, link);
    upload_text(&s, "a.txt", NULL, "dummy data", id);
    struct response r;
    snprintf(shown, sizeof shown, "/-%s/a.txt", id);
    http_get(&s, shown, &r);
    response_done(&r);
    server_end(&s);
    const char *const needles[] = {link, link + 6, NULL}; /* nor the greater part of it */
    expect_none_in_file(s.log, needles);
    expect_none_in_file(s.access, needles);
    harness_read_file(s.access, &text);
    assert_true(holds(&text, shown)); /* files are logged as PicoShare does it */
    snprintf(shown, sizeof shown, "\"GET /g/%.4s*** HTTP/1.1\" 200 ", link);
    assert_true(holds(&text, shown));
    snprintf(shown, sizeof shown, "\"GET /g/%.4s***?x=1 ", link);
    assert_true(holds(&text, shown));
    snprintf(shown, sizeof shown, "\"PUT /api/guest/%.4s***/name", link);
    assert_true(holds(&text, shown));
    buf_done(&text);
}

/* ---- what the system tells of it ------------------------------------------------------------- */

static const char *const planted[] = {PLANTED, NULL};

static void test_proc(void **state)
{
    (void)state;
    struct server s;
    char path[64];
    struct stat st;
    start_planted(&s, NULL);
    server_sign_in(&s);
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)s.pid);
    expect_none_in_file(path, planted);
    snprintf(path, sizeof path, "/proc/%d/environ", (int)s.pid);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_uid, 0); /* whoever runs it */
    if (geteuid() == 0) {
        struct buf text;
        harness_read_file(path, &text);
        assert_true(holds(&text, "PS_SHARED_SECRET=")); /* it was there, and is wiped */
        expect_none(path, &text, planted);
        buf_done(&text);
    }
    server_end(&s);
}

static bool has_core(const char *directory)
{
    DIR *dir = opendir(directory);
    assert_non_null(dir);
    bool found = false;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        found = found || strncmp(e->d_name, "core", 4) == 0;
    }
    closedir(dir);
    return found;
}

/* The kernel writes no core, where it does of other programs. */
static void test_kernel_core(void **state)
{
    (void)state;
    struct server s;
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    char dir[200];
    char command[300];
    struct run_result run;
    harness_new_dir(dir, sizeof dir);
    bool raised = setrlimit(RLIMIT_CORE, &limit) == 0;
    snprintf(command, sizeof command, "cd %s && ulimit -c unlimited && kill -ABRT $$", dir);
    const char *const shell[] = {"sh", "-c", command, NULL};
    run_program(shell, NULL, &run);
    run_done(&run);
    if (!raised || !has_core(dir)) {
        print_message("[  SKIP    ] this system writes no core files into the directory\n");
        skip();
    }
    start_planted(&s, NULL);
    server_sign_in(&s);
    assert_int_equal(server_signal(&s, SIGABRT), 128 + SIGABRT);
    assert_false(has_core(s.dir));
}

/* Root may read any memory. Of the passphrase nothing is left there once it has been hashed; it
 * comes back with requests that carry it. */
static void test_core_by_root(void **state)
{
    static const char *const ways[] = {"PS_SHARED_SECRET=" PLANTED, "PS_SHARED_SECRET_FILE=secret"};
    (void)state;
    const char *const gdb[] = {"gcore", NULL};
    struct run_result run;
    run_program(gdb, NULL, &run);
    bool missing = run.code == 127;
    run_done(&run);
    if (SANITIZED) {
        print_message("[  SKIP    ] sanitizers keep copies of freed memory\n");
        skip();
    }
    if (missing || geteuid() != 0) {
        print_message("[  SKIP    ] %s\n", missing ? "gcore (gdb) is not here" : "only root can");
        skip();
    }
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct server s;
        char dir[200];
        char file[256];
        char pid[16];
        const char *const env[] = {ways[i], NULL};
        harness_new_dir(dir, sizeof dir);
        snprintf(file, sizeof file, "%s/secret", dir);
        harness_write_file(file, PLANTED);
        server_start(&s, &(struct server_options){.dir = dir, .env = env, .no_secret = i > 0});
        assert_int_equal(unlink(file), 0);
        snprintf(file, sizeof file, "%s/image", dir);
        snprintf(pid, sizeof pid, "%d", (int)s.pid);
        const char *const argv[] = {"gcore", "-o", file, pid, NULL};
        run_program(argv, NULL, &run);
        snprintf(file, sizeof file, "%s/image.%d", dir, (int)s.pid);
        if (run.code != 0 || access(file, R_OK) != 0) {
            print_message("[  SKIP    ] gcore cannot attach here\n");
            run_done(&run);
            server_end(&s);
            skip();
        }
        run_done(&run);
        const char *const grep[] = {"grep", "-c", "-a", PLANTED, file, NULL};
        const char *const known[] = {"grep", "-c", "-a", "picoshare", file, NULL};
        run_program(known, NULL, &run);
        assert_int_equal(run.code, 0); /* it is an image of the process */
        run_done(&run);
        run_program(grep, NULL, &run);
        assert_int_equal(run.code, 1);
        run_done(&run);
        server_end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logs),         cmocka_unit_test(test_guest_links_in_the_log),
        cmocka_unit_test(test_proc),         cmocka_unit_test(test_kernel_core),
        cmocka_unit_test(test_core_by_root),
    };
    return harness_main(tests, NULL, NULL);
}
