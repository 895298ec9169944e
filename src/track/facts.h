/*
 * facts - what events say about connected accounts, gathered so that an account is read and written once for
 * all that a transaction has to say about it.
 *
 * Numbers of accounts are given here: in order of first appearance, whatever the order of writing.
 *
 * Limits: the caller hands over what has gathered when facts_are_many().
 *
 * Thread: the tracker's.   Owner: struct read_model; embedded in it.
 */
#ifndef FAIRLEAD_TRACK_FACTS_H
#define FAIRLEAD_TRACK_FACTS_H

#include "track/lifecycle.h"
#include "track/state.h"

/* What one event says. Names are numbers of track/names.h. */
struct fact {
    uint64_t seq;
    usec received_at;
    usec at; /* the event's own time */
    int64_t type;
    int64_t app;
    int64_t integration_name;
    int64_t integration_id;
    enum step_kind kind;
    bool has_step;

    /* Set by facts_add(). */
    bool is_first;   /* nobody has heard of the account before */
    int64_t account; /* its number; 0: the event is about none */
    struct fact_text {
        uint32_t at;
        uint32_t len;
    } account_id, user_id, reason; /* for facts_text() */
};

struct facts {
    struct buf list;      /* struct fact each */
    struct buf texts;     /* their bytes */
    struct buf slots;     /* struct slot each: where in the list an account stands */
    size_t accounts;      /* slots that are taken */
    uint32_t generation;  /* slots of another one are free */
    int64_t last_account; /* the last number given; -1: to be asked */
};

void facts_init(struct facts *facts);
void facts_cleanup(struct facts *facts);

/* The texts may be absent. After a failure of memory or of state nothing is added and state has failed. */
void facts_add(struct facts *facts, struct state *state, const struct fact *fact, struct slice account_id,
               struct slice user_id, struct slice reason);
bool facts_are_many(const struct facts *facts);

/* All of them, those of one account together and in order of their records; borrowed until facts_clear(). */
struct fact *facts_by_account(struct facts *facts, size_t *ret_count);
struct slice facts_text(const struct facts *facts, struct fact_text text);

/* When they are written. */
void facts_clear(struct facts *facts);
/* After a rollback: numbers given since the last commit are not. */
void facts_forget(struct facts *facts);

#endif
