/*
 * sqlite_engine - the journal in one SQLite file, journal.db, for one writing process.
 *
 *   record(seq, kind, at, key, head, body)   key: TEXT for a webhook-id, BLOB for a hash, NULL for none
 *   seen(first_seq, at, prints)              per commit and 128 records one row: their fingerprints, 8 bytes
 *                                            each (little-endian, 0 for a record without key), so that a
 *                                            start loads the window by one small scan
 *
 * Nothing indexed and nothing random is written on the way to an answer: one sequential insert per record,
 * a row of fingerprints and one fsync per commit. Write-ahead log, synchronous=FULL.
 *
 * Invariant: what append has acknowledged was fsynced by this process or by the checkpoint at opening; the
 * window holds exactly the keys of committed records.
 *
 * Threads: as in journal/journal.h.
 */
#ifndef FAIRLEAD_JOURNAL_SQLITE_ENGINE_H
#define FAIRLEAD_JOURNAL_SQLITE_ENGINE_H

#include "journal/engine.h"

extern const struct engine SQLITE_ENGINE;

#endif
