#include "cli/simulation.h"

#include <assert.h>
#include <stdlib.h>

#include "base/chance.h"
#include "wire/sample_event.h"

#define SECONDS(n)   ((double)(n) * (double)USEC_PER_SEC)
#define FLOW_TIMEOUT (10 * USEC_MINUTE)
#define MAX_FLOW     (9 * USEC_MINUTE) /* whoever takes longer has dropped out */
#define SLOW_FLOW    (USEC_MINUTE)     /* the platform's SDK gives up waiting here, and so do some users */
#define MAX_SKEW     (5 * USEC_PER_SEC)

enum { MAX_ATTEMPTS = 4, MAX_CONNECTIONS = 3, INTEGRATIONS = 3 };

/* How people live with these apps; percent. */
enum {
    ANOTHER_APP = 35,
    WITHOUT_START = 2, /* schemes without a flow, such as keys, complete at once */
    MODERN = 50,       /* accounts of the current system: ca_…, and the platform expires unfinished ones */
    TALKATIVE = 15,    /* connected accounts that send messages */
    NEXT_MESSAGE = 60,
    DELETED = 4,
};

/* An app, how likely it is chosen, how many connections complete, and how long that takes. */
static const struct app {
    const char *name;
    unsigned weight;
    int64_t completion; /* percent */
    double median;      /* seconds */
    double spread;
    const char *integrations[INTEGRATIONS]; /* NULL: fewer */
} APPS[SIMULATION_APPS] = {
    {"slack", 24, 92, 9, 0.5, {"slack_worthy_cyan", "slack_lucid_harbor", "slack_amber_ridge"}},
    {"github", 20, 95, 8, 0.4, {"github_brave_teal", "github_swift_comet"}},
    {"gmail", 18, 84, 21, 0.7, {"gmail_quiet_lake", "gmail_rapid_willow"}},
    {"notion", 12, 88, 14, 0.6, {"notion_gentle_meadow"}},
    {"googlecalendar", 10, 86, 19, 0.7, {"googlecalendar_mellow_ember"}},
    {"linear", 7, 90, 11, 0.5, {"linear_lucid_teal"}},
    {"hubspot", 5, 71, 48, 0.8, {"hubspot_amber_comet", "hubspot_quiet_ridge"}},
    {"salesforce",
     4,
     52,
     90,
     0.9,
     {"salesforce_swift_harbor", "salesforce_brave_lake", "salesforce_rapid_teal"}},
};

#define KINDS(X)                                                                                             \
    X(USER_COMES, NULL)                                                                                      \
    X(STARTS, "connected_account.add.start")                                                                 \
    X(COMPLETES, "connected_account.add.completed")                                                          \
    X(FAILS, "connected_account.add.failed")                                                                 \
    X(TIMES_OUT, "composio.connected_account.expired")                                                       \
    X(TOKEN_DIES, "composio.connected_account.expired")                                                      \
    X(SENDS_MESSAGE, "composio.trigger.message")                                                             \
    X(IS_DELETED, "connected_account.deleted")

#define KIND_NAME(name, type) name,
enum kind { KINDS(KIND_NAME) KIND_COUNT };
#undef KIND_NAME

/* Something that will happen to an account, or (event set) a webhook about it that will arrive. */
struct happening {
    usec due;
    uint64_t user;
    uint64_t event;   /* number of the webhook, from 1; 0: it has not happened yet */
    usec occurred_at; /* of the webhook */
    usec created_at;  /* of the account */
    uint8_t kind;
    uint8_t connection; /* of the user, from 0 */
    uint8_t app;
    uint8_t attempt; /* to connect, or to deliver; from 1 */
    bool enveloped;
};

struct simulation {
    struct simulation_options options;
    struct chance chance;
    struct happening *heap;
    size_t count;
    size_t capacity;
    uint64_t events;
    usec ends;
    bool failed;
    struct buf body;
    struct buf bare; /* the body inside an envelope */
    struct buf id;
    struct buf account;
    struct buf integration;
    struct buf user;
};

static void on_user(struct simulation *s, const struct happening *now);
static void on_start(struct simulation *s, const struct happening *now);
static void on_complete(struct simulation *s, const struct happening *now);
static void on_failure(struct simulation *s, const struct happening *now);
static void on_token_death(struct simulation *s, const struct happening *now);
static void on_message(struct simulation *s, const struct happening *now);
static void on_end(struct simulation *s, const struct happening *now);

static void (*const HANDLERS[KIND_COUNT])(struct simulation *s, const struct happening *now) = {
    [USER_COMES] = on_user,       [STARTS] = on_start,   [COMPLETES] = on_complete,
    [FAILS] = on_failure,         [TIMES_OUT] = on_end,  [TOKEN_DIES] = on_token_death,
    [SENDS_MESSAGE] = on_message, [IS_DELETED] = on_end,
};

/* The heap: a binary one, the earliest first. */

static bool is_before(const struct happening *a, const struct happening *b)
{
    return a->due < b->due;
}

static bool has_room(struct simulation *s)
{
    if (s->count < s->capacity)
        return true;
    size_t capacity = s->capacity ? 2 * s->capacity : 256;
    struct happening *heap = reallocarray(s->heap, capacity, sizeof *heap);
    s->failed = s->failed || !heap;
    if (!heap)
        return false;
    s->heap = heap;
    s->capacity = capacity;
    return true;
}

static void push(struct simulation *s, struct happening happening)
{
    if (happening.due > s->ends || !has_room(s))
        return;
    size_t at = s->count++;
    for (; at > 0 && is_before(&happening, &s->heap[(at - 1) / 2]); at = (at - 1) / 2)
        s->heap[at] = s->heap[(at - 1) / 2];
    s->heap[at] = happening;
}

static struct happening pop(struct simulation *s)
{
    assert(s->count > 0);
    struct happening top = s->heap[0];
    struct happening last = s->heap[--s->count];
    size_t at = 0;
    for (size_t child = 1; child < s->count; child = 2 * at + 1) {
        if (child + 1 < s->count && is_before(&s->heap[child + 1], &s->heap[child]))
            child++;
        if (!is_before(&s->heap[child], &last))
            break;
        s->heap[at] = s->heap[child];
        at = child;
    }
    if (s->count > 0)
        s->heap[at] = last;
    return top;
}

/* Lives. */

static void plan(struct simulation *s, const struct happening *now, enum kind kind, double wait)
{
    struct happening next = *now;
    next.kind = (uint8_t)kind;
    next.due = now->due + (usec)wait;
    push(s, next);
}

static double around(struct simulation *s, double seconds, double spread)
{
    return chance_log_normal(&s->chance, SECONDS(seconds), spread);
}

/* The webhook about it, with the ways of the network. */
static void emit(struct simulation *s, const struct happening *now)
{
    const struct simulation_options *options = &s->options;
    struct happening webhook = *now;
    webhook.event = ++s->events;
    webhook.attempt = 1;
    webhook.occurred_at = now->due;
    if (chance_percent(&s->chance, options->clock_skew))
        webhook.occurred_at += (usec)chance_below(&s->chance, 2 * MAX_SKEW) - MAX_SKEW;
    webhook.occurred_at -= webhook.occurred_at % USEC_PER_MS; /* as exact as the body says it */
    webhook.enveloped = chance_percent(&s->chance, options->envelopes);
    webhook.due += (usec)(SECONDS(0.05) + chance_exponential(&s->chance, SECONDS(0.1)));
    if (chance_percent(&s->chance, options->reorder))
        webhook.due += (usec)around(s, 20, 1);
    push(s, webhook);
    if (!chance_percent(&s->chance, options->duplicates))
        return;
    webhook.attempt = 2;
    webhook.due += (usec)around(s, 10, 1);
    push(s, webhook);
}

static uint8_t choose_app(struct simulation *s)
{
    uint64_t sum = 0;
    for (int64_t i = 0; i < s->options.apps; i++)
        sum += APPS[i].weight;
    uint64_t dice = chance_below(&s->chance, sum);
    uint8_t app = 0;
    while (dice >= APPS[app].weight)
        dice -= APPS[app++].weight;
    return app;
}

/* Most come at two in the afternoon, UTC: nearly twice as many as at two in the morning. */
static double daily_rate(usec at)
{
    static const double RATES[24] = {0.72, 0.70, 0.70, 0.70, 0.73, 0.77, 0.83, 0.90, 0.98, 1.07, 1.15, 1.22,
                                     1.27, 1.30, 1.30, 1.30, 1.27, 1.22, 1.15, 1.07, 0.98, 0.90, 0.83, 0.77};
    int64_t hour = at / USEC_HOUR % 24;
    return RATES[hour < 0 ? hour + 24 : hour];
}

usec simulation_begin(usec end, uint64_t users, usec interval)
{
    double left = (double)users;
    usec at = end;
    while (left > 0 && end - at < SIMULATION_LONGEST) {
        double come = daily_rate(at - 1) * (double)USEC_HOUR / (double)interval; /* in the hour before */
        at -= left < come ? (usec)((double)USEC_HOUR * left / come) : USEC_HOUR;
        left -= come;
    }
    return at;
}

static void plan_next_user(struct simulation *s, const struct happening *now)
{
    struct happening next = {.kind = USER_COMES, .user = now->user + 1, .due = now->due};
    next.due += (usec)chance_exponential(&s->chance, (double)s->options.interval / daily_rate(now->due));
    if (s->options.users == 0 || next.user < s->options.users)
        push(s, next);
    else
        s->ends = now->due + SIMULATION_TAIL;
}

static void on_user(struct simulation *s, const struct happening *now)
{
    double wait = chance_exponential(&s->chance, SECONDS(5));
    plan_next_user(s, now);
    for (uint8_t i = 0; i < MAX_CONNECTIONS; i++) {
        struct happening start = *now;
        start.connection = i;
        start.app = choose_app(s);
        start.attempt = 1;
        bool flows = !chance_percent(&s->chance, WITHOUT_START);
        start.created_at = start.due + (usec)wait;
        plan(s, &start, flows ? STARTS : COMPLETES, wait);
        if (!chance_percent(&s->chance, ANOTHER_APP))
            break;
        wait += around(s, 45, 0.6);
    }
}

static bool starts_again(struct simulation *s, const struct happening *now, double wait)
{
    struct happening again = *now;
    if (now->attempt >= MAX_ATTEMPTS || !chance_percent(&s->chance, s->options.retries))
        return false;
    again.attempt++;
    plan(s, &again, STARTS, wait < (double)MAX_FLOW ? wait : (double)MAX_FLOW);
    return true;
}

static uint64_t account_number(const struct simulation *s, const struct happening *now)
{
    return chance_mix(s->options.seed ^ chance_mix(now->user * MAX_CONNECTIONS + now->connection));
}

static bool is_modern(const struct simulation *s, const struct happening *now)
{
    return account_number(s, now) % 100 < MODERN;
}

static void on_start(struct simulation *s, const struct happening *now)
{
    const struct app *app = &APPS[now->app];
    int64_t completion = s->options.drop_outs < 0 ? app->completion : 100 - s->options.drop_outs;
    double takes = around(s, app->median, app->spread);
    takes = takes < (double)MAX_FLOW ? takes : (double)MAX_FLOW;
    emit(s, now);
    if (chance_percent(&s->chance, s->options.failures)) {
        plan(s, now, FAILS, takes / 2);
    } else if (chance_percent(&s->chance, completion)) {
        bool impatient = takes > (double)SLOW_FLOW && starts_again(s, now, around(s, 65, 0.1));
        if (!impatient)
            plan(s, now, COMPLETES, takes);
    } else if (!starts_again(s, now, around(s, 90, 0.8)) && is_modern(s, now)) {
        plan(s, now, TIMES_OUT, (double)FLOW_TIMEOUT);
    }
}

static void on_complete(struct simulation *s, const struct happening *now)
{
    emit(s, now);
    if (chance_percent(&s->chance, s->options.expiry))
        plan(s, now, TOKEN_DIES, around(s, 1200, 1));
    else if (chance_percent(&s->chance, DELETED))
        plan(s, now, IS_DELETED, around(s, 1800, 1));
    else if (chance_percent(&s->chance, TALKATIVE))
        plan(s, now, SENDS_MESSAGE, chance_exponential(&s->chance, SECONDS(300)));
}

static void on_failure(struct simulation *s, const struct happening *now)
{
    emit(s, now);
    (void)starts_again(s, now, around(s, 30, 0.8));
}

/* Reconnecting counts as a first attempt again. */
static void on_token_death(struct simulation *s, const struct happening *now)
{
    struct happening reconnecting = *now;
    emit(s, now);
    reconnecting.attempt = 0;
    (void)starts_again(s, &reconnecting, around(s, 240, 0.8));
}

static void on_message(struct simulation *s, const struct happening *now)
{
    emit(s, now);
    if (chance_percent(&s->chance, NEXT_MESSAGE))
        plan(s, now, SENDS_MESSAGE, chance_exponential(&s->chance, SECONDS(300)));
}

static void on_end(struct simulation *s, const struct happening *now)
{
    emit(s, now);
}

/* Bodies. Ids are not kept anywhere: they follow from the seed and from who and what they belong to. */

static void make_bytes(uint64_t number, unsigned char bytes[SAMPLE_UUID_BYTES])
{
    for (size_t i = 0; i < SAMPLE_UUID_BYTES; i++) {
        if (i % 8 == 0)
            number = chance_mix(number);
        bytes[i] = (unsigned char)(number >> 8 * (i % 8));
    }
}

static void write_id(bool modern, const char *prefix, uint64_t number, struct buf *out)
{
    unsigned char bytes[SAMPLE_UUID_BYTES];
    make_bytes(number, bytes);
    buf_clear(out);
    if (modern)
        sample_event_short_id_of(prefix, bytes, out);
    else
        sample_event_uuid_of(prefix, bytes, out);
}

/* Integrations are the same whatever the seed: they belong to the team, not to its users. */
static const char *write_integration(struct simulation *s, const struct happening *webhook, bool platform)
{
    const struct app *app = &APPS[webhook->app];
    size_t count = 0;
    while (count < INTEGRATIONS && app->integrations[count])
        count++;
    size_t index = (size_t)(account_number(s, webhook) / 128 % count);
    write_id(platform, platform ? "ac_" : "", (uint64_t)webhook->app * INTEGRATIONS + index, &s->integration);
    return app->integrations[index];
}

static void write_names(struct simulation *s, const struct happening *webhook)
{
    bool modern = is_modern(s, webhook);
    write_id(modern, modern ? "ca_" : "", account_number(s, webhook), &s->account);
    write_id(false, "msg_", s->options.seed ^ chance_mix(webhook->event), &s->id);
    buf_clear(&s->user);
    buf_addf(&s->user, "user-%llu", (unsigned long long)webhook->user + 1);
}

static const char *type_of(enum kind kind)
{
#define KIND_TYPE(name, type) type,
    static const char *const TYPES[KIND_COUNT] = {KINDS(KIND_TYPE)};
#undef KIND_TYPE
    return kind == TIMES_OUT ? TYPES[TOKEN_DIES] : TYPES[kind];
}

static void write_body(struct simulation *s, const struct happening *webhook, bool platform)
{
    const char *type = type_of((enum kind)webhook->kind);
    bool enveloped = webhook->enveloped && !platform;
    const char *integration_name = write_integration(s, webhook, platform);
    write_names(s, webhook);
    const struct sample_event event = {
        .type = type,
        .app = APPS[webhook->app].name,
        .account = buf_str(&s->account),
        .id = buf_str(&s->id),
        .at = webhook->occurred_at,
        .integration_name = integration_name,
        .integration_id = buf_str(&s->integration),
        .user = buf_str(&s->user),
        .status_reason = webhook->kind == TIMES_OUT ? SAMPLE_FLOW_TIMEOUT : SAMPLE_TOKEN_DEATH,
        .created_at = webhook->created_at,
    };
    buf_clear(&s->body);
    buf_clear(&s->bare);
    sample_event_write(&event, enveloped ? &s->bare : &s->body);
    if (enveloped)
        sample_event_envelop(buf_slice(&s->bare), &s->body);
}

static void describe(struct simulation *s, const struct happening *webhook, struct simulated *ret)
{
    const char *type = type_of((enum kind)webhook->kind);
    bool platform = sample_event_has_id(type);
    write_body(s, webhook, platform);
    s->failed = s->failed || buf_failed(&s->body) || buf_failed(&s->bare) || buf_failed(&s->id) ||
                buf_failed(&s->account) || buf_failed(&s->integration) || buf_failed(&s->user);
    *ret = (struct simulated){
        .arrives = webhook->due,
        .occurred_at = webhook->occurred_at,
        .type = type,
        .body = buf_slice(&s->body),
        .id = buf_slice(&s->id),
        .platform = platform,
        .duplicate = webhook->attempt > 1,
        .attempt = webhook->attempt,
    };
}

struct simulation *simulation_new(const struct simulation_options *options)
{
    assert(options->apps >= 1 && options->apps <= SIMULATION_APPS);
    struct simulation *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->options = *options;
    s->ends = INT64_MAX;
    chance_seed(&s->chance, options->seed);
    push(s, (struct happening){.kind = USER_COMES, .due = options->begin});
    if (!s->failed)
        return s;
    simulation_free(s);
    return NULL;
}

void simulation_free(struct simulation *s)
{
    if (!s)
        return;
    struct buf *const bufs[] = {&s->body, &s->bare, &s->id, &s->account, &s->integration, &s->user};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        buf_cleanup(bufs[i]);
    free(s->heap);
    free(s);
}

bool simulation_next(struct simulation *s, struct simulated *ret)
{
    while (s->count > 0 && !s->failed && s->heap[0].due <= s->ends) {
        struct happening next = pop(s);
        if (next.event) {
            describe(s, &next, ret);
            return !s->failed;
        }
        HANDLERS[next.kind](s, &next);
    }
    return false;
}

bool simulation_failed(const struct simulation *s)
{
    return s->failed;
}

size_t simulation_pending(const struct simulation *s)
{
    return s->count;
}
