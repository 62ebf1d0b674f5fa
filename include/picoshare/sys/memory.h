/* memory.h — reads /proc and the control group (version 2 or 1).
 *
 * The files are opened once and read again from their beginning each time: later on the sandbox
 * opens none of them. So the group is that in which the program was started. memory_open() and
 * memory_close() are the main thread's, memory_measure() is anybody's. */
#ifndef PICOSHARE_SYS_MEMORY_H
#define PICOSHARE_SYS_MEMORY_H

#include "picoshare/base/memory_use.h"

/* NULL: no memory; memory_measure() takes it. What cannot be opened will not be known. */
struct memory_files *memory_open(void);
void memory_close(struct memory_files *files);

/* What cannot be found out is -1. */
void memory_measure(const struct memory_files *files, struct memory_use *ret_use);

#endif
