/* health.c — GET /healthz: whether the server answers and can read its database, for whoever
 * supervises it. Public, and the cheapest read there is. */
#include "internal.h"
#include "picoshare/base/log.h"

static void end(struct request *request)
{
    int64_t days = 0;
    err_t err = store_default_days(app_of(request)->store, &days);
    struct response *response = NULL;
    if (err == ERR_OK) {
        response = response_new(200);
        response_add_text(response, "ok");
    } else {
        log_event(LOG_ERROR, "the database cannot be read", "error", err_name(err), NULL);
        response = error_response(request, 503, "the database cannot be read");
    }
    response_header(response, "Cache-Control", "no-store");
    request_answer(request, response);
}

const struct request_handler handler_health = {.end = end};
