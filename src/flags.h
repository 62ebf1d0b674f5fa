/* flags.h — the command line: a table of flags, each a field of some struct.
 * A flag is -name VALUE or -name=VALUE, with one dash or two; a switch needs no value. Many are
 * environment variables, too; the flag wins. Values are borrowed from argv and the environment.
 * What is wrong is said on stderr. Main thread. */
#ifndef PICOSHARE_FLAGS_H
#define PICOSHARE_FLAGS_H

#include <stddef.h>
#include <stdio.h>

enum flag_kind {
    FLAG_TEXT,   /* const char * */
    FLAG_SWITCH, /* bool */
    FLAG_PORT,   /* uint16_t */
    FLAG_NUMBER, /* int64_t, from 1 on */
    FLAG_RATE,   /* int64_t, MB a second */
    FLAG_BYTES,  /* int64_t, from 1 on; may end in k, M or G, powers of 1024 */
};

struct flag {
    const char *name;
    const char *variable; /* NULL: none */
    enum flag_kind kind;
    size_t offset; /* of the field */
    const char *help;
};

struct flags {
    const struct flag *known;
    size_t count;
    void (*help)(FILE *out);
};

enum flags_outcome {
    FLAGS_RUN,
    FLAGS_SHOWN,   /* -help or -version was answered: exit 0 */
    FLAGS_MISUSED, /* a line on stderr says why: exit 2 */
};

/* Fills in the fields of `target` that are said. The other arguments go to ret_operands, whose
 * entries the caller has set to NULL; more than `max_operands` are misuse. With NULL they are
 * ignored, as PicoShare does. */
enum flags_outcome flags_parse(const struct flags *flags, int argc, char **argv, void *target,
                               const char **ret_operands, size_t max_operands);

/* A line for each flag, and for -help. */
void flags_print(const struct flag *known, size_t count, FILE *out);

#endif
