#include "picoshare/http/router.h"
#include "picoshare/base/check.h"
#include "picoshare/text/percent.h"

/* The next byte of the path, decoded; an encoded slash comes as -1, since it separates nothing. */
static int next_byte(struct slice *rest)
{
    bool raw_slash = rest->ptr[0] == '/';
    int byte = percent_next(rest, false);
    return byte == '/' && !raw_slash ? -1 : byte;
}

static struct slice take_segment(struct slice *rest)
{
    struct slice segment = {rest->ptr, slice_find(*rest, '/')};
    *rest = slice_skip(*rest, segment.len);
    return segment;
}

bool router_match(const char *pattern, struct slice raw_path,
                  struct slice ret_params[ROUTE_MAX_PARAMS])
{
    size_t params = 0;
    for (const char *p = pattern; *p != '\0'; p++) {
        if (*p == '*') {
            return true;
        }
        if (*p == '{') {
            check(params < ROUTE_MAX_PARAMS && p[1] == '}');
            struct slice segment = take_segment(&raw_path);
            if (segment.len == 0) {
                return false;
            }
            ret_params[params++] = segment;
            p++;
        } else if (raw_path.len == 0 || next_byte(&raw_path) != (unsigned char)*p) {
            return false;
        }
    }
    return raw_path.len == 0;
}

static bool method_fits(const char *route_method, const char *method)
{
    return strcmp(route_method, method) == 0 ||
           (strcmp(route_method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

static void allow(struct buf *list, const char *method)
{
    if (strstr(buf_str(list), method) == NULL) {
        buf_add_str(list, list->len > 0 ? ", " : "");
        buf_add_str(list, method);
    }
}

const struct route *router_find(const struct route *routes, size_t n, const char *method,
                                struct slice raw_path, struct slice ret_params[ROUTE_MAX_PARAMS],
                                struct buf *ret_allow)
{
    for (size_t i = 0; i < n; i++) {
        if (!router_match(routes[i].pattern, raw_path, ret_params)) {
            continue;
        }
        if (method_fits(routes[i].method, method)) {
            return &routes[i];
        }
        allow(ret_allow, routes[i].method);
        if (strcmp(routes[i].method, "GET") == 0) {
            allow(ret_allow, "HEAD");
        }
    }
    if (ret_allow->len > 0) {
        allow(ret_allow, "OPTIONS");
    }
    return NULL;
}
