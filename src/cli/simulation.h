/*
 * simulation - many users who connect their accounts, made up from a seed: the webhooks that this causes, in
 * the order in which they arrive.
 *
 * Users come one after another; each connects one to three apps. A connection starts, and then completes,
 * fails, or is left alone; who left or waited long may start again. Connected accounts send messages, lose
 * their tokens, or are deleted. Deliveries take their time, come twice, or so late that others pass them; a
 * sender's clock may be off.
 *
 * Everything depends on the options alone: ids on the seed, times on seed and begin. What has not happened
 * yet waits in a heap whose size goes with the users who are under way, not with the length of the history.
 *
 * Thread: any; one holder at a time.
 */
#ifndef FAIRLEAD_CLI_SIMULATION_H
#define FAIRLEAD_CLI_SIMULATION_H

#include "base/buf.h"
#include "base/clock.h"

#define SIMULATION_APPS 8
/* After the last user came the history goes on for this long. */
#define SIMULATION_TAIL (20 * USEC_MINUTE)

/* Percentages are whole, 0 to 100. */
struct simulation_options {
    uint64_t seed;
    uint64_t users;    /* 0: without end */
    int64_t apps;      /* 1 to SIMULATION_APPS */
    usec begin;        /* when the first user comes */
    usec interval;     /* between two users, on average; by day more come than by night */
    int64_t drop_outs; /* of the connections, how many never complete; -1: as many as is usual for each app */
    int64_t failures;  /* end in failure */
    int64_t retries; /* of those who dropped out, failed or waited for over a minute: how many start again */
    int64_t expiry;  /* of completed connections, how many lose their tokens */
    int64_t duplicates; /* webhooks that come twice */
    int64_t reorder;    /* webhooks that come late, up to minutes */
    int64_t clock_skew; /* webhooks whose own timestamp is off, up to five seconds */
    int64_t envelopes;  /* admin webhooks that come as a request bin captured them */
};

/* A webhook; slices live until the next call. */
struct simulated {
    usec arrives;
    usec occurred_at; /* the body's timestamp */
    const char *type; /* static; equal types have equal pointers */
    struct slice body;
    struct slice id; /* of the event: msg_… */
    bool platform;   /* the webhook carries its id (composio.*) */
    bool duplicate;  /* a second delivery of one that was delivered before or is still on its way */
    int attempt;     /* of the delivery, from 1 */
};

/* When to begin so that the last user comes at about `end`; at most SIMULATION_LONGEST earlier. */
#define SIMULATION_LONGEST (3660 * USEC_DAY)
usec simulation_begin(usec end, uint64_t users, usec interval);

struct simulation;

/* NULL when memory ran out. */
struct simulation *simulation_new(const struct simulation_options *options);
void simulation_free(struct simulation *simulation);

/* The next webhook; false at the end, or when memory ran out (simulation_failed()). */
bool simulation_next(struct simulation *simulation, struct simulated *ret);
bool simulation_failed(const struct simulation *simulation);

/* How many happenings wait. */
size_t simulation_pending(const struct simulation *simulation);

#endif
