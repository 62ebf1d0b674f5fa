#include "picoshare/text/local_name.h"
#include "picoshare/base/escape.h"
#include <string.h>

/* Whether the character that was taken between the two may stand in a name as it is. */
static bool is_harmless(struct slice from, struct slice rest, const char *escaped, bool at_start)
{
    char c = from.ptr[0];
    bool as_it_is = strlen(escaped) == from.len - rest.len || c == '"';
    return as_it_is && c != '/' && c != '\\' && !(at_start && (c == '.' || c == '-'));
}

void local_name_print(struct slice name, char ret_name[LOCAL_NAME_SIZE])
{
    size_t used = 0;
    while (name.len > 0) {
        char escaped[ESCAPED_SIZE];
        struct slice from = name;
        escape_next(&name, escaped);
        bool harmless = is_harmless(from, name, escaped, used == 0);
        size_t len = harmless ? from.len - name.len : 1;
        if (used + len >= LOCAL_NAME_SIZE) {
            break;
        }
        memcpy(ret_name + used, harmless ? from.ptr : "_", len);
        used += len;
    }
    ret_name[used] = '\0';
    if (used == 0) {
        memcpy(ret_name, "download", sizeof "download");
    }
}
