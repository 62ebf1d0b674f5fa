/* file.h — what the commands that write a file share: it appears under its name only when
 * it is complete and on the disk. Errors come with a line for people. */
#ifndef PICOSHARE_FILE_H
#define PICOSHARE_FILE_H

#include "picoshare/base/err.h"
#include "picoshare/base/slice.h"
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* A file that is being written, under a name of its own beside the one it will have. */
struct file {
    char partial[PATH_MAX]; /* its name until then; "": standard output, or it has its own */
    int fd;                 /* -1: closed */
};

/* Creates PATH.partial, readable by its owner alone; one of that name, of a command that was
 * killed, is replaced. From here until file_rename() or file_drop() a signal to stop removes it and
 * ends the program with exit code 2. */
err_t file_create(struct file *file, const char *path, struct err_info *ret_info) MUST_CHECK;
/* The same, but one that is there is kept, and so is this one whatever ends the program. Nobody
 * else may write to it meanwhile (ERR_BUSY). *ret_bytes: how much is there already; the next bytes
 * go to its end. ERR_INVALID: it is another user's, or no file. */
err_t file_resume(struct file *file, const char *path, int64_t *ret_bytes,
                  struct err_info *ret_info) MUST_CHECK;
/* Empties it. */
err_t file_restart(struct file *file, struct err_info *ret_info) MUST_CHECK;
/* Closes it, and leaves it for file_resume(). */
void file_leave(struct file *file);
err_t file_write(struct file *file, struct slice bytes, struct err_info *ret_info) MUST_CHECK;
/* Brings it to the disk and closes it. */
err_t file_flush(struct file *file, struct err_info *ret_info) MUST_CHECK;
/* Gives it its name, instead of what had it; ERR_EXISTS: something has it, and that stays. */
err_t file_rename(struct file *file, const char *path, bool replace,
                  struct err_info *ret_info) MUST_CHECK;
/* Removes it, unless it has been renamed. */
void file_drop(struct file *file);

/* Whether there is anything of that name. */
bool file_exists(const char *path);
/* Brings the names in the directory of that file to the disk. */
err_t file_flush_directory(const char *path, struct err_info *ret_info) MUST_CHECK;

#endif
