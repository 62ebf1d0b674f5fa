/* health_command.h — "picoshare health": whether the server answers, for container engines and
 * others that watch it. A line on stderr says what is wrong. */
#ifndef PICOSHARE_HEALTH_COMMAND_H
#define PICOSHARE_HEALTH_COMMAND_H

/* argv[0] is the word "health". Returns the exit code: 0 or 1, the two that Docker's HEALTHCHECK
 * knows. */
int health_command(int argc, char **argv);

#endif
