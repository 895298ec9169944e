/*
 * state - state.db, the read model's file, as its one writer sees it: tables, statements, transactions.
 *
 * A failure is remembered: what is asked afterwards does nothing, and the transaction is judged once at its
 * end (state_commit()). Rows are read through a cursor: state_ask() binds, state_next() steps, and the
 * statement is reset when there is no further row or state_done() is called.
 *
 * Thread: the owner's.   Owner: struct read_model.
 */
#ifndef FAIRLEAD_TRACK_STATE_H
#define FAIRLEAD_TRACK_STATE_H

#include "journal/sqlite_conn.h"
#include "track/sql.h"

#define STATE_FILE           "state.db"
#define STATE_PAGE_SIZE      4096 /* of new files */
#define STATE_DAMAGED_SUFFIX "-damaged"

/* SQLite's tokenizer of words (track/splitter.h). */
#define STATE_TOKENIZER    "unicode61"
#define STATE_FTS5_OPTIONS "content='', columnsize=0, detail=none, tokenize='" STATE_TOKENIZER "'"

extern const struct sqlite_schema STATE_SCHEMA;

/* Every statement of the writer, prepared once. */
#define STATE_STATEMENTS(X)                                                                                  \
    X(STATE_BEGIN, "BEGIN IMMEDIATE")                                                                        \
    X(STATE_COMMIT, "COMMIT")                                                                                \
    X(STATE_ROLLBACK, "ROLLBACK")                                                                            \
    X(STATE_GET_META, "SELECT value FROM meta WHERE key = ?1")                                               \
    X(STATE_SET_META, "INSERT OR REPLACE INTO meta(key, value) VALUES(?1, ?2)")                              \
    X(STATE_FIND_NAME, "SELECT id FROM name WHERE text = ?1")                                                \
    X(STATE_ADD_NAME, "INSERT INTO name(text) VALUES(?1)")                                                   \
    X(STATE_NAME_TEXT, "SELECT text FROM name WHERE id = ?1")                                                \
    X(STATE_FIND_ACCOUNT, "SELECT id FROM account WHERE account_id = ?1")                                    \
    X(STATE_GET_ACCOUNT,                                                                                     \
      "SELECT id, app, integration_name, integration_id, user_id, app_at, integration_name_at, "             \
      "integration_id_at, user_id_at, status, stalled, attempts, first_seen_at, first_seq, started_at, "     \
      "completed_at, time_to_connect, last_event_at, status_reason, step_at, step_kind, attempt_at, "        \
      "attempt_kind, attempt_outcome, attempt_ended_at, account_id FROM account WHERE id = ?1")              \
    X(STATE_NEXT_ACCOUNT, "SELECT min(id) FROM account WHERE id > ?1")                                       \
    X(STATE_LAST_ACCOUNT, "SELECT max(id) FROM account")                                                     \
    X(STATE_ADD_ACCOUNT,                                                                                     \
      "INSERT INTO account(id, integration_name, integration_id, user_id, app_at, integration_name_at, "     \
      "integration_id_at, user_id_at, attempts, started_at, completed_at, time_to_connect, last_event_at, "  \
      "status_reason, step_at, step_kind, attempt_at, attempt_kind, attempt_outcome, attempt_ended_at, "     \
      "app, status, stalled, account_id, first_seen_at, first_seq) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "  \
      "?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26)")            \
    X(STATE_SET_ACCOUNT,                                                                                     \
      "UPDATE account SET integration_name = ?2, integration_id = ?3, user_id = ?4, app_at = ?5, "           \
      "integration_name_at = ?6, integration_id_at = ?7, user_id_at = ?8, attempts = ?9, started_at = ?10, " \
      "completed_at = ?11, time_to_connect = ?12, last_event_at = ?13, status_reason = ?14, step_at = ?15, " \
      "step_kind = ?16, attempt_at = ?17, attempt_kind = ?18, attempt_outcome = ?19, "                       \
      "attempt_ended_at = ?20 WHERE id = ?1")                                                                \
    X(STATE_SET_STANDING, "UPDATE account SET app = ?2, status = ?3, stalled = ?4 WHERE id = ?1")            \
    X(STATE_ADD_STEP, "INSERT INTO step(account, at, kind, seq, reason, outcome, ended_at, deadline) "       \
                      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")                                              \
    X(STATE_FIND_STEP, "SELECT reason FROM step WHERE account = ?1 AND at = ?2 AND kind = ?3")               \
    X(STATE_SET_REASON, "UPDATE step SET reason = ?4 WHERE account = ?1 AND at = ?2 AND kind = ?3")          \
    X(STATE_SET_ATTEMPT, "UPDATE step SET outcome = ?4, ended_at = ?5, deadline = ?6 "                       \
                         "WHERE account = ?1 AND at = ?2 AND kind = ?3")                                     \
    X(STATE_STEPS_FROM, "SELECT at, kind, outcome, ended_at FROM step WHERE account = ?1 "                   \
                        "AND (at, kind) >= (?2, ?3) ORDER BY at, kind")                                      \
    X(STATE_OPENED_BEFORE, "SELECT at, kind FROM step WHERE account = ?1 AND (at, kind) < (?2, ?3) "         \
                           "AND outcome IS NOT NULL ORDER BY at DESC, kind DESC LIMIT 1")                    \
    X(STATE_ATTEMPTS,                                                                                        \
      "SELECT at, kind, outcome, ended_at FROM step WHERE account = ?1 AND outcome IS NOT NULL")             \
    X(STATE_DUE,                                                                                             \
      "SELECT account, at, kind FROM step WHERE deadline <= ?1 ORDER BY deadline, account LIMIT ?2")         \
    X(STATE_NEXT_DEADLINE, "SELECT min(deadline) FROM step WHERE deadline IS NOT NULL")                      \
    X(STATE_ADD_EVENT, "INSERT INTO event(seq, account, type, app, at) VALUES(?1, ?2, ?3, ?4, ?5)")          \
    X(STATE_FIRST_EVENT, "SELECT min(seq) FROM event")                                                       \
    X(STATE_FORGET_EVENTS, "DELETE FROM event WHERE seq < ?1 AND seq < ?2")                                  \
    X(STATE_ADD_DUPLICATES, "INSERT INTO duplicate(seq, count) VALUES(?1, ?2) "                              \
                            "ON CONFLICT(seq) DO UPDATE SET count = count + excluded.count")                 \
    X(STATE_FORGET_DUPLICATES, "DELETE FROM duplicate WHERE seq < ?1")                                       \
    X(STATE_GET_ROLLUP, "SELECT started, completed, failed, expired, abandoned, times FROM rollup "          \
                        "WHERE grain = ?1 AND level = ?2 AND t = ?3 AND app = ?4 AND integration = ?5")      \
    X(STATE_SET_ROLLUP,                                                                                      \
      "INSERT OR REPLACE INTO rollup(grain, level, t, app, integration, started, completed, failed, "        \
      "expired, abandoned, times) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")                     \
    X(STATE_DROP_ROLLUP,                                                                                     \
      "DELETE FROM rollup WHERE grain = ?1 AND level = ?2 AND t = ?3 AND app = ?4 AND integration = ?5")     \
    X(STATE_ADD_TALLY, "INSERT INTO tally(app, status, accounts) VALUES(?1, ?2, ?3) "                        \
                       "ON CONFLICT(app, status) DO UPDATE SET accounts = accounts + excluded.accounts")     \
    X(STATE_DROP_TALLY, "DELETE FROM tally WHERE app = ?1 AND status = ?2 AND accounts = 0")

#define STATE_ENUM_ROW(name, sql) name,
enum state_statement { STATE_STATEMENTS(STATE_ENUM_ROW) STATE_STATEMENT_COUNT };
#undef STATE_ENUM_ROW

struct state {
    struct sqlite_site site;
    sqlite3 *db;
    sqlite3_stmt *statements[STATE_STATEMENT_COUNT];
    size_t log_pages; /* after the last commit */
    enum rc rc;       /* of the first failure since the last state_begin() */
    struct err err;
};

/*
 * Opens the file, making it when it is missing or empty. RC_CORRUPT, RC_TOO_NEW: not this version's (the
 * caller removes it and starts anew); RC_STORAGE_UNAVAILABLE. After a failure nothing is left open.
 */
MUST_CHECK enum rc state_open(struct state *state, const char *directory, const char *file_name,
                              struct err *err);
void state_close(struct state *state);

/*
 * Renames the file and its log, so that a new one can be made: what is in it may be all that is left of what
 * retention has removed from the journal. One set aside before is replaced.
 */
MUST_CHECK enum rc state_set_aside(const char *directory, const char *file_name, struct err *err);

void state_begin(struct state *state);
/* Ends the transaction: commits when nothing failed since state_begin(), rolls back otherwise. */
MUST_CHECK enum rc state_commit(struct state *state, struct err *err);
void state_rollback(struct state *state);
static inline bool state_failed(const struct state *state)
{
    return state->rc != RC_OK;
}
/* Remembers a failure that is not SQLite's. */
void state_fail(struct state *state, enum rc rc, const char *message);

/* Binds (see track/sql.h) and runs a statement to its end. */
void state_run(struct state *state, enum state_statement which, const char *format, ...);
/* Runs text that is not worth preparing. */
void state_execute(struct state *state, const char *sql);
/* As state_run(), to be stepped with state_next(). */
void state_ask(struct state *state, enum state_statement which, const char *format, ...);
/* The statement at its next row, for sqlite3_column_*(); NULL at the end or after a failure. */
sqlite3_stmt *state_next(struct state *state, enum state_statement which);
void state_done(struct state *state, enum state_statement which);

/* One number: the first column of the first row; `otherwise` when there is none or it is NULL. */
int64_t state_number(struct state *state, enum state_statement which, int64_t otherwise);

int64_t state_get_meta(struct state *state, const char *key, int64_t otherwise);
void state_set_meta(struct state *state, const char *key, int64_t value);

#endif
