#include "journal/journal.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "journal/engine.h"
#include "journal/sqlite_engine.h"

/* Another process may append to a journal that is opened read-only and cannot wake us: look again this often.
 */
#define FOREIGN_WRITER_INTERVAL (200 * USEC_PER_MS)

/* Every engine; the first is used. */
static const struct engine *const ENGINES[] = {&SQLITE_ENGINE};

struct journal {
    const struct engine *engine;
    void *state;
    bool read_only;
    uint64_t id; /* unlike an address never used twice */

    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t wakes; /* guarded by mutex */
};

/* What this thread has seen of journal_wake(), so that a wake-up between two waits of a thread is not lost.
 */
static _Thread_local struct {
    uint64_t journal_id;
    uint64_t wakes;
} seen;

const char *record_kind_name(enum record_kind kind)
{
#define RECORD_NAME_ROW(name, number, text, help)                                                            \
    case name:                                                                                               \
        return text;
    switch (kind) {
        RECORD_KINDS(RECORD_NAME_ROW)
    }
#undef RECORD_NAME_ROW
    return NULL;
}

static void init_sync(struct journal *journal)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&journal->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&journal->mutex, NULL);
}

enum rc journal_open(const struct journal_options *options, struct journal **ret, struct err *err)
{
    static _Atomic uint64_t opened;
    struct journal *journal = calloc(1, sizeof *journal);
    if (!journal)
        return err_set(err, RC_NO_MEMORY, "no memory for the journal");
    journal->engine = ENGINES[0];
    journal->read_only = options->read_only;
    journal->id = atomic_fetch_add(&opened, 1) + 1;
    enum rc rc = journal->engine->open(options, &journal->state, err);
    if (rc != RC_OK) {
        free(journal);
        return rc;
    }
    init_sync(journal);
    *ret = journal;
    return RC_OK;
}

void journal_close(struct journal *journal)
{
    if (!journal)
        return;
    journal->engine->close(journal->state);
    pthread_cond_destroy(&journal->changed);
    pthread_mutex_destroy(&journal->mutex);
    free(journal);
}

enum rc journal_append(struct journal *journal, const struct record *records, size_t count,
                       struct append_outcome *ret_outcomes, struct err *err)
{
    assert(!journal->read_only && count >= 1 && count <= JOURNAL_MAX_BATCH);
    uint64_t before = journal->engine->last(journal->state);
    enum rc rc = journal->engine->append(journal->state, records, count, ret_outcomes, err);
    /* Also after a failure: records of an earlier, unknown commit may have come to light. */
    if (journal->engine->last(journal->state) != before) {
        /* Empty on purpose: a waiter is either before its look at last() or asleep, never between the two. */
        pthread_mutex_lock(&journal->mutex);
        pthread_mutex_unlock(&journal->mutex);
        pthread_cond_broadcast(&journal->changed);
    }
    return rc;
}

void journal_tidy(struct journal *journal)
{
    assert(!journal->read_only);
    journal->engine->tidy(journal->state);
}

enum rc journal_read(struct journal *journal, uint64_t after_seq, size_t max, record_fn fn, void *arg,
                     uint64_t *ret_last, struct err *err)
{
    return journal->engine->read(journal->state, after_seq, max, fn, arg, ret_last, err);
}

enum rc journal_pick(struct journal *journal, const uint64_t *seqs, size_t count, record_fn fn, void *arg,
                     struct err *err)
{
    return journal->engine->pick(journal->state, seqs, count, fn, arg, err);
}

void journal_wait(struct journal *journal, uint64_t after_seq, usec timeout)
{
    if (journal->read_only && timeout > FOREIGN_WRITER_INTERVAL)
        timeout = FOREIGN_WRITER_INTERVAL;
    usec deadline = clock_monotonic() + (timeout < USEC_DAY ? timeout : USEC_DAY);
    struct timespec at = {.tv_sec = deadline / USEC_PER_SEC, .tv_nsec = (deadline % USEC_PER_SEC) * 1000};
    pthread_mutex_lock(&journal->mutex);
    uint64_t wakes = seen.journal_id == journal->id ? seen.wakes : 0;
    while (journal->wakes == wakes && journal->engine->last(journal->state) <= after_seq) {
        if (pthread_cond_timedwait(&journal->changed, &journal->mutex, &at) != 0)
            break;
    }
    seen.journal_id = journal->id;
    seen.wakes = journal->wakes;
    pthread_mutex_unlock(&journal->mutex);
}

void journal_wake(struct journal *journal)
{
    pthread_mutex_lock(&journal->mutex);
    journal->wakes++;
    pthread_mutex_unlock(&journal->mutex);
    pthread_cond_broadcast(&journal->changed);
}

uint64_t journal_last(struct journal *journal)
{
    return journal->engine->last(journal->state);
}

enum rc journal_first(struct journal *journal, uint64_t *ret_first, struct err *err)
{
    return journal->engine->first(journal->state, ret_first, err);
}

enum rc journal_trim(struct journal *journal, usec before, uint64_t upto_seq, size_t max_records,
                     size_t *ret_removed, struct err *err)
{
    assert(!journal->read_only);
    return journal->engine->trim(journal->state, before, upto_seq, max_records, ret_removed, err);
}

enum rc journal_lock(struct journal *journal, const char *name, struct err *err)
{
    return journal->engine->lock(journal->state, name, err);
}

void journal_unlock(struct journal *journal, const char *name)
{
    journal->engine->unlock(journal->state, name);
}

enum rc journal_health(struct journal *journal, struct journal_health *ret, struct err *err)
{
    return journal->engine->health(journal->state, ret, err);
}

void journal_figures(struct journal *journal, struct journal_health *ret)
{
    journal->engine->figures(journal->state, ret);
}

enum rc journal_check(struct journal *journal, struct err *err)
{
    return journal->engine->check(journal->state, err);
}
