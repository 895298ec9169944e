/*
 * asset - the dashboard's files, embedded in the program.
 *
 * They hold no data and are answered without a token. A client that does not take gzip gets the plain bytes,
 * so both are in the table; for small files, or where gzip gains nothing, `gzip` is absent.
 *
 * Thread: loop.   Owner: static memory.
 */
#ifndef FAIRLEAD_HTTP_ASSET_H
#define FAIRLEAD_HTTP_ASSET_H

#include <stdbool.h>
#include <stddef.h>

#include "http/reply.h"
#include "http/request.h"

#define ASSET_INDEX "/index.html" /* what "/" answers with */

struct asset {
    const char *path; /* "/app-3f2a.js" */
    const char *content_type;
    struct slice plain;
    struct slice gzip; /* absent: there is only the plain form */
    const char *etag;  /* without quotes */
    bool immutable;    /* the path changes with the bytes: may be kept for ever */
};

struct asset_table {
    const struct asset *rows;
    size_t count;
};

/*
 * Is there something at this path? *ret is its row; NULL for "/" of a program without a dashboard, which says
 * so. `table` may be NULL.
 */
bool asset_find(const struct asset_table *table, const char *path, const struct asset **ret);

/* Answers with what asset_find() gave: 200, or 304 when the client has it. */
void asset_answer(const struct asset *asset, const struct request *request, struct reply *reply);

/* Does an Accept-Encoding header (RFC 9110, section 12.5.3; NULL: none) take gzip? */
bool asset_takes_gzip(const char *accept_encoding);

#endif
