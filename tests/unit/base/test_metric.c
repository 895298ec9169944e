#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/metric.h"

static void test_values(void **state)
{
    (void)state;
    assert_int_equal(metric_get(METRIC_TRIMMED), 0);
    metric_add(METRIC_TRIMMED, 5);
    metric_add(METRIC_TRIMMED, -2);
    assert_int_equal(metric_get(METRIC_TRIMMED), 3);
    metric_set(METRIC_QUEUE, 9);
    metric_set(METRIC_QUEUE, 4);
    assert_int_equal(metric_get(METRIC_QUEUE), 4);
    assert_int_equal(metric_get(METRIC_TRIMMED), 3);
}

/* What rendering relies on: rows of one name stand together, the first has the help, counters end in _total.
 */
static void test_the_table(void **state)
{
    (void)state;
    for (int i = 0; i < METRIC_COUNT; i++) {
        const struct metric_row *row = metric_row((enum metric)i);
        size_t name_len = strlen(row->name);
        int counter = strcmp(row->kind, "counter") == 0;
        assert_true(counter || strcmp(row->kind, "gauge") == 0);
        assert_int_equal(strcmp(row->name + name_len - 6, "_total") == 0, counter);
        assert_memory_equal(row->name, "fairlead_", 9);
        int same_as_before = i > 0 && strcmp(metric_row((enum metric)(i - 1))->name, row->name) == 0;
        assert_int_equal(*row->help != '\0', !same_as_before);
        for (int j = 0; j < i - 1 && !same_as_before; j++)
            assert_string_not_equal(metric_row((enum metric)j)->name, row->name);
        for (int j = 0; j < i; j++)
            assert_true(strcmp(metric_row((enum metric)j)->name, row->name) != 0 ||
                        strcmp(metric_row((enum metric)j)->label, row->label) != 0);
    }
}

static void test_the_histogram_table(void **state)
{
    (void)state;
    for (int i = 0; i < HISTOGRAM_COUNT; i++) {
        const struct histogram_row *row = histogram_row((enum histogram)i);
        assert_in_range(row->bound_count, 1, HISTOGRAM_MAX_BOUNDS);
        for (size_t b = 1; b < row->bound_count; b++)
            assert_true(row->bounds[b] > row->bounds[b - 1]);
    }
}

static void test_buckets(void **state)
{
    (void)state;
    struct histogram_values values;
    histogram_observe(HISTOGRAM_BATCH, 1);
    histogram_observe(HISTOGRAM_BATCH, 1.5);
    histogram_observe(HISTOGRAM_BATCH, 2);
    histogram_observe(HISTOGRAM_BATCH, 1025);
    histogram_observe(HISTOGRAM_BATCH, 0);
    histogram_get(HISTOGRAM_BATCH, &values);
    assert_int_equal(values.counts[0], 2); /* a bound belongs to its bucket */
    assert_int_equal(values.counts[1], 2);
    assert_int_equal(values.counts[histogram_row(HISTOGRAM_BATCH)->bound_count], 1);
    assert_int_equal(values.count, 5);
    assert_true(values.sum == 1029.5);
    histogram_observe_usec(HISTOGRAM_COMMIT, 250);
    histogram_get(HISTOGRAM_COMMIT, &values);
    assert_int_equal(values.counts[1], 1);
    assert_true(values.sum == 0.00025);
}

static void test_odd_numbers_do_no_harm(void **state)
{
    (void)state;
    struct histogram_values before;
    struct histogram_values after;
    const double odd[] = {-1, NAN, INFINITY, -INFINITY, 1e300};
    histogram_get(HISTOGRAM_ACK, &before);
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        histogram_observe(HISTOGRAM_ACK, odd[i]);
    histogram_observe_usec(HISTOGRAM_ACK, -5);
    histogram_get(HISTOGRAM_ACK, &after);
    assert_int_equal(after.count, before.count + 6);
    assert_true(after.sum >= before.sum && isfinite(after.sum));
}

static void *bump(void *unused)
{
    for (int i = 0; i < 10000; i++) {
        metric_add(METRIC_CONNECTIONS, 1);
        histogram_observe(HISTOGRAM_COMMIT, 0.5);
    }
    return unused;
}

static void test_threads_lose_nothing(void **state)
{
    (void)state;
    struct histogram_values before;
    struct histogram_values after;
    pthread_t threads[4];
    histogram_get(HISTOGRAM_COMMIT, &before);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, bump, NULL), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    histogram_get(HISTOGRAM_COMMIT, &after);
    assert_int_equal(metric_get(METRIC_CONNECTIONS), 40000);
    assert_int_equal(after.count - before.count, 40000);
    assert_true(fabs(after.sum - before.sum - 20000) < 0.001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_the_table),
        cmocka_unit_test(test_the_histogram_table),
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_odd_numbers_do_no_harm),
        cmocka_unit_test(test_threads_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
