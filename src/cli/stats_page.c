#include "cli/stats_page.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "cli/human_time.h"

enum {
    INDENT = 2,
    LABEL_WIDTH = 11,  /* "completed", and a little */
    COUNT_WIDTH = 11,  /* "999,999,999" */
    SHARE_WIDTH = 7,   /* "100.0%" after a space */
    WIDEST_BAR = 60,   /* longer ones are not read more easily */
    GROUPS_SHOWN = 20, /* --json has them all */
    SPARKS_MAX = 100,
};

static int64_t count_of(const json_t *object, const char *name)
{
    return (int64_t)json_number_value(json_object_get(object, name));
}

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

static void end_line(struct buf *out)
{
    while (out->len > 0 && out->ptr[out->len - 1] == ' ')
        out->len--;
    buf_add_char(out, '\n');
}

static void add_heading(const struct screen *screen, const char *text, struct buf *out)
{
    buf_add_char(out, '\n');
    screen_add_colour(screen, COLOUR_BOLD, out);
    buf_add_str(out, text);
    screen_add_colour(screen, COLOUR_NONE, out);
}

/* The count and, when `share` is not negative, the percentage, each right-aligned. */
static void add_count(const struct screen *screen, int64_t count, int width, struct buf *out)
{
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    screen_add_count(count, &text);
    screen_add(screen, buf_slice(&text), width, ALIGN_RIGHT, out);
}

static void add_share(const struct screen *screen, double share, struct buf *out)
{
    char text[16];
    snprintf(text, sizeof text, share >= 0.9995 && share < 1 ? "99.9%%" : "%.1f%%", share * 100);
    screen_add(screen, slice_str(text), SHARE_WIDTH, ALIGN_RIGHT, out);
}

/* A bar on the rest of the line, of which `used` columns are taken. */
static void add_bar(const struct screen *screen, double part, int used, enum colour colour, struct buf *out)
{
    int columns = screen->width - used - 1;
    screen_add_colour(screen, colour, out);
    screen_add_bar(screen, part, columns > WIDEST_BAR ? WIDEST_BAR : columns, out);
    screen_add_colour(screen, COLOUR_NONE, out);
}

/* ---- funnel ---- */

static void add_funnel(const json_t *total, const struct screen *screen, struct buf *out)
{
    static const struct {
        const char *name;
        enum colour colour;
    } STAGES[] = {{"started", COLOUR_BLUE}, {"completed", COLOUR_GREEN},  {"failed", COLOUR_RED},
                  {"expired", COLOUR_RED},  {"abandoned", COLOUR_YELLOW}, {"pending", COLOUR_DIM}};
    double started = (double)count_of(total, "started");
    add_heading(screen, "Connections", out);
    buf_add_char(out, '\n');
    for (size_t i = 0; i < sizeof STAGES / sizeof STAGES[0]; i++) {
        int64_t count = count_of(total, STAGES[i].name);
        double share = ratio((double)count, started);
        buf_add_fill(out, ' ', INDENT);
        screen_add(screen, slice_str(STAGES[i].name), LABEL_WIDTH, ALIGN_LEFT, out);
        add_count(screen, count, COUNT_WIDTH, out);
        add_share(screen, share, out);
        buf_add_fill(out, ' ', INDENT);
        add_bar(screen, share, INDENT + LABEL_WIDTH + COUNT_WIDTH + SHARE_WIDTH + INDENT, STAGES[i].colour,
                out);
        end_line(out);
    }
}

/* ---- starts over time ---- */

/* As many steps as fit, each the sum of equally many of the series. */
static size_t sum_series(const json_t *series, size_t most, double sums[SPARKS_MAX])
{
    size_t count = json_array_size(series);
    size_t each = (count + most - 1) / most;
    size_t steps = each ? (count + each - 1) / each : 0;
    for (size_t i = 0; i < steps; i++)
        sums[i] = 0;
    for (size_t i = 0; i < count; i++)
        sums[i / each] += (double)count_of(json_array_get(series, i), "started");
    return steps;
}

static void add_series(const json_t *series, const char *bucket, const struct screen *screen, struct buf *out)
{
    double sums[SPARKS_MAX];
    int room = screen->width - 2 * INDENT;
    size_t most = room > SPARKS_MAX ? SPARKS_MAX : (size_t)room;
    size_t steps = sum_series(series, most, sums);
    size_t each = steps ? (json_array_size(series) + most - 1) / most : 1;
    double highest = 0;
    for (size_t i = 0; i < steps; i++)
        highest = sums[i] > highest ? sums[i] : highest;
    if (steps < 2 || highest <= 0)
        return;
    add_heading(screen, "Started", out);
    if (each == 1)
        buf_addf(out, " per %s: at most ", bucket);
    else
        buf_addf(out, " per %zu %ss: at most ", each, bucket);
    screen_add_count((int64_t)highest, out);
    buf_add_char(out, '\n');
    buf_add_fill(out, ' ', INDENT);
    screen_add_colour(screen, COLOUR_BLUE, out);
    for (size_t i = 0; i < steps; i++)
        screen_add_spark(screen, sums[i] / highest, out);
    screen_add_colour(screen, COLOUR_NONE, out);
    end_line(out);
}

/* ---- time to connect ---- */

/* Upper ends of the rows in seconds; what is above the last has a row of its own. */
static const int64_t ENDS[] = {1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 21600, 86400};
enum { HISTOGRAM_ROWS = sizeof ENDS / sizeof ENDS[0] + 1 };

struct histogram {
    int64_t counts[HISTOGRAM_ROWS];
    int64_t total;
    int64_t highest;
    size_t first; /* rows that are not empty: first to last */
    size_t last;
};

static size_t row_of(double seconds)
{
    size_t row = 0;
    while (row < HISTOGRAM_ROWS - 1 && seconds > (double)ENDS[row])
        row++;
    return row;
}

static struct histogram merge(const json_t *fine)
{
    struct histogram histogram = {.first = HISTOGRAM_ROWS};
    const json_t *bucket;
    size_t i;
    json_array_foreach(fine, i, bucket)
    {
        size_t row = row_of(json_number_value(json_object_get(bucket, "le_s")));
        histogram.counts[row] += count_of(bucket, "count");
    }
    for (i = 0; i < HISTOGRAM_ROWS; i++) {
        int64_t count = histogram.counts[i];
        histogram.total += count;
        histogram.highest = count > histogram.highest ? count : histogram.highest;
        if (count > 0 && histogram.first == HISTOGRAM_ROWS)
            histogram.first = i;
        if (count > 0)
            histogram.last = i;
    }
    return histogram;
}

static void add_quantiles(const json_t *times, struct buf *out)
{
    static const char *const NAMES[] = {"p50", "p90", "p99"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        const json_t *value = json_object_get(times, NAMES[i]);
        if (!json_is_number(value))
            continue;
        buf_addf(out, "  %s ", NAMES[i]);
        human_time_span((usec)llround(json_number_value(value) * (double)USEC_PER_SEC), out);
    }
}

static void add_row_label(const struct screen *screen, size_t row, struct buf *out)
{
    CLEANUP(buf_cleanup) struct buf label = BUF_INIT;
    bool above = row == HISTOGRAM_ROWS - 1;
    int64_t end = ENDS[above ? row - 1 : row];
    char text[CLOCK_DURATION_SIZE];
    clock_format_duration(end * USEC_PER_SEC, text);
    buf_addf(&label, "%s %s", above ? "over" : "up to", text);
    screen_add(screen, buf_slice(&label), LABEL_WIDTH, ALIGN_LEFT, out);
}

static void add_times(const json_t *answer, const struct screen *screen, struct buf *out)
{
    struct histogram histogram = merge(json_object_get(answer, "histogram"));
    if (histogram.total <= 0)
        return;
    add_heading(screen, "Time to connect", out);
    add_quantiles(json_object_get(json_object_get(answer, "total"), "time_to_connect_s"), out);
    buf_add_char(out, '\n');
    for (size_t row = histogram.first; row <= histogram.last; row++) {
        double count = (double)histogram.counts[row];
        buf_add_fill(out, ' ', INDENT);
        add_row_label(screen, row, out);
        add_count(screen, histogram.counts[row], COUNT_WIDTH, out);
        add_share(screen, ratio(count, (double)histogram.total), out);
        buf_add_fill(out, ' ', INDENT);
        add_bar(screen, ratio(count, (double)histogram.highest),
                INDENT + LABEL_WIDTH + COUNT_WIDTH + SHARE_WIDTH + INDENT, COLOUR_GREEN, out);
        end_line(out);
    }
}

/* ---- groups ---- */

static int key_width(const json_t *groups, size_t shown, int widest)
{
    int width = LABEL_WIDTH;
    for (size_t i = 0; i < shown; i++) {
        int columns = screen_columns(json_get_slice(json_array_get(groups, i), "key")) + 1;
        width = columns > width ? columns : width;
    }
    return width < widest ? width : widest;
}

static void add_group(const json_t *group, int width, const struct screen *screen, struct buf *out)
{
    struct slice key = json_get_slice(group, "key");
    const json_t *rate = json_object_get(group, "completion_rate");
    double share = json_number_value(rate);
    enum colour colour = share < 0.5 ? COLOUR_RED : share < 0.75 ? COLOUR_YELLOW : COLOUR_GREEN;
    buf_add_fill(out, ' ', INDENT);
    screen_add(screen, key.ptr ? key : slice_str("(not named)"), width, ALIGN_LEFT, out);
    add_count(screen, count_of(group, "started"), COUNT_WIDTH, out);
    add_count(screen, count_of(group, "completed"), COUNT_WIDTH, out);
    if (json_is_number(rate)) {
        add_share(screen, share, out);
        buf_add_fill(out, ' ', INDENT);
        add_bar(screen, share, INDENT + width + 2 * COUNT_WIDTH + SHARE_WIDTH + INDENT, colour, out);
    }
    end_line(out);
}

static void add_groups(const json_t *groups, const char *by, const struct screen *screen, struct buf *out)
{
    size_t count = json_array_size(groups);
    size_t shown = count > GROUPS_SHOWN ? GROUPS_SHOWN : count;
    int width = key_width(groups, shown, screen->width / 3);
    char title[40];
    if (count == 0)
        return;
    snprintf(title, sizeof title, "By %s", by);
    add_heading(screen, "", out);
    screen_add_colour(screen, COLOUR_BOLD, out);
    screen_add(screen, slice_str(title), INDENT + width, ALIGN_LEFT, out);
    screen_add_colour(screen, COLOUR_NONE, out);
    screen_add_colour(screen, COLOUR_DIM, out);
    buf_addf(out, "%*s%*s%*s", COUNT_WIDTH, "started", COUNT_WIDTH, "completed", SHARE_WIDTH, "rate");
    screen_add_colour(screen, COLOUR_NONE, out);
    buf_add_char(out, '\n');
    for (size_t i = 0; i < shown; i++)
        add_group(json_array_get(groups, i), width, screen, out);
    if (shown < count)
        buf_addf(out, "  and %zu more\n", count - shown);
}

/* ---- the page ---- */

/* "2026-05-04 10:00" of an RFC 3339 time in UTC. */
static void add_minute(struct slice time, struct buf *out)
{
    enum { DATE = 10, MINUTE = 16 };
    if (time.len < MINUTE)
        return;
    buf_addf(out, "%.10s %.5s", time.ptr, time.ptr + DATE + 1);
}

static void add_period(const json_t *answer, const struct screen *screen, struct buf *out)
{
    screen_add_colour(screen, COLOUR_DIM, out);
    buf_add_str(out, "Attempts started from ");
    add_minute(json_get_slice(answer, "since"), out);
    buf_add_str(out, " to ");
    add_minute(json_get_slice(answer, "until"), out);
    buf_add_str(out, " UTC");
    screen_add_colour(screen, COLOUR_NONE, out);
    buf_add_char(out, '\n');
}

void stats_page_write(const json_t *answer, const struct stats_page *page, const struct screen *screen,
                      struct buf *out)
{
    const json_t *total = json_object_get(answer, "total");
    add_period(answer, screen, out);
    if (count_of(total, "started") == 0) {
        buf_add_str(out, "\nNo connection was started in this time.\n");
        return;
    }
    add_funnel(total, screen, out);
    add_series(json_object_get(answer, "series"), page->bucket, screen, out);
    add_times(answer, screen, out);
    add_groups(json_object_get(answer, "groups"), page->by, screen, out);
}
