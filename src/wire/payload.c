#include "wire/payload.h"

#include <assert.h>

static bool has(const json_t *object, const char *name)
{
    return json_object_get(object, name) != NULL;
}

static const json_t *get_object(const json_t *object, const char *name)
{
    const json_t *member = json_object_get(object, name);
    return json_is_object(member) ? member : NULL;
}

static struct slice first_of(struct slice a, struct slice b)
{
    return a.ptr ? a : b;
}

/* The admin webhook of 2024. Only two types are published: every connected_account.* is taken. */
static bool read_admin(const json_t *body, struct payload *ret)
{
    const json_t *data = get_object(body, "data");
    if (!slice_starts(json_get_slice(body, "type"), "connected_account.") || !data || !has(body, "timestamp"))
        return false;
    ret->app = json_get_slice(data, "app_name");
    ret->integration_name = json_get_slice(data, "integration_name");
    ret->integration_id = json_get_slice(data, "integration_id");
    ret->connected_account_id = json_get_slice(data, "connected_account_id");
    ret->user_id = json_get_slice(data, "user_id");
    return true;
}

/* `data` is the account itself. */
static void read_v3_account(const json_t *data, struct payload *ret)
{
    ret->app = json_get_slice(json_object_get(data, "toolkit"), "slug");
    ret->integration_id = json_get_slice(json_object_get(data, "auth_config"), "id");
    ret->connected_account_id = json_get_slice(data, "id");
    ret->user_id = json_get_slice(data, "user_id");
    ret->status = json_get_slice(data, "status");
    ret->status_reason = json_get_slice(data, "status_reason");
}

/* A trigger's message says who it is about in `metadata`; its being disabled says so in `data`. */
static void read_v3_trigger(const json_t *metadata, const json_t *data, struct payload *ret)
{
    bool disabled = slice_is(ret->type, "composio.trigger.disabled");
    const json_t *about = disabled ? data : metadata;
    ret->integration_id = json_get_slice(about, "auth_config_id");
    ret->connected_account_id = json_get_slice(about, "connected_account_id");
    ret->user_id = json_get_slice(about, "user_id");
    ret->trigger_id = json_get_slice(about, disabled ? "id" : "trigger_id");
}

static bool read_v3(const json_t *body, struct payload *ret)
{
    struct slice type = json_get_slice(body, "type");
    const json_t *metadata = get_object(body, "metadata");
    const json_t *data = get_object(body, "data");
    if (!slice_starts(type, "composio.") || !metadata || !data || !has(body, "id") || !has(body, "timestamp"))
        return false;
    ret->event_id = json_get_slice(body, "id");
    if (slice_starts(type, "composio.connected_account."))
        read_v3_account(data, ret);
    else
        read_v3_trigger(metadata, data, ret);
    return true;
}

/* The short ids (ca_…, ti_…) are the ones that the other versions use. */
static bool read_v2(const json_t *body, struct payload *ret)
{
    const json_t *data = get_object(body, "data");
    if (!data || !has(body, "type") || !has(body, "timestamp") || !has(body, "log_id") ||
        !has(data, "connection_id") || !has(data, "connection_nano_id") || !has(data, "trigger_nano_id") ||
        !has(data, "trigger_id") || !has(data, "user_id"))
        return false;
    ret->connected_account_id =
        first_of(json_get_slice(data, "connection_nano_id"), json_get_slice(data, "connection_id"));
    ret->trigger_id = first_of(json_get_slice(data, "trigger_nano_id"), json_get_slice(data, "trigger_id"));
    ret->user_id = json_get_slice(data, "user_id");
    return true;
}

/* Has no type: the trigger's name is what its successors put there. */
static bool read_v1(const json_t *body, struct payload *ret)
{
    if (!has(body, "trigger_name") || !has(body, "connection_id") || !has(body, "trigger_id") ||
        !has(body, "payload"))
        return false;
    ret->type = first_of(ret->type, json_get_slice(body, "trigger_name"));
    ret->connected_account_id = json_get_slice(body, "connection_id");
    ret->trigger_id = json_get_slice(body, "trigger_id");
    return true;
}

static bool read_other(const json_t *body, struct payload *ret)
{
    (void)body;
    (void)ret;
    return true;
}

/* Says whether `body` has the shape, and fills in the fields if so (else it leaves them alone). */
typedef bool shape_reader(const json_t *body, struct payload *ret);

static shape_reader *const READERS[SHAPE_COUNT] = {
    [SHAPE_ADMIN] = read_admin, [SHAPE_V3] = read_v3,       [SHAPE_V2] = read_v2,
    [SHAPE_V1] = read_v1,       [SHAPE_OTHER] = read_other,
};

static void read_body(const json_t *body, struct payload *ret)
{
    *ret = (struct payload){.body = body, .type = json_get_slice(body, "type")};
    ret->has_occurred_at = clock_parse(json_get_slice(body, "timestamp"), &ret->occurred_at);
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
void payload_read(const json_t *tree, struct payload *ret)
{
    assert(json_is_object(tree));
    const json_t *captured = get_object(get_object(tree, "event"), "body");
    struct payload outer;
    if (captured) {
        read_body(captured, ret);
        ret->enveloped = true;
        if (ret->shape != SHAPE_OTHER)
            return;
    }
    read_body(tree, &outer);
    if (!captured || outer.shape != SHAPE_OTHER)
        *ret = outer;
}
