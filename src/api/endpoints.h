/*
 * endpoints - the table of paths that are not the webhook path.
 *
 * Adding one: a row and a handler in endpoints.c, a test in tests/e2e.
 * Thread: loop.
 */
#ifndef FAIRLEAD_API_ENDPOINTS_H
#define FAIRLEAD_API_ENDPOINTS_H

#include "http/endpoint.h"
#include "receive/receive.h"

/* What handlers look at; borrowed. */
struct api_context {
    struct journal *journal;
    struct receive *receive;
};

extern const struct endpoint_table api_endpoints;

#endif
