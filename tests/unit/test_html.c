#include "picoshare/base/check.h"
#include "picoshare/text/html.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_escape(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *html;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"&<>\"'", "&amp;&lt;&gt;&quot;&#39;"},
        {"a<b", "a&lt;b"},
        {"<b", "&lt;b"},
        {"a<", "a&lt;"},
        {"&amp;", "&amp;amp;"},
        {"<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"},
        {"\xC3\xB6 \xE4\xBD\xA0", "\xC3\xB6 \xE4\xBD\xA0"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out;
        buf_init(&out, 256);
        html_escape(&out, cases[i].text);
        assert_int_equal(buf_err(&out), ERR_OK);
        assert_string_equal(buf_str(&out), cases[i].html);
        buf_done(&out);
    }
}

static void test_no_room(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4);
    html_escape(&out, "ab&");
    assert_int_equal(buf_err(&out), ERR_TOOBIG);
    assert_string_equal(buf_str(&out), "ab");
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_escape),
                                       cmocka_unit_test(test_no_room)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
