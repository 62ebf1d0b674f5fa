#include "picoshare/sys/memory.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/num.h"
#include "picoshare/base/slice.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { FILE_BYTES = 8 * KIB, PATH_BYTES = 512 };

/* The beginning of a small file as a C string; "" when it cannot be read. */
static void read_file(const char *path, char text[FILE_BYTES])
{
    ssize_t len = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        len = read(fd, text, FILE_BYTES - 1);
        (void)close(fd);
    }
    text[len > 0 ? len : 0] = '\0';
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

static void read_in(const char *directory, const char *name, char text[FILE_BYTES])
{
    char path[PATH_BYTES];
    int len = snprintf(path, sizeof path, "%s/%s", directory, name);
    text[0] = '\0';
    if (len > 0 && (size_t)len < sizeof path) {
        read_file(path, text);
    }
}

static bool measure_group(const struct group_kind *kind, const char *directory,
                          struct memory_use *use)
{
    enum { NO_LIMIT_BITS = 60 }; /* version 1 says "none" by a number near 2^63 */
    char text[FILE_BYTES];
    read_in(directory, kind->usage, text);
    use->group = number_after(text, "");
    if (use->group < 0) {
        return false;
    }
    read_in(directory, kind->limit, text);
    use->group_limit = number_after(text, ""); /* "max" is no number */
    if (use->group_limit >= INT64_C(1) << NO_LIMIT_BITS) {
        use->group_limit = -1;
    }
    read_in(directory, "memory.stat", text);
    use->group_page_cache = number_after(text, kind->cache);
    return true;
}

static void measure_groups(struct memory_use *use)
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
        if (path.len > 0 && ((fits && measure_group(&kinds[i], directory, use)) ||
                             measure_group(&kinds[i], kinds[i].root, use))) {
            return;
        }
    }
}

void memory_measure(struct memory_use *ret_use)
{
    char status[FILE_BYTES];
    read_file("/proc/self/status", status);
    *ret_use = (struct memory_use){
        .resident = kib_after(status, "VmRSS:"),
        .resident_peak = kib_after(status, "VmHWM:"),
        .anonymous = kib_after(status, "RssAnon:"),
        .group = -1,
        .group_page_cache = -1,
        .group_limit = -1,
    };
    measure_groups(ret_use);
}
