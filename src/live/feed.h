/*
 * feed - live fan-out of changes to subscribers.
 *
 * Every change is rendered once, on the tracker's thread and only while somebody subscribes, and published
 * into one ring that all subscribers read from at their own pace (live/ring.h). A subscriber whose next
 * message has left the ring is closed and resumes from its last id; one that begins before the ring gets its
 * history from the journal first, piece by piece, on another thread. A slow reader costs its struct and, in
 * between, one piece of history.
 *
 * Invariant: events reach a subscriber in journal order, each at most once, none left out that its filter
 * allows and the journal still has. An account comes before the event that changed it; after history the last
 * message about an account shows it as it is now. (Turning slow or abandoned is no event: who was away does
 * not hear of it afterwards.)
 *
 * Fairness: what is new does not wake everybody at once. Finding out who wants it costs about 0.1 us a
 * message; waking is done in rounds. They begin at least FEED_ROUND_GAP apart and wake as many subscribers as
 * take about FEED_ROUND_TIME. A round delays every webhook that waits for its answer. The next one begins as
 * much later as the last one took; when more than FEED_ROUND_WAITING of them wait (on the average lately),
 * as many times as much as is the square of how often they are that number, at most FEED_ROUND_WEIGHT times
 * and FEED_ROUND_MAX: few wait for the disk only, many for the loop too. So fan-out gets half of the loop
 * when little is received, and a fortieth when receiving is as busy as can be. One subscriber gets at most
 * FEED_QUANTUM bytes in a round. Latency: with n subscribers that each take c of the loop, the last one
 * is woken about 2 * n * c after a message was published when little is received, the only one at once; c is
 * about 20 us for few events.
 *
 * Threads: the tracker calls the listener; feed_catch_up() runs on any thread that may block; all else is for
 * the loop, which never waits for another thread's work here.   Owner: main; outlives tracker and server.
 */
#ifndef FAIRLEAD_LIVE_FEED_H
#define FAIRLEAD_LIVE_FEED_H

#include "base/error.h"
#include "journal/journal.h"
#include "track/tracker.h"

#define FEED_ROUND_GAP     (4 * USEC_PER_MS)
#define FEED_ROUND_TIME    (4 * USEC_PER_MS)
#define FEED_ROUND_WAITING 32
#define FEED_ROUND_WEIGHT  40
#define FEED_ROUND_MAX     USEC_PER_SEC
#define FEED_QUANTUM       ((size_t)64 * 1024)

#define FEED_RING_BYTES    ((size_t)8 * 1024 * 1024)
#define FEED_RING_MESSAGES ((size_t)32 * 1024)

/* History is fetched in pieces of about this size; one large event with its account may make it 400 KiB. */
#define FEED_PIECE_BYTES ((size_t)64 * 1024)

struct feed_options {
    struct journal *journal; /* borrowed */
    /* There is a reason to call feed_fan_out(). The tracker's thread, or the loop. May be NULL. */
    void (*on_published)(void *arg);
    /* Appends the JSON of an account as it is now; nothing when there is none. Called from feed_catch_up().
     * NULL: history has no accounts. */
    void (*account_lookup)(void *arg, struct slice id, struct buf *out);
    /* Appends the app of an event that names none itself, as the read model has it (that of its account when
     * it came); nothing when there is none. false: it cannot be said now, and the subscriber is closed.
     * Called from feed_catch_up(), of subscribers that choose by app. NULL: such events have no app. */
    bool (*app_lookup)(void *arg, uint64_t seq, struct buf *out);
    void *arg;
    size_t ring_bytes;    /* 0: FEED_RING_BYTES */
    size_t ring_messages; /* 0: FEED_RING_MESSAGES */
};

/* Absent: any. At most MESSAGE_KEY_MAX bytes each. An event that names no app has its account's, as in the
 * read model. */
struct feed_filter {
    struct slice type;
    struct slice app;
    struct slice connected_account_id;
};

/* What feed_fan_out() tells a subscriber's reader. Neither calls back into the feed. */
struct feed_calls {
    void (*wake)(void *arg);  /* feed_read() has something */
    void (*abort)(void *arg); /* it is too slow: feed_read() will say FEED_CLOSED, if it ever gets to read */
};

struct feed;
struct feed_subscriber;

MUST_CHECK enum rc feed_new(const struct feed_options *options, struct feed **ret, struct err *err);
/* Without subscribers, after the tracker has stopped. */
void feed_free(struct feed *feed);

struct tracker_listener feed_listener(struct feed *feed);

/* Up to where the read model is true, as tracker_position() says: once, after the tracker has started and
 * before anybody subscribes. */
void feed_set_position(struct feed *feed, uint64_t seq);

#define FEED_NOW UINT64_MAX

/*
 * From now on, or after a record: everything with seq > after_seq that the filter allows. A number that no
 * record has yet is of another journal, and taken as FEED_NOW. `calls` is static, filter is copied. The
 * subscriber is the caller's until feed_unsubscribe(). RC_NO_MEMORY, RC_BAD_PARAMETER (a filter too long).
 */
MUST_CHECK enum rc feed_subscribe(struct feed *feed, const struct feed_filter *filter, uint64_t after_seq,
                                  const struct feed_calls *calls, void *arg, struct feed_subscriber **ret,
                                  struct err *err);
/* Not while a feed_catch_up() is under way. */
void feed_unsubscribe(struct feed_subscriber *subscriber);

#define FEED_NOTHING  0L
#define FEED_CLOSED   (-1L)
#define FEED_CATCH_UP (-2L)

/*
 * Copies as much as there is and fits; returns how many bytes, or
 *   FEED_NOTHING   wait for wake()
 *   FEED_CLOSED    too slow, or the journal cannot be read: the client has to begin anew
 *   FEED_CATCH_UP  have feed_catch_up() called, then feed_catch_up_done(), then read again; FEED_NOTHING
 * until then.
 */
long feed_read(struct feed_subscriber *subscriber, char *out, size_t max);

/* Blocks: reads a piece of the journal. */
void feed_catch_up(struct feed_subscriber *subscriber);
void feed_catch_up_done(struct feed_subscriber *subscriber);

/*
 * A round, unless it is too early: wakes who has something to read. To be called after on_published(), and
 * when the time has come that it returns (monotonic; 0: not before the next on_published()).
 */
usec feed_fan_out(struct feed *feed, usec now);

/* Subscribers have taken so much of the loop's time while so many webhooks were waiting; several times until
 * everybody woken was served. Returns when feed_fan_out() wants to be called next, as it did itself. */
usec feed_round_took(struct feed *feed, usec took, size_t waiting);

#endif
