/* How the server is: for machines (/metrics) and for the dashboard's settings (/api/v1/status). On the pool.
 */
#include <sys/statvfs.h>

#include "api/endpoints.h"
#include "api/handlers.h"
#include "base/cleanup.h"
#include "base/metric.h"
#include "base/version.h"
#include "track/questions.h"
#include "wire/json.h"
#include "wire/metrics_text.h"

static int64_t free_bytes(const char *directory)
{
    struct statvfs info;
    return statvfs(directory, &info) == 0 ? (int64_t)(info.f_bavail * info.f_frsize) : 0;
}

void get_metrics(void *context, const struct request *request, struct reply *reply)
{
    (void)request;
    const struct api_context *api = context;
    struct journal_health figures;
    struct err err;
    metric_set(METRIC_READY, receive_ready(api->receive, &err));
    metric_set(METRIC_RECEIVE_BUSY, receive_busy(api->receive) / USEC_PER_SEC);
    metric_set(METRIC_DATA_FREE, free_bytes(api->settings.data));
    journal_figures(api->journal, &figures);
    metric_set(METRIC_JOURNAL_SEQ, (int64_t)figures.last_seq);
    metric_set(METRIC_JOURNAL_BYTES, (int64_t)figures.bytes);
    metric_set(METRIC_WINDOW_KEYS, (int64_t)figures.window_keys);
    uint64_t position = tracker_position(api->tracker);
    metric_set(METRIC_TRACKER_LAG, figures.last_seq > position ? (int64_t)(figures.last_seq - position) : 0);
    reply->content_type = METRICS_CONTENT_TYPE;
    metrics_text_write(&reply->body);
    size_t before = reply->body.len;
    /* Without a read model the others are still worth having. */
    if (question_metrics(api->questions, &reply->body, &err) != RC_OK)
        reply->body.len = before;
}

static void add_member(const char *name, struct slice text, struct buf *out)
{
    buf_addf(out, ",\"%s\":", name);
    json_add_text(out, text);
}

static void add_seconds(const char *name, usec duration, struct buf *out)
{
    buf_addf(out, ",\"%s\":%lld", name, (long long)(duration / USEC_PER_SEC));
}

static void add_settings(const struct api_settings *settings, struct buf *out)
{
    add_member("webhook_path", slice_str(settings->webhook_path), out);
    buf_add_str(out, ",\"webhook_url\":");
    CLEANUP(buf_cleanup) struct buf url = BUF_INIT;
    buf_addf(&url, "%s%s", settings->url, settings->webhook_path);
    json_add_text(out, buf_slice(&url));
    buf_addf(out, ",\"signatures\":{\"checked\":%s,\"scheme\":\"%s\",\"secrets\":%zu}",
             settings->checks_signatures ? "true" : "false", (const char *)settings->scheme,
             (size_t)settings->secret_count);
    add_seconds("retention_s", settings->retention, out);
    add_seconds("dedupe_window_s", settings->dedupe_window, out);
    add_seconds("slow_after_s", settings->slow_after, out);
    add_seconds("abandoned_after_s", settings->abandoned_after, out);
}

static void add_journal(const struct api_context *api, struct buf *out)
{
    struct journal_health figures;
    struct err err;
    uint64_t first = 0;
    uint64_t accounts = 0;
    journal_figures(api->journal, &figures);
    if (journal_first(api->journal, &first, &err) != RC_OK)
        first = 0;
    uint64_t position = tracker_position(api->tracker);
    buf_addf(out, ",\"journal\":{\"first_seq\":%llu,\"last_seq\":%llu,\"bytes\":%llu}",
             (unsigned long long)first, (unsigned long long)figures.last_seq,
             (unsigned long long)figures.bytes);
    buf_addf(out, ",\"tracker\":{\"seq\":%llu,\"lag\":%llu}", (unsigned long long)position,
             (unsigned long long)(figures.last_seq > position ? figures.last_seq - position : 0));
    if (question_account_count(api->questions, &accounts, &err) == RC_OK)
        buf_addf(out, ",\"accounts\":%llu", (unsigned long long)accounts);
    else
        buf_add_str(out, ",\"accounts\":null");
}

void get_status(void *context, const struct request *request, struct reply *reply)
{
    const struct api_context *api = context;
    struct buf *out = &reply->body;
    struct err why = {""};
    bool ready = receive_ready(api->receive, &why);
    int64_t last_webhook = metric_get(METRIC_LAST_WEBHOOK);
    buf_addf(out, "{\"version\":\"%s\",\"started_at\":", version_text());
    json_add_time(out, api->settings.started_at);
    buf_add_str(out, ",\"now\":");
    json_add_time(out, request->now);
    buf_addf(out, ",\"ready\":%s", ready ? "true" : "false");
    add_member("not_ready_reason", ready ? SLICE_NONE : slice_str(why.message), out);
    add_settings(&api->settings, out);
    add_journal(api, out);
    buf_addf(out,
             ",\"stream_clients\":%lld,\"last_webhook_at\":", (long long)metric_get(METRIC_STREAM_CLIENTS));
    json_add_time(out, last_webhook ? last_webhook * USEC_PER_SEC : TIME_NONE);
    buf_add_char(out, '}');
}
