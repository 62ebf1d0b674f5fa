/* The input is any text that is stored or printed: a name, a note, a label, a type, an id, a
 * number. Properties: UTF-8 is valid exactly when all of it decodes, and its characters are written
 * as they were read; escaped HTML holds none of the five characters and unescapes to the text;
 * percent encoding decodes to the text; what the rules accept has the form that they state;
 * whatever a file is called and of whatever type, the headers of its download are headers. */
#include "fuzz.h"
#include "picoshare/base/buf.h"
#include "picoshare/base/check.h"
#include "picoshare/base/num.h"
#include "picoshare/base/utf8.h"
#include "picoshare/core/rules.h"
#include "picoshare/text/disposition.h"
#include "picoshare/text/header_value.h"
#include "picoshare/text/html.h"
#include "picoshare/text/mime.h"
#include "picoshare/text/percent.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void add_utf8(struct buf *out, uint32_t c)
{
    if (c < 0x80) {
        buf_add_char(out, (char)c);
        return;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint32_t first[] = {0, 0xC0, 0xE0, 0xF0};
    buf_add_char(out, (char)(first[more] | c >> 6 * more));
    while (more-- > 0) {
        buf_add_char(out, (char)(0x80 | (c >> 6 * more & 0x3F)));
    }
}

static void check_utf8(struct slice text)
{
    struct buf again;
    buf_init(&again, text.len);
    bool valid = true;
    for (struct slice rest = text; rest.len > 0;) {
        struct slice before = rest;
        uint32_t c = 0;
        bool good = utf8_next(&rest, &c);
        check(rest.len < before.len && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF));
        check(good || (c == UTF8_REPLACEMENT && before.len - rest.len == 1));
        valid = valid && good;
        if (valid) {
            add_utf8(&again, c);
        }
    }
    check(utf8_is_valid(text) == valid);
    check(!valid || (buf_err(&again) == ERR_OK && slice_eq(buf_slice(&again), text)));
    buf_done(&again);
}

/* Takes one character off escaped HTML. */
static char unescape(struct slice *rest)
{
    static const struct {
        const char *reference;
        char c;
    } known[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}};
    char c = rest->ptr[0];
    check(c != '<' && c != '>' && c != '"' && c != '\'');
    size_t len = 1;
    if (c == '&') {
        size_t i = 0;
        while (i < ARRAY_LEN(known) && !slice_starts(*rest, slice_str(known[i].reference))) {
            i++;
        }
        check(i < ARRAY_LEN(known));
        c = known[i].c;
        len = strlen(known[i].reference);
    }
    *rest = slice_skip(*rest, len);
    return c;
}

static void check_html(const char *text)
{
    struct buf html;
    buf_init(&html, 6 * strlen(text));
    html_escape(&html, text);
    check(buf_err(&html) == ERR_OK);
    const char *at = text;
    for (struct slice rest = buf_slice(&html); rest.len > 0; at++) {
        check(unescape(&rest) == *at);
    }
    check(*at == '\0');
    buf_done(&html);
}

static void check_percent(struct slice text, bool plus_is_space)
{
    struct buf encoded;
    buf_init(&encoded, 3 * text.len);
    percent_add_component(&encoded, text);
    check(buf_err(&encoded) == ERR_OK);
    struct slice rest = buf_slice(&encoded);
    for (size_t i = 0; i < text.len; i++) {
        check(rest.len > 0 && percent_next(&rest, plus_is_space) == (unsigned char)text.ptr[i]);
    }
    check(rest.len == 0);
    buf_done(&encoded);
    rest = text;
    for (int byte = 0; rest.len > 0 && byte >= 0;) { /* a broken escape ends it */
        size_t before = rest.len;
        byte = percent_next(&rest, plus_is_space);
        check(byte >= -1 && byte <= 255 && (byte < 0 || rest.len < before));
    }
}

static void check_rules(struct slice text)
{
    if (rules_filename(text) == NULL) {
        check(text.len > 0 && text.len <= FILENAME_MAX_BYTES && utf8_is_valid(text));
        check(text.ptr[0] != '.' || text.len == 1 || text.ptr[1] != '.');
        for (size_t i = 0; i < text.len; i++) {
            check((unsigned char)text.ptr[i] >= ' ' && strchr("/\\\x7f", text.ptr[i]) == NULL);
        }
    }
    check(rules_note(text) != NULL || text.len <= NOTE_MAX_BYTES);
    check(rules_label(text) != NULL || text.len <= LABEL_MAX_BYTES);
    struct buf why;
    buf_init(&why, 2 * text.len + 200);
    bool entry = rules_check_entry_id(text, &why) == ERR_OK;
    check(entry == (why.len == 0) && (!entry || text.len == ENTRY_ID_LEN));
    buf_clear(&why);
    bool link = rules_check_guest_link_id(text, &why) == ERR_OK;
    check(link == (why.len == 0) && (!link || text.len == GUEST_LINK_ID_LEN));
    for (size_t i = 0; (entry || link) && i < text.len; i++) {
        check(text.ptr[i] != '\0' && strchr(rules_id_alphabet, text.ptr[i]) != NULL);
    }
    buf_done(&why);
}

static void check_number(struct slice text)
{
    uint64_t n = 0;
    if (num_parse_u64(text, 0, UINT64_MAX, &n) == ERR_OK) {
        char printed[24];
        (void)snprintf(printed, sizeof printed, "%" PRIu64, n);
        while (text.len > 1 && text.ptr[0] == '0') {
            text = slice_skip(text, 1);
        }
        check(slice_eq(text, slice_str(printed)));
    }
}

static void check_download_headers(const char *text)
{
    check(header_value_is_valid(slice_str(mime_for_download(text, ""))));
    check(header_value_is_valid(slice_str(mime_for_download("", text))));
    for (int attachment = 0; attachment < 2; attachment++) {
        struct buf header;
        buf_init(&header, 100 + 4 * strlen(text));
        disposition_print(&header, attachment == 1, text);
        check(buf_err(&header) == ERR_OK && header_value_is_valid(buf_slice(&header)));
        struct disposition parsed;
        check(disposition_parse(buf_slice(&header), &parsed) == ERR_OK);
        if (utf8_is_valid(slice_str(text)) && parsed.filename.form == DISPOSITION_UTF8) {
            char *name = malloc(parsed.filename.raw.len + 1);
            check(name != NULL);
            (void)disposition_decode(parsed.filename, name);
            check(strcmp(name, text) == 0);
            free(name);
        }
        buf_done(&header);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of(data, size);
    check_utf8(text);
    check_percent(text, false);
    check_percent(text, true);
    check_rules(text);
    check_number(text);
    char *copy = malloc(size + 1);
    check(copy != NULL);
    memcpy(copy, data, size);
    copy[size] = '\0';
    check_html(copy);
    check_download_headers(copy);
    free(copy);
    return 0;
}
