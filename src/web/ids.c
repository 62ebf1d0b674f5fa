/* ids.c — ids in the path of a request. */
#include "internal.h"
#include "picoshare/core/rules.h"
#include <string.h>

typedef err_t id_rule(struct slice id, struct buf *ret_text);

static bool take_id(struct request *request, const char *prefix, id_rule *check_id, char *ret_id,
                    size_t size)
{
    char id[MAX_TARGET_BYTES + 1];
    err_t err = request_param(request, 0, id, sizeof id);
    /* What cannot be decoded is shown as it was sent. */
    struct slice shown = err == ERR_OK ? slice_str(id) : request_param_raw(request, 0);
    struct buf text;
    buf_init(&text, MAX_TARGET_BYTES + KIB);
    buf_add_str(&text, prefix);
    bool valid = check_id(shown, &text) == ERR_OK && slice_copy(shown, ret_id, size);
    if (!valid) {
        answer_error(request, 400, buf_str(&text));
    }
    buf_done(&text);
    return valid;
}

bool take_entry_id(struct request *request, const char *prefix, char ret_id[ENTRY_ID_LEN + 1])
{
    return take_id(request, prefix, rules_check_entry_id, ret_id, ENTRY_ID_LEN + 1);
}

bool take_guest_link_id(struct request *request, const char *prefix,
                        char ret_id[GUEST_LINK_ID_LEN + 1])
{
    return take_id(request, prefix, rules_check_guest_link_id, ret_id, GUEST_LINK_ID_LEN + 1);
}
