/* sandbox.h — takes away from the process what it does not need to serve files
 * (docs/decisions/0010-sandbox.md says what is left, and why).
 *
 * No new privileges; of root's powers only those over files; Landlock: of all files those in the
 * database's directory; seccomp: no new sockets, programs, processes or executable memory, and none
 * of the kernel's other calls that a server has no use for.
 *
 * What the kernel lacks is left out, and the state says so. It cannot be undone. Everything that
 * lies elsewhere must have been read before, and the socket made. Main thread, before others start,
 * since Landlock confines the calling thread and those that it starts. The state does not change
 * afterwards, and any thread may read it. */
#ifndef PICOSHARE_SYS_SANDBOX_H
#define PICOSHARE_SYS_SANDBOX_H

#include "picoshare/base/err.h"
#include <stdbool.h>

struct sandbox {
    bool no_new_privileges;
    int landlock_abi;    /* 0: the kernel has no Landlock, or does not let us use it */
    bool calls_filtered; /* by seccomp */
    bool everywhere;     /* the database lies in /, so that Landlock has nothing to hide */
    const char
        *exception; /* what this build allows beyond the rule, for its tools; NULL: nothing */
};

/* The directory, which exists, may be read and written from now on; nothing else may be opened. */
err_t sandbox_enter(const char *directory, struct sandbox *ret_sandbox,
                    struct err_info *ret_info) MUST_CHECK;

/* Whether everything is active that the program knows of. */
bool sandbox_is_complete(const struct sandbox *sandbox);
/* What is active, in words: "no new privileges, Landlock ABI 7, seccomp". */
enum { SANDBOX_TEXT_SIZE = 160 };
void sandbox_print(const struct sandbox *sandbox, char ret_text[SANDBOX_TEXT_SIZE]);

#endif
