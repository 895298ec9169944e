#include "track/lifecycle.h"

#include <assert.h>

/* `pattern` has at most one '*'. */
static bool matches(struct slice text, struct slice pattern)
{
    struct slice after = pattern;
    struct slice before = slice_split(&after, '*');
    if (before.len == pattern.len)
        return slice_equal(text, pattern);
    return text.len >= before.len + after.len && memcmp(text.ptr, before.ptr, before.len) == 0 &&
           slice_equal(slice_skip(text, text.len - after.len), after);
}

static bool matches_any(struct slice type, const char *patterns)
{
    struct slice rest = slice_str(patterns);
    while (rest.len > 0)
        if (matches(type, slice_split(&rest, ' ')))
            return true;
    return false;
}

bool step_kind_of(struct slice type, enum step_kind *ret)
{
#define STEP_TYPES_ROW(name, number, types, status) [name] = (types),
    static const char *const TYPES[STEP_COUNT] = {STEP_KINDS(STEP_TYPES_ROW)};
#undef STEP_TYPES_ROW
    if (matches_any(type, STEP_EXCEPTIONS))
        return false;
    for (int kind = 0; kind < STEP_COUNT; kind++) {
        if (matches_any(type, TYPES[kind])) {
            *ret = (enum step_kind)kind;
            return true;
        }
    }
    return false;
}

const char *outcome_name(enum outcome outcome)
{
#define OUTCOME_TEXT_ROW(name, number, text) [name] = (text),
    static const char *const TEXTS[OUTCOME_COUNT] = {OUTCOMES(OUTCOME_TEXT_ROW)};
#undef OUTCOME_TEXT_ROW
    assert((unsigned)outcome < OUTCOME_COUNT);
    return TEXTS[outcome];
}

static enum account_status status_after(enum step_kind kind)
{
#define STEP_STATUS_ROW(name, number, types, status) [name] = (status),
    static const enum account_status STATUSES[STEP_COUNT] = {STEP_KINDS(STEP_STATUS_ROW)};
#undef STEP_STATUS_ROW
    return STATUSES[kind];
}

usec attempt_time_to_connect(const struct attempt *attempt)
{
    if (attempt->outcome != OUTCOME_COMPLETED || attempt->opened_by.kind != STEP_START)
        return TIME_NONE;
    return attempt->ended_at - attempt->opened_by.at;
}

void lifecycle_init(struct lifecycle *lifecycle)
{
    *lifecycle =
        (struct lifecycle){.started_at = TIME_NONE, .completed_at = TIME_NONE, .time_to_connect = TIME_NONE};
}

static enum lifecycle_effect open_attempt(struct lifecycle *lifecycle, const struct step *step,
                                          enum outcome outcome, usec ended_at)
{
    lifecycle->has_attempt = true;
    lifecycle->attempts++;
    lifecycle->attempt = (struct attempt){*step, outcome, ended_at};
    return LIFECYCLE_OPENED;
}

static enum lifecycle_effect end_attempt(struct lifecycle *lifecycle, const struct step *step,
                                         enum outcome outcome)
{
    lifecycle->attempt.outcome = outcome;
    lifecycle->attempt.ended_at = step->at;
    return LIFECYCLE_ENDED;
}

static bool is_open(const struct lifecycle *lifecycle)
{
    enum outcome outcome = lifecycle->attempt.outcome;
    return lifecycle->has_attempt && (outcome == OUTCOME_PENDING || outcome == OUTCOME_ABANDONED);
}

static enum lifecycle_effect complete(struct lifecycle *lifecycle, const struct step *step)
{
    enum lifecycle_effect effect = LIFECYCLE_SAME;
    if (lifecycle->has_attempt && lifecycle->attempt.outcome != OUTCOME_COMPLETED)
        effect = end_attempt(lifecycle, step, OUTCOME_COMPLETED);
    else if (lifecycle->status != STATUS_ACTIVE)
        effect = open_attempt(lifecycle, step, OUTCOME_COMPLETED, step->at);
    if (effect == LIFECYCLE_SAME)
        return effect;
    lifecycle->completed_at = step->at;
    usec took = attempt_time_to_connect(&lifecycle->attempt);
    if (took != TIME_NONE)
        lifecycle->time_to_connect = took;
    return effect;
}

enum lifecycle_effect lifecycle_apply(struct lifecycle *lifecycle, const struct step *step)
{
    enum lifecycle_effect effect = LIFECYCLE_SAME;
    switch (step->kind) {
    case STEP_START:
        effect = open_attempt(lifecycle, step, OUTCOME_PENDING, TIME_NONE);
        lifecycle->started_at = step->at;
        break;
    case STEP_COMPLETED:
        effect = complete(lifecycle, step);
        break;
    case STEP_FAILED:
    case STEP_EXPIRED:
        if (is_open(lifecycle))
            effect =
                end_attempt(lifecycle, step, step->kind == STEP_FAILED ? OUTCOME_FAILED : OUTCOME_EXPIRED);
        break;
    case STEP_DELETED:
    case STEP_COUNT:
        break;
    }
    lifecycle->status = status_after(step->kind);
    return effect;
}

/* Times come from strangers: no sum of them may overflow. */
static usec later(usec at, usec duration)
{
    usec sum;
    return __builtin_add_overflow(at, duration, &sum) ? INT64_MAX : sum;
}

usec attempt_judge(struct attempt *attempt, const struct patience *patience, usec now)
{
    if (attempt->outcome != OUTCOME_PENDING)
        return TIME_NONE;
    usec slow = later(attempt->opened_by.at, patience->slow_after);
    usec abandoned = later(attempt->opened_by.at, patience->abandoned_after);
    if (now >= abandoned) {
        attempt->outcome = OUTCOME_ABANDONED;
        return TIME_NONE;
    }
    return now < slow && slow < abandoned ? slow : abandoned;
}

enum stalled lifecycle_stalled(const struct lifecycle *lifecycle, const struct patience *patience, usec now)
{
    if (lifecycle->status != STATUS_INITIATED || !is_open(lifecycle))
        return STALLED_NOT;
    usec started = lifecycle->attempt.opened_by.at;
    if (now >= later(started, patience->abandoned_after))
        return STALLED_ABANDONED;
    return now >= later(started, patience->slow_after) ? STALLED_SLOW : STALLED_NOT;
}
