/*
 * kill -9 while the read model follows the journal, again and again on one state.db: after each death it goes
 * on where it was, and says what one says that has never died.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "support/chance.h"
#include "support/state_dump.h"
#include "support/temp_dir.h"
#include "track/read_model.h"

#define ROUNDS   20
#define RECORDS  20000 /* more than the rounds get to */
#define ACCOUNTS 300
#define BATCH    20
#define START    (INT64_C(4102444800) * USEC_PER_SEC) /* 2100: opening judges by the real clock */
#define STEP     (3 * USEC_PER_SEC)                   /* from one record to the next */

static usec time_of(uint64_t seq)
{
    return START + (usec)seq * STEP;
}

/* The body of record `seq`, always the same. Its time jumps back and forth: many come out of order. */
static void write_body(uint64_t seq, struct buf *out)
{
    static const char *const TYPES[] = {"add.start",  "add.start", "add.completed",
                                        "add.failed", "deleted",   "note"};
    struct chance chance = {seq};
    char at[CLOCK_RFC3339_SIZE];
    clock_format(time_of(seq) - (usec)chance_below(&chance, 600) * USEC_PER_SEC, at);
    buf_clear(out);
    buf_addf(out, "{\"type\":\"connected_account.%s\",\"timestamp\":\"%s\",\"data\":{",
             TYPES[chance_below(&chance, 6)], at);
    buf_addf(out, "\"connected_account_id\":\"ca_%d\"", (int)chance_below(&chance, ACCOUNTS));
    if (chance_once_in(&chance, 2))
        buf_addf(out, ",\"app_name\":\"app_%d\"", (int)chance_below(&chance, 5));
    if (chance_once_in(&chance, 5))
        buf_addf(out, ",\"integration_name\":\"integration_%d\"", (int)chance_below(&chance, 5));
    buf_add_str(out, "}}");
}

static struct read_model *open_model(const char *directory)
{
    struct read_model_options options = {
        .directory = directory,
        .patience = {.slow_after = USEC_MINUTE, .abandoned_after = 12 * USEC_MINUTE},
    };
    struct read_model *model = NULL;
    struct err why;
    struct err err = {""};
    enum rc rc = read_model_open(&options, 1, RECORDS, &model, &why, &err);
    if (rc != RC_OK)
        fail_msg("%s", err.message);
    return model;
}

/* One transaction, after which the clock says the time of its last record. */
static enum rc follow(struct read_model *model, uint64_t upto, struct buf *body)
{
    uint64_t seq = read_model_position(model);
    struct err err;
    read_model_begin(model);
    while (seq < upto) {
        char key[32];
        write_body(++seq, body);
        snprintf(key, sizeof key, "msg_%" PRIu64, seq);
        struct record record = {.seq = seq,
                                .kind = RECORD_EVENT,
                                .received_at = time_of(seq),
                                .key = slice_str(key),
                                .body = buf_slice(body)};
        read_model_apply(model, &record, time_of(seq));
    }
    while (read_model_judge(model, time_of(seq), 100) > 0) {
    }
    return read_model_commit(model, &err);
}

/* Says a byte after each commit; never returns. */
static void track_until_killed(const char *directory, int progress)
{
    CLEANUP(buf_cleanup) struct buf body = BUF_INIT;
    struct read_model *model = open_model(directory);
    while (read_model_position(model) + BATCH <= RECORDS)
        if (follow(model, read_model_position(model) + BATCH, &body) != RC_OK || write(progress, "", 1) != 1)
            _exit(1);
    _exit(2); /* the records ran out before the kill: the test would show nothing */
}

/* Lets a child track for some commits and a random part of one more, and kills it. */
static void track_and_kill(const char *directory, struct chance *chance)
{
    int ends[2];
    char byte;
    int status;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        track_until_killed(directory, ends[1]);
    }
    close(ends[1]);
    for (uint64_t commits = chance_below(chance, 10); commits > 0; commits--)
        assert_int_equal(read(ends[0], &byte, 1), 1);
    struct timespec moment = {.tv_nsec =
                                  (long)chance_below(chance, 8000000)}; /* the moment is what this is about */
    nanosleep(&moment, NULL);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    close(ends[0]);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void dump(const char *directory, struct buf *out)
{
    sqlite3 *db = state_dump_open(directory);
    buf_clear(out);
    state_dump_all(db, out);
    CLEANUP(buf_cleanup) struct buf check = BUF_INIT;
    state_dump_query(db, "PRAGMA integrity_check", &check);
    assert_string_equal(buf_str(&check), "ok\n");
    sqlite3_close(db);
}

struct places {
    char killed[TEMP_DIR_SIZE];
    char fresh[TEMP_DIR_SIZE];
};

static int set_up(void **state)
{
    struct places *places = calloc(1, sizeof *places);
    temp_dir_make(places->killed);
    temp_dir_make(places->fresh);
    *state = places;
    return 0;
}

static int tear_down(void **state)
{
    struct places *places = *state;
    temp_dir_remove(places->killed);
    temp_dir_remove(places->fresh);
    free(places);
    return 0;
}

static void after_each_kill_it_says_what_one_says_that_never_died(void **state)
{
    struct places *places = *state;
    const char *chosen = getenv("FAIRLEAD_SEED");
    struct chance chance = {chosen ? strtoull(chosen, NULL, 10) : (uint64_t)clock_wall()};
    CLEANUP(buf_cleanup) struct buf body = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf killed = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf fresh = BUF_INIT;
    uint64_t position = 0;
    print_message("# FAIRLEAD_SEED=%" PRIu64 "\n", chance.state);
    for (int round = 0; round < ROUNDS; round++) {
        track_and_kill(places->killed, &chance);
        struct read_model *model = open_model(places->killed);
        assert_true(read_model_position(model) >= position);
        assert_int_equal(read_model_position(model) % BATCH, 0);
        position = read_model_position(model);
        read_model_close(model);
        model = open_model(places->fresh);
        struct err err;
        assert_int_equal(read_model_reset(model, 1, START, &err), RC_OK);
        assert_int_equal(follow(model, position, &body), RC_OK);
        read_model_close(model);
        dump(places->killed, &killed);
        dump(places->fresh, &fresh);
        assert_true(slice_equal(buf_slice(&killed), buf_slice(&fresh)));
    }
    print_message("# %" PRIu64 " records in %d rounds\n", position, ROUNDS);
    assert_true(position > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(after_each_kill_it_says_what_one_says_that_never_died, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests_name("track_kill", tests, NULL, NULL);
}
