/*
 * text_index - words of events and accounts, for searching.
 *
 * Only what identifies an event is indexed: its id, type, app, integration, account, user and status reason
 * (event_add_words()), never the payload, which may hold credentials. SQLite's FTS5 makes words of texts as
 * track/splitter.h tells.
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

/* Appends a text that is to be found; each is a line. */
void text_index_add_text(struct buf *texts, struct slice text);

void text_index_add_event(struct text_index *index, struct state *state, uint64_t seq, struct slice texts);
/* An account's texts; `old_texts` are those added before for it (empty: none). */
void text_index_set_account(struct text_index *index, struct state *state, int64_t account,
                            struct slice old_texts, struct slice texts);

/* Drops what is only about records before `first`; 0: everything, accounts too. */
void text_index_trim(struct text_index *index, struct state *state, uint64_t first);

/* After a rollback. */
void text_index_forget(struct text_index *index);

#endif
