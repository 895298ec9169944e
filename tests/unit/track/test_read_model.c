/*
 * The read model, case by case. Times in the tables are seconds after BASE; the accounts are read from
 * state.db through a connection of the test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "support/faulty_vfs.h"
#include "support/state_dump.h"
#include "support/temp_dir.h"
#include "track/checkpointer.h"
#include "track/event.h"
#include "track/read_model.h"
#include "track/state.h"

#define BASE                                                                                                 \
    (INT64_C(4102444800) * USEC_PER_SEC) /* 2100: what opening judges by the real clock is then to come */
#define MAX_EVENTS 256

struct fixture {
    char directory[TEMP_DIR_SIZE];
    struct read_model_options options;
    struct read_model *model;
    usec now;
    size_t count;
    uint64_t first; /* the oldest that the journal still has */
    struct stored {
        char *body;
        char key[32];
        usec received_at;
    } events[MAX_EVENTS]; /* the journal; seq is the index plus 1 */
    struct buf text;
    struct err why;
};

static uint64_t last_of(const struct fixture *f)
{
    return f->count;
}

static void open_model(struct fixture *f)
{
    struct err err = {""};
    uint64_t first = f->first <= last_of(f) ? f->first : 0;
    enum rc rc = read_model_open(&f->options, first, last_of(f), &f->model, &f->why, &err);
    if (rc != RC_OK)
        fail_msg("%s: %s", rc_code(rc), err.message);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    temp_dir_make(f->directory);
    f->options = (struct read_model_options){
        .directory = f->directory,
        .patience = {.slow_after = USEC_MINUTE, .abandoned_after = 12 * USEC_MINUTE},
    };
    f->now = BASE;
    f->first = 1;
    open_model(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    read_model_close(f->model);
    for (size_t i = 0; i < f->count; i++)
        free(f->events[i].body);
    buf_cleanup(&f->text);
    temp_dir_remove(f->directory);
    free(f);
    return 0;
}

static void commit(struct fixture *f)
{
    struct err err = {""};
    enum rc rc = read_model_commit(f->model, &err);
    if (rc != RC_OK)
        fail_msg("%s: %s", rc_code(rc), err.message);
}

static struct record record_of(const struct fixture *f, uint64_t seq)
{
    const struct stored *event = &f->events[seq - 1];
    return (struct record){.seq = seq,
                           .kind = RECORD_EVENT,
                           .received_at = event->received_at,
                           .key = slice_str(event->key),
                           .body = slice_str(event->body)};
}

/* Everything that the journal has after the model's position, and what is due. */
static void follow(struct fixture *f)
{
    uint64_t seq = read_model_position(f->model) + 1;
    read_model_begin(f->model);
    for (seq = seq < f->first ? f->first : seq; seq <= last_of(f); seq++) {
        struct record record = record_of(f, seq);
        read_model_apply(f->model, &record, f->now);
    }
    while (read_model_judge(f->model, f->now, 1) > 0) {
    }
    commit(f);
    assert_int_equal(read_model_position(f->model), last_of(f));
}

static void store(struct fixture *f, const char *body)
{
    assert_true(f->count < MAX_EVENTS);
    struct stored *event = &f->events[f->count++];
    event->body = strdup(body);
    event->received_at = f->now;
    snprintf(event->key, sizeof event->key, "msg_%zu", f->count);
}

static void receive(struct fixture *f, const char *body)
{
    store(f, body);
    follow(f);
}

/* An admin event of account ca_1; `more` goes into data. */
static void admin(struct fixture *f, const char *type, int at_seconds, const char *more)
{
    char body[1024];
    char at[CLOCK_RFC3339_SIZE];
    clock_format(BASE + at_seconds * USEC_PER_SEC, at);
    snprintf(body, sizeof body,
             "{\"type\":\"connected_account.%s\",\"timestamp\":\"%s\",\"data\":{\"connected_account_id\":"
             "\"ca_1\"%s}}",
             type, at, more);
    receive(f, body);
}

static void start_at(struct fixture *f, int at_seconds)
{
    admin(f, "add.start", at_seconds, ",\"app_name\":\"notion\"");
}

static void completed_at(struct fixture *f, int at_seconds)
{
    admin(f, "add.completed", at_seconds, ",\"app_name\":\"notion\"");
}

/* A version 3 expiry of ca_1 with more members of data. */
static void expired_at(struct fixture *f, int at_seconds, const char *more)
{
    char body[1024];
    char at[CLOCK_RFC3339_SIZE];
    clock_format(BASE + at_seconds * USEC_PER_SEC, at);
    snprintf(body, sizeof body,
             "{\"id\":\"msg_x\",\"type\":\"composio.connected_account.expired\",\"timestamp\":\"%s\","
             "\"metadata\":{},\"data\":{\"id\":\"ca_1\"%s}}",
             at, more);
    receive(f, body);
}

static void trigger_message(struct fixture *f, int at_seconds, const char *account, const char *user)
{
    char body[1024];
    char at[CLOCK_RFC3339_SIZE];
    clock_format(BASE + at_seconds * USEC_PER_SEC, at);
    snprintf(body, sizeof body,
             "{\"id\":\"msg_x\",\"type\":\"composio.trigger.message\",\"timestamp\":\"%s\",\"metadata\":{"
             "\"connected_account_id\":\"%s\",\"user_id\":\"%s\"},\"data\":{}}",
             at, account, user);
    receive(f, body);
}

static const char *query(struct fixture *f, const char *sql)
{
    sqlite3 *db = state_dump_open(f->directory);
    buf_clear(&f->text);
    state_dump_query(db, sql, &f->text);
    sqlite3_close(db);
    return buf_str(&f->text);
}

static void expect(struct fixture *f, const char *sql, const char *want)
{
    assert_string_equal(query(f, sql), want);
}

#define SECONDS(column) "(" column " - 4102444800000000) / 1000000"

/* status, stalled, attempts, started, completed, time to connect, newest event, reason of ca_1 */
static void expect_account(struct fixture *f, const char *want)
{
    expect(f,
           "SELECT status, stalled, attempts, " SECONDS("started_at") ", " SECONDS(
               "completed_at") ", "
                               "time_to_connect / 1000000, " SECONDS(
                                   "last_event_at") ", status_reason FROM account "
                                                    "WHERE account_id = 'ca_1'",
           want);
}

/* start, outcome, end of each attempt */
static void expect_attempts(struct fixture *f, const char *want)
{
    expect(f,
           "SELECT " SECONDS("at") ", outcome, " SECONDS("ended_at") " FROM step WHERE outcome IS NOT NULL "
                                                                     "ORDER BY account, at, kind",
           want);
}

/* level, app, integration, started, completed, failed, expired, abandoned of the rows of one minute grain,
 * over all */
static void expect_rollup(struct fixture *f, const char *want)
{
    expect(f,
           "SELECT level, a.text, i.text, sum(started), sum(completed), sum(failed), sum(expired), "
           "sum(abandoned) "
           "FROM rollup LEFT JOIN name AS a ON a.id = app LEFT JOIN name AS i ON i.id = integration "
           "WHERE grain = 86400 GROUP BY level, a.text, i.text ORDER BY level, a.text, i.text",
           want);
    buf_clear(&f->text);
    expect(
        f,
        "SELECT count(*) FROM (SELECT level, app, integration, sum(started) AS s, sum(completed) AS c, "
        "sum(failed) + sum(expired) + sum(abandoned) AS o FROM rollup GROUP BY grain, level, app, "
        "integration) "
        "GROUP BY level, app, integration HAVING min(s) <> max(s) OR min(c) <> max(c) OR min(o) <> max(o) OR "
        "count(*) <> 3",
        "");
}

/* ---- the life of an account ---- */

static void follows_a_connection(void **state)
{
    struct fixture *f = *state;
    f->now = BASE + USEC_PER_SEC;
    start_at(f, 0);
    expect_account(f, "1|0|1|0|-|-|0|-\n");
    expect_attempts(f, "0|0|-\n");
    expect_rollup(f, "0|-|-|1|0|0|0|0\n1|notion|-|1|0|0|0|0\n2|notion|-|1|0|0|0|0\n");
    completed_at(f, 42);
    expect_account(f, "2|0|1|0|42|42|42|-\n");
    expect_attempts(f, "0|1|42\n");
    expect_rollup(f, "0|-|-|1|1|0|0|0\n1|notion|-|1|1|0|0|0\n2|notion|-|1|1|0|0|0\n");
    expect(f, STATE_DUMP_TALLIES, "notion|2|1\n");
    expect(f, "SELECT first_seen_at - 4102444800000000, first_seq FROM account", "1000000|1\n");
}

static void takes_events_out_of_order(void **state)
{
    struct fixture *f = *state;
    completed_at(f, 42);
    expect_account(f, "2|0|1|-|42|-|42|-\n");
    start_at(f, 0);
    expect_account(f, "2|0|1|0|42|42|42|-\n");
    expect_attempts(f, "0|1|42\n");
    expect_rollup(f, "0|-|-|1|1|0|0|0\n1|notion|-|1|1|0|0|0\n2|notion|-|1|1|0|0|0\n");
    admin(f, "add.failed", 20, ""); /* between the two: it is completed nevertheless */
    expect_account(f, "2|0|1|0|42|42|42|-\n");
    admin(f, "deleted", 50, "");
    expired_at(f, 45, ",\"status_reason\":\"tokens died\"");
    expect_account(f, "5|0|1|0|42|42|50|-\n");
    expect_attempts(f, "0|1|42\n");
}

static void counts_a_step_once_whatever_its_id(void **state)
{
    struct fixture *f = *state;
    start_at(f, 0);
    start_at(f, 0);
    completed_at(f, 42);
    start_at(f, 0);
    completed_at(f, 42);
    expect_account(f, "2|0|1|0|42|42|42|-\n");
    expect_attempts(f, "0|1|42\n");
    expect_rollup(f, "0|-|-|1|1|0|0|0\n1|notion|-|1|1|0|0|0\n2|notion|-|1|1|0|0|0\n");
    expect(f, "SELECT count(*) FROM event", "5\n");
}

static void a_start_comes_before_a_completion_of_the_same_time(void **state)
{
    struct fixture *f = *state;
    completed_at(f, 0);
    start_at(f, 0);
    expect_account(f, "2|0|1|0|0|0|0|-\n");
    expect_attempts(f, "0|1|0\n");
}

static void marks_slow_and_abandoned_by_the_clock(void **state)
{
    struct fixture *f = *state;
    start_at(f, 0);
    assert_int_equal(read_model_next_deadline(f->model), BASE + USEC_MINUTE);
    f->now = BASE + USEC_MINUTE - 1;
    follow(f);
    expect_account(f, "1|0|1|0|-|-|0|-\n");
    f->now++;
    follow(f);
    expect_account(f, "1|1|1|0|-|-|0|-\n");
    assert_int_equal(read_model_next_deadline(f->model), BASE + 12 * USEC_MINUTE);
    f->now = BASE + 12 * USEC_MINUTE;
    follow(f);
    expect_account(f, "1|2|1|0|-|-|0|-\n");
    expect_attempts(f, "0|4|-\n");
    expect_rollup(f, "0|-|-|1|0|0|0|1\n1|notion|-|1|0|0|0|1\n2|notion|-|1|0|0|0|1\n");
    assert_int_equal(read_model_next_deadline(f->model), TIME_NONE);
}

static void a_late_completion_resolves_an_abandoned_connection(void **state)
{
    struct fixture *f = *state;
    f->now = BASE + 20 * USEC_MINUTE;
    start_at(f, 0);
    expect_account(f, "1|2|1|0|-|-|0|-\n");
    completed_at(f, 1100);
    expect_account(f, "2|0|1|0|1100|1100|1100|-\n");
    expect_attempts(f, "0|1|1100\n");
    expect_rollup(f, "0|-|-|1|1|0|0|0\n1|notion|-|1|1|0|0|0\n2|notion|-|1|1|0|0|0\n");
}

static void an_expiry_that_comes_late_is_one(void **state)
{
    struct fixture *f = *state;
    f->now = BASE + 20 * USEC_MINUTE;
    start_at(f, 0);
    expired_at(f, 600, ",\"status_reason\":\"Connection initiation did not complete within 10 minutes\"");
    expect_account(f, "4|0|1|0|-|-|600|Connection initiation did not complete within 10 minutes\n");
    expect_attempts(f, "0|3|600\n");
    expect_rollup(f, "0|-|-|1|0|0|1|0\n1|notion|-|1|0|0|1|0\n2|notion|-|1|0|0|1|0\n");
}

static void a_completion_needs_no_start(void **state)
{
    struct fixture *f = *state;
    completed_at(f, 42);
    expect_account(f, "2|0|1|-|42|-|42|-\n");
    expect_attempts(f, "42|1|42\n");
    expect(f, "SELECT count(*) FROM rollup WHERE times IS NOT NULL", "0\n");
    assert_int_equal(read_model_next_deadline(f->model), TIME_NONE);
}

static void a_start_after_active_is_another_attempt(void **state)
{
    struct fixture *f = *state;
    start_at(f, 0);
    completed_at(f, 10);
    start_at(f, 100);
    expect_account(f, "1|0|2|100|10|10|100|-\n");
    completed_at(f, 130);
    expect_account(f, "2|0|2|100|130|30|130|-\n");
    expect_attempts(f, "0|1|10\n100|1|130\n");
    expect_rollup(f, "0|-|-|2|2|0|0|0\n1|notion|-|2|2|0|0|0\n2|notion|-|2|2|0|0|0\n");
}

static void an_older_attempt_stays_pending_until_it_is_abandoned(void **state)
{
    struct fixture *f = *state;
    start_at(f, 0);
    start_at(f, 100);
    completed_at(f, 130);
    expect_attempts(f, "0|0|-\n100|1|130\n");
    f->now = BASE + 12 * USEC_MINUTE;
    follow(f);
    expect_account(f, "2|0|2|100|130|30|130|-\n");
    expect_attempts(f, "0|4|-\n100|1|130\n");
}

static void of_two_reasons_of_one_time_order_does_not_choose(void **state)
{
    struct fixture *f = *state;
    expired_at(f, 10, "");
    expect_account(f, "4|0|0|-|-|-|10|-\n");
    expired_at(f, 10, ",\"status_reason\":\"b\"");
    expired_at(f, 10, ",\"status_reason\":\"a\"");
    expect_account(f, "4|0|0|-|-|-|10|b\n");
}

static void an_event_without_a_step_leaves_the_status_alone(void **state)
{
    struct fixture *f = *state;
    admin(f, "refreshed", 5, ",\"app_name\":\"notion\"");
    expect_account(f, "0|0|0|-|-|-|5|-\n");
    expect(f, STATE_DUMP_TALLIES, "notion|0|1\n");
    expect(f, "SELECT count(*) FROM step", "0\n");
    expect(f, "SELECT count(*) FROM rollup", "0\n");
    start_at(f, 7);
    admin(f, "refreshed", 9, "");
    expect_account(f, "1|0|1|7|-|-|9|-\n");
    expect(f, STATE_DUMP_TALLIES, "notion|1|1\n");
}

static void nothing_of_one_account_is_left_in_the_next(void **state)
{
    struct fixture *f = *state;
    start_at(f, 0);
    admin(f, "deleted", 5, ",\"user_id\":\"u\"");
    trigger_message(f, 6, "ca_2", "");
    expect(f,
           "SELECT app, app_at, integration_name, integration_name_at, integration_id, integration_id_at, "
           "user_id, "
           "user_id_at, status, stalled, attempts, started_at, completed_at, time_to_connect, status_reason, "
           "step_at, "
           "step_kind, attempt_at, attempt_kind, attempt_outcome, attempt_ended_at FROM account WHERE id = 2",
           "0|-|0|-|0|-|-|-|0|0|0|-|-|-|-|-|0|-|0|0|-\n");
}

static void nothing_is_left_of_tallies_that_are_empty(void **state)
{
    struct fixture *f = *state;
    start_at(f, 0);
    completed_at(f, 10);
    expect(f, "SELECT count(*) FROM tally", "1\n");
}

/* ---- details ---- */

static void details_learned_late_move_the_rollups(void **state)
{
    struct fixture *f = *state;
    admin(f, "add.start", 0, "");
    admin(f, "add.completed", 10, "");
    admin(f, "add.start", 100, "");
    expect_rollup(f, "0|-|-|2|1|0|0|0\n1|-|-|2|1|0|0|0\n2|-|-|2|1|0|0|0\n");
    admin(f, "note", 200, ",\"app_name\":\"notion\"");
    expect_rollup(f, "0|-|-|2|1|0|0|0\n1|notion|-|2|1|0|0|0\n2|notion|-|2|1|0|0|0\n");
    admin(f, "note", 200, ",\"integration_id\":\"i1\"");
    expect_rollup(f, "0|-|-|2|1|0|0|0\n1|notion|-|2|1|0|0|0\n2|notion|i1|2|1|0|0|0\n");
    admin(f, "note", 150, ",\"integration_name\":\"notion_x\",\"user_id\":\"u1\",\"app_name\":\"older\"");
    expect_rollup(f, "0|-|-|2|1|0|0|0\n1|notion|-|2|1|0|0|0\n2|notion|notion_x|2|1|0|0|0\n");
    admin(f, "note", 300, ",\"app_name\":\"slack\"");
    expect_rollup(f, "0|-|-|2|1|0|0|0\n1|slack|-|2|1|0|0|0\n2|slack|notion_x|2|1|0|0|0\n");
    expect(f, STATE_DUMP_TALLIES, "slack|1|1\n");
    expect(f, "SELECT user_id FROM account", "u1\n");
}

/* More changes of roll-ups in one transaction than are gathered before they are written. */
static void many_attempts_may_move_often(void **state)
{
    struct fixture *f = *state;
    char body[300];
    read_model_begin(f->model);
    for (uint64_t seq = 1; seq <= 1060; seq++) {
        char at[CLOCK_RFC3339_SIZE];
        clock_format(BASE + (usec)seq * USEC_MINUTE, at);
        snprintf(body, sizeof body,
                 "{\"type\":\"connected_account.%s\",\"timestamp\":\"%s\",\"data\":{\"connected_account_id\":"
                 "\"ca_1\",\"app_name\":\"app_%d\"}}",
                 seq < 1000 ? "add.start" : "note", at, seq < 1000 ? 0 : (int)seq);
        struct record record = {.seq = seq,
                                .kind = RECORD_EVENT,
                                .received_at = BASE + (usec)seq * USEC_MINUTE,
                                .key = slice_str("msg"),
                                .body = slice_str(body)};
        read_model_apply(f->model, &record, BASE);
    }
    commit(f);
    expect_rollup(f, "0|-|-|999|0|0|0|0\n1|app_1060|-|999|0|0|0|0\n2|app_1060|-|999|0|0|0|0\n");
}

static void of_two_details_of_one_time_order_does_not_choose(void **state)
{
    struct fixture *f = *state;
    static const char DETAILS[] = "SELECT a.text, user_id FROM account LEFT JOIN name AS a ON a.id = app";
    admin(f, "note", 5, ",\"app_name\":\"b\",\"user_id\":\"u\"");
    admin(f, "note", 5, ",\"app_name\":\"a\",\"user_id\":\"t\"");
    expect(f, DETAILS, "b|u\n");
    admin(f, "note", 5, ",\"app_name\":\"ba\",\"user_id\":\"ua\"");
    expect(f, DETAILS, "ba|ua\n");
    admin(f, "note", 6, ",\"app_name\":\"a\",\"user_id\":\"a\"");
    admin(f, "note", 7, ",\"app_name\":\"\",\"user_id\":\"\"");
    expect(f, DETAILS, "a|a\n");
}

static void trigger_messages_link_accounts(void **state)
{
    struct fixture *f = *state;
    trigger_message(f, 5, "ca_1", "tenant-9");
    expect_account(f, "0|0|0|-|-|-|5|-\n");
    expect(f, "SELECT user_id FROM account", "tenant-9\n");
    start_at(f, 0);
    expect_account(f, "1|0|1|0|-|-|5|-\n");
    receive(f, "{\"type\":\"github_star\",\"timestamp\":\"2100-01-01T00:00:09Z\",\"log_id\":\"l\",\"data\":{"
               "\"connection_id\":\"u-u\",\"connection_nano_id\":\"ca_2\",\"trigger_nano_id\":\"ti_1\","
               "\"trigger_id\":\"t\",\"user_id\":\"tenant-2\"}}");
    receive(f, "{\"trigger_name\":\"github_star\",\"connection_id\":\"ca_3\",\"trigger_id\":\"t\","
               "\"payload\":{}}");
    expect(f, "SELECT id, account_id, user_id FROM account ORDER BY id",
           "1|ca_1|tenant-9\n2|ca_2|tenant-2\n3|ca_3|-\n");
    expect(f, STATE_DUMP_EVENTS,
           "1|ca_1|composio.trigger.message|4102444800000000\n2|ca_1|connected_account.add.start|"
           "4102444800000000\n3|ca_2|github_star|4102444800000000\n4|ca_3|github_star|4102444800000000\n");
}

/* ---- bodies from strangers ---- */

static void odd_times_are_those_of_receipt(void **state)
{
    struct fixture *f = *state;
    f->now = BASE + 100 * USEC_PER_SEC;
    static const char *const TIMES[] = {"\"yesterday\"", "1767225600", "null", "\"2100-01-02T00:01:41Z\"",
                                        "\"9999-12-31T23:59:59Z\""};
    for (size_t i = 0; i < sizeof TIMES / sizeof TIMES[0]; i++) {
        char body[300];
        snprintf(
            body, sizeof body,
            "{\"type\":\"connected_account.add.start\",\"timestamp\":%s,\"data\":{\"connected_account_id\":"
            "\"ca_1\"}}",
            TIMES[i]);
        receive(f, body);
        expect_account(f, "1|0|1|100|-|-|100|-\n");
    }
    admin(f, "add.start", 86500, ""); /* a day ahead exactly */
    expect_account(f, "1|0|2|86500|-|-|86500|-\n");
}

static void times_long_ago_are_believed(void **state)
{
    struct fixture *f = *state;
    receive(f, "{\"type\":\"connected_account.add.start\",\"timestamp\":\"0000-01-01T00:00:00Z\",\"data\":{"
               "\"connected_account_id\":\"ca_1\"}}");
    receive(
        f, "{\"type\":\"connected_account.add.completed\",\"timestamp\":\"1969-12-31T23:59:59.5Z\",\"data\":{"
           "\"connected_account_id\":\"ca_1\"}}");
    expect(f, "SELECT status, started_at, completed_at FROM account", "2|-62167219200000000|-500000\n");
    expect(f, "SELECT t, completed FROM rollup WHERE level = 0 ORDER BY grain",
           "-62167219200|1\n-62167219200|1\n-62167219200|1\n");
}

static void long_names_are_not_tracked(void **state)
{
    struct fixture *f = *state;
    CLEANUP(buf_cleanup) struct buf body = BUF_INIT;
    for (size_t len = READ_MODEL_MAX_NAME; len <= READ_MODEL_MAX_NAME + 1; len++) {
        static const char *const FIELDS[] = {"app_name", "integration_name", "integration_id", "user_id",
                                             "connected_account_id"};
        buf_clear(&body);
        buf_add_str(&body, "{\"type\":\"connected_account.add.start\",\"timestamp\":\"2100-01-01T00:00:00Z\","
                           "\"data\":{");
        for (size_t i = 0; i < sizeof FIELDS / sizeof FIELDS[0]; i++) {
            buf_addf(&body, "%s\"%s\":\"", i > 0 ? "," : "", FIELDS[i]);
            buf_add_fill(&body, 'a', len);
            buf_add_char(&body, '"');
        }
        buf_add_str(&body, "}}");
        receive(f, buf_str(&body));
    }
    expect(f,
           "SELECT length(account_id), length(a.text), length(user_id), attempts FROM account "
           "LEFT JOIN name AS a ON a.id = app",
           "256|256|256|1\n");
    expect(f, "SELECT seq, account, app <> 0 FROM event", "1|1|1\n2|0|0\n");
    admin(f, "note", 0, ",\"app_name\":\"x\"");
    buf_clear(&body);
    buf_add_str(&body, ",\"app_name\":\"");
    buf_add_fill(&body, 'z', READ_MODEL_MAX_NAME + 1);
    buf_add_char(&body, '"');
    admin(f, "note", 1, buf_str(&body));
    expect(f, "SELECT a.text FROM account JOIN name AS a ON a.id = app WHERE account_id = 'ca_1'", "x\n");
}

static void long_reasons_are_cut_at_a_character(void **state)
{
    struct fixture *f = *state;
    CLEANUP(buf_cleanup) struct buf more = BUF_INIT;
    buf_add_str(&more, ",\"status_reason\":\"a");
    for (int i = 0; i < EVENT_MAX_TEXT / 2; i++)
        buf_add_str(&more, "\xC3\xA9"); /* two bytes each; the last one would be cut in half */
    buf_add_char(&more, '"');
    expired_at(f, 0, buf_str(&more));
    expect(f, "SELECT length(CAST(status_reason AS BLOB)), length(status_reason) FROM account", "499|250\n");
}

static void anything_may_be_in_a_body(void **state)
{
    struct fixture *f = *state;
    static const char *const BODIES[] = {
        "",
        "{",
        "[]",
        "7",
        "{}",
        "{\"type\":\"connected_account.add.start\"}",
        "{\"type\":\"connected_account.add.start\",\"timestamp\":1,\"data\":{}}",
        "{\"type\":\"connected_account.add.start\",\"timestamp\":1,\"data\":{\"connected_account_id\":\"\"}}",
        "{\"type\":\"connected_account.add.start\",\"timestamp\":1,\"data\":{\"connected_account_id\":7}}",
        "{\"type\":\"connected_account.add.start\",\"timestamp\":1,\"data\":{\"connected_account_id\":"
        "\"a\\u0000b\",\"app_name\":\"x\\u0000y\",\"user_id\":\"\\ud83d\\ude00 \\\" ' * ( \\u0000\"}}",
        "{\"type\":\"connected_account.add.start\",\"timestamp\":1,\"data\":{\"connected_account_id\":"
        "\"a\\u0000c\",\"app_name\":\"x\\u0000z\"}}",
    };
    for (size_t i = 0; i < sizeof BODIES / sizeof BODIES[0]; i++)
        receive(f, BODIES[i]);
    expect(f, "SELECT count(*), min(seq), max(seq) FROM event", "11|1|11\n");
    expect(f, "SELECT count(*) FROM account", "2\n");
    expect(f, "SELECT count(*) FROM rollup WHERE level = 1 AND grain = 60", "2\n");
}

/* ---- the journal and the file ---- */

/* Nothing that a reader sees changes when everything is made anew; returns it. */
static void expect_same_after_reset(struct fixture *f)
{
    struct err err;
    CLEANUP(buf_cleanup) struct buf before = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf after = BUF_INIT;
    sqlite3 *db = state_dump_open(f->directory);
    state_dump_all(db, &before);
    assert_int_equal(read_model_reset(f->model, f->first, f->now, &err), RC_OK);
    assert_int_equal(read_model_position(f->model), f->first - 1);
    follow(f);
    state_dump_all(db, &after);
    sqlite3_close(db);
    assert_string_equal(buf_str(&before), buf_str(&after));
}

static void some_lives(struct fixture *f)
{
    start_at(f, 0);
    trigger_message(f, 1, "ca_2", "tenant-2");
    completed_at(f, 42);
    expired_at(f, 500, ",\"status_reason\":\"tokens died\",\"auth_config\":{\"id\":\"ac_1\"}");
    start_at(f, 600);
    trigger_message(f, 700, "ca_1", "tenant-9");
    admin(f, "add.failed", 650, "");
    start_at(f, 800);
    f->now = BASE + 900 * USEC_PER_SEC;
    follow(f);
}

static void is_the_same_when_made_anew(void **state)
{
    struct fixture *f = *state;
    some_lives(f);
    expect_account(f, "1|1|3|800|42|42|800|-\n");
    expect_same_after_reset(f);
}

static void forgets_events_that_the_journal_has_no_more(void **state)
{
    struct fixture *f = *state;
    some_lives(f);
    read_model_begin(f->model);
    f->first = 4;
    read_model_trim(f->model, f->first, 1);
    commit(f);
    expect(f, "SELECT min(seq) FROM event", "2\n");
    read_model_begin(f->model);
    read_model_trim(f->model, f->first, 100);
    commit(f);
    expect(f, "SELECT min(seq) FROM event", "4\n");
    expect_account(f, "1|1|3|800|42|42|800|-\n");
}

static void keeps_what_a_trimmed_journal_cannot_tell(void **state)
{
    struct fixture *f = *state;
    some_lives(f);
    for (f->first = 1; f->first <= last_of(f); f->first++) {
        read_model_begin(f->model);
        read_model_trim(f->model, f->first, 100);
        commit(f);
        expect_same_after_reset(f);
    }
    expect_account(f, "1|1|3|800|42|42|800|-\n");
    expect_attempts(f, "0|1|42\n600|2|650\n800|0|-\n");
}

static void reopen(struct fixture *f)
{
    read_model_close(f->model);
    f->model = NULL;
    open_model(f);
}

static void goes_on_where_it_was(void **state)
{
    struct fixture *f = *state;
    some_lives(f);
    reopen(f);
    assert_string_equal(f->why.message, "");
    assert_int_equal(read_model_position(f->model), last_of(f));
    completed_at(f, 850);
    expect_account(f, "2|0|3|800|850|50|850|-\n");
}

static void other_options_make_it_anew(void **state)
{
    struct fixture *f = *state;
    some_lives(f);
    f->options.patience.abandoned_after = 90 * USEC_PER_SEC;
    reopen(f);
    assert_non_null(strstr(f->why.message, "abandoned-after"));
    assert_int_equal(read_model_position(f->model), 0);
    follow(f);
    expect_account(f, "1|2|3|800|42|42|800|-\n");
    reopen(f);
    assert_string_equal(f->why.message, "");
    f->options.patience.abandoned_after = USEC_HOUR;
    f->first = 6;
    reopen(f);
    assert_int_equal(read_model_position(f->model), 5);
    follow(f);
    expect_account(f, "1|1|3|800|42|42|800|-\n");
    expect(f, "SELECT count(*) FROM step WHERE outcome = 4", "0\n");
}

static void another_journal_makes_it_anew(void **state)
{
    struct fixture *f = *state;
    some_lives(f);
    for (; f->count > 2; f->count--)
        free(f->events[f->count - 1].body);
    reopen(f);
    assert_non_null(strstr(f->why.message, "another"));
    follow(f);
    expect(f, "SELECT account_id, attempts FROM account ORDER BY id", "ca_1|1\nca_2|0\n");
    for (; f->count > 0; f->count--)
        free(f->events[f->count - 1].body);
    reopen(f);
    assert_non_null(strstr(f->why.message, "another"));
    expect(f, "SELECT count(*) FROM account", "0\n");
    expect(f, "SELECT count(*) FROM step", "0\n");
}

static void a_journal_that_has_lost_records_makes_it_anew(void **state)
{
    struct fixture *f = *state;
    start_at(f, 0);
    store(f, "{}");
    store(f, "{}");
    f->first = 3;
    reopen(f);
    assert_non_null(strstr(f->why.message, "begins after"));
    follow(f);
    expect_account(f, "1|0|1|0|-|-|0|-\n");
    expect(f, "SELECT seq FROM event", "3\n");
}

/* ---- damage ---- */

static void overwrite(struct fixture *f, long at, size_t count)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", f->directory, STATE_FILE);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    if (at < 0) {
        assert_int_equal(fseek(file, 0, SEEK_END), 0);
        at = ftell(file);
        count = count < (size_t)at ? count : (size_t)at;
        at -= (long)count;
    }
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    for (size_t i = 0; i < count; i++)
        fputc(0x5A, file);
    assert_int_equal(fclose(file), 0);
}

/* Damages the closed file and opens it: it is made anew. */
static void expect_recovery(struct fixture *f, long at, size_t count)
{
    read_model_close(f->model);
    f->model = NULL;
    overwrite(f, at, count);
    open_model(f);
    completed_at(f, 850);
    expect_account(f, "2|0|3|800|850|50|850|-\n");
}

static void a_damaged_file_is_made_anew(void **state)
{
    struct fixture *f = *state;
    some_lives(f);
    expect_recovery(f, 0, STATE_PAGE_SIZE);
    assert_true(strlen(f->why.message) > 0);
}

static void a_file_of_something_else_is_made_anew(void **state)
{
    struct fixture *f = *state;
    some_lives(f);
    expect_recovery(f, 0, 16);
    assert_true(strlen(f->why.message) > 0);
}

static void a_file_with_a_damaged_page_is_made_anew(void **state)
{
    struct fixture *f = *state;
    some_lives(f);
    long page = atol(query(f, "SELECT rootpage FROM sqlite_schema WHERE name = 'meta'"));
    expect_recovery(f, (page - 1) * STATE_PAGE_SIZE, STATE_PAGE_SIZE);
    assert_true(strlen(f->why.message) > 0);
}

static void a_file_that_cannot_be_reset_is_made_anew(void **state)
{
    struct fixture *f = *state;
    some_lives(f);
    long page = atol(query(f, "SELECT rootpage FROM sqlite_schema WHERE name = 'step'"));
    f->options.patience.slow_after = 2 * USEC_MINUTE;
    expect_recovery(f, (page - 1) * STATE_PAGE_SIZE, STATE_PAGE_SIZE);
    assert_true(strlen(f->why.message) > 0);
}

static void damage_found_later_is_reported(void **state)
{
    struct fixture *f = *state;
    struct err err = {""};
    some_lives(f);
    long page = atol(query(f, "SELECT rootpage FROM sqlite_schema WHERE name = 'account'"));
    read_model_close(f->model);
    f->model = NULL;
    overwrite(f, (page - 1) * STATE_PAGE_SIZE, STATE_PAGE_SIZE);
    open_model(f);
    store(f, f->events[0].body);
    struct record record = record_of(f, last_of(f));
    read_model_begin(f->model);
    read_model_apply(f->model, &record, f->now);
    assert_int_equal(read_model_commit(f->model, &err), RC_CORRUPT);
    assert_true(strlen(err.message) > 0);
    assert_int_equal(read_model_position(f->model), last_of(f) - 1);
}

static void a_newer_file_is_made_anew(void **state)
{
    struct fixture *f = *state;
    sqlite3 *db;
    char path[512];
    some_lives(f);
    read_model_close(f->model);
    f->model = NULL;
    snprintf(path, sizeof path, "%s/%s", f->directory, STATE_FILE);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version=99", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    open_model(f);
    assert_non_null(strstr(f->why.message, "99"));
    follow(f);
    expect_account(f, "1|1|3|800|42|42|800|-\n");
}

static void the_file_is_its_owners(void **state)
{
    struct fixture *f = *state;
    struct stat file;
    char path[512];
    snprintf(path, sizeof path, "%s/%s", f->directory, STATE_FILE);
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
}

static off_t size_of(const struct fixture *f, const char *suffix)
{
    struct stat file;
    char path[512];
    snprintf(path, sizeof path, "%s/%s%s", f->directory, STATE_FILE, suffix);
    return stat(path, &file) == 0 ? file.st_size : 0;
}

/* The log's number, which changes when it begins anew (sqlite.org/fileformat2.html, section 4.1). */
static uint64_t number_of_log(const struct fixture *f)
{
    uint64_t salts = 0;
    char path[512];
    snprintf(path, sizeof path, "%s/%s-wal", f->directory, STATE_FILE);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(pread(fd, &salts, sizeof salts, 16), sizeof salts);
    close(fd);
    return salts;
}

/* Without closing the model: the log comes into the file soon, and begins anew before it is long. */
static void the_log_is_copied_meanwhile(void **state)
{
    struct fixture *f = *state;
    usec deadline = clock_monotonic() + USEC_MINUTE;
    off_t before = size_of(f, "");
    uint64_t number = number_of_log(f);
    while (size_of(f, "-wal") < CHECKPOINTER_PAGES * (STATE_PAGE_SIZE + 24))
        start_at(f, (int)f->count);
    while (size_of(f, "") <= before && clock_monotonic() < deadline)
        sched_yield();
    assert_true(size_of(f, "") > before);
    while (number_of_log(f) == number)
        start_at(f, (int)f->count); /* at most as many as there is room for */
    assert_true(size_of(f, "-wal") <= (CHECKPOINTER_LONG + 200) * (STATE_PAGE_SIZE + 24));
    read_model_close(f->model);
    open_model(f);
    assert_string_equal(f->why.message, ""); /* it is usable as it is */
    assert_int_equal(read_model_position(f->model), last_of(f));
}

static void says_when_the_file_cannot_be_made(void **state)
{
    struct fixture *f = *state;
    struct read_model_options options = f->options;
    struct read_model *model = NULL;
    struct err err = {""};
    struct err why;
    options.directory = "/nonexistent/fairlead";
    assert_int_equal(read_model_open(&options, 1, 1, &model, &why, &err), RC_STORAGE_UNAVAILABLE);
    assert_null(model);
    assert_true(strlen(err.message) > 0);
}

/* ---- a disk that fails ---- */

static bool try_to_follow(struct fixture *f)
{
    struct err err = {""};
    read_model_begin(f->model);
    for (uint64_t seq = read_model_position(f->model) + 1; seq <= last_of(f); seq++) {
        struct record record = record_of(f, seq);
        read_model_apply(f->model, &record, f->now);
    }
    enum rc rc = read_model_commit(f->model, &err);
    if (rc == RC_OK)
        return true;
    assert_int_equal(rc, RC_STORAGE_UNAVAILABLE);
    assert_true(strlen(err.message) > 0);
    return false;
}

static void on_a_disk_that_fails_all_or_nothing_is_done(void **state)
{
    struct fixture *f = *state;
    for (unsigned long nth = 1;; nth++) {
        uint64_t position = read_model_position(f->model);
        for (int i = 0; i < 3; i++)
            store(
                f,
                "{\"type\":\"connected_account.add.start\",\"timestamp\":\"2100-01-01T00:00:00Z\",\"data\":{"
                "\"connected_account_id\":\"ca_1\",\"app_name\":\"notion\"}}");
        faulty_vfs_arm(
            &(struct fault_plan){.calls = FAULT_ALL, .nth = nth, .error = (enum fault_error)(nth % 3)});
        bool done = try_to_follow(f);
        bool reached = faulty_vfs_faults() > 0;
        faulty_vfs_heal();
        assert_int_equal(read_model_position(f->model), done ? last_of(f) : position);
        follow(f);
        if (!reached)
            break;
        assert_true(f->count + 3 < MAX_EVENTS);
    }
    expect_account(f, "1|0|1|0|-|-|0|-\n");
    expect(f, "SELECT count(*) = max(seq) FROM event", "1\n");
    expect_rollup(f, "0|-|-|1|0|0|0|0\n1|notion|-|1|0|0|0|0\n2|notion|-|1|0|0|0|0\n");
    expect(f, STATE_DUMP_TALLIES, "notion|1|1\n");
}

/* ---- the listener ---- */

struct heard {
    struct buf text;
    bool wanted;
};

static bool wanted(void *arg)
{
    return ((struct heard *)arg)->wanted;
}

static void on_account(void *arg, const struct record *record, const struct account *account)
{
    struct heard *heard = arg;
    buf_addf(&heard->text, "account %lld %.*s %d %d %.*s\n", record ? (long long)record->seq : -1,
             SLICE_ARG(account->id), (int)account->status, (int)account->stalled, SLICE_ARG(account->app));
}

static void on_event(void *arg, const struct record *record, const struct payload *payload,
                     const struct account *account)
{
    struct heard *heard = arg;
    buf_addf(&heard->text, "event %lld %s %s\n", (long long)record->seq,
             payload->body ? "read" : "unreadable", account ? "account" : "none");
    CLEANUP(buf_cleanup) struct buf json = BUF_INIT;
    event_write_json(record, payload, &(struct event_view){.reveal = false}, &json);
    assert_false(buf_failed(&json));
}

static void on_commit(void *arg, uint64_t last_seq)
{
    buf_addf(&((struct heard *)arg)->text, "commit %lld\n", (long long)last_seq);
}

static void on_rollback(void *arg)
{
    buf_addf(&((struct heard *)arg)->text, "rollback\n");
}

static void listen(struct fixture *f, struct heard *heard)
{
    f->options.listener =
        (struct tracker_listener){heard, wanted, on_account, on_event, on_commit, on_rollback};
    reopen(f);
}

static void tells_the_listener(void **state)
{
    struct fixture *f = *state;
    struct heard heard = {.wanted = true};
    listen(f, &heard);
    start_at(f, 0);
    receive(f, "{\"a\":1}");
    f->now = BASE + USEC_MINUTE;
    follow(f);
    heard.wanted = false;
    completed_at(f, 70);
    assert_string_equal(buf_str(&heard.text), "account 1 ca_1 1 0 notion\nevent 1 read account\ncommit 1\n"
                                              "event 2 read none\ncommit 2\n"
                                              "account -1 ca_1 1 1 notion\ncommit 2\n"
                                              "commit 3\n");
    buf_cleanup(&heard.text);
}

static void an_unreadable_body_is_told_as_such(void **state)
{
    struct fixture *f = *state;
    struct heard heard = {.wanted = true};
    listen(f, &heard);
    receive(f, "{\"a\":");
    receive(f, "[1]");
    assert_string_equal(buf_str(&heard.text),
                        "event 1 unreadable none\ncommit 1\nevent 2 unreadable none\ncommit 2\n");
    buf_cleanup(&heard.text);
}

static void tells_of_a_rollback(void **state)
{
    struct fixture *f = *state;
    struct heard heard = {.wanted = true};
    listen(f, &heard);
    store(f, "{}");
    faulty_vfs_arm(&(struct fault_plan){.calls = FAULT_WRITE, .nth = 1, .error = FAULT_DISK_FULL});
    assert_false(try_to_follow(f));
    faulty_vfs_heal();
    follow(f);
    assert_string_equal(buf_str(&heard.text), "event 1 read none\nrollback\nevent 1 read none\ncommit 1\n");
    buf_cleanup(&heard.text);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(follows_a_connection),
        CASE(takes_events_out_of_order),
        CASE(counts_a_step_once_whatever_its_id),
        CASE(a_start_comes_before_a_completion_of_the_same_time),
        CASE(marks_slow_and_abandoned_by_the_clock),
        CASE(a_late_completion_resolves_an_abandoned_connection),
        CASE(an_expiry_that_comes_late_is_one),
        CASE(a_completion_needs_no_start),
        CASE(a_start_after_active_is_another_attempt),
        CASE(an_older_attempt_stays_pending_until_it_is_abandoned),
        CASE(of_two_reasons_of_one_time_order_does_not_choose),
        CASE(an_event_without_a_step_leaves_the_status_alone),
        CASE(nothing_of_one_account_is_left_in_the_next),
        CASE(nothing_is_left_of_tallies_that_are_empty),
        CASE(details_learned_late_move_the_rollups),
        CASE(many_attempts_may_move_often),
        CASE(of_two_details_of_one_time_order_does_not_choose),
        CASE(trigger_messages_link_accounts),
        CASE(odd_times_are_those_of_receipt),
        CASE(times_long_ago_are_believed),
        CASE(long_names_are_not_tracked),
        CASE(long_reasons_are_cut_at_a_character),
        CASE(anything_may_be_in_a_body),
        CASE(is_the_same_when_made_anew),
        CASE(forgets_events_that_the_journal_has_no_more),
        CASE(keeps_what_a_trimmed_journal_cannot_tell),
        CASE(goes_on_where_it_was),
        CASE(other_options_make_it_anew),
        CASE(another_journal_makes_it_anew),
        CASE(a_journal_that_has_lost_records_makes_it_anew),
        CASE(a_damaged_file_is_made_anew),
        CASE(a_file_of_something_else_is_made_anew),
        CASE(a_file_with_a_damaged_page_is_made_anew),
        CASE(a_file_that_cannot_be_reset_is_made_anew),
        CASE(damage_found_later_is_reported),
        CASE(a_newer_file_is_made_anew),
        CASE(the_file_is_its_owners),
        CASE(the_log_is_copied_meanwhile),
        CASE(says_when_the_file_cannot_be_made),
        CASE(on_a_disk_that_fails_all_or_nothing_is_done),
        CASE(tells_the_listener),
        CASE(an_unreadable_body_is_told_as_such),
        CASE(tells_of_a_rollback),
    };
    faulty_vfs_register();
    sqlite3_vfs_register(sqlite3_vfs_find(FAULTY_VFS), 1); /* state.db asks for no other */
    return cmocka_run_group_tests_name("read_model", tests, NULL, NULL);
}
