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

static bool is_joint(char c)
{
    return c == '_' || c == '-' || c == '.' || c == ' ' || c == '/' || c == ':';
}

void text_index_words(struct buf *out, struct slice text)
{
    if (text.len == 0)
        return;
    bool joints = false;
    for (size_t i = 0; i < text.len && !joints; i++)
        joints = is_joint(text.ptr[i]);
    buf_add_slice(out, text);
    buf_add_char(out, ' ');
    for (size_t i = 0; joints && i < text.len; i++)
        buf_add_char(out, is_joint(text.ptr[i]) ? ' ' : text.ptr[i]);
    buf_add_char(out, ' ');
}

/* ---- words of a question ---- */

struct splitting {
    text_index_fn *fn;
    void *arg;
};

static int on_token(void *arg, int flags, const char *token, int len, int start, int end)
{
    (void)flags;
    (void)start;
    (void)end;
    struct splitting *splitting = arg;
    return splitting->fn(splitting->arg, slice_of(token, (size_t)len)) ? SQLITE_OK : SQLITE_DONE;
}

/* SQLite hands out its tokenizers in this way only (its documentation, FTS5, section 7). */
static int get_api(sqlite3 *db, fts5_api **ret)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_bind_pointer(statement, 1, (void *)ret, "fts5_api_ptr", NULL);
    if (code == SQLITE_OK)
        sqlite3_step(statement);
    sqlite3_finalize(statement);
    return code == SQLITE_OK && !*ret ? SQLITE_ERROR : code;
}

int text_index_split(sqlite3 *db, struct slice text, text_index_fn *fn, void *arg)
{
    const char *options[] = {"tokenchars", STATE_WORD_CHARS};
    struct splitting splitting = {fn, arg};
    fts5_api *api = NULL;
    fts5_tokenizer maker;
    Fts5Tokenizer *tokenizer = NULL;
    void *context = NULL;
    int code = get_api(db, &api);
    if (code == SQLITE_OK)
        code = api->xFindTokenizer(api, STATE_TOKENIZER, &context, &maker);
    if (code == SQLITE_OK)
        code = maker.xCreate(context, options, 2, &tokenizer);
    if (code != SQLITE_OK)
        return code;
    code = maker.xTokenize(tokenizer, &splitting, FTS5_TOKENIZE_QUERY, text.ptr, (int)text.len, on_token);
    maker.xDelete(tokenizer);
    return code == SQLITE_DONE ? SQLITE_OK : code;
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

static void run(struct state *state, sqlite3_stmt *statement, int64_t rowid, struct slice words)
{
    sqlite3_bind_int64(statement, 1, rowid);
    int code = sqlite3_bind_text(statement, 2, words.ptr, (int)words.len, SQLITE_STATIC);
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

void text_index_add_event(struct text_index *index, struct state *state, uint64_t seq, struct slice words)
{
    if (index->shard != text_index_shard(seq))
        enter_shard(index, state, text_index_shard(seq));
    if (!state_failed(state))
        run(state, index->add_event, (int64_t)seq, words);
}

void text_index_set_account(struct text_index *index, struct state *state, int64_t account,
                            struct slice old_words, struct slice words)
{
    if (old_words.len > 0 &&
        prepare(state, "INSERT INTO account_text(account_text, rowid, words) VALUES('delete', ?1, ?2)",
                &index->remove_account))
        run(state, index->remove_account, account, old_words);
    if (prepare(state, "INSERT INTO account_text(rowid, words) VALUES(?1, ?2)", &index->add_account))
        run(state, index->add_account, account, words);
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
