/* The input is a lifetime, as the API and the database write them.
 * Properties: what is read can be written and is then read as the same; a sign in front changes the
 * sign and nothing else; what the rules let through is a day at least, and has a name. */
#include "fuzz.h"
#include "picoshare/base/check.h"
#include "picoshare/core/rules.h"
#include "picoshare/text/duration.h"
#include <stdlib.h>

static err_t parse_with_sign(char sign, struct slice text, int64_t *ret_ns)
{
    char *copy = malloc(text.len + 1);
    check(copy != NULL);
    copy[0] = sign;
    memcpy(copy + 1, text.ptr, text.len);
    err_t err = duration_parse(slice_of(copy, text.len + 1), ret_ns);
    free(copy);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct slice text = slice_of(data, size);
    int64_t ns = 0;
    err_t err = duration_parse(text, &ns);
    check(err == ERR_OK || err == ERR_INVALID || err == ERR_TOOBIG);
    int64_t lifetime = 0;
    if (rules_file_lifetime(text, &lifetime) == NULL) {
        check(err == ERR_OK && lifetime == ns && ns >= DURATION_DAY);
    }
    bool has_sign = text.ptr[0] == '-' || text.ptr[0] == '+';
    int64_t other = 0;
    if (!has_sign) {
        check(parse_with_sign('-', text, &other) == err && (err != ERR_OK || other == -ns));
        check(parse_with_sign('+', text, &other) == err && (err != ERR_OK || other == ns));
    }
    if (err != ERR_OK) {
        return 0;
    }
    char printed[DURATION_TEXT_SIZE];
    duration_print(ns, printed);
    check(duration_parse(slice_str(printed), &other) == ERR_OK && other == ns);
    if (ns >= 0) {
        char name[DURATION_NAME_SIZE];
        duration_print_name(ns, name);
        check(strlen(name) > 0);
    }
    return 0;
}
