/*
 * exchange - one request and its answer: framing, limits, the webhook's way to receive and back. What is no
 * webhook is a call (http/call.h).
 *
 * Steps: headers -> body (kept or thrown away) -> waiting for receive -> answer. While a webhook waits, the
 * library asks for its answer in each of its turns; after EXCHANGE_ASKS of them, or when EXCHANGE_ASKING
 * others are asked for already, its connection is suspended, which costs three system calls. A sender that
 * breaks the connection meanwhile gets no answer, and its webhook is stored and counted all the same. A
 * request that is refused early keeps its reason until its body has been read, so that the sender sees the
 * answer; beyond EXCHANGE_DRAIN_MAX bytes, or when the sender waits for 100 Continue, it is answered at once
 * and the connection closed.
 *
 * Thread: loop.   Owner: struct server.
 */
#ifndef FAIRLEAD_HTTP_EXCHANGE_H
#define FAIRLEAD_HTTP_EXCHANGE_H

#include <microhttpd.h>

#include "http/connections.h"
#include "http/pool.h"
#include "http/refusals.h"
#include "http/server.h"
#include "http/session.h"
#include "http/streams.h"

#define EXCHANGE_ASKS       32
#define EXCHANGE_ASKING     512
#define EXCHANGE_DRAIN_MAX  ((uint64_t)8 * 1024 * 1024)
#define EXCHANGE_HEADER_MAX ((size_t)8 * 1024)
/*
 * Memory of libmicrohttpd for one connection: headers up to the limit above get our answer, larger ones its
 * own. It clears all of it for each request, which cost a fifth of all time at 64 KiB for 256 connections: it
 * is to stay in the processor's cache.
 */
#define EXCHANGE_POOL_BYTES ((size_t)2 * EXCHANGE_HEADER_MAX)

struct exchange;

/* What all exchanges share; embedded in the server. */
struct exchanges {
    const struct server_options *options;
    struct receive *receive;
    struct connections *connections;
    struct MHD_Response *stored; /* the two answers that nearly every webhook gets, made once */
    struct MHD_Response *duplicate;
    struct exchange *spare; /* finished ones, kept for their memory */
    size_t spare_count;
    size_t submitted; /* webhooks that receive has */
    size_t asking;    /* those of them whose connections are not suspended: the library has always work */
    bool more;        /* since it was last false: the library has something to do in its next turn */
    bool called;      /* since it was last false: the library has called one of the functions below */
    struct session session;
    struct pool *pool; /* borrowed */
    struct streams streams;
    struct refusals *refusals;
    bool stopping;
};

/* `on_work` is called when connections were resumed outside of the library: run it soon. */
MUST_CHECK enum rc exchanges_init(struct exchanges *all, const struct server_options *options,
                                  struct pool *pool, void (*on_work)(void *arg), void *arg, struct err *err);
void exchanges_cleanup(struct exchanges *all);

/* Takes back what receive has finished and lets its connections go on. */
void exchanges_resume(struct exchanges *all);

/* For MHD_start_daemon(); cls is the struct exchanges. */
void *exchange_on_uri(void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result exchange_on_data(void *cls, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *data, size_t *data_size,
                                 void **con_cls);
void exchange_on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                           enum MHD_RequestTerminationCode code);

#endif
