#include "picoshare/sys/memory.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/mem.h"
#include "picoshare/base/num.h"
#include "picoshare/base/slice.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { FILE_BYTES = 8 * KIB, PATH_BYTES = 512 };

struct memory_files {
    int status; /* of the process; -1, as all below: not open */
    const struct group_kind *kind;
    int usage;
    int limit;
    int stat;
};

/* The beginning of a small file as a C string; "" when it cannot be read. */
static void read_again(int fd, char text[FILE_BYTES])
{
    ssize_t len = fd >= 0 ? pread(fd, text, FILE_BYTES - 1, 0) : -1;
    text[len > 0 ? len : 0] = '\0';
}

static void read_file(const char *path, char text[FILE_BYTES])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    read_again(fd, text);
    if (fd >= 0) {
        (void)close(fd);
    }
}

/* The number after a name at the beginning of a line, or -1. */
static int64_t number_after(const char *text, const char *name)
{
    struct slice rest = slice_str(text);
    while (rest.len > 0) {
        struct slice line = {rest.ptr, slice_find(rest, '\n')};
        rest = slice_skip(rest, line.len < rest.len ? line.len + 1 : line.len);
        if (!slice_starts(line, slice_str(name))) {
            continue;
        }
        struct slice number = slice_trim(slice_skip(line, strlen(name)));
        number.len = slice_find(number, ' ');
        int64_t value = 0;
        return num_parse_i64(number, 0, INT64_MAX, &value) == ERR_OK ? value : -1;
    }
    return -1;
}

static int64_t kib_after(const char *text, const char *name)
{
    int64_t kib = number_after(text, name);
    return kib < 0 ? -1 : kib * KIB;
}

/* Where a kind of control group keeps its figures. */
struct group_kind {
    const char *line; /* how /proc/self/cgroup names it */
    const char *root;
    const char *usage;
    const char *limit;
    const char *cache; /* in memory.stat */
};

static const struct group_kind kinds[] = {
    {"0::", "/sys/fs/cgroup", "memory.current", "memory.max", "file "},
    {":memory:", "/sys/fs/cgroup/memory", "memory.usage_in_bytes", "memory.limit_in_bytes",
     "total_cache "},
};

/* The group's path in its hierarchy; empty when the process is in none of this kind. */
static struct slice group_path(const char *groups, const char *name)
{
    const char *found = strstr(groups, name);
    if (found == NULL) {
        return (struct slice){NULL, 0};
    }
    struct slice path = slice_str(found + strlen(name));
    path.len = slice_find(path, '\n');
    return path;
}

static int open_in(const char *directory, const char *name)
{
    char path[PATH_BYTES];
    int len = snprintf(path, sizeof path, "%s/%s", directory, name);
    return len > 0 && (size_t)len < sizeof path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

static bool open_group(const struct group_kind *kind, const char *directory,
                       struct memory_files *files)
{
    files->usage = open_in(directory, kind->usage);
    if (files->usage < 0) {
        return false;
    }
    files->kind = kind;
    files->limit = open_in(directory, kind->limit);
    files->stat = open_in(directory, "memory.stat");
    return true;
}

static void open_groups(struct memory_files *files)
{
    char groups[FILE_BYTES];
    read_file("/proc/self/cgroup", groups);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct slice path = group_path(groups, kinds[i].line);
        char directory[PATH_BYTES];
        int len = snprintf(directory, sizeof directory, "%s%.*s", kinds[i].root, (int)path.len,
                           path.ptr != NULL ? path.ptr : "");
        bool fits = len > 0 && (size_t)len < sizeof directory;
        /* In a container the path is that outside; inside, the root is the group itself. */
        if (path.len > 0 && ((fits && open_group(&kinds[i], directory, files)) ||
                             open_group(&kinds[i], kinds[i].root, files))) {
            return;
        }
    }
}

struct memory_files *memory_open(void)
{
    struct memory_files *files = mem_alloc(1, sizeof *files);
    if (files != NULL) {
        *files = (struct memory_files){.usage = -1, .limit = -1, .stat = -1};
        files->status = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
        open_groups(files);
    }
    return files;
}

void memory_close(struct memory_files *files)
{
    if (files == NULL) {
        return;
    }
    const int fds[] = {files->status, files->usage, files->limit, files->stat};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0) {
            (void)close(fds[i]);
        }
    }
    mem_free(files);
}

static void measure_group(const struct memory_files *files, struct memory_use *use)
{
    enum { NO_LIMIT_BITS = 60 }; /* version 1 says "none" by a number near 2^63 */
    char text[FILE_BYTES];
    read_again(files->usage, text);
    use->group = number_after(text, "");
    read_again(files->limit, text);
    use->group_limit = number_after(text, ""); /* "max" is no number */
    if (use->group_limit >= INT64_C(1) << NO_LIMIT_BITS) {
        use->group_limit = -1;
    }
    read_again(files->stat, text);
    use->group_page_cache = number_after(text, files->kind->cache);
}

void memory_measure(const struct memory_files *files, struct memory_use *ret_use)
{
    char status[FILE_BYTES] = "";
    if (files != NULL) {
        read_again(files->status, status);
    }
    *ret_use = (struct memory_use){
        .resident = kib_after(status, "VmRSS:"),
        .resident_peak = kib_after(status, "VmHWM:"),
        .anonymous = kib_after(status, "RssAnon:"),
        .group = -1,
        .group_page_cache = -1,
        .group_limit = -1,
    };
    if (files != NULL && files->kind != NULL) {
        measure_group(files, ret_use);
    }
}
