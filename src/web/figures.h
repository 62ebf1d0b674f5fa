/* figures.h — what the program knows of itself: one source for the system page, its JSON, and
 * whoever asks later. Thread-safe. Bytes unless it says otherwise. */
#ifndef PICOSHARE_WEB_FIGURES_H
#define PICOSHARE_WEB_FIGURES_H

#include "picoshare/base/buf.h"
#include "picoshare/base/memory_use.h"
#include "picoshare/core/scrub.h"
#include "picoshare/core/upkeep.h"
#include "picoshare/http/server.h"
#include "picoshare/store/store.h"
#include "picoshare/text/timestamp.h"

struct figures {
    const char *version; /* of this build; "" what is not known of it */
    const char *revision;
    const char *commit_time;
    const char *sandbox; /* what of it is active */
    bool sandbox_complete;
    int64_t started; /* seconds since 1970 */
    int64_t uptime_s;
    struct store_figures store;
    int64_t log_bytes; /* of the write-ahead log in use */
    struct memory_use memory;
    struct server_figures server;
    struct upkeep_state upkeep;
    struct scrub_state scrub;
    size_t uploads;      /* running */
    size_t buffers_used; /* chunk buffers */
    size_t buffers_total;
    size_t buffer_bytes; /* each */
};

err_t figures_collect(const struct request *request, struct figures *ret_figures) MUST_CHECK;
/* A time of these figures; "" for 0, which is none. */
void figures_print_time(int64_t unix_s, char ret_text[TIMESTAMP_SIZE]);
/* As one JSON object and a line feed; what is not known is null. */
void figures_add_json(const struct figures *figures, struct buf *out);

#endif
