#include "picoshare/text/size.h"
#include <stddef.h>
#include <stdio.h>

void size_print(int64_t bytes, char ret_text[SIZE_TEXT_SIZE])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1024) {
        (void)snprintf(ret_text, SIZE_TEXT_SIZE, "%d B", bytes > 0 ? (int)bytes : 0);
        return;
    }
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024) {
        value /= 1024;
        unit++;
    }
    (void)snprintf(ret_text, SIZE_TEXT_SIZE, "%.2f %s", value, units[unit]);
}
