/*
 * question - one question under way: a read-only connection to state.db in one read transaction.
 *
 * Inside track; questions.h is what others see. Like struct state it remembers its first failure, and is
 * judged once at its end.
 *
 * Thread: that of the question.
 */
#ifndef FAIRLEAD_TRACK_QUESTION_H
#define FAIRLEAD_TRACK_QUESTION_H

#include "track/high_water.h"
#include "track/questions.h"
#include "track/sql.h"
#include "track/time_blocks.h"

struct question {
    struct questions *questions;
    struct journal *journal;
    struct time_blocks *blocks;
    struct high_water *high;
    struct connection_to_state *connection;
    sqlite3 *db;
    sqlite3_stmt *duplicates; /* NULL until it is asked first */
    enum rc rc;
    struct err err;
};

MUST_CHECK enum rc question_begin(struct questions *questions, struct question *ret, struct err *err);
/* Gives the connection back. Also fails when `out` has run out of memory; out may be NULL. */
MUST_CHECK enum rc question_end(struct question *question, const struct buf *out, struct err *err);

static inline bool question_failed(const struct question *question)
{
    return question->rc != RC_OK;
}
void question_fail(struct question *question, enum rc rc, const char *message);
/* Remembers what SQLite answered. */
void question_note(struct question *question, int code);

/* A statement with its values bound (see track/sql.h); NULL after a failure. sqlite3_finalize() frees it. */
sqlite3_stmt *question_ask(struct question *question, const char *sql, const char *format, ...);
/* true: there is a row. */
bool question_next(struct question *question, sqlite3_stmt *rows);
/* One number; `otherwise` when there is no row or it is NULL. */
int64_t question_number(struct question *question, int64_t otherwise, const char *sql, const char *format,
                        ...);
/* The number of a name; 0: there is no such name. */
int64_t question_name(struct question *question, struct slice text);

/* The columns of an account for question_read_account(), from `account` as a. */
#define QUESTION_ACCOUNT_COLUMNS                                                                             \
    "a.id, a.account_id, (SELECT text FROM name WHERE id = a.app), "                                         \
    "(SELECT text FROM name WHERE id = a.integration_name), "                                                \
    "(SELECT text FROM name WHERE id = a.integration_id), a.user_id, a.status, a.stalled, a.attempts, "      \
    "a.first_seen_at, a.started_at, a.completed_at, a.time_to_connect, a.last_event_at, a.status_reason, "   \
    "a.app"

/* Its slices live until the next step. */
struct account question_read_account(sqlite3_stmt *row);

/*
 * Calls fn for those of these events that are there, in the order given, each with its payload
 * (payload_read(); whatever the body is). false: it has seen enough.
 */
typedef bool question_event_fn(void *arg, const struct record *record, const struct payload *payload);
void question_read_events(struct question *question, const uint64_t *seqs, size_t count,
                          question_event_fn *fn, void *arg);

/* Appends such an event as JSON; view.duplicates is found out here. */
void question_write_event(struct question *question, const struct record *record,
                          const struct payload *payload, struct event_view view, struct buf *out);

#endif
