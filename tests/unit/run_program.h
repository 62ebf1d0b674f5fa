/* run_program.h — unit tests that run a program: a build-time tool or a command of the system.
 * Everything happens in a directory that the test makes and removes. */
#ifndef TESTS_UNIT_RUN_PROGRAM_H
#define TESTS_UNIT_RUN_PROGRAM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* The path of a tool that the build made: it stands one directory above the tests. */
static inline void tool_path(const char *name, char ret_path[static PATH_MAX])
{
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(len > 0);
    self[len] = '\0';
    int n = snprintf(ret_path, PATH_MAX, "%s/../%s", dirname(self), name);
    assert_true(n > 0 && n < PATH_MAX);
}

/* Runs argv[0], found as the shell finds it, with files (or NULL) as stdin, stdout and stderr;
 * returns its exit code. */
static inline int run(const char *const *argv, const char *in, const char *out, const char *errors)
{
    posix_spawn_file_actions_t files;
    pid_t pid;
    int status = 0;
    const int write_flags = O_WRONLY | O_CREAT | O_TRUNC;
    assert_int_equal(posix_spawn_file_actions_init(&files), 0);
    posix_spawn_file_actions_addopen(&files, 0, in != NULL ? in : "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, out != NULL ? out : "/dev/null", write_flags, 0600);
    posix_spawn_file_actions_addopen(&files, 2, errors != NULL ? errors : "/dev/null", write_flags,
                                     0600);
    if (posix_spawnp(&pid, argv[0], &files, NULL, (char *const *)(uintptr_t)argv, environ) != 0) {
        fail_msg("%s cannot be run", argv[0]);
    }
    posix_spawn_file_actions_destroy(&files);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static inline void write_file(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* The file as a C string, freed by the caller; its length unless ret_len is NULL. */
static inline char *read_file(const char *path, size_t *ret_len)
{
    enum { MAX = 4 << 20 };
    char *text = calloc(1, MAX);
    FILE *file = fopen(path, "rb");
    assert_non_null(text);
    assert_non_null(file);
    size_t len = fread(text, 1, MAX - 1, file);
    assert_int_equal(fclose(file), 0);
    if (ret_len != NULL) {
        *ret_len = len;
    }
    return text;
}

/* cmocka set-up and tear-down: *state is a fresh directory, in which the test runs. */
static inline int enter_directory(void **state)
{
    char path[] = "/tmp/picoshare-unit-XXXXXX";
    if (mkdtemp(path) == NULL || chdir(path) != 0) {
        return -1;
    }
    *state = strdup(path);
    return *state != NULL ? 0 : -1;
}

static inline int leave_directory(void **state)
{
    const char *const argv[] = {"rm", "-r", *state, NULL};
    int code = chdir("/") == 0 ? run(argv, NULL, NULL, NULL) : -1;
    free(*state);
    return code;
}

#endif
