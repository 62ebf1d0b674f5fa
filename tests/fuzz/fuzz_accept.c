/* The input is an Accept header.
 * Properties: the answer is one of the types or none; the type chosen from several is acceptable
 * on its own, and when none of several is, none is on its own; whether any is acceptable does not
 * depend on their order. */
#include "fuzz.h"
#include "picoshare/base/check.h"
#include "picoshare/text/accept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"text/plain", "application/json", "text/html"};
    static const char *const turned[] = {"text/html", "application/json", "text/plain"};
    enum { N = ARRAY_LEN(types) };
    struct slice header = slice_of(data, size);
    size_t best = accept_best(header, types, N);
    check(best <= N);
    for (size_t i = 0; i < N; i++) {
        size_t alone = accept_best(header, types + i, 1);
        check(alone <= 1);
        check(best == N ? alone == 1 : i != best || alone == 0);
    }
    size_t other = accept_best(header, turned, N);
    check((other == N) == (best == N));
    return 0;
}
