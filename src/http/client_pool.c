#include "http/client_pool.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "http/client_handle.h"

#define LONGEST_WAIT USEC_HOUR

struct place {
    CURL *handle;
    bool busy;
    struct client_answer_room room;
};

struct client_pool {
    struct client_pool_options options;
    struct client_target target;
    char *url;
    CURLM *multi;
    struct place *places;
};

static bool open_handles(struct client_pool *pool)
{
    size_t count = pool->options.places;
    pool->url = strdup(pool->options.url);
    pool->multi = curl_multi_init();
    pool->places = calloc(count, sizeof *pool->places);
    if (!pool->url || !pool->multi || !pool->places)
        return false;
    curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, (long)count);
    for (size_t i = 0; i < count; i++) {
        pool->places[i].handle = curl_easy_init();
        if (!pool->places[i].handle)
            return false;
    }
    return true;
}

enum rc client_pool_open(const struct client_pool_options *options, struct client_pool **ret, struct err *err)
{
    struct client_target target;
    client_handle_prepare();
    enum rc rc = client_handle_target(options->url, &target, err);
    if (rc)
        return rc;
    struct client_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return err_set(err, RC_NO_MEMORY, "out of memory");
    pool->options = *options;
    pool->target = target;
    if (!open_handles(pool)) {
        client_pool_close(pool);
        return err_set(err, RC_NO_MEMORY, "out of memory");
    }
    *ret = pool;
    return RC_OK;
}

void client_pool_close(struct client_pool *pool)
{
    if (!pool)
        return;
    for (size_t i = 0; pool->places && i < pool->options.places; i++) {
        struct place *place = &pool->places[i];
        if (place->busy)
            curl_multi_remove_handle(pool->multi, place->handle);
        curl_easy_cleanup(place->handle);
        client_answer_room_cleanup(&place->room);
    }
    curl_multi_cleanup(pool->multi);
    free(pool->places);
    free(pool->url);
    free(pool);
}

enum rc client_pool_post(struct client_pool *pool, size_t index, const char *const *headers,
                         struct slice body, struct err *err)
{
    assert(index < pool->options.places && !pool->places[index].busy);
    struct place *place = &pool->places[index];
    const struct client_request request = {
        .method = "POST",
        .url = pool->url,
        .headers = headers,
        .body = body,
        .timeout = pool->options.timeout,
        .max_answer = pool->options.max_answer,
    };
    enum rc rc = client_handle_set_up(place->handle, &request, &pool->target, &place->room, err);
    if (rc)
        return rc;
    curl_easy_setopt(place->handle, CURLOPT_PRIVATE, (char *)place);
    if (curl_multi_add_handle(pool->multi, place->handle) != CURLM_OK)
        return err_set(err, RC_NO_MEMORY, "out of memory");
    place->busy = true;
    return RC_OK;
}

static void finish(struct client_pool *pool, CURL *handle, CURLcode code)
{
    char *private = NULL;
    struct client_answer answer = {.status = 0};
    struct err err = {""};
    curl_easy_getinfo(handle, CURLINFO_PRIVATE, &private);
    struct place *place = (struct place *)(void *)private;
    curl_multi_remove_handle(pool->multi, handle);
    place->busy = false;
    enum rc rc = client_handle_finish(handle, code, &pool->target, &place->room, &answer, &err);
    pool->options.on_done(pool->options.arg, (size_t)(place - pool->places), rc, &answer, &err);
    buf_cleanup(&answer.body);
}

static enum rc move(struct client_pool *pool, size_t *ret_finished, struct err *err)
{
    int running;
    int left;
    *ret_finished = 0;
    const CURLMsg *message;
    CURLMcode code = curl_multi_perform(pool->multi, &running);
    if (code != CURLM_OK)
        return err_set(err, RC_INTERNAL, "libcurl: %s", curl_multi_strerror(code));
    while ((message = curl_multi_info_read(pool->multi, &left)))
        if (message->msg == CURLMSG_DONE) {
            finish(pool, message->easy_handle, message->data.result);
            ++*ret_finished;
        }
    return RC_OK;
}

enum rc client_pool_wait(struct client_pool *pool, int fd, usec timeout, struct err *err)
{
    size_t finished;
    struct curl_waitfd extra = {.fd = fd, .events = CURL_WAIT_POLLIN};
    enum rc rc = move(pool, &finished, err); /* what was posted just now is sent before any waiting */
    if (rc)
        return rc;
    timeout = timeout < 0 || finished ? 0 : timeout < LONGEST_WAIT ? timeout : LONGEST_WAIT;
    int milliseconds = (int)((timeout + USEC_PER_MS - 1) / USEC_PER_MS);
    CURLMcode code = curl_multi_poll(pool->multi, &extra, fd >= 0 ? 1 : 0, milliseconds, NULL);
    if (code != CURLM_OK)
        return err_set(err, RC_INTERNAL, "libcurl: %s", curl_multi_strerror(code));
    return move(pool, &finished, err);
}
