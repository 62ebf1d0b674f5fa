#include "picoshare/base/check.h"
#include "picoshare/text/user_agent.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define WIN "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
#define MAC "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
#define LINUX "Mozilla/5.0 (X11; Linux x86_64)"
#define PHONE "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X)"
#define DROID "Mozilla/5.0 (Linux; Android 14; Pixel 8)"
#define WEBKIT " AppleWebKit/537.36 (KHTML, like Gecko) "
#define IOS_WEBKIT " AppleWebKit/605.1.15 (KHTML, like Gecko) "

struct agent_case {
    const char *text;
    const char *browser;
    const char *platform;
};

static void assert_names(const struct agent_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char browser[USER_AGENT_BROWSER_SIZE] = "?";
        char platform[USER_AGENT_PLATFORM_SIZE] = "?";
        user_agent_names(slice_str(cases[i].text), browser, platform);
        if (strcmp(browser, cases[i].browser) != 0 || strcmp(platform, cases[i].platform) != 0) {
            fail_msg("%s: got \"%s\" on \"%s\", not \"%s\" on \"%s\"", cases[i].text, browser,
                     platform, cases[i].browser, cases[i].platform);
        }
    }
}

/* The rows of web-ui.md 11. */
static void test_contract_table(void **state)
{
    (void)state;
    static const struct agent_case cases[] = {
        {WIN WEBKIT "Chrome/124.0.0.0 Safari/537.36", "Chrome", "Windows"},
        {LINUX WEBKIT "Chrome/124.0.0.0 Safari/537.36", "Chrome", "Linux"},
        {"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0)" WEBKIT "Chrome/124.0.0.0 Safari/537.36",
         "Chrome", "ChromeOS"},
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:125.0) Gecko/20100101 Firefox/125.0",
         "Firefox", "Windows"},
        {"Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0", "Firefox",
         "Linux"},
        {MAC IOS_WEBKIT "Version/17.4 Safari/605.1.15", "Safari", "macOS"},
        {PHONE IOS_WEBKIT "Version/17.4 Mobile/15E148 Safari/604.1", "Safari", "iOS"},
        {PHONE IOS_WEBKIT "CriOS/124.0.6367.88 Mobile/15E148 Safari/604.1", "Chrome", "iOS"},
        {"Mozilla/5.0 (Linux; Android 10; K)" WEBKIT "Chrome/124.0.0.0 Mobile Safari/537.36",
         "Chrome", "Android"},
        {WIN WEBKIT "Chrome/124.0.0.0 Safari/537.36 Edg/124.0.2478.51", "Edge", "Windows"},
        {LINUX WEBKIT "HeadlessChrome/124.0.6367.29 Safari/537.36", "Headless Chrome", "Linux"},
        {"curl/7.88.1", "curl", ""},
        {"Wget/1.21.3", "Wget", ""},
        {"python-requests/2.31.0", "python-requests", ""},
        {"Go-http-client/1.1", "Go-http-client", ""},
        {"VLC/3.0.18 LibVLC/3.0.18", "VLC", ""},
        {"Mozilla/5.0", "Mozilla/5.0", ""},
        {"", "", ""},
        {NULL, "", ""},
    };
    assert_names(cases, ARRAY_LEN(cases));
}

/* One text for each "first hit" of a browser. */
static void test_browsers(void **state)
{
    (void)state;
    static const struct agent_case cases[] = {
        {DROID WEBKIT "Chrome/124.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; "
                      "+http://www.google.com/bot.html)",
         "Googlebot", "Android"},
        {MAC IOS_WEBKIT "Version/17.4 Safari/605.1.15 (Applebot/0.1; "
                        "+http://www.apple.com/go/applebot)",
         "Applebot", ""},
        {"Opera/9.80 (Android; Opera Mini/36.2/119.132; U; id) Presto/2.12.423 Version/12.16",
         "Opera Mini", "Android"},
        {"Opera/9.80 (J2ME/MIDP; Opera Mini/9.80/28.2339; U; en) Presto/2.8.119", "Opera Mini", ""},
        {WIN WEBKIT "Chrome/123.0.0.0 Safari/537.36 OPR/109.0.0.0", "Opera", "Windows"},
        {PHONE IOS_WEBKIT "Version/17.4 Mobile/15E148 Safari/604.1 OPT/4.6.0", "Opera Touch",
         "iOS"},
        {PHONE IOS_WEBKIT "OPiOS/16.0.15.124050 Mobile/15E148 Safari/9537.53", "Opera", "iOS"},
        {PHONE IOS_WEBKIT "FxiOS/125.0 Mobile/15E148 Safari/605.1.15", "Firefox", "iOS"},
        {"Mozilla/5.0 (Android 14; Mobile; rv:125.0) Gecko/125.0 Firefox/125.0", "Firefox",
         "Android"},
        {LINUX WEBKIT "Chrome/124.0.0.0 Safari/537.36 Vivaldi/6.7.3329.17", "Vivaldi", "Linux"},
        {"Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; WOW64; Trident/4.0)",
         "Internet Explorer", "Windows"},
        {PHONE IOS_WEBKIT "Version/17.0 EdgiOS/124.0.2478.50 Mobile/15E148 Safari/604.1", "Edge",
         "iOS"},
        {WIN WEBKIT "Chrome/64.0.3282.140 Safari/537.36 Edge/18.17763", "Edge", "Windows"},
        {DROID WEBKIT "Chrome/124.0.0.0 Mobile Safari/537.36 EdgA/124.0.2478.50", "Edge",
         "Android"},
        {"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; "
         "+http://www.bing.com/bingbot.htm) Chrome/116.0.1938.76 Safari/537.36",
         "Bingbot", ""},
        {"Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)", "YandexBot", ""},
        {DROID WEBKIT "SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
         "Samsung Browser", "Android"},
        {PHONE IOS_WEBKIT "Version/17.4 Mobile/15E148 Safari/604.1 (compatible; "
                          "AdsBot-Google-Mobile; +http://www.google.com/mobile/adsbot.html)",
         "Google Ads Bot", "iOS"},
        {"Mediapartners-Google", "Google Ads Bot", ""},
        {"AdsBot-Google (+http://www.google.com/adsbot.html)", "Google Ads Bot", ""},
        {"Mozilla/5.0 (compatible; Yahoo Ad monitoring; https://help.yahoo.com/kb/SLN24857.html)",
         "Yahoo Ad monitoring", ""},
        {DROID WEBKIT "Version/4.0 Chrome/112.0.0.0 Mobile Safari/537.36 "
                      "XiaoMi/MiuiBrowser/14.10.1-gn",
         "Miui Browser", "Android"},
        {PHONE IOS_WEBKIT "Mobile/15E148 [FBAN/FBIOS;FBDV/iPhone12,8;FBLC/en_US]", "Facebook App",
         "iOS"},
        {DROID WEBKIT "Version/4.0 Chrome/124.0.0.0 Mobile Safari/537.36 "
                      "[FB_IAB/FB4A;FBAV/461.0.0.44.85;]",
         "Facebook App", "Android"},
        {PHONE IOS_WEBKIT "Mobile/15E148 Instagram 329.0.3.29.92 (iPhone12,8; iOS 17_4; en_US)",
         "Instagram App", "iOS"},
        {DROID WEBKIT "Version/4.0 Chrome/124.0.0.0 Mobile Safari/537.36 "
                      "BytedanceWebview/d8a21c6",
         "TikTok App", "Android"},
        {DROID WEBKIT "Chrome/114.0.0.0 HuaweiBrowser/14.0.5.302 Mobile Safari/537.36",
         "Huawei Browser", "Android"},
        {WIN WEBKIT "Chrome/122.0.0.0 YaBrowser/24.4.0.0 Yowser/2.5 Safari/537.36", "YaBrowser",
         "Windows"},
        {WIN WEBKIT "Chrome/49.0.2623.75 Safari/537.36 2345Explorer/8.0.0.13547", "2345Explorer",
         "Windows"},
        {DROID WEBKIT "Chrome/124.0.0.0", "Chrome", "Android"},
        {MAC WEBKIT "Brave Chrome/83.0.4103.116 Safari/537.36", "Chrome", "macOS"},
        {"Mozilla/5.0 (Linux; U; Android 4.0.3; en-us; GT-I9100 Build/IML74K) AppleWebKit/534.30 "
         "(KHTML, like Gecko) Version/4.0 Mobile Safari/534.30",
         "Android browser", "Android"},
    };
    assert_names(cases, ARRAY_LEN(cases));
}

static void test_platforms(void **state)
{
    (void)state;
    static const struct agent_case cases[] = {
        {"Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X)" IOS_WEBKIT
         "Version/12.1 Mobile/15E148 Safari/604.1",
         "Safari", "iOS"},
        {"Mozilla/5.0 (compatible; MSIE 9.0; Windows Phone OS 7.5; Trident/5.0; IEMobile/9.0)",
         "Internet Explorer", "Windows Phone"},
        {"Mozilla/5.0 (X11; CrOS aarch64 14541.0.0)" WEBKIT "Chrome/124.0.0.0 Safari/537.36",
         "Chrome", "ChromeOS"},
        {"Mozilla/5.0 (X11; Ubuntu; Linux i686; rv:125.0) Gecko/20100101 Firefox/125.0", "Firefox",
         "Linux"},
        {"app/1 (Android; iPhone)", "app", "Android"},
        {"app/1 (iPad; Windows NT 10.0)", "app", "iOS"},
        {"app/1 (Windows Phone OS 7.5; Windows NT 10.0)", "app", "Windows"},
        {"app/1 (Macintosh; Windows Phone OS 7.5)", "app", "Windows Phone"},
        {"app/1 (Linux; Macintosh)", "app", "macOS"},
        {"app/1 (CrOS x86_64 1; Linux armv7l)", "app", "Linux"},
        {"app/1 (linux-gnu)", "app", ""},
        {"app/1 (Linuxes; AndroidX 9; Windows)", "app", ""},
    };
    assert_names(cases, ARRAY_LEN(cases));
}

static void test_anything_else(void **state)
{
    (void)state;
    static const struct agent_case cases[] = {
        /* a version is preferred, ... */
        {"Mozilla/5.0 (compatible; robot; AhrefsBot/7.0; +http://ahrefs.com/robot/)", "AhrefsBot",
         ""},
        {"Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko", "Trident",
         "Windows"},
        {"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; "
         "+https://openai.com/gptbot)",
         "GPTBot", ""},
        /* ... unless the name begins with a digit, ... */
        {"9box/1.0 box/2.0", "box", ""},
        {"9box/1.0", "9box", ""},
        {"robot (9box/1.0)", "robot", ""},
        /* ... and a name is better than an address. */
        {"Mozilla/5.0 (compatible; Bytespider; https://zhanzhang.toutiao.com/)", "Bytespider", ""},
        {"SomeAgent", "SomeAgent", ""},
        {"Some Agent of mine", "Some Agent of mine", ""},
        /* nothing but generic words: the whole text */
        {PHONE IOS_WEBKIT "Mobile/15E148",
         "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
         "Gecko) Mobile/15E148",
         "iOS"},
        {"Mozilla/5.0 (compatible; U; en; en-us; en-gb; ru-ru; WOW64)",
         "Mozilla/5.0 (compatible; U; en; en-us; en-gb; ru-ru; WOW64)", ""},
        {"/1.0", "/1.0", ""},
        {"(;) []", "(;) []", ""},
        /* a tablet's model is no browser */
        {"Mozilla/5.0 (Linux; Android 7.0; SM-T827R4 Build/NRD90M)" WEBKIT
         "Chrome/60.0.3112.116 Safari/537.36",
         "Chrome", "Android"},
    };
    assert_names(cases, ARRAY_LEN(cases));
}

/* Words that name no browser are passed over, with a version and without. */
static void test_generic_words(void **state)
{
    (void)state;
    static const char *const words[] = {
        "Version",
        "Mobile Safari",
        "Mobile",
        "AppleWebKit",
        "AppleWebkit",
        "Gecko",
        "like Gecko",
        "KHTML",
        "X11",
        "Win64",
        "x64",
        "Linux",
        "Linux armv7l",
        "Windows",
        "Windows NT",
        "Windows NT 6.1",
        "Windows Phone OS",
        "CrOS",
        "Macintosh",
        "iPhone",
        "iPad",
        "CPU OS 12_5 like Mac OS X",
        "Intel Mac OS X 10.15",
        "PPC Build",
        "rv:109.0",
        "http://a/b",
        "https://a/b",
        "+http://a/b",
        "+https://a/b",
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        char text[128];
        char browser[USER_AGENT_BROWSER_SIZE];
        char platform[USER_AGENT_PLATFORM_SIZE];
        (void)snprintf(text, sizeof text, "Mozilla/5.0 (%s) %s/1 (other)", words[i], words[i]);
        user_agent_names(slice_str(text), browser, platform);
        assert_string_equal(browser, "other");
    }
}

/* What separates tokens, and what does not. */
static void test_tokens(void **state)
{
    (void)state;
    static const struct agent_case cases[] = {
        {"a b/1 Firefox/2", "Firefox", ""},
        {"a Firefox/2", "a Firefox", ""},
        {"a/1\tFirefox/2", "Firefox", ""},
        {"a/1;Firefox/2", "a", ""},
        {"a/1(Firefox/2)", "Firefox", ""},
        {"a/1 (b;Firefox/2;c)", "Firefox", ""},
        {"a/1 [b;Firefox/2;c]", "Firefox", ""},
        {"a/1 (b (c; d); Firefox)", "Firefox", ""},
        {"a/1 (b; c)) Firefox", "Firefox", ""},
        {"a/1 (b; Firefox", "Firefox", ""},
        {"a/1 )Firefox;b", "a", ""},
        {"a/1 (  Firefox  ; b)", "Firefox", ""},
        {"a/1/Firefox/2", "a", ""},
        {"firefox/1", "firefox", ""},
        {"Firefoxy/1", "Firefoxy", ""},
        {"Firefox", "Firefox", ""},
        {"Instagrammar/1", "Instagram App", ""},
        /* the order of the rules decides, not that of the tokens */
        {"Vivaldi/1 Firefox/1 OPR/1", "Opera", ""},
        {"Safari/1 Vivaldi/1 Chrome/1", "Vivaldi", ""},
        {"Version/1 Android/1 Safari/1", "Safari", "Android"},
        {"other/1 Safari/1", "Safari", ""},
        {"other/1 Safari/1 Chrome/1", "other", ""},
        {"other Safari/1 Chrome/1", "Chrome", ""},
    };
    assert_names(cases, ARRAY_LEN(cases));
}

static void test_cut(void **state)
{
    (void)state;
    enum { FITS = USER_AGENT_BROWSER_SIZE - 1 };
    static const struct {
        const char *bytes; /* the character across the end */
        size_t before;     /* bytes of the name in front of it */
        size_t kept;
    } cases[] = {
        {"b", FITS - 1, FITS},
        {"b", FITS, FITS},
        {"b", FITS + 1000, FITS},
        {"\xC3\xBC", FITS - 2, FITS},
        {"\xC3\xBC", FITS - 1, FITS - 1},
        {"\xE2\x82\xAC", FITS - 1, FITS - 1},
        {"\xE2\x82\xAC", FITS - 2, FITS - 2},
        {"\xE2\x82\xAC", FITS - 3, FITS},
        {"\xF0\x9F\x98\x80", FITS - 3, FITS - 3},
        {"\xF0\x9F\x98\x80", FITS - 4, FITS},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[4 * USER_AGENT_BROWSER_SIZE];
        char browser[USER_AGENT_BROWSER_SIZE];
        char platform[USER_AGENT_PLATFORM_SIZE];
        memset(text, 'a', cases[i].before);
        size_t len = strlen(cases[i].bytes);
        memcpy(text + cases[i].before, cases[i].bytes, len + 1);
        user_agent_names(slice_str(text), browser, platform);
        assert_int_equal(strlen(browser), cases[i].kept);
        assert_memory_equal(browser, text, cases[i].kept);
    }
}

/* Bytes that are no text stay inside the buffers. */
static void test_odd_bytes(void **state)
{
    (void)state;
    char browser[USER_AGENT_BROWSER_SIZE];
    char platform[USER_AGENT_PLATFORM_SIZE];
    char bytes[2 * USER_AGENT_BROWSER_SIZE];
    memset(bytes, 0x80, sizeof bytes);
    user_agent_names(slice_of(bytes, sizeof bytes), browser, platform);
    assert_int_equal(strlen(browser), USER_AGENT_BROWSER_SIZE - 4);
    user_agent_names(SLICE("a/1\0 Firefox/1"), browser, platform);
    assert_string_equal(browser, "a");
    assert_string_equal(platform, "");
}

/* Sixteen KiB of what costs most are read in a moment, many times. */
static void test_long_text(void **state)
{
    (void)state;
    enum { LEN = 16 * 1024, ROUNDS = 20 };
    static const char *const pieces[] = {"(", "/", " ", "a/", "a ", ";", "(a;", "Linux ", "[]"};
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        char *text = malloc(LEN);
        assert_non_null(text);
        size_t step = strlen(pieces[i]);
        for (size_t at = 0; at < LEN; at++) {
            text[at] = pieces[i][at % step];
        }
        memcpy(text + LEN - 12, "/1 Firefox/1", 12);
        char browser[USER_AGENT_BROWSER_SIZE];
        char platform[USER_AGENT_PLATFORM_SIZE];
        for (int round = 0; round < ROUNDS; round++) {
            user_agent_names(slice_of(text, LEN), browser, platform);
        }
        assert_string_equal(browser, "Firefox");
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contract_table),
        cmocka_unit_test(test_browsers),
        cmocka_unit_test(test_platforms),
        cmocka_unit_test(test_anything_else),
        cmocka_unit_test(test_generic_words),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_odd_bytes),
        cmocka_unit_test(test_long_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
