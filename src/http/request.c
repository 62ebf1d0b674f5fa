/* request.c — turns libmicrohttpd's calls into begin / data / end / close.
 *
 * libmicrohttpd calls request_step() first with the headers, then with pieces of the body, and last
 * with nothing. An answer can be queued only in the first call, which closes the connection, or in
 * the last one; so a request without a body is answered in the last call, and a refused body is
 * read on within the drain budget first. A body that is longer than the budget would cost its
 * sender the answer: then the answer is written to the socket directly, and what is on its way is
 * swallowed. A sender that goes on, as a proxy that looks at nothing else while it may write, is no
 * longer read from; then it stops, looks, and the connection is cut.
 *
 * Who sends a refusal. Two threads may want to: the worker, when too much of the body has come, or
 * all of it; and the maintenance thread, when nothing comes any more, since libmicrohttpd then
 * calls nobody. The worker makes the answer and offers it (ANSWER_OFFERED); from there on nobody
 * changes it. Whoever moves the state on has it: to ANSWER_TAKEN either thread, which writes it to
 * the socket; back to ANSWER_HELD the worker, which hands it to libmicrohttpd. So it is sent once,
 * and a worker that comes second can only cut the connection. The maintenance thread finds requests
 * in the server's list and does all this under server.lock; request_end() takes the request off
 * that list, under the lock, before it frees the answer and logs what was sent, so it waits for a
 * sending that has begun. libmicrohttpd closes the socket after request_end(): while the request is
 * listed, it is its own.
 *
 * Suspending: request_wait() and a data() that takes less than it was given suspend the connection;
 * request_wake() resumes it. Either may come first (enum wait_state). A suspended connection is not
 * watched by libmicrohttpd, so its client's leaving is noticed when it is resumed. */
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/log.h"
#include "picoshare/base/mem.h"
#include "picoshare/text/forwarded.h"
#include "picoshare/text/http_date.h"
#include "picoshare/text/percent.h"
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>

/* ---- birth and death ---- */

static void set_client_from_socket(struct request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info != NULL && info->client_addr != NULL) {
        address_print(info->client_addr, request->client);
    }
}

/* No two requests of a run have the same: the finalizer of SplitMix64 gives every count another
 * number. It is a name, not a secret: the next one can be worked out. */
static void make_id(struct request *request)
{
    struct server *server = request->server;
    uint64_t n = server->id_seed + atomic_fetch_add(&server->id_count, 1);
    n = (n ^ (n >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ (n >> 27)) * UINT64_C(0x94d049bb133111eb);
    (void)snprintf(request->id, sizeof request->id, "%016" PRIx64, n ^ (n >> 31));
}

struct request *request_new(struct server *server, struct MHD_Connection *mhd, const char *target)
{
    struct request *request = mem_alloc(1, sizeof *request);
    char *raw_target = mem_dup(target, strlen(target));
    if (request == NULL || raw_target == NULL) {
        mem_free(request);
        mem_free(raw_target);
        return NULL;
    }
    request->magic = REQUEST_MAGIC;
    request->server = server;
    request->mhd = mhd;
    request->raw_target = raw_target;
    request->received_target = target;
    request->method = "";
    request->version = "";
    request->started_ns = clock_now_ns(server->clock);
    request->started_mono_ns = clock_mono_ns(server->clock);
    make_id(request);
    pace_start(&request->pace, request->started_mono_ns / 1000000, 0);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    request->fd = info != NULL ? info->connect_fd : -1;
    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    request->connection = info != NULL ? info->socket_context : NULL;
    lock_take(&server->lock);
    if (request->connection != NULL) {
        request->connection->request = request;
    }
    list_add(&server->requests, &request->all);
    server->requests_count++;
    lock_give(&server->lock);
    return request;
}

static void unlist(struct request *request)
{
    struct server *server = request->server;
    lock_take(&server->lock);
    list_remove(&request->all);
    server->requests_count--;
    if (request->connection != NULL) {
        request->connection->request = NULL;
        request->connection->busy = false;
        request->connection->had_request = true;
        request->connection->since_ms = clock_mono_ms(server->clock);
    }
    check(pthread_cond_broadcast(&server->request_ended) == 0);
    lock_give(&server->lock);
}

void request_end(struct request *request)
{
    check(request->magic == REQUEST_MAGIC);
    log_set_request(request->id);
    if (request->handler != NULL && request->handler->close != NULL) {
        request->handler->close(request);
    }
    unlist(request); /* from here on no other thread knows it */
    response_free(TAKE(request->answer));
    if (request->phase != REQUEST_NEW) {
        if (request->status == 0) {
            request->status = 499; /* as nginx: the client left before there was an answer */
        }
        access_log(request);
        metrics_count_request(request->purpose, request->status,
                              clock_mono_ns(request->server->clock) - request->started_mono_ns);
    }
    log_set_request(NULL);
    request->magic = 0;
    mem_free(request->raw_target);
    mem_free(request);
}

/* ---- sending the answer ---- */

static void count_sent(struct request *request, int64_t bytes)
{
    atomic_fetch_add(&request->sent, bytes);
    metrics_count_sent(bytes);
}

/* Around whatever a worker does for one request, for the watchdog and the log. */
static void begin_work(struct request *request)
{
    log_set_request(request->id);
    atomic_store(&request->at_work_ms, clock_mono_ms(request->server->clock));
}

static void end_work(struct request *request)
{
    atomic_store(&request->at_work_ms, 0);
    log_set_request(NULL);
}

static ssize_t read_body(void *arg, uint64_t pos, char *bytes, size_t max)
{
    struct response *response = arg;
    struct request *request = response->request;
    if (pos == 0 && max > FIRST_BLOCK_BYTES) {
        max = FIRST_BLOCK_BYTES;
    } else if (pos == FIRST_BLOCK_BYTES) {
        /* Its reader may be waiting for this processor, until the socket is full. */
        (void)sched_yield();
    }
    begin_work(request);
    size_t n = 0;
    err_t err = response->read(response->arg, (int64_t)pos, bytes, max, &n);
    end_work(request);
    if (err != ERR_OK) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    count_sent(request, (int64_t)n);
    return (ssize_t)n;
}

static void free_body(void *arg)
{
    response_free(arg);
}

/* How much of a body is read at once: in a crowd less, since each has a buffer of that size. */
static size_t choose_block(const struct request *request, struct response *response)
{
    struct server *server = request->server;
    if (response->size <= DOWNLOAD_BLOCK_BYTES || request_is_head(request)) {
        return DOWNLOAD_BLOCK_BYTES;
    }
    if (atomic_fetch_add(&server->large_blocks, 1) >= MAX_LARGE_BLOCKS) {
        atomic_fetch_sub(&server->large_blocks, 1);
        return DOWNLOAD_BLOCK_BYTES;
    }
    response->large_blocks = &server->large_blocks;
    return LARGE_BLOCK_BYTES;
}

static struct MHD_Response *make_mhd_response(const struct request *request,
                                              struct response *response)
{
    if (response->read != NULL) {
        return MHD_create_response_from_callback((uint64_t)response->size,
                                                 choose_block(request, response), read_body,
                                                 response, free_body);
    }
    return MHD_create_response_from_buffer_with_free_callback_cls(
        response->bytes.len, (void *)(uintptr_t)response->bytes.ptr, free_body, response);
}

/* The answer, or what takes its place when something of it is missing; NULL: no memory even for
 * that. */
static struct response *take_answer(struct request *request)
{
    struct response *response = TAKE(request->answer);
    if (response == NULL || response_failed(response)) {
        response_free(response);
        response = response_new(503); /* for the reason that web/answer.c gives */
        response_retry_after(response);
        response_add_text(response, "out of memory");
    }
    return response;
}

static bool add_headers(const struct request *request, const struct response *response,
                        struct MHD_Response *mhd)
{
    bool added = MHD_add_response_header(mhd, "X-Request-Id", request->id) == MHD_YES;
    const char *name = NULL;
    const char *value = NULL;
    for (size_t at = 0; added && response_next_header(response, &at, &name, &value);) {
        added = MHD_add_response_header(mhd, name, value) == MHD_YES;
    }
    return added;
}

/* Gives the answer to libmicrohttpd. MHD_NO cuts the connection. */
static enum MHD_Result queue_answer(struct request *request)
{
    struct response *response = take_answer(request);
    struct MHD_Response *mhd = response != NULL ? make_mhd_response(request, response) : NULL;
    if (mhd == NULL) {
        response_free(response);
        return MHD_NO;
    }
    if (!add_headers(request, response, mhd)) {
        MHD_destroy_response(mhd);
        return MHD_NO;
    }
    if (atomic_load(&request->server->stopping) &&
        MHD_add_response_header(mhd, "Connection", "close") != MHD_YES) {
        MHD_destroy_response(mhd);
        return MHD_NO;
    }
    request->phase = REQUEST_QUEUED;
    request->status = response->status;
    response->request = request;
    if (response->read == NULL && !request_is_head(request) && response->status != 304) {
        count_sent(request, response->size);
    }
    enum MHD_Result result = MHD_queue_response(request->mhd, (unsigned)response->status, mhd);
    MHD_destroy_response(mhd);
    return result;
}

static bool move_answer(struct request *request, int from, int to)
{
    return atomic_compare_exchange_strong(&request->answer_state, &from, to);
}

/* The answer to a body that is swallowed; a reader's is sent by nobody but libmicrohttpd. */
static void offer_answer(struct request *request)
{
    const struct response *response = request->answer;
    if (response != NULL && response->read == NULL && !response_failed(response)) {
        check(move_answer(request, ANSWER_HELD, ANSWER_OFFERED));
    }
}

/* Writes the answer to the socket behind libmicrohttpd's back, which has sent nothing but perhaps
 * "100 Continue" for this request. Afterwards the connection can only be cut. A client that does
 * not read gets as much as its socket takes. */
bool request_send_raw(struct request *request)
{
    if (!move_answer(request, ANSWER_OFFERED, ANSWER_TAKEN)) {
        return false;
    }
    const struct response *response = request->answer;
    char date[HTTP_DATE_SIZE];
    http_date_print(clock_now_s(request->server->clock), date);
    struct buf text;
    buf_init(&text, (size_t)2 * MAX_HEADER_BYTES + response->bytes.len);
    buf_addf(&text,
             "HTTP/1.1 %d %s\r\nDate: %s\r\nConnection: close\r\nX-Request-Id: %s\r\n"
             "Content-Length: %zu\r\n",
             response->status, MHD_get_reason_phrase_for((unsigned)response->status), date,
             request->id, response->bytes.len);
    const char *name = NULL;
    const char *value = NULL;
    for (size_t at = 0; response_next_header(response, &at, &name, &value);) {
        buf_addf(&text, "%s: %s\r\n", name, value);
    }
    buf_add_str(&text, "\r\n");
    if (!request_is_head(request)) {
        buf_add_slice(&text, response->bytes);
        count_sent(request, response->size);
    }
    if (buf_err(&text) == ERR_OK) {
        (void)send(request->fd, buf_str(&text), text.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        request->status = response->status;
    }
    buf_done(&text);
    return true;
}

/* ---- suspending ---- */

static void suspend(struct request *request)
{
    MHD_suspend_connection(request->mhd);
    int expected = WAIT_RUNNING;
    if (!atomic_compare_exchange_strong(&request->wait_state, &expected, WAIT_SUSPENDED)) {
        check(expected == WAIT_WOKEN);
        atomic_store(&request->wait_state, WAIT_RUNNING);
        MHD_resume_connection(request->mhd);
    }
}

void request_wake(void *arg)
{
    struct request *request = arg;
    check(request->magic == REQUEST_MAGIC);
    int state = atomic_load(&request->wait_state);
    for (;;) {
        int next = state == WAIT_SUSPENDED ? WAIT_RUNNING : WAIT_WOKEN;
        if (atomic_compare_exchange_weak(&request->wait_state, &state, next)) {
            if (next == WAIT_RUNNING) {
                MHD_resume_connection(request->mhd);
            }
            return;
        }
    }
}

void request_give_up(void *arg)
{
    struct request *request = arg;
    check(request->magic == REQUEST_MAGIC);
    int64_t never = 0;
    (void)atomic_compare_exchange_strong(&request->given_up_ms, &never,
                                         clock_mono_ms(request->server->clock));
}

bool request_client_left(const struct request *request)
{
    char byte;
    ssize_t n = recv(request->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

bool request_is_wanted(const struct request *request)
{
    return !atomic_load(&request->server->stopping) && !request_client_left(request);
}

void request_wait(struct request *request)
{
    request->wants_wait = true;
}

/* ---- the body that nobody wants ---- */

static void start_draining(struct request *request)
{
    request->phase = REQUEST_DRAINING;
    atomic_store(&request->drain_since_ms, clock_mono_ms(request->server->clock));
    offer_answer(request);
    /* Known to be too long: the sooner the sender knows, the better. */
    if (request->content_length - atomic_load(&request->received) > DRAIN_MAX_BYTES) {
        (void)request_send_raw(request);
    }
}

static enum MHD_Result drain(struct request *request, size_t len)
{
    request->drained += (int64_t)len;
    int64_t ms = clock_mono_ms(request->server->clock) - atomic_load(&request->drain_since_ms);
    if (request->drained > DRAIN_MAX_BYTES || ms > DRAIN_ANSWER_MS) {
        (void)request_send_raw(request);
    }
    bool sent = atomic_load(&request->answer_state) == ANSWER_TAKEN;
    if (ms > DRAIN_MAX_MS || (!sent && request->drained > DRAIN_MAX_BYTES)) {
        return MHD_NO;
    }
    if (request->drained > DRAIN_ANSWERED_BYTES) {
        suspend(request); /* until server_tick() cuts the connection */
    }
    return MHD_YES;
}

/* ---- the steps ---- */

static void refuse(struct request *request, int status, const char *text)
{
    request_answer(request, request->server->refuse(request, status, text));
}

static bool crowded(struct request *request)
{
    struct server *server = request->server;
    lock_take(&server->lock);
    if (request->connection != NULL) {
        request->connection->busy = true;
    }
    lock_give(&server->lock);
    return server_is_crowded(server, request->connection);
}

static bool keep_last(void *arg, struct slice value)
{
    struct slice *last = arg;
    *last = value;
    return true;
}

/* The last header of that name: a proxy may add its own after the client's. */
static struct slice last_header(const struct request *request, const char *name)
{
    struct slice last = {NULL, 0};
    request_each_header(request, name, keep_last, &last);
    return last;
}

/* Whether a proxy's id may stand in headers and lines of the log as it is. */
static bool is_plain_id(struct slice id)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  ".-_";
    return id.len > 0 && id.len <= REQUEST_ID_BYTES && slice_has_only(id, allowed);
}

static void believe_proxy(struct request *request)
{
    if (!proxy_trusts(request->server->proxy, slice_str(request->client))) {
        return;
    }
    char client[PROXY_ADDRESS_BYTES];
    struct buf list; /* made of the Forwarded header, if need be */
    buf_init(&list, (size_t)2 * MAX_HEADER_BYTES);
    struct slice clients = last_header(request, "X-Forwarded-For");
    if (clients.ptr == NULL) {
        clients = last_header(request, "X-Real-IP");
    }
    if (clients.ptr == NULL) {
        forwarded_add_clients(last_header(request, "Forwarded"), &list);
        clients = buf_slice(&list);
    }
    if (proxy_client(request->server->proxy, clients, client)) {
        memcpy(request->client, client, sizeof client);
    }
    buf_done(&list);
    struct slice proto = last_header(request, "X-Forwarded-Proto");
    request->https = slice_eq_nocase(proto, SLICE("https"));
    request->https_links = request->https || proto.ptr == NULL;
    request->forwarded_host = last_header(request, "X-Forwarded-Host");
    struct slice id = last_header(request, "X-Request-Id");
    if (is_plain_id(id)) {
        check(slice_copy(id, request->id, sizeof request->id));
    }
}

static enum MHD_Result first_call(struct request *request)
{
    request->phase = REQUEST_BODY;
    set_client_from_socket(request);
    int status = 0;
    const char *wrong = framing_check(request, &status);
    bool is_crowded = crowded(request);
    if (wrong != NULL) {
        refuse(request, status, wrong);
        return queue_answer(request); /* closes the connection: its framing cannot be trusted */
    }
    believe_proxy(request);
    if (is_crowded) {
        refuse(request, 503, "the server is busy, try again later");
        return queue_answer(request);
    }
    request->server->begin(request);
    if (!request->answered || request->content_length == 0) {
        return MHD_YES;
    }
    if (request_header(request, "Expect").ptr != NULL) {
        return queue_answer(request); /* the client has not begun to send and will not */
    }
    start_draining(request);
    return MHD_YES;
}

static void count_received(struct request *request, size_t bytes)
{
    atomic_fetch_add(&request->received, (int64_t)bytes);
    metrics_count_received((int64_t)bytes);
}

static enum MHD_Result body_call(struct request *request, struct slice bytes, size_t *ret_left)
{
    *ret_left = 0;
    if (atomic_load(&request->server->cutting)) {
        return MHD_NO;
    }
    const struct request_handler *handler = request->handler;
    if (request->phase == REQUEST_BODY && !request->answered && handler != NULL &&
        handler->data != NULL) {
        size_t taken = handler->data(request, bytes);
        check(taken <= bytes.len);
        count_received(request, taken);
        if (!request->answered) {
            *ret_left = bytes.len - taken;
            if (*ret_left > 0) {
                suspend(request);
            }
            return MHD_YES;
        }
        bytes = slice_skip(bytes, taken);
    }
    if (request->phase != REQUEST_DRAINING) {
        start_draining(request); /* also when no answer is known yet: end() will give one */
    }
    count_received(request, bytes.len);
    return drain(request, bytes.len);
}

static enum MHD_Result last_call(struct request *request)
{
    if (!move_answer(request, ANSWER_OFFERED, ANSWER_HELD) &&
        atomic_load(&request->answer_state) == ANSWER_TAKEN) {
        return MHD_NO;
    }
    request->phase = REQUEST_COMPLETE;
    atomic_store(&request->drain_since_ms, 0);
    if (!request->answered) {
        check(request->handler != NULL);
        request->wants_wait = false;
        request->handler->end(request);
        if (!request->answered) {
            check(request->wants_wait);
            suspend(request);
            return MHD_YES;
        }
    }
    return queue_answer(request);
}

static enum MHD_Result step(struct request *request, const char *method, const char *version,
                            const char *data, size_t *data_size)
{
    if (request->phase == REQUEST_NEW) {
        request->method = method;
        request->version = version;
        return first_call(request);
    }
    if (*data_size > 0) {
        size_t left = 0;
        enum MHD_Result result = body_call(request, slice_of(data, *data_size), &left);
        *data_size = left;
        return result;
    }
    return last_call(request);
}

enum MHD_Result request_step(struct request *request, const char *method, const char *version,
                             const char *data, size_t *data_size)
{
    check(request->magic == REQUEST_MAGIC);
    begin_work(request);
    enum MHD_Result result = step(request, method, version, data, data_size);
    end_work(request);
    return result;
}

/* ---- questions ---- */

const char *request_method(const struct request *request)
{
    return request->method;
}

bool request_is_head(const struct request *request)
{
    return strcmp(request->method, "HEAD") == 0;
}

struct slice request_raw_path(const struct request *request)
{
    return request->target.path;
}

struct slice request_query(const struct request *request)
{
    return request->target.query;
}

err_t request_query_get(const struct request *request, const char *name, char *dst, size_t dst_size)
{
    return target_query_get(request->target.query, name, dst, dst_size);
}

struct slice request_header(const struct request *request, const char *name)
{
    const char *value = NULL;
    size_t len = 0;
    if (MHD_lookup_connection_value_n(request->mhd, MHD_HEADER_KIND, name, strlen(name), &value,
                                      &len) != MHD_YES ||
        value == NULL) {
        return (struct slice){NULL, 0};
    }
    return slice_of(value, len);
}

struct visit {
    struct slice name;
    bool (*each)(void *arg, struct slice value);
    void *arg;
};

static enum MHD_Result visit_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                    size_t name_len, const char *value, size_t value_len)
{
    (void)kind;
    const struct visit *visit = arg;
    bool more = !slice_eq_nocase(visit->name, slice_of(name, name_len)) ||
                visit->each(visit->arg, slice_of(value, value_len));
    return more ? MHD_YES : MHD_NO;
}

void request_each_header(const struct request *request, const char *name,
                         bool (*each)(void *arg, struct slice value), void *arg)
{
    struct visit visit = {.name = slice_str(name), .each = each, .arg = arg};
    (void)MHD_get_connection_values_n(request->mhd, MHD_HEADER_KIND, visit_header, &visit);
}

void request_copy_header(const struct request *request, const char *name, char *dst,
                         size_t dst_size)
{
    struct slice value = request_header(request, name);
    value.len = value.len < dst_size ? value.len : dst_size - 1;
    check(slice_copy(value, dst, dst_size)); /* framing_check() has refused NULs */
}

err_t request_param(const struct request *request, size_t n, char *dst, size_t dst_size)
{
    check(n < ROUTE_MAX_PARAMS && dst_size > 0);
    struct slice rest = request->params[n];
    size_t len = 0;
    dst[0] = '\0';
    while (rest.len > 0) {
        int byte = percent_next(&rest, false);
        if (byte <= 0) {
            return ERR_INVALID;
        }
        if (len + 1 >= dst_size) {
            return ERR_TOOBIG;
        }
        dst[len++] = (char)byte;
        dst[len] = '\0';
    }
    return ERR_OK;
}

struct slice request_param_raw(const struct request *request, size_t n)
{
    check(n < ROUTE_MAX_PARAMS);
    return request->params[n];
}

int64_t request_content_length(const struct request *request)
{
    return request->content_length;
}

const char *request_client(const struct request *request)
{
    return request->client;
}

bool request_is_for_metrics(const struct request *request)
{
    return request->connection != NULL && request->connection->for_metrics;
}

bool request_is_https(const struct request *request)
{
    return request->https;
}

bool request_has_https_links(const struct request *request)
{
    return request->https_links;
}

struct slice request_forwarded_host(const struct request *request)
{
    return request->forwarded_host;
}

struct slice request_host(const struct request *request)
{
    struct slice authority = request->target.authority; /* HTTP/1.0 needs no Host beside it */
    return authority.ptr != NULL ? authority : request_header(request, "Host");
}

void request_set_state(struct request *request, void *state)
{
    request->state = state;
}

void *request_state(const struct request *request)
{
    return request->state;
}

void request_set_note(struct request *request, size_t n, int64_t value)
{
    check(n < REQUEST_NOTES);
    request->notes[n] = value;
}

int64_t request_note(const struct request *request, size_t n)
{
    check(n < REQUEST_NOTES);
    return request->notes[n];
}

void *request_app(const struct request *request)
{
    return request->server->app;
}

struct server *request_server(const struct request *request)
{
    return request->server;
}

void request_set_route(struct request *request, const struct route *route,
                       const struct slice *params)
{
    check(request->route == NULL);
    request->route = route;
    memcpy(request->params, params, sizeof request->params);
}

void request_begin_handler(struct request *request)
{
    check(request->route != NULL && request->handler == NULL);
    request->handler = request->route->handler;
    if (request->handler->begin != NULL) {
        request->handler->begin(request);
    }
}

void request_set_purpose(struct request *request, enum metrics_purpose purpose)
{
    request->purpose = purpose;
}

bool request_handler_begun(const struct request *request)
{
    return request->handler != NULL;
}

const struct route *request_route(const struct request *request)
{
    return request->route;
}

void request_answer(struct request *request, struct response *response)
{
    if (request->answered) {
        response_free(response);
        return;
    }
    request->answer = response; /* NULL for lack of memory: queue_answer() makes do */
    request->answered = true;
}

bool request_answered(const struct request *request)
{
    return request->answered;
}
