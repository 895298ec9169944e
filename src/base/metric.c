#include "base/metric.h"

#include <stdatomic.h>

static const double LATENCY_BOUNDS[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                        0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};
static const double BATCH_BOUNDS[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};

#define METRIC_ROW(name, kind, exported, label, help) [name] = {kind, exported, label, help},
static const struct metric_row METRICS[METRIC_COUNT] = {METRIC_TABLE(METRIC_ROW)};
#undef METRIC_ROW

#define HISTOGRAM_ROW(name, exported, help, bounds)                                                          \
    [name] = {exported, help, bounds, sizeof(bounds) / sizeof(double)},
static const struct histogram_row HISTOGRAMS[HISTOGRAM_COUNT] = {HISTOGRAM_TABLE(HISTOGRAM_ROW)};
#undef HISTOGRAM_ROW

#define FAMILY_ROW(name, exported, kind, labels, help) [name] = {exported, kind, labels, help},
static const struct family_row FAMILIES[FAMILY_COUNT] = {FAMILY_TABLE(FAMILY_ROW)};
#undef FAMILY_ROW

struct histogram_cells {
    _Atomic uint64_t counts[HISTOGRAM_MAX_BOUNDS + 1];
    _Atomic uint64_t sum_micros; /* the sum times 10^6, so that an add is one atomic */
};

static _Atomic int64_t values[METRIC_COUNT];
static struct histogram_cells cells[HISTOGRAM_COUNT];

void metric_add(enum metric metric, int64_t n)
{
    atomic_fetch_add_explicit(&values[metric], n, memory_order_relaxed);
}

void metric_set(enum metric metric, int64_t value)
{
    atomic_store_explicit(&values[metric], value, memory_order_relaxed);
}

int64_t metric_get(enum metric metric)
{
    return atomic_load_explicit(&values[metric], memory_order_relaxed);
}

const struct metric_row *metric_row(enum metric metric)
{
    return &METRICS[metric];
}

const struct family_row *family_row(enum family family)
{
    return &FAMILIES[family];
}

const struct histogram_row *histogram_row(enum histogram histogram)
{
    return &HISTOGRAMS[histogram];
}

void histogram_observe(enum histogram histogram, double value)
{
    const struct histogram_row *row = &HISTOGRAMS[histogram];
    size_t i = 0;
    while (i < row->bound_count && value > row->bounds[i])
        i++;
    atomic_fetch_add_explicit(&cells[histogram].counts[i], 1, memory_order_relaxed);
    /* The limits keep the conversion defined, whatever a clock that jumps makes of a duration. */
    double limited = value > 0 ? (value < 1e9 ? value : 1e9) : 0;
    uint64_t micros = (uint64_t)(limited * 1e6 + 0.5);
    atomic_fetch_add_explicit(&cells[histogram].sum_micros, micros, memory_order_relaxed);
}

void histogram_observe_usec(enum histogram histogram, usec duration)
{
    histogram_observe(histogram, (double)duration / 1e6);
}

void histogram_get(enum histogram histogram, struct histogram_values *ret)
{
    ret->count = 0;
    for (size_t i = 0; i <= HISTOGRAM_MAX_BOUNDS; i++) {
        ret->counts[i] = atomic_load_explicit(&cells[histogram].counts[i], memory_order_relaxed);
        ret->count += ret->counts[i];
    }
    ret->sum = (double)atomic_load_explicit(&cells[histogram].sum_micros, memory_order_relaxed) / 1e6;
}
