#include "api/endpoints.h"

#include "base/metric.h"
#include "wire/metrics_text.h"

/* The process answers: that is all. */
static void get_healthz(void *context, struct reply *reply)
{
    (void)context;
    buf_add_str(&reply->body, "{\"status\":\"ok\"}");
}

static void get_readyz(void *context, struct reply *reply)
{
    const struct api_context *api = context;
    struct err why = {""};
    if (receive_ready(api->receive, &why))
        buf_add_str(&reply->body, "{\"status\":\"ready\"}");
    else
        reply_error(reply, RC_STORAGE_UNAVAILABLE, why.message);
}

static void get_metrics(void *context, struct reply *reply)
{
    const struct api_context *api = context;
    struct journal_health figures;
    journal_figures(api->journal, &figures);
    metric_set(METRIC_JOURNAL_SEQ, (int64_t)figures.last_seq);
    metric_set(METRIC_JOURNAL_BYTES, (int64_t)figures.bytes);
    metric_set(METRIC_WINDOW_KEYS, (int64_t)figures.window_keys);
    reply->content_type = METRICS_CONTENT_TYPE;
    metrics_text_write(&reply->body);
}

static const struct endpoint ROWS[] = {
    {"GET", "/healthz", true, get_healthz, "alive"},
    {"GET", "/readyz", true, get_readyz, "can a webhook be stored now; says why not"},
    {"GET", "/metrics", false, get_metrics, "Prometheus metrics"},
};

const struct endpoint_table api_endpoints = {ROWS, sizeof ROWS / sizeof ROWS[0]};
