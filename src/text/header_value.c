#include "picoshare/text/header_value.h"
#include "picoshare/text/params.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

bool header_value_is_valid(struct slice value)
{
    if (value.len > 0 && (is_blank(value.ptr[0]) || is_blank(value.ptr[value.len - 1]))) {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (param_is_control(value.ptr[i])) {
            return false;
        }
    }
    return true;
}
