/* memory.h — reads /proc and the control group (version 2 or 1). Thread-safe. */
#ifndef PICOSHARE_SYS_MEMORY_H
#define PICOSHARE_SYS_MEMORY_H

#include "picoshare/base/memory_use.h"

/* What cannot be found out is -1. */
void memory_measure(struct memory_use *ret_use);

#endif
