/*
 * reply - what a handler answers: status, headers, and a body that is owned, borrowed, or a stream.
 *
 * A handler gets a reply that says 200 and JSON; it appends to `body`, or sets `fixed`, or calls
 * reply_stream(). A body that ran out of memory becomes an error answer by itself.
 *
 * The server adds to every reply: X-Content-Type-Options, Referrer-Policy, Retry-After to a 503, and unless
 * the handler set them Cache-Control: no-store and, for HTML, Content-Security-Policy.
 *
 * Thread: the handler's.   Owner: the server frees it.
 */
#ifndef FAIRLEAD_HTTP_REPLY_H
#define FAIRLEAD_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

#define CONTENT_TYPE_JSON         "application/json"
#define CONTENT_TYPE_HTML         "text/html; charset=utf-8"
#define CONTENT_TYPE_TEXT         "text/plain; charset=utf-8"
#define CONTENT_TYPE_EVENT_STREAM "text/event-stream"

#define REPLY_HEADERS_MAX 8

struct stream;

struct reply_header {
    const char *name;
    size_t value_at; /* in header_text, zero-terminated */
};

struct reply {
    int status;               /* 0: 200 */
    const char *content_type; /* static; NULL: JSON */
    struct buf body;
    struct slice fixed;    /* instead of body: memory that lives as long as the program */
    struct stream *stream; /* instead of body: see http/stream.h */
    struct reply_header headers[REPLY_HEADERS_MAX];
    size_t header_count;
    struct buf header_text;
};

/*
 * Adds a header; `name` is static, the value is copied. A value with a line break or another control
 * character makes the whole reply an error; more than REPLY_HEADERS_MAX headers are a mistake of ours.
 */
void reply_header(struct reply *reply, const char *name, const char *value);
/* The value of a header that was added; NULL: none. */
const char *reply_get_header(const struct reply *reply, const char *name);

/* Makes reply the error body of the interface, {"success":false,"error":{"code":"…","message":"…"}}, with
 * rc's status, whatever was in it before; not after reply_stream(). `message` NULL or empty: rc's own text.
 */
void reply_error(struct reply *reply, enum rc rc, const char *message);

void reply_cleanup(struct reply *reply);

#endif
