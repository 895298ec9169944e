/*
 * client_pool - several requests to one address under way at once, for the command line (libcurl).
 *
 * A pool has numbered places, one request at a time in each; connections are kept open and shared by all.
 * What holds for a request of client.h holds here too: no redirects, certificates checked, proxies.
 *
 * The callback runs inside client_pool_wait(), exactly once for each client_pool_post() that returned RC_OK,
 * unless the pool is closed before; it may post again to the place that became free.
 *
 * Thread: one.   Owner: whoever opened it.
 */
#ifndef FAIRLEAD_HTTP_CLIENT_POOL_H
#define FAIRLEAD_HTTP_CLIENT_POOL_H

#include "http/client.h"

struct client_pool;

/* rc and err as client_perform() gives them; the answer's body is the pool's and is freed afterwards. */
typedef void client_pool_done(void *arg, size_t place, enum rc rc, const struct client_answer *answer,
                              const struct err *err);

struct client_pool_options {
    const char *url; /* copied */
    size_t places;
    usec timeout;      /* for one exchange; 0: 30 s */
    size_t max_answer; /* 0: 16 MiB */
    client_pool_done *on_done;
    void *arg;
};

/* RC_USAGE for a url that is none; RC_NO_MEMORY. */
MUST_CHECK enum rc client_pool_open(const struct client_pool_options *options, struct client_pool **ret,
                                    struct err *err);
/* Requests under way are given up. NULL is fine. */
void client_pool_close(struct client_pool *pool);

/* Starts one in a free place. Headers and body must stay as they are until its callback. RC_NO_MEMORY. */
MUST_CHECK enum rc client_pool_post(struct client_pool *pool, size_t place, const char *const *headers,
                                    struct slice body, struct err *err);

/* Moves what is under way. Returns after `timeout`, or earlier when something happened, also when `fd` (or
 * -1) can be read. RC_INTERNAL. */
MUST_CHECK enum rc client_pool_wait(struct client_pool *pool, int fd, usec timeout, struct err *err);

#endif
