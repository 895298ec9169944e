#include "track/read_model.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/metric.h"
#include "track/account_row.h"
#include "track/event.h"
#include "track/names.h"
#include "track/rollup.h"
#include "track/text_index.h"
#include "wire/dedupe_key.h"
#include "wire/duplicates.h"

struct read_model {
    struct read_model_options options;
    struct state state;
    struct names names;
    struct rollup rollup;
    struct text_index text;
    struct buf tallies; /* struct tally each */
    uint64_t position;  /* of what is committed */
    uint64_t applied;   /* of what the transaction has seen */

    /* Used again for each record. */
    struct account_row row;
    struct buf words;
    struct buf old_words;
    struct buf old_user;
    struct buf steps;    /* struct stored_step each */
    struct buf texts[3]; /* names of an account for the listener */
    bool heard;          /* the listener was told something in this transaction */
};

/* One account more (1) or less (-1) of this app and status. */
struct tally {
    int64_t app;
    int64_t status;
    int64_t change;
};

/* ---- small parts ---- */

static struct slice limited(struct slice text)
{
    return text.len <= READ_MODEL_MAX_NAME ? text : SLICE_NONE;
}

/* At a whole character. */
static struct slice cut(struct slice text, size_t max)
{
    if (text.len <= max)
        return text;
    while (max > 0 && ((unsigned char)text.ptr[max] & 0xC0) == 0x80)
        max--;
    return slice_of(text.ptr, max);
}

static void tally(struct read_model *model, const struct account_row *row, int change)
{
    struct tally entry = {row->app.name, row->lifecycle.status, change};
    buf_add(&model->tallies, &entry, sizeof entry);
}

static int compare_tallies(const void *a, const void *b)
{
    const struct tally *x = a;
    const struct tally *y = b;
    if (x->app != y->app)
        return x->app < y->app ? -1 : 1;
    return (x->status > y->status) - (x->status < y->status);
}

static void flush_tallies(struct read_model *model)
{
    struct tally *entries = (struct tally *)(void *)model->tallies.ptr;
    size_t count = model->tallies.len / sizeof *entries;
    if (buf_failed(&model->tallies))
        state_fail(&model->state, RC_NO_MEMORY, "memory ran out");
    if (count > 0)
        qsort(entries, count, sizeof *entries, compare_tallies);
    for (size_t i = 0; i < count;) {
        struct tally sum = {entries[i].app, entries[i].status, 0};
        for (; i < count && compare_tallies(&entries[i], &sum) == 0; i++)
            sum.change += entries[i].change;
        if (sum.change != 0)
            state_run(&model->state, STATE_ADD_TALLY, "iii", sum.app, sum.status, sum.change);
        if (sum.change < 0)
            state_run(&model->state, STATE_DROP_TALLY, "ii", sum.app, sum.status);
    }
    buf_clear(&model->tallies);
}

static bool is_heard(const struct read_model *model)
{
    const struct tracker_listener *listener = &model->options.listener;
    return listener->wanted && listener->wanted(listener->arg);
}

/* ---- what accounts look like to others ---- */

static struct slice name_text(struct read_model *model, struct buf *text, int64_t name)
{
    buf_clear(text);
    names_write(&model->state, name, text);
    return text->len ? buf_slice(text) : SLICE_NONE;
}

static struct account account_of(struct read_model *model, const struct account_row *row)
{
    const struct lifecycle *lifecycle = &row->lifecycle;
    return (struct account){
        .number = (uint64_t)row->id,
        .id = buf_slice(&row->account_id),
        .app = name_text(model, &model->texts[0], row->app.name),
        .integration_name = name_text(model, &model->texts[1], row->integration_name.name),
        .integration_id = name_text(model, &model->texts[2], row->integration_id.name),
        .user_id = row->user_id.len ? buf_slice(&row->user_id) : SLICE_NONE,
        .status = lifecycle->status,
        .stalled = row->stalled,
        .attempts = lifecycle->attempts,
        .first_seen_at = row->first_seen_at,
        .started_at = lifecycle->started_at,
        .completed_at = lifecycle->completed_at,
        .time_to_connect = lifecycle->time_to_connect,
        .last_event_at = row->last_event_at,
        .status_reason = row->status_reason.len ? buf_slice(&row->status_reason) : SLICE_NONE,
    };
}

static void tell(struct read_model *model, const struct record *record, const struct payload *payload,
                 const struct account_row *row)
{
    const struct tracker_listener *listener = &model->options.listener;
    struct account account;
    if (row)
        account = account_of(model, row);
    if (row && listener->on_account)
        listener->on_account(listener->arg, record, &account);
    if (record && listener->on_event)
        listener->on_event(listener->arg, record, payload, row ? &account : NULL);
    model->heard = true;
}

/* ---- words ---- */

static void account_words(struct read_model *model, const struct account_row *row, struct buf *out)
{
    static const size_t DETAILS = 3;
    const int64_t names[] = {row->app.name, row->integration_name.name, row->integration_id.name};
    buf_clear(out);
    text_index_words(out, buf_slice(&row->account_id));
    text_index_words(out, buf_slice(&row->user_id));
    for (size_t i = 0; i < DETAILS; i++)
        text_index_words(out, name_text(model, &model->texts[i], names[i]));
}

static void index_event(struct read_model *model, const struct record *record, const struct payload *payload)
{
    struct buf *words = &model->words;
    const struct slice texts[] = {payload->type,
                                  payload->app,
                                  payload->integration_name,
                                  payload->integration_id,
                                  payload->connected_account_id,
                                  payload->user_id,
                                  payload->trigger_id,
                                  cut(payload->status_reason, READ_MODEL_MAX_REASON)};
    buf_clear(words);
    dedupe_key_format(record->key_hashed, record->key, words);
    buf_add_char(words, ' ');
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        text_index_words(words, cut(texts[i], READ_MODEL_MAX_REASON));
    if (buf_failed(words))
        state_fail(&model->state, RC_NO_MEMORY, "memory ran out");
    else
        text_index_add_event(&model->text, &model->state, record->seq, buf_slice(words));
}

/* ---- steps and attempts ---- */

struct stored_step {
    struct step step;
    bool opened;
    struct attempt attempt;
    size_t reason_at; /* in model->words */
    size_t reason_len;
};

static void count_attempt(struct read_model *model, const struct account_row *row,
                          const struct attempt *attempt, int sign)
{
    rollup_count(&model->rollup, row->app.name, account_row_integration(row), attempt, sign);
    if (rollup_is_full(&model->rollup))
        rollup_flush(&model->rollup, &model->state);
}

static void save_attempt(struct read_model *model, const struct account_row *row,
                         const struct attempt *attempt, usec deadline)
{
    state_run(&model->state, STATE_SET_ATTEMPT, "iiiitt", row->id, attempt->opened_by.at,
              (int64_t)attempt->opened_by.kind, (int64_t)attempt->outcome, attempt->ended_at, deadline);
}

/* A step that opens no attempt. */
static void add_step(struct read_model *model, const struct account_row *row, const struct step *step,
                     uint64_t seq, struct slice reason)
{
    state_run(&model->state, STATE_ADD_STEP, "iiiis000", row->id, step->at, (int64_t)step->kind, (int64_t)seq,
              reason);
}

/* The one that opened the newest attempt. */
static void add_opening_step(struct read_model *model, const struct account_row *row, uint64_t seq,
                             struct slice reason, usec deadline)
{
    const struct attempt *attempt = &row->lifecycle.attempt;
    state_run(&model->state, STATE_ADD_STEP, "iiiisitt", row->id, attempt->opened_by.at,
              (int64_t)attempt->opened_by.kind, (int64_t)seq, reason, (int64_t)attempt->outcome,
              attempt->ended_at, deadline);
}

static void set_reason(struct account_row *row, struct slice reason)
{
    buf_clear(&row->status_reason);
    buf_add_slice(&row->status_reason, reason);
}

/* A step that comes after all others. */
static void append_step(struct read_model *model, struct account_row *row, const struct step *step,
                        uint64_t seq, struct slice reason, usec now)
{
    struct attempt before = row->lifecycle.attempt;
    struct attempt *attempt = &row->lifecycle.attempt;
    enum lifecycle_effect effect = lifecycle_apply(&row->lifecycle, step);
    usec deadline =
        effect == LIFECYCLE_SAME ? TIME_NONE : attempt_judge(attempt, &model->options.patience, now);
    if (effect == LIFECYCLE_OPENED)
        add_opening_step(model, row, seq, reason, deadline);
    else
        add_step(model, row, step, seq, reason);
    if (effect == LIFECYCLE_ENDED) {
        count_attempt(model, row, &before, -1);
        save_attempt(model, row, attempt, deadline);
    }
    if (effect != LIFECYCLE_SAME)
        count_attempt(model, row, attempt, 1);
    row->has_step = true;
    row->last_step = *step;
    set_reason(row, reason);
}

static void load_steps(struct read_model *model, int64_t account)
{
    struct state *state = &model->state;
    buf_clear(&model->steps);
    buf_clear(&model->words);
    state_ask(state, STATE_STEPS, "i", account);
    for (sqlite3_stmt *from; (from = state_next(state, STATE_STEPS));) {
        struct slice reason = column_text(from, 2);
        struct stored_step stored = {
            .step = {column_time(from, 0), (enum step_kind)column_number(from, 1)},
            .opened = sqlite3_column_type(from, 3) != SQLITE_NULL,
            .reason_at = model->words.len,
            .reason_len = reason.len,
        };
        stored.attempt =
            (struct attempt){stored.step, (enum outcome)column_number(from, 3), column_time(from, 4)};
        buf_add_slice(&model->words, reason);
        buf_add(&model->steps, &stored, sizeof stored);
    }
    if (buf_failed(&model->steps) || buf_failed(&model->words))
        state_fail(state, RC_NO_MEMORY, "memory ran out");
}

static struct stored_step *loaded_steps(struct read_model *model, size_t *ret_count)
{
    *ret_count = model->steps.len / sizeof(struct stored_step);
    return (struct stored_step *)(void *)model->steps.ptr;
}

/* Counts all attempts of the account, with the app and integration that it has now. */
static void count_attempts(struct read_model *model, const struct account_row *row, int sign)
{
    size_t count;
    load_steps(model, row->id);
    struct stored_step *steps = loaded_steps(model, &count);
    for (size_t i = 0; i < count; i++)
        if (steps[i].opened)
            count_attempt(model, row, &steps[i].attempt, sign);
}

/* The lifecycle from the beginning; each step that opened an attempt gets it. */
static void fold(struct account_row *row, struct stored_step *steps, size_t count)
{
    size_t current = 0;
    lifecycle_init(&row->lifecycle);
    for (size_t i = 0; i < count; i++) {
        enum lifecycle_effect effect = lifecycle_apply(&row->lifecycle, &steps[i].step);
        steps[i].opened = effect == LIFECYCLE_OPENED;
        if (effect == LIFECYCLE_OPENED)
            current = i;
        if (effect != LIFECYCLE_SAME)
            steps[current].attempt = row->lifecycle.attempt;
    }
}

/* After steps have changed anywhere but at the end: everything that follows from them anew. */
static void refold(struct read_model *model, struct account_row *row, usec now)
{
    size_t count;
    count_attempts(model, row, -1);
    struct stored_step *steps = loaded_steps(model, &count);
    if (state_failed(&model->state) || count == 0)
        return;
    fold(row, steps, count);
    for (size_t i = 0; i < count; i++) {
        struct attempt *attempt = &steps[i].attempt;
        if (!steps[i].opened) {
            state_run(&model->state, STATE_SET_ATTEMPT, "iii000", row->id, steps[i].step.at,
                      (int64_t)steps[i].step.kind);
            continue;
        }
        usec deadline = attempt_judge(attempt, &model->options.patience, now);
        count_attempt(model, row, attempt, 1);
        save_attempt(model, row, attempt, deadline);
        row->lifecycle.attempt = *attempt; /* the last one stays */
    }
    row->has_step = true;
    row->last_step = steps[count - 1].step;
    set_reason(row,
               slice_of(buf_str(&model->words) + steps[count - 1].reason_at, steps[count - 1].reason_len));
}

static bool is_before(const struct step *a, const struct step *b)
{
    return a->at != b->at ? a->at < b->at : a->kind < b->kind;
}

/* Of two texts of the same time the greater counts, so that the order of arrival does not. */
static bool is_greater(struct slice a, struct slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.ptr, b.ptr, common) : 0;
    return order > 0 || (order == 0 && a.len > b.len);
}

/* Is the step known? Then this is another telling of it, perhaps with another reason. */
static bool has_step(struct read_model *model, struct account_row *row, const struct step *step,
                     struct slice reason)
{
    struct state *state = &model->state;
    state_ask(state, STATE_FIND_STEP, "iii", row->id, step->at, (int64_t)step->kind);
    sqlite3_stmt *stored = state_next(state, STATE_FIND_STEP);
    if (!stored)
        return false;
    bool better = is_greater(reason, column_text(stored, 0));
    state_done(state, STATE_FIND_STEP);
    if (better)
        state_run(state, STATE_SET_REASON, "iiis", row->id, step->at, (int64_t)step->kind, reason);
    if (better && row->last_step.at == step->at && row->last_step.kind == step->kind)
        set_reason(row, reason);
    return true;
}

static void take_step(struct read_model *model, struct account_row *row, const struct step *step,
                      uint64_t seq, struct slice reason, usec now)
{
    bool newest = !row->has_step || is_before(&row->last_step, step);
    if (!newest && has_step(model, row, step, reason))
        return;
    if (newest) {
        append_step(model, row, step, seq, reason, now);
        return;
    }
    add_step(model, row, step, seq, reason);
    refold(model, row, now);
}

/* ---- accounts ---- */

static bool is_newer_name(struct read_model *model, const struct detail *detail, int64_t name,
                          struct slice text, usec at)
{
    if (name == 0 || name == detail->name)
        return false;
    if (detail->name == 0 || at != detail->at)
        return detail->name == 0 || at > detail->at;
    return is_greater(text, name_text(model, &model->texts[0], detail->name));
}

static bool learn(struct read_model *model, struct detail *detail, struct slice text, usec at)
{
    text = limited(text);
    int64_t name = names_number(&model->names, &model->state, text);
    if (is_newer_name(model, detail, name, text, at)) {
        *detail = (struct detail){name, at};
        return true;
    }
    if (name != 0 && name == detail->name && at > detail->at)
        detail->at = at;
    return false;
}

static bool learn_user(struct account_row *row, struct slice user, usec at)
{
    user = limited(user);
    struct slice old = buf_slice(&row->user_id);
    if (user.len == 0 || (row->user_id_at != TIME_NONE && at < row->user_id_at))
        return false;
    if (at == row->user_id_at && !is_greater(user, old))
        return false;
    row->user_id_at = at;
    if (slice_equal(user, old))
        return false;
    buf_clear(&row->user_id);
    buf_add_slice(&row->user_id, user);
    return true;
}

/* Its attempts were counted under another app or integration. */
static void move_attempts(struct read_model *model, const struct account_row *before,
                          const struct account_row *row)
{
    bool moved =
        before->app.name != row->app.name || account_row_integration(before) != account_row_integration(row);
    if (!moved || row->lifecycle.attempts == 0)
        return;
    count_attempts(model, before, -1);
    count_attempts(model, row, 1);
}

/* What the event says about its account beside its step. */
static void learn_details(struct read_model *model, struct account_row *row, const struct payload *payload,
                          usec at, bool is_new)
{
    struct account_row before = *row; /* borrows, but for the user */
    buf_clear(&model->old_user);
    buf_add_slice(&model->old_user, buf_slice(&row->user_id));
    before.user_id = model->old_user;
    bool changed = learn(model, &row->app, payload->app, at);
    changed |= learn(model, &row->integration_name, payload->integration_name, at);
    changed |= learn(model, &row->integration_id, payload->integration_id, at);
    changed |= learn_user(row, payload->user_id, at);
    if (!changed && !is_new)
        return;
    move_attempts(model, &before, row);
    buf_clear(&model->old_words);
    if (!is_new)
        account_words(model, &before, &model->old_words);
    account_words(model, row, &model->words);
    if (buf_failed(&model->words) || buf_failed(&model->old_words) || buf_failed(&model->old_user))
        state_fail(&model->state, RC_NO_MEMORY, "memory ran out");
    text_index_set_account(&model->text, &model->state, row->id, buf_slice(&model->old_words),
                           buf_slice(&model->words));
}

/* The account that the event is about, changed and saved; NULL: none. */
static struct account_row *apply_to_account(struct read_model *model, const struct record *record,
                                            const struct payload *payload, usec at, usec now)
{
    struct state *state = &model->state;
    struct account_row *row = &model->row;
    struct slice id = limited(payload->connected_account_id);
    if (id.len == 0)
        return NULL;
    bool is_new = !account_row_find(state, id, row);
    if (is_new && !state_failed(state))
        account_row_add(state, id, record->received_at, record->seq, row);
    if (state_failed(state))
        return NULL;
    if (!is_new)
        tally(model, row, -1);
    learn_details(model, row, payload, at, is_new);
    struct step step = {.at = at};
    if (step_kind_of(payload->type, &step.kind))
        take_step(model, row, &step, record->seq, cut(payload->status_reason, READ_MODEL_MAX_REASON), now);
    if (at > row->last_event_at)
        row->last_event_at = at;
    row->stalled = lifecycle_stalled(&row->lifecycle, &model->options.patience, now);
    account_row_save(state, row);
    tally(model, row, 1);
    return row;
}

/* ---- records ---- */

static void count_shape(enum shape shape)
{
    static const enum metric METRICS[SHAPE_COUNT] = {
        [SHAPE_ADMIN] = METRIC_SHAPE_ADMIN, [SHAPE_V3] = METRIC_SHAPE_V3,       [SHAPE_V2] = METRIC_SHAPE_V2,
        [SHAPE_V1] = METRIC_SHAPE_V1,       [SHAPE_OTHER] = METRIC_SHAPE_OTHER,
    };
    metric_add(METRICS[shape], 1);
}

static void apply_event(struct read_model *model, const struct record *record, usec now)
{
    struct payload payload = {.shape = SHAPE_OTHER};
    json_t *tree = NULL;
    /* It was checked when it was accepted; an import from elsewhere may hold anything. */
    if (json_parse(record->body, &tree, NULL) == RC_OK && json_is_object(tree))
        payload_read(tree, &payload);
    usec at = event_occurred_at(record, &payload);
    struct account_row *row = apply_to_account(model, record, &payload, at, now);
    int64_t type = names_number(&model->names, &model->state, limited(payload.type));
    int64_t app = names_number(&model->names, &model->state, limited(payload.app));
    if (app == 0 && row)
        app = row->app.name;
    state_run(&model->state, STATE_ADD_EVENT, "iiiiii", (int64_t)record->seq, row ? row->id : 0, type, app,
              record->received_at, at);
    index_event(model, record, &payload);
    count_shape(payload.shape);
    if (is_heard(model) && !state_failed(&model->state))
        tell(model, record, payload.body ? &payload : NULL, row);
    json_decref(tree);
}

static void add_duplicate(void *arg, const struct duplicate *duplicate)
{
    struct read_model *model = arg;
    state_run(&model->state, STATE_ADD_DUPLICATES, "ii", (int64_t)duplicate->seq, (int64_t)duplicate->count);
}

static void apply_duplicates(struct read_model *model, const struct record *record)
{
    /* One that cannot be read says nothing; it must not hold up all that follows. */
    if (duplicates_read(record->body, add_duplicate, model, NULL) != RC_OK)
        log_warn("a record of duplicates cannot be read", "seq", LOG_NUM(record->seq));
}

void read_model_apply(struct read_model *model, const struct record *record, usec now)
{
    if (state_failed(&model->state))
        return;
    if (record->kind == RECORD_EVENT)
        apply_event(model, record, now);
    else if (record->kind == RECORD_DUPLICATES)
        apply_duplicates(model, record);
    model->applied = record->seq;
}

/* ---- the clock ---- */

struct due {
    int64_t account;
    struct step opened_by;
};

static void judge_one(struct read_model *model, const struct due *due, usec now)
{
    struct account_row *row = &model->row;
    struct attempt attempt = {due->opened_by, OUTCOME_PENDING, TIME_NONE};
    if (!account_row_get(&model->state, due->account, row)) {
        state_fail(&model->state, RC_CORRUPT, "the read model has an attempt of no account");
        return;
    }
    count_attempt(model, row, &attempt, -1);
    usec deadline = attempt_judge(&attempt, &model->options.patience, now);
    count_attempt(model, row, &attempt, 1);
    save_attempt(model, row, &attempt, deadline);
    const struct step *newest = &row->lifecycle.attempt.opened_by;
    if (newest->at != due->opened_by.at || newest->kind != due->opened_by.kind)
        return;
    row->lifecycle.attempt = attempt;
    row->stalled = lifecycle_stalled(&row->lifecycle, &model->options.patience, now);
    account_row_save(&model->state, row);
    if (is_heard(model) && !state_failed(&model->state))
        tell(model, NULL, NULL, row);
}

size_t read_model_judge(struct read_model *model, usec now, size_t max)
{
    struct state *state = &model->state;
    buf_clear(&model->steps);
    state_ask(state, STATE_DUE, "ii", now, (int64_t)max);
    for (sqlite3_stmt *from; (from = state_next(state, STATE_DUE));) {
        struct due due = {column_number(from, 0),
                          {column_time(from, 1), (enum step_kind)column_number(from, 2)}};
        buf_add(&model->steps, &due, sizeof due);
    }
    const struct due *due = (const struct due *)(const void *)model->steps.ptr;
    size_t count = model->steps.len / sizeof *due;
    for (size_t i = 0; i < count && !state_failed(state); i++)
        judge_one(model, &due[i], now);
    return count;
}

usec read_model_next_deadline(struct read_model *model)
{
    state_ask(&model->state, STATE_NEXT_DEADLINE, "");
    return state_number(&model->state, STATE_NEXT_DEADLINE, TIME_NONE);
}

/* ---- transactions ---- */

uint64_t read_model_position(const struct read_model *model)
{
    return model->position;
}

static void forget(struct read_model *model)
{
    const struct tracker_listener *listener = &model->options.listener;
    names_forget(&model->names);
    rollup_forget(&model->rollup);
    text_index_forget(&model->text);
    buf_clear(&model->tallies);
    if (model->heard && listener->on_rollback)
        listener->on_rollback(listener->arg);
    model->heard = false;
}

void read_model_begin(struct read_model *model)
{
    model->applied = model->position;
    model->heard = false;
    state_begin(&model->state);
}

enum rc read_model_commit(struct read_model *model, struct err *err)
{
    const struct tracker_listener *listener = &model->options.listener;
    rollup_flush(&model->rollup, &model->state);
    flush_tallies(model);
    if (model->applied != model->position)
        state_set_meta(&model->state, "position", (int64_t)model->applied);
    enum rc rc = state_commit(&model->state, err);
    if (rc != RC_OK) {
        forget(model);
        return rc;
    }
    model->position = model->applied;
    if (listener->on_commit)
        listener->on_commit(listener->arg, model->position);
    return RC_OK;
}

bool read_model_trim(struct read_model *model, uint64_t first, size_t max)
{
    struct state *state = &model->state;
    state_ask(state, STATE_FIRST_EVENT, "");
    uint64_t oldest = (uint64_t)state_number(state, STATE_FIRST_EVENT, 0);
    if (oldest == 0 || oldest >= first)
        return false;
    state_run(state, STATE_FORGET_EVENTS, "ii", (int64_t)first, (int64_t)(oldest + max));
    state_run(state, STATE_FORGET_DUPLICATES, "i", (int64_t)first);
    if (text_index_shard(oldest) < text_index_shard(first))
        text_index_trim(&model->text, state, first);
    return oldest + max < first;
}

/* ---- opening, starting anew ---- */

/* The tables that the journal can tell again, all of them; accounts and steps are dealt with apart. */
static const char CLEAR[] =
    "DELETE FROM event; DELETE FROM duplicate; DELETE FROM rollup; DELETE FROM tally;";

static void carry_accounts(struct read_model *model, usec now)
{
    struct state *state = &model->state;
    struct account_row *row = &model->row;
    int64_t last = 0;
    for (;;) {
        sqlite3_stmt *next = NULL;
        if (sqlite3_prepare_v2(state->db, "SELECT min(id) FROM account WHERE id > ?1", -1, &next, NULL) !=
            SQLITE_OK)
            return state_fail(state, RC_CORRUPT, "the read model cannot be read");
        sqlite3_bind_int64(next, 1, last);
        last = sqlite3_step(next) == SQLITE_ROW ? sqlite3_column_int64(next, 0) : 0;
        sqlite3_finalize(next);
        if (last == 0 || !account_row_get(state, last, row))
            return;
        lifecycle_init(&row->lifecycle);
        row->has_step = false;
        buf_clear(&row->status_reason);
        refold(model, row, now);
        row->stalled = lifecycle_stalled(&row->lifecycle, &model->options.patience, now);
        account_row_save(state, row);
        tally(model, row, 1);
        account_words(model, row, &model->words);
        text_index_set_account(&model->text, state, row->id, SLICE_NONE, buf_slice(&model->words));
    }
}

static void reset_tables(struct read_model *model, uint64_t first)
{
    char sql[400];
    snprintf(sql, sizeof sql,
             "%s DELETE FROM account WHERE first_seq >= %llu; DELETE FROM step WHERE seq >= %llu; "
             "UPDATE step SET outcome = NULL, ended_at = NULL, deadline = NULL; ",
             CLEAR, (unsigned long long)first, (unsigned long long)first);
    text_index_trim(&model->text, &model->state, 0);
    state_execute(&model->state, sql);
}

enum rc read_model_reset(struct read_model *model, uint64_t first, usec now, struct err *err)
{
    first = first > 0 ? first : 1;
    read_model_begin(model);
    reset_tables(model, first);
    carry_accounts(model, now);
    model->applied = first - 1;
    state_set_meta(&model->state, "position", (int64_t)model->applied);
    state_set_meta(&model->state, "slow_after", model->options.patience.slow_after);
    state_set_meta(&model->state, "abandoned_after", model->options.patience.abandoned_after);
    return read_model_commit(model, err);
}

static struct read_model *model_new(const struct read_model_options *options)
{
    struct read_model *model = calloc(1, sizeof *model);
    if (!model)
        return NULL;
    model->options = *options;
    rollup_init(&model->rollup);
    text_index_init(&model->text);
    account_row_init(&model->row);
    return model;
}

/* Is what the file holds what these options and this journal make? The sentence says why not. */
static bool is_usable(struct read_model *model, uint64_t first, uint64_t last, struct err *why)
{
    struct state *state = &model->state;
    const struct patience *patience = &model->options.patience;
    int64_t position = state_get_meta(state, "position", -1);
    if (position < 0) {
        why->message[0] = '\0'; /* new */
        return false;
    }
    if (state_get_meta(state, "slow_after", -1) != patience->slow_after ||
        state_get_meta(state, "abandoned_after", -1) != patience->abandoned_after) {
        err_set(why, RC_OK, "it was made with another slow-after or abandoned-after");
        return false;
    }
    if ((uint64_t)position + 1 < first) {
        err_set(why, RC_OK, "the journal begins after its position");
        return false;
    }
    if ((uint64_t)position > last) {
        err_set(why, RC_OK, "the journal ends before its position: it is another one");
        return false;
    }
    model->position = (uint64_t)position;
    return true;
}

/* Removes a file that cannot be used and makes it anew; err says why it cannot. */
static enum rc replace_state(struct read_model *model, struct err *ret_why, struct err *err)
{
    const char *directory = model->options.directory;
    *ret_why = *err;
    text_index_cleanup(&model->text);
    if (model->state.db)
        state_close(&model->state);
    enum rc rc = state_remove(directory, STATE_FILE, err);
    return rc == RC_OK ? state_open(&model->state, directory, STATE_FILE, err) : rc;
}

static enum rc make_usable(struct read_model *model, uint64_t first, uint64_t last, struct err *ret_why,
                           struct err *err)
{
    struct err why;
    if (is_usable(model, first, last, &why))
        return RC_OK;
    if (state_failed(&model->state)) {
        *err = model->state.err;
        return model->state.rc;
    }
    if (!ret_why->message[0])
        *ret_why = why;
    return read_model_reset(model, first, clock_wall(), err);
}

static enum rc open_usable(struct read_model *model, uint64_t first, uint64_t last, struct err *ret_why,
                           struct err *err)
{
    enum rc rc = state_open(&model->state, model->options.directory, STATE_FILE, err);
    if (rc == RC_OK)
        rc = make_usable(model, first, last, ret_why, err);
    if (rc != RC_CORRUPT && rc != RC_TOO_NEW)
        return rc;
    rc = replace_state(model, ret_why, err);
    return rc == RC_OK ? make_usable(model, first, last, ret_why, err) : rc;
}

enum rc read_model_open(const struct read_model_options *options, uint64_t first, uint64_t last,
                        struct read_model **ret, struct err *ret_why, struct err *err)
{
    struct read_model *model = model_new(options);
    struct err why = {""};
    struct err failure = {""};
    if (!model)
        return err_set(err, RC_NO_MEMORY, "no memory for the read model");
    enum rc rc = open_usable(model, first, last, &why, &failure);
    if (rc != RC_OK) {
        read_model_close(model);
        return err_set(err, rc, "%s", failure.message);
    }
    *ret_why = why;
    *ret = model;
    return RC_OK;
}

void read_model_close(struct read_model *model)
{
    if (!model)
        return;
    text_index_cleanup(&model->text);
    if (model->state.db)
        state_close(&model->state);
    rollup_cleanup(&model->rollup);
    account_row_cleanup(&model->row);
    buf_cleanup(&model->tallies);
    buf_cleanup(&model->words);
    buf_cleanup(&model->old_words);
    buf_cleanup(&model->old_user);
    buf_cleanup(&model->steps);
    for (size_t i = 0; i < sizeof model->texts / sizeof model->texts[0]; i++)
        buf_cleanup(&model->texts[i]);
    free(model);
}
