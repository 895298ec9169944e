/*
 * steps - the steps of one account that something new touches, folded into its lifecycle and its attempts.
 *
 * Steps come in any order; what they add up to is that of the order of their own times. So a new step that
 * is not the newest makes others count anew - but only the stretch that it falls into: from the step that
 * opened its attempt, since what lies before that does not change what comes of it, to the next start, since
 * a start opens an attempt whatever was before. However long an account's life is, a late step costs the
 * length of its stretch.
 *
 * Used for one account at a time:  add…, then fold.
 *
 * Thread: the tracker's.   Owner: struct account_writer; embedded in it.
 */
#ifndef FAIRLEAD_TRACK_STEPS_H
#define FAIRLEAD_TRACK_STEPS_H

#include "track/account_row.h"
#include "track/rollup.h"
#include "track/state.h"

struct steps {
    struct state *state;
    struct rollup *rollup;
    const struct patience *patience;
    struct buf added; /* struct entry each: the new ones */
    struct buf list;  /* struct entry each: the stretch that is folded */
};

void steps_init(struct steps *steps, struct state *state, struct rollup *rollup,
                const struct patience *patience);
void steps_cleanup(struct steps *steps);

/* Nothing is touched. */
void steps_clear(struct steps *steps);

/* A step that an event tells of; the reason is borrowed until steps_fold(). */
void steps_add(struct steps *steps, const struct step *step, uint64_t seq, struct slice reason);

/* What was added goes into row, the file and the roll-ups. Attempts are judged by `now`. */
void steps_fold(struct steps *steps, struct account_row *row, usec now);
/* The same from the beginning, of what the file holds, when nothing of it is counted. */
void steps_fold_all(struct steps *steps, struct account_row *row, usec now);

/* Attempts were counted under this app and integration; now they are under row's. */
void steps_move(struct steps *steps, const struct account_row *row, int64_t app, int64_t integration);

/* The attempt opened by this step is pending and its time has come: judges and counts it. */
void steps_judge(struct steps *steps, const struct account_row *row, struct attempt *attempt, usec now);

#endif
