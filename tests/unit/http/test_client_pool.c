#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "http/client_pool.h"

enum { PLACES = 4 };
#define LONG (30 * USEC_PER_SEC)

/* A peer that answers nobody before PLACES requests have come, each on a connection of its own: with one at a
 * time it would wait for ever. */
struct peer {
    int listener;
    int rounds;
    const char *answer;
    char url[64];
    pthread_t thread;
};

static bool read_request(int fd)
{
    char bytes[4096] = "";
    size_t len = 0;
    while (!strstr(bytes, "\r\n\r\nbody")) {
        ssize_t n = read(fd, bytes + len, sizeof bytes - 1 - len);
        if (n <= 0)
            return false;
        len += (size_t)n;
    }
    return true;
}

static void *answer(void *arg)
{
    struct peer *peer = arg;
    int fds[PLACES];
    for (int i = 0; i < PLACES; i++)
        fds[i] = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
    for (int round = 0; round < peer->rounds; round++) {
        for (int i = 0; i < PLACES; i++)
            if (!read_request(fds[i]))
                break;
        for (int i = 0; i < PLACES; i++)
            (void)!send(fds[i], peer->answer, strlen(peer->answer), MSG_NOSIGNAL);
    }
    for (int i = 0; i < PLACES; i++) {
        char byte;
        while (read(fds[i], &byte, 1) > 0) /* the other side goes first */
            ;
        if (fds[i] >= 0)
            close(fds[i]);
    }
    return NULL;
}

static void start(struct peer *peer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(peer->listener, PLACES), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &len), 0);
    snprintf(peer->url, sizeof peer->url, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&peer->thread, NULL, answer, peer), 0);
}

static void stop(struct peer *peer)
{
    shutdown(peer->listener, SHUT_RDWR);
    pthread_join(peer->thread, NULL);
    close(peer->listener);
}

struct seen {
    struct client_pool *pool;
    int done[PLACES];
    int total;
    int status;
    usec retry_after;
    enum rc rc;
    char message[480];
    bool again; /* post to the place that became free, once */
};

static const char *const HEADERS[] = {"content-type: application/json", NULL};

static void on_done(void *arg, size_t place, enum rc rc, const struct client_answer *answer,
                    const struct err *err)
{
    struct seen *seen = arg;
    seen->done[place]++;
    seen->total++;
    seen->rc = rc;
    seen->status = answer->status;
    seen->retry_after = answer->retry_after;
    snprintf(seen->message, sizeof seen->message, "%s", err->message);
    if (seen->again && seen->done[place] == 1)
        assert_int_equal(client_pool_post(seen->pool, place, HEADERS, slice_str("body"), NULL), RC_OK);
}

static void open_pool(const char *url, usec timeout, struct seen *seen)
{
    struct err err;
    const struct client_pool_options options = {
        .url = url, .places = PLACES, .timeout = timeout, .on_done = on_done, .arg = seen};
    assert_int_equal(client_pool_open(&options, &seen->pool, &err), RC_OK);
}

static void post_all(struct seen *seen)
{
    for (size_t i = 0; i < PLACES; i++)
        assert_int_equal(client_pool_post(seen->pool, i, HEADERS, slice_str("body"), NULL), RC_OK);
}

static void wait_for(struct seen *seen, int total)
{
    struct err err;
    while (seen->total < total)
        assert_int_equal(client_pool_wait(seen->pool, -1, LONG, &err), RC_OK);
}

static void test_requests_are_under_way_together(void **state)
{
    (void)state;
    struct peer peer = {.rounds = 2,
                        .answer = "HTTP/1.1 503 Later\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"};
    struct seen seen = {.again = true};
    start(&peer);
    open_pool(peer.url, LONG, &seen);
    post_all(&seen);
    wait_for(&seen, 2 * PLACES);
    for (int i = 0; i < PLACES; i++)
        assert_int_equal(seen.done[i], 2);
    assert_int_equal(seen.rc, RC_OK);
    assert_int_equal(seen.status, 503);
    assert_int_equal(seen.retry_after, 7 * USEC_PER_SEC);
    client_pool_close(seen.pool);
    stop(&peer);
}

static void test_failures_have_a_sentence(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    CLEANUP(cleanup_fd) int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, but not listening */
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    char url[64];
    struct seen seen = {0};
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    open_pool(url, LONG, &seen);
    post_all(&seen);
    wait_for(&seen, PLACES);
    assert_int_equal(seen.rc, RC_UNREACHABLE);
    assert_non_null(strstr(seen.message, "cannot connect to 127.0.0.1"));
    client_pool_close(seen.pool);
}

static void test_a_descriptor_ends_the_wait(void **state)
{
    (void)state;
    int ends[2];
    struct seen seen = {0};
    struct err err;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    open_pool("http://127.0.0.1:1/", LONG, &seen);
    usec started = clock_monotonic();
    assert_int_equal(client_pool_wait(seen.pool, ends[0], LONG, &err), RC_OK);
    assert_true(clock_monotonic() - started < LONG / 2);
    client_pool_close(seen.pool);
    close(ends[0]);
    close(ends[1]);
}

static void test_closing_gives_up(void **state)
{
    (void)state;
    struct peer peer = {.rounds = 0};
    struct seen seen = {0};
    struct err err;
    start(&peer);
    open_pool(peer.url, LONG, &seen);
    post_all(&seen);
    assert_int_equal(client_pool_wait(seen.pool, -1, 0, &err), RC_OK);
    client_pool_close(seen.pool);
    assert_int_equal(seen.total, 0);
    stop(&peer);
    client_pool_close(NULL);
}

static void test_what_is_no_url(void **state)
{
    (void)state;
    struct client_pool *pool = NULL;
    struct err err;
    const struct client_pool_options options = {.url = "ftp://h/", .places = 1, .on_done = on_done};
    assert_int_equal(client_pool_open(&options, &pool, &err), RC_USAGE);
    assert_null(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_are_under_way_together),
        cmocka_unit_test(test_failures_have_a_sentence),
        cmocka_unit_test(test_a_descriptor_ends_the_wait),
        cmocka_unit_test(test_closing_gives_up),
        cmocka_unit_test(test_what_is_no_url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
