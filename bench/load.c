/*
 * load - sends webhooks over many connections and measures the answers.
 *
 * Every event is unique: its number, as digits at a fixed place of one prepared request, is all that differs,
 * so that the generator costs little beside what it measures. One thread; connections are kept alive, one
 * request on each at a time.
 *
 * Closed loop by default: each connection sends as soon as it has its answer. With --rate, requests are due
 * at even intervals and latency counts from when a request was due, not from when a connection was free for
 * it.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/params.h>

enum {
    MAX_CONNECTIONS = 65536,
    ANSWER_BYTES = 4096, /* headers and body of one answer */
    SEED_MAX = 16,
    NUMBER_DIGITS = 12,
    SIGNATURE_CHARS = 44, /* base64 of 32 bytes */
    TIMESTAMP_DIGITS = 10,
    RECONNECT_MS = 20,
    DRAIN_SECONDS = 10,   /* how long to wait for outstanding answers at the end */
    GIVE_UP_SECONDS = 10, /* without any answer and any connection */
    STATUS_MAX = 600,
    SUB_BUCKETS = 128, /* of one power of two: latencies are exact to 1/128 */
    BUCKETS = 64 * SUB_BUCKETS,
    ERROR_CONNECTION = 0, /* index in statuses[] for answers that never came */
};

/* Latencies in ns, in log-linear buckets. */
struct histogram {
    uint64_t counts[BUCKETS];
    uint64_t total;
    uint64_t max;
};

enum state { CLOSED, CONNECTING, IDLE, WAITING };

struct connection {
    int fd;
    enum state state;
    bool has_event;   /* `number` is not answered yet */
    bool fresh;       /* no answer on this connection yet */
    uint64_t number;  /* of the request; the event's is number / repeat */
    int64_t due;      /* latency counts from here */
    int64_t retry_at; /* CLOSED: when to connect again */
    char *unsent;     /* the rest of a request that did not fit the socket; allocated */
    size_t unsent_len;
    size_t unsent_off;
    size_t got;
    char answer[ANSWER_BYTES];
};

/* The one request, and where its changing digits are. */
struct request {
    char *text;
    size_t len;
    size_t body;
    size_t body_len;
    size_t account; /* the number's digits in the body */
    size_t id;      /* signed only: the number's digits in webhook-id */
    size_t id_start;
    size_t id_len;
    size_t timestamp;
    size_t signature;
    bool is_signed;
};

struct options {
    char host[256];
    char port[16];
    const char *path;
    size_t connections;
    double duration; /* seconds; 0: until count is sent */
    uint64_t count;  /* events; 0: until duration is over */
    double rate;     /* requests per second; 0: as fast as answers come */
    const char *secret;
    uint64_t repeat;
    size_t body_bytes;
    const char *acked;
    bool retry;
    bool json;
    char seed[SEED_MAX + 1];
};

struct load {
    struct options options;
    struct addrinfo *address;
    struct request request;
    EVP_MAC_CTX *mac;
    int epoll;
    FILE *acked;
    struct connection *connections;
    size_t *idle; /* stack of connections without a request */
    size_t idle_count;
    size_t closed_count;
    size_t open_events; /* sent or to be resent, not answered */
    uint64_t next;      /* number of the next request */
    uint64_t limit;     /* requests to send; UINT64_MAX: no limit */
    int64_t started;
    int64_t deadline; /* no new request from here on; INT64_MAX: none */
    int64_t last_answer;
    uint64_t ok;
    uint64_t resent;
    uint64_t statuses[STATUS_MAX];
    struct histogram latency;
};

static void die(const char *what)
{
    fprintf(stderr, "load: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(2);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- latency ---- */

static size_t bucket_of(uint64_t ns)
{
    if (ns < SUB_BUCKETS)
        return (size_t)ns;
    unsigned shift = (unsigned)(63 - __builtin_clzll(ns)) - 7;
    return (size_t)(shift + 1) * SUB_BUCKETS + (size_t)((ns >> shift) - SUB_BUCKETS);
}

static uint64_t bucket_top(size_t bucket)
{
    if (bucket < SUB_BUCKETS)
        return bucket;
    size_t shift = bucket / SUB_BUCKETS - 1;
    return ((uint64_t)(bucket % SUB_BUCKETS + SUB_BUCKETS + 1) << shift) - 1;
}

static void histogram_add(struct histogram *histogram, int64_t ns)
{
    uint64_t value = ns < 0 ? 0 : (uint64_t)ns;
    histogram->counts[bucket_of(value)]++;
    histogram->total++;
    if (value > histogram->max)
        histogram->max = value;
}

static double histogram_us(const struct histogram *histogram, double fraction)
{
    uint64_t rank = (uint64_t)((double)histogram->total * fraction), seen = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        seen += histogram->counts[i];
        if (seen > rank)
            return (double)(bucket_top(i) < histogram->max ? bucket_top(i) : histogram->max) / 1e3;
    }
    return (double)histogram->max / 1e3;
}

/* ---- the request ---- */

static void put_digits(char *to, uint64_t number, int digits)
{
    for (int i = digits - 1; i >= 0; i--, number /= 10)
        to[i] = (char)('0' + number % 10);
}

/* An admin webhook whose name of the integration is as long as it takes to reach body_bytes. */
static char *make_body(const struct options *options, size_t *ret_len, size_t *ret_account)
{
    static const char head[] =
        "{\"type\":\"connected_account.add.start\",\"timestamp\":\"2024-10-17T09:10:15.989Z\",\"data\":{"
        "\"app_name\":\"slack\",\"integration_name\":\"slack_worthy_cyan";
    static const char tail[] =
        "\",\"integration_id\":\"c8a01ed7-52b1-4f6e-9d40\",\"body\":{},\"connected_account_id\":\"";
    size_t fixed = sizeof head - 1 + sizeof tail - 1 + strlen(options->seed) + 1 + NUMBER_DIGITS + 3;
    size_t fill = options->body_bytes > fixed ? options->body_bytes - fixed : 0;
    char *body = malloc(fixed + fill + 1);
    if (!body)
        die("no memory");
    char *at = stpcpy(body, head);
    memset(at, 'x', fill);
    at = stpcpy(at + fill, tail);
    at = stpcpy(at, options->seed);
    at = stpcpy(at, "-");
    *ret_account = (size_t)(at - body);
    memset(at, '0', NUMBER_DIGITS);
    at = stpcpy(at + NUMBER_DIGITS, "\"}}");
    *ret_len = (size_t)(at - body);
    return body;
}

static void request_init(struct request *request, const struct options *options)
{
    size_t body_len, account;
    char *body = make_body(options, &body_len, &account);
    char *head = NULL;
    int len = asprintf(&head,
                       "POST %s HTTP/1.1\r\nhost: %s:%s\r\nuser-agent: Composio-Webhook/1.0\r\n"
                       "content-type: application/json\r\ncontent-length: %zu\r\n",
                       options->path, options->host, options->port, body_len);
    if (len < 0 || !(request->text = malloc((size_t)len + body_len + 512)))
        die("no memory");
    char *at = stpcpy(request->text, head);
    if (options->secret) {
        request->is_signed = true;
        at = stpcpy(at, "webhook-id: ");
        request->id_start = (size_t)(at - request->text);
        at += sprintf(at, "msg_%s-", options->seed);
        request->id = (size_t)(at - request->text);
        at += sprintf(at, "%0*d", NUMBER_DIGITS, 0);
        request->id_len = (size_t)(at - request->text) - request->id_start;
        at = stpcpy(at, "\r\nwebhook-timestamp: ");
        request->timestamp = (size_t)(at - request->text);
        at += sprintf(at, "%0*d\r\nwebhook-signature: v1,", TIMESTAMP_DIGITS, 0);
        request->signature = (size_t)(at - request->text);
        at += sprintf(at, "%0*d\r\n", SIGNATURE_CHARS, 0);
    }
    at = stpcpy(at, "\r\n");
    request->body = (size_t)(at - request->text);
    memcpy(at, body, body_len);
    request->body_len = body_len;
    request->account = request->body + account;
    request->len = request->body + body_len;
    free(head);
    free(body);
}

static EVP_MAC_CTX *mac_new(const char *secret)
{
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0), OSSL_PARAM_construct_end()};
    if (!mac || !EVP_MAC_init(mac, (const unsigned char *)secret, strlen(secret), params))
        die("OpenSSL has no HMAC-SHA256");
    EVP_MAC_free(hmac);
    return mac;
}

/* Signs the request as it stands: "<id>.<timestamp>.<body>". */
static void request_sign(struct request *request, EVP_MAC_CTX *mac)
{
    unsigned char sum[32], text[SIGNATURE_CHARS + 1];
    char *at = request->text;
    size_t len;
    put_digits(at + request->timestamp, (uint64_t)time(NULL), TIMESTAMP_DIGITS);
    if (!EVP_MAC_init(mac, NULL, 0, NULL) ||
        !EVP_MAC_update(mac, (unsigned char *)at + request->id_start, request->id_len) ||
        !EVP_MAC_update(mac, (const unsigned char *)".", 1) ||
        !EVP_MAC_update(mac, (unsigned char *)at + request->timestamp, TIMESTAMP_DIGITS) ||
        !EVP_MAC_update(mac, (const unsigned char *)".", 1) ||
        !EVP_MAC_update(mac, (unsigned char *)at + request->body, request->body_len) ||
        !EVP_MAC_final(mac, sum, &len, sizeof sum))
        die("signing failed");
    EVP_EncodeBlock(text, sum, sizeof sum);
    memcpy(at + request->signature, text, SIGNATURE_CHARS);
}

static void request_set(struct load *load, uint64_t number)
{
    struct request *request = &load->request;
    uint64_t event = number / load->options.repeat;
    put_digits(request->text + request->account, event, NUMBER_DIGITS);
    if (request->is_signed) {
        put_digits(request->text + request->id, event, NUMBER_DIGITS);
        request_sign(request, load->mac);
    }
}

/* ---- connections ---- */

static size_t index_of(const struct load *load, const struct connection *connection)
{
    return (size_t)(connection - load->connections);
}

static void watch(struct load *load, struct connection *connection, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = index_of(load, connection)};
    if (epoll_ctl(load->epoll, operation, connection->fd, &event))
        die("epoll_ctl");
}

static void connection_close(struct load *load, struct connection *connection, int delay_ms)
{
    close(connection->fd);
    connection->fd = -1;
    connection->got = 0;
    free(connection->unsent);
    connection->unsent = NULL;
    if (connection->state == IDLE) /* it is somewhere in the stack */
        for (size_t i = 0; i < load->idle_count; i++)
            if (load->idle[i] == index_of(load, connection)) {
                load->idle[i] = load->idle[--load->idle_count];
                break;
            }
    connection->state = CLOSED;
    connection->retry_at = now_ns() + (int64_t)delay_ms * 1000000;
    load->closed_count++;
}

/* The request got no answer: kept for another try, or counted as an error. */
static void connection_lost(struct load *load, struct connection *connection, int delay_ms)
{
    if (connection->has_event && connection->state == WAITING) {
        if (load->options.retry) {
            load->resent++;
        } else {
            load->statuses[ERROR_CONNECTION]++;
            connection->has_event = false;
            load->open_events--;
        }
    }
    connection_close(load, connection, delay_ms);
}

static void connection_open(struct load *load, struct connection *connection)
{
    const struct addrinfo *address = load->address;
    int yes = 1;
    load->closed_count--;
    connection->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->fd < 0)
        die("socket");
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    connection->state = CONNECTING;
    connection->fresh = true;
    if (connect(connection->fd, address->ai_addr, address->ai_addrlen) && errno != EINPROGRESS) {
        connection_close(load, connection, RECONNECT_MS);
        return;
    }
    watch(load, connection, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
}

/* Keeps what did not fit the socket until it is writable. */
static void connection_defer(struct load *load, struct connection *connection, size_t sent)
{
    connection->unsent_len = load->request.len - sent;
    connection->unsent_off = 0;
    connection->unsent = malloc(connection->unsent_len);
    if (!connection->unsent)
        die("no memory");
    memcpy(connection->unsent, load->request.text + sent, connection->unsent_len);
    watch(load, connection, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

static void connection_send(struct load *load, struct connection *connection)
{
    request_set(load, connection->number);
    connection->state = WAITING;
    connection->got = 0;
    ssize_t sent = send(connection->fd, load->request.text, load->request.len, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        connection_lost(load, connection, RECONNECT_MS);
        return;
    }
    if (sent < (ssize_t)load->request.len)
        connection_defer(load, connection, sent < 0 ? 0 : (size_t)sent);
}

/* Sends the next request if there is one to send now; else the connection waits in the stack. */
static void connection_next(struct load *load, struct connection *connection, int64_t now)
{
    int64_t due = now;
    if (!connection->has_event) {
        if (load->options.rate > 0)
            due = load->started + (int64_t)((double)load->next * 1e9 / load->options.rate);
        if (load->next >= load->limit || now >= load->deadline || due > now) {
            connection->state = IDLE;
            load->idle[load->idle_count++] = index_of(load, connection);
            return;
        }
        connection->number = load->next++;
        connection->has_event = true;
        connection->due = due;
        load->open_events++;
    }
    connection_send(load, connection);
}

static void connection_write(struct load *load, struct connection *connection)
{
    ssize_t sent = send(connection->fd, connection->unsent + connection->unsent_off,
                        connection->unsent_len - connection->unsent_off, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN)
            connection_lost(load, connection, RECONNECT_MS);
        return;
    }
    connection->unsent_off += (size_t)sent;
    if (connection->unsent_off < connection->unsent_len)
        return;
    free(connection->unsent);
    connection->unsent = NULL;
    watch(load, connection, EPOLL_CTL_MOD, EPOLLIN);
}

/* The value of a header in [text, end), or NULL. */
static const char *header_find(const char *text, const char *end, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = memchr(text, '\n', (size_t)(end - text)); line && line + len < end;
         line = memchr(line + 1, '\n', (size_t)(end - line - 1)))
        if (!strncasecmp(line + 1, name, len) && line[1 + len] == ':')
            return line + 2 + len + strspn(line + 2 + len, " ");
    return NULL;
}

/* true with the status and whether the connection ends, once the whole answer is there. eof: nothing follows.
 */
static bool answer_read(struct connection *connection, bool eof, int *ret_status, bool *ret_close)
{
    char *text = connection->answer;
    text[connection->got] = 0;
    char *end = strstr(text, "\r\n\r\n");
    if (!end || connection->got < 12)
        return false;
    const char *length = header_find(text, end, "content-length"),
               *closing = header_find(text, end, "connection");
    size_t have = connection->got - (size_t)(end + 4 - text);
    if (length ? have < strtoul(length, NULL, 10) : !eof)
        return false;
    *ret_status = atoi(text + 9);
    bool keep_by_default = text[7] == '1';
    *ret_close = eof || !length || (closing ? !strncasecmp(closing, "close", 5) : !keep_by_default);
    return *ret_status >= 100 && *ret_status < STATUS_MAX;
}

static void acknowledged(struct load *load, const struct connection *connection)
{
    load->ok++;
    if (load->acked)
        fprintf(load->acked, "%s-%0*" PRIu64 "\n", load->options.seed, NUMBER_DIGITS,
                connection->number / load->options.repeat);
}

static void answered(struct load *load, struct connection *connection, int status, bool closing, int64_t now)
{
    bool good = status >= 200 && status < 300;
    load->statuses[status]++;
    load->last_answer = now;
    connection->fresh = false;
    if (good) {
        acknowledged(load, connection);
        histogram_add(&load->latency, now - connection->due);
    }
    if (good || !load->options.retry) {
        connection->has_event = false;
        load->open_events--;
    } else {
        load->resent++;
    }
    connection->state = CONNECTING; /* between requests: closing it loses nothing */
    if (closing || !good)
        connection_close(load, connection, good ? 0 : load->options.retry ? RECONNECT_MS : 0);
    else
        connection_next(load, connection, now);
}

static void connection_read(struct load *load, struct connection *connection, int64_t now)
{
    int status = 0;
    bool closing = false;
    ssize_t got =
        recv(connection->fd, connection->answer + connection->got, ANSWER_BYTES - 1 - connection->got, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got > 0)
        connection->got += (size_t)got;
    if (connection->state == WAITING && answer_read(connection, got <= 0, &status, &closing))
        answered(load, connection, status, closing, now);
    else if (got <= 0 || connection->state != WAITING || connection->got == ANSWER_BYTES - 1)
        connection_lost(load, connection, connection->fresh ? RECONNECT_MS : 0);
}

static void on_event(struct load *load, struct connection *connection, uint32_t events, int64_t now)
{
    if (connection->state == CONNECTING) {
        int error = 0;
        socklen_t len = sizeof error;
        getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        if (error) {
            connection_close(load, connection, RECONNECT_MS);
        } else if (events & EPOLLOUT) {
            watch(load, connection, EPOLL_CTL_MOD, EPOLLIN);
            connection_next(load, connection, now);
        }
        return;
    }
    if ((events & EPOLLOUT) && connection->unsent)
        connection_write(load, connection);
    if (connection->state != CLOSED && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        connection_read(load, connection, now);
}

/* ---- the loop ---- */

/* Requests that are due go out on idle connections; closed connections open again. Returns when to be called
 * next. */
static int64_t on_time(struct load *load, int64_t now)
{
    int64_t next = now + 100000000;
    bool more = load->next < load->limit && now < load->deadline;
    while (more && load->idle_count) {
        struct connection *connection = &load->connections[load->idle[--load->idle_count]];
        connection_next(load, connection, now);
        if (connection->state == IDLE)
            break;
        more = load->next < load->limit;
    }
    if (more && load->idle_count && load->options.rate > 0) {
        int64_t due = load->started + (int64_t)((double)load->next * 1e9 / load->options.rate);
        next = due < next ? due : next;
    }
    for (size_t i = 0; load->closed_count && i < load->options.connections; i++) {
        struct connection *connection = &load->connections[i];
        if (connection->state != CLOSED || (!more && !connection->has_event))
            continue;
        if (connection->retry_at <= now)
            connection_open(load, connection);
        else if (connection->retry_at < next)
            next = connection->retry_at;
    }
    return load->deadline > now && load->deadline < next ? load->deadline : next;
}

static bool finished(const struct load *load, int64_t now)
{
    if (load->open_events && now >= load->deadline)
        return load->options.retry || now >= load->deadline + (int64_t)DRAIN_SECONDS * 1000000000;
    if (!load->open_events && (load->next >= load->limit || now >= load->deadline))
        return true;
    int64_t heard = load->last_answer ? load->last_answer : load->started;
    return load->deadline == INT64_MAX && load->closed_count == load->options.connections &&
           now - heard > (int64_t)GIVE_UP_SECONDS * 1000000000;
}

static void load_run(struct load *load)
{
    struct epoll_event events[512];
    int64_t now = now_ns();
    load->started = now;
    load->deadline = load->options.duration > 0 ? now + (int64_t)(load->options.duration * 1e9) : INT64_MAX;
    while (!finished(load, now)) {
        int64_t wait = on_time(load, now) - now_ns();
        struct timespec timeout = {wait > 0 ? wait / 1000000000 : 0, wait > 0 ? wait % 1000000000 : 0};
        int count = epoll_pwait2(load->epoll, events, 512, &timeout, NULL);
        if (count < 0 && errno != EINTR)
            die("epoll");
        now = now_ns();
        for (int i = 0; i < count; i++)
            on_event(load, &load->connections[events[i].data.u64], events[i].events, now);
        if (load->acked && count > 0)
            fflush(load->acked);
    }
}

static void load_init(struct load *load)
{
    struct options *options = &load->options;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    int error = getaddrinfo(options->host, options->port, &hints, &load->address);
    errno = 0;
    if (error)
        die(gai_strerror(error));
    request_init(&load->request, options);
    if (options->secret)
        load->mac = mac_new(options->secret);
    if (options->acked && !(load->acked = fopen(options->acked, "ae")))
        die(options->acked);
    load->limit = options->count ? options->count * options->repeat : UINT64_MAX;
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->connections = calloc(options->connections, sizeof *load->connections);
    load->idle = calloc(options->connections, sizeof *load->idle);
    if (load->epoll < 0 || !load->connections || !load->idle)
        die("no memory");
    for (size_t i = 0; i < options->connections; i++)
        load->connections[i].fd = -1;
    load->closed_count = options->connections;
    prctl(PR_SET_TIMERSLACK, 1UL); /* due times are met to some microseconds */
}

static void load_cleanup(struct load *load)
{
    for (size_t i = 0; i < load->options.connections; i++) {
        free(load->connections[i].unsent);
        if (load->connections[i].fd >= 0)
            close(load->connections[i].fd);
    }
    if (load->acked && fclose(load->acked))
        die(load->options.acked);
    EVP_MAC_CTX_free(load->mac);
    freeaddrinfo(load->address);
    free(load->request.text);
    free(load->connections);
    free(load->idle);
    close(load->epoll);
}

/* ---- the result ---- */

static void print_errors(const struct load *load, bool json)
{
    const char *comma = "";
    for (int i = 0; i < STATUS_MAX; i++) {
        if (!load->statuses[i] || (i >= 200 && i < 300))
            continue;
        printf(json ? "%s\"" : "%s", comma);
        if (i == ERROR_CONNECTION)
            printf("connection");
        else
            printf("%d", i);
        printf(json ? "\":%" PRIu64 : " %" PRIu64, load->statuses[i]);
        comma = json ? "," : ", ";
    }
}

static void print_result(const struct load *load)
{
    const struct histogram *latency = &load->latency;
    double seconds = load->last_answer ? (double)(load->last_answer - load->started) / 1e9 : 0;
    double rate = seconds > 0 ? (double)load->ok / seconds : 0, max = (double)latency->max / 1e3;
    double p50 = histogram_us(latency, 0.5), p90 = histogram_us(latency, 0.9),
           p99 = histogram_us(latency, 0.99), p999 = histogram_us(latency, 0.999);
    if (load->options.json) {
        printf("{\"seed\":\"%s\",\"requests\":%" PRIu64 ",\"ok\":%" PRIu64 ",\"resent\":%" PRIu64
               ",\"unanswered\":%zu,\"errors\":{",
               load->options.seed, load->next, load->ok, load->resent, load->open_events);
        print_errors(load, true);
        printf("},\"seconds\":%.3f,\"rate\":%.0f,\"body_bytes\":%zu,\"p50_us\":%.0f,\"p90_us\":%.0f,\"p99_"
               "us\":%.0f,"
               "\"p999_us\":%.0f,\"max_us\":%.0f}\n",
               seconds, rate, load->request.body_len, p50, p90, p99, p999, max);
        return;
    }
    printf("%" PRIu64 " requests of %zu bytes, %" PRIu64 " acknowledged in %.3f s: %.0f/s\n", load->next,
           load->request.body_len, load->ok, seconds, rate);
    printf("latency: p50 %.0f us, p90 %.0f us, p99 %.0f us, p99.9 %.0f us, max %.0f us\n", p50, p90, p99,
           p999, max);
    if (load->resent || load->open_events)
        printf("sent again: %" PRIu64 "; never acknowledged: %zu\n", load->resent, load->open_events);
    printf("errors: ");
    print_errors(load, false);
    printf("\n");
}

/* ---- the command line ---- */

static void usage(FILE *to)
{
    fputs("load --url HOST:PORT/PATH [options]: sends unique webhooks and measures the answers\n"
          "  --connections N   kept alive, one request on each at a time (64)\n"
          "  --duration S      seconds of sending; --count N: events to send; either ends it (10 s)\n"
          "  --rate R          requests per second, evenly spaced; latency counts from when each was due\n"
          "  --secret TEXT     signs each request, the key being the bytes of TEXT\n"
          "  --repeat K        sends each event K times in a row (1)\n"
          "  --body-bytes N    size of the body (260)\n"
          "  --acked FILE      appends the connected_account_id of each request answered with 2xx\n"
          "  --retry           sends again what got no 2xx, until it gets one or time is over\n"
          "  --seed TEXT       start of every id, letters and digits (random)\n"
          "  --json            result as one JSON object\n"
          "Exit status: 0 when every request was answered with 2xx, 1 when not, 2 for wrong usage.\n",
          to);
}

static void usage_error(const char *option)
{
    fprintf(stderr, "load: bad or missing value: %s\n", option);
    usage(stderr);
    exit(2);
}

/* host:port/path, with or without http:// */
static void parse_url(const char *text, struct options *ret)
{
    if (!strncmp(text, "http://", 7))
        text += 7;
    const char *path = strchr(text, '/'), *end = path ? path : text + strlen(text);
    const char *colon = memrchr(text, ':', (size_t)(end - text));
    if (!colon || (size_t)(colon - text) >= sizeof ret->host || (size_t)(end - colon) > sizeof ret->port)
        usage_error("--url");
    snprintf(ret->host, sizeof ret->host, "%.*s", (int)(colon - text), text);
    snprintf(ret->port, sizeof ret->port, "%.*s", (int)(end - colon - 1), colon + 1);
    ret->path = path ? path : "/";
}

static double parse_number(const char *text, double min, double max, const char *option)
{
    char *end;
    double value = strtod(text, &end);
    if (*end || end == text || !(value >= min && value <= max))
        usage_error(option);
    return value;
}

static void parse_seed(const char *text, char ret[SEED_MAX + 1])
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    if (!len || len > SEED_MAX || text[len])
        usage_error("--seed");
    memcpy(ret, text, len + 1);
}

static const struct option long_options[] = {
    {"url", required_argument, NULL, 'u'},      {"connections", required_argument, NULL, 'c'},
    {"duration", required_argument, NULL, 'd'}, {"count", required_argument, NULL, 'n'},
    {"rate", required_argument, NULL, 'r'},     {"secret", required_argument, NULL, 's'},
    {"repeat", required_argument, NULL, 'k'},   {"body-bytes", required_argument, NULL, 'b'},
    {"acked", required_argument, NULL, 'a'},    {"retry", no_argument, NULL, 'R'},
    {"seed", required_argument, NULL, 'S'},     {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},           {NULL, 0, NULL, 0},
};

static void parse_option(int letter, struct options *ret)
{
    switch (letter) {
    case 'u':
        parse_url(optarg, ret);
        break;
    case 'c':
        ret->connections = (size_t)parse_number(optarg, 1, MAX_CONNECTIONS, "--connections");
        break;
    case 'd':
        ret->duration = parse_number(optarg, 0.001, 1e6, "--duration");
        break;
    case 'n':
        ret->count = (uint64_t)parse_number(optarg, 1, 1e12, "--count");
        break;
    case 'r':
        ret->rate = parse_number(optarg, 0.001, 1e9, "--rate");
        break;
    case 's':
        ret->secret = optarg;
        break;
    case 'k':
        ret->repeat = (uint64_t)parse_number(optarg, 1, 1000, "--repeat");
        break;
    case 'b':
        ret->body_bytes = (size_t)parse_number(optarg, 1, 64 << 20, "--body-bytes");
        break;
    case 'a':
        ret->acked = optarg;
        break;
    case 'R':
        ret->retry = true;
        break;
    case 'S':
        parse_seed(optarg, ret->seed);
        break;
    case 'j':
        ret->json = true;
        break;
    case 'h':
        usage(stdout);
        exit(0);
    default:
        usage(stderr);
        exit(2);
    }
}

static void parse_options(int argc, char **argv, struct options *ret)
{
    unsigned random = 0;
    int letter;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        die("getrandom");
    *ret = (struct options){.connections = 64, .repeat = 1, .body_bytes = 260};
    snprintf(ret->seed, sizeof ret->seed, "%08x", random);
    while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        parse_option(letter, ret);
    if (!ret->host[0] || optind < argc)
        usage_error(optind < argc ? argv[optind] : "--url");
    if (!ret->count && ret->duration <= 0)
        ret->duration = 10;
}

int main(int argc, char **argv)
{
    static struct load load;
    parse_options(argc, argv, &load.options);
    load_init(&load);
    if (!load.options.json)
        printf("seed %s\n", load.options.seed);
    fflush(stdout);
    load_run(&load);
    print_result(&load);
    bool complete = load.ok == load.next && load.ok > 0;
    load_cleanup(&load);
    return complete ? 0 : 1;
}
