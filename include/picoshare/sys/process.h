/* process.h — what the process asks of the C library and the operating system.
 * Called by the main thread before any other thread starts. */
#ifndef PICOSHARE_SYS_PROCESS_H
#define PICOSHARE_SYS_PROCESS_H

#include "picoshare/base/err.h"

/* Settings of the allocator, which keep memory use flat. */
void process_tune_memory(void);

/* Raises the limit of open files to what MAX_CONNECTIONS needs, as far as it may be raised.
 * ERR_TOOBIG: it stays below; connections beyond it will not be accepted. */
err_t process_raise_file_limit(void) MUST_CHECK;

#endif
