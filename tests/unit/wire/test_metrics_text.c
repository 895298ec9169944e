#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/metric.h"
#include "base/version.h"
#include "wire/metrics_text.h"

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        count++;
    return count;
}

static void assert_line(const char *text, const char *line)
{
    CLEANUP(buf_cleanup) struct buf whole = BUF_INIT;
    buf_addf(&whole, "\n%s\n", line);
    if (!strstr(text, buf_str(&whole)))
        fail_msg("no line \"%s\" in:\n%s", line, text);
}

/* The value of a sample without labels. */
static double value_of(const char *text, const char *name)
{
    char start[80];
    snprintf(start, sizeof start, "\n%s ", name);
    const char *at = strstr(text, start);
    if (!at)
        fail_msg("no sample %s", name);
    return strtod(at + strlen(start), NULL);
}

static void test_counters_and_gauges(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    metric_add(METRIC_WEBHOOKS_STORED, 41);
    metric_add(METRIC_WEBHOOKS_STORED, 1);
    metric_set(METRIC_READY, 1);
    metric_set(METRIC_JOURNAL_BYTES, INT64_C(5000000000));
    metrics_text_write(&out);
    const char *text = buf_str(&out);
    assert_line(text, "fairlead_webhooks_total{result=\"stored\"} 42");
    assert_line(text, "fairlead_webhooks_total{result=\"duplicate\"} 0");
    assert_line(text, "# TYPE fairlead_ready gauge");
    assert_line(text, "fairlead_ready 1");
    assert_line(text, "fairlead_journal_bytes 5000000000");
}

static void test_histograms_are_cumulative(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    const double records[] = {1, 1, 3, 1024, 5000};
    for (size_t i = 0; i < 5; i++)
        histogram_observe(HISTOGRAM_BATCH, records[i]);
    histogram_observe_usec(HISTOGRAM_ACK, 100);
    histogram_observe_usec(HISTOGRAM_ACK, 101);
    metrics_text_write(&out);
    const char *text = buf_str(&out);
    assert_line(text, "# TYPE fairlead_commit_batch_records histogram");
    assert_line(text, "fairlead_commit_batch_records_bucket{le=\"1\"} 2");
    assert_line(text, "fairlead_commit_batch_records_bucket{le=\"2\"} 2");
    assert_line(text, "fairlead_commit_batch_records_bucket{le=\"4\"} 3");
    assert_line(text, "fairlead_commit_batch_records_bucket{le=\"512\"} 3");
    assert_line(text, "fairlead_commit_batch_records_bucket{le=\"1024\"} 4");
    assert_line(text, "fairlead_commit_batch_records_bucket{le=\"+Inf\"} 5");
    assert_line(text, "fairlead_commit_batch_records_sum 6029.000000");
    assert_line(text, "fairlead_commit_batch_records_count 5");
    assert_line(text, "fairlead_ack_seconds_bucket{le=\"0.0001\"} 1");
    assert_line(text, "fairlead_ack_seconds_bucket{le=\"0.00025\"} 2");
    assert_line(text, "fairlead_ack_seconds_sum 0.000201");
}

/* The format wants one HELP and one TYPE for a name, before all of its samples, which stand together. */
static void test_each_name_is_headed_once(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    metrics_text_write(&out);
    assert_false(buf_failed(&out));
    assert_true(slice_ends(buf_slice(&out), "\n"));
    char current[100] = "";
    for (struct slice rest = buf_slice(&out); rest.len;) {
        struct slice line = slice_split(&rest, '\n');
        if (slice_starts(line, "# HELP ")) {
            struct slice help = slice_skip(line, 7);
            struct slice name = slice_split(&help, ' ');
            assert_true(help.len > 0);
            char heading[120];
            snprintf(current, sizeof current, "%.*s", SLICE_ARG(name));
            snprintf(heading, sizeof heading, "# HELP %s ", current);
            assert_int_equal(count_of(buf_str(&out), heading), 1);
            snprintf(heading, sizeof heading, "# TYPE %s ", current);
            assert_int_equal(count_of(buf_str(&out), heading), 1);
        } else if (!slice_starts(line, "# TYPE ")) {
            assert_true(line.len > 0 && slice_starts(line, current));
        }
    }
}

static void test_process_and_build(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf with_file = BUF_INIT;
    metrics_text_write(&out);
    const char *text = buf_str(&out);
    char line[100];
    snprintf(line, sizeof line, "fairlead_build_info{version=\"%s\"} 1", version_text());
    assert_line(text, line);
    assert_true(value_of(text, "process_cpu_seconds_total") >= 0);
    assert_true(value_of(text, "process_resident_memory_bytes") > 100000);
    assert_true(value_of(text, "process_virtual_memory_bytes") >=
                value_of(text, "process_resident_memory_bytes"));
    assert_true(value_of(text, "process_max_fds") >= value_of(text, "process_open_fds"));
    double start = value_of(text, "process_start_time_seconds");
    assert_true(start > (double)time(NULL) - 3600 && start < (double)time(NULL) + 2);
    FILE *file = tmpfile();
    assert_non_null(file);
    metrics_text_write(&with_file);
    assert_true(value_of(buf_str(&with_file), "process_open_fds") == value_of(text, "process_open_fds") + 1);
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters_and_gauges),
        cmocka_unit_test(test_histograms_are_cumulative),
        cmocka_unit_test(test_each_name_is_headed_once),
        cmocka_unit_test(test_process_and_build),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
