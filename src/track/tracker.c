#include "track/tracker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "track/read_model.h"
#include "track/state.h"

#define BATCH_RECORDS 8192 /* when it is behind: pages are written once for many records */
#define JUDGE_BATCH   1024
#define TRIM_BATCH    4096
#define TRIM_INTERVAL USEC_MINUTE
#define RETRY_TIME    USEC_PER_SEC
#define LONGEST_WAIT  (10 * USEC_PER_SEC)
#define NICE_LEVEL    10

struct tracker {
    struct tracker_options options;
    pthread_t thread;
    _Atomic uint64_t position;
    _Atomic bool stopping;

    /* the thread's own */
    struct read_model *model;
    usec now; /* of the batch under way */
    usec next_trim;
    bool failing; /* told once */
    bool damaged; /* state.db is, not the journal */
};

static bool on_record(void *arg, const struct record *record)
{
    struct tracker *tracker = arg;
    read_model_apply(tracker->model, record, tracker->now);
    return !atomic_load(&tracker->stopping);
}

/* One transaction: the records that wait, the marks that are due, the index entries that are too old. */
static enum rc turn(struct tracker *tracker, bool *ret_more, struct err *err)
{
    struct read_model *model = tracker->model;
    struct journal *journal = tracker->options.journal;
    uint64_t from = read_model_position(model);
    uint64_t first;
    uint64_t last = from;
    tracker->now = clock_wall();
    read_model_begin(model);
    enum rc read = journal_read(journal, from, BATCH_RECORDS, on_record, tracker, &last, err);
    size_t judged = read_model_judge(model, tracker->now, JUDGE_BATCH);
    if (tracker->now >= tracker->next_trim && journal_first(journal, &first, NULL) == RC_OK) {
        read_model_trim(model, first, TRIM_BATCH);
        tracker->next_trim = tracker->now + TRIM_INTERVAL;
    }
    enum rc rc = read_model_commit(model, err);
    tracker->damaged = rc == RC_CORRUPT;
    if (rc == RC_OK)
        atomic_store(&tracker->position, read_model_position(model));
    *ret_more = rc == RC_OK && (last - from >= BATCH_RECORDS || judged == JUDGE_BATCH);
    return rc != RC_OK ? rc : read;
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
        rc = read_model_open(&model, first, journal_last(options->journal), &tracker->model, &why, err);
    if (rc != RC_OK)
        return rc;
    if (why.message[0])
        log_warn("the read model is made anew from the journal", "reason", why.message);
    atomic_store(&tracker->position, read_model_position(tracker->model));
    return RC_OK;
}

/* A damaged file goes; the next turn makes it anew. */
static void remove_damaged(struct tracker *tracker)
{
    struct err err;
    read_model_close(tracker->model);
    tracker->model = NULL;
    tracker->damaged = false;
    if (state_remove(tracker->options.directory, STATE_FILE, &err) != RC_OK)
        log_error("the read model cannot be made anew", "reason", err.message);
}

static usec wait_time(struct tracker *tracker, enum rc rc)
{
    if (rc != RC_OK || !tracker->model)
        return RETRY_TIME;
    usec deadline = read_model_next_deadline(tracker->model);
    usec now = clock_wall();
    if (deadline == TIME_NONE || deadline - now > LONGEST_WAIT)
        return LONGEST_WAIT;
    return deadline > now ? deadline - now : 0;
}

static void *run(void *arg)
{
    struct tracker *tracker = arg;
    struct err err = {""};
    /* A thread of its own in Linux's eyes: receiving goes first when both want the processor. */
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE_LEVEL);
    while (!atomic_load(&tracker->stopping)) {
        bool more = false;
        enum rc rc = tracker->model ? turn(tracker, &more, &err) : open_model(tracker, &err);
        note(tracker, rc, &err);
        if (tracker->damaged)
            remove_damaged(tracker);
        if (!more && !atomic_load(&tracker->stopping))
            journal_wait(tracker->options.journal, atomic_load(&tracker->position), wait_time(tracker, rc));
    }
    return NULL;
}

enum rc tracker_start(const struct tracker_options *options, struct tracker **ret, struct err *err)
{
    struct tracker *tracker = calloc(1, sizeof *tracker);
    if (!tracker)
        return err_set(err, RC_NO_MEMORY, "no memory for the tracker");
    tracker->options = *options;
    enum rc rc = open_model(tracker, err);
    if (rc == RC_OK && pthread_create(&tracker->thread, NULL, run, tracker) != 0)
        rc = err_set(err, RC_NO_MEMORY, "the tracker's thread could not be started");
    if (rc != RC_OK) {
        read_model_close(tracker->model);
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
    read_model_close(tracker->model);
    free(tracker);
}

uint64_t tracker_position(const struct tracker *tracker)
{
    return atomic_load(&tracker->position);
}
