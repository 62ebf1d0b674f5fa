#include "picoshare/core/guest_links.h"
#include "picoshare/core/rules.h"
#include "picoshare/text/civil.h"
#include "picoshare/text/duration.h"
#include <inttypes.h>

int64_t guest_link_files_left(const struct store_guest_link *link)
{
    if (link->max_file_uploads == 0) {
        return -1;
    }
    return link->max_file_uploads > link->uploads ? link->max_file_uploads - link->uploads : 0;
}

enum guest_link_state guest_link_state(const struct store_guest_link *link, int64_t now)
{
    if (link->disabled) {
        return GUEST_LINK_DISABLED;
    }
    if (link->url_expiration_time != NEVER_S && link->url_expiration_time <= now) {
        return GUEST_LINK_EXPIRED;
    }
    return guest_link_files_left(link) == 0 ? GUEST_LINK_USED_UP : GUEST_LINK_ACTIVE;
}

bool guest_link_is_active(const struct store_guest_link *link, int64_t now)
{
    return guest_link_state(link, now) == GUEST_LINK_ACTIVE;
}

err_t guest_link_lifetime(const struct store_guest_link *link, int64_t *ret_ns)
{
    return rules_file_lifetime(slice_str(link->file_lifetime), ret_ns) == NULL ? ERR_OK
                                                                               : ERR_CORRUPT;
}

/* As PicoShare prints times to guests: "2024-01-31 00:00:00 +0000 UTC". */
static void add_time(struct buf *out, int64_t unix_s)
{
    struct civil t;
    civil_from_unix(unix_s, &t);
    buf_addf(out, "%04" PRId64 "-%02d-%02d %02d:%02d:%02d +0000 UTC", t.year, t.month, t.day,
             t.hour, t.minute, t.second);
}

err_t guest_link_expiration(const struct store_guest_link *link, struct slice asked, int64_t now_ns,
                            int64_t *ret_expires, struct buf *ret_text)
{
    int64_t lifetime = 0;
    err_t err = guest_link_lifetime(link, &lifetime);
    if (err != ERR_OK) {
        return err;
    }
    int64_t latest = lifetime == DURATION_INFINITE
                         ? NEVER_S
                         : now_ns / DURATION_SECOND + lifetime / DURATION_SECOND;
    if (asked.len == 0) {
        *ret_expires = latest;
        return ERR_OK;
    }
    int64_t expires = 0;
    const char *wrong = rules_expiration(asked, now_ns, &expires);
    if (wrong != NULL) {
        buf_add_str(ret_text, wrong);
        return ERR_INVALID;
    }
    if (expires > latest) {
        buf_add_str(ret_text, "requested expiration time of ");
        add_time(ret_text, expires);
        buf_add_str(ret_text, " is beyond guest link's limit: ");
        add_time(ret_text, latest);
        return ERR_INVALID;
    }
    *ret_expires = expires;
    return ERR_OK;
}
