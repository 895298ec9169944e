/*
 * tally - how many accounts of each app have which status, kept up to date by differences.
 *
 * Thread: the tracker's.   Owner: struct read_model; embedded in it.
 */
#ifndef FAIRLEAD_TRACK_TALLY_H
#define FAIRLEAD_TRACK_TALLY_H

#include "track/account_row.h"
#include "track/state.h"

struct tally {
    struct buf changes; /* since the last flush */
};

void tally_init(struct tally *tally);
void tally_cleanup(struct tally *tally);

/* One account more (1) or less (-1) like this one. */
void tally_count(struct tally *tally, const struct account_row *row, int change);

/* Writes the differences; memory that ran out is a failure of state. */
void tally_flush(struct tally *tally, struct state *state);
/* After a rollback. */
void tally_forget(struct tally *tally);

#endif
