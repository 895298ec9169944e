/*
 * endpoints - the table of paths that are not the webhook path.
 *
 * Adding one: a row in endpoints.c, a handler, a test in tests/e2e.
 */
#ifndef FAIRLEAD_API_ENDPOINTS_H
#define FAIRLEAD_API_ENDPOINTS_H

#include "http/endpoint.h"
#include "http/refusals.h"
#include "live/feed.h"
#include "receive/receive.h"
#include "track/questions.h"
#include "track/tracker.h"

/* What the dashboard shows of the configuration; strings are borrowed. No secret is in it. */
struct api_settings {
    const char *url; /* of the server */
    const char *webhook_path;
    const char *data; /* directory */
    /* Of signatures. A reload changes these three, on the loop, while the pool reads them. */
    _Atomic(const char *) scheme; /* static */
    _Atomic bool checks_signatures;
    _Atomic size_t secret_count;
    usec retention;
    usec dedupe_window;
    usec slow_after;
    usec abandoned_after;
    usec started_at;
};

/* What handlers look at; borrowed. */
struct api_context {
    struct journal *journal;
    struct receive *receive;
    const struct tracker *tracker;
    struct questions *questions;
    struct feed *feed;
    const struct refusals *refusals; /* for handlers on the loop */
    struct slice openapi;            /* see api/openapi.h */
    struct api_settings settings;
};

extern const struct endpoint_table api_endpoints;

#endif
