/* calls.c — the list of system calls that a running server needs, as a seccomp filter.
 *
 * Everything that is not on the list is answered with ENOSYS, as by a kernel without it: that is
 * what the C library expects of old kernels, so a newer one that tries something new first falls
 * back by itself. A call that is on the list with another argument is answered with EPERM. Nothing
 * kills the process but a call by the rules of another processor type (32-bit calls on amd64).
 *
 * The filter is written as the kernel runs it, instructions of the classic BPF over struct
 * seccomp_data. Calls whose answer depends on nothing else are remembered by the kernel
 * (since 5.11) and cost no run of the filter, so their order does not matter; those with conditions
 * come first. The rest costs a fraction of a microsecond.
 *
 * To find out what is missing after a change: strace -f, and look for ENOSYS and EPERM; the test
 * http/test_sandbox does that. */
#include "internal.h"
#include "picoshare/base/check.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef OWN_ARCHITECTURE

/* It would give each call a line of its own. */
/* clang-format off */

/* Allowed whatever the arguments. */
static const uint32_t allowed[] = {
    /* files: which ones is Landlock's business */
    SYS_read, SYS_readv, SYS_pread64, SYS_preadv, SYS_write, SYS_writev, SYS_pwrite64, SYS_pwritev,
    SYS_openat, SYS_close, SYS_lseek, SYS_fstat, SYS_newfstatat, SYS_statx, SYS_fstatfs, SYS_statfs,
    SYS_faccessat, SYS_readlinkat, SYS_getcwd, SYS_getdents64, SYS_unlinkat, SYS_fcntl, SYS_flock,
    SYS_ftruncate, SYS_fallocate, SYS_fsync, SYS_fdatasync, SYS_sync_file_range, SYS_fadvise64,
    SYS_fchmod, SYS_fchown,
#ifdef SYS_faccessat2
    SYS_faccessat2,
#endif
    /* connections: the listening socket gives new ones, nothing else does */
    SYS_listen, SYS_accept4, SYS_recvfrom, SYS_recvmsg, SYS_sendto, SYS_sendmsg, SYS_sendfile,
    SYS_shutdown, SYS_getsockopt, SYS_setsockopt, SYS_getsockname, SYS_getpeername,
    SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_pwait, SYS_ppoll, SYS_eventfd2, SYS_pipe2,
    /* memory */
    SYS_munmap, SYS_mremap, SYS_madvise, SYS_msync, SYS_brk,
    /* threads and signals */
    SYS_futex, SYS_set_robust_list, SYS_sched_yield, SYS_sched_getaffinity, SYS_getcpu, SYS_gettid,
    SYS_exit, SYS_exit_group, SYS_restart_syscall, SYS_rt_sigaction, SYS_rt_sigprocmask,
    SYS_rt_sigreturn, SYS_rt_sigtimedwait, SYS_sigaltstack,
#ifdef SYS_rseq
    SYS_rseq,
#endif
    /* time, chance, and who we are */
    SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep, SYS_gettimeofday, SYS_nanosleep,
    SYS_getrandom, SYS_getpid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getrusage,
    SYS_uname, SYS_sysinfo,
#ifdef __x86_64__
    /* older names of the above, which the C library prefers where they exist */
    SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_unlink, SYS_poll, SYS_epoll_wait,
    SYS_time,
#endif
#ifdef SANDBOX_FOR_SANITIZERS
    /* At its end a sanitizer stops all threads and looks at their memory, as a debugger does. */
    SYS_clone, SYS_ptrace, SYS_wait4, SYS_mmap, SYS_mprotect, SYS_prctl, SYS_tgkill, SYS_prlimit64,
    SYS_getppid, SYS_dup3, SYS_execve, SYS_mincore, SYS_personality, SYS_ioctl, SYS_set_tid_address,
#ifdef __x86_64__
    SYS_getdents, SYS_pipe, SYS_dup2, SYS_fork, SYS_vfork, SYS_arch_prctl,
#endif
#endif
};

/* clang-format on */

/* Allowed when argument & mask == value. */
struct condition {
    uint32_t call;
    unsigned argument;
    uint64_t mask;
    uint64_t value;
};

enum { WHOLE_INT = 0x7fffffff };

#ifdef SANDBOX_FOR_SANITIZERS
static const bool for_sanitizers = true; /* the list above has the calls without conditions */
#else
static const bool for_sanitizers = false;
#endif

/* A filter's length: two instructions for each of the list, nine for each condition, five around.
 */
enum {
    ALLOWED = sizeof allowed / sizeof allowed[0],
    CONDITIONS = 6,
    LENGTH = 2 * ALLOWED + 9 * CONDITIONS + 5,
};

struct program {
    struct sock_filter code[LENGTH];
    size_t len;
};

static void add(struct program *program, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
    check(program->len < LENGTH);
    program->code[program->len++] = (struct sock_filter){code, jt, jf, k};
}

static void add_load(struct program *program, size_t offset)
{
    add(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void add_answer(struct program *program, uint32_t answer)
{
    add(program, BPF_RET | BPF_K, answer, 0, 0);
}

static void add_allowed(struct program *program, uint32_t call)
{
    add(program, BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1);
    add_answer(program, SECCOMP_RET_ALLOW);
}

/* Both halves of the argument, the lower one first in memory on the processors above. */
static void add_condition(struct program *program, const struct condition *c)
{
    size_t offset = offsetof(struct seccomp_data, args) + c->argument * sizeof(uint64_t);
    add(program, BPF_JMP | BPF_JEQ | BPF_K, c->call, 0, 8);
    add_load(program, offset);
    add(program, BPF_ALU | BPF_AND | BPF_K, (uint32_t)c->mask, 0, 0);
    add(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)c->value, 0, 4);
    add_load(program, offset + sizeof(uint32_t));
    add(program, BPF_ALU | BPF_AND | BPF_K, (uint32_t)(c->mask >> 32), 0, 0);
    add(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(c->value >> 32), 0, 1);
    add_answer(program, SECCOMP_RET_ALLOW);
    add_answer(program, SECCOMP_RET_ERRNO | EPERM);
}

static void make_program(struct program *program)
{
    const uint64_t kinds = CLONE_THREAD | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                           CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
    const struct condition conditions[CONDITIONS] = {
        {SYS_clone, 0, kinds, CLONE_THREAD}, /* threads, no processes */
        {SYS_mmap, 2, PROT_EXEC, 0},         /* no new code */
        {SYS_mprotect, 2, PROT_EXEC, 0},
        {SYS_prctl, 0, WHOLE_INT, PR_SET_NAME},         /* threads name themselves */
        {SYS_tgkill, 0, WHOLE_INT, (uint64_t)getpid()}, /* abort() */
        {SYS_prlimit64, 2, UINT64_MAX, 0},              /* limits are read, not set */
    };
    program->len = 0;
    add_load(program, offsetof(struct seccomp_data, arch));
    add(program, BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 1, 0);
    add_answer(program, SECCOMP_RET_KILL_PROCESS);
    add_load(program, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < CONDITIONS && !for_sanitizers; i++) {
        add_condition(program, &conditions[i]);
    }
    for (size_t i = 0; i < ALLOWED; i++) {
        add_allowed(program, allowed[i]);
    }
    add_answer(program, SECCOMP_RET_ERRNO | ENOSYS);
}

err_t calls_filter(bool *ret_filtered, struct err_info *ret_info)
{
    struct program program;
    make_program(&program);
    struct sock_fprog filter = {.len = (unsigned short)program.len, .filter = program.code};
    long rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
    if (rc > 0) {
        return err_set(ret_info, ERR_IO, "cannot start the sandbox: a thread refuses the filter");
    }
    /* EPERM: a container's own filter hides the call. */
    if (rc < 0 && errno != ENOSYS && errno != EINVAL && errno != EPERM) {
        return err_set(ret_info, ERR_IO, "cannot start the sandbox: seccomp: %s", strerror(errno));
    }
    *ret_filtered = rc == 0;
    return ERR_OK;
}

#else

err_t calls_filter(bool *ret_filtered, struct err_info *ret_info)
{
    (void)ret_info;
    *ret_filtered = false;
    return ERR_OK;
}

#endif
