/* A real server with endpoints of its own on port 0: parameters, work on the pool, streams, files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/metric.h"
#include "http/exchange.h"
#include "http/pool.h"
#include "http/server.h"
#include "http/stream.h"
#include "support/faulty_vfs.h"
#include "support/temp_dir.h"
#include "wire/head.h"

#define HANG_SECONDS 60
#define BEAT         ": beat\n\n"
#define FLOOD_BLOCK  1024

/* Everything that one test has; handlers get it as their context. */
struct fixture {
    char directory[TEMP_DIR_SIZE];
    struct server_options options;
    struct journal *journal;
    struct receive *receive;
    struct server *server;
    enum rc result;
    pthread_t thread; /* the loop */
    sem_t ready;

    sem_t entered; /* a handler on the pool has begun */
    sem_t release; /* … and may end */
    pthread_t loop;
    _Atomic bool worked_on_loop;

    struct stream *stream; /* the newest; the loop's */
    struct buf pending;    /* what it is to send; the loop's */
    bool end;
    bool flood;     /* has always something to send */
    bool wake_self; /* the next read says "nothing" and wakes itself */
    _Atomic int reads;
    _Atomic int took; /* turns in which streams were served */
    sem_t closed;
};

static void wait_for(sem_t *semaphore)
{
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += HANG_SECONDS;
    int status;
    while ((status = sem_timedwait(semaphore, &limit)) != 0 && errno == EINTR)
        ;
    assert_int_equal(status, 0);
}

/* Until it is so. Every test here ends after HANG_SECONDS. */
#define WAIT_UNTIL(condition)                                                                                \
    for (usec began = clock_monotonic(); !(condition);)                                                      \
    assert_true(clock_monotonic() - began < HANG_SECONDS * USEC_PER_SEC)

/* --- handlers ------------------------------------------------------------------------------------------ */

static void get_values(void *context, const struct request *request, struct reply *reply)
{
    (void)context;
    struct slice text = request_text(request, "text");
    buf_addf(&reply->body, "name=%.*s limit=%lld by=%d flag=%d cursor=%llu text=%.*s",
             SLICE_ARG(request_text(request, "name")), (long long)request_number(request, "limit"),
             request_choice(request, "by"), request_flag(request, "flag"),
             (unsigned long long)request_cursor(request, "cursor"), SLICE_ARG(text));
}

static void put_values(void *context, const struct request *request, struct reply *reply)
{
    (void)context;
    buf_addf(&reply->body, "put %.*s %lld", SLICE_ARG(request_text(request, "name")),
             (long long)request_number(request, "size"));
}

static void get_work(void *context, const struct request *request, struct reply *reply)
{
    struct fixture *fixture = context;
    if (pthread_equal(pthread_self(), fixture->loop))
        fixture->worked_on_loop = true;
    sem_post(&fixture->entered);
    if (request_flag(request, "wait"))
        wait_for(&fixture->release);
    buf_add_str(&reply->body, "{\"worked\":true}");
}

static long read_stream(void *arg, char *out, size_t max)
{
    struct fixture *fixture = arg;
    fixture->reads++;
    if (fixture->flood) {
        memset(out, 'x', max < FLOOD_BLOCK ? max : FLOOD_BLOCK);
        return (long)(max < FLOOD_BLOCK ? max : FLOOD_BLOCK);
    }
    if (fixture->wake_self) {
        fixture->wake_self = false;
        buf_add_str(&fixture->pending, "woken by itself");
        stream_wake(fixture->stream);
        return STREAM_NOTHING;
    }
    size_t n = fixture->pending.len < max ? fixture->pending.len : max;
    if (n == 0)
        return fixture->end ? STREAM_END : STREAM_NOTHING;
    memcpy(out, fixture->pending.ptr, n);
    fixture->pending.len -= n;
    memmove(fixture->pending.ptr, fixture->pending.ptr + n, fixture->pending.len);
    return (long)n;
}

static void close_stream(void *arg)
{
    struct fixture *fixture = arg;
    sem_post(&fixture->closed);
}

static const struct stream_calls SLOW_BEAT = {read_stream, close_stream, USEC_HOUR, BEAT};
static const struct stream_calls FAST_BEAT = {read_stream, close_stream, 20 * USEC_PER_MS, BEAT};

static void get_stream(void *context, const struct request *request, struct reply *reply)
{
    struct fixture *fixture = context;
    fixture->flood = request_flag(request, "flood");
    fixture->wake_self = request_flag(request, "wake_self");
    fixture->end = false;
    fixture->stream = reply_stream(reply, request_flag(request, "fast") ? &FAST_BEAT : &SLOW_BEAT, fixture);
}

static void post_push(void *context, const struct request *request, struct reply *reply)
{
    struct fixture *fixture = context;
    buf_add_slice(&fixture->pending, request_text(request, "text"));
    fixture->end = request_flag(request, "end");
    if (request_flag(request, "abort"))
        stream_abort(fixture->stream);
    else
        stream_wake(fixture->stream);
    stream_wake(fixture->stream);
    buf_add_str(&reply->body, "pushed");
}

static void get_page(void *context, const struct request *request, struct reply *reply)
{
    (void)context;
    (void)request;
    reply->content_type = CONTENT_TYPE_HTML;
    reply_header(reply, "Cache-Control", "max-age=5");
    buf_add_str(&reply->body, "<p>page");
}

static void get_broken(void *context, const struct request *request, struct reply *reply)
{
    (void)context;
    (void)request;
    reply_header(reply, "Location", "a\r\nSet-Cookie: b");
    buf_add_str(&reply->body, "never seen");
}

static enum rc make_webhook(void *context, const struct request *request, struct webhook *webhook,
                            struct err *err)
{
    (void)context;
    if (request_flag(request, "fail"))
        return err_set(err, RC_INTERNAL, "nothing was made");
    head_add(&webhook->head, slice_str("webhook-id"), slice_str("msg_made"));
    buf_add_slice(&webhook->body, request_text(request, "body"));
    return RC_OK;
}

static void post_made(void *context, const struct request *request, struct reply *reply)
{
    (void)context;
    const struct webhook *webhook = request->webhook;
    buf_addf(&reply->body, "made %llu%s", (unsigned long long)webhook->seq,
             webhook->duplicate ? " again" : "");
}

static const char *const BY[] = {"app", "integration", NULL};
static const struct parameter VALUES[] = {
    {.name = "name", .kind = PARAMETER_TEXT, .place = IN_PATH, .max = 20, .help = "name"},
    PARAMETER_LIMIT_ROW,
    PARAMETER_CURSOR_ROW,
    {.name = "by", .kind = PARAMETER_CHOICE, .choices = BY, .fallback = "app", .help = "by"},
    {.name = "flag", .kind = PARAMETER_FLAG, .help = "flag"},
    {.name = "text", .kind = PARAMETER_TEXT, .max = 20, .help = "text"},
    PARAMETER_END,
};
static const struct parameter PUT_VALUES[] = {
    {.name = "name", .kind = PARAMETER_TEXT, .place = IN_PATH, .max = 20, .help = "name"},
    {.name = "size",
     .kind = PARAMETER_NUMBER,
     .place = IN_BODY,
     .required = true,
     .min = 1,
     .max = 9,
     .help = "size"},
    PARAMETER_END,
};
static const struct parameter WORK[] = {{.name = "wait", .kind = PARAMETER_FLAG, .help = "wait"},
                                        PARAMETER_END};
static const struct parameter STREAM[] = {
    {.name = "fast", .kind = PARAMETER_FLAG, .help = "fast heartbeats"},
    {.name = "flood", .kind = PARAMETER_FLAG, .help = "always something"},
    {.name = "wake_self", .kind = PARAMETER_FLAG, .help = "wakes itself"},
    PARAMETER_END,
};
static const struct parameter PUSH[] = {
    {.name = "text", .kind = PARAMETER_TEXT, .place = IN_BODY, .max = 60000, .help = "to send"},
    {.name = "end", .kind = PARAMETER_FLAG, .place = IN_BODY, .help = "then end"},
    {.name = "abort", .kind = PARAMETER_FLAG, .place = IN_BODY, .help = "close instead"},
    PARAMETER_END,
};

static const struct parameter MADE[] = {
    {.name = "body", .kind = PARAMETER_TEXT, .place = IN_BODY, .max = 100, .fallback = "{}", .help = "body"},
    {.name = "fail", .kind = PARAMETER_FLAG, .place = IN_BODY, .help = "make none"},
    PARAMETER_END,
};

static const struct endpoint ROWS[] = {
    {.method = "GET",
     .path = "/values/{name}",
     .access = ACCESS_OPEN,
     .parameters = VALUES,
     .handle = get_values,
     .help = "h"},
    {.method = "PUT",
     .path = "/values/{name}",
     .access = ACCESS_OPEN,
     .parameters = PUT_VALUES,
     .handle = put_values,
     .help = "h"},
    {.method = "GET",
     .path = "/work",
     .run = RUN_POOL,
     .access = ACCESS_OPEN,
     .parameters = WORK,
     .handle = get_work,
     .help = "h"},
    {.method = "GET",
     .path = "/stream",
     .access = ACCESS_OPEN,
     .parameters = STREAM,
     .handle = get_stream,
     .help = "h"},
    {.method = "POST",
     .path = "/push",
     .access = ACCESS_OPEN,
     .parameters = PUSH,
     .handle = post_push,
     .help = "h"},
    {.method = "POST",
     .path = "/made",
     .run = RUN_RECEIVE,
     .access = ACCESS_OPEN,
     .parameters = MADE,
     .handle = post_made,
     .make = make_webhook,
     .help = "h"},
    {.method = "GET", .path = "/page", .access = ACCESS_OPEN, .handle = get_page, .help = "h"},
    {.method = "GET", .path = "/broken", .access = ACCESS_OPEN, .handle = get_broken, .help = "h"},
    {.method = "POST", .path = "/secret", .access = ACCESS_TOKEN, .handle = get_page, .help = "h"},
};
static const struct endpoint_table ENDPOINTS = {ROWS, sizeof ROWS / sizeof ROWS[0]};

/* --- the server ---------------------------------------------------------------------------------------- */

static usec begin_work(void *arg, usec now)
{
    (void)arg;
    (void)now;
    return 0;
}

static usec work_took(void *arg, usec duration, size_t waiting)
{
    struct fixture *fixture = arg;
    assert_true(duration >= 0 && waiting == 0);
    fixture->took++;
    return 0;
}

static void on_ready(void *arg)
{
    struct fixture *fixture = arg;
    sem_post(&fixture->ready);
}

static void *run(void *arg)
{
    struct fixture *fixture = arg;
    struct err err;
    fixture->loop = pthread_self();
    assert_int_equal(server_open(&fixture->options, &fixture->server, &err), RC_OK);
    struct receive_options receive = {.journal = fixture->journal,
                                      .queue_max_webhooks = 100,
                                      .queue_max_bytes = 1000000,
                                      .on_done = server_on_done,
                                      .on_fatal = server_on_fatal,
                                      .arg = fixture->server};
    assert_int_equal(receive_start(&receive, &fixture->receive, &err), RC_OK);
    fixture->result = server_run(fixture->server, fixture->receive, on_ready, fixture, &err);
    server_close(fixture->server);
    receive_free(fixture->receive);
    return NULL;
}

static struct fixture *start_with(const struct server_options *more)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct err err;
    temp_dir_make(fixture->directory);
    struct journal_options journal = {
        .directory = fixture->directory, .dedupe_window = USEC_HOUR, .vfs = FAULTY_VFS};
    faulty_vfs_register();
    faulty_vfs_arm(&(struct fault_plan){.nth = 0});
    assert_int_equal(journal_open(&journal, &fixture->journal, &err), RC_OK);
    sem_init(&fixture->ready, 0, 0);
    sem_init(&fixture->entered, 0, 0);
    sem_init(&fixture->release, 0, 0);
    sem_init(&fixture->closed, 0, 0);
    fixture->options = (struct server_options){
        .listen = "127.0.0.1:0",
        .path = "/webhook",
        .max_body = 100000,
        .max_connections = more && more->max_connections ? more->max_connections : 1000,
        .token = more ? more->token : NULL,
        .assets = more ? more->assets : NULL,
        .endpoints = &ENDPOINTS,
        .context = fixture,
        .work = {begin_work, work_took, fixture},
    };
    assert_int_equal(pthread_create(&fixture->thread, NULL, run, fixture), 0);
    wait_for(&fixture->ready);
    return fixture;
}

static struct fixture *start(void)
{
    return start_with(NULL);
}

static void wait_for_end(struct fixture *fixture)
{
    pthread_join(fixture->thread, NULL);
    assert_int_equal(fixture->result, RC_OK);
    journal_close(fixture->journal);
    temp_dir_remove(fixture->directory);
    sem_destroy(&fixture->ready);
    sem_destroy(&fixture->entered);
    sem_destroy(&fixture->release);
    sem_destroy(&fixture->closed);
    buf_cleanup(&fixture->pending);
    free(fixture);
}

static void stop(struct fixture *fixture)
{
    server_stop_soon(fixture->server);
    wait_for_end(fixture);
}

/* --- a client ------------------------------------------------------------------------------------------ */

struct client {
    int fd;
    struct buf seen;
};

static void client_cleanup(struct client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    buf_cleanup(&client->seen);
}
#define CLIENT(name, fixture) CLEANUP(client_cleanup) struct client name = client_open_to(fixture)

static struct client client_open_to(const struct fixture *fixture)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = HANG_SECONDS};
    to.sin_port = htons((uint16_t)atoi(strrchr(server_url(fixture->server), ':') + 1));
    struct client client = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    setsockopt(client.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(client.fd, (struct sockaddr *)&to, sizeof to), 0);
    return client;
}

static void client_send(struct client *client, const char *text)
{
    assert_int_equal(send(client->fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void client_get(struct client *client, const char *target)
{
    struct buf text = BUF_INIT;
    buf_addf(&text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
    client_send(client, buf_str(&text));
    buf_cleanup(&text);
}

static void client_post(struct client *client, const char *method, const char *target, const char *body)
{
    struct buf text = BUF_INIT;
    buf_addf(&text, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s", method, target,
             strlen(body), body);
    client_send(client, buf_str(&text));
    buf_cleanup(&text);
}

/* Reads until `part` has been seen, which is then forgotten with everything before it. */
static void client_expect(struct client *client, const char *part)
{
    char chunk[4096];
    const char *at;
    while (!(at = strstr(buf_str(&client->seen), part))) {
        ssize_t n = recv(client->fd, chunk, sizeof chunk, 0);
        if (n <= 0)
            fail_msg("the end, or nothing, instead of \"%s\" after: %s", part, buf_str(&client->seen));
        buf_add(&client->seen, chunk, (size_t)n);
    }
    struct buf rest = BUF_INIT;
    buf_add_str(&rest, at + strlen(part));
    buf_cleanup(&client->seen);
    client->seen = rest;
}

/* Everything up to the end of the connection. */
static const char *client_drain(struct client *client)
{
    char chunk[4096];
    ssize_t n;
    while ((n = recv(client->fd, chunk, sizeof chunk, 0)) > 0)
        buf_add(&client->seen, chunk, (size_t)n);
    if (n != 0 && errno != ECONNRESET)
        fail_msg("no end: %s", strerror(errno));
    return buf_str(&client->seen);
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in: %s", part, text);
}

/* One request on a connection of its own; the whole answer is appended to `out`. */
static void ask(const struct fixture *fixture, const char *head, struct buf *out)
{
    CLIENT(client, fixture);
    struct buf text = BUF_INIT;
    buf_addf(&text, "%s\r\nHost: own:1\r\nConnection: close\r\n\r\n", head);
    client_send(&client, buf_str(&text));
    buf_cleanup(&text);
    buf_add_str(out, client_drain(&client));
}

static void assert_answer(const struct fixture *fixture, const char *head, const char *status,
                          const char *part)
{
    CLEANUP(buf_cleanup) struct buf answer = BUF_INIT;
    ask(fixture, head, &answer);
    assert_has(buf_str(&answer), status);
    assert_has(buf_str(&answer), part);
}

static void push(const struct fixture *fixture, const char *body)
{
    CLIENT(client, fixture);
    client_post(&client, "POST", "/push", body);
    client_expect(&client, "pushed");
}

/* --- requests ------------------------------------------------------------------------------------------ */

static void test_parameters(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    static const char *const CASES[][3] = {
        {"/values/a%2Fb%20c", "200", "name=a/b c limit=50 by=0 flag=0 cursor=0 text="},
        {"/values/x?limit=500&by=integration&flag&cursor=7&text=%C3%A4+b", "200",
         "limit=500 by=1 flag=1 cursor=7 text=ä b"},
        {"/values/x?limit=501", "400",
         "limit: \\\"501\\\" is not allowed; it must be a whole number from 1 to 500"},
        {"/values/x?limit", "400", "limit: "},
        {"/values/x?limit=1&limit=2", "400", "limit: given more than once"},
        {"/values/x?by=color", "400", "one of app, integration"},
        {"/values/x?colour=1", "400",
         "colour: there is no such parameter here; there are: limit, cursor, by"},
        {"/values/x?name=1", "400", "no such parameter"},
        {"/values/x?text=%ff", "400", "text: must be UTF-8"},
        {"/values/x?text=%4", "400", "text: must be UTF-8"},
        {"/values/x?text=012345678901234567890", "400", "text of 0 to 20 bytes"},
        {"/values/%ff", "400", "name: must be UTF-8"},
        {"/values/", "404", "not_found"},
        {"/values/a/b", "404", "not_found"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char head[200];
        snprintf(head, sizeof head, "GET %s HTTP/1.1", CASES[i][0]);
        assert_answer(fixture, head, CASES[i][1], CASES[i][2]);
    }
    stop(fixture);
}

static void test_a_webhook_that_an_endpoint_makes(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    CLIENT(client, fixture);
    client_post(&client, "POST", "/made", "{}");
    client_expect(&client, "made 1");
    client_post(&client, "POST", "/made", "");
    client_expect(&client, "made 1 again");
    client_post(&client, "POST", "/made", "{\"body\":\"no json\"}");
    client_expect(&client, "400 Bad Request");
    client_expect(&client, "invalid_json");
    client_post(&client, "POST", "/made", "{\"fail\":true}");
    client_expect(&client, "500 Internal");
    client_expect(&client, "nothing was made");
    client_post(&client, "POST", "/made", "{\"colour\":1}");
    client_expect(&client, "colour: there is no such parameter");
    /* A posted webhook on the same connection is none of ours. */
    client_post(&client, "POST", "/webhook", "{\"posted\":1}");
    client_expect(&client, "{\"success\":true}");
    assert_int_equal(journal_last(fixture->journal), 2);
    stop(fixture);
}

static void test_methods_and_bodies(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    assert_answer(fixture, "PATCH /values/x HTTP/1.1", "405", "Allow: GET, HEAD, PUT");
    CLIENT(client, fixture);
    client_post(&client, "PUT", "/values/x", "{\"size\":3}");
    client_expect(&client, "put x 3");
    client_post(&client, "PUT", "/values/x", "{\"size\":10}");
    client_expect(&client, "size: \\\"10\\\" is not allowed");
    client_post(&client, "PUT", "/values/x", "{\"size\":1.5}");
    client_expect(&client, "size: objects");
    client_post(&client, "PUT", "/values/x", "{\"name\":\"y\",\"size\":3}");
    client_expect(&client, "name: there is no such parameter here; there are: size");
    client_post(&client, "PUT", "/values/x", "");
    client_expect(&client, "size: must be given");
    client_post(&client, "PUT", "/values/x", "[]");
    client_expect(&client, "not_an_object");
    client_post(&client, "PUT", "/values/x", "{");
    client_expect(&client, "invalid_json");
    CLEANUP(buf_cleanup) struct buf large = BUF_INIT;
    buf_add_fill(&large, ' ', REQUEST_BODY_MAX + 1);
    client_post(&client, "PUT", "/values/x", buf_str(&large));
    client_expect(&client, "413");
    client_send(
        &client,
        "PUT /values/x HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}");
    client_expect(&client, "415");
    stop(fixture);
}

static void test_headers_of_replies(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    CLEANUP(buf_cleanup) struct buf answer = BUF_INIT;
    ask(fixture, "GET /page HTTP/1.1", &answer);
    assert_has(buf_str(&answer), "X-Content-Type-Options: nosniff\r\n");
    assert_has(buf_str(&answer), "Referrer-Policy: no-referrer\r\n");
    assert_has(buf_str(&answer),
               "Content-Security-Policy: default-src 'self'; frame-ancestors 'none'; base-uri "
               "'none'; form-action 'self'\r\n");
    assert_has(buf_str(&answer), "Cache-Control: max-age=5\r\n");
    assert_null(strstr(buf_str(&answer), "no-store"));
    buf_clear(&answer);
    ask(fixture, "GET /broken HTTP/1.1", &answer);
    assert_has(buf_str(&answer), "503");
    assert_null(strstr(buf_str(&answer), "Set-Cookie"));
    assert_null(strstr(buf_str(&answer), "never seen"));
    stop(fixture);
}

static void test_cookies_and_origins(void **state)
{
    (void)state;
    struct server_options options = {.token = "t;ä"};
    struct fixture *fixture = start_with(&options);
    static const char *const CASES[][2] = {
        {"", "401"},
        {"Authorization: Bearer t;ä", "200"},
        {"Authorization: Bearer t", "401"},
        {"Cookie: a=b; fairlead_token=t%3B%C3%A4", "403"},
        {"Cookie: fairlead_token=t%3B%C3%A4\r\nSec-Fetch-Site: same-origin", "200"},
        {"Cookie: fairlead_token=t%3B%C3%A4\r\nSec-Fetch-Site: cross-site", "403"},
        {"Cookie: fairlead_token=t%3B%C3%A4\r\nOrigin: https://OWN:1", "200"},
        {"Cookie: fairlead_token=t%3B%C3%A4\r\nOrigin: http://own:2", "403"},
        {"Cookie: fairlead_token=wrong\r\nSec-Fetch-Site: same-origin", "401"},
        {"Authorization: Bearer t\r\nCookie: fairlead_token=t%3B%C3%A4\r\nSec-Fetch-Site: same-origin",
         "401"},
        {"Authorization: Basic dDp0\r\nCookie: fairlead_token=t%3B%C3%A4\r\nSec-Fetch-Site: same-origin",
         "200"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char head[300];
        snprintf(head, sizeof head, "POST /secret HTTP/1.1\r\nContent-Length: 0%s%s",
                 CASES[i][0][0] ? "\r\n" : "", CASES[i][0]);
        assert_answer(fixture, head, CASES[i][1], "");
    }
    assert_answer(fixture, "GET /?token=t%3B%C3%A4 HTTP/1.1", "303",
                  "Set-Cookie: fairlead_token=t%3B%C3%A4; HttpOnly; SameSite=Strict; Path=/\r\n");
    CLEANUP(buf_cleanup) struct buf answer = BUF_INIT;
    ask(fixture, "GET /?token=t HTTP/1.1", &answer);
    assert_has(buf_str(&answer), "303");
    assert_has(buf_str(&answer), "Location: ./?link=refused\r\n");
    assert_null(strstr(buf_str(&answer), "Set-Cookie"));
    stop(fixture);
}

static void test_files(void **state)
{
    (void)state;
    static const struct asset FILES[] = {
        {"/index.html", CONTENT_TYPE_HTML, {"<p>hi", 5}, {NULL, 0}, "aa", false},
        {"/app.js", "text/javascript", {"plain", 5}, {"zipped", 6}, "bb", true},
    };
    static const struct asset_table TABLE = {FILES, 2};
    struct server_options options = {.assets = &TABLE, .token = "t"};
    struct fixture *fixture = start_with(&options);
    assert_answer(fixture, "GET / HTTP/1.1", "200", "frame-ancestors 'none'");
    assert_answer(fixture, "GET / HTTP/1.1", "Cache-Control: no-cache", "<p>hi");
    assert_answer(fixture, "GET /app.js HTTP/1.1", "Vary: Accept-Encoding", "plain");
    assert_answer(fixture, "GET /app.js HTTP/1.1\r\nAccept-Encoding: br, gzip", "Content-Encoding: gzip",
                  "zipped");
    assert_answer(fixture, "GET /app.js HTTP/1.1\r\nAccept-Encoding: gzip;q=0", "immutable", "plain");
    assert_answer(fixture, "GET /app.js HTTP/1.1\r\nIf-None-Match: \"x\", W/\"bb\"", "304", "ETag: W/\"bb\"");
    assert_answer(fixture, "GET /app.js HTTP/1.1\r\nIf-None-Match: \"b\"", "200", "plain");
    assert_answer(fixture, "POST /app.js HTTP/1.1\r\nContent-Length: 0", "404",
                  "webhooks are posted to /webhook");
    assert_answer(fixture, "GET /app.css HTTP/1.1", "404", "");
    stop(fixture);
    fixture = start();
    assert_answer(fixture, "GET / HTTP/1.1", "200", "built without the dashboard");
    assert_answer(fixture, "GET /index.html HTTP/1.1", "404", "");
    stop(fixture);
}

/* --- the pool ------------------------------------------------------------------------------------------ */

static void test_pool_work_is_not_on_the_loop(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    CLIENT(client, fixture);
    client_get(&client, "/work");
    client_expect(&client, "{\"worked\":true}");
    assert_false(fixture->worked_on_loop);
    client_get(&client, "/work?wait");
    wait_for(&fixture->entered);
    wait_for(&fixture->entered);
    assert_answer(fixture, "GET /page HTTP/1.1", "200", "page"); /* the loop goes on meanwhile */
    sem_post(&fixture->release);
    client_expect(&client, "{\"worked\":true}");
    stop(fixture);
}

static void test_a_client_leaves_while_its_question_is_worked_on(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    {
        CLIENT(client, fixture);
        client_get(&client, "/work?wait");
        wait_for(&fixture->entered);
        struct linger reset = {.l_onoff = 1};
        setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    sem_post(&fixture->release);
    assert_answer(fixture, "GET /work HTTP/1.1", "200", "worked");
    stop(fixture);
}

static void test_the_pool_has_a_bound(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    struct client clients[POOL_MAX + 1];
    struct pollfd answered[POOL_MAX + 1];
    for (size_t i = 0; i <= POOL_MAX; i++) {
        clients[i] = client_open_to(fixture);
        answered[i] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
        client_get(&clients[i], "/work?wait");
    }
    /* Nobody has been released: the one with an answer was refused, whichever came last. */
    assert_int_equal(poll(answered, POOL_MAX + 1, HANG_SECONDS * 1000), 1);
    for (size_t i = 0; i < POOL_MAX; i++)
        sem_post(&fixture->release);
    for (size_t i = 0; i <= POOL_MAX; i++) {
        client_expect(&clients[i], answered[i].revents ? "503 " : "200 ");
        if (answered[i].revents)
            client_expect(&clients[i], "Retry-After: 1\r\n");
        client_expect(&clients[i], answered[i].revents ? "overloaded" : "{\"worked\":true}");
        client_cleanup(&clients[i]);
    }
    stop(fixture);
}

static void test_stopping_waits_for_the_pool(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    CLIENT(idle, fixture);
    CLIENT(client, fixture);
    client_get(&idle, "/page");
    client_expect(&idle, "page");
    client_get(&client, "/work?wait");
    wait_for(&fixture->entered);
    server_stop_soon(fixture->server);
    client_drain(&idle); /* closed: stopping has begun */
    sem_post(&fixture->release);
    client_expect(&client, "Connection: close");
    client_expect(&client, "{\"worked\":true}");
    wait_for_end(fixture);
}

/* --- streams ------------------------------------------------------------------------------------------- */

static void open_stream(struct client *client, const char *target)
{
    client_get(client, target);
    client_expect(client, "Content-Type: text/event-stream\r\n");
    client_expect(client, "X-Accel-Buffering: no\r\n");
    client_expect(client, "\r\n\r\n"); /* headers come although there is nothing to send */
}

static void test_a_stream_sends_when_it_is_woken(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    CLIENT(client, fixture);
    open_stream(&client, "/stream");
    push(fixture, "{\"text\":\"one\"}");
    client_expect(&client, "one");
    for (int i = 0; i < 200; i++) {
        push(fixture, "{\"text\":\"<next>\"}");
        client_expect(&client, "<next>");
    }
    push(fixture, "{\"text\":\"last\",\"end\":true}");
    client_expect(&client, "last");
    client_expect(&client, "0\r\n\r\n");
    wait_for(&fixture->closed);
    client_get(&client, "/page"); /* the connection lives on */
    client_expect(&client, "page");
    stop(fixture);
}

/* The library keeps request and reply in the same memory of a connection. */
/* The turn that asks for bytes and the one that sends them and asks in vain. */
static void test_what_streams_take_is_told(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    CLIENT(client, fixture);
    CLIENT(other, fixture);
    client_get(&client, "/stream");
    client_expect(&client, "\r\n\r\n");
    WAIT_UNTIL(fixture->reads >= 1);
    int took = fixture->took;
    int reads = fixture->reads;
    push(fixture, "{\"text\":\"hello\"}");
    client_expect(&client, "hello");
    WAIT_UNTIL(fixture->reads >= reads + 2 && fixture->took >= took + 2);
    took = fixture->took;
    client_get(&other, "/page");
    client_expect(&other, "<p>page");
    assert_int_equal(fixture->took, took);
    stop(fixture);
}

static void test_large_headers_leave_room_for_the_reply(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    static const char *const TARGETS[] = {"/stream", "/page", "/work"};
    for (size_t i = 0; i < sizeof TARGETS / sizeof TARGETS[0]; i++) {
        CLIENT(client, fixture);
        CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
        buf_addf(&text, "GET %s HTTP/1.1\r\nHost: x\r\nX-Filler: ", TARGETS[i]);
        buf_add_fill(&text, 'x', EXCHANGE_HEADER_MAX - 200);
        buf_add_str(&text, "\r\n\r\n");
        client_send(&client, buf_str(&text));
        client_expect(&client, "200 OK");
        client_expect(&client, "\r\n\r\n");
    }
    CLIENT(client, fixture);
    open_stream(&client, "/stream");
    CLEANUP(buf_cleanup) struct buf large = BUF_INIT;
    buf_add_str(&large, "{\"text\":\"");
    buf_add_fill(&large, 'x', 50000);
    buf_add_str(&large, "<end>\"}");
    push(fixture, buf_str(&large));
    client_expect(&client, "<end>");
    stop(fixture);
}

static void test_a_read_may_wake_its_own_stream(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    CLIENT(client, fixture);
    open_stream(&client, "/stream?wake_self");
    client_expect(&client, "woken by itself");
    stop(fixture);
}

static void test_heartbeats(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    CLIENT(client, fixture);
    open_stream(&client, "/stream?fast");
    for (int i = 0; i < 10; i++)
        client_expect(&client, BEAT);
    push(fixture, "{\"text\":\"between\"}");
    client_expect(&client, "between");
    client_expect(&client, BEAT);
    stop(fixture);
}

static void test_a_waiting_stream_does_not_turn(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    CLIENT(client, fixture);
    open_stream(&client, "/stream");
    assert_answer(fixture, "GET /page HTTP/1.1", "200", "page");
    int reads = fixture->reads;
    for (int i = 0; i < 20; i++)
        assert_answer(fixture, "GET /page HTTP/1.1", "200", "page");
    assert_int_equal(fixture->reads, reads);
    stop(fixture);
}

static void test_a_client_that_went_away_is_noticed_by_the_heartbeat(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    for (int hard = 0; hard < 2; hard++) {
        struct client client = client_open_to(fixture);
        struct linger reset = {.l_onoff = hard};
        open_stream(&client, "/stream?fast");
        setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        client_cleanup(&client);
        wait_for(&fixture->closed);
    }
    stop(fixture);
}

/* Its heartbeat is an hour away. */
static void test_a_client_that_went_away_is_noticed_at_once(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    for (int hard = 0; hard < 2; hard++) {
        struct client client = client_open_to(fixture);
        struct linger reset = {.l_onoff = hard};
        open_stream(&client, "/stream");
        setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        client_cleanup(&client);
        wait_for(&fixture->closed);
    }
    stop(fixture);
}

static void test_a_client_that_takes_nothing_is_closed(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    CLIENT(client, fixture);
    client_get(&client, "/stream?fast&flood");
    wait_for(&fixture->closed);
    stop(fixture);
}

static void test_abort(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    CLIENT(full, fixture); /* takes nothing: the library waits for its socket */
    client_get(&full, "/stream?flood");
    client_expect(&full, "xxx");
    push(fixture, "{\"abort\":true}");
    wait_for(&fixture->closed);
    CLIENT(waiting, fixture);
    open_stream(&waiting, "/stream");
    push(fixture, "{\"abort\":true}");
    wait_for(&fixture->closed);
    assert_null(strstr(client_drain(&waiting), "0\r\n\r\n"));
    stop(fixture);
}

static void test_stopping_ends_streams(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    CLIENT(client, fixture);
    open_stream(&client, "/stream");
    server_stop_soon(fixture->server);
    assert_has(client_drain(&client), "0\r\n\r\n");
    wait_for(&fixture->closed);
    wait_for_end(fixture);
}

static void test_a_full_server_closes_the_oldest_stream(void **state)
{
    (void)state;
    struct server_options options = {.max_connections = 2};
    struct fixture *fixture = start_with(&options);
    CLIENT(first, fixture);
    open_stream(&first, "/stream");
    CLIENT(second, fixture);
    open_stream(&second, "/stream");
    CLIENT(third, fixture);
    client_get(&third, "/page");
    client_expect(&third, "page");
    wait_for(&fixture->closed);
    assert_null(strstr(client_drain(&first), "0\r\n\r\n"));
    client_post(&third, "POST", "/push", "{\"text\":\"still here\"}");
    client_expect(&second, "still here");
    stop(fixture);
}

static void test_head_of_a_stream(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    assert_answer(fixture, "HEAD /stream HTTP/1.1", "200", "text/event-stream");
    wait_for(&fixture->closed);
    stop(fixture);
}

/* ---- webhooks whose sender does not wait ---- */

static void client_reset(struct client *client)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(client->fd);
    client->fd = -1;
}

/* The sync that the commit waits for does not begin before faulty_vfs_heal(). */
static void hold_commit(void)
{
    faulty_vfs_arm(&(struct fault_plan){.calls = FAULT_SYNC, .nth = 1, .error = FAULT_STALL});
}

static void send_held(struct client *client, const char *body)
{
    hold_commit();
    client_post(client, "POST", "/webhook", body);
    WAIT_UNTIL(faulty_vfs_faults() > 0);
}

/*
 * Whether the library was still asking for the answer (it then tells us) or the connection had been suspended
 * (it then does not) depends on the time: both ways end with a webhook that is stored and counted.
 */
static void test_a_sender_that_breaks_off_while_its_webhook_is_stored(void **state)
{
    (void)state;
    enum { ROUNDS = 20 };
    struct fixture *fixture = start();
    int64_t stored = metric_get(METRIC_WEBHOOKS_STORED);
    for (int i = 0; i < ROUNDS; i++) {
        CLIENT(client, fixture);
        struct buf body = BUF_INIT;
        buf_addf(&body, "{\"round\":%d}", i);
        send_held(&client, buf_str(&body));
        buf_cleanup(&body);
        client_reset(&client);
        usec sent = clock_monotonic();
        while (i % 2 == 0 && metric_get(METRIC_CONNECTIONS) != 0 &&
               clock_monotonic() - sent < 50 * USEC_PER_MS)
            ; /* in most of these rounds it is seen before the commit ends */
        faulty_vfs_heal();
        WAIT_UNTIL(metric_get(METRIC_WEBHOOKS_STORED) == stored + i + 1);
        WAIT_UNTIL(metric_get(METRIC_CONNECTIONS) == 0);
    }
    CLIENT(client, fixture);
    client_post(&client, "POST", "/webhook", "{\"round\":0}");
    client_expect(&client, "\"duplicate\":true");
    stop(fixture);
}

/* A long wait costs nothing: the connection is suspended, and the answer comes all the same. */
static void test_a_webhook_that_waits_long_is_answered(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    CLIENT(client, fixture);
    CLIENT(other, fixture);
    send_held(&client, "{}");
    for (int i = 0; i < 2 * EXCHANGE_ASKS; i++) {
        client_get(&other, "/page");
        client_expect(&other, "<p>page");
    }
    faulty_vfs_heal();
    client_expect(&client, "{\"success\":true}");
    client_post(&client, "POST", "/webhook", "{}");
    client_expect(&client, "\"duplicate\":true");
    stop(fixture);
}

/* What else the library has to do goes on while webhooks wait for the disk. */
static void test_a_large_body_arrives_while_a_webhook_waits(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    CLIENT(client, fixture);
    CLIENT(other, fixture);
    CLEANUP(buf_cleanup) struct buf body = BUF_INIT;
    buf_add_str(&body, "{\"unknown\":\"");
    buf_add_fill(&body, 'x', 50000);
    buf_add_str(&body, "\"}");
    send_held(&client, "{}");
    client_post(&other, "POST", "/push", buf_str(&body));
    client_expect(&other, "bad_parameter");
    faulty_vfs_heal();
    client_expect(&client, "{\"success\":true}");
    stop(fixture);
}

/* Two requests at once and the end of the sender's side behind them. */
static void test_a_sender_that_ends_its_side_gets_its_answers(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    CLIENT(client, fixture);
    client_send(&client, "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n{\"a\":1}"
                         "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
    assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
    client_expect(&client, "{\"success\":true}");
    client_expect(&client, "{\"success\":true,\"duplicate\":true}");
    assert_string_equal(client_drain(&client), "");
    WAIT_UNTIL(metric_get(METRIC_CONNECTIONS) == 0);
    stop(fixture);
}

/* libmicrohttpd has read the body already when it says 100, and shows it afterwards. */
static void test_an_early_body_and_end_behind_an_expectation(void **state)
{
    (void)state;
    static const char TEXT[] = "POST /webhook HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                               "Content-Length: 7\r\n\r\n{\"e\":1}";
    struct fixture *fixture = start();
    CLIENT(client, fixture);
    assert_int_equal(send(client.fd, TEXT, strlen(TEXT), MSG_NOSIGNAL | MSG_MORE), (ssize_t)strlen(TEXT));
    assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
    client_expect(&client, "100 Continue");
    client_expect(&client, "{\"success\":true}");
    assert_string_equal(client_drain(&client), "");
    stop(fixture);
}

/* One packet has the last bytes and the end; nobody waits for the rest of the body until it expires. */
static void test_a_request_that_ends_early_is_closed_at_once(void **state)
{
    (void)state;
    static const char *const PARTS[] = {
        "", "POST /web", "POST /webhook HTTP/1.1\r\nHost: x\r\n",
        "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n{\"a\""};
    struct fixture *fixture = start();
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
        CLIENT(client, fixture);
        size_t len = strlen(PARTS[i]);
        assert_int_equal(send(client.fd, PARTS[i], len, MSG_NOSIGNAL | MSG_MORE), (ssize_t)len);
        assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
        assert_string_equal(client_drain(&client), "");
    }
    WAIT_UNTIL(metric_get(METRIC_CONNECTIONS) == 0);
    stop(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_a_webhook_that_an_endpoint_makes),
        cmocka_unit_test(test_a_sender_that_breaks_off_while_its_webhook_is_stored),
        cmocka_unit_test(test_a_webhook_that_waits_long_is_answered),
        cmocka_unit_test(test_a_large_body_arrives_while_a_webhook_waits),
        cmocka_unit_test(test_a_sender_that_ends_its_side_gets_its_answers),
        cmocka_unit_test(test_an_early_body_and_end_behind_an_expectation),
        cmocka_unit_test(test_a_request_that_ends_early_is_closed_at_once),
        cmocka_unit_test(test_methods_and_bodies),
        cmocka_unit_test(test_headers_of_replies),
        cmocka_unit_test(test_cookies_and_origins),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_pool_work_is_not_on_the_loop),
        cmocka_unit_test(test_a_client_leaves_while_its_question_is_worked_on),
        cmocka_unit_test(test_the_pool_has_a_bound),
        cmocka_unit_test(test_stopping_waits_for_the_pool),
        cmocka_unit_test(test_a_stream_sends_when_it_is_woken),
        cmocka_unit_test(test_what_streams_take_is_told),
        cmocka_unit_test(test_large_headers_leave_room_for_the_reply),
        cmocka_unit_test(test_a_read_may_wake_its_own_stream),
        cmocka_unit_test(test_heartbeats),
        cmocka_unit_test(test_a_waiting_stream_does_not_turn),
        cmocka_unit_test(test_a_client_that_went_away_is_noticed_by_the_heartbeat),
        cmocka_unit_test(test_a_client_that_went_away_is_noticed_at_once),
        cmocka_unit_test(test_a_client_that_takes_nothing_is_closed),
        cmocka_unit_test(test_abort),
        cmocka_unit_test(test_stopping_ends_streams),
        cmocka_unit_test(test_a_full_server_closes_the_oldest_stream),
        cmocka_unit_test(test_head_of_a_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
