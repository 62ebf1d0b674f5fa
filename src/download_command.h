/* download_command.h — "picoshare download URL": receives a file, goes on where an earlier attempt
 * ended, and looks whether it is whole. Main thread. */
#ifndef PICOSHARE_DOWNLOAD_COMMAND_H
#define PICOSHARE_DOWNLOAD_COMMAND_H

/* argv[0] is "download"; returns an exit code of transfer.h. */
int download_command(int argc, char **argv);

#endif
