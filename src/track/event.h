/*
 * event - an accepted webhook as users see it: the JSON object of interface.md, section 3.
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_TRACK_EVENT_H
#define FAIRLEAD_TRACK_EVENT_H

#include <stdbool.h>

#include "base/buf.h"
#include "journal/journal.h"
#include "wire/payload.h"

#define EVENT_MAX_TEXT 500 /* bytes of a text that is tracked and found */

struct event_view {
    bool reveal;         /* credentials inside the payload are shown */
    bool headers;        /* with "headers" and "from" */
    uint64_t duplicates; /* how often it came again */
};

/*
 * Appends the object. `payload` is of record's body (payload_read()); one that did not parse (it always did
 * when it was accepted) is shown as null. NULL: nothing of the body is shown.
 */
void event_write_json(const struct record *record, const struct payload *payload,
                      const struct event_view *view, struct buf *out);

/* The time at which it happened: the body's own, or that of receipt when the body has none or one that is
 * more than a day ahead of receipt. */
usec event_occurred_at(const struct record *record, const struct payload *payload);

/* Appends the status reason as everybody sees it: without credentials (redact_text()), and cut. */
void event_add_reason(const struct payload *payload, struct buf *out);

/* Appends the texts that the event is found by (text_index_add_text()), each cut at EVENT_MAX_TEXT. */
void event_add_texts(const struct record *record, const struct payload *payload, struct buf *out);

#endif
