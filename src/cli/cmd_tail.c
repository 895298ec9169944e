#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/event_line.h"
#include "cli/remote.h"
#include "cli/server_access.h"
#include "http/client_stream.h"
#include "wire/event_stream.h"
#include "wire/json_raw.h"

#define PAGE_ITEMS    500
#define SILENCE       (45 * USEC_PER_SEC) /* the server sends a comment every 15 s */
#define FIRST_PAUSE   (USEC_PER_SEC / 4)
#define LONGEST_PAUSE (5 * USEC_PER_SEC)

struct tail_options {
    struct server_access_options access;
    int64_t lines;
    const char *type;
    const char *app;
    const char *account;
    bool pretty;
    bool json;
};

#define AT(member) offsetof(struct tail_options, member)
static const struct option ROWS[] = {
    SERVER_ACCESS_ROWS(AT(access)),
    {.name = "lines",
     .letter = 'n',
     .kind = OPTION_NUMBER,
     .offset = AT(lines),
     .value = "N",
     .fallback = "10",
     .min = 0,
     .max = 100000,
     .help = "begin with so many events that are there already"},
    {.name = "type",
     .kind = OPTION_TEXT,
     .offset = AT(type),
     .value = "TYPE",
     .help = "only events of this type"},
    {.name = "app",
     .kind = OPTION_TEXT,
     .offset = AT(app),
     .value = "NAME",
     .help = "only events about this app"},
    {.name = "account",
     .kind = OPTION_TEXT,
     .offset = AT(account),
     .value = "ID",
     .help = "only events about this connected account"},
    {.name = "pretty", .kind = OPTION_FLAG, .offset = AT(pretty), .help = "each event's whole payload"},
    {.name = "json", .kind = OPTION_FLAG, .offset = AT(json), .help = "one line of JSON for each event"},
};
static const struct option_table TABLE = {.rows = ROWS, .count = sizeof ROWS / sizeof *ROWS};

/* One run of the command. */
struct tailing {
    struct tail_options options;
    struct server_access access;
    struct screen screen;
    struct event_columns columns;
    struct event_stream stream;
    struct buf out;
    int stop_fd;      /* can be read after SIGINT or SIGTERM */
    uint64_t last;    /* of what was printed, or where it began */
    bool connected;   /* bytes have come since the last attempt to connect */
    bool interrupted; /* it was said that the connection is lost */
    bool closed;      /* nobody reads standard output any more */
    enum rc rc;       /* of printing */
    struct err err;
};

/* ---- printing ---- */

static void print_event(struct tailing *tailing, struct slice text)
{
    json_t *event = NULL;
    if (tailing->options.json) {
        buf_add_slice(&tailing->out, text);
        buf_add_char(&tailing->out, '\n');
        return;
    }
    if (json_parse(text, &event, NULL) != RC_OK)
        return;
    event_line_write(event, &tailing->screen, &tailing->columns, &tailing->out);
    if (tailing->options.pretty) {
        json_show(json_raw_member(text, "payload"), &tailing->out);
        buf_add_str(&tailing->out, "\n\n");
    }
    json_decref(event);
}

/* Has the reader of a pipe gone? Looked at whenever the server says that it is there. */
static bool has_reader(struct tailing *tailing)
{
    struct pollfd out = {.fd = STDOUT_FILENO};
    if (poll(&out, 1, 0) == 1 && (out.revents & POLLERR))
        tailing->closed = true;
    return !tailing->closed;
}

/* false: it cannot be written. */
static bool flush(struct tailing *tailing)
{
    if (tailing->rc == RC_OK)
        tailing->rc = command_print(&tailing->out, &tailing->err);
    return has_reader(tailing) && tailing->rc == RC_OK;
}

/* ---- what is there already ---- */

static void add_filters(const struct tail_options *options, struct buf *path)
{
    server_path_add_query(path, "type", options->type);
    server_path_add_query(path, "app", options->app);
    server_path_add_query(path, "connected_account_id", options->account);
}

/* What the server's journal holds, and up to where its read model is true. */
struct extent {
    uint64_t first;
    uint64_t last;
    uint64_t listed;
};

static uint64_t number_of(const json_t *object, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(object, name));
}

static enum rc ask_extent(struct tailing *tailing, struct extent *ret, struct err *err)
{
    CLEANUP(buf_cleanup) struct buf answer = BUF_INIT;
    json_t *status;
    enum rc rc = server_access_get(&tailing->access, "/api/v1/status", &answer, err);
    if (rc == RC_OK)
        rc = json_parse(buf_slice(&answer), &status, err);
    if (rc)
        return rc;
    const json_t *journal = json_object_get(status, "journal");
    *ret = (struct extent){
        .first = number_of(journal, "first_seq"),
        .last = number_of(journal, "last_seq"),
        .listed = number_of(json_object_get(status, "tracker"), "seq"),
    };
    json_decref(status);
    return RC_OK;
}

/* Whatever is in the list up to here need not be told by the stream. */
static enum rc find_position(struct tailing *tailing, struct err *err)
{
    struct extent extent;
    enum rc rc = ask_extent(tailing, &extent, err);
    if (rc == RC_OK)
        tailing->last = extent.listed;
    return rc;
}

/* The newest events that match, in pages; texts and slices grow. */
struct backlog {
    struct buf pages[PAGE_ITEMS];
    size_t page_count;
    struct buf items; /* struct slice each, newest first */
    char cursor[64];
};

static void backlog_free(struct backlog *backlog)
{
    for (size_t i = 0; i < backlog->page_count; i++)
        buf_cleanup(&backlog->pages[i]);
    buf_cleanup(&backlog->items);
    free(backlog);
}

static size_t backlog_count(const struct backlog *backlog)
{
    return backlog->items.len / sizeof(struct slice);
}

/* false: there is no further page. */
static bool take_page(struct backlog *backlog, struct slice page)
{
    struct slice item;
    struct slice items = json_raw_member(page, "items");
    while (json_raw_next(&items, &item))
        buf_add(&backlog->items, &item, sizeof item);
    struct slice next = json_raw_member(page, "next");
    if (next.len > 2 && next.ptr[0] == '"')
        next = slice_of(next.ptr + 1, next.len - 2);
    if (!next.len || slice_is(next, "null") || next.len >= sizeof backlog->cursor)
        return false;
    snprintf(backlog->cursor, sizeof backlog->cursor, "%.*s", SLICE_ARG(next));
    return true;
}

static enum rc fetch_backlog(struct tailing *tailing, struct backlog *backlog, struct err *err)
{
    size_t wanted = (size_t)tailing->options.lines;
    bool more = true;
    while (more && backlog_count(backlog) < wanted && backlog->page_count < PAGE_ITEMS) {
        CLEANUP(buf_cleanup) struct buf path = BUF_INIT;
        struct buf *page = &backlog->pages[backlog->page_count++];
        size_t left = wanted - backlog_count(backlog);
        buf_addf(&path, "/api/v1/events?limit=%zu", left < PAGE_ITEMS ? left : PAGE_ITEMS);
        server_path_add_query(&path, "cursor", backlog->cursor[0] ? backlog->cursor : NULL);
        add_filters(&tailing->options, &path);
        enum rc rc = server_access_get(&tailing->access, buf_str(&path), page, err);
        if (rc)
            return rc;
        more = take_page(backlog, buf_slice(page));
    }
    return buf_failed(&backlog->items) ? err_set(err, RC_NO_MEMORY, "out of memory") : RC_OK;
}

static uint64_t seq_of(struct slice event)
{
    struct slice seq = json_raw_member(event, "seq");
    return seq.ptr ? strtoull(seq.ptr, NULL, 10) : 0; /* a number is followed by , or } */
}

static enum rc print_backlog(struct tailing *tailing, struct err *err)
{
    struct backlog *backlog = calloc(1, sizeof *backlog);
    if (!backlog)
        return err_set(err, RC_NO_MEMORY, "out of memory");
    enum rc rc = fetch_backlog(tailing, backlog, err);
    const struct slice *items = (const struct slice *)(const void *)backlog->items.ptr;
    for (size_t i = rc == RC_OK ? backlog_count(backlog) : 0; i-- > 0;) {
        uint64_t seq = seq_of(items[i]);
        tailing->last = seq > tailing->last ? seq : tailing->last;
        print_event(tailing, items[i]);
    }
    backlog_free(backlog);
    (void)(rc == RC_OK && flush(tailing));
    return rc;
}

/* ---- what comes ---- */

static bool on_message(void *arg, const struct event_stream_message *message)
{
    struct tailing *tailing = arg;
    uint64_t seq = message->has_id ? strtoull(message->id.ptr, NULL, 10) : 0;
    if (!slice_is(message->event, "event") || seq <= tailing->last)
        return true;
    print_event(tailing, message->data);
    tailing->last = seq;
    return true;
}

static void say_connected(struct tailing *tailing)
{
    if (tailing->interrupted)
        fprintf(stderr, "fairlead tail: connected again\n");
    tailing->interrupted = false;
    tailing->connected = true;
}

/* Who comes back may find less than it left: another journal, or one that retention has shortened. */
static void compare_journal(struct tailing *tailing)
{
    struct extent extent;
    struct err err;
    if (ask_extent(tailing, &extent, &err) != RC_OK)
        return; /* following will say why */
    if (extent.last < tailing->last) {
        fprintf(stderr, "fairlead tail: the server has another journal now; going on with what comes\n");
        tailing->last = extent.listed;
    } else if (extent.first > tailing->last + 1) {
        fprintf(stderr, "fairlead tail: events before number %" PRIu64 " are gone from the journal\n",
                extent.first);
        tailing->last = extent.first - 1;
    }
}

static bool on_bytes(void *arg, struct slice bytes)
{
    struct tailing *tailing = arg;
    say_connected(tailing);
    tailing->screen = screen_of(STDOUT_FILENO); /* it may have another width now */
    if (!event_stream_feed(&tailing->stream, bytes, on_message, tailing)) {
        tailing->rc = err_set(&tailing->err, RC_NO_MEMORY, "an event is too large");
        return false;
    }
    return flush(tailing);
}

static enum rc follow_once(struct tailing *tailing, struct client_stream_answer *ret, struct err *err)
{
    CLEANUP(buf_cleanup) struct buf path = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf url = BUF_INIT;
    char position[48];
    const char *headers[] = {position, tailing->access.headers[0], NULL};
    snprintf(position, sizeof position, "last-event-id: %" PRIu64, tailing->last);
    buf_add_str(&path, "/api/v1/stream");
    add_filters(&tailing->options, &path);
    remote_url(tailing->options.access.url, buf_str(&path), NULL, &url);
    const struct client_stream stream = {
        .url = buf_str(&url),
        .headers = headers,
        .silence = SILENCE,
        .stop_fd = tailing->stop_fd,
        .on_bytes = on_bytes,
        .arg = tailing,
    };
    event_stream_restart(&tailing->stream);
    tailing->connected = false;
    return client_stream_follow(&stream, ret, err);
}

/* Waits; false: it is to stop. */
static bool pause_for(const struct tailing *tailing, usec pause)
{
    struct pollfd stop = {.fd = tailing->stop_fd, .events = POLLIN};
    return poll(&stop, 1, (int)(pause / USEC_PER_MS)) == 0;
}

static void say_lost(struct tailing *tailing, const struct err *why)
{
    if (!tailing->interrupted)
        fprintf(stderr, "fairlead tail: connection lost: %s; trying again\n", why->message);
    tailing->interrupted = true;
}

/* What the end of one connection means: RC_OK with *ret_again, or the end of it all. */
static enum rc judge(struct tailing *tailing, enum rc rc, const struct client_stream_answer *answer,
                     bool *ret_again, struct err *err)
{
    bool stopped = rc == RC_OK && answer->end == CLIENT_STREAM_STOPPED;
    *ret_again = false;
    if (stopped) {
        *err = tailing->err;
        return tailing->rc;
    }
    if (rc == RC_OK && answer->end == CLIENT_STREAM_REFUSED)
        rc = server_access_explain_answer(&tailing->access, answer->status, buf_slice(&answer->body), err);
    bool passes = rc == RC_OK || rc == RC_UNREACHABLE || rc == RC_STORAGE_UNAVAILABLE;
    if (!passes)
        return rc;
    say_lost(tailing, err);
    *ret_again = true;
    return RC_OK;
}

static enum rc follow(struct tailing *tailing, struct err *err)
{
    usec pause = FIRST_PAUSE;
    for (;;) {
        struct client_stream_answer answer = {.body = BUF_INIT};
        bool again;
        enum rc rc = follow_once(tailing, &answer, err);
        rc = judge(tailing, rc, &answer, &again, err);
        buf_cleanup(&answer.body);
        if (!again)
            return rc;
        pause = tailing->connected ? FIRST_PAUSE : pause * 2 > LONGEST_PAUSE ? LONGEST_PAUSE : pause * 2;
        if (!pause_for(tailing, pause))
            return RC_OK;
        compare_journal(tailing);
    }
}

/* ---- the command ---- */

static enum rc catch_signals(struct tailing *tailing, struct err *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    tailing->stop_fd = signalfd(-1, &set, SFD_CLOEXEC);
    return tailing->stop_fd >= 0 ? RC_OK : err_set(err, RC_INTERNAL, "signalfd: %s", strerror(errno));
}

static enum rc tail(struct tailing *tailing, struct err *err)
{
    if (tailing->options.json && tailing->options.pretty)
        return err_set(err, RC_USAGE, "--json and --pretty exclude each other");
    enum rc rc = server_access_open(&tailing->access, &tailing->options.access, err);
    if (rc == RC_OK)
        rc = find_position(tailing, err);
    if (rc == RC_OK && tailing->options.lines > 0)
        rc = print_backlog(tailing, err);
    if (rc == RC_OK)
        rc = catch_signals(tailing, err);
    return rc == RC_OK ? follow(tailing, err) : rc;
}

static int run_tail(int argc, char **argv)
{
    struct tailing tailing = {.screen = screen_of(STDOUT_FILENO), .stop_fd = -1};
    struct err err = {""};
    int status = command_read_options(&cmd_tail, &tailing.options, argc, argv, NULL, 0, NULL);
    if (status)
        return status;
    event_stream_init(&tailing.stream);
    enum rc rc = tail(&tailing, &err);
    status = tailing.closed ? EXIT_FAILED : command_end(&cmd_tail, rc, &err);
    server_access_close(&tailing.access);
    event_stream_cleanup(&tailing.stream);
    buf_cleanup(&tailing.out);
    option_values_cleanup(&TABLE, &tailing.options);
    cleanup_fd(&tailing.stop_fd);
    return status;
}

const struct command cmd_tail = {
    .name = "tail",
    .operands = "",
    .summary = "follow events live",
    .details = "Asks a running server: the newest events, then each one as it is stored, until Ctrl-C. A "
               "lost connection\n"
               "is made again by itself, without gap or repeat. On a terminal, lines are cut to its width, "
               "but for the\n"
               "account's id; in a pipe they are whole. With --json, each line is an event as the API gives "
               "it.",
    .examples = "fairlead tail\n"
                "fairlead tail -n 100 --app github\n"
                "fairlead tail --type connected_account.add.completed --json | jq -r .user_id",
    .options = &TABLE,
    .run = run_tail,
};
