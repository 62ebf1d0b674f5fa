/* process.h — what the process asks of the C library and the operating system.
 * Called by the main thread before any other thread starts. */
#ifndef PICOSHARE_SYS_PROCESS_H
#define PICOSHARE_SYS_PROCESS_H

#include "picoshare/base/err.h"

/* Settings of the allocator, which keep memory use flat. */
void process_tune_memory(void);

/* The kernel writes no core of this process, and only root may look into its memory and its
 * environment. */
void process_hide_memory(void);

/* From root to the user of that name, with the user's groups; nothing when it is the user already.
 * A name of root's is taken as the wish to stay root. Keeps the memory hidden. */
err_t process_become_user(const char *name, struct err_info *ret_info) MUST_CHECK;

/* Raises the limit of open files to what MAX_CONNECTIONS needs, as far as it may be raised.
 * ERR_TOOBIG: it stays below; connections beyond it will not be accepted. */
err_t process_raise_file_limit(void) MUST_CHECK;

#endif
