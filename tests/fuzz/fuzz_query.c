/* The input is the query of a target, or the body of a form.
 * Properties: a value is never longer than the query and ends inside its room whatever that is;
 * a pair written in front of the input is the one that is found. */
#include "fuzz.h"
#include "picoshare/base/buf.h"
#include "picoshare/base/check.h"
#include "picoshare/text/percent.h"
#include "picoshare/text/target.h"
#include <stdlib.h>

static void check_any_room(struct slice query, const char *name)
{
    char *whole = malloc(query.len + 1);
    check(whole != NULL);
    err_t err = target_query_get(query, name, whole, query.len + 1);
    check(err == ERR_OK || err == ERR_NOTFOUND || err == ERR_INVALID);
    size_t need = strlen(whole) + 1;
    check(need <= query.len + 1 && (err == ERR_OK || need == 1));
    for (size_t room = 1; room <= need && room <= 4; room++) {
        char *value = malloc(room); /* its own allocation, so that an overrun is seen */
        check(value != NULL);
        err_t want = err == ERR_OK && room < need ? ERR_TOOBIG : err;
        check(target_query_get(query, name, value, room) == want);
        check(strlen(value) == (want == ERR_OK ? need - 1 : 0));
        free(value);
    }
    free(whole);
}

static void check_written_pair(struct slice query)
{
    struct slice text = slice_of(query.ptr, strnlen(query.ptr, query.len));
    struct buf pair;
    buf_init(&pair, 4 * query.len + 16);
    buf_add_str(&pair, "note=");
    percent_add_component(&pair, text);
    buf_add_char(&pair, '&');
    buf_add_slice(&pair, query);
    check(buf_err(&pair) == ERR_OK);
    char *value = malloc(text.len + 1);
    check(value != NULL);
    check(target_query_get(buf_slice(&pair), "note", value, text.len + 1) == ERR_OK);
    check(slice_eq(slice_str(value), text));
    free(value);
    buf_done(&pair);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct slice query = slice_of(data, size);
    check_any_room(query, "note");
    check_any_room(query, "a");
    check_written_pair(query);
    return 0;
}
