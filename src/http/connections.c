#include "http/connections.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/metric.h"

#define PEER_BUCKETS 1024

/* Ends that are seen in one turn of the loop; the others in the next. */
#define ENDS 64

/* Everybody from one address. */
struct peer {
    struct peer *next;
    struct in6_addr address; /* IPv4 as ::ffff:a.b.c.d */
    size_t count;
};

struct connection {
    struct connection *prev;
    struct connection *next;
    struct connection *next_ended;
    struct connection **ended_at; /* what points to it; NULL: the peer has not ended */
    struct peer *peer;
    usec since;
    int fd;
    enum phase phase;
    bool shut;
    bool expired;
    bool held;
    void (*on_end)(void *arg);
    void *arg;
    char address[INET6_ADDRSTRLEN];
};

struct phase_list {
    struct connection *first;
    struct connection *last;
};

struct connections {
    struct connection_limits limits;
    struct phase_list phases[PHASE_COUNT];
    struct peer *peers[PEER_BUCKETS];
    struct connection *ended; /* those whose peers have closed their side */
    size_t count;
    int ends;
};

struct connections *connections_new(const struct connection_limits *limits)
{
    struct connections *all = calloc(1, sizeof *all);
    if (!all)
        return NULL;
    all->limits = *limits;
    all->ends = epoll_create1(EPOLL_CLOEXEC);
    if (all->ends < 0) {
        free(all);
        return NULL;
    }
    return all;
}

void connections_free(struct connections *all)
{
    if (!all)
        return;
    close(all->ends);
    free(all);
}

static struct in6_addr address_of(const struct sockaddr *from)
{
    struct in6_addr address = IN6ADDR_ANY_INIT;
    if (from && from->sa_family == AF_INET6) {
        address = ((const struct sockaddr_in6 *)(const void *)from)->sin6_addr;
    } else if (from && from->sa_family == AF_INET) {
        address.s6_addr[10] = address.s6_addr[11] = 0xFF;
        memcpy(&address.s6_addr[12], &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
    }
    return address;
}

static bool is_loopback(const struct in6_addr *address)
{
    return IN6_IS_ADDR_LOOPBACK(address) || (IN6_IS_ADDR_V4MAPPED(address) && address->s6_addr[12] == 127);
}

static struct peer **peer_bucket(struct connections *all, const struct in6_addr *address)
{
    return &all->peers[(hash_bytes(address, sizeof *address) >> 32) % PEER_BUCKETS];
}

static struct peer *peer_find(struct connections *all, const struct in6_addr *address)
{
    struct peer *peer = *peer_bucket(all, address);
    while (peer && memcmp(&peer->address, address, sizeof *address) != 0)
        peer = peer->next;
    return peer;
}

static struct peer *peer_take(struct connections *all, const struct in6_addr *address)
{
    struct peer *peer = peer_find(all, address);
    if (!peer && (peer = calloc(1, sizeof *peer))) {
        struct peer **bucket = peer_bucket(all, address);
        peer->address = *address;
        peer->next = *bucket;
        *bucket = peer;
    }
    if (peer)
        peer->count++;
    return peer;
}

static void peer_release(struct connections *all, struct peer *peer)
{
    if (--peer->count > 0)
        return;
    struct peer **at = peer_bucket(all, &peer->address);
    while (*at != peer)
        at = &(*at)->next;
    *at = peer->next;
    free(peer);
}

bool connections_admit(struct connections *all, const struct sockaddr *from)
{
    struct in6_addr address = address_of(from);
    if (all->limits.max_per_address == 0 || is_loopback(&address))
        return true;
    struct peer *peer = peer_find(all, &address);
    bool admitted = !peer || peer->count < all->limits.max_per_address;
    if (!admitted)
        metric_add(METRIC_CONNECTIONS_CLOSED, 1);
    return admitted;
}

static void unlink_from_phase(struct connections *all, struct connection *connection)
{
    struct phase_list *list = &all->phases[connection->phase];
    *(connection->prev ? &connection->prev->next : &list->first) = connection->next;
    *(connection->next ? &connection->next->prev : &list->last) = connection->prev;
}

static void link_to_phase(struct connections *all, struct connection *connection, enum phase phase)
{
    struct phase_list *list = &all->phases[phase];
    connection->phase = phase;
    connection->since = clock_monotonic();
    connection->prev = list->last;
    connection->next = NULL;
    *(list->last ? &list->last->next : &list->first) = connection;
    list->last = connection;
}

static void unlink_from_ended(struct connection *connection)
{
    if (!connection->ended_at)
        return;
    *connection->ended_at = connection->next_ended;
    if (connection->next_ended)
        connection->next_ended->ended_at = connection->ended_at;
}

static void link_to_ended(struct connections *all, struct connection *connection)
{
    connection->next_ended = all->ended;
    connection->ended_at = &all->ended;
    if (all->ended)
        all->ended->ended_at = &connection->next_ended;
    all->ended = connection;
}

static bool shut(struct connection *connection)
{
    if (connection->shut)
        return false;
    connection->shut = true;
    shutdown(connection->fd, SHUT_RDWR);
    if (connection->on_end)
        connection->on_end(connection->arg);
    return true;
}

void connection_shut(struct connection *connection)
{
    if (shut(connection))
        metric_add(METRIC_CONNECTIONS_CLOSED, 1);
}

void connection_set_on_end(struct connection *connection, void (*on_end)(void *arg), void *arg)
{
    connection->on_end = on_end;
    connection->arg = arg;
    if (on_end && (connection->shut || connection->ended_at))
        on_end(arg);
}

void connection_limit_silence(struct connection *connection, usec limit)
{
    unsigned limit_ms = (unsigned)(limit / USEC_PER_MS);
    setsockopt(connection->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit_ms, sizeof limit_ms);
}

/* ---- ends ---- */

static bool watch_end(const struct connections *all, struct connection *connection)
{
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET, .data = {.ptr = connection}};
    return epoll_ctl(all->ends, EPOLL_CTL_ADD, connection->fd, &event) == 0;
}

int connections_ends(const struct connections *all)
{
    return all->ends;
}

void connections_see_ends(struct connections *all)
{
    struct epoll_event events[ENDS];
    int count = epoll_wait(all->ends, events, ENDS, 0);
    for (int i = 0; i < count; i++) {
        struct connection *connection = events[i].data.ptr; /* all of them live: removing ends the watch */
        if (!connection->ended_at)
            link_to_ended(all, connection);
        if (connection->on_end)
            connection->on_end(connection->arg);
    }
}

/* Does it wait for bytes that will never come? */
static bool waits_in_vain(const struct connections *all, const struct connection *connection)
{
    static const bool WAITS[PHASE_COUNT] = {
        [PHASE_FIRST] = true, [PHASE_IDLE] = true, [PHASE_HEADERS] = true, [PHASE_BODY] = true};
    char byte;
    if (connection->shut || connection->held || !WAITS[connection->phase] ||
        (all->limits.tls && connection->phase != PHASE_IDLE))
        return false;
    return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

static void shut_ended(struct connections *all)
{
    for (struct connection *connection = all->ended; connection; connection = connection->next_ended)
        if (waits_in_vain(all, connection))
            shut(connection);
}

/* ---- who has to go ---- */

/* Shut connections stay in their list until the library has seen their end: skip them. */
static struct connection *oldest(struct connections *all, enum phase phase)
{
    struct connection *connection = all->phases[phase].first;
    while (connection && connection->shut)
        connection = connection->next;
    return connection;
}

/*
 * Whoever has kept us waiting longest goes first, whether it never spoke or has been answered before: then
 * silent connections, however many, cannot push out a sender that is merely between two events.
 */
static struct connection *longest_waiting(struct connections *all)
{
    static const enum phase WAITING[] = {PHASE_FIRST, PHASE_IDLE, PHASE_HEADERS};
    struct connection *longest = NULL;
    for (size_t i = 0; i < sizeof WAITING / sizeof WAITING[0]; i++) {
        struct connection *connection = oldest(all, WAITING[i]);
        if (connection && (!longest || connection->since < longest->since))
            longest = connection;
    }
    if (!longest)
        longest = oldest(all, PHASE_BODY);
    if (!longest)
        longest = oldest(all, PHASE_ANSWER);
    return longest ? longest : oldest(all, PHASE_STREAM);
}

static void make_room(struct connections *all)
{
    struct connection *connection = longest_waiting(all);
    if (!connection)
        return;
    connection_shut(connection);
    /* To the end, so that the next search does not pass it again. */
    unlink_from_phase(all, connection);
    link_to_phase(all, connection, connection->phase);
}

struct connection *connections_add(struct connections *all, int fd, const struct sockaddr *from)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return NULL;
    struct in6_addr address = address_of(from);
    connection->fd = fd;
    connection->peer = watch_end(all, connection) ? peer_take(all, &address) : NULL;
    if (!connection->peer) {
        epoll_ctl(all->ends, EPOLL_CTL_DEL, fd, NULL);
        free(connection);
        return NULL;
    }
    if (IN6_IS_ADDR_V4MAPPED(&address))
        inet_ntop(AF_INET, &address.s6_addr[12], connection->address, sizeof connection->address);
    else
        inet_ntop(AF_INET6, &address, connection->address, sizeof connection->address);
    if (all->count >= all->limits.max_connections)
        make_room(all);
    link_to_phase(all, connection, PHASE_FIRST);
    all->count++;
    metric_set(METRIC_CONNECTIONS, (int64_t)all->count);
    return connection;
}

void connections_remove(struct connections *all, struct connection *connection)
{
    unlink_from_phase(all, connection);
    unlink_from_ended(connection);
    peer_release(all, connection->peer);
    epoll_ctl(all->ends, EPOLL_CTL_DEL, connection->fd, NULL);
    free(connection);
    all->count--;
    metric_set(METRIC_CONNECTIONS, (int64_t)all->count);
}

void connection_enter(struct connections *all, struct connection *connection, enum phase phase)
{
    unlink_from_phase(all, connection);
    link_to_phase(all, connection, phase);
    connection->held = false;
}

void connection_hold(struct connection *connection, bool held)
{
    connection->held = held;
}

usec connections_expire(struct connections *all, usec now)
{
    usec next = 0;
    shut_ended(all);
    for (int phase = 0; phase < PHASE_COUNT; phase++) {
        usec limit = all->limits.phase_time[phase];
        if (limit == 0)
            continue;
        struct connection *connection;
        while ((connection = oldest(all, (enum phase)phase)) && connection->since + limit <= now) {
            connection->expired = true;
            connection_shut(connection);
            unlink_from_phase(all, connection);
            link_to_phase(all, connection, (enum phase)phase);
        }
        if (connection && (next == 0 || connection->since + limit < next))
            next = connection->since + limit;
    }
    return next;
}

void connections_shut_idle(struct connections *all)
{
    for (int phase = 0; phase < PHASE_COUNT; phase++)
        for (struct connection *connection = all->phases[phase].first; connection;
             connection = connection->next)
            if (phase == PHASE_FIRST || phase == PHASE_IDLE || phase == PHASE_HEADERS)
                connection_shut(connection);
}

size_t connections_count(const struct connections *all)
{
    return all->count;
}

bool connection_has_expired(const struct connection *connection)
{
    return connection->expired;
}

const char *connection_address(const struct connection *connection)
{
    return connection->address;
}
