/*
 * payload - what a webhook's body says: its shape, and the few fields that every shape has in some form.
 *
 * Shapes are one table (PAYLOAD_SHAPES), tried in its order, as the platform's shapes are told apart: an
 * envelope is unwrapped first, and what nothing recognises is `other`. Adding a shape is one row and one
 * function in payload.c.
 *
 * Fields are absent when the body lacks them or has something other than a string there (never an error).
 * They are slices of the body or of the payload's index: they live as long as the body, until the payload is
 * read anew or cleaned up. Whoever reads many bodies keeps one payload, which uses its memory again.
 *
 * Thread: any; one holder at a time.   Owner: the caller; a zeroed one may be read or cleaned up.
 */
#ifndef FAIRLEAD_WIRE_PAYLOAD_H
#define FAIRLEAD_WIRE_PAYLOAD_H

#include <stdbool.h>

#include "base/clock.h"
#include "wire/json_index.h"

/* name, text form, what it is */
#define PAYLOAD_SHAPES(X)                                                                                    \
    X(SHAPE_ADMIN, "admin", "an admin webhook: connected_account.*")                                         \
    X(SHAPE_V3, "v3", "version 3: composio.*")                                                               \
    X(SHAPE_V2, "v2", "version 2 trigger message")                                                           \
    X(SHAPE_V1, "v1", "version 1 trigger message")                                                           \
    X(SHAPE_OTHER, "other", "any other JSON object")

#define SHAPE_ENUM_ROW(name, text, help) name,
enum shape { PAYLOAD_SHAPES(SHAPE_ENUM_ROW) SHAPE_COUNT };
#undef SHAPE_ENUM_ROW

struct payload {
    struct json_index index;
    const struct json_node *body; /* the object that has the shape; NULL: what was read is no JSON object */
    enum shape shape;
    bool enveloped; /* the shape was found inside event.body (admin_envelope) */
    struct slice type;
    struct slice event_id; /* body id of v3 */
    bool has_occurred_at;
    usec occurred_at; /* from the body's `timestamp`, when it is RFC 3339 */
    struct slice app;
    struct slice integration_name;
    struct slice integration_id;
    struct slice connected_account_id;
    struct slice user_id;
    struct slice status; /* of a v3 account */
    struct slice status_reason;
    struct slice trigger_id;
};

/* The text form of a shape as shown to users: "admin_envelope" when enveloped and recognised. Static storage.
 */
const char *payload_shape_name(const struct payload *payload);

/*
 * Reads a body, which may be anything. RC_INVALID_JSON, RC_NOT_AN_OBJECT, RC_NO_MEMORY: every field is then
 * absent, `body` NULL and the shape `other`, so that who does not ask why needs no look at the result.
 */
enum rc payload_read(struct payload *payload, struct slice body);
void payload_cleanup(struct payload *payload);

#endif
