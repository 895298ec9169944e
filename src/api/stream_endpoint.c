/* The live feed as server-sent events. On the loop; history on the pool. */
#include <stdlib.h>

#include "api/endpoints.h"
#include "api/handlers.h"
#include "http/pool.h"
#include "http/stream.h"

/* A client that was cut off is to come back after a second (HTML standard, section 9.2.4). */
#define GREETING "retry: 1000\n\n"

struct stream_client {
    struct feed_subscriber *subscriber;
    struct stream *stream; /* NULL: it is gone, and only the work on the pool is waited for */
    struct pool *pool;
    struct pool_errand *catching_up; /* NULL: no */
    bool greeted;
};

static void client_free(struct stream_client *client)
{
    feed_unsubscribe(client->subscriber);
    free(client);
}

static void catch_up(void *arg)
{
    struct stream_client *client = arg;
    feed_catch_up(client->subscriber);
}

static void on_caught_up(void *arg)
{
    struct stream_client *client = arg;
    client->catching_up = NULL;
    feed_catch_up_done(client->subscriber);
    if (client->stream)
        stream_wake(client->stream);
    else
        client_free(client);
}

/* Many who come back at once wait for each other; the heartbeat goes on meanwhile. */
static long begin_catch_up(struct stream_client *client)
{
    struct err err;
    if (pool_enqueue(client->pool, catch_up, on_caught_up, client, &client->catching_up, &err) == RC_OK)
        return STREAM_NOTHING;
    feed_catch_up_done(client->subscriber);
    return STREAM_END;
}

static long greet(struct stream_client *client, char *out, size_t max)
{
    size_t len = strlen(GREETING);
    client->greeted = true;
    if (len > max)
        return STREAM_END;
    memcpy(out, GREETING, len);
    return (long)len;
}

static long on_read(void *arg, char *out, size_t max)
{
    struct stream_client *client = arg;
    if (!client->greeted)
        return greet(client, out, max);
    long n = feed_read(client->subscriber, out, max);
    if (n == FEED_CATCH_UP)
        return begin_catch_up(client);
    if (n == FEED_CLOSED)
        return STREAM_END;
    return n == FEED_NOTHING ? STREAM_NOTHING : n;
}

static void on_close(void *arg)
{
    struct stream_client *client = arg;
    client->stream = NULL;
    if (client->catching_up && pool_withdraw(client->catching_up)) {
        client->catching_up = NULL;
        feed_catch_up_done(client->subscriber);
    }
    if (!client->catching_up)
        client_free(client);
}

static void on_wake(void *arg)
{
    struct stream_client *client = arg;
    stream_wake(client->stream);
}

static void on_too_slow(void *arg)
{
    struct stream_client *client = arg;
    stream_abort(client->stream);
}

static const struct feed_calls FEED_CALLS = {on_wake, on_too_slow};

const char *const heartbeat_choices[] = {"1s", "5s", "15s", NULL};

#define BEATS(seconds)                                                                                       \
    {                                                                                                        \
        on_read, on_close, (seconds)*USEC_PER_SEC, ": \n\n"                                                  \
    }
static const struct stream_calls STREAM_CALLS[] = {BEATS(1), BEATS(5), BEATS(15)};

/* Last-Event-ID is what a browser sends when it comes back to an address that may still say ?after=. */
static enum rc read_position(const struct request *request, uint64_t *ret, struct err *err)
{
    const char *id = request_header(request, REQUEST_LAST_EVENT_ID);
    char *end = NULL;
    *ret = request_has(request, "after") ? (uint64_t)request_number(request, "after") : FEED_NOW;
    if (!id || !*id)
        return RC_OK;
    unsigned long long value = *id >= '0' && *id <= '9' ? strtoull(id, &end, 10) : 0;
    if (!end || *end)
        return err_set(err, RC_BAD_PARAMETER, "Last-Event-ID must be the id of an event of this stream");
    *ret = value;
    return RC_OK;
}

static enum rc subscribe(struct feed *feed, const struct request *request, struct stream_client *client,
                         struct err *err)
{
    uint64_t after;
    struct feed_filter filter = {
        .type = request_text(request, "type"),
        .app = request_text(request, "app"),
        .connected_account_id = request_text(request, "connected_account_id"),
    };
    enum rc rc = read_position(request, &after, err);
    return rc == RC_OK ? feed_subscribe(feed, &filter, after, &FEED_CALLS, client, &client->subscriber, err)
                       : rc;
}

void get_stream(void *context, const struct request *request, struct reply *reply)
{
    const struct api_context *api = context;
    struct err err = {""};
    struct stream_client *client = calloc(1, sizeof *client);
    enum rc rc = client ? subscribe(api->feed, request, client, &err)
                        : err_set(&err, RC_NO_MEMORY, "memory ran out; ask again later");
    if (rc != RC_OK) {
        free(client);
        reply_error(reply, rc, err.message);
        return;
    }
    client->pool = request->pool;
    client->stream = reply_stream(reply, &STREAM_CALLS[request_choice(request, "heartbeat")], client);
    if (!client->stream)
        client_free(client);
}
