#include "track/steps.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    struct step step;
    uint64_t seq;
    struct slice reason; /* of a new one */
    bool is_new;
    bool was_opened; /* as the file has it; `was` then is its attempt */
    bool is_opened;  /* as folding makes it; `attempt` then is its attempt */
    struct attempt was;
    struct attempt attempt;
};

void steps_init(struct steps *steps, struct state *state, struct rollup *rollup,
                const struct patience *patience)
{
    *steps = (struct steps){.state = state, .rollup = rollup, .patience = patience};
}

void steps_cleanup(struct steps *steps)
{
    buf_cleanup(&steps->added);
    buf_cleanup(&steps->list);
}

void steps_clear(struct steps *steps)
{
    buf_clear(&steps->added);
}

static struct entry *entries(const struct buf *list, size_t *ret_count)
{
    *ret_count = list->len / sizeof(struct entry);
    return (struct entry *)(void *)list->ptr;
}

static int compare_steps(const struct step *a, const struct step *b)
{
    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    return (a->kind > b->kind) - (a->kind < b->kind);
}

static int compare(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    int order = compare_steps(&x->step, &y->step);
    return order ? order : (x->seq > y->seq) - (x->seq < y->seq);
}

void steps_add(struct steps *steps, const struct step *step, uint64_t seq, struct slice reason)
{
    struct entry entry = {.step = *step, .seq = seq, .reason = reason, .is_new = true};
    buf_add(&steps->added, &entry, sizeof entry);
}

/* ---- counting and writing ---- */

static void count_attempt(struct steps *steps, int64_t app, int64_t integration,
                          const struct attempt *attempt, int sign)
{
    rollup_count(steps->rollup, app, integration, attempt, sign);
    if (rollup_is_full(steps->rollup))
        rollup_flush(steps->rollup, steps->state);
}

static void count(struct steps *steps, const struct account_row *row, const struct attempt *attempt, int sign)
{
    count_attempt(steps, row->app.name, account_row_integration(row), attempt, sign);
}

static void save(struct steps *steps, const struct account_row *row, const struct step *step,
                 const struct attempt *attempt, usec deadline)
{
    if (attempt)
        state_run(steps->state, STATE_SET_ATTEMPT, "iiiitt", row->id, step->at, (int64_t)step->kind,
                  (int64_t)attempt->outcome, attempt->ended_at, deadline);
    else
        state_run(steps->state, STATE_SET_ATTEMPT, "iii000", row->id, step->at, (int64_t)step->kind);
}

static void add(struct steps *steps, const struct account_row *row, const struct entry *entry, usec deadline)
{
    const struct step *step = &entry->step;
    if (entry->is_opened)
        state_run(steps->state, STATE_ADD_STEP, "iiiisitt", row->id, step->at, (int64_t)step->kind,
                  (int64_t)entry->seq, entry->reason, (int64_t)entry->attempt.outcome,
                  entry->attempt.ended_at, deadline);
    else
        state_run(steps->state, STATE_ADD_STEP, "iiiis000", row->id, step->at, (int64_t)step->kind,
                  (int64_t)entry->seq, entry->reason);
}

static bool is_as_it_was(const struct entry *entry)
{
    return entry->was_opened == entry->is_opened &&
           (!entry->is_opened ||
            (entry->was.outcome == entry->attempt.outcome && entry->was.ended_at == entry->attempt.ended_at));
}

static void write_entry(struct steps *steps, const struct account_row *row, struct entry *entry, usec now)
{
    usec deadline = entry->is_opened ? attempt_judge(&entry->attempt, steps->patience, now) : TIME_NONE;
    bool same = is_as_it_was(entry);
    if (!same && entry->was_opened)
        count(steps, row, &entry->was, -1);
    if (!same && entry->is_opened)
        count(steps, row, &entry->attempt, 1);
    if (entry->is_new)
        add(steps, row, entry, deadline);
    else if (!same)
        save(steps, row, &entry->step, entry->is_opened ? &entry->attempt : NULL, deadline);
}

/* ---- what the file has ---- */

/* Of two texts of the same time the greater counts, so that the order of arrival does not. */
static void take_greater(struct slice *reason, struct slice other)
{
    if (slice_is_greater(other, *reason))
        *reason = other;
}

/* Steps told more than once become one: the first telling, with the greatest of their reasons. */
static void merge_tellings(struct steps *steps)
{
    size_t count;
    size_t kept = 0;
    struct entry *list = entries(&steps->added, &count);
    qsort(list, count, sizeof *list, compare);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && compare_steps(&list[kept - 1].step, &list[i].step) == 0)
            take_greater(&list[kept - 1].reason, list[i].reason);
        else
            list[kept++] = list[i];
    }
    buf_truncate(&steps->added, kept * sizeof *list);
}

static void set_reason(struct account_row *row, struct slice reason)
{
    buf_clear(&row->status_reason);
    buf_add_slice(&row->status_reason, reason);
}

/* Is it in the file? Then this is another telling, perhaps with a greater reason. */
static bool is_told(struct steps *steps, struct account_row *row, const struct entry *entry)
{
    const struct step *step = &entry->step;
    struct state *state = steps->state;
    if (!row->has_step || compare_steps(&row->last_step, step) < 0)
        return false;
    state_ask(state, STATE_FIND_STEP, "iii", row->id, step->at, (int64_t)step->kind);
    sqlite3_stmt *stored = state_next(state, STATE_FIND_STEP);
    if (!stored)
        return false;
    bool greater = slice_is_greater(entry->reason, column_text(stored, 0));
    state_done(state, STATE_FIND_STEP);
    if (greater)
        state_run(state, STATE_SET_REASON, "iiis", row->id, step->at, (int64_t)step->kind, entry->reason);
    if (greater && compare_steps(&row->last_step, step) == 0)
        set_reason(row, entry->reason);
    return true;
}

static void drop_told(struct steps *steps, struct account_row *row)
{
    size_t count;
    size_t kept = 0;
    struct entry *list = entries(&steps->added, &count);
    for (size_t i = 0; i < count; i++)
        if (!is_told(steps, row, &list[i]))
            list[kept++] = list[i];
    buf_truncate(&steps->added, kept * sizeof *list);
}

static struct attempt read_attempt(sqlite3_stmt *from, struct step opened_by)
{
    return (struct attempt){opened_by, (enum outcome)column_number(from, 2), column_time(from, 3)};
}

/*
 * The stored ones from `from` on, to the first start after `last`, which is not of them; NULL: to the end.
 * Returns whether there is such a start.
 */
static bool load(struct steps *steps, int64_t account, struct step from, const struct step *last,
                 struct step *ret_start)
{
    struct state *state = steps->state;
    state_ask(state, STATE_STEPS_FROM, "iii", account, from.at, (int64_t)from.kind);
    for (sqlite3_stmt *row; (row = state_next(state, STATE_STEPS_FROM));) {
        struct entry entry = {.step = {column_time(row, 0), (enum step_kind)column_number(row, 1)}};
        if (last && entry.step.kind == STEP_START && compare_steps(&entry.step, last) > 0) {
            *ret_start = entry.step;
            state_done(state, STATE_STEPS_FROM);
            return true;
        }
        entry.was_opened = sqlite3_column_type(row, 2) != SQLITE_NULL;
        entry.was = read_attempt(row, entry.step);
        buf_add(&steps->list, &entry, sizeof entry);
    }
    return false;
}

/* ---- folding ---- */

/* Where a stretch begins and ends, and what stands before it. */
struct stretch {
    struct lifecycle before;
    bool has_attempt; /* the first entry is the newest attempt before it, stored, and open for what follows */
    bool is_inner;    /* the rest of the account's life follows, and stays what it is */
    struct step next; /* is_inner: the start that it begins with */
};

/* Everything comes after what is known: it goes on from there. */
static struct stretch stretch_at_end(struct steps *steps, const struct account_row *row)
{
    const struct attempt *newest = &row->lifecycle.attempt;
    struct stretch stretch = {.before = row->lifecycle, .has_attempt = row->lifecycle.has_attempt};
    struct entry entry = {
        .step = newest->opened_by, .was_opened = true, .is_opened = true, .was = *newest, .attempt = *newest};
    if (stretch.has_attempt)
        buf_add(&steps->list, &entry, sizeof entry);
    return stretch;
}

/*
 * From the step that opened the attempt which `first` falls into; it opens it again whatever was before, and
 * the times that follow from older ones stand, since each that follows from it or a later one is set anew.
 */
static struct stretch stretch_around(struct steps *steps, const struct account_row *row,
                                     const struct step *first)
{
    struct state *state = steps->state;
    struct stretch stretch = {.has_attempt = false};
    struct step from = {INT64_MIN, STEP_START};
    lifecycle_init(&stretch.before);
    state_ask(state, STATE_OPENED_BEFORE, "iii", row->id, first->at, (int64_t)first->kind);
    sqlite3_stmt *opened = state_next(state, STATE_OPENED_BEFORE);
    if (opened) {
        from = (struct step){column_time(opened, 0), (enum step_kind)column_number(opened, 1)};
        state_done(state, STATE_OPENED_BEFORE);
        stretch.before.started_at = row->lifecycle.started_at;
        stretch.before.completed_at = row->lifecycle.completed_at;
        stretch.before.time_to_connect = row->lifecycle.time_to_connect;
    }
    size_t count;
    stretch.is_inner = load(steps, row->id, from, first, &stretch.next);
    const struct entry *list = entries(&steps->list, &count);
    stretch.before.attempts = row->lifecycle.attempts;
    for (size_t i = 0; i < count; i++)
        stretch.before.attempts -= list[i].was_opened;
    return stretch;
}

/* The new ones from the `done`th on that lie in the stretch join it; returns how many are done then. */
static size_t take_new(struct steps *steps, const struct stretch *stretch, size_t done)
{
    size_t count;
    const struct entry *added = entries(&steps->added, &count);
    while (done < count && !(stretch->is_inner && compare_steps(&added[done].step, &stretch->next) > 0))
        buf_add(&steps->list, &added[done++], sizeof *added);
    return done;
}

/* The newest step, and what it says. */
static void set_last(struct steps *steps, struct account_row *row)
{
    size_t count;
    const struct entry *last = &entries(&steps->list, &count)[count - 1];
    row->has_step = true;
    row->last_step = last->step;
    if (last->is_new) {
        set_reason(row, last->reason);
        return;
    }
    struct state *state = steps->state;
    state_ask(state, STATE_FIND_STEP, "iii", row->id, last->step.at, (int64_t)last->step.kind);
    sqlite3_stmt *stored = state_next(state, STATE_FIND_STEP);
    set_reason(row, stored ? column_text(stored, 0) : SLICE_NONE);
    if (stored)
        state_done(state, STATE_FIND_STEP);
}

/*
 * After an inner stretch: how the account stands follows from what comes later, and so do the times of its
 * completion once there is one later, since the first completion after a start completes that.
 */
static void keep_what_follows(struct account_row *row, const struct lifecycle *known, const struct step *next)
{
    struct lifecycle inner = row->lifecycle;
    row->lifecycle = *known;
    row->lifecycle.attempts = inner.attempts;
    if (known->completed_at == TIME_NONE || known->completed_at < next->at) {
        row->lifecycle.completed_at = inner.completed_at;
        row->lifecycle.time_to_connect = inner.time_to_connect;
    }
}

static void fold(struct steps *steps, struct account_row *row, const struct stretch *stretch, usec now)
{
    size_t count;
    struct entry *list = entries(&steps->list, &count);
    size_t newest = 0;
    struct lifecycle known = row->lifecycle;
    qsort(list, count, sizeof *list, compare);
    row->lifecycle = stretch->before;
    for (size_t i = stretch->has_attempt ? 1 : 0; i < count; i++) {
        enum lifecycle_effect effect = lifecycle_apply(&row->lifecycle, &list[i].step);
        list[i].is_opened = effect == LIFECYCLE_OPENED;
        if (list[i].is_opened)
            newest = i;
        if (effect != LIFECYCLE_SAME)
            list[newest].attempt = row->lifecycle.attempt;
    }
    for (size_t i = 0; i < count; i++)
        write_entry(steps, row, &list[i], now);
    if (row->lifecycle.has_attempt)
        row->lifecycle.attempt = list[newest].attempt; /* judged */
    if (stretch->is_inner)
        keep_what_follows(row, &known, &stretch->next);
    else
        set_last(steps, row);
}

static bool have_failed(struct steps *steps)
{
    if (buf_failed(&steps->added) || buf_failed(&steps->list))
        state_fail(steps->state, RC_NO_MEMORY, "memory ran out");
    return state_failed(steps->state);
}

void steps_fold(struct steps *steps, struct account_row *row, usec now)
{
    size_t count = 0;
    if (have_failed(steps) || steps->added.len == 0)
        return;
    merge_tellings(steps);
    drop_told(steps, row);
    const struct entry *added = entries(&steps->added, &count);
    for (size_t done = 0; done < count && !have_failed(steps);) {
        const struct step *first = &added[done].step;
        bool at_end = !row->has_step || compare_steps(&row->last_step, first) < 0;
        buf_clear(&steps->list);
        struct stretch stretch = at_end ? stretch_at_end(steps, row) : stretch_around(steps, row, first);
        done = take_new(steps, &stretch, done);
        if (!have_failed(steps))
            fold(steps, row, &stretch, now);
    }
}

void steps_fold_all(struct steps *steps, struct account_row *row, usec now)
{
    struct stretch all = {.has_attempt = false};
    lifecycle_init(&all.before);
    row->lifecycle = all.before;
    row->has_step = false;
    set_reason(row, SLICE_NONE);
    buf_clear(&steps->list);
    load(steps, row->id, (struct step){INT64_MIN, STEP_START}, NULL, NULL);
    if (!have_failed(steps) && steps->list.len > 0)
        fold(steps, row, &all, now);
}

/* ---- attempts that are there ---- */

void steps_move(struct steps *steps, const struct account_row *row, int64_t app, int64_t integration)
{
    struct state *state = steps->state;
    state_ask(state, STATE_ATTEMPTS, "i", row->id);
    for (sqlite3_stmt *from; (from = state_next(state, STATE_ATTEMPTS));) {
        struct step opened_by = {column_time(from, 0), (enum step_kind)column_number(from, 1)};
        struct attempt attempt = read_attempt(from, opened_by);
        count_attempt(steps, app, integration, &attempt, -1);
        count(steps, row, &attempt, 1);
    }
}

void steps_judge(struct steps *steps, const struct account_row *row, struct attempt *attempt, usec now)
{
    count(steps, row, attempt, -1);
    usec deadline = attempt_judge(attempt, steps->patience, now);
    count(steps, row, attempt, 1);
    save(steps, row, &attempt->opened_by, attempt, deadline);
}
