/*
 * endpoint - what a path answers. The rows are in api/endpoints.c; the server only routes.
 *
 * Thread: handlers run on the loop and must not block.
 */
#ifndef FAIRLEAD_HTTP_ENDPOINT_H
#define FAIRLEAD_HTTP_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

#define CONTENT_TYPE_JSON "application/json"

/* Filled by a handler; the server sends and frees it. */
struct reply {
    int status;               /* 0: 200 */
    const char *content_type; /* static; NULL: JSON */
    struct buf body;
};

struct endpoint {
    const char *method; /* "GET" also answers HEAD */
    const char *path;
    bool open; /* answered without the admin token */
    void (*handle)(void *context, struct reply *reply);
    const char *help;
};

struct endpoint_table {
    const struct endpoint *rows;
    size_t count;
};

/* Makes reply the error body of interface: {"success":false,"error":{"code":"…","message":"…"}} with rc's
 * status. */
void reply_error(struct reply *reply, enum rc rc, const char *message);

#endif
