/*
 * endpoint - what a path answers. The rows are in api/endpoints.c; the server only routes.
 *
 * Everything about a request that can be said in a table is in the row: who may ask, which parameters there
 * are, on which thread the handler runs. The reference of the API is made from the same rows.
 */
#ifndef FAIRLEAD_HTTP_ENDPOINT_H
#define FAIRLEAD_HTTP_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "http/parameter.h"
#include "http/reply.h"
#include "http/request.h"
#include "receive/receive.h"

enum access {
    ACCESS_TOKEN, /* the admin token, or the cookie that stands for it */
    ACCESS_OPEN,
};

enum run {
    RUN_LOOP, /* the handler must not block: nothing of a database */
    RUN_POOL, /* on one of libuv's threads while the connection is suspended; any number at the same time */
    RUN_RECEIVE, /* on the loop, after the webhook that `make` wrote has been received like any that is posted
                  */
};

struct endpoint {
    const char *method; /* "GET" also answers HEAD */
    const char *path;   /* may have one "{name}" as a whole segment: a parameter IN_PATH */
    enum access access;
    enum run run;
    const struct parameter *parameters; /* up to PARAMETER_END; NULL: none. Others than these are refused. */
    void (*handle)(void *context, const struct request *request, struct reply *reply);
    /* RUN_RECEIVE: appends head lines and body; on the loop. The handler finds it in request->webhook. */
    enum rc (*make)(void *context, const struct request *request, struct webhook *webhook, struct err *err);
    const char *answer; /* for the reference: the schema of a JSON answer (api/schema.h); NULL: none */
    const char *media;  /* for the reference: the type of an answer that is no JSON; NULL: none */
    const char *help;   /* one sentence without a dot at its end */
};

struct endpoint_table {
    const struct endpoint *rows;
    size_t count;
};

/* POST, PUT, and whatever has a parameter IN_BODY: its body is a JSON object, at most REQUEST_BODY_MAX bytes.
 * The bodies of others are read and thrown away. */
bool endpoint_takes_body(const struct endpoint *endpoint);

/* Asserts what the rows promise: parameters named in paths exist, defaults are allowed values, limits make
 * sense. */
void endpoint_table_check(const struct endpoint_table *table);

/*
 * Finds the row. When only the method does not fit, RC_METHOD_NOT_ALLOWED and the Allow header's value is
 * appended to ret_allow; RC_NOT_FOUND. *ret_segment is what stands at {name}, still encoded; absent when the
 * path has none. A fixed path goes before one with a parameter.
 */
MUST_CHECK enum rc endpoint_find(const struct endpoint_table *table, const char *method, const char *path,
                                 const struct endpoint **ret, struct slice *ret_segment,
                                 struct buf *ret_allow);

#endif
