/*
 * outgoing - a webhook on its way out: body, id, and the headers with which the platform sends it.
 *
 * Thread: any; one holder at a time.   Owner: the caller (outgoing_cleanup()).
 */
#ifndef FAIRLEAD_CLI_OUTGOING_H
#define FAIRLEAD_CLI_OUTGOING_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "wire/signature.h"

enum { OUTGOING_HEADERS = 6 };

/* Zeroed at first. body and id are filled by the caller. */
struct outgoing {
    struct buf body;
    struct buf id; /* webhook-id; empty: none is sent */
    struct buf headers[OUTGOING_HEADERS];
    const char *header_list[OUTGOING_HEADERS + 1]; /* "name: value", NULL at the end */
    size_t header_count;
};

/* One attempt to deliver it. */
struct outgoing_delivery {
    const char *const *secrets;
    size_t secret_count; /* 0: not signed */
    enum scheme scheme;
    bool platform; /* of the kind that carries an id: with the headers of the platform's current system */
    int attempt;   /* from 1 */
    usec at;       /* webhook-timestamp */
};

/* Makes the headers anew. A signed webhook must have an id. RC_USAGE when a secret is no key of the scheme.
 */
MUST_CHECK enum rc outgoing_add_headers(struct outgoing *outgoing, const struct outgoing_delivery *delivery,
                                        struct err *err);

/* Empties all of it, keeping the memory. */
void outgoing_clear(struct outgoing *outgoing);
void outgoing_cleanup(struct outgoing *outgoing);

#endif
