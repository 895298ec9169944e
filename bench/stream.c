/*
 * stream - many clients of the live stream at once, and how late events come to them.
 *
 *   stream --url HOST:PORT --token TOKEN --clients N --idle K --duration SECONDS [--query type=x]
 *
 * N clients read everything; K more never read. Latency is the clock now minus the event's received_at, so it
 * holds storing, following the journal and one millisecond of rounding. A client that the server closes comes
 * back with Last-Event-ID, as a browser does. Prints one JSON object.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum { BUFFER = 128 * 1024, LATENCY_MAX_MS = 60000, REQUEST_MAX = 1024 };

static const char RECEIVED_AT[] = "\"received_at\":\"";

struct client {
    int fd;
    size_t got;
    uint64_t last_id;
    char *buffer;
};

struct bench {
    struct addrinfo *address;
    const char *token;
    const char *query;
    int epoll;
    usec began; /* events received before this are history */
    uint64_t latencies[LATENCY_MAX_MS + 1];
    uint64_t messages;
    uint64_t repeats;
    uint64_t reconnects;
};

static void die(const char *what)
{
    fprintf(stderr, "stream: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void connect_client(struct bench *bench, struct client *client)
{
    char request[REQUEST_MAX];
    const struct addrinfo *to = bench->address;
    client->fd = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC, to->ai_protocol);
    if (client->fd < 0 || connect(client->fd, to->ai_addr, to->ai_addrlen) != 0)
        die("cannot connect");
    /* HTTP/1.0: no chunks between the messages. */
    int len = snprintf(request, sizeof request,
                       "GET /api/v1/stream?%s HTTP/1.0\r\nhost: bench\r\nauthorization: Bearer %s\r\n",
                       bench->query, bench->token);
    if (client->last_id)
        len += snprintf(request + len, sizeof request - (size_t)len, "last-event-id: %llu\r\n",
                        (unsigned long long)client->last_id);
    len += snprintf(request + len, sizeof request - (size_t)len, "\r\n");
    if (write(client->fd, request, (size_t)len) != len)
        die("cannot ask");
    client->got = 0;
}

static void watch(struct bench *bench, struct client *client)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    fcntl(client->fd, F_SETFL, O_NONBLOCK);
    if (epoll_ctl(bench->epoll, EPOLL_CTL_ADD, client->fd, &event) != 0)
        die("cannot watch a connection");
}

static void note_latency(struct bench *bench, const char *message, size_t len)
{
    usec received;
    const char *at = memmem(message, len, RECEIVED_AT, sizeof RECEIVED_AT - 1);
    if (!at || !clock_parse(slice_of(at + sizeof RECEIVED_AT - 1, 24), &received) || received < bench->began)
        return;
    usec ms = (clock_wall() - received) / USEC_PER_MS;
    bench->latencies[ms < 0 ? 0 : ms > LATENCY_MAX_MS ? LATENCY_MAX_MS : ms]++;
}

static void on_message(struct bench *bench, struct client *client, const char *message, size_t len)
{
    const char *id = memmem(message, len < 64 ? len : 64, "\nid: ", 5);
    if (!id)
        return;
    uint64_t seq = strtoull(id + 5, NULL, 10);
    if (seq <= client->last_id)
        bench->repeats++;
    client->last_id = seq;
    bench->messages++;
    note_latency(bench, message, len);
}

static void on_bytes(struct bench *bench, struct client *client)
{
    char *from = client->buffer;
    char *end = client->buffer + client->got;
    char *stop;
    while ((stop = memmem(from, (size_t)(end - from), "\n\n", 2))) {
        on_message(bench, client, from, (size_t)(stop - from));
        from = stop + 2;
    }
    client->got = (size_t)(end - from);
    memmove(client->buffer, from, client->got);
    if (client->got == BUFFER)
        client->got = 0; /* no message is that long */
}

static void on_readable(struct bench *bench, struct client *client)
{
    for (;;) {
        ssize_t n = read(client->fd, client->buffer + client->got, BUFFER - client->got);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            close(client->fd);
            bench->reconnects++;
            connect_client(bench, client);
            watch(bench, client);
            return;
        }
        client->got += (size_t)n;
        on_bytes(bench, client);
    }
}

static uint64_t percentile(const struct bench *bench, double share)
{
    uint64_t total = 0;
    uint64_t below = 0;
    for (size_t i = 0; i <= LATENCY_MAX_MS; i++)
        total += bench->latencies[i];
    for (size_t i = 0; i <= LATENCY_MAX_MS; i++) {
        below += bench->latencies[i];
        if (total > 0 && (double)below >= share * (double)total)
            return i;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"url", 1, NULL, 'u'},      {"token", 1, NULL, 't'},
                                            {"clients", 1, NULL, 'c'},  {"idle", 1, NULL, 'i'},
                                            {"duration", 1, NULL, 'd'}, {"query", 1, NULL, 'q'},
                                            {NULL, 0, NULL, 0}};
    static struct bench bench = {.query = ""};
    size_t readers = 100;
    size_t idle = 0;
    double duration = 5;
    char *host = NULL;
    for (int c; (c = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;) {
        switch (c) {
        case 'u':
            host = strdup(optarg);
            break;
        case 't':
            bench.token = optarg;
            break;
        case 'c':
            readers = strtoul(optarg, NULL, 10);
            break;
        case 'i':
            idle = strtoul(optarg, NULL, 10);
            break;
        case 'd':
            duration = strtod(optarg, NULL);
            break;
        case 'q':
            bench.query = optarg;
            break;
        default:
            return 2;
        }
    }
    char *colon = host ? strrchr(host, ':') : NULL;
    if (!colon || !bench.token) {
        fprintf(stderr,
                "usage: stream --url HOST:PORT --token TOKEN [--clients N] [--idle K] [--duration S]\n");
        return 2;
    }
    *colon = '\0';
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct rlimit files = {.rlim_cur = 20000, .rlim_max = 20000};
    setrlimit(RLIMIT_NOFILE, &files);
    if (getaddrinfo(host, colon + 1, &hints, &bench.address) != 0)
        die("no such address");
    bench.epoll = epoll_create1(EPOLL_CLOEXEC);
    struct client *clients = calloc(readers + idle, sizeof *clients);
    for (size_t i = 0; i < readers + idle; i++) {
        connect_client(&bench, &clients[i]);
        if (i >= readers)
            continue;
        clients[i].buffer = malloc(BUFFER);
        watch(&bench, &clients[i]);
    }
    printf("ready\n");
    fflush(stdout);
    bench.began = clock_wall();
    usec until = clock_monotonic() + (usec)(duration * 1e6);
    while (clock_monotonic() < until) {
        struct epoll_event events[256];
        int n = epoll_wait(bench.epoll, events, 256, 100);
        for (int i = 0; i < n; i++)
            on_readable(&bench, events[i].data.ptr);
    }
    printf("{\"messages\":%llu,\"repeats\":%llu,\"reconnects\":%llu,\"p50_ms\":%llu,\"p99_ms\":%llu,\"max_"
           "ms\":%llu}\n",
           (unsigned long long)bench.messages, (unsigned long long)bench.repeats,
           (unsigned long long)bench.reconnects, (unsigned long long)percentile(&bench, 0.5),
           (unsigned long long)percentile(&bench, 0.99), (unsigned long long)percentile(&bench, 1));
    return 0;
}
