/*
 * search - the words of a question: which rows of the index may have them, and whether a row has.
 *
 * A word is what stands between two spaces. It is found where its parts (track/splitter.h) follow each other
 * in one text: "connected_account" in "connected_account.add.start". The last part of one that ends in '*'
 * may go on.
 *
 * The index knows which row has which part, but not where; and to list what begins with "ca" it would have to
 * read all that does. So it only narrows the rows down, by what it can tell in bounded time, and
 * search_fits() decides.
 *
 * Inside track, part of a question.   Thread: that of the question.
 */
#ifndef FAIRLEAD_TRACK_SEARCH_H
#define FAIRLEAD_TRACK_SEARCH_H

#include "track/question.h"
#include "track/splitter.h"

#define SEARCH_MAX_WORDS     10
#define SEARCH_MIN_BEGINNING 3
#define SEARCH_FEW_MAX       64    /* rows that are listed */
#define SEARCH_MERGED_MAX    10000 /* entries of the index that are put into order for a beginning */

struct search {
    struct question *question;
    struct splitter splitter;
    struct search_word {
        size_t at; /* in `parts` */
        size_t len;
        bool is_beginning; /* of its last part */
    } words[SEARCH_MAX_WORDS];
    size_t count;
    struct buf parts; /* of each word, between marks */
    struct buf row;   /* those of a row; so with the next: used again */
    struct buf range;
    size_t cost;   /* of the last search_narrow(), in rows looked at (QUESTION_BUDGET) */
    size_t merged; /* of the entries that each use of its expression has to put into order, likewise */
};

/* RC_BAD_PARAMETER is remembered by the question for a q without words, with too many, or with too short a
 * beginning. */
void search_init(struct search *search, struct question *question, struct slice q);
void search_cleanup(struct search *search);

enum search_rows {
    SEARCH_NONE, /* no row of this table has them */
    SEARCH_FEW,  /* these may: their numbers, as "1,2,…" */
    SEARCH_SOME, /* those may that an expression of FTS5 finds */
    SEARCH_ANY,  /* any row may */
};

/* Which rows of a table of the index (track/text_index.h) may have the words; `ret` is what says so. */
enum search_rows search_narrow(struct search *search, const char *table, struct buf *ret);

/* Has a row with these texts, one a line, the words? */
bool search_fits(struct search *search, struct slice texts);

#endif
