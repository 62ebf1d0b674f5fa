/* api.h — what the tests of the JSON API share: calls as the owner, guest links, rows by SQL.
 *
 * Every helper fails the running test when something goes wrong, so it is for the main thread only
 * (see harness.h). Functions are inline: each test is a program of one source file. */
#ifndef PICOSHARE_TESTS_HTTP_API_H
#define PICOSHARE_TESTS_HTTP_API_H

#include "harness.h"
#include "picoshare/base/num.h"
#include "picoshare/text/timestamp.h"
#include <stdio.h>
#include <time.h>

enum {
    LINK_CHARS = 16, /* a guest link id, http-api.md 12.6 */
    DAY_S = 24 * 3600,
    MIN_LINK_BYTES = 1048576, /* the smallest size limit of a link */
};
#define NEVER "2999-12-31T00:00:00Z"
#define INFINITE "876000h0m0s"

/* As server_group_setup(), and the owner is signed in. */
static inline int owner_group_setup(void **state)
{
    int code = server_group_setup(state);
    server_sign_in(*state);
    return code;
}

/* ---- the database ---------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static inline void db_change(const struct server *s,
                                                                   const char *fmt, ...)
{
    char sql[4096];
    char out[8];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(sql, sizeof sql, fmt, args);
    va_end(args);
    assert_in_range(len, 1, sizeof sql - 1);
    db_text(s, sql, out, sizeof out);
}

/* The result of the query is this text. */
__attribute__((format(printf, 3, 4))) static inline void
expect_db(const struct server *s, const char *expected, const char *fmt, ...)
{
    char sql[1024];
    char got[2048];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(sql, sizeof sql, fmt, args);
    va_end(args);
    assert_in_range(len, 1, sizeof sql - 1);
    db_text(s, sql, got, sizeof got);
    if (strcmp(got, expected) != 0) {
        fail_msg("%s:\n'%s' instead of\n'%s'", sql, got, expected);
    }
}

/* ---- answers --------------------------------------------------------------------------------- */

static inline void expect_part(const struct response *r, const char *part)
{
    if (strstr(response_text(r), part) == NULL) {
        fail_msg("no %s in\n%s", part, response_text(r));
    }
}

static inline void expect_no_part(const struct response *r, const char *part)
{
    if (strstr(response_text(r), part) != NULL) {
        fail_msg("%s in\n%s", part, response_text(r));
    }
}

static inline void expect_header(const struct response *r, const char *name, const char *value)
{
    const char *got = response_header(r, name);
    if (got == NULL || strcmp(got, value) != 0) {
        fail_msg("%s: %s; expected %s", name, got != NULL ? got : "(none)", value);
    }
}

/* The number, not negative, that the member of that name has. */
static inline int64_t json_number(const struct response *json, const char *name)
{
    char mark[64];
    int64_t value = -1;
    snprintf(mark, sizeof mark, "\"%s\":", name);
    const char *at = strstr(response_text(json), mark);
    assert_non_null(at);
    at += strlen(mark);
    assert_int_equal(num_parse_i64(slice_of(at, strcspn(at, ",}")), 0, INT64_MAX, &value), ERR_OK);
    return value;
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* json NULL: no body. */
static inline void api_call(const struct server *s, const char *method, const char *path,
                            const char *json, struct response *ret)
{
    http_do(s, &(struct request){.method = method, .path = path, .auth = AUTH_COOKIE, .text = json},
            ret);
}

static inline void api_expect(const struct server *s, const char *method, const char *path,
                              const char *json, int status, const char *text)
{
    struct response r;
    api_call(s, method, path, json, &r);
    expect_answer(&r, status, text);
    response_done(&r);
}

/* The answer is {"id":"..."} and a line feed, with an id of that many characters. */
static inline void expect_id(const struct response *r, size_t chars, char *ret_id)
{
    char expected[64];
    const char *text = response_text(r);
    assert_true(strlen(text) > chars + strlen("{\"id\":\""));
    assert_true(slice_copy(slice_of(text + strlen("{\"id\":\""), chars), ret_id, chars + 1));
    assert_int_equal(strcspn(ret_id, "\"{}:,\n "), chars);
    snprintf(expected, sizeof expected, "{\"id\":\"%s\"}\n", ret_id);
    assert_string_equal(text, expected);
    assert_string_equal(response_header(r, "Content-Type"), "application/json");
}

/* ---- guest links ----------------------------------------------------------------------------- */

struct guest_link {
    const char *expires;  /* NULL: never */
    const char *lifetime; /* NULL: INFINITE */
    int64_t max_bytes;    /* 0: any */
    int64_t max_uploads;  /* 0: any */
};

/* Creates it by the API. */
static inline void link_create(const struct server *s, const struct guest_link *link,
                               char ret_id[LINK_CHARS + 1])
{
    char bytes[24] = "null";
    char uploads[24] = "null";
    char json[400];
    struct response r;
    if (link->max_bytes > 0) {
        snprintf(bytes, sizeof bytes, "%lld", (long long)link->max_bytes);
    }
    if (link->max_uploads > 0) {
        snprintf(uploads, sizeof uploads, "%lld", (long long)link->max_uploads);
    }
    snprintf(json, sizeof json,
             "{\"label\":null,\"urlExpirationTime\":\"%s\",\"fileLifetime\":\"%s\","
             "\"maxFileBytes\":%s,\"maxFileUploads\":%s}",
             link->expires != NULL ? link->expires : NEVER,
             link->lifetime != NULL ? link->lifetime : INFINITE, bytes, uploads);
    api_call(s, "POST", "/api/guest-links", json, &r);
    expect_answer(&r, 200, NULL);
    expect_id(&r, LINK_CHARS, ret_id);
    response_done(&r);
}

/* PUT /api/guest-links/ID/WHAT, expecting 204. */
static inline void link_switch(const struct server *s, const char *id, const char *what)
{
    char path[80];
    snprintf(path, sizeof path, "/api/guest-links/%s/%s", id, what);
    api_expect(s, "PUT", path, NULL, 204, "");
}

static inline void link_delete(const struct server *s, const char *id)
{
    char path[80];
    snprintf(path, sizeof path, "/api/guest-links/%s", id);
    api_expect(s, "DELETE", path, NULL, 200, "");
}

/* Files that came through the link. */
static inline int64_t link_entries(const struct server *s, const char *id)
{
    char sql[100];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM entries WHERE guest_link_id = '%s'", id);
    return db_int(s, sql);
}

static inline void file_delete(const struct server *s, const char *id)
{
    char path[40];
    snprintf(path, sizeof path, "/api/entry/%s", id);
    api_expect(s, "DELETE", path, NULL, 200, "");
}

#endif
