#include "picoshare/base/log.h"
#include "picoshare/base/mem.h"
#include "support.h"
#include <pthread.h>

enum { CAUGHT_BYTES = 16384 };

static int real_stderr = -1;
static int pipe_read = -1;

/* What follows on stderr goes into a pipe. */
static void catch_stderr(void)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    real_stderr = dup(STDERR_FILENO);
    assert_true(real_stderr >= 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    assert_int_equal(close(ends[1]), 0);
    pipe_read = ends[0];
}

/* Gives stderr back and returns what was written. */
static size_t caught(char ret_text[CAUGHT_BYTES])
{
    assert_true(dup2(real_stderr, STDERR_FILENO) >= 0);
    assert_int_equal(close(real_stderr), 0);
    size_t len = 0;
    ssize_t n = 0;
    do {
        n = read(pipe_read, ret_text + len, CAUGHT_BYTES - 1 - len);
        len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    assert_int_equal(close(pipe_read), 0);
    ret_text[len] = '\0';
    return len;
}

static void test_line(void **state)
{
    (void)state;
    char text[CAUGHT_BYTES];
    catch_stderr();
    log_event(LOG_WARN, "disk \"full\"", "path", "C:\\x", "nothing", NULL, "lines",
              "a\nb\t\x7f\x1b", "utf8", "\xc3\xa4", NULL);
    (void)caught(text);
    /* time=2026-01-01T00:00:00Z and a blank */
    static const char form[] = "time=dddd-dd-ddTdd:dd:ddZ ";
    for (size_t i = 0; i < sizeof form - 1; i++) {
        bool fits = form[i] == 'd' ? text[i] >= '0' && text[i] <= '9' : text[i] == form[i];
        if (!fits) {
            fail_msg("%s", text);
        }
    }
    assert_string_equal(text + sizeof form - 1,
                        "level=warn msg=\"disk \\\"full\\\"\" path=\"C:\\\\x\" nothing=\"\""
                        " lines=\"a\\x0ab\\x09\\x7f\\x1b\" utf8=\"\xc3\xa4\"\n");
}

/* Names of files and the like: what they hold must neither be obeyed by a terminal nor turn the
 * line round. */
static void test_escapes(void **state)
{
    (void)state;
    char text[CAUGHT_BYTES];
    catch_stderr();
    log_event(LOG_WARN, "x", "c1",
              "a\xc2\x9b"
              "31m",
              "bidi",
              "\xe2\x80\xae"
              "gpj.exe",
              "none", "\xff", NULL);
    (void)caught(text);
    assert_non_null(strstr(text, "msg=\"x\" c1=\"a\\xc2\\x9b31m\" bidi=\"\\xe2\\x80\\xaegpj.exe\""
                                 " none=\"\\xff\"\n"));
}

static void test_levels(void **state)
{
    (void)state;
    static const struct {
        enum log_level level;
        const char *name;
    } levels[] = {
        {LOG_ERROR, "error"}, {LOG_WARN, "warn"}, {LOG_INFO, "info"}, {LOG_DEBUG, "debug"}};
    for (size_t max = 0; max < ARRAY_LEN(levels); max++) {
        log_set_level(levels[max].level);
        for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
            char text[CAUGHT_BYTES];
            catch_stderr();
            log_event(levels[i].level, "x", NULL);
            size_t len = caught(text);
            assert_int_equal(len > 0, i <= max);
            assert_int_equal(len > 0, strstr(text, levels[i].name) != NULL);
        }
    }
    log_set_level(LOG_INFO);
}

/* Whatever the length, one whole line arrives, and it begins like every other. */
static void test_long_lines_are_cut(void **state)
{
    (void)state;
    char value[6000];
    for (size_t len = 3900; len < sizeof value; len += 7) {
        memset(value, 'v', len);
        value[len] = '\0';
        char text[CAUGHT_BYTES];
        catch_stderr();
        log_event(LOG_ERROR, "long", "value", value, "after", "it", NULL);
        size_t got = caught(text);
        assert_memory_equal(text, "time=", 5);
        assert_ptr_equal(strchr(text, '\n'), text + got - 1);
        assert_true(got <= 4097);
        assert_true(got >= 3900);
    }
}

/* ---- JSON ---- */

static const char *after_time(const char *line)
{
    /* {"time":"2026-01-01T00:00:00Z", */
    static const char form[] = "{\"time\":\"dddd-dd-ddTdd:dd:ddZ\",";
    for (size_t i = 0; i < sizeof form - 1; i++) {
        bool fits = form[i] == 'd' ? line[i] >= '0' && line[i] <= '9' : line[i] == form[i];
        if (!fits) {
            fail_msg("%s", line);
        }
    }
    return line + sizeof form - 1;
}

static void test_json(void **state)
{
    (void)state;
    char text[CAUGHT_BYTES];
    log_set_format(LOG_JSON);
    catch_stderr();
    log_event(LOG_WARN, "disk \"full\"", "path", "C:\\x", "nothing", NULL, "controls",
              "\x01\b\n\x1b\x1f\x7f", "c1", "\xc2\x9b", "bidi", "\xe2\x80\xae", "none",
              "a\xff\xc3(\xed\xa0\x80", "utf8", "\xc3\xa4\xf0\x9f\x98\x80/", NULL);
    (void)caught(text);
    log_set_format(LOG_LOGFMT);
    assert_string_equal(
        after_time(text),
        "\"level\":\"warn\",\"msg\":\"disk \\u0022full\\u0022\",\"path\":\"C:\\u005cx\","
        "\"nothing\":\"\",\"controls\":\"\\u0001\\u0008\\u000a\\u001b\\u001f\\u007f\","
        "\"c1\":\"\\u009b\",\"bidi\":\"\\u202e\","
        "\"none\":\"a\\ufffd\\ufffd(\\ufffd\\ufffd\\ufffd\","
        "\"utf8\":\"\xc3\xa4\xf0\x9f\x98\x80/\"}\n");
}

/* Whatever the length: one line, whole strings, and the braces. */
static void test_long_json_is_whole(void **state)
{
    (void)state;
    char value[6000];
    log_set_format(LOG_JSON);
    for (size_t len = 3900; len < sizeof value; len += len < 4100 ? 1 : 97) {
        memset(value, '\x01', len);
        memset(value, 'v', len < 4100 ? len : 100);
        value[len] = '\0';
        char text[CAUGHT_BYTES];
        catch_stderr();
        log_event(LOG_ERROR, "long", "value", value, "after", "it", NULL);
        size_t got = caught(text);
        assert_ptr_equal(strchr(text, '\n'), text + got - 1);
        assert_true(got <= 4097 && got >= 3900);
        assert_memory_equal(text + got - 3, "\"}\n", 3);
        size_t quotes = 0;
        for (size_t i = 0; i < got; i++) {
            quotes += text[i] == '"';
        }
        assert_true(quotes == 16 || quotes == 20); /* four pairs, or five */
        assert_int_equal(quotes == 20, strstr(text, ",\"after\":\"") != NULL);
        const char *escape = strrchr(text, '\\');
        assert_true(escape == NULL || memcmp(escape, "\\u0001", 6) == 0);
    }
    log_set_format(LOG_LOGFMT);
}

/* ---- which request ---- */

static void *log_elsewhere(void *arg)
{
    log_event(LOG_INFO, "elsewhere", NULL);
    return arg;
}

/* Of this thread alone, and until it is told otherwise. */
static void test_request(void **state)
{
    (void)state;
    char text[CAUGHT_BYTES];
    pthread_t thread;
    catch_stderr();
    log_set_request("0123456789abcdef");
    log_event(LOG_INFO, "here", "key", "value", NULL);
    assert_int_equal(pthread_create(&thread, NULL, log_elsewhere, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    log_set_request(NULL);
    log_event(LOG_INFO, "later", NULL);
    (void)caught(text);
    assert_non_null(strstr(text, "msg=\"here\" key=\"value\" request=\"0123456789abcdef\"\n"));
    assert_non_null(strstr(text, "msg=\"elsewhere\"\n"));
    assert_non_null(strstr(text, "msg=\"later\"\n"));
}

static void test_no_memory(void **state)
{
    (void)state;
    char text[CAUGHT_BYTES];
    catch_stderr();
    mem_fail_after(0);
    log_event(LOG_ERROR, "told", "key", "value", NULL);
    mem_fail_after(-1);
    (void)caught(text);
    assert_non_null(strstr(text, "level=error msg=\"told\" key=\"value\"\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),    cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_levels),  cmocka_unit_test(test_long_lines_are_cut),
        cmocka_unit_test(test_json),    cmocka_unit_test(test_long_json_is_whole),
        cmocka_unit_test(test_request), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
