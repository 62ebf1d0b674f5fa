#include "picoshare/base/check.h"
#include "picoshare/text/mime.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define OCTETS "application/octet-stream"

/* The contract's table, in its own words: extensions, then their type. */
static const struct {
    const char *extensions;
    const char *type;
} table[] = {
    {".ai .eps .ps", "application/postscript"},
    {".apk", "application/vnd.android.package-archive"},
    {".apng", "image/apng"},
    {".avif", "image/avif"},
    {".bin .com .exe", OCTETS},
    {".bmp", "image/bmp"},
    {".css", "text/css; charset=utf-8"},
    {".csv", "text/csv; charset=utf-8"},
    {".doc", "application/msword"},
    {".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {".eml", "message/rfc822"},
    {".ehtml .htm .html .shtml", "text/html; charset=utf-8"},
    {".flac", "audio/flac"},
    {".gif", "image/gif"},
    {".gz", "application/gzip"},
    {".ico", "image/vnd.microsoft.icon"},
    {".ics", "text/calendar; charset=utf-8"},
    {".jfif .jpeg .jpg .pjp .pjpeg", "image/jpeg"},
    {".js .mjs", "text/javascript; charset=utf-8"},
    {".json", "application/json"},
    {".m4a", "audio/mp4"},
    {".mp3", "audio/mpeg"},
    {".mp4", "video/mp4"},
    {".oga .ogg .opus", "audio/ogg"},
    {".ogv", "video/ogg"},
    {".pdf", "application/pdf"},
    {".png", "image/png"},
    {".ppt", "application/vnd.ms-powerpoint"},
    {".pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {".rdf", "application/rdf+xml"},
    {".rtf", "application/rtf"},
    {".svg", "image/svg+xml"},
    {".text .txt", "text/plain; charset=utf-8"},
    {".tif .tiff", "image/tiff"},
    {".vtt", "text/vtt; charset=utf-8"},
    {".wasm", "application/wasm"},
    {".wav", "audio/wav"},
    {".webm", "video/webm"},
    {".webp", "image/webp"},
    {".xbl .xml .xsl", "text/xml; charset=utf-8"},
    {".xbm", "image/x-xbitmap"},
    {".xht .xhtml", "application/xhtml+xml"},
    {".xls", "application/vnd.ms-excel"},
    {".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {".zip", "application/zip"},
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const char *at = table[i].extensions;
        while (*at != '\0') {
            char name[32] = "some.file";
            strncat(name, at, strcspn(at, " "));
            const char *type = mime_for_filename(name);
            if (type == NULL || strcmp(type, table[i].type) != 0) {
                fail_msg("%s is %s", name, type != NULL ? type : "unknown");
            }
            at += strcspn(at, " ");
            at += strspn(at, " ");
        }
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(mime_for_filename("A.PNG"), "image/png");
    assert_string_equal(mime_for_filename("a.tar.Gz"), "application/gzip");
    assert_string_equal(mime_for_filename(".html"), "text/html; charset=utf-8");
    static const char *const unknown[] = {"",       "a",        "png",    "a.",     ".",
                                          "a.xyz",  "a.png.",   "a.png~", "a.pngx", "a.pn",
                                          "a. png", "a.tar.xz", "a.html "};
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
        assert_null(mime_for_filename(unknown[i]));
    }
}

static void test_download(void **state)
{
    (void)state;
    static const struct {
        const char *stored;
        const char *name;
        const char *want;
    } cases[] = {
        {"text/plain;charset=utf-8", "test.txt", "text/plain;charset=utf-8"},
        {"audio/mpeg", "test.mp3", "audio/mpeg"},
        {"", "test0.mp3", "audio/mpeg"},
        {"video/mp4", "test.mp4", "video/mp4"},
        {OCTETS, "test0.mp4", "video/mp4"},
        {"text/html", "payload.html", "text/html"},
        {"image/png", "a.txt", "image/png"},
        {"Application/Octet-Stream", "a.txt", "Application/Octet-Stream"},
        {"", "a.unknown", OCTETS},
        {OCTETS, "a", OCTETS},
        {"text/html\r\nSet-Cookie: a=b", "a.png", "image/png"},
        {"text/\x01html", "a", OCTETS},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_string_equal(mime_for_download(cases[i].stored, cases[i].name), cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_download),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
