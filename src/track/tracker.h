/*
 * tracker - follows the journal and keeps the read model (state.db) true: accounts, attempts, roll-ups, the
 * index of events.
 *
 * state.db is a function of the journal, the options below and the clock: it says up to which record it is
 * true in the same transaction. Whatever the order in which events arrived, the result is that of the order
 * of their own times. When it is missing, of another version, or made with other options, it is made anew
 * from the journal.
 *
 * Slow and abandoned are judged by deadline: the thread sleeps until a record comes or the next one is due.
 *
 * Thread: start and stop by main; its own thread (of low priority, so that receiving goes first) does the
 * rest and is the only one that writes state.db.
 */
#ifndef FAIRLEAD_TRACK_TRACKER_H
#define FAIRLEAD_TRACK_TRACKER_H

#include "base/clock.h"
#include "base/error.h"
#include "journal/journal.h"
#include "track/account.h"
#include "wire/payload.h"

/*
 * Who wants to hear of what the tracker sees (live/feed.h). All of it is called on the tracker's thread, for
 * the records of one transaction between two on_commit() or on_rollback() calls. An account's message comes
 * before the event that changed it. What is passed lives until the call returns.
 */
struct tracker_listener {
    void *arg;
    /* Is anybody listening? When not, on_account and on_event are not called for this record. */
    bool (*wanted)(void *arg);
    /* record NULL: the clock changed it (slow, abandoned). */
    void (*on_account)(void *arg, const struct record *record, const struct account *account);
    /* payload->body NULL: the body does not parse. account NULL: the event is about none. */
    void (*on_event)(void *arg, const struct record *record, const struct payload *payload,
                     const struct account *account);
    /* The read model shows everything up to last_seq; what was passed since the last call may be shown. */
    void (*on_commit)(void *arg, uint64_t last_seq);
    void (*on_rollback)(void *arg); /* forget it: it will be passed again */
};

static inline bool tracker_is_heard(const struct tracker_listener *listener)
{
    return listener->wanted && listener->wanted(listener->arg);
}

struct tracker_options {
    struct journal *journal; /* borrowed */
    const char *directory;   /* of state.db */
    usec slow_after;
    usec abandoned_after;
    struct tracker_listener listener; /* functions NULL: nobody */
};

struct tracker;

/* Opens or makes state.db and starts the thread. RC_STORAGE_UNAVAILABLE, RC_NO_MEMORY. */
MUST_CHECK enum rc tracker_start(const struct tracker_options *options, struct tracker **ret,
                                 struct err *err);
void tracker_stop(struct tracker *tracker);

/*
 * Somebody (struct tracker *, for questions_watch()) met damage in state.db: the tracker looks at the whole
 * file, once a minute at most, and makes it anew if it is so. Any thread; blocks nobody.
 */
void tracker_doubt(void *tracker);

/* Up to which record the read model is true. Any thread. */
uint64_t tracker_position(const struct tracker *tracker);

/* How long the thread has been at its present transaction; 0: it waits. Any thread. */
usec tracker_busy(const struct tracker *tracker);

#endif
