/*
 * streams - every open stream: the server's side of http/stream.h.
 *
 * Thread: loop.   Owner: struct exchanges.
 */
#ifndef FAIRLEAD_HTTP_STREAMS_H
#define FAIRLEAD_HTTP_STREAMS_H

#include <microhttpd.h>
#include <stdbool.h>

#include "base/clock.h"
#include "http/connections.h"
#include "http/stream.h"

struct streams {
    struct stream *first;
    size_t count;
    usec due;                   /* monotonic: no heartbeat before; 0: none */
    bool ending;                /* the server stops: whatever comes ends at once */
    bool served;                /* since it was last false: clients were looked after */
    void (*on_work)(void *arg); /* the daemon has work that no descriptor shows: run it soon */
    void *arg;
};

/* The response that carries the stream. From here on its end closes the stream; NULL: memory ran out, and the
 * stream is the caller's. */
struct MHD_Response *stream_response(struct stream *stream);

/* The response was queued: the stream belongs to this connection. */
void stream_attach(struct stream *stream, struct streams *all, struct MHD_Connection *http,
                   struct connection *connection);

/* For one that was never sent: calls close. */
void stream_discard(struct stream *stream);

/* Sends the heartbeats that are due and closes who does not take them; returns when to call again
 * (monotonic), 0: no need. Cheap before that time. */
usec streams_beat(struct streams *all, usec now);

/* Ends all of them in good order. */
void streams_end(struct streams *all);

#endif
