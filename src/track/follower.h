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

/* How much one transaction takes on: no further record after either. */
struct follower_pace {
    size_t records; /* pages are written once for many records; all of them are held in memory */
    usec time;      /* some records cost much */
};
/* Whoever looks at the read model waits for the commit; nobody does while it is made anew. */
#define FOLLOWER_LIVE    ((struct follower_pace){49152, 500 * USEC_PER_MS})
#define FOLLOWER_REBUILD ((struct follower_pace){131072, 5 * USEC_PER_SEC})

struct follower {
    struct read_model *model;     /* the owner's to open and close */
    struct journal *journal;      /* borrowed */
    const _Atomic bool *stopping; /* true: no further record; may be NULL */
    struct follower_pace pace;
    usec next_trim; /* 0 at first */
    usec now;       /* of the step under way */
    usec until;     /* monotonic: when it takes no further record */
    bool cut;       /* it did not take all that there were */
    bool damaged;   /* after a failed step: state.db is, not the journal */
};

/*
 * One transaction: the records that wait, as many as the pace allows, the marks that are due, the index
 * entries that are too old. *ret_more: there is more to do at once. On failure nothing has changed, or (when
 * the journal could not be read to the end) only the records before.
 */
MUST_CHECK enum rc follower_step(struct follower *follower, bool *ret_more, struct err *err);

#endif
