/*
 * batch - the messages of one transaction of the tracker, until it is committed.
 *
 * Bounded: when it holds too much, or memory runs out, what it has is dropped; whoever reads the feed then
 * finds those records in the journal.
 *
 * Thread: the tracker's.   Owner: struct feed.
 */
#ifndef FAIRLEAD_LIVE_BATCH_H
#define FAIRLEAD_LIVE_BATCH_H

#include "live/message.h"

struct batch_entry;

struct batch {
    size_t max_bytes;
    struct buf bytes; /* texts, each followed by its keys */
    struct batch_entry *entries;
    size_t count;
    size_t capacity;
    bool hole; /* messages are missing before the first one */
    bool hole_ends;
    uint64_t hole_seq; /* hole_ends: of the last record that is missing */
    uint64_t last_seq; /* of the last record of which a message was added; 0: none */
};

/* The text of the next message is appended to batch->bytes; nothing appended: there is none. seq 0: of no
 * record; others must not fall. */
void batch_add(struct batch *batch, enum message_kind kind, uint64_t seq, const struct message_keys *keys);

/* The type of `seq`'s event is known: its account's messages have it too. */
void batch_set_type(struct batch *batch, uint64_t seq, struct slice type);

/* A record passed of which there is no message. */
void batch_skip(struct batch *batch);

/* index below count */
void batch_get(const struct batch *batch, size_t index, struct message *ret);

/* Forgets messages and the hole; keeps memory. */
void batch_clear(struct batch *batch);
void batch_cleanup(struct batch *batch);

#endif
