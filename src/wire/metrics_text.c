#include "wire/metrics_text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/metric.h"
#include "base/version.h"
#include "wire/utf8.h"

void metrics_text_heading(const char *name, const char *kind, const char *help, struct buf *out)
{
    buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

/* The exposition format escapes three characters and wants UTF-8. */
void metrics_text_label(struct slice value, struct buf *out)
{
    while (value.len > 0) {
        uint32_t point;
        size_t len = utf8_read(value, &point);
        if (point == UTF8_BAD)
            buf_add_str(out, "\xEF\xBF\xBD");
        else if (point == '\n')
            buf_add_str(out, "\\n");
        else if (point == '"' || point == '\\')
            buf_addf(out, "\\%c", (char)point);
        else
            buf_add(out, value.ptr, len);
        value = slice_skip(value, len);
    }
}

/* ---- our own tables ---------------------------------------------------------------------------------------
 */

static void write_values(struct buf *out)
{
    const char *name = "";
    for (int i = 0; i < METRIC_COUNT; i++) {
        const struct metric_row *row = metric_row((enum metric)i);
        if (strcmp(name, row->name) != 0)
            metrics_text_heading(row->name, row->kind, row->help, out);
        name = row->name;
        if (*row->label)
            buf_addf(out, "%s{%s} %lld\n", row->name, row->label, (long long)metric_get((enum metric)i));
        else
            buf_addf(out, "%s %lld\n", row->name, (long long)metric_get((enum metric)i));
    }
}

static void write_histogram(enum histogram histogram, struct buf *out)
{
    const struct histogram_row *row = histogram_row(histogram);
    struct histogram_values values;
    histogram_get(histogram, &values);
    metrics_text_heading(row->name, "histogram", row->help, out);
    uint64_t below = 0;
    for (size_t i = 0; i < row->bound_count; i++) {
        below += values.counts[i];
        buf_addf(out, "%s_bucket{le=\"%g\"} %llu\n", row->name, row->bounds[i], (unsigned long long)below);
    }
    buf_addf(out, "%s_bucket{le=\"+Inf\"} %llu\n", row->name, (unsigned long long)values.count);
    /* The table keeps sums in millionths. */
    buf_addf(out, "%s_sum %.6f\n", row->name, values.sum);
    buf_addf(out, "%s_count %llu\n", row->name, (unsigned long long)values.count);
}

/* ---- the process: names and meanings as Prometheus' client libraries have them
 * ------------------------------ */

struct process_stat {
    unsigned long long cpu_ticks;
    unsigned long long start_ticks; /* since boot */
    unsigned long long virtual_bytes;
    unsigned long long resident_pages;
};

/* Files of /proc have no size, so they are read to their end. */
static bool read_file(const char *path, struct buf *text)
{
    CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    for (;;) {
        char *to = buf_reserve(text, 4096);
        ssize_t n = to ? read(fd, to, 4096) : -1;
        if (n < 0 && to && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0)
            return true;
        text->len += (size_t)n;
        text->ptr[text->len] = '\0';
    }
}

/* proc(5): the second field, the program's name, may hold spaces and parentheses; numbers follow the last
 * ')'. */
static bool read_process_stat(struct process_stat *ret)
{
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    if (!read_file("/proc/self/stat", &text))
        return false;
    const char *at = strrchr(buf_str(&text), ')');
    if (!at)
        return false;
    unsigned long long user, system;
    int n = sscanf(
        at + 1,
        " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %llu %llu %llu",
        &user, &system, &ret->start_ticks, &ret->virtual_bytes, &ret->resident_pages);
    ret->cpu_ticks = n == 5 ? user + system : 0;
    return n == 5;
}

/* Unix time of the boot, or 0. */
static unsigned long long read_boot_time(void)
{
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    if (!read_file("/proc/stat", &text))
        return 0;
    const char *line = strstr(buf_str(&text), "\nbtime ");
    return line ? strtoull(line + strlen("\nbtime "), NULL, 10) : 0;
}

static long count_open_fds(void)
{
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        return -1;
    long count = -1; /* the directory's own */
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (entry->d_name[0] != '.')
            count++;
    closedir(directory);
    return count;
}

static void write_fds(struct buf *out)
{
    long open_fds = count_open_fds();
    if (open_fds >= 0) {
        metrics_text_heading("process_open_fds", "gauge", "Number of open file descriptors.", out);
        buf_addf(out, "process_open_fds %ld\n", open_fds);
    }
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    metrics_text_heading("process_max_fds", "gauge", "Maximum number of open file descriptors.", out);
    if (limit.rlim_cur == RLIM_INFINITY)
        buf_add_str(out, "process_max_fds +Inf\n");
    else
        buf_addf(out, "process_max_fds %llu\n", (unsigned long long)limit.rlim_cur);
}

static void write_process(struct buf *out)
{
    struct process_stat stat;
    write_fds(out);
    if (!read_process_stat(&stat))
        return;
    double ticks_per_second = (double)sysconf(_SC_CLK_TCK);
    unsigned long long page_bytes = (unsigned long long)sysconf(_SC_PAGESIZE);
    metrics_text_heading("process_cpu_seconds_total", "counter",
                         "Total user and system CPU time spent in seconds.", out);
    buf_addf(out, "process_cpu_seconds_total %.2f\n", (double)stat.cpu_ticks / ticks_per_second);
    metrics_text_heading("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", out);
    buf_addf(out, "process_resident_memory_bytes %llu\n", stat.resident_pages * page_bytes);
    metrics_text_heading("process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.", out);
    buf_addf(out, "process_virtual_memory_bytes %llu\n", stat.virtual_bytes);
    unsigned long long boot = read_boot_time();
    if (boot == 0)
        return;
    metrics_text_heading("process_start_time_seconds", "gauge",
                         "Start time of the process since the Unix epoch in seconds.", out);
    buf_addf(out, "process_start_time_seconds %.2f\n",
             (double)boot + (double)stat.start_ticks / ticks_per_second);
}

void metrics_text_write(struct buf *out)
{
    write_values(out);
    for (int i = 0; i < HISTOGRAM_COUNT; i++)
        write_histogram((enum histogram)i, out);
    metrics_text_heading("fairlead_build_info", "gauge", "The version of this build; always 1.", out);
    buf_addf(out, "fairlead_build_info{version=\"%s\"} 1\n", version_text());
    write_process(out);
}
