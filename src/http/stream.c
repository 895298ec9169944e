#include "http/stream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/metric.h"
#include "http/streams.h"

/* How often a client of a stream without heartbeats is looked after. */
#define LOOK_INTERVAL (15 * USEC_PER_SEC)

/* Heartbeats that a client may leave untaken. */
#define PATIENCE 4

struct stream {
    struct stream *prev;
    struct stream *next;
    const struct stream_calls *calls;
    void *arg;
    struct streams *all; /* NULL until it is attached */
    struct MHD_Connection *http;
    struct connection *connection;
    usec touched; /* when bytes were last given to the library */
    bool suspended;
    bool woken; /* since read was last called */
    bool heartbeat_due;
    bool ending;
    bool gone; /* to be closed without a good end */
};

struct stream *reply_stream(struct reply *reply, const struct stream_calls *calls, void *arg)
{
    struct stream *stream = calloc(1, sizeof *stream);
    if (!stream) {
        reply_error(reply, RC_NO_MEMORY, "memory ran out; ask again later");
        return NULL;
    }
    stream->calls = calls;
    stream->arg = arg;
    reply->stream = stream;
    reply->content_type = CONTENT_TYPE_EVENT_STREAM;
    return stream;
}

static void resume(struct stream *stream)
{
    if (!stream->suspended)
        return;
    stream->suspended = false;
    MHD_resume_connection(stream->http);
    stream->all->on_work(stream->all->arg);
}

void stream_wake(struct stream *stream)
{
    stream->woken = true;
    resume(stream);
}

void stream_abort(struct stream *stream)
{
    stream->gone = true;
    if (stream->connection)
        connection_shut(stream->connection); /* calls on_end() */
}

static void on_end(void *arg)
{
    struct stream *stream = arg;
    stream->gone = true;
    resume(stream);
}

/* --- libmicrohttpd's side ------------------------------------------------------------------------------ */

static ssize_t give_heartbeat(struct stream *stream, char *out, size_t max)
{
    size_t len = stream->calls->heartbeat_text ? strlen(stream->calls->heartbeat_text) : 0;
    stream->heartbeat_due = false;
    if (len == 0 || len > max)
        return 0;
    memcpy(out, stream->calls->heartbeat_text, len);
    return (ssize_t)len;
}

/* What came in the meantime goes before the heartbeat that was due, and stands for it. */
static ssize_t fill(struct stream *stream, char *out, size_t max)
{
    stream->woken = false;
    stream->all->served = true; /* also when it is asked in vain: then it has sent what it got before */
    long n = stream->calls->read(stream->arg, out, max);
    assert(n <= (long)max && n >= STREAM_END);
    if (n == STREAM_END)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (n == STREAM_NOTHING && stream->heartbeat_due)
        n = give_heartbeat(stream, out, max);
    if (n > 0) {
        stream->heartbeat_due = false;
        stream->touched = clock_monotonic();
        stream->all->on_work(stream->all->arg); /* to send it */
    }
    return n;
}

static ssize_t on_read(void *cls, uint64_t position, char *out, size_t max)
{
    (void)position;
    struct stream *stream = cls;
    if (stream->gone || !stream->all)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (stream->ending)
        return MHD_CONTENT_READER_END_OF_STREAM;
    ssize_t n = fill(stream, out, max);
    if (n != 0)
        return n;
    stream->suspended = true;
    MHD_suspend_connection(stream->http);
    if (stream->woken || stream->gone)
        resume(stream);
    return 0;
}

static void detach(struct stream *stream)
{
    struct streams *all = stream->all;
    if (!all)
        return;
    connection_set_on_end(stream->connection, NULL, NULL);
    *(stream->prev ? &stream->prev->next : &all->first) = stream->next;
    if (stream->next)
        stream->next->prev = stream->prev;
    all->count--;
    metric_set(METRIC_STREAM_CLIENTS, (int64_t)all->count);
}

void stream_discard(struct stream *stream)
{
    detach(stream);
    stream->calls->close(stream->arg);
    free(stream);
}

static void on_free(void *cls)
{
    stream_discard(cls);
}

struct MHD_Response *stream_response(struct stream *stream)
{
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, on_read, stream, on_free);
}

/* --- all of them --------------------------------------------------------------------------------------- */

static usec interval(const struct stream *stream)
{
    return stream->calls->heartbeat ? stream->calls->heartbeat : LOOK_INTERVAL;
}

static void set_due(struct streams *all, usec due)
{
    if (all->due == 0 || due < all->due)
        all->due = due;
}

void stream_attach(struct stream *stream, struct streams *all, struct MHD_Connection *http,
                   struct connection *connection)
{
    stream->all = all;
    stream->http = http;
    stream->connection = connection;
    stream->ending = all->ending;
    stream->touched = clock_monotonic();
    stream->next = all->first;
    if (all->first)
        all->first->prev = stream;
    all->first = stream;
    all->count++;
    metric_set(METRIC_STREAM_CLIENTS, (int64_t)all->count);
    connection_set_on_end(connection, on_end, stream);
    connection_limit_silence(connection, PATIENCE * interval(stream));
    set_due(all, stream->touched + interval(stream));
}

/* A suspended one has taken everything: it gets a heartbeat. Any other one holds up what it got. */
static void beat(struct stream *stream, usec now)
{
    if (!stream->suspended) {
        if (stream->touched + PATIENCE * interval(stream) <= now)
            stream_abort(stream);
        return;
    }
    stream->heartbeat_due = true;
    stream->touched = now;
    resume(stream);
}

usec streams_beat(struct streams *all, usec now)
{
    if (all->due == 0 || now < all->due)
        return all->due;
    all->due = 0;
    for (struct stream *stream = all->first; stream; stream = stream->next) {
        if (stream->touched + interval(stream) <= now)
            beat(stream, now);
        usec next = stream->touched + interval(stream);
        set_due(all, next > now ? next : now + interval(stream));
    }
    return all->due;
}

void streams_end(struct streams *all)
{
    all->ending = true;
    for (struct stream *stream = all->first; stream; stream = stream->next) {
        stream->ending = true;
        resume(stream);
    }
}
