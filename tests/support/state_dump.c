#include "support/state_dump.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

const char STATE_DUMP_ACCOUNTS[] =
    "SELECT account_id, app.text, integration_name.text, integration_id.text, user_id, status, stalled, "
    "attempts, first_seen_at, first_seq, started_at, completed_at, time_to_connect, last_event_at, "
    "status_reason FROM account LEFT JOIN name AS app ON app.id = account.app "
    "LEFT JOIN name AS integration_name ON integration_name.id = account.integration_name "
    "LEFT JOIN name AS integration_id ON integration_id.id = account.integration_id ORDER BY account.id";

const char STATE_DUMP_ATTEMPTS[] = "SELECT account_id, at, kind, outcome, ended_at, deadline FROM step JOIN "
                                   "account ON account.id = step.account "
                                   "WHERE outcome IS NOT NULL ORDER BY account.id, at, kind";

const char STATE_DUMP_STEPS[] = "SELECT account_id, at, kind, seq, nullif(reason, '') FROM step LEFT JOIN "
                                "account ON account.id = step.account "
                                "ORDER BY account.id, at, kind";

const char STATE_DUMP_TALLIES[] =
    "SELECT name.text, status, accounts FROM tally LEFT JOIN name ON name.id = tally.app ORDER BY 1, 2";

const char STATE_DUMP_EVENTS[] =
    "SELECT seq, account_id, name.text, at FROM event LEFT JOIN account ON account.id = event.account "
    "LEFT JOIN name ON name.id = event.type ORDER BY seq";

#define ROLLUP_KEY "SELECT grain, level, t, app.text AS app_text, integration.text AS integration_text, "
#define ROLLUP_JOIN                                                                                          \
    " FROM rollup LEFT JOIN name AS app ON app.id = rollup.app LEFT JOIN name AS integration "               \
    "ON integration.id = rollup.integration ORDER BY grain, level, t, app_text, integration_text"

const char STATE_DUMP_ROLLUPS[] = ROLLUP_KEY "started, completed, failed, expired, abandoned" ROLLUP_JOIN;
const char STATE_DUMP_TIMES[] = ROLLUP_KEY "times" ROLLUP_JOIN;

sqlite3 *state_dump_open(const char *directory)
{
    char path[512];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/state.db", directory);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    return db;
}

static void add_column(sqlite3_stmt *row, int column, struct buf *out)
{
    int type = sqlite3_column_type(row, column); /* before anything converts the value */
    const unsigned char *bytes = sqlite3_column_blob(row, column);
    int len = sqlite3_column_bytes(row, column);
    switch (type) {
    case SQLITE_NULL:
        buf_add_char(out, '-');
        break;
    case SQLITE_BLOB:
        for (int i = 0; i < len; i++)
            buf_addf(out, "%02x", bytes[i]);
        break;
    default:
        buf_add(out, bytes, (size_t)len);
    }
}

void state_dump_query(sqlite3 *db, const char *sql, struct buf *out)
{
    sqlite3_stmt *row;
    int code;
    if (sqlite3_prepare_v2(db, sql, -1, &row, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    while ((code = sqlite3_step(row)) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(row); i++) {
            if (i > 0)
                buf_add_char(out, '|');
            add_column(row, i, out);
        }
        buf_add_char(out, '\n');
    }
    assert_int_equal(code, SQLITE_DONE);
    sqlite3_finalize(row);
    assert_false(buf_failed(out));
}

void state_dump_all(sqlite3 *db, struct buf *out)
{
    static const struct {
        const char *name;
        const char *sql;
    } TABLES[] = {
        {"accounts", STATE_DUMP_ACCOUNTS}, {"attempts", STATE_DUMP_ATTEMPTS}, {"steps", STATE_DUMP_STEPS},
        {"tallies", STATE_DUMP_TALLIES},   {"events", STATE_DUMP_EVENTS},     {"rollups", STATE_DUMP_ROLLUPS},
        {"times", STATE_DUMP_TIMES},
    };
    for (size_t i = 0; i < sizeof TABLES / sizeof TABLES[0]; i++) {
        buf_addf(out, "== %s\n", TABLES[i].name);
        state_dump_query(db, TABLES[i].sql, out);
    }
}
