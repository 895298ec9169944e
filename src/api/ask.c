/* Questions about events. On the pool. */
#include "api/endpoints.h"
#include "api/handlers.h"
#include "track/questions.h"

/* Whatever an answer was begun with gives way to the error. */
static void finish(struct reply *reply, enum rc rc, const struct err *err)
{
    if (rc != RC_OK)
        reply_error(reply, rc, err->message);
}

static struct page page_of(const struct request *request)
{
    return (struct page){(size_t)request_number(request, "limit"), request_cursor(request, "cursor")};
}

void get_events(void *context, const struct request *request, struct reply *reply)
{
    const struct api_context *api = context;
    struct err err = {""};
    struct page page = page_of(request);
    struct event_filter filter = {
        .type = request_text(request, "type"),
        .app = request_text(request, "app"),
        .connected_account_id = request_text(request, "connected_account_id"),
        .since = request_time(request, "since", TIME_NONE),
        .until = request_time(request, "until", TIME_NONE),
        .q = request_text(request, "q"),
    };
    finish(
        reply,
        question_events(api->questions, &filter, &page, request_flag(request, "reveal"), &reply->body, &err),
        &err);
}

void get_event(void *context, const struct request *request, struct reply *reply)
{
    const struct api_context *api = context;
    struct err err = {""};
    bool raw = request_flag(request, "raw");
    uint64_t seq = (uint64_t)request_number(request, "seq");
    enum rc rc =
        question_event(api->questions, seq, raw, request_flag(request, "reveal"), &reply->body, &err);
    if (rc == RC_OK && raw)
        reply->content_type = "application/octet-stream";
    finish(reply, rc, &err);
}

const char *const account_status_choices[] = {"INITIATED", "ACTIVE", "FAILED", "EXPIRED", "DELETED", NULL};
const char *const stalled_choices[] = {"slow", "abandoned", NULL};

void get_accounts(void *context, const struct request *request, struct reply *reply)
{
    const struct api_context *api = context;
    struct err err = {""};
    struct page page = page_of(request);
    int status = request_choice(request, "status");
    int stalled = request_choice(request, "stalled");
    struct account_filter filter = {
        .status = status < 0 ? -1 : STATUS_INITIATED + status,
        .stalled = stalled < 0 ? -1 : STALLED_SLOW + stalled,
        .app = request_text(request, "app"),
        .q = request_text(request, "q"),
    };
    finish(reply, question_accounts(api->questions, &filter, &page, &reply->body, &err), &err);
}

void get_account(void *context, const struct request *request, struct reply *reply)
{
    const struct api_context *api = context;
    struct err err = {""};
    enum rc rc = question_account(api->questions, request_text(request, "id"),
                                  request_flag(request, "reveal"), &reply->body, &err);
    finish(reply, rc, &err);
}

const char *const onboarding_by_choices[] = {"app", "integration", NULL};
const char *const bucket_choices[] = {"minute", "hour", "day", NULL};

void get_onboarding(void *context, const struct request *request, struct reply *reply)
{
    const struct api_context *api = context;
    struct err err = {""};
    usec until = request_time(request, "until", request->now);
    struct onboarding_filter filter = {
        .since = request_time(request, "since", until - USEC_DAY),
        .until = until,
        .by = (enum onboarding_by)request_choice(request, "by"),
        .grain = request_choice(request, "bucket"),
    };
    finish(reply, question_onboarding(api->questions, &filter, &reply->body, &err), &err);
}
