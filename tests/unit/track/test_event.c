#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "track/event.h"
#include "wire/json.h"

#define TEN_O_CLOCK (INT64_C(1777888800) * USEC_PER_SEC)

#define START                                                                                                \
    "{ \"type\": \"connected_account.add.start\", \"timestamp\": \"2026-05-04T09:59:59.5Z\",\n"              \
    " \"data\": {\"app_name\": \"notion\", \"integration_name\": \"notion_x\", \"integration_id\": "         \
    "\"i1\",\n"                                                                                              \
    " \"connected_account_id\": \"ca_1\", \"body\": {}, \"token\": \"planted\"}}"

/* Writes the event of a record. */
static void write_event(const struct record *record, struct event_view view, struct buf *out)
{
    CLEANUP(payload_cleanup) struct payload payload = {0};
    payload_read(&payload, record->body);
    event_write_json(record, &payload, &view, out);
    assert_false(buf_failed(out));
    assert_int_equal(json_check_object(buf_slice(out), NULL), RC_OK);
}

static void expect(const struct record *record, struct event_view view, const char *want)
{
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    write_event(record, view, &out);
    assert_string_equal(buf_str(&out), want);
}

static struct record start_record(void)
{
    return (struct record){
        .seq = 42,
        .kind = RECORD_EVENT,
        .received_at = TEN_O_CLOCK + 250,
        .key = slice_str("msg_1"),
        .head = slice_str(":from: 127.0.0.1\nhost: example.com\n:verified: true\nx-a: 1\nx-api-key: planted\n"
                          "x-b: \xff\nx-a: 2\n"),
        .body = slice_str(START),
    };
}

#define START_FIELDS                                                                                         \
    "\"type\":\"connected_account.add.start\",\"shape\":\"admin\",\"app\":\"notion\","                       \
    "\"integration_name\":\"notion_x\",\"integration_id\":\"i1\",\"connected_account_id\":\"ca_1\","         \
    "\"user_id\":null"
#define START_PAYLOAD(token)                                                                                 \
    "{\"type\":\"connected_account.add.start\",\"timestamp\":\"2026-05-04T09:59:59.5Z\",\"data\":{"          \
    "\"app_name\":\"notion\",\"integration_name\":\"notion_x\",\"integration_id\":\"i1\","                   \
    "\"connected_account_id\":\"ca_1\",\"body\":{},\"token\":\"" token "\"}}"

static void writes_an_event(void **state)
{
    (void)state;
    struct record record = start_record();
    expect(&record, (struct event_view){.duplicates = 3},
           "{\"seq\":42,\"id\":\"msg_1\",\"received_at\":\"2026-05-04T10:00:00.000Z\","
           "\"occurred_at\":\"2026-05-04T09:59:59.500Z\"," START_FIELDS
           ",\"verified\":true,\"duplicates\":3,\"payload\":" START_PAYLOAD("[redacted]") "}");
}

static void reveals_and_shows_headers_when_asked(void **state)
{
    (void)state;
    struct record record = start_record();
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    write_event(&record, (struct event_view){.reveal = true, .headers = true}, &out);
    assert_non_null(strstr(
        buf_str(&out),
        "\"payload\":" START_PAYLOAD("planted") ",\"headers\":{\"host\":\"example.com\",\"x-a\":\"1, 2\","
                                                "\"x-api-key\":\"planted\",\"x-b\":\"\xEF\xBF\xBD\"},"
                                                "\"from\":\"127.0.0.1\"}"));
    buf_clear(&out);
    write_event(&record, (struct event_view){.headers = true}, &out);
    assert_null(strstr(buf_str(&out), "planted"));
    assert_non_null(strstr(buf_str(&out), "\"x-api-key\":\"[redacted]\""));
}

static void hides_credentials_in_headers(void **state)
{
    (void)state;
    struct record record = start_record();
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    record.head =
        slice_str("x-api-key-old: planted\nx-authorization-2: planted\nset-cookie: a=planted\n"
                  "referer: https://a.b/?access_token=planted&x=1\nreferer: /?code=planted\nx-a: \"\n");
    write_event(&record, (struct event_view){.headers = true}, &out);
    assert_null(strstr(buf_str(&out), "planted"));
    assert_non_null(strstr(buf_str(&out), "\"referer\":\"https://a.b/?access_token=[redacted]&x=1, "
                                          "/?code=[redacted]\",\"x-a\":\"\\\"\"}"));
    buf_clear(&out);
    write_event(&record, (struct event_view){.reveal = true, .headers = true}, &out);
    assert_non_null(strstr(buf_str(&out), "access_token=planted"));
}

static void writes_an_unsigned_event_without_an_id(void **state)
{
    (void)state;
    unsigned char hash[32] = {0xAB, 0x01};
    struct record record = {.seq = 1,
                            .received_at = TEN_O_CLOCK,
                            .body = slice_str("{}"),
                            .head = SLICE_NONE,
                            .key_hashed = true,
                            .key = slice_of(hash, sizeof hash)};
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    write_event(&record, (struct event_view){.headers = true}, &out);
    assert_string_equal(buf_str(&out),
                        "{\"seq\":1,\"id\":\"sha256:ab01"
                        "000000000000000000000000000000000000000000000000000000000000\","
                        "\"received_at\":\"2026-05-04T10:00:00.000Z\","
                        "\"occurred_at\":\"2026-05-04T10:00:00.000Z\",\"type\":null,\"shape\":\"other\","
                        "\"app\":null,\"integration_name\":null,\"integration_id\":null,"
                        "\"connected_account_id\":null,\"user_id\":null,\"verified\":null,\"duplicates\":0,"
                        "\"payload\":{},\"headers\":{},\"from\":null}");
}

static void writes_null_for_a_body_that_does_not_parse(void **state)
{
    (void)state;
    struct record record = {.seq = 1,
                            .received_at = TEN_O_CLOCK,
                            .body = slice_str("{"),
                            .head = slice_str(":verified: false\n")};
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    write_event(&record, (struct event_view){.reveal = true}, &out);
    assert_non_null(strstr(buf_str(&out), "\"id\":null,"));
    assert_non_null(strstr(buf_str(&out), "\"verified\":false,\"duplicates\":0,\"payload\":null}"));
}

static void judges_when_it_happened(void **state)
{
    (void)state;
    const struct record record = {.received_at = TEN_O_CLOCK};
    struct payload payload = {.has_occurred_at = true, .occurred_at = TEN_O_CLOCK + USEC_DAY};
    assert_int_equal(event_occurred_at(&record, &payload), TEN_O_CLOCK + USEC_DAY);
    payload.occurred_at++;
    assert_int_equal(event_occurred_at(&record, &payload), TEN_O_CLOCK);
    payload.occurred_at = -USEC_DAY;
    assert_int_equal(event_occurred_at(&record, &payload), -USEC_DAY);
    payload.has_occurred_at = false;
    assert_int_equal(event_occurred_at(&record, &payload), TEN_O_CLOCK);
    assert_int_equal(event_occurred_at(&record, NULL), TEN_O_CLOCK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_an_event),
        cmocka_unit_test(reveals_and_shows_headers_when_asked),
        cmocka_unit_test(hides_credentials_in_headers),
        cmocka_unit_test(writes_an_unsigned_event_without_an_id),
        cmocka_unit_test(writes_null_for_a_body_that_does_not_parse),
        cmocka_unit_test(judges_when_it_happened),
    };
    return cmocka_run_group_tests_name("track/event", tests, NULL, NULL);
}
