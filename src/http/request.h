/*
 * request - what a handler sees of an HTTP request: its parameters, already checked, and a few headers.
 *
 * Parameters are asked for by the name of their row in the endpoint's table; a name that has no row there, or
 * one of another kind, is a mistake of ours and asserted. Slices and strings live as long as the request: to
 * the end of the handler. Who needs them longer (a stream) copies them.
 *
 * Thread: the handler's. A request belongs to one exchange and is read-only for its handler.
 */
#ifndef FAIRLEAD_HTTP_REQUEST_H
#define FAIRLEAD_HTTP_REQUEST_H

#include "http/parameter.h"
#include "wire/json.h"

#define REQUEST_PARAMETERS_MAX 16
#define REQUEST_BODY_MAX       ((size_t)64 * 1024)

/* name, header */
#define REQUEST_HEADERS(X)                                                                                   \
    X(REQUEST_HOST, "Host")                                                                                  \
    X(REQUEST_ORIGIN, "Origin")                                                                              \
    X(REQUEST_SEC_FETCH_SITE, "Sec-Fetch-Site")                                                              \
    X(REQUEST_ACCEPT_ENCODING, "Accept-Encoding")                                                            \
    X(REQUEST_IF_NONE_MATCH, "If-None-Match")                                                                \
    X(REQUEST_LAST_EVENT_ID, "Last-Event-ID")

#define REQUEST_HEADER_ENUM_ROW(name, header) name,
enum request_header { REQUEST_HEADERS(REQUEST_HEADER_ENUM_ROW) REQUEST_HEADER_COUNT };
#undef REQUEST_HEADER_ENUM_ROW

struct endpoint;
struct pool;
struct session;
struct webhook;

struct request {
    const struct endpoint *endpoint;
    const char *method;            /* as sent; "HEAD" is handled like "GET", only its body is not sent */
    const char *path;              /* as sent, without the query */
    const char *from;              /* address of the peer */
    usec now;                      /* wall clock when it was parsed; what durations count back from */
    const struct session *session; /* see http/session.h */
    struct pool *pool;             /* see http/pool.h */
    const struct webhook
        *webhook; /* RUN_RECEIVE: what has been received, successfully; see receive/receive.h */

    /* Behind the functions below. */
    const char *headers[REQUEST_HEADER_COUNT];
    struct parameter_value values[REQUEST_PARAMETERS_MAX];
    struct slice texts[REQUEST_PARAMETERS_MAX];
    char *owned_texts[REQUEST_PARAMETERS_MAX];
};

/* Was it in the request, or does its row have a default? */
bool request_has(const struct request *request, const char *name);
/* PARAMETER_TEXT: any UTF-8, zero bytes included; absent (ptr NULL) when not given. */
struct slice request_text(const struct request *request, const char *name);
/* PARAMETER_NUMBER; 0 when not given. */
int64_t request_number(const struct request *request, const char *name);
/* PARAMETER_TIME: Unix time in usec; `otherwise` when not given. */
usec request_time(const struct request *request, const char *name, usec otherwise);
/* PARAMETER_CHOICE: index into the row's choices; -1 when not given. */
int request_choice(const struct request *request, const char *name);
/* PARAMETER_FLAG; false when not given. */
bool request_flag(const struct request *request, const char *name);
/* PARAMETER_CURSOR: from 1; 0 when not given. */
uint64_t request_cursor(const struct request *request, const char *name);

/* NULL when the request has none. */
const char *request_header(const struct request *request, enum request_header header);

/* Does If-None-Match name this tag? `etag` without quotes; compared weakly (RFC 9110, section 13.1.2). */
bool request_has_etag(const struct request *request, const char *etag);

/*
 * Making one: the server's part, and that of tests of handlers. request_init(), then request_set() for each
 * value that came, then request_finish() for defaults and what is missing; request_cleanup() always.
 */
void request_init(struct request *request, const struct endpoint *endpoint, usec now);
void request_cleanup(struct request *request);

/*
 * One value, already decoded; `text` is absent for a query's bare name. RC_BAD_PARAMETER: unknown, repeated,
 * not allowed. RC_NO_MEMORY.
 */
MUST_CHECK enum rc request_set(struct request *request, enum parameter_place place, struct slice name,
                               struct slice text, struct err *err);

/* The members of a JSON object as IN_BODY values; an empty body is an empty object. RC_INVALID_JSON,
 * RC_NOT_AN_OBJECT, RC_BAD_PARAMETER. */
MUST_CHECK enum rc request_set_body(struct request *request, struct slice body, struct err *err);

MUST_CHECK enum rc request_finish(struct request *request, struct err *err);

/*
 * Appends `text` with its percent-escapes decoded (RFC 3986, section 2.1). false when an escape is broken or
 * the result is not UTF-8.
 */
bool request_decode(struct slice text, struct buf *out) __attribute__((warn_unused_result));

#endif
