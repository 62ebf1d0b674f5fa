#include "picoshare/text/target.h"
#include "picoshare/base/check.h"
#include "picoshare/text/percent.h"

/* Blanks end the target in a request line, and control characters have no business there. */
static bool has_control(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char byte = (unsigned char)s.ptr[i];
        if (byte <= ' ' || byte == 0x7f) {
            return true;
        }
    }
    return false;
}

/* Whether the byte with these two hexadecimal digits (lower case) stands there as an escape. */
static bool has_escape(struct slice s, const char hex[2])
{
    for (size_t i = 0; i + 2 < s.len; i++) {
        if (s.ptr[i] == '%' && slice_eq_nocase(slice_of(s.ptr + i + 1, 2), slice_of(hex, 2))) {
            return true;
        }
    }
    return false;
}

static bool escapes_are_whole(struct slice s)
{
    while (s.len > 0) {
        if (percent_next(&s, false) < 0) {
            return false;
        }
    }
    return true;
}

/* Takes scheme and authority of the absolute-form off. False, with *s unchanged: it is another
 * form.
 */
static bool take_authority(struct slice *s, struct slice *ret_authority)
{
    size_t colon = slice_find(*s, ':');
    struct slice scheme = slice_of(s->ptr, colon);
    if (!slice_eq_nocase(scheme, SLICE("http")) && !slice_eq_nocase(scheme, SLICE("https"))) {
        return false;
    }
    struct slice rest = slice_skip(*s, colon);
    if (!slice_starts(rest, SLICE("://"))) {
        return false;
    }
    rest = slice_skip(rest, 3);
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?') {
        end++;
    }
    struct slice authority = slice_of(rest.ptr, end);
    if (end == 0 || slice_find(authority, '@') < end) {
        return false;
    }
    *ret_authority = authority;
    *s = slice_skip(rest, end);
    return true;
}

err_t target_split(struct slice raw, struct target *ret_target)
{
    if (has_control(raw) || has_escape(raw, "00")) {
        return ERR_INVALID;
    }
    struct slice s = raw;
    struct target target = {.path = {NULL, 0}};
    bool absolute_form = take_authority(&s, &target.authority);
    size_t mark = slice_find(s, '?');
    target.path = slice_of(s.ptr, mark);
    if (mark < s.len) {
        target.query = slice_skip(s, mark + 1);
    }
    if (target.path.len == 0 && absolute_form) {
        target.path = SLICE("/");
    }
    if (!slice_starts(target.path, SLICE("/")) || !escapes_are_whole(target.path)) {
        return ERR_INVALID;
    }
    *ret_target = target;
    return ERR_OK;
}

err_t target_decode_path(struct slice raw_path, char *dst, size_t dst_size, bool *ret_encoded_slash)
{
    if (!slice_starts(raw_path, SLICE("/"))) {
        return ERR_INVALID;
    }
    struct slice rest = raw_path;
    size_t used = 0;
    while (rest.len > 0) {
        int byte = percent_next(&rest, false);
        if (byte <= 0) {
            return ERR_INVALID;
        }
        if (used + 1 >= dst_size) {
            return ERR_TOOBIG;
        }
        dst[used++] = (char)byte;
    }
    dst[used] = '\0';
    *ret_encoded_slash = has_escape(raw_path, "2f");
    return ERR_OK;
}

/* The segment after the '/' at `slash`, up to the next '/' or the end. */
static struct slice segment_after(const char *slash)
{
    return slice_of(slash + 1, strcspn(slash + 1, "/"));
}

static bool is_dots(struct slice segment)
{
    return slice_eq(segment, SLICE(".")) || slice_eq(segment, SLICE(".."));
}

bool target_is_clean(const char *path)
{
    if (path[0] != '/') {
        return false;
    }
    for (const char *slash = path; *slash != '\0';) {
        struct slice segment = segment_after(slash);
        slash = segment.ptr + segment.len;
        if (is_dots(segment) || (segment.len == 0 && *slash != '\0')) {
            return false;
        }
    }
    return true;
}

void target_clean_path(char *path)
{
    check(path[0] == '/');
    bool ends_with_slash = path[strlen(path) - 1] == '/';
    size_t len = 0; /* of the clean path so far, which never overtakes what is read */
    for (const char *slash = path; *slash != '\0';) {
        struct slice segment = segment_after(slash);
        slash = segment.ptr + segment.len;
        if (slice_eq(segment, SLICE(".."))) {
            while (len > 0 && path[--len] != '/') {
            }
        } else if (segment.len > 0 && !is_dots(segment)) {
            path[len++] = '/';
            memmove(path + len, segment.ptr, segment.len);
            len += segment.len;
        }
    }
    if (len == 0 || ends_with_slash) {
        path[len++] = '/';
    }
    path[len] = '\0';
}

static bool is_readable(struct slice encoded)
{
    return slice_find(encoded, ';') == encoded.len && !has_escape(encoded, "00") &&
           slice_find(encoded, '\0') == encoded.len && escapes_are_whole(encoded);
}

static bool name_is(struct slice encoded, const char *name)
{
    while (encoded.len > 0 && *name != '\0') {
        if (percent_next(&encoded, true) != (unsigned char)*name++) {
            return false;
        }
    }
    return encoded.len == 0 && *name == '\0';
}

err_t target_query_get(struct slice query, const char *name, char *dst, size_t dst_size)
{
    dst[0] = '\0';
    struct slice rest = query;
    bool broken = false;
    while (rest.len > 0) {
        struct slice pair = slice_of(rest.ptr, slice_find(rest, '&'));
        rest = slice_skip(rest, pair.len < rest.len ? pair.len + 1 : pair.len);
        size_t equals = slice_find(pair, '=');
        if (!name_is(slice_of(pair.ptr, equals), name)) {
            continue;
        }
        if (!is_readable(pair)) {
            broken = true;
            continue;
        }
        struct slice value = slice_skip(pair, equals < pair.len ? equals + 1 : equals);
        size_t used = 0;
        while (value.len > 0) {
            if (used + 1 >= dst_size) {
                dst[0] = '\0';
                return ERR_TOOBIG;
            }
            dst[used++] = (char)percent_next(&value, true);
        }
        dst[used] = '\0';
        return ERR_OK;
    }
    return broken ? ERR_INVALID : ERR_NOTFOUND;
}
