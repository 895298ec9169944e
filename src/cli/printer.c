#include "cli/printer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/metric.h"
#include "base/thread.h"
#include "wire/head.h"
#include "wire/json.h"
#include "wire/payload.h"

#define READ_RECORDS 64
#define WAIT         (500 * USEC_PER_MS)
#define STOP_TIME    USEC_PER_SEC
#define WRITE_BYTES  ((size_t)4096) /* PIPE_BUF: what a pipe that polls writable takes without blocking */

struct printer {
    struct journal *journal;
    enum print_style style;
    int fd;
    pthread_t thread;
    uint64_t position;      /* up to here records are printed, in text, or given up */
    struct payload payload; /* of the record that is printed */
    struct buf text;
    size_t begin;              /* where in text its first event begins */
    size_t ends[READ_RECORDS]; /* and where each of its events ends */
    size_t events;
    uint64_t given_up; /* counted, and not yet said on the output */
    bool blocked;      /* it was logged that the output takes nothing */
    _Atomic bool stopping;
    usec stop_deadline;
    bool broken; /* nobody reads any more */
};

static void print_line(const struct record *record, struct payload *payload, struct buf *out)
{
    char at[CLOCK_RFC3339_SIZE];
    clock_format(record->received_at, at);
    payload_read(payload, record->body);
    buf_addf(out, "%s #%llu ", at, (unsigned long long)record->seq);
    /* Values come from the sender: quoting keeps a line a line and a terminal sane. */
    const struct slice parts[] = {payload->type.len ? payload->type : slice_str(payload_shape_name(payload)),
                                  payload->app, payload->connected_account_id, payload->user_id};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].len == 0)
            continue;
        size_t from = out->len;
        json_quote(parts[i], out);
        if (buf_failed(out) || out->len < from + 2)
            continue;
        memmove(out->ptr + from, out->ptr + from + 1, out->len - from - 2);
        out->len -= 2;
        buf_add_char(out, ' ');
    }
    buf_add_str(out, head_get(record->head, ":verified").len ? "verified\n" : "unverified\n");
}

static bool on_record(void *arg, const struct record *record)
{
    struct printer *printer = arg;
    if (record->kind != RECORD_EVENT)
        return true;
    if (printer->style == PRINT_LINE) {
        print_line(record, &printer->payload, &printer->text);
    } else {
        json_show(record->body, &printer->text);
        buf_add_char(&printer->text, '\n');
    }
    printer->ends[printer->events++] = printer->text.len;
    return !buf_failed(&printer->text) && printer->text.len < PRINTER_TEXT;
}

static bool out_of_time(const struct printer *printer)
{
    return atomic_load(&printer->stopping) && clock_monotonic() >= printer->stop_deadline;
}

static void give_up(struct printer *printer, uint64_t events)
{
    printer->given_up += events;
    metric_add(METRIC_PRINT_SKIPPED, (int64_t)events);
}

static void give_up_to(struct printer *printer, uint64_t seq)
{
    give_up(printer, seq - printer->position);
    printer->position = seq;
}

static uint64_t count_behind(const struct printer *printer)
{
    uint64_t last = journal_last(printer->journal);
    return last > printer->position ? last - printer->position : 0;
}

/* How many of the events in text are out? */
static size_t count_written(const struct printer *printer, size_t written)
{
    size_t count = 0;
    while (count < printer->events && printer->ends[count] <= written)
        count++;
    return count;
}

/* What waits is given up, but for the event that is half out. */
static void on_blocked(struct printer *printer, size_t written)
{
    size_t keep = count_written(printer, written);
    size_t end = keep ? printer->ends[keep - 1] : printer->begin;
    if (written > end)
        end = printer->ends[keep++];
    give_up(printer, printer->events - keep);
    printer->events = keep;
    buf_truncate(&printer->text, end);
    give_up_to(printer, printer->position + count_behind(printer));
    if (!printer->blocked && printer->given_up) {
        printer->blocked = true;
        log_warn("standard output takes nothing: events are not printed until it does (they are stored)",
                 "events", LOG_NUM(printer->given_up));
    }
}

static bool is_late(const struct printer *printer, usec since)
{
    return printer->blocked || clock_monotonic() - since >= PRINTER_PATIENCE ||
           count_behind(printer) > PRINTER_MAX_LAG;
}

static void on_taken(struct printer *printer)
{
    if (printer->blocked)
        log_info("standard output takes text again");
    printer->blocked = false;
}

/* Never sits in write(2): waits for room in steps, so that a stop is noticed, and that it takes too long.
 * What is not out at the end stays in events. */
static void write_out(struct printer *printer)
{
    size_t written = 0;
    usec taken_at = clock_monotonic();
    while (written < printer->text.len && !printer->broken && !out_of_time(printer)) {
        struct pollfd poller = {.fd = printer->fd, .events = POLLOUT};
        int ready = poll(&poller, 1, 100);
        if (ready <= 0) {
            if (is_late(printer, taken_at))
                on_blocked(printer, written);
            continue;
        }
        size_t rest = printer->text.len - written;
        ssize_t n = write(printer->fd, printer->text.ptr + written, rest < WRITE_BYTES ? rest : WRITE_BYTES);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0) {
            printer->broken = true;
            log_warn("standard output is closed, events are no longer printed");
            break;
        }
        written += (size_t)n;
        taken_at = clock_monotonic();
        on_taken(printer);
    }
    printer->events -= count_written(printer, written);
}

static void say_given_up(struct printer *printer)
{
    if (printer->given_up)
        buf_addf(&printer->text, "... %llu events not printed: output is too slow (they are stored)\n",
                 (unsigned long long)printer->given_up);
    printer->given_up = 0;
}

/* The next records, as text. */
static void read_on(struct printer *printer)
{
    struct err err;
    uint64_t last = printer->position;
    printer->begin = printer->text.len;
    printer->events = 0;
    enum rc rc =
        journal_read(printer->journal, printer->position, READ_RECORDS, on_record, printer, &last, &err);
    if (rc == RC_OK)
        printer->position = last;
    if (rc == RC_OK && buf_failed(&printer->text)) { /* no memory for it */
        give_up(printer, printer->events);
        printer->events = 0;
        buf_cleanup(&printer->text);
    } else if (rc != RC_OK) {
        buf_truncate(&printer->text, printer->begin);
        printer->events = 0;
    }
}

static void *run(void *arg)
{
    struct printer *printer = arg;
    thread_begin("printer", THREAD_PRINTER);
    while (!printer->broken && !out_of_time(printer)) {
        uint64_t behind = count_behind(printer);
        buf_clear(&printer->text);
        if (behind > PRINTER_MAX_LAG)
            give_up_to(printer, printer->position + behind - READ_RECORDS);
        say_given_up(printer);
        read_on(printer);
        if (printer->text.len)
            write_out(printer);
        else if (atomic_load(&printer->stopping))
            break;
        else
            journal_wait(printer->journal, printer->position, WAIT);
    }
    return NULL;
}

enum rc printer_start(struct journal *journal, enum print_style style, int fd, struct printer **ret,
                      struct err *err)
{
    struct printer *printer = calloc(1, sizeof *printer);
    if (!printer)
        return err_set(err, RC_NO_MEMORY, "no memory for the printer");
    printer->journal = journal;
    printer->style = style;
    printer->fd = fd;
    printer->position = journal_last(journal);
    if (pthread_create(&printer->thread, NULL, run, printer) != 0) {
        free(printer);
        return err_set(err, RC_NO_MEMORY, "the printer's thread could not be started");
    }
    *ret = printer;
    return RC_OK;
}

static void say_what_is_left(const struct printer *printer)
{
    uint64_t left = printer->events + count_behind(printer);
    if (left == 0)
        return;
    metric_add(METRIC_PRINT_SKIPPED, (int64_t)left);
    log_warn("stopping with events not printed (they are stored): output is too slow or closed", "events",
             LOG_NUM(left));
}

void printer_stop(struct printer *printer)
{
    if (!printer)
        return;
    printer->stop_deadline = clock_monotonic() + STOP_TIME;
    atomic_store(&printer->stopping, true);
    journal_wake(printer->journal);
    pthread_join(printer->thread, NULL);
    say_what_is_left(printer);
    payload_cleanup(&printer->payload);
    buf_cleanup(&printer->text);
    free(printer);
}
