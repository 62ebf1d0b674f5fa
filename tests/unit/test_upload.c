#include "fault_vfs.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/mem.h"
#include "picoshare/core/rules.h"
#include "picoshare/core/upload.h"
#include "store_support.h"
#include <pthread.h>

enum { PATIENCE_S = 60 }; /* longer than any wait here, on a busy machine */

/* ---- a fixture with uploads ---- */

struct upload_fixture {
    struct fixture *base;
    struct uploads *uploads;
};

static int setup_with(void **state, int (*setup)(void **state))
{
    struct upload_fixture *fix = calloc(1, sizeof *fix);
    assert_non_null(fix);
    void *base = NULL;
    (void)setup(&base);
    fix->base = base;
    assert_int_equal(
        uploads_new(fix->base->store, &fix->base->clock.clock, &fix->base->rng.rng, &fix->uploads),
        ERR_OK);
    *state = fix;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, fixture_setup);
}

static int setup_fault(void **state)
{
    return setup_with(state, fault_fixture_setup);
}

static int teardown(void **state)
{
    struct upload_fixture *fix = *state;
    fault_lift();
    fixture_close(fix->base);
    /* Every upload has freed itself, and given its buffers back. */
    assert_int_equal(uploads_running(fix->uploads), 0);
    assert_int_equal(uploads_buffers_used(fix->uploads), 0);
    uploads_free(fix->uploads);
    void *base = fix->base;
    (void)fixture_teardown(&base);
    free(fix);
    return 0;
}

/* ---- the other side of an upload ---- */

struct client {
    struct upload *upload;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool woken;
    _Atomic bool closed;
    _Atomic int wakes;
    _Atomic int given_up;
};

static void give_up_client(void *arg)
{
    struct client *client = arg;
    check(!client->closed);
    client->given_up++;
}

static void wake_client(void *arg)
{
    struct client *client = arg;
    check(!client->closed);
    client->wakes++;
    check(pthread_mutex_lock(&client->mutex) == 0);
    client->woken = true;
    check(pthread_cond_signal(&client->cond) == 0);
    check(pthread_mutex_unlock(&client->mutex) == 0);
}

static err_t client_begin_guest(struct client *client, struct uploads *uploads, const char *address,
                                const struct upload_guest *guest)
{
    *client = (struct client){.upload = NULL};
    check(pthread_mutex_init(&client->mutex, NULL) == 0);
    check(pthread_cond_init(&client->cond, NULL) == 0);
    err_t err = upload_begin(uploads, address, guest, wake_client, client, &client->upload);
    if (err == ERR_OK) {
        upload_on_give_up(client->upload, give_up_client);
    }
    return err;
}

static err_t client_begin(struct client *client, struct uploads *uploads, const char *address)
{
    return client_begin_guest(client, uploads, address, NULL);
}

static void client_wait(struct client *client)
{
    struct timespec until;
    check(clock_gettime(CLOCK_REALTIME, &until) == 0);
    until.tv_sec += PATIENCE_S;
    check(pthread_mutex_lock(&client->mutex) == 0);
    while (!client->woken) {
        check(pthread_cond_timedwait(&client->cond, &client->mutex, &until) == 0);
    }
    client->woken = false;
    check(pthread_mutex_unlock(&client->mutex) == 0);
}

static void client_close(struct client *client)
{
    upload_close(TAKE(client->upload));
    client->closed = true;
}

static err_t client_start(struct client *client, const char *name)
{
    return upload_start_file(client->upload, slice_str(name), SLICE("text/plain"));
}

/* Sends the bytes in pieces; waits where that is asked for. */
static err_t client_write(struct client *client, const char *bytes, size_t len, size_t piece)
{
    for (size_t pos = 0; pos < len;) {
        size_t n = len - pos < piece ? len - pos : piece;
        size_t taken = upload_write(client->upload, slice_of(bytes + pos, n));
        check(taken <= n);
        pos += taken;
        if (taken < n) {
            err_t err = upload_error(client->upload);
            if (err != ERR_OK) {
                return err;
            }
            client_wait(client);
        }
    }
    return upload_error(client->upload);
}

static err_t client_file(struct client *client, const char *name, const char *bytes, size_t len,
                         size_t piece)
{
    err_t err = client_start(client, name);
    if (err == ERR_OK) {
        err = client_write(client, bytes, len, piece);
    }
    if (err == ERR_OK) {
        err = upload_end_file(client->upload);
    }
    return err;
}

static err_t client_publish(struct client *client, const char *note, int64_t expiration_time)
{
    const struct upload_details details = {.expiration_time = expiration_time, .note = note};
    err_t err = upload_publish(client->upload, &details);
    if (err != ERR_OK) {
        return err;
    }
    while (!upload_published(client->upload)) {
        client_wait(client);
    }
    return upload_error(client->upload);
}

/* An upload that must succeed, of one file. */
static void send_file(struct uploads *uploads, const char *bytes, size_t len, size_t piece,
                      char ret_id[ENTRY_ID_LEN + 1])
{
    struct client client;
    assert_int_equal(client_begin(&client, uploads, "192.0.2.1"), ERR_OK);
    assert_int_equal(client_file(&client, "name.txt", bytes, len, piece), ERR_OK);
    assert_int_equal(upload_bytes(client.upload), len);
    assert_int_equal(client_publish(&client, NULL, NEVER_S), ERR_OK);
    memcpy(ret_id, upload_file_id(client.upload, 0), ENTRY_ID_LEN + 1);
    client_close(&client);
}

/* Waits for closed uploads to be gone. */
static void await_running(struct uploads *uploads, size_t running)
{
    for (int i = 0; i < PATIENCE_S * 100 && uploads_running(uploads) != running; i++) {
        sleep_ms(10);
    }
    assert_int_equal(uploads_running(uploads), running);
}

/* ---- files go in and come out ---- */

static void test_sizes(void **state)
{
    struct upload_fixture *fix = *state;
    static const size_t sizes[] = {1,      2,      16383,  16384,  16385,   32768,  32769,
                                   327679, 327680, 327681, 655360, 1000000, 2949121};
    static const size_t pieces[] = {1, 1460, 16384, 16385, 32768, 327680, SIZE_MAX};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        char *bytes = make_bytes(i, sizes[i]);
        uint8_t digest[SHA256_BYTES];
        assert_int_equal(sha256_of(slice_of(bytes, sizes[i]), digest), ERR_OK);
        for (size_t k = sizes[i] > 100000; k < ARRAY_LEN(pieces); k++) {
            char id[ENTRY_ID_LEN + 1];
            send_file(fix->uploads, bytes, sizes[i], pieces[k], id);
            assert_file(fix->base->store, id, bytes, sizes[i]);
            struct store_entry entry;
            assert_int_equal(store_find_entry(fix->base->store, id, &entry), ERR_OK);
            assert_int_equal(entry.chunk_bytes, sizes[i] < CHUNK_BYTES ? sizes[i] : CHUNK_BYTES);
            assert_true(entry.has_sha256);
            assert_memory_equal(entry.sha256, digest, sizeof digest);
            assert_string_equal(entry.filename, "name.txt");
            assert_string_equal(entry.content_type, "text/plain");
            assert_null(entry.note);
            assert_int_equal(entry.upload_time, TEST_NOW_S);
            assert_int_equal(entry.expiration_time, NEVER_S);
            store_entry_done(&entry);
        }
        free(bytes);
    }
    assert_sql(fix->base->path,
               "SELECT count(*) FROM entries AS e, ext_files AS f ON f.id = e.id WHERE f.size <>"
               " (SELECT sum(length(chunk)) FROM entries_data AS d WHERE d.id = e.id)",
               "0");
    assert_sql(
        fix->base->path,
        "SELECT count(*) FROM entries_data WHERE length(chunk) = 0 OR length(chunk) > 327680", "0");
    await_running(fix->uploads, 0);
    assert_int_equal(uploads_buffers_used(fix->uploads), 0);
}

/* Every split of a file whose parts are all different. */
static void test_splits(void **state)
{
    struct upload_fixture *fix = *state;
    enum { LEN = SMALL_BUFFER_BYTES + 5 };
    char *bytes = make_bytes(1, LEN);
    for (size_t cut = SMALL_BUFFER_BYTES - 8; cut <= LEN; cut++) {
        struct client client;
        assert_int_equal(client_begin(&client, fix->uploads, "a"), ERR_OK);
        assert_int_equal(client_start(&client, "f"), ERR_OK);
        assert_int_equal(client_write(&client, bytes, cut, SIZE_MAX), ERR_OK);
        assert_int_equal(upload_write(client.upload, slice_of(NULL, 0)), 0);
        assert_int_equal(client_write(&client, bytes + cut, LEN - cut, SIZE_MAX), ERR_OK);
        assert_int_equal(upload_end_file(client.upload), ERR_OK);
        assert_int_equal(client_publish(&client, NULL, NEVER_S), ERR_OK);
        assert_file(fix->base->store, upload_file_id(client.upload, 0), bytes, LEN);
        client_close(&client);
    }
    free(bytes);
}

static void test_several_files(void **state)
{
    struct upload_fixture *fix = *state;
    static const size_t sizes[] = {5, 400000, 16385, 1, 655360, 327680, 3};
    char *bytes[ARRAY_LEN(sizes)];
    struct client client;
    assert_int_equal(client_begin(&client, fix->uploads, "a"), ERR_OK);
    int64_t total = 0;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "file%zu", i);
        bytes[i] = make_bytes(i, sizes[i]);
        assert_int_equal(client_file(&client, name, bytes[i], sizes[i], 30000), ERR_OK);
        assert_string_equal(upload_file_name(client.upload, i), name);
        total += (int64_t)sizes[i];
        assert_int_equal(upload_bytes(client.upload), total);
        assert_int_equal(upload_files_count(client.upload), i + 1);
        for (size_t k = 0; k <= i; k++) {
            assert_false(file_exists(fix->base->store, upload_file_id(client.upload, k)));
        }
    }
    fix->base->clock.now_s += 7;
    assert_int_equal(client_publish(&client, "for all", TEST_NOW_S + 86400), ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        const char *id = upload_file_id(client.upload, i);
        assert_file(fix->base->store, id, bytes[i], sizes[i]);
        struct store_entry entry;
        uint8_t digest[SHA256_BYTES];
        assert_int_equal(store_find_entry(fix->base->store, id, &entry), ERR_OK);
        assert_int_equal(sha256_of(slice_of(bytes[i], sizes[i]), digest), ERR_OK);
        assert_memory_equal(entry.sha256, digest, sizeof digest);
        assert_string_equal(entry.note, "for all");
        assert_string_equal(entry.filename, upload_file_name(client.upload, i));
        assert_int_equal(entry.upload_time, TEST_NOW_S + 7);
        assert_int_equal(entry.expiration_time, TEST_NOW_S + 86400);
        store_entry_done(&entry);
        free(bytes[i]);
    }
    client_close(&client);
    assert_sound(fix->base->path);
}

static void test_as_many_files_as_allowed(void **state)
{
    struct upload_fixture *fix = *state;
    struct client client;
    assert_int_equal(client_begin(&client, fix->uploads, "a"), ERR_OK);
    for (size_t i = 0; i < MAX_FILES_PER_UPLOAD; i++) {
        assert_int_equal(client_file(&client, "f", "abc", 3, 1), ERR_OK);
        const char *id = upload_file_id(client.upload, i);
        assert_int_equal(strlen(id), ENTRY_ID_LEN);
        assert_int_equal(strspn(id, rules_id_alphabet), ENTRY_ID_LEN);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(id, upload_file_id(client.upload, k));
        }
    }
    assert_int_equal(client_start(&client, "f"), ERR_TOOBIG);
    assert_int_equal(upload_files_count(client.upload), MAX_FILES_PER_UPLOAD);
    assert_int_equal(client_publish(&client, NULL, NEVER_S), ERR_OK);
    client_close(&client);
    assert_sql(fix->base->path, "SELECT count(*) FROM entries", "64");
}

static void test_empty_file(void **state)
{
    struct upload_fixture *fix = *state;
    struct client client;
    assert_int_equal(client_begin(&client, fix->uploads, "a"), ERR_OK);
    assert_int_equal(client_file(&client, "full", "abc", 3, 1), ERR_OK);
    assert_int_equal(client_start(&client, "empty"), ERR_OK);
    assert_int_equal(upload_end_file(client.upload), ERR_INVALID);
    client_close(&client);
    await_running(fix->uploads, 0);
    assert_sql(fix->base->path, "SELECT count(*) FROM entries", "0");
    assert_sql(fix->base->path, "SELECT count(*) FROM entries_data", "0");
}

/* ---- waiting ---- */

static void test_waits_for_the_writer(void **state)
{
    struct upload_fixture *fix = *state;
    enum { LEN = 2 * FAIR_BUFFERS * CHUNK_BYTES };
    char *bytes = make_bytes(1, LEN);
    struct client client;
    assert_int_equal(client_begin(&client, fix->uploads, "a"), ERR_OK);
    assert_int_equal(client_start(&client, "f"), ERR_OK);
    struct gate gate;
    gate_shut(&gate, fix->base->store);
    size_t taken = upload_write(client.upload, slice_of(bytes, LEN));
    assert_int_equal(taken, FAIR_BUFFERS * CHUNK_BYTES);
    assert_int_equal(upload_error(client.upload), ERR_OK);
    assert_int_equal(uploads_buffers_used(fix->uploads), FAIR_BUFFERS);
    assert_int_equal(upload_write(client.upload, slice_of(bytes + taken, 1)), 0);
    assert_int_equal(client.wakes, 0);
    gate_open(&gate);
    client_wait(&client);
    assert_int_equal(client_write(&client, bytes + taken, LEN - taken, SIZE_MAX), ERR_OK);
    assert_int_equal(upload_end_file(client.upload), ERR_OK);
    assert_int_equal(client_publish(&client, NULL, NEVER_S), ERR_OK);
    assert_file(fix->base->store, upload_file_id(client.upload, 0), bytes, LEN);
    client_close(&client);
    free(bytes);
}

/* A long upload alone has more buffers than when there are others; several share those of one. */
static void test_share_of_a_long_upload(void **state)
{
    struct upload_fixture *fix = *state;
    enum { MOST = 3, LEN = LONG_UPLOAD_BYTES + 2 * LONG_UPLOAD_BUFFERS * CHUNK_BYTES };
    char *bytes = make_bytes(1, LEN);
    for (size_t count = 1; count <= MOST; count++) {
        struct client clients[MOST];
        size_t taken[MOST];
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(client_begin(&clients[i], fix->uploads, "a"), ERR_OK);
            assert_int_equal(client_start(&clients[i], "f"), ERR_OK);
            assert_int_equal(client_write(&clients[i], bytes, LONG_UPLOAD_BYTES, SIZE_MAX), ERR_OK);
        }
        gate_settle(fix->base->store);
        struct gate gate;
        gate_shut(&gate, fix->base->store);
        for (size_t i = 0; i < count; i++) {
            taken[i] = LONG_UPLOAD_BYTES;
            taken[i] += upload_write(clients[i].upload, slice_of(bytes + taken[i], LEN - taken[i]));
            assert_int_equal(taken[i] / CHUNK_BYTES - LONG_UPLOAD_BYTES / CHUNK_BYTES,
                             LONG_UPLOAD_BUFFERS / count);
        }
        gate_open(&gate);
        for (size_t i = 0; i < count; i++) {
            client_wait(&clients[i]);
            assert_int_equal(client_write(&clients[i], bytes + taken[i], LEN - taken[i], SIZE_MAX),
                             ERR_OK);
            client_close(&clients[i]);
        }
        await_running(fix->uploads, 0);
    }
    free(bytes);
}

/* The tail of a file is stored before the next file begins: one small buffer at a time. */
static void test_waits_for_the_file_before(void **state)
{
    struct upload_fixture *fix = *state;
    struct client client;
    assert_int_equal(client_begin(&client, fix->uploads, "a"), ERR_OK);
    struct gate gate;
    gate_shut(&gate, fix->base->store);
    assert_int_equal(client_file(&client, "one", "abc", 3, 1), ERR_OK);
    assert_int_equal(client_start(&client, "two"), ERR_OK);
    assert_int_equal(upload_write(client.upload, SLICE("defg")), 0);
    assert_int_equal(upload_error(client.upload), ERR_OK);
    gate_open(&gate);
    client_wait(&client);
    assert_int_equal(upload_write(client.upload, SLICE("defg")), 4);
    assert_int_equal(upload_end_file(client.upload), ERR_OK);
    assert_int_equal(client_publish(&client, NULL, NEVER_S), ERR_OK);
    assert_file(fix->base->store, upload_file_id(client.upload, 0), "abc", 3);
    assert_file(fix->base->store, upload_file_id(client.upload, 1), "defg", 4);
    client_close(&client);
}

/* Sixty stalled uploads of one client, and what others can still do. */
static void test_share_of_a_client(void **state)
{
    struct upload_fixture *fix = *state;
    enum { STALLED = 60, LEN = SMALL_BUFFER_BYTES + 1 };
    char *bytes = make_bytes(1, LEN);
    struct client stalled[STALLED];
    int waiting = 0;
    for (int i = 0; i < STALLED; i++) {
        assert_int_equal(client_begin(&stalled[i], fix->uploads, "192.0.2.1"), ERR_OK);
        assert_int_equal(client_start(&stalled[i], "f"), ERR_OK);
        size_t taken = upload_write(stalled[i].upload, slice_of(bytes, LEN));
        assert_int_equal(upload_error(stalled[i].upload), ERR_OK);
        bool has_chunk = i < CLIENT_MAX_BUFFERS;
        assert_int_equal(taken, has_chunk ? LEN : SMALL_BUFFER_BYTES);
        waiting += !has_chunk;
    }
    assert_int_equal(waiting, STALLED - CLIENT_MAX_BUFFERS);
    assert_int_equal(uploads_buffers_used(fix->uploads), CLIENT_MAX_BUFFERS);
    assert_int_equal(uploads_running(fix->uploads), STALLED);
    /* Small files need no chunk buffer, from the same address either; other clients have theirs. */
    char id[ENTRY_ID_LEN + 1];
    send_file(fix->uploads, bytes, 4096, SIZE_MAX, id);
    assert_file(fix->base->store, id, bytes, 4096);
    struct client other;
    assert_int_equal(client_begin(&other, fix->uploads, "192.0.2.2"), ERR_OK);
    assert_int_equal(client_file(&other, "f", bytes, LEN, SIZE_MAX), ERR_OK);
    assert_int_equal(client_publish(&other, NULL, NEVER_S), ERR_OK);
    client_close(&other);
    /* One of the stalled goes: the first in line gets its buffer. */
    client_close(&stalled[3]);
    client_wait(&stalled[CLIENT_MAX_BUFFERS]);
    assert_int_equal(
        upload_write(stalled[CLIENT_MAX_BUFFERS].upload, slice_of(bytes + SMALL_BUFFER_BYTES, 1)),
        1);
    assert_int_equal(stalled[CLIENT_MAX_BUFFERS + 1].wakes, 0);
    for (int i = 0; i < STALLED; i++) {
        if (i != 3) {
            client_close(&stalled[i]);
        }
    }
    await_running(fix->uploads, 0);
    assert_int_equal(uploads_buffers_used(fix->uploads), 0);
    free(bytes);
}

/* Who has waited too long for a buffer is told to come again; who only sends nothing is not. */
static void test_waiting_ends(void **state)
{
    struct upload_fixture *fix = *state;
    enum { LEN = SMALL_BUFFER_BYTES + 1 };
    char *bytes = make_bytes(1, LEN);
    struct client clients[CLIENT_MAX_BUFFERS + 2];
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        fix->base->clock.mono_ms += i == CLIENT_MAX_BUFFERS + 1 ? 1 : 0;
        assert_int_equal(client_begin(&clients[i], fix->uploads, "a"), ERR_OK);
        assert_int_equal(client_start(&clients[i], "f"), ERR_OK);
        (void)upload_write(clients[i].upload, slice_of(bytes, LEN));
    }
    struct client *first = &clients[CLIENT_MAX_BUFFERS];
    struct client *second = first + 1;
    fix->base->clock.mono_ms += BUFFER_WAIT_MS - 2;
    uploads_tick(fix->uploads);
    assert_int_equal(upload_error(first->upload), ERR_OK);
    assert_int_equal(first->wakes, 0);
    fix->base->clock.mono_ms++;
    uploads_tick(fix->uploads);
    assert_int_equal(upload_error(first->upload), ERR_BUSY);
    assert_int_equal(first->wakes, 1);
    assert_int_equal(upload_error(second->upload), ERR_OK);
    fix->base->clock.mono_ms++;
    uploads_tick(fix->uploads);
    assert_int_equal(upload_error(second->upload), ERR_BUSY);
    assert_int_equal(upload_write(first->upload, SLICE("x")), 0);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        if (i < CLIENT_MAX_BUFFERS) {
            assert_int_equal(upload_error(clients[i].upload), ERR_OK);
            assert_int_equal(clients[i].wakes, 0);
        }
        client_close(&clients[i]);
    }
    uploads_tick(fix->uploads);
    free(bytes);
}

/* A closed upload that is still being tidied up wants no buffer any more. */
static void test_closed_leaves_the_line(void **state)
{
    struct upload_fixture *fix = *state;
    enum { LEN = SMALL_BUFFER_BYTES + 1 };
    char *bytes = make_bytes(1, CHUNK_BYTES + 1);
    /* Has a row in the store, and no buffer. */
    struct client closing;
    assert_int_equal(client_begin(&closing, fix->uploads, "a"), ERR_OK);
    assert_int_equal(client_start(&closing, "f"), ERR_OK);
    assert_int_equal(client_write(&closing, bytes, CHUNK_BYTES, SIZE_MAX), ERR_OK);
    while (uploads_buffers_used(fix->uploads) > 0) {
        client_wait(&closing);
    }
    gate_settle(fix->base->store);
    struct client holders[CLIENT_MAX_BUFFERS];
    for (size_t i = 0; i < ARRAY_LEN(holders); i++) {
        assert_int_equal(client_begin(&holders[i], fix->uploads, "a"), ERR_OK);
        assert_int_equal(client_start(&holders[i], "f"), ERR_OK);
        assert_int_equal(upload_write(holders[i].upload, slice_of(bytes, LEN)), LEN);
    }
    assert_int_equal(upload_write(closing.upload, slice_of(bytes + CHUNK_BYTES, 1)), 0);
    struct client next;
    assert_int_equal(client_begin(&next, fix->uploads, "a"), ERR_OK);
    assert_int_equal(client_start(&next, "f"), ERR_OK);
    assert_int_equal(upload_write(next.upload, slice_of(bytes, LEN)), SMALL_BUFFER_BYTES);
    struct gate gate;
    gate_shut(&gate, fix->base->store);
    client_close(&closing); /* its rows are to be removed, which takes its time */
    client_close(&holders[0]);
    int wakes = next.wakes;
    gate_open(&gate);
    client_close(&next);
    for (size_t i = 1; i < ARRAY_LEN(holders); i++) {
        client_close(&holders[i]);
    }
    await_running(fix->uploads, 0);
    free(bytes);
    assert_int_equal(wakes, 1);
}

/* ---- closing ---- */

static void assert_no_rows(struct upload_fixture *fix)
{
    await_running(fix->uploads, 0);
    assert_int_equal(uploads_buffers_used(fix->uploads), 0);
    assert_sql(fix->base->path, "SELECT count(*) FROM entries_data", "0");
    assert_sql(fix->base->path, "SELECT count(*) FROM entries", "0");
}

/* Closes at every stage of an upload of two files, with the writer idle or held up. */
static void test_close_unpublished(void **state)
{
    struct upload_fixture *fix = *state;
    char *bytes = make_bytes(1, 3 * CHUNK_BYTES);
    for (int held = 0; held <= 1; held++) {
        for (int stage = 0; stage <= 7; stage++) {
            struct client client;
            struct gate gate;
            if (held) {
                gate_shut(&gate, fix->base->store);
            }
            assert_int_equal(client_begin(&client, fix->uploads, "a"), ERR_OK);
            if (stage >= 1) {
                assert_int_equal(client_start(&client, "one"), ERR_OK);
            }
            if (stage >= 2) {
                assert_int_equal(upload_write(client.upload, slice_of(bytes, 100)), 100);
            }
            if (stage >= 3) {
                assert_int_equal(client_write(&client, bytes, 20000, SIZE_MAX), ERR_OK);
            }
            if (stage >= 4) {
                assert_int_equal(client_write(&client, bytes, 3 * CHUNK_BYTES, 50000), ERR_OK);
            }
            if (stage >= 5) {
                assert_int_equal(upload_end_file(client.upload), ERR_OK);
            }
            if (stage >= 6) {
                assert_int_equal(client_start(&client, "two"), ERR_OK);
            }
            if (stage >= 7) {
                size_t taken = upload_write(client.upload, slice_of(bytes, 100000));
                assert_true(taken == 0 || taken == 100000);
            }
            client_close(&client);
            if (held) {
                gate_open(&gate);
            }
            assert_no_rows(fix);
        }
    }
    free(bytes);
    upload_close(NULL);
    uploads_free(NULL);
}

/* A client that goes away while its upload is published: the files are there. */
static void test_close_while_publishing(void **state)
{
    struct upload_fixture *fix = *state;
    char *bytes = make_bytes(1, 2 * CHUNK_BYTES + 5);
    static const size_t sizes[] = {1, CHUNK_BYTES, 2 * CHUNK_BYTES + 5};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct client client;
        struct gate gate;
        assert_int_equal(client_begin(&client, fix->uploads, "a"), ERR_OK);
        gate_shut(&gate, fix->base->store);
        assert_int_equal(client_file(&client, "f", bytes, sizes[i], SIZE_MAX), ERR_OK);
        char id[ENTRY_ID_LEN + 1];
        memcpy(id, upload_file_id(client.upload, 0), sizeof id);
        char note[] = "borrowed";
        const struct upload_details details = {.expiration_time = NEVER_S, .note = note};
        assert_int_equal(upload_publish(client.upload, &details), ERR_OK);
        memset(note, 'x', sizeof note - 1); /* it was copied */
        assert_false(upload_published(client.upload));
        client_close(&client);
        gate_open(&gate);
        await_running(fix->uploads, 0);
        assert_file(fix->base->store, id, bytes, sizes[i]);
    }
    assert_sql(fix->base->path, "SELECT group_concat(note) FROM entries",
               "borrowed,borrowed,borrowed");
    free(bytes);
}

static void test_as_many_uploads_as_allowed(void **state)
{
    struct upload_fixture *fix = *state;
    struct client *clients = calloc(MAX_UPLOADS + 1, sizeof *clients);
    assert_non_null(clients);
    for (size_t i = 0; i < MAX_UPLOADS; i++) {
        assert_int_equal(client_begin(&clients[i], fix->uploads, "a"), ERR_OK);
    }
    assert_int_equal(client_begin(&clients[MAX_UPLOADS], fix->uploads, "b"), ERR_BUSY);
    assert_null(clients[MAX_UPLOADS].upload);
    assert_int_equal(uploads_running(fix->uploads), MAX_UPLOADS);
    client_close(&clients[77]);
    assert_int_equal(client_begin(&clients[77], fix->uploads, "b"), ERR_OK);
    for (size_t i = 0; i < MAX_UPLOADS; i++) {
        client_close(&clients[i]);
    }
    assert_int_equal(uploads_running(fix->uploads), 0);
    free(clients);
}

/* ---- guests ---- */

#define LINK "abcdefgh23456789"
#define LINK2 "bcdefgh23456789a"

static const struct upload_guest any_guest = {.link_id = LINK, .files_left = -1};
static const struct upload_guest third_guest = {.link_id = "cdefgh23456789ab", .files_left = -1};
static const struct upload_guest other_guest = {.link_id = LINK2, .files_left = 1};

static struct upload_guest guest_with(int64_t files_left)
{
    return (struct upload_guest){.link_id = LINK, .files_left = files_left};
}

static void assert_places(struct upload_fixture *fix, int64_t want)
{
    assert_int_equal(uploads_places_held(fix->uploads, LINK), want);
}

/* Uploads that run at the same time hold a place each. */
static void test_guest_places(void **state)
{
    struct upload_fixture *fix = *state;
    const struct upload_guest guest = guest_with(2);
    struct client clients[5];
    assert_places(fix, 0);
    assert_int_equal(client_begin_guest(&clients[0], fix->uploads, "a", &guest), ERR_OK);
    assert_places(fix, 1);
    assert_int_equal(client_begin_guest(&clients[1], fix->uploads, "b", &guest), ERR_OK);
    assert_places(fix, 2);
    assert_int_equal(client_begin_guest(&clients[2], fix->uploads, "c", &guest), ERR_AUTH);
    assert_null(clients[2].upload);
    assert_places(fix, 2);
    assert_int_equal(uploads_running(fix->uploads), 2);
    /* Other links and the owner have their own. */
    assert_int_equal(client_begin_guest(&clients[2], fix->uploads, "a", &other_guest), ERR_OK);
    assert_int_equal(client_begin(&clients[3], fix->uploads, "a"), ERR_OK);
    assert_int_equal(uploads_places_held(fix->uploads, LINK2), 1);
    assert_int_equal(uploads_places_held(fix->uploads, ""), 0);
    assert_places(fix, 2);
    /* The first file has had its place since the beginning. */
    assert_int_equal(client_file(&clients[0], "f", "abc", 3, 1), ERR_OK);
    assert_places(fix, 2);
    /* Who goes away gives its place back. */
    client_close(&clients[0]);
    assert_places(fix, 1);
    assert_int_equal(client_begin_guest(&clients[4], fix->uploads, "d", &guest), ERR_OK);
    assert_places(fix, 2);
    for (size_t i = 1; i < ARRAY_LEN(clients); i++) {
        client_close(&clients[i]);
    }
    await_running(fix->uploads, 0);
    assert_places(fix, 0);
}

static void test_guest_places_run_out(void **state)
{
    struct upload_fixture *fix = *state;
    const struct upload_guest none = guest_with(0);
    struct client clients[20];
    assert_int_equal(client_begin_guest(&clients[0], fix->uploads, "a", &none), ERR_AUTH);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        assert_int_equal(client_begin_guest(&clients[i], fix->uploads, "a", &any_guest), ERR_OK);
    }
    assert_places(fix, ARRAY_LEN(clients));
    /* What counts is how many the newcomer finds left. */
    struct client late;
    const struct upload_guest few = guest_with(ARRAY_LEN(clients));
    const struct upload_guest more = guest_with(ARRAY_LEN(clients) + 1);
    assert_int_equal(client_begin_guest(&late, fix->uploads, "a", &few), ERR_AUTH);
    assert_int_equal(client_begin_guest(&late, fix->uploads, "a", &more), ERR_OK);
    client_close(&late);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        client_close(&clients[i]);
    }
}

/* Every file takes a place when it begins. */
static void test_guest_several_files(void **state)
{
    struct upload_fixture *fix = *state;
    add_link(fix->base->store, LINK, 3);
    const struct upload_guest guest = guest_with(3);
    struct client one;
    struct client two;
    assert_int_equal(client_begin_guest(&one, fix->uploads, "a", &guest), ERR_OK);
    assert_int_equal(client_file(&one, "1", "abc", 3, 1), ERR_OK);
    assert_int_equal(client_file(&one, "2", "abc", 3, 1), ERR_OK);
    assert_places(fix, 2);
    assert_int_equal(client_begin_guest(&two, fix->uploads, "b", &guest), ERR_OK);
    assert_places(fix, 3);
    assert_int_equal(client_start(&one, "3"), ERR_AUTH);
    assert_int_equal(upload_files_count(one.upload), 2);
    client_close(&two);
    assert_places(fix, 2);
    assert_int_equal(client_file(&one, "3", "abc", 3, 1), ERR_OK);
    assert_places(fix, 3);
    assert_int_equal(client_begin_guest(&two, fix->uploads, "b", &guest), ERR_AUTH);
    assert_int_equal(client_start(&one, "4"), ERR_AUTH);
    /* What there was room for may still be published. */
    assert_int_equal(client_publish(&one, NULL, NEVER_S), ERR_OK);
    assert_places(fix, 0);
    client_close(&one);
    assert_sql(fix->base->path, "SELECT group_concat(filename || guest_link_id, ' ') FROM entries",
               "1" LINK " 2" LINK " 3" LINK);
}

/* Who goes away gives its places back at once, though removing its rows takes longer. */
static void test_guest_place_of_a_closed(void **state)
{
    struct upload_fixture *fix = *state;
    const struct upload_guest guest = guest_with(2);
    struct client client;
    struct client next;
    struct gate gate;
    assert_int_equal(client_begin_guest(&client, fix->uploads, "a", &guest), ERR_OK);
    assert_int_equal(client_file(&client, "1", "abc", 3, 1), ERR_OK);
    gate_shut(&gate, fix->base->store);
    assert_int_equal(client_start(&client, "2"), ERR_OK); /* hands the first file to the writer */
    assert_places(fix, 2);
    client_close(&client);
    int64_t places = uploads_places_held(fix->uploads, LINK);
    size_t running = uploads_running(fix->uploads);
    err_t err = client_begin_guest(&next, fix->uploads, "b", &guest);
    gate_open(&gate);
    client_close(&next);
    await_running(fix->uploads, 0);
    assert_int_equal(running, 1);
    assert_int_equal(places, 0);
    assert_int_equal(err, ERR_OK);
}

/* While an upload is published its places are free, and the store has the last word. */
static void test_guest_store_decides(void **state)
{
    struct upload_fixture *fix = *state;
    add_link(fix->base->store, LINK, 1);
    const struct upload_guest guest = guest_with(1);
    struct client clients[2];
    struct gate gate;
    gate_shut(&gate, fix->base->store);
    const struct upload_details details = {.expiration_time = NEVER_S};
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        assert_int_equal(client_begin_guest(&clients[i], fix->uploads, "a", &guest), ERR_OK);
        assert_places(fix, 1);
        assert_int_equal(client_file(&clients[i], "f", "abc", 3, 1), ERR_OK);
        assert_int_equal(upload_publish(clients[i].upload, &details), ERR_OK);
        assert_places(fix, 0);
    }
    gate_open(&gate);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        while (!upload_published(clients[i].upload)) {
            client_wait(&clients[i]);
        }
        assert_int_equal(upload_error(clients[i].upload), i == 0 ? ERR_OK : ERR_AUTH);
        assert_int_equal(file_exists(fix->base->store, upload_file_id(clients[i].upload, 0)),
                         i == 0);
        client_close(&clients[i]);
    }
    await_running(fix->uploads, 0);
    assert_sql(fix->base->path, "SELECT count(*) FROM entries_data", "1");
    /* A link that is gone, or never was. */
    static const char *const links[] = {LINK2, "ABCDEFGH23456789"};
    for (size_t i = 0; i < ARRAY_LEN(links); i++) {
        const struct upload_guest gone = {.link_id = links[i], .files_left = -1};
        assert_int_equal(client_begin_guest(&clients[0], fix->uploads, "a", &gone), ERR_OK);
        assert_int_equal(client_file(&clients[0], "f", "abc", 3, 1), ERR_OK);
        assert_int_equal(client_publish(&clients[0], NULL, NEVER_S), ERR_NOTFOUND);
        client_close(&clients[0]);
    }
    await_running(fix->uploads, 0);
    assert_sql(fix->base->path, "SELECT count(*) FROM entries_data", "1");
}

/* Guests that stall hold all the chunks that guests may have; the owner goes on, and when another
 * guest has waited for some time, those give their chunks up who have needed longest. */
static void test_stalled_guests(void **state)
{
    struct upload_fixture *fix = *state;
    enum { LEN = SMALL_BUFFER_BYTES + 1, STALLED = CHUNK_BUFFERS - OWNER_BUFFERS, WAITING = 3 };
    char *bytes = make_bytes(1, 3 * CHUNK_BYTES);
    int64_t start = fix->base->clock.mono_ms;
    struct client stalled[STALLED];
    struct client waiting[WAITING];
    char id[ENTRY_ID_LEN + 1];
    for (size_t i = 0; i < STALLED; i++) {
        char address[16];
        (void)snprintf(address, sizeof address, "192.0.2.%zu", i / 10);
        fix->base->clock.mono_ms = start + (int64_t)i;
        assert_int_equal(client_begin_guest(&stalled[i], fix->uploads, address, &any_guest),
                         ERR_OK);
        assert_int_equal(client_start(&stalled[i], "f"), ERR_OK);
        assert_int_equal(upload_write(stalled[i].upload, slice_of(bytes, LEN)), LEN);
    }
    fix->base->clock.mono_ms = start + SLOW_CHUNK_MS - STARVED_MS;
    for (size_t i = 0; i < WAITING; i++) {
        assert_int_equal(client_begin_guest(&waiting[i], fix->uploads, "198.51.100.1", &any_guest),
                         ERR_OK);
        assert_int_equal(client_start(&waiting[i], "f"), ERR_OK);
        assert_int_equal(upload_write(waiting[i].upload, slice_of(bytes, LEN)), SMALL_BUFFER_BYTES);
    }
    send_file(fix->uploads, bytes, (size_t)3 * CHUNK_BYTES, 32768, id);
    assert_file(fix->base->store, id, bytes, (size_t)3 * CHUNK_BYTES);

    /* Nobody has waited long enough. */
    fix->base->clock.mono_ms = start + SLOW_CHUNK_MS - 1;
    uploads_tick(fix->uploads);
    assert_int_equal(stalled[0].given_up, 0);
    /* One place for each who waits; the second and third of those that stall are not slow yet. */
    fix->base->clock.mono_ms = start + SLOW_CHUNK_MS;
    uploads_tick(fix->uploads);
    assert_int_equal(stalled[0].given_up, 1);
    assert_int_equal(upload_error(stalled[0].upload), ERR_BUSY);
    assert_int_equal(stalled[1].given_up, 0);
    assert_int_equal(waiting[0].wakes, 0);
    client_close(&stalled[0]);
    assert_int_equal(waiting[0].wakes, 1);
    assert_int_equal(upload_write(waiting[0].upload, slice_of(bytes, 1)), 1);
    fix->base->clock.mono_ms = start + SLOW_CHUNK_MS + STALLED;
    uploads_tick(fix->uploads);
    for (size_t i = 1; i < STALLED; i++) {
        assert_int_equal(stalled[i].given_up, i <= WAITING - 1);
        client_close(&stalled[i]);
    }
    for (size_t i = 0; i < WAITING; i++) {
        assert_int_equal(waiting[i].given_up, 0);
        assert_int_equal(waiting[i].wakes, 1);
        client_close(&waiting[i]);
    }
    free(bytes);
}

/* Neither the owner's uploads nor guests who are quick enough make way. */
static void test_nobody_makes_way(void **state)
{
    struct upload_fixture *fix = *state;
    enum { LEN = SMALL_BUFFER_BYTES + 1, GUESTS = CHUNK_BUFFERS - OWNER_BUFFERS - 1 };
    char *bytes = make_bytes(1, CHUNK_BYTES);
    int64_t start = fix->base->clock.mono_ms;
    struct client owner;
    struct client guests[GUESTS];
    struct client waiting;
    assert_int_equal(client_begin(&owner, fix->uploads, "a"), ERR_OK);
    assert_int_equal(client_start(&owner, "f"), ERR_OK);
    assert_int_equal(upload_write(owner.upload, slice_of(bytes, LEN)), LEN);
    for (size_t i = 0; i < GUESTS; i++) {
        const char *address = i % 2 == 0 ? "b" : "c";
        assert_int_equal(client_begin_guest(&guests[i], fix->uploads, address, &any_guest), ERR_OK);
        assert_int_equal(client_start(&guests[i], "f"), ERR_OK);
        assert_int_equal(client_write(&guests[i], bytes, LEN, LEN), ERR_OK);
    }
    assert_int_equal(client_begin_guest(&waiting, fix->uploads, "d", &any_guest), ERR_OK);
    assert_int_equal(client_start(&waiting, "f"), ERR_OK);
    assert_int_equal(upload_write(waiting.upload, slice_of(bytes, LEN)), SMALL_BUFFER_BYTES);
    /* A chunk is full in time, and the next one is begun. */
    fix->base->clock.mono_ms = start + SLOW_CHUNK_MS - 1;
    for (size_t i = 0; i < GUESTS; i++) {
        size_t rest = CHUNK_BYTES - LEN;
        assert_int_equal(upload_write(guests[i].upload, slice_of(bytes + LEN, rest)), rest);
    }
    for (int i = 0; i < PATIENCE_S * 100 && waiting.wakes == 0; i++) {
        sleep_ms(10);
    }
    assert_int_equal(waiting.wakes, 1); /* the writer gave some back */
    fix->base->clock.mono_ms = start + SLOW_CHUNK_MS + STARVED_MS;
    uploads_tick(fix->uploads);
    assert_int_equal(owner.given_up, 0);
    for (size_t i = 0; i < GUESTS; i++) {
        assert_int_equal(guests[i].given_up, 0);
        client_close(&guests[i]);
    }
    client_close(&waiting);
    client_close(&owner);
    await_running(fix->uploads, 0);
    free(bytes);
}

/* Guests leave room for the owner's uploads, and those of one address for those of others. */
static void test_guests_leave_room(void **state)
{
    struct upload_fixture *fix = *state;
    enum { GUESTS = MAX_UPLOADS - OWNER_UPLOADS };
    struct client *clients = calloc(MAX_UPLOADS, sizeof *clients);
    struct client late;
    assert_non_null(clients);
    for (size_t i = 0; i < GUESTS; i++) {
        const char *address = i < GUEST_MAX_UPLOADS ? "2001:db8::1" : "2001:db8:0:1::1";
        if (i == GUEST_MAX_UPLOADS) {
            assert_int_equal(client_begin_guest(&late, fix->uploads, "2001:db8::ffff", &any_guest),
                             ERR_BUSY);
        }
        assert_int_equal(client_begin_guest(&clients[i], fix->uploads, address, &any_guest),
                         ERR_OK);
    }
    assert_int_equal(client_begin_guest(&late, fix->uploads, "192.0.2.1", &any_guest), ERR_BUSY);
    for (size_t i = GUESTS; i < MAX_UPLOADS; i++) {
        assert_int_equal(client_begin(&clients[i], fix->uploads, "2001:db8::1"), ERR_OK);
    }
    for (size_t i = 0; i < MAX_UPLOADS; i++) {
        client_close(&clients[i]);
    }
    free(clients);
}

/* Who cannot begin for another reason holds nothing. */
static void test_guest_place_of_a_refused(void **state)
{
    struct upload_fixture *fix = *state;
    struct client *clients = calloc(MAX_UPLOADS, sizeof *clients);
    struct client late;
    assert_non_null(clients);
    for (size_t i = 0; i < MAX_UPLOADS; i++) {
        assert_int_equal(client_begin(&clients[i], fix->uploads, "a"), ERR_OK);
    }
    assert_int_equal(client_begin_guest(&late, fix->uploads, "a", &any_guest), ERR_BUSY);
    assert_places(fix, 0);
    for (size_t i = 0; i < MAX_UPLOADS; i++) {
        client_close(&clients[i]);
    }
    free(clients);
    mem_fail_after(0);
    err_t err = client_begin_guest(&late, fix->uploads, "a", &any_guest);
    mem_fail_after(-1);
    assert_int_equal(err, ERR_NOMEM);
    assert_places(fix, 0);
}

/* The owner takes a link back: uploads through it end, also one that waits for a buffer. */
static void test_stop_guest(void **state)
{
    struct upload_fixture *fix = *state;
    enum { LEN = SMALL_BUFFER_BYTES + 1 };
    char *bytes = make_bytes(1, LEN);
    struct client holders[CLIENT_MAX_BUFFERS];
    struct client waiting;
    struct client other;
    struct client beginning;
    for (size_t i = 0; i < ARRAY_LEN(holders); i++) {
        assert_int_equal(client_begin_guest(&holders[i], fix->uploads, "a", &third_guest), ERR_OK);
        assert_int_equal(client_start(&holders[i], "f"), ERR_OK);
        assert_int_equal(upload_write(holders[i].upload, slice_of(bytes, LEN)), LEN);
    }
    assert_int_equal(client_begin_guest(&waiting, fix->uploads, "a", &any_guest), ERR_OK);
    assert_int_equal(client_start(&waiting, "f"), ERR_OK);
    assert_int_equal(upload_write(waiting.upload, slice_of(bytes, LEN)), SMALL_BUFFER_BYTES);
    assert_int_equal(client_begin_guest(&other, fix->uploads, "a", &other_guest), ERR_OK);
    assert_int_equal(client_start(&other, "f"), ERR_OK);
    assert_int_equal(upload_write(other.upload, slice_of(bytes, LEN)), SMALL_BUFFER_BYTES);
    assert_int_equal(client_begin_guest(&beginning, fix->uploads, "a", &any_guest), ERR_OK);
    uploads_stop_guest(fix->uploads, "ABCDEFGH23456789", ERR_AUTH);
    assert_int_equal(upload_error(waiting.upload), ERR_OK);
    uploads_stop_guest(fix->uploads, LINK, ERR_AUTH);
    assert_int_equal(waiting.wakes, 1);
    assert_int_equal(waiting.given_up, 1);
    assert_int_equal(beginning.given_up, 1);
    assert_int_equal(other.given_up, 0);
    assert_int_equal(upload_error(waiting.upload), ERR_AUTH);
    assert_int_equal(upload_write(waiting.upload, slice_of(bytes, 1)), 0);
    assert_int_equal(upload_error(beginning.upload), ERR_AUTH);
    uploads_stop_guest(fix->uploads, LINK, ERR_NOTFOUND); /* the first failure stays */
    assert_int_equal(upload_error(waiting.upload), ERR_AUTH);
    /* Others go on: the owner's, and those of other links, in their order. */
    assert_int_equal(upload_error(holders[0].upload), ERR_OK);
    assert_int_equal(upload_error(other.upload), ERR_OK);
    assert_int_equal(other.wakes, 0);
    client_close(&waiting);
    client_close(&beginning);
    client_close(&holders[0]);
    client_wait(&other);
    assert_int_equal(upload_write(other.upload, slice_of(bytes + SMALL_BUFFER_BYTES, 1)), 1);
    client_close(&other);
    for (size_t i = 1; i < ARRAY_LEN(holders); i++) {
        client_close(&holders[i]);
    }
    await_running(fix->uploads, 0);
    assert_places(fix, 0);
    free(bytes);
}

/* A link may be taken back at any moment of an upload; what its client is told is what has
 * happened. */
static void test_stop_guest_while_publishing(void **state)
{
    struct upload_fixture *fix = *state;
    enum { BEFORE_PUBLISHING, QUEUED, PUBLISHED, STAGES };
    add_link(fix->base->store, LINK, 0);
    for (int stage = 0; stage < STAGES; stage++) {
        const struct upload_details details = {.expiration_time = NEVER_S};
        struct client client;
        struct gate gate;
        assert_int_equal(client_begin_guest(&client, fix->uploads, "a", &any_guest), ERR_OK);
        assert_int_equal(client_file(&client, "f", "abc", 3, 1), ERR_OK);
        char id[ENTRY_ID_LEN + 1];
        memcpy(id, upload_file_id(client.upload, 0), sizeof id);
        if (stage == BEFORE_PUBLISHING) {
            uploads_stop_guest(fix->uploads, LINK, ERR_AUTH);
            assert_int_equal(upload_publish(client.upload, &details), ERR_AUTH);
        } else {
            gate_shut(&gate, fix->base->store);
            assert_int_equal(upload_publish(client.upload, &details), ERR_OK);
            if (stage == QUEUED) {
                uploads_stop_guest(fix->uploads, LINK, ERR_AUTH);
            }
            gate_open(&gate);
            while (!upload_published(client.upload)) {
                client_wait(&client);
            }
        }
        if (stage == PUBLISHED) {
            uploads_stop_guest(fix->uploads, LINK, ERR_AUTH);
        }
        err_t told = upload_error(client.upload);
        client_close(&client);
        await_running(fix->uploads, 0);
        if (file_exists(fix->base->store, id)) {
            assert_file(fix->base->store, id, "abc", 3);
        }
        if ((told == ERR_OK) != file_exists(fix->base->store, id)) {
            fail_msg("stage %d: told %s, but the file %s there", stage, err_name(told),
                     told == ERR_OK ? "is not" : "is");
        }
    }
}

/* ---- the size that a guest may send ---- */

static void test_guest_size(void **state)
{
    struct upload_fixture *fix = *state;
    static const int64_t limits[] = {
        1, 5, SMALL_BUFFER_BYTES, SMALL_BUFFER_BYTES + 1, CHUNK_BYTES, CHUNK_BYTES + 1, 1000000};
    static const size_t pieces[] = {1000, SMALL_BUFFER_BYTES, SIZE_MAX};
    add_link(fix->base->store, LINK, 0);
    for (size_t i = 0; i < ARRAY_LEN(limits) * ARRAY_LEN(pieces); i++) {
        struct upload_guest guest = any_guest;
        guest.max_file_bytes = limits[i / ARRAY_LEN(pieces)];
        size_t piece = pieces[i % ARRAY_LEN(pieces)];
        size_t limit = (size_t)guest.max_file_bytes;
        char *bytes = make_bytes(i, limit + 1);
        struct client client;
        /* As large as allowed, twice: the limit is for each file. */
        assert_int_equal(client_begin_guest(&client, fix->uploads, "a", &guest), ERR_OK);
        assert_int_equal(client_file(&client, "one", bytes, limit, piece), ERR_OK);
        assert_int_equal(client_file(&client, "two", bytes, limit, piece), ERR_OK);
        assert_int_equal(client_publish(&client, NULL, NEVER_S), ERR_OK);
        assert_file(fix->base->store, upload_file_id(client.upload, 1), bytes, limit);
        client_close(&client);
        /* A byte more. */
        assert_int_equal(client_begin_guest(&client, fix->uploads, "a", &guest), ERR_OK);
        assert_int_equal(client_file(&client, "one", bytes, limit, piece), ERR_OK);
        assert_int_equal(client_start(&client, "two"), ERR_OK);
        assert_int_equal(client_write(&client, bytes, limit + 1, piece), ERR_TOOBIG);
        assert_true(upload_bytes(client.upload) <= 2 * guest.max_file_bytes);
        assert_int_equal(upload_write(client.upload, SLICE("x")), 0);
        client_close(&client);
        /* Exactly there, and then a byte more. */
        assert_int_equal(client_begin_guest(&client, fix->uploads, "a", &guest), ERR_OK);
        assert_int_equal(client_start(&client, "one"), ERR_OK);
        assert_int_equal(client_write(&client, bytes, limit, piece), ERR_OK);
        assert_int_equal(upload_write(client.upload, slice_of(NULL, 0)), 0);
        assert_int_equal(upload_error(client.upload), ERR_OK);
        assert_int_equal(client_write(&client, bytes, 1, piece), ERR_TOOBIG);
        client_close(&client);
        await_running(fix->uploads, 0);
        free(bytes);
    }
    char files[24];
    (void)snprintf(files, sizeof files, "%zu", 2 * ARRAY_LEN(limits) * ARRAY_LEN(pieces));
    assert_sql(fix->base->path, "SELECT count(*) FROM entries", files);
    assert_sql(fix->base->path, "SELECT count(DISTINCT id) FROM entries_data", files);
}

/* Bytes that are offered twice, since the first time nothing could be taken, count once. */
static void test_guest_size_while_waiting(void **state)
{
    struct upload_fixture *fix = *state;
    enum { LEN = (FAIR_BUFFERS + 3) * CHUNK_BYTES };
    char *bytes = make_bytes(1, LEN);
    struct upload_guest guest = any_guest;
    guest.max_file_bytes = LEN;
    add_link(fix->base->store, LINK, 0);
    struct client client;
    assert_int_equal(client_begin_guest(&client, fix->uploads, "a", &guest), ERR_OK);
    assert_int_equal(client_start(&client, "f"), ERR_OK);
    struct gate gate;
    gate_shut(&gate, fix->base->store);
    size_t taken = upload_write(client.upload, slice_of(bytes, LEN));
    assert_int_equal(taken, FAIR_BUFFERS * CHUNK_BYTES);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(upload_write(client.upload, slice_of(bytes + taken, LEN - taken)), 0);
        assert_int_equal(upload_error(client.upload), ERR_OK);
    }
    gate_open(&gate);
    client_wait(&client);
    assert_int_equal(client_write(&client, bytes + taken, LEN - taken, SIZE_MAX), ERR_OK);
    assert_int_equal(upload_end_file(client.upload), ERR_OK);
    assert_int_equal(client_publish(&client, NULL, NEVER_S), ERR_OK);
    assert_file(fix->base->store, upload_file_id(client.upload, 0), bytes, LEN);
    client_close(&client);
    free(bytes);
}

/* ---- failures ---- */

static void test_disk_full_while_receiving(void **state)
{
    struct upload_fixture *fix = *state;
    char *bytes = make_bytes(1, 20 * CHUNK_BYTES);
    struct client client;
    assert_int_equal(client_begin(&client, fix->uploads, "a"), ERR_OK);
    assert_int_equal(client_start(&client, "f"), ERR_OK);
    assert_int_equal(client_write(&client, bytes, 2 * CHUNK_BYTES, SIZE_MAX), ERR_OK);
    gate_settle(fix->base->store);
    fault_set(FAULT_FULL, 0, true);
    assert_int_equal(client_write(&client, bytes, 20 * CHUNK_BYTES, SIZE_MAX), ERR_FULL);
    fault_lift();
    /* It stays failed, though the next chunk would find room. */
    assert_int_equal(upload_write(client.upload, SLICE("x")), 0);
    assert_int_equal(upload_end_file(client.upload), ERR_OK);
    const struct upload_details details = {.expiration_time = NEVER_S};
    assert_int_equal(upload_publish(client.upload, &details), ERR_FULL);
    assert_false(upload_published(client.upload));
    client_close(&client);
    assert_no_rows(fix);
    char id[ENTRY_ID_LEN + 1];
    send_file(fix->uploads, bytes, 3 * CHUNK_BYTES, SIZE_MAX, id);
    assert_file(fix->base->store, id, bytes, 3 * CHUNK_BYTES);
    assert_sound(fix->base->path);
    free(bytes);
}

static void test_disk_full_while_publishing(void **state)
{
    struct upload_fixture *fix = *state;
    struct client client;
    assert_int_equal(client_begin(&client, fix->uploads, "a"), ERR_OK);
    assert_int_equal(client_file(&client, "one", "abc", 3, 1), ERR_OK);
    assert_int_equal(client_file(&client, "two", "def", 3, 1), ERR_OK);
    gate_settle(fix->base->store);
    fault_set(FAULT_FULL, 0, true);
    assert_int_equal(client_publish(&client, NULL, NEVER_S), ERR_FULL);
    assert_true(upload_published(client.upload)); /* the outcome is known */
    fault_lift();
    client_close(&client);
    assert_no_rows(fix);
}

/* The disk stays full while the rows should be removed: the next collection does it. */
static void test_disk_full_while_discarding(void **state)
{
    struct upload_fixture *fix = *state;
    char *bytes = make_bytes(1, CHUNK_BYTES);
    struct client client;
    assert_int_equal(client_begin(&client, fix->uploads, "a"), ERR_OK);
    assert_int_equal(client_file(&client, "one", "abc", 3, 1), ERR_OK);
    assert_int_equal(client_file(&client, "two", bytes, CHUNK_BYTES, SIZE_MAX), ERR_OK);
    gate_settle(fix->base->store);
    fault_set(FAULT_FULL, 0, true);
    client_close(&client);
    await_running(fix->uploads, 0);
    fault_lift();
    assert_sql(fix->base->path, "SELECT count(*) FROM entries_data", "2");
    struct store_collect collect;
    store_collect_init(&collect);
    assert_int_equal(store_run(fix->base->store, &collect.job), ERR_OK);
    assert_int_equal(collect.orphans_removed, 2);
    assert_no_rows(fix);
    free(bytes);
}

static void test_no_random_bytes(void **state)
{
    struct upload_fixture *fix = *state;
    struct client client;
    assert_int_equal(client_begin(&client, fix->uploads, "a"), ERR_OK);
    assert_int_equal(client_file(&client, "one", "abc", 3, 1), ERR_OK);
    fix->base->rng.broken = true;
    assert_int_equal(client_start(&client, "two"), ERR_IO);
    assert_int_equal(upload_files_count(client.upload), 1);
    client_close(&client);
    assert_no_rows(fix);
}

/* An id that is taken: the upload fails, the file that has the id is not touched. */
static void test_id_is_taken(void **state)
{
    struct upload_fixture *fix = *state;
    char *bytes = make_bytes(1, 3 * CHUNK_BYTES);
    static const size_t sizes[] = {10, 3 * CHUNK_BYTES};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        uint64_t position = fix->base->rng.position;
        char id[ENTRY_ID_LEN + 1];
        send_file(fix->uploads, bytes, 2 * CHUNK_BYTES, SIZE_MAX, id);
        fix->base->rng.position = position;
        struct client client;
        assert_int_equal(client_begin(&client, fix->uploads, "a"), ERR_OK);
        /* All its chunks are queued before the first one fails. */
        struct gate gate;
        gate_shut(&gate, fix->base->store);
        err_t err = client_file(&client, "f", bytes, sizes[i], SIZE_MAX);
        assert_string_equal(upload_file_id(client.upload, 0), id);
        gate_open(&gate);
        gate_settle(fix->base->store);
        if (err == ERR_OK) {
            err = client_publish(&client, NULL, NEVER_S);
        }
        client_close(&client);
        await_running(fix->uploads, 0);
        assert_int_equal(err, ERR_EXISTS);
        assert_true(file_exists(fix->base->store, id));
        assert_file(fix->base->store, id, bytes, 2 * CHUNK_BYTES);
    }
    free(bytes);
}

/* Two files with a note; the first failure ends it. */
static err_t try_upload(struct upload_fixture *fix, const char *bytes, size_t len)
{
    struct client client;
    err_t err = client_begin(&client, fix->uploads, "a");
    if (err == ERR_OK) {
        err = client_file(&client, "one", "abc", 3, 1);
    }
    if (err == ERR_OK) {
        err = client_file(&client, "two", bytes, len, 50000);
    }
    if (err == ERR_OK) {
        err = client_publish(&client, "note", NEVER_S);
    }
    client_close(&client);
    await_running(fix->uploads, 0);
    return err;
}

static void test_no_memory(void **state)
{
    struct upload_fixture *fix = *state;
    enum { LEN = 2 * CHUNK_BYTES + 5 };
    char *bytes = make_bytes(1, LEN);
    err_t err = ERR_NOMEM;
    int64_t n = 0;
    for (; err == ERR_NOMEM; n++) {
        mem_fail_after(n);
        err = try_upload(fix, bytes, LEN);
        mem_fail_after(-1);
        if (err != ERR_OK) {
            assert_int_equal(err, ERR_NOMEM);
            assert_no_rows(fix);
        }
    }
    assert_true(n > 10);
    assert_sql(fix->base->path, "SELECT group_concat(filename) FROM entries", "one,two");
    for (n = 0; n < 4; n++) {
        struct uploads *uploads = NULL;
        mem_fail_after(n);
        err = uploads_new(fix->base->store, &fix->base->clock.clock, &fix->base->rng.rng, &uploads);
        mem_fail_after(-1);
        assert_int_equal(err, n < 3 ? ERR_NOMEM : ERR_OK);
        uploads_free(uploads);
    }
    free(bytes);
}

/* ---- threads ---- */

enum { THREADS = 6, ROUNDS = 12 };

struct sender {
    struct upload_fixture *fix;
    int number;
    int published;
};

/* Runs in a thread, where cmocka's asserts may not be used. */
static void *sender_main(void *arg)
{
    struct sender *sender = arg;
    enum { MOST = 8 * CHUNK_BYTES };
    char *bytes = malloc(MOST);
    check(bytes != NULL);
    for (int round = 0; round < ROUNDS; round++) {
        memset(bytes, sender->number * ROUNDS + round, MOST);
        struct client client;
        char address[8];
        (void)snprintf(address, sizeof address, "c%d", sender->number % 2);
        check(client_begin(&client, sender->fix->uploads, address) == ERR_OK);
        size_t len = (size_t)(round * 7919 + sender->number * 104729) * 31 % MOST + 1;
        check(client_start(&client, "f") == ERR_OK);
        check(client_write(&client, bytes, len, 40000) == ERR_OK);
        check(upload_end_file(client.upload) == ERR_OK);
        if (round % 3 != 0) {
            check(client_publish(&client, NULL, NEVER_S) == ERR_OK);
            struct store_entry entry;
            check(store_find_entry(sender->fix->base->store, upload_file_id(client.upload, 0),
                                   &entry) == ERR_OK);
            check(entry.size == (int64_t)len);
            store_entry_done(&entry);
            sender->published++;
        }
        client_close(&client);
    }
    free(bytes);
    return NULL;
}

static void test_threads(void **state)
{
    struct upload_fixture *fix = *state;
    struct sender senders[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        senders[i] = (struct sender){fix, i, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, sender_main, &senders[i]), 0);
    }
    int published = 0;
    for (int i = 0; i < 20; i++) {
        uploads_tick(fix->uploads);
        sleep_ms(5);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        published += senders[i].published;
    }
    await_running(fix->uploads, 0);
    char want[16];
    (void)snprintf(want, sizeof want, "%d", published);
    assert_sql(fix->base->path, "SELECT count(*) FROM entries", want);
    assert_sql(fix->base->path, "SELECT count(DISTINCT id) FROM entries_data", want);
    /* Every file is of one byte, over and over. */
    assert_sql(fix->base->path,
               "SELECT count(*) FROM entries_data WHERE length(replace(hex(chunk),"
               " substr(hex(chunk), 1, 2), '')) > 0",
               "0");
    assert_sound(fix->base->path);
}

/* ---- guests in threads ---- */

enum { GUEST_THREADS = 6, GUEST_ROUNDS = 40, GUEST_FILES = 50 };

struct guest_sender {
    struct upload_fixture *fix;
    int number;
    int published;
};

/* As many as the link still takes, to the knowledge of who asks; cmocka's asserts may not be used
 * here. */
static void *guest_main(void *arg)
{
    struct guest_sender *sender = arg;
    struct store *store = sender->fix->base->store;
    for (int round = 0; round < GUEST_ROUNDS; round++) {
        struct store_guest_link link;
        check(store_find_guest_link(store, LINK, &link) == ERR_OK);
        const struct upload_guest guest = {.link_id = LINK,
                                           .max_file_bytes = 10,
                                           .files_left = link.max_file_uploads - link.uploads};
        store_guest_link_done(&link);
        struct client client;
        err_t err = client_begin_guest(&client, sender->fix->uploads, "a", &guest);
        check(err == ERR_OK || err == ERR_AUTH);
        if (err != ERR_OK) {
            continue;
        }
        int files = 0;
        for (; err == ERR_OK && files < 1 + (round + sender->number) % 3; files++) {
            err = client_file(&client, "f", "0123456789", 10, 4);
        }
        check(err == ERR_OK || err == ERR_AUTH);
        if (err == ERR_OK && round % 4 != 3) {
            err = client_publish(&client, NULL, NEVER_S);
            check(err == ERR_OK || err == ERR_AUTH);
            sender->published += err == ERR_OK ? files : 0;
        }
        client_close(&client);
    }
    return NULL;
}

/* However they meet: never more files than the link takes, and in the end no fewer. */
static void test_guest_threads(void **state)
{
    struct upload_fixture *fix = *state;
    add_link(fix->base->store, LINK, GUEST_FILES);
    struct guest_sender senders[GUEST_THREADS];
    pthread_t threads[GUEST_THREADS];
    for (int i = 0; i < GUEST_THREADS; i++) {
        senders[i] = (struct guest_sender){fix, i, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, guest_main, &senders[i]), 0);
    }
    for (int i = 0; i < 20; i++) {
        uploads_tick(fix->uploads);
        uploads_stop_guest(fix->uploads, LINK2, ERR_AUTH);
        sleep_ms(2);
    }
    int published = 0;
    for (int i = 0; i < GUEST_THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        published += senders[i].published;
    }
    await_running(fix->uploads, 0);
    assert_places(fix, 0);
    char want[16];
    (void)snprintf(want, sizeof want, "%d", published);
    assert_in_range(published, 1, GUEST_FILES);
    assert_sql(fix->base->path, "SELECT count(*) FROM entries", want);
    assert_sql(fix->base->path, "SELECT count(*) FROM entries_data", want);
    /* What is left is still to be had. */
    for (; published < GUEST_FILES; published++) {
        const struct upload_guest guest = guest_with(GUEST_FILES - published);
        struct client client;
        assert_int_equal(client_begin_guest(&client, fix->uploads, "a", &guest), ERR_OK);
        assert_int_equal(client_file(&client, "f", "abc", 3, 3), ERR_OK);
        assert_int_equal(client_publish(&client, NULL, NEVER_S), ERR_OK);
        client_close(&client);
    }
    assert_sql(fix->base->path, "SELECT count(*) FROM entries", "50");
    assert_sound(fix->base->path);
}

#define upload_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define upload_fault_test(name) cmocka_unit_test_setup_teardown(name, setup_fault, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        upload_fault_test(test_sizes),
        upload_test(test_splits),
        upload_test(test_several_files),
        upload_test(test_as_many_files_as_allowed),
        upload_test(test_empty_file),
        upload_test(test_waits_for_the_writer),
        upload_test(test_share_of_a_long_upload),
        upload_test(test_waits_for_the_file_before),
        upload_test(test_share_of_a_client),
        upload_test(test_waiting_ends),
        upload_test(test_closed_leaves_the_line),
        upload_test(test_close_unpublished),
        upload_test(test_close_while_publishing),
        upload_test(test_as_many_uploads_as_allowed),
        upload_test(test_guest_places),
        upload_test(test_guest_places_run_out),
        upload_test(test_guest_several_files),
        upload_test(test_guest_place_of_a_closed),
        upload_test(test_guest_store_decides),
        upload_test(test_stalled_guests),
        upload_test(test_nobody_makes_way),
        upload_test(test_guests_leave_room),
        upload_test(test_guest_place_of_a_refused),
        upload_test(test_stop_guest),
        upload_test(test_stop_guest_while_publishing),
        upload_fault_test(test_guest_size),
        upload_test(test_guest_size_while_waiting),
        upload_fault_test(test_disk_full_while_receiving),
        upload_fault_test(test_disk_full_while_publishing),
        upload_fault_test(test_disk_full_while_discarding),
        upload_test(test_no_random_bytes),
        upload_test(test_id_is_taken),
        upload_test(test_no_memory),
        upload_fault_test(test_threads),
        upload_fault_test(test_guest_threads),
    };
    return cmocka_run_group_tests(tests, fault_vfs_setup, NULL);
}
