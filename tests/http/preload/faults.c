/* faults — to be preloaded (LD_PRELOAD) into a server whose calls of the system, or for memory, are
 * to fail when a test says so (faults.h):
 *
 *     FAULTS_FILE=PATH    the struct faults, mapped before main() begins, so before the sandbox
 *
 * Nothing fails before main(): a library preloaded is set up after all others. */
#undef _FILE_OFFSET_BITS /* it would make one name of pread and pread64, which both are called */
#include "faults.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

static struct faults *faults; /* NULL: nothing fails */

__attribute__((constructor)) static void set_up(void)
{
    const char *path = getenv("FAULTS_FILE");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd >= 0) {
        void *map = mmap(NULL, sizeof *faults, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        faults = map != MAP_FAILED ? map : NULL;
        (void)close(fd);
    }
}

static bool fails(uint32_t kind)
{
    if (faults == NULL || (atomic_load(&faults->kinds) & kind) == 0) {
        return false;
    }
    int64_t left = atomic_fetch_sub(&faults->allowed, 1);
    if (left > 0 || (left < 0 && atomic_load(&faults->lasting) == 0)) {
        return false;
    }
    atomic_fetch_add(&faults->met, 1);
    errno = atomic_load(&faults->error);
    return true;
}

/* The next function of that name, of this type. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* ---- files ---- */

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t pos)
{
    return fails(FAULT_WRITE) ? -1 : REAL(pwrite)(fd, bytes, len, pos);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t pos)
{
    return fails(FAULT_WRITE) ? -1 : REAL(pwrite64)(fd, bytes, len, pos);
}

ssize_t pread(int fd, void *bytes, size_t len, off_t pos)
{
    return fails(FAULT_READ) ? -1 : REAL(pread)(fd, bytes, len, pos);
}

ssize_t pread64(int fd, void *bytes, size_t len, off64_t pos)
{
    return fails(FAULT_READ) ? -1 : REAL(pread64)(fd, bytes, len, pos);
}

int fsync(int fd)
{
    return fails(FAULT_FLUSH) ? -1 : REAL(fsync)(fd);
}

int fdatasync(int fd)
{
    return fails(FAULT_FLUSH) ? -1 : REAL(fdatasync)(fd);
}

int ftruncate(int fd, off_t len)
{
    return fails(FAULT_SIZE) ? -1 : REAL(ftruncate)(fd, len);
}

int ftruncate64(int fd, off64_t len)
{
    return fails(FAULT_SIZE) ? -1 : REAL(ftruncate64)(fd, len);
}

int fallocate(int fd, int mode, off_t pos, off_t len)
{
    return fails(FAULT_SIZE) ? -1 : REAL(fallocate)(fd, mode, pos, len);
}

int fallocate64(int fd, int mode, off64_t pos, off64_t len)
{
    return fails(FAULT_SIZE) ? -1 : REAL(fallocate64)(fd, mode, pos, len);
}

int posix_fallocate(int fd, off_t pos, off_t len)
{
    return fails(FAULT_SIZE) ? errno : REAL(posix_fallocate)(fd, pos, len);
}

int posix_fallocate64(int fd, off64_t pos, off64_t len)
{
    return fails(FAULT_SIZE) ? errno : REAL(posix_fallocate64)(fd, pos, len);
}

/* ---- what comes late ---- */

int epoll_ctl(int poll, int what, int fd, struct epoll_event *event)
{
    if (faults != NULL && what == EPOLL_CTL_DEL && gettid() == getpid()) {
        (void)usleep((useconds_t)atomic_load(&faults->removal_ms) * 1000);
    }
    return REAL(epoll_ctl)(poll, what, fd, event);
}

#ifdef MEMORY_FAILS

/* ---- memory, by the C library's own names for it, since dlsym() may ask for some ---- */

static uintptr_t crypto_start; /* where libcrypto lies; 0: it is not loaded */
static uintptr_t crypto_end;

static int find_crypto(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    (void)arg;
    if (strstr(info->dlpi_name, "/libcrypto.so") == NULL) {
        return 0;
    }
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && (part->p_flags & PF_X) != 0) {
            crypto_start = info->dlpi_addr + part->p_vaddr;
            crypto_end = crypto_start + part->p_memsz;
        }
    }
    return 1;
}

__attribute__((constructor)) static void set_up_memory(void)
{
    (void)dl_iterate_phdr(find_crypto, NULL);
}

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *ptr, size_t size);

static bool memory_fails(const void *caller)
{
    bool spared = faults != NULL && atomic_load(&faults->spares_crypto) != 0 &&
                  (uintptr_t)caller >= crypto_start && (uintptr_t)caller < crypto_end;
    return !spared && fails(FAULT_MEMORY);
}

void *malloc(size_t size)
{
    return memory_fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return memory_fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *ptr, size_t size)
{
    return memory_fails(__builtin_return_address(0)) ? NULL : __libc_realloc(ptr, size);
}

#endif
