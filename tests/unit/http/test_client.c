#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/version.h"
#include "http/client.h"

/* A peer that takes one connection, reads requests, and writes the same bytes after each; then closes. */
struct peer {
    int listener;
    char url[64];
    const char *answer; /* NULL: says nothing until the other side has gone */
    int requests;       /* how many it answers */
    size_t want_body;   /* bytes of body that each request has */
    struct buf seen;
    pthread_t thread;
};

static bool has_whole_request(const struct buf *seen, size_t from, size_t want_body)
{
    const char *end = seen->len > from ? strstr(seen->ptr + from, "\r\n\r\n") : NULL;
    return end && (size_t)(seen->ptr + seen->len - end) >= 4 + want_body;
}

static void *answer(void *arg)
{
    struct peer *peer = arg;
    CLEANUP(cleanup_fd) int fd = accept(peer->listener, NULL, NULL);
    char chunk[4096];
    ssize_t n = 1;
    for (int i = 0; i < peer->requests && n > 0; i++) {
        size_t from = peer->seen.len;
        while (!has_whole_request(&peer->seen, from, peer->want_body) &&
               (n = read(fd, chunk, sizeof chunk)) > 0)
            buf_add(&peer->seen, chunk, (size_t)n);
        if (n > 0 && peer->answer)
            n = send(fd, peer->answer, strlen(peer->answer), MSG_NOSIGNAL);
    }
    while (!peer->answer && read(fd, chunk, sizeof chunk) > 0)
        ;
    return NULL;
}

static void start(struct peer *peer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(peer->listener, 1), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &len), 0);
    snprintf(peer->url, sizeof peer->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    peer->requests = peer->requests ? peer->requests : 1;
    assert_int_equal(pthread_create(&peer->thread, NULL, answer, peer), 0);
}

static void stop(struct peer *peer)
{
    shutdown(peer->listener, SHUT_RDWR); /* a client that never came must not hang the test */
    pthread_join(peer->thread, NULL);
    close(peer->listener);
}

static void peer_cleanup(struct peer *peer)
{
    buf_cleanup(&peer->seen);
}
#define PEER(...) CLEANUP(peer_cleanup) struct peer peer = {__VA_ARGS__}

static enum rc perform(struct peer *peer, struct client_request request, struct client_answer *ret,
                       struct err *err)
{
    start(peer);
    request.url = peer->url;
    enum rc rc = client_perform(&request, ret, err);
    stop(peer);
    return rc;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in: %s", part, text);
}

static void test_get(void **state)
{
    (void)state;
    PEER(.answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    struct client_answer answer;
    struct err err;
    assert_int_equal(perform(&peer, (struct client_request){.method = "GET"}, &answer, &err), RC_OK);
    assert_int_equal(answer.status, 200);
    assert_string_equal(buf_str(&answer.body), "hello");
    assert_true(answer.elapsed > 0);
    buf_cleanup(&answer.body);
    assert_has(buf_str(&peer.seen), "GET / HTTP/1.1\r\n");
    assert_has(buf_str(&peer.seen), "User-Agent: fairlead/");
    assert_has(buf_str(&peer.seen), version_text());
}

static void test_post_sends_the_exact_bytes(void **state)
{
    (void)state;
    static const char *const HEADERS[] = {"content-type: application/json", "webhook-id: msg_1", NULL};
    PEER(.answer = "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", .want_body = 5);
    struct client_request request = {.method = "POST", .headers = HEADERS, .body = slice_of("a\0b\r\n", 5)};
    struct client_answer answer;
    struct err err;
    assert_int_equal(perform(&peer, request, &answer, &err), RC_OK);
    assert_int_equal(answer.status, 401);
    assert_int_equal(answer.body.len, 0);
    buf_cleanup(&answer.body);
    assert_has(buf_str(&peer.seen), "POST / HTTP/1.1\r\n");
    assert_has(buf_str(&peer.seen), "Content-Length: 5\r\n");
    assert_has(buf_str(&peer.seen), "content-type: application/json\r\n");
    assert_has(buf_str(&peer.seen), "webhook-id: msg_1\r\n");
    assert_null(strstr(buf_str(&peer.seen), "Expect"));
    assert_null(strstr(buf_str(&peer.seen), "urlencoded"));
    assert_memory_equal(peer.seen.ptr + peer.seen.len - 5, "a\0b\r\n", 5);
}

static void test_an_empty_body_is_a_body(void **state)
{
    (void)state;
    PEER(.answer = "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n");
    struct client_answer answer;
    struct err err;
    struct client_request request = {.method = "POST", .body = slice_of("", 0)};
    assert_int_equal(perform(&peer, request, &answer, &err), RC_OK);
    buf_cleanup(&answer.body);
    assert_has(buf_str(&peer.seen), "Content-Length: 0\r\n");
    assert_null(strstr(buf_str(&peer.seen), "Content-Type"));
}

static void test_redirects_are_answers(void **state)
{
    (void)state;
    PEER(.answer = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    struct client_answer answer;
    struct err err;
    assert_int_equal(perform(&peer, (struct client_request){.method = "GET"}, &answer, &err), RC_OK);
    assert_int_equal(answer.status, 302);
    buf_cleanup(&answer.body);
}

static void test_one_connection_for_many_requests(void **state)
{
    (void)state;
    PEER(.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", .requests = 3);
    struct client *client = client_open();
    assert_non_null(client);
    start(&peer);
    for (int i = 0; i < 3; i++) {
        struct client_answer answer;
        struct err err;
        const struct client_request request = {.client = client, .method = "GET", .url = peer.url};
        assert_int_equal(client_perform(&request, &answer, &err), RC_OK);
        assert_string_equal(buf_str(&answer.body), "ok");
        buf_cleanup(&answer.body);
    }
    client_close(client);
    stop(&peer);
}

static void test_an_answer_that_is_too_large(void **state)
{
    (void)state;
    PEER(.answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    struct client_answer answer = {.status = -1};
    struct err err;
    struct client_request request = {.method = "GET", .max_answer = 4};
    assert_int_equal(perform(&peer, request, &answer, &err), RC_BODY_TOO_LARGE);
    assert_int_equal(answer.status, -1);
    assert_has(err.message, "larger than 4 bytes");
}

static void test_no_answer_at_all(void **state)
{
    (void)state;
    PEER(.answer = "");
    struct client_answer answer = {.status = -1};
    struct err err;
    assert_int_equal(perform(&peer, (struct client_request){.method = "GET"}, &answer, &err), RC_UNREACHABLE);
    assert_int_equal(answer.status, -1);
    assert_has(err.message, "127.0.0.1");
    assert_has(err.message, strrchr(peer.url, ':') + 1);
}

static void test_half_an_answer(void **state)
{
    (void)state;
    PEER(.answer = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello");
    struct client_answer answer;
    struct err err;
    assert_int_equal(perform(&peer, (struct client_request){.method = "GET"}, &answer, &err), RC_UNREACHABLE);
}

static void test_an_answer_that_does_not_come_in_time(void **state)
{
    (void)state;
    PEER(.answer = NULL);
    struct client_answer answer;
    struct err err;
    struct client_request request = {.method = "GET", .timeout = 50 * USEC_PER_MS};
    assert_int_equal(perform(&peer, request, &answer, &err), RC_UNREACHABLE);
    assert_has(err.message, "in time");
}

static void test_nobody_listens(void **state)
{
    (void)state;
    /* Bound but not listening: nobody else can take the port meanwhile. */
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    CLEANUP(cleanup_fd) int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    char url[64];
    char says[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/x", ntohs(address.sin_port));
    snprintf(says, sizeof says, "cannot connect to 127.0.0.1 port %d", ntohs(address.sin_port));
    struct client_answer answer;
    struct err err;
    const struct client_request request = {.method = "GET", .url = url};
    assert_int_equal(client_perform(&request, &answer, &err), RC_UNREACHABLE);
    assert_has(err.message, says);
}

static void test_a_proxy_is_not_asked_about_this_machine(void **state)
{
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    PEER(.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    struct client_answer answer;
    struct err err;
    enum rc rc = perform(&peer, (struct client_request){.method = "GET"}, &answer, &err);
    unsetenv("http_proxy");
    assert_int_equal(rc, RC_OK);
    buf_cleanup(&answer.body);
}

static void test_what_is_no_url(void **state)
{
    (void)state;
    static const char *const BAD[] = {"",        "127.0.0.1:5000",  "ftp://h/",   "file:///etc/passwd",
                                      "http://", "http://h:99999/", "http://a b/"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        struct client_answer answer;
        struct err err;
        const struct client_request request = {.method = "GET", .url = BAD[i]};
        assert_int_equal(client_perform(&request, &answer, &err), RC_USAGE);
        assert_has(err.message, "http://HOST:PORT");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_post_sends_the_exact_bytes),
        cmocka_unit_test(test_an_empty_body_is_a_body),
        cmocka_unit_test(test_redirects_are_answers),
        cmocka_unit_test(test_one_connection_for_many_requests),
        cmocka_unit_test(test_an_answer_that_is_too_large),
        cmocka_unit_test(test_no_answer_at_all),
        cmocka_unit_test(test_half_an_answer),
        cmocka_unit_test(test_an_answer_that_does_not_come_in_time),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_a_proxy_is_not_asked_about_this_machine),
        cmocka_unit_test(test_what_is_no_url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
