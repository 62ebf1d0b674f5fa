/* harness.h — drives the real program over real sockets.
 *
 * A test file calls harness_main(), which makes one temporary directory for the whole run, runs
 * the group and, when a test failed, shows what each server wrote to stderr. server_start() runs
 * the binary (the PICOSHARE_BINARY environment variable wins over the one built beside the test)
 * in a directory of its own; a server dies with the test that started it. Requests go through
 * libcurl (http_do) or, where the bytes themselves matter, through a plain socket (raw_*). Bodies
 * of any size come from a generator that is addressed by position, so that nothing large is kept.
 *
 * Prefixes name the thing: server_, http_, response_, raw_, gen_, db_, run_. Functions that take
 * no part in assertions (http_do, gen_*, raw_*) may be called from any thread, the others from the
 * main thread only, because a failed assertion of cmocka jumps.
 * PICOSHARE_TEST_SCALE=small shrinks the heavy cases; PICOSHARE_TEST_KEEP=1 keeps the directory. */
#ifndef PICOSHARE_TESTS_HTTP_HARNESS_H
#define PICOSHARE_TESTS_HTTP_HARNESS_H

#include "picoshare/base/buf.h"
#include "picoshare/base/check.h"
#include "picoshare/base/digest.h"
#include "scale.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#define HARNESS_SECRET "dummypass"

enum {
    CHUNK_BYTES = 327680, /* a row of entries_data, database.md 3.4 */
    ID_CHARS = 10,        /* an entry id, http-api.md 12.6 */
    /* Longer means that it hangs: every wait of the harness ends here. Above the server's deadlines
     * for slow clients (30 s), below its idle time-out (120 s). */
    HANG_SECONDS = 60,
};

/* ---- the run ------------------------------------------------------------------------------- */

#define harness_main(tests, setup, teardown)                                                       \
    harness_run(#tests, harness_begin() ? cmocka_run_group_tests(tests, setup, teardown) : 1)

bool harness_begin(void);
/* Shows the servers' logs when failed is not 0, removes the directory; the exit code of main. */
int harness_run(const char *name, int failed);
/* full, or small (said in the output) with PICOSHARE_TEST_SCALE=small. */
int64_t harness_scale(const char *what, int64_t full, int64_t small);
/* A new directory below the run's own. */
void harness_new_dir(char *ret_dir, size_t size);
/* The file as text ("" when there is none). */
void harness_read_file(const char *path, struct buf *ret_text);
void harness_write_file(const char *path, const char *text);
void harness_sleep_ms(int64_t ms);
int64_t harness_now_ms(void);

/* ---- the server ---------------------------------------------------------------------------- */

struct server_options {
    const char *const *args; /* NULL-terminated, after "-db <dir>/store.db" */
    const char *const *env;  /* NULL-terminated "NAME=value" */
    const char *dir;         /* an existing directory to start in; NULL makes a new one */
    const char *db;          /* database path; NULL is <dir>/store.db */
    bool no_secret;          /* do not set PS_SHARED_SECRET */
    int listen_fd;           /* handed over as systemd does; 0: none */
};

struct server {
    pid_t pid; /* 0 when it does not run */
    int port;
    char dir[200];
    char db[256];
    char log[256];    /* its stderr */
    char access[256]; /* its stdout */
    char cookie[256]; /* "sharedSecret=..." after server_sign_in */
    char secret[128]; /* what AUTH_BASIC sends; HARNESS_SECRET unless changed */
};

/* Starts it and waits until it listens; fails the test when it does not. */
void server_start(struct server *s, const struct server_options *options);
/* The same for one that may end instead: false, and its exit code. */
bool server_try_start(struct server *s, const struct server_options *options, int *ret_code);
/* Starts one that has ended, in the directory it was in, without further options. */
void server_start_again(struct server *s);
/* Sends the signal (0: none), then waits for its exit code, or 128 + the signal that ended it;
 * fails the test when it does not end. */
int server_signal(struct server *s, int signal_number);
/* server_signal with SIGTERM. */
int server_stop(struct server *s);
/* As server_stop, and exit code 0 is required. */
void server_end(struct server *s);
void server_kill(struct server *s);
/* Whether its stderr has this text. */
bool server_said(const struct server *s, const char *part);
/* POST /api/auth with the secret; keeps the cookie for AUTH_COOKIE. */
void server_sign_in(struct server *s);
/* Group set-up and tear-down for files that need one server: *state is a struct server. */
int server_group_setup(void **state);
int server_group_teardown(void **state);

/* ---- programs ------------------------------------------------------------------------------ */

struct run_result {
    int code; /* exit code, 128 + signal, or -1 when it had to be killed after HANG_SECONDS */
    struct buf out;
    struct buf err;
};

/* Runs argv to its end with extra environment ("NAME=value", or "NAME" to unset it). */
void run_program(const char *const *argv, const char *const *env, struct run_result *ret);
void run_done(struct run_result *r);
const char *run_binary(void);

/* ---- the database, through the sqlite3 program ----------------------------------------------- */

/* The output of the statements, columns by '|', without the last line feed. */
void db_text(const struct server *s, const char *sql, char *ret_text, size_t size);
int64_t db_int(const struct server *s, const char *sql);
/* Waits until the query gives the value; false after HANG_SECONDS. */
bool db_wait(const struct server *s, const char *sql, int64_t value);
/* Nothing of an unfinished upload is left: waits until no chunk row lacks its entry. */
bool db_wait_no_orphans(const struct server *s);
int64_t db_entries(const struct server *s);

/* ---- generated bytes ------------------------------------------------------------------------- */

void gen_fill(uint64_t seed, int64_t offset, void *bytes, size_t len);
bool gen_matches(uint64_t seed, int64_t offset, const void *bytes, size_t len);
void gen_sha256(uint64_t seed, int64_t len, uint8_t ret_digest[SHA256_BYTES]);

/* ---- requests through libcurl ---------------------------------------------------------------- */

enum auth { AUTH_NONE, AUTH_COOKIE, AUTH_BASIC };

struct part {
    const char *name;
    const char *filename; /* NULL: an ordinary field */
    const char *type;     /* NULL: "application/octet-stream" for files; "": no header */
    const char *text;     /* the contents; NULL: bytes of the generator */
    uint64_t seed;
    int64_t bytes;
};

struct request {
    const char *method; /* NULL is GET */
    const char *path;   /* sent as it is, with its query */
    enum auth auth;
    const char *const *headers; /* NULL-terminated "Name: value"; "Name:" removes curl's own */
    const char *text;           /* the body; NULL: none, or generated, or parts */
    const struct part *parts;   /* multipart/form-data; the last one has no name */
    uint64_t seed;              /* a generated body */
    int64_t bytes;              /* its length; 0: none */
    bool chunked;               /* no Content-Length */
    bool decode;                /* ask for gzip and decode it */
    bool discard;               /* do not keep the answer's body */
    bool hash;                  /* fill response.sha256 */
    bool compare;               /* compare the body with the generator of expect_seed ... */
    uint64_t expect_seed;
    int64_t expect_offset; /* ... from here */
    int time_out_s;        /* 0: HANG_SECONDS without progress, no limit for the whole */
};

struct response {
    int status;      /* 0: no answer arrived */
    bool complete;   /* the whole answer arrived */
    struct buf head; /* header lines of the last answer, each ended by NUL */
    struct buf body;
    int64_t body_bytes; /* counted even when discarded */
    bool equal;         /* request.compare: every byte was the expected one */
    uint8_t sha256[SHA256_BYTES];
    char error[256]; /* libcurl's words for a failed transfer */
};

/* Sends it and receives the answer; never asserts. ret is to be given to response_done. */
void http_do(const struct server *s, const struct request *q, struct response *ret);
/* A GET with no credentials. */
void http_get(const struct server *s, const char *path, struct response *ret);
void response_done(struct response *r);
/* Value of the first header of that name, or NULL. */
const char *response_header(const struct response *r, const char *name);
bool response_has(const struct response *r, const char *name, const char *part);
const char *response_text(const struct response *r);
/* The id of a JSON answer {"id":"..."}; false when there is none. */
bool response_id(const struct response *r, char ret_id[ID_CHARS + 1]);

/* Fails the test, showing the answer, unless it has this status (and, when not NULL, this body). */
void expect_answer(const struct response *r, int status, const char *text);

/* The answer to an upload: 200 and an id, which it gives. Frees the answer. */
void expect_upload(struct response *r, char ret_id[ID_CHARS + 1]);
/* One file by multipart POST, expecting 200; gives the id. */
void upload_text(const struct server *s, const char *name, const char *type, const char *text,
                 char ret_id[ID_CHARS + 1]);
/* Generated bytes by PUT, expecting 200. */
void upload_bytes(const struct server *s, const char *name, uint64_t seed, int64_t bytes,
                  char ret_id[ID_CHARS + 1]);
/* GETs it and compares with the generator. */
void expect_download(const struct server *s, const char *id, uint64_t seed, int64_t bytes);

/* ---- plain sockets --------------------------------------------------------------------------- */

struct raw {
    int fd;
    size_t start;
    size_t end;
    char data[65536];
};

enum raw_end { RAW_OK, RAW_CLOSED, RAW_TIMEOUT, RAW_BROKEN };

/* A connection with time-outs; false when there is none. */
bool raw_open(const struct server *s, struct raw *ret_raw);
/* The same from the given address of this machine, "127.0.0.7". */
bool raw_open_from(const struct server *s, const char *address, struct raw *ret_raw);
void raw_close(struct raw *c);
/* Closes with a reset instead of a goodbye. */
void raw_abort(struct raw *c);
bool raw_send(struct raw *c, const void *bytes, size_t len);
bool raw_text(struct raw *c, const char *text);
/* Sends len generated bytes from offset. */
bool raw_gen(struct raw *c, uint64_t seed, int64_t offset, int64_t len);
/* One answer; informational ones (1xx) are answers too. */
enum raw_end raw_answer(struct raw *c, bool to_head, struct response *ret);
/* True when the server closes within HANG_SECONDS; what it sends until then is dropped. */
bool raw_wait_closed(struct raw *c);
/* Opens, sends text, reads one answer, tells whether the server then closed. */
enum raw_end raw_exchange(const struct server *s, const char *text, size_t len,
                          struct response *ret, bool *ret_closed);

#endif
