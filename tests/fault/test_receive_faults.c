/*
 * receive on a disk whose calls fail in turn, once and from then on: what came back with RC_OK is stored
 * exactly once, every webhook comes back, and receive goes on by itself when the disk does. A journal that
 * fails on a healthy disk stops it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "receive/receive.h"
#include "support/faulty_vfs.h"
#include "support/temp_dir.h"

#define EVENTS     8
#define MAX_TRIES  5
#define MAX_CALLS  3000 /* a run without an end is a failure of its own */
#define BODY_BYTES 60000

struct run {
    char directory[TEMP_DIR_SIZE];
    struct journal *journal;
    struct receive *receive;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned done_calls;
    _Atomic unsigned fatal_calls;
    bool acknowledged[EVENTS];
    size_t copies[EVENTS];
};

static void on_done(void *arg)
{
    struct run *run = arg;
    pthread_mutex_lock(&run->mutex);
    run->done_calls++;
    pthread_cond_signal(&run->changed);
    pthread_mutex_unlock(&run->mutex);
}

static void on_fatal(void *arg, const struct err *err)
{
    struct run *run = arg;
    assert_true(strlen(err->message) > 0);
    run->fatal_calls++;
}

static void start(struct run *run)
{
    struct err err = {""};
    pthread_mutex_init(&run->mutex, NULL);
    pthread_cond_init(&run->changed, NULL);
    struct journal_options options = {
        .directory = run->directory, .dedupe_window = USEC_HOUR, .vfs = FAULTY_VFS};
    assert_int_equal(journal_open(&options, &run->journal, &err), RC_OK);
    struct receive_options receive = {
        .journal = run->journal,
        .retention = 90 * USEC_DAY,
        .queue_max_webhooks = 100,
        .queue_max_bytes = 1 << 24,
        .on_done = on_done,
        .on_fatal = on_fatal,
        .arg = run,
    };
    assert_int_equal(receive_start(&receive, &run->receive, &err), RC_OK);
}

static void stop(struct run *run)
{
    receive_stop(run->receive);
    assert_null(receive_take_done(run->receive));
    receive_free(run->receive);
    journal_close(run->journal);
    pthread_cond_destroy(&run->changed);
    pthread_mutex_destroy(&run->mutex);
}

static struct webhook *webhook_new(int number)
{
    struct webhook *webhook = calloc(1, sizeof *webhook);
    webhook->path = slice_str("/webhook");
    webhook->received_at = clock_wall();
    buf_addf(&webhook->body, "{\"n\":%d,\"filler\":\"", number);
    buf_add_fill(&webhook->body, 'x', BODY_BYTES); /* several pages for each event */
    buf_add_str(&webhook->body, "\"}");
    return webhook;
}

/* Sends one event and waits for its result. */
static enum rc send_one(struct run *run, int number)
{
    struct err err;
    struct webhook *back = NULL;
    struct webhook *webhook = webhook_new(number);
    enum rc rc = receive_submit(run->receive, webhook, &err);
    if (rc == RC_OK) {
        receive_flush(run->receive);
        pthread_mutex_lock(&run->mutex);
        while (!(back = receive_take_done(run->receive)))
            pthread_cond_wait(&run->changed, &run->mutex);
        pthread_mutex_unlock(&run->mutex);
        assert_ptr_equal(back, webhook);
        assert_null(back->next);
        rc = back->rc;
    }
    buf_cleanup(&webhook->body);
    buf_cleanup(&webhook->head);
    free(webhook);
    return rc;
}

static void send_events(struct run *run, unsigned tries)
{
    for (int i = 0; i < EVENTS; i++) {
        for (unsigned attempt = 0; attempt < tries && !run->acknowledged[i]; attempt++) {
            enum rc rc = send_one(run, i);
            if (rc != RC_OK)
                assert_int_equal(rc, RC_STORAGE_UNAVAILABLE);
            run->acknowledged[i] = rc == RC_OK;
        }
    }
}

static bool count_copy(void *arg, const struct record *record)
{
    struct run *run = arg;
    int number = -1;
    assert_int_equal(sscanf(record->body.ptr, "{\"n\":%d,", &number), 1);
    assert_in_range(number, 0, EVENTS - 1);
    run->copies[number]++;
    return true;
}

/* With the ordinary file layer, as after a restart. */
static void compare(struct run *run)
{
    struct err err = {""};
    struct journal *journal;
    uint64_t last = 0;
    struct journal_options options = {.directory = run->directory, .dedupe_window = USEC_HOUR};
    assert_int_equal(journal_open(&options, &journal, &err), RC_OK);
    assert_int_equal(journal_check(journal, &err), RC_OK);
    assert_int_equal(journal_read(journal, 0, 1000, count_copy, run, &last, &err), RC_OK);
    assert_int_equal(last, journal_last(journal));
    for (int i = 0; i < EVENTS; i++) {
        assert_true(run->copies[i] <= 1);
        assert_true(run->copies[i] == 1 || !run->acknowledged[i]);
    }
    journal_close(journal);
}

/* true: the plan hit nothing any more. */
static bool one_run(enum fault_error error, bool forever, unsigned long nth)
{
    struct run run = {.done_calls = 0};
    struct err why;
    temp_dir_make(run.directory);
    faulty_vfs_heal();
    start(&run);
    faulty_vfs_arm(&(struct fault_plan){.calls = FAULT_ALL, .nth = nth, .forever = forever, .error = error});
    send_events(&run, forever ? 1 : MAX_TRIES);
    bool clean = faulty_vfs_faults() == 0;
    bool missing = false;
    for (int i = 0; i < EVENTS; i++)
        missing |= !run.acknowledged[i];
    if (missing)
        assert_false(receive_ready(run.receive, &why));
    /* A single fault never stops anybody, and a disk that fails altogether does not look healthy. */
    assert_int_equal(run.fatal_calls, 0);
    faulty_vfs_heal();
    send_events(&run, MAX_TRIES);
    for (int i = 0; i < EVENTS; i++)
        assert_true(run.acknowledged[i]);
    assert_true(receive_ready(run.receive, &why));
    stop(&run);
    compare(&run);
    temp_dir_remove(run.directory);
    return clean;
}

static void until_clean(enum fault_error error, bool forever)
{
    unsigned long nth = 1;
    while (!one_run(error, forever, nth)) {
        nth++;
        assert_true(nth < MAX_CALLS);
    }
    assert_true(nth > EVENTS); /* every event writes: fewer calls would mean that nothing was made to fail */
    print_message("# %lu calls made to fail in turn\n", nth - 1);
}

static void test_disk_full_once(void **state)
{
    (void)state;
    until_clean(FAULT_DISK_FULL, false);
}

static void test_disk_full_from_then_on(void **state)
{
    (void)state;
    until_clean(FAULT_DISK_FULL, true);
}

static void test_io_error_once(void **state)
{
    (void)state;
    until_clean(FAULT_IO_ERROR, false);
}

static void test_io_error_from_then_on(void **state)
{
    (void)state;
    until_clean(FAULT_IO_ERROR, true);
}

/* The table goes away under the running journal: every commit fails, and the disk has nothing to do with it.
 */
static void test_a_journal_that_fails_on_a_healthy_disk_stops_the_server(void **state)
{
    (void)state;
    struct run run = {.done_calls = 0};
    struct err why = {""};
    char command[TEMP_DIR_SIZE + 64];
    temp_dir_make(run.directory);
    faulty_vfs_heal();
    start(&run);
    assert_int_equal(send_one(&run, 0), RC_OK);
    snprintf(command, sizeof command, "sqlite3 %s/journal.db 'DROP TABLE record'", run.directory);
    assert_int_equal(system(command), 0);
    assert_int_equal(send_one(&run, 1), RC_STORAGE_UNAVAILABLE);
    assert_int_equal(run.fatal_calls, 1);
    assert_false(receive_ready(run.receive, &why));
    assert_int_equal(send_one(&run, 2), RC_STOPPING);
    assert_int_equal(run.fatal_calls, 1);
    stop(&run);
    temp_dir_remove(run.directory);
}

/* How long it takes until receive says that it is ready. */
static usec wait_until_ready(struct run *run)
{
    struct err why;
    usec began = clock_monotonic();
    while (!receive_ready(run->receive, &why)) {
        assert_true(clock_monotonic() - began < 30 * USEC_PER_SEC);
        poll(NULL, 0, 5);
    }
    return clock_monotonic() - began;
}

/*
 * The probe is content and no commit comes through (here another program has locked the file; a disk with a
 * few pages left does the same): readiness must not come and go with every event.
 */
static void test_readiness_does_not_flicker(void **state)
{
    (void)state;
    struct run run = {.done_calls = 0};
    char path[TEMP_DIR_SIZE + 32];
    sqlite3 *other;
    temp_dir_make(run.directory);
    faulty_vfs_heal();
    start(&run);
    snprintf(path, sizeof path, "%s/journal.db", run.directory);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    sqlite3_busy_timeout(other, 10000); /* retention may be at it */
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(send_one(&run, 0), RC_STORAGE_UNAVAILABLE);
    wait_until_ready(&run);
    assert_int_equal(send_one(&run, 0), RC_STORAGE_UNAVAILABLE);
    assert_true(wait_until_ready(&run) > 3 * USEC_PER_SEC / 2);
    assert_int_equal(send_one(&run, 0), RC_STORAGE_UNAVAILABLE);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(send_one(&run, 0), RC_OK); /* an event is tried all the same */
    assert_true(wait_until_ready(&run) < USEC_PER_SEC);
    sqlite3_close(other);
    stop(&run);
    temp_dir_remove(run.directory);
}

int main(void)
{
    faulty_vfs_register();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_disk_full_once),
        cmocka_unit_test(test_disk_full_from_then_on),
        cmocka_unit_test(test_io_error_once),
        cmocka_unit_test(test_io_error_from_then_on),
        cmocka_unit_test(test_readiness_does_not_flicker),
        cmocka_unit_test(test_a_journal_that_fails_on_a_healthy_disk_stops_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
