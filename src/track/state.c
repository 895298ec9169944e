#include "track/state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "track/checkpointer.h"
#include "track/sql.h"

#define CACHE_KIB 20480 /* more is not faster, and counts */

const struct sqlite_schema STATE_SCHEMA = {
    .what = "read model",
    .application_id = 0x466C7331, /* "Fls1" */
    .version = 3,
    .advice = "",
    .sql =
        "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
        /* Types, apps and integrations, which repeat in every event. */
        "CREATE TABLE name(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);"
        /* xxx_at: the time of the event that said xxx last. step_xxx: the newest step. attempt_xxx: the
           newest attempt, named by the step that opened it. */
        "CREATE TABLE account(id INTEGER PRIMARY KEY, account_id TEXT NOT NULL UNIQUE, app INTEGER NOT NULL "
        "DEFAULT 0, integration_name INTEGER NOT NULL DEFAULT 0, integration_id INTEGER NOT NULL DEFAULT 0, "
        "user_id TEXT, app_at INTEGER, integration_name_at INTEGER, integration_id_at INTEGER, user_id_at "
        "INTEGER, status INTEGER NOT NULL, stalled INTEGER NOT NULL, attempts INTEGER NOT NULL, "
        "first_seen_at "
        "INTEGER NOT NULL, first_seq INTEGER NOT NULL, started_at INTEGER, completed_at INTEGER, "
        "time_to_connect INTEGER, last_event_at INTEGER, status_reason TEXT, step_at INTEGER, step_kind "
        "INTEGER, attempt_at INTEGER, attempt_kind INTEGER, attempt_outcome INTEGER, attempt_ended_at "
        "INTEGER);"
        "CREATE INDEX account_by_status ON account(status, id);"
        "CREATE INDEX account_by_app ON account(app, id);"
        "CREATE INDEX account_by_stalled ON account(stalled, id) WHERE stalled <> 0;"
        /* What happened to an account's connection, in order of its own time. outcome is not NULL for a step
           that opened an attempt. Kept when the journal is trimmed. */
        "CREATE TABLE step(account INTEGER NOT NULL, at INTEGER NOT NULL, kind INTEGER NOT NULL, seq INTEGER "
        "NOT NULL, reason TEXT, outcome INTEGER, ended_at INTEGER, deadline INTEGER, PRIMARY KEY(account, "
        "at, "
        "kind)) WITHOUT ROWID;"
        "CREATE INDEX step_by_deadline ON step(deadline) WHERE deadline IS NOT NULL;"
        /* Which record is about what; the record itself is in the journal. at: received. */
        "CREATE TABLE event(seq INTEGER PRIMARY KEY, account INTEGER NOT NULL, type INTEGER NOT NULL, app "
        "INTEGER NOT NULL, at INTEGER NOT NULL);"
        "CREATE INDEX event_by_account ON event(account, seq) WHERE account <> 0;"
        "CREATE INDEX event_by_type ON event(type, seq);"
        "CREATE INDEX event_by_app ON event(app, seq) WHERE app <> 0;"
        "CREATE TABLE duplicate(seq INTEGER PRIMARY KEY, count INTEGER NOT NULL);"
        /* grain: seconds. level 0: all, 1: by app, 2: by app and integration. times: a sketch. */
        "CREATE TABLE rollup(grain INTEGER NOT NULL, level INTEGER NOT NULL, t INTEGER NOT NULL, app INTEGER "
        "NOT NULL, integration INTEGER NOT NULL, started INTEGER NOT NULL, completed INTEGER NOT NULL, "
        "failed "
        "INTEGER NOT NULL, expired INTEGER NOT NULL, abandoned INTEGER NOT NULL, times BLOB, PRIMARY "
        "KEY(grain, level, t, app, integration)) WITHOUT ROWID;"
        "CREATE TABLE tally(app INTEGER NOT NULL, status INTEGER NOT NULL, accounts INTEGER NOT NULL, "
        "PRIMARY "
        "KEY(app, status)) WITHOUT ROWID;"
        "CREATE VIRTUAL TABLE account_text USING fts5(words, " STATE_FTS5_OPTIONS ");",
};

#define STATE_SQL_ROW(name, sql) [name] = (sql),
static const char *const SQL[STATE_STATEMENT_COUNT] = {STATE_STATEMENTS(STATE_SQL_ROW)};
#undef STATE_SQL_ROW

static void note(struct state *state, int code, const char *doing)
{
    if (state->rc == RC_OK)
        state->rc = sqlite_conn_plain(sqlite_conn_fail(&state->site, state->db, code, doing, &state->err));
}

void state_fail(struct state *state, enum rc rc, const char *message)
{
    if (state->rc == RC_OK)
        state->rc = err_set(&state->err, rc, "%s", message);
}

/* ---- opening ---- */

static int on_log(void *arg, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    ((struct state *)arg)->log_pages = (size_t)pages;
    return SQLITE_OK;
}

static enum rc prepare(struct state *state, struct err *err)
{
    const struct sqlite_site *site = &state->site;
    char pragmas[200];
    bool empty;
    snprintf(pragmas, sizeof pragmas,
             "PRAGMA page_size=%d; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
             "PRAGMA journal_size_limit=%d",
             STATE_PAGE_SIZE, CHECKPOINTER_LONG * STATE_PAGE_SIZE);
    enum rc rc = sqlite_conn_identify(site, state->db, &STATE_SCHEMA, &empty, err);
    if (rc == RC_OK)
        rc = sqlite_conn_exec(site, state->db, pragmas, "opening the read model", err);
    if (rc == RC_OK && empty)
        rc = sqlite_conn_create(site, state->db, &STATE_SCHEMA, err);
    if (rc == RC_OK)
        rc = sqlite_conn_limit_cache(site, state->db, CACHE_KIB, err);
    /* Instead of checkpoints of SQLite's own: see track/checkpointer.h. */
    sqlite3_wal_hook(state->db, on_log, state);
    for (int i = 0; rc == RC_OK && i < STATE_STATEMENT_COUNT; i++)
        rc = sqlite_conn_prepare(site, state->db, SQL[i], &state->statements[i], err);
    return rc;
}

enum rc state_open(struct state *state, const char *directory, const char *file_name, struct err *err)
{
    *state = (struct state){.rc = RC_OK};
    enum rc rc = sqlite_site_init(&state->site, directory, file_name, NULL, err);
    if (rc != RC_OK)
        return rc;
    rc = sqlite_site_make_file(&state->site, err);
    if (rc == RC_OK)
        rc = sqlite_conn_open(&state->site, false, &state->db, err);
    if (rc == RC_OK)
        rc = prepare(state, err);
    if (rc != RC_OK)
        state_close(state);
    return sqlite_conn_plain(rc);
}

void state_close(struct state *state)
{
    for (int i = 0; i < STATE_STATEMENT_COUNT; i++)
        sqlite3_finalize(state->statements[i]);
    sqlite3_close(state->db);
    sqlite_site_cleanup(&state->site);
    *state = (struct state){.rc = RC_OK};
}

/* Gone already is as good. */
static bool move(const char *directory, const char *file_name, const char *suffix)
{
    struct buf from = BUF_INIT;
    struct buf to = BUF_INIT;
    buf_addf(&from, "%s/%s%s", directory, file_name, suffix);
    buf_addf(&to, "%s/%s" STATE_DAMAGED_SUFFIX "%s", directory, file_name, suffix);
    bool done = !buf_failed(&from) && !buf_failed(&to) &&
                (rename(buf_str(&from), buf_str(&to)) == 0 || errno == ENOENT);
    buf_cleanup(&from);
    buf_cleanup(&to);
    return done;
}

enum rc state_set_aside(const char *directory, const char *file_name, struct err *err)
{
    static const char *const SUFFIXES[] = {"-wal", "-shm", ""};
    for (size_t i = 0; i < sizeof SUFFIXES / sizeof SUFFIXES[0]; i++)
        if (!move(directory, file_name, SUFFIXES[i]))
            return err_set(err, RC_STORAGE_UNAVAILABLE, "%s/%s%s cannot be set aside: %s", directory,
                           file_name, SUFFIXES[i], strerror(errno));
    return RC_OK;
}

/* ---- statements ---- */

static void ask(struct state *state, enum state_statement which, const char *format, va_list args)
{
    if (state_failed(state))
        return;
    int code = sql_bind(state->statements[which], format, args);
    if (code != SQLITE_OK)
        note(state, code, "updating the read model");
}

void state_ask(struct state *state, enum state_statement which, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    ask(state, which, format, args);
    va_end(args);
}

sqlite3_stmt *state_next(struct state *state, enum state_statement which)
{
    if (state_failed(state))
        return NULL;
    sqlite3_stmt *statement = state->statements[which];
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return statement;
    if (code != SQLITE_DONE)
        note(state, code, "updating the read model");
    sqlite3_reset(statement);
    return NULL;
}

void state_done(struct state *state, enum state_statement which)
{
    sqlite3_reset(state->statements[which]);
}

void state_run(struct state *state, enum state_statement which, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    ask(state, which, format, args);
    va_end(args);
    if (state_next(state, which))
        state_done(state, which);
}

void state_execute(struct state *state, const char *sql)
{
    int code = state_failed(state) ? SQLITE_OK : sqlite3_exec(state->db, sql, NULL, NULL, NULL);
    if (code != SQLITE_OK)
        note(state, code, "updating the read model");
}

int64_t state_number(struct state *state, enum state_statement which, int64_t otherwise)
{
    sqlite3_stmt *row = state_next(state, which);
    if (!row)
        return otherwise;
    bool known = sqlite3_column_type(row, 0) != SQLITE_NULL;
    int64_t number = known ? column_number(row, 0) : otherwise;
    state_done(state, which);
    return number;
}

int64_t state_get_meta(struct state *state, const char *key, int64_t otherwise)
{
    state_ask(state, STATE_GET_META, "s", slice_str(key));
    return state_number(state, STATE_GET_META, otherwise);
}

void state_set_meta(struct state *state, const char *key, int64_t value)
{
    state_run(state, STATE_SET_META, "si", slice_str(key), value);
}

/* ---- transactions ---- */

void state_begin(struct state *state)
{
    state->rc = RC_OK;
    state_run(state, STATE_BEGIN, "");
}

void state_rollback(struct state *state)
{
    for (int i = 0; i < STATE_STATEMENT_COUNT; i++)
        sqlite3_reset(state->statements[i]);
    state->rc = RC_OK;
    if (!sqlite3_get_autocommit(state->db))
        state_run(state, STATE_ROLLBACK, "");
}

enum rc state_commit(struct state *state, struct err *err)
{
    state_run(state, STATE_COMMIT, "");
    enum rc rc = state->rc;
    if (rc == RC_OK)
        return RC_OK;
    if (err)
        *err = state->err;
    state_rollback(state);
    return rc;
}
