#include "api/endpoints.h"

#include "api/handlers.h"
#include "base/metric.h"
#include "wire/metrics_text.h"

/* The process answers: that is all. */
static void get_healthz(void *context, const struct request *request, struct reply *reply)
{
    (void)context;
    (void)request;
    buf_add_str(&reply->body, "{\"status\":\"ok\"}");
}

static void get_readyz(void *context, const struct request *request, struct reply *reply)
{
    (void)request;
    const struct api_context *api = context;
    struct err why = {""};
    if (receive_ready(api->receive, &why))
        buf_add_str(&reply->body, "{\"status\":\"ready\"}");
    else
        reply_error(reply, RC_STORAGE_UNAVAILABLE, why.message);
}

static void get_metrics(void *context, const struct request *request, struct reply *reply)
{
    (void)request;
    const struct api_context *api = context;
    struct journal_health figures;
    journal_figures(api->journal, &figures);
    metric_set(METRIC_JOURNAL_SEQ, (int64_t)figures.last_seq);
    metric_set(METRIC_JOURNAL_BYTES, (int64_t)figures.bytes);
    metric_set(METRIC_WINDOW_KEYS, (int64_t)figures.window_keys);
    reply->content_type = METRICS_CONTENT_TYPE;
    metrics_text_write(&reply->body);
}

static const struct parameter LOGIN[] = {
    {.name = "token",
     .kind = PARAMETER_TEXT,
     .place = IN_BODY,
     .required = true,
     .min = 1,
     .max = 4096,
     .help = "the admin token"},
    PARAMETER_END,
};

static const struct parameter REFUSED[] = {PARAMETER_LIMIT_ROW, PARAMETER_CURSOR_ROW, PARAMETER_END};

static const struct endpoint ROWS[] = {
    {.method = "GET", .path = "/healthz", .access = ACCESS_OPEN, .handle = get_healthz, .help = "alive"},
    {.method = "GET",
     .path = "/readyz",
     .access = ACCESS_OPEN,
     .handle = get_readyz,
     .help = "can a webhook be stored now; says why not"},
    {.method = "GET", .path = "/metrics", .handle = get_metrics, .help = "Prometheus metrics"},
    {.method = "POST",
     .path = "/api/v1/session",
     .access = ACCESS_OPEN,
     .parameters = LOGIN,
     .handle = post_session,
     .help = "log a browser in: sets a cookie that stands for the token"},
    {.method = "DELETE",
     .path = "/api/v1/session",
     .access = ACCESS_OPEN,
     .handle = delete_session,
     .help = "log it out: forgets the cookie"},
    {.method = "GET",
     .path = "/api/v1/refused",
     .parameters = REFUSED,
     .handle = get_refused,
     .help = "the newest webhooks that were refused, newest first; kept in memory only"},
};

const struct endpoint_table api_endpoints = {ROWS, sizeof ROWS / sizeof ROWS[0]};
