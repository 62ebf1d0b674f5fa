/* sandbox.c — no new privileges, fewer powers, and Landlock.
 *
 * The constants of Landlock are those of the kernel's documentation (userspace-api/landlock): the
 * headers of Debian 12 know ABI 3, kernels of today more. A right that a kernel does not know is
 * not asked for. */
#include "picoshare/sys/sandbox.h"
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- Landlock ---- */

enum { ABI_REFER = 2, ABI_TRUNCATE = 3, ABI_NETWORK = 4, ABI_IOCTL = 5, ABI_SCOPE = 6 };

/* Rights over files, in the order of the kernel's bits. */
enum {
    FILE_EXECUTE = 1 << 0,
    FILE_WRITE = 1 << 1,
    FILE_READ = 1 << 2,
    DIRECTORY_READ = 1 << 3,
    FILE_REMOVE = 1 << 5,
    FILE_MAKE = 1 << 8,
    FILE_REFER = 1 << 13,
    FILE_TRUNCATE = 1 << 14,
    FILE_IOCTL = 1 << 15,
    FILE_ALL_OF_ABI_1 = (1 << 13) - 1,
};
enum { TCP_BIND_AND_CONNECT = 3, SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 3 };

/* The kernel's struct landlock_ruleset_attr as of ABI 6; it takes a longer one than it knows when
 * the rest is zero. */
struct ruleset {
    uint64_t files;
    uint64_t network;
    uint64_t scope;
};

static uint64_t known_file_rights(int abi)
{
    return FILE_ALL_OF_ABI_1 | (abi >= ABI_REFER ? (uint64_t)FILE_REFER : 0) |
           (abi >= ABI_TRUNCATE ? (uint64_t)FILE_TRUNCATE : 0) |
           (abi >= ABI_IOCTL ? (uint64_t)FILE_IOCTL : 0);
}

static err_t allow(int ruleset, const char *directory, uint64_t rights, struct err_info *ret_info)
{
    int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_set(ret_info, ERR_IO, "cannot open directory %s: %s", directory,
                       strerror(errno));
    }
    struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
    long rc = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    int error = errno;
    (void)close(fd);
    return rc == 0 ? ERR_OK
                   : err_set(ret_info, ERR_IO, "cannot start the sandbox: Landlock: %s",
                             strerror(error));
}

static err_t allow_all(int ruleset, const char *directory, uint64_t known,
                       struct err_info *ret_info)
{
    const uint64_t reads = FILE_READ | DIRECTORY_READ;
    const uint64_t changes = FILE_WRITE | FILE_REMOVE | FILE_MAKE | FILE_TRUNCATE;
    err_t err = allow(ruleset, directory, (reads | changes) & known, ret_info);
#ifdef SANDBOX_ALSO_READS
    if (err == ERR_OK) {
        err = allow(ruleset, SANDBOX_ALSO_READS, reads | FILE_EXECUTE, ret_info);
    }
#endif
#ifdef SANDBOX_ALSO_WRITES
    if (err == ERR_OK) {
        err = allow(ruleset, SANDBOX_ALSO_WRITES, (reads | changes) & known, ret_info);
    }
#endif
    return err;
}

static err_t confine_by_landlock(const char *directory, int *ret_abi, struct err_info *ret_info)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) {
        return ERR_OK; /* not built in, not switched on, or hidden by a container's own filter */
    }
    uint64_t known = known_file_rights((int)abi);
    struct ruleset wanted = {
        .files = known,
        .network = abi >= ABI_NETWORK ? TCP_BIND_AND_CONNECT : 0,
        .scope = abi >= ABI_SCOPE ? SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS : 0,
    };
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &wanted, sizeof wanted, 0);
    if (ruleset < 0) {
        return err_set(ret_info, ERR_IO, "cannot start the sandbox: Landlock: %s", strerror(errno));
    }
    err_t err = allow_all(ruleset, directory, known, ret_info);
    if (err == ERR_OK && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) {
        err = err_set(ret_info, ERR_IO, "cannot start the sandbox: Landlock: %s", strerror(errno));
    }
    (void)close(ruleset);
    if (err == ERR_OK) {
        *ret_abi = (int)abi;
    }
    return err;
}

/* ---- powers of root ---- */

/* Somebody who runs the program as root may have its files belong to others: to write those, and to
 * give the log the owner of the database, is all that is left of root's powers. */
static err_t drop_powers(struct err_info *ret_info)
{
    const uint32_t kept = 1U << CAP_DAC_OVERRIDE | 1U << CAP_CHOWN; /* both in the lower half */
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct powers[_LINUX_CAPABILITY_U32S_3];
    memset(powers, 0, sizeof powers);
    bool ok = syscall(SYS_capget, &header, powers) == 0;
    for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        uint32_t here = i == 0 ? kept : 0;
        powers[i].permitted &= here;
        powers[i].effective &= here;
        powers[i].inheritable = 0;
    }
    ok = ok && syscall(SYS_capset, &header, powers) == 0;
    return ok ? ERR_OK
              : err_set(ret_info, ERR_IO, "cannot give up root's powers: %s", strerror(errno));
}

/* ---- all together ---- */

static bool is_root_directory(const char *directory)
{
    struct stat root;
    struct stat own;
    return stat("/", &root) == 0 && stat(directory, &own) == 0 && root.st_dev == own.st_dev &&
           root.st_ino == own.st_ino;
}

err_t sandbox_enter(const char *directory, struct sandbox *ret_sandbox, struct err_info *ret_info)
{
    struct sandbox sandbox = {.everywhere = is_root_directory(directory)};
#ifdef SANDBOX_EXCEPTION
    sandbox.exception = SANDBOX_EXCEPTION;
#endif
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return err_set(ret_info, ERR_IO, "cannot start the sandbox: %s", strerror(errno));
    }
    sandbox.no_new_privileges = true;
    err_t err = drop_powers(ret_info);
    if (err == ERR_OK) {
        err = confine_by_landlock(directory, &sandbox.landlock_abi, ret_info);
    }
    if (err == ERR_OK) {
        err = calls_filter(&sandbox.calls_filtered, ret_info);
    }
    if (err == ERR_OK) {
        *ret_sandbox = sandbox;
    }
    return err;
}

bool sandbox_is_complete(const struct sandbox *sandbox)
{
    return sandbox->no_new_privileges && sandbox->landlock_abi > 0 && sandbox->calls_filtered &&
           !sandbox->everywhere && sandbox->exception == NULL;
}

void sandbox_print(const struct sandbox *sandbox, char ret_text[SANDBOX_TEXT_SIZE])
{
    if (!sandbox->no_new_privileges) {
        (void)snprintf(ret_text, SANDBOX_TEXT_SIZE, "off");
        return;
    }
    char landlock[32] = "no Landlock";
    if (sandbox->landlock_abi > 0) {
        (void)snprintf(landlock, sizeof landlock, "Landlock ABI %d", sandbox->landlock_abi);
    }
    (void)snprintf(
        ret_text, SANDBOX_TEXT_SIZE, "no new privileges, %s%s, %s%s%s%s", landlock,
        sandbox->landlock_abi > 0 && sandbox->everywhere ? " (of no use: the database lies in /)"
                                                         : "",
        sandbox->calls_filtered ? "seccomp" : "no seccomp", sandbox->exception != NULL ? " (" : "",
        sandbox->exception != NULL ? sandbox->exception : "",
        sandbox->exception != NULL ? ")" : "");
}
