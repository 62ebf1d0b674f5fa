/* What the sandbox forbids, tried from inside it, and what it leaves. Every attempt is made twice
 * in a process of its own: without the sandbox it must get past the point where the sandbox would
 * have stopped it, or the test would show nothing. */
#include "picoshare/sys/sandbox.h"
#include "support.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* The errno of a failed call, 0 for one that worked. */
static int error_of(long rc)
{
    return rc == -1 ? errno : 0;
}

/* What a child answers when it has not come as far as its attempt. */
enum { NO_SANDBOX = 255, NO_SECCOMP = 254, NO_LANDLOCK = 253 };

/* Which part of the sandbox answers, and with what. */
enum guard {
    LISTED,   /* seccomp, by the list: ENOSYS */
    ARGUMENT, /* seccomp, by an argument: EPERM */
    FILES,    /* Landlock: EACCES */
    NOTHING,  /* it works inside, too */
};

struct place {
    const char *dir;     /* where the database would be */
    const char *inside;  /* a file there */
    const char *outside; /* a file in the directory above */
    int listening;       /* a socket */
    pid_t other;         /* a process */
};

struct attempt {
    const char *name;
    int (*make)(const struct place *place);
    enum guard guard;
    bool sanitizers_may; /* in a build for sanitizers it is let through */
};

/* ---- files ---- */

static int open_path(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    int error = error_of(fd);
    if (fd >= 0) {
        close(fd);
    }
    return error;
}

static int read_passwd(const struct place *place)
{
    (void)place;
    return open_path("/etc/passwd", O_RDONLY);
}

static int read_above(const struct place *place)
{
    return open_path(place->outside, O_RDONLY);
}

static int write_above(const struct place *place)
{
    return open_path(place->outside, O_WRONLY);
}

static int leave_by_dots(const struct place *place)
{
    char path[2 * TEST_PATH_BYTES];
    snprintf(path, sizeof path, "%s/../../../../../../../../../../etc/passwd", place->dir);
    return open_path(path, O_RDONLY);
}

static int leave_by_link(const struct place *place)
{
    char path[2 * TEST_PATH_BYTES];
    snprintf(path, sizeof path, "%s/link", place->dir); /* made before, to /etc/passwd */
    return open_path(path, O_RDONLY);
}

static int list_root(const struct place *place)
{
    (void)place;
    return open_path("/", O_RDONLY | O_DIRECTORY);
}

static int read_own_environment(const struct place *place)
{
    (void)place;
    return open_path("/proc/self/environ", O_RDONLY);
}

static int create_above(const struct place *place)
{
    char path[2 * TEST_PATH_BYTES];
    snprintf(path, sizeof path, "%s/../new", place->dir);
    int error = open_path(path, O_WRONLY | O_CREAT);
    (void)unlink(path);
    return error;
}

static int remove_above(const struct place *place)
{
    return error_of(unlink(place->outside));
}

static int read_write_inside(const struct place *place)
{
    int fd = open(place->inside, O_RDWR | O_CLOEXEC);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    bool ok = fd >= 0 && pwrite(fd, "x", 1, 3) == 1 && ftruncate(fd, 2) == 0 &&
              fdatasync(fd) == 0 && fcntl(fd, F_SETLK, &lock) == 0;
    return ok ? 0 : errno;
}

static int create_and_remove_inside(const struct place *place)
{
    char path[2 * TEST_PATH_BYTES];
    snprintf(path, sizeof path, "%s/store.db-wal", place->dir);
    int error = open_path(path, O_RDWR | O_CREAT | O_EXCL);
    return error != 0 ? error : error_of(unlink(path));
}

static int list_inside(const struct place *place)
{
    DIR *dir = opendir(place->dir);
    bool ok = dir != NULL && readdir(dir) != NULL && fsync(dirfd(dir)) == 0;
    return ok ? 0 : errno;
}

static int make_directory(const struct place *place)
{
    char path[2 * TEST_PATH_BYTES];
    snprintf(path, sizeof path, "%s/directory", place->dir);
    int error = error_of(mkdir(path, 0700));
    (void)rmdir(path);
    return error;
}

static int run_inside(const struct place *place)
{
    char *const argv[] = {(char *)(uintptr_t)place->inside, NULL};
    return error_of(execve(place->inside, argv, NULL));
}

/* ---- programs and processes ---- */

static int run_program(const struct place *place)
{
    (void)place;
    char *const argv[] = {(char *)(uintptr_t) "/bin/true", NULL};
    int rc = execve(argv[0], argv, NULL); /* without the sandbox it ends with 0 */
    return error_of(rc);
}

static int ended(pid_t pid)
{
    if (pid == 0) {
        _exit(0);
    }
    int error = error_of(pid);
    if (pid > 0) {
        (void)waitpid(pid, NULL, 0);
    }
    return error;
}

static int fork_child(const struct place *place)
{
    (void)place;
    return ended(fork());
}

static int clone_child(const struct place *place)
{
    (void)place;
    return ended((pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL));
}

static int clone3_child(const struct place *place)
{
    (void)place;
    uint64_t args[8] = {[4] = SIGCHLD};
    return ended((pid_t)syscall(SYS_clone3, args, sizeof args));
}

static int spawn_program(const struct place *place)
{
    (void)place;
    char *const argv[] = {(char *)(uintptr_t) "/bin/true", NULL};
    pid_t pid = 0;
    int error = posix_spawn(&pid, argv[0], NULL, NULL, argv, NULL);
    if (error == 0) {
        (void)waitpid(pid, NULL, 0);
    }
    return error;
}

static void *end_thread(void *arg)
{
    return arg;
}

static int start_thread(const struct place *place)
{
    (void)place;
    pthread_t thread;
    int error = pthread_create(&thread, NULL, end_thread, NULL);
    return error != 0 ? error : pthread_join(thread, NULL);
}

static int kill_other(const struct place *place)
{
    return error_of(kill(place->other, 0));
}

static int kill_other_by_thread(const struct place *place)
{
    return error_of(syscall(SYS_tgkill, place->other, place->other, 0));
}

static int queue_signal(const struct place *place)
{
    return error_of(sigqueue(place->other, 0, (union sigval){.sival_int = 0}));
}

static int trace_other(const struct place *place)
{
    return error_of(ptrace(PTRACE_ATTACH, place->other, NULL, NULL));
}

static int read_other(const struct place *place)
{
    char byte;
    struct iovec here = {&byte, 1};
    struct iovec there = {&byte, 1};
    return error_of(syscall(SYS_process_vm_readv, place->other, &here, 1, &there, 1, 0));
}

static int pidfd_of_other(const struct place *place)
{
    return error_of(syscall(SYS_pidfd_open, place->other, 0));
}

/* ---- sockets ---- */

static int open_socket(int family, int type)
{
    int fd = socket(family, type, 0);
    int error = error_of(fd);
    if (fd >= 0) {
        close(fd);
    }
    return error;
}

static int socket_inet(const struct place *place)
{
    (void)place;
    return open_socket(AF_INET, SOCK_STREAM);
}

static int socket_udp(const struct place *place)
{
    (void)place;
    return open_socket(AF_INET6, SOCK_DGRAM);
}

static int socket_unix(const struct place *place)
{
    (void)place;
    return open_socket(AF_UNIX, SOCK_STREAM);
}

static int socket_netlink(const struct place *place)
{
    (void)place;
    return open_socket(AF_NETLINK, SOCK_RAW);
}

static int socket_pair(const struct place *place)
{
    (void)place;
    int fds[2];
    return error_of(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
}

static int connect_out(const struct place *place)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return error_of(connect(place->listening, (struct sockaddr *)&address, sizeof address));
}

static int bind_again(const struct place *place)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    return error_of(bind(place->listening, (struct sockaddr *)&address, sizeof address));
}

static int accept_nobody(const struct place *place)
{
    int error = error_of(accept4(place->listening, NULL, NULL, SOCK_CLOEXEC));
    return error == EAGAIN ? 0 : error;
}

/* ---- the kernel ---- */

static int set_up_ring(const struct place *place)
{
    (void)place;
    struct io_uring_params params = {0};
    return error_of(syscall(SYS_io_uring_setup, 1, &params));
}

static int load_bpf(const struct place *place)
{
    (void)place;
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    return error_of(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr));
}

static int open_userfaultfd(const struct place *place)
{
    (void)place;
    return error_of(syscall(SYS_userfaultfd, O_CLOEXEC));
}

static int ask_keys(const struct place *place)
{
    (void)place;
    return error_of(syscall(SYS_keyctl, 0, 0, 0, 0, 0)); /* KEYCTL_GET_KEYRING_ID */
}

static int open_perf(const struct place *place)
{
    (void)place;
    return error_of(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
}

static int mount_something(const struct place *place)
{
    return error_of(mount("none", place->dir, "tmpfs", MS_RDONLY | MS_REMOUNT, NULL));
}

static int change_root(const struct place *place)
{
    return error_of(chroot(place->dir));
}

static int unshare_namespace(const struct place *place)
{
    (void)place;
    return error_of(unshare(CLONE_FS));
}

static int become_user(const struct place *place)
{
    (void)place;
    return error_of(syscall(SYS_setuid, getuid()));
}

static int make_memory_file(const struct place *place)
{
    (void)place;
    return error_of(syscall(SYS_memfd_create, "x", 0));
}

static int make_code(const struct place *place)
{
    (void)place;
    void *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? errno : 0;
}

static int turn_into_code(const struct place *place)
{
    (void)place;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? ENOMEM : error_of(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static int show_memory(const struct place *place)
{
    (void)place;
    return error_of(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int drop_filters(const struct place *place)
{
    (void)place;
    return error_of(prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
}

static int raise_limit(const struct place *place)
{
    (void)place;
    struct rlimit limit = {0, 0};
    return error_of(setrlimit(RLIMIT_CORE, &limit));
}

static int read_limit(const struct place *place)
{
    (void)place;
    struct rlimit limit;
    return error_of(getrlimit(RLIMIT_NOFILE, &limit));
}

static int name_thread(const struct place *place)
{
    (void)place;
    return error_of(prctl(PR_SET_NAME, "x", 0, 0, 0));
}

/* ---- the table ---- */

static const struct attempt attempts[] = {
    {"read /etc/passwd", read_passwd, FILES, true},
    {"read /etc/passwd by ..", leave_by_dots, FILES, true},
    {"read /etc/passwd by a link beside the database", leave_by_link, FILES, true},
    {"read a file above the directory", read_above, FILES, true},
    {"write a file above the directory", write_above, FILES, false},
    {"create a file above the directory", create_above, FILES, false},
    {"remove a file above the directory", remove_above, FILES, false},
    {"list /", list_root, FILES, true},
    {"read /proc/self/environ", read_own_environment, FILES, true},
    {"make a directory", make_directory, LISTED, false},
    {"read, write, cut and lock a file of the directory", read_write_inside, NOTHING, false},
    {"create and remove a file there", create_and_remove_inside, NOTHING, false},
    {"list the directory and flush it", list_inside, NOTHING, false},
    {"execute a file of the directory", run_inside, LISTED, true},
    {"execute a program", run_program, LISTED, true},
    {"fork", fork_child, ARGUMENT, true},
    {"clone", clone_child, ARGUMENT, true},
    {"clone3", clone3_child, LISTED, false},
    {"posix_spawn", spawn_program, ARGUMENT, true},
    {"start a thread", start_thread, NOTHING, false},
    {"kill", kill_other, LISTED, false},
    {"tgkill", kill_other_by_thread, ARGUMENT, true},
    {"sigqueue", queue_signal, LISTED, false},
    {"ptrace", trace_other, LISTED, true},
    {"process_vm_readv", read_other, LISTED, false},
    {"pidfd_open", pidfd_of_other, LISTED, false},
    {"socket AF_INET", socket_inet, LISTED, false},
    {"socket AF_INET6, datagrams", socket_udp, LISTED, false},
    {"socket AF_UNIX", socket_unix, LISTED, false},
    {"socket AF_NETLINK", socket_netlink, LISTED, false},
    {"socketpair", socket_pair, LISTED, false},
    {"connect", connect_out, LISTED, false},
    {"bind", bind_again, LISTED, false},
    {"accept4", accept_nobody, NOTHING, false},
    {"io_uring_setup", set_up_ring, LISTED, false},
    {"bpf", load_bpf, LISTED, false},
    {"userfaultfd", open_userfaultfd, LISTED, false},
    {"keyctl", ask_keys, LISTED, false},
    {"perf_event_open", open_perf, LISTED, false},
    {"mount", mount_something, LISTED, false},
    {"chroot", change_root, LISTED, false},
    {"unshare", unshare_namespace, LISTED, false},
    {"setuid", become_user, LISTED, false},
    {"memfd_create", make_memory_file, LISTED, false},
    {"mmap of code", make_code, ARGUMENT, true},
    {"mprotect to code", turn_into_code, ARGUMENT, true},
    {"prctl PR_SET_DUMPABLE", show_memory, ARGUMENT, true},
    {"prctl PR_GET_SECCOMP", drop_filters, ARGUMENT, true},
    {"setrlimit", raise_limit, ARGUMENT, true},
    {"getrlimit", read_limit, NOTHING, false},
    {"name the thread", name_thread, NOTHING, false},
};

static const int answers[] = {[LISTED] = ENOSYS, [ARGUMENT] = EPERM, [FILES] = EACCES};

/* The errno of the attempt, made in a process of its own. */
static int try_it(const struct attempt *attempt, const struct place *place, bool confined)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct sandbox sandbox = {0};
        struct err_info info = {""};
        if (confined && sandbox_enter(place->dir, &sandbox, &info) != ERR_OK) {
            (void)fprintf(stderr, "%s\n", info.text);
            _exit(NO_SANDBOX);
        }
        if (confined && attempt->guard == FILES && sandbox.landlock_abi == 0) {
            _exit(NO_LANDLOCK);
        }
        if (confined && attempt->guard != FILES && !sandbox.calls_filtered) {
            _exit(NO_SECCOMP);
        }
        _exit(attempt->make(place));
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status)) {
        fail_msg("%s: ended by signal %d", attempt->name, WTERMSIG(status));
    }
    return WEXITSTATUS(status);
}

static void setup_place(struct place *place, char paths[4][TEST_PATH_BYTES + 32])
{
    temp_dir_make(paths[0]);
    snprintf(paths[1], sizeof paths[1], "%.200s/data", paths[0]);
    snprintf(paths[2], sizeof paths[2], "%.200s/data/store.db", paths[0]);
    snprintf(paths[3], sizeof paths[3], "%.200s/other", paths[0]);
    assert_int_equal(mkdir(paths[1], 0700), 0);
    place->dir = paths[1];
    place->inside = paths[2];
    place->outside = paths[3];
    for (int i = 2; i < 4; i++) {
        int fd = open(paths[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, "#!/bin/true\n", 12), 12);
        close(fd);
    }
    char link[TEST_PATH_BYTES + 64];
    snprintf(link, sizeof link, "%s/link", place->dir);
    assert_int_equal(symlink("/etc/passwd", link), 0);
    place->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(place->listening >= 0);
    assert_int_equal(listen(place->listening, 1), 0);
    place->other = fork();
    assert_true(place->other >= 0);
    if (place->other == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            pause();
        }
    }
}

static void teardown_place(const struct place *place, const char *parent)
{
    kill(place->other, SIGKILL);
    (void)waitpid(place->other, NULL, 0);
    close(place->listening);
    temp_dir_remove(place->dir);
    temp_dir_remove(parent);
}

/* Whether this build's exceptions let the attempt through; visible, so that nobody takes it for
 * tested. */
static bool is_excepted(const struct attempt *attempt)
{
    if (!SANITIZED || !attempt->sanitizers_may) {
        return false;
    }
    print_message("[  SKIP    ] %s: allowed in a build for sanitizers\n", attempt->name);
    return true;
}

static void test_attempts(void **state)
{
    (void)state;
    struct place place;
    char paths[4][TEST_PATH_BYTES + 32];
    size_t wrong = 0;
    size_t tried = 0;
    setup_place(&place, paths);
    for (size_t i = 0; i < ARRAY_LEN(attempts); i++) {
        const struct attempt *attempt = &attempts[i];
        if (is_excepted(attempt)) {
            continue;
        }
        int inside = try_it(attempt, &place, true); /* first: outside it may do harm */
        int outside = try_it(attempt, &place, false);
        int expected = attempt->guard == NOTHING ? 0 : answers[attempt->guard];
        if (inside == NO_LANDLOCK || inside == NO_SECCOMP) {
            print_message("[  SKIP    ] %s: this kernel has no %s\n", attempt->name,
                          inside == NO_LANDLOCK ? "Landlock" : "seccomp");
            continue;
        }
        if (attempt->guard != NOTHING && outside == expected) {
            print_message("[  SKIP    ] %s: forbidden without the sandbox, too\n", attempt->name);
            continue;
        }
        tried++;
        if (inside != expected) {
            print_error("%s: %s inside, %s outside\n", attempt->name, strerror(inside),
                        strerror(outside));
            wrong++;
        }
    }
    teardown_place(&place, paths[0]);
    assert_int_equal(wrong, 0);
    assert_true(tried > 0);
}

/* abort() still ends the process by its signal, or failed checks would go on. */
static void test_abort(void **state)
{
    (void)state;
    char dir[TEST_PATH_BYTES];
    temp_dir_make(dir);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct sandbox sandbox;
        (void)signal(SIGABRT, SIG_DFL); /* cmocka's own goes on */
        (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        if (sandbox_enter(dir, &sandbox, NULL) != ERR_OK) {
            _exit(NO_SANDBOX);
        }
        abort();
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    temp_dir_remove(dir);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void test_missing_directory(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct sandbox sandbox = {0};
        struct err_info info = {""};
        err_t err = sandbox_enter("/no/such/directory", &sandbox, &info);
        _exit(err == ERR_OK                                     ? NO_LANDLOCK
              : strstr(info.text, "/no/such/directory") != NULL ? 0
                                                                : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NO_LANDLOCK) {
        print_message("[  SKIP    ] this kernel has no Landlock\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_words(void **state)
{
    static const struct {
        struct sandbox sandbox;
        const char *text;
        bool complete;
    } cases[] = {
        {{0}, "off", false},
        {{true, 7, true, false, NULL}, "no new privileges, Landlock ABI 7, seccomp", true},
        {{true, 0, true, false, NULL}, "no new privileges, no Landlock, seccomp", false},
        {{true, 0, true, true, NULL}, "no new privileges, no Landlock, seccomp", false},
        {{true, 1, false, false, NULL}, "no new privileges, Landlock ABI 1, no seccomp", false},
        {{true, 3, true, true, NULL},
         "no new privileges, Landlock ABI 3 (of no use: the database lies in /), seccomp",
         false},
        {{true, 7, true, false, "relaxed"},
         "no new privileges, Landlock ABI 7, seccomp (relaxed)",
         false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[SANDBOX_TEXT_SIZE];
        sandbox_print(&cases[i].sandbox, text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(sandbox_is_complete(&cases[i].sandbox), cases[i].complete);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attempts),
        cmocka_unit_test(test_abort),
        cmocka_unit_test(test_missing_directory),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
