#include "picoshare/net/client.h"
#include "curl.h"
#include "picoshare/base/check.h"
#include "picoshare/base/digest.h"
#include "picoshare/base/mem.h"

struct client {
    const struct curl_calls *curl;
    struct slice url; /* owned; without a slash at its end */
    char *passphrase; /* owned; NULL: none */
    int64_t time_out_ms;
};

/* One request. Its answer is what the callbacks see of it. */
struct client_answer {
    struct client *client;
    const struct client_request *request;
    CURL *handle;
    struct curl_slist *headers;
    const struct client_sink *sink; /* NULL: all of the body is text */
    struct buf *text;
    bool begun; /* the sink knows of the answer */
    char error[CURL_ERROR_SIZE];
};

void client_close(struct client *client)
{
    if (client == NULL) {
        return;
    }
    if (client->passphrase != NULL) {
        digest_wipe(client->passphrase, strlen(client->passphrase));
    }
    mem_free(client->passphrase);
    mem_free((char *)client->url.ptr);
    mem_free(client);
}

err_t client_open(const struct client_options *options, struct client **ret_client,
                  struct err_info *ret_info)
{
    struct slice url = slice_str(options->url);
    if (!slice_starts(url, SLICE("http://")) && !slice_starts(url, SLICE("https://"))) {
        return err_set(ret_info, ERR_INVALID, "not the URL of a server: %s", options->url);
    }
    size_t host = strcspn(options->url, ":") + strlen("://");
    if (memchr(url.ptr + host, '@', strcspn(url.ptr + host, "/?#")) != NULL) {
        return err_set(ret_info, ERR_INVALID, "a URL is no place for a passphrase");
    }
    while (url.ptr[url.len - 1] == '/') {
        url.len--;
    }
    const struct curl_calls *curl = NULL;
    err_t err = curl_load(&curl, ret_info);
    if (err != ERR_OK) {
        return err;
    }
    struct client *client = mem_alloc(1, sizeof *client);
    if (client != NULL) {
        client->curl = curl;
        client->time_out_ms = options->time_out_ms;
        client->url = slice_of(mem_dup(url.ptr, url.len), url.len);
        if (options->passphrase != NULL) {
            client->passphrase = mem_dup(options->passphrase, strlen(options->passphrase));
        }
    }
    if (client == NULL || client->url.ptr == NULL ||
        (options->passphrase != NULL && client->passphrase == NULL)) {
        client_close(client);
        return err_set(ret_info, ERR_NOMEM, "%s", err_name(ERR_NOMEM));
    }
    *ret_client = client;
    return ERR_OK;
}

/* ---- the answer ---- */

int client_answer_status(const struct client_answer *answer)
{
    long status = 0;
    (void)answer->client->curl->easy_getinfo(answer->handle, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

const char *client_answer_header(const struct client_answer *answer, const char *name)
{
    struct curl_header *header = NULL;
    return answer->client->curl->easy_header(answer->handle, name, 0, CURLH_HEADER, -1, &header) ==
                   CURLHE_OK
               ? header->value
               : NULL;
}

static bool begin(struct client_answer *answer)
{
    const struct client_sink *sink = answer->sink;
    bool goes_on =
        answer->begun || sink == NULL || sink->begin == NULL || sink->begin(sink->arg, answer);
    answer->begun = true;
    return goes_on;
}

/* ---- what libcurl calls ---- */

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct client_answer *answer = arg;
    size_t len = size * n;
    int status = client_answer_status(answer);
    curl_off_t total = -1;
    if (!begin(answer)) {
        return 0;
    }
    if (answer->sink == NULL || (status != 200 && status != 206)) {
        buf_add(answer->text, bytes, len);
        return buf_err(answer->text) == ERR_OK ? len : 0;
    }
    (void)answer->client->curl->easy_getinfo(answer->handle, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T,
                                             &total);
    return answer->sink->take(answer->sink->arg, slice_of(bytes, len), total) ? len : 0;
}

static size_t on_send(char *bytes, size_t size, size_t n, void *arg)
{
    const struct client_source *source = ((struct client_answer *)arg)->request->source;
    size_t len = 0;
    return source->give(source->arg, bytes, size * n, &len) ? len : CURL_READFUNC_ABORT;
}

static int on_tick(void *arg, curl_off_t to_come, curl_off_t came, curl_off_t to_go,
                   curl_off_t gone)
{
    (void)to_come, (void)came, (void)to_go, (void)gone;
    struct client_answer *answer = arg;
    return answer->sink->tick(answer->sink->arg) ? 0 : 1;
}

/* ---- requests ---- */

static bool set_up(struct client_answer *answer, const char *url)
{
    const struct client *client = answer->client;
    __typeof__(curl_easy_setopt) *set = client->curl->easy_setopt;
    CURL *h = answer->handle;
    bool ok = set(h, CURLOPT_URL, url) == CURLE_OK && set(h, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
              set(h, CURLOPT_ERRORBUFFER, answer->error) == CURLE_OK &&
              set(h, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
              set(h, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
              set(h, CURLOPT_PROXY, "") == CURLE_OK &&
              set(h, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK &&
              set(h, CURLOPT_CONNECTTIMEOUT_MS, (long)client->time_out_ms) == CURLE_OK &&
              set(h, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
              set(h, CURLOPT_WRITEDATA, answer) == CURLE_OK;
    if (ok && client->passphrase != NULL) {
        ok = set(h, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) == CURLE_OK &&
             set(h, CURLOPT_USERNAME, "") == CURLE_OK &&
             set(h, CURLOPT_PASSWORD, client->passphrase) == CURLE_OK;
    }
    if (ok && answer->sink == NULL) {
        ok = set(h, CURLOPT_TIMEOUT_MS, (long)client->time_out_ms) == CURLE_OK;
    } else if (ok && answer->sink->tick != NULL) {
        ok = set(h, CURLOPT_XFERINFOFUNCTION, on_tick) == CURLE_OK &&
             set(h, CURLOPT_XFERINFODATA, answer) == CURLE_OK &&
             set(h, CURLOPT_NOPROGRESS, 0L) == CURLE_OK;
    }
    return ok;
}

static bool set_up_method(struct client_answer *answer)
{
    const struct client_request *request = answer->request;
    __typeof__(curl_easy_setopt) *set = answer->client->curl->easy_setopt;
    CURL *h = answer->handle;
    bool ok = set(h, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK;
    if (ok && request->source != NULL) {
        ok = set(h, CURLOPT_UPLOAD, 1L) == CURLE_OK &&
             set(h, CURLOPT_READFUNCTION, on_send) == CURLE_OK &&
             set(h, CURLOPT_READDATA, answer) == CURLE_OK &&
             set(h, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->source->length) == CURLE_OK;
    } else if (ok && slice_eq(slice_str(request->method), SLICE("HEAD"))) {
        ok = set(h, CURLOPT_NOBODY, 1L) == CURLE_OK;
    } else if (ok && !slice_eq(slice_str(request->method), SLICE("GET"))) {
        ok = set(h, CURLOPT_POSTFIELDS, "") == CURLE_OK;
    }
    return ok;
}

static bool set_up_rest(struct client_answer *answer)
{
    const struct client_request *request = answer->request;
    const struct curl_calls *curl = answer->client->curl;
    CURL *h = answer->handle;
    for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; i++) {
        struct curl_slist *longer = curl->slist_append(answer->headers, request->headers[i]);
        if (longer == NULL) {
            return false;
        }
        answer->headers = longer;
    }
    bool ok = curl->easy_setopt(h, CURLOPT_HTTPHEADER, answer->headers) == CURLE_OK;
    if (ok && request->bytes_per_s > 0) {
        curl_off_t rate = request->bytes_per_s;
        ok = curl->easy_setopt(h, CURLOPT_MAX_SEND_SPEED_LARGE, rate) == CURLE_OK &&
             curl->easy_setopt(h, CURLOPT_MAX_RECV_SPEED_LARGE, rate) == CURLE_OK;
    }
    if (ok && request->idle_s > 0) {
        ok = curl->easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK &&
             curl->easy_setopt(h, CURLOPT_LOW_SPEED_TIME, (long)request->idle_s) == CURLE_OK;
    }
    return ok;
}

static err_t perform(struct client_answer *answer, const char *url, int *ret_status,
                     struct err_info *ret_info)
{
    const struct curl_calls *curl = answer->client->curl;
    if (!set_up(answer, url) || !set_up_method(answer) || !set_up_rest(answer)) {
        return err_set(ret_info, ERR_NOMEM, "%s", err_name(ERR_NOMEM));
    }
    CURLcode code = curl->easy_perform(answer->handle);
    err_t err = buf_err(answer->text);
    if (err != ERR_OK) {
        return err_set(ret_info, err, "%s: the answer is too long", url);
    }
    if (code == CURLE_WRITE_ERROR || code == CURLE_ABORTED_BY_CALLBACK ||
        (code == CURLE_OK && !begin(answer))) {
        return err_set(ret_info, ERR_CLOSED, "%s: stopped", url);
    }
    if (code != CURLE_OK) {
        const char *reason = answer->error;
        return err_set(ret_info, ERR_IO, "%s: %s", url,
                       reason[0] != '\0' ? reason : curl->easy_strerror(code));
    }
    *ret_status = client_answer_status(answer);
    return ERR_OK;
}

err_t client_fetch(struct client *client, const struct client_request *request,
                   const struct client_sink *sink, int *ret_status, struct buf *ret_text,
                   struct err_info *ret_info)
{
    enum { MAX_URL_BYTES = 8192 };
    struct client_answer answer = {
        .client = client, .request = request, .sink = sink, .text = ret_text};
    struct buf url;
    buf_init(&url, MAX_URL_BYTES);
    buf_add_slice(&url, client->url);
    buf_add_str(&url, request->path);
    err_t err = buf_err(&url);
    if (err == ERR_OK) {
        answer.handle = client->curl->easy_init();
        err = answer.handle != NULL ? ERR_OK : ERR_NOMEM;
    }
    if (err == ERR_OK) {
        err = perform(&answer, buf_str(&url), ret_status, ret_info);
        client->curl->easy_cleanup(answer.handle);
        client->curl->slist_free_all(answer.headers);
    } else {
        (void)err_set(ret_info, err, "%s", err_name(err));
    }
    buf_done(&url);
    return err;
}

err_t client_ask(struct client *client, const char *method, const char *path, int *ret_status,
                 struct buf *ret_text, struct err_info *ret_info)
{
    const struct client_request request = {.method = method, .path = path};
    return client_fetch(client, &request, NULL, ret_status, ret_text, ret_info);
}
