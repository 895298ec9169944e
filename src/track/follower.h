/*
 * follower - takes the read model along the journal, one transaction at a time: for the tracker, which never
 * arrives, and for the rebuild, which does.
 *
 * Thread: the owner's.
 */
#ifndef FAIRLEAD_TRACK_FOLLOWER_H
#define FAIRLEAD_TRACK_FOLLOWER_H

#include <stdatomic.h>

#include "track/read_model.h"

struct follower {
    struct read_model *model;     /* the owner's to open and close */
    struct journal *journal;      /* borrowed */
    const _Atomic bool *stopping; /* true: no further record; may be NULL */
    usec next_trim;               /* 0 at first */
    usec now;                     /* of the step under way */
    usec until;                   /* monotonic: when it takes no further record */
    bool cut;                     /* it did not take all that there were */
    bool damaged;                 /* after a failed step: state.db is, not the journal */
};

/*
 * One transaction: the records that wait, at most FOLLOWER_BATCH and no further one after FOLLOWER_TIME (some
 * cost much, and everybody waits for the commit), the marks that are due, the index entries
 * that are too old. *ret_more: there is more to do at once. On failure nothing has changed, or (when the
 * journal could not be read to the end) only the records before.
 */
#define FOLLOWER_BATCH 32768 /* when it is behind: pages are written once for many records */
#define FOLLOWER_TIME  (500 * USEC_PER_MS)
MUST_CHECK enum rc follower_step(struct follower *follower, bool *ret_more, struct err *err);

#endif
