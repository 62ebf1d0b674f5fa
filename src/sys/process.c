#include "picoshare/sys/process.h"
#include "picoshare/base/limits.h"
#include <errno.h>
#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

void process_tune_memory(void)
{
    /* One arena: each keeps what its threads freed (docs/decisions/0008). A fixed threshold, above
     * the 328 kB that SQLite allocates per chunk row: by default every such allocation is mapped
     * and unmapped, and the threshold then creeps up, which makes memory use depend on history. */
    (void)mallopt(M_ARENA_MAX, 1);
    (void)mallopt(M_MMAP_THRESHOLD, 4 * MIB);
    (void)mallopt(M_TRIM_THRESHOLD, 1 * MIB);
}

err_t process_raise_file_limit(void)
{
    enum { OTHER_FILES = 64 }; /* database, logs, epoll, pipes of the workers */
    const rlim_t needed = MAX_CONNECTIONS + OTHER_FILES;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return ERR_IO;
    }
    if (limit.rlim_cur >= needed) {
        return ERR_OK;
    }
    limit.rlim_cur = limit.rlim_max < needed ? limit.rlim_max : needed;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return ERR_IO;
    }
    return limit.rlim_cur < needed ? ERR_TOOBIG : ERR_OK;
}

void process_hide_memory(void)
{
    /* It cannot fail with these arguments; the limit is for kernels that would ask it first. */
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}

err_t process_become_user(const char *name, struct err_info *ret_info)
{
    struct passwd entry;
    struct passwd *found = NULL;
    char text[8 * KIB];
    int error = getpwnam_r(name, &entry, text, sizeof text, &found);
    if (found == NULL) {
        return err_set(ret_info, ERR_NOTFOUND, "cannot become user %s: %s", name,
                       error != 0 ? strerror(error) : "no such user");
    }
    if (entry.pw_uid == geteuid()) {
        return ERR_OK;
    }
    if (geteuid() != 0) {
        return err_set(ret_info, ERR_AUTH, "cannot become user %s: only root can", name);
    }
    bool ok = initgroups(name, entry.pw_gid) == 0 && setgid(entry.pw_gid) == 0 &&
              setuid(entry.pw_uid) == 0;
    error = errno;
    process_hide_memory(); /* a new user makes it visible again, as the system is set up */
    return ok ? ERR_OK
              : err_set(ret_info, ERR_IO, "cannot become user %s: %s", name, strerror(error));
}
