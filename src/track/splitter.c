#include "track/splitter.h"

#include "track/state.h"

struct running {
    splitter_fn *fn;
    void *arg;
};

static int on_token(void *arg, int flags, const char *token, int len, int start, int end)
{
    (void)flags;
    (void)start;
    struct running *running = arg;
    running->fn(running->arg, slice_of(token, (size_t)len), (size_t)end);
    return SQLITE_OK;
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

int splitter_open(struct splitter *splitter, sqlite3 *db)
{
    fts5_api *api = NULL;
    void *context = NULL;
    *splitter = (struct splitter){.tokenizer = NULL};
    int code = get_api(db, &api);
    if (code == SQLITE_OK)
        code = api->xFindTokenizer(api, STATE_TOKENIZER, &context, &splitter->methods);
    if (code == SQLITE_OK)
        code = splitter->methods.xCreate(context, NULL, 0, &splitter->tokenizer);
    return code;
}

void splitter_close(struct splitter *splitter)
{
    if (splitter->tokenizer)
        splitter->methods.xDelete(splitter->tokenizer);
    splitter->tokenizer = NULL;
}

int splitter_run(struct splitter *splitter, struct slice text, splitter_fn *fn, void *arg)
{
    struct running running = {fn, arg};
    return splitter->methods.xTokenize(splitter->tokenizer, &running, FTS5_TOKENIZE_QUERY, text.ptr,
                                       (int)text.len, on_token);
}
