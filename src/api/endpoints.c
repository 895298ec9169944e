#include "api/endpoints.h"

#include "api/handlers.h"
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

static void get_openapi(void *context, const struct request *request, struct reply *reply)
{
    (void)request;
    const struct api_context *api = context;
    reply->fixed = api->openapi;
}

#define SINCE_ROW(of)                                                                                        \
    {                                                                                                        \
        .name = "since", .kind = PARAMETER_TIME, .help = of " at this time or later"                         \
    }
#define UNTIL_ROW(of)                                                                                        \
    {                                                                                                        \
        .name = "until", .kind = PARAMETER_TIME, .help = of " before this time"                              \
    }
#define TEXT_ROW(what, text)                                                                                 \
    {                                                                                                        \
        .name = (what), .kind = PARAMETER_TEXT, .min = 1, .max = 256, .help = (text)                         \
    }
#define WORDS_ROW TEXT_ROW("q", "words that must all occur; the end of one that ends in * is open")
#define REVEAL_ROW                                                                                           \
    {                                                                                                        \
        .name = "reveal", .kind = PARAMETER_FLAG, .help = "show credentials inside payloads"                 \
    }

static const struct parameter EVENTS[] = {
    PARAMETER_LIMIT_ROW,
    PARAMETER_CURSOR_ROW,
    TEXT_ROW("type", "only events of this type"),
    TEXT_ROW("app", "only events about this app"),
    TEXT_ROW("connected_account_id", "only events about this account"),
    SINCE_ROW("received"),
    UNTIL_ROW("received"),
    WORDS_ROW,
    REVEAL_ROW,
    PARAMETER_END,
};

static const struct parameter EVENT[] = {
    {.name = "seq",
     .kind = PARAMETER_NUMBER,
     .place = IN_PATH,
     .min = 1,
     .max = INT64_MAX,
     .help = "the event's number in the journal"},
    {.name = "raw", .kind = PARAMETER_FLAG, .help = "answer with the exact bytes that arrived"},
    REVEAL_ROW,
    PARAMETER_END,
};

static const struct parameter ACCOUNTS[] = {
    PARAMETER_LIMIT_ROW,
    PARAMETER_CURSOR_ROW,
    {.name = "status",
     .kind = PARAMETER_CHOICE,
     .choices = account_status_choices,
     .help = "only accounts with this status"},
    {.name = "stalled",
     .kind = PARAMETER_CHOICE,
     .choices = stalled_choices,
     .help = "only accounts whose connection takes long"},
    TEXT_ROW("app", "only accounts of this app"),
    WORDS_ROW,
    PARAMETER_END,
};

static const struct parameter ACCOUNT[] = {
    {.name = "id",
     .kind = PARAMETER_TEXT,
     .place = IN_PATH,
     .min = 1,
     .max = 256,
     .help = "the account's id"},
    REVEAL_ROW,
    PARAMETER_END,
};

static const struct parameter ACCOUNT_BY_QUERY[] = {
    {.name = "id",
     .kind = PARAMETER_TEXT,
     .required = true,
     .min = 1,
     .max = 256,
     .help = "the account's id"},
    REVEAL_ROW,
    PARAMETER_END,
};

static const struct parameter ONBOARDING[] = {
    SINCE_ROW("attempts that started (default: a day before until)"),
    UNTIL_ROW("attempts that started (default: now)"),
    {.name = "by",
     .kind = PARAMETER_CHOICE,
     .choices = onboarding_by_choices,
     .fallback = "app",
     .help = "what the groups are"},
    {.name = "bucket",
     .kind = PARAMETER_CHOICE,
     .choices = bucket_choices,
     .fallback = "hour",
     .help = "the step of the series"},
    PARAMETER_END,
};

static const struct parameter STREAM[] = {
    TEXT_ROW("type", "only events of this type, and accounts that they change"),
    TEXT_ROW("app", "only events and accounts of this app"),
    TEXT_ROW("connected_account_id", "only events about this account, and the account"),
    {.name = "after",
     .kind = PARAMETER_NUMBER,
     .min = 0,
     .max = INT64_MAX,
     .help = "begin after this event (default: now); the header Last-Event-ID goes before it"},
    {.name = "heartbeat",
     .kind = PARAMETER_CHOICE,
     .choices = heartbeat_choices,
     .fallback = "15s",
     .help = "send a comment when nothing else was sent for so long"},
    PARAMETER_END,
};

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

static const struct parameter TEST_EVENT[] = {
    {.name = "type",
     .kind = PARAMETER_CHOICE,
     .place = IN_BODY,
     .choices = test_event_choices,
     .fallback = "connected_account.add.start",
     .help = "what kind of event"},
    {.name = "app",
     .kind = PARAMETER_TEXT,
     .place = IN_BODY,
     .min = 1,
     .max = 256,
     .help = "app of the account; without it, one at random"},
    {.name = "connected_account_id",
     .kind = PARAMETER_TEXT,
     .place = IN_BODY,
     .min = 1,
     .max = 256,
     .help = "which account; without it, a new one"},
    PARAMETER_END,
};

static const struct parameter REFUSED[] = {PARAMETER_LIMIT_ROW, PARAMETER_CURSOR_ROW, PARAMETER_END};

static const struct endpoint ROWS[] = {
    {.method = "GET",
     .path = "/healthz",
     .access = ACCESS_OPEN,
     .handle = get_healthz,
     .answer = "Health",
     .help = "alive"},
    {.method = "GET",
     .path = "/readyz",
     .access = ACCESS_OPEN,
     .handle = get_readyz,
     .answer = "Health",
     .help = "can a webhook be stored now; says why not"},
    {.method = "GET",
     .path = "/metrics",
     .run = RUN_POOL,
     .handle = get_metrics,
     .media = METRICS_CONTENT_TYPE,
     .help = "Prometheus metrics"},
    {.method = "GET",
     .path = "/api/v1/events",
     .run = RUN_POOL,
     .parameters = EVENTS,
     .handle = get_events,
     .answer = "EventList",
     .help = "events, newest first"},
    {.method = "GET",
     .path = "/api/v1/events/{seq}",
     .run = RUN_POOL,
     .parameters = EVENT,
     .handle = get_event,
     .answer = "EventDetail",
     .media = "application/octet-stream",
     .help = "one event, with its headers"},
    {.method = "GET",
     .path = "/api/v1/connected_accounts",
     .run = RUN_POOL,
     .parameters = ACCOUNTS,
     .handle = get_accounts,
     .answer = "AccountList",
     .help = "connected accounts, newest first"},
    {.method = "GET",
     .path = "/api/v1/connected_accounts/{id}",
     .run = RUN_POOL,
     .parameters = ACCOUNT,
     .handle = get_account,
     .answer = "AccountDetail",
     .help = "one account with its attempts and its timeline"},
    {.method = "GET",
     .path = "/api/v1/connected_account",
     .run = RUN_POOL,
     .parameters = ACCOUNT_BY_QUERY,
     .handle = get_account,
     .answer = "AccountDetail",
     .help = "the same for any id: clients take `.` and `..` in a path for folders"},
    {.method = "GET",
     .path = "/api/v1/onboarding",
     .run = RUN_POOL,
     .parameters = ONBOARDING,
     .handle = get_onboarding,
     .answer = "Onboarding",
     .help = "how many connections were started, what became of them, and how long they took"},
    {.method = "GET",
     .path = "/api/v1/stream",
     .parameters = STREAM,
     .handle = get_stream,
     .media = CONTENT_TYPE_EVENT_STREAM,
     .help = "events and changed accounts as they come, as server-sent events"},
    {.method = "GET",
     .path = "/api/v1/status",
     .run = RUN_POOL,
     .handle = get_status,
     .answer = "Status",
     .help = "version, settings and health of the server"},
    {.method = "POST",
     .path = "/api/v1/session",
     .access = ACCESS_OPEN,
     .parameters = LOGIN,
     .handle = post_session,
     .answer = "Success",
     .help = "log a browser in: sets a cookie that stands for the token"},
    {.method = "DELETE",
     .path = "/api/v1/session",
     .access = ACCESS_OPEN,
     .handle = delete_session,
     .answer = "Success",
     .help = "log it out: forgets the cookie"},
    {.method = "GET",
     .path = "/api/v1/refused",
     .parameters = REFUSED,
     .handle = get_refused,
     .answer = "RefusedList",
     .help = "the newest webhooks that were refused, newest first; kept in memory only"},
    {.method = "POST",
     .path = "/api/v1/test_event",
     .run = RUN_RECEIVE,
     .parameters = TEST_EVENT,
     .handle = post_test_event,
     .make = make_test_event,
     .answer = "TestEvent",
     .help = "make a sample event, sign it when a secret is set, and receive it like any other"},
    {.method = "GET",
     .path = "/openapi.json",
     .access = ACCESS_OPEN,
     .handle = get_openapi,
     .answer = "OpenApi",
     .help = "this API as an OpenAPI 3.1 document"},
};

const struct endpoint_table api_endpoints = {ROWS, sizeof ROWS / sizeof ROWS[0]};
