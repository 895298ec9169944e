/* A sample event that goes the way of a webhook: does receiving work, and does it show up? On the loop. */
#include <inttypes.h>
#include <stdio.h>

#include "api/handlers.h"
#include "base/cleanup.h"
#include "base/version.h"
#include "wire/head.h"
#include "wire/json.h"
#include "wire/payload.h"
#include "wire/sample_event.h"

const char *const test_event_choices[] = {
    "connected_account.add.start",
    "connected_account.add.completed",
    "connected_account.add.failed",
    "composio.connected_account.expired",
    NULL,
};

/* NULL when it was not given. */
static const char *text_of(const struct request *request, const char *name, struct buf *memory)
{
    struct slice text = request_text(request, name);
    buf_add_slice(memory, text);
    return text.ptr ? buf_str(memory) : NULL;
}

/* All of the signature's headers but the signature: where secrets are set, receive signs. */
static void write_head(const char *id, usec now, struct buf *head)
{
    char seconds[24];
    CLEANUP(buf_cleanup) struct buf agent = BUF_INIT;
    snprintf(seconds, sizeof seconds, "%" PRId64, now / USEC_PER_SEC);
    buf_addf(&agent, "Fairlead/%s", version_text());
    head_add(head, slice_str("content-type"), slice_str("application/json"));
    head_add(head, slice_str("user-agent"), buf_slice(&agent));
    head_add(head, slice_str("webhook-id"), slice_str(id));
    head_add(head, slice_str("webhook-timestamp"), slice_str(seconds));
}

enum rc make_test_event(void *context, const struct request *request, struct webhook *webhook,
                        struct err *err)
{
    (void)context;
    CLEANUP(buf_cleanup) struct buf app = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf account = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf id = BUF_INIT;
    struct sample_event event = {
        .type = test_event_choices[request_choice(request, "type")],
        .app = text_of(request, "app", &app),
        .account = text_of(request, "connected_account_id", &account),
        .at = request->now,
    };
    enum rc rc = sample_event_make(&event, &webhook->body, &id, err);
    if (rc == RC_OK && id.len == 0)
        rc = sample_event_uuid("msg_", &id, err);
    if (rc == RC_OK)
        write_head(buf_str(&id), request->now, &webhook->head);
    return rc;
}

void post_test_event(void *context, const struct request *request, struct reply *reply)
{
    (void)context;
    const struct webhook *webhook = request->webhook;
    CLEANUP(payload_cleanup) struct payload payload = {0};
    payload_read(&payload, buf_slice(&webhook->body));
    buf_addf(&reply->body, "{\"success\":true,\"seq\":%" PRIu64 ",\"id\":", webhook->seq);
    json_quote(head_get(buf_slice(&webhook->head), "webhook-id"), &reply->body);
    buf_add_str(&reply->body, ",\"connected_account_id\":");
    json_quote(payload.connected_account_id, &reply->body);
    buf_add_char(&reply->body, '}');
}
