#include "transfer.h"
#include "picoshare/base/check.h"
#include "picoshare/base/escape.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/num.h"
#include "picoshare/base/utf8.h"
#include "picoshare/text/repr_digest.h"
#include <poll.h>

enum {
    MAX_TEXT_BYTES = 64 * KIB, /* no answer that is not a file is longer */
    MAX_SENDS = 5,
    MAX_RETRY_AFTER_S = 60, /* who wants more of a wait may start the command later */
};

const char transfer_codes_help[] =
    "\nExit codes: 0 done; 1 the server refuses; 2 wrong arguments, or a file here that cannot be\n"
    "read or written, or is there already; 3 no server, or broken off; 4 what arrived is not what\n"
    "was sent, by its digest; 5 the passphrase or the guest link is not accepted; 6 the server is\n"
    "busy or full: later it may work. A line on stderr says more.\n";

void transfer_init(struct transfer *transfer, bool json)
{
    transfer->json = json;
    progress_init(&transfer->progress, false);
    buf_init(&transfer->text, MAX_TEXT_BYTES);
}

void transfer_done(struct transfer *transfer)
{
    client_close(transfer->client);
    buf_done(&transfer->text);
}

/* As much of the text as there is room for. */
static void print_safely(struct slice text, char *ret_text, size_t size)
{
    size_t used = 0;
    while (text.len > 0) {
        char escaped[ESCAPED_SIZE];
        escape_next(&text, escaped);
        size_t len = strlen(escaped);
        if (used + len >= size) {
            break;
        }
        memcpy(ret_text + used, escaped, len);
        used += len;
    }
    ret_text[used] = '\0';
}

void transfer_set_name(struct transfer *transfer, const char *name)
{
    transfer->name = name;
    transfer->status = 0;
    transfer->info.text[0] = '\0';
    print_safely(slice_str(name), transfer->printed_name, sizeof transfer->printed_name);
}

/* ---- answers ---- */

void transfer_note_answer(struct transfer *transfer, const struct client_answer *answer)
{
    const char *value = client_answer_header(answer, "Retry-After");
    int64_t seconds = 0;
    bool is_number =
        value != NULL && num_parse_i64(slice_str(value), 1, MAX_RETRY_AFTER_S, &seconds) == ERR_OK;
    transfer->retry_after_s = is_number ? seconds : 0;
}

bool transfer_digest(const struct client_answer *answer, uint8_t ret_sha256[SHA256_BYTES])
{
    return repr_digest_parse(slice_str(client_answer_header(answer, "Repr-Digest")), ret_sha256);
}

/* ---- requests ---- */

static bool is_busy(const struct transfer *t)
{
    return t->status == 503 && t->retry_after_s > 0;
}

static void wait_to_retry(struct transfer *t)
{
    progress_clear(&t->progress);
    (void)fprintf(stderr, "picoshare: %s: the server is busy; again in %d s\n", t->printed_name,
                  (int)t->retry_after_s);
    (void)poll(NULL, 0, (int)t->retry_after_s * 1000);
}

int transfer_send(struct transfer *t, const struct client_request *request,
                  const struct client_sink *sink, bool (*again)(void *arg))
{
    for (int sends = 1;; sends++) {
        struct err_info info = {.text = ""};
        t->status = 0;
        t->retry_after_s = 0;
        buf_clear(&t->text);
        err_t err = client_fetch(t->client, request, sink, &t->status, &t->text, &info);
        if (t->info.text[0] != '\0') {
            return transfer_fail(t, TRANSFER_MISUSED, t->info.text);
        }
        if (err != ERR_OK) {
            return transfer_fail(t, TRANSFER_BROKEN, info.text);
        }
        if (!is_busy(t) || sends == MAX_SENDS || again == NULL || !again(sink->arg)) {
            return TRANSFER_DONE;
        }
        wait_to_retry(t);
    }
}

/* ---- what is told ---- */

static int code_of(int status)
{
    switch (status) {
    case 401:
    case 403:
        return TRANSFER_SIGN_IN;
    case 429:
    case 503:
    case 507:
        return TRANSFER_LATER;
    default:
        return TRANSFER_REFUSED;
    }
}

int transfer_refuse(struct transfer *t)
{
    char line[sizeof t->info.text];
    char words[sizeof line - 48];
    const char *text = buf_str(&t->text);
    print_safely(slice_of(text, strcspn(text, "\r\n")), words, sizeof words);
    (void)snprintf(line, sizeof line, "the server refuses (%d)%s%s", t->status,
                   words[0] != '\0' ? ": " : "", words);
    return transfer_fail(t, code_of(t->status), line);
}

int transfer_fail(struct transfer *t, int code, const char *text)
{
    progress_clear(&t->progress);
    (void)fprintf(stderr, "picoshare: %s: %s\n", t->printed_name, text);
    if (t->json) {
        (void)fputs("{\"file\":", stdout);
        transfer_print_json(stdout, t->name);
        (void)fputs(",\"error\":", stdout);
        transfer_print_json(stdout, text);
        (void)printf(",\"status\":%d,\"code\":%d}\n", t->status, code);
    }
    return code;
}

void transfer_print_json(FILE *out, const char *text)
{
    struct slice rest = slice_str(text);
    (void)fputc('"', out);
    while (rest.len > 0) {
        struct slice from = rest;
        uint32_t c = 0;
        if (!utf8_next(&rest, &c) || c < 0x20 || c == 0x7f) {
            (void)fprintf(out, "\\u%04x", (unsigned)c);
            continue;
        }
        (void)fputs(c == '"' || c == '\\' ? "\\" : "", out);
        (void)fwrite(from.ptr, 1, from.len - rest.len, out);
    }
    (void)fputc('"', out);
}
