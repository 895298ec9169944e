/*
 * ring - the newest messages of the feed, one copy for all subscribers, bounded in bytes and in number.
 *
 * Messages have numbers that grow by one; the oldest make room for new ones. Their seq never falls.
 *
 * Invariant: every message of a record with seq > floor that was pushed since the last ring_reset() is there.
 * Thread: whoever holds the feed's lock.   Owner: struct feed.
 */
#ifndef FAIRLEAD_LIVE_RING_H
#define FAIRLEAD_LIVE_RING_H

#include "base/error.h"
#include "live/message.h"

/* A ring holds four messages of the largest size. */
#define RING_MIN_BYTES (4 * (MESSAGE_MAX + KEY_COUNT * MESSAGE_KEY_MAX))

struct ring_entry;

struct ring {
    uint64_t oldest; /* numbers from here */
    uint64_t end;    /* up to before here */
    uint64_t hole;   /* who stands before this number has missed messages that never were in the ring */
    uint64_t floor;
    uint64_t last_seq;
    size_t bytes; /* of texts and keys */
    size_t count; /* of entries */
    size_t head;  /* where the next text goes */
    char *text;
    struct ring_entry *entries;
};

/* bytes: RING_MIN_BYTES to 4 GiB. Memory is touched only as far as it is used. RC_NO_MEMORY. */
MUST_CHECK enum rc ring_init(struct ring *ring, size_t bytes, size_t count, struct err *err);
void ring_cleanup(struct ring *ring);

/* A message that is no larger than message.h says. */
void ring_push(struct ring *ring, const struct message *message);

/* Empties it: nothing up to `floor` is in it, and whoever reads it is behind. */
void ring_reset(struct ring *ring, uint64_t floor);

/* number in oldest..end-1; valid until the next push. */
void ring_get(const struct ring *ring, uint64_t number, struct message *ret);

/* The number of the first message with at least this seq; end when there is none. */
uint64_t ring_find(const struct ring *ring, uint64_t seq);

#endif
