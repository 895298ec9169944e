/*
 * connections - every open HTTP connection, and when it has had its time.
 *
 * A connection is in one phase; each phase has one time limit, counted from when the phase began, so that a
 * peer that sends a byte now and then gains nothing. Phases are lists in order of their beginning: the front
 * of each is the next to expire. Too many connections: the one that has been idle longest makes room.
 *
 * A connection that must go is shut down (shutdown(2)); the HTTP library then sees its end and closes it as
 * any other.
 *
 * Thread: loop.   Owner: struct server.
 */
#ifndef FAIRLEAD_HTTP_CONNECTIONS_H
#define FAIRLEAD_HTTP_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/clock.h"

/* phase, what it waits for, is it a connection that nobody misses */
enum phase {
    PHASE_FIRST,   /* accepted, the first request's headers are not complete */
    PHASE_IDLE,    /* a request was answered, nothing of the next one has come */
    PHASE_HEADERS, /* a request line has come, its headers are not complete */
    PHASE_BODY,    /* headers are complete, the body is not */
    PHASE_WORK,    /* it is our turn: no limit */
    PHASE_ANSWER,  /* the answer is being sent */
    PHASE_STREAM,  /* a reply without an end: no limit, and the last to make room */
    PHASE_COUNT,
};

struct connection;
struct connections;

struct connection_limits {
    usec phase_time[PHASE_COUNT]; /* 0: no limit */
    size_t max_connections;
    bool tls;               /* the library holds bytes that it has read and not looked at */
    size_t max_per_address; /* not counted for loopback: reverse proxies live there; 0: no limit */
};

/* NULL when memory or descriptors ran out. */
struct connections *connections_new(const struct connection_limits *limits);
void connections_free(struct connections *all);

/* May another connection come from this address? */
bool connections_admit(struct connections *all, const struct sockaddr *from);

/* A new connection, in PHASE_FIRST; NULL when memory ran out. May shut down another one to make room. */
struct connection *connections_add(struct connections *all, int fd, const struct sockaddr *from);
void connections_remove(struct connections *all, struct connection *connection);
void connection_enter(struct connections *all, struct connection *connection, enum phase phase);

/*
 * An epoll descriptor that is readable when peers have closed their side or connections broke; then call
 * connections_see_ends(). Each connection is told of once, and costs nothing before. libmicrohttpd 0.9.75
 * misses an end that arrived together with the data before it, and does not watch a suspended connection.
 */
int connections_ends(const struct connections *all);
void connections_see_ends(struct connections *all);

/* A peer that acknowledges nothing for so long is gone: the kernel then ends the connection. For connections
 * without a time limit. */
void connection_limit_silence(struct connection *connection, usec limit);

/* The library has read bytes that it will show later: until the next phase or `false` the connection does not
 * wait in vain, whatever connections_see_ends() finds. */
void connection_hold(struct connection *connection, bool held);

/* Shuts it down now, and counts it as closed by us. */
void connection_shut(struct connection *connection);

/* Was it shut down because its phase had its time? */
bool connection_has_expired(const struct connection *connection);

/* Who must be told when it is shut down or connections_see_ends() finds its end, at once if that has been;
 * NULL: nobody. */
void connection_set_on_end(struct connection *connection, void (*on_end)(void *arg), void *arg);

/* Shuts down what has expired, and what has ended and was read to its end without a request to be answered.
 * Returns when to call again (monotonic usec), 0: no need. */
usec connections_expire(struct connections *all, usec now);

/* Shuts down every connection from which no whole request has come. For stopping. */
void connections_shut_idle(struct connections *all);

size_t connections_count(const struct connections *all);
/* The numeric address of the peer; lives as long as the connection. */
const char *connection_address(const struct connection *connection);

#endif
