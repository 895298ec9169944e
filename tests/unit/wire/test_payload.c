#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/cleanup.h"
#include "wire/payload.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* 2026-05-04T10:00:00Z */
#define TEN_O_CLOCK (INT64_C(1777888800) * USEC_PER_SEC)

static void read_text(struct payload *payload, const char *text)
{
    assert_int_equal(payload_read(payload, slice_str(text)), RC_OK);
}

static void load(const char *name, struct buf *out)
{
    char path[512];
    char *text = buf_reserve(out, 8192);
    snprintf(path, sizeof path, "%s/%s.json", TEST_DATA, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    out->len += fread(text, 1, 8192, file);
    fclose(file);
}

/* The object that has the shape, by another way. */
static const struct json_node *body_of(const struct payload *payload)
{
    const struct json_node *root = json_index_root(&payload->index);
    return payload->enveloped ? json_index_get(json_index_get(root, "event"), "body") : root;
}

/* NULL: absent. */
static void expect_field(struct slice got, const char *want)
{
    assert_int_equal(got.ptr == NULL, want == NULL);
    if (want && !slice_is(got, want))
        fail_msg("got \"%.*s\" instead of \"%s\"", SLICE_ARG(got), want);
}

struct expected {
    const char *file;
    const char *shape;
    const char *type;
    const char *event_id;
    const char *app;
    const char *integration_name;
    const char *integration_id;
    const char *connected_account_id;
    const char *user_id;
    const char *status;
    const char *status_reason;
    const char *trigger_id;
    usec occurred_at; /* 0: none */
};

static const struct expected SAMPLES[] = {
    {.file = "admin-start",
     .shape = "admin",
     .type = "connected_account.add.start",
     .app = "notion",
     .integration_name = "notion_brave_teal",
     .integration_id = "3b0cf1d2-6f0e-4d53-9a43-0d9e8a7c6b51",
     .connected_account_id = "9f1d7a30-52c4-4e0b-8a55-6a7d2f3b1c90",
     .occurred_at = TEN_O_CLOCK + 120 * USEC_PER_MS},
    {.file = "admin-completed",
     .shape = "admin",
     .type = "connected_account.add.completed",
     .app = "notion",
     .integration_name = "notion_brave_teal",
     .integration_id = "3b0cf1d2-6f0e-4d53-9a43-0d9e8a7c6b51",
     .connected_account_id = "9f1d7a30-52c4-4e0b-8a55-6a7d2f3b1c90",
     .occurred_at = TEN_O_CLOCK + 41900 * USEC_PER_MS},
    {.file = "admin-envelope",
     .shape = "admin_envelope",
     .type = "connected_account.add.start",
     .app = "notion",
     .integration_name = "notion_brave_teal",
     .integration_id = "3b0cf1d2-6f0e-4d53-9a43-0d9e8a7c6b51",
     .connected_account_id = "9f1d7a30-52c4-4e0b-8a55-6a7d2f3b1c90",
     .occurred_at = TEN_O_CLOCK + 120 * USEC_PER_MS},
    {.file = "page-sample",
     .shape = "admin_envelope",
     .type = "connected_account.add.start",
     .app = "slack",
     .integration_name = "slack_worthy_cyan",
     .integration_id = "dummy-integration-id-12345",
     .connected_account_id = "dummy-connected-account-id-67890",
     .occurred_at = INT64_C(1729156215989) * USEC_PER_MS},
    {.file = "page-sample-body",
     .shape = "admin",
     .type = "connected_account.add.start",
     .app = "slack",
     .integration_name = "slack_worthy_cyan",
     .integration_id = "dummy-integration-id-12345",
     .connected_account_id = "dummy-connected-account-id-67890",
     .occurred_at = INT64_C(1729156215989) * USEC_PER_MS},
    {.file = "v3-connected-account-expired",
     .shape = "v3",
     .type = "composio.connected_account.expired",
     .event_id = "msg_0c4f1e52-2a77-4c1e-9c55-6f1f3a0b9d21",
     .app = "gmail",
     .integration_id = "ac_Ef78",
     .connected_account_id = "ca_Cd56",
     .user_id = "tenant-9",
     .status = "EXPIRED",
     .status_reason = "Permanent auth error during token refresh",
     .occurred_at = TEN_O_CLOCK + 5 * USEC_MINUTE},
    {.file = "v3-trigger-disabled",
     .shape = "v3",
     .type = "composio.trigger.disabled",
     .event_id = "msg_77d0b9b4-1e0c-4df5-8a3e-0d2b7b1c9e33",
     .connected_account_id = "ca_Cd56",
     .user_id = "tenant-9",
     .trigger_id = "ti_Ab34",
     .occurred_at = TEN_O_CLOCK + 5 * USEC_MINUTE + 2 * USEC_PER_SEC},
    {.file = "v3-trigger-message",
     .shape = "v3",
     .type = "composio.trigger.message",
     .event_id = "msg_5a0e6d0c-9f0b-4d52-8a55-3c1d0d7f7a10",
     .integration_id = "ac_Ef78",
     .connected_account_id = "ca_Cd56",
     .user_id = "tenant-9",
     .trigger_id = "ti_Ab34",
     .occurred_at = TEN_O_CLOCK},
    {.file = "v2-trigger-message",
     .shape = "v2",
     .type = "gmail_new_gmail_message",
     .connected_account_id = "ca_Cd56",
     .user_id = "tenant-9",
     .trigger_id = "ti_Ab34",
     .occurred_at = TEN_O_CLOCK},
    {.file = "v1-trigger-message",
     .shape = "v1",
     .type = "GITHUB_COMMIT_EVENT",
     .connected_account_id = "ca_Cd56",
     .trigger_id = "ti_Ab34"},
};

static void reads_the_samples(void **state)
{
    (void)state;
    CLEANUP(payload_cleanup) struct payload got = {0};
    for (size_t i = 0; i < COUNT(SAMPLES); i++) {
        const struct expected *want = &SAMPLES[i];
        CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
        load(want->file, &text);
        assert_int_equal(payload_read(&got, buf_slice(&text)), RC_OK);
        assert_string_equal(payload_shape_name(&got), want->shape);
        assert_int_equal(got.enveloped, strcmp(want->shape, "admin_envelope") == 0);
        assert_ptr_equal(got.body, body_of(&got));
        expect_field(got.type, want->type);
        expect_field(got.event_id, want->event_id);
        expect_field(got.app, want->app);
        expect_field(got.integration_name, want->integration_name);
        expect_field(got.integration_id, want->integration_id);
        expect_field(got.connected_account_id, want->connected_account_id);
        expect_field(got.user_id, want->user_id);
        expect_field(got.status, want->status);
        expect_field(got.status_reason, want->status_reason);
        expect_field(got.trigger_id, want->trigger_id);
        assert_int_equal(got.has_occurred_at, want->occurred_at != 0);
        if (want->occurred_at)
            assert_int_equal(got.occurred_at, want->occurred_at);
    }
}

static void recognises_shapes_by_their_parts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *shape;
    } CASES[] = {
        {"{}", "other"},
        {"{\"type\":\"connected_account.x.y\",\"timestamp\":\"\",\"data\":{}}", "admin"},
        {"{\"type\":\"connected_account.x\",\"timestamp\":7,\"data\":{}}", "admin"},
        {"{\"type\":\"connected_account.x\",\"data\":{}}", "other"},
        {"{\"type\":\"connected_account.x\",\"timestamp\":\"\",\"data\":[]}", "other"},
        {"{\"type\":\"connected_accounts\",\"timestamp\":\"\",\"data\":{}}", "other"},
        {"{\"type\":[\"connected_account.x\"],\"timestamp\":\"\",\"data\":{}}", "other"},
        {"{\"id\":\"m\",\"type\":\"composio.x\",\"timestamp\":\"\",\"metadata\":{},\"data\":{}}", "v3"},
        {"{\"type\":\"composio.x\",\"timestamp\":\"\",\"metadata\":{},\"data\":{}}", "other"},
        {"{\"id\":\"m\",\"type\":\"composio.x\",\"timestamp\":\"\",\"data\":{}}", "other"},
        {"{\"type\":\"t\",\"timestamp\":\"\",\"log_id\":\"\",\"data\":{\"connection_id\":1,\"connection_nano_"
         "id\":1,"
         "\"trigger_nano_id\":1,\"trigger_id\":1,\"user_id\":1}}",
         "v2"},
        {"{\"type\":\"t\",\"timestamp\":\"\",\"log_id\":\"\",\"data\":{\"connection_id\":1,\"connection_nano_"
         "id\":1,"
         "\"trigger_nano_id\":1,\"trigger_id\":1}}",
         "other"},
        {"{\"trigger_name\":\"\",\"connection_id\":\"\",\"trigger_id\":\"\",\"payload\":null}", "v1"},
        {"{\"trigger_name\":\"\",\"connection_id\":\"\",\"trigger_id\":\"\"}", "other"},
        {"{\"event\":{\"body\":{}}}", "other"},
        {"{\"event\":{\"body\":[]}}", "other"},
        {"{\"event\":\"body\"}", "other"},
        {"{\"event\":{\"body\":{\"type\":\"connected_account.x\",\"timestamp\":1,\"data\":{}}}}",
         "admin_envelope"},
        /* Only one envelope is taken off. */
        {"{\"event\":{\"body\":{\"event\":{\"body\":{\"type\":\"connected_account.x\",\"timestamp\":1,"
         "\"data\":{}}}}}}",
         "other"},
        {"{\"type\":\"connected_account.x\",\"timestamp\":1,\"data\":{},\"event\":{\"body\":{}}}", "admin"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        CLEANUP(payload_cleanup) struct payload got = {0};
        read_text(&got, CASES[i].text);
        if (strcmp(payload_shape_name(&got), CASES[i].shape) != 0)
            fail_msg("%s is taken for %s", CASES[i].text, payload_shape_name(&got));
    }
}

static void fields_of_other_kinds_are_absent(void **state)
{
    (void)state;
    CLEANUP(payload_cleanup) struct payload got = {0};
    read_text(&got, "{\"type\":\"connected_account.add.start\",\"timestamp\":\"yesterday\",\"data\":{"
                    "\"app_name\":1,\"integration_name\":null,\"connected_account_id\":[\"x\"]}}");
    assert_int_equal(got.shape, SHAPE_ADMIN);
    assert_false(got.has_occurred_at);
    expect_field(got.type, "connected_account.add.start");
    expect_field(got.app, NULL);
    expect_field(got.integration_name, NULL);
    expect_field(got.integration_id, NULL);
    expect_field(got.connected_account_id, NULL);
}

static void what_nothing_recognises_keeps_type_and_time(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "{\"type\":\"new.thing\",\"timestamp\":\"2026-05-04T10:00:00Z\"}",
        "{\"event\":{\"body\":{\"type\":\"new.thing\",\"timestamp\":\"2026-05-04T10:00:00Z\"}}}",
    };
    for (size_t i = 0; i < COUNT(TEXTS); i++) {
        CLEANUP(payload_cleanup) struct payload got = {0};
        read_text(&got, TEXTS[i]);
        assert_int_equal(got.shape, SHAPE_OTHER);
        assert_int_equal(got.enveloped, i == 1);
        expect_field(got.type, "new.thing");
        assert_true(got.has_occurred_at);
        assert_int_equal(got.occurred_at, TEN_O_CLOCK);
    }
}

static void optional_parts_of_an_account_may_be_missing(void **state)
{
    (void)state;
    CLEANUP(payload_cleanup) struct payload got = {0};
    read_text(&got, "{\"id\":\"m\",\"type\":\"composio.connected_account.activated\",\"timestamp\":\"\","
                    "\"metadata\":{},\"data\":{\"id\":\"ca_1\",\"toolkit\":\"gmail\"}}");
    assert_int_equal(got.shape, SHAPE_V3);
    expect_field(got.connected_account_id, "ca_1");
    expect_field(got.app, NULL);
    expect_field(got.integration_id, NULL);
    expect_field(got.status_reason, NULL);
}

static void expect_nothing(const struct payload *payload)
{
    assert_null(payload->body);
    assert_false(payload->enveloped);
    assert_false(payload->has_occurred_at);
    assert_string_equal(payload_shape_name(payload), "other");
    expect_field(payload->type, NULL);
    expect_field(payload->event_id, NULL);
    expect_field(payload->app, NULL);
    expect_field(payload->connected_account_id, NULL);
}

static void what_is_no_object_says_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum rc rc;
    } CASES[] = {
        {NULL, RC_INVALID_JSON},
        {"", RC_INVALID_JSON},
        {"{\"type\":\"t\"", RC_INVALID_JSON},
        {"{\"type\":\"t\"} x", RC_INVALID_JSON},
        {"[{\"type\":\"t\"}]", RC_NOT_AN_OBJECT},
        {"\"type\"", RC_NOT_AN_OBJECT},
        {"null", RC_NOT_AN_OBJECT},
    };
    CLEANUP(payload_cleanup) struct payload got = {0};
    for (size_t i = 0; i < COUNT(CASES); i++) {
        CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
        load("page-sample", &text);
        assert_int_equal(payload_read(&got, buf_slice(&text)), RC_OK);
        assert_non_null(got.body);
        assert_int_equal(payload_read(&got, slice_str(CASES[i].text)), CASES[i].rc);
        expect_nothing(&got);
    }
    read_text(&got, "{\"type\":\"t\"}");
    payload_cleanup(&got);
    expect_nothing(&got);
}

static void fields_with_escapes_are_read(void **state)
{
    (void)state;
    CLEANUP(payload_cleanup) struct payload got = {0};
    read_text(&got, "{\"type\":\"connected_account.add\\u002estart\",\"timestamp\":1,\"d\\u0061ta\":{"
                    "\"app_name\":\"a \\\"b\\\"\",\"user_id\":\"\\ud83d\\ude00\"}}");
    assert_int_equal(got.shape, SHAPE_ADMIN);
    expect_field(got.type, "connected_account.add.start");
    expect_field(got.app, "a \"b\"");
    expect_field(got.user_id, "\xF0\x9F\x98\x80");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_samples),
        cmocka_unit_test(recognises_shapes_by_their_parts),
        cmocka_unit_test(fields_of_other_kinds_are_absent),
        cmocka_unit_test(what_nothing_recognises_keeps_type_and_time),
        cmocka_unit_test(optional_parts_of_an_account_may_be_missing),
        cmocka_unit_test(what_is_no_object_says_nothing),
        cmocka_unit_test(fields_with_escapes_are_read),
    };
    return cmocka_run_group_tests_name("wire/payload", tests, NULL, NULL);
}
