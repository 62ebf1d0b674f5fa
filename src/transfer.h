/* transfer.h — what the commands that send and receive files share: their exit codes, requests that
 * are sent again when the server is busy, and how they tell what went wrong. One thread. */
#ifndef PICOSHARE_TRANSFER_H
#define PICOSHARE_TRANSFER_H

#include "picoshare/base/buf.h"
#include "picoshare/base/digest.h"
#include "picoshare/net/client.h"
#include "progress.h"
#include <stdio.h>

/* Exit codes. */
enum {
    TRANSFER_DONE = 0,
    TRANSFER_REFUSED = 1, /* by the server, for a reason that has no code of its own */
    TRANSFER_MISUSED = 2, /* wrong arguments, or a file on this side */
    TRANSFER_BROKEN = 3,  /* no server, or no whole answer */
    TRANSFER_DAMAGED = 4, /* the digest of what arrived is wrong */
    TRANSFER_SIGN_IN = 5, /* 401 or 403 */
    TRANSFER_LATER = 6,   /* 429, 503 or 507: busy or full */
};

/* What they mean, for -help. */
extern const char transfer_codes_help[];

enum { TRANSFER_NAME_SIZE = 64, TRANSFER_IDLE_S = 120 };

struct transfer {
    struct client *client;
    struct progress progress;
    bool json;
    const char *name;                      /* of the file, as it was said here; borrowed */
    char printed_name[TRANSFER_NAME_SIZE]; /* for a terminal */
    int status;                            /* of the last answer; 0: none */
    int64_t retry_after_s;                 /* of the last answer; 0: it did not say */
    struct buf text;                       /* its words */
    struct err_info info;                  /* set by a callback that stops: what went wrong here */
};

void transfer_init(struct transfer *transfer, bool json);
void transfer_done(struct transfer *transfer);
/* Begins with a file; the name is borrowed until the next one. */
void transfer_set_name(struct transfer *transfer, const char *name);

/* For the begin() of a sink. */
void transfer_note_answer(struct transfer *transfer, const struct client_answer *answer);
/* The SHA-256 of the whole file, as the answer has it (RFC 9530); false: it has none. */
bool transfer_digest(const struct client_answer *answer, uint8_t ret_sha256[SHA256_BYTES]);

/* Sends a request. An answer 503 with Retry-After is waited for, and the request sent again, a few
 * times, if again() allows (NULL: never). TRANSFER_DONE: there is an answer, of any status;
 * otherwise what went wrong has been told. */
int transfer_send(struct transfer *transfer, const struct client_request *request,
                  const struct client_sink *sink, bool (*again)(void *arg));

/* Both tell why there is nothing, on stderr and as JSON if that is wanted, and return an exit code:
 * of the last answer, or the given one. */
int transfer_refuse(struct transfer *transfer);
int transfer_fail(struct transfer *transfer, int code, const char *text);

/* A text as a JSON string; what is no UTF-8 in it as U+FFFD. */
void transfer_print_json(FILE *out, const char *text);

#endif
