#include "picoshare/core/rules.h"
#include "picoshare/base/utf8.h"
#include "picoshare/text/duration.h"
#include "picoshare/text/timestamp.h"

const char rules_id_alphabet[] = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

#define NS_PER_S INT64_C(1000000000)

static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f);
}

const char *rules_filename(struct slice name)
{
    if (name.len == 0) {
        return "filename must be non-empty";
    }
    if (name.len > FILENAME_MAX_BYTES) {
        return "filename too long";
    }
    if (slice_eq(name, SLICE(".")) || slice_starts(name, SLICE(".."))) {
        return "filename cannot begin with dots";
    }
    while (name.len > 0) {
        uint32_t c = 0;
        if (!utf8_next(&name, &c) || is_control(c) || c == '/' || c == '\\') {
            return "illegal characters in filename";
        }
    }
    return NULL;
}

static struct slice skip_blanks(struct slice s)
{
    while (s.len > 0 && s.ptr[0] != '\0' && strchr(" \t\n\f\r", s.ptr[0]) != NULL) {
        s = slice_skip(s, 1);
    }
    return s;
}

/* Whether the text that follows a '<' makes a tag of it: optional blanks, optional '/', the
 * element's name, optional blanks, '>'. It is a courtesy check of PicoShare, kept for its answers;
 * what protects pages is that notes are escaped. */
static bool is_tag(struct slice after, struct slice element)
{
    struct slice s = skip_blanks(after);
    if (slice_starts(s, SLICE("/"))) {
        s = slice_skip(s, 1);
    }
    if (!slice_starts(s, element)) {
        return false;
    }
    return slice_starts(skip_blanks(slice_skip(s, element.len)), SLICE(">"));
}

static bool has_tag(struct slice text)
{
    for (size_t at = slice_find(text, '<'); at < text.len; at = slice_find(text, '<')) {
        text = slice_skip(text, at + 1);
        if (is_tag(text, SLICE("script")) || is_tag(text, SLICE("iframe"))) {
            return true;
        }
    }
    return false;
}

const char *rules_note(struct slice note)
{
    if (note.len > NOTE_MAX_BYTES) {
        return "note is too long";
    }
    if (slice_eq(note, SLICE("null"))) {
        return "value of 'null' is not allowed";
    }
    if (slice_eq(note, SLICE("undefined"))) {
        return "value of 'undefined' is not allowed";
    }
    return has_tag(note) ? "note must not contain HTML tags" : NULL;
}

const char *rules_label(struct slice label)
{
    return label.len > LABEL_MAX_BYTES ? "label too long - limit 200 characters" : NULL;
}

const char *rules_expiration(struct slice text, int64_t now_ns, int64_t *ret_unix_s)
{
    int64_t unix_s = 0;
    int32_t ns = 0;
    if (timestamp_parse(text, &unix_s, &ns) != ERR_OK) {
        return "unrecognized format for expiration time, must be in "
               "2006-01-02T15:04:05Z07:00 format";
    }
    /* Seconds and nanoseconds are compared apart: the year 9999 in nanoseconds is no int64_t. */
    int64_t now_s = now_ns / NS_PER_S;
    int64_t now_rest = now_ns % NS_PER_S;
    int64_t earliest_s = now_s + EXPIRATION_MIN_AHEAD_S;
    if (unix_s < earliest_s || (unix_s == earliest_s && ns < now_rest)) {
        return "expire time must be at least one hour in the future";
    }
    *ret_unix_s = unix_s;
    return NULL;
}

const char *rules_file_lifetime(struct slice text, int64_t *ret_ns)
{
    int64_t ns = 0;
    if (duration_parse(text, &ns) != ERR_OK) {
        return "unrecognized format for file life time, must be in "
               "1ns, 1us (or 1µs), 1ms, 1s, 1m, 1h format";
    }
    if (ns < DURATION_DAY) {
        return "file lifetime must be at least 1 day";
    }
    *ret_ns = ns;
    return NULL;
}

const char *rules_default_days(int64_t days)
{
    if (days < DEFAULT_DAYS_MIN) {
        return "file lifetime must be at least 1 days";
    }
    return days > DEFAULT_DAYS_MAX ? "file lifetime must be at most 10 years" : NULL;
}

const char *rules_guest_max_bytes(int64_t bytes)
{
    return bytes < GUEST_MIN_FILE_BYTES
               ? "guest upload size limit must be at at least 1048576 bytes"
               : NULL;
}

const char *rules_guest_max_uploads(int64_t count)
{
    return count < 1 ? "guest upload count limit must be a positive number" : NULL;
}

static err_t check_length(struct slice id, size_t want, const char *kind, struct buf *ret_text)
{
    if (id.len == want) {
        return ERR_OK;
    }
    buf_add_str(ret_text, kind);
    buf_add_str(ret_text, " (");
    buf_add_slice(ret_text, id);
    buf_addf(ret_text, ") has invalid length: got %zu, want %zu", id.len, want);
    return ERR_INVALID;
}

/* The first character outside the alphabet, as its bytes and its number. */
static bool find_stranger(struct slice id, struct slice *ret_bytes, uint32_t *ret_char)
{
    while (id.len > 0) {
        struct slice rest = id;
        bool valid = utf8_next(&rest, ret_char);
        *ret_bytes = valid ? slice_of(id.ptr, id.len - rest.len) : SLICE("\xEF\xBF\xBD");
        if (*ret_char == 0 || *ret_char >= 0x80 ||
            strchr(rules_id_alphabet, (int)*ret_char) == NULL) {
            return true;
        }
        id = rest;
    }
    return false;
}

static void begin_stranger_text(struct slice id, struct buf *ret_text)
{
    /* PicoShare says "entry ID" for both kinds. */
    buf_add_str(ret_text, "entry ID (");
    buf_add_slice(ret_text, id);
    buf_add_str(ret_text, ") contains invalid character: ");
}

err_t rules_check_entry_id(struct slice id, struct buf *ret_text)
{
    err_t err = check_length(id, ENTRY_ID_LEN, "entry ID", ret_text);
    struct slice bytes;
    uint32_t c = 0;
    if (err == ERR_OK && find_stranger(id, &bytes, &c)) {
        begin_stranger_text(id, ret_text);
        buf_add_u64(ret_text, c);
        err = ERR_INVALID;
    }
    return err;
}

err_t rules_check_guest_link_id(struct slice id, struct buf *ret_text)
{
    err_t err = check_length(id, GUEST_LINK_ID_LEN, "guest link ID", ret_text);
    struct slice bytes;
    uint32_t c = 0;
    if (err == ERR_OK && find_stranger(id, &bytes, &c)) {
        begin_stranger_text(id, ret_text);
        buf_add_slice(ret_text, bytes);
        err = ERR_INVALID;
    }
    return err;
}
