#include "file.h"
#include "picoshare/base/check.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
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

err_t file_create(struct file *file, const char *path, struct err_info *ret_info)
{
    int len = snprintf(file->partial, sizeof file->partial, "%s.partial", path);
    file->fd = -1;
    if (len < 0 || (size_t)len >= sizeof file->partial) {
        file->partial[0] = '\0';
        return err_set(ret_info, ERR_INVALID, "the name is too long: %s", path);
    }
    (void)unlink(file->partial);
    set_unfinished(file->partial);
    file->fd = open(file->partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return file->fd >= 0 ? ERR_OK : fail(file->partial, ret_info);
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
    if (file->fd >= 0) {
        (void)close(file->fd);
        file->fd = -1;
    }
    if (file->partial[0] != '\0') {
        (void)unlink(file->partial);
        file->partial[0] = '\0';
    }
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
