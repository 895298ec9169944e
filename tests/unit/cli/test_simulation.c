#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "wire/sample_event.h"
#include "cli/simulation.h"
#include "wire/payload.h"

#define BEGIN INT64_C(1767225600000000)

/* As the command has it. */
static struct simulation_options usual(uint64_t users)
{
    return (struct simulation_options){
        .seed = 1,
        .users = users,
        .apps = SIMULATION_APPS,
        .begin = BEGIN,
        .interval = 5 * USEC_PER_SEC,
        .drop_outs = -1,
        .failures = 3,
        .retries = 40,
        .expiry = 5,
        .duplicates = 3,
        .reorder = 4,
        .clock_skew = 2,
        .envelopes = 5,
    };
}

/* Nothing goes wrong unless the test says so. */
static struct simulation_options smooth(uint64_t users)
{
    return (struct simulation_options){
        .seed = 1, .users = users, .apps = SIMULATION_APPS, .begin = BEGIN, .interval = 5 * USEC_PER_SEC};
}

struct counts {
    uint64_t all;
    uint64_t starts;
    uint64_t completed;
    uint64_t failed;
    uint64_t timed_out;
    uint64_t token_deaths;
    uint64_t messages;
    uint64_t deleted;
    uint64_t duplicates;
    uint64_t enveloped;
    uint64_t admin;
    uint64_t skewed;    /* the timestamp is later than the arrival */
    uint64_t slow;      /* more than five seconds on the way */
    uint64_t overtaken; /* its timestamp is earlier than that of one that arrived before */
};

static bool is(const struct simulated *webhook, const char *type)
{
    return strcmp(webhook->type, type) == 0;
}

static void count(const struct simulated *webhook, usec newest, struct counts *counts)
{
    CLEANUP(buf_cleanup) struct buf body = BUF_INIT;
    buf_add_slice(&body, webhook->body);
    bool timed_out = strstr(buf_str(&body), SAMPLE_FLOW_TIMEOUT) != NULL;
    counts->all++;
    counts->duplicates += webhook->duplicate;
    counts->slow += !webhook->duplicate && webhook->arrives - webhook->occurred_at > 5 * USEC_PER_SEC;
    counts->skewed += webhook->occurred_at > webhook->arrives;
    counts->overtaken += webhook->occurred_at < newest;
    if (webhook->duplicate)
        return;
    counts->starts += is(webhook, "connected_account.add.start");
    counts->completed += is(webhook, "connected_account.add.completed");
    counts->failed += is(webhook, "connected_account.add.failed");
    counts->deleted += is(webhook, "connected_account.deleted");
    counts->messages += is(webhook, "composio.trigger.message");
    counts->timed_out += is(webhook, "composio.connected_account.expired") && timed_out;
    counts->token_deaths += is(webhook, "composio.connected_account.expired") && !timed_out;
    counts->admin += !webhook->platform;
    counts->enveloped += slice_starts(webhook->body, "{\"event\"");
}

static struct counts count_all(struct simulation_options options)
{
    struct counts counts = {0};
    struct simulated webhook;
    usec newest = 0;
    struct simulation *simulation = simulation_new(&options);
    assert_non_null(simulation);
    while (simulation_next(simulation, &webhook)) {
        count(&webhook, newest, &counts);
        newest = webhook.occurred_at > newest ? webhook.occurred_at : newest;
    }
    assert_false(simulation_failed(simulation));
    simulation_free(simulation);
    return counts;
}

static void assert_percent(uint64_t part, uint64_t whole, double low, double high)
{
    double percent = 100.0 * (double)part / (double)whole;
    if (whole == 0 || percent < low || percent > high)
        fail_msg("%.2f %% of %llu; expected %.1f to %.1f", percent, (unsigned long long)whole, low, high);
}

/* Body, id and times of a whole history, each webhook on a line. */
static void write_history(struct simulation_options options, bool times, struct buf *out)
{
    struct simulated webhook;
    struct simulation *simulation = simulation_new(&options);
    assert_non_null(simulation);
    while (simulation_next(simulation, &webhook)) {
        buf_addf(out, "%lld %lld %s %d ", (long long)(webhook.arrives - options.begin),
                 (long long)(webhook.occurred_at - options.begin), webhook.type, webhook.attempt);
        buf_add_slice(out, webhook.id);
        if (times)
            buf_add_slice(out, webhook.body);
        buf_add_char(out, '\n');
    }
    simulation_free(simulation);
}

static void test_a_seed_decides_everything(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf first = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf second = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf other = BUF_INIT;
    struct simulation_options options = usual(500);
    write_history(options, true, &first);
    write_history(options, true, &second);
    assert_true(slice_equal(buf_slice(&first), buf_slice(&second)));
    options.seed = 2;
    write_history(options, true, &other);
    assert_false(slice_equal(buf_slice(&first), buf_slice(&other)));
}

static void test_another_day_has_the_same_history(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf first = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf second = BUF_INIT;
    struct simulation_options options = usual(500);
    write_history(options, false, &first);
    options.begin += USEC_DAY;
    write_history(options, false, &second);
    assert_true(slice_equal(buf_slice(&first), buf_slice(&second)));
}

static void test_order_and_bounds(void **state)
{
    (void)state;
    const struct simulation_options options = usual(2000);
    struct simulated webhook;
    usec before = options.begin;
    struct simulation *simulation = simulation_new(&options);
    while (simulation_next(simulation, &webhook)) {
        assert_true(webhook.arrives >= before);
        assert_true(webhook.occurred_at <= webhook.arrives + 5 * USEC_PER_SEC);
        assert_true(webhook.occurred_at >= options.begin - 5 * USEC_PER_SEC);
        assert_int_equal(webhook.occurred_at % USEC_PER_MS, 0);
        before = webhook.arrives;
    }
    /* 2,000 users every 5 s, fewer by night, when it begins: the last comes after about 14,000 s. */
    usec span = before - options.begin;
    assert_true(span > 13000 * USEC_PER_SEC && span <= 15000 * USEC_PER_SEC + SIMULATION_TAIL);
    assert_false(simulation_next(simulation, &webhook));
    simulation_free(simulation);
}

static void test_begin_for_an_end(void **state)
{
    (void)state;
    for (usec end = BEGIN; end < BEGIN + USEC_DAY; end += 7 * USEC_HOUR) {
        struct simulation_options options = smooth(5000);
        struct simulated webhook;
        usec last = 0;
        options.begin = simulation_begin(end, options.users, options.interval);
        options.drop_outs = 0;
        struct simulation *simulation = simulation_new(&options);
        while (simulation_next(simulation, &webhook))
            last = is(&webhook, "connected_account.add.start") ? webhook.occurred_at : last;
        simulation_free(simulation);
        usec wrong = last - end;
        assert_true(wrong > -30 * USEC_MINUTE && wrong < 30 * USEC_MINUTE); /* of seven hours */
    }
    assert_true(simulation_begin(BEGIN, UINT64_MAX, USEC_DAY) >= BEGIN - SIMULATION_LONGEST - USEC_HOUR);
    assert_true(simulation_begin(BEGIN, 0, USEC_DAY) == BEGIN);
}

static void check_fields(const struct simulated *webhook, const struct payload *payload)
{
    bool message = is(webhook, "composio.trigger.message");
    assert_true(slice_is(payload->type, webhook->type));
    assert_int_equal(payload->shape, webhook->platform ? SHAPE_V3 : SHAPE_ADMIN);
    assert_true(payload->has_occurred_at);
    assert_true(payload->occurred_at == webhook->occurred_at);
    assert_true(slice_starts(payload->connected_account_id, "ca_") ? payload->connected_account_id.len == 15
                                                                   : payload->connected_account_id.len == 36);
    assert_true(payload->integration_id.len > 0);
    assert_true(message || payload->app.len > 0);
    if (webhook->platform) {
        assert_true(slice_equal(payload->event_id, webhook->id));
        assert_true(slice_starts(payload->user_id, "user-"));
        assert_true(message || slice_is(payload->status, "EXPIRED"));
    } else {
        CLEANUP(buf_cleanup) struct buf begin = BUF_INIT;
        buf_addf(&begin, "%.*s_", SLICE_ARG(payload->app));
        assert_true(slice_starts(payload->integration_name, buf_str(&begin)));
    }
}

static void test_bodies_are_what_receivers_know(void **state)
{
    (void)state;
    const struct simulation_options options = usual(1000);
    struct simulated webhook;
    size_t enveloped = 0;
    CLEANUP(payload_cleanup) struct payload payload = {0};
    struct simulation *simulation = simulation_new(&options);
    while (simulation_next(simulation, &webhook)) {
        if (payload_read(&payload, webhook.body))
            fail_msg("no JSON object: %.*s", SLICE_ARG(webhook.body));
        check_fields(&webhook, &payload);
        enveloped += payload.enveloped;
    }
    assert_true(enveloped > 10);
    simulation_free(simulation);
}

static void test_percentages(void **state)
{
    (void)state;
    struct counts usually = count_all(usual(10000));
    assert_percent(usually.duplicates, usually.all - usually.duplicates, 2.5, 3.5);
    assert_percent(usually.enveloped, usually.admin, 4.5, 5.5);
    assert_percent(usually.slow, usually.all - usually.duplicates, 2.5, 4.5);
    assert_percent(usually.admin, usually.all - usually.duplicates, 75, 95);
    assert_percent(usually.timed_out, usually.starts, 2, 8);

    struct simulation_options options = smooth(10000);
    options.drop_outs = 30;
    struct counts dropping = count_all(options);
    assert_percent(dropping.completed, dropping.starts, 69, 75); /* some complete without a start */
    options.drop_outs = 0;
    options.failures = 20;
    struct counts failing = count_all(options);
    assert_percent(failing.failed, failing.starts, 19, 21);
    options.failures = 0;
    options.clock_skew = 50;
    struct counts skewed = count_all(options);
    assert_percent(skewed.skewed, skewed.all, 20, 27); /* half of those whose clock is off are early */
    options.clock_skew = 0;
    options.expiry = 40;
    options.interval = 60 * USEC_PER_SEC; /* a history much longer than the life of a token */
    struct counts dying = count_all(options);
    assert_percent(dying.token_deaths, dying.completed, 38, 42);
}

static void test_nothing_goes_wrong_unless_asked_for(void **state)
{
    (void)state;
    struct counts counts = count_all(smooth(2000));
    assert_true(counts.starts > 2000 && counts.completed >= counts.starts);
    assert_int_equal(counts.failed + counts.timed_out + counts.token_deaths, 0);
    assert_int_equal(counts.duplicates + counts.enveloped + counts.skewed + counts.slow, 0);
    assert_true(counts.messages > 0 && counts.deleted > 0);
}

static void test_late_webhooks_are_overtaken(void **state)
{
    (void)state;
    struct simulation_options options = smooth(2000);
    uint64_t usually = count_all(options).overtaken;
    options.reorder = 30;
    assert_true(count_all(options).overtaken > 2 * usually + 500);
}

static void test_everybody_drops_out(void **state)
{
    (void)state;
    struct simulation_options options = smooth(2000);
    options.drop_outs = 100;
    struct counts once = count_all(options);
    assert_percent(once.completed, once.starts, 1, 3.5); /* those without a start */
    assert_percent(once.timed_out, once.starts, 40, 60); /* the accounts of the current system */
    options.retries = 100;
    struct counts again = count_all(options);
    assert_percent(again.starts, once.starts, 370, 400); /* four attempts each */
}

static void test_apps_differ(void **state)
{
    (void)state;
    static const char *const APPS[] = {"slack", "salesforce"};
    struct simulation_options options = usual(10000);
    options.failures = options.duplicates = options.envelopes = options.retries = 0;
    uint64_t started[2] = {0};
    uint64_t completed[2] = {0};
    struct simulated webhook;
    CLEANUP(payload_cleanup) struct payload payload = {0};
    struct simulation *simulation = simulation_new(&options);
    while (simulation_next(simulation, &webhook)) {
        assert_int_equal(payload_read(&payload, webhook.body), RC_OK);
        for (int i = 0; i < 2; i++) {
            bool same = slice_is(payload.app, APPS[i]);
            started[i] += same && is(&webhook, "connected_account.add.start");
            completed[i] += same && is(&webhook, "connected_account.add.completed");
        }
    }
    simulation_free(simulation);
    assert_percent(completed[0], started[0], 90, 97);
    assert_percent(completed[1], started[1], 47, 60);
}

static void test_fewer_apps(void **state)
{
    (void)state;
    struct simulation_options options = usual(200);
    struct simulated webhook;
    options.apps = 1;
    struct simulation *simulation = simulation_new(&options);
    while (simulation_next(simulation, &webhook))
        assert_non_null(memmem(webhook.body.ptr, webhook.body.len, "\"slack\"", 7));
    simulation_free(simulation);
}

static int by_hash(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* FNV-1a. */
static uint64_t hash(struct slice bytes)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < bytes.len; i++)
        hash = (hash ^ (unsigned char)bytes.ptr[i]) * UINT64_C(0x100000001B3);
    return hash;
}

static void test_only_duplicates_are_equal(void **state)
{
    (void)state;
    enum { ROOM = 50000 };
    struct simulation_options options = usual(5000);
    uint64_t *bodies = malloc(ROOM * sizeof *bodies);
    size_t count_bodies = 0;
    size_t duplicates = 0;
    size_t equal = 0;
    struct simulated webhook;
    options.duplicates = 20;
    struct simulation *simulation = simulation_new(&options);
    assert_non_null(bodies);
    while (simulation_next(simulation, &webhook)) {
        assert_true(count_bodies < ROOM);
        bodies[count_bodies++] = hash(webhook.body);
        duplicates += webhook.duplicate;
    }
    simulation_free(simulation);
    qsort(bodies, count_bodies, sizeof *bodies, by_hash);
    for (size_t i = 1; i < count_bodies; i++)
        equal += bodies[i] == bodies[i - 1];
    assert_true(duplicates > 1000);
    assert_int_equal(equal, duplicates);
    free(bodies);
}

static void test_memory_does_not_grow(void **state)
{
    (void)state;
    const struct simulation_options options = usual(0);
    struct simulated webhook;
    size_t early = 0;
    size_t late = 0;
    struct simulation *simulation = simulation_new(&options);
    for (int i = 0; i < 120000; i++) {
        assert_true(simulation_next(simulation, &webhook));
        size_t pending = simulation_pending(simulation);
        if (i < 30000)
            early = pending > early ? pending : early;
        else
            late = pending > late ? pending : late;
    }
    assert_true(early < 2000);
    assert_true(late < early * 3 / 2);
    simulation_free(simulation);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_seed_decides_everything),
        cmocka_unit_test(test_another_day_has_the_same_history),
        cmocka_unit_test(test_order_and_bounds),
        cmocka_unit_test(test_begin_for_an_end),
        cmocka_unit_test(test_bodies_are_what_receivers_know),
        cmocka_unit_test(test_percentages),
        cmocka_unit_test(test_nothing_goes_wrong_unless_asked_for),
        cmocka_unit_test(test_late_webhooks_are_overtaken),
        cmocka_unit_test(test_everybody_drops_out),
        cmocka_unit_test(test_apps_differ),
        cmocka_unit_test(test_fewer_apps),
        cmocka_unit_test(test_only_duplicates_are_equal),
        cmocka_unit_test(test_memory_does_not_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
