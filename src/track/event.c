#include "track/event.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "track/account.h"
#include "track/text_index.h"
#include "wire/dedupe_key.h"
#include "wire/head.h"
#include "wire/json.h"
#include "wire/redact.h"

/* A sender's clock may be wrong by so much; what lies further ahead says nothing about when it happened. */
#define AHEAD_MAX USEC_DAY

usec event_occurred_at(const struct record *record, const struct payload *payload)
{
    if (!payload || !payload->has_occurred_at || payload->occurred_at > record->received_at + AHEAD_MAX)
        return record->received_at;
    return payload->occurred_at;
}

/* ---- texts ---- */

/* At a whole character. */
static struct slice cut(struct slice text)
{
    size_t len = EVENT_MAX_TEXT;
    if (text.len <= len)
        return text;
    while (len > 0 && ((unsigned char)text.ptr[len] & 0xC0) == 0x80)
        len--;
    return slice_of(text.ptr, len);
}

void event_add_reason(const struct payload *payload, struct buf *out)
{
    size_t at = out->len;
    redact_text(payload->status_reason, out);
    buf_truncate(out, at + cut(slice_skip(buf_slice(out), at)).len);
}

void event_add_texts(const struct record *record, const struct payload *payload, struct buf *out)
{
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    const struct slice texts[] = {payload->type,
                                  payload->app,
                                  payload->integration_name,
                                  payload->integration_id,
                                  payload->connected_account_id,
                                  payload->user_id,
                                  payload->trigger_id};
    if (record->key.ptr)
        dedupe_key_format(record->key_hashed, record->key, &text);
    text_index_add_text(out, buf_slice(&text));
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        text_index_add_text(out, cut(texts[i]));
    buf_clear(&text);
    event_add_reason(payload, &text);
    text_index_add_text(out, buf_slice(&text));
    if (buf_failed(&text))
        out->failed = true;
}

/* ---- JSON ---- */

static void add_id(const struct record *record, struct buf *out)
{
    CLEANUP(buf_cleanup) struct buf id = BUF_INIT;
    if (!record->key.ptr) {
        buf_add_str(out, "null");
        return;
    }
    dedupe_key_format(record->key_hashed, record->key, &id);
    if (buf_failed(&id))
        out->failed = true;
    json_quote(buf_slice(&id), out);
}

static const char *verified(const struct record *record)
{
    struct slice fact = head_get(record->head, ":verified");
    if (!fact.ptr)
        return "null";
    return slice_is(fact, "true") ? "true" : "false";
}

static void add_member(struct buf *out, const char *name, struct slice text)
{
    buf_addf(out, ",\"%s\":", name);
    json_add_text(out, text);
}

static void add_fields(const struct payload *payload, struct buf *out)
{
    add_member(out, "type", payload->type);
    add_member(out, "shape", slice_str(payload_shape_name(payload)));
    add_member(out, "app", payload->app);
    add_member(out, "integration_name", payload->integration_name);
    add_member(out, "integration_id", payload->integration_id);
    add_member(out, "connected_account_id", payload->connected_account_id);
    add_member(out, "user_id", payload->user_id);
}

static bool stands_before(struct slice head, struct slice name)
{
    struct slice other;
    struct slice value;
    while (head_next(&head, &other, &value) && other.ptr != name.ptr)
        if (slice_equal(other, name))
            return true;
    return false;
}

/* All lines of one name as one value (RFC 9110, section 5.3); `rest` is what follows the first of them. */
static void add_header(struct slice name, struct slice value, struct slice rest, bool reveal, struct buf *out)
{
    CLEANUP(buf_cleanup) struct buf joined = BUF_INIT;
    struct slice other;
    json_quote(name, out);
    buf_add_char(out, ':');
    buf_add_slice(&joined, value);
    while (head_next(&rest, &other, &value)) {
        if (!slice_equal(other, name))
            continue;
        buf_add_str(&joined, ", ");
        buf_add_slice(&joined, value);
    }
    if (buf_failed(&joined))
        out->failed = true;
    if (reveal)
        json_quote(buf_slice(&joined), out);
    else
        redact_quote(buf_slice(&joined), out);
}

/* The square of the number of lines, of which HEAD_MAX bytes hold few. */
static void add_headers(struct slice head, bool reveal, struct buf *out)
{
    struct slice rest = head;
    struct slice name;
    struct slice value;
    const char *between = "";
    buf_add_str(out, ",\"headers\":{");
    while (head_next(&rest, &name, &value)) {
        if (name.ptr[0] == ':' || stands_before(head, name))
            continue;
        bool hidden = !reveal && redact_is_credential(name);
        buf_add_str(out, between);
        add_header(name, hidden ? slice_str(REDACTED) : value, hidden ? SLICE_NONE : rest, reveal, out);
        between = ",";
    }
    buf_add_char(out, '}');
    add_member(out, "from", head_get(head, ":from"));
}

static void add_payload(const struct record *record, const struct payload *payload, bool reveal,
                        struct buf *out)
{
    buf_add_str(out, ",\"payload\":");
    if (!payload || !payload->body)
        buf_add_str(out, "null");
    else if (reveal)
        json_compact(record->body, out);
    else
        json_redact(record->body, out);
}

void event_write_json(const struct record *record, const struct payload *payload,
                      const struct event_view *view, struct buf *out)
{
    static const struct payload UNREADABLE = {.shape = SHAPE_OTHER};
    buf_addf(out, "{\"seq\":%" PRIu64 ",\"id\":", record->seq);
    add_id(record, out);
    buf_add_str(out, ",\"received_at\":");
    json_add_time(out, record->received_at);
    buf_add_str(out, ",\"occurred_at\":");
    json_add_time(out, event_occurred_at(record, payload));
    add_fields(payload ? payload : &UNREADABLE, out);
    buf_addf(out, ",\"verified\":%s,\"duplicates\":%" PRIu64, verified(record), view->duplicates);
    add_payload(record, payload, view->reveal, out);
    if (view->headers)
        add_headers(record->head, view->reveal, out);
    buf_add_char(out, '}');
}
