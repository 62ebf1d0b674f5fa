/* connections.c — the connections there are, from accept to close: whose they are, and whether
 * there is room for one more. */
#include "internal.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/mem.h"
#include <sys/socket.h>

/* "" for a trusted proxy, which speaks for many. */
static void name_of_client(const struct server *server, const struct sockaddr *address,
                           char ret_name[CLIENT_NAME_BYTES])
{
    char text[PROXY_ADDRESS_BYTES];
    address_print(address, text);
    ret_name[0] = '\0';
    if (!proxy_trusts(server->proxy, slice_str(text))) {
        client_name(text, ret_name);
    }
}

/* Whether the client has as many connections as one may have when they are scarce; server.lock
 * held. */
static bool has_its_share(const struct server *server, const char *client)
{
    size_t count = 0;
    if (client[0] == '\0') {
        return false;
    }
    LIST_EACH(c, &server->connections, const struct connection, all)
    {
        count += strcmp(c->client, client) == 0;
    }
    return count >= CLIENT_CONNECTIONS;
}

struct connection *connection_new(struct server *server, int fd, const struct sockaddr *address,
                                  bool for_metrics)
{
    struct connection *connection = mem_alloc(1, sizeof *connection);
    if (connection == NULL) {
        return NULL;
    }
    connection->fd = fd;
    connection->for_metrics = for_metrics;
    connection->since_ms = clock_mono_ms(server->clock);
    name_of_client(server, address, connection->client);
    lock_take(&server->lock);
    /* The last ones are for clients who have few. The first ones beyond the soft limit are taken
     * from anybody, so that most clients are told why there is no answer. */
    bool refused = server->connections_count >= SHARED_CONNECTIONS &&
                   has_its_share(server, connection->client);
    if (!refused) {
        list_add(&server->connections, &connection->all);
        server->connections_count++;
    }
    lock_give(&server->lock);
    if (refused) {
        mem_free(TAKE(connection));
    }
    return connection;
}

/* The newest of those, should libmicrohttpd have dropped one of that number; server.lock held. */
static struct connection *find_waiting(struct server *server, int fd)
{
    LIST_EACH(c, &server->connections, struct connection, all)
    {
        if (!c->begun && c->fd == fd) {
            return c;
        }
    }
    return NULL;
}

struct connection *connection_begin(struct server *server, int fd, const struct sockaddr *address)
{
    lock_take(&server->lock);
    struct connection *connection = find_waiting(server, fd);
    if (connection == NULL) { /* it waited so long that it was forgotten */
        lock_give(&server->lock);
        connection = connection_new(server, fd, address, false);
        lock_take(&server->lock);
    }
    if (connection != NULL) {
        connection->begun = true;
        server->begun_count++;
    }
    lock_give(&server->lock);
    return connection;
}

/* server.lock held. */
static void forget(struct server *server, struct connection *connection)
{
    list_remove(&connection->all);
    server->connections_count--;
    server->begun_count -= connection->begun;
    mem_free(connection);
}

void connection_free(struct server *server, struct connection *connection)
{
    lock_take(&server->lock);
    forget(server, connection);
    lock_give(&server->lock);
}

bool connections_are_all(struct server *server)
{
    lock_take(&server->lock);
    bool all = server->connections_count >= MAX_CONNECTIONS;
    lock_give(&server->lock);
    return all;
}

void connections_tick(struct server *server, int64_t now, bool scarce)
{
    for (struct list *link = server->connections.next, *next; link != &server->connections;
         link = next) {
        struct connection *c = CONTAINER_OF(link, struct connection, all);
        next = link->next;
        int64_t limit = scarce && c->begun
                            ? SCARCE_DEADLINE_MS
                            : HEADER_DEADLINE_MS + (c->had_request ? IDLE_TIMEOUT_S * 1000 : 0);
        if (c->busy || now - c->since_ms <= limit) {
            continue;
        }
        if (c->begun) {
            (void)shutdown(c->fd, SHUT_RDWR); /* the worker notices and cleans up */
        } else {
            forget(server, c); /* libmicrohttpd had no memory for it, and has closed it */
        }
    }
}

/* Whether there is something that no worker has read yet. */
static bool has_sent(const struct connection *connection)
{
    char byte;
    return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

bool connections_await_requests(struct server *server, int64_t now)
{
    bool awaited = false;
    LIST_EACH(c, &server->connections, struct connection, all)
    {
        bool is_new = !c->had_request && now - c->since_ms < FIRST_REQUEST_MS;
        if (c->ended) {
            continue;
        }
        if (c->request != NULL || is_new || has_sent(c)) {
            awaited = true;
            continue;
        }
        c->ended = true;
        if (c->begun) {
            /* One direction only: a request that came a moment ago is still answered. */
            (void)shutdown(c->fd, SHUT_RD);
        }
    }
    return awaited;
}

bool server_is_crowded(struct server *server, const struct connection *connection)
{
    if (connection != NULL && connection->for_metrics) {
        return false; /* just then it is good to know */
    }
    lock_take(&server->lock);
    bool crowded = server->connections_count > FULL_CONNECTIONS ||
                   (server->connections_count > SOFT_MAX_CONNECTIONS &&
                    (connection == NULL || connection->client[0] == '\0' ||
                     has_its_share(server, connection->client)));
    lock_give(&server->lock);
    return crowded;
}
