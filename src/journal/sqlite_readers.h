/*
 * sqlite_readers - read-only connections to journal.db, for any thread at any time.
 *
 * Rows are copied out in pieces and handed to the caller when no read transaction is open any more: however
 * slow a reader is, it never keeps the write-ahead log from being checkpointed.
 *
 * Threads: any.   Owner: the SQLite engine; must be closed before the site goes.
 */
#ifndef FAIRLEAD_JOURNAL_SQLITE_READERS_H
#define FAIRLEAD_JOURNAL_SQLITE_READERS_H

#include "journal/journal.h"
#include "journal/sqlite_conn.h"

struct sqlite_readers;

/* Opens the first connection, so that a file that cannot be read is found now. RC_NOT_FOUND for an empty one.
 */
MUST_CHECK enum rc sqlite_readers_open(const struct sqlite_site *site, struct sqlite_readers **ret,
                                       struct err *err);
void sqlite_readers_close(struct sqlite_readers *readers);

/* As journal_read(). */
MUST_CHECK enum rc sqlite_readers_read(struct sqlite_readers *readers, uint64_t after_seq, size_t max,
                                       record_fn fn, void *arg, uint64_t *ret_last, struct err *err);

/* As journal_pick(). */
MUST_CHECK enum rc sqlite_readers_pick(struct sqlite_readers *readers, const uint64_t *seqs, size_t count,
                                       record_fn fn, void *arg, struct err *err);

/* Oldest and newest stored seq, 0: none. */
MUST_CHECK enum rc sqlite_readers_first(struct sqlite_readers *readers, uint64_t *ret, struct err *err);
MUST_CHECK enum rc sqlite_readers_last(struct sqlite_readers *readers, uint64_t *ret, struct err *err);

/* As journal_check(). */
MUST_CHECK enum rc sqlite_readers_check(struct sqlite_readers *readers, struct err *err);

#endif
