/* sha256 — the processor time of a digest, taken in pieces as the server gets them.
 *
 *     bench_sha256 BYTES
 *
 * prints "bytes seconds". */
#include "picoshare/base/digest.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/num.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
    static char piece[CONNECTION_POOL_BYTES / 2];
    int64_t bytes = 0;
    struct sha256 *hash = NULL;
    uint8_t digest[SHA256_BYTES];
    if (argc != 2 || num_parse_i64(slice_str(argv[1]), 1, INT64_MAX, &bytes) != ERR_OK ||
        sha256_new(&hash) != ERR_OK) {
        fprintf(stderr, "usage: bench_sha256 BYTES\n");
        return 1;
    }
    clock_t start = clock();
    for (int64_t left = bytes; left > 0; left -= (int64_t)sizeof piece) {
        size_t n = left < (int64_t)sizeof piece ? (size_t)left : sizeof piece;
        if (sha256_add(hash, piece, n) != ERR_OK) {
            return 1;
        }
    }
    if (sha256_finish(hash, digest) != ERR_OK) {
        return 1;
    }
    printf("%lld %.6f\n", (long long)bytes, (double)(clock() - start) / CLOCKS_PER_SEC);
    sha256_free(hash);
    return 0;
}
