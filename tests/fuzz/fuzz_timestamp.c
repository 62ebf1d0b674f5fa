/* The input is an RFC 3339 timestamp.
 * Properties: what is read can be written in the years 0 to 9999 and is then read as the same
 * second; the day written alone is the beginning of that text. */
#include "fuzz.h"
#include "picoshare/base/check.h"
#include "picoshare/text/civil.h"
#include "picoshare/text/timestamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t unix_s = 0;
    int32_t ns = 0;
    if (timestamp_parse(slice_of(data, size), &unix_s, &ns) != ERR_OK) {
        return 0;
    }
    check(unix_s >= CIVIL_MIN_UNIX && unix_s <= CIVIL_MAX_UNIX);
    check(ns >= 0 && ns <= 999999999);
    char text[TIMESTAMP_SIZE];
    timestamp_print(unix_s, text);
    check(strlen(text) == TIMESTAMP_SIZE - 1);
    int64_t again = 0;
    check(timestamp_parse(slice_str(text), &again, &ns) == ERR_OK);
    check(again == unix_s && ns == 0);
    char date[TIMESTAMP_DATE_SIZE];
    timestamp_print_date(unix_s, date);
    check(strlen(date) == TIMESTAMP_DATE_SIZE - 1 && memcmp(text, date, strlen(date)) == 0);
    return 0;
}
