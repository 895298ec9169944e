#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/export_line.h"

#define AT INT64_C(1777888800120456)

static struct record event(const char *id, struct slice head, struct slice body)
{
    return (struct record){
        .seq = 7, .kind = RECORD_EVENT, .received_at = AT, .key = slice_str(id), .head = head, .body = body};
}

static void assert_round_trip(const struct record *record)
{
    CLEANUP(buf_cleanup) struct buf line = BUF_INIT;
    CLEANUP(export_record_cleanup) struct export_record back = {0};
    struct err err;
    export_line_write(record, &line);
    assert_int_equal(line.ptr[line.len - 1], '\n');
    assert_ptr_equal(memchr(line.ptr, '\n', line.len), line.ptr + line.len - 1);
    if (export_line_read(buf_slice(&line), &back, &err))
        fail_msg("%s", err.message);
    assert_int_equal(back.record.kind, record->kind);
    assert_int_equal(back.record.received_at, record->received_at);
    assert_int_equal(back.record.key_hashed, record->key_hashed);
    assert_true(slice_equal(back.record.key, record->key));
    assert_true(slice_equal(back.record.head, record->head));
    assert_true(slice_equal(back.record.body, record->body));
}

static void test_the_documented_line(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf line = BUF_INIT;
    struct record record =
        event("msg_1", slice_str("content-type: application/json\n"), slice_str("{\"a\":1}"));
    export_line_write(&record, &line);
    assert_string_equal(buf_str(&line),
                        "{\"seq\":7,\"kind\":\"event\",\"received_at\":\"2026-05-04T10:00:00.120Z\","
                        "\"received_at_us\":1777888800120456,\"id\":\"msg_1\","
                        "\"head\":\"content-type: application/json\\n\",\"body\":\"{\\\"a\\\":1}\"}\n");
}

static void test_bytes_come_back_exactly(void **state)
{
    (void)state;
    static const struct slice BODIES[] = {
        {"", 0},
        {"{}", 2},
        {" {\r\n\t\"a\" : \"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\" }\n", 25},
        {"{\"a\":\"\\u0000\\ud83d\\ude00\\ud800\"}", 32},
        {"\\ud800 \\\\ud800", 14},
        {"\xEF\xBB\xBF{}", 5},
        {"nul \0 inside", 12},
        {"\xFF\xFE latin \xE4", 10},
        {"\xED\xA0\x80 surrogate", 13},
        {"\x01\x1F\x7F\xC2\x80\xE2\x80\xA8", 8},
    };
    for (size_t i = 0; i < sizeof BODIES / sizeof *BODIES; i++) {
        struct record record = event("msg_1", BODIES[i], BODIES[i]);
        assert_round_trip(&record);
    }
}

static void test_random_bytes_come_back_exactly(void **state)
{
    (void)state;
    unsigned seed = 20260504;
    for (int round = 0; round < 500; round++) {
        char bytes[64];
        size_t len = (size_t)rand_r(&seed) % sizeof bytes;
        for (size_t i = 0; i < len; i++)
            bytes[i] = round % 2 ? (char)rand_r(&seed) : "\\ud8Dc0\"\n"[(unsigned)rand_r(&seed) % 9];
        struct record record = event("msg_1", slice_of(bytes, len), slice_of(bytes, len));
        assert_round_trip(&record);
    }
}

static void test_hashed_keys_and_notes(void **state)
{
    (void)state;
    struct dedupe_key key;
    struct err err;
    assert_int_equal(dedupe_key_make(SLICE_NONE, slice_str("/webhook"), slice_str("{}"), &key, &err), RC_OK);
    struct record record = event(NULL, slice_str(""), slice_str("{}"));
    record.key_hashed = key.hashed;
    record.key = slice_of(key.bytes, key.len);
    assert_true(key.hashed);
    assert_round_trip(&record);
    struct record note = {
        .seq = 1, .kind = RECORD_NOTE, .received_at = 1, .body = slice_str("{\"started\":true}")};
    assert_round_trip(&note);
}

static void test_the_fingerprint_is_made_again(void **state)
{
    (void)state;
    CLEANUP(export_record_cleanup) struct export_record back = {0};
    struct dedupe_key key;
    struct err err;
    struct slice line =
        slice_str("{\"kind\":\"event\",\"received_at_us\":5,\"id\":\"msg_1\",\"body\":\"{}\"}");
    assert_int_equal(export_line_read(line, &back, &err), RC_OK);
    assert_int_equal(dedupe_key_parse(slice_str("msg_1"), &key, &err), RC_OK);
    assert_true(back.record.fingerprint == key.fingerprint);
    assert_int_equal(back.record.head.len, 0);
}

static void test_a_line_made_by_hand_needs_no_microseconds(void **state)
{
    (void)state;
    CLEANUP(export_record_cleanup) struct export_record back = {0};
    struct err err;
    struct slice line = slice_str(
        "{\"kind\":\"event\",\"received_at\":\"2026-05-04T10:00:00.120Z\",\"id\":\"a\",\"body\":\"{}\"}");
    assert_int_equal(export_line_read(line, &back, &err), RC_OK);
    assert_int_equal(back.record.received_at, INT64_C(1777888800120000));
}

static void test_refusals_name_the_field(void **state)
{
    (void)state;
#define LINE(time, id, rest) "{\"kind\":\"event\"," time id rest "}"
#define TIME                 "\"received_at_us\":5,"
#define ID                   "\"id\":\"a\","
    static const struct {
        const char *line;
        enum rc rc;
        const char *says;
    } CASES[] = {
        {"{", RC_INVALID_JSON, "line 1"},
        {"[]", RC_BAD_PARAMETER, "not an object"},
        {"{}", RC_BAD_PARAMETER, "\"kind\""},
        {"{\"kind\":\"other\"}", RC_BAD_PARAMETER, "\"kind\""},
        {LINE("", ID, "\"body\":\"{}\""), RC_BAD_PARAMETER, "\"received_at_us\""},
        {LINE("\"received_at_us\":0,", ID, "\"body\":\"{}\""), RC_BAD_PARAMETER, "\"received_at_us\""},
        {LINE("\"received_at_us\":1.5,", ID, "\"body\":\"{}\""), RC_BAD_PARAMETER, "\"received_at_us\""},
        {LINE("\"received_at_us\":253402300800000000,", ID, "\"body\":\"{}\""), RC_BAD_PARAMETER,
         "\"received_at_us\""},
        {LINE("\"received_at_us\":99999999999999999999,", ID, "\"body\":\"{}\""), RC_BAD_PARAMETER,
         "\"received_at_us\""},
        {LINE(TIME, "", "\"body\":\"{}\""), RC_BAD_PARAMETER, "\"id\" is missing"},
        {LINE(TIME, "\"id\":3,", "\"body\":\"{}\""), RC_BAD_PARAMETER, "\"id\""},
        {LINE(TIME, "\"id\":\"\",", "\"body\":\"{}\""), RC_BAD_PARAMETER, "\"id\""},
        {LINE(TIME, ID, "\"head\":\"\""), RC_BAD_PARAMETER, "\"body\" is missing"},
        {LINE(TIME, ID, "\"body\":{}"), RC_BAD_PARAMETER, "\"body\" must be a string"},
        {LINE(TIME, ID, "\"body_base64\":\"e30\""), RC_BAD_PARAMETER, "\"body_base64\" is not base64"},
        {LINE(TIME, ID, "\"body\":\"{}\",\"body_base64\":\"e30=\""), RC_BAD_PARAMETER, "exclude each other"},
        {LINE(TIME, ID, "\"body\":\"\\ud800\""), RC_BAD_PARAMETER, "surrogate"},
        {LINE(TIME, ID, "\"body\":\"\\uDC00\\uD800\""), RC_BAD_PARAMETER, "surrogate"},
    };
    CLEANUP(export_record_cleanup) struct export_record back = {0};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct err err = {""};
        if (export_line_read(slice_str(CASES[i].line), &back, &err) != CASES[i].rc ||
            !strstr(err.message, CASES[i].says))
            fail_msg("%s: %s", CASES[i].line, err.message);
    }
}

static void test_escapes_that_only_look_like_surrogates_are_fine(void **state)
{
    (void)state;
    CLEANUP(export_record_cleanup) struct export_record back = {0};
    struct err err;
    struct slice line = slice_str(
        "{\"kind\":\"note\",\"received_at_us\":5,\"body\":\"\\\\ud800 \\\\\\\\ud800 \\ud83d\\uDE00\"}");
    assert_int_equal(export_line_read(line, &back, &err), RC_OK);
    assert_true(slice_is(back.record.body, "\\ud800 \\\\ud800 \xF0\x9F\x98\x80"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_documented_line),
        cmocka_unit_test(test_bytes_come_back_exactly),
        cmocka_unit_test(test_random_bytes_come_back_exactly),
        cmocka_unit_test(test_hashed_keys_and_notes),
        cmocka_unit_test(test_the_fingerprint_is_made_again),
        cmocka_unit_test(test_a_line_made_by_hand_needs_no_microseconds),
        cmocka_unit_test(test_refusals_name_the_field),
        cmocka_unit_test(test_escapes_that_only_look_like_surrogates_are_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
