#include "http/client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/version.h"
#include "http/client_handle.h"

#define DEFAULT_TIMEOUT    (30 * USEC_PER_SEC)
#define DEFAULT_MAX_ANSWER ((size_t)16 * 1024 * 1024)
#define MAX_RETRY_AFTER    USEC_DAY

struct client {
    CURL *handle;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void prepare(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

void client_handle_prepare(void)
{
    pthread_once(&once, prepare);
}

struct client *client_open(void)
{
    client_handle_prepare();
    struct client *client = malloc(sizeof *client);
    if (!client)
        return NULL;
    client->handle = curl_easy_init();
    if (!client->handle) {
        free(client);
        return NULL;
    }
    return client;
}

void client_close(struct client *client)
{
    if (!client)
        return;
    curl_easy_cleanup(client->handle);
    free(client);
}

static bool copy_part(CURLU *url, CURLUPart part, char *out, size_t size)
{
    char *text = NULL;
    if (curl_url_get(url, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
        return false;
    int n = snprintf(out, size, "%s", text);
    curl_free(text);
    return n >= 0 && (size_t)n < size;
}

enum rc client_handle_target(const char *text, struct client_target *ret, struct err *err)
{
    char scheme[8];
    CURLU *url = curl_url();
    if (!url)
        return err_set(err, RC_NO_MEMORY, "out of memory");
    CURLUcode code = curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
    bool good = code == CURLUE_OK && copy_part(url, CURLUPART_SCHEME, scheme, sizeof scheme) &&
                (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
                copy_part(url, CURLUPART_HOST, ret->host, sizeof ret->host) &&
                copy_part(url, CURLUPART_PORT, ret->port, sizeof ret->port);
    curl_url_cleanup(url);
    if (good)
        return RC_OK;
    return err_set(err, RC_USAGE,
                   "\"%.200s\" is not an address to send to; write http://HOST:PORT or https://HOST", text);
}

static bool is_this_machine(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 || strncmp(host, "127.", 4) == 0;
}

static size_t on_answer(char *data, size_t size, size_t count, void *arg)
{
    struct buf *body = arg;
    buf_add(body, data, size * count);
    return buf_failed(body) ? 0 : size * count;
}

static bool has_header(const char *const *headers, const char *name)
{
    size_t len = strlen(name);
    for (; headers && *headers; headers++)
        if (strncasecmp(*headers, name, len) == 0 && (*headers)[len] == ':')
            return true;
    return false;
}

/* libcurl's own "Expect" would cost a round trip, and its own content type would be wrong. */
static bool make_headers(const char *const *headers, struct curl_slist **ret)
{
    const char *own[] = {"Expect:", has_header(headers, "content-type") ? NULL : "Content-Type:", NULL};
    for (size_t i = 0; own[i]; i++) {
        struct curl_slist *longer = curl_slist_append(*ret, own[i]);
        if (!longer)
            return false;
        *ret = longer;
    }
    for (const char *const *header = headers; header && *header; header++) {
        struct curl_slist *longer = curl_slist_append(*ret, *header);
        if (!longer)
            return false;
        *ret = longer;
    }
    return true;
}

static void set_method(CURL *handle, const struct client_request *request)
{
    if (request->body.ptr) {
        curl_easy_setopt(handle, CURLOPT_POST, 1L);
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request->body.ptr);
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    }
    if (strcmp(request->method, "HEAD") == 0)
        curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_options(CURL *handle, const struct client_request *request,
                        const struct client_target *target, struct client_answer_room *room)
{
    usec timeout = request->timeout ? request->timeout : DEFAULT_TIMEOUT;
    char agent[64];
    snprintf(agent, sizeof agent, "fairlead/%s", version_text());
    curl_easy_reset(handle);
    curl_easy_setopt(handle, CURLOPT_URL, request->url);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)((timeout + USEC_PER_MS - 1) / USEC_PER_MS));
    curl_easy_setopt(handle, CURLOPT_USERAGENT, agent);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, room->headers);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &room->body);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, room->cause);
    if (request->cacert)
        curl_easy_setopt(handle, CURLOPT_CAINFO, request->cacert);
    if (is_this_machine(target->host))
        curl_easy_setopt(handle, CURLOPT_PROXY, "");
    set_method(handle, request);
}

static enum rc explain(CURLcode code, const struct client_answer_room *room,
                       const struct client_target *target, struct err *err)
{
    const char *host = target->host;
    const char *port = target->port;
    switch ((int)code) {
    case CURLE_COULDNT_CONNECT:
        return err_set(
            err, RC_UNREACHABLE,
            "cannot connect to %s port %s: nothing answers there; is the server running, and is the "
            "address right?",
            host, port);
    case CURLE_COULDNT_RESOLVE_HOST:
        return err_set(err, RC_UNREACHABLE, "cannot find the host %s (for port %s); check its name", host,
                       port);
    case CURLE_OPERATION_TIMEDOUT:
        return err_set(err, RC_UNREACHABLE, "no complete answer from %s port %s in time", host, port);
    case CURLE_GOT_NOTHING:
        return err_set(err, RC_UNREACHABLE, "%s port %s closed the connection without an answer", host, port);
    case CURLE_WRITE_ERROR:
        if (room->body.limit)
            return err_set(err, RC_BODY_TOO_LARGE, "the answer of %s port %s is larger than %zu bytes", host,
                           port, room->body.limit);
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return err_set(err, RC_UNTRUSTED,
                       "the certificate of %s port %s cannot be checked: %s; --cacert names a file with its "
                       "authority",
                       host, port, room->cause[0] ? room->cause : curl_easy_strerror(code));
    case CURLE_OUT_OF_MEMORY:
        return err_set(err, RC_NO_MEMORY, "out of memory");
    default:
        break;
    }
    return err_set(err, RC_UNREACHABLE, "no answer from %s port %s: %s", host, port,
                   room->cause[0] ? room->cause : curl_easy_strerror(code));
}

void client_answer_room_cleanup(struct client_answer_room *room)
{
    curl_slist_free_all(room->headers);
    buf_cleanup(&room->body);
    room->headers = NULL;
}

/* CURLOPT_NOSIGNAL stays off: libcurl then keeps SIGPIPE away itself. */
enum rc client_handle_set_up(CURL *handle, const struct client_request *request,
                             const struct client_target *target, struct client_answer_room *room,
                             struct err *err)
{
    client_answer_room_cleanup(room);
    room->cause[0] = '\0';
    room->body.limit = request->max_answer ? request->max_answer : DEFAULT_MAX_ANSWER;
    if (!make_headers(request->headers, &room->headers))
        return err_set(err, RC_NO_MEMORY, "out of memory");
    set_options(handle, request, target, room);
    room->started = clock_monotonic();
    return RC_OK;
}

enum rc client_handle_finish(CURL *handle, CURLcode code, const struct client_target *target,
                             struct client_answer_room *room, struct client_answer *ret, struct err *err)
{
    long status = 0;
    curl_off_t retry_after = 0;
    usec elapsed = clock_monotonic() - room->started;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(handle, CURLINFO_RETRY_AFTER, &retry_after);
    curl_easy_reset(handle); /* it must not keep pointers into the room */
    if (code != CURLE_OK)
        return explain(code, room, target, err);
    if (retry_after > MAX_RETRY_AFTER / USEC_PER_SEC)
        retry_after = MAX_RETRY_AFTER / USEC_PER_SEC;
    *ret = (struct client_answer){.status = (int)status,
                                  .body = room->body,
                                  .elapsed = elapsed,
                                  .retry_after = retry_after * USEC_PER_SEC};
    room->body = (struct buf)BUF_INIT;
    return RC_OK;
}

static enum rc perform(CURL *handle, const struct client_request *request, const struct client_target *target,
                       struct client_answer *ret, struct err *err)
{
    CLEANUP(client_answer_room_cleanup) struct client_answer_room room = {.headers = NULL};
    enum rc rc = client_handle_set_up(handle, request, target, &room, err);
    if (rc)
        return rc;
    return client_handle_finish(handle, curl_easy_perform(handle), target, &room, ret, err);
}

enum rc client_perform(const struct client_request *request, struct client_answer *ret, struct err *err)
{
    struct client_target target;
    client_handle_prepare();
    enum rc rc = client_handle_target(request->url, &target, err);
    if (rc)
        return rc;
    struct client *client = request->client ? request->client : client_open();
    if (!client)
        return err_set(err, RC_NO_MEMORY, "out of memory");
    rc = perform(client->handle, request, &target, ret, err);
    if (!request->client)
        client_close(client);
    return rc;
}
