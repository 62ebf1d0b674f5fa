/* flushes — to be preloaded (LD_PRELOAD) into a program whose flushes are to be counted, slowed
 * down or left out:
 *
 *     FLUSHES_FILE=PATH    the number of calls of fsync and fdatasync, as a 64-bit integer, mapped
 *     FLUSHES_DELAY_US=N   every call takes so much longer
 *     FLUSHES_OFF=1        no call reaches the disk, as with SQLite's synchronous=OFF
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static _Atomic uint64_t *counter;
static struct timespec delay;
static int off;

__attribute__((constructor)) static void set_up(void)
{
    const char *path = getenv("FLUSHES_FILE");
    const char *us = getenv("FLUSHES_DELAY_US");
    int fd = path != NULL ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd >= 0 && ftruncate(fd, sizeof *counter) == 0) {
        void *map = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        counter = map != MAP_FAILED ? map : NULL;
    }
    long microseconds = 0;
    for (; us != NULL && *us >= '0' && *us <= '9'; us++) {
        microseconds = microseconds * 10 + (*us - '0');
    }
    delay.tv_sec = microseconds / 1000000;
    delay.tv_nsec = microseconds % 1000000 * 1000;
    off = getenv("FLUSHES_OFF") != NULL;
}

static int flush(const char *name, int fd)
{
    if (counter != NULL) {
        atomic_fetch_add(counter, 1);
    }
    if (delay.tv_sec > 0 || delay.tv_nsec > 0) {
        (void)nanosleep(&delay, NULL);
    }
    if (off) {
        return 0;
    }
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    return real(fd);
}

int fsync(int fd)
{
    return flush("fsync", fd);
}

int fdatasync(int fd)
{
    return flush("fdatasync", fd);
}
