/* internal.h — what the files of sys/ share. */
#ifndef PICOSHARE_SYS_INTERNAL_H
#define PICOSHARE_SYS_INTERNAL_H

#include "picoshare/base/err.h"
#include <stdbool.h>

/* calls.c — allows all threads the system calls of the list there and no other.
 * Not *ret_filtered: the kernel cannot, or nobody has made a list for this processor. */
err_t calls_filter(bool *ret_filtered, struct err_info *ret_info) MUST_CHECK;

#endif
