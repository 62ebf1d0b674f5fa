/* The input is a User-Agent header.
 * Properties: both names end, the platform's is one that we know, and the browser's is empty only
 * for a text without bytes; a valid text gives valid names; the input cannot hide a token that
 * decides and stands in front of it; it gives the same names again. */
#include "fuzz.h"
#include "picoshare/base/buf.h"
#include "picoshare/base/check.h"
#include "picoshare/base/utf8.h"
#include "picoshare/text/user_agent.h"

struct names {
    char browser[USER_AGENT_BROWSER_SIZE];
    char platform[USER_AGENT_PLATFORM_SIZE];
};

static void check_platform(const char *name)
{
    static const char *const known[] = {
        "", "Android", "iOS", "Windows", "Windows Phone", "macOS", "Linux", "ChromeOS",
    };
    size_t i = 0;
    while (i < ARRAY_LEN(known) && strcmp(name, known[i]) != 0) {
        i++;
    }
    check(i < ARRAY_LEN(known));
}

static void check_names(struct slice text)
{
    struct names names;
    memset(&names, 0x55, sizeof names);
    user_agent_names(text, names.browser, names.platform);
    size_t len = strnlen(names.browser, sizeof names.browser);
    check(len < sizeof names.browser);
    check(memchr(names.platform, '\0', sizeof names.platform) != NULL);
    check_platform(names.platform);
    size_t bytes = slice_find(text, '\0');
    check((len == 0) == (bytes == 0));
    check(!utf8_is_valid(slice_of(text.ptr, bytes)) || utf8_is_valid(slice_str(names.browser)));

    struct names again;
    user_agent_names(text, again.browser, again.platform);
    check(strcmp(names.browser, again.browser) == 0);
    check(strcmp(names.platform, again.platform) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of(data, size);
    check_names(text);

    struct buf longer;
    buf_init(&longer, size + 64);
    buf_add_str(&longer, "Googlebot/2.1 (Linux; Android 14) ");
    buf_add_slice(&longer, text);
    check(buf_err(&longer) == ERR_OK);
    struct names names;
    user_agent_names(buf_slice(&longer), names.browser, names.platform);
    check(strcmp(names.browser, "Googlebot") == 0 && strcmp(names.platform, "Android") == 0);
    buf_done(&longer);
    return 0;
}
