#include "curl.h"
#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

/* A pointer to a function is not made from one to data (C17 6.3.2.3), but has the same bytes
 * (POSIX, dlsym). */
static bool find(void *library, const char *name, void *ret_call)
{
    void *symbol = dlsym(library, name);
    memcpy(ret_call, &symbol, sizeof symbol);
    return symbol != NULL;
}

static bool find_all(void *library, struct curl_calls *ret_calls)
{
    return find(library, "curl_easy_init", &ret_calls->easy_init) &&
           find(library, "curl_easy_setopt", &ret_calls->easy_setopt) &&
           find(library, "curl_easy_perform", &ret_calls->easy_perform) &&
           find(library, "curl_easy_getinfo", &ret_calls->easy_getinfo) &&
           find(library, "curl_easy_header", &ret_calls->easy_header) &&
           find(library, "curl_easy_strerror", &ret_calls->easy_strerror) &&
           find(library, "curl_easy_cleanup", &ret_calls->easy_cleanup) &&
           find(library, "curl_slist_append", &ret_calls->slist_append) &&
           find(library, "curl_slist_free_all", &ret_calls->slist_free_all);
}

err_t curl_load(const struct curl_calls **ret_calls, struct err_info *ret_info)
{
    static struct curl_calls calls;
    static bool loaded;
    if (!loaded) {
        /* Never unloaded: libraries that it brings along do not all take that well. */
        void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
        __typeof__(curl_global_init) *global_init = NULL;
        if (library == NULL || !find(library, "curl_global_init", &global_init) ||
            !find_all(library, &calls)) {
            return err_set(ret_info, ERR_NOTFOUND,
                           "the library that talks to servers is missing (package libcurl4): %s",
                           dlerror());
        }
        if (global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
            return err_set(ret_info, ERR_NOMEM, "libcurl does not start");
        }
        loaded = true;
    }
    *ret_calls = &calls;
    return ERR_OK;
}
