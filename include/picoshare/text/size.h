/* size.h — byte counts for people: "24 B", "1.50 kB", "50.00 MB".
 *
 * Pure and thread-safe. The units are powers of 1024 under PicoShare's names for them, always with
 * two decimals, plain bytes with none. */
#ifndef PICOSHARE_TEXT_SIZE_H
#define PICOSHARE_TEXT_SIZE_H

#include <stdint.h>

enum { SIZE_TEXT_SIZE = 16 }; /* the longest, "1023.00 PB", and room to spare */

/* A negative count is written as 0 B. */
void size_print(int64_t bytes, char ret_text[SIZE_TEXT_SIZE]);

#endif
