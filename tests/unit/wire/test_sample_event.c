#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "wire/sample_event.h"
#include "wire/json.h"
#include "wire/payload.h"

struct made {
    struct buf body;
    struct buf id;
    struct payload payload;
};

static void made_cleanup(struct made *made)
{
    buf_cleanup(&made->body);
    buf_cleanup(&made->id);
    payload_cleanup(&made->payload);
}

static void make(const struct sample_event *event, struct made *made)
{
    struct err err;
    if (sample_event_make(event, &made->body, &made->id, &err) ||
        json_check_object(buf_slice(&made->body), &err))
        fail_msg("%s: %s", event->type, err.message);
    assert_int_equal(payload_read(&made->payload, buf_slice(&made->body)), RC_OK);
}

#define AT INT64_C(1777888800120000)

static void test_admin_events_are_recognised(void **state)
{
    (void)state;
    static const char *const TYPES[] = {"connected_account.add.start", "connected_account.add.completed",
                                        "connected_account.x"};
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
        CLEANUP(made_cleanup) struct made made = {0};
        make(&(struct sample_event){.type = TYPES[i], .app = "a \"quoted\" app", .at = AT}, &made);
        assert_int_equal(made.payload.shape, SHAPE_ADMIN);
        assert_true(slice_is(made.payload.type, TYPES[i]));
        assert_true(slice_is(made.payload.app, "a \"quoted\" app"));
        assert_int_equal(made.payload.occurred_at, AT);
        assert_int_equal(made.payload.connected_account_id.len, 36);
        assert_int_equal(made.payload.integration_id.len, 36);
        assert_true(made.payload.integration_name.len > 0);
        assert_int_equal(made.id.len, 0);
    }
}

static void test_platform_events_carry_their_id(void **state)
{
    (void)state;
    CLEANUP(made_cleanup) struct made own = {0};
    CLEANUP(made_cleanup) struct made random = {0};
    const char *type = "composio.connected_account.expired";
    make(&(struct sample_event){.type = type, .account = "ca_1", .id = "msg_1", .at = AT}, &own);
    make(&(struct sample_event){.type = type, .at = AT}, &random);
    assert_int_equal(own.payload.shape, SHAPE_V3);
    assert_true(slice_is(own.payload.event_id, "msg_1"));
    assert_string_equal(buf_str(&own.id), "msg_1");
    assert_true(slice_is(own.payload.connected_account_id, "ca_1"));
    assert_true(slice_is(own.payload.status, "EXPIRED"));
    assert_true(slice_equal(random.payload.event_id, buf_slice(&random.id)));
    assert_true(slice_starts(random.payload.event_id, "msg_"));
}

static void test_ids_are_random(void **state)
{
    (void)state;
    CLEANUP(made_cleanup) struct made first = {0};
    CLEANUP(made_cleanup) struct made second = {0};
    const struct sample_event event = {.type = "connected_account.add.start", .at = AT};
    make(&event, &first);
    make(&event, &second);
    assert_false(slice_equal(first.payload.connected_account_id, second.payload.connected_account_id));
}

static void test_other_types_are_refused(void **state)
{
    (void)state;
    static const char *const BAD[] = {"", "bogus", "connected_account.", "composio.trigger.message",
                                      "connected_account.a b"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        CLEANUP(made_cleanup) struct made made = {0};
        struct err err;
        const struct sample_event event = {.type = BAD[i], .at = AT};
        assert_int_equal(sample_event_make(&event, &made.body, &made.id, &err), RC_USAGE);
        assert_non_null(strstr(err.message, "connected_account.add.start"));
        assert_int_equal(made.body.len, 0);
    }
}

static void test_uuid(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    struct err err;
    assert_int_equal(sample_event_uuid("msg_", &text, &err), RC_OK);
    assert_int_equal(text.len, 40);
    for (size_t i = 4; i < 40; i++)
        assert_non_null(
            strchr(i == 12 || i == 17 || i == 22 || i == 27 ? "-" : "0123456789abcdef", text.ptr[i]));
    assert_int_equal(text.ptr[18], '4');
    assert_non_null(strchr("89ab", text.ptr[23]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_admin_events_are_recognised),
        cmocka_unit_test(test_platform_events_carry_their_id),
        cmocka_unit_test(test_ids_are_random),
        cmocka_unit_test(test_other_types_are_refused),
        cmocka_unit_test(test_uuid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
