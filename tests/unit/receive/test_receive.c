/* receive against a real journal in a directory of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "receive/receive.h"
#include "wire/head.h"

#define SECRET "test-secret-local-0001"

struct fixture {
    char directory[64];
    struct journal *journal;
    struct receive *receive;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned done_calls;
    bool hold; /* on_done does not return */
};

static void on_done(void *arg)
{
    struct fixture *fixture = arg;
    pthread_mutex_lock(&fixture->mutex);
    fixture->done_calls++;
    pthread_cond_broadcast(&fixture->changed);
    while (fixture->hold)
        pthread_cond_wait(&fixture->changed, &fixture->mutex);
    pthread_mutex_unlock(&fixture->mutex);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct err err;
    strcpy(fixture->directory, "/tmp/fairlead-receive.XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    pthread_mutex_init(&fixture->mutex, NULL);
    pthread_cond_init(&fixture->changed, NULL);
    struct journal_options options = {.directory = fixture->directory, .dedupe_window = USEC_HOUR};
    assert_int_equal(journal_open(&options, &fixture->journal, &err), RC_OK);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    journal_close(fixture->journal);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", fixture->directory);
    assert_int_equal(system(command), 0);
    pthread_cond_destroy(&fixture->changed);
    pthread_mutex_destroy(&fixture->mutex);
    free(fixture);
    return 0;
}

static void start(struct fixture *fixture, const char *secret, size_t queue_max)
{
    struct err err = {""};
    const char *secrets[] = {secret};
    struct receive_options options = {
        .journal = fixture->journal,
        .secrets = secrets,
        .secret_count = secret ? 1 : 0,
        .scheme = SCHEME_AUTO,
        .tolerance = 300 * USEC_PER_SEC,
        .retention = 90 * USEC_DAY,
        .queue_max_webhooks = queue_max,
        .queue_max_bytes = 1 << 20,
        .on_done = on_done,
        .arg = fixture,
    };
    assert_int_equal(receive_start(&options, &fixture->receive, &err), RC_OK);
}

static void stop(struct fixture *fixture)
{
    receive_stop(fixture->receive);
    assert_null(receive_take_done(fixture->receive));
    receive_free(fixture->receive);
}

static struct webhook *webhook_new(const char *body, const char *id)
{
    struct webhook *webhook = calloc(1, sizeof *webhook);
    webhook->path = slice_str("/webhook");
    webhook->received_at = clock_wall();
    buf_add_str(&webhook->body, body);
    if (id)
        head_add(&webhook->head, slice_str("webhook-id"), slice_str(id));
    return webhook;
}

static void webhook_free(struct webhook *webhook)
{
    buf_cleanup(&webhook->body);
    buf_cleanup(&webhook->head);
    free(webhook);
}

/* Waits until `count` webhooks have come back; the list in order. */
static size_t collect(struct fixture *fixture, struct webhook **out, size_t count)
{
    size_t have = 0;
    unsigned seen = 0;
    while (have < count) {
        for (struct webhook *next = receive_take_done(fixture->receive); next; next = next->next)
            out[have++] = next;
        if (have >= count)
            break;
        pthread_mutex_lock(&fixture->mutex);
        while (fixture->done_calls == seen)
            pthread_cond_wait(&fixture->changed, &fixture->mutex);
        seen = fixture->done_calls;
        pthread_mutex_unlock(&fixture->mutex);
    }
    return have;
}

static struct webhook *exchange(struct fixture *fixture, struct webhook *webhook)
{
    struct err err;
    struct webhook *back = NULL;
    assert_int_equal(receive_submit(fixture->receive, webhook, &err), RC_OK);
    receive_flush(fixture->receive);
    assert_int_equal(collect(fixture, &back, 1), 1);
    assert_ptr_equal(back, webhook);
    return back;
}

static void test_stores_once_and_tells_duplicates(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, NULL, 100);
    struct webhook *first = exchange(fixture, webhook_new("{\"a\":1}", NULL));
    assert_int_equal(first->rc, RC_OK);
    assert_false(first->duplicate);
    assert_int_equal(first->seq, 1);
    struct webhook *again = exchange(fixture, webhook_new("{\"a\":1}", NULL));
    assert_int_equal(again->rc, RC_OK);
    assert_true(again->duplicate);
    assert_int_equal(again->seq, 1);
    struct webhook *by_id = exchange(fixture, webhook_new("{\"a\":1}", "msg_1"));
    assert_false(by_id->duplicate);
    struct webhook *same_id = exchange(fixture, webhook_new("{\"a\":2}", "msg_1"));
    assert_true(same_id->duplicate);
    assert_int_equal(same_id->seq, by_id->seq);
    assert_int_equal(journal_last(fixture->journal), 2);
    webhook_free(first);
    webhook_free(again);
    webhook_free(by_id);
    webhook_free(same_id);
    stop(fixture);
}

static void test_refuses_what_is_no_object(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *body;
        enum rc rc;
    } CASES[] = {{"", RC_INVALID_JSON},
                 {"[]", RC_NOT_AN_OBJECT},
                 {"1", RC_NOT_AN_OBJECT},
                 {"{\"a\":}", RC_INVALID_JSON},
                 {"{\"a\":\"\xff\"}", RC_INVALID_JSON},
                 {"{}", RC_OK}};
    start(fixture, NULL, 100);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct webhook *back = exchange(fixture, webhook_new(CASES[i].body, NULL));
        assert_int_equal(back->rc, CASES[i].rc);
        if (back->rc != RC_OK)
            assert_true(strlen(back->err.message) > 0);
        webhook_free(back);
    }
    assert_int_equal(journal_last(fixture->journal), 1);
    stop(fixture);
}

static bool keep_head(void *arg, const struct record *record)
{
    buf_add_slice(arg, record->head);
    return true;
}

static void test_checks_signatures_before_json(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, SECRET, 100);
    struct webhook *unsigned_one = exchange(fixture, webhook_new("not json", NULL));
    assert_int_equal(unsigned_one->rc, RC_SIGNATURE_MISSING);
    webhook_free(unsigned_one);

    struct err err;
    struct buf signature = BUF_INIT;
    char now[32];
    snprintf(now, sizeof now, "%lld", (long long)(clock_wall() / USEC_PER_SEC));
    struct webhook *good = webhook_new("{\"a\":1}", "msg_1");
    assert_int_equal(signature_make(SCHEME_COMPOSIO, SECRET, slice_str("msg_1"), slice_str(now),
                                    buf_slice(&good->body), &signature, &err),
                     RC_OK);
    head_add(&good->head, slice_str("webhook-timestamp"), slice_str(now));
    head_add(&good->head, slice_str("webhook-signature"), buf_slice(&signature));
    good = exchange(fixture, good);
    assert_int_equal(good->rc, RC_OK);
    webhook_free(good);
    buf_cleanup(&signature);

    struct buf head = BUF_INIT;
    uint64_t last;
    assert_int_equal(journal_read(fixture->journal, 0, 10, keep_head, &head, &last, &err), RC_OK);
    assert_true(slice_is(head_get(buf_slice(&head), ":verified"), "true"));
    buf_cleanup(&head);
    stop(fixture);
}

static void test_our_own_webhooks_are_signed_and_checked(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, SECRET, 100);
    for (int stale = 0; stale < 2; stale++) {
        char seconds[32];
        usec at = clock_wall() - stale * USEC_HOUR;
        snprintf(seconds, sizeof seconds, "%lld", (long long)(at / USEC_PER_SEC));
        struct webhook *webhook = webhook_new("{\"ours\":1}", stale ? "msg_stale" : "msg_ours");
        head_add(&webhook->head, slice_str("webhook-timestamp"), slice_str(seconds));
        webhook->is_ours = true;
        webhook = exchange(fixture, webhook);
        assert_int_equal(webhook->rc, stale ? RC_TIMESTAMP_OUT_OF_RANGE : RC_OK);
        assert_true(slice_starts(head_get(buf_slice(&webhook->head), "webhook-signature"), "v1,"));
        webhook_free(webhook);
    }
    stop(fixture);
}

static void test_a_full_queue_says_so_and_stop_returns_everything(void **state)
{
    struct fixture *fixture = *state;
    enum { QUEUE = 50, MORE = 60 };
    struct webhook *back[MORE];
    struct err err;
    start(fixture, NULL, QUEUE);
    size_t taken = 0;
    /* Without a flush the thread may sleep on; with luck it runs and makes room. Either way no webhook is
     * lost. */
    for (int i = 0; i < MORE; i++) {
        char body[32];
        snprintf(body, sizeof body, "{\"n\":%d}", i);
        struct webhook *webhook = webhook_new(body, NULL);
        enum rc rc = receive_submit(fixture->receive, webhook, &err);
        if (rc == RC_OK) {
            taken++;
        } else {
            assert_int_equal(rc, RC_OVERLOADED);
            webhook_free(webhook);
        }
    }
    assert_true(taken >= QUEUE);
    receive_stop(fixture->receive);
    assert_int_equal(collect(fixture, back, taken), taken);
    for (size_t i = 0; i < taken; i++) {
        assert_int_equal(back[i]->rc, RC_OK);
        assert_int_equal(back[i]->seq, i + 1);
        webhook_free(back[i]);
    }
    struct webhook *late = webhook_new("{}", NULL);
    assert_int_equal(receive_submit(fixture->receive, late, &err), RC_STOPPING);
    webhook_free(late);
    receive_free(fixture->receive);
    assert_int_equal(journal_last(fixture->journal), taken);
}

static void test_secrets_can_change_while_running(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    const char *secrets[] = {SECRET};
    start(fixture, NULL, 100);
    struct webhook *open = exchange(fixture, webhook_new("{\"a\":1}", NULL));
    assert_int_equal(open->rc, RC_OK);
    webhook_free(open);
    assert_int_equal(receive_set_secrets(fixture->receive, SCHEME_AUTO, secrets, 1, USEC_PER_SEC, &err),
                     RC_OK);
    struct webhook *closed = exchange(fixture, webhook_new("{\"a\":2}", NULL));
    assert_int_equal(closed->rc, RC_SIGNATURE_MISSING);
    webhook_free(closed);
    stop(fixture);
}

struct sender {
    struct fixture *fixture;
    unsigned number;
};

/* The loop is one thread in the program; here many submit, so that a race detector sees every path. */
static void *send_many(void *arg)
{
    struct sender *sender = arg;
    for (unsigned i = 0; i < 500; i++) {
        char body[48];
        struct err err;
        snprintf(body, sizeof body, "{\"sender\":%u,\"n\":%u}", sender->number, i);
        assert_int_equal(receive_submit(sender->fixture->receive, webhook_new(body, NULL), &err), RC_OK);
        receive_flush(sender->fixture->receive);
        receive_ready(sender->fixture->receive, &err);
    }
    return NULL;
}

static void test_every_webhook_comes_back_exactly_once(void **state)
{
    struct fixture *fixture = *state;
    enum { SENDERS = 4, EACH = 500 };
    static struct webhook *back[SENDERS * EACH + JOURNAL_MAX_BATCH];
    pthread_t threads[SENDERS];
    struct sender senders[SENDERS];
    static bool seen[SENDERS * EACH + 1];
    memset(seen, 0, sizeof seen);
    start(fixture, NULL, 100000);
    for (unsigned i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){fixture, i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, &senders[i]), 0);
    }
    assert_int_equal(collect(fixture, back, SENDERS * EACH), SENDERS * EACH);
    for (unsigned i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < SENDERS * EACH; i++) {
        assert_int_equal(back[i]->rc, RC_OK);
        assert_in_range(back[i]->seq, 1, SENDERS * EACH);
        assert_false(seen[back[i]->seq]);
        seen[back[i]->seq] = true;
        webhook_free(back[i]);
    }
    assert_int_equal(journal_last(fixture->journal), SENDERS * EACH);
    stop(fixture);
}

/* Until receive_busy() is (or is not) 0, for a minute at most. */
static bool becomes(struct fixture *fixture, bool busy)
{
    usec limit = clock_monotonic() + USEC_MINUTE;
    while ((receive_busy(fixture->receive) > 0) != busy)
        if (clock_monotonic() > limit)
            return false;
    return true;
}

static void test_a_thread_that_hangs_shows(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    start(fixture, NULL, 100);
    assert_true(becomes(fixture, false));
    fixture->hold = true;
    struct webhook *first = exchange(fixture, webhook_new("{\"a\":1}", NULL));
    usec before = receive_busy(fixture->receive);
    assert_true(before > 0);
    struct webhook *waits = webhook_new("{\"a\":2}", NULL);
    assert_int_equal(receive_submit(fixture->receive, waits, &err), RC_OK);
    receive_flush(fixture->receive);
    usec limit = clock_monotonic() + USEC_MINUTE;
    while (receive_busy(fixture->receive) < before + USEC_PER_MS)
        assert_true(clock_monotonic() < limit);
    pthread_mutex_lock(&fixture->mutex);
    fixture->hold = false;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->mutex);
    struct webhook *back = NULL;
    collect(fixture, &back, 1);
    assert_ptr_equal(back, waits);
    assert_true(becomes(fixture, false));
    webhook_free(first);
    webhook_free(waits);
    receive_stop(fixture->receive);
    assert_int_equal(receive_busy(fixture->receive), 0);
    receive_free(fixture->receive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stores_once_and_tells_duplicates, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses_what_is_no_object, setup, teardown),
        cmocka_unit_test_setup_teardown(test_checks_signatures_before_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_full_queue_says_so_and_stop_returns_everything, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_our_own_webhooks_are_signed_and_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_secrets_can_change_while_running, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_webhook_comes_back_exactly_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_thread_that_hangs_shows, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
