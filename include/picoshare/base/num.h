/* num.h — strict numbers: digits only, no sign, no blank, no surprise, and checked arithmetic.
 * Thread-safe: pure functions. */
#ifndef PICOSHARE_BASE_NUM_H
#define PICOSHARE_BASE_NUM_H

#include "picoshare/base/err.h"
#include "picoshare/base/slice.h"
#include <stdbool.h>
#include <stdint.h>

/* One or more decimal digits and nothing else, with min <= value <= max.
 * ERR_INVALID: not that form. ERR_TOOBIG: the form, but outside the limits. */
err_t num_parse_u64(struct slice s, uint64_t min, uint64_t max, uint64_t *ret_value) MUST_CHECK;
/* The same for values that fit int64_t (byte counts, indexes). */
err_t num_parse_i64(struct slice s, int64_t min, int64_t max, int64_t *ret_value) MUST_CHECK;

/* ret = a + b; false, with ret unchanged, when it does not fit. */
bool num_add_i64(int64_t a, int64_t b, int64_t *ret);
bool num_mul_i64(int64_t a, int64_t b, int64_t *ret);

/* Value of a hexadecimal digit, or -1. */
int num_hex_digit(char c);

#endif
