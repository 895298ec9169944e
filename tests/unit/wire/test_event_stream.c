#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "wire/event_stream.h"

/* Each message as "event|id|data;". */
static bool on_message(void *arg, const struct event_stream_message *message)
{
    struct buf *out = arg;
    buf_addf(out, "%.*s|%.*s%s|%.*s;", SLICE_ARG(message->event), SLICE_ARG(message->id),
             message->has_id ? "!" : "", SLICE_ARG(message->data));
    return true;
}

static void feed_in_pieces(const char *text, size_t piece, struct buf *out)
{
    CLEANUP(event_stream_cleanup) struct event_stream stream;
    struct slice rest = slice_str(text);
    event_stream_init(&stream);
    while (rest.len > 0) {
        size_t len = piece < rest.len ? piece : rest.len;
        assert_true(event_stream_feed(&stream, slice_of(rest.ptr, len), on_message, out));
        rest = slice_skip(rest, len);
    }
    assert_false(event_stream_failed(&stream));
}

static void test_messages(void **state)
{
    static const char *const CASES[][2] = {
        {"data: a\n\n", "message||a;"},
        {"data:a\r\rdata: b\r\n\r\n", "message||a;message||b;"},
        {"event: x\nid: 7\ndata: {\"a\":1}\n\n", "x|7!|{\"a\":1};"},
        {"id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", "message|7!|a;message|7|b;message|!|c;"},
        {"data: a\ndata: b\ndata\ndata:  c\n\n", "message||a\nb\n\n c;"},
        {": \n\nretry: 1000\n\n: data: x\n\n", ""},
        {"event: x\n\ndata: a\n\n", "message||a;"},
        {"\xEF\xBB\xBF"
         "data: a\n\n\xEF\xBB\xBF"
         "data: b\n\n",
         "message||a;"},
        {"data: never whole\n", ""},
        {"unknown: a\nid: 3\n\ndata: b\n\n", "message|3|b;"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        for (size_t piece = 1; piece < 12; piece++) {
            CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
            feed_in_pieces(CASES[i][0], piece, &out);
            assert_string_equal(buf_str(&out), CASES[i][1]);
        }
}

static bool stop(void *arg, const struct event_stream_message *message)
{
    (void)message;
    ++*(int *)arg;
    return false;
}

static void test_a_reader_may_stop(void **state)
{
    CLEANUP(event_stream_cleanup) struct event_stream stream;
    int count = 0;
    (void)state;
    event_stream_init(&stream);
    assert_false(event_stream_feed(&stream, slice_str("data: a\n\ndata: b\n\n"), stop, &count));
    assert_int_equal(count, 1);
}

static void test_a_new_connection_keeps_the_id(void **state)
{
    CLEANUP(event_stream_cleanup) struct event_stream stream;
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    (void)state;
    event_stream_init(&stream);
    assert_true(
        event_stream_feed(&stream, slice_str("id: 5\ndata: a\n\nevent: y\ndata: half"), on_message, &out));
    event_stream_restart(&stream);
    assert_true(event_stream_feed(&stream, slice_str("data: b\n\n"), on_message, &out));
    assert_string_equal(buf_str(&out), "message|5!|a;message|5|b;");
}

static void test_what_is_too_large_fails(void **state)
{
    CLEANUP(event_stream_cleanup) struct event_stream stream;
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    (void)state;
    event_stream_init(&stream);
    stream.line.limit = stream.data.limit = 64;
    for (int i = 0; i < 8; i++)
        (void)event_stream_feed(&stream, slice_str("data: 0123456789\n"), on_message, &out);
    assert_false(event_stream_feed(&stream, slice_str("\n"), on_message, &out));
    assert_true(event_stream_failed(&stream));
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_a_reader_may_stop),
        cmocka_unit_test(test_a_new_connection_keeps_the_id),
        cmocka_unit_test(test_what_is_too_large_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
