#include "receive/receive.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/thread.h"
#include "wire/dedupe_key.h"
#include "wire/duplicates.h"
#include "wire/head.h"
#include "wire/json.h"

#define BATCH_MAX_BYTES ((size_t)8 * 1024 * 1024)
/* So many are worth a wake-up before the loop's turn ends: both threads work at once. */
#define WAKE_WEBHOOKS       64
#define DUPLICATES_INTERVAL USEC_PER_SEC
#define DUPLICATES_MAX      65536 /* events that came again in one interval; more are not counted */
#define PROBE_INTERVAL      USEC_PER_SEC
#define PROBE_INTERVAL_MAX  USEC_MINUTE
#define TRIM_INTERVAL       USEC_HOUR
#define TRIM_STEP_RECORDS   512

struct webhook_list {
    struct webhook *first;
    struct webhook **end;
    size_t count;
    size_t bytes;
};

/* What the receive thread has for one turn: the webhooks taken, and those of them that go to the journal. */
struct batch {
    struct webhook_list taken;
    struct webhook *storable[JOURNAL_MAX_BATCH];
    struct record records[JOURNAL_MAX_BATCH];
    struct dedupe_key keys[JOURNAL_MAX_BATCH];
    struct append_outcome outcomes[JOURNAL_MAX_BATCH];
    size_t count;
};

struct receive {
    struct receive_options options;
    pthread_t thread;

    pthread_mutex_t mutex; /* guards everything down to the blank line */
    pthread_cond_t wake;
    struct webhook_list waiting;
    struct webhook_list done;
    struct keyring *new_keyring; /* taken over by the thread before its next batch */
    usec new_tolerance;
    struct err not_ready;
    bool ready;
    bool refusing; /* stopping or failed: submit takes nothing */
    bool stopping;
    bool idle;        /* the thread waits for a wake-up */
    usec progress_at; /* monotonic: the thread began what it does, or got something to do */

    /* the receive thread's own */
    struct keyring *keyring;
    usec tolerance;
    usec next_trim;
    struct duplicate *duplicates; /* since the last record about them; DUPLICATES_MAX */
    size_t duplicate_count;
    usec duplicates_due; /* meaningful while there are some */
    usec probe_interval;
    usec next_probe;   /* monotonic; while storage is unavailable */
    bool on_probation; /* ready because a probe said so; no commit has shown it yet */
    bool failed;
    struct batch *batch;
};

static void list_init(struct webhook_list *list)
{
    *list = (struct webhook_list){.first = NULL, .end = &list->first};
}

static void list_add(struct webhook_list *list, struct webhook *webhook)
{
    webhook->next = NULL;
    *list->end = webhook;
    list->end = &webhook->next;
    list->count++;
    list->bytes += webhook->body.len;
}

static struct webhook *list_take(struct webhook_list *list)
{
    struct webhook *webhook = list->first;
    if (!webhook)
        return NULL;
    list->first = webhook->next;
    if (!list->first)
        list->end = &list->first;
    list->count--;
    list->bytes -= webhook->body.len;
    return webhook;
}

/* Puts the whole of `from` behind `to` and leaves `from` empty. */
static void list_move(struct webhook_list *to, struct webhook_list *from)
{
    if (!from->first)
        return;
    *to->end = from->first;
    to->end = from->end;
    to->count += from->count;
    to->bytes += from->bytes;
    list_init(from);
}

static void set_ready(struct receive *receive, bool ready, const struct err *why)
{
    pthread_mutex_lock(&receive->mutex);
    bool was = receive->ready;
    receive->ready = ready;
    if (!ready && why)
        receive->not_ready = *why;
    pthread_mutex_unlock(&receive->mutex);
    metric_set(METRIC_READY, ready);
    if (was && !ready)
        log_error("storage unavailable, webhooks are answered 503", "reason", why ? why->message : "");
    if (!was && ready)
        log_info("storage works again");
}

/* Ours may be signed only here: no other thread has the keys. */
static enum rc sign_webhook(struct receive *receive, struct webhook *webhook)
{
    CLEANUP(buf_cleanup) struct buf signature = BUF_INIT;
    struct signature_input input = {
        .id = head_get(buf_slice(&webhook->head), "webhook-id"),
        .timestamp = head_get(buf_slice(&webhook->head), "webhook-timestamp"),
        .body = buf_slice(&webhook->body),
    };
    enum rc rc = keyring_sign(receive->keyring, &input, &signature, &webhook->err);
    if (rc == RC_OK)
        head_add(&webhook->head, slice_str("webhook-signature"), buf_slice(&signature));
    return rc;
}

/* Steps 3 and 4 of a webhook's way: signature on the raw bytes, then JSON and key. */
static enum rc check_webhook(struct receive *receive, struct webhook *webhook, usec now,
                             struct dedupe_key *key)
{
    bool checks = keyring_checks(receive->keyring);
    if (checks && webhook->is_ours) {
        enum rc rc = sign_webhook(receive, webhook);
        if (rc != RC_OK)
            return rc;
    }
    struct slice head = buf_slice(&webhook->head);
    struct slice body = buf_slice(&webhook->body);
    struct slice id = head_get(head, "webhook-id");
    if (checks) {
        struct signature_input input = {
            .id = id,
            .timestamp = head_get(head, "webhook-timestamp"),
            .signature = head_get(head, "webhook-signature"),
            .body = body,
        };
        enum rc rc = signature_check(receive->keyring, &input, now, receive->tolerance, &webhook->err);
        if (rc != RC_OK)
            return rc;
    }
    enum rc rc = json_check_object(body, &webhook->err);
    if (rc == RC_OK)
        rc = dedupe_key_make(id, webhook->path, body, key, &webhook->err);
    if (rc == RC_OK && checks) {
        buf_add_str(&webhook->head, ":verified: true\n");
        if (buf_failed(&webhook->head))
            rc = err_set(&webhook->err, RC_NO_MEMORY, "memory ran out");
    }
    return rc;
}

static void prepare(struct receive *receive, struct batch *batch)
{
    usec now = clock_wall();
    batch->count = 0;
    for (struct webhook *webhook = batch->taken.first; webhook; webhook = webhook->next) {
        size_t i = batch->count;
        assert(i < JOURNAL_MAX_BATCH);
        webhook->duplicate = false;
        webhook->seq = 0;
        webhook->rc = check_webhook(receive, webhook, now, &batch->keys[i]);
        if (webhook->rc != RC_OK)
            continue;
        batch->storable[i] = webhook;
        batch->records[i] = (struct record){
            .kind = RECORD_EVENT,
            .received_at = webhook->received_at,
            .key_hashed = batch->keys[i].hashed,
            .key = slice_of(batch->keys[i].bytes, batch->keys[i].len),
            .fingerprint = batch->keys[i].fingerprint,
            .head = buf_slice(&webhook->head),
            .body = buf_slice(&webhook->body),
        };
        batch->count++;
    }
}

static enum rc append_once(struct receive *receive, struct batch *batch, struct err *err)
{
    usec started = clock_monotonic();
    enum rc rc = journal_append(receive->options.journal, batch->records, batch->count, batch->outcomes, err);
    if (rc == RC_OK) {
        histogram_observe_usec(HISTOGRAM_COMMIT, clock_monotonic() - started);
        histogram_observe(HISTOGRAM_BATCH, (double)batch->count);
    } else {
        metric_add(METRIC_COMMIT_FAILURES, 1);
    }
    return rc;
}

/* A commit that fails twice although the disk looks healthy: stop rather than lie. */
static void fail(struct receive *receive, const struct err *err)
{
    receive->failed = true;
    pthread_mutex_lock(&receive->mutex);
    receive->refusing = true;
    pthread_mutex_unlock(&receive->mutex);
    if (receive->options.on_fatal)
        receive->options.on_fatal(receive->options.arg, err);
}

/*
 * A commit needs more than the probe (space, a lock): when events fail whatever the probe says, it is asked
 * less and less often, so that readiness does not come and go with every event.
 */
static void judge_probe(struct receive *receive, bool stored)
{
    if (stored)
        receive->probe_interval = PROBE_INTERVAL;
    else if (receive->on_probation && receive->probe_interval < PROBE_INTERVAL_MAX)
        receive->probe_interval *= 2;
    receive->on_probation = false;
    receive->next_probe = clock_monotonic() + receive->probe_interval;
}

/* Duplicates alone need no write: that they came through says nothing about the disk. */
static bool has_stored(const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->outcomes[i].result == APPEND_STORED)
            return true;
    return false;
}

static enum rc store(struct receive *receive, struct batch *batch, struct err *err)
{
    if (receive->failed)
        return err_set(err, RC_STORAGE_UNAVAILABLE, "the journal failed and the server is stopping");
    enum rc rc = append_once(receive, batch, err);
    if (rc != RC_OK)
        rc = append_once(receive, batch, err);
    if (rc == RC_OK) {
        if (has_stored(batch)) {
            judge_probe(receive, true);
            set_ready(receive, true, NULL);
        }
        return RC_OK;
    }
    judge_probe(receive, false);
    struct journal_health health;
    struct err probe;
    bool healthy = journal_health(receive->options.journal, &health, &probe) == RC_OK;
    set_ready(receive, false, err);
    if (healthy && rc != RC_STORAGE_UNAVAILABLE)
        fail(receive, err);
    return err_set(err, RC_STORAGE_UNAVAILABLE, "the event cannot be stored now; send it again later");
}

static void count_duplicate(struct receive *receive, uint64_t seq)
{
    if (receive->duplicate_count == DUPLICATES_MAX)
        receive->duplicate_count = duplicates_merge(receive->duplicates, DUPLICATES_MAX);
    if (receive->duplicate_count == DUPLICATES_MAX)
        return;
    if (receive->duplicate_count == 0)
        receive->duplicates_due = clock_monotonic() + DUPLICATES_INTERVAL;
    receive->duplicates[receive->duplicate_count++] = (struct duplicate){seq, 1};
}

/*
 * Which events came again goes into the journal too, so that the read model can say so; a second's worth may
 * be lost in a crash. What cannot be stored now is tried again with the next.
 */
static void store_duplicates(struct receive *receive)
{
    struct buf body = BUF_INIT;
    struct append_outcome outcome;
    struct err err;
    receive->duplicate_count = duplicates_merge(receive->duplicates, receive->duplicate_count);
    duplicates_write(receive->duplicates, receive->duplicate_count, &body);
    struct record record = {.kind = RECORD_DUPLICATES, .received_at = clock_wall(), .body = buf_slice(&body)};
    receive->duplicates_due = clock_monotonic() + DUPLICATES_INTERVAL;
    if (!buf_failed(&body) && journal_append(receive->options.journal, &record, 1, &outcome, &err) == RC_OK)
        receive->duplicate_count = 0;
    buf_cleanup(&body);
}

static void conclude(struct receive *receive, struct batch *batch, enum rc rc, const struct err *err)
{
    usec now = clock_wall();
    for (size_t i = 0; i < batch->count; i++) {
        struct webhook *webhook = batch->storable[i];
        webhook->rc = rc;
        if (rc != RC_OK) {
            webhook->err = *err;
            continue;
        }
        const struct append_outcome *outcome = &batch->outcomes[i];
        webhook->seq = outcome->seq;
        webhook->duplicate = outcome->result == APPEND_DUPLICATE;
        if (webhook->duplicate)
            count_duplicate(receive, outcome->seq);
        if (outcome->result == APPEND_REFUSED)
            webhook->rc = err_set(&webhook->err, RC_BODY_TOO_LARGE, "the event is too large to be stored");
        if (outcome->result == APPEND_STORED)
            metric_set(METRIC_LAST_WEBHOOK, now / USEC_PER_SEC);
    }
}

static void hand_back(struct receive *receive, struct batch *batch)
{
    pthread_mutex_lock(&receive->mutex);
    list_move(&receive->done, &batch->taken);
    pthread_mutex_unlock(&receive->mutex);
    receive->options.on_done(receive->options.arg);
}

static void process(struct receive *receive, struct batch *batch)
{
    struct err err = {""};
    prepare(receive, batch);
    if (batch->count > 0) {
        enum rc rc = store(receive, batch, &err);
        conclude(receive, batch, rc, &err);
    }
    hand_back(receive, batch);
    journal_tidy(receive->options.journal);
}

static void trim_old(struct receive *receive, usec now)
{
    const struct receive_options *options = &receive->options;
    struct err err;
    size_t removed = 0;
    uint64_t upto = options->may_trim ? options->may_trim(options->may_trim_arg) : UINT64_MAX;
    enum rc rc = journal_trim(options->journal, clock_wall() - options->retention, upto, TRIM_STEP_RECORDS,
                              &removed, &err);
    if (rc != RC_OK)
        log_warn("retention could not remove old records", "reason", err.message);
    metric_add(METRIC_TRIMMED, (int64_t)removed);
    bool more = rc == RC_OK && removed == TRIM_STEP_RECORDS;
    receive->next_trim = more ? now : now + TRIM_INTERVAL;
}

static usec sooner(usec a, usec b)
{
    return a < b ? a : b;
}

/*
 * Between batches: the probe after a storage failure, duplicates, and retention in steps small enough not to
 * be noticed. Returns when to be called again.
 */
static usec do_chores(struct receive *receive, usec now, bool ready)
{
    struct journal_health health;
    struct err err;
    if (!ready && now >= receive->next_probe) {
        receive->on_probation =
            !receive->failed && journal_health(receive->options.journal, &health, &err) == RC_OK;
        receive->next_probe = now + receive->probe_interval;
        if (receive->on_probation)
            set_ready(receive, true, NULL);
    }
    if (!ready)
        return receive->next_probe;
    if (receive->duplicate_count > 0 && now >= receive->duplicates_due)
        store_duplicates(receive);
    if (receive->options.retention > 0 && now >= receive->next_trim)
        trim_old(receive, now);
    usec next = receive->options.retention > 0 ? receive->next_trim : now + TRIM_INTERVAL;
    return receive->duplicate_count > 0 ? sooner(next, receive->duplicates_due) : next;
}

static void wait_until(struct receive *receive, usec deadline)
{
    struct timespec at = {.tv_sec = deadline / USEC_PER_SEC, .tv_nsec = (deadline % USEC_PER_SEC) * 1000};
    receive->idle = true;
    pthread_cond_timedwait(&receive->wake, &receive->mutex, &at);
    receive->idle = false;
}

static void take_over_keys(struct receive *receive)
{
    if (!receive->new_keyring)
        return;
    keyring_free(receive->keyring);
    receive->keyring = receive->new_keyring;
    receive->tolerance = receive->new_tolerance;
    receive->new_keyring = NULL;
}

static void take_batch(struct receive *receive, struct batch *batch)
{
    list_init(&batch->taken);
    while (receive->waiting.first && batch->taken.count < JOURNAL_MAX_BATCH &&
           batch->taken.bytes < BATCH_MAX_BYTES) {
        struct webhook *webhook = list_take(&receive->waiting);
        list_add(&batch->taken, webhook);
    }
    metric_set(METRIC_QUEUE, (int64_t)receive->waiting.count);
}

/* One piece of work, done without the mutex, that receive_busy() measures. */
static void leave_mutex(struct receive *receive)
{
    receive->progress_at = clock_monotonic();
    pthread_mutex_unlock(&receive->mutex);
}

static void *run(void *arg)
{
    struct receive *receive = arg;
    usec next_chore = 0;
    thread_begin("receive", THREAD_FIRST);
    pthread_mutex_lock(&receive->mutex);
    for (;;) {
        take_over_keys(receive);
        if (receive->waiting.first) {
            take_batch(receive, receive->batch);
            leave_mutex(receive);
            process(receive, receive->batch);
            pthread_mutex_lock(&receive->mutex);
        } else if (receive->stopping) {
            break;
        } else if (clock_monotonic() < next_chore) {
            wait_until(receive, next_chore);
        }
        bool ready = receive->ready;
        usec now = clock_monotonic();
        if (!ready)
            next_chore = sooner(next_chore, receive->next_probe);
        else if (receive->duplicate_count > 0)
            next_chore = sooner(next_chore, receive->duplicates_due);
        if (now >= next_chore) {
            leave_mutex(receive);
            next_chore = do_chores(receive, now, ready);
            pthread_mutex_lock(&receive->mutex);
        }
    }
    receive->idle = true; /* for good: nothing is under way */
    pthread_mutex_unlock(&receive->mutex);
    if (receive->duplicate_count > 0 && !receive->failed)
        store_duplicates(receive);
    receive->options.on_done(receive->options.arg);
    return NULL;
}

static void free_parts(struct receive *receive)
{
    keyring_free(receive->keyring);
    keyring_free(receive->new_keyring);
    free(receive->batch);
    free(receive->duplicates);
    free(receive);
}

static void init_sync(struct receive *receive)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&receive->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&receive->mutex, NULL);
}

enum rc receive_start(const struct receive_options *options, struct receive **ret, struct err *err)
{
    assert(options->on_done && options->journal);
    struct receive *receive = calloc(1, sizeof *receive);
    if (!receive || !(receive->batch = calloc(1, sizeof *receive->batch)) ||
        !(receive->duplicates = calloc(DUPLICATES_MAX, sizeof *receive->duplicates))) {
        if (receive)
            free(receive->batch);
        free(receive);
        return err_set(err, RC_NO_MEMORY, "no memory for the receive queue");
    }
    receive->options = *options;
    receive->tolerance = options->tolerance;
    receive->ready = true;
    receive->progress_at = clock_monotonic();
    receive->probe_interval = PROBE_INTERVAL;
    list_init(&receive->waiting);
    list_init(&receive->done);
    enum rc rc =
        keyring_new(options->scheme, options->secrets, options->secret_count, &receive->keyring, err);
    receive->options.secrets = NULL;
    if (rc != RC_OK) {
        free_parts(receive);
        return rc;
    }
    init_sync(receive);
    metric_set(METRIC_READY, 1);
    if (pthread_create(&receive->thread, NULL, run, receive) != 0) {
        pthread_cond_destroy(&receive->wake);
        pthread_mutex_destroy(&receive->mutex);
        free_parts(receive);
        return err_set(err, RC_NO_MEMORY, "the receive thread could not be started");
    }
    *ret = receive;
    return RC_OK;
}

enum rc receive_submit(struct receive *receive, struct webhook *webhook, struct err *err)
{
    enum rc rc = RC_OK;
    bool wake = false;
    pthread_mutex_lock(&receive->mutex);
    if (receive->refusing)
        rc = err_set(err, RC_STOPPING, "the server is shutting down; send the event again later");
    else if (receive->waiting.count >= receive->options.queue_max_webhooks ||
             receive->waiting.bytes + webhook->body.len > receive->options.queue_max_bytes)
        rc = err_set(err, RC_OVERLOADED, "the receive queue is full; send the event again later");
    else {
        if (receive->idle && !receive->waiting.first)
            receive->progress_at = clock_monotonic();
        list_add(&receive->waiting, webhook);
    }
    wake = receive->idle && receive->waiting.count == WAKE_WEBHOOKS;
    pthread_mutex_unlock(&receive->mutex);
    if (wake)
        pthread_cond_signal(&receive->wake);
    return rc;
}

void receive_flush(struct receive *receive)
{
    pthread_mutex_lock(&receive->mutex);
    bool wake = receive->idle && receive->waiting.first;
    pthread_mutex_unlock(&receive->mutex);
    if (wake)
        pthread_cond_signal(&receive->wake);
}

struct webhook *receive_take_done(struct receive *receive)
{
    pthread_mutex_lock(&receive->mutex);
    struct webhook *first = receive->done.first;
    list_init(&receive->done);
    pthread_mutex_unlock(&receive->mutex);
    return first;
}

/* Under the mutex. */
static usec busy_for(const struct receive *receive)
{
    if (receive->idle && !receive->waiting.first)
        return 0;
    return clock_monotonic() - receive->progress_at;
}

usec receive_busy(struct receive *receive)
{
    pthread_mutex_lock(&receive->mutex);
    usec busy = busy_for(receive);
    pthread_mutex_unlock(&receive->mutex);
    return busy;
}

bool receive_ready(struct receive *receive, struct err *err)
{
    pthread_mutex_lock(&receive->mutex);
    usec busy = busy_for(receive);
    bool ready = receive->ready && !receive->refusing && busy < RECEIVE_SLOW_COMMIT;
    if (!receive->ready)
        *err = receive->not_ready;
    else if (busy >= RECEIVE_SLOW_COMMIT)
        err_set(err, RC_STORAGE_UNAVAILABLE,
                "storing has been under way for %lld s and does not come to an end",
                (long long)(busy / USEC_PER_SEC));
    else if (receive->refusing)
        err_set(err, RC_STOPPING, "the server is shutting down");
    pthread_mutex_unlock(&receive->mutex);
    return ready;
}

enum rc receive_set_secrets(struct receive *receive, enum scheme scheme, const char *const *secrets,
                            size_t count, usec tolerance, struct err *err)
{
    struct keyring *keyring;
    enum rc rc = keyring_new(scheme, secrets, count, &keyring, err);
    if (rc != RC_OK)
        return rc;
    pthread_mutex_lock(&receive->mutex);
    keyring_free(receive->new_keyring);
    receive->new_keyring = keyring;
    receive->new_tolerance = tolerance;
    pthread_mutex_unlock(&receive->mutex);
    return RC_OK;
}

void receive_stop(struct receive *receive)
{
    pthread_mutex_lock(&receive->mutex);
    receive->refusing = true;
    receive->stopping = true;
    pthread_mutex_unlock(&receive->mutex);
    pthread_cond_signal(&receive->wake);
    pthread_join(receive->thread, NULL);
}

void receive_free(struct receive *receive)
{
    if (!receive)
        return;
    pthread_cond_destroy(&receive->wake);
    pthread_mutex_destroy(&receive->mutex);
    free_parts(receive);
}
