/*
 * datadir - the data directory: where everything that Fairlead keeps is.
 *
 *   journal.db (-wal, -shm)  the journal          admin-token  for dashboard, API and metrics, mode 0600
 *   lock                     who holds it
 *
 * Thread: main.
 */
#ifndef FAIRLEAD_CLI_DATADIR_H
#define FAIRLEAD_CLI_DATADIR_H

#include "base/buf.h"
#include "base/error.h"

/* Makes it with mode 0700 when missing (parents too). RC_STORAGE_UNAVAILABLE says what stands in the way. */
MUST_CHECK enum rc datadir_make(const char *directory, struct err *err);

/*
 * The admin token: read from the file, made (32 random bytes in URL-safe base64) when create is set and there
 * is none. Appended to out without a newline. RC_NOT_FOUND when there is none, RC_STORAGE_UNAVAILABLE,
 * RC_CORRUPT for a file that holds no token (16 to 256 printable ASCII characters).
 */
MUST_CHECK enum rc datadir_token(const char *directory, bool create, struct buf *out, bool *ret_created,
                                 struct err *err);

#endif
