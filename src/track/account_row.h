/*
 * account_row - one account as state.db keeps it, to be read, changed and written back.
 *
 * Thread: the tracker's.   Owner: struct read_model has one that it uses again and again.
 */
#ifndef FAIRLEAD_TRACK_ACCOUNT_ROW_H
#define FAIRLEAD_TRACK_ACCOUNT_ROW_H

#include "track/lifecycle.h"
#include "track/state.h"

/* A fact that any event may tell: the one with the newest time counts. */
struct detail {
    int64_t name; /* a number of names */
    usec at;
};

struct account_row {
    int64_t id;
    bool is_stored; /* false: account_row_save() adds it */
    struct standing {
        int64_t app;
        enum account_status status;
        enum stalled stalled;
    } stored; /* indexes follow these: written only when they are others */
    struct buf account_id;
    struct detail app;
    struct detail integration_name;
    struct detail integration_id;
    struct buf user_id;
    usec user_id_at;
    struct lifecycle lifecycle;
    struct buf status_reason; /* empty: none */
    enum stalled stalled;
    bool has_step;
    struct step last_step; /* the newest in order of (at, kind) */
    usec first_seen_at;
    int64_t first_seq;
    usec last_event_at;
};

void account_row_init(struct account_row *row);
void account_row_cleanup(struct account_row *row);

/* Fills row; false when there is none or after a failure. */
bool account_row_get(struct state *state, int64_t id, struct account_row *row);

/* Begins a new one, first heard of in this record; it is in the file once it is saved. */
void account_row_begin(struct account_row *row, int64_t id, struct slice account_id, usec seen_at,
                       uint64_t seq);
void account_row_save(struct state *state, struct account_row *row);

/* What attempts are counted under: the integration's name, or its id where it has none. */
int64_t account_row_integration(const struct account_row *row);

#endif
