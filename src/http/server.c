#include "http/server.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "http/exchange.h"
#include "http/listener.h"

#define STOP_TIME (5 * USEC_PER_SEC)

/* So long is the daemon not run while it says that it has work: the next millisecond. */
#define ASK_INTERVAL (USEC_PER_MS / 2)

/* Turns in a row that nothing comes of; enough for the longest of our answers in records of TLS. */
#define FRUITLESS_TURNS 256

/* At most so many connections does libmicrohttpd accept beyond our own limit, so that ours decides who has to
 * go. */
#define SPARE_CONNECTIONS 64

struct server {
    struct server_options options;
    struct exchanges exchanges;
    struct MHD_Daemon *daemon;
    int listener;
    struct buf url;

    struct pool *pool;
    uv_loop_t loop;
    uv_poll_t socket; /* the daemon's epoll descriptor */
    uv_poll_t ends;   /* the connections' */
    uv_idle_t again;  /* active while the daemon has work that no descriptor shows */
    uv_timer_t timer; /* the next connection to expire, and the end of a stop */
    uv_timer_t interval;
    uv_async_t done;
    uv_async_t stop;
    uv_async_t wake;
    uv_signal_t signals[3];
    bool resumed;       /* connections were, since the daemon last began to run */
    bool closed;        /* likewise */
    unsigned fruitless; /* turns in a row, at most FRUITLESS_TURNS */
    usec stop_deadline;
    usec work_due; /* when options.work wants to be called; 0: when it is woken */
    _Atomic bool fatal;
    struct err fatal_err;
};

static const int SIGNALS[3] = {SIGTERM, SIGINT, SIGHUP};

static void run_daemon(struct server *server);

/* --- libmicrohttpd's callbacks ---------------------------------------------------------------------------
 */

static void on_connection(void *cls, struct MHD_Connection *http, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct server *server = cls;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*context)
            connections_remove(server->exchanges.connections, *context);
        *context = NULL;
        server->closed = true;
        return;
    }
    const union MHD_ConnectionInfo *fd = MHD_get_connection_info(http, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *from = MHD_get_connection_info(http, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    *context = connections_add(server->exchanges.connections, fd->connect_fd, from->client_addr);
    if (!*context) /* it could never expire */
        shutdown(fd->connect_fd, SHUT_RDWR);
}

static enum MHD_Result on_accept(void *cls, const struct sockaddr *from, socklen_t len)
{
    (void)len;
    struct server *server = cls;
    return connections_admit(server->exchanges.connections, from) ? MHD_YES : MHD_NO;
}

__attribute__((format(printf, 2, 0))) static void on_library_log(void *cls, const char *format, va_list args)
{
    (void)cls;
    if (!log_enabled(LOG_DEBUG))
        return;
    char text[256];
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    log_debug("http library", "text", text);
}

/* Paths are compared as they were sent: nothing that decodes to the webhook path, or is cut at %00, passes
 * for it. */
static size_t keep_escapes(void *cls, struct MHD_Connection *http, char *text)
{
    (void)cls;
    (void)http;
    return strlen(text);
}

/* --- the loop --------------------------------------------------------------------------------------------
 */

static void finish_when_quiet(struct server *server)
{
    bool quiet = connections_count(server->exchanges.connections) == 0;
    bool late = clock_monotonic() >= server->stop_deadline;
    if (server->exchanges.submitted == 0 && pool_busy(server->pool) == 0 && (quiet || late))
        uv_stop(&server->loop);
}

static void set_timer(struct server *server);

static void do_work(struct server *server)
{
    const struct server_work *work = &server->options.work;
    server->work_due = work->begin(work->arg, clock_monotonic());
    run_daemon(server);
}

/* A turn in which streams were served has done others' work as well: a busy loop makes them look dearer, and
 * they then take less. */
static void run_library(struct server *server)
{
    const struct server_work *work = &server->options.work;
    usec start = clock_monotonic();
    server->exchanges.streams.served = false;
    MHD_run(server->daemon);
    if (server->exchanges.streams.served && work->took)
        server->work_due = work->took(work->arg, clock_monotonic() - start, server->exchanges.submitted);
}

static void on_timer(uv_timer_t *timer)
{
    struct server *server = timer->data;
    if (server->work_due != 0 && server->work_due <= clock_monotonic())
        do_work(server);
    else
        run_daemon(server);
}

static void on_wake(uv_async_t *async)
{
    do_work(async->data);
}

static usec sooner(usec a, usec b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static void set_timer(struct server *server)
{
    usec now = clock_monotonic();
    usec next = connections_expire(server->exchanges.connections, now);
    next = sooner(next, streams_beat(&server->exchanges.streams, now));
    next = sooner(next, server->stop_deadline);
    next = sooner(next, server->work_due);
    if (server->exchanges.asking > 0 || server->fruitless == FRUITLESS_TURNS)
        next = sooner(next, now + ASK_INTERVAL);
    if (next == 0) {
        uv_timer_stop(&server->timer);
        return;
    }
    uint64_t wait_ms = next <= now ? 1 : (uint64_t)((next - now) / USEC_PER_MS + 1);
    /* Most turns move the next deadline a little further: an early wake-up is cheaper than a timer set each
     * time. */
    if (!uv_is_active((uv_handle_t *)&server->timer) || uv_timer_get_due_in(&server->timer) > wait_ms)
        uv_timer_start(&server->timer, on_timer, wait_ms, 0);
}

static void on_again(uv_idle_t *idle)
{
    run_daemon(idle->data);
}

/* Connections were resumed outside of the library: the next turn of the loop runs it. */
static void on_work(void *arg)
{
    struct server *server = arg;
    server->resumed = true;
    if (!uv_is_active((uv_handle_t *)&server->again))
        uv_idle_start(&server->again, on_again);
}

static bool says_work(const struct server *server)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms = 1;
    return MHD_get_timeout(server->daemon, &timeout_ms) == MHD_YES && timeout_ms == 0;
}

/*
 * Has the daemon work that no descriptor shows? Out of descriptors it stops listening, and after a close
 * begins again only when it is run. It always says that it has work while webhooks wait for the disk, and
 * while a handshake of TLS stands still: then what else it may have is done when they go on, when a
 * descriptor fires, or after ASK_INTERVAL.
 */
static bool has_work(struct server *server)
{
    bool certain = server->resumed || server->closed || server->exchanges.more;
    bool said = !certain && server->exchanges.asking == 0 && says_work(server);
    if (!said || server->exchanges.called)
        server->fruitless = 0;
    else if (server->fruitless < FRUITLESS_TURNS)
        server->fruitless++;
    return certain || (said && server->fruitless < FRUITLESS_TURNS);
}

/* One turn: everything that is ready is read, submitted webhooks are handed over together, what is pending is
 * remembered. */
static void run_daemon(struct server *server)
{
    server->resumed = server->closed = server->exchanges.more = server->exchanges.called = false;
    run_library(server);
    receive_flush(server->exchanges.receive);
    bool pending = has_work(server);
    bool idling = uv_is_active((uv_handle_t *)&server->again);
    if (pending && !idling)
        uv_idle_start(&server->again, on_again);
    else if (!pending && idling)
        uv_idle_stop(&server->again);
    set_timer(server);
    if (server->stop_deadline)
        finish_when_quiet(server);
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    run_daemon(poll->data);
}

static void on_ends(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct server *server = poll->data;
    connections_see_ends(server->exchanges.connections);
    set_timer(server);
}

static void on_done(uv_async_t *async)
{
    struct server *server = async->data;
    exchanges_resume(&server->exchanges);
    run_daemon(server);
}

static void begin_stop(struct server *server)
{
    if (server->stop_deadline)
        return;
    log_info("stopping: no new connections, finishing what was received");
    server->stop_deadline = clock_monotonic() + STOP_TIME;
    server->exchanges.stopping = true;
    MHD_socket listener = MHD_quiesce_daemon(server->daemon);
    if (listener != MHD_INVALID_SOCKET)
        close(listener);
    server->listener = -1;
    /* What lies read in the sockets is a request that was received: one more turn before receive closes. */
    MHD_run(server->daemon);
    receive_stop(server->exchanges.receive);
    streams_end(&server->exchanges.streams);
    exchanges_resume(&server->exchanges);
    connections_shut_idle(server->exchanges.connections);
    run_daemon(server);
}

static void on_stop(uv_async_t *async)
{
    begin_stop(async->data);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct server *server = handle->data;
    if (number != SIGHUP)
        begin_stop(server);
    else if (server->options.on_reload)
        server->options.on_reload(server->options.arg);
}

static void on_interval(uv_timer_t *timer)
{
    struct server *server = timer->data;
    server->options.on_interval(server->options.arg);
}

static void start_interval(struct server *server)
{
    uint64_t every_ms = (uint64_t)(server->options.interval / USEC_PER_MS);
    if (server->options.interval > 0)
        uv_timer_start(&server->interval, on_interval, 0, every_ms ? every_ms : 1);
}

void server_on_done(void *arg)
{
    struct server *server = arg;
    uv_async_send(&server->done);
}

void server_stop_soon(struct server *server)
{
    uv_async_send(&server->stop);
}

void server_wake(void *arg)
{
    struct server *server = arg;
    uv_async_send(&server->wake);
}

void server_on_fatal(void *arg, const struct err *err)
{
    struct server *server = arg;
    server->fatal_err = *err;
    server->fatal = true;
    server_stop_soon(server);
}

/* --- start and end -----------------------------------------------------------------------------------------
 */

/* The items of a TLS daemon, or none. */
static void fill_tls(struct MHD_OptionItem items[3], const char *cert, const char *key)
{
    struct MHD_OptionItem *next = items;
    if (cert) {
        *next++ = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)cert};
        *next++ = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key};
    }
    *next = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
}

static struct MHD_Daemon *start_daemon(struct server *server)
{
    const struct server_options *options = &server->options;
    size_t spare =
        options->max_connections < SPARE_CONNECTIONS ? options->max_connections : SPARE_CONNECTIONS;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem tls[3];
    fill_tls(tls, options->tls_cert, options->tls_key);
    if (options->tls_cert)
        flags |= MHD_USE_TLS;
    return MHD_start_daemon(
        flags, 0, on_accept, server, exchange_on_data, &server->exchanges, MHD_OPTION_EXTERNAL_LOGGER,
        on_library_log, NULL, MHD_OPTION_LISTEN_SOCKET, server->listener, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)(options->max_connections + spare), MHD_OPTION_CONNECTION_MEMORY_LIMIT, EXCHANGE_POOL_BYTES,
        MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
        MHD_OPTION_NOTIFY_COMPLETED, exchange_on_completed, &server->exchanges, MHD_OPTION_URI_LOG_CALLBACK,
        exchange_on_uri, &server->exchanges, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

static enum rc tls_failed(struct err *err)
{
    return err_set(err, RC_USAGE, "TLS could not be started: are tls-cert and tls-key a matching PEM pair?");
}

enum rc server_check_tls(const char *cert, const char *key, struct err *err)
{
    struct MHD_OptionItem tls[3];
    fill_tls(tls, cert, key);
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_TLS | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG, 0, NULL,
                         NULL, exchange_on_data, NULL, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, NULL,
                         MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    if (!daemon)
        return tls_failed(err);
    MHD_stop_daemon(daemon);
    return RC_OK;
}

/* The handles stay in the loop from here to server_close(). */
static void init_loop(struct server *server)
{
    uv_loop_init(&server->loop);
    uv_idle_init(&server->loop, &server->again);
    uv_timer_init(&server->loop, &server->timer);
    uv_timer_init(&server->loop, &server->interval);
    uv_async_init(&server->loop, &server->done, on_done);
    uv_async_init(&server->loop, &server->stop, on_stop);
    uv_async_init(&server->loop, &server->wake, on_wake);
    server->again.data = server->timer.data = server->interval.data = server;
    server->done.data = server->stop.data = server->wake.data = server;
    for (size_t i = 0; i < 3; i++) {
        uv_signal_init(&server->loop, &server->signals[i]);
        server->signals[i].data = server;
    }
}

enum rc server_open(const struct server_options *options, struct server **ret, struct err *err)
{
    struct server *server = calloc(1, sizeof *server);
    if (!server)
        return err_set(err, RC_NO_MEMORY, "no memory for the HTTP server");
    server->options = *options;
    server->listener = -1;
    endpoint_table_check(options->endpoints);
    init_loop(server);
    server->pool = pool_new(&server->loop, on_work, server);
    if (!server->pool) {
        server_close(server);
        return err_set(err, RC_NO_MEMORY, "no memory for the HTTP server");
    }
    buf_add_str(&server->url, options->tls_cert ? "https://" : "http://");
    enum rc rc = listener_open(options->listen, &server->listener, &server->url, err);
    if (rc == RC_OK)
        rc = exchanges_init(&server->exchanges, &server->options, server->pool, on_work, server, err);
    if (rc == RC_OK && !(server->daemon = start_daemon(server)))
        rc = options->tls_cert ? tls_failed(err)
                               : err_set(err, RC_INTERNAL, "the HTTP server could not be started");
    if (rc != RC_OK) {
        server_close(server);
        return rc;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    uv_poll_init(&server->loop, &server->socket, info->epoll_fd);
    uv_poll_init(&server->loop, &server->ends, connections_ends(server->exchanges.connections));
    server->socket.data = server->ends.data = server;
    *ret = server;
    return RC_OK;
}

const char *server_url(const struct server *server)
{
    return buf_str(&server->url);
}

const struct refusals *server_refusals(const struct server *server)
{
    return server->exchanges.refusals;
}

enum rc server_run(struct server *server, struct receive *receive, void (*on_ready)(void *arg), void *arg,
                   struct err *err)
{
    server->exchanges.receive = receive;
    uv_poll_start(&server->socket, UV_READABLE, on_socket);
    uv_poll_start(&server->ends, UV_READABLE, on_ends);
    for (size_t i = 0; i < 3; i++)
        uv_signal_start(&server->signals[i], on_signal, SIGNALS[i]);
    if (on_ready)
        on_ready(arg);
    start_interval(server);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    if (server->fatal)
        return err_set(err, RC_INTERNAL, "the journal failed on a disk that looks healthy: %s",
                       server->fatal_err.message);
    return RC_OK;
}

/* All but the pool's, which is needed until its work is done. */
static void close_handle(uv_handle_t *handle, void *pool)
{
    if (handle->data != pool && !uv_is_closing(handle))
        uv_close(handle, NULL);
}

void server_close(struct server *server)
{
    if (!server)
        return;
    uv_walk(&server->loop, close_handle, server->pool);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    pool_free(server->pool);
    int left = uv_loop_close(&server->loop);
    assert(left == 0);
    (void)left;
    if (server->daemon)
        MHD_stop_daemon(server->daemon); /* closes the listener too */
    else if (server->listener >= 0)
        close(server->listener);
    if (server->exchanges.options)
        exchanges_cleanup(&server->exchanges);
    buf_cleanup(&server->url);
    free(server);
}
