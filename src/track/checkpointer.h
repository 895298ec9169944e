/*
 * checkpointer - copies the log of state.db into the file, on a thread of its own.
 *
 * A checkpoint waits for the disk a few times. Done here, it is not waited for by what the tracker has to
 * tell next; a log that grows faster than it is copied is left to the writer (track/read_model.c).
 *
 * Thread: start and stop are the owner's, ask is for any thread.   Owner: the caller.
 */
#ifndef FAIRLEAD_TRACK_CHECKPOINTER_H
#define FAIRLEAD_TRACK_CHECKPOINTER_H

#include "journal/sqlite_conn.h"

struct checkpointer;

/* `site` is borrowed: it outlives the checkpointer. RC_NO_MEMORY also when there can be no thread. */
MUST_CHECK enum rc checkpointer_start(const struct sqlite_site *site, struct checkpointer **ret,
                                      struct err *err);
/* Waits for a checkpoint under way. NULL: nothing. */
void checkpointer_stop(struct checkpointer *checkpointer);

/*
 * One more is wanted; at once, or when the one under way is done. SQLite's PASSIVE: it waits for no reader
 * and no writer and copies what it can. A failure harms nothing, the log stays and the next one tries again.
 */
void checkpointer_ask(struct checkpointer *checkpointer);

#endif
