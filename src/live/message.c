#include "live/message.h"

#include <inttypes.h>

#include "base/hash.h"
#include "track/event.h"
#include "track/read_model.h"

void message_keys_hash(struct message_keys *keys)
{
    for (int key = 0; key < KEY_COUNT; key++)
        keys->hash[key] =
            keys->text[key].ptr ? (uint32_t)(hash_bytes(keys->text[key].ptr, keys->text[key].len) >> 32) : 0;
}

bool message_keys_match(const struct message_keys *filter, const struct message_keys *keys)
{
    for (int key = 0; key < KEY_COUNT; key++) {
        if (!filter->text[key].ptr)
            continue;
        if (!keys->text[key].ptr || filter->hash[key] != keys->hash[key] ||
            !slice_equal(filter->text[key], keys->text[key]))
            return false;
    }
    return true;
}

static void cut_back(struct buf *out, size_t len)
{
    if (out->len <= len)
        return;
    out->len = len;
    out->ptr[len] = '\0';
}

/* No filter is as long as a key that is left out here. */
static struct slice key_of(struct slice text)
{
    return text.len <= MESSAGE_KEY_MAX ? text : SLICE_NONE;
}

/* false: it is too large, and out is as it was. */
static bool write_event(const struct record *record, const struct payload *payload, struct buf *out)
{
    static const struct event_view VIEW = {.reveal = false};
    size_t from = out->len;
    buf_addf(out, "event: event\nid: %" PRIu64 "\ndata: ", record->seq);
    event_write_json(record, payload, &VIEW, out);
    buf_add_str(out, "\n\n");
    if (out->len - from <= MESSAGE_MAX)
        return true;
    cut_back(out, from);
    return false;
}

struct slice message_type(const struct payload *payload)
{
    return key_of(payload->type);
}

/* What the read model takes for none (read_model.h) is none here, so that both find the same events. */
static struct slice app_of(struct slice app)
{
    return app.len > 0 && app.len <= READ_MODEL_MAX_NAME ? app : SLICE_NONE;
}

void message_read_keys(const struct payload *payload, struct message_keys *ret)
{
    *ret = (struct message_keys){.text = {[KEY_ACCOUNT] = key_of(payload->connected_account_id),
                                          [KEY_APP] = app_of(payload->app),
                                          [KEY_TYPE] = key_of(payload->type)}};
    message_keys_hash(ret);
}

void message_set_app(struct message_keys *keys, struct slice app)
{
    keys->text[KEY_APP] = app_of(app);
    message_keys_hash(keys);
}

void message_write_event(const struct record *record, const struct payload *payload, struct buf *out)
{
    struct record smaller = *record;
    smaller.body = slice_str("null");
    if (!write_event(record, payload, out) && !write_event(&smaller, payload, out))
        (void)write_event(record, NULL, out); /* its id is short: this always fits */
}

void message_write_account_json(struct slice json, struct buf *out)
{
    buf_add_str(out, "event: account\ndata: ");
    buf_add_slice(out, json);
    buf_add_str(out, "\n\n");
}

void message_write_account(const struct account *account, struct buf *out, struct message_keys *ret_keys)
{
    size_t from = out->len;
    *ret_keys = (struct message_keys){
        .text = {[KEY_ACCOUNT] = key_of(account->id), [KEY_APP] = key_of(account->app)}};
    message_keys_hash(ret_keys);
    message_write_account_json(SLICE_NONE, out);
    if (buf_failed(out))
        return;
    cut_back(out, out->len - 2);
    account_write_json(account, out);
    buf_add_str(out, "\n\n");
    if (out->len - from > MESSAGE_MAX)
        cut_back(out, from);
}
