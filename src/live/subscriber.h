/*
 * subscriber - the inside of struct feed and its subscribers, for feed.c and history.c only.
 *
 * Thread: a subscriber belongs to the loop, and while it is SUBSCRIBER_CATCHING_UP its history, after and
 * failed belong to whoever runs feed_catch_up().
 */
#ifndef FAIRLEAD_LIVE_SUBSCRIBER_H
#define FAIRLEAD_LIVE_SUBSCRIBER_H

#include <pthread.h>

#include "live/batch.h"
#include "live/feed.h"
#include "live/ring.h"

/* Idle subscribers are found by the most particular key of their filters; the last list is of those without.
 */
#define FEED_BUCKETS 1024

enum subscriber_state {
    SUBSCRIBER_IDLE,    /* has read everything; in a bucket */
    SUBSCRIBER_READY,   /* has something to read; waits for its round */
    SUBSCRIBER_READING, /* was woken */
    SUBSCRIBER_CATCHING_UP,
    SUBSCRIBER_CLOSED,
};

struct subscribers {
    struct feed_subscriber *first;
    struct feed_subscriber *last;
};

struct feed_subscriber {
    struct feed *feed;
    const struct feed_calls *calls;
    void *arg;
    struct message_keys filter; /* slices of filter_text */
    struct buf filter_text;
    enum subscriber_state state;
    struct subscribers *list; /* in which it is; NULL: none */
    struct feed_subscriber *prev;
    struct feed_subscriber *next;
    bool joined;     /* reads from the ring */
    bool from_now;   /* began without a position */
    bool failed;     /* the journal could not be read */
    uint64_t after;  /* events up to here are not for it any more */
    uint64_t number; /* joined: of the next message in the ring */
    size_t offset;   /* how much of that message it has */
    size_t served;   /* bytes in this round */
    struct buf history;
    size_t history_offset;
};

struct feed {
    struct feed_options options;
    _Atomic size_t count; /* of subscribers */

    struct batch batch; /* tracker */
    bool begun;         /* tracker: it has committed */

    pthread_mutex_t mutex;
    struct ring ring;   /* mutex */
    uint64_t published; /* mutex: everything up to here was published, if anybody listened */

    /* loop */
    struct subscribers idle[FEED_BUCKETS + 1];
    struct subscribers ready;
    struct subscribers reading;
    uint64_t scanned; /* idle subscribers have been told of what is in the ring up to before here */
    uint64_t scanned_seq;
    usec round_at;
    usec next_round;
    usec round_took;
    double late_woken; /* in the last rounds, each counting less than the next; so with what they took */
    double late_took;
    double waiting; /* webhooks, on the average lately */
    size_t woken;
    bool more; /* the last round left something to scan */
    bool in_round;
};

#endif
