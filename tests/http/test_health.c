/* GET /healthz, and "picoshare health", by which a supervisor or a container engine asks. */
#include "api.h"
#include <signal.h>
#include <stdio.h>

static void expect_health(const struct server *s, int status, const char *text)
{
    struct response r;
    http_get(s, "/healthz", &r);
    expect_answer(&r, status, text);
    assert_string_equal(response_header(&r, "Cache-Control"), "no-store");
    assert_true(response_has(&r, "Content-Type", "text/plain"));
    response_done(&r);
}

/* For everybody; what it says is about the database, too. */
static void test_page(void **state)
{
    const struct server *s = *state;
    expect_health(s, 200, "ok\n");
    db_change(s, "ALTER TABLE settings RENAME TO settings_away");
    expect_health(s, 503, "the database cannot be read\n");
    db_change(s, "ALTER TABLE settings_away RENAME TO settings");
    expect_health(s, 200, "ok\n");
}

/* ---- the command ---- */

static void run_health(const char *const *args, const char *const *env, struct run_result *r)
{
    const char *argv[5] = {run_binary(), "health"};
    for (size_t i = 0; args != NULL && args[i] != NULL && i < 2; i++) {
        argv[2 + i] = args[i];
    }
    run_program(argv, env, r);
}

/* Well: exit code 0 and not a word. */
static void expect_well(const char *const *args, const char *const *env)
{
    struct run_result r;
    run_health(args, env, &r);
    if (r.code != 0 || r.out.len + r.err.len > 0) {
        fail_msg("exit code %d: %s%s", r.code, buf_str(&r.out), buf_str(&r.err));
    }
    run_done(&r);
}

/* Not well: exit code 1 and one line that contains word. */
static void expect_ill(const char *const *args, const char *const *env, const char *word)
{
    struct run_result r;
    run_health(args, env, &r);
    const char *end = strchr(buf_str(&r.err), '\n');
    if (r.code != 1 || r.out.len > 0 || end == NULL || end[1] != '\0' ||
        strstr(buf_str(&r.err), word) == NULL) {
        fail_msg("exit code %d: %s%s", r.code, buf_str(&r.out), buf_str(&r.err));
    }
    run_done(&r);
}

/* It finds the server as the server finds its port: in options, in the environment, or by URL. */
static void test_command(void **state)
{
    const struct server *s = *state;
    char port[16];
    char variable[32];
    char url[64];
    snprintf(port, sizeof port, "%d", s->port);
    snprintf(variable, sizeof variable, "PORT=%d", s->port);
    snprintf(url, sizeof url, "http://localhost:%d/", s->port);
    const char *const by_port[] = {"-port", port, NULL};
    const char *const by_url[] = {"--url", url, NULL};
    const char *const by_environment[] = {variable, NULL};
    const char *const by_address[] = {variable, "PS_ADDRESS=::1", NULL};
    const char *const elsewhere[] = {variable, "PS_ADDRESS=127.99.0.1", "http_proxy=http://[::1]:1",
                                     NULL};
    expect_well(by_port, NULL);
    expect_well(by_url, NULL);
    expect_well(NULL, by_environment);
    expect_well(NULL, by_address);
    expect_well(NULL, elsewhere);
}

/* Only where it listens: it is not another address that is asked. */
static void test_command_asks_the_address(void **state)
{
    static const char *const args[] = {"-address", "127.0.0.9", NULL};
    struct server s;
    char variable[32];
    (void)state;
    server_start(&s, &(struct server_options){.args = args});
    snprintf(variable, sizeof variable, "PORT=%d", s.port);
    const char *const env[] = {variable, NULL};
    expect_well(args, env);
    expect_ill(NULL, env, "127.0.0.1");
    server_end(&s);
}

/* No server, one that has stopped working, one without its database, something else: all are 1. */
static void test_command_finds_fault(void **state)
{
    static const char *const misused[] = {"-url", NULL};
    static const char *const no_url[] = {"-url", "localhost", NULL};
    const struct server *s = *state;
    struct server own;
    char variable[32];
    server_start(&own, NULL);
    snprintf(variable, sizeof variable, "PORT=%d", own.port);
    const char *const env[] = {variable, NULL};
    db_change(&own, "ALTER TABLE settings RENAME TO settings_away");
    expect_ill(NULL, env, "503");
    db_change(&own, "ALTER TABLE settings_away RENAME TO settings");
    expect_well(NULL, env);
    kill(own.pid, SIGSTOP);
    expect_ill(NULL, env, "127.0.0.1");
    kill(own.pid, SIGCONT);
    server_end(&own);
    expect_ill(NULL, env, "127.0.0.1");
    expect_ill(no_url, NULL, "localhost");
    struct run_result r;
    run_health(misused, NULL, &r);
    assert_int_equal(r.code, 1);
    assert_non_null(strstr(buf_str(&r.err), "-url"));
    run_done(&r);
    expect_health(s, 200, "ok\n");
}

static void test_command_help(void **state)
{
    static const char *const help[] = {"--help", NULL};
    struct run_result r;
    (void)state;
    run_health(help, NULL, &r);
    assert_int_equal(r.code, 0);
    assert_non_null(strstr(buf_str(&r.out), "picoshare health"));
    run_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_command),
        cmocka_unit_test(test_command_asks_the_address),
        cmocka_unit_test(test_command_finds_fault),
        cmocka_unit_test(test_command_help),
    };
    return harness_main(tests, server_group_setup, server_group_teardown);
}
