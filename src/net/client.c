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

/* One request. */
struct exchange {
    struct client *client;
    CURL *handle;
    const struct client_sink *sink; /* NULL: all of the body is text */
    struct buf *text;
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

/* ---- what libcurl calls ---- */

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct exchange *exchange = arg;
    size_t len = size * n;
    long status = 0;
    curl_off_t total = -1;
    const struct curl_calls *curl = exchange->client->curl;
    (void)curl->easy_getinfo(exchange->handle, CURLINFO_RESPONSE_CODE, &status);
    if (exchange->sink == NULL || status != 200) {
        buf_add(exchange->text, bytes, len);
        return buf_err(exchange->text) == ERR_OK ? len : 0;
    }
    (void)curl->easy_getinfo(exchange->handle, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &total);
    return exchange->sink->take(exchange->sink->arg, slice_of(bytes, len), total) ? len : 0;
}

static int on_tick(void *arg, curl_off_t to_come, curl_off_t came, curl_off_t to_go,
                   curl_off_t gone)
{
    (void)to_come, (void)came, (void)to_go, (void)gone;
    struct exchange *exchange = arg;
    return exchange->sink->tick(exchange->sink->arg) ? 0 : 1;
}

/* ---- requests ---- */

static bool set_up(struct exchange *exchange, const char *method, const char *url)
{
    const struct client *client = exchange->client;
    __typeof__(curl_easy_setopt) *set = client->curl->easy_setopt;
    CURL *h = exchange->handle;
    bool ok = set(h, CURLOPT_URL, url) == CURLE_OK &&
              set(h, CURLOPT_ERRORBUFFER, exchange->error) == CURLE_OK &&
              set(h, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
              set(h, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
              set(h, CURLOPT_PROXY, "") == CURLE_OK &&
              set(h, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK &&
              set(h, CURLOPT_CONNECTTIMEOUT_MS, (long)client->time_out_ms) == CURLE_OK &&
              set(h, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK &&
              set(h, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
              set(h, CURLOPT_WRITEDATA, exchange) == CURLE_OK;
    if (ok && !slice_eq(slice_str(method), SLICE("GET"))) {
        ok = set(h, CURLOPT_POSTFIELDS, "") == CURLE_OK;
    }
    if (ok && client->passphrase != NULL) {
        ok = set(h, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) == CURLE_OK &&
             set(h, CURLOPT_USERNAME, "") == CURLE_OK &&
             set(h, CURLOPT_PASSWORD, client->passphrase) == CURLE_OK;
    }
    if (ok && exchange->sink == NULL) {
        ok = set(h, CURLOPT_TIMEOUT_MS, (long)client->time_out_ms) == CURLE_OK;
    } else if (ok && exchange->sink->tick != NULL) {
        ok = set(h, CURLOPT_XFERINFOFUNCTION, on_tick) == CURLE_OK &&
             set(h, CURLOPT_XFERINFODATA, exchange) == CURLE_OK &&
             set(h, CURLOPT_NOPROGRESS, 0L) == CURLE_OK;
    }
    return ok;
}

static err_t perform(struct exchange *exchange, const char *method, const char *url,
                     int *ret_status, struct err_info *ret_info)
{
    const struct curl_calls *curl = exchange->client->curl;
    if (!set_up(exchange, method, url)) {
        return err_set(ret_info, ERR_NOMEM, "%s", err_name(ERR_NOMEM));
    }
    CURLcode code = curl->easy_perform(exchange->handle);
    err_t err = buf_err(exchange->text);
    if (err != ERR_OK) {
        return err_set(ret_info, err, "%s: the answer is too long", url);
    }
    if (code == CURLE_WRITE_ERROR || code == CURLE_ABORTED_BY_CALLBACK) {
        return err_set(ret_info, ERR_CLOSED, "%s: stopped", url);
    }
    if (code != CURLE_OK) {
        const char *reason = exchange->error;
        return err_set(ret_info, ERR_IO, "%s: %s", url,
                       reason[0] != '\0' ? reason : curl->easy_strerror(code));
    }
    long status = 0;
    (void)curl->easy_getinfo(exchange->handle, CURLINFO_RESPONSE_CODE, &status);
    *ret_status = (int)status;
    return ERR_OK;
}

static err_t send_request(struct client *client, const char *method, const char *path,
                          const struct client_sink *sink, int *ret_status, struct buf *ret_text,
                          struct err_info *ret_info)
{
    enum { MAX_URL_BYTES = 8192 };
    struct exchange exchange = {.client = client, .sink = sink, .text = ret_text};
    struct buf url;
    buf_init(&url, MAX_URL_BYTES);
    buf_add_slice(&url, client->url);
    buf_add_str(&url, path);
    err_t err = buf_err(&url);
    if (err == ERR_OK) {
        exchange.handle = client->curl->easy_init();
        err = exchange.handle != NULL ? ERR_OK : ERR_NOMEM;
    }
    if (err == ERR_OK) {
        err = perform(&exchange, method, buf_str(&url), ret_status, ret_info);
        client->curl->easy_cleanup(exchange.handle);
    } else {
        (void)err_set(ret_info, err, "%s", err_name(err));
    }
    buf_done(&url);
    return err;
}

err_t client_ask(struct client *client, const char *method, const char *path, int *ret_status,
                 struct buf *ret_text, struct err_info *ret_info)
{
    return send_request(client, method, path, NULL, ret_status, ret_text, ret_info);
}

err_t client_fetch(struct client *client, const char *method, const char *path,
                   const struct client_sink *sink, int *ret_status, struct buf *ret_text,
                   struct err_info *ret_info)
{
    return send_request(client, method, path, sink, ret_status, ret_text, ret_info);
}
