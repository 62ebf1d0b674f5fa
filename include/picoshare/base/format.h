/* format.h — numbers that PicoShare's databases, links and clients are made for, used by every
 * layer. Source: database.md 3.2 and http-api.md 12. */
#ifndef PICOSHARE_BASE_FORMAT_H
#define PICOSHARE_BASE_FORMAT_H

#include <stdint.h>

enum {
    ENTRY_ID_LEN = 10,
    GUEST_LINK_ID_LEN = 16,
    NEVER_DAYS = 36500 /* a lifetime of so many days, or more, has no end */
};

/* 2999-12-31T00:00:00Z in seconds since 1970: what expires then never does. */
#define NEVER_S INT64_C(32503593600)

#endif
