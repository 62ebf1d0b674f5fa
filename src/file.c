#include "file.h"
#include "picoshare/base/check.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* For the handler alone: what is to be removed, "" when there is nothing. */
static char unfinished[PATH_MAX];

static void stop(int signal)
{
    (void)signal;
    (void)unlink(unfinished);
    _exit(2);
}

/* The handler never sees half a name. */
static void set_unfinished(const char *path)
{
    sigset_t signals;
    check(sigemptyset(&signals) == 0 && sigaddset(&signals, SIGINT) == 0 &&
          sigaddset(&signals, SIGTERM) == 0 && sigaddset(&signals, SIGHUP) == 0);
    check(sigprocmask(SIG_BLOCK, &signals, NULL) == 0);
    struct sigaction action = {.sa_handler = stop};
    check(sigaction(SIGINT, &action, NULL) == 0 && sigaction(SIGTERM, &action, NULL) == 0 &&
          sigaction(SIGHUP, &action, NULL) == 0);
    (void)snprintf(unfinished, sizeof unfinished, "%s", path);
    check(sigprocmask(SIG_UNBLOCK, &signals, NULL) == 0);
}

static err_t fail(const char *path, struct err_info *ret_info)
{
    err_t err = errno == EEXIST                      ? ERR_EXISTS
                : errno == ENOSPC || errno == EDQUOT ? ERR_FULL
                                                     : ERR_IO;
    return err_set(ret_info, err, "cannot write %s: %s",
                   path[0] != '\0' ? path : "to standard output", strerror(errno));
}

static err_t name_partial(struct file *file, const char *path, struct err_info *ret_info)
{
    int len = snprintf(file->partial, sizeof file->partial, "%s.partial", path);
    file->fd = -1;
    if (len < 0 || (size_t)len >= sizeof file->partial) {
        file->partial[0] = '\0';
        return err_set(ret_info, ERR_INVALID, "the name is too long: %s", path);
    }
    return ERR_OK;
}

err_t file_create(struct file *file, const char *path, struct err_info *ret_info)
{
    err_t err = name_partial(file, path, ret_info);
    if (err != ERR_OK) {
        return err;
    }
    (void)unlink(file->partial);
    set_unfinished(file->partial);
    file->fd = open(file->partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return file->fd >= 0 ? ERR_OK : fail(file->partial, ret_info);
}

/* Whether the open file is still the one of that name: who had it locked may have renamed it. */
static bool has_name(const struct stat *open_file, const char *path)
{
    struct stat named;
    return lstat(path, &named) == 0 && named.st_dev == open_file->st_dev &&
           named.st_ino == open_file->st_ino;
}

static err_t open_again(struct file *file, int64_t *ret_bytes, struct err_info *ret_info)
{
    struct stat st;
    file->fd = open(file->partial, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (file->fd < 0 || fstat(file->fd, &st) != 0) {
        return fail(file->partial, ret_info);
    }
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid()) {
        return err_set(ret_info, ERR_INVALID, "%s is not a file of yours", file->partial);
    }
    if (flock(file->fd, LOCK_EX | LOCK_NB) != 0 || !has_name(&st, file->partial)) {
        return err_set(ret_info, ERR_BUSY, "another program writes %s", file->partial);
    }
    *ret_bytes = st.st_size;
    return ERR_OK;
}

err_t file_resume(struct file *file, const char *path, int64_t *ret_bytes,
                  struct err_info *ret_info)
{
    err_t err = name_partial(file, path, ret_info);
    if (err == ERR_OK) {
        err = open_again(file, ret_bytes, ret_info);
    }
    if (err != ERR_OK) {
        file_leave(file); /* it is not ours to drop */
    }
    return err;
}

err_t file_restart(struct file *file, struct err_info *ret_info)
{
    return ftruncate(file->fd, 0) == 0 ? ERR_OK : fail(file->partial, ret_info);
}

void file_leave(struct file *file)
{
    if (file->fd >= 0) {
        (void)close(file->fd);
        file->fd = -1;
    }
    file->partial[0] = '\0';
}

err_t file_write(struct file *file, struct slice bytes, struct err_info *ret_info)
{
    while (bytes.len > 0) {
        ssize_t n = write(file->fd, bytes.ptr, bytes.len);
        if (n < 0 && errno != EINTR) {
            return fail(file->partial, ret_info);
        }
        bytes = n > 0 ? slice_skip(bytes, (size_t)n) : bytes;
    }
    return ERR_OK;
}

err_t file_flush(struct file *file, struct err_info *ret_info)
{
    err_t err = fsync(file->fd) == 0 ? ERR_OK : fail(file->partial, ret_info);
    if (close(file->fd) != 0 && err == ERR_OK) {
        err = fail(file->partial, ret_info);
    }
    file->fd = -1;
    return err;
}

/* Without links, which not every file system has, there is a moment in which another may come. */
static int give_name(const char *partial, const char *path, bool replace)
{
    if (!replace && link(partial, path) == 0) {
        return unlink(partial);
    }
    if (!replace && (errno == EEXIST || file_exists(path))) {
        errno = EEXIST;
        return -1;
    }
    return rename(partial, path);
}

err_t file_rename(struct file *file, const char *path, bool replace, struct err_info *ret_info)
{
    if (give_name(file->partial, path, replace) != 0) {
        return fail(path, ret_info);
    }
    set_unfinished("");
    file->partial[0] = '\0';
    return file_flush_directory(path, ret_info);
}

void file_drop(struct file *file)
{
    if (file->partial[0] != '\0') {
        (void)unlink(file->partial);
    }
    file_leave(file);
    set_unfinished("");
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

err_t file_flush_directory(const char *path, struct err_info *ret_info)
{
    char directory[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    if (slash != NULL) {
        (void)snprintf(directory, sizeof directory, "%.*s", (int)(slash - path) + 1, path);
    }
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* Some file systems know no flush of a directory (EINVAL): they go without. */
    bool flushed = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);
    err_t err = flushed ? ERR_OK : fail(directory, ret_info);
    if (fd >= 0) {
        (void)close(fd);
    }
    return err;
}
