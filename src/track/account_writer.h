/*
 * account_writer - what events say about one account goes into its row, its steps and attempts, the roll-ups,
 * the tally and the words by which it is found.
 *
 * Of two texts for one thing the one of the later time counts, of the same time the greater: the order of
 * arrival does not matter.
 *
 * Thread: the tracker's.   Owner: struct read_model; embedded in it.
 */
#ifndef FAIRLEAD_TRACK_ACCOUNT_WRITER_H
#define FAIRLEAD_TRACK_ACCOUNT_WRITER_H

#include "track/account_row.h"
#include "track/facts.h"
#include "track/names.h"
#include "track/rollup.h"
#include "track/steps.h"
#include "track/tally.h"
#include "track/text_index.h"

struct account_writer {
    struct state *state;
    const struct patience *patience;
    struct names names;
    struct rollup rollup;
    struct tally tally;
    struct text_index text;
    struct steps steps;
    struct account_row row; /* the account written last */
    struct buf words;       /* used again for each account; so with the next */
    struct buf old_words;
    struct buf old_user;
    struct buf name;
};

/* Borrows both. */
void account_writer_init(struct account_writer *writer, struct state *state, const struct patience *patience);
void account_writer_cleanup(struct account_writer *writer);

/*
 * All facts of one account (facts_by_account()), at least one. An event that names no app gets the one that
 * its account has by then: in fact->app.
 */
void account_writer_apply(struct account_writer *writer, const struct facts *facts, struct fact *list,
                          size_t count, usec now);

/* The attempt's time has come. true: it is the account's newest, so writer->row has changed. */
bool account_writer_judge(struct account_writer *writer, int64_t account, const struct step *opened_by,
                          usec now);

/* Counts what the file has about an account, when nothing of it is counted. */
void account_writer_recount(struct account_writer *writer, int64_t account, usec now);

/* Writes what has been gathered for many accounts: before a commit. */
void account_writer_flush(struct account_writer *writer);
/* After a rollback. */
void account_writer_forget(struct account_writer *writer);

#endif
