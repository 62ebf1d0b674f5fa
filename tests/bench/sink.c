/* sink — receives request bodies into nothing: the floor under the processor time of an upload.
 *
 *     bench_sink CONNECTIONS
 *
 * prints the port it listens on; takes as many connections with one request each, one after the
 * other, reads every body to its end in pieces of the size the server reads, and answers 200. At
 * the end it prints "bytes seconds": of the bodies, and of processor time. */
#include "picoshare/base/limits.h"
#include "picoshare/base/num.h"
#include "picoshare/base/slice.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

static void say(int fd, const char *text)
{
    if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0) {
        die("send");
    }
}

static size_t receive(int fd, char *bytes, size_t max)
{
    ssize_t n = recv(fd, bytes, max, 0);
    if (n <= 0) {
        die("recv");
    }
    return (size_t)n;
}

/* Returns the bytes of the body. */
static int64_t take_request(int fd)
{
    static char bytes[CONNECTION_POOL_BYTES];
    size_t len = 0;
    char *end = NULL;
    while (end == NULL) {
        len += receive(fd, bytes + len, sizeof bytes - 1 - len);
        bytes[len] = '\0';
        end = strstr(bytes, "\r\n\r\n");
    }
    if (strcasestr(bytes, "\r\nexpect: 100-continue") != NULL) {
        say(fd, "HTTP/1.1 100 Continue\r\n\r\n");
    }
    const char *length = strcasestr(bytes, "\r\ncontent-length: ");
    int64_t total = 0;
    if (length == NULL || num_parse_i64(slice_of(length + 18, strcspn(length + 18, "\r")), 0,
                                        INT64_MAX, &total) != ERR_OK) {
        die("Content-Length");
    }
    for (int64_t left = total - (int64_t)(len - (size_t)(end + 4 - bytes)); left > 0;) {
        left -= (int64_t)receive(fd, bytes, sizeof bytes);
    }
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    return total;
}

int main(int argc, char **argv)
{
    int64_t connections = 0;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (argc != 2 || num_parse_i64(slice_str(argv[1]), 1, 1000, &connections) != ERR_OK ||
        listener < 0 || bind(listener, (struct sockaddr *)&address, len) != 0 ||
        listen(listener, SOMAXCONN) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &len) != 0) {
        die("bench_sink CONNECTIONS");
    }
    printf("%d\n", ntohs(address.sin_port));
    (void)fflush(stdout);
    int64_t bytes = 0;
    for (int64_t i = 0; i < connections; i++) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) {
            die("accept");
        }
        bytes += take_request(fd);
        (void)close(fd);
    }
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    double seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf("%lld %.6f\n", (long long)bytes, seconds);
    return 0;
}
