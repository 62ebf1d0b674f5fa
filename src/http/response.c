#include "response.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/mem.h"
#include "picoshare/text/header_value.h"
#include <stdio.h>

struct response *response_new(int status)
{
    struct response *response = mem_alloc(1, sizeof *response);
    if (response != NULL) {
        response->status = status;
        buf_init(&response->headers, MAX_HEADER_BYTES);
        buf_init(&response->owned, SIZE_MAX - 1);
    }
    return response;
}

void response_free(struct response *response)
{
    if (response == NULL) {
        return;
    }
    if (response->done != NULL) {
        response->done(response->arg);
    }
    if (response->large_blocks != NULL) {
        atomic_fetch_sub(response->large_blocks, 1);
    }
    buf_done(&response->headers);
    buf_done(&response->owned);
    mem_free(response);
}

static bool has_header(const struct response *response, const char *name)
{
    const char *known = NULL;
    const char *value = NULL;
    for (size_t at = 0; response_next_header(response, &at, &known, &value);) {
        if (slice_eq_nocase(slice_str(known), slice_str(name))) {
            return true;
        }
    }
    return false;
}

void response_header(struct response *response, const char *name, const char *value)
{
    if (response == NULL || !header_value_is_valid(slice_str(value)) ||
        has_header(response, name)) {
        return;
    }
    buf_add_str(&response->headers, name);
    buf_add_char(&response->headers, '\0');
    buf_add_str(&response->headers, value);
    buf_add_char(&response->headers, '\0');
}

void response_body_static(struct response *response, struct slice bytes)
{
    if (response != NULL) {
        response->bytes = bytes;
        response->size = (int64_t)bytes.len;
    }
}

void response_body_copy(struct response *response, struct slice bytes)
{
    if (response != NULL) {
        buf_clear(&response->owned);
        buf_add_slice(&response->owned, bytes);
        response_body_static(response, buf_slice(&response->owned));
    }
}

void response_body_take(struct response *response, struct buf *bytes)
{
    if (response != NULL) {
        buf_done(&response->owned);
        response->owned = *bytes;
        *bytes = (struct buf){.max = bytes->max};
        response_body_static(response, buf_slice(&response->owned));
    }
}

void response_body_reader(struct response *response, int64_t size, response_read_fn *read,
                          void (*done)(void *arg), void *arg)
{
    if (response == NULL) {
        done(arg);
        return;
    }
    check(response->read == NULL && size >= 0);
    response->read = read;
    response->done = done;
    response->arg = arg;
    response->size = size;
}

err_t response_read_short(struct response *response)
{
    if (response == NULL || response->read == NULL || response->size > DOWNLOAD_BLOCK_BYTES) {
        return ERR_OK;
    }
    size_t size = (size_t)response->size;
    /* Not mem_alloc: zeroing it would cost as much as reading. */
    char *bytes = mem_resize(NULL, size + 1);
    err_t err = bytes != NULL ? ERR_OK : ERR_NOMEM;
    size_t n = 0;
    for (size_t got = 0; got < size && err == ERR_OK; got += n) {
        err = response->read(response->arg, (int64_t)got, bytes + got, size - got, &n);
    }
    if (err != ERR_OK) {
        mem_free(bytes);
        return err;
    }
    bytes[size] = '\0';
    response->done(response->arg);
    response->read = NULL;
    response->done = NULL;
    buf_done(&response->owned);
    response->owned = (struct buf){.ptr = bytes, .len = size, .cap = size + 1, .max = SIZE_MAX - 1};
    response->bytes = buf_slice(&response->owned);
    return ERR_OK;
}

int response_status(const struct response *response)
{
    return response != NULL ? response->status : 500;
}

bool response_next_header(const struct response *response, size_t *at, const char **ret_name,
                          const char **ret_value)
{
    if (*at >= response->headers.len) {
        return false;
    }
    const char *name = response->headers.ptr + *at;
    const char *value = name + strlen(name) + 1;
    *at = (size_t)(value + strlen(value) + 1 - response->headers.ptr);
    *ret_name = name;
    *ret_value = value;
    return true;
}

bool response_failed(const struct response *response)
{
    return buf_err(&response->headers) != ERR_OK || buf_err(&response->owned) != ERR_OK;
}

void response_retry_after(struct response *response)
{
    char seconds[16];
    (void)snprintf(seconds, sizeof seconds, "%d", (int)RETRY_AFTER_S);
    response_header(response, "Retry-After", seconds);
}

void response_add_text(struct response *response, const char *text)
{
    response_header(response, "Content-Type", "text/plain; charset=utf-8");
    response_header(response, "X-Content-Type-Options", "nosniff");
    struct buf body;
    buf_init(&body, KIB * KIB);
    buf_add_str(&body, text);
    buf_add_char(&body, '\n');
    response_body_take(response, &body);
    buf_done(&body);
}
