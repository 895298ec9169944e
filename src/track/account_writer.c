#include "track/account_writer.h"

void account_writer_init(struct account_writer *writer, struct state *state, const struct patience *patience)
{
    *writer = (struct account_writer){.state = state, .patience = patience};
    rollup_init(&writer->rollup);
    tally_init(&writer->tally);
    text_index_init(&writer->text);
    steps_init(&writer->steps, state, &writer->rollup, patience);
    account_row_init(&writer->row);
}

void account_writer_cleanup(struct account_writer *writer)
{
    rollup_cleanup(&writer->rollup);
    tally_cleanup(&writer->tally);
    text_index_cleanup(&writer->text);
    steps_cleanup(&writer->steps);
    account_row_cleanup(&writer->row);
    buf_cleanup(&writer->words);
    buf_cleanup(&writer->old_words);
    buf_cleanup(&writer->old_user);
    buf_cleanup(&writer->name);
}

void account_writer_flush(struct account_writer *writer)
{
    rollup_flush(&writer->rollup, writer->state);
    tally_flush(&writer->tally, writer->state);
}

void account_writer_forget(struct account_writer *writer)
{
    names_forget(&writer->names);
    rollup_forget(&writer->rollup);
    tally_forget(&writer->tally);
    text_index_forget(&writer->text);
}

/* ---- details ---- */

static struct slice name_text(struct account_writer *writer, struct buf *text, int64_t name)
{
    buf_clear(text);
    names_write(writer->state, name, text);
    return buf_slice(text);
}

static bool is_newer(struct account_writer *writer, const struct detail *detail, int64_t name, usec at)
{
    if (name == 0 || name == detail->name)
        return false;
    if (detail->name == 0 || at != detail->at)
        return detail->name == 0 || at > detail->at;
    return slice_is_greater(name_text(writer, &writer->words, name),
                            name_text(writer, &writer->name, detail->name));
}

static bool learn(struct account_writer *writer, struct detail *detail, int64_t name, usec at)
{
    if (is_newer(writer, detail, name, at)) {
        *detail = (struct detail){name, at};
        return true;
    }
    if (name != 0 && name == detail->name && at > detail->at)
        detail->at = at;
    return false;
}

static bool learn_user(struct account_row *row, struct slice user, usec at)
{
    struct slice old = buf_slice(&row->user_id);
    if (user.len == 0 || (row->user_id_at != TIME_NONE && at < row->user_id_at))
        return false;
    if (at == row->user_id_at && !slice_is_greater(user, old))
        return false;
    row->user_id_at = at;
    if (slice_equal(user, old))
        return false;
    buf_clear(&row->user_id);
    buf_add_slice(&row->user_id, user);
    return true;
}

static bool learn_details(struct account_writer *writer, const struct facts *facts, struct fact *fact)
{
    struct account_row *row = &writer->row;
    bool changed = learn(writer, &row->app, fact->app, fact->at);
    changed |= learn(writer, &row->integration_name, fact->integration_name, fact->at);
    changed |= learn(writer, &row->integration_id, fact->integration_id, fact->at);
    changed |= learn_user(row, facts_text(facts, fact->user_id), fact->at);
    if (fact->app == 0)
        fact->app = row->app.name;
    if (fact->at > row->last_event_at)
        row->last_event_at = fact->at;
    return changed;
}

/* What an account is found by. */
struct details {
    struct slice user_id;
    int64_t names[3];
};

static struct details details_of(const struct account_row *row)
{
    return (struct details){buf_slice(&row->user_id),
                            {row->app.name, row->integration_name.name, row->integration_id.name}};
}

static void write_words(struct account_writer *writer, const struct details *details, struct buf *words)
{
    buf_clear(words);
    text_index_add_text(words, buf_slice(&writer->row.account_id));
    text_index_add_text(words, details->user_id);
    for (size_t i = 0; i < sizeof details->names / sizeof details->names[0]; i++)
        text_index_add_text(words, name_text(writer, &writer->name, details->names[i]));
    if (buf_failed(words) || buf_failed(&writer->name))
        state_fail(writer->state, RC_NO_MEMORY, "memory ran out");
}

/* The index wants to be told what it forgets; NULL: nothing. */
static void change_words(struct account_writer *writer, const struct details *before)
{
    struct details now = details_of(&writer->row);
    buf_clear(&writer->old_words);
    if (before)
        write_words(writer, before, &writer->old_words);
    write_words(writer, &now, &writer->words);
    text_index_set_account(&writer->text, writer->state, writer->row.id, buf_slice(&writer->old_words),
                           buf_slice(&writer->words));
}

/* ---- accounts ---- */

static bool fetch(struct account_writer *writer, int64_t account)
{
    if (account_row_get(writer->state, account, &writer->row))
        return true;
    state_fail(writer->state, RC_CORRUPT, "the read model speaks of an account that it does not have");
    return false;
}

static bool find_or_begin(struct account_writer *writer, const struct facts *facts, const struct fact *fact)
{
    if (!fact->is_first)
        return fetch(writer, fact->account);
    account_row_begin(&writer->row, fact->account, facts_text(facts, fact->account_id), fact->received_at,
                      fact->seq);
    return true;
}

static void learn_all(struct account_writer *writer, const struct facts *facts, struct fact *list,
                      size_t count)
{
    struct account_row *row = &writer->row;
    int64_t integration = account_row_integration(row);
    bool changed = !row->is_stored;
    buf_clear(&writer->old_user);
    buf_add_slice(&writer->old_user, buf_slice(&row->user_id));
    struct details before = details_of(row);
    before.user_id = buf_slice(&writer->old_user);
    for (size_t i = 0; i < count; i++)
        changed |= learn_details(writer, facts, &list[i]);
    int64_t app = before.names[0];
    if (row->lifecycle.attempts > 0 && (app != row->app.name || integration != account_row_integration(row)))
        steps_move(&writer->steps, row, app, integration);
    if (changed)
        change_words(writer, row->is_stored ? &before : NULL);
}

static void save(struct account_writer *writer, usec now)
{
    struct account_row *row = &writer->row;
    if (buf_failed(&row->account_id) || buf_failed(&row->user_id) || buf_failed(&row->status_reason) ||
        buf_failed(&writer->old_user))
        state_fail(writer->state, RC_NO_MEMORY, "memory ran out");
    row->stalled = lifecycle_stalled(&row->lifecycle, writer->patience, now);
    account_row_save(writer->state, row);
    tally_count(&writer->tally, row, 1);
}

void account_writer_apply(struct account_writer *writer, const struct facts *facts, struct fact *list,
                          size_t count, usec now)
{
    if (state_failed(writer->state) || !find_or_begin(writer, facts, &list[0]))
        return;
    if (writer->row.is_stored)
        tally_count(&writer->tally, &writer->row, -1);
    learn_all(writer, facts, list, count);
    steps_clear(&writer->steps);
    for (size_t i = 0; i < count; i++) {
        struct step step = {list[i].at, list[i].kind};
        if (list[i].has_step)
            steps_add(&writer->steps, &step, list[i].seq, facts_text(facts, list[i].reason));
    }
    steps_fold(&writer->steps, &writer->row, now);
    save(writer, now);
}

bool account_writer_judge(struct account_writer *writer, int64_t account, const struct step *opened_by,
                          usec now)
{
    struct account_row *row = &writer->row;
    struct attempt attempt = {*opened_by, OUTCOME_PENDING, TIME_NONE};
    if (!fetch(writer, account))
        return false;
    steps_judge(&writer->steps, row, &attempt, now);
    const struct step *newest = &row->lifecycle.attempt.opened_by;
    if (newest->at != opened_by->at || newest->kind != opened_by->kind)
        return false;
    row->lifecycle.attempt = attempt;
    row->stalled = lifecycle_stalled(&row->lifecycle, writer->patience, now);
    account_row_save(writer->state, row);
    return true;
}

void account_writer_recount(struct account_writer *writer, int64_t account, usec now)
{
    if (!fetch(writer, account))
        return;
    steps_fold_all(&writer->steps, &writer->row, now);
    save(writer, now);
    change_words(writer, NULL);
}
