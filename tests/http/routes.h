/* routes.h — the program's own table of routes, read from its source: a route that is added later
 * is in the tests from its first day. Inline, for the reason that api.h gives. */
#ifndef PICOSHARE_TESTS_HTTP_ROUTES_H
#define PICOSHARE_TESTS_HTTP_ROUTES_H

#include "harness.h"
#include <stdio.h>

enum { MAX_ROUTES = 100 };

struct known_route {
    char method[16];
    char path[128]; /* its pattern with valid ids in it */
};

/* The text between the next two quotation marks; what comes after them. */
static inline const char *next_quoted(const char *at, char *ret_text, size_t size)
{
    const char *start = strchr(at, '"');
    assert_non_null(start);
    const char *end = strchr(start + 1, '"');
    assert_non_null(end);
    snprintf(ret_text, size, "%.*s", (int)(end - start - 1), start + 1);
    return end + 1;
}

/* An id of the kind that the pattern wants in place of {}, and nothing in place of *. */
static inline void fill_pattern(const char *pattern, char *ret_path, size_t size)
{
    bool link = strstr(pattern, "guest") != NULL || strncmp(pattern, "/g/", 3) == 0;
    size_t len = 0;
    ret_path[0] = '\0';
    for (const char *p = pattern; *p != '\0'; p++) {
        char letter[2] = {*p, '\0'};
        const char *part = *p == '*' ? "" : letter;
        if (*p == '{') {
            part = link ? "abcdefgh23456789" : "hR87apiUCj";
            p++; /* over the } */
        }
        len += (size_t)snprintf(ret_path + len, size - len, "%s", part);
        assert_true(len < size);
    }
}

static inline size_t read_routes(struct known_route ret_routes[MAX_ROUTES])
{
    struct buf text;
    harness_read_file(PICOSHARE_ROUTES, &text);
    const char *at = strstr(buf_str(&text), "struct route routes[] = {");
    assert_non_null(at);
    const char *end = strstr(at, "\n};");
    assert_non_null(end);
    size_t count = 0;
    for (at = strstr(at, "\n    {\""); at != NULL && at < end; at = strstr(at, "\n    {\"")) {
        assert_true(count < MAX_ROUTES);
        char pattern[128];
        at = next_quoted(at, ret_routes[count].method, sizeof ret_routes[count].method);
        at = next_quoted(at, pattern, sizeof pattern);
        fill_pattern(pattern, ret_routes[count].path, sizeof ret_routes[count].path);
        count++;
    }
    buf_done(&text);
    assert_in_range(count, 30, MAX_ROUTES);
    return count;
}

#endif
