#include <stdio.h>
#include <stdlib.h>

#include "track/lifecycle.h"
#include "track/search.h"
#include "track/text_index.h"

#define FIT_COST 8 /* what looking for the words costs, in rows */

struct listing {
    struct question *question;
    const struct account_filter *filter;
    int64_t app; /* a name's number; 0: no condition */
    const struct page *page;
    struct search *search; /* NULL: any account */
    struct buf texts;      /* of an account */
    struct buf *out;
    size_t items;
    uint64_t next;
};

static bool fits(const struct listing *listing, sqlite3_stmt *row)
{
    const struct account_filter *filter = listing->filter;
    return (filter->status < 0 || column_number(row, 6) == filter->status) &&
           (filter->stalled < 0 || column_number(row, 7) == filter->stalled) &&
           (listing->app == 0 || column_number(row, 15) == listing->app);
}

/* By what account_writer.c gives to the index. */
static bool has_words(struct listing *listing, const struct account *account)
{
    struct buf *texts = &listing->texts;
    buf_clear(texts);
    text_index_add_text(texts, account->id);
    text_index_add_text(texts, account->user_id);
    text_index_add_text(texts, account->app);
    text_index_add_text(texts, account->integration_name);
    text_index_add_text(texts, account->integration_id);
    if (buf_failed(texts))
        question_fail(listing->question, RC_NO_MEMORY, "memory ran out");
    return search_fits(listing->search, buf_slice(texts));
}

static void take_rows(struct listing *listing, sqlite3_stmt *rows)
{
    size_t examined = listing->search ? listing->search->cost + listing->search->merged : 0;
    for (bool is_first = true; question_next(listing->question, rows); is_first = false) {
        uint64_t id = (uint64_t)column_number(rows, 0);
        /* Each page gets on by one row, whatever the search has cost. */
        if (listing->items == listing->page->limit || (examined++ >= QUESTION_BUDGET && !is_first)) {
            listing->next = id + 1;
            return;
        }
        if (!fits(listing, rows))
            continue;
        struct account account = question_read_account(rows);
        examined += listing->search ? FIT_COST : 0;
        if (listing->search && !has_words(listing, &account))
            continue;
        buf_add_str(listing->out, listing->items++ ? "," : "");
        account_write_json(&account, listing->out);
    }
}

#define SELECT_ACCOUNTS "SELECT " QUESTION_ACCOUNT_COLUMNS " FROM account AS a "

static void list_by_match(struct listing *listing, int64_t before, const struct buf *match)
{
    sqlite3_stmt *rows = question_ask(listing->question,
                                      "SELECT " QUESTION_ACCOUNT_COLUMNS
                                      " FROM account_text AS t CROSS JOIN account AS a ON a.id = t.rowid "
                                      "WHERE account_text MATCH ?2 AND t.rowid < ?1 ORDER BY t.rowid DESC",
                                      "is", before, buf_slice(match));
    if (rows)
        take_rows(listing, rows);
    sqlite3_finalize(rows);
}

static void list_few(struct listing *listing, int64_t before, const struct buf *ids)
{
    struct buf sql = BUF_INIT;
    buf_addf(&sql, SELECT_ACCOUNTS "WHERE a.id IN (%s) AND a.id < ?1 ORDER BY a.id DESC", buf_str(ids));
    if (buf_failed(&sql))
        question_fail(listing->question, RC_NO_MEMORY, "memory ran out");
    sqlite3_stmt *rows = question_ask(listing->question, buf_str(&sql), "i", before);
    if (rows)
        take_rows(listing, rows);
    sqlite3_finalize(rows);
    buf_cleanup(&sql);
}

static void list_by_index(struct listing *listing, int64_t before)
{
    const struct account_filter *filter = listing->filter;
    struct question *question = listing->question;
    /* Most accounts are in one of these two: then an app is the narrower condition. */
    bool common = filter->status == STATUS_ACTIVE || filter->status == STATUS_INITIATED;
    sqlite3_stmt *rows;
    if (filter->stalled > 0)
        rows = question_ask(question,
                            SELECT_ACCOUNTS
                            "WHERE a.stalled = ?2 AND a.stalled <> 0 AND a.id < ?1 ORDER BY a.id DESC",
                            "ii", before, (int64_t)filter->stalled);
    else if (filter->status >= 0 && (listing->app == 0 || !common))
        rows = question_ask(question, SELECT_ACCOUNTS "WHERE a.status = ?2 AND a.id < ?1 ORDER BY a.id DESC",
                            "ii", before, (int64_t)filter->status);
    else if (listing->app != 0)
        rows = question_ask(question, SELECT_ACCOUNTS "WHERE a.app = ?2 AND a.id < ?1 ORDER BY a.id DESC",
                            "ii", before, listing->app);
    else
        rows = question_ask(question, SELECT_ACCOUNTS "WHERE a.id < ?1 ORDER BY a.id DESC", "i", before);
    if (rows)
        take_rows(listing, rows);
    sqlite3_finalize(rows);
}

static void list_by_words(struct listing *listing, int64_t before)
{
    struct search search;
    struct buf by = BUF_INIT;
    search_init(&search, listing->question, listing->filter->q);
    listing->search = &search;
    enum search_rows which = search_narrow(&search, "account_text", &by);
    if (which == SEARCH_FEW)
        list_few(listing, before, &by);
    else if (which == SEARCH_SOME)
        list_by_match(listing, before, &by);
    else if (which == SEARCH_ANY)
        list_by_index(listing, before);
    listing->search = NULL;
    search_cleanup(&search);
    buf_cleanup(&by);
}

enum rc question_accounts(struct questions *questions, const struct account_filter *filter,
                          const struct page *page, struct buf *out, struct err *err)
{
    struct question question;
    enum rc rc = question_begin(questions, &question, err);
    if (rc != RC_OK)
        return rc;
    struct listing listing = {.question = &question, .filter = filter, .page = page, .out = out};
    int64_t before = page->cursor ? (int64_t)page->cursor : INT64_MAX;
    listing.app = filter->app.ptr ? question_name(&question, filter->app) : 0;
    bool impossible = filter->app.ptr && listing.app == 0;
    buf_add_str(out, "{\"items\":[");
    if (!impossible && filter->q.ptr)
        list_by_words(&listing, before);
    else if (!impossible)
        list_by_index(&listing, before);
    if (listing.next)
        buf_addf(out, "],\"next\":\"%llu\"}", (unsigned long long)listing.next);
    else
        buf_add_str(out, "],\"next\":null}");
    buf_cleanup(&listing.texts);
    return question_end(&question, out, err);
}

static bool write_account(struct question *question, struct slice id, int64_t *ret_number, struct buf *out)
{
    sqlite3_stmt *rows = question_ask(question, SELECT_ACCOUNTS "WHERE a.account_id = ?1", "s", id);
    bool found = rows && question_next(question, rows);
    if (found) {
        struct account account = question_read_account(rows);
        *ret_number = (int64_t)account.number;
        account_write_json(&account, out);
    }
    sqlite3_finalize(rows);
    return found;
}

static void write_attempts(struct question *question, int64_t account, struct buf *out)
{
    sqlite3_stmt *rows = question_ask(
        question,
        "SELECT at, kind, outcome, ended_at FROM (SELECT at, kind, outcome, ended_at FROM step "
        "WHERE account = ?1 AND outcome IS NOT NULL ORDER BY at DESC, kind DESC LIMIT ?2) ORDER BY at, kind",
        "ii", account, (int64_t)QUESTION_MAX_ITEMS);
    const char *between = "";
    while (rows && question_next(question, rows)) {
        struct attempt attempt = {
            .opened_by = {column_time(rows, 0), (enum step_kind)column_number(rows, 1)},
            .outcome = (enum outcome)column_number(rows, 2),
            .ended_at = column_time(rows, 3),
        };
        bool seen = attempt.opened_by.kind == STEP_START;
        buf_addf(out, "%s{\"started_at\":", between);
        json_add_time(out, seen ? attempt.opened_by.at : TIME_NONE);
        buf_add_str(out, ",\"ended_at\":");
        json_add_time(out, attempt.ended_at);
        buf_addf(out, ",\"outcome\":\"%s\",\"time_to_connect_s\":", outcome_name(attempt.outcome));
        json_add_seconds(out, attempt_time_to_connect(&attempt));
        buf_add_char(out, '}');
        between = ",";
    }
    sqlite3_finalize(rows);
}

/* One event of a timeline, as a piece of struct timeline's text. */
struct entry {
    uint64_t seq;
    usec occurred;
    size_t at;
    size_t len;
};

struct timeline {
    struct question *question;
    struct event_view view;
    struct entry items[QUESTION_MAX_ITEMS];
    size_t count;
    struct buf text;
    uint64_t next; /* the cursor of the events that there was no room for; 0: these are all */
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    if (x->occurred != y->occurred)
        return x->occurred < y->occurred ? -1 : 1;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

static bool add_entry(void *arg, const struct record *record, const struct payload *payload)
{
    struct timeline *timeline = arg;
    struct buf *text = &timeline->text;
    size_t at = text->len;
    if (at >= QUESTION_BYTES) {
        timeline->next = record->seq + 1;
        return false;
    }
    question_write_event(timeline->question, record, payload, timeline->view, text);
    timeline->items[timeline->count++] =
        (struct entry){record->seq, event_occurred_at(record, payload), at, text->len - at};
    return true;
}

/* The newest, as many as there is room for. */
static void read_timeline(struct timeline *timeline, int64_t account)
{
    struct question *question = timeline->question;
    uint64_t seqs[QUESTION_MAX_ITEMS];
    size_t count = 0;
    sqlite3_stmt *rows = question_ask(
        question, "SELECT seq FROM event WHERE account = ?1 AND account <> 0 ORDER BY seq DESC LIMIT ?2",
        "ii", account, (int64_t)QUESTION_MAX_ITEMS + 1);
    while (rows && question_next(question, rows)) {
        uint64_t seq = (uint64_t)column_number(rows, 0);
        if (count < QUESTION_MAX_ITEMS)
            seqs[count++] = seq;
        else
            timeline->next = seq + 1;
    }
    sqlite3_finalize(rows);
    question_read_events(question, seqs, count, add_entry, timeline);
    if (buf_failed(&timeline->text))
        question_fail(question, RC_NO_MEMORY, "memory ran out");
}

static void write_timeline(struct question *question, int64_t account, bool reveal, struct buf *out)
{
    struct timeline timeline = {.question = question, .view = {.reveal = reveal}};
    read_timeline(&timeline, account);
    qsort(timeline.items, timeline.count, sizeof timeline.items[0], compare_entries);
    for (size_t i = 0; i < timeline.count && !question_failed(question); i++) {
        buf_add_str(out, i ? "," : "");
        buf_add(out, timeline.text.ptr + timeline.items[i].at, timeline.items[i].len);
    }
    buf_add_str(out, "],\"timeline_next\":");
    if (timeline.next)
        buf_addf(out, "\"%llu\"", (unsigned long long)timeline.next);
    else
        buf_add_str(out, "null");
    buf_cleanup(&timeline.text);
}

enum rc question_account(struct questions *questions, struct slice id, bool reveal, struct buf *out,
                         struct err *err)
{
    struct question question;
    int64_t number = 0;
    enum rc rc = question_begin(questions, &question, err);
    if (rc != RC_OK)
        return rc;
    buf_add_str(out, "{\"account\":");
    if (!write_account(&question, id, &number, out))
        question_fail(&question, RC_NOT_FOUND, "no event has been about this connected account");
    buf_add_str(out, ",\"attempts\":[");
    write_attempts(&question, number, out);
    buf_add_str(out, "],\"timeline\":[");
    write_timeline(&question, number, reveal, out);
    buf_add_char(out, '}');
    return question_end(&question, out, err);
}

enum rc question_account_alone(struct questions *questions, struct slice id, struct buf *out, struct err *err)
{
    struct question question;
    int64_t number;
    enum rc rc = question_begin(questions, &question, err);
    if (rc != RC_OK)
        return rc;
    write_account(&question, id, &number, out);
    return question_end(&question, out, err);
}

enum rc question_account_count(struct questions *questions, uint64_t *ret, struct err *err)
{
    struct question question;
    enum rc rc = question_begin(questions, &question, err);
    if (rc != RC_OK)
        return rc;
    int64_t count = question_number(&question, 0, "SELECT sum(accounts) FROM tally", "");
    rc = question_end(&question, NULL, err);
    if (rc == RC_OK)
        *ret = (uint64_t)count;
    return rc;
}
