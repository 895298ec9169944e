#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "track/account.h"
#include "wire/json.h"

#define TEN_O_CLOCK (INT64_C(1777888800) * USEC_PER_SEC)

static void expect(const struct account *account, const char *want)
{
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    json_t *tree = NULL;
    account_write_json(account, &out);
    assert_string_equal(buf_str(&out), want);
    assert_int_equal(json_parse(buf_slice(&out), &tree, NULL), RC_OK);
    json_decref(tree);
}

static void writes_a_complete_account(void **state)
{
    (void)state;
    const struct account account = {
        .number = 7,
        .id = slice_str("ca_1"),
        .app = slice_str("notion"),
        .integration_name = slice_str("notion_brave_teal"),
        .integration_id = slice_str("ac_\"1\""),
        .user_id = slice_str("tenant-9"),
        .status = STATUS_ACTIVE,
        .stalled = STALLED_NOT,
        .attempts = 2,
        .first_seen_at = TEN_O_CLOCK + 120999,
        .started_at = TEN_O_CLOCK,
        .completed_at = TEN_O_CLOCK + 41780 * USEC_PER_MS,
        .time_to_connect = 41780 * USEC_PER_MS,
        .last_event_at = TEN_O_CLOCK + USEC_MINUTE,
        .status_reason = slice_str("fine"),
    };
    expect(&account,
           "{\"id\":\"ca_1\",\"app\":\"notion\",\"integration_name\":\"notion_brave_teal\","
           "\"integration_id\":\"ac_\\\"1\\\"\",\"user_id\":\"tenant-9\",\"status\":\"ACTIVE\","
           "\"stalled\":null,\"attempts\":2,\"first_seen_at\":\"2026-05-04T10:00:00.120Z\","
           "\"started_at\":\"2026-05-04T10:00:00.000Z\",\"completed_at\":\"2026-05-04T10:00:41.780Z\","
           "\"time_to_connect_s\":41.780,\"last_event_at\":\"2026-05-04T10:01:00.000Z\","
           "\"status_reason\":\"fine\"}");
}

static void writes_what_is_unknown_as_null(void **state)
{
    (void)state;
    const struct account account = {
        .id = slice_str("ca_1"),
        .stalled = STALLED_ABANDONED,
        .first_seen_at = TEN_O_CLOCK,
        .started_at = TIME_NONE,
        .completed_at = TIME_NONE,
        .time_to_connect = TIME_NONE,
        .last_event_at = TEN_O_CLOCK,
    };
    expect(&account,
           "{\"id\":\"ca_1\",\"app\":null,\"integration_name\":null,\"integration_id\":null,"
           "\"user_id\":null,\"status\":null,\"stalled\":\"abandoned\",\"attempts\":0,"
           "\"first_seen_at\":\"2026-05-04T10:00:00.000Z\",\"started_at\":null,\"completed_at\":null,"
           "\"time_to_connect_s\":null,\"last_event_at\":\"2026-05-04T10:00:00.000Z\","
           "\"status_reason\":null}");
}

static void writes_seconds(void **state)
{
    (void)state;
    static const struct {
        usec duration;
        const char *text;
    } CASES[] = {
        {0, "0.000"},
        {999, "0.000"},
        {1000, "0.001"},
        {USEC_PER_SEC + 20 * USEC_PER_MS, "1.020"},
        {USEC_DAY, "86400.000"},
        {-1500 * USEC_PER_MS, "-1.500"},
        {TIME_NONE, "null"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
        json_add_seconds(&out, CASES[i].duration);
        assert_string_equal(buf_str(&out), CASES[i].text);
    }
}

static void names_statuses(void **state)
{
    (void)state;
    assert_null(account_status_name(STATUS_UNKNOWN));
    assert_string_equal(account_status_name(STATUS_INITIATED), "INITIATED");
    assert_string_equal(account_status_name(STATUS_DELETED), "DELETED");
    assert_null(stalled_name(STALLED_NOT));
    assert_string_equal(stalled_name(STALLED_SLOW), "slow");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_a_complete_account),
        cmocka_unit_test(writes_what_is_unknown_as_null),
        cmocka_unit_test(writes_seconds),
        cmocka_unit_test(names_statuses),
    };
    return cmocka_run_group_tests_name("track/account", tests, NULL, NULL);
}
