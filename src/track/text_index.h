/*
 * text_index - words of events and accounts, for searching.
 *
 * Only what identifies an event is indexed: its id, type, app, integration, account, user and status reason,
 * whole and in parts; never the payload, which may hold credentials. Words are folded to lower case without
 * accents by SQLite's FTS5.
 *
 * Events are spread over tables by record number, so that retention drops whole tables.
 *
 * Thread: the tracker's.   Owner: struct read_model; embedded in it.
 */
#ifndef FAIRLEAD_TRACK_TEXT_INDEX_H
#define FAIRLEAD_TRACK_TEXT_INDEX_H

#include "track/state.h"

#define TEXT_SHARD_BITS 22 /* 4 million records in a table */

struct text_index {
    sqlite3_stmt *add_event;   /* for the table of `shard` */
    sqlite3_stmt *add_account; /* NULL until first used; so with the next */
    sqlite3_stmt *remove_account;
    int64_t shard;
};

void text_index_init(struct text_index *index);
void text_index_cleanup(struct text_index *index);

/* The name of the table that a record's words are in. */
int64_t text_index_shard(uint64_t seq);
void text_index_table(int64_t shard, struct buf *out);

/* Appends a text as words: whole, and the parts between '_', '-', '.', '/', ':' and spaces when there are
 * several. */
void text_index_words(struct buf *out, struct slice text);

/*
 * The words of a text as the index has them, one call of `fn` for each; false from it ends that. On any
 * connection. What SQLite cannot do is answered with its code.
 */
typedef bool text_index_fn(void *arg, struct slice word);
int text_index_split(sqlite3 *db, struct slice text, text_index_fn *fn, void *arg);

void text_index_add_event(struct text_index *index, struct state *state, uint64_t seq, struct slice words);
/* An account's words; `old_words` are those added before for it (empty: none). */
void text_index_set_account(struct text_index *index, struct state *state, int64_t account,
                            struct slice old_words, struct slice words);

/* Drops what is only about records before `first`; 0: everything, accounts too. */
void text_index_trim(struct text_index *index, struct state *state, uint64_t first);

/* After a rollback. */
void text_index_forget(struct text_index *index);

#endif
