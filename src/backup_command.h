/* backup_command.h — "picoshare backup": a copy of a running server's database, over HTTP. */
#ifndef PICOSHARE_BACKUP_COMMAND_H
#define PICOSHARE_BACKUP_COMMAND_H

enum {
    BACKUP_MADE = 0,
    BACKUP_DAMAGED = 1, /* the copy has damage; it was put aside */
    BACKUP_FAILED = 2,
};

/* argv[0] is the word "backup". Returns the exit code. */
int backup_command(int argc, char **argv);

#endif
