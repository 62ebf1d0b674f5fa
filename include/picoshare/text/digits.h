/* digits.h — decimal fields of a fixed width, as dates have them.
 *
 * Pure and thread-safe. Numbers of free width are read by base/num.h. */
#ifndef PICOSHARE_TEXT_DIGITS_H
#define PICOSHARE_TEXT_DIGITS_H

#include <stdbool.h>
#include <stddef.h>

/* The number written by exactly `width` digits at `at`, width 1 to 9. False when one is no digit.
 */
bool digits_read(const char *at, size_t width, int *ret_value);

/* Writes a number that is not negative with leading zeros, its last `width` digits, without a NUL.
 * Returns where it ends. */
char *digits_write(char *at, int value, size_t width);

#endif
