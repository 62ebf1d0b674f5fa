/* The packed assets, and the packer. */
#include "picoshare/base/check.h"
#include "picoshare/web/asset.h"
#include "run_program.h"
#include <sys/stat.h>

/* Compressed by a tenth and more, all that a browser ever loads stays small
 * (improvements.md, Pages: under 60 kB with all pages). */
enum { MAX_TOTAL_BYTES = 50 * 1000 };

static void test_find(void **state)
{
    (void)state;
    for (size_t i = 0; i < assets_count; i++) {
        assert_ptr_equal(asset_find(slice_str(assets[i].path)), &assets[i]);
    }
    static const char *const missing[] = {
        "",
        "/",
        "/css",
        "/css/",
        "/css/style.cs",
        "/css/style.csss",
        "/CSS/style.css",
        "css/style.css",
        "//css/style.css",
        "/~",
        "/a",
        "/js/../css/style.css",
    };
    for (size_t i = 0; i < ARRAY_LEN(missing); i++) {
        assert_null(asset_find(slice_str(missing[i])));
    }
    assert_null(asset_find(slice_of("/css/style.css\0", 15)));
    assert_null(asset_find((struct slice){NULL, 0}));
}

static void test_required(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *content_type;
    } required[] = {
        {"/android-chrome-192x192.png", "image/png"},
        {"/android-chrome-384x384.png", "image/png"},
        {"/api/openapi.json", "application/json"},
        {"/apple-touch-icon.png", "image/png"},
        {"/browserconfig.xml", "text/xml; charset=utf-8"},
        {"/css/style.css", "text/css; charset=utf-8"},
        {"/favicon-16x16.png", "image/png"},
        {"/favicon-32x32.png", "image/png"},
        {"/favicon.ico", "image/vnd.microsoft.icon"},
        {"/js/navbar.js", "text/javascript; charset=utf-8"},
        {"/mstile-150x150.png", "image/png"},
        {"/safari-pinned-tab.svg", "image/svg+xml"},
        {"/site.webmanifest", "application/manifest+json"},
    };
    for (size_t i = 0; i < ARRAY_LEN(required); i++) {
        const struct asset *asset = asset_find(slice_str(required[i].path));
        assert_non_null(asset);
        assert_string_equal(asset->content_type, required[i].content_type);
        assert_true(asset->bytes.len > 0);
    }
}

static void test_table(void **state)
{
    (void)state;
    size_t total = 0;
    for (size_t i = 0; i < assets_count; i++) {
        const struct asset *asset = &assets[i];
        assert_true(i == 0 || strcmp(assets[i - 1].path, asset->path) < 0);
        size_t len = strlen(asset->etag);
        assert_true(asset->etag[0] == '"' && asset->etag[len - 1] == '"');
        assert_string_not_equal(asset->etag, asset->gzip_etag);
        assert_true(asset->gzip.len < asset->bytes.len);
        if (strncmp(asset->path, "/api/", 5) != 0) { /* no page loads it */
            total += asset->gzip.len > 0 ? asset->gzip.len : asset->bytes.len;
        }
        for (size_t other = 0; other < i; other++) {
            assert_string_not_equal(assets[other].etag, asset->etag);
        }
    }
    assert_true(total <= MAX_TOTAL_BYTES);
}

static void test_gzip_form(void **state)
{
    (void)state;
    const char *const gunzip[] = {"gzip", "-dc", NULL};
    size_t checked = 0;
    for (size_t i = 0; i < assets_count; i++) {
        size_t len = 0;
        if (assets[i].gzip.len == 0) {
            continue;
        }
        write_file("packed", assets[i].gzip.ptr, assets[i].gzip.len);
        assert_int_equal(run(gunzip, "packed", "plain", NULL), 0);
        char *plain = read_file("plain", &len);
        assert_int_equal(len, assets[i].bytes.len);
        assert_memory_equal(plain, assets[i].bytes.ptr, len);
        free(plain);
        checked++;
    }
    assert_true(checked > 0);
}

/* ---- the packer -------------------------------------------------------------------------------
 */

static int pack(const char *out)
{
    char tool[PATH_MAX];
    tool_path("asset_packer", tool);
    const char *const argv[] = {tool, "static", out, NULL};
    return run(argv, NULL, NULL, "errors");
}

static void expect_error(const char *text)
{
    assert_int_equal(pack("out.c"), 1);
    char *message = read_file("errors", NULL);
    assert_string_equal(message, text);
    free(message);
}

static void test_packer(void **state)
{
    (void)state;
    assert_int_equal(mkdir("static", 0700), 0);
    expect_error("static: holds no file\n");
    assert_int_equal(mkdir("static/b", 0700), 0);
    assert_int_equal(mkdir("static/_drafts", 0700), 0);
    write_file("static/b/two.txt", "22", 2);
    write_file("static/b.txt", "1", 1); /* '.' sorts before '/' */
    write_file("static/empty.txt", "", 0);
    write_file("static/.hidden", "x", 1);
    write_file("static/_drafts/three.txt", "333", 3);
    assert_int_equal(pack("out.c"), 0);
    assert_int_equal(pack("again.c"), 0);

    char *text = read_file("out.c", NULL);
    char *again = read_file("again.c", NULL);
    assert_string_equal(text, again);
    free(again);
    const char *first = strstr(text, "\"/b.txt\"");
    const char *second = strstr(text, "\"/b/two.txt\"");
    assert_true(first != NULL && second != NULL && first < second);
    assert_non_null(strstr(text, "assets_count = 3;"));
    assert_non_null(strstr(text, "= {\n    50, 50,\n};")); /* "22" */
    /* FNV-1a of no byte is its start value */
    assert_non_null(strstr(text, ".etag = \"\\\"cbf29ce484222325-0\\\"\""));
    assert_null(strstr(text, "hidden"));
    assert_null(strstr(text, "three"));
    free(text);

    write_file("static/program.exe", "x", 1);
    expect_error("static/program.exe: no content type is known for this file name\n");
}

static void test_packer_without_directory(void **state)
{
    (void)state;
    expect_error("static: No such file or directory\n");
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),  cmocka_unit_test(test_required),
        cmocka_unit_test(test_table), IN_DIRECTORY(test_gzip_form),
        IN_DIRECTORY(test_packer),    IN_DIRECTORY(test_packer_without_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
