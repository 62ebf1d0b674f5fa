/* multipart.c — multipart/form-data, one state per place in the grammar.
 *
 *     body      := [preamble] first-delimiter { header CRLF content delimiter } "--" ...
 *     delimiter := CRLF "--" boundary
 *
 * Where a delimiter may be. CRLF belongs to the delimiter, not to the content. At the start of the
 * body and at the start of a part's content it may be missing (the line end before has just been
 * read), so there the search begins with the CRLF taken as seen: match_from says how many of the
 * matched bytes were not really there. CR stands in the delimiter once, at its start, so a failed
 * match never hides the beginning of another one, and the bytes held back from the caller are
 * always a piece of the delimiter itself: there is nothing to copy, and they are handed out from
 * mp->delimiter when they turn out to be content.
 *
 * What ends a part. "--boundary" followed by a blank, CR, LF or "--" does; followed by anything
 * else it is content, since a file may hold a line that merely begins like the boundary. Once it
 * counts as a delimiter the rest of its line must be blanks and CRLF (or the end of the body after
 * the closing one), else the body is refused: guessing could cut a file short without a word.
 *
 * A part that is no field of the form (no Content-Disposition, another one than form-data, or no
 * name in it) is given out without a name: as with the parser that the contract describes (Go's),
 * its owner has no use for it.
 *
 * Strict on purpose: a bare LF or CR as line end, folded lines, controls in a header, a disposition
 * that cannot be read, a line that we read given twice, and unknown encodings of the content are
 * refused. Each is a place where two readers of one body can come to different results, and no
 * browser, nor curl, Python or Go, sends any of these, but for names of files, of which browsers
 * escape only quotes and line ends. One that ends with a backslash is refused here, in words of its
 * own; one with another control passes, in a quoted value of Content-Disposition and nowhere else,
 * so that core/ refuses it as it does every name that may not be. */
#include "picoshare/text/multipart.h"
#include "picoshare/base/check.h"
#include "picoshare/text/disposition.h"
#include "picoshare/text/params.h"

enum { CRLF_LEN = 2 };

/* ---- boundary -------------------------------------------------------------------------------- */

/* bchars of RFC 2046 §5.1.1, the last one no blank; and what else may stand in an unquoted
 * parameter (RFC 9110 §5.6.2), because some upload libraries use '*' or '&'. */
static bool is_boundary(struct slice s)
{
    static const char special[] = "'()+_,-./:=? !#$%&*^`{|}~";
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && memchr(special, c, sizeof special - 1) == NULL) {
            return false;
        }
    }
    return s.len > 0 && s.len <= MULTIPART_MAX_BOUNDARY && s.ptr[s.len - 1] != ' ';
}

err_t multipart_boundary(struct slice content_type, char ret_boundary[MULTIPART_MAX_BOUNDARY + 1],
                         const char **ret_reason)
{
    struct slice rest = content_type;
    if (!slice_eq_nocase(param_first_word(&rest), SLICE("multipart/form-data"))) {
        *ret_reason = "request Content-Type isn't multipart/form-data";
        return ERR_INVALID;
    }
    struct slice boundary = SLICE("");
    int given = 0;
    struct param param;
    err_t err = ERR_OK;
    while ((err = param_next(&rest, &param)) == ERR_OK) {
        if (slice_eq_nocase(param.name, SLICE("boundary"))) {
            boundary = param.raw;
            given++;
        }
    }
    if (err != ERR_NOTFOUND || given != 1 || !is_boundary(boundary)) {
        *ret_reason = "no multipart boundary param in Content-Type";
        return ERR_INVALID;
    }
    check(slice_copy(boundary, ret_boundary, MULTIPART_MAX_BOUNDARY + 1));
    return ERR_OK;
}

/* ---- the object ------------------------------------------------------------------------------ */

/* The search for the delimiter begins, directly after a line end. */
static void begin_content(struct multipart *mp, bool in_part)
{
    mp->state = MULTIPART_AT_CONTENT;
    mp->in_part = in_part;
    mp->matched = CRLF_LEN;
    mp->match_from = CRLF_LEN;
}

err_t multipart_init(struct multipart *mp, const char *boundary)
{
    struct slice s = slice_str(boundary);
    if (!is_boundary(s)) {
        return ERR_INVALID;
    }
    *mp = (struct multipart){.name = "", .content_type = "", .delimiter = "\r\n--"};
    memcpy(mp->delimiter + 4, s.ptr, s.len);
    mp->delimiter_len = 4 + s.len;
    mp->delimiter[mp->delimiter_len] = '-';
    begin_content(mp, false);
    return ERR_OK;
}

const char *multipart_name(const struct multipart *mp)
{
    return mp->name;
}

const char *multipart_filename(const struct multipart *mp)
{
    return mp->filename;
}

const char *multipart_content_type(const struct multipart *mp)
{
    return mp->content_type;
}

const char *multipart_reason(const struct multipart *mp)
{
    return mp->reason;
}

uint64_t multipart_offset(const struct multipart *mp)
{
    return mp->error_offset;
}

static enum multipart_event fail(struct multipart *mp, uint64_t offset, const char *reason)
{
    mp->state = MULTIPART_AT_ERROR;
    mp->error_offset = offset;
    mp->reason = reason;
    return MULTIPART_ERROR;
}

static void take(struct multipart *mp, struct slice *in, size_t n)
{
    *in = slice_skip(*in, n);
    mp->offset += n;
}

/* ---- content --------------------------------------------------------------------------------- */

static enum multipart_event give_held(struct multipart *mp, struct slice *ret_data)
{
    *ret_data = slice_of(mp->delimiter + mp->held_from, mp->held_to - mp->held_from);
    mp->last_len = ret_data->len;
    mp->last_held = true;
    mp->held_from = mp->held_to;
    return MULTIPART_DATA;
}

/* The first n bytes of delimiter and dash were seen, but they are content. */
static enum multipart_event reject_match(struct multipart *mp, size_t n, struct slice *ret_data)
{
    mp->state = MULTIPART_AT_CONTENT;
    mp->matched = 0;
    if (!mp->in_part || n == mp->match_from) {
        return MULTIPART_MORE;
    }
    mp->held_from = mp->match_from;
    mp->held_to = n;
    return give_held(mp, ret_data);
}

/* Index of the first CR that begins a delimiter, or that may, the input ending too early to tell;
 * the length of the input when there is none. Every byte is looked at once or twice, whatever the
 * content looks like. */
static size_t find_delimiter(const struct multipart *mp, struct slice s)
{
    size_t at = slice_find(s, '\r');
    while (at < s.len) {
        size_t n = s.len - at < mp->delimiter_len ? s.len - at : mp->delimiter_len;
        size_t same = 1;
        while (same < n && s.ptr[at + same] == mp->delimiter[same]) {
            same++;
        }
        if (same == n) {
            return at;
        }
        at += same;
        at += slice_find(slice_skip(s, at), '\r');
    }
    return s.len;
}

static enum multipart_event read_content(struct multipart *mp, struct slice *in,
                                         struct slice *ret_data)
{
    if (mp->matched == 0) {
        size_t run = find_delimiter(mp, *in);
        if (run == 0) {
            mp->match_from = 0;
            mp->matched = 1;
            take(mp, in, 1);
            return MULTIPART_MORE;
        }
        *ret_data = slice_of(in->ptr, run);
        take(mp, in, run);
        if (!mp->in_part) {
            return MULTIPART_MORE;
        }
        mp->last_len = run;
        mp->last_held = false;
        return MULTIPART_DATA;
    }
    if (in->ptr[0] != mp->delimiter[mp->matched]) {
        return reject_match(mp, mp->matched, ret_data);
    }
    take(mp, in, 1);
    mp->matched++;
    if (mp->matched == mp->delimiter_len) {
        mp->state = MULTIPART_AT_BOUNDARY;
    }
    return MULTIPART_MORE;
}

/* ---- a delimiter's line ---------------------------------------------------------------------- */

/* The delimiter is one: what was before it is complete. */
static enum multipart_event end_content(struct multipart *mp, bool closed)
{
    bool was_part = mp->in_part;
    mp->in_part = false;
    mp->closed = closed;
    mp->padding = 0;
    mp->state = MULTIPART_AT_PADDING;
    return was_part ? MULTIPART_PART_END : MULTIPART_MORE;
}

static enum multipart_event read_boundary(struct multipart *mp, struct slice *in,
                                          struct slice *ret_data)
{
    switch (in->ptr[0]) {
    case '-':
        take(mp, in, 1);
        mp->state = MULTIPART_AT_DASH;
        return MULTIPART_MORE;
    case ' ':
    case '\t':
    case '\r':
    case '\n':
        return end_content(mp, false);
    default:
        return reject_match(mp, mp->delimiter_len, ret_data);
    }
}

static enum multipart_event read_dash(struct multipart *mp, struct slice *in,
                                      struct slice *ret_data)
{
    if (in->ptr[0] != '-') {
        return reject_match(mp, mp->delimiter_len + 1, ret_data);
    }
    take(mp, in, 1);
    return end_content(mp, true);
}

static enum multipart_event read_padding(struct multipart *mp, struct slice *in)
{
    char c = in->ptr[0];
    if (c == '\r') {
        take(mp, in, 1);
        mp->state = MULTIPART_AT_PADDING_END;
        return MULTIPART_MORE;
    }
    if (c == '\n') {
        return fail(mp, mp->offset, "multipart: boundary line ends with a bare LF");
    }
    if (c != ' ' && c != '\t') {
        return fail(mp, mp->offset, "multipart: unexpected bytes after a boundary");
    }
    if (mp->padding == MULTIPART_MAX_PADDING) {
        return fail(mp, mp->offset, "multipart: too many blanks after a boundary");
    }
    mp->padding++;
    take(mp, in, 1);
    return MULTIPART_MORE;
}

static enum multipart_event read_padding_end(struct multipart *mp, struct slice *in)
{
    if (in->ptr[0] != '\n') {
        return fail(mp, mp->offset, "multipart: boundary line ends with a bare CR");
    }
    if (mp->closed) {
        mp->state = MULTIPART_AT_EPILOGUE;
        return MULTIPART_MORE;
    }
    if (mp->parts == MULTIPART_MAX_PARTS) {
        return fail(mp, mp->offset, "multipart: too many parts");
    }
    take(mp, in, 1);
    mp->parts++;
    mp->state = MULTIPART_AT_HEADER;
    mp->header_bytes = 0;
    mp->header_len = 0;
    mp->line_start = 0;
    mp->line_offset = mp->offset;
    mp->name = NULL;
    mp->filename = NULL;
    mp->content_type = NULL;
    mp->has_encoding = false;
    return MULTIPART_MORE;
}

/* ---- a part's header ------------------------------------------------------------------------- */

/* Decoding never makes text longer, so it happens in place, in the line itself. */
static char *decode_in_place(struct multipart *mp, struct disposition_value value)
{
    char *text = mp->header + (value.raw.ptr - mp->header);
    (void)disposition_decode(value, text);
    return text;
}

/* These return the rule that the line breaks, or NULL. */
static const char *read_disposition(struct multipart *mp, struct slice value)
{
    if (mp->name != NULL) {
        return "multipart: duplicate Content-Disposition";
    }
    struct disposition d;
    err_t err = disposition_parse(value, &d);
    if (err != ERR_OK) {
        return err == ERR_EXISTS ? "multipart: duplicate parameter in Content-Disposition"
                                 : "multipart: malformed Content-Disposition";
    }
    if (!slice_eq_nocase(d.type, SLICE("form-data")) || d.name.form == DISPOSITION_ABSENT) {
        mp->name = "";
        return NULL;
    }
    mp->name = decode_in_place(mp, d.name);
    if (d.filename.form != DISPOSITION_ABSENT) {
        mp->filename = disposition_base_name(decode_in_place(mp, d.filename));
    }
    return NULL;
}

static const char *read_content_type(struct multipart *mp, struct slice value)
{
    if (mp->content_type != NULL) {
        return "multipart: duplicate Content-Type";
    }
    mp->content_type = value.ptr;
    return NULL;
}

/* RFC 7578 §4.7: deprecated. Identity encodings change nothing. base64 is not decoded: Go's
 * parser leaves it as it came too. That one does decode quoted-printable, unlike others: refused,
 * like a name that we do not know. */
static const char *read_encoding(struct multipart *mp, struct slice value)
{
    if (mp->has_encoding) {
        return "multipart: duplicate Content-Transfer-Encoding";
    }
    mp->has_encoding = true;
    bool as_it_is =
        slice_eq_nocase(value, SLICE("binary")) || slice_eq_nocase(value, SLICE("8bit")) ||
        slice_eq_nocase(value, SLICE("7bit")) || slice_eq_nocase(value, SLICE("base64"));
    return as_it_is ? NULL : "multipart: unsupported Content-Transfer-Encoding";
}

static const char *read_line(struct multipart *mp, struct slice line)
{
    size_t colon = slice_find(line, ':');
    struct slice name = {line.ptr, colon};
    if (colon == line.len || !param_is_token(name)) {
        return "multipart: malformed header line";
    }
    struct slice value = slice_trim(slice_skip(line, colon + 1));
    mp->header[(size_t)(value.ptr - mp->header) + value.len] = '\0';
    if (slice_eq_nocase(name, SLICE("Content-Disposition"))) {
        return read_disposition(mp, value);
    }
    if (slice_eq_nocase(name, SLICE("Content-Type"))) {
        return read_content_type(mp, value);
    }
    if (slice_eq_nocase(name, SLICE("Content-Transfer-Encoding"))) {
        return read_encoding(mp, value);
    }
    return NULL;
}

static enum multipart_event end_header(struct multipart *mp)
{
    if (mp->name == NULL) {
        mp->name = "";
    }
    if (mp->content_type == NULL) {
        mp->content_type = "";
    }
    begin_content(mp, true);
    return MULTIPART_PART;
}

/* Whether the line is the one that may hold controls, NUL excepted. */
static bool is_disposition(const struct multipart *mp)
{
    struct slice start = SLICE("Content-Disposition:");
    return mp->header_len - mp->line_start >= start.len &&
           slice_eq_nocase(slice_of(mp->header + mp->line_start, start.len), start);
}

static enum multipart_event read_header(struct multipart *mp, struct slice *in)
{
    char c = in->ptr[0];
    if (mp->header_bytes == MULTIPART_MAX_HEADER_BYTES) {
        return fail(mp, mp->offset, "multipart: part header too large");
    }
    bool at_start = mp->header_len == mp->line_start;
    if (at_start && (c == ' ' || c == '\t')) {
        return fail(mp, mp->offset, "multipart: folded header line");
    }
    if (c == '\n') {
        return fail(mp, mp->offset, "multipart: header line ends with a bare LF");
    }
    if (c != '\r' && param_is_control(c) && (c == '\0' || !is_disposition(mp))) {
        return fail(mp, mp->offset, "multipart: control character in a header line");
    }
    take(mp, in, 1);
    mp->header_bytes++;
    if (c == '\r') {
        mp->state = MULTIPART_AT_HEADER_END;
    } else {
        mp->header[mp->header_len++] = c;
    }
    return MULTIPART_MORE;
}

static enum multipart_event read_header_end(struct multipart *mp, struct slice *in)
{
    if (mp->header_bytes == MULTIPART_MAX_HEADER_BYTES) {
        return fail(mp, mp->offset, "multipart: part header too large");
    }
    if (in->ptr[0] != '\n') {
        return fail(mp, mp->offset, "multipart: header line ends with a bare CR");
    }
    take(mp, in, 1);
    mp->header_bytes++;
    struct slice line = {mp->header + mp->line_start, mp->header_len - mp->line_start};
    if (line.len == 0) {
        return end_header(mp);
    }
    const char *broken = read_line(mp, line);
    if (broken != NULL) {
        return fail(mp, mp->line_offset, broken);
    }
    mp->header_len++; /* the NUL after the line, in the place of its CR */
    mp->line_start = mp->header_len;
    mp->line_offset = mp->offset;
    mp->state = MULTIPART_AT_HEADER;
    return MULTIPART_MORE;
}

/* ---- events ---------------------------------------------------------------------------------- */

/* Takes at least one byte, or changes the state. MORE: nothing to tell yet. The input is not empty
 * unless the body is broken already. */
static enum multipart_event step(struct multipart *mp, struct slice *in, struct slice *ret_data)
{
    switch (mp->state) {
    case MULTIPART_AT_CONTENT:
        return read_content(mp, in, ret_data);
    case MULTIPART_AT_BOUNDARY:
        return read_boundary(mp, in, ret_data);
    case MULTIPART_AT_DASH:
        return read_dash(mp, in, ret_data);
    case MULTIPART_AT_PADDING:
        return read_padding(mp, in);
    case MULTIPART_AT_PADDING_END:
        return read_padding_end(mp, in);
    case MULTIPART_AT_HEADER:
        return read_header(mp, in);
    case MULTIPART_AT_HEADER_END:
        return read_header_end(mp, in);
    case MULTIPART_AT_EPILOGUE:
        take(mp, in, in->len);
        return MULTIPART_MORE;
    case MULTIPART_AT_ERROR:
        break;
    }
    return MULTIPART_ERROR;
}

enum multipart_event multipart_next(struct multipart *mp, struct slice *in, struct slice *ret_data)
{
    mp->last_len = 0;
    if (mp->held_from < mp->held_to) {
        return give_held(mp, ret_data);
    }
    enum multipart_event event = MULTIPART_MORE;
    while (event == MULTIPART_MORE && (in->len > 0 || mp->state == MULTIPART_AT_ERROR)) {
        event = step(mp, in, ret_data);
    }
    return event;
}

void multipart_unread(struct multipart *mp, struct slice *in, size_t n)
{
    check(n <= mp->last_len);
    mp->last_len -= n;
    if (mp->last_held) {
        mp->held_from -= n;
    } else {
        *in = slice_of(in->ptr - n, in->len + n);
        mp->offset -= n;
    }
}

enum multipart_event multipart_finish(struct multipart *mp)
{
    if (mp->state == MULTIPART_AT_ERROR) {
        return MULTIPART_ERROR;
    }
    if (!mp->closed) {
        return fail(mp, mp->offset, "multipart: NextPart: EOF");
    }
    return MULTIPART_END;
}
