/*
 * splitter - texts into words, as the index of words does (SQLite's FTS5 with STATE_TOKENIZER): runs of
 * letters and digits, in lower case and without accents. Everything else only separates them.
 *
 * Thread: that of its connection.   Owner: the caller; embedded.
 */
#ifndef FAIRLEAD_TRACK_SPLITTER_H
#define FAIRLEAD_TRACK_SPLITTER_H

#include <sqlite3.h>
#include <stdbool.h>

#include "base/slice.h"

struct splitter {
    fts5_tokenizer methods;
    Fts5Tokenizer *tokenizer;
};

/* On any connection. What SQLite cannot do is answered with its code; so with splitter_run(). */
int splitter_open(struct splitter *splitter, sqlite3 *db);
/* One that is all zero is none. */
void splitter_close(struct splitter *splitter);

/* One word; `end`: where it ends in the text. */
typedef void splitter_fn(void *arg, struct slice word, size_t end);
int splitter_run(struct splitter *splitter, struct slice text, splitter_fn *fn, void *arg);

#endif
