/*
 * event_stream - server-sent events out of the bytes of a stream (HTML Standard, section 9.2.6).
 *
 * Bytes come in any pieces. Comments are skipped; a message without data is none. `id` is kept over messages,
 * as the standard asks: it is what Last-Event-ID says after a lost connection.
 *
 * Limit: EVENT_STREAM_MAX bytes for a line and for the data of a message; a stream that goes beyond has
 * failed.
 *
 * Thread: any; one holder at a time.
 */
#ifndef FAIRLEAD_WIRE_EVENT_STREAM_H
#define FAIRLEAD_WIRE_EVENT_STREAM_H

#include "base/buf.h"

#define EVENT_STREAM_MAX ((size_t)128 * 1024 * 1024)

struct event_stream_message {
    struct slice event; /* "message" when it has no name */
    struct slice id;    /* of this message or the last one that had one; may be empty */
    bool has_id;        /* this one has */
    struct slice data;
};

/* false: enough, what follows in these bytes is dropped. Slices are valid until it returns. */
typedef bool (*event_stream_fn)(void *arg, const struct event_stream_message *message);

struct event_stream {
    struct buf line; /* that is not whole yet */
    struct buf event;
    struct buf data; /* with a newline after each line */
    struct buf id;
    bool has_id;
    bool begun;        /* a byte order mark may only come first */
    bool after_return; /* a line feed belongs to the carriage return before it */
};

void event_stream_init(struct event_stream *stream);
/* For another connection: forgets what is not whole, keeps the id. */
void event_stream_restart(struct event_stream *stream);
void event_stream_cleanup(struct event_stream *stream);

/* false: fn said so, or the stream has failed (event_stream_failed()). */
bool event_stream_feed(struct event_stream *stream, struct slice bytes, event_stream_fn fn, void *arg);
bool event_stream_failed(const struct event_stream *stream);

#endif
