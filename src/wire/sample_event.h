/*
 * sample_event - webhooks that look like real ones: written from what the caller says (sample_event_write),
 * or with fresh times and random ids (sample_event_make).
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_WIRE_SAMPLE_EVENT_H
#define FAIRLEAD_WIRE_SAMPLE_EVENT_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"

/* make() chooses at random what is NULL; write() needs all that its type has, except where it says so. */
struct sample_event {
    const char *type;    /* connected_account.*, composio.connected_account.*, composio.trigger.message */
    const char *app;     /* "slack" */
    const char *account; /* connected account */
    const char *id;      /* of the event, for composio.* */
    usec at;
    const char *integration_name; /* "slack_worthy_cyan"; also the word_id of an account in composio.* */
    const char *integration_id;
    const char *user;          /* composio.* */
    const char *status_reason; /* composio.connected_account.*; NULL: none */
    usec created_at;           /* of the account, composio.connected_account.*; 0: at */
};

/* Why an unfinished connection expires, and why a finished one does, in the platform's words. */
#define SAMPLE_FLOW_TIMEOUT "Connection initiation did not complete within 10 minutes"
#define SAMPLE_TOKEN_DEATH  "Permanent auth error during token refresh"

/* Is the event of the kind that carries an id of its own (composio.*)? */
bool sample_event_has_id(const char *type);

/* Appends the body. What was appended depends on nothing but the event. */
void sample_event_write(const struct sample_event *event, struct buf *out);

/* Appends `body` in the form in which a request bin captures a webhook. */
void sample_event_envelop(struct slice body, struct buf *out);

/* Appends the body, and for composio.* the event's id. RC_USAGE for a type that it cannot make; RC_INTERNAL
 * without random bytes. */
MUST_CHECK enum rc sample_event_make(const struct sample_event *event, struct buf *ret_body,
                                     struct buf *ret_id, struct err *err);

#define SAMPLE_UUID_BYTES 16

/* Appends a version 4 UUID (RFC 9562) after prefix: of random bytes, or of these. */
MUST_CHECK enum rc sample_event_uuid(const char *prefix, struct buf *out, struct err *err);
void sample_event_uuid_of(const char *prefix, const unsigned char bytes[SAMPLE_UUID_BYTES], struct buf *out);

/* Appends prefix and twelve letters or digits made from the bytes, as the platform's short ids look: ca_… */
#define SAMPLE_SHORT_BYTES 12
void sample_event_short_id_of(const char *prefix, const unsigned char bytes[SAMPLE_SHORT_BYTES],
                              struct buf *out);

#endif
