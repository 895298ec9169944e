/*
 * disk_probe - can something be written to a data directory, and brought to the disk, just now?
 *
 * Thread: any; does I/O.
 */
#ifndef FAIRLEAD_JOURNAL_DISK_PROBE_H
#define FAIRLEAD_JOURNAL_DISK_PROBE_H

#include "journal/sqlite_conn.h"

/* A small write and fsync in the site's directory that leaves nothing behind. RC_STORAGE_UNAVAILABLE,
 * RC_NO_MEMORY. */
MUST_CHECK enum rc disk_probe(const struct sqlite_site *site, struct err *err);

#endif
