#include "wire/event_stream.h"

static const char MARK[] = "\xEF\xBB\xBF";

void event_stream_init(struct event_stream *stream)
{
    *stream = (struct event_stream){
        .line = BUF_INIT_LIMIT(EVENT_STREAM_MAX),
        .event = BUF_INIT_LIMIT(EVENT_STREAM_MAX),
        .data = BUF_INIT_LIMIT(EVENT_STREAM_MAX),
        .id = BUF_INIT_LIMIT(EVENT_STREAM_MAX),
    };
}

void event_stream_restart(struct event_stream *stream)
{
    buf_clear(&stream->line);
    buf_clear(&stream->event);
    buf_clear(&stream->data);
    stream->has_id = stream->begun = stream->after_return = false;
}

void event_stream_cleanup(struct event_stream *stream)
{
    buf_cleanup(&stream->line);
    buf_cleanup(&stream->event);
    buf_cleanup(&stream->data);
    buf_cleanup(&stream->id);
}

bool event_stream_failed(const struct event_stream *stream)
{
    return buf_failed(&stream->line) || buf_failed(&stream->event) || buf_failed(&stream->data) ||
           buf_failed(&stream->id);
}

static void take_field(struct event_stream *stream, struct slice name, struct slice value)
{
    if (slice_is(name, "data")) {
        buf_add_slice(&stream->data, value);
        buf_add_char(&stream->data, '\n');
    } else if (slice_is(name, "event")) {
        buf_clear(&stream->event);
        buf_add_slice(&stream->event, value);
    } else if (slice_is(name, "id") && !(value.len && memchr(value.ptr, '\0', value.len))) {
        buf_clear(&stream->id);
        buf_add_slice(&stream->id, value);
        stream->has_id = true;
    }
}

static bool dispatch(struct event_stream *stream, event_stream_fn fn, void *arg)
{
    bool more = true;
    if (stream->data.len > 0) {
        struct event_stream_message message = {
            .event = stream->event.len ? buf_slice(&stream->event) : slice_str("message"),
            .id = buf_slice(&stream->id),
            .has_id = stream->has_id,
            .data = slice_of(stream->data.ptr, stream->data.len - 1),
        };
        more = event_stream_failed(stream) ? false : fn(arg, &message);
    }
    buf_clear(&stream->event);
    buf_clear(&stream->data);
    stream->has_id = false;
    return more;
}

static bool take_line(struct event_stream *stream, struct slice line, event_stream_fn fn, void *arg)
{
    if (!stream->begun && slice_starts(line, MARK))
        line = slice_skip(line, sizeof MARK - 1);
    stream->begun = true;
    if (line.len == 0)
        return dispatch(stream, fn, arg);
    struct slice value = line;
    struct slice name = slice_split(&value, ':');
    if (value.len > 0 && value.ptr[0] == ' ')
        value = slice_skip(value, 1);
    take_field(stream, name, value); /* a comment has an empty name, which no field has */
    return true;
}

static size_t line_length(struct slice bytes)
{
    size_t len = 0;
    while (len < bytes.len && bytes.ptr[len] != '\n' && bytes.ptr[len] != '\r')
        len++;
    return len;
}

bool event_stream_feed(struct event_stream *stream, struct slice bytes, event_stream_fn fn, void *arg)
{
    if (bytes.len > 0 && stream->after_return && bytes.ptr[0] == '\n')
        bytes = slice_skip(bytes, 1);
    else if (bytes.len == 0)
        return !event_stream_failed(stream);
    stream->after_return = false;
    while (bytes.len > 0) {
        size_t len = line_length(bytes);
        buf_add(&stream->line, bytes.ptr, len);
        if (len == bytes.len || event_stream_failed(stream))
            break;
        bool returned = bytes.ptr[len] == '\r';
        bytes = slice_skip(bytes, len + 1);
        if (returned && bytes.len > 0 && bytes.ptr[0] == '\n')
            bytes = slice_skip(bytes, 1);
        else
            stream->after_return = returned && bytes.len == 0;
        bool more = take_line(stream, buf_slice(&stream->line), fn, arg);
        buf_clear(&stream->line);
        if (!more)
            return false;
    }
    return !event_stream_failed(stream);
}
