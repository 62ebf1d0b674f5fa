/* User-Agent texts.
 *
 * A text is a row of tokens, "name/version" or "name". Outside of parentheses a name lasts until
 * its slash and may hold blanks ("Mobile Safari/537.36"), a version ends at a blank; inside of
 * parentheses and brackets semicolons separate tokens too. Each token is looked at once: what
 * decides is kept as the lowest row of a table that any token has hit. */
#include "picoshare/text/user_agent.h"
#include "picoshare/base/check.h"

struct token {
    struct slice name;
    struct slice version; /* empty: it has none */
};

struct scanner {
    struct slice rest;
    size_t depth; /* open parentheses and brackets */
};

struct alias {
    const char *token;
    const char *name;
};

/* What says nothing about anybody. */
static const char *const dropped[] = {
    "Mozilla", "compatible", "U", "KHTML, like Gecko", "WOW64", "en", "en-us", "en-gb", "ru-ru",
};

/* Words whose version follows after a blank. ("CrOS x86_64 14541.0.0": whatever the machine.) */
static const char *const spaced[] = {
    "Linux", "Windows NT", "Windows Phone OS", "MSIE", "Android", "CrOS",
};

/* In the order in which they decide, as the next table. */
static const struct alias platforms[] = {
    {"Android", "Android"},
    {"iPhone", "iOS"},
    {"iPad", "iOS"},
    {"Windows NT", "Windows"},
    {"Windows Phone OS", "Windows Phone"},
    {"Macintosh", "macOS"},
    {"Linux", "Linux"},
    {"CrOS", "ChromeOS"},
};

static const struct alias browsers[] = {
    {"Googlebot", "Googlebot"},
    {"Applebot", "Applebot"},
    {"Opera Mini", "Opera Mini"},
    {"OPR", "Opera"},
    {"OPT", "Opera Touch"},
    {"OPiOS", "Opera"},
    {"CriOS", "Chrome"},
    {"FxiOS", "Firefox"},
    {"Firefox", "Firefox"},
    {"Vivaldi", "Vivaldi"},
    {"MSIE", "Internet Explorer"},
    {"EdgiOS", "Edge"},
    {"Edge", "Edge"},
    {"Edg", "Edge"},
    {"EdgA", "Edge"},
    {"bingbot", "Bingbot"},
    {"YandexBot", "YandexBot"},
    {"SamsungBrowser", "Samsung Browser"},
    {"HeadlessChrome", "Headless Chrome"},
    {"AdsBot-Google-Mobile", "Google Ads Bot"},
    {"Mediapartners-Google", "Google Ads Bot"},
    {"AdsBot-Google", "Google Ads Bot"},
    {"Yahoo Ad monitoring", "Yahoo Ad monitoring"},
    {"XiaoMi", "Miui Browser"},
    {"FBAN", "Facebook App"},
    {"FB_IAB", "Facebook App"},
    {"Instagram", "Instagram App"},
    {"BytedanceWebview", "TikTok App"},
    {"HuaweiBrowser", "Huawei Browser"},
};

enum { NO_ROW = 1000 };

/* Tokens that tell no browser when none of the table is there. The first five of them decide
 * together (enum word). */
enum word { CHROME, BRAVE_CHROME, SAFARI, VERSION, ANDROID, WORDS };

static const char *const generic[] = {
    [CHROME] = "Chrome",
    [BRAVE_CHROME] = "Brave Chrome",
    [SAFARI] = "Safari",
    [VERSION] = "Version",
    [ANDROID] = "Android",
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
    "Windows",
    "Windows NT",
    "Windows Phone OS",
    "CrOS",
    "Macintosh",
    "iPhone",
    "iPad",
    "+http:",
    "+https:",
    "http:",
    "https:",
};

static const char *const generic_starts[] = {"CPU ", "Intel Mac OS X", "rv:"};

struct findings {
    size_t browser;  /* row of browsers */
    size_t platform; /* row of platforms */
    bool seen[WORDS];
    /* The first of the tokens that are not generic: any one, one with a version, and one with a
     * version that does not begin with a digit. */
    struct slice any, versioned, named;
};

/* ---- tokens ---- */

static bool ends_token(const struct scanner *scanner, char c)
{
    return c == '(' || c == ')' || c == '[' || c == ']' || (c == ';' && scanner->depth > 0);
}

static void skip_separators(struct scanner *scanner)
{
    while (scanner->rest.len > 0) {
        char c = scanner->rest.ptr[0];
        if (c == '(' || c == '[') {
            scanner->depth++;
        } else if ((c == ')' || c == ']') && scanner->depth > 0) {
            scanner->depth--;
        } else if (c != ' ' && c != '\t' && !ends_token(scanner, c)) {
            return;
        }
        scanner->rest = slice_skip(scanner->rest, 1);
    }
}

/* Takes what stands before the first c, or before a blank if c is one, or before the token's end
 * off the front. */
static struct slice take_until(struct scanner *scanner, char c)
{
    struct slice rest = scanner->rest;
    size_t len = 0;
    while (len < rest.len && rest.ptr[len] != c && !(c == ' ' && rest.ptr[len] == '\t') &&
           !ends_token(scanner, rest.ptr[len])) {
        len++;
    }
    scanner->rest = slice_skip(rest, len);
    return slice_trim(slice_of(rest.ptr, len));
}

/* "Android 13" is Android with a version. */
static void split_spaced(struct token *token)
{
    for (size_t i = 0; i < ARRAY_LEN(spaced); i++) {
        struct slice word = slice_str(spaced[i]);
        if (slice_starts(token->name, word) && token->name.len > word.len &&
            token->name.ptr[word.len] == ' ') {
            token->version = slice_trim(slice_skip(token->name, word.len));
            token->name.len = word.len;
            return;
        }
    }
}

/* False at the end of the text. A name may be empty. */
static bool next_token(struct scanner *scanner, struct token *ret_token)
{
    skip_separators(scanner);
    if (scanner->rest.len == 0) {
        return false;
    }
    struct token token = {.name = take_until(scanner, '/')};
    if (slice_starts(scanner->rest, SLICE("/"))) {
        scanner->rest = slice_skip(scanner->rest, 1);
        token.version = take_until(scanner, ' ');
    }
    split_spaced(&token);
    *ret_token = token;
    return true;
}

/* ---- what they mean ---- */

/* The row that the name is in, or n. */
static size_t find_word(const char *const *words, size_t n, struct slice name)
{
    size_t i = 0;
    while (i < n && !slice_eq(name, slice_str(words[i]))) {
        i++;
    }
    return i;
}

/* The lower one of `row` and the row with the token. */
static size_t lowest_row(const struct alias *rows, size_t n, struct slice name, size_t row)
{
    for (size_t i = 0; i < n && i < row; i++) {
        if (slice_eq(name, slice_str(rows[i].token))) {
            return i;
        }
    }
    return row;
}

static bool is_generic(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(generic_starts); i++) {
        if (slice_starts(name, slice_str(generic_starts[i]))) {
            return true;
        }
    }
    /* "SM-T827R4 Build/NRD90M" is a tablet. */
    struct slice build = SLICE(" Build");
    return (name.len >= build.len && slice_eq(slice_skip(name, name.len - build.len), build)) ||
           find_word(generic, ARRAY_LEN(generic), name) < ARRAY_LEN(generic);
}

static void keep_first(struct slice *kept, struct slice name)
{
    if (kept->len == 0) {
        *kept = name;
    }
}

static void note_token(struct findings *found, const struct token *token)
{
    struct slice name = token->name;
    if (name.len == 0 || find_word(dropped, ARRAY_LEN(dropped), name) < ARRAY_LEN(dropped)) {
        return;
    }
    /* Its version follows after a blank and is the end of its name. */
    bool instagram = slice_starts(name, SLICE("Instagram"));
    found->browser = lowest_row(browsers, ARRAY_LEN(browsers),
                                instagram ? SLICE("Instagram") : name, found->browser);
    found->platform = lowest_row(platforms, ARRAY_LEN(platforms), name, found->platform);
    size_t word = find_word(generic, WORDS, name);
    if (word < WORDS) {
        found->seen[word] = true;
    }
    if (is_generic(name)) {
        return;
    }
    keep_first(&found->any, name);
    if (token->version.len > 0) {
        keep_first(&found->versioned, name);
        if (name.ptr[0] < '0' || name.ptr[0] > '9') {
            keep_first(&found->named, name);
        }
    }
}

static struct slice choose_browser(const struct findings *found, struct slice text)
{
    const bool *seen = found->seen;
    if (found->browser != NO_ROW) {
        return slice_str(browsers[found->browser].name);
    }
    if (seen[CHROME] && seen[SAFARI] && found->versioned.len > 0) {
        return found->versioned;
    }
    if (seen[CHROME] || seen[BRAVE_CHROME]) {
        return SLICE("Chrome");
    }
    if (seen[SAFARI]) {
        return SLICE("Safari");
    }
    if (seen[ANDROID] && seen[VERSION]) {
        return SLICE("Android browser");
    }
    if (found->named.len > 0) {
        return found->named;
    }
    return found->any.len > 0 ? found->any : text;
}

static struct slice choose_platform(const struct findings *found)
{
    bool applebot = found->browser != NO_ROW &&
                    slice_eq(slice_str(browsers[found->browser].token), SLICE("Applebot"));
    return found->platform == NO_ROW || applebot ? SLICE("")
                                                 : slice_str(platforms[found->platform].name);
}

static void copy_cut(struct slice s, char *dst, size_t dst_size)
{
    enum { MAX_CONTINUATION = 3 }; /* bytes of a character after its first */
    size_t len = s.len;
    if (len >= dst_size) {
        len = dst_size - 1;
        for (int i = 0; i < MAX_CONTINUATION && ((unsigned char)s.ptr[len] & 0xc0) == 0x80; i++) {
            len--;
        }
    }
    memcpy(dst, s.len > 0 ? s.ptr : "", len);
    dst[len] = '\0';
}

void user_agent_names(struct slice text, char ret_browser[USER_AGENT_BROWSER_SIZE],
                      char ret_platform[USER_AGENT_PLATFORM_SIZE])
{
    struct findings found = {.browser = NO_ROW, .platform = NO_ROW};
    text.len = slice_find(text, '\0'); /* no name can go beyond it */
    struct scanner scanner = {.rest = text};
    struct token token;
    while (next_token(&scanner, &token)) {
        note_token(&found, &token);
    }
    copy_cut(choose_browser(&found, text), ret_browser, USER_AGENT_BROWSER_SIZE);
    copy_cut(choose_platform(&found), ret_platform, USER_AGENT_PLATFORM_SIZE);
}
