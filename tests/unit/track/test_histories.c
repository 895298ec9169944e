/*
 * Thousands of random histories: what the read model says after living through one, in whatever order, with
 * restarts, failures of the disk, rebuilds and a journal that is trimmed, is what it says after being made
 * anew, and what a simple model says, which knows nothing of the tracker and sees everything at once.
 *
 * The seeds are printed. FAIRLEAD_SEED=N runs that history alone; FAIRLEAD_HISTORIES=N as many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "support/chance.h"
#include "support/faulty_vfs.h"
#include "support/state_dump.h"
#include "support/temp_dir.h"
#include "track/read_model.h"
#include "track/sketch.h"

#define HISTORIES  2000
#define MAX_EVENTS 40
#define MAX_ROWS   (MAX_EVENTS * 9)
#define SECOND     USEC_PER_SEC
#define START                                                                                                \
    (INT64_C(4102444800) * SECOND) /* 2100: what opening judges by the real clock is yet to come             \
                                    */

static uint64_t seed;     /* of the history under way */
static bool is_under_way; /* false: it ended well */

/* ---- what happens ---- */

enum form { ADMIN, ENVELOPE, V3_ACCOUNT, V3_TRIGGER, V2, V1, OTHER };
enum { NO_STEP = -1, STARTED, COMPLETED, FAILED, EXPIRED, DELETED };

/* The meaning of types, from the notes on what the platform sends; more often those that say more. */
static const struct kind {
    const char *type;
    enum form form;
    int step;
} KINDS[] = {
    {"connected_account.add.start", ADMIN, STARTED},
    {"connected_account.add.start", ADMIN, STARTED},
    {"connected_account.add.start", ENVELOPE, STARTED},
    {"connected_account.add.completed", ADMIN, COMPLETED},
    {"connected_account.add.completed", ADMIN, COMPLETED},
    {"composio.connected_account.activated", V3_ACCOUNT, COMPLETED},
    {"connected_account.add.failed", ADMIN, FAILED},
    {"connected_account.refresh.failed", ENVELOPE, FAILED},
    {"composio.connected_account.expired", V3_ACCOUNT, EXPIRED},
    {"composio.connected_account.expired", V3_ACCOUNT, EXPIRED},
    {"connected_account.deleted", ADMIN, DELETED},
    {"connected_account.delete.done", ADMIN, DELETED},
    {"connected_account.delete.failed", ADMIN, NO_STEP},
    {"connected_account.note", ADMIN, NO_STEP},
    {"composio.connected_account.refreshed", V3_ACCOUNT, NO_STEP},
    {"composio.trigger.message", V3_TRIGGER, NO_STEP},
    {"github_star", V2, NO_STEP},
    {"github_star", V1, NO_STEP},
    {"hello", OTHER, NO_STEP},
};

/* NULL: the event does not say. */
static const char *const ACCOUNTS[] = {"ca_1", "ca_2", "ca_11", "5f0c-uuid"};
static const char *const APPS[] = {NULL, NULL, "gmail", "notion", "notio"};
static const char *const NAMES[] = {NULL, NULL, NULL, "alpha", "beta"};
static const char *const IDS[] = {NULL, NULL, "i1", "alpha"};
static const char *const USERS[] = {NULL, NULL, "u", "u1", "tenant-2"};
static const char *const REASONS[] = {NULL, NULL, "", "a", "b", "ba"};

struct event {
    const struct kind *kind;
    const char *account;
    const char *app;
    const char *integration_name;
    const char *integration_id;
    const char *user;
    const char *reason;
    bool has_time;
    usec time; /* the body's */
    usec received_at;
    bool applied; /* a committed transaction has seen it */
    struct buf body;
    char key[24];
};

struct history {
    struct chance chance;
    usec now;
    struct event events[MAX_EVENTS]; /* the journal; the record number is the index plus 1 */
    size_t planned;
    size_t count;
    uint64_t first;    /* the oldest that the journal still has */
    uint64_t furthest; /* that the read model has ever seen */
    struct patience patience;
};

static size_t pick(struct chance *chance, size_t count)
{
    return (size_t)chance_below(chance, count);
}

#define PICK(chance, list) (list)[pick((chance), sizeof(list) / sizeof(list)[0])]

/* What this form of event can say; the rest is absent. */
static void choose_facts(struct chance *chance, struct event *event)
{
    enum form form = event->kind->form;
    bool admin = form == ADMIN || form == ENVELOPE;
    event->account = form == OTHER ? NULL : PICK(chance, ACCOUNTS);
    event->app = admin || form == V3_ACCOUNT ? PICK(chance, APPS) : NULL;
    event->integration_name = admin ? PICK(chance, NAMES) : NULL;
    event->integration_id = admin || form == V3_ACCOUNT || form == V3_TRIGGER ? PICK(chance, IDS) : NULL;
    event->user = form == V1 || form == OTHER ? NULL : PICK(chance, USERS);
    event->reason = form == V3_ACCOUNT ? PICK(chance, REASONS) : NULL;
}

/* Mostly on a coarse grid, so that times coincide. */
static void choose_time(struct chance *chance, usec now, struct event *event)
{
    static const usec ODD[] = {-2000 * 365 * USEC_DAY, -USEC_DAY, USEC_HOUR, USEC_DAY, 2 * USEC_DAY};
    event->has_time = event->kind->form != V1 && !chance_once_in(chance, 12);
    event->time = START + (usec)chance_below(chance, 30) * 30 * SECOND;
    if (chance_once_in(chance, 4))
        event->time += (usec)chance_below(chance, 100000) * USEC_PER_MS;
    if (chance_once_in(chance, 15))
        event->time =
            (now + PICK(chance, ODD)) / USEC_PER_MS * USEC_PER_MS + (usec)chance_below(chance, 2) * 1000;
}

static void add_member(struct buf *out, const char *name, const char *text)
{
    if (text)
        buf_addf(out, ",\"%s\":\"%s\"", name, text);
}

static void add_admin(const struct event *event, struct buf *out)
{
    buf_addf(out, "\"data\":{\"connected_account_id\":\"%s\"", event->account);
    add_member(out, "app_name", event->app);
    add_member(out, "integration_name", event->integration_name);
    add_member(out, "integration_id", event->integration_id);
    add_member(out, "user_id", event->user);
    buf_add_str(out, "}}");
}

static void add_v3_account(const struct event *event, struct buf *out)
{
    buf_addf(out, "\"id\":\"msg\",\"metadata\":{},\"data\":{\"id\":\"%s\"", event->account);
    if (event->app)
        buf_addf(out, ",\"toolkit\":{\"slug\":\"%s\"}", event->app);
    if (event->integration_id)
        buf_addf(out, ",\"auth_config\":{\"id\":\"%s\"}", event->integration_id);
    add_member(out, "user_id", event->user);
    add_member(out, "status_reason", event->reason);
    buf_add_str(out, "}}");
}

static void add_v3_trigger(const struct event *event, struct buf *out)
{
    buf_addf(out, "\"id\":\"msg\",\"data\":{},\"metadata\":{\"connected_account_id\":\"%s\"", event->account);
    add_member(out, "auth_config_id", event->integration_id);
    add_member(out, "user_id", event->user);
    buf_add_str(out, "}}");
}

static void add_v2(const struct event *event, struct buf *out)
{
    buf_addf(out,
             "\"log_id\":\"l\",\"data\":{\"connection_id\":\"x\",\"connection_nano_id\":\"%s\","
             "\"trigger_nano_id\":\"t\",\"trigger_id\":\"t\",\"user_id\":",
             event->account);
    buf_addf(out, event->user ? "\"%s\"}}" : "null}}", event->user);
}

static void write_body(struct event *event)
{
    struct buf *out = &event->body;
    enum form form = event->kind->form;
    char time[CLOCK_RFC3339_SIZE];
    clock_format(event->time, time);
    buf_add_str(out, form == ENVELOPE ? "{\"event\":{\"method\":\"POST\",\"body\":{" : "{");
    buf_addf(out, form == V1 ? "\"trigger_name\":\"%s\"," : "\"type\":\"%s\",", event->kind->type);
    if (form != V1)
        buf_addf(out, event->has_time ? "\"timestamp\":\"%s\"," : "\"timestamp\":null,", time);
    if (form == ADMIN || form == ENVELOPE)
        add_admin(event, out);
    else if (form == V3_ACCOUNT)
        add_v3_account(event, out);
    else if (form == V3_TRIGGER)
        add_v3_trigger(event, out);
    else if (form == V2)
        add_v2(event, out);
    else if (form == V1)
        buf_addf(out, "\"connection_id\":\"%s\",\"trigger_id\":\"t\",\"payload\":{}}", event->account);
    else
        buf_add_str(out, "\"a\":1}");
    if (form == ENVELOPE)
        buf_add_str(out, "}}");
}

/* A new event, or one that came before with another id. */
static void store_event(struct history *h)
{
    struct event *event = &h->events[h->count];
    if (h->count > 0 && chance_once_in(&h->chance, 6)) {
        const struct event *old = &h->events[pick(&h->chance, h->count)];
        *event = *old;
        event->body = (struct buf)BUF_INIT;
    } else {
        *event = (struct event){.kind = &PICK(&h->chance, KINDS)};
        choose_facts(&h->chance, event);
        choose_time(&h->chance, h->now, event);
    }
    event->applied = false;
    event->received_at = h->now;
    snprintf(event->key, sizeof event->key, "msg_%zu", h->count);
    write_body(event);
    h->count++;
}

/* ---- the simple model ---- */

struct life_step {
    usec at;
    int step;
    uint64_t seq;
    const char *reason;
};

struct
try {
    usec start;
    bool start_seen;
    int outcome; /* 0 pending, 1 completed, 2 failed, 3 expired, 4 abandoned */
    usec ended;
};

/* One account's life, seen at once. */
struct life {
    const char *id;
    const struct event *first_event;
    uint64_t first_seq;
    const char *app, *integration_name, *integration_id, *user;
    usec last_event;
    struct life_step steps[MAX_EVENTS];
    size_t step_count;
    struct try tries[MAX_EVENTS];
    size_t try_count;
    int status; /* 0 unknown, 1 initiated, 2 active, 3 failed, 4 expired, 5 deleted */
    usec started, completed, took;
    const char *reason;
};

static usec time_of(const struct event *event)
{
    bool believed = event->has_time && event->time <= event->received_at + USEC_DAY;
    return believed ? event->time : event->received_at;
}

static bool is_about(const struct event *event, const char *account)
{
    return event->applied && event->account && strcmp(event->account, account) == 0;
}

/* The text that the newest event tells, of equally new ones the greatest; offset of the member in struct
 * event. */
static const char *newest_text(const struct history *h, const char *account, size_t offset)
{
    const char *best = NULL;
    usec best_at = 0;
    for (size_t i = 0; i < h->count; i++) {
        const struct event *event = &h->events[i];
        const char *text = *(const char *const *)(const void *)((const char *)event + offset);
        usec at = time_of(event);
        if (!is_about(event, account) || !text)
            continue;
        if (!best || at > best_at || (at == best_at && strcmp(text, best) > 0)) {
            best = text;
            best_at = at;
        }
    }
    return best;
}

static const char *greater(const char *a, const char *b)
{
    if (!a || !b)
        return a ? a : b;
    return strcmp(a, b) >= 0 ? a : b;
}

static void add_step(struct life *life, const struct event *event, uint64_t seq)
{
    for (size_t i = 0; i < life->step_count; i++) {
        struct life_step *known = &life->steps[i];
        if (known->at == time_of(event) && known->step == event->kind->step) {
            known->reason = greater(known->reason, event->reason);
            return;
        }
    }
    life->steps[life->step_count++] =
        (struct life_step){time_of(event), event->kind->step, seq, event->reason};
}

static int compare_steps(const void *a, const void *b)
{
    const struct life_step *x = a;
    const struct life_step *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return x->step - y->step;
}

static void complete(struct life *life, usec at)
{
    struct try *try = life->try_count > 0 ? &life->tries[life->try_count - 1] : NULL;
    if (try && try->outcome != 1) {
        try->outcome = 1;
        try->ended = at;
        if (try->start_seen)
            life->took = at - try->start;
    } else if (life->status != 2) {
        life->tries[life->try_count++] = (struct try){at, false, 1, at};
    } else {
        return;
    }
    life->completed = at;
}

static void live(struct life *life)
{
    qsort(life->steps, life->step_count, sizeof life->steps[0], compare_steps);
    for (size_t i = 0; i < life->step_count; i++) {
        const struct life_step *step = &life->steps[i];
        struct try *try = life->try_count > 0 ? &life->tries[life->try_count - 1] : NULL;
        if (step->step == STARTED) {
            life->tries[life->try_count++] = (struct try){step->at, true, 0, TIME_NONE};
            life->started = step->at;
        } else if (step->step == COMPLETED) {
            complete(life, step->at);
        } else if (step->step != DELETED && try && try->outcome == 0) {
            try->outcome = step->step == FAILED ? 2 : 3;
            try->ended = step->at;
        }
        life->status = step->step + 1;
        life->reason = step->reason && step->reason[0] ? step->reason : NULL;
    }
}

static void read_life(const struct history *h, const char *account, struct life *life)
{
    *life = (struct life){.id = account, .started = TIME_NONE, .completed = TIME_NONE, .took = TIME_NONE};
    for (size_t i = 0; i < h->count; i++) {
        const struct event *event = &h->events[i];
        if (!is_about(event, account))
            continue;
        if (!life->first_event) {
            life->first_event = event;
            life->first_seq = i + 1;
        }
        if (life->first_seq == i + 1 || time_of(event) > life->last_event)
            life->last_event = time_of(event);
        if (event->kind->step != NO_STEP)
            add_step(life, event, i + 1);
    }
    life->app = newest_text(h, account, offsetof(struct event, app));
    life->integration_name = newest_text(h, account, offsetof(struct event, integration_name));
    life->integration_id = newest_text(h, account, offsetof(struct event, integration_id));
    life->user = newest_text(h, account, offsetof(struct event, user));
    live(life);
    for (size_t i = 0; i < life->try_count; i++) {
        struct try *try = &life->tries[i];
        if (try->outcome == 0 && h->now >= try->start + h->patience.abandoned_after)
            try->outcome = 4;
    }
}

/* 1 slow, 2 abandoned */
static int mark_of(const struct life *life, const struct history *h)
{
    if (life->status != 1)
        return 0;
    usec waiting = h->now - life->tries[life->try_count - 1].start;
    return waiting >= h->patience.abandoned_after ? 2 : waiting >= h->patience.slow_after;
}

struct row {
    int64_t grain;
    int level;
    int64_t t;
    const char *app;
    const char *integration;
    int64_t started;
    int64_t outcomes[5];
    usec times[MAX_EVENTS];
    size_t time_count;
};

struct picture {
    struct life lives[sizeof ACCOUNTS / sizeof ACCOUNTS[0]]; /* in order of first appearance */
    size_t life_count;
    struct row rows[MAX_ROWS];
    size_t row_count;
};

static int compare_lives(const void *a, const void *b)
{
    const struct life *x = a;
    const struct life *y = b;
    return (x->first_seq > y->first_seq) - (x->first_seq < y->first_seq);
}

static int compare_texts(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

static int compare_rows(const void *a, const void *b)
{
    const struct row *x = a;
    const struct row *y = b;
    if (x->grain != y->grain)
        return x->grain < y->grain ? -1 : 1;
    if (x->level != y->level)
        return x->level - y->level;
    if (x->t != y->t)
        return x->t < y->t ? -1 : 1;
    int order = compare_texts(x->app, y->app);
    return order ? order : compare_texts(x->integration, y->integration);
}

static void count_try(struct picture *picture, struct row key, const struct try *try)
{
    struct row *row = picture->rows;
    usec grain = key.grain * SECOND;
    key.t = (try->start - ((try->start % grain) + grain) % grain) / SECOND;
    while (row < picture->rows + picture->row_count && compare_rows(row, &key) != 0)
        row++;
    if (row == picture->rows + picture->row_count) {
        *row = key;
        picture->row_count++;
    }
    row->started++;
    row->outcomes[try->outcome]++;
    if (try->outcome == 1 && try->start_seen)
        row->times[row->time_count++] = try->ended - try->start;
}

static void count_tries(struct picture *picture, const struct life *life)
{
    static const int64_t GRAINS[] = {60, 3600, 86400};
    const char *integration = life->integration_name ? life->integration_name : life->integration_id;
    for (size_t i = 0; i < life->try_count; i++)
        for (size_t g = 0; g < 3; g++)
            for (int level = 0; level < 3; level++)
                count_try(picture,
                          (struct row){.grain = GRAINS[g],
                                       .level = level,
                                       .app = level > 0 ? life->app : NULL,
                                       .integration = level > 1 ? integration : NULL},
                          &life->tries[i]);
}

static void see(const struct history *h, struct picture *picture)
{
    picture->life_count = picture->row_count = 0;
    for (size_t i = 0; i < sizeof ACCOUNTS / sizeof ACCOUNTS[0]; i++) {
        struct life *life = &picture->lives[picture->life_count];
        read_life(h, ACCOUNTS[i], life);
        picture->life_count += life->first_event != NULL;
    }
    qsort(picture->lives, picture->life_count, sizeof picture->lives[0], compare_lives);
    for (size_t i = 0; i < picture->life_count; i++)
        count_tries(picture, &picture->lives[i]);
    qsort(picture->rows, picture->row_count, sizeof picture->rows[0], compare_rows);
}

/* ---- as texts of the same form as those of state_dump ---- */

static void put_text(struct buf *out, const char *text, char after)
{
    buf_addf(out, "%s%c", text ? text : "-", after);
}

static void put_time(struct buf *out, usec at, char after)
{
    if (at == TIME_NONE)
        put_text(out, NULL, after);
    else
        buf_addf(out, "%" PRId64 "%c", at, after);
}

static void put_account(const struct history *h, const struct life *life, struct buf *out)
{
    put_text(out, life->id, '|');
    put_text(out, life->app, '|');
    put_text(out, life->integration_name, '|');
    put_text(out, life->integration_id, '|');
    put_text(out, life->user, '|');
    buf_addf(out, "%d|%d|%zu|", life->status, mark_of(life, h), life->try_count);
    buf_addf(out, "%" PRId64 "|%" PRIu64 "|", life->first_event->received_at, life->first_seq);
    put_time(out, life->started, '|');
    put_time(out, life->completed, '|');
    put_time(out, life->took, '|');
    put_time(out, life->last_event, '|');
    put_text(out, life->reason, '\n');
}

static usec deadline_of(const struct history *h, const struct try *try)
{
    usec slow = try->start + h->patience.slow_after;
    usec abandoned = try->start + h->patience.abandoned_after;
    if (try->outcome != 0)
        return TIME_NONE;
    return h->now < slow && slow < abandoned ? slow : abandoned;
}

static void put_attempts(const struct history *h, const struct life *life, struct buf *out)
{
    for (size_t i = 0; i < life->try_count; i++) {
        const struct try *try = &life->tries[i];
        buf_addf(out, "%s|%" PRId64 "|%d|%d|", life->id, try->start, try->start_seen ? 0 : 1, try->outcome);
        put_time(out, try->ended, '|');
        put_time(out, deadline_of(h, try), '\n');
    }
}

static void put_steps(const struct life *life, struct buf *out)
{
    for (size_t i = 0; i < life->step_count; i++) {
        const struct life_step *step = &life->steps[i];
        buf_addf(out, "%s|%" PRId64 "|%d|%" PRIu64 "|", life->id, step->at, step->step, step->seq);
        put_text(out, step->reason && step->reason[0] ? step->reason : NULL, '\n');
    }
}

static void put_tallies(const struct picture *picture, struct buf *out)
{
    static const char *const SORTED[] = {NULL, "gmail", "notio", "notion"};
    for (size_t app = 0; app < sizeof SORTED / sizeof SORTED[0]; app++)
        for (int status = 0; status < 6; status++) {
            int count = 0;
            for (size_t i = 0; i < picture->life_count; i++)
                count += picture->lives[i].status == status &&
                         compare_texts(picture->lives[i].app, SORTED[app]) == 0;
            if (count > 0) {
                put_text(out, SORTED[app], '|');
                buf_addf(out, "%d|%d\n", status, count);
            }
        }
}

static void put_events(const struct history *h, struct buf *out)
{
    for (uint64_t seq = h->first; seq <= h->count; seq++) {
        const struct event *event = &h->events[seq - 1];
        if (!event->applied)
            continue;
        buf_addf(out, "%" PRIu64 "|", seq);
        put_text(out, event->account, '|');
        buf_addf(out, "%s|%" PRId64 "\n", event->kind->type, event->received_at);
    }
}

static void put_rows(const struct picture *picture, struct buf *out)
{
    for (size_t i = 0; i < picture->row_count; i++) {
        const struct row *row = &picture->rows[i];
        buf_addf(out, "%" PRId64 "|%d|%" PRId64 "|", row->grain, row->level, row->t);
        put_text(out, row->app, '|');
        put_text(out, row->integration, '|');
        buf_addf(out, "%" PRId64, row->started);
        for (int outcome = 1; outcome < 5; outcome++)
            buf_addf(out, "|%" PRId64, row->outcomes[outcome]);
        buf_add_char(out, '\n');
    }
}

static void put_all(const struct history *h, const struct picture *picture, struct buf *out)
{
    buf_add_str(out, "== accounts\n");
    for (size_t i = 0; i < picture->life_count; i++)
        put_account(h, &picture->lives[i], out);
    buf_add_str(out, "== attempts\n");
    for (size_t i = 0; i < picture->life_count; i++)
        put_attempts(h, &picture->lives[i], out);
    buf_add_str(out, "== steps\n");
    for (size_t i = 0; i < picture->life_count; i++)
        put_steps(&picture->lives[i], out);
    buf_add_str(out, "== tallies\n");
    put_tallies(picture, out);
    buf_add_str(out, "== events\n");
    put_events(h, out);
    buf_add_str(out, "== rollups\n");
    put_rows(picture, out);
}

/* ---- comparing ---- */

/* A state.db, its writer and a reader. */
struct place {
    char directory[TEMP_DIR_SIZE];
    sqlite3 *reader;
    struct read_model *model;
    struct patience patience; /* of the model */
};

static void fail_history(const char *what, const struct buf *got, const struct buf *want)
{
    /* Longer than a message of the test library may be. */
    fprintf(stderr, "---- read model\n%s---- simple model\n%s", buf_str(got), buf_str(want));
    fail_msg("FAIRLEAD_SEED=%" PRIu64 ": %s", seed, what);
}

static int compare_times(const void *a, const void *b)
{
    usec x = *(const usec *)a;
    usec y = *(const usec *)b;
    return (x > y) - (x < y);
}

/* Every stored duration is that of the exact one in its place, up to the sketch's error. */
static bool are_near(struct slice stored, struct row *row)
{
    struct sketch sketch = {{0}};
    size_t at = 0;
    if (!sketch_add_encoded(&sketch, stored) || sketch_total(&sketch) != (int64_t)row->time_count)
        return false;
    qsort(row->times, row->time_count, sizeof row->times[0], compare_times);
    for (size_t bucket = 0; bucket < SKETCH_BUCKETS; bucket++)
        for (int64_t i = 0; i < sketch.counts[bucket]; i++) {
            usec exact = row->times[at++];
            usec allowed = exact / 32 > USEC_PER_MS / 2 ? exact / 32 : USEC_PER_MS / 2;
            bool at_most = bucket == SKETCH_BUCKETS - 1 && exact > sketch_bucket_middle(bucket);
            if (llabs(sketch_bucket_middle(bucket) - exact) > allowed && !at_most)
                return false;
        }
    return true;
}

static void compare_sketches(sqlite3 *reader, struct picture *picture, const char *what)
{
    sqlite3_stmt *stored;
    assert_int_equal(sqlite3_prepare_v2(reader, STATE_DUMP_TIMES, -1, &stored, NULL), SQLITE_OK);
    for (size_t i = 0; i < picture->row_count; i++) {
        assert_int_equal(sqlite3_step(stored), SQLITE_ROW);
        const void *bytes = sqlite3_column_blob(stored, 5);
        if (!are_near(slice_of(bytes, (size_t)sqlite3_column_bytes(stored, 5)), &picture->rows[i]))
            fail_msg("FAIRLEAD_SEED=%" PRIu64 ": %s: times to connect of row %zu", seed, what, i);
    }
    assert_int_equal(sqlite3_step(stored), SQLITE_DONE);
    sqlite3_finalize(stored);
}

static void compare(const struct history *h, struct place *place, struct picture *picture, const char *what)
{
    static const char *const TABLES[] = {STATE_DUMP_ACCOUNTS, STATE_DUMP_ATTEMPTS, STATE_DUMP_STEPS,
                                         STATE_DUMP_TALLIES,  STATE_DUMP_EVENTS,   STATE_DUMP_ROLLUPS};
    static const char *const TITLES[] = {"accounts", "attempts", "steps", "tallies", "events", "rollups"};
    CLEANUP(buf_cleanup) struct buf got = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf want = BUF_INIT;
    put_all(h, picture, &want);
    for (size_t i = 0; i < sizeof TABLES / sizeof TABLES[0]; i++) {
        buf_addf(&got, "== %s\n", TITLES[i]);
        state_dump_query(place->reader, TABLES[i], &got);
    }
    if (!slice_equal(buf_slice(&got), buf_slice(&want)))
        fail_history(what, &got, &want);
    compare_sketches(place->reader, picture, what);
}

/* ---- living through it ---- */

static void open_model(struct place *place, const struct history *h, struct err *ret_why)
{
    struct err err = {""};
    struct read_model_options options = {.directory = place->directory, .patience = h->patience};
    uint64_t first = h->count > 0 ? h->first : 0;
    place->patience = h->patience;
    place->model = NULL;
    if (read_model_open(&options, first, h->count, &place->model, ret_why, &err) != RC_OK)
        fail_msg("FAIRLEAD_SEED=%" PRIu64 ": %s", seed, err.message);
}

/* Opening costs more than a history: only when the options are others, or once in a while. */
static void prepare_model(struct place *place, const struct history *h)
{
    struct err why;
    bool same = place->patience.slow_after == h->patience.slow_after &&
                place->patience.abandoned_after == h->patience.abandoned_after;
    if (place->model && same && seed % 16 != 0)
        return;
    read_model_close(place->model);
    open_model(place, h, &why);
}

static struct record record_of(const struct history *h, uint64_t seq)
{
    const struct event *event = &h->events[seq - 1];
    return (struct record){.seq = seq,
                           .kind = RECORD_EVENT,
                           .received_at = event->received_at,
                           .key = slice_str(event->key),
                           .body = buf_slice(&event->body)};
}

/* One transaction with up to `max` records. false: it failed, which only a disk that fails may make it do. */
static bool follow(struct history *h, struct place *place, size_t max, bool may_fail)
{
    struct err err = {""};
    uint64_t from = read_model_position(place->model) + 1;
    if (from < h->first)
        from = h->first;
    uint64_t seq = from;
    read_model_begin(place->model);
    for (; seq <= h->count && seq < from + max; seq++) {
        struct record record = record_of(h, seq);
        read_model_apply(place->model, &record, h->now);
    }
    if (chance_once_in(&h->chance, 2))
        read_model_judge(place->model, h->now, 1 + pick(&h->chance, 3));
    if (chance_once_in(&h->chance, 4))
        read_model_trim(place->model, h->first, 1 + pick(&h->chance, 5));
    enum rc rc = read_model_commit(place->model, &err);
    if (rc != RC_OK && !may_fail)
        fail_msg("FAIRLEAD_SEED=%" PRIu64 ": %s", seed, err.message);
    for (; rc == RC_OK && from < seq; from++)
        h->events[from - 1].applied = true;
    if (read_model_position(place->model) > h->furthest)
        h->furthest = read_model_position(place->model);
    return rc == RC_OK;
}

static void follow_with_failures(struct history *h, struct place *place)
{
    static const enum fault_error ERRORS[] = {FAULT_DISK_FULL, FAULT_IO_ERROR, FAULT_SHORT_WRITE};
    uint64_t before = read_model_position(place->model);
    faulty_vfs_arm(&(struct fault_plan){.calls = FAULT_WRITE,
                                        .nth = 1 + chance_below(&h->chance, 30),
                                        .forever = chance_once_in(&h->chance, 2),
                                        .error = PICK(&h->chance, ERRORS)});
    bool done = follow(h, place, MAX_EVENTS, true);
    faulty_vfs_heal();
    assert_true(done || read_model_position(place->model) == before);
}

/* The read model has been made anew: what the journal still has is to be read again. */
static void forget_applied(struct history *h)
{
    for (uint64_t seq = h->first; seq <= h->count; seq++)
        h->events[seq - 1].applied = false;
}

static void restart(struct history *h, struct place *place)
{
    struct err why;
    bool lost = read_model_position(place->model) + 1 < h->first;
    bool other = chance_once_in(&h->chance, 5);
    read_model_close(place->model);
    if (other)
        h->patience.abandoned_after += (usec)chance_below(&h->chance, 3) * USEC_MINUTE + SECOND;
    open_model(place, h, &why);
    assert_int_equal(why.message[0] != '\0', lost || other);
    if (lost || other)
        forget_applied(h);
}

static void make_anew(struct history *h, struct place *place)
{
    struct err err = {""};
    if (read_model_reset(place->model, h->first, h->now, &err) != RC_OK)
        fail_msg("FAIRLEAD_SEED=%" PRIu64 ": %s", seed, err.message);
    forget_applied(h);
}

/*
 * Sometimes further than the read model has come: those records are lost to it. Not while it reads records a
 * second time: it keeps some of what it has learned from them, which the simple model cannot know.
 */
static void trim_journal(struct history *h, const struct place *place)
{
    uint64_t position = read_model_position(place->model);
    uint64_t upto = position + 1;
    if (upto > h->count || (position == h->furthest && chance_once_in(&h->chance, 8)))
        upto = h->count;
    if (upto > h->first)
        h->first += chance_below(&h->chance, upto - h->first + 1);
}

static void pass_time(struct history *h)
{
    static const usec SPANS[] = {SECOND, USEC_MINUTE, 5 * USEC_MINUTE, USEC_HOUR};
    h->now += (usec)chance_below(&h->chance, (uint64_t)PICK(&h->chance, SPANS));
}

static void live_through(struct history *h, struct place *place)
{
    while (h->count < h->planned || read_model_position(place->model) < h->count) {
        uint64_t more = chance_below(&h->chance, 6);
        for (uint64_t i = 0; i < more && h->count < h->planned; i++)
            store_event(h);
        if (chance_once_in(&h->chance, 2))
            pass_time(h);
        follow(h, place, 1 + pick(&h->chance, 5), false);
        if (chance_once_in(&h->chance, 8))
            follow_with_failures(h, place);
        if (chance_once_in(&h->chance, 10))
            trim_journal(h, place);
        if (chance_once_in(&h->chance, 15))
            restart(h, place);
        if (chance_once_in(&h->chance, 25))
            make_anew(h, place);
    }
}

/* Everything that waits, all that is due, nothing that the journal has no more. */
static void finish(struct history *h, struct place *place)
{
    struct err err;
    while (read_model_position(place->model) < h->count)
        follow(h, place, MAX_EVENTS, false);
    read_model_begin(place->model);
    while (read_model_judge(place->model, h->now, 2) > 0) {
    }
    read_model_trim(place->model, h->first, MAX_EVENTS);
    assert_int_equal(read_model_commit(place->model, &err), RC_OK);
}

/* Another read model sees, all at once, what the first one has seen. */
static void compare_fresh(const struct history *h, struct place *place, struct picture *picture)
{
    struct err err = {""};
    prepare_model(place, h);
    assert_int_equal(read_model_reset(place->model, 1, h->now, &err), RC_OK);
    read_model_begin(place->model);
    for (uint64_t seq = 1; seq <= h->count; seq++) {
        struct record record = record_of(h, seq);
        if (h->events[seq - 1].applied)
            read_model_apply(place->model, &record, h->now);
    }
    read_model_trim(place->model, h->first, MAX_EVENTS);
    assert_int_equal(read_model_commit(place->model, &err), RC_OK);
    compare(h, place, picture, "lived all at once");
}

struct world {
    struct place lived;
    struct place fresh;
    struct history history;
    struct picture picture;
};

static void plan_history(struct history *h)
{
    *h = (struct history){.chance = {seed}, .first = 1};
    h->now = START + (usec)chance_below(&h->chance, 1000) * SECOND + 7;
    h->planned = 1 + pick(&h->chance, chance_once_in(&h->chance, 4) ? MAX_EVENTS : 12);
    h->patience = (struct patience){.slow_after = USEC_MINUTE, .abandoned_after = 12 * USEC_MINUTE};
}

static void run_history(struct world *world)
{
    struct history *h = &world->history;
    struct place *place = &world->lived;
    is_under_way = true;
    plan_history(h);
    prepare_model(place, h);
    make_anew(h, place);
    live_through(h, place);
    finish(h, place);
    see(h, &world->picture);
    compare(h, place, &world->picture, "lived");
    make_anew(h, place);
    finish(h, place);
    compare(h, place, &world->picture, "made anew");
    if (seed % 2 == 0)
        compare_fresh(h, &world->fresh, &world->picture);
    for (size_t i = 0; i < h->count; i++)
        buf_cleanup(&h->events[i].body);
    is_under_way = false;
}

static void open_place(struct place *place)
{
    struct history none = {.patience = {1, 1}};
    struct err why;
    temp_dir_make(place->directory);
    open_model(place, &none, &why);
    place->reader = state_dump_open(place->directory);
}

static void close_place(struct place *place)
{
    read_model_close(place->model);
    sqlite3_close(place->reader);
    temp_dir_remove(place->directory);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    open_place(&world->lived);
    open_place(&world->fresh);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    if (is_under_way)
        print_error("the history was FAIRLEAD_SEED=%" PRIu64 "\n", seed);
    close_place(&world->lived);
    close_place(&world->fresh);
    free(world);
    return 0;
}

static void living_and_making_anew_say_the_same_as_the_simple_model(void **state)
{
    struct world *world = *state;
    const char *chosen = getenv("FAIRLEAD_SEED");
    const char *wanted = getenv("FAIRLEAD_HISTORIES");
    uint64_t count = chosen ? 1 : wanted ? strtoull(wanted, NULL, 10) : HISTORIES;
    uint64_t base = chosen ? strtoull(chosen, NULL, 10) : (uint64_t)clock_wall();
    print_message("# seeds %" PRIu64 " to %" PRIu64 "\n", base, base + count - 1);
    for (seed = base; seed < base + count; seed++)
        run_history(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(living_and_making_anew_say_the_same_as_the_simple_model, set_up,
                                        tear_down),
    };
    faulty_vfs_register();
    sqlite3_vfs_register(sqlite3_vfs_find(FAULTY_VFS), 1); /* state.db asks for no other */
    return cmocka_run_group_tests_name("histories", tests, NULL, NULL);
}
