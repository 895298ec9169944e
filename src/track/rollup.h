/*
 * rollup - how many connections were started and what became of them, by minute, hour and day, over all, for
 * each app, and for each integration.
 *
 * An attempt is counted in the bucket of its start, with its outcome; a changed attempt is taken back as it
 * was and counted as it is. Changes of a transaction are gathered here and written at its end, each row once.
 * Rows that come to nothing are removed, so that the table is a function of the attempts alone.
 *
 * Thread: the tracker's.   Owner: struct read_model; embedded in it.
 */
#ifndef FAIRLEAD_TRACK_ROLLUP_H
#define FAIRLEAD_TRACK_ROLLUP_H

#include "track/lifecycle.h"
#include "track/sketch.h"
#include "track/state.h"

enum rollup_level { LEVEL_ALL, LEVEL_APP, LEVEL_INTEGRATION, LEVEL_COUNT };

/* The grains in seconds, finest first. */
#define ROLLUP_GRAINS 3
extern const int64_t rollup_grains[ROLLUP_GRAINS];

/* The start of the bucket that a time is in, in seconds since 1970. */
int64_t rollup_bucket(usec at, int64_t grain_seconds);

/* What a row counts. */
struct rollup_counts {
    int64_t started;
    int64_t outcomes[OUTCOME_COUNT]; /* [OUTCOME_PENDING] is what the others leave of `started` */
};

#define ROLLUP_RECENT 4096

struct rollup {
    struct buf changes;             /* struct change each */
    uint32_t recent[ROLLUP_RECENT]; /* by hash: where in changes one may be that the next can be added to */
};

void rollup_init(struct rollup *rollup);
void rollup_cleanup(struct rollup *rollup);

/* Counts an attempt of an account with this app and integration (numbers of names): sign 1; takes it back:
 * -1. */
void rollup_count(struct rollup *rollup, int64_t app, int64_t integration, const struct attempt *attempt,
                  int sign);

/* So much is gathered that it should be written before the transaction's end. */
bool rollup_is_full(const struct rollup *rollup);
/* Writes what was gathered; to be called before the commit. */
void rollup_flush(struct rollup *rollup, struct state *state);
/* Forgets what was gathered. */
void rollup_forget(struct rollup *rollup);

#endif
