/*
 * rebuild - state.db once more from the journal, from its oldest record to its newest.
 *
 * What a trimmed journal cannot tell any more is taken over from the old file where that can be read. A
 * rebuild that is broken off leaves a file that is true up to where it came; a tracker goes on from there.
 *
 * Thread: one that may block, while nobody else writes state.db: its caller holds the data directory.
 */
#ifndef FAIRLEAD_TRACK_REBUILD_H
#define FAIRLEAD_TRACK_REBUILD_H

#include "track/read_model.h"

struct rebuild_options {
    struct journal *journal; /* borrowed */
    const char *directory;
    struct patience patience;
    void (*on_progress)(void *arg, uint64_t done, uint64_t total); /* records; may be NULL */
    void *arg;
};

struct rebuild_result {
    uint64_t first_seq; /* 0: the journal is empty */
    uint64_t last_seq;
    uint64_t records;
};

/* RC_STORAGE_UNAVAILABLE, RC_CORRUPT (the journal), RC_NO_MEMORY. */
MUST_CHECK enum rc rebuild_run(const struct rebuild_options *options, struct rebuild_result *ret,
                               struct err *err);

#endif
