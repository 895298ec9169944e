/*
 * server - HTTP in: libmicrohttpd driven by a libuv loop, webhooks handed to receive, everything else routed
 * by table.
 *
 * libmicrohttpd runs without a thread of its own (MHD_USE_EPOLL, external): its epoll descriptor is watched
 * by libuv and MHD_run() is called when it fires. Its internal epoll thread (0.9.75) stands still when
 * exactly 128, 256, … descriptors are ready at once; tests/e2e/many_connections.test.mjs keeps watch.
 *
 * The way of a webhook: headers are checked (method, size, type), the body is gathered, the webhook goes to
 * receive_submit(); on_done wakes the loop, which answers (http/exchange.h has the steps). A refused
 * request's body is read and thrown away up to a limit, so that the sender sees the answer instead of a
 * reset.
 *
 * Thread: server_open() to server_close() on one thread, the loop. server_wake() and server_stop_soon(): any.
 */
#ifndef FAIRLEAD_HTTP_SERVER_H
#define FAIRLEAD_HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "http/asset.h"
#include "http/endpoint.h"
#include "http/refusals.h"
#include "receive/receive.h"

/*
 * Work that another part has for the loop now and then (live/feed.h). Functions NULL: none.
 */
struct server_work {
    /* Called soon after server_wake(), and when the time has come that it or `took` returned: monotonic; 0:
     * not before the next server_wake(). */
    usec (*begin)(void *arg, usec now);
    /* Streams have kept the loop busy so long while so many webhooks were waiting for their answers; returns
     * as begin does. Several times after one begin. */
    usec (*took)(void *arg, usec duration, size_t waiting);
    void *arg;
};

struct server_options {
    const char *listen; /* see http/listener.h */
    const char *path;   /* where webhooks come in */
    int64_t max_body;   /* bytes */
    usec header_timeout;
    usec body_timeout;
    usec idle_timeout;
    size_t max_connections;
    size_t max_per_address;
    const char *tls_cert; /* PEM text; NULL: plain HTTP */
    const char *tls_key;
    const char *token; /* admin token; NULL: everything is open */
    const struct endpoint_table *endpoints;
    const struct asset_table *assets; /* NULL: built without the dashboard */
    void *context;                    /* for their handlers */
    struct server_work work;
    void (*on_reload)(void *arg);   /* SIGHUP, on the loop */
    usec interval;                  /* between two calls of on_interval; 0: none */
    void (*on_interval)(void *arg); /* on the loop, as long as it turns; also while stopping */
    void *arg;
};

struct server;

/* Do a certificate and a key (PEM text) make a TLS server? Binds nothing. RC_USAGE. */
MUST_CHECK enum rc server_check_tls(const char *cert, const char *key, struct err *err);

/* Binds and prepares; nothing is answered before server_run(). Strings are borrowed for the server's life.
 * RC_USAGE, RC_UNREACHABLE. */
MUST_CHECK enum rc server_open(const struct server_options *options, struct server **ret, struct err *err);

/* "http://127.0.0.1:5000" with the real port; "https:" with TLS. Lives as long as the server. */
const char *server_url(const struct server *server);

/* The refused webhooks; for the loop's handlers. */
const struct refusals *server_refusals(const struct server *server);

/* For receive_options.on_done, on_fatal with the server as arg. */
void server_on_done(void *server);
void server_on_fatal(void *server, const struct err *err);

/*
 * Serves until SIGTERM, SIGINT or a fatal failure: then stops accepting, has receive finish (receive_stop()),
 * ends streams, waits for the pool, sends every answer, and returns. RC_OK, or what went wrong. on_ready is
 * called once when connections are accepted.
 */
MUST_CHECK enum rc server_run(struct server *server, struct receive *receive, void (*on_ready)(void *arg),
                              void *arg, struct err *err);

/* There is reason to call options.work. Any thread, until server_close() begins. */
void server_wake(void *server);

/* Asks server_run() to return, as SIGTERM does. Any thread. */
void server_stop_soon(struct server *server);

void server_close(struct server *server);

#endif
