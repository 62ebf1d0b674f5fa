/* The clients that server_tick() cuts, on real sockets and by a clock of our own: libmicrohttpd's
 * time-out counts from the last byte, so a byte now and then would keep a connection for ever. And
 * what server_is_stuck() sees. */
#include "picoshare/base/limits.h"
#include "picoshare/http/router.h"
#include "picoshare/http/server.h"
#include "support.h"
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum { HANG_MS = 60 * 1000, QUIET_MS = 200, BODY_BYTES = 100 * 1000 * 1000 };

struct world {
    struct fake_clock clock;
    struct proxy_config proxy;
    struct server *server;
    _Atomic int64_t received; /* of bodies */
    _Atomic int64_t read;     /* of answers */
    sem_t arrived;            /* somebody asked for a handler that … */
    sem_t released;           /* … comes back when it is told to */
};

static struct world world;

static err_t read_zeros(void *arg, int64_t pos, char *bytes, size_t max, size_t *ret_len)
{
    (void)arg;
    (void)pos;
    memset(bytes, 0, max);
    atomic_fetch_add(&world.read, (int64_t)max);
    *ret_len = max;
    return ERR_OK;
}

static size_t take(struct request *request, struct slice bytes)
{
    (void)request;
    atomic_fetch_add(&world.received, (int64_t)bytes.len);
    return bytes.len;
}

static void answer(struct request *request)
{
    struct response *response = response_new(200);
    if (slice_eq(request_raw_path(request), SLICE("/large"))) {
        response_body_reader(response, BODY_BYTES, read_zeros, NULL, NULL);
    } else if (slice_eq(request_raw_path(request), SLICE("/stuck"))) {
        check(sem_post(&world.arrived) == 0);
        while (sem_wait(&world.released) != 0) {
        }
    }
    request_answer(request, response);
}

static void begin(struct request *request)
{
    static const struct request_handler handler = {.data = take, .end = answer};
    static const struct route route = {"GET", "*", 0, &handler};
    static const struct slice none[ROUTE_MAX_PARAMS];
    request_set_route(request, &route, none);
    request_begin_handler(request);
}

static struct response *refuse(struct request *request, int status, const char *text)
{
    (void)request;
    struct response *response = response_new(status);
    response_add_text(response, text);
    return response;
}

static int set_up(void **state)
{
    (void)state;
    struct err_info info;
    fake_clock_init(&world.clock);
    struct server_options options = {
        .metrics_fd = -1,
        .clock = &world.clock.clock,
        .rng = &rng_system,
        .proxy = &world.proxy,
        .begin = begin,
        .refuse = refuse,
    };
    assert_int_equal(server_bind("127.0.0.1", 0, &options.fd, &info), ERR_OK);
    assert_int_equal(server_start(&options, &world.server, &info), ERR_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)server_stop(world.server);
    server_free(world.server);
    return 0;
}

static size_t connections(void)
{
    struct server_figures figures;
    server_figures(world.server, &figures);
    return figures.connections;
}

/* The client's end of a new connection, once the server knows it. */
static int connect_client(void)
{
    int ends[2];
    size_t before = connections();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_true(server_adopt(world.server, ends[1]));
    for (int ms = 0; connections() == before; ms++) {
        assert_true(ms < HANG_MS);
        sleep_ms(1);
    }
    return ends[0];
}

/* The client, which is the only one, leaves; on return the server has noticed. */
static void leave(int fd)
{
    assert_int_equal(close(fd), 0);
    for (int ms = 0; connections() > 0; ms++) {
        assert_true(ms < HANG_MS);
        server_tick(world.server);
        sleep_ms(1);
    }
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void wait_for(_Atomic int64_t *figure, int64_t value)
{
    for (int ms = 0; atomic_load(figure) < value; ms++) {
        assert_true(ms < HANG_MS);
        sleep_ms(1);
    }
}

/* Until no request runs: it may go on for a moment after its answer has come. */
static void wait_until_answered(void)
{
    struct server_figures figures;
    server_figures(world.server, &figures);
    for (int ms = 0; figures.requests > 0; ms++) {
        assert_true(ms < HANG_MS);
        sleep_ms(1);
        server_figures(world.server, &figures);
    }
}

/* Until no more is read of the answer, since nobody takes it. */
static void wait_until_blocked(void)
{
    int64_t before = -1;
    while (before != atomic_load(&world.read) || before == 0) {
        before = atomic_load(&world.read);
        sleep_ms(QUIET_MS);
    }
}

/* Reads that many bytes, or whatever comes. */
static void take_bytes(int fd, int64_t bytes)
{
    static char block[65536];
    while (bytes > 0) {
        ssize_t n = recv(fd, block, sizeof block, 0);
        assert_true(n > 0);
        bytes -= n;
    }
}

static void pass(int64_t ms)
{
    atomic_fetch_add(&world.clock.mono_ms, ms);
    server_tick(world.server);
}

/* Whether the server has hung up; what it has sent is dropped. */
static bool is_cut(int fd, int wait_ms)
{
    static char block[65536];
    struct pollfd item = {.fd = fd, .events = POLLIN};
    ssize_t n = 1;
    while (n > 0 && poll(&item, 1, wait_ms) > 0) {
        n = recv(fd, block, sizeof block, MSG_DONTWAIT);
    }
    return n <= 0;
}

static void expect_cut(int fd)
{
    assert_true(is_cut(fd, HANG_MS));
    assert_int_equal(close(fd), 0);
}

static bool has_hung_up(int fd)
{
    struct pollfd item = {.fd = fd, .events = POLLRDHUP};
    return poll(&item, 1, QUIET_MS) > 0;
}

static void test_headers(void **state)
{
    (void)state;
    int fd = connect_client();
    say(fd, "GET / HTTP/1.1\r\nX: ");
    for (int i = 0; i < 5; i++) {
        pass(HEADER_DEADLINE_MS / 5);
        assert_false(has_hung_up(fd));
        say(fd, "a");
    }
    pass(1);
    expect_cut(fd);
}

/* Between two requests there is more time. */
static void test_idle(void **state)
{
    (void)state;
    int fd = connect_client();
    say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    take_bytes(fd, 1);
    wait_until_answered();
    pass(HEADER_DEADLINE_MS + 1);
    assert_false(is_cut(fd, QUIET_MS));
    pass(IDLE_TIMEOUT_S * 1000);
    expect_cut(fd);
}

static void test_body(void **state)
{
    (void)state;
    static const struct {
        int bytes; /* sent in the first minute */
        bool cut;
    } cases[] = {{RATE_WINDOW_MS / 1000 * MIN_UPLOAD_BYTES_PER_S - 1, true},
                 {RATE_WINDOW_MS / 1000 * MIN_UPLOAD_BYTES_PER_S, false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int fd = connect_client();
        int64_t before = atomic_load(&world.received);
        say(fd, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
        for (int n = 0; n < cases[i].bytes; n++) {
            say(fd, "a");
        }
        wait_for(&world.received, before + cases[i].bytes);
        pass(RATE_WINDOW_MS - 1);
        assert_false(has_hung_up(fd));
        pass(1);
        assert_int_equal(has_hung_up(fd), cases[i].cut);
        leave(fd);
    }
}

static int start_download(void)
{
    int fd = connect_client();
    atomic_store(&world.read, 0);
    say(fd, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_until_blocked();
    server_tick(world.server); /* from here on it counts */
    return fd;
}

static void test_download(void **state)
{
    (void)state;
    int fd = start_download();
    pass(DOWNLOAD_WINDOW_MS - 1);
    assert_false(has_hung_up(fd));
    take_bytes(fd, 2 * DOWNLOAD_WINDOW_MS / 1000 * MIN_DOWNLOAD_BYTES_PER_S);
    wait_until_blocked();
    pass(1); /* it was quick enough, so another window begins */
    assert_false(has_hung_up(fd));
    pass(DOWNLOAD_WINDOW_MS - 1);
    assert_false(has_hung_up(fd));
    pass(1);
    expect_cut(fd);
}

static void test_download_while_scarce(void **state)
{
    (void)state;
    struct rlimit files;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    assert_true(files.rlim_max >= 4096);
    files.rlim_cur = 4096;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    int fd = start_download();
    int *crowd = calloc(SOFT_MAX_CONNECTIONS, sizeof *crowd);
    assert_non_null(crowd);
    for (size_t i = 0; i < SOFT_MAX_CONNECTIONS; i++) {
        crowd[i] = connect_client();
    }
    pass(SCARCE_DEADLINE_MS);
    assert_false(has_hung_up(crowd[0]));
    /* The download first: when the idle ones are cut, connections are scarce no more. */
    pass(RATE_WINDOW_MS - SCARCE_DEADLINE_MS);
    expect_cut(fd);
    for (size_t i = 0; i < SOFT_MAX_CONNECTIONS; i++) {
        expect_cut(crowd[i]);
    }
    free(crowd);
}

static void test_stuck(void **state)
{
    (void)state;
    assert_int_equal(sem_init(&world.arrived, 0, 0), 0);
    assert_int_equal(sem_init(&world.released, 0, 0), 0);
    int fd = connect_client();
    say(fd, "GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n");
    while (sem_wait(&world.arrived) != 0) {
    }
    atomic_fetch_add(&world.clock.mono_ms, STUCK_MS);
    assert_false(server_is_stuck(world.server));
    atomic_fetch_add(&world.clock.mono_ms, 1);
    assert_true(server_is_stuck(world.server));
    assert_int_equal(sem_post(&world.released), 0);
    take_bytes(fd, 1);
    wait_until_answered();
    assert_false(server_is_stuck(world.server));
    leave(fd);
}

/* Somebody who takes nothing is the reaper's business, not the watchdog's. */
static void test_not_stuck(void **state)
{
    (void)state;
    int fd = start_download();
    atomic_fetch_add(&world.clock.mono_ms, STUCK_MS + 1);
    assert_false(server_is_stuck(world.server));
    leave(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_headers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_idle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_body, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_download, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stuck, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_stuck, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_download_while_scarce, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
