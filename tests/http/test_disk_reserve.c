/* A disk that somebody else has filled to the last byte: the owner can still sign in, look, delete
 * and rename, the room of what was deleted takes new uploads, and a restart changes nothing of it
 * (docs/database.md, Room). Needs root, for mount; says so and skips otherwise. */
#include "small_disk.h"

enum { FILE_BYTES = 4 * 1000 * 1000, RESERVE = 64 * 1024 * 1024 / 32 };

static int setup(void **state)
{
    return disk_setup(state, "size=64m");
}

/* Takes every byte that is left. */
static void fill(const struct disk *d)
{
    disk_fill(d, 0);
    assert_int_equal(disk_left(d), 0);
}

static int ask(const struct disk *d, const char *method, const char *path, const char *text)
{
    struct response r;
    http_do(&d->server,
            &(struct request){.method = method, .path = path, .auth = AUTH_BASIC, .text = text},
            &r);
    int status = r.status;
    response_done(&r);
    return status;
}

static void expect_deleted(const struct disk *d, const char *id)
{
    char path[100];
    snprintf(path, sizeof path, "/api/entry/%s", id);
    assert_int_equal(ask(d, "DELETE", path, NULL), 200);
}

static int64_t reserve_bytes(const struct disk *d)
{
    char path[320];
    struct stat st;
    snprintf(path, sizeof path, "%s-reserve", d->db);
    return stat(path, &st) == 0 ? (int64_t)st.st_blocks * 512 : 0;
}

static void test_delete_on_a_full_disk(void **state)
{
    struct disk *d = disk_of(state);
    char first[ID_CHARS + 1];
    char second[ID_CHARS + 1];
    char third[ID_CHARS + 1];
    char id[ID_CHARS + 1];
    char path[64];
    upload_bytes(&d->server, "a.bin", SEED, FILE_BYTES, first);
    upload_bytes(&d->server, "b.bin", SEED, FILE_BYTES, second);
    upload_bytes(&d->server, "c.bin", SEED, FILE_BYTES, third);
    assert_true(reserve_bytes(d) >= RESERVE);
    fill(d);
    assert_int_equal(put(d, 900 * 1000, id), 507);
    /* More changes than the log has room for: it is copied into a database that cannot grow. */
    snprintf(path, sizeof path, "/api/entry/%s", second);
    for (int i = 0; i < 100; i++) {
        char body[64];
        snprintf(body, sizeof body, "{\"filename\":\"b%d.bin\"}", i);
        assert_int_equal(ask(d, "PUT", path, body), 200);
    }
    expect_deleted(d, first);
    expect_upload_soon(d, FILE_BYTES - 1000 * 1000, id);
    expect_download(&d->server, second, SEED, FILE_BYTES);
    assert_int_equal(db_entries(&d->server), 3);
}

/* It comes back with a change that finds room. */
static void await_reserve(const struct disk *d)
{
    char id[ID_CHARS + 1];
    int64_t end = harness_now_ms() + HANG_SECONDS * 1000;
    while (reserve_bytes(d) < RESERVE && harness_now_ms() < end) {
        harness_sleep_ms(500);
        expect_upload_soon(d, 1000, id);
    }
    assert_true(reserve_bytes(d) >= RESERVE);
}

static void test_restart_on_a_full_disk(void **state)
{
    struct disk *d = disk_of(state);
    char id[ID_CHARS + 1];
    (void)unlink(d->ballast);
    await_reserve(d);
    fill(d);
    server_end(&d->server);
    fill(d);
    server_start(&d->server, &(struct server_options){.dir = d->dir, .db = d->db});
    char text[64];
    db_text(&d->server, "SELECT min(id) FROM entries", text, sizeof text);
    fill(d);
    expect_deleted(d, text);
    /* When there is room, all is as it was. */
    assert_int_equal(unlink(d->ballast), 0);
    expect_upload_soon(d, FILE_BYTES, id);
    await_reserve(d);
    char sound[64];
    db_text(&d->server, "PRAGMA integrity_check", sound, sizeof sound);
    assert_string_equal(sound, "ok");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delete_on_a_full_disk),
        cmocka_unit_test(test_restart_on_a_full_disk),
    };
    return harness_main(tests, setup, disk_teardown);
}
