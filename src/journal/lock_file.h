/*
 * lock_file - a file that one process at a time holds; the hold ends with the process.
 *
 * The holder's process id stands in the file, for people and for the sentence that the second one gets. The
 * file stays when the hold ends: removing it would let two processes hold two different files of one name.
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_JOURNAL_LOCK_FILE_H
#define FAIRLEAD_JOURNAL_LOCK_FILE_H

#include "base/error.h"

/*
 * Takes the file, made with mode 0600 when missing; *ret_fd is closed to give it back. RC_LOCKED: err says
 * "`what` is held by process N". RC_STORAGE_UNAVAILABLE when it cannot be opened.
 */
MUST_CHECK enum rc lock_file_take(const char *path, const char *what, int *ret_fd, struct err *err);

#endif
