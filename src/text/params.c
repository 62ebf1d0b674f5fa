#include "picoshare/text/params.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_token_char(char c)
{
    bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return alnum || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

bool param_is_token(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_token_char(s.ptr[i])) {
            return false;
        }
    }
    return s.len > 0;
}

bool param_is_control(char c)
{
    unsigned char byte = (unsigned char)c;
    return (byte < 0x20 && byte != '\t') || byte == 0x7F;
}

static struct slice take(struct slice *rest, size_t n)
{
    struct slice taken = {rest->ptr, n};
    *rest = slice_skip(*rest, n);
    return taken;
}

static void skip_blanks(struct slice *rest)
{
    while (rest->len > 0 && is_blank(rest->ptr[0])) {
        *rest = slice_skip(*rest, 1);
    }
}

static bool skip_char(struct slice *rest, char c)
{
    if (rest->len == 0 || rest->ptr[0] != c) {
        return false;
    }
    *rest = slice_skip(*rest, 1);
    return true;
}

struct slice param_first_word(struct slice *rest)
{
    return slice_trim(take(rest, slice_find(*rest, ';')));
}

static bool is_escape(struct slice s, size_t i)
{
    return s.ptr[i] == '\\' && i + 1 < s.len && (s.ptr[i + 1] == '"' || s.ptr[i + 1] == '\\');
}

/* The opening quote is already taken. */
static err_t take_quoted(struct slice *rest, struct slice *ret_raw)
{
    size_t i = 0;
    while (i < rest->len && rest->ptr[i] != '"') {
        if (rest->ptr[i] == '\0' || rest->ptr[i] == '\r' || rest->ptr[i] == '\n') {
            return ERR_INVALID;
        }
        i += is_escape(*rest, i) ? 2 : 1;
    }
    if (i == rest->len) {
        return ERR_INVALID;
    }
    *ret_raw = take(rest, i);
    *rest = slice_skip(*rest, 1);
    return ERR_OK;
}

static err_t take_unquoted(struct slice *rest, struct slice *ret_raw)
{
    size_t i = 0;
    while (i < rest->len && rest->ptr[i] != ';' && !is_blank(rest->ptr[i])) {
        if (rest->ptr[i] == '"' || param_is_control(rest->ptr[i])) {
            return ERR_INVALID;
        }
        i++;
    }
    if (i == 0) {
        return ERR_INVALID;
    }
    *ret_raw = take(rest, i);
    return ERR_OK;
}

err_t param_next(struct slice *rest, struct param *ret_param)
{
    bool separated = false;
    skip_blanks(rest);
    while (skip_char(rest, ';')) {
        separated = true;
        skip_blanks(rest);
    }
    if (rest->len == 0) {
        return ERR_NOTFOUND;
    }
    size_t name_len = 0;
    while (name_len < rest->len && is_token_char(rest->ptr[name_len])) {
        name_len++;
    }
    if (!separated || name_len == 0) {
        return ERR_INVALID;
    }
    struct param param = {.name = take(rest, name_len)};
    skip_blanks(rest);
    if (!skip_char(rest, '=')) {
        return ERR_INVALID;
    }
    skip_blanks(rest);
    param.quoted = skip_char(rest, '"');
    err_t err = param.quoted ? take_quoted(rest, &param.raw) : take_unquoted(rest, &param.raw);
    if (err == ERR_OK) {
        *ret_param = param;
    }
    return err;
}

size_t param_unquote(struct slice raw, char *dst)
{
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        i += is_escape(raw, i) ? 1 : 0;
        dst[len++] = raw.ptr[i];
    }
    dst[len] = '\0';
    return len;
}
