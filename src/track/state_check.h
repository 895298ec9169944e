/*
 * state_check - is the stored read model sound, and how far is it? For doctor.
 *
 * Reads only, beside a running server too. Thread: one that may block.
 */
#ifndef FAIRLEAD_TRACK_STATE_CHECK_H
#define FAIRLEAD_TRACK_STATE_CHECK_H

#include <stdint.h>

#include "base/error.h"
#include "track/lifecycle.h"

struct state_report {
    uint64_t position;        /* the last record that it is true for */
    struct patience patience; /* that it was made with */
};

/* RC_NOT_FOUND: there is none yet. RC_CORRUPT, RC_TOO_NEW, RC_STORAGE_UNAVAILABLE say what is wrong. */
MUST_CHECK enum rc state_check(const char *directory, struct state_report *ret, struct err *err);

#endif
