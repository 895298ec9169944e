/*
 * sample_event - webhooks that look like real ones, with fresh times and random ids, for `send`.
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_CLI_SAMPLE_EVENT_H
#define FAIRLEAD_CLI_SAMPLE_EVENT_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"

struct sample_event {
    const char *type;    /* connected_account.* or composio.connected_account.* */
    const char *app;     /* NULL: one at random */
    const char *account; /* NULL: one at random */
    const char *id;      /* of the event, for composio.*; NULL: one at random */
    usec at;
};

/* Is the event of the kind that carries an id of its own (composio.*)? */
bool sample_event_has_id(const char *type);

/* Appends the body, and for composio.* the event's id. RC_USAGE for a type that it cannot make; RC_INTERNAL
 * without random bytes. */
MUST_CHECK enum rc sample_event_make(const struct sample_event *event, struct buf *ret_body,
                                     struct buf *ret_id, struct err *err);

/* Appends a random version 4 UUID (RFC 9562) after prefix. */
MUST_CHECK enum rc sample_event_uuid(const char *prefix, struct buf *out, struct err *err);

#endif
