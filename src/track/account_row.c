#include "track/account_row.h"

void account_row_init(struct account_row *row)
{
    *row = (struct account_row){.id = 0};
}

void account_row_cleanup(struct account_row *row)
{
    buf_cleanup(&row->account_id);
    buf_cleanup(&row->user_id);
    buf_cleanup(&row->status_reason);
}

static void set_text(struct buf *to, struct slice text)
{
    buf_clear(to);
    buf_add_slice(to, text);
}

static void read_attempt(sqlite3_stmt *from, struct lifecycle *lifecycle)
{
    lifecycle->attempt = (struct attempt){
        .opened_by = {.at = column_time(from, 21), .kind = (enum step_kind)column_number(from, 22)},
        .outcome = (enum outcome)column_number(from, 23),
        .ended_at = column_time(from, 24),
    };
    lifecycle->has_attempt = lifecycle->attempt.opened_by.at != TIME_NONE;
}

static struct standing standing_of(const struct account_row *row)
{
    return (struct standing){row->app.name, row->lifecycle.status, row->stalled};
}

/* The columns of STATE_GET_ACCOUNT. */
static void read_columns(sqlite3_stmt *from, struct account_row *row)
{
    row->id = column_number(from, 0);
    row->is_stored = true;
    row->app = (struct detail){column_number(from, 1), column_time(from, 5)};
    row->integration_name = (struct detail){column_number(from, 2), column_time(from, 6)};
    row->integration_id = (struct detail){column_number(from, 3), column_time(from, 7)};
    set_text(&row->user_id, column_text(from, 4));
    row->user_id_at = column_time(from, 8);
    row->lifecycle.status = (enum account_status)column_number(from, 9);
    row->stalled = (enum stalled)column_number(from, 10);
    row->lifecycle.attempts = (uint64_t)column_number(from, 11);
    row->first_seen_at = column_number(from, 12);
    row->first_seq = column_number(from, 13);
    row->lifecycle.started_at = column_time(from, 14);
    row->lifecycle.completed_at = column_time(from, 15);
    row->lifecycle.time_to_connect = column_time(from, 16);
    row->last_event_at = column_time(from, 17);
    set_text(&row->status_reason, column_text(from, 18));
    row->last_step =
        (struct step){.at = column_time(from, 19), .kind = (enum step_kind)column_number(from, 20)};
    row->has_step = row->last_step.at != TIME_NONE;
    read_attempt(from, &row->lifecycle);
    set_text(&row->account_id, column_text(from, 25));
    row->stored = standing_of(row);
}

bool account_row_get(struct state *state, int64_t id, struct account_row *row)
{
    state_ask(state, STATE_GET_ACCOUNT, "i", id);
    sqlite3_stmt *from = state_next(state, STATE_GET_ACCOUNT);
    if (!from)
        return false;
    read_columns(from, row);
    state_done(state, STATE_GET_ACCOUNT);
    if (buf_failed(&row->account_id) || buf_failed(&row->user_id) || buf_failed(&row->status_reason))
        state_fail(state, RC_NO_MEMORY, "memory ran out");
    return !state_failed(state);
}

void account_row_begin(struct account_row *row, int64_t id, struct slice account_id, usec seen_at,
                       uint64_t seq)
{
    row->id = id;
    row->is_stored = false;
    set_text(&row->account_id, account_id);
    row->app = row->integration_name = row->integration_id = (struct detail){0, TIME_NONE};
    buf_clear(&row->user_id);
    row->user_id_at = TIME_NONE;
    lifecycle_init(&row->lifecycle);
    buf_clear(&row->status_reason);
    row->stalled = STALLED_NOT;
    row->has_step = false;
    row->last_step = (struct step){.at = TIME_NONE};
    row->first_seen_at = seen_at;
    row->first_seq = (int64_t)seq;
    row->last_event_at = TIME_NONE;
}

static struct slice text_or_none(const struct buf *text)
{
    return text->len ? buf_slice(text) : SLICE_NONE;
}

/* Both statements take these first, in this order. */
#define ROW_FORMAT "iiisttttittttstitiit"
#define ROW_VALUES                                                                                           \
    row->id, row->integration_name.name, row->integration_id.name, text_or_none(&row->user_id), row->app.at, \
        row->integration_name.at, row->integration_id.at, row->user_id_at, (int64_t)lifecycle->attempts,     \
        lifecycle->started_at, lifecycle->completed_at, lifecycle->time_to_connect, row->last_event_at,      \
        text_or_none(&row->status_reason), row->has_step ? row->last_step.at : TIME_NONE,                    \
        (int64_t)row->last_step.kind, lifecycle->has_attempt ? attempt->opened_by.at : TIME_NONE,            \
        (int64_t)attempt->opened_by.kind, (int64_t)attempt->outcome,                                         \
        lifecycle->has_attempt ? attempt->ended_at : TIME_NONE
#define STANDING_VALUES row->app.name, (int64_t)lifecycle->status, (int64_t)row->stalled

void account_row_save(struct state *state, struct account_row *row)
{
    const struct lifecycle *lifecycle = &row->lifecycle;
    const struct attempt *attempt = &lifecycle->attempt;
    struct standing standing = standing_of(row);
    if (!row->is_stored)
        state_run(state, STATE_ADD_ACCOUNT, ROW_FORMAT "iiisii", ROW_VALUES, STANDING_VALUES,
                  buf_slice(&row->account_id), row->first_seen_at, row->first_seq);
    else
        state_run(state, STATE_SET_ACCOUNT, ROW_FORMAT, ROW_VALUES);
    if (row->is_stored && (standing.app != row->stored.app || standing.status != row->stored.status ||
                           standing.stalled != row->stored.stalled))
        state_run(state, STATE_SET_STANDING, "iiii", row->id, STANDING_VALUES);
    row->is_stored = true;
    row->stored = standing;
}

int64_t account_row_integration(const struct account_row *row)
{
    return row->integration_name.name ? row->integration_name.name : row->integration_id.name;
}
