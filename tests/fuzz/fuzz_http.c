/* The input: one byte that decides how the rest is split and how the client leaves, then what the
 * client sends. In that, 0xFF and a byte n stand for n times 4096 bytes of 'x', so that bodies
 * cross the buffers' borders.
 * Properties: the server is in order afterwards (in_process.h), no request hangs, what comes first
 * is an answer, and the answer is no 500, for nothing is wrong with the disk. */
#include "in_process.h"
#include <linux/sockios.h>
#include <sys/ioctl.h>

enum { MOST_BYTES = 2 * MIB, FILLING_BYTES = 4096, MOST_PIECES = 16, QUIET_MS = 2 };

static void expand(const uint8_t *data, size_t size, struct buf *out)
{
    static char filling[FILLING_BYTES];
    memset(filling, 'x', sizeof filling);
    for (size_t i = 0; i < size; i++) {
        if (data[i] != 0xFF || i + 1 == size) {
            buf_add_char(out, (char)data[i]);
            continue;
        }
        i++;
        for (unsigned n = 0; n < data[i] && out->len < MOST_BYTES; n++) {
            buf_add(out, filling, sizeof filling);
        }
    }
    check(buf_err(out) == ERR_OK);
}

/* Bytes that were sent and that the server has not read. */
static int unread_bytes(int fd)
{
    int n = 0;
    return ioctl(fd, SIOCOUTQ, &n) == 0 ? n : 0;
}

/* Waits until nothing comes any more and all that was sent is read, or as good as: false: closed.
 */
static bool wait_for_quiet(int fd, struct buf *answer)
{
    struct pollfd watched = {.fd = fd, .events = POLLIN};
    int64_t until = in_process_real_ms() + IN_PROCESS_HANG_MS;
    int unread = unread_bytes(fd);
    for (int quiet = 0; quiet < QUIET_MS;) {
        check(in_process_real_ms() < until);
        bool came = poll(&watched, 1, 1) > 0;
        if (came && !in_process_take(fd, answer)) {
            return false;
        }
        int now = unread_bytes(fd);
        quiet = came || now != unread ? 0 : quiet + 1;
        unread = now;
    }
    return true;
}

/* Sends all of it as long as the server takes it. */
static bool send_piece(int fd, struct slice piece, struct buf *answer)
{
    while (piece.len > 0) {
        ssize_t n = send(fd, piece.ptr, piece.len, MSG_NOSIGNAL);
        if (n > 0) {
            piece = slice_skip(piece, (size_t)n);
        } else if (errno != EAGAIN || !wait_for_quiet(fd, answer)) {
            return false;
        } else if (unread_bytes(fd) > 0 && piece.len > 0) {
            struct pollfd watched = {.fd = fd, .events = POLLOUT};
            if (poll(&watched, 1, QUIET_MS) == 0) {
                return true; /* it does not read on: what it waits for is the clock's business */
            }
        }
    }
    return true;
}

static bool send_pieces(int fd, struct slice text, uint8_t seed, struct buf *answer)
{
    uint32_t random = UINT32_C(2654435761) * (seed | 1U);
    size_t most = seed < 2 ? text.len : text.len / (1 + seed % (MOST_PIECES - 1)) + 1;
    for (int pieces = 0; text.len > 0; pieces++) {
        random = random * 1103515245 + 12345;
        size_t n = pieces + 1 < MOST_PIECES ? random % most + 1 : text.len;
        n = seed < 2 || n > text.len ? text.len : n;
        if (!send_piece(fd, slice_of(text.ptr, n), answer)) {
            return false;
        }
        text = slice_skip(text, n);
        for (int i = 0; i < 200 && text.len > 0 && unread_bytes(fd) > 0; i++) {
            (void)usleep(5);
        }
    }
    return true;
}

static bool is_running(void)
{
    struct server_figures figures;
    server_figures(in_process.server, &figures);
    return figures.requests > 0;
}

/* Time passes for the server while the client is silent. */
static bool wait_patiently(int fd, struct buf *answer)
{
    static const int64_t steps_ms[] = {DRAIN_ANSWER_MS + 100, DRAIN_MAX_MS, RATE_WINDOW_MS + 1000};
    for (size_t i = 0; i < ARRAY_LEN(steps_ms) && is_running(); i++) {
        (void)atomic_fetch_add(&in_process_ms, steps_ms[i]);
        server_tick(in_process.server);
        uploads_tick(in_process.app.uploads);
        if (!wait_for_quiet(fd, answer)) {
            return false;
        }
    }
    return true;
}

static void check_answer(struct slice answer)
{
    if (answer.len >= sizeof "HTTP/1.1 200" - 1) {
        check(slice_starts(answer, SLICE("HTTP/1.1 ")) || slice_starts(answer, SLICE("HTTP/1.0 ")));
        check(memcmp(answer.ptr + sizeof "HTTP/1.1 " - 1, "500", 3) != 0);
    }
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
    struct buf text;
    struct buf answer;
    buf_init(&text, MOST_BYTES + FILLING_BYTES + size);
    buf_init(&answer, 4 * KIB);
    expand(data + 1, size - 1, &text);

    int fd = in_process_connect();
    bool open = send_pieces(fd, buf_slice(&text), data[0], &answer) && wait_for_quiet(fd, &answer);
    if (open && is_running() && (data[0] & 1) != 0) {
        (void)shutdown(fd, SHUT_WR);
        (void)wait_for_quiet(fd, &answer);
    } else if (open) {
        (void)wait_patiently(fd, &answer);
    }
    (void)close(fd);
    check_answer(buf_slice(&answer));
    in_process_check();
    buf_done(&answer);
    buf_done(&text);
    return 0;
}
