/*
 * heads - which request heads were stored lately, so that a repeated one is stored once.
 *
 * Most senders send the same headers with every event. A head that comes a second time is stored beside the
 * records, under the number of the record that brought it, and the records from then on refer to it: a
 * quarter less to write. A head that comes once, like any with a signature in it, stays with its record.
 *
 * Invariant: a stored head is referred to by no record HEADS_SPAN or more after it, so that retention may
 * remove it when all up to there are gone.
 *
 * Thread: the engine's writing thread.   Owner: the engine; embedded in it.
 */
#ifndef FAIRLEAD_JOURNAL_HEADS_H
#define FAIRLEAD_JOURNAL_HEADS_H

#include <stdint.h>

#include "base/slice.h"

#define HEADS_SPAN    100000 /* records */
#define HEADS_SLOTS   64
#define HEADS_MAX_LEN 512 /* longer ones are rare and stay with their records */
#define HEADS_MIN_LEN 16  /* shorter ones are not worth it */

struct heads {
    struct heads_slot {
        uint64_t hash;
        uint64_t id; /* 0: seen, not stored */
        size_t len;  /* 0: free */
        char text[HEADS_MAX_LEN];
    } slots[HEADS_SLOTS];
};

enum heads_use {
    HEADS_INLINE, /* keep the text with the record */
    HEADS_STORE,  /* store the text under *ret_id now and refer to it */
    HEADS_REFER,  /* it is stored under *ret_id */
};

/* What to do with the head of the record `seq`. */
enum heads_use heads_see(struct heads *heads, struct slice head, uint64_t seq, uint64_t *ret_id);

/* After a transaction that did not come through: nothing that it stored is there. */
void heads_forget(struct heads *heads);

#endif
