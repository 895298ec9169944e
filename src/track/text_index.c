#include "track/text_index.h"

#include <stdlib.h>
#include <string.h>

#define SHARD_PREFIX "event_text_"

void text_index_init(struct text_index *index)
{
    *index = (struct text_index){.shard = -1};
}

void text_index_forget(struct text_index *index)
{
    sqlite3_finalize(index->add_event);
    index->add_event = NULL;
    index->shard = -1;
}

void text_index_cleanup(struct text_index *index)
{
    text_index_forget(index);
    sqlite3_finalize(index->add_account);
    sqlite3_finalize(index->remove_account);
    text_index_init(index);
}

int64_t text_index_shard(uint64_t seq)
{
    return (int64_t)(seq >> TEXT_SHARD_BITS);
}

void text_index_table(int64_t shard, struct buf *out)
{
    buf_addf(out, SHARD_PREFIX "%lld", (long long)shard);
}

void text_index_add_text(struct buf *texts, struct slice text)
{
    if (text.len == 0)
        return;
    buf_add_slice(texts, text);
    buf_add_char(texts, '\n');
}

/* ---- tables ---- */

static void fail(struct state *state, int code)
{
    struct err err;
    enum rc rc = sqlite_conn_plain(sqlite_conn_fail(&state->site, state->db, code, "indexing words", &err));
    state_fail(state, rc, err.message);
}

static bool prepare(struct state *state, const char *sql, sqlite3_stmt **ret)
{
    if (*ret || state_failed(state))
        return *ret != NULL;
    int code = sqlite3_prepare_v3(state->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
    if (code != SQLITE_OK)
        fail(state, code);
    return code == SQLITE_OK;
}

static void run(struct state *state, sqlite3_stmt *statement, int64_t rowid, struct slice texts)
{
    sqlite3_bind_int64(statement, 1, rowid);
    int code = sqlite3_bind_text(statement, 2, texts.ptr, (int)texts.len, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    sqlite3_reset(statement);
    if (code != SQLITE_DONE)
        fail(state, code);
}

static void enter_shard(struct text_index *index, struct state *state, int64_t shard)
{
    struct buf sql = BUF_INIT;
    text_index_forget(index);
    buf_add_str(&sql, "CREATE VIRTUAL TABLE IF NOT EXISTS ");
    text_index_table(shard, &sql);
    buf_add_str(&sql, " USING fts5(words, " STATE_FTS5_OPTIONS ")");
    state_execute(state, buf_str(&sql));
    buf_clear(&sql);
    buf_add_str(&sql, "INSERT INTO ");
    text_index_table(shard, &sql);
    buf_add_str(&sql, "(rowid, words) VALUES(?1, ?2)");
    if (prepare(state, buf_str(&sql), &index->add_event))
        index->shard = shard;
    buf_cleanup(&sql);
}

void text_index_add_event(struct text_index *index, struct state *state, uint64_t seq, struct slice texts)
{
    if (index->shard != text_index_shard(seq))
        enter_shard(index, state, text_index_shard(seq));
    if (!state_failed(state))
        run(state, index->add_event, (int64_t)seq, texts);
}

void text_index_set_account(struct text_index *index, struct state *state, int64_t account,
                            struct slice old_texts, struct slice texts)
{
    if (old_texts.len > 0 &&
        prepare(state, "INSERT INTO account_text(account_text, rowid, words) VALUES('delete', ?1, ?2)",
                &index->remove_account))
        run(state, index->remove_account, account, old_texts);
    if (prepare(state, "INSERT INTO account_text(rowid, words) VALUES(?1, ?2)", &index->add_account))
        run(state, index->add_account, account, texts);
}

/* The shards that there are, oldest first, up to `max`. */
static size_t list_shards(struct state *state, int64_t *ret, size_t max)
{
    sqlite3_stmt *rows = NULL;
    size_t count = 0;
    if (!prepare(state,
                 "SELECT CAST(substr(name, 12) AS INTEGER) FROM sqlite_schema WHERE type = 'table' "
                 "AND name GLOB '" SHARD_PREFIX "[0-9]*' AND name NOT GLOB '" SHARD_PREFIX "*_*' ORDER BY 1",
                 &rows))
        return 0;
    while (count < max && sqlite3_step(rows) == SQLITE_ROW)
        ret[count++] = sqlite3_column_int64(rows, 0);
    sqlite3_finalize(rows);
    return count;
}

static void drop_shard(struct text_index *index, struct state *state, int64_t shard)
{
    struct buf sql = BUF_INIT;
    text_index_forget(index);
    buf_add_str(&sql, "DROP TABLE ");
    text_index_table(shard, &sql);
    state_execute(state, buf_str(&sql));
    buf_cleanup(&sql);
}

void text_index_trim(struct text_index *index, struct state *state, uint64_t first)
{
    int64_t shards[64];
    size_t count;
    size_t dropped;
    do {
        count = list_shards(state, shards, sizeof shards / sizeof shards[0]);
        for (dropped = 0; dropped < count; dropped++) {
            if (first != 0 && shards[dropped] >= text_index_shard(first))
                break;
            drop_shard(index, state, shards[dropped]);
        }
    } while (dropped == sizeof shards / sizeof shards[0] && !state_failed(state));
    if (first == 0)
        state_execute(state, "INSERT INTO account_text(account_text) VALUES('delete-all')");
}
