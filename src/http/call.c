#include "http/call.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "http/asset.h"
#include "http/media_type.h"
#include "http/pool.h"
#include "http/session.h"

struct call {
    struct exchanges *all;
    struct MHD_Connection *http;
    const struct endpoint *endpoint; /* NULL: a file */
    const struct asset *asset;       /* NULL: the page of a program without files */
    struct slice segment;            /* what stands at the path's {name}, encoded */
    struct request request;
    struct reply reply;
    struct buf body;
    struct buf allow;
    struct err err; /* of a query's iteration */
    enum rc rc;
    void (*done)(void *arg);
    void *arg;
};

struct call *call_new(struct exchanges *all, struct MHD_Connection *http, struct connection *connection)
{
    struct call *call = calloc(1, sizeof *call);
    if (!call)
        return NULL;
    call->all = all;
    call->http = http;
    call->body.limit = REQUEST_BODY_MAX;
    call->request.from = connection_address(connection);
    return call;
}

void call_free(struct call *call)
{
    if (!call)
        return;
    request_cleanup(&call->request);
    reply_cleanup(&call->reply);
    buf_cleanup(&call->body);
    buf_cleanup(&call->allow);
    free(call);
}

const char *call_allow(const struct call *call)
{
    return buf_str(&call->allow);
}

struct reply *call_reply(struct call *call)
{
    return &call->reply;
}

static const char *header(const struct call *call, const char *name)
{
    return MHD_lookup_connection_value(call->http, MHD_HEADER_KIND, name);
}

/* --- checks -------------------------------------------------------------------------------------------- */

/* Whoever posts to a file has most likely the wrong address for webhooks: 404 says the right one. */
static enum rc find_file(struct call *call, const char *url, const char *method, struct err *err)
{
    bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (reads && asset_find(call->all->options->assets, url, &call->asset))
        return RC_OK;
    return err_set(err, RC_NOT_FOUND, "nothing is here; webhooks are posted to %s", call->all->options->path);
}

static enum rc find(struct call *call, const char *url, const char *method, struct err *err)
{
    enum rc rc = endpoint_find(call->all->options->endpoints, method, url, &call->endpoint, &call->segment,
                               &call->allow);
    if (rc == RC_NOT_FOUND)
        rc = find_file(call, url, method, err);
    if (rc == RC_METHOD_NOT_ALLOWED)
        err_set(err, rc, "this path takes %s only", call_allow(call));
    return rc;
}

static void fill_request(struct call *call, const char *url, const char *method)
{
#define HEADER_NAME_ROW(name, header) [name] = header,
    static const char *const NAMES[REQUEST_HEADER_COUNT] = {REQUEST_HEADERS(HEADER_NAME_ROW)};
#undef HEADER_NAME_ROW
    struct request *request = &call->request;
    const char *from = request->from;
    request_init(request, call->endpoint, clock_wall());
    request->method = method;
    request->path = url;
    request->from = from;
    request->session = &call->all->session;
    request->pool = call->all->pool;
    for (int i = 0; i < REQUEST_HEADER_COUNT; i++)
        request->headers[i] = header(call, NAMES[i]);
}

static enum rc check_body(const struct call *call, uint64_t length, struct err *err)
{
    if (!endpoint_takes_body(call->endpoint))
        return RC_OK;
    if (length > REQUEST_BODY_MAX)
        return err_set(err, RC_BODY_TOO_LARGE, "the body may have at most 64 KiB");
    if (!media_type_is_json(header(call, MHD_HTTP_HEADER_CONTENT_TYPE)))
        return err_set(err, RC_UNSUPPORTED_MEDIA_TYPE, "the content type must be application/json");
    return RC_OK;
}

/* One pair of the query, its escapes decoded. */
static enum rc set_pair(struct request *request, enum parameter_place place, struct slice name,
                        struct slice value, struct err *err)
{
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    if (value.ptr && !request_decode(value, &text))
        return err_set(err, RC_BAD_PARAMETER, "%.*s: must be UTF-8, escaped as %%XX",
                       name.len > 40 ? 40 : (int)name.len, name.ptr);
    return request_set(request, place, name, value.ptr ? buf_slice(&text) : SLICE_NONE, err);
}

static enum MHD_Result on_argument(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                   const char *value, size_t value_len)
{
    (void)kind;
    struct call *call = cls;
    CLEANUP(buf_cleanup) struct buf decoded = BUF_INIT;
    if (!request_decode(slice_of(name, name_len), &decoded)) {
        call->rc = err_set(&call->err, RC_BAD_PARAMETER, "a parameter's name must be UTF-8, escaped as %%XX");
        return MHD_NO;
    }
    struct slice text = value ? slice_of(value, value_len) : SLICE_NONE;
    call->rc = set_pair(&call->request, IN_QUERY, buf_slice(&decoded), text, &call->err);
    return call->rc == RC_OK ? MHD_YES : MHD_NO;
}

static enum rc check_parameters(struct call *call, struct err *err)
{
    const struct parameter *rows = call->endpoint->parameters;
    enum rc rc = RC_OK;
    for (size_t i = 0; rc == RC_OK && rows && rows[i].name; i++)
        if (rows[i].place == IN_PATH)
            rc = set_pair(&call->request, IN_PATH, slice_str(rows[i].name), call->segment, err);
    if (rc != RC_OK)
        return rc;
    MHD_get_connection_values_n(call->http, MHD_GET_ARGUMENT_KIND, on_argument, call);
    if (call->rc != RC_OK)
        *err = call->err;
    return call->rc;
}

enum rc call_check(struct call *call, const char *url, const char *method, uint64_t length, struct err *err)
{
    enum rc rc = find(call, url, method, err);
    if (rc != RC_OK)
        return rc;
    fill_request(call, url, method);
    if (!call->endpoint)
        return RC_OK;
    rc =
        session_check(&call->all->session, call->endpoint->access, &call->request,
                      header(call, MHD_HTTP_HEADER_AUTHORIZATION), header(call, MHD_HTTP_HEADER_COOKIE), err);
    if (rc == RC_OK)
        rc = check_body(call, length, err);
    return rc == RC_OK ? check_parameters(call, err) : rc;
}

enum rc call_add_body(struct call *call, const char *data, size_t len, struct err *err)
{
    if (!call->endpoint || !endpoint_takes_body(call->endpoint))
        return RC_OK;
    buf_add(&call->body, data, len);
    if (!buf_failed(&call->body))
        return RC_OK;
    buf_cleanup(&call->body);
    return err_set(err, RC_BODY_TOO_LARGE, "the body may have at most 64 KiB");
}

/* --- answers ------------------------------------------------------------------------------------------- */

/* GET /?token=T, as the start prints it: a right token becomes a cookie and leaves the address bar; with a
 * wrong one the page is told to say so where it asks for the token. The fragment stays in either case. */
static bool answer_login(struct call *call)
{
    const char *given = MHD_lookup_connection_value(call->http, MHD_GET_ARGUMENT_KIND, "token");
    if (!given || strcmp(call->request.path, "/") != 0)
        return false;
    CLEANUP(buf_cleanup) struct buf token = BUF_INIT;
    const struct session *session = &call->all->session;
    bool right = request_decode(slice_str(given), &token) && session_token_is(session, buf_slice(&token));
    call->reply.status = MHD_HTTP_SEE_OTHER;
    reply_header(&call->reply, MHD_HTTP_HEADER_LOCATION, right ? "./" : "./?link=refused");
    if (right)
        session_give(session, &call->reply);
    return true;
}

static void handle(void *arg)
{
    struct call *call = arg;
    call->endpoint->handle(call->all->options->context, &call->request, &call->reply);
}

static void on_handled(void *arg)
{
    struct call *call = arg;
    assert(!call->reply.stream); /* streams are the loop's */
    call->done(call->arg);
}

enum rc call_finish(struct call *call, struct err *err)
{
    enum rc rc = RC_OK;
    if (!call->endpoint)
        return RC_OK;
    if (endpoint_takes_body(call->endpoint))
        rc = request_set_body(&call->request, buf_slice(&call->body), err);
    return rc == RC_OK ? request_finish(&call->request, err) : rc;
}

bool call_makes_webhook(const struct call *call)
{
    return call->endpoint && call->endpoint->run == RUN_RECEIVE;
}

enum rc call_make_webhook(struct call *call, struct webhook *webhook, struct err *err)
{
    webhook->is_ours = true;
    return call->endpoint->make(call->all->options->context, &call->request, webhook, err);
}

void call_answer_webhook(struct call *call, const struct webhook *webhook)
{
    call->request.webhook = webhook;
    handle(call);
}

enum rc call_run(struct call *call, void (*done)(void *arg), void *arg, bool *ret_later, struct err *err)
{
    *ret_later = false;
    if (!call->endpoint) {
        if (!answer_login(call))
            asset_answer(call->asset, &call->request, &call->reply);
        return RC_OK;
    }
    if (call->endpoint->run == RUN_LOOP) {
        handle(call);
        return RC_OK;
    }
    call->done = done;
    call->arg = arg;
    *ret_later = true;
    return pool_submit(call->all->pool, handle, on_handled, call, err);
}
