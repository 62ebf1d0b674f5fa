#include "picoshare/text/disposition.h"
#include "picoshare/base/utf8.h"
#include "picoshare/text/params.h"
#include "picoshare/text/percent.h"

/* Text after charset'language': ASCII, since a raw ISO-8859-1 byte would grow when decoded; no
 * broken percent sequence; no NUL. More than attr-char passes: clients leave !'()* unescaped. */
static bool is_extended_text(struct slice text)
{
    while (text.len > 0) {
        bool ascii = (unsigned char)text.ptr[0] < 0x80;
        if (!ascii || percent_next(&text, false) <= 0) {
            return false;
        }
    }
    return true;
}

/* charset'language'text of RFC 8187 §3.2. */
static err_t parse_extended(struct slice raw, struct disposition_value *ret_value)
{
    size_t charset_len = slice_find(raw, '\'');
    struct slice charset = {raw.ptr, charset_len};
    struct slice rest = charset_len < raw.len ? slice_skip(raw, charset_len + 1) : SLICE("");
    size_t language_len = slice_find(rest, '\'');
    struct slice text = language_len < rest.len ? slice_skip(rest, language_len + 1) : SLICE("");
    bool utf8 = slice_eq_nocase(charset, SLICE("UTF-8"));
    bool latin1 = slice_eq_nocase(charset, SLICE("ISO-8859-1"));
    if (language_len == rest.len || !is_extended_text(text) || (!utf8 && !latin1)) {
        return ERR_INVALID;
    }
    ret_value->form = utf8 ? DISPOSITION_UTF8 : DISPOSITION_LATIN1;
    ret_value->raw = text;
    return ERR_OK;
}

static err_t set_value(struct disposition_value *value, const struct param *param)
{
    if (value->form != DISPOSITION_ABSENT) {
        return ERR_EXISTS;
    }
    value->form = param->quoted ? DISPOSITION_QUOTED : DISPOSITION_PLAIN;
    value->raw = param->raw;
    return ERR_OK;
}

err_t disposition_parse(struct slice value, struct disposition *ret_disposition)
{
    struct slice rest = value;
    struct disposition d = {.type = param_first_word(&rest)};
    struct disposition_value extended = {.form = DISPOSITION_ABSENT};
    if (!param_is_token(d.type)) {
        return ERR_INVALID;
    }
    struct param param;
    err_t err = ERR_OK;
    while ((err = param_next(&rest, &param)) == ERR_OK) {
        if (slice_eq_nocase(param.name, SLICE("name"))) {
            err = set_value(&d.name, &param);
        } else if (slice_eq_nocase(param.name, SLICE("filename"))) {
            err = set_value(&d.filename, &param);
        } else if (slice_eq_nocase(param.name, SLICE("filename*"))) {
            err = set_value(&extended, &param);
        }
        if (err != ERR_OK) {
            return err;
        }
    }
    if (err != ERR_NOTFOUND) {
        return err;
    }
    if (extended.form != DISPOSITION_ABSENT) {
        err = parse_extended(extended.raw, &d.filename);
        if (err != ERR_OK) {
            return err;
        }
    }
    *ret_disposition = d;
    return ERR_OK;
}

static size_t decode_extended(struct slice raw, bool latin1, char *dst)
{
    size_t len = 0;
    while (raw.len > 0) {
        int byte = percent_next(&raw, false);
        if (latin1 && byte >= 0x80) {
            dst[len++] = (char)(0xC0 | (byte >> 6));
            dst[len++] = (char)(0x80 | (byte & 0x3F));
        } else {
            dst[len++] = (char)byte;
        }
    }
    dst[len] = '\0';
    return len;
}

size_t disposition_decode(struct disposition_value value, char *dst)
{
    if (value.form == DISPOSITION_QUOTED) {
        return param_unquote(value.raw, dst);
    }
    if (value.form == DISPOSITION_UTF8 || value.form == DISPOSITION_LATIN1) {
        return decode_extended(value.raw, value.form == DISPOSITION_LATIN1, dst);
    }
    size_t len = value.form == DISPOSITION_PLAIN ? value.raw.len : 0;
    if (len > 0) {
        memmove(dst, value.raw.ptr, len);
    }
    dst[len] = '\0';
    return len;
}

char *disposition_base_name(char *path)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    path[len] = '\0';
    char *slash = strrchr(path, '/');
    return slash != NULL && len > 1 ? slash + 1 : path;
}

static bool is_safe_in_quotes(uint32_t c)
{
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\' && c != '%';
}

void disposition_print(struct buf *out, bool attachment, const char *filename)
{
    bool exact = true;
    bool utf8 = true;
    buf_add_str(out, attachment ? "attachment; filename=\"" : "inline; filename=\"");
    for (struct slice rest = slice_str(filename); rest.len > 0;) {
        uint32_t c = 0;
        utf8 = utf8_next(&rest, &c) && utf8;
        exact = exact && is_safe_in_quotes(c);
        buf_add_char(out, is_safe_in_quotes(c) ? (char)c : '_');
    }
    buf_add_char(out, '"');
    if (!exact && utf8) {
        buf_add_str(out, "; filename*=UTF-8''");
        percent_add_component(out, slice_str(filename));
    }
}
