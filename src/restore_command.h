/* restore_command.h — "picoshare restore": puts a backup in the place of the database. */
#ifndef PICOSHARE_RESTORE_COMMAND_H
#define PICOSHARE_RESTORE_COMMAND_H

enum {
    RESTORE_DONE = 0,
    RESTORE_DAMAGED = 1, /* the backup has damage; nothing was changed */
    RESTORE_FAILED = 2,
};

/* argv[0] is the word "restore". Returns the exit code. */
int restore_command(int argc, char **argv);

#endif
