#include "track/account.h"

#include <assert.h>
#include <inttypes.h>

#include "wire/json.h"

const char *account_status_name(enum account_status status)
{
#define STATUS_TEXT_ROW(name, number, text) [name] = (text),
    static const char *const TEXTS[STATUS_COUNT] = {ACCOUNT_STATUSES(STATUS_TEXT_ROW)};
#undef STATUS_TEXT_ROW
    assert((unsigned)status < STATUS_COUNT);
    return TEXTS[status];
}

const char *stalled_name(enum stalled stalled)
{
    static const char *const TEXTS[STALLED_COUNT] = {
        [STALLED_SLOW] = "slow",
        [STALLED_ABANDONED] = "abandoned",
    };
    assert((unsigned)stalled < STALLED_COUNT);
    return TEXTS[stalled];
}

void json_add_time(struct buf *out, usec at)
{
    char text[CLOCK_RFC3339_SIZE];
    if (at == TIME_NONE) {
        buf_add_str(out, "null");
        return;
    }
    clock_format(at, text);
    buf_addf(out, "\"%s\"", text);
}

void json_add_text(struct buf *out, struct slice text)
{
    if (text.ptr)
        json_quote(text, out);
    else
        buf_add_str(out, "null");
}

void json_add_seconds(struct buf *out, usec duration)
{
    if (duration == TIME_NONE) {
        buf_add_str(out, "null");
        return;
    }
    int64_t ms = duration / USEC_PER_MS;
    uint64_t size = ms < 0 ? (uint64_t)-ms : (uint64_t)ms;
    buf_addf(out, "%s%" PRIu64 ".%03u", ms < 0 ? "-" : "", size / 1000, (unsigned)(size % 1000));
}

void account_write_json(const struct account *account, struct buf *out)
{
    buf_add_str(out, "{\"id\":");
    json_add_text(out, account->id);
    buf_add_str(out, ",\"app\":");
    json_add_text(out, account->app);
    buf_add_str(out, ",\"integration_name\":");
    json_add_text(out, account->integration_name);
    buf_add_str(out, ",\"integration_id\":");
    json_add_text(out, account->integration_id);
    buf_add_str(out, ",\"user_id\":");
    json_add_text(out, account->user_id);
    buf_add_str(out, ",\"status\":");
    json_add_text(out, slice_str(account_status_name(account->status)));
    buf_add_str(out, ",\"stalled\":");
    json_add_text(out, slice_str(stalled_name(account->stalled)));
    buf_addf(out, ",\"attempts\":%" PRIu64 ",\"first_seen_at\":", account->attempts);
    json_add_time(out, account->first_seen_at);
    buf_add_str(out, ",\"started_at\":");
    json_add_time(out, account->started_at);
    buf_add_str(out, ",\"completed_at\":");
    json_add_time(out, account->completed_at);
    buf_add_str(out, ",\"time_to_connect_s\":");
    json_add_seconds(out, account->time_to_connect);
    buf_add_str(out, ",\"last_event_at\":");
    json_add_time(out, account->last_event_at);
    buf_add_str(out, ",\"status_reason\":");
    json_add_text(out, account->status_reason);
    buf_add_char(out, '}');
}
