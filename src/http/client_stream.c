#include "http/client_stream.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "http/client_handle.h"

#define LONGEST_WAIT_MS 3600000
#define MAX_REFUSAL     ((size_t)64 * 1024)

/* One exchange. */
struct following {
    const struct client_stream *stream;
    struct client_target target;
    struct client_answer_room room;
    CURL *handle;
    CURLM *multi;
    usec heard; /* when the last bytes came, or it began */
    bool stopped;
};

static size_t on_answer(char *data, size_t size, size_t count, void *arg)
{
    struct following *following = arg;
    long status = 0;
    size_t len = size * count;
    following->heard = clock_monotonic();
    curl_easy_getinfo(following->handle, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200) {
        following->stopped = !following->stream->on_bytes(following->stream->arg, slice_of(data, len));
        return following->stopped ? 0 : len;
    }
    buf_add(&following->room.body, data, len);
    return buf_failed(&following->room.body) ? 0 : len;
}

static enum rc set_up(struct following *following, struct err *err)
{
    const struct client_stream *stream = following->stream;
    const struct client_request request = {
        .method = "GET",
        .url = stream->url,
        .headers = stream->headers,
        .max_answer = MAX_REFUSAL,
    };
    client_handle_prepare();
    enum rc rc = client_handle_target(stream->url, &following->target, err);
    if (rc)
        return rc;
    following->handle = curl_easy_init();
    following->multi = curl_multi_init();
    if (!following->handle || !following->multi)
        return err_set(err, RC_NO_MEMORY, "out of memory");
    rc = client_handle_set_up(following->handle, &request, &following->target, &following->room, err);
    if (rc)
        return rc;
    curl_easy_setopt(following->handle, CURLOPT_TIMEOUT_MS, 0L);
    curl_easy_setopt(following->handle, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(following->handle, CURLOPT_WRITEDATA, following);
    if (curl_multi_add_handle(following->multi, following->handle) != CURLM_OK)
        return err_set(err, RC_NO_MEMORY, "out of memory");
    following->heard = clock_monotonic();
    return RC_OK;
}

static int wait_ms(const struct following *following)
{
    usec left = following->heard + following->stream->silence - clock_monotonic();
    int64_t ms = (left + USEC_PER_MS - 1) / USEC_PER_MS;
    return ms < 0 ? 0 : ms > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : (int)ms;
}

/* Until the exchange is over (*ret_over, with its code), the other side is silent, or it is to stop. */
static enum rc drive(struct following *following, bool *ret_over, CURLcode *ret_code, struct err *err)
{
    struct curl_waitfd extra = {.fd = following->stream->stop_fd, .events = CURL_WAIT_POLLIN};
    unsigned extras = extra.fd >= 0 ? 1 : 0;
    for (;;) {
        int running;
        int left;
        CURLMcode code = curl_multi_perform(following->multi, &running);
        const CURLMsg *message = code == CURLM_OK ? curl_multi_info_read(following->multi, &left) : NULL;
        *ret_over = message && message->msg == CURLMSG_DONE;
        if (*ret_over)
            *ret_code = message->data.result;
        if (*ret_over || following->stopped || (code == CURLM_OK && wait_ms(following) == 0))
            return RC_OK;
        if (code == CURLM_OK)
            code = curl_multi_poll(following->multi, &extra, extras, wait_ms(following), NULL);
        if (code != CURLM_OK)
            return err_set(err, RC_INTERNAL, "libcurl: %s", curl_multi_strerror(code));
        following->stopped = extra.revents != 0;
        if (following->stopped)
            return RC_OK;
    }
}

static long status_of(const struct following *following)
{
    long status = 0;
    curl_easy_getinfo(following->handle, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

/* What the end of it means. */
static enum rc judge(struct following *following, bool over, CURLcode code, struct client_stream_answer *ret,
                     struct err *err)
{
    struct client_answer answer = {.status = 0};
    const struct client_target *target = &following->target;
    ret->status = (int)status_of(following);
    if (following->stopped) {
        ret->end = CLIENT_STREAM_STOPPED;
        return RC_OK;
    }
    if (!over) {
        ret->end = CLIENT_STREAM_LOST;
        (void)!err_set(err, RC_UNREACHABLE, "%s port %s has been silent for %" PRId64 " s", target->host,
                       target->port, following->stream->silence / USEC_PER_SEC);
        return ret->status ? RC_OK : RC_UNREACHABLE;
    }
    curl_multi_remove_handle(following->multi, following->handle);
    enum rc rc = client_handle_finish(following->handle, code, target, &following->room, &answer, err);
    ret->body = answer.body;
    ret->end = ret->status == 200 ? CLIENT_STREAM_LOST : CLIENT_STREAM_REFUSED;
    if (rc == RC_OK && ret->status == 200)
        (void)!err_set(err, RC_UNREACHABLE, "%s port %s ended the stream", target->host, target->port);
    return ret->status ? RC_OK : rc;
}

static void clean_up(struct following *following)
{
    if (following->multi && following->handle)
        curl_multi_remove_handle(following->multi, following->handle);
    curl_easy_cleanup(following->handle);
    curl_multi_cleanup(following->multi);
    client_answer_room_cleanup(&following->room);
}

enum rc client_stream_follow(const struct client_stream *stream, struct client_stream_answer *ret,
                             struct err *err)
{
    CLEANUP(clean_up) struct following following = {.stream = stream};
    struct client_stream_answer answer = {.body = BUF_INIT};
    CURLcode code = CURLE_OK;
    bool over = false;
    enum rc rc = set_up(&following, err);
    if (rc == RC_OK)
        rc = drive(&following, &over, &code, err);
    if (rc == RC_OK)
        rc = judge(&following, over, code, &answer, err);
    if (rc == RC_OK)
        *ret = answer;
    else
        buf_cleanup(&answer.body);
    return rc;
}
