#include "track/tracker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/thread.h"
#include "journal/placed_file.h"
#include "track/follower.h"
#include "track/state.h"
#include "track/state_check.h"

#define RETRY_TIME     USEC_PER_SEC
#define LONGEST_WAIT   (10 * USEC_PER_SEC)
#define GATHER_TIME    (12 * USEC_PER_MS)
#define HEARD_TIME     (8 * USEC_PER_MS) /* the same, while somebody listens */
#define CHECK_INTERVAL USEC_MINUTE

struct tracker {
    struct tracker_options options;
    pthread_t thread;
    _Atomic uint64_t position;
    _Atomic bool stopping;
    _Atomic usec turn_at; /* monotonic: the turn under way began; 0: none is */
    _Atomic bool doubted;

    /* the thread's own */
    struct follower follower; /* its model is NULL while there is none */
    struct placed_file file;  /* what it is made of */
    struct buf path;          /* of that */
    bool failing;             /* told once */
    usec next_check;          /* monotonic: the earliest */
};

static enum rc turn(struct tracker *tracker, bool *ret_more, struct err *err)
{
    enum rc rc = follower_step(&tracker->follower, ret_more, err);
    atomic_store(&tracker->position, read_model_position(tracker->follower.model));
    return rc;
}

/* Logged when it begins and when it ends, not each time. */
static void note(struct tracker *tracker, enum rc rc, const struct err *err)
{
    if (rc != RC_OK && !tracker->failing)
        log_error("the read model stands still; receiving goes on", "reason", err->message);
    if (rc == RC_OK && tracker->failing)
        log_info("the read model goes on");
    tracker->failing = rc != RC_OK;
}

static enum rc open_model(struct tracker *tracker, struct err *err)
{
    const struct tracker_options *options = &tracker->options;
    struct read_model_options model = {
        .directory = options->directory,
        .patience = {options->slow_after, options->abandoned_after},
        .listener = options->listener,
    };
    struct err why = {""};
    uint64_t first = 0;
    enum rc rc = journal_first(options->journal, &first, err);
    if (rc == RC_OK)
        rc = read_model_open(&model, first, journal_last(options->journal), &tracker->follower.model, &why,
                             err);
    if (rc != RC_OK)
        return rc;
    if (why.message[0])
        log_warn("the read model is made anew from the journal", "reason", why.message);
    atomic_store(&tracker->position, read_model_position(tracker->follower.model));
    return placed_file_remember(&tracker->file, buf_str(&tracker->path), err);
}

/* A damaged file goes aside; the next turn makes a new one. */
static void leave_damaged(struct tracker *tracker)
{
    struct err err;
    log_warn("the read model is damaged: it is set aside and made anew", "file", buf_str(&tracker->path),
             "kept as", STATE_FILE STATE_DAMAGED_SUFFIX);
    read_model_close(tracker->follower.model);
    tracker->follower.model = NULL;
    tracker->follower.damaged = false;
    if (state_set_aside(tracker->options.directory, STATE_FILE, &err) != RC_OK)
        log_error("the read model cannot be made anew", "reason", err.message);
}

/* Somebody met damage where the tracker has not been. Slow, so it is not counted as being busy. */
static void check_if_doubted(struct tracker *tracker)
{
    struct state_report report;
    struct err err;
    usec now = clock_monotonic();
    if (!atomic_load(&tracker->doubted) || now < tracker->next_check)
        return;
    atomic_store(&tracker->doubted, false);
    enum rc rc = state_check(tracker->options.directory, &report, &err);
    tracker->next_check = clock_monotonic() + CHECK_INTERVAL;
    if (rc == RC_CORRUPT && tracker->follower.model)
        leave_damaged(tracker);
}

/* Somebody removed or replaced it: what is written to it now is seen by nobody. */
static void leave_if_gone(struct tracker *tracker)
{
    if (!tracker->follower.model || placed_file_is_there(&tracker->file, buf_str(&tracker->path)))
        return;
    log_warn("the read model's file was removed or replaced: it is opened anew", "file",
             buf_str(&tracker->path));
    read_model_close(tracker->follower.model);
    tracker->follower.model = NULL;
}

static usec wait_time(struct tracker *tracker, enum rc rc)
{
    if (rc != RC_OK || !tracker->follower.model)
        return RETRY_TIME;
    usec deadline = read_model_next_deadline(tracker->follower.model);
    usec now = clock_wall();
    if (deadline == TIME_NONE || deadline - now > LONGEST_WAIT)
        return LONGEST_WAIT;
    return deadline > now ? deadline - now : 0;
}

/*
 * Events that come one by one, thousands in a second, are taken in a few at a time: a transaction of one
 * writes as many pages as one of ten, and the disk is the one that receiving waits for. The first of them
 * waits for nothing.
 */
static void gather(const struct tracker *tracker, usec began)
{
    bool heard = tracker_is_heard(&tracker->options.listener);
    usec rest = began + (heard ? HEARD_TIME : GATHER_TIME) - clock_monotonic();
    if (rest <= 0)
        return;
    struct timespec time = {.tv_nsec = rest * 1000};
    nanosleep(&time, NULL);
}

static void *run(void *arg)
{
    struct tracker *tracker = arg;
    struct err err = {""};
    /* A thread of its own in Linux's eyes: receiving goes first when both want the processor. */
    thread_begin("tracker", THREAD_BACKGROUND);
    while (!atomic_load(&tracker->stopping)) {
        bool more = false;
        check_if_doubted(tracker);
        usec began = clock_monotonic();
        atomic_store(&tracker->turn_at, began);
        leave_if_gone(tracker);
        enum rc rc = tracker->follower.model ? turn(tracker, &more, &err) : open_model(tracker, &err);
        note(tracker, rc, &err);
        if (tracker->follower.damaged)
            leave_damaged(tracker);
        atomic_store(&tracker->turn_at, 0);
        if (!more && !atomic_load(&tracker->stopping))
            journal_wait(tracker->options.journal, atomic_load(&tracker->position), wait_time(tracker, rc));
        if (!more)
            gather(tracker, began);
    }
    return NULL;
}

enum rc tracker_start(const struct tracker_options *options, struct tracker **ret, struct err *err)
{
    struct tracker *tracker = calloc(1, sizeof *tracker);
    if (!tracker)
        return err_set(err, RC_NO_MEMORY, "no memory for the tracker");
    tracker->options = *options;
    buf_addf(&tracker->path, "%s/%s", options->directory, STATE_FILE);
    tracker->follower.journal = options->journal;
    tracker->follower.pace = FOLLOWER_LIVE;
    tracker->follower.stopping = &tracker->stopping;
    enum rc rc = open_model(tracker, err);
    if (rc == RC_OK && pthread_create(&tracker->thread, NULL, run, tracker) != 0)
        rc = err_set(err, RC_NO_MEMORY, "the tracker's thread could not be started");
    if (rc != RC_OK) {
        read_model_close(tracker->follower.model);
        buf_cleanup(&tracker->path);
        free(tracker);
        return rc;
    }
    *ret = tracker;
    return RC_OK;
}

void tracker_stop(struct tracker *tracker)
{
    if (!tracker)
        return;
    atomic_store(&tracker->stopping, true);
    journal_wake(tracker->options.journal);
    pthread_join(tracker->thread, NULL);
    read_model_close(tracker->follower.model);
    buf_cleanup(&tracker->path);
    free(tracker);
}

void tracker_doubt(void *tracker)
{
    atomic_store(&((struct tracker *)tracker)->doubted, true);
    journal_wake(((struct tracker *)tracker)->options.journal);
}

uint64_t tracker_position(const struct tracker *tracker)
{
    return atomic_load(&tracker->position);
}

usec tracker_busy(const struct tracker *tracker)
{
    usec turn_at = atomic_load(&tracker->turn_at);
    return turn_at ? clock_monotonic() - turn_at : 0;
}
