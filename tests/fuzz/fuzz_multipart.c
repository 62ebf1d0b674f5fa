/* Input: one byte that decides how the rest is split, then a body. The boundary is the body's own
 * first line when it looks like one, else "B".
 * Properties: parts hold exactly the bytes between header and delimiter and no delimiter is left
 * in them; pieces and unreads change no event, no byte, no reason and no offset. */
#include "fuzz.h"
#include "picoshare/base/buf.h"
#include "picoshare/base/check.h"
#include "picoshare/text/multipart.h"
#include <stdlib.h>

enum { MAX_BODY = 1 << 16, MAX_LOG = 1 << 20 };

static uint32_t next_random(uint32_t *seed) /* xorshift */
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void log_event(struct buf *log, const struct multipart *mp, enum multipart_event event)
{
    if (event == MULTIPART_PART) {
        const char *filename = multipart_filename(mp);
        buf_addf(log, "<part %s, %s %s, %s>", multipart_name(mp), filename != NULL ? "file" : "-",
                 filename != NULL ? filename : "", multipart_content_type(mp));
    } else if (event == MULTIPART_PART_END) {
        buf_add_str(log, "<part end>");
    } else if (event == MULTIPART_END) {
        buf_add_str(log, "<end>");
    } else {
        check(event == MULTIPART_ERROR);
        check(slice_starts(slice_str(multipart_reason(mp)), SLICE("multipart: ")));
        buf_addf(log, "<error %ju %s>", (uintmax_t)multipart_offset(mp), multipart_reason(mp));
    }
}

/* ---- in one piece, against the definition -----------------------------------------------------
 */

static bool ends_part(struct slice after)
{
    return after.len > 0 &&
           (memchr(" \t\r\n", after.ptr[0], 4) != NULL || slice_starts(after, SLICE("--")));
}

/* Where the content that starts the body's rest ends, found in the most naive way; its length when
 * no delimiter follows. */
static size_t content_len(struct slice rest, const char *boundary)
{
    char delimiter[4 + MULTIPART_MAX_BOUNDARY + 1] = "\r\n--";
    memcpy(delimiter + 4, boundary, strlen(boundary) + 1);
    struct slice whole = slice_str(delimiter);
    struct slice dashes = slice_skip(whole, 2);
    if (slice_starts(rest, dashes) && ends_part(slice_skip(rest, dashes.len))) {
        return 0;
    }
    for (size_t i = 0; i < rest.len; i++) {
        struct slice here = slice_skip(rest, i);
        if (slice_starts(here, whole) && ends_part(slice_skip(here, whole.len))) {
            return i;
        }
    }
    return rest.len;
}

static void run_whole(const char *boundary, struct slice body, struct buf *log)
{
    struct multipart mp;
    check(multipart_init(&mp, boundary) == ERR_OK);
    struct slice in = body;
    struct slice data = {NULL, 0};
    struct slice content = {NULL, 0};
    size_t seen = 0;
    enum multipart_event event;
    while ((event = multipart_next(&mp, &in, &data)) != MULTIPART_MORE &&
           event != MULTIPART_ERROR) {
        if (event == MULTIPART_PART) {
            content = in;
            seen = 0;
        } else if (event == MULTIPART_DATA) {
            check(data.len > 0 && seen + data.len <= content.len);
            check(slice_eq(data, slice_of(content.ptr + seen, data.len)));
            seen += data.len;
            buf_add_slice(log, data);
            continue;
        } else {
            check(seen == content_len(content, boundary) && seen < content.len);
        }
        log_event(log, &mp, event);
    }
    check(event == MULTIPART_ERROR || in.len == 0);
    log_event(log, &mp, multipart_finish(&mp));
    check(multipart_reason(&mp) == NULL || multipart_offset(&mp) <= body.len);
}

/* ---- in pieces --------------------------------------------------------------------------------
 */

/* One event; of a DATA event some bytes may be handed back. */
static enum multipart_event next(struct multipart *mp, struct slice *in, uint32_t *seed,
                                 struct buf *log)
{
    struct slice data = {NULL, 0};
    enum multipart_event event = multipart_next(mp, in, &data);
    if (event == MULTIPART_DATA) {
        uint32_t random = next_random(seed);
        size_t back = (random & 1) != 0 ? (random >> 8) % (data.len + 1) : 0;
        buf_add(log, data.ptr, data.len - back);
        multipart_unread(mp, in, back);
    } else if (event == MULTIPART_MORE) {
        check(in->len == 0);
    } else if (event != MULTIPART_ERROR) {
        log_event(log, mp, event);
    }
    return event;
}

/* Each piece stands in memory of its own, and is left early now and then after a DATA event. */
static void run_split(const char *boundary, struct slice body, uint32_t seed, size_t max_piece,
                      struct buf *log)
{
    struct multipart mp;
    check(multipart_init(&mp, boundary) == ERR_OK);
    size_t pos = 0;
    enum multipart_event event;
    do {
        size_t n = next_random(&seed) % max_piece + 1;
        n = n < body.len - pos ? n : body.len - pos;
        char *piece = malloc(n + 1);
        check(piece != NULL);
        memcpy(piece, body.ptr + pos, n);
        struct slice in = slice_of(piece, n);
        bool leave = false;
        do {
            event = next(&mp, &in, &seed, log);
            leave = event == MULTIPART_DATA && next_random(&seed) % 2 == 0;
        } while (event != MULTIPART_MORE && event != MULTIPART_ERROR && !leave);
        pos += n - in.len;
        free(piece);
    } while (event != MULTIPART_ERROR && (event != MULTIPART_MORE || pos < body.len));
    log_event(log, &mp, multipart_finish(&mp));
}

static void own_boundary(struct slice body, char boundary[MULTIPART_MAX_BOUNDARY + 1])
{
    struct multipart mp;
    struct slice line = {body.ptr, slice_find(body, '\r')};
    bool own = slice_starts(line, SLICE("--")) &&
               slice_copy(slice_skip(line, 2), boundary, MULTIPART_MAX_BOUNDARY + 1) &&
               multipart_init(&mp, boundary) == ERR_OK;
    if (!own) {
        memcpy(boundary, "B", 2);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char boundary[MULTIPART_MAX_BOUNDARY + 1];
    const char *reason = NULL;
    struct multipart mp;
    if (multipart_boundary(slice_of(data, size), boundary, &reason) == ERR_OK) {
        check(multipart_init(&mp, boundary) == ERR_OK);
    } else {
        check(reason != NULL);
    }
    if (size < 1 || size > MAX_BODY) {
        return 0;
    }
    struct slice body = slice_of(data + 1, size - 1);
    own_boundary(body, boundary);
    struct buf whole;
    struct buf split;
    buf_init(&whole, MAX_LOG);
    buf_init(&split, MAX_LOG);
    run_whole(boundary, body, &whole);
    check(buf_err(&whole) == ERR_OK);
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t seed = UINT32_C(0x9E3779B9) * (2 * data[0] + i + 1) | 1;
        buf_clear(&split);
        run_split(boundary, body, seed, i == 0 ? 3 : 100, &split);
        check(buf_err(&split) == ERR_OK);
        check(slice_eq(buf_slice(&whole), buf_slice(&split)));
    }
    buf_done(&whole);
    buf_done(&split);
    return 0;
}
