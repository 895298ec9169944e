/*
 * lifecycle - what the events of one connected account add up to: its status and its attempts to connect.
 *
 * Pure: steps in, state out, in the order of their own times (wire.md, section 2). The rules:
 *   a start opens an attempt; one that is open then stays pending until it is abandoned
 *   a completion completes the newest attempt, also a failed, expired or abandoned one; without any that is
 *   not completed it is, unless the account is active, an attempt of its own whose start nobody saw
 *   a failure or an expiry ends the newest attempt if that is pending or abandoned, and changes the status
 *   a deletion changes the status; one that failed changes nothing, as the account is still what it was
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_TRACK_LIFECYCLE_H
#define FAIRLEAD_TRACK_LIFECYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/slice.h"
#include "track/account.h"

/*
 * The kinds of steps, in the order in which two of the same time count; a stored number. name, number, types
 * that mean it ('*' stands for anything), status that follows
 */
#define STEP_KINDS(X)                                                                                        \
    X(STEP_START, 0, "connected_account.add.start", STATUS_INITIATED)                                        \
    X(STEP_COMPLETED, 1, "connected_account.add.completed composio.connected_account.activated",             \
      STATUS_ACTIVE)                                                                                         \
    X(STEP_FAILED, 2,                                                                                        \
      "connected_account.*.failed connected_account.failed composio.connected_account.failed",               \
      STATUS_FAILED)                                                                                         \
    X(STEP_EXPIRED, 3, "composio.connected_account.expired connected_account.expired", STATUS_EXPIRED)       \
    X(STEP_DELETED, 4,                                                                                       \
      "connected_account.delete* connected_account.*.deleted composio.connected_account.deleted",            \
      STATUS_DELETED)

#define STEP_ENUM_ROW(name, number, types, status) name = number,
enum step_kind { STEP_KINDS(STEP_ENUM_ROW) STEP_COUNT };
#undef STEP_ENUM_ROW

/* Types that STEP_KINDS would take and that are none. Two rows of wire.md fit a failed deletion and
 * contradict each other; the account is neither failed nor deleted. */
#define STEP_EXCEPTIONS "connected_account.delet*failed"

/* The step that an event of this type is; false: none. */
bool step_kind_of(struct slice type, enum step_kind *ret) __attribute__((warn_unused_result));

struct step {
    usec at;
    enum step_kind kind;
};

/* How an attempt stands; stored numbers. name, number, text */
#define OUTCOMES(X)                                                                                          \
    X(OUTCOME_PENDING, 0, "pending")                                                                         \
    X(OUTCOME_COMPLETED, 1, "completed")                                                                     \
    X(OUTCOME_FAILED, 2, "failed")                                                                           \
    X(OUTCOME_EXPIRED, 3, "expired")                                                                         \
    X(OUTCOME_ABANDONED, 4, "abandoned")

#define OUTCOME_ENUM_ROW(name, number, text) name = number,
enum outcome { OUTCOMES(OUTCOME_ENUM_ROW) OUTCOME_COUNT };
#undef OUTCOME_ENUM_ROW

const char *outcome_name(enum outcome outcome);

struct attempt {
    struct step opened_by; /* its start, or the completion whose start nobody saw */
    enum outcome outcome;
    usec ended_at; /* TIME_NONE while pending or abandoned */
};

/* From the start to the completion; TIME_NONE when it is not completed or its start was not seen. */
usec attempt_time_to_connect(const struct attempt *attempt);

struct lifecycle {
    enum account_status status;
    uint64_t attempts;
    bool has_attempt;
    struct attempt attempt; /* the newest */
    usec started_at;        /* TIME_NONE: none; so with the next two */
    usec completed_at;
    usec time_to_connect;
};

void lifecycle_init(struct lifecycle *lifecycle);

enum lifecycle_effect {
    LIFECYCLE_SAME,   /* no attempt changed */
    LIFECYCLE_OPENED, /* lifecycle->attempt is a new one */
    LIFECYCLE_ENDED,  /* lifecycle->attempt has another outcome */
};

/* The next step in order of (at, kind). */
enum lifecycle_effect lifecycle_apply(struct lifecycle *lifecycle, const struct step *step);

/* When attempts count as slow and as abandoned. */
struct patience {
    usec slow_after;
    usec abandoned_after;
};

/* Pending becomes abandoned when its time has come by `now`; returns when to judge again, TIME_NONE: never.
 */
usec attempt_judge(struct attempt *attempt, const struct patience *patience, usec now);

/* What the account's mark is at `now`, its attempt judged. */
enum stalled lifecycle_stalled(const struct lifecycle *lifecycle, const struct patience *patience, usec now);

#endif
