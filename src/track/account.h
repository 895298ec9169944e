/*
 * account - a connected account as the read model knows it, and its JSON form.
 *
 * Slices belong to whoever filled the account in and say how long they live.
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_TRACK_ACCOUNT_H
#define FAIRLEAD_TRACK_ACCOUNT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/slice.h"

/* number (stored, never reused), text */
#define ACCOUNT_STATUSES(X)                                                                                  \
    X(STATUS_UNKNOWN, 0, NULL) /* no event of its lifecycle has come */                                      \
    X(STATUS_INITIATED, 1, "INITIATED")                                                                      \
    X(STATUS_ACTIVE, 2, "ACTIVE")                                                                            \
    X(STATUS_FAILED, 3, "FAILED")                                                                            \
    X(STATUS_EXPIRED, 4, "EXPIRED")                                                                          \
    X(STATUS_DELETED, 5, "DELETED")

#define STATUS_ENUM_ROW(name, number, text) name = number,
enum account_status { ACCOUNT_STATUSES(STATUS_ENUM_ROW) STATUS_COUNT };
#undef STATUS_ENUM_ROW

/* The text form; NULL for STATUS_UNKNOWN. */
const char *account_status_name(enum account_status status);

/* An unfinished attempt that takes long, judged on the time of its start (wire.md, section 2). */
enum stalled { STALLED_NOT, STALLED_SLOW, STALLED_ABANDONED, STALLED_COUNT };

/* "slow", "abandoned"; NULL for STALLED_NOT. */
const char *stalled_name(enum stalled stalled);

/* No time: the thing has not happened. */
#define TIME_NONE INT64_MIN

struct account {
    uint64_t number; /* in order of first appearance, from 1 */
    struct slice id;
    struct slice app; /* these four are absent when no event has named them */
    struct slice integration_name;
    struct slice integration_id;
    struct slice user_id;
    enum account_status status;
    enum stalled stalled;
    uint64_t attempts;
    usec first_seen_at;   /* when its first event was received */
    usec started_at;      /* of the newest attempt; TIME_NONE */
    usec completed_at;    /* of the newest completion; TIME_NONE */
    usec time_to_connect; /* of the newest attempt that has one; TIME_NONE */
    usec last_event_at;   /* the newest time in an event's body */
    struct slice status_reason;
};

/* Appends the object of interface.md, section 3. */
void account_write_json(const struct account *account, struct buf *out);

/* Appends the members' common forms: a time or null, a string or null, seconds with three digits or null. */
void json_add_time(struct buf *out, usec at);
void json_add_text(struct buf *out, struct slice text);
void json_add_seconds(struct buf *out, usec duration);

#endif
