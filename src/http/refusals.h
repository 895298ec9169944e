/*
 * refusals - the newest webhooks that were refused, for whoever wonders why events do not arrive.
 *
 * A ring in memory, lost with the process: neither bodies nor headers are kept. What a stranger wrote is kept
 * of one field alone, the connected account's id, and only where the body was complete and cheap to look at:
 * it says for whom somebody claimed to send, nothing is known to be true about it.
 *
 * Bounded: REFUSALS_MAX entries of fixed size; at most REFUSALS_LOOKS bodies a second are looked at.
 * Thread: loop.   Owner: struct server.
 */
#ifndef FAIRLEAD_HTTP_REFUSALS_H
#define FAIRLEAD_HTTP_REFUSALS_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/slice.h"

#define REFUSALS_MAX      500
#define REFUSALS_LOOKS    20
#define REFUSALS_BODY_MAX ((size_t)64 * 1024) /* larger bodies are not looked at */

struct refusal {
    uint64_t number; /* from 1, without gaps; an entry's name for cursors */
    usec at;         /* wall clock */
    enum rc rc;
    uint64_t bytes; /* of body that had arrived */
    char from[48];
    struct err err;
    char connected_account_id[128]; /* "": unknown */
};

struct refusals;

/* NULL when memory ran out. */
struct refusals *refusals_new(void);
void refusals_free(struct refusals *all);

/* One more; number is given and connected_account_id found by the call. `body`: absent when it is not
 * complete. */
void refusals_add(struct refusals *all, const struct refusal *refusal, struct slice body);

/* The newest with a number below `before` (0: of all); NULL when there is none any more. */
const struct refusal *refusals_before(const struct refusals *all, uint64_t before);

#endif
