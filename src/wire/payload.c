#include "wire/payload.h"

#include <assert.h>

static bool has(const struct json_node *object, const char *name)
{
    return json_index_get(object, name) != NULL;
}

static const struct json_node *get_object(const struct json_node *object, const char *name)
{
    const struct json_node *member = json_index_get(object, name);
    return member && member->kind == JSON_TOKEN_OBJECT ? member : NULL;
}

static struct slice first_of(struct slice a, struct slice b)
{
    return a.ptr ? a : b;
}

/* The admin webhook of 2024. Only two types are published: every connected_account.* is taken. */
static bool read_admin(const struct json_node *body, struct payload *ret)
{
    const struct json_node *data = get_object(body, "data");
    if (!slice_starts(json_index_get_slice(body, "type"), "connected_account.") || !data ||
        !has(body, "timestamp"))
        return false;
    ret->app = json_index_get_slice(data, "app_name");
    ret->integration_name = json_index_get_slice(data, "integration_name");
    ret->integration_id = json_index_get_slice(data, "integration_id");
    ret->connected_account_id = json_index_get_slice(data, "connected_account_id");
    ret->user_id = json_index_get_slice(data, "user_id");
    return true;
}

/* `data` is the account itself. */
static void read_v3_account(const struct json_node *data, struct payload *ret)
{
    ret->app = json_index_get_slice(json_index_get(data, "toolkit"), "slug");
    ret->integration_id = json_index_get_slice(json_index_get(data, "auth_config"), "id");
    ret->connected_account_id = json_index_get_slice(data, "id");
    ret->user_id = json_index_get_slice(data, "user_id");
    ret->status = json_index_get_slice(data, "status");
    ret->status_reason = json_index_get_slice(data, "status_reason");
}

/* A trigger's message says who it is about in `metadata`; its being disabled says so in `data`. */
static void read_v3_trigger(const struct json_node *metadata, const struct json_node *data,
                            struct payload *ret)
{
    bool disabled = slice_is(ret->type, "composio.trigger.disabled");
    const struct json_node *about = disabled ? data : metadata;
    ret->integration_id = json_index_get_slice(about, "auth_config_id");
    ret->connected_account_id = json_index_get_slice(about, "connected_account_id");
    ret->user_id = json_index_get_slice(about, "user_id");
    ret->trigger_id = json_index_get_slice(about, disabled ? "id" : "trigger_id");
}

static bool read_v3(const struct json_node *body, struct payload *ret)
{
    struct slice type = json_index_get_slice(body, "type");
    const struct json_node *metadata = get_object(body, "metadata");
    const struct json_node *data = get_object(body, "data");
    if (!slice_starts(type, "composio.") || !metadata || !data || !has(body, "id") || !has(body, "timestamp"))
        return false;
    ret->event_id = json_index_get_slice(body, "id");
    if (slice_starts(type, "composio.connected_account."))
        read_v3_account(data, ret);
    else
        read_v3_trigger(metadata, data, ret);
    return true;
}

/* The short ids (ca_…, ti_…) are the ones that the other versions use. */
static bool read_v2(const struct json_node *body, struct payload *ret)
{
    const struct json_node *data = get_object(body, "data");
    if (!data || !has(body, "type") || !has(body, "timestamp") || !has(body, "log_id") ||
        !has(data, "connection_id") || !has(data, "connection_nano_id") || !has(data, "trigger_nano_id") ||
        !has(data, "trigger_id") || !has(data, "user_id"))
        return false;
    ret->connected_account_id = first_of(json_index_get_slice(data, "connection_nano_id"),
                                         json_index_get_slice(data, "connection_id"));
    ret->trigger_id =
        first_of(json_index_get_slice(data, "trigger_nano_id"), json_index_get_slice(data, "trigger_id"));
    ret->user_id = json_index_get_slice(data, "user_id");
    return true;
}

/* Has no type: the trigger's name is what its successors put there. */
static bool read_v1(const struct json_node *body, struct payload *ret)
{
    if (!has(body, "trigger_name") || !has(body, "connection_id") || !has(body, "trigger_id") ||
        !has(body, "payload"))
        return false;
    ret->type = first_of(ret->type, json_index_get_slice(body, "trigger_name"));
    ret->connected_account_id = json_index_get_slice(body, "connection_id");
    ret->trigger_id = json_index_get_slice(body, "trigger_id");
    return true;
}

static bool read_other(const struct json_node *body, struct payload *ret)
{
    (void)body;
    (void)ret;
    return true;
}

/* Says whether `body` has the shape, and fills in the fields if so (else it leaves them alone). */
typedef bool shape_reader(const struct json_node *body, struct payload *ret);

static shape_reader *const READERS[SHAPE_COUNT] = {
    [SHAPE_ADMIN] = read_admin, [SHAPE_V3] = read_v3,       [SHAPE_V2] = read_v2,
    [SHAPE_V1] = read_v1,       [SHAPE_OTHER] = read_other,
};

/* Nothing but the memory stays. */
static void forget(struct payload *payload)
{
    *payload = (struct payload){.index = payload->index, .shape = SHAPE_OTHER};
}

static void read_body(const struct json_node *body, struct payload *ret)
{
    forget(ret);
    ret->body = body;
    ret->type = json_index_get_slice(body, "type");
    ret->has_occurred_at = clock_parse(json_index_get_slice(body, "timestamp"), &ret->occurred_at);
    ret->shape = 0;
    while (!READERS[ret->shape](body, ret))
        ret->shape++;
}

const char *payload_shape_name(const struct payload *payload)
{
#define SHAPE_TEXT_ROW(name, text, help) [name] = (text),
    static const char *const TEXTS[SHAPE_COUNT] = {PAYLOAD_SHAPES(SHAPE_TEXT_ROW)};
#undef SHAPE_TEXT_ROW
    assert((unsigned)payload->shape < SHAPE_COUNT);
    if (payload->enveloped && payload->shape != SHAPE_OTHER)
        return "admin_envelope";
    return TEXTS[payload->shape];
}

/* A captured request first; but a known shape that happens to carry an `event` is not thrown away for it. */
static void read_object(const struct json_node *object, struct payload *ret)
{
    const struct json_node *captured = get_object(get_object(object, "event"), "body");
    if (captured) {
        read_body(captured, ret);
        ret->enveloped = true;
        if (ret->shape != SHAPE_OTHER)
            return;
    }
    struct payload inner = *ret;
    read_body(object, ret);
    if (captured && ret->shape == SHAPE_OTHER)
        *ret = inner;
}

enum rc payload_read(struct payload *payload, struct slice body)
{
    enum rc rc = json_index_read(&payload->index, body, NULL);
    const struct json_node *root = json_index_root(&payload->index);
    forget(payload);
    if (rc != RC_OK)
        return rc;
    if (root->kind != JSON_TOKEN_OBJECT)
        return RC_NOT_AN_OBJECT;
    read_object(root, payload);
    return RC_OK;
}

void payload_cleanup(struct payload *payload)
{
    json_index_cleanup(&payload->index);
    forget(payload);
}
