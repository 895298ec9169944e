#include "http/respond.h"

#include <strings.h>

#include "http/streams.h"

static const char CONTENT_POLICY[] =
    "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

static void add_default(const struct reply *reply, struct MHD_Response *response, const char *name,
                        const char *value)
{
    if (!reply_get_header(reply, name))
        MHD_add_response_header(response, name, value);
}

static void add_headers(const struct reply *reply, int status, bool close_after,
                        struct MHD_Response *response)
{
    const char *type = reply->content_type ? reply->content_type : CONTENT_TYPE_JSON;
    if (status < 300 || status >= 400)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    for (size_t i = 0; i < reply->header_count; i++)
        MHD_add_response_header(response, reply->headers[i].name,
                                buf_str(&reply->header_text) + reply->headers[i].value_at);
    add_default(reply, response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    if (strncasecmp(type, "text/html", 9) == 0)
        add_default(reply, response, "Content-Security-Policy", CONTENT_POLICY);
    if (reply->stream)
        MHD_add_response_header(response, "X-Accel-Buffering", "no");
    if (status == 503)
        add_default(reply, response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
    if (close_after)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

static struct MHD_Response *borrowed_response(struct slice bytes)
{
    return MHD_create_response_from_buffer(bytes.len, (void *)(uintptr_t)bytes.ptr, MHD_RESPMEM_PERSISTENT);
}

/* An owned body goes over to the library. */
static struct MHD_Response *make_response(struct reply *reply)
{
    if (reply->stream)
        return stream_response(reply->stream);
    if (reply->fixed.ptr)
        return borrowed_response(reply->fixed);
    if (reply->body.len == 0)
        return borrowed_response(slice_str(""));
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply->body.len, reply->body.ptr, MHD_RESPMEM_MUST_FREE);
    if (response)
        reply->body = (struct buf)BUF_INIT;
    return response;
}

static void replace_failed(struct reply *reply)
{
    if (!buf_failed(&reply->body) && !buf_failed(&reply->header_text))
        return;
    if (reply->stream)
        stream_discard(reply->stream);
    reply->stream = NULL;
    reply_error(reply, RC_NO_MEMORY, "memory ran out; ask again later");
}

enum MHD_Result respond(struct exchanges *all, struct MHD_Connection *http, struct connection *connection,
                        struct reply *reply, bool close_after)
{
    replace_failed(reply);
    int status = reply->status ? reply->status : 200;
    struct stream *stream = reply->stream;
    struct MHD_Response *response = make_response(reply);
    enum MHD_Result result = MHD_NO;
    if (response) {
        add_headers(reply, status, close_after, response);
        result = MHD_queue_response(http, (unsigned)status, response);
        if (result == MHD_YES) {
            all->more = true;
            if (stream)
                stream_attach(stream, &all->streams, http, connection);
            connection_enter(all->connections, connection, stream ? PHASE_STREAM : PHASE_ANSWER);
        }
        MHD_destroy_response(response); /* closes a stream that was not queued */
    } else if (stream) {
        stream_discard(stream);
    }
    reply_cleanup(reply);
    return result;
}
