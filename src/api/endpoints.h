/*
 * endpoints - the table of paths that are not the webhook path.
 *
 * Adding one: a row in endpoints.c, a handler, a test in tests/e2e.
 */
#ifndef FAIRLEAD_API_ENDPOINTS_H
#define FAIRLEAD_API_ENDPOINTS_H

#include "http/endpoint.h"
#include "http/refusals.h"
#include "receive/receive.h"

/* What handlers look at; borrowed. */
struct api_context {
    struct journal *journal;
    struct receive *receive;
    const struct refusals *refusals; /* for handlers on the loop */
};

extern const struct endpoint_table api_endpoints;

#endif
