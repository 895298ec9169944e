/*
 * stream - a reply without an end: server-sent events.
 *
 * A handler that runs on the loop hands over callbacks and gets a handle. From then on:
 *   read   is called when the client can take bytes: it fills some, or says STREAM_NOTHING, and then is not
 *          called again before stream_wake(), or STREAM_END, which ends the reply in good order.
 *   close  is called exactly once, whatever happened: the client went away, the server stops, the reply could
 *          not be sent. The handle dies with it. It is never called from inside read, stream_wake() or
 *          stream_abort(), and nothing is called after it.
 *
 * While there is nothing the connection is suspended and costs no time. A client that closes its side is
 * noticed at once. When nothing was sent for `heartbeat`, the heartbeat's bytes are sent: one that vanished
 * without a word, as behind a cut cable, is noticed by what it leaves unacknowledged for four heartbeats. A
 * client that takes nothing for so long is closed. When the server stops, streams end. When the server is
 * full they are the last to be closed to make room.
 *
 * Memory for each: one block of STREAM_BLOCK bytes, and what the connection has.
 *
 * Thread: loop, all of it.
 */
#ifndef FAIRLEAD_HTTP_STREAM_H
#define FAIRLEAD_HTTP_STREAM_H

#include <stddef.h>

#include "base/clock.h"
#include "http/reply.h"

#define STREAM_BLOCK ((size_t)8 * 1024)

/* What read returns when it has filled no bytes. */
#define STREAM_NOTHING 0L
#define STREAM_END     (-1L)

struct stream_calls {
    long (*read)(void *arg, char *out, size_t max); /* bytes filled, at most max; or one of the above */
    void (*close)(void *arg);
    usec heartbeat;             /* 0: none */
    const char *heartbeat_text; /* static, short: ": \n\n" */
};

/*
 * Makes reply a stream (text/event-stream unless the handler sets another type) and returns its handle. NULL
 * when memory ran out: the reply is then an error and close is not called. `calls` is static.
 */
struct stream *reply_stream(struct reply *reply, const struct stream_calls *calls, void *arg);

/* There may be something to read now. Cheap, and may be called any number of times, also from read. */
void stream_wake(struct stream *stream);

/* Closes the connection without a good end, also when the client takes nothing: it cannot keep up. close is
 * called later. */
void stream_abort(struct stream *stream);

#endif
