/*
 * time_blocks - in which time the events of TIME_BLOCK record numbers in a row were received.
 *
 * Times of receipt mostly rise with record numbers, but not always: events are imported, clocks are set. What
 * is known of a block lets a question pass over it without looking at its rows.
 *
 * Invariant: no event of a known block was received outside of its time. Only blocks that are complete are
 * kept: no event is ever added to them, and what retention takes away changes nothing.
 *
 * Thread: any.   Owner: struct questions; embedded in it.
 */
#ifndef FAIRLEAD_TRACK_TIME_BLOCKS_H
#define FAIRLEAD_TRACK_TIME_BLOCKS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "track/account.h"

/* Block n has the record numbers n * TIME_BLOCK to (n + 1) * TIME_BLOCK - 1. */
#define TIME_BLOCK 4096

struct time_block {
    bool known;
    usec oldest; /* later than newest: there is no event */
    usec newest;
};

struct time_blocks {
    pthread_mutex_t mutex; /* guards the rest */
    struct time_block *items;
    size_t count;
};

void time_blocks_init(struct time_blocks *blocks);
void time_blocks_cleanup(struct time_blocks *blocks);

/* false: not known. */
bool time_blocks_find(struct time_blocks *blocks, uint64_t number, struct time_block *ret);
/* Remembers a block as known, or does not when memory runs out. */
void time_blocks_keep(struct time_blocks *blocks, uint64_t number, const struct time_block *block);

/* May it hold an event that was received at or after `since` and before `until`? TIME_NONE: any time. */
static inline bool time_block_meets(const struct time_block *block, usec since, usec until)
{
    return block->oldest <= block->newest && (since == TIME_NONE || block->newest >= since) &&
           (until == TIME_NONE || block->oldest < until);
}

#endif
