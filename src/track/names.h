/*
 * names - types, apps and integrations as small numbers, which repeat in every event.
 *
 * Numbers are given in order of first appearance, from 1; 0 stands for an absent name. The ones used lately
 * are kept in memory.
 *
 * Thread: the tracker's.   Owner: struct read_model; embedded in it.
 */
#ifndef FAIRLEAD_TRACK_NAMES_H
#define FAIRLEAD_TRACK_NAMES_H

#include "track/state.h"

#define NAMES_SLOTS   256
#define NAMES_MAX_LEN 100 /* longer ones are looked up in the file each time */

struct names {
    struct names_slot {
        int64_t id; /* 0: free */
        size_t len;
        char text[NAMES_MAX_LEN];
    } slots[NAMES_SLOTS];
};

/* The number of a name, a new one when it is new. Of an absent or empty name, and after a failure: 0. */
int64_t names_number(struct names *names, struct state *state, struct slice text);

/* Appends the name of a number; nothing for 0. */
void names_write(struct state *state, int64_t id, struct buf *out);

/* After a rollback: numbers given since the last commit are not. */
void names_forget(struct names *names);

#endif
