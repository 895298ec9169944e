#include "track/read_model.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/metric.h"
#include "track/account_writer.h"
#include "track/checkpointer.h"
#include "track/event.h"
#include "track/facts.h"
#include "wire/duplicates.h"

struct read_model {
    struct read_model_options options;
    struct state state;
    struct checkpointer *checkpointer; /* NULL while the model is being opened */
    struct account_writer writer;
    struct facts facts; /* of the transaction, not yet written */
    usec now;           /* of the newest record */
    uint64_t position;  /* of what is committed */
    uint64_t applied;   /* of what the transaction has seen */
    bool heard;         /* the listener was told something in this transaction */

    /* Used again for each record. */
    struct payload payload;
    struct buf text;
    struct buf due;      /* struct due each */
    struct buf texts[3]; /* names of an account for the listener */
};

/* ---- small parts ---- */

static struct slice limited(struct slice text)
{
    return text.len <= READ_MODEL_MAX_NAME ? text : SLICE_NONE;
}

static bool is_heard(const struct read_model *model)
{
    return tracker_is_heard(&model->options.listener);
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

/* ---- events ---- */

static void index_event(struct read_model *model, const struct record *record, const struct payload *payload)
{
    struct buf *text = &model->text;
    buf_clear(text);
    event_add_texts(record, payload, text);
    if (buf_failed(text))
        state_fail(&model->state, RC_NO_MEMORY, "memory ran out");
    else
        text_index_add_event(&model->writer.text, &model->state, record->seq, buf_slice(text));
}

static void count_shape(enum shape shape)
{
    static const enum metric METRICS[SHAPE_COUNT] = {
        [SHAPE_ADMIN] = METRIC_SHAPE_ADMIN, [SHAPE_V3] = METRIC_SHAPE_V3,       [SHAPE_V2] = METRIC_SHAPE_V2,
        [SHAPE_V1] = METRIC_SHAPE_V1,       [SHAPE_OTHER] = METRIC_SHAPE_OTHER,
    };
    metric_add(METRICS[shape], 1);
}

static int64_t number_of(struct read_model *model, struct slice name)
{
    return names_number(&model->writer.names, &model->state, limited(name));
}

static void gather(struct read_model *model, const struct record *record, const struct payload *payload)
{
    struct fact fact = {
        .seq = record->seq,
        .received_at = record->received_at,
        .at = event_occurred_at(record, payload),
        .type = number_of(model, payload->type),
        .app = number_of(model, payload->app),
        .integration_name = number_of(model, payload->integration_name),
        .integration_id = number_of(model, payload->integration_id),
    };
    fact.has_step = step_kind_of(payload->type, &fact.kind);
    buf_clear(&model->text);
    event_add_reason(payload, &model->text);
    if (buf_failed(&model->text))
        state_fail(&model->state, RC_NO_MEMORY, "memory ran out");
    facts_add(&model->facts, &model->state, &fact, limited(payload->connected_account_id),
              limited(payload->user_id), buf_slice(&model->text));
}

static void write_events(struct read_model *model, const struct fact *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        state_run(&model->state, STATE_ADD_EVENT, "iiiii", (int64_t)list[i].seq, list[i].account,
                  list[i].type, list[i].app, list[i].received_at);
}

/* What has gathered goes into the file, account by account. */
static void write_facts(struct read_model *model)
{
    size_t count;
    struct fact *list = facts_by_account(&model->facts, &count);
    for (size_t from = 0, end; from < count && !state_failed(&model->state); from = end) {
        for (end = from + 1; end < count && list[end].account == list[from].account; end++)
            ;
        if (list[from].account != 0)
            account_writer_apply(&model->writer, &model->facts, &list[from], end - from, model->now);
        write_events(model, &list[from], end - from);
    }
    facts_clear(&model->facts);
}

static void apply_event(struct read_model *model, const struct record *record)
{
    const struct payload *payload = &model->payload;
    bool heard = is_heard(model);
    /* It was checked when it was accepted; an import from elsewhere may hold anything. */
    if (payload_read(&model->payload, record->body) == RC_NO_MEMORY)
        state_fail(&model->state, RC_NO_MEMORY, "memory ran out");
    if (heard || facts_are_many(&model->facts))
        write_facts(model);
    gather(model, record, payload);
    index_event(model, record, payload);
    count_shape(payload->shape);
    if (heard) {
        /* Alone, so that the listener hears what the account was like after this event. */
        write_facts(model);
        bool about_account = limited(payload->connected_account_id).len > 0;
        if (!state_failed(&model->state))
            tell(model, record, payload, about_account ? &model->writer.row : NULL);
    }
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
    model->now = now;
    if (record->kind == RECORD_EVENT)
        apply_event(model, record);
    else if (record->kind == RECORD_DUPLICATES)
        apply_duplicates(model, record);
    model->applied = record->seq;
}

/* ---- the clock ---- */

struct due {
    int64_t account;
    struct step opened_by;
};

size_t read_model_judge(struct read_model *model, usec now, size_t max)
{
    struct state *state = &model->state;
    model->now = now;
    write_facts(model);
    buf_clear(&model->due);
    state_ask(state, STATE_DUE, "ii", now, (int64_t)max);
    for (sqlite3_stmt *from; (from = state_next(state, STATE_DUE));) {
        struct due due = {column_number(from, 0),
                          {column_time(from, 1), (enum step_kind)column_number(from, 2)}};
        buf_add(&model->due, &due, sizeof due);
    }
    const struct due *due = (const struct due *)(const void *)model->due.ptr;
    size_t count = model->due.len / sizeof *due;
    for (size_t i = 0; i < count && !state_failed(state); i++) {
        bool changed = account_writer_judge(&model->writer, due[i].account, &due[i].opened_by, now);
        if (changed && is_heard(model) && !state_failed(state))
            tell(model, NULL, NULL, &model->writer.row);
    }
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
    account_writer_forget(&model->writer);
    facts_forget(&model->facts);
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
    write_facts(model);
    account_writer_flush(&model->writer);
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
    if (model->checkpointer)
        checkpointer_see(model->checkpointer, model->state.log_pages);
    return RC_OK;
}

bool read_model_trim(struct read_model *model, uint64_t first, size_t max)
{
    struct state *state = &model->state;
    write_facts(model);
    state_ask(state, STATE_FIRST_EVENT, "");
    uint64_t oldest = (uint64_t)state_number(state, STATE_FIRST_EVENT, 0);
    if (oldest == 0 || oldest >= first)
        return false;
    state_run(state, STATE_FORGET_EVENTS, "ii", (int64_t)first, (int64_t)(oldest + max));
    state_run(state, STATE_FORGET_DUPLICATES, "i", (int64_t)first);
    if (text_index_shard(oldest) < text_index_shard(first))
        text_index_trim(&model->writer.text, state, first);
    return oldest + max < first;
}

/* ---- opening, starting anew ---- */

/* The tables that the journal can tell again, all of them; accounts and steps are dealt with apart. */
static const char CLEAR[] =
    "DELETE FROM event; DELETE FROM duplicate; DELETE FROM rollup; DELETE FROM tally;";

static void carry_accounts(struct read_model *model, usec now)
{
    struct state *state = &model->state;
    int64_t last = 0;
    do {
        state_ask(state, STATE_NEXT_ACCOUNT, "i", last);
        last = state_number(state, STATE_NEXT_ACCOUNT, 0);
        if (last != 0)
            account_writer_recount(&model->writer, last, now);
    } while (last != 0 && !state_failed(state));
}

static void reset_tables(struct read_model *model, uint64_t first)
{
    char sql[400];
    if (first <= 1) /* all: SQLite drops whole tables then, and does not look at each row */
        snprintf(sql, sizeof sql, "%s DELETE FROM account; DELETE FROM step", CLEAR);
    else
        snprintf(sql, sizeof sql,
                 "%s DELETE FROM account WHERE first_seq >= %llu; DELETE FROM step WHERE seq >= %llu; "
                 "UPDATE step SET outcome = NULL, ended_at = NULL, deadline = NULL",
                 CLEAR, (unsigned long long)first, (unsigned long long)first);
    facts_forget(&model->facts);
    text_index_trim(&model->writer.text, &model->state, 0);
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
    account_writer_init(&model->writer, &model->state, &model->options.patience);
    facts_init(&model->facts);
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

/* Sets a file aside that cannot be used and makes a new one; err says why it cannot. */
static enum rc replace_state(struct read_model *model, struct err *ret_why, struct err *err)
{
    const char *directory = model->options.directory;
    *ret_why = *err;
    text_index_cleanup(&model->writer.text);
    if (model->state.db)
        state_close(&model->state);
    enum rc rc = state_set_aside(directory, STATE_FILE, err);
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
    if (rc == RC_OK)
        rc = checkpointer_start(&model->state.site, &model->checkpointer, &failure);
    if (rc != RC_OK) {
        read_model_close(model);
        return err_set(err, rc, "%s", failure.message);
    }
    checkpointer_see(model->checkpointer, model->state.log_pages);
    *ret_why = why;
    *ret = model;
    return RC_OK;
}

void read_model_close(struct read_model *model)
{
    if (!model)
        return;
    account_writer_cleanup(&model->writer);
    checkpointer_stop(model->checkpointer);
    if (model->state.db)
        state_close(&model->state);
    facts_cleanup(&model->facts);
    payload_cleanup(&model->payload);
    buf_cleanup(&model->text);
    buf_cleanup(&model->due);
    for (size_t i = 0; i < sizeof model->texts / sizeof model->texts[0]; i++)
        buf_cleanup(&model->texts[i]);
    free(model);
}
