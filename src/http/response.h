/* response.h — the inside of a response, for the files of http/. */
#ifndef PICOSHARE_HTTP_RESPONSE_INTERNAL_H
#define PICOSHARE_HTTP_RESPONSE_INTERNAL_H

#include "picoshare/http/response.h"
#include <stdatomic.h>
#include <stdbool.h>

struct response {
    int status;
    struct buf headers; /* name NUL value NUL … */
    struct buf owned;
    struct slice bytes; /* the body, unless read is set */
    int64_t size;
    response_read_fn *read;
    void (*done)(void *arg);
    void *arg;
    struct request *request;   /* whose answer it is, once it is on its way */
    _Atomic int *large_blocks; /* set: it has one of them, to be given back */
};

/* Walks the headers: *at starts at 0. */
bool response_next_header(const struct response *response, size_t *at, const char **ret_name,
                          const char **ret_value);
/* Whether something of it was lost for lack of memory. */
bool response_failed(const struct response *response);

#endif
