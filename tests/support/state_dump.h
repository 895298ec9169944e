/*
 * state_dump - what state.db says, as text to be compared, read through a connection of its own.
 *
 * Names and accounts stand there as texts, never as the numbers that stand for them, so that two files that
 * say the same give the same text. A row is a line, columns are separated by '|', NULL is '-', bytes are hex.
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_TESTS_STATE_DUMP_H
#define FAIRLEAD_TESTS_STATE_DUMP_H

#include <sqlite3.h>

#include "base/buf.h"

/* account_id, app, integration name, integration id, user, status, stalled, attempts, first_seen_at,
 * first_seq, started_at, completed_at, time_to_connect, last_event_at, status_reason; in order of first
 * appearance. */
extern const char STATE_DUMP_ACCOUNTS[];
/* account_id, at and kind of the step that opened it, outcome, ended_at, deadline. */
extern const char STATE_DUMP_ATTEMPTS[];
/* account_id, at, kind, seq, reason. */
extern const char STATE_DUMP_STEPS[];
/* app, status, accounts. */
extern const char STATE_DUMP_TALLIES[];
/* seq, account_id, type, at. */
extern const char STATE_DUMP_EVENTS[];
/* grain, level, t, app, integration, started, completed, failed, expired, abandoned; then times. */
extern const char STATE_DUMP_ROLLUPS[];
extern const char STATE_DUMP_TIMES[];

/* A reader of the state.db in a directory. Fails the test when it cannot be opened. */
sqlite3 *state_dump_open(const char *directory);

/* Appends the rows. */
void state_dump_query(sqlite3 *db, const char *sql, struct buf *out);

/* Appends all of the above, each under its name. */
void state_dump_all(sqlite3 *db, struct buf *out);

#endif
