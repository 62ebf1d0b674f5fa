/* The input: a byte, then up to ten texts between line feeds, which are planted in the text fields
 * of the database, as another program or a damaged disk may have left them there; with an odd byte
 * also where the table's own checks would refuse them.
 * Properties: every page that shows them ends with an answer, and never an answer of markup that
 * was planted; a header stays one; the server is in order afterwards (in_process.h). */
#include "in_process.h"

/* In front of every text: what must not come out as it is. */
#define MARKUP "<q>"

static const struct {
    const char *sql; /* ?1 is the text */
    bool has_check;
} fields[] = {
    {"UPDATE entries SET filename = '" MARKUP "' || ?1", false},
    {"UPDATE entries SET note = '" MARKUP "' || ?1", false},
    {"UPDATE entries SET content_type = ?1", false},
    {"UPDATE guest_links SET label = '" MARKUP "' || ?1", true},
    {"UPDATE guest_links SET file_expiration_time = ?1", false},
    {"UPDATE downloads SET user_agent = '" MARKUP "' || ?1", false},
    {"UPDATE downloads SET client_ip = '" MARKUP "' || ?1", false},
    {"UPDATE entries SET expiration_time = ?1", true},
    {"UPDATE entries SET upload_time = ?1", true},
    {"UPDATE guest_links SET url_expiration_time = ?1, creation_time = ?1", true},
};

static const char *const pages[] = {
    "/files",
    "/files?sort=name&order=asc&q=q",
    "/files?sort=expires",
    ("/files/" FILE_ID "/info"),
    ("/files/" FILE_ID "/edit"),
    ("/files/" FILE_ID "/confirm-delete"),
    ("/files/" FILE_ID "/downloads"),
    ("/files/" FILE_ID "/downloads?unique=1"),
    "/guest-links",
    ("/g/" LINK_ID),
    "/information",
};

static void plant(const char *sql, struct slice text)
{
    sqlite3_stmt *statement = NULL;
    check(sqlite3_prepare_v2(in_process.db, sql, -1, &statement, NULL) == SQLITE_OK);
    check(sqlite3_bind_text(statement, 1, text.ptr, (int)text.len, SQLITE_STATIC) == SQLITE_OK);
    int rc = sqlite3_step(statement);
    check(rc == SQLITE_DONE || rc == SQLITE_CONSTRAINT);
    (void)sqlite3_finalize(statement);
}

static void plant_all(struct slice input, bool unchecked)
{
    in_process_sql(unchecked ? "PRAGMA ignore_check_constraints = ON"
                             : "PRAGMA ignore_check_constraints = OFF");
    for (size_t i = 0; i < ARRAY_LEN(fields) && input.len > 0; i++) {
        struct slice text = slice_of(input.ptr, slice_find(input, '\n'));
        input = slice_skip(input, text.len < input.len ? text.len + 1 : text.len);
        if (text.len > 0) { /* an empty line leaves the field alone */
            plant(fields[i].sql, text);
        }
    }
}

/* All that the server answers to one request, until it closes. */
static void ask(const char *method, const char *path, struct buf *answer)
{
    struct buf text;
    buf_init(&text, KIB);
    buf_addf(&text,
             "%s %s HTTP/1.1\r\nHost: h\r\nCookie: " SESSION_COOKIE
             "\r\nAccept: text/html\r\nConnection: close\r\n\r\n",
             method, path);
    int fd = in_process_connect();
    check(send(fd, buf_str(&text), text.len, MSG_NOSIGNAL) == (ssize_t)text.len);
    buf_done(&text);
    buf_clear(answer);
    struct pollfd watched = {.fd = fd, .events = POLLIN};
    do {
        int ready = 0;
        do { /* a fuzzer's alarm may come in between */
            ready = poll(&watched, 1, IN_PROCESS_HANG_MS);
        } while (ready < 0 && errno == EINTR);
        check(ready == 1);
    } while (in_process_take(fd, answer));
    (void)close(fd);
    check(slice_starts(buf_slice(answer), SLICE("HTTP/1.1 ")));
}

static bool holds(struct slice text, struct slice part)
{
    return text.len > 0 && memmem(text.ptr, text.len, part.ptr, part.len) != NULL;
}

static void check_download(struct buf *answer)
{
    ask("HEAD", "/-" FILE_ID "/x", answer);
    for (size_t i = 0; i < answer->len; i++) {
        unsigned char c = (unsigned char)answer->ptr[i];
        check(c >= ' ' || c == '\t' || c == '\r' || c == '\n');
        check(c != '\r' || (i + 1 < answer->len && answer->ptr[i + 1] == '\n'));
        check(c != '\n' || answer->ptr[i - 1] == '\r');
    }
    check(!holds(slice_skip(buf_slice(answer), 1), SLICE("\r\n\r\nH")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    if (in_process.server == NULL) {
        in_process_start();
    }
    atomic_store(&in_process_random, UINT64_C(0x9E3779B97F4A7C15));
    plant_all(slice_of(data + 1, size - 1), (data[0] & 1) != 0);
    struct buf answer;
    buf_init(&answer, 256 * KIB);
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        ask("GET", pages[i], &answer);
        check(!holds(buf_slice(&answer), SLICE(MARKUP)));
    }
    check_download(&answer);
    buf_done(&answer);
    in_process_check();
    in_process_restore(); /* what was planted does not show in data_version */
    return 0;
}
