/*
 * payload - what a webhook's body says: its shape, and the few fields that every shape has in some form.
 *
 * Shapes are one table (PAYLOAD_SHAPES), tried in its order, as the platform's shapes are told apart: an
 * envelope is unwrapped first, and what nothing recognises is `other`. Adding a shape is one row and one
 * function in payload.c.
 *
 * Fields are slices into the tree: they live as long as the tree, and are absent when the body lacks them or
 * has something other than a string there (never an error).
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_WIRE_PAYLOAD_H
#define FAIRLEAD_WIRE_PAYLOAD_H

#include <stdbool.h>

#include "base/clock.h"
#include "wire/json.h"

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
    enum shape shape;
    bool enveloped;     /* the shape was found inside event.body (admin_envelope) */
    const json_t *body; /* borrowed: the object that has the shape, inside the envelope if there is one */
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

/* Recognises the shape of an object. `tree` must be an object and outlive the payload. Never fails. */
void payload_read(const json_t *tree, struct payload *ret);

#endif
