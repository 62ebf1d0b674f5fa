/* app.h — what every handler works with, and the two entry points of the layer.
 *
 * A struct app is filled in by main before the server starts and does not change afterwards, but
 * for its counter; what it points to is borrowed for the program's life. Thread-safe by that rule.
 */
#ifndef PICOSHARE_WEB_APP_H
#define PICOSHARE_WEB_APP_H

#include "picoshare/base/clock.h"
#include "picoshare/base/memory_use.h"
#include "picoshare/base/rng.h"
#include "picoshare/core/backup.h"
#include "picoshare/core/scrub.h"
#include "picoshare/core/sessions.h"
#include "picoshare/core/throttle.h"
#include "picoshare/core/upkeep.h"
#include "picoshare/core/upload.h"
#include "picoshare/http/request.h"
#include "picoshare/store/store.h"

struct app {
    const struct clock *clock;
    const struct rng *rng;
    struct store *store;
    struct sessions *sessions;
    struct throttle *throttle;
    struct uploads *uploads;
    struct upkeep *upkeep;
    struct scrub *scrub;
    struct backup *backup;
    _Atomic int large_bodies; /* bodies of strangers beyond SMALL_JSON_BYTES: MAX_LARGE_BODIES */
    const char *public_url;   /* scheme and host of printed links, no slash at the end; or NULL */
    /* sys/memory.h */
    void (*measure_memory)(const struct memory_files *files, struct memory_use *ret_use);
    const struct memory_files *memory_files;
    const char *sandbox; /* what of it is active, in words of ours */
    bool sandbox_complete;
    int64_t started; /* seconds since 1970 */
    /* What the system page says of this build; "" what is not known. */
    const char *version;
    const char *revision;    /* the commit */
    const char *commit_time; /* "2026-07-14 19:20:01 +0000" */
};

/* Draws the seed of what hashes names in requests from /dev/urandom, which is out of reach later.
 * Main thread, before others start. */
void app_prepare(void);
/* server_options.begin: finds the route, checks who asks, and hands the request to its handler. */
void app_begin(struct request *request);
/* server_options.refuse: as a page, problem+json or text, as every other error. */
struct response *app_refuse(struct request *request, int status, const char *text);

#endif
