/* check_command.h — "picoshare check": looks whether a database file is whole, and changes nothing.
 * Output is for people: a line for each damage and a sum on stdout, the rest on stderr. */
#ifndef PICOSHARE_CHECK_COMMAND_H
#define PICOSHARE_CHECK_COMMAND_H

enum {
    CHECK_CLEAN = 0,
    CHECK_DAMAGED = 1,
    CHECK_FAILED = 2, /* it could not be looked at, or not to the end */
};

/* argv[0] is the word "check". Returns the exit code. */
int check_command(int argc, char **argv);

#endif
