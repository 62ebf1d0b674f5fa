/* The input is the JSON body of a call.
 * Properties: a body that is refused has a reason; a text that is read is UTF-8 and ends at its
 * NUL; a number lies between its limits; a member of a wrong type has a reason, an absent one
 * leaves the value alone; the same body with blanks in front is the same. */
#include "fuzz.h"
#include "picoshare/base/check.h"
#include "picoshare/base/utf8.h"
#include "web/internal.h"

static const char *const names[] = {"note", "filename", "label", "maxFileBytes", "a"};

static void check_member(const struct json_body *body, const char *name)
{
    struct buf reason;
    buf_init(&reason, KIB);
    const char *text = NULL;
    bool ok = json_body_text(body, name, &text, &reason);
    check(ok == (reason.len == 0) && (ok || text == NULL));
    check(text == NULL || utf8_is_valid(slice_str(text)));
    buf_clear(&reason);

    bool value = true;
    ok = json_body_bool(body, name, &value, &reason);
    check(ok == (reason.len == 0) && (ok || value));
    check(text == NULL || !ok); /* it has one type only */
    buf_clear(&reason);

    int64_t n = -1;
    bool given = false;
    ok = json_body_int(body, name, 0, 1000, &n, &given, &reason);
    check(ok == (reason.len == 0));
    check(ok && given ? n >= 0 && n <= 1000 : n == -1);
    check(text == NULL || !ok);
    check(buf_err(&reason) == ERR_OK);
    buf_done(&reason);
}

static void check_blanks_in_front(struct slice input, bool is_object)
{
    struct buf text;
    struct buf reason;
    buf_init(&text, input.len + 3);
    buf_init(&reason, KIB);
    buf_add_str(&text, " \r\n");
    buf_add_slice(&text, input);
    struct json_body *body = NULL;
    check((json_body_read(&text, &body, &reason) == ERR_OK) == is_object);
    json_body_free(body);
    buf_done(&reason);
    buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf text;
    struct buf reason;
    buf_init(&text, size);
    buf_init(&reason, KIB);
    buf_add(&text, data, size);
    struct json_body *body = NULL;
    err_t err = json_body_read(&text, &body, &reason);
    check(err == ERR_OK || err == ERR_INVALID);
    check((err == ERR_OK) == (body != NULL) && (body == NULL) == (reason.len > 0));
    check(buf_err(&reason) == ERR_OK);
    if (body != NULL) {
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            check_member(body, names[i]);
        }
    }
    check_blanks_in_front(slice_of(data, size), body != NULL);
    json_body_free(body);
    buf_done(&reason);
    buf_done(&text);
    return 0;
}
