/* router.h — which handler a path and a method belong to.
 *
 * A pattern is literal but for {} (one or more bytes up to the next slash, a parameter) and a last
 * * (anything). It is compared with the path as sent, escape by escape, so that %2F never counts
 * as a slash. A GET route also answers HEAD.
 * Pure and thread-safe. */
#ifndef PICOSHARE_HTTP_ROUTER_H
#define PICOSHARE_HTTP_ROUTER_H

#include "picoshare/base/buf.h"
#include "picoshare/base/slice.h"
#include "picoshare/http/request.h"

enum { ROUTE_MAX_PARAMS = 2 };

struct route {
    const char *method;
    const char *pattern;
    unsigned flags; /* of the layer above */
    const struct request_handler *handler;
};

/* Parameters are still encoded and borrowed from the path. */
bool router_match(const char *pattern, struct slice raw_path,
                  struct slice ret_params[ROUTE_MAX_PARAMS]);

/* The first route that matches both; NULL when none does. Then ret_allow holds the value of an
 * Allow header if another method would match, and stays empty if the path is unknown. */
const struct route *router_find(const struct route *routes, size_t n, const char *method,
                                struct slice raw_path, struct slice ret_params[ROUTE_MAX_PARAMS],
                                struct buf *ret_allow);

#endif
