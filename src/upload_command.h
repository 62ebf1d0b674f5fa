/* upload_command.h — "picoshare upload FILE... -to URL": sends files to a running server and prints
 * their links. Main thread. */
#ifndef PICOSHARE_UPLOAD_COMMAND_H
#define PICOSHARE_UPLOAD_COMMAND_H

/* argv[0] is "upload"; returns an exit code of transfer.h. */
int upload_command(int argc, char **argv);

#endif
