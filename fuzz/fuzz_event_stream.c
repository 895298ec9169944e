/*
 * Any bytes as a stream of server-sent events: in whatever pieces they come, the messages are the same, and
 * no message holds a line ending that it should not.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "wire/event_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_text(struct buf *out, struct slice text)
{
    buf_addf(out, "%zu:", text.len);
    buf_add_slice(out, text);
}

static bool on_message(void *arg, const struct event_stream_message *message)
{
    assert(message->event.len > 0);
    assert(!message->data.len || !memchr(message->data.ptr, '\r', message->data.len));
    assert(!message->id.len || !memchr(message->id.ptr, '\0', message->id.len));
    add_text(arg, message->event);
    add_text(arg, message->id);
    add_text(arg, message->data);
    buf_add_char(arg, message->has_id ? '!' : '.');
    return true;
}

static void feed(struct slice bytes, size_t piece, struct buf *out)
{
    CLEANUP(event_stream_cleanup) struct event_stream stream;
    event_stream_init(&stream);
    while (bytes.len > 0) {
        size_t len = piece < bytes.len ? piece : bytes.len;
        bool good = event_stream_feed(&stream, slice_of(bytes.ptr, len), on_message, out);
        assert(good);
        bytes = slice_skip(bytes, len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(buf_cleanup) struct buf whole = BUF_INIT;
    feed(slice_of(data, size), SIZE_MAX, &whole);
    for (size_t piece = 1; piece < 8; piece++) {
        CLEANUP(buf_cleanup) struct buf pieces = BUF_INIT;
        feed(slice_of(data, size), piece, &pieces);
        assert(slice_equal(buf_slice(&whole), buf_slice(&pieces)));
    }
    return 0;
}
