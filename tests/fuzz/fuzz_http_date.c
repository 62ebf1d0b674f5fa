/* The input is an HTTP date.
 * Property: what is read, written and read again is the same moment, in the one form we write. */
#include "fuzz.h"
#include "picoshare/base/check.h"
#include "picoshare/text/civil.h"
#include "picoshare/text/http_date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t unix_s = 0;
    if (http_date_parse(slice_of(data, size), &unix_s) != ERR_OK) {
        return 0;
    }
    /* The leap second of the last day of the year 9999 is beyond what can be written. */
    check(unix_s >= CIVIL_MIN_UNIX && unix_s <= CIVIL_MAX_UNIX + 1);
    char text[HTTP_DATE_SIZE];
    http_date_print(unix_s, text);
    check(strlen(text) == HTTP_DATE_SIZE - 1);
    int64_t again = 0;
    check(http_date_parse(slice_str(text), &again) == ERR_OK);
    check(again == unix_s || unix_s == CIVIL_MAX_UNIX + 1);
    return 0;
}
