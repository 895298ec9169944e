#include <stdio.h>

#include "track/search.h"
#include "track/text_index.h"

#define FILTER_COUNT 3
#define BLOCKS_READ  16  /* for one question, of those that are not known yet: about 10 ms */
#define SPAN_COST    100 /* what beginning with another span costs, in rows */
#define GATHERED_MAX 64
#define FIT_COST     30 /* what reading a record costs, to see whether it has the words */

/* Numbers instead of names; 0: no condition. */
struct conditions {
    int64_t account;
    int64_t type;
    int64_t app;
    usec since;
    usec until;
    bool impossible; /* a name that no event has */
};

struct listing {
    struct question *question;
    struct conditions conditions;
    struct search *search; /* NULL: none */
    struct narrowed {
        int64_t shard; /* -1: none yet */
        enum search_rows rows;
        struct buf by; /* the numbers or the expression */
    } narrowed;        /* by the words, in one table of the index */
    const struct page *page;
    struct event_view view;
    struct buf texts; /* of an event */
    struct buf *out;
    size_t items;
    uint64_t gathered[GATHERED_MAX]; /* rows that are to be read next, together */
    size_t gathered_count;
    size_t examined;
    bool has_begun; /* a row was examined: each page gets on by one, whatever the search has cost */
    size_t blocks_read;
    uint64_t next; /* go on below this; 0: nothing is left */
};

static int64_t number_of(struct question *question, struct slice text, struct conditions *conditions)
{
    int64_t number = text.ptr ? question_name(question, text) : 0;
    if (text.ptr && number == 0)
        conditions->impossible = true;
    return number;
}

static void read_conditions(struct question *question, const struct event_filter *filter,
                            struct conditions *ret)
{
    *ret = (struct conditions){.since = filter->since, .until = filter->until};
    ret->type = number_of(question, filter->type, ret);
    ret->app = number_of(question, filter->app, ret);
    if (!filter->connected_account_id.ptr)
        return;
    ret->account = question_number(question, 0, "SELECT id FROM account WHERE account_id = ?1", "s",
                                   filter->connected_account_id);
    if (ret->account == 0)
        ret->impossible = true;
}

static bool fits(const struct conditions *conditions, sqlite3_stmt *row)
{
    usec at = column_number(row, 4);
    return (conditions->account == 0 || column_number(row, 1) == conditions->account) &&
           (conditions->type == 0 || column_number(row, 2) == conditions->type) &&
           (conditions->app == 0 || column_number(row, 3) == conditions->app) &&
           (conditions->since == TIME_NONE || at >= conditions->since) &&
           (conditions->until == TIME_NONE || at < conditions->until);
}

/* By what read_model.c gives to the index. */
static bool has_words(struct listing *listing, const struct record *record, const struct payload *payload)
{
    struct buf *texts = &listing->texts;
    buf_clear(texts);
    event_add_texts(record, payload, texts);
    if (buf_failed(texts))
        question_fail(listing->question, RC_NO_MEMORY, "memory ran out");
    return search_fits(listing->search, buf_slice(texts));
}

static bool list_event(void *arg, const struct record *record, const struct payload *payload)
{
    struct listing *listing = arg;
    if (listing->out->len >= QUESTION_BYTES) {
        listing->next = record->seq + 1;
        return false;
    }
    if (listing->search && !has_words(listing, record, payload))
        return true;
    buf_add_str(listing->out, listing->items++ ? "," : "");
    question_write_event(listing->question, record, payload, listing->view, listing->out);
    return true;
}

/* Lists those that have gathered. false: they were too long, and `next` is where to go on. */
static bool list_gathered(struct listing *listing)
{
    size_t count = listing->gathered_count;
    listing->gathered_count = 0;
    if (count > 0)
        question_read_events(listing->question, listing->gathered, count, list_event, listing);
    return listing->next == 0;
}

/* Takes rows (seq, account, type, app, at), newest first. false: the page is full or the budget spent. */
static bool take_rows(struct listing *listing, sqlite3_stmt *rows)
{
    size_t limit = listing->page->limit;
    while (question_next(listing->question, rows)) {
        uint64_t seq = (uint64_t)column_number(rows, 0);
        bool is_full =
            listing->gathered_count == GATHERED_MAX || listing->items + listing->gathered_count == limit;
        if (is_full && !list_gathered(listing))
            return false;
        bool is_spent = listing->examined++ >= QUESTION_BUDGET;
        if (listing->items == limit || (is_spent && listing->has_begun)) {
            if (list_gathered(listing))
                listing->next = seq + 1;
            return false;
        }
        listing->has_begun = true;
        if (!fits(&listing->conditions, rows))
            continue;
        listing->examined += listing->search ? FIT_COST : 0;
        listing->gathered[listing->gathered_count++] = seq;
    }
    return list_gathered(listing);
}

/* The narrowest index that a condition has; the other conditions are looked at row by row. */
static bool list_by_index(struct listing *listing, uint64_t low, uint64_t high)
{
    const struct conditions *conditions = &listing->conditions;
    const struct {
        const char *column;
        int64_t number;
    } INDEXES[FILTER_COUNT] = {
        {"account = ?3 AND account <> 0", conditions->account},
        {"app = ?3 AND app <> 0", conditions->app},
        {"type = ?3", conditions->type},
    };
    char sql[200];
    size_t i = 0;
    while (i < FILTER_COUNT && INDEXES[i].number == 0)
        i++;
    snprintf(sql, sizeof sql,
             "SELECT seq, account, type, app, at FROM event WHERE seq >= ?1 AND seq < ?2 AND %s "
             "ORDER BY seq DESC",
             i < FILTER_COUNT ? INDEXES[i].column : "?3 = 0");
    sqlite3_stmt *rows = question_ask(listing->question, sql, "iii", (int64_t)low, (int64_t)high,
                                      i < FILTER_COUNT ? INDEXES[i].number : 0);
    bool go_on = take_rows(listing, rows);
    sqlite3_finalize(rows);
    return go_on;
}

static bool has_table(struct question *question, int64_t shard)
{
    struct buf name = BUF_INIT;
    text_index_table(shard, &name);
    bool has = question_number(question, 0, "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1",
                               "s", buf_slice(&name)) != 0;
    buf_cleanup(&name);
    return has;
}

/* Spans come newest first, so each table once. */
static void narrow(struct listing *listing, int64_t shard)
{
    struct narrowed *narrowed = &listing->narrowed;
    struct buf table = BUF_INIT;
    if (narrowed->shard == shard)
        return;
    narrowed->shard = shard;
    narrowed->rows = SEARCH_NONE;
    text_index_table(shard, &table);
    if (has_table(listing->question, shard))
        narrowed->rows = search_narrow(listing->search, buf_str(&table), &narrowed->by);
    listing->examined += listing->search->cost;
    buf_cleanup(&table);
}

static bool list_few(struct listing *listing, uint64_t low, uint64_t high)
{
    struct buf sql = BUF_INIT;
    buf_addf(&sql,
             "SELECT seq, account, type, app, at FROM event WHERE seq IN (%s) AND seq >= ?1 AND seq < ?2 "
             "ORDER BY seq DESC",
             buf_str(&listing->narrowed.by));
    if (buf_failed(&sql))
        question_fail(listing->question, RC_NO_MEMORY, "memory ran out");
    sqlite3_stmt *rows = question_ask(listing->question, buf_str(&sql), "ii", (int64_t)low, (int64_t)high);
    bool go_on = take_rows(listing, rows);
    sqlite3_finalize(rows);
    buf_cleanup(&sql);
    return go_on && !question_failed(listing->question);
}

static bool list_matches(struct listing *listing, int64_t shard, uint64_t low, uint64_t high)
{
    struct buf sql = BUF_INIT;
    bool go_on = true;
    listing->examined += listing->search->merged;
    buf_add_str(&sql, "SELECT e.seq, e.account, e.type, e.app, e.at FROM ");
    text_index_table(shard, &sql);
    buf_add_str(&sql, " AS t CROSS JOIN event AS e ON e.seq = t.rowid WHERE ");
    text_index_table(shard, &sql);
    buf_add_str(&sql, " MATCH ?3 AND t.rowid >= ?1 AND t.rowid < ?2 ORDER BY t.rowid DESC");
    sqlite3_stmt *rows = question_ask(listing->question, buf_str(&sql), "iis", (int64_t)low, (int64_t)high,
                                      buf_slice(&listing->narrowed.by));
    if (rows)
        go_on = take_rows(listing, rows);
    sqlite3_finalize(rows);
    buf_cleanup(&sql);
    return go_on && !question_failed(listing->question);
}

static bool list_by_words(struct listing *listing, uint64_t low, uint64_t high)
{
    bool go_on = true;
    while (go_on && low < high) {
        int64_t shard = text_index_shard(high - 1);
        uint64_t first = (uint64_t)shard << TEXT_SHARD_BITS;
        uint64_t from = first > low ? first : low;
        narrow(listing, shard);
        if (listing->narrowed.rows == SEARCH_FEW)
            go_on = list_few(listing, from, high);
        else if (listing->narrowed.rows == SEARCH_SOME)
            go_on = list_matches(listing, shard, from, high);
        else if (listing->narrowed.rows == SEARCH_ANY)
            go_on = list_by_index(listing, from, high);
        high = from;
    }
    return go_on;
}

/* The record numbers from low up to before high. */
static bool list_span(struct listing *listing, uint64_t low, uint64_t high)
{
    if (low >= high)
        return true;
    if (listing->examined >= QUESTION_BUDGET) {
        listing->next = high;
        return false;
    }
    listing->examined += SPAN_COST;
    bool go_on = listing->search ? list_by_words(listing, low, high) : list_by_index(listing, low, high);
    return go_on && !question_failed(listing->question);
}

/* ---- times ---- */

/* false: this answer has done enough. */
static bool read_block(struct listing *listing, uint64_t number, struct time_block *ret)
{
    if (listing->blocks_read == BLOCKS_READ || listing->items == listing->page->limit)
        return false;
    listing->blocks_read++;
    sqlite3_stmt *row =
        question_ask(listing->question, "SELECT min(at), max(at) FROM event WHERE seq >= ?1 AND seq < ?2",
                     "ii", (int64_t)(number * TIME_BLOCK), (int64_t)((number + 1) * TIME_BLOCK));
    bool found = row && question_next(listing->question, row);
    bool empty = found && sqlite3_column_type(row, 0) == SQLITE_NULL;
    if (found) {
        ret->oldest = empty ? INT64_MAX : column_number(row, 0);
        ret->newest = empty ? INT64_MIN : column_number(row, 1);
        time_blocks_keep(listing->question->blocks, number, ret);
    }
    sqlite3_finalize(row);
    return found;
}

/*
 * Lists the spans between the blocks that were received at other times altogether. Numbers and times of
 * receipt need not rise together, so every block has to be known; a block that is not is read when what
 * stands above it has been listed. Records from `end` on are yet to come.
 */
static void list_by_time(struct listing *listing, uint64_t low, uint64_t high, uint64_t end)
{
    const struct conditions *conditions = &listing->conditions;
    uint64_t top = high; /* from here down to `from` is to be listed */
    uint64_t from = high;
    while (from > low) {
        uint64_t number = (from - 1) / TIME_BLOCK;
        uint64_t bottom = number * TIME_BLOCK > low ? number * TIME_BLOCK : low;
        bool complete = (number + 1) * TIME_BLOCK <= end;
        struct time_block block;
        if (complete && !time_blocks_find(listing->question->blocks, number, &block)) {
            if (!list_span(listing, from, top))
                return;
            top = from;
            if (!read_block(listing, number, &block)) {
                listing->next = from;
                return;
            }
        }
        if (complete && !time_block_meets(&block, conditions->since, conditions->until)) {
            if (!list_span(listing, from, top))
                return;
            top = bottom;
        }
        from = bottom;
    }
    list_span(listing, low, top);
}

static void list(struct listing *listing)
{
    struct question *question = listing->question;
    const struct conditions *conditions = &listing->conditions;
    uint64_t first = (uint64_t)question_number(question, 1, "SELECT min(seq) FROM event", "");
    uint64_t end = (uint64_t)question_number(question, 0, "SELECT max(seq) FROM event", "") + 1;
    uint64_t high = end;
    if (listing->page->cursor != 0 && listing->page->cursor < high)
        high = listing->page->cursor;
    /* One account's events are few: their times are looked at row by row. */
    if (conditions->account != 0 || (conditions->since == TIME_NONE && conditions->until == TIME_NONE))
        list_span(listing, first, high);
    else
        list_by_time(listing, first, high, end);
}

enum rc question_events(struct questions *questions, const struct event_filter *filter,
                        const struct page *page, bool reveal, struct buf *out, struct err *err)
{
    struct question question;
    if (filter->since != TIME_NONE && filter->until != TIME_NONE && filter->since > filter->until)
        return err_set(err, RC_BAD_PARAMETER, "since: must not be after until");
    enum rc rc = question_begin(questions, &question, err);
    if (rc != RC_OK)
        return rc;
    struct listing listing = {.question = &question, .page = page, .view = {.reveal = reveal}, .out = out};
    struct search search = {.count = 0};
    listing.narrowed.shard = -1;
    if (filter->q.ptr) {
        search_init(&search, &question, filter->q);
        listing.search = &search;
    }
    read_conditions(&question, filter, &listing.conditions);
    buf_add_str(out, "{\"items\":[");
    if (!listing.conditions.impossible)
        list(&listing);
    if (listing.next)
        buf_addf(out, "],\"next\":\"%llu\"}", (unsigned long long)listing.next);
    else
        buf_add_str(out, "],\"next\":null}");
    search_cleanup(&search);
    buf_cleanup(&listing.narrowed.by);
    buf_cleanup(&listing.texts);
    return question_end(&question, out, err);
}

struct single_reading {
    struct question *question;
    struct event_view view;
    bool raw;
    struct buf *out;
    bool found;
};

static bool write_single(void *arg, const struct record *record, const struct payload *payload)
{
    struct single_reading *reading = arg;
    reading->found = true;
    if (reading->raw)
        buf_add_slice(reading->out, record->body);
    else
        question_write_event(reading->question, record, payload, reading->view, reading->out);
    return true;
}

enum rc question_event(struct questions *questions, uint64_t seq, bool raw, bool reveal, struct buf *out,
                       struct err *err)
{
    struct question question;
    enum rc rc = question_begin(questions, &question, err);
    if (rc != RC_OK)
        return rc;
    struct single_reading reading = {
        .question = &question, .view = {.reveal = reveal, .headers = true}, .raw = raw, .out = out};
    question_read_events(&question, &seq, 1, write_single, &reading);
    if (!reading.found)
        question_fail(&question, RC_NOT_FOUND,
                      "there is no event with this number; retention may have removed it");
    return question_end(&question, out, err);
}
