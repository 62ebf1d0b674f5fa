/* throttle.c — the clients that have failed stand in a table without order, since there are few but
 * under attack. An entry is dropped SIGN_IN_FORGET_S after its last wait, which is looked for at
 * every attempt, so none that is found is stale.
 *
 * When the table is full a newcomer takes the place of the client whose wait has ended longest ago,
 * or ends first: that loses least.
 *
 * The failures of everybody are counted in slots of a minute, of which the last ten count. */
#include "picoshare/core/throttle.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/lock.h"
#include "picoshare/base/mem.h"
#include "picoshare/text/client_name.h"
#include <string.h>

enum {
    SLOTS = 10,
    SLOT_MS = SIGN_IN_TOTAL_WINDOW_S * 1000 / SLOTS,
    FORGET_MS = SIGN_IN_FORGET_S * 1000,
};

struct client {
    char name[CLIENT_NAME_BYTES];
    int64_t attempts;   /* charged; 1 or more */
    int64_t waits_till; /* not before the time of the last of them */
};

struct slot {
    int64_t number; /* of the minute that it counts */
    int64_t failures;
};

struct throttle {
    const struct clock *clock;
    struct lock lock; /* guards everything below */
    struct client clients[SIGN_IN_CLIENTS];
    size_t count;
    struct slot slots[SLOTS];
};

err_t throttle_new(const struct clock *clock, struct throttle **ret_throttle)
{
    struct throttle *throttle = mem_alloc(1, sizeof *throttle);
    if (throttle == NULL) {
        return ERR_NOMEM;
    }
    throttle->clock = clock;
    lock_init(&throttle->lock);
    *ret_throttle = throttle;
    return ERR_OK;
}

void throttle_free(struct throttle *throttle)
{
    if (throttle != NULL) {
        lock_done(&throttle->lock);
        mem_free(throttle);
    }
}

/* ---- all clients together ---- */

static struct slot *slot_of(struct throttle *throttle, int64_t number)
{
    return &throttle->slots[(uint64_t)number % SLOTS];
}

static void count_failure(struct throttle *throttle, int64_t now)
{
    struct slot *slot = slot_of(throttle, now / SLOT_MS);
    if (slot->number != now / SLOT_MS) {
        *slot = (struct slot){.number = now / SLOT_MS};
    }
    slot->failures++;
}

/* Takes a failure off the newest slot that has one: the attempt was made a moment ago. */
static void uncount_failure(struct throttle *throttle, int64_t now)
{
    for (int64_t age = 0; age < SLOTS; age++) {
        struct slot *slot = slot_of(throttle, now / SLOT_MS - age);
        if (slot->number == now / SLOT_MS - age && slot->failures > 0) {
            slot->failures--;
            return;
        }
    }
}

static bool is_alarmed(const struct throttle *throttle, int64_t now)
{
    int64_t failures = 0;
    for (size_t i = 0; i < SLOTS; i++) {
        if (throttle->slots[i].number > now / SLOT_MS - SLOTS) {
            failures += throttle->slots[i].failures;
        }
    }
    return failures > SIGN_IN_TOTAL_FAILURES;
}

/* ---- clients ---- */

static struct client *find_client(struct throttle *throttle, const char *name)
{
    for (size_t i = 0; i < throttle->count; i++) {
        if (strcmp(throttle->clients[i].name, name) == 0) {
            return &throttle->clients[i];
        }
    }
    return NULL;
}

static void drop_client(struct throttle *throttle, struct client *client)
{
    *client = throttle->clients[--throttle->count];
}

static void drop_stale(struct throttle *throttle, int64_t now)
{
    for (size_t i = throttle->count; i > 0; i--) {
        if (throttle->clients[i - 1].waits_till + FORGET_MS <= now) {
            drop_client(throttle, &throttle->clients[i - 1]);
        }
    }
}

static void make_room(struct throttle *throttle)
{
    struct client *first = &throttle->clients[0];
    for (size_t i = 1; i < throttle->count; i++) {
        if (throttle->clients[i].waits_till < first->waits_till) {
            first = &throttle->clients[i];
        }
    }
    drop_client(throttle, first);
}

static struct client *add_client(struct throttle *throttle, const char *name, int64_t now)
{
    if (throttle->count == SIGN_IN_CLIENTS) {
        make_room(throttle);
    }
    struct client *client = &throttle->clients[throttle->count++];
    *client = (struct client){.waits_till = now};
    memcpy(client->name, name, CLIENT_NAME_BYTES);
    return client;
}

/* How long a client has to wait after so many attempts. */
static int64_t wait_after(int64_t attempts, bool alarmed)
{
    int64_t costly = attempts - (alarmed ? SIGN_IN_ALARM_FREE_ATTEMPTS : SIGN_IN_FREE_ATTEMPTS);
    if (costly <= 0) {
        return 0;
    }
    int64_t wait = alarmed ? SIGN_IN_ALARM_WAIT_S : SIGN_IN_WAIT_S;
    for (int64_t i = 1; i < costly && wait < SIGN_IN_MAX_WAIT_S; i++) {
        wait *= 2;
    }
    return wait < SIGN_IN_MAX_WAIT_S ? wait : SIGN_IN_MAX_WAIT_S;
}

static void charge(struct throttle *throttle, struct client *client, int64_t now)
{
    client->attempts++;
    client->waits_till = now + wait_after(client->attempts, is_alarmed(throttle, now)) * 1000;
    count_failure(throttle, now);
}

bool throttle_enter(struct throttle *throttle, const char *address, int64_t *ret_retry_after_s)
{
    char name[CLIENT_NAME_BYTES];
    client_name(address, name);
    lock_take(&throttle->lock);
    int64_t now = clock_mono_ms(throttle->clock);
    drop_stale(throttle, now);
    struct client *client = find_client(throttle, name);
    if (client == NULL) {
        client = add_client(throttle, name, now);
    }
    int64_t left_ms = client->waits_till - now;
    if (left_ms <= 0) {
        charge(throttle, client, now);
    }
    lock_give(&throttle->lock);
    if (left_ms > 0) {
        *ret_retry_after_s = (left_ms + 999) / 1000;
    }
    return left_ms <= 0;
}

void throttle_passed(struct throttle *throttle, const char *address)
{
    char name[CLIENT_NAME_BYTES];
    client_name(address, name);
    lock_take(&throttle->lock);
    struct client *client = find_client(throttle, name);
    if (client != NULL) {
        drop_client(throttle, client);
    }
    uncount_failure(throttle, clock_mono_ms(throttle->clock));
    lock_give(&throttle->lock);
}
