/* The main job at full size: a gigabyte each way, three 618 MB uploads at the same time, two
 * hundred uploads at once. PICOSHARE_TEST_SCALE=small makes it fit a sanitizer. */
#include "harness.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GIB (INT64_C(1) << 30)

/* One client with a thread of its own: upload, then download again. */
struct client {
    const struct server *server;
    pthread_t thread;
    uint64_t seed;
    int64_t bytes;
    bool multipart;
    /* results */
    int upload_status;
    int download_status;
    char id[ID_CHARS + 1];
    bool equal;
    char error[256];
};

static void upload(struct client *c)
{
    const struct part parts[] = {
        {.name = "file", .filename = "heavy.bin", .seed = c->seed, .bytes = c->bytes}, {0}};
    struct request q = {.auth = AUTH_BASIC};
    struct response r;
    if (c->multipart) {
        q.method = "POST";
        q.path = "/api/entry";
        q.parts = parts;
    } else {
        q.method = "PUT";
        q.path = "/api/upload/heavy.bin";
        q.seed = c->seed;
        q.bytes = c->bytes;
    }
    http_do(c->server, &q, &r);
    c->upload_status = r.complete && response_id(&r, c->id) ? r.status : r.complete ? r.status : 0;
    snprintf(c->error, sizeof c->error, "%.120s %.120s", r.error, response_text(&r));
    response_done(&r);
}

static void download(struct client *c)
{
    char path[32];
    uint8_t digest[SHA256_BYTES];
    struct response r;
    snprintf(path, sizeof path, "/-%s", c->id);
    http_do(c->server, &(struct request){.path = path, .discard = true, .hash = true}, &r);
    c->download_status = r.complete ? r.status : 0;
    gen_sha256(c->seed, c->bytes, digest);
    c->equal = r.body_bytes == c->bytes && memcmp(digest, r.sha256, sizeof digest) == 0;
    response_done(&r);
}

static void *run_upload(void *arg)
{
    upload(arg);
    return NULL;
}

static void *run_download(void *arg)
{
    download(arg);
    return NULL;
}

static void run_all(struct client *clients, size_t n, void *(*run)(void *))
{
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(pthread_create(&clients[i].thread, NULL, run, &clients[i]), 0);
    }
    for (size_t i = 0; i < n; i++) {
        pthread_join(clients[i].thread, NULL);
    }
}

/* All at the same time, first up, then down. */
static void up_and_down(const struct server *s, struct client *clients, size_t n)
{
    run_all(clients, n, run_upload);
    for (size_t i = 0; i < n; i++) {
        if (clients[i].upload_status != 200) {
            fail_msg("upload %zu of %zu: %d %s", i, n, clients[i].upload_status, clients[i].error);
        }
    }
    run_all(clients, n, run_download);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(clients[i].download_status, 200);
        assert_true(clients[i].equal);
        char sql[200];
        char expected[65];
        char got[65];
        uint8_t digest[SHA256_BYTES];
        gen_sha256(clients[i].seed, clients[i].bytes, digest);
        for (size_t k = 0; k < SHA256_BYTES; k++) {
            snprintf(expected + 2 * k, 3, "%02X", digest[k]);
        }
        snprintf(sql, sizeof sql, "SELECT hex(sha256) FROM ext_files WHERE id = '%.10s'",
                 clients[i].id);
        db_text(s, sql, got, sizeof got);
        assert_string_equal(got, expected);
    }
}

static void one_file(const struct server *s, bool multipart, uint64_t seed)
{
    int64_t bytes = harness_scale("bytes of one file", GIB, 40 * 1000 * 1000);
    struct client c = {.server = s, .multipart = multipart, .seed = seed, .bytes = bytes};
    up_and_down(s, &c, 1);
    char sql[200];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM entries_data WHERE id = '%s' AND length(chunk) = %d", c.id,
             CHUNK_BYTES);
    assert_int_equal(db_int(s, sql), bytes / CHUNK_BYTES);
}

static void test_gigabyte_multipart(void **state)
{
    one_file(*state, true, 101);
}

static void test_gigabyte_raw(void **state)
{
    one_file(*state, false, 102);
}

static void test_three_at_once(void **state)
{
    enum { UPLOADS = 3 };
    const struct server *s = *state;
    int64_t bytes =
        harness_scale("bytes of each of three files", 618 * 1000 * 1000, 30 * 1000 * 1000);
    struct client clients[UPLOADS];
    for (size_t i = 0; i < UPLOADS; i++) {
        clients[i] =
            (struct client){.server = s, .multipart = i < 2, .seed = 200 + i, .bytes = bytes};
    }
    up_and_down(s, clients, UPLOADS);
}

static void test_two_hundred_at_once(void **state)
{
    enum { UPLOADS = 200 };
    const struct server *s = *state;
    size_t n = (size_t)harness_scale("uploads at once", UPLOADS, 40);
    int64_t before = db_entries(s);
    struct client *clients = calloc(n, sizeof *clients);
    assert_non_null(clients);
    for (size_t i = 0; i < n; i++) {
        /* from a few bytes to three chunk rows */
        clients[i] = (struct client){.server = s,
                                     .multipart = i % 2 == 0,
                                     .seed = 1000 + i,
                                     .bytes = 1 + (int64_t)(i * i % 200) * 5000};
    }
    up_and_down(s, clients, n);
    free(clients);
    assert_int_equal(db_entries(s), before + (int64_t)n);
    assert_true(db_wait_no_orphans(s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gigabyte_multipart),
        cmocka_unit_test(test_gigabyte_raw),
        cmocka_unit_test(test_three_at_once),
        cmocka_unit_test(test_two_hundred_at_once),
    };
    return harness_main(tests, server_group_setup, server_group_teardown);
}
