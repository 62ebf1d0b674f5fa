/* response.h — an answer while it is being put together.
 *
 * Owned by the caller until request_answer() takes it. Appends that fail (no memory) are noticed
 * when the answer is sent: the client then gets a bare 503. One thread at a time. */
#ifndef PICOSHARE_HTTP_RESPONSE_H
#define PICOSHARE_HTTP_RESPONSE_H

#include "picoshare/base/buf.h"
#include "picoshare/base/slice.h"
#include <stdint.h>

struct response;

/* NULL when there is no memory; every function here accepts that. */
struct response *response_new(int status);
void response_free(struct response *response);

/* The first value for a name counts. One that cannot stand in a header (RFC 9110 §5.5) leaves the
 * header out. */
void response_header(struct response *response, const char *name, const char *value);

/* The body, which HEAD and 304 only tell the length of: bytes that outlive the answer, … */
void response_body_static(struct response *response, struct slice bytes);
/* … bytes that are copied, … */
void response_body_copy(struct response *response, struct slice bytes);
/* … the contents of a buffer, which is emptied, … */
void response_body_take(struct response *response, struct buf *bytes);

/* … or a reader: called for at most max bytes at pos (from the start of this body) as the client
 * takes them, on any worker, one call at a time. *ret_len, how many it wrote, is at least one; an
 * error breaks the connection off. done(arg) is called once, also when the answer is never sent. */
typedef err_t response_read_fn(void *arg, int64_t pos, char *bytes, size_t max, size_t *ret_len);
void response_body_reader(struct response *response, int64_t size, response_read_fn *read,
                          void (*done)(void *arg), void *arg);

/* Reads a body of at most DOWNLOAD_BLOCK_BYTES now and lets go of its reader: headers and body
 * leave together, which spares libmicrohttpd a buffer, which it would zero, and the client a wait;
 * and what cannot be read can still be told. Without a reader, or with a longer body, it does
 * nothing. The reader's error, or ERR_NOMEM. */
err_t response_read_short(struct response *response) MUST_CHECK;

/* A line of plain text, with its line feed added, and the headers that go with it
 * (http-api.md 2.3). */
void response_add_text(struct response *response, const char *text);

/* Tells the client to come back in RETRY_AFTER_S; belongs to every 503. */
void response_retry_after(struct response *response);

int response_status(const struct response *response);

#endif
