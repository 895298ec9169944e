#include "live/feed.h"

#include <assert.h>
#include <stdlib.h>

#include "live/subscriber.h"

/* What one call looks at before it gives way: messages in feed_read(), messages and subscribers in a round.
 */
#define READ_STEPS 4096
#define SCAN_STEPS 10000

#define WAKE_MIN   8
#define WAKE_MAX   512
#define FIRST_COST 20 /* usec, of waking one */

/* Subscribers that did not read lately and are looked after in one round. */
#define REVIEW 16

/* Another thread holds the ring for a moment, or there is more than SCAN_STEPS. */
#define SCAN_GAP USEC_PER_MS

enum rc feed_new(const struct feed_options *options, struct feed **ret, struct err *err)
{
    struct feed *feed = calloc(1, sizeof *feed);
    if (!feed)
        return err_set(err, RC_NO_MEMORY, "no memory for the live feed");
    feed->options = *options;
    feed->late_woken = WAKE_MAX;
    feed->late_took = (double)WAKE_MAX * FIRST_COST;
    size_t bytes = options->ring_bytes ? options->ring_bytes : FEED_RING_BYTES;
    enum rc rc = ring_init(&feed->ring, bytes,
                           options->ring_messages ? options->ring_messages : FEED_RING_MESSAGES, err);
    if (rc != RC_OK) {
        free(feed);
        return rc;
    }
    feed->batch.max_bytes = bytes;
    batch_skip(&feed->batch); /* the tracker need not begin with the first record */
    pthread_mutex_init(&feed->mutex, NULL);
    *ret = feed;
    return RC_OK;
}

void feed_free(struct feed *feed)
{
    if (!feed)
        return;
    assert(feed->count == 0);
    batch_cleanup(&feed->batch);
    ring_cleanup(&feed->ring);
    pthread_mutex_destroy(&feed->mutex);
    free(feed);
}

void feed_set_position(struct feed *feed, uint64_t seq)
{
    pthread_mutex_lock(&feed->mutex);
    if (feed->published < seq) {
        feed->published = seq;
        ring_reset(&feed->ring, seq);
    }
    pthread_mutex_unlock(&feed->mutex);
}

static void call_on_published(struct feed *feed)
{
    if (feed->options.on_published)
        feed->options.on_published(feed->options.arg);
}

/* --- the tracker's side -------------------------------------------------------------------------------- */

static bool on_wanted(void *arg)
{
    struct feed *feed = arg;
    if (feed->count > 0)
        return true;
    batch_skip(&feed->batch);
    return false;
}

static void on_account(void *arg, const struct record *record, const struct account *account)
{
    struct feed *feed = arg;
    struct message_keys keys;
    message_write_account(account, &feed->batch.bytes, &keys);
    batch_add(&feed->batch, MESSAGE_ACCOUNT, record ? record->seq : 0, &keys);
}

static void on_event(void *arg, const struct record *record, const struct payload *payload,
                     const struct account *account)
{
    struct feed *feed = arg;
    struct message_keys keys;
    batch_set_type(&feed->batch, record->seq, message_type(payload));
    message_read_keys(payload, &keys);
    if (!keys.text[KEY_APP].ptr && account)
        message_set_app(&keys, account->app);
    message_write_event(record, payload, &feed->batch.bytes);
    batch_add(&feed->batch, MESSAGE_EVENT, record->seq, &keys);
}

/* The tracker never goes back; should it ever, what it passes a second time is not news. */
static void publish(struct feed *feed, size_t index)
{
    struct message message;
    batch_get(&feed->batch, index, &message);
    if (message.kind == MESSAGE_EVENT && message.seq <= feed->published)
        return;
    if (message.seq < feed->ring.last_seq)
        message.seq = feed->ring.last_seq;
    ring_push(&feed->ring, &message);
}

static void on_commit(void *arg, uint64_t last_seq)
{
    struct feed *feed = arg;
    struct batch *batch = &feed->batch;
    bool publishes = batch->count > 0 || batch->hole;
    pthread_mutex_lock(&feed->mutex);
    if (batch->hole)
        ring_reset(&feed->ring, batch->hole_ends ? batch->hole_seq : last_seq);
    for (size_t i = 0; i < batch->count; i++)
        publish(feed, i);
    if (feed->published < last_seq)
        feed->published = last_seq;
    pthread_mutex_unlock(&feed->mutex);
    batch_clear(batch);
    feed->begun = true;
    /* Asked for now and not before the lock: who came in between has joined the ring as it was. */
    if (publishes && feed->count > 0)
        call_on_published(feed);
}

static void on_rollback(void *arg)
{
    struct feed *feed = arg;
    batch_clear(&feed->batch);
    if (!feed->begun)
        batch_skip(&feed->batch);
}

struct tracker_listener feed_listener(struct feed *feed)
{
    return (struct tracker_listener){
        .arg = feed,
        .wanted = on_wanted,
        .on_account = on_account,
        .on_event = on_event,
        .on_commit = on_commit,
        .on_rollback = on_rollback,
    };
}

/* --- lists of subscribers ------------------------------------------------------------------------------ */

static void list_remove(struct feed_subscriber *subscriber)
{
    struct subscribers *list = subscriber->list;
    if (!list)
        return;
    *(subscriber->prev ? &subscriber->prev->next : &list->first) = subscriber->next;
    *(subscriber->next ? &subscriber->next->prev : &list->last) = subscriber->prev;
    subscriber->list = NULL;
    subscriber->prev = subscriber->next = NULL;
}

static void list_append(struct subscribers *list, struct feed_subscriber *subscriber)
{
    list_remove(subscriber);
    subscriber->list = list;
    subscriber->prev = list->last;
    *(list->last ? &list->last->next : &list->first) = subscriber;
    list->last = subscriber;
}

static struct subscribers *bucket(struct feed *feed, int key, uint32_t hash)
{
    return &feed->idle[(hash + (uint32_t)key * 0x9E3779B9u) % FEED_BUCKETS];
}

static struct subscribers *own_bucket(struct feed_subscriber *subscriber)
{
    for (int key = 0; key < KEY_COUNT; key++)
        if (subscriber->filter.text[key].ptr)
            return bucket(subscriber->feed, key, subscriber->filter.hash[key]);
    return &subscriber->feed->idle[FEED_BUCKETS];
}

static void become_idle(struct feed_subscriber *subscriber)
{
    subscriber->state = SUBSCRIBER_IDLE;
    list_append(own_bucket(subscriber), subscriber);
}

static void become_reading(struct feed_subscriber *subscriber)
{
    subscriber->state = SUBSCRIBER_READING;
    list_append(&subscriber->feed->reading, subscriber);
}

/* It has to wait for a round although there is something, or may be. */
static void become_ready(struct feed_subscriber *subscriber)
{
    struct feed *feed = subscriber->feed;
    bool first = !feed->ready.first;
    subscriber->state = SUBSCRIBER_READY;
    list_append(&feed->ready, subscriber);
    if (first && !feed->in_round)
        call_on_published(feed);
}

static void become_closed(struct feed_subscriber *subscriber)
{
    list_remove(subscriber);
    subscriber->state = SUBSCRIBER_CLOSED;
    buf_cleanup(&subscriber->history);
}

/* --- subscribing --------------------------------------------------------------------------------------- */

static void copy_filter(struct feed_subscriber *subscriber, const struct feed_filter *filter)
{
    const struct slice texts[KEY_COUNT] = {
        [KEY_ACCOUNT] = filter->connected_account_id,
        [KEY_APP] = filter->app,
        [KEY_TYPE] = filter->type,
    };
    struct buf *copy = &subscriber->filter_text;
    for (int key = 0; key < KEY_COUNT; key++)
        buf_add_slice(copy, texts[key]);
    const char *at = buf_str(copy);
    for (int key = 0; key < KEY_COUNT && !buf_failed(copy); key++) {
        if (texts[key].ptr)
            subscriber->filter.text[key] = slice_of(at, texts[key].len);
        at += texts[key].len;
    }
    message_keys_hash(&subscriber->filter);
}

/* Reads nothing of what other threads write: joining the ring is the first feed_read()'s part. */
enum rc feed_subscribe(struct feed *feed, const struct feed_filter *filter, uint64_t after_seq,
                       const struct feed_calls *calls, void *arg, struct feed_subscriber **ret,
                       struct err *err)
{
    if (filter->type.len > MESSAGE_KEY_MAX || filter->app.len > MESSAGE_KEY_MAX ||
        filter->connected_account_id.len > MESSAGE_KEY_MAX)
        return err_set(err, RC_BAD_PARAMETER, "a filter has at most %zu bytes", MESSAGE_KEY_MAX);
    struct feed_subscriber *subscriber = calloc(1, sizeof *subscriber);
    if (subscriber)
        copy_filter(subscriber, filter);
    if (!subscriber || buf_failed(&subscriber->filter_text)) {
        free(subscriber);
        return err_set(err, RC_NO_MEMORY, "memory ran out; ask again later");
    }
    subscriber->feed = feed;
    subscriber->calls = calls;
    subscriber->arg = arg;
    subscriber->state = SUBSCRIBER_READING;
    /* First: what passes the tracker before it sees us is in the journal already. */
    feed->count++;
    uint64_t last = journal_last(feed->options.journal);
    subscriber->from_now = after_seq > last;
    subscriber->after = subscriber->from_now ? last : after_seq;
    *ret = subscriber;
    return RC_OK;
}

void feed_unsubscribe(struct feed_subscriber *subscriber)
{
    if (!subscriber)
        return;
    assert(subscriber->state != SUBSCRIBER_CATCHING_UP);
    list_remove(subscriber);
    subscriber->feed->count--;
    buf_cleanup(&subscriber->history);
    buf_cleanup(&subscriber->filter_text);
    free(subscriber);
}

/* --- reading ------------------------------------------------------------------------------------------- */

static size_t read_history(struct feed_subscriber *subscriber, char *out, size_t max)
{
    struct slice rest = slice_skip(buf_slice(&subscriber->history), subscriber->history_offset);
    size_t n = rest.len < max ? rest.len : max;
    memcpy(out, rest.ptr, n);
    subscriber->history_offset += n;
    if (n == rest.len) {
        buf_cleanup(&subscriber->history);
        subscriber->history_offset = 0;
    }
    return n;
}

/* From where on it reads the ring, if the ring goes back so far. What only the clock has changed since its
 * last event has that event's seq. */
static bool join(struct feed_subscriber *subscriber)
{
    const struct ring *ring = &subscriber->feed->ring;
    if (subscriber->after < ring->floor)
        return false;
    subscriber->number = ring_find(ring, subscriber->after + subscriber->from_now);
    subscriber->offset = 0;
    subscriber->joined = true;
    return true;
}

static bool is_for(const struct feed_subscriber *subscriber, const struct message *message)
{
    return (message->kind != MESSAGE_EVENT || message->seq > subscriber->after) &&
           message_keys_match(&subscriber->filter, &message->keys);
}

static void pass(struct feed_subscriber *subscriber, const struct message *message)
{
    if (message->kind == MESSAGE_EVENT && message->seq > subscriber->after)
        subscriber->after = message->seq;
    subscriber->number++;
    subscriber->offset = 0;
}

static size_t read_ring(struct feed_subscriber *subscriber, char *out, size_t max)
{
    const struct ring *ring = &subscriber->feed->ring;
    size_t n = 0;
    for (unsigned step = 0; subscriber->number < ring->end && n < max && step < READ_STEPS; step++) {
        struct message message;
        ring_get(ring, subscriber->number, &message);
        if (subscriber->offset == 0 && !is_for(subscriber, &message)) {
            pass(subscriber, &message);
            continue;
        }
        struct slice rest = slice_skip(message.text, subscriber->offset);
        size_t part = rest.len < max - n ? rest.len : max - n;
        memcpy(out + n, rest.ptr, part);
        n += part;
        subscriber->offset += part;
        if (part == rest.len)
            pass(subscriber, &message);
    }
    return n;
}

/* Its next message is not in the ring: it was there and the subscriber was too slow, or it never was. */
static bool must_close(const struct feed_subscriber *subscriber)
{
    return subscriber->number >= subscriber->feed->ring.hole || subscriber->offset > 0;
}

static long catch_up(struct feed_subscriber *subscriber)
{
    list_remove(subscriber);
    subscriber->joined = false;
    subscriber->state = SUBSCRIBER_CATCHING_UP;
    return FEED_CATCH_UP;
}

/* The lock is held. */
static long read_joined(struct feed_subscriber *subscriber, char *out, size_t max)
{
    struct feed *feed = subscriber->feed;
    if (!subscriber->joined && !join(subscriber))
        return catch_up(subscriber);
    if (subscriber->number < feed->ring.oldest) {
        if (!must_close(subscriber))
            return catch_up(subscriber);
        become_closed(subscriber);
        return FEED_CLOSED;
    }
    size_t n = read_ring(subscriber, out, max);
    if (n > 0)
        become_reading(subscriber);
    else if (subscriber->number == feed->ring.end)
        become_idle(subscriber);
    else
        become_ready(subscriber);
    return (long)n;
}

long feed_read(struct feed_subscriber *subscriber, char *out, size_t max)
{
    struct feed *feed = subscriber->feed;
    long n = FEED_NOTHING;
    assert(max > 0);
    if (subscriber->state == SUBSCRIBER_CATCHING_UP)
        return FEED_NOTHING;
    if (subscriber->failed)
        become_closed(subscriber);
    if (subscriber->state == SUBSCRIBER_CLOSED)
        return FEED_CLOSED;
    if (subscriber->served >= FEED_QUANTUM) {
        become_ready(subscriber);
        return FEED_NOTHING;
    }
    if (subscriber->history.len > 0) {
        n = (long)read_history(subscriber, out, max);
    } else if (pthread_mutex_trylock(&feed->mutex) == 0) {
        n = read_joined(subscriber, out, max);
        pthread_mutex_unlock(&feed->mutex);
    } else {
        become_ready(subscriber);
    }
    subscriber->served += n > 0 ? (size_t)n : 0;
    return n;
}

void feed_catch_up_done(struct feed_subscriber *subscriber)
{
    assert(subscriber->state == SUBSCRIBER_CATCHING_UP);
    subscriber->state = SUBSCRIBER_READING;
}

/* --- rounds -------------------------------------------------------------------------------------------- */

/* An idle subscriber has been offered everything before `scanned`, which is more than it knows itself. */
static void offer_gap(struct feed *feed, struct subscribers *list)
{
    struct feed_subscriber *next;
    for (struct feed_subscriber *each = list->first; each; each = next) {
        next = each->next;
        if (each->number < feed->scanned) {
            each->number = feed->scanned;
            if (feed->scanned_seq > each->after)
                each->after = feed->scanned_seq;
        }
        if (each->number < feed->ring.oldest) { /* no fault of its own: it goes on in the journal */
            each->joined = false;
            become_ready(each);
        }
    }
}

static size_t offer(struct subscribers *list, uint64_t number, const struct message *message)
{
    struct feed_subscriber *next;
    size_t steps = 0;
    for (struct feed_subscriber *each = list->first; each; each = next, steps++) {
        next = each->next;
        if (number < each->number || !is_for(each, message))
            continue;
        each->number = number;
        become_ready(each);
    }
    return steps;
}

/* Finds who wants what is new. true: there is more of it. The lock is held. */
static bool scan(struct feed *feed)
{
    const struct ring *ring = &feed->ring;
    size_t steps = 0;
    if (feed->scanned < ring->oldest) {
        for (size_t i = 0; i <= FEED_BUCKETS; i++)
            offer_gap(feed, &feed->idle[i]);
        feed->scanned = ring->oldest;
    }
    for (; feed->scanned < ring->end && steps < SCAN_STEPS; feed->scanned++, steps++) {
        struct message message;
        ring_get(ring, feed->scanned, &message);
        for (int key = 0; key < KEY_COUNT; key++)
            if (message.keys.text[key].ptr)
                steps += offer(bucket(feed, key, message.keys.hash[key]), feed->scanned, &message);
        steps += offer(&feed->idle[FEED_BUCKETS], feed->scanned, &message);
        if (message.kind == MESSAGE_EVENT)
            feed->scanned_seq = message.seq;
    }
    return feed->scanned < ring->end;
}

/* Who has not read for long and is left behind would never hear of it. The lock is held. */
static void review_reading(struct feed *feed)
{
    struct feed_subscriber *each = feed->reading.first;
    struct feed_subscriber *last = feed->reading.last;
    for (unsigned i = 0; each && i < REVIEW; i++) {
        struct feed_subscriber *next = each == last ? NULL : each->next;
        if (each->joined && each->number < feed->ring.oldest && must_close(each)) {
            become_closed(each);
            each->calls->abort(each->arg);
        } else {
            list_append(&feed->reading, each);
        }
        each = next;
    }
}

static void wake_ready(struct feed *feed)
{
    double fit = (double)FEED_ROUND_TIME * feed->late_woken / (feed->late_took + 1);
    size_t max = fit < WAKE_MIN ? WAKE_MIN : fit > WAKE_MAX ? WAKE_MAX : (size_t)fit;
    while (feed->ready.first && feed->woken < max) {
        struct feed_subscriber *each = feed->ready.first;
        each->served = 0;
        become_reading(each);
        each->calls->wake(each->arg);
        feed->woken++;
    }
}

/* From the round that is over. */
static void learn_cost(struct feed *feed)
{
    double woken = (double)feed->woken;
    double most = woken * (double)FEED_ROUND_TIME; /* more is others' time, as of heartbeats */
    double took = (double)feed->round_took;
    feed->late_woken += woken - feed->late_woken / 4;
    feed->late_took += (took < most ? took : most) - feed->late_took / 4;
    feed->round_took = 0;
    feed->woken = 0;
}

static usec next_call(const struct feed *feed, usec now)
{
    if (feed->more)
        return now + SCAN_GAP;
    return feed->ready.first ? feed->next_round : 0;
}

/* Finding out who wants what costs little and is done each time, so that idle subscribers stay in the ring.
 */
usec feed_fan_out(struct feed *feed, usec now)
{
    feed->in_round = true;
    feed->more = true;
    if (pthread_mutex_trylock(&feed->mutex) == 0) {
        feed->more = scan(feed);
        review_reading(feed);
        pthread_mutex_unlock(&feed->mutex);
    }
    if (now >= feed->next_round && feed->ready.first) {
        learn_cost(feed);
        feed->round_at = now;
        feed->next_round = now + FEED_ROUND_GAP;
        wake_ready(feed);
    }
    feed->in_round = false;
    return next_call(feed, now);
}

usec feed_round_took(struct feed *feed, usec took, size_t waiting)
{
    usec now = feed->round_at + (feed->round_took += took);
    feed->waiting += ((double)waiting - feed->waiting) / 4;
    double crowd = feed->waiting / FEED_ROUND_WAITING;
    double weight = crowd * crowd;
    weight = weight < 1 ? 1 : weight > FEED_ROUND_WEIGHT ? FEED_ROUND_WEIGHT : weight;
    usec pause = (usec)((double)feed->round_took * weight);
    usec next = now + pause;
    if (next > feed->round_at + FEED_ROUND_MAX)
        next = feed->round_at + FEED_ROUND_MAX;
    if (next > feed->next_round)
        feed->next_round = next;
    return next_call(feed, now);
}
