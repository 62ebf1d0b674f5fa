/* check_command.h — "picoshare check": looks whether a database file is whole, and changes nothing.
 * Output is for people: a line for each damage and a sum, and on stderr how far it is. */
#ifndef PICOSHARE_CHECK_COMMAND_H
#define PICOSHARE_CHECK_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

enum {
    CHECK_CLEAN = 0,
    CHECK_DAMAGED = 1,
    CHECK_FAILED = 2, /* it could not be looked at, or not to the end */
};

/* argv[0] is the word "check". Returns the exit code. */
int check_command(int argc, char **argv);

/* The same for other commands: looks at the file that people know as `name`, writes to `out`. */
int check_file(const char *path, const char *name, bool quick, FILE *out);

#endif
