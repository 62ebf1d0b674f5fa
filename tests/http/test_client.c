/* net/client.h against the real server: the passphrase, short answers, long ones piece by piece,
 * and that the server itself goes without the library. */
#include "harness.h"
#include "picoshare/net/client.h"
#include <stdio.h>
#include <stdlib.h>

enum { SEED = 29, SIZE = 7 * CHUNK_BYTES + 5, TEXT_BYTES = 65536 };

struct ctx {
    struct client *client;
    struct err_info info;
    struct buf text;
    int status;
};

static void open_as(const struct server *s, const char *passphrase, const char *tail,
                    struct ctx *ret)
{
    char url[64];
    *ret = (struct ctx){.status = 0};
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", s->port, tail);
    buf_init(&ret->text, TEXT_BYTES);
    assert_int_equal(client_open(&(struct client_options){.url = url,
                                                          .passphrase = passphrase,
                                                          .time_out_ms = HANG_SECONDS * 1000},
                                 &ret->client, &ret->info),
                     ERR_OK);
}

static void done(struct ctx *c)
{
    client_close(c->client);
    buf_done(&c->text);
}

static err_t ask(struct ctx *c, const char *method, const char *path)
{
    return client_ask(c->client, method, path, &c->status, &c->text, &c->info);
}

/* ---- short answers ---- */

static void test_owner(void **state)
{
    struct ctx c;
    open_as(*state, HARNESS_SECRET, "/", &c);
    assert_int_equal(ask(&c, "GET", "/api/system"), ERR_OK);
    assert_int_equal(c.status, 200);
    assert_non_null(strstr(buf_str(&c.text), "\"version\""));
    buf_clear(&c.text);
    assert_int_equal(ask(&c, "POST", "/api/system/reclaim"), ERR_OK);
    assert_int_equal(c.status, 202);
    buf_clear(&c.text);
    assert_int_equal(ask(&c, "DELETE", "/api/guest-links/abcdefgh23456789"), ERR_OK);
    assert_int_equal(c.status, 200);
    done(&c);
}

static void test_strangers(void **state)
{
    static const char *const secrets[] = {NULL, "other"};
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        struct ctx c;
        open_as(*state, secrets[i], "", &c);
        assert_int_equal(ask(&c, "GET", "/api/system"), ERR_OK);
        assert_int_equal(c.status, 401);
        assert_non_null(strstr(buf_str(&c.text), "Authentication required"));
        done(&c);
    }
}

static void test_answer_too_long(void **state)
{
    struct ctx c;
    open_as(*state, HARNESS_SECRET, "", &c);
    buf_init(&c.text, 10);
    assert_int_equal(ask(&c, "GET", "/api/system"), ERR_TOOBIG);
    done(&c);
}

static void test_no_server(void **state)
{
    (void)state;
    struct ctx c;
    struct server nobody = {.port = 1}; /* tcpmux: nobody listens there */
    open_as(&nobody, HARNESS_SECRET, "", &c);
    assert_int_equal(ask(&c, "GET", "/"), ERR_IO);
    assert_non_null(strstr(c.info.text, "127.0.0.1"));
    assert_null(strstr(c.info.text, HARNESS_SECRET));
    done(&c);
}

static void test_not_a_url(void **state)
{
    (void)state;
    static const char *const urls[] = {"",           "localhost:4001",      "file:///etc/passwd",
                                       "ftp://host", "http://:secret@host", "http://a@host/b?c"};
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct client *client = NULL;
        struct err_info info;
        struct client_options options = {.url = urls[i], .time_out_ms = 1000};
        assert_int_equal(client_open(&options, &client, &info), ERR_INVALID);
        assert_null(client);
    }
}

/* Whoever sets a proxy for the web does not want the passphrase there. */
static void test_proxy_of_environment(void **state)
{
    struct ctx c;
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    open_as(*state, HARNESS_SECRET, "", &c);
    assert_int_equal(ask(&c, "GET", "/api/system"), ERR_OK);
    assert_int_equal(c.status, 200);
    assert_int_equal(unsetenv("http_proxy"), 0);
    done(&c);
}

/* ---- long answers ---- */

struct taken {
    int64_t bytes;
    int64_t total;
    int64_t max; /* where take() says no; 0: nowhere */
    bool right;
    int ticks;
    bool ends;        /* tick() says no */
    struct ctx *asks; /* in tick() */
};

static bool take(void *arg, struct slice bytes, int64_t total)
{
    struct taken *taken = arg;
    taken->right = taken->right && gen_matches(SEED, taken->bytes, bytes.ptr, bytes.len);
    taken->bytes += (int64_t)bytes.len;
    taken->total = total;
    return taken->max == 0 || taken->bytes < taken->max;
}

static bool tick(void *arg)
{
    struct taken *taken = arg;
    taken->ticks++;
    if (taken->asks != NULL && taken->ticks == 1) {
        assert_int_equal(ask(taken->asks, "GET", "/api/system"), ERR_OK);
    }
    return !taken->ends;
}

static err_t fetch(struct ctx *c, const char *path, struct taken *taken)
{
    struct client_sink sink = {.take = take, .tick = tick, .arg = taken};
    taken->right = true;
    const struct client_request request = {.method = "GET", .path = path};
    return client_fetch(c->client, &request, &sink, &c->status, &c->text, &c->info);
}

static void test_stream(void **state)
{
    struct server *s = *state;
    struct ctx c;
    char id[ID_CHARS + 1];
    char path[32];
    upload_bytes(s, "a.bin", SEED, SIZE, id);
    snprintf(path, sizeof path, "/-%s", id);
    open_as(s, HARNESS_SECRET, "", &c);

    struct taken all = {.asks = &c};
    assert_int_equal(fetch(&c, path, &all), ERR_OK);
    assert_int_equal(c.status, 200);
    assert_true(all.right);
    assert_int_equal(all.bytes, SIZE);
    assert_int_equal(all.total, SIZE);
    assert_true(all.ticks > 0);
    assert_non_null(strstr(buf_str(&c.text), "\"version\"")); /* asked meanwhile */

    struct taken part = {.max = CHUNK_BYTES};
    assert_int_equal(fetch(&c, path, &part), ERR_CLOSED);
    assert_true(part.right);
    assert_true(part.bytes >= CHUNK_BYTES && part.bytes < SIZE);

    struct taken ended = {.ends = true};
    assert_int_equal(fetch(&c, path, &ended), ERR_CLOSED);
    done(&c);
}

static void test_refused_stream(void **state)
{
    struct ctx c;
    struct taken none = {.max = 0};
    open_as(*state, HARNESS_SECRET, "", &c);
    assert_int_equal(fetch(&c, "/-AAAAAAAAAA", &none), ERR_OK);
    assert_int_equal(c.status, 404);
    assert_int_equal(none.bytes, 0);
    assert_true(c.text.len > 0);
    done(&c);
}

/* A file whose rows are fewer than its size: the server breaks the connection off. */
static void test_broken_stream(void **state)
{
    struct server *s = *state;
    struct ctx c;
    char id[ID_CHARS + 1];
    char path[32];
    char sql[128];
    char out[8];
    struct taken part = {.max = 0};
    upload_bytes(s, "b.bin", SEED, SIZE, id);
    snprintf(sql, sizeof sql, "DELETE FROM entries_data WHERE id='%s' AND chunk_index=3", id);
    db_text(s, sql, out, sizeof out);
    snprintf(path, sizeof path, "/-%s", id);
    open_as(s, HARNESS_SECRET, "", &c);
    assert_int_equal(fetch(&c, path, &part), ERR_IO);
    assert_true(part.right);
    assert_true(part.bytes < SIZE);
    done(&c);
}

/* ---- the server ---- */

static void test_server_goes_without(void **state)
{
    struct server *s = *state;
    char path[64];
    struct buf maps;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)s->pid);
    harness_read_file(path, &maps);
    assert_non_null(strstr(buf_str(&maps), "libmicrohttpd"));
    assert_null(strstr(buf_str(&maps), "libcurl"));
    buf_done(&maps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owner),           cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_answer_too_long), cmocka_unit_test(test_no_server),
        cmocka_unit_test(test_not_a_url),       cmocka_unit_test(test_proxy_of_environment),
        cmocka_unit_test(test_stream),          cmocka_unit_test(test_refused_stream),
        cmocka_unit_test(test_broken_stream),   cmocka_unit_test(test_server_goes_without),
    };
    return harness_main(tests, server_group_setup, server_group_teardown);
}
