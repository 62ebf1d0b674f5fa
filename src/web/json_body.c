/* json_body.c — the JSON of requests.
 *
 * One value is read from the start of the body; what follows it is ignored. Unknown members are
 * ignored, names match without case, the last of several wins (of those that are spelled alike; the
 * parser keeps their first place among others), null is as good as absent. */
#include "internal.h"
#include "picoshare/base/mem.h"
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

/* The value is jansson's own; the name keeps it out of internal.h. */
static json_t *value_of(const struct json_body *body)
{
    return (json_t *)(uintptr_t)body;
}

/* jansson says of some failed allocations that the text is wrong, or that there is no member. */
static _Thread_local bool lacks_memory;

static void *allocate(size_t size)
{
    void *bytes = mem_resize(NULL, size);
    lacks_memory = lacks_memory || bytes == NULL;
    return bytes;
}

void json_body_prepare(void)
{
    json_set_alloc_funcs(allocate, mem_free);
    json_object_seed(0); /* 0: from /dev/urandom */
}

static json_t *read_value(const struct buf *text, struct buf *ret_reason)
{
    const size_t flags = JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY;
    json_error_t error;
    json_t *json = json_loadb(text->ptr, text->len, flags, &error);
    if (json == NULL && json_error_code(&error) == json_error_numeric_overflow) {
        /* It matters only where a member is asked for, and there it is then of the wrong type. */
        json = json_loadb(text->ptr, text->len, flags | JSON_DECODE_INT_AS_REAL, &error);
    }
    if (json == NULL) {
        buf_addf(ret_reason, "invalid JSON at byte %d: %s", error.position, error.text);
    }
    return json;
}

err_t json_body_read(const struct buf *text, struct json_body **ret_body, struct buf *ret_reason)
{
    size_t blanks = 0;
    while (blanks < text->len && strchr(" \t\r\n", text->ptr[blanks]) != NULL) {
        blanks++; /* a NUL counts too: it is no JSON either way */
    }
    if (blanks == text->len) {
        buf_add_str(ret_reason, "EOF");
        return ERR_INVALID;
    }
    lacks_memory = false;
    json_t *json = read_value(text, ret_reason);
    if (json_is_null(json)) {
        json_decref(json);
        json = json_object();
    }
    if (lacks_memory) {
        json_decref(json);
        return ERR_NOMEM;
    }
    if (json == NULL) {
        return ERR_INVALID;
    }
    if (!json_is_object(json)) {
        buf_add_str(ret_reason, "a JSON object is expected");
        json_decref(json);
        return ERR_INVALID;
    }
    *ret_body = (struct json_body *)json;
    return ERR_OK;
}

void json_body_free(struct json_body *body)
{
    json_decref(value_of(body));
}

/* NULL: absent or null. */
static json_t *member(const struct json_body *body, const char *name)
{
    json_t *found = NULL;
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(value_of(body), key, value)
    {
        if (slice_eq_nocase(slice_str(key), slice_str(name))) {
            found = value;
        }
    }
    return json_is_null(found) ? NULL : found;
}

static bool wrong_type(const char *name, const char *type, struct buf *ret_reason)
{
    buf_addf(ret_reason, "%s must be %s", name, type);
    return false;
}

bool json_body_text(const struct json_body *body, const char *name, const char **ret_value,
                    struct buf *ret_reason)
{
    json_t *value = member(body, name);
    if (value == NULL) {
        return true;
    }
    if (!json_is_string(value)) {
        return wrong_type(name, "a string", ret_reason);
    }
    *ret_value = json_string_value(value);
    return true;
}

bool json_body_bool(const struct json_body *body, const char *name, bool *ret_value,
                    struct buf *ret_reason)
{
    json_t *value = member(body, name);
    if (value == NULL) {
        return true;
    }
    if (!json_is_boolean(value)) {
        return wrong_type(name, "true or false", ret_reason);
    }
    *ret_value = json_is_true(value);
    return true;
}

bool json_body_int(const struct json_body *body, const char *name, int64_t min, int64_t max,
                   int64_t *ret_value, bool *ret_given, struct buf *ret_reason)
{
    json_t *value = member(body, name);
    if (ret_given != NULL) {
        *ret_given = value != NULL;
    }
    if (value == NULL) {
        return true;
    }
    if (!json_is_integer(value)) {
        return wrong_type(name, "an integer", ret_reason);
    }
    int64_t n = json_integer_value(value);
    if (n < min || n > max) {
        buf_addf(ret_reason, "%s must be from %" PRId64 " to %" PRId64, name, min, max);
        return false;
    }
    *ret_value = n;
    return true;
}
