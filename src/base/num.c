#include "picoshare/base/num.h"

err_t num_parse_u64(struct slice s, uint64_t min, uint64_t max, uint64_t *ret_value)
{
    if (s.len == 0) {
        return ERR_INVALID;
    }
    uint64_t value = 0;
    bool overflow = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return ERR_INVALID;
        }
        overflow = overflow || __builtin_mul_overflow(value, 10, &value) ||
                   __builtin_add_overflow(value, (uint64_t)(s.ptr[i] - '0'), &value);
    }
    if (overflow || value < min || value > max) {
        return ERR_TOOBIG;
    }
    *ret_value = value;
    return ERR_OK;
}

err_t num_parse_i64(struct slice s, int64_t min, int64_t max, int64_t *ret_value)
{
    uint64_t value = 0;
    err_t err = num_parse_u64(s, min > 0 ? (uint64_t)min : 0, INT64_MAX, &value);
    if (err != ERR_OK) {
        return err;
    }
    if ((int64_t)value > max) {
        return ERR_TOOBIG;
    }
    *ret_value = (int64_t)value;
    return ERR_OK;
}

bool num_add_i64(int64_t a, int64_t b, int64_t *ret)
{
    int64_t sum = 0;
    if (__builtin_add_overflow(a, b, &sum)) {
        return false;
    }
    *ret = sum;
    return true;
}

bool num_mul_i64(int64_t a, int64_t b, int64_t *ret)
{
    int64_t product = 0;
    if (__builtin_mul_overflow(a, b, &product)) {
        return false;
    }
    *ret = product;
    return true;
}

int num_hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}
