/*
 * client - one HTTP request to another machine, for the command line (libcurl).
 *
 * Blocking; for threads that may block. Redirects are not followed. TLS certificates are checked. Proxies of
 * the environment (http_proxy, https_proxy, no_proxy) are used, except towards this machine itself.
 */
#ifndef FAIRLEAD_HTTP_CLIENT_H
#define FAIRLEAD_HTTP_CLIENT_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/slice.h"

/* Keeps a connection open between requests. For one thread at a time; NULL when memory ran out. */
struct client;
struct client *client_open(void);
void client_close(struct client *client);

struct client_request {
    struct client *client;      /* NULL: a connection for this request alone */
    const char *method;         /* "GET", "POST" */
    const char *url;            /* http:// or https:// only */
    const char *const *headers; /* "name: value", NULL at the end; may be NULL */
    struct slice body;          /* sent when it has a pointer */
    const char *cacert;         /* PEM file of the authorities to trust; NULL: the system's */
    usec timeout;               /* for the whole exchange; 0: 30 s */
    size_t max_answer;          /* bytes of the answer's body; 0: 16 MiB */
};

struct client_answer {
    int status;
    struct buf body; /* buf_cleanup() by the caller */
    usec elapsed;
    usec
        retry_after; /* what its Retry-After asks for (RFC 9110, section 10.2.3), at most a day; 0: nothing */
};

/*
 * Performs it. RC_UNREACHABLE when no answer came, with a sentence that names host, port and cause;
 * RC_UNTRUSTED when its certificate cannot be checked; RC_USAGE for an url that is none; RC_BODY_TOO_LARGE
 * for an answer over max_answer; RC_NO_MEMORY. Any HTTP status is RC_OK. ret need not be prepared.
 */
MUST_CHECK enum rc client_perform(const struct client_request *request, struct client_answer *ret,
                                  struct err *err);

#endif
