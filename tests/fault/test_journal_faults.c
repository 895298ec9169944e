/*
 * Every call that the journal makes to write, sync, truncate or open is made to fail in turn, once and from
 * then on, and the process is made to die in it. Whatever happens: what was acknowledged is there exactly
 * once, and the journal is in order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal/journal.h"
#include "support/faulty_vfs.h"
#include "support/temp_dir.h"

#define START        (INT64_C(1750000000) * USEC_PER_SEC)
#define BATCHES      14
#define BATCH_SIZE   9
#define SMALL_BODY   300   /* the log is moved into the file when the journal is closed and opened */
#define LARGE_BODY   18000 /* and also in between, because it has grown */
#define MAX_ATTEMPTS 4
#define MAX_CALLS    5000 /* a run without an end is a failure of its own */

struct run {
    char directory[TEMP_DIR_SIZE];
    struct journal_options options;
    struct journal *journal;
    bool acknowledged[BATCHES];
    size_t copies[BATCHES][BATCH_SIZE]; /* found afterwards */
    uint64_t last_seen;
    struct fault_plan plan;
};

static char body_bytes[LARGE_BODY];
static struct slice body;

static void fill_batch(size_t batch, struct record *records, char keys[BATCH_SIZE][32])
{
    for (size_t i = 0; i < BATCH_SIZE; i++) {
        snprintf(keys[i], sizeof keys[i], "event-%zu-%zu", batch, i);
        records[i] = (struct record){
            .kind = RECORD_EVENT,
            .received_at = START + (usec)batch,
            .key = slice_str(keys[i]),
            .fingerprint = (batch * BATCH_SIZE + i + 1) * UINT64_C(0x9E3779B97F4A7C15),
            .head = slice_str("host: example.com\n"),
            .body = body,
        };
    }
}

/* Only these three are allowed to say no. */
static void expect_known_failure(enum rc rc, const struct err *err)
{
    if (rc != RC_STORAGE_UNAVAILABLE && rc != RC_COMMIT_UNKNOWN)
        fail_msg("unexpected %s: %s", rc_code(rc), err->message);
    assert_true(err->message[0] != '\0');
}

/* As a sender does: the same batch again until it is acknowledged, or given up. */
static void store(struct run *run, size_t batch)
{
    struct record records[BATCH_SIZE];
    char keys[BATCH_SIZE][32];
    fill_batch(batch, records, keys);
    for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        struct err err = {""};
        struct append_outcome outcomes[BATCH_SIZE];
        memset(outcomes, 0x5A, sizeof outcomes);
        struct append_outcome untouched = outcomes[0];
        enum rc rc = journal_append(run->journal, records, BATCH_SIZE, outcomes, &err);
        if (rc == RC_OK) {
            run->acknowledged[batch] = true;
            for (size_t i = 0; i < BATCH_SIZE; i++)
                assert_true(outcomes[i].result != APPEND_REFUSED && outcomes[i].seq > 0);
            journal_tidy(run->journal);
            return;
        }
        expect_known_failure(rc, &err);
        assert_memory_equal(&outcomes[0], &untouched, sizeof untouched);
    }
}

static bool open_faulty(struct run *run)
{
    for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        struct err err = {""};
        run->journal = NULL;
        enum rc rc = journal_open(&run->options, &run->journal, &err);
        if (rc == RC_OK)
            return true;
        expect_known_failure(rc, &err);
        assert_null(run->journal);
    }
    return false;
}

static bool count_copy(void *arg, const struct record *record)
{
    struct run *run = arg;
    size_t batch;
    size_t i;
    char key[32];
    assert_int_equal(record->seq, run->last_seen + 1);
    run->last_seen = record->seq;
    assert_true(record->key.len < sizeof key);
    snprintf(key, sizeof key, "%.*s", SLICE_ARG(record->key));
    assert_int_equal(sscanf(key, "event-%zu-%zu", &batch, &i), 2);
    assert_true(batch < BATCHES && i < BATCH_SIZE);
    assert_true(slice_equal(record->body, body));
    run->copies[batch][i]++;
    return true;
}

/* With a healthy disk: in order, complete, and open for business. */
static void verify(struct run *run)
{
    struct err err = {""};
    uint64_t last = 0;
    struct journal_options options = run->options;
    options.vfs = NULL;
    if (journal_open(&options, &run->journal, &err) != RC_OK)
        fail_msg("reopen after fault %lu: %s", run->plan.nth, err.message);
    if (journal_check(run->journal, &err) != RC_OK)
        fail_msg("check after fault %lu: %s", run->plan.nth, err.message);
    run->last_seen = 0;
    memset(run->copies, 0, sizeof run->copies);
    assert_int_equal(journal_read(run->journal, 0, SIZE_MAX, count_copy, run, &last, &err), RC_OK);
    assert_int_equal(last, journal_last(run->journal));
    for (size_t batch = 0; batch < BATCHES; batch++) {
        for (size_t i = 0; i < BATCH_SIZE; i++) {
            if (run->copies[batch][i] > 1 || (run->acknowledged[batch] && run->copies[batch][i] != 1))
                fail_msg("fault %lu: event %zu of batch %zu is there %zu times", run->plan.nth, i, batch,
                         run->copies[batch][i]);
            /* A batch is one commit: all of it or nothing. */
            assert_int_equal(run->copies[batch][i], run->copies[batch][0]);
        }
    }
}

/* What the sender sends once more ends up there once. */
static void complete(struct run *run)
{
    for (size_t batch = 0; batch < BATCHES; batch++) {
        store(run, batch);
        assert_true(run->acknowledged[batch]);
    }
    assert_int_equal(journal_last(run->journal), BATCHES * BATCH_SIZE);
}

static void begin(struct run *run, const struct fault_plan *plan)
{
    memset(run, 0, sizeof *run);
    run->plan = *plan;
    temp_dir_make(run->directory);
    run->options =
        (struct journal_options){.directory = run->directory, .dedupe_window = USEC_HOUR, .vfs = FAULTY_VFS};
}

static void end(struct run *run)
{
    verify(run);
    complete(run);
    journal_close(run->journal);
    temp_dir_remove(run->directory);
}

/* One life with one plan of failures; then healed in place, then opened anew. false: nothing failed any more.
 */
static bool live(const struct fault_plan *plan)
{
    struct run run;
    bool hit = false;
    begin(&run, plan);
    faulty_vfs_arm(plan);
    if (open_faulty(&run)) {
        for (size_t batch = 0; batch < BATCHES; batch++)
            store(&run, batch);
        hit = faulty_vfs_faults() > 0;
        faulty_vfs_heal();
        /* The running process goes on by itself when the disk does. */
        for (size_t batch = 0; batch < BATCHES; batch++) {
            store(&run, batch);
            assert_true(run.acknowledged[batch]);
        }
        assert_int_equal(journal_last(run.journal), BATCHES * BATCH_SIZE);
        struct journal_health figures;
        journal_figures(run.journal, &figures);
        assert_int_equal(figures.window_keys, BATCHES * BATCH_SIZE); /* failed batches left none behind */
        faulty_vfs_arm(&(struct fault_plan){
            .calls = plan->calls, .nth = hit ? 1 : 0, .forever = true, .error = plan->error});
        journal_close(run.journal);
    }
    bool failed = hit || faulty_vfs_faults() > 0;
    faulty_vfs_heal();
    end(&run);
    return failed;
}

static void sweep(unsigned calls, enum fault_error error, unsigned long step)
{
    for (int forever = 0; forever <= 1; forever++) {
        unsigned long nth = 1;
        while (live(&(struct fault_plan){.calls = calls, .nth = nth, .forever = forever, .error = error})) {
            nth += step;
            assert_true(nth < MAX_CALLS);
        }
        /* The last one was clean; a plan that never met a call would prove nothing. */
        assert_true(nth > step);
    }
}

/* Every call of small journals. Large ones make hundreds of like writes: every 17th of those. */
static void fail_each_call(unsigned calls, enum fault_error error)
{
    body = slice_of(body_bytes, SMALL_BODY);
    sweep(calls, error, 1);
    body = slice_of(body_bytes, LARGE_BODY);
    sweep(calls, error, calls & FAULT_WRITE ? 17 : 1);
}

static void test_disk_full(void **state)
{
    (void)state;
    fail_each_call(FAULT_WRITE | FAULT_OPEN, FAULT_DISK_FULL);
}

static void test_writes_fail(void **state)
{
    (void)state;
    fail_each_call(FAULT_WRITE, FAULT_IO_ERROR);
}

static void test_writes_are_short(void **state)
{
    (void)state;
    fail_each_call(FAULT_WRITE, FAULT_SHORT_WRITE);
}

/* The bytes are there and the caller is told that they are not. */
static void test_late_errors(void **state)
{
    (void)state;
    fail_each_call(FAULT_WRITE | FAULT_SYNC | FAULT_TRUNCATE, FAULT_LATE_ERROR);
}

static void test_syncs_and_truncates_fail(void **state)
{
    (void)state;
    fail_each_call(FAULT_SYNC | FAULT_TRUNCATE, FAULT_IO_ERROR);
}

static void test_opens_fail(void **state)
{
    (void)state;
    fail_each_call(FAULT_OPEN, FAULT_IO_ERROR);
}

/* In the child: says through the pipe what it was told, then dies in the middle of a call, or ends. */
static void live_and_die(struct run *run, int out)
{
    struct err err;
    faulty_vfs_arm(&run->plan);
    if (journal_open(&run->options, &run->journal, &err) != RC_OK)
        _exit(1);
    for (size_t batch = 0; batch < BATCHES; batch++) {
        struct record records[BATCH_SIZE];
        struct append_outcome outcomes[BATCH_SIZE];
        char keys[BATCH_SIZE][32];
        unsigned char number = (unsigned char)batch;
        fill_batch(batch, records, keys);
        if (journal_append(run->journal, records, BATCH_SIZE, outcomes, &err) != RC_OK ||
            write(out, &number, 1) != 1)
            _exit(1);
        journal_tidy(run->journal);
    }
    journal_close(run->journal);
    _exit(0);
}

/* false: the child reached its end. */
static bool die(const struct fault_plan *plan)
{
    struct run run;
    int ends[2];
    int status = -1;
    unsigned char batch;
    begin(&run, plan);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        live_and_die(&run, ends[1]);
    close(ends[1]);
    while (read(ends[0], &batch, 1) == 1) {
        assert_true(batch < BATCHES);
        run.acknowledged[batch] = true;
    }
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == FAULT_CRASH_STATUS);
    end(&run);
    return WEXITSTATUS(status) == FAULT_CRASH_STATUS;
}

static void die_in_each_call(struct slice with_body, unsigned long step)
{
    unsigned long nth = 1;
    body = with_body;
    while (die(&(struct fault_plan){.calls = FAULT_ALL, .nth = nth, .error = FAULT_CRASH})) {
        nth += step;
        assert_true(nth < MAX_CALLS);
    }
    assert_true(nth > BATCHES);
}

static void test_the_process_dies(void **state)
{
    (void)state;
    die_in_each_call(slice_of(body_bytes, SMALL_BODY), 1);
    die_in_each_call(slice_of(body_bytes, LARGE_BODY), 17);
}

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof body_bytes; i++)
        body_bytes[i] = (char)(i * 7);
    faulty_vfs_register();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_disk_full),
        cmocka_unit_test(test_writes_fail),
        cmocka_unit_test(test_writes_are_short),
        cmocka_unit_test(test_late_errors),
        cmocka_unit_test(test_syncs_and_truncates_fail),
        cmocka_unit_test(test_opens_fail),
        cmocka_unit_test(test_the_process_dies),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
