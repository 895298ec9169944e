/*
 * checkpointer - copies the log of state.db into the file, mostly on a thread of its own.
 *
 * A checkpoint waits for the disk a few times. Done here, it is not waited for by what the tracker has to
 * tell next. It is SQLite's PASSIVE: it waits for no reader and no writer and copies what it can. A failure
 * harms nothing, the log stays and the next one tries again.
 *
 * Nobody else makes checkpoints meanwhile, and this one at a time, and none of a log that is copied already:
 * the writer may begin such a log anew at that very moment, and SQLite before 3.51.3 can then take the new
 * one for copied too, and lose what is in it (sqlite.org/wal.html#walresetbug). A log of which something
 * is not copied yet is never begun anew.
 *
 * Thread: that of the file's one writer, which is the owner.
 */
#ifndef FAIRLEAD_TRACK_CHECKPOINTER_H
#define FAIRLEAD_TRACK_CHECKPOINTER_H

#include <stddef.h>

#include "journal/sqlite_conn.h"

/* The disk is busy for about as long as so much takes to be written, and receiving waits for the disk too. */
#define CHECKPOINTER_PAGES 200
/* A log that grows faster than it is copied: now its writer waits. */
#define CHECKPOINTER_LONG 2000

struct checkpointer;

/* `site` is borrowed: it outlives the checkpointer. RC_NO_MEMORY also when there can be no thread. */
MUST_CHECK enum rc checkpointer_start(const struct sqlite_site *site, struct checkpointer **ret,
                                      struct err *err);
/* Waits for a checkpoint under way. NULL: nothing. */
void checkpointer_stop(struct checkpointer *checkpointer);

/*
 * After each commit: the log has so many pages (sqlite3_wal_hook()). From CHECKPOINTER_PAGES on they are
 * copied soon, from CHECKPOINTER_LONG on before this returns.
 */
void checkpointer_see(struct checkpointer *checkpointer, size_t pages);

#endif
