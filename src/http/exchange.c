#include "http/exchange.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/metric.h"
#include "http/call.h"
#include "http/media_type.h"
#include "http/respond.h"
#include "wire/head.h"

#define SPARE_MAX      512
#define SPARE_BODY_MAX ((size_t)16 * 1024)

enum step {
    STEP_HEADERS,
    STEP_BODY,
    STEP_REFUSED,   /* answered without receive or the pool */
    STEP_SUBMITTED, /* receive has the webhook */
    STEP_DONE,      /* receive has given it back, the library has not asked since */
    STEP_ANSWERED,
    STEP_LEFT,    /* receive has the webhook, nobody waits for the answer: http and connection are gone */
    STEP_WORKING, /* suspended: the pool has the call */
    STEP_WORKED,
};

struct exchange {
    struct webhook webhook; /* first: receive hands back its address */
    struct exchange *next;
    struct MHD_Connection *http;
    struct connection *connection;
    struct call *call; /* NULL: the webhook path */
    enum step step;
    bool is_webhook;
    bool close_after;
    bool suspended; /* while submitted */
    unsigned asked;
    bool has_body; /* some of it */
    enum rc refused;
    struct err err;
    uint64_t discarded;
    usec complete_at; /* monotonic, when the last byte had arrived */
};

static struct MHD_Response *fixed_response(const char *text)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
    if (response)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, CONTENT_TYPE_JSON);
    return response;
}

enum rc exchanges_init(struct exchanges *all, const struct server_options *options, struct pool *pool,
                       void (*on_work)(void *arg), void *arg, struct err *err)
{
    *all = (struct exchanges){
        .options = options,
        .session = {.token = options->token, .secure = options->tls_cert != NULL},
        .pool = pool,
        .streams = {.on_work = on_work, .arg = arg},
    };
    struct connection_limits limits = {
        .phase_time = {[PHASE_FIRST] = options->header_timeout,
                       [PHASE_IDLE] = options->idle_timeout,
                       [PHASE_HEADERS] = options->header_timeout,
                       [PHASE_BODY] = options->body_timeout,
                       [PHASE_ANSWER] = options->body_timeout},
        .tls = options->tls_cert != NULL,
        .max_connections = options->max_connections,
        .max_per_address = options->max_per_address,
    };
    all->connections = connections_new(&limits);
    all->refusals = refusals_new();
    all->stored = fixed_response("{\"success\":true}");
    all->duplicate = fixed_response("{\"success\":true,\"duplicate\":true}");
    if (!all->connections || !all->refusals || !all->stored || !all->duplicate) {
        exchanges_cleanup(all);
        return err_set(err, RC_NO_MEMORY, "no memory or no descriptor left for the HTTP server");
    }
    return RC_OK;
}

static void exchange_free(struct exchange *exchange)
{
    buf_cleanup(&exchange->webhook.head);
    buf_cleanup(&exchange->webhook.body);
    free(exchange);
}

void exchanges_cleanup(struct exchanges *all)
{
    while (all->spare) {
        struct exchange *exchange = all->spare;
        all->spare = exchange->next;
        exchange_free(exchange);
    }
    if (all->stored)
        MHD_destroy_response(all->stored);
    if (all->duplicate)
        MHD_destroy_response(all->duplicate);
    connections_free(all->connections);
    refusals_free(all->refusals);
    *all = (struct exchanges){0};
}

static struct exchange *exchange_take(struct exchanges *all)
{
    struct exchange *exchange = all->spare;
    if (!exchange)
        return calloc(1, sizeof *exchange);
    all->spare = exchange->next;
    all->spare_count--;
    struct buf head = exchange->webhook.head;
    struct buf body = exchange->webhook.body;
    buf_clear(&head);
    buf_clear(&body);
    memset(exchange, 0, sizeof *exchange);
    exchange->webhook.head = head;
    exchange->webhook.body = body;
    return exchange;
}

static void exchange_give(struct exchanges *all, struct exchange *exchange)
{
    if (exchange->call)
        call_free(exchange->call);
    if (all->spare_count >= SPARE_MAX || exchange->webhook.body.capacity > SPARE_BODY_MAX) {
        exchange_free(exchange);
        return;
    }
    exchange->next = all->spare;
    all->spare = exchange;
    all->spare_count++;
}

void *exchange_on_uri(void *cls, const char *uri, struct MHD_Connection *http)
{
    (void)uri;
    struct exchanges *all = cls;
    all->called = true;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(http, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct connection *connection = info ? info->socket_context : NULL;
    struct exchange *exchange = connection ? exchange_take(all) : NULL;
    if (!exchange)
        return NULL;
    exchange->http = http;
    exchange->connection = connection;
    connection_enter(all->connections, connection, PHASE_HEADERS);
    return exchange;
}

/* --- answers ------------------------------------------------------------------------------------------- */

static void count_result(const struct exchange *exchange, enum rc rc)
{
    static const enum metric BY_RC[RC_COUNT] = {
        [RC_INVALID_JSON] = METRIC_WEBHOOKS_INVALID_JSON,
        [RC_NOT_AN_OBJECT] = METRIC_WEBHOOKS_NOT_AN_OBJECT,
        [RC_BAD_REQUEST] = METRIC_WEBHOOKS_BAD_REQUEST,
        [RC_SIGNATURE_MISSING] = METRIC_WEBHOOKS_SIGNATURE_MISSING,
        [RC_SIGNATURE_INVALID] = METRIC_WEBHOOKS_SIGNATURE_INVALID,
        [RC_TIMESTAMP_OUT_OF_RANGE] = METRIC_WEBHOOKS_TIMESTAMP,
        [RC_METHOD_NOT_ALLOWED] = METRIC_WEBHOOKS_METHOD,
        [RC_TIMEOUT] = METRIC_WEBHOOKS_TIMEOUT,
        [RC_BODY_TOO_LARGE] = METRIC_WEBHOOKS_TOO_LARGE,
        [RC_UNSUPPORTED_MEDIA_TYPE] = METRIC_WEBHOOKS_MEDIA_TYPE,
        [RC_HEADERS_TOO_LARGE] = METRIC_WEBHOOKS_HEADERS,
        [RC_OVERLOADED] = METRIC_WEBHOOKS_OVERLOADED,
        [RC_STORAGE_UNAVAILABLE] = METRIC_WEBHOOKS_STORAGE,
    };
    if (!exchange->is_webhook)
        return;
    if (rc == RC_OK)
        metric_add(exchange->webhook.duplicate ? METRIC_WEBHOOKS_DUPLICATE : METRIC_WEBHOOKS_STORED, 1);
    else
        metric_add(BY_RC[rc] ? BY_RC[rc] : METRIC_WEBHOOKS_OTHER, 1);
}

/* What a forged, broken or unlucky webhook was, for GET /api/v1/refused. */
static void note_refusal(struct exchanges *all, const struct exchange *exchange, enum rc rc,
                         const struct err *err)
{
    if (!exchange->is_webhook)
        return;
    const struct webhook *webhook = &exchange->webhook;
    bool whole = exchange->step >= STEP_SUBMITTED && rc_http_status(rc) < 500 && rc != RC_INVALID_JSON;
    struct refusal refusal = {
        .at = clock_wall(),
        .rc = rc,
        .bytes = webhook->body.len + exchange->discarded,
        .err = *err,
    };
    struct slice from = exchange->step == STEP_LEFT ? head_get(buf_slice(&webhook->head), ":from")
                                                    : slice_str(connection_address(exchange->connection));
    snprintf(refusal.from, sizeof refusal.from, "%.*s", SLICE_ARG(from));
    refusals_add(all->refusals, &refusal, whole ? buf_slice(&webhook->body) : SLICE_NONE);
}

static enum MHD_Result answer_error(struct exchanges *all, struct exchange *exchange, enum rc rc,
                                    const struct err *err)
{
    struct reply reply = {.body = BUF_INIT};
    count_result(exchange, rc);
    note_refusal(all, exchange, rc, err);
    if (exchange->step == STEP_BODY)
        exchange->step = STEP_REFUSED;
    reply_error(&reply, rc, err->message);
    if (rc == RC_METHOD_NOT_ALLOWED)
        reply_header(&reply, MHD_HTTP_HEADER_ALLOW, exchange->call ? call_allow(exchange->call) : "POST");
    if (rc == RC_UNAUTHORIZED)
        reply_header(&reply, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"fairlead\"");
    return respond(all, exchange->http, exchange->connection, &reply, exchange->close_after || all->stopping);
}

static enum MHD_Result answer_call(struct exchanges *all, struct exchange *exchange)
{
    return respond(all, exchange->http, exchange->connection, call_reply(exchange->call),
                   exchange->close_after || all->stopping);
}

static enum MHD_Result answer_webhook(struct exchanges *all, struct exchange *exchange)
{
    struct webhook *webhook = &exchange->webhook;
    exchange->step = STEP_ANSWERED;
    histogram_observe_usec(HISTOGRAM_ACK, clock_monotonic() - exchange->complete_at);
    if (all->stopping)
        exchange->close_after = true;
    if (webhook->rc != RC_OK)
        return answer_error(all, exchange, webhook->rc, &webhook->err);
    count_result(exchange, RC_OK);
    if (exchange->call) {
        call_answer_webhook(exchange->call, webhook);
        return answer_call(all, exchange);
    }
    all->more = true;
    return MHD_queue_response(exchange->http, MHD_HTTP_OK, webhook->duplicate ? all->duplicate : all->stored);
}

/* --- request headers ----------------------------------------------------------------------------------- */

static const char *header(struct exchange *exchange, const char *name)
{
    return MHD_lookup_connection_value(exchange->http, MHD_HEADER_KIND, name);
}

static enum rc refuse(struct exchange *exchange, enum rc rc, const char *message)
{
    err_set(&exchange->err, rc, "%s", message);
    return rc;
}

/* A length as RFC 9110, section 8.6 writes it; false for anything else, lists of equal values included. */
static bool parse_length(const char *text, uint64_t *ret)
{
    size_t len = strlen(text);
    if (len == 0 || len > 18 || strspn(text, "0123456789") != len)
        return false;
    *ret = strtoull(text, NULL, 10);
    return true;
}

/* What says where a request ends, from one look at its headers. */
struct framing {
    const char *length;
    const char *encoding;
    size_t lengths;
    size_t encodings;
    bool odd_name;
};

/* White space in a name (RFC 9112, section 5.1): to one reader a header, to another none. */
static bool is_odd_name(const char *name)
{
    return name[strcspn(name, " \t\r\v\f")] != '\0';
}

static enum MHD_Result see_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    struct framing *framing = cls;
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
        framing->length = value ? value : "";
        framing->lengths++;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
        framing->encoding = value ? value : "";
        framing->encodings++;
    } else if (is_odd_name(name)) {
        framing->odd_name = true;
    }
    return MHD_YES;
}

/* Why the end of the message is not clear (RFC 9112, section 6.3); NULL: it is. */
static const char *find_ambiguity(const struct framing *framing, uint64_t *ret_length)
{
    if (framing->odd_name)
        return "a header's name must not have white space in it or before the colon";
    if (framing->encodings > 1 || (framing->encoding && strcasecmp(framing->encoding, "chunked") != 0))
        return "the only Transfer-Encoding understood here is chunked";
    if (framing->encoding && framing->length)
        return "Content-Length and Transfer-Encoding exclude each other; send one";
    if (framing->lengths > 1 || (framing->length && !parse_length(framing->length, ret_length)))
        return "Content-Length must be given once, as a number";
    return NULL;
}

/* What makes a message's end ambiguous is refused and its connection closed. */
static enum rc check_framing(struct exchange *exchange, uint64_t *ret_length)
{
    struct framing framing = {0};
    *ret_length = 0;
    MHD_get_connection_values(exchange->http, MHD_HEADER_KIND, see_header, &framing);
    const char *ambiguity = find_ambiguity(&framing, ret_length);
    if (!ambiguity)
        return RC_OK;
    exchange->close_after = true;
    return refuse(exchange, RC_BAD_REQUEST, ambiguity);
}

static enum rc check_call(struct exchanges *all, struct exchange *exchange, const char *url,
                          const char *method, uint64_t length)
{
    exchange->call = call_new(all, exchange->http, exchange->connection);
    if (!exchange->call)
        return refuse(exchange, RC_NO_MEMORY, "memory ran out; ask again later");
    return call_check(exchange->call, url, method, length, &exchange->err);
}

static enum rc check_webhook(struct exchanges *all, struct exchange *exchange, const char *method,
                             uint64_t length)
{
    exchange->is_webhook = true;
    if (strcmp(method, "POST") != 0)
        return refuse(exchange, RC_METHOD_NOT_ALLOWED, "webhooks are sent with POST");
    if (length > (uint64_t)all->options->max_body) {
        err_set(&exchange->err, RC_BODY_TOO_LARGE, "the body may have at most %lld bytes (option max-body)",
                (long long)all->options->max_body);
        return RC_BODY_TOO_LARGE;
    }
    if (!media_type_is_json(header(exchange, MHD_HTTP_HEADER_CONTENT_TYPE)))
        return refuse(exchange, RC_UNSUPPORTED_MEDIA_TYPE, "the content type must be application/json");
    return RC_OK;
}

static enum rc check_headers(struct exchanges *all, struct exchange *exchange, const char *url,
                             const char *method, uint64_t *ret_length)
{
    const union MHD_ConnectionInfo *size =
        MHD_get_connection_info(exchange->http, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    bool is_webhook = strcmp(url, all->options->path) == 0;
    exchange->is_webhook = is_webhook;
    enum rc rc = check_framing(exchange, ret_length);
    if (rc != RC_OK)
        return rc;
    if (size && size->header_size > EXCHANGE_HEADER_MAX) {
        exchange->close_after = true;
        return refuse(exchange, RC_HEADERS_TOO_LARGE, "the request line and headers may have at most 8 KiB");
    }
    return is_webhook ? check_webhook(all, exchange, method, *ret_length)
                      : check_call(all, exchange, url, method, *ret_length);
}

/* --- steps --------------------------------------------------------------------------------------------- */

static enum MHD_Result keep_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    head_add(cls, slice_str(name), slice_str(value));
    return MHD_YES;
}

/* The path of a target in absolute form, which every server has to take (RFC 9112, section 3.2.2). */
static const char *path_of(const char *target)
{
    static const char *const SCHEMES[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof SCHEMES / sizeof SCHEMES[0]; i++) {
        size_t len = strlen(SCHEMES[i]);
        if (strncasecmp(target, SCHEMES[i], len) != 0)
            continue;
        const char *path = strchr(target + len, '/');
        return path ? path : "/";
    }
    return target;
}

static enum MHD_Result on_headers(struct exchanges *all, struct exchange *exchange, const char *url,
                                  const char *method)
{
    uint64_t length = 0;
    exchange->step = STEP_BODY;
    connection_enter(all->connections, exchange->connection, PHASE_BODY);
    exchange->refused = check_headers(all, exchange, url, method, &length);
    bool waits = header(exchange, MHD_HTTP_HEADER_EXPECT) != NULL;
    if (exchange->refused == RC_OK) {
        connection_hold(exchange->connection, waits); /* libmicrohttpd says 100 before it looks for a body */
        exchange->webhook.body.limit = (size_t)all->options->max_body;
        if (exchange->is_webhook && length > 0 && !buf_reserve(&exchange->webhook.body, (size_t)length))
            exchange->refused = refuse(exchange, RC_NO_MEMORY, "memory ran out; send the event again later");
        return MHD_YES;
    }
    if (length > EXCHANGE_DRAIN_MAX || waits || exchange->close_after) {
        exchange->close_after = true;
        return answer_error(all, exchange, exchange->refused, &exchange->err);
    }
    return MHD_YES;
}

static enum MHD_Result on_body(struct exchanges *all, struct exchange *exchange, const char *data,
                               size_t *data_size)
{
    struct buf *body = &exchange->webhook.body;
    all->more |= exchange->has_body; /* it comes in pieces: the next may be here */
    exchange->has_body = true;
    connection_hold(exchange->connection, false);
    if (exchange->refused == RC_OK && exchange->is_webhook) {
        buf_add(body, data, *data_size);
        if (buf_failed(body)) {
            exchange->discarded = body->len;
            buf_cleanup(body);
            exchange->refused = err_set(&exchange->err, RC_BODY_TOO_LARGE,
                                        "the body may have at most %lld bytes (option max-body)",
                                        (long long)all->options->max_body);
        }
    }
    if (exchange->refused != RC_OK || !exchange->is_webhook)
        exchange->discarded += *data_size;
    if (exchange->refused == RC_OK && !exchange->is_webhook)
        exchange->refused = call_add_body(exchange->call, data, *data_size, &exchange->err);
    *data_size = 0;
    if (exchange->discarded <= EXCHANGE_DRAIN_MAX)
        return MHD_YES;
    /* The library takes no answer in the middle of a body: close. */
    count_result(exchange, exchange->refused);
    note_refusal(all, exchange, exchange->refused, &exchange->err);
    return MHD_NO;
}

/* To receive, and back through exchanges_resume(). */
static enum MHD_Result submit(struct exchanges *all, struct exchange *exchange)
{
    struct webhook *webhook = &exchange->webhook;
    const char *from = connection_address(exchange->connection);
    buf_add_str(&webhook->head, ":from: ");
    buf_add_str(&webhook->head, from);
    buf_add_char(&webhook->head, '\n');
    webhook->path = slice_str(all->options->path);
    webhook->received_at = clock_wall();
    exchange->complete_at = clock_monotonic();
    struct err err;
    enum rc rc = buf_failed(&webhook->head)
                     ? err_set(&err, RC_NO_MEMORY, "memory ran out; send the event again later")
                     : receive_submit(all->receive, webhook, &err);
    if (rc != RC_OK)
        return answer_error(all, exchange, rc, &err);
    exchange->step = STEP_SUBMITTED;
    all->submitted++;
    all->asking++;
    return MHD_YES;
}

/* Returning without an answer has the library ask again. */
static enum MHD_Result ask_again(struct exchanges *all, struct exchange *exchange)
{
    if (++exchange->asked >= EXCHANGE_ASKS || all->asking > EXCHANGE_ASKING) {
        exchange->suspended = true;
        all->asking--;
        MHD_suspend_connection(exchange->http);
    }
    return MHD_YES;
}

static enum MHD_Result submit_posted(struct exchanges *all, struct exchange *exchange)
{
    MHD_get_connection_values(exchange->http, MHD_HEADER_KIND, keep_header, &exchange->webhook.head);
    return submit(all, exchange);
}

/* A call's own webhook goes the way of a posted one, and is counted as one. */
static enum MHD_Result submit_made(struct exchanges *all, struct exchange *exchange)
{
    enum rc rc = call_make_webhook(exchange->call, &exchange->webhook, &exchange->err);
    if (rc != RC_OK)
        return answer_error(all, exchange, rc, &exchange->err);
    exchange->is_webhook = true;
    return submit(all, exchange);
}

/* The pool has finished. Whether the peer is still there is seen when the answer is sent. */
static void on_worked(void *arg)
{
    struct exchange *exchange = arg;
    assert(exchange->step == STEP_WORKING);
    exchange->step = STEP_WORKED;
    MHD_resume_connection(exchange->http);
}

static enum MHD_Result run_call(struct exchanges *all, struct exchange *exchange)
{
    bool later = false;
    enum rc rc = call_finish(exchange->call, &exchange->err);
    if (rc == RC_OK && call_makes_webhook(exchange->call))
        return submit_made(all, exchange);
    if (rc == RC_OK)
        rc = call_run(exchange->call, on_worked, exchange, &later, &exchange->err);
    if (rc != RC_OK)
        return answer_error(all, exchange, rc, &exchange->err);
    if (!later)
        return answer_call(all, exchange);
    exchange->step = STEP_WORKING;
    MHD_suspend_connection(exchange->http);
    return MHD_YES;
}

static enum MHD_Result on_complete(struct exchanges *all, struct exchange *exchange)
{
    connection_enter(all->connections, exchange->connection, PHASE_WORK);
    if (exchange->refused != RC_OK)
        return answer_error(all, exchange, exchange->refused, &exchange->err);
    return exchange->is_webhook ? submit_posted(all, exchange) : run_call(all, exchange);
}

enum MHD_Result exchange_on_data(void *cls, struct MHD_Connection *http, const char *url, const char *method,
                                 const char *version, const char *data, size_t *data_size, void **con_cls)
{
    (void)http;
    (void)version;
    struct exchanges *all = cls;
    struct exchange *exchange = *con_cls;
    all->called = true;
    if (!exchange)
        return MHD_NO;
    switch (exchange->step) {
    case STEP_HEADERS:
        return on_headers(all, exchange, path_of(url), method);
    case STEP_BODY:
        return *data_size > 0 ? on_body(all, exchange, data, data_size) : on_complete(all, exchange);
    case STEP_SUBMITTED:
        return ask_again(all, exchange);
    case STEP_REFUSED:
    case STEP_WORKING:
        return MHD_YES;
    case STEP_DONE:
        connection_enter(all->connections, exchange->connection, PHASE_ANSWER);
        return answer_webhook(all, exchange);
    case STEP_WORKED:
        return answer_call(all, exchange);
    case STEP_ANSWERED:
    case STEP_LEFT:
        break;
    }
    return MHD_NO;
}

/* Nobody is there to be answered: it counts all the same. */
static void finish_left(struct exchanges *all, struct exchange *exchange)
{
    count_result(exchange, exchange->webhook.rc);
    if (exchange->webhook.rc != RC_OK)
        note_refusal(all, exchange, exchange->webhook.rc, &exchange->webhook.err);
    exchange_give(all, exchange);
}

static void resume(struct exchanges *all, struct exchange *exchange)
{
    assert(exchange->step == STEP_SUBMITTED);
    exchange->step = STEP_DONE;
    if (exchange->suspended)
        MHD_resume_connection(exchange->http);
    else
        all->asking--;
}

void exchanges_resume(struct exchanges *all)
{
    struct webhook *webhook = receive_take_done(all->receive);
    while (webhook) {
        struct webhook *next = webhook->next;
        struct exchange *exchange = (struct exchange *)webhook;
        assert(all->submitted > 0);
        all->submitted--;
        if (exchange->step == STEP_LEFT)
            finish_left(all, exchange);
        else
            resume(all, exchange);
        webhook = next;
    }
}

/* Its connection broke while receive had it. */
static void leave(struct exchanges *all, struct exchange *exchange)
{
    assert(!exchange->suspended);
    exchange->step = STEP_LEFT;
    exchange->http = NULL;
    exchange->connection = NULL;
    all->asking--;
}

/* Its connection had to go before it was answered; what it was refused for comes first. */
static void note_unanswered(struct exchanges *all, struct exchange *exchange)
{
    if (exchange->step != STEP_BODY || !connection_has_expired(exchange->connection))
        return;
    if (exchange->refused == RC_OK)
        exchange->refused =
            refuse(exchange, RC_TIMEOUT, "the body did not arrive in time (option body-timeout)");
    count_result(exchange, exchange->refused);
    note_refusal(all, exchange, exchange->refused, &exchange->err);
}

void exchange_on_completed(void *cls, struct MHD_Connection *http, void **con_cls,
                           enum MHD_RequestTerminationCode code)
{
    (void)http;
    (void)code;
    struct exchanges *all = cls;
    struct exchange *exchange = *con_cls;
    all->called = true;
    if (!exchange)
        return;
    *con_cls = NULL;
    assert(exchange->step != STEP_WORKING);
    note_unanswered(all, exchange);
    connection_enter(all->connections, exchange->connection, PHASE_IDLE);
    if (exchange->step == STEP_SUBMITTED)
        leave(all, exchange);
    else if (exchange->step == STEP_DONE)
        finish_left(all, exchange);
    else
        exchange_give(all, exchange);
    if (all->stopping)
        connections_shut_idle(all->connections);
}
