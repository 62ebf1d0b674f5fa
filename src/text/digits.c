#include "picoshare/text/digits.h"

bool digits_read(const char *at, size_t width, int *ret_value)
{
    int value = 0;
    for (size_t i = 0; i < width; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return false;
        }
        value = value * 10 + (at[i] - '0');
    }
    *ret_value = value;
    return true;
}

char *digits_write(char *at, int value, size_t width)
{
    for (size_t i = width; i > 0; i--) {
        at[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + width;
}
