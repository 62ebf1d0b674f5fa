/* convert.h — makes a database that can shrink while it is in use of one that cannot.
 *
 * A file of PicoShare's has no map of its pages, so free ones stay in it (docs/database.md, Space).
 * The conversion copies all of it into a new file beside it, compares the two row by row, and puts
 * the new one in its place; the old one is kept under another name. Nobody may have the database
 * open meanwhile. Whenever it is broken off, the name of the database leads to a whole one; what
 * is left over is removed by the next conversion and by the next start of the server.
 *
 * Memory does not grow with the database: two page caches, and one row at a time of each file.
 * One thread. */
#ifndef PICOSHARE_STORE_CONVERT_H
#define PICOSHARE_STORE_CONVERT_H

#include "picoshare/base/err.h"
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum convert_step { CONVERT_COPYING, CONVERT_CHECKING, CONVERT_COMPARING, CONVERT_STEPS };

struct convert_options {
    const char *path; /* of the database, or a link to it */
    const char *vfs;  /* as in store_options */
    /* Called again and again with how much of a step is done. */
    void (*progress)(void *arg, enum convert_step step, int percent);
    void *arg;
};

enum { CONVERT_NAME_SIZE = PATH_MAX + 32 };

struct convert_result {
    bool needed; /* false: it can shrink already, and nothing was done */
    int64_t bytes_before, bytes_after;
    char kept[CONVERT_NAME_SIZE]; /* where the old database is; "": there is none */
};

/* ERR_BUSY: somebody has the database open. ERR_FULL: no room for the new file. ERR_EXISTS: an old
 * database is still kept. ERR_INVALID: it is no database of version 15. ERR_CORRUPT: it is damaged,
 * or none. ERR_INTERNAL: the new file is not what the old one is. On any error the database is as
 * it was, and *ret_info says in one line what is wrong. */
err_t convert_database(const struct convert_options *options, struct convert_result *ret_result,
                       struct err_info *ret_info) MUST_CHECK;

#endif
