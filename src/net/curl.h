/* curl.h — libcurl, loaded when it is needed (docs/decisions/0012-libcurl-when-needed.md).
 * For the main thread, before it starts others. The table lives as long as the program. */
#ifndef PICOSHARE_NET_CURL_H
#define PICOSHARE_NET_CURL_H

#include "picoshare/base/err.h"
#include <curl/curl.h>

/* The functions that are used, each with the type that libcurl's header gives it. */
struct curl_calls {
    __typeof__(curl_easy_init) *easy_init;
    __typeof__(curl_easy_setopt) *easy_setopt;
    __typeof__(curl_easy_perform) *easy_perform;
    __typeof__(curl_easy_getinfo) *easy_getinfo;
    __typeof__(curl_easy_header) *easy_header;
    __typeof__(curl_easy_strerror) *easy_strerror;
    __typeof__(curl_easy_cleanup) *easy_cleanup;
    __typeof__(curl_slist_append) *slist_append;
    __typeof__(curl_slist_free_all) *slist_free_all;
};

/* ERR_NOTFOUND: the library is not here, or is not the one that it should be. */
err_t curl_load(const struct curl_calls **ret_calls, struct err_info *ret_info) MUST_CHECK;

#endif
