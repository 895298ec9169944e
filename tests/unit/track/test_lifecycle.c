#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "track/lifecycle.h"

/* Times in the tables are plain numbers of microseconds. */
static const struct patience PATIENCE = {.slow_after = 60, .abandoned_after = 720};

static const char KIND_LETTERS[] = "SCFXD"; /* start, completed, failed, expired, deleted */
static const char *const MARKS[STALLED_COUNT] = {"", " slow", " abandoned"};

static void add_time(struct buf *out, const char *before, usec at)
{
    if (at == TIME_NONE)
        buf_addf(out, "%s-", before);
    else
        buf_addf(out, "%s%" PRId64, before, at);
}

static void add_attempt(struct buf *out, const struct attempt *attempt)
{
    buf_addf(out, "; %c%" PRId64 " %s", KIND_LETTERS[attempt->opened_by.kind], attempt->opened_by.at,
             outcome_name(attempt->outcome));
    if (attempt->ended_at != TIME_NONE)
        buf_addf(out, "@%" PRId64, attempt->ended_at);
}

/* "S0 C42": applies them in this order; then the clock says `now`. */
static void live(const char *steps, usec now, struct buf *out)
{
    struct lifecycle life;
    struct attempt attempts[16];
    size_t count = 0;
    lifecycle_init(&life);
    for (const char *at = steps; *at;) {
        const char *letter = strchr(KIND_LETTERS, *at);
        char *end;
        assert_non_null(letter);
        struct step step = {.kind = (enum step_kind)(letter - KIND_LETTERS), .at = strtoll(at + 1, &end, 10)};
        enum lifecycle_effect effect = lifecycle_apply(&life, &step);
        assert_int_equal(life.attempts, count + (effect == LIFECYCLE_OPENED));
        count = life.attempts;
        if (effect != LIFECYCLE_SAME)
            attempts[count - 1] = life.attempt;
        at = *end == ' ' ? end + 1 : end;
    }
    assert_int_equal(life.has_attempt, count > 0);
    const char *status = account_status_name(life.status);
    buf_addf(out, "%s%s %zu", status ? status : "UNKNOWN", MARKS[lifecycle_stalled(&life, &PATIENCE, now)],
             count);
    add_time(out, " started ", life.started_at);
    add_time(out, " completed ", life.completed_at);
    add_time(out, " took ", life.time_to_connect);
    for (size_t i = 0; i < count; i++) {
        attempt_judge(&attempts[i], &PATIENCE, now);
        add_attempt(out, &attempts[i]);
    }
}

static const struct life {
    const char *steps;
    usec now;
    const char *want;
} LIVES[] = {
    {"", 0, "UNKNOWN 0 started - completed - took -"},
    {"S0", 59, "INITIATED 1 started 0 completed - took -; S0 pending"},
    {"S0", 60, "INITIATED slow 1 started 0 completed - took -; S0 pending"},
    {"S0", 719, "INITIATED slow 1 started 0 completed - took -; S0 pending"},
    {"S0", 720, "INITIATED abandoned 1 started 0 completed - took -; S0 abandoned"},
    {"S0 C42", 9999, "ACTIVE 1 started 0 completed 42 took 42; S0 completed@42"},
    {"S0 C800", 9999, "ACTIVE 1 started 0 completed 800 took 800; S0 completed@800"},
    {"S0 C0", 0, "ACTIVE 1 started 0 completed 0 took 0; S0 completed@0"},
    {"S-50 C-8", 0, "ACTIVE 1 started -50 completed -8 took 42; S-50 completed@-8"},
    /* no start was seen */
    {"C42", 99, "ACTIVE 1 started - completed 42 took -; C42 completed@42"},
    {"C42 C50", 99, "ACTIVE 1 started - completed 42 took -; C42 completed@42"},
    {"F5 C42", 99, "ACTIVE 1 started - completed 42 took -; C42 completed@42"},
    {"C42 X50 C60", 99, "ACTIVE 2 started - completed 60 took -; C42 completed@42; C60 completed@60"},
    {"C42 D50 C60", 99, "ACTIVE 2 started - completed 60 took -; C42 completed@42; C60 completed@60"},
    {"S0 C1 X2 C3", 99, "ACTIVE 2 started 0 completed 3 took 1; S0 completed@1; C3 completed@3"},
    {"S0 C1 C2", 99, "ACTIVE 1 started 0 completed 1 took 1; S0 completed@1"},
    /* again */
    {"S0 C1 S10", 20, "INITIATED 2 started 10 completed 1 took 1; S0 completed@1; S10 pending"},
    {"S0 C1 S10 C15", 20, "ACTIVE 2 started 10 completed 15 took 5; S0 completed@1; S10 completed@15"},
    {"S0 S10 C15", 20, "ACTIVE 2 started 10 completed 15 took 5; S0 pending; S10 completed@15"},
    {"S0 S10 C15", 725, "ACTIVE 2 started 10 completed 15 took 5; S0 abandoned; S10 completed@15"},
    {"S0 S10", 725, "INITIATED slow 2 started 10 completed - took -; S0 abandoned; S10 pending"},
    {"C5 S10 C15", 20, "ACTIVE 2 started 10 completed 15 took 5; C5 completed@5; S10 completed@15"},
    /* it ends otherwise */
    {"S0 F5", 9999, "FAILED 1 started 0 completed - took -; S0 failed@5"},
    {"S0 X5", 9999, "EXPIRED 1 started 0 completed - took -; S0 expired@5"},
    {"S0 X800", 9999, "EXPIRED 1 started 0 completed - took -; S0 expired@800"},
    {"S0 F5 C9", 20, "ACTIVE 1 started 0 completed 9 took 9; S0 completed@9"},
    {"S0 X5 C9", 20, "ACTIVE 1 started 0 completed 9 took 9; S0 completed@9"},
    {"S0 F5 X6", 20, "EXPIRED 1 started 0 completed - took -; S0 failed@5"},
    {"S0 C5 F6", 20, "FAILED 1 started 0 completed 5 took 5; S0 completed@5"},
    {"S0 C5 X6", 20, "EXPIRED 1 started 0 completed 5 took 5; S0 completed@5"},
    {"S0 F5 S6", 20, "INITIATED 2 started 6 completed - took -; S0 failed@5; S6 pending"},
    {"F5", 20, "FAILED 0 started - completed - took -"},
    {"X5", 20, "EXPIRED 0 started - completed - took -"},
    {"D5", 20, "DELETED 0 started - completed - took -"},
    {"S0 D5", 20, "DELETED 1 started 0 completed - took -; S0 pending"},
    {"S0 D5", 9999, "DELETED 1 started 0 completed - took -; S0 abandoned"},
    {"S0 D5 C9", 20, "ACTIVE 1 started 0 completed 9 took 9; S0 completed@9"},
    {"S0 C5 D9", 20, "DELETED 1 started 0 completed 5 took 5; S0 completed@5"},
};

static void lives_as_the_rules_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof LIVES / sizeof LIVES[0]; i++) {
        CLEANUP(buf_cleanup) struct buf got = BUF_INIT;
        live(LIVES[i].steps, LIVES[i].now, &got);
        if (strcmp(buf_str(&got), LIVES[i].want) != 0)
            fail_msg("%s at %" PRId64 ":\n%s, wanted\n%s", LIVES[i].steps, LIVES[i].now, buf_str(&got),
                     LIVES[i].want);
    }
}

static void knows_the_steps_by_their_types(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        char letter; /* '-': none */
    } CASES[] = {
        {"connected_account.add.start", 'S'},
        {"connected_account.add.completed", 'C'},
        {"composio.connected_account.activated", 'C'},
        {"connected_account.add.failed", 'F'},
        {"connected_account.refresh.failed", 'F'},
        {"connected_account.failed", 'F'},
        {"composio.connected_account.expired", 'X'},
        {"connected_account.expired", 'X'},
        {"connected_account.delete", 'D'},
        {"connected_account.deleted", 'D'},
        {"connected_account.delete.completed", 'D'},
        {"connected_account.remove.deleted", 'D'},
        {"composio.connected_account.deleted", 'D'},
        {"connected_account.delete.failed", '-'}, /* it is as it was */
        {"connected_account.delete.token.failed", '-'},
        {"connected_account.deletion.failed", '-'},
        {"connected_account.delete.failed.", 'D'},
        {"connected_account.undelete.failed", 'F'},
        {"", '-'},
        {"connected_account", '-'},
        {"connected_account.", '-'},
        {"connected_account.add", '-'},
        {"connected_account.add.started", '-'},
        {"connected_account.add.start.", '-'},
        {"Connected_account.add.start", '-'},
        {"xconnected_account.add.start", '-'},
        {"connected_account.failedx", '-'},
        {"connected_accountxfailed", '-'},
        {"composio.trigger.message", '-'},
        {"connected_account.add.start connected_account.add.completed", '-'},
        {"*", '-'},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        enum step_kind kind = STEP_COUNT;
        bool known = step_kind_of(slice_str(CASES[i].type), &kind);
        char got = known ? KIND_LETTERS[kind] : '-';
        if (got != CASES[i].letter)
            fail_msg("%s: %c, wanted %c", CASES[i].type, got, CASES[i].letter);
        assert_true(known || kind == STEP_COUNT);
    }
    enum step_kind kind;
    assert_false(step_kind_of(SLICE_NONE, &kind));
}

static void says_when_to_judge_again(void **state)
{
    (void)state;
    struct attempt attempt = {.opened_by = {.at = 100}, .outcome = OUTCOME_PENDING, .ended_at = TIME_NONE};
    assert_int_equal(attempt_judge(&attempt, &PATIENCE, 0), 160);
    assert_int_equal(attempt_judge(&attempt, &PATIENCE, 159), 160);
    assert_int_equal(attempt_judge(&attempt, &PATIENCE, 160), 820);
    assert_int_equal(attempt_judge(&attempt, &PATIENCE, 819), 820);
    assert_int_equal(attempt.outcome, OUTCOME_PENDING);
    assert_int_equal(attempt_judge(&attempt, &PATIENCE, 820), TIME_NONE);
    assert_int_equal(attempt.outcome, OUTCOME_ABANDONED);
    assert_int_equal(attempt.ended_at, TIME_NONE);
    for (int outcome = OUTCOME_COMPLETED; outcome < OUTCOME_COUNT; outcome++) {
        attempt.outcome = (enum outcome)outcome;
        assert_int_equal(attempt_judge(&attempt, &PATIENCE, 9999), TIME_NONE);
        assert_int_equal(attempt.outcome, outcome);
    }
}

static void slow_may_be_longer_than_abandoned(void **state)
{
    (void)state;
    static const struct patience SHORT = {.slow_after = 100, .abandoned_after = 50};
    struct attempt attempt = {.opened_by = {.at = 0}, .outcome = OUTCOME_PENDING, .ended_at = TIME_NONE};
    assert_int_equal(attempt_judge(&attempt, &SHORT, 0), 50);
    assert_int_equal(attempt_judge(&attempt, &SHORT, 49), 50);
    assert_int_equal(attempt_judge(&attempt, &SHORT, 50), TIME_NONE);
    assert_int_equal(attempt.outcome, OUTCOME_ABANDONED);
}

static void times_at_the_end_of_the_world_do_not_overflow(void **state)
{
    (void)state;
    struct lifecycle life;
    lifecycle_init(&life);
    lifecycle_apply(&life, &(struct step){.at = INT64_MAX - 10, .kind = STEP_START});
    assert_int_equal(lifecycle_stalled(&life, &PATIENCE, INT64_MAX - 1), STALLED_NOT);
    assert_int_equal(attempt_judge(&life.attempt, &PATIENCE, INT64_MAX - 1), INT64_MAX);
}

static void names_outcomes(void **state)
{
    (void)state;
    static const char *const NAMES[OUTCOME_COUNT] = {"pending", "completed", "failed", "expired",
                                                     "abandoned"};
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++)
        assert_string_equal(outcome_name((enum outcome)outcome), NAMES[outcome]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lives_as_the_rules_say),
        cmocka_unit_test(knows_the_steps_by_their_types),
        cmocka_unit_test(says_when_to_judge_again),
        cmocka_unit_test(slow_may_be_longer_than_abandoned),
        cmocka_unit_test(times_at_the_end_of_the_world_do_not_overflow),
        cmocka_unit_test(names_outcomes),
    };
    return cmocka_run_group_tests_name("lifecycle", tests, NULL, NULL);
}
