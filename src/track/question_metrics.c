#include <stdio.h>
#include <stdlib.h>

#include "base/metric.h"
#include "track/question.h"
#include "track/rollup.h"
#include "wire/metrics_text.h"

/*
 * Apps beyond this number share the label "other". The first ones that were heard of have their own, for
 * good: a series must not change places, since Prometheus takes a counter that falls for one that began anew.
 */
#define MAX_APPS 256
#define OTHER    "other"

struct app {
    int64_t name;
    int64_t by_status[STATUS_COUNT];
    int64_t started;
    int64_t completed;
    int64_t abandoned;
    struct sketch times;
};

struct apps {
    struct app *items;
    size_t count;
    int64_t other_name; /* of an app that is really called so: it is counted with the rest */
    struct app other;
    bool has_other;
};

static struct app *find(struct apps *apps, int64_t name)
{
    for (size_t i = 0; i < apps->count; i++)
        if (apps->items[i].name == name)
            return &apps->items[i];
    apps->has_other = true;
    return &apps->other;
}

/* One that is called as the rest is gets no label of its own. */
static void choose_apps(struct question *question, struct apps *apps)
{
    apps->other_name = question_name(question, slice_str(OTHER));
    sqlite3_stmt *rows = question_ask(question,
                                      "SELECT DISTINCT app FROM tally WHERE app <> ?2 OR app = 0 "
                                      "ORDER BY app LIMIT ?1",
                                      "ii", (int64_t)MAX_APPS, apps->other_name);
    apps->items = calloc(MAX_APPS, sizeof *apps->items);
    if (!apps->items)
        question_fail(question, RC_NO_MEMORY, "memory ran out");
    while (rows && question_next(question, rows))
        apps->items[apps->count++].name = column_number(rows, 0);
    sqlite3_finalize(rows);
}

static void count_accounts(struct question *question, struct apps *apps)
{
    sqlite3_stmt *rows = question_ask(question, "SELECT app, status, accounts FROM tally", "");
    while (rows && question_next(question, rows)) {
        int64_t status = column_number(rows, 1);
        if (status >= 0 && status < STATUS_COUNT)
            find(apps, column_number(rows, 0))->by_status[status] += column_number(rows, 2);
    }
    sqlite3_finalize(rows);
}

static void count_connections(struct question *question, struct apps *apps)
{
    sqlite3_stmt *rows = question_ask(
        question,
        "SELECT app, started, completed, abandoned, times FROM rollup WHERE grain = ?1 AND level = ?2", "ii",
        rollup_grains[ROLLUP_GRAINS - 1], (int64_t)LEVEL_APP);
    while (rows && question_next(question, rows)) {
        struct app *app = find(apps, column_number(rows, 0));
        app->started += column_number(rows, 1);
        app->completed += column_number(rows, 2);
        app->abandoned += column_number(rows, 3);
        if (!sketch_add_encoded(&app->times, column_text(rows, 4)))
            question_fail(question, RC_CORRUPT, "the read model holds a damaged histogram");
    }
    sqlite3_finalize(rows);
}

/* ---- text ---- */

static void add_label(struct question *question, const struct apps *apps, const struct app *app,
                      struct buf *out)
{
    sqlite3_stmt *rows = question_ask(question, "SELECT text FROM name WHERE id = ?1", "i", app->name);
    buf_add_str(out, "app=\"");
    if (app == &apps->other)
        buf_add_str(out, OTHER);
    else if (rows && question_next(question, rows))
        metrics_text_label(column_text(rows, 0), out);
    buf_add_char(out, '"');
    sqlite3_finalize(rows);
}

static void write_accounts(struct question *question, const struct apps *apps, const struct app *app,
                           struct buf *out)
{
    for (int status = 0; status < STATUS_COUNT; status++) {
        const char *name = account_status_name((enum account_status)status);
        if (app->by_status[status] == 0)
            continue;
        buf_add_str(out, "fairlead_connected_accounts{");
        add_label(question, apps, app, out);
        buf_addf(out, ",status=\"%s\"} %lld\n", name ? name : "UNKNOWN", (long long)app->by_status[status]);
    }
}

/* The value of the series that has been written from `start` on. */
static void add_counter(struct question *question, size_t start, double value, struct buf *out)
{
    struct slice series = slice_skip(buf_slice(out), start);
    double told = high_water_raise(question->high, series, value);
    buf_addf(out, " %.*f\n", told == (double)(int64_t)told ? 0 : 3, told);
}

static void write_counter(struct question *question, const struct apps *apps, const struct app *app,
                          const char *name, double value, struct buf *out)
{
    size_t start = out->len;
    buf_addf(out, "%s{", name);
    add_label(question, apps, app, out);
    buf_add_char(out, '}');
    add_counter(question, start, value, out);
}

static void write_started(struct question *question, const struct apps *apps, const struct app *app,
                          struct buf *out)
{
    write_counter(question, apps, app, "fairlead_connections_started_total", (double)app->started, out);
}

static void write_completed(struct question *question, const struct apps *apps, const struct app *app,
                            struct buf *out)
{
    write_counter(question, apps, app, "fairlead_connections_completed_total", (double)app->completed, out);
}

static void write_abandoned(struct question *question, const struct apps *apps, const struct app *app,
                            struct buf *out)
{
    buf_add_str(out, "fairlead_connections_abandoned{");
    add_label(question, apps, app, out);
    buf_addf(out, "} %lld\n", (long long)app->abandoned);
}

static void write_bucket(struct question *question, const struct apps *apps, const struct app *app,
                         const char *le, int64_t count, struct buf *out)
{
    size_t start = out->len;
    buf_add_str(out, "fairlead_time_to_connect_seconds_bucket{");
    add_label(question, apps, app, out);
    buf_addf(out, ",le=\"%s\"}", le);
    add_counter(question, start, (double)count, out);
}

static void write_times(struct question *question, const struct apps *apps, const struct app *app,
                        struct buf *out)
{
    static const int BOUNDS[] = {1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600};
    int64_t below = 0;
    double sum = 0;
    size_t bucket = 0;
    char le[16];
    for (size_t i = 0; i < sizeof BOUNDS / sizeof BOUNDS[0]; i++) {
        for (; sketch_bucket_middle(bucket) <= BOUNDS[i] * USEC_PER_SEC; bucket++)
            below += app->times.counts[bucket];
        snprintf(le, sizeof le, "%d", BOUNDS[i]);
        write_bucket(question, apps, app, le, below, out);
    }
    for (size_t i = 0; i < SKETCH_BUCKETS; i++)
        sum += (double)app->times.counts[i] * (double)sketch_bucket_middle(i) / 1e6;
    int64_t total = sketch_total(&app->times);
    write_bucket(question, apps, app, "+Inf", total, out);
    write_counter(question, apps, app, "fairlead_time_to_connect_seconds_sum", sum, out);
    write_counter(question, apps, app, "fairlead_time_to_connect_seconds_count", (double)total, out);
}

typedef void write_fn(struct question *question, const struct apps *apps, const struct app *app,
                      struct buf *out);

static write_fn *const WRITERS[FAMILY_COUNT] = {
    [FAMILY_ACCOUNTS] = write_accounts,     [FAMILY_STARTED] = write_started,
    [FAMILY_COMPLETED] = write_completed,   [FAMILY_ABANDONED] = write_abandoned,
    [FAMILY_TIME_TO_CONNECT] = write_times,
};

enum rc question_metrics(struct questions *questions, struct buf *out, struct err *err)
{
    struct question question;
    struct apps apps = {.count = 0};
    enum rc rc = question_begin(questions, &question, err);
    if (rc != RC_OK)
        return rc;
    choose_apps(&question, &apps);
    count_accounts(&question, &apps);
    count_connections(&question, &apps);
    for (int i = 0; i < FAMILY_COUNT; i++) {
        const struct family_row *family = family_row((enum family)i);
        metrics_text_heading(family->name, family->kind, family->help, out);
        for (size_t k = 0; k < apps.count && !question_failed(&question); k++)
            WRITERS[i](&question, &apps, &apps.items[k], out);
        if (apps.has_other)
            WRITERS[i](&question, &apps, &apps.other, out);
    }
    free(apps.items);
    return question_end(&question, out, err);
}
