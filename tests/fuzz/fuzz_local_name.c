/* The input is a name from a stranger, which "picoshare download" makes a file's.
 * Properties: the result is one component of a path, neither hidden nor an option, short enough for
 * ".partial" after it, and a name that is made safe once stays as it is. */
#include "fuzz.h"
#include "picoshare/base/check.h"
#include "picoshare/base/utf8.h"
#include "picoshare/text/local_name.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[LOCAL_NAME_SIZE];
    char again[LOCAL_NAME_SIZE];
    local_name_print(slice_of(data, size), name);
    size_t len = strlen(name);
    check(len > 0 && len < LOCAL_NAME_SIZE);
    check(name[0] != '.' && name[0] != '-');
    check(strpbrk(name, "/\\") == NULL);
    for (size_t i = 0; i < len; i++) {
        check((unsigned char)name[i] >= ' ' && name[i] != 0x7f);
    }
    check(utf8_is_valid(slice_str(name)));
    local_name_print(slice_str(name), again);
    check(strcmp(name, again) == 0);
    return 0;
}
