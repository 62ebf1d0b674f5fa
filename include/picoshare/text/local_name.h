/* local_name.h — a name from a stranger, made safe to create a file by in the current directory.
 *
 * Pure and thread-safe. The result is one component of a path that is not hidden, is no option of a
 * command, and does nothing to the terminal it is listed on: slashes, backslashes, control
 * characters of both kinds, marks of direction, bytes that are no UTF-8, and a dot or a dash at the
 * start become "_". It is cut, at a character, to what leaves room for ".partial" after it. */
#ifndef PICOSHARE_TEXT_LOCAL_NAME_H
#define PICOSHARE_TEXT_LOCAL_NAME_H

#include "picoshare/base/slice.h"

enum { LOCAL_NAME_SIZE = 255 - 8 + 1 }; /* of file systems: 255 bytes */

/* Writes a C string; "download" when nothing is left. */
void local_name_print(struct slice name, char ret_name[LOCAL_NAME_SIZE]);

#endif
