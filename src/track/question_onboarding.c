#include <stdio.h>
#include <stdlib.h>

#include "track/question.h"
#include "track/rollup.h"

#define OTHER     "other"
#define OTHER_KEY (-1)
#define SLOTS     (4 * QUESTION_MAX_GROUPS)

static const char ROLLUPS[] =
    "SELECT app, integration, started, completed, failed, expired, abandoned, times "
    "FROM rollup WHERE grain = ?1 AND level = ?2 AND t >= ?3 AND t < ?4";

struct group {
    int64_t key; /* a name's number; 0: unnamed; OTHER_KEY: the ones there was no room for */
    struct rollup_counts counts;
    struct sketch times;
};

struct groups {
    struct question *question;
    enum rollup_level level;
    enum onboarding_by by;
    int64_t other_name; /* of what is really called so: it is in the group of the rest */
    struct group *items;
    size_t count;
    int slots[SLOTS]; /* index + 1 by key; 0: free */
};

/* ---- ranges ---- */

/* Rows of a coarse grain stand for many of a fine one: days in the middle, hours and minutes at the ends. */
typedef void range_fn(void *arg, int64_t grain, int64_t from, int64_t to);

static int64_t round_up(int64_t t, int64_t grain)
{
    int64_t rest = t % grain;
    return rest == 0 ? t : t - rest + (rest > 0 ? grain : 0);
}

static int64_t round_down(int64_t t, int64_t grain)
{
    int64_t rest = t % grain;
    return t - rest - (rest < 0 ? grain : 0);
}

static void for_ranges(int grain, int64_t from, int64_t to, range_fn *fn, void *arg)
{
    int64_t middle_from = from;
    int64_t middle_to = from;
    if (grain + 1 < ROLLUP_GRAINS) {
        middle_from = round_up(from, rollup_grains[grain + 1]);
        middle_to = round_down(to, rollup_grains[grain + 1]);
    }
    if (middle_from >= middle_to) {
        fn(arg, rollup_grains[grain], from, to);
        return;
    }
    if (from < middle_from)
        fn(arg, rollup_grains[grain], from, middle_from);
    for_ranges(grain + 1, middle_from, middle_to, fn, arg);
    if (middle_to < to)
        fn(arg, rollup_grains[grain], middle_to, to);
}

/* ---- groups ---- */

static size_t find_slot(const struct groups *groups, int64_t key)
{
    size_t slot = (size_t)key % SLOTS;
    while (groups->slots[slot] && groups->items[groups->slots[slot] - 1].key != key)
        slot = (slot + 1) % SLOTS;
    return slot;
}

static struct group *group_of(struct groups *groups, int64_t key)
{
    size_t slot = find_slot(groups, key);
    if (!groups->slots[slot] && groups->count >= QUESTION_MAX_GROUPS) {
        key = OTHER_KEY;
        slot = find_slot(groups, key);
    }
    if (groups->slots[slot])
        return &groups->items[groups->slots[slot] - 1];
    struct group *grown = realloc(groups->items, (groups->count + 1) * sizeof *grown);
    if (!grown) {
        question_fail(groups->question, RC_NO_MEMORY, "memory ran out");
        return NULL;
    }
    groups->items = grown;
    groups->slots[slot] = (int)++groups->count;
    struct group *group = &groups->items[groups->count - 1];
    *group = (struct group){.key = key};
    return group;
}

static void add_row(struct groups *groups, sqlite3_stmt *row)
{
    int64_t key = 0;
    if (groups->level != LEVEL_ALL)
        key = column_number(row, groups->by == BY_APP ? 0 : 1);
    if (key != 0 && key == groups->other_name)
        key = OTHER_KEY;
    struct group *group = group_of(groups, key);
    if (!group)
        return;
    group->counts.started += column_number(row, 2);
    for (int outcome = OUTCOME_COMPLETED; outcome < OUTCOME_COUNT; outcome++)
        group->counts.outcomes[outcome] += column_number(row, 2 + outcome);
    if (!sketch_add_encoded(&group->times, column_text(row, 7)))
        question_fail(groups->question, RC_CORRUPT, "the read model holds a damaged histogram");
}

static void add_range(void *arg, int64_t grain, int64_t from, int64_t to)
{
    struct groups *groups = arg;
    sqlite3_stmt *rows =
        question_ask(groups->question, ROLLUPS, "iiii", grain, (int64_t)groups->level, from, to);
    while (rows && question_next(groups->question, rows))
        add_row(groups, rows);
    sqlite3_finalize(rows);
}

static int compare_groups(const void *a, const void *b)
{
    const struct group *x = a;
    const struct group *y = b;
    if (x->counts.started != y->counts.started)
        return x->counts.started < y->counts.started ? 1 : -1;
    return (x->key > y->key) - (x->key < y->key);
}

static struct groups *groups_new(struct question *question, enum rollup_level level, enum onboarding_by by)
{
    struct groups *groups = calloc(1, sizeof *groups);
    if (!groups) {
        question_fail(question, RC_NO_MEMORY, "memory ran out");
        return NULL;
    }
    groups->question = question;
    groups->level = level;
    groups->by = by;
    groups->other_name = question_name(question, slice_str(OTHER));
    return groups;
}

static void groups_free(struct groups *groups)
{
    if (groups)
        free(groups->items);
    free(groups);
}

/* ---- JSON ---- */

static void add_quantiles(const struct sketch *times, struct buf *out)
{
    static const struct {
        const char *name;
        double q;
    } QUANTILES[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}};
    const char *between = "";
    for (size_t i = 0; i < sizeof QUANTILES / sizeof QUANTILES[0]; i++) {
        usec at = sketch_quantile(times, QUANTILES[i].q);
        buf_addf(out, "%s\"%s\":", between, QUANTILES[i].name);
        json_add_seconds(out, at < 0 ? TIME_NONE : at);
        between = ",";
    }
}

static void add_figures(const struct group *group, struct buf *out)
{
    const struct rollup_counts *counts = &group->counts;
    int64_t pending = counts->started;
    buf_addf(out, "\"started\":%lld", (long long)counts->started);
    for (int outcome = OUTCOME_COMPLETED; outcome < OUTCOME_COUNT; outcome++) {
        buf_addf(out, ",\"%s\":%lld", outcome_name((enum outcome)outcome),
                 (long long)counts->outcomes[outcome]);
        pending -= counts->outcomes[outcome];
    }
    buf_addf(out, ",\"pending\":%lld,\"completion_rate\":", (long long)pending);
    if (counts->started > 0)
        buf_addf(out, "%.4f", (double)counts->outcomes[OUTCOME_COMPLETED] / (double)counts->started);
    else
        buf_add_str(out, "null");
    buf_add_str(out, ",\"time_to_connect_s\":{");
    add_quantiles(&group->times, out);
    buf_add_char(out, '}');
}

static void add_key(struct question *question, int64_t key, struct buf *out)
{
    sqlite3_stmt *rows = question_ask(question, "SELECT text FROM name WHERE id = ?1", "i", key);
    if (key == OTHER_KEY)
        buf_add_str(out, "\"" OTHER "\"");
    else if (rows && question_next(question, rows))
        json_add_text(out, column_text(rows, 0));
    else
        buf_add_str(out, "null");
    sqlite3_finalize(rows);
}

struct span {
    int grain;
    int64_t from; /* seconds since 1970, whole buckets */
    int64_t to;
};

/* Totals of the span, and the histogram, which stands at the end of the answer. */
static void write_total(struct question *question, const struct span *span, struct sketch *ret_times,
                        struct buf *out)
{
    static const struct group NOTHING;
    struct groups *groups = groups_new(question, LEVEL_ALL, BY_APP);
    if (!groups)
        return;
    for_ranges(span->grain, span->from, span->to, add_range, groups);
    const struct group *total = groups->count ? &groups->items[0] : &NOTHING;
    buf_add_str(out, ",\"total\":{");
    add_figures(total, out);
    buf_add_char(out, '}');
    *ret_times = total->times;
    groups_free(groups);
}

static void write_groups(struct question *question, const struct span *span, enum onboarding_by by,
                         struct buf *out)
{
    enum rollup_level level = by == BY_APP ? LEVEL_APP : LEVEL_INTEGRATION;
    struct groups *groups = groups_new(question, level, by);
    if (!groups)
        return;
    for_ranges(span->grain, span->from, span->to, add_range, groups);
    if (groups->count > 0)
        qsort(groups->items, groups->count, sizeof *groups->items, compare_groups);
    buf_add_str(out, ",\"groups\":[");
    for (size_t i = 0; i < groups->count; i++) {
        buf_add_str(out, i ? ",{\"key\":" : "{\"key\":");
        add_key(question, groups->items[i].key, out);
        buf_add_char(out, ',');
        add_figures(&groups->items[i], out);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
    groups_free(groups);
}

static void add_bucket(int64_t t, const int64_t counts[4], struct buf *out)
{
    json_add_time(out, t * USEC_PER_SEC);
    buf_addf(out, ",\"started\":%lld,\"completed\":%lld,\"abandoned\":%lld,\"failed\":%lld}",
             (long long)counts[0], (long long)counts[1], (long long)counts[2], (long long)counts[3]);
}

static void write_series(struct question *question, const struct span *span, struct buf *out)
{
    int64_t grain = rollup_grains[span->grain];
    sqlite3_stmt *rows = question_ask(question,
                                      "SELECT t, started, completed, abandoned, failed FROM rollup "
                                      "WHERE grain = ?1 AND level = 0 AND t >= ?2 AND t < ?3 ORDER BY t",
                                      "iii", grain, span->from, span->to);
    bool found = rows && question_next(question, rows);
    buf_add_str(out, ",\"series\":[");
    for (int64_t t = span->from; t < span->to; t += grain) {
        int64_t counts[4] = {0};
        bool here = found && column_number(rows, 0) == t;
        for (int i = 0; here && i < 4; i++)
            counts[i] = column_number(rows, 1 + i);
        if (here)
            found = question_next(question, rows);
        buf_add_str(out, t == span->from ? "{\"t\":" : ",{\"t\":");
        add_bucket(t, counts, out);
    }
    buf_add_char(out, ']');
    sqlite3_finalize(rows);
}

static void write_histogram(const struct sketch *times, struct buf *out)
{
    const char *between = "";
    buf_add_str(out, ",\"histogram\":[");
    for (size_t i = 0; i < SKETCH_BUCKETS; i++) {
        if (times->counts[i] == 0)
            continue;
        buf_addf(out, "%s{\"le_s\":", between);
        json_add_seconds(out, sketch_bucket_end(i));
        buf_addf(out, ",\"count\":%lld}", (long long)times->counts[i]);
        between = ",";
    }
    buf_add_char(out, ']');
}

static enum rc widen(const struct onboarding_filter *filter, struct span *ret, struct err *err)
{
    int64_t grain = rollup_grains[filter->grain];
    ret->grain = filter->grain;
    ret->from = rollup_bucket(filter->since, grain);
    ret->to = rollup_bucket(filter->until - 1, grain) + grain;
    if (filter->since >= filter->until)
        return err_set(err, RC_BAD_PARAMETER, "since: must be before until");
    if ((ret->to - ret->from) / grain > QUESTION_MAX_BUCKETS)
        return err_set(err, RC_BAD_PARAMETER,
                       "bucket: the time between since and until would have %lld buckets and at most %d are "
                       "allowed; choose a larger bucket or a shorter time",
                       (long long)((ret->to - ret->from) / grain), QUESTION_MAX_BUCKETS);
    return RC_OK;
}

enum rc question_onboarding(struct questions *questions, const struct onboarding_filter *filter,
                            struct buf *out, struct err *err)
{
    struct span span;
    struct question question;
    struct sketch times = {{0}};
    enum rc rc = widen(filter, &span, err);
    if (rc == RC_OK)
        rc = question_begin(questions, &question, err);
    if (rc != RC_OK)
        return rc;
    buf_add_str(out, "{\"since\":");
    json_add_time(out, span.from * USEC_PER_SEC);
    buf_add_str(out, ",\"until\":");
    json_add_time(out, span.to * USEC_PER_SEC);
    write_total(&question, &span, &times, out);
    write_groups(&question, &span, filter->by, out);
    write_series(&question, &span, out);
    write_histogram(&times, out);
    buf_add_char(out, '}');
    return question_end(&question, out, err);
}
