/* guest_links.h — what a guest link allows (http-api.md 7 and 12.7).
 *
 * Pure and thread-safe. Times are seconds since 1970. How many files are on their way through a
 * link is known to upload.h. */
#ifndef PICOSHARE_CORE_GUEST_LINKS_H
#define PICOSHARE_CORE_GUEST_LINKS_H

#include "picoshare/base/buf.h"
#include "picoshare/base/err.h"
#include "picoshare/base/slice.h"
#include "picoshare/store/store.h"
#include <stdbool.h>
#include <stdint.h>

/* Why a link takes no files; the first reason that holds. */
enum guest_link_state {
    GUEST_LINK_ACTIVE,
    GUEST_LINK_DISABLED,
    GUEST_LINK_EXPIRED, /* itself, not its files */
    GUEST_LINK_USED_UP,
};
enum guest_link_state guest_link_state(const struct store_guest_link *link, int64_t now);
bool guest_link_is_active(const struct store_guest_link *link, int64_t now);

/* Files that may still come through it, by those that exist already; -1: any number. */
int64_t guest_link_files_left(const struct store_guest_link *link);

/* How long its files may live, in nanoseconds; DURATION_INFINITE is for ever. ERR_CORRUPT: what is
 * stored is no lifetime. */
err_t guest_link_lifetime(const struct store_guest_link *link, int64_t *ret_ns) MUST_CHECK;

/* When a file expires whose guest asked for this time ("" is the latest possible). On ERR_INVALID
 * ret_text holds what to tell the guest. ERR_CORRUPT as above. */
err_t guest_link_expiration(const struct store_guest_link *link, struct slice asked, int64_t now_ns,
                            int64_t *ret_expires, struct buf *ret_text) MUST_CHECK;

#endif
