/*
 * placed_file - a file that is open, remembered so that one moved away or put in its place is noticed.
 *
 * Threads: remember: one. is_there: any, also while the other runs.   Owner: the engine; embedded in it.
 */
#ifndef FAIRLEAD_JOURNAL_PLACED_FILE_H
#define FAIRLEAD_JOURNAL_PLACED_FILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct placed_file {
    _Atomic dev_t device;
    _Atomic ino_t inode;
};

/* The file that has this name now. RC_STORAGE_UNAVAILABLE when none has. */
MUST_CHECK enum rc placed_file_remember(struct placed_file *file, const char *path, struct err *err);

/* Does it still have this name? */
bool placed_file_is_there(const struct placed_file *file, const char *path);

#endif
