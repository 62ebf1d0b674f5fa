/* http_date.h — dates in HTTP headers, such as "Sun, 06 Nov 1994 08:49:37 GMT".
 *
 * Pure and thread-safe.
 * Source: RFC 9110 §5.6.7: all three forms are read, the first (IMF-fixdate) is written. The name
 * of the weekday must be one but is not held against the date. The two-digit year of the RFC 850
 * form means 1969 to 2068, as in POSIX: nothing that HTTP was used for is older, and a rule
 * without the current time keeps this function pure. */
#ifndef PICOSHARE_TEXT_HTTP_DATE_H
#define PICOSHARE_TEXT_HTTP_DATE_H

#include "picoshare/base/err.h"
#include "picoshare/base/slice.h"
#include <stdint.h>

enum { HTTP_DATE_SIZE = 30 }; /* 29 characters and a NUL */

/* Seconds since 1970. ERR_INVALID when it is none of the three forms or no date of the calendar. */
err_t http_date_parse(struct slice text, int64_t *ret_unix_s) MUST_CHECK;

/* As IMF-fixdate; what lies outside the years 0 to 9999 is written as the nearest end of them. */
void http_date_print(int64_t unix_s, char ret_text[HTTP_DATE_SIZE]);

#endif
