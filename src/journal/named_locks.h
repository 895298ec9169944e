/*
 * named_locks - the locks by name that this process holds among all that share a data directory.
 *
 * Each is a lock_file of its own, "lock-<name>", so that it is lost when the process dies.
 *
 * Thread: one at a time.   Owner: the engine; embedded in it, zeroed at first.
 */
#ifndef FAIRLEAD_JOURNAL_NAMED_LOCKS_H
#define FAIRLEAD_JOURNAL_NAMED_LOCKS_H

#include "base/error.h"

struct named_locks {
    struct named_lock *first;
};

/* As journal_lock(); a lock that is held already is fine. RC_BAD_PARAMETER for an empty or long name. */
MUST_CHECK enum rc named_locks_take(struct named_locks *locks, const char *directory, const char *name,
                                    struct err *err);
/* Does nothing for a lock that is not held. */
void named_locks_release(struct named_locks *locks, const char *name);
/* Releases all. */
void named_locks_cleanup(struct named_locks *locks);

#endif
