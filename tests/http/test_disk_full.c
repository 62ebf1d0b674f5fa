/* A full disk: the database lies on a small file system of its own. Nothing of a refused upload
 * stays, and when there is room again, uploads work again (improvements.md: disk full is 507).
 * Needs root, for mount; says so and skips otherwise. */
#include "small_disk.h"

enum {
    LEFT_BYTES = 128 * 1024,    /* what the ballast leaves free */
    REFUSED_BYTES = 900 * 1000, /* does not fit, and is within the drain budget of 1 MiB */
};

static int setup(void **state)
{
    return disk_setup(state, "size=8m");
}

static void test_refused_with_507(void **state)
{
    const struct disk *d = disk_of(state);
    char kept[ID_CHARS + 1];
    char id[ID_CHARS + 1];
    upload_bytes(&d->server, "kept.bin", SEED, 100000, kept);
    disk_fill(d, LEFT_BYTES);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(put(d, REFUSED_BYTES, id), 507);
    }
    assert_int_equal(db_entries(&d->server), 1);
    expect_download(&d->server, kept, SEED, 100000);
    assert_int_equal(unlink(d->ballast), 0);
    expect_upload_soon(d, 4096, id);
    assert_true(db_wait_no_orphans(&d->server));
    assert_int_equal(db_entries(&d->server), 2);
}

/* The form of the upload page, as browsers send it when they run no scripts. */
static void test_page_of_507(void **state)
{
    static const char *const browser[] = {"Accept: text/html", NULL};
    const struct disk *d = disk_of(state);
    const struct part parts[] = {
        {.name = "file", .filename = "a.bin", .seed = SEED, .bytes = REFUSED_BYTES}, {0}};
    struct response r;
    disk_fill(d, LEFT_BYTES);
    http_do(&d->server,
            &(struct request){.method = "POST",
                              .path = "/upload",
                              .auth = AUTH_BASIC,
                              .headers = browser,
                              .parts = parts},
            &r);
    expect_answer(&r, 507, NULL);
    assert_string_equal(response_header(&r, "Content-Type"), "text/html; charset=utf-8");
    assert_non_null(strstr(response_text(&r), "<h1>Disk full</h1>"));
    assert_non_null(strstr(response_text(&r), "Make room"));
    response_done(&r);
    assert_int_equal(unlink(d->ballast), 0);
    assert_true(db_wait_no_orphans(&d->server));
}

/* Larger than the whole disk: the client may be cut off, but nothing of it stays. */
static void test_larger_than_disk(void **state)
{
    const struct disk *d = disk_of(state);
    char id[ID_CHARS + 1];
    int64_t before = db_entries(&d->server);
    for (int i = 0; i < 3; i++) {
        int status = put(d, 20 * 1000 * 1000, id);
        assert_true(status == 507 || status == 0);
        assert_int_equal(db_entries(&d->server), before);
    }
    expect_upload_soon(d, 100000, id);
    assert_true(db_wait_no_orphans(&d->server));
    expect_upload_soon(d, 1000000, id);
}

static void test_database_is_sound(void **state)
{
    const struct disk *d = disk_of(state);
    char text[64];
    db_text(&d->server, "PRAGMA integrity_check", text, sizeof text);
    assert_string_equal(text, "ok");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_with_507),
        cmocka_unit_test(test_page_of_507),
        cmocka_unit_test(test_larger_than_disk),
        cmocka_unit_test(test_database_is_sound),
    };
    return harness_main(tests, setup, disk_teardown);
}
