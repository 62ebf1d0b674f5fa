/* passphrase.h — asks who sits at the terminal for the owner's passphrase. Main thread. */
#ifndef PICOSHARE_PASSPHRASE_H
#define PICOSHARE_PASSPHRASE_H

#include "picoshare/base/err.h"
#include <stddef.h>

/* One line from /dev/tty, which does not show it; a signal that ends the program leaves the
 * terminal as it was. ERR_NOTFOUND: there is no terminal. ERR_INVALID: nothing was typed, or more
 * than fits. */
err_t passphrase_ask(char *ret_passphrase, size_t size, struct err_info *ret_info) MUST_CHECK;

#endif
