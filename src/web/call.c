/* call.c — small requests: a body of at most MAX_JSON_BYTES, then one job of the store. */
#include "internal.h"
#include "picoshare/base/check.h"
#include "picoshare/base/digest.h"
#include "picoshare/base/mem.h"
#include <stdatomic.h>

void *call_begin(struct request *request, size_t size)
{
    struct call *call = mem_alloc(1, size);
    if (call == NULL) {
        answer_error(request, 503, "out of memory");
        return NULL;
    }
    call->request = request;
    buf_init(&call->body, MAX_JSON_BYTES);
    request_set_state(request, call);
    if (request_content_length(request) > MAX_JSON_BYTES) {
        answer_error(request, 413, "request body too large");
        return NULL;
    }
    return call;
}

size_t call_receive(struct request *request, struct slice bytes)
{
    struct call *call = request_state(request);
    if (!call->large && call->body.len + bytes.len > SMALL_JSON_BYTES) {
        call->large = true;
        if (atomic_fetch_add(&app_of(request)->large_bodies, 1) >= MAX_LARGE_BODIES) {
            answer_error(request, 503, "the server is busy");
            return bytes.len;
        }
    }
    buf_add_slice(&call->body, bytes);
    err_t err = buf_err(&call->body);
    if (err != ERR_OK) {
        answer_error(request, status_of(err),
                     err == ERR_TOOBIG ? "request body too large" : "out of memory");
    }
    return bytes.len;
}

static void on_done(struct store_job *job)
{
    struct call *call = job->owner;
    call->result = job->result;
    atomic_store(&call->done, true);
    request_wake(call->request);
}

void call_submit(struct call *call, struct store_job *job)
{
    check(!call->submitted);
    job->owner = call;
    job->done = on_done;
    call->submitted = true;
    store_submit(app_of(call->request)->store, job);
    request_wait(call->request);
}

bool call_finished(struct call *call)
{
    check(call->submitted);
    bool done = atomic_load(&call->done);
    if (!done) {
        request_wait(call->request);
    }
    return done;
}

void call_close(struct request *request)
{
    struct call *call = request_state(request);
    if (call == NULL) {
        return;
    }
    check(!call->submitted || atomic_load(&call->done));
    if (call->body.ptr != NULL) {
        digest_wipe(call->body.ptr, call->body.cap); /* it may have been a passphrase */
    }
    buf_done(&call->body);
    if (call->large) {
        atomic_fetch_sub(&app_of(request)->large_bodies, 1);
    }
    mem_free(call);
}
