/*
 * The tracker's thread on a real journal: it comes to the end of it, hears of what is appended, judges by the
 * clock, and goes on after restarts. Also run under ThreadSanitizer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "support/state_dump.h"
#include "support/temp_dir.h"
#include "track/questions.h"
#include "track/read_model.h"
#include "track/state.h"
#include "track/tracker.h"

#define HANG_TIME (60 * USEC_PER_SEC)

struct fixture {
    char directory[TEMP_DIR_SIZE];
    struct journal *journal;
    struct tracker_options options;
    struct tracker *tracker;
    uint64_t appended;

    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t committed; /* what the listener was told */
    uint64_t events;
    uint64_t slow;
};

static void on_account(void *arg, const struct record *record, const struct account *account)
{
    struct fixture *f = arg;
    pthread_mutex_lock(&f->mutex);
    f->slow += !record && account->stalled == STALLED_SLOW;
    pthread_mutex_unlock(&f->mutex);
}

static void on_event(void *arg, const struct record *record, const struct payload *payload,
                     const struct account *account)
{
    struct fixture *f = arg;
    (void)payload;
    (void)account;
    pthread_mutex_lock(&f->mutex);
    assert_int_equal(record->seq, ++f->events);
    pthread_mutex_unlock(&f->mutex);
}

static void on_commit(void *arg, uint64_t last_seq)
{
    struct fixture *f = arg;
    pthread_mutex_lock(&f->mutex);
    f->committed = last_seq;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->mutex);
}

static bool wanted(void *arg)
{
    (void)arg;
    return true;
}

static void start(struct fixture *f)
{
    struct err err = {""};
    if (tracker_start(&f->options, &f->tracker, &err) != RC_OK)
        fail_msg("%s", err.message);
}

static void stop(struct fixture *f)
{
    tracker_stop(f->tracker);
    f->tracker = NULL;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err err;
    temp_dir_make(f->directory);
    struct journal_options journal = {.directory = f->directory, .dedupe_window = USEC_HOUR};
    assert_int_equal(journal_open(&journal, &f->journal, &err), RC_OK);
    pthread_mutex_init(&f->mutex, NULL);
    pthread_cond_init(&f->changed, NULL);
    f->options = (struct tracker_options){
        .journal = f->journal,
        .directory = f->directory,
        .slow_after = USEC_MINUTE,
        .abandoned_after = 12 * USEC_MINUTE,
        .listener = {f, wanted, on_account, on_event, on_commit, NULL},
    };
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    tracker_stop(f->tracker);
    journal_close(f->journal);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->mutex);
    temp_dir_remove(f->directory);
    free(f);
    return 0;
}

/* Starts of as many accounts, all at this moment. */
static void append(struct fixture *f, size_t count)
{
    struct err err;
    for (size_t i = 0; i < count; i++) {
        char key[32];
        char body[300];
        char at[CLOCK_RFC3339_SIZE];
        struct append_outcome outcome;
        clock_format(clock_wall(), at);
        snprintf(key, sizeof key, "msg_%" PRIu64, ++f->appended);
        snprintf(body, sizeof body,
                 "{\"type\":\"connected_account.add.start\",\"timestamp\":\"%s\",\"data\":{"
                 "\"connected_account_id\":\"ca_%" PRIu64 "\",\"app_name\":\"notion\"}}",
                 at, f->appended);
        struct record record = {.kind = RECORD_EVENT,
                                .received_at = clock_wall(),
                                .key = slice_str(key),
                                .fingerprint = f->appended,
                                .body = slice_str(body)};
        assert_int_equal(journal_append(f->journal, &record, 1, &outcome, &err), RC_OK);
        assert_int_equal(outcome.result, APPEND_STORED);
    }
}

/* Until `what` of the fixture is at least `least`; a failure when that never comes. */
static void await(struct fixture *f, const uint64_t *what, uint64_t least)
{
    usec end = clock_wall() + HANG_TIME;
    struct timespec deadline = {.tv_sec = end / USEC_PER_SEC, .tv_nsec = end % USEC_PER_SEC * 1000};
    int waited = 0;
    pthread_mutex_lock(&f->mutex);
    while (*what < least && waited == 0)
        waited = pthread_cond_timedwait(&f->changed, &f->mutex, &deadline);
    pthread_mutex_unlock(&f->mutex);
    assert_int_equal(waited, 0);
}

static void expect(struct fixture *f, const char *sql, const char *want)
{
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    sqlite3 *db = state_dump_open(f->directory);
    state_dump_query(db, sql, &text);
    sqlite3_close(db);
    assert_string_equal(buf_str(&text), want);
}

static void follows_the_journal(void **state)
{
    struct fixture *f = *state;
    append(f, 100);
    start(f);
    await(f, &f->committed, 100);
    for (size_t i = 1; i <= 20; i++) {
        append(f, 5);
        await(f, &f->committed, 100 + 5 * i);
        assert_true(tracker_position(f->tracker) >=
                    95 + 5 * i); /* may be told a moment after the listener is */
    }
    stop(f);
    assert_int_equal(f->events, 200);
    expect(f, "SELECT count(*), count(distinct account_id) FROM account", "200|200\n");
    expect(f, "SELECT sum(accounts) FROM tally", "200\n");
}

static void goes_on_after_a_restart(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 1; i <= 5; i++) {
        append(f, 20);
        start(f);
        append(f, 20);
        if (i % 2)
            await(f, &f->committed, 40 * i);
        stop(f);
    }
    start(f);
    await(f, &f->committed, 200);
    stop(f);
    assert_int_equal(f->events, 200); /* each once, in order */
    expect(f, "SELECT count(*) FROM event", "200\n");
}

static void judges_when_time_has_come(void **state)
{
    struct fixture *f = *state;
    f->options.slow_after = 200 * USEC_PER_MS;
    start(f);
    append(f, 3);
    await(f, &f->slow, 3);
    stop(f);
    expect(f, "SELECT count(*) FROM account WHERE stalled = 1", "3\n");
}

static void stops_at_once_when_idle(void **state)
{
    struct fixture *f = *state;
    start(f);
    usec before = clock_monotonic();
    stop(f);
    assert_true(clock_monotonic() - before < 8 * USEC_PER_SEC); /* less than it sleeps */
}

/* Overwrites the first page of a table or index. */
static void damage(struct fixture *f, const char *query)
{
    sqlite3 *db;
    char path[TEMP_DIR_SIZE + 16];
    snprintf(path, sizeof path, "%s/%s", f->directory, STATE_FILE);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    state_dump_query(db, query, &text);
    sqlite3_close(db);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (atol(buf_str(&text)) - 1) * STATE_PAGE_SIZE, SEEK_SET), 0);
    for (int i = 0; i < STATE_PAGE_SIZE; i++)
        fputc(0x5A, file);
    assert_int_equal(fclose(file), 0);
}

static bool is_set_aside(struct fixture *f)
{
    char path[TEMP_DIR_SIZE + 32];
    snprintf(path, sizeof path, "%s/%s%s", f->directory, STATE_FILE, STATE_DAMAGED_SUFFIX);
    return access(path, F_OK) == 0;
}

static void makes_a_damaged_file_anew(void **state)
{
    struct fixture *f = *state;
    append(f, 50);
    start(f);
    await(f, &f->committed, 50);
    stop(f);
    damage(f, "SELECT rootpage FROM sqlite_schema WHERE name = 'account'");
    f->events = f->committed = 0; /* all are told again */
    start(f);
    append(f, 1); /* touches an account: the damage shows */
    await(f, &f->committed, 51);
    stop(f);
    expect(f, "SELECT count(*), sum(attempts) FROM account", "51|51\n");
    assert_true(is_set_aside(f));
}

static enum rc ask_for_a_type(struct questions *questions)
{
    const struct event_filter filter = {
        .type = slice_str("connected_account.add.start"), .since = TIME_NONE, .until = TIME_NONE};
    const struct page page = {.limit = 10};
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    struct err err;
    return question_events(questions, &filter, &page, false, &out, &err);
}

/* The tracker itself has no reason to go where the damage is. */
static void makes_a_file_anew_that_readers_find_damaged(void **state)
{
    struct fixture *f = *state;
    struct questions *questions;
    struct err err;
    append(f, 50);
    start(f);
    await(f, &f->committed, 50);
    stop(f);
    start(f);
    assert_int_equal(questions_open(f->directory, f->journal, &questions, &err), RC_OK);
    questions_watch(questions, tracker_doubt, f->tracker);
    damage(f, "SELECT rootpage FROM sqlite_schema WHERE name = 'event_by_type'");
    f->events = 0;
    assert_int_equal(ask_for_a_type(questions), RC_CORRUPT);
    await(f, &f->events, 50); /* told again */
    stop(f);
    assert_int_equal(ask_for_a_type(questions), RC_OK);
    assert_true(is_set_aside(f));
    questions_close(questions);
}

/* A reader that is wrong costs a look at the file, not the file. */
static void keeps_a_sound_file_that_was_doubted(void **state)
{
    struct fixture *f = *state;
    append(f, 20);
    start(f);
    await(f, &f->committed, 20);
    tracker_doubt(f->tracker);
    append(f, 1);
    await(f, &f->committed, 21);
    stop(f);
    assert_false(is_set_aside(f));
    expect(f, "SELECT count(*) FROM account", "21\n");
}

static void forgets_what_the_journal_has_no_more(void **state)
{
    struct fixture *f = *state;
    struct err err;
    size_t removed;
    append(f, 30);
    start(f);
    await(f, &f->committed, 30);
    stop(f);
    assert_int_equal(journal_trim(f->journal, INT64_MAX, 20, 1000, &removed, &err), RC_OK);
    assert_int_equal(removed, 20);
    f->committed = 0;
    start(f);
    append(f, 1);
    await(f, &f->committed, 31);
    stop(f);
    expect(f, "SELECT min(seq), count(*) FROM event", "21|11\n");
    expect(f, "SELECT count(*) FROM account", "31\n");
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(follows_the_journal),
        CASE(goes_on_after_a_restart),
        CASE(judges_when_time_has_come),
        CASE(stops_at_once_when_idle),
        CASE(makes_a_damaged_file_anew),
        CASE(makes_a_file_anew_that_readers_find_damaged),
        CASE(keeps_a_sound_file_that_was_doubted),
        CASE(forgets_what_the_journal_has_no_more),
    };
    return cmocka_run_group_tests_name("tracker", tests, NULL, NULL);
}
