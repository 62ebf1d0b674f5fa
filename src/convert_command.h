/* convert_command.h — "picoshare convert": makes a database of PicoShare's able to shrink.
 * Output is for people: the outcome on stdout, progress and errors on stderr. */
#ifndef PICOSHARE_CONVERT_COMMAND_H
#define PICOSHARE_CONVERT_COMMAND_H

/* argv[0] is the word "convert". Returns the exit code. */
int convert_command(int argc, char **argv);

#endif
