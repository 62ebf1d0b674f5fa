/* flush — how often a second a disk makes a small write durable.
 *
 *     bench_flush FILE COUNT
 *
 * writes one page of the log with its header and calls fdatasync, COUNT times; prints
 * "count seconds". The file is written to its whole length before, so that no flush has to record a
 * new length. */
#include "picoshare/base/clock.h"
#include "picoshare/base/num.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { WRITE_BYTES = 16384 + 24, PLACES = 64 };

int main(int argc, char **argv)
{
    static const char bytes[WRITE_BYTES];
    int64_t count = 0;
    int fd = argc == 3 ? open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    if (fd < 0 || num_parse_i64(slice_str(argv[2]), 1, 1000000, &count) != ERR_OK) {
        fprintf(stderr, "usage: bench_flush FILE COUNT\n");
        return 1;
    }
    double start = 0;
    for (int64_t i = -PLACES; i < count; i++) {
        off_t place = (off_t)((i + PLACES) % PLACES * WRITE_BYTES);
        if (i == 0) {
            start = (double)clock_now_ns(&clock_system);
        }
        if (pwrite(fd, bytes, sizeof bytes, place) != WRITE_BYTES || fdatasync(fd) != 0) {
            perror(argv[1]);
            return 1;
        }
    }
    printf("%lld %.6f\n", (long long)count, ((double)clock_now_ns(&clock_system) - start) / 1e9);
    (void)close(fd);
    return 0;
}
