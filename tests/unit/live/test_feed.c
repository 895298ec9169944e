/* feed over a real journal; the test plays the tracker, the loop and the clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "live/feed.h"
#include "live/ring.h"
#include "support/temp_dir.h"

#define ACCOUNTS 7
#define APPS     3
#define TYPES    2

#define START (INT64_C(1750000000) * USEC_PER_SEC)

/* A small ring, so that what is in it and what is not matters. */
#define SMALL_RING 96

struct scene {
    char directory[TEMP_DIR_SIZE];
    struct journal *journal;
    struct feed *feed;
    struct tracker_listener listener;
    uint64_t tracked;                       /* the tracker's position */
    _Atomic uint64_t account_seq[ACCOUNTS]; /* of the last event of each account that was committed */
    uint64_t new_account_seq[ACCOUNTS];
    uint64_t appended;
    _Atomic unsigned published;
    size_t body_fill;
    bool lost; /* stops the tracker's transaction with a rollback */
    uint64_t random;
    usec now;
};

static uint64_t draw(struct scene *scene)
{
    scene->random ^= scene->random << 13;
    scene->random ^= scene->random >> 7;
    scene->random ^= scene->random << 17;
    return scene->random;
}

static size_t below(struct scene *scene, size_t n)
{
    return (size_t)(draw(scene) % n);
}

/* --- what the records are ------------------------------------------------------------------------------- */

static const char *type_of(uint64_t seq)
{
    return seq % TYPES ? "connected_account.add.start" : "connected_account.add.completed";
}

/* Every fourth names no app: it is its account's. */
static void write_body(uint64_t seq, size_t fill, struct buf *out)
{
    buf_addf(out, "{\"type\":\"%s\",\"timestamp\":\"2026-05-04T10:00:00Z\",\"data\":{", type_of(seq));
    if (seq % 4 != 3)
        buf_addf(out, "\"app_name\":\"app%u\",", (unsigned)(seq % APPS));
    buf_addf(out, "\"connected_account_id\":\"ca_%u\",\"n\":%llu,\"fill\":\"", (unsigned)(seq % ACCOUNTS),
             (unsigned long long)seq);
    buf_add_fill(out, 'x', fill);
    buf_add_str(out, "\"}}");
}

static void append(struct scene *scene, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(buf_cleanup) struct buf body = BUF_INIT;
        char key[32];
        struct append_outcome outcome;
        uint64_t seq = ++scene->appended;
        write_body(seq, scene->body_fill, &body);
        snprintf(key, sizeof key, "msg_%llu", (unsigned long long)seq);
        struct record record = {.kind = RECORD_EVENT,
                                .received_at = START,
                                .key = slice_str(key),
                                .fingerprint = hash_bytes(key, strlen(key)),
                                .head = slice_str(":from: 127.0.0.1\n"),
                                .body = buf_slice(&body)};
        assert_int_equal(journal_append(scene->journal, &record, 1, &outcome, NULL), RC_OK);
        assert_int_equal(outcome.seq, seq);
    }
}

/* --- the tracker ---------------------------------------------------------------------------------------- */

static struct account account_of(unsigned number, uint64_t attempts, char id[16], char app[16])
{
    snprintf(id, 16, "ca_%u", number);
    snprintf(app, 16, "app%llu", (unsigned long long)(attempts % APPS));
    return (struct account){.id = slice_str(id),
                            .app = slice_str(app),
                            .status = STATUS_INITIATED,
                            .attempts = attempts, /* stands for "the event that changed it last" */
                            .first_seen_at = START,
                            .started_at = START,
                            .completed_at = TIME_NONE,
                            .time_to_connect = TIME_NONE,
                            .last_event_at = START};
}

static bool on_record(void *arg, const struct record *record)
{
    struct scene *scene = arg;
    CLEANUP(payload_cleanup) struct payload payload = {0};
    char id[16];
    char app[16];
    unsigned number = (unsigned)(record->seq % ACCOUNTS);
    scene->new_account_seq[number] = record->seq;
    if (!scene->listener.wanted(scene->listener.arg))
        return true;
    assert_int_equal(payload_read(&payload, record->body), RC_OK);
    struct account account = account_of(number, record->seq, id, app);
    scene->listener.on_account(scene->listener.arg, record, &account);
    scene->listener.on_event(scene->listener.arg, record, &payload, &account);
    return true;
}

/* One transaction. */
static void track(struct scene *scene, size_t max, bool lost)
{
    uint64_t last = scene->tracked;
    assert_int_equal(journal_read(scene->journal, scene->tracked, max, on_record, scene, &last, NULL), RC_OK);
    if (lost) {
        scene->listener.on_rollback(scene->listener.arg);
        return;
    }
    scene->tracked = last;
    for (size_t i = 0; i < ACCOUNTS; i++)
        scene->account_seq[i] = scene->new_account_seq[i];
    scene->listener.on_commit(scene->listener.arg, last);
}

static void track_all(struct scene *scene)
{
    while (scene->tracked < scene->appended)
        track(scene, 50, false);
}

static void lookup(void *arg, struct slice id, struct buf *out)
{
    struct scene *scene = arg;
    char own_id[16];
    char app[16];
    unsigned number = (unsigned)(id.ptr[3] - '0');
    struct account account = account_of(number, scene->account_seq[number], own_id, app);
    account_write_json(&account, out);
}

static bool app_lookup(void *arg, uint64_t seq, struct buf *out)
{
    (void)arg;
    assert_int_equal(seq % 4, 3); /* the others say it themselves */
    buf_addf(out, "app%u", (unsigned)(seq % APPS));
    return true;
}

static void on_published(void *arg)
{
    struct scene *scene = arg;
    scene->published++;
}

/* --- clients -------------------------------------------------------------------------------------------- */

struct client {
    struct scene *scene;
    struct feed_subscriber *subscriber;
    struct feed_filter filter;
    int type; /* what the filter lets through; -1: everything */
    int app;
    int account;
    bool awake;
    bool catching_up;
    bool aborted;
    bool closed;
    uint64_t last; /* id of the last whole event */
    uint64_t events;
    uint64_t accounts;
    uint64_t announced;               /* the last account message's mark */
    uint64_t account_marks[ACCOUNTS]; /* what it knows of each account */
    struct buf text;
    size_t longest_piece;
};

static void wake(void *arg)
{
    struct client *client = arg;
    client->awake = true;
}

static void on_abort(void *arg)
{
    struct client *client = arg;
    client->aborted = true;
}

static const struct feed_calls CALLS = {wake, on_abort};

static bool wants(const struct client *client, uint64_t seq)
{
    return (client->type < 0 || (int)(seq % TYPES) == client->type) &&
           (client->app < 0 || (int)(seq % APPS) == client->app) &&
           (client->account < 0 || (int)(seq % ACCOUNTS) == client->account);
}

static uint64_t next_wanted(const struct client *client, uint64_t seq)
{
    do
        seq++;
    while (!wants(client, seq));
    return seq;
}

static void choose(struct client *client, struct scene *scene, int type, int app, int account)
{
    static const char *const APP_NAMES[] = {"app0", "app1", "app2"};
    static const char *const IDS[] = {"ca_0", "ca_1", "ca_2", "ca_3", "ca_4", "ca_5", "ca_6"};
    *client = (struct client){.scene = scene, .type = type, .app = app, .account = account};
    if (type >= 0)
        client->filter.type = slice_str(type_of((uint64_t)type));
    if (app >= 0)
        client->filter.app = slice_str(APP_NAMES[app]);
    if (account >= 0)
        client->filter.connected_account_id = slice_str(IDS[account]);
}

static void subscribe(struct client *client, uint64_t after)
{
    struct err err = {""};
    buf_clear(&client->text);
    assert_int_equal(feed_subscribe(client->scene->feed, &client->filter, after, &CALLS, client,
                                    &client->subscriber, &err),
                     RC_OK);
    client->awake = true;
    client->closed = client->aborted = client->catching_up = false;
}

static void finish_catch_up(struct client *client)
{
    if (!client->catching_up)
        return;
    feed_catch_up(client->subscriber);
    feed_catch_up_done(client->subscriber);
    client->catching_up = false;
    client->awake = true;
}

static void leave(struct client *client)
{
    if (!client->subscriber)
        return;
    finish_catch_up(client);
    feed_unsubscribe(client->subscriber);
    client->subscriber = NULL;
}

static void forget(struct client *client)
{
    leave(client);
    buf_cleanup(&client->text);
}

static uint64_t number_after(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    assert_non_null(at);
    return strtoull(at + strlen(name), NULL, 10);
}

static void see_event(struct client *client, const char *message)
{
    uint64_t seq = number_after(message, "\nid: ");
    uint64_t want = next_wanted(client, client->last);
    if (seq != want)
        fail_msg("event %llu instead of %llu", (unsigned long long)seq, (unsigned long long)want);
    assert_int_equal(number_after(message, "data: {\"seq\":"), seq);
    /* Its account has been told of: this state of it or a later one. */
    assert_true(client->account_marks[seq % ACCOUNTS] >= seq);
    client->last = seq;
    client->events++;
}

static void see_account(struct client *client, const char *message)
{
    uint64_t mark = number_after(message, "\"attempts\":");
    unsigned number = (unsigned)number_after(message, "data: {\"id\":\"ca_");
    assert_null(strstr(message, "\nid:"));
    assert_true(client->account < 0 || (int)number == client->account);
    assert_true(mark >= client->account_marks[number] || mark >= client->last);
    client->account_marks[number] = mark;
    client->announced = mark;
    client->accounts++;
}

static void see(struct client *client, const char *bytes, size_t len)
{
    buf_add(&client->text, bytes, len);
    char *at = client->text.ptr;
    for (char *end; (end = strstr(at, "\n\n")); at = end + 2) {
        *end = '\0';
        if (strncmp(at, "event: event\n", 13) == 0)
            see_event(client, at);
        else if (strncmp(at, "event: account\n", 15) == 0)
            see_account(client, at);
        else
            fail_msg("no message: %.60s", at);
    }
    client->text.len -= (size_t)(at - client->text.ptr);
    memmove(client->text.ptr, at, client->text.len + 1);
}

/* Reads once; false when there is nothing more for now. */
static bool read_once(struct client *client, size_t max)
{
    char bytes[16384];
    if (!client->awake || client->catching_up || client->closed)
        return false;
    long n = feed_read(client->subscriber, bytes, max);
    if (n > 0) {
        see(client, bytes, (size_t)n);
        return true;
    }
    client->awake = false;
    client->catching_up = n == FEED_CATCH_UP;
    client->closed = n == FEED_CLOSED;
    return false;
}

static void fan_out(struct scene *scene)
{
    scene->now += FEED_ROUND_GAP;
    feed_fan_out(scene->feed, scene->now);
    feed_round_took(scene->feed, 10, 0);
}

/* Until it has everything that was committed. */
static void drain(struct client *client)
{
    for (int turn = 0; turn < 100000; turn++) {
        fan_out(client->scene);
        while (read_once(client, sizeof(char[16384]))) {
        }
        finish_catch_up(client);
        if (client->closed) {
            leave(client);
            subscribe(client, client->last);
        }
        if (!client->awake && next_wanted(client, client->last) > client->scene->tracked)
            return;
    }
    fail_msg("event %llu never came", (unsigned long long)next_wanted(client, client->last));
}

/* --- set-up --------------------------------------------------------------------------------------------- */

static void open_feed(struct scene *scene, size_t ring_bytes, size_t ring_messages)
{
    struct feed_options options = {.journal = scene->journal,
                                   .on_published = on_published,
                                   .account_lookup = lookup,
                                   .app_lookup = app_lookup,
                                   .arg = scene,
                                   .ring_bytes = ring_bytes,
                                   .ring_messages = ring_messages};
    assert_int_equal(feed_new(&options, &scene->feed, NULL), RC_OK);
    scene->listener = feed_listener(scene->feed);
    feed_set_position(scene->feed, scene->tracked);
    scene->listener.on_commit(scene->listener.arg, scene->tracked); /* the tracker's first look */
}

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    const char *seed = getenv("FEED_SEED");
    scene->random = seed ? strtoull(seed, NULL, 10) : (uint64_t)clock_wall() | 1;
    printf("# FEED_SEED=%llu\n", (unsigned long long)scene->random);
    scene->now = USEC_PER_SEC;
    temp_dir_make(scene->directory);
    struct journal_options options = {.directory = scene->directory, .dedupe_window = USEC_HOUR};
    assert_int_equal(journal_open(&options, &scene->journal, NULL), RC_OK);
    open_feed(scene, RING_MIN_BYTES, SMALL_RING);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    feed_free(scene->feed);
    journal_close(scene->journal);
    temp_dir_remove(scene->directory);
    free(scene);
    return 0;
}

/* --- tests ---------------------------------------------------------------------------------------------- */

static void a_change_reaches_who_listens(void **state)
{
    struct scene *scene = *state;
    struct client client;
    choose(&client, scene, -1, -1, -1);
    append(scene, 3);
    track_all(scene);
    subscribe(&client, FEED_NOW);
    client.last = 3;
    assert_false(read_once(&client, 100));
    assert_false(client.catching_up);
    append(scene, 1);
    fan_out(scene);
    assert_false(client.awake);
    unsigned before = scene->published;
    track_all(scene);
    assert_int_equal(scene->published, before + 1);
    assert_false(client.awake);
    fan_out(scene);
    assert_true(client.awake);
    drain(&client);
    assert_int_equal(client.last, 4);
    assert_int_equal(client.events, 1);
    assert_int_equal(client.accounts, 1);
    forget(&client);
}

static void payloads_are_redacted(void **state)
{
    struct scene *scene = *state;
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    struct message_keys keys;
    struct record record = {.seq = 1, .body = slice_str("{\"type\":\"t\",\"token\":\"planted\"}")};
    CLEANUP(payload_cleanup) struct payload payload = {0};
    assert_int_equal(payload_read(&payload, record.body), RC_OK);
    message_read_keys(&payload, &keys);
    message_write_event(&record, &payload, &out);
    assert_null(strstr(buf_str(&out), "planted"));
    assert_non_null(strstr(buf_str(&out), "[redacted]"));
    assert_true(slice_is(keys.text[KEY_TYPE], "t"));
    (void)scene;
}

static void a_number_of_another_journal_means_now(void **state)
{
    struct scene *scene = *state;
    struct client client;
    choose(&client, scene, -1, -1, -1);
    append(scene, 2);
    track_all(scene);
    subscribe(&client, 5000);
    client.last = 2;
    append(scene, 1);
    track_all(scene);
    drain(&client);
    assert_int_equal(client.events, 1);
    forget(&client);
}

/* One action of what may happen at any time. */
static void act(struct scene *scene, struct client *clients, size_t count)
{
    struct client *client = &clients[below(scene, count)];
    switch (below(scene, 8)) {
    case 0:
        append(scene, 1 + below(scene, 20));
        break;
    case 1:
        track(scene, 1 + below(scene, 40), below(scene, 5) == 0);
        break;
    case 2:
        fan_out(scene);
        break;
    case 3:
        if (below(scene, 4) == 0 || client->closed) {
            leave(client);
            subscribe(client, client->last);
        }
        break;
    case 4:
        finish_catch_up(client);
        break;
    default:
        for (size_t times = below(scene, 4); times > 0; times--)
            read_once(client, 1 + below(scene, 3000));
    }
}

static void every_event_comes_exactly_once_whatever_happens(void **state)
{
    struct scene *scene = *state;
    enum { CLIENTS = 6 };
    struct client clients[CLIENTS];
    choose(&clients[0], scene, -1, -1, -1);
    choose(&clients[1], scene, -1, -1, -1);
    choose(&clients[2], scene, 1, -1, -1);
    choose(&clients[3], scene, -1, 2, -1);
    choose(&clients[4], scene, -1, -1, 5);
    choose(&clients[5], scene, 0, 1, 3);
    append(scene, 10);
    for (size_t i = 0; i < CLIENTS; i++)
        subscribe(&clients[i], 0);
    for (int i = 0; i < 6000; i++)
        act(scene, clients, CLIENTS);
    append(scene, 5);
    track_all(scene);
    for (size_t i = 0; i < CLIENTS; i++) {
        drain(&clients[i]);
        assert_true(clients[i].events > 0);
        assert_true(next_wanted(&clients[i], clients[i].last) > scene->appended);
        forget(&clients[i]);
    }
}

static void nobody_may_have_listened_for_a_while(void **state)
{
    struct scene *scene = *state;
    struct client client;
    choose(&client, scene, -1, -1, -1);
    subscribe(&client, 0);
    for (int i = 0; i < 300; i++) {
        append(scene, 1 + below(scene, 5));
        if (below(scene, 3) == 0)
            track(scene, 1 + below(scene, 10), false);
        fan_out(scene);
        if (client.subscriber && below(scene, 2) == 0) {
            leave(&client);
        } else if (!client.subscriber && below(scene, 2) == 0) {
            subscribe(&client, client.last);
            read_once(&client, 500);
        } else if (client.subscriber) {
            read_once(&client, 500);
            finish_catch_up(&client);
            if (client.closed)
                leave(&client);
        }
    }
    if (!client.subscriber)
        subscribe(&client, client.last);
    track_all(scene);
    drain(&client);
    assert_int_equal(client.last, scene->appended);
    forget(&client);
}

/* The tracker is in the middle of a transaction of which it has passed a part to nobody. */
static void joining_inside_a_transaction_loses_nothing(void **state)
{
    struct scene *scene = *state;
    struct client client;
    uint64_t last = 0;
    choose(&client, scene, -1, -1, -1);
    append(scene, 10);
    assert_int_equal(journal_read(scene->journal, 0, 5, on_record, scene, &last, NULL), RC_OK);
    subscribe(&client, 2);
    client.last = 2;
    read_once(&client, 500);
    assert_int_equal(journal_read(scene->journal, 5, 5, on_record, scene, &last, NULL), RC_OK);
    assert_int_equal(last, 10);
    scene->tracked = last;
    for (size_t i = 0; i < ACCOUNTS; i++)
        scene->account_seq[i] = scene->new_account_seq[i];
    scene->listener.on_commit(scene->listener.arg, last);
    drain(&client);
    assert_int_equal(client.last, 10);
    forget(&client);
}

/* The tracker's first commit may be faster than whoever tells the feed where it began. */
static void the_first_commit_may_come_before_the_position(void **state)
{
    struct scene *scene = *state;
    struct client client;
    append(scene, 20);
    track_all(scene);
    for (int before = 0; before < 2; before++) {
        feed_free(scene->feed);
        struct feed_options options = {.journal = scene->journal, .account_lookup = lookup, .arg = scene};
        assert_int_equal(feed_new(&options, &scene->feed, NULL), RC_OK);
        scene->listener = feed_listener(scene->feed);
        if (before == 0)
            feed_set_position(scene->feed, scene->tracked);
        scene->listener.on_commit(scene->listener.arg, scene->tracked);
        if (before == 1)
            feed_set_position(scene->feed, scene->tracked);
        choose(&client, scene, -1, -1, -1);
        subscribe(&client, 15);
        client.last = 15;
        drain(&client);
        assert_int_equal(client.events, 5);
        forget(&client);
    }
}

/* What the clock changes after records that nobody wanted says nothing about them. */
static void the_clock_does_not_hide_a_hole(void **state)
{
    struct scene *scene = *state;
    struct client client;
    uint64_t last = 0;
    char id[16];
    char app[16];
    choose(&client, scene, -1, -1, -1);
    append(scene, 5);
    track_all(scene);
    append(scene, 3);
    assert_int_equal(journal_read(scene->journal, 5, 3, on_record, scene, &last, NULL), RC_OK);
    subscribe(&client, 5);
    client.last = 5;
    read_once(&client, 100);
    struct account account = account_of(1, 8, id, app);
    assert_true(scene->listener.wanted(scene->listener.arg));
    scene->listener.on_account(scene->listener.arg, NULL, &account);
    scene->tracked = last;
    for (size_t i = 0; i < ACCOUNTS; i++)
        scene->account_seq[i] = scene->new_account_seq[i];
    scene->listener.on_commit(scene->listener.arg, last);
    drain(&client);
    assert_int_equal(client.last, 8);
    forget(&client);
}

static void what_was_rolled_back_is_not_shown(void **state)
{
    struct scene *scene = *state;
    struct client client;
    choose(&client, scene, -1, -1, -1);
    subscribe(&client, FEED_NOW);
    read_once(&client, 100);
    append(scene, 5);
    track(scene, 5, true);
    fan_out(scene);
    assert_false(client.awake);
    track_all(scene);
    drain(&client);
    assert_int_equal(client.events, 5);
    assert_int_equal(client.accounts, 5);
    forget(&client);
}

static void a_reader_that_is_too_slow_is_closed(void **state)
{
    struct scene *scene = *state;
    struct client slow;
    struct client good;
    choose(&slow, scene, -1, -1, -1);
    choose(&good, scene, -1, -1, -1);
    subscribe(&slow, 0);
    subscribe(&good, 0);
    read_once(&slow, 100);
    read_once(&good, 100);
    for (int i = 0; i < SMALL_RING; i++) {
        append(scene, 2);
        track_all(scene);
        drain(&good);
    }
    assert_true(slow.awake);
    assert_true(slow.aborted);
    assert_false(good.aborted);
    char bytes[10];
    assert_int_equal(feed_read(slow.subscriber, bytes, sizeof bytes), FEED_CLOSED);
    assert_int_equal(feed_read(slow.subscriber, bytes, sizeof bytes), FEED_CLOSED);
    leave(&slow);
    subscribe(&slow, slow.last);
    drain(&slow);
    assert_int_equal(slow.last, scene->appended);
    forget(&slow);
    forget(&good);
}

static void who_waits_for_something_rare_stays(void **state)
{
    struct scene *scene = *state;
    struct client client;
    choose(&client, scene, -1, -1, -1);
    client.filter.app = slice_str("rare");
    subscribe(&client, FEED_NOW);
    read_once(&client, 100);
    for (int i = 0; i < 5 * SMALL_RING; i++) {
        append(scene, 1);
        track_all(scene);
        fan_out(scene);
        assert_false(client.awake);
    }
    /* Also when the loop was away for more than a ring. */
    append(scene, 2 * SMALL_RING);
    track_all(scene);
    fan_out(scene);
    read_once(&client, 100);
    assert_false(client.closed);
    finish_catch_up(&client);
    read_once(&client, 100);
    assert_false(client.closed);
    assert_false(client.aborted);
    assert_int_equal(client.events, 0);
    forget(&client);
}

static void history_costs_one_piece_at_a_time(void **state)
{
    struct scene *scene = *state;
    struct client client;
    char bytes[8192];
    choose(&client, scene, -1, -1, -1);
    scene->body_fill = 20000;
    append(scene, 100);
    track_all(scene);
    subscribe(&client, 0);
    size_t piece = 0;
    size_t pieces = 0;
    while (client.last < 100) {
        long n = feed_read(client.subscriber, bytes, sizeof bytes);
        if (n > 0) {
            see(&client, bytes, (size_t)n);
            piece += (size_t)n;
        } else if (n == FEED_CATCH_UP) {
            assert_true(piece <= FEED_PIECE_BYTES + 32768);
            assert_int_equal(feed_read(client.subscriber, bytes, sizeof bytes), FEED_NOTHING);
            feed_catch_up(client.subscriber);
            feed_catch_up_done(client.subscriber);
            piece = 0;
            pieces++;
        } else { /* its share of this round is used up */
            assert_int_equal(n, FEED_NOTHING);
            fan_out(scene);
        }
    }
    assert_true(pieces >= 20);
    forget(&client);
}

static void a_giant_comes_without_its_payload(void **state)
{
    struct scene *scene = *state;
    struct client client;
    choose(&client, scene, -1, -1, -1);
    scene->body_fill = MESSAGE_MAX;
    append(scene, 1); /* as history */
    track_all(scene);
    subscribe(&client, 0);
    append(scene, 20); /* live, and more than the ring would hold */
    track_all(scene);
    drain(&client);
    assert_int_equal(client.last, 21);
    forget(&client);
}

static void accounts_end_as_they_are(void **state)
{
    struct scene *scene = *state;
    struct client client;
    choose(&client, scene, -1, -1, -1);
    append(scene, 500);
    track_all(scene);
    subscribe(&client, 0);
    drain(&client);
    for (size_t i = 0; i < ACCOUNTS; i++)
        assert_int_equal(client.account_marks[i], scene->account_seq[i]);
    assert_true(client.accounts < 500); /* once in a piece, not once for each event */
    forget(&client);
}

static void the_clock_changes_accounts_too(void **state)
{
    struct scene *scene = *state;
    struct client all;
    struct client other;
    struct client typed;
    char id[16];
    char app[16];
    choose(&all, scene, -1, -1, -1);
    choose(&other, scene, -1, -1, 2);
    choose(&typed, scene, 1, -1, -1);
    struct client *clients[] = {&all, &other, &typed};
    append(scene, 3);
    track_all(scene);
    for (size_t i = 0; i < 3; i++) {
        subscribe(clients[i], FEED_NOW);
        clients[i]->last = 3;
        read_once(clients[i], 100);
    }
    struct account account = account_of(1, 99, id, app);
    assert_true(scene->listener.wanted(scene->listener.arg));
    scene->listener.on_account(scene->listener.arg, NULL, &account);
    scene->listener.on_commit(scene->listener.arg, 3);
    for (size_t i = 0; i < 3; i++)
        drain(clients[i]);
    assert_int_equal(all.accounts, 1);
    assert_int_equal(all.announced, 99);
    assert_int_equal(other.accounts, 0);
    assert_int_equal(typed.accounts, 0); /* no event has caused it, so none of that type */
    for (size_t i = 0; i < 3; i++)
        forget(clients[i]);
}

static void a_type_brings_its_accounts(void **state)
{
    struct scene *scene = *state;
    struct client client;
    choose(&client, scene, 1, -1, -1);
    subscribe(&client, FEED_NOW);
    read_once(&client, 100);
    append(scene, 10);
    track_all(scene);
    drain(&client);
    assert_int_equal(client.events, 5);
    assert_int_equal(client.accounts, 5);
    forget(&client);
}

/* While so many webhooks wait, others have at least `weight` times what subscribers get. */
static void check_rounds(struct scene *scene, size_t waiting, unsigned weight)
{
    enum { MANY = 1000, TURNS = 2 };
    static struct client clients[MANY];
    for (size_t i = 0; i < MANY; i++) {
        choose(&clients[i], scene, -1, -1, -1);
        subscribe(&clients[i], FEED_NOW);
        read_once(&clients[i], 100);
    }
    append(scene, 1);
    track_all(scene);
    scene->now += USEC_MINUTE;
    usec now = scene->now;
    for (int i = 0; i < 50; i++)
        feed_round_took(scene->feed, 0, waiting); /* the average is that by now */
    usec begin = now;
    size_t woken = 0;
    unsigned rounds = 0;
    usec busy = 0;
    for (usec next = now; next != 0; rounds++) {
        now = next;
        assert_int_not_equal(feed_fan_out(scene->feed, now), now);
        size_t in_round = 0;
        for (size_t i = 0; i < MANY; i++)
            if (clients[i].awake) {
                while (read_once(&clients[i], 8192)) {
                }
                in_round++;
            }
        woken += in_round;
        usec took = (usec)in_round * 30;
        busy += took;
        for (int i = 0; i < TURNS; i++)
            next = feed_round_took(scene->feed, took / TURNS, waiting);
        assert_true(next == 0 || next >= now + FEED_ROUND_GAP);
        assert_true(next == 0 || next + 2 >= now + (1 + weight) * took);
        assert_true(in_round * 20 <= (usec)(2 * FEED_ROUND_TIME)); /* a first guess at what one costs */
        assert_true(next == 0 || feed_fan_out(scene->feed, now + 1) >= next); /* too early */
    }
    assert_int_equal(woken, MANY);
    assert_true(rounds > 5);
    assert_true(busy * weight <= now - begin + (1 + weight) * 2 * FEED_ROUND_TIME);
    assert_true(now - begin <= busy * (2 + weight) + rounds * FEED_ROUND_GAP); /* and not much more */
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(clients[i].events, 1);
        forget(&clients[i]);
    }
    scene->now = now;
}

static void rounds_leave_the_loop_half_of_its_time(void **state)
{
    check_rounds(*state, 0, 1);
}

static void rounds_leave_the_loop_more_when_webhooks_wait(void **state)
{
    check_rounds(*state, 3 * FEED_ROUND_WAITING, 9);
}

static void rounds_are_not_put_off_for_ever(void **state)
{
    check_rounds(*state, 100000, FEED_ROUND_WEIGHT);
}

static void one_reader_gets_a_share_of_a_round(void **state)
{
    struct scene *scene = *state;
    struct client client;
    char bytes[8192];
    choose(&client, scene, -1, -1, -1);
    subscribe(&client, FEED_NOW);
    read_once(&client, 100);
    scene->body_fill = 10000;
    append(scene, 40);
    track_all(scene);
    fan_out(scene);
    assert_true(client.awake);
    size_t got = 0;
    long n;
    while ((n = feed_read(client.subscriber, bytes, sizeof bytes)) > 0)
        got += (size_t)n;
    assert_int_equal(n, FEED_NOTHING);
    assert_in_range(got, FEED_QUANTUM, FEED_QUANTUM + sizeof bytes);
    client.awake = false;
    fan_out(scene);
    assert_true(client.awake);
    leave(&client);
    buf_cleanup(&client.text);
}

/* --- threads -------------------------------------------------------------------------------------------- */

struct threads {
    struct scene *scene;
    uint64_t total;
    _Atomic bool tracked_all;
};

static void *run_tracker(void *arg)
{
    struct threads *threads = arg;
    struct scene *scene = threads->scene;
    while (scene->tracked < threads->total) {
        append(scene, scene->appended < threads->total ? 3 : 0);
        track(scene, 20, false);
    }
    threads->tracked_all = true;
    return NULL;
}

static void *run_catch_up(void *arg)
{
    struct client *client = arg;
    feed_catch_up(client->subscriber);
    return NULL;
}

/* The loop: reads everybody that is awake, sends catch-ups to another thread and goes on meanwhile. */
static void everything_at_once(void **state)
{
    struct scene *scene = *state;
    enum { CLIENTS = 3 };
    struct client clients[CLIENTS];
    pthread_t tracker;
    pthread_t helper;
    struct threads threads = {.scene = scene, .total = 3000};
    struct client *helped = NULL;
    struct scene loop = {.random = scene->random, .now = 1, .feed = scene->feed};
    choose(&clients[0], &loop, -1, -1, -1);
    choose(&clients[1], &loop, -1, 1, -1);
    choose(&clients[2], &loop, -1, -1, 4);
    for (size_t i = 0; i < CLIENTS; i++)
        subscribe(&clients[i], 0);
    assert_int_equal(pthread_create(&tracker, NULL, run_tracker, &threads), 0);
    for (bool done = false; !done || helped;) {
        done = threads.tracked_all;
        fan_out(&loop);
        for (size_t i = 0; i < CLIENTS; i++) {
            struct client *client = &clients[i];
            read_once(client, 1 + below(&loop, 4000));
            if (client->closed || (!client->catching_up && below(&loop, 200) == 0)) {
                leave(client);
                subscribe(client, client->last);
            }
            done = done && next_wanted(client, client->last) > threads.total;
            if (client->catching_up && !helped) {
                helped = client;
                assert_int_equal(pthread_create(&helper, NULL, run_catch_up, client), 0);
            }
        }
        if (helped && below(&loop, 4) == 0) {
            pthread_join(helper, NULL);
            feed_catch_up_done(helped->subscriber);
            helped->catching_up = false;
            helped->awake = true;
            helped = NULL;
        }
    }
    pthread_join(tracker, NULL);
    for (size_t i = 0; i < CLIENTS; i++)
        forget(&clients[i]);
}

struct round {
    struct scene *scene;
    pthread_barrier_t barrier;
    unsigned rounds;
};

/* Each round is one transaction of three records, and then silence. */
static void *run_rounds(void *arg)
{
    struct round *round = arg;
    for (unsigned i = 0; i < round->rounds; i++) {
        append(round->scene, 3);
        pthread_barrier_wait(&round->barrier);
        track(round->scene, 3, false);
        pthread_barrier_wait(&round->barrier);
    }
    return NULL;
}

/* As the loop does it: a round only when the feed has asked for it. */
static bool serve_when_asked(struct client *client, struct scene *scene, unsigned *asked)
{
    bool more = *asked != scene->published;
    if (more) {
        *asked = scene->published;
        fan_out(client->scene);
    }
    while (read_once(client, sizeof(char[16384]))) {
    }
    more |= client->catching_up;
    finish_catch_up(client);
    return more;
}

/* Who subscribes while the tracker commits what it has passed to nobody must be told as well. */
static void nobody_is_forgotten_beside_a_commit(void **state)
{
    struct scene *scene = *state;
    pthread_t tracker;
    struct client client;
    struct round round = {.scene = scene, .rounds = 1000};
    struct scene loop = {.random = scene->random, .now = 1, .feed = scene->feed};
    choose(&client, &loop, -1, -1, -1);
    pthread_barrier_init(&round.barrier, NULL, 2);
    assert_int_equal(pthread_create(&tracker, NULL, run_rounds, &round), 0);
    for (unsigned i = 0; i < round.rounds; i++) {
        unsigned asked = scene->published;
        pthread_barrier_wait(&round.barrier);
        for (size_t spin = below(&loop, 30000); spin > 0; spin--)
            atomic_signal_fence(memory_order_seq_cst);
        subscribe(&client, client.last);
        serve_when_asked(&client, scene, &asked);
        pthread_barrier_wait(&round.barrier);
        while (serve_when_asked(&client, scene, &asked)) {
        }
        assert_int_equal(client.last, 3 * (i + 1));
        leave(&client);
    }
    pthread_join(tracker, NULL);
    pthread_barrier_destroy(&round.barrier);
    forget(&client);
}

int main(void)
{
#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SCENE_TEST(a_change_reaches_who_listens),
        SCENE_TEST(payloads_are_redacted),
        SCENE_TEST(a_number_of_another_journal_means_now),
        SCENE_TEST(every_event_comes_exactly_once_whatever_happens),
        SCENE_TEST(nobody_may_have_listened_for_a_while),
        SCENE_TEST(joining_inside_a_transaction_loses_nothing),
        SCENE_TEST(the_first_commit_may_come_before_the_position),
        SCENE_TEST(the_clock_does_not_hide_a_hole),
        SCENE_TEST(what_was_rolled_back_is_not_shown),
        SCENE_TEST(a_reader_that_is_too_slow_is_closed),
        SCENE_TEST(who_waits_for_something_rare_stays),
        SCENE_TEST(history_costs_one_piece_at_a_time),
        SCENE_TEST(a_giant_comes_without_its_payload),
        SCENE_TEST(accounts_end_as_they_are),
        SCENE_TEST(the_clock_changes_accounts_too),
        SCENE_TEST(a_type_brings_its_accounts),
        SCENE_TEST(rounds_leave_the_loop_half_of_its_time),
        SCENE_TEST(rounds_leave_the_loop_more_when_webhooks_wait),
        SCENE_TEST(rounds_are_not_put_off_for_ever),
        SCENE_TEST(one_reader_gets_a_share_of_a_round),
        SCENE_TEST(everything_at_once),
        SCENE_TEST(nobody_is_forgotten_beside_a_commit),
    };
    return cmocka_run_group_tests_name("live/feed", tests, NULL, NULL);
}
