#include "track/rollup.h"

#include <stdlib.h>

/* An account with a million attempts that moves to another app changes as many rows twice. */
#define FULL_BYTES ((size_t)4 << 20)

const int64_t rollup_grains[ROLLUP_GRAINS] = {60, 3600, 86400};

/* So many attempts of one outcome and duration more or less in one row. */
struct change {
    int64_t t;
    int64_t app;
    int64_t integration;
    uint8_t grain; /* an index of rollup_grains */
    uint8_t level;
    uint8_t outcome;
    int16_t bucket; /* of the sketch; -1: none */
    int32_t count;
};

int64_t rollup_bucket(usec at, int64_t grain_seconds)
{
    usec grain = grain_seconds * USEC_PER_SEC;
    usec rest = at % grain;
    return (at - (rest < 0 ? rest + grain : rest)) / USEC_PER_SEC;
}

void rollup_init(struct rollup *rollup)
{
    *rollup = (struct rollup){.changes = BUF_INIT};
}

void rollup_cleanup(struct rollup *rollup)
{
    buf_cleanup(&rollup->changes);
}

void rollup_forget(struct rollup *rollup)
{
    buf_clear(&rollup->changes);
}

bool rollup_is_full(const struct rollup *rollup)
{
    return rollup->changes.len >= FULL_BYTES;
}

static int compare_rows(const struct change *a, const struct change *b)
{
    if (a->grain != b->grain)
        return a->grain - b->grain;
    if (a->level != b->level)
        return a->level - b->level;
    if (a->t != b->t)
        return a->t < b->t ? -1 : 1;
    if (a->app != b->app)
        return a->app < b->app ? -1 : 1;
    return (a->integration > b->integration) - (a->integration < b->integration);
}

static bool is_alike(const struct change *a, const struct change *b)
{
    return compare_rows(a, b) == 0 && a->outcome == b->outcome && a->bucket == b->bucket;
}

static size_t hash_change(const struct change *change)
{
    uint64_t hash = (uint64_t)change->t * 31 + (uint64_t)change->app;
    hash = hash * 31 + (uint64_t)change->integration;
    hash = hash * 31 + (uint64_t)(change->grain * 64 + change->level * 16 + change->outcome);
    hash = (hash * 1024 + (uint64_t)(change->bucket + 1)) * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(hash >> 32) % ROLLUP_RECENT;
}

/* Most changes are like one of the last few thousand, or take one of them back. */
static void add_change(struct rollup *rollup, const struct change *change)
{
    struct change *changes = (struct change *)(void *)rollup->changes.ptr;
    size_t count = rollup->changes.len / sizeof *change;
    uint32_t *recent = &rollup->recent[hash_change(change)];
    if (*recent < count && is_alike(&changes[*recent], change)) {
        changes[*recent].count += change->count;
        return;
    }
    *recent = (uint32_t)count;
    buf_add(&rollup->changes, change, sizeof *change);
}

void rollup_count(struct rollup *rollup, int64_t app, int64_t integration, const struct attempt *attempt,
                  int sign)
{
    usec took = attempt_time_to_connect(attempt);
    struct change change = {
        .count = sign,
        .outcome = (uint8_t)attempt->outcome,
        .bucket = (int16_t)(took == TIME_NONE ? -1 : (int)sketch_bucket(took)),
    };
    for (change.grain = 0; change.grain < ROLLUP_GRAINS; change.grain++) {
        change.t = rollup_bucket(attempt->opened_by.at, rollup_grains[change.grain]);
        for (change.level = 0; change.level < LEVEL_COUNT; change.level++) {
            change.app = change.level >= LEVEL_APP ? app : 0;
            change.integration = change.level >= LEVEL_INTEGRATION ? integration : 0;
            add_change(rollup, &change);
        }
    }
}

static int compare_changes(const void *a, const void *b)
{
    return compare_rows(a, b);
}

struct row {
    struct rollup_counts counts;
    struct sketch times;
};

static void read_row(struct state *state, const struct change *key, struct row *row)
{
    *row = (struct row){.counts = {.started = 0}};
    state_ask(state, STATE_GET_ROLLUP, "iiiii", rollup_grains[key->grain], (int64_t)key->level, key->t,
              key->app, key->integration);
    sqlite3_stmt *stored = state_next(state, STATE_GET_ROLLUP);
    if (!stored)
        return;
    row->counts.started = column_number(stored, 0);
    for (int outcome = OUTCOME_COMPLETED; outcome < OUTCOME_COUNT; outcome++)
        row->counts.outcomes[outcome] = column_number(stored, outcome);
    if (!sketch_add_encoded(&row->times, column_text(stored, 5)))
        state_fail(state, RC_CORRUPT, "the read model holds a damaged histogram");
    state_done(state, STATE_GET_ROLLUP);
}

static void write_row(struct state *state, const struct change *key, const struct row *row, struct buf *times)
{
    const struct rollup_counts *counts = &row->counts;
    if (counts->started == 0) {
        state_run(state, STATE_DROP_ROLLUP, "iiiii", rollup_grains[key->grain], (int64_t)key->level, key->t,
                  key->app, key->integration);
        return;
    }
    buf_clear(times);
    sketch_encode(&row->times, times);
    if (buf_failed(times))
        state_fail(state, RC_NO_MEMORY, "memory ran out");
    state_run(state, STATE_SET_ROLLUP, "iiiiiiiiiib", rollup_grains[key->grain], (int64_t)key->level, key->t,
              key->app, key->integration, counts->started, counts->outcomes[OUTCOME_COMPLETED],
              counts->outcomes[OUTCOME_FAILED], counts->outcomes[OUTCOME_EXPIRED],
              counts->outcomes[OUTCOME_ABANDONED], buf_slice(times));
}

static void apply(struct row *row, const struct change *change)
{
    row->counts.started += change->count;
    row->counts.outcomes[change->outcome] += change->count;
    if (change->bucket >= 0)
        row->times.counts[change->bucket] += change->count;
}

void rollup_flush(struct rollup *rollup, struct state *state)
{
    struct buf times = BUF_INIT;
    struct change *changes = (struct change *)(void *)rollup->changes.ptr;
    size_t count = rollup->changes.len / sizeof *changes;
    if (buf_failed(&rollup->changes))
        state_fail(state, RC_NO_MEMORY, "memory ran out");
    if (count > 0)
        qsort(changes, count, sizeof *changes, compare_changes);
    for (size_t i = 0; i < count && !state_failed(state);) {
        struct row row;
        const struct change *key = &changes[i];
        read_row(state, key, &row);
        for (; i < count && compare_rows(key, &changes[i]) == 0; i++)
            apply(&row, &changes[i]);
        write_row(state, key, &row, &times);
    }
    buf_cleanup(&times);
    rollup_forget(rollup);
}
