#include "api/schema.h"

#include <string.h>

#include "api/handlers.h"

#define MEMBER(name_, kind_, help_, ...)                                                                     \
    {                                                                                                        \
        .name = (name_), .kind = MEMBER_##kind_, .help = (help_), __VA_ARGS__                                \
    }
#define END                                                                                                  \
    {                                                                                                        \
        .name = NULL                                                                                         \
    }
#define LIST_OF(schema)                                                                                      \
    MEMBER("items", LIST, "the page", .of = schema),                                                         \
        MEMBER("next", CURSOR,                                                                               \
               "`cursor` of the next page; null: this was the last. A page with a next one may be short",    \
               .nullable = true),                                                                            \
        END

static const char *const SHAPES[] = {"admin", "admin_envelope", "v3", "v2", "v1", "other", NULL};
static const char *const OUTCOMES[] = {"pending", "completed", "failed", "expired", "abandoned", NULL};
static const char *const HEALTH_WORDS[] = {"ok", "ready", NULL};

#define EVENT_MEMBERS                                                                                        \
    MEMBER("seq", COUNT, "number in the journal, from 1, rising"),                                           \
        MEMBER("id", TEXT, "`webhook-id`, or `sha256:…` of path and body where there is none"),              \
        MEMBER("received_at", TIME, "when its last byte had arrived"),                                       \
        MEMBER("occurred_at", TIME,                                                                          \
               "the body's own time; that of receipt where it has none, or one over a day ahead"),           \
        MEMBER("type", TEXT, "as the sender calls it", .nullable = true),                                    \
        MEMBER("shape", CHOICE, "which form the body has", .choices = SHAPES),                               \
        MEMBER("app", TEXT, "the app (toolkit) that is connected", .nullable = true),                        \
        MEMBER("integration_name", TEXT, "of the integration (auth config)", .nullable = true),              \
        MEMBER("integration_id", TEXT, "of the integration (auth config)", .nullable = true),                \
        MEMBER("connected_account_id", TEXT, "the account that it is about", .nullable = true),              \
        MEMBER("user_id", TEXT, "whose account it is", .nullable = true),                                    \
        MEMBER("verified", FLAG, "its signature was checked and right; null: not checked",                   \
               .nullable = true),                                                                            \
        MEMBER("duplicates", COUNT, "how often it came again, up to about a second ago"),                    \
        MEMBER("payload", ANY, "the body; credentials in it are `[redacted]` without `reveal`",              \
               .nullable = true)

static const struct member EVENT[] = {EVENT_MEMBERS, END};

static const struct member EVENT_DETAIL[] = {
    EVENT_MEMBERS,
    MEMBER("headers", TEXTS, "of the request, names in lower case"),
    MEMBER("from", TEXT, "address that sent it", .nullable = true),
    END,
};

static const struct member ACCOUNT[] = {
    MEMBER("id", TEXT, "connected account"),
    MEMBER("app", TEXT, "the app (toolkit) that is connected", .nullable = true),
    MEMBER("integration_name", TEXT, "of the integration (auth config)", .nullable = true),
    MEMBER("integration_id", TEXT, "of the integration (auth config)", .nullable = true),
    MEMBER("user_id", TEXT, "whose account it is", .nullable = true),
    MEMBER("status", CHOICE, "null: no event of its lifecycle has come", .nullable = true,
           .choices = account_status_choices),
    MEMBER("stalled", CHOICE, "an unfinished connection that takes long", .nullable = true,
           .choices = stalled_choices),
    MEMBER("attempts", COUNT, "how often a connection was started"),
    MEMBER("first_seen_at", TIME, "when its first event was received"),
    MEMBER("started_at", TIME, "the newest start", .nullable = true),
    MEMBER("completed_at", TIME, "the newest completion", .nullable = true),
    MEMBER("time_to_connect_s", NUMBER, "seconds from the start to its completion", .nullable = true),
    MEMBER("last_event_at", TIME, "when the newest event about it happened"),
    MEMBER("status_reason", TEXT,
           "why it failed or expired, in the sender's words; credentials in it are `[redacted]`, always",
           .nullable = true),
    END,
};

static const struct member ATTEMPT[] = {
    MEMBER("started_at", TIME, "null: the start was not seen", .nullable = true),
    MEMBER("ended_at", TIME, "null: not yet", .nullable = true),
    MEMBER("outcome", CHOICE, "what became of it", .choices = OUTCOMES),
    MEMBER("time_to_connect_s", NUMBER, "seconds from the start to its completion", .nullable = true),
    END,
};

static const struct member ACCOUNT_DETAIL[] = {
    MEMBER("account", OBJECT, "how it is now", .of = "Account"),
    MEMBER("attempts", LIST, "to connect it, oldest first; the newest 500", .of = "Attempt"),
    MEMBER("timeline", LIST, "every event about it, oldest first; the newest 500, or as many as have 4 MiB",
           .of = "Event"),
    MEMBER("timeline_next", CURSOR, "`cursor` of the older ones in /api/v1/events; null: these are all",
           .nullable = true),
    END,
};

static const struct member TIME_TO_CONNECT[] = {
    MEMBER("p50", NUMBER,
           "half of them took at most so many seconds; at most 3.2 % off, more than 795 days counting as "
           "795",
           .nullable = true),
    MEMBER("p90", NUMBER, "so with nine of ten", .nullable = true),
    MEMBER("p99", NUMBER, "so with 99 of 100", .nullable = true),
    END,
};

#define FIGURES_MEMBERS                                                                                      \
    MEMBER("started", COUNT, "connections, each attempt once"),                                              \
        MEMBER("completed", COUNT, "of these, the ones that are done"),                                      \
        MEMBER("failed", COUNT, "ended with a failure"),                                                     \
        MEMBER("expired", COUNT, "given up by the platform"),                                                \
        MEMBER("abandoned", COUNT, "not heard of for longer than `abandoned-after`"),                        \
        MEMBER("pending", COUNT, "under way"),                                                               \
        MEMBER("completion_rate", NUMBER, "completed / started; null: nothing was started",                  \
               .nullable = true),                                                                            \
        MEMBER("time_to_connect_s", OBJECT, "of the completed ones", .of = "TimeToConnect")

static const struct member FIGURES[] = {FIGURES_MEMBERS, END};

static const struct member GROUP[] = {
    MEMBER("key", TEXT, "app, or the integration's name; null: not named", .nullable = true),
    FIGURES_MEMBERS,
    END,
};

static const struct member BUCKET[] = {
    MEMBER("t", TIME, "start of the bucket (UTC)"),
    MEMBER("started", COUNT, "connections that were started in it"),
    MEMBER("completed", COUNT, "of these, the ones that are done"),
    MEMBER("abandoned", COUNT, "of these, not heard of again"),
    MEMBER("failed", COUNT, "of these, ended with a failure"),
    END,
};

static const struct member HISTOGRAM_BUCKET[] = {
    MEMBER("le_s", NUMBER,
           "took at most so many seconds, and longer than the bucket before; the one of 68719476.736 s (795 "
           "days) also "
           "has all that took longer"),
    MEMBER("count", COUNT, "so many of the completed ones"),
    END,
};

static const struct member ONBOARDING[] = {
    MEMBER("since", TIME, "widened to whole buckets"),
    MEMBER("until", TIME, "widened to whole buckets; not included"),
    MEMBER("total", OBJECT, "of all groups", .of = "Figures"),
    MEMBER("groups", LIST, "most started first; beyond 1000 the rest is the group other", .of = "Group"),
    MEMBER("series", LIST, "every bucket of the time, oldest first", .of = "Bucket"),
    MEMBER("histogram", LIST, "of the time to connect, without empty buckets", .of = "HistogramBucket"),
    END,
};

static const struct member REFUSED[] = {
    MEMBER("at", TIME, "when"),
    MEMBER("code", TEXT, "of the error"),
    MEMBER("message", TEXT, "what the sender was told"),
    MEMBER("from", TEXT, "address that sent it"),
    MEMBER("bytes", COUNT, "of its body, as far as it arrived"),
    MEMBER("connected_account_id", TEXT, "what it said of itself; unproven", .nullable = true),
    END,
};

static const struct member SIGNATURES[] = {
    MEMBER("checked", FLAG, "are they?"),
    MEMBER("scheme", TEXT, "option `verify`"),
    MEMBER("secrets", COUNT, "how many are set"),
    END,
};

static const struct member JOURNAL[] = {
    MEMBER("first_seq", COUNT, "oldest record; 0: none"),
    MEMBER("last_seq", COUNT, "newest record; 0: none"),
    MEMBER("bytes", COUNT, "size on disk"),
    END,
};

static const struct member TRACKER[] = {
    MEMBER("seq", COUNT, "answers know of records up to this one"),
    MEMBER("lag", COUNT, "records that are newer"),
    END,
};

static const struct member STATUS[] = {
    MEMBER("version", TEXT, "that runs"),
    MEMBER("started_at", TIME, "when it was started"),
    MEMBER("now", TIME, "the server's clock"),
    MEMBER("ready", FLAG, "can a webhook be stored?"),
    MEMBER("not_ready_reason", TEXT, "why not", .nullable = true),
    MEMBER("webhook_path", TEXT, "option `path`"),
    MEMBER("webhook_url", TEXT, "where senders on this machine post"),
    MEMBER("signatures", OBJECT, "how they are checked", .of = "Signatures"),
    MEMBER("retention_s", NUMBER, "seconds that an event is kept; 0: for ever"),
    MEMBER("dedupe_window_s", NUMBER, "seconds that an event's key is known"),
    MEMBER("slow_after_s", NUMBER, "seconds until an unfinished connection is slow"),
    MEMBER("abandoned_after_s", NUMBER, "seconds until it is abandoned"),
    MEMBER("journal", OBJECT, "what is stored", .of = "Journal"),
    MEMBER("tracker", OBJECT, "how far the read model is", .of = "Tracker"),
    MEMBER("accounts", COUNT, "connected accounts; null: not known now", .nullable = true),
    MEMBER("stream_clients", COUNT, "open streams"),
    MEMBER("last_webhook_at", TIME, "when one was stored; null: not since the start", .nullable = true),
    END,
};

static const struct member HEALTH[] = {
    MEMBER("status", CHOICE, "all is well", .choices = HEALTH_WORDS),
    END,
};

static const struct member SUCCESS[] = {
    MEMBER("success", FLAG, "true"),
    END,
};

static const struct member WEBHOOK_ANSWER[] = {
    MEMBER("success", FLAG, "true: it is on disk"),
    MEMBER("duplicate", FLAG, "true: it was already", .optional = true),
    END,
};

static const struct member TEST_EVENT[] = {
    MEMBER("success", FLAG, "true: it is on disk"),
    MEMBER("seq", COUNT, "its number in the journal"),
    MEMBER("id", TEXT, "its `webhook-id`"),
    MEMBER("connected_account_id", TEXT, "the account that it is about"),
    END,
};

static const struct member ERROR_DETAIL[] = {
    MEMBER("code", TEXT, "never changes; see errors.md"),
    MEMBER("message", TEXT, "one sentence: what was wrong and what is allowed"),
    END,
};

static const struct member ERROR[] = {
    MEMBER("success", FLAG, "false"),
    MEMBER("error", OBJECT, "what was wrong", .of = "ErrorDetail"),
    END,
};

static const struct member EVENT_LIST[] = {LIST_OF("Event")};
static const struct member ACCOUNT_LIST[] = {LIST_OF("Account")};
static const struct member REFUSED_LIST[] = {LIST_OF("Refused")};
static const struct member NOTHING_SAID[] = {END};

const struct schema api_schemas[] = {
    {"EventList", EVENT_LIST, "a page of events, newest first"},
    {"Event", EVENT, "an accepted webhook"},
    {"EventDetail", EVENT_DETAIL, "an accepted webhook with its headers"},
    {"AccountList", ACCOUNT_LIST, "a page of connected accounts, newest first"},
    {"Account", ACCOUNT, "a connected account"},
    {"AccountDetail", ACCOUNT_DETAIL, "a connected account with its history"},
    {"Attempt", ATTEMPT, "one try to connect an account"},
    {"Onboarding", ONBOARDING, "how connecting goes"},
    {"Figures", FIGURES, "what became of the connections that were started"},
    {"Group", GROUP, "the same of one app or integration"},
    {"TimeToConnect", TIME_TO_CONNECT, "seconds from start to completion; null: nothing was completed"},
    {"Bucket", BUCKET, "the connections that were started in one minute, hour or day"},
    {"HistogramBucket", HISTOGRAM_BUCKET, "how many took about as long"},
    {"RefusedList", REFUSED_LIST, "a page of refused webhooks, newest first"},
    {"Refused", REFUSED, "a webhook that was not accepted"},
    {"Status", STATUS, "how the server is"},
    {"Signatures", SIGNATURES, "the check of signatures"},
    {"Journal", JOURNAL, "the log of events"},
    {"Tracker", TRACKER, "what makes the read model from the journal"},
    {"Health", HEALTH, "an answer to a probe"},
    {"Success", SUCCESS, "done"},
    {"WebhookAnswer", WEBHOOK_ANSWER, "an accepted webhook's answer"},
    {"TestEvent", TEST_EVENT, "the sample event that was received"},
    {"Error", ERROR, "every answer that is no success"},
    {"ErrorDetail", ERROR_DETAIL, "what was wrong"},
    {"OpenApi", NOTHING_SAID, "an OpenAPI 3.1 document"},
};

const size_t api_schema_count = sizeof api_schemas / sizeof api_schemas[0];

const struct schema *schema_find(const char *name)
{
    for (size_t i = 0; i < api_schema_count; i++)
        if (strcmp(api_schemas[i].name, name) == 0)
            return &api_schemas[i];
    return NULL;
}
